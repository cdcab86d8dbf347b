/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of softmmu/memory share: a memory system, and a device that
 * notes each access. */
#ifndef TESTS_UNIT_MEMORY_TEST_H
#define TESTS_UNIT_MEMORY_TEST_H

#include "tandem/base.h"

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

static inline RamBlock *new_block(Fixture *f, const char *id, uint64_t size)
{
    RamConfig cfg = { .size = size, .dump = true };
    RamBlock *block = ram_block_new(f->ms, id, &cfg, NULL);

    g_assert_nonnull(block);
    return block;
}

static inline Fixture *setup_with(bool locked)
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

static inline Fixture *setup(void)
{
    return setup_with(false);
}

static inline void teardown(Fixture *f)
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

static inline void dev_reenter(Dev *d)
{
    if (d->dma_as) {
        uint32_t v = 1;

        d->dma_result = dma_write(d->dma_as, d->dma_to, &v, 4,
                                  (MemAttrs){ .requester = 8 });
    }
}

/* The device's bytes hold values in the order of its ops. */
static inline MemResult dev_read_le(void *opaque, hwaddr off, unsigned size,
                                    uint64_t *value, MemAttrs attrs)
{
    Dev *d = opaque;
    uint8_t raw[8] = { 0 };

    g_string_append_printf(d->log, "r%u@%" PRIx64 " ", size, off);
    memcpy(raw, d->bytes + off, size);
    *value = ld64_le(raw);
    return d->result;
}

static inline MemResult dev_read_be(void *opaque, hwaddr off, unsigned size,
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

static inline MemResult dev_write(void *opaque, hwaddr off, unsigned size,
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

static inline Dev *dev_new(const MemoryOps *ops, uint64_t size)
{
    Dev *d = g_new0(Dev, 1);

    d->log = g_string_new(NULL);
    for (size_t i = 0; i < sizeof(d->bytes); i++) {
        d->bytes[i] = 0x10 + i;
    }
    memory_region_init_io(&d->mr, NULL, ops, d, "dev", size);
    return d;
}

static inline void dev_free(Dev *d)
{
    if (d->mr.parent) {
        memory_region_del(d->mr.parent, &d->mr);
    }
    memory_region_destroy(&d->mr);
    g_string_free(d->log, TRUE);
    g_free(d);
}

static inline Dev *dev_at(Fixture *f, const MemoryOps *ops, hwaddr addr)
{
    Dev *d = dev_new(ops, 64);

    memory_region_add(&f->system, addr, &d->mr);
    return d;
}

static inline uint64_t load(Fixture *f, hwaddr addr, unsigned size)
{
    uint64_t v = 0;

    g_assert_cmpint(
        address_space_ld(&f->as, addr, size, MEM_LITTLE, &v, MEM_ATTRS_CPU), ==,
        MEM_OK);
    return v;
}

static inline MemResult store(Fixture *f, hwaddr addr, unsigned size,
                              uint64_t v)
{
    return address_space_st(&f->as, addr, size, MEM_LITTLE, v, MEM_ATTRS_CPU);
}

/* The view as text: "start-last name@offset; ..." */
static inline char *view_text(AddressSpace *as)
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

static inline void assert_view(AddressSpace *as, const char *want)
{
    g_autofree char *text = view_text(as);

    g_assert_cmpstr(text, ==, want);
}

static inline void assert_log(GString *log, const char *want)
{
    g_assert_cmpstr(log->str, ==, want);
    g_string_truncate(log, 0);
}

/* --- a listener that notes what it hears --- */

typedef struct Ear {
    MemoryListener l;
    GString *log;
    const char *name;
} Ear;

static inline void ear_begin(MemoryListener *l)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s[ ", e->name);
}

static inline void ear_commit(MemoryListener *l)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s] ", e->name);
}

static inline void ear_del(MemoryListener *l, const FlatRange *r)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s-%" PRIx64 " ", e->name, r->addr);
}

static inline void ear_add(MemoryListener *l, const FlatRange *r)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s+%" PRIx64 " ", e->name, r->addr);
}

static inline void ear_log(MemoryListener *l, const FlatRange *r)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%sd%x ", e->name, r->dirty_clients);
}

static inline void ear_bell_add(MemoryListener *l, hwaddr addr,
                                const MemoryIoeventfd *ev)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s(%" PRIx64 ") ", e->name, addr);
}

static inline void ear_bell_del(MemoryListener *l, hwaddr addr,
                                const MemoryIoeventfd *ev)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s)%" PRIx64 "( ", e->name, addr);
}

static inline void ear_written(MemoryListener *l, RamBlock *block,
                               ram_addr_t offset, uint64_t len)
{
    Ear *e = l->opaque;

    g_string_append_printf(e->log, "%s*%" PRIx64 "+%" PRIx64 " ", e->name,
                           (uint64_t)offset, len);
}

static inline void ear_init(Ear *e, Fixture *f, const char *name, int priority,
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

#endif
