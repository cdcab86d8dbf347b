/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreter's floating point (host FPU plus the guest's rules) against
 * our soft float, which knows no host FPU: results and flags, all roundings.
 */
#include "tandem/base.h"

#include "machine.h"
#include "tcg/internal.h"
#include "target/softfloat/softfloat.h"

typedef struct Case {
    TcgOp op;
    TcgType type, from;
    unsigned aux; /* without rounding */
    unsigned round;
    uint64_t x, y, z;
} Case;

/* What soft float says: result bits, flags in *st. */
static uint64_t soft64(const Case *c, FloatStatus *st)
{
    switch (c->op) {
    case TCG_OP_fadd:
        return f64_add(c->x, c->y, st);
    case TCG_OP_fsub:
        return f64_sub(c->x, c->y, st);
    case TCG_OP_fmul:
        return f64_mul(c->x, c->y, st);
    case TCG_OP_fdiv:
        return f64_div(c->x, c->y, st);
    case TCG_OP_fsqrt:
        return f64_sqrt(c->x, st);
    case TCG_OP_fmin:
        return f64_min(c->x, c->y, st);
    case TCG_OP_fmax:
        return f64_max(c->x, c->y, st);
    case TCG_OP_fround:
        return f64_round_int(c->x, true, st);
    case TCG_OP_fma:
        return f64_muladd(c->x, c->y, c->z,
                          (c->aux & TCG_FP_NEG_PROD ? FLOAT_NEG_PRODUCT : 0) |
                              (c->aux & TCG_FP_NEG_ADD ? FLOAT_NEG_ADDEND : 0),
                          st);
    default:
        g_assert_not_reached();
    }
}

static uint64_t soft32(const Case *c, FloatStatus *st)
{
    uint32_t x = (uint32_t)c->x, y = (uint32_t)c->y, z = (uint32_t)c->z;

    switch (c->op) {
    case TCG_OP_fadd:
        return f32_add(x, y, st);
    case TCG_OP_fsub:
        return f32_sub(x, y, st);
    case TCG_OP_fmul:
        return f32_mul(x, y, st);
    case TCG_OP_fdiv:
        return f32_div(x, y, st);
    case TCG_OP_fsqrt:
        return f32_sqrt(x, st);
    case TCG_OP_fmin:
        return f32_min(x, y, st);
    case TCG_OP_fmax:
        return f32_max(x, y, st);
    case TCG_OP_fround:
        return f32_round_int(x, true, st);
    case TCG_OP_fma:
        return f32_muladd(x, y, z,
                          (c->aux & TCG_FP_NEG_PROD ? FLOAT_NEG_PRODUCT : 0) |
                              (c->aux & TCG_FP_NEG_ADD ? FLOAT_NEG_ADDEND : 0),
                          st);
    default:
        g_assert_not_reached();
    }
}

static uint64_t soft_to_int(const Case *c, FloatStatus *st)
{
    bool s = c->op == TCG_OP_fcvt_fs, wide = c->type == TCG_I64;
    uint32_t x = (uint32_t)c->x;

    if (c->from == TCG_F64) {
        return wide
                   ? (s ? (uint64_t)f64_to_i64(c->x, st) : f64_to_u64(c->x, st))
                   : (s ? (uint32_t)f64_to_i32(c->x, st)
                        : f64_to_u32(c->x, st));
    }
    return wide ? (s ? (uint64_t)f32_to_i64(x, st) : f32_to_u64(x, st))
                : (s ? (uint32_t)f32_to_i32(x, st) : f32_to_u32(x, st));
}

static uint64_t soft_from_int(const Case *c, FloatStatus *st)
{
    bool s = c->op == TCG_OP_fcvt_sf, wide = c->from == TCG_I64;
    uint32_t x = (uint32_t)c->x;

    if (c->type == TCG_F64) {
        return wide ? (s ? i64_to_f64((int64_t)c->x, st) : u64_to_f64(c->x, st))
                    : (s ? i32_to_f64((int32_t)x, st) : u32_to_f64(x, st));
    }
    return wide ? (s ? i64_to_f32((int64_t)c->x, st) : u64_to_f32(c->x, st))
                : (s ? i32_to_f32((int32_t)x, st) : u32_to_f32(x, st));
}

