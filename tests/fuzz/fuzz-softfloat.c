/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Soft float against this host's SSE unit: same operation, operands and
 * rounding must give the same bits and the same exception flags.
 * Input: repeated {operation, rounding, operands}.
 */
#include "tests/fuzz/fuzz.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "target/softfloat/softfloat.h"

#if defined(__x86_64__)

/* MXCSR (Intel SDM volume 1, 10.2.3): rounding in 14:13, all masked. */
static const unsigned mxcsr_round[] = {
    [FLOAT_ROUND_NEAREST_EVEN] = 0,
    [FLOAT_ROUND_DOWN] = 1u << 13,
    [FLOAT_ROUND_UP] = 2u << 13,
    [FLOAT_ROUND_TO_ZERO] = 3u << 13,
};

static unsigned flags_of_mxcsr(unsigned mxcsr)
{
    return (mxcsr & 0x01 ? FLOAT_INVALID : 0) |
           (mxcsr & 0x04 ? FLOAT_DIV_BY_ZERO : 0) |
           (mxcsr & 0x08 ? FLOAT_OVERFLOW : 0) |
           (mxcsr & 0x10 ? FLOAT_UNDERFLOW : 0) |
           (mxcsr & 0x20 ? FLOAT_INEXACT : 0);
}

/*
 * The host's result of a two-operand instruction under @rounding. Inline
 * assembly, as a compiler may move C arithmetic over the MXCSR accesses.
 */
#define HOST(type, insn, x, y)                                                 \
    ({                                                                         \
        type r_ = (x);                                                         \
        unsigned csr_ = 0x1f80 | mxcsr_round[rounding], old_;                  \
        __asm__ volatile("stmxcsr %1\n\tldmxcsr %2\n\t" insn " %3, %0\n\t"     \
                         "stmxcsr %2\n\tldmxcsr %1"                            \
                         : "+x"(r_), "=m"(old_), "+m"(csr_)                    \
                         : "x"(y));                                            \
        *flags = flags_of_mxcsr(csr_);                                         \
        r_;                                                                    \
    })

enum { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_SQRT, OP_COUNT };

static double host64(int op, double a, double b, int rounding, unsigned *flags)
{
    switch (op) {
    case OP_ADD:
        return HOST(double, "addsd", a, b);
    case OP_SUB:
        return HOST(double, "subsd", a, b);
    case OP_MUL:
        return HOST(double, "mulsd", a, b);
    case OP_DIV:
        return HOST(double, "divsd", a, b);
    default:
        return HOST(double, "sqrtsd", a, a);
    }
}

static float host32(int op, float a, float b, int rounding, unsigned *flags)
{
    switch (op) {
    case OP_ADD:
        return HOST(float, "addss", a, b);
    case OP_SUB:
        return HOST(float, "subss", a, b);
    case OP_MUL:
        return HOST(float, "mulss", a, b);
    case OP_DIV:
        return HOST(float, "divss", a, b);
    default:
        return HOST(float, "sqrtss", a, a);
    }
}

/* SSE's NaN rule and default NaN, so that NaN results compare too. */
static FloatStatus sse_status(int rounding)
{
    return (FloatStatus){ .rounding = rounding,
                          .nan_rule = FLOAT_NAN_FIRST,
                          .default_nan_minus = true };
}

static void compare64(int op, int rounding, uint64_t a, uint64_t b)
{
    FloatStatus st = sse_status(rounding);
    unsigned flags;
    double x, y, host;
    uint64_t want, got;

    memcpy(&x, &a, 8);
    memcpy(&y, &b, 8);
    host = host64(op, x, y, rounding, &flags);
    memcpy(&want, &host, 8);
    got = op == OP_ADD   ? f64_add(a, b, &st)
          : op == OP_SUB ? f64_sub(a, b, &st)
          : op == OP_MUL ? f64_mul(a, b, &st)
          : op == OP_DIV ? f64_div(a, b, &st)
                         : f64_sqrt(a, &st);
    if (got != want || st.flags != flags) {
        g_error("op %d rounding %d %016" PRIx64 " %016" PRIx64 ": %016" PRIx64
                " flags %02x, host %016" PRIx64 " flags %02x",
                op, rounding, a, b, got, st.flags, want, flags);
    }
}

static void compare32(int op, int rounding, uint32_t a, uint32_t b)
{
    FloatStatus st = sse_status(rounding);
    unsigned flags;
    float x, y, host;
    uint32_t want, got;

    memcpy(&x, &a, 4);
    memcpy(&y, &b, 4);
    host = host32(op, x, y, rounding, &flags);
    memcpy(&want, &host, 4);
    got = op == OP_ADD   ? f32_add(a, b, &st)
          : op == OP_SUB ? f32_sub(a, b, &st)
          : op == OP_MUL ? f32_mul(a, b, &st)
          : op == OP_DIV ? f32_div(a, b, &st)
                         : f32_sqrt(a, &st);
    if (got != want || st.flags != flags) {
        g_error("op %d rounding %d %08x %08x: %08x flags %02x, host %08x "
                "flags %02x",
                op, rounding, a, b, got, st.flags, want, flags);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };

    while (in.left > 0) {
        uint8_t op = fuzz_u8(&in);
        int rounding = fuzz_u8(&in) % ARRAY_SIZE(mxcsr_round);

        if (op & 0x80) {
            uint64_t a = fuzz_u64(&in);

            compare64((op & 0x7f) % OP_COUNT, rounding, a, fuzz_u64(&in));
        } else {
            uint32_t a = fuzz_u32(&in);

            compare32(op % OP_COUNT, rounding, a, fuzz_u32(&in));
        }
    }
    return 0;
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return 0; /* no SSE here to compare with; meson leaves the test out */
}

#endif
