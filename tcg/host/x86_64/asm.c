/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 encoder.
 *
 * Spec: Intel SDM volume 2 (325383), chapter 2 (prefixes, ModR/M, SIB, REX,
 *       VEX) and the opcode maps; insn.def has the instructions.
 */
#include "tandem/base.h"

#include "asm.h"

enum { MAX_INSN = 16 };

void x86_asm_init(X86Asm *a, void *buf, size_t size, ptrdiff_t delta, bool avx)
{
    assert(size > 4 * MAX_INSN);
    *a = (X86Asm){
        .p = buf,
        .start = buf,
        .limit = (uint8_t *)buf + size - 2 * MAX_INSN,
        .delta = delta,
        .avx = avx,
    };
}

static inline void begin(X86Asm *a)
{
    if (unlikely(a->p > a->limit)) {
        a->overflow = true;
        a->p = a->start;
    }
}

static inline void put8(X86Asm *a, uint8_t v)
{
    *a->p++ = v;
}

static inline void put32(X86Asm *a, uint32_t v)
{
    st32_le(a->p, v);
    a->p += 4;
}

/* Legacy prefixes, REX, escape bytes, opcode (SDM 2.2.1). */
static void put_legacy(X86Asm *a, uint32_t in, int w, int reg, int index,
                       int rm, bool rm_is_reg)
{
    static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned pp = in >> X86_PP_SHIFT & 3, map = in >> X86_MAP_SHIFT & 3;
    unsigned rex =
        w << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (rm >> 3 & 1);

    if (in & X86_LOCK) {
        put8(a, 0xf0);
    }
    if (pp != 0) {
        put8(a, prefix[pp]);
    }
    /* spl bpl sil dil need a REX byte. */
    if (rex != 0 || ((in & X86_B8R) && reg >= RSP) ||
        ((in & X86_B8M) && rm_is_reg && rm >= RSP)) {
        put8(a, 0x40 | rex);
    }
    if (map != 0) {
        put8(a, 0x0f);
        if (map >= 2) {
            put8(a, map == 2 ? 0x38 : 0x3a);
        }
    }
    put8(a, in & X86_OPCODE);
}

/* VEX prefix and opcode (SDM 2.3.5). */
static void put_vex(X86Asm *a, uint32_t in, int w, int reg, int vvvv, int index,
                    int rm)
{
    unsigned pp = in >> X86_PP_SHIFT & 3, map = in >> X86_MAP_SHIFT & 3;
    unsigned r = ~reg >> 3 & 1, x = ~index >> 3 & 1, b = ~rm >> 3 & 1;
    unsigned tail = (~vvvv & 15) << 3 | (in & X86_L1 ? 4 : 0) | pp;

    if (map == 1 && w == 0 && x != 0 && b != 0) {
        put8(a, 0xc5);
        put8(a, r << 7 | tail);
    } else {
        put8(a, 0xc4);
        put8(a, r << 7 | x << 6 | b << 5 | map);
        put8(a, w << 7 | tail);
    }
    put8(a, in & X86_OPCODE);
}

/* ModR/M, SIB, displacement (SDM 2.1.5); @imm_len bytes follow. */
static void put_modrm_mem(X86Asm *a, int reg, X86Mem m, int imm_len)
{
    unsigned base = m.base & 7, mod, r = (reg & 7) << 3;

    if (m.base == X86_RIP) {
        put8(a, r | 5);
        put32(a, m.disp - (int32_t)(a->p + 4 + imm_len - a->start));
        return;
    }
    if (m.disp == 0 && base != RBP) {
        mod = 0x00;
    } else {
        mod = m.disp == (int8_t)m.disp ? 0x40 : 0x80;
    }
    if (m.index != X86_NONE) {
        put8(a, mod | r | 4);
        put8(a, m.shift << 6 | (m.index & 7) << 3 | base);
    } else if (base == RSP) {
        put8(a, mod | r | 4);
        put8(a, 0x24);
    } else {
        put8(a, mod | r | base);
    }
    if (mod == 0x40) {
        put8(a, m.disp);
    } else if (mod == 0x80) {
        put32(a, m.disp);
    }
}

