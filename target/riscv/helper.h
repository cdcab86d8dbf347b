/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What translated code calls, with the arguments after env. Integer results
 * are I64; those of W and WU conversions are sign-extended from 32 bits.
 *
 * "illegal" means: raises an illegal-instruction exception with @insn as tval.
 */
#ifndef TARGET_RISCV_HELPER_H
#define TARGET_RISCV_HELPER_H

#include "tcg/helper.h"

/* --- system: helper.c --- */

/* (I32 cause, I64 tval): raise EXC_x. Never returns. */
extern const TcgHelper riscv_helper_raise;
/* (I32 cause, I64 pc) -> I64 new pc: take the exception of the ECALL at @pc.
 * Exit indirect, context changed. Not under icount, as it does not retire. */
extern const TcgHelper riscv_helper_ecall;
/* (I64 target): raise a misaligned fetch unless 4-byte aligned; for IALIGN 32
 * only, before the link register is written. */
extern const TcgHelper riscv_helper_check_target;
/* (): EBREAK. Raises a breakpoint, or serves a semihosting call and returns:
 * then the next instruction follows (end the unit, context changed). */
extern const TcgHelper riscv_helper_ebreak;
/* (I64 pc): raise a breakpoint when a debug trigger watches this fetch; for
 * contexts with CTX_TRIGGER alone, before the instruction. */
extern const TcgHelper riscv_helper_trigger;
/* (I32 insn, I64 value) -> I64 old: any Zicsr instruction; @value is rs1 or
 * the immediate, register numbers come from @insn. Illegal as the CSR says.
 * End the unit, context changed. */
extern const TcgHelper riscv_helper_csr;
/* (I32 insn) -> I64: the same for CSRRS and CSRRC with rs1 = x0, which never
 * change state: the unit goes on. */
extern const TcgHelper riscv_helper_csr_read;
/* () -> I64 new pc: MRET, SRET; illegal. Exit indirect, context changed. */
extern const TcgHelper riscv_helper_mret;
extern const TcgHelper riscv_helper_sret;
/* (I32 insn): WFI; illegal. Halts the vCPU: exit to the next pc, TO_LOOP. */
extern const TcgHelper riscv_helper_wfi;
/* (I32 insn): WRS.NTO, WRS.STO: a bounded yield; illegal. TO_LOOP. */
extern const TcgHelper riscv_helper_wrs;
/* (): PAUSE: lets others run. */
extern const TcgHelper riscv_helper_yield;
/* (I64 rs1, I64 rs2, I32 insn): SFENCE.VMA and SINVAL.VMA; illegal. End the
 * unit, context changed. */
extern const TcgHelper riscv_helper_sfence_vma;
/* (I32 insn): SFENCE.W.INVAL, SFENCE.INVAL.IR: order only; illegal in U. */
extern const TcgHelper riscv_helper_sfence_order;
/* (): FS becomes Dirty. End the unit with the *same* pc, context changed. */
extern const TcgHelper riscv_helper_fs_dirty;
/* (I64 address, I32 mmu): CBO.ZERO on the block around address. */
extern const TcgHelper riscv_helper_cbo_zero;
/* (I64 address, I32 mmu): access checks of CBO.INVAL, CLEAN, FLUSH. */
extern const TcgHelper riscv_helper_cbo_check;

/* --- short forms and pairs: helper_trans.c --- */

/* As riscv_helper_csr, for CSRs that are storage alone: the unit goes on. */
extern const TcgHelper riscv_helper_csr_plain;
/* (I32): the flags are these from now on; FS is Dirty. The unit goes on. */
extern const TcgHelper riscv_helper_fflags;
/* (): the caller changed mstatus.SUM, or set an interrupt enable, in place.
 * End the unit: context changed, or with a poll. */
extern const TcgHelper riscv_helper_ctx_changed;
extern const TcgHelper riscv_helper_irq_changed;
/* (I32 insn, I64 address, I32 mmu): AMOCAS.Q on gprs in env. */
extern const TcgHelper riscv_helper_amocas_q;

/* --- vectors: vec_*.c; I64 desc is a VecDesc (vector.h) --- */

/* (): VS becomes Dirty. As riscv_helper_fs_dirty. */
extern const TcgHelper riscv_helper_vs_dirty;
/* (I64 avl, I64 vtype, I32 insn) -> I64 vl: VSETVL. Context changed. */
extern const TcgHelper riscv_helper_vsetvl;
/* (I64 desc, I64 scalar): an operation with a kernel (VecOp); carries, borrows;
 * merges; fills and moves of vs1; permutations. */
extern const TcgHelper riscv_helper_v_op, riscv_helper_v_carry,
    riscv_helper_v_merge, riscv_helper_v_fill, riscv_helper_v_perm;
/* (I64 desc, I64 scalar, I64 kernel): v_op without mask and vstart, for results
 * that are vectors and reductions; the host address of the kernel. */
extern const TcgHelper riscv_helper_v_fast, riscv_helper_v_fast_fp;
/* (I64 desc, I64 address): unit stride, up to four fields, no mask, vstart 0.
 */
