/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory balloon against VIRTIO 1.2, 5.5, and discarding of RAM. */
#include "virtio-test.h"

#include "hw/virtio/balloon.h"

enum { STATS_VQ = 2, HINT = 8, POISON = 16, REPORTING = 32, SIZE = 16 };
enum { INFLATE, DEFLATE, STATS, HINTS, REPORTS };
enum { PAGE = 0x90000, PAGE_BYTES = 4096 };

static void all_features(Rig *r)
{
    object_set_bool(r->v, "free-page-hint", true);
    object_set_bool(r->v, "free-page-reporting", true);
    object_set_u64(r->v, "guest-stats-polling-interval", 2);
}

static Rig *balloon_rig(uint64_t features)
{
    Rig *r = rig_new(&virtio_balloon_type, all_features);

    rig_start(r, features, 5, SIZE);
    return r;
}

static void fill(Rig *r, hwaddr at, uint8_t byte)
{
    uint8_t page[PAGE_BYTES];

    memset(page, byte, sizeof(page));
    rig_put(r, at, page, sizeof(page));
}

static bool is_filled(Rig *r, hwaddr at, uint8_t byte)
{
    uint8_t page[PAGE_BYTES];

    rig_get(r, at, page, sizeof(page));
    for (size_t i = 0; i < sizeof(page); i++) {
        if (page[i] != byte) {
            return false;
        }
    }
    return true;
}

static void send_pages(Rig *r, unsigned queue, const uint32_t *pages, size_t n)
{
    TestUsed u;

    rig_send(r, &r->q[queue], pages, n * 4, 0);
    g_assert_true(rig_used(r, &r->q[queue], 1, &u));
    g_assert_cmpuint(u.len, ==, 0);
}

static void inflated_pages_are_given_up(void)
{
    g_autoptr(Rig) r = balloon_rig(0);
    const uint32_t first = PAGE >> 12;
    /* rising, falling, alone, twice, no RAM, past all RAM */
    const uint32_t pages[] = { first,     first + 1, first + 5, first + 4,
                               first + 7, first + 7, 0x10000,   0xffffffff };

    for (unsigned i = 0; i < 8; i++) {
        fill(r, PAGE + PAGE_BYTES * i, (uint8_t)(i + 1));
    }
    send_pages(r, INFLATE, pages, ARRAY_SIZE(pages));
    for (unsigned i = 0; i < 8; i++) {
        bool gone = i == 0 || i == 1 || i == 4 || i == 5 || i == 7;

        g_assert_true(
            is_filled(r, PAGE + PAGE_BYTES * i, gone ? 0 : (uint8_t)(i + 1)));
    }
    send_pages(r, DEFLATE, pages, ARRAY_SIZE(pages));
    fill(r, PAGE, 9); /* it is back */
    g_assert_true(is_filled(r, PAGE, 9));
}

static void discarded_pages_are_dirty(void)
{
    g_autoptr(Rig) r = balloon_rig(0);
    MemorySystem *ms = r->t->m->ms;
    RamBlock *block = r->t->m->ram->ram;
    const uint32_t page = PAGE >> 12;
    uint64_t words[T_RAM >> 18];

    ram_dirty_start(ms, DIRTY_MIGRATION, false);
    send_pages(r, INFLATE, &page, 1);
    ram_dirty_take(block, DIRTY_MIGRATION, 0, ARRAY_SIZE(words), words);
    g_assert_cmphex(words[page / 64] >> page % 64 & 1, ==, 1);
    ram_dirty_stop(ms, DIRTY_MIGRATION);
}

static void inhibited_discards_leave_pages_alone(void)
{
    g_autoptr(Rig) r = balloon_rig(0);
    const uint32_t page = PAGE >> 12;

    fill(r, PAGE, 1);
    ram_discard_inhibit(r->t->m->ms, true);
    send_pages(r, INFLATE, &page, 1);
    g_assert_true(is_filled(r, PAGE, 1));
    ram_discard_inhibit(r->t->m->ms, false);
    send_pages(r, INFLATE, &page, 1);
    g_assert_true(is_filled(r, PAGE, 0));
}

