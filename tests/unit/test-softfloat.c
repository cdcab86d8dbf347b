/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Soft float against the host FPU (SSE: same rounding, flags, tininess after
 * rounding) and, where the host has no such mode or format, against exact
 * arithmetic in __float128. TANDEM_COUNT sets the rounds for each operation.
 *
 * Spec: IEEE 754-2019; RISC-V Unprivileged ISA chapter 21.
 */
#include "tandem/base.h"

#include <fenv.h>
#include <math.h>

#include "target/softfloat/softfloat.h"

#define CANON64 0x7ff8000000000000u
#define CANON32 0x7fc00000u

static const int host_rounding[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD,
                                     FE_UPWARD };

static const uint64_t pool64[] = {
    0x0000000000000000, 0x0000000000000001, 0x0000000000000002,
    0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001,
    0x001fffffffffffff, 0x0020000000000000, 0x3ca0000000000000,
    0x3fdfffffffffffff, 0x3fe0000000000000, 0x3fe0000000000001,
    0x3fefffffffffffff, 0x3ff0000000000000, 0x3ff0000000000001,
    0x3ff8000000000000, 0x4000000000000000, 0x4004000000000000,
    0x4008000000000000, 0x41dfffffffc00000, 0x41e0000000000000,
    0x41efffffffe00000, 0x41effffffff00000, 0x41f0000000000000,
    0x433fffffffffffff, 0x43dfffffffffffff, 0x43e0000000000000,
    0x43efffffffffffff, 0x43f0000000000000, 0x4340000000000000,
    0x7fdfffffffffffff, 0x7fe0000000000000, 0x7fefffffffffffff,
    0x7ff0000000000000, 0x7ff0000000000001, 0x7ff7ffffffffffff,
    0x7ff8000000000000, 0x7ff8000000001234,
};

static const uint32_t pool32[] = {
    0x00000000, 0x00000001, 0x00000002, 0x007fffff, 0x00800000, 0x00800001,
    0x00ffffff, 0x01000000, 0x33800000, 0x3effffff, 0x3f000000, 0x3f000001,
    0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000, 0x40000000, 0x40200000,
    0x40400000, 0x4b7fffff, 0x4effffff, 0x4f000000, 0x4f7fffff, 0x4f800000,
    0x5effffff, 0x5f000000, 0x5f7fffff, 0x5f800000, 0x7e7fffff, 0x7f000000,
    0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fbfffff, 0x7fc00000, 0x7fc01234,
};

static uint64_t rng_state = 0x9e3779b97f4a7c15;

static uint64_t rng(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state;
}

static unsigned rounds(void)
{
    const char *text = g_getenv("TANDEM_COUNT");

    return text != NULL ? (unsigned)g_ascii_strtoull(text, NULL, 10) : 60000;
}

/* Special values, near neighbours of each other, and plain noise. */
static uint64_t any64(void)
{
    uint64_t sign = rng() & BIT(63);

    switch (rng() % 4) {
    case 0:
        return pool64[rng() % ARRAY_SIZE(pool64)] | sign;
    case 1:
        return (pool64[rng() % ARRAY_SIZE(pool64)] + rng() % 7 - 3) ^ sign;
    case 2: /* exponents close together: cancellation, ties */
        return bits_set(rng(), 52, 11, 1000 + rng() % 64) &
               (rng() | ~0xffffffu);
    default:
        return rng();
    }
}

static uint32_t any32(void)
{
    uint32_t sign = rng() & BIT(31);

    switch (rng() % 4) {
    case 0:
        return pool32[rng() % ARRAY_SIZE(pool32)] | sign;
    case 1:
        return (pool32[rng() % ARRAY_SIZE(pool32)] + rng() % 7 - 3) ^ sign;
    case 2:
        return bits_set(rng(), 23, 8, 115 + rng() % 30) & (rng() | ~0xfffu);
    default:
        return rng();
    }
}

