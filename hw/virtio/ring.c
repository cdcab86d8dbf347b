/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Virtqueues.
 *
 * Spec:  VIRTIO 1.2, 2.7 (split), 2.8 (packed), 2.9 (in order), 2.6.1 (reset
 *        of a queue).
 * Guest: rings and buffers in its memory; every number in them is hostile. A
 *        descriptor is copied once, then checked and used.
 * Locks: the context that owns the queue; see ring.h.
 */
#include "tandem/base.h"

#include "hw/virtio/devices.h"
#include "hw/virtio/virtio.h"
#include "trace_hw_virtio.h"

/* Descriptors, both kinds; 2.7.5, 2.8.13. */
enum { DESC_BYTES = 16 };
enum {
    DESC_F_NEXT = 1,
    DESC_F_WRITE = 2,
    DESC_F_INDIRECT = 4,
    DESC_F_AVAIL = 1 << 7, /* packed only */
    DESC_F_USED = 1 << 15,
};
typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next; /* packed: .next is the buffer id */
} Desc;

/* Split rings, byte offsets; 2.7.6, 2.7.8. */
enum { RING_FLAGS = 0, RING_IDX = 2, RING_ENTRIES = 4, USED_ENTRY_BYTES = 8 };
enum { AVAIL_F_NO_INTERRUPT = 1, USED_F_NO_NOTIFY = 1 };

/* Event suppression of packed rings; 2.8.14. */
enum { EVENT_OFF_WRAP = 0, EVENT_FLAGS = 2 };
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };

/* A chain is at most this long; 2.7.5.2.1. */
#define CHAIN_BYTES_MAX (4 * GiB)

/* What was returned and waits to be made visible. */
typedef struct VirtqDone {
    uint32_t order;
    uint32_t written;
    uint16_t id, n_desc;
} VirtqDone;

static bool is_packed(const VirtQueue *vq)
{
    return virtio_has(vq->device, VIRTIO_F_RING_PACKED);
}

/* --- guest memory --- */

static bool ring_ld(VirtQueue *vq, hwaddr addr, unsigned size, uint64_t *value)
{
    VirtioDevice *v = vq->device;

    if (address_space_ld(v->as, addr, size, MEM_LITTLE, value, v->attrs) !=
        MEM_OK) {
        virtio_broken(v, "queue %u: ring at 0x%" PRIx64 " cannot be read",
                      vq->index, addr);
        *value = 0;
        return false;
    }
    return true;
}

static bool ring_st(VirtQueue *vq, hwaddr addr, unsigned size, uint64_t value)
{
    VirtioDevice *v = vq->device;

    if (address_space_st(v->as, addr, size, MEM_LITTLE, value, v->attrs) !=
        MEM_OK) {
        virtio_broken(v, "queue %u: ring at 0x%" PRIx64 " cannot be written",
                      vq->index, addr);
        return false;
    }
    return true;
}

static bool desc_read(VirtQueue *vq, hwaddr addr, Desc *d)
{
    VirtioDevice *v = vq->device;
    uint8_t raw[DESC_BYTES];

    if (dma_read(v->as, addr, raw, sizeof(raw), v->attrs) != MEM_OK) {
        virtio_broken(v, "queue %u: no descriptor at 0x%" PRIx64, vq->index,
                      addr);
        return false;
    }
    if (is_packed(vq)) { /* 2.8.13: id before flags */
        *d = (Desc){ ld64_le(raw), ld32_le(raw + 8), ld16_le(raw + 14),
                     ld16_le(raw + 12) };
    } else {
        *d = (Desc){ ld64_le(raw), ld32_le(raw + 8), ld16_le(raw + 12),
                     ld16_le(raw + 14) };
    }
    return true;
}

/* --- chains --- */

typedef struct Segment {
    uint64_t addr;
    uint32_t len;
} Segment;

/* A chain as it is being read. */
typedef struct Chain {
    Segment seg[VIRTQ_SEGMENTS_MAX];
    unsigned n_out, n_in;
    uint64_t bytes;
    uint16_t id, n_desc;
} Chain;

