/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 encoder: instruction descriptions from insn.def, operands as
 * registers, memory and immediates; bytes go to a buffer that is written
 * through one mapping and runs from another (`run = write + delta`).
 *
 * No function here allocates or fails: a full buffer sets `overflow` and
 * starts again at its beginning, so that the caller tests once, at the end,
 * and throws the unit away. One thread owns an X86Asm.
 */
#ifndef TCG_HOST_X86_64_ASM_H
#define TCG_HOST_X86_64_ASM_H

#include "tandem/base.h"

/* General registers and vector registers, numbered as encoded. */
enum {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    X86_NGPR,
    XMM0 = 0,
    XMM1,
    XMM2,
    XMM3,
    XMM4,
    XMM5,
    XMM6,
    XMM7,
    XMM15 = 15,
};

/* Condition codes, SDM 2, appendix B.1.4.7. cc ^ 1 is the negation. */
typedef enum X86Cc {
    CC_O,
    CC_NO,
    CC_B,
    CC_AE,
    CC_E,
    CC_NE,
    CC_BE,
    CC_A,
    CC_S,
    CC_NS,
    CC_P,
    CC_NP,
    CC_L,
    CC_GE,
    CC_LE,
    CC_G,
} X86Cc;

/* Encoding bits of a description. */
enum {
    X86_OPCODE = 0xff,
    X86_MAP_SHIFT = 8,
    X86_PP_SHIFT = 10,
    X86_LOCK = 1 << 12,
    X86_REXW = 1 << 13, /* always 64-bit */
    X86_VEX = 1 << 14,  /* VEX only */
    X86_NDS = 1 << 15,  /* the VEX form has a third operand */
    X86_B8R = 1 << 16,  /* `reg` is a byte register */
    X86_B8M = 1 << 17,  /* `r/m` is a byte */
    X86_SSE = 1 << 18,  /* VEX form used when the host has AVX */
    X86_L1 = 1 << 19,   /* VEX.L */
    X86_EXT_SHIFT = 20, /* opcode extension in `reg` */
    X86_W16 = 1 << 23,  /* 16-bit operands */
    X86_M16 = 1 << 24,  /* for the test: width of a memory operand */
    X86_M32 = 1 << 25,
    X86_MEMONLY = 1 << 26, /* for the test: r/m may not be a register */
    X86_REGONLY = 1 << 27,
    X86_D64 = 1 << 28, /* 64-bit without REX.W */
    X86_CL = 1 << 29,  /* for the test: cl is the last operand */
};

#define X86_E(pp, map, op)                                                     \
    ((pp) << X86_PP_SHIFT | (map) << X86_MAP_SHIFT | (op))

/* The value of an X86Insn is its encoding. */
typedef enum X86Insn {
#define E(pp, map, op)                  X86_E(pp, map, op)
#define X(n)                            ((n) << X86_EXT_SHIFT)
#define LOCK                            X86_LOCK
#define REXW                            X86_REXW
#define VEX                             X86_VEX
#define NDS                             X86_NDS
#define B8R                             X86_B8R
#define B8M                             X86_B8M
#define SSE                             X86_SSE
#define W16                             X86_W16
#define M16                             X86_M16
#define M32                             X86_M32
#define MEMONLY                         X86_MEMONLY
#define REGONLY                         X86_REGONLY
#define D64                             X86_D64
#define CL                              X86_CL
#define X86_INSN(name, text, form, enc) X86_##name = (int)(enc),
#include "insn.def"
#undef X86_INSN
#undef E
#undef X
#undef LOCK
#undef REXW
#undef VEX
#undef NDS
#undef B8R
#undef B8M
#undef SSE
#undef W16
#undef M16
#undef M32
#undef MEMONLY
#undef REGONLY
#undef D64
#undef CL
} X86Insn;

/* [base + index << shift + disp]; index X86_NONE for none. With base X86_RIP
 * the operand is at `disp` bytes from the start of the buffer. */
enum { X86_NONE = -1, X86_RIP = 16 };

typedef struct X86Mem {
    int8_t base;
    int8_t index; /* never RSP */
    uint8_t shift;
    int32_t disp;
} X86Mem;

static inline X86Mem x86_mem(int base, int32_t disp)
{
    return (X86Mem){ base, X86_NONE, 0, disp };
}

static inline X86Mem x86_mem_index(int base, int index, int shift, int32_t disp)
{
    return (X86Mem){ base, index, shift, disp };
}

typedef struct X86Asm {
    uint8_t *p; /* next byte, in the writable mapping */
    uint8_t *start;
    uint8_t *limit;  /* end of the buffer minus one instruction */
    ptrdiff_t delta; /* executable address = writable address + delta */
    bool avx;        /* encode SSE instructions with VEX */
    bool overflow;
} X86Asm;

/* Begin at @buf, @size > 64 bytes; runs at @buf + @delta. */
void x86_asm_init(X86Asm *a, void *buf, size_t size, ptrdiff_t delta, bool avx);

static inline uint32_t x86_offset(const X86Asm *a)
{
    return a->p - a->start;
}

