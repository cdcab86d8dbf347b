/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A driver for VirtIO 1.2 over MMIO (4.2) and PCI (4.1), split rings (2.7). */
#ifndef SUITE_VIRTIO_H
#define SUITE_VIRTIO_H

#include "suite.h"

enum { RING_SIZE = 8, RINGS = 4 };

enum { /* device ids, section 5 */
       ID_NET = 1,
       ID_BLK = 2,
       ID_CONSOLE = 3,
       ID_RNG = 4,
       ID_BALLOON = 5,
};

enum { /* status, 2.1 */
       ACKNOWLEDGE = 1,
       DRIVER = 2,
       DRIVER_OK = 4,
       FEATURES_OK = 8,
       NEEDS_RESET = 64,
       RUNNING = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK,
};

#define F_INDIRECT  (1ull << 28)
#define F_EVENT_IDX (1ull << 29)
#define F_VERSION_1 (1ull << 32)
#define F_PACKED    (1ull << 34)
#define F_IN_ORDER  (1ull << 35)
#define F_RESET     (1ull << 40)

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} Desc;

typedef struct Ring {
    _Alignas(16) Desc desc[RING_SIZE];
    struct {
        uint16_t flags, idx, ring[RING_SIZE], used_event;
    } avail;
    struct {
        _Alignas(4) uint16_t flags;
        uint16_t idx;
        struct {
            uint32_t id, len;
        } ring[RING_SIZE];
        uint16_t avail_event;
    } used;
    uint16_t free; /* the next descriptor to use */
    uint16_t seen;
} Ring;

typedef struct Virtio {
    bool pci;
    unsigned irq;
    uint64_t base;                        /* MMIO */
    uint64_t common, notify, isr, config; /* PCI */
    uint32_t notify_step;
    volatile Ring *rings[RINGS];
} Virtio;

/* The first device with that id; ends the program when there is none. */
Virtio virtio_find(bool pci, unsigned id);

uint8_t virtio_status(const Virtio *v);
void virtio_set_status(const Virtio *v, uint8_t status);
uint64_t virtio_features(const Virtio *v);
void virtio_set_features(const Virtio *v, uint64_t features);
unsigned virtio_queue_max(const Virtio *v, unsigned queue);
/* Set up @queue of @size with its rings where they are told. */
void virtio_set_queue(const Virtio *v, unsigned queue, unsigned size,
                      uint64_t desc, uint64_t avail, uint64_t used);
bool virtio_queue_enabled(const Virtio *v, unsigned queue);
/* One queue as after a reset (2.6.1). */
void virtio_reset_queue(const Virtio *v, unsigned queue);
uint32_t virtio_generation(const Virtio *v);
void virtio_notify(const Virtio *v, unsigned queue);
/* Reads and acknowledges: 1 a queue, 2 the configuration (4.1.4.5). */
uint8_t virtio_isr(const Virtio *v);
uint8_t virtio_config8(const Virtio *v, unsigned at);
uint32_t virtio_config32(const Virtio *v, unsigned at);
void virtio_set_config32(const Virtio *v, unsigned at, uint32_t value);

/* Reset, then up to DRIVER_OK with @queues rings (3.1.1). */
void virtio_start(Virtio *v, uint64_t features, unsigned queues);

/* A chain of @n buffers: the flags are DESC_WRITE or none. Returns its head. */
typedef struct Buf {
    const volatile void *at;
    uint32_t len;
    uint16_t flags;
} Buf;
uint16_t ring_add(volatile Ring *r, const Buf *bufs, unsigned n);
/* Make @head available, whatever stands there. */
void ring_publish(volatile Ring *r, uint16_t head);
/* Wait for the interrupt of a used buffer; what its element says. */
typedef struct Used {
    uint32_t id, len;
} Used;
Used ring_wait(Virtio *v, unsigned queue);
/* The same by looking, where interrupts are not wanted. */
Used ring_poll(volatile Ring *r);
/* ring_add, notify, ring_wait: how much the device wrote. */
uint32_t ring_do(Virtio *v, unsigned queue, const Buf *bufs, unsigned n);
/* Wait for an interrupt of the configuration; what isr said. */
uint8_t virtio_wait_config(Virtio *v);

#endif
