/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPUs that wait by polling, in a loop around a halt that a pending interrupt
 * ends at once. OpenSBI 1.1's harts wait so to be started, with MSIP pending.
 *
 * On hardware such a loop takes nothing from others, and what it waits for
 * comes from a CPU that runs at the same speed. Here it may push that CPU from
 * the host's, and may see the first store of a sequence long before the rest:
 * that firmware's sbi_hsm_hart_start() marks a hart as started, then says where
 * to go, then sends an IPI, and a hart that saw the mark alone goes where the
 * last one went: into the kernel's entry, a second time. So
 * - after FUTILE_HALTS halts in vain the vCPU dozes at each, the longer the
 *   more there are; an interrupt raised again wakes it;
 * - what it does next, it does in steps of a unit or so (vcpu_looks()). Halts
 *   it again within LOOK_STEPS, nothing had come;
 * - else it gives way: whoever was running gets WAY_NS of the host's time
 *   before it goes on. When the machine stops meanwhile, it does so anew.
 * A saved state does not say who polled: after a load all go in steps and give
 * way, once each has had as many.
 * Any halt may end early, and any CPU may be slow (Priv 3.3.3: WFI is a hint),
 * so guests cannot tell. None of it happens under icount, where turns are
 * counted in instructions.
 */
#include "tandem/base.h"

#include <time.h>

#include "accel/tcg/internal.h"

enum {
    FUTILE_HALTS = 16,
    DOZE_NS = 50 * 1000,
    DOUBLINGS = 11, /* to 102 ms */
    LOOK_STEPS = 16,
    LOOK_INSNS = 8 * LOOK_STEPS, /* where each is a unit */
    WAY_NS = 2 * 1000 * 1000,
    CHECKED = 8, /* times as long, where each unit runs twice */
    WAY_STEP_NS = 200 * 1000,
    WAY_STEPS = 50 * 1000, /* 10 s: then somebody is stuck, for good perhaps */
};

static bool polls(const TcgVcpu *v)
{
    return v->futile_halts >= FUTILE_HALTS;
}

void vcpu_does_not_poll(TcgVcpu *v)
{
    v->futile_halts = 0;
    v->look_steps = 0;
}

void vcpu_may_have_polled(TcgVcpu *v)
{
    bool alone = v->accel->icount || atomic_load(&v->accel->nvcpus) == 1;

    v->futile_halts = alone ? 0 : FUTILE_HALTS;
    v->look_steps = 0;
}

bool vcpu_looks(TcgVcpu *v)
{
    v->look_steps += polls(v);
    return polls(v);
}

/* --- giving way --- */

/* The vCPU lock is held. Of a machine that stops or has stopped, the state is
 * not ours to look at. */
static bool is_wanted_locked(CPUState *cpu)
{
    return atomic_load(&cpu->stop_requested) || atomic_load(&cpu->unplug) ||
           cpu->work_head || cpu->hold > 0;
}

/* Does it get on with guest code, as far as the host lets it? One that stops
 * counts: soon all do, or it has just not been resumed yet. One that gdb holds
 * stays where it is. */
static bool gets_on(TcgVcpu *v)
{
    CPUState *cpu = v->cpu;
    LOCK_GUARD(&cpu->lock);

    return !atomic_load(&v->gives_way) && !atomic_load(&cpu->halted) &&
           !cpu->powered_off && cpu->hold == 0;
}

/* Host time that its thread has had, in ns; -1: there is no such thread. */
static int64_t time_had(TcgVcpu *v)
{
    clockid_t clock = atomic_load(&v->clock);
    struct timespec t;

    if (clock == 0 || clock_gettime(clock, &t) != 0) {
        return -1;
    }
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Who gets on now, with what it must have had before @v does; others have
 * -1. Returns how many entries count. */
static unsigned note_others(TcgVcpu *v, int64_t *until)
{
    unsigned n = atomic_load(&v->accel->nvcpus);
    int64_t way = v->check ? CHECKED * WAY_NS : WAY_NS;

    for (unsigned i = 0; i < n; i++) {
        TcgVcpu *w = atomic_load(&v->accel->vcpu[i]);
        int64_t had = w && w != v && gets_on(w) ? time_had(w) : -1;

        until[i] = had < 0 ? -1 : had + way;
    }
    return n;
}

static bool others_had_theirs(TcgVcpu *v, int64_t *until, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        TcgVcpu *w = atomic_load(&v->accel->vcpu[i]);
        int64_t had = until[i] < 0 || !w || !gets_on(w) ? -1 : time_had(w);

        if (had >= 0 && had < until[i]) {
            return false;
        }
        until[i] = -1;
    }
    return true;
}

/* False: something else wants this vCPU in its loop. */
static bool wait_a_step(TcgVcpu *v)
{
    CPUState *cpu = v->cpu;
    LOCK_GUARD(&cpu->lock);

    if (is_wanted_locked(cpu)) {
        return false;
    }
    cond_wait_ns(&cpu->wake, &cpu->lock, WAY_STEP_NS);
    return !is_wanted_locked(cpu);
}

static void give_way(TcgVcpu *v)
{
    int64_t until[MAX_VCPUS];
    unsigned n = note_others(v, until);
    bool wanted = false;

    STAT(v, gave_way);
    atomic_store(&v->gives_way, true);
    for (unsigned step = 0; step < WAY_STEPS && !wanted; step++) {
        if (others_had_theirs(v, until, n)) {
            break;
        }
        wanted = !wait_a_step(v);
    }
    atomic_store(&v->gives_way, false);
    if (!wanted) {
        vcpu_does_not_poll(v);
    }
}

/* --- dozing --- */

static void doze_at_halt(TcgVcpu *v)
{
    CPUState *cpu = v->cpu;
    LOCK_GUARD(&cpu->lock);

    v->look_steps = 0;
    if (is_wanted_locked(cpu)) {
        return;
    }
    if (!cpu->type->has_work(cpu)) {
        vcpu_does_not_poll(v);
        return;
    }
    v->futile_halts++;
    if (polls(v) && !atomic_load(&v->hot->exit_req)) {
        unsigned n = v->futile_halts / FUTILE_HALTS - 1;

        STAT(v, dozes);
        cond_wait_ns(&cpu->wake, &cpu->lock,
                     (int64_t)DOZE_NS << MIN(n, (unsigned)DOUBLINGS));
    }
}

void vcpu_doze(TcgVcpu *v)
{
    unsigned steps = v->accel->opt.one_insn ? LOOK_INSNS : LOOK_STEPS;

    if (v->accel->icount) {
        return;
    }
    if (atomic_load(&v->cpu->halted)) {
        doze_at_halt(v);
    } else if (polls(v) && v->look_steps >= steps) {
        give_way(v);
    }
}
