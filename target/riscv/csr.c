/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of control and status registers, and access to them.
 *
 * Spec: Priv chapters 2 (listing, access), 3 (machine), 10 (supervisor);
 *       Unpriv 6 (Zicsr), 7 (Zicntr), 21.2 (fcsr); Debug 5.7 (triggers);
 *       Sstc, Smstateen. WARL fields keep their old value when a write holds
 *       one that is not supported, unless a comment says otherwise.
 */
#include "tandem/base.h"

#include "target/riscv/csr.h"
#include "target/riscv/pmp.h"
#include "target/riscv/trap.h"
#include "target/riscv/trigger.h"

static bool has(const RiscvEnv *env, RiscvExt ext)
{
    return riscv_has(env->cfg, ext);
}

/* --- which hart has it --- */

static bool has_f(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_F);
}

static bool has_v(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_ZVE32X);
}

static bool has_s(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_S);
}

static bool has_u(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_U);
}

static bool has_zicntr(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_ZICNTR);
}

static bool has_zihpm(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_ZIHPM);
}

static bool has_sstc(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_SSTC);
}

static bool has_stateen(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_SMSTATEEN);
}

static bool has_sstateen(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_SMSTATEEN) && has(env, RISCV_EXT_S);
}

static bool has_triggers(const RiscvEnv *env, unsigned i)
{
    return has(env, RISCV_EXT_SDTRIG);
}

static bool is_rv32(const RiscvEnv *env, unsigned i)
{
    return env->xlen == 32;
}

static bool rv32_s(const RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 && has(env, RISCV_EXT_S);
}

static bool rv32_u(const RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 && has(env, RISCV_EXT_U);
}

static bool rv32_zicntr(const RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 && has(env, RISCV_EXT_ZICNTR);
}

static bool rv32_zihpm(const RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 && has(env, RISCV_EXT_ZIHPM);
}

static bool rv32_sstc(const RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 && has(env, RISCV_EXT_SSTC);
}

static bool rv32_stateen(const RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 && has(env, RISCV_EXT_SMSTATEEN);
}

/* Odd pmpcfg registers exist on RV32 only (Priv 3.7.1). */
static bool has_pmpcfg(const RiscvEnv *env, unsigned i)
{
    return env->cfg->pmp_count != 0 && (env->xlen == 32 || i % 2 == 0);
}

static bool has_pmp(const RiscvEnv *env, unsigned i)
{
    return env->cfg->pmp_count != 0;
}

/* --- who may use it now --- */

static bool fs_allows(const RiscvEnv *env, unsigned i)
{
    return riscv_fs_on(env);
}

static bool vs_allows(const RiscvEnv *env, unsigned i)
{
    return (env->mstatus & MSTATUS_VS) != 0;
}

/* Priv 3.1.11, 10.1.5: a counter below M needs mcounteren, U also
 * scounteren. */
static bool counter_allowed(const RiscvEnv *env, unsigned n)
{
    if (env->priv < PRV_M && !(env->mcounteren & BIT(n))) {
        return false;
    }
    return env->priv != PRV_U || !has(env, RISCV_EXT_S) ||
           (env->scounteren & BIT(n)) != 0;
}

/* Without a platform timer the shadow of mtime does not exist. */
static bool time_allowed(const RiscvEnv *env, unsigned n)
{
    uint64_t now;

    return counter_allowed(env, n) && env->hooks->mtime((RiscvEnv *)env, &now);
}

/* Sstc 2.2: below M both menvcfg.STCE and mcounteren.TM. */
static bool stimecmp_allowed(const RiscvEnv *env, unsigned i)
{
    return env->priv == PRV_M || ((env->menvcfg & ENVCFG_STCE) != 0 &&
                                  (env->mcounteren & BIT(1)) != 0);
}

static bool satp_allowed(const RiscvEnv *env, unsigned i)
{
    return env->priv != PRV_S || !(env->mstatus & MSTATUS_TVM);
}

/* Smstateen 2: mstateen0.ENVCFG rules senvcfg, bit 63 of mstatenN sstateenN. */
static bool senvcfg_allowed(const RiscvEnv *env, unsigned i)
{
    return env->priv == PRV_M || !has(env, RISCV_EXT_SMSTATEEN) ||
           (env->mstateen[0] & STATEEN_ENVCFG) != 0;
}

static bool sstateen_allowed(const RiscvEnv *env, unsigned i)
{
    return env->priv == PRV_M || (env->mstateen[i] & STATEEN_SE) != 0;
}

/* --- floating point (Unpriv 21.2) --- */

static void fp_state_dirty(RiscvEnv *env)
{
    env->mstatus |= MSTATUS_FS;
    env->hooks->ctx_changed(env);
}

