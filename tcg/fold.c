/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folding while building: constants, algebraic identities, width changes that
 * cancel, comparisons brought into simplest form. Each rule looks at the op and
 * at most at the insns that make its operands, so the cost per op is constant.
 */
#include "tandem/base.h"

#include "tcg/internal.h"

static const TcgVal no_fold = { TCG_REF_NONE, TCG_NONE };

static unsigned type_bits(TcgType type)
{
    return tcg_type_size(type) * 8;
}

/* The insn that makes @v; NULL for a constant. */
static const TcgInsn *def(const TcgBlock *tb, TcgVal v)
{
    return tcg_ref_is_const(v.ref) ? NULL : &tb->insn[v.ref];
}

/* Is @v made by @op? */
static bool made_by(const TcgBlock *tb, TcgVal v, TcgOp op)
{
    return !tcg_ref_is_const(v.ref) && tb->insn[v.ref].op == op;
}

/* Operand @k (0: a, 1: b) of the insn that makes @v. */
static TcgVal operand(const TcgBlock *tb, TcgVal v, unsigned k)
{
    TcgRef r = tb->insn[v.ref].arg[k];

    return (TcgVal){ r, tcg_ref_type(tb, r) };
}

/* A plain constant in @v, or one whose kind is given up. */
static bool const_bits(TcgBlock *tb, TcgVal v, uint64_t *bits)
{
    if (!tcg_ref_is_const(v.ref)) {
        return false;
    }
    if (tb->cst[v.ref & ~TCG_REF_CONST].kind == TCG_CONST_PC) {
        tb->pc_absolute = true;
    }
    *bits = tcg_ref_const(tb, v.ref);
    return true;
}

static bool is_pc(const TcgBlock *tb, TcgVal v)
{
    return tcg_ref_is_const(v.ref) &&
           tb->cst[v.ref & ~TCG_REF_CONST].kind == TCG_CONST_PC;
}

/* ---- what is known of a value's upper bits ---- */

typedef struct Extent {
    unsigned z; /* bits from here up are zero */
    unsigned s; /* bits from s - 1 up are equal */
} Extent;

static Extent extent_zero(unsigned z, unsigned width)
{
    return (Extent){ MIN(z, width), MIN(z + 1, width) };
}

static Extent extent_memop(MemOp mo, unsigned width)
{
    unsigned n = memop_size(mo) * 8;

    return mo & MO_SIGN ? (Extent){ width, MIN(n, width) }
                        : extent_zero(n, width);
}

static Extent extent_const(uint64_t c, unsigned width)
{
    Extent e = { c == 0 ? 0 : 64 - __builtin_clzll(c), 0 };
    int64_t sx = bits_sext(c, width);

    e.s = sx == 0 || sx == -1 ? 1 : 65 - __builtin_clzll(sx ^ (sx >> 63));
    return e;
}

static Extent extent_of(const TcgBlock *tb, TcgVal v)
{
    unsigned w = type_bits(v.type);
    const TcgInsn *in = def(tb, v);
    TcgRef b;

    if (in == NULL) {
        return extent_const(tcg_ref_const(tb, v.ref), w);
    }
    b = in->b;
    switch (in->op) {
    case TCG_OP_ld:
    case TCG_OP_env_ld:
        return extent_memop(in->aux, w);
    case TCG_OP_zext8:
        return extent_zero(8, w);
    case TCG_OP_zext16:
        return extent_zero(16, w);
    case TCG_OP_zext32:
        return extent_zero(32, w);
    case TCG_OP_sext8:
        return (Extent){ w, 8 };
    case TCG_OP_sext16:
        return (Extent){ w, 16 };
    case TCG_OP_sext32:
        return (Extent){ w, 32 };
    case TCG_OP_extr:
        return extent_zero(TCG_FIELD_LEN(in->aux), w);
    case TCG_OP_sextr:
        return (Extent){ w, TCG_FIELD_LEN(in->aux) };
    case TCG_OP_setcc:
    case TCG_OP_fcmp:
        return extent_zero(1, w);
    case TCG_OP_clz:
    case TCG_OP_ctz:
    case TCG_OP_popcnt:
        return extent_zero(7, w);
    case TCG_OP_and:
        if (tcg_ref_is_const(b)) {
            return extent_zero(extent_const(tcg_ref_const(tb, b), w).z, w);
        }
        break;
    case TCG_OP_shr:
        if (tcg_ref_is_const(b)) {
            return extent_zero(w - (tcg_ref_const(tb, b) & (w - 1)), w);
        }
        break;
    case TCG_OP_sar:
        if (tcg_ref_is_const(b)) {
            return (Extent){ w, w - (tcg_ref_const(tb, b) & (w - 1)) };
        }
        break;
    default:
        break;
    }
    return (Extent){ w, w };
}

