/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System instructions as called by translated code (helper.h).
 *
 * Spec: Priv 3.3 (system instructions), 10.2 (SFENCE.VMA), 9 (Svinval);
 *       Unpriv 6 (Zicsr), 19 (CMO), 14 (Zawrs); Semihosting 0.2.
 *
 * A helper that may raise takes tcg_ra() first: it is the key to the state at
 * the start of the instruction (TCG.md pitfall 4).
 */
#include "tandem/base.h"

#include "target/riscv/cpu-object.h"
#include "target/riscv/csr.h"
#include "target/riscv/helper.h"
#include "target/riscv/mmu.h"
#include "target/riscv/trap.h"
#include "target/riscv/trigger.h"
#include "target/tcg_ops.h"

static void G_GNUC_NORETURN raise_exc(RiscvEnv *env, uint32_t cause,
                                      uint64_t tval, uintptr_t ra)
{
    riscv_record(env, cause, tval);
    tcg_raise(tcg_env_cpu(env), ra);
}

static void G_GNUC_NORETURN raise_illegal(RiscvEnv *env, uint32_t insn,
                                          uintptr_t ra)
{
    raise_exc(env, EXC_ILLEGAL_INSN, insn, ra);
}

static void G_GNUC_NORETURN do_raise(RiscvEnv *env, uint32_t cause,
                                     uint64_t tval)
{
    raise_exc(env, cause, tval, tcg_ra());
}

/* ECALL as a jump: nothing has to be restored, so nothing is undone. */
static uint64_t do_ecall(RiscvEnv *env, uint32_t cause, uint64_t pc)
{
    env->pc = pc;
    riscv_record(env, cause, 0);
    riscv_deliver(env);
    return env->pc;
}

static void do_check_target(RiscvEnv *env, uint64_t target)
{
    uintptr_t ra = tcg_ra();

    if (target & 3) {
        raise_exc(env, EXC_INSN_MISALIGNED, target, ra);
    }
}

static void do_trigger(RiscvEnv *env, uint64_t pc)
{
    uintptr_t ra = tcg_ra();

    if (trigger_matches(env, ACC_X, pc, 1)) {
        raise_exc(env, EXC_BREAKPOINT, pc, ra);
    }
}

/* Is the EBREAK at @pc the middle of the semihosting sequence (0.2, 2)? Its
 * three instructions are uncompressed and in one page. */
static bool semihost_sequence(CPUState *cpu, vaddr pc)
{
    enum {
        SLLI_X0_X0_0X1F = 0x01f01013,
        EBREAK = 0x00100073,
        SRAI_X0_X0_7 = 0x40705013
    };
    uint8_t b[12];
    vaddr first = pc - 4;

    return (first & ~(vaddr)0xfff) == ((pc + 7) & ~(vaddr)0xfff) &&
           cpu_debug_rw(cpu, first, b, sizeof(b), false) &&
           ld32_le(b) == SLLI_X0_X0_0X1F && ld32_le(b + 4) == EBREAK &&
           ld32_le(b + 8) == SRAI_X0_X0_7;
}

static void do_ebreak(RiscvEnv *env)
{
    uintptr_t ra = tcg_ra();
    CPUState *cpu = tcg_env_cpu(env);
    RiscvCpu *hart = riscv_cpu(cpu);

    tcg_restore_state(cpu, ra); /* env->pc is this instruction's */
    if (hart->semihost == NULL ||
        (env->priv == PRV_U && !hart->semihost_user) ||
        !semihost_sequence(cpu, env->pc)) {
        raise_exc(env, EXC_BREAKPOINT, env->pc, ra);
    }
    SemihostCall call = { bits_get(env->gpr[10], 0, env->xlen),
                          bits_get(env->gpr[11], 0, env->xlen), env->xlen / 8 };
    if (!hart->semihost(hart->semihost_opaque, cpu, &call)) {
        tcg_retry(cpu, ra);
    }
    env->gpr[10] = bits_sext(call.result, env->xlen);
}

