/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regions, views, access, RAM blocks, DMA. */
#include "tandem/base.h"

#include <sys/eventfd.h>

#include "softmmu/base/lock.h"
#include "softmmu/base/rcu.h"
#include "softmmu/loop/loop.h"
#include "softmmu/memory/memory.h"
#include "softmmu/object/object.h"

/* A memory system with one space of 2^64 bytes and 64 KiB of RAM. */
typedef struct Fixture {
    Lock lock;
    MemorySystem *ms;
    MemoryRegion system;
    AddressSpace as;
    RamBlock *block;
    MemoryRegion ram;
} Fixture;

enum { RAM_SIZE = 0x10000 };

static RamBlock *new_block(Fixture *f, const char *id, uint64_t size)
{
    RamConfig cfg = { .size = size, .dump = true };
    RamBlock *block = ram_block_new(f->ms, id, &cfg, NULL);

    g_assert_nonnull(block);
    return block;
}

static Fixture *setup_with(bool locked)
{
    Fixture *f = g_new0(Fixture, 1);

    lock_init(&f->lock);
    f->ms = memory_system_new(locked ? &f->lock : NULL);
    memory_region_init(&f->system, NULL, "system", UINT64_MAX);
    address_space_init(&f->as, f->ms, &f->system, "memory");
    f->block = new_block(f, "ram", RAM_SIZE);
    memory_region_init_ram(&f->ram, NULL, "ram", f->block);
    return f;
}

static Fixture *setup(void)
{
    return setup_with(false);
}

static void teardown(Fixture *f)
{
    if (f->ram.parent) {
        memory_region_del(f->ram.parent, &f->ram);
    }
    address_space_destroy(&f->as);
    memory_region_destroy(&f->ram);
    memory_region_destroy(&f->system);
    ram_block_free(f->ms, f->block);
    memory_system_free(f->ms);
    if (lock_held(&f->lock)) {
        lock_release(&f->lock);
    }
    lock_destroy(&f->lock);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, teardown)

/* --- a device that notes what reaches it --- */

typedef struct Dev {
    MemoryRegion mr;
    GString *log; /* "r4@10 w2@8=abcd " */
    uint8_t bytes[64];
    MemResult result;
    /* what to do from inside a hook */
    AddressSpace *dma_as;
    hwaddr dma_to;
    MemResult dma_result;
} Dev;

static void dev_reenter(Dev *d)
{
    if (d->dma_as) {
        uint32_t v = 1;

        d->dma_result = dma_write(d->dma_as, d->dma_to, &v, 4,
                                  (MemAttrs){ .requester = 8 });
    }
}

/* The device's bytes hold values in the order of its ops. */
static MemResult dev_read_le(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    Dev *d = opaque;
    uint8_t raw[8] = { 0 };

    g_string_append_printf(d->log, "r%u@%" PRIx64 " ", size, off);
    memcpy(raw, d->bytes + off, size);
    *value = ld64_le(raw);
    return d->result;
}

static MemResult dev_read_be(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    Dev *d = opaque;

    g_string_append_printf(d->log, "r%u@%" PRIx64 " ", size, off);
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        *value = *value << 8 | d->bytes[off + i];
    }
    return d->result;
}

static MemResult dev_write(void *opaque, hwaddr off, unsigned size,
                           uint64_t value, MemAttrs attrs)
{
    Dev *d = opaque;

    g_string_append_printf(d->log, "w%u@%" PRIx64 "=%" PRIx64 " ", size, off,
                           value);
    dev_reenter(d);
    return d->result;
}

static const MemoryOps ops_any = { .read = dev_read_le, .write = dev_write };
static const MemoryOps ops_be = { .read = dev_read_be,
                                  .write = dev_write,
                                  .endian = MEM_BIG };
static const MemoryOps ops_32 = {
    .read = dev_read_le, .write = dev_write, .valid_min = 4, .valid_max = 4
};
static const MemoryOps ops_impl_8 = {
    .read = dev_read_le, .write = dev_write, .impl_min = 1, .impl_max = 1
};
static const MemoryOps ops_impl_32 = { .read = dev_read_le,
                                       .write = dev_write,
                                       .valid_unaligned = true,
                                       .impl_min = 4,
                                       .impl_max = 4 };
static const MemoryOps ops_impl_32_be = { .read = dev_read_be,
                                          .write = dev_write,
                                          .endian = MEM_BIG,
                                          .valid_unaligned = true,
                                          .impl_min = 4,
                                          .impl_max = 4 };

static Dev *dev_new(const MemoryOps *ops, uint64_t size)
{
    Dev *d = g_new0(Dev, 1);

    d->log = g_string_new(NULL);
    for (size_t i = 0; i < sizeof(d->bytes); i++) {
        d->bytes[i] = 0x10 + i;
    }
    memory_region_init_io(&d->mr, NULL, ops, d, "dev", size);
    return d;
}

static void dev_free(Dev *d)
{
    if (d->mr.parent) {
        memory_region_del(d->mr.parent, &d->mr);
    }
    memory_region_destroy(&d->mr);
    g_string_free(d->log, TRUE);
    g_free(d);
}

static Dev *dev_at(Fixture *f, const MemoryOps *ops, hwaddr addr)
{
    Dev *d = dev_new(ops, 64);

    memory_region_add(&f->system, addr, &d->mr);
    return d;
}

static uint64_t load(Fixture *f, hwaddr addr, unsigned size)
{
    uint64_t v = 0;

    g_assert_cmpint(
        address_space_ld(&f->as, addr, size, MEM_LITTLE, &v, MEM_ATTRS_CPU), ==,
        MEM_OK);
    return v;
}

static MemResult store(Fixture *f, hwaddr addr, unsigned size, uint64_t v)
{
    return address_space_st(&f->as, addr, size, MEM_LITTLE, v, MEM_ATTRS_CPU);
}

/* The view as text: "start-last name@offset; ..." */
static char *view_text(AddressSpace *as)
{
    GString *out = g_string_new(NULL);
    const FlatView *view;

    rcu_lock();
    view = address_space_view(as);
    for (size_t i = 0; i < view->count; i++) {
        const FlatRange *r = &view->ranges[i];

        g_string_append_printf(out, "%" PRIx64 "-%" PRIx64 " %s@%" PRIx64 "%s",
                               r->addr, r->addr + r->size - 1, r->mr->name,
                               r->offset, r->readonly ? "!" : "");
        g_string_append(out, i + 1 < view->count ? "; " : "");
    }
    rcu_unlock();
    return g_string_free(out, FALSE);
}