/* A buffer that is the page itself, to write. */
static void offer_page(Rig *r, unsigned queue, hwaddr page, uint32_t len)
{
    TestQueue *q = &r->q[queue];
    TestUsed u;

    split_desc(r, q->desc, 3, page, len, D_WRITE, 0);
    split_avail(r, q, 3);
    rig_kick(r, queue);
    g_assert_true(rig_used(r, q, 1, &u));
}

static void reported_pages_are_given_up(void)
{
    g_autoptr(Rig) r = balloon_rig(REPORTING | HINT);

    fill(r, PAGE, 1);
    fill(r, PAGE + PAGE_BYTES, 2);
    offer_page(r, REPORTS, PAGE, PAGE_BYTES + 100); /* whole pages alone */
    g_assert_true(is_filled(r, PAGE, 0));
    g_assert_true(is_filled(r, PAGE + PAGE_BYTES, 2));
}

/* 5.5.6.7.2: poisoned pages keep their poison. */
static void poisoned_pages_are_kept(void)
{
    g_autoptr(Rig) r = balloon_rig(REPORTING | HINT | POISON);

    fill(r, PAGE, 0xaa);
    test_wr(r->t, T_MMIO + 0x10c, 4, 0xaaaaaaaa);
    offer_page(r, REPORTS, PAGE, PAGE_BYTES);
    g_assert_true(is_filled(r, PAGE, 0xaa));
    test_wr(r->t, T_MMIO + 0x10c, 4, 0);
    offer_page(r, REPORTS, PAGE, PAGE_BYTES);
    g_assert_true(is_filled(r, PAGE, 0));
}

/* --- hints: 5.5.6.5 --- */

typedef struct Skips {
    unsigned n;
    ram_addr_t last;
} Skips;

static void skip(void *opaque, RamBlock *block, ram_addr_t offset, uint64_t len)
{
    Skips *s = opaque;

    s->n++;
    s->last = offset;
}

static uint32_t phase(Rig *r, RamHints *h, RamHintsPhase p)
{
    h->phase = p;
    notifier_call(r->t->m->on_migration, h);
    return (uint32_t)test_rd(r->t, T_MMIO + 0x108, 4);
}

static void send_id(Rig *r, uint32_t id)
{
    TestUsed u;

    rig_send(r, &r->q[HINTS], &id, 4, 0);
    g_assert_true(rig_used(r, &r->q[HINTS], 1, &u));
}

static void hints_count_under_their_id_alone(void)
{
    g_autoptr(Rig) r = balloon_rig(HINT);
    Skips s = { 0 };
    RamHints h = { .skip = skip, .opaque = &s };
    uint32_t id, next;

    offer_page(r, HINTS, PAGE, PAGE_BYTES); /* nobody asked */
    id = phase(r, &h, RAM_HINTS_WANTED);
    g_assert_cmpuint(id, >=, 2);
    offer_page(r, HINTS, PAGE, PAGE_BYTES); /* no id yet */
    send_id(r, id + 1);
    offer_page(r, HINTS, PAGE, PAGE_BYTES); /* another's */
    g_assert_cmpuint(s.n, ==, 0);
    send_id(r, id);
    fill(r, PAGE, 7);
    offer_page(r, HINTS, PAGE, PAGE_BYTES);
    g_assert_cmpuint(s.n, ==, 1);
    g_assert_cmphex(s.last, ==, PAGE);
    g_assert_true(is_filled(r, PAGE, 7)); /* it may be in use again */
    send_id(r, 0);
    offer_page(r, HINTS, PAGE, PAGE_BYTES);
    send_id(r, id);
    g_assert_cmpuint(phase(r, &h, RAM_HINTS_ENOUGH), ==, 0);
    offer_page(r, HINTS, PAGE, PAGE_BYTES);
    g_assert_cmpuint(s.n, ==, 1);
    g_assert_cmpuint(phase(r, &h, RAM_HINTS_OVER), ==, 1);
    next = phase(r, &h, RAM_HINTS_WANTED);
    g_assert_cmpuint(next, !=, id);
    phase(r, &h, RAM_HINTS_OVER);
}