/* @vvvv: a third operand of a VEX form, or -1. */
static void put_reg_form(X86Asm *a, uint32_t in, int w, int reg, int vvvv,
                         int rm)
{
    begin(a);
    w |= (in & X86_REXW) != 0;
    if ((in & X86_VEX) || ((in & X86_SSE) && a->avx)) {
        if (vvvv < 0) {
            vvvv = in & X86_NDS ? reg : 0;
        }
        put_vex(a, in, w, reg, vvvv, 0, rm);
    } else {
        put_legacy(a, in, w, reg, 0, rm, true);
    }
    put8(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static void put_mem_form(X86Asm *a, uint32_t in, int w, int reg, int vvvv,
                         X86Mem m, int imm_len)
{
    int index = m.index == X86_NONE ? 0 : m.index;
    int base = m.base == X86_RIP ? 0 : m.base;

    begin(a);
    w |= (in & X86_REXW) != 0;
    if ((in & X86_VEX) || ((in & X86_SSE) && a->avx)) {
        if (vvvv < 0) {
            vvvv = in & X86_NDS ? reg : 0;
        }
        put_vex(a, in, w, reg, vvvv, index, base);
    } else {
        put_legacy(a, in, w, reg, index, base, false);
    }
    put_modrm_mem(a, reg, m, imm_len);
}

void x86_rr(X86Asm *a, X86Insn in, int w, int reg, int rm)
{
    put_reg_form(a, in, w, reg, -1, rm);
}

void x86_rm(X86Asm *a, X86Insn in, int w, int reg, X86Mem m)
{
    put_mem_form(a, in, w, reg, -1, m, 0);
}

void x86_rri(X86Asm *a, X86Insn in, int w, int reg, int rm, int imm8)
{
    put_reg_form(a, in, w, reg, -1, rm);
    put8(a, imm8);
}

void x86_rmi(X86Asm *a, X86Insn in, int w, int reg, X86Mem m, int imm8)
{
    put_mem_form(a, in, w, reg, -1, m, 1);
    put8(a, imm8);
}

static inline int extension(uint32_t in)
{
    return in >> X86_EXT_SHIFT & 7;
}

void x86_r(X86Asm *a, X86Insn in, int w, int rm)
{
    put_reg_form(a, in & ~X86_B8R, w, extension(in), -1, rm);
}

void x86_m(X86Asm *a, X86Insn in, int w, X86Mem m)
{
    put_mem_form(a, in & ~X86_B8R, w, extension(in), -1, m, 0);
}

void x86_ri8(X86Asm *a, X86Insn in, int w, int rm, int imm)
{
    x86_r(a, in, w, rm);
    put8(a, imm);
}

void x86_mi8(X86Asm *a, X86Insn in, int w, X86Mem m, int imm)
{
    put_mem_form(a, in, w, extension(in), -1, m, 1);
    put8(a, imm);
}

void x86_ri32(X86Asm *a, X86Insn in, int w, int rm, int32_t imm)
{
    x86_r(a, in, w, rm);
    put32(a, imm);
}

void x86_mi32(X86Asm *a, X86Insn in, int w, X86Mem m, int32_t imm)
{
    put_mem_form(a, in, w, extension(in), -1, m, 4);
    put32(a, imm);
}

void x86_i32(X86Asm *a, X86Insn in, int32_t imm)
{
    begin(a);
    put_legacy(a, in, 0, 0, 0, 0, false);
    put32(a, imm);
}

void x86_rri32(X86Asm *a, X86Insn in, int w, int reg, int rm, int32_t imm)
{
    put_reg_form(a, in, w, reg, -1, rm);
    put32(a, imm);
}

void x86_rmi32(X86Asm *a, X86Insn in, int w, int reg, X86Mem m, int32_t imm)
{
    put_mem_form(a, in, w, reg, -1, m, 4);
    put32(a, imm);
}

void x86_vrr(X86Asm *a, X86Insn in, int w, int reg, int vvvv, int rm)
{
    assert((in & X86_VEX) || a->avx);
    put_reg_form(a, in, w, reg, vvvv, rm);
}

void x86_vrm(X86Asm *a, X86Insn in, int w, int reg, int vvvv, X86Mem m)
{
    assert((in & X86_VEX) || a->avx);
    put_mem_form(a, in, w, reg, vvvv, m, 0);
}

void x86_vrri(X86Asm *a, X86Insn in, int w, int reg, int vvvv, int rm, int imm8)
{
    x86_vrr(a, in, w, reg, vvvv, rm);
    put8(a, imm8);
}

/* --- AVX-512 --- */

/* SDM 2.7.1; @x and @b extend the register or base and index in ModR/M. */
static void put_evex(X86Asm *a, uint32_t in, X86Ev e, int reg, int vvvv,
                     unsigned x, unsigned b)
{
    unsigned pp = in >> X86_PP_SHIFT & 3, map = in >> X86_MAP_SHIFT & 3;

    begin(a);
    put8(a, 0x62);
    put8(a,
         (~reg >> 3 & 1) << 7 | !x << 6 | !b << 5 | (~reg >> 4 & 1) << 4 | map);
    put8(a, e.w << 7 | (~vvvv & 15) << 3 | 4 | pp);
    put8(a, e.len << 5 | (~vvvv >> 4 & 1) << 3 | e.k);
    put8(a, in & X86_OPCODE);
}

void x86_ev_rr(X86Asm *a, X86Insn in, X86Ev e, int reg, int vvvv, int rm)
{
    put_evex(a, in, e, reg, vvvv, rm >> 4 & 1, rm >> 3 & 1);
    put8(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x86_ev_rm(X86Asm *a, X86Insn in, X86Ev e, int reg, int vvvv, X86Mem m)
{
    bool rip = m.base == X86_RIP, index = m.index != X86_NONE;
    unsigned r = (reg & 7) << 3;

    put_evex(a, in, e, reg, vvvv, index ? m.index >> 3 & 1 : 0,
             rip ? 0 : m.base >> 3 & 1);
    if (rip) {
        put8(a, r | 5);
        put32(a, m.disp - (int32_t)(a->p + 4 - a->start));
        return;
    }
    if (index || (m.base & 7) == RSP) {
        put8(a, 0x80 | r | 4);
        put8(a, m.shift << 6 | (index ? m.index & 7 : 4) << 3 | (m.base & 7));
    } else {
        put8(a, 0x80 | r | (m.base & 7));
    }
    put32(a, m.disp);
}

void x86_ev_rri(X86Asm *a, X86Insn in, X86Ev e, int reg, int vvvv, int rm,
                int imm8)
{
    x86_ev_rr(a, in, e, reg, vvvv, rm);
    put8(a, imm8);
}

/* b w d q: VEX.pp and VEX.W of the forms with memory */
static uint32_t kmov_mem(unsigned op, unsigned log)
{
    return X86_E(log & 1 ? 0 : 1, 1, op) | X86_VEX | (log >= 2 ? X86_REXW : 0);
}

static uint32_t kmov_reg(unsigned op, unsigned log)
{
    static const uint8_t pp[] = { 1, 0, 3, 3 };

    return X86_E(pp[log], 1, op) | X86_VEX | (log == 3 ? X86_REXW : 0);
}

void x86_kmov_km(X86Asm *a, unsigned log, int k, X86Mem m)
{
    /* b 66.W0, w W0, d 66.W1, q W1 */
    put_mem_form(a, kmov_mem(0x90, log), 0, k, 0, m, 0);
}

void x86_kmov_mk(X86Asm *a, unsigned log, X86Mem m, int k)
{
    put_mem_form(a, kmov_mem(0x91, log), 0, k, 0, m, 0);
}

void x86_kmov_kr(X86Asm *a, unsigned log, int k, int reg)
{
    put_reg_form(a, kmov_reg(0x92, log), 0, k, 0, reg);
}

void x86_kmov_rk(X86Asm *a, unsigned log, int reg, int k)
{
    put_reg_form(a, kmov_reg(0x93, log), 0, reg, 0, k);
}

void x86_k(X86Asm *a, X86KOp op, int d, int x, int y)
{
    put_reg_form(a, X86_E(0, 1, op) | X86_VEX | X86_L1 | X86_REXW, 0, d, x, y);
}

void x86_kortest(X86Asm *a, int x)
{
    put_reg_form(a, X86_E(0, 1, 0x98) | X86_VEX | X86_REXW, 0, x, 0, x);
}

void x86_alu_ri(X86Asm *a, int group, int w, int rm, int32_t imm)
{
    if (imm == (int8_t)imm) {
        x86_ri8(a, X86_E(0, 0, 0x83) | group << X86_EXT_SHIFT, w, rm, imm);
    } else {
        x86_ri32(a, X86_E(0, 0, 0x81) | group << X86_EXT_SHIFT, w, rm, imm);
    }
}

void x86_alu_mi(X86Asm *a, int group, int w, X86Mem m, int32_t imm)
{
    if (imm == (int8_t)imm) {
        x86_mi8(a, X86_E(0, 0, 0x83) | group << X86_EXT_SHIFT, w, m, imm);
    } else {
        x86_mi32(a, X86_E(0, 0, 0x81) | group << X86_EXT_SHIFT, w, m, imm);
    }
}

void x86_mov_imm(X86Asm *a, int dst, uint64_t v, bool flags_dead)
{
    if (v == 0 && flags_dead) {
        x86_rr(a, X86_XOR_RM, 0, dst, dst);
    } else if (v <= UINT32_MAX) {
        begin(a);
        put_legacy(a, X86_E(0, 0, 0xb8 | (dst & 7)), 0, 0, 0, dst, false);
        put32(a, v);
    } else if ((int64_t)v == (int32_t)v) {
        x86_ri32(a, X86_MOV_I, 1, dst, v);
    } else {
        begin(a);
        put_legacy(a, X86_E(0, 0, 0xb8 | (dst & 7)), 1, 0, 0, dst, false);
        st64_le(a->p, v);
        a->p += 8;
    }
}

void x86_cmov(X86Asm *a, X86Cc cc, int w, int dst, int src)
{
    x86_rr(a, X86_CMOV + cc, w, dst, src);
}

void x86_cmov_m(X86Asm *a, X86Cc cc, int w, int dst, X86Mem m)
{
    x86_rm(a, X86_CMOV + cc, w, dst, m);
}

void x86_setcc(X86Asm *a, X86Cc cc, int dst)
{
    x86_r(a, X86_SETCC + cc, 0, dst);
}

void x86_bswap(X86Asm *a, int w, int reg)
{
    begin(a);
    put_legacy(a, X86_E(0, 1, 0xc8 | (reg & 7)), w, 0, 0, reg, false);
}

void x86_push(X86Asm *a, int reg)
{
    begin(a);
    put_legacy(a, X86_E(0, 0, 0x50 | (reg & 7)), 0, 0, 0, reg, false);
}

void x86_pop(X86Asm *a, int reg)
{
    begin(a);
    put_legacy(a, X86_E(0, 0, 0x58 | (reg & 7)), 0, 0, 0, reg, false);
}

static void put_bytes(X86Asm *a, const uint8_t *bytes, size_t n)
{
    begin(a);
    memcpy(a->p, bytes, n);
    a->p += n;
}

void x86_ret(X86Asm *a)
{
    put_bytes(a, (const uint8_t[]){ 0xc3 }, 1);
}

void x86_ret_pop(X86Asm *a, unsigned bytes)
{
    put_bytes(a, (const uint8_t[]){ 0xc2, bytes, bytes >> 8 }, 3);
}

void x86_ud2(X86Asm *a)
{
    put_bytes(a, (const uint8_t[]){ 0x0f, 0x0b }, 2);
}

void x86_cdq(X86Asm *a, int w)
{
    put_bytes(a, (const uint8_t[]){ 0x48, 0x99 } + !w, 1 + w);
}

void x86_vzeroupper(X86Asm *a)
{
    put_bytes(a, (const uint8_t[]){ 0xc5, 0xf8, 0x77 }, 3);
}

void x86_pause(X86Asm *a)
{
    put_bytes(a, (const uint8_t[]){ 0xf3, 0x90 }, 2);
}

void x86_nop(X86Asm *a, unsigned bytes)
{
    /* SDM 2B, NOP: recommended multi-byte sequences. */
    static const uint8_t nops[4][4] = {
        { 0 },
        { 0x90 },
        { 0x66, 0x90 },
        { 0x0f, 0x1f, 0x00 },
    };

    while (bytes > 0) {
        unsigned n = MIN(bytes, 3);

        put_bytes(a, nops[n], n);
        bytes -= n;
    }
}

uint32_t x86_jcc8(X86Asm *a, X86Cc cc)
{
    put_bytes(a, (const uint8_t[]){ 0x70 | cc, 0 }, 2);
    return x86_offset(a) - 1;
}

uint32_t x86_jmp8(X86Asm *a)
{
    put_bytes(a, (const uint8_t[]){ 0xeb, 0 }, 2);
    return x86_offset(a) - 1;
}

uint32_t x86_jcc32(X86Asm *a, X86Cc cc)
{
    put_bytes(a, (const uint8_t[]){ 0x0f, 0x80 | cc, 0, 0, 0, 0 }, 6);
    return x86_offset(a) - 4;
}

uint32_t x86_jmp32(X86Asm *a)
{
    put_bytes(a, (const uint8_t[]){ 0xe9, 0, 0, 0, 0 }, 5);
    return x86_offset(a) - 4;
}

/* Pad so that @opcode_len bytes from here the address is 4-byte aligned. */
static void align_displacement(X86Asm *a, unsigned opcode_len)
{
    begin(a);
    x86_nop(a, -((uintptr_t)a->p + opcode_len) & 3);
    begin(a);
}

uint32_t x86_jmp32_aligned(X86Asm *a)
{
    align_displacement(a, 1);
    return x86_jmp32(a);
}

uint32_t x86_jcc32_aligned(X86Asm *a, X86Cc cc)
{
    align_displacement(a, 2);
    return x86_jcc32(a, cc);
}

void x86_bind8(X86Asm *a, uint32_t at)
{
    int32_t rel = (int32_t)x86_offset(a) - (int32_t)(at + 1);

    assert(a->overflow || (rel >= 0 && rel <= INT8_MAX));
    a->start[at] = rel;
}

void x86_bind32(X86Asm *a, uint32_t at)
{
    x86_set_rel32(a, at, x86_offset(a));
}

void x86_set_rel32(X86Asm *a, uint32_t at, uint32_t to)
{
    st32_le(a->start + at, to - (at + 4));
}

void x86_jmp_back(X86Asm *a, uint32_t to)
{
    int32_t rel = (int32_t)to - (int32_t)(x86_offset(a) + 2);

    if (rel == (int8_t)rel) {
        put_bytes(a, (const uint8_t[]){ 0xeb, rel }, 2);
    } else {
        x86_set_rel32(a, x86_jmp32(a), to);
    }
}

void x86_jcc_back(X86Asm *a, X86Cc cc, uint32_t to)
{
    int32_t rel = (int32_t)to - (int32_t)(x86_offset(a) + 2);

    if (rel == (int8_t)rel) {
        put_bytes(a, (const uint8_t[]){ 0x70 | cc, rel }, 2);
    } else {
        x86_set_rel32(a, x86_jcc32(a, cc), to);
    }
}

/* Distance from the executable image of offset @at to @target. */
static ptrdiff_t run_distance(const X86Asm *a, uint32_t at, const void *target)
{
    return (const uint8_t *)target - (a->start + at + a->delta);
}

void x86_jmp_abs(X86Asm *a, const void *target)
{
    uint32_t at = x86_jmp32(a);
    ptrdiff_t rel = run_distance(a, at + 4, target);

    assert(rel == (int32_t)rel);
    st32_le(a->start + at, rel);
}

void x86_jcc_abs(X86Asm *a, X86Cc cc, const void *target)
{
    uint32_t at = x86_jcc32(a, cc);
    ptrdiff_t rel = run_distance(a, at + 4, target);

    assert(rel == (int32_t)rel);
    st32_le(a->start + at, rel);
}

void x86_call_abs(X86Asm *a, const void *target, int scratch)
{
    ptrdiff_t rel;

    begin(a);
    rel = run_distance(a, x86_offset(a) + 5, target);
    if (rel == (int32_t)rel) {
        put8(a, 0xe8);
        put32(a, rel);
    } else {
        x86_mov_imm(a, scratch, (uintptr_t)target, false);
        x86_r(a, X86_CALL_M, 0, scratch);
    }
}
