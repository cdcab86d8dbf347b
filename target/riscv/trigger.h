/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug triggers of the guest's own use (Debug 5): address matches that raise
 * a breakpoint exception. vCPU thread, or while it is quiet.
 */
#ifndef TARGET_RISCV_TRIGGER_H
#define TARGET_RISCV_TRIGGER_H

#include "target/riscv/cpu.h"
#include "target/riscv/pmp.h"

void trigger_reset(RiscvEnv *env);

/* CSRs; tdata@i with i from 1. */
uint64_t tselect_read(RiscvEnv *env, unsigned i);
void tselect_write(RiscvEnv *env, unsigned i, uint64_t value);
uint64_t tdata_read(RiscvEnv *env, unsigned i);
void tdata_write(RiscvEnv *env, unsigned i, uint64_t value);
uint64_t tinfo_read(RiscvEnv *env, unsigned i);

/* What trigger @n watches: ACC_x bits and the address; 0 when it is off. */
unsigned trigger_watches(const RiscvEnv *env, unsigned n, vaddr *addr);
/* Does a trigger, in whatever mode, watch data in the 4 KiB page of @va? */
bool trigger_on_page(const RiscvEnv *env, vaddr va);
/* Is there an execute trigger, in whatever mode? Part of the context. */
bool trigger_on_fetch(const RiscvEnv *env);
/* Would a trigger fire now, in the present mode, for @access (one ACC_x bit)
 * to [@addr, @addr + @len)? An execute access has length 1. */
bool trigger_matches(const RiscvEnv *env, unsigned access, vaddr addr,
                     unsigned len);

#endif
