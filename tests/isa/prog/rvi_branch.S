/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jumps and branches: Unprivileged 2.5. */
#include "isa.h"

/* taken: 1 if @insn branches for (x, y), forward and backward. */
.macro br insn, x, y, taken
    li a0, \x
    li a1, \y
    li a2, 1
    \insn a0, a1, 1f
    li a2, 0
1:  check_eq a2, \taken
    li a3, 0
    j 2f
1:  li a3, 1
    j 3f
2:  \insn a0, a1, 1b
3:  check_eq a3, \taken
.endm

    .globl main
main:
    mv s1, ra
    br beq, 3, 3, 1
    br beq, 3, -3, 0
    br bne, 3, 3, 0
    br bne, 3, -3, 1
    br blt, -1, 1, 1
    br blt, 1, -1, 0
    br blt, 4, 4, 0
    br bge, -1, 1, 0
    br bge, 1, -1, 1
    br bge, 4, 4, 1
    br bltu, -1, 1, 0
    br bltu, 1, -1, 1
    br bltu, 4, 4, 0
    br bgeu, -1, 1, 1
    br bgeu, 1, -1, 0
    br bgeu, 4, 4, 1

    /* the same register on both sides */
    li a0, 5
    li a2, 1
    beq a0, a0, 1f
    li a2, 0
1:  check_eq a2, 1
    bltu x0, x0, bad

    /* a loop to its own head, counted */
    li a0, 1000
    li a1, 0
1:  addi a1, a1, 3
    addi a0, a0, -1
    bnez a0, 1b
    check_eq a1, 3000

    /* jal links the next instruction */
    jal a0, 1f
0:  j bad
1:  la a1, 0b
    sub a0, a0, a1
    check_eq a0, 0

    /* jalr: target before link, bit 0 is cleared, offset is signed */
    la ra, 1f + 1
    jalr ra, ra
0:  j bad
    .balign 4
1:  la a1, 0b
    sub a0, ra, a1
    check_eq a0, 0
    la t0, 1f + 100
    jalr t0, -100(t0)
    j bad
    .balign 4
1:  la t0, 1f
    jr t0
    j bad
    .balign 4
1:
    /* call and return, nested, through both link registers */
    li a0, 10
    call sum
    check_eq a0, 55
    li a0, 4
    jal t0, alt
    check_eq a0, 44

    /* an indirect jump to many targets */
    li s0, 0
    li a0, 7
1:  la t1, table
    slli t2, a0, 4
    add t1, t1, t2
    jalr ra, 0(t1)
    addi a0, a0, -1
    bgez a0, 1b
    check_eq s0, 0 + 1 + 4 + 9 + 16 + 25 + 36 + 49
    mv ra, s1
    pass

sum: /* recursive 1 + .. + a0 */
    beqz a0, 1f
    addi sp, sp, -16
    SX ra, 0(sp)
    SX a0, XBYTES(sp)
    addi a0, a0, -1
    call sum
    LX a1, XBYTES(sp)
    LX ra, 0(sp)
    addi sp, sp, 16
    add a0, a0, a1
1:  ret
alt:
    addi a0, a0, 40
    jr t0
bad:
    li a0, 999
    j fail

    .option push
    .option norvc
    .balign 16
table:
    addi s0, s0, 0
    ret
    .balign 16
    addi s0, s0, 1
    ret
    .balign 16
    addi s0, s0, 4
    ret
    .balign 16
    addi s0, s0, 9
    ret
    .balign 16
    addi s0, s0, 16
    ret
    .balign 16
    addi s0, s0, 25
    ret
    .balign 16
    addi s0, s0, 36
    ret
    .balign 16
    addi s0, s0, 49
    ret
    .option pop
