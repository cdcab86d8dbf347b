/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands for the translator in a build without it: no hart ever runs,
 * boards and devices are there for qtest, and state can be set and saved.
 */
#include "tandem/base.h"

#include "target/riscv/cpu-object.h"
#include "target/riscv/vector.h"

static uint64_t no_count(RiscvEnv *env)
{
    return 0;
}

static bool no_counts(RiscvEnv *env)
{
    return false;
}

static bool no_time(RiscvEnv *env, uint64_t *value)
{
    return false;
}

static void no_notice(RiscvEnv *env)
{
}

static void no_flush(RiscvEnv *env, unsigned mmu_mask)
{
}

static bool no_pte_load(RiscvEnv *env, hwaddr pa, unsigned size, uint64_t *pte)
{
    return false;
}

static bool no_pte_cas(RiscvEnv *env, hwaddr pa, unsigned size,
                       uint64_t expected, uint64_t desired, bool *done)
{
    return false;
}

const RiscvHooks riscv_hooks = {
    .cycles = no_count,
    .instructions = no_count,
    .counts_always = no_counts,
    .mtime = no_time,
    .stimer_changed = no_notice,
    .irq_changed = no_notice,
    .ctx_changed = no_notice,
    .flush_modes = no_flush,
    .space_changed = no_notice,
    .triggers_changed = no_notice,
    .fflags_sync = no_notice,
    .frm_changed = no_notice,
    .pte_load = no_pte_load,
    .pte_cas = no_pte_cas,
};

VecKernelRow *vec_kernels_host(uint32_t features)
{
    return NULL;
}
