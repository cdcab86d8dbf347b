/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector loads and stores.
 *
 * Spec: Unprivileged ISA 20240411, 31.7 (loads and stores), 31.3.7 (vstart),
 *       31.17 (exceptions).
 *
 * Elements go in order. Runs of them that the soft TLB lets pass are copied at
 * once; any other takes the path of a scalar access, with vstart set to it
 * before, so that a fault finds it there and the instruction can be resumed.
 * A segment's fields are one element in this: all of them are done again.
 */
#include "tandem/base.h"

#include "tcg/runtime.h"
#include "target/riscv/helper.h"
#include "target/riscv/mmu.h"
#include "target/riscv/trap.h"
#include "target/riscv/vec_helper.h"
#include "target/tcg_ops.h"

enum { PAGE_BYTES = 4096 };

typedef struct Access {
    RiscvEnv *env;
    CPUState *cpu;
    VecDesc desc;
    uintptr_t ra;
    uint8_t *reg;  /* of field 0 */
    uint64_t wrap; /* mask of addresses */
    size_t group;  /* bytes from one field's registers to the next's */
    unsigned log;  /* of an element's size */
    unsigned nf;   /* fields of a segment */
    unsigned mmu;
    uint32_t oi;
    bool store, masked;
} Access;

/* Host address of [va, va + len) when L1 lets it pass; or NULL. */
static uint8_t *l1_host(const Access *x, vaddr va, size_t len)
{
    const TcgTlb *tlb = &tcg_hot(x->env)->tlb[x->mmu];
    unsigned slot = (va >> 12) & (TCG_TLB_SIZE - 1);
    uint64_t tag = x->store ? tlb->tag_w[slot] : tlb->tag_r[slot];

    return (va ^ tag) <= PAGE_BYTES - len
               ? (uint8_t *)(uintptr_t)(va + tlb->addend[slot])
               : NULL;
}

/* Fixed sizes, so that these are single moves. */
static void copy_element(uint8_t *to, const uint8_t *from, unsigned log)
{
    switch (log) {
    case 0:
        *to = *from;
        break;
    case 1:
        memcpy(to, from, 2);
        break;
    case 2:
        memcpy(to, from, 4);
        break;
    default:
        memcpy(to, from, 8);
        break;
    }
}

/* One element by the scalar path. */
static void slow_element(const Access *x, vaddr va, uint8_t *p)
{
    uint64_t v = 0;

    if (x->store) {
        memcpy(&v, p, (size_t)1 << x->log);
        tcg_helper_st(x->cpu, va, v, x->oi, x->ra);
    } else {
        v = tcg_helper_ld(x->cpu, va, x->oi, x->ra);
        memcpy(p, &v, (size_t)1 << x->log);
    }
}

static void one_element(const Access *x, vaddr va, uint8_t *p)
{
    size_t size = (size_t)1 << x->log;
    uint8_t *host;

    va &= x->wrap;
    host =
        (x->oi & MO_ALIGN) && (va & (size - 1)) ? NULL : l1_host(x, va, size);
    if (unlikely(host == NULL)) {
        slow_element(x, va, p);
    } else if (x->store) {
        copy_element(host, p, x->log);
    } else {
        copy_element(p, host, x->log);
    }
}

/* Element @i, all fields from @va on. */
static void segment(const Access *x, size_t i, vaddr va)
{
    uint8_t *p = x->reg + (i << x->log);

    x->env->vstart = i;
    for (unsigned f = 0; f < x->nf; f++) {
        one_element(x, va + ((vaddr)f << x->log), p + f * x->group);
    }
}

static bool is_active(const Access *x, size_t i)
{
    return !x->masked || vec_mask_bit(x->env->vreg, i);
}

/* --- runs of elements --- */

/* How many of the @n segments from @va on lie in its page, and pass. */
static size_t run_length(const Access *x, vaddr va, size_t n, uint8_t **host)
{
    size_t bytes = (size_t)x->nf << x->log;
    size_t room = (PAGE_BYTES - (va & (PAGE_BYTES - 1))) / bytes;

    n = MIN(n, room);
    if (n == 0 || ((x->oi & MO_ALIGN) && (va & (((size_t)1 << x->log) - 1)))) {
        return 0;
    }
    *host = l1_host(x, va, n * bytes);
    return *host != NULL ? n : 0;
}

