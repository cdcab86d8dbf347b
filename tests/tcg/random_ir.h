/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random, valid blocks for the guest of machine.h: the same seed and features
 * give the same block, whatever the context's options. For differential runs.
 */
#ifndef TESTS_TCG_RANDOM_IR_H
#define TESTS_TCG_RANDOM_IR_H

#include "machine.h"

enum {
    RANDOM_MEM = 1 << 0,    /* loads, stores */
    RANDOM_ATOMIC = 1 << 1, /* read-modify-write, CAS, SC, fences */
    RANDOM_CALL = 1 << 2,   /* helpers of all kinds */
    RANDOM_SIDE = 1 << 3,   /* side exits, traps */
    RANDOM_FP = 1 << 4,     /* floating point */
    RANDOM_LOOP = 1 << 5,   /* some blocks loop on x15 */
    RANDOM_ICOUNT = 1 << 6, /* some blocks count */
    RANDOM_DIV = 1 << 7,    /* divisions (slow) */
    RANDOM_ALL = 0xff,
};

/* Build and finish a block in @ctx of about @insns guest insns. */
TcgBlock *random_ir(TcgContext *ctx, uint64_t seed, unsigned features,
                    unsigned insns);

#endif