static bool chain_add(VirtQueue *vq, Chain *c, const Desc *d)
{
    unsigned n = c->n_out + c->n_in;

    if (!(d->flags & DESC_F_WRITE) && c->n_in > 0) { /* 2.7.4.2 */
        virtio_broken(vq->device, "queue %u: readable buffer after writable",
                      vq->index);
        return false;
    }
    if (n == VIRTQ_SEGMENTS_MAX) {
        virtio_broken(vq->device, "queue %u: chain of over %d buffers",
                      vq->index, VIRTQ_SEGMENTS_MAX);
        return false;
    }
    c->bytes += d->len;
    if (c->bytes > CHAIN_BYTES_MAX) {
        virtio_broken(vq->device, "queue %u: chain of over 4 GiB", vq->index);
        return false;
    }
    if (d->len == 0) {
        return true; /* nothing to read or write there */
    }
    c->seg[n] = (Segment){ d->addr, d->len };
    if (d->flags & DESC_F_WRITE) {
        c->n_in++;
    } else {
        c->n_out++;
    }
    return true;
}

/* A descriptor table of @n from @table on; split chains go by .next from 0. */
static bool chain_walk(VirtQueue *vq, Chain *c, hwaddr table, unsigned n,
                       unsigned i, bool indirect);

static bool chain_indirect(VirtQueue *vq, Chain *c, const Desc *d)
{
    if (!virtio_has(vq->device, VIRTIO_F_INDIRECT_DESC)) {
        virtio_broken(vq->device,
                      "queue %u: indirect descriptor without "
                      "the feature",
                      vq->index);
        return false;
    }
    if (d->flags & DESC_F_NEXT || d->len == 0 || d->len % DESC_BYTES != 0 ||
        d->len / DESC_BYTES > VIRTQ_SEGMENTS_MAX) { /* 2.7.5.3.1 */
        virtio_broken(vq->device, "queue %u: indirect table of %u bytes",
                      vq->index, d->len);
        return false;
    }
    return chain_walk(vq, c, d->addr, d->len / DESC_BYTES, 0, true);
}

static bool chain_walk(VirtQueue *vq, Chain *c, hwaddr table, unsigned n,
                       unsigned i, bool indirect)
{
    bool straight = indirect && is_packed(vq); /* 2.8.8: no .next */

    for (unsigned seen = 0; seen < n; seen++) {
        Desc d;

        if (!desc_read(vq, table + (hwaddr)i * DESC_BYTES, &d)) {
            return false;
        }
        if (d.flags & DESC_F_INDIRECT && !straight) {
            if (indirect) {
                virtio_broken(vq->device, "queue %u: nested indirect table",
                              vq->index);
                return false;
            }
            return chain_indirect(vq, c, &d);
        }
        if (!chain_add(vq, c, &d)) {
            return false;
        }
        if (straight) {
            i++;
            continue;
        }
        if (!(d.flags & DESC_F_NEXT)) {
            return true;
        }
        if (d.next >= n) {
            virtio_broken(vq->device, "queue %u: next is %u of %u", vq->index,
                          d.next, n);
            return false;
        }
        i = d.next;
    }
    if (!straight) {
        virtio_broken(vq->device, "queue %u: chain loops", vq->index);
    }
    return straight;
}

/* --- taking --- */

/* How many chains wait in a split ring; false when there are none. */
static bool split_available(VirtQueue *vq)
{
    uint64_t idx;
    uint16_t delta;

    if (!ring_ld(vq, vq->driver + RING_IDX, 2, &idx)) {
        return false;
    }
    delta = (uint16_t)(idx - vq->last_avail);
    if (delta > vq->size) {
        virtio_broken(vq->device, "queue %u: index moved by %u in a ring of %u",
                      vq->index, delta, vq->size);
        return false;
    }
    return delta != 0;
}

