/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio.h"

static volatile Ring ring_memory[2][RINGS] __attribute__((aligned(4096)));

/* --- finding them --- */

enum { /* 4.2.2 */
       M_MAGIC = 0x000,
       M_VERSION = 0x004,
       M_DEVICE = 0x008,
       M_FEATURES = 0x010,
       M_FEATURES_SEL = 0x014,
       M_DRIVER = 0x020,
       M_DRIVER_SEL = 0x024,
       M_QUEUE_SEL = 0x030,
       M_QUEUE_MAX = 0x034,
       M_QUEUE_NUM = 0x038,
       M_QUEUE_READY = 0x044,
       M_NOTIFY = 0x050,
       M_ISR = 0x060,
       M_ACK = 0x064,
       M_STATUS = 0x070,
       M_DESC = 0x080,
       M_AVAIL = 0x090,
       M_USED = 0x0a0,
       M_RESET = 0x0c0,
       M_GENERATION = 0x0fc,
       M_CONFIG = 0x100,
};

enum { /* 4.1.4.3 */
       P_FEATURES_SEL = 0x00,
       P_FEATURES = 0x04,
       P_DRIVER_SEL = 0x08,
       P_DRIVER = 0x0c,
       P_STATUS = 0x14,
       P_GENERATION = 0x15,
       P_QUEUE_SEL = 0x16,
       P_QUEUE_NUM = 0x18,
       P_QUEUE_ENABLE = 0x1c,
       P_NOTIFY_OFF = 0x1e,
       P_DESC = 0x20,
       P_AVAIL = 0x28,
       P_USED = 0x30,
       P_RESET = 0x3a,
};

static bool find_mmio(Virtio *v, unsigned id)
{
    for (unsigned i = 0; i < board.slot_count; i++) {
        uint64_t at = board.slots + i * board.slot_step;

        if (get32(at + M_MAGIC) == 0x74726976 && get32(at + M_DEVICE) == id) {
            check("version", get32(at + M_VERSION), 2);
            v->base = at;
            v->irq = board.slot_irq + i;
            return true;
        }
    }
    return false;
}

/* BARs of 64 KiB, each device 1 MiB (PCI 3.0, 6.2.5). */
static void place_bars(uint64_t config, uint64_t memory)
{
    for (unsigned bar = 0; bar < 6; bar++) {
        uint64_t at = config + 0x10 + 4 * bar;

        put32(at, 0xffffffff);
        if (!get32(at) || (get32(at) & 1)) {
            continue;
        }
        if ((get32(at) & 6) == 4) {
            put32(at + 4, 0);
            bar++;
        }
        put32(at, (uint32_t)(memory + 0x10000 * bar));
    }
    put16(config + 4, 6); /* memory, bus master */
}

static void read_caps(Virtio *v, uint64_t config)
{
    for (unsigned cap = get8(config + 0x34); cap;
         cap = get8(config + cap + 1)) {
        uint64_t at = config + cap;
        uint64_t where;

        if (get8(at) != 9) {
            continue;
        }
        where =
            get32(at + 8) + (get32(config + 0x10 + 4 * get8(at + 4)) & ~15u);
        switch (get8(at + 3)) {
        case 1:
            v->common = where;
            break;
        case 2:
            v->notify = where;
            v->notify_step = get32(at + 16);
            break;
        case 3:
            v->isr = where;
            break;
        case 4:
            v->config = where;
            break;
        }
    }
}

static bool find_pci(Virtio *v, unsigned id)
{
    for (unsigned slot = 1; slot < 32; slot++) {
        uint64_t config = board.ecam + (slot << 15);
        unsigned pin = get8(config + 0x3d);

        if (get32(config) != ((0x1040 + id) << 16 | 0x1af4)) {
            continue;
        }
        place_bars(config, board.pci_memory + slot * 0x100000);
        read_caps(v, config);
        v->irq = board.pci_irq[(pin - 1 + slot) % 4];
        return true;
    }
    return false;
}