extern const TcgHelper riscv_helper_v_unit;
/* (I64 desc): what makes masks, or vectors of them. */
extern const TcgHelper riscv_helper_v_mask;
/* (I64 desc) -> I64: VCPOP.M, VFIRST.M */
extern const TcgHelper riscv_helper_v_cpop, riscv_helper_v_first;
/* (I64 desc, I64 address, I64 stride): loads and stores; faults leave vstart */
extern const TcgHelper riscv_helper_v_mem;

/* --- floating point in software: fpu_helper.c ---
 * @rm: I32, rounding mode; 7 takes frm, which must not be reserved. Flags go
 * to env->fflags. NaN boxing is the caller's. F is I32 for _h, with the upper
 * half zero in arguments and undefined in results. */

/* (I32 rm, F x, F y) -> F */
extern const TcgHelper riscv_helper_fadd_s, riscv_helper_fadd_d,
    riscv_helper_fadd_h;
extern const TcgHelper riscv_helper_fsub_s, riscv_helper_fsub_d,
    riscv_helper_fsub_h;
extern const TcgHelper riscv_helper_fmul_s, riscv_helper_fmul_d,
    riscv_helper_fmul_h;
extern const TcgHelper riscv_helper_fdiv_s, riscv_helper_fdiv_d,
    riscv_helper_fdiv_h;
/* (I32 rm, F x) -> F */
extern const TcgHelper riscv_helper_fsqrt_s, riscv_helper_fsqrt_d,
    riscv_helper_fsqrt_h;
/* (I32 rm, F x, F y, F z) -> F: x * y + z; FNMSUB negates the product, FMSUB
 * the addend, FNMADD both */
extern const TcgHelper riscv_helper_fmadd_s, riscv_helper_fmadd_d,
    riscv_helper_fmadd_h;
extern const TcgHelper riscv_helper_fmsub_s, riscv_helper_fmsub_d,
    riscv_helper_fmsub_h;
extern const TcgHelper riscv_helper_fnmsub_s, riscv_helper_fnmsub_d,
    riscv_helper_fnmsub_h;
extern const TcgHelper riscv_helper_fnmadd_s, riscv_helper_fnmadd_d,
    riscv_helper_fnmadd_h;
/* (F x, F y) -> F */
extern const TcgHelper riscv_helper_fmin_s, riscv_helper_fmin_d,
    riscv_helper_fmin_h;
extern const TcgHelper riscv_helper_fmax_s, riscv_helper_fmax_d,
    riscv_helper_fmax_h;
/* (F x, F y) -> I64, 0 or 1 */
extern const TcgHelper riscv_helper_feq_s, riscv_helper_feq_d,
    riscv_helper_feq_h;
extern const TcgHelper riscv_helper_flt_s, riscv_helper_flt_d,
    riscv_helper_flt_h;
extern const TcgHelper riscv_helper_fle_s, riscv_helper_fle_d,
    riscv_helper_fle_h;
/* (F x) -> I64; pure */
extern const TcgHelper riscv_helper_fclass_s, riscv_helper_fclass_d,
    riscv_helper_fclass_h;
/* (I32 rm, F x) -> I64 */
extern const TcgHelper riscv_helper_fcvt_w_s, riscv_helper_fcvt_w_d,
    riscv_helper_fcvt_w_h;
extern const TcgHelper riscv_helper_fcvt_wu_s, riscv_helper_fcvt_wu_d,
    riscv_helper_fcvt_wu_h;
extern const TcgHelper riscv_helper_fcvt_l_s, riscv_helper_fcvt_l_d,
    riscv_helper_fcvt_l_h;
extern const TcgHelper riscv_helper_fcvt_lu_s, riscv_helper_fcvt_lu_d,
    riscv_helper_fcvt_lu_h;
/* (I32 rm, I64 x) -> F; W and WU look at the low half only */
extern const TcgHelper riscv_helper_fcvt_s_w, riscv_helper_fcvt_d_w,
    riscv_helper_fcvt_h_w;
extern const TcgHelper riscv_helper_fcvt_s_wu, riscv_helper_fcvt_d_wu,
    riscv_helper_fcvt_h_wu;
extern const TcgHelper riscv_helper_fcvt_s_l, riscv_helper_fcvt_d_l,
    riscv_helper_fcvt_h_l;
extern const TcgHelper riscv_helper_fcvt_s_lu, riscv_helper_fcvt_d_lu,
    riscv_helper_fcvt_h_lu;
/* (I32 rm, F x) -> F; halves are the low 16 bits of an I32 */
extern const TcgHelper riscv_helper_fcvt_s_d, riscv_helper_fcvt_d_s;
extern const TcgHelper riscv_helper_fcvt_s_h, riscv_helper_fcvt_d_h;
extern const TcgHelper riscv_helper_fcvt_h_s, riscv_helper_fcvt_h_d,
    riscv_helper_fcvt_h_h;

/* Every one of them, NULL-terminated: for the IR parser and tests. */
extern const TcgHelper *const riscv_helpers[];

#endif
