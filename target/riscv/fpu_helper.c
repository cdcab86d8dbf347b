/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * F, D and Zfh in software: every NaN result is the canonical one, and
 * flags go to env->fflags.
 *
 * Spec: Unpriv 21 (F), 22 (D), 24 (Zfh, Zfhmin).
 */
#include "tandem/base.h"

#include "target/riscv/cpu.h"
#include "target/riscv/helper.h"
#include "target/softfloat/softfloat.h"

enum { RM_DYN = 7 };

/* FloatRound has frm's order; reserved modes were refused before. */
static FloatStatus begin(const RiscvEnv *env, uint32_t rm)
{
    return (FloatStatus){ .rounding = rm == RM_DYN ? env->frm : rm };
}

static void end(RiscvEnv *env, const FloatStatus *st)
{
    env->fflags |= st->flags;
}

/* A function of (env, rm, ...) around one soft float expression. */
#define FPU(ret, name, args, ...)                                              \
    static ret do_##name args                                                  \
    {                                                                          \
        FloatStatus st_ = begin(env, rm);                                      \
        FloatStatus *st = &st_;                                                \
        ret r_ = __VA_ARGS__;                                                  \
                                                                               \
        end(env, st);                                                          \
        return r_;                                                             \
    }
#define FPU_QUIET(ret, name, args, ...)                                        \
    static ret do_##name args                                                  \
    {                                                                          \
        FloatStatus st_ = { 0 };                                               \
        FloatStatus *st = &st_;                                                \
        ret r_ = __VA_ARGS__;                                                  \
                                                                               \
        end(env, st);                                                          \
        return r_;                                                             \
    }

