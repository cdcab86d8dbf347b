/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ops in C, called from emitted code through THUNK_SOFT: what the host lacks
 * an instruction for, and the rare cases of floating point.
 */
#include "tandem/base.h"

#include "backend.h"

uint64_t x86_soft_eval(void *env, const uint64_t *args)
{
    TcgOp op = args[0] & 0xff;
    TcgType type = args[0] >> 8 & 15, from = args[0] >> 12 & 15;
    unsigned aux = args[0] >> 16 & 0xffff;
    uint64_t x = args[1], y = args[2], z = args[3];

    if (!ra_wide(from)) {
        x = (uint32_t)x;
        y = (uint32_t)y;
        z = (uint32_t)z;
    }
    if (tcg_op_info[op].flags & TCG_OPF_FP) {
        return tcg_eval_fp(op, type, aux, from, x, y, z,
                           &tcg_hot(env)->mxcsr_guest);
    }
    return tcg_eval(op, type, aux, from, x, y);
}
