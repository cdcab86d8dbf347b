/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * V: configuration, arithmetic, masks, permutations.
 *
 * Spec: Unprivileged ISA 20240411, chapter 31; Priv 3.1.6.6 (VS).
 *
 * vtype is part of the context (CTX_VSEW, CTX_VLMUL), so what is legal is
 * settled here; an instruction becomes one call with a constant, VecDesc.
 */
#include "target/riscv/translate_v.h"
#include "target/riscv/riscv-trans-rvv.h"

/* --- state (31.3) --- */

bool v_on(const DisasContext *dc)
{
    return dc->vs != CTX_FS_OFF;
}

/* As v_on, for what needs a legal vtype. */
static bool v_typed(const DisasContext *dc)
{
    return v_on(dc) && !dc->vill;
}

bool v_go(DisasContext *dc)
{
    if (dc->vs == CTX_FS_DIRTY) {
        return true;
    }
    tcg_call0(dc->tb, &riscv_helper_vs_dirty);
    tcg_exit_indirect(dc->tb, tcg_const_pc(dc->tb, dc->pc),
                      TCG_EXIT_CTX_CHANGED);
    return false;
}

bool v_done(DisasContext *dc)
{
    if (dc->vstart) {
        tcg_env_st(dc->tb, offsetof(RiscvEnv, vstart), tcg_const32(dc->tb, 0),
                   MO_32);
        tcg_call0(dc->tb, &riscv_helper_ctx_changed);
        gen_end_ctx_changed(dc);
    }
    return true;
}

VecDesc v_reg(const DisasContext *dc, unsigned field, int r)
{
    return (VecDesc)(r * dc->cfg->vlenb / 16) << field;
}

/* The parts of a descriptor that every instruction has. */
static VecDesc desc_of(const DisasContext *dc, unsigned op, bool masked)
{
    return (VecDesc)op << VD_OP | (VecDesc)dc->vsew << VD_SEW |
           (VecDesc)masked << VD_MASKED |
           (VecDesc)((int)__builtin_ctz(dc->cfg->vlenb) + dc->vlmul - dc->vsew)
               << VD_VLMAX;
}

static TcgVal const_desc(DisasContext *dc, VecDesc desc)
{
    return tcg_const(dc->tb, (int64_t)desc);
}

/* --- register groups (31.3.4.2, 31.5.2) --- */

bool v_group(int r, int emul)
{
    return emul >= -3 && emul <= 3 && (emul <= 0 || r % (1 << emul) == 0);
}

bool v_overlap(int a, int a_emul, int b, int b_emul)
{
    int an = a_emul > 0 ? 1 << a_emul : 1, bn = b_emul > 0 ? 1 << b_emul : 1;

    return a < b + bn && b < a + an;
}

bool v_may_overlap(int d, int d_eew, int d_emul, int s, int s_eew, int s_emul)
{
    int dn = d_emul > 0 ? 1 << d_emul : 1, sn = s_emul > 0 ? 1 << s_emul : 1;

    if (!v_overlap(d, d_emul, s, s_emul) || d_eew == s_eew) {
        return true;
    }
    if (d_eew < s_eew) {
        return d == s; /* the lowest part of the source */
    }
    return s_emul >= 0 && s + sn == d + dn; /* the highest of the result */
}

/* --- what an operation may do --- */

static int elen_log(const DisasContext *dc)
{
    return (int)__builtin_ctz(dc->cfg->elen) - 3;
}

static int width_delta(int8_t width)
{
    return width >= 0 ? width : width + 1;
}

static bool eew_exists(const DisasContext *dc, int eew)
{
    return eew >= 0 && eew <= elen_log(dc);
}

/* Is there floating point of this width (log2 of bytes)? */
static bool fp_exists(const DisasContext *dc, int eew, bool conversion)
{
    switch (eew) {
    case 1:
        return has_ext(dc, RISCV_EXT_ZVFH) ||
               (conversion && has_ext(dc, RISCV_EXT_ZVFHMIN));
    case 2:
        return has_ext(dc, RISCV_EXT_ZVE32F);
    case 3:
        return has_ext(dc, RISCV_EXT_ZVE64D);
    default:
        return false;
    }
}

/* The widths of an operation's floating-point operands: bit 0 SEW, bit 1
 * twice that. */
static unsigned fp_widths(VecOp op)
{
    const VecShape *s = &vec_shapes[op];

    if (op >= VOP_FWCVT_XU_F && op <= VOP_FWCVT_RTZ_X_F) {
        return 1;
    }
    if (op == VOP_FWCVT_F_XU || op == VOP_FWCVT_F_X ||
        (op >= VOP_FNCVT_XU_F && op <= VOP_FNCVT_RTZ_X_F)) {
        return 2;
    }
    if (op == VOP_FNCVT_F_XU || op == VOP_FNCVT_F_X) {
        return 1;
    }
    return s->d == 1 || s->a == 1 ? 3 : 1;
}

static bool fp_legal(const DisasContext *dc, VecOp op)
{
    bool conversion = op == VOP_FWCVT_F_F || op == VOP_FNCVT_F_F;
    unsigned widths = fp_widths(op);

    return dc->fs != CTX_FS_OFF && dc->frm <= FLOAT_ROUND_NEAREST_AWAY &&
           (!(widths & 1) || fp_exists(dc, dc->vsew, conversion)) &&
           (!(widths & 2) || fp_exists(dc, dc->vsew + 1, conversion));
}

/* High products of 64 bits are V's alone (31.18.2). */
static bool op_exists(const DisasContext *dc, VecOp op)
{
    bool high =
        op == VOP_MULH || op == VOP_MULHU || op == VOP_MULHSU || op == VOP_SMUL;

    return !high || dc->vsew < 3 || has_ext(dc, RISCV_EXT_V);
}

