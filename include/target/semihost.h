/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semihosting: a debugger-like host serves calls that a guest makes by a
 * special breakpoint sequence (RISC-V Semihosting 0.2; Arm DUI 0203).
 */
#ifndef TARGET_SEMIHOST_H
#define TARGET_SEMIHOST_H

#include "softmmu/machine/cpu.h"

/* CpuType.set_semihost of RISC-V harts. */
void riscv_cpu_set_semihost(CPUState *cpu, SemihostFn *fn, void *opaque,
                            bool user);

#endif
