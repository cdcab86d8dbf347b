/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counted time: virtual time is a function of the insns executed
 * (TCG.md 3.13, DECISIONS 33).
 *
 * A vCPU gets a budget of insns: to the next virtual timer, at most a quantum.
 * Units subtract what they hold on entry and give back what they did not run,
 * so the count is exact at each exit; inside a unit the side table knows. Only
 * where a budget ends, timers run, the event gate delivers, and the next vCPU
 * has its turn: a kick makes the vCPU look at its requests and go on with the
 * same budget. When all vCPUs sleep, the last one to fall asleep moves time to
 * the next timer: after as long a real wait, or at once with sleep=off.
 *
 * Without icount a slice never ends, and only units with TCG_CTX_COUNT take
 * from it: they give a guest that asks the number of its insns.
 *
 * A timer that the guest sets nearer than the end of the running budget cuts
 * that short: it fires after the unit that set it, or on time.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"
#include "softmmu/machine/machine.h"

enum {
    SHIFT_MAX = 10,
    QUANTUM_NS = 200 * 1000,
    QUANTUM_MIN = 500,
    QUANTUM_MAX = 50000,
    IDLE_NAP_NS = 10 * 1000 * 1000, /* input is looked at so often */
    AUTO_STEP_NS = 100 * 1000 * 1000,
    AUTO_SLACK_NS = 50 * 1000 * 1000,
    ALIGN_SLACK_NS = 3 * 1000 * 1000,
    ALIGN_NAP_NS = 10 * 1000 * 1000,
    STOPPED_POLL_NS = 5 * 1000 * 1000,
};
#define ENDLESS (INT64_C(1) << 62) /* more insns than anybody runs */

struct TcgIcount {
    TcgAccel *accel;
    bool automatic;
    /* the baton's holder, or whoever warps time, writes */
    _Atomic unsigned shift;
    _Atomic int64_t insns;   /* of all vCPUs, up to the last end of a slice */
    _Atomic int64_t bias_ns; /* time that no insn stands for */
    int64_t adjusted_rt_ns;  /* shift=auto: when it was last looked at */
    Timer stopped;           /* delivers input while the machine stands */
};

/* --- reading time --- */

static int64_t time_at(const struct TcgIcount *ic, int64_t insns)
{
    return atomic_load(&ic->bias_ns) + (insns << atomic_load(&ic->shift));
}

/* Insns of the running slice, exact also in the middle of a unit. */
static int64_t slice_insns(TcgVcpu *v)
{
    TcgHot *hot = v->hot;
    int64_t done = v->slice - hot->icount;
    unsigned in_unit = 0;
    TcgTb *tb = NULL;

    if (hot->interp) {
        tb = hot->leave_unit;
        in_unit = tcg_interp_position(v->env);
    } else if (hot->ret_pc) {
        tb = cache_find(v->accel, hot->ret_pc);
        if (tb &&
            !tcg_side_position(tb->side, tb->side_size,
                               hot->ret_pc - (uintptr_t)tb->code, &in_unit)) {
            tb = NULL; /* a helper that cannot fault: the unit's start */
        }
    }
    return tb && tb->counted ? done - tb->ninsns + in_unit : done;
}

static int64_t virtual_now(void *opaque)
{
    struct TcgIcount *ic = opaque;
    int64_t insns = atomic_load(&ic->insns);
    CPUState *cpu = cpu_current();
    TcgVcpu *v = cpu ? tcg_vcpu(cpu) : NULL;

    if (v && v->accel == ic->accel && v->slice != 0) {
        insns += slice_insns(v);
    }
    return time_at(ic, insns);
}

uint64_t tcg_insn_count(CPUState *cpu)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    if (v == NULL) {
        return 0;
    }
    return v->insns + (v->slice != 0 ? slice_insns(v) : 0);
}

bool tcg_counts_always(CPUState *cpu)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    return v != NULL && v->accel->icount != NULL;
}

/* --- budgets --- */

static int64_t next_deadline(const struct TcgIcount *ic)
{
    return loop_next_deadline_ns(ic->accel->machine->loop, CLOCK_VIRTUAL);
}

static void run_due(struct TcgIcount *ic)
{
    Machine *m = ic->accel->machine;

    machine_lock(m);
    if (machine_running(m)) {
        loop_run_timers(m->loop, CLOCK_VIRTUAL);
        event_gate_run(m->gate);
    }
    machine_unlock(m);
}

