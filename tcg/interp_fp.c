/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreter's floating point: on the host FPU through <fenv.h>, with the
 * guest's rules for NaNs, minimum and maximum, and conversions on top
 * (IEEE 754-2019; RISC-V Unprivileged ISA 11.3, 20.4). Operands and results are
 * bits. Flags and rounding live in an MXCSR-like word.
 *
 * volatile keeps the compiler from moving arithmetic across changes of the
 * environment; it knows nothing of them.
 */
#include "tandem/base.h"

#include <fenv.h>
#include <math.h>

#include "tcg/internal.h"

enum {
    MXCSR_IE = 1,
    MXCSR_ZE = 4,
    MXCSR_OE = 8,
    MXCSR_UE = 16,
    MXCSR_PE = 32,
    MXCSR_RC_SHIFT = 13,
};

typedef struct Fp {
    TcgType type, from;
    unsigned aux;
    unsigned round; /* TCG_FP_RNE ... RMM */
    uint32_t flags; /* MXCSR bits raised by the op */
    bool x86;       /* NaN rule */
} Fp;

static double as_f64(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof(d));
    return d;
}

static float as_f32(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float f;

    memcpy(&f, &low, sizeof(f));
    return f;
}

static uint64_t f64_bits(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    return bits;
}

static uint64_t f32_bits(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    return bits;
}

/* ---- classes, by bits ---- */

static uint64_t inf_bits(TcgType t)
{
    return t == TCG_F32 ? 0x7f800000 : UINT64_C(0x7ff0000000000000);
}

static uint64_t quiet_bit(TcgType t)
{
    return t == TCG_F32 ? BIT(22) : BIT(51);
}

static uint64_t sign_of(TcgType t, uint64_t v)
{
    return v & (t == TCG_F32 ? BIT(31) : BIT(63));
}

static bool is_nan(TcgType t, uint64_t v)
{
    return (v ^ sign_of(t, v)) > inf_bits(t);
}

static bool is_snan(TcgType t, uint64_t v)
{
    return is_nan(t, v) && !(v & quiet_bit(t));
}

static uint64_t default_nan(const Fp *fp, TcgType t)
{
    uint64_t nan = inf_bits(t) | quiet_bit(t);

    return fp->x86 ? nan | (t == TCG_F32 ? BIT(31) : BIT(63)) : nan;
}

/* Result of an arithmetic op whose operands include the NaNs among @x, @y,
 * @z, or which made a NaN itself; else @r. */
static uint64_t nan_rule(const Fp *fp, uint64_t r, uint64_t x, uint64_t y,
                         uint64_t z)
{
    TcgType t = fp->type;

    if (!is_nan(t, r)) {
        return r;
    }
    if (fp->x86) {
        uint64_t first = is_nan(t, x) ? x : is_nan(t, y) ? y : z;

        if (is_nan(t, first)) {
            return first | quiet_bit(t);
        }
    }
    return default_nan(fp, t);
}

/* ---- the host's environment ---- */

static int host_rounding(unsigned round)
{
    switch (round) {
    case TCG_FP_RTZ:
        return FE_TOWARDZERO;
    case TCG_FP_RDN:
        return FE_DOWNWARD;
    case TCG_FP_RUP:
        return FE_UPWARD;
    default:
        return FE_TONEAREST;
    }
}

static void env_enter(const Fp *fp, fenv_t *saved)
{
    feholdexcept(saved);
    fesetround(host_rounding(fp->round));
}

static void env_leave(Fp *fp, const fenv_t *saved)
{
    int e = fetestexcept(FE_ALL_EXCEPT);

    fp->flags |=
        (e & FE_INVALID ? MXCSR_IE : 0) | (e & FE_DIVBYZERO ? MXCSR_ZE : 0) |
        (e & FE_OVERFLOW ? MXCSR_OE : 0) | (e & FE_UNDERFLOW ? MXCSR_UE : 0) |
        (e & FE_INEXACT ? MXCSR_PE : 0);
    fesetenv(saved);
}

/* ---- arithmetic ---- */