/* i: 0 fflags, 1 frm, 2 fcsr */
static uint64_t fcsr_read(RiscvEnv *env, unsigned i)
{
    env->hooks->fflags_sync(env);
    return i == 0   ? env->fflags
           : i == 1 ? env->frm
                    : env->frm << 5 | env->fflags;
}

static void fcsr_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->hooks->fflags_sync(env); /* what is set elsewhere is replaced too */
    if (i != 1) {
        env->fflags = value & 0x1f;
    }
    if (i != 0) {
        env->frm = (i == 1 ? value : value >> 5) & 7;
        env->hooks->frm_changed(env);
    }
    fp_state_dirty(env);
}

/* --- vectors (Unpriv 31.3) --- */

static void vector_state_dirty(RiscvEnv *env)
{
    env->mstatus |= MSTATUS_VS;
    env->hooks->ctx_changed(env);
}

static uint64_t vstart_read(RiscvEnv *env, unsigned i)
{
    return env->vstart;
}

/* Bits for the largest element index, VLEN - 1 (31.3.7). */
static void vstart_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->vstart = value & (env->cfg->vlenb * 8 - 1);
    vector_state_dirty(env);
}

/* i: 0 vxsat, 1 vxrm, 2 vcsr */
static uint64_t vcsr_read(RiscvEnv *env, unsigned i)
{
    return i == 0   ? env->vxsat
           : i == 1 ? env->vxrm
                    : env->vxrm << 1 | env->vxsat;
}

static void vcsr_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    if (i != 1) {
        env->vxsat = value & 1;
    }
    if (i != 0) {
        env->vxrm = (i == 1 ? value : value >> 1) & 3;
    }
    vector_state_dirty(env);
}

/* i: 0 vl, 1 vtype, 2 vlenb */
static uint64_t vl_read(RiscvEnv *env, unsigned i)
{
    uint64_t vill = BIT(env->xlen - 1);

    return i == 0   ? env->vl
           : i == 2 ? env->cfg->vlenb
                    : (env->vtype & VTYPE_VILL ? vill : env->vtype);
}

/* --- mstatus and its views (Priv 3.1.6, 10.1.1) --- */

static uint64_t mstatus_mask(const RiscvEnv *env)
{
    uint64_t mask = MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP;

    if (has(env, RISCV_EXT_S)) {
        mask |= MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM |
                MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TSR;
    }
    if (has(env, RISCV_EXT_U)) {
        mask |= MSTATUS_MPRV | MSTATUS_TW;
    }
    return mask | (has(env, RISCV_EXT_F) ? MSTATUS_FS : 0) |
           (has(env, RISCV_EXT_ZVE32X) ? MSTATUS_VS : 0);
}

#define SSTATUS_WRITE                                                          \
    (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_VS |      \
     MSTATUS_SUM | MSTATUS_MXR)
#define SSTATUS_READ (SSTATUS_WRITE | MSTATUS_UBE | MSTATUS_XS | MSTATUS_UXL)

/* SD: some extension's state is Dirty (Priv 3.1.6.6). */
static uint64_t with_sd(const RiscvEnv *env, uint64_t status)
{
    bool dirty = (status & MSTATUS_FS) == MSTATUS_FS ||
                 (status & MSTATUS_VS) == MSTATUS_VS;

    return dirty ? status | BIT(env->xlen - 1) : status;
}

static bool mpp_supported(const RiscvEnv *env, uint64_t status)
{
    switch (bits_get(status, MSTATUS_MPP_SHIFT, 2)) {
    case PRV_U:
        return has(env, RISCV_EXT_U);
    case PRV_S:
        return has(env, RISCV_EXT_S);
    case PRV_M:
        return true;
    default:
        return false;
    }
}

static void status_write(RiscvEnv *env, uint64_t value, uint64_t mask)
{
    /* interrupt enables and what a trap stacks: no part of the context */
    const uint64_t stack =
        MSTATUS_SIE | MSTATUS_MIE | MSTATUS_SPIE | MSTATUS_MPIE | MSTATUS_SPP;
    uint64_t old = env->mstatus;

    mask &= mstatus_mask(env);
    if (!mpp_supported(env, value)) {
        mask &= ~MSTATUS_MPP;
    }
    env->mstatus = (old & ~mask) | (value & mask);
    if ((env->mstatus ^ old) & MSTATUS_MXR) {
        /* readable pages change for all modes that translate */
        env->hooks->flush_modes(env, RISCV_MMU_TRANSLATED);
    }
    if ((env->mstatus ^ old) & ~stack) {
        env->hooks->ctx_changed(env);
    }
    env->hooks->irq_changed(env);
}

