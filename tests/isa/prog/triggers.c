/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug triggers of the guest's own use: mcontrol6, action 0 (Debug 1.0,
 * 5.7.12). Watched in U-mode, as M-mode's fire by rules of their own. */
#include "isa.h"

enum { LOAD = 1, STORE = 2, EXECUTE = 4, ON_U = 8 };
#define TYPE6 ((xlen_t)6 << (__riscv_xlen - 4))

static volatile uint32_t words[1024] __attribute__((aligned(4096)));

static void watch(unsigned what, xlen_t addr)
{
    csr_write("tselect", 0);
    csr_write("tdata1", 0);
    csr_write("tdata2", addr);
    csr_write("tdata1", TYPE6 | what | ON_U);
}

#define LW(p) asm volatile("lw t0, 0(%0)" ::"r"(p) : "t0", "memory")
#define SW(p) asm volatile("sw x0, 0(%0)" ::"r"(p) : "memory")

static xlen_t loads(xlen_t unused)
{
    LW(&words[1]);
    TRAPS(LW(&words[2]), EXC_BREAKPOINT);
    check(trap.tval == (xlen_t)&words[2]);
    LW(&words[3]);
    SW(&words[2]);
    return 1;
}

static xlen_t stores(xlen_t unused)
{
    words[2] = 7;
    return 2;
}

static xlen_t stores_trap(xlen_t unused)
{
    LW(&words[2]);
    TRAPS(SW(&words[2]), EXC_BREAKPOINT);
    check(trap.tval == (xlen_t)&words[2]);
    check(words[2] == 7); /* before the store */
    SW(&words[1]);
    return 3;
}

static xlen_t __attribute__((noinline, aligned(4))) target(xlen_t x)
{
    return x + 1;
}

static xlen_t executes(xlen_t unused)
{
    trap.cause = -1;
    trap.armed = 1;
    asm volatile("la t0, 1f\n" SX_ " t0, %1\n"
                 "jalr ra, %0\n"
                 ".balign 4\n"
                 "1:" ::"r"(target),
                 "m"(trap.resume)
                 : "t0", "ra", "a0", "memory");
    check(trap.cause == EXC_BREAKPOINT && trap.epc == (xlen_t)target);
    return 4;
}

int main(void)
{
    /* types 6 and 15 at least; no fifth trigger of four */
    csr_write("tselect", 0);
    check(csr_read("0x7a4") & 1 << 6);
    csr_write("tselect", 1000);
    check(csr_read("tselect") != 1000);
    watch(LOAD, (xlen_t)&words[2]);
    check(csr_read("tdata2") == (xlen_t)&words[2]);
    check(csr_read("tdata1") == (TYPE6 | LOAD | ON_U));
    words[2] = 5; /* not in M */
    check(words[2] == 5);
    check(call_in(PRV_U, loads, 0) == 1);
    check(call_in(PRV_U, stores, 0) == 2);
    watch(STORE, (xlen_t)&words[2]);
    check(call_in(PRV_U, stores_trap, 0) == 3);
    watch(EXECUTE, (xlen_t)target);
    check(call_in(PRV_U, executes, 0) == 4);
    csr_write("tdata1", 0);
    check(call_in(PRV_U, target, 5) == 6);
    check(call_in(PRV_U, stores, 0) == 2);
    check(words[2] == 7);
    return 0;
}
