/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * thread=single: each vCPU has its thread, but only the one with the baton
 * runs guest code; turns go round by index. A turn ends when its vCPU sleeps,
 * yields or has had its time while another waits.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"

enum { TURN_NS = 10 * 1000 * 1000 };

static bool is_single(const TcgVcpu *v)
{
    return v->accel->opt.thread == THREAD_SINGLE;
}

/*
 * icount: who has the next turn, a function of guest state alone, so that runs
 * repeat: the next in order of index, after the one who ran last, that has
 * something to do. NULL: all sleep. baton_lock.
 */
static TcgVcpu *counted_next(TcgAccel *a)
{
    int n = (int)atomic_load(&a->nvcpus);

    for (int i = 1; i <= n; i++) {
        TcgVcpu *w = atomic_load(&a->vcpu[(a->baton_last + i) % n]);

        if (w && icount_can_run(w)) {
            return w;
        }
    }
    return NULL;
}

/* The next one after @v that waits, in order of index. */
static TcgVcpu *next_waiting(TcgAccel *a, const TcgVcpu *v)
{
    unsigned n = atomic_load(&a->nvcpus);

    for (unsigned i = 1; i < n; i++) {
        TcgVcpu *w = atomic_load(&a->vcpu[((unsigned)v->index + i) % n]);

        if (w && w->wants_baton) {
            return w;
        }
    }
    return NULL;
}

/* Is it another's turn? baton_lock. */
static bool must_wait(const TcgVcpu *v)
{
    TcgAccel *a = v->accel;

    if (a->baton != -1) {
        return a->baton != v->index;
    }
    if (a->icount) {
        return counted_next(a) != v;
    }
    return a->baton_next && a->baton_next != v;
}

/* A turn goes on for too long while @v waits. baton_lock. */
static void hurry_holder(TcgAccel *a)
{
    TcgVcpu *holder = a->baton != -1 ? atomic_load(&a->vcpu[a->baton]) : NULL;

    if (holder && !a->icount) {
        vcpu_request_exit(holder);
    }
}

/* Woken, but the reason went before its turn came: another vCPU claimed the
 * interrupt, say. It sleeps on. baton_lock. */
static bool fell_asleep_again(TcgVcpu *v)
{
    if (!v->accel->icount || !v->asleep || v->accel->baton == v->index ||
        icount_can_run(v)) {
        return false;
    }
    atomic_store(&v->cpu->halted, true);
    return true;
}

/* Let @v's thread look, should it sleep. No kick: it may have its turn by now,
 * and where it leaves a unit must not depend on the host. */
static void rouse(TcgVcpu *v)
{
    LOCK_GUARD(&v->cpu->lock);
    cond_signal(&v->cpu->wake);
}

bool baton_take(TcgVcpu *v)
{
    TcgAccel *a = v->accel;
    bool got = true;

    if (!is_single(v)) {
        return true;
    }
    lock_acquire(&a->baton_lock);
    v->wants_baton = true;
    while (got && must_wait(v)) {
        if (atomic_load(&v->hot->exit_req) || fell_asleep_again(v)) {
            got = false; /* to stop, to be held, to sleep */
        } else if (!cond_wait_ns(&a->baton_cond, &a->baton_lock, TURN_NS)) {
            hurry_holder(a);
        }
    }
    if (got) {
        a->baton = v->index;
        a->baton_next = NULL;
        v->asleep = false;
    }
    v->wants_baton = false;
    lock_release(&a->baton_lock);
    return got;
}

/* Under icount a turn that was only interrupted, to stop the machine, goes on
 * with its budget when that runs again. */
static TcgVcpu *counted_give(TcgAccel *a, TcgVcpu *v)
{
    bool halted = atomic_load(&v->cpu->halted);

    if (halted || v->budget <= 0) {
        a->baton_last = v->index;
        v->budget = 0;
        v->asleep = halted;
    } else {
        a->baton_last = v->index - 1;
    }
    return counted_next(a);
}

void baton_give(TcgVcpu *v)
{
    TcgAccel *a = v->accel;
    TcgVcpu *next = NULL;

    if (!is_single(v)) {
        return;
    }
    lock_acquire(&a->baton_lock);
    if (a->baton == v->index) {
        a->baton = -1;
        next = a->icount ? counted_give(a, v) : next_waiting(a, v);
        a->baton_next = next;
        cond_broadcast(&a->baton_cond);
    }
    lock_release(&a->baton_lock);
    if (a->icount && next && next != v) {
        rouse(next); /* time went on for it too */
    }
}

bool baton_claim_idle(TcgVcpu *v)
{
    TcgAccel *a = v->accel;

    LOCK_GUARD(&a->baton_lock);
    if (a->baton != -1 || counted_next(a) != NULL) {
        return false;
    }
    a->baton = v->index;
    return true;
}

void baton_end_idle(TcgVcpu *v)
{
    TcgAccel *a = v->accel;
    TcgVcpu *next;

    lock_acquire(&a->baton_lock);
    a->baton = -1;
    next = counted_next(a);
    cond_broadcast(&a->baton_cond);
    lock_release(&a->baton_lock);
    if (next && next != v) {
        rouse(next);
    }
}
