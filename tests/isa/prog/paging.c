/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address translation: Priv 10.3 to 10.6, 11 (Svnapot), 12 (Svpbmt),
 * 13 (Svinval), 14 (Svadu). Built for each mode: -DMODE=1 (Sv32), 8, 9, 10.
 *
 * Code, stack and data are mapped onto themselves by one large page; what is
 * looked at lies from VA on, mapped by 4 KiB pages. Traps go to M-mode.
 */
#include "isa.h"

asm(".option arch, +svinval");

enum {
    V = 1,
    R = 2,
    W = 4,
    X = 8,
    U = 16,
    G = 32,
    A = 64,
    D = 128,
    RW = V | R | W | A | D,
    RX = V | R | X | A,
    RWX = RW | X,
};

#if __riscv_xlen == 32
enum { BITS = 10, LEVELS = 2 };
#define SATP(root, asid)                                                       \
    ((xlen_t)MODE << 31 | (xlen_t)(asid) << 22 | (xlen_t)(root) >> 12)
#else
enum { BITS = 9, LEVELS = MODE - 5 };
#define SATP(root, asid)                                                       \
    ((xlen_t)MODE << 60 | (xlen_t)(asid) << 44 | (xlen_t)(root) >> 12)
#endif
#define PAGE   4096ul
#define TABLE  __attribute__((aligned(4096)))
#define VA     0x40000000ul
#define LARGE  (PAGE << BITS) /* next larger page */
#define LARGEV (VA + LARGE)   /* mapped by one such */
#define ME     0x80000000ul

static volatile xlen_t root[1024] TABLE, root2[1024] TABLE;
static volatile xlen_t upper[2][512] TABLE;
static volatile xlen_t mid[1024] TABLE;
static volatile xlen_t low[1024] TABLE, low2[1024] TABLE;
static volatile xlen_t page[6][PAGE / sizeof(xlen_t)] TABLE;

static xlen_t leaf(const volatile void *pa, xlen_t flags)
{
    return (xlen_t)pa >> 12 << 10 | flags;
}

static void fence(void)
{
    asm volatile("sfence.vma" ::: "memory");
}

static unsigned index_at(xlen_t va, int level)
{
    return va >> (12 + BITS * level) & ((1 << BITS) - 1);
}

/* Identity map of this program; @user: for U-mode instead of S-mode. */
static void map_self(bool user)
{
    xlen_t flags = RWX | (user ? U : 0);

#if __riscv_xlen == 32
    for (int i = 0; i < 4; i++) { /* 4 MiB each */
        root[(ME >> 22) + i] = leaf((void *)(ME + i * 0x400000), flags);
    }
    root[index_at(VA, 1)] = leaf(low, V);
    root[index_at(LARGEV, 1)] = 0;
#else
    volatile xlen_t *t = root;

    for (int level = LEVELS - 1; level > 2; level--) {
        volatile xlen_t *next = upper[level - 3];

        t[0] = leaf(next, V);
        t = next;
    }
    t[index_at(ME, 2)] = leaf((void *)ME, flags); /* 1 GiB */
    t[index_at(VA, 2)] = leaf(mid, V);
    mid[index_at(VA, 1)] = leaf(low, V);
#endif
    fence();
}

static volatile xlen_t *large_entry(void)
{
#if __riscv_xlen == 32
    return &root[index_at(LARGEV, 1)];
#else
    return &mid[index_at(LARGEV, 1)];
#endif
}

static void map(int n, int to, xlen_t flags)
{
    low[n] = leaf(page[to], flags);
    asm volatile("sfence.vma %0, x0" ::"r"(VA + n * PAGE) : "memory");
}

#define ADDR(n) (VA + (n)*PAGE)

static xlen_t on(xlen_t (*fn)(xlen_t), int mode)
{
    csr_write("satp", SATP(root, 0));
    xlen_t r = call_in(mode, fn, 0);
    csr_write("satp", 0);
    return r;
}

