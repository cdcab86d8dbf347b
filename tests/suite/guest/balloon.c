/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory balloon (VirtIO 1.2, 5.5). */
#include "virtio.h"

enum { INFLATE = 0, DEFLATE = 1, PAGE = 4096, PAGES = 4 };

static uint8_t pages[PAGES * PAGE] __attribute__((aligned(PAGE)));
static uint32_t numbers[PAGES];
static Virtio v;

static void send(unsigned queue, uint32_t count)
{
    Buf buf = { numbers, 4 * count, 0 };

    check("bytes written", ring_do(&v, queue, &buf, 1), 0);
}

static void in_and_out(void)
{
    volatile uint8_t *byte = pages + PAGE;

    for (uint32_t i = 0; i < PAGES; i++) {
        numbers[i] = (uint32_t)((uintptr_t)pages / PAGE + i);
    }
    *byte = 0xaa;
    send(INFLATE, PAGES);
    virtio_set_config32(&v, 4, PAGES);
    ask_host("ballooned");
    send(DEFLATE, PAGES);
    virtio_set_config32(&v, 4, 0);
    ask_host("ballooned");
    check("a page that was away", *byte, 0);
    *byte = 0xbb;
    check("and is back", *byte, 0xbb);
}

static void hostile(void)
{
    numbers[0] = (uint32_t)(board.nowhere / PAGE);
    numbers[1] = 0xffffffff;
    send(INFLATE, 2);
    send(DEFLATE, 2);
    check("status after pages that are none", virtio_status(&v), RUNNING);
}

void suite_balloon(bool pci)
{
    uint32_t generation;

    part("balloon", pci ? "-pci" : "-mmio");
    v = virtio_find(pci, ID_BALLOON);
    note("features", virtio_features(&v));
    virtio_start(&v, 0, 2);
    check("pages wanted", virtio_config32(&v, 0), 0);
    in_and_out();
    hostile();
    generation = virtio_generation(&v);
    check("generation, read again", virtio_generation(&v), generation);
    ask_host("balloon 1048576");
    check("isr", virtio_wait_config(&v), 2);
    check("pages wanted then", virtio_config32(&v, 0), 256);
    check("another generation", virtio_generation(&v) != generation, 1);
    ask_host("balloon 0");
    virtio_wait_config(&v);
    check("pages wanted again", virtio_config32(&v, 0), 0);
    virtio_set_status(&v, 0);
}
