/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector arithmetic: from an instruction to kernels.
 *
 * Spec: Unprivileged ISA 20240411, 31.3 (vl, vstart, vxrm), 31.5.3 (masks),
 *       31.10 to 31.15. Element by element only through the kernels.
 *
 * Floating point in translated code computes with the guest's MXCSR, which is
 * in the register there; under the interpreter it is put there for the kernel.
 */
#include "tandem/base.h"

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "tcg/compile.h"
#include "tcg/runtime.h"
#include "target/riscv/csr.h"
#include "target/riscv/helper.h"
#include "target/riscv/vec_helper.h"

#define SHAPE(d, a, b, f)                                                      \
    {                                                                          \
        d, a, b, f                                                             \
    }
/* clang-format off */
#define I2(op)  [VOP_##op] = SHAPE(0, 0, 0, 0),
#define S2(op)  [VOP_##op] = SHAPE(0, 0, 0, VF_SAT),
#define I3(op)  [VOP_##op] = SHAPE(0, 0, 0, VF_READS_D),
#define IC(op)  [VOP_##op] = SHAPE(V_MASK, 0, 0, 0),
#define IW(op)  [VOP_##op] = SHAPE(1, 0, 0, 0),
#define IWW(op) [VOP_##op] = SHAPE(1, 1, 0, 0),
#define IW3(op) [VOP_##op] = SHAPE(1, 0, 0, VF_READS_D),
#define IN(op)  [VOP_##op] = SHAPE(0, 1, 0, 0),
#define INC(op) [VOP_##op] = SHAPE(0, 1, 0, VF_SAT),
#define R(op)   [VOP_##op] = SHAPE(0, 0, 0, VF_RED),
#define RW(op)  [VOP_##op] = SHAPE(1, 0, 1, VF_RED),
#define F2(op)  [VOP_##op] = SHAPE(0, 0, 0, VF_FP | VF_RM),
#define FQ(op)  [VOP_##op] = SHAPE(0, 0, 0, VF_FP),
#define F3(op)  [VOP_##op] = SHAPE(0, 0, 0, VF_FP | VF_RM | VF_READS_D),
#define FC(op)  [VOP_##op] = SHAPE(V_MASK, 0, 0, VF_FP),
#define FW(op)  [VOP_##op] = SHAPE(1, 0, 0, VF_FP | VF_RM),
#define FWW(op) [VOP_##op] = SHAPE(1, 1, 0, VF_FP | VF_RM),
#define FW3(op) [VOP_##op] = SHAPE(1, 0, 0, VF_FP | VF_RM | VF_READS_D),
#define FU(op)  [VOP_##op] = SHAPE(0, 0, V_NONE, VF_FP | VF_RM),
#define FI(op)  [VOP_##op] = SHAPE(0, 0, V_NONE, VF_FP | VF_FPINT | VF_RM),
#define FWU(op) [VOP_##op] = SHAPE(1, 0, V_NONE, VF_FP | VF_RM),
#define FWI(op) [VOP_##op] = SHAPE(1, 0, V_NONE, VF_FP | VF_FPINT | VF_RM),
#define FNU(op) [VOP_##op] = SHAPE(0, 1, V_NONE, VF_FP | VF_RM),
#define FNI(op) [VOP_##op] = SHAPE(0, 1, V_NONE, VF_FP | VF_FPINT | VF_RM),
#define FR(op)  [VOP_##op] = SHAPE(0, 0, 0, VF_FP | VF_RM | VF_RED),
#define FRW(op) [VOP_##op] = SHAPE(1, 0, 1, VF_FP | VF_RM | VF_RED),
const VecShape vec_shapes[VOP_COUNT] = {
    VEC_INT2(I2) VEC_SAT2(S2) VEC_INT3(I3) VEC_CMP(IC) VEC_WIDE2(IW)
    VEC_WIDEW(IWW) VEC_WIDE3(IW3) VEC_NARROW(IN) VEC_NCLIP(INC) VEC_RED(R)
    VEC_WRED(RW) VEC_FP2(F2) VEC_FPQ2(FQ) VEC_FP3(F3) VEC_FCMP(FC) VEC_FW2(FW)
    VEC_FWW(FWW) VEC_FW3(FW3) VEC_FU(FU) VEC_FCVT(FU) VEC_FCVTI(FI)
    VEC_FWCVT(FWU) VEC_FWCVTI(FWI) VEC_FNCVT(FNU) VEC_FNCVTI(FNI) VEC_FRED(FR)
    VEC_FWRED(FRW)
    [VOP_ZEXT2] = SHAPE(0, V_HALF, V_NONE, 0),
    [VOP_SEXT2] = SHAPE(0, V_HALF, V_NONE, 0),
    [VOP_ZEXT4] = SHAPE(0, V_QUARTER, V_NONE, 0),
    [VOP_SEXT4] = SHAPE(0, V_QUARTER, V_NONE, 0),
    [VOP_ZEXT8] = SHAPE(0, V_EIGHTH, V_NONE, 0),
    [VOP_SEXT8] = SHAPE(0, V_EIGHTH, V_NONE, 0),
};
/* clang-format on */

