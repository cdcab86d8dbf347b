/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What trans_f.c and trans_zfh.c share. */
#ifndef TARGET_RISCV_TRANSLATE_FP_H
#define TARGET_RISCV_TRANSLATE_FP_H

#include "target/riscv/translate.h"
#include "target/softfloat/softfloat.h"

/* May this instruction touch FP state now? (mstatus.FS, Priv 3.1.6.6) */
typedef enum FpGate {
    FP_ILLEGAL, /* FS is Off, or the rounding mode is reserved */
    FP_LATER,   /* FS was not Dirty: the unit ended, it will come again */
    FP_GO,
} FpGate;

/* How an operation rounds. */
typedef struct FpRound {
    unsigned mode;     /* FloatRound */
    unsigned contract; /* of IR ops: TCG_FP_* */
    bool soft;         /* not for an IR op: use the helper */
} FpRound;

/* @writes: an f-register or flags, so that FS becomes Dirty. */
FpGate fp_gate(DisasContext *dc, bool writes);
/* For instructions with a rounding mode; they all write. */
FpGate fp_gate_round(DisasContext *dc, int rm, FpRound *r);

TcgVal fp_read(DisasContext *dc, TcgType fmt, int r);
/* @v: F32, which is boxed, or F64. */
void fp_write(DisasContext *dc, int r, TcgVal v);
/* A half as I32, zero-extended; the NaN unless it is boxed. */
TcgVal half_read(DisasContext *dc, int r);
/* All 64 bits of an f-register as I64. */
TcgVal fp_bits(DisasContext *dc, int r);

#endif