/* ---- unary ---- */

static TcgVal fold_extend(TcgBlock *tb, TcgOp op, TcgVal x)
{
    Extent e = extent_of(tb, x);
    unsigned n = op == TCG_OP_sext8 || op == TCG_OP_zext8 ? 8 : 16;
    bool is_signed = op == TCG_OP_sext8 || op == TCG_OP_sext16;
    const TcgInsn *in = def(tb, x);

    if (is_signed ? e.s <= n : e.z <= n) {
        return x;
    }
    /* An extension of at least n bits below changes nothing here. */
    if (in != NULL &&
        (in->op == TCG_OP_sext16 || in->op == TCG_OP_zext16 ||
         (n == 8 && (in->op == TCG_OP_sext8 || in->op == TCG_OP_zext8)))) {
        return tcg_unary(tb, op, x.type, 0, operand(tb, x, 0));
    }
    return no_fold;
}

/* sext32, zext32 of an I32; @op. */
static TcgVal fold_widen(TcgBlock *tb, TcgOp op, TcgVal x)
{
    if (made_by(tb, x, TCG_OP_trunc)) {
        TcgVal wide = operand(tb, x, 0);
        Extent e = extent_of(tb, wide);

        if (op == TCG_OP_sext32 ? e.s <= 32 : e.z <= 32) {
            return wide;
        }
    }
    return no_fold;
}

static TcgVal fold_field(TcgBlock *tb, TcgOp op, unsigned aux, TcgVal x)
{
    unsigned pos = TCG_FIELD_POS(aux), len = TCG_FIELD_LEN(aux);
    unsigned w = type_bits(x.type);
    bool is_signed = op == TCG_OP_sextr;

    assert(len >= 1 && pos < w && len <= w - pos);
    if (len == w) {
        return x;
    }
    if (pos == 0 && len == 8) {
        return is_signed ? tcg_sext8(tb, x) : tcg_zext8(tb, x);
    }
    if (pos == 0 && len == 16) {
        return is_signed ? tcg_sext16(tb, x) : tcg_zext16(tb, x);
    }
    if (pos == 0 && len == 32) {
        TcgVal low = tcg_trunc(tb, x);

        return is_signed ? tcg_sext32(tb, low) : tcg_zext32(tb, low);
    }
    if (pos + len == w) {
        return is_signed ? tcg_sari(tb, x, pos) : tcg_shri(tb, x, pos);
    }
    if (pos == 0) {
        Extent e = extent_of(tb, x);

        if (is_signed ? e.s <= len : e.z <= len) {
            return x;
        }
    }
    return no_fold;
}

/* Does @op undo @inner: op(inner(x)) = x? */
static bool undoes(TcgOp op, TcgOp inner)
{
    switch (op) {
    case TCG_OP_neg:
    case TCG_OP_not:
    case TCG_OP_bswap:
    case TCG_OP_brev8:
    case TCG_OP_fneg:
        return inner == op;
    case TCG_OP_trunc:
        return inner == TCG_OP_sext32 || inner == TCG_OP_zext32;
    case TCG_OP_funbox:
        return inner == TCG_OP_fbox;
    case TCG_OP_bits_fi:
        return inner == TCG_OP_bits_if;
    case TCG_OP_bits_if:
        return inner == TCG_OP_bits_fi;
    default:
        return false;
    }
}

