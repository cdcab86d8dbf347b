/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550A against the PC16550D data sheet. */
#include "hw-test.h"

#include <fcntl.h>
#include <stdlib.h>

#include "hw/char/serial.h"

enum { UART = 0x10000000, UART2 = 0x20000000 };
enum {
    RBR = 0,
    THR = 0,
    IER = 1,
    IIR = 2,
    FCR = 2,
    LCR = 3,
    MCR = 4,
    LSR = 5,
    MSR = 6,
    SCR = 7
};

typedef struct Uart {
    TestMachine *t;
    TestChardev *chr;
    DeviceState *dev;
    TestWires w;
} Uart;

static DeviceState *place(TestMachine *t, const char *chr, hwaddr base,
                          TestWires *w)
{
    DeviceState *dev = device_new_board(t->m, &serial_mm_type);

    if (chr) {
        object_set_str(dev, "chardev", chr);
    }
    test_place(dev, base, w);
    return dev;
}

static Uart *uart_new(void)
{
    Uart *u = g_new0(Uart, 1);

    u->t = test_machine(0);
    u->chr = test_chardev(u->t, "chr0");
    u->dev = place(u->t, "chr0", UART, &u->w);
    return u;
}

static void uart_free(Uart *u)
{
    test_machine_free(u->t);
    g_free(u);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Uart, uart_free)

static unsigned rd(Uart *u, unsigned reg)
{
    return (unsigned)test_rd(u->t, UART + reg, 1);
}

static void wr(Uart *u, unsigned reg, unsigned v)
{
    test_wr(u->t, UART + reg, 1, v);
}

static void reset_values_are_the_sheets(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, LCR, 0x1b);
    wr(u, MCR, 0x0f);
    wr(u, IER, 0x0f);
    device_reset(u->dev);
    g_assert_cmphex(rd(u, IER), ==, 0);
    g_assert_cmphex(rd(u, IIR), ==, 1);
    g_assert_cmphex(rd(u, LCR), ==, 0);
    g_assert_cmphex(rd(u, MCR), ==, 0);
    g_assert_cmphex(rd(u, LSR), ==, 0x60);
    g_assert_cmphex(rd(u, MSR) & 0x0f, ==, 0);
    g_assert_false(u->w.level[0]);
}

static void divisor_and_scratch_hide_behind_dlab(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, SCR, 0xa5);
    wr(u, IER, 0x05);
    wr(u, LCR, 0x83);
    wr(u, 0, 0x34);
    wr(u, 1, 0x12);
    g_assert_cmphex(rd(u, 0), ==, 0x34);
    g_assert_cmphex(rd(u, 1), ==, 0x12);
    wr(u, LCR, 0x03);
    g_assert_cmphex(rd(u, IER), ==, 0x05);
    g_assert_cmphex(rd(u, SCR), ==, 0xa5);
    g_assert_cmpuint(u->chr->out->len, ==, 0);
    wr(u, LCR, 0x9b); /* 8 bits, even parity, 1 stop */
    wr(u, 0, 1);
    wr(u, 1, 0);
    g_assert_cmpint(u->chr->params.speed, ==, 115200);
    g_assert_cmpint(u->chr->params.parity, ==, 'E');
    g_assert_cmpint(u->chr->params.data_bits, ==, 8);
    g_assert_cmpint(u->chr->params.stop_bits, ==, 1);
}

static void transmit_interrupt_follows_the_holding_register(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, IER, 0x02); /* THR is empty: at once */
    g_assert_true(u->w.level[0]);
    g_assert_cmphex(rd(u, IIR), ==, 0x02);
    g_assert_false(u->w.level[0]); /* reading IIR acknowledged it */
    g_assert_cmphex(rd(u, IIR), ==, 0x01);
    wr(u, THR, 'x');
    g_assert_cmpstr(u->chr->out->str, ==, "x");
    g_assert_true(u->w.level[0]); /* empty again */
}

static void full_backend_shows_as_no_thre_and_nothing_is_lost(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, FCR, 0x01);
    wr(u, IER, 0x02);
    rd(u, IIR);
    u->chr->room = 3;
    for (int i = 0; i < 3 + 16; i++) {
        wr(u, THR, 'a' + i);
    }
    g_assert_cmphex(rd(u, LSR) & 0x60, ==, 0);
    wr(u, THR, '!'); /* the FIFO is full: the guest's mistake */
    g_assert_cmpstr(u->chr->out->str, ==, "abc");
    rd(u, IIR);
    g_assert_false(u->w.level[0]);
    u->chr->room = 10;
    chardev_writable(&u->chr->parent);
    g_assert_cmphex(rd(u, LSR) & 0x60, ==, 0);
    u->chr->room = 100;
    chardev_writable(&u->chr->parent);
    g_assert_cmpstr(u->chr->out->str, ==, "abcdefghijklmnopqrs");
    g_assert_cmphex(rd(u, LSR) & 0x60, ==, 0x60);
    g_assert_true(u->w.level[0]);
}

