/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privileged instructions and Svinval. Who may run them is looked at when they
 * run: TSR, TVM and TW are no part of the context.
 *
 * Spec: Privileged ISA 20240411, 3.3, 12.2; chapter 9 (Svinval).
 */
#include "target/riscv/translate.h"
#include "target/riscv/riscv-trans-priv.h"

static bool gen_xret(DisasContext *dc, const TcgHelper *helper)
{
    TcgVal pc = tcg_call0(dc->tb, helper);

    tcg_exit_indirect(dc->tb, pc, TCG_EXIT_CTX_CHANGED);
    return true;
}

static bool trans_mret(DisasContext *dc, const ArgsNone *a)
{
    return gen_xret(dc, &riscv_helper_mret);
}

static bool trans_sret(DisasContext *dc, const ArgsNone *a)
{
    return gen_xret(dc, &riscv_helper_sret);
}

static bool trans_wfi(DisasContext *dc, const ArgsNone *a)
{
    tcg_call_args(dc->tb, &riscv_helper_wfi, tcg_const32(dc->tb, dc->insn));
    gen_end_direct(dc, TCG_EXIT_TO_LOOP);
    return true;
}

/* "All" is said by the register's number, not by its value (12.2.1). */
static bool trans_sfence_vma(DisasContext *dc, const ArgsRs1Rs2 *a)
{
    tcg_call_args(dc->tb, &riscv_helper_sfence_vma, gpr_read64(dc, a->rs1),
                  gpr_read64(dc, a->rs2), tcg_const32(dc->tb, dc->insn));
    gen_end_ctx_changed(dc);
    return true;
}

static bool trans_sinval_vma(DisasContext *dc, const ArgsRs1Rs2 *a)
{
    return trans_sfence_vma(dc, a);
}

/* SINVAL.VMA does all the work at once: only the rights are left. */
static bool gen_sfence_order(DisasContext *dc)
{
    tcg_call_args(dc->tb, &riscv_helper_sfence_order,
                  tcg_const32(dc->tb, dc->insn));
    return true;
}

static bool trans_sfence_w_inval(DisasContext *dc, const ArgsNone *a)
{
    return gen_sfence_order(dc);
}

static bool trans_sfence_inval_ir(DisasContext *dc, const ArgsNone *a)
{
    return gen_sfence_order(dc);
}
