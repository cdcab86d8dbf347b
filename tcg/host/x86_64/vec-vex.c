/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements on hosts with AVX2 and FMA: chunks of up to 32 bytes, from env to
 * env. A mask is a vector of ones and zeros, and results are blended.
 *
 * Registers 7 to 15 are taken for the op, 0 and 1 are scratch. C code wants
 * the upper halves clean: vzeroupper at the end, and before a call.
 * Where elements that do not count could raise flags, their operands are
 * zeros, and divisors 1.0.
 *
 * Spec: Intel SDM volume 2, chapters 3 to 5 (VEX forms).
 */
#include "tandem/base.h"

#include "vec.h"

enum {
    Y_A = 0,
    Y_B = 1,
    Y_BAD = 7, /* elements that the plain case does not cover; the NaN */
    Y_MASK,    /* ones: elements that count */
    Y_TMP,
    Y_CONST,
    Y_SCALAR,
    Y_OUT, /* where all results wait for a check, to Y_OUT + 3 */
    MAX_CHUNKS = 8,
    MAX_WAITING = 4,
    UNORDERED = 3, /* predicate of vcmpps, quiet */
};

/* clang-format off */
#define W X86_REXW
#define P(op) X86_E(1, 1, op) /* 66.0F */
#define Q(op) X86_E(1, 2, op) /* 66.0F38 */
#define T(op) X86_E(1, 3, op) /* 66.0F3A */
#define FP(op) { 0, 0, X86_E(0, 1, op), P(op) }
static const uint32_t broadcast[4] = { Q(0x78), Q(0x79), Q(0x58), Q(0x59) };
static const uint32_t equal[4] = { P(0x74), P(0x75), P(0x76), Q(0x29) };
static const uint32_t greater[4] = { P(0x64), P(0x65), P(0x66), Q(0x37) };
static const uint32_t compare_fp[4] = FP(0xc2);
static const uint32_t min_fp[4] = FP(0x5d), max_fp[4] = FP(0x5f);
static const uint32_t or_fp = P(0xeb), and_fp = P(0xdb);
/* all elements by one count */
static const uint32_t shift_by[3][4] = {
    { 0, P(0xf1), P(0xf2), P(0xf3) }, { 0, P(0xd1), P(0xd2), P(0xd3) },
    { 0, P(0xe1), P(0xe2), 0 },
};
/* clang-format on */
enum {
    AND = P(0xdb),
    ANDN = P(0xdf), /* ~s1 & s2 */
    OR = P(0xeb),
    XOR = P(0xef),
    MOVE = X86_E(2, 1, 0x6f),  /* vmovdqu */
    STORE = X86_E(2, 1, 0x7f), /* the same the other way */
    LOAD_8 = X86_E(2, 1, 0x7e),
    STORE_8 = P(0xd6),
    LOAD_4 = P(0x6e),
    STORE_4 = P(0x7e),
    BLEND = T(0x4c),
    SHUFFLE = Q(0x00),
    PERMD = Q(0x36),
    PERMQ = T(0x00) | W,
    PERM_HALVES = T(0x46),
    ALIGN = T(0x0f),
    EXTRACT = T(0x39),
    PACK_16 = P(0x63),
    PS_TO_PD = X86_E(0, 1, 0x5a),
    PH_TO_PS = Q(0x13),
    TEST = Q(0x17),
};

/* --- encodings --- */

static uint32_t vex(const Vec *x, uint32_t in)
{
    return (in & ~VEC_EVEX_ONLY) | X86_VEX | (x->len ? X86_L1 : 0);
}

static void vv(Vec *x, uint32_t in, int d, int s1, int s2)
{
    x86_vrr(x->a, vex(x, in), 0, d, s1, s2);
}

static void vvi(Vec *x, uint32_t in, int d, int s1, int s2, int imm)
{
    x86_vrri(x->a, vex(x, in), 0, d, s1, s2, imm);
}

static void vm(Vec *x, uint32_t in, int d, int s1, X86Mem m)
{
    x86_vrm(x->a, vex(x, in), 0, d, s1, m);
}

static X86Mem pool(const Vec *x, size_t offset)
{
    return x86_const_mem(x->g, offset);
}

/* d = mask ? yes : no, by bytes */
static void blend(Vec *x, int d, int no, int yes, int mask)
{
    vvi(x, BLEND, d, no, yes, mask << 4);
}

