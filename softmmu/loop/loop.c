/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loop contexts: a GMainContext, a queue of posted calls, timers.
 *
 * One GSource carries our own queue and timers; poll is ours, so that it
 * waits with nanoseconds and so that the context's lock is held everywhere
 * but in it. GLib's own parts are used from the context's thread, or under
 * its lock (DECISIONS 25).
 *
 * Lock order and quiesce. The context's lock (the machine lock) comes before
 * `state`, which is a leaf. The loop enters (busy = true) holding its lock,
 * so whoever holds that lock sees busy false but for a callback that dropped
 * the lock for a while; to wait for that one, quiesce drops the lock too. An
 * iothread has no lock and its callbacks never take the machine lock, so a
 * holder of the machine lock may wait for it. A loop kept out waits without
 * its lock. So no cycle: quiesce waits holding at most locks that the
 * context it waits for never takes.
 */
#include "tandem/base.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "softmmu/loop/internal.h"
#include "trace_softmmu_loop.h"

struct BottomHalf {
    LoopContext *ctx;
    void (*fn)(void *opaque);
    void *opaque;
    _Atomic bool scheduled;
    _Atomic uint32_t refs; /* the owner's and one each time it is queued */
};

/* A posted call: of a function, or of a bottom half. */
typedef struct Posted {
    void (*fn)(void *opaque);
    void *opaque;
    BottomHalf *bh;
} Posted;

typedef struct LoopFd LoopFd;

struct LoopContext {
    /* constant */
    char *name;
    Lock *lock; /* held around callbacks; NULL: none, an iothread */
    ClockSet *clocks;
    GMainContext *gmain;
    GSource *source;
    gpointer wake_tag;
    int wake_fd;
    Thread thread; /* of loop_thread_start */
    TimerHeaps timers;
    _Atomic bool woken; /* wake_fd has been written and not read */
    _Atomic bool quit;
    _Atomic int64_t spin_max_ns, spin_grow, spin_shrink;
    int64_t spin_ns; /* its thread's: the adapted time */
    /* post_lock, a leaf */
    Lock post_lock;
    GArray *posted; /* Posted, in order */
    /* state, a leaf */
    Lock state;
    Cond changed;
    bool busy;     /* its thread is outside of poll */
    unsigned hold; /* loop_context_quiesce() in force */
    /* its thread, or whoever holds its lock */
    GHashTable *fds; /* fd -> LoopFd * */
};

/* The context that this thread runs, if any, and whether it is an iothread's
 * (it has no lock and a thread of its own). */
static _Thread_local LoopContext *current;
static _Thread_local bool iothread;

ClockSet *loop_context_clocks(LoopContext *ctx)
{
    return ctx->clocks;
}

TimerHeaps *loop_context_timers(LoopContext *ctx)
{
    return &ctx->timers;
}

Lock *loop_context_lock(LoopContext *ctx)
{
    return ctx->lock;
}

GMainContext *loop_context_gmain(LoopContext *ctx)
{
    return ctx->gmain;
}

bool loop_in_context(const LoopContext *ctx)
{
    return current == ctx;
}

bool loop_thread_is_iothread(void)
{
    return iothread;
}

void loop_wake(LoopContext *ctx)
{
    uint64_t one = 1;
    ssize_t n;

    if (!atomic_exchange(&ctx->woken, true)) {
        n = write(ctx->wake_fd, &one, sizeof(one));
        assert(n == sizeof(one)); /* an eventfd at 0 takes a 1 */
    }
}

/* --- posted calls and bottom halves --- */

static void post(LoopContext *ctx, Posted p)
{
    bool first;

    lock_acquire(&ctx->post_lock);
    first = ctx->posted->len == 0;
    g_array_append_val(ctx->posted, p);
    lock_release(&ctx->post_lock);
    if (first) {
        loop_wake(ctx);
    }
}

void loop_post(LoopContext *ctx, void (*fn)(void *opaque), void *opaque)
{
    post(ctx, (Posted){ fn, opaque, NULL });
}

