/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zacas: Unprivileged 16. The assembler has no names for these. */
#include "isa.h"

asm(".include \"riscv-insns.inc\"");

static volatile uint32_t cell[8] __attribute__((aligned(64)));

/* amocas.w: rd = old; stores when *p == rd. */
static xlen_t cas_w(volatile void *p, xlen_t expected, xlen_t desired)
{
    register xlen_t a0 asm("a0") = expected;
    register xlen_t a1 asm("a1") = (xlen_t)p;
    register xlen_t a2 asm("a2") = desired;

    asm volatile("amocas.w a0, a2, a1"
                 : "+r"(a0)
                 : "r"(a1), "r"(a2)
                 : "memory");
    return a0;
}

#if __riscv_xlen == 64
static xlen_t cas_d(volatile void *p, xlen_t expected, xlen_t desired)
{
    register xlen_t a0 asm("a0") = expected;
    register xlen_t a1 asm("a1") = (xlen_t)p;
    register xlen_t a2 asm("a2") = desired;

    asm volatile("amocas.d a0, a2, a1"
                 : "+r"(a0)
                 : "r"(a1), "r"(a2)
                 : "memory");
    return a0;
}
#define PAIR "amocas.q"
#else
#define PAIR "amocas.d"
#endif

/* Twice XLEN: pairs a0:a1 (expected, old) and a2:a3 (new). */
static void cas_pair(volatile void *p, xlen_t pair[2], xlen_t lo, xlen_t hi)
{
    register xlen_t a0 asm("a0") = pair[0];
    register xlen_t a1 asm("a1") = pair[1];
    register xlen_t a2 asm("a2") = lo;
    register xlen_t a3 asm("a3") = hi;
    register xlen_t a4 asm("a4") = (xlen_t)p;

    asm volatile(PAIR " a0, a2, a4"
                 : "+r"(a0), "+r"(a1)
                 : "r"(a2), "r"(a3), "r"(a4)
                 : "memory");
    pair[0] = a0;
    pair[1] = a1;
}

int main(void)
{
    volatile xlen_t *x = (volatile xlen_t *)cell;
    xlen_t pair[2];

    cell[0] = 0x80000000;
    cell[1] = 77;
    check(cas_w(cell, 1, 2) == (xlen_t)(int32_t)0x80000000);
    check(cell[0] == 0x80000000);
    /* only the low word of rd is compared */
    check(cas_w(cell, 0x80000000, 5) == (xlen_t)(int32_t)0x80000000);
    check(cell[0] == 5 && cell[1] == 77);
#if __riscv_xlen == 64
    x[0] = 0x1122334455667788;
    check(cas_d(x, 1, 2) == 0x1122334455667788);
    check(cas_d(x, 0x1122334455667788, 42) == 0x1122334455667788);
    check(x[0] == 42);
    TRAPS(cas_d((char *)x + 4, 1, 2), EXC_STORE_MISALIGNED);
#endif
    TRAPS(cas_w((char *)x + 1, 1, 2), EXC_STORE_MISALIGNED);
    check(trap.tval == (xlen_t)x + 1);
    x[0] = 100;
    x[1] = 200;
    pair[0] = 100;
    pair[1] = 201; /* the high half differs */
    cas_pair(x, pair, 1, 2);
    check(pair[0] == 100 && pair[1] == 200 && x[0] == 100 && x[1] == 200);
    cas_pair(x, pair, 1, 2);
    check(pair[0] == 100 && pair[1] == 200 && x[0] == 1 && x[1] == 2);
    /* rd = x0: compares with zero, drops the old value; rs2 = x0: zeros */
    x[0] = x[1] = 0;
    asm volatile("li a2, 7; li a3, 8; mv a4, %0;" PAIR " x0, a2, a4" ::"r"(x)
                 : "a2", "a3", "a4", "memory");
    check(x[0] == 7 && x[1] == 8);
    pair[0] = 7;
    pair[1] = 8;
    asm volatile("mv a4, %0; li a0, 7; li a1, 8;" PAIR " a0, x0, a4" ::"r"(x)
                 : "a0", "a1", "a4", "memory");
    check(x[0] == 0 && x[1] == 0);
    TRAPS(cas_pair((char *)x + 2 * sizeof(xlen_t) / 2, pair, 1, 2),
          EXC_STORE_MISALIGNED);
    /* odd registers of a pair are reserved */
#if __riscv_xlen == 64
    TRAPS(asm volatile(".insn 4, 0x2cc5c5af"), EXC_ILLEGAL); /* rd = a1 */
    TRAPS(asm volatile(".insn 4, 0x28d7452f"), EXC_ILLEGAL); /* rs2 = a3 */
#else
    TRAPS(asm volatile(".insn 4, 0x28c5b5af"), EXC_ILLEGAL);
    TRAPS(asm volatile(".insn 4, 0x28d7352f"), EXC_ILLEGAL);
#endif
    return 0;
}
