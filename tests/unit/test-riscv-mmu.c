/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page walks over a small memory, and PMP.
 *
 * Spec: Priv 20240411 10.3 to 10.6, 12 (Svnapot), 13 (Svpbmt), 3.7; Svadu.
 */
#include "tandem/base.h"

#include "tests/unit/riscv-fake.h"
#include "target/riscv/mmu.h"
#include "target/riscv/pmp.h"

enum {
    V = 1,
    R = 2,
    W = 4,
    X = 8,
    U = 16,
    G = 32,
    A = 64,
    D = 128,
    RWAD = V | R | W | A | D,
};

/* Tables lie at the start of RAM: level n of a walk in page n. */
static uint64_t table_pte(unsigned page)
{
    return ((uint64_t)(FAKE_RAM >> 12) + page) << 10 | V;
}

static void put64(FakeHart *h, unsigned page, unsigned index, uint64_t pte)
{
    st64_le(h->ram + page * 4096 + index * 8, pte);
}

/* A hart in S-mode whose satp names page 0, with everything open in PMP. */
static FakeHart *paging(const RiscvModel *model, unsigned mode)
{
    FakeHart *h = fake_new(model, NULL);

    h->env.pmpcfg[0] = 0x1f; /* NAPOT RWX */
    h->env.pmpaddr[0] = bit_mask(54);
    pmp_update(&h->env);
    h->env.priv = PRV_S;
    h->env.satp = model->xlen == 32 ? BIT(31) | FAKE_RAM >> 12
                                    : (uint64_t)mode << 60 | FAKE_RAM >> 12;
    return h;
}

/* Sv39: va 0x40201000 through pages 0, 1, 2 (indexes 1, 1, 1) to @leaf. */
enum { VA39 = 0x40201000 };
static FakeHart *sv39_with_leaf(const RiscvModel *model, uint64_t leaf)
{
    FakeHart *h = paging(model, 8);

    put64(h, 0, 1, table_pte(1));
    put64(h, 1, 1, table_pte(2));
    put64(h, 2, 1, leaf);
    return h;
}

static int cause_of(FakeHart *h, vaddr va, unsigned access, unsigned mmu)
{
    RiscvPage page;
    uint32_t cause;

    return riscv_translate(&h->env, va, 1, access, mmu, &page, &cause)
               ? -1
               : (int)cause;
}

static RiscvPage page_of(FakeHart *h, vaddr va, unsigned access, unsigned mmu)
{
    RiscvPage page = { 0 };
    uint32_t cause = 0;

    g_assert_true(riscv_translate(&h->env, va, 1, access, mmu, &page, &cause));
    return page;
}

static void every_scheme_reaches_its_leaf(void)
{
    static const struct {
        unsigned mode, levels;
        vaddr va;
    } rows[] = {
        { 8, 3, 0x40201abc },
        { 9, 4, 0x8040201abc },
        { 10, 5, 0x1008040201abc },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree FakeHart *h = paging(&riscv_model_rv64, rows[i].mode);
        unsigned last = rows[i].levels - 1;

        for (unsigned n = 0; n < last; n++) {
            put64(h, n, 1, table_pte(n + 1));
        }
        put64(h, last, 1, (uint64_t)0x12345 << 10 | RWAD);
        RiscvPage p = page_of(h, rows[i].va, ACC_R, RISCV_MMU_S);
        g_assert_cmphex(p.pa, ==, 0x12345abc);
        g_assert_cmpuint(p.page_bits, ==, 12);
        g_assert_cmphex(p.rights, ==, ACC_R | ACC_W);
        g_assert_true(p.whole);
        /* a pointer in the place of the leaf is a fault */
        put64(h, last, 1, table_pte(5));
        g_assert_cmpint(cause_of(h, rows[i].va, ACC_R, RISCV_MMU_S), ==, 13);
    }
}

