/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pure ops compute, on bits: used by folding and by the interpreter.
 * The wording of ops.def, in C, with nothing undefined: tests/tcg/ops.c
 * checks each against its own arithmetic.
 */
#include "tandem/base.h"

#include "tcg/internal.h"

/* Quotient and remainder, total (TcgDiv); the caller cuts to the width. */
static int64_t div_signed(unsigned rule, int64_t x, int64_t y)
{
    if (y == 0) {
        return rule == TCG_DIV_RISCV ? -1 : 0;
    }
    return y == -1 ? (int64_t) - (uint64_t)x : x / y;
}

static int64_t rem_signed(int64_t x, int64_t y)
{
    if (y == 0) {
        return x;
    }
    return y == -1 ? 0 : x % y;
}

static uint64_t div_unsigned(unsigned rule, uint64_t x, uint64_t y)
{
    if (y == 0) {
        return rule == TCG_DIV_RISCV ? UINT64_MAX : 0;
    }
    return x / y;
}

/* Low and high half of the carry-less product of two @w-bit numbers. */
static uint64_t clmul_part(uint64_t x, uint64_t y, unsigned w, bool high)
{
    unsigned __int128 sum = 0;

    for (unsigned i = 0; i < w; i++) {
        if (y >> i & 1) {
            sum ^= (unsigned __int128)x << i;
        }
    }
    return (uint64_t)(high ? sum >> w : sum);
}