static uint64_t mstatus_read(RiscvEnv *env, unsigned i)
{
    return with_sd(env,
                   env->xlen == 32 ? (uint32_t)env->mstatus : env->mstatus);
}

static void mstatus_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    status_write(env, value, UINT64_MAX);
}

/* mstatush holds SBE and MBE alone, both read-only zero: little-endian. */
static uint64_t mstatush_read(RiscvEnv *env, unsigned i)
{
    return env->mstatus >> 32;
}

static void write_ignored(RiscvEnv *env, unsigned i, uint64_t value)
{
}

static uint64_t sstatus_read(RiscvEnv *env, unsigned i)
{
    return with_sd(env, env->mstatus & SSTATUS_READ);
}

static void sstatus_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    status_write(env, value, SSTATUS_WRITE);
}

/* misa (Priv 3.1.1): the letters of this hart; no bit can be changed. */
static uint64_t misa_read(RiscvEnv *env, unsigned i)
{
    static const struct {
        RiscvExt ext;
        char letter;
    } letters[] = {
        { RISCV_EXT_I, 'I' }, { RISCV_EXT_E, 'E' }, { RISCV_EXT_M, 'M' },
        { RISCV_EXT_A, 'A' }, { RISCV_EXT_F, 'F' }, { RISCV_EXT_D, 'D' },
        { RISCV_EXT_C, 'C' }, { RISCV_EXT_B, 'B' }, { RISCV_EXT_V, 'V' },
        { RISCV_EXT_H, 'H' }, { RISCV_EXT_S, 'S' }, { RISCV_EXT_U, 'U' },
    };
    uint64_t v = (uint64_t)(env->xlen == 32 ? 1 : 2) << (env->xlen - 2);

    for (unsigned n = 0; n < ARRAY_SIZE(letters); n++) {
        if (has(env, letters[n].ext)) {
            v |= BIT(letters[n].letter - 'A');
        }
    }
    return v;
}

/* --- interrupts (Priv 3.1.9, 10.1.3) --- */

#define S_IRQS (BIT(IRQ_SSI) | BIT(IRQ_STI) | BIT(IRQ_SEI))
#define M_IRQS (BIT(IRQ_MSI) | BIT(IRQ_MTI) | BIT(IRQ_MEI))

static uint64_t irq_mask(const RiscvEnv *env)
{
    return M_IRQS | (has(env, RISCV_EXT_S) ? S_IRQS : 0);
}

uint64_t riscv_mip_bits(RiscvEnv *env, uint64_t bits)
{
    uint64_t mip = env->mip_sw |
                   atomic_load_explicit(&env->irq_lines, memory_order_acquire);

    if ((bits & BIT(IRQ_STI)) && stimer_enabled(env)) {
        mip = bits_set(mip, IRQ_STI, 1, stimer_pending(env));
    }
    return mip & irq_mask(env) & bits;
}

uint64_t riscv_mip(RiscvEnv *env)
{
    return riscv_mip_bits(env, UINT64_MAX);
}

static uint64_t mip_read(RiscvEnv *env, unsigned i)
{
    return riscv_mip(env);
}

/* Bits of mip that M-mode software writes. SEIP is its own bit, ORed with
 * the line on reading; STIP is the compare's while STCE is set. */
static uint64_t mip_writable(const RiscvEnv *env)
{
    if (!has(env, RISCV_EXT_S)) {
        return 0;
    }
    return stimer_enabled(env) ? S_IRQS & ~BIT(IRQ_STI) : S_IRQS;
}

static void mip_write_masked(RiscvEnv *env, uint64_t value, uint64_t mask)
{
    /* only bits of @mask: an SSIP that comes meanwhile is not lost */
    atomic_fetch_and(&env->mip_sw, value | ~mask);
    atomic_fetch_or(&env->mip_sw, value & mask);
    env->hooks->irq_changed(env);
}

static void mip_modify(RiscvEnv *env, uint64_t value, uint64_t mask)
{
    mip_write_masked(env, value, mask & mip_writable(env));
}

/* sip shows what mideleg delegates; only SSIP can be written (10.1.3). */
static uint64_t sip_read(RiscvEnv *env, unsigned i)
{
    return riscv_mip(env) & env->mideleg;
}

static void sip_modify(RiscvEnv *env, uint64_t value, uint64_t mask)
{
    mip_write_masked(env, value, mask & env->mideleg & BIT(IRQ_SSI));
}

static void mie_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->mie = value & irq_mask(env);
    env->hooks->irq_changed(env);
}

static uint64_t sie_read(RiscvEnv *env, unsigned i)
{
    return env->mie & env->mideleg;
}

static void sie_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    mie_write(env, 0, (env->mie & ~env->mideleg) | (value & env->mideleg));
}

