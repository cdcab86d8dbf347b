/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scalar floating point on the host FPU (TCG.md 3.11). Emitted code runs with
 * the guest's rounding mode in MXCSR, and flags accumulate there, so an op is
 * one instruction plus a test for results that the guest's rules want
 * otherwise; those go out of line: a NaN becomes the canonical one, or the op
 * is done again in C on its operands (flags only add up, so what the first
 * attempt raised must be a subset).
 *
 * Static rounding modes other than the current one go to C at once.
 */
#include "tandem/base.h"

#include "backend.h"

typedef struct FpInsn {
    X86Insn f32, f64;
} FpInsn;

static X86Insn fp_insn(const FpInsn *p, TcgType t)
{
    return t == TCG_F64 ? p->f64 : p->f32;
}

static const FpInsn ucomis = { X86_UCOMISS, X86_UCOMISD };
static const FpInsn comis = { X86_COMISS, X86_COMISD };

static bool riscv_nan(unsigned aux)
{
    return (aux & TCG_FP_NAN_MASK) == TCG_FP_NAN_RISCV;
}

/* Does the op round as MXCSR says? */
static bool rounds_dyn(unsigned aux)
{
    return (aux & TCG_FP_ROUND) == TCG_FP_DYN;
}

static void rm_insn(Gen *g, X86Insn insn, int reg, const Opnd *o)
{
    if (o->kind == OPND_MEM) {
        x86_rm(&g->a, insn, 0, reg, o->mem);
    } else {
        x86_rr(&g->a, insn, 0, reg, o->reg);
    }
}

/* ---- out of line ---- */

static void cold_nan(Gen *g, const Cold *c)
{
    bool wide = c->kind == TCG_F64;
    size_t at = wide ? offsetof(ConstPool, nan64) : offsetof(ConstPool, nan32);

    x86_rm(&g->a, wide ? X86_MOVSD_XM : X86_MOVSS_XM, 0, c->dst,
           x86_const_mem(g, at));
    x86_jmp_back(&g->a, c->back);
}

/* @dst is the op's result: if it is a NaN, make it the guest's. */
static void fix_nan(Gen *g, const TcgInsn *in, int dst)
{
    Cold *c;

    if (!riscv_nan(in->aux)) {
        return;
    }
    x86_rr(&g->a, fp_insn(&ucomis, in->type), 0, dst, dst);
    c = cold_new(g, cold_nan);
    c->dst = dst;
    c->kind = in->type;
    cold_jump(c, x86_jcc32(&g->a, CC_P));
    c->back = x86_offset(&g->a);
}

static void cold_redo(Gen *g, const Cold *c)
{
    const TcgInsn *in = &g->tb->insn[c->insn];
    TcgType from = tcg_ref_type(g->tb, in->a);

    for (unsigned k = 3; k-- > 0;) {
        if (c->src[k] != NO_REG) {
            x86_move(g, RAX, c->src[k], true);
        } else {
            x86_mov_imm(&g->a, RAX, c->imm[k], true);
        }
        x86_push(&g->a, RAX);
    }
    x86_i32(&g->a, X86_PUSH_I, SOFT_DESC(in->op, in->type, from, in->aux));
    x86_call_abs(&g->a, thunk_at(g, THUNK_SOFT), RAX);
    x86_move(g, c->dst, RAX, ra_wide(in->type));
    x86_jmp_back(&g->a, c->back);
}

/* A place to do the op again in C on its operands, which are in registers
 * (constants aside) that are intact where it is jumped to. */
static Cold *redo(Gen *g, int dst, const int *reg)
{
    unsigned n = tcg_insn_noperands(g->tb, g->i);
    Cold *c = cold_new(g, cold_redo);

    c->dst = dst;
    for (unsigned k = 0; k < n; k++) {
        TcgRef r = tcg_insn_operand(g->tb, g->i, k);

        if (tcg_ref_is_const(r)) {
            c->imm[k] = tcg_ref_const(g->tb, r);
        } else {
            c->src[k] = reg[k];
        }
    }
    return c;
}

/* ---- arithmetic ---- */