static uint64_t brev8(uint64_t x)
{
    x = (x & 0x5555555555555555) << 1 | (x >> 1 & 0x5555555555555555);
    x = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
    return (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
}

static uint64_t orcb(uint64_t x)
{
    uint64_t low7 = 0x7f7f7f7f7f7f7f7f;
    uint64_t t = (((x & low7) + low7) | x) & ~low7; /* bit 7 of non-zero */

    return (t >> 7) * 0xff;
}

static uint64_t sign_bit(TcgType type)
{
    return type == TCG_F32 ? BIT(31) : BIT(63);
}

static uint64_t eval_width(TcgOp op, TcgType type, unsigned aux, uint64_t x,
                           uint64_t y)
{
    unsigned pos = TCG_FIELD_POS(aux), len = TCG_FIELD_LEN(aux);

    switch (op) {
    case TCG_OP_sext8:
        return (uint64_t)(int8_t)x;
    case TCG_OP_sext16:
        return (uint64_t)(int16_t)x;
    case TCG_OP_sext32:
        return (uint64_t)(int32_t)x;
    case TCG_OP_zext8:
        return (uint8_t)x;
    case TCG_OP_zext16:
        return (uint16_t)x;
    case TCG_OP_zext32:
    case TCG_OP_trunc:
        return (uint32_t)x;
    case TCG_OP_extr:
        return bits_get(x, pos, len);
    case TCG_OP_sextr:
        return (uint64_t)bits_sext(bits_get(x, pos, len), len);
    case TCG_OP_bfi:
        return bits_set(x, pos, len, y);
    case TCG_OP_fneg:
        return x ^ sign_bit(type);
    case TCG_OP_fabs:
        return x & ~sign_bit(type);
    case TCG_OP_fcpysgn:
        return (x & ~sign_bit(type)) | (y & sign_bit(type));
    case TCG_OP_fbox:
        return x | UINT64_C(0xffffffff00000000);
    case TCG_OP_funbox:
        return x >> 32 == UINT32_MAX ? (uint32_t)x : 0x7fc00000;
    case TCG_OP_bits_fi:
    case TCG_OP_bits_if:
        return x;
    default:
        g_assert_not_reached();
    }
}

/* Ops that depend on the width @w, 32 or 64: operands in both readings. */
static uint64_t eval_by_width(TcgOp op, unsigned aux, unsigned w, uint64_t x,
                              uint64_t y)
{
    int64_t sx = bits_sext(x, w), sy = bits_sext(y, w);
    unsigned count = y & (w - 1), rest = -count & (w - 1);

    switch (op) {
    case TCG_OP_mulhs:
        return (uint64_t)((__int128)sx * sy >> w);
    case TCG_OP_mulhu:
        return (uint64_t)((unsigned __int128)x * y >> w);
    case TCG_OP_mulhsu:
        return (uint64_t)((__int128)sx * (__int128)y >> w);
    case TCG_OP_divs:
        return (uint64_t)div_signed(aux, sx, sy);
    case TCG_OP_divu:
        return div_unsigned(aux, x, y);
    case TCG_OP_rems:
        return (uint64_t)rem_signed(sx, sy);
    case TCG_OP_remu:
        return y == 0 ? x : x % y;
    case TCG_OP_shl:
        return x << count;
    case TCG_OP_shr:
        return x >> count;
    case TCG_OP_sar:
        return (uint64_t)(sx >> count);
    case TCG_OP_rotl:
        return x << count | x >> rest;
    case TCG_OP_rotr:
        return x >> count | x << rest;
    case TCG_OP_smin:
        return (uint64_t)MIN(sx, sy);
    case TCG_OP_smax:
        return (uint64_t)MAX(sx, sy);
    case TCG_OP_umin:
        return MIN(x, y);
    case TCG_OP_umax:
        return MAX(x, y);
    case TCG_OP_clz:
        return x == 0 ? w : __builtin_clzll(x) - (64 - w);
    case TCG_OP_ctz:
        return x == 0 ? w : __builtin_ctzll(x);
    case TCG_OP_bswap:
        return __builtin_bswap64(x) >> (64 - w);
    case TCG_OP_clmul:
        return clmul_part(x, y, w, false);
    case TCG_OP_clmulh:
        return clmul_part(x, y, w, true);
    default:
        g_assert_not_reached();
    }
}

/* Ops whose low half does not depend on the width; false: another kind. */
static bool eval_any_width(TcgOp op, uint64_t x, uint64_t y, uint64_t *r)
{
    switch (op) {
    case TCG_OP_add:
        *r = x + y;
        return true;
    case TCG_OP_sub:
        *r = x - y;
        return true;
    case TCG_OP_neg:
        *r = -x;
        return true;
    case TCG_OP_mul:
        *r = x * y;
        return true;
    case TCG_OP_and:
        *r = x & y;
        return true;
    case TCG_OP_or:
        *r = x | y;
        return true;
    case TCG_OP_xor:
        *r = x ^ y;
        return true;
    case TCG_OP_andn:
        *r = x & ~y;
        return true;
    case TCG_OP_orn:
        *r = x | ~y;
        return true;
    case TCG_OP_not:
        *r = ~x;
        return true;
    case TCG_OP_popcnt: /* operand bits above the width are zero */
        *r = __builtin_popcountll(x);
        return true;
    case TCG_OP_brev8:
        *r = brev8(x);
        return true;
    case TCG_OP_orcb:
        *r = orcb(x);
        return true;
    default:
        return false;
    }
}

uint64_t tcg_eval(TcgOp op, TcgType type, unsigned aux, TcgType from,
                  uint64_t x, uint64_t y)
{
    uint64_t r;

    if (eval_any_width(op, x, y, &r)) {
        /* done */
    } else if (op == TCG_OP_setcc) {
        return tcg_cond_eval((TcgCond)aux, from, x, y);
    } else if (op >= TCG_OP_sext8 && op <= TCG_OP_bfi) {
        r = eval_width(op, type, aux, x, y);
    } else if (op >= TCG_OP_fneg && op <= TCG_OP_bits_if) {
        r = eval_width(op, type, aux, x, y);
    } else {
        r = eval_by_width(op, aux, tcg_type_size(type) * 8, x, y);
    }
    return tcg_type_size(type) == 4 ? (uint32_t)r : r;
}