static bool split_take(VirtQueue *vq, Chain *c)
{
    uint64_t head;

    if (!split_available(vq)) {
        return false;
    }
    atomic_thread_fence(memory_order_acquire); /* the driver's barrier before
                                                  its store to idx; 2.7.13 */
    if (!ring_ld(vq,
                 vq->driver + RING_ENTRIES +
                     2u * (vq->last_avail & (vq->size - 1u)),
                 2, &head)) {
        return false;
    }
    if (head >= vq->size) {
        virtio_broken(vq->device, "queue %u: head %u in a ring of %u",
                      vq->index, (unsigned)head, vq->size);
        return false;
    }
    c->id = (uint16_t)head;
    c->n_desc = 1;
    if (!chain_walk(vq, c, vq->desc, vq->size, c->id, false)) {
        return false;
    }
    vq->last_avail++;
    return true;
}

/* 2.8.1: available when AVAIL equals our wrap counter and USED does not. */
static bool packed_available(VirtQueue *vq)
{
    uint64_t flags;

    if (!ring_ld(vq, vq->desc + (hwaddr)vq->last_avail * DESC_BYTES + 14, 2,
                 &flags)) {
        return false;
    }
    return ((flags & DESC_F_AVAIL) != 0) == vq->avail_wrap &&
           ((flags & DESC_F_USED) != 0) != vq->avail_wrap;
}

/* Move a place in a packed ring by @n slots, @n at most the ring's size. */
static void packed_advance(const VirtQueue *vq, uint16_t *index, bool *wrap,
                           unsigned n)
{
    unsigned at = *index + n;

    if (at >= vq->size) {
        at -= vq->size;
        *wrap = !*wrap;
    }
    *index = (uint16_t)at;
}

/* A list of descriptors in successive slots; 2.8.6. The last has the id. */
static bool packed_walk(VirtQueue *vq, Chain *c)
{
    uint16_t at = vq->last_avail;
    bool wrap = false;

    for (c->n_desc = 1; c->n_desc <= vq->size; c->n_desc++) {
        Desc d;

        if (!desc_read(vq, vq->desc + (hwaddr)at * DESC_BYTES, &d)) {
            return false;
        }
        c->id = d.next;
        if (d.flags & DESC_F_INDIRECT ? !chain_indirect(vq, c, &d)
                                      : !chain_add(vq, c, &d)) {
            return false;
        }
        if (!(d.flags & DESC_F_NEXT)) {
            return true;
        }
        packed_advance(vq, &at, &wrap, 1);
    }
    virtio_broken(vq->device, "queue %u: chain longer than the ring",
                  vq->index);
    return false;
}

static bool packed_take(VirtQueue *vq, Chain *c)
{
    if (!packed_available(vq)) {
        return false;
    }
    atomic_thread_fence(memory_order_acquire); /* flags come first; 2.8.21 */
    if (!packed_walk(vq, c)) {
        return false;
    }
    packed_advance(vq, &vq->last_avail, &vq->avail_wrap, c->n_desc);
    return true;
}

/* Give back what dma_map gave: iov[0..n), of which @written bytes changed. */
static void unmap(VirtioDevice *v, const struct iovec *iov, unsigned n,
                  bool to_guest, uint64_t written)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t part = MIN(written, iov[i].iov_len);

        dma_unmap(v->as, iov[i].iov_base, iov[i].iov_len, to_guest, part);
        written -= part;
    }
}

/* Map one segment, which may lie in several pieces of host memory. */
static bool map_segment(VirtioDevice *v, GArray *iov, GArray *addrs, Segment s,
                        bool to_guest)
{
    while (s.len > 0) {
        uint64_t len = s.len;
        void *host = dma_map(v->as, s.addr, &len, to_guest, v->attrs);
        struct iovec piece = { host, len };

        if (!host || len == 0 || iov->len >= 2 * VIRTQ_SEGMENTS_MAX) {
            if (host) {
                dma_unmap(v->as, host, len, to_guest, 0);
            }
            return false;
        }
        g_array_append_val(iov, piece);
        g_array_append_val(addrs, s.addr);
        s.addr += len;
        s.len -= (uint32_t)len;
    }
    return true;
}

static bool map_list(VirtioDevice *v, GArray *iov, GArray *addrs,
                     const Segment *seg, unsigned n, bool to_guest)
{
    for (unsigned i = 0; i < n; i++) {
        if (!map_segment(v, iov, addrs, seg[i], to_guest)) {
            return false;
        }
    }
    return true;
}

