/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * F and D: single and double precision. Written once with the format as an
 * argument; Zfhmin is in trans_zfh.c.
 *
 * Spec: Unprivileged ISA 20240411, chapters 21 and 22; Priv 3.1.6.6 (FS).
 */
#include "target/riscv/translate_fp.h"
#include "target/riscv/riscv-trans-rvf.h"
#include "target/riscv/riscv-trans-rvd.h"

/* ---- state, rounding, registers ---- */

FpGate fp_gate(DisasContext *dc, bool writes)
{
    if (dc->fs == CTX_FS_OFF) {
        return FP_ILLEGAL;
    }
    if (writes && dc->fs != CTX_FS_DIRTY) {
        /* Dirty first, then this instruction again in the new context. */
        tcg_call0(dc->tb, &riscv_helper_fs_dirty);
        tcg_exit_indirect(dc->tb, tcg_const_pc(dc->tb, dc->pc),
                          TCG_EXIT_CTX_CHANGED);
        return FP_LATER;
    }
    return FP_GO;
}

FpGate fp_gate_round(DisasContext *dc, int rm, FpRound *r)
{
    unsigned mode = rm == 7 ? dc->frm : rm; /* 21.2 */

    if (mode > FLOAT_ROUND_NEAREST_AWAY) {
        return FP_ILLEGAL;
    }
    r->mode = mode;
    r->soft = dc->soft_fp || mode == FLOAT_ROUND_NEAREST_AWAY;
    r->contract =
        TCG_FP_NAN_RISCV | (mode == dc->frm && !r->soft ? TCG_FP_DYN : mode);
    return fp_gate(dc, true);
}

/* Narrower values are boxed in ones; any other reads as the NaN (21.3). */
TcgVal fp_read(DisasContext *dc, TcgType fmt, int r)
{
    TcgVal v = tcg_slot_get(dc->tb, RISCV_SLOT_F0 + r);

    return fmt == TCG_F32 ? tcg_funbox(dc->tb, v) : v;
}

void fp_write(DisasContext *dc, int r, TcgVal v)
{
    v = v.type == TCG_F32 ? tcg_fbox(dc->tb, v) : v;
    if (dc->skip_until != 0) {
        v = tcg_select(dc->tb, dc->skip_cond, dc->skip_x, dc->skip_y,
                       tcg_slot_get(dc->tb, RISCV_SLOT_F0 + r), v);
    }
    tcg_slot_put(dc->tb, RISCV_SLOT_F0 + r, v);
}

/* An operand of what is perhaps skipped: then @instead, with which the
 * operation is exact, as flags of what did not run may not show. */
static TcgVal fp_operand(DisasContext *dc, TcgVal v, double instead)
{
    union {
        double d;
        uint64_t u;
    } wide = { .d = instead };
    union {
        float f;
        uint32_t u;
    } narrow = { .f = (float)instead };

    if (dc->skip_until == 0) {
        return v;
    }
    return tcg_select(
        dc->tb, dc->skip_cond, dc->skip_x, dc->skip_y,
        tcg_const_typed(dc->tb, v.type, v.type == TCG_F32 ? narrow.u : wide.u),
        v);
}

TcgVal fp_bits(DisasContext *dc, int r)
{
    return tcg_bits_of_fp(dc->tb, tcg_slot_get(dc->tb, RISCV_SLOT_F0 + r));
}

/* ---- loads and stores (21.5) ---- */

static bool gen_fp_load(DisasContext *dc, const ArgsRdRs1Imm *a, TcgType fmt)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        TcgVal addr = address_of(dc, a->rs1, a->imm);
        MemOp mo = data_memop(dc, fmt == TCG_F32 ? MO_32 : MO_64);

        fp_write(dc, a->rd, tcg_ld(dc->tb, fmt, addr, mo));
    }
    return gate != FP_ILLEGAL;
}

/* The bits as they are: no check of the box. */
static bool gen_fp_store(DisasContext *dc, const ArgsRs1Rs2Imm *a, TcgType fmt)
{
    FpGate gate = fp_gate(dc, false);

    if (gate == FP_GO) {
        TcgVal addr = address_of(dc, a->rs1, a->imm);

        if (fmt == TCG_F32) {
            tcg_st(dc->tb, addr, tcg_trunc(dc->tb, fp_bits(dc, a->rs2)),
                   data_memop(dc, MO_32));
        } else {
            tcg_st(dc->tb, addr, fp_read(dc, fmt, a->rs2),
                   data_memop(dc, MO_64));
        }
    }
    return gate != FP_ILLEGAL;
}