static void sv32_has_34_bit_addresses(void)
{
    g_autofree FakeHart *h = paging(&riscv_model_rv32, 1);

    st32_le(h->ram + 4 * 0x200, table_pte(1)); /* va 0x80000000 */
    st32_le(h->ram + 4096 + 4 * 3, 0xffffeu << 10 | RWAD);
    st32_le(h->ram + 4 * 0x201, 0x300000u << 10 | RWAD | X); /* 4 MiB */
    RiscvPage p = page_of(h, 0xffffffff80003004, ACC_W, RISCV_MMU_S);
    g_assert_cmphex(p.pa, ==, 0xffffe004);
    p = page_of(h, 0x80400008, ACC_X, RISCV_MMU_S);
    g_assert_cmphex(p.pa, ==, 0x300000008);
    g_assert_cmpuint(p.page_bits, ==, 22);
}

static void addresses_must_be_canonical(void)
{
    g_autofree FakeHart *h = paging(&riscv_model_rv64, 8);

    put64(h, 0, 511, 0 | RWAD | X); /* top 1 GiB of each half */
    put64(h, 0, 255, 0 | RWAD | X);
    g_assert_cmpint(cause_of(h, 0xffffffffc0000000, ACC_X, RISCV_MMU_S), ==,
                    -1);
    /* a page fault of the access's own kind, for fetches too */
    g_assert_cmpint(cause_of(h, 0x3fffffffff | BIT(63), ACC_X, RISCV_MMU_S), ==,
                    12);
    g_assert_cmpint(cause_of(h, 0x4000000000, ACC_W, RISCV_MMU_S), ==, 15);
}

static void rights_by_bits_and_mode(void)
{
    static const struct {
        uint64_t bits;
        unsigned mmu, access;
        uint64_t mstatus;
        int cause;
    } rows[] = {
        { V | R | A, RISCV_MMU_S, ACC_R, 0, -1 },
        { V | R | A, RISCV_MMU_S, ACC_W, 0, 15 },
        { V | R | A, RISCV_MMU_S, ACC_X, 0, 12 },
        { V | X | A, RISCV_MMU_S, ACC_X, 0, -1 },
        { V | X | A, RISCV_MMU_S, ACC_R, 0, 13 },
        { V | X | A, RISCV_MMU_S, ACC_R, BIT(19), -1 }, /* MXR */
        { RWAD | U, RISCV_MMU_S, ACC_R, 0, 13 },
        { RWAD | U, RISCV_MMU_S_SUM, ACC_R, 0, -1 },
        { RWAD | U | X, RISCV_MMU_S_SUM, ACC_X, 0, 12 }, /* never */
        { RWAD | U | X, RISCV_MMU_U, ACC_X, 0, -1 },
        { RWAD, RISCV_MMU_U, ACC_R, 0, 13 },
        { V | W | A | D, RISCV_MMU_S, ACC_R, 0, 13 }, /* W without R */
        { R | A, RISCV_MMU_S, ACC_R, 0, 13 },         /* not valid */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree FakeHart *h =
            sv39_with_leaf(&riscv_model_rv64, 0x80000 << 10 | rows[i].bits);

        h->env.mstatus |= rows[i].mstatus;
        g_assert_cmpint(cause_of(h, VA39, rows[i].access, rows[i].mmu), ==,
                        rows[i].cause);
    }
}

static void reserved_bits_fault(void)
{
    static const uint64_t bad[] = {
        BIT(54), BIT(60), BIT(61), BIT(62), BIT(61) | BIT(62), BIT(63),
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree FakeHart *h =
            sv39_with_leaf(&riscv_model_rv64, 0x80000 << 10 | RWAD | bad[i]);

        g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, 13);
    }
    /* A, D, U are reserved in pointers */
    g_autofree FakeHart *h =
        sv39_with_leaf(&riscv_model_rv64, 0x80000 << 10 | RWAD);
    put64(h, 1, 1, table_pte(2) | A);
    g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, 13);
    /* outside of memory: an access fault of the access's kind */
    put64(h, 1, 1, (uint64_t)0x10 << 10 | V);
    g_assert_cmpint(cause_of(h, VA39, ACC_W, RISCV_MMU_S), ==, 7);
    g_assert_cmpint(cause_of(h, VA39, ACC_X, RISCV_MMU_S), ==, 1);
}