static void arith(Gen *g, const TcgInsn *in, FpInsn insn)
{
    X86Insn op = fp_insn(&insn, in->type);
    int dst;

    if (!rounds_dyn(in->aux)) {
        x86_emit_soft(g, in);
        return;
    }
    if (g->f.avx) {
        int a = ra_use(g, in->a, X0);
        Opnd b = ra_rm(g, in->b, X1);

        dst = ra_def(g);
        if (b.kind == OPND_MEM) {
            x86_vrm(&g->a, op, 0, dst, a, b.mem);
        } else {
            x86_vrr(&g->a, op, 0, dst, a, b.reg);
        }
    } else {
        Opnd b = ra_rm(g, in->b, X1);

        dst = ra_def_copy(g, in->a);
        rm_insn(g, op, dst, &b);
    }
    fix_nan(g, in, dst);
    ra_commit(g, dst);
}

static void emit_fadd(Gen *g, const TcgInsn *in)
{
    arith(g, in, (FpInsn){ X86_ADDSS, X86_ADDSD });
}

static void emit_fsub(Gen *g, const TcgInsn *in)
{
    arith(g, in, (FpInsn){ X86_SUBSS, X86_SUBSD });
}

static void emit_fmul(Gen *g, const TcgInsn *in)
{
    arith(g, in, (FpInsn){ X86_MULSS, X86_MULSD });
}

static void emit_fdiv(Gen *g, const TcgInsn *in)
{
    arith(g, in, (FpInsn){ X86_DIVSS, X86_DIVSD });
}

static void emit_fsqrt(Gen *g, const TcgInsn *in)
{
    Opnd o;
    int dst;

    if (!rounds_dyn(in->aux)) {
        x86_emit_soft(g, in);
        return;
    }
    o = ra_rm(g, in->a, X1);
    dst = ra_def(g);
    rm_insn(g, in->type == TCG_F64 ? X86_SQRTSD : X86_SQRTSS, dst, &o);
    fix_nan(g, in, dst);
    ra_commit(g, dst);
}

/* A NaN is done again: inf * 0 + quiet NaN raises NV on RISC-V, not here. */
static void emit_fma(Gen *g, const TcgInsn *in)
{
    static const X86Insn form[2][2] = {
        /* [negated product][negated addend] */
        { X86_FMADD213, X86_FMSUB213 },
        { X86_FNMADD213, X86_FNMSUB213 },
    };
    bool wide = in->type == TCG_F64;
    int src[3], dst;
    Cold *c;

    if (!g->f.fma || !rounds_dyn(in->aux)) {
        x86_emit_soft(g, in);
        return;
    }
    src[0] = tcg_ref_is_const(in->a) ? X0 : ra_use(g, in->a, X0);
    src[1] = ra_use(g, in->b, X1);
    if (tcg_ref_is_const(in->c) && tcg_ref_is_const(in->b)) {
        x86_emit_soft(g, in); /* one scratch register short, and rare */
        return;
    }
    src[2] = ra_use(g, in->c, tcg_ref_is_const(in->b) ? X0 : X1);
    dst = ra_def_early(g);
    ra_copy_to(g, in->a, dst);
    x86_vrr(&g->a,
            form[!!(in->aux & TCG_FP_NEG_PROD)][!!(in->aux & TCG_FP_NEG_ADD)],
            wide, dst, src[1], src[2]);
    if (riscv_nan(in->aux)) {
        x86_rr(&g->a, fp_insn(&ucomis, in->type), 0, dst, dst);
        c = redo(g, dst, src);
        cold_jump(c, x86_jcc32(&g->a, CC_P));
        c->back = x86_offset(&g->a);
    }
    ra_commit(g, dst);
}

/* dst = op(a, b), all in registers. */
static void fp_op2(Gen *g, X86Insn op, int dst, int a, int b)
{
    if (g->f.avx) {
        x86_vrr(&g->a, op, 0, dst, a, b);
    } else {
        x86_move(g, dst, a, true);
        x86_rr(&g->a, op, 0, dst, b);
    }
}