static void mideleg_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->mideleg = value & S_IRQS;
    env->hooks->irq_changed(env);
}

/* Every exception but a call from M may be delegated (Priv 3.1.8). */
#define MEDELEG_MASK                                                           \
    (BIT(EXC_INSN_MISALIGNED) | BIT(EXC_INSN_ACCESS) | BIT(EXC_ILLEGAL_INSN) | \
     BIT(EXC_BREAKPOINT) | BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_LOAD_ACCESS) |   \
     BIT(EXC_STORE_MISALIGNED) | BIT(EXC_STORE_ACCESS) | BIT(EXC_ECALL_U) |    \
     BIT(EXC_ECALL_S) | BIT(EXC_INSN_PAGE) | BIT(EXC_LOAD_PAGE) |              \
     BIT(EXC_STORE_PAGE))

/* medelegh: exceptions 32 to 63, of which none is defined (Priv 3.1.8). */
static uint64_t medelegh_read(RiscvEnv *env, unsigned i)
{
    return env->medeleg >> 32;
}

/* --- trap vectors and return addresses --- */

/* MODE 2 and 3 are reserved: such a write changes nothing (3.1.7). */
static void tvec_write(uint64_t *field, uint64_t value)
{
    if ((value & 3) < 2) {
        *field = value;
    }
}

static void mtvec_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    tvec_write(&env->mtvec, value);
}

static void stvec_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    tvec_write(&env->stvec, value);
}

/* Bits below IALIGN are zero (3.1.14). */
static uint64_t epc_mask(const RiscvEnv *env)
{
    return has(env, RISCV_EXT_ZCA) ? ~(uint64_t)1 : ~(uint64_t)3;
}

static void mepc_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->mepc = value & epc_mask(env);
}

static void sepc_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->sepc = value & epc_mask(env);
}

/* --- address translation (Priv 10.1.11) --- */

static void satp_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    unsigned mode =
        env->xlen == 32 ? bits_get(value, 31, 1) : bits_get(value, 60, 4);

    if (!(env->cfg->satp_modes & BIT(mode)) || value == env->satp) {
        return; /* an unsupported MODE makes the whole write void */
    }
    env->satp = value;
    env->resv_addr = RESV_NONE;
    env->hooks->space_changed(env);
    env->hooks->ctx_changed(env);
}

/* --- environment configuration (Priv 3.1.18, 10.1.10) --- */

#define SENVCFG_WRITE(env)                                                     \
    (ENVCFG_FIOM |                                                             \
     (has(env, RISCV_EXT_ZICBOM) ? ENVCFG_CBIE | ENVCFG_CBCFE : 0) |           \
     (has(env, RISCV_EXT_ZICBOZ) ? ENVCFG_CBZE : 0))

/* CBIE = 2 is reserved. */
static uint64_t envcfg_merge(uint64_t old, uint64_t value, uint64_t mask)
{
    if (bits_get(value, ENVCFG_CBIE_SHIFT, 2) == 2) {
        mask &= ~ENVCFG_CBIE;
    }
    return (old & ~mask) | (value & mask);
}

static void menvcfg_write_all(RiscvEnv *env, uint64_t value)
{
    uint64_t old = env->menvcfg;
    uint64_t mask = SENVCFG_WRITE(env) |
                    (has(env, RISCV_EXT_SSTC) ? ENVCFG_STCE : 0) |
                    (has(env, RISCV_EXT_SVPBMT) ? ENVCFG_PBMTE : 0) |
                    (has(env, RISCV_EXT_SVADU) ? ENVCFG_ADUE : 0);

    env->menvcfg = envcfg_merge(old, value, mask);
    if ((env->menvcfg ^ old) & (ENVCFG_PBMTE | ENVCFG_ADUE)) {
        env->hooks->flush_modes(env, RISCV_MMU_TRANSLATED);
    }
    if ((env->menvcfg ^ old) & ENVCFG_STCE) {
        env->hooks->stimer_changed(env);
        env->hooks->irq_changed(env);
    }
    env->hooks->ctx_changed(env);
}

static uint64_t menvcfg_read(RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 ? (uint32_t)env->menvcfg : env->menvcfg;
}

static void menvcfg_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    menvcfg_write_all(
        env, env->xlen == 32 ? bits_set(env->menvcfg, 0, 32, value) : value);
}

static uint64_t menvcfgh_read(RiscvEnv *env, unsigned i)
{
    return env->menvcfg >> 32;
}

static void menvcfgh_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    menvcfg_write_all(env, bits_set(env->menvcfg, 32, 32, value));
}

