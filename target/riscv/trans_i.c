/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RV32I and RV64I, Zifencei, Zihintpause, Zicbop.
 *
 * Spec: Unprivileged ISA 20240411, chapters 2, 4, 5, 7; CMO 19.7.
 */
#include "target/riscv/translate.h"
#include "target/riscv/riscv-trans-rvi.h"

static bool gen_set(DisasContext *dc, int rd, TcgCond cond, TcgVal x, TcgVal y)
{
    gpr_write(dc, rd, tcg_setcc(dc->tb, dc->xtype, cond, x, y));
    return true;
}

/* ---- upper immediates (2.4.1) ---- */

static bool trans_lui(DisasContext *dc, const ArgsRdImm *a)
{
    gpr_write(dc, a->rd, xconst(dc, a->imm));
    return true;
}

static bool trans_auipc(DisasContext *dc, const ArgsRdImm *a)
{
    if (a->rd != 0) {
        gpr_write(dc, a->rd, pc_value(dc, dc->pc + (int64_t)a->imm));
    }
    return true;
}

/* ---- jumps (2.5.1) ---- */

/* Without C a target must be a multiple of 4; the exception is the jump's own
 * (2.5). Targets in the tables are even. */
static bool target_is_misaligned(DisasContext *dc, vaddr target)
{
    return (target & 2) != 0 && !has_ext(dc, RISCV_EXT_C) &&
           !has_ext(dc, RISCV_EXT_ZCA);
}

/* Can translation go on at @target? Forward in the page: the unit stays one
 * line with one entry. */
static bool can_follow(DisasContext *dc, vaddr target)
{
    return !dc->u->single && target > dc->pc &&
           (target ^ dc->u->first_pc) >> riscv_frontend.page_bits == 0;
}

static bool trans_jal(DisasContext *dc, const ArgsRdImm *a)
{
    vaddr target = wrap_pc(dc, dc->pc + (int64_t)a->imm);

    if (target_is_misaligned(dc, target)) {
        gen_raise(dc, EXC_INSN_MISALIGNED, target);
        return true;
    }
    gen_link(dc, a->rd);
    if (dc->vtype_off && !can_follow(dc, target)) {
        gen_sync_ctx(dc);
        tcg_exit_indirect(dc->tb, tcg_const_pc(dc->tb, target),
                          TCG_EXIT_CTX_CHANGED);
    } else if (is_link_reg(a->rd) && !dc->vtype_off) {
        tcg_exit_call(dc->tb, target, dc->next_pc);
    } else if (can_follow(dc, target)) {
        dc->u->pc = target;
    } else {
        tcg_exit_direct(dc->tb, target, 0);
    }
    return true;
}

/* The target is computed before rd is written: jalr ra, ra. */
static bool trans_jalr(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    TcgVal sum = tcg_addi(dc->tb, gpr_read(dc, a->rs1), a->imm);
    TcgVal target = to_address(dc, tcg_andi(dc->tb, sum, -2));

    if (!has_ext(dc, RISCV_EXT_C) && !has_ext(dc, RISCV_EXT_ZCA)) {
        tcg_call_args(dc->tb, &riscv_helper_check_target, target);
    }
    gen_link(dc, a->rd);
    gen_sync_ctx(dc);
    if (is_link_reg(a->rd) && !dc->vtype_off) {
        tcg_exit_call_indirect(dc->tb, target, dc->next_pc);
    } else {
        tcg_exit_indirect(dc->tb, target,
                          is_link_reg(a->rs1) && !dc->vtype_off ? TCG_EXIT_RET
                                                                : 0);
    }
    return true;
}

/* ---- conditional branches (2.5.2) ---- */