static void receive_without_fifos_takes_one_at_a_time(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, IER, 0x01);
    test_type(u->chr, "hi");
    g_assert_true(u->w.level[0]);
    g_assert_cmphex(rd(u, IIR), ==, 0x04);
    g_assert_cmpuint(u->chr->in->len, ==, 1); /* kept by the other side */
    g_assert_cmphex(rd(u, LSR), ==, 0x61);
    g_assert_cmphex(rd(u, RBR), ==, 'h');
    g_assert_cmphex(rd(u, RBR), ==, 'i');
    g_assert_cmphex(rd(u, LSR), ==, 0x60);
    g_assert_false(u->w.level[0]);
}

static void fifo_trigger_levels_and_time_out(void)
{
    static const struct {
        unsigned fcr, level;
    } cases[] = { { 0x01, 1 }, { 0x41, 4 }, { 0x81, 8 }, { 0xc1, 14 } };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(Uart) u = uart_new();

        wr(u, FCR, cases[i].fcr);
        wr(u, LCR, 0x83);
        wr(u, 0, 12); /* 9600 baud: a character is 1.0417 ms */
        wr(u, LCR, 0x03);
        wr(u, IER, 0x01);
        for (unsigned n = 1; n < cases[i].level; n++) {
            test_type(u->chr, "x");
        }
        g_assert_false(u->w.level[0]);
        test_clock_step(u->t, 4000000); /* 3.84 characters */
        g_assert_false(u->w.level[0]);
        test_clock_step(u->t, 200000);
        g_assert_cmpint(u->w.level[0], ==, cases[i].level > 1);
        if (cases[i].level > 1) {
            g_assert_cmphex(rd(u, IIR), ==, 0xcc); /* FIFOs on, time-out */
            rd(u, RBR);
            g_assert_cmphex(rd(u, IIR), ==, 0xc1);
            test_type(u->chr, "x");
        }
        test_type(u->chr, "x");
        g_assert_cmphex(rd(u, IIR), ==, 0xc4);
    }
}

static void fifo_takes_sixteen_and_no_more(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, FCR, 0xc1);
    test_type(u->chr, "0123456789abcdefghij");
    g_assert_cmpuint(u->chr->in->len, ==, 4);
    for (const char *p = "0123456789abcdefghij"; *p; p++) {
        g_assert_cmphex(rd(u, LSR) & 1, ==, 1);
        g_assert_cmphex(rd(u, RBR), ==, *p);
    }
    g_assert_cmphex(rd(u, LSR) & 3, ==, 0);
    test_type(u->chr, "zz");
    wr(u, FCR, 0xc3); /* clear the receiver */
    g_assert_cmphex(rd(u, LSR) & 1, ==, 0);
}

static void loopback_joins_data_and_modem_lines(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, MCR, 0x10);
    rd(u, MSR);
    g_assert_cmphex(rd(u, MSR), ==, 0);
    wr(u, MCR, 0x12); /* RTS -> CTS */
    g_assert_cmphex(rd(u, MSR), ==, 0x11);
    g_assert_cmphex(rd(u, MSR), ==, 0x10); /* deltas go with the read */
    wr(u, MCR, 0x1d); /* DTR -> DSR, OUT1 -> RI, OUT2 -> DCD */
    g_assert_cmphex(rd(u, MSR), ==, 0xeb); /* no TERI: RI rose */
    wr(u, MCR, 0x19);
    g_assert_cmphex(rd(u, MSR), ==, 0xa4); /* RI fell */
    wr(u, IER, 0x08);
    wr(u, MCR, 0x1b);
    g_assert_true(u->w.level[0]);
    g_assert_cmphex(rd(u, IIR), ==, 0x00);
    rd(u, MSR);
    g_assert_false(u->w.level[0]);

    wr(u, THR, 'L');
    test_type(u->chr, "outside");
    g_assert_cmpuint(u->chr->out->len, ==, 0);
    g_assert_cmphex(rd(u, LSR), ==, 0x61);
    wr(u, THR, 'M'); /* overrun: no FIFOs */
    g_assert_cmphex(rd(u, LSR), ==, 0x63);
    g_assert_cmphex(rd(u, LSR), ==, 0x61);
    g_assert_cmphex(rd(u, RBR), ==, 'M');
    wr(u, MCR, 0);
    g_assert_cmphex(rd(u, RBR), ==, 'o'); /* input flows again */
}

