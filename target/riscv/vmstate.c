/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state of a hart (TCG.md 3.17): registers, CSRs, the software bits of
 * mip, counters as values. PMP bounds, the reservation and the stimecmp timer
 * are derived or dropped.
 */
#include "tandem/base.h"

#include "target/riscv/cpu-object.h"
#include "target/riscv/csr.h"
#include "target/riscv/pmp.h"
#include "target/riscv/vec_helper.h"

static void env_pre_save(void *obj)
{
    RiscvEnv *env = obj;

    /* bases are relative to sources of this process */
    for (unsigned n = 0; n < RISCV_COUNTERS; n++) {
        env->counter_value[n] = counter_read(env, n);
    }
}

/* Values that code uses as an index, a mode or a shift. */
static bool env_is_sane(const RiscvEnv *env)
{
    unsigned mpp = bits_get(env->mstatus, MSTATUS_MPP_SHIFT, 2);

    if (env->priv > PRV_M || env->priv == 2 || mpp == 2 || env->virt != 0) {
        return false;
    }
    if (env->frm > 7 || env->fflags > 31 || env->gpr[0] != 0 ||
        !(env->cfg->satp_modes & BIT(satp_mode(env)))) {
        return false;
    }
    if (env->tselect >= MAX(env->cfg->trigger_count, 1)) {
        return false;
    }
    for (unsigned n = 0; n < RISCV_COUNTERS; n++) {
        if (env->mhpmevent[n] > RISCV_EVENT_INSTRUCTIONS) {
            return false;
        }
    }
    for (unsigned n = 0; n < RISCV_MAX_PMP; n++) {
        if ((env->pmpcfg[n] & (PMP_R | PMP_W)) == PMP_W) {
            return false;
        }
    }
    return true;
}

static bool env_post_load(void *obj, int version, Error **errp)
{
    RiscvEnv *env = obj;

    if (!env_is_sane(env)) {
        error_set(errp,
                  "hart %" PRIu64 ": a register holds a value that the "
                  "hart cannot have",
                  env->mhartid);
        return false;
    }
    if (env->xlen == 32) {
        env->pc = (uint32_t)env->pc;
    }
    for (unsigned n = 0; n < RISCV_COUNTERS; n++) {
        counter_write(env, n, env->counter_value[n]);
    }
    pmp_update(env);
    env->resv_addr = RESV_NONE;
    riscv_stimer_update(env->cpu);
    return true;
}

/* An _Atomic uint64_t; nobody else writes while state is saved or loaded. */
#define ATOMIC_U64(field)                                                      \
    {                                                                          \
        .name = #field, .offset = offsetof(RiscvEnv, field),                   \
        .kind = VM_KIND_UINT, .size = 8, .count = 1,                           \
    }

static const VmField env_fields[] = {
    VM_U64_ARRAY(RiscvEnv, gpr),
    VM_U64_ARRAY(RiscvEnv, fpr),
    VM_U64(RiscvEnv, pc),
    VM_U8(RiscvEnv, fflags),
    VM_U8(RiscvEnv, frm),
    VM_U8(RiscvEnv, priv),
    VM_U8(RiscvEnv, virt),
    VM_U64(RiscvEnv, mstatus),
    VM_U64(RiscvEnv, medeleg),
    VM_U64(RiscvEnv, mideleg),
    VM_U64(RiscvEnv, mie),
    ATOMIC_U64(mip_sw),
    ATOMIC_U64(irq_lines),
    VM_U64(RiscvEnv, mtvec),
    VM_U64(RiscvEnv, mscratch),
    VM_U64(RiscvEnv, mepc),
    VM_U64(RiscvEnv, mcause),
    VM_U64(RiscvEnv, mtval),
    VM_U64(RiscvEnv, stvec),
    VM_U64(RiscvEnv, sscratch),
    VM_U64(RiscvEnv, sepc),
    VM_U64(RiscvEnv, scause),
    VM_U64(RiscvEnv, stval),
    VM_U64(RiscvEnv, satp),
    VM_U64(RiscvEnv, menvcfg),
    VM_U64(RiscvEnv, senvcfg),
    VM_U64_ARRAY(RiscvEnv, mstateen),
    VM_U64_ARRAY(RiscvEnv, sstateen),
    VM_U64(RiscvEnv, stimecmp),
    VM_U32(RiscvEnv, mcounteren),
    VM_U32(RiscvEnv, scounteren),
    VM_U32(RiscvEnv, mcountinhibit),
    VM_U64_ARRAY(RiscvEnv, counter_value),
    VM_U64_ARRAY(RiscvEnv, mhpmevent),
    VM_U8_ARRAY(RiscvEnv, pmpcfg),
    VM_U64_ARRAY(RiscvEnv, pmpaddr),
    VM_U32(RiscvEnv, tselect),
    VM_U64_ARRAY(RiscvEnv, tdata1),
    VM_U64_ARRAY(RiscvEnv, tdata2),
    VM_U64_ARRAY(RiscvEnv, tdata3),
    { 0 },
};

