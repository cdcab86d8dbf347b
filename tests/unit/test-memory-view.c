/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regions, the views made of them, and who listens. */
#include "memory-test.h"

#include <sys/resource.h>

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

/* How often this thread gave its CPU away to wait for something. */
static long waits(void)
{
    struct rusage use;

    g_assert_cmpint(getrusage(RUSAGE_THREAD, &use), ==, 0);
    return use.ru_nvcsw;
}

static void many_bars_move_without_waiting(void)
{
    enum { N = 300 };
    g_autoptr(Fixture) f = setup();
    Dev *d[N];
    long before = waits();

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
    /* 3300 commits: none waits for readers, though one may meet a lock. */
    g_assert_cmpint(waits() - before, <, 11 * N / 4);
    memory_begin(f->ms);
    for (int i = 0; i < N; i++) {
        memory_region_del(&f->system, &d[i]->mr);
    }
    memory_commit(f->ms);
    for (int i = 0; i < N; i++) {
        dev_free(d[i]);
    }
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
#define T(f) g_test_add_func("/memory/view/" #f, f)
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
    T(many_bars_move_without_waiting);
    T(the_tree_reads_as_info_mtree);
#undef T
    return g_test_run();
}
