/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions, interrupts and returns from them.
 *
 * Spec: Priv 3.1.6 (mstatus), 3.1.7 (mtvec), 3.1.8 (delegation), 3.1.9
 *       (interrupts), 3.3.2 (xRET), 3.3.3 (WFI), 10.1.1, 10.1.2.
 */
#include "tandem/base.h"

#include "target/riscv/csr.h"
#include "target/riscv/trap.h"
#include "target/riscv/trigger.h"

const char *riscv_exception_name(uint32_t cause)
{
    static const char *const names[] = {
        [EXC_INSN_MISALIGNED] = "misaligned fetch",
        [EXC_INSN_ACCESS] = "fetch access fault",
        [EXC_ILLEGAL_INSN] = "illegal instruction",
        [EXC_BREAKPOINT] = "breakpoint",
        [EXC_LOAD_MISALIGNED] = "misaligned load",
        [EXC_LOAD_ACCESS] = "load access fault",
        [EXC_STORE_MISALIGNED] = "misaligned store",
        [EXC_STORE_ACCESS] = "store access fault",
        [EXC_ECALL_U] = "user ecall",
        [EXC_ECALL_S] = "supervisor ecall",
        [EXC_ECALL_M] = "machine ecall",
        [EXC_INSN_PAGE] = "fetch page fault",
        [EXC_LOAD_PAGE] = "load page fault",
        [EXC_STORE_PAGE] = "store page fault",
    };

    return cause < ARRAY_SIZE(names) && names[cause] ? names[cause] : "?";
}

static const char *irq_name(unsigned irq)
{
    static const char *const names[] = {
        [IRQ_SSI] = "supervisor software", [IRQ_MSI] = "machine software",
        [IRQ_STI] = "supervisor timer",    [IRQ_MTI] = "machine timer",
        [IRQ_SEI] = "supervisor external", [IRQ_MEI] = "machine external",
    };

    return irq < ARRAY_SIZE(names) && names[irq] ? names[irq] : "?";
}

/* Enter @to (PRV_S or PRV_M) at its vector. @irq: cause is an interrupt. */
static void enter(RiscvEnv *env, unsigned to, bool irq, unsigned cause,
                  uint64_t tval)
{
    uint64_t xcause = cause | (irq ? BIT(env->xlen - 1) : 0);
    uint64_t status = env->mstatus, tvec;

    if (to == PRV_S) {
        status = bits_set(status, 5, 1, bits_get(status, 1, 1)); /* SPIE=SIE */
        status = bits_set(status, 1, 1, 0);
        status = bits_set(status, 8, 1, env->priv == PRV_S); /* SPP */
        env->sepc = env->pc;
        env->scause = xcause;
        env->stval = tval;
        tvec = env->stvec;
    } else {
        status = bits_set(status, 7, 1, bits_get(status, 3, 1)); /* MPIE=MIE */
        status = bits_set(status, 3, 1, 0);
        status = bits_set(status, MSTATUS_MPP_SHIFT, 2, env->priv);
        env->mepc = env->pc;
        env->mcause = xcause;
        env->mtval = tval;
        tvec = env->mtvec;
    }
    env->mstatus = status;
    env->priv = to;
    env->pc = (tvec & ~(uint64_t)3) + ((tvec & 1) && irq ? 4 * cause : 0);
    env->pc &= bit_mask(env->xlen);
    env->resv_addr = RESV_NONE; /* TCG.md 3.10: LR/SC ends at a trap */
    env->hooks->ctx_changed(env);
}

static void log_trap(RiscvEnv *env, bool irq, unsigned cause, uint64_t tval)
{
    if (log_on(LOG_INT)) {
        log_write(LOG_INT,
                  "riscv_trap: hart:%" PRIu64 ", async:%d, cause:%u, "
                  "epc:0x%" PRIx64 ", tval:0x%" PRIx64 ", priv:%u, desc=%s\n",
                  env->mhartid, irq, cause, env->pc, tval, env->priv,
                  irq ? irq_name(cause) : riscv_exception_name(cause));
    }
}

