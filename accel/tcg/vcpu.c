/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPU threads: the loop, leaving units, safe points and requests
 * (TCG.md 3.7, 3.9, 3.17).
 *
 * The order that loses no wake-up: clear exit_req by an exchange, run queued
 * work, serve requests, look at interrupts, enter. Whoever wants something
 * publishes it first and sets exit_req after.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"
#include "softmmu/base/tsan.h"
#include "softmmu/machine/machine.h"

#ifdef __x86_64__
#include <xmmintrin.h>
#define host_fp_get()  _mm_getcsr()
#define host_fp_set(x) _mm_setcsr(x)
#else
#define host_fp_get()  0u /* no host code, so no guest FP in registers */
#define host_fp_set(x) ((void)(x))
#endif

/* --- floating point: JIT code runs with the guest's MXCSR (TCG.md 3.11) --- */

/* Thunks have put the guest's word into mxcsr_guest before they call C. */
void vcpu_swap_to_host_fp(TcgVcpu *v)
{
    if (v->hot->ret_pc) {
        host_fp_set(v->hot->mxcsr_host);
    }
}

void vcpu_swap_to_guest_fp(TcgVcpu *v)
{
    if (v->hot->ret_pc) {
        host_fp_set(v->hot->mxcsr_guest);
    }
}

/* env complete: flags folded in, counts taken back. */
static void make_quiet(TcgVcpu *v)
{
    if (v->quiet) {
        return;
    }
    v->quiet = true;
    STAT_SET(v, cell_fills, v->hot->cell_fills);
    STAT_SET(v, vec_calls, v->hot->vec_calls);
    STAT_SET(v, spec_misses, v->hot->spec_misses);
    if (v->ops->fp_fold) {
        v->ops->fp_fold(v->cpu, v->hot->mxcsr_guest);
        v->hot->mxcsr_guest &= ~UINT32_C(0x3f);
    }
    icount_end_slice(v);
}

static void end_quiet(TcgVcpu *v)
{
    v->quiet = false;
    if (v->ops->fp_mxcsr) {
        v->hot->mxcsr_guest = v->ops->fp_mxcsr(v->cpu);
    }
    icount_begin_slice(v);
}

/* --- requests and safe points --- */

void vcpu_post_request(TcgVcpu *v, uint32_t req)
{
    atomic_fetch_or(&v->requests, req);
    vcpu_request_exit(v);
}

void vcpus_post_request(TcgAccel *a, TcgVcpu * not, uint32_t req)
{
    unsigned n = atomic_load(&a->nvcpus);

    for (unsigned i = 0; i < n; i++) {
        TcgVcpu *v = atomic_load(&a->vcpu[i]);

        if (v && v != not ) {
            vcpu_post_request(v, req);
        }
    }
}

static void purge_dead(TcgVcpu *v)
{
    vaddr dead[DEAD_MAX];
    unsigned n;

    lock_acquire(&v->accel->tb_lock);
    n = v->ndead;
    memcpy(dead, v->dead, n * sizeof(dead[0]));
    v->ndead = 0;
    lock_release(&v->accel->tb_lock);
    for (unsigned i = 0; i < n; i++) {
        jc_purge_pc(v, dead[i]);
    }
}

void vcpu_serve_requests(TcgVcpu *v)
{
    uint32_t req = atomic_load(&v->requests);

    if (req == 0) {
        return;
    }
    req = atomic_exchange(&v->requests, 0);
    if (req & VCPU_REQ_FLUSH_MEM) {
        tlb_flush_everything(v);
    }
    if (req & VCPU_REQ_UNMATCH_W) {
        l1_unmatch_writes(v);
    }
    if (req & VCPU_REQ_DEAD) {
        purge_dead(v);
    }
    if (req & VCPU_REQ_PURGE) {
        jc_clear(v);
        ctx_bump_all(v);
    }
    if (req & (VCPU_REQ_CTX | VCPU_REQ_PURGE | VCPU_REQ_FLUSH_MEM)) {
        ctx_update(v);
    }
}

static void wake_waiters(TcgAccel *a)
{
    if (atomic_load(&a->safe_waiters) != 0) {
        LOCK_GUARD(&a->safe_lock);
        cond_broadcast(&a->safe_cond);
    }
}

static void set_place(TcgVcpu *v, VcpuPlace place)
{
    atomic_store(&v->place, place);
    if (place != VCPU_INSIDE) {
        wake_waiters(v->accel);
    }
}

static void go_inside(TcgVcpu *v)
{
    set_place(v, VCPU_INSIDE); /* then look: pairs with post, then wait */
    vcpu_serve_requests(v);
}

static void pass_safe_point(TcgVcpu *v)
{
    atomic_fetch_add(&v->passes, 1);
    wake_waiters(v->accel);
}

