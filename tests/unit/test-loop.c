/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contexts, posted calls, timers, clocks, quiesce, the event gate. */
#include "tandem/base.h"

#include <sys/eventfd.h>

#include "softmmu/base/rcu.h"
#include "softmmu/loop/event.h"
#include "softmmu/loop/loop.h"
#include "softmmu/object/vmstate.h"

#define MS INT64_C(1000000)

typedef struct Fixture {
    ClockSet *clocks;
    Lock lock;
    LoopContext *loop; /* with a lock, run by the test itself */
    GString *log;      /* under lock, or by the loop's thread */
} Fixture;

static Fixture *setup(void)
{
    Fixture *f = g_new0(Fixture, 1);

    f->clocks = clocks_new();
    lock_init(&f->lock);
    f->loop = loop_context_new("test", &f->lock, f->clocks);
    f->log = g_string_new(NULL);
    return f;
}

static void teardown(Fixture *f)
{
    loop_context_free(f->loop);
    clocks_free(f->clocks);
    lock_destroy(&f->lock);
    g_string_free(f->log, TRUE);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, teardown)

/* Run rounds until @log has @len bytes; the runner ends what hangs. */
static void run_until(Fixture *f, size_t len)
{
    while (f->log->len < len) {
        loop_poll(f->loop, true);
    }
}

/* --- timers --- */

typedef struct Tick {
    Fixture *f;
    Timer timer;
    char name;
    int64_t at;
} Tick;

static void tick(void *opaque)
{
    Tick *t = opaque;

    g_assert_true(lock_held(&t->f->lock));
    g_assert_true(loop_in_context(t->f->loop));
    t->at = clock_now_ns(t->f->clocks, t->timer.clock);
    g_string_append_c(t->f->log, t->name);
}

static void tick_init(Tick *t, Fixture *f, ClockType clock, char name)
{
    *t = (Tick){ .f = f, .name = name };
    timer_init(&t->timer, f->loop, clock, tick, t);
}

static void timers_fire_in_order_of_deadline_then_of_setting(void)
{
    g_autoptr(Fixture) f = setup();
    int64_t now = clock_now_ns(f->clocks, CLOCK_RT);
    Tick t[5];

    for (int i = 0; i < 5; i++) {
        tick_init(&t[i], f, CLOCK_RT, 'a' + i);
    }
    timer_set(&t[3].timer, now + 2 * MS);
    timer_set(&t[0].timer, now + 3 * MS);
    timer_set(&t[1].timer, now + 1 * MS);
    timer_set(&t[4].timer, now + 2 * MS);
    timer_set(&t[2].timer, now + 2 * MS);
    g_assert_cmpint(loop_next_deadline_ns(f->loop, CLOCK_RT), ==, now + MS);
    run_until(f, 5);
    g_assert_cmpstr(f->log->str, ==, "bdeca");
    g_assert_cmpint(loop_next_deadline_ns(f->loop, CLOCK_RT), ==, INT64_MAX);
}

static void a_timer_is_never_early(void)
{
    g_autoptr(Fixture) f = setup();
    Tick t;

    tick_init(&t, f, CLOCK_RT, 'x');
    for (int i = 1; i <= 50; i++) {
        int64_t deadline = clock_now_ns(f->clocks, CLOCK_RT) + i * 37111;

        timer_set(&t.timer, deadline);
        run_until(f, i);
        g_assert_cmpint(t.at, >=, deadline);
    }
}

/* The time that is left is read once: a second reading, when the deadline had
 * passed meanwhile, asked poll for a negative wait (a warning, which fails a
 * test). Each round has a chance of some per cent to meet it. */
static void a_timer_about_to_fire_leaves_no_negative_wait(void)
{
    g_autoptr(Fixture) f = setup();
    Tick t;

    tick_init(&t, f, CLOCK_RT, 'x');
    for (int i = 1; i <= 4000; i++) {
        int64_t now = clock_now_ns(f->clocks, CLOCK_RT);

        timer_set(&t.timer, now + i % 64 * 50);
        run_until(f, i);
    }
    g_assert_cmpuint(f->log->len, ==, 4000);
}

