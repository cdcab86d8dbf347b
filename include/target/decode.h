/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables that scripts/decode.py makes from .isa files: what the disassembler
 * and the random-instruction generator of any target read. Constant data;
 * the functions are pure and may run on any thread.
 *
 * OPERANDS text of a row or alias: field names stand for their values, other
 * characters for themselves. A prefix chooses how a field is shown:
 *   f:rd   floating-point register     x:imm  hexadecimal
 *   p:imm  address relative to pc      (none) register, name or decimal
 * Further letters are the target's own.
 */
#ifndef TARGET_DECODE_H
#define TARGET_DECODE_H

#include <stdbool.h>
#include <stdint.h>

/* Is bit @n of a bit map of extensions set? */
static inline bool decode_has(const uint64_t *ext, unsigned n)
{
    return (ext[n / 64] >> (n % 64)) & 1;
}

enum { DECODE_MAX_ARGS = 8, DECODE_MAX_PIECES = 10 };

/* Bits [at, at + len) of the instruction are bits [to, to + len) of a field. */
typedef struct DecodePiece {
    uint8_t to, at, len;
} DecodePiece;

typedef struct DecodeField {
    const char *name; /* NULL ends a list */
    bool is_signed;
    uint8_t pieces;
    DecodePiece piece[DECODE_MAX_PIECES];
} DecodeField;

/* One pattern: what the generator draws from. */
typedef struct DecodeRow {
    const char *name;
    const char *klass;
    unsigned insn; /* what it decodes as */
    uint32_t mask, value;
    uint8_t width;       /* bits: 16 or 32 */
    uint8_t xlens;       /* bit 0: RV32, bit 1: RV64 */
    int16_t need_all[4]; /* extensions it needs, -1 ends */
    int16_t need_any[4]; /* and one of these, if there are any */
    const DecodeField *fields;
} DecodeRow;

typedef enum DecodeCondKind {
    DECODE_COND_EQ,    /* argument == value */
    DECODE_COND_NE,    /* argument != value */
    DECODE_COND_FIELD, /* argument == argument number 'value' */
} DecodeCondKind;

typedef struct DecodeCond {
    uint8_t kind;
    uint8_t arg; /* index into DecodeInsn.args */
    int32_t value;
} DecodeCond;

typedef struct DecodeAlias {
    const char *name; /* NULL ends a list */
    const char *operands;
    uint8_t conds;
    DecodeCond cond[4];
} DecodeAlias;

/* One instruction. Its args struct is @nargs int32_t in the order of @args. */
typedef struct DecodeInsn {
    const char *name;
    const char *group; /* stem of its .isa file */
    const char *klass;
    const char *operands;
    uint8_t nargs;
    const char *args[DECODE_MAX_ARGS];
    const DecodeAlias *aliases; /* NULL: none */
} DecodeInsn;

/* Writes one operand as text: @kind is the prefix letter or 0. */
typedef void DecodeShow(char *out, unsigned size, char kind, const char *field,
                        int32_t value, void *opaque);

/**
 * decode_text: an instruction as text, by the first alias that fits.
 * @insn: its table entry; @args: its args struct as an array
 * @show: writes the value of one operand; gets @opaque
 * @out, @size: NUL-terminated result, cut at @size
 * @suffix: put behind the name (orderings of atomics); may be ""
 */
void decode_text(const DecodeInsn *insn, const int32_t *args, DecodeShow *show,
                 void *opaque, const char *suffix, char *out, unsigned size);

/**
 * decode_random: an instruction that fits @row, its fields drawn at random.
 * @bits: a random number; every bit that the row does not fix comes from it
 */
static inline uint32_t decode_random(const DecodeRow *row, uint32_t bits)
{
    uint32_t all = row->width == 16 ? 0xffff : 0xffffffff;

    return (bits & ~row->mask & all) | row->value;
}

/* @insn with the field @name set to the low bits of @value; no such: same. */
uint32_t decode_set_field(const DecodeRow *row, uint32_t insn, const char *name,
                          uint32_t value);

#endif