static uint64_t soft_fcmp(const Case *c, FloatStatus *st)
{
    TcgFpCond cond =
        (TcgFpCond)((c->aux & TCG_FP_COND_MASK) >> TCG_FP_COND_SHIFT);
    bool loud = cond == TCG_FLT || cond == TCG_FLE;
    uint32_t x = (uint32_t)c->x, y = (uint32_t)c->y;
    FloatRelation r;

    if (c->from == TCG_F64) {
        r = loud ? f64_compare(c->x, c->y, st)
                 : f64_compare_quiet(c->x, c->y, st);
    } else {
        r = loud ? f32_compare(x, y, st) : f32_compare_quiet(x, y, st);
    }
    switch (cond) {
    case TCG_FEQ:
        return r == FLOAT_EQUAL;
    case TCG_FLT:
    case TCG_FLTQ:
        return r == FLOAT_LESS;
    case TCG_FLE:
    case TCG_FLEQ:
        return r == FLOAT_LESS || r == FLOAT_EQUAL;
    default:
        return r == FLOAT_UNORDERED;
    }
}

static uint64_t soft(const Case *c, FloatStatus *st)
{
    switch (c->op) {
    case TCG_OP_fcvt_fs:
    case TCG_OP_fcvt_fu:
        return soft_to_int(c, st);
    case TCG_OP_fcvt_sf:
    case TCG_OP_fcvt_uf:
        return soft_from_int(c, st);
    case TCG_OP_fcvt_ff:
        return c->type == TCG_F64 ? f32_to_f64((uint32_t)c->x, st)
                                  : f64_to_f32(c->x, st);
    case TCG_OP_fcvt_hs:
        return f16_to_f32((uint16_t)c->x, st);
    case TCG_OP_fcvt_sh:
        return f32_to_f16((uint32_t)c->x, st);
    case TCG_OP_fcmp:
        return soft_fcmp(c, st);
    default:
        return c->type == TCG_F64 ? soft64(c, st) : soft32(c, st);
    }
}

static void check(const Case *c)
{
    FloatStatus st = { .rounding = c->round, .nan_rule = FLOAT_NAN_DEFAULT };
    bool is_static = c->round == TCG_FP_RMM || (c->x & 1);
    uint32_t mxcsr = TCG_MXCSR_RESET | (is_static ? 0 : tcg_mxcsr_rc(c->round));
    unsigned round = is_static ? c->round : TCG_FP_DYN;
    uint64_t want = soft(c, &st);
    uint64_t got = tcg_eval_fp(c->op, c->type, c->aux | round, c->from, c->x,
                               c->y, c->z, &mxcsr);

    if (got != want || tcg_fpflags_of_mxcsr(mxcsr) != st.flags) {
        g_error("%s %d<-%d aux 0x%x round %u (0x%" PRIx64 ", 0x%" PRIx64
                ", 0x%" PRIx64 "): 0x%" PRIx64 " flags 0x%x, soft float says "
                "0x%" PRIx64 " flags 0x%x",
                tcg_op_info[c->op].name, c->type, c->from, c->aux, c->round,
                c->x, c->y, c->z, got, tcg_fpflags_of_mxcsr(mxcsr), want,
                st.flags);
    }
}

static uint64_t operand(TcgType t, uint64_t *state)
{
    switch (t) {
    case TCG_F32:
        return machine_special_f32(state);
    case TCG_F64:
        return machine_special_f64(state);
    case TCG_I32:
        return (uint32_t)machine_special(state);
    default:
        return machine_special(state);
    }
}

static unsigned rounds(void)
{
    return g_test_slow() ? 2000000 : 40000;
}

static void arithmetic_agrees_with_soft_float(void)
{
    static const TcgOp ops[] = { TCG_OP_fadd, TCG_OP_fsub,  TCG_OP_fmul,
                                 TCG_OP_fdiv, TCG_OP_fsqrt, TCG_OP_fma,
                                 TCG_OP_fmin, TCG_OP_fmax };
    uint64_t state = 5;

    for (unsigned n = 0; n < rounds(); n++) {
        TcgType t = n & 1 ? TCG_F64 : TCG_F32;
        Case c = { ops[n / 2 % ARRAY_SIZE(ops)], t, t };

        c.round = machine_random(&state) % 4; /* RMM: helpers */
        c.x = operand(t, &state);
        c.y = operand(t, &state);
        c.z = operand(t, &state);
        c.aux = c.op == TCG_OP_fma ? machine_random(&state) % 4 << 6 : 0;
        check(&c);
    }
}