static void svpbmt_needs_pbmte(void)
{
    g_autofree FakeHart *h =
        sv39_with_leaf(&riscv_model_max, 0x80000 << 10 | RWAD | BIT(61));

    g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, 13);
    h->env.menvcfg |= BIT(62);
    g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, -1);
    put64(h, 2, 1, 0x80000 << 10 | RWAD | BIT(61) | BIT(62)); /* reserved 3 */
    g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, 13);
}

static void svnapot_maps_64k(void)
{
    g_autofree FakeHart *h = paging(&riscv_model_max, 8);

    put64(h, 0, 1, table_pte(1));
    put64(h, 1, 1, table_pte(2));
    for (unsigned i = 0; i < 16; i++) {
        put64(h, 2, 16 + i, (uint64_t)0x80028 << 10 | RWAD | BIT(63));
    }
    RiscvPage p = page_of(h, 0x40200000 + 0x13abc, ACC_R, RISCV_MMU_S);
    g_assert_cmphex(p.pa, ==, 0x80023abc);
    g_assert_cmpuint(p.page_bits, ==, 16);
    put64(h, 2, 16, (uint64_t)0x80024 << 10 | RWAD | BIT(63)); /* reserved */
    g_assert_cmpint(cause_of(h, 0x40210000, ACC_R, RISCV_MMU_S), ==, 13);
    put64(h, 1, 2, (uint64_t)0x80008 << 10 | RWAD | BIT(63)); /* level 1 */
    g_assert_cmpint(cause_of(h, 0x40400000, ACC_R, RISCV_MMU_S), ==, 13);
}

static void superpages_must_be_aligned(void)
{
    g_autofree FakeHart *h = paging(&riscv_model_rv64, 8);

    put64(h, 0, 1, table_pte(1));
    put64(h, 1, 1, (uint64_t)0x80200 << 10 | RWAD | G);
    put64(h, 1, 2, (uint64_t)0x80201 << 10 | RWAD);
    RiscvPage p = page_of(h, 0x40212345, ACC_R, RISCV_MMU_S);
    g_assert_cmphex(p.pa, ==, 0x80212345);
    g_assert_cmpuint(p.page_bits, ==, 21);
    g_assert_true(p.global);
    g_assert_cmpint(cause_of(h, 0x40400000, ACC_R, RISCV_MMU_S), ==, 13);
    /* G of a pointer holds for all below it */
    put64(h, 1, 1, (uint64_t)0x80200 << 10 | RWAD);
    put64(h, 0, 1, table_pte(1) | G);
    g_assert_true(page_of(h, 0x40212345, ACC_R, RISCV_MMU_S).global);
}

static void svade_faults_svadu_sets_the_bits(void)
{
    uint64_t leaf = 0x80000 << 10 | V | R | W;
    g_autofree FakeHart *h = sv39_with_leaf(&riscv_model_rv64, leaf);

    /* Svadu alone: on from reset; turned off it is Svade */
    g_assert_cmphex(h->env.menvcfg, ==, BIT(61));
    h->env.menvcfg = 0;
    g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, 13);
    h->env.menvcfg = BIT(61);
    RiscvPage p = page_of(h, VA39, ACC_R, RISCV_MMU_S);
    g_assert_cmphex(ld64_le(h->ram + 0x2008), ==, leaf | A);
    g_assert_cmphex(p.rights, ==, ACC_R); /* a store must walk again */
    h->cas_to_fail = 2; /* somebody else changes the entry: walk again */
    p = page_of(h, VA39, ACC_W, RISCV_MMU_S);
    g_assert_cmpuint(h->cas_calls, ==, 4);
    g_assert_cmphex(ld64_le(h->ram + 0x2008), ==, leaf | A | D);
    g_assert_cmphex(p.rights, ==, ACC_R | ACC_W);
    page_of(h, VA39, ACC_W, RISCV_MMU_S);
    g_assert_cmpuint(h->cas_calls, ==, 4); /* nothing left to set */
    /* a forbidden store sets nothing */
    put64(h, 2, 1, 0x80000 << 10 | V | R);
    g_assert_cmpint(cause_of(h, VA39, ACC_W, RISCV_MMU_S), ==, 15);
    g_assert_cmphex(ld64_le(h->ram + 0x2008), ==, 0x80000 << 10 | V | R);
}