/*
 * Without NaNs (those go to C), min(a, b) and min(b, a) differ for zeros of
 * either sign only: `or` gives -0 to the minimum, `and` +0 to the maximum.
 */
static void min_max(Gen *g, const TcgInsn *in, FpInsn insn, X86Insn combine)
{
    X86Insn op = fp_insn(&insn, in->type);
    int src[2], other, dst;
    Cold *c;

    if (!riscv_nan(in->aux)) {
        arith(g, in, insn);
        return;
    }
    if (tcg_ref_is_const(in->a) && tcg_ref_is_const(in->b)) {
        x86_emit_soft(g, in);
        return;
    }
    src[0] = ra_use(g, in->a, X0);
    src[1] = ra_use(g, in->b, X1);
    other = src[0] == X0 ? X1 : X0;
    dst = ra_def_early(g);
    x86_rr(&g->a, fp_insn(&ucomis, in->type), 0, src[0], src[1]);
    c = redo(g, dst, src);
    cold_jump(c, x86_jcc32(&g->a, CC_P));
    fp_op2(g, op, dst, src[0], src[1]);
    fp_op2(g, op, other, src[1], src[0]);
    x86_rr(&g->a, combine, 0, dst, other);
    c->back = x86_offset(&g->a);
    ra_commit(g, dst);
}

static void emit_fmin(Gen *g, const TcgInsn *in)
{
    min_max(g, in, (FpInsn){ X86_MINSS, X86_MINSD }, X86_ORPS);
}

static void emit_fmax(Gen *g, const TcgInsn *in)
{
    min_max(g, in, (FpInsn){ X86_MAXSS, X86_MAXSD }, X86_ANDPS);
}

/* ---- comparisons ---- */

/* Unordered sets CF, ZF and PF (SDM 2, COMISD): with the operands the other
 * way round, "above" and "not below" are false for it. */
static void emit_fcmp(Gen *g, const TcgInsn *in)
{
    TcgFpCond cond = (in->aux & TCG_FP_COND_MASK) >> TCG_FP_COND_SHIFT;
    TcgType t = tcg_ref_type(g->tb, in->a);
    bool swap = cond != TCG_FEQ && cond != TCG_FUNORD;
    bool signals = cond == TCG_FLT || cond == TCG_FLE;
    int x = ra_use(g, swap ? in->b : in->a, X0);
    Opnd y = ra_rm(g, swap ? in->a : in->b, X1);
    int dst = ra_def(g);

    rm_insn(g, fp_insn(signals ? &comis : &ucomis, t), x, &y);
    switch (cond) {
    case TCG_FEQ:
        x86_setcc(&g->a, CC_NP, RAX);
        x86_setcc(&g->a, CC_E, RCX);
        x86_rr(&g->a, X86_AND_RM, 0, RAX, RCX);
        break;
    case TCG_FUNORD:
        x86_setcc(&g->a, CC_P, RAX);
        break;
    case TCG_FLT:
    case TCG_FLTQ:
        x86_setcc(&g->a, CC_A, RAX);
        break;
    default:
        x86_setcc(&g->a, CC_AE, RAX);
        break;
    }
    x86_rr(&g->a, X86_MOVZX8, 0, dst, RAX);
    ra_commit(g, dst);
}

/* ---- conversions ---- */

/* Rounding control of roundsd and vcvtps2ph (SDM 2, ROUNDSD); -1: none. */
static int round_imm(unsigned aux)
{
    static const int8_t imm[8] = { 0, 3, 1, 2, -1, -1, -1, 4 };

    return imm[aux & TCG_FP_ROUND];
}

static void emit_fround(Gen *g, const TcgInsn *in)
{
    int imm = round_imm(in->aux), dst;
    Opnd o;

    if (imm < 0) {
        x86_emit_soft(g, in);
        return;
    }
    o = ra_rm(g, in->a, X1);
    dst = ra_def(g);
    if (o.kind == OPND_MEM) {
        x86_rmi(&g->a, in->type == TCG_F64 ? X86_ROUNDSD : X86_ROUNDSS, 0, dst,
                o.mem, imm);
    } else {
        x86_rri(&g->a, in->type == TCG_F64 ? X86_ROUNDSD : X86_ROUNDSS, 0, dst,
                o.reg, imm);
    }
    fix_nan(g, in, dst);
    ra_commit(g, dst);
}

