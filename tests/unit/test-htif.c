/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTIF and the test finisher: console, system call block, exit status. */
#include "hw-test.h"

#include "hw/char/htif.h"
#include "hw/misc/sifive_test.h"

enum { TOHOST = 0x80001000, FROMHOST = 0x80001040, TOHOST2 = 0x80002000 };

static DeviceState *make(TestMachine *t, const char *chr, hwaddr tohost)
{
    DeviceState *dev = device_new_board(t->m, &htif_type);

    object_set_str(dev, "chardev", chr);
    test_place(dev, tohost, NULL);
    device_map(dev, 1, tohost + FROMHOST - TOHOST);
    return dev;
}

static void putc_waits_while_the_host_is_full(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestChardev *c = test_chardev(t, "c0");

    make(t, "c0", TOHOST);
    test_wr(t, TOHOST, 8, 0x0101000000000000 | 'a');
    test_loop(t);
    g_assert_cmphex(test_rd(t, TOHOST, 8), ==, 0);
    c->room = 0;
    test_wr(t, TOHOST, 8, 0x0101000000000000 | 'b');
    test_loop(t);
    g_assert_cmphex(test_rd(t, TOHOST, 8), !=, 0);
    g_assert_cmpstr(c->out->str, ==, "a");
    c->room = 1;
    chardev_writable(&c->parent);
    g_assert_cmphex(test_rd(t, TOHOST, 8), ==, 0);
    g_assert_cmpstr(c->out->str, ==, "ab");
}

static void getc_answers_when_a_character_comes(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestChardev *c = test_chardev(t, "c0");

    make(t, "c0", TOHOST);
    test_wr(t, TOHOST, 8, 0x0100000000000000);
    test_loop(t);
    g_assert_cmphex(test_rd(t, FROMHOST, 8), ==, 0);
    test_type(c, "xy");
    g_assert_cmphex(test_rd(t, FROMHOST, 8), ==, 0x0100000000000100 | 'x');
    g_assert_cmpuint(c->in->len, ==, 0); /* y waits in the device */
    test_wr(t, FROMHOST, 8, 0);
    g_assert_cmphex(test_rd(t, FROMHOST, 8), ==, 0); /* nobody asked */
    test_wr(t, TOHOST, 8, 0x0100000000000000);
    test_loop(t);
    g_assert_cmphex(test_rd(t, FROMHOST, 8) & 0xff, ==, 'y');
}

static void odd_payload_ends_with_its_status(void)
{
    static const struct {
        uint64_t value;
        unsigned halves; /* 0: one 64-bit store; 2: both; 1: low twice */
        int code;
    } cases[] = { { 1, 0, 0 }, { 7, 0, 3 }, { 0x55, 2, 42 }, { 9, 1, 4 } };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(TestMachine) t = test_machine(0);

        test_chardev(t, "c0");
        make(t, "c0", TOHOST);
        if (cases[i].halves == 0) {
            test_wr(t, TOHOST, 8, cases[i].value);
        } else {
            test_wr(t, TOHOST, 4, cases[i].value);
            test_loop(t);
            if (cases[i].halves == 2) {
                test_wr(t, TOHOST + 4, 4, 0);
            } else {
                test_wr(t, TOHOST, 4, cases[i].value);
            }
        }
        test_loop(t);
        g_assert_true(t->m->exiting);
        g_assert_cmpint(t->m->exit_code, ==, cases[i].code);
    }
}

static void system_call_block_writes_and_hostile_ones_do_no_harm(void)
{
    g_autoptr(TestMachine) t = test_machine(0x10000);
    TestChardev *c = test_chardev(t, "c0");
    const uint64_t call[4] = { 64, 1, 0x2000, 5 };

    make(t, "c0", TOHOST);
    address_space_write(&t->m->memory, 0x2000, MEM_ATTRS_CPU, "hello", 5);
    for (int i = 0; i < 4; i++) {
        test_wr(t, 0x1000 + 8 * i, 8, call[i]);
    }
    test_wr(t, TOHOST, 8, 0x1000);
    test_loop(t);
    g_assert_cmpstr(c->out->str, ==, "hello");
    g_assert_cmphex(test_rd(t, 0x1000, 8), ==, 5);
    g_assert_cmphex(test_rd(t, FROMHOST, 8), ==, 1);

    test_wr(t, 0x1000, 8, 64);
    test_wr(t, 0x1018, 8, UINT64_MAX); /* a huge length: cut, then no memory */
    test_wr(t, TOHOST, 8, 0x1000);
    test_loop(t);
    g_assert_cmphex(test_rd(t, 0x1000, 8), ==, (uint64_t)-EFAULT);
    test_wr(t, 0x1000, 8, 1234);
    test_wr(t, TOHOST, 8, 0x1000);
    test_loop(t);
    g_assert_cmphex(test_rd(t, 0x1000, 8), ==, (uint64_t)-ENOSYS);
    test_wr(t, TOHOST, 8, 0x70000000); /* no memory there */
    test_loop(t);
    test_wr(t, TOHOST, 8, TOHOST); /* on itself */
    test_loop(t);
    test_wr(t, TOHOST, 8, 0x7700000000000000); /* no such device */
    test_loop(t);
    g_assert_false(t->m->exiting);
}

static void state_moves_with_output_waiting(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestChardev *c = test_chardev(t, "c0"), *c2 = test_chardev(t, "c1");
    DeviceState *a = make(t, "c0", TOHOST), *b = make(t, "c1", TOHOST2);

    c->room = c2->room = 0;
    test_type(c, "q");
    test_wr(t, TOHOST, 8, 0x0101000000000000 | 'z');
    test_loop(t);
    test_migrate(a, b);
    g_assert_cmphex(test_rd(t, TOHOST2, 8) & 0xff, ==, 'z');
    c2->room = 9;
    chardev_writable(&c2->parent);
    g_assert_cmpstr(c2->out->str, ==, "z");
    g_assert_cmphex(test_rd(t, TOHOST2, 8), ==, 0);
    test_wr(t, TOHOST2, 8, 0x0100000000000000);
    test_loop(t);
    g_assert_cmphex(test_rd(t, TOHOST2 + 0x40, 8) & 0xff, ==, 'q');
}

static void finisher_commands(void)
{
    static const struct {
        uint32_t value;
        int code;
        bool exits;
    } cases[] = {
        { 0x5555, 0, true },     { 0x3333, 0, true },
        { 0x00033333, 3, true }, { 0xffff3333, 0xffff, true },
        { 0xdead5555, 0, true }, { 0x1234, 0, false },
        { 0, 0, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(TestMachine) t = test_machine(0);

        test_place(device_new_board(t->m, &sifive_test_type), 0x100000, NULL);
        test_wr(t, 0x100000, 4, cases[i].value);
        test_loop(t);
        g_assert_cmpint(t->m->exiting, ==, cases[i].exits);
        g_assert_cmpint(t->m->exit_code, ==, cases[i].code);
        g_assert_cmphex(test_rd(t, 0x100000, 4), ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/htif/" #f, f)
    T(putc_waits_while_the_host_is_full);
    T(getc_answers_when_a_character_comes);
    T(odd_payload_ends_with_its_status);
    T(system_call_block_writes_and_hostile_ones_do_no_harm);
    T(state_moves_with_output_waiting);
    T(finisher_commands);
    return g_test_run();
}
