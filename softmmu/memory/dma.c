/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices' access to guest memory: copies, and mappings with bounce buffers. */
#include "softmmu/memory/internal.h"

enum {
    BOUNCE_MAX = 64 * 1024,     /* bytes of one buffer */
    BOUNCE_TOTAL = 1024 * 1024, /* of all at once, a memory system */
    BOUNCE_OVERHEAD = 256,      /* what a buffer counts besides */
};

typedef struct Bounce {
    AddressSpace *as;
    hwaddr addr;
    uint64_t len;
    MemAttrs attrs;
    uint8_t data[] __attribute__((aligned(16)));
} Bounce;

MemResult dma_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len,
                   MemAttrs attrs)
{
    attrs.device = true;
    return address_space_rw(as, addr, attrs, buf, len, false);
}

MemResult dma_write(AddressSpace *as, hwaddr addr, const void *buf,
                    uint64_t len, MemAttrs attrs)
{
    attrs.device = true;
    return address_space_rw(as, addr, attrs, (void *)buf, len, true);
}

static bool bounce_charge(MemorySystem *ms, uint64_t len)
{
    LOCK_GUARD(&ms->bounce_lock);
    if (len + BOUNCE_OVERHEAD > BOUNCE_TOTAL - ms->bounce_bytes) {
        return false;
    }
    ms->bounce_bytes += len + BOUNCE_OVERHEAD;
    return true;
}

static void bounce_free(MemorySystem *ms, Bounce *b)
{
    lock_acquire(&ms->bounce_lock);
    ms->bounce_bytes -= b->len + BOUNCE_OVERHEAD;
    g_hash_table_remove(ms->bounce, b->data);
    lock_release(&ms->bounce_lock);
    g_free(b);
}

static void *bounce_map(AddressSpace *as, hwaddr addr, uint64_t *len,
                        bool to_guest, MemAttrs attrs)
{
    MemorySystem *ms = as->ms;
    uint64_t size = MIN(*len, BOUNCE_MAX);
    Bounce *b;

    *len = 0;
    if (size == 0 || !bounce_charge(ms, size)) {
        return NULL;
    }
    b = g_malloc0(sizeof(Bounce) + size);
    b->as = as;
    b->addr = addr;
    b->len = size;
    b->attrs = attrs;
    lock_acquire(&ms->bounce_lock);
    g_hash_table_insert(ms->bounce, b->data, b);
    lock_release(&ms->bounce_lock);
    if (!to_guest && dma_read(as, addr, b->data, size, attrs) != MEM_OK) {
        bounce_free(ms, b);
        return NULL;
    }
    *len = size;
    return b->data;
}

void *dma_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool to_guest,
              MemAttrs attrs)
{
    Resolved at;
    MemResult r;

    attrs.device = true;
    rcu_lock();
    r = memory_resolve(as, addr, *len, to_guest, attrs, &at);
    if (r == MEM_OK && flat_range_is_direct(&at.range, to_guest) &&
        ram_block_ref(at.range.mr->ram)) {
        MemoryRegion *mr = at.range.mr;
        void *host = mr->ram->host + mr->ram_offset + at.offset;

        rcu_unlock();
        *len = at.len;
        return host;
    }
    rcu_unlock();
    if (r != MEM_OK || (at.range.mr->ram && to_guest)) {
        *len = 0; /* nothing there, or a write to ROM */
        return NULL;
    }
    *len = at.len;
    return bounce_map(as, addr, len, to_guest, attrs);
}

void dma_unmap(AddressSpace *as, void *host, uint64_t len, bool to_guest,
               uint64_t written)
{
    MemorySystem *ms = as->ms;
    ram_addr_t off;
    RamBlock *block;
    Bounce *b;

    assert(written <= len);
    rcu_lock();
    block = ram_block_from_host(ms, host, &off);
    if (block) {
        if (to_guest && written > 0) {
            ram_written(ms, block, off, written);
        }
        ram_block_unref(block);
        rcu_unlock();
        return;
    }
    rcu_unlock();
    lock_acquire(&ms->bounce_lock);
    b = g_hash_table_lookup(ms->bounce, host);
    lock_release(&ms->bounce_lock);
    assert(b != NULL && len <= b->len);
    if (to_guest && written > 0) {
        dma_write(b->as, b->addr, b->data, written, b->attrs);
    }
    bounce_free(ms, b);
}

void dma_system_init(MemorySystem *ms)
{
    lock_init(&ms->bounce_lock);
    ms->bounce = g_hash_table_new(NULL, NULL);
}

void dma_system_free(MemorySystem *ms)
{
    assert(g_hash_table_size(ms->bounce) == 0);
    g_hash_table_unref(ms->bounce);
    lock_destroy(&ms->bounce_lock);
}
