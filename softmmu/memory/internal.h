/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. */
#ifndef SOFTMMU_MEMORY_INTERNAL_H
#define SOFTMMU_MEMORY_INTERNAL_H

#include "tandem/base.h"

#include "softmmu/base/lock.h"
#include "softmmu/memory/memory.h"

typedef __int128 int128; /* addresses with room for 2^64 and for negatives */

/* A constant array of pointers, replaced whole and freed by RCU. */
typedef struct PtrSet {
    RcuHead rcu;
    size_t n;
    void *p[];
} PtrSet;

struct MemorySystem {
    Lock *lock; /* the machine lock; NULL in unit tests */
    /* machine lock */
    unsigned depth;    /* of transactions */
    bool changed;      /* a view may differ at the end of this one */
    bool removed;      /* a region left: wait for readers at the end */
    uint8_t dirty_all; /* DIRTY_* bits that track every block */
    bool huge_pages;   /* ram_want_huge_pages() */
    GPtrArray *spaces; /* AddressSpace * */
    /* written under the machine lock; grows behind each change of a view,
     * before regions that left are freed: pairs with hint_call() */
    _Atomic uint64_t generation;
    /* RCU, written under the machine lock; rising priority */
    PtrSet *listeners; /* MemoryListener * */
    /* RCU, written under ram_lock (a leaf lock) */
    PtrSet *blocks; /* Block * */
    Lock ram_lock;
    ram_addr_t next_base; /* ram_lock */
    unsigned no_discard;  /* machine lock: who inhibits it */
    /* bounce_lock (a leaf lock): buffers that dma_map gave out */
    Lock bounce_lock;
    GHashTable *bounce; /* host pointer -> Bounce * */
    uint64_t bounce_bytes;
};

struct MemoryDoorbells {
    RcuHead rcu;
    size_t n;
    MemoryIoeventfd e[];
};

/* A published view: the flat one and the doorbells in it. */
typedef struct View {
    FlatView flat; /* first */
    size_t n_bells;
    struct ViewBell {
        hwaddr addr; /* in the address space */
        MemoryIoeventfd e;
    } * bells;
} View;

/* Bytes of a size where UINT64_MAX stands for 2^64. */
static inline int128 full_size(uint64_t size)
{
    return size == UINT64_MAX ? (int128)1 << 64 : (int128)size;
}

/* set.c: copies with one pointer more or less; NULL is the empty set. */
void ptr_set_insert(PtrSet **set, size_t at, void *p);
void ptr_set_remove(PtrSet **set, void *p);

/* view.c */
MemoryRegion *view_root(MemoryRegion *mr);
void memory_wait_readers(MemorySystem *ms);
void memory_touch(MemorySystem *ms); /* in a transaction: views may change */

/* access.c */
typedef struct Resolved {
    FlatRange range; /* a copy */
    hwaddr offset;   /* of the address in range.mr */
    uint64_t len;    /* bytes from there on that this range serves */
} Resolved;
/* Inside rcu_lock() or under the machine lock: what answers at @addr. */
MemResult memory_resolve(AddressSpace *as, hwaddr addr, uint64_t len,
                         bool write, MemAttrs attrs, Resolved *out);
void guest_copy_in(void *buf, const uint8_t *guest, uint64_t len);
void guest_copy_out(uint8_t *guest, const void *buf, uint64_t len);

/* ram.c */
bool ram_block_ref(RamBlock *block);
void ram_block_unref(RamBlock *block);
void ram_block_track(RamBlock *block, unsigned client, bool on, bool all_dirty);
void ram_system_init(MemorySystem *ms);
void ram_system_free(MemorySystem *ms);

/* dma.c */
void dma_system_init(MemorySystem *ms);
void dma_system_free(MemorySystem *ms);

#endif