static void assert_view(AddressSpace *as, const char *want)
{
    g_autofree char *text = view_text(as);

    g_assert_cmpstr(text, ==, want);
}

static void assert_log(GString *log, const char *want)
{
    g_assert_cmpstr(log->str, ==, want);
    g_string_truncate(log, 0);
}

/* --- views --- */

static void higher_priority_covers_lower(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *low = dev_new(&ops_any, 0x1000), *high = dev_new(&ops_any, 0x100);

    memory_region_add(&f->system, 0, &f->ram);
    memory_region_add_overlap(&f->system, 0x2000, &low->mr, 1);
    memory_region_add_overlap(&f->system, 0x2800, &high->mr, 2);
    assert_view(&f->as, "0-1fff ram@0; 2000-27ff dev@0; 2800-28ff dev@0; "
                        "2900-2fff dev@900; 3000-ffff ram@3000");
    memory_region_set_enabled(&high->mr, false);
    assert_view(&f->as, "0-1fff ram@0; 2000-2fff dev@0; 3000-ffff ram@3000");
    memory_region_del(&f->system, &low->mr);
    assert_view(&f->as, "0-ffff ram@0");
    dev_free(low);
    dev_free(high);
}

static void a_negative_priority_shows_through_holes_only(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *back = dev_new(&ops_any, 0x30000);

    memory_region_add_overlap(&f->system, 0, &back->mr, -1000);
    memory_region_add(&f->system, 0x10000, &f->ram);
    assert_view(&f->as,
                "0-ffff dev@0; 10000-1ffff ram@0; 20000-2ffff dev@20000");
    dev_free(back);
}

static void a_container_clips_what_is_in_it(void)
{
    g_autoptr(Fixture) f = setup();
    MemoryRegion box;

    memory_region_init(&box, NULL, "box", 0x3000);
    memory_region_add(&box, 0x1000, &f->ram);
    memory_region_add(&f->system, 0x100000, &box);
    assert_view(&f->as, "101000-102fff ram@0");
    memory_region_set_size(&box, 0x1800);
    assert_view(&f->as, "101000-1017ff ram@0");
    memory_region_set_address(&box, 0);
    assert_view(&f->as, "1000-17ff ram@0");
    memory_region_del(&f->system, &box);
    assert_view(&f->as, "");
    memory_region_del(&box, &f->ram);
    memory_region_destroy(&box);
}

static void aliases_of_aliases_show_their_target(void)
{
    g_autoptr(Fixture) f = setup();
    MemoryRegion pci, one, two;
    Dev *bar = dev_new(&ops_any, 0x1000);

    memory_region_init(&pci, NULL, "pci", UINT64_MAX);
    memory_region_init_alias(&one, NULL, "one", &pci, 0x40000000, 0x10000000);
    memory_region_init_alias(&two, NULL, "two", &one, 0x1000, 0x1000);
    memory_region_add(&f->system, 0x40000000, &one);
    memory_region_add(&f->system, 0x1000, &two);
    assert_view(&f->as, "");
    /* the target is in no tree of ours but is seen through the aliases */
    memory_region_add(&pci, 0x40000800, &bar->mr);
    assert_view(&f->as, "1000-17ff dev@800; 40000800-400017ff dev@0");
    memory_region_set_readonly(&two, true);
    assert_view(&f->as, "1000-17ff dev@800!; 40000800-400017ff dev@0");
    memory_region_set_address(&bar->mr, 0x50000000);
    assert_view(&f->as, "");
    memory_region_del(&f->system, &one);
    memory_region_del(&f->system, &two);
    memory_region_destroy(&two);
    memory_region_destroy(&one);
    dev_free(bar);
    memory_region_destroy(&pci);
}

static void the_top_of_the_address_space_is_reachable(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_new(&ops_any, UINT64_MAX);

    memory_region_add(&f->system, 0, &d->mr);
    d->bytes[0] = 0x77;
    g_assert_cmphex(load(f, 0, 1), ==, 0x77);
    g_assert_cmpint(store(f, UINT64_MAX, 1, 5), ==, MEM_OK);
    assert_log(d->log, "r1@0 w1@ffffffffffffffff=5 ");
    memory_region_del(&f->system, &d->mr);
    memory_region_add(&f->system, 0 - (uint64_t)RAM_SIZE, &f->ram);
    g_assert_cmpint(store(f, UINT64_MAX, 1, 5), ==, MEM_OK);
    g_assert_cmphex(load(f, UINT64_MAX, 1), ==, 5);
    /* an access does not wrap to address 0 */
    g_assert_cmpint(store(f, UINT64_MAX - 1, 4, 5), ==, MEM_DECODE_ERROR);
    dev_free(d);
}

/* --- transactions and listeners --- */

typedef struct Ear {
    MemoryListener l;
    GString *log;
    const char *name;
} Ear;

static void ear_begin(MemoryListener *l)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s[ ", e->name);
}

static void ear_commit(MemoryListener *l)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s] ", e->name);
}

static void ear_del(MemoryListener *l, const FlatRange *r)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s-%" PRIx64 " ", e->name, r->addr);
}

static void ear_add(MemoryListener *l, const FlatRange *r)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s+%" PRIx64 " ", e->name, r->addr);
}

static void ear_log(MemoryListener *l, const FlatRange *r)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%sd%x ", e->name, r->dirty_clients);
}

static void ear_bell_add(MemoryListener *l, hwaddr addr,
                         const MemoryIoeventfd *ev)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s(%" PRIx64 ") ", e->name, addr);
}

static void ear_bell_del(MemoryListener *l, hwaddr addr,
                         const MemoryIoeventfd *ev)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s)%" PRIx64 "( ", e->name, addr);
}

static void ear_written(MemoryListener *l, RamBlock *block, ram_addr_t offset,
                        uint64_t len)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s*%" PRIx64 "+%" PRIx64 " ", e->name,
                           (uint64_t)offset, len);
}

static void ear_init(Ear *e, Fixture *f, const char *name, int priority,
                     GString *log)
{
    *e = (Ear){
        .l = { .as = &f->as,
               .opaque = e,
               .priority = priority,
               .begin = ear_begin,
               .commit = ear_commit,
               .range_add = ear_add,
               .range_del = ear_del,
               .log_changed = ear_log,
               .ioeventfd_add = ear_bell_add,
               .ioeventfd_del = ear_bell_del,
               .ram_written = ear_written },
        .log = log,
        .name = name,
    };
    memory_listener_add(&e->l);
}

