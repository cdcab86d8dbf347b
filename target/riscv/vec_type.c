/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a value of vtype means, for translated code and for saved state.
 *
 * Spec: RISC-V Unprivileged ISA, chapter 31 ("V"), 31.3.4.
 */
#include "tandem/base.h"

#include "target/riscv/vec_helper.h"

unsigned vec_vlmax_log(const RiscvConfig *cfg, uint64_t vtype)
{
    int lmul = (int)bits_sext(vtype & 7, 3);

    return (int)__builtin_ctz(cfg->vlenb) + lmul - (vtype >> 3 & 7);
}

bool vec_vtype_legal(const RiscvConfig *cfg, uint64_t vtype)
{
    int lmul = (int)bits_sext(vtype & 7, 3);
    unsigned sew = vtype >> 3 & 7; /* log2 of bytes */

    if (vtype >> 8 != 0 || lmul == -4 || 8u << sew > cfg->elen) {
        return false;
    }
    /* SEW <= LMUL * ELEN (31.3.4.2) */
    return lmul >= 0 || 8u << sew <= cfg->elen >> -lmul;
}