Virtio virtio_find(bool pci, unsigned id)
{
    Virtio v = { .pci = pci };

    if (!(pci ? find_pci(&v, id) : find_mmio(&v, id))) {
        check("device found", 0, id);
        finish();
    }
    irq_enable(v.irq);
    return v;
}

/* --- registers --- */

uint8_t virtio_status(const Virtio *v)
{
    return v->pci ? get8(v->common + P_STATUS)
                  : (uint8_t)get32(v->base + M_STATUS);
}

void virtio_set_status(const Virtio *v, uint8_t status)
{
    if (v->pci) {
        put8(v->common + P_STATUS, status);
    } else {
        put32(v->base + M_STATUS, status);
    }
    if (status) {
        return;
    }
    while (virtio_status(v)) {
    }
    while (irq_pending(v->irq)) { /* of before; there are no more */
        irq_begin(v->irq);
        irq_end(v->irq);
    }
}

uint64_t virtio_features(const Virtio *v)
{
    uint64_t sel =
        v->pci ? v->common + P_FEATURES_SEL : v->base + M_FEATURES_SEL;
    uint64_t at = v->pci ? v->common + P_FEATURES : v->base + M_FEATURES;
    uint64_t low;

    put32(sel, 0);
    low = get32(at);
    put32(sel, 1);
    return low | (uint64_t)get32(at) << 32;
}

void virtio_set_features(const Virtio *v, uint64_t features)
{
    uint64_t sel = v->pci ? v->common + P_DRIVER_SEL : v->base + M_DRIVER_SEL;
    uint64_t at = v->pci ? v->common + P_DRIVER : v->base + M_DRIVER;

    for (uint32_t i = 0; i < 2; i++) {
        put32(sel, i);
        put32(at, (uint32_t)(features >> 32 * i));
    }
}

static void select_queue(const Virtio *v, unsigned queue)
{
    if (v->pci) {
        put16(v->common + P_QUEUE_SEL, (uint16_t)queue);
    } else {
        put32(v->base + M_QUEUE_SEL, queue);
    }
}

unsigned virtio_queue_max(const Virtio *v, unsigned queue)
{
    select_queue(v, queue);
    return v->pci ? get16(v->common + P_QUEUE_NUM)
                  : get32(v->base + M_QUEUE_MAX);
}

static void put_address(uint64_t at, uint64_t address)
{
    put32(at, (uint32_t)address);
    put32(at + 4, (uint32_t)(address >> 32));
}

void virtio_set_queue(const Virtio *v, unsigned queue, unsigned size,
                      uint64_t desc, uint64_t avail, uint64_t used)
{
    select_queue(v, queue);
    if (v->pci) {
        put16(v->common + P_QUEUE_NUM, (uint16_t)size);
        put_address(v->common + P_DESC, desc);
        put_address(v->common + P_AVAIL, avail);
        put_address(v->common + P_USED, used);
        put16(v->common + P_QUEUE_ENABLE, 1);
    } else {
        put32(v->base + M_QUEUE_NUM, size);
        put_address(v->base + M_DESC, desc);
        put_address(v->base + M_AVAIL, avail);
        put_address(v->base + M_USED, used);
        put32(v->base + M_QUEUE_READY, 1);
    }
}

bool virtio_queue_enabled(const Virtio *v, unsigned queue)
{
    select_queue(v, queue);
    return v->pci ? get16(v->common + P_QUEUE_ENABLE)
                  : get32(v->base + M_QUEUE_READY);
}

void virtio_reset_queue(const Virtio *v, unsigned queue)
{
    select_queue(v, queue);
    if (v->pci) {
        put16(v->common + P_RESET, 1);
        while (get16(v->common + P_RESET)) {
        }
    } else {
        put32(v->base + M_RESET, 1);
        while (get32(v->base + M_RESET)) {
        }
    }
}

uint32_t virtio_generation(const Virtio *v)
{
    return v->pci ? get8(v->common + P_GENERATION)
                  : get32(v->base + M_GENERATION);
}