typedef struct LoopCall {
    void (*fn)(void *opaque);
    void *opaque;
    Lock lock;
    Cond ended;
    bool done;
} LoopCall;

static void run_call(void *opaque)
{
    LoopCall *c = opaque;

    c->fn(c->opaque);
    LOCK_GUARD(&c->lock);
    c->done = true;
    cond_signal(&c->ended);
}

void loop_call(LoopContext *ctx, void (*fn)(void *opaque), void *opaque)
{
    LoopCall c = { .fn = fn, .opaque = opaque };

    if (loop_in_context(ctx) || (ctx->lock && lock_held(ctx->lock))) {
        fn(opaque);
        return;
    }
    lock_init(&c.lock);
    cond_init(&c.ended);
    loop_post(ctx, run_call, &c);
    lock_acquire(&c.lock);
    while (!c.done) {
        cond_wait(&c.ended, &c.lock);
    }
    lock_release(&c.lock);
    cond_destroy(&c.ended);
    lock_destroy(&c.lock);
}

static void bh_unref(BottomHalf *bh)
{
    if (atomic_fetch_sub(&bh->refs, 1) == 1) {
        g_free(bh);
    }
}

BottomHalf *bh_new(LoopContext *ctx, void (*fn)(void *opaque), void *opaque)
{
    BottomHalf *bh = g_new0(BottomHalf, 1);

    bh->ctx = ctx;
    bh->fn = fn;
    bh->opaque = opaque;
    atomic_init(&bh->refs, 1);
    return bh;
}

void bh_schedule(BottomHalf *bh)
{
    if (!atomic_exchange(&bh->scheduled, true)) {
        atomic_fetch_add(&bh->refs, 1);
        post(bh->ctx, (Posted){ .bh = bh });
    }
}

void bh_cancel(BottomHalf *bh)
{
    atomic_store(&bh->scheduled, false); /* its entry finds nothing to do */
}

void bh_free(BottomHalf *bh)
{
    if (bh) {
        bh_cancel(bh);
        bh_unref(bh);
    }
}

static void run_posted(const Posted *p)
{
    if (p->bh == NULL) {
        p->fn(p->opaque);
        return;
    }
    if (atomic_exchange(&p->bh->scheduled, false)) {
        p->bh->fn(p->bh->opaque);
    }
    bh_unref(p->bh);
}

/* What was posted by now; what these post waits for the next round. */
static void run_all_posted(LoopContext *ctx)
{
    GArray *batch;

    lock_acquire(&ctx->post_lock);
    if (ctx->posted->len == 0) {
        lock_release(&ctx->post_lock);
        return;
    }
    batch = ctx->posted;
    ctx->posted = g_array_new(FALSE, FALSE, sizeof(Posted));
    lock_release(&ctx->post_lock);
    for (guint i = 0; i < batch->len; i++) {
        run_posted(&g_array_index(batch, Posted, i));
    }
    g_array_unref(batch);
}

static bool anything_posted(LoopContext *ctx)
{
    LOCK_GUARD(&ctx->post_lock);
    return ctx->posted->len > 0;
}

/* --- the GSource of queue and timers --- */

typedef struct LoopSource {
    GSource gsource;
    LoopContext *ctx;
} LoopSource;

static gboolean source_ready(LoopContext *ctx)
{
    return anything_posted(ctx) || timer_wait_ns(ctx) == 0;
}

static gboolean source_prepare(GSource *source, gint *timeout_ms)
{
    *timeout_ms = -1; /* our poll knows the timers */
    return source_ready(((LoopSource *)source)->ctx);
}

static gboolean source_check(GSource *source)
{
    LoopContext *ctx = ((LoopSource *)source)->ctx;

    return atomic_load(&ctx->woken) || source_ready(ctx);
}

