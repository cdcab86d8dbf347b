/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls carried out in place on host vectors (tcg/vec.h), on hosts with
 * AVX-512: elements by chunks of up to 64 bytes, from env to env.
 *
 * Only registers 16 to 31 and k1 to k3 are used, which hold no values and
 * leave the upper halves of 0 to 15 clean, so that C code needs no vzeroupper.
 * Chunks of less than 16 bytes are merged with what env has, by mask.
 * The plain case is checked first; anything else is the call, out of line.
 *
 * Spec: Intel SDM volume 2, chapters 5 and 15.5 (AVX-512 instructions).
 */
#include "tandem/base.h"

#include "backend.h"

enum {
    Z_A = 16,
    Z_B,
    Z_OUT, /* to Z_OUT + 7: results, one a chunk */
    Z_TMP = 27,
    Z_CONST,
    Z_SCALAR,
    K_MASK = 1,
    K_TMP,
    K_BAD, /* elements that the plain case does not cover */
    MAX_CHUNKS = 8,
};

typedef struct Vec {
    Gen *g;
    X86Asm *a;
    const TcgVecOp *v;
    Cold *cold;
    unsigned lanes; /* elements a chunk */
    unsigned n, i;  /* chunks; the current one */
    uint8_t len;    /* EVEX length of the elements computed with */
    bool use_mask;  /* K_MASK says which elements count */
    bool tail;      /* not all: those below the u32 of env at guard */
    int sreg;       /* general register of the scalar */
} Vec;

typedef enum Shape {
    S_NONE,
    S_MOVE,   /* d = a or b */
    S_BIN,    /* d = a op b */
    S_LOGIC,  /* the same, of bits */
    S_SHIFT,  /* the same, counts to be cut */
    S_SAT,    /* the same; differs from the plain one in `other` */
    S_MUL3,   /* product, then `other` with the addend */
    S_FP,     /* as S_BIN: NaN results become canonical */
    S_FP1,    /* of a alone */
    S_MINMAX, /* NaN operands: the long way */
    S_FMA,    /* NaN results: the long way */
    S_SIGN,   /* vpternlog with the sign bit's mask first */
    S_TOINT,  /* overflow: the long way */
    S_CMP,
    S_MERGE,
    S_SLIDE, /* these in one chunk */
    S_GATHER,
    S_COMPRESS,
    S_MASKS,
    S_COUNT,
    S_LD,
    S_ST,
} Shape;

