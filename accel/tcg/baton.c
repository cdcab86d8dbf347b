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

/* Is it another's turn? One that was to be next may have lost its reason to
 * wake: another vCPU claimed the interrupt. baton_lock. */
static bool must_wait(const TcgVcpu *v)
{
    const TcgAccel *a = v->accel;
    const TcgVcpu *next = a->baton_next;

    if (a->baton != -1) {
        return a->baton != v->index;
    }
    return next && next != v && (!a->icount || icount_can_run(next));
}

bool baton_take(TcgVcpu *v)
{
    TcgAccel *a = v->accel;

    if (!is_single(v)) {
        return true;
    }
    lock_acquire(&a->baton_lock);
    v->wants_baton = true;
    while (must_wait(v)) {
        if (atomic_load(&v->hot->exit_req)) { /* to stop, or to be held */
            v->wants_baton = false;
            lock_release(&a->baton_lock);
            return false;
        }
        if (!cond_wait_ns(&a->baton_cond, &a->baton_lock, TURN_NS) &&
            a->baton != -1 && !a->icount) {
            TcgVcpu *holder = atomic_load(&a->vcpu[a->baton]);

            if (holder) {
                vcpu_request_exit(holder); /* its turn is over */
            }
        }
    }
    a->baton = v->index;
    a->baton_next = NULL;
    v->wants_baton = false;
    lock_release(&a->baton_lock);
    return true;
}

/* The next one after @v that waits, in order of index. Under icount the next
 * that would run: it is waited for, so that turns do not depend on the host. */
static TcgVcpu *next_waiting(TcgAccel *a, const TcgVcpu *v)
{
    unsigned n = atomic_load(&a->nvcpus);

    for (unsigned i = 1; i <= n; i++) {
        TcgVcpu *w = atomic_load(&a->vcpu[((unsigned)v->index + i) % n]);

        if (w && (a->icount ? icount_can_run(w) : w != v && w->wants_baton)) {
            return w;
        }
    }
    return NULL;
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
        a->baton_next = next = next_waiting(a, v);
        cond_broadcast(&a->baton_cond);
    }
    lock_release(&a->baton_lock);
    if (a->icount && next && next != v) {
        cpu_kick(next->cpu); /* it may sleep still: time went on for it too */
    }
}