static void debugger_sees_without_touching(void)
{
    uint64_t leaf = 0x80000 << 10 | V | X;
    g_autofree FakeHart *h = sv39_with_leaf(&riscv_model_rv64, leaf);
    hwaddr pa;

    g_assert_true(riscv_debug_translate(&h->env, VA39 + 5, &pa));
    g_assert_cmphex(pa, ==, 0x80000005);
    g_assert_cmphex(ld64_le(h->ram + 0x2008), ==, leaf);
    g_assert_false(riscv_debug_translate(&h->env, 0x1000, &pa));
    h->env.priv = PRV_M;
    g_assert_true(riscv_debug_translate(&h->env, 0x1000, &pa));
    g_assert_cmphex(pa, ==, 0x1000);
}

static void pmp_guards_table_accesses(void)
{
    g_autofree FakeHart *h =
        sv39_with_leaf(&riscv_model_rv64, 0x90000 << 10 | RWAD);

    /* the third table, 0x80002000..., is not readable */
    h->env.pmpcfg[1] = h->env.pmpcfg[0];
    h->env.pmpaddr[1] = h->env.pmpaddr[0];
    h->env.pmpcfg[0] = 0x18;
    h->env.pmpaddr[0] = (0x80002000 >> 2) | bit_mask(9);
    pmp_update(&h->env);
    g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, 5);
    g_assert_cmpint(cause_of(h, VA39, ACC_W, RISCV_MMU_S), ==, 7);
    /* readable but not writable: only setting A or D fails */
    h->env.pmpcfg[0] = 0x19;
    g_assert_cmpint(cause_of(h, VA39, ACC_W, RISCV_MMU_S), ==, -1);
    put64(h, 2, 1, 0x90000 << 10 | V | R | W);
    g_assert_cmpint(cause_of(h, VA39, ACC_R, RISCV_MMU_S), ==, 5);
}

/* --- PMP --- */

enum { TOR = 1 << 3, NA4 = 2 << 3, NAPOT = 3 << 3, L = 0x80 };

static void pmp_set(FakeHart *h, unsigned n, uint8_t cfg, uint64_t addr)
{
    h->env.pmpcfg[n] = cfg;
    h->env.pmpaddr[n] = addr >> 2;
    pmp_update(&h->env);
}

static void pmp_without_match(void)
{
    g_autofree FakeHart *h = fake_new(&riscv_model_rv64, NULL);

    g_assert_cmphex(pmp_check(&h->env, 0x1000, 4, PRV_M).allowed, ==, 7);
    g_assert_cmphex(pmp_check(&h->env, 0x1000, 4, PRV_S).allowed, ==, 0);
    h->cfg.pmp_count = 0; /* no entry implemented */
    g_assert_cmphex(pmp_check(&h->env, 0x1000, 4, PRV_U).allowed, ==, 7);
}