typedef struct Source {
    int reg, eew, emul;
} Source;

static bool source_legal(Source s, int vd, int d_eew, int d_emul)
{
    return v_group(s.reg, s.emul) &&
           v_may_overlap(vd, d_eew, d_emul, s.reg, s.eew, s.emul);
}

/* A register read with two widths is reserved (31.5.2); the mask is one
 * of 1 bit. Refused where the peer does so: not for mask results. */
static const Source mask_source = { 0, -3, 0 };

static bool clashes(Source a, Source b, bool both_read)
{
    return both_read && a.eew != b.eew &&
           v_overlap(a.reg, a.emul, b.reg, b.emul);
}

/* @vs1: -1 when there is no such register. */
static bool op_legal(const DisasContext *dc, VecOp op, int vd, int vs2, int vs1,
                     bool masked)
{
    const VecShape *s = &vec_shapes[op];
    bool is_mask = s->d == V_MASK, red = s->flags & VF_RED;
    int d_delta = is_mask ? 0 : width_delta(s->d);
    int d_eew = is_mask ? -3 : dc->vsew + d_delta; /* 1 bit: below all */
    int d_emul = is_mask ? 0 : dc->vlmul + d_delta;
    Source a = { vs2, dc->vsew + width_delta(s->a),
                 dc->vlmul + width_delta(s->a) };
    Source old_d = { vd, d_eew, d_emul };

    if (!v_typed(dc) || !op_exists(dc, op) ||
        ((s->flags & VF_FP) && !fp_legal(dc, op)) || !eew_exists(dc, a.eew) ||
        !eew_exists(dc, dc->vsew + d_delta)) {
        return false;
    }
    if (red) { /* vd and vs1 are scalars in one register (31.14) */
        return !dc->vstart && v_group(vs2, a.emul);
    }
    if ((masked && vd == 0 && !is_mask) || !v_group(vd, d_emul) ||
        !source_legal(a, vd, d_eew, d_emul)) {
        return false;
    }
    if (clashes(a, mask_source, masked && !is_mask) ||
        clashes(a, old_d, s->flags & VF_READS_D)) {
        return false;
    }
    if (vs1 >= 0 && s->b != V_NONE) {
        Source b = { vs1, dc->vsew, dc->vlmul };

        return source_legal(b, vd, d_eew, d_emul) && !clashes(a, b, true) &&
               !clashes(b, mask_source, masked && !is_mask) &&
               !clashes(b, old_d, s->flags & VF_READS_D);
    }
    return true;
}

/* Flags and rounding: FS as for a scalar operation. False: not now. */
static bool fp_go(DisasContext *dc, VecOp op)
{
    return !(vec_shapes[op].flags & VF_FP) || fp_gate(dc, true) == FP_GO;
}

/* Legal and in the right state: emit. @scalar: NULL for vs1 or no operand. */
static void emit_op(DisasContext *dc, VecOp op, int vd, int vs2, int vs1,
                    bool masked, const TcgVal *scalar)
{
    const VecShape *s = &vec_shapes[op];
    bool soft = (s->flags & VF_FP) &&
                (dc->soft_fp || dc->frm == FLOAT_ROUND_NEAREST_AWAY);
    VecDesc desc = desc_of(dc, op, masked) | v_reg(dc, VD_D, vd) |
                   v_reg(dc, VD_S2, vs2) | (VecDesc)soft << VD_SOFT |
                   (VecDesc)(scalar != NULL) << VD_SCALAR;

    if (vs1 >= 0) {
        desc |= v_reg(dc, VD_S1, vs1);
    }
    TcgVal x = scalar != NULL ? *scalar : tcg_const(dc->tb, 0);
    TcgVecOp host = v_host_op(dc, op, vd, vs2, vs1, masked, scalar != NULL);

    if (soft) {
        host.fn = TCG_VEC_NONE;
    }
    if (masked || soft || dc->vstart || s->d == V_MASK) {
        v_call(dc, &riscv_helper_v_op, &host, const_desc(dc, desc), x);
        return;
    }
    if (vs1 < 0 && scalar == NULL) {
        desc |= v_reg(dc, VD_S1, vs2); /* any that can be read */
    }
    v_call(dc,
           s->flags & VF_FP ? &riscv_helper_v_fast_fp : &riscv_helper_v_fast,
           &host, const_desc(dc, desc), x,
           tcg_const(dc->tb,
                     (int64_t)(uintptr_t)vec_kernels_host(
                         tcg_context_features(dc->tb->ctx))[op][dc->vsew]));
}

static bool gen_op(DisasContext *dc, VecOp op, int vd, int vs2, int vs1,
                   bool masked)
{
    if (!op_legal(dc, op, vd, vs2, vs1, masked)) {
        return false;
    }
    if (v_go(dc) && fp_go(dc, op)) {
        emit_op(dc, op, vd, vs2, vs1, masked, NULL);
        v_done(dc);
    }
    return true;
}

static bool gen_op_scalar(DisasContext *dc, VecOp op, int vd, int vs2,
                          bool masked, TcgVal scalar)
{
    if (!op_legal(dc, op, vd, vs2, -1, masked)) {
        return false;
    }
    if (v_go(dc) && fp_go(dc, op)) {
        emit_op(dc, op, vd, vs2, -1, masked, &scalar);
        v_done(dc);
    }
    return true;
}

/* --- instruction to operation --- */