static gboolean source_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    LoopContext *ctx = ((LoopSource *)source)->ctx;
    uint64_t count;

    if (atomic_load(&ctx->woken)) {
        ssize_t n = read(ctx->wake_fd, &count, sizeof(count));

        (void)n; /* -1 when the writer is between its flag and its write */
        if (n == sizeof(count)) {
            atomic_store(&ctx->woken, false);
        }
    }
    timer_run_due(ctx);
    run_all_posted(ctx);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs loop_source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

/* --- poll --- */

/* Callbacks are over: let others in. */
static void loop_leave(LoopContext *ctx)
{
    lock_acquire(&ctx->state);
    ctx->busy = false;
    cond_broadcast(&ctx->changed);
    lock_release(&ctx->state);
    if (ctx->lock) {
        lock_release(ctx->lock);
    }
}

/* Callbacks may run again, once nobody holds us back. */
static void loop_enter(LoopContext *ctx)
{
    for (;;) {
        if (ctx->lock) {
            lock_acquire(ctx->lock);
        }
        lock_acquire(&ctx->state);
        if (ctx->hold == 0) {
            break;
        }
        if (ctx->lock) {
            lock_release(ctx->lock); /* the holder may want it */
        }
        while (ctx->hold > 0) {
            cond_wait(&ctx->changed, &ctx->state);
        }
        lock_release(&ctx->state);
    }
    ctx->busy = true;
    lock_release(&ctx->state);
}

void loop_context_set_poll(LoopContext *ctx, int64_t max_ns, int64_t grow,
                           int64_t shrink)
{
    atomic_store(&ctx->spin_max_ns, max_ns);
    atomic_store(&ctx->spin_grow, grow);
    atomic_store(&ctx->spin_shrink, shrink);
}

/* Adapt to a wait that took @ns in all, of which we could have spun some. */
static void spin_adapt(LoopContext *ctx, int64_t ns)
{
    enum { FIRST_SPIN_NS = 4000 };
    int64_t max = atomic_load_explicit(&ctx->spin_max_ns, memory_order_relaxed);
    int64_t grow = atomic_load_explicit(&ctx->spin_grow, memory_order_relaxed);
    int64_t shrink =
        atomic_load_explicit(&ctx->spin_shrink, memory_order_relaxed);

    if (ns > max) {
        ctx->spin_ns = shrink ? ctx->spin_ns / shrink : 0;
    } else if (ns > ctx->spin_ns) {
        grow = CLAMP(grow, 2, 1024);
        ctx->spin_ns = ctx->spin_ns > max / grow ? max : ctx->spin_ns * grow;
        ctx->spin_ns = MIN(MAX(ctx->spin_ns, FIRST_SPIN_NS), max);
    }
    ctx->spin_ns = MIN(ctx->spin_ns, max);
}

/* Wait for @wait ns at most, the first part of it busily. */
static int wait_fds(LoopContext *ctx, struct pollfd *fds, guint n, int64_t wait)
{
    const struct timespec none = { 0 };
    struct timespec ts = { wait / 1000000000, wait % 1000000000 };
    bool adapt = wait > 0 && atomic_load_explicit(&ctx->spin_max_ns,
                                                  memory_order_relaxed) > 0;
    int64_t start = adapt ? clock_now_ns(ctx->clocks, CLOCK_RT) : 0;
    int64_t end = start + MIN(ctx->spin_ns, wait);
    int ready = 0;

    while (adapt && ready == 0 && clock_now_ns(ctx->clocks, CLOCK_RT) < end) {
        ready = ppoll(fds, n, &none, NULL);
    }
    if (ready == 0) {
        ready = ppoll(fds, n, wait == INT64_MAX ? NULL : &ts, NULL);
    }
    if (adapt) {
        int err = errno;

        spin_adapt(ctx, clock_now_ns(ctx->clocks, CLOCK_RT) - start);
        errno = err;
    }
    return ready;
}

