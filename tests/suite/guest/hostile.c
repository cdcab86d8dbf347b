/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers that break the rules, at an entropy device: it wants a reset (VirtIO
 * 1.2, 2.1.2), touches nothing more, and works again after one.
 */
#include "virtio.h"

static uint8_t data[64];
static Desc table[RING_SIZE];
static Virtio v;

static volatile Ring *ring(void)
{
    return v.rings[0];
}

static void set(unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
                uint16_t next)
{
    ring()->desc[i].addr = addr;
    ring()->desc[i].len = len;
    ring()->desc[i].flags = flags;
    ring()->desc[i].next = next;
}

static void indirect_table(uint64_t at, uint32_t len)
{
    set(0, at, len, DESC_INDIRECT, 0);
    ring_publish(ring(), 0);
}

static uint64_t here(const void *p)
{
    return (uintptr_t)p;
}

static void head_outside(void)
{
    ring_publish(ring(), 200);
}

static void next_outside(void)
{
    set(0, here(data), 8, DESC_WRITE | DESC_NEXT, RING_SIZE);
    ring_publish(ring(), 0);
}

static void loop(void)
{
    set(0, here(data), 8, DESC_WRITE | DESC_NEXT, 1);
    set(1, here(data), 8, DESC_WRITE | DESC_NEXT, 0);
    ring_publish(ring(), 0);
}

static void loop_on_itself(void)
{
    set(3, here(data), 8, DESC_WRITE | DESC_NEXT, 3);
    ring_publish(ring(), 3);
}

static void index_jumps(void)
{
    set(0, here(data), 8, DESC_WRITE, 0);
    ring()->avail.idx = RING_SIZE + 1;
}

static void readable_behind_writable(void)
{
    set(0, here(data), 8, DESC_WRITE | DESC_NEXT, 1);
    set(1, here(data), 8, 0, 0);
    ring_publish(ring(), 0);
}

static void buffer_nowhere(void)
{
    set(0, board.nowhere, 8, DESC_WRITE, 0);
    ring_publish(ring(), 0);
}

static void buffer_over_the_end_of_addresses(void)
{
    set(0, ~0ull - 3, 8, DESC_WRITE, 0);
    ring_publish(ring(), 0);
}

static void table_of_odd_size(void)
{
    indirect_table(here(table), 24);
}

static void table_of_nothing(void)
{
    indirect_table(here(table), 0);
}

static void table_nowhere(void)
{
    indirect_table(board.nowhere, sizeof(table));
}

static void table_loops(void)
{
    table[0] = (Desc){ here(data), 8, DESC_WRITE | DESC_NEXT, 1 };
    table[1] = (Desc){ here(data), 8, DESC_WRITE | DESC_NEXT, 0 };
    indirect_table(here(table), sizeof(table));
}

static void table_in_table(void)
{
    table[0] = (Desc){ here(table), 16, DESC_INDIRECT, 0 };
    indirect_table(here(table), 16);
}

static void table_leaves_itself(void)
{
    table[0] = (Desc){ here(data), 8, DESC_WRITE | DESC_NEXT, 2 };
    indirect_table(here(table), 32);
}

static const struct {
    const char *name;
    void (*fill)(void);
} cases[] = {
    { "head outside the ring", head_outside },
    { "next outside the ring", next_outside },
    { "loop of two", loop },
    { "loop on itself", loop_on_itself },
    { "index that jumps", index_jumps },
    { "readable behind writable", readable_behind_writable },
    { "buffer where nothing is", buffer_nowhere },
    { "buffer over the end of addresses", buffer_over_the_end_of_addresses },
    { "table of odd size", table_of_odd_size },
    { "table of nothing", table_of_nothing },
    { "table where nothing is", table_nowhere },
    { "table that loops", table_loops },
    { "table in a table", table_in_table },
    { "table that leaves itself", table_leaves_itself },
};

static void works_again(void)
{
    Buf buf = { data, 16, DESC_WRITE };

    virtio_start(&v, 0, 1);
    check("bytes after a reset", ring_do(&v, 0, &buf, 1), 16);
}

static void broken_ring(unsigned i)
{
    virtio_start(&v, F_INDIRECT, 1);
    cases[i].fill();
    virtio_notify(&v, 0);
    while (!(virtio_status(&v) & NEEDS_RESET)) {
    }
    check(cases[i].name, virtio_status(&v), RUNNING | NEEDS_RESET);
    check("isr", virtio_wait_config(&v), 2);
    set(0, here(data), 8, DESC_WRITE, 0);
    ring_publish(ring(), 0);
    virtio_notify(&v, 0);
    works_again();
}

static void features(void)
{
    uint64_t most = virtio_features(&v);

    virtio_set_status(&v, 0);
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER);
    virtio_set_features(&v, F_VERSION_1 | (~most & 1ull << 50));
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    check("a feature that was not offered", virtio_status(&v),
          ACKNOWLEDGE | DRIVER);
    virtio_set_status(&v, 0);
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER);
    virtio_set_features(&v, 0);
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    check("a driver of before version 1", virtio_status(&v),
          ACKNOWLEDGE | DRIVER);
    works_again();
}

/* A queue whose size or place is none; a notification of no queue. */
static void queues(void)
{
    uint64_t a = here((const void *)ring()->desc);

    virtio_set_status(&v, 0);
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER);
    virtio_set_features(&v, F_VERSION_1);
    virtio_set_status(&v, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    virtio_set_queue(&v, 99, RING_SIZE, a, a, a);
    virtio_set_queue(&v, 0, RING_SIZE, board.nowhere, board.nowhere + 0x1000,
                     board.nowhere + 0x2000);
    virtio_set_status(&v, RUNNING);
    virtio_notify(&v, 0);
    virtio_notify(&v, 99);
    works_again();
    virtio_set_status(&v, 0);
    virtio_notify(&v, 0);
    works_again();
}

void suite_hostile(bool pci)
{
    part("hostile", pci ? "-pci" : "-mmio");
    v = virtio_find(pci, ID_RNG);
    for (unsigned i = 0; i < COUNT(cases); i++) {
        broken_ring(i);
    }
    features();
    queues();
    virtio_set_status(&v, 0);
}
