/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What monitors show of an x86 CPU without an engine: page tables (Intel SDM
 * 3A, chapter 4) and a local APIC's registers (chapter "APIC"). */
#include "hw-test.h"

#include "target/x86/cpu.h"

/* --- page tables --- */

enum { ROOT = 0x1000, SECOND = 0x2000, THIRD = 0x3000, LAST = 0x4000 };
enum { P = 1, W = 2, U = 4, PCD = 16, A = 32, D = 64, PS = 128, GLOBAL = 256 };
#define NX (1ull << 63)

typedef struct Rig {
    TestMachine *t;
    X86Cpu cpu;
    X86Env env;
    GString *seen; /* "VA PA SIZE LETTERS; " of each */
} Rig;

static Rig *rig(uint64_t cr4, uint64_t efer)
{
    Rig *r = g_new0(Rig, 1);

    r->t = test_machine(MiB);
    r->cpu.parent.memory = &r->t->m->memory;
    r->cpu.parent.env = &r->env;
    r->env.cr0 = 1u << 31;
    r->env.cr3 = ROOT;
    r->env.cr4 = cr4;
    r->env.efer = efer;
    r->seen = g_string_new(NULL);
    return r;
}

static void rig_free(Rig *r)
{
    test_machine_free(r->t);
    g_string_free(r->seen, TRUE);
    g_free(r);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static bool see(void *opaque, const CpuMapping *map)
{
    g_string_append_printf(((Rig *)opaque)->seen,
                           "%" PRIx64 " %" PRIx64 " %" PRIx64 " %s; ", map->va,
                           map->pa, map->size, map->rights);
    return true;
}

static const char *walk(Rig *r, bool pages)
{
    g_string_truncate(r->seen, 0);
    g_assert_true(x86_each_mapping(&r->cpu.parent, pages, see, r));
    return r->seen->str;
}

static void put64(Rig *r, hwaddr table, unsigned i, uint64_t entry)
{
    test_wr(r->t, table + 8 * i, 8, entry);
}

/* The last 2 MiB table of a walk that goes by entry @i of the one above. */
static void put_leaves(Rig *r, hwaddr dir)
{
    put64(r, dir, 0, 0x200000 | P | W | PS | PCD | GLOBAL);
    put64(r, dir, 1, LAST | P | W);
    put64(r, LAST, 0, 0x7000 | P | W | U | A | D | NX);
    put64(r, LAST, 1, 0x8000 | P | W | U | A | D | NX);
    put64(r, LAST, 2, 0x9000 | P | PS); /* PAT there */
}

static void pages_of_32_bit_mode(void)
{
    enum { PSE = 1 << 4 };
    g_autoptr(Rig) r = rig(PSE, 0);

    test_wr(r->t, ROOT + 4 * 0x300, 4, 0x00400000 | 1 << 13 | P | W | PS);
    test_wr(r->t, ROOT + 4 * 0x3ff, 4, LAST | P | W);
    test_wr(r->t, LAST + 4 * 0x3ff, 4, 0x5000 | P | W | U | A);
    g_assert_cmpstr(walk(r, true), ==,
                    "c0000000 100400000 400000 --P-----W; "
                    "fffff000 5000 1000 ----A--UW; ");
    g_assert_cmpstr(walk(r, false), ==,
                    "c0000000 100400000 400000 -rwx; "
                    "fffff000 5000 1000 -rwx; ");
    r->env.cr4 = 0; /* no large pages: that entry is a table, nowhere */
    g_assert_cmpstr(walk(r, true), ==, "fffff000 5000 1000 ----A--UW; ");
}

static void pages_of_pae_mode(void)
{
    enum { PAE = 1 << 5 };
    g_autoptr(Rig) r = rig(PAE, 0);

    put64(r, ROOT, 3, SECOND | P); /* no rights at this level */
    put_leaves(r, SECOND);
    g_assert_cmpstr(walk(r, true), ==,
                    "c0000000 200000 200000 -GP--C--W; "
                    "c0200000 7000 1000 X--DA--UW; "
                    "c0201000 8000 1000 X--DA--UW; "
                    "c0202000 9000 1000 ---------; ");
    g_assert_cmpstr(walk(r, false), ==,
                    "c0000000 200000 200000 -rwx; "
                    "c0200000 7000 2000 -rw-; "
                    "c0202000 9000 1000 -r-x; ");
}

/* Addresses are canonical; a level above may take rights away, which the
 * letters of an entry do not tell. */
static void pages_of_4_and_5_levels(void)
{
    enum { PAE = 1 << 5, LA57 = 1 << 12, LONG = 5 << 8 };
    g_autoptr(Rig) four = rig(PAE, LONG), five = rig(PAE | LA57, LONG);

    put64(four, ROOT, 511, SECOND | P | W | U);
    put64(four, SECOND, 511, THIRD | P);
    put64(four, SECOND, 0, 0x40000000 | P | W | PS);
    put_leaves(four, THIRD);
    g_assert_cmpstr(walk(four, true), ==,
                    "ffffff8000000000 40000000 40000000 --P-----W; "
                    "ffffffffc0000000 200000 200000 -GP--C--W; "
                    "ffffffffc0200000 7000 1000 X--DA--UW; "
                    "ffffffffc0201000 8000 1000 X--DA--UW; "
                    "ffffffffc0202000 9000 1000 ---------; ");
    g_assert_nonnull(
        strstr(walk(four, false), "ffffffffc0000000 200000 200000 -r-x; "));
    put64(five, ROOT, 256, SECOND | P | W);
    put64(five, SECOND, 0, THIRD | P | W);
    put64(five, THIRD, 0, 0x80000000 | P | W | PS);
    g_assert_cmpstr(walk(five, true), ==,
                    "ff00000000000000 80000000 40000000 --P-----W; ");
}

static bool count_to_limit(void *opaque, const CpuMapping *map)
{
    unsigned *left = opaque;

    g_assert_cmpuint(*left, >, 0); /* else it was told to end */
    return --*left > 0;
}

/* All entries of the root point at it: 2^45 ways to a leaf. Who has enough is
 * left alone, and who has not gets no more than a walk is allowed. */
static void tables_in_themselves_end(void)
{
    enum { PAE = 1 << 5, LA57 = 1 << 12, LONG = 5 << 8, MANY = 1 << 22 };
    g_autoptr(Rig) r = rig(PAE | LA57, LONG);
    unsigned left[] = { 1000, 1, MANY };

    for (unsigned i = 0; i < 512; i++) {
        put64(r, ROOT, i, ROOT | P | W);
    }
    for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
        g_assert_true(
            x86_each_mapping(&r->cpu.parent, i != 1, count_to_limit, &left[i]));
    }
    g_assert_cmpuint(left[0], ==, 0);
    g_assert_cmpuint(left[1], ==, 0);
    g_assert_cmpuint(left[2], >, 0);
    g_assert_cmpuint(left[2], <, MANY);
}

