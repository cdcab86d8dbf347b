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

typedef void VirtQueueHandler(VirtioDevice *v, VirtQueue *vq);

struct VirtQueue {
    /* constant after virtio_add_queue() */
    VirtioDevice *device;
    uint16_t index;
    uint16_t size_max;         /* what the device offers; 0: no such queue */
    VirtQueueHandler *handler; /* the driver made buffers available */
    LoopContext *ctx;          /* where handler runs */
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
    uint16_t signalled;         /* used as of the last interrupt decision */
    bool signalled_packed_wrap;
    bool signalled_valid;
    bool notify_off;    /* the device asked for no notifications */
    uint32_t in_flight; /* taken, not returned */
    /* in-order: what was returned ahead of its turn */
    GQueue pending; /* VirtqDone * */
    uint32_t order_head, order_tail;
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

/* --- for devices ---------------------------------------------------------- */

/*
 * virtq_pop: take the next chain; NULL: none, or the ring is broken. @size is
 * of a struct that begins with VirtqElement, made with g_malloc0.
 */
void *virtq_pop(VirtQueue *vq, size_t size);
/* Return it with the first @written bytes of .in filled; unmaps, frees nothing
 * else. The driver is told by virtq_notify(). */
void virtq_push(VirtQueue *vq, VirtqElement *e, uint32_t written);
/* Several buffers at once (2.7.8 mergeable buffers): fill @n of them at
 * offsets 0.., then make all visible with one store by virtq_flush. */
void virtq_fill(VirtQueue *vq, VirtqElement *e, uint32_t written,
                unsigned offset);
void virtq_flush(VirtQueue *vq, unsigned n);
/* Put the last one taken back, untouched. */
void virtq_unpop(VirtQueue *vq, VirtqElement *e);
/* Forget it without returning it (reset): unmap. */
void virtq_detach(VirtQueue *vq, VirtqElement *e);
/* After the above: g_free(e) with its lists. */
void virtq_element_free(VirtqElement *e);
/* Interrupt the driver unless it asked not to be (2.7.10, 2.8.10). */
void virtq_notify(VirtQueue *vq);
/* Ask the driver to (not) notify; after enabling, true when buffers came in
 * between and the caller has to look again. */
bool virtq_set_notification(VirtQueue *vq, bool on);
bool virtq_empty(VirtQueue *vq);
bool virtq_ready(const VirtQueue *vq); /* enabled, DRIVER_OK, not broken */
/* Does the next chains have at least @in bytes to write and @out to read? */
bool virtq_has_bytes(VirtQueue *vq, uint64_t in, uint64_t out);

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

/* A taken chain as saved state: for requests that outlive a stop. Loading
 * gives an element mapped anew, or NULL with an error. */
void virtq_element_save(const VirtqElement *e, VmBuffer *b);
void *virtq_element_load(VirtioDevice *v, size_t size, VmBuffer *b,
                         Error **errp);

/* --- for transports: machine lock ------------------------------------------
 */

/* The driver's choice of size: false and a guest error when not allowed. */
bool virtq_set_size(VirtQueue *vq, uint16_t size);
/* Legacy layout at page @pfn of @align bytes (VIRTIO 1.2, 2.7.2); pfn 0
 * stops the queue. */
void virtq_set_legacy(VirtQueue *vq, hwaddr base, uint32_t align);
/* Checks addresses and size; a bad set-up latches the device broken. */
void virtq_enable(VirtQueue *vq);
/* As the device's reset leaves it (2.6.1 queue reset). */
void virtq_reset(VirtQueue *vq);
/* The driver's notification; any thread. */
void virtq_kick(VirtQueue *vq);

extern const VmState virtq_vmstate;

#endif