static bool has_passed(TcgVcpu *v, uint64_t passes, VcpuPlace mine)
{
    VcpuPlace place = atomic_load(&v->place);

    return place == VCPU_OUTSIDE ||
           (place == VCPU_BLOCKED && mine == VCPU_BLOCKED) ||
           atomic_load(&v->passes) != passes;
}

static void wait_for_one(TcgAccel *a, TcgVcpu *v, VcpuPlace mine)
{
    uint64_t passes = atomic_load(&v->passes);

    if (has_passed(v, passes, mine)) {
        return;
    }
    vcpu_request_exit(v);
    atomic_fetch_add(&a->safe_waiters, 1);
    lock_acquire(&a->safe_lock);
    while (!has_passed(v, passes, mine)) {
        /* the time limit is for a vCPU that cleared exit_req just now */
        cond_wait_ns(&a->safe_cond, &a->safe_lock, 1000000);
        vcpu_request_exit(v);
    }
    lock_release(&a->safe_lock);
    atomic_fetch_sub(&a->safe_waiters, 1);
}

void safe_point_wait(TcgAccel *a, TcgVcpu *self, VcpuPlace state)
{
    VcpuPlace before = VCPU_OUTSIDE;
    unsigned n = atomic_load(&a->nvcpus);

    if (self) {
        before = atomic_load(&self->place);
        if (before == VCPU_INSIDE) {
            set_place(self, state);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        TcgVcpu *v = atomic_load(&a->vcpu[i]);

        if (v && v != self) {
            wait_for_one(a, v, state);
        }
    }
    if (before == VCPU_INSIDE) {
        go_inside(self);
    }
}

/* --- leaving units --- */

/* A counted unit paid for all its insns on entry. */
static void refund(TcgVcpu *v, const TcgTb *tb, unsigned done)
{
    if (tb->counted) {
        v->hot->icount += tb->ninsns - done;
    }
}

void vcpu_restore(TcgVcpu *v)
{
    TcgHot *hot = v->hot;
    uintptr_t pc = hot->ret_pc;
    unsigned done = 0;
    TcgTb *tb;

    STAT(v, restores);
    if (hot->interp) {
        tcg_interp_restore(v->env, &done);
        refund(v, hot->leave_unit, done);
    } else if (pc) {
        tb = cache_find(v->accel, pc);
        if (!tb || !tcg_side_restore(v->fe, tb->side, tb->side_size, tb->pc,
                                     pc - (uintptr_t)tb->code, v->env, &done)) {
            /* our own bug: nothing sensible can follow */
            g_error("tcg: no restore point at host pc 0x%" PRIxPTR, pc);
        }
        refund(v, tb, done);
    }
}

/* Back in the loop, from code that was called from a unit. */
static void left_unit(TcgVcpu *v)
{
    vcpu_swap_to_host_fp(v);
    v->hot->ret_pc = 0;
    v->hot->interp = NULL;
}

void vcpu_leave(TcgVcpu *v, int why)
{
    left_unit(v);
    longjmp(v->leave, why);
}

void rt_raise(TcgVcpu *v)
{
    vcpu_restore(v);
    vcpu_leave(v, LEAVE_EXCEPTION);
}

void tcg_raise(CPUState *cpu, uintptr_t ra)
{
    rt_raise(tcg_vcpu(cpu));
}

void tcg_retry(CPUState *cpu, uintptr_t ra)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    vcpu_restore(v);
    vcpu_request_exit(v);
    vcpu_leave(v, LEAVE_RETRY);
}

void tcg_restore_state(CPUState *cpu, uintptr_t ra)
{
    TcgVcpu *v = tcg_vcpu(cpu);
    int64_t icount = v->hot->icount;
    TcgInterpFrame *frame = v->hot->interp;

    vcpu_restore(v);
    v->hot->icount = icount; /* the unit goes on, or raises after all */
    v->hot->interp = frame;
}

static void rt_trap(void *env, uint32_t code)
{
    TcgVcpu *v = env_vcpu(env);

    vcpu_restore(v);
    if (code == TRAP_BREAKPOINT) {
        v->break_skip = vcpu_pc(v);
        v->break_skip_on = true;
        cpu_debug_stop(v->cpu, CPU_HIT_BREAK, vcpu_pc(v));
        vcpu_leave(v, LEAVE_DEBUG);
    }
    v->ops->trap(v->cpu, code);
    vcpu_leave(v, LEAVE_EXCEPTION);
}

CPUState *tcg_env_cpu(void *env)
{
    return env_vcpu(env)->cpu;
}

void tcg_check_interrupts(CPUState *cpu)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    if (v->ops->interrupt_ready(cpu)) {
        vcpu_request_exit(v);
    }
}

