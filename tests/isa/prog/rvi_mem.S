/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores, aligned, misaligned and across pages: Unprivileged 2.6,
 * 4.3. The board carries misaligned plain accesses out. */
#include "isa.h"

.macro ld_is insn, off, want
    \insn a1, \off(a0)
    check_eq a1, \want
.endm

    .globl main
main:
    la a0, words + 16
    ld_is lb, 0, 0x11
    ld_is lb, 3, -0x7c
    ld_is lbu, 3, 0x84
    ld_is lh, 2, -0x7bcd
    ld_is lhu, 2, 0x8433
    ld_is lh, 1, 0x3322
    ld_is lw, 0, -0x7bccddef
    ld_is lw, -4, 0x0badcafe
    ld_is lw, 1, 0x55843322
    ld_is lb, -1, 0x0b
#if __riscv_xlen == 64
    ld_is lwu, 0, 0x84332211
    ld_is lw, 0, -0x7bccddef
    ld_is ld, 0, 0x0877665584332211
    ld_is ld, -3, 0x55843322110badca
#endif
    j stores

stores:
    la a0, scratch
    li a1, -1
    SX a1, 0(a0)
    li a2, 0x12345678
    sb a2, 0(a0)
    LX a3, 0(a0)
    check_eq a3, -256 + 0x78
    SX a1, 0(a0)
    sh a2, 0(a0)
    LX a3, 0(a0)
    check_eq a3, -65536 + 0x5678
    sw a2, 0(a0)
    lw a3, 0(a0)
    check_eq a3, 0x12345678
    SX x0, 0(a0)
    SX x0, XBYTES(a0)
    sh a2, 3(a0)
    lw a3, 0(a0)
    check_eq a3, 0x78000000
    lbu a3, 4(a0)
    check_eq a3, 0x56
    sw a2, 5(a0)
    lw a3, 5(a0)
    check_eq a3, 0x12345678
    lbu a3, 8(a0)
    check_eq a3, 0x12

    /* across a page, each size and each split */
    la a0, page_end
    li a4, -8
1:  add a5, a0, a4
    li a1, 0
    SX x0, -16(a0)
    SX x0, -8(a0)
    SX x0, 0(a0)
    SX x0, 8(a0)
    sw a2, 0(a5)
    lw a3, 0(a5)
    check_eq a3, 0x12345678
    lhu a3, 1(a5)
    check_eq a3, 0x3456
    sh x0, 1(a5)
    lw a3, 0(a5)
    check_eq a3, 0x12000078
#if __riscv_xlen == 64
    li a1, 0x1122334455667788
    sd a1, 0(a5)
    ld a3, 0(a5)
    check_eq a3, 0x1122334455667788
    lw a3, 4(a5)
    check_eq a3, 0x11223344
#endif
    addi a4, a4, 1
    li a3, 8
    ble a4, a3, 1b

    /* the base register as destination; x0 as destination */
    la a0, words + 16
    lw a0, 0(a0)
    check_eq a0, -0x7bccddef
    la a0, words
    lw x0, 0(a0)
    mv a1, x0
    check_eq a1, 0
    /* offsets at both ends */
    la a0, words + 16 - 2047
    lb a1, 2047(a0)
    check_eq a1, 0x11
    la a0, words + 16 + 2048
    lb a1, -2048(a0)
    check_eq a1, 0x11
    pass

    .data
    .balign 16
words:
    .word 0, 0, 0, 0x0badcafe
    .word 0x84332211, 0x08776655, 0x99aabbcc, 0
scratch:
    .zero 32
    .balign 4096
    .zero 4096
page_end:
    .zero 4096