static void break_arrives_as_a_zero_with_bi_and_is_sent(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, FCR, 0x01);
    wr(u, IER, 0x04);
    test_type(u->chr, "a");
    chardev_event(&u->chr->parent, CHAR_BREAK);
    g_assert_false(u->w.level[0]);
    g_assert_cmphex(rd(u, LSR), ==, 0xe1); /* an error somewhere behind */
    g_assert_cmphex(rd(u, RBR), ==, 'a');
    g_assert_true(u->w.level[0]);
    g_assert_cmphex(rd(u, IIR), ==, 0xc6);
    g_assert_cmphex(rd(u, LSR), ==, 0xf1);
    g_assert_false(u->w.level[0]);
    g_assert_cmphex(rd(u, LSR), ==, 0x61);
    g_assert_cmphex(rd(u, RBR), ==, 0);
    wr(u, LCR, 0x43);
    wr(u, LCR, 0x03);
    g_assert_cmpint(u->chr->breaks, ==, 1);
}

static void no_backend_discards_and_never_hangs(void)
{
    g_autoptr(TestMachine) t = test_machine(0);

    place(t, NULL, UART, NULL);
    for (int i = 0; i < 100; i++) {
        test_wr(t, UART + THR, 1, 'x');
        g_assert_cmphex(test_rd(t, UART + LSR, 1), ==, 0x60);
    }
}

static void state_moves_with_both_fifos_half_full(void)
{
    g_autoptr(Uart) u = uart_new();
    TestChardev *chr2 = test_chardev(u->t, "chr1");
    TestWires w2 = { 0 };
    DeviceState *dev2 = place(u->t, "chr1", UART2, &w2);

    wr(u, FCR, 0xc1);
    wr(u, IER, 0x07);
    rd(u, IIR);
    u->chr->room = 0;
    chr2->room = 0;
    wr(u, THR, '1');
    wr(u, THR, '2');
    test_type(u->chr, "abc");
    test_migrate(u->dev, dev2);
    g_assert_false(w2.level[0]);
    test_clock_step(u->t, 10000000);
    g_assert_true(w2.level[0]); /* the time-out came along */
    g_assert_cmphex(test_rd(u->t, UART2 + IIR, 1), ==, 0xcc);
    g_assert_cmphex(test_rd(u->t, UART2 + RBR, 1), ==, 'a');
    chr2->room = 10;
    chardev_writable(&chr2->parent);
    g_assert_cmpstr(chr2->out->str, ==, "12");
    g_assert_cmpuint(u->chr->out->len, ==, 0);
}

/* What waits in the FIFO when its state is saved is said by one of the two,
 * and input is for the one that goes on. */
static void saved_output_is_not_said_here_as_well(void)
{
    g_autoptr(Uart) u = uart_new();

    wr(u, FCR, 0x01);
    wr(u, IER, 0x02);
    u->chr->room = 0;
    wr(u, THR, '1');
    wr(u, THR, '2');
    rd(u, IIR);
    machine_stop(u->t->m, RUN_STATE_PAUSED);
    machine_stop(u->t->m, RUN_STATE_FINISH_MIGRATE);
    u->chr->room = 10;
    chardev_writable(&u->chr->parent);
    test_type(u->chr, "a");
    machine_stop(u->t->m, RUN_STATE_POSTMIGRATE);
    chardev_writable(&u->chr->parent);
    g_assert_cmpuint(u->chr->out->len, ==, 0);
    g_assert_cmpuint(u->chr->in->len, ==, 1);
    g_assert_cmphex(rd(u, LSR), ==, 0);
    machine_stop(u->t->m, RUN_STATE_PAUSED); /* it stays after all */
    g_assert_cmpstr(u->chr->out->str, ==, "12");
    g_assert_cmphex(rd(u, LSR), ==, 0x61);
    g_assert_true(u->w.level[0]);
    g_assert_cmphex(rd(u, RBR), ==, 'a');
}

static void loaded_output_is_said_when_the_load_is_done(void)
{
    g_autoptr(Uart) u = uart_new();
    TestChardev *chr2 = test_chardev(u->t, "chr1");
    TestWires w2 = { 0 };
    DeviceState *dev2 = place(u->t, "chr1", UART2, &w2);

    wr(u, FCR, 0x01);
    wr(u, IER, 0x02);
    u->chr->room = 0;
    wr(u, THR, '1');
    wr(u, THR, '2');
    machine_stop(u->t->m, RUN_STATE_INMIGRATE);
    test_migrate(u->dev, dev2);
    g_assert_cmpuint(chr2->out->len, ==, 0);
    g_assert_false(w2.level[0]);
    machine_stop(u->t->m, RUN_STATE_PAUSED);
    g_assert_cmpstr(chr2->out->str, ==, "12");
    g_assert_true(w2.level[0]);
}

