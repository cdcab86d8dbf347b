/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine timer and software interrupts by the CLINT, and their priority
 * (Priv 3.1.9, 3.2.1). Runs in the machine alone. */
#include "isa.h"

enum { MSI = 3, MTI = 7, SSI = 1 };
#define IRQ(n)  ((xlen_t)1 << (__riscv_xlen - 1) | (n))
#define MSIP    (*(volatile uint32_t *)0x2000000ul)
#define TIMECMP ((volatile uint32_t *)0x2004000ul)
#define TIME    ((volatile uint32_t *)0x200bff8ul)

static uint64_t now(void)
{
    uint32_t hi, lo;

    do {
        hi = TIME[1];
        lo = TIME[0];
    } while (hi != TIME[1]);
    return (uint64_t)hi << 32 | lo;
}

static void set_timecmp(uint64_t v)
{
    TIMECMP[1] = -1;
    TIMECMP[0] = v;
    TIMECMP[1] = v >> 32;
}

static void wait_for(xlen_t cause)
{
    xlen_t n = trap.count;

    trap.cause = 0;
    csr_set("mstatus", MSTATUS_MIE);
    while (trap.count == n) {
    }
    csr_clear("mstatus", MSTATUS_MIE);
    check(trap.cause == cause);
}

/* @n: trap.count from before the interrupt could come. */
static xlen_t spin(xlen_t n)
{
    while (trap.count == n) {
    }
    return 1;
}

int main(void)
{
    csr_clear("mstatus", MSTATUS_MIE);
    csr_write("mie", 0);
    set_timecmp(-1ull);
    check(!(csr_read("mip") & (1 << MTI | 1 << MSI)));
    /* mip shows the lines; software cannot write them */
    csr_set("mip", 1 << MTI | 1 << MSI);
    check(!(csr_read("mip") & (1 << MTI | 1 << MSI)));
    MSIP = 1;
    check(csr_read("mip") & 1 << MSI);
    csr_write("mie", 1 << MSI);
    wait_for(IRQ(MSI));
    MSIP = 0;
    check(!(csr_read("mip") & 1 << MSI));

    uint64_t deadline = now() + 1000;
    set_timecmp(deadline);
    csr_write("mie", 1 << MTI);
    wait_for(IRQ(MTI));
    check(now() >= deadline);
    check(csr_read("mip") & 1 << MTI); /* a level */
    set_timecmp(-1ull);
    check(!(csr_read("mip") & 1 << MTI));

    /* a loop that never leaves the JIT is left all the same, in U too */
    set_timecmp(now() + 1000);
    csr_write("mie", 1 << MTI);
    trap.cause = 0;
    check(call_in(PRV_U, spin, trap.count) == 1);
    check(trap.cause == IRQ(MTI));
    set_timecmp(-1ull);

    /* WFI with interrupts off ends with the timer, and takes none */
    set_timecmp(now() + 1000);
    csr_write("mie", 1 << MTI);
    xlen_t n = trap.count;
    do {
        asm volatile("wfi");
    } while (!(csr_read("mip") & 1 << MTI));
    check(trap.count == n);

    /* MSI before MTI before SSI: the last one taken shows the order */
    MSIP = 1;
    csr_set("mip", 1 << SSI);
    csr_write("mie", 1 << MSI | 1 << MTI | 1 << SSI);
    n = trap.count;
    trap.cause = 0;
    csr_set("mstatus", MSTATUS_MIE);
    while (trap.count != n + 3) {
    }
    csr_clear("mstatus", MSTATUS_MIE);
    check(trap.cause == IRQ(SSI));
    return 0;
}
