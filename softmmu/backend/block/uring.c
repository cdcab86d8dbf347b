/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests by io_uring: one ring a LoopContext, whose descriptor the context
 * watches. A request goes in under the ring's lock, several at once while its
 * back end is plugged; its completion is taken out in the context, or by who
 * drains, and ends through the event gate like a worker's.
 *
 * Spec: io_uring(7), io_uring_enter(2), pwritev2(2), fallocate(2).
 */
#include "tandem/base.h"

#include <linux/falloc.h>
#include <poll.h>

#include <liburing.h>

#include "internal.h"

enum { RING_ENTRIES = 256, REAP_BATCH = 64 };

struct BlockRing {
    BlockSystem *sys;
    LoopContext *ctx;
    int users; /* under sys->lock */
    struct io_uring ring;
    /* .lock, a leaf: the ring's two sides, and */
    Lock lock;
    unsigned in_flight; /* entries in the kernel or on the way there */
    bool unsent;        /* some have not been handed over */
};

/* --- sending --- */

static void send_again(void *opaque);

/* Hand over what is queued. A kernel short of memory is asked again. */
static void send_locked(BlockRing *ring)
{
    int n;

    if (!ring->unsent) {
        return;
    }
    do {
        n = io_uring_submit(&ring->ring);
    } while (n == -EINTR);
    ring->unsent = n < 0;
    if (n < 0) {
        loop_post(ring->ctx, send_again, ring);
    }
}

static void send_again(void *opaque)
{
    BlockRing *ring = opaque;

    LOCK_GUARD(&ring->lock);
    send_locked(ring);
}

static int zero_mode(const BlockIo *io)
{
    return FALLOC_FL_KEEP_SIZE |
           (io->op == BLOCK_DISCARD || (io->flags & BLOCK_REQ_UNMAP)
                ? FALLOC_FL_PUNCH_HOLE
                : FALLOC_FL_ZERO_RANGE);
}

static void fill_entry(struct io_uring_sqe *sqe, BlockRequest *r)
{
    const BlockIo *io = &r->host;
    int flags = io->flags & BLOCK_REQ_FUA ? RWF_DSYNC : 0;

    switch (io->op) {
    case BLOCK_READ:
        io_uring_prep_readv2(sqe, r->fd, io->iov, MIN(io->niov, IOV_MAX),
                             io->offset, 0);
        break;
    case BLOCK_WRITE:
        io_uring_prep_writev2(sqe, r->fd, io->iov, MIN(io->niov, IOV_MAX),
                              io->offset, flags);
        break;
    case BLOCK_FLUSH:
        io_uring_prep_fsync(sqe, r->fd, IORING_FSYNC_DATASYNC);
        break;
    default:
        io_uring_prep_fallocate(sqe, r->fd, zero_mode(io), io->offset,
                                io->bytes);
    }
    io_uring_sqe_set_data(sqe, r);
}

/* False: the ring is full. */
static bool add_entry(BlockRing *ring, BlockRequest *r)
{
    struct io_uring_sqe *sqe;

    LOCK_GUARD(&ring->lock);
    if (ring->in_flight >= RING_ENTRIES) {
        return false;
    }
    sqe = io_uring_get_sqe(&ring->ring);
    if (!sqe) {
        return false;
    }
    fill_entry(sqe, r);
    ring->in_flight++;
    ring->unsent = true;
    return true;
}

bool block_ring_add(BlockRing *ring, BlockRequest *r)
{
    return add_entry(ring, r);
}

void block_ring_send(BlockRing *ring)
{
    LOCK_GUARD(&ring->lock);
    send_locked(ring);
}

/* --- completions --- */

/* @n of a transfer's bytes are done: go on with the rest. */
static void skip_bytes(BlockRequest *r, uint64_t n)
{
    BlockIo *io = &r->host;
    struct iovec *rest;

    if (!r->rest) {
        r->rest = g_memdup2(io->iov, io->niov * sizeof(struct iovec));
        io->iov = r->rest;
    }
    rest = (struct iovec *)io->iov;
    io->offset += n;
    io->bytes -= n;
    while (io->niov > 0 && n >= rest->iov_len) {
        n -= rest->iov_len;
        rest++;
        io->niov--;
    }
    if (io->niov > 0) {
        rest->iov_base = (char *)rest->iov_base + n;
        rest->iov_len -= n;
    }
    io->iov = rest;
}

static void zero_rest(const BlockIo *io)
{
    for (int i = 0; i < io->niov; i++) {
        memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
    }
}

