/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network device (VirtIO 1.2, 5.1): two cards on a hub, one on each
 * transport, which send to each other. Polled, as both interrupt. */
#include "virtio.h"

enum { RX = 0, TX = 1, HEADER = 12, FRAME = 300 };
#define F_MAC    (1ull << 5)
#define F_STATUS (1ull << 16)

static Virtio card[2];
static uint8_t out[HEADER + FRAME], in[HEADER + FRAME + 100];

static void fill(const char *name)
{
    for (unsigned i = 0; i < FRAME; i++) {
        out[HEADER + i] = (uint8_t)(i * 7);
    }
    memset(out, 0, HEADER);
    memset(out + HEADER, 0xff, 6); /* to all */
    memcpy(out + HEADER + 14, name, 4);
    memset(in, 0, sizeof(in));
}

static void give(unsigned to, uint32_t first)
{
    Buf bufs[] = { { in, first, DESC_WRITE },
                   { in + first, (uint32_t)sizeof(in) - first, DESC_WRITE } };

    ring_add(card[to].rings[RX], bufs, 2);
    virtio_notify(&card[to], RX);
}

static void send(unsigned from, uint32_t first, uint32_t size)
{
    Buf bufs[] = { { out, first, 0 }, { out + first, size - first, 0 } };

    ring_add(card[from].rings[TX], bufs, 2);
    virtio_notify(&card[from], TX);
    ring_poll(card[from].rings[TX]);
}

static void transfer(unsigned from, const char *name, uint32_t first)
{
    fill(name);
    give(!from, first);
    send(from, first, HEADER + FRAME);
    check("bytes received", ring_poll(card[!from].rings[RX]).len,
          HEADER + FRAME);
    check("buffers it took", in[10] | in[11] << 8, 1);
    check("the frame", memcmp(in + HEADER, out + HEADER, FRAME), 0);
}

/* A frame that nobody has a buffer for waits or is dropped; the next one that
 * has gets through, and it is the later one that is read last. */
static void hostile(void)
{
    Buf tiny = { out, 5, 0 };
    volatile Ring *r;

    ring_add(card[0].rings[TX], &tiny, 1);
    virtio_notify(&card[0], TX);
    while (!(virtio_status(&card[0]) & NEEDS_RESET)) {
    }
    check("a frame shorter than its header", virtio_status(&card[0]),
          RUNNING | NEEDS_RESET);
    virtio_start(&card[0], F_MAC | F_STATUS, 2);
    for (unsigned i = 0; i < 2; i++) {
        r = card[0].rings[i];
        r->avail.flags = 1;
    }
    transfer(0, "dddd", 30);
}

static void start(unsigned i)
{
    part("net", i ? "-pci" : "-mmio");
    card[i] = virtio_find(i == 1, ID_NET);
    note("features", virtio_features(&card[i]));
    virtio_start(&card[i], F_MAC | F_STATUS, 2);
    for (unsigned queue = 0; queue < 2; queue++) {
        card[i].rings[queue]->avail.flags = 1;
    }
    check("last byte of its address", virtio_config8(&card[i], 5), 0x10 + i);
    check("link", virtio_config8(&card[i], 6), 1);
}

void suite_net(void)
{
    start(0);
    start(1);
    part("net", "");
    transfer(0, "aaaa", 12);
    transfer(1, "bbbb", 20);
    transfer(0, "cccc", 100);
    hostile();
    virtio_set_status(&card[0], 0);
    virtio_set_status(&card[1], 0);
    virtio_isr(&card[0]);
    virtio_isr(&card[1]);
}