/* @bytes: 4 to 32, zeros above */
static void move_in(Vec *x, int reg, X86Mem m, unsigned bytes)
{
    uint32_t in = bytes >= 16 ? MOVE : bytes == 8 ? LOAD_8 : LOAD_4;

    x86_vrm(x->a, in | X86_VEX | (bytes == 32 ? X86_L1 : 0), 0, reg, 0, m);
}

static void move_out(Vec *x, X86Mem m, int reg, unsigned bytes)
{
    uint32_t in = bytes >= 16 ? STORE : bytes == 8 ? STORE_8 : STORE_4;

    x86_vrm(x->a, in | X86_VEX | (bytes == 32 ? X86_L1 : 0), 0, reg, 0, m);
}

/* --- operands --- */

static bool is_float(const Vec *x)
{
    VecShape s = vec_row(x)->shape;

    return s == S_FP || s == S_FMA;
}

static bool compares_floats(const Vec *x)
{
    return x->v->fn >= TCG_VEC_CFEQ && x->v->fn <= TCG_VEC_CFGE;
}

/* May elements raise flags? */
static bool has_flags(const Vec *x)
{
    VecShape s = vec_row(x)->shape;

    return s == S_FP || s == S_CVT || s == S_FP1 || s == S_FMA ||
           s == S_TOINT || s == S_MINMAX || compares_floats(x);
}

static bool waits(const Vec *x)
{
    VecShape s = vec_row(x)->shape;

    return s == S_FMA || s == S_MINMAX || s == S_TOINT;
}

static int out(const Vec *x)
{
    return waits(x) ? Y_OUT + x->i : Y_OUT;
}

static uint32_t extension(const Vec *x, unsigned log, bool is_signed)
{
    return is_float(x) ? (log == 1 ? PH_TO_PS : PS_TO_PD)
                       : vec_extension(log, x->v->lane, is_signed);
}

static void load(Vec *x, int reg, uint32_t off, unsigned log, bool is_signed)
{
    X86Mem m = vec_chunk(x, off, log);

    if (log < x->v->lane) {
        vm(x, extension(x, log, is_signed), reg, 0, m);
    } else {
        move_in(x, reg, m, x->lanes << log);
    }
    if (x->use_mask && has_flags(x)) {
        vv(x, AND, reg, reg, Y_MASK);
    }
}

/* The two sources in order; either may be the scalar. */
static void sources(Vec *x, int *s1, int *s2)
{
    const TcgVecOp *v = x->v;
    bool quiet = x->use_mask && has_flags(x);

    *s1 = Y_A;
    *s2 = Y_B;
    load(x, Y_A, v->a, v->alog, v->flags & TCG_VEC_A_SIGNED);
    if (!(v->flags & TCG_VEC_SCALAR)) {
        load(x, Y_B, v->b, v->blog, v->flags & TCG_VEC_B_SIGNED);
    } else if (quiet) {
        vv(x, AND, Y_B, Y_SCALAR, Y_MASK);
    } else {
        *s2 = Y_SCALAR;
    }
    if (v->flags & TCG_VEC_SWAP) {
        int t = *s1;

        *s1 = *s2;
        *s2 = t;
    }
    if (quiet && v->fn == TCG_VEC_FDIV) {
        blend(x, *s2, Y_CONST, *s2, Y_MASK);
    }
}

static void set_scalar(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned log = MIN(v->blog, v->lane);

    if (vec_row(x)->shape == S_SHIFT) { /* one count, modulo the width */
        x86_rr(x->a, X86_MOV_RM, 0, RCX, x->sreg);
        x86_alu_ri(x->a, ALU_AND, 0, RCX, (8 << v->alog) - 1);
        x86_vrr(x->a, LOAD_4 | X86_VEX, 0, Y_SCALAR, 0, RCX);
        return;
    }
    x86_vrr(x->a, LOAD_4 | X86_VEX, 1, Y_SCALAR, 0, x->sreg);
    vv(x, broadcast[log], Y_SCALAR, 0, Y_SCALAR);
    if (log < v->lane) {
        vv(x, extension(x, log, v->flags & TCG_VEC_B_SIGNED), Y_SCALAR, 0,
           Y_SCALAR);
    }
}

/* @reg = @value in each element; rcx is lost. */
static void set_const(Vec *x, int reg, uint64_t value)
{
    x86_mov_imm(x->a, RCX, value, false);
    x86_vrr(x->a, LOAD_4 | X86_VEX, 1, reg, 0, RCX);
    vv(x, broadcast[x->v->lane], reg, 0, reg);
}

/* --- masks --- */

/* ecx = the current chunk's bits of the mask in v0, with others above them; in
 * a tail those of ecx that it has too. rax may be an address's: it stays. */