VecKernelRow *vec_kernels_host(uint32_t features)
{
#ifdef __x86_64__
    if ((features & TCG_HOST_AVX512) && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
        return vec_kernels_avx512;
    }
    if ((features & TCG_HOST_AVX2) && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2")) { /* F16C comes with AVX2 */
        return vec_kernels_avx2;
    }
#endif
    return vec_kernels_base;
}

void vec_mask_bytes(uint8_t *out, const uint8_t *m, size_t from, size_t n)
{
    size_t i = 0;

    if (from % 8 == 0) {
        for (; i < n; i += 8) { /* the buffer is longer by up to 7 */
            uint64_t v = m[(from + i) / 8] * UINT64_C(0x0101010101010101) &
                         UINT64_C(0x8040201008040201);

            v = ((v + UINT64_C(0x7f7f7f7f7f7f7f7f)) | v) >> 7 &
                UINT64_C(0x0101010101010101);
            v *= 0xff;
            memcpy(out + i, &v, 8);
        }
        return;
    }
    for (; i < n; i++) {
        out[i] = vec_mask_bit(m, from + i) ? 0xff : 0;
    }
}

/* --- masks as results --- */

/* Bytes 0 or 1 to the elements [from, from + n) of a mask. */
static void put_mask(const RiscvEnv *env, uint8_t *d, uint8_t *bytes,
                     size_t from, size_t n)
{
    uint8_t bits[V_GROUP_BYTES / 8 + 1];

    if (from % 8 != 0) {
        for (size_t i = 0; i < n; i++) {
            vec_mask_set(d, from + i, bytes[i]);
        }
        return;
    }
    env->vec[VOP_PACK][0](bits, bytes, NULL, n, NULL);
    d += from / 8;
    memcpy(d, bits, n / 8);
    if (n % 8 != 0) {
        unsigned keep = 0xffu << n % 8;

        d[n / 8] = (d[n / 8] & keep) | (bits[n / 8] & ~keep);
    }
}

/* --- one operation --- */

/* log2 of an operand's element size */
static unsigned log_of(int8_t width, unsigned sew)
{
    return width >= 0 ? sew + width : sew + width + 1; /* V_HALF is -2 */
}

typedef struct Work {
    RiscvEnv *env;
    const VecShape *shape;
    VecKernel *kernel;
    uint8_t *d;
    const uint8_t *a, *b;
    size_t from, n;
    unsigned sew, ld, la, lb; /* log2 of element sizes */
    bool masked;
    VecCtx c;
} Work;

/* 1.0 of the format, or 0, that no operation signals for. */
static uint64_t neutral_value(const VecShape *s, unsigned log)
{
    static const uint64_t one[4] = { 0, 0x3c00, 0x3f800000,
                                     UINT64_C(0x3ff0000000000000) };

    return (s->flags & (VF_FP | VF_FPINT)) == VF_FP ? one[log] : 0;
}

static void neutralize(Work *w, void *to, const void *from, const uint8_t *m,
                       unsigned log)
{
    w->c.neutral = neutral_value(w->shape, log);
    w->env->vec[VOP_NEUTRAL][log](to, from, m, w->n, &w->c);
}