static bool map_segments(VirtioDevice *v, VirtqElement *e, const Segment *seg,
                         unsigned n_out, unsigned n_in)
{
    GArray *iov =
        g_array_sized_new(false, false, sizeof(struct iovec), n_out + n_in + 1);
    GArray *addrs =
        g_array_sized_new(false, false, sizeof(hwaddr), n_out + n_in + 1);
    bool ok = map_list(v, iov, addrs, seg, n_out, false);

    e->n_out = iov->len;
    ok = ok && map_list(v, iov, addrs, seg + n_out, n_in, true);
    e->n_in = iov->len - e->n_out;
    e->addr = (hwaddr *)(void *)g_array_free(addrs, false);
    e->out = (struct iovec *)(void *)g_array_free(iov, false);
    e->in = e->out + e->n_out;
    e->out_len = iov_length(e->out, e->n_out);
    e->in_len = iov_length(e->in, e->n_in);
    if (!ok) {
        unmap(v, e->out, e->n_out, false, 0);
        unmap(v, e->in, e->n_in, true, 0);
    }
    return ok;
}

void virtq_element_free(VirtqElement *e)
{
    if (e) {
        g_free(e->out);
        g_free(e->addr);
        g_free(e);
    }
}

void *virtq_pop(VirtQueue *vq, size_t size)
{
    VirtioDevice *v = vq->device;
    Chain c; /* 16 KiB; only the head is initialized */
    VirtqElement *e;

    if (!virtq_ready(vq)) {
        return NULL;
    }
    c.n_out = c.n_in = 0;
    c.bytes = 0;
    /* What is done ahead of its turn (in-order) is the device's still. */
    if (vq->in_flight + vq->filled.length >= vq->size) {
        if (!virtq_empty(vq)) {
            virtio_broken(v, "queue %u: more buffers than the ring holds",
                          vq->index);
        }
        return NULL;
    }
    if (is_packed(vq) ? !packed_take(vq, &c) : !split_take(vq, &c)) {
        return NULL;
    }
    e = g_malloc0(size);
    e->vq = vq;
    e->id = c.id;
    e->n_desc = c.n_desc;
    e->order = vq->order_next;
    if (!map_segments(v, e, c.seg, c.n_out, c.n_in)) {
        virtio_broken(v, "queue %u: buffers that are not in memory", vq->index);
        virtq_element_free(e);
        return NULL;
    }
    vq->order_next++;
    vq->in_flight++;
    trace_virtio_pop(vq->index, e->id, e->out_len, e->in_len);
    return e;
}

/* --- returning --- */

static gint done_order(gconstpointer a, gconstpointer b, gpointer unused)
{
    const VirtqDone *x = a, *y = b;

    return (int32_t)(x->order - y->order) < 0 ? -1 : 1;
}

void virtq_fill(VirtQueue *vq, VirtqElement *e, uint32_t written)
{
    VirtqDone *d = g_new(VirtqDone, 1);

    written = (uint32_t)MIN(written, e->in_len);
    unmap(vq->device, e->out, e->n_out, false, 0);
    unmap(vq->device, e->in, e->n_in, true, written);
    vq->in_flight--;
    *d = (VirtqDone){ e->order, written, e->id, e->n_desc };
    g_queue_insert_sorted(&vq->filled, d, done_order, NULL);
    trace_virtio_fill(vq->index, e->id, written);
}

/* How many of .filled may be shown now: all, but for in-order. */
static unsigned flushable(VirtQueue *vq)
{
    unsigned n = 0;

    if (!virtio_has(vq->device, VIRTIO_F_IN_ORDER)) {
        return vq->filled.length;
    }
    for (GList *l = vq->filled.head; l; l = l->next) {
        if (((VirtqDone *)l->data)->order != vq->order_done + n) {
            break;
        }
        n++;
    }
    return n;
}

