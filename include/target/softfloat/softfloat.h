/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IEEE 754-2019 binary floating point on integers. Pure functions: the only
 * state is the caller's FloatStatus. Any thread.
 *
 * Values are the interchange encodings in an integer of the format's width.
 * Operations round once, by st->rounding, and OR what they signal into
 * st->flags; nothing here clears a flag.
 */
#ifndef TARGET_SOFTFLOAT_H
#define TARGET_SOFTFLOAT_H

#include "tandem/base.h"

typedef uint16_t float16;
typedef uint32_t float32;
typedef uint64_t float64;

/* Rounding directions (IEEE 754-2019 4.3), in the order of RISC-V's frm. */
typedef enum FloatRound {
    FLOAT_ROUND_NEAREST_EVEN,
    FLOAT_ROUND_TO_ZERO,
    FLOAT_ROUND_DOWN,
    FLOAT_ROUND_UP,
    FLOAT_ROUND_NEAREST_AWAY,
    FLOAT_ROUND_COUNT,
} FloatRound;

/* Exceptions (IEEE 754-2019 7), in the order of RISC-V's fflags. */
enum {
    FLOAT_INEXACT = 1 << 0,
    FLOAT_UNDERFLOW = 1 << 1,
    FLOAT_OVERFLOW = 1 << 2,
    FLOAT_DIV_BY_ZERO = 1 << 3,
    FLOAT_INVALID = 1 << 4,
};

/* Which NaN an operation with a NaN operand returns. */
typedef enum FloatNanRule {
    FLOAT_NAN_DEFAULT,    /* always the default NaN: RISC-V, Arm with FPCR.DN */
    FLOAT_NAN_FIRST,      /* the first NaN operand, quieted: x86 SSE */
    FLOAT_NAN_SIGNALLING, /* first signalling, else first quiet one: Arm */
} FloatNanRule;

typedef struct FloatStatus {
    uint8_t rounding;       /* FloatRound */
    uint8_t flags;          /* FLOAT_x, sticky */
    uint8_t nan_rule;       /* FloatNanRule */
    bool default_nan_minus; /* sign of the default NaN: x86 sets it */
    bool tiny_before;       /* underflow is judged before rounding: Arm */
} FloatStatus;

typedef enum FloatRelation {
    FLOAT_LESS = -1,
    FLOAT_EQUAL = 0,
    FLOAT_GREATER = 1,
    FLOAT_UNORDERED = 2,
} FloatRelation;

/* float_muladd: which operands are negated; (a * b) + c, rounded once. */
enum {
    FLOAT_NEG_PRODUCT = 1 << 0,
    FLOAT_NEG_ADDEND = 1 << 1,
};

/* Bits of fN_class(), one set: RISC-V FCLASS (Unpriv 21.9). */
enum {
    FLOAT_CLASS_MINUS_INF = 1 << 0,
    FLOAT_CLASS_MINUS_NORMAL = 1 << 1,
    FLOAT_CLASS_MINUS_SUBNORMAL = 1 << 2,
    FLOAT_CLASS_MINUS_ZERO = 1 << 3,
    FLOAT_CLASS_PLUS_ZERO = 1 << 4,
    FLOAT_CLASS_PLUS_SUBNORMAL = 1 << 5,
    FLOAT_CLASS_PLUS_NORMAL = 1 << 6,
    FLOAT_CLASS_PLUS_INF = 1 << 7,
    FLOAT_CLASS_SNAN = 1 << 8,
    FLOAT_CLASS_QNAN = 1 << 9,
};

/*
 * For each format, with N the width:
 *  fN_add ... fN_sqrt    IEEE 754-2019 5.4.1
 *  fN_muladd             fused; @neg is a mask of FLOAT_NEG_x. 0 * inf + NaN
 *                        signals invalid unless the rule is FLOAT_NAN_FIRST
 *  fN_min, fN_max        minimumNumber, maximumNumber (9.6): -0 < +0, a NaN
 *                        loses to a number, a signalling one signals invalid
 *  fN_compare            signals invalid for any NaN; _quiet only for a
 *                        signalling one
 *  fN_round_int          to an integral value; @exact signals inexact too
 *  fN_to_i32 ...         saturate; invalid alone when out of range, and a NaN
 *                        gives the largest value (RISC-V, Unpriv 21.7)
 *  i32_to_fN ...         inexact when the value does not fit
 *  fN_class              FLOAT_CLASS_x
 *  fN_default_nan        of this status
 */
#define FLOAT_DECLARE(N)                                                       \
    float##N f##N##_add(float##N a, float##N b, FloatStatus *st);              \
    float##N f##N##_sub(float##N a, float##N b, FloatStatus *st);              \
    float##N f##N##_mul(float##N a, float##N b, FloatStatus *st);              \
    float##N f##N##_div(float##N a, float##N b, FloatStatus *st);              \
    float##N f##N##_sqrt(float##N a, FloatStatus *st);                         \
    float##N f##N##_muladd(float##N a, float##N b, float##N c, int neg,        \
                           FloatStatus *st);                                   \
    float##N f##N##_min(float##N a, float##N b, FloatStatus *st);              \
    float##N f##N##_max(float##N a, float##N b, FloatStatus *st);              \
    FloatRelation f##N##_compare(float##N a, float##N b, FloatStatus *st);     \
    FloatRelation f##N##_compare_quiet(float##N a, float##N b,                 \
                                       FloatStatus *st);                       \
    float##N f##N##_round_int(float##N a, bool exact, FloatStatus *st);        \
    int32_t f##N##_to_i32(float##N a, FloatStatus *st);                        \
    uint32_t f##N##_to_u32(float##N a, FloatStatus *st);                       \
    int64_t f##N##_to_i64(float##N a, FloatStatus *st);                        \
    uint64_t f##N##_to_u64(float##N a, FloatStatus *st);                       \
    float##N i32_to_f##N(int32_t a, FloatStatus *st);                          \
    float##N u32_to_f##N(uint32_t a, FloatStatus *st);                         \
    float##N i64_to_f##N(int64_t a, FloatStatus *st);                          \
    float##N u64_to_f##N(uint64_t a, FloatStatus *st);                         \
    unsigned f##N##_class(float##N a);                                         \
    float##N f##N##_default_nan(const FloatStatus *st);

FLOAT_DECLARE(16)
FLOAT_DECLARE(32)
FLOAT_DECLARE(64)
#undef FLOAT_DECLARE

/* Between formats (IEEE 754-2019 5.4.2); a NaN keeps its upper payload bits
 * unless the rule is FLOAT_NAN_DEFAULT. */
float32 f16_to_f32(float16 a, FloatStatus *st);
float64 f16_to_f64(float16 a, FloatStatus *st);
float16 f32_to_f16(float32 a, FloatStatus *st);
float64 f32_to_f64(float32 a, FloatStatus *st);
float16 f64_to_f16(float64 a, FloatStatus *st);
float32 f64_to_f32(float64 a, FloatStatus *st);

#endif