static void senvcfg_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->senvcfg = envcfg_merge(env->senvcfg, value, SENVCFG_WRITE(env));
    env->hooks->ctx_changed(env);
}

/* Smstateen 2.1: of the state it could guard we have senvcfg and sstateen. */
static uint64_t mstateen_mask(unsigned i)
{
    return STATEEN_SE | (i == 0 ? STATEEN_ENVCFG : 0);
}

static uint64_t mstateen_read(RiscvEnv *env, unsigned i)
{
    return env->xlen == 32 ? (uint32_t)env->mstateen[i] : env->mstateen[i];
}

static void mstateen_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    /* on RV32 the low half has no writable bit */
    if (env->xlen == 64) {
        env->mstateen[i] = value & mstateen_mask(i);
    }
}

static uint64_t mstateenh_read(RiscvEnv *env, unsigned i)
{
    return env->mstateen[i] >> 32;
}

static void mstateenh_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->mstateen[i] = (value << 32) & mstateen_mask(i);
}

/* --- counters (Priv 3.1.10 to 3.1.12, Unpriv 7) --- */

/* The part of a 64-bit counter that a register of this XLEN shows. */
static uint64_t low_part(const RiscvEnv *env, uint64_t v)
{
    return env->xlen == 32 ? (uint32_t)v : v;
}

/* i is the counter's number. */
static uint64_t count_read(RiscvEnv *env, unsigned i)
{
    return low_part(env, counter_read(env, i));
}

static void count_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    counter_write(env, i,
                  env->xlen == 32 ? bits_set(counter_read(env, i), 0, 32, value)
                                  : value);
}

static uint64_t counth_read(RiscvEnv *env, unsigned i)
{
    return counter_read(env, i) >> 32;
}

static void counth_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    counter_write(env, i, bits_set(counter_read(env, i), 32, 32, value));
}

static uint64_t hpmevent_read(RiscvEnv *env, unsigned i)
{
    return env->mhpmevent[i];
}

static void hpmevent_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    counter_set_event(env, i, value);
}

static uint64_t time_now(RiscvEnv *env)
{
    uint64_t now = 0;

    env->hooks->mtime(env, &now); /* time_allowed() saw that there is one */
    return now;
}

static uint64_t time_read(RiscvEnv *env, unsigned i)
{
    return low_part(env, time_now(env));
}

static uint64_t timeh_read(RiscvEnv *env, unsigned i)
{
    return time_now(env) >> 32;
}

static uint64_t mcounteren_read(RiscvEnv *env, unsigned i)
{
    return env->mcounteren;
}

static void mcounteren_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->mcounteren = value & counter_mask(env);
}

static uint64_t scounteren_read(RiscvEnv *env, unsigned i)
{
    return env->scounteren;
}

static void scounteren_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    env->scounteren = value & counter_mask(env);
}

static uint64_t inhibit_read(RiscvEnv *env, unsigned i)
{
    return env->mcountinhibit;
}

static void inhibit_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    counter_set_inhibit(env, value);
}

static void stimecmp_set(RiscvEnv *env, uint64_t value)
{
    env->stimecmp = value;
    env->hooks->stimer_changed(env);
    env->hooks->irq_changed(env);
}

static uint64_t stimecmp_read(RiscvEnv *env, unsigned i)
{
    return low_part(env, env->stimecmp);
}

static void stimecmp_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    stimecmp_set(env, env->xlen == 32 ? bits_set(env->stimecmp, 0, 32, value)
                                      : value);
}

static uint64_t stimecmph_read(RiscvEnv *env, unsigned i)
{
    return env->stimecmp >> 32;
}

static void stimecmph_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    stimecmp_set(env, bits_set(env->stimecmp, 32, 32, value));
}

/* --- memory protection, triggers, identity --- */

static void pmp_changed(RiscvEnv *env)
{
    env->hooks->flush_modes(env, RISCV_MMU_ALL);
    env->hooks->ctx_changed(env);
}

static uint64_t pmpcfg_csr_read(RiscvEnv *env, unsigned i)
{
    return pmpcfg_read(env, i);
}

static void pmpcfg_csr_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    pmpcfg_write(env, i, value);
    pmp_changed(env);
}

static uint64_t pmpaddr_csr_read(RiscvEnv *env, unsigned i)
{
    return env->pmpaddr[i];
}

static void pmpaddr_csr_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    pmpaddr_write(env, i, value);
    pmp_changed(env);
}

static uint64_t id_read(RiscvEnv *env, unsigned i)
{
    const uint64_t ids[] = { env->cfg->mvendorid, env->cfg->marchid,
                             env->cfg->mimpid, env->mhartid,
                             0 /* mconfigptr: no configuration structure */ };

    return low_part(env, ids[i]);
}