/* ---- arithmetic (21.6) ---- */

static bool gen_arith(DisasContext *dc, const ArgsRdRs1Rs2Rm *a, TcgType fmt,
                      TcgOp op, const TcgHelper *soft)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        TcgVal x = fp_operand(dc, fp_read(dc, fmt, a->rs1), 1);
        TcgVal y = fp_operand(dc, fp_read(dc, fmt, a->rs2), 1);

        fp_write(dc, a->rd,
                 r.soft ? tcg_call_args(dc->tb, soft,
                                        tcg_const32(dc->tb, r.mode), x, y)
                        : tcg_fp2(dc->tb, op, fmt, r.contract, x, y));
    }
    return gate != FP_ILLEGAL;
}

static bool gen_sqrt(DisasContext *dc, const ArgsRdRs1Rm *a, TcgType fmt,
                     const TcgHelper *soft)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        TcgVal x = fp_operand(dc, fp_read(dc, fmt, a->rs1), 1);

        fp_write(
            dc, a->rd,
            r.soft ? tcg_call_args(dc->tb, soft, tcg_const32(dc->tb, r.mode), x)
                   : tcg_fsqrt(dc->tb, r.contract, x));
    }
    return gate != FP_ILLEGAL;
}

/* fmadd a*b+c, fmsub a*b-c, fnmsub -a*b+c, fnmadd -a*b-c. */
static bool gen_fma(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a, TcgType fmt,
                    unsigned signs, const TcgHelper *soft)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, fmt, a->rs1), y = fp_read(dc, fmt, a->rs2),
               z = fp_read(dc, fmt, a->rs3);

        fp_write(dc, a->rd,
                 r.soft ? tcg_call_args(dc->tb, soft,
                                        tcg_const32(dc->tb, r.mode), x, y, z)
                        : tcg_fma(dc->tb, r.contract | signs, x, y, z));
    }
    return gate != FP_ILLEGAL;
}

static bool gen_minmax(DisasContext *dc, const ArgsRdRs1Rs2 *a, TcgType fmt,
                       TcgOp op, const TcgHelper *soft)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, fmt, a->rs1), y = fp_read(dc, fmt, a->rs2);

        fp_write(dc, a->rd,
                 dc->soft_fp ? tcg_call_args(dc->tb, soft, x, y)
                             : tcg_fp2(dc->tb, op, fmt,
                                       TCG_FP_NAN_RISCV | TCG_FP_DYN, x, y));
    }
    return gate != FP_ILLEGAL;
}

/* ---- sign injection (21.7): bits only, no flags ---- */

typedef enum SignRule { SIGN_COPY, SIGN_NOT, SIGN_XOR } SignRule;

static bool gen_sign(DisasContext *dc, const ArgsRdRs1Rs2 *a, TcgType fmt,
                     SignRule rule)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, fmt, a->rs1), y = fp_read(dc, fmt, a->rs2), v;

        if (a->rs1 == a->rs2) { /* fmv, fneg, fabs */
            v = rule == SIGN_COPY  ? x
                : rule == SIGN_NOT ? tcg_fneg(dc->tb, x)
                                   : tcg_fabs(dc->tb, x);
        } else if (rule == SIGN_XOR) {
            TcgVal xb = tcg_bits_of_fp(dc->tb, x);
            TcgVal yb = tcg_bits_of_fp(dc->tb, y);
            int64_t sign = fmt == TCG_F32 ? INT32_MIN : INT64_MIN;

            yb = tcg_andi(dc->tb, yb, sign);
            v = tcg_fp_of_bits(dc->tb, tcg_xor(dc->tb, xb, yb));
        } else {
            v = tcg_fcpysgn(dc->tb, x,
                            rule == SIGN_NOT ? tcg_fneg(dc->tb, y) : y);
        }
        fp_write(dc, a->rd, v);
    }
    return gate != FP_ILLEGAL;
}

/* ---- comparison, class (21.8, 21.9) ---- */

static bool gen_compare(DisasContext *dc, const ArgsRdRs1Rs2 *a, TcgType fmt,
                        TcgFpCond cond, const TcgHelper *soft)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, fmt, a->rs1), y = fp_read(dc, fmt, a->rs2);

        gpr_write(dc, a->rd,
                  dc->soft_fp ? tcg_call_args(dc->tb, soft, x, y)
                              : tcg_fcmp(dc->tb, TCG_I64, TCG_FP_NAN_RISCV,
                                         cond, x, y));
    }
    return gate != FP_ILLEGAL;
}

