/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements on hosts with AVX-512: chunks of up to 64 bytes, from env to env.
 *
 * Only registers 16 to 31 and k1 to k3 are used, which hold no values and
 * leave the upper halves of 0 to 15 clean, so that C code needs no vzeroupper.
 * Those from VEC_KEPT_FIRST on hold operands and results, and keep them for the
 * ops that follow.
 * Chunks of less than 16 bytes are merged with what env has, by mask.
 *
 * Spec: Intel SDM volume 2, chapters 5 and 15.5 (AVX-512 instructions).
 */
#include "tandem/base.h"

#include "vec.h"

enum {
    Z_A = 16,
    Z_B,
    Z_TMP,
    Z_CONST,
    Z_SCALAR,
    K_MASK = 1,
    K_TMP,
    K_BAD, /* elements that the plain case does not cover */
    MAX_CHUNKS = 8,
};

/* clang-format off */
#define W X86_REXW
#define P(op) X86_E(1, 1, op) /* 66.0F */
#define Q(op) X86_E(1, 2, op) /* 66.0F38 */
/* vmovdqu8, 16, 32, 64 */
static const uint32_t mov_in[4] = {
    X86_E(3, 1, 0x6f), X86_E(3, 1, 0x6f) | W, X86_E(2, 1, 0x6f),
    X86_E(2, 1, 0x6f) | W,
};
static const uint32_t bcast_reg[4] = { Q(0x7a), Q(0x7b), Q(0x7c), Q(0x7c) | W };
static const uint32_t bcast_mem[4] = { 0, 0, Q(0x58), Q(0x59) | W };
static const uint32_t narrow_in[4] = {
    0, X86_E(2, 2, 0x30), X86_E(2, 2, 0x33), X86_E(2, 2, 0x35)
};
/* clang-format on */
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

static bool is_fp(const Vec *x)
{
    VecShape s = vec_row(x)->shape;

    return s == S_FP || s == S_FMA;
}

/* Makes elements of 1 << @log bytes those computed with. */
static uint32_t extension(const Vec *x, unsigned log, bool is_signed)
{
    return is_fp(x) ? fp_widen[log] : vec_extension(log, x->v->lane, is_signed);
}

/* env's @bytes, 16 or more, at @m in a register: one that has them, else
 * @scratch or one that keeps them. Not to be written. */
static int operand(Vec *x, int scratch, X86Mem m, unsigned bytes)
{
    X86Ev e = { 1, vec_length(bytes), 0 };
    int reg = x->keeps ? vec_keep_find(x->g, m.disp, bytes) : NO_REG;

    if (reg != NO_REG) {
        return reg;
    }
    reg = x->keeps ? vec_keep_take(x->g) : scratch;
    x86_ev_rm(x->a, mov_in[3], e, reg, 0, m);
    if (x->keeps) {
        vec_keep_set(x->g, reg, m.disp, bytes);
    }
    return reg;
}

/* The same in @reg, to be written. */
static void load_to(Vec *x, int reg, X86Mem m, unsigned bytes)
{
    X86Ev e = { 1, vec_length(bytes), 0 };
    int from = x->keeps ? vec_keep_find(x->g, m.disp, bytes) : NO_REG;

    if (from != NO_REG) {
        x86_ev_rr(x->a, mov_in[3], e, reg, 0, from);
    } else {
        x86_ev_rm(x->a, mov_in[3], e, reg, 0, m);
    }
}

/* @reg goes to env; it was taken, unless it is Z_TMP. */
static void put(Vec *x, int reg, X86Mem m, unsigned bytes)
{
    x86_ev_rm(x->a, store_64, (X86Ev){ 1, vec_length(bytes), 0 }, reg, 0, m);
    if (!x->keeps) {
        return;
    }
    if (reg >= VEC_KEPT_FIRST) {
        vec_keep_set(x->g, reg, m.disp, bytes);
    } else {
        vec_keep_drop(x->g, m.disp, bytes);
    }
}

