/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest physical memory (DESIGN 5, DECISIONS 29, 34, 35).
 *
 * Regions form a tree; an AddressSpace shows the tree below one root as a
 * FlatView, a sorted array without overlaps. Changes happen under the machine
 * lock inside a transaction; at its end new views are published by RCU and
 * listeners (the engine) are told what changed.
 */
#ifndef SOFTMMU_MEMORY_MEMORY_H
#define SOFTMMU_MEMORY_MEMORY_H

#include "tandem/base.h"

#include "softmmu/base/rcu.h"

typedef struct Object Object;
typedef struct MemorySystem MemorySystem;
typedef struct MemoryRegion MemoryRegion;
typedef struct AddressSpace AddressSpace;
typedef struct FlatView FlatView;
typedef struct RamBlock RamBlock;
typedef struct MemoryListener MemoryListener;

/* Who asks, and how. Zero means: a CPU, in the non-secure world. */
typedef struct MemAttrs {
    uint16_t requester; /* PCI bus << 8 | devfn; meaningful with .device */
    bool device : 1;    /* a device's DMA, not a CPU */
    bool secure : 1;
    bool user : 1;  /* unprivileged access of a CPU */
    bool debug : 1; /* gdb, monitor: writes ROM; never calls a device, as
                       that has side effects: MEM_ACCESS_ERROR */
} MemAttrs;
#define MEM_ATTRS_CPU ((MemAttrs){ 0 })

typedef enum MemResult {
    MEM_OK = 0,
    MEM_DECODE_ERROR, /* nothing is there */
    MEM_DEVICE_ERROR, /* a device refused: size, alignment, state */
    MEM_ACCESS_ERROR, /* not allowed: IOMMU, PMP, read-only, re-entry */
} MemResult;

typedef enum MemEndian {
    MEM_LITTLE,
    MEM_BIG,
} MemEndian;

/*
 * How a device answers. The core splits, merges and swaps: hooks see only
 * aligned accesses of an implemented size, with @value in host order. They
 * run under the machine lock unless .lockless; a device is not entered again
 * from inside its own hook (the access fails with MEM_ACCESS_ERROR and a log
 * line) unless the region says .reentrant, with a comment why that is safe.
 * "Own" is the region's owner, so all regions of one device count as one.
 *
 * Splitting: an access wider than impl_max or unaligned becomes several, in
 * rising address order, and stops at the first failure. A read narrower than
 * impl_min reads the whole unit and takes its bytes; a write narrower than
 * impl_min writes the unit with zeros in the other bytes (it never reads).
 */
typedef struct MemoryOps {
    MemResult (*read)(void *opaque, hwaddr off, unsigned size, uint64_t *value,
                      MemAttrs attrs);
    MemResult (*write)(void *opaque, hwaddr off, unsigned size, uint64_t value,
                       MemAttrs attrs);
    MemEndian endian;
    /* Sizes in bytes, powers of two. What the bus accepts (else
     * MEM_DEVICE_ERROR) and what the hooks take; 0 means 1 and 8, and for
     * impl the same as valid. */
    uint8_t valid_min, valid_max;
    bool valid_unaligned;
    uint8_t impl_min, impl_max;
    bool lockless;
    bool reentrant;
} MemoryOps;

typedef enum MemoryKind {
    MEMORY_CONTAINER,
    MEMORY_RAM,
    MEMORY_ROM,        /* writes by CPUs and devices are errors */
    MEMORY_ROM_DEVICE, /* reads are RAM while romd is set, else ops; writes
                          are ops: flash */
    MEMORY_IO,
    MEMORY_ALIAS,
    MEMORY_IOMMU,
} MemoryKind;

/* Result of an IOMMU's translation of one address. */
typedef struct IommuEntry {
    AddressSpace *target; /* NULL: fault */
    hwaddr addr;          /* translated */
    uint64_t mask;        /* address bits that translation keeps: page - 1 */
    bool read, write;
} IommuEntry;
typedef IommuEntry IommuTranslate(MemoryRegion *mr, hwaddr addr, bool write,
                                  MemAttrs attrs);

struct MemoryRegion {
    /* constant after init */
    const char *name; /* owned */
    Object *owner;    /* a device, kept alive by who maps the region; or NULL */
    MemoryKind kind;
    const MemoryOps *ops;
    void *opaque;
    RamBlock *ram;
    hwaddr ram_offset; /* of this region's first byte in @ram */
    IommuTranslate *translate;
    MemoryRegion *alias;
    /* machine lock; change only through the functions below */
    hwaddr alias_offset;
    MemorySystem *ms; /* NULL until it is below some address space */
    MemoryRegion *parent;
    GPtrArray *children; /* MemoryRegion *, highest priority first */
    hwaddr addr;         /* in @parent */
    uint64_t size;       /* bytes; UINT64_MAX means 2^64 */
    int priority;        /* higher covers lower; default 0 */
    bool enabled, readonly, romd;
    uint8_t dirty_clients; /* DIRTY_* bits that want dirty tracking */
    bool coalesced;        /* engines may queue CPUs' writes */
    bool ram_owned;        /* destroy frees .ram */
    /* doorbells: RCU, written under the machine lock */
    struct MemoryDoorbells *doorbells;
};

