/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory protection (Priv 3.7). Pure on env; vCPU thread. */
#ifndef TARGET_RISCV_PMP_H
#define TARGET_RISCV_PMP_H

#include "target/riscv/cpu.h"

/* Permission bits, as in pmpcfg and page table entries' order R W X. */
enum { ACC_R = 1, ACC_W = 2, ACC_X = 4 };

/* pmpNcfg fields */
enum {
    PMP_R = 1,
    PMP_W = 2,
    PMP_X = 4,
    PMP_A_SHIFT = 3,
    PMP_L = 0x80,
};
enum { PMP_A_OFF, PMP_A_TOR, PMP_A_NA4, PMP_A_NAPOT };

/* pmpcfgN as software sees it (4 entries a register on RV32, 8 on RV64; then
 * odd ones do not exist) and pmpaddrN. Writes keep what is locked. */
uint64_t pmpcfg_read(const RiscvEnv *env, unsigned n);
void pmpcfg_write(RiscvEnv *env, unsigned n, uint64_t value);
void pmpaddr_write(RiscvEnv *env, unsigned n, uint64_t value);
/* Derive the regions' bounds; after every write, reset and load. */
void pmp_update(RiscvEnv *env);

/* What one access may do: ACC_x mask. */
typedef struct PmpResult {
    unsigned allowed;
    /* the aligned page of @addr lies in one and the same first match */
    bool whole_page;
} PmpResult;

/*
 * pmp_check: rights of an access to [addr, addr + size) made at @priv.
 * @size: 1 to 4096 and not wrapping. An access that an entry matches in part
 * has none (Priv 3.7.1.3).
 */
PmpResult pmp_check(const RiscvEnv *env, hwaddr addr, unsigned size,
                    unsigned priv);

#endif