static void a_moved_timer_fires_once_and_a_cancelled_one_never(void)
{
    g_autoptr(Fixture) f = setup();
    int64_t now = clock_now_ns(f->clocks, CLOCK_RT);
    Tick a, b, end;

    tick_init(&a, f, CLOCK_RT, 'a');
    tick_init(&b, f, CLOCK_RT, 'b');
    tick_init(&end, f, CLOCK_RT, '.');
    timer_set(&a.timer, now + MS);
    timer_set(&a.timer, now + 2 * MS);
    timer_set(&b.timer, now + MS);
    timer_set(&end.timer, now + 5 * MS);
    g_assert_true(timer_pending(&b.timer));
    timer_cancel(&b.timer);
    g_assert_false(timer_pending(&b.timer));
    timer_cancel(&b.timer);
    run_until(f, 2);
    g_assert_cmpstr(f->log->str, ==, "a.");
}

static void a_heap_of_many_timers_stays_sorted(void)
{
    enum { N = 1000 };
    g_autoptr(Fixture) f = setup();
    g_autofree Tick *t = g_new0(Tick, N);
    int64_t last = 0;

    for (int i = 0; i < N; i++) {
        tick_init(&t[i], f, CLOCK_RT, 'x');
        timer_set(&t[i].timer, g_test_rand_int_range(1, 1000000));
    }
    for (int i = 0; i < N; i += 3) {
        timer_cancel(&t[i].timer);
    }
    for (int i = 1; i < N; i += 3) {
        timer_set(&t[i].timer, g_test_rand_int_range(1, 1000000));
    }
    for (;;) {
        int64_t next = loop_next_deadline_ns(f->loop, CLOCK_RT);
        int found = -1;

        if (next == INT64_MAX) {
            break;
        }
        g_assert_cmpint(next, >=, last);
        last = next;
        for (int i = 0; i < N && found < 0; i++) {
            found = t[i].timer.deadline_ns == next ? i : -1;
        }
        g_assert_cmpint(found, >=, 0);
        timer_cancel(&t[found].timer);
    }
    for (int i = 0; i < N; i++) {
        g_assert_false(timer_pending(&t[i].timer));
    }
}

static void rearm(void *opaque)
{
    Tick *t = opaque;

    g_string_append_c(t->f->log, t->name);
    timer_set(&t->timer, 0); /* long past: fires again next round */
}

static void a_timer_that_rearms_in_the_past_does_not_block_the_loop(void)
{
    g_autoptr(Fixture) f = setup();
    Tick t;

    tick_init(&t, f, CLOCK_RT, 'x');
    timer_init(&t.timer, f->loop, CLOCK_RT, rearm, &t);
    timer_set(&t.timer, 0);
    loop_poll(f->loop, true);
    g_assert_cmpuint(f->log->len, ==, 1);
    loop_poll(f->loop, true);
    g_assert_cmpuint(f->log->len, ==, 2);
    timer_cancel(&t.timer);
}

static void *set_from_thread(void *opaque)
{
    Tick *t = opaque;

    g_usleep(5000);
    timer_set(&t->timer, 0);
    return NULL;
}

static void another_thread_wakes_a_sleeping_loop(void)
{
    g_autoptr(Fixture) f = setup();
    Thread thread = { 0 };
    Tick t;

    tick_init(&t, f, CLOCK_RT, 'x');
    timer_set(&t.timer, clock_now_ns(f->clocks, CLOCK_RT) + 60000 * MS);
    thread_start(&thread, "setter", set_from_thread, &t);
    run_until(f, 1);
    g_assert_cmpstr(f->log->str, ==, "x");
    thread_join(&thread);
}

/* --- clocks --- */

static void the_virtual_clock_stops_and_goes_on(void)
{
    g_autoptr(Fixture) f = setup();
    int64_t a, b;

    g_assert_cmpint(clock_now_ns(f->clocks, CLOCK_VIRTUAL), ==, 0);
    clocks_set_running(f->clocks, true);
    clocks_set_running(f->clocks, true);
    g_usleep(2000);
    clocks_set_running(f->clocks, false);
    a = clock_now_ns(f->clocks, CLOCK_VIRTUAL);
    g_assert_cmpint(a, >=, 2 * MS);
    g_usleep(2000);
    g_assert_cmpint(clock_now_ns(f->clocks, CLOCK_VIRTUAL), ==, a);
    clocks_set_running(f->clocks, true);
    b = clock_now_ns(f->clocks, CLOCK_VIRTUAL);
    g_assert_cmpint(b, >=, a);
    g_assert_cmpint(b, <, a + 1000 * MS);
    clocks_set_running(f->clocks, false);
    clocks_set_virtual_ns(f->clocks, 12345);
    g_assert_cmpint(clock_now_ns(f->clocks, CLOCK_VIRTUAL), ==, 12345);
    g_assert_cmpint(clock_now_ns(f->clocks, CLOCK_VIRTUAL_RT), ==, 12345);
}

