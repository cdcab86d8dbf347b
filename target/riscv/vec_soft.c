/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector floating point in software.
 *
 * Spec: Unprivileged ISA 20240411, 31.13, 31.14.3, 31.14.4.
 */
#include "tandem/base.h"

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "target/riscv/vec_soft.h"

#define ARGS void *dp, const void *ap, const void *bp, size_t n, VecCtx *c

static FloatStatus begin(const VecCtx *c)
{
    return (FloatStatus){ .rounding = c->rounding };
}

/* d[i] from x = a[i], y = b[i] and z, the old d[i]; @st is the status. */
#define SOFT(name, TD, TA, TB, ...)                                            \
    void s_##name(ARGS)                                                        \
    {                                                                          \
        FloatStatus st_ = begin(c), *st = &st_;                                \
        TD *d = dp;                                                            \
        const TA *a = ap;                                                      \
        const TB *b = bp;                                                      \
                                                                               \
        for (size_t i = 0; i < n; i++) {                                       \
            TA x = a[i];                                                       \
            TB y = b[i];                                                       \
            TD z = d[i];                                                       \
            (void)x, (void)y, (void)z;                                         \
            d[i] = (TD)(__VA_ARGS__);                                          \
        }                                                                      \
        c->flags |= st->flags;                                                 \
    }

enum { NEG_P = FLOAT_NEG_PRODUCT, NEG_A = FLOAT_NEG_ADDEND };

#define T(N)    float##N
#define SIGN(N) ((T(N))1 << (N - 1))

