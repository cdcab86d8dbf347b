/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zawrs: Unprivileged 15. Both forms come back; TW bars WRS.NTO below M. */
#include "isa.h"

asm(".option arch, +zawrs");

static volatile uint32_t word;

static xlen_t waits(xlen_t unused)
{
    xlen_t v;

    asm volatile("lr.w %0, (%1)" : "=r"(v) : "r"(&word) : "memory");
    asm volatile("wrs.sto" ::: "memory");
    asm volatile("lr.w %0, (%1)" : "=r"(v) : "r"(&word) : "memory");
    asm volatile("wrs.nto" ::: "memory");
    asm volatile("wrs.nto" ::: "memory"); /* no reservation: at once */
    return 1;
}

static xlen_t barred(xlen_t unused)
{
    TRAPS(asm volatile("wrs.nto"), EXC_ILLEGAL);
    asm volatile("wrs.sto");
    return 2;
}

int main(void)
{
    check(waits(0) == 1);
    check(call_in(PRV_S, waits, 0) == 1);
    check(call_in(PRV_U, waits, 0) == 1);
    csr_set("mstatus", MSTATUS_TW);
    check(call_in(PRV_S, barred, 0) == 2);
    csr_clear("mstatus", MSTATUS_TW);
    asm volatile(".4byte 0x0100000f"); /* pause */
    return 0;
}