static void emit_fcvt_ff(Gen *g, const TcgInsn *in)
{
    Opnd o;
    int dst;

    if (in->type == TCG_F32 && !rounds_dyn(in->aux)) {
        x86_emit_soft(g, in);
        return;
    }
    o = ra_rm(g, in->a, X1);
    dst = ra_def(g);
    rm_insn(g, in->type == TCG_F64 ? X86_CVTSS2SD : X86_CVTSD2SS, dst, &o);
    fix_nan(g, in, dst);
    ra_commit(g, dst);
}

static X86Insn to_int_insn(const TcgInsn *in, TcgType from)
{
    bool trunc = !rounds_dyn(in->aux);

    if (from == TCG_F64) {
        return trunc ? X86_CVTTSD2SI : X86_CVTSD2SI;
    }
    return trunc ? X86_CVTTSS2SI : X86_CVTSS2SI;
}

static bool to_int_inline(const TcgInsn *in)
{
    return riscv_nan(in->aux) && !tcg_ref_is_const(in->a);
}

/* The bits of @src without its sign, or with it, in rax: to the redo when they
 * are @limit or more. */
static void to_int_range(Gen *g, Cold *c, bool wide, int src, bool sign,
                         uint64_t limit)
{
    x86_rr(&g->a, X86_MOVD_RX, wide, src, RAX);
    if (!sign) {
        x86_rr(&g->a, X86_ADD_RM, wide, RAX, RAX);
        limit <<= 1;
    }
    x86_mov_imm(&g->a, RCX, limit, true);
    x86_rr(&g->a, X86_CMP_RM, wide, RAX, RCX);
    cold_jump(c, x86_jcc32(&g->a, CC_AE));
}

/* Ties away from zero, which the host has no mode for: @dst is @src without
 * its fraction; twice the fraction, without its own, is what it lacks. All of
 * it is exact, and the fraction has raised PE before. */
static void round_away(Gen *g, const TcgInsn *in, TcgType from, int dst,
                       int src)
{
    bool wide = from == TCG_F64;
    int w = in->type == TCG_I64;

    x86_rr(&g->a, X86_PXOR, 0, X0, X0);
    x86_rr(&g->a, wide ? X86_CVTSI2SD : X86_CVTSI2SS, w, X0, dst);
    x86_move(g, X1, src, true);
    x86_rr(&g->a, wide ? X86_SUBSD : X86_SUBSS, 0, X1, X0);
    x86_rr(&g->a, wide ? X86_ADDSD : X86_ADDSS, 0, X1, X1);
    x86_rr(&g->a, wide ? X86_CVTTSD2SI : X86_CVTTSS2SI, w, RAX, X1);
    x86_rr(&g->a, X86_ADD_RM, w, dst, RAX);
}

/* dst = @src in the op's rounding mode; @w64: by a 64-bit conversion. */
static void to_int_rounded(Gen *g, const TcgInsn *in, TcgType from, int w64,
                           int dst, int src)
{
    unsigned round = in->aux & TCG_FP_ROUND;
    bool wide = from == TCG_F64;

    if (round == TCG_FP_RNE || round == TCG_FP_RDN || round == TCG_FP_RUP) {
        /* raises PE for what has a fraction, and keeps it */
        x86_rri(&g->a, wide ? X86_ROUNDSD : X86_ROUNDSS, 0, X0, src,
                round_imm(in->aux));
        src = X0;
    }
    x86_rr(&g->a, to_int_insn(in, from), w64, dst, src);
}

/* Is a range test due before? What has a fraction and does not fit raises PE
 * where it is rounded first: only an F64 that goes to I32 is such. */
static bool rounds_first(const TcgInsn *in, TcgType from)
{
    return !rounds_dyn(in->aux) && (in->aux & TCG_FP_ROUND) != TCG_FP_RTZ &&
           from == TCG_F64 && in->type == TCG_I32;
}