static void pmp_matching_table(void)
{
    static const struct {
        uint8_t cfg;
        uint64_t prev, addr; /* of entries 0 and 1 */
        hwaddr at;
        unsigned size, s, m;
        bool whole;
    } rows[] = {
        /* TOR: [prev, addr) */
        { TOR | 1, 0x2000, 0x4000, 0x2000, 8, 1, 7, true },
        { TOR | 1, 0x2000, 0x4000, 0x1ffc, 4, 0, 7, true },
        { TOR | 1, 0x2000, 0x4000, 0x1ffc, 8, 0, 0, true }, /* in part */
        { TOR | 1, 0x2000, 0x4000, 0x3ffc, 8, 0, 0, true },
        { TOR | 1, 0x4000, 0x2000, 0x3000, 4, 0, 7, true }, /* empty */
        { TOR | 7, 0x2800, 0x4000, 0x2900, 4, 7, 7, false },
        { TOR | 7, 0x2800, 0x4000, 0x2000, 4, 0, 7, false },
        /* NA4 */
        { NA4 | 3, 0, 0x3000, 0x3000, 4, 3, 7, false },
        { NA4 | 3, 0, 0x3000, 0x3000, 8, 0, 0, false },
        { NA4 | 3, 0, 0x3000, 0x3002, 2, 3, 7, false },
        { NA4 | 3, 0, 0x3000, 0x3004, 4, 0, 7, false },
        /* NAPOT: 0x0fc0 >> 2 | 7 is 64 bytes at 0xfc0; 0x1ffc: 8 KiB at 0 */
        { NAPOT | 5, 0, 0xfdc, 0xfc0, 8, 5, 7, false },
        { NAPOT | 5, 0, 0xfdc, 0xfff, 1, 5, 7, false },
        { NAPOT | 5, 0, 0xfdc, 0x1000, 1, 0, 7, true },
        { NAPOT | 5, 0, 0xffc, 0x1000, 1, 5, 7, true },
        /* locked: M obeys too */
        { NAPOT | 1 | L, 0, 0xffc, 0x1000, 1, 1, 1, true },
        /* off */
        { 7, 0, 0xffc, 0x1000, 1, 0, 7, true },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree FakeHart *h = fake_new(&riscv_model_rv64, NULL);

        pmp_set(h, 0, 0, rows[i].prev);
        pmp_set(h, 1, rows[i].cfg, rows[i].addr);
        PmpResult s = pmp_check(&h->env, rows[i].at, rows[i].size, PRV_S);
        PmpResult m = pmp_check(&h->env, rows[i].at, rows[i].size, PRV_M);
        g_test_message("row %u", i);
        g_assert_cmphex(s.allowed, ==, rows[i].s);
        g_assert_cmphex(m.allowed, ==, rows[i].m);
        g_assert_cmpint(s.whole_page, ==, rows[i].whole);
    }
}

static void pmp_lowest_entry_wins(void)
{
    g_autofree FakeHart *h = fake_new(&riscv_model_rv64, NULL);

    pmp_set(h, 2, NAPOT | 7, 0x1ffc); /* 16 KiB at 0 */
    pmp_set(h, 1, NAPOT | 0, 0x17fc); /* 4 KiB at 0x1000... */
    h->env.pmpaddr[1] = (0x1000 >> 2) | bit_mask(9);
    pmp_update(&h->env);
    g_assert_cmphex(pmp_check(&h->env, 0x1800, 4, PRV_S).allowed, ==, 0);
    g_assert_cmphex(pmp_check(&h->env, 0x2000, 4, PRV_S).allowed, ==, 7);
    g_assert_true(pmp_check(&h->env, 0x1800, 4, PRV_S).whole_page);
}

static void pmp_csrs_lock(void)
{
    g_autofree FakeHart *h = fake_new(&riscv_model_rv64, NULL);

    pmpaddr_write(&h->env, 0, UINT64_MAX);
    g_assert_cmphex(h->env.pmpaddr[0], ==, bit_mask(54));
    pmpaddr_write(&h->env, 16, 1); /* not implemented: reads zero */
    g_assert_cmphex(h->env.pmpaddr[16], ==, 0);
    /* bits 6:5 are zero; W without R does not stick */
    pmpcfg_write(&h->env, 0, 0x7f02);
    g_assert_cmphex(pmpcfg_read(&h->env, 0), ==, 0x1f00);
    /* entry 1 locked as TOR: its address and its lower bound are, too */
    pmpcfg_write(&h->env, 0, 0x8900);
    pmpaddr_write(&h->env, 0, 1);
    pmpaddr_write(&h->env, 1, 1);
    g_assert_cmphex(h->env.pmpaddr[0], ==, bit_mask(54));
    g_assert_cmphex(h->env.pmpaddr[1], ==, 0);
    pmpcfg_write(&h->env, 0, 0);
    g_assert_cmphex(pmpcfg_read(&h->env, 0), ==, 0x8900);
}

typedef struct Seen {
    CpuMapping map[8];
    unsigned n, max;
} Seen;

