/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RV32I and RV64I arithmetic, logic, shifts, comparisons: Unprivileged 2.4,
 * 4.2. Expected values are the manual's rules worked out by hand. */
#include "isa.h"

#if __riscv_xlen == 64
#define BIT31 0x80000000
#else
#define BIT31 -0x80000000
#endif

.macro op3 insn, x, y, want
    li a0, \x
    li a1, \y
    \insn a2, a0, a1
    check_eq a2, \want
    mv a3, a0 /* rd = rs1 */
    \insn a3, a3, a1
    check_eq a3, \want
    mv a3, a1 /* rd = rs2 */
    \insn a3, a0, a3
    check_eq a3, \want
.endm
.macro opi insn, x, imm, want
    li a0, \x
    \insn a2, a0, \imm
    check_eq a2, \want
    \insn a0, a0, \imm
    check_eq a0, \want
.endm

    .globl main
main:
    op3 add, 0, 0, 0
    op3 add, 1, -1, 0
    op3 add, 0x7fffffff, 1, BIT31
    op3 sub, 0, 1, -1
    op3 sub, 3, 7, -4
    op3 and, 0x0ff0, 0x00ff, 0x00f0
    op3 or, 0x0ff0, 0x00ff, 0x0fff
    op3 xor, 0x0ff0, 0x00ff, 0x0f0f
    op3 xor, -1, -1, 0
    op3 slt, -1, 1, 1
    op3 slt, 1, -1, 0
    op3 slt, 5, 5, 0
    op3 sltu, -1, 1, 0
    op3 sltu, 1, -1, 1
    op3 sltu, 5, 5, 0
    op3 sll, 1, 31, BIT31
    op3 sll, 1, __riscv_xlen, 1 /* the count is modulo XLEN */
    op3 srl, -1, __riscv_xlen - 1, 1
    op3 srl, 0x70, 4 + __riscv_xlen, 7
    op3 sra, -1, 7, -1
    op3 sra, -256, 4, -16
    op3 sra, 256, 4, 16
    opi addi, 100, -2048, -1948
    opi addi, 100, 2047, 2147
    opi andi, -1, -16, -16
    opi ori, 0, -1, -1
    opi xori, 0x0ff, -1, -256
    opi slti, -5, -4, 1
    opi slti, -4, -5, 0
    opi sltiu, 5, -1, 1 /* the immediate is extended, then unsigned */
    opi sltiu, -1, -1, 0
    opi sltiu, 0, 1, 1
    opi slli, 1, __riscv_xlen - 2, 1 << (__riscv_xlen - 2)
    opi srli, -1, __riscv_xlen - 4, 15
    opi srai, -128, 3, -16
    opi slli, 0x55, 0, 0x55

    /* upper immediates: sign-extended to XLEN */
    lui a0, 0x80000
    check_eq a0, -0x80000000
    lui a0, 0x12345
    check_eq a0, 0x12345000
    lui a0, 0xfffff
    check_eq a0, -4096
    auipc a0, 0
    auipc a1, 1
    sub a0, a1, a0
    check_eq a0, 0x1000 + 4
    auipc a0, 0xfffff
1:  la a1, 1b
    sub a0, a0, a1
    check_eq a0, -4096 - 4

    /* x0 takes no value */
    li a0, 7
    add x0, a0, a0
    mv a1, x0
    check_eq a1, 0
    lui x0, 0x1
    mv a1, x0
    check_eq a1, 0

#if __riscv_xlen == 64
    /* W forms: low 32 bits, sign-extended (4.2) */
    op3 addw, 0x7fffffff, 1, -0x80000000
    op3 addw, 0xffffffff00000001, 2, 3
    op3 subw, 0, 1, -1
    op3 subw, 0x100000000, 1, -1
    op3 sllw, 1, 31, -0x80000000
    op3 sllw, 3, 33, 6
    op3 srlw, 0xffffffff80000000, 31, 1
    op3 srlw, -1, 0, -1
    op3 srlw, -1, 32, -1
    op3 sraw, 0x80000000, 31, -1
    op3 sraw, 0x1ffffffff, 4, -1
    opi addiw, 0x7fffffff, 1, -0x80000000
    opi addiw, 0x1ffffffff, 0, -1
    opi slliw, 1, 31, -0x80000000
    opi srliw, 0xfffffffff0000000, 28, 15
    opi sraiw, 0x00000000f0000000, 28, -1
    op3 add, 0x7fffffffffffffff, 1, -0x8000000000000000
    op3 sltu, 0x80000000, 0xffffffff80000000, 1
    op3 sll, 1, 63, -0x8000000000000000
    op3 sra, -0x8000000000000000, 63, -1
    opi slli, 1, 32, 0x100000000
    opi srli, -1, 32, 0xffffffff
    opi srai, 0x7fffffff00000000, 32, 0x7fffffff
#endif
    pass
