/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector masks and permutations as called by translated code.
 *
 * Spec: Unprivileged ISA 20240411, 31.15 (masks), 31.16 (permutations).
 */
#include "tandem/base.h"

#include "target/riscv/helper.h"
#include "target/riscv/vec_helper.h"

static bool is_active(const RiscvEnv *env, VecDesc desc, size_t i)
{
    return !(desc >> VD_MASKED & 1) || vec_mask_bit(env->vreg, i);
}

/* --- mask logic (31.15.1) --- */

static uint8_t mask_logic(unsigned op, uint8_t x, uint8_t y)
{
    switch (op) {
    case V_MASK_ANDN:
        return x & ~y;
    case V_MASK_AND:
        return x & y;
    case V_MASK_OR:
        return x | y;
    case V_MASK_XOR:
        return x ^ y;
    case V_MASK_ORN:
        return x | ~y;
    case V_MASK_NAND:
        return ~(x & y);
    case V_MASK_NOR:
        return ~(x | y);
    default:
        return ~(x ^ y);
    }
}

static void mask_bytes_logic(RiscvEnv *env, VecDesc desc)
{
    unsigned op = bits_get(desc, VD_OP, 8);
    uint8_t *d = vec_reg(env, desc, VD_D);
    const uint8_t *a = vec_reg(env, desc, VD_S2);
    const uint8_t *b = vec_reg(env, desc, VD_S1);
    size_t from = env->vstart, to = env->vl;

    for (size_t k = from / 8; k * 8 < to; k++) {
        uint8_t r = mask_logic(op, a[k], b[k]), keep = 0;

        if (k * 8 < from) {
            keep = bit_mask(from % 8);
        }
        if (to - k * 8 < 8) {
            keep |= 0xffu << (to - k * 8);
        }
        d[k] = (d[k] & keep) | (r & ~keep);
    }
}

/* vmsbf, vmsof, vmsif: before, only, including the first set bit
 * (31.15.4 to 31.15.6); from vstart 0 only. */
static void mask_first(RiscvEnv *env, VecDesc desc)
{
    unsigned op = bits_get(desc, VD_OP, 8);
    uint8_t *d = vec_reg(env, desc, VD_D);
    const uint8_t *a = vec_reg(env, desc, VD_S2);
    bool found = false;

    for (size_t i = 0; i < env->vl; i++) {
        bool first;

        if (!is_active(env, desc, i)) {
            continue;
        }
        first = !found && vec_mask_bit(a, i);
        found |= first;
        vec_mask_set(d, i,
                     op == V_MASK_SOF   ? first
                     : op == V_MASK_SIF ? first || !found
                                        : !found);
    }
}

static void iota(RiscvEnv *env, VecDesc desc)
{
    unsigned sew = bits_get(desc, VD_SEW, 2);
    uint8_t *d = vec_reg(env, desc, VD_D);
    const uint8_t *a = vec_reg(env, desc, VD_S2);
    uint64_t count = 0;
    bool id = bits_get(desc, VD_OP, 8) == V_MASK_ID;

    for (size_t i = env->vstart; i < env->vl; i++) {
        if (is_active(env, desc, i)) {
            vec_put(d, i, sew, id ? i : count);
            count += !id && vec_mask_bit(a, i);
        }
    }
}

static void do_v_mask(RiscvEnv *env, uint64_t desc)
{
    unsigned op = bits_get(desc, VD_OP, 8);

    if (op <= V_MASK_XNOR) {
        mask_bytes_logic(env, desc);
    } else if (op <= V_MASK_SIF) {
        mask_first(env, desc);
    } else {
        iota(env, desc);
    }
    env->vstart = 0;
}

/* 64 active bits of vs2 from element @i, which is a multiple of 64. */
static uint64_t active_bits(const RiscvEnv *env, const uint8_t *a, VecDesc desc,
                            size_t i)
{
    uint64_t v = 0, m = 0;
    size_t bytes = MIN((size_t)8, env->cfg->vlenb - i / 8);

    memcpy(&v, a + i / 8, bytes);
    if (desc >> VD_MASKED & 1) {
        memcpy(&m, env->vreg + i / 8, bytes);
        v &= m;
    }
    return env->vl - i < 64 ? v & bit_mask(env->vl - i) : v;
}