/* Segments of five to eight fields in plain host memory. */
#define SEGMENTS(T)                                                            \
    static void segments_##T(const Access *x, uint8_t *reg, uint8_t *mem,      \
                             size_t n)                                         \
    {                                                                          \
        unsigned nf = x->nf;                                                   \
                                                                               \
        for (unsigned f = 0; f < nf; f++) {                                    \
            T *r = (T *)(reg + f * x->group);                                  \
            uint8_t *m = mem + f * sizeof(T);                                  \
                                                                               \
            if (x->store) {                                                    \
                for (size_t i = 0; i < n; i++) {                               \
                    memcpy(m + i * nf * sizeof(T), r + i, sizeof(T));          \
                }                                                              \
            } else {                                                           \
                for (size_t i = 0; i < n; i++) {                               \
                    memcpy(r + i, m + i * nf * sizeof(T), sizeof(T));          \
                }                                                              \
            }                                                                  \
        }                                                                      \
    }
SEGMENTS(uint8_t)
SEGMENTS(uint16_t)
SEGMENTS(uint32_t)
SEGMENTS(uint64_t)

static void copy_run(const Access *x, size_t i, uint8_t *host, size_t n)
{
    uint8_t *reg = x->reg + (i << x->log);

    if (x->nf == 1) {
        memcpy(x->store ? host : reg, x->store ? reg : host, n << x->log);
        return;
    }
    if (x->nf <= 4) {
        VecCtx c = { .neutral = x->group };

        x->env->vec[(x->store ? VOP_SEGST2 : VOP_SEGLD2) + x->nf - 2][x->log](
            x->store ? host : reg, x->store ? reg : host, NULL, n, &c);
        return;
    }
    switch (x->log) {
    case 0:
        segments_uint8_t(x, reg, host, n);
        break;
    case 1:
        segments_uint16_t(x, reg, host, n);
        break;
    case 2:
        segments_uint32_t(x, reg, host, n);
        break;
    default:
        segments_uint64_t(x, reg, host, n);
        break;
    }
}

/* The active ones of a run. */
static void copy_run_masked(const Access *x, size_t i, uint8_t *host, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        uint8_t *reg = x->reg + ((i + k) << x->log);

        if (!vec_mask_bit(x->env->vreg, i + k)) {
            continue;
        }
        for (unsigned f = 0; f < x->nf; f++) {
            uint8_t *m = host + ((k * x->nf + f) << x->log);
            uint8_t *r = reg + f * x->group;

            copy_element(x->store ? m : r, x->store ? r : m, x->log);
        }
    }
}

/* Unit stride: elements vstart to @to. */
static void unit(const Access *x, vaddr base, size_t to)
{
    size_t bytes = (size_t)x->nf << x->log;

    for (size_t i = x->env->vstart; i < to;) {
        vaddr va = (base + i * bytes) & x->wrap;
        uint8_t *host = NULL;
        size_t n = run_length(x, va, to - i, &host);

        if (n == 0) {
            if (is_active(x, i)) {
                segment(x, i, va);
            }
            n = 1;
        } else if (x->masked) {
            copy_run_masked(x, i, host, n);
        } else {
            copy_run(x, i, host, n);
        }
        i += n;
    }
}

/* --- elements that lie apart --- */

/* Host address of the T at @va_ when L1 lets it pass, else out of the loop. */
#define PLAIN_HOST(T, va_, host_)                                              \
    {                                                                          \
        unsigned slot_ = ((va_) >> 12) & (TCG_TLB_SIZE - 1);                   \
                                                                               \
        if (unlikely(((va_) ^ tag[slot_]) > PAGE_BYTES - sizeof(T))) {         \
            break;                                                             \
        }                                                                      \
        host_ = (uint8_t *)(uintptr_t)((va_) + tlb->addend[slot_]);            \
    }

/* Elements from @i on, each at base + @at: as far as they are plain memory;
 * returns the first that is not. */
#define APART(name, T, at, ...)                                                \
    static size_t name(const Access *x, vaddr base, __VA_ARGS__, size_t i,     \
                       size_t n)                                               \
    {                                                                          \
        const TcgTlb *tlb = &tcg_hot(x->env)->tlb[x->mmu];                     \
        const uint64_t *tag = x->store ? tlb->tag_w : tlb->tag_r;              \
        T *r = (T *)x->reg;                                                    \
                                                                               \
        for (; i < n; i++) {                                                   \
            vaddr va = (base + (at)) & x->wrap;                                \
            uint8_t *host;                                                     \
                                                                               \
            if (x->masked && !vec_mask_bit(x->env->vreg, i)) {                 \
                continue;                                                      \
            }                                                                  \
            PLAIN_HOST(T, va, host)                                            \
            if (x->store) {                                                    \
                memcpy(host, r + i, sizeof(T));                                \
            } else {                                                           \
                memcpy(r + i, host, sizeof(T));                                \
            }                                                                  \
        }                                                                      \
        return i;                                                              \
    }