/*
 * One bit of ten (21.9). Magnitudes are compared as whole numbers, the sign
 * shifted out; an F32 stands in the upper half. Of zero, subnormal, normal and
 * infinity the positive ones are bits 4 to 7, the negative ones 3 to 0.
 */
static TcgVal fclass_bits(DisasContext *dc, TcgType fmt, TcgVal bits)
{
    TcgBlock *tb = dc->tb;
    bool wide = fmt == TCG_F64;
    TcgVal b = wide ? bits : tcg_shli(tb, tcg_zext32(tb, bits), 32);
    TcgVal size = tcg_shli(tb, b, 1);
    TcgVal normal = tcg_const(tb, UINT64_C(1) << (wide ? 53 : 56));
    TcgVal inf = tcg_const(tb, (wide ? UINT64_C(0xffe) : 0xff0) << 52);
    TcgVal kind, nan;

    kind = tcg_setcc(tb, TCG_I64, TCG_NE, size, tcg_const(tb, 0));
    kind = tcg_add(tb, kind, tcg_setcc(tb, TCG_I64, TCG_GEU, size, normal));
    kind = tcg_add(tb, kind, tcg_setcc(tb, TCG_I64, TCG_GEU, size, inf));
    kind = tcg_xor(tb, tcg_addi(tb, kind, 4),
                   tcg_andi(tb, tcg_sari(tb, b, 63), 7));
    nan = tcg_addi(tb, tcg_andi(tb, tcg_shri(tb, b, wide ? 51 : 54), 1), 8);
    return tcg_shl(tb, tcg_const(tb, 1),
                   tcg_select(tb, TCG_GTU, size, inf, nan, kind));
}

static bool gen_class(DisasContext *dc, const ArgsRdRs1 *a, TcgType fmt,
                      const TcgHelper *soft)
{
    FpGate gate = fp_gate(dc, false);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, fmt, a->rs1);

        gpr_write(dc, a->rd,
                  dc->soft_fp
                      ? tcg_call_args(dc->tb, soft, x)
                      : fclass_bits(dc, fmt, tcg_bits_of_fp(dc->tb, x)));
    }
    return gate != FP_ILLEGAL;
}

/* ---- conversions and moves (21.7, 22.5) ---- */

/* To an integer of @itype; 32-bit results are sign-extended, also FCVT.WU. */
static bool gen_to_int(DisasContext *dc, const ArgsRdRs1Rm *a, TcgType fmt,
                       TcgType itype, TcgOp op, const TcgHelper *soft)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, fmt, a->rs1);

        gpr_write(dc, a->rd,
                  dc->soft_fp ? tcg_call_args(dc->tb, soft,
                                              tcg_const32(dc->tb, r.mode), x)
                              : tcg_fcvt(dc->tb, op, itype, r.contract, x));
    }
    return gate != FP_ILLEGAL;
}

static bool gen_of_int(DisasContext *dc, const ArgsRdRs1Rm *a, TcgType fmt,
                       TcgType itype, TcgOp op, const TcgHelper *soft)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        TcgVal x64 = gpr_read64(dc, a->rs1);
        TcgVal x = itype == TCG_I32 ? tcg_trunc(dc->tb, x64) : x64;

        fp_write(dc, a->rd,
                 r.soft ? tcg_call_args(dc->tb, soft,
                                        tcg_const32(dc->tb, r.mode), x64)
                        : tcg_fcvt(dc->tb, op, fmt, r.contract, x));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fcvt_s_d(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, TCG_F64, a->rs1);

        fp_write(
            dc, a->rd,
            r.soft ? tcg_call_args(dc->tb, &riscv_helper_fcvt_s_d,
                                   tcg_const32(dc->tb, r.mode), x)
                   : tcg_fcvt(dc->tb, TCG_OP_fcvt_ff, TCG_F32, r.contract, x));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fcvt_d_s(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        TcgVal x = fp_read(dc, TCG_F32, a->rs1);

        fp_write(
            dc, a->rd,
            r.soft ? tcg_call_args(dc->tb, &riscv_helper_fcvt_d_s,
                                   tcg_const32(dc->tb, r.mode), x)
                   : tcg_fcvt(dc->tb, TCG_OP_fcvt_ff, TCG_F64, r.contract, x));
    }
    return gate != FP_ILLEGAL;
}