static void listeners_hear_changes_in_order_of_priority(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(GString) log = g_string_new(NULL);
    Ear hi, lo;

    memory_region_add(&f->system, 0x1000, &f->ram);
    ear_init(&hi, f, "h", 10, log);
    assert_log(log, "h[ h+1000 h] ");
    ear_init(&lo, f, "l", 0, log);
    assert_log(log, "l[ l+1000 l] ");
    memory_region_set_address(&f->ram, 0x2000);
    assert_log(log, "l[ h[ h-1000 l-1000 l+2000 l] h+2000 h] ");
    memory_listener_remove(&hi.l);
    assert_log(log, "h[ h-2000 h] ");
    memory_region_del(&f->system, &f->ram);
    assert_log(log, "l[ l-2000 l] ");
    memory_listener_remove(&lo.l);
}

static void a_transaction_is_heard_once_and_only_if_it_changed_something(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(GString) log = g_string_new(NULL);
    Dev *d = dev_new(&ops_any, 0x100);
    Ear e;

    memory_region_add(&f->system, 0, &f->ram);
    ear_init(&e, f, "e", 0, log);
    g_string_truncate(log, 0);
    memory_begin(f->ms);
    memory_region_add(&f->system, 0x100000, &d->mr);
    memory_begin(f->ms);
    memory_region_set_address(&d->mr, 0x200000);
    memory_commit(f->ms);
    assert_log(log, "");
    memory_commit(f->ms);
    assert_log(log, "e[ e+200000 e] "); /* RAM stays: not mentioned */
    memory_begin(f->ms);
    memory_region_set_enabled(&d->mr, false);
    memory_region_set_enabled(&d->mr, true);
    memory_commit(f->ms);
    assert_log(log, "");
    memory_region_set_enabled(&d->mr, false);
    assert_log(log, "e[ e-200000 e] ");
    memory_region_set_address(&d->mr, 0x300000); /* off: nobody sees it */
    assert_log(log, "");
    memory_listener_remove(&e.l);
    dev_free(d);
}

static void dirty_tracking_is_told_without_remapping(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(GString) log = g_string_new(NULL);
    Ear e;

    memory_region_add(&f->system, 0, &f->ram);
    ear_init(&e, f, "e", 0, log);
    g_string_truncate(log, 0);
    memory_region_set_log(&f->ram, DIRTY_DISPLAY, true);
    assert_log(log, "e[ ed2 e] ");
    ram_dirty_start(f->ms, DIRTY_MIGRATION, false);
    assert_log(log, "e[ ed3 e] ");
    ram_dirty_stop(f->ms, DIRTY_MIGRATION);
    memory_region_set_log(&f->ram, DIRTY_DISPLAY, false);
    assert_log(log, "e[ ed2 e] e[ ed0 e] ");
    memory_listener_remove(&e.l);
}

static void spaces_that_show_one_tree_share_its_view(void)
{
    g_autoptr(Fixture) f = setup();
    MemoryRegion root, window;
    AddressSpace master;

    memory_region_init(&root, NULL, "bus master container", UINT64_MAX);
    memory_region_init_alias(&window, NULL, "bus master", &f->system, 0,
                             UINT64_MAX);
    memory_region_set_enabled(&window, false);
    memory_region_add(&root, 0, &window);
    address_space_init(&master, f->ms, &root, "master");
    memory_region_add(&f->system, 0x1000, &f->ram);
    assert_view(&master, "");
    memory_region_set_enabled(&window, true);
    assert_view(&master, "1000-10fff ram@0");
    g_assert_true(address_space_view(&master) == address_space_view(&f->as));
    memory_region_set_address(&f->ram, 0x2000);
    assert_view(&master, "2000-11fff ram@0");
    address_space_destroy(&master);
    memory_region_del(&root, &window);
    memory_region_destroy(&window);
    memory_region_destroy(&root);
}

/* Readers follow the RAM wherever the writer puts it. */
typedef struct Race {
    Fixture *f;
    _Atomic bool stop;
} Race;

static void *race_reader(void *opaque)
{
    Race *r = opaque;
    uintptr_t hits = 0;

    while (!atomic_load(&r->stop)) {
        uint64_t v = 0;
        hwaddr at = (hits & 1) ? 0x100000 : 0x200000;
        MemResult result =
            address_space_ld(&r->f->as, at, 8, MEM_LITTLE, &v, MEM_ATTRS_CPU);

        if (result == MEM_OK) {
            g_assert_cmphex(v, ==, UINT64_C(0x1122334455667788));
        } else {
            g_assert_cmpint(result, ==, MEM_DECODE_ERROR);
        }
        hits++;
    }
    return (void *)hits;
}

static void readers_see_the_old_view_or_the_new_one(void)
{
    g_autoptr(Fixture) f = setup();
    Race r = { .f = f };
    Thread readers[2] = { { 0 } };

    memory_region_add(&f->system, 0x100000, &f->ram);
    g_assert_cmpint(store(f, 0x100000, 8, UINT64_C(0x1122334455667788)), ==,
                    MEM_OK);
    for (int i = 0; i < 2; i++) {
        thread_start(&readers[i], "reader", race_reader, &r);
    }
    for (int i = 0; i < 1000; i++) {
        Dev *d = dev_new(&ops_any, 0x100); /* freed while readers run */

        memory_region_add(&f->system, 0x300000 + i * 0x1000, &d->mr);
        memory_region_set_address(&f->ram, i & 1 ? 0x100000 : 0x200000);
        dev_free(d);
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++) {
        thread_join(&readers[i]);
    }
}

static void many_bars_move_in_linear_time(void)
{
    enum { N = 300 };
    g_autoptr(Fixture) f = setup();
    Dev *d[N];
    int64_t start = g_get_monotonic_time();

    for (int i = 0; i < N; i++) {
        d[i] = dev_new(&ops_any, 0x1000);
        memory_region_add(&f->system, (hwaddr)i * 0x1000, &d[i]->mr);
    }
    for (int round = 1; round <= 10; round++) {
        for (int i = 0; i < N; i++) {
            memory_region_set_address(&d[i]->mr,
                                      (hwaddr)(round * N + i) * 0x1000);
        }
    }
    /* 3300 commits; each is some tens of microseconds. The bound is far
     * off, to catch a wait in each of them. */
    g_assert_cmpint(g_get_monotonic_time() - start, <, 20 * G_USEC_PER_SEC);
    memory_begin(f->ms);
    for (int i = 0; i < N; i++) {
        memory_region_del(&f->system, &d[i]->mr);
    }
    memory_commit(f->ms);
    for (int i = 0; i < N; i++) {
        dev_free(d[i]);
    }
}