/* 2.7.8: entries, then idx. */
static void split_flush(VirtQueue *vq, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree VirtqDone *d = g_queue_pop_head(&vq->filled);
        unsigned slot = (vq->used + i) & (vq->size - 1u);

        if (!ring_st(vq, vq->dev + RING_ENTRIES + slot * USED_ENTRY_BYTES, 8,
                     d->id | (uint64_t)d->written << 32)) {
            return;
        }
    }
    atomic_thread_fence(memory_order_release); /* with the driver's read of
                                                  idx, then of entries */
    vq->used = (uint16_t)(vq->used + n);
    vq->since_signal += n;
    ring_st(vq, vq->dev + RING_IDX, 2, vq->used);
}

/* One used descriptor but for its flags, which are returned; 2.8.6. */
static uint16_t packed_put(VirtQueue *vq, hwaddr at, const VirtqDone *d,
                           bool wrap)
{
    ring_st(vq, at + 8, 4, d->written);
    ring_st(vq, at + 12, 2, d->id);
    return (wrap ? DESC_F_AVAIL | DESC_F_USED : 0) |
           (d->written ? DESC_F_WRITE : 0);
}

/* The driver looks at the first one: its flags are stored last. */
static void packed_flush(VirtQueue *vq, unsigned n)
{
    hwaddr first = vq->desc + (hwaddr)vq->used * DESC_BYTES;
    uint16_t first_flags = 0;

    for (unsigned i = 0; i < n; i++) {
        g_autofree VirtqDone *d = g_queue_pop_head(&vq->filled);
        hwaddr at = vq->desc + (hwaddr)vq->used * DESC_BYTES;
        uint16_t flags = packed_put(vq, at, d, vq->used_wrap);

        if (i == 0) {
            first_flags = flags;
        } else {
            ring_st(vq, at + 14, 2, flags);
        }
        packed_advance(vq, &vq->used, &vq->used_wrap, d->n_desc);
        vq->since_signal += d->n_desc;
    }
    atomic_thread_fence(memory_order_release);
    ring_st(vq, first + 14, 2, first_flags);
}

void virtq_flush(VirtQueue *vq)
{
    unsigned n = flushable(vq);

    if (vq->device->broken || !vq->enabled) {
        g_queue_clear_full(&vq->filled, g_free);
        return;
    }
    if (n == 0) {
        return;
    }
    vq->order_done += n;
    if (is_packed(vq)) {
        packed_flush(vq, n);
    } else {
        split_flush(vq, n);
    }
}

void virtq_push(VirtQueue *vq, VirtqElement *e, uint32_t written)
{
    virtq_fill(vq, e, written);
    virtq_flush(vq);
}

void virtq_detach(VirtQueue *vq, VirtqElement *e)
{
    unmap(vq->device, e->out, e->n_out, false, 0);
    unmap(vq->device, e->in, e->n_in, true, 0);
    vq->in_flight--;
}

void virtq_unpop(VirtQueue *vq, VirtqElement *e)
{
    assert(e->order + 1 == vq->order_next);
    virtq_detach(vq, e);
    vq->order_next--;
    if (!is_packed(vq)) {
        vq->last_avail--;
    } else if (vq->last_avail < e->n_desc) {
        vq->last_avail = (uint16_t)(vq->last_avail + vq->size - e->n_desc);
        vq->avail_wrap = !vq->avail_wrap;
    } else {
        vq->last_avail = (uint16_t)(vq->last_avail - e->n_desc);
    }
}

/* --- notifications, both ways --- */

/* 2.7.7: flags, or the index at which the driver wants to hear of it. */
static bool split_wants_interrupt(VirtQueue *vq, uint32_t since)
{
    uint64_t value;

    if (virtio_has(vq->device, VIRTIO_F_EVENT_IDX)) {
        return ring_ld(vq, vq->driver + RING_ENTRIES + 2u * vq->size, 2,
                       &value) &&
               (uint16_t)(vq->used - (uint16_t)value - 1u) < since;
    }
    if (!ring_ld(vq, vq->driver + RING_FLAGS, 2, &value)) {
        return false;
    }
    return !(value & AVAIL_F_NO_INTERRUPT) ||
           (virtio_has(vq->device, VIRTIO_F_NOTIFY_ON_EMPTY) &&
            vq->in_flight == 0 && virtq_empty(vq));
}

