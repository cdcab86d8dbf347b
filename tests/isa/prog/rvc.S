/* SPDX-License-Identifier: GPL-2.0-or-later */
/* C: every compressed instruction by its own name: Unprivileged 26. */
#include "isa.h"

    .globl main
main:
    mv s1, ra
    .option push
    .option rvc
    .option norelax
    c.li a0, -32
    check_eq a0, -32
    c.addi a0, 31
    check_eq a0, -1
    c.lui a0, 0xfffe1
    check_eq a0, -0x1f000
    c.lui a1, 1
    check_eq a1, 0x1000
    mv s0, sp
    c.addi16sp sp, -512
    sub a0, s0, sp
    check_eq a0, 512
    c.addi16sp sp, 496
    c.addi16sp sp, 16
    sub a0, s0, sp
    check_eq a0, 0
    c.addi16sp sp, -64
    c.addi4spn a0, sp, 1020
    sub a0, a0, sp
    check_eq a0, 1020
    c.addi4spn a5, sp, 4
    sub a0, a5, sp
    check_eq a0, 4
    c.nop
    li a0, 0x55
    c.mv a1, a0
    check_eq a1, 0x55
    c.add a1, a0
    check_eq a1, 0xaa
    c.sub a1, a0
    check_eq a1, 0x55
    li a2, 0x0f
    c.and a1, a2
    check_eq a1, 5
    c.or a1, a2
    check_eq a1, 15
    c.xor a1, a0
    check_eq a1, 0x5a
    c.andi a1, -8
    check_eq a1, 0x58
    c.slli a1, 4
    check_eq a1, 0x580
    c.srli a1, 3
    check_eq a1, 0xb0
    li a1, -64
    c.srai a1, 4
    check_eq a1, -4
#if __riscv_xlen == 64
    li a1, 0x7fffffff
    c.addiw a1, 1
    check_eq a1, -0x80000000
    li a2, 1
    c.addw a1, a2
    check_eq a1, -0x7fffffff
    c.subw a1, a2
    check_eq a1, -0x80000000
    li a1, 1
    c.slli a1, 40
    check_eq a1, 0x10000000000
    c.srli a1, 36
    check_eq a1, 16
    li a0, 0x1122334455667788
    la a1, area
    c.sd a0, 248(a1)
    c.ld a2, 248(a1)
    check_eq a2, 0x1122334455667788
    c.sdsp a0, 40(sp)
    c.ldsp a3, 40(sp)
    check_eq a3, 0x1122334455667788
#endif
    li a0, 0x12345678
    la a1, area
    c.sw a0, 124(a1)
    c.lw a2, 124(a1)
    check_eq a2, 0x12345678
    c.sw a0, 4(a1)
    lw a2, 4(a1)
    check_eq a2, 0x12345678
    c.swsp a0, 8(sp)
    c.lwsp t0, 8(sp)
    check_eq t0, 0x12345678
    fmv.w.x fa0, a0
#if __riscv_xlen == 32
    c.fsw fa0, 64(a1)
    c.flw fa1, 64(a1)
    fmv.x.w a2, fa1
    check_eq a2, 0x12345678
    c.fswsp fa0, 12(sp)
    c.flwsp fa2, 12(sp)
    fmv.x.w a2, fa2
    check_eq a2, 0x12345678
#endif
    fcvt.d.w fa0, a0
    c.fsd fa0, 72(a1)
    c.fld fa1, 72(a1)
    fcvt.w.d a2, fa1
    check_eq a2, 0x12345678
    c.fsdsp fa0, 16(sp)
    c.fldsp fa2, 16(sp)
    fcvt.w.d a2, fa2
    check_eq a2, 0x12345678
    c.addi16sp sp, 64

    /* jumps */
    li a0, 0
    c.beqz a0, 1f
    j bad
1:  li a0, 1
    c.bnez a0, 1f
    j bad
1:  c.beqz a0, bad_near
    c.j 1f
bad_near:
    j bad
1:  la a1, 1f
    c.jr a1
    j bad
1:  la a1, 1f
    c.jalr a1
0:  j bad
1:  la a2, 0b
    sub a2, ra, a2
    check_eq a2, 0
#if __riscv_xlen == 32
    c.jal 1f
0:  j bad
1:  la a2, 0b
    sub a2, ra, a2
    check_eq a2, 0
#endif
    /* a loop of 16-bit instructions */
    li a0, 100
    li a1, 0
1:  c.addi a1, 2
    c.addi a0, -1
    c.bnez a0, 1b
    check_eq a1, 200
    /* a 32-bit instruction across a page end, run more than once */
    li a0, 3
    li a1, 0
    la a2, straddle
1:  c.jalr a2
    c.addi a0, -1
    c.bnez a0, 1b
    check_eq a1, 3 * 0x123
    mv ra, s1
    .option pop
    pass
bad:
    li a0, 999
    j fail

    .balign 4096
    .zero 4094 - 2
    .option push
    .option rvc
straddle:
    c.nop
    .option norvc
    addi a1, a1, 0x123 /* two bytes on each page */
    .option rvc
    ret
    .option pop

    .bss
    .balign 16
area:
    .zero 512