static void mask_bits(Vec *x)
{
    unsigned at = x->i * x->lanes, shift = at % 8; /* then at most 4 lanes */
    X86Mem m = x86_mem(RBP, x->v->mask + at / 8);

    if (!x->tail) {
        x86_rm(x->a, x->lanes <= 8 ? X86_MOVZX8 : X86_MOV_RM, 0, RCX, m);
    } else {
        if (shift != 0) {
            x86_ri8(x->a, X86_SHL_I8, 0, RCX, shift);
        }
        x86_rm(x->a, X86_AND_RM, 0, RCX, m);
    }
    if (shift != 0) {
        x86_ri8(x->a, X86_SHR_I8, 0, RCX, shift);
    }
}

/* Y_MASK for the current chunk, and rcx the same as bits. */
static void set_mask(Vec *x)
{
    static const size_t bit_of[4] = { offsetof(ConstPool, bit8),
                                      offsetof(ConstPool, bit16),
                                      offsetof(ConstPool, bit32),
                                      offsetof(ConstPool, bit64) };
    unsigned lane = x->v->lane;
    X86Mem bits = pool(x, bit_of[lane]);

    if (x->tail) {
        vec_tail_bits(x, x->i * x->lanes);
    }
    if (x->v->flags & TCG_VEC_MASKED) {
        mask_bits(x);
    }
    if (x->lanes < 32) {
        x86_alu_ri(x->a, ALU_AND, 0, RCX, (1 << x->lanes) - 1);
    }
    x86_vrr(x->a, LOAD_4 | X86_VEX, 0, Y_MASK, 0, RCX);
    vv(x, broadcast[lane == 0 ? 2 : lane], Y_MASK, 0, Y_MASK);
    if (lane == 0) {
        vm(x, SHUFFLE, Y_MASK, Y_MASK, pool(x, offsetof(ConstPool, byte_of)));
    }
    vm(x, AND, Y_MASK, Y_MASK, bits);
    bits = pool(x, bit_of[lane]);
    vm(x, equal[lane], Y_MASK, Y_MASK, bits);
}

/* --- results --- */

/* Elements of @reg to half their width, in the lower half; Y_B is lost. */
static void narrow(Vec *x, int reg)
{
    unsigned lane = x->v->lane;

    if (lane == 3) {
        x86_vrm(x->a, MOVE | X86_VEX | X86_L1, 0, Y_B, 0,
                pool(x, offsetof(ConstPool, even32)));
        x86_vrr(x->a, PERMD | X86_VEX | X86_L1, 0, reg, Y_B, reg);
        return;
    }
    vm(x, SHUFFLE, reg, reg,
       pool(x, lane == 2 ? offsetof(ConstPool, low16)
                         : offsetof(ConstPool, low8)));
    if (x->len != 0) {
        vvi(x, PERMQ, reg, 0, reg, 0x08);
    }
}

static void store(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned bytes = x->lanes << v->dlog;
    X86Mem m = vec_chunk(x, v->d, v->dlog);
    int y = out(x);

    if (v->dlog < v->lane) {
        narrow(x, y);
    }
    if (x->use_mask) {
        if (v->dlog < v->lane) {
            narrow(x, Y_MASK);
        }
        move_in(x, Y_B, m, bytes);
        blend(x, y, Y_B, y, Y_MASK);
    }
    move_out(x, m, y, bytes);
}

/* Y_BAD |= @reg */
static void collect(Vec *x, int reg)
{
    vv(x, OR, Y_BAD, Y_BAD, reg);
}

/* --- chunks by shape --- */

static void chunk_move(Vec *x)
{
    if (x->v->fn == TCG_VEC_A) {
        load(x, out(x), x->v->a, x->v->alog, x->v->flags & TCG_VEC_A_SIGNED);
    } else {
        vv(x, MOVE, out(x), 0, Y_SCALAR);
    }
    store(x);
}

/* d = s1 * s2 by 64 bits: the lower product and the crossed ones above it. */
static void multiply_64(Vec *x, int d, int s1, int s2)
{
    vvi(x, P(0x70), Y_TMP, 0, s2, 0xb1);    /* vpshufd: halves change places */
    vv(x, Q(0x40), Y_TMP, Y_TMP, s1);       /* vpmulld */
    vvi(x, P(0x73), 2, Y_CONST, Y_TMP, 32); /* vpsrlq */
    vv(x, P(0xfe), Y_TMP, Y_TMP, Y_CONST);  /* vpaddd */
    vvi(x, P(0x73), 6, Y_TMP, Y_TMP, 32);   /* vpsllq */
    vv(x, P(0xf4), d, s1, s2);              /* vpmuludq */
    vv(x, P(0xd4), d, d, Y_TMP);
}