void riscv_deliver(RiscvEnv *env)
{
    uint32_t cause = env->exc_cause;
    bool to_s = env->priv <= PRV_S && (env->medeleg & BIT(cause)) != 0;

    log_trap(env, false, cause, env->exc_tval);
    enter(env, to_s ? PRV_S : PRV_M, false, cause, env->exc_tval);
}

int riscv_pending_interrupt(RiscvEnv *env)
{
    static const uint8_t order[] = { IRQ_MEI, IRQ_MSI, IRQ_MTI,
                                     IRQ_SEI, IRQ_SSI, IRQ_STI };
    uint64_t m = ~env->mideleg, s = env->mideleg, pending;

    if (env->priv == PRV_M && !(env->mstatus & MSTATUS_MIE)) {
        m = 0;
    }
    if (env->priv == PRV_M ||
        (env->priv == PRV_S && !(env->mstatus & MSTATUS_SIE))) {
        s = 0;
    }
    pending = env->mie & (m | s);
    if (atomic_load_explicit(&env->stimer_idle, memory_order_acquire)) {
        pending &= ~BIT(IRQ_STI);
    }
    if (pending == 0) {
        return -1;
    }
    pending &= riscv_mip_bits(env, pending);
    m &= pending;
    s &= pending;
    /* those for M come before any for S (3.1.9) */
    pending = m != 0 ? m : s;
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        if (pending & BIT(order[i])) {
            return order[i];
        }
    }
    return -1;
}

void riscv_take_interrupt(RiscvEnv *env, unsigned irq)
{
    log_trap(env, true, irq, 0);
    enter(env, env->mideleg & BIT(irq) ? PRV_S : PRV_M, true, irq, 0);
}

bool riscv_wfi_over(RiscvEnv *env)
{
    return (riscv_mip(env) & env->mie) != 0;
}

/* The common end of MRET and SRET. */
static void leave(RiscvEnv *env, unsigned to, uint64_t pc)
{
    if (to != PRV_M) {
        env->mstatus &= ~MSTATUS_MPRV; /* 3.1.6.3 */
    }
    env->priv = to;
    env->pc = pc;
    env->resv_addr = RESV_NONE;
    env->hooks->ctx_changed(env);
    env->hooks->irq_changed(env);
}

bool riscv_mret(RiscvEnv *env)
{
    uint64_t status = env->mstatus;
    unsigned to = bits_get(status, MSTATUS_MPP_SHIFT, 2);
    bool has_u = riscv_has(env->cfg, RISCV_EXT_U);

    if (env->priv != PRV_M) {
        return false;
    }
    status = bits_set(status, 3, 1, bits_get(status, 7, 1)); /* MIE = MPIE */
    status |= MSTATUS_MPIE;
    /* MPP becomes the least privileged mode */
    status = bits_set(status, MSTATUS_MPP_SHIFT, 2, has_u ? PRV_U : PRV_M);
    env->mstatus = status;
    leave(env, to, env->mepc);
    return true;
}

bool riscv_sret(RiscvEnv *env)
{
    uint64_t status = env->mstatus;
    unsigned to = status & MSTATUS_SPP ? PRV_S : PRV_U;

    if (!riscv_has(env->cfg, RISCV_EXT_S) || env->priv < PRV_S ||
        (env->priv == PRV_S && (status & MSTATUS_TSR))) {
        return false;
    }
    status = bits_set(status, 1, 1, bits_get(status, 5, 1)); /* SIE = SPIE */
    status |= MSTATUS_SPIE;
    status &= ~MSTATUS_SPP;
    env->mstatus = status;
    leave(env, to, env->sepc);
    return true;
}

bool riscv_wfi_allowed(const RiscvEnv *env)
{
    if (env->priv == PRV_M) {
        return true;
    }
    if (env->mstatus & MSTATUS_TW) {
        return false; /* its time limit is 0 */
    }
    return env->priv == PRV_S || !riscv_has(env->cfg, RISCV_EXT_S);
}

bool riscv_sfence_allowed(const RiscvEnv *env)
{
    return riscv_has(env->cfg, RISCV_EXT_S) &&
           (env->priv == PRV_M ||
            (env->priv == PRV_S && !(env->mstatus & MSTATUS_TVM)));
}

/* --- what translated code depends on --- */

