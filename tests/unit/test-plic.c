/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PLIC against RISC-V PLIC 1.0.0; addresses are the specification's. */
#include "hw-test.h"

#include "hw/intc/plic.h"

enum { BASE = 0x0c000000, BASE2 = 0x0e000000 };

static DeviceState *make(TestMachine *t, hwaddr base, const char *harts,
                         const char *edges, TestWires *w)
{
    DeviceState *dev = device_new_board(t->m, &plic_type);

    object_set_str(dev, "hart-config", harts);
    if (edges) {
        object_set_str(dev, "edge-sources", edges);
    }
    test_place(dev, base, w);
    return dev;
}

static void priority(TestMachine *t, unsigned source, unsigned value)
{
    test_wr(t, BASE + 4 * source, 4, value);
}

static void enable(TestMachine *t, unsigned ctx, unsigned word, uint32_t bits)
{
    test_wr(t, BASE + 0x2000 + 0x80 * ctx + 4 * word, 4, bits);
}

static unsigned claim(TestMachine *t, unsigned ctx)
{
    return (unsigned)test_rd(t, BASE + 0x200004 + 0x1000 * ctx, 4);
}

static void complete(TestMachine *t, unsigned ctx, unsigned source)
{
    test_wr(t, BASE + 0x200004 + 0x1000 * ctx, 4, source);
}

static void threshold(TestMachine *t, unsigned ctx, unsigned value)
{
    test_wr(t, BASE + 0x200000 + 0x1000 * ctx, 4, value);
}

static void level_interrupt_is_claimed_and_comes_again_while_high(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "MS", NULL, &w);

    priority(t, 10, 1);
    enable(t, 1, 0, 1u << 10);
    device_irq_in(dev, 10, true);
    g_assert_true(w.level[1]);
    g_assert_false(w.level[0]); /* not enabled for context 0 */
    g_assert_cmphex(test_rd(t, BASE + 0x1000, 4), ==, 1u << 10);
    g_assert_cmpuint(claim(t, 1), ==, 10);
    g_assert_false(w.level[1]);
    g_assert_cmpuint(claim(t, 1), ==, 0);
    complete(t, 1, 10);
    g_assert_true(w.level[1]); /* the line is still high */
    g_assert_cmpuint(claim(t, 1), ==, 10);
    device_irq_in(dev, 10, false);
    complete(t, 1, 10);
    g_assert_false(w.level[1]);
}

static void a_monitor_sees_what_is_in_flight(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    g_autoptr(GString) text = g_string_new(NULL);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "MS", NULL, &w);

    threshold(t, 0, 7);
    priority(t, 10, 1);
    enable(t, 0, 0, 1u << 10);
    enable(t, 1, 0, 1u << 10 | 1u << 3);
    device_irq_in(dev, 10, true);
    claim(t, 1);
    device_irq_in(dev, 40, true);
    plic_type.describe(dev, text);
    g_assert_nonnull(strstr(
        text->str, "  context 0: hart=0 mode=M threshold=7\n"
                   "  context 1: hart=0 mode=S threshold=0\n"
                   "  source 3: priority=0 contexts=1\n"
                   "  source 10: priority=1 contexts=0,1 high claimed\n"
                   "  source 40: priority=0 contexts=none high pending\n"));
}

static void level_that_falls_before_the_claim_stays_pending(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "MS", NULL, &w);

    priority(t, 3, 1);
    enable(t, 0, 0, 1u << 3);
    device_irq_in(dev, 3, true);
    device_irq_in(dev, 3, false);
    g_assert_cmpuint(claim(t, 0), ==, 3);
    complete(t, 0, 3);
    g_assert_cmpuint(claim(t, 0), ==, 0);
}

static void highest_priority_first_then_lowest_number(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "M", NULL, &w);

    priority(t, 5, 2);
    priority(t, 6, 7);
    priority(t, 40, 7);
    enable(t, 0, 0, 1u << 5 | 1u << 6);
    enable(t, 0, 1, 1u << 8);
    for (int n = 0; n < 96; n++) {
        device_irq_in(dev, n, n == 5 || n == 6 || n == 40);
    }
    g_assert_cmpuint(claim(t, 0), ==, 6);
    g_assert_cmpuint(claim(t, 0), ==, 40);
    g_assert_cmpuint(claim(t, 0), ==, 5);
    g_assert_cmpuint(claim(t, 0), ==, 0);
}

static void threshold_masks_the_line_but_not_the_claim(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "M", NULL, &w);

    priority(t, 5, 2);
    enable(t, 0, 0, 1u << 5);
    threshold(t, 0, 2);
    device_irq_in(dev, 5, true);
    g_assert_false(w.level[0]);
    threshold(t, 0, 1);
    g_assert_true(w.level[0]);
    threshold(t, 0, 7);
    g_assert_cmpuint(claim(t, 0), ==, 5); /* PLIC 6 */
}

static void priority_zero_never_interrupts(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "M", NULL, &w);

    enable(t, 0, 0, 1u << 5);
    device_irq_in(dev, 5, true);
    g_assert_false(w.level[0]);
    g_assert_cmpuint(claim(t, 0), ==, 0);
}