/* Through buffers: inactive elements do nothing and stay. */
static void run_masked(Work *w)
{
    alignas(32) uint8_t m[V_GROUP_BYTES + 8], d[V_GROUP_BYTES + 32];
    alignas(32) uint8_t a[V_GROUP_BYTES], b[V_GROUP_BYTES];
    const VecShape *s = w->shape;
    bool is_mask = s->d == V_MASK;

    vec_mask_bytes(m, w->env->vreg, w->from, w->n);
    if (s->flags & (VF_FP | VF_SAT)) {
        neutralize(w, a, w->a, m, w->la);
        w->a = a;
        if (s->b != V_NONE) {
            neutralize(w, b, w->b, m, w->lb);
            w->b = b;
        }
    }
    if (s->flags & VF_READS_D) {
        if (s->flags & VF_FP) {
            neutralize(w, d, w->d, m, w->ld);
        } else {
            memcpy(d, w->d, w->n << w->ld);
        }
    }
    w->kernel(d, w->a, w->b, w->n, &w->c);
    if (is_mask) { /* bits of inactive elements stay */
        for (size_t i = 0; i < w->n; i++) {
            if (!m[i]) {
                d[i] = vec_mask_bit(w->d, w->from + i);
            }
        }
        put_mask(w->env, w->d, d, w->from, w->n);
        return;
    }
    w->env->vec[VOP_MERGE][w->ld](w->d, d, m, w->n, NULL);
}

static void run_unmasked(Work *w)
{
    if (w->shape->d == V_MASK) {
        alignas(32) uint8_t d[V_GROUP_BYTES + 32];

        w->kernel(d, w->a, w->b, w->n, &w->c);
        put_mask(w->env, w->d, d, w->from, w->n);
        return;
    }
    w->kernel(w->d, w->a, w->b, w->n, &w->c);
}

/* Reductions take the active elements only; vd[0] = op(vs1[0], ...). */
static void run_reduction(Work *w)
{
    alignas(32) uint8_t a[V_GROUP_BYTES];
    size_t n = 0;

    if (w->masked) {
        for (size_t i = 0; i < w->n; i++) {
            if (vec_mask_bit(w->env->vreg, i)) {
                vec_put(a, n++, w->la, vec_get(w->a, i, w->la));
            }
        }
        w->a = a;
        w->n = n;
    }
    w->kernel(w->d, w->a, w->b, w->n, &w->c);
}

static void run(Work *w)
{
    if (w->shape->flags & VF_RED) {
        run_reduction(w);
    } else if (w->masked) {
        run_masked(w);
    } else {
        run_unmasked(w);
    }
}

/* Kernels compute in the MXCSR of translated code. */
static void run_fp(Work *w)
{
#ifdef __x86_64__
    TcgHot *hot = tcg_hot(w->env);

    if (hot->interp != NULL) {
        uint32_t host = _mm_getcsr();

        _mm_setcsr(hot->mxcsr_guest);
        run(w);
        hot->mxcsr_guest = _mm_getcsr();
        _mm_setcsr(host);
        w->env->fflags |= w->c.flags;
        return;
    }
#endif
    run(w);
    w->env->fflags |= w->c.flags;
}

static void do_v_op(RiscvEnv *env, uint64_t desc, uint64_t scalar)
{
    alignas(32) uint8_t filled[V_GROUP_BYTES];
    unsigned op = bits_get(desc, VD_OP, 8), sew = bits_get(desc, VD_SEW, 2);
    const VecShape *s = &vec_shapes[op];
    size_t from = env->vstart, to = env->vl;
    Work w = {
        .env = env,
        .shape = s,
        .kernel = (desc >> VD_SOFT & 1 ? vec_kernels_soft : env->vec)[op][sew],
        .sew = sew,
        .ld = s->d == V_MASK ? 0 : log_of(s->d, sew),
        .la = log_of(s->a, sew),
        .lb = s->b == V_NONE ? 0 : log_of(s->b, sew),
        .masked = desc >> VD_MASKED & 1,
        .from = from,
    };

    env->vstart = 0;
    if (unlikely(from >= to)) {
        return;
    }
    w.n = to - from;
    w.d = vec_reg(env, desc, VD_D);
    w.a = vec_reg(env, desc, VD_S2) + (from << w.la);
    w.c.vxrm = env->vxrm;
    w.c.rounding = env->frm;
    if (s->d != V_MASK) {
        w.d += from << w.ld;
    }
    if (desc >> VD_SCALAR & 1) {
        env->vec[VOP_SPLAT][w.lb](filled, &scalar, NULL, w.n, NULL);
        w.b = filled;
    } else if (s->b == V_NONE) {
        w.b = w.a;
    } else {
        w.b = vec_reg(env, desc, VD_S1) + (from << w.lb);
    }
    if (s->flags & VF_RED) { /* only from vstart 0; scalars in element 0 */
        w.d = vec_reg(env, desc, VD_D);
        w.b = vec_reg(env, desc, VD_S1);
    }
    if (s->flags & VF_FP) {
        run_fp(&w);
    } else {
        run(&w);
        if (w.c.sat) {
            env->vxsat = 1;
        }
    }
}