/* One function per format: only the C type differs. */
#define DEFINE_ARITH(N, type, root, muladd)                                    \
    static uint64_t arith##N(TcgOp op, uint64_t xb, uint64_t yb, uint64_t zb)  \
    {                                                                          \
        volatile type x = as_f##N(xb), y = as_f##N(yb), z = as_f##N(zb), r;    \
                                                                               \
        switch (op) {                                                          \
        case TCG_OP_fadd:                                                      \
            r = x + y;                                                         \
            break;                                                             \
        case TCG_OP_fsub:                                                      \
            r = x - y;                                                         \
            break;                                                             \
        case TCG_OP_fmul:                                                      \
            r = x * y;                                                         \
            break;                                                             \
        case TCG_OP_fdiv:                                                      \
            r = x / y;                                                         \
            break;                                                             \
        case TCG_OP_fsqrt:                                                     \
            r = root(x);                                                       \
            break;                                                             \
        default:                                                               \
            r = muladd(x, y, z);                                               \
            break;                                                             \
        }                                                                      \
        return f##N##_bits(r);                                                 \
    }
DEFINE_ARITH(64, double, sqrt, fma)
DEFINE_ARITH(32, float, sqrtf, fmaf)
#undef DEFINE_ARITH

/* Is |x| * |y| infinity times zero? */
static bool inf_times_zero(TcgType t, uint64_t x, uint64_t y)
{
    uint64_t inf = inf_bits(t);

    x ^= sign_of(t, x);
    y ^= sign_of(t, y);
    return (x == inf && y == 0) || (x == 0 && y == inf);
}

static uint64_t do_arith(Fp *fp, TcgOp op, uint64_t x, uint64_t y, uint64_t z)
{
    uint64_t flip = fp->type == TCG_F32 ? BIT(31) : BIT(63);
    fenv_t saved;
    uint64_t r;

    if (op == TCG_OP_fma) {
        /* A NaN keeps its sign: only a number is negated. */
        if ((fp->aux & TCG_FP_NEG_PROD) && !is_nan(fp->type, x)) {
            x ^= flip;
        }
        if ((fp->aux & TCG_FP_NEG_ADD) && !is_nan(fp->type, z)) {
            z ^= flip;
        }
    }
    env_enter(fp, &saved);
    r = fp->type == TCG_F32 ? arith32(op, x, y, z) : arith64(op, x, y, z);
    env_leave(fp, &saved);
    if (op == TCG_OP_fma && !fp->x86 && inf_times_zero(fp->type, x, y)) {
        fp->flags |= MXCSR_IE; /* whatever the addend (RISC-V 11.6) */
    }
    return nan_rule(fp, r, x, op == TCG_OP_fsqrt ? x : y,
                    op == TCG_OP_fma ? z : x);
}

/* ---- comparison ---- */

static bool less(TcgType t, uint64_t x, uint64_t y)
{
    return t == TCG_F32 ? as_f32(x) < as_f32(y) : as_f64(x) < as_f64(y);
}

static bool equal(TcgType t, uint64_t x, uint64_t y)
{
    return t == TCG_F32 ? as_f32(x) == as_f32(y) : as_f64(x) == as_f64(y);
}

static uint64_t do_fcmp(Fp *fp, uint64_t x, uint64_t y)
{
    TcgType t = fp->from;
    unsigned cond = (fp->aux & TCG_FP_COND_MASK) >> TCG_FP_COND_SHIFT;

    if (is_nan(t, x) || is_nan(t, y)) {
        if (cond == TCG_FLT || cond == TCG_FLE || is_snan(t, x) ||
            is_snan(t, y)) {
            fp->flags |= MXCSR_IE;
        }
        return cond == TCG_FUNORD;
    }
    switch (cond) {
    case TCG_FEQ:
        return equal(t, x, y);
    case TCG_FLT:
    case TCG_FLTQ:
        return less(t, x, y);
    case TCG_FLE:
    case TCG_FLEQ:
        return less(t, x, y) || equal(t, x, y);
    default:
        return 0;
    }
}

/* SSE: y when either is a NaN or both are zeros; NV for any NaN. */
static uint64_t minmax_x86(Fp *fp, bool max, uint64_t x, uint64_t y)
{
    if (is_nan(fp->type, x) || is_nan(fp->type, y)) {
        fp->flags |= MXCSR_IE;
        return y;
    }
    return (max ? less(fp->type, y, x) : less(fp->type, x, y)) ? x : y;
}

