/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address translation (Priv 10.3 to 10.6) and protection of the result. */
#ifndef TARGET_RISCV_MMU_H
#define TARGET_RISCV_MMU_H

#include "softmmu/machine/cpu.h"
#include "target/riscv/cpu.h"
#include "target/riscv/pmp.h"

/* A translation of one address. */
typedef struct RiscvPage {
    hwaddr pa;         /* of the address itself */
    uint8_t page_bits; /* log2 of the mapping's size, >= 12 */
    uint8_t rights;    /* ACC_x that need no other walk; W only with D set */
    bool global;
    bool whole; /* rights hold for the whole 4 KiB page (PMP) */
} RiscvPage;

/*
 * riscv_translate: translate @va for @access (one ACC_x) of @size bytes, all
 * in one 4 KiB page, with soft TLB index @mmu.
 * Returns false on a fault: *cause is EXC_x, xtval is @va (cut to XLEN). May
 * set A and D bits when Svadu is on. vCPU thread.
 */
bool riscv_translate(RiscvEnv *env, vaddr va, unsigned size, unsigned access,
                     unsigned mmu, RiscvPage *page, uint32_t *cause);

/* For debuggers: where @va is now, by the present mode; writes
 * nothing, checks no right, PMP or A and D. */
bool riscv_debug_translate(RiscvEnv *env, vaddr va, hwaddr *pa);

/* CpuType.each_mapping: by satp, whatever the mode is now; false: bare, or
 * the hart is in M-mode. A and D are in the rights, so that a stretch ends
 * where they change. */
bool riscv_each_mapping(RiscvEnv *env, bool pages, CpuMappingFn *fn,
                        void *opaque);

#endif