static void chunk_bin(Vec *x)
{
    const TcgVecOp *v = x->v;
    uint32_t in = vec_row(x)->in[v->lane];
    int s1, s2;

    sources(x, &s1, &s2);
    if (vec_row(x)->shape == S_SHIFT && (v->flags & TCG_VEC_SCALAR)) {
        in = shift_by[v->fn - TCG_VEC_SLL][v->lane];
    } else if (vec_row(x)->shape == S_SHIFT) {
        vv(x, AND, Y_B, Y_B, Y_CONST);
    }
    if (v->fn == TCG_VEC_MUL && v->lane == 3) {
        multiply_64(x, out(x), s1, s2);
    } else {
        vv(x, in, out(x), s1, s2);
    }
    store(x);
}

static void chunk_sat(Vec *x)
{
    const VecRow *r = vec_row(x);
    unsigned lane = x->v->lane;
    int s1, s2;

    sources(x, &s1, &s2);
    vv(x, r->in[lane], out(x), s1, s2);
    vv(x, vec_rows[r->other].in[lane], Y_TMP, s1, s2);
    vv(x, equal[lane], Y_TMP, Y_TMP, out(x));
    vv(x, ANDN, Y_TMP, Y_TMP, Y_MASK);
    collect(x, Y_TMP);
    store(x);
}

static void chunk_mul3(Vec *x)
{
    const VecRow *r = vec_row(x);
    unsigned lane = x->v->lane;
    int s1, s2, d = out(x);

    load(x, d, x->v->d, lane, false);
    sources(x, &s1, &s2);
    if (r->imm == 0) { /* d + a * b */
        vv(x, r->in[lane], Y_TMP, s1, s2);
        vv(x, vec_rows[r->other].in[lane], d, d, Y_TMP);
    } else { /* a + d * b */
        vv(x, r->in[lane], Y_TMP, d, s2);
        vv(x, vec_rows[r->other].in[lane], d, s1, Y_TMP);
    }
    store(x);
}

static void chunk_fp(Vec *x)
{
    unsigned lane = x->v->lane;
    int s1 = 0, s2 = Y_A, d = out(x);

    if (vec_row(x)->shape == S_FP1) {
        load(x, Y_A, x->v->a, lane, false);
    } else {
        sources(x, &s1, &s2);
    }
    vv(x, vec_row(x)->in[lane], d, s1, s2);
    if (x->v->fn != TCG_VEC_ITOF) {
        vvi(x, compare_fp[lane], Y_TMP, d, d, UNORDERED);
        blend(x, d, d, Y_BAD, Y_TMP);
    }
    store(x);
}

/* NaNs are taken out first, as vminps signals quiet ones too. Of two zeros it
 * gives the second: both ways, and the bits of both. */
static void chunk_minmax(Vec *x)
{
    unsigned lane = x->v->lane;
    bool min = x->v->fn == TCG_VEC_FMIN;
    uint32_t in = (min ? min_fp : max_fp)[lane];
    int s1, s2;

    sources(x, &s1, &s2);
    vvi(x, compare_fp[lane], Y_TMP, s1, s2, UNORDERED);
    collect(x, Y_TMP);
    vv(x, ANDN, Y_A, Y_TMP, s1);
    vv(x, ANDN, Y_B, Y_TMP, s2);
    vv(x, in, out(x), Y_A, Y_B);
    vv(x, in, Y_TMP, Y_B, Y_A);
    vv(x, min ? or_fp : and_fp, out(x), out(x), Y_TMP);
}

static void chunk_fma(Vec *x)
{
    const VecRow *r = vec_row(x);
    unsigned lane = x->v->lane;
    int s1, s2, d = out(x);

    load(x, d, x->v->d, lane, false);
    sources(x, &s1, &s2);
    vv(x, r->in[lane], d, r->imm == 0 ? s1 : s2, r->imm == 0 ? s2 : s1);
    vvi(x, compare_fp[lane], Y_TMP, d, d, UNORDERED);
    collect(x, Y_TMP);
}