/* --- regions: init once, in realize; destroy in unrealize --- */

void memory_region_init(MemoryRegion *mr, void *owner, const char *name,
                        uint64_t size); /* a container */
void memory_region_init_io(MemoryRegion *mr, void *owner, const MemoryOps *ops,
                           void *opaque, const char *name, uint64_t size);
/* @block stays owned by its backend or by the region that made it. */
void memory_region_init_ram(MemoryRegion *mr, void *owner, const char *name,
                            RamBlock *block);
/* RAM or ROM of the region's own; block id = owner's path + "/" + @name.
 * False when the host has no memory. */
bool memory_region_init_ram_owned(MemoryRegion *mr, void *owner,
                                  MemorySystem *ms, const char *name,
                                  uint64_t size, Error **errp);
bool memory_region_init_rom(MemoryRegion *mr, void *owner, MemorySystem *ms,
                            const char *name, uint64_t size, Error **errp);
bool memory_region_init_rom_device(MemoryRegion *mr, void *owner,
                                   MemorySystem *ms, const MemoryOps *ops,
                                   void *opaque, const char *name,
                                   uint64_t size, Error **errp);
void memory_region_init_alias(MemoryRegion *mr, void *owner, const char *name,
                              MemoryRegion *target, hwaddr offset,
                              uint64_t size);
void memory_region_init_iommu(MemoryRegion *mr, void *owner, IommuTranslate *fn,
                              const char *name, uint64_t size);
/* Not below any parent. Frees at once what no view can reach. */
void memory_region_destroy(MemoryRegion *mr);

/* --- the tree: machine lock --- */

void memory_region_add(MemoryRegion *parent, hwaddr addr, MemoryRegion *child);
void memory_region_add_overlap(MemoryRegion *parent, hwaddr addr,
                               MemoryRegion *child, int priority);
/* Returns when no vCPU or iothread can still reach @child (DECISIONS 29); for
 * that it drops and retakes the machine lock. Within a transaction the
 * outermost memory_commit() does that wait. To move or hide a region (BARs),
 * use set_address and set_enabled: they never wait. */
void memory_region_del(MemoryRegion *parent, MemoryRegion *child);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
void memory_region_set_size(MemoryRegion *mr, uint64_t size);
/* What an alias shows, from its target's byte @offset on: bridge windows. */
void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset);
void memory_region_set_readonly(MemoryRegion *mr, bool readonly);
/* ROM devices: reads from memory (true) or through ops. */
void memory_region_set_romd(MemoryRegion *mr, bool romd);
/*
 * CPUs' writes may be queued by the engine, and reach the hook, in order,
 * before any other access of a CPU that reaches a device: for a register that
 * only keeps what is written until another one is used. The hook does no
 * more than that. Before the region is shown.
 */
void memory_region_set_coalesced(MemoryRegion *mr);
/* Start or stop tracking writes for DIRTY_* @client. */
void memory_region_set_log(MemoryRegion *mr, unsigned client, bool on);
/* Host pointer to the region's RAM; for its owner and the loader. */
void *memory_region_ram_ptr(const MemoryRegion *mr);

/* Doorbells: a write of @size bytes at @addr (matching @data when @match)
 * signals @fd (an eventfd) instead of calling ops. Under TCG the core does
 * it, under KVM the kernel. */
typedef struct MemoryIoeventfd {
    hwaddr addr;
    unsigned size; /* 0: any */
    bool match;
    uint64_t data;
    int fd;
} MemoryIoeventfd;
void memory_region_add_ioeventfd(MemoryRegion *mr, const MemoryIoeventfd *e);
void memory_region_del_ioeventfd(MemoryRegion *mr, const MemoryIoeventfd *e);

/* --- the system and its transactions --- */

/*
 * A memory system belongs to one machine. @lock is the machine lock, which
 * MMIO takes; it may be NULL in unit tests.
 */
struct Lock;
MemorySystem *memory_system_new(struct Lock *lock);
/* No address space, listener or block is left but what it may drop. */
void memory_system_free(MemorySystem *ms);
/* Nestable; views change when the outermost one commits, and only if a
 * mapped region changed. With @lock NULL, one thread changes regions. */