/* clang-format off */
#define R(n) RISCV_INSN_##n
#define VV(n, op)  [R(n##_VV)] = VOP_##op,
#define VX(n, op)  [R(n##_VX)] = VOP_##op,
#define VI(n, op)  [R(n##_VI)] = VOP_##op,
#define VF(n, op)  [R(n##_VF)] = VOP_##op,
#define VVX(n, op) VV(n, op) VX(n, op)
#define VVXI(n, op) VV(n, op) VX(n, op) VI(n, op)
#define VXI(n, op) VX(n, op) VI(n, op)
#define VVF(n, op) VV(n, op) VF(n, op)
#define WVX(n, op) [R(n##_WV)] = VOP_##op, [R(n##_WX)] = VOP_##op,
#define WVXI(n, op) WVX(n, op) [R(n##_WI)] = VOP_##op,
#define WVF(n, op) [R(n##_WV)] = VOP_##op, [R(n##_WF)] = VOP_##op,
#define VS(n, op)  [R(n##_VS)] = VOP_##op,
#define UN(n, op)  [R(n)] = VOP_##op,
static const uint8_t op_of[RISCV_INSN_COUNT] = {
    VVXI(VADD, ADD) VVX(VSUB, SUB) VXI(VRSUB, RSUB) VVX(VMINU, MINU)
    VVX(VMIN, MIN) VVX(VMAXU, MAXU) VVX(VMAX, MAX) VVXI(VAND, AND)
    VVXI(VOR, OR) VVXI(VXOR, XOR) VVXI(VMSEQ, MSEQ) VVXI(VMSNE, MSNE)
    VVX(VMSLTU, MSLTU) VVX(VMSLT, MSLT) VVXI(VMSLEU, MSLEU) VVXI(VMSLE, MSLE)
    VXI(VMSGTU, MSGTU) VXI(VMSGT, MSGT) VVXI(VSADDU, SADDU) VVXI(VSADD, SADD)
    VVX(VSSUBU, SSUBU) VVX(VSSUB, SSUB) VVXI(VSLL, SLL) VVX(VSMUL, SMUL)
    VVXI(VSRL, SRL) VVXI(VSRA, SRA) VVXI(VSSRL, SSRL) VVXI(VSSRA, SSRA)
    VVX(VAADDU, AADDU) VVX(VAADD, AADD) VVX(VASUBU, ASUBU) VVX(VASUB, ASUB)
    VVX(VDIVU, DIVU) VVX(VDIV, DIV) VVX(VREMU, REMU) VVX(VREM, REM)
    VVX(VMULHU, MULHU) VVX(VMUL, MUL) VVX(VMULHSU, MULHSU) VVX(VMULH, MULH)
    VVX(VMADD, MADD) VVX(VNMSUB, NMSUB) VVX(VMACC, MACC) VVX(VNMSAC, NMSAC)
    VVX(VWADDU, WADDU) VVX(VWADD, WADD) VVX(VWSUBU, WSUBU) VVX(VWSUB, WSUB)
    WVX(VWADDU, WADDUW) WVX(VWADD, WADDW) WVX(VWSUBU, WSUBUW)
    WVX(VWSUB, WSUBW) VVX(VWMULU, WMULU) VVX(VWMULSU, WMULSU)
    VVX(VWMUL, WMUL) VVX(VWMACCU, WMACCU) VVX(VWMACC, WMACC)
    VX(VWMACCUS, WMACCUS) VVX(VWMACCSU, WMACCSU)
    WVXI(VNSRL, NSRL) WVXI(VNSRA, NSRA) WVXI(VNCLIPU, NCLIPU)
    WVXI(VNCLIP, NCLIP)
    VS(VWREDSUMU, WREDSUMU) VS(VWREDSUM, WREDSUM) VS(VREDSUM, REDSUM)
    VS(VREDAND, REDAND) VS(VREDOR, REDOR) VS(VREDXOR, REDXOR)
    VS(VREDMINU, REDMINU) VS(VREDMIN, REDMIN) VS(VREDMAXU, REDMAXU)
    VS(VREDMAX, REDMAX) VS(VFREDUSUM, FREDUSUM) VS(VFREDOSUM, FREDOSUM)
    VS(VFREDMIN, FREDMIN) VS(VFREDMAX, FREDMAX) VS(VFWREDUSUM, FWREDUSUM)
    VS(VFWREDOSUM, FWREDOSUM)
    VVF(VFADD, FADD) VVF(VFSUB, FSUB) VVF(VFMIN, FMIN) VVF(VFMAX, FMAX)
    VVF(VFSGNJ, FSGNJ) VVF(VFSGNJN, FSGNJN) VVF(VFSGNJX, FSGNJX)
    VVF(VMFEQ, MFEQ) VVF(VMFLE, MFLE) VVF(VMFLT, MFLT) VVF(VMFNE, MFNE)
    VF(VMFGT, MFGT) VF(VMFGE, MFGE) VVF(VFDIV, FDIV) VF(VFRDIV, FRDIV)
    VVF(VFMUL, FMUL) VF(VFRSUB, FRSUB) VVF(VFMADD, FMADD)
    VVF(VFNMADD, FNMADD) VVF(VFMSUB, FMSUB) VVF(VFNMSUB, FNMSUB)
    VVF(VFMACC, FMACC) VVF(VFNMACC, FNMACC) VVF(VFMSAC, FMSAC)
    VVF(VFNMSAC, FNMSAC) VVF(VFWADD, FWADD) VVF(VFWSUB, FWSUB)
    WVF(VFWADD, FWADDW) WVF(VFWSUB, FWSUBW) VVF(VFWMUL, FWMUL)
    VVF(VFWMACC, FWMACC) VVF(VFWNMACC, FWNMACC) VVF(VFWMSAC, FWMSAC)
    VVF(VFWNMSAC, FWNMSAC)
    UN(VFCVT_XU_F_V, FCVT_XU_F) UN(VFCVT_X_F_V, FCVT_X_F)
    UN(VFCVT_F_XU_V, FCVT_F_XU) UN(VFCVT_F_X_V, FCVT_F_X)
    UN(VFCVT_RTZ_XU_F_V, FCVT_RTZ_XU_F) UN(VFCVT_RTZ_X_F_V, FCVT_RTZ_X_F)
    UN(VFWCVT_XU_F_V, FWCVT_XU_F) UN(VFWCVT_X_F_V, FWCVT_X_F)
    UN(VFWCVT_F_XU_V, FWCVT_F_XU) UN(VFWCVT_F_X_V, FWCVT_F_X)
    UN(VFWCVT_F_F_V, FWCVT_F_F) UN(VFWCVT_RTZ_XU_F_V, FWCVT_RTZ_XU_F)
    UN(VFWCVT_RTZ_X_F_V, FWCVT_RTZ_X_F)
    UN(VFNCVT_XU_F_W, FNCVT_XU_F) UN(VFNCVT_X_F_W, FNCVT_X_F)
    UN(VFNCVT_F_XU_W, FNCVT_F_XU) UN(VFNCVT_F_X_W, FNCVT_F_X)
    UN(VFNCVT_F_F_W, FNCVT_F_F) UN(VFNCVT_ROD_F_F_W, FNCVT_ROD_F_F)
    UN(VFNCVT_RTZ_XU_F_W, FNCVT_RTZ_XU_F) UN(VFNCVT_RTZ_X_F_W, FNCVT_RTZ_X_F)
    UN(VFSQRT_V, FSQRT) UN(VFRSQRT7_V, FRSQRT7) UN(VFREC7_V, FREC7)
    UN(VFCLASS_V, FCLASS)
    UN(VZEXT_VF8, ZEXT8) UN(VSEXT_VF8, SEXT8) UN(VZEXT_VF4, ZEXT4)
    UN(VSEXT_VF4, SEXT4) UN(VZEXT_VF2, ZEXT2) UN(VSEXT_VF2, SEXT2)
};
#undef R
/* clang-format on */