TcgVal tcg_fold_unary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux,
                      TcgVal x)
{
    const TcgInsn *in = def(tb, x);
    uint64_t c;

    if (const_bits(tb, x, &c)) {
        return tcg_const_typed(tb, type, tcg_eval(op, type, aux, x.type, c, 0));
    }
    if (undoes(op, (TcgOp)in->op)) {
        return operand(tb, x, 0);
    }
    switch (op) {
    case TCG_OP_trunc:
        /* the low half of a boxed F32 */
        if (in->op == TCG_OP_bits_fi &&
            made_by(tb, operand(tb, x, 0), TCG_OP_fbox)) {
            return tcg_bits_of_fp(tb, operand(tb, operand(tb, x, 0), 0));
        }
        return no_fold;
    case TCG_OP_sext8:
    case TCG_OP_sext16:
    case TCG_OP_zext8:
    case TCG_OP_zext16:
        return fold_extend(tb, op, x);
    case TCG_OP_sext32:
    case TCG_OP_zext32:
        return fold_widen(tb, op, x);
    case TCG_OP_extr:
    case TCG_OP_sextr:
        return fold_field(tb, op, aux, x);
    case TCG_OP_neg:
        if (in->op == TCG_OP_sub) {
            return tcg_sub(tb, operand(tb, x, 1), operand(tb, x, 0));
        }
        return no_fold;
    case TCG_OP_fabs:
        if (in->op == TCG_OP_fabs) {
            return x;
        }
        if (in->op == TCG_OP_fneg) {
            return tcg_fabs(tb, operand(tb, x, 0));
        }
        return no_fold;
    default:
        return no_fold;
    }
}

/* ---- binary ---- */

/* (x op c1) op c2 = x op (c1 op c2) for add, and, or, xor. */
static TcgVal fold_chain(TcgBlock *tb, TcgOp op, TcgVal x, TcgVal y)
{
    TcgVal c1;

    if (!made_by(tb, x, op)) {
        return no_fold;
    }
    c1 = operand(tb, x, 1);
    if (!tcg_ref_is_const(c1.ref)) {
        return no_fold;
    }
    return tcg_binary(tb, op, x.type, 0, operand(tb, x, 0),
                      tcg_binary(tb, op, x.type, 0, c1, y));
}

static TcgVal fold_and_const(TcgBlock *tb, TcgVal x, uint64_t c)
{
    Extent e = extent_of(tb, x);

    if (c == 0) {
        return tcg_const_like(tb, x, 0);
    }
    if ((c & bit_mask(e.z)) == bit_mask(e.z)) {
        return x;
    }
    switch (c) {
    case 0xff:
        return tcg_zext8(tb, x);
    case 0xffff:
        return tcg_zext16(tb, x);
    case 0xffffffff:
        return tcg_zext32(tb, tcg_trunc(tb, x));
    default:
        return no_fold;
    }
}

/* Shifts and rotates by the constant @c, already modulo the width @w. */
static TcgVal fold_shift_const(TcgBlock *tb, TcgOp op, TcgVal x, unsigned c,
                               unsigned w)
{
    uint64_t below;
    TcgVal inner;

    if (c == 0) {
        return x;
    }
    if (op == TCG_OP_rotl) {
        return tcg_rotr(tb, x, tcg_const_like(tb, x, w - c));
    }
    if (!(made_by(tb, x, TCG_OP_shl) || made_by(tb, x, TCG_OP_shr) ||
          made_by(tb, x, TCG_OP_sar)) ||
        !const_bits(tb, operand(tb, x, 1), &below)) {
        return no_fold;
    }
    below &= w - 1;
    inner = operand(tb, x, 0);
    if (made_by(tb, x, op)) { /* twice the same way */
        if (below + c < w) {
            return tcg_binary(tb, op, x.type, 0, inner,
                              tcg_const_like(tb, x, below + c));
        }
        return op == TCG_OP_sar ? tcg_sari(tb, inner, w - 1)
                                : tcg_const_like(tb, x, 0);
    }
    if (made_by(tb, x, TCG_OP_shl) && c >= below) { /* a field */
        if (op == TCG_OP_shr) {
            return tcg_extr(tb, inner, c - below, w - c);
        }
        if (op == TCG_OP_sar) {
            return tcg_sextr(tb, inner, c - below, w - c);
        }
    }
    return no_fold;
}

static TcgVal fold_mul_const(TcgBlock *tb, TcgVal x, uint64_t c, uint64_t ones)
{
    if (c == 0) {
        return tcg_const_like(tb, x, 0);
    }
    if (c == ones) {
        return tcg_neg(tb, x);
    }
    if (is_power_of_2(c)) {
        return tcg_shli(tb, x, __builtin_ctzll(c));
    }
    return no_fold;
}

