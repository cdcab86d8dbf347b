/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IEEE 754 arithmetic on unpacked values.
 *
 * Spec: IEEE 754-2019; section numbers below are its own.
 *
 * Every operation makes an exact result with the bits below 2^-63 of it
 * folded ("jammed") into the lowest bit, and parts_pack() rounds that once.
 * A format of at most 62 significant bits leaves room for round and sticky.
 */
#include "tandem/base.h"

#include "target/softfloat/parts.h"

typedef unsigned __int128 u128;

#define FRAC_TOP  BIT(63)
#define NAN_QUIET BIT(62)

static bool is_nan(FloatParts p)
{
    return p.kind >= FLOAT_QNAN;
}

/* @v >> @n with lost ones folded into bit 0; any n >= 0. */
static uint64_t shift_right_jam(uint64_t v, unsigned n)
{
    if (n == 0) {
        return v;
    }
    if (n > 63) {
        return v != 0;
    }
    return v >> n | ((v & bit_mask(n)) != 0);
}

static u128 shift_right_jam_128(u128 v, unsigned n)
{
    if (n == 0) {
        return v;
    }
    if (n > 127) {
        return v != 0;
    }
    return v >> n | ((v << (128 - n)) != 0);
}

static unsigned clz_128(u128 v)
{
    uint64_t hi = v >> 64;

    return hi != 0 ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
}

/* frac = the top 64 bits of @v (not 0) normalized; @exp is that of bit 127. */
static FloatParts parts_from_128(bool sign, int32_t exp, u128 v)
{
    unsigned n = clz_128(v);

    v <<= n;
    return (FloatParts){
        .kind = FLOAT_FINITE,
        .sign = sign,
        .exp = exp - (int32_t)n,
        .frac = (uint64_t)(v >> 64) | ((uint64_t)v != 0),
    };
}

FloatParts parts_default_nan(const FloatStatus *st)
{
    return (FloatParts){
        .kind = FLOAT_QNAN,
        .sign = st->default_nan_minus,
        .frac = NAN_QUIET,
    };
}

static FloatParts invalid(FloatStatus *st)
{
    st->flags |= FLOAT_INVALID;
    return parts_default_nan(st);
}

/* The NaN result of an operation on @n operands, one of them a NaN (6.2.3). */
static FloatParts pick_nan(const FloatParts *ops, unsigned n, FloatStatus *st)
{
    const FloatParts *snan = NULL, *first = NULL;

    for (unsigned i = 0; i < n; i++) {
        if (first == NULL && is_nan(ops[i])) {
            first = &ops[i];
        }
        if (snan == NULL && ops[i].kind == FLOAT_SNAN) {
            snan = &ops[i];
        }
    }
    if (snan != NULL) {
        st->flags |= FLOAT_INVALID;
    }
    if (st->nan_rule == FLOAT_NAN_DEFAULT) {
        return parts_default_nan(st);
    }
    if (st->nan_rule == FLOAT_NAN_SIGNALLING && snan != NULL) {
        first = snan;
    }
    FloatParts r = *first;
    r.kind = FLOAT_QNAN;
    r.frac |= NAN_QUIET;
    return r;
}

FloatParts parts_unpack(const FloatFormat *f, uint64_t bits)
{
    uint64_t exp = bits_get(bits, f->frac_bits, f->exp_bits);
    uint64_t frac = bits & bit_mask(f->frac_bits);
    int32_t bias = (1 << (f->exp_bits - 1)) - 1;
    FloatParts p = { .sign = (bits >> (f->frac_bits + f->exp_bits)) & 1 };

    p.frac = frac << (63 - f->frac_bits);
    if (exp == bit_mask(f->exp_bits)) {
        p.kind = frac == 0              ? FLOAT_INF
                 : (p.frac & NAN_QUIET) ? FLOAT_QNAN
                                        : FLOAT_SNAN;
    } else if (exp != 0) {
        p.kind = FLOAT_FINITE;
        p.exp = (int32_t)exp - bias;
        p.frac |= FRAC_TOP;
    } else if (frac == 0) {
        p.kind = FLOAT_ZERO;
    } else {
        unsigned n = __builtin_clzll(p.frac);

        p.kind = FLOAT_FINITE;
        p.frac <<= n;
        p.exp = 1 - bias - (int32_t)n;
    }
    return p;
}

