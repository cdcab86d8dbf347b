/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtqueues against VIRTIO 1.2, 2.6 to 2.9: a driver of our own, good and
 * bad, and a device that echoes what it reads into what it may write. */
#include "virtio-test.h"

/* --- the device --- */

typedef struct Echo {
    VirtioDevice parent;
    bool hold; /* keep buffers in .held */
    GQueue held;
    unsigned seen; /* buffers taken */
} Echo;

static void echo_return(VirtqElement *e)
{
    g_autofree uint8_t *data = g_malloc(e->out_len + 1);
    size_t n = iov_to_buf(e->out, e->n_out, 0, data, e->out_len);

    n = iov_from_buf(e->in, e->n_in, 0, data, n);
    virtq_push(e->vq, e, (uint32_t)n);
    virtq_notify(e->vq);
    virtq_element_free(e);
}

static void echo_queue(VirtioDevice *v, VirtQueue *vq)
{
    Echo *s = (Echo *)v;
    VirtqElement *e;

    while ((e = virtq_pop(vq, sizeof(*e)))) {
        s->seen++;
        if (s->hold) {
            g_queue_push_tail(&s->held, e);
        } else {
            echo_return(e);
        }
    }
}

static void echo_reset(VirtioDevice *v)
{
    Echo *s = (Echo *)v;
    VirtqElement *e;

    while ((e = g_queue_pop_head(&s->held))) {
        virtq_detach(e->vq, e);
        virtq_element_free(e);
    }
}

static void echo_queue_reset(VirtioDevice *v, VirtQueue *vq)
{
    echo_reset(v);
}

static bool echo_start(VirtioDevice *v, Error **errp)
{
    virtio_add_queue(v, 256, echo_queue, NULL);
    virtio_add_queue(v, 8, echo_queue, NULL);
    return true;
}

static void echo_stop(VirtioDevice *v)
{
    echo_reset(v);
}

static const VmField echo_fields[] = {
    VM_CUSTOM(Echo, held, virtio_vm_elements),
    { 0 },
};
static const VmState echo_vmstate = { "echo", 1, echo_fields };

static const VirtioDeviceType echo_type = {
    .name = "echo",
    .parent = TYPE(virtio_device_type),
    .size = sizeof(Echo),
    .vmstate = &echo_vmstate,
    .user_creatable = true,
    .hotpluggable = true,
    .device_id = 42,
    .start = echo_start,
    .stop = echo_stop,
    .reset = echo_reset,
    .queue_reset = echo_queue_reset,
};

static void all_rings(Rig *r)
{
    object_set_bool(r->v, "packed", true);
    object_set_bool(r->v, "in_order", true);
}

static Rig *ring_rig(uint64_t features, unsigned size)
{
    Rig *r = rig_new(&echo_type, all_rings);

    rig_start(r, features, 2, size);
    return r;
}

static Echo *echo_of(Rig *r)
{
    return (Echo *)r->v;
}

/* One good request, and its end. */
static void works(Rig *r, unsigned queue)
{
    TestQueue *q = &r->q[queue];
    char back[6] = "";
    TestUsed u;

    rig_send(r, q, "hello", 5, 8);
    g_assert_true(rig_used(r, q, 2, &u));
    g_assert_cmpuint(u.id, ==, q->packed ? 7 : 0);
    g_assert_cmpuint(u.len, ==, 5);
    rig_get(r, T_DATA + 0x10000, back, 5);
    g_assert_cmpstr(back, ==, "hello");
}

/* 2.1.2: latched, told, nothing served; a reset heals. */
static void is_broken(Rig *r, uint64_t features, unsigned size)
{
    unsigned seen = echo_of(r)->seen, why;

    g_assert_cmphex(rig_status(r), ==, 15 | 64);
    rig_irq(r, &why);
    g_assert_cmphex(why & 2, ==, 2);
    rig_send(r, &r->q[1], "x", 1, 1);
    g_assert_cmpuint(echo_of(r)->seen, ==, seen);
    rig_start(r, features, 2, size);
    g_assert_cmphex(rig_status(r), ==, 15);
    works(r, 0);
}

/* --- good drivers --- */

static const uint64_t forms[] = {
    0,          T_INDIRECT | T_EVENT_IDX,
    T_PACKED,   T_PACKED | T_EVENT_IDX | T_INDIRECT,
    T_IN_ORDER, T_PACKED | T_IN_ORDER,
};

