/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of helpers that a back end may carry out itself on host vectors.
 *
 * The op is a call in every respect: the interpreter runs the helper, and so
 * does host code where it cannot do better or finds that the plain case is not
 * there. TcgVecOp says what the helper does in the plain case: count elements,
 * registers that lie in env, no trap but that of a memory access.
 */
#ifndef TCG_VEC_H
#define TCG_VEC_H

#include "tcg/ir.h"

/* d, a, b, and the old d: elements at the same index. m: the mask's bit. */
typedef enum TcgVecFn {
    TCG_VEC_NONE,
    TCG_VEC_A, /* d = a */
    TCG_VEC_B, /* d = b */
    TCG_VEC_ADD,
    TCG_VEC_SUB,
    TCG_VEC_AND,
    TCG_VEC_OR,
    TCG_VEC_XOR,
    TCG_VEC_SLL, /* counts modulo the width */
    TCG_VEC_SRL,
    TCG_VEC_SRA,
    TCG_VEC_MINU,
    TCG_VEC_MIN,
    TCG_VEC_MAXU,
    TCG_VEC_MAX,
    TCG_VEC_MUL,
    TCG_VEC_SADDU, /* saturating: 1 to the byte of env at sat */
    TCG_VEC_SADD,
    TCG_VEC_SSUBU,
    TCG_VEC_SSUB,
    TCG_VEC_MACC,  /* d + a * b */
    TCG_VEC_NMSAC, /* d - a * b */
    TCG_VEC_MADD,  /* a + d * b */
    TCG_VEC_NMSUB, /* a - d * b */
    /* floating point by TCG_FP_NAN_RISCV, rounding TCG_FP_DYN */
    TCG_VEC_FADD,
    TCG_VEC_FSUB,
    TCG_VEC_FMUL,
    TCG_VEC_FDIV,
    TCG_VEC_FSQRT, /* of a */
    TCG_VEC_FMIN,
    TCG_VEC_FMAX,
    TCG_VEC_FMACC,  /* a * b + d */
    TCG_VEC_FNMACC, /* -(a * b) - d */
    TCG_VEC_FMSAC,  /* a * b - d */
    TCG_VEC_FNMSAC, /* -(a * b) + d */
    TCG_VEC_FMADD,  /* the same with a and d in each other's place */
    TCG_VEC_FNMADD,
    TCG_VEC_FMSUB,
    TCG_VEC_FNMSUB,
    TCG_VEC_FSGNJ, /* a with the sign of b */
    TCG_VEC_FSGNJN,
    TCG_VEC_FSGNJX,
    TCG_VEC_FTOF, /* a to another width */
    TCG_VEC_FTOI, /* a to integer */
    TCG_VEC_FTOU,
    TCG_VEC_FTOI_RTZ,
    TCG_VEC_FTOU_RTZ,
    TCG_VEC_ITOF,
    TCG_VEC_UTOF,
    /* d is a mask: one bit an element, others keep their value */
    TCG_VEC_CEQ,
    TCG_VEC_CNE,
    TCG_VEC_CLTU,
    TCG_VEC_CLT,
    TCG_VEC_CLEU,
    TCG_VEC_CLE,
    TCG_VEC_CGTU,
    TCG_VEC_CGT,
    TCG_VEC_CFEQ,
    TCG_VEC_CFNE,
    TCG_VEC_CFLT,
    TCG_VEC_CFLE,
    TCG_VEC_CFGT,
    TCG_VEC_CFGE,
    TCG_VEC_MERGE, /* m ? b : a */
    /* d[i] = a[i - imm], the first imm keep their value; a[i + imm], zeros
     * behind the last; with TCG_VEC_SCALAR the one that has none is b */
    TCG_VEC_UP,
    TCG_VEC_DOWN,
    TCG_VEC_GATHER,   /* a[b], 0 beyond the last */
    TCG_VEC_COMPRESS, /* the elements of a that have m, in a row */
    /* of masks: a op b */
    TCG_VEC_MANDN,
    TCG_VEC_MAND,
    TCG_VEC_MOR,
    TCG_VEC_MXOR,
    TCG_VEC_MORN,
    TCG_VEC_MNAND,
    TCG_VEC_MNOR,
    TCG_VEC_MXNOR,
    /* the call's result: how many bits of mask a are set; the index of the
     * first, or -1 */
    TCG_VEC_CPOP,
    TCG_VEC_FIRST,
    /* guest memory at the second argument: all bytes of d, in order; with
     * TCG_VEC_MASKED by elements of 1 << lane bytes */
    TCG_VEC_LD,
    TCG_VEC_ST,
    TCG_VEC_FN_COUNT,
} TcgVecFn;

enum {
    TCG_VEC_SCALAR = 1 << 0,   /* b is the call's second argument, truncated */
    TCG_VEC_MASKED = 1 << 1,   /* elements without m keep their value */
    TCG_VEC_A_SIGNED = 1 << 2, /* how narrower sources are extended */
    TCG_VEC_B_SIGNED = 1 << 3,
    TCG_VEC_SWAP = 1 << 4,  /* a and b change places */
    TCG_VEC_GUARD = 1 << 5, /* only if the u32 of env at guard is expect */
};

typedef struct TcgVecOp {
    uint8_t fn;    /* TcgVecFn */
    uint8_t flags; /* TCG_VEC_* */
    /* log2 of bytes: of the elements computed with, and of those in d, a and
     * b. Sources may be narrower, d may be half as wide. */
    uint8_t lane, dlog, alog, blog;
    uint8_t imm;    /* UP, DOWN */
    uint16_t count; /* elements; LD, ST: bytes */
    uint16_t mo;    /* LD, ST: MemOp of an element */
    /* offsets from env */
    uint32_t d, a, b, mask, guard, sat;
    uint32_t expect;
} TcgVecOp;

#endif
