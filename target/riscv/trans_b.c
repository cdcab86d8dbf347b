/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bit manipulation: Zba, Zbb, Zbc, Zbs.
 *
 * Spec: Unprivileged ISA 20240411, chapter 28.
 */
#include "target/riscv/translate.h"
#include "target/riscv/riscv-trans-zb.h"

typedef TcgVal UnaryOp(TcgBlock *tb, TcgVal x);

static bool gen_unary(DisasContext *dc, const ArgsRdRs1 *a, UnaryOp *op)
{
    gpr_write(dc, a->rd, op(dc->tb, gpr_read(dc, a->rs1)));
    return true;
}

static bool gen_unary_w(DisasContext *dc, const ArgsRdRs1 *a, UnaryOp *op)
{
    gpr_write(dc, a->rd, op(dc->tb, gpr_read32(dc, a->rs1)));
    return true;
}

/* ---- Zba: address generation ---- */

static bool gen_shadd(DisasContext *dc, const ArgsRdRs1Rs2 *a, unsigned shift)
{
    TcgVal scaled = tcg_shli(dc->tb, gpr_read(dc, a->rs1), shift);

    gpr_write(dc, a->rd, tcg_add(dc->tb, scaled, gpr_read(dc, a->rs2)));
    return true;
}

/* rs1 is an unsigned word (RV64). */
static bool gen_shadd_uw(DisasContext *dc, const ArgsRdRs1Rs2 *a,
                         unsigned shift)
{
    TcgVal word = tcg_zext32(dc->tb, gpr_read32(dc, a->rs1));

    gpr_write(
        dc, a->rd,
        tcg_add(dc->tb, tcg_shli(dc->tb, word, shift), gpr_read64(dc, a->rs2)));
    return true;
}

static bool trans_sh1add(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_shadd(dc, a, 1);
}

static bool trans_sh2add(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_shadd(dc, a, 2);
}

static bool trans_sh3add(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_shadd(dc, a, 3);
}

static bool trans_add_uw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_shadd_uw(dc, a, 0);
}

static bool trans_sh1add_uw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_shadd_uw(dc, a, 1);
}

static bool trans_sh2add_uw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_shadd_uw(dc, a, 2);
}

static bool trans_sh3add_uw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_shadd_uw(dc, a, 3);
}

static bool trans_slli_uw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    TcgVal word = tcg_zext32(dc->tb, gpr_read32(dc, a->rs1));

    gpr_write(dc, a->rd, tcg_shli(dc->tb, word, a->imm));
    return true;
}

/* ---- Zbb: basic ---- */

static TcgVal xnor_op(TcgBlock *tb, TcgVal x, TcgVal y)
{
    return tcg_not(tb, tcg_xor(tb, x, y));
}

static bool trans_andn(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_andn);
}

static bool trans_orn(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_orn);
}

static bool trans_xnor(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, xnor_op);
}

static bool trans_clz(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_clz);
}

static bool trans_ctz(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_ctz);
}

static bool trans_cpop(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_popcnt);
}

static bool trans_clzw(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary_w(dc, a, tcg_clz);
}

static bool trans_ctzw(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary_w(dc, a, tcg_ctz);
}

static bool trans_cpopw(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary_w(dc, a, tcg_popcnt);
}

static bool trans_sext_b(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_sext8);
}

static bool trans_sext_h(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_sext16);
}

static bool trans_zext_h(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_zext16);
}

static bool trans_min(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_smin);
}

static bool trans_minu(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_umin);
}

static bool trans_max(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_smax);
}

static bool trans_maxu(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_umax);
}

static bool trans_rol(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_rotl);
}

static bool trans_ror(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_rotr);
}

static bool trans_rori(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_rotr);
}

static bool trans_rolw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_rotl);
}

static bool trans_rorw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_rotr);
}

static bool trans_roriw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri_w(dc, a, tcg_rotr);
}

static bool trans_orc_b(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_orcb);
}

static bool trans_rev8(DisasContext *dc, const ArgsRdRs1 *a)
{
    return gen_unary(dc, a, tcg_bswap);
}

/* ---- Zbc: carry-less multiplication ---- */

/* Bits 2*XLEN-2 .. XLEN-1 of the product (28.5, clmulr). */
static TcgVal clmulr_op(TcgBlock *tb, TcgVal x, TcgVal y)
{
    TcgVal high = tcg_shli(tb, tcg_clmulh(tb, x, y), 1);
    TcgVal low = tcg_shri(tb, tcg_clmul(tb, x, y), x.type == TCG_I32 ? 31 : 63);

    return tcg_or(tb, high, low);
}

static bool trans_clmul(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_clmul);
}

static bool trans_clmulh(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_clmulh);
}

static bool trans_clmulr(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, clmulr_op);
}

/* ---- Zbs: single bits; the index is taken modulo XLEN ---- */

static TcgVal one_bit(TcgBlock *tb, TcgVal index)
{
    return tcg_shl(tb, tcg_const_like(tb, index, 1), index);
}

static TcgVal bclr_op(TcgBlock *tb, TcgVal x, TcgVal index)
{
    return tcg_andn(tb, x, one_bit(tb, index));
}

static TcgVal bext_op(TcgBlock *tb, TcgVal x, TcgVal index)
{
    return tcg_andi(tb, tcg_shr(tb, x, index), 1);
}

static TcgVal binv_op(TcgBlock *tb, TcgVal x, TcgVal index)
{
    return tcg_xor(tb, x, one_bit(tb, index));
}

static TcgVal bset_op(TcgBlock *tb, TcgVal x, TcgVal index)
{
    return tcg_or(tb, x, one_bit(tb, index));
}

static bool trans_bclr(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, bclr_op);
}

static bool trans_bext(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, bext_op);
}

static bool trans_binv(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, binv_op);
}

static bool trans_bset(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, bset_op);
}

static bool trans_bclri(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, bclr_op);
}

static bool trans_bexti(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, bext_op);
}

static bool trans_binvi(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, binv_op);
}

static bool trans_bseti(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, bset_op);
}