/* What does not fit gives the most negative number, with IE alone (SDM 1,
 * 11.5.2.1): that result is looked at again. */
static void emit_fcvt_fs(Gen *g, const TcgInsn *in)
{
    const uint64_t below_2_31 = UINT64_C(0x41dfffffffc00000); /* 2^31 - 1 */
    TcgType from = tcg_ref_type(g->tb, in->a);
    int w = in->type == TCG_I64, src, dst;
    Cold *c;

    if (!to_int_inline(in)) {
        x86_emit_soft(g, in);
        return;
    }
    src = ra_use(g, in->a, NO_REG);
    dst = ra_def(g);
    c = redo(g, dst, &src);
    if (rounds_first(in, from)) {
        to_int_range(g, c, true, src, false, below_2_31);
    }
    to_int_rounded(g, in, from, w, dst, src);
    x86_alu_ri(&g->a, ALU_CMP, w, dst, 1);
    cold_jump(c, x86_jcc32(&g->a, CC_O));
    if ((in->aux & TCG_FP_ROUND) == TCG_FP_RMM) {
        round_away(g, in, from, dst, src);
    }
    c->back = x86_offset(&g->a);
    ra_commit(g, dst);
}

/* The operand's bits are tested first: a signed 64-bit conversion of what does
 * not fit an unsigned type would raise flags that the guest must not see. */
static void emit_fcvt_fu(Gen *g, const TcgInsn *in)
{
    /* first bits too large, by [to I64][from F64]: 2^32 - 1 or just 2^32 for
     * F32, and 2^63 */
    static const uint64_t limit[2][2] = {
        { 0x4f800000, 0x41efffffffe00000 },
        { 0x5f000000, 0x43e0000000000000 },
    };
    TcgType from = tcg_ref_type(g->tb, in->a);
    bool wide = from == TCG_F64;
    int src, dst;
    Cold *c;

    if (!to_int_inline(in) || (in->aux & TCG_FP_ROUND) == TCG_FP_RMM) {
        x86_emit_soft(g, in);
        return;
    }
    src = ra_use(g, in->a, NO_REG);
    dst = ra_def(g);
    c = redo(g, dst, &src);
    to_int_range(g, c, wide, src, true, limit[in->type == TCG_I64][wide]);
    to_int_rounded(g, in, from, 1, dst, src);
    c->back = x86_offset(&g->a);
    ra_commit(g, dst);
}

static X86Insn from_int_insn(TcgType t)
{
    return t == TCG_F64 ? X86_CVTSI2SD : X86_CVTSI2SS;
}

/* Exact ones round in no mode: all of 32 bits as F64, and up to 2^53 or 2^24
 * what is looked at before. */
static void from_int_exact(Gen *g, const TcgInsn *in, Cold *c, int src, int w)
{
    uint64_t limit = in->type == TCG_F64 ? UINT64_C(1) << 53 : 1u << 24;

    x86_mov_imm(&g->a, RCX, limit, true);
    x86_rr(&g->a, X86_MOV_RM, w, RAX, src);
    x86_rr(&g->a, X86_ADD_RM, w, RAX, RCX);
    x86_rr(&g->a, X86_ADD_RM, w, RCX, RCX);
    x86_rr(&g->a, X86_CMP_RM, w, RAX, RCX);
    cold_jump(c, x86_jcc32(&g->a, CC_A));
}

static bool from_int_rounds(const TcgInsn *in, TcgType from)
{
    return !rounds_dyn(in->aux) && (from == TCG_I64 || in->type == TCG_F32);
}

