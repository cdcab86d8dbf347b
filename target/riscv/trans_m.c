/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * M and Zmmul: multiplication and division.
 *
 * Spec: Unprivileged ISA 20240411, chapter 13; table 11 for division by zero
 *       and overflow, which TCG_DIV_RISCV is.
 */
#include "target/riscv/translate.h"
#include "target/riscv/riscv-trans-rvm.h"

typedef TcgVal DivideOp(TcgBlock *tb, TcgDiv rule, TcgVal x, TcgVal y);

static bool gen_div(DisasContext *dc, const ArgsRdRs1Rs2 *a, DivideOp *op)
{
    gpr_write(
        dc, a->rd,
        op(dc->tb, TCG_DIV_RISCV, gpr_read(dc, a->rs1), gpr_read(dc, a->rs2)));
    return true;
}

/* RV64, 32-bit operands; all results are sign-extended (13.2). */
static bool gen_div_w(DisasContext *dc, const ArgsRdRs1Rs2 *a, DivideOp *op)
{
    gpr_write(dc, a->rd,
              op(dc->tb, TCG_DIV_RISCV, gpr_read32(dc, a->rs1),
                 gpr_read32(dc, a->rs2)));
    return true;
}

static bool trans_mul(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_mul);
}

static bool trans_mulh(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_mulhs);
}

static bool trans_mulhsu(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_mulhsu);
}

static bool trans_mulhu(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_mulhu);
}

static bool trans_mulw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_mul);
}

static bool trans_div(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div(dc, a, tcg_divs);
}

static bool trans_divu(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div(dc, a, tcg_divu);
}

static bool trans_rem(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div(dc, a, tcg_rems);
}

static bool trans_remu(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div(dc, a, tcg_remu);
}

static bool trans_divw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div_w(dc, a, tcg_divs);
}

static bool trans_divuw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div_w(dc, a, tcg_divu);
}

static bool trans_remw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div_w(dc, a, tcg_rems);
}

static bool trans_remuw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_div_w(dc, a, tcg_remu);
}