static void a_virtual_timer_waits_while_the_machine_is_stopped(void)
{
    g_autoptr(Fixture) f = setup();
    int64_t now = clock_now_ns(f->clocks, CLOCK_RT);
    Tick v, r;

    tick_init(&v, f, CLOCK_VIRTUAL, 'v');
    tick_init(&r, f, CLOCK_RT, 'r');
    timer_set(&v.timer, 0); /* due, but time stands */
    timer_set(&r.timer, now + 3 * MS);
    run_until(f, 1);
    g_assert_cmpstr(f->log->str, ==, "r");
    clocks_set_running(f->clocks, true);
    run_until(f, 2);
    g_assert_cmpstr(f->log->str, ==, "rv");
    clocks_set_running(f->clocks, false);
}

static int64_t fake_time(void *opaque)
{
    return *(int64_t *)opaque;
}

static void under_icount_virtual_timers_belong_to_the_cpu_thread(void)
{
    g_autoptr(Fixture) f = setup();
    int64_t time = 100;
    Tick v, r;

    clocks_set_running(f->clocks, true);
    clocks_set_virtual_source(f->clocks, fake_time, &time);
    g_assert_cmpint(clock_now_ns(f->clocks, CLOCK_VIRTUAL), ==, 100);
    tick_init(&v, f, CLOCK_VIRTUAL, 'v');
    timer_init(&v.timer, f->loop, CLOCK_VIRTUAL, rearm, &v);
    tick_init(&r, f, CLOCK_RT, 'r');
    timer_set(&v.timer, 50);
    timer_set(&r.timer, clock_now_ns(f->clocks, CLOCK_RT) + MS);
    run_until(f, 1);
    g_assert_cmpstr(f->log->str, ==, "r");
    loop_run_timers(f->loop, CLOCK_VIRTUAL);
    g_assert_cmpstr(f->log->str, ==, "rv");
    timer_cancel(&v.timer);
    clocks_set_virtual_source(f->clocks, NULL, NULL);
}

static _Atomic bool stop_reading;

static void *read_clock(void *opaque)
{
    ClockSet *clocks = opaque;
    int64_t last = 0;

    while (!atomic_load(&stop_reading)) {
        int64_t now = clock_now_ns(clocks, CLOCK_VIRTUAL);

        if (now < last) {
            return (void *)1;
        }
        last = now;
    }
    return NULL;
}

static void the_virtual_clock_never_goes_back_for_a_reader(void)
{
    g_autoptr(Fixture) f = setup();
    Thread thread = { 0 };

    atomic_store(&stop_reading, false);
    thread_start(&thread, "reader", read_clock, f->clocks);
    for (int i = 0; i < 2000; i++) {
        clocks_set_running(f->clocks, i & 1);
    }
    atomic_store(&stop_reading, true);
    g_assert_null(thread_join(&thread));
    clocks_set_running(f->clocks, false);
}

static void a_timer_is_saved_as_its_deadline(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(GByteArray) out = g_byte_array_new();
    VmBuffer b = { .out = out };
    Tick t;

    tick_init(&t, f, CLOCK_VIRTUAL, 'v');
    timer_set(&t.timer, 777);
    vm_timer.save(&t.timer, &t, &b);
    timer_cancel(&t.timer);
    vm_timer.save(&t.timer, &t, &b);
    b = (VmBuffer){ .in = out->data, .in_len = out->len };
    g_assert_true(vm_timer.load(&t.timer, &t, &b, NULL));
    g_assert_cmpint(t.timer.deadline_ns, ==, 777);
    g_assert_true(vm_timer.load(&t.timer, &t, &b, NULL));
    g_assert_false(timer_pending(&t.timer));
    memset(out->data, 0xf0, 8);
    b.in_pos = 0;
    g_assert_false(vm_timer.load(&t.timer, &t, &b, NULL));
}