/* 2.8.10: flags, or a slot and lap. Is it among the last @since slots? */
static bool packed_wants_interrupt(VirtQueue *vq, uint32_t since)
{
    uint64_t off_wrap, flags;
    int32_t back;

    if (!ring_ld(vq, vq->driver + EVENT_FLAGS, 2, &flags)) {
        return false;
    }
    if ((flags & 3) != EVENT_DESC ||
        !virtio_has(vq->device, VIRTIO_F_EVENT_IDX)) {
        return (flags & 3) != EVENT_DISABLE;
    }
    atomic_thread_fence(memory_order_acquire); /* 2.8.10: then the offset */
    if (!ring_ld(vq, vq->driver + EVENT_OFF_WRAP, 2, &off_wrap)) {
        return false;
    }
    back = (int32_t)vq->used - (int32_t)(off_wrap & 0x7fff);
    if ((off_wrap >> 15 != 0) != vq->used_wrap) {
        back += vq->size;
    }
    return back >= 1 && (uint32_t)back <= since;
}

void virtq_notify(VirtQueue *vq)
{
    uint32_t since = vq->since_signal;

    if (vq->device->broken || !vq->enabled || since == 0) {
        return; /* nothing that the driver could look at */
    }
    atomic_thread_fence(memory_order_seq_cst); /* our used, their suppression */
    vq->since_signal = 0;
    if (is_packed(vq) ? packed_wants_interrupt(vq, since)
                      : split_wants_interrupt(vq, since)) {
        virtio_interrupt_queue(vq);
    }
}

/* Ask the driver to notify or not. */
static void set_notification(VirtQueue *vq, bool on)
{
    bool event_idx = virtio_has(vq->device, VIRTIO_F_EVENT_IDX);

    if (is_packed(vq)) {
        if (on && event_idx) {
            ring_st(vq, vq->dev + EVENT_OFF_WRAP, 2,
                    vq->last_avail | (unsigned)vq->avail_wrap << 15);
            atomic_thread_fence(memory_order_release);
        }
        ring_st(vq, vq->dev + EVENT_FLAGS, 2,
                !on         ? EVENT_DISABLE
                : event_idx ? EVENT_DESC
                            : EVENT_ENABLE);
    } else if (!event_idx) {
        ring_st(vq, vq->dev + RING_FLAGS, 2, on ? 0 : USED_F_NO_NOTIFY);
    } else if (on) { /* an old index keeps the driver quiet by itself */
        ring_st(vq, vq->dev + RING_ENTRIES + vq->size * USED_ENTRY_BYTES, 2,
                vq->last_avail);
    }
    atomic_thread_fence(memory_order_seq_cst); /* before we look again */
}

bool virtq_empty(VirtQueue *vq)
{
    if (!vq->enabled || vq->device->broken) {
        return true;
    }
    return is_packed(vq) ? !packed_available(vq) : !split_available(vq);
}

bool virtq_wait(VirtQueue *vq)
{
    if (!virtq_ready(vq)) {
        return false;
    }
    set_notification(vq, true);
    return !virtq_empty(vq);
}

bool virtq_ready(const VirtQueue *vq)
{
    const VirtioDevice *v = vq->device;

    return vq->enabled && !v->broken &&
           (v->legacy || v->status & VIRTIO_STATUS_DRIVER_OK) &&
           machine_running(v->parent.machine);
}

void virtq_run(void *opaque)
{
    VirtQueue *vq = opaque;
    uint32_t before = vq->order_next;
    bool was_empty;

    if (!virtq_ready(vq)) {
        return; /* going on, or DRIVER_OK, looks again */
    }
    set_notification(vq, false);
    was_empty = virtq_empty(vq);
    vq->handler(vq->device, vq);
    if (!virtq_ready(vq)) {
        return;
    }
    set_notification(vq, true);
    /* A handler that took nothing of what was there waits for something else;
     * what came since was not notified of. */
    if ((vq->order_next != before || was_empty) && !virtq_empty(vq)) {
        bh_schedule(vq->bh);
    }
}