void tcg_halt(CPUState *cpu)
{
    atomic_store(&cpu->halted, true);
    vcpu_request_exit(tcg_vcpu(cpu));
}

/*
 * A pause in a loop that waits for another vCPU, or for time to pass. On a
 * busy host each sched_yield() costs a turn of all others, so it is one in
 * YIELD_EACH. Under icount nobody else could run: the loop costs its insns.
 */
void tcg_yield(CPUState *cpu)
{
    enum { YIELD_EACH = 32 };
    TcgVcpu *v = tcg_vcpu(cpu);

    if (v->accel->icount || ++v->pauses % YIELD_EACH != 0) {
        return;
    }
    if (v->accel->opt.thread == THREAD_SINGLE) {
        vcpu_request_exit(v); /* hand the baton on */
    } else {
        sched_yield();
    }
}

/* --- running units --- */

/* The second page of a straddling insn, as it is mapped now. */
static bool straddle_holds(TcgVcpu *v, TcgTb *tb, bool *fault)
{
    FetchEntry second;

    if (!fetch_get(v, (tb->pc | (PAGE_SIZE - 1)) + 1, &second)) {
        *fault = true;
        return false;
    }
    if (second.code != tb->page[1] || second.pmid == 0) {
        return false;
    }
    /* an id may have been forgotten, and a new one given out */
    if (atomic_load(&tb->second_pmid) != second.pmid) {
        tb_set_second_pmid(v, tb, second.pmid);
    }
    return true;
}

static void drop_unit(TcgVcpu *v, TcgTb *tb)
{
    LOCK_GUARD(&v->accel->tb_lock);
    tb_invalidate_locked(v->accel, tb, v);
}

static TcgTb *find_unit(TcgVcpu *v, vaddr pc, FetchEntry *f, bool *fault)
{
    bool cached = !v->break_skip_on;
    bool missed = v->have_missed;
    TcgTb *tb = NULL;

    v->have_missed = false;
    if (!fetch_get(v, pc, f)) {
        *fault = true;
        return NULL;
    }
    cached = cached && f->pmid != 0;
    if (cached && !missed) {
        tb = tb_lookup(v, f->phys + (pc & (PAGE_SIZE - 1)), pc, v->flags);
    }
    if (tb && tb->straddle && !straddle_holds(v, tb, fault)) {
        if (*fault) {
            return NULL;
        }
        drop_unit(v, tb);
        tb = NULL;
    }
    return tb ? tb : tb_translate(v, pc, f, cached, fault);
}

static TcgLeave run_unit(TcgVcpu *v, TcgTb *tb)
{
    TcgHot *hot = v->hot;
    TcgLeave why;

    if (log_on(LOG_EXEC)) {
        log_exec(v, tb);
    }
    if (v->check && check_wanted(v, tb)) {
        return check_run(v, tb);
    }
    if (v->accel->use_jit) {
        why = v->accel->thunks.enter(v->env, tb->entry);
        hot->ret_pc = 0;
        return why;
    }
    hot->leave_unit = tb;
    why = tcg_interp_run(tb->block, v->env, v->values);
    hot->interp = NULL;
    return why;
}

/* What the last unit left behind for the next one. */
typedef struct LastExit {
    TcgTb *tb; /* NULL: nothing to link */
    unsigned exit;
    bool indirect;
} LastExit;

/* Serve how a unit left; false: back to the outer loop. */
static bool after_unit(TcgVcpu *v, TcgLeave why, LastExit *last)
{
    TcgTb *tb;
    TbExit *e;

    *last = (LastExit){ 0 };
    switch (why) {
    case TCG_LEAVE_CROSS_PAGE:
        STAT(v, exits_cross);
        /* fall through */
    case TCG_LEAVE_EXIT:
        tb = v->hot->leave_unit;
        /* Perhaps another vCPU's, reached by a jump that a third patched: who
         * fetched the jump saw all that was written before (TCG.md 3.4). */
        tsan_acquire(tb);
        e = &tb->exits[v->hot->leave_exit];
        STAT(v, exits_direct);
        if (e->flags & TCG_EXIT_TO_LOOP) {
            return false;
        }
        if (e->jmp_off) {
            *last = (LastExit){ .tb = tb, .exit = v->hot->leave_exit };
        }
        return true;
    case TCG_LEAVE_INDIRECT:
        STAT(v, exits_indirect);
        last->indirect = true;
        return true;
    case TCG_LEAVE_POLL:
        STAT(v, exits_poll);
        return false;
    case TCG_LEAVE_ICOUNT:
        icount_tail(v);
        return false;
    }
    return false;
}