static void chunk_sign(Vec *x)
{
    TcgVecFn fn = x->v->fn;
    int s1, s2, d = out(x);

    sources(x, &s1, &s2);
    if (fn == TCG_VEC_FSGNJN) {
        vv(x, ANDN, Y_TMP, s2, Y_CONST);
    } else {
        vv(x, AND, Y_TMP, s2, Y_CONST);
    }
    if (fn == TCG_VEC_FSGNJX) {
        vv(x, XOR, d, s1, Y_TMP);
    } else {
        vv(x, ANDN, d, Y_CONST, s1);
        vv(x, OR, d, d, Y_TMP);
    }
    store(x);
}

static void chunk_toint(Vec *x)
{
    unsigned lane = x->v->lane;

    load(x, Y_A, x->v->a, lane, false);
    vv(x, vec_row(x)->in[lane], out(x), 0, Y_A);
    vv(x, equal[lane], Y_TMP, out(x), Y_CONST);
    collect(x, Y_TMP);
}

/* The instruction for another width; 0: none. */
static uint32_t conversion(const Vec *x)
{
    uint32_t in = vec_conversion(x->v);

    return in & VEC_EVEX_ONLY ? 0 : in;
}

/* Without a mask. What is narrower lies in the lower half, zeros above. */
static void chunk_convert(Vec *x)
{
    const TcgVecOp *v = x->v;
    uint32_t in = conversion(x);
    unsigned bytes = x->lanes << v->dlog;
    int d = out(x);

    move_in(x, Y_A, vec_chunk(x, v->a, v->alog), x->lanes << v->alog);
    if (v->fn != TCG_VEC_FTOF) {
        vv(x, in, d, 0, Y_A);
        if (vec_row(x)->shape == S_TOINT) {
            x86_vrr(x->a, equal[v->dlog] | X86_VEX, 0, Y_TMP, d, Y_CONST);
            collect(x, Y_TMP);
            return;
        }
    } else { /* NaNs are made the canonical one where they are wider */
        bool widens = v->alog < v->dlog;
        int wide = widens ? d : Y_A;

        if (widens) {
            vv(x, in, d, 0, Y_A);
        }
        vvi(x, compare_fp[v->lane], Y_TMP, wide, wide, UNORDERED);
        if (v->dlog == 1) {
            vvi(x, in, Y_A, 0, d, 4); /* rm is the destination */
        } else if (!widens) {
            vv(x, in, d, 0, Y_A);
        }
        if (!widens) {
            narrow(x, Y_TMP);
        }
        blend(x, d, d, Y_BAD, Y_TMP);
    }
    move_out(x, vec_chunk(x, v->d, v->dlog), d, bytes);
}

static void chunk_merge(Vec *x)
{
    int s1, s2;

    sources(x, &s1, &s2);
    blend(x, Y_A, s1, s2, Y_MASK);
    move_out(x, vec_chunk(x, x->v->d, x->v->lane), Y_A, x->lanes << x->v->lane);
}

/* rax = one bit for each element of Y_TMP. */
static void gather_bits(Vec *x)
{
    switch (x->v->lane) {
    case 1:
        x86_vrri(x->a, EXTRACT | X86_VEX | X86_L1, 0, Y_TMP, 0, Y_A, 1);
        x86_vrr(x->a, PACK_16 | X86_VEX, 0, Y_TMP, Y_TMP, Y_A);
        x86_vrr(x->a, P(0xd7) | X86_VEX, 0, RAX, 0, Y_TMP);
        break;
    case 2:
        vv(x, X86_E(0, 1, 0x50), RAX, 0, Y_TMP);
        break;
    case 3:
        vv(x, P(0x50), RAX, 0, Y_TMP);
        break;
    default:
        vv(x, P(0xd7), RAX, 0, Y_TMP);
        break;
    }
}

/* Comparison of integers by = and >: which of them, of what, and is the
 * opposite asked for? */
static bool compare_ints(Vec *x)
{
    static const struct {
        bool eq, swap, not ;
    } how[] = {
        [TCG_VEC_CEQ - TCG_VEC_CEQ] = { true, false, false },
        [TCG_VEC_CNE - TCG_VEC_CEQ] = { true, false, true },
        [TCG_VEC_CLTU - TCG_VEC_CEQ] = { false, true, false },
        [TCG_VEC_CLT - TCG_VEC_CEQ] = { false, true, false },
        [TCG_VEC_CLEU - TCG_VEC_CEQ] = { false, false, true },
        [TCG_VEC_CLE - TCG_VEC_CEQ] = { false, false, true },
        [TCG_VEC_CGTU - TCG_VEC_CEQ] = { false, false, false },
        [TCG_VEC_CGT - TCG_VEC_CEQ] = { false, false, false },
    };
    TcgVecFn fn = x->v->fn;
    unsigned k = fn - TCG_VEC_CEQ, lane = x->v->lane;
    int s1, s2;

    sources(x, &s1, &s2);
    if (fn == TCG_VEC_CLTU || fn == TCG_VEC_CLEU || fn == TCG_VEC_CGTU) {
        vv(x, XOR, Y_A, s1, Y_CONST);
        vv(x, XOR, Y_B, s2, Y_CONST);
        s1 = Y_A;
        s2 = Y_B;
    }
    vv(x, how[k].eq ? equal[lane] : greater[lane], Y_TMP, how[k].swap ? s2 : s1,
       how[k].swap ? s1 : s2);
    return how[k].not ;
}

