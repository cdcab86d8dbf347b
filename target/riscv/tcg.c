/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hart under the translator: TcgCpuOps, and the hooks by which CSRs and
 * walks reach the engine.
 *
 * Contracts: include/target/tcg_ops.h, RiscvHooks in cpu.h. Hooks may also run
 * while the vCPU is quiet (gdb writes a CSR): then there is nothing to tell,
 * as the engine derives all anew from env (AccelOps.vcpu_env_changed).
 */
#include "tandem/base.h"

#include "tcg/runtime.h"
#include "target/riscv/cpu-object.h"
#include "target/riscv/csr.h"
#include "target/riscv/mmu.h"
#include "target/riscv/translate.h"
#include "target/riscv/trap.h"
#include "target/riscv/trigger.h"
#include "target/riscv/vector.h"
#include "target/tcg_ops.h"

/* --- TcgCpuOps --- */

static const void *config(CPUState *cpu)
{
    RiscvEnv *env = riscv_env(cpu);

    env->vec = vec_kernels_host(tcg_hot(env)->host);
    return env->cfg;
}

static uint64_t ctx_flags(CPUState *cpu)
{
    const RiscvEnv *env = riscv_env(cpu);

    return riscv_ctx_flags(env) | (env->count_insns ? TCG_CTX_COUNT : 0);
}

static uint64_t asid(CPUState *cpu)
{
    return riscv_space_key(riscv_env(cpu));
}

static unsigned fetch_mmu(CPUState *cpu)
{
    return riscv_fetch_mmu(riscv_env(cpu));
}

static unsigned rights_of(MmuAccess access)
{
    return access == MMU_LOAD ? ACC_R : access == MMU_STORE ? ACC_W : ACC_X;
}

/* A page rule or PMP forbids @va; or the bus does. */
static void log_fault(const RiscvEnv *env, vaddr va, MmuAccess access,
                      unsigned mmu, uint32_t cause)
{
    log_write(LOG_MMU,
              "riscv_mmu: hart:%" PRIu64 " va:0x%" PRIx64
              " access:%d mmu:%u: %s\n",
              env->mhartid, va, access, mmu, riscv_exception_name(cause));
}

static bool tlb_fill(CPUState *cpu, vaddr va, unsigned size, MmuAccess access,
                     unsigned mmu, bool probe, TcgPage *page)
{
    RiscvEnv *env = riscv_env(cpu);
    bool watched = access != MMU_FETCH && trigger_on_page(env, va);
    RiscvPage r;
    uint32_t cause;

    /* before any fault of the access itself (Priv 3.1.15, table 15) */
    if (watched && !probe &&
        trigger_matches(env, rights_of(access), va, size)) {
        riscv_record(env, EXC_BREAKPOINT, va);
        return false;
    }
    if (!riscv_translate(env, va, size, rights_of(access), mmu, &r, &cause)) {
        if (!probe) {
            if (log_on(LOG_MMU)) {
                log_fault(env, va, access, mmu, cause);
            }
            riscv_record(env, cause, va);
        }
        return false;
    }
    *page = (TcgPage){
        .pa = r.pa,
        .page_bits = r.page_bits,
        .read = r.rights & ACC_R,
        .write = r.rights & ACC_W,
        .exec = r.rights & ACC_X,
        .global = r.global,
        .whole = r.whole && !watched, /* then each access comes here */
        .attrs = MEM_ATTRS_CPU,
    };
    page->attrs.user = mmu == RISCV_MMU_U;
    return true;
}

static void bus_fault(CPUState *cpu, vaddr va, MmuAccess access, unsigned mmu,
                      MemResult why)
{
    static const uint8_t causes[] = { [MMU_LOAD] = EXC_LOAD_ACCESS,
                                      [MMU_STORE] = EXC_STORE_ACCESS,
                                      [MMU_FETCH] = EXC_INSN_ACCESS };

    riscv_record(riscv_env(cpu), causes[access], va);
}

static void align_fault(CPUState *cpu, vaddr va, MmuAccess access, unsigned mmu)
{
    riscv_record(
        riscv_env(cpu),
        access == MMU_LOAD ? EXC_LOAD_MISALIGNED : EXC_STORE_MISALIGNED, va);
}

static void deliver(CPUState *cpu)
{
    riscv_deliver(riscv_env(cpu));
}

static bool take_interrupt(CPUState *cpu)
{
    RiscvEnv *env = riscv_env(cpu);
    int irq = riscv_pending_interrupt(env);

    if (irq < 0) {
        return false;
    }
    riscv_take_interrupt(env, irq);
    return true;
}

static bool interrupt_ready(CPUState *cpu)
{
    return riscv_pending_interrupt(riscv_env(cpu)) >= 0;
}

static void clear_reservation(CPUState *cpu)
{
    riscv_env(cpu)->resv_addr = RESV_NONE;
}

static void fp_fold(CPUState *cpu, uint32_t mxcsr)
{
    riscv_env(cpu)->fflags |= tcg_fpflags_of_mxcsr(mxcsr);
}