static TcgVal fold_divu_const(TcgBlock *tb, TcgOp op, TcgVal x, uint64_t c)
{
    if (!is_power_of_2(c)) {
        return no_fold;
    }
    return op == TCG_OP_divu ? tcg_shri(tb, x, __builtin_ctzll(c))
                             : tcg_andi(tb, x, c - 1);
}

/* y is the constant @c. */
static TcgVal fold_const_right(TcgBlock *tb, TcgOp op, unsigned aux, TcgVal x,
                               TcgVal y, uint64_t c)
{
    unsigned w = type_bits(x.type);
    uint64_t ones = bit_mask(w);

    switch (op) {
    case TCG_OP_add:
        return c == 0 ? x : fold_chain(tb, op, x, y);
    case TCG_OP_sub:
        return tcg_addi(tb, x, -c);
    case TCG_OP_mul:
        return fold_mul_const(tb, x, c, ones);
    case TCG_OP_and: {
        TcgVal v = fold_and_const(tb, x, c);

        return v.ref != TCG_REF_NONE ? v : fold_chain(tb, op, x, y);
    }
    case TCG_OP_or:
        return c == 0 ? x : c == ones ? y : fold_chain(tb, op, x, y);
    case TCG_OP_xor:
        if (c == 0) {
            return x;
        }
        if (c == ones) {
            return tcg_not(tb, x);
        }
        if (c == 1 && made_by(tb, x, TCG_OP_setcc)) {
            return tcg_setcc(tb, x.type,
                             tcg_cond_invert((TcgCond)tb->insn[x.ref].aux),
                             operand(tb, x, 0), operand(tb, x, 1));
        }
        return fold_chain(tb, op, x, y);
    case TCG_OP_andn:
        return tcg_andi(tb, x, ~c);
    case TCG_OP_orn:
        return tcg_ori(tb, x, ~c);
    case TCG_OP_shl:
    case TCG_OP_shr:
    case TCG_OP_sar:
    case TCG_OP_rotl:
    case TCG_OP_rotr:
        if (c >= w) {
            return tcg_binary(tb, op, x.type, aux, x,
                              tcg_const_like(tb, x, c & (w - 1)));
        }
        return fold_shift_const(tb, op, x, c, w);
    case TCG_OP_divs:
        return c == 1 ? x : no_fold;
    case TCG_OP_divu:
    case TCG_OP_remu:
        return fold_divu_const(tb, op, x, c);
    case TCG_OP_rems:
        return c == 1 ? tcg_const_like(tb, x, 0) : no_fold;
    case TCG_OP_umin:
        return c == 0 ? y : c == ones ? x : no_fold;
    case TCG_OP_umax:
        return c == 0 ? x : c == ones ? y : no_fold;
    case TCG_OP_mulhs:
    case TCG_OP_mulhu:
    case TCG_OP_mulhsu:
    case TCG_OP_clmul:
    case TCG_OP_clmulh:
        return c == 0 ? y : no_fold;
    default:
        return no_fold;
    }
}

/* x is the constant @c; only for ops that do not commute. */
static TcgVal fold_const_left(TcgBlock *tb, TcgOp op, TcgVal x, TcgVal y,
                              uint64_t c)
{
    switch (op) {
    case TCG_OP_sub:
        return c == 0 ? tcg_neg(tb, y) : no_fold;
    case TCG_OP_andn:
        if (c == bit_mask(type_bits(x.type))) {
            return tcg_not(tb, y);
        }
        return c == 0 ? x : no_fold;
    case TCG_OP_shl:
    case TCG_OP_shr:
    case TCG_OP_sar:
    case TCG_OP_rotl:
    case TCG_OP_rotr:
        return c == 0 ? x : no_fold;
    default:
        return no_fold;
    }
}

/* Both operands are the same value. */
static TcgVal fold_same(TcgBlock *tb, TcgOp op, TcgVal x)
{
    switch (op) {
    case TCG_OP_sub:
    case TCG_OP_xor:
    case TCG_OP_andn:
        return tcg_const_like(tb, x, 0);
    case TCG_OP_orn:
        return tcg_const_like(tb, x, -1);
    case TCG_OP_and:
    case TCG_OP_or:
    case TCG_OP_smin:
    case TCG_OP_smax:
    case TCG_OP_umin:
    case TCG_OP_umax:
    case TCG_OP_fcpysgn:
        return x;
    default:
        return no_fold;
    }
}

