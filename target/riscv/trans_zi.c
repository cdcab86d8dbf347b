/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zicsr, Zicond, Zicbom, Zicboz.
 *
 * Spec: Unprivileged ISA 20240411, chapters 6, 12, 19; Priv 2 and 3.1.18.
 */
#include "target/riscv/translate.h"
#include "target/riscv/csr.h"
#include "target/riscv/riscv-trans-zi.h"

/* ---- CSR accesses ---- */

/* funct3, bits 1:0 (6.1) */
enum { CSR_OP_WRITE = 1, CSR_OP_SET = 2, CSR_OP_CLEAR = 3 };

/* Registers that hold a value and nothing more: a write changes no context,
 * so the unit goes on. Traps begin and end with them. */
typedef struct StorageCsr {
    uint16_t csr;
    uint16_t offset; /* in RiscvEnv, 8 bytes, zero-extended from XLEN */
    bool any_value;  /* every bit can be written */
} StorageCsr;

static const StorageCsr storage_csrs[] = {
    { CSR_SSCRATCH, offsetof(RiscvEnv, sscratch), true },
    { CSR_SEPC, offsetof(RiscvEnv, sepc), false },
    { CSR_SCAUSE, offsetof(RiscvEnv, scause), true },
    { CSR_STVAL, offsetof(RiscvEnv, stval), true },
    { CSR_MSCRATCH, offsetof(RiscvEnv, mscratch), true },
    { CSR_MEPC, offsetof(RiscvEnv, mepc), false },
    { CSR_MCAUSE, offsetof(RiscvEnv, mcause), true },
    { CSR_MTVAL, offsetof(RiscvEnv, mtval), true },
};

/* Its row when this mode may access @csr (Priv 2.1), else NULL. */
static const StorageCsr *storage_csr(const DisasContext *dc, unsigned csr)
{
    unsigned lowest = bits_get(csr, 8, 2);

    if (dc->priv < lowest || (lowest == PRV_S && !has_ext(dc, RISCV_EXT_S))) {
        return NULL;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(storage_csrs); i++) {
        if (storage_csrs[i].csr == csr) {
            return &storage_csrs[i];
        }
    }
    return NULL;
}

static TcgVal storage_read(DisasContext *dc, const StorageCsr *row)
{
    TcgVal v = tcg_env_ld(dc->tb, TCG_I64, row->offset, MO_64);

    return is_rv32(dc) ? tcg_trunc(dc->tb, v) : v;
}

/* One Zicsr instruction on a storage register; @op as in the instruction. */
static void gen_storage(DisasContext *dc, const StorageCsr *row, int rd,
                        unsigned op, TcgVal value)
{
    bool reads = op != CSR_OP_WRITE || rd != 0;
    TcgVal old = reads ? storage_read(dc, row) : xconst(dc, 0);

    if (is_rv32(dc)) {
        value = tcg_trunc(dc->tb, value);
    }
    if (op == CSR_OP_SET) {
        value = tcg_or(dc->tb, old, value);
    } else if (op == CSR_OP_CLEAR) {
        value = tcg_andn(dc->tb, old, value);
    }
    tcg_env_st(dc->tb, row->offset, to_address(dc, value), MO_64);
    gpr_write(dc, rd, old);
}

/* ---- fflags, frm, fcsr (21.2): libm reads and writes them around every
 * rounding. Flags are in env and among the host's sticky bits. ---- */

static TcgVal fflags_now(DisasContext *dc)
{
    TcgVal kept = tcg_env_ld(dc->tb, TCG_I32, offsetof(RiscvEnv, fflags), MO_8);

    return tcg_or(dc->tb, kept, tcg_fp_flags(dc->tb));
}

/* False: @csr is none of the three, or illegal now. frm is in the context. */
static bool gen_read_fcsr(DisasContext *dc, int rd, unsigned csr)
{
    TcgVal v;

    if (csr < CSR_FFLAGS || csr > CSR_FCSR || dc->fs == CTX_FS_OFF) {
        return false;
    }
    if (csr == CSR_FRM) {
        v = tcg_const32(dc->tb, dc->frm);
    } else {
        v = fflags_now(dc);
        v = csr == CSR_FCSR ? tcg_ori(dc->tb, v, dc->frm << 5) : v;
    }
    gpr_write(dc, rd, v);
    return true;
}

/* fsflags and the like; false: by the helper. */
static bool gen_write_fflags(DisasContext *dc, int rd, unsigned op,
                             TcgVal value)
{
    TcgVal old;

    if (dc->fs != CTX_FS_DIRTY) {
        return false;
    }
    old =
        op != CSR_OP_WRITE || rd != 0 ? fflags_now(dc) : tcg_const32(dc->tb, 0);
    value = tcg_andi(dc->tb, tcg_trunc(dc->tb, value), 0x1f);
    if (op == CSR_OP_SET) {
        value = tcg_or(dc->tb, old, value);
    } else if (op == CSR_OP_CLEAR) {
        value = tcg_andn(dc->tb, old, value);
    }
    tcg_call_args(dc->tb, &riscv_helper_fflags, value);
    gpr_write(dc, rd, old);
    return true;
}

/* CSRRS and CSRRC with rs1 = x0: no write, no side effect of one (6.1). */
static bool gen_csr_read(DisasContext *dc, int rd, unsigned csr)
{
    const StorageCsr *row = storage_csr(dc, csr);
    TcgVal old;

    if (gen_read_fcsr(dc, rd, csr)) {
        return true;
    }
    if (row != NULL) {
        gpr_write(dc, rd, storage_read(dc, row));
        return true;
    }
    old = tcg_call_args(dc->tb, &riscv_helper_csr_read,
                        tcg_const32(dc->tb, dc->insn));
    gpr_write(dc, rd, old);
    return true;
}