static bool gen_branch(DisasContext *dc, const ArgsRs1Rs2Imm *a, TcgCond cond)
{
    TcgVal x = gpr_read(dc, a->rs1), y = gpr_read(dc, a->rs2);
    vaddr target = wrap_pc(dc, dc->pc + (int64_t)a->imm);

    if (target_is_misaligned(dc, target)) {
        gen_sync_ctx(dc);
        tcg_side_exit(dc->tb, tcg_cond_invert(cond), x, y, dc->next_pc);
        if (!tcg_block_ended(dc->tb)) {
            gen_raise(dc, EXC_INSN_MISALIGNED, target);
        }
        return true;
    }
    if (dc->vtype_off) {
        /* Both ways leave with another vtype than the unit came with, and
         * TBs are found by it: neither may be linked to what runs under the
         * old one. So one exit, with the pc as a value; the loop looks up. */
        TcgVal pc = tcg_select(dc->tb, cond, x, y, tcg_const_pc(dc->tb, target),
                               tcg_const_pc(dc->tb, dc->next_pc));

        gen_sync_ctx(dc);
        tcg_exit_indirect(dc->tb, pc, TCG_EXIT_CTX_CHANGED);
    } else if (!gen_skip(dc, cond, x, y, target)) {
        tcg_side_exit(dc->tb, cond, x, y, target);
    }
    return true;
}

static bool trans_beq(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_branch(dc, a, TCG_EQ);
}

static bool trans_bne(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_branch(dc, a, TCG_NE);
}

static bool trans_blt(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_branch(dc, a, TCG_LT);
}

static bool trans_bge(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_branch(dc, a, TCG_GE);
}

static bool trans_bltu(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_branch(dc, a, TCG_LTU);
}

static bool trans_bgeu(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_branch(dc, a, TCG_GEU);
}

/* ---- loads and stores (2.6, 4.3) ---- */

/* Also with rd = x0: it may fault or reach a device (2.6). */
static bool gen_load(DisasContext *dc, const ArgsRdRs1Imm *a, MemOp size)
{
    TcgVal addr = address_of(dc, a->rs1, a->imm);

    gpr_write(dc, a->rd, tcg_ld(dc->tb, dc->xtype, addr, data_memop(dc, size)));
    return true;
}

static bool gen_store(DisasContext *dc, const ArgsRs1Rs2Imm *a, MemOp size)
{
    TcgVal addr = address_of(dc, a->rs1, a->imm);

    tcg_st(dc->tb, addr, gpr_read(dc, a->rs2), data_memop(dc, size));
    return true;
}

static bool trans_lb(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_load(dc, a, MO_8 | MO_SIGN);
}

static bool trans_lh(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_load(dc, a, MO_16 | MO_SIGN);
}

static bool trans_lw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_load(dc, a, MO_32 | MO_SIGN);
}

static bool trans_ld(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_load(dc, a, MO_64);
}

static bool trans_lbu(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_load(dc, a, MO_8);
}

static bool trans_lhu(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_load(dc, a, MO_16);
}

static bool trans_lwu(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_load(dc, a, MO_32);
}

static bool trans_sb(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_store(dc, a, MO_8);
}

static bool trans_sh(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_store(dc, a, MO_16);
}

static bool trans_sw(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_store(dc, a, MO_32);
}

static bool trans_sd(DisasContext *dc, const ArgsRs1Rs2Imm *a)
{
    return gen_store(dc, a, MO_64);
}

/* ---- register and immediate (2.4, 4.2) ---- */

static bool trans_addi(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_add);
}

static bool trans_slti(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_set(dc, a->rd, TCG_LT, gpr_read(dc, a->rs1), xconst(dc, a->imm));
}

/* The immediate is sign-extended, then compared as unsigned. */
static bool trans_sltiu(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_set(dc, a->rd, TCG_LTU, gpr_read(dc, a->rs1),
                   xconst(dc, a->imm));
}

static bool trans_xori(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_xor);
}

static bool trans_ori(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_or);
}

static bool trans_andi(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_and);
}

static bool trans_slli(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_shl);
}

static bool trans_srli(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_shr);
}

static bool trans_srai(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri(dc, a, tcg_sar);
}

static bool trans_add(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_add);
}

static bool trans_sub(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_sub);
}

/* Shifts by register use the low log2(XLEN) bits, as IR shifts do. */
static bool trans_sll(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_shl);
}

static bool trans_srl(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_shr);
}

