/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hart without an engine: hooks that count what was asked, 64 KiB of memory
 * for page tables, clocks that stand still unless moved.
 */
#ifndef TESTS_UNIT_RISCV_FAKE_H
#define TESTS_UNIT_RISCV_FAKE_H

#include "target/riscv/cpu.h"
#include "target/riscv/csr.h"
#include "target/riscv/features.h"

enum { FAKE_RAM = 0x80000000, FAKE_RAM_SIZE = 0x10000 };

typedef struct FakeHart {
    RiscvEnv env; /* first: hooks get it */
    RiscvConfig cfg;
    uint8_t ram[FAKE_RAM_SIZE];
    uint64_t cycles, instructions, time;
    bool have_time, counts_always;
    unsigned flushes, ctx_changes, irq_changes, space_changes, cas_calls;
    unsigned cas_to_fail; /* so many CAS find another value in memory */
} FakeHart;

static inline FakeHart *fake_of(RiscvEnv *env)
{
    return (FakeHart *)env;
}

static uint64_t fake_cycles(RiscvEnv *env)
{
    return fake_of(env)->cycles;
}

static uint64_t fake_instructions(RiscvEnv *env)
{
    return fake_of(env)->instructions;
}

static bool fake_time(RiscvEnv *env, uint64_t *value)
{
    *value = fake_of(env)->time;
    return fake_of(env)->have_time;
}

static void fake_nothing(RiscvEnv *env)
{
}

static void fake_irq_changed(RiscvEnv *env)
{
    fake_of(env)->irq_changes++;
}

static void fake_ctx_changed(RiscvEnv *env)
{
    fake_of(env)->ctx_changes++;
}

static void fake_space_changed(RiscvEnv *env)
{
    fake_of(env)->space_changes++;
}

static void fake_flush(RiscvEnv *env, unsigned mmu_mask)
{
    fake_of(env)->flushes++;
}

static uint8_t *fake_ptr(RiscvEnv *env, hwaddr pa, unsigned size)
{
    return pa >= FAKE_RAM && range_fits(pa - FAKE_RAM, size, FAKE_RAM_SIZE)
               ? fake_of(env)->ram + (pa - FAKE_RAM)
               : NULL;
}

static bool fake_pte_load(RiscvEnv *env, hwaddr pa, unsigned size,
                          uint64_t *pte)
{
    uint8_t *p = fake_ptr(env, pa, size);

    if (p == NULL) {
        return false;
    }
    *pte = size == 4 ? ld32_le(p) : ld64_le(p);
    return true;
}

static bool fake_pte_cas(RiscvEnv *env, hwaddr pa, unsigned size,
                         uint64_t expected, uint64_t desired, bool *done)
{
    FakeHart *h = fake_of(env);
    uint8_t *p = fake_ptr(env, pa, size);
    uint64_t now;

    if (!fake_pte_load(env, pa, size, &now)) {
        return false;
    }
    h->cas_calls++;
    *done = now == expected && h->cas_to_fail == 0;
    if (h->cas_to_fail > 0) {
        h->cas_to_fail--;
    }
    if (*done && size == 4) {
        st32_le(p, desired);
    } else if (*done) {
        st64_le(p, desired);
    }
    return true;
}

static bool fake_counts_always(RiscvEnv *env)
{
    return fake_of(env)->counts_always;
}

static const RiscvHooks fake_hooks = {
    .cycles = fake_cycles,
    .instructions = fake_instructions,
    .counts_always = fake_counts_always,
    .mtime = fake_time,
    .stimer_changed = fake_nothing,
    .irq_changed = fake_irq_changed,
    .ctx_changed = fake_ctx_changed,
    .flush_modes = fake_flush,
    .space_changed = fake_space_changed,
    .triggers_changed = fake_nothing,
    .fflags_sync = fake_nothing,
    .frm_changed = fake_nothing,
    .pte_load = fake_pte_load,
    .pte_cas = fake_pte_cas,
};

/* @off: names of extensions to leave out, ended by I; NULL for none. */
static inline FakeHart *fake_new(const RiscvModel *model, const uint8_t *off)
{
    FakeHart *h = g_new0(FakeHart, 1);
    uint8_t user[RISCV_EXT_COUNT] = { 0 };
    Error *err = NULL;

    for (; off != NULL && *off != RISCV_EXT_I; off++) {
        user[*off] = EXT_OFF;
    }
    h->cfg = (RiscvConfig){ .cbom_block = 64,
                            .cbop_block = 64,
                            .cboz_block = 64,
                            .misaligned = true,
                            .pmp_count = 16,
                            .trigger_count = 2,
                            .hpm_mask = 0x18 };
    g_assert_true(riscv_features_resolve(&h->cfg, model, user, &err));
    g_assert_true(riscv_satp_resolve(&h->cfg, model->satp_mode, true,
                                     (uint8_t[3]){ 0 }, &err));
    h->env.cfg = &h->cfg;
    h->env.hooks = &fake_hooks;
    h->have_time = true;
    riscv_csr_reset(&h->env);
    return h;
}

#endif
