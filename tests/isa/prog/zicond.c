/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zicond: Unprivileged 12. */
#include "isa.h"

asm(".include \"riscv-insns.inc\"");

static xlen_t eqz(xlen_t value, xlen_t cond)
{
    register xlen_t a0 asm("a0") = value;
    register xlen_t a1 asm("a1") = cond;

    asm volatile("czero.eqz a0, a0, a1" : "+r"(a0) : "r"(a1));
    return a0;
}

static xlen_t nez(xlen_t value, xlen_t cond)
{
    register xlen_t a0 asm("a0") = value;
    register xlen_t a1 asm("a1") = cond;

    asm volatile("czero.nez a0, a0, a1" : "+r"(a0) : "r"(a1));
    return a0;
}

int main(void)
{
    check(eqz(7, 0) == 0);
    check(eqz(7, 1) == 7);
    check(eqz(-1ul, -1ul) == -1ul);
    check(nez(7, 0) == 7);
    check(nez(7, 1) == 0);
    /* every bit of the condition counts */
    check(eqz(9, (xlen_t)1 << (__riscv_xlen - 1)) == 9);
    check(nez(9, (xlen_t)1 << (__riscv_xlen - 1)) == 0);
    xlen_t r;
    asm volatile("li a1, 5; czero.eqz a0, a1, a1; mv %0, a0"
                 : "=r"(r)::"a0", "a1");
    check(r == 5);
    asm volatile("li a1, 5; czero.eqz a0, a1, x0; mv %0, a0"
                 : "=r"(r)::"a0", "a1");
    check(r == 0);
    return 0;
}
