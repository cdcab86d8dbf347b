/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entropy device (VirtIO 1.2, 5.4), and what every queue promises. */
#include "virtio.h"

static uint8_t data[64];
static Virtio v;

static uint64_t differ(void)
{
    for (size_t i = 1; i < sizeof(data); i++) {
        if (data[i] != data[0]) {
            return 1;
        }
    }
    return 0;
}

static void quiet(void)
{
    Buf buf = { data, 16, DESC_WRITE };
    volatile Ring *r = v.rings[0];

    r->avail.flags = 1; /* no interrupt, 2.7.7 */
    ring_add(r, &buf, 1);
    virtio_notify(&v, 0);
    check("bytes, polled", ring_poll(r).len, 16);
    check("interrupts that were not wanted", irq_pending(v.irq), 0);
    r->avail.flags = 0;
}

/* Interrupts when the used index passes what the driver asks for (2.7.7.1):
 * the second buffer's, not the first's. */
static void event_index(void)
{
    Buf buf = { data, 8, DESC_WRITE };
    volatile Ring *r = v.rings[0];

    virtio_start(&v, F_EVENT_IDX, 1);
    r->avail.used_event = 1;
    ring_add(r, &buf, 1);
    virtio_notify(&v, 0);
    ring_poll(r);
    check("interrupt at the first", irq_pending(v.irq), 0);
    ring_add(r, &buf, 1);
    virtio_notify(&v, 0);
    irq_begin(v.irq);
    check("isr at the second", virtio_isr(&v), 1);
    irq_end(v.irq);
    check("used index", r->used.idx, 2);
}

void suite_rng(bool pci)
{
    Buf bufs[] = { { data, 40, DESC_WRITE }, { data + 40, 24, DESC_WRITE } };

    part("rng", pci ? "-pci" : "-mmio");
    v = virtio_find(pci, ID_RNG);
    note("features", virtio_features(&v));
    note("longest queue", virtio_queue_max(&v, 0));
    check("queue that is not there", virtio_queue_max(&v, 1), 0);
    virtio_start(&v, 0, 1);
    check("status", virtio_status(&v), RUNNING);
    check("bytes", ring_do(&v, 0, bufs, 1), 40);
    check("bytes into two buffers", ring_do(&v, 0, bufs, 2), 64);
    check("they differ", differ(), 1);
    check("isr, read again", virtio_isr(&v), 0);
    quiet();
    event_index();
    virtio_set_status(&v, 0);
    check("status after reset", virtio_status(&v), 0);
}