static void emit_fcvt_sf(Gen *g, const TcgInsn *in)
{
    TcgType from = tcg_ref_type(g->tb, in->a);
    int w = from == TCG_I64, dst;
    Cold *c = NULL;
    Opnd o;

    if (from_int_rounds(in, from)) {
        if (tcg_ref_is_const(in->a)) {
            x86_emit_soft(g, in);
            return;
        }
        o = (Opnd){ .kind = OPND_REG, .reg = ra_use(g, in->a, NO_REG) };
        dst = ra_def(g);
        c = redo(g, dst, &o.reg);
        from_int_exact(g, in, c, o.reg, w);
    } else {
        o = ra_rm(g, in->a, RAX);
        dst = ra_def(g);
    }
    x86_rr(&g->a, X86_PXOR, 0, dst, dst); /* no wait for its old value */
    if (o.kind == OPND_MEM) {
        x86_rm(&g->a, from_int_insn(in->type), w, dst, o.mem);
    } else {
        x86_rr(&g->a, from_int_insn(in->type), w, dst, o.reg);
    }
    if (c != NULL) {
        c->back = x86_offset(&g->a);
    }
    ra_commit(g, dst);
}

static void emit_fcvt_uf(Gen *g, const TcgInsn *in)
{
    TcgType from = tcg_ref_type(g->tb, in->a);
    int src, dst;
    Cold *c = NULL;

    if (from_int_rounds(in, from) || tcg_ref_is_const(in->a)) {
        x86_emit_soft(g, in);
        return;
    }
    src = ra_use(g, in->a, NO_REG);
    dst = ra_def(g);
    if (from == TCG_I32) {
        x86_rr(&g->a, X86_MOV_RM, 0, RAX, src);
    } else {
        x86_rr(&g->a, X86_TEST_MR, 1, src, src);
        c = redo(g, dst, &src);
        cold_jump(c, x86_jcc32(&g->a, CC_S));
    }
    x86_rr(&g->a, X86_PXOR, 0, dst, dst);
    x86_rr(&g->a, from_int_insn(in->type), 1, dst, from == TCG_I32 ? RAX : src);
    if (c != NULL) {
        c->back = x86_offset(&g->a);
    }
    ra_commit(g, dst);
}

/* One lane must be all there is: the others could raise flags. */
static void emit_fcvt_hs(Gen *g, const TcgInsn *in)
{
    int dst;

    if (!g->f.f16c) {
        x86_emit_soft(g, in);
        return;
    }
    ra_copy_to(g, in->a, RAX);
    dst = ra_def(g);
    x86_rr(&g->a, X86_MOVZX16, 0, RAX, RAX);
    x86_rr(&g->a, X86_MOVD_XR, 0, X0, RAX);
    x86_rr(&g->a, X86_CVTPH2PS, 0, dst, X0);
    fix_nan(g, in, dst);
    ra_commit(g, dst);
}

static void emit_fcvt_sh(Gen *g, const TcgInsn *in)
{
    int imm = round_imm(in->aux), src, dst;
    Cold *c;

    if (!g->f.f16c || imm < 0 || !riscv_nan(in->aux) ||
        tcg_ref_is_const(in->a)) {
        x86_emit_soft(g, in);
        return;
    }
    src = ra_use(g, in->a, NO_REG);
    dst = ra_def(g);
    x86_rr(&g->a, X86_UCOMISS, 0, src, src);
    c = redo(g, dst, &src);
    cold_jump(c, x86_jcc32(&g->a, CC_P));
    x86_rr(&g->a, X86_MOVD_RX, 0, src, RAX);
    x86_rr(&g->a, X86_MOVD_XR, 0, X0, RAX);
    x86_rri(&g->a, X86_CVTPS2PH, 0, X0, X0, imm);
    x86_rr(&g->a, X86_MOVD_RX, 0, X0, dst);
    x86_rr(&g->a, X86_MOVZX16, 0, dst, dst);
    c->back = x86_offset(&g->a);
    ra_commit(g, dst);
}

/* ---- bits ---- */

static void with_const(Gen *g, const TcgInsn *in, X86Insn insn, size_t at)
{
    int dst = ra_def_copy(g, in->a);

    x86_rm(&g->a, insn, 0, dst, x86_const_mem(g, at));
    ra_commit(g, dst);
}

static void emit_fneg(Gen *g, const TcgInsn *in)
{
    with_const(g, in, X86_XORPS,
               in->type == TCG_F64 ? offsetof(ConstPool, sign64)
                                   : offsetof(ConstPool, sign32));
}