/* Indices wrap at 65536, laps of a packed ring flip its counters. */
static void rings_wrap_around(void)
{
    for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
        /* packed rings may have any size (2.8.10.1) */
        unsigned size = forms[f] & T_PACKED ? 5 : 4;
        g_autoptr(Rig) r = ring_rig(forms[f], size);
        unsigned laps = forms[f] & T_PACKED ? 40 : 66000 / 4;
        TestQueue *q = &r->q[0];
        TestUsed u;

        if (!q->packed) {
            split_desc(r, q->desc, 0, T_DATA, 3, 0, 0);
        }
        for (unsigned lap = 0; lap < laps; lap++) {
            for (unsigned i = 0; i < size; i++) {
                if (q->packed) {
                    packed_desc(r, q, T_DATA, 3, (uint16_t)i, 0);
                } else {
                    split_avail(r, q, 0);
                }
            }
            rig_kick(r, 0);
            for (unsigned i = 0; i < size; i++) {
                g_assert_true(rig_used(r, q, 1, &u));
                g_assert_cmpuint(u.id, ==, q->packed ? i : 0);
            }
            g_assert_false(rig_used(r, q, 1, &u));
        }
        g_assert_cmpuint(echo_of(r)->seen, ==, laps * size);
        works(r, 0);
    }
}

static void chains_of_every_form_are_read(void)
{
    for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
        g_autoptr(Rig) r = ring_rig(forms[f], 8);
        TestQueue *q = &r->q[0];
        char back[12] = "";
        TestUsed u;

        rig_put(r, T_DATA, "abcdefgh", 8);
        for (unsigned i = 0; i < 5; i++) { /* "ab", "", "cdefg", 3, 4 */
            static const uint32_t len[] = { 2, 0, 5, 3, 4 };
            static const unsigned at[] = { 0, 5, 2, 0x1000, 0x1003 };
            uint16_t flags =
                (uint16_t)((i < 4 ? D_NEXT : 0) | (i > 2 ? D_WRITE : 0));

            if (q->packed) {
                packed_desc(r, q, T_DATA + at[i], len[i], 9, flags);
            } else {
                split_desc(r, q->desc, 7 - i, T_DATA + at[i], len[i], flags,
                           (uint16_t)(6 - i));
            }
        }
        if (!q->packed) {
            split_avail(r, q, 7);
        }
        rig_kick(r, 0);
        g_assert_true(rig_used(r, q, 5, &u));
        g_assert_cmpuint(u.id, ==, q->packed ? 9 : 7);
        g_assert_cmpuint(u.len, ==, 7);
        rig_get(r, T_DATA + 0x1000, back, 11);
        g_assert_cmpstr(back, ==, "abcdefg");
        works(r, 0);
    }
}

/* A table may be longer than the ring (2.7.5.3). */
static void indirect_tables_hold_long_chains(void)
{
    static const uint64_t some[] = { T_INDIRECT, T_INDIRECT | T_PACKED };

    for (size_t f = 0; f < ARRAY_SIZE(some); f++) {
        g_autoptr(Rig) r = ring_rig(some[f], 4);
        TestQueue *q = &r->q[0];
        unsigned n = 1024;
        TestUsed u;

        for (unsigned i = 0; i < n; i++) {
            bool in = i >= n / 2;
            uint16_t flags = in ? D_WRITE : 0;

            rig_put(r, T_DATA + i, in ? "-" : "x", 1);
            if (q->packed) { /* 2.8.8: no links, ids mean nothing */
                put_desc(r, T_TABLE + 16 * i, T_DATA + i, 1, 0, flags);
            } else {
                split_desc(r, T_TABLE, i, T_DATA + i, 1,
                           (uint16_t)(flags | (i + 1 < n ? D_NEXT : 0)),
                           (uint16_t)(i + 1));
            }
        }
        if (q->packed) {
            packed_desc(r, q, T_TABLE, 16 * n, 3, D_INDIRECT);
        } else {
            split_desc(r, q->desc, 3, T_TABLE, 16 * n, D_INDIRECT, 0);
            split_avail(r, q, 3);
        }
        rig_kick(r, 0);
        g_assert_true(rig_used(r, q, 1, &u));
        g_assert_cmpuint(u.id, ==, 3);
        g_assert_cmpuint(u.len, ==, n / 2);
        g_assert_cmpuint(test_rd(r->t, T_DATA + n - 1, 1), ==, 'x');
        works(r, 0);
    }
}