/* Counters that begin to count do so in another context. */
static void begin_csr(RiscvEnv *env, unsigned csr, uintptr_t ra)
{
    if (counter_first_use(env, csr)) {
        tcg_retry(tcg_env_cpu(env), ra);
    }
}

static uint64_t do_csr(RiscvEnv *env, uint32_t insn, uint64_t value)
{
    uintptr_t ra = tcg_ra();
    unsigned csr = bits_get(insn, 20, 12), rd = bits_get(insn, 7, 5);
    unsigned rs1 = bits_get(insn, 15, 5), op = bits_get(insn, 12, 2);
    uint64_t old = 0, mask = UINT64_MAX;
    bool write = op == 1 || rs1 != 0; /* 1 CSRRW, 2 CSRRS, 3 CSRRC */

    begin_csr(env, csr, ra);
    if (op != 1) {
        mask = value;
        value = op == 2 ? UINT64_MAX : 0;
    }
    if (!riscv_csr_access(env, csr, op == 1 && rd == 0 ? NULL : &old, write,
                          value, mask)) {
        raise_illegal(env, insn, ra);
    }
    if (write) {
        counter_written(env, csr);
    }
    return bits_sext(old, env->xlen);
}

static uint64_t do_csr_read(RiscvEnv *env, uint32_t insn)
{
    uintptr_t ra = tcg_ra();
    unsigned csr = bits_get(insn, 20, 12);
    uint64_t old;

    begin_csr(env, csr, ra);
    if (!riscv_csr_access(env, csr, &old, false, 0, 0)) {
        raise_illegal(env, insn, ra);
    }
    return bits_sext(old, env->xlen);
}

enum { INSN_MRET = 0x30200073, INSN_SRET = 0x10200073 };

static uint64_t do_mret(RiscvEnv *env)
{
    uintptr_t ra = tcg_ra();

    if (!riscv_mret(env)) {
        raise_illegal(env, INSN_MRET, ra);
    }
    return env->pc;
}

static uint64_t do_sret(RiscvEnv *env)
{
    uintptr_t ra = tcg_ra();

    if (!riscv_sret(env)) {
        raise_illegal(env, INSN_SRET, ra);
    }
    return env->pc;
}

static void do_wfi(RiscvEnv *env, uint32_t insn)
{
    uintptr_t ra = tcg_ra();

    if (!riscv_wfi_allowed(env)) {
        raise_illegal(env, insn, ra);
    }
    tcg_halt(tcg_env_cpu(env));
}

/* WRS.NTO obeys TW as WFI does; WRS.STO is bounded by itself (Unpriv 14). */
static void do_wrs(RiscvEnv *env, uint32_t insn)
{
    uintptr_t ra = tcg_ra();
    bool nto = bits_get(insn, 20, 12) == 0x00d;

    if (nto && env->priv != PRV_M && (env->mstatus & MSTATUS_TW)) {
        raise_illegal(env, insn, ra);
    }
    tcg_yield(tcg_env_cpu(env));
}

static void do_yield(RiscvEnv *env)
{
    tcg_yield(tcg_env_cpu(env));
}

/* "All" is said by register number x0, not by the value 0 (Priv 10.2.1). */
static void do_sfence_vma(RiscvEnv *env, uint64_t va, uint64_t asid,
                          uint32_t insn)
{
    uintptr_t ra = tcg_ra();
    CPUState *cpu = tcg_env_cpu(env);
    bool all_va = bits_get(insn, 15, 5) == 0;
    bool all_asid = bits_get(insn, 20, 5) == 0;
    unsigned mode = satp_mode(env);
    uint64_t key =
        (uint64_t)mode << 16 | (asid & bit_mask(env->xlen == 32 ? 9 : 16));

    if (!riscv_sfence_allowed(env)) {
        raise_illegal(env, insn, ra);
    }
    env->resv_addr = RESV_NONE; /* TCG.md 3.10 */
    va &= bit_mask(env->xlen);
    if (mode == SATP_BARE || (all_va && all_asid)) {
        /* in Bare nothing tells which mode an ASID's entries were made in */
        tcg_flush_all(cpu, RISCV_MMU_TRANSLATED);
    } else if (all_va) {
        tcg_flush_asid(cpu, key, false, RISCV_MMU_TRANSLATED);
    } else {
        tcg_flush_page(cpu, va, all_asid ? UINT64_MAX : key, all_asid,
                       RISCV_MMU_TRANSLATED);
    }
}