void virtio_notify(const Virtio *v, unsigned queue)
{
    barrier();
    if (v->pci) {
        select_queue(v, queue);
        put16(v->notify + v->notify_step * get16(v->common + P_NOTIFY_OFF),
              (uint16_t)queue);
    } else {
        put32(v->base + M_NOTIFY, queue);
    }
}

uint8_t virtio_isr(const Virtio *v)
{
    uint8_t isr;

    if (v->pci) {
        return get8(v->isr);
    }
    isr = (uint8_t)get32(v->base + M_ISR);
    put32(v->base + M_ACK, isr);
    return isr;
}

static uint64_t config_at(const Virtio *v, unsigned at)
{
    return (v->pci ? v->config : v->base + M_CONFIG) + at;
}

uint8_t virtio_config8(const Virtio *v, unsigned at)
{
    return get8(config_at(v, at));
}

uint32_t virtio_config32(const Virtio *v, unsigned at)
{
    return get32(config_at(v, at));
}

void virtio_set_config32(const Virtio *v, unsigned at, uint32_t value)
{
    put32(config_at(v, at), value);
}

/* --- rings --- */

void virtio_start(Virtio *v, uint64_t features, unsigned queues)
{
    virtio_set_status(v, 0);
    virtio_set_status(v, ACKNOWLEDGE);
    virtio_set_status(v, ACKNOWLEDGE | DRIVER);
    virtio_set_features(v, features | F_VERSION_1);
    virtio_set_status(v, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    check("status with features", virtio_status(v),
          ACKNOWLEDGE | DRIVER | FEATURES_OK);
    for (unsigned i = 0; i < queues; i++) {
        volatile Ring *r = &ring_memory[v->pci][i];

        memset((void *)r, 0, sizeof(*r));
        v->rings[i] = r;
        virtio_set_queue(v, i, RING_SIZE, (uintptr_t)r->desc,
                         (uintptr_t)&r->avail, (uintptr_t)&r->used);
    }
    virtio_set_status(v, RUNNING);
}

void ring_publish(volatile Ring *r, uint16_t head)
{
    r->avail.ring[r->avail.idx % RING_SIZE] = head;
    barrier();
    r->avail.idx++;
}

uint16_t ring_add(volatile Ring *r, const Buf *bufs, unsigned n)
{
    uint16_t head = r->free % RING_SIZE;

    for (unsigned i = 0; i < n; i++) {
        uint16_t at = r->free++ % RING_SIZE;

        r->desc[at].addr = (uintptr_t)bufs[i].at;
        r->desc[at].len = bufs[i].len;
        r->desc[at].next = r->free % RING_SIZE;
        r->desc[at].flags = bufs[i].flags | (i + 1 < n ? DESC_NEXT : 0);
    }
    ring_publish(r, head);
    return head;
}

static Used take_used(volatile Ring *r)
{
    unsigned at = r->seen++ % RING_SIZE;

    barrier();
    return (Used){ r->used.ring[at].id, r->used.ring[at].len };
}

Used ring_wait(Virtio *v, unsigned queue)
{
    volatile Ring *r = v->rings[queue];

    do { /* the interrupt in any case, so that none is left behind */
        irq_begin(v->irq);
        virtio_isr(v);
        irq_end(v->irq);
    } while (r->used.idx == r->seen);
    return take_used(r);
}

Used ring_poll(volatile Ring *r)
{
    while (r->used.idx == r->seen) {
    }
    return take_used(r);
}

uint32_t ring_do(Virtio *v, unsigned queue, const Buf *bufs, unsigned n)
{
    uint16_t head = ring_add(v->rings[queue], bufs, n);
    Used used;

    virtio_notify(v, queue);
    used = ring_wait(v, queue);
    if (used.id != head) {
        check("used element", used.id, head);
    }
    return used.len;
}

uint8_t virtio_wait_config(Virtio *v)
{
    uint8_t isr;

    do {
        irq_begin(v->irq);
        isr = virtio_isr(v);
        irq_end(v->irq);
    } while (!(isr & 2));
    return isr;
}