/* clang-format off */
#define FIELD(f)     .offset = offsetof(RiscvEnv, f)
#define PLAIN(f)     FIELD(f), .mask = UINT64_MAX
#define RW(r, w)     .read = r, .write = w

/* In order of numbers. */
static const CsrRow csr_rows[] = {
    { 0x001, 1, 0, "fflags", has_f, fs_allows, RW(fcsr_read, fcsr_write) },
    { 0x002, 1, 1, "frm", has_f, fs_allows, RW(fcsr_read, fcsr_write) },
    { 0x003, 1, 2, "fcsr", has_f, fs_allows, RW(fcsr_read, fcsr_write) },
    { 0x008, 1, 0, "vstart", has_v, vs_allows, RW(vstart_read, vstart_write) },
    { 0x009, 1, 0, "vxsat", has_v, vs_allows, RW(vcsr_read, vcsr_write) },
    { 0x00a, 1, 1, "vxrm", has_v, vs_allows, RW(vcsr_read, vcsr_write) },
    { 0x00f, 1, 2, "vcsr", has_v, vs_allows, RW(vcsr_read, vcsr_write) },
    { 0x100, 1, 0, "sstatus", has_s, NULL, RW(sstatus_read, sstatus_write) },
    { 0x104, 1, 0, "sie", has_s, NULL, RW(sie_read, sie_write) },
    { 0x105, 1, 0, "stvec", has_s, NULL, .write = stvec_write, FIELD(stvec) },
    { 0x106, 1, 0, "scounteren", has_s, NULL, RW(scounteren_read, scounteren_write) },
    { 0x10a, 1, 0, "senvcfg", has_s, senvcfg_allowed, .write = senvcfg_write, FIELD(senvcfg) },
    { 0x10c, 4, 0, "sstateen%u", has_sstateen, sstateen_allowed, FIELD(sstateen) },
    { 0x140, 1, 0, "sscratch", has_s, NULL, PLAIN(sscratch) },
    { 0x141, 1, 0, "sepc", has_s, NULL, .write = sepc_write, FIELD(sepc) },
    { 0x142, 1, 0, "scause", has_s, NULL, PLAIN(scause) },
    { 0x143, 1, 0, "stval", has_s, NULL, PLAIN(stval) },
    { 0x144, 1, 0, "sip", has_s, NULL, .read = sip_read, .modify = sip_modify },
    { 0x14d, 1, 0, "stimecmp", has_sstc, stimecmp_allowed, RW(stimecmp_read, stimecmp_write) },
    { 0x15d, 1, 0, "stimecmph", rv32_sstc, stimecmp_allowed, RW(stimecmph_read, stimecmph_write) },
    { 0x180, 1, 0, "satp", has_s, satp_allowed, .write = satp_write, FIELD(satp) },

    { 0x300, 1, 0, "mstatus", NULL, NULL, RW(mstatus_read, mstatus_write) },
    { 0x301, 1, 0, "misa", NULL, NULL, RW(misa_read, write_ignored) },
    { 0x302, 1, 0, "medeleg", has_s, NULL, FIELD(medeleg), .mask = MEDELEG_MASK },
    { 0x303, 1, 0, "mideleg", has_s, NULL, .write = mideleg_write, FIELD(mideleg) },
    { 0x304, 1, 0, "mie", NULL, NULL, .write = mie_write, FIELD(mie) },
    { 0x305, 1, 0, "mtvec", NULL, NULL, .write = mtvec_write, FIELD(mtvec) },
    { 0x306, 1, 0, "mcounteren", has_u, NULL, RW(mcounteren_read, mcounteren_write) },
    { 0x30a, 1, 0, "menvcfg", has_u, NULL, RW(menvcfg_read, menvcfg_write) },
    { 0x30c, 4, 0, "mstateen%u", has_stateen, NULL, RW(mstateen_read, mstateen_write) },
    { 0x310, 1, 0, "mstatush", is_rv32, NULL, RW(mstatush_read, write_ignored) },
    { 0x312, 1, 0, "medelegh", rv32_s, NULL, RW(medelegh_read, write_ignored) },
    { 0x31a, 1, 0, "menvcfgh", rv32_u, NULL, RW(menvcfgh_read, menvcfgh_write) },
    { 0x31c, 4, 0, "mstateen%uh", rv32_stateen, NULL, RW(mstateenh_read, mstateenh_write) },
    { 0x320, 1, 0, "mcountinhibit", NULL, NULL, RW(inhibit_read, inhibit_write) },
    { 0x323, 29, 3, "mhpmevent%u", NULL, NULL, RW(hpmevent_read, hpmevent_write) },
    { 0x340, 1, 0, "mscratch", NULL, NULL, PLAIN(mscratch) },
    { 0x341, 1, 0, "mepc", NULL, NULL, .write = mepc_write, FIELD(mepc) },
    { 0x342, 1, 0, "mcause", NULL, NULL, PLAIN(mcause) },
    { 0x343, 1, 0, "mtval", NULL, NULL, PLAIN(mtval) },
    { 0x344, 1, 0, "mip", NULL, NULL, .read = mip_read, .modify = mip_modify },
    { 0x3a0, 16, 0, "pmpcfg%u", has_pmpcfg, NULL, RW(pmpcfg_csr_read, pmpcfg_csr_write) },
    { 0x3b0, 64, 0, "pmpaddr%u", has_pmp, NULL, RW(pmpaddr_csr_read, pmpaddr_csr_write) },

    { 0x7a0, 1, 0, "tselect", has_triggers, NULL, RW(tselect_read, tselect_write) },
    { 0x7a1, 3, 1, "tdata%u", has_triggers, NULL, RW(tdata_read, tdata_write) },
    { 0x7a4, 1, 0, "tinfo", has_triggers, NULL, RW(tinfo_read, write_ignored) },

    { 0xb00, 1, 0, "mcycle", NULL, NULL, RW(count_read, count_write) },
    { 0xb02, 1, 2, "minstret", NULL, NULL, RW(count_read, count_write) },
    { 0xb03, 29, 3, "mhpmcounter%u", NULL, NULL, RW(count_read, count_write) },
    { 0xb80, 1, 0, "mcycleh", is_rv32, NULL, RW(counth_read, counth_write) },
    { 0xb82, 1, 2, "minstreth", is_rv32, NULL, RW(counth_read, counth_write) },
    { 0xb83, 29, 3, "mhpmcounter%uh", is_rv32, NULL, RW(counth_read, counth_write) },

    { 0xc00, 1, 0, "cycle", has_zicntr, counter_allowed, RW(count_read, NULL) },
    { 0xc01, 1, 1, "time", has_zicntr, time_allowed, RW(time_read, NULL) },
    { 0xc02, 1, 2, "instret", has_zicntr, counter_allowed, RW(count_read, NULL) },
    { 0xc03, 29, 3, "hpmcounter%u", has_zihpm, counter_allowed, RW(count_read, NULL) },
    { 0xc20, 1, 0, "vl", has_v, vs_allows, RW(vl_read, NULL) },
    { 0xc21, 1, 1, "vtype", has_v, vs_allows, RW(vl_read, NULL) },
    { 0xc22, 1, 2, "vlenb", has_v, vs_allows, RW(vl_read, NULL) },
    { 0xc80, 1, 0, "cycleh", rv32_zicntr, counter_allowed, RW(counth_read, NULL) },
    { 0xc81, 1, 1, "timeh", rv32_zicntr, time_allowed, RW(timeh_read, NULL) },
    { 0xc82, 1, 2, "instreth", rv32_zicntr, counter_allowed, RW(counth_read, NULL) },
    { 0xc83, 29, 3, "hpmcounter%uh", rv32_zihpm, counter_allowed, RW(counth_read, NULL) },

    { 0xf11, 1, 0, "mvendorid", NULL, NULL, RW(id_read, NULL) },
    { 0xf12, 1, 1, "marchid", NULL, NULL, RW(id_read, NULL) },
    { 0xf13, 1, 2, "mimpid", NULL, NULL, RW(id_read, NULL) },
    { 0xf14, 1, 3, "mhartid", NULL, NULL, RW(id_read, NULL) },
    { 0xf15, 1, 4, "mconfigptr", NULL, NULL, RW(id_read, NULL) },
};
#undef FIELD
#undef PLAIN
#undef RW
/* clang-format on */