/* @w: 1 for 64-bit operands, 0 for 32-bit ones. */
void x86_rr(X86Asm *a, X86Insn in, int w, int reg, int rm);
void x86_rm(X86Asm *a, X86Insn in, int w, int reg, X86Mem m);
void x86_rri(X86Asm *a, X86Insn in, int w, int reg, int rm, int imm8);
void x86_rmi(X86Asm *a, X86Insn in, int w, int reg, X86Mem m, int imm8);
/* One operand; the extension is in @in. */
void x86_r(X86Asm *a, X86Insn in, int w, int rm);
void x86_m(X86Asm *a, X86Insn in, int w, X86Mem m);
/* One operand and an immediate: _i8 sign-extended byte, _i32 four bytes. */
void x86_ri8(X86Asm *a, X86Insn in, int w, int rm, int imm);
void x86_mi8(X86Asm *a, X86Insn in, int w, X86Mem m, int imm);
void x86_ri32(X86Asm *a, X86Insn in, int w, int rm, int32_t imm);
void x86_mi32(X86Asm *a, X86Insn in, int w, X86Mem m, int32_t imm);
void x86_i32(X86Asm *a, X86Insn in, int32_t imm);
void x86_rri32(X86Asm *a, X86Insn in, int w, int reg, int rm, int32_t imm);
void x86_rmi32(X86Asm *a, X86Insn in, int w, int reg, X86Mem m, int32_t imm);
/* VEX with three operands; @w is VEX.W. */
void x86_vrr(X86Asm *a, X86Insn in, int w, int reg, int vvvv, int rm);
void x86_vrm(X86Asm *a, X86Insn in, int w, int reg, int vvvv, X86Mem m);
void x86_vrri(X86Asm *a, X86Insn in, int w, int reg, int vvvv, int rm,
              int imm8);

/*
 * AVX-512 (SDM 2, 2.7; opmask instructions 2.3.5): vector registers 0 to 31,
 * mask registers k0 to k7. Displacements are not compressed.
 */
typedef struct X86Ev {
    uint8_t w;   /* EVEX.W */
    uint8_t len; /* 0: 128, 1: 256, 2: 512 bits */
    uint8_t k;   /* mask register, merging; 0: none */
} X86Ev;
void x86_ev_rr(X86Asm *a, X86Insn in, X86Ev e, int reg, int vvvv, int rm);
void x86_ev_rm(X86Asm *a, X86Insn in, X86Ev e, int reg, int vvvv, X86Mem m);
void x86_ev_rri(X86Asm *a, X86Insn in, X86Ev e, int reg, int vvvv, int rm,
                int imm8);
/* kmov of 8 << @log bits, upper bits of the result zero. */
void x86_kmov_km(X86Asm *a, unsigned log, int k, X86Mem m);
void x86_kmov_mk(X86Asm *a, unsigned log, X86Mem m, int k);
void x86_kmov_kr(X86Asm *a, unsigned log, int k, int reg);
void x86_kmov_rk(X86Asm *a, unsigned log, int reg, int k);
/* Of all 64 bits: k@d = k@x op k@y; ZF = no bit of k@x is set. */
typedef enum X86KOp {
    X86_KANDN = 0x42, /* ~x & y */
    X86_KOR = 0x45,
} X86KOp;
void x86_k(X86Asm *a, X86KOp op, int d, int x, int y);
void x86_kortest(X86Asm *a, int x);

/*
 * The ALU group (add or adc sbb and sub xor cmp) with an immediate, shortest
 * form; @group is the SDM's /n.
 */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
void x86_alu_ri(X86Asm *a, int group, int w, int rm, int32_t imm);
void x86_alu_mi(X86Asm *a, int group, int w, X86Mem m, int32_t imm);
static inline X86Insn x86_alu_rm(int group)
{
    return X86_E(0, 0, group << 3 | 3);
}

/* @dst = @v by the shortest form; xor is used only when @flags_dead. */
void x86_mov_imm(X86Asm *a, int dst, uint64_t v, bool flags_dead);
void x86_cmov(X86Asm *a, X86Cc cc, int w, int dst, int src);
void x86_cmov_m(X86Asm *a, X86Cc cc, int w, int dst, X86Mem m);
void x86_setcc(X86Asm *a, X86Cc cc, int dst);
void x86_bswap(X86Asm *a, int w, int reg);
void x86_push(X86Asm *a, int reg);
void x86_pop(X86Asm *a, int reg);
/* One-byte and fixed instructions. */
void x86_ret(X86Asm *a);
void x86_ret_pop(X86Asm *a, unsigned bytes);
void x86_ud2(X86Asm *a);
void x86_cdq(X86Asm *a, int w); /* cdq, cqo */
void x86_vzeroupper(X86Asm *a);
void x86_pause(X86Asm *a);
void x86_nop(X86Asm *a, unsigned bytes);

/*
 * Jumps. The functions that return an offset leave the displacement open:
 * bind it with x86_bind8/x86_bind32, or x86_set_rel32 to any address.
 */
uint32_t x86_jcc8(X86Asm *a, X86Cc cc);
uint32_t x86_jmp8(X86Asm *a);
uint32_t x86_jcc32(X86Asm *a, X86Cc cc);
uint32_t x86_jmp32(X86Asm *a);
/* The displacement is 4-byte aligned: one store patches it later. */
uint32_t x86_jmp32_aligned(X86Asm *a);
uint32_t x86_jcc32_aligned(X86Asm *a, X86Cc cc);
void x86_bind8(X86Asm *a, uint32_t at);
void x86_bind32(X86Asm *a, uint32_t at);
/* Displacement at offset @at leads to offset @to of this buffer. */
void x86_set_rel32(X86Asm *a, uint32_t at, uint32_t to);
/* To an offset behind or ahead in this buffer, shortest form. */
void x86_jmp_back(X86Asm *a, uint32_t to);
void x86_jcc_back(X86Asm *a, X86Cc cc, uint32_t to);
/* To an executable address within 2 GiB of the buffer. */
void x86_jmp_abs(X86Asm *a, const void *target);
void x86_jcc_abs(X86Asm *a, X86Cc cc, const void *target);
/* call rel32 when in reach, else through @scratch. */
void x86_call_abs(X86Asm *a, const void *target, int scratch);

#endif