static bool trans_via_v_vv(DisasContext *dc, RiscvInsn insn,
                           const ArgsVdVmVs1Vs2 *a)
{
    return gen_op(dc, op_of[insn], a->vd, a->vs2, a->vs1, !a->vm);
}

static bool trans_via_v_vx(DisasContext *dc, RiscvInsn insn,
                           const ArgsRs1VdVmVs2 *a)
{
    return gen_op_scalar(dc, op_of[insn], a->vd, a->vs2, !a->vm,
                         gpr_read64(dc, a->rs1));
}

static bool trans_via_v_vi(DisasContext *dc, RiscvInsn insn,
                           const ArgsImmVdVmVs2 *a)
{
    return gen_op_scalar(dc, op_of[insn], a->vd, a->vs2, !a->vm,
                         tcg_const(dc->tb, a->imm));
}

static bool trans_via_v_red(DisasContext *dc, RiscvInsn insn,
                            const ArgsVdVmVs1Vs2 *a)
{
    return gen_op(dc, op_of[insn], a->vd, a->vs2, a->vs1, !a->vm);
}

static bool trans_via_v_fvv(DisasContext *dc, RiscvInsn insn,
                            const ArgsVdVmVs1Vs2 *a)
{
    return gen_op(dc, op_of[insn], a->vd, a->vs2, a->vs1, !a->vm);
}

/* The f-register as SEW bits; the NaN unless boxed (31.13). */
static TcgVal fp_scalar(DisasContext *dc, int r)
{
    switch (dc->vsew) {
    case 1:
        return tcg_zext32(dc->tb, half_read(dc, r));
    case 2:
        return tcg_zext32(dc->tb,
                          tcg_bits_of_fp(dc->tb, fp_read(dc, TCG_F32, r)));
    default:
        return fp_bits(dc, r);
    }
}

static bool trans_via_v_fvf(DisasContext *dc, RiscvInsn insn,
                            const ArgsRs1VdVmVs2 *a)
{
    return gen_op_scalar(dc, op_of[insn], a->vd, a->vs2, !a->vm,
                         fp_scalar(dc, a->rs1));
}

static bool trans_via_v_funary(DisasContext *dc, RiscvInsn insn,
                               const ArgsVdVmVs2 *a)
{
    return gen_op(dc, op_of[insn], a->vd, a->vs2, -1, !a->vm);
}

static bool trans_via_v_iunary(DisasContext *dc, RiscvInsn insn,
                               const ArgsVdVmVs2 *a)
{
    return gen_op(dc, op_of[insn], a->vd, a->vs2, -1, !a->vm);
}

/* --- configuration (31.6) --- */

static TcgVal avl_of(DisasContext *dc, int rd, int rs1, uint64_t vlmax)
{
    TcgVal limit = tcg_const(dc->tb, (int64_t)vlmax);

    if (rs1 != 0) {
        return tcg_umin(dc->tb, to_address(dc, gpr_read(dc, rs1)), limit);
    }
    if (rd != 0) {
        return limit;
    }
    /* the old vl; its VLMAX must be the same, else it is cut */
    return tcg_umin(
        dc->tb,
        tcg_zext32(dc->tb,
                   tcg_env_ld(dc->tb, TCG_I32, offsetof(RiscvEnv, vl), MO_32)),
        limit);
}