static int load(Vec *x, int scratch, uint32_t off, unsigned log, bool is_signed)
{
    X86Mem m = vec_chunk(x, off, log);

    if (log < x->v->lane) {
        uint32_t in = extension(x, log, is_signed);
        unsigned k = is_fp(x) && x->use_mask ? K_MASK : 0;

        x86_ev_rm(x->a, in, ev(in, x->len, k), scratch, 0, m);
        return scratch;
    }
    return operand(x, scratch, m, 16u << x->len);
}

/* The two sources in order; either may be the scalar. */
static void sources(Vec *x, int *s1, int *s2)
{
    const TcgVecOp *v = x->v;

    *s1 = load(x, Z_A, v->a, v->alog, v->flags & TCG_VEC_A_SIGNED);
    if ((v->flags & TCG_VEC_SCALAR) && is_fp(x) && v->blog < v->lane) {
        *s2 = Z_B; /* may signal, so for each element that counts */
        rr(x, fp_widen[v->blog], x->use_mask ? K_MASK : 0, Z_B, 0, Z_SCALAR);
    } else if (v->flags & TCG_VEC_SCALAR) {
        *s2 = Z_SCALAR;
    } else {
        *s2 = load(x, Z_B, v->b, v->blog, v->flags & TCG_VEC_B_SIGNED);
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

    if (vec_row(x)->shape == S_SHIFT) { /* modulo the width */
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

/* K_MASK for the current chunk. */
static void set_mask(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned all = x->lanes < 8 ? (1 << x->lanes) - 1 : 0xff;
    X86Mem m = x86_mem(RBP, v->mask + x->i * x->lanes / 8);

    if (x->tail) {
        vec_tail_bits(x, x->i * x->lanes);
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
    return x->out[x->i];
}

static void old_to(Vec *x, int reg)
{
    load_to(x, reg, vec_chunk(x, x->v->d, x->v->lane), 16u << x->len);
}

/* Old elements, which those without mask keep. */
static void load_old(Vec *x)
{
    if (x->use_mask && x->v->dlog == x->v->lane) {
        old_to(x, out(x));
    }
}

static void store(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned bytes = MAX(x->lanes << v->dlog, 16);
    int z = out(x);
    X86Ev e = { 1, vec_length(bytes), 0 };

    if (v->dlog < v->lane) {
        rr(x, narrow_in[v->lane], 0, z, 0, z); /* rm is the destination */
        if (x->use_mask) {
            load_to(x, Z_TMP, vec_chunk(x, v->d, v->dlog), bytes);
            x86_ev_rr(x->a, mov_in[v->dlog], ev(mov_in[v->dlog], e.len, K_MASK),
                      Z_TMP, 0, z);
            z = Z_TMP;
        }
    }
    put(x, z, vec_chunk(x, v->d, v->dlog), bytes);
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
    collect(x, vec_rows[TCG_VEC_CFEQ].in[x->v->lane], s1, s2, UNORDERED);
}

/* --- chunks by shape --- */

static void chunk_move(Vec *x)
{
    int s1, s2;

    load_old(x);
    if (x->v->fn == TCG_VEC_A) {
        s1 = load(x, Z_A, x->v->a, x->v->alog, x->v->flags & TCG_VEC_A_SIGNED);
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
    const VecRow *r = vec_row(x);
    int s1, s2;

    load_old(x);
    sources(x, &s1, &s2);
    if (r->shape == S_SHIFT && s2 != Z_SCALAR) {
        rr(x, vec_rows[TCG_VEC_AND].in[x->v->lane], 0, Z_B, s2, Z_CONST);
        s2 = Z_B;
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
    const VecRow *r = vec_row(x);
    unsigned lane = x->v->lane;
    int s1, s2;

    load_old(x);
    sources(x, &s1, &s2);
    rr(x, r->in[lane], mask_of(x), out(x), s1, s2);
    rr(x, vec_rows[r->other].in[lane], 0, Z_TMP, s1, s2);
    collect(x, vec_rows[TCG_VEC_CNE].in[lane], out(x), Z_TMP, 4);
    store(x);
}

static void chunk_mul3(Vec *x)
{
    const VecRow *r = vec_row(x);
    unsigned lane = x->v->lane;
    int s1, s2, d = out(x);

    old_to(x, d);
    sources(x, &s1, &s2);
    if (r->imm == 0) { /* d + a * b */
        rr(x, r->in[lane], 0, Z_TMP, s1, s2);
        rr(x, vec_rows[r->other].in[lane], mask_of(x), d, d, Z_TMP);
    } else { /* a + d * b */
        rr(x, r->in[lane], 0, Z_TMP, d, s2);
        rr(x, vec_rows[r->other].in[lane], mask_of(x), d, s1, Z_TMP);
    }
    store(x);
}

static void chunk_fp(Vec *x)
{
    const VecRow *r = vec_row(x);
    unsigned lane = x->v->lane;
    size_t nan =
        lane == 3 ? offsetof(ConstPool, nan64) : offsetof(ConstPool, nan32);
    int s1 = 0, s2;
    uint32_t cmp = vec_rows[TCG_VEC_CFEQ].in[lane];

    load_old(x);
    if (r->shape == S_FP1) {
        s2 = load(x, Z_A, x->v->a, lane, false);
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
    const VecRow *r = vec_row(x);
    int s1, s2;

    load_old(x);
    sources(x, &s1, &s2);
    collect_nan(x, s1, s2);
    rri(x, r->in[x->v->lane], mask_of(x), out(x), s1, s2, r->imm);
}

static void chunk_fma(Vec *x)
{
    const VecRow *r = vec_row(x);
    int s1, s2, d = out(x);

    old_to(x, d);
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
    const VecRow *r = vec_row(x);
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
    const VecRow *r = vec_row(x);
    unsigned lane = x->v->lane;

    load_old(x);
    rr(x, r->in[lane], mask_of(x), out(x), 0,
       load(x, Z_A, x->v->a, lane, false));
    collect(x, vec_rows[TCG_VEC_CEQ].in[lane], out(x), Z_CONST, 0);
}

/* Canonical NaNs in k@K_TMP's elements of the result. */
static void put_nan(Vec *x, int z, unsigned log, unsigned len)
{
    if (log == 1) {
        x86_mov_imm(x->a, RCX, 0x7e00, false);
        x86_ev_rr(x->a, bcast_reg[1], ev(bcast_reg[1], len, K_TMP), z, 0, RCX);
    } else {
        x86_ev_rm(x->a, bcast_mem[log], ev(bcast_mem[log], len, K_TMP), z, 0,
                  x86_const_mem(x->g, log == 3 ? offsetof(ConstPool, nan64)
                                               : offsetof(ConstPool, nan32)));
    }
}

/* The instruction's length is that of the wider side; results are checked and
 * merged in their own width. */
static void chunk_convert(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned k = x->use_mask ? K_MASK : 0, bytes = MAX(x->lanes << v->dlog, 16);
    unsigned len = vec_length(bytes), from = MAX(x->lanes << v->alog, 16);
    uint32_t in = vec_conversion(x->v);
    int z = out(x), a;
    X86Mem d = vec_chunk(x, v->d, v->dlog);

    a = operand(x, Z_A, vec_chunk(x, v->a, v->alog), from);
    if (x->use_mask) {
        load_to(x, z, d, bytes);
    }
    if (v->fn == TCG_VEC_FTOF && v->dlog == 1) {
        rri(x, in, k, a, 0, Z_TMP, 4); /* rm is the destination */
    } else {
        rr(x, in, k, Z_TMP, 0, a);
    }
    /* what is narrower has zeros above: merged here */
    x86_ev_rr(x->a, mov_in[v->dlog], ev(mov_in[v->dlog], len, k), z, 0, Z_TMP);
    if (v->fn == TCG_VEC_FTOF) {
        bool widens = v->alog < v->dlog;
        int s = widens ? z : a;

        rri(x, vec_rows[TCG_VEC_CFEQ].in[v->lane], k, K_TMP, s, s, UNORDERED);
        put_nan(x, z, v->dlog, len);
    } else if (vec_row(x)->shape == S_TOINT) {
        uint32_t cmp = vec_rows[TCG_VEC_CEQ].in[v->dlog];

        x86_ev_rri(x->a, cmp, ev(cmp, len, k), x->i == 0 ? K_BAD : K_TMP, z,
                   Z_CONST, 0);
        if (x->i != 0) {
            x86_k(x->a, X86_KOR, K_BAD, K_BAD, K_TMP);
        }
        return;
    }
    put(x, z, d, bytes);
}

static void chunk_merge(Vec *x)
{
    int s1, s2;

    sources(x, &s1, &s2);
    rr(x, mov_in[3], 0, out(x), 0, s1);
    rr(x, mov_in[x->v->lane], K_MASK, out(x), 0, s2);
    store(x);
}

/* k@k = elements [from, to) of 1 << @log bytes. */
static void set_range(Vec *x, int k, unsigned from, unsigned to)
{
    x86_mov_imm(x->a, RCX, bit_mask(to) & ~bit_mask(from), false);
    x86_kmov_kr(x->a, 3, k, RCX);
}

static void clear(Vec *x, int z)
{
    rr(x, vec_rows[TCG_VEC_XOR].in[3], 0, z, z, z);
}

/* By bytes: vpermb with indexes that count from the shift on. */
static void chunk_slide(Vec *x)
{
    const TcgVecOp *v = x->v;
    bool down = vec_row(x)->imm;
    unsigned n = v->count, by = MIN(v->imm, n), bytes = n << v->lane;
    unsigned shift = by << v->lane, first = down ? shift : 64 - shift;
    uint32_t permb = vec_rows[TCG_VEC_GATHER].in[0];
    int d = out(x), a = load(x, Z_A, v->a, v->lane, false);

    x86_ev_rm(x->a, mov_in[3], ev(mov_in[3], x->len, 0), Z_B, 0,
              x86_const_mem(x->g, offsetof(ConstPool, count) + first));
    if (down) {
        clear(x, d);
        set_range(x, K_TMP, 0, bytes - shift);
    } else {
        old_to(x, d);
        set_range(x, K_TMP, shift, bytes);
    }
    rr(x, permb, K_TMP, d, Z_B, a);
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
    const VecRow *r = vec_row(x);
    X86Ev wide = ev(r->in[v->lane], MAX(x->len, 1), K_TMP);
    int s1, s2, d = out(x);

    sources(x, &s1, &s2);
    set_const(x, v->count); /* at most 64: plan() */
    rri(x, vec_rows[TCG_VEC_CLTU].in[v->lane], 0, K_TMP, s2, Z_CONST, 1);
    clear(x, d);
    x86_ev_rr(x->a, r->in[v->lane], wide, d, s2, s1);
    store(x);
}

static void chunk_compress(Vec *x)
{
    const TcgVecOp *v = x->v;
    int d = out(x);

    old_to(x, d);
    /* the source is in `reg` */
    rr(x, vec_row(x)->in[v->lane], K_MASK, load(x, Z_A, v->a, v->lane, false),
       0, d);
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
    const VecRow *r = vec_row(x);
    X86Mem m = x86_mem(RBP, x->v->d + x->i * x->lanes / 8);
    unsigned log = x->lanes >= 8 ? __builtin_ctz(x->lanes) - 3 : 0;
    int s1, s2;

    sources(x, &s1, &s2);
    if (x->keeps) {
        vec_keep_drop(x->g, m.disp, 8);
    }
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

/* --- guest memory --- */

static void copy(Vec *x, X86Mem e, X86Mem h, unsigned bytes, bool to_env)
{
    X86Ev v = { 1, vec_length(bytes), 0 };

    if (to_env) {
        int z = x->keeps ? vec_keep_take(x->g) : Z_A;

        x86_ev_rm(x->a, mov_in[3], v, z, 0, h);
        put(x, z, e, bytes);
    } else {
        x86_ev_rm(x->a, store_64, v, operand(x, Z_A, e, bytes), 0, h);
    }
    x->g->kept_locked = 0;
}

/* By elements of 1 << v->lane bytes, those that count. */
static void copy_masked(Vec *x, X86Mem m, bool to_env)
{
    const TcgVecOp *v = x->v;
    unsigned log = v->lane;

    x->lanes = MIN(64u, v->count) >> log;
    x->n = MAX(v->count / 64, 1);
    for (x->i = 0; x->i < x->n; x->i++) {
        unsigned len = vec_length(x->lanes << log);
        X86Mem e = vec_chunk(x, v->d, log), h = m;

        h.disp += x->i * 64;
        set_mask(x);
        if (to_env) {
            int z = x->keeps ? vec_keep_take(x->g) : Z_A;

            load_to(x, z, e, 16u << len);
            x86_ev_rm(x->a, mov_in[log], ev(mov_in[log], len, K_MASK), z, 0, h);
            put(x, z, e, 16u << len);
        } else {
            int z = operand(x, Z_A, e, 16u << len);

            x86_ev_rm(x->a, mov_in[log] + 0x10, ev(mov_in[log], len, K_MASK), z,
                      0, h);
        }
        x->g->kept_locked = 0;
    }
}

/* --- all chunks --- */

static void each_chunk(Vec *x, void (*emit)(Vec *x))
{
    uint32_t results = 0;

    for (x->i = 0; x->i < x->n; x->i++) {
        x->g->kept_locked = results; /* those that wait for a check */
        x->out[x->i] = x->keeps ? vec_keep_take(x->g) : VEC_KEPT_FIRST + x->i;
        results |= 1u << (x->out[x->i] - VEC_KEPT_FIRST);
        if (x->use_mask) {
            set_mask(x);
        }
        emit(x);
    }
}

/* Results of all chunks, if none of them is special. */
static void store_unless_bad(Vec *x)
{
    const TcgVecOp *v = x->v;
    bool whole = v->alog != v->dlog; /* conversions: merged by now */
    unsigned bytes = MAX(x->lanes << v->dlog, 16);

    x86_kortest(x->a, K_BAD);
    cold_jump(x->cold, x86_jcc32(x->a, CC_NE));
    for (x->i = 0; x->i < x->n; x->i++) {
        if (vec_row(x)->shape == S_TOINT && whole) {
            put(x, out(x), vec_chunk(x, v->d, v->dlog), bytes);
            continue;
        }
        if (x->use_mask && v->dlog < v->lane) {
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

static void elements(Vec *x)
{
    const TcgVecOp *v = x->v;
    unsigned lane = v->lane;
    uint64_t sign = UINT64_C(1) << ((8 << lane) - 1);

    switch (vec_row(x)->shape) {
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
        each_chunk(x, v->alog != v->dlog && vec_conversion(x->v) ? chunk_convert
                                                                 : chunk_fp);
        break;
    case S_CVT:
        each_chunk(x, chunk_convert);
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
        sign = UINT64_C(1) << ((8 << v->dlog) - 1);
        set_const(x, vec_row(x)->imm ? UINT64_MAX
                     : v->dlog < 3   ? sign << 32 | sign
                                     : sign);
        each_chunk(x, v->alog != v->dlog ? chunk_convert : chunk_toint);
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

static bool can(Vec *x)
{
    const TcgVecOp *v = x->v;
    VecShape shape = vec_row(x)->shape;
    unsigned stored = x->lanes << v->dlog;

    x->use_mask = x->tail || (v->flags & TCG_VEC_MASKED) || stored < 16;
    if (shape >= S_SLIDE && (x->n != 1 || !x->g->f.vbmi)) {
        return false;
    }
    if ((shape == S_CVT || shape == S_TOINT || shape == S_FP1) &&
        v->alog != v->dlog && vec_conversion(x->v) == 0) {
        return false;
    }
    return x->n <= MAX_CHUNKS && (shape < S_MERGE || stored >= 16);
}

const VecLevel vec_evex = {
    .bytes = 64,
    .can = can,
    .set_scalar = set_scalar,
    .elements = elements,
    .copy = copy,
    .copy_masked = copy_masked,
};
