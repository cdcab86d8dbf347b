/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters and the supervisor timer's compare.
 *
 * Spec: Priv 3.1.10 to 3.1.12 (mcycle, minstret, mhpm, inhibit), Sstc 2.
 *
 * A counter runs by its base: value = base + source. Inhibited, or counting
 * no event, the base alone is the value.
 *
 * Instructions are counted exactly from the first access to a counter of them
 * on: few guests have one, and the others do not pay (TCG_CTX_COUNT). Until
 * then nobody can tell their number, and virtual time stands for it, so that
 * what is read grows from the reset on.
 */
#include "tandem/base.h"

#include "target/riscv/csr.h"

enum { CY = 0, TM = 1, IR = 2 };

static uint64_t event_of(const RiscvEnv *env, unsigned n)
{
    return n == CY   ? RISCV_EVENT_CYCLES
           : n == IR ? RISCV_EVENT_INSTRUCTIONS
                     : env->mhpmevent[n];
}

/* The running source of counter @n; 0 when it stands still. */
static uint64_t source(RiscvEnv *env, unsigned n)
{
    uint64_t event = event_of(env, n);

    if (env->mcountinhibit & BIT(n)) {
        return 0;
    }
    switch (event) {
    case RISCV_EVENT_CYCLES:
        return env->hooks->cycles(env);
    case RISCV_EVENT_INSTRUCTIONS:
        return env->hooks->instructions(env);
    default:
        return 0;
    }
}

uint32_t counter_mask(const RiscvEnv *env)
{
    return BIT(CY) | BIT(TM) | BIT(IR) | env->cfg->hpm_mask;
}

/* Counters that do not exist are read-only zero (Priv 3.1.10). */
uint64_t counter_read(RiscvEnv *env, unsigned n)
{
    if (!(counter_mask(env) & BIT(n))) {
        return 0;
    }
    return env->counter_base[n] + source(env, n);
}

void counter_write(RiscvEnv *env, unsigned n, uint64_t value)
{
    if (counter_mask(env) & BIT(n)) {
        env->counter_base[n] = value - source(env, n);
    }
}

/* From here on each instruction counts; no counter's value jumps. */
static bool begin_counting(RiscvEnv *env)
{
    uint64_t now[RISCV_COUNTERS];

    if (env->count_insns || env->hooks->counts_always(env)) {
        return false;
    }
    for (unsigned n = 0; n < RISCV_COUNTERS; n++) {
        now[n] = counter_read(env, n);
    }
    env->count_insns = true;
    for (unsigned n = 0; n < RISCV_COUNTERS; n++) {
        counter_write(env, n, now[n]);
    }
    env->hooks->ctx_changed(env);
    return true;
}

/* The counter that CSR @csr, or its high half, shows or sets; -1: none. */
static int counter_of(unsigned csr)
{
    static const uint16_t first[] = { CSR_MCYCLE, CSR_MCYCLEH, CSR_CYCLE,
                                      CSR_CYCLEH };

    for (unsigned i = 0; i < ARRAY_SIZE(first); i++) {
        if (csr - first[i] < RISCV_COUNTERS) {
            return csr - first[i];
        }
    }
    return -1;
}

static bool counts_insns(const RiscvEnv *env, int n)
{
    return n >= 0 && n != TM && event_of(env, n) == RISCV_EVENT_INSTRUCTIONS;
}

bool counter_first_use(RiscvEnv *env, unsigned csr)
{
    return counts_insns(env, counter_of(csr)) && begin_counting(env);
}

void counter_written(RiscvEnv *env, unsigned csr)
{
    int n = counter_of(csr);

    if (counts_insns(env, n) && !(env->mcountinhibit & BIT(n))) {
        env->counter_base[n]--;
    }
}

void counter_set_inhibit(RiscvEnv *env, uint32_t inhibit)
{
    uint32_t mask = counter_mask(env) & ~BIT(TM); /* bit 1 is zero */
    uint64_t now[RISCV_COUNTERS];

    for (unsigned n = 0; n < RISCV_COUNTERS; n++) {
        now[n] = counter_read(env, n);
    }
    env->mcountinhibit = inhibit & mask;
    for (unsigned n = 0; n < RISCV_COUNTERS; n++) {
        counter_write(env, n, now[n]);
    }
}

void counter_set_event(RiscvEnv *env, unsigned n, uint64_t event)
{
    if (!(env->cfg->hpm_mask & BIT(n)) || event > RISCV_EVENT_INSTRUCTIONS) {
        return; /* WARL: the old value stays */
    }
    uint64_t now = counter_read(env, n);

    env->mhpmevent[n] = event;
    counter_write(env, n, now);
    if (event == RISCV_EVENT_INSTRUCTIONS) {
        begin_counting(env);
    }
}

bool stimer_pending(RiscvEnv *env)
{
    uint64_t now;

    return stimer_enabled(env) && env->hooks->mtime(env, &now) &&
           now >= env->stimecmp;
}