/* --- access --- */

static void ram_keeps_bytes_in_the_order_asked_for(void)
{
    g_autoptr(Fixture) f = setup();
    uint8_t raw[4];
    uint64_t v;

    memory_region_add(&f->system, 0, &f->ram);
    g_assert_cmpint(
        address_space_st(&f->as, 0, 4, MEM_BIG, 0x11223344, MEM_ATTRS_CPU), ==,
        MEM_OK);
    address_space_read(&f->as, 0, MEM_ATTRS_CPU, raw, 4);
    g_assert_cmpmem(raw, 4, "\x11\x22\x33\x44", 4);
    g_assert_cmphex(load(f, 0, 4), ==, 0x44332211);
    g_assert_cmphex(load(f, 1, 2), ==, 0x3322); /* unaligned */
    address_space_ld(&f->as, 2, 2, MEM_BIG, &v, MEM_ATTRS_CPU);
    g_assert_cmphex(v, ==, 0x3344);
}

static void an_access_may_cross_ranges(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_any, RAM_SIZE);

    memory_region_add(&f->system, 0, &f->ram);
    store(f, RAM_SIZE - 2, 2, 0xbbaa);
    g_assert_cmphex(load(f, RAM_SIZE - 2, 4), ==, 0x1110bbaa);
    assert_log(d->log, "r2@0 ");
    g_assert_cmpint(store(f, RAM_SIZE - 2, 4, 0x44332211), ==, MEM_OK);
    assert_log(d->log, "w2@0=4433 ");
    g_assert_cmphex(load(f, RAM_SIZE - 2, 2), ==, 0x2211);
    dev_free(d);
}

static void nothing_there_is_a_decode_error_and_reads_ones(void)
{
    g_autoptr(Fixture) f = setup();
    uint64_t v = 0;

    g_assert_cmpint(
        address_space_ld(&f->as, 0x5000, 4, MEM_LITTLE, &v, MEM_ATTRS_CPU), ==,
        MEM_DECODE_ERROR);
    g_assert_cmphex(v, ==, 0xffffffff);
    g_assert_cmpint(store(f, 0x5000, 4, 0), ==, MEM_DECODE_ERROR);
}

static void a_device_refuses_wrong_sizes_and_alignment(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_32, 0);
    uint64_t v;

    g_assert_cmpint(
        address_space_ld(&f->as, 0, 2, MEM_LITTLE, &v, MEM_ATTRS_CPU), ==,
        MEM_DEVICE_ERROR);
    g_assert_cmpint(store(f, 0, 8, 1), ==, MEM_DEVICE_ERROR);
    g_assert_cmpint(store(f, 2, 4, 1), ==, MEM_DEVICE_ERROR);
    assert_log(d->log, "");
    g_assert_cmphex(load(f, 4, 4), ==, 0x17161514);
    assert_log(d->log, "r4@4 ");
    d->result = MEM_DEVICE_ERROR;
    g_assert_cmpint(
        address_space_ld(&f->as, 0, 4, MEM_LITTLE, &v, MEM_ATTRS_CPU), ==,
        MEM_DEVICE_ERROR);
    g_assert_cmphex(v, ==, 0xffffffff);
    dev_free(d);
}

static void wide_accesses_are_split_in_rising_order(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_impl_8, 0);

    g_assert_cmphex(load(f, 0, 4), ==, 0x13121110);
    assert_log(d->log, "r1@0 r1@1 r1@2 r1@3 ");
    store(f, 4, 2, 0xabcd);
    assert_log(d->log, "w1@4=cd w1@5=ab ");
    dev_free(d);
}

static void a_split_stops_at_the_first_failure(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_impl_8, 0);

    d->result = MEM_DEVICE_ERROR;
    g_assert_cmpint(store(f, 0, 4, 0), ==, MEM_DEVICE_ERROR);
    assert_log(d->log, "w1@0=0 ");
    dev_free(d);
}

static void narrow_and_unaligned_reads_take_bytes_of_whole_units(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_impl_32, 0);

    g_assert_cmphex(load(f, 1, 1), ==, 0x11);
    assert_log(d->log, "r4@0 ");
    g_assert_cmphex(load(f, 3, 4), ==, 0x16151413);
    assert_log(d->log, "r4@0 r4@4 ");
    g_assert_cmphex(load(f, 0, 8), ==, UINT64_C(0x1716151413121110));
    assert_log(d->log, "r4@0 r4@4 ");
    store(f, 2, 2, 0xabcd);
    assert_log(d->log, "w4@0=abcd0000 ");
    store(f, 3, 2, 0xabcd);
    assert_log(d->log, "w4@0=cd000000 w4@4=ab ");
    dev_free(d);
}

static void a_big_endian_device_sees_its_own_order(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_be, 0);
    Dev *u = dev_at(f, &ops_impl_32_be, 0x1000);
    uint64_t v;

    g_assert_cmphex(load(f, 0, 4), ==, 0x13121110); /* as bytes lie */
    address_space_ld(&f->as, 0, 4, MEM_BIG, &v, MEM_ATTRS_CPU);
    g_assert_cmphex(v, ==, 0x10111213);
    store(f, 0, 4, 0x11223344);
    assert_log(d->log, "r4@0 r4@0 w4@0=44332211 ");
    g_assert_cmphex(load(f, 0x1001, 2), ==, 0x1211);
    g_assert_cmphex(load(f, 0x1003, 2), ==, 0x1413);
    store(f, 0x1001, 1, 0xee);
    assert_log(u->log, "r4@0 r4@0 r4@4 w4@0=ee0000 ");
    dev_free(d);
    dev_free(u);
}

static void a_buffer_reaches_a_device_in_the_widest_pieces(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_any, 0);
    uint8_t buf[11] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };

    g_assert_cmpint(
        address_space_write(&f->as, 2, MEM_ATTRS_CPU, buf, sizeof(buf)), ==,
        MEM_OK);
    assert_log(d->log, "w2@2=201 w4@4=6050403 w4@8=a090807 w1@c=b ");
    dev_free(d);
}

