/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACLINT against its specification, 1.0-rc4; 10 MHz: 100 ns a tick. */
#include "hw-test.h"

#include "hw/intc/aclint.h"

enum { TIMER = 0x02004000, TIMER2 = 0x03004000, SWI = 0x02000000 };
enum { MTIME = TIMER + 0x7ff8 };

static DeviceState *make_timer(TestMachine *t, hwaddr base, TestWires *w)
{
    DeviceState *dev = device_new_board(t->m, &aclint_mtimer_type);

    object_set_u64(dev, "num-harts", 2);
    test_place(dev, base, w);
    return dev;
}

static void mtime_follows_the_virtual_clock(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *dev = make_timer(t, TIMER, NULL);

    g_assert_cmpuint(test_rd(t, MTIME, 8), ==, 0);
    test_clock_step(t, 1000000);
    g_assert_cmpuint(test_rd(t, MTIME, 8), ==, 10000);
    g_assert_cmpuint(test_rd(t, MTIME, 4), ==, 10000);
    g_assert_cmpuint(test_rd(t, MTIME + 4, 4), ==, 0);
    g_assert_cmpuint(aclint_time(aclint_mtimer_time_source(dev)), ==, 10000);
    test_wr(t, MTIME, 8, 0x1234567890ull);
    g_assert_cmphex(test_rd(t, MTIME, 8), ==, 0x1234567890ull);
    test_wr(t, MTIME + 4, 4, 0x77);
    g_assert_cmphex(test_rd(t, MTIME, 8), ==, 0x7734567890ull);
    test_clock_step(t, 100);
    g_assert_cmphex(test_rd(t, MTIME, 8), ==, 0x7734567891ull);
    device_reset(dev);
    g_assert_cmphex(test_rd(t, MTIME, 8), ==, 0);
}

static void mtip_rises_when_mtime_reaches_mtimecmp(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };

    make_timer(t, TIMER, &w);
    test_wr(t, TIMER + 8, 8, 50);
    test_clock_step(t, 4999);
    g_assert_false(w.level[1]);
    test_clock_step(t, 1);
    g_assert_true(w.level[1]);
    g_assert_false(w.level[0]);
    test_wr(t, TIMER + 8, 8, 51);
    g_assert_false(w.level[1]);
    test_clock_step(t, 100);
    g_assert_true(w.level[1]);
    test_wr(t, TIMER + 12, 4, 0xffffffff); /* high half: RV32's order */
    g_assert_false(w.level[1]);
    test_wr(t, TIMER + 8, 4, 10);
    test_wr(t, TIMER + 12, 4, 0);
    g_assert_true(w.level[1]);
    test_wr(t, MTIME, 8, 3); /* mtime goes back */
    g_assert_false(w.level[1]);
    test_clock_step(t, 700);
    g_assert_true(w.level[1]);
}

static void far_deadlines_neither_fire_nor_wrap(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = make_timer(t, TIMER, &w);
    AclintTimeSource *src = aclint_mtimer_time_source(dev);

    test_wr(t, TIMER, 8, UINT64_MAX);
    test_wr(t, TIMER + 8, 8, UINT64_MAX - 1);
    test_clock_step(t, INT64_C(1) << 40);
    g_assert_false(w.level[0] || w.level[1]);
    g_assert_cmpint(src->ops->deadline_ns(dev, UINT64_MAX), ==, INT64_MAX);
    g_assert_cmpint(src->ops->deadline_ns(dev, 0), <=, t->now_ns);
    g_assert_cmpint(
        src->ops->deadline_ns(dev, aclint_time(src) + 1) - t->now_ns, <=, 100);
}

static void odd_frequencies_never_wake_early(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = device_new_board(t->m, &aclint_mtimer_type);
    AclintTimeSource *src;

    object_set_u64(dev, "timebase-freq", 32768);
    test_place(dev, TIMER, &w);
    src = aclint_mtimer_time_source(dev);
    for (uint64_t ticks = 1; ticks < 100000; ticks = ticks * 3 + 1) {
        t->now_ns = 0;
        int64_t at = src->ops->deadline_ns(dev, ticks);

        t->now_ns = at;
        g_assert_cmpuint(aclint_time(src), >=, ticks);
        t->now_ns = at - 1;
        g_assert_cmpuint(aclint_time(src), <, ticks);
    }
}