/* vl and vtype are set; the unit goes on where the context is the same. */
static void set_vtype(DisasContext *dc, uint64_t vtype, TcgVal vl, int rd)
{
    uint64_t ctx = dc->u->ctx_flags;
    unsigned sew = vtype >> 3 & 7;

    tcg_env_st(dc->tb, offsetof(RiscvEnv, vl), tcg_trunc(dc->tb, vl), MO_32);
    tcg_env_st(dc->tb, offsetof(RiscvEnv, vtype),
               tcg_const32(dc->tb, (int32_t)vtype), MO_32);
    tcg_env_st(dc->tb, offsetof(RiscvEnv, vstart), tcg_const32(dc->tb, 0),
               MO_32);
    gpr_write(dc, rd, vl);
    if (dc->vstart) {
        tcg_call0(dc->tb, &riscv_helper_ctx_changed);
        gen_end_ctx_changed(dc);
        return;
    }
    dc->vill = false;
    dc->vsew = (uint8_t)sew;
    dc->vlmul = (int8_t)bits_sext(vtype & 7, 3);
    dc->vtype_off = bits_get(ctx, CTX_VILL_SHIFT, 1) ||
                    bits_get(ctx, CTX_VSEW_SHIFT, 2) != sew ||
                    bits_get(ctx, CTX_VLMUL_SHIFT, 3) != (vtype & 7);
}

static bool gen_vset(DisasContext *dc, int rd, uint64_t vtype, int rs1,
                     const TcgVal *avl)
{
    uint64_t vlmax;
    TcgVal vl;

    if (!v_on(dc)) {
        return false;
    }
    if (!v_go(dc)) {
        return true;
    }
    if (!vec_vtype_legal(dc->cfg, vtype)) {
        tcg_env_st(dc->tb, offsetof(RiscvEnv, vstart), tcg_const32(dc->tb, 0),
                   MO_32);
        vl = tcg_const(dc->tb, 0);
        vtype = VTYPE_VILL;
        tcg_env_st(dc->tb, offsetof(RiscvEnv, vl), tcg_const32(dc->tb, 0),
                   MO_32);
        tcg_env_st(dc->tb, offsetof(RiscvEnv, vtype),
                   tcg_const32(dc->tb, (int32_t)VTYPE_VILL), MO_32);
        gpr_write(dc, rd, vl);
        tcg_call0(dc->tb, &riscv_helper_ctx_changed);
        gen_end_ctx_changed(dc);
        return true;
    }
    vlmax = (uint64_t)1 << vec_vlmax_log(dc->cfg, vtype);
    vl = avl != NULL ? tcg_umin(dc->tb, *avl, tcg_const(dc->tb, (int64_t)vlmax))
                     : avl_of(dc, rd, rs1, vlmax);
    set_vtype(dc, vtype, vl, rd);
    return true;
}

static bool trans_vsetvli(DisasContext *dc, const ArgsRdRs1Vtype *a)
{
    return gen_vset(dc, a->rd, a->vtype, a->rs1, NULL);
}

static bool trans_vsetivli(DisasContext *dc, const ArgsRdImmVtype *a)
{
    TcgVal avl = tcg_const(dc->tb, a->imm);

    return gen_vset(dc, a->rd, a->vtype, 0, &avl);
}

static bool trans_vsetvl(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    if (!v_on(dc)) {
        return false;
    }
    if (v_go(dc)) {
        TcgVal vl = tcg_call_args(
            dc->tb, &riscv_helper_vsetvl, gpr_read64(dc, a->rs1),
            gpr_read64(dc, a->rs2), tcg_const32(dc->tb, dc->insn));

        gpr_write(dc, a->rd, vl);
        gen_end_ctx_changed(dc);
    }
    return true;
}

/* --- carries, merges, fills (31.11.4, 31.11.15, 31.11.16) --- */

static bool carry_legal(const DisasContext *dc, bool to_mask, bool merge,
                        int vd, int vs2, int vs1)
{
    Source a = { vs2, dc->vsew, dc->vlmul }, b = { vs1, dc->vsew, dc->vlmul };
    int d_eew = to_mask ? -3 : dc->vsew, d_emul = to_mask ? 0 : dc->vlmul;

    if (merge &&
        (clashes(a, mask_source, true) || clashes(b, mask_source, vs1 >= 0))) {
        return false;
    }
    return v_typed(dc) && (to_mask || vd != 0) && v_group(vd, d_emul) &&
           source_legal(a, vd, d_eew, d_emul) &&
           (vs1 < 0 || source_legal(b, vd, d_eew, d_emul));
}

static bool gen_carry(DisasContext *dc, RiscvInsn insn, int vd, int vs2,
                      int vs1, const TcgVal *scalar)
{
    static const struct {
        RiscvInsn insn[3];
        uint8_t op;
        bool in;
    } rows[] = {
        { { RISCV_INSN_VADC_VVM, RISCV_INSN_VADC_VXM, RISCV_INSN_VADC_VIM },
          V_CARRY_ADC,
          true },
        { { RISCV_INSN_VSBC_VVM, RISCV_INSN_VSBC_VXM }, V_CARRY_SBC, true },
        { { RISCV_INSN_VMADC_VVM, RISCV_INSN_VMADC_VXM, RISCV_INSN_VMADC_VIM },
          V_CARRY_MADC,
          true },
        { { RISCV_INSN_VMADC_VV, RISCV_INSN_VMADC_VX, RISCV_INSN_VMADC_VI },
          V_CARRY_MADC,
          false },
        { { RISCV_INSN_VMSBC_VVM, RISCV_INSN_VMSBC_VXM }, V_CARRY_MSBC, true },
        { { RISCV_INSN_VMSBC_VV, RISCV_INSN_VMSBC_VX }, V_CARRY_MSBC, false },
    };
    const TcgHelper *h = &riscv_helper_v_merge;
    unsigned op = 0;
    bool in = true, to_mask = false;
    VecDesc desc;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned k = 0; k < 3; k++) {
            if (rows[i].insn[k] == insn) {
                h = &riscv_helper_v_carry;
                op = rows[i].op;
                in = rows[i].in;
                to_mask = op == V_CARRY_MADC || op == V_CARRY_MSBC;
            }
        }
    }
    if (!carry_legal(dc, to_mask, h == &riscv_helper_v_merge, vd, vs2, vs1)) {
        return false;
    }
    if (v_go(dc)) {
        desc = desc_of(dc, op, in) | v_reg(dc, VD_D, vd) |
               v_reg(dc, VD_S2, vs2) | (VecDesc)(scalar != NULL) << VD_SCALAR;
        desc |= vs1 >= 0 ? v_reg(dc, VD_S1, vs1) : 0;
        TcgVecOp host = v_host_merge(dc, vd, vs2, vs1);

        if (h != &riscv_helper_v_merge) {
            host.fn = TCG_VEC_NONE;
        }
        v_call(dc, h, &host, const_desc(dc, desc),
               scalar != NULL ? *scalar : tcg_const(dc->tb, 0));
        v_done(dc);
    }
    return true;
}

