/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses: through views, to devices, under which lock. */
#include "memory-test.h"

#include <sys/eventfd.h>

#include "softmmu/memory/hint.h"

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

/* --- hints --- */

static uint64_t load_hint(Fixture *f, MemoryHints *h, hwaddr addr,
                          unsigned size)
{
    uint64_t v;

    address_space_ld_hint(&f->as, h, addr, size, &v);
    return v;
}

static void a_hint_answers_as_the_look_up_does(void)
{
    g_autoptr(Fixture) f = setup_with(true);
    MemoryHints h = { 0 };
    Dev *d, *wide;

    lock_acquire(&f->lock);
    d = dev_at(f, &ops_any, 0x1000);
    wide = dev_at(f, &ops_impl_32, 0x2000);
    memory_region_add(&f->system, 0x10000, &f->ram);
    lock_release(&f->lock);
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(load_hint(f, &h, 0x1004, 4), ==, 0x17161514);
        assert_log(d->log, "r4@4 ");
        g_assert_cmphex(load_hint(f, &h, 0x1004, 2), ==, 0x1514);
        assert_log(d->log, "r2@4 ");
        g_assert_cmpint(address_space_st_hint(&f->as, &h, 0x1008, 1, 0x1ab), ==,
                        MEM_OK);
        assert_log(d->log, "w1@8=ab ");
        g_assert_cmphex(load_hint(f, &h, 0x2001, 1), ==, 0x11); /* cut */
        assert_log(wide->log, "r4@0 ");
        g_assert_cmphex(load_hint(f, &h, 0x5000, 2), ==, 0xffff); /* none */
        address_space_st_hint(&f->as, &h, 0x10010, 4, 7 + (unsigned)i);
        g_assert_cmphex(load_hint(f, &h, 0x10010, 4), ==, 7 + (unsigned)i);
    }
    d->result = MEM_DEVICE_ERROR;
    g_assert_cmphex(load_hint(f, &h, 0x1004, 4), ==, 0xffffffff);
    g_assert_false(lock_held(&f->lock));
    lock_acquire(&f->lock);
    dev_free(d);
    dev_free(wide);
}

static void a_hint_ends_with_the_view(void)
{
    g_autoptr(Fixture) f = setup_with(true);
    MemoryHints h = { 0 };
    Dev *d, *over;

    lock_acquire(&f->lock);
    d = dev_at(f, &ops_any, 0x1000);
    over = dev_at(f, &ops_any, 0x2000);
    lock_release(&f->lock);
    load_hint(f, &h, 0x1000, 1);
    load_hint(f, &h, 0x1000, 1);
    assert_log(d->log, "r1@0 r1@0 ");
    lock_acquire(&f->lock);
    memory_region_del(&f->system, &d->mr);
    memory_region_add(&f->system, 0xff0, &d->mr); /* the same, moved */
    lock_release(&f->lock);
    load_hint(f, &h, 0x1000, 1);
    load_hint(f, &h, 0x1000, 1);
    assert_log(d->log, "r1@10 r1@10 ");
    lock_acquire(&f->lock);
    memory_region_del(&f->system, &d->mr);
    memory_region_del(&f->system, &over->mr);
    memory_region_add(&f->system, 0x1000, &over->mr); /* another one */
    lock_release(&f->lock);
    load_hint(f, &h, 0x1000, 1);
    assert_log(d->log, "");
    assert_log(over->log, "r1@0 ");
    lock_acquire(&f->lock);
    dev_free(over);
    lock_release(&f->lock);
    g_assert_cmphex(load_hint(f, &h, 0x1000, 1), ==, 0xff);
    lock_acquire(&f->lock);
    dev_free(d);
}

static void a_hint_rings_bells_set_later(void)
{
    g_autoptr(Fixture) f = setup_with(true);
    MemoryHints h = { 0 };
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    const MemoryIoeventfd bell = { .addr = 8, .size = 4, .fd = fd };
    Dev *d;

    lock_acquire(&f->lock);
    d = dev_at(f, &ops_any, 0x1000);
    lock_release(&f->lock);
    for (int i = 0; i < 2; i++) {
        address_space_st_hint(&f->as, &h, 0x1008, 4, 1);
        assert_log(d->log, "w4@8=1 ");
    }
    lock_acquire(&f->lock);
    memory_region_add_ioeventfd(&d->mr, &bell);
    lock_release(&f->lock);
    for (int i = 0; i < 3; i++) {
        address_space_st_hint(&f->as, &h, 0x1008, 4, 1);
    }
    assert_log(d->log, "");
    g_assert_cmpuint(rung(fd), ==, 3);
    lock_acquire(&f->lock);
    memory_region_del_ioeventfd(&d->mr, &bell);
    dev_free(d);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define T(f) g_test_add_func("/memory/access/" #f, f)
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
    T(a_hint_answers_as_the_look_up_does);
    T(a_hint_ends_with_the_view);
    T(a_hint_rings_bells_set_later);
#undef T
    return g_test_run();
}