static void conversions_agree_with_soft_float(void)
{
    static const struct {
        TcgOp op;
        TcgType type, from;
    } ops[] = {
        { TCG_OP_fcvt_fs, TCG_I32, TCG_F32 },
        { TCG_OP_fcvt_fs, TCG_I64, TCG_F32 },
        { TCG_OP_fcvt_fs, TCG_I32, TCG_F64 },
        { TCG_OP_fcvt_fs, TCG_I64, TCG_F64 },
        { TCG_OP_fcvt_fu, TCG_I32, TCG_F32 },
        { TCG_OP_fcvt_fu, TCG_I64, TCG_F32 },
        { TCG_OP_fcvt_fu, TCG_I32, TCG_F64 },
        { TCG_OP_fcvt_fu, TCG_I64, TCG_F64 },
        { TCG_OP_fround, TCG_F32, TCG_F32 },
        { TCG_OP_fround, TCG_F64, TCG_F64 },
        { TCG_OP_fcvt_sf, TCG_F32, TCG_I32 },
        { TCG_OP_fcvt_sf, TCG_F32, TCG_I64 },
        { TCG_OP_fcvt_sf, TCG_F64, TCG_I32 },
        { TCG_OP_fcvt_sf, TCG_F64, TCG_I64 },
        { TCG_OP_fcvt_uf, TCG_F32, TCG_I32 },
        { TCG_OP_fcvt_uf, TCG_F32, TCG_I64 },
        { TCG_OP_fcvt_uf, TCG_F64, TCG_I32 },
        { TCG_OP_fcvt_uf, TCG_F64, TCG_I64 },
        { TCG_OP_fcvt_ff, TCG_F64, TCG_F32 },
        { TCG_OP_fcvt_ff, TCG_F32, TCG_F64 },
        { TCG_OP_fcvt_sh, TCG_I32, TCG_F32 },
    };
    uint64_t state = 6;

    for (unsigned n = 0; n < rounds(); n++) {
        unsigned k = n % ARRAY_SIZE(ops);
        bool rmm = k < 10 || ops[k].op == TCG_OP_fcvt_sh;
        Case c = { ops[k].op, ops[k].type, ops[k].from };

        c.round = machine_random(&state) % (rmm ? 5 : 4);
        c.x = operand(c.from, &state);
        check(&c);
    }
}

static void comparisons_agree_with_soft_float(void)
{
    uint64_t state = 7;

    for (unsigned n = 0; n < rounds(); n++) {
        TcgType t = n & 1 ? TCG_F64 : TCG_F32;
        Case c = { TCG_OP_fcmp, TCG_I64, t };

        c.aux = TCG_FP_COND(n / 2 % TCG_FPCOND_COUNT);
        c.x = operand(t, &state);
        c.y = n % 5 == 0 ? c.x : operand(t, &state);
        check(&c);
    }
}

static void every_half_converts_both_ways(void)
{
    for (unsigned h = 0; h < 0x10000; h++) {
        Case up = { TCG_OP_fcvt_hs, TCG_F32, TCG_I32, 0, 0, h };
        uint32_t mxcsr = TCG_MXCSR_RESET;
        uint64_t f = tcg_eval_fp(TCG_OP_fcvt_hs, TCG_F32, TCG_FP_RNE, TCG_I32,
                                 h, 0, 0, &mxcsr);

        check(&up);
        /* the half itself, and neighbours that round to or past it */
        for (int d = -2; d <= 2; d++) {
            for (unsigned round = 0; round < 5; round++) {
                Case down = { TCG_OP_fcvt_sh, TCG_I32,          TCG_F32, 0,
                              round,          (uint32_t)(f + d) };
                Case tie = down;

                check(&down);
                tie.x = (uint32_t)(f + 0x1000 + d);
                check(&tie);
            }
        }
    }
}