/* --- posting --- */

typedef struct Poster {
    Fixture *f;
    int next[4]; /* expected number of each thread */
    int posted;  /* of all, as run */
} Poster;

typedef struct Parcel {
    Poster *p;
    int thread, number;
} Parcel;

static void parcel_arrives(void *opaque)
{
    Parcel *x = opaque;

    g_assert_cmpint(x->number, ==, x->p->next[x->thread]);
    x->p->next[x->thread]++;
    x->p->posted++;
    g_free(x);
}

typedef struct PostArgs {
    Poster *p;
    int thread;
} PostArgs;

static void *post_many(void *opaque)
{
    PostArgs *a = opaque;

    for (int i = 0; i < 1000; i++) {
        Parcel *x = g_new(Parcel, 1);

        *x = (Parcel){ a->p, a->thread, i };
        loop_post(a->p->f->loop, parcel_arrives, x);
    }
    return NULL;
}

static void posted_calls_keep_each_threads_order(void)
{
    g_autoptr(Fixture) f = setup();
    Poster p = { .f = f };
    PostArgs args[4];
    Thread threads[4] = { { 0 } };

    for (int i = 0; i < 4; i++) {
        args[i] = (PostArgs){ &p, i };
        thread_start(&threads[i], "poster", post_many, &args[i]);
    }
    while (p.posted < 4000) {
        loop_poll(f->loop, true);
    }
    for (int i = 0; i < 4; i++) {
        thread_join(&threads[i]);
        g_assert_cmpint(p.next[i], ==, 1000);
    }
}

static void bump(void *opaque)
{
    ++*(int *)opaque;
}

static void a_bottom_half_runs_once_however_often_scheduled(void)
{
    g_autoptr(Fixture) f = setup();
    int runs = 0;
    BottomHalf *bh = bh_new(f->loop, bump, &runs);

    bh_schedule(bh);
    bh_schedule(bh);
    loop_poll(f->loop, false);
    g_assert_cmpint(runs, ==, 1);
    bh_schedule(bh);
    loop_poll(f->loop, false);
    g_assert_cmpint(runs, ==, 2);
    bh_schedule(bh);
    bh_cancel(bh);
    loop_poll(f->loop, false);
    g_assert_cmpint(runs, ==, 2);
    bh_schedule(bh);
    bh_free(bh); /* its queued entry finds nothing */
    loop_poll(f->loop, false);
    g_assert_cmpint(runs, ==, 2);
}

static void post_again(void *opaque)
{
    Tick *t = opaque;

    g_string_append_c(t->f->log, 'p');
    loop_post(t->f->loop, post_again, t);
}

static void a_call_that_posts_itself_leaves_room_for_others(void)
{
    g_autoptr(Fixture) f = setup();
    Tick t = { .f = f };

    loop_post(f->loop, post_again, &t);
    loop_poll(f->loop, false);
    loop_poll(f->loop, false);
    g_assert_cmpstr(f->log->str, ==, "pp");
}

/* --- descriptors --- */

typedef struct Wire {
    Fixture *f;
    int fd;
    int reads, writes;
} Wire;

static void wire_readable(void *opaque)
{
    Wire *w = opaque;
    uint64_t n;

    g_assert_cmpint(read(w->fd, &n, sizeof(n)), ==, sizeof(n));
    w->reads++;
}

static void wire_writable(void *opaque)
{
    Wire *w = opaque;

    w->writes++;
    loop_set_fd(w->f->loop, w->fd, wire_readable, NULL, w);
}

static void a_descriptor_is_watched_as_long_as_asked(void)
{
    g_autoptr(Fixture) f = setup();
    Wire w = { f, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), 0, 0 };
    uint64_t one = 1;

    loop_set_fd(f->loop, w.fd, wire_readable, wire_writable, &w);
    loop_poll(f->loop, true);
    g_assert_cmpint(w.writes, ==, 1);
    g_assert_cmpint(w.reads, ==, 0);
    g_assert_cmpint(write(w.fd, &one, sizeof(one)), ==, sizeof(one));
    loop_poll(f->loop, true);
    g_assert_cmpint(w.reads, ==, 1);
    g_assert_cmpint(w.writes, ==, 1);
    g_assert_cmpint(write(w.fd, &one, sizeof(one)), ==, sizeof(one));
    loop_set_fd(f->loop, w.fd, NULL, NULL, NULL);
    g_assert_false(loop_poll(f->loop, false));
    g_assert_cmpint(w.reads, ==, 1);
    close(w.fd);
}

