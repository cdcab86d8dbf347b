/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical memory protection: regions from pmpcfg and pmpaddr, and the check
 * of an access. Granularity is 4 bytes (G = 0).
 *
 * Spec: Priv 3.7.1.
 */
#include "tandem/base.h"

#include "target/riscv/pmp.h"

static unsigned mode_of(uint8_t cfg)
{
    return bits_get(cfg, PMP_A_SHIFT, 2);
}

/* Locked itself, or the lower bound of a locked TOR entry (3.7.1.2). */
static bool addr_locked(const RiscvEnv *env, unsigned n)
{
    if (env->pmpcfg[n] & PMP_L) {
        return true;
    }
    return n + 1 < env->cfg->pmp_count && (env->pmpcfg[n + 1] & PMP_L) &&
           mode_of(env->pmpcfg[n + 1]) == PMP_A_TOR;
}

uint64_t pmpcfg_read(const RiscvEnv *env, unsigned n)
{
    uint64_t v = 0;
    unsigned bytes = env->xlen / 8;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)env->pmpcfg[n * 4 + i] << (8 * i);
    }
    return v;
}

void pmpcfg_write(RiscvEnv *env, unsigned n, uint64_t value)
{
    unsigned bytes = env->xlen / 8;

    for (unsigned i = 0; i < bytes; i++) {
        unsigned entry = n * 4 + i;
        uint8_t cfg = (value >> (8 * i)) & (PMP_L | 0x1f);

        if (entry >= env->cfg->pmp_count || (env->pmpcfg[entry] & PMP_L)) {
            continue;
        }
        if ((cfg & (PMP_R | PMP_W)) == PMP_W) {
            continue; /* reserved: WARL keeps the old value */
        }
        env->pmpcfg[entry] = cfg;
    }
    pmp_update(env);
}

void pmpaddr_write(RiscvEnv *env, unsigned n, uint64_t value)
{
    if (n >= env->cfg->pmp_count || addr_locked(env, n)) {
        return;
    }
    /* bits 55:2 of an address on RV64, 33:2 on RV32 */
    env->pmpaddr[n] = value & bit_mask(env->xlen == 32 ? 32 : 54);
    pmp_update(env);
}

void pmp_update(RiscvEnv *env)
{
    for (unsigned n = 0; n < RISCV_MAX_PMP; n++) {
        uint64_t addr = env->pmpaddr[n];
        hwaddr first = 1, last = 0; /* off */

        switch (n < env->cfg->pmp_count ? mode_of(env->pmpcfg[n]) : PMP_A_OFF) {
        case PMP_A_TOR:
            first = n == 0 ? 0 : env->pmpaddr[n - 1] << 2;
            last = (addr << 2) - 1;
            if (addr == 0 || first > last) {
                first = 1, last = 0; /* matches no address */
            }
            break;
        case PMP_A_NA4:
            first = addr << 2;
            last = first + 3;
            break;
        case PMP_A_NAPOT: {
            /* the ones at the bottom and the zero above them are size */
            uint64_t size_mask = ((addr ^ (addr + 1)) << 2) | 3;

            first = (addr << 2) & ~size_mask;
            last = first | size_mask;
            break;
        }
        default:
            break;
        }
        env->pmp_first[n] = first;
        env->pmp_last[n] = last;
    }
}

/* Rights that entry @n, which matches, gives to @priv (3.7.1.1, 3.7.1.2). */
static unsigned entry_rights(const RiscvEnv *env, unsigned n, unsigned priv)
{
    if (priv == PRV_M && !(env->pmpcfg[n] & PMP_L)) {
        return ACC_R | ACC_W | ACC_X;
    }
    return env->pmpcfg[n] & (PMP_R | PMP_W | PMP_X);
}

PmpResult pmp_check(const RiscvEnv *env, hwaddr addr, unsigned size,
                    unsigned priv)
{
    hwaddr last = addr + size - 1;
    hwaddr page = align_down(addr, 4096), page_last = page + 4095;
    PmpResult r = { 0, true };

    for (unsigned n = 0; n < env->cfg->pmp_count; n++) {
        hwaddr lo = env->pmp_first[n], hi = env->pmp_last[n];

        if (lo > hi) {
            continue;
        }
        if (hi >= page && lo <= page_last && (lo > page || hi < page_last)) {
            r.whole_page = false;
        }
        if (hi < addr || lo > last) {
            continue;
        }
        /* lowest-numbered entry that matches any byte decides (3.7.1.3) */
        if (lo <= addr && hi >= last) {
            r.allowed = entry_rights(env, n, priv);
        }
        return r;
    }
    if (priv == PRV_M || env->cfg->pmp_count == 0) {
        r.allowed = ACC_R | ACC_W | ACC_X;
    }
    return r;
}
