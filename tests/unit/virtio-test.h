/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of VirtIO for unit tests: a device in an MMIO slot of a
 * machine that runs, and rings in guest RAM, split and packed. Numbers are
 * those of VIRTIO 1.2, 2.7 and 2.8, not the model's.
 */
#ifndef TESTS_UNIT_VIRTIO_TEST_H
#define TESTS_UNIT_VIRTIO_TEST_H

#include "hw-test.h"

#include "hw/virtio/devices.h"
#include "hw/virtio/mmio.h"

enum {
    T_RAM = 1 << 20,
    T_MMIO = 0x10000000, /* the slot's registers */
    T_DESC = 0x1000,     /* of queue n: + n * T_QUEUE */
    T_AVAIL = 0x2000,    /* driver area */
    T_USED = 0x2800,     /* device area */
    T_QUEUE = 0x2000,
    T_TABLE = 0x40000, /* indirect tables */
    T_DATA = 0x80000,
};
enum {
    D_NEXT = 1,
    D_WRITE = 2,
    D_INDIRECT = 4,
    D_AVAIL = 0x80,
    D_USED = 0x8000
};
#define T_VERSION_1  (UINT64_C(1) << 32)
#define T_INDIRECT   (UINT64_C(1) << 28)
#define T_EVENT_IDX  (UINT64_C(1) << 29)
#define T_PACKED     (UINT64_C(1) << 34)
#define T_IN_ORDER   (UINT64_C(1) << 35)
#define T_RING_RESET (UINT64_C(1) << 40)

typedef struct TestQueue {
    unsigned index, size;
    bool packed;
    hwaddr desc, avail, used;
    uint16_t avail_idx, used_idx; /* split: free running; packed: slots */
    bool avail_wrap, used_wrap;
} TestQueue;

typedef struct Rig {
    TestMachine *t;
    DeviceState *slot;
    VirtioDevice *v;
    TestWires w; /* line 0 is the slot's interrupt */
    TestQueue q[8];
} Rig;

/* @setup (may be NULL) sets properties before the device is realized. */
static inline Rig *rig_new(const void *type, void (*setup)(Rig *r))
{
    Rig *r = g_new0(Rig, 1);
    Error *err = NULL;
    Bus *bus;

    r->t = test_machine(T_RAM);
    r->slot = device_new_board(r->t->m, &virtio_mmio_type);
    object_set_bool(r->slot, "force-legacy", false);
    test_place(r->slot, T_MMIO, &r->w);
    bus = g_ptr_array_index(r->slot->buses, 0);
    r->v = (VirtioDevice *)device_new(
        r->t->m, type, &(DevicePlace){ .bus = bus, .user = true, .id = "dev" },
        &err);
    g_assert_nonnull(r->v);
    if (setup) {
        setup(r);
    }
    if (!device_realize(&r->v->parent, &err)) {
        g_error("%s", error_text(err));
    }
    machine_cont(r->t->m);
    return r;
}