static void emit_fabs(Gen *g, const TcgInsn *in)
{
    with_const(g, in, X86_ANDPS,
               in->type == TCG_F64 ? offsetof(ConstPool, abs64)
                                   : offsetof(ConstPool, abs32));
}

static void emit_fbox(Gen *g, const TcgInsn *in)
{
    with_const(g, in, X86_ORPS, offsetof(ConstPool, box));
}

static void emit_fcpysgn(Gen *g, const TcgInsn *in)
{
    bool wide = in->type == TCG_F64;
    int dst;

    ra_copy_to(g, in->b, X1);
    x86_rm(&g->a, X86_ANDPS, 0, X1,
           x86_const_mem(g, wide ? offsetof(ConstPool, sign64)
                                 : offsetof(ConstPool, sign32)));
    dst = ra_def_copy(g, in->a);
    x86_rm(&g->a, X86_ANDPS, 0, dst,
           x86_const_mem(g, wide ? offsetof(ConstPool, abs64)
                                 : offsetof(ConstPool, abs32)));
    x86_rr(&g->a, X86_ORPS, 0, dst, X1);
    ra_commit(g, dst);
}

/* A register that does not hold a boxed F32 reads as the canonical NaN. */
static void emit_funbox(Gen *g, const TcgInsn *in)
{
    Opnd o = ra_rm(g, in->a, X1);
    int dst;
    Cold *c;

    if (o.kind == OPND_MEM) {
        X86Mem upper = o.mem;

        upper.disp += 4;
        dst = ra_def(g);
        x86_rm(&g->a, X86_MOVSS_XM, 0, dst, o.mem);
        x86_alu_mi(&g->a, ALU_CMP, 0, upper, -1);
    } else {
        ra_copy_to(g, in->a, RAX);
        dst = ra_def_copy(g, in->a);
        x86_ri8(&g->a, X86_SHR_I8, 1, RAX, 32);
        x86_alu_ri(&g->a, ALU_CMP, 0, RAX, -1);
    }
    c = cold_new(g, cold_nan);
    c->dst = dst;
    c->kind = TCG_F32;
    cold_jump(c, x86_jcc32(&g->a, CC_NE));
    c->back = x86_offset(&g->a);
    ra_commit(g, dst);
}

/* bits_fi, bits_if: across register classes. */
static void emit_bits(Gen *g, const TcgInsn *in)
{
    int dst = ra_def_early(g);

    ra_copy_to(g, in->a, dst);
    ra_commit(g, dst);
}

/* The sticky bits of MXCSR in the guest's order, by a table. */
static void emit_fp_flags(Gen *g, const TcgInsn *in)
{
    X86Mem word = x86_mem(RBP, TCG_HOT_OFF(mxcsr_guest));
    int dst = ra_def(g);

    x86_m(&g->a, X86_STMXCSR, 0, word);
    x86_rm(&g->a, X86_MOV_RM, 0, RCX, word);
    x86_alu_ri(&g->a, ALU_AND, 0, RCX, 0x3f);
    x86_rm(&g->a, X86_LEA, 1, RAX,
           x86_const_mem(g, offsetof(ConstPool, fflags)));
    x86_rm(&g->a, X86_MOVZX8, 0, dst, x86_mem_index(RAX, RCX, 0, 0));
    ra_commit(g, dst);
}

EmitFn *const x86_emit_fp[TCG_OP_COUNT] = {
#define E(op) [TCG_OP_##op] = emit_##op
    E(fadd),
    E(fsub),
    E(fmul),
    E(fdiv),
    E(fsqrt),
    E(fma),
    E(fmin),
    E(fmax),
    E(fcmp),
    E(fround),
    E(fcvt_ff),
    E(fcvt_fs),
    E(fcvt_fu),
    E(fcvt_sf),
    E(fcvt_uf),
    E(fcvt_hs),
    E(fcvt_sh),
    E(fneg),
    E(fabs),
    E(fcpysgn),
    E(fbox),
    E(funbox),
#undef E
    [TCG_OP_bits_fi] = emit_bits,
    [TCG_OP_bits_if] = emit_bits,
    [TCG_OP_fp_flags] = emit_fp_flags,
};