/* x and ~y, or two setcc glued: what looks at both operands' makers. */
static TcgVal fold_with_not(TcgBlock *tb, TcgOp op, TcgVal x, TcgVal y)
{
    TcgOp with_not = op == TCG_OP_and ? TCG_OP_andn : TCG_OP_orn;

    if (op != TCG_OP_and && op != TCG_OP_or) {
        return no_fold;
    }
    if (made_by(tb, y, TCG_OP_not)) {
        return tcg_binary(tb, with_not, x.type, 0, x, operand(tb, y, 0));
    }
    if (made_by(tb, x, TCG_OP_not)) {
        return tcg_binary(tb, with_not, x.type, 0, y, operand(tb, x, 0));
    }
    return no_fold;
}

TcgVal tcg_fold_binary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux,
                       TcgVal x, TcgVal y)
{
    uint64_t c, d;

    /* A code address plus a number stays one. */
    if (is_pc(tb, x) && tcg_ref_is_const(y.ref) && !is_pc(tb, y) &&
        (op == TCG_OP_add || op == TCG_OP_sub)) {
        c = tcg_ref_const(tb, x.ref);
        d = tcg_ref_const(tb, y.ref);
        return tcg_const_pc(tb, op == TCG_OP_add ? c + d : c - d);
    }
    if (is_pc(tb, y) && tcg_ref_is_const(x.ref) && !is_pc(tb, x) &&
        op == TCG_OP_add) {
        return tcg_fold_binary(tb, op, type, aux, y, x);
    }
    if (tcg_ref_is_const(x.ref) && const_bits(tb, y, &d) &&
        const_bits(tb, x, &c)) {
        return tcg_const_typed(tb, type, tcg_eval(op, type, aux, x.type, c, d));
    }
    if (op == TCG_OP_bfi && TCG_FIELD_LEN(aux) == type_bits(type)) {
        return y;
    }
    if (op == TCG_OP_setcc || op == TCG_OP_bfi || tcg_type_is_fp(type)) {
        return x.ref == y.ref && op == TCG_OP_fcpysgn ? x : no_fold;
    }
    if (x.ref == y.ref) {
        return fold_same(tb, op, x);
    }
    if (tcg_ref_is_const(y.ref)) {
        if (is_pc(tb, y)) { /* x + pc: left as it is */
            return no_fold;
        }
        return fold_const_right(tb, op, aux, x, y, tcg_ref_const(tb, y.ref));
    }
    if (tcg_ref_is_const(x.ref)) {
        if (is_pc(tb, x)) {
            return no_fold;
        }
        return fold_const_left(tb, op, x, y, tcg_ref_const(tb, x.ref));
    }
    return fold_with_not(tb, op, x, y);
}

/* ---- comparisons ---- */

static bool cond_of_equals(TcgCond c)
{
    return c == TCG_EQ || c == TCG_GE || c == TCG_LE || c == TCG_GEU ||
           c == TCG_LEU;
}

/* Signed to unsigned order. */
static TcgCond cond_unsigned(TcgCond c)
{
    return c >= TCG_LT && c <= TCG_GT ? (TcgCond)(c + TCG_LTU - TCG_LT) : c;
}

/* Against the constants 0, 1 and all ones: outcome, or -1 and maybe a simpler
 * condition against 0. */
static int fold_cond_const(TcgBlock *tb, TcgCond *cond, TcgVal x, TcgVal *y)
{
    uint64_t c = tcg_ref_const(tb, y->ref);
    uint64_t ones = bit_mask(type_bits(x.type));
    TcgCond to;

    if (c == 0) {
        switch (*cond) {
        case TCG_LTU:
        case TCG_TSTNE:
            return 0;
        case TCG_GEU:
        case TCG_TSTEQ:
            return 1;
        case TCG_LEU:
            *cond = TCG_EQ;
            return -1;
        case TCG_GTU:
            *cond = TCG_NE;
            return -1;
        default:
            return -1;
        }
    }
    if (c == 1 && (*cond == TCG_LTU || *cond == TCG_GEU)) {
        to = *cond == TCG_LTU ? TCG_EQ : TCG_NE;
    } else if (c == ones && (*cond == TCG_TSTEQ || *cond == TCG_TSTNE)) {
        to = *cond == TCG_TSTEQ ? TCG_EQ : TCG_NE;
    } else {
        return -1;
    }
    *cond = to;
    *y = tcg_const_like(tb, x, 0);
    return -1;
}