static void rom_reads_and_refuses_writes_but_a_debuggers(void)
{
    g_autoptr(Fixture) f = setup();
    MemoryRegion rom;
    const MemAttrs debug = { .debug = true };
    uint32_t v = 0x12345678;

    g_assert_true(memory_region_init_rom(&rom, NULL, f->ms, "rom", 100, NULL));
    memory_region_add(&f->system, 0, &rom);
    memcpy(memory_region_ram_ptr(&rom), "boot", 4);
    g_assert_cmphex(load(f, 0, 4), ==, ld32_le("boot"));
    g_assert_cmpint(store(f, 0, 4, 0), ==, MEM_ACCESS_ERROR);
    g_assert_cmphex(load(f, 0, 4), ==, ld32_le("boot"));
    g_assert_cmpint(address_space_write(&f->as, 0, debug, &v, 4), ==, MEM_OK);
    g_assert_cmphex(load(f, 0, 4), ==, 0x12345678);
    g_assert_cmpint(store(f, 100, 1, 0), ==, MEM_DECODE_ERROR);
    memory_region_del(&f->system, &rom);
    memory_region_destroy(&rom);
}

static void a_debugger_does_not_touch_devices(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_any, 0);
    uint32_t v;

    g_assert_cmpint(
        address_space_read(&f->as, 0, (MemAttrs){ .debug = true }, &v, 4), ==,
        MEM_ACCESS_ERROR);
    assert_log(d->log, "");
    dev_free(d);
}

static void a_rom_device_reads_memory_or_ops(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = g_new0(Dev, 1);

    d->log = g_string_new(NULL);
    d->bytes[0] = 0x99;
    g_assert_true(memory_region_init_rom_device(&d->mr, NULL, f->ms, &ops_any,
                                                d, "flash", 0x1000, NULL));
    *(uint8_t *)memory_region_ram_ptr(&d->mr) = 0x55;
    memory_region_add(&f->system, 0, &d->mr);
    g_assert_cmphex(load(f, 0, 1), ==, 0x55);
    store(f, 0, 1, 0x90);
    assert_log(d->log, "w1@0=90 ");
    memory_region_set_romd(&d->mr, false);
    g_assert_cmphex(load(f, 0, 1), ==, 0x99);
    assert_log(d->log, "r1@0 ");
    memory_region_set_romd(&d->mr, true);
    g_assert_cmphex(load(f, 0, 1), ==, 0x55);
    assert_log(d->log, "");
    dev_free(d);
}

static void a_device_is_not_entered_from_its_own_hook(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *a = dev_at(f, &ops_any, 0x1000), *b = dev_at(f, &ops_any, 0x2000);

    memory_region_add(&f->system, 0x10000, &f->ram);
    a->dma_as = &f->as;
    a->dma_to = 0x1010; /* itself */
    g_assert_cmpint(store(f, 0x1000, 4, 1), ==, MEM_OK);
    g_assert_cmpint(a->dma_result, ==, MEM_ACCESS_ERROR);
    assert_log(a->log, "w4@0=1 ");
    a->dma_to = 0x2000; /* another, that comes back */
    b->dma_as = &f->as;
    b->dma_to = 0x1000;
    g_assert_cmpint(store(f, 0x1000, 4, 1), ==, MEM_OK);
    g_assert_cmpint(a->dma_result, ==, MEM_OK);
    g_assert_cmpint(b->dma_result, ==, MEM_ACCESS_ERROR);
    a->dma_to = 0x10000; /* RAM is always fine */
    g_assert_cmpint(store(f, 0x1000, 4, 1), ==, MEM_OK);
    g_assert_cmpint(a->dma_result, ==, MEM_OK);
    dev_free(a);
    dev_free(b);
}

static void all_regions_of_one_device_count_as_one(void)
{
    g_autoptr(Fixture) f = setup();
    Object owner = { 0 };
    Dev *a = dev_at(f, &ops_any, 0x1000), *b = dev_at(f, &ops_any, 0x2000);

    a->mr.owner = &owner;
    b->mr.owner = &owner;
    a->dma_as = &f->as;
    a->dma_to = 0x2000;
    g_assert_cmpint(store(f, 0x1000, 4, 1), ==, MEM_OK);
    g_assert_cmpint(a->dma_result, ==, MEM_ACCESS_ERROR);
    assert_log(b->log, "");
    dev_free(a);
    dev_free(b);
}

/* --- locks and doorbells --- */

static MemResult needs_lock_write(void *opaque, hwaddr off, unsigned size,
                                  uint64_t value, MemAttrs attrs)
{
    Fixture *f = opaque;

    return lock_held(&f->lock) ? MEM_OK : MEM_DEVICE_ERROR;
}

static MemResult no_lock_write(void *opaque, hwaddr off, unsigned size,
                               uint64_t value, MemAttrs attrs)
{
    Fixture *f = opaque;

    return lock_held(&f->lock) ? MEM_DEVICE_ERROR : MEM_OK;
}

typedef struct IoWrite {
    Fixture *f;
    MemResult result, ram_result;
    LoopContext *ctx;
    _Atomic bool done;
} IoWrite;

static void iothread_write(void *opaque)
{
    IoWrite *w = opaque;

    w->result = store(w->f, 0x1000, 4, 1);
    w->ram_result = store(w->f, 0x10000, 4, 1);
    atomic_store(&w->done, true);
}