static double d_of(uint64_t b)
{
    double d;

    memcpy(&d, &b, sizeof(d));
    return d;
}

static uint64_t b_of(double d)
{
    uint64_t b;

    memcpy(&b, &d, sizeof(b));
    return isnan(d) ? CANON64 : b;
}

static float s_of(uint32_t b)
{
    float s;

    memcpy(&s, &b, sizeof(s));
    return s;
}

static uint32_t b_of_s(float s)
{
    uint32_t b;

    memcpy(&b, &s, sizeof(b));
    return isnan(s) ? CANON32 : b;
}

/* The host's sticky flags in RISC-V order. */
static uint8_t host_flags(void)
{
    int f = fetestexcept(FE_ALL_EXCEPT);

    return (f & FE_INEXACT ? FLOAT_INEXACT : 0) |
           (f & FE_UNDERFLOW ? FLOAT_UNDERFLOW : 0) |
           (f & FE_OVERFLOW ? FLOAT_OVERFLOW : 0) |
           (f & FE_DIVBYZERO ? FLOAT_DIV_BY_ZERO : 0) |
           (f & FE_INVALID ? FLOAT_INVALID : 0);
}

enum { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_SQRT, OP_FMA, OP_COUNT };
static const char *const op_names[] = { "add", "sub",  "mul",
                                        "div", "sqrt", "fma" };

/* volatile keeps each operation between the two fenv calls */
static double host_op64(int op, volatile double a, volatile double b,
                        volatile double c)
{
    volatile double r = 0;

    switch (op) {
    case OP_ADD:
        r = a + b;
        break;
    case OP_SUB:
        r = a - b;
        break;
    case OP_MUL:
        r = a * b;
        break;
    case OP_DIV:
        r = a / b;
        break;
    case OP_SQRT:
        __asm__ volatile("sqrtsd %1, %0" : "=x"(r) : "x"((double)a));
        break;
    default:
        r = fma(a, b, c);
        break;
    }
    return r;
}

static float host_op32(int op, volatile float a, volatile float b,
                       volatile float c)
{
    volatile float r = 0;

    switch (op) {
    case OP_ADD:
        r = a + b;
        break;
    case OP_SUB:
        r = a - b;
        break;
    case OP_MUL:
        r = a * b;
        break;
    case OP_DIV:
        r = a / b;
        break;
    case OP_SQRT:
        __asm__ volatile("sqrtss %1, %0" : "=x"(r) : "x"((float)a));
        break;
    default:
        r = fmaf(a, b, c);
        break;
    }
    return r;
}

static uint64_t soft_op64(int op, uint64_t a, uint64_t b, uint64_t c,
                          FloatStatus *st)
{
    switch (op) {
    case OP_ADD:
        return f64_add(a, b, st);
    case OP_SUB:
        return f64_sub(a, b, st);
    case OP_MUL:
        return f64_mul(a, b, st);
    case OP_DIV:
        return f64_div(a, b, st);
    case OP_SQRT:
        return f64_sqrt(a, st);
    default:
        return f64_muladd(a, b, c, 0, st);
    }
}

static uint32_t soft_op32(int op, uint32_t a, uint32_t b, uint32_t c,
                          FloatStatus *st)
{
    switch (op) {
    case OP_ADD:
        return f32_add(a, b, st);
    case OP_SUB:
        return f32_sub(a, b, st);
    case OP_MUL:
        return f32_mul(a, b, st);
    case OP_DIV:
        return f32_div(a, b, st);
    case OP_SQRT:
        return f32_sqrt(a, st);
    default:
        return f32_muladd(a, b, c, 0, st);
    }
}

/* RISC-V raises invalid for 0 * inf + NaN, x86 does not (TCG.md 3.11). */
static bool fma_flags_differ(double a, double b, double c)
{
    return isnan(c) && ((isinf(a) && b == 0) || (a == 0 && isinf(b)));
}

