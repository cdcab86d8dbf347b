/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RAM blocks, dirty bits, DMA, IOMMU regions. */
#include "memory-test.h"

#include <sys/mman.h>

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
    RamConfig cfg = { .size = 1 << 20, .anonymous = true };
    RamBlock *block = ram_block_new(f->ms, "anon", &cfg, NULL);

    g_assert_nonnull(block);
    g_assert_cmpint(block->fd, ==, -1);
    g_assert_cmpint(block->host[12345], ==, 0);
    g_assert_true(ram_block_preallocate(block, 3, NULL));
    ram_block_free(f->ms, block);
}

/* The data from @off on, as "from to" in pages. */
static char *data_at(const RamBlock *block, uint64_t off)
{
    uint64_t from, to;

    ram_block_data(block, off, &from, &to);
    return g_strdup_printf("%" PRIu64 " %" PRIu64, from / 4096, to / 4096);
}

static void assert_data_at(const RamBlock *block, uint64_t page,
                           const char *expected)
{
    g_autofree char *found = data_at(block, page * 4096);

    g_assert_cmpstr(found, ==, expected);
}

static void what_was_never_written_is_known(void)
{
    g_autoptr(Fixture) f = setup();

    for (int anonymous = 0; anonymous < 2; anonymous++) {
        RamConfig cfg = { .size = 1 << 20, .anonymous = anonymous };
        RamBlock *block = ram_block_new(f->ms, "sparse", &cfg, NULL);

        if (madvise(block->host, block->size, MADV_NOHUGEPAGE) != 0) {
            g_test_message("no transparent huge pages here");
        }
        assert_data_at(block, 0, "256 256");
        memset(block->host + 5 * 4096, 1, 2 * 4096);
        block->host[255 * 4096] = 1;
        assert_data_at(block, 0, "5 7");
        assert_data_at(block, 6, "6 7");
        assert_data_at(block, 7, "255 256");
        g_assert_true(ram_block_discard(f->ms, block, 5 * 4096, 4096));
        assert_data_at(block, 0, "6 7");
        ram_block_free(f->ms, block);
    }
}

/* Its holes are the file's, not those of what was written privately. */
static void a_private_mapping_of_a_file_is_all_data(void)
{
    g_autoptr(Fixture) f = setup();
    RamConfig cfg = { .size = 1 << 20, .have_fd = true };
    RamBlock *block;

    cfg.fd = memfd_create("sparse", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(cfg.fd, (off_t)cfg.size), ==, 0);
    block = ram_block_new(f->ms, "private", &cfg, NULL);
    block->host[5 * 4096] = 1;
    assert_data_at(block, 0, "0 256");
    ram_block_free(f->ms, block);
}

/* Does the kernel know that @block wants transparent huge pages? */
static bool asks_huge(const RamBlock *block)
{
    g_autofree char *smaps = NULL;
    g_autofree char *begin =
        g_strdup_printf("\n%" PRIxPTR "-", (uintptr_t)block->host);
    const char *at;

    g_assert_true(g_file_get_contents("/proc/self/smaps", &smaps, NULL, NULL));
    at = strstr(smaps, begin);
    g_assert_nonnull(at);
    at = strstr(at, "\nVmFlags:");
    g_assert_nonnull(at);
    return g_strstr_len(at, strcspn(at + 1, "\n") + 1, " hg ") != NULL;
}

static void huge_pages_are_for_who_asks(void)
{
    g_autoptr(Fixture) f = setup();
    RamConfig cfg = { .size = 4 * MiB, .dump = true, .anonymous = true };
    RamBlock *plain = ram_block_new(f->ms, "plain", &cfg, NULL);
    RamBlock *huge, *later;

    if (access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0) {
        g_test_skip("the kernel has no transparent huge pages");
        ram_block_free(f->ms, plain);
        return;
    }
    cfg.huge_pages = true;
    huge = ram_block_new(f->ms, "huge", &cfg, NULL);
    g_assert_false(asks_huge(plain));
    g_assert_true(asks_huge(huge));
    ram_want_huge_pages(f->ms);
    cfg.huge_pages = false;
    later = ram_block_new(f->ms, "later", &cfg, NULL);
    g_assert_true(asks_huge(plain));
    g_assert_true(asks_huge(later));
    ram_block_free(f->ms, plain);
    ram_block_free(f->ms, huge);
    ram_block_free(f->ms, later);
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define T(f) g_test_add_func("/memory/ram/" #f, f)
    T(blocks_are_found_by_name_and_by_pointer);
    T(memory_that_the_host_lacks_is_an_error);
    T(preallocation_and_anonymous_memory_work);
    T(what_was_never_written_is_known);
    T(a_private_mapping_of_a_file_is_all_data);
    T(huge_pages_are_for_who_asks);
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
#undef T
    return g_test_run();
}
