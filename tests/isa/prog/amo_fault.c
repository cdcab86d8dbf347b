/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What LR, SC, AMO and AMOCAS raise, and with which tval: Unprivileged 14.2,
 * 14.4, 16.1; Priv 3.1.15 (causes), 3.7.1 (PMP), 10.3.2 (page faults).
 *
 * LR raises as a load. SC and AMO raise as a store, whichever part of them
 * fails, and SC without a reservation too. Nothing is written then: neither
 * registers nor memory. A misaligned address is found before the page is
 * looked at (Priv table 15 lets either be first; the peer does so as well).
 *
 * Accesses under translation are made from M-mode by MPRV.
 */
#include "mapped.h"

asm(".include \"riscv-insns.inc\"");

#if __riscv_xlen == 64
#define PAIR "amocas.q"
#else
#define PAIR "amocas.d"
#endif
enum { PAIR_BYTES = 2 * XBYTES };

#define RAM_END    0x84000000ul
#define PLAIN      0ul
#define TRANSLATED MSTATUS_MPRV

static volatile uint8_t page[4][PAGE] TABLE;

#define OLD 0x5a5a1234ul /* in what would be rd */

/* Each: the access at @p, gives rd as it is after it or after the trap. */
#define OP(name, insn)                                                         \
    static xlen_t name(xlen_t p, xlen_t mprv)                                  \
    {                                                                          \
        register xlen_t a0 asm("a0") = OLD;                                    \
        register xlen_t a1 asm("a1") = OLD;                                    \
        register xlen_t a2 asm("a2") = 2;                                      \
        register xlen_t a3 asm("a3") = 3;                                      \
        register xlen_t a4 asm("a4") = p;                                      \
        register xlen_t a5 asm("a5") = mprv;                                   \
                                                                               \
        asm volatile("csrs mstatus, a5\n" insn "\ncsrc mstatus, a5"            \
                     : "+r"(a0), "+r"(a1)                                      \
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a5)                      \
                     : "memory");                                              \
        return a0 == OLD && a1 == OLD;                                         \
    }
OP(lr_w, "lr.w a0, (a4)")
OP(sc_w, "sc.w a0, a2, (a4)")
OP(amoadd_w, "amoadd.w a0, a2, (a4)")
OP(amoswap_w, "amoswap.w x0, a2, (a4)")
OP(amomaxu_w, "amomaxu.w a0, a2, (a4)")
OP(amocas_w, "amocas.w a0, a2, a4")
OP(amocas_pair, PAIR " a0, a2, a4")
OP(amocas_zero, PAIR " x0, a2, a4")
#if __riscv_xlen == 64
OP(lr_d, "lr.d a0, (a4)")
OP(sc_d, "sc.d a0, a2, (a4)")
OP(amoadd_d, "amoadd.d a0, a2, (a4)")
OP(amomin_d, "amomin.d a0, a2, (a4)")
OP(amocas_d, "amocas.d a0, a2, a4")
#endif

static const struct {
    xlen_t (*op)(xlen_t p, xlen_t mprv);
    uint8_t bytes;
    bool is_load;
} ops[] = {
    { lr_w, 4, true },
    { sc_w, 4, false },
    { amoadd_w, 4, false },
    { amoswap_w, 4, false },
    { amomaxu_w, 4, false },
    { amocas_w, 4, false },
    { amocas_pair, PAIR_BYTES, false },
    { amocas_zero, PAIR_BYTES, false },
#if __riscv_xlen == 64
    { lr_d, 8, true },
    { sc_d, 8, false },
    { amoadd_d, 8, false },
    { amomin_d, 8, false },
    { amocas_d, 8, false },
#endif
};
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

/* Every operation at @addr raises @load or @store and changes no register. */
static void all_raise(xlen_t addr, xlen_t mprv, xlen_t load, xlen_t store)
{
    for (unsigned i = 0; i < OPS; i++) {
        xlen_t same;

        TRAPS(same = ops[i].op(addr, mprv), ops[i].is_load ? load : store);
        check(same && trap.tval == addr);
    }
}

static uint32_t sum(void)
{
    uint32_t s = 0;

    for (unsigned i = 0; i < sizeof(page); i++) {
        s = s * 31 + page[i / PAGE][i % PAGE];
    }
    return s;
}

