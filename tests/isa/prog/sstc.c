/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sstc: stimecmp (0x14d, 0x15d) makes STIP a level; time (Priv 3.1.11). */
#include "isa.h"

enum { STI = 5 };
#define IRQ(n) ((xlen_t)1 << (__riscv_xlen - 1) | (n))

static void set_stce(bool on)
{
#if __riscv_xlen == 64
    if (on) {
        csr_set("0x30a", 1ul << 63);
    } else {
        csr_clear("0x30a", 1ul << 63);
    }
#else
    if (on) {
        csr_set("0x31a", 1ul << 31);
    } else {
        csr_clear("0x31a", 1ul << 31);
    }
#endif
}

static void set_timecmp(uint64_t v)
{
    csr_write("0x14d", v);
#if __riscv_xlen == 32
    csr_write("0x15d", v >> 32);
#endif
}

static uint64_t now(void)
{
#if __riscv_xlen == 64
    return csr_read("time");
#else
    uint32_t hi, lo;

    do {
        hi = csr_read("timeh");
        lo = csr_read("time");
    } while (hi != csr_read("timeh"));
    return (uint64_t)hi << 32 | lo;
#endif
}

static xlen_t no_access(xlen_t unused)
{
    TRAPS(csr_read("0x14d"), EXC_ILLEGAL);
    return 1;
}

static xlen_t timer_irq(xlen_t unused)
{
    uint64_t deadline = now() + 2000;
    xlen_t n = strap.count;

    csr_write("stvec", (xlen_t)strap_entry);
    set_timecmp(deadline);
    csr_set("sie", 1 << STI);
    csr_set("sstatus", MSTATUS_SIE);
    while (strap.count == n) {
    }
    csr_clear("sstatus", MSTATUS_SIE);
    check(strap.cause == IRQ(STI));
    check(now() >= deadline);
    /* a level: it stays until stimecmp moves */
    check(csr_read("sip") & 1 << STI);
    csr_clear("sip", 1 << STI); /* read-only here */
    check(csr_read("sip") & 1 << STI);
    set_timecmp(-1ull);
    check(!(csr_read("sip") & 1 << STI));
    /* wfi sleeps until it comes */
    set_timecmp(now() + 5000);
    csr_set("sie", 1 << STI);
    do {
        asm volatile("wfi");
    } while (!(csr_read("sip") & 1 << STI));
    set_timecmp(-1ull);
    return 2;
}

int main(void)
{
    uint64_t t = now();

    while (now() == t) {
    }
    csr_write("mcounteren", 0);
    set_stce(false);
    check(call_in(PRV_S, no_access, 0) == 1);
    csr_write("mcounteren", 2);
    check(call_in(PRV_S, no_access, 0) == 1); /* STCE is 0 */
    /* without STCE, STIP is software's */
    csr_set("mip", 1 << STI);
    check(csr_read("mip") & 1 << STI);
    csr_clear("mip", 1 << STI);
    check(!(csr_read("mip") & 1 << STI));
    set_stce(true);
    set_timecmp(-1ull);
    check(!(csr_read("mip") & 1 << STI));
    set_timecmp(0);
    check(csr_read("mip") & 1 << STI);
    csr_clear("mip", 1 << STI); /* a level */
    check(csr_read("mip") & 1 << STI);
    set_timecmp(-1ull);
    csr_write("mcounteren", 0);
    check(call_in(PRV_S, no_access, 0) == 1); /* TM is 0 */
    csr_write("mcounteren", 2);
    csr_write("mideleg", 1 << STI);
    check(call_in(PRV_S, timer_irq, 0) == 2);
    return 0;
}