static void do_sfence_order(RiscvEnv *env, uint32_t insn)
{
    uintptr_t ra = tcg_ra();

    if (env->priv == PRV_U) {
        raise_illegal(env, insn, ra);
    }
}

static void do_fs_dirty(RiscvEnv *env)
{
    env->mstatus |= MSTATUS_FS;
    tcg_ctx_changed(tcg_env_cpu(env));
}

static void do_cbo_zero(RiscvEnv *env, uint64_t addr, uint32_t mmu)
{
    uintptr_t ra = tcg_ra();
    CPUState *cpu = tcg_env_cpu(env);
    unsigned size = env->cfg->cboz_block;

    addr = align_down(addr, size);
    if (tcg_helper_zero(cpu, addr, size, MO_MMU(mmu))) {
        return;
    }
    for (unsigned off = 0; off < size; off += 8) {
        /* one page: only the first store can fault */
        tcg_helper_st(cpu, addr + off, 0, MO_64 | MO_MMU(mmu), ra);
    }
}

/* Allowed where a load or a store is; else the store's fault (19.3). */
static void do_cbo_check(RiscvEnv *env, uint64_t addr, uint32_t mmu)
{
    uintptr_t ra = tcg_ra();
    unsigned size = env->cfg->cbom_block;
    vaddr block = align_down(addr, size);
    RiscvPage page;
    uint32_t cause;

    if (!riscv_translate(env, block, size, ACC_R, mmu, &page, &cause) &&
        !riscv_translate(env, block, size, ACC_W, mmu, &page, &cause)) {
        raise_exc(env, cause, addr, ra);
    }
}

/* clang-format off */
#define SYS      .reads = &tcg_slots_none, .writes = &tcg_slots_none
#define HELPER_(id, ret_, flags_, n, ...)                              \
    const TcgHelper riscv_helper_##id = {                              \
        .name = "riscv_" #id, .fn = do_##id, .ret = ret_, .nargs = n,  \
        .arg = { __VA_ARGS__ }, .flags = flags_, SYS                   \
    }
HELPER_(raise, TCG_NONE, TCG_H_NORETURN, 2, TCG_I32, TCG_I64);
HELPER_(ecall, TCG_I64, TCG_H_NOFAULT | TCG_H_ENDS_TB, 2, TCG_I32, TCG_I64);
HELPER_(check_target, TCG_NONE, 0, 1, TCG_I64);
HELPER_(trigger, TCG_NONE, 0, 1, TCG_I64);
HELPER_(csr, TCG_I64, TCG_H_FLUSHES_TLB | TCG_H_ENDS_TB | TCG_H_HOST_FP, 2,
        TCG_I32, TCG_I64);
HELPER_(csr_read, TCG_I64, TCG_H_HOST_FP, 1, TCG_I32);
HELPER_(mret, TCG_I64, TCG_H_ENDS_TB, 0, 0);
HELPER_(sret, TCG_I64, TCG_H_ENDS_TB, 0, 0);
HELPER_(wfi, TCG_NONE, TCG_H_ENDS_TB, 1, TCG_I32);
HELPER_(wrs, TCG_NONE, TCG_H_ENDS_TB, 1, TCG_I32);
HELPER_(yield, TCG_NONE, TCG_H_NOFAULT | TCG_H_ENDS_TB, 0, 0);
HELPER_(sfence_vma, TCG_NONE, TCG_H_FLUSHES_TLB | TCG_H_ENDS_TB, 3,
        TCG_I64, TCG_I64, TCG_I32);
