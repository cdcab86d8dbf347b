/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. */
#ifndef SOFTMMU_LOOP_INTERNAL_H
#define SOFTMMU_LOOP_INTERNAL_H

#include "softmmu/loop/loop.h"

/* --- timers: timer.c --- */

/* Deadline heaps of one context, a heap a clock. */
typedef struct TimerHeaps {
    Lock lock; /* a leaf lock; guards all below and the timers' own fields */
    GPtrArray *heap[CLOCK_TYPES]; /* Timer *, earliest first */
    uint64_t sequence;
    /* loop_on_nearer_deadline() */
    void (*nearer[CLOCK_TYPES])(void *opaque);
    void *nearer_opaque[CLOCK_TYPES];
} TimerHeaps;

void timer_heaps_init(TimerHeaps *h);
void timer_heaps_destroy(TimerHeaps *h);
/* ns until the first timer of @ctx may be due, by its clock as it runs now;
 * 0: one is due, INT64_MAX: none will be. */
int64_t timer_wait_ns(LoopContext *ctx);
void timer_run_due(LoopContext *ctx);

/* --- clocks: clock.c --- */

/* Does the loop itself fire timers of @type now? Not while the clock stands,
 * nor for virtual ones under icount. */
bool clock_ticks(ClockSet *clocks, ClockType type);
void clocks_add_context(ClockSet *clocks, LoopContext *ctx);
void clocks_remove_context(ClockSet *clocks, LoopContext *ctx);

/* --- contexts: loop.c --- */

ClockSet *loop_context_clocks(LoopContext *ctx);
TimerHeaps *loop_context_timers(LoopContext *ctx);
Lock *loop_context_lock(LoopContext *ctx);
/* Make it look at its queue and timers again; any thread. */
void loop_wake(LoopContext *ctx);

#endif