void memory_begin(MemorySystem *ms);
void memory_commit(MemorySystem *ms);

struct AddressSpace {
    const char *name; /* owned */
    MemorySystem *ms;
    MemoryRegion *root;
    FlatView *view; /* RCU */
};
void address_space_init(AddressSpace *as, MemorySystem *ms, MemoryRegion *root,
                        const char *name);
void address_space_destroy(AddressSpace *as);

/* One piece of a view. All of it has one region and one meaning. */
typedef struct FlatRange {
    hwaddr addr;
    uint64_t size;
    MemoryRegion *mr; /* never a container or an alias */
    hwaddr offset;    /* of @addr in @mr */
    bool readonly, romd;
    uint8_t dirty_clients;
} FlatRange;

struct FlatView {
    RcuHead rcu;
    _Atomic uint32_t refs;
    size_t count;
    FlatRange *ranges; /* by address, no overlaps */
};
/* Inside rcu_lock(): the view, valid until rcu_unlock(). */
const FlatView *address_space_view(AddressSpace *as);
/* The range that holds @addr, or NULL. */
const FlatRange *flat_view_find(const FlatView *view, hwaddr addr);
/* Direct memory? For reads: RAM, ROM, romd; for writes: RAM not readonly. */
bool flat_range_is_direct(const FlatRange *r, bool write);

/*
 * What an engine learns of an address space; called in commit, under the
 * machine lock. begin, then del and add per changed range (a range that
 * stays is not mentioned), then commit. @ram_written hears of each write to
 * RAM that did not come from a vCPU's own store path: DMA, loaders, gdb.
 */
struct MemoryListener {
    AddressSpace *as;
    void *opaque;
    int priority; /* adds in rising, dels in falling order */
    void (*begin)(MemoryListener *l);
    void (*range_del)(MemoryListener *l, const FlatRange *r);
    void (*range_add)(MemoryListener *l, const FlatRange *r);
    void (*log_changed)(MemoryListener *l, const FlatRange *r);
    void (*commit)(MemoryListener *l);
    void (*ioeventfd_add)(MemoryListener *l, hwaddr addr,
                          const MemoryIoeventfd *e);
    void (*ioeventfd_del)(MemoryListener *l, hwaddr addr,
                          const MemoryIoeventfd *e);
    /* Any thread, no lock may be assumed. After the bytes are in place. */
    void (*ram_written)(MemoryListener *l, RamBlock *block, ram_addr_t offset,
                        uint64_t len);
    /* Machine lock held: return when no engine thread can still use a view
     * that was replaced before this call; may drop and retake the lock. */
    void (*synchronize)(MemoryListener *l);
};
void memory_listener_add(MemoryListener *l);
void memory_listener_remove(MemoryListener *l);

/* --- RAM --- */

enum { DIRTY_MIGRATION, DIRTY_DISPLAY, DIRTY_CODE, DIRTY_CLIENTS };

struct RamBlock {
    /* constant */
    char *id;      /* stable name, part of the saved state */
    uint8_t *host; /* page aligned */
    uint64_t size; /* a multiple of the host page size */
    uint64_t page_size;
    int fd; /* memfd or file; -1: anonymous */
    uint64_t fd_offset;
    ram_addr_t base; /* unique among all blocks: block offset + base names a
                        byte of RAM for the code tables */
    bool shared, readonly;
    /* one bit a 4 KiB page; atomic words; NULL while nobody tracks */
    _Atomic(uint64_t *) dirty[DIRTY_CLIENTS];
    /* the engine's, e.g. descriptors of code pages; set by its listener */
    void *engine;
};

typedef struct RamConfig {
    uint64_t size;
    int fd; /* with .have_fd; else a memfd is made, unless .anonymous */
    bool have_fd;
    uint64_t fd_offset;
    bool shared, readonly, hugetlb, anonymous;
    bool huge_pages;    /* madvise: transparent huge pages */
    bool merge, dump;   /* madvise: KSM, core dumps */
    uint64_t page_size; /* of hugetlb; 0: default */
    uint64_t align;     /* of the host address; 0: the best */
    bool no_reserve;    /* no swap or huge pages set aside */
    bool seal;          /* fix the size of a memfd that is made */
} RamConfig;
RamBlock *ram_block_new(MemorySystem *ms, const char *id, const RamConfig *cfg,
                        Error **errp);
/* All blocks, those to come too, ask for transparent huge pages. Machine lock,
 * or before there is anybody to race with. */