static void traps_at(xlen_t cause, xlen_t va)
{
    check(trap.cause == cause && trap.tval == va);
}

/* ---- in S-mode ---- */

static xlen_t basic(xlen_t unused)
{
    check(loadx(ADDR(0)) == 0x1111);
    storex(ADDR(0) + 8, 0x77);
    check(page[0][8 / sizeof(xlen_t)] == 0x77);
    check(loadx(ADDR(1) + 8) == 0x77); /* the same page again */
    storex(ADDR(1) + 16, 0x88);
    check(loadx(ADDR(0) + 16) == 0x88);
    /* not mapped: kind by kind */
    TRAPS(loadx(ADDR(9)), EXC_LOAD_PAGE);
    traps_at(EXC_LOAD_PAGE, ADDR(9));
    TRAPS(storex(ADDR(9) + 4, 1), EXC_STORE_PAGE);
    check(trap.tval == ADDR(9) + 4);
    TRAPS(asm volatile("lr.w t0, (%0)" ::"r"(ADDR(9)) : "t0"), EXC_LOAD_PAGE);
    TRAPS(asm volatile("sc.w t0, t0, (%0)" ::"r"(ADDR(9))
                       : "t0"),
          EXC_STORE_PAGE);
    TRAPS(asm volatile("amoadd.w t0, t0, (%0)" ::"r"(ADDR(9))
                       : "t0"),
          EXC_STORE_PAGE);
    return 1;
}

/* 10.3.1: R, W, X; W alone is reserved. */
static xlen_t rights(xlen_t unused)
{
    csr_clear("sstatus", MSTATUS_MXR);
    check(loadx(ADDR(2)) == 0x2222);
    TRAPS(storex(ADDR(2), 1), EXC_STORE_PAGE);
    TRAPS(loadx(ADDR(3)), EXC_LOAD_PAGE); /* X alone */
    csr_set("sstatus", MSTATUS_MXR);
    check(loadx(ADDR(3)) == 0x3333);
    TRAPS(storex(ADDR(3), 1), EXC_STORE_PAGE);
    csr_clear("sstatus", MSTATUS_MXR);
    TRAPS(loadx(ADDR(3)), EXC_LOAD_PAGE);
    TRAPS(loadx(ADDR(4)), EXC_LOAD_PAGE); /* W alone */
    TRAPS(storex(ADDR(4), 1), EXC_STORE_PAGE);
    TRAPS(loadx(ADDR(5)), EXC_LOAD_PAGE); /* V = 0 */
    return 2;
}

/* Jump to @va; a fetch fault comes back here. */
static void jump(xlen_t va)
{
    asm volatile("la t0, 1f\n" SX_ " t0, %1\n"
                 "jr %0\n"
                 ".balign 4\n"
                 "1:" ::"r"(va),
                 "m"(trap.resume)
                 : "t0", "ra", "memory");
}

static xlen_t execute(xlen_t unused)
{
    xlen_t r;

    TRAPS(jump(ADDR(2)), EXC_INSN_PAGE); /* R, not X */
    check(trap.tval == ADDR(2) && trap.epc == ADDR(2));
    TRAPS(jump(ADDR(9) + 2), EXC_INSN_PAGE);
    check(trap.tval == ADDR(9) + 2 && trap.epc == ADDR(9) + 2);
    asm volatile("jalr ra, %1; mv %0, a0"
                 : "=r"(r)
                 : "r"(ADDR(6))
                 : "a0", "ra", "memory");
    check(r == 42);
    /* an instruction across a page end into nothing: the second part's
     * address, the instruction's pc */
    TRAPS(jump(ADDR(6) + PAGE - 2), EXC_INSN_PAGE);
    check(trap.tval == ADDR(7) && trap.epc == ADDR(6) + PAGE - 2);
    return 3;
}

/* An access across a page end: the address of the part that faults; nothing
 * is stored. */