/* Known answers (RISC-V Unprivileged ISA 21.2-21.7), through a block. */
static void canonical_nan_and_flags_reach_the_guest(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    TcgBlock *tb = tcg_block_begin(ctx, 0x1000, 0);
    unsigned rv = TCG_FP_DYN | TCG_FP_NAN_RISCV;
    TcgVal inf = tcg_const_typed(tb, TCG_F64, 0x7ff0000000000000);
    TcgVal f0 = tcg_slot_get(tb, SLOT_F), f1 = tcg_slot_get(tb, SLOT_F + 1);

    tcg_insn_start(tb, 0x1000);
    tcg_slot_put(tb, SLOT_W, tcg_fp_flags(tb)); /* before */
    tcg_slot_put(tb, SLOT_F + 2, tcg_fadd(tb, rv, f0, f1));
    tcg_slot_put(tb, SLOT_W + 1, tcg_fp_flags(tb)); /* after inexact */
    tcg_slot_put(tb, SLOT_F + 3, tcg_fsub(tb, rv, inf, inf));
    tcg_slot_put(tb, SLOT_X + 1,
                 tcg_fcvt(tb, TCG_OP_fcvt_fu, TCG_I64, rv, tcg_fneg(tb, f0)));
    tcg_slot_put(tb, SLOT_W + 2, tcg_fp_flags(tb));
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    m->env->f[0] = 0x3ff0000000000000; /* 1 */
    m->env->f[1] = 0x0000000000000001; /* the smallest denormal */
    m->hot->mxcsr_guest = TCG_MXCSR_RESET | tcg_mxcsr_rc(TCG_FP_RUP);
    machine_interp(m, tb);
    g_assert_cmphex(m->env->w[0], ==, 0);
    g_assert_cmphex(m->env->f[2], ==, 0x3ff0000000000001); /* rounded up */
    g_assert_cmphex(m->env->w[1], ==, TCG_FPFLAG_NX);
    g_assert_cmphex(m->env->f[3], ==, 0x7ff8000000000000);
    g_assert_cmphex(m->env->x[1], ==, 0);
    g_assert_cmphex(m->env->w[2], ==, TCG_FPFLAG_NX | TCG_FPFLAG_NV);
    machine_free(m);
    tcg_context_free(ctx);
}

static void unused_fp_results_still_raise(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    TcgBlock *tb = tcg_block_begin(ctx, 0x1000, 0);

    tcg_insn_start(tb, 0x1000);
    tcg_fdiv(tb, TCG_FP_DYN, tcg_slot_get(tb, SLOT_F),
             tcg_slot_get(tb, SLOT_F + 1));
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    m->env->f[0] = 0x3ff0000000000000;
    m->env->f[1] = 0;
    machine_interp(m, tb);
    g_assert_cmphex(tcg_fpflags_of_mxcsr(m->hot->mxcsr_guest), ==,
                    TCG_FPFLAG_DZ);
    machine_free(m);
    tcg_context_free(ctx);
}

static void boxing_checks_the_upper_half(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    TcgBlock *tb = tcg_block_begin(ctx, 0x1000, 0);

    tcg_insn_start(tb, 0x1000);
    for (unsigned i = 0; i < 3; i++) {
        tcg_slot_put(tb, SLOT_G + i,
                     tcg_funbox(tb, tcg_slot_get(tb, SLOT_F + i)));
    }
    tcg_slot_put(tb, SLOT_F + 4, tcg_fbox(tb, tcg_slot_get(tb, SLOT_G + 3)));
    tcg_slot_put(tb, SLOT_F + 5,
                 tcg_fcpysgn(tb, tcg_slot_get(tb, SLOT_F),
                             tcg_slot_get(tb, SLOT_F + 1)));
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    m->env->f[0] = 0xffffffff3f800000;
    m->env->f[1] = 0x7fffffff3f800000;
    m->env->f[2] = 0xfffffffe3f800000;
    m->env->g[3] = 0x40000000;
    machine_interp(m, tb);
    g_assert_cmphex(m->env->g[0], ==, 0x3f800000);
    g_assert_cmphex(m->env->g[1], ==, 0x7fc00000);
    g_assert_cmphex(m->env->g[2], ==, 0x7fc00000);
    g_assert_cmphex(m->env->f[4], ==, 0xffffffff40000000);
    g_assert_cmphex(m->env->f[5], ==, 0x7fffffff3f800000);
    machine_free(m);
    tcg_context_free(ctx);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/fp/arith", arithmetic_agrees_with_soft_float);
    g_test_add_func("/tcg/fp/convert", conversions_agree_with_soft_float);
    g_test_add_func("/tcg/fp/compare", comparisons_agree_with_soft_float);
    g_test_add_func("/tcg/fp/half", every_half_converts_both_ways);
    g_test_add_func("/tcg/fp/guest", canonical_nan_and_flags_reach_the_guest);
    g_test_add_func("/tcg/fp/unused", unused_fp_results_still_raise);
    g_test_add_func("/tcg/fp/boxing", boxing_checks_the_upper_half);
    return g_test_run();
}