void ram_want_huge_pages(MemorySystem *ms);
/* Touch all its pages now, with @threads helpers; false: no memory. */
bool ram_block_preallocate(RamBlock *block, unsigned threads, Error **errp);
/* No region uses it. Freed after a grace period. */
void ram_block_free(MemorySystem *ms, RamBlock *block);
RamBlock *ram_block_find(MemorySystem *ms, const char *id);
/* Under the machine lock. */
void ram_block_each(MemorySystem *ms, void (*fn)(RamBlock *, void *),
                    void *opaque);
/* The block that holds @host, with its offset; NULL: not guest RAM. */
RamBlock *ram_block_from_host(MemorySystem *ms, const void *host,
                              ram_addr_t *offset);

/*
 * ram_block_data: the first bytes [*from, *to) at or after @off, below the
 * block's size, that may be anything but zeros; *from is the size where there
 * are none. What is left out was never written, and reading it would make the
 * host allocate it. What is written meanwhile may be missed: track it. Any
 * thread.
 */
void ram_block_data(const RamBlock *block, uint64_t off, uint64_t *from,
                    uint64_t *to);

/* Mark [off, off + len) dirty for all clients that track, and tell the
 * engine (ram_written). Any thread. */
void ram_written(MemorySystem *ms, RamBlock *block, ram_addr_t off,
                 uint64_t len);
/*
 * ram_block_discard: give the whole host pages in [off, off + len) back to the
 * host and mark them dirty, as ram_written() does. They read as zeros, or as
 * their file where the mapping is private. False, and nothing happened: the
 * block is read-only, somebody needs all RAM to stay, or the host refuses.
 * Main thread, machine lock.
 */
bool ram_block_discard(MemorySystem *ms, RamBlock *block, ram_addr_t off,
                       uint64_t len);
/* RAM must stay as it is (locked, or known to hardware) from now on; nests. */
void ram_discard_inhibit(MemorySystem *ms, bool on);
/* Mark only: what an engine's own store path calls. */
void ram_mark_dirty(RamBlock *block, ram_addr_t off, uint64_t len);
/* Machine lock. Start with all pages clean or all dirty. */
void ram_dirty_start(MemorySystem *ms, unsigned client, bool all_dirty);
void ram_dirty_stop(MemorySystem *ms, unsigned client);
/* Copy out and clear @n_words from page 64 * @word on; engine flush first. */
void ram_dirty_take(RamBlock *block, unsigned client, size_t word,
                    size_t n_words, uint64_t *out);

/* --- access: any thread --- */

/* Copy @len bytes. Stops at the first failure and returns it; what came
 * before has happened. Takes the machine lock for MMIO that wants it, if the
 * caller does not hold it. */
MemResult address_space_rw(AddressSpace *as, hwaddr addr, MemAttrs attrs,
                           void *buf, uint64_t len, bool write);
static inline MemResult address_space_read(AddressSpace *as, hwaddr addr,
                                           MemAttrs attrs, void *buf,
                                           uint64_t len)
{
    return address_space_rw(as, addr, attrs, buf, len, false);
}
static inline MemResult address_space_write(AddressSpace *as, hwaddr addr,
                                            MemAttrs attrs, const void *buf,
                                            uint64_t len)
{
    return address_space_rw(as, addr, attrs, (void *)buf, len, true);
}
/* One access of @size 1, 2, 4 or 8, as a CPU load or store makes it; @value
 * in host order of a guest access of byte order @endian. */
MemResult address_space_ld(AddressSpace *as, hwaddr addr, unsigned size,
                           MemEndian endian, uint64_t *value, MemAttrs attrs);
MemResult address_space_st(AddressSpace *as, hwaddr addr, unsigned size,
                           MemEndian endian, uint64_t value, MemAttrs attrs);
/* The same on a region that is already looked up (the engines' MMIO path).
 * A read that fails gives all ones. */
MemResult memory_region_access(MemoryRegion *mr, hwaddr off, unsigned size,
                               MemEndian endian, uint64_t *value, bool write,
                               MemAttrs attrs);

/* --- DMA --- */

MemResult dma_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len,
                   MemAttrs attrs);
MemResult dma_write(AddressSpace *as, hwaddr addr, const void *buf,
                    uint64_t len, MemAttrs attrs);

/*
 * dma_map: direct access to guest memory. Returns a host pointer and the
 * length that is contiguous there (at most *len) in *len; a bounce buffer
 * (at most 64 KiB each, 1 MiB at once a memory system) where it is not RAM;
 * NULL and *len = 0 when neither works. The memory stays until dma_unmap,
 * which is told how many bytes a device wrote.
 */
void *dma_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool to_guest,
              MemAttrs attrs);
void dma_unmap(AddressSpace *as, void *host, uint64_t len, bool to_guest,
               uint64_t written);

/* Text of all trees and views, as `info mtree` and `info mtree -f` show. */
char *memory_system_text(MemorySystem *ms, bool flat);

#endif