static void arithmetic64_equals_host(const void *data)
{
    int op = GPOINTER_TO_INT(data);

    for (unsigned i = 0; i < rounds(); i++) {
        uint64_t a = any64(), b = any64(), c = any64();
        FloatStatus st = { .rounding = rng() % 4 };

        fesetround(host_rounding[st.rounding]);
        feclearexcept(FE_ALL_EXCEPT);
        double want = host_op64(op, d_of(a), d_of(b), d_of(c));
        uint8_t flags = host_flags();
        fesetround(FE_TONEAREST);
        uint64_t got = soft_op64(op, a, b, c, &st);

        if (op == OP_FMA && fma_flags_differ(d_of(a), d_of(b), d_of(c))) {
            flags |= FLOAT_INVALID;
        }
        if (got != b_of(want) || st.flags != flags) {
            g_error("%s rm %u %016" PRIx64 " %016" PRIx64 " %016" PRIx64
                    ": got %016" PRIx64 " flags %02x, want %016" PRIx64
                    " flags %02x",
                    op_names[op], st.rounding, a, b, c, got, st.flags,
                    b_of(want), flags);
        }
    }
}

static void arithmetic32_equals_host(const void *data)
{
    int op = GPOINTER_TO_INT(data);

    for (unsigned i = 0; i < rounds(); i++) {
        uint32_t a = any32(), b = any32(), c = any32();
        FloatStatus st = { .rounding = rng() % 4 };

        fesetround(host_rounding[st.rounding]);
        feclearexcept(FE_ALL_EXCEPT);
        float want = host_op32(op, s_of(a), s_of(b), s_of(c));
        uint8_t flags = host_flags();
        fesetround(FE_TONEAREST);
        uint32_t got = soft_op32(op, a, b, c, &st);

        if (op == OP_FMA && fma_flags_differ(s_of(a), s_of(b), s_of(c))) {
            flags |= FLOAT_INVALID;
        }
        if (got != b_of_s(want) || st.flags != flags) {
            g_error("%s rm %u %08x %08x %08x: got %08x flags %02x, "
                    "want %08x flags %02x",
                    op_names[op], st.rounding, a, b, c, got, st.flags,
                    b_of_s(want), flags);
        }
    }
}

/*
 * Ties away: of the two neighbours that rounding down and up give, the one
 * nearer to the exact value, on a tie the one away from zero. __float128
 * holds sums and products of these operands exactly.
 */
static void ties_away_takes_the_nearer_neighbour(void)
{
    for (unsigned i = 0; i < rounds(); i++) {
        uint64_t a = bits_set(rng(), 52, 11, 1010 + rng() % 26);
        uint64_t b = bits_set(rng(), 52, 11, 1010 + rng() % 26);
        bool mul = rng() & 1;
        FloatStatus away = { .rounding = FLOAT_ROUND_NEAREST_AWAY };
        FloatStatus down = { .rounding = FLOAT_ROUND_DOWN };
        FloatStatus up = { .rounding = FLOAT_ROUND_UP };

        if (rng() & 1) { /* few bits: ties are likely */
            a &= ~bit_mask(26);
            b &= ~bit_mask(25);
        }
        int op = mul ? OP_MUL : OP_ADD;
        __float128 x = d_of(a), y = d_of(b), exact = mul ? x * y : x + y;
        double lo = d_of(soft_op64(op, a, b, 0, &down));
        double hi = d_of(soft_op64(op, a, b, 0, &up));
        __float128 below = exact - lo, above = hi - exact;
        double want = below < above   ? lo
                      : above < below ? hi
                      : exact < 0     ? lo
                                      : hi;

        g_assert_cmphex(soft_op64(op, a, b, 0, &away), ==, b_of(want));
        g_assert_cmphex(away.flags, ==, down.flags);
    }
}

