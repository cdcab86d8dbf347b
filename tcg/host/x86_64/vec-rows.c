/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What calls on host vectors are in terms of host instructions.
 *
 * Spec: Intel SDM volume 2, chapters 3 to 5.
 */
#include "tandem/base.h"

#include "vec.h"

/* clang-format off */
#define W X86_REXW
#define P(op) X86_E(1, 1, op) /* 66.0F */
#define Q(op) X86_E(1, 2, op) /* 66.0F38 */
#define T(op) X86_E(1, 3, op) /* 66.0F3A */
#define BITS(op) { P(op), P(op), P(op), P(op) | W }
#define FP(op) { 0, 0, X86_E(0, 1, op), P(op) | W }
#define FMA(op) { 0, 0, Q(op), Q(op) | W }
#define CMPS { T(0x3f), T(0x3f) | W, T(0x1f), T(0x1f) | W }
#define CMPU { T(0x3e), T(0x3e) | W, T(0x1e), T(0x1e) | W }
#define N VEC_EVEX_ONLY
#define MUL { 0, P(0xd5), Q(0x40), Q(0x40) | W | N }
const VecRow vec_rows[TCG_VEC_FN_COUNT] = {
    [TCG_VEC_A] = { S_MOVE, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_B] = { S_MOVE, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_ADD] = { S_BIN, 0, 0, { P(0xfc), P(0xfd), P(0xfe), P(0xd4) | W } },
    [TCG_VEC_SUB] = { S_BIN, 0, 0, { P(0xf8), P(0xf9), P(0xfa), P(0xfb) | W } },
    [TCG_VEC_AND] = { S_LOGIC, 0, 0, BITS(0xdb) },
    [TCG_VEC_OR] = { S_LOGIC, 0, 0, BITS(0xeb) },
    [TCG_VEC_XOR] = { S_LOGIC, 0, 0, BITS(0xef) },
    [TCG_VEC_SLL] = { S_SHIFT, 0, 0, { 0, Q(0x12) | W | N, Q(0x47), Q(0x47) | W } },
    [TCG_VEC_SRL] = { S_SHIFT, 0, 0, { 0, Q(0x10) | W | N, Q(0x45), Q(0x45) | W } },
    [TCG_VEC_SRA] = { S_SHIFT, 0, 0, { 0, Q(0x11) | W | N, Q(0x46), Q(0x46) | W | N } },
    [TCG_VEC_MINU] = { S_BIN, 0, 0, { P(0xda), Q(0x3a), Q(0x3b), Q(0x3b) | W | N } },
    [TCG_VEC_MIN] = { S_BIN, 0, 0, { Q(0x38), P(0xea), Q(0x39), Q(0x39) | W | N } },
    [TCG_VEC_MAXU] = { S_BIN, 0, 0, { P(0xde), Q(0x3e), Q(0x3f), Q(0x3f) | W | N } },
    [TCG_VEC_MAX] = { S_BIN, 0, 0, { Q(0x3c), P(0xee), Q(0x3d), Q(0x3d) | W | N } },
    [TCG_VEC_MUL] = { S_BIN, 0, 0, MUL },
    [TCG_VEC_SADDU] = { S_SAT, 0, TCG_VEC_ADD, { P(0xdc), P(0xdd) } },
    [TCG_VEC_SADD] = { S_SAT, 0, TCG_VEC_ADD, { P(0xec), P(0xed) } },
    [TCG_VEC_SSUBU] = { S_SAT, 0, TCG_VEC_SUB, { P(0xd8), P(0xd9) } },
    [TCG_VEC_SSUB] = { S_SAT, 0, TCG_VEC_SUB, { P(0xe8), P(0xe9) } },
    [TCG_VEC_MACC] = { S_MUL3, 0, TCG_VEC_ADD, MUL },
    [TCG_VEC_NMSAC] = { S_MUL3, 0, TCG_VEC_SUB, MUL },
    [TCG_VEC_MADD] = { S_MUL3, 1, TCG_VEC_ADD, MUL },
    [TCG_VEC_NMSUB] = { S_MUL3, 1, TCG_VEC_SUB, MUL },
    [TCG_VEC_FADD] = { S_FP, 0, 0, FP(0x58) },
    [TCG_VEC_FSUB] = { S_FP, 0, 0, FP(0x5c) },
    [TCG_VEC_FMUL] = { S_FP, 0, 0, FP(0x59) },
    [TCG_VEC_FDIV] = { S_FP, 0, 0, FP(0x5e) },
    [TCG_VEC_FSQRT] = { S_FP1, 0, 0, FP(0x51) },
    [TCG_VEC_FMIN] = { S_MINMAX, 4, 0, { 0, 0, T(0x50), T(0x50) | W } },
    [TCG_VEC_FMAX] = { S_MINMAX, 5, 0, { 0, 0, T(0x50), T(0x50) | W } },
    [TCG_VEC_FMACC] = { S_FMA, 0, 0, FMA(0xb8) },
    [TCG_VEC_FNMACC] = { S_FMA, 0, 0, FMA(0xbe) },
    [TCG_VEC_FMSAC] = { S_FMA, 0, 0, FMA(0xba) },
    [TCG_VEC_FNMSAC] = { S_FMA, 0, 0, FMA(0xbc) },
    [TCG_VEC_FMADD] = { S_FMA, 1, 0, FMA(0xa8) },
    [TCG_VEC_FNMADD] = { S_FMA, 1, 0, FMA(0xae) },
    [TCG_VEC_FMSUB] = { S_FMA, 1, 0, FMA(0xaa) },
    [TCG_VEC_FNMSUB] = { S_FMA, 1, 0, FMA(0xac) },
    /* of mask, a, b: mask ? b : a; mask ? ~b : a; a ^ (mask & b) */
    [TCG_VEC_FSGNJ] = { S_SIGN, 0xac, 0, { 0, T(0x25), T(0x25), T(0x25) | W } },
    [TCG_VEC_FSGNJN] = { S_SIGN, 0x5c, 0, { 0, T(0x25), T(0x25), T(0x25) | W } },
    [TCG_VEC_FSGNJX] = { S_SIGN, 0x6c, 0, { 0, T(0x25), T(0x25), T(0x25) | W } },
    /* imm: the value that says "no such integer" is all ones, else the
     * least */
    [TCG_VEC_FTOF] = { S_CVT, 0, 0, { 0, 0, 1, 1 } },
    [TCG_VEC_FTOI] = { S_TOINT, 0, 0, { 0, 0, P(0x5b), P(0x7b) | W | N } },
    [TCG_VEC_FTOU] = { S_TOINT, 1, 0, { 0, 0, X86_E(0, 1, 0x79) | N, P(0x79) | W | N } },
    [TCG_VEC_FTOI_RTZ] = { S_TOINT, 0, 0,
                           { 0, 0, X86_E(2, 1, 0x5b), P(0x7a) | W | N } },
    [TCG_VEC_FTOU_RTZ] = { S_TOINT, 1, 0,
                           { 0, 0, X86_E(0, 1, 0x78) | N, P(0x78) | W | N } },
    [TCG_VEC_ITOF] = { S_FP1, 0, 0,
                       { 0, 0, X86_E(0, 1, 0x5b), X86_E(2, 1, 0xe6) | W | N } },
    [TCG_VEC_UTOF] = { S_FP1, 0, 0,
                       { 0, 0, X86_E(3, 1, 0x7a) | N, X86_E(2, 1, 0x7a) | W | N } },
    [TCG_VEC_CEQ] = { S_CMP, 0, 0, CMPS },
    [TCG_VEC_CNE] = { S_CMP, 4, 0, CMPS },
    [TCG_VEC_CLTU] = { S_CMP, 1, 0, CMPU },
    [TCG_VEC_CLT] = { S_CMP, 1, 0, CMPS },
    [TCG_VEC_CLEU] = { S_CMP, 2, 0, CMPU },
    [TCG_VEC_CLE] = { S_CMP, 2, 0, CMPS },
    [TCG_VEC_CGTU] = { S_CMP, 6, 0, CMPU },
    [TCG_VEC_CGT] = { S_CMP, 6, 0, CMPS },
    /* quiet for = and <>, signalling for the others */
    [TCG_VEC_CFEQ] = { S_CMP, 0x00, 0, FP(0xc2) },
    [TCG_VEC_CFNE] = { S_CMP, 0x04, 0, FP(0xc2) },
    [TCG_VEC_CFLT] = { S_CMP, 0x01, 0, FP(0xc2) },
    [TCG_VEC_CFLE] = { S_CMP, 0x02, 0, FP(0xc2) },
    [TCG_VEC_CFGT] = { S_CMP, 0x0e, 0, FP(0xc2) },
    [TCG_VEC_CFGE] = { S_CMP, 0x0d, 0, FP(0xc2) },
    [TCG_VEC_MERGE] = { S_MERGE, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_UP] = { S_SLIDE, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_DOWN] = { S_SLIDE, 1, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_GATHER] = { S_GATHER, 0, 0,
                         { Q(0x8d), Q(0x8d) | W, Q(0x36), Q(0x36) | W } },
    [TCG_VEC_COMPRESS] = { S_COMPRESS, 0, 0,
                           { Q(0x63), Q(0x63) | W, Q(0x8b), Q(0x8b) | W } },
    /* imm: bit 0 inverts b, bit 1 the result */
    [TCG_VEC_MANDN] = { S_MASKS, 1, ALU_AND, { 1, 1, 1, 1 } },
    [TCG_VEC_MAND] = { S_MASKS, 0, ALU_AND, { 1, 1, 1, 1 } },
    [TCG_VEC_MOR] = { S_MASKS, 0, ALU_OR, { 1, 1, 1, 1 } },
    [TCG_VEC_MXOR] = { S_MASKS, 0, ALU_XOR, { 1, 1, 1, 1 } },
    [TCG_VEC_MORN] = { S_MASKS, 1, ALU_OR, { 1, 1, 1, 1 } },
    [TCG_VEC_MNAND] = { S_MASKS, 2, ALU_AND, { 1, 1, 1, 1 } },
    [TCG_VEC_MNOR] = { S_MASKS, 2, ALU_OR, { 1, 1, 1, 1 } },
    [TCG_VEC_MXNOR] = { S_MASKS, 2, ALU_XOR, { 1, 1, 1, 1 } },
    [TCG_VEC_CPOP] = { S_COUNT, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_FIRST] = { S_COUNT, 1, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_LD] = { S_LD, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_ST] = { S_ST, 0, 0, { 1, 1, 1, 1 } },
};
/* To another width. */
static const struct {
    uint8_t fn, from, to; /* log2 of bytes */
    uint32_t in;
} conversions[] = {
    { TCG_VEC_FTOF, 1, 2, Q(0x13) },
    { TCG_VEC_FTOF, 2, 3, X86_E(0, 1, 0x5a) },
    { TCG_VEC_FTOF, 3, 2, P(0x5a) | W },
    { TCG_VEC_FTOF, 2, 1, T(0x1d) },
    { TCG_VEC_ITOF, 2, 3, X86_E(2, 1, 0xe6) },
    { TCG_VEC_UTOF, 2, 3, X86_E(2, 1, 0x7a) | N },
    { TCG_VEC_ITOF, 3, 2, X86_E(0, 1, 0x5b) | W | N },
    { TCG_VEC_UTOF, 3, 2, X86_E(3, 1, 0x7a) | W | N },
    { TCG_VEC_FTOI, 2, 3, P(0x7b) | N },
    { TCG_VEC_FTOU, 2, 3, P(0x79) | N },
    { TCG_VEC_FTOI_RTZ, 2, 3, P(0x7a) | N },
    { TCG_VEC_FTOU_RTZ, 2, 3, P(0x78) | N },
    { TCG_VEC_FTOI, 3, 2, X86_E(3, 1, 0xe6) | W },
    { TCG_VEC_FTOU, 3, 2, X86_E(0, 1, 0x79) | W | N },
    { TCG_VEC_FTOI_RTZ, 3, 2, P(0xe6) | W },
    { TCG_VEC_FTOU_RTZ, 3, 2, X86_E(0, 1, 0x78) | W | N },
};
/* [log2 of bytes from][to], zero-extended; signed ones are 0x10 below */
static const uint8_t extensions[3][4] = {
    { 0, 0x30, 0x31, 0x32 }, { 0, 0, 0x33, 0x34 }, { 0, 0, 0, 0x35 },
};
/* clang-format on */

uint32_t vec_conversion(const TcgVecOp *v)
{
    for (unsigned k = 0; k < ARRAY_SIZE(conversions); k++) {
        if (conversions[k].fn == v->fn && conversions[k].from == v->alog &&
            conversions[k].to == v->dlog) {
            return conversions[k].in;
        }
    }
    return 0;
}

uint32_t vec_extension(unsigned from, unsigned to, bool is_signed)
{
    return Q(extensions[from][to] - (is_signed ? 0x10 : 0));
}
