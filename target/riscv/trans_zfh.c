/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zfh: half precision, computed by soft float; Zfhmin: moves and conversions.
 *
 * Spec: Unprivileged ISA 20240411, chapter 24; 21.3 (NaN boxing).
 */
#include "target/riscv/translate_fp.h"
#include "target/riscv/riscv-trans-zfh.h"

enum { F16_DEFAULT_NAN = 0x7e00 };

/* The half in f-register @r as I32; the NaN when it is not boxed. */
TcgVal half_read(DisasContext *dc, int r)
{
    TcgVal bits = fp_bits(dc, r);
    TcgVal half = tcg_zext16(dc->tb, tcg_trunc(dc->tb, bits));
    TcgVal box = tcg_sari(dc->tb, bits, 16);

    return tcg_select(dc->tb, TCG_EQ, box, tcg_const(dc->tb, -1), half,
                      tcg_const32(dc->tb, F16_DEFAULT_NAN));
}

/* Box the low 16 bits of @half, an I32. */
static void half_write(DisasContext *dc, int r, TcgVal half)
{
    TcgVal bits =
        tcg_ori(dc->tb, tcg_zext32(dc->tb, half), (int64_t) ~(uint64_t)0xffff);

    fp_write(dc, r, tcg_fp_of_bits(dc->tb, bits));
}