/*
 * What is added to @frac so that dropping its low @drop bits (1..63) rounds:
 * a carry out of the kept bits is the increment (4.3).
 */
static uint64_t round_increment(uint64_t frac, unsigned drop, bool sign,
                                unsigned rounding)
{
    uint64_t half = BIT(drop - 1);

    switch (rounding) {
    case FLOAT_ROUND_NEAREST_EVEN:
        /* a tie goes up only from an odd kept part */
        return (frac & bit_mask(drop)) == half && !(frac & BIT(drop)) ? 0
                                                                      : half;
    case FLOAT_ROUND_NEAREST_AWAY:
        return half;
    case FLOAT_ROUND_DOWN:
        return sign ? bit_mask(drop) : 0;
    case FLOAT_ROUND_UP:
        return sign ? 0 : bit_mask(drop);
    default:
        return 0;
    }
}

static uint64_t encode(const FloatFormat *f, bool sign, uint64_t exp,
                       uint64_t frac)
{
    return (uint64_t)sign << (f->exp_bits + f->frac_bits) |
           exp << f->frac_bits | (frac & bit_mask(f->frac_bits));
}

/* Overflow: infinity, or the largest number when rounding inwards (7.4). */
static uint64_t pack_overflow(const FloatFormat *f, bool sign, FloatStatus *st)
{
    bool inwards = st->rounding == FLOAT_ROUND_TO_ZERO ||
                   st->rounding == (sign ? FLOAT_ROUND_UP : FLOAT_ROUND_DOWN);

    st->flags |= FLOAT_OVERFLOW | FLOAT_INEXACT;
    return inwards ? encode(f, sign, bit_mask(f->exp_bits) - 1, UINT64_MAX)
                   : encode(f, sign, bit_mask(f->exp_bits), 0);
}

/* Is the value below the smallest normal, as @st judges it (7.5)? */
static bool is_tiny(FloatParts p, int32_t emin, unsigned drop, FloatStatus *st)
{
    if (p.exp >= emin) {
        return false;
    }
    if (st->tiny_before || p.exp < emin - 1) {
        return true;
    }
    /* after rounding to full precision it may have reached 2^emin */
    uint64_t inc = round_increment(p.frac, drop, p.sign, st->rounding);
    return p.frac + inc >= p.frac;
}

static uint64_t pack_finite(const FloatFormat *f, FloatParts p, FloatStatus *st)
{
    int32_t bias = (1 << (f->exp_bits - 1)) - 1, emin = 1 - bias;
    unsigned drop = 63 - f->frac_bits;
    bool tiny = is_tiny(p, emin, drop, st);
    uint64_t frac = p.frac, exp = p.exp + bias;

    if (p.exp < emin) {
        frac = shift_right_jam(frac, emin - p.exp);
        exp = 0;
    }
    bool inexact = (frac & bit_mask(drop)) != 0;
    uint64_t sum = frac + round_increment(frac, drop, p.sign, st->rounding);
    bool carry = sum < frac;

    frac = sum >> drop;
    if (carry) {
        frac = 0;
        exp++;
    } else if (exp == 0 && frac >> f->frac_bits) {
        exp = 1; /* a subnormal became the smallest normal */
    }
    if (p.exp >= emin && exp >= bit_mask(f->exp_bits)) {
        return pack_overflow(f, p.sign, st);
    }
    if (inexact) {
        st->flags |= FLOAT_INEXACT | (tiny ? FLOAT_UNDERFLOW : 0);
    }
    return encode(f, p.sign, exp, frac);
}

uint64_t parts_pack(const FloatFormat *f, FloatParts p, FloatStatus *st)
{
    uint64_t max_exp = bit_mask(f->exp_bits);

    switch (p.kind) {
    case FLOAT_ZERO:
        return encode(f, p.sign, 0, 0);
    case FLOAT_FINITE:
        return pack_finite(f, p, st);
    case FLOAT_INF:
        return encode(f, p.sign, max_exp, 0);
    default:
        return encode(f, p.sign, max_exp, p.frac >> (63 - f->frac_bits));
    }
}

