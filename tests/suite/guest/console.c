/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Console device (VirtIO 1.2, 5.3) with one console, whose other end sends
 * back what it gets, and its control messages (5.3.6.2). */
#include "virtio.h"

enum { RX = 0, TX = 1, CONTROL_RX = 2, CONTROL_TX = 3 };
#define F_MULTIPORT (1ull << 1)
enum {
    DEVICE_READY = 0,
    DEVICE_ADD = 1,
    PORT_READY = 3,
    CONSOLE_PORT = 4,
    PORT_OPEN = 6,
};

typedef struct Control {
    uint32_t id;
    uint16_t event, value;
} Control;

static Virtio v;
static uint8_t in[16];
static Control from_device[4];

static void quiet(void)
{
    for (unsigned i = 0; i < 4; i++) {
        v.rings[i]->avail.flags = 1; /* what comes is polled */
    }
}

static void send(unsigned queue, const void *data, uint32_t size)
{
    Buf buf = { data, size, 0 };

    ring_add(v.rings[queue], &buf, 1);
    virtio_notify(&v, queue);
    ring_poll(v.rings[queue]);
}

static void give(unsigned queue, void *data, uint32_t size)
{
    Buf buf = { data, size, DESC_WRITE };

    ring_add(v.rings[queue], &buf, 1);
    virtio_notify(&v, queue);
}

static void control(uint32_t id, uint16_t event, uint16_t value)
{
    Control message = { id, event, value };

    send(CONTROL_TX, &message, sizeof(message));
}

/* The messages of a port that comes, in the device's order. */
static void greeting(void)
{
    for (unsigned i = 0; i < COUNT(from_device); i++) {
        give(CONTROL_RX, &from_device[i], sizeof(Control));
    }
    control(0, DEVICE_READY, 1);
    check("length of a message", ring_poll(v.rings[CONTROL_RX]).len,
          sizeof(Control));
    check("a port comes", from_device[0].event, DEVICE_ADD);
    check("its number", from_device[0].id, 0);
    control(0, PORT_READY, 1);
    ring_poll(v.rings[CONTROL_RX]);
    check("it is a console", from_device[1].event, CONSOLE_PORT);
    ring_poll(v.rings[CONTROL_RX]);
    check("the host has opened it", from_device[2].event, PORT_OPEN);
    check("opened", from_device[2].value, 1);
    control(0, PORT_OPEN, 1);
}

/* A short buffer first, so that what comes back fills two. */
static void echo(void)
{
    uint32_t first, second = 0;

    give(RX, in, 4);
    give(RX, in + 4, 12);
    send(TX, "to and fro", 10);
    first = ring_poll(v.rings[RX]).len;
    while (first + second < 10) { /* the host may send in pieces */
        second += ring_poll(v.rings[RX]).len;
    }
    check("bytes that came back", first + second, 10);
    check("they are the same", memcmp(in, "to and fro", 10), 0);
}

static void hostile(void)
{
    static const uint8_t nothing[3];

    control(77, PORT_READY, 1);
    control(0, 0x7777, 1);
    send(CONTROL_TX, nothing, sizeof(nothing));
    check("status after odd messages", virtio_status(&v), RUNNING);
}

void suite_console(bool pci)
{
    part("console", pci ? "-pci" : "-mmio");
    v = virtio_find(pci, ID_CONSOLE);
    note("features", virtio_features(&v));
    note("ports", virtio_config32(&v, 4));
    virtio_start(&v, F_MULTIPORT, 4);
    quiet();
    greeting();
    echo();
    hostile();
    virtio_set_status(&v, 0);
    virtio_isr(&v);
}