/* The row of @csr, if this hart has that register; *i becomes the number that
 * the row's functions take. */
static const CsrRow *find_row(const RiscvEnv *env, unsigned csr, unsigned *i)
{
    size_t lo = 0, hi = ARRAY_SIZE(csr_rows);

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const CsrRow *row = &csr_rows[mid];

        if (csr < row->first) {
            hi = mid;
        } else if (csr >= row->first + row->count) {
            lo = mid + 1;
        } else {
            *i = row->index + csr - row->first;
            return row->exists == NULL || row->exists(env, *i) ? row : NULL;
        }
    }
    return NULL;
}

static uint64_t *field_of(const CsrRow *row, RiscvEnv *env, unsigned i)
{
    return (uint64_t *)((char *)env + row->offset) + (i - row->index);
}

static uint64_t row_read(const CsrRow *row, RiscvEnv *env, unsigned i)
{
    return row->read != NULL ? row->read(env, i) : *field_of(row, env, i);
}

static void row_write(const CsrRow *row, RiscvEnv *env, unsigned i,
                      uint64_t value)
{
    value &= bit_mask(env->xlen);
    if (row->write != NULL) {
        row->write(env, i, value);
    } else if (row->read == NULL) {
        uint64_t *field = field_of(row, env, i);

        *field = (*field & ~row->mask) | (value & row->mask);
    }
}