static void without_paging_there_are_none(void)
{
    g_autoptr(Rig) r = rig(0, 0);

    r->env.cr0 = 0;
    g_assert_false(x86_each_mapping(&r->cpu.parent, true, see, r));
}

/* --- local APIC --- */

enum { ON = 1 << 11, X2APIC = 1 << 10 };

static void wr(uint8_t *page, unsigned off, uint32_t value)
{
    st32_le(page + off, value);
}

static void has_line(const uint8_t *page, uint64_t base, const char *line)
{
    g_autoptr(GString) text = g_string_new("\n");
    g_autofree char *whole = g_strdup_printf("\n%s\n", line);

    x86_lapic_text(text, page, base);
    if (!strstr(text->str, whole)) {
        g_error("no line \"%s\" in:%s", line, text->str);
    }
}

static void entries_say_what_they_do(void)
{
    static const struct {
        unsigned off;
        uint32_t value;
        const char *line;
    } rows[] = {
        { 0x350, 0x00018700,
          "LVT0\t 0x00018700 active-hi level masked                      "
          "ExtINT (vec 0)" },
        { 0x360, 0x00003400,
          "LVT1\t 0x00003400 active-lo edge         pending              "
          "NMI   " },
        { 0x340, 0x000105ed,
          "LVTPC\t 0x000105ed active-hi edge  masked                      "
          "INIT   (vec 237)" },
        { 0x370, 0x000000fe,
          "LVTERR\t 0x000000fe active-hi edge                              "
          "Fixed  (vec 254)" },
        { 0x330, 0x00010200,
          "LVTTHMR\t 0x00010200 active-hi edge  masked                      "
          "SMI    (vec 0)" },
        { 0x320, 0x000300ec,
          "LVTT\t 0x000300ec active-hi edge  masked         periodic     "
          "Fixed  (vec 236)" },
        { 0x320, 0x000400ec,
          "LVTT\t 0x000400ec active-hi edge                 tsc-deadline "
          "Fixed  (vec 236)" },
    };
    uint8_t page[X86_LAPIC_BYTES] = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        wr(page, rows[i].off, rows[i].value);
        has_line(page, ON, rows[i].line);
    }
}

