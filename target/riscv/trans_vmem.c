/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * V: loads and stores.
 *
 * Spec: Unprivileged ISA 20240411, 31.7. Data width and index width come from
 *       the encoding, the other one from vtype.
 */
#include "target/riscv/translate_v.h"
#include "target/riscv/riscv-trans-rvvmem.h"

/* Fields of the instruction (31.7.1). */
static unsigned insn_eew(const DisasContext *dc)
{
    return dc->insn >> 12 & 3; /* 0, 5, 6, 7 */
}

static int insn_nf(const DisasContext *dc)
{
    return (dc->insn >> 29) + 1;
}

static bool is_store(const DisasContext *dc)
{
    return (dc->insn & 0x7f) == 0x27;
}

static bool eew_legal(const DisasContext *dc, int eew)
{
    return 8 << eew <= dc->cfg->elen;
}

/* All fields' registers are there: EMUL * NFIELDS <= 8 (31.7.8). */
static bool fields_fit(int vd, int emul, int nf)
{
    int n = emul > 0 ? 1 << emul : 1;

    return v_group(vd, emul) && n * nf <= 8 && vd + n * nf <= 32;
}

/* Bytes in a row. */
static TcgVecOp host_of(const DisasContext *dc, unsigned op, int vd,
                        VecDesc more)
{
    unsigned log = bits_get(more, VD_SEW, 2), bytes = 0;
    bool all = op == V_MEM_WHOLE, masked = bits_get(more, VD_MASKED, 1);

    if (bits_get(more, VD_NF, 3) == 0) {
        if (op == V_MEM_UNIT || (op == V_MEM_FF && !masked)) {
            bytes = v_vlmax(dc) << log;
        } else if (op == V_MEM_MASK) {
            bytes = (v_vlmax(dc) + 7) / 8; /* of bits */
        } else if (all) {
            bytes = dc->cfg->vlenb << bits_get(more, VD_EMUL, 4);
        }
    }
    if (bytes == 0 || bytes > 512 || (dc->vill && !all)) {
        return (TcgVecOp){ .fn = TCG_VEC_NONE };
    }
    return v_host_mem(dc, vd, bytes, log, is_store(dc), masked, all);
}

static void call_mem(DisasContext *dc, unsigned op, int vd, int rs1,
                     VecDesc more, TcgVal aux)
{
    VecDesc desc = (VecDesc)op << VD_OP | v_reg(dc, VD_D, vd) |
                   (VecDesc)dc->mmu << VD_MMU |
                   (VecDesc)!dc->cfg->misaligned << VD_ALIGN |
                   (VecDesc)(is_store(dc) ? V_MEM_STORE : 0) << VD_AUX | more;

    TcgVecOp host = host_of(dc, op, vd, more);

    if (op == V_MEM_UNIT && !dc->vstart && bits_get(more, VD_NF, 3) <= 3 &&
        bits_get(more, VD_MASKED, 1) == 0) {
        v_call(dc, &riscv_helper_v_unit, &host,
               tcg_const(dc->tb, (int64_t)desc), address_of(dc, rs1, 0));
        return;
    }
    v_call(dc, &riscv_helper_v_mem, &host, tcg_const(dc->tb, (int64_t)desc),
           address_of(dc, rs1, 0), aux);
    v_done(dc);
}

/* Width, fields and mask of a descriptor. */
static VecDesc shape_of(int log, int emul, int nf, bool masked)
{
    return (VecDesc)log << VD_SEW | (VecDesc)MAX(emul, 0) << VD_EMUL |
           (VecDesc)(nf - 1) << VD_NF | (VecDesc)masked << VD_MASKED;
}

static bool gen_unit(DisasContext *dc, unsigned op, int vd, int rs1, int vm,
                     TcgVal stride)
{
    int eew = insn_eew(dc), nf = insn_nf(dc), emul;

    if (!v_on(dc) || dc->vill || !eew_legal(dc, eew)) {
        return false;
    }
    emul = eew - dc->vsew + dc->vlmul;
    if (!fields_fit(vd, emul, nf) || (!vm && vd == 0 && !is_store(dc))) {
        return false;
    }
    if (v_go(dc)) {
        call_mem(dc, op, vd, rs1, shape_of(eew, emul, nf, !vm), stride);
    }
    return true;
}

