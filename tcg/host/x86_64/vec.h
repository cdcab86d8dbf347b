/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls on host vectors: what the files that carry them out share.
 *
 * isel-vec.c      the op: what is checked first, what is out of line, masks by
 *                 general registers, guest memory
 * vec-rows.c      the tables: which instruction does what
 * vec-evex.c      elements on hosts with AVX-512
 * vec-vex.c       elements on hosts with AVX2 and FMA
 * vec-keep.c      what AVX-512 registers hold from one op to the next
 */
#ifndef TCG_HOST_X86_64_VEC_H
#define TCG_HOST_X86_64_VEC_H

#include "backend.h"

typedef enum VecShape {
    S_NONE,
    S_MOVE,   /* d = a or b */
    S_BIN,    /* d = a op b */
    S_LOGIC,  /* the same, of bits */
    S_SHIFT,  /* the same, counts to be cut */
    S_SAT,    /* the same; differs from the plain one in `other` */
    S_MUL3,   /* product, then `other` with the addend */
    S_FP,     /* as S_BIN: NaN results become canonical */
    S_FP1,    /* of a alone */
    S_MINMAX, /* NaN operands: the long way */
    S_FMA,    /* NaN results: the long way */
    S_SIGN,   /* vpternlog with the sign bit's mask first */
    S_TOINT,  /* overflow: the long way */
    S_CVT,    /* float to float */
    S_CMP,
    S_MERGE,
    S_SLIDE, /* these in one chunk */
    S_GATHER,
    S_COMPRESS,
    S_MASKS,
    S_COUNT,
    S_LD,
    S_ST,
} VecShape;

/* Of an instruction in VecRow: it has no VEX form. */
enum { VEC_EVEX_ONLY = X86_LOCK };

/* Instruction for each width of elements; 0: none. imm: predicate, control. */
typedef struct VecRow {
    uint8_t shape, imm, other;
    uint32_t in[4];
} VecRow;

extern const VecRow vec_rows[TCG_VEC_FN_COUNT];
/* What makes @v's a its d of another width; 0: no instruction does. */
uint32_t vec_conversion(const TcgVecOp *v);
/* Integers of 1 << @from bytes made 1 << @to: from < to <= 3. */
uint32_t vec_extension(unsigned from, unsigned to, bool is_signed);

typedef struct Vec Vec;

/* What a host can do with vectors. */
typedef struct VecLevel {
    unsigned bytes; /* of a chunk, at most */
    uint16_t take;  /* registers to be free for elements */
    /* Can it carry out @x, whose elements fall into chunks by now? */
    bool (*can)(Vec *x);
    /* Scalar operand in x->sreg, for all chunks. */
    void (*set_scalar)(Vec *x);
    void (*elements)(Vec *x);
    /* 16 bytes or more, a power of two, between env at @e and memory at @h */
    void (*copy)(Vec *x, X86Mem e, X86Mem h, unsigned bytes, bool to_env);
    /* elements of v->count bytes, those that the mask and vl say, and guest
     * memory at @m; of at least 1 << masked_log bytes each */
    uint8_t masked_log;
    void (*copy_masked)(Vec *x, X86Mem m, bool to_env);
    void (*leave)(Vec *x); /* after all that, and before C code; or NULL */
} VecLevel;

extern const VecLevel vec_evex, vec_vex;

struct Vec {
    Gen *g;
    X86Asm *a;
    const TcgVecOp *v;
    Cold *cold;
    const VecLevel *level;
    unsigned lanes; /* elements a chunk */
    unsigned n, i;  /* chunks; the current one */
    uint8_t len;    /* of the elements computed with: 128 << len bits */
    bool use_mask;  /* K_MASK says which elements count */
    bool tail;      /* not all: those below the u32 of env at guard */
    bool keeps;     /* registers may hold vectors of env: not out of line */
    int8_t out[8];  /* where the results are, by chunk */
    int sreg;       /* general register of the scalar */
};

static inline const VecRow *vec_row(const Vec *x)
{
    return &vec_rows[x->v->fn];
}

/* The current chunk of the registers at @off, elements of 1 << @log bytes. */
static inline X86Mem vec_chunk(const Vec *x, uint32_t off, unsigned log)
{
    return x86_mem(RBP, off + (x->i * x->lanes << log));
}

/* Length of a register for @bytes: 128 << that bits. */
static inline unsigned vec_length(unsigned bytes)
{
    return bytes > 32 ? 2 : bytes > 16 ? 1 : 0;
}

/* rcx = ones for each of the elements from @at on that lie below the element
 * count, which is less than 256: the lowest 64. */
void vec_tail_bits(Vec *x, unsigned at);

/* --- vec-keep.c --- */

/* The register that holds env at @off, locked; or NO_REG. */
int vec_keep_find(Gen *g, uint32_t off, unsigned bytes);
/* One to be used, locked. */
int vec_keep_take(Gen *g);
/* @reg, taken, holds env at @off from now on. */
void vec_keep_set(Gen *g, int reg, uint32_t off, unsigned bytes);
/* That part of env has changed. */
void vec_keep_drop(Gen *g, uint32_t off, unsigned bytes);
/* What is held now, for Cold.kept; and its code to load that. */
uint16_t vec_keep_note(Gen *g);
void vec_keep_reload(Gen *g, uint16_t note);

#endif