/* Each odd address of an operand, in a page and across the end of one. */
static void misaligned(xlen_t base, xlen_t mprv)
{
    static const uint16_t at[] = { 0, 64, PAGE - 16, PAGE - 8, PAGE - 4 };

    for (unsigned i = 0; i < OPS; i++) {
        for (unsigned k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
            for (unsigned off = 0; off < ops[i].bytes; off++) {
                xlen_t addr = base + at[k] + off, same;

                if (addr % ops[i].bytes == 0) {
                    continue;
                }
                TRAPS(same = ops[i].op(addr, mprv), ops[i].is_load
                                                        ? EXC_LOAD_MISALIGNED
                                                        : EXC_STORE_MISALIGNED);
                check(same && trap.tval == addr);
            }
        }
    }
}

static void map(unsigned n, xlen_t flags)
{
    map_page(n, page[n & 3], flags);
}

static void pages(void)
{
    map(0, V | U | R | W | A | D);
    map(1, V | U | R | A);     /* no store */
    map(2, V | U | X | A);     /* neither */
    map(3, V | U | R | W | A); /* D is clear: Svade */
    map(4, 0);                 /* not there */
#if __riscv_xlen == 64
    csr_clear("0x30a", 1ul << 61); /* menvcfg.ADUE */
#else
    csr_clear("0x31a", 1ul << 29);
#endif
    translate();
    misaligned(VA, TRANSLATED);
    misaligned(VA + 3 * PAGE, TRANSLATED); /* towards one that is not there */
    misaligned(VA + 4 * PAGE, TRANSLATED);
    all_raise(VA + 2 * PAGE + 16, TRANSLATED, EXC_LOAD_PAGE, EXC_STORE_PAGE);
    all_raise(VA + 4 * PAGE, TRANSLATED, EXC_LOAD_PAGE, EXC_STORE_PAGE);
    for (unsigned i = 0; i < OPS; i++) {
        if (ops[i].is_load) {
            ops[i].op(VA + PAGE + 32, TRANSLATED); /* may be loaded */
            ops[i].op(VA + 3 * PAGE + 32, TRANSLATED);
            continue;
        }
        TRAPS(ops[i].op(VA + PAGE + 32, TRANSLATED), EXC_STORE_PAGE);
        check(trap.tval == VA + PAGE + 32);
        TRAPS(ops[i].op(VA + 3 * PAGE + 32, TRANSLATED), EXC_STORE_PAGE);
        check(trap.tval == VA + 3 * PAGE + 32);
    }
    check(!(low[3] & D));
    csr_write("satp", 0);
    fence();
}

/* Entry 0 bars M-mode from a naturally aligned region by L; 3.7.1. */
static void protection(void)
{
    xlen_t cfg = csr_read("pmpcfg0");

    if (cfg == 0) {
        return; /* a hart without PMP */
    }
    csr_write("pmpaddr1", -1ul);
    csr_write("pmpcfg0", 0x1f00);
    /* 64 bytes at page[1]: for S and U alone, used by MPRV with MPP = U */
    csr_write("pmpaddr0", (xlen_t)page[1] >> 2 | 7);
    csr_write("pmpcfg0", 0x1f18); /* no access */
    csr_clear("mstatus", MSTATUS_MPP);
    all_raise((xlen_t)page[1], TRANSLATED, EXC_LOAD_ACCESS, EXC_STORE_ACCESS);
    misaligned((xlen_t)page[0], TRANSLATED);
    csr_write("pmpcfg0", 0x1f19); /* loads alone */
    for (unsigned i = 0; i < OPS; i++) {
        if (ops[i].is_load) {
            ops[i].op((xlen_t)page[1] + 16, TRANSLATED);
            continue;
        }
        TRAPS(ops[i].op((xlen_t)page[1] + 16, TRANSLATED), EXC_STORE_ACCESS);
        check(trap.tval == (xlen_t)page[1] + 16);
        check(ops[i].op((xlen_t)page[1] + 64, TRANSLATED) + 1 != 0);
    }
    csr_write("pmpcfg0", 0x1f00);
}

int main(void)
{
    uint32_t before;

    for (unsigned i = 0; i < sizeof(page); i++) {
        page[i / PAGE][i % PAGE] = i * 7;
    }
    before = sum();
    misaligned((xlen_t)page, PLAIN);
    misaligned(RAM_END - PAGE, PLAIN); /* towards nothing at all */
    all_raise(RAM_END, PLAIN, EXC_LOAD_ACCESS, EXC_STORE_ACCESS);
    all_raise(0x70000000, PLAIN, EXC_LOAD_ACCESS, EXC_STORE_ACCESS);
    pages();
    check(sum() == before);
    protection();
    return 0;
}