/* Integers from doubles: the exact value by rint in the host's modes. */
static void to_integer_saturates_and_flags(void)
{
    for (unsigned i = 0; i < rounds(); i++) {
        uint64_t a =
            rng() & 1 ? any64() : bits_set(rng(), 52, 11, 1015 + rng() % 80);
        FloatStatus st = { .rounding = rng() % 4 };
        FloatStatus s2 = st, s3 = st, s4 = st;
        double v = d_of(a);

        fesetround(host_rounding[st.rounding]);
        __float128 r = isnan(v) ? HUGE_VAL : nearbyint(v);
        fesetround(FE_TONEAREST);
        bool exact = !isnan(v) && (double)r == v;
#define CHECK(fn, type, lo, hi, status)                                        \
    do {                                                                       \
        bool bad = r < (__float128)(lo) || r > (__float128)(hi);               \
        type want = r < (__float128)(lo)   ? (lo)                              \
                    : r > (__float128)(hi) ? (hi)                              \
                                           : (type)r;                          \
        g_assert_cmphex((uint64_t)fn(a, &status), ==, (uint64_t)want);         \
        g_assert_cmphex(status.flags, ==,                                      \
                        bad     ? FLOAT_INVALID                                \
                        : exact ? 0                                            \
                                : FLOAT_INEXACT);                              \
    } while (0)
        CHECK(f64_to_i32, int32_t, INT32_MIN, INT32_MAX, st);
        CHECK(f64_to_u32, uint32_t, 0, UINT32_MAX, s2);
        CHECK(f64_to_i64, int64_t, INT64_MIN, INT64_MAX, s3);
        CHECK(f64_to_u64, uint64_t, 0, UINT64_MAX, s4);
#undef CHECK
    }
}

static void from_integer_equals_host(void)
{
    for (unsigned i = 0; i < rounds(); i++) {
        uint64_t v = rng() >> (rng() % 64);
        FloatStatus st = { .rounding = rng() % 4 }, s2 = st, s3 = st, s4 = st;

        v = rng() & 1 ? -v : v;
        fesetround(host_rounding[st.rounding]);
        feclearexcept(FE_ALL_EXCEPT);
        volatile int64_t in = v;
        volatile double d = in;
        uint8_t fd = host_flags();
        feclearexcept(FE_ALL_EXCEPT);
        volatile float s = in;
        uint8_t fs = host_flags();
        fesetround(FE_TONEAREST);
        g_assert_cmphex(i64_to_f64(v, &st), ==, b_of(d));
        g_assert_cmphex(st.flags, ==, fd);
        g_assert_cmphex(i64_to_f32(v, &s2), ==, b_of_s(s));
        g_assert_cmphex(s2.flags, ==, fs);
        /* 32-bit and unsigned forms agree with the wide signed ones */
        g_assert_cmphex(i32_to_f32(v, &s3), ==, i64_to_f32((int32_t)v, &s3));
        g_assert_cmphex(u32_to_f64(v, &s3), ==, b_of((double)(uint32_t)v));
        g_assert_cmphex(u64_to_f64(v >> 1, &s3), ==, i64_to_f64(v >> 1, &s4));
    }
    FloatStatus st = { 0 };
    g_assert_cmphex(u64_to_f64(UINT64_MAX, &st), ==, 0x43f0000000000000);
    g_assert_cmphex(st.flags, ==, FLOAT_INEXACT);
}