unsigned riscv_fetch_mmu(const RiscvEnv *env)
{
    return env->priv == PRV_M   ? RISCV_MMU_M
           : env->priv == PRV_S ? RISCV_MMU_S
                                : RISCV_MMU_U;
}

unsigned riscv_data_mmu(const RiscvEnv *env)
{
    unsigned priv = env->priv;

    if (priv == PRV_M && (env->mstatus & MSTATUS_MPRV)) {
        priv = bits_get(env->mstatus, MSTATUS_MPP_SHIFT, 2);
    }
    switch (priv) {
    case PRV_M:
        return RISCV_MMU_M;
    case PRV_S:
        return env->mstatus & MSTATUS_SUM ? RISCV_MMU_S_SUM : RISCV_MMU_S;
    default:
        return RISCV_MMU_U;
    }
}

uint64_t riscv_space_key(const RiscvEnv *env)
{
    unsigned mode = satp_mode(env);

    return mode == SATP_BARE ? 0 : (uint64_t)mode << 16 | satp_asid(env);
}

static unsigned status_class(uint64_t field)
{
    return field == XSTATUS_OFF     ? CTX_FS_OFF
           : field == XSTATUS_DIRTY ? CTX_FS_DIRTY
                                    : CTX_FS_CLEAN;
}

/* menvcfg binds S and U, senvcfg U as well (Priv 3.1.18, 10.1.10). */
static uint64_t envcfg_now(const RiscvEnv *env)
{
    uint64_t all = ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE;

    if (env->priv == PRV_M) {
        return bits_set(all, ENVCFG_CBIE_SHIFT, 2, 3);
    }
    if (env->priv == PRV_S || !riscv_has(env->cfg, RISCV_EXT_S)) {
        return env->menvcfg;
    }
    return env->menvcfg & env->senvcfg;
}

static unsigned cbie_class(uint64_t envcfg)
{
    /* 0 illegal, 1 flush, 3 invalidate; 1 & 3 is 1: the weaker one */
    unsigned cbie = bits_get(envcfg, ENVCFG_CBIE_SHIFT, 2);

    return cbie == 3   ? CTX_CBIE_INVAL
           : cbie == 1 ? CTX_CBIE_FLUSH
                       : CTX_CBIE_ILLEGAL;
}

/* What vector instructions depend on besides VS; 0 while they are off. */
static uint64_t vector_flags(const RiscvEnv *env)
{
    uint64_t flags = (uint64_t)(env->vstart != 0) << CTX_VSTART_SHIFT;

    if (!(env->mstatus & MSTATUS_VS)) {
        return 0;
    }
    if (env->vtype & VTYPE_VILL) {
        return flags | BIT(CTX_VILL_SHIFT);
    }
    return flags | (uint64_t)bits_get(env->vtype, 3, 2) << CTX_VSEW_SHIFT |
           (uint64_t)bits_get(env->vtype, 0, 3) << CTX_VLMUL_SHIFT;
}

uint64_t riscv_ctx_flags(const RiscvEnv *env)
{
    uint64_t cfg = envcfg_now(env);
    uint64_t fs = bits_get(env->mstatus, MSTATUS_FS_SHIFT, 2);
    uint64_t vs = bits_get(env->mstatus, MSTATUS_VS_SHIFT, 2);

    return (uint64_t)env->priv << CTX_PRIV_SHIFT |
           (uint64_t)env->virt << CTX_VIRT_SHIFT |
           (uint64_t)riscv_data_mmu(env) << CTX_MMU_SHIFT |
           (uint64_t)env->frm << CTX_FRM_SHIFT |
           (uint64_t)status_class(fs) << CTX_FS_SHIFT |
           (uint64_t)status_class(vs) << CTX_VS_SHIFT |
           (uint64_t)((cfg & ENVCFG_CBZE) != 0) << CTX_CBZE_SHIFT |
           (uint64_t)((cfg & ENVCFG_CBCFE) != 0) << CTX_CBCFE_SHIFT |
           (uint64_t)cbie_class(cfg) << CTX_CBIE_SHIFT |
           (uint64_t)trigger_on_fetch(env) << CTX_TRIGGER_SHIFT |
           vector_flags(env);
}