#define STRIDED(T)    APART(strided_##T, T, i *stride, uint64_t stride)
#define INDEXED(T, I) APART(indexed_##T##_##I, T, index[i], const I *index)
/* clang-format off */
#define INDEXED_ALL(T) \
    INDEXED(T, uint8_t) INDEXED(T, uint16_t) INDEXED(T, uint32_t) \
    INDEXED(T, uint64_t)
STRIDED(uint8_t) STRIDED(uint16_t) STRIDED(uint32_t) STRIDED(uint64_t)
INDEXED_ALL(uint8_t) INDEXED_ALL(uint16_t) INDEXED_ALL(uint32_t)
INDEXED_ALL(uint64_t)
#define INDEXED_CASES(T, log_) \
    case (log_) * 4: return indexed_##T##_uint8_t(x, base, index, i, n); \
    case (log_) * 4 + 1: return indexed_##T##_uint16_t(x, base, index, i, n); \
    case (log_) * 4 + 2: return indexed_##T##_uint32_t(x, base, index, i, n); \
    case (log_) * 4 + 3: return indexed_##T##_uint64_t(x, base, index, i, n);

static bool all_plain(const Access *x)
{
    return x->nf == 1 && !(x->oi & MO_ALIGN);
}
/* clang-format on */

static size_t strided_run(const Access *x, vaddr base, uint64_t stride,
                          size_t i, size_t n)
{
    if (!all_plain(x)) {
        return i;
    }
    switch (x->log) {
    case 0:
        return strided_uint8_t(x, base, stride, i, n);
    case 1:
        return strided_uint16_t(x, base, stride, i, n);
    case 2:
        return strided_uint32_t(x, base, stride, i, n);
    default:
        return strided_uint64_t(x, base, stride, i, n);
    }
}

static size_t indexed_run(const Access *x, vaddr base, const void *index,
                          unsigned eew, size_t i, size_t n)
{
    if (!all_plain(x)) {
        return i;
    }
    switch (x->log * 4 + eew) {
        INDEXED_CASES(uint8_t, 0)
        INDEXED_CASES(uint16_t, 1)
        INDEXED_CASES(uint32_t, 2)
        INDEXED_CASES(uint64_t, 3)
    default:
        return i;
    }
}

static void strided(const Access *x, vaddr base, int64_t stride)
{
    for (size_t i = x->env->vstart; i < x->env->vl; i++) {
        i = strided_run(x, base, (uint64_t)stride, i, x->env->vl);
        if (i >= x->env->vl) {
            break;
        }
        if (is_active(x, i)) {
            segment(x, i, base + i * (uint64_t)stride);
        }
    }
}

static void indexed(const Access *x, vaddr base)
{
    const uint8_t *index = vec_reg(x->env, x->desc, VD_S2);
    unsigned eew = bits_get(x->desc, VD_EEW, 2);

    for (size_t i = x->env->vstart; i < x->env->vl; i++) {
        i = indexed_run(x, base, index, eew, i, x->env->vl);
        if (i >= x->env->vl) {
            break;
        }
        if (is_active(x, i)) {
            segment(x, i, base + vec_get(index, i, eew));
        }
    }
}

/* --- fault-only-first (31.7.7) --- */

/* May [va, va + len) be read, without a trace when it may not? */
static bool may_read(const Access *x, vaddr va, size_t len)
{
    RiscvPage page;
    uint32_t cause;

    return l1_host(x, va, len) != NULL ||
           (riscv_translate(x->env, va, len, ACC_R, x->mmu, &page, &cause) &&
            tcg_probe(x->cpu, va, len, MMU_LOAD, x->mmu, x->ra) != NULL);
}

static bool may_read_segment(const Access *x, vaddr va)
{
    size_t len = (size_t)x->nf << x->log;
    size_t first = MIN(len, PAGE_BYTES - (va & (PAGE_BYTES - 1)));

    return may_read(x, va, first) &&
           (first == len || may_read(x, (va + first) & x->wrap, len - first));
}

/* Element 0 may fault; a later one that would, or that is no plain memory,
 * becomes the new vl. */
static void fault_first(const Access *x, vaddr base)
{
    RiscvEnv *env = x->env;
    size_t bytes = (size_t)x->nf << x->log, to = env->vl;

    for (size_t i = env->vstart; i < to;) {
        vaddr va = (base + i * bytes) & x->wrap;
        uint8_t *host = NULL;
        size_t n = run_length(x, va, to - i, &host);

        if (n != 0 && !x->masked) {
            copy_run(x, i, host, n);
        } else if (n != 0) {
            copy_run_masked(x, i, host, n);
        } else {
            n = 1;
            if (is_active(x, i)) {
                bool aligned =
                    !(x->oi & MO_ALIGN) || !(va & (((size_t)1 << x->log) - 1));

                if (i != 0 && (!aligned || !may_read_segment(x, va))) {
                    env->vl = i;
                    break;
                }
                segment(x, i, va);
            }
        }
        i += n;
    }
}