static bool trans_via_v_unit(DisasContext *dc, RiscvInsn insn,
                             const ArgsRs1VdVm *a)
{
    return gen_unit(dc, V_MEM_UNIT, a->vd, a->rs1, a->vm, tcg_const(dc->tb, 0));
}

static bool trans_via_v_ff(DisasContext *dc, RiscvInsn insn,
                           const ArgsRs1VdVm *a)
{
    return gen_unit(dc, V_MEM_FF, a->vd, a->rs1, a->vm, tcg_const(dc->tb, 0));
}

static bool trans_via_v_strided(DisasContext *dc, RiscvInsn insn,
                                const ArgsRs1Rs2VdVm *a)
{
    return gen_unit(dc, V_MEM_STRIDED, a->vd, a->rs1, a->vm,
                    gpr_read64(dc, a->rs2));
}

/* Data of SEW, indexes of the width in the encoding. */
static bool trans_via_v_indexed(DisasContext *dc, RiscvInsn insn,
                                const ArgsRs1VdVmVs2 *a)
{
    int eew = insn_eew(dc), nf = insn_nf(dc), emul, n;

    if (!v_on(dc) || dc->vill || !eew_legal(dc, eew) ||
        (eew == 3 && is_rv32(dc))) { /* 31.18.2: EEW <= XLEN */
        return false;
    }
    emul = eew - dc->vsew + dc->vlmul;
    if (!v_group(a->vs2, emul) || !fields_fit(a->vd, dc->vlmul, nf)) {
        return false;
    }
    n = dc->vlmul > 0 ? 1 << dc->vlmul : 1;
    for (int f = 0; f < nf && !is_store(dc); f++) {
        /* a segment's fields may not overlap the indexes at all (31.7.8.3) */
        if (nf > 1 ? v_overlap(a->vd + f * n, dc->vlmul, a->vs2, emul)
                   : !v_may_overlap(a->vd, dc->vsew, dc->vlmul, a->vs2, eew,
                                    emul)) {
            return false;
        }
    }
    if (!a->vm && (a->vd == 0 || a->vs2 == 0)) {
        return false;
    }
    /* nor may a store read a register with two widths (31.5.2) */
    for (int f = 0; f < nf && is_store(dc) && eew != dc->vsew; f++) {
        if (v_overlap(a->vd + f * n, dc->vlmul, a->vs2, emul)) {
            return false;
        }
    }
    if (v_go(dc)) {
        call_mem(dc, V_MEM_INDEXED, a->vd, a->rs1,
                 shape_of(dc->vsew, dc->vlmul, nf, !a->vm) |
                     v_reg(dc, VD_S2, a->vs2) | (VecDesc)eew << VD_EEW,
                 tcg_const(dc->tb, 0));
    }
    return true;
}

/* vl<n>re<eew>.v, vs<n>r.v: vtype does not matter (31.7.9). */
static bool trans_via_v_whole(DisasContext *dc, RiscvInsn insn,
                              const ArgsRs1Vd *a)
{
    int eew = insn_eew(dc), emul = (int)__builtin_ctz(insn_nf(dc));

    if (!v_on(dc) || !eew_legal(dc, eew) || !v_group(a->vd, emul)) {
        return false;
    }
    if (v_go(dc)) {
        call_mem(dc, V_MEM_WHOLE, a->vd, a->rs1, shape_of(eew, emul, 1, false),
                 tcg_const(dc->tb, 0));
    }
    return true;
}

/* vlm.v, vsm.v: ceil(vl / 8) bytes (31.7.4). */
static bool trans_via_v_maskmem(DisasContext *dc, RiscvInsn insn,
                                const ArgsRs1Vd *a)
{
    if (!v_on(dc) || dc->vill) {
        return false;
    }
    if (v_go(dc)) {
        call_mem(dc, V_MEM_MASK, a->vd, a->rs1, shape_of(0, 0, 1, false),
                 tcg_const(dc->tb, 0));
    }
    return true;
}
