/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event gate (DECISIONS 31-33). */
#include "tandem/base.h"

#include <sys/random.h>

#include "softmmu/loop/event.h"
#include "softmmu/loop/internal.h"

/* What waits for the end of a slice: input, or a completed request. */
typedef struct Waiting {
    EventSource *src; /* NULL: a request */
    EventRequest *req;
    GBytes *data;
} Waiting;

struct EventGate {
    ClockSet *clocks;
    EventMode mode; /* constant once vCPUs run */
    Lock lock;      /* a leaf; guards the rest */
    bool seeded;
    uint64_t random[4]; /* state of the generator */
    GQueue waiting;     /* Waiting *, in order of arrival */
};

EventGate *event_gate_new(ClockSet *clocks)
{
    EventGate *gate = g_new0(EventGate, 1);

    gate->clocks = clocks;
    lock_init(&gate->lock);
    g_queue_init(&gate->waiting);
    return gate;
}

static void waiting_free(void *opaque)
{
    Waiting *w = opaque;

    if (w->data) {
        g_bytes_unref(w->data);
    }
    g_free(w);
}

void event_gate_free(EventGate *gate)
{
    g_queue_clear_full(&gate->waiting, waiting_free);
    lock_destroy(&gate->lock);
    g_free(gate);
}

EventMode event_gate_mode(const EventGate *gate)
{
    return gate->mode;
}

bool event_gate_set_mode(EventGate *gate, EventMode mode, Error **errp)
{
    if (mode == EVENT_RECORD || mode == EVENT_REPLAY) {
        error_set(errp, "record and replay are not supported");
        return false;
    }
    gate->mode = mode;
    return true;
}

int64_t event_clock_ns(EventGate *gate, ClockType type)
{
    return clock_now_ns(gate->clocks, type);
}

/* --- random bytes -------------------------------------------------------- */

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014; spreads a seed over a larger state. */
static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotl64(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

/* xoshiro256**: Blackman, Vigna, "Scrambled linear pseudorandom number
 * generators", 2018. */
static uint64_t xoshiro_next(uint64_t s[4])
{
    uint64_t result = rotl64(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl64(s[3], 45);
    return result;
}

void event_gate_set_seed(EventGate *gate, uint64_t seed)
{
    LOCK_GUARD(&gate->lock);
    gate->seeded = true;
    for (size_t i = 0; i < ARRAY_SIZE(gate->random); i++) {
        gate->random[i] = splitmix64(&seed);
    }
}

static bool seeded_random(EventGate *gate, uint8_t *p, size_t len)
{
    LOCK_GUARD(&gate->lock);
    if (!gate->seeded) {
        return false;
    }
    while (len > 0) {
        uint8_t bytes[8];
        size_t n = MIN(len, sizeof(bytes));

        st64_le(bytes, xoshiro_next(gate->random));
        memcpy(p, bytes, n);
        p += n;
        len -= n;
    }
    return true;
}

void event_random(EventGate *gate, void *buf, size_t len)
{
    uint8_t *p = buf;

    if (seeded_random(gate, p, len)) {
        return;
    }
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0 && errno != EINTR) {
            g_error("getrandom: %s", g_strerror(errno));
        }
        n = MAX(n, 0);
        p += n;
        len -= n;
    }
}

/* --- input and completions ----------------------------------------------- */

static void gate_queue(EventGate *gate, EventSource *src, EventRequest *req,
                       GBytes *data)
{
    Waiting *w = g_new0(Waiting, 1);

    w->src = src;
    w->req = req;
    w->data = data;
    LOCK_GUARD(&gate->lock);
    g_queue_push_tail(&gate->waiting, w);
}

void event_source_init(EventSource *src, EventGate *gate, const char *id,
                       LoopContext *ctx,
                       void (*deliver)(void *opaque, const uint8_t *data,
                                       size_t len),
                       void *opaque)
{
    *src = (EventSource){
        .gate = gate,
        .id = g_strdup(id),
        .ctx = ctx,
        .deliver = deliver,
        .opaque = opaque,
    };
}

/* Input of a source that goes is lost with it, as on a pulled plug. */
void event_source_destroy(EventSource *src)
{
    EventGate *gate = src->gate;

    lock_acquire(&gate->lock);
    for (GList *l = gate->waiting.head, *next; l; l = next) {
        Waiting *w = l->data;

        next = l->next;
        if (w->src == src) {
            g_queue_delete_link(&gate->waiting, l);
            waiting_free(w);
        }
    }
    lock_release(&gate->lock);
    g_clear_pointer(&src->id, g_free);
}

void event_post(EventSource *src, const void *data, size_t len)
{
    if (likely(src->gate->mode == EVENT_PASS)) {
        src->deliver(src->opaque, data, len);
        return;
    }
    gate_queue(src->gate, src, NULL, g_bytes_new(data, len));
}

void event_begin(EventRequest *req, EventGate *gate, LoopContext *ctx,
                 void (*done)(void *opaque, int status), void *opaque)
{
    *req = (EventRequest){
        .gate = gate,
        .ctx = ctx,
        .done = done,
        .opaque = opaque,
    };
}

static void request_done(void *opaque)
{
    EventRequest *req = opaque;

    req->done(req->opaque, req->status); /* may free @req */
}

static void request_deliver(EventRequest *req)
{
    if (loop_in_context(req->ctx)) {
        request_done(req);
    } else {
        loop_post(req->ctx, request_done, req);
    }
}

void event_complete(EventRequest *req, int status)
{
    req->status = status;
    if (likely(req->gate->mode == EVENT_PASS)) {
        request_deliver(req);
    } else {
        gate_queue(req->gate, NULL, req, NULL);
    }
}

/* --- slices -------------------------------------------------------------- */

typedef struct Delivery {
    EventSource *src;
    GBytes *data;
} Delivery;

static void deliver_now(EventSource *src, GBytes *data)
{
    size_t len;
    const uint8_t *bytes = g_bytes_get_data(data, &len);

    src->deliver(src->opaque, bytes, len);
}

static void deliver_posted(void *opaque)
{
    Delivery *d = opaque;

    deliver_now(d->src, d->data);
    g_bytes_unref(d->data);
    g_free(d);
}

/* The slice's thread holds the machine lock, which is what callbacks of the
 * main loop need; an iothread's run there. */
static void waiting_deliver(const Waiting *w)
{
    LoopContext *ctx = w->src ? w->src->ctx : w->req->ctx;
    bool here = loop_in_context(ctx) ||
                (loop_context_lock(ctx) && lock_held(loop_context_lock(ctx)));

    if (w->req) {
        if (here) {
            request_done(w->req);
        } else {
            loop_post(ctx, request_done, w->req);
        }
    } else if (here) {
        deliver_now(w->src, w->data);
    } else {
        Delivery *d = g_new(Delivery, 1);

        *d = (Delivery){ w->src, g_bytes_ref(w->data) };
        loop_post(ctx, deliver_posted, d);
    }
}

void event_gate_run(EventGate *gate)
{
    guint n;

    lock_acquire(&gate->lock);
    n = gate->waiting.length; /* what these bring waits for the next slice */
    lock_release(&gate->lock);
    while (n-- > 0) {
        Waiting *w;

        lock_acquire(&gate->lock);
        w = g_queue_pop_head(&gate->waiting);
        lock_release(&gate->lock);
        if (w == NULL) {
            return; /* a source went */
        }
        waiting_deliver(w);
        waiting_free(w);
    }
}