/* --- the helper --- */

static void access_any(RiscvEnv *env, uint64_t desc, uint64_t base,
                       uint64_t aux, uintptr_t ra)
{
    unsigned emul = bits_get(desc, VD_EMUL, 4);
    Access x = {
        .env = env,
        .cpu = tcg_env_cpu(env),
        .desc = desc,
        .ra = ra,
        .reg = vec_reg(env, desc, VD_D),
        .wrap = bit_mask(env->xlen),
        .group = (size_t)env->cfg->vlenb << emul,
        .log = bits_get(desc, VD_SEW, 2),
        .nf = bits_get(desc, VD_NF, 3) + 1,
        .mmu = bits_get(desc, VD_MMU, 4),
        .store = bits_get(desc, VD_AUX, 3) & V_MEM_STORE,
        .masked = desc >> VD_MASKED & 1,
    };

    x.oi = x.log | MO_MMU(x.mmu) | MO_ATOM_ALIGNED |
           (desc >> VD_ALIGN & 1 ? MO_ALIGN : MO_ALIGN_NONE);
    switch (bits_get(desc, VD_OP, 8)) {
    case V_MEM_UNIT:
        unit(&x, base, env->vl);
        break;
    case V_MEM_FF:
        fault_first(&x, base);
        break;
    case V_MEM_STRIDED:
        strided(&x, base, (int64_t)aux);
        break;
    case V_MEM_INDEXED:
        indexed(&x, base);
        break;
    case V_MEM_WHOLE:
        unit(&x, base, x.group >> x.log);
        break;
    case V_MEM_MASK:
        unit(&x, base, (env->vl + 7) / 8);
        break;
    }
    env->vstart = 0;
}

static void do_v_mem(RiscvEnv *env, uint64_t desc, uint64_t base, uint64_t aux)
{
    access_any(env, desc, base, aux, tcg_ra());
}

/* Unit stride without masks, one to four fields, from element 0 on: mostly
 * one run. */
static void do_v_unit(RiscvEnv *env, uint64_t desc, uint64_t base)
{
    uintptr_t ra = tcg_ra();
    unsigned log = bits_get(desc, VD_SEW, 2), mmu = bits_get(desc, VD_MMU, 4);
    unsigned nf = bits_get(desc, VD_NF, 3) + 1;
    const TcgTlb *tlb = &tcg_hot(env)->tlb[mmu];
    size_t len = (size_t)env->vl * nf << log;
    unsigned slot = (base >> 12) & (TCG_TLB_SIZE - 1);
    bool store = desc >> VD_AUX & V_MEM_STORE;
    uint64_t tag = store ? tlb->tag_w[slot] : tlb->tag_r[slot];
    uint8_t *reg = vec_reg(env, desc, VD_D), *host;
    void *to;
    const void *from;

    if (unlikely(len > PAGE_BYTES || (base ^ tag) > PAGE_BYTES - len ||
                 env->vstart != 0 || (desc >> VD_ALIGN & 1))) {
        access_any(env, desc, base, 0, ra);
        return;
    }
    host = (uint8_t *)(uintptr_t)(base + tlb->addend[slot]);
    to = store ? host : reg;
    from = store ? reg : host;
    if (nf == 1) {
        memcpy(to, from, len);
    } else {
        VecCtx c;

        c.neutral = (uint64_t)env->cfg->vlenb << bits_get(desc, VD_EMUL, 4);
        env->vec[(store ? VOP_SEGST2 : VOP_SEGLD2) + nf - 2][log](
            to, from, NULL, env->vl, &c);
    }
}

const TcgHelper riscv_helper_v_unit = {
    .name = "riscv_v_unit",
    .fn = do_v_unit,
    .ret = TCG_NONE,
    .nargs = 2,
    .arg = { TCG_I64, TCG_I64 },
    .flags = TCG_H_MAY_INVALIDATE,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};

const TcgHelper riscv_helper_v_mem = {
    .name = "riscv_v_mem",
    .fn = do_v_mem,
    .ret = TCG_NONE,
    .nargs = 3,
    .arg = { TCG_I64, TCG_I64, TCG_I64 },
    .flags = TCG_H_MAY_INVALIDATE,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};
