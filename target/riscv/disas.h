/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V instructions as text, by the decode tables (DECISIONS 43). */
#ifndef TARGET_RISCV_DISAS_H
#define TARGET_RISCV_DISAS_H

#include "tandem/base.h"

typedef struct RiscvEnv RiscvEnv;

typedef struct RiscvDisas {
    const uint64_t *ext; /* bit map of RiscvExt: what is decoded */
    unsigned xlen;       /* 32 or 64 */
    /* Name of a CSR, perhaps in @buf, NULL where it has none; may be NULL. */
    const char *(*csr_name)(const RiscvEnv *env, unsigned csr, char buf[24]);
    const RiscvEnv *env; /* for csr_name */
} RiscvDisas;

/**
 * riscv_disas: text of one instruction, "name\toperands" as binutils writes it.
 * @bytes, @avail: the instruction stream at @pc; at most 4 are looked at
 * @out, @size: NUL-terminated result, cut at @size
 * Returns: length in bytes, 2 or 4; 0 when @avail is too short for it.
 */
unsigned riscv_disas(const RiscvDisas *d, uint64_t pc, const uint8_t *bytes,
                     unsigned avail, char *out, unsigned size);

extern const char *const riscv_gpr_names[32]; /* of the ABI: zero, ra, ... */
extern const char *const riscv_fpr_names[32];

#endif
