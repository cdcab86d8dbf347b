/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VirtIO devices, independent of the transport that shows them to a guest.
 *
 * Spec:  VIRTIO 1.2, chapters 2 (facilities), 3 (initialization), 6
 *        (reserved feature bits).
 * Locks: machine lock, but for queues that an iothread serves (ring.h).
 *
 * A device type derives from virtio_device_type and sits on a bus derived
 * from virtio_bus_type, which its transport owns. A transport drives the
 * device by the calls below and hears of interrupts through VirtioBusType.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "hw/virtio/ring.h"
#include "softmmu/machine/machine.h"

typedef struct VirtioBus VirtioBus;
typedef struct VirtioBusType VirtioBusType;

/* Device status field; 2.1. */
enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

/* Reserved feature bits; 6 and 6.3 (legacy). */
enum {
    VIRTIO_F_NOTIFY_ON_EMPTY = 24,
    VIRTIO_F_ANY_LAYOUT = 27,
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_ACCESS_PLATFORM = 33,
    VIRTIO_F_RING_PACKED = 34,
    VIRTIO_F_IN_ORDER = 35,
    VIRTIO_F_ORDER_PLATFORM = 36,
    VIRTIO_F_SR_IOV = 37,
    VIRTIO_F_NOTIFICATION_DATA = 38,
    VIRTIO_F_NOTIF_CONFIG_DATA = 39,
    VIRTIO_F_RING_RESET = 40,
};

/* Interrupt reasons: ISR (4.1.4.5), InterruptStatus (4.2.2). */
enum {
    VIRTIO_ISR_QUEUE = 1,
    VIRTIO_ISR_CONFIG = 2,
};

enum {
    VIRTIO_QUEUES_MAX = 1024,
    VIRTIO_CONFIG_MAX = 256,
    VIRTIO_NO_VECTOR = 0xffff,
};

/* Device types; chapter 5. */
enum {
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_ENTROPY = 4,
    VIRTIO_ID_BALLOON = 5,
};

typedef struct VirtioDeviceType {
    struct DeviceType;
    uint16_t device_id;
    uint16_t config_size; /* bytes of configuration space; 0: none */
    /* Add queues, take back ends, set v->offered. The base's realize calls
     * it, then tells the transport. Undo on failure. */
    bool (*start)(VirtioDevice *v, Error **errp);
    void (*stop)(VirtioDevice *v); /* of unrealize; queues go afterwards */
    /* Bring v->config up to date, before it is read; NULL: it always is. */
    void (*config_read)(VirtioDevice *v);
    /* The driver wrote @len bytes of v->config at @off: take what may be
     * written and restore the rest. NULL: nothing is writable. */
    void (*config_written)(VirtioDevice *v, unsigned off, unsigned len);
    /* v->features is what the driver took (FEATURES_OK, or legacy). May clear
     * bits to refuse: a driver sees FEATURES_OK stay clear. */
    bool (*features_set)(VirtioDevice *v);
    /* v->status changed from @old; DRIVER_OK starts the device. */
    void (*status_set)(VirtioDevice *v, uint8_t old);
    /* Give up all requests: detach elements, cancel what is under way. */
    void (*reset)(VirtioDevice *v);
    /* One queue is reset on its own (RING_RESET); NULL: as nothing is held. */
    void (*queue_reset)(VirtioDevice *v, VirtQueue *vq);
    /* The machine goes on: take up what was put off while it stood. */
    void (*resume)(VirtioDevice *v);
} VirtioDeviceType;
extern const VirtioDeviceType virtio_device_type; /* "virtio-device" */

/* Tells a device that the machine stops or goes on. */
typedef struct VirtioNotifier {
    Notifier notifier;
    VirtioDevice *device;
} VirtioNotifier;

struct VirtioDevice {
    DeviceState parent;
    /* properties */
    bool indirect_desc, event_idx, ring_packed, in_order, notify_on_empty,
        any_layout, ring_reset, access_platform;
    /* constant after realize */
    uint64_t offered; /* features, by start() */
    AddressSpace *as; /* where rings and buffers are */
    MemAttrs attrs;   /* of its DMA */
    unsigned n_queues;
    VirtQueue **queues; /* by index; .size_max 0: not there */
    /* guest state; saved */
    uint8_t status;
    uint8_t isr;       /* VIRTIO_ISR_x: virtio_isr(), _set(), _clear() */
    bool broken;       /* latched until reset */
    bool legacy;       /* the driver drives it by the legacy interface */
    uint64_t features; /* that the driver took */
    uint32_t config_generation;
    uint16_t config_vector; /* PCI: MSI-X entry for config changes */
    uint8_t config[VIRTIO_CONFIG_MAX];
    /* not saved */
    VirtioNotifier on_state;
    BottomHalf *broken_bh; /* tells the driver, for an iothread */
};

static inline bool virtio_has(const VirtioDevice *v, unsigned feature)
{
    return v->features >> feature & 1;
}