static xlen_t crossing(xlen_t unused)
{
    storex(ADDR(1) - sizeof(xlen_t), -1ul);
    storex(ADDR(1), -1ul);
    asm volatile("sw %1, -2(%0)" ::"r"(ADDR(1)), "r"(0x12345678) : "memory");
    check(*(uint16_t *)(ADDR(1) - 2) == 0x5678);
    check(*(uint16_t *)ADDR(1) == 0x1234);
    TRAPS(asm volatile("lw t0, -2(%0)" ::"r"(ADDR(9)) : "t0"), EXC_LOAD_PAGE);
    check(trap.tval == ADDR(9));
    storex(ADDR(9) - sizeof(xlen_t), 0x5a5a5a5a);
    TRAPS(asm volatile("sw %1, -2(%0)" ::"r"(ADDR(9)), "r"(0)
                       : "memory"),
          EXC_STORE_PAGE);
    check(trap.tval == ADDR(9));
    check(loadx(ADDR(9) - sizeof(xlen_t)) == 0x5a5a5a5a);
    /* from nothing into a page: the first part's */
    TRAPS(asm volatile("lw t0, -2(%0)" ::"r"(ADDR(0x10))
                       : "t0"),
          EXC_LOAD_PAGE);
    check(trap.tval == ADDR(0x10) - 2);
    return 4;
}

/* U pages: 10.1.1.2. */
static xlen_t user_pages(xlen_t unused)
{
    csr_clear("sstatus", MSTATUS_SUM);
    TRAPS(loadx(ADDR(0x11)), EXC_LOAD_PAGE);
    TRAPS(storex(ADDR(0x11), 1), EXC_STORE_PAGE);
    csr_set("sstatus", MSTATUS_SUM);
    check(loadx(ADDR(0x11)) == 0x4444);
    storex(ADDR(0x11) + 8, 9);
    TRAPS(jump(ADDR(0x11)), EXC_INSN_PAGE); /* never */
    for (int i = 0; i < 20; i++) {          /* SUM toggles at each user copy */
        csr_clear("sstatus", MSTATUS_SUM);
        check(loadx(ADDR(0)) == 0x1111);
        csr_set("sstatus", MSTATUS_SUM);
        check(loadx(ADDR(0x11)) == 0x4444);
    }
    csr_clear("sstatus", MSTATUS_SUM);
    TRAPS(loadx(ADDR(0x11)), EXC_LOAD_PAGE);
    return 5;
}

/* A and D by software (Svade). */
static xlen_t accessed(xlen_t unused)
{
    TRAPS(loadx(ADDR(0x12)), EXC_LOAD_PAGE); /* A = 0 */
    TRAPS(storex(ADDR(0x12), 1), EXC_STORE_PAGE);
    check(loadx(ADDR(0x13)) == 0x1111); /* D = 0 */
    TRAPS(storex(ADDR(0x13), 1), EXC_STORE_PAGE);
    check(loadx(ADDR(0x13)) == 0x1111);
    check(low[0x12] == leaf(page[0], V | R | W));
    return 6;
}

/* A and D by hardware (Svadu). */
static xlen_t accessed_by_hart(xlen_t unused)
{
    check(loadx(ADDR(0x12)) == 0x1111);
    check(low[0x12] == leaf(page[0], V | R | W | A));
    storex(ADDR(0x12) + 24, 3);
    check(low[0x12] == leaf(page[0], V | R | W | A | D));
    storex(ADDR(0x13) + 24, 4);
    check(low[0x13] == leaf(page[0], RW));
    TRAPS(storex(ADDR(0x14), 4), EXC_STORE_PAGE); /* R alone: no D either */
    check(low[0x14] == leaf(page[0], V | R));
    return 7;
}

static xlen_t large(xlen_t unused)
{
    xlen_t at = (xlen_t)&page[0][0];
    xlen_t off = at & (LARGE - 1);

    check(loadx(LARGEV + off) == 0x1111);
    storex(LARGEV + off + 32, 0x99);
    check(page[0][32 / sizeof(xlen_t)] == 0x99);
    return 8;
}

