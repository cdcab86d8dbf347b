/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry, trap handlers, mode changes of ISA programs; see isa.h. */
#include "isa.h"

    .section .text.start
    .globl _start
_start:
    csrr t0, mhartid
    bnez t0, park
    la t0, trap_entry
    csrw mtvec, t0
    la sp, stack_top
    /* S and U reach all memory where there is a PMP; a hart without one
     * traps here and goes on. */
    la t0, 1f
    csrw mtvec, t0
    li t1, -1
    csrw pmpaddr0, t1
    li t1, 0x1f
    csrw pmpcfg0, t1
    .balign 4
1:
    la t0, trap_entry
    csrw mtvec, t0
    li t0, 3 << 13 /* FS: where there is F */
    csrs mstatus, t0
    call main
    .globl fail
fail:
    li a7, CALL_EXIT
    ecall
    j fail
park: /* harts but the first: their own stacks, other_main(hart) */
    la t1, trap_entry
    csrw mtvec, t1
    mv a0, t0
    la sp, stack_top
    slli t0, t0, 12
    sub sp, sp, t0
    call other_main
    .weak other_main
other_main:
    wfi
    j other_main

    .text
    .globl exit_with
exit_with:
    j fail

/* In M-mode: t0 in mscratch, t1, t2 and a7 are looked at or saved. */
    .balign 4
    .globl trap_entry
trap_entry:
    csrw mscratch, t0
    la t0, trap
    SX t1, (TRAP_SAVE + 0) * XBYTES(t0)
    SX t2, (TRAP_SAVE + 1) * XBYTES(t0)
    csrr t1, mcause
    bltz t1, machine_interrupt
    li t2, 8
    beq t1, t2, ecall_seen
    li t2, 9
    beq t1, t2, ecall_seen
    li t2, 11
    beq t1, t2, ecall_seen
not_a_call:
    LX t2, TRAP_ARMED * XBYTES(t0)
    beqz t2, unexpected
    SX x0, TRAP_ARMED * XBYTES(t0)
    SX t1, TRAP_CAUSE * XBYTES(t0)
    csrr t1, mtval
    SX t1, TRAP_TVAL * XBYTES(t0)
    csrr t1, mstatus
    SX t1, TRAP_STATUS * XBYTES(t0)
    LX t1, TRAP_COUNT * XBYTES(t0)
    addi t1, t1, 1
    SX t1, TRAP_COUNT * XBYTES(t0)
    csrr t1, mepc
    SX t1, TRAP_EPC * XBYTES(t0)
    LX t2, TRAP_RESUME * XBYTES(t0)
    bnez t2, resume_there
    lhu t2, 0(t1) /* identity mapped, so physical */
    andi t2, t2, 3
    addi t1, t1, 2
    addi t2, t2, -3
    bnez t2, 2f
    addi t1, t1, 2
2:
    csrw mepc, t1
    j trap_out
resume_there:
    csrw mepc, t2
    SX x0, TRAP_RESUME * XBYTES(t0)
trap_out:
    LX t1, (TRAP_SAVE + 0) * XBYTES(t0)
    LX t2, (TRAP_SAVE + 1) * XBYTES(t0)
    csrr t0, mscratch
    mret

/* Interrupts: noted, and turned off in mie. */
machine_interrupt:
    SX t1, TRAP_CAUSE * XBYTES(t0)
    LX t2, TRAP_COUNT * XBYTES(t0)
    addi t2, t2, 1
    SX t2, TRAP_COUNT * XBYTES(t0)
    csrr t2, mepc
    SX t2, TRAP_EPC * XBYTES(t0)
    li t2, 1
    sll t2, t2, t1
    csrc mie, t2
    j trap_out

ecall_seen:
    li t2, CALL_EXIT
    beq a7, t2, finish
    li t2, CALL_RETURN
    bne a7, t2, not_a_call
    la t1, call_context
    LX ra, 0(t1)
    LX s0, XBYTES(t1)
    LX s1, 2 * XBYTES(t1)
    LX sp, 3 * XBYTES(t1)
    LX gp, 4 * XBYTES(t1)
    LX tp, 5 * XBYTES(t1)
    ret

unexpected:
    li a0, 1000
    add a0, a0, t1
finish:
    li t1, SIFIVE_TEST
    li t2, 0x5555
    beqz a0, 1f
    slli a0, a0, 16
    li t2, 0x3333
    or t2, t2, a0
1:
    sw t2, 0(t1)
    j 1b

/* xlen_t call_in(int mode, fn, arg): s0, s1, sp, ra are brought back by hand,
 * the rest as by a call. */
    .globl call_in
call_in:
    la t0, call_context
    SX ra, 0(t0)
    SX s0, XBYTES(t0)
    SX s1, 2 * XBYTES(t0)
    SX sp, 3 * XBYTES(t0)
    SX gp, 4 * XBYTES(t0)
    SX tp, 5 * XBYTES(t0)
    li t1, 3 << 11
    csrc mstatus, t1
    slli a0, a0, 11
    csrs mstatus, a0
    csrw mepc, a1
    mv a0, a2
    la ra, call_over
    mret
call_over:
    li a7, CALL_RETURN
    ecall
    j call_over

/* The S-mode handler: exceptions as above, from strap. */
    .balign 4
    .globl strap_entry
strap_entry:
    csrw sscratch, t0
    la t0, strap
    SX t1, (TRAP_SAVE + 0) * XBYTES(t0)
    SX t2, (TRAP_SAVE + 1) * XBYTES(t0)
    csrr t1, scause
    bltz t1, supervisor_interrupt
    LX t2, TRAP_ARMED * XBYTES(t0)
    beqz t2, strap_unexpected
    SX x0, TRAP_ARMED * XBYTES(t0)
    SX t1, TRAP_CAUSE * XBYTES(t0)
    csrr t1, stval
    SX t1, TRAP_TVAL * XBYTES(t0)
    csrr t1, sstatus
    SX t1, TRAP_STATUS * XBYTES(t0)
    csrr t1, sepc
    SX t1, TRAP_EPC * XBYTES(t0)
    LX t2, TRAP_RESUME * XBYTES(t0)
    bnez t2, 3f
    lhu t2, 0(t1)
    andi t2, t2, 3
    addi t1, t1, 2
    addi t2, t2, -3
    bnez t2, 2f
    addi t1, t1, 2
2:
    csrw sepc, t1
    j strap_out
3:
    csrw sepc, t2
    SX x0, TRAP_RESUME * XBYTES(t0)
strap_out:
    LX t1, (TRAP_SAVE + 0) * XBYTES(t0)
    LX t2, (TRAP_SAVE + 1) * XBYTES(t0)
    csrr t0, sscratch
    sret
supervisor_interrupt:
    SX t1, TRAP_CAUSE * XBYTES(t0)
    LX t2, TRAP_COUNT * XBYTES(t0)
    addi t2, t2, 1
    SX t2, TRAP_COUNT * XBYTES(t0)
    csrr t2, sepc
    SX t2, TRAP_EPC * XBYTES(t0)
    li t2, 1
    sll t2, t2, t1
    csrc sie, t2
    j strap_out
strap_unexpected:
    li a0, 2000
    add a0, a0, t1
    li a7, CALL_EXIT
    ecall
    j strap_unexpected

    .bss
    .balign 16
    .globl trap, strap
trap:
    .zero 16 * XBYTES
strap:
    .zero 16 * XBYTES
call_context:
    .zero 8 * XBYTES