/* IEEE 754-2019 minimumNumber, maximumNumber. */
static uint64_t do_minmax(Fp *fp, bool max, uint64_t x, uint64_t y)
{
    TcgType t = fp->type;

    if (fp->x86) {
        return minmax_x86(fp, max, x, y);
    }
    if (is_snan(t, x) || is_snan(t, y)) {
        fp->flags |= MXCSR_IE;
    }
    if (is_nan(t, x)) {
        return is_nan(t, y) ? default_nan(fp, t) : y;
    }
    if (is_nan(t, y)) {
        return x;
    }
    if (equal(t, x, y)) { /* zeros of either sign; else equal bits */
        return max ? x & y : x | y;
    }
    return less(t, x, y) != max ? x : y;
}

/* ---- conversions ---- */

/* Round to an integral value in the op's mode; exact in double. */
static double round_integral(const Fp *fp, double x)
{
    switch (fp->round) {
    case TCG_FP_RTZ:
        return trunc(x);
    case TCG_FP_RDN:
        return floor(x);
    case TCG_FP_RUP:
        return ceil(x);
    case TCG_FP_RMM:
        return round(x);
    default:
        return nearbyint(x); /* the host rounds to nearest even here */
    }
}

/* An F32 or F64 operand as a double: exact, and quiet as no op is made. */
static double widen(TcgType t, uint64_t bits)
{
    return t == TCG_F32 ? (double)as_f32(bits) : as_f64(bits);
}

static uint64_t do_fround(Fp *fp, uint64_t x)
{
    fenv_t saved;
    double r;

    if (is_nan(fp->type, x)) {
        fp->flags |= is_snan(fp->type, x) ? MXCSR_IE : 0;
        return nan_rule(fp, x, x, x, x);
    }
    feholdexcept(&saved);
    fesetround(FE_TONEAREST);
    r = round_integral(fp, widen(fp->type, x));
    if (r != widen(fp->type, x)) {
        fp->flags |= MXCSR_PE;
    }
    fesetenv(&saved);
    /* a result of zero keeps the operand's sign */
    return sign_of(fp->type, x) |
           (fp->type == TCG_F32 ? f32_bits((float)fabs(r)) : f64_bits(fabs(r)));
}

/* Bounds of the integer type: lo <= r < hi, as doubles, exact. */
static void int_bounds(TcgType t, bool is_signed, double *lo, double *hi)
{
    double top = t == TCG_I32 ? 4294967296.0 : 18446744073709551616.0;

    *lo = is_signed ? -top / 2 : 0;
    *hi = is_signed ? top / 2 : top;
}

static uint64_t out_of_range(const Fp *fp, bool is_signed, bool low)
{
    uint64_t ones = bit_mask(tcg_type_size(fp->type) * 8);
    uint64_t min = ones ^ ones >> 1;

    if (fp->x86) {
        return is_signed ? min : ones; /* "indefinite" */
    }
    if (low) {
        return is_signed ? min : 0;
    }
    return is_signed ? ones >> 1 : ones;
}

static uint64_t do_to_int(Fp *fp, uint64_t bits, bool is_signed)
{
    double x, r, lo, hi;
    fenv_t saved;
    uint64_t v;

    if (is_nan(fp->from, bits)) {
        fp->flags |= MXCSR_IE;
        return out_of_range(fp, is_signed, false);
    }
    feholdexcept(&saved);
    fesetround(FE_TONEAREST);
    x = widen(fp->from, bits);
    r = round_integral(fp, x);
    int_bounds(fp->type, is_signed, &lo, &hi);
    if (r < lo || r >= hi) {
        fp->flags |= MXCSR_IE;
        v = out_of_range(fp, is_signed, r < lo);
    } else {
        fp->flags |= r != x ? MXCSR_PE : 0;
        v = is_signed ? (uint64_t)(int64_t)r : (uint64_t)r;
    }
    fesetenv(&saved);
    return v;
}