static xlen_t large_faults(xlen_t unused)
{
    TRAPS(loadx(LARGEV), EXC_LOAD_PAGE);
    return 9;
}

#if __riscv_xlen == 64
/* Bits above the translated ones must equal the top one: a page fault. */
static xlen_t canonical(xlen_t unused)
{
    xlen_t top = 1ul << (12 + 9 * LEVELS - 1);

    TRAPS(loadx(top), EXC_LOAD_PAGE);
    check(trap.tval == top);
    TRAPS(storex(VA | 1ul << 63, 0), EXC_STORE_PAGE);
    TRAPS(jump(top), EXC_INSN_PAGE);
    check(trap.epc == top);
    TRAPS(loadx(-top), EXC_LOAD_PAGE); /* canonical, not mapped */
    return 10;
}

static xlen_t memory_types(xlen_t unused)
{
    check(loadx(ADDR(0x31)) == 0x1111);
    check(loadx(ADDR(0x32)) == 0x1111);
    TRAPS(loadx(ADDR(0x35)), EXC_LOAD_PAGE); /* PBMT 3 is reserved */
    return 12;
}
#endif

/* ASIDs and fences (10.2.1). Pages of ASID 1 and 2 differ at ADDR(0x40). */
static xlen_t address_spaces(xlen_t unused)
{
    for (int i = 0; i < 5; i++) {
        csr_write("satp", SATP(root, 1));
        asm volatile("sfence.vma" ::: "memory");
        check(loadx(ADDR(0x40)) == 0x1111);
        check(loadx(ADDR(0x41)) == 0x3333); /* global */
        csr_write("satp", SATP(root2, 2));
        check(loadx(ADDR(0x40)) == 0x2222);
        check(loadx(ADDR(0x41)) == 0x3333);
        csr_write("satp", SATP(root, 1));
        check(loadx(ADDR(0x40)) == 0x1111);
        low[0x40] = leaf(page[3], RW);
        asm volatile("sfence.vma x0, %0" ::"r"(1ul) : "memory");
        check(loadx(ADDR(0x40)) == 0x4444);
        low[0x40] = leaf(page[0], RW);
        asm volatile("sfence.vma %0, %1" ::"r"(ADDR(0x40)), "r"(1ul)
                     : "memory");
        check(loadx(ADDR(0x40)) == 0x1111);
        low[0x40] = leaf(page[1], RW);
        asm volatile("sfence.w.inval; sinval.vma %0, x0; sfence.inval.ir" ::"r"(
                         ADDR(0x40))
                     : "memory");
        check(loadx(ADDR(0x40)) == 0x2222);
        low[0x40] = leaf(page[0], RW);
        asm volatile(
            "sfence.w.inval; sinval.vma x0, %0; sfence.inval.ir" ::"r"(1ul)
            : "memory");
        check(loadx(ADDR(0x40)) == 0x1111);
    }
    csr_write("satp", SATP(root, 0));
    fence();
    return 13;
}

/* Code that is mapped elsewhere must not run from before. */
static xlen_t remapped_code(xlen_t unused)
{
    xlen_t r;

    for (int i = 0; i < 6; i++) {
        map(6, i & 1 ? 5 : 4, RX);
        asm volatile("jalr ra, %1; mv %0, a0"
                     : "=r"(r)
                     : "r"(ADDR(6))
                     : "a0", "ra", "memory");
        check(r == (i & 1 ? 43 : 42));
    }
    return 14;
}

/* A table outside RAM: an access fault of the original kind. */
static xlen_t table_nowhere(xlen_t unused)
{
    TRAPS(loadx(LARGEV), EXC_LOAD_ACCESS);
    check(trap.tval == LARGEV);
    TRAPS(storex(LARGEV, 0), EXC_STORE_ACCESS);
    TRAPS(jump(LARGEV), EXC_INSN_ACCESS);
    return 15;
}