static void hooks_run_under_the_machine_lock_unless_lockless(void)
{
    static const MemoryOps locked = { .write = needs_lock_write };
    static const MemoryOps lockless = { .write = no_lock_write,
                                        .lockless = true };
    Fixture *f = setup_with(true);
    MemoryRegion a, b;
    ClockSet *clocks = clocks_new();
    IoWrite w = { .f = f, .ctx = loop_context_new("io", NULL, clocks) };

    memory_region_init_io(&a, NULL, &locked, f, "a", 16);
    memory_region_init_io(&b, NULL, &lockless, f, "b", 16);
    lock_acquire(&f->lock);
    memory_region_add(&f->system, 0x1000, &a);
    memory_region_add(&f->system, 0x2000, &b);
    memory_region_add(&f->system, 0x10000, &f->ram);
    g_assert_cmpint(store(f, 0x1000, 4, 1), ==, MEM_OK); /* held already */
    lock_release(&f->lock);
    g_assert_cmpint(store(f, 0x1000, 4, 1), ==, MEM_OK);
    g_assert_cmpint(store(f, 0x2000, 4, 1), ==, MEM_OK);
    g_assert_cmpint(
        address_space_write(&f->as, 0x1000, MEM_ATTRS_CPU, "abcdefgh", 8), ==,
        MEM_OK);
    g_assert_false(lock_held(&f->lock));
    /* an iothread may reach RAM only (DECISIONS 27) */
    loop_post(w.ctx, iothread_write, &w);
    loop_thread_start(w.ctx);
    while (!atomic_load(&w.done)) {
        g_usleep(100);
    }
    loop_thread_stop(w.ctx);
    g_assert_cmpint(w.result, ==, MEM_ACCESS_ERROR);
    g_assert_cmpint(w.ram_result, ==, MEM_OK);
    lock_acquire(&f->lock);
    memory_region_del(&f->system, &a);
    memory_region_del(&f->system, &b);
    g_assert_true(lock_held(&f->lock));
    memory_region_destroy(&a);
    memory_region_destroy(&b);
    loop_context_free(w.ctx);
    clocks_free(clocks);
    teardown(f);
}

