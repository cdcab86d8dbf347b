/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest of a dozen insns for tests of the runtime (accel/tcg): every insn is
 * four bytes {op, a, b, c}, at any even address, so that it may straddle two
 * pages. 16 registers; one page can be mapped elsewhere; one interrupt.
 */
#ifndef TESTS_TCG_TOY_H
#define TESTS_TCG_TOY_H

#include "accel/accel.h"
#include "softmmu/machine/cpu.h"

enum {
    TOY_RAM = 0x80000000,
    TOY_RAM_SIZE = 4 << 20,
    TOY_EXIT = 0x100000, /* a store here stops the machine */
    TOY_LOWER = 8,       /* from there: a store lowers the vCPU's line */
};

typedef enum ToyOp {
    TOY_NOP,
    TOY_ADDI,  /* r[a] = r[b] + (int8_t)c */
    TOY_LUI,   /* r[a] = (b << 8 | c) << 16 */
    TOY_LD,    /* r[a] = 64 bits at r[b] + (int8_t)c */
    TOY_ST,    /* 64 bits at r[b] + (int8_t)c = r[a] */
    TOY_ST32,  /* 32 bits */
    TOY_BNE,   /* if r[a] != r[b]: pc += 2 * (int8_t)c */
    TOY_JAL,   /* r[a] = pc + 4; pc += 2 * (int16_t)(b << 8 | c) */
    TOY_JR,    /* pc = r[a] */
    TOY_AMO,   /* r[a] = 64 bits at r[b], which grow by r[a] */
    TOY_SYNC,  /* what was stored is seen by fetches from here on */
    TOY_WFI,   /* sleep until the interrupt line is high */
    TOY_ERET,  /* pc = epc, interrupts on */
    TOY_REMAP, /* page r[a] shows page r[b] from here on; flush of r[a] */
} ToyOp;

static inline uint32_t toy(ToyOp op, int a, int b, int c)
{
    return op | (a & 0xff) << 8 | (b & 0xff) << 16 | (uint32_t)(c & 0xff) << 24;
}

/* JAL with its distance in bytes. */
static inline uint32_t toy_jal(int a, int bytes)
{
    return toy(TOY_JAL, a, bytes / 2 >> 8, bytes / 2);
}

typedef struct ToyEnv {
    uint64_t r[16];
    uint64_t pc;
    uint64_t vec, epc, cause;
    uint64_t irq_on;
    _Atomic uint32_t line;
    uint64_t map_page, map_to;
} ToyEnv;

/* cause */
enum { TOY_IRQ = 1, TOY_FAULT_LOAD = 16, TOY_FAULT_STORE, TOY_FAULT_FETCH };

typedef struct ToyMachine {
    Machine parent;
    MemoryRegion ram, exit;
} ToyMachine;

/* @engine: as -accel takes it, "tcg,interp=on". Machine lock held after. */
ToyMachine *toy_machine_new(const char *engine, unsigned cpus);
void toy_machine_free(ToyMachine *t);
static inline ToyEnv *toy_env(ToyMachine *t, int cpu)
{
    return cpu_by_index(&t->parent, cpu)->env;
}
void toy_write(ToyMachine *t, uint64_t addr, const uint32_t *insn, size_t n);
uint64_t toy_read64(ToyMachine *t, uint64_t addr);
/* Run all vCPUs from where they are until one stores to TOY_EXIT or a debug
 * stop; fails the test after 20 s. Meanwhile @idle, if not NULL, is called
 * in the main loop, machine lock held. */
void toy_run(ToyMachine *t, void (*idle)(ToyMachine *t));
/* A counter of the engine by its text in `info jit`. */
uint64_t toy_stat(ToyMachine *t, const char *name);

#endif