static xlen_t in_user(xlen_t unused)
{
    check(loadx(ADDR(0x11)) == 0x4444);
    storex(ADDR(0x11) + 16, 5);
    TRAPS(loadx(ADDR(0)), EXC_LOAD_PAGE); /* an S page */
    TRAPS(storex(ADDR(0), 0), EXC_STORE_PAGE);
    TRAPS(jump(ADDR(6)), EXC_INSN_PAGE);
    return 16;
}

static void fill(void)
{
    for (int i = 0; i < 6; i++) {
        page[i][0] = 0x1111 * (i + 1);
    }
    map(0, 0, RW);
    map(1, 0, RW);
    map(2, 1, RX & ~X);
    map(3, 2, V | X | A);
    map(4, 2, V | W | A | D);
    map(5, 2, RW & ~V);
    ((volatile uint32_t *)page[4])[0] = 0x02a00513; /* li a0, 42 */
    ((volatile uint32_t *)page[4])[1] = 0x00008067; /* ret */
    ((volatile uint16_t *)page[4])[2047] = 0x0513;  /* half of an addi */
    ((volatile uint32_t *)page[5])[0] = 0x02b00513; /* li a0, 43 */
    ((volatile uint32_t *)page[5])[1] = 0x00008067;
    map(6, 4, RX);
    map(8, 3, RW);
    map(0x10, 3, RW);
    map(0x11, 3, RWX | U);
    map(0x12, 0, V | R | W);
    map(0x13, 0, V | R | W | A);
    map(0x14, 0, V | R);
    asm volatile("fence.i");
}

#if __riscv_xlen == 64
#define NAPOT   (1ul << 63)
#define PBMT(n) ((xlen_t)(n) << 61)
static void fill_extra(void)
{
    xlen_t ppn = (xlen_t)page[0] >> 12;

    /* the 64 KiB around page[0], mapped from a like offset */
    for (int i = 0; i < 16; i++) {
        low[0x20 + i] = NAPOT | ((ppn & ~15ul) | 8) << 10 | RW;
    }
    low[0x30] = NAPOT | ((ppn & ~15ul) | 4) << 10 | RW;
    low[0x31] = leaf(page[0], RW) | PBMT(1);
    low[0x32] = leaf(page[0], RW) | PBMT(2);
    low[0x33] = leaf(page[0], RW) | 1ul << 54;
    low[0x34] = leaf(page[0], RW) | 1ul << 60;
    low[0x35] = leaf(page[0], RW) | PBMT(3);
    fence();
}

/* The NAPOT range keeps the low page number bits of the address. */
static xlen_t napot(xlen_t unused)
{
    unsigned first = (xlen_t)page[0] >> 12 & 15;

    for (int i = 0; i < 6; i++) {
        unsigned n = first + i;

        if (n < 16) {
            check(loadx(ADDR(0x20 + n)) == page[i][0]);
        }
    }
    TRAPS(loadx(ADDR(0x30)), EXC_LOAD_PAGE); /* a reserved size */
    TRAPS(loadx(ADDR(0x31)), EXC_LOAD_PAGE); /* PBMT without PBMTE */
    TRAPS(loadx(ADDR(0x33)), EXC_LOAD_PAGE); /* reserved bits */
    TRAPS(loadx(ADDR(0x34)), EXC_LOAD_PAGE);
    return 11;
}
#endif

static void set_adue(bool on)
{
#if __riscv_xlen == 64
    if (on) {
        csr_set("0x30a", 1ul << 61);
    } else {
        csr_clear("0x30a", 1ul << 61);
    }
#else
    if (on) {
        csr_set("0x31a", 1ul << 29);
    } else {
        csr_clear("0x31a", 1ul << 29);
    }
#endif
}