/* Bits as they are, the low word sign-extended. */
static bool trans_fmv_x_w(DisasContext *dc, const ArgsRdRs1 *a)
{
    FpGate gate = fp_gate(dc, false);

    if (gate == FP_GO) {
        gpr_write(dc, a->rd, tcg_trunc(dc->tb, fp_bits(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fmv_w_x(DisasContext *dc, const ArgsRdRs1 *a)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        fp_write(dc, a->rd, tcg_fp_of_bits(dc->tb, gpr_read32(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fmv_x_d(DisasContext *dc, const ArgsRdRs1 *a)
{
    FpGate gate = fp_gate(dc, false);

    if (gate == FP_GO) {
        gpr_write(dc, a->rd, fp_bits(dc, a->rs1));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fmv_d_x(DisasContext *dc, const ArgsRdRs1 *a)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        fp_write(dc, a->rd, tcg_fp_of_bits(dc->tb, gpr_read64(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

/* ---- F ---- */

static bool trans_flw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_fp_load(dc, a, TCG_F32);
}

static bool trans_fsw(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_fp_store(dc, a, TCG_F32);
}

static bool trans_fadd_s(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F32, TCG_OP_fadd, &riscv_helper_fadd_s);
}

static bool trans_fsub_s(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F32, TCG_OP_fsub, &riscv_helper_fsub_s);
}

static bool trans_fmul_s(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F32, TCG_OP_fmul, &riscv_helper_fmul_s);
}

static bool trans_fdiv_s(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F32, TCG_OP_fdiv, &riscv_helper_fdiv_s);
}

static bool trans_fsqrt_s(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_sqrt(dc, a, TCG_F32, &riscv_helper_fsqrt_s);
}

static bool trans_fmadd_s(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F32, 0, &riscv_helper_fmadd_s);
}

static bool trans_fmsub_s(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F32, TCG_FP_NEG_ADD, &riscv_helper_fmsub_s);
}

static bool trans_fnmsub_s(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F32, TCG_FP_NEG_PROD, &riscv_helper_fnmsub_s);
}

static bool trans_fnmadd_s(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F32, TCG_FP_NEG_PROD | TCG_FP_NEG_ADD,
                   &riscv_helper_fnmadd_s);
}

static bool trans_fmin_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_minmax(dc, a, TCG_F32, TCG_OP_fmin, &riscv_helper_fmin_s);
}

static bool trans_fmax_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_minmax(dc, a, TCG_F32, TCG_OP_fmax, &riscv_helper_fmax_s);
}

static bool trans_fsgnj_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_sign(dc, a, TCG_F32, SIGN_COPY);
}

static bool trans_fsgnjn_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_sign(dc, a, TCG_F32, SIGN_NOT);
}

static bool trans_fsgnjx_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_sign(dc, a, TCG_F32, SIGN_XOR);
}

static bool trans_feq_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_compare(dc, a, TCG_F32, TCG_FEQ, &riscv_helper_feq_s);
}

static bool trans_flt_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_compare(dc, a, TCG_F32, TCG_FLT, &riscv_helper_flt_s);
}

static bool trans_fle_s(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_compare(dc, a, TCG_F32, TCG_FLE, &riscv_helper_fle_s);
}

static bool trans_fclass_s(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_class(dc, a, TCG_F32, &riscv_helper_fclass_s);
}

static bool trans_fcvt_w_s(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F32, TCG_I32, TCG_OP_fcvt_fs,
                      &riscv_helper_fcvt_w_s);
}

static bool trans_fcvt_s_w(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F32, TCG_I32, TCG_OP_fcvt_sf,
                      &riscv_helper_fcvt_s_w);
}

static bool trans_fcvt_wu_s(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F32, TCG_I32, TCG_OP_fcvt_fu,
                      &riscv_helper_fcvt_wu_s);
}

static bool trans_fcvt_s_wu(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F32, TCG_I32, TCG_OP_fcvt_uf,
                      &riscv_helper_fcvt_s_wu);
}

static bool trans_fcvt_l_s(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F32, TCG_I64, TCG_OP_fcvt_fs,
                      &riscv_helper_fcvt_l_s);
}

static bool trans_fcvt_s_l(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F32, TCG_I64, TCG_OP_fcvt_sf,
                      &riscv_helper_fcvt_s_l);
}

