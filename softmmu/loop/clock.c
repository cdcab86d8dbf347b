/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four clocks (DESIGN 6). Only this folder reads the host's. */
#include "tandem/base.h"

#include <time.h>

#include "softmmu/loop/internal.h"
#include "trace_softmmu_loop.h"

/*
 * The virtual clocks are monotonic time + offset while running, a constant
 * while not. Readers take a consistent pair by a sequence count that is odd
 * during a change; changes happen under the machine lock.
 */
struct ClockSet {
    _Atomic uint32_t seq;
    _Atomic bool running;
    _Atomic int64_t virtual_ns; /* running: to add to the host's; else value */
    _Atomic int64_t virtual_rt_ns;
    /* icount's source of CLOCK_VIRTUAL; fn is published after opaque */
    int64_t (*_Atomic source)(void *opaque);
    void *_Atomic source_opaque;
    Lock lock;           /* leaf: contexts */
    GPtrArray *contexts; /* LoopContext *, to wake when the clocks change */
};

static int64_t host_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

ClockSet *clocks_new(void)
{
    ClockSet *c = g_new0(ClockSet, 1);

    lock_init(&c->lock);
    c->contexts = g_ptr_array_new();
    return c;
}

void clocks_free(ClockSet *c)
{
    assert(c->contexts->len == 0);
    g_ptr_array_unref(c->contexts);
    lock_destroy(&c->lock);
    g_free(c);
}

static int64_t virtual_now(ClockSet *c, _Atomic int64_t *value)
{
    for (;;) {
        uint32_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);
        /* acquire: the count is read again only after both */
        int64_t ns = atomic_load_explicit(value, memory_order_acquire);
        bool running = atomic_load_explicit(&c->running, memory_order_acquire);
        /* within the count, else it could be later than a stop's */
        int64_t host = running ? host_ns(CLOCK_MONOTONIC) : 0;

        if ((seq & 1) == 0 &&
            seq == atomic_load_explicit(&c->seq, memory_order_relaxed)) {
            return ns + host;
        }
    }
}

int64_t clock_now_ns(ClockSet *c, ClockType type)
{
    int64_t (*source)(void *);

    switch (type) {
    case CLOCK_HOST:
        return host_ns(CLOCK_REALTIME);
    case CLOCK_RT:
        return host_ns(CLOCK_MONOTONIC);
    case CLOCK_VIRTUAL:
        source = atomic_load_explicit(&c->source, memory_order_acquire);
        return source ? source(atomic_load(&c->source_opaque))
                      : virtual_now(c, &c->virtual_ns);
    case CLOCK_VIRTUAL_RT:
        return virtual_now(c, &c->virtual_rt_ns);
    case CLOCK_TYPES:
        break;
    }
    g_assert_not_reached();
}

/* --- changes: machine lock --- */

static void change_begin(ClockSet *c)
{
    atomic_fetch_add_explicit(&c->seq, 1, memory_order_acq_rel);
}

static void change_end(ClockSet *c)
{
    atomic_fetch_add_explicit(&c->seq, 1, memory_order_release);
    LOCK_GUARD(&c->lock);
    for (guint i = 0; i < c->contexts->len; i++) {
        loop_wake(c->contexts->pdata[i]);
    }
}

void clocks_set_running(ClockSet *c, bool running)
{
    int64_t now;

    if (atomic_load(&c->running) == running) {
        return;
    }
    change_begin(c);
    now = host_ns(CLOCK_MONOTONIC); /* no reader's is later */
    atomic_fetch_add_explicit(&c->virtual_ns, running ? -now : now,
                              memory_order_release);
    atomic_fetch_add_explicit(&c->virtual_rt_ns, running ? -now : now,
                              memory_order_release);
    atomic_store_explicit(&c->running, running, memory_order_release);
    change_end(c);
    trace_clocks_running(running, virtual_now(c, &c->virtual_ns));
}

bool clocks_running(const ClockSet *c)
{
    return atomic_load(&((ClockSet *)c)->running);
}

void clocks_set_virtual_ns(ClockSet *c, int64_t ns)
{
    assert(!clocks_running(c));
    change_begin(c);
    atomic_store_explicit(&c->virtual_ns, ns, memory_order_release);
    atomic_store_explicit(&c->virtual_rt_ns, ns, memory_order_release);
    change_end(c);
}

void clocks_set_virtual_source(ClockSet *c, int64_t (*fn)(void *opaque),
                               void *opaque)
{
    atomic_store(&c->source_opaque, opaque);
    change_begin(c);
    atomic_store_explicit(&c->source, fn, memory_order_release);
    change_end(c);
}

bool clock_ticks(ClockSet *c, ClockType type)
{
    switch (type) {
    case CLOCK_VIRTUAL:
        return clocks_running(c) && atomic_load(&c->source) == NULL;
    case CLOCK_VIRTUAL_RT:
        return clocks_running(c);
    default:
        return true;
    }
}

void clocks_add_context(ClockSet *c, LoopContext *ctx)
{
    LOCK_GUARD(&c->lock);
    g_ptr_array_add(c->contexts, ctx);
}

void clocks_remove_context(ClockSet *c, LoopContext *ctx)
{
    LOCK_GUARD(&c->lock);
    g_ptr_array_remove(c->contexts, ctx);
}