/* 2.9: also when the device is done in another order. */
static void in_order_returns_in_order(void)
{
    static const uint64_t some[] = { T_IN_ORDER, T_IN_ORDER | T_PACKED };

    for (size_t f = 0; f < ARRAY_SIZE(some); f++) {
        g_autoptr(Rig) r = ring_rig(some[f], 8);
        TestQueue *q = &r->q[0];
        Echo *s = echo_of(r);
        VirtqElement *e[3];
        TestUsed u;

        s->hold = true;
        for (uint16_t i = 0; i < 3; i++) {
            if (q->packed) {
                packed_desc(r, q, T_DATA, 1, i, 0);
            } else {
                split_desc(r, q->desc, i, T_DATA, 1, 0, 0);
                split_avail(r, q, i);
            }
        }
        rig_kick(r, 0);
        for (int i = 0; i < 3; i++) {
            e[i] = g_queue_pop_head(&s->held);
        }
        echo_return(e[2]);
        echo_return(e[1]);
        g_assert_false(rig_used(r, q, 1, &u));
        echo_return(e[0]);
        for (unsigned i = 0; i < 3; i++) {
            g_assert_true(rig_used(r, q, 1, &u));
            g_assert_cmpuint(u.id, ==, i);
        }
    }
}

/* --- notifications --- */

/* Send and finish one buffer; was there an interrupt? */
static bool interrupts(Rig *r)
{
    TestQueue *q = &r->q[0];
    TestUsed u;

    rig_irq(r, NULL);
    if (q->packed) {
        packed_desc(r, q, T_DATA, 1, 0, 0);
    } else {
        split_desc(r, q->desc, 0, T_DATA, 1, 0, 0);
        split_avail(r, q, 0);
    }
    rig_kick(r, 0);
    g_assert_true(rig_used(r, q, 1, &u));
    return rig_irq(r, NULL);
}

/* One machine at a time: each holds its lock as long as it lives. */
static void flags_hold_off_interrupts(void)
{
    g_autoptr(Rig) r = ring_rig(0, 8);

    g_assert_true(interrupts(r)); /* 2.7.7 */
    test_wr(r->t, r->q[0].avail, 2, 1);
    g_assert_false(interrupts(r));
    test_wr(r->t, r->q[0].avail, 2, 0);
    g_assert_true(interrupts(r));
}

static void an_event_index_holds_off_interrupts(void)
{
    g_autoptr(Rig) r = ring_rig(T_EVENT_IDX, 8);

    interrupts(r);
    interrupts(r);
    test_wr(r->t, r->q[0].avail + 4 + 16, 2, 4); /* used_event */
    g_assert_false(interrupts(r));
    g_assert_false(interrupts(r));
    g_assert_true(interrupts(r));
    g_assert_false(interrupts(r));
}

static void a_packed_ring_holds_off_interrupts(void)
{
    g_autoptr(Rig) r = ring_rig(T_PACKED | T_EVENT_IDX, 8);

    test_wr(r->t, r->q[0].avail + 2, 2, 1); /* 2.8.10: off */
    g_assert_false(interrupts(r));
    test_wr(r->t, r->q[0].avail + 2, 2, 0);
    g_assert_true(interrupts(r));
    test_wr(r->t, r->q[0].avail, 2, 3 | 0x8000); /* slot 3, lap 1 */
    test_wr(r->t, r->q[0].avail + 2, 2, 2);
    g_assert_false(interrupts(r)); /* slot 2 */
    g_assert_true(interrupts(r));
    g_assert_false(interrupts(r));
}

/* The device says which buffer it wants to hear of: 2.7.10, 2.8.10. */
static void an_event_index_asks_for_notifications(void)
{
    g_autoptr(Rig) r = ring_rig(T_EVENT_IDX, 8);

    interrupts(r);
    g_assert_cmpuint(test_rd(r->t, r->q[0].used + 4 + 64, 2), ==, 1);
}

static void a_packed_ring_asks_for_notifications(void)
{
    g_autoptr(Rig) r = ring_rig(T_PACKED | T_EVENT_IDX, 8);

    interrupts(r);
    g_assert_cmphex(test_rd(r->t, r->q[0].used, 2), ==, 1 | 0x8000);
    g_assert_cmpuint(test_rd(r->t, r->q[0].used + 2, 2), ==, 2);
}

static void flags_ask_for_notifications(void)
{
    g_autoptr(Rig) r = ring_rig(0, 8);

    interrupts(r);
    g_assert_cmpuint(test_rd(r->t, r->q[0].used, 2), ==, 0);
}

/* --- bad drivers --- */

static void bad_head(Rig *r)
{
    split_avail(r, &r->q[0], 8);
}

static void bad_next(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, T_DATA, 1, D_NEXT, 8);
    split_avail(r, &r->q[0], 0);
}