static uint64_t rung(int fd)
{
    uint64_t n = 0;

    return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void a_matching_write_rings_instead_of_calling_ops(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(GString) log = g_string_new(NULL);
    Dev *d = dev_at(f, &ops_any, 0x1000);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    const MemoryIoeventfd bell = {
        .addr = 8, .size = 4, .match = true, .data = 3, .fd = fd
    };
    const MemoryIoeventfd any = { .addr = 16, .fd = fd };
    Ear e;

    ear_init(&e, f, "e", 0, log);
    g_string_truncate(log, 0);
    memory_region_add_ioeventfd(&d->mr, &bell);
    assert_log(log, "e[ e(1008) e] ");
    memory_region_add_ioeventfd(&d->mr, &any);
    assert_log(log, "e[ e(1010) e] ");
    g_assert_cmpint(store(f, 0x1008, 4, 3), ==, MEM_OK);
    assert_log(d->log, "");
    g_assert_cmpuint(rung(fd), ==, 1);
    store(f, 0x1008, 4, 2); /* other data */
    store(f, 0x1008, 2, 3); /* other size */
    assert_log(d->log, "w4@8=2 w2@8=3 ");
    g_assert_cmpuint(rung(fd), ==, 0);
    store(f, 0x1010, 2, 77);
    store(f, 0x1010, 4, 78);
    assert_log(d->log, "");
    g_assert_cmpuint(rung(fd), ==, 2);
    memory_region_del_ioeventfd(&d->mr, &bell);
    assert_log(log, "e[ e)1008( e] ");
    store(f, 0x1008, 4, 3);
    assert_log(d->log, "w4@8=3 ");
    memory_listener_remove(&e.l);
    dev_free(d);
    close(fd);
}

/* --- RAM blocks --- */

static void blocks_are_found_by_name_and_by_pointer(void)
{
    g_autoptr(Fixture) f = setup();
    RamBlock *two = new_block(f, "two", 5000);
    RamConfig cfg = { .size = 4096 };
    g_autoptr(Error) dup = NULL, none = NULL;
    ram_addr_t off = 0;

    g_assert_cmpuint(two->size, ==, 8192); /* whole pages */
    g_assert_cmpuint(two->base, >=, f->block->base + f->block->size);
    g_assert_true(ram_block_find(f->ms, "two") == two);
    g_assert_true(ram_block_from_host(f->ms, two->host + 8191, &off) == two);
    g_assert_cmpuint(off, ==, 8191);
    g_assert_null(ram_block_from_host(f->ms, &off, &off));
    g_assert_null(ram_block_new(f->ms, "two", &cfg, &dup));
    g_assert_cmpstr(error_text(dup), ==, "RAM 'two' exists already");
    cfg.size = 0;
    g_assert_null(ram_block_new(f->ms, "three", &cfg, &none));
    g_assert_nonnull(none);
    ram_block_free(f->ms, two);
    g_assert_null(ram_block_find(f->ms, "two"));
}

static void memory_that_the_host_lacks_is_an_error(void)
{
    g_autoptr(Fixture) f = setup();
    RamConfig cfg = { .size = UINT64_C(1) << 60 };
    g_autoptr(Error) err = NULL;

    g_assert_null(ram_block_new(f->ms, "huge", &cfg, &err));
    g_assert_nonnull(err);
}

static void preallocation_and_anonymous_memory_work(void)
{
    g_autoptr(Fixture) f = setup();
    RamConfig cfg = { .size = 1 << 20, .prealloc = true, .anonymous = true };
    RamBlock *block = ram_block_new(f->ms, "anon", &cfg, NULL);

    g_assert_nonnull(block);
    g_assert_cmpint(block->fd, ==, -1);
    g_assert_cmpint(block->host[12345], ==, 0);
    g_assert_true(ram_block_preallocate(block, 3, NULL));
    ram_block_free(f->ms, block);
}

static uint64_t take_word(Fixture *f, unsigned client)
{
    uint64_t word;

    ram_dirty_take(f->block, client, 0, 1, &word);
    return word;
}

static void writes_are_marked_for_those_who_track(void)
{
    g_autoptr(Fixture) f = setup();

    memory_region_add(&f->system, 0, &f->ram);
    store(f, 0x1000, 4, 1); /* nobody tracks */
    ram_dirty_start(f->ms, DIRTY_MIGRATION, false);
    g_assert_cmphex(take_word(f, DIRTY_MIGRATION), ==, 0);
    store(f, 0x2ffe, 4, 1); /* crosses pages 2 and 3 */
    store(f, 0x8000, 1, 1);
    g_assert_cmphex(take_word(f, DIRTY_MIGRATION), ==, 0x10c);
    g_assert_cmphex(take_word(f, DIRTY_MIGRATION), ==, 0);
    ram_dirty_stop(f->ms, DIRTY_MIGRATION);
    ram_dirty_start(f->ms, DIRTY_MIGRATION, true);
    g_assert_cmphex(take_word(f, DIRTY_MIGRATION), ==, 0xffff); /* 16 pages */
    ram_dirty_stop(f->ms, DIRTY_MIGRATION);
}

static void each_client_has_its_own_bits(void)
{
    g_autoptr(Fixture) f = setup();

    memory_region_add(&f->system, 0, &f->ram);
    memory_region_set_log(&f->ram, DIRTY_DISPLAY, true);
    g_assert_cmphex(take_word(f, DIRTY_DISPLAY), ==, 0xffff);
    ram_dirty_start(f->ms, DIRTY_MIGRATION, false);
    store(f, 0, 1, 1);
    g_assert_cmphex(take_word(f, DIRTY_DISPLAY), ==, 1);
    g_assert_cmphex(take_word(f, DIRTY_MIGRATION), ==, 1);
    ram_dirty_stop(f->ms, DIRTY_MIGRATION);
    store(f, 0x1000, 1, 1);
    g_assert_cmphex(take_word(f, DIRTY_DISPLAY), ==, 2);
    memory_region_set_log(&f->ram, DIRTY_DISPLAY, false);
}

/* Marks racing with takes: no page that was written is missed. */
static void *mark_all(void *opaque)
{
    RamBlock *block = opaque;

    for (int i = 0; i < 20000; i++) {
        ram_mark_dirty(block, (i % 16) * 4096, 1);
    }
    return NULL;
}

static void marks_and_takes_race_without_loss(void)
{
    g_autoptr(Fixture) f = setup();
    Thread t[2] = { { 0 } };
    uint64_t all = 0;

    ram_dirty_start(f->ms, DIRTY_MIGRATION, false);
    for (int i = 0; i < 2; i++) {
        thread_start(&t[i], "marker", mark_all, f->block);
    }
    for (int i = 0; i < 1000; i++) {
        all |= take_word(f, DIRTY_MIGRATION);
    }
    for (int i = 0; i < 2; i++) {
        thread_join(&t[i]);
    }
    all |= take_word(f, DIRTY_MIGRATION);
    g_assert_cmphex(all, ==, 0xffff);
    ram_dirty_stop(f->ms, DIRTY_MIGRATION);
}

static void the_engine_hears_of_writes_from_outside(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(GString) log = g_string_new(NULL);
    uint64_t len = 100;
    void *p;
    Ear e;

    memory_region_add(&f->system, 0, &f->ram);
    ear_init(&e, f, "e", 0, log);
    g_string_truncate(log, 0);
    dma_write(&f->as, 0x123, "abc", 3, MEM_ATTRS_CPU);
    assert_log(log, "e*123+3 ");
    p = dma_map(&f->as, 0x200, &len, true, MEM_ATTRS_CPU);
    assert_log(log, "");
    dma_unmap(&f->as, p, len, true, 50);
    assert_log(log, "e*200+32 ");
    p = dma_map(&f->as, 0x200, &len, false, MEM_ATTRS_CPU);
    dma_unmap(&f->as, p, len, false, 0);
    assert_log(log, "");
    memory_listener_remove(&e.l);
}

/* --- DMA --- */

static void a_mapping_ends_where_the_ram_does(void)
{
    g_autoptr(Fixture) f = setup();
    uint64_t len = UINT64_MAX;
    void *p;

    memory_region_add(&f->system, 0x1000, &f->ram);
    p = dma_map(&f->as, 0x1800, &len, true, MEM_ATTRS_CPU);
    g_assert_true(p == f->block->host + 0x800);
    g_assert_cmpuint(len, ==, RAM_SIZE - 0x800);
    dma_unmap(&f->as, p, len, true, 0);
    len = 4;
    g_assert_null(dma_map(&f->as, 0, &len, true, MEM_ATTRS_CPU));
    g_assert_cmpuint(len, ==, 0);
}

static void mapped_memory_outlives_its_block(void)
{
    g_autoptr(Fixture) f = setup();
    RamBlock *block = new_block(f, "hot", 8192);
    MemoryRegion mr;
    uint64_t len = 4096;
    char *p;

    memory_region_init_ram(&mr, NULL, "hot", block);
    memory_region_add(&f->system, 0, &mr);
    p = dma_map(&f->as, 0, &len, true, MEM_ATTRS_CPU);
    memory_region_del(&f->system, &mr);
    memory_region_destroy(&mr);
    ram_block_free(f->ms, block);
    rcu_drain();
    memset(p, 1, len); /* the device is not done yet */
    dma_unmap(&f->as, p, len, true, len);
}

static void a_bounce_buffer_stands_in_for_a_device(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_at(f, &ops_any, 0x1000);
    uint64_t len = 8;
    uint8_t *p = dma_map(&f->as, 0x1000, &len, false, MEM_ATTRS_CPU);

    g_assert_cmpuint(len, ==, 8);
    g_assert_cmpmem(p, 8, d->bytes, 8);
    dma_unmap(&f->as, p, len, false, 0);
    g_string_truncate(d->log, 0);
    p = dma_map(&f->as, 0x1000, &len, true, MEM_ATTRS_CPU);
    assert_log(d->log, "");
    memcpy(p, "\1\2\3\4\5\6\7\10", 8);
    dma_unmap(&f->as, p, len, true, 4);
    assert_log(d->log, "w4@0=4030201 ");
    dev_free(d);
}

static void bounce_buffers_are_capped_each_and_together(void)
{
    g_autoptr(Fixture) f = setup();
    Dev *d = dev_new(&ops_any, UINT64_C(1) << 40);
    void *held[64];
    int n = 0;

    memory_region_add(&f->system, 0, &d->mr);
    for (; n < 64; n++) {
        uint64_t len = UINT64_C(1) << 39; /* a hostile length */

        held[n] = dma_map(&f->as, 0, &len, true, MEM_ATTRS_CPU);
        if (held[n] == NULL) {
            g_assert_cmpuint(len, ==, 0);
            break;
        }
        g_assert_cmpuint(len, ==, 65536);
    }
    g_assert_cmpint(n, >=, 15);
    g_assert_cmpint(n, <=, 16);
    for (int i = 0; i < n; i++) {
        dma_unmap(&f->as, held[i], 65536, true, 0);
    }
    assert_log(d->log, "");
    dev_free(d);
}

/* An IOMMU that swaps pages 0 and 1 of RAM, and lets page 2 be read only. */
typedef struct Iommu {
    MemoryRegion mr;
    AddressSpace *target;
} Iommu;

static IommuEntry iommu_translate(MemoryRegion *mr, hwaddr addr, bool write,
                                  MemAttrs attrs)
{
    Iommu *io = container_of(mr, Iommu, mr);
    uint64_t page = addr >> 12;

    if (page > 2) {
        return (IommuEntry){ 0 };
    }
    return (IommuEntry){
        .target = io->target,
        .addr = (page < 2 ? !page : page) << 12,
        .mask = 4095,
        .read = true,
        .write = page != 2,
    };
}

static void an_iommu_translates_page_by_page(void)
{
    g_autoptr(Fixture) f = setup();
    Iommu io = { .target = &f->as };
    AddressSpace dev;
    uint8_t buf[8192];
    uint64_t len = 8192;
    void *p;

    memory_region_add(&f->system, 0, &f->ram);
    memset(f->block->host, 'A', 4096);
    memset(f->block->host + 4096, 'B', 4096);
    memory_region_init_iommu(&io.mr, NULL, iommu_translate, "iommu",
                             UINT64_MAX);
    address_space_init(&dev, f->ms, &io.mr, "device");
    g_assert_cmpint(dma_read(&dev, 0, buf, 8192, MEM_ATTRS_CPU), ==, MEM_OK);
    g_assert_cmpint(buf[0], ==, 'B');
    g_assert_cmpint(buf[4095], ==, 'B');
    g_assert_cmpint(buf[4096], ==, 'A');
    g_assert_cmpint(dma_write(&dev, 0x2000, buf, 4, MEM_ATTRS_CPU), ==,
                    MEM_ACCESS_ERROR);
    g_assert_cmpint(dma_read(&dev, 0x2000, buf, 4, MEM_ATTRS_CPU), ==, MEM_OK);
    g_assert_cmpint(dma_read(&dev, 0x3000, buf, 4, MEM_ATTRS_CPU), ==,
                    MEM_ACCESS_ERROR);
    p = dma_map(&dev, 0x10, &len, true, MEM_ATTRS_CPU);
    g_assert_true(p == f->block->host + 4096 + 0x10);
    g_assert_cmpuint(len, ==, 4096 - 0x10);
    dma_unmap(&dev, p, len, true, 0);
    address_space_destroy(&dev);
    memory_region_destroy(&io.mr);
}

static void an_iommu_loop_ends(void)
{
    g_autoptr(Fixture) f = setup();
    Iommu io = { 0 };
    AddressSpace dev;
    uint32_t v;

    memory_region_init_iommu(&io.mr, NULL, iommu_translate, "iommu",
                             UINT64_MAX);
    address_space_init(&dev, f->ms, &io.mr, "device");
    io.target = &dev;
    g_assert_cmpint(dma_read(&dev, 0, &v, 4, MEM_ATTRS_CPU), ==,
                    MEM_ACCESS_ERROR);
    address_space_destroy(&dev);
    memory_region_destroy(&io.mr);
}

/* --- text --- */

static void the_tree_reads_as_info_mtree(void)
{
    g_autoptr(Fixture) f = setup();
    MemoryRegion window;
    g_autofree char *tree = NULL, *flat = NULL;

    memory_region_init_alias(&window, NULL, "window", &f->ram, 0x1000, 0x1000);
    memory_region_add(&f->system, 0x80000000, &f->ram);
    memory_region_add_overlap(&f->system, 0, &window, 1);
    tree = memory_system_text(f->ms, false);
    g_assert_cmpstr(
        tree, ==,
        "address-space: memory\n"
        "  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n"
        "    0000000000000000-0000000000000fff (prio 1, i/o): alias window "
        "@ram 0000000000001000-0000000000001fff\n"
        "    0000000080000000-000000008000ffff (prio 0, ram): ram\n"
        "\n"
        "memory-region: ram\n"
        "  0000000000000000-000000000000ffff (prio 0, ram): ram\n"
        "\n");
    flat = memory_system_text(f->ms, true);
    g_assert_cmpstr(flat, ==,
                    "FlatView #0\n"
                    " AS \"memory\", root: system\n"
                    " Root memory region: system\n"
                    "  0000000000000000-0000000000000fff (prio 0, ram): ram "
                    "@0000000000001000\n"
                    "  0000000080000000-000000008000ffff (prio 0, ram): ram\n"
                    "\n");
    memory_region_del(&f->system, &window);
    memory_region_destroy(&window);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define T(f) g_test_add_func("/memory/" #f, f)
    T(higher_priority_covers_lower);
    T(a_negative_priority_shows_through_holes_only);
    T(a_container_clips_what_is_in_it);
    T(aliases_of_aliases_show_their_target);
    T(the_top_of_the_address_space_is_reachable);
    T(listeners_hear_changes_in_order_of_priority);
    T(a_transaction_is_heard_once_and_only_if_it_changed_something);
    T(dirty_tracking_is_told_without_remapping);
    T(spaces_that_show_one_tree_share_its_view);
    T(readers_see_the_old_view_or_the_new_one);
    T(many_bars_move_in_linear_time);
    T(ram_keeps_bytes_in_the_order_asked_for);
    T(an_access_may_cross_ranges);
    T(nothing_there_is_a_decode_error_and_reads_ones);
    T(a_device_refuses_wrong_sizes_and_alignment);
    T(wide_accesses_are_split_in_rising_order);
    T(a_split_stops_at_the_first_failure);
    T(narrow_and_unaligned_reads_take_bytes_of_whole_units);
    T(a_big_endian_device_sees_its_own_order);
    T(a_buffer_reaches_a_device_in_the_widest_pieces);
    T(rom_reads_and_refuses_writes_but_a_debuggers);
    T(a_debugger_does_not_touch_devices);
    T(a_rom_device_reads_memory_or_ops);
    T(a_device_is_not_entered_from_its_own_hook);
    T(all_regions_of_one_device_count_as_one);
    T(hooks_run_under_the_machine_lock_unless_lockless);
    T(a_matching_write_rings_instead_of_calling_ops);
    T(blocks_are_found_by_name_and_by_pointer);
    T(memory_that_the_host_lacks_is_an_error);
    T(preallocation_and_anonymous_memory_work);
    T(writes_are_marked_for_those_who_track);
    T(each_client_has_its_own_bits);
    T(marks_and_takes_race_without_loss);
    T(the_engine_hears_of_writes_from_outside);
    T(a_mapping_ends_where_the_ram_does);
    T(mapped_memory_outlives_its_block);
    T(a_bounce_buffer_stands_in_for_a_device);
    T(bounce_buffers_are_capped_each_and_together);
    T(an_iommu_translates_page_by_page);
    T(an_iommu_loop_ends);
    T(the_tree_reads_as_info_mtree);
#undef T
    return g_test_run();
}
