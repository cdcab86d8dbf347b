/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory protection: Priv 3.7. Entry 3 allows everything; 0 to 2 are
 * what is looked at, before it. */
#include "isa.h"

enum { R = 1, W = 2, X = 4, TOR = 8, NA4 = 16, NAPOT = 24, L = 128 };

static volatile uint8_t area[3 * 4096] __attribute__((aligned(4096)));

static void set_cfg(int n, unsigned v)
{
    xlen_t shift = 8 * n;

    csr_write("pmpcfg0", (csr_read("pmpcfg0") & ~((xlen_t)0xff << shift)) |
                             (xlen_t)v << shift);
    asm volatile("sfence.vma" ::: "memory");
}

#define napot(a, size) ((xlen_t)(a) >> 2 | ((size) / 8 - 1))

static xlen_t loads_ok(xlen_t a)
{
    load8(a);
    return 1;
}

static xlen_t load_faults(xlen_t a)
{
    TRAPS(load8(a), EXC_LOAD_ACCESS);
    check(trap.tval == a);
    return 2;
}

static xlen_t store_faults(xlen_t a)
{
    TRAPS(asm volatile("sb x0, 0(%0)" ::"r"(a) : "memory"), EXC_STORE_ACCESS);
    check(trap.tval == a);
    return 3;
}

static xlen_t stores_ok(xlen_t a)
{
    asm volatile("sb x0, 0(%0)" ::"r"(a) : "memory");
    return 4;
}

/* An access of which an entry matches a part fails (3.7.1.3). */
static xlen_t partly(xlen_t a)
{
    TRAPS(asm volatile("lw t0, -2(%0)" ::"r"(a) : "t0"), EXC_LOAD_ACCESS);
    return 5;
}

static xlen_t fetch_faults(xlen_t a)
{
    asm volatile("la t0, 1f\n" SX_ " t0, %1" ::"r"(a), "m"(trap.resume)
                 : "t0", "memory");
    trap.cause = -1;
    trap.armed = 1;
    asm volatile("jr %0\n.balign 4\n1:" ::"r"(a) : "ra", "memory");
    check(trap.cause == EXC_INSN_ACCESS && trap.tval == a && trap.epc == a);
    return 6;
}

static void whole_page(xlen_t a)
{
    csr_write("pmpaddr0", napot(a + 4096, 4096));
    set_cfg(0, NAPOT);
    check(call_in(PRV_U, load_faults, a + 4096) == 2);
    check(call_in(PRV_S, load_faults, a + 8191) == 2);
    check(call_in(PRV_S, store_faults, a + 4100) == 3);
    check(call_in(PRV_U, loads_ok, a + 4095) == 1);
    check(call_in(PRV_U, loads_ok, a + 8192) == 1);
    check(call_in(PRV_U, fetch_faults, a + 4096) == 6);
    load8(a + 4096); /* M is not bound by an unlocked entry */
    /* read only */
    set_cfg(0, NAPOT | R);
    check(call_in(PRV_U, loads_ok, a + 4096) == 1);
    check(call_in(PRV_U, store_faults, a + 4096) == 3);
    check(call_in(PRV_S, fetch_faults, a + 4096) == 6);
}

/* Byte by byte. */
static void eight_bytes_of_a_page(xlen_t a)
{
    csr_write("pmpaddr0", napot(a + 64, 8));
    set_cfg(0, NAPOT);
    check(call_in(PRV_U, loads_ok, a + 63) == 1);
    check(call_in(PRV_U, load_faults, a + 64) == 2);
    check(call_in(PRV_U, load_faults, a + 71) == 2);
    check(call_in(PRV_U, loads_ok, a + 72) == 1);
    check(call_in(PRV_U, partly, a + 64) == 5);
    check(call_in(PRV_U, partly, a + 72) == 5);
    check(call_in(PRV_U, stores_ok, a + 72) == 4);
}

static void four_bytes_and_ranges(xlen_t a)
{
    csr_write("pmpaddr0", (a + 128) >> 2);
    set_cfg(0, NA4 | R);
    check(call_in(PRV_U, loads_ok, a + 128) == 1);
    check(call_in(PRV_U, store_faults, a + 131) == 3);
    check(call_in(PRV_U, stores_ok, a + 132) == 4);
    csr_write("pmpaddr0", (a + 256) >> 2);
    csr_write("pmpaddr1", (a + 512) >> 2);
    set_cfg(0, 0);
    set_cfg(1, TOR);
    check(call_in(PRV_U, loads_ok, a + 255) == 1);
    check(call_in(PRV_U, load_faults, a + 256) == 2);
    check(call_in(PRV_U, load_faults, a + 511) == 2);
    check(call_in(PRV_U, loads_ok, a + 512) == 1);
    /* the lowest number wins */
    csr_write("pmpaddr0", napot(a + 256, 64));
    set_cfg(0, NAPOT | R | W);
    check(call_in(PRV_U, stores_ok, a + 256) == 4);
    check(call_in(PRV_U, load_faults, a + 320) == 2);
    set_cfg(0, 0);
    set_cfg(1, 0);
}

/* M with the rights of MPP. */
static void mprv(xlen_t a)
{
    csr_write("pmpaddr0", napot(a + 4096, 4096));
    set_cfg(0, NAPOT | R);
    csr_clear("mstatus", MSTATUS_MPP);
    trap.cause = -1;
    trap.armed = 1;
    asm volatile("csrs mstatus, %0; lb t0, 0(%1); sb t0, 0(%1);"
                 "csrc mstatus, %0" ::"r"(MSTATUS_MPRV),
                 "r"(a + 4096)
                 : "t0", "memory");
    check(trap.cause == EXC_STORE_ACCESS);
}

/* Locked: it binds M too, and cannot be changed until reset (3.7.1.2). */
static void locked(xlen_t a)
{
    xlen_t old;

    set_cfg(0, NAPOT | R | L);
    TRAPS(area[4096] = 1, EXC_STORE_ACCESS);
    load8(a + 4096);
    set_cfg(0, 0);
    check((csr_read("pmpcfg0") & 0xff) == (NAPOT | R | L));
    old = csr_read("pmpaddr0");
    csr_write("pmpaddr0", 0);
    check(csr_read("pmpaddr0") == old);
}

/* S and U fail, M passes. */
static void no_entry_matches(xlen_t a)
{
    set_cfg(3, 0);
    load8(a);
    csr_clear("mstatus", MSTATUS_MPP);
    trap.cause = -1;
    trap.armed = 1;
    asm volatile(
        "csrs mstatus, %0; lb t0, 0(%1); csrc mstatus, %0" ::"r"(MSTATUS_MPRV),
        "r"(a)
        : "t0", "memory");
    check(trap.cause == EXC_LOAD_ACCESS);
}

int main(void)
{
    xlen_t a = (xlen_t)area;

    csr_write("pmpaddr3", -1ul);
    set_cfg(3, NAPOT | R | W | X);
    set_cfg(0, 0);
    check(call_in(PRV_U, loads_ok, a) == 1);
    whole_page(a);
    eight_bytes_of_a_page(a);
    four_bytes_and_ranges(a);
    mprv(a);
    locked(a);
    no_entry_matches(a);
    return 0;
}