/* --- statistics: 5.5.6.3 --- */

static uint64_t stat(Rig *r, const char *name)
{
    json_object *all = object_get(r->v, "guest-stats", NULL);
    uint64_t v = json_object_get_uint64(
        json_object_object_get(json_object_object_get(all, "stats"), name));

    json_object_put(all);
    return v;
}

static void put_stats(Rig *r, uint16_t tag, uint64_t value)
{
    uint8_t raw[20] = { 0 };

    st16_le(raw, tag);
    st64_le(raw + 2, value);
    st16_le(raw + 10, 999); /* not known: ignored */
    rig_send(r, &r->q[STATS], raw, sizeof(raw), 0);
}

static void statistics_are_asked_for(void)
{
    g_autoptr(Rig) r = balloon_rig(STATS_VQ);
    TestUsed u;

    g_assert_cmphex(stat(r, "stat-free-memory"), ==, UINT64_MAX);
    put_stats(r, 4, 1000);
    g_assert_cmpuint(stat(r, "stat-free-memory"), ==, 1000);
    g_assert_cmphex(stat(r, "stat-swap-in"), ==, UINT64_MAX);
    g_assert_false(rig_used(r, &r->q[STATS], 1, &u)); /* kept */
    test_clock_step(r->t, 1999999999);
    g_assert_false(rig_used(r, &r->q[STATS], 1, &u));
    test_clock_step(r->t, 1);
    g_assert_true(rig_used(r, &r->q[STATS], 1, &u));
    put_stats(r, 0, 5);
    g_assert_cmpuint(stat(r, "stat-swap-in"), ==, 5);
    g_assert_cmphex(stat(r, "stat-free-memory"), ==, UINT64_MAX);
}

static void the_target_reaches_the_guest(void)
{
    g_autoptr(Rig) r = balloon_rig(0);
    unsigned why;

    rig_irq(r, NULL);
    virtio_balloon_set_target(r->v, T_RAM - 3 * PAGE_BYTES);
    rig_irq(r, &why);
    g_assert_cmphex(why, ==, 2);
    g_assert_cmpuint(test_rd(r->t, T_MMIO + 0x100, 4), ==, 3);
    test_wr(r->t, T_MMIO + 0x104, 4, 2); /* actual */
    g_assert_cmpuint(virtio_balloon_actual(r->v), ==, T_RAM - 2 * PAGE_BYTES);
    test_wr(r->t, T_MMIO + 0x104, 4, 0xffffffff); /* a lie */
    g_assert_cmpuint(virtio_balloon_actual(r->v), ==, 0);
    test_wr(r->t, T_MMIO + 0x100, 4, 77); /* read-only */
    g_assert_cmpuint(test_rd(r->t, T_MMIO + 0x100, 4), ==, 3);
    virtio_balloon_set_target(r->v, UINT64_MAX);
    g_assert_cmpuint(test_rd(r->t, T_MMIO + 0x100, 4), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/virtio-balloon/" #fn, fn)
    TEST(inflated_pages_are_given_up);
    TEST(discarded_pages_are_dirty);
    TEST(inhibited_discards_leave_pages_alone);
    TEST(reported_pages_are_given_up);
    TEST(poisoned_pages_are_kept);
    TEST(hints_count_under_their_id_alone);
    TEST(statistics_are_asked_for);
    TEST(the_target_reaches_the_guest);
    return g_test_run();
}