static void completion_of_a_disabled_source_is_ignored(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "M", NULL, &w);

    priority(t, 5, 1);
    enable(t, 0, 0, 1u << 5);
    device_irq_in(dev, 5, true);
    g_assert_cmpuint(claim(t, 0), ==, 5);
    enable(t, 0, 0, 0);
    complete(t, 0, 5);
    complete(t, 0, 0xffffffff);
    enable(t, 0, 0, 1u << 5);
    g_assert_false(w.level[0]); /* still in service */
    complete(t, 0, 5);
    g_assert_true(w.level[0]);
}

static void edge_source_keeps_one_edge_while_in_service(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "M", "4,7-8", &w);

    priority(t, 7, 1);
    enable(t, 0, 0, 1u << 7);
    device_irq_in(dev, 7, true);
    g_assert_cmpuint(claim(t, 0), ==, 7);
    complete(t, 0, 7);
    g_assert_false(w.level[0]); /* high, but no new edge */
    device_irq_in(dev, 7, false);
    device_irq_in(dev, 7, true);
    g_assert_cmpuint(claim(t, 0), ==, 7);
    for (int i = 0; i < 3; i++) {
        device_irq_in(dev, 7, false);
        device_irq_in(dev, 7, true);
    }
    complete(t, 0, 7);
    g_assert_cmpuint(claim(t, 0), ==, 7);
    complete(t, 0, 7);
    g_assert_cmpuint(claim(t, 0), ==, 0);
}

static void registers_keep_only_what_exists(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };

    make(t, BASE, "MS,MS", NULL, &w);
    priority(t, 0, 7);
    g_assert_cmphex(test_rd(t, BASE, 4), ==, 0); /* source 0 */
    priority(t, 1, 0xff);
    g_assert_cmphex(test_rd(t, BASE + 4, 4), ==, 7); /* 3 bits, WARL */
    enable(t, 3, 0, 0xffffffff);
    g_assert_cmphex(test_rd(t, BASE + 0x2180, 4), ==, 0xfffffffe);
    test_wr(t, BASE + 0x1000, 4, 0xffffffff); /* pending is read-only */
    g_assert_cmphex(test_rd(t, BASE + 0x1000, 4), ==, 0);
    test_wr(t, BASE + 0x2200, 4, 1); /* a context too many */
    g_assert_cmphex(test_rd(t, BASE + 0x2200, 4), ==, 0);
    g_assert_cmphex(test_rd(t, BASE + 0x204000, 4), ==, 0);
}

static void state_moves_in_the_middle_of_service(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 }, w2 = { 0 };
    DeviceState *dev = make(t, BASE, "MS", "7", &w);
    DeviceState *dev2 = make(t, BASE2, "MS", "7", &w2);

    priority(t, 5, 3);
    priority(t, 7, 4);
    enable(t, 1, 0, 1u << 5 | 1u << 7);
    device_irq_in(dev, 5, true);
    device_irq_in(dev, 7, true);
    g_assert_cmpuint(claim(t, 1), ==, 7);
    device_irq_in(dev, 7, false);
    device_irq_in(dev, 7, true);
    test_migrate(dev, dev2);
    g_assert_true(w2.level[1]);
    g_assert_cmpuint(test_rd(t, BASE2 + 0x201004, 4), ==, 5);
    test_wr(t, BASE2 + 0x201004, 4, 7); /* complete: the kept edge comes */
    g_assert_cmpuint(test_rd(t, BASE2 + 0x201004, 4), ==, 7);
}

static void reset_forgets_but_a_high_line_asks_again(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make(t, BASE, "M", NULL, &w);

    priority(t, 5, 1);
    enable(t, 0, 0, 1u << 5);
    device_irq_in(dev, 5, true);
    device_reset(dev);
    g_assert_false(w.level[0]);
    g_assert_cmphex(test_rd(t, BASE + 0x1000, 4), ==, 1u << 5);
    g_assert_cmphex(test_rd(t, BASE + 20, 4), ==, 0);
}

static void bad_properties_are_refused(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    static const char *const bad[][2] = {
        { "hart-config", "MX" },     { "hart-config", "" },
        { "num-sources", "5000" },   { "num-sources", "1" },
        { "num-priorities", "0" },   { "edge-sources", "0" },
        { "edge-sources", "9-200" }, { "aperture-size", "4096" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        DeviceState *dev = device_new_board(t->m, &plic_type);
        Error *err = NULL;

        object_set_str(dev, "hart-config", "MS");
        g_assert_true(object_set_text(dev, bad[i][0], bad[i][1], &err));
        g_assert_false(device_realize(dev, &err));
        g_assert_nonnull(err);
        error_free(err);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/plic/" #f, f)
    T(level_interrupt_is_claimed_and_comes_again_while_high);
    T(a_monitor_sees_what_is_in_flight);
    T(level_that_falls_before_the_claim_stays_pending);
    T(highest_priority_first_then_lowest_number);
    T(threshold_masks_the_line_but_not_the_claim);
    T(priority_zero_never_interrupts);
    T(completion_of_a_disabled_source_is_ignored);
    T(edge_source_keeps_one_edge_while_in_service);
    T(registers_keep_only_what_exists);
    T(state_moves_in_the_middle_of_service);
    T(reset_forgets_but_a_high_line_asks_again);
    T(bad_properties_are_refused);
    return g_test_run();
}