static void link_last(TcgVcpu *v, const LastExit *last, TcgTb *tb, vaddr pc,
                      const FetchEntry *f)
{
    if (!tb->in_tables || v->check || log_on(LOG_NOCHAIN)) {
        return;
    }
    if (last->tb) {
        tb_link(v, last->tb, last->exit, tb, f->pmid);
    } else if (last->indirect && v->accel->use_jit) {
        jc_fill(v, pc, tb);
    }
}

/* A step of a debugger is over. */
static void step_done(TcgVcpu *v)
{
    if (v->watch_stepping) {
        v->watch_stepping = false;
        ctx_update(v);
        cpu_debug_stop(v->cpu, CPU_HIT_WATCH, v->watch_hit);
    } else if (v->cpu->single_step & CPU_STEP_ON) {
        cpu_debug_stop(v->cpu, CPU_HIT_STEP, vcpu_pc(v));
    }
}

static void deliver(TcgVcpu *v)
{
    STAT(v, exceptions);
    v->ops->deliver(v->cpu);
    ctx_update(v);
}

/* Run units until something wants the loop. */
static void run_units(TcgVcpu *v)
{
    LastExit last = { 0 };
    FetchEntry f;
    bool more;

    v->have_missed = false; /* pc may be another by now */
    do {
        vaddr pc = vcpu_pc(v);
        bool fault = false;
        TcgTb *tb;

        if (v->break_skip_on && v->break_skip != pc) {
            v->break_skip_on = false;
        }
        tb = find_unit(v, pc, &f, &fault);
        if (!tb) {
            last = (LastExit){ 0 };
            if (fault) {
                deliver(v);
                if (v->flags & FLAG_SINGLE) {
                    step_done(v);
                    return;
                }
            }
            more = true;
            continue;
        }
        if (last.tb || last.indirect) {
            link_last(v, &last, tb, pc, &f);
        }
        v->break_skip_on = false;
        more = after_unit(v, run_unit(v, tb), &last);
        if (v->flags & FLAG_SINGLE) {
            step_done(v);
            return;
        }
    } while (more &&
             !atomic_load_explicit(&v->hot->exit_req, memory_order_relaxed));
}

static bool may_take_interrupt(const TcgVcpu *v)
{
    return !(v->cpu->single_step & CPU_STEP_NOIRQ) && !v->watch_stepping &&
           !v->break_skip_on;
}

static void run_until_request(TcgVcpu *v)
{
    /* each longjmp comes back here; all state is in *v, not in locals */
    switch (setjmp(v->leave)) {
    case 0:
        break;
    case LEAVE_EXCEPTION:
        check_faulted(v);
        deliver(v);
        if (v->flags & FLAG_SINGLE) {
            step_done(v);
            return;
        }
        break;
    case LEAVE_RETRY:
        ctx_update(v);
        break;
    default: /* LEAVE_DEBUG */
        ctx_update(v);
        return;
    }
    if (atomic_load(&v->hot->exit_req)) {
        return; /* a guest that faults at each insn must be stoppable too */
    }
    if (may_take_interrupt(v) && v->ops->take_interrupt(v->cpu)) {
        STAT(v, interrupts);
        vcpu_does_not_poll(v);
        ctx_update(v);
    }
    if (vcpu_looks(v) || v->accel->opt.stress_poll) {
        vcpu_request_exit(v);
    }
    run_units(v);
}

static void *vcpu_main(void *arg)
{
    TcgVcpu *v = arg;
    CPUState *cpu = v->cpu;
    clockid_t clock = 0;

    pthread_getcpuclockid(pthread_self(),
                          &clock); /* 0 stays when it has none */
    atomic_store(&v->clock, clock);
    cpu_set_current(cpu);
    v->hot->mxcsr_host = host_fp_get();
    for (;;) {
        make_quiet(v);
        if (icount_turn_over(v)) {
            baton_give(v);
        }
        set_place(v, VCPU_OUTSIDE);
        pass_safe_point(v);
        atomic_exchange(&v->hot->exit_req, 0);
        vcpu_doze(v);
        if (!cpu_wait_for_work(cpu)) {
            break;
        }
        if (!baton_take(v)) {
            continue;
        }
        go_inside(v);
        end_quiet(v);
        STAT(v, sleeps);
        run_until_request(v);
    }
    cpu_set_current(NULL);
    return NULL;
}

void vcpu_thread_start(TcgVcpu *v)
{
    char name[16];

    snprintf(name, sizeof(name), "CPU %d/TCG", v->index);
    thread_start(&v->cpu->thread, name, vcpu_main, v);
}

const TcgRuntimeOps tcg_runtime_ops = {
    .ld = rt_ld,
    .st = rt_st,
    .ld_vec = NULL,
    .st_vec = NULL,
    .atomic = rt_atomic,
    .lookup = rt_lookup,
    .trap = rt_trap,
};