/* shift=auto: follow real time, a step at a time, without a jump. */
static void adjust_shift(struct TcgIcount *ic)
{
    ClockSet *clocks = ic->accel->machine->clocks;
    int64_t rt = clock_now_ns(clocks, CLOCK_VIRTUAL_RT);
    int64_t insns = atomic_load(&ic->insns);
    int64_t now = time_at(ic, insns);
    unsigned shift = atomic_load(&ic->shift);

    if (rt - ic->adjusted_rt_ns < AUTO_STEP_NS) {
        return;
    }
    ic->adjusted_rt_ns = rt;
    if (now > rt + AUTO_SLACK_NS && shift > 0) {
        shift--;
    } else if (now < rt - AUTO_SLACK_NS && shift < SHIFT_MAX) {
        shift++;
    }
    atomic_store(&ic->shift, shift);
    atomic_store(&ic->bias_ns, now - (insns << shift));
}

/* align=on: do not run ahead of real time. */
static void align_time(struct TcgIcount *ic)
{
    ClockSet *clocks = ic->accel->machine->clocks;
    int64_t ahead = time_at(ic, atomic_load(&ic->insns)) -
                    clock_now_ns(clocks, CLOCK_VIRTUAL_RT);

    if (ahead > ALIGN_SLACK_NS) {
        g_usleep(MIN(ahead, ALIGN_NAP_NS) / 1000);
    }
}

static int64_t new_budget(const struct TcgIcount *ic)
{
    unsigned shift = atomic_load(&ic->shift);
    int64_t now = time_at(ic, atomic_load(&ic->insns));
    int64_t deadline = next_deadline(ic);
    int64_t quantum = CLAMP(QUANTUM_NS >> shift, QUANTUM_MIN, QUANTUM_MAX);

    if (deadline <= now) {
        return 1;
    }
    if (deadline == INT64_MAX) {
        return quantum;
    }
    return MIN(((deadline - now - 1) >> shift) + 1, quantum);
}

void icount_begin_slice(TcgVcpu *v)
{
    struct TcgIcount *ic = v->accel->icount;

    if (!ic) {
        v->slice = v->hot->icount = ENDLESS;
        return;
    }
    if (v->budget <= 0) {
        if (ic->automatic) {
            adjust_shift(ic);
        }
        if (v->accel->opt.icount_align) {
            align_time(ic);
        }
        run_due(ic);
        v->budget = new_budget(ic);
        v->icount_tail = false;
        ctx_update(v);
    }
    v->slice = v->hot->icount = v->budget;
}

/* A virtual timer is nearer than all before: if the running vCPU set it, its
 * budget ends there. A unit has paid for all its insns and runs to its end. */
static void deadline_nearer(void *opaque)
{
    struct TcgIcount *ic = opaque;
    CPUState *cpu = cpu_current();
    TcgVcpu *v = cpu ? tcg_vcpu(cpu) : NULL;
    int64_t left, paid, cut;

    if (!v || v->accel != ic->accel || v->slice == 0) {
        return;
    }
    left = next_deadline(ic) - virtual_now(ic);
    left = left <= 0 ? 0 : ((left - 1) >> atomic_load(&ic->shift)) + 1;
    paid = v->slice - v->hot->icount - slice_insns(v); /* and not yet run */
    cut = v->hot->icount - MAX(left - paid, 0);
    cut = MIN(cut, v->slice - 1); /* 0 stands for no slice */
    if (cut > 0) {
        v->hot->icount -= cut;
        v->slice -= cut;
        v->budget -= cut;
    }
}

void icount_end_slice(TcgVcpu *v)
{
    struct TcgIcount *ic = v->accel->icount;
    int64_t done = v->slice - v->hot->icount;

    if (v->slice == 0) {
        return;
    }
    v->slice = 0;
    v->insns += done;
    if (ic) {
        v->budget -= done;
        atomic_fetch_add(&ic->insns, done);
    }
}

/* The next unit is longer than what is left: insn by insn to the end. */
void icount_tail(TcgVcpu *v)
{
    v->icount_tail = v->hot->icount > 0;
    ctx_update(v);
}

bool icount_turn_over(TcgVcpu *v)
{
    CPUState *cpu = v->cpu;

    return !v->accel->icount || v->budget <= 0 || atomic_load(&cpu->halted) ||
           atomic_load(&cpu->stop_requested) || atomic_load(&cpu->unplug);
}