static void chunk_cmp(Vec *x)
{
    const VecRow *r = vec_row(x);
    unsigned lanes = x->lanes, at = x->i * lanes;
    uint32_t all = bit_mask(lanes);
    X86Mem m = x86_mem(RBP, x->v->d + at / 8);
    bool opposite = false, keeps = x->use_mask || lanes < 8;
    int s1, s2;

    if (compares_floats(x)) {
        sources(x, &s1, &s2);
        vvi(x, compare_fp[x->v->lane], Y_TMP, s1, s2, r->imm);
    } else {
        opposite = compare_ints(x);
    }
    if (x->v->lane == 1) {
        vv(x, MOVE, Y_A, 0, Y_TMP);
    }
    gather_bits(x);
    if (opposite) {
        x86_r(x->a, X86_NOT, 0, RAX);
    }
    if (x->use_mask) { /* rcx: the elements that count */
        x86_rr(x->a, X86_AND_RM, 0, RAX, RCX);
    } else if (lanes < 32) {
        x86_alu_ri(x->a, ALU_AND, 0, RAX, (int32_t)all);
    }
    if (keeps) {
        if (!x->use_mask) {
            x86_mov_imm(x->a, RCX, all, false);
        }
        if (at % 8 != 0) {
            x86_ri8(x->a, X86_SHL_I8, 0, RAX, at % 8);
            x86_ri8(x->a, X86_SHL_I8, 0, RCX, at % 8);
        }
        x86_r(x->a, X86_NOT, 0, RCX);
        x86_rm(x->a, X86_AND_RM, 0, RCX, m);
        x86_rr(x->a, X86_OR_RM, 0, RAX, RCX);
    }
    x86_rm(x->a,
           lanes <= 8    ? X86_MOV8_MR
           : lanes == 16 ? X86_MOV16_MR
                         : X86_MOV_MR,
           0, RAX, m);
}

/* Bytes from @from on, of the chunk, are ones in Y_TMP. */
static void set_edge(Vec *x, unsigned from)
{
    vm(x, MOVE, Y_TMP, 0, pool(x, offsetof(ConstPool, edge) + 32 - from));
}

/* Y_A by @by bytes towards element 0 or away from it, with zeros. */
static void shift_bytes(Vec *x, int d, bool down, unsigned by)
{
    if (by >= (x->len ? 32 : 16)) {
        vv(x, XOR, d, d, d);
        return;
    }
    if (x->len == 0) { /* vpsrldq, vpslldq: the destination is vvvv */
        vvi(x, P(0x73), down ? 3 : 7, d, Y_A, by);
        return;
    }
    /* the half that comes in */
    vvi(x, PERM_HALVES, Y_B, Y_A, Y_A, down ? 0x81 : 0x08);
    if (by >= 16) {
        vvi(x, P(0x73), down ? 3 : 7, d, Y_B, by - 16);
    } else if (down) {
        vvi(x, ALIGN, d, Y_B, Y_A, by);
    } else {
        vvi(x, ALIGN, d, Y_A, Y_B, 16 - by);
    }
}

static void chunk_slide(Vec *x)
{
    const TcgVecOp *v = x->v;
    bool down = vec_row(x)->imm;
    unsigned n = v->count, by = MIN(v->imm, n) << v->lane;
    unsigned bytes = n << v->lane;
    int d = out(x);

    load(x, Y_A, v->a, v->lane, false);
    shift_bytes(x, d, down, by);
    if (v->flags & TCG_VEC_SCALAR) {
        x86_vrr(x->a, LOAD_4 | X86_VEX, 1, Y_SCALAR, 0, x->sreg);
        vv(x, broadcast[v->lane], Y_SCALAR, 0, Y_SCALAR);
        set_edge(x, down ? bytes - (1u << v->lane) : 1u << v->lane);
        blend(x, d, down ? d : Y_SCALAR, down ? Y_SCALAR : d, Y_TMP);
    } else if (!down) {
        load(x, Y_B, v->d, v->lane, false);
        set_edge(x, by);
        blend(x, d, Y_B, d, Y_TMP);
    }
    store(x);
}