/*
 * The plain case: no mask, vstart 0, vectors as results, or reductions. @kernel
 * is the operation's own, so that nothing has to be looked up.
 */
static void do_v_fast(RiscvEnv *env, uint64_t desc, uint64_t scalar,
                      uint64_t kernel)
{
    VecKernel *k = (VecKernel *)(uintptr_t)kernel;
    uint8_t *d = vec_reg(env, desc, VD_D), *a = vec_reg(env, desc, VD_S2);
    size_t n = env->vl;
    VecCtx c;

    if (unlikely(n == 0)) {
        return; /* reductions neither */
    }
    c.vxrm = env->vxrm;
    c.rounding = env->frm; /* of rows that are in software after all */
    c.flags = c.sat = 0;
    if (desc >> VD_SCALAR & 1) {
        alignas(32) uint8_t filled[V_GROUP_BYTES];

        env->vec[VOP_SPLAT][bits_get(desc, VD_SEW, 2)](filled, &scalar, NULL, n,
                                                       NULL);
        k(d, a, filled, n, &c);
    } else {
        k(d, a, vec_reg(env, desc, VD_S1), n, &c);
    }
    if (unlikely(c.flags | c.sat)) {
        env->fflags |= c.flags;
        env->vxsat |= c.sat;
    }
}

/* The same of floating point: under the interpreter by the long way, which
 * puts the guest's MXCSR in place. */
static void do_v_fast_fp(RiscvEnv *env, uint64_t desc, uint64_t scalar,
                         uint64_t kernel)
{
    if (unlikely(tcg_hot(env)->interp != NULL)) {
        do_v_op(env, desc, scalar);
        return;
    }
    do_v_fast(env, desc, scalar, kernel);
}

/* --- carries and merges (31.11.4, 31.11.15): v0 is a source --- */

static void carry_element(RiscvEnv *env, uint64_t desc, uint64_t scalar,
                          size_t i)
{
    unsigned sew = bits_get(desc, VD_SEW, 2), bits = 8 << sew;
    uint8_t *d = vec_reg(env, desc, VD_D);
    uint64_t x = vec_get(vec_reg(env, desc, VD_S2), i, sew);
    uint64_t y = desc >> VD_SCALAR & 1
                     ? scalar
                     : vec_get(vec_reg(env, desc, VD_S1), i, sew);
    bool in = (desc >> VD_MASKED & 1) && vec_mask_bit(env->vreg, i);
    unsigned __int128 r;

    x &= bit_mask(bits);
    y &= bit_mask(bits);
    switch (bits_get(desc, VD_OP, 8)) {
    case V_CARRY_ADC:
        vec_put(d, i, sew, x + y + in);
        break;
    case V_CARRY_SBC:
        vec_put(d, i, sew, x - y - in);
        break;
    case V_CARRY_MADC:
        r = (unsigned __int128)x + y + in;
        vec_mask_set(d, i, r >> bits & 1);
        break;
    case V_CARRY_MSBC:
        r = (unsigned __int128)x - y - in;
        vec_mask_set(d, i, r >> bits & 1);
        break;
    }
}

static void do_v_carry(RiscvEnv *env, uint64_t desc, uint64_t scalar)
{
    for (size_t i = env->vstart; i < env->vl; i++) {
        carry_element(env, desc, scalar, i);
    }
    env->vstart = 0;
}

