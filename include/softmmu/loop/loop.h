/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event loops, clocks and timers (DESIGN 3, 6; DECISIONS 25-33).
 *
 * A LoopContext is one thread's loop over a GMainContext: the main thread's,
 * an iothread's, the monitors'. What is posted to it runs there. Callbacks of
 * the machine's main loop run with the machine lock held; those of an
 * iothread never take it.
 */
#ifndef SOFTMMU_LOOP_LOOP_H
#define SOFTMMU_LOOP_LOOP_H

#include "tandem/base.h"

#include "softmmu/base/lock.h"

typedef struct LoopContext LoopContext;
typedef struct ClockSet ClockSet;
typedef struct EventGate EventGate;

/* --- contexts --- */

/*
 * loop_context_new: @lock (the machine lock) is held around every callback,
 * NULL for none. @clocks drive its timers. It must be run by one thread.
 */
LoopContext *loop_context_new(const char *name, Lock *lock, ClockSet *clocks);
void loop_context_free(LoopContext *ctx);
GMainContext *loop_context_gmain(LoopContext *ctx);
/* Run callbacks until loop_quit(); the caller does not hold @lock. */
void loop_run(LoopContext *ctx);
/* One round; with @block it waits for something. For tests and main(). */
bool loop_poll(LoopContext *ctx, bool block);
void loop_quit(LoopContext *ctx); /* any thread */
bool loop_in_context(const LoopContext *ctx);
/* Start and stop a thread of its own for it (iothreads). */
void loop_thread_start(LoopContext *ctx);
void loop_thread_stop(LoopContext *ctx);

/*
 * Before it sleeps, the context may wait busily, as a wake-up costs more than
 * a short wait: at most @max_ns (0: never), and an adapted time in between,
 * which grows by the factor @grow when events come just too late for it and
 * shrinks by the divisor @shrink when they come much later (0: to 2, and to
 * no waiting). Any thread.
 */
void loop_context_set_poll(LoopContext *ctx, int64_t max_ns, int64_t grow,
                           int64_t shrink);
/* Does the calling thread run a context without a lock (started by
 * loop_thread_start)? It must never take the machine lock (DECISIONS 27). */
bool loop_thread_is_iothread(void);

/* Call @fn(@opaque) in @ctx soon, in order of posting. Any thread, async-
 * signal-unsafe, never blocks. */
void loop_post(LoopContext *ctx, void (*fn)(void *opaque), void *opaque);
/* The same, and wait for its end; at once for a caller that is in @ctx or holds
 * its lock. @ctx runs, or will. */
void loop_call(LoopContext *ctx, void (*fn)(void *opaque), void *opaque);

/* A bottom half: post once however often it is scheduled. */
typedef struct BottomHalf BottomHalf;
BottomHalf *bh_new(LoopContext *ctx, void (*fn)(void *opaque), void *opaque);
void bh_schedule(BottomHalf *bh); /* any thread */
void bh_cancel(BottomHalf *bh);   /* in its context */
void bh_free(BottomHalf *bh);     /* in its context, or quiesced */

/* Watch @fd in @ctx; callbacks may be NULL, both NULL stops. In @ctx or under
 * its lock. @fd stays the caller's. */
void loop_set_fd(LoopContext *ctx, int fd, void (*readable)(void *opaque),
                 void (*writable)(void *opaque), void *opaque);

/*
 * loop_context_quiesce: return when no callback of @ctx is running, and keep
 * new ones out until loop_context_resume(). Nests. The caller may hold the
 * machine lock and must not be in @ctx (then it is a no-op). A device does not
 * ask it of the main loop, which may be waiting for this vCPU to park: there
 * the machine lock keeps callbacks out.
 */
void loop_context_quiesce(LoopContext *ctx);
void loop_context_resume(LoopContext *ctx);

/* --- clocks --- */

typedef enum ClockType {
    CLOCK_HOST,       /* wall clock of the host, ns since 1970; may jump */
    CLOCK_RT,         /* "realtime": monotonic, runs while the VM is stopped */
    CLOCK_VIRTUAL,    /* stops with the VM; instructions under icount */
    CLOCK_VIRTUAL_RT, /* stops with the VM, real time under icount too */
    CLOCK_TYPES,
} ClockType;

ClockSet *clocks_new(void);
void clocks_free(ClockSet *clocks);
/* ns; any thread, lock-free. Devices read through event_clock_ns(). */
int64_t clock_now_ns(ClockSet *clocks, ClockType type);
/* Run or stop the virtual clocks; machine lock. Idempotent. */
void clocks_set_running(ClockSet *clocks, bool running);
bool clocks_running(const ClockSet *clocks);
/* Saved state: set the virtual clock, which must be stopped. */
void clocks_set_virtual_ns(ClockSet *clocks, int64_t ns);
/* icount: @fn gives virtual time from then on, NULL ends that. */
void clocks_set_virtual_source(ClockSet *clocks, int64_t (*fn)(void *opaque),
                               void *opaque);

/* --- timers --- */

/* Embedded in its owner's struct; init once, cancel before the owner dies. */
typedef struct Timer {
    LoopContext *ctx;
    ClockType clock;
    void (*fn)(void *opaque);
    void *opaque;
    int64_t deadline_ns; /* absolute; -1: not set */
    /* under the context's timer lock */
    size_t heap_index;
    uint64_t sequence; /* equal deadlines fire in order of timer_set */
} Timer;
void timer_init(Timer *t, LoopContext *ctx, ClockType clock,
                void (*fn)(void *opaque), void *opaque);
/* Any thread. Sets or moves the deadline, in ns of its clock; never early. A
 * deadline in the past fires soon. */
void timer_set(Timer *t, int64_t deadline_ns);
void timer_cancel(Timer *t);
/* @fn, or none when NULL, is called after timer_set() of a timer of @ctx and
 * @clock that is due before all others, in that caller's thread. Set while no
 * timer of that kind runs. */
void loop_on_nearer_deadline(LoopContext *ctx, ClockType clock,
                             void (*fn)(void *opaque), void *opaque);
bool timer_pending(const Timer *t);
/* Earliest deadline of @type in @ctx, INT64_MAX for none. */
int64_t loop_next_deadline_ns(LoopContext *ctx, ClockType type);
/* icount: run the virtual timers that are due, in this thread. */
void loop_run_timers(LoopContext *ctx, ClockType type);
/* For VmState tables: a timer as its deadline (VM_CUSTOM(S, t, vm_timer)). */
extern const struct VmCustom vm_timer;

#endif