static void formats_convert_as_host(void)
{
    for (unsigned i = 0; i < rounds(); i++) {
        uint64_t a =
            rng() & 1 ? any64() : bits_set(rng(), 52, 11, 870 + rng() % 290);
        uint32_t b = any32();
        FloatStatus st = { .rounding = rng() % 4 }, s2 = st;

        fesetround(host_rounding[st.rounding]);
        feclearexcept(FE_ALL_EXCEPT);
        volatile double in = d_of(a);
        volatile float out = in;
        uint8_t flags = host_flags();
        feclearexcept(FE_ALL_EXCEPT);
        volatile float in2 = s_of(b);
        volatile double out2 = in2;
        uint8_t flags2 = host_flags();
        fesetround(FE_TONEAREST);
        g_assert_cmphex(f64_to_f32(a, &st), ==, b_of_s(out));
        g_assert_cmphex(st.flags, ==, flags);
        g_assert_cmphex(f32_to_f64(b, &s2), ==, b_of(out2));
        g_assert_cmphex(s2.flags, ==, flags2);
    }
}

/* The value of a finite half, built from its fields. */
static double half_value(uint16_t h)
{
    int exp = (h >> 10) & 31;
    double frac = h & 0x3ff;
    double v = exp == 0 ? ldexp(frac, -24) : ldexp(frac + 1024, exp - 25);

    return h & 0x8000 ? -v : v;
}

/* All halves to double and back; then every rounding between neighbours. */
static void half_rounds_between_neighbours(void)
{
    for (uint32_t h = 0; h < 0x7c00; h++) {
        FloatStatus st = { 0 };
        double lo = half_value(h);
        double hi = h == 0x7bff ? 65536 : half_value(h + 1);

        g_assert_cmphex(f16_to_f64(h, &st), ==, b_of(lo));
        g_assert_cmphex(f64_to_f16(b_of(-lo), &st), ==, h | 0x8000);
        g_assert_cmphex(st.flags, ==, 0);
        for (int eighth = 1; eighth < 8; eighth++) {
            double v = lo + (hi - lo) * eighth / 8;
            uint32_t near_even = eighth < 4   ? h
                                 : eighth > 4 ? h + 1
                                              : h + (h & 1);
            uint32_t want[] = { near_even, h, h, h + 1,
                                eighth < 4 ? h : h + 1 };

            for (unsigned rm = 0; rm < FLOAT_ROUND_COUNT; rm++) {
                FloatStatus s = { .rounding = rm };

                g_assert_cmphex(f64_to_f16(b_of(v), &s), ==, want[rm]);
                g_assert_true(s.flags & FLOAT_INEXACT);
                g_assert_cmpint(!!(s.flags & FLOAT_OVERFLOW), ==,
                                want[rm] == 0x7c00);
            }
        }
    }
}

/* Sums and products of halves are exact in double. */
static void half_arithmetic_is_double_rounded_once(void)
{
    for (unsigned i = 0; i < rounds(); i++) {
        uint16_t a = rng(), b = rng();
        FloatStatus st = { .rounding = rng() % 5 }, s2 = st, wide = { 0 };

        if ((a & 0x7c00) == 0x7c00 || (b & 0x7c00) == 0x7c00 ||
            half_value(a) + half_value(b) == 0) {
            continue; /* the sign of a zero sum is the host test's business */
        }
        double sum = half_value(a) + half_value(b);
        double prod = half_value(a) * half_value(b);
        g_assert_cmphex(f16_add(a, b, &st), ==, f64_to_f16(b_of(sum), &s2));
        g_assert_cmphex(st.flags, ==, s2.flags);
        g_assert_cmphex(f16_mul(a, b, &st), ==, f64_to_f16(b_of(prod), &s2));
        g_assert_cmphex(st.flags, ==, s2.flags);
        g_assert_cmpint(
            f16_compare(a, b, &wide), ==,
            f64_compare(b_of(half_value(a)), b_of(half_value(b)), &wide));
    }
}