/* MPRV: M-mode's loads and stores with the rights of MPP (Priv 3.1.6.3). */
static void through_mprv(void)
{
    xlen_t v;

    csr_write("satp", SATP(root, 0));
    csr_clear("mstatus", MSTATUS_MPP);
    csr_set("mstatus", 1ul << 11);
    asm volatile("csrs mstatus, %1\n" LX_ " %0, 0(%2)\ncsrc mstatus, %1"
                 : "=&r"(v)
                 : "r"(MSTATUS_MPRV), "r"(ADDR(0))
                 : "memory");
    check(v == 0x1111);
    csr_write("satp", 0);
}

/* Small pages: what their bits allow. */
static void pages(void)
{
    /* a mode that is not there leaves satp alone */
    csr_write("satp", SATP(root, 3));
    check(csr_read("satp") == SATP(root, 3));
#if __riscv_xlen == 64
    csr_write("satp", (xlen_t)5 << 60 | 1);
    check(csr_read("satp") == SATP(root, 3));
#endif
    csr_write("satp", 0);
    map_self(false);
    fill();
    check(on(basic, PRV_S) == 1);
    check(on(rights, PRV_S) == 2);
    check(on(execute, PRV_S) == 3);
    check(on(crossing, PRV_S) == 4);
    fill();
    check(on(user_pages, PRV_S) == 5);
    set_adue(false);
    check(on(accessed, PRV_S) == 6);
    set_adue(true);
    check(on(accessed_by_hart, PRV_S) == 7);
    set_adue(false);
}

static void large_pages(void)
{
    fill();
    /* an aligned one; one whose address is not a multiple of its size */
    *large_entry() = leaf((void *)((xlen_t)page[0] & ~(LARGE - 1)), RW);
    fence();
    check(on(large, PRV_S) == 8);
    *large_entry() =
        leaf((void *)(((xlen_t)page[0] & ~(LARGE - 1)) | PAGE), RW);
    fence();
    check(on(large_faults, PRV_S) == 9);
    *large_entry() = leaf((void *)0x18000000ul, V);
    fence();
    check(on(table_nowhere, PRV_S) == 15);
    *large_entry() = 0;
}

static void extensions(void)
{
#if __riscv_xlen == 64
    check(on(canonical, PRV_S) == 10);
    fill_extra();
    check(on(napot, PRV_S) == 11);
    csr_set("0x30a", 1ul << 62); /* menvcfg.PBMTE */
    fence();
    check(on(memory_types, PRV_S) == 12);
    csr_clear("0x30a", 1ul << 62);
#endif
}

/* By ASID, and the first of them with other code. */
static void two_spaces(void)
{
    fill();
    page[2][0] = 0x3333;
    for (int i = 0; i < 1024 * 8 / (int)sizeof(xlen_t) / 2; i++) {
        root2[i] = root[i];
    }
    /* the second space differs below VA: its own last table */
    for (int i = 0; i < 1 << BITS; i++) {
        low2[i] = low[i];
    }
    low[0x40] = leaf(page[0], RW);
    low2[0x40] = leaf(page[1], RW);
    low[0x41] = low2[0x41] = leaf(page[2], RW | G);
#if __riscv_xlen == 32
    root2[index_at(VA, 1)] = leaf(low2, V);
    check(on(address_spaces, PRV_S) == 13);
#elif MODE == 8
    static volatile xlen_t mid2[512] TABLE;
    mid2[index_at(VA, 1)] = leaf(low2, V);
    root2[index_at(VA, 2)] = leaf(mid2, V);
    check(on(address_spaces, PRV_S) == 13);
#endif
    check(on(remapped_code, PRV_S) == 14);
}

int main(void)
{
    pages();
    large_pages();
    extensions();
    two_spaces();
    fill();
    through_mprv();
    /* the same map with U set */
    page[3][0] = 0x4444;
    map_self(true);
    check(on(in_user, PRV_U) == 16);
    return 0;
}