HELPER_(sfence_order, TCG_NONE, 0, 1, TCG_I32);
HELPER_(fs_dirty, TCG_NONE, TCG_H_NOFAULT | TCG_H_ENDS_TB, 0, 0);
HELPER_(cbo_zero, TCG_NONE, TCG_H_MAY_INVALIDATE, 2, TCG_I64, TCG_I32);
HELPER_(cbo_check, TCG_NONE, 0, 2, TCG_I64, TCG_I32);
#undef SYS
/* reads and changes registers: every slot */
const TcgHelper riscv_helper_ebreak = {
    .name = "riscv_ebreak", .fn = do_ebreak, .ret = TCG_NONE,
    .flags = TCG_H_ENDS_TB | TCG_H_MAY_INVALIDATE | TCG_H_HOST_FP,
};
/* clang-format on */
#undef HELPER_

#define FPU_ALL(op)                                                            \
    &riscv_helper_##op##_s, &riscv_helper_##op##_d, &riscv_helper_##op##_h
const TcgHelper *const riscv_helpers[] = {
    &riscv_helper_raise,
    &riscv_helper_ecall,
    &riscv_helper_check_target,
    &riscv_helper_ebreak,
    &riscv_helper_trigger,
    &riscv_helper_csr,
    &riscv_helper_csr_read,
    &riscv_helper_mret,
    &riscv_helper_sret,
    &riscv_helper_wfi,
    &riscv_helper_wrs,
    &riscv_helper_yield,
    &riscv_helper_sfence_vma,
    &riscv_helper_sfence_order,
    &riscv_helper_fs_dirty,
    &riscv_helper_cbo_zero,
    &riscv_helper_cbo_check,
    &riscv_helper_csr_plain,
    &riscv_helper_fflags,
    &riscv_helper_ctx_changed,
    &riscv_helper_irq_changed,
    &riscv_helper_amocas_q,
    &riscv_helper_vs_dirty,
    &riscv_helper_vsetvl,
    &riscv_helper_v_op,
    &riscv_helper_v_fast,
    &riscv_helper_v_fast_fp,
    &riscv_helper_v_unit,
    &riscv_helper_v_carry,
    &riscv_helper_v_merge,
    &riscv_helper_v_fill,
    &riscv_helper_v_perm,
    &riscv_helper_v_mask,
    &riscv_helper_v_cpop,
    &riscv_helper_v_first,
    &riscv_helper_v_mem,
    FPU_ALL(fadd),
    FPU_ALL(fsub),
    FPU_ALL(fmul),
    FPU_ALL(fdiv),
    FPU_ALL(fsqrt),
    FPU_ALL(fmadd),
    FPU_ALL(fmsub),
    FPU_ALL(fnmsub),
    FPU_ALL(fnmadd),
    FPU_ALL(fmin),
    FPU_ALL(fmax),
    FPU_ALL(feq),
    FPU_ALL(flt),
    FPU_ALL(fle),
    FPU_ALL(fclass),
    FPU_ALL(fcvt_w),
    FPU_ALL(fcvt_wu),
    FPU_ALL(fcvt_l),
    FPU_ALL(fcvt_lu),
    &riscv_helper_fcvt_s_w,
    &riscv_helper_fcvt_d_w,
    &riscv_helper_fcvt_h_w,
    &riscv_helper_fcvt_s_wu,
    &riscv_helper_fcvt_d_wu,
    &riscv_helper_fcvt_h_wu,
    &riscv_helper_fcvt_s_l,
    &riscv_helper_fcvt_d_l,
    &riscv_helper_fcvt_h_l,
    &riscv_helper_fcvt_s_lu,
    &riscv_helper_fcvt_d_lu,
    &riscv_helper_fcvt_h_lu,
    &riscv_helper_fcvt_s_d,
    &riscv_helper_fcvt_d_s,
    &riscv_helper_fcvt_s_h,
    &riscv_helper_fcvt_d_h,
    &riscv_helper_fcvt_h_s,
    &riscv_helper_fcvt_h_d,
    NULL,
};