/* Bytes by vpshufb, whose bit 7 gives zeros; words by vpermd. */
static void chunk_gather(Vec *x)
{
    const TcgVecOp *v = x->v;
    int s1, s2, d = out(x);

    if (v->lane == 0) {
        set_const(x, Y_CONST, 0x80 - v->count);
    } else {
        set_const(x, Y_CONST, v->count - 1);
    }
    sources(x, &s1, &s2);
    if (v->lane == 0) {
        vv(x, vec_rows[TCG_VEC_SADDU].in[0], Y_TMP, s2, Y_CONST);
        vv(x, SHUFFLE, d, s1, Y_TMP);
    } else {
        x86_vrr(x->a, PERMD | X86_VEX | X86_L1, 0, d, s2, s1);
        vv(x, vec_rows[TCG_VEC_MINU].in[2], Y_TMP, s2, Y_CONST);
        vv(x, equal[2], Y_TMP, Y_TMP, s2);
        vv(x, AND, d, d, Y_TMP);
    }
    store(x);
}

/* --- all chunks --- */

static void (*const chunk_of[])(Vec *x) = {
    [S_CVT] = chunk_convert,   [S_MOVE] = chunk_move,
    [S_BIN] = chunk_bin,       [S_LOGIC] = chunk_bin,
    [S_SHIFT] = chunk_bin,     [S_SAT] = chunk_sat,
    [S_MUL3] = chunk_mul3,     [S_FP] = chunk_fp,
    [S_FP1] = chunk_fp,        [S_FMA] = chunk_fma,
    [S_SIGN] = chunk_sign,     [S_MINMAX] = chunk_minmax,
    [S_CMP] = chunk_cmp,       [S_TOINT] = chunk_toint,
    [S_MERGE] = chunk_merge,   [S_SLIDE] = chunk_slide,
    [S_GATHER] = chunk_gather,
};

/* Constants that the shape wants, before the first chunk. */
static void prepare(Vec *x)
{
    const TcgVecOp *v = x->v;
    VecShape shape = vec_row(x)->shape;
    uint64_t sign = UINT64_C(1) << ((8 << v->lane) - 1);

    if (waits(x) || shape == S_SAT) {
        vv(x, XOR, Y_BAD, Y_BAD, Y_BAD);
    }
    if (shape == S_SAT && !x->use_mask) {
        vv(x, equal[0], Y_MASK, Y_MASK, Y_MASK);
    }
    if (shape == S_CVT && v->dlog == 1) {
        x86_mov_imm(x->a, RCX, 0x7e00, false);
        x86_vrr(x->a, LOAD_4 | X86_VEX, 1, Y_BAD, 0, RCX);
        vv(x, broadcast[1], Y_BAD, 0, Y_BAD);
    } else if (shape == S_FP || shape == S_FP1 || shape == S_CVT) {
        vm(x, broadcast[v->dlog], Y_BAD, 0,
           pool(x, v->dlog == 3 ? offsetof(ConstPool, nan64)
                                : offsetof(ConstPool, nan32)));
    }
    if (v->fn == TCG_VEC_FDIV && x->use_mask) {
        set_const(x, Y_CONST,
                  v->lane == 3 ? UINT64_C(0x3ff0000000000000) : 0x3f800000);
    } else if (shape == S_TOINT && v->dlog == 2) {
        set_const(x, Y_CONST, UINT64_C(0x8000000080000000));
    } else if (shape == S_SIGN || shape == S_CMP) {
        set_const(x, Y_CONST, sign);
    } else if (shape == S_SHIFT && !(v->flags & TCG_VEC_SCALAR)) {
        set_const(x, Y_CONST, (8 << v->alog) - 1);
    }
}

/* Results of all chunks, if none of them is special. */
static void store_unless_bad(Vec *x)
{
    vv(x, TEST, Y_BAD, 0, Y_BAD);
    cold_jump(x->cold, x86_jcc32(x->a, CC_NE));
    for (x->i = 0; x->i < x->n; x->i++) {
        if (x->v->alog != x->v->dlog) { /* a conversion, narrow by now */
            move_out(x, vec_chunk(x, x->v->d, x->v->dlog), out(x),
                     x->lanes << x->v->dlog);
            continue;
        }
        if (x->use_mask && x->n > 1) {
            set_mask(x);
        }
        store(x);
    }
}

