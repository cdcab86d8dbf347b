/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semihosting: a debugger-like host serves calls that a guest makes by a
 * special breakpoint sequence (RISC-V Semihosting 0.2; Arm DUI 0203).
 */
#ifndef TARGET_SEMIHOST_H
#define TARGET_SEMIHOST_H

#include "softmmu/machine/cpu.h"

/*
 * One call: operation @op with parameter @arg (a number or the virtual address
 * of a block). Returns what goes back to the guest. vCPU thread, no lock held;
 * guest memory is reached through cpu_debug_rw().
 */
typedef uint64_t SemihostFn(void *opaque, CPUState *cpu, uint64_t op,
                            uint64_t arg);

/* Serve the calls of @cpu by @fn; NULL (the start) leaves the sequence to the
 * guest's own breakpoint handler. Before the CPU runs; machine lock. */
void riscv_cpu_set_semihost(CPUState *cpu, SemihostFn *fn, void *opaque);

#endif