static void loop_of_one(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, T_DATA, 1, D_NEXT, 0);
    split_avail(r, &r->q[0], 0);
}

static void loop_of_empty_ones(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, T_DATA, 0, D_NEXT, 1);
    split_desc(r, r->q[0].desc, 1, T_DATA, 0, D_NEXT, 0);
    split_avail(r, &r->q[0], 0);
}

static void index_too_far(Rig *r)
{
    test_wr(r->t, r->q[0].avail + 2, 2, 9);
}

static void index_backwards(Rig *r)
{
    test_wr(r->t, r->q[0].avail + 2, 2, 0xffff);
}

static void readable_after_writable(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, T_DATA, 1, D_NEXT | D_WRITE, 1);
    split_desc(r, r->q[0].desc, 1, T_DATA, 1, 0, 0);
    split_avail(r, &r->q[0], 0);
}

static void buffer_nowhere(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, UINT64_C(1) << 40, 1, 0, 0);
    split_avail(r, &r->q[0], 0);
}

static void buffer_over_the_end_of_ram(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, T_RAM - 8, 16, D_WRITE, 0);
    split_avail(r, &r->q[0], 0);
}

static void buffer_over_the_end_of_addresses(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, UINT64_MAX - 7, 16, D_WRITE, 0);
    split_avail(r, &r->q[0], 0);
}

static void more_than_4_gib(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, 0, UINT32_MAX, D_NEXT, 1);
    split_desc(r, r->q[0].desc, 1, 0, UINT32_MAX, 0, 0);
    split_avail(r, &r->q[0], 0);
}

/* @n descriptors' bytes, flags of the one in the ring and of the first in the
 * table, which leads to itself if it leads on. */
static void table(Rig *r, uint32_t bytes, uint16_t ring, uint16_t first)
{
    TestQueue *q = &r->q[0];

    if (q->packed) {
        put_desc(r, T_TABLE, T_DATA, 1, 0, first);
        packed_desc(r, q, T_TABLE, bytes, 0, (uint16_t)(D_INDIRECT | ring));
    } else {
        split_desc(r, T_TABLE, 0, T_DATA, 1, first, 0);
        split_desc(r, q->desc, 0, T_TABLE, bytes, (uint16_t)(D_INDIRECT | ring),
                   1);
        split_avail(r, q, 0);
    }
}

static void table_empty(Rig *r)
{
    table(r, 0, 0, 0);
}

static void table_odd(Rig *r)
{
    table(r, 17, 0, 0);
}

static void table_huge(Rig *r)
{
    table(r, 0xfffffff0, 0, 0);
}

static void table_and_next(Rig *r)
{
    table(r, 16, D_NEXT, 0);
}

static void table_loops(Rig *r)
{
    table(r, 64, 0, D_NEXT);
}

static void table_in_table(Rig *r)
{
    table(r, 16, 0, D_INDIRECT);
}

static void table_nowhere(Rig *r)
{
    split_desc(r, r->q[0].desc, 0, UINT64_C(1) << 40, 16, D_INDIRECT, 0);
    split_avail(r, &r->q[0], 0);
}

static void packed_endless(Rig *r)
{
    for (int i = 0; i < 8; i++) {
        packed_desc(r, &r->q[0], T_DATA, 1, 0, D_NEXT);
    }
}

static void packed_nowhere(Rig *r)
{
    packed_desc(r, &r->q[0], UINT64_C(1) << 40, 1, 0, 0);
}

static void packed_order(Rig *r)
{
    packed_desc(r, &r->q[0], T_DATA, 1, 0, D_NEXT | D_WRITE);
    packed_desc(r, &r->q[0], T_DATA, 1, 0, 0);
}

static void packed_more_than_4_gib(Rig *r)
{
    packed_desc(r, &r->q[0], 0, UINT32_MAX, 0, D_NEXT);
    packed_desc(r, &r->q[0], 0, UINT32_MAX, 0, 0);
}

