/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers: binary heaps of deadlines, one a context and clock. */
#include "tandem/base.h"

#include "softmmu/loop/internal.h"
#include "softmmu/object/vmstate.h"

/* CLOCK_HOST may be set while we sleep: look again after at most this. */
#define HOST_CLOCK_NAP_NS INT64_C(1000000000)

/* --- heap: under the context's timer lock --- */

static bool before(const Timer *a, const Timer *b)
{
    return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns
                                            : a->sequence < b->sequence;
}

static void place(GPtrArray *heap, size_t i, Timer *t)
{
    heap->pdata[i] = t;
    t->heap_index = i;
}

/* Move @t, which belongs at or above @i. */
static void sift_up(GPtrArray *heap, size_t i, Timer *t)
{
    while (i > 0 && before(t, heap->pdata[(i - 1) / 2])) {
        place(heap, i, heap->pdata[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(heap, i, t);
}

/* Move @t, which belongs at or below @i. */
static void sift_down(GPtrArray *heap, size_t i, Timer *t)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < heap->len &&
            before(heap->pdata[child + 1], heap->pdata[child])) {
            child++;
        }
        if (child >= heap->len || before(t, heap->pdata[child])) {
            break;
        }
        place(heap, i, heap->pdata[child]);
        i = child;
    }
    place(heap, i, t);
}

static void heap_remove(GPtrArray *heap, Timer *t)
{
    Timer *last = heap->pdata[heap->len - 1];
    size_t i = t->heap_index;

    assert(heap->pdata[i] == t);
    g_ptr_array_set_size(heap, heap->len - 1);
    if (last != t) {
        sift_up(heap, i, last);
        sift_down(heap, last->heap_index, last);
    }
}

static void set_deadline(Timer *t, int64_t ns)
{
    /* timer_pending reads it without the lock */
    __atomic_store_n(&t->deadline_ns, ns, __ATOMIC_RELAXED);
}

static bool is_set(const Timer *t)
{
    return __atomic_load_n(&t->deadline_ns, __ATOMIC_RELAXED) >= 0;
}

/* --- timers: any thread --- */

void timer_init(Timer *t, LoopContext *ctx, ClockType clock,
                void (*fn)(void *opaque), void *opaque)
{
    *t = (Timer){
        .ctx = ctx,
        .clock = clock,
        .fn = fn,
        .opaque = opaque,
        .deadline_ns = -1,
    };
}

void timer_set(Timer *t, int64_t deadline_ns)
{
    TimerHeaps *h = loop_context_timers(t->ctx);
    GPtrArray *heap = h->heap[t->clock];
    void (*nearer)(void *opaque), *opaque;
    bool first;

    lock_acquire(&h->lock);
    if (is_set(t)) {
        heap_remove(heap, t);
    }
    set_deadline(t, MAX(deadline_ns, 0));
    t->sequence = h->sequence++;
    g_ptr_array_add(heap, t);
    sift_up(heap, heap->len - 1, t);
    first = t->heap_index == 0;
    nearer = first ? h->nearer[t->clock] : NULL;
    opaque = h->nearer_opaque[t->clock];
    lock_release(&h->lock);
    if (nearer) {
        nearer(opaque);
    }
    if (first && !loop_in_context(t->ctx)) {
        loop_wake(t->ctx); /* it may sleep past this one */
    }
}

void loop_on_nearer_deadline(LoopContext *ctx, ClockType clock,
                             void (*fn)(void *opaque), void *opaque)
{
    TimerHeaps *h = loop_context_timers(ctx);

    LOCK_GUARD(&h->lock);
    h->nearer[clock] = fn;
    h->nearer_opaque[clock] = opaque;
}

void timer_cancel(Timer *t)
{
    TimerHeaps *h = loop_context_timers(t->ctx);

    LOCK_GUARD(&h->lock);
    if (is_set(t)) {
        heap_remove(h->heap[t->clock], t);
        set_deadline(t, -1);
    }
}

bool timer_pending(const Timer *t)
{
    return is_set(t);
}