/* Nobody takes what waited for a peer that went, or the next one does. */
static void a_peer_that_goes_does_not_stall_the_transmitter(void)
{
    g_autoptr(Uart) u = uart_new();
    json_object *none = json_object_new_object();
    Chardev *fresh;

    wr(u, IER, 0x02);
    rd(u, IIR);
    u->chr->room = 0;
    wr(u, THR, '1');
    g_assert_cmphex(rd(u, LSR), ==, 0);
    g_assert_false(u->w.level[0]);
    chardev_event(&u->chr->parent, CHAR_CLOSED);
    g_assert_cmphex(rd(u, LSR), ==, 0x60);
    g_assert_true(u->w.level[0]);
    chardev_event(&u->chr->parent, CHAR_OPENED);
    wr(u, THR, '2');
    g_assert_cmphex(rd(u, LSR), ==, 0);
    fresh = chardev_change(u->t->m, "chr0", "test", none, NULL);
    json_object_put(none);
    g_assert_nonnull(fresh);
    g_assert_cmphex(rd(u, LSR), ==, 0x60);
    g_assert_cmpstr(((TestChardev *)fresh)->out->str, ==, "2");
    test_loop(u->t); /* the old one goes */
}

/* The same of a line that has no end but the terminal's own. */
static void a_terminal_that_hangs_up_does_not_stall_it(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    g_autofree char *text = NULL;

    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
        g_test_skip("no pseudo-terminals here");
        return;
    }
    text = g_strdup_printf("serial,id=tty,path=%s", ptsname(master));
    g_assert_nonnull(chardev_from_text(t->m, text, NULL));
    place(t, "tty", UART, NULL);
    while (test_rd(t, UART + LSR, 1) == 0x60) {
        test_wr(t, UART + THR, 1, 'x');
    }
    g_assert_cmphex(test_rd(t, UART + LSR, 1), ==, 0);
    close(master);
    for (int i = 0; i < 100 && test_rd(t, UART + LSR, 1) == 0; i++) {
        test_loop(t);
    }
    g_assert_cmphex(test_rd(t, UART + LSR, 1), ==, 0x60);
}

/* Input that waits for a slice's end has its place in the FIFO already. */
static void under_icount_no_input_overruns(void)
{
    const char *text = "a line that is longer than sixteen characters, twice";
    g_autoptr(TestMachine) t = test_machine(0);
    TestChardev *chr = test_chardev(t, "chr0");
    g_autoptr(GString) got = g_string_new(NULL);

    g_assert_true(event_gate_set_mode(t->m->gate, EVENT_ICOUNT, NULL));
    place(t, "chr0", UART, NULL);
    test_wr(t, UART + FCR, 1, 0x01);
    test_type(chr, text);
    g_assert_cmpuint(chr->in->len, ==, strlen(text) - 16);
    while (got->len < strlen(text)) {
        event_gate_run(t->m->gate);
        g_assert_cmphex(test_rd(t, UART + LSR, 1), ==, 0x61);
        while (test_rd(t, UART + LSR, 1) & 1) {
            g_string_append_c(got, (char)test_rd(t, UART + RBR, 1));
        }
    }
    g_assert_cmpstr(got->str, ==, text);
}

static void regshift_spreads_the_registers(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *dev = device_new_board(t->m, &serial_mm_type);

    object_set_u64(dev, "regshift", 2);
    test_place(dev, UART, NULL);
    test_wr(t, UART + (SCR << 2), 4, 0x5a);
    g_assert_cmphex(test_rd(t, UART + (SCR << 2), 4), ==, 0x5a);
    g_assert_cmphex(test_rd(t, UART + (LSR << 2), 4), ==, 0x60);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/serial/" #f, f)
    T(reset_values_are_the_sheets);
    T(divisor_and_scratch_hide_behind_dlab);
    T(transmit_interrupt_follows_the_holding_register);
    T(full_backend_shows_as_no_thre_and_nothing_is_lost);
    T(receive_without_fifos_takes_one_at_a_time);
    T(fifo_trigger_levels_and_time_out);
    T(fifo_takes_sixteen_and_no_more);
    T(loopback_joins_data_and_modem_lines);
    T(break_arrives_as_a_zero_with_bi_and_is_sent);
    T(no_backend_discards_and_never_hangs);
    T(state_moves_with_both_fifos_half_full);
    T(saved_output_is_not_said_here_as_well);
    T(loaded_output_is_said_when_the_load_is_done);
    T(a_peer_that_goes_does_not_stall_the_transmitter);
    T(a_terminal_that_hangs_up_does_not_stall_it);
    T(under_icount_no_input_overruns);
    T(regshift_spreads_the_registers);
    return g_test_run();
}