/* clang-format off */
#define E_RM RiscvEnv *env, uint32_t rm
#define FPU_FORMAT(s, N)                                                   \
    FPU(float##N, fadd_##s, (E_RM, float##N x, float##N y), f##N##_add(x, y, st)) \
    FPU(float##N, fsub_##s, (E_RM, float##N x, float##N y), f##N##_sub(x, y, st)) \
    FPU(float##N, fmul_##s, (E_RM, float##N x, float##N y), f##N##_mul(x, y, st)) \
    FPU(float##N, fdiv_##s, (E_RM, float##N x, float##N y), f##N##_div(x, y, st)) \
    FPU(float##N, fsqrt_##s, (E_RM, float##N x), f##N##_sqrt(x, st))       \
    FPU(float##N, fmadd_##s, (E_RM, float##N x, float##N y, float##N z),   \
        f##N##_muladd(x, y, z, 0, st))                                     \
    FPU(float##N, fmsub_##s, (E_RM, float##N x, float##N y, float##N z),   \
        f##N##_muladd(x, y, z, FLOAT_NEG_ADDEND, st))                      \
    FPU(float##N, fnmsub_##s, (E_RM, float##N x, float##N y, float##N z),  \
        f##N##_muladd(x, y, z, FLOAT_NEG_PRODUCT, st))                     \
    FPU(float##N, fnmadd_##s, (E_RM, float##N x, float##N y, float##N z),  \
        f##N##_muladd(x, y, z, FLOAT_NEG_PRODUCT | FLOAT_NEG_ADDEND, st))  \
    FPU_QUIET(float##N, fmin_##s, (RiscvEnv *env, float##N x, float##N y), \
        f##N##_min(x, y, st))                                              \
    FPU_QUIET(float##N, fmax_##s, (RiscvEnv *env, float##N x, float##N y), \
        f##N##_max(x, y, st))                                              \
    FPU_QUIET(uint64_t, feq_##s, (RiscvEnv *env, float##N x, float##N y),  \
        f##N##_compare_quiet(x, y, st) == FLOAT_EQUAL)                     \
    FPU_QUIET(uint64_t, flt_##s, (RiscvEnv *env, float##N x, float##N y),  \
        f##N##_compare(x, y, st) == FLOAT_LESS)                            \
    FPU_QUIET(uint64_t, fle_##s, (RiscvEnv *env, float##N x, float##N y),  \
        f##N##_compare(x, y, st) <= FLOAT_EQUAL)                           \
    static uint64_t do_fclass_##s(RiscvEnv *env, float##N x)               \
    {                                                                      \
        return f##N##_class(x);                                            \
    }                                                                      \
    FPU(uint64_t, fcvt_w_##s, (E_RM, float##N x), (int64_t)f##N##_to_i32(x, st)) \
    FPU(uint64_t, fcvt_wu_##s, (E_RM, float##N x),                         \
        (int64_t)(int32_t)f##N##_to_u32(x, st))                            \
    FPU(uint64_t, fcvt_l_##s, (E_RM, float##N x), f##N##_to_i64(x, st))    \
    FPU(uint64_t, fcvt_lu_##s, (E_RM, float##N x), f##N##_to_u64(x, st))   \
    FPU(float##N, fcvt_##s##_w, (E_RM, uint64_t x), i32_to_f##N(x, st))    \
    FPU(float##N, fcvt_##s##_wu, (E_RM, uint64_t x), u32_to_f##N(x, st))   \
    FPU(float##N, fcvt_##s##_l, (E_RM, uint64_t x), i64_to_f##N(x, st))    \
    FPU(float##N, fcvt_##s##_lu, (E_RM, uint64_t x), u64_to_f##N(x, st))
FPU_FORMAT(h, 16)
FPU_FORMAT(s, 32)
FPU_FORMAT(d, 64)
FPU(float32, fcvt_s_d, (E_RM, float64 x), f64_to_f32(x, st))
FPU(float64, fcvt_d_s, (E_RM, float32 x), f32_to_f64(x, st))
FPU(float32, fcvt_s_h, (E_RM, uint32_t x), f16_to_f32(x, st))
FPU(float64, fcvt_d_h, (E_RM, uint32_t x), f16_to_f64(x, st))
FPU(uint32_t, fcvt_h_s, (E_RM, float32 x), f32_to_f16(x, st))
FPU(uint32_t, fcvt_h_d, (E_RM, float64 x), f64_to_f16(x, st))

#define HELPER_(id, ret_, flags_, n, ...)                              \
    const TcgHelper riscv_helper_##id = {                              \
        .name = "riscv_" #id, .fn = do_##id, .ret = ret_, .nargs = n,  \
        .arg = { __VA_ARGS__ }, .flags = flags_,                       \
        .reads = &tcg_slots_none, .writes = &tcg_slots_none            \
    };
#define FLAGS_ TCG_H_NOFAULT
#define HELPERS_(s, F)                                                  \
    HELPER_(fadd_##s, F, FLAGS_, 3, TCG_I32, F, F)                      \
    HELPER_(fsub_##s, F, FLAGS_, 3, TCG_I32, F, F)                      \
    HELPER_(fmul_##s, F, FLAGS_, 3, TCG_I32, F, F)                      \
    HELPER_(fdiv_##s, F, FLAGS_, 3, TCG_I32, F, F)                      \
    HELPER_(fsqrt_##s, F, FLAGS_, 2, TCG_I32, F)                        \
    HELPER_(fmadd_##s, F, FLAGS_, 4, TCG_I32, F, F, F)                  \
    HELPER_(fmsub_##s, F, FLAGS_, 4, TCG_I32, F, F, F)                  \
    HELPER_(fnmsub_##s, F, FLAGS_, 4, TCG_I32, F, F, F)                 \
    HELPER_(fnmadd_##s, F, FLAGS_, 4, TCG_I32, F, F, F)                 \
    HELPER_(fmin_##s, F, FLAGS_, 2, F, F)                               \
    HELPER_(fmax_##s, F, FLAGS_, 2, F, F)                               \
    HELPER_(feq_##s, TCG_I64, FLAGS_, 2, F, F)                          \
    HELPER_(flt_##s, TCG_I64, FLAGS_, 2, F, F)                          \
    HELPER_(fle_##s, TCG_I64, FLAGS_, 2, F, F)                          \
    HELPER_(fclass_##s, TCG_I64, TCG_H_PURE, 1, F)                      \
    HELPER_(fcvt_w_##s, TCG_I64, FLAGS_, 2, TCG_I32, F)                 \
    HELPER_(fcvt_wu_##s, TCG_I64, FLAGS_, 2, TCG_I32, F)                \
    HELPER_(fcvt_l_##s, TCG_I64, FLAGS_, 2, TCG_I32, F)                 \
    HELPER_(fcvt_lu_##s, TCG_I64, FLAGS_, 2, TCG_I32, F)                \
    HELPER_(fcvt_##s##_w, F, FLAGS_, 2, TCG_I32, TCG_I64)               \
    HELPER_(fcvt_##s##_wu, F, FLAGS_, 2, TCG_I32, TCG_I64)              \
    HELPER_(fcvt_##s##_l, F, FLAGS_, 2, TCG_I32, TCG_I64)               \
    HELPER_(fcvt_##s##_lu, F, FLAGS_, 2, TCG_I32, TCG_I64)
HELPERS_(h, TCG_I32)
HELPERS_(s, TCG_F32)
HELPERS_(d, TCG_F64)
HELPER_(fcvt_s_d, TCG_F32, FLAGS_, 2, TCG_I32, TCG_F64)
HELPER_(fcvt_d_s, TCG_F64, FLAGS_, 2, TCG_I32, TCG_F32)
HELPER_(fcvt_s_h, TCG_F32, FLAGS_, 2, TCG_I32, TCG_I32)
HELPER_(fcvt_d_h, TCG_F64, FLAGS_, 2, TCG_I32, TCG_I32)
HELPER_(fcvt_h_s, TCG_I32, FLAGS_, 2, TCG_I32, TCG_F32)
HELPER_(fcvt_h_d, TCG_I32, FLAGS_, 2, TCG_I32, TCG_F64)
/* clang-format on */