static const struct {
    const char *name;
    uint64_t features;
    void (*make)(Rig *r);
} hostile[] = {
    { "head", 0, bad_head },
    { "next", 0, bad_next },
    { "loop", 0, loop_of_one },
    { "loop of empty ones", 0, loop_of_empty_ones },
    { "index too far", 0, index_too_far },
    { "index backwards", 0, index_backwards },
    { "order", 0, readable_after_writable },
    { "nowhere", 0, buffer_nowhere },
    { "end of RAM", 0, buffer_over_the_end_of_ram },
    { "end of addresses", 0, buffer_over_the_end_of_addresses },
    { "4 GiB", 0, more_than_4_gib },
    { "table without the feature", 0, table_loops },
    { "table empty", T_INDIRECT, table_empty },
    { "table odd", T_INDIRECT, table_odd },
    { "table huge", T_INDIRECT, table_huge },
    { "table and next", T_INDIRECT, table_and_next },
    { "table loops", T_INDIRECT, table_loops },
    { "table in table", T_INDIRECT, table_in_table },
    { "table nowhere", T_INDIRECT, table_nowhere },
    { "packed endless", T_PACKED, packed_endless },
    { "packed nowhere", T_PACKED, packed_nowhere },
    { "packed order", T_PACKED, packed_order },
    { "packed 4 GiB", T_PACKED, packed_more_than_4_gib },
    { "packed table without the feature", T_PACKED, table_loops },
    { "packed table empty", T_PACKED | T_INDIRECT, table_empty },
    { "packed table odd", T_PACKED | T_INDIRECT, table_odd },
    { "packed table huge", T_PACKED | T_INDIRECT, table_huge },
    { "packed table and next", T_PACKED | T_INDIRECT, table_and_next },
};

/* A device that took one buffer and needs another gives the first back. */
static void what_was_taken_goes_back_from_a_ring_that_broke(void)
{
    g_autoptr(Rig) r = ring_rig(0, 8);
    VirtQueue *vq = virtio_queue(r->v, 0);
    VirtqElement *e;

    split_desc(r, r->q[0].desc, 0, T_DATA, 16, D_WRITE, 0);
    split_avail(r, &r->q[0], 0);
    split_desc(r, r->q[0].desc, 1, UINT64_C(1) << 40, 16, D_WRITE, 0);
    split_avail(r, &r->q[0], 1);
    e = virtq_pop(vq, sizeof(*e));
    g_assert_nonnull(e);
    g_assert_null(virtq_pop(vq, sizeof(*e)));
    virtq_unpop(vq, e);
    virtq_element_free(e);
    is_broken(r, 0, 8);
}

static void break_here(void *opaque)
{
    virtio_broken(opaque, "broken on purpose");
}

static void break_from_an_iothread(Rig *r)
{
    LoopContext *ctx = loop_context_new("side", NULL, r->t->m->clocks);

    loop_thread_start(ctx);
    loop_call(ctx, break_here, r->v);
    loop_thread_stop(ctx);
    loop_context_free(ctx);
    g_assert_true(r->v->broken);
}

/* Its message to the main loop may come after the device is gone: it does not
 * keep the device, nor its iothread, beyond the machine. */
static void what_an_iothread_broke_may_go_before_it_is_told(void)
{
    g_autoptr(Rig) r = ring_rig(T_VERSION_1, 8);
    uint32_t refs = atomic_load(&OBJECT(r->v)->refs);

    break_from_an_iothread(r);
    g_assert_cmpuint(atomic_load(&OBJECT(r->v)->refs), ==, refs);
}

/* Where the machine was saved before the message came, the loaded one has only
 * the latch to go by. */
static void what_was_broken_is_told_when_the_machine_goes_on(void)
{
    g_autoptr(Rig) r = ring_rig(T_VERSION_1, 8);

    break_from_an_iothread(r);
    machine_stop(r->t->m, RUN_STATE_PAUSED);
    g_assert_cmphex(r->v->status & 0x40, ==, 0);
    machine_cont(r->t->m);
    g_assert_cmphex(r->v->status & 0x40, ==, 0x40); /* DEVICE_NEEDS_RESET */
}

static void bad_rings_need_a_reset(void)
{
    g_autoptr(Rig) r = ring_rig(0, 8);

    for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
        g_test_message("%s", hostile[i].name);
        rig_start(r, hostile[i].features, 2, 8);
        hostile[i].make(r);
        rig_kick(r, 0);
        is_broken(r, hostile[i].features, 8);
    }
}

/* A packed table is what its length says: flags but WRITE are not looked at
 * (2.8.8). */
static void packed_tables_have_no_links(void)
{
    g_autoptr(Rig) r = ring_rig(T_PACKED | T_INDIRECT, 8);
    TestUsed u;

    table(r, 16, 0, D_NEXT | D_INDIRECT);
    rig_kick(r, 0);
    g_assert_true(rig_used(r, &r->q[0], 1, &u));
    works(r, 0);
}