static bool trans_sra(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_sar);
}

static bool trans_slt(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_set(dc, a->rd, TCG_LT, gpr_read(dc, a->rs1),
                   gpr_read(dc, a->rs2));
}

static bool trans_sltu(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_set(dc, a->rd, TCG_LTU, gpr_read(dc, a->rs1),
                   gpr_read(dc, a->rs2));
}

static bool trans_xor(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_xor);
}

static bool trans_or(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_or);
}

static bool trans_and(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr(dc, a, tcg_and);
}

static bool trans_addiw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri_w(dc, a, tcg_add);
}

static bool trans_slliw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri_w(dc, a, tcg_shl);
}

static bool trans_srliw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri_w(dc, a, tcg_shr);
}

static bool trans_sraiw(DisasContext *dc, const ArgsRdRs1Imm *a)
{
    return gen_ri_w(dc, a, tcg_sar);
}

static bool trans_addw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_add);
}

static bool trans_subw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_sub);
}

static bool trans_sllw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_shl);
}

static bool trans_srlw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_shr);
}

static bool trans_sraw(DisasContext *dc, const ArgsRdRs1Rs2 *a)
{
    return gen_rr_w(dc, a, tcg_sar);
}

/* ---- order, hints, environment (2.7, 2.8, 5.1, 7.1) ---- */

enum { FENCE_W = 1, FENCE_R = 2, FENCE_O = 4, FENCE_I = 8 };

/* Device input orders as a read, output as a write. */
static bool trans_fence(DisasContext *dc, const ArgsRdRs1FmPredSucc *a)
{
    bool pr = a->pred & (FENCE_R | FENCE_I), pw = a->pred & (FENCE_W | FENCE_O);
    bool sr = a->succ & (FENCE_R | FENCE_I), sw = a->succ & (FENCE_W | FENCE_O);
    unsigned mask =
        (pr && sr ? TCG_FENCE_RR : 0) | (pr && sw ? TCG_FENCE_RW : 0) |
        (pw && sr ? TCG_FENCE_WR : 0) | (pw && sw ? TCG_FENCE_WW : 0);

    if (a->fm == 8 && a->pred == 3 && a->succ == 3) {
        mask &= ~TCG_FENCE_WR; /* FENCE.TSO */
    }
    if (mask != 0) {
        tcg_fence(dc->tb, mask);
    }
    return true;
}

/* Writes to code are tracked: it is gone already, or this vCPU was asked to
 * forget it and sees so by exit_req, which an indirect exit looks at. */
static bool trans_fence_i(DisasContext *dc, const ArgsNone *a)
{
    gen_end_ctx_changed(dc);
    return true;
}

static bool trans_pause(DisasContext *dc, const ArgsNone *a)
{
    tcg_call0(dc->tb, &riscv_helper_yield);
    return true;
}

/* Prefetches may not fault (CMO 19.7): nothing to do. */
static bool trans_prefetch_i(DisasContext *dc, const ArgsRs1Imm *a)
{
    return true;
}

static bool trans_prefetch_r(DisasContext *dc, const ArgsRs1Imm *a)
{
    return true;
}

static bool trans_prefetch_w(DisasContext *dc, const ArgsRs1Imm *a)
{
    return true;
}

static bool trans_ecall(DisasContext *dc, const ArgsNone *a)
{
    unsigned cause = EXC_ECALL_U + dc->priv; /* 8, 9, 11 */

    if (!dc->u->may_enter) {
        gen_raise(dc, cause, 0);
        return true;
    }
    tcg_exit_indirect(dc->tb,
                      tcg_call_args(dc->tb, &riscv_helper_ecall,
                                    tcg_const32(dc->tb, cause),
                                    tcg_const_pc(dc->tb, dc->pc)),
                      TCG_EXIT_CTX_CHANGED);
    return true;
}

static bool trans_ebreak(DisasContext *dc, const ArgsNone *a)
{
    tcg_call0(dc->tb, &riscv_helper_ebreak);
    gen_end_ctx_changed(dc); /* behind a semihosting call */
    return true;
}