static uint64_t do_from_int(Fp *fp, uint64_t v, bool is_signed)
{
    volatile int64_t s = fp->from == TCG_I32 ? (int32_t)v : (int64_t)v;
    volatile uint64_t u = v;
    volatile double d = 0;
    volatile float f = 0;
    fenv_t saved;

    env_enter(fp, &saved);
    if (fp->type == TCG_F64) {
        d = is_signed ? (double)s : (double)u;
    } else {
        f = is_signed ? (float)s : (float)u;
    }
    env_leave(fp, &saved);
    return fp->type == TCG_F64 ? f64_bits(d) : f32_bits(f);
}

/* NaN of another width: payload's top bits kept (x86), or canonical. */
static uint64_t convert_nan(const Fp *fp, uint64_t x)
{
    uint64_t r;

    if (!fp->x86) {
        return default_nan(fp, fp->type);
    }
    if (fp->from == TCG_F32) {
        r = (x & BIT(31)) << 32 | (x & bit_mask(23)) << 29;
    } else {
        r = sign_of(TCG_F64, x) >> 32 | (x >> 29 & bit_mask(23));
    }
    return r | inf_bits(fp->type) | quiet_bit(fp->type);
}

static uint64_t do_fcvt_ff(Fp *fp, uint64_t x)
{
    volatile double d = 0;
    volatile float f = 0;
    fenv_t saved;

    if (fp->from == fp->type) {
        return x;
    }
    if (is_nan(fp->from, x)) {
        fp->flags |= is_snan(fp->from, x) ? MXCSR_IE : 0;
        return convert_nan(fp, x);
    }
    env_enter(fp, &saved);
    if (fp->type == TCG_F64) {
        f = as_f32(x);
        d = f;
    } else {
        d = as_f64(x);
        f = (float)d;
    }
    env_leave(fp, &saved);
    return fp->type == TCG_F64 ? f64_bits(d) : f32_bits(f);
}

/* ---- half precision: binary16 has 5 exponent and 10 fraction bits ---- */

static uint64_t do_half_to_single(Fp *fp, uint64_t h)
{
    uint64_t sign = (h & 0x8000) << 16;
    unsigned exp = h >> 10 & 31;
    uint64_t frac = h & 0x3ff;

    if (exp == 31) {
        if (frac == 0) {
            return sign | inf_bits(TCG_F32);
        }
        fp->flags |= frac & 0x200 ? 0 : MXCSR_IE;
        return fp->x86 ? sign | inf_bits(TCG_F32) | BIT(22) | frac << 13
                       : default_nan(fp, TCG_F32);
    }
    if (exp == 0) { /* frac * 2^-24, exact */
        return sign | f32_bits((float)frac * 0x1p-24f);
    }
    return sign | (uint64_t)(exp + 127 - 15) << 23 | frac << 13;
}

/* Shall a fraction with @rest of @half, @odd below the cut be rounded up? */
static bool rounds_up(const Fp *fp, bool negative, bool odd, uint64_t rest,
                      uint64_t half)
{
    switch (fp->round) {
    case TCG_FP_RTZ:
        return false;
    case TCG_FP_RDN:
        return negative && rest != 0;
    case TCG_FP_RUP:
        return !negative && rest != 0;
    case TCG_FP_RMM:
        return rest >= half;
    default:
        return rest > half || (rest == half && odd);
    }
}

static uint64_t half_overflow(Fp *fp, bool negative)
{
    bool to_inf = fp->round == TCG_FP_RNE || fp->round == TCG_FP_RMM ||
                  fp->round == (negative ? TCG_FP_RDN : TCG_FP_RUP);

    fp->flags |= MXCSR_OE | MXCSR_PE;
    return to_inf ? 0x7c00 : 0x7bff;
}