static void hang_up(void *opaque)
{
    Wire *w = opaque;
    char c;

    w->reads++;
    if (read(w->fd, &c, 1) <= 0) {
        loop_set_fd(w->f->loop, w->fd, NULL, NULL, NULL);
    }
}

static void a_reader_hears_of_a_hang_up(void)
{
    g_autoptr(Fixture) f = setup();
    int fds[2];
    Wire w = { .f = f };

    g_assert_cmpint(pipe(fds), ==, 0);
    w.fd = fds[0];
    loop_set_fd(f->loop, fds[0], hang_up, NULL, &w);
    close(fds[1]);
    loop_poll(f->loop, true);
    g_assert_cmpint(w.reads, ==, 1);
    close(fds[0]);
}

static void a_loop_that_polls_still_sees_all_and_sleeps(void)
{
    g_autoptr(Fixture) f = setup();
    int64_t deadline;
    Tick t;

    loop_context_set_poll(f->loop, 50000, 0, 0);
    tick_init(&t, f, CLOCK_RT, 'x');
    for (int i = 1; i <= 20; i++) { /* short and long waits in turn */
        deadline = clock_now_ns(f->clocks, CLOCK_RT) + (i % 2 ? 20000 : 2 * MS);
        timer_set(&t.timer, deadline);
        run_until(f, i);
        g_assert_cmpint(t.at, >=, deadline);
    }
}

/* --- threads and quiesce --- */

typedef struct Busy {
    LoopContext *io;
    _Atomic int inside, runs;
    _Atomic bool stop;
    BottomHalf *bh;
} Busy;

static void busy_call(void *opaque)
{
    Busy *b = opaque;

    atomic_store(&b->inside, 1);
    g_assert_true(loop_thread_is_iothread());
    atomic_fetch_add(&b->runs, 1);
    g_usleep(100);
    atomic_store(&b->inside, 0);
    if (!atomic_load(&b->stop)) {
        bh_schedule(b->bh);
    }
}

static void nothing_runs_while_an_iothread_is_quiesced(void)
{
    g_autoptr(Fixture) f = setup();
    Busy b = { .io = loop_context_new("io", NULL, f->clocks) };

    b.bh = bh_new(b.io, busy_call, &b);
    loop_thread_start(b.io);
    bh_schedule(b.bh);
    lock_acquire(&f->lock); /* as a device under the machine lock does */
    for (int i = 0; i < 50; i++) {
        int runs;

        loop_context_quiesce(b.io);
        loop_context_quiesce(b.io); /* nests */
        g_assert_cmpint(atomic_load(&b.inside), ==, 0);
        runs = atomic_load(&b.runs);
        loop_context_resume(b.io);
        g_usleep(300);
        g_assert_cmpint(atomic_load(&b.inside), ==, 0);
        g_assert_cmpint(atomic_load(&b.runs), ==, runs);
        loop_context_resume(b.io);
        while (atomic_load(&b.runs) == runs) {
            g_usleep(50);
        }
    }
    lock_release(&f->lock);
    atomic_store(&b.stop, true);
    loop_thread_stop(b.io);
    bh_free(b.bh);
    loop_context_free(b.io);
}

typedef struct Dropper {
    Fixture *f;
    _Atomic int stage;
} Dropper;

/* A callback of the main loop that lets the machine lock go for a while. */
static void drop_and_retake(void *opaque)
{
    Dropper *d = opaque;

    lock_release(&d->f->lock);
    atomic_store(&d->stage, 1);
    g_usleep(20000);
    lock_acquire(&d->f->lock);
    atomic_store(&d->stage, 2);
}