/* Rings where no RAM is: the device's own registers, and nowhere. */
static void rings_outside_ram_need_a_reset(void)
{
    static const hwaddr places[] = { T_MMIO, T_MMIO + 0x100, T_RAM,
                                     UINT64_C(1) << 40,
                                     UINT64_MAX & ~UINT64_C(15) };
    g_autoptr(Rig) r = ring_rig(0, 8);

    for (size_t i = 0; i < 2 * 3 * ARRAY_SIZE(places); i++) {
        hwaddr at = places[i / 6];
        uint64_t features = i % 2 ? T_PACKED : 0;
        unsigned part = i / 2 % 3;

        rig_start(r, features, 2, 8);
        rig_wr(r, 0x70, 0);
        rig_negotiate(r, features);
        r->q[0] = (TestQueue){ .size = 8,
                               .packed = features != 0,
                               .avail_wrap = true,
                               .used_wrap = true,
                               .desc = T_DESC,
                               .avail = T_AVAIL,
                               .used = T_USED };
        rig_wr(r, 0x30, 0);
        rig_wr(r, 0x38, 8);
        for (unsigned n = 0; n < 3; n++) {
            hwaddr addr = n == part ? at : T_DESC + n * 0x400;

            rig_wr(r, 0x80 + 0x10 * n, (uint32_t)addr);
            rig_wr(r, 0x84 + 0x10 * n, (uint32_t)(addr >> 32));
        }
        rig_wr(r, 0x44, 1);
        rig_wr(r, 0x70, 15);
        if (part > 0) { /* something to take */
            r->q[0].desc = T_DESC;
            r->q[0].avail = part == 1 ? T_AVAIL : T_DESC + 0x400;
            rig_send(r, &r->q[0], "x", 1, 0);
        }
        test_loop(r->t);
        rig_kick(r, 0);
        rig_start(r, features, 2, 8); /* whatever it did, this heals */
        g_assert_cmphex(rig_status(r), ==, 15);
        works(r, 0);
    }
}

static void sizes_and_addresses_are_checked(void)
{
    static const struct {
        unsigned size;
        uint64_t features;
        bool good;
    } sizes[] = { { 1, 0, true },          { 3, 0, false },
                  { 256, 0, true },        { 512, 0, false },
                  { 0, 0, false },         { 0x10000, 0, false },
                  { 1, T_PACKED, true },   { 3, T_PACKED, true },
                  { 257, T_PACKED, false } };
    g_autoptr(Rig) r = ring_rig(0, 8);

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        bool packed = sizes[i].features != 0;

        rig_zero(r);
        rig_negotiate(r, sizes[i].features);
        rig_queue(r, 0, sizes[i].size, packed);
        rig_wr(r, 0x70, 15);
        test_loop(r->t);
        if (!sizes[i].good) {
            continue; /* the size stays what it was: 256 */
        }
        r->q[0].size = sizes[i].size;
        for (int n = 0; n < 10; n++) {
            TestQueue *q = &r->q[0];
            TestUsed u;

            rig_send(r, q, "x", 1, 0);
            g_assert_true(rig_used(r, q, 1, &u));
        }
    }
    for (unsigned n = 0; n < 3; n++) { /* 2.7: 16, 2, 4; 2.8: 16, 4, 4 */
        rig_zero(r);
        rig_negotiate(r, 0);
        rig_wr(r, 0x30, 0);
        rig_wr(r, 0x38, 8);
        for (unsigned k = 0; k < 3; k++) {
            rig_wr(r, 0x80 + 0x10 * k, T_DESC + 0x1000 * k + (k == n));
            rig_wr(r, 0x84 + 0x10 * k, 0);
        }
        rig_wr(r, 0x44, 1);
        g_assert_cmphex(rig_status(r) & 64, ==, 64);
    }
}

/* 3.1.1, 2.1.1: nothing runs on features that were not agreed upon, and none
 * change while the device is in use. */
static void status_goes_forward_only(void)
{
    g_autoptr(Rig) r = ring_rig(0, 8);
    TestUsed u;

    rig_zero(r);
    rig_negotiate(r, 0);
    rig_wr(r, 0x70, 0);
    rig_wr(r, 0x70, 3);
    rig_queue(r, 0, 8, false);
    rig_wr(r, 0x70, 7); /* DRIVER_OK alone */
    g_assert_cmphex(rig_status(r), ==, 3);
    rig_send(r, &r->q[0], "x", 1, 4);
    g_assert_false(rig_used(r, &r->q[0], 1, &u));
    rig_wr(r, 0x24, 1);
    rig_wr(r, 0x20, 0); /* no VERSION_1 */
    rig_wr(r, 0x70, 15);
    g_assert_cmphex(rig_status(r), ==, 3);
    rig_start(r, 0, 2, 8);
    works(r, 0);
    rig_wr(r, 0x70, 7);
    g_assert_cmphex(rig_status(r), ==, 15);
    rig_wr(r, 0x20, 1 << 2); /* RING_PACKED, in the midst of it */
    works(r, 0);
}

