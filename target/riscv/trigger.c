/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Triggers: type 2 (mcontrol) and 6 (mcontrol6), equal match, action 0.
 *
 * Spec: RISC-V Debug 1.0, 5.3 to 5.5 (behaviour), 5.7 (registers). DMODE is
 *       writable in debug mode only, which this hart has not: it reads 0.
 * Omits: chains, sizes, masks and ranges, icount, itrigger, etrigger: their
 *        fields are WARL and read zero.
 */
#include "tandem/base.h"

#include "target/riscv/csr.h"
#include "target/riscv/trigger.h"

enum { TYPE_NONE = 0, TYPE_MCONTROL = 2, TYPE_MCONTROL6 = 6, TYPE_OFF = 15 };

/* Fields that both types have in one place (5.7.11, 5.7.12). */
enum {
    MC_LOAD = 1 << 0,
    MC_STORE = 1 << 1,
    MC_EXECUTE = 1 << 2,
    MC_U = 1 << 3,
    MC_S = 1 << 4,
    MC_M = 1 << 6,
    MC_WRITABLE = MC_LOAD | MC_STORE | MC_EXECUTE | MC_U | MC_S | MC_M,
};
/* mcontrol.maskmax is 0: only exact matches. */

static uint64_t make_tdata1(const RiscvEnv *env, unsigned type, uint64_t data)
{
    return (uint64_t)type << (env->xlen - 4) | data;
}

static unsigned type_of(const RiscvEnv *env, uint64_t tdata1)
{
    return bits_get(tdata1, env->xlen - 4, 4);
}

void trigger_reset(RiscvEnv *env)
{
    env->tselect = 0;
    for (unsigned n = 0; n < RISCV_MAX_TRIGGER; n++) {
        env->tdata1[n] = make_tdata1(env, TYPE_MCONTROL, 0);
        env->tdata2[n] = env->tdata3[n] = 0;
    }
}

uint64_t tselect_read(RiscvEnv *env, unsigned i)
{
    return env->tselect;
}

/* 5.7.1: a debugger finds the last trigger by the value not sticking. */
void tselect_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    if (value < env->cfg->trigger_count) {
        env->tselect = value;
    }
}

uint64_t tdata_read(RiscvEnv *env, unsigned i)
{
    unsigned n = env->tselect;

    return i == 1 ? env->tdata1[n] : i == 2 ? env->tdata2[n] : env->tdata3[n];
}

static uint64_t legal_tdata1(const RiscvEnv *env, uint64_t value)
{
    unsigned type = type_of(env, value);
    uint64_t mask = MC_WRITABLE;

    if (!riscv_has(env->cfg, RISCV_EXT_S)) {
        mask &= ~(uint64_t)MC_S;
    }
    if (!riscv_has(env->cfg, RISCV_EXT_U)) {
        mask &= ~(uint64_t)MC_U;
    }
    if (type != TYPE_MCONTROL && type != TYPE_MCONTROL6) {
        return make_tdata1(env, TYPE_OFF, 0); /* 5.7.2 */
    }
    return make_tdata1(env, type, value & mask);
}

void tdata_write(RiscvEnv *env, unsigned i, uint64_t value)
{
    unsigned n = env->tselect;

    switch (i) {
    case 1:
        env->tdata1[n] = legal_tdata1(env, value);
        break;
    case 2:
        env->tdata2[n] = value;
        break;
    default:
        return; /* textra: none of its fields is implemented */
    }
    env->hooks->triggers_changed(env);
}

/* 5.7.5: one bit for each type that can be selected; version 1. */
uint64_t tinfo_read(RiscvEnv *env, unsigned i)
{
    return BIT(TYPE_MCONTROL) | BIT(TYPE_MCONTROL6) | BIT(TYPE_OFF) | 1 << 24;
}

unsigned trigger_watches(const RiscvEnv *env, unsigned n, vaddr *addr)
{
    uint64_t t = env->tdata1[n];
    unsigned type = type_of(env, t);

    if ((type != TYPE_MCONTROL && type != TYPE_MCONTROL6) ||
        !(t & (MC_U | MC_S | MC_M))) {
        return 0;
    }
    *addr = env->tdata2[n];
    return (t & MC_LOAD ? ACC_R : 0) | (t & MC_STORE ? ACC_W : 0) |
           (t & MC_EXECUTE ? ACC_X : 0);
}

/* Does @t fire in the present mode? In M only with MIE set, so that a handler
 * is not entered again at once (5.4, second solution). */
static bool mode_matches(const RiscvEnv *env, uint64_t t)
{
    switch (env->priv) {
    case PRV_U:
        return (t & MC_U) != 0;
    case PRV_S:
        return (t & MC_S) != 0;
    default:
        return (t & MC_M) != 0 && (env->mstatus & MSTATUS_MIE) != 0;
    }
}

bool trigger_matches(const RiscvEnv *env, unsigned access, vaddr addr,
                     unsigned len)
{
    for (unsigned n = 0; n < env->cfg->trigger_count; n++) {
        vaddr watched;

        if ((trigger_watches(env, n, &watched) & access) &&
            watched - addr < len && mode_matches(env, env->tdata1[n])) {
            return true;
        }
    }
    return false;
}

bool trigger_on_page(const RiscvEnv *env, vaddr va)
{
    for (unsigned n = 0; n < env->cfg->trigger_count; n++) {
        vaddr watched;

        if ((env->tdata1[n] & (MC_LOAD | MC_STORE)) &&
            (trigger_watches(env, n, &watched) & (ACC_R | ACC_W)) &&
            align_down(watched, 4096) == align_down(va, 4096)) {
            return true;
        }
    }
    return false;
}

bool trigger_on_fetch(const RiscvEnv *env)
{
    for (unsigned n = 0; n < env->cfg->trigger_count; n++) {
        vaddr watched;

        if ((env->tdata1[n] & MC_EXECUTE) &&
            (trigger_watches(env, n, &watched) & ACC_X)) {
            return true;
        }
    }
    return false;
}