static void note_saturation(Vec *x)
{
    vv(x, TEST, Y_BAD, 0, Y_BAD);
    x86_setcc(x->a, CC_NE, RCX);
    x86_rm(x->a, X86_OR8_MR, 0, RCX, x86_mem(RBP, x->v->sat));
}

static void elements(Vec *x)
{
    VecShape shape = vec_row(x)->shape;

    prepare(x);
    for (x->i = 0; x->i < x->n; x->i++) {
        if (x->use_mask) {
            set_mask(x);
        }
        if (x->v->alog != x->v->dlog && conversion(x) != 0) {
            chunk_convert(x);
        } else {
            chunk_of[shape](x);
        }
    }
    if (waits(x)) {
        store_unless_bad(x);
    } else if (shape == S_SAT) {
        note_saturation(x);
    }
}

static void copy(Vec *x, X86Mem e, X86Mem h, unsigned bytes, bool to_env)
{
    move_in(x, Y_A, to_env ? h : e, bytes);
    move_out(x, to_env ? e : h, Y_A, bytes);
}

static void copy_masked(Vec *x, X86Mem m, bool to_env)
{
    const TcgVecOp *v = x->v;
    unsigned log = v->lane, bytes = MIN(32u, v->count);
    uint32_t wide = log == 3 ? W : 0;

    x->lanes = bytes >> log;
    x->n = v->count / bytes;
    x->len = vec_length(bytes);
    for (x->i = 0; x->i < x->n; x->i++) {
        X86Mem e = vec_chunk(x, v->d, log), h = m;

        h.disp += x->i * 32;
        set_mask(x);
        if (to_env) {
            vm(x, Q(0x8c) | wide, Y_A, Y_MASK, h); /* vpmaskmovd, q */
            move_in(x, Y_B, e, bytes);
            blend(x, Y_A, Y_B, Y_A, Y_MASK);
            move_out(x, e, Y_A, bytes);
        } else {
            move_in(x, Y_A, e, bytes);
            vm(x, Q(0x8e) | wide, Y_A, Y_MASK, h);
        }
    }
}

static bool can_shape(const Vec *x, unsigned bytes)
{
    const TcgVecOp *v = x->v;

    switch (vec_row(x)->shape) {
    case S_SHIFT:
        return (v->flags & TCG_VEC_SCALAR) &&
               shift_by[v->fn - TCG_VEC_SLL][v->lane] != 0;
    case S_FP:
    case S_FMA:
        return ((v->alog == v->lane && v->blog == v->lane) || !x->use_mask) &&
               (v->alog > 1 || x->g->f.f16c);
    case S_FP1:
    case S_TOINT:
    case S_CVT:
        return v->alog == v->dlog ||
               (conversion(x) != 0 && !x->use_mask &&
                (x->g->f.f16c || (v->alog != 1 && v->dlog != 1)));
    case S_SLIDE:
        return x->n == 1 && bytes >= 16;
    case S_GATHER:
        return x->n == 1 &&
               ((v->lane == 0 && bytes == 16) || (v->lane == 2 && bytes >= 16));
    case S_COMPRESS:
        return false;
    default:
        return true;
    }
}

static bool can(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned bytes = x->lanes << v->lane;
    uint32_t in = vec_row(x)->in[v->lane];

    x->use_mask = x->tail || (v->flags & TCG_VEC_MASKED);
    /* what lies above a short chunk must raise nothing */
    if (bytes < 16 && (has_flags(x) || vec_row(x)->shape == S_SAT)) {
        return false;
    }
    if (bytes < 8 || x->lanes << v->dlog < 4 ||
        x->n > (waits(x) ? MAX_WAITING : MAX_CHUNKS)) {
        return false;
    }
    if (vec_row(x)->shape == S_SHIFT && !(in & VEC_EVEX_ONLY) &&
        !(v->flags & TCG_VEC_SCALAR)) {
        return in != 0;
    }
    if ((in & VEC_EVEX_ONLY) && vec_row(x)->shape != S_SHIFT &&
        v->fn != TCG_VEC_MUL && conversion(x) == 0) {
        return false;
    }
    return can_shape(x, bytes);
}

static void leave(Vec *x)
{
    x86_vzeroupper(x->a);
}

const VecLevel vec_vex = {
    .bytes = 32,
    .take = 0xff80,
    .can = can,
    .set_scalar = set_scalar,
    .elements = elements,
    .copy = copy,
    .masked_log = 2,
    .copy_masked = copy_masked,
    .leave = leave,
};