static inline void rig_free(Rig *r)
{
    device_unplug(&r->v->parent);
    test_machine_free(r->t);
    g_free(r);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static inline uint32_t rig_rd(Rig *r, unsigned reg)
{
    return (uint32_t)test_rd(r->t, T_MMIO + reg, 4);
}

static inline void rig_wr(Rig *r, unsigned reg, uint32_t value)
{
    test_wr(r->t, T_MMIO + reg, 4, value);
}

/* Register Status (0x070). */
static inline uint32_t rig_status(Rig *r)
{
    return rig_rd(r, 0x70);
}

static inline void rig_zero(Rig *r)
{
    static const uint8_t zeros[T_RAM];

    address_space_write(&r->t->m->memory, 0, MEM_ATTRS_CPU, zeros, T_RAM);
}

/* 4.2.3.2: one queue, at its usual place. */
static inline TestQueue *rig_queue(Rig *r, unsigned i, unsigned size,
                                   bool packed)
{
    TestQueue *q = &r->q[i];
    hwaddr addr[3] = { T_DESC + i * T_QUEUE, T_AVAIL + i * T_QUEUE,
                       T_USED + i * T_QUEUE };

    *q = (TestQueue){ .index = i,
                      .size = size,
                      .packed = packed,
                      .desc = addr[0],
                      .avail = addr[1],
                      .used = addr[2],
                      .avail_wrap = true,
                      .used_wrap = true };
    rig_wr(r, 0x30, i);
    rig_wr(r, 0x38, size);
    for (unsigned n = 0; n < 3; n++) {
        rig_wr(r, 0x80 + 0x10 * n, (uint32_t)addr[n]);
        rig_wr(r, 0x84 + 0x10 * n, 0);
    }
    rig_wr(r, 0x44, 1);
    return q;
}

/* 3.1.1 up to FEATURES_OK; then set up queues and write status 15. */
static inline void rig_negotiate(Rig *r, uint64_t features)
{
    rig_wr(r, 0x70, 0);
    rig_wr(r, 0x70, 3);
    for (unsigned i = 0; i < 2; i++) {
        rig_wr(r, 0x24, i);
        rig_wr(r, 0x20, (uint32_t)((features | T_VERSION_1) >> 32 * i));
    }
    rig_wr(r, 0x70, 11);
    g_assert_cmphex(rig_status(r), ==, 11);
}

/* All of it, with @n queues of @size. */
static inline void rig_start(Rig *r, uint64_t features, unsigned n,
                             unsigned size)
{
    rig_zero(r);
    rig_negotiate(r, features);
    for (unsigned i = 0; i < n; i++) {
        rig_queue(r, i, size, features & T_PACKED);
    }
    rig_wr(r, 0x70, 15);
    test_loop(r->t);
}

static inline void rig_kick(Rig *r, unsigned queue)
{
    rig_wr(r, 0x50, queue);
    test_loop(r->t);
}

/* Is the line up? Acknowledges all reasons; *@why (may be NULL) has them. */
static inline bool rig_irq(Rig *r, unsigned *why)
{
    bool up = r->w.level[0];
    unsigned isr = rig_rd(r, 0x60);

    rig_wr(r, 0x64, isr);
    if (why) {
        *why = isr;
    }
    return up;
}

/* --- rings --- */

static inline void put_desc(Rig *r, hwaddr at, uint64_t addr, uint32_t len,
                            uint16_t x, uint16_t y)
{
    test_wr(r->t, at, 8, addr);
    test_wr(r->t, at + 8, 4, len);
    test_wr(r->t, at + 12, 2, x);
    test_wr(r->t, at + 14, 2, y);
}

/* Split: descriptor @i of the table at @table. */
static inline void split_desc(Rig *r, hwaddr table, unsigned i, uint64_t addr,
                              uint32_t len, uint16_t flags, uint16_t next)
{
    put_desc(r, table + 16 * i, addr, len, flags, next);
}

static inline void split_avail(Rig *r, TestQueue *q, uint16_t head)
{
    test_wr(r->t, q->avail + 4 + 2 * (q->avail_idx % q->size), 2, head);
    q->avail_idx++;
    test_wr(r->t, q->avail + 2, 2, q->avail_idx);
}

/* Packed: the next slot; @flags without AVAIL and USED. */
static inline void packed_desc(Rig *r, TestQueue *q, uint64_t addr,
                               uint32_t len, uint16_t id, uint16_t flags)
{
    flags |= q->avail_wrap ? D_AVAIL : D_USED;
    put_desc(r, q->desc + 16 * q->avail_idx, addr, len, id, flags);
    if (++q->avail_idx == q->size) {
        q->avail_idx = 0;
        q->avail_wrap = !q->avail_wrap;
    }
}

typedef struct TestUsed {
    uint32_t id, len;
} TestUsed;

/* The next used buffer, of @n slots in a packed ring; false: none. */
static inline bool rig_used(Rig *r, TestQueue *q, unsigned n, TestUsed *u)
{
    hwaddr at;
    uint64_t flags;

    *u = (TestUsed){ 0 };

    if (!q->packed) {
        at = q->used + 4 + 8 * (q->used_idx % q->size);
        if ((uint16_t)test_rd(r->t, q->used + 2, 2) == q->used_idx) {
            return false;
        }
        *u = (TestUsed){ (uint32_t)test_rd(r->t, at, 4),
                         (uint32_t)test_rd(r->t, at + 4, 4) };
        q->used_idx++;
        return true;
    }
    at = q->desc + 16 * q->used_idx;
    flags = test_rd(r->t, at + 14, 2);
    if (((flags & D_AVAIL) != 0) != q->used_wrap ||
        ((flags & D_USED) != 0) != q->used_wrap) {
        return false;
    }
    *u = (TestUsed){ (uint32_t)test_rd(r->t, at + 12, 2),
                     (uint32_t)test_rd(r->t, at + 8, 4) };
    q->used_idx = (uint16_t)(q->used_idx + n);
    if (q->used_idx >= q->size) {
        q->used_idx = (uint16_t)(q->used_idx - q->size);
        q->used_wrap = !q->used_wrap;
    }
    return true;
}

static inline void rig_put(Rig *r, hwaddr at, const void *data, size_t len)
{
    g_assert_cmpint(
        address_space_write(&r->t->m->memory, at, MEM_ATTRS_CPU, data, len), ==,
        MEM_OK);
}

static inline void rig_get(Rig *r, hwaddr at, void *data, size_t len)
{
    g_assert_cmpint(
        address_space_read(&r->t->m->memory, at, MEM_ATTRS_CPU, data, len), ==,
        MEM_OK);
}

/* A chain of a text to read (NULL: none) and @in bytes to fill (0: none) in
 * slots 0 and 1 (packed: the next), data at T_DATA and T_DATA + 0x10000. */
static inline void rig_send(Rig *r, TestQueue *q, const void *text, size_t len,
                            uint32_t in)
{
    hwaddr to = T_DATA + 0x10000;
    uint16_t next = text && in ? D_NEXT : 0;
    unsigned slot = 0;

    if (text) {
        rig_put(r, T_DATA, text, len);
        if (q->packed) {
            packed_desc(r, q, T_DATA, (uint32_t)len, 7, next);
        } else {
            split_desc(r, q->desc, slot++, T_DATA, (uint32_t)len, next, 1);
        }
    }
    if (in && q->packed) {
        packed_desc(r, q, to, in, 7, D_WRITE);
    } else if (in) {
        split_desc(r, q->desc, slot++, to, in, D_WRITE, 0);
    }
    if (!q->packed) {
        split_avail(r, q, 0);
    }
    rig_kick(r, q->index);
}

#endif
