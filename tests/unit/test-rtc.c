/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Goldfish clock, and -rtc. */
#include "hw-test.h"

#include <time.h>

#include "hw/core/rtc.h"
#include "hw/timer/goldfish_rtc.h"

enum { RTC = 0x101000, RTC2 = 0x201000 };
#define S 1000000000ull

static TestMachine *machine(const char *base)
{
    TestMachine *t = test_machine(0);

    t->m->config.rtc_base = g_strdup(base);
    t->m->config.rtc_clock = CLOCK_VIRTUAL;
    return t;
}

static uint64_t now(TestMachine *t, hwaddr base)
{
    uint64_t low = test_rd(t, base, 4);

    return test_rd(t, base + 4, 4) << 32 | low;
}

static void alarm_at(TestMachine *t, hwaddr base, uint64_t ns)
{
    test_wr(t, base + 0x0c, 4, ns >> 32);
    test_wr(t, base + 0x08, 4, (uint32_t)ns);
}

static void starts_at_base_and_runs_with_its_clock(void)
{
    g_autoptr(TestMachine) t = machine("2000-01-01T00:00:01");

    test_place(device_new_board(t->m, &goldfish_rtc_type), RTC, NULL);
    g_assert_cmpuint(now(t, RTC), ==, 946684801 * S);
    test_clock_step(t, 123456789);
    g_assert_cmpuint(now(t, RTC), ==, 946684801 * S + 123456789);
}

static void high_half_is_latched_by_the_low_one(void)
{
    g_autoptr(TestMachine) t = machine("1970-01-01");

    test_place(device_new_board(t->m, &goldfish_rtc_type), RTC, NULL);
    test_clock_step(t, 0xffffffff);
    g_assert_cmphex(test_rd(t, RTC, 4), ==, 0xffffffff);
    test_clock_step(t, 1);
    g_assert_cmphex(test_rd(t, RTC + 4, 4), ==, 0);
    g_assert_cmphex(now(t, RTC), ==, 0x100000000);
}

static void guest_sets_the_time(void)
{
    g_autoptr(TestMachine) t = machine("1970-01-01");
    DeviceState *dev = device_new_board(t->m, &goldfish_rtc_type);

    test_place(dev, RTC, NULL);
    test_wr(t, RTC + 4, 4, 7);
    test_wr(t, RTC, 4, 9);
    test_clock_step(t, 1);
    g_assert_cmphex(now(t, RTC), ==, 0x70000000a);
    device_reset(dev);
    g_assert_cmphex(now(t, RTC), ==, 0x70000000a); /* a clock, not state */
}

static void alarm_interrupts_until_cleared(void)
{
    g_autoptr(TestMachine) t = machine("1970-01-01");
    TestWires w = { 0 };

    test_place(device_new_board(t->m, &goldfish_rtc_type), RTC, &w);
    test_wr(t, RTC + 0x10, 4, 1);
    alarm_at(t, RTC, 5 * S);
    g_assert_cmphex(test_rd(t, RTC + 0x18, 4), ==, 1);
    test_clock_step(t, 5 * S - 1);
    g_assert_false(w.level[0]);
    test_clock_step(t, 1);
    g_assert_true(w.level[0]);
    g_assert_cmphex(test_rd(t, RTC + 0x18, 4), ==, 0);
    test_wr(t, RTC + 0x10, 4, 0);
    g_assert_false(w.level[0]); /* masked, still pending */
    test_wr(t, RTC + 0x10, 4, 1);
    g_assert_true(w.level[0]);
    test_wr(t, RTC + 0x1c, 4, 1);
    g_assert_false(w.level[0]);
    alarm_at(t, RTC, 1 * S); /* in the past: at once */
    g_assert_true(w.level[0]);
    test_wr(t, RTC + 0x1c, 4, 1);
    alarm_at(t, RTC, 9 * S);
    test_wr(t, RTC + 0x14, 4, 1); /* disarmed */
    test_clock_step(t, 20 * S);
    g_assert_false(w.level[0]);
}

static void high_half_takes_effect_with_the_low_one(void)
{
    g_autoptr(TestMachine) t = machine("1970-01-01");
    TestWires w = { 0 };

    test_place(device_new_board(t->m, &goldfish_rtc_type), RTC, &w);
    test_wr(t, RTC + 0x10, 4, 1);
    alarm_at(t, RTC, 1000);
    test_wr(t, RTC + 0x0c, 4, 5); /* the next alarm's; the first stands */
    test_clock_step(t, 1000);
    g_assert_true(w.level[0]);
}

static void far_alarms_stay_armed(void)
{
    g_autoptr(TestMachine) t = machine("1970-01-01");
    TestWires w = { 0 };

    test_place(device_new_board(t->m, &goldfish_rtc_type), RTC, &w);
    test_wr(t, RTC + 0x10, 4, 1);
    alarm_at(t, RTC, UINT64_MAX);
    test_clock_step(t, INT64_C(1) << 40);
    g_assert_cmphex(test_rd(t, RTC + 0x18, 4), ==, 1);
    g_assert_false(w.level[0]);
    test_wr(t, RTC + 4, 4, UINT32_MAX); /* the clock just below it */
    test_wr(t, RTC, 4, UINT32_MAX - 9);
    test_clock_step(t, 8);
    g_assert_cmphex(test_rd(t, RTC + 0x18, 4), ==, 1);
    test_clock_step(t, 1);
    g_assert_true(w.level[0]);
}

static void state_moves_with_an_alarm_set(void)
{
    g_autoptr(TestMachine) t = machine("1970-01-01");
    DeviceState *a = device_new_board(t->m, &goldfish_rtc_type);
    DeviceState *b = device_new_board(t->m, &goldfish_rtc_type);
    TestWires w = { 0 };

    test_place(a, RTC, NULL);
    test_place(b, RTC2, &w);
    test_wr(t, RTC + 4, 4, 100);
    test_wr(t, RTC, 4, 0);
    test_wr(t, RTC + 0x10, 4, 1);
    alarm_at(t, RTC, (100ull << 32) + 50);
    test_migrate(a, b);
    test_clock_step(t, 49);
    g_assert_false(w.level[0]);
    test_clock_step(t, 1);
    g_assert_true(w.level[0]);
    g_assert_cmphex(now(t, RTC2), ==, (100ull << 32) + 50);
}

static void rtc_option_is_checked(void)
{
    static const char *const bad[] = { "yesterday", "2000-13-01", "2000-01-01T",
                                       "2000-01-01 00:00:00" };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autoptr(TestMachine) t = machine(bad[i]);
        Error *err = NULL;

        g_assert_false(
            device_realize(device_new_board(t->m, &goldfish_rtc_type), &err));
        error_free(err);
    }
}

static void utc_on_the_hosts_clock_is_the_hosts_time(void)
{
    g_autoptr(TestMachine) t = test_machine(0);

    test_place(device_new_board(t->m, &goldfish_rtc_type), RTC, NULL);
    g_assert_cmpint(ABS((int64_t)(now(t, RTC) / S) - (int64_t)time(NULL)), <=,
                    1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/rtc/" #f, f)
    T(starts_at_base_and_runs_with_its_clock);
    T(high_half_is_latched_by_the_low_one);
    T(guest_sets_the_time);
    T(alarm_interrupts_until_cleared);
    T(high_half_takes_effect_with_the_low_one);
    T(far_alarms_stay_armed);
    T(state_moves_with_an_alarm_set);
    T(rtc_option_is_checked);
    T(utc_on_the_hosts_clock_is_the_hosts_time);
    return g_test_run();
}