FloatParts parts_convert(FloatParts a, FloatStatus *st)
{
    return is_nan(a) ? pick_nan(&a, 1, st) : a;
}

/* The sign of an exact zero sum of operands of unlike sign (6.3). */
static FloatParts zero_sum(FloatStatus *st)
{
    return (FloatParts){
        .kind = FLOAT_ZERO,
        .sign = st->rounding == FLOAT_ROUND_DOWN,
    };
}

/*
 * Sum of two finite numbers with significands of 128 bits, bit 127 set, of
 * which at least the lowest is zero: halved, a sum cannot overflow.
 */
static FloatParts add_128(FloatParts a, u128 fa, FloatParts b, u128 fb,
                          FloatStatus *st)
{
    if (a.exp < b.exp || (a.exp == b.exp && fa < fb)) {
        FloatParts t = a;
        u128 ft = fa;

        a = b, fa = fb;
        b = t, fb = ft;
    }
    fa >>= 1;
    fb = shift_right_jam_128(fb >> 1, a.exp - b.exp);
    fa = a.sign == b.sign ? fa + fb : fa - fb;
    if (fa == 0) {
        return zero_sum(st);
    }
    return parts_from_128(a.sign, a.exp + 1, fa);
}

/* Sum where neither is a NaN and not both are finite and non-zero. */
static FloatParts add_special(FloatParts a, FloatParts b, FloatStatus *st)
{
    if (a.kind == FLOAT_INF && b.kind == FLOAT_INF && a.sign != b.sign) {
        return invalid(st);
    }
    if (a.kind == FLOAT_INF || b.kind == FLOAT_ZERO) {
        if (a.kind == FLOAT_ZERO && a.sign != b.sign) {
            return zero_sum(st);
        }
        return a;
    }
    return b;
}

FloatParts parts_add(FloatParts a, FloatParts b, FloatStatus *st)
{
    if (is_nan(a) || is_nan(b)) {
        return pick_nan((FloatParts[]){ a, b }, 2, st);
    }
    if (a.kind != FLOAT_FINITE || b.kind != FLOAT_FINITE) {
        return add_special(a, b, st);
    }
    return add_128(a, (u128)a.frac << 64, b, (u128)b.frac << 64, st);
}

FloatParts parts_mul(FloatParts a, FloatParts b, FloatStatus *st)
{
    bool sign = a.sign ^ b.sign;

    if (is_nan(a) || is_nan(b)) {
        return pick_nan((FloatParts[]){ a, b }, 2, st);
    }
    if (a.kind == FLOAT_FINITE && b.kind == FLOAT_FINITE) {
        return parts_from_128(sign, a.exp + b.exp + 1, (u128)a.frac * b.frac);
    }
    if (a.kind == FLOAT_INF || b.kind == FLOAT_INF) {
        if (a.kind == FLOAT_ZERO || b.kind == FLOAT_ZERO) {
            return invalid(st);
        }
        return (FloatParts){ .kind = FLOAT_INF, .sign = sign };
    }
    return (FloatParts){ .kind = FLOAT_ZERO, .sign = sign };
}

FloatParts parts_div(FloatParts a, FloatParts b, FloatStatus *st)
{
    bool sign = a.sign ^ b.sign;

    if (is_nan(a) || is_nan(b)) {
        return pick_nan((FloatParts[]){ a, b }, 2, st);
    }
    if (a.kind == b.kind && a.kind != FLOAT_FINITE) {
        return invalid(st); /* 0 / 0, inf / inf */
    }
    if (a.kind == FLOAT_INF || b.kind == FLOAT_ZERO) {
        if (a.kind != FLOAT_INF) {
            st->flags |= FLOAT_DIV_BY_ZERO;
        }
        return (FloatParts){ .kind = FLOAT_INF, .sign = sign };
    }
    if (a.kind == FLOAT_ZERO || b.kind == FLOAT_INF) {
        return (FloatParts){ .kind = FLOAT_ZERO, .sign = sign };
    }
    bool less = a.frac < b.frac;
    u128 num = (u128)a.frac << (less ? 64 : 63);
    uint64_t q = num / b.frac;

    return (FloatParts){
        .kind = FLOAT_FINITE,
        .sign = sign,
        .exp = a.exp - b.exp - less,
        .frac = q | (num % b.frac != 0),
    };
}