static bool trans_fcvt_lu_s(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F32, TCG_I64, TCG_OP_fcvt_fu,
                      &riscv_helper_fcvt_lu_s);
}

static bool trans_fcvt_s_lu(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F32, TCG_I64, TCG_OP_fcvt_uf,
                      &riscv_helper_fcvt_s_lu);
}

/* ---- D ---- */

static bool trans_fld(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_fp_load(dc, a, TCG_F64);
}

static bool trans_fsd(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_fp_store(dc, a, TCG_F64);
}

static bool trans_fadd_d(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F64, TCG_OP_fadd, &riscv_helper_fadd_d);
}

static bool trans_fsub_d(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F64, TCG_OP_fsub, &riscv_helper_fsub_d);
}

static bool trans_fmul_d(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F64, TCG_OP_fmul, &riscv_helper_fmul_d);
}

static bool trans_fdiv_d(DisasContext *dc, const ArgsRdRs1Rs2Rm *a)
{
    return gen_arith(dc, a, TCG_F64, TCG_OP_fdiv, &riscv_helper_fdiv_d);
}

static bool trans_fsqrt_d(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_sqrt(dc, a, TCG_F64, &riscv_helper_fsqrt_d);
}

static bool trans_fmadd_d(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F64, 0, &riscv_helper_fmadd_d);
}

static bool trans_fmsub_d(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F64, TCG_FP_NEG_ADD, &riscv_helper_fmsub_d);
}

static bool trans_fnmsub_d(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F64, TCG_FP_NEG_PROD, &riscv_helper_fnmsub_d);
}

static bool trans_fnmadd_d(DisasContext *dc, const ArgsRdRs1Rs2Rs3Rm *a)
{
    return gen_fma(dc, a, TCG_F64, TCG_FP_NEG_PROD | TCG_FP_NEG_ADD,
                   &riscv_helper_fnmadd_d);
}

static bool trans_fmin_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_minmax(dc, a, TCG_F64, TCG_OP_fmin, &riscv_helper_fmin_d);
}

static bool trans_fmax_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_minmax(dc, a, TCG_F64, TCG_OP_fmax, &riscv_helper_fmax_d);
}

static bool trans_fsgnj_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_sign(dc, a, TCG_F64, SIGN_COPY);
}

static bool trans_fsgnjn_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_sign(dc, a, TCG_F64, SIGN_NOT);
}

static bool trans_fsgnjx_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_sign(dc, a, TCG_F64, SIGN_XOR);
}

static bool trans_feq_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_compare(dc, a, TCG_F64, TCG_FEQ, &riscv_helper_feq_d);
}

static bool trans_flt_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_compare(dc, a, TCG_F64, TCG_FLT, &riscv_helper_flt_d);
}

static bool trans_fle_d(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_compare(dc, a, TCG_F64, TCG_FLE, &riscv_helper_fle_d);
}

static bool trans_fclass_d(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_class(dc, a, TCG_F64, &riscv_helper_fclass_d);
}

static bool trans_fcvt_w_d(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F64, TCG_I32, TCG_OP_fcvt_fs,
                      &riscv_helper_fcvt_w_d);
}

static bool trans_fcvt_d_w(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F64, TCG_I32, TCG_OP_fcvt_sf,
                      &riscv_helper_fcvt_d_w);
}

static bool trans_fcvt_wu_d(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F64, TCG_I32, TCG_OP_fcvt_fu,
                      &riscv_helper_fcvt_wu_d);
}

static bool trans_fcvt_d_wu(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F64, TCG_I32, TCG_OP_fcvt_uf,
                      &riscv_helper_fcvt_d_wu);
}

static bool trans_fcvt_l_d(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F64, TCG_I64, TCG_OP_fcvt_fs,
                      &riscv_helper_fcvt_l_d);
}

static bool trans_fcvt_d_l(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F64, TCG_I64, TCG_OP_fcvt_sf,
                      &riscv_helper_fcvt_d_l);
}

static bool trans_fcvt_lu_d(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_to_int(dc, a, TCG_F64, TCG_I64, TCG_OP_fcvt_fu,
                      &riscv_helper_fcvt_lu_d);
}

static bool trans_fcvt_d_lu(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_of_int(dc, a, TCG_F64, TCG_I64, TCG_OP_fcvt_uf,
                      &riscv_helper_fcvt_d_lu);
}
