/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues: split and packed rings in guest memory, as a device sees them.
 *
 * Spec:  VIRTIO 1.2, 2.6 to 2.10 (queues), 2.7 (split), 2.8 (packed).
 * Locks: one LoopContext owns a queue and calls all that takes or returns
 *        buffers; set-up by a transport is under the machine lock with that
 *        context quiesced (DECISIONS 27).
 *
 * Guests lie: a malformed ring latches the device broken (NEEDS_RESET), and
 * then every queue of it looks empty until the driver resets it.
 */
#ifndef HW_VIRTIO_RING_H
#define HW_VIRTIO_RING_H

#include <sys/uio.h>

#include "softmmu/loop/loop.h"
#include "softmmu/memory/memory.h"
#include "softmmu/object/vmstate.h"

typedef struct VirtioDevice VirtioDevice;
typedef struct VirtQueue VirtQueue;

enum {
    VIRTQ_SIZE_MAX = 1024,    /* descriptors in a ring, at most */
    VIRTQ_SEGMENTS_MAX = 1024 /* descriptors in one chain, at most */
};

/* The driver made buffers available. The queue's caller holds notifications
 * off meanwhile and calls again if more came. */
typedef void VirtQueueHandler(VirtioDevice *v, VirtQueue *vq);

struct VirtQueue {
    /* constant after virtio_add_queue() */
    VirtioDevice *device;
    uint16_t index;
    uint16_t size_max; /* what the device offers; 0: no such queue */
    VirtQueueHandler *handler;
    LoopContext *ctx; /* where handler runs */
    BottomHalf *bh;
    /* set by the driver through the transport; saved */
    uint16_t size; /* descriptors; a power of two for split rings */
    bool enabled;
    hwaddr desc;     /* descriptor table; packed: the ring */
    hwaddr driver;   /* available ring; packed: driver event suppression */
    hwaddr dev;      /* used ring; packed: device event suppression */
    uint16_t vector; /* PCI: MSI-X entry, kept here for all queues */
    /* the device's position; saved */
    uint16_t last_avail; /* next to take: free running; packed: an index */
    uint16_t used;       /* next to return: free running; packed: an index */
    bool avail_wrap, used_wrap; /* packed: wrap counters */
    uint32_t since_signal;      /* slots returned since virtq_notify() */
    uint32_t order_next;        /* in-order: number of the next one taken */
    uint32_t order_done;        /* and of the next one that may be returned */
    GQueue filled; /* VirtqDone *: filled and not flushed; with in-order also
                      what was done ahead of its turn, by .order */
    /* not saved: elements that are loaded count themselves */
    uint32_t in_flight;    /* taken, not filled */
    int bell_fd;           /* an eventfd that .ctx watches; -1: none yet */
    MemoryRegion *bell_mr; /* where .bell rings it; NULL: nowhere */
    MemoryIoeventfd bell;
    BottomHalf *irq_bh; /* carries interrupts out of an iothread; or NULL */
    int irq_fd;   /* the transport's: written to interrupt; -1: by .irq_bh or
                     under the machine lock. Set with .ctx quiesced */
    bool irq_isr; /* VIRTIO_ISR_QUEUE first, and a write only when it rose */
};

/*
 * A chain of buffers taken from a queue. Devices put it first in a struct of
 * their own. The memory is mapped until it is returned.
 */
typedef struct VirtqElement {
    VirtQueue *vq;
    uint16_t id;     /* head descriptor; packed: buffer id */
    uint16_t n_desc; /* packed: ring slots it takes */
    uint32_t order;  /* in which it was taken */
    unsigned n_out, n_in;
    struct iovec *out;        /* the device reads these */
    struct iovec *in;         /* the device writes these */
    hwaddr *addr;             /* guest addresses: n_out, then n_in */
    uint64_t out_len, in_len; /* bytes */
} VirtqElement;

/* --- for devices --- */

/*
 * virtq_pop: take the next chain; NULL: none, or the ring is broken. @size is
 * of a struct that begins with VirtqElement, made with g_malloc0.
 */
void *virtq_pop(VirtQueue *vq, size_t size);
/* Return it with the first @written bytes of .in filled; unmaps, frees nothing
 * else. The driver is told by virtq_notify(). */
void virtq_push(VirtQueue *vq, VirtqElement *e, uint32_t written);
/* Several buffers at once (5.1.6.4 mergeable buffers): fill them in turn, then
 * make all visible with one store by virtq_flush. */
void virtq_fill(VirtQueue *vq, VirtqElement *e, uint32_t written);
void virtq_flush(VirtQueue *vq);
/* Put the last one taken back, untouched. */
void virtq_unpop(VirtQueue *vq, VirtqElement *e);
/* Forget it without returning it (reset): unmap. */
void virtq_detach(VirtQueue *vq, VirtqElement *e);
/* After the above: g_free(e) with its lists. */
void virtq_element_free(VirtqElement *e);
/* Interrupt the driver unless it asked not to be (2.7.10, 2.8.10). */
void virtq_notify(VirtQueue *vq);
bool virtq_empty(VirtQueue *vq);
/* All that was there has been taken, and outside of the handler more is
 * wanted: have the driver notify of the next one. True: it is there already. */
bool virtq_wait(VirtQueue *vq);
/* Enabled, DRIVER_OK (legacy: not needed), not broken, the machine runs. */
bool virtq_ready(const VirtQueue *vq);

/* Copy between a chain and memory, from @off on; bytes copied. */
size_t iov_to_buf(const struct iovec *iov, unsigned n, uint64_t off, void *buf,
                  size_t len);
size_t iov_from_buf(const struct iovec *iov, unsigned n, uint64_t off,
                    const void *buf, size_t len);
size_t iov_fill(const struct iovec *iov, unsigned n, uint64_t off, uint8_t byte,
                size_t len);
uint64_t iov_length(const struct iovec *iov, unsigned n);
/* The part [off, off + len) of @iov as a list in @to (at most @max);
 * entries used. */
unsigned iov_slice(struct iovec *to, unsigned max, const struct iovec *iov,
                   unsigned n, uint64_t off, uint64_t len);

/*
 * A taken chain as saved state: for requests that outlive a stop. Loading maps
 * it anew, in *@to; false: the state is refused. *@to is NULL where its buffers
 * are not in memory any more, as the driver ended bus mastering or laid a BAR
 * over them: the request is forgotten, and the device latched broken.
 */
void virtq_element_save(const VirtqElement *e, VmBuffer *b);
bool virtq_element_load(VirtioDevice *v, size_t size, VirtqElement **to,
                        VmBuffer *b, Error **errp);

/* --- for transports: machine lock --- */

/* The driver's choice of size: false and a guest error when not allowed. */
bool virtq_set_size(VirtQueue *vq, uint16_t size);
/* Legacy layout at @base, the used ring at a multiple of @align (2.7.2), and
 * enable. */
void virtq_set_legacy(VirtQueue *vq, hwaddr base, uint32_t align);
/* Checks addresses and size; a bad set-up latches the device broken. */
void virtq_enable(VirtQueue *vq);
/* As after a reset; virtio_queue_reset() tells the device first. */
void virtq_reset(VirtQueue *vq);
/* The driver's notification, or more work of the device's own: the handler
 * runs soon. Any thread. */
void virtq_kick(VirtQueue *vq);

/* The loop calls it for @vq's bottom half (device.c makes that). */
void virtq_run(void *vq);

extern const VmState virtq_vmstate;

#endif