/* --- vectors: a subsection, where there are any --- */

static bool vector_needed(void *obj)
{
    const RiscvEnv *env = obj;

    return riscv_has(env->cfg, RISCV_EXT_ZVE32X);
}

static bool vector_post_load(void *obj, int version, Error **errp)
{
    const RiscvEnv *env = obj;
    bool vill = env->vtype == VTYPE_VILL;

    if (env->saved_vlenb != env->cfg->vlenb || env->vxrm > 3 ||
        env->vxsat > 1 || env->vstart >= 8u * env->cfg->vlenb ||
        (!vill && !vec_vtype_legal(env->cfg, env->vtype)) ||
        env->vl > (vill ? 0 : 1u << vec_vlmax_log(env->cfg, env->vtype))) {
        error_set(errp,
                  "hart %" PRIu64 ": vector state that the hart cannot have",
                  env->mhartid);
        return false;
    }
    return true;
}

static void vector_pre_save(void *obj)
{
    RiscvEnv *env = obj;

    env->saved_vlenb = env->cfg->vlenb;
}

static const VmField vector_fields[] = {
    VM_U16(RiscvEnv, saved_vlenb), VM_U8(RiscvEnv, vxrm),
    VM_U8(RiscvEnv, vxsat),        VM_U32(RiscvEnv, vstart),
    VM_U32(RiscvEnv, vl),          VM_U32(RiscvEnv, vtype),
    VM_U8_ARRAY(RiscvEnv, vreg),   { 0 },
};

static const VmState vector_vmstate = {
    .name = "riscv_env/vector",
    .version = 1,
    .fields = vector_fields,
    .pre_save = vector_pre_save,
    .post_load = vector_post_load,
    .needed = vector_needed,
};

/* --- instructions are counted: a subsection, where they are --- */

static bool counting_needed(void *obj)
{
    const RiscvEnv *env = obj;

    return env->count_insns;
}

static const VmField counting_fields[] = { VM_BOOL(RiscvEnv, count_insns),
                                           { 0 } };

static const VmState counting_vmstate = {
    .name = "riscv_env/counting",
    .version = 1,
    .fields = counting_fields,
    .needed = counting_needed,
};

static const VmState *const env_subsections[] = { &vector_vmstate,
                                                  &counting_vmstate, NULL };

static const VmState env_vmstate = {
    .name = "riscv_env",
    .version = 1,
    .fields = env_fields,
    .pre_save = env_pre_save,
    .post_load = env_post_load,
    .subsections = env_subsections,
};

static void cpu_pre_save(void *obj)
{
    RiscvCpu *cpu = obj;

    cpu->saved_cfg = cpu->cfg;
}

static bool cpu_post_load(void *obj, int version, Error **errp)
{
    RiscvCpu *cpu = obj;
    const RiscvConfig *was = &cpu->saved_cfg, *is = &cpu->cfg;

    if (was->xlen != is->xlen || was->pmp_count != is->pmp_count ||
        memcmp(was->ext, is->ext, sizeof(is->ext)) != 0) {
        error_set(errp, "hart %u was saved with other CPU features",
                  cpu->parent.id);
        return false;
    }
    return true;
}

static const VmField cpu_fields[] = {
    VM_U64_ARRAY(RiscvCpu, saved_cfg.ext),
    VM_U8(RiscvCpu, saved_cfg.xlen),
    VM_U8(RiscvCpu, saved_cfg.pmp_count),
    { .name = "env",
      .offset = offsetof(RiscvCpu, parent.env),
      .kind = VM_KIND_STRUCT,
      .size = sizeof(RiscvEnv),
      .count = 1,
      .pointer = true,
      .state = &env_vmstate },
    { 0 },
};

const VmState riscv_cpu_vmstate = {
    .name = "riscv_cpu",
    .version = 1,
    .fields = cpu_fields,
    .pre_save = cpu_pre_save,
    .post_load = cpu_post_load,
};