bool riscv_csr_access(RiscvEnv *env, unsigned csr, uint64_t *old, bool write,
                      uint64_t value, uint64_t mask)
{
    unsigned i;
    const CsrRow *row = find_row(env, csr, &i);

    /* Priv 2.1: bits 9:8 are the lowest privilege, 11:10 = 3 read-only */
    if (row == NULL || env->priv < bits_get(csr, 8, 2) ||
        (write && bits_get(csr, 10, 2) == 3) ||
        (row->allowed != NULL && !row->allowed(env, i))) {
        return false;
    }
    bool partly = mask != UINT64_MAX;
    uint64_t now = old != NULL || partly ? row_read(row, env, i) : 0;

    if (write && row->modify != NULL) {
        row->modify(env, value, mask);
    } else if (write) {
        row_write(row, env, i, (now & ~mask) | (value & mask));
    }
    if (old != NULL) {
        *old = now;
    }
    return true;
}

bool riscv_csr_peek(RiscvEnv *env, unsigned csr, uint64_t *value)
{
    unsigned i;
    uint64_t now;
    const CsrRow *row = find_row(env, csr, &i);

    if (row == NULL ||
        (row->allowed == time_allowed && !env->hooks->mtime(env, &now))) {
        return false;
    }
    *value = row_read(row, env, i);
    return true;
}

bool riscv_csr_poke(RiscvEnv *env, unsigned csr, uint64_t value)
{
    unsigned i;
    const CsrRow *row = find_row(env, csr, &i);

    if (row == NULL || bits_get(csr, 10, 2) == 3) {
        return false;
    }
    if (row->modify != NULL) {
        row->modify(env, value, UINT64_MAX);
    } else {
        row_write(row, env, i, value);
    }
    return true;
}

const char *riscv_csr_name(const RiscvEnv *env, unsigned csr, char buf[24])
{
    unsigned i;
    const CsrRow *row = find_row(env, csr, &i);

    if (row == NULL) {
        return NULL;
    }
    const char *at = strstr(row->name, "%u");
    if (at == NULL) {
        return row->name;
    }
    snprintf(buf, 24, "%.*s%u%s", (int)(at - row->name), row->name, i, at + 2);
    return buf;
}

void riscv_csr_reset(RiscvEnv *env)
{
    const RiscvConfig *cfg = env->cfg;

    env->xlen = cfg->xlen;
    env->priv = PRV_M;
    env->virt = 0;
    env->resv_addr = RESV_NONE;
    env->fflags = env->frm = 0;
    env->vxrm = env->vxsat = 0;
    env->vstart = env->vl = 0;
    env->vtype = VTYPE_VILL; /* 31.3.11: recommended */
    /* MPP is WARL and its reset value free: the least privileged mode */
    env->mstatus = mpp_supported(env, 0) ? 0 : MSTATUS_MPP;
    if (cfg->xlen == 64) {
        env->mstatus |= (has(env, RISCV_EXT_U) ? (uint64_t)2 << 32 : 0) |
                        (has(env, RISCV_EXT_S) ? (uint64_t)2 << 34 : 0);
    }
    env->medeleg = env->mideleg = env->mie = 0;
    env->mip_sw = 0;
    env->mtvec = env->mscratch = env->mepc = env->mcause = env->mtval = 0;
    env->stvec = env->sscratch = env->sepc = env->scause = env->stval = 0;
    env->satp = env->senvcfg = 0;
    env->menvcfg = has(env, RISCV_EXT_SVADU) && !has(env, RISCV_EXT_SVADE)
                       ? ENVCFG_ADUE
                       : 0;
    env->stimecmp = UINT64_MAX; /* unspecified: no spurious interrupt */
    env->mcounteren = env->scounteren = env->mcountinhibit = 0;
    memset(env->mstateen, 0, sizeof(env->mstateen));
    memset(env->sstateen, 0, sizeof(env->sstateen));
    memset(env->mhpmevent, 0, sizeof(env->mhpmevent));
    memset(env->counter_base, 0, sizeof(env->counter_base));
    env->count_insns = false;
    memset(env->pmpcfg, 0, sizeof(env->pmpcfg));
    memset(env->pmpaddr, 0, sizeof(env->pmpaddr));
    pmp_update(env);
    trigger_reset(env);
}