#define FORMAT(N)                                                              \
    SOFT(FADD_##N, T(N), T(N), T(N), f##N##_add(x, y, st))                     \
    SOFT(FSUB_##N, T(N), T(N), T(N), f##N##_sub(x, y, st))                     \
    SOFT(FRSUB_##N, T(N), T(N), T(N), f##N##_sub(y, x, st))                    \
    SOFT(FMUL_##N, T(N), T(N), T(N), f##N##_mul(x, y, st))                     \
    SOFT(FDIV_##N, T(N), T(N), T(N), f##N##_div(x, y, st))                     \
    SOFT(FRDIV_##N, T(N), T(N), T(N), f##N##_div(y, x, st))                    \
    SOFT(FMIN_##N, T(N), T(N), T(N), f##N##_min(x, y, st))                     \
    SOFT(FMAX_##N, T(N), T(N), T(N), f##N##_max(x, y, st))                     \
    SOFT(FSGNJ_##N, T(N), T(N), T(N), (x & ~SIGN(N)) | (y & SIGN(N)))          \
    SOFT(FSGNJN_##N, T(N), T(N), T(N), (x & ~SIGN(N)) | (~y & SIGN(N)))        \
    SOFT(FSGNJX_##N, T(N), T(N), T(N), x ^ (y & SIGN(N)))                      \
    SOFT(FMACC_##N, T(N), T(N), T(N), f##N##_muladd(y, x, z, 0, st))           \
    SOFT(FNMACC_##N, T(N), T(N), T(N),                                         \
         f##N##_muladd(y, x, z, NEG_P | NEG_A, st))                            \
    SOFT(FMSAC_##N, T(N), T(N), T(N), f##N##_muladd(y, x, z, NEG_A, st))       \
    SOFT(FNMSAC_##N, T(N), T(N), T(N), f##N##_muladd(y, x, z, NEG_P, st))      \
    SOFT(FMADD_##N, T(N), T(N), T(N), f##N##_muladd(y, z, x, 0, st))           \
    SOFT(FNMADD_##N, T(N), T(N), T(N),                                         \
         f##N##_muladd(y, z, x, NEG_P | NEG_A, st))                            \
    SOFT(FMSUB_##N, T(N), T(N), T(N), f##N##_muladd(y, z, x, NEG_A, st))       \
    SOFT(FNMSUB_##N, T(N), T(N), T(N), f##N##_muladd(y, z, x, NEG_P, st))      \
    SOFT(MFEQ_##N, uint8_t, T(N), T(N),                                        \
         f##N##_compare_quiet(x, y, st) == FLOAT_EQUAL)                        \
    SOFT(MFNE_##N, uint8_t, T(N), T(N),                                        \
         f##N##_compare_quiet(x, y, st) != FLOAT_EQUAL)                        \
    SOFT(MFLT_##N, uint8_t, T(N), T(N),                                        \
         f##N##_compare(x, y, st) == FLOAT_LESS)                               \
    SOFT(MFLE_##N, uint8_t, T(N), T(N),                                        \
         f##N##_compare(x, y, st) <= FLOAT_EQUAL)                              \
    SOFT(MFGT_##N, uint8_t, T(N), T(N),                                        \
         f##N##_compare(y, x, st) == FLOAT_LESS)                               \
    SOFT(MFGE_##N, uint8_t, T(N), T(N),                                        \
         f##N##_compare(y, x, st) <= FLOAT_EQUAL)                              \
    SOFT(FSQRT_##N, T(N), T(N), uint8_t, f##N##_sqrt(x, st))                   \
    SOFT(FRSQRT7_##N, T(N), T(N), uint8_t, vec_frsqrt7(x, N, st))              \
    SOFT(FREC7_##N, T(N), T(N), uint8_t, vec_frec7(x, N, st))                  \
    SOFT(FCLASS_##N, T(N), T(N), uint8_t, f##N##_class(x))                     \
    REDUCE(FREDOSUM_##N, T(N), T(N), f##N##_add(z, x, st))                     \
    REDUCE(FREDMIN_##N, T(N), T(N), f##N##_min(z, x, st))                      \
    REDUCE(FREDMAX_##N, T(N), T(N), f##N##_max(z, x, st))

/* In order, from b[0] through all of a (31.14.3). */
#define REDUCE(name, TD, TA, ...)                                              \
    void s_##name(ARGS)                                                        \
    {                                                                          \
        FloatStatus st_ = begin(c), *st = &st_;                                \
        const TA *a = ap;                                                      \
        TD z = *(const TD *)bp;                                                \
                                                                               \
        for (size_t i = 0; i < n; i++) {                                       \
            TA x = a[i];                                                       \
            z = __VA_ARGS__;                                                   \
        }                                                                      \
        *(TD *)dp = z;                                                         \
        c->flags |= st->flags;                                                 \
    }

/* Sources of width N widened to W first (31.13.3, 31.13.5, 31.13.7). */
#define WIDENING(N, W)                                                         \
    SOFT(FWADD_##N, T(W), T(N), T(N),                                          \
         f##W##_add(f##N##_to_f##W(x, st), f##N##_to_f##W(y, st), st))         \
    SOFT(FWSUB_##N, T(W), T(N), T(N),                                          \
         f##W##_sub(f##N##_to_f##W(x, st), f##N##_to_f##W(y, st), st))         \
    SOFT(FWMUL_##N, T(W), T(N), T(N),                                          \
         f##W##_mul(f##N##_to_f##W(x, st), f##N##_to_f##W(y, st), st))         \
    SOFT(FWADDW_##N, T(W), T(W), T(N),                                         \
         f##W##_add(x, f##N##_to_f##W(y, st), st))                             \
    SOFT(FWSUBW_##N, T(W), T(W), T(N),                                         \
         f##W##_sub(x, f##N##_to_f##W(y, st), st))                             \
    WIDE_FMA(FWMACC, N, W, 0)                                                  \
    WIDE_FMA(FWNMACC, N, W, NEG_P | NEG_A)                                     \
    WIDE_FMA(FWMSAC, N, W, NEG_A)                                              \
    WIDE_FMA(FWNMSAC, N, W, NEG_P)                                             \
    REDUCE(FWREDOSUM_##N, T(W), T(N),                                          \
           f##W##_add(z, f##N##_to_f##W(x, st), st))                           \
    SOFT(FWCVT_F_F_##N, T(W), T(N), uint8_t, f##N##_to_f##W(x, st))            \
    SOFT(FNCVT_F_F_##N, T(N), T(W), uint8_t, f##W##_to_f##N(x, st))            \
    SOFT(FNCVT_ROD_F_F_##N, T(N), T(W), uint8_t, round_odd_##N(x, st))
#define WIDE_FMA(op, N, W, neg)                                                \
    SOFT(op##_##N, T(W), T(N), T(N),                                           \
         f##W##_muladd(f##N##_to_f##W(y, st), f##N##_to_f##W(x, st), z, neg,   \
                       st))

/* Round towards odd: truncated, with the lowest bit set when inexact
 * (31.13.18). */
#define ROUND_ODD(N, W)                                                        \
    static T(N) round_odd_##N(T(W) x, FloatStatus *st)                         \
    {                                                                          \
        FloatStatus cut = { .rounding = FLOAT_ROUND_TO_ZERO };                 \
        T(N) r = f##W##_to_f##N(x, &cut);                                      \
                                                                               \
        st->flags |= cut.flags;                                                \
        return cut.flags & FLOAT_INEXACT ? r | 1 : r;                          \
    }

/* To integers of any width: narrower ones than 32 saturate once more, and
 * then signal invalid alone. */
#define NARROW_INT(F, N, M, lo, hi)                                            \
    static int##M##_t f##F##_to_##N(float##F x, FloatStatus *st)               \
    {                                                                          \
        FloatStatus one = { .rounding = st->rounding };                        \
        int64_t v = f##F##_to_i64(x, &one);                                    \
                                                                               \
        if (v < (lo) || v > (hi)) {                                            \
            one.flags = FLOAT_INVALID;                                         \
            v = v < (lo) ? (lo) : (hi);                                        \
        }                                                                      \
        st->flags |= one.flags;                                                \
        return v;                                                              \
    }
#define TO_INT(name, F, K, M)                                                  \
    SOFT(name##_X_F_##K, int##M##_t, float##F, uint8_t, f##F##_to_i##M(x, st)) \
    SOFT(name##_XU_F_##K, uint##M##_t, float##F, uint8_t,                      \
         f##F##_to_u##M(x, st))                                                \
    SOFT(name##_RTZ_X_F_##K, int##M##_t, float##F, uint8_t,                    \
         (st->rounding = FLOAT_ROUND_TO_ZERO, f##F##_to_i##M(x, st)))          \
    SOFT(name##_RTZ_XU_F_##K, uint##M##_t, float##F, uint8_t,                  \
         (st->rounding = FLOAT_ROUND_TO_ZERO, f##F##_to_u##M(x, st)))
#define OF_INT(name, F, K, M, P)                                               \
    SOFT(name##_X_##K, float##F, int##M##_t, uint8_t, i##P##_to_f##F(x, st))   \
    SOFT(name##_XU_##K, float##F, uint##M##_t, uint8_t, u##P##_to_f##F(x, st))

/* clang-format off */
FORMAT(16) FORMAT(32) FORMAT(64)
ROUND_ODD(16, 32) ROUND_ODD(32, 64)
WIDENING(16, 32) WIDENING(32, 64)
NARROW_INT(16, i8, 8, INT8_MIN, INT8_MAX) NARROW_INT(16, u8, 16, 0, UINT8_MAX)
NARROW_INT(16, i16, 16, INT16_MIN, INT16_MAX) NARROW_INT(16, u16, 32, 0, UINT16_MAX)
NARROW_INT(32, i16, 16, INT16_MIN, INT16_MAX) NARROW_INT(32, u16, 32, 0, UINT16_MAX)
TO_INT(FCVT, 16, 16, 16) TO_INT(FCVT, 32, 32, 32) TO_INT(FCVT, 64, 64, 64)
TO_INT(FWCVT, 16, 16, 32) TO_INT(FWCVT, 32, 32, 64)
TO_INT(FNCVT, 16, 8, 8) TO_INT(FNCVT, 32, 16, 16) TO_INT(FNCVT, 64, 32, 32)
OF_INT(FCVT_F, 16, 16, 16, 32) OF_INT(FCVT_F, 32, 32, 32, 32) OF_INT(FCVT_F, 64, 64, 64, 64)
OF_INT(FWCVT_F, 16, 8, 8, 32) OF_INT(FWCVT_F, 32, 16, 16, 32) OF_INT(FWCVT_F, 64, 32, 32, 32)
OF_INT(FNCVT_F, 16, 16, 32, 32) OF_INT(FNCVT_F, 32, 32, 64, 64)

#define ROW(op)  [VOP_##op] = { NULL, s_##op##_16, s_##op##_32, s_##op##_64 },
#define ROW2(op) [VOP_##op] = { NULL, s_##op##_16, s_##op##_32 },
#define ROWI(op) [VOP_##op] = { s_##op##_8, s_##op##_16, s_##op##_32 },
VecKernelRow vec_kernels_soft[VOP_COUNT] = {
    VEC_FP2(ROW) VEC_FPQ2(ROW) VEC_FP3(ROW) VEC_FCMP(ROW) VEC_FU(ROW)
    VEC_FCVT(ROW) VEC_FCVTI(ROW) VEC_FW2(ROW2) VEC_FWW(ROW2) VEC_FW3(ROW2)
    VEC_FWCVT(ROW2) VEC_FWCVTI(ROWI)
    ROWI(FNCVT_XU_F) ROWI(FNCVT_X_F) ROWI(FNCVT_RTZ_XU_F) ROWI(FNCVT_RTZ_X_F)
    ROW2(FNCVT_F_F) ROW2(FNCVT_ROD_F_F) VEC_FNCVTI(ROW2)
    ROW(FREDOSUM) ROW(FREDMIN) ROW(FREDMAX) ROW2(FWREDOSUM)
    [VOP_FREDUSUM] = { NULL, s_FREDOSUM_16, s_FREDOSUM_32, s_FREDOSUM_64 },
    [VOP_FWREDUSUM] = { NULL, s_FWREDOSUM_16, s_FWREDOSUM_32 },
};
/* clang-format on */

/* MXCSR's flags and fflags (SDM 1, 10.2.3): IE DE ZE OE UE PE from bit 0. */
void vec_fused_soft(VecKernel *soft, void *d, const void *a, const void *b,
                    size_t n, VecCtx *c)
{
#ifdef __x86_64__
    static const uint8_t rounding[4] = { FLOAT_ROUND_NEAREST_EVEN,
                                         FLOAT_ROUND_DOWN, FLOAT_ROUND_UP,
                                         FLOAT_ROUND_TO_ZERO };

    c->rounding = rounding[_mm_getcsr() >> 13 & 3];
#endif
    soft(d, a, b, n, c); /* its flags go with those of c */
}

/* --- estimates of 7 bits (31.13.9, 31.13.10) --- */

/*
 * The tables of the manual: entry i is the 7 bits that come nearest to the
 * function over the whole interval i, by largest relative error.
 */
/* clang-format off */
static const uint8_t rec7_table[128] = {
    127, 125, 123, 121, 119, 117, 116, 114, 112, 110, 109, 107, 105, 104, 102, 100,
    99, 97, 96, 94, 93, 91, 90, 88, 87, 85, 84, 83, 81, 80, 79, 77,
    76, 75, 74, 72, 71, 70, 69, 68, 66, 65, 64, 63, 62, 61, 60, 59,
    58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,
    42, 41, 40, 40, 39, 38, 37, 36, 35, 35, 34, 33, 32, 31, 31, 30,
    29, 28, 28, 27, 26, 25, 25, 24, 23, 23, 22, 21, 21, 20, 19, 19,
    18, 17, 17, 16, 15, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9, 9,
    8, 8, 7, 7, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0,
};
static const uint8_t rsqrt7_table[128] = {
    52, 51, 50, 48, 47, 46, 44, 43, 42, 41, 40, 39, 38, 36, 35, 34,
    33, 32, 31, 30, 30, 29, 28, 27, 26, 25, 24, 23, 23, 22, 21, 20,
    19, 19, 18, 17, 16, 16, 15, 14, 14, 13, 12, 12, 11, 10, 10, 9,
    9, 8, 7, 7, 6, 6, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0,
    127, 125, 123, 121, 119, 118, 116, 114, 113, 111, 109, 108, 106, 105, 103, 102,
    100, 99, 97, 96, 95, 93, 92, 91, 90, 88, 87, 86, 85, 84, 83, 82,
    80, 79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 70, 69, 68, 67, 66,
    65, 64, 63, 63, 62, 61, 60, 59, 59, 58, 57, 56, 56, 55, 54, 53,
};
/* clang-format on */

/* A format by its width. */
typedef struct Layout {
    unsigned exp_bits, sig_bits;
} Layout;

static Layout layout_of(unsigned width)
{
    return width == 16   ? (Layout){ 5, 10 }
           : width == 32 ? (Layout){ 8, 23 }
                         : (Layout){ 11, 52 };
}

typedef struct Unpacked {
    bool sign;
    int64_t exp; /* biased; below 1 for a subnormal that was normalized */
    uint64_t sig, max_exp;
} Unpacked;

static Unpacked unpack(uint64_t x, Layout l)
{
    Unpacked u = { .sign = x >> (l.exp_bits + l.sig_bits) & 1,
                   .exp = bits_get(x, l.sig_bits, l.exp_bits),
                   .sig = x & bit_mask(l.sig_bits),
                   .max_exp = bit_mask(l.exp_bits) };

    return u;
}

/* The leading one of a subnormal moves out; how far exp falls. */
static void normalize(Unpacked *u, Layout l)
{
    while (!(u->sig >> (l.sig_bits - 1) & 1)) {
        u->exp--;
        u->sig <<= 1;
    }
    u->sig = u->sig << 1 & bit_mask(l.sig_bits);
}

static uint64_t pack(bool sign, uint64_t exp, uint64_t sig, Layout l)
{
    return (uint64_t)sign << (l.exp_bits + l.sig_bits) | exp << l.sig_bits |
           sig;
}

static uint64_t quiet_nan(Unpacked u, Layout l)
{
    return pack(false, u.max_exp, BIT(l.sig_bits - 1), l);
}

static bool is_snan(Unpacked u, Layout l)
{
    return u.exp == (int64_t)u.max_exp && u.sig != 0 &&
           !(u.sig >> (l.sig_bits - 1) & 1);
}

uint64_t vec_frsqrt7(uint64_t x, unsigned width, FloatStatus *st)
{
    Layout l = layout_of(width);
    Unpacked u = unpack(x, l);
    int64_t bias = u.max_exp >> 1;

    if (u.exp == (int64_t)u.max_exp && u.sig != 0) {
        st->flags |= is_snan(u, l) ? FLOAT_INVALID : 0;
        return quiet_nan(u, l);
    }
    if (u.exp == 0 && u.sig == 0) {
        st->flags |= FLOAT_DIV_BY_ZERO;
        return pack(u.sign, u.max_exp, 0, l);
    }
    if (u.sign) {
        st->flags |= FLOAT_INVALID;
        return quiet_nan(u, l);
    }
    if (u.exp == (int64_t)u.max_exp) {
        return 0;
    }
    if (u.exp == 0) {
        normalize(&u, l);
    }
    unsigned i = (u.exp & 1) << 6 | u.sig >> (l.sig_bits - 6);
    return pack(false, (3 * bias - 1 - u.exp) / 2,
                (uint64_t)rsqrt7_table[i] << (l.sig_bits - 7), l);
}

uint64_t vec_frec7(uint64_t x, unsigned width, FloatStatus *st)
{
    Layout l = layout_of(width);
    Unpacked u = unpack(x, l);
    int64_t bias = u.max_exp >> 1, exp;
    uint64_t sig;

    if (u.exp == (int64_t)u.max_exp) {
        st->flags |= is_snan(u, l) ? FLOAT_INVALID : 0;
        return u.sig != 0 ? quiet_nan(u, l) : pack(u.sign, 0, 0, l);
    }
    if (u.exp == 0 && u.sig == 0) {
        st->flags |= FLOAT_DIV_BY_ZERO;
        return pack(u.sign, u.max_exp, 0, l);
    }
    if (u.exp == 0) {
        if (u.sig >> (l.sig_bits - 2) == 0) { /* the result overflows */
            bool inwards =
                st->rounding == FLOAT_ROUND_TO_ZERO ||
                st->rounding == (u.sign ? FLOAT_ROUND_UP : FLOAT_ROUND_DOWN);
            st->flags |= FLOAT_OVERFLOW | FLOAT_INEXACT;
            return inwards
                       ? pack(u.sign, u.max_exp - 1, bit_mask(l.sig_bits), l)
                       : pack(u.sign, u.max_exp, 0, l);
        }
        normalize(&u, l);
    }
    sig = (uint64_t)rec7_table[u.sig >> (l.sig_bits - 7)] << (l.sig_bits - 7);
    exp = 2 * bias - 1 - u.exp;
    if (exp <= 0) { /* 0 or -1: subnormal */
        sig = (sig | BIT(l.sig_bits)) >> (1 - exp);
        exp = 0;
    }
    return pack(u.sign, exp, sig, l);
}