static void comparisons_signal_as_asked(void)
{
    const uint64_t one = 0x3ff0000000000000, qnan = CANON64,
                   snan = 0x7ff0000000000001, minus0 = BIT(63);
    static const struct {
        bool quiet;
        bool signalling_nan;
        uint8_t flags;
    } rows[] = {
        { true, false, 0 },
        { true, true, FLOAT_INVALID },
        { false, false, FLOAT_INVALID },
        { false, true, FLOAT_INVALID },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        FloatStatus st = { 0 };
        uint64_t nan = rows[i].signalling_nan ? snan : qnan;
        FloatRelation rel = rows[i].quiet ? f64_compare_quiet(one, nan, &st)
                                          : f64_compare(nan, one, &st);

        g_assert_cmpint(rel, ==, FLOAT_UNORDERED);
        g_assert_cmphex(st.flags, ==, rows[i].flags);
    }
    FloatStatus st = { 0 };
    g_assert_cmpint(f64_compare(minus0, 0, &st), ==, FLOAT_EQUAL);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t a = any64(), b = any64();
        double x = d_of(a), y = d_of(b);
        FloatRelation want = x < y    ? FLOAT_LESS
                             : x > y  ? FLOAT_GREATER
                             : x == y ? FLOAT_EQUAL
                                      : FLOAT_UNORDERED;

        g_assert_cmpint(f64_compare_quiet(a, b, &st), ==, want);
    }
}

/* minimumNumber of RISC-V (Unpriv 21.6): values, -0 < +0, NaNs, flags. */
static void min_max_prefer_numbers(void)
{
    const uint32_t one = 0x3f800000, two = 0x40000000, minus0 = 0x80000000,
                   qnan = 0x7fc01234, snan = 0x7f800001;
    static const struct {
        uint32_t a, b, min, max;
        uint8_t flags;
    } rows[] = {
        { one, two, one, two, 0 },
        { two, one, one, two, 0 },
        { 0, minus0, minus0, 0, 0 },
        { minus0, 0, minus0, 0, 0 },
        { qnan, one, one, one, 0 },
        { one, snan, one, one, FLOAT_INVALID },
        { qnan, qnan, CANON32, CANON32, 0 },
        { snan, qnan, CANON32, CANON32, FLOAT_INVALID },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        FloatStatus st = { 0 };

        g_assert_cmphex(f32_min(rows[i].a, rows[i].b, &st), ==, rows[i].min);
        g_assert_cmphex(f32_max(rows[i].a, rows[i].b, &st), ==, rows[i].max);
        g_assert_cmphex(st.flags, ==, rows[i].flags);
    }
}

