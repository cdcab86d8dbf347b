/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event gate (DECISIONS 31-33). */
#include "tandem/base.h"

#include <sys/random.h>

#include "softmmu/loop/event.h"
#include "softmmu/loop/internal.h"

/* Input that waits for the end of a slice. */
typedef struct Waiting {
    EventSource *src;
    GBytes *data;
} Waiting;

struct EventGate {
    ClockSet *clocks;
    EventMode mode; /* constant once vCPUs run */
    Lock lock;      /* a leaf; guards the rest */
    bool seeded;
    uint64_t random[4]; /* state of the generator */
    GQueue waiting;     /* Waiting *, in order of arrival */
    GQueue requests;    /* EventRequest.link, in order of deadline */
    Cond completed;     /* one of them did */
    bool stopped;       /* so is the machine */
};

EventGate *event_gate_new(ClockSet *clocks)
{
    EventGate *gate = g_new0(EventGate, 1);

    gate->clocks = clocks;
    lock_init(&gate->lock);
    cond_init(&gate->completed);
    g_queue_init(&gate->waiting);
    g_queue_init(&gate->requests);
    return gate;
}

static void waiting_free(void *opaque)
{
    Waiting *w = opaque;

    g_bytes_unref(w->data);
    g_free(w);
}

void event_gate_free(EventGate *gate)
{
    assert(g_queue_is_empty(&gate->requests)); /* a device died too soon */
    g_queue_clear_full(&gate->waiting, waiting_free);
    cond_destroy(&gate->completed);
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

/* --- random bytes --- */

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

/* --- input --- */

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

size_t event_waiting(EventSource *src)
{
    if (likely(src->gate->mode == EVENT_PASS)) {
        return 0;
    }
    LOCK_GUARD(&src->gate->lock);
    return src->waiting;
}

/* While the machine is stopped no slice ends, and its state may be saved: what
 * comes then passes, behind what is on its way. False: it shall. */
static bool input_queue(EventSource *src, const void *data, size_t len)
{
    Waiting *w;

    LOCK_GUARD(&src->gate->lock);
    if (src->gate->stopped && src->waiting == 0) {
        return false;
    }
    w = g_new(Waiting, 1);
    *w = (Waiting){ src, g_bytes_new(data, len) };
    src->waiting += len;
    g_queue_push_tail(&src->gate->waiting, w);
    return true;
}

void event_post(EventSource *src, const void *data, size_t len)
{
    if (likely(src->gate->mode == EVENT_PASS) || !input_queue(src, data, len)) {
        src->deliver(src->opaque, data, len);
    }
}

/* --- requests --- */

void event_begin(EventRequest *req, EventGate *gate, LoopContext *ctx,
                 void (*done)(void *opaque, int status), void *opaque)
{
    *req = (EventRequest){
        .gate = gate,
        .ctx = ctx,
        .done = done,
        .opaque = opaque,
    };
    if (likely(gate->mode == EVENT_PASS)) {
        return;
    }
    /* one latency for all: the queue stays in order of deadline */
    req->deadline_ns =
        clock_now_ns(gate->clocks, CLOCK_VIRTUAL) + EVENT_REQUEST_NS;
    req->link.data = req;
    LOCK_GUARD(&gate->lock);
    g_queue_push_tail_link(&gate->requests, &req->link);
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
    EventGate *gate = req->gate;
    bool now = true;

    if (unlikely(gate->mode != EVENT_PASS)) {
        LOCK_GUARD(&gate->lock);
        req->status = status;
        req->complete = true;
        now = gate->stopped;
        if (now) {
            g_queue_unlink(&gate->requests, &req->link);
        } else {
            cond_broadcast(&gate->completed);
        }
    } else {
        req->status = status;
    }
    if (now) {
        request_deliver(req);
    }
}

/* Take the first complete request out of the queue; NULL: none is. */
static EventRequest *take_complete(EventGate *gate)
{
    LOCK_GUARD(&gate->lock);
    for (GList *l = gate->requests.head; l; l = l->next) {
        EventRequest *req = l->data;

        if (req->complete) {
            g_queue_unlink(&gate->requests, l);
            return req;
        }
    }
    return NULL;
}

int64_t event_gate_next_deadline_ns(EventGate *gate)
{
    LOCK_GUARD(&gate->lock);
    return g_queue_is_empty(&gate->requests)
               ? INT64_MAX
               : ((EventRequest *)gate->requests.head->data)->deadline_ns;
}

/* --- slices --- */

/* The slice's thread holds the machine lock, which is what callbacks of the
 * main loop need; an iothread's run there. */
static bool may_run_here(LoopContext *ctx)
{
    Lock *lock = loop_context_lock(ctx);

    return loop_in_context(ctx) || (lock && lock_held(lock));
}

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

static void input_deliver(const Waiting *w)
{
    if (may_run_here(w->src->ctx)) {
        deliver_now(w->src, w->data);
    } else {
        Delivery *d = g_new(Delivery, 1);

        *d = (Delivery){ w->src, g_bytes_ref(w->data) };
        loop_post(w->src->ctx, deliver_posted, d);
    }
}

static Waiting *take_input(EventGate *gate)
{
    Waiting *w;

    LOCK_GUARD(&gate->lock);
    w = g_queue_pop_head(&gate->waiting);
    if (w) {
        w->src->waiting -= g_bytes_get_size(w->data);
    }
    return w;
}

static void run_input(EventGate *gate)
{
    Waiting *w;
    guint n;

    lock_acquire(&gate->lock);
    /* what these bring waits for the next slice, if there will be one */
    n = gate->stopped ? UINT_MAX : gate->waiting.length;
    lock_release(&gate->lock);
    while (n-- > 0 && (w = take_input(gate)) != NULL) {
        input_deliver(w);
        waiting_free(w);
    }
}

void event_gate_set_stopped(EventGate *gate, bool stopped)
{
    EventRequest *req;

    lock_acquire(&gate->lock);
    gate->stopped = stopped;
    cond_broadcast(&gate->completed);
    lock_release(&gate->lock);
    if (stopped) {
        run_input(gate);
    }
    while (stopped && (req = take_complete(gate)) != NULL) {
        request_deliver(req);
    }
}

/* Wait, with the machine lock dropped, for the request at the head. */
static void wait_for_host(EventGate *gate, Lock *machine)
{
    bool held = machine && lock_held(machine);
    EventRequest *req;

    if (held) {
        lock_release(machine);
    }
    lock_acquire(&gate->lock);
    while (!gate->stopped && !g_queue_is_empty(&gate->requests)) {
        req = gate->requests.head->data;
        if (req->complete) {
            break;
        }
        cond_wait(&gate->completed, &gate->lock);
    }
    lock_release(&gate->lock);
    if (held) {
        lock_acquire(machine);
    }
}

/*
 * The request at the head if it is due at @now: taken out when complete, else
 * *wait is its context, to wait for.
 */
static EventRequest *take_due(EventGate *gate, int64_t now, LoopContext **wait)
{
    EventRequest *req;

    *wait = NULL;
    LOCK_GUARD(&gate->lock);
    req = gate->requests.head ? gate->requests.head->data : NULL;
    if (req == NULL || req->deadline_ns > now || gate->stopped) {
        return NULL;
    }
    if (!req->complete) {
        *wait = req->ctx;
        return NULL;
    }
    g_queue_unlink(&gate->requests, &req->link);
    return req;
}

void event_gate_run(EventGate *gate)
{
    int64_t now = clock_now_ns(gate->clocks, CLOCK_VIRTUAL);

    run_input(gate);
    for (;;) {
        LoopContext *wait;
        EventRequest *req = take_due(gate, now, &wait);

        if (wait) {
            wait_for_host(gate, loop_context_lock(wait));
        } else if (req == NULL) {
            return;
        } else if (may_run_here(req->ctx)) {
            request_done(req);
        } else {
            loop_post(req->ctx, request_done, req);
        }
    }
}