static bool see(void *opaque, const CpuMapping *map)
{
    Seen *s = opaque;

    s->map[s->n % 8] = *map;
    return ++s->n < s->max;
}

static void mappings_are_joined_and_named(void)
{
    g_autofree FakeHart *h =
        sv39_with_leaf(&riscv_model_rv64, (uint64_t)0x12345 << 10 | RWAD);
    Seen s = { .max = 8 };

    put64(h, 2, 2, (uint64_t)0x12346 << 10 | RWAD);          /* goes on */
    put64(h, 2, 3, (uint64_t)0x12347 << 10 | V | R | X | U); /* other rights */
    put64(h, 0, 255, (uint64_t)0xfffffff << 10 | V); /* its table is nowhere */
    put64(h, 0, 256, (uint64_t)0x80000 << 10 | V | R | G | A); /* 1 GiB, high */
    g_assert_true(riscv_each_mapping(&h->env, false, see, &s));
    g_assert_cmpuint(s.n, ==, 3);
    g_assert_cmphex(s.map[0].va, ==, VA39);
    g_assert_cmphex(s.map[0].pa, ==, 0x12345000);
    g_assert_cmphex(s.map[0].size, ==, 0x2000);
    g_assert_cmpstr(s.map[0].rights, ==, "rw---ad");
    g_assert_cmpstr(s.map[1].rights, ==, "r-xu---");
    g_assert_cmphex(s.map[2].va, ==, 0xffffffc000000000);
    g_assert_cmphex(s.map[2].size, ==, 1 << 30);
    g_assert_cmpstr(s.map[2].rights, ==, "r---ga-");
    s.n = 0;
    g_assert_true(riscv_each_mapping(&h->env, true, see, &s));
    g_assert_cmpuint(s.n, ==, 4); /* not joined */
    g_assert_cmphex(s.map[1].va, ==, VA39 + 0x1000);
    g_assert_cmphex(s.map[1].pa, ==, 0x12346000);
    g_assert_cmphex(s.map[1].size, ==, 0x1000);
    h->env.priv = PRV_M;
    g_assert_false(riscv_each_mapping(&h->env, false, see, &s));
}

/* All 512 entries of the root point at it: 2^36 ways to a leaf. */
static void mappings_of_a_table_in_itself_end(void)
{
    g_autofree FakeHart *h = paging(&riscv_model_rv64, 10);
    Seen s = { .max = UINT_MAX };

    for (unsigned i = 0; i < 511; i++) {
        put64(h, 0, i, table_pte(0));
    }
    put64(h, 0, 511, (uint64_t)0x12345 << 10 | RWAD); /* found at level 0 */
    g_assert_true(riscv_each_mapping(&h->env, false, see, &s));
    g_assert_cmpuint(s.n, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mmu/schemes", every_scheme_reaches_its_leaf);
    g_test_add_func("/mmu/sv32", sv32_has_34_bit_addresses);
    g_test_add_func("/mmu/canonical", addresses_must_be_canonical);
    g_test_add_func("/mmu/rights", rights_by_bits_and_mode);
    g_test_add_func("/mmu/reserved", reserved_bits_fault);
    g_test_add_func("/mmu/svpbmt", svpbmt_needs_pbmte);
    g_test_add_func("/mmu/svnapot", svnapot_maps_64k);
    g_test_add_func("/mmu/superpages", superpages_must_be_aligned);
    g_test_add_func("/mmu/accessed-dirty", svade_faults_svadu_sets_the_bits);
    g_test_add_func("/mmu/debug", debugger_sees_without_touching);
    g_test_add_func("/mmu/mappings", mappings_are_joined_and_named);
    g_test_add_func("/mmu/mappings-endless", mappings_of_a_table_in_itself_end);
    g_test_add_func("/mmu/pmp", pmp_guards_table_accesses);
    g_test_add_func("/pmp/no-match", pmp_without_match);
    g_test_add_func("/pmp/matching", pmp_matching_table);
    g_test_add_func("/pmp/order", pmp_lowest_entry_wins);
    g_test_add_func("/pmp/locks", pmp_csrs_lock);
    return g_test_run();
}