/* Magnitude 2^(exp) * 1.frac (frac: 23 bits) as binary16 without sign. */
static uint64_t round_to_half(Fp *fp, bool negative, int exp, uint64_t frac)
{
    uint64_t m = frac | BIT(23); /* 1.23 */
    /* Bits cut: 13 for a normal result, more below 2^-14. */
    int cut = exp >= -14 ? 13 : 13 + (-14 - exp);
    uint64_t rest, half, r;
    bool tiny = exp < -14;

    if (cut > 25) {
        cut = 25; /* all that is left is "more than nothing" */
        m = 1;
        rest = 1;
        half = BIT(24);
        r = 0;
    } else {
        rest = m & bit_mask(cut);
        half = BIT(cut - 1);
        r = m >> cut;
    }
    if (tiny && exp == -15) {
        /* Tiny after rounding, with the exponent range unbounded: 11 bits. */
        uint64_t full = m >> 13;
        uint64_t full_rest = m & bit_mask(13);

        full += rounds_up(fp, negative, full & 1, full_rest, BIT(12));
        tiny = full < BIT(11);
    }
    r += rounds_up(fp, negative, r & 1, rest, half);
    if (rest != 0) {
        fp->flags |= MXCSR_PE | (tiny ? MXCSR_UE : 0);
    }
    if (exp >= -14) {
        r += (uint64_t)(exp + 14) << 10; /* the leading one adds an exponent */
    }
    return r >= 0x7c00 ? half_overflow(fp, negative) : r;
}

static uint64_t do_single_to_half(Fp *fp, uint64_t x)
{
    bool negative = sign_of(TCG_F32, x) != 0;
    uint64_t sign = negative ? 0x8000 : 0;
    uint64_t mag = x ^ sign_of(TCG_F32, x);
    int exp = (int)(mag >> 23) - 127;

    if (is_nan(TCG_F32, x)) {
        fp->flags |= is_snan(TCG_F32, x) ? MXCSR_IE : 0;
        return fp->x86 ? sign | 0x7e00 | (x >> 13 & 0x3ff) : 0x7e00;
    }
    if (mag == inf_bits(TCG_F32)) {
        return sign | 0x7c00;
    }
    if (mag == 0) {
        return sign;
    }
    if (exp == -127) { /* a denormal single is far below any half */
        return sign | round_to_half(fp, negative, -100, 0);
    }
    if (exp > 15) {
        return sign | half_overflow(fp, negative);
    }
    return sign | round_to_half(fp, negative, exp, mag & bit_mask(23));
}

/* ---- entry ---- */

static uint64_t eval(Fp *fp, TcgOp op, uint64_t x, uint64_t y, uint64_t z)
{
    switch (op) {
    case TCG_OP_fmin:
        return do_minmax(fp, false, x, y);
    case TCG_OP_fmax:
        return do_minmax(fp, true, x, y);
    case TCG_OP_fcmp:
        return do_fcmp(fp, x, y);
    case TCG_OP_fround:
        return do_fround(fp, x);
    case TCG_OP_fcvt_ff:
        return do_fcvt_ff(fp, x);
    case TCG_OP_fcvt_fs:
        return do_to_int(fp, x, true);
    case TCG_OP_fcvt_fu:
        return do_to_int(fp, x, false);
    case TCG_OP_fcvt_sf:
        return do_from_int(fp, x, true);
    case TCG_OP_fcvt_uf:
        return do_from_int(fp, x, false);
    case TCG_OP_fcvt_hs:
        return do_half_to_single(fp, x);
    case TCG_OP_fcvt_sh:
        return do_single_to_half(fp, x);
    default:
        return do_arith(fp, op, x, y, z);
    }
}

uint64_t tcg_eval_fp(TcgOp op, TcgType type, unsigned aux, TcgType from,
                     uint64_t x, uint64_t y, uint64_t z, uint32_t *mxcsr)
{
    static const uint8_t by_rc[4] = { TCG_FP_RNE, TCG_FP_RDN, TCG_FP_RUP,
                                      TCG_FP_RTZ };
    Fp fp = { .type = type,
              .from = from,
              .aux = aux,
              .x86 = (aux & TCG_FP_NAN_MASK) == TCG_FP_NAN_X86 };
    uint64_t r;

    fp.round = aux & TCG_FP_ROUND;
    if (fp.round == TCG_FP_DYN) {
        fp.round = by_rc[*mxcsr >> MXCSR_RC_SHIFT & 3];
    }
    r = eval(&fp, op, x, y, z);
    *mxcsr |= fp.flags;
    return tcg_type_size(type) == 4 ? (uint32_t)r : r;
}