static uint32_t fp_mxcsr(CPUState *cpu)
{
    return TCG_MXCSR_RESET | tcg_mxcsr_rc(riscv_env(cpu)->frm);
}

static const uint32_t shared_env[] = { offsetof(RiscvEnv, mip_sw),
                                       offsetof(RiscvEnv, irq_lines),
                                       offsetof(RiscvEnv, stimer_idle), 0 };

const TcgCpuOps riscv_tcg_ops = {
    .frontend = &riscv_frontend,
    .dc_size = sizeof(DisasContext),
    .n_mmu = RISCV_MMU_COUNT,
    .max_insn = RISCV_MAX_INSN,
    .bare_mmu_mask = 1 << RISCV_MMU_M,
    .config = config,
    .ctx_flags = ctx_flags,
    .asid = asid,
    .fetch_mmu = fetch_mmu,
    .unit_begin = riscv_unit_begin,
    .translate_insn = riscv_translate_insn,
    .unit_end = riscv_unit_end,
    .tlb_fill = tlb_fill,
    .bus_fault = bus_fault,
    .align_fault = align_fault,
    .deliver = deliver,
    .take_interrupt = take_interrupt,
    .interrupt_ready = interrupt_ready,
    .clear_reservation = clear_reservation,
    .shared_env = shared_env,
    .fp_fold = fp_fold,
    .fp_mxcsr = fp_mxcsr,
    .watch_before = true,
};

/* --- hooks --- */

/* The hart's CPUState when its own thread runs, else NULL. */
static CPUState *running(RiscvEnv *env)
{
    CPUState *cpu = &env->cpu->parent;

    return cpu_current() == cpu ? cpu : NULL;
}

/* 10^9 cycles a second of virtual time: steady while the VM is stopped. */
static uint64_t cycles(RiscvEnv *env)
{
    return event_clock_ns(env->cpu->parent.parent.machine->gate, CLOCK_VIRTUAL);
}

static bool counts_always(RiscvEnv *env)
{
    return tcg_counts_always(&env->cpu->parent);
}

static uint64_t instructions(RiscvEnv *env)
{
    return env->count_insns || counts_always(env)
               ? tcg_insn_count(&env->cpu->parent)
               : cycles(env);
}

static bool time_now(RiscvEnv *env, uint64_t *value)
{
    if (env->cpu->time == NULL) {
        return false;
    }
    *value = aclint_time(env->cpu->time);
    return true;
}

static void stimer_changed(RiscvEnv *env)
{
    riscv_stimer_update(env->cpu);
}

static void irq_changed(RiscvEnv *env)
{
    CPUState *cpu = running(env);

    if (cpu != NULL) {
        tcg_check_interrupts(cpu);
    }
}

static void ctx_changed(RiscvEnv *env)
{
    CPUState *cpu = running(env);

    if (cpu != NULL) {
        tcg_ctx_changed(cpu);
    }
}

static void flush_modes(RiscvEnv *env, unsigned mmu_mask)
{
    CPUState *cpu = running(env);

    if (cpu != NULL) {
        tcg_flush_all(cpu, mmu_mask);
    }
}

static void triggers_changed(RiscvEnv *env)
{
    flush_modes(env, RISCV_MMU_ALL); /* watched pages enter no TLB */
    ctx_changed(env);                /* CTX_TRIGGER */
}

/* Flags and rounding that generated code keeps in MXCSR; its thunk has put
 * them in mxcsr_guest (TCG_H_HOST_FP). */
static void fflags_sync(RiscvEnv *env)
{
    if (running(env) != NULL) {
        TcgHot *hot = tcg_hot(env);

        env->fflags |= tcg_fpflags_of_mxcsr(hot->mxcsr_guest);
        hot->mxcsr_guest &= ~(uint32_t)0x3f;
    }
}

static void frm_changed(RiscvEnv *env)
{
    if (running(env) != NULL) {
        TcgHot *hot = tcg_hot(env);

        hot->mxcsr_guest = (uint32_t)bits_set(hot->mxcsr_guest, 13, 2, 0) |
                           tcg_mxcsr_rc(env->frm);
    }
}

static bool pte_load(RiscvEnv *env, hwaddr pa, unsigned size, uint64_t *pte)
{
    return tcg_ld_phys(&env->cpu->parent, pa, size, pte);
}

static bool pte_cas(RiscvEnv *env, hwaddr pa, unsigned size, uint64_t expected,
                    uint64_t desired, bool *done)
{
    bool ok = true;

    *done = tcg_cas_phys(&env->cpu->parent, pa, size, expected, desired, &ok);
    return ok;
}

const RiscvHooks riscv_hooks = {
    .cycles = cycles,
    .instructions = instructions,
    .counts_always = counts_always,
    .mtime = time_now,
    .stimer_changed = stimer_changed,
    .irq_changed = irq_changed,
    .ctx_changed = ctx_changed,
    .flush_modes = flush_modes,
    .space_changed = ctx_changed,
    .triggers_changed = triggers_changed,
    .fflags_sync = fflags_sync,
    .frm_changed = frm_changed,
    .pte_load = pte_load,
    .pte_cas = pte_cas,
};