static uint64_t do_v_cpop(RiscvEnv *env, uint64_t desc)
{
    const uint8_t *a = vec_reg(env, desc, VD_S2);
    uint64_t n = 0;

    for (size_t i = 0; i < env->vl; i += 64) {
        n += (unsigned)__builtin_popcountll(active_bits(env, a, desc, i));
    }
    return n;
}

static uint64_t do_v_first(RiscvEnv *env, uint64_t desc)
{
    const uint8_t *a = vec_reg(env, desc, VD_S2);

    for (size_t i = 0; i < env->vl; i += 64) {
        uint64_t v = active_bits(env, a, desc, i);

        if (v != 0) {
            return i + (unsigned)__builtin_ctzll(v);
        }
    }
    return UINT64_MAX;
}

/* --- permutations --- */

/* Element @i of vs2, 0 from VLMAX on (31.16.4). */
static void gather(RiscvEnv *env, VecDesc desc, uint64_t scalar)
{
    unsigned sew = bits_get(desc, VD_SEW, 2);
    unsigned eew = bits_get(desc, VD_EEW, 2);
    size_t vlmax = (size_t)1 << bits_get(desc, VD_VLMAX, 4);
    bool by_scalar = bits_get(desc, VD_OP, 8) == V_PERM_GATHER_X;
    uint8_t *d = vec_reg(env, desc, VD_D);
    const uint8_t *a = vec_reg(env, desc, VD_S2);
    const uint8_t *b = vec_reg(env, desc, VD_S1);

    for (size_t i = env->vstart; i < env->vl; i++) {
        if (is_active(env, desc, i)) {
            uint64_t at = by_scalar ? scalar : vec_get(b, i, eew);

            vec_put(d, i, sew, at < vlmax ? vec_get(a, at, sew) : 0);
        }
    }
}

/* The same without masks, by element and index size. */
#define GATHER(T, I)                                                           \
    static void gather_##T##_##I(uint8_t *dp, const uint8_t *ap,               \
                                 const uint8_t *bp, size_t n, size_t vlmax)    \
    {                                                                          \
        T *d = (T *)dp;                                                        \
        const T *a = (const T *)ap;                                            \
        const I *b = (const I *)bp;                                            \
                                                                               \
        for (size_t i = 0; i < n; i++) {                                       \
            d[i] = b[i] < vlmax ? a[b[i]] : 0;                                 \
        }                                                                      \
    }
/* clang-format off */
GATHER(uint8_t, uint8_t)
GATHER(uint8_t, uint16_t)
GATHER(uint16_t, uint16_t)
GATHER(uint32_t, uint16_t)
GATHER(uint64_t, uint16_t)
GATHER(uint32_t, uint32_t)
GATHER(uint64_t, uint64_t)
/* clang-format on */

typedef void GatherFn(uint8_t *d, const uint8_t *a, const uint8_t *b, size_t n,
                      size_t vlmax);
/* by element and index size; vrgatherei16 and vrgather have no others */
static GatherFn *const gathers[4][4] = {
    { gather_uint8_t_uint8_t, gather_uint8_t_uint16_t },
    { NULL, gather_uint16_t_uint16_t },
    { NULL, gather_uint32_t_uint16_t, gather_uint32_t_uint32_t },
    { NULL, gather_uint64_t_uint16_t, NULL, gather_uint64_t_uint64_t },
};

static void gather_any(RiscvEnv *env, VecDesc desc, uint64_t scalar)
{
    unsigned op = bits_get(desc, VD_OP, 8);

    if (op == V_PERM_GATHER && env->vstart == 0 && !(desc >> VD_MASKED & 1)) {
        gathers[bits_get(desc, VD_SEW, 2)][bits_get(desc, VD_EEW, 2)](
            vec_reg(env, desc, VD_D), vec_reg(env, desc, VD_S2),
            vec_reg(env, desc, VD_S1), env->vl,
            (size_t)1 << bits_get(desc, VD_VLMAX, 4));
        return;
    }
    gather(env, desc, scalar);
}

/* Copy elements [from, to) of vd from those @by earlier (or later) of vs2,
 * zeros from VLMAX on. */