static gint loop_poll_fds(GPollFD *fds, guint n, gint timeout_ms)
{
    LoopContext *ctx = current;
    int64_t wait = timer_wait_ns(ctx);
    int ready, err;

    _Static_assert(sizeof(GPollFD) == sizeof(struct pollfd), "poll(2)");
    if (timeout_ms >= 0) {
        wait = MIN(wait, timeout_ms * INT64_C(1000000));
    }
    loop_leave(ctx);
    ready = wait_fds(ctx, (struct pollfd *)fds, n, wait);
    err = errno;
    loop_enter(ctx);
    errno = err;
    return ready;
}

/* --- life --- */

LoopContext *loop_context_new(const char *name, Lock *lock, ClockSet *clocks)
{
    LoopContext *ctx = g_new0(LoopContext, 1);

    ctx->name = g_strdup(name);
    ctx->lock = lock;
    ctx->clocks = clocks;
    ctx->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ctx->wake_fd < 0) {
        g_error("eventfd: %s", g_strerror(errno));
    }
    lock_init(&ctx->post_lock);
    lock_init(&ctx->state);
    cond_init(&ctx->changed);
    ctx->posted = g_array_new(FALSE, FALSE, sizeof(Posted));
    ctx->fds = g_hash_table_new(NULL, NULL);
    timer_heaps_init(&ctx->timers);
    ctx->gmain = g_main_context_new();
    g_main_context_set_poll_func(ctx->gmain, loop_poll_fds);
    ctx->source = g_source_new(&loop_source_funcs, sizeof(LoopSource));
    ((LoopSource *)ctx->source)->ctx = ctx;
    g_source_set_name(ctx->source, "tandem-loop");
    ctx->wake_tag = g_source_add_unix_fd(ctx->source, ctx->wake_fd, G_IO_IN);
    g_source_attach(ctx->source, ctx->gmain);
    clocks_add_context(clocks, ctx);
    return ctx;
}

/* Nobody runs it, posts to it or has timers on it any more. */
void loop_context_free(LoopContext *ctx)
{
    assert(!ctx->thread.started);
    assert(g_hash_table_size(ctx->fds) == 0);
    clocks_remove_context(ctx->clocks, ctx);
    for (guint i = 0; i < ctx->posted->len; i++) {
        BottomHalf *bh = g_array_index(ctx->posted, Posted, i).bh;

        if (bh) {
            bh_unref(bh);
        }
    }
    g_array_unref(ctx->posted);
    g_source_destroy(ctx->source);
    g_source_unref(ctx->source);
    g_main_context_unref(ctx->gmain);
    g_hash_table_unref(ctx->fds);
    timer_heaps_destroy(&ctx->timers);
    close(ctx->wake_fd);
    cond_destroy(&ctx->changed);
    lock_destroy(&ctx->state);
    lock_destroy(&ctx->post_lock);
    g_free(ctx->name);
    g_free(ctx);
}

static bool iterate(LoopContext *ctx, bool block)
{
    return g_main_context_iteration(ctx->gmain, block);
}

/* Become the context's thread; nested loops are our own bug. */
static void loop_begin(LoopContext *ctx)
{
    assert(current == NULL);
    current = ctx;
    g_main_context_push_thread_default(ctx->gmain);
    loop_enter(ctx);
}

static void loop_end(LoopContext *ctx)
{
    loop_leave(ctx);
    g_main_context_pop_thread_default(ctx->gmain);
    current = NULL;
}

void loop_run(LoopContext *ctx)
{
    loop_begin(ctx);
    while (!atomic_load(&ctx->quit)) {
        iterate(ctx, true);
    }
    atomic_store(&ctx->quit, false);
    loop_end(ctx);
}

bool loop_poll(LoopContext *ctx, bool block)
{
    bool progress;

    loop_begin(ctx);
    progress = iterate(ctx, block);
    loop_end(ctx);
    return progress;
}

void loop_quit(LoopContext *ctx)
{
    atomic_store(&ctx->quit, true);
    loop_wake(ctx);
}

static void *loop_thread_main(void *opaque)
{
    LoopContext *ctx = opaque;

    iothread = ctx->lock == NULL;
    loop_run(ctx);
    return NULL;
}