/* Instruction for each width of elements; 0: none. imm: predicate, control. */
typedef struct Row {
    uint8_t shape, imm, other;
    uint32_t in[4];
} Row;

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
#define MUL { 0, P(0xd5), Q(0x40), Q(0x40) | W }
static const Row rows[TCG_VEC_FN_COUNT] = {
    [TCG_VEC_A] = { S_MOVE, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_B] = { S_MOVE, 0, 0, { 1, 1, 1, 1 } },
    [TCG_VEC_ADD] = { S_BIN, 0, 0, { P(0xfc), P(0xfd), P(0xfe), P(0xd4) | W } },
    [TCG_VEC_SUB] = { S_BIN, 0, 0, { P(0xf8), P(0xf9), P(0xfa), P(0xfb) | W } },
    [TCG_VEC_AND] = { S_LOGIC, 0, 0, BITS(0xdb) },
    [TCG_VEC_OR] = { S_LOGIC, 0, 0, BITS(0xeb) },
    [TCG_VEC_XOR] = { S_LOGIC, 0, 0, BITS(0xef) },
    [TCG_VEC_SLL] = { S_SHIFT, 0, 0, { 0, Q(0x12) | W, Q(0x47), Q(0x47) | W } },
    [TCG_VEC_SRL] = { S_SHIFT, 0, 0, { 0, Q(0x10) | W, Q(0x45), Q(0x45) | W } },
    [TCG_VEC_SRA] = { S_SHIFT, 0, 0, { 0, Q(0x11) | W, Q(0x46), Q(0x46) | W } },
    [TCG_VEC_MINU] = { S_BIN, 0, 0, { P(0xda), Q(0x3a), Q(0x3b), Q(0x3b) | W } },
    [TCG_VEC_MIN] = { S_BIN, 0, 0, { Q(0x38), P(0xea), Q(0x39), Q(0x39) | W } },
    [TCG_VEC_MAXU] = { S_BIN, 0, 0, { P(0xde), Q(0x3e), Q(0x3f), Q(0x3f) | W } },
    [TCG_VEC_MAX] = { S_BIN, 0, 0, { Q(0x3c), P(0xee), Q(0x3d), Q(0x3d) | W } },
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
    [TCG_VEC_FTOI] = { S_TOINT, 0, 0, { 0, 0, P(0x5b), P(0x7b) | W } },
    [TCG_VEC_FTOU] = { S_TOINT, 1, 0, { 0, 0, X86_E(0, 1, 0x79), P(0x79) | W } },
    [TCG_VEC_FTOI_RTZ] = { S_TOINT, 0, 0,
                           { 0, 0, X86_E(2, 1, 0x5b), P(0x7a) | W } },
    [TCG_VEC_FTOU_RTZ] = { S_TOINT, 1, 0,
                           { 0, 0, X86_E(0, 1, 0x78), P(0x78) | W } },
    [TCG_VEC_ITOF] = { S_FP1, 0, 0,
                       { 0, 0, X86_E(0, 1, 0x5b), X86_E(2, 1, 0xe6) | W } },
    [TCG_VEC_UTOF] = { S_FP1, 0, 0,
                       { 0, 0, X86_E(3, 1, 0x7a), X86_E(2, 1, 0x7a) | W } },
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

/* vmovdqu8, 16, 32, 64 */
static const uint32_t mov_in[4] = {
    X86_E(3, 1, 0x6f), X86_E(3, 1, 0x6f) | W, X86_E(2, 1, 0x6f),
    X86_E(2, 1, 0x6f) | W,
};
static const uint32_t bcast_reg[4] = { Q(0x7a), Q(0x7b), Q(0x7c), Q(0x7c) | W };
static const uint32_t bcast_mem[4] = { 0, 0, Q(0x58), Q(0x59) | W };
/* [log2 of bytes from][to] */
static const uint8_t extend_op[3][4] = {
    { 0, 0x30, 0x31, 0x32 }, { 0, 0, 0x33, 0x34 }, { 0, 0, 0, 0x35 },
};
static const uint32_t narrow_in[4] = {
    0, X86_E(2, 2, 0x30), X86_E(2, 2, 0x33), X86_E(2, 2, 0x35)
};
/* clang-format on */
static const uint32_t store_8 = X86_E(3, 1, 0x7f);
static const uint32_t store_64 = X86_E(2, 1, 0x7f) | W;
/* vcvtph2ps, vcvtps2pd */
static const uint32_t fp_widen[3] = { 0, X86_E(1, 2, 0x13), X86_E(0, 1, 0x5a) };
enum { UNORDERED = 3 };

static X86Ev ev(uint32_t in, unsigned len, unsigned k)
{
    return (X86Ev){ (in & W) != 0, len, k };
}

static void rr(Vec *x, uint32_t in, unsigned k, int d, int s1, int s2)
{
    x86_ev_rr(x->a, in, ev(in, x->len, k), d, s1, s2);
}

static void rri(Vec *x, uint32_t in, unsigned k, int d, int s1, int s2, int imm)
{
    x86_ev_rri(x->a, in, ev(in, x->len, k), d, s1, s2, imm);
}

/* EVEX length for @bytes. */
static unsigned length(unsigned bytes)
{
    return bytes > 32 ? 2 : bytes > 16 ? 1 : 0;
}

/* The current chunk of the registers at @off, elements of 1 << @log bytes. */
static X86Mem chunk(const Vec *x, uint32_t off, unsigned log)
{
    return x86_mem(RBP, off + (x->i * x->lanes << log));
}

static bool is_fp(const Vec *x)
{
    Shape s = rows[x->v->fn].shape;

    return s == S_FP || s == S_FMA;
}

/* Makes elements of 1 << @log bytes those computed with. */
static uint32_t extension(const Vec *x, unsigned log, bool is_signed)
{
    return is_fp(x) ? fp_widen[log]
                    : Q(extend_op[log][x->v->lane] - (is_signed ? 0x10 : 0));
}

static void load_extended(Vec *x, int reg, X86Mem m, unsigned log,
                          bool is_signed)
{
    uint32_t in = extension(x, log, is_signed);
    unsigned k = is_fp(x) && x->use_mask ? K_MASK : 0;

    x86_ev_rm(x->a, in, ev(in, x->len, k), reg, 0, m);
}

static void load(Vec *x, int reg, uint32_t off, unsigned log, bool is_signed)
{
    X86Mem m = chunk(x, off, log);

    if (log < x->v->lane) {
        load_extended(x, reg, m, log, is_signed);
    } else {
        x86_ev_rm(x->a, mov_in[3], ev(mov_in[3], x->len, 0), reg, 0, m);
    }
}

/* The two sources in order; either may be the scalar. */
static void sources(Vec *x, int *s1, int *s2)
{
    const TcgVecOp *v = x->v;

    *s1 = Z_A;
    load(x, Z_A, v->a, v->alog, v->flags & TCG_VEC_A_SIGNED);
    if ((v->flags & TCG_VEC_SCALAR) && is_fp(x) && v->blog < v->lane) {
        *s2 = Z_B; /* may signal, so for each element that counts */
        rr(x, fp_widen[v->blog], x->use_mask ? K_MASK : 0, Z_B, 0, Z_SCALAR);
    } else if (v->flags & TCG_VEC_SCALAR) {
        *s2 = Z_SCALAR;
    } else {
        *s2 = Z_B;
        load(x, Z_B, v->b, v->blog, v->flags & TCG_VEC_B_SIGNED);
    }
    if (v->flags & TCG_VEC_SWAP) {
        int t = *s1;

        *s1 = *s2;
        *s2 = t;
    }
}

static void set_scalar(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned log = MIN(v->blog, v->lane);

    if (rows[v->fn].shape == S_SHIFT) { /* modulo the width */
        x86_rr(x->a, X86_MOV_RM, 0, RCX, x->sreg);
        x86_alu_ri(x->a, ALU_AND, 0, RCX, (8 << v->alog) - 1);
        x->sreg = RCX;
        log = v->lane;
    }
    rr(x, bcast_reg[log], 0, Z_SCALAR, 0, x->sreg);
    if (log < v->lane && !is_fp(x)) {
        rr(x, extension(x, log, v->flags & TCG_VEC_B_SIGNED), 0, Z_SCALAR, 0,
           Z_SCALAR);
    }
}

/* Z_CONST = @value in each element. */
static void set_const(Vec *x, uint64_t value)
{
    x86_mov_imm(x->a, RCX, value, false);
    rr(x, bcast_reg[x->v->lane], 0, Z_CONST, 0, RCX);
}

/* rcx = ones for each of the units of 1 << @log bytes from @at on that lie
 * below the element count: at most 64. */
static void set_tail(Vec *x, unsigned log, unsigned at)
{
    uint32_t above;

    x86_rm(x->a, X86_MOV_RM, 0, RCX, x86_mem(RBP, x->v->guard));
    if (log != 0) {
        x86_ri8(x->a, X86_SHL_I8, 0, RCX, log);
    }
    if (at != 0) {
        x86_alu_ri(x->a, ALU_SUB, 0, RCX, at);
        above = x86_jcc8(x->a, CC_AE);
        x86_mov_imm(x->a, RCX, 0, true);
        x86_bind8(x->a, above);
    }
    x86_vrm(x->a, X86_BZHI, 1, RCX, RCX,
            x86_const_mem(x->g, offsetof(ConstPool, ones)));
}

/* K_MASK for the current chunk. */
static void set_mask(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned all = x->lanes < 8 ? (1 << x->lanes) - 1 : 0xff;
    X86Mem m = x86_mem(RBP, v->mask + x->i * x->lanes / 8);

    if (x->tail) {
        set_tail(x, 0, x->i * x->lanes);
        if (v->flags & TCG_VEC_MASKED) {
            x86_rm(x->a, X86_AND_RM, 1, RCX, m);
        }
        if (x->lanes < 8) {
            x86_alu_ri(x->a, ALU_AND, 0, RCX, all);
        }
        x86_kmov_kr(x->a, 3, K_MASK, RCX);
    } else if (!(v->flags & TCG_VEC_MASKED)) {
        x86_mov_imm(x->a, RCX, bit_mask(x->lanes), false);
        x86_kmov_kr(x->a, 1, K_MASK, RCX); /* at most 16 bytes */
    } else if (x->lanes >= 8) {
        x86_kmov_km(x->a, __builtin_ctz(x->lanes) - 3, K_MASK, m);
    } else {
        x86_rm(x->a, X86_MOVZX8, 0, RCX, m);
        x86_alu_ri(x->a, ALU_AND, 0, RCX, all);
        x86_kmov_kr(x->a, 0, K_MASK, RCX);
    }
}

/* --- results --- */

static int out(const Vec *x)
{
    return Z_OUT + x->i;
}

/* Old elements, which those without mask keep. */
static void load_old(Vec *x)
{
    if (x->use_mask && x->v->dlog == x->v->lane) {
        load(x, out(x), x->v->d, x->v->lane, false);
    }
}

static void store(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned bytes = MAX(x->lanes << v->dlog, 16);
    int z = out(x);
    X86Ev e = { 1, length(bytes), 0 };

    if (v->dlog < v->lane) {
        rr(x, narrow_in[v->lane], 0, z, 0, z); /* rm is the destination */
        if (x->use_mask) {
            x86_ev_rm(x->a, mov_in[3], e, Z_TMP, 0, chunk(x, v->d, v->dlog));
            x86_ev_rr(x->a, mov_in[v->dlog], ev(mov_in[v->dlog], e.len, K_MASK),
                      Z_TMP, 0, z);
            z = Z_TMP;
        }
    }
    x86_ev_rm(x->a, store_64, e, z, 0, chunk(x, v->d, v->dlog));
}

static unsigned mask_of(const Vec *x)
{
    return x->use_mask && x->v->dlog == x->v->lane ? K_MASK : 0;
}

/* Collect in K_BAD what the instruction, a comparison into K_TMP, finds. */
static void collect(Vec *x, uint32_t in, int s1, int s2, int imm)
{
    rri(x, in, x->use_mask ? K_MASK : 0, x->i == 0 ? K_BAD : K_TMP, s1, s2,
        imm);
    if (x->i != 0) {
        x86_k(x->a, X86_KOR, K_BAD, K_BAD, K_TMP);
    }
}

static void collect_nan(Vec *x, int s1, int s2)
{
    collect(x, rows[TCG_VEC_CFEQ].in[x->v->lane], s1, s2, UNORDERED);
}

/* --- chunks by shape --- */

static void chunk_move(Vec *x)
{
    int s1, s2;

    load_old(x);
    if (x->v->fn == TCG_VEC_A) {
        load(x, Z_A, x->v->a, x->v->alog, x->v->flags & TCG_VEC_A_SIGNED);
        s1 = Z_A;
    } else if (x->v->flags & TCG_VEC_SCALAR) {
        s1 = Z_SCALAR;
    } else {
        sources(x, &s2, &s1);
    }
    rr(x, mov_in[x->v->lane], mask_of(x), out(x), 0, s1);
    store(x);
}

static void chunk_bin(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    int s1, s2;

    load_old(x);
    sources(x, &s1, &s2);
    if (r->shape == S_SHIFT && s2 == Z_B) {
        rr(x, rows[TCG_VEC_AND].in[x->v->lane], 0, Z_B, Z_B, Z_CONST);
    }
    if (r->shape == S_LOGIC && x->v->lane < 2 && mask_of(x) != 0) {
        rr(x, r->in[0], 0, Z_TMP, s1, s2); /* masks by 32 bits at least */
        rr(x, mov_in[x->v->lane], K_MASK, out(x), 0, Z_TMP);
    } else {
        rr(x, r->in[x->v->lane], mask_of(x), out(x), s1, s2);
    }
    store(x);
}

static void chunk_sat(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    unsigned lane = x->v->lane;
    int s1, s2;

    load_old(x);
    sources(x, &s1, &s2);
    rr(x, r->in[lane], mask_of(x), out(x), s1, s2);
    rr(x, rows[r->other].in[lane], 0, Z_TMP, s1, s2);
    collect(x, rows[TCG_VEC_CNE].in[lane], out(x), Z_TMP, 4);
    store(x);
}

static void chunk_mul3(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    unsigned lane = x->v->lane;
    int s1, s2, d = out(x);

    load(x, d, x->v->d, lane, false);
    sources(x, &s1, &s2);
    if (r->imm == 0) { /* d + a * b */
        rr(x, r->in[lane], 0, Z_TMP, s1, s2);
        rr(x, rows[r->other].in[lane], mask_of(x), d, d, Z_TMP);
    } else { /* a + d * b */
        rr(x, r->in[lane], 0, Z_TMP, d, s2);
        rr(x, rows[r->other].in[lane], mask_of(x), d, s1, Z_TMP);
    }
    store(x);
}

static void chunk_fp(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    unsigned lane = x->v->lane;
    size_t nan =
        lane == 3 ? offsetof(ConstPool, nan64) : offsetof(ConstPool, nan32);
    int s1 = 0, s2;
    uint32_t cmp = rows[TCG_VEC_CFEQ].in[lane];

    load_old(x);
    if (r->shape == S_FP1) {
        load(x, Z_A, x->v->a, lane, false);
        s2 = Z_A;
    } else {
        sources(x, &s1, &s2);
    }
    rr(x, r->in[lane], mask_of(x), out(x), s1, s2);
    if (x->v->fn != TCG_VEC_ITOF && x->v->fn != TCG_VEC_UTOF) {
        rri(x, cmp, mask_of(x), K_TMP, out(x), out(x), UNORDERED);
        x86_ev_rm(x->a, bcast_mem[lane], ev(bcast_mem[lane], x->len, K_TMP),
                  out(x), 0, x86_const_mem(x->g, nan));
    }
    store(x);
}

static void chunk_minmax(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    int s1, s2;

    load_old(x);
    sources(x, &s1, &s2);
    collect_nan(x, s1, s2);
    rri(x, r->in[x->v->lane], mask_of(x), out(x), s1, s2, r->imm);
}

static void chunk_fma(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    int s1, s2, d = out(x);

    load(x, d, x->v->d, x->v->lane, false);
    sources(x, &s1, &s2);
    if (r->imm == 0) {
        rr(x, r->in[x->v->lane], mask_of(x), d, s1, s2);
    } else {
        rr(x, r->in[x->v->lane], mask_of(x), d, s2, s1);
    }
    collect_nan(x, d, d);
}

static void chunk_sign(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    int s1, s2;

    load_old(x);
    sources(x, &s1, &s2);
    rr(x, mov_in[3], 0, Z_TMP, 0, Z_CONST);
    rri(x, r->in[x->v->lane], 0, Z_TMP, s1, s2, r->imm);
    rr(x, mov_in[x->v->lane], mask_of(x), out(x), 0, Z_TMP);
    store(x);
}

static void chunk_toint(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    unsigned lane = x->v->lane;

    load_old(x);
    load(x, Z_A, x->v->a, lane, false);
    rr(x, r->in[lane], mask_of(x), out(x), 0, Z_A);
    collect(x, rows[TCG_VEC_CEQ].in[lane], out(x), Z_CONST, 0);
}

static void chunk_merge(Vec *x)
{
    int s1, s2;

    sources(x, &s1, &s2);
    rr(x, mov_in[x->v->lane], K_MASK, s1, 0, s2);
    x86_ev_rm(x->a, store_64, (X86Ev){ 1, x->len, 0 }, s1, 0,
              chunk(x, x->v->d, x->v->lane));
}

/* k@k = elements [from, to) of 1 << @log bytes. */
static void set_range(Vec *x, int k, unsigned from, unsigned to)
{
    x86_mov_imm(x->a, RCX, bit_mask(to) & ~bit_mask(from), false);
    x86_kmov_kr(x->a, 3, k, RCX);
}

static void clear(Vec *x, int z)
{
    rr(x, rows[TCG_VEC_XOR].in[3], 0, z, z, z);
}

/* By bytes: vpermb with indexes that count from the shift on. */
static void chunk_slide(Vec *x)
{
    const TcgVecOp *v = x->v;
    bool down = rows[v->fn].imm;
    unsigned n = v->count, by = MIN(v->imm, n), bytes = n << v->lane;
    unsigned shift = by << v->lane, first = down ? shift : 64 - shift;
    uint32_t permb = rows[TCG_VEC_GATHER].in[0];
    int d = out(x);

    load(x, Z_A, v->a, v->lane, false);
    x86_ev_rm(x->a, mov_in[3], ev(mov_in[3], x->len, 0), Z_B, 0,
              x86_const_mem(x->g, offsetof(ConstPool, count) + first));
    if (down) {
        clear(x, d);
        set_range(x, K_TMP, 0, bytes - shift);
    } else {
        load(x, d, v->d, v->lane, false);
        set_range(x, K_TMP, shift, bytes);
    }
    rr(x, permb, K_TMP, d, Z_B, Z_A);
    if (v->flags & TCG_VEC_SCALAR) {
        unsigned at = down ? n - 1 : 0;

        set_range(x, K_TMP, at, at + 1);
        rr(x, bcast_reg[v->lane], K_TMP, d, 0, x->sreg);
    }
    store(x);
}

static void chunk_gather(Vec *x)
{
    const TcgVecOp *v = x->v;
    const Row *r = &rows[v->fn];
    X86Ev wide = ev(r->in[v->lane], MAX(x->len, 1), K_TMP);
    int s1, s2, d = out(x);

    sources(x, &s1, &s2);
    set_const(x, v->count); /* at most 64: plan() */
    rri(x, rows[TCG_VEC_CLTU].in[v->lane], 0, K_TMP, s2, Z_CONST, 1);
    clear(x, d);
    x86_ev_rr(x->a, r->in[v->lane], wide, d, s2, s1);
    store(x);
}

static void chunk_compress(Vec *x)
{
    const TcgVecOp *v = x->v;
    int d = out(x);

    load(x, d, v->d, v->lane, false);
    load(x, Z_A, v->a, v->lane, false);
    /* the source is in `reg` */
    rr(x, rows[v->fn].in[v->lane], K_MASK, Z_A, 0, d);
    store(x);
}

/* Bits of less than a byte: among those that the byte has. */
static void put_few_bits(Vec *x, X86Mem m)
{
    unsigned all = (1 << x->lanes) - 1;

    x86_kmov_rk(x->a, 0, RCX, K_TMP);
    if (x->tail || (x->v->flags & TCG_VEC_MASKED)) { /* old & ~mask, new */
        x86_kmov_rk(x->a, 0, RAX, K_MASK);
        x86_r(x->a, X86_NOT, 0, RAX);
        x86_rm(x->a, X86_AND_RM, 0, RAX, m);
    } else {
        x86_rm(x->a, X86_MOVZX8, 0, RAX, m);
        x86_alu_ri(x->a, ALU_AND, 0, RAX, ~all);
    }
    x86_rr(x->a, X86_OR_RM, 0, RAX, RCX);
    x86_rm(x->a, X86_MOV8_MR, 0, RAX, m);
}

static void chunk_cmp(Vec *x)
{
    const Row *r = &rows[x->v->fn];
    X86Mem m = x86_mem(RBP, x->v->d + x->i * x->lanes / 8);
    unsigned log = x->lanes >= 8 ? __builtin_ctz(x->lanes) - 3 : 0;
    int s1, s2;

    sources(x, &s1, &s2);
    rri(x, r->in[x->v->lane], x->use_mask ? K_MASK : 0, K_TMP, s1, s2, r->imm);
    if (x->lanes < 8) {
        put_few_bits(x, m);
        return;
    }
    if (x->tail || (x->v->flags & TCG_VEC_MASKED)) {
        x86_kmov_km(x->a, log, K_BAD, m);
        x86_k(x->a, X86_KANDN, K_BAD, K_MASK, K_BAD);
        x86_k(x->a, X86_KOR, K_TMP, K_TMP, K_BAD);
    }
    x86_kmov_mk(x->a, log, m, K_TMP);
}

/* --- masks: by general registers --- */

static void emit_masks(Vec *x)
{
    const TcgVecOp *v = x->v;
    const Row *r = &rows[v->fn];
    unsigned left = v->count / 8;

    for (unsigned at = 0; left != 0;) {
        unsigned size = left >= 8 ? 8 : left;

        x86_rm(x->a, X86_MOV_RM, 1, RCX, x86_mem(RBP, v->b + at));
        if (r->imm & 1) {
            x86_r(x->a, X86_NOT, 1, RCX);
        }
        x86_rm(x->a, x86_alu_rm(r->other), 1, RCX, x86_mem(RBP, v->a + at));
        if (r->imm & 2) {
            x86_r(x->a, X86_NOT, 1, RCX);
        }
        x86_rm(x->a,
               size == 1   ? X86_MOV8_MR
               : size == 2 ? X86_MOV16_MR
                           : X86_MOV_MR,
               size == 8, RCX, x86_mem(RBP, v->d + at));
        at += size;
        left -= size;
    }
}

/* rcx = up to 64 bits of mask a from element @at on. */
static void mask_word(Vec *x, unsigned at, unsigned n)
{
    const TcgVecOp *v = x->v;

    x86_rm(x->a, X86_MOV_RM, 1, RCX, x86_mem(RBP, v->a + at / 8));
    if (v->flags & TCG_VEC_MASKED) {
        x86_rm(x->a, X86_AND_RM, 1, RCX, x86_mem(RBP, v->mask + at / 8));
    }
    if (n < 32) {
        x86_alu_ri(x->a, ALU_AND, 0, RCX, (int32_t)bit_mask(n));
    } else if (n == 32) {
        x86_rr(x->a, X86_MOV_RM, 0, RCX, RCX);
    }
}

static void emit_cpop(Vec *x, int dst)
{
    unsigned n = x->v->count;

    x86_mov_imm(x->a, dst, 0, true);
    for (unsigned at = 0; at < n; at += 64) {
        mask_word(x, at, MIN(n - at, 64));
        x86_rr(x->a, X86_POPCNT, 1, RCX, RCX);
        x86_rr(x->a, X86_ADD_RM, 1, dst, RCX);
    }
}

/* From the last word to the first, so that the first found stays. */
static void emit_first(Vec *x, int dst)
{
    unsigned n = x->v->count;

    x86_mov_imm(x->a, dst, UINT64_MAX, true);
    for (unsigned at = (n - 1) / 64 * 64 + 64; at != 0;) {
        at -= 64;
        mask_word(x, at, MIN(n - at, 64));
        x86_rr(x->a, X86_BSF, 1, RAX, RCX);
        if (at != 0) {
            x86_rm(x->a, X86_LEA, 1, RAX, x86_mem(RAX, at));
        }
        x86_rr(x->a, X86_TEST_MR, 1, RCX, RCX);
        x86_cmov(x->a, CC_NE, 1, dst, RAX);
    }
}

/* --- guest memory --- */

/* @bytes between env at @off and host memory at @m. */
static void copy(Vec *x, uint32_t off, X86Mem m, unsigned bytes, bool to_env)
{
    for (unsigned at = 0; at < bytes;) {
        unsigned left = bytes - at;
        unsigned size = left >= 64 ? 64 : 1u << (31 - __builtin_clz(left));
        X86Mem e = x86_mem(RBP, off + at), h = m, from, to;

        h.disp += at;
        from = to_env ? h : e;
        to = to_env ? e : h;
        if (size >= 16) {
            X86Ev v = { 1, length(size), 0 };
            int z = Z_OUT + at / 64;

            x86_ev_rm(x->a, mov_in[3], v, z, 0, from);
            x86_ev_rm(x->a, store_64, v, z, 0, to);
        } else {
            x86_rm(x->a,
                   size == 1   ? X86_MOVZX8
                   : size == 2 ? X86_MOVZX16
                               : X86_MOV_RM,
                   size == 8, RCX, from);
            x86_rm(x->a,
                   size == 1   ? X86_MOV8_MR
                   : size == 2 ? X86_MOV16_MR
                               : X86_MOV_MR,
                   size == 8, RCX, to);
        }
        at += size;
    }
}

/* The same of the first elements only. */
static void copy_tail(Vec *x, X86Mem m, bool to_env)
{
    const TcgVecOp *v = x->v;
    unsigned log = __builtin_ctz(v->count / v->expect);

    for (unsigned at = 0; at < v->count; at += 64) {
        unsigned len = length(MIN(v->count - at, 64u));
        X86Mem e = x86_mem(RBP, v->d + at), h = m;

        h.disp += at;
        set_tail(x, log, at);
        x86_kmov_kr(x->a, 3, K_MASK, RCX);
        x86_ev_rm(x->a, mov_in[3], (X86Ev){ 1, len, 0 }, Z_OUT, 0, e);
        if (to_env) {
            x86_ev_rm(x->a, mov_in[0], (X86Ev){ 0, len, K_MASK }, Z_OUT, 0, h);
            x86_ev_rm(x->a, store_64, (X86Ev){ 1, len, 0 }, Z_OUT, 0, e);
        } else {
            x86_ev_rm(x->a, store_8, (X86Ev){ 0, len, K_MASK }, Z_OUT, 0, h);
        }
    }
}

static void emit_memory(Vec *x, bool is_load)
{
    const TcgVecOp *v = x->v;

    x86_tlb_check(x->g, x86_mem(x->sreg, 0), v->mo, v->count, !is_load,
                  x->cold);
    if (x->tail) {
        copy_tail(x, x86_mem_index(x->sreg, RAX, 0, 0), is_load);
    } else {
        copy(x, v->d, x86_mem_index(x->sreg, RAX, 0, 0), v->count, is_load);
    }
    x->g->drained &= is_load;
}

/* --- the op --- */

static void each_chunk(Vec *x, void (*emit)(Vec *x))
{
    for (x->i = 0; x->i < x->n; x->i++) {
        if (x->use_mask) {
            set_mask(x);
        }
        emit(x);
    }
}

/* Results of all chunks, if none of them is special. */
static void store_unless_bad(Vec *x)
{
    x86_kortest(x->a, K_BAD);
    cold_jump(x->cold, x86_jcc32(x->a, CC_NE));
    for (x->i = 0; x->i < x->n; x->i++) {
        if (x->use_mask && x->v->dlog < x->v->lane) {
            set_mask(x);
        }
        store(x);
    }
}

static void note_saturation(Vec *x)
{
    x86_kortest(x->a, K_BAD);
    x86_setcc(x->a, CC_NE, RCX);
    x86_rm(x->a, X86_OR8_MR, 0, RCX, x86_mem(RBP, x->v->sat));
}

static void emit_elements(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned lane = v->lane;
    uint64_t sign = UINT64_C(1) << ((8 << lane) - 1);

    switch (rows[v->fn].shape) {
    case S_MOVE:
        each_chunk(x, chunk_move);
        break;
    case S_SHIFT:
        if (!(v->flags & TCG_VEC_SCALAR)) {
            set_const(x, (8 << v->alog) - 1);
        }
        /* fall through */
    case S_BIN:
    case S_LOGIC:
        each_chunk(x, chunk_bin);
        break;
    case S_SAT:
        each_chunk(x, chunk_sat);
        note_saturation(x);
        break;
    case S_MUL3:
        each_chunk(x, chunk_mul3);
        break;
    case S_FP:
    case S_FP1:
        each_chunk(x, chunk_fp);
        break;
    case S_MINMAX:
        each_chunk(x, chunk_minmax);
        store_unless_bad(x);
        break;
    case S_FMA:
        each_chunk(x, chunk_fma);
        store_unless_bad(x);
        break;
    case S_SIGN:
        set_const(x, sign);
        each_chunk(x, chunk_sign);
        break;
    case S_TOINT:
        set_const(x, rows[v->fn].imm ? UINT64_MAX : sign);
        each_chunk(x, chunk_toint);
        store_unless_bad(x);
        break;
    case S_CMP:
        each_chunk(x, chunk_cmp);
        break;
    case S_SLIDE:
        each_chunk(x, chunk_slide);
        break;
    case S_GATHER:
        each_chunk(x, chunk_gather);
        break;
    case S_COMPRESS:
        each_chunk(x, chunk_compress);
        break;
    default:
        each_chunk(x, chunk_merge);
        break;
    }
}

static void cold_vec(Gen *g, const Cold *c)
{
    const TcgHelper *h = g->tb->helper[g->tb->insn[c->insn].aux];

    if (c->jump[0] == 0) {
        return; /* nothing falls back on the call */
    }
    x86_alu_mi(&g->a, ALU_ADD, 1, x86_mem(RBP, TCG_HOT_OFF(vec_calls)), 1);
    for (unsigned k = 3; k-- > 0;) {
        if (c->src[k] == NO_REG) {
            x86_mov_imm(&g->a, RAX, c->imm[k], false);
            x86_push(&g->a, RAX);
        } else {
            x86_push(&g->a, c->src[k]);
        }
    }
    x86_mov_imm(&g->a, RAX, (uintptr_t)h->fn, true);
    x86_call_abs(&g->a, thunk_at(g, THUNK_VEC + c->vec_live), RCX);
    if (tcg_helper_may_fault(h)) {
        ra_record(g, &c->locs);
    }
    if (c->dst != NO_REG) {
        x86_move(g, c->dst, RAX, true);
    }
    x86_jmp_back(&g->a, c->back);
}

/* How elements fall into chunks. False: not in this back end. */
static bool plan(Vec *x)
{
    const TcgVecOp *v = x->v;
    const Row *r = &rows[v->fn];
    unsigned bytes;

    if (!x->g->f.avx512 || (x->g->ctx->cfg.flags & TCG_NO_VEC) ||
        r->in[v->lane] == 0) {
        return false;
    }
    if (r->shape >= S_MASKS) {
        return v->count <= 512;
    }
    x->lanes = MIN(64u >> v->lane, v->count);
    x->n = v->count / x->lanes;
    bytes = x->lanes << v->lane;
    x->len = length(bytes);
    x->use_mask =
        x->tail || (v->flags & TCG_VEC_MASKED) || (x->lanes << v->dlog) < 16;
    if (r->shape >= S_SLIDE && (x->n != 1 || !x->g->f.vbmi)) {
        return false;
    }
    return x->n <= MAX_CHUNKS &&
           (r->shape < S_MERGE || (x->lanes << v->dlog) >= 16);
}

/* Code for the plain case, from the registers that @x->sreg and the call's
 * operands are in. */
static void emit_plain(Vec *x)
{
    Shape shape = rows[x->v->fn].shape;

    if ((x->v->flags & TCG_VEC_SCALAR) && shape < S_MASKS && shape != S_SLIDE) {
        set_scalar(x);
    }
    switch (shape) {
    case S_MASKS:
        emit_masks(x);
        break;
    case S_LD:
    case S_ST:
        emit_memory(x, shape == S_LD);
        break;
    default:
        emit_elements(x);
        break;
    }
}

/* Can fewer elements than all be done by masks? */
static bool has_tail(const Vec *x)
{
    const TcgVecOp *v = x->v;
    Shape s = rows[v->fn].shape;

    if (!(v->flags & TCG_VEC_GUARD) || v->expect > 256) {
        return false;
    }
    return s < S_MERGE || (s >= S_LD && v->count >= 16 && v->count <= 256 &&
                           v->count >= v->expect);
}

/* The count is not what was expected: by masks; else by the call. */
static void cold_tail(Gen *g, const Cold *c)
{
    Cold this = *c, *call = cold_new(g, NULL);
    Vec x = {
        .g = g,
        .a = &g->a,
        .v = &g->tb->vec[g->tb->insn[this.insn].aux],
        .cold = call,
        .tail = true,
        .sreg = this.src[1] == NO_REG ? RAX : this.src[1],
    };

    *call = this;
    call->emit = cold_vec;
    memset(call->jump, 0, sizeof(call->jump));
    if ((x.v->flags & TCG_VEC_SCALAR) && this.src[1] == NO_REG) {
        x86_mov_imm(&g->a, RAX, this.imm[1], false);
    }
    plan(&x);
    emit_plain(&x);
    x86_jmp_back(&g->a, this.back);
}

/* Operands of the call, in registers or as constants. */
static int operands(Gen *g, const TcgHelper *h, Cold *c, bool scalar)
{
    int sreg = NO_REG;

    for (unsigned k = 0; k < h->nargs; k++) {
        TcgRef r = tcg_insn_operand(g->tb, g->i, k);

        if (tcg_ref_is_const(r)) {
            c->imm[k] = tcg_ref_const(g->tb, r);
        } else {
            c->src[k] = ra_use(g, r, NO_REG);
        }
    }
    if (scalar) {
        sreg = c->src[1] != NO_REG ? c->src[1] : ra_temp(g);
        if (c->src[1] == NO_REG) {
            x86_mov_imm(&g->a, sreg, c->imm[1], true);
        }
    }
    return sreg;
}

bool x86_emit_vec(Gen *g, const TcgInsn *in)
{
    const TcgVecOp *v = &g->tb->vec[in->aux];
    const TcgHelper *h = g->tb->helper[in->aux];
    Vec x = { .g = g, .a = &g->a, .v = v };
    Shape shape = rows[v->fn].shape;
    Cold args = { .src = { NO_REG, NO_REG, NO_REG } };
    Locs locs = { 0 };
    Cold *tail = NULL;

    if (!plan(&x)) {
        return false;
    }
    g->ctx->count.vec_ops++;
    x.sreg =
        operands(g, h, &args, (v->flags & TCG_VEC_SCALAR) || shape >= S_LD);
    args.dst = h->ret == TCG_NONE ? NO_REG : ra_def_early(g);
    if (tcg_insn_has_snap(g->tb, g->i)) {
        locs = ra_capture(g, g->tb->snap_of[g->i], true);
    }
    x.cold = cold_new(g, cold_vec);
    memcpy(x.cold->src, args.src, sizeof(args.src));
    memcpy(x.cold->imm, args.imm, sizeof(args.imm));
    x.cold->dst = args.dst;
    x.cold->locs = locs;
    if (v->flags & TCG_VEC_GUARD) {
        x86_alu_mi(&g->a, ALU_CMP, 0, x86_mem(RBP, v->guard), v->expect);
        if (has_tail(&x) && !(shape >= S_LD && args.src[1] == NO_REG)) {
            tail = cold_new(g, cold_tail);
            memcpy(tail->src, args.src, sizeof(args.src));
            memcpy(tail->imm, args.imm, sizeof(args.imm));
            tail->locs = locs;
        }
        cold_jump(tail != NULL ? tail : x.cold, x86_jcc32(&g->a, CC_NE));
    }
    if (shape == S_COUNT) {
        (rows[v->fn].imm ? emit_first : emit_cpop)(&x, args.dst);
    } else {
        emit_plain(&x);
    }
    x.cold->back = x86_offset(&g->a);
    if (tail != NULL) {
        tail->back = x.cold->back;
    }
    if (args.dst != NO_REG) {
        ra_commit(g, args.dst);
    } else {
        ra_end_insn(g);
    }
    return true;
}