static bool trans_via_v_carry_vv(DisasContext *dc, RiscvInsn insn,
                                 const ArgsVdVs1Vs2 *a)
{
    return gen_carry(dc, insn, a->vd, a->vs2, a->vs1, NULL);
}

static bool trans_via_v_carry_vx(DisasContext *dc, RiscvInsn insn,
                                 const ArgsRs1VdVs2 *a)
{
    TcgVal x = gpr_read64(dc, a->rs1);

    return gen_carry(dc, insn, a->vd, a->vs2, -1, &x);
}

static bool trans_via_v_carry_vi(DisasContext *dc, RiscvInsn insn,
                                 const ArgsImmVdVs2 *a)
{
    TcgVal x = tcg_const(dc->tb, a->imm);

    return gen_carry(dc, insn, a->vd, a->vs2, -1, &x);
}

/* FP of SEW that only moves bits. */
static bool fp_move_legal(const DisasContext *dc)
{
    return v_typed(dc) && dc->fs != CTX_FS_OFF &&
           dc->frm <= FLOAT_ROUND_NEAREST_AWAY &&
           fp_exists(dc, dc->vsew, false);
}

static bool trans_vfmerge_vfm(DisasContext *dc, const ArgsRs1VdVs2 *a)
{
    TcgVal x;

    if (!fp_move_legal(dc)) {
        return false;
    }
    x = fp_scalar(dc, a->rs1);
    return gen_carry(dc, RISCV_INSN_VFMERGE_VFM, a->vd, a->vs2, -1, &x);
}

static bool gen_fill(DisasContext *dc, int vd, int vs1, const TcgVal *scalar,
                     bool one)
{
    VecDesc desc;

    if (!v_typed(dc) || (!one && (!v_group(vd, dc->vlmul) ||
                                  (vs1 >= 0 && !v_group(vs1, dc->vlmul))))) {
        return false;
    }
    if (v_go(dc)) {
        desc = desc_of(dc, 0, false) | v_reg(dc, VD_D, vd) |
               (VecDesc)one << VD_AUX | (VecDesc)(scalar != NULL) << VD_SCALAR;
        desc |= vs1 >= 0 ? v_reg(dc, VD_S1, vs1) : 0;
        TcgVecOp host = v_host_fill(dc, vd, vs1);

        if (one) {
            host.fn = TCG_VEC_NONE;
        }
        v_call(dc, &riscv_helper_v_fill, &host, const_desc(dc, desc),
               scalar != NULL ? *scalar : tcg_const(dc->tb, 0));
        v_done(dc);
    }
    return true;
}

static bool trans_vmv_v_v(DisasContext *dc, const ArgsVdVs1 *a)
{
    return gen_fill(dc, a->vd, a->vs1, NULL, false);
}

static bool trans_vmv_v_i(DisasContext *dc, const ArgsImmVd *a)
{
    TcgVal x = tcg_const(dc->tb, a->imm);

    return gen_fill(dc, a->vd, -1, &x, false);
}

/* vmv.v.x and vmv.s.x: every element, or the first alone. */
static bool trans_via_v_fill_x(DisasContext *dc, RiscvInsn insn,
                               const ArgsRs1Vd *a)
{
    TcgVal x = gpr_read64(dc, a->rs1);

    return gen_fill(dc, a->vd, -1, &x, insn == RISCV_INSN_VMV_S_X);
}

static bool trans_via_v_fill_f(DisasContext *dc, RiscvInsn insn,
                               const ArgsRs1Vd *a)
{
    TcgVal x;

    if (!fp_move_legal(dc)) {
        return false;
    }
    x = fp_scalar(dc, a->rs1);
    return gen_fill(dc, a->vd, -1, &x, insn == RISCV_INSN_VFMV_S_F);
}

/* Element 0, whatever vl and vstart are (31.16.1). */
static TcgVal element_0(DisasContext *dc, int r, bool is_signed)
{
    uint32_t off = offsetof(RiscvEnv, vreg) + r * dc->cfg->vlenb;

    return tcg_env_ld(dc->tb, TCG_I64, off,
                      dc->vsew | (is_signed && dc->vsew < 3 ? MO_SIGN : 0));
}

static bool trans_vmv_x_s(DisasContext *dc, const ArgsRdVs2 *a)
{
    if (!v_typed(dc)) {
        return false;
    }
    if (v_go(dc)) {
        TcgVal v = element_0(dc, a->vs2, true);

        gpr_write(dc, a->rd, is_rv32(dc) ? tcg_trunc(dc->tb, v) : v);
        v_done(dc);
    }
    return true;
}

