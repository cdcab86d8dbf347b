/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What queues can besides, at an entropy device: packed rings (VirtIO 1.2,
 * 2.8), buffers used in order (2.7.9), the reset of one queue (2.6.1), and the
 * reset of a device that holds buffers. */
#include "virtio.h"

enum { SIZE = 5, WRITE = 2, AVAIL = 1 << 7, USED = 1 << 15, TABLE = 4 };

/* A packed ring's descriptor: the last two fields are id and flags. */
static volatile Desc ring[SIZE] __attribute__((aligned(16)));
static Desc table[2];
static volatile uint32_t driver_area, device_area;
static uint8_t data[64];
static unsigned at;
static bool wrap;
static Virtio v;

static void packed_start(uint64_t features)
{
    virtio_set_status(&v, 0);
    virtio_set_status(&v, ACKNOWLEDGE);
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER);
    virtio_set_features(&v, F_VERSION_1 | F_PACKED | features);
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    check("status with features", virtio_status(&v),
          ACKNOWLEDGE | DRIVER | FEATURES_OK);
    memset((void *)ring, 0, sizeof(ring));
    driver_area = device_area = 0;
    at = 0;
    wrap = true;
    virtio_set_queue(&v, 0, SIZE, (uintptr_t)ring, (uintptr_t)&driver_area,
                     (uintptr_t)&device_area);
    virtio_set_status(&v, RUNNING);
}

static void packed_give(const void *where, uint32_t len, uint16_t flags)
{
    ring[at].addr = (uintptr_t)where;
    ring[at].len = len;
    ring[at].flags = (uint16_t)(40 + at); /* the id */
    barrier();
    ring[at].next = flags | (wrap ? AVAIL : USED);
    virtio_notify(&v, 0);
}

static bool packed_used(void)
{
    uint16_t flags = ring[at].next;

    return !!(flags & AVAIL) == wrap && !!(flags & USED) == wrap;
}

static uint32_t packed_take(void)
{
    uint32_t len;

    do {
        irq_begin(v.irq);
        virtio_isr(&v);
        irq_end(v.irq);
    } while (!packed_used());
    barrier();
    check("its id", ring[at].flags, 40 + at);
    len = ring[at].len;
    if (++at == SIZE) {
        at = 0;
        wrap = !wrap;
    }
    return len;
}

static void packed(void)
{
    packed_start(F_INDIRECT);
    for (unsigned i = 0; i < 2 * SIZE + 2; i++) { /* around, and around */
        packed_give(data, 8 + i, WRITE);
        check("packed, bytes", packed_take(), 8 + i);
    }
    table[0] = (Desc){ (uintptr_t)data, 16, 0, WRITE };
    table[1] = (Desc){ (uintptr_t)data + 16, 24, 0, WRITE };
    packed_give(table, sizeof(table), TABLE);
    check("packed, by a table", packed_take(), 40);
    driver_area = 1u << 16; /* no interrupt, 2.8.10 */
    packed_give(data, 4, WRITE);
    while (!packed_used()) {
    }
    check("interrupts that were not wanted", irq_pending(v.irq), 0);
    packed_start(0);
    packed_give(data, 8, WRITE | TABLE); /* a table was not negotiated */
    while (!(virtio_status(&v) & NEEDS_RESET)) {
    }
    check("a table that may not be", virtio_status(&v), RUNNING | NEEDS_RESET);
}

static void in_order(void)
{
    Buf buf = { data, 8, DESC_WRITE };

    virtio_start(&v, F_IN_ORDER, 1);
    for (unsigned i = 0; i < 3 * RING_SIZE; i++) {
        if (ring_do(&v, 0, &buf, 1) != 8) {
            check("bytes, in order", i, ~0ull);
        }
    }
    check("used in order", v.rings[0]->used.idx, 3 * RING_SIZE);
}

static void one_queue_is_reset(void)
{
    Buf buf = { data, 8, DESC_WRITE };
    volatile Ring *r;

    virtio_start(&v, F_RESET, 1);
    r = v.rings[0];
    check("before", ring_do(&v, 0, &buf, 1), 8);
    check("enabled", virtio_queue_enabled(&v, 0), 1);
    virtio_reset_queue(&v, 0);
    check("enabled after its reset", virtio_queue_enabled(&v, 0), 0);
    check("status", virtio_status(&v), RUNNING);
    ring_add(r, &buf, 1);
    virtio_notify(&v, 0);
    check("used by no queue", r->used.idx, 1);
    memset((void *)r, 0, sizeof(*r));
    virtio_set_queue(&v, 0, RING_SIZE, (uintptr_t)r->desc, (uintptr_t)&r->avail,
                     (uintptr_t)&r->used);
    check("after", ring_do(&v, 0, &buf, 1), 8);
}

/* The device is reset as soon as it was told of buffers: it may have used
 * them, and does not later. */
static void reset_amid_requests(void)
{
    Buf buf = { data, 64, DESC_WRITE };
    uint16_t used;

    virtio_start(&v, 0, 1);
    for (unsigned i = 0; i < RING_SIZE; i++) {
        ring_add(v.rings[0], &buf, 1);
    }
    virtio_notify(&v, 0);
    virtio_set_status(&v, 0);
    used = v.rings[0]->used.idx;
    memset(data, 0x77, sizeof(data));
    virtio_start(&v, F_RESET, 1);
    check("bytes after a reset", ring_do(&v, 0, &buf, 1), 64);
    check("used before it, at most a ring", used <= RING_SIZE, 1);
}

void suite_queues(bool pci)
{
    part("queues", pci ? "-pci" : "-mmio");
    v = virtio_find(pci, ID_RNG);
    packed();
    in_order();
    one_queue_is_reset();
    reset_amid_requests();
    virtio_set_status(&v, 0);
}
