/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine mode, interrupts off; a trap is a fault of the program or of the
 * machine, and ends it. */
    .section .text.start, "ax"
    .globl _start
_start:
    csrr t0, mhartid
    bnez t0, 2f
    la sp, stack_top
    la t0, 1f
    csrw mtvec, t0
    call main
    .balign 4
1:
    csrr a0, mcause
    csrr a1, mepc
    call fault
2:
    wfi
    j 2b
