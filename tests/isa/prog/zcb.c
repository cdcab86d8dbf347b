/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zcb: Unprivileged 27.7. The assembler has no names for these. */
#include "isa.h"

asm(".include \"riscv-insns.inc\"");

#define UNARY(insn, x)                                                         \
    ({                                                                         \
        register xlen_t a0 asm("a0") = (x);                                    \
        asm volatile(insn " a0" : "+r"(a0));                                   \
        a0;                                                                    \
    })

static uint8_t bytes[8]
    __attribute__((aligned(8))) = { 0x81, 0x92, 0xa3, 0xb4 };

int main(void)
{
    register xlen_t base asm("a1") = (xlen_t)bytes;
    register xlen_t r asm("a0");

    asm volatile("c.lbu a0, 0, a1" : "=r"(r) : "r"(base));
    check(r == 0x81);
    asm volatile("c.lbu a0, 3, a1" : "=r"(r) : "r"(base));
    check(r == 0xb4);
    asm volatile("c.lhu a0, 2, a1" : "=r"(r) : "r"(base));
    check(r == 0xb4a3);
    asm volatile("c.lh a0, 0, a1" : "=r"(r) : "r"(base));
    check(r == (xlen_t)(int16_t)0x9281);
    asm volatile("li a0, 0x11; c.sb a0, 2, a1" ::"r"(base) : "a0", "memory");
    check(bytes[2] == 0x11 && bytes[1] == 0x92 && bytes[3] == 0xb4);
    asm volatile("li a0, 0x2233; c.sh a0, 2, a1" ::"r"(base) : "a0", "memory");
    check(bytes[2] == 0x33 && bytes[3] == 0x22);
    check(UNARY("c.zext.b", -1ul) == 0xff);
    check(UNARY("c.sext.b", 0x80) == (xlen_t)-128);
    check(UNARY("c.zext.h", -1ul) == 0xffff);
    check(UNARY("c.sext.h", 0x8000) == (xlen_t)-32768);
    check(UNARY("c.not", 0x55) == ~0x55ul);
#if __riscv_xlen == 64
    check(UNARY("c.zext.w", -1ul) == 0xffffffff);
#endif
    register xlen_t x asm("a0") = 7;
    register xlen_t y asm("a1") = -6ul;
    asm volatile("c.mul a0, a1" : "+r"(x) : "r"(y));
    check(x == -42ul);
    return 0;
}