static bool trans_vfmv_f_s(DisasContext *dc, const ArgsRdVs2 *a)
{
    if (!fp_move_legal(dc)) {
        return false;
    }
    if (v_go(dc) && fp_gate(dc, true) == FP_GO) {
        TcgVal v = element_0(dc, a->vs2, false);

        if (dc->vsew < 3) { /* boxed */
            v = tcg_ori(dc->tb, v, (int64_t)(UINT64_MAX << (8 << dc->vsew)));
        }
        fp_write(dc, a->rd, tcg_fp_of_bits(dc->tb, v));
        v_done(dc);
    }
    return true;
}

/* --- masks (31.15) --- */

static void call_mask(DisasContext *dc, VecDesc desc)
{
    tcg_call_args(dc->tb, &riscv_helper_v_mask, const_desc(dc, desc));
    v_done(dc);
}

static bool trans_via_v_mm(DisasContext *dc, RiscvInsn insn,
                           const ArgsVdVs1Vs2 *a)
{
    static const RiscvInsn ops[] = {
        [V_MASK_ANDN] = RISCV_INSN_VMANDN_MM,
        [V_MASK_AND] = RISCV_INSN_VMAND_MM,
        [V_MASK_OR] = RISCV_INSN_VMOR_MM,
        [V_MASK_XOR] = RISCV_INSN_VMXOR_MM,
        [V_MASK_ORN] = RISCV_INSN_VMORN_MM,
        [V_MASK_NAND] = RISCV_INSN_VMNAND_MM,
        [V_MASK_NOR] = RISCV_INSN_VMNOR_MM,
        [V_MASK_XNOR] = RISCV_INSN_VMXNOR_MM,
    };
    unsigned op = 0;

    if (!v_typed(dc)) {
        return false;
    }
    while (ops[op] != insn) {
        op++;
    }
    if (v_go(dc)) {
        VecDesc desc = desc_of(dc, op, false) | v_reg(dc, VD_D, a->vd) |
                       v_reg(dc, VD_S2, a->vs2) | v_reg(dc, VD_S1, a->vs1);
        TcgVecOp host = v_host_masks(dc, op, a->vd, a->vs2, a->vs1);

        v_call(dc, &riscv_helper_v_mask, &host, const_desc(dc, desc));
        v_done(dc);
    }
    return true;
}

/* vstart must be 0, and the result apart from the sources (31.15.4 to 8). */
static bool trans_via_v_mset(DisasContext *dc, RiscvInsn insn,
                             const ArgsVdVmVs2 *a)
{
    bool iota = insn == RISCV_INSN_VIOTA_M;
    unsigned op = insn == RISCV_INSN_VMSBF_M   ? V_MASK_SBF
                  : insn == RISCV_INSN_VMSOF_M ? V_MASK_SOF
                  : insn == RISCV_INSN_VMSIF_M ? V_MASK_SIF
                                               : V_MASK_IOTA;
    int emul = iota ? dc->vlmul : 0;

    if (!v_typed(dc) || dc->vstart || !v_group(a->vd, emul) ||
        v_overlap(a->vd, emul, a->vs2, 0) || (!a->vm && a->vd == 0)) {
        return false;
    }
    if (v_go(dc)) {
        call_mask(dc, desc_of(dc, op, !a->vm) | v_reg(dc, VD_D, a->vd) |
                          v_reg(dc, VD_S2, a->vs2));
    }
    return true;
}

static bool trans_vid_v(DisasContext *dc, const ArgsVdVm *a)
{
    if (!v_typed(dc) || !v_group(a->vd, dc->vlmul) || (!a->vm && a->vd == 0)) {
        return false;
    }
    if (v_go(dc)) {
        call_mask(dc, desc_of(dc, V_MASK_ID, !a->vm) | v_reg(dc, VD_D, a->vd));
    }
    return true;
}

static bool trans_via_v_count(DisasContext *dc, RiscvInsn insn,
                              const ArgsRdVmVs2 *a)
{
    bool count = insn == RISCV_INSN_VCPOP_M;
    const TcgHelper *h = count ? &riscv_helper_v_cpop : &riscv_helper_v_first;
    TcgVecFn fn = count ? TCG_VEC_CPOP : TCG_VEC_FIRST;

    if (!v_typed(dc) || dc->vstart) {
        return false;
    }
    if (v_go(dc)) {
        VecDesc desc = desc_of(dc, 0, !a->vm) | v_reg(dc, VD_S2, a->vs2);

        TcgVecOp host = v_host_count(dc, fn, a->vs2, !a->vm);

        gpr_write(dc, a->rd, v_call(dc, h, &host, const_desc(dc, desc)));
    }
    return true;
}

/* --- permutations (31.16) --- */

static void call_perm(DisasContext *dc, VecDesc desc, TcgVal scalar,
                      const TcgVecOp *host)
{
    v_call(dc, &riscv_helper_v_perm, host, const_desc(dc, desc), scalar);
    v_done(dc);
}

/* @apart: the result may not overlap vs2. */
static bool perm_legal(const DisasContext *dc, int vd, int vs2, bool masked,
                       bool apart)
{
    return v_typed(dc) && v_group(vd, dc->vlmul) && v_group(vs2, dc->vlmul) &&
           !(masked && (vd == 0 || vs2 == 0)) && /* aligned: 0 holds v0 */
           !(apart && v_overlap(vd, dc->vlmul, vs2, dc->vlmul));
}