/* vmerge, vfmerge: vs1 or the scalar where v0 is set, else vs2. */
static void do_v_merge(RiscvEnv *env, uint64_t desc, uint64_t scalar)
{
    alignas(32) uint8_t m[V_GROUP_BYTES + 8], r[V_GROUP_BYTES];
    unsigned sew = bits_get(desc, VD_SEW, 2);
    size_t from = env->vstart, n;

    env->vstart = 0;
    if (from >= env->vl) {
        return;
    }
    n = env->vl - from;
    vec_mask_bytes(m, env->vreg, from, n);
    memcpy(r, vec_reg(env, desc, VD_S2) + (from << sew), n << sew);
    if (desc >> VD_SCALAR & 1) {
        alignas(32) uint8_t b[V_GROUP_BYTES];

        env->vec[VOP_SPLAT][sew](b, &scalar, NULL, n, NULL);
        env->vec[VOP_MERGE][sew](r, b, m, n, NULL);
    } else {
        env->vec[VOP_MERGE][sew](r, vec_reg(env, desc, VD_S1) + (from << sew),
                                 m, n, NULL);
    }
    memcpy(vec_reg(env, desc, VD_D) + (from << sew), r, n << sew);
}

/* vmv.v.v, vmv.v.x, vmv.v.i, vfmv.v.f, and vmv.s.x, vfmv.s.f with VD_AUX. */
static void do_v_fill(RiscvEnv *env, uint64_t desc, uint64_t scalar)
{
    unsigned sew = bits_get(desc, VD_SEW, 2);
    uint8_t *d = vec_reg(env, desc, VD_D);
    size_t from = env->vstart, n;

    env->vstart = 0;
    if (from >= env->vl) {
        return;
    }
    n = env->vl - from;
    if (bits_get(desc, VD_AUX, 3)) {
        if (from == 0) {
            vec_put(d, 0, sew, scalar);
        }
    } else if (desc >> VD_SCALAR & 1) {
        env->vec[VOP_SPLAT][sew](d + (from << sew), &scalar, NULL, n, NULL);
    } else {
        memmove(d + (from << sew), vec_reg(env, desc, VD_S1) + (from << sew),
                n << sew);
    }
}

/* --- vsetvl, state --- */

static void do_vs_dirty(RiscvEnv *env)
{
    env->mstatus |= MSTATUS_VS;
    env->hooks->ctx_changed(env);
}

/* VSETVL: vtype comes from a register. @insn as it is; result: the new vl. */
static uint64_t do_vsetvl(RiscvEnv *env, uint64_t avl, uint64_t vtype,
                          uint32_t insn)
{
    unsigned rd = bits_get(insn, 7, 5), rs1 = bits_get(insn, 15, 5);

    vtype &= bit_mask(env->xlen);
    avl &= bit_mask(env->xlen);
    env->vstart = 0;
    if (!vec_vtype_legal(env->cfg, vtype)) {
        env->vtype = VTYPE_VILL;
        env->vl = 0;
    } else {
        uint64_t vlmax = (uint64_t)1 << vec_vlmax_log(env->cfg, vtype);

        if (rs1 == 0) {
            avl = rd == 0 ? env->vl : vlmax;
        }
        env->vtype = vtype;
        env->vl = MIN(avl, vlmax);
    }
    env->hooks->ctx_changed(env);
    return env->vl;
}

/* clang-format off */
#define VHELPER(id, ret_, flags_, n, ...)                              \
    const TcgHelper riscv_helper_##id = {                              \
        .name = "riscv_" #id, .fn = do_##id, .ret = ret_, .nargs = n,  \
        .arg = { __VA_ARGS__ }, .flags = flags_,                       \
        .reads = &tcg_slots_none, .writes = &tcg_slots_none            \
    }
VHELPER(v_op, TCG_NONE, TCG_H_NOFAULT, 2, TCG_I64, TCG_I64);
VHELPER(v_fast, TCG_NONE, TCG_H_NOFAULT, 3, TCG_I64, TCG_I64, TCG_I64);
VHELPER(v_fast_fp, TCG_NONE, TCG_H_NOFAULT, 3, TCG_I64, TCG_I64, TCG_I64);
VHELPER(v_carry, TCG_NONE, TCG_H_NOFAULT, 2, TCG_I64, TCG_I64);
VHELPER(v_merge, TCG_NONE, TCG_H_NOFAULT, 2, TCG_I64, TCG_I64);
VHELPER(v_fill, TCG_NONE, TCG_H_NOFAULT, 2, TCG_I64, TCG_I64);
VHELPER(vs_dirty, TCG_NONE, TCG_H_NOFAULT | TCG_H_ENDS_TB, 0, 0);
VHELPER(vsetvl, TCG_I64, TCG_H_NOFAULT | TCG_H_ENDS_TB, 3, TCG_I64, TCG_I64,
        TCG_I32);
/* clang-format on */