void loop_thread_start(LoopContext *ctx)
{
    thread_start(&ctx->thread, ctx->name, loop_thread_main, ctx);
}

void loop_thread_stop(LoopContext *ctx)
{
    loop_quit(ctx);
    thread_join(&ctx->thread);
}

/* --- quiesce --- */

void loop_context_quiesce(LoopContext *ctx)
{
    bool held = ctx->lock && lock_held(ctx->lock);

    if (loop_in_context(ctx)) {
        return;
    }
    trace_loop_quiesce(ctx->name);
    lock_acquire(&ctx->state);
    ctx->hold++;
    while (ctx->busy) {
        /* a callback that dropped our lock: let it have it back */
        lock_release(&ctx->state);
        if (held) {
            lock_release(ctx->lock);
        }
        lock_acquire(&ctx->state);
        while (ctx->busy) {
            cond_wait(&ctx->changed, &ctx->state);
        }
        lock_release(&ctx->state);
        if (held) {
            lock_acquire(ctx->lock);
        }
        lock_acquire(&ctx->state);
    }
    lock_release(&ctx->state);
}

void loop_context_resume(LoopContext *ctx)
{
    if (loop_in_context(ctx)) {
        return;
    }
    trace_loop_resume(ctx->name);
    LOCK_GUARD(&ctx->state);
    assert(ctx->hold > 0);
    if (--ctx->hold == 0) {
        cond_broadcast(&ctx->changed);
    }
}

/* --- descriptors --- */

struct LoopFd {
    GSource gsource; /* first */
    gpointer tag;
    void (*readable)(void *opaque);
    void (*writable)(void *opaque);
    void *opaque;
};

static GIOCondition fd_events(const LoopFd *f)
{
    return (f->readable ? G_IO_IN : 0) | (f->writable ? G_IO_OUT : 0);
}

static gboolean fd_check(GSource *source)
{
    LoopFd *f = (LoopFd *)source;

    return g_source_query_unix_fd(source, f->tag) != 0;
}

/* HUP and ERR reach whoever would see them in read or write. */
static gboolean fd_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    LoopFd *f = (LoopFd *)source;
    GIOCondition got = g_source_query_unix_fd(source, f->tag);
    GIOCondition end = got & (G_IO_HUP | G_IO_ERR | G_IO_NVAL);

    if (f->readable && (got & G_IO_IN || end)) {
        f->readable(f->opaque);
        end = 0;
    }
    if (!g_source_is_destroyed(source) && f->writable &&
        (got & G_IO_OUT || end)) {
        f->writable(f->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs fd_source_funcs = {
    .check = fd_check,
    .dispatch = fd_dispatch,
};

static LoopFd *fd_add(LoopContext *ctx, int fd)
{
    LoopFd *f = (LoopFd *)g_source_new(&fd_source_funcs, sizeof(LoopFd));

    f->tag = g_source_add_unix_fd(&f->gsource, fd, 0);
    g_source_attach(&f->gsource, ctx->gmain);
    g_hash_table_insert(ctx->fds, GINT_TO_POINTER(fd), f);
    return f;
}

void loop_set_fd(LoopContext *ctx, int fd, void (*readable)(void *opaque),
                 void (*writable)(void *opaque), void *opaque)
{
    LoopFd *f = g_hash_table_lookup(ctx->fds, GINT_TO_POINTER(fd));

    if (readable == NULL && writable == NULL) {
        if (f) {
            g_hash_table_remove(ctx->fds, GINT_TO_POINTER(fd));
            g_source_destroy(&f->gsource);
            g_source_unref(&f->gsource);
        }
        return;
    }
    if (f == NULL) {
        f = fd_add(ctx, fd);
    }
    f->readable = readable;
    f->writable = writable;
    f->opaque = opaque;
    g_source_modify_unix_fd(&f->gsource, f->tag, fd_events(f));
}