void virtq_kick(VirtQueue *vq)
{
    trace_virtio_kick(vq->index);
    if (vq->bh) {
        bh_schedule(vq->bh);
    }
}

/* --- set-up --- */

bool virtq_set_size(VirtQueue *vq, uint16_t size)
{
    if (size == 0 || size > vq->size_max ||
        (!is_packed(vq) && !is_power_of_2(size))) {
        guest_error(&vq->device->parent, "queue %u: size %u", vq->index, size);
        return false;
    }
    vq->size = size;
    return true;
}

void virtq_set_legacy(VirtQueue *vq, hwaddr base, uint32_t align)
{
    vq->desc = base;
    vq->driver = base + (hwaddr)vq->size * DESC_BYTES;
    vq->dev = align_up(vq->driver + 2u * (3u + vq->size), align);
    virtq_enable(vq);
}

void virtq_enable(VirtQueue *vq)
{
    bool packed = is_packed(vq);
    bool other = vq->ctx != vq->device->parent.machine->loop;

    if (vq->size == 0 || vq->desc % 16 != 0 ||
        vq->driver % (packed ? 4 : 2) != 0 || vq->dev % 4 != 0 ||
        (!packed && !is_power_of_2(vq->size))) { /* 2.7, 2.8 */
        virtio_broken(vq->device, "queue %u: set up with a bad size or address",
                      vq->index);
        return;
    }
    trace_virtio_queue_enable(vq->index, vq->size, vq->desc, vq->driver,
                              vq->dev);
    if (other) { /* it may be looking: an early kick */
        loop_context_quiesce(vq->ctx);
    }
    vq->enabled = true;
    if (other) {
        loop_context_resume(vq->ctx);
    }
    virtq_kick(vq); /* buffers may be there already */
}

void virtq_reset(VirtQueue *vq)
{
    vq->size = vq->size_max;
    vq->enabled = false;
    vq->desc = vq->driver = vq->dev = 0;
    vq->vector = VIRTIO_NO_VECTOR;
    vq->irq_fd = -1;
    vq->last_avail = vq->used = 0;
    vq->avail_wrap = vq->used_wrap = true; /* 2.8.1 */
    vq->since_signal = 0;
    vq->order_next = vq->order_done = 0;
    vq->in_flight = 0;
    g_queue_clear_full(&vq->filled, g_free);
}

/* --- saved state --- */

static void filled_save(const void *field, const void *obj, VmBuffer *b)
{
    const GQueue *q = field;

    vm_put_u64(b, q->length);
    for (const GList *l = q->head; l; l = l->next) {
        const VirtqDone *d = l->data;

        vm_put_u64(b, (uint64_t)d->order << 32 | d->written);
        vm_put_u64(b, (uint64_t)d->id << 16 | d->n_desc);
    }
}

static bool filled_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    VirtQueue *vq = obj;
    uint64_t n = vm_get_u64(b);

    g_queue_clear_full(&vq->filled, g_free);
    if (n > vq->size_max) {
        error_set(errp, "virtqueue: %" PRIu64 " buffers are done", n);
        return false;
    }
    while (n-- > 0) {
        uint64_t x = vm_get_u64(b), y = vm_get_u64(b);
        VirtqDone d = { x >> 32, (uint32_t)x, (uint16_t)(y >> 16),
                        (uint16_t)y };

        g_queue_push_tail(&vq->filled, g_memdup2(&d, sizeof(d)));
    }
    return !b->failed;
}

static const VmCustom vm_filled = { filled_save, filled_load };

static bool virtq_post_load(void *obj, int version, Error **errp)
{
    VirtQueue *vq = obj;
    bool packed = is_packed(vq);

    vq->in_flight = 0;
    if (vq->size > vq->size_max ||
        (vq->enabled &&
         (vq->size == 0 || (!packed && !is_power_of_2(vq->size)) ||
          (packed && (vq->last_avail >= vq->size || vq->used >= vq->size))))) {
        error_set(errp, "virtqueue %u: size %u of at most %u", vq->index,
                  vq->size, vq->size_max);
        return false;
    }
    return true;
}

