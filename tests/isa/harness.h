/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hart without an engine, for tests of front end and compiler. */
#ifndef TESTS_ISA_HARNESS_H
#define TESTS_ISA_HARNESS_H

#include "tandem/base.h"

#include <setjmp.h>

#include "tcg/builder.h"
#include "tcg/compile.h"
#include "target/riscv/cpu-object.h"
#include "target/tcg_ops.h"

#define RAM_BASE UINT64_C(0x80000000)
#define RAM_SIZE (64 * MiB)

typedef struct Hart {
    RiscvCpu cpu; /* first: a CPUState is a Hart */
    TcgHot *hot;
    RiscvEnv *env;
    uint8_t *ram;
    TcgContext *context;
    TcgThunks thunks;
    TcgCodeBuf unit_buf;
    TcgCode code; /* of the unit */
    TcgBlock *tb; /* the unit */
    TcgInterpValue *values;
    void *dc;
    jmp_buf leave;
    uint64_t insns; /* executed */
    uint32_t status;
    bool jit, finished;
    uint8_t straddle[4];
} Hart;

enum {
    HART_JIT = 1,
    HART_SOFT_FP = 2,
    HART_DUMP = 4,
    HART_NO_AVX512 = 8, /* as on a host without */
    HART_NO_AVX2 = 16,  /* nor with AVX2 */
};

Hart *hart_new(unsigned xlen, unsigned flags, unsigned vlen);
void hart_free(Hart *h);
bool hart_load_elf(Hart *h, const char *path);
/* Translate up to @limit instructions at @pc into h->tb; false: the fetch
 * faults. hart_run_unit() runs it once; faults longjmp to h->leave. */
bool hart_build(Hart *h, vaddr pc, unsigned limit);
void hart_run_unit(Hart *h);
/* Run in units of up to @limit until the program finishes, or @budget
 * instructions are over. */
void hart_run(Hart *h, unsigned limit, uint64_t budget);

#endif
