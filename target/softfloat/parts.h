/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacked floating point: the core that softfloat.c gives typed names. */
#ifndef TARGET_SOFTFLOAT_PARTS_H
#define TARGET_SOFTFLOAT_PARTS_H

#include "target/softfloat/softfloat.h"

/* An interchange format (IEEE 754-2019 3.4). */
typedef struct FloatFormat {
    uint8_t exp_bits;
    uint8_t frac_bits; /* without the implicit bit; at most 61 */
} FloatFormat;

typedef enum FloatKind {
    FLOAT_ZERO,
    FLOAT_FINITE,
    FLOAT_INF,
    FLOAT_QNAN,
    FLOAT_SNAN,
} FloatKind;

/*
 * A value taken apart. FLOAT_FINITE: (-1)^sign * frac / 2^63 * 2^exp with bit
 * 63 of frac set, the lowest bit sticky (ones were lost below it). A NaN has
 * its payload left-justified from bit 62.
 */
typedef struct FloatParts {
    FloatKind kind;
    bool sign;
    int32_t exp;
    uint64_t frac;
} FloatParts;

FloatParts parts_unpack(const FloatFormat *f, uint64_t bits);
/* Round to @f and encode; signals overflow, underflow and inexact. */
uint64_t parts_pack(const FloatFormat *f, FloatParts p, FloatStatus *st);

FloatParts parts_add(FloatParts a, FloatParts b, FloatStatus *st);
FloatParts parts_mul(FloatParts a, FloatParts b, FloatStatus *st);
FloatParts parts_div(FloatParts a, FloatParts b, FloatStatus *st);
FloatParts parts_sqrt(FloatParts a, FloatStatus *st);
FloatParts parts_muladd(FloatParts a, FloatParts b, FloatParts c,
                        FloatStatus *st);
/* minimumNumber, or maximumNumber when @max. */
FloatParts parts_minmax(FloatParts a, FloatParts b, bool max, FloatStatus *st);
FloatRelation parts_compare(FloatParts a, FloatParts b, bool quiet,
                            FloatStatus *st);
FloatParts parts_round_int(FloatParts a, bool exact, FloatStatus *st);
/* A NaN passes as an operation's only operand: quieted, or the default. */
FloatParts parts_convert(FloatParts a, FloatStatus *st);
/* To an integer of @bits bits; the result is sign- or zero-extended. */
uint64_t parts_to_int(FloatParts a, unsigned bits, bool is_signed,
                      FloatStatus *st);
FloatParts parts_from_int(uint64_t magnitude, bool sign);
unsigned parts_class(const FloatFormat *f, FloatParts p);
FloatParts parts_default_nan(const FloatStatus *st);

#endif