static void timer_tells_its_pace(void)
{
    static const uint8_t codes[][2] = { { 0, 2 },    { 1, 4 },  { 2, 8 },
                                        { 3, 16 },   { 8, 32 }, { 9, 64 },
                                        { 10, 128 }, { 11, 1 } };
    uint8_t page[X86_LAPIC_BYTES] = { 0 };

    wr(page, 0x380, 0xffffffff);
    wr(page, 0x390, 7);
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        g_autofree char *line = g_strdup_printf(
            "Timer\t DCR=0x%x (divide by %u) initial_count = 4294967295 "
            "current_count = 7",
            codes[i][0], codes[i][1]);

        wr(page, 0x3e0, codes[i][0]);
        has_line(page, ON, line);
    }
}

static void switched_off_by_either_way(void)
{
    uint8_t page[X86_LAPIC_BYTES] = { 0 };

    wr(page, 0xf0, 0x3ef);
    has_line(page, ON,
             "SPIV\t 0x000003ef APIC enabled, focus=on, spurious vec 239");
    has_line(page, 0,
             "SPIV\t 0x000003ef APIC disabled, focus=on, spurious vec 239");
    wr(page, 0xf0, 0xff);
    has_line(page, ON,
             "SPIV\t 0x000000ff APIC disabled, focus=off, spurious vec 255");
}

static void destinations_by_mode(void)
{
    static const struct {
        uint32_t dfr, low, high;
        uint64_t base;
        const char *line;
    } rows[] = {
        { 0xffffffff, 0x31, 0x05000000, ON,
          "ICR2\t 0x05000000 cpu 5 (APIC ID)" },
        { 0xffffffff, 0x831, 0x05000000, ON,
          "ICR2\t 0x05000000 mask 00000101 (APIC ID)" },
        { 0x0fffffff, 0x831, 0x13000000, ON,
          "ICR2\t 0x13000000 cluster 1 mask 0011 (APIC ID)" },
        { 0, 0x31, 0x00000105, ON | X2APIC,
          "ICR2\t 0x00000105 cpu 261 (X2APIC ID)" },
        { 0, 0x831, 0x00020105, ON | X2APIC,
          "ICR2\t 0x00020105 cluster 2 mask 0000000100000101 (X2APIC ID)" },
        { 0, 0xc4610, 0, ON, "ICR2\t 0x00000000" },
        { 0, 0xc4610, 0, ON, "ICR\t 0x000c4610 physical edge assert all" },
        { 0, 0x8c831, 0, ON, "ICR\t 0x0008c831 logical level assert all-self" },
        { 0, 0x40031, 0, ON, "ICR\t 0x00040031 physical edge de-assert self" },
    };
    uint8_t page[X86_LAPIC_BYTES] = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        wr(page, 0xe0, rows[i].dfr);
        wr(page, 0x300, rows[i].low);
        wr(page, 0x310, rows[i].high);
        has_line(page, rows[i].base, rows[i].line);
    }
}

static void vectors_and_priorities(void)
{
    uint8_t page[X86_LAPIC_BYTES] = { 0 };

    has_line(page, ON, "ISR\t (none)");
    wr(page, 0x100 + 0x40, 1u << 1);  /* 129 */
    wr(page, 0x200 + 0x20, 0x300000); /* 84, 85 */
    wr(page, 0x180 + 0x20, 0x100000); /* the first by level */
    wr(page, 0x200 + 0x70, 1u << 31); /* 255 */
    wr(page, 0x80, 0x20);
    wr(page, 0x90, 0x30);
    wr(page, 0xa0, 0x80);
    wr(page, 0xd0, 0x21000000);
    wr(page, 0xe0, 0xffffffff);
    has_line(page, ON, "ISR\t 129 ");
    has_line(page, ON, "IRR\t 84(level) 85 255 ");
    has_line(page, ON, "APR 0x30 TPR 0x20 DFR 0x0f LDR 0x21 PPR 0x80");
    wr(page, 0xe0, 0x0fffffff);
    has_line(page, ON,
             "APR 0x30 TPR 0x20 DFR 0x00 LDR 0x21(cluster 2: id 1) PPR 0x80");
}

#define ADD(fn) g_test_add_func("/x86-debug/" #fn, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(pages_of_32_bit_mode);
    ADD(pages_of_pae_mode);
    ADD(pages_of_4_and_5_levels);
    ADD(tables_in_themselves_end);
    ADD(without_paging_there_are_none);
    ADD(entries_say_what_they_do);
    ADD(timer_tells_its_pace);
    ADD(switched_off_by_either_way);
    ADD(destinations_by_mode);
    ADD(vectors_and_priorities);
    return g_test_run();
}