static const VmField virtq_fields[] = {
    VM_U16(VirtQueue, size),
    VM_BOOL(VirtQueue, enabled),
    VM_U64(VirtQueue, desc),
    VM_U64(VirtQueue, driver),
    VM_U64(VirtQueue, dev),
    VM_U16(VirtQueue, vector),
    VM_U16(VirtQueue, last_avail),
    VM_U16(VirtQueue, used),
    VM_BOOL(VirtQueue, avail_wrap),
    VM_BOOL(VirtQueue, used_wrap),
    VM_U32(VirtQueue, since_signal),
    VM_U32(VirtQueue, order_next),
    VM_U32(VirtQueue, order_done),
    VM_CUSTOM(VirtQueue, filled, vm_filled),
    { 0 },
};
const VmState virtq_vmstate = {
    .name = "virtqueue",
    .version = 1,
    .fields = virtq_fields,
    .post_load = virtq_post_load,
};

void virtq_element_save(const VirtqElement *e, VmBuffer *b)
{
    vm_put_u64(b, e->vq->index);
    vm_put_u64(b, (uint64_t)e->order << 32 | (uint64_t)e->id << 16 | e->n_desc);
    vm_put_u64(b, e->n_out);
    vm_put_u64(b, e->n_in);
    for (unsigned i = 0; i < e->n_out + e->n_in; i++) {
        vm_put_u64(b, e->addr[i]);
        vm_put_u64(b, e->out[i].iov_len);
    }
}

/* The driver is told when the machine goes on: its lines are not loaded yet. */
static void buffers_gone(VirtioDevice *v, VirtQueue *vq)
{
    guest_error(&v->parent, "queue %u: the buffers of a request are gone",
                vq->index);
    v->broken = true;
}

bool virtq_element_load(VirtioDevice *v, size_t size, VirtqElement **to,
                        VmBuffer *b, Error **errp)
{
    uint64_t index = vm_get_u64(b); /* not inside MIN(): it takes twice */
    VirtQueue *vq = virtio_queue(v, (unsigned)MIN(index, UINT_MAX));
    uint64_t ids = vm_get_u64(b), n_out = vm_get_u64(b), n_in = vm_get_u64(b);
    g_autofree Segment *seg = NULL;
    VirtqElement *e;

    if (!vq || b->failed || n_out > 2 * VIRTQ_SEGMENTS_MAX ||
        n_in > 2 * VIRTQ_SEGMENTS_MAX || vq->in_flight >= vq->size ||
        (uint16_t)ids > vq->size) {
        error_set(errp, "a request of no virtqueue that is in use");
        return false;
    }
    seg = g_new0(Segment, n_out + n_in + 1);
    for (uint64_t i = 0; i < n_out + n_in; i++) {
        seg[i].addr = vm_get_u64(b);
        seg[i].len = (uint32_t)vm_get_u64(b);
    }
    e = g_malloc0(size);
    e->vq = vq;
    e->order = (uint32_t)(ids >> 32);
    e->id = (uint16_t)(ids >> 16);
    e->n_desc = (uint16_t)ids;
    *to = NULL;
    if (b->failed) {
        error_set(errp, "a request that is cut short");
        virtq_element_free(e);
        return false;
    }
    if (!map_segments(v, e, seg, (unsigned)n_out, (unsigned)n_in)) {
        buffers_gone(v, vq);
        virtq_element_free(e);
        return true;
    }
    vq->in_flight++;
    *to = e;
    return true;
}

static void elements_save(const void *field, const void *obj, VmBuffer *b)
{
    const GQueue *q = field;

    vm_put_u64(b, q->length);
    for (const GList *l = q->head; l; l = l->next) {
        virtq_element_save(l->data, b);
    }
}

static bool elements_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    GQueue *q = field;

    for (uint64_t n = vm_get_u64(b); n > 0; n--) {
        VirtqElement *e;

        if (!virtq_element_load(obj, sizeof(*e), &e, b, errp)) {
            return false; /* also when there are too many of them */
        }
        if (e) {
            g_queue_push_tail(q, e);
        }
    }
    return true;
}

const VmCustom virtio_vm_elements = { elements_save, elements_load };