/* Compare 32-bit values as such when both sides are extensions. */
static bool narrow_cond(TcgBlock *tb, TcgCond *cond, TcgVal *x, TcgVal *y)
{
    bool sx = made_by(tb, *x, TCG_OP_sext32);
    bool zx = made_by(tb, *x, TCG_OP_zext32);
    uint64_t c;

    if (!sx && !zx) {
        return false;
    }
    if (tcg_ref_is_const(y->ref)) {
        c = tcg_ref_const(tb, y->ref);
        if (sx ? c != (uint64_t)(int32_t)c : c != (uint32_t)c) {
            return false;
        }
        *y = tcg_const32(tb, (int32_t)c);
    } else if (made_by(tb, *y, sx ? TCG_OP_sext32 : TCG_OP_zext32)) {
        *y = operand(tb, *y, 0);
    } else {
        return false;
    }
    *x = operand(tb, *x, 0);
    *cond = zx ? cond_unsigned(*cond) : *cond;
    return true;
}

/* (x is a comparison, difference or mask) ==/!= constant: look through it. */
static bool through_cond(TcgBlock *tb, TcgCond *cond, TcgVal *x, TcgVal *y)
{
    const TcgInsn *in = def(tb, *x);
    uint64_t c = tcg_ref_const(tb, y->ref);
    TcgVal a, b;

    if (in == NULL || (*cond != TCG_EQ && *cond != TCG_NE)) {
        return false;
    }
    if (in->op == TCG_OP_setcc && c <= 1) {
        *cond = (c == 0) == (*cond == TCG_EQ)
                    ? tcg_cond_invert((TcgCond)in->aux)
                    : (TcgCond)in->aux;
    } else if ((in->op == TCG_OP_sub || in->op == TCG_OP_xor) && c == 0) {
        /* x - y == 0 */
    } else if (in->op == TCG_OP_and && c == 0) {
        *cond = *cond == TCG_EQ ? TCG_TSTEQ : TCG_TSTNE;
    } else {
        return false;
    }
    a = operand(tb, *x, 0);
    b = operand(tb, *x, 1);
    *x = a;
    *y = b;
    return true;
}

static int fold_cond_once(TcgBlock *tb, TcgCond *cond, TcgVal *x, TcgVal *y,
                          bool *again)
{
    uint64_t c, d;

    *again = false;
    if (tcg_ref_is_const(x->ref) && !tcg_ref_is_const(y->ref)) {
        TcgVal t = *x;
        *x = *y;
        *y = t;
        *cond = tcg_cond_swap(*cond);
    }
    if (tcg_ref_is_const(x->ref) && const_bits(tb, *x, &c) &&
        const_bits(tb, *y, &d)) {
        return tcg_cond_eval(*cond, x->type, c, d);
    }
    if (x->ref == y->ref) {
        if (*cond == TCG_TSTEQ || *cond == TCG_TSTNE) {
            *cond = *cond == TCG_TSTEQ ? TCG_EQ : TCG_NE;
            *y = tcg_const_like(tb, *x, 0);
            *again = true;
            return -1;
        }
        return cond_of_equals(*cond);
    }
    if (tcg_ref_is_const(y->ref) && !is_pc(tb, *y)) {
        int known = fold_cond_const(tb, cond, *x, y);

        if (known >= 0) {
            return known;
        }
        *again = narrow_cond(tb, cond, x, y) || through_cond(tb, cond, x, y);
    } else {
        *again = narrow_cond(tb, cond, x, y);
    }
    return -1;
}

int tcg_fold_cond(TcgBlock *tb, TcgCond *cond, TcgVal *x, TcgVal *y)
{
    bool again = true;
    int known = -1;

    assert(x->type == y->type && tcg_type_is_int(x->type));
    for (unsigned i = 0; i < 6 && again && known < 0; i++) {
        known = fold_cond_once(tb, cond, x, y, &again);
    }
    return known;
}