static void slide(RiscvEnv *env, VecDesc desc, size_t from, size_t to,
                  int64_t by)
{
    unsigned sew = bits_get(desc, VD_SEW, 2);
    int64_t vlmax = (int64_t)1 << bits_get(desc, VD_VLMAX, 4);
    uint8_t *d = vec_reg(env, desc, VD_D);
    const uint8_t *a = vec_reg(env, desc, VD_S2);

    if (from >= to) {
        return;
    }
    if (desc >> VD_MASKED & 1) {
        for (size_t i = from; i < to; i++) {
            int64_t at = (int64_t)i + by;

            if (vec_mask_bit(env->vreg, i)) {
                vec_put(d, i, sew, at < vlmax ? vec_get(a, at, sew) : 0);
            }
        }
        return;
    }
    size_t whole = (int64_t)from + by >= vlmax
                       ? 0
                       : MIN(to - from, (size_t)(vlmax - (int64_t)from - by));
    if (whole != 0) {
        memmove(d + (from << sew), a + (((int64_t)from + by) << sew),
                whole << sew);
    }
    memset(d + ((from + whole) << sew), 0, (to - from - whole) << sew);
}

static void put_if_active(RiscvEnv *env, VecDesc desc, size_t i, uint64_t v)
{
    if (i >= env->vstart && i < env->vl && is_active(env, desc, i)) {
        vec_put(vec_reg(env, desc, VD_D), i, bits_get(desc, VD_SEW, 2), v);
    }
}

/* The active elements of vs2, by vs1, to the front (31.16.5). */
static void compress(RiscvEnv *env, VecDesc desc)
{
    unsigned sew = bits_get(desc, VD_SEW, 2);
    uint8_t *d = vec_reg(env, desc, VD_D);
    const uint8_t *a = vec_reg(env, desc, VD_S2);
    const uint8_t *m = vec_reg(env, desc, VD_S1);
    size_t n = 0;

    for (size_t i = 0; i < env->vl; i++) {
        if (vec_mask_bit(m, i)) {
            vec_put(d, n++, sew, vec_get(a, i, sew));
        }
    }
}

/* vmv<n>r.v: vstart counts elements of SEW (31.16.6). */
static void move_whole(RiscvEnv *env, VecDesc desc)
{
    size_t bytes = (size_t)env->cfg->vlenb << bits_get(desc, VD_EMUL, 4);
    size_t from = (size_t)env->vstart << bits_get(desc, VD_SEW, 2);

    if (from < bytes) {
        memmove(vec_reg(env, desc, VD_D) + from,
                vec_reg(env, desc, VD_S2) + from, bytes - from);
    }
}

static void do_v_perm(RiscvEnv *env, uint64_t desc, uint64_t scalar)
{
    size_t from = env->vstart, vl = env->vl;
    size_t vlmax = (size_t)1 << bits_get(desc, VD_VLMAX, 4);

    switch (bits_get(desc, VD_OP, 8)) {
    case V_PERM_GATHER:
    case V_PERM_GATHER_X:
        gather_any(env, desc, scalar);
        break;
    case V_PERM_UP:
        scalar = MIN(scalar, vl);
        slide(env, desc, MAX(from, scalar), vl, -(int64_t)scalar);
        break;
    case V_PERM_DOWN:
        slide(env, desc, from, vl, (int64_t)MIN(scalar, vlmax));
        break;
    case V_PERM_UP1:
        slide(env, desc, MAX(from, 1), vl, -1);
        put_if_active(env, desc, 0, scalar);
        break;
    case V_PERM_DOWN1:
        if (vl != 0) {
            slide(env, desc, from, vl - 1, 1);
            put_if_active(env, desc, vl - 1, scalar);
        }
        break;
    case V_PERM_COMPRESS:
        compress(env, desc);
        break;
    case V_PERM_MOVE:
        move_whole(env, desc);
        break;
    }
    env->vstart = 0;
}

/* clang-format off */
#define VHELPER(id, ret_, flags_, n, ...)                              \
    const TcgHelper riscv_helper_##id = {                              \
        .name = "riscv_" #id, .fn = do_##id, .ret = ret_, .nargs = n,  \
        .arg = { __VA_ARGS__ }, .flags = flags_,                       \
        .reads = &tcg_slots_none, .writes = &tcg_slots_none            \
    }
VHELPER(v_mask, TCG_NONE, TCG_H_NOFAULT, 1, TCG_I64);
VHELPER(v_cpop, TCG_I64, TCG_H_NOFAULT, 1, TCG_I64);
VHELPER(v_first, TCG_I64, TCG_H_NOFAULT, 1, TCG_I64);
VHELPER(v_perm, TCG_NONE, TCG_H_NOFAULT, 2, TCG_I64, TCG_I64);
/* clang-format on */