/* The kernel's word on a transfer; true: it is over, with *@status. */
static bool transfer_over(BlockRequest *r, int result, int *status)
{
    BlockIo *io = &r->host;

    *status = MIN(result, 0);
    if (result < 0) {
        return true;
    }
    if (result == 0 && io->bytes > 0) {
        if (io->op == BLOCK_WRITE) {
            *status = -EIO;
        } else {
            zero_rest(io); /* past the end of a file that shrank */
        }
        return true;
    }
    if ((uint64_t)result >= io->bytes) {
        return true;
    }
    skip_bytes(r, result);
    return false;
}

static void completed(BlockRing *ring, BlockRequest *r, int result)
{
    bool moves = r->host.op == BLOCK_READ || r->host.op == BLOCK_WRITE;
    int status = MIN(result, 0);

    if (result == -EINTR || result == -EAGAIN ||
        (moves && !transfer_over(r, result, &status))) {
        if (add_entry(ring, r)) {
            return;
        }
        block_request_to_worker(r); /* from its beginning; nothing is lost */
        return;
    }
    if (!moves && status == -EOPNOTSUPP) {
        block_request_to_worker(r); /* knows other ways */
        return;
    }
    block_request_finish(r, status);
}

static unsigned take_completions(BlockRing *ring, BlockRequest **requests,
                                 int *results)
{
    struct io_uring_cqe *cqe;
    unsigned n = 0;

    LOCK_GUARD(&ring->lock);
    while (n < REAP_BATCH && io_uring_peek_cqe(&ring->ring, &cqe) == 0) {
        requests[n] = io_uring_cqe_get_data(cqe);
        results[n++] = cqe->res;
        io_uring_cqe_seen(&ring->ring, cqe);
        ring->in_flight--;
    }
    return n;
}

static void reap(void *opaque)
{
    BlockRing *ring = opaque;
    BlockRequest *requests[REAP_BATCH];
    int results[REAP_BATCH];
    unsigned n;

    do {
        n = take_completions(ring, requests, results);
        for (unsigned i = 0; i < n; i++) {
            completed(ring, requests[i], results[i]);
        }
    } while (n == REAP_BATCH);
    block_ring_send(ring); /* the rest of short transfers */
}

void block_ring_wait(BlockRing *ring)
{
    struct pollfd fd = { .fd = ring->ring.ring_fd, .events = POLLIN };

    block_ring_send(ring);
    if (poll(&fd, 1, 100) > 0) {
        reap(ring);
    }
}

/* --- life --- */

static BlockRing *find_locked(BlockSystem *sys, LoopContext *ctx)
{
    for (guint i = 0; i < sys->rings->len; i++) {
        BlockRing *ring = g_ptr_array_index(sys->rings, i);

        if (ring->ctx == ctx) {
            ring->users++;
            return ring;
        }
    }
    return NULL;
}

static bool setup_ring(struct io_uring *ring, Error **errp)
{
    int err = io_uring_queue_init(RING_ENTRIES, ring, 0);

    if (err < 0) {
        error_set_errno(errp, -err, "Unable to use io_uring");
        if (err == -EPERM || err == -ENOSYS) {
            error_hint(errp, "this kernel has it not, or forbids it "
                             "(kernel.io_uring_disabled); use aio=threads");
        }
    }
    return err == 0;
}

bool block_ring_probe(Error **errp)
{
    struct io_uring ring;

    if (!setup_ring(&ring, errp)) {
        return false;
    }
    io_uring_queue_exit(&ring);
    return true;
}

/* A context is run by one thread, and the main loop's has its lock, so no two
 * make the same ring. */
BlockRing *block_ring_ref(BlockSystem *sys, LoopContext *ctx)
{
    BlockRing *ring;

    lock_acquire(&sys->lock);
    ring = find_locked(sys, ctx);
    lock_release(&sys->lock);
    if (ring) {
        return ring;
    }
    ring = g_new0(BlockRing, 1);
    if (!setup_ring(&ring->ring, NULL)) {
        g_free(ring);
        return NULL;
    }
    ring->sys = sys;
    ring->ctx = ctx;
    ring->users = 1;
    lock_init(&ring->lock);
    lock_acquire(&sys->lock);
    g_ptr_array_add(sys->rings, ring);
    lock_release(&sys->lock);
    loop_set_fd(ctx, ring->ring.ring_fd, reap, NULL, ring);
    return ring;
}

static void ring_close(void *opaque)
{
    BlockRing *ring = opaque;

    loop_set_fd(ring->ctx, ring->ring.ring_fd, NULL, NULL, NULL);
    io_uring_queue_exit(&ring->ring);
    lock_destroy(&ring->lock);
    g_free(ring);
}

void block_ring_unref(BlockRing *ring)
{
    bool last;

    lock_acquire(&ring->sys->lock);
    last = --ring->users == 0;
    if (last) {
        g_ptr_array_remove(ring->sys->rings, ring);
    }
    lock_release(&ring->sys->lock);
    if (last) {
        loop_call(ring->ctx, ring_close, ring);
    }
}