static bool gen_perm(DisasContext *dc, unsigned op, int vd, int vs2,
                     bool masked, TcgVal scalar)
{
    bool apart = op != V_PERM_DOWN && op != V_PERM_DOWN1;

    if (!perm_legal(dc, vd, vs2, masked, apart)) {
        return false;
    }
    if (v_go(dc)) {
        uint64_t by = UINT64_MAX;
        TcgVecOp host;

        tcg_val_const(dc->tb, scalar, &by);
        host = v_host_perm(dc, op, vd, vs2, -1, masked, by < 32 ? (int)by : -1);
        call_perm(dc,
                  desc_of(dc, op, masked) | v_reg(dc, VD_D, vd) |
                      v_reg(dc, VD_S2, vs2),
                  scalar, &host);
    }
    return true;
}

static unsigned slide_op(RiscvInsn insn)
{
    switch (insn) {
    case RISCV_INSN_VSLIDEUP_VX:
    case RISCV_INSN_VSLIDEUP_VI:
        return V_PERM_UP;
    case RISCV_INSN_VSLIDEDOWN_VX:
    case RISCV_INSN_VSLIDEDOWN_VI:
        return V_PERM_DOWN;
    case RISCV_INSN_VSLIDE1UP_VX:
        return V_PERM_UP1;
    case RISCV_INSN_VSLIDE1DOWN_VX:
        return V_PERM_DOWN1;
    default:
        return V_PERM_GATHER_X;
    }
}

static bool trans_via_v_slide_x(DisasContext *dc, RiscvInsn insn,
                                const ArgsRs1VdVmVs2 *a)
{
    unsigned op = slide_op(insn);
    bool value = op == V_PERM_UP1 || op == V_PERM_DOWN1;

    return gen_perm(dc, op, a->vd, a->vs2, !a->vm,
                    value ? gpr_read64(dc, a->rs1)
                          : to_address(dc, gpr_read(dc, a->rs1)));
}

static bool trans_via_v_slide_i(DisasContext *dc, RiscvInsn insn,
                                const ArgsImmVdVmVs2 *a)
{
    return gen_perm(dc, slide_op(insn), a->vd, a->vs2, !a->vm,
                    tcg_const(dc->tb, a->imm));
}

static bool trans_via_v_fslide(DisasContext *dc, RiscvInsn insn,
                               const ArgsRs1VdVmVs2 *a)
{
    unsigned op = insn == RISCV_INSN_VFSLIDE1UP_VF ? V_PERM_UP1 : V_PERM_DOWN1;

    return fp_move_legal(dc) &&
           gen_perm(dc, op, a->vd, a->vs2, !a->vm, fp_scalar(dc, a->rs1));
}

static bool trans_via_v_gather(DisasContext *dc, RiscvInsn insn,
                               const ArgsVdVmVs1Vs2 *a)
{
    int eew = insn == RISCV_INSN_VRGATHEREI16_VV ? 1 : dc->vsew;
    int emul = dc->vlmul + eew - dc->vsew;

    if (!perm_legal(dc, a->vd, a->vs2, !a->vm, true) ||
        !v_group(a->vs1, emul) || v_overlap(a->vd, dc->vlmul, a->vs1, emul) ||
        (!a->vm && a->vs1 == 0) ||
        (eew != dc->vsew && v_overlap(a->vs2, dc->vlmul, a->vs1, emul))) {
        return false;
    }
    if (v_go(dc)) {
        TcgVecOp host =
            v_host_perm(dc, eew <= dc->vsew ? V_PERM_GATHER : V_PERM_MOVE,
                        a->vd, a->vs2, a->vs1, !a->vm, -1);

        host.blog = (uint8_t)eew;
        call_perm(dc,
                  desc_of(dc, V_PERM_GATHER, !a->vm) | v_reg(dc, VD_D, a->vd) |
                      v_reg(dc, VD_S2, a->vs2) | v_reg(dc, VD_S1, a->vs1) |
                      (VecDesc)eew << VD_EEW,
                  tcg_const(dc->tb, 0), &host);
    }
    return true;
}

static bool trans_vcompress_vm(DisasContext *dc, const ArgsVdVs1Vs2 *a)
{
    if (dc->vstart || !perm_legal(dc, a->vd, a->vs2, false, true) ||
        v_overlap(a->vd, dc->vlmul, a->vs1, 0)) {
        return false;
    }
    if (v_go(dc)) {
        TcgVecOp host =
            v_host_perm(dc, V_PERM_COMPRESS, a->vd, a->vs2, a->vs1, false, -1);

        call_perm(dc,
                  desc_of(dc, V_PERM_COMPRESS, false) | v_reg(dc, VD_D, a->vd) |
                      v_reg(dc, VD_S2, a->vs2) | v_reg(dc, VD_S1, a->vs1),
                  tcg_const(dc->tb, 0), &host);
    }
    return true;
}

/* vmv<n>r.v: whole registers, whatever LMUL and vl are. */
static bool trans_via_v_move(DisasContext *dc, RiscvInsn insn,
                             const ArgsVdVs2 *a)
{
    unsigned emul = insn == RISCV_INSN_VMV1R_V   ? 0
                    : insn == RISCV_INSN_VMV2R_V ? 1
                    : insn == RISCV_INSN_VMV4R_V ? 2
                                                 : 3;

    if (!v_typed(dc) || !v_group(a->vd, emul) || !v_group(a->vs2, emul)) {
        return false;
    }
    if (v_go(dc)) {
        VecDesc desc = desc_of(dc, V_PERM_MOVE, false) |
                       v_reg(dc, VD_D, a->vd) | v_reg(dc, VD_S2, a->vs2) |
                       (VecDesc)emul << VD_EMUL;
        TcgVecOp host = v_host_move(dc, a->vd, a->vs2, emul);

        v_call(dc, &riscv_helper_v_perm, &host, const_desc(dc, desc),
               tcg_const(dc->tb, 0));
        v_done(dc);
    }
    return true;
}