static void quiesce_waits_for_a_callback_that_dropped_the_lock(void)
{
    g_autoptr(Fixture) f = setup();
    Dropper d = { f, 0 };

    loop_post(f->loop, drop_and_retake, &d);
    loop_thread_start(f->loop);
    while (atomic_load(&d.stage) == 0) {
        g_usleep(100);
    }
    lock_acquire(&f->lock);
    loop_context_quiesce(f->loop);
    g_assert_true(lock_held(&f->lock));
    g_assert_cmpint(atomic_load(&d.stage), ==, 2);
    loop_context_resume(f->loop);
    lock_release(&f->lock);
    loop_thread_stop(f->loop);
}

static void quiesce_self(void *opaque)
{
    Fixture *f = opaque;

    loop_context_quiesce(f->loop);
    g_string_append_c(f->log, 'q');
    loop_context_resume(f->loop);
}

static void quiesce_inside_the_context_is_a_no_op(void)
{
    g_autoptr(Fixture) f = setup();

    loop_post(f->loop, quiesce_self, f);
    run_until(f, 1);
    g_assert_cmpstr(f->log->str, ==, "q");
}

/* --- gate --- */

static void gate_deliver(void *opaque, const uint8_t *data, size_t len)
{
    g_string_append_len(opaque, (const char *)data, len);
}

static void gate_done(void *opaque, int status)
{
    g_string_append_printf(opaque, "(%d)", status);
}

static void the_gate_passes_input_and_completions_through(void)
{
    g_autoptr(Fixture) f = setup();
    EventGate *gate = event_gate_new(f->clocks);
    EventSource src;
    EventRequest req;

    event_source_init(&src, gate, "/dev:rx", f->loop, gate_deliver, f->log);
    event_post(&src, "hi", 2);
    g_assert_cmpstr(f->log->str, ==, "hi");
    event_begin(&req, gate, f->loop, gate_done, f->log);
    event_complete(&req, -5); /* not in the context: posted */
    g_assert_cmpstr(f->log->str, ==, "hi");
    run_until(f, 6);
    g_assert_cmpstr(f->log->str, ==, "hi(-5)");
    event_source_destroy(&src);
    event_gate_free(gate);
}

/* A gate whose virtual time is f->time. */
typedef struct Icount {
    Fixture *f;
    EventGate *gate;
    _Atomic int64_t time;
} Icount;

static int64_t icount_time(void *opaque)
{
    return atomic_load(&((Icount *)opaque)->time);
}

static void icount_start(Icount *ic, Fixture *f)
{
    ic->f = f;
    ic->gate = event_gate_new(f->clocks);
    atomic_store(&ic->time, 0);
    clocks_set_virtual_source(f->clocks, icount_time, ic);
    g_assert_true(event_gate_set_mode(ic->gate, EVENT_ICOUNT, NULL));
}

static void icount_end(Icount *ic)
{
    clocks_set_virtual_source(ic->f->clocks, NULL, NULL);
    event_gate_free(ic->gate);
}

/* The end of a slice at virtual time @ns. */
static void slice_ends(Icount *ic, int64_t ns)
{
    atomic_store(&ic->time, ns);
    lock_acquire(&ic->f->lock);
    event_gate_run(ic->gate);
    g_assert_true(lock_held(&ic->f->lock));
    lock_release(&ic->f->lock);
}

static void under_icount_input_waits_for_the_slices_end(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    EventSource a, b;
    Icount ic;

    icount_start(&ic, f);
    g_assert_false(event_gate_set_mode(ic.gate, EVENT_REPLAY, &err));
    g_assert_nonnull(err);
    event_source_init(&a, ic.gate, "/a", f->loop, gate_deliver, f->log);
    event_source_init(&b, ic.gate, "/b", f->loop, gate_deliver, f->log);
    event_post(&a, "1", 1);
    event_post(&b, "2", 1);
    event_post(&a, "3", 1);
    event_source_destroy(&b); /* takes its input along */
    g_assert_cmpstr(f->log->str, ==, "");
    slice_ends(&ic, 1);
    g_assert_cmpstr(f->log->str, ==, "13");
    event_source_destroy(&a);
    icount_end(&ic);
}