/* --- for devices --- */

/* In start(): the next queue, of @size descriptors (at most VIRTQ_SIZE_MAX,
 * a power of two). @handler runs in @ctx (NULL: the main loop). */
VirtQueue *virtio_add_queue(VirtioDevice *v, uint16_t size,
                            VirtQueueHandler *handler, LoopContext *ctx);
/* NULL: no such queue. */
VirtQueue *virtio_queue(VirtioDevice *v, unsigned index);
/* The configuration changed: raises the generation and interrupts. */
void virtio_config_changed(VirtioDevice *v);
/* The driver broke a rule it cannot be forgiven: latch, NEEDS_RESET, and a
 * guest error with the text. Any thread that serves a queue. */
void virtio_broken(VirtioDevice *v, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* --- for transports: machine lock --- */

/* All that is offered: the device's, the rings', VERSION_1 unless @legacy. */
uint64_t virtio_offered(const VirtioDevice *v, bool legacy);
/* Take the driver's features; false (and nothing taken) when it wants what
 * was not offered. */
bool virtio_set_features(VirtioDevice *v, uint64_t features);
/* Write the status register: 0 resets, FEATURES_OK is checked. */
void virtio_set_status(VirtioDevice *v, uint8_t status);
void virtio_reset(VirtioDevice *v);
/* One queue alone (2.6.1; legacy: its address set to 0). */
void virtio_queue_reset(VirtioDevice *v, VirtQueue *vq);
/* @size 1, 2 or 4 (8 as the bus splits it) at @off, little-endian; out of
 * range reads all ones and ignores writes. */
uint64_t virtio_config_read(VirtioDevice *v, unsigned off, unsigned size);
void virtio_config_write(VirtioDevice *v, unsigned off, unsigned size,
                         uint64_t value);
/* Set ISR bits and tell the transport; what devices' calls end in. */
void virtio_interrupt_queue(VirtQueue *vq);
void virtio_interrupt_config(VirtioDevice *v);
/* The ISR register's bits, which threads that serve queues set, too. set: were
 * they all clear before? */
static inline uint8_t virtio_isr(const VirtioDevice *v)
{
    return __atomic_load_n(&v->isr, __ATOMIC_SEQ_CST);
}
static inline bool virtio_isr_set(VirtioDevice *v, uint8_t bits)
{
    return (__atomic_fetch_or(&v->isr, bits, __ATOMIC_SEQ_CST) & bits) == 0;
}
static inline void virtio_isr_clear(VirtioDevice *v, uint8_t bits)
{
    __atomic_fetch_and(&v->isr, (uint8_t)~bits, __ATOMIC_SEQ_CST);
}
/* Keep the loops of all queues but the main one away; and back. Nests. */
void virtio_quiesce(VirtioDevice *v, bool on);

/* Descriptors that interrupt in place of calls, the same way: the transport
 * calls it when what interrupt_fd() says changes. bell.c. */
void virtio_irq_fds_update(VirtioDevice *v);
/* Doorbells in place of exits, where engine and transport have them: as the
 * device's state wants it now; none. bell.c. */
void virtio_bells_update(VirtioDevice *v);
void virtio_bells_off(VirtioDevice *v);

/* --- the bus between device and transport --- */

struct VirtioBusType {
    struct BusType;
    /* A device was realized on it: show it to the guest. False refuses. Sets
     * v->as and v->attrs, which are the CPUs' view and plain DMA before. */
    bool (*attached)(VirtioBus *bus, VirtioDevice *v, Error **errp);
    void (*detached)(VirtioBus *bus, VirtioDevice *v);
    /* v->isr changed, and an interrupt wants to be sent: @vector is
     * vq->vector or v->config_vector; VIRTIO_NO_VECTOR (after a load): only
     * drive the line anew. */
    void (*interrupt)(VirtioBus *bus, VirtioDevice *v, uint16_t vector);
    /* An eventfd that interrupts for @vq as .interrupt does with its vector,
     * written by any thread; -1, or NULL: there is none now. */
    int (*interrupt_fd)(VirtioBus *bus, VirtQueue *vq);
    /* It is that of a line, whose level is the ISR bit's; else no ISR bit is
     * needed (4.1.4.5.2). */
    bool interrupt_fd_isr;
    /* Where the driver's write notifies of @vq: the region, and *e but its
     * descriptor. NULL: an engine's doorbell cannot stand for it. */
    MemoryRegion *(*bell)(VirtioBus *bus, VirtQueue *vq, MemoryIoeventfd *e);
};
extern const VirtioBusType virtio_bus_type; /* "virtio-bus", abstract */

/* One device a bus. A transport embeds it and calls bus_init() on it. */
struct VirtioBus {
    Bus parent;
};
/* The realized device on it, or NULL. */
VirtioDevice *virtio_bus_device(const VirtioBus *bus);

#endif