/* --- all asleep --- */

/* Since its turn ended halted, or by now: halted goes when its thread wakes,
 * asleep when its turn comes. */
static bool sleeps(const TcgVcpu *v)
{
    return (v->asleep || atomic_load(&v->cpu->halted)) &&
           !v->cpu->type->has_work(v->cpu);
}

bool icount_can_run(const TcgVcpu *v)
{
    return !sleeps(v) && !v->cpu->powered_off &&
           !atomic_load(&v->cpu->stop_requested) &&
           atomic_load(&v->cpu->hold) == 0;
}

/* Let @ns of real time pass, less if somebody wants this vCPU. */
static void nap(TcgVcpu *v, int64_t ns)
{
    CPUState *cpu = v->cpu;

    LOCK_GUARD(&cpu->lock);
    if (!cpu->work_head && sleeps(v) && !atomic_load(&cpu->stop_requested) &&
        !atomic_load(&v->hot->exit_req)) {
        cond_wait_ns(&cpu->wake, &cpu->lock, ns);
    }
}

/* One step of time in which nobody runs. The baton is claimed. */
static void idle_step(TcgVcpu *v)
{
    struct TcgIcount *ic = v->accel->icount;
    int64_t now = time_at(ic, atomic_load(&ic->insns));
    int64_t deadline = next_deadline(ic);
    int64_t step = IDLE_NAP_NS;

    if (deadline != INT64_MAX) {
        step = CLAMP(deadline - now, 0, IDLE_NAP_NS);
    }
    if ((!v->accel->opt.icount_no_sleep || deadline == INT64_MAX) && step > 0) {
        nap(v, step);
    } else if (deadline != INT64_MAX) {
        step = MAX(deadline - now, 0);
    }
    if (deadline != INT64_MAX) { /* else time stands, as nothing waits */
        atomic_fetch_add(&ic->bias_ns, step);
    }
    atomic_exchange(&v->hot->exit_req, 0);
    run_due(ic);
}

bool icount_idle(CPUState *cpu)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    if (!v->accel->icount || !baton_claim_idle(v)) {
        return false;
    }
    idle_step(v);
    baton_end_idle(v);
    return true;
}

/* --- life --- */

/* A machine that stands has no budgets; drains and monitors go on. */
static void stopped_poll(void *opaque)
{
    struct TcgIcount *ic = opaque;
    Machine *m = ic->accel->machine;

    if (!machine_running(m)) {
        event_gate_run(m->gate);
    }
    timer_set(&ic->stopped,
              clock_now_ns(m->clocks, CLOCK_RT) + STOPPED_POLL_NS);
}

bool icount_init(TcgAccel *a, Error **errp)
{
    Machine *m = a->machine;
    struct TcgIcount *ic;

    if (a->opt.icount_shift == ICOUNT_OFF) {
        return true;
    }
    if (a->opt.icount_shift > SHIFT_MAX || a->opt.icount_shift < ICOUNT_AUTO) {
        error_set(errp, "icount: shift=%d is not 0 to %d or auto",
                  a->opt.icount_shift, SHIFT_MAX);
        return false;
    }
    if (!event_gate_set_mode(m->gate, EVENT_ICOUNT, errp)) {
        return false;
    }
    ic = g_new0(struct TcgIcount, 1);
    ic->accel = a;
    ic->automatic = a->opt.icount_shift == ICOUNT_AUTO;
    atomic_store(&ic->shift, ic->automatic ? 3 : a->opt.icount_shift);
    a->icount = ic;
    a->opt.thread = THREAD_SINGLE;
    clocks_set_virtual_source(m->clocks, virtual_now, ic);
    loop_on_nearer_deadline(m->loop, CLOCK_VIRTUAL, deadline_nearer, ic);
    timer_init(&ic->stopped, m->loop, CLOCK_RT, stopped_poll, ic);
    timer_set(&ic->stopped, 0);
    return true;
}

void icount_free(TcgAccel *a)
{
    if (a->icount) {
        timer_cancel(&a->icount->stopped);
        loop_on_nearer_deadline(a->machine->loop, CLOCK_VIRTUAL, NULL, NULL);
        clocks_set_virtual_source(a->machine->clocks, NULL, NULL);
        event_gate_set_mode(a->machine->gate, EVENT_PASS, NULL);
        g_free(a->icount);
        a->icount = NULL;
    }
}