/* What is saved at a stop is all that has arrived. */
static void under_icount_no_input_waits_in_a_stopped_machine(void)
{
    g_autoptr(Fixture) f = setup();
    EventSource a;
    Icount ic;

    icount_start(&ic, f);
    event_source_init(&a, ic.gate, "/a", f->loop, gate_deliver, f->log);
    event_post(&a, "12", 2);
    g_assert_cmpuint(event_waiting(&a), ==, 2);
    lock_acquire(&f->lock);
    event_gate_set_stopped(ic.gate, true);
    g_assert_cmpstr(f->log->str, ==, "12");
    g_assert_cmpuint(event_waiting(&a), ==, 0);
    event_post(&a, "3", 1);
    g_assert_cmpstr(f->log->str, ==, "123");
    event_gate_set_stopped(ic.gate, false);
    event_post(&a, "4", 1);
    lock_release(&f->lock);
    g_assert_cmpstr(f->log->str, ==, "123");
    slice_ends(&ic, 1);
    g_assert_cmpstr(f->log->str, ==, "1234");
    event_source_destroy(&a);
    icount_end(&ic);
}

typedef struct Echo {
    EventSource src;
    GString *log;
    char next; /* what a delivery makes room for; 0: nothing */
} Echo;

static void echo_deliver(void *opaque, const uint8_t *data, size_t len)
{
    Echo *e = opaque;
    char next = e->next;

    g_string_append_len(e->log, (const char *)data, len);
    e->next = 0;
    if (next) {
        event_post(&e->src, &next, 1);
    }
}

/* What comes while the machine stops stays behind what waited. */
static void under_icount_a_stop_keeps_the_order(void)
{
    g_autoptr(Fixture) f = setup();
    Echo e = { .log = f->log, .next = '3' };
    Icount ic;

    icount_start(&ic, f);
    event_source_init(&e.src, ic.gate, "/a", f->loop, echo_deliver, &e);
    event_post(&e.src, "1", 1);
    event_post(&e.src, "2", 1);
    lock_acquire(&f->lock);
    event_gate_set_stopped(ic.gate, true);
    lock_release(&f->lock);
    g_assert_cmpstr(f->log->str, ==, "123");
    g_assert_cmpuint(event_waiting(&e.src), ==, 0);
    event_source_destroy(&e.src);
    icount_end(&ic);
}

enum { INPUTS = 2000 };

static void *input_many(void *opaque)
{
    for (int i = 0; i < INPUTS; i++) {
        event_post(opaque, "x", 1);
    }
    return NULL;
}

/* Sources of several contexts share the gate. */
static void under_icount_threads_lose_no_input(void)
{
    g_autoptr(Fixture) f = setup();
    EventSource a, b;
    GThread *thread;
    Icount ic;

    icount_start(&ic, f);
    event_source_init(&a, ic.gate, "/a", f->loop, gate_deliver, f->log);
    event_source_init(&b, ic.gate, "/b", f->loop, gate_deliver, f->log);
    thread = g_thread_new("post", input_many, &a);
    input_many(&b);
    g_thread_join(thread);
    g_assert_cmpuint(event_waiting(&a), ==, INPUTS);
    slice_ends(&ic, 1);
    g_assert_cmpuint(f->log->len, ==, 2 * INPUTS);
    event_source_destroy(&a);
    event_source_destroy(&b);
    icount_end(&ic);
}

static void under_icount_a_fast_host_does_not_show(void)
{
    g_autoptr(Fixture) f = setup();
    EventRequest a, b;
    Icount ic;

    icount_start(&ic, f);
    event_begin(&a, ic.gate, f->loop, gate_done, f->log);
    atomic_store(&ic.time, 10);
    event_begin(&b, ic.gate, f->loop, gate_done, f->log);
    g_assert_cmpint(event_gate_next_deadline_ns(ic.gate), ==, 100000);
    event_complete(&b, -2); /* the second is first */
    event_complete(&a, -1);
    slice_ends(&ic, 99999);
    g_assert_cmpstr(f->log->str, ==, "");
    slice_ends(&ic, 100000);
    g_assert_cmpstr(f->log->str, ==, "(-1)");
    slice_ends(&ic, 200000);
    g_assert_cmpstr(f->log->str, ==, "(-1)(-2)");
    g_assert_cmpint(event_gate_next_deadline_ns(ic.gate), ==, INT64_MAX);
    icount_end(&ic);
}

typedef struct SlowHost {
    Fixture *f;
    EventRequest *req;
} SlowHost;

