/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entropy device against VIRTIO 1.2, 5.4. */
#include "virtio-test.h"

static void quota(Rig *r)
{
    object_set_u64(r->v, "max-bytes", 64);
    object_set_u64(r->v, "period", 1000);
}

static void buffers_are_filled(void)
{
    g_autoptr(Rig) r = rig_new(&virtio_rng_type, NULL);
    static const uint8_t zeros[4096];
    uint8_t data[4096];
    TestUsed u;

    rig_start(r, T_INDIRECT | T_EVENT_IDX, 1, 8);
    rig_send(r, &r->q[0], NULL, 0, sizeof(data));
    g_assert_true(rig_used(r, &r->q[0], 1, &u));
    g_assert_cmpuint(u.len, ==, sizeof(data));
    g_assert_true(rig_irq(r, NULL));
    rig_get(r, T_DATA + 0x10000, data, sizeof(data));
    g_assert_cmpint(memcmp(data, zeros, sizeof(data)), !=, 0);
}

/* 5.4.6.1: nothing to write into is nothing to do. */
static void buffers_to_read_come_back_empty(void)
{
    g_autoptr(Rig) r = rig_new(&virtio_rng_type, NULL);
    TestUsed u;

    rig_start(r, 0, 1, 8);
    rig_send(r, &r->q[0], "text", 4, 0);
    g_assert_true(rig_used(r, &r->q[0], 1, &u));
    g_assert_cmpuint(u.len, ==, 0);
}

static void max_bytes_is_for_a_period(void)
{
    g_autoptr(Rig) r = rig_new(&virtio_rng_type, quota);
    TestUsed u;

    rig_start(r, 0, 1, 8);
    rig_send(r, &r->q[0], NULL, 0, 100);
    g_assert_true(rig_used(r, &r->q[0], 1, &u));
    g_assert_cmpuint(u.len, ==, 64); /* fewer than asked: 5.4.6.2 */
    rig_send(r, &r->q[0], NULL, 0, 10);
    g_assert_false(rig_used(r, &r->q[0], 1, &u));
    test_clock_step(r->t, 999999999);
    test_loop(r->t);
    g_assert_false(rig_used(r, &r->q[0], 1, &u));
    test_clock_step(r->t, 1);
    test_loop(r->t);
    g_assert_true(rig_used(r, &r->q[0], 1, &u));
    g_assert_cmpuint(u.len, ==, 10);
}

static void reset_forgets_requests(void)
{
    g_autoptr(Rig) r = rig_new(&virtio_rng_type, quota);
    TestUsed u;

    rig_start(r, 0, 1, 8);
    rig_send(r, &r->q[0], NULL, 0, 64);
    rig_send(r, &r->q[0], NULL, 0, 64);
    rig_start(r, 0, 1, 8);
    test_clock_step(r->t, 2000000000);
    test_loop(r->t);
    g_assert_false(rig_used(r, &r->q[0], 1, &u));
    rig_send(r, &r->q[0], NULL, 0, 64);
    g_assert_true(rig_used(r, &r->q[0], 1, &u));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/virtio-rng/" #fn, fn)
    TEST(buffers_are_filled);
    TEST(buffers_to_read_come_back_empty);
    TEST(max_bytes_is_for_a_period);
    TEST(reset_forgets_requests);
    return g_test_run();
}