/*
 * Setting or clearing sstatus.SIE or .SUM (mstatus.MIE in M-mode too) when the
 * old value is not wanted: what kernels do around critical sections and user
 * copies. The field is changed in place; only SUM changes the context, only
 * enabling interrupts must look at them.
 */
static bool gen_status_bit(DisasContext *dc, unsigned csr, int rd, bool set,
                           uint64_t mask)
{
    uint32_t off = offsetof(RiscvEnv, mstatus);
    uint64_t allowed = 0;
    TcgVal status;

    if (csr == CSR_SSTATUS && dc->priv >= PRV_S && has_ext(dc, RISCV_EXT_S)) {
        allowed = MSTATUS_SIE | MSTATUS_SUM;
    } else if (csr == CSR_MSTATUS && dc->priv == PRV_M) {
        allowed = MSTATUS_MIE;
    }
    if (rd != 0 || mask == 0 || (mask & ~allowed) != 0) {
        return false;
    }
    status = tcg_env_ld(dc->tb, TCG_I64, off, MO_64);
    status =
        set ? tcg_ori(dc->tb, status, mask) : tcg_andi(dc->tb, status, ~mask);
    tcg_env_st(dc->tb, off, status, MO_64);
    if (mask & MSTATUS_SUM) {
        tcg_call0(dc->tb, &riscv_helper_ctx_changed);
        gen_end_ctx_changed(dc);
    } else if (set) {
        tcg_call0(dc->tb, &riscv_helper_irq_changed);
        gen_end_direct(dc, TCG_EXIT_POLL);
    }
    return true;
}

static bool gen_csr_write(DisasContext *dc, int rd, unsigned csr, TcgVal value)
{
    unsigned op = dc->insn >> 12 & 3;
    const StorageCsr *row = storage_csr(dc, csr);
    uint64_t mask;
    TcgVal old;

    if (op != CSR_OP_WRITE && tcg_val_const(dc->tb, value, &mask) &&
        gen_status_bit(dc, csr, rd, op == CSR_OP_SET, mask)) {
        return true;
    }
    if (row != NULL && row->any_value) {
        gen_storage(dc, row, rd, op, value);
        return true;
    }
    if (csr == CSR_FFLAGS && gen_write_fflags(dc, rd, op, value)) {
        return true;
    }
    old =
        tcg_call_args(dc->tb, row ? &riscv_helper_csr_plain : &riscv_helper_csr,
                      tcg_const32(dc->tb, dc->insn), value);
    gpr_write(dc, rd, old);
    if (row == NULL) {
        gen_end_ctx_changed(dc);
    }
    return true;
}

static bool trans_csrrw(DisasContext *dc, const ArgsRdRs1Csr *a)
{
    return gen_csr_write(dc, a->rd, a->csr, gpr_read64(dc, a->rs1));
}

static bool trans_csrrs(DisasContext *dc, const ArgsRdRs1Csr *a)
{
    return a->rs1 == 0
               ? gen_csr_read(dc, a->rd, a->csr)
               : gen_csr_write(dc, a->rd, a->csr, gpr_read64(dc, a->rs1));
}

static bool trans_csrrc(DisasContext *dc, const ArgsRdRs1Csr *a)
{
    return trans_csrrs(dc, a); /* helpers tell by the instruction's bits */
}

static bool trans_csrrwi(DisasContext *dc, const ArgsRdImmCsr *a)
{
    return gen_csr_write(dc, a->rd, a->csr, tcg_const(dc->tb, a->imm));
}

static bool trans_csrrsi(DisasContext *dc, const ArgsRdImmCsr *a)
{
    return a->imm == 0
               ? gen_csr_read(dc, a->rd, a->csr)
               : gen_csr_write(dc, a->rd, a->csr, tcg_const(dc->tb, a->imm));
}

static bool trans_csrrci(DisasContext *dc, const ArgsRdImmCsr *a)
{
    return trans_csrrsi(dc, a);
}

/* ---- Zicond (12.3) ---- */

static bool gen_czero(DisasContext *dc, const ArgsRdRs1Rs2 *a, TcgCond cond)
{
    TcgVal zero = xconst(dc, 0);

    gpr_write(dc, a->rd,
              tcg_select(dc->tb, cond, gpr_read(dc, a->rs2), zero, zero,
                         gpr_read(dc, a->rs1)));
    return true;
}

static bool trans_czero_eqz(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_czero(dc, a, TCG_EQ);
}

static bool trans_czero_nez(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_czero(dc, a, TCG_NE);
}

/* ---- cache blocks (19.4, 19.5): there are no caches, rights remain ---- */

static bool gen_cbo(DisasContext *dc, const ArgsRs1 *a, bool allowed,
                    const TcgHelper *helper)
{
    if (!allowed) {
        return false;
    }
    tcg_call_args(dc->tb, helper, address_of(dc, a->rs1, 0),
                  tcg_const32(dc->tb, dc->mmu));
    return true;
}

static bool trans_cbo_inval(DisasContext *dc, const ArgsRs1 *a)
{
    return gen_cbo(dc, a, dc->cbie != CTX_CBIE_ILLEGAL,
                   &riscv_helper_cbo_check);
}

static bool trans_cbo_clean(DisasContext *dc, const ArgsRs1 *a)
{
    return gen_cbo(dc, a, dc->cbcfe, &riscv_helper_cbo_check);
}

static bool trans_cbo_flush(DisasContext *dc, const ArgsRs1 *a)
{
    return gen_cbo(dc, a, dc->cbcfe, &riscv_helper_cbo_check);
}

static bool trans_cbo_zero(DisasContext *dc, const ArgsRs1 *a)
{
    return gen_cbo(dc, a, dc->cbze, &riscv_helper_cbo_zero);
}