/* More buffers than the ring has while the device holds all of it. */
static void a_ring_that_overflows_needs_a_reset(void)
{
    g_autoptr(Rig) r = ring_rig(0, 4);

    echo_of(r)->hold = true;
    split_desc(r, r->q[0].desc, 0, T_DATA, 1, 0, 0);
    for (int i = 0; i < 4; i++) {
        split_avail(r, &r->q[0], 0);
    }
    rig_kick(r, 0);
    g_assert_cmpuint(echo_of(r)->held.length, ==, 4);
    split_avail(r, &r->q[0], 0);
    rig_kick(r, 0);
    echo_of(r)->hold = false;
    is_broken(r, 0, 4);
}

/* With in-order the first buffer holds up all that are done after it; the
 * driver may not go on as if it had them back. */
static void in_order_holds_no_more_than_a_ring(void)
{
    g_autoptr(Rig) r = ring_rig(T_IN_ORDER, 4);
    Echo *s = echo_of(r);

    split_desc(r, r->q[0].desc, 0, T_DATA, 1, 0, 0);
    s->hold = true;
    split_avail(r, &r->q[0], 0);
    rig_kick(r, 0);
    s->hold = false;
    for (int i = 0; i < 3; i++) {
        split_avail(r, &r->q[0], 0);
        rig_kick(r, 0);
    }
    g_assert_cmphex(rig_status(r), ==, 15);
    split_avail(r, &r->q[0], 0);
    rig_kick(r, 0);
    g_assert_cmpuint(s->seen, ==, 4);
    is_broken(r, T_IN_ORDER, 4);
}

/* --- reset and saved state --- */

static void a_queue_is_reset_alone(void)
{
    g_autoptr(Rig) r = ring_rig(T_RING_RESET, 8);

    works(r, 0);
    works(r, 1);
    echo_of(r)->hold = true;
    rig_send(r, &r->q[0], "lost", 4, 4);
    rig_wr(r, 0x30, 0);
    rig_wr(r, 0xc0, 1); /* QueueReset */
    g_assert_cmpuint(rig_rd(r, 0xc0), ==, 0);
    g_assert_cmpuint(rig_rd(r, 0x44), ==, 0);
    g_assert_cmpuint(echo_of(r)->held.length, ==, 0);
    echo_of(r)->hold = false;
    works(r, 1);
    rig_put(r, T_DESC, (uint8_t[0x2000]){ 0 }, 0x2000);
    rig_queue(r, 0, 4, false);
    works(r, 0);
}

typedef struct Held {
    GByteArray *base, *own; /* saved state */
    uint8_t ram[T_RAM];
    TestQueue q[ARRAY_SIZE(((Rig *)0)->q)];
} Held;

static void save_held(Held *h, uint64_t features)
{
    g_autoptr(Rig) r = ring_rig(features, 8);

    works(r, 0);
    echo_of(r)->hold = true;
    rig_send(r, &r->q[0], "kept", 4, 8);
    rig_get(r, 0, h->ram, T_RAM);
    vmstate_save(virtio_device_type.vmstate, r->v, h->base);
    vmstate_save(&echo_vmstate, r->v, h->own);
    memcpy(h->q, r->q, sizeof(r->q));
}

static void load_held(const Held *h, uint64_t features)
{
    g_autoptr(Rig) r = ring_rig(features, 8);
    Error *err = NULL;
    TestUsed u;

    machine_stop(r->t->m, RUN_STATE_PAUSED);
    rig_put(r, 0, h->ram, T_RAM);
    g_assert_true(vmstate_load(virtio_device_type.vmstate, r->v, 1,
                               h->base->data, h->base->len, &err));
    g_assert_true(
        vmstate_load(&echo_vmstate, r->v, 1, h->own->data, h->own->len, &err));
    machine_cont(r->t->m);
    memcpy(r->q, h->q, sizeof(r->q));
    g_assert_false(rig_used(r, &r->q[0], 2, &u));
    echo_return(g_queue_pop_head(&echo_of(r)->held));
    g_assert_true(rig_used(r, &r->q[0], 2, &u));
    g_assert_cmpuint(u.len, ==, 4);
    g_assert_cmpuint(test_rd(r->t, T_DATA + 0x10000, 4), ==, 0x7470656b);
    works(r, 0);
}

