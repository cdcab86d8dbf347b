/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traps: exceptions, interrupts, returns, and what a change of mode means.
 * Priv 3.1.6 to 3.1.16, 3.3. All on the vCPU's thread, or while it is quiet.
 */
#ifndef TARGET_RISCV_TRAP_H
#define TARGET_RISCV_TRAP_H

#include "target/riscv/cpu.h"

/* Note an exception (EXC_x) for riscv_deliver(); changes no architectural
 * state. @tval becomes mtval or stval. */
static inline void riscv_record(RiscvEnv *env, uint32_t cause, uint64_t tval)
{
    env->exc_cause = cause;
    env->exc_tval = tval & bit_mask(env->xlen);
}

/* Take the noted exception; env->pc is that of the instruction. */
void riscv_deliver(RiscvEnv *env);

/* Number of the interrupt to take now, -1 for none (Priv 3.1.9). */
int riscv_pending_interrupt(RiscvEnv *env);
/* Take interrupt @irq; env->pc is that of the next instruction. */
void riscv_take_interrupt(RiscvEnv *env, unsigned irq);
/* Would WFI end? Any pending bit that mie has, whatever is delegated or
 * globally enabled (Priv 3.3.3). Any thread: a racing answer is repeated. */
bool riscv_wfi_over(RiscvEnv *env);

/* MRET and SRET: false is an illegal instruction. env->pc is set. */
bool riscv_mret(RiscvEnv *env);
bool riscv_sret(RiscvEnv *env);
/* May WFI be executed here? (TW; U-mode where there is an S-mode) */
bool riscv_wfi_allowed(const RiscvEnv *env);
/* SFENCE.VMA, SINVAL.VMA (@sinval: TVM rules alike) and the two ordering
 * SFENCE.*.INVAL, which TVM does not bar. */
bool riscv_sfence_allowed(const RiscvEnv *env);

/* Everything in env that translation depends on (CTX_x). */
uint64_t riscv_ctx_flags(const RiscvEnv *env);
/* Soft TLB index of data accesses and of fetches. */
unsigned riscv_data_mmu(const RiscvEnv *env);
unsigned riscv_fetch_mmu(const RiscvEnv *env);
/* Identity of the address space: 0 without translation. */
uint64_t riscv_space_key(const RiscvEnv *env);

/* "illegal instruction" and the like, for logs. */
const char *riscv_exception_name(uint32_t cause);

#endif