static bool trans_flh(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        TcgVal addr = address_of(dc, a->rs1, a->imm);

        half_write(dc, a->rd,
                   tcg_ld(dc->tb, TCG_I32, addr, data_memop(dc, MO_16)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fsh(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    FpGate gate = fp_gate(dc, false);

    if (gate == FP_GO) {
        TcgVal addr = address_of(dc, a->rs1, a->imm);

        tcg_st(dc->tb, addr, tcg_trunc(dc->tb, fp_bits(dc, a->rs2)),
               data_memop(dc, MO_16));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fmv_x_h(DisasContext *dc, const ArgsRdRs1 *a)
{
    FpGate gate = fp_gate(dc, false);

    if (gate == FP_GO) {
        gpr_write(dc, a->rd, tcg_sext16(dc->tb, fp_bits(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fmv_h_x(DisasContext *dc, const ArgsRdRs1 *a)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        half_write(dc, a->rd, gpr_read32(dc, a->rs1));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fcvt_s_h(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        fp_write(dc, a->rd,
                 tcg_call_args(dc->tb, &riscv_helper_fcvt_s_h,
                               tcg_const32(dc->tb, r.mode),
                               half_read(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fcvt_d_h(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        fp_write(dc, a->rd,
                 tcg_call_args(dc->tb, &riscv_helper_fcvt_d_h,
                               tcg_const32(dc->tb, r.mode),
                               half_read(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

/* Double to half goes by one rounding, never through single. */
static bool gen_narrow(DisasContext *dc, const ArgsRdRs1Rm *a, TcgType fmt,
                       const TcgHelper *helper)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        half_write(dc, a->rd,
                   tcg_call_args(dc->tb, helper, tcg_const32(dc->tb, r.mode),
                                 fp_read(dc, fmt, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fcvt_h_s(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_narrow(dc, a, TCG_F32, &riscv_helper_fcvt_h_s);
}

static bool trans_fcvt_h_d(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    return gen_narrow(dc, a, TCG_F64, &riscv_helper_fcvt_h_d);
}

/* ---- Zfh ---- */

static bool trans_via_half_arith(DisasContext *dc, RiscvInsn insn,
                                 const ArgsRdRs1Rs2Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);
    const TcgHelper *h = insn == RISCV_INSN_FADD_H   ? &riscv_helper_fadd_h
                         : insn == RISCV_INSN_FSUB_H ? &riscv_helper_fsub_h
                         : insn == RISCV_INSN_FMUL_H ? &riscv_helper_fmul_h
                                                     : &riscv_helper_fdiv_h;

    if (gate == FP_GO) {
        half_write(dc, a->rd,
                   tcg_call_args(dc->tb, h, tcg_const32(dc->tb, r.mode),
                                 half_read(dc, a->rs1), half_read(dc, a->rs2)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_via_half_fma(DisasContext *dc, RiscvInsn insn,
                               const ArgsRdRs1Rs2Rs3Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);
    const TcgHelper *h = insn == RISCV_INSN_FMADD_H    ? &riscv_helper_fmadd_h
                         : insn == RISCV_INSN_FMSUB_H  ? &riscv_helper_fmsub_h
                         : insn == RISCV_INSN_FNMSUB_H ? &riscv_helper_fnmsub_h
                                                       : &riscv_helper_fnmadd_h;

    if (gate == FP_GO) {
        half_write(dc, a->rd,
                   tcg_call_args(dc->tb, h, tcg_const32(dc->tb, r.mode),
                                 half_read(dc, a->rs1), half_read(dc, a->rs2),
                                 half_read(dc, a->rs3)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fsqrt_h(DisasContext *dc, const ArgsRdRs1Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);

    if (gate == FP_GO) {
        half_write(dc, a->rd,
                   tcg_call_args(dc->tb, &riscv_helper_fsqrt_h,
                                 tcg_const32(dc->tb, r.mode),
                                 half_read(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_via_half_sign(DisasContext *dc, RiscvInsn insn,
                                const ArgsRdRs1Rs2 *a)
{
    FpGate gate = fp_gate(dc, true);

    if (gate == FP_GO) {
        TcgVal x = half_read(dc, a->rs1), y = half_read(dc, a->rs2);

        if (insn == RISCV_INSN_FSGNJX_H) {
            x = tcg_xor(dc->tb, x, tcg_andi(dc->tb, y, 0x8000));
        } else {
            y = tcg_andi(dc->tb,
                         insn == RISCV_INSN_FSGNJN_H ? tcg_not(dc->tb, y) : y,
                         0x8000);
            x = tcg_or(dc->tb, tcg_andi(dc->tb, x, 0x7fff), y);
        }
        half_write(dc, a->rd, x);
    }
    return gate != FP_ILLEGAL;
}

static bool trans_via_half_minmax(DisasContext *dc, RiscvInsn insn,
                                  const ArgsRdRs1Rs2 *a)
{
    FpGate gate = fp_gate(dc, true);
    const TcgHelper *h =
        insn == RISCV_INSN_FMIN_H ? &riscv_helper_fmin_h : &riscv_helper_fmax_h;

    if (gate == FP_GO) {
        half_write(dc, a->rd,
                   tcg_call_args(dc->tb, h, half_read(dc, a->rs1),
                                 half_read(dc, a->rs2)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_via_half_compare(DisasContext *dc, RiscvInsn insn,
                                   const ArgsRdRs1Rs2 *a)
{
    FpGate gate = fp_gate(dc, true);
    const TcgHelper *h = insn == RISCV_INSN_FEQ_H   ? &riscv_helper_feq_h
                         : insn == RISCV_INSN_FLT_H ? &riscv_helper_flt_h
                                                    : &riscv_helper_fle_h;

    if (gate == FP_GO) {
        gpr_write(dc, a->rd,
                  tcg_call_args(dc->tb, h, half_read(dc, a->rs1),
                                half_read(dc, a->rs2)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_fclass_h(DisasContext *dc, const ArgsRdRs1 *a)
{
    FpGate gate = fp_gate(dc, false);

    if (gate == FP_GO) {
        gpr_write(dc, a->rd,
                  tcg_call_args(dc->tb, &riscv_helper_fclass_h,
                                half_read(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_via_half_to_int(DisasContext *dc, RiscvInsn insn,
                                  const ArgsRdRs1Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);
    const TcgHelper *h =
        insn == RISCV_INSN_FCVT_W_H    ? &riscv_helper_fcvt_w_h
        : insn == RISCV_INSN_FCVT_WU_H ? &riscv_helper_fcvt_wu_h
        : insn == RISCV_INSN_FCVT_L_H  ? &riscv_helper_fcvt_l_h
                                       : &riscv_helper_fcvt_lu_h;

    if (gate == FP_GO) {
        gpr_write(dc, a->rd,
                  tcg_call_args(dc->tb, h, tcg_const32(dc->tb, r.mode),
                                half_read(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}

static bool trans_via_half_of_int(DisasContext *dc, RiscvInsn insn,
                                  const ArgsRdRs1Rm *a)
{
    FpRound r;
    FpGate gate = fp_gate_round(dc, a->rm, &r);
    const TcgHelper *h =
        insn == RISCV_INSN_FCVT_H_W    ? &riscv_helper_fcvt_h_w
        : insn == RISCV_INSN_FCVT_H_WU ? &riscv_helper_fcvt_h_wu
        : insn == RISCV_INSN_FCVT_H_L  ? &riscv_helper_fcvt_h_l
                                       : &riscv_helper_fcvt_h_lu;

    if (gate == FP_GO) {
        half_write(dc, a->rd,
                   tcg_call_args(dc->tb, h, tcg_const32(dc->tb, r.mode),
                                 gpr_read64(dc, a->rs1)));
    }
    return gate != FP_ILLEGAL;
}