/* The host's answer needs the machine lock on its way. */
static void *answer_late(void *opaque)
{
    SlowHost *h = opaque;

    g_usleep(5000);
    lock_acquire(&h->f->lock);
    event_complete(h->req, 7);
    lock_release(&h->f->lock);
    return NULL;
}

static void under_icount_a_slow_host_is_waited_for(void)
{
    g_autoptr(Fixture) f = setup();
    EventRequest req;
    SlowHost host = { f, &req };
    Thread thread = { 0 };
    Icount ic;

    icount_start(&ic, f);
    event_begin(&req, ic.gate, f->loop, gate_done, f->log);
    thread_start(&thread, "host", answer_late, &host);
    slice_ends(&ic, 100000);
    g_assert_cmpstr(f->log->str, ==, "(7)");
    thread_join(&thread);
    icount_end(&ic);
}

static void a_stopped_machine_gets_its_completions_at_once(void)
{
    g_autoptr(Fixture) f = setup();
    EventRequest a, b;
    Icount ic;

    icount_start(&ic, f);
    event_begin(&a, ic.gate, f->loop, gate_done, f->log);
    event_begin(&b, ic.gate, f->loop, gate_done, f->log);
    event_complete(&a, 1);
    event_gate_set_stopped(ic.gate, true);
    run_until(f, 3);
    g_assert_cmpstr(f->log->str, ==, "(1)");
    event_complete(&b, 2);
    run_until(f, 6);
    g_assert_cmpstr(f->log->str, ==, "(1)(2)");
    event_gate_set_stopped(ic.gate, false);
    icount_end(&ic);
}

static void a_seed_fixes_the_random_bytes(void)
{
    g_autoptr(Fixture) f = setup();
    EventGate *gate = event_gate_new(f->clocks);
    uint8_t a[21], b[21], c[21];

    event_random(gate, a, sizeof(a));
    event_random(gate, b, sizeof(b));
    g_assert_true(memcmp(a, b, sizeof(a)) != 0);
    event_gate_set_seed(gate, 42);
    event_random(gate, a, sizeof(a));
    event_random(gate, c, sizeof(c));
    event_gate_set_seed(gate, 42);
    event_random(gate, b, sizeof(b));
    g_assert_cmpmem(a, sizeof(a), b, sizeof(b));
    g_assert_true(memcmp(a, c, sizeof(a)) != 0);
    event_gate_free(gate);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define T(f) g_test_add_func("/loop/" #f, f)
    T(timers_fire_in_order_of_deadline_then_of_setting);
    T(a_timer_is_never_early);
    T(a_timer_about_to_fire_leaves_no_negative_wait);
    T(a_moved_timer_fires_once_and_a_cancelled_one_never);
    T(a_heap_of_many_timers_stays_sorted);
    T(a_timer_that_rearms_in_the_past_does_not_block_the_loop);
    T(another_thread_wakes_a_sleeping_loop);
    T(the_virtual_clock_stops_and_goes_on);
    T(a_virtual_timer_waits_while_the_machine_is_stopped);
    T(under_icount_virtual_timers_belong_to_the_cpu_thread);
    T(the_virtual_clock_never_goes_back_for_a_reader);
    T(a_timer_is_saved_as_its_deadline);
    T(posted_calls_keep_each_threads_order);
    T(a_bottom_half_runs_once_however_often_scheduled);
    T(a_call_that_posts_itself_leaves_room_for_others);
    T(a_descriptor_is_watched_as_long_as_asked);
    T(a_reader_hears_of_a_hang_up);
    T(a_loop_that_polls_still_sees_all_and_sleeps);
    T(nothing_runs_while_an_iothread_is_quiesced);
    T(quiesce_waits_for_a_callback_that_dropped_the_lock);
    T(quiesce_inside_the_context_is_a_no_op);
    T(the_gate_passes_input_and_completions_through);
    T(under_icount_input_waits_for_the_slices_end);
    T(under_icount_no_input_waits_in_a_stopped_machine);
    T(under_icount_a_stop_keeps_the_order);
    T(under_icount_threads_lose_no_input);
    T(under_icount_a_fast_host_does_not_show);
    T(under_icount_a_slow_host_is_waited_for);
    T(a_stopped_machine_gets_its_completions_at_once);
    T(a_seed_fixes_the_random_bytes);
#undef T
    return g_test_run();
}
