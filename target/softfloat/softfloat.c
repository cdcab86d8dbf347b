/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed names for the operations of parts.c: one row a format. */
#include "tandem/base.h"

#include "target/softfloat/parts.h"
#include "target/softfloat/softfloat.h"

static const FloatFormat fmt16 = { 5, 10 };
static const FloatFormat fmt32 = { 8, 23 };
static const FloatFormat fmt64 = { 11, 52 };

static FloatParts negate_if(FloatParts p, bool negate)
{
    /* a NaN operand is not negated: its payload is what propagates */
    p.sign ^= negate && p.kind < FLOAT_QNAN;
    return p;
}

static FloatParts from_signed(int64_t a)
{
    return parts_from_int(a < 0 ? -(uint64_t)a : (uint64_t)a, a < 0);
}

#define FLOAT_BINARY(N, name, ...)                                             \
    float##N f##N##_##name(float##N a, float##N b, FloatStatus *st)            \
    {                                                                          \
        FloatParts x = parts_unpack(&fmt##N, a);                               \
        FloatParts y = parts_unpack(&fmt##N, b);                               \
                                                                               \
        return parts_pack(&fmt##N, __VA_ARGS__, st);                           \
    }

#define FLOAT_UNARY(N, name, args, ...)                                        \
    float##N f##N##_##name args                                                \
    {                                                                          \
        FloatParts x = parts_unpack(&fmt##N, a);                               \
                                                                               \
        return parts_pack(&fmt##N, __VA_ARGS__, st);                           \
    }

#define FLOAT_RELATION(N, name, quiet)                                         \
    FloatRelation f##N##_##name(float##N a, float##N b, FloatStatus *st)       \
    {                                                                          \
        return parts_compare(parts_unpack(&fmt##N, a),                         \
                             parts_unpack(&fmt##N, b), quiet, st);             \
    }

#define FLOAT_TO_INT(N, type, name, bits, is_signed)                           \
    type f##N##_to_##name(float##N a, FloatStatus *st)                         \
    {                                                                          \
        return parts_to_int(parts_unpack(&fmt##N, a), bits, is_signed, st);    \
    }

#define FLOAT_FROM_INT(N, type, name, ...)                                     \
    float##N name##_to_f##N(type a, FloatStatus *st)                           \
    {                                                                          \
        return parts_pack(&fmt##N, __VA_ARGS__, st);                           \
    }

#define FLOAT_TO_FLOAT(N, M)                                                   \
    float##M f##N##_to_f##M(float##N a, FloatStatus *st)                       \
    {                                                                          \
        FloatParts x = parts_unpack(&fmt##N, a);                               \
                                                                               \
        return parts_pack(&fmt##M, parts_convert(x, st), st);                  \
    }

#define FLOAT_DEFINE(N)                                                        \
    FLOAT_BINARY(N, add, parts_add(x, y, st))                                  \
    FLOAT_BINARY(N, sub, parts_add(x, negate_if(y, true), st))                 \
    FLOAT_BINARY(N, mul, parts_mul(x, y, st))                                  \
    FLOAT_BINARY(N, div, parts_div(x, y, st))                                  \
    FLOAT_BINARY(N, min, parts_minmax(x, y, false, st))                        \
    FLOAT_BINARY(N, max, parts_minmax(x, y, true, st))                         \
    FLOAT_UNARY(N, sqrt, (float##N a, FloatStatus *st), parts_sqrt(x, st))     \
    FLOAT_UNARY(N, round_int, (float##N a, bool exact, FloatStatus *st),       \
                parts_round_int(x, exact, st))                                 \
    FLOAT_RELATION(N, compare, false)                                          \
    FLOAT_RELATION(N, compare_quiet, true)                                     \
    FLOAT_TO_INT(N, int32_t, i32, 32, true)                                    \
    FLOAT_TO_INT(N, uint32_t, u32, 32, false)                                  \
    FLOAT_TO_INT(N, int64_t, i64, 64, true)                                    \
    FLOAT_TO_INT(N, uint64_t, u64, 64, false)                                  \
    FLOAT_FROM_INT(N, int32_t, i32, from_signed(a))                            \
    FLOAT_FROM_INT(N, uint32_t, u32, parts_from_int(a, false))                 \
    FLOAT_FROM_INT(N, int64_t, i64, from_signed(a))                            \
    FLOAT_FROM_INT(N, uint64_t, u64, parts_from_int(a, false))                 \
    float##N f##N##_muladd(float##N a, float##N b, float##N c, int neg,        \
                           FloatStatus *st)                                    \
    {                                                                          \
        FloatParts x = parts_unpack(&fmt##N, a);                               \
        FloatParts y = parts_unpack(&fmt##N, b);                               \
        FloatParts z = parts_unpack(&fmt##N, c);                               \
                                                                               \
        x = negate_if(x, neg & FLOAT_NEG_PRODUCT);                             \
        z = negate_if(z, neg & FLOAT_NEG_ADDEND);                              \
        return parts_pack(&fmt##N, parts_muladd(x, y, z, st), st);             \
    }                                                                          \
    unsigned f##N##_class(float##N a)                                          \
    {                                                                          \
        return parts_class(&fmt##N, parts_unpack(&fmt##N, a));                 \
    }                                                                          \
    float##N f##N##_default_nan(const FloatStatus *st)                         \
    {                                                                          \
        FloatStatus none = { 0 };                                              \
                                                                               \
        return parts_pack(&fmt##N, parts_default_nan(st), &none);              \
    }

/* clang-format off */
FLOAT_DEFINE(16)
FLOAT_DEFINE(32)
FLOAT_DEFINE(64)
FLOAT_TO_FLOAT(16, 32)
FLOAT_TO_FLOAT(16, 64)
FLOAT_TO_FLOAT(32, 16)
FLOAT_TO_FLOAT(32, 64)
FLOAT_TO_FLOAT(64, 16)
FLOAT_TO_FLOAT(64, 32)
/* clang-format on */