int64_t loop_next_deadline_ns(LoopContext *ctx, ClockType type)
{
    TimerHeaps *h = loop_context_timers(ctx);

    LOCK_GUARD(&h->lock);
    return h->heap[type]->len > 0
               ? ((Timer *)h->heap[type]->pdata[0])->deadline_ns
               : INT64_MAX;
}

/* --- firing --- */

/* Take the first timer if it is due at @now and was set before @limit. */
static Timer *take_due(TimerHeaps *h, ClockType type, int64_t now,
                       uint64_t limit)
{
    GPtrArray *heap = h->heap[type];
    Timer *t;

    LOCK_GUARD(&h->lock);
    t = heap->len > 0 ? heap->pdata[0] : NULL;
    if (t == NULL || t->deadline_ns > now || t->sequence >= limit) {
        return NULL;
    }
    heap_remove(heap, t);
    set_deadline(t, -1);
    return t;
}

/* Timers that a callback sets anew wait for the next round, so that one that
 * re-arms itself in the past cannot keep the loop here. */
void loop_run_timers(LoopContext *ctx, ClockType type)
{
    TimerHeaps *h = loop_context_timers(ctx);
    int64_t now = clock_now_ns(loop_context_clocks(ctx), type);
    uint64_t limit;
    Timer *t;

    lock_acquire(&h->lock);
    limit = h->sequence;
    lock_release(&h->lock);
    while ((t = take_due(h, type, now, limit)) != NULL) {
        t->fn(t->opaque); /* may free @t */
    }
}

void timer_run_due(LoopContext *ctx)
{
    ClockSet *clocks = loop_context_clocks(ctx);

    for (ClockType type = 0; type < CLOCK_TYPES; type++) {
        if (loop_next_deadline_ns(ctx, type) != INT64_MAX &&
            clock_ticks(clocks, type)) {
            loop_run_timers(ctx, type);
        }
    }
}

int64_t timer_wait_ns(LoopContext *ctx)
{
    ClockSet *clocks = loop_context_clocks(ctx);
    int64_t wait = INT64_MAX;

    for (ClockType type = 0; type < CLOCK_TYPES; type++) {
        int64_t deadline = loop_next_deadline_ns(ctx, type);
        int64_t left;

        if (deadline == INT64_MAX || !clock_ticks(clocks, type)) {
            continue;
        }
        /* read once: MAX() evaluates its arguments twice, and ppoll(2)
         * refuses the negative time that a second reading may leave */
        left = deadline - clock_now_ns(clocks, type);
        left = MAX(left, 0);
        if (type == CLOCK_HOST) {
            left = MIN(left, HOST_CLOCK_NAP_NS);
        }
        wait = MIN(wait, left);
    }
    return wait;
}

void timer_heaps_init(TimerHeaps *h)
{
    lock_init(&h->lock);
    for (ClockType type = 0; type < CLOCK_TYPES; type++) {
        h->heap[type] = g_ptr_array_new();
    }
}

void timer_heaps_destroy(TimerHeaps *h)
{
    for (ClockType type = 0; type < CLOCK_TYPES; type++) {
        assert(h->heap[type]->len == 0); /* its owner died unnoticed */
        g_ptr_array_unref(h->heap[type]);
    }
    lock_destroy(&h->lock);
}

/* --- saved state --- */

static void timer_save(const void *field, const void *obj, VmBuffer *b)
{
    const Timer *t = field;

    vm_put_u64(b, (uint64_t)t->deadline_ns);
}

/* A deadline is absolute on a clock that is itself saved. */
static bool timer_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    int64_t deadline = (int64_t)vm_get_u64(b);

    if (deadline < -1) {
        error_set(errp, "timer deadline %" PRId64 " is negative", deadline);
        return false;
    }
    if (deadline == -1 || b->failed) {
        timer_cancel(field);
    } else {
        timer_set(field, deadline);
    }
    return true;
}

const VmCustom vm_timer = { timer_save, timer_load };
