/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine small enough to check by eye, for tests of the compiler: a guest
 * with integer and FP slots, flat memory that faults outside, helpers of every
 * effect class. Runs blocks in the interpreter or as emitted code, and says
 * what came of it.
 */
#ifndef TESTS_TCG_MACHINE_H
#define TESTS_TCG_MACHINE_H

#include <setjmp.h>

#include "tandem/base.h"
#include "tcg/builder.h"
#include "tcg/compile.h"
#include "tcg/runtime.h"

enum {
    MACHINE_MEM_BASE = 0x10000,
    MACHINE_MEM_SIZE = 0x4000, /* bytes; addresses beyond fault */
    MACHINE_PAGE_BITS = 12,
};

/* Slots: x0..x15 I64, w0..w7 I32, f0..f7 F64, g0..g3 F32. */
enum {
    SLOT_X = 0,
    SLOT_W = 16,
    SLOT_F = 24,
    SLOT_G = 32,
    SLOT_COUNT = 36,
};

typedef struct TestEnv {
    uint64_t x[16];
    uint32_t w[8];
    uint64_t f[8];
    uint32_t g[4];
    uint64_t pc;
    uint64_t misc[8]; /* not slots: env_ld, env_st */
    uint64_t calls;   /* hash of what helpers saw */
} TestEnv;

/* Outcomes beside TcgLeave. */
enum { OUT_FAULT = 100, OUT_TRAP, OUT_RAISE };

typedef struct Outcome {
    int why;             /* TcgLeave or OUT_* */
    unsigned exit;       /* exit number, when it left through one */
    uint64_t addr;       /* OUT_FAULT: address; OUT_TRAP, OUT_RAISE: code */
    unsigned insns_done; /* when restored */
} Outcome;

/* Emitted code that may fault, for tcg_side_restore(). */
typedef struct MachineUnit {
    const uint8_t *rx;
    const uint8_t *side;
    size_t side_size;
    uint64_t pc;
    unsigned counted; /* insns its entry subtracts from icount; 0: none */
} MachineUnit;

typedef struct Machine {
    TcgHot *hot; /* with env behind it */
    TestEnv *env;
    uint8_t *mem;
    uint8_t *mem_alloc;
    bool fill_tlb; /* slow paths fill the soft TLB */
    sigjmp_buf leave;
    Outcome out;
    unsigned counted;        /* of the block that the interpreter runs */
    const MachineUnit *unit; /* code that runs; NULL: the interpreter */
} Machine;

extern const TcgFrontend machine_frontend;
extern const TcgRuntimeOps machine_ops;
extern const TcgHelper *const machine_helpers[]; /* NULL ends */

/* Individual helpers: a * 3 + b, pure; reads x1 and x2, no fault; writes x3
 * and x4; default effects: raises when its argument is 13, else hashes env. */
extern const TcgHelper helper_pure;
extern const TcgHelper helper_reads;
extern const TcgHelper helper_writes;
extern const TcgHelper helper_any;
extern const TcgHelper helper_five; /* five arguments, no fault, no slots */
extern const TcgHelper helper_fp;   /* F64 in, F64 out, H_HOST_FP */

Machine *machine_new(void);
void machine_free(Machine *m);
/* Registers and memory from @seed; TLBs empty; MXCSR reset; no exit_req. */
void machine_reset(Machine *m, uint64_t seed);
/* Copy guest-visible state (env, memory, FP environment, icount). */
void machine_copy(Machine *to, const Machine *from);
/* First difference as text (g_free), NULL when equal. */
char *machine_diff(const Machine *a, const Machine *b);

/* Run a finished block in the interpreter until it leaves. */
Outcome machine_interp(Machine *m, const TcgBlock *tb);
/* Run emitted code. @unit stays valid over the call. */
Outcome machine_enter(Machine *m, const TcgThunks *thunks, const void *entry,
                      const MachineUnit *unit);

/* xorshift-like generator: a state that is never 0. */
static inline uint64_t machine_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* A 64-bit number worth testing: edges, small ones, random ones. */
uint64_t machine_special(uint64_t *state);
/* Bits of a double (or float) worth testing: zeros, denormals, infinities,
 * NaNs of both kinds, halves, limits of integers, random ones. */
uint64_t machine_special_f64(uint64_t *state);
uint32_t machine_special_f32(uint64_t *state);

#endif