/* floor(sqrt(@n)) for n >= 2^126, and whether it is exact. */
static uint64_t sqrt_128(u128 n, bool *exact)
{
    u128 root = 0, rest = n;

    /* Digit by digit: root holds the digits found, shifted into place. */
    for (u128 bit = (u128)1 << 126; bit != 0; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    *exact = rest == 0;
    return root;
}

FloatParts parts_sqrt(FloatParts a, FloatStatus *st)
{
    bool exact;

    if (is_nan(a)) {
        return pick_nan(&a, 1, st);
    }
    if (a.kind == FLOAT_ZERO) {
        return a; /* sqrt(-0) is -0 (5.4.1) */
    }
    if (a.sign) {
        return invalid(st);
    }
    if (a.kind == FLOAT_INF) {
        return a;
    }
    bool odd = a.exp & 1;
    uint64_t root = sqrt_128((u128)a.frac << (63 + odd), &exact);

    a.exp = (a.exp - odd) / 2;
    a.frac = root | !exact;
    return a;
}

/* NaN results of a fused multiply-add; true when there is one. */
static bool muladd_nan(FloatParts a, FloatParts b, FloatParts c,
                       FloatStatus *st, FloatParts *out)
{
    bool bad = (a.kind == FLOAT_INF && b.kind == FLOAT_ZERO) ||
               (a.kind == FLOAT_ZERO && b.kind == FLOAT_INF);

    if (is_nan(a) || is_nan(b) || is_nan(c)) {
        /* 7.2 c): whether 0 * inf + quiet NaN signals is each ISA's choice,
         * and Arm then returns the default NaN (FPProcessMulAdd). */
        if (bad && st->nan_rule != FLOAT_NAN_FIRST) {
            st->flags |= FLOAT_INVALID;
        }
        *out =
            bad && c.kind == FLOAT_QNAN && st->nan_rule == FLOAT_NAN_SIGNALLING
                ? parts_default_nan(st)
                : pick_nan((FloatParts[]){ a, b, c }, 3, st);
        return true;
    }
    if (bad) {
        *out = invalid(st);
    }
    return bad;
}

FloatParts parts_muladd(FloatParts a, FloatParts b, FloatParts c,
                        FloatStatus *st)
{
    FloatParts p;

    if (muladd_nan(a, b, c, st, &p)) {
        return p;
    }
    p = parts_mul(a, b, st);
    if (p.kind != FLOAT_FINITE || c.kind != FLOAT_FINITE) {
        return add_special(p, c, st);
    }
    u128 exact = (u128)a.frac * b.frac;
    return add_128(p, exact << clz_128(exact), c, (u128)c.frac << 64, st);
}

/* Order of two numbers that are no NaNs; @zero_signs: -0 is below +0. */
static FloatRelation order(FloatParts a, FloatParts b, bool zero_signs)
{
    if (a.kind == FLOAT_ZERO && b.kind == FLOAT_ZERO && !zero_signs) {
        return FLOAT_EQUAL;
    }
    if (a.sign != b.sign) {
        return a.sign ? FLOAT_LESS : FLOAT_GREATER;
    }
    FloatRelation mag = FLOAT_EQUAL;
    if (a.kind != b.kind) {
        mag = a.kind < b.kind ? FLOAT_LESS : FLOAT_GREATER;
    } else if (a.kind == FLOAT_FINITE && a.exp != b.exp) {
        mag = a.exp < b.exp ? FLOAT_LESS : FLOAT_GREATER;
    } else if (a.kind == FLOAT_FINITE && a.frac != b.frac) {
        mag = a.frac < b.frac ? FLOAT_LESS : FLOAT_GREATER;
    }
    return a.sign ? -mag : mag;
}

FloatParts parts_minmax(FloatParts a, FloatParts b, bool max, FloatStatus *st)
{
    if (is_nan(a) || is_nan(b)) {
        if (is_nan(a) && is_nan(b)) {
            return pick_nan((FloatParts[]){ a, b }, 2, st);
        }
        if (a.kind == FLOAT_SNAN || b.kind == FLOAT_SNAN) {
            st->flags |= FLOAT_INVALID;
        }
        return is_nan(a) ? b : a;
    }
    FloatRelation rel = order(a, b, true);
    return (max ? rel == FLOAT_GREATER : rel == FLOAT_LESS) ? a : b;
}

FloatRelation parts_compare(FloatParts a, FloatParts b, bool quiet,
                            FloatStatus *st)
{
    if (is_nan(a) || is_nan(b)) {
        if (!quiet || a.kind == FLOAT_SNAN || b.kind == FLOAT_SNAN) {
            st->flags |= FLOAT_INVALID;
        }
        return FLOAT_UNORDERED;
    }
    return order(a, b, false);
}

/* |a| rounded to an integer; a.exp < 64, and 2^64 when it carries out. */
static u128 round_magnitude(FloatParts a, unsigned rounding, bool *inexact)
{
    if (a.exp == 63) {
        *inexact = false;
        return a.frac;
    }
    /* below 1, shifted so that bit 63 stands for 1 */
    unsigned drop = a.exp < 0 ? 63 : 63 - a.exp;
    uint64_t frac = a.exp < 0 ? shift_right_jam(a.frac, -a.exp) : a.frac;

    *inexact = (frac & bit_mask(drop)) != 0;
    return ((u128)frac + round_increment(frac, drop, a.sign, rounding)) >> drop;
}

FloatParts parts_round_int(FloatParts a, bool exact, FloatStatus *st)
{
    bool inexact;

    if (is_nan(a)) {
        return pick_nan(&a, 1, st);
    }
    if (a.kind != FLOAT_FINITE || a.exp >= 63) {
        return a;
    }
    FloatParts r =
        parts_from_int(round_magnitude(a, st->rounding, &inexact), a.sign);
    if (exact && inexact) {
        st->flags |= FLOAT_INEXACT;
    }
    return r;
}

uint64_t parts_to_int(FloatParts a, unsigned bits, bool is_signed,
                      FloatStatus *st)
{
    bool inexact = false, sign = a.sign && !is_nan(a);
    u128 mag = 0;
    /* the largest magnitude of this sign */
    u128 limit = is_signed ? bit_mask(bits - 1) + (u128)sign
                           : (sign ? 0 : bit_mask(bits));

    if (a.kind == FLOAT_FINITE && a.exp < 64) {
        mag = round_magnitude(a, st->rounding, &inexact);
    } else if (a.kind != FLOAT_ZERO) {
        mag = (u128)1 << 64; /* infinity, NaN, beyond every integer */
    }
    if (mag > limit) {
        st->flags |= FLOAT_INVALID;
        mag = limit;
    } else if (inexact) {
        st->flags |= FLOAT_INEXACT;
    }
    return sign ? -(uint64_t)mag : (uint64_t)mag;
}

FloatParts parts_from_int(uint64_t magnitude, bool sign)
{
    if (magnitude == 0) {
        return (FloatParts){ .kind = FLOAT_ZERO, .sign = sign };
    }
    return parts_from_128(sign, 63, (u128)magnitude << 64);
}

unsigned parts_class(const FloatFormat *f, FloatParts p)
{
    int32_t emin = 2 - (1 << (f->exp_bits - 1));

    switch (p.kind) {
    case FLOAT_ZERO:
        return p.sign ? FLOAT_CLASS_MINUS_ZERO : FLOAT_CLASS_PLUS_ZERO;
    case FLOAT_INF:
        return p.sign ? FLOAT_CLASS_MINUS_INF : FLOAT_CLASS_PLUS_INF;
    case FLOAT_QNAN:
        return FLOAT_CLASS_QNAN;
    case FLOAT_SNAN:
        return FLOAT_CLASS_SNAN;
    default:
        break;
    }
    if (p.exp < emin) {
        return p.sign ? FLOAT_CLASS_MINUS_SUBNORMAL
                      : FLOAT_CLASS_PLUS_SUBNORMAL;
    }
    return p.sign ? FLOAT_CLASS_MINUS_NORMAL : FLOAT_CLASS_PLUS_NORMAL;
}
