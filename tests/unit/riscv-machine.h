/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of one hart for tests: RAM at 0x80000000, an MTIMER at 0x2004000,
 * and a word at 0x100000 whose write stops it.
 */
#ifndef TESTS_UNIT_RISCV_MACHINE_H
#define TESTS_UNIT_RISCV_MACHINE_H

#include "accel/accel.h"
#include "softmmu/machine/machine.h"

enum {
    TEST_RAM = 0x80000000,
    TEST_RAM_SIZE = 16 << 20,
    TEST_EXIT = 0x100000,
    TEST_CLINT = 0x2000000
};

typedef struct TestMachine {
    Machine parent;
    MemoryRegion ram, exit;
    uint64_t exit_value;
    bool exited;
} TestMachine;

/* @engine: "qtest", "tcg,interp=on", ...; @cpu: as -cpu takes. The machine
 * lock is held from here on. NULL with *errp where options were refused. */
TestMachine *test_machine_new(const char *engine, const char *cpu,
                              Error **errp);
void test_machine_free(TestMachine *t);
static inline CPUState *test_cpu(TestMachine *t)
{
    return g_ptr_array_index(t->parent.cpus, 0);
}
/* Put @words at @pc, run from there until the guest writes to TEST_EXIT;
 * returns what it wrote. Fails the test after ten seconds. */
uint32_t test_machine_run(TestMachine *t, uint64_t pc, const uint32_t *words,
                          size_t n);

#endif