static void class_names_each_kind(void)
{
    static const struct {
        uint64_t bits;
        unsigned cls;
    } rows[] = {
        { 0xfff0000000000000, 1 << 0 }, { 0xbff0000000000000, 1 << 1 },
        { 0x800fffffffffffff, 1 << 2 }, { 0x8000000000000000, 1 << 3 },
        { 0x0000000000000000, 1 << 4 }, { 0x0000000000000001, 1 << 5 },
        { 0x0010000000000000, 1 << 6 }, { 0x7ff0000000000000, 1 << 7 },
        { 0x7ff0000000000001, 1 << 8 }, { 0xfff8000000000000, 1 << 9 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_assert_cmphex(f64_class(rows[i].bits), ==, rows[i].cls);
    }
    g_assert_cmphex(f32_class(0x807fffff), ==, 1 << 2);
    g_assert_cmphex(f16_class(0x0400), ==, 1 << 6);
    g_assert_cmphex(f16_class(0x03ff), ==, 1 << 5);
}

/* NaN rules of other targets: x86 takes the first, Arm a signalling one. */
static void nan_rule_picks_the_operand(void)
{
    const uint32_t q1 = 0x7fc00111, s2 = 0xff800222;
    FloatStatus x86 = { .nan_rule = FLOAT_NAN_FIRST,
                        .default_nan_minus = true };
    FloatStatus arm = { .nan_rule = FLOAT_NAN_SIGNALLING };

    g_assert_cmphex(f32_add(q1, s2, &x86), ==, q1);
    g_assert_cmphex(f32_add(q1, s2, &arm), ==, 0xffc00222);
    g_assert_cmphex(f32_sub(0x7f800000, 0x7f800000, &x86), ==, 0xffc00000);
    g_assert_cmphex(f32_muladd(0x7f800000, 0, q1, 0, &arm), ==, 0x7fc00000);
    x86.flags = 0;
    g_assert_cmphex(f32_muladd(0x7f800000, 0, q1, 0, &x86), ==, q1);
    g_assert_cmphex(x86.flags, ==, 0);
    g_assert_cmphex(f32_default_nan(&x86), ==, 0xffc00000);
}

/* The largest value that rounds up to the smallest normal is tiny only when
 * judged before rounding (7.5). */
static void tininess_is_a_choice(void)
{
    const uint64_t min_normal = 0x0010000000000000;
    const uint64_t below_one = 0x3fefffffffffffff; /* 1 - 2^-53 */
    FloatStatus after = { .rounding = FLOAT_ROUND_UP };
    FloatStatus before = { .rounding = FLOAT_ROUND_UP, .tiny_before = true };

    g_assert_cmphex(f64_mul(0x0010000000000001, below_one, &before), ==,
                    0x0010000000000001);
    g_assert_cmphex(f64_mul(min_normal, below_one, &before), ==, min_normal);
    g_assert_cmphex(before.flags, ==, FLOAT_INEXACT | FLOAT_UNDERFLOW);
    g_assert_cmphex(f64_mul(0x001fffffffffffff, 0x3fe0000000000000, &after), ==,
                    min_normal);
    g_assert_cmphex(after.flags, ==, FLOAT_INEXACT | FLOAT_UNDERFLOW);
    after.flags = 0;
    g_assert_cmphex(f64_muladd(min_normal, 0x3ff0000000000000,
                               0x8000000000000001, 0, &after),
                    ==, 0x000fffffffffffff);
    g_assert_cmphex(after.flags, ==, 0); /* exact: no underflow flag */
}

static void round_int_equals_host(void)
{
    for (unsigned i = 0; i < rounds(); i++) {
        uint64_t a =
            rng() & 1 ? any64() : bits_set(rng(), 52, 11, 1015 + rng() % 80);
        FloatStatus st = { .rounding = rng() % 4 };

        fesetround(host_rounding[st.rounding]);
        feclearexcept(FE_ALL_EXCEPT);
        volatile double in = d_of(a);
        volatile double out = rint(in);
        uint8_t flags = host_flags();
        fesetround(FE_TONEAREST);
        g_assert_cmphex(f64_round_int(a, true, &st), ==, b_of(out));
        g_assert_cmphex(st.flags, ==, flags);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int op = 0; op < OP_COUNT; op++) {
        g_autofree char *p64 = g_strdup_printf("/f64/%s", op_names[op]);
        g_autofree char *p32 = g_strdup_printf("/f32/%s", op_names[op]);

        g_test_add_data_func(p64, GINT_TO_POINTER(op),
                             arithmetic64_equals_host);
        g_test_add_data_func(p32, GINT_TO_POINTER(op),
                             arithmetic32_equals_host);
    }
    g_test_add_func("/ties-away", ties_away_takes_the_nearer_neighbour);
    g_test_add_func("/to-integer", to_integer_saturates_and_flags);
    g_test_add_func("/from-integer", from_integer_equals_host);
    g_test_add_func("/convert", formats_convert_as_host);
    g_test_add_func("/half/neighbours", half_rounds_between_neighbours);
    g_test_add_func("/half/arithmetic", half_arithmetic_is_double_rounded_once);
    g_test_add_func("/compare", comparisons_signal_as_asked);
    g_test_add_func("/min-max", min_max_prefer_numbers);
    g_test_add_func("/class", class_names_each_kind);
    g_test_add_func("/nan-rule", nan_rule_picks_the_operand);
    g_test_add_func("/tininess", tininess_is_a_choice);
    g_test_add_func("/round-int", round_int_equals_host);
    return g_test_run();
}
