/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zicbom, Zicboz, Zicbop: Unprivileged 19; menvcfg and senvcfg (Priv 3.1.18,
 * 10.1.10). */
#include "isa.h"

asm(".option arch, +zicbom, +zicboz, +zicbop");

enum { BLOCK = 64, CBIE_FLUSH = 1 << 4, CBIE = 3 << 4, CBCFE = 64, CBZE = 128 };

static uint8_t area[4 * BLOCK] __attribute__((aligned(4096)));

#define CBO(op, p) asm volatile("cbo." op " (%0)" ::"r"(p) : "memory")

static xlen_t all_illegal(xlen_t unused)
{
    TRAPS(CBO("zero", area), EXC_ILLEGAL);
    TRAPS(CBO("clean", area), EXC_ILLEGAL);
    TRAPS(CBO("flush", area), EXC_ILLEGAL);
    TRAPS(CBO("inval", area), EXC_ILLEGAL);
    return 1;
}

static xlen_t some_legal(xlen_t unused)
{
    CBO("zero", area);
    CBO("clean", area);
    CBO("flush", area);
    TRAPS(CBO("inval", area), EXC_ILLEGAL);
    return 2;
}

static xlen_t all_legal(xlen_t unused)
{
    CBO("zero", area);
    CBO("clean", area);
    CBO("flush", area);
    CBO("inval", area);
    return 3;
}

int main(void)
{
    for (unsigned i = 0; i < sizeof(area); i++) {
        area[i] = i + 1;
    }
    CBO("zero", area + BLOCK + 13); /* the block around the address */
    for (unsigned i = 0; i < sizeof(area); i++) {
        uint8_t want = i / BLOCK == 1 ? 0 : i + 1;
        check(((volatile uint8_t *)area)[i] == want);
    }
    CBO("clean", area);
    CBO("flush", area + 5);
    area[0] = 99;
    CBO("inval", area); /* memory is all there is: nothing is lost */
    check(area[0] == 99 || area[0] == 1);
    /* no fault but the store's */
    TRAPS(CBO("zero", 8), EXC_STORE_ACCESS);
    /* prefetches never trap */
    asm volatile(
        "prefetch.i 0(%0); prefetch.r 32(%0); prefetch.w -64(%0)" ::"r"(8ul));

    csr_write("0x30a", 0);
    check(call_in(PRV_S, all_illegal, 0) == 1);
    check(call_in(PRV_U, all_illegal, 0) == 1);
    csr_set("0x30a", CBZE | CBCFE);
    check(call_in(PRV_S, some_legal, 0) == 2);
    csr_write("0x10a", 0);
    check(call_in(PRV_U, all_illegal, 0) == 1);
    csr_write("0x10a", CBZE | CBCFE | CBIE);
    check(call_in(PRV_U, some_legal, 0) == 2);
    csr_set("0x30a", CBIE);
    check(call_in(PRV_S, all_legal, 0) == 3);
    check(call_in(PRV_U, all_legal, 0) == 3);
    return 0;
}