/* What is held goes along and ends in the twin, whose RAM is the same. */
static void held_buffers_are_saved(void)
{
    static const uint64_t some[] = { 0, T_PACKED, T_PACKED | T_IN_ORDER };
    static Held h;

    for (size_t f = 0; f < ARRAY_SIZE(some); f++) {
        h.base = g_byte_array_new();
        h.own = g_byte_array_new();
        save_held(&h, some[f]);
        load_held(&h, some[f]);
        g_byte_array_unref(h.base);
        g_byte_array_unref(h.own);
    }
}

/* The driver ended bus mastering, or laid a BAR over its buffers: the state
 * loads, and the driver is told when the machine goes on. */
static void held_buffers_that_are_gone_break_the_twin(void)
{
    static Held h = { 0 };
    g_autoptr(Rig) r = ring_rig(0, 8);
    AddressSpace none, *all = r->v->as;
    MemoryRegion nothing = { 0 };
    Error *err = NULL;

    h.base = g_byte_array_new();
    h.own = g_byte_array_new();
    save_held(&h, 0);
    machine_stop(r->t->m, RUN_STATE_PAUSED);
    rig_put(r, 0, h.ram, T_RAM);
    g_assert_true(vmstate_load(virtio_device_type.vmstate, r->v, 1,
                               h.base->data, h.base->len, &err));
    memory_region_init(&nothing, r->v, "nothing", UINT64_MAX);
    address_space_init(&none, r->t->m->ms, &nothing, "none");
    r->v->as = &none;
    g_assert_true(
        vmstate_load(&echo_vmstate, r->v, 1, h.own->data, h.own->len, &err));
    r->v->as = all;
    address_space_destroy(&none);
    memory_region_destroy(&nothing);
    g_assert_cmpuint(echo_of(r)->held.length, ==, 0);
    g_assert_cmphex(rig_status(r), ==, 15); /* lines are not loaded yet */
    machine_cont(r->t->m);
    g_assert_cmphex(rig_status(r), ==, 15 | 0x40); /* DEVICE_NEEDS_RESET */
    rig_start(r, 0, 2, 8);
    works(r, 0);
    g_byte_array_unref(h.base);
    g_byte_array_unref(h.own);
}

/* --- threads --- */

static void *enable_a_queue(void *opaque)
{
    Rig *r = opaque;

    machine_lock(r->t->m);
    rig_queue(r, 1, 4, false);
    machine_unlock(r->t->m);
    return NULL;
}

/* As one that stops the machine waits for its vCPUs. */
static void wait_for_vcpu(void *opaque)
{
    Rig *r = opaque;
    Thread vcpu = { 0 };

    thread_start(&vcpu, "vcpu", enable_a_queue, r);
    machine_unlock(r->t->m);
    thread_join(&vcpu);
    machine_lock(r->t->m);
}

static void a_vcpu_waits_for_no_main_loop(void)
{
    g_autoptr(Rig) r = rig_new(&echo_type, all_rings);

    rig_negotiate(r, 0);
    rig_queue(r, 0, 4, false);
    loop_post(r->t->m->loop, wait_for_vcpu, r);
    test_loop(r->t);
    rig_wr(r, 0x70, 15);
    works(r, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/virtio-ring/" #fn, fn)
    TEST(rings_wrap_around);
    TEST(chains_of_every_form_are_read);
    TEST(indirect_tables_hold_long_chains);
    TEST(in_order_returns_in_order);
    TEST(flags_hold_off_interrupts);
    TEST(an_event_index_holds_off_interrupts);
    TEST(a_packed_ring_holds_off_interrupts);
    TEST(an_event_index_asks_for_notifications);
    TEST(a_packed_ring_asks_for_notifications);
    TEST(flags_ask_for_notifications);
    TEST(bad_rings_need_a_reset);
    TEST(what_was_taken_goes_back_from_a_ring_that_broke);
    TEST(what_an_iothread_broke_may_go_before_it_is_told);
    TEST(what_was_broken_is_told_when_the_machine_goes_on);
    TEST(packed_tables_have_no_links);
    TEST(rings_outside_ram_need_a_reset);
    TEST(sizes_and_addresses_are_checked);
    TEST(status_goes_forward_only);
    TEST(a_ring_that_overflows_needs_a_reset);
    TEST(in_order_holds_no_more_than_a_ring);
    TEST(a_queue_is_reset_alone);
    TEST(held_buffers_are_saved);
    TEST(held_buffers_that_are_gone_break_the_twin);
    TEST(a_vcpu_waits_for_no_main_loop);
    return g_test_run();
}