static void count_jump(void *opaque)
{
    ++*(int *)opaque;
}

static void harts_hear_of_jumps(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *dev = make_timer(t, TIMER, NULL);
    int jumps = 0;
    AclintJump j = { count_jump, &jumps };

    g_ptr_array_add(aclint_mtimer_time_source(dev)->on_jump, &j);
    test_wr(t, MTIME, 8, 5);
    g_assert_cmpint(jumps, ==, 1);
    test_wr(t, TIMER, 8, 5);
    g_assert_cmpint(jumps, ==, 1);
}

static void timer_state_moves_with_a_deadline_set(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 }, w2 = { 0 };
    DeviceState *dev = make_timer(t, TIMER, &w);
    DeviceState *dev2 = make_timer(t, TIMER2, &w2);

    test_wr(t, MTIME, 8, 1000000);
    test_wr(t, TIMER, 8, 1000010);
    test_migrate(dev, dev2);
    test_clock_step(t, 999);
    g_assert_false(w2.level[0]);
    test_clock_step(t, 1);
    g_assert_true(w2.level[0]);
    g_assert_cmpuint(test_rd(t, TIMER2 + 0x7ff8, 8), ==, 1000010);
}

static void msip_is_a_level_a_hart(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 }, w2 = { 0 };
    DeviceState *dev = device_new_board(t->m, &aclint_swi_type);
    DeviceState *dev2 = device_new_board(t->m, &aclint_swi_type);

    object_set_u64(dev, "num-harts", 3);
    object_set_u64(dev2, "num-harts", 3);
    test_place(dev, SWI, &w);
    test_place(dev2, SWI + 0x10000, &w2);
    test_wr(t, SWI + 8, 4, 0xffffffff);
    g_assert_true(w.level[2]);
    g_assert_cmphex(test_rd(t, SWI + 8, 4), ==, 1); /* other bits are 0 */
    test_wr(t, SWI + 4, 4, 2);
    g_assert_false(w.level[1]);
    test_wr(t, SWI + 12, 4, 1); /* no such hart */
    g_assert_cmphex(test_rd(t, SWI + 12, 4), ==, 0);
    test_migrate(dev, dev2);
    g_assert_true(w2.level[2]);
    test_wr(t, SWI + 8, 4, 0);
    g_assert_false(w.level[2]);
    g_assert_true(w2.level[2]);
}

static void count_ipi(void *opaque, int n, bool level)
{
    *(int *)opaque += level;
}

/* A hart that dozes on an old one wakes. */
static void each_write_of_msip_is_an_ipi(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *dev = device_new_board(t->m, &aclint_swi_type);
    int ipis = 0;

    test_place(dev, SWI, NULL);
    device_connect_fn(dev, 0, count_ipi, &ipis, 0);
    test_wr(t, SWI, 4, 1);
    test_wr(t, SWI, 4, 1);
    g_assert_cmpint(ipis, ==, 2);
    test_wr(t, SWI, 4, 0);
    g_assert_cmpint(ipis, ==, 2);
}

static void setssip_is_an_edge_and_reads_zero(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    TestWires w = { 0 };
    DeviceState *dev = device_new_board(t->m, &aclint_swi_type);

    object_set_bool(dev, "sswi", true);
    test_place(dev, SWI, &w);
    test_wr(t, SWI, 4, 1);
    test_wr(t, SWI, 4, 1);
    test_wr(t, SWI, 4, 0);
    g_assert_cmpint(w.rises[0], ==, 2);
    g_assert_cmphex(test_rd(t, SWI, 4), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/aclint/" #f, f)
    T(mtime_follows_the_virtual_clock);
    T(mtip_rises_when_mtime_reaches_mtimecmp);
    T(far_deadlines_neither_fire_nor_wrap);
    T(odd_frequencies_never_wake_early);
    T(harts_hear_of_jumps);
    T(timer_state_moves_with_a_deadline_set);
    T(msip_is_a_level_a_hart);
    T(each_write_of_msip_is_an_ipi);
    T(setssip_is_an_edge_and_reads_zero);
    return g_test_run();
}
