/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RAM blocks: host memory for the guest, and which pages were written. */
#include "softmmu/memory/internal.h"
#include "softmmu/base/tsan.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "trace_softmmu_memory.h"

enum {
    DIRTY_PAGE_BITS = 12,
    HUGE_ALIGN = 2 * 1024 * 1024, /* transparent huge pages start here */
};

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* A dirty bitmap; the block points to its words. */
typedef struct Bitmap {
    RcuHead rcu;
    _Alignas(8) uint64_t words[];
} Bitmap;

typedef struct Block {
    RamBlock ram; /* first */
    MemorySystem *ms;
    _Atomic uint32_t refs; /* its owner's, and one a dma_map */
    _Atomic bool dying;    /* the owner's reference is gone */
    bool map_shared;       /* the mapping is of .fd's own pages */
    RcuHead rcu;
    unsigned trackers[DIRTY_CLIENTS]; /* machine lock */
} Block;

/* --- making blocks --- */

static uint64_t fd_page_size(int fd)
{
    struct statfs fs;

    if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
        return fs.f_bsize;
    }
    return sysconf(_SC_PAGESIZE);
}

static int make_memfd(const char *id, const RamConfig *cfg, Error **errp)
{
    unsigned flags = MFD_CLOEXEC | (cfg->seal ? MFD_ALLOW_SEALING : 0);
    int fd;

    if (cfg->hugetlb) {
        flags |= MFD_HUGETLB;
        if (cfg->page_size) {
            flags |= (unsigned)__builtin_ctzll(cfg->page_size)
                     << MFD_HUGE_SHIFT;
        }
    }
    fd = memfd_create(id, flags);
    if (fd < 0) {
        error_set_errno(errp, errno, "cannot make a memfd for RAM '%s'", id);
    } else if (ftruncate(fd, cfg->size) != 0) {
        error_set_errno(errp, errno, "failed to resize memfd to %" PRIu64,
                        cfg->size);
        close(fd);
        fd = -1;
    } else if (cfg->seal && fcntl(fd, F_ADD_SEALS,
                                  F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
        error_set_errno(errp, errno, "cannot seal the memfd of RAM '%s'", id);
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Map @size bytes at an address that huge pages can serve, with an
 * inaccessible page behind. */
static uint8_t *map_aligned(uint64_t size, uint64_t align, int prot, int flags,
                            int fd, uint64_t offset)
{
    uint64_t guard = sysconf(_SC_PAGESIZE);
    uint64_t span = size + align + guard;
    uint8_t *area, *at, *end;

    if (span < size) {
        errno = ENOMEM;
        return NULL;
    }
    area = mmap(NULL, span, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) {
        return NULL;
    }
    at = (uint8_t *)align_up((uintptr_t)area, align);
    if (mmap(at, size, prot, flags | MAP_FIXED, fd, offset) == MAP_FAILED) {
        int err = errno;

        munmap(area, span);
        errno = err;
        return NULL;
    }
    end = at + size + guard;
    if (at > area) {
        munmap(area, at - area);
    }
    if (end < area + span) {
        munmap(end, area + span - end);
    }
    return at;
}

static bool block_map(Block *b, const RamConfig *cfg, Error **errp)
{
    RamBlock *ram = &b->ram;
    int prot = PROT_READ | (cfg->readonly ? 0 : PROT_WRITE);
    /* a memfd of our own is shared even if not asked for: the same bytes */
    bool shared = cfg->shared || (ram->fd >= 0 && !cfg->have_fd);
    int flags = (shared ? MAP_SHARED : MAP_PRIVATE) |
                (ram->fd < 0 ? MAP_ANONYMOUS : 0) |
                (cfg->no_reserve ? MAP_NORESERVE : 0);
    uint64_t align = MAX(MAX(ram->page_size, cfg->align), HUGE_ALIGN);

    b->map_shared = shared && ram->fd >= 0;
    ram->host =
        map_aligned(ram->size, align, prot, flags, ram->fd, cfg->fd_offset);
    tsan_guest_memory(ram->host, ram->host ? ram->size : 0);
    if (ram->host == NULL) {
        error_set_errno(errp, errno,
                        "cannot set up guest memory '%s' of %" PRIu64 " bytes",
                        ram->id, ram->size);
        return false;
    }
    return true;
}

typedef struct Populate {
    Thread thread;
    uint8_t *at;
    uint64_t len;
    bool readonly;
    int err;
} Populate;

static void *populate_part(void *opaque)
{
    Populate *p = opaque;
    uint64_t page = sysconf(_SC_PAGESIZE);

    if (p->len == 0 ||
        madvise(p->at, p->len,
                p->readonly ? MADV_WILLNEED : MADV_POPULATE_WRITE) == 0) {
        return NULL;
    }
    if (errno != EINVAL || p->readonly) {
        p->err = errno;
        return NULL;
    }
    for (uint64_t off = 0; off < p->len; off += page) { /* Linux < 5.14 */
        __atomic_fetch_add(p->at + off, 0, __ATOMIC_RELAXED);
    }
    return NULL;
}

bool ram_block_preallocate(RamBlock *ram, unsigned threads, Error **errp)
{
    uint64_t pages = ram->size / ram->page_size;
    uint64_t n = MAX(1, MIN(threads, pages));
    g_autofree Populate *parts = g_new0(Populate, n);
    int err = 0;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t first = pages * i / n, end = pages * (i + 1) / n;

        parts[i].at = ram->host + first * ram->page_size;
        parts[i].len = (end - first) * ram->page_size;
        parts[i].readonly = ram->readonly;
        if (i > 0) {
            thread_start(&parts[i].thread, "prealloc", populate_part,
                         &parts[i]);
        }
    }
    populate_part(&parts[0]);
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0) {
            thread_join(&parts[i].thread);
        }
        err = err ? err : parts[i].err;
    }
    if (err) {
        error_set_errno(errp, err, "cannot preallocate RAM '%s'", ram->id);
    }
    return err == 0;
}

/*
 * Transparent huge pages: where all pages are wanted anyway (preallocated
 * memory), and where the engine wants them (AccelOps.huge_pages). Not for the
 * translator: a fault that gets one waits until 2 MiB are cleared, which take a
 * host that is a guest itself and gives free pages back (free page reporting)
 * longer than 512 small faults: they made a boot 10 % slower, and no program
 * that was measured faster.
 */
static void ask_huge(RamBlock *ram)
{
    bool small = ram->page_size == (uint64_t)sysconf(_SC_PAGESIZE);

    if (small && ram->size >= HUGE_ALIGN) {
        madvise(ram->host, ram->size, MADV_HUGEPAGE);
    }
}

static void ask_huge_each(RamBlock *ram, void *opaque)
{
    ask_huge(ram);
}

void ram_want_huge_pages(MemorySystem *ms)
{
    ms->huge_pages = true;
    ram_block_each(ms, ask_huge_each, NULL);
}

/* Hints only: a kernel that lacks one runs the guest as well. */
static void block_advise(RamBlock *ram, const RamConfig *cfg, bool huge_pages)
{
    madvise(ram->host, ram->size, MADV_DONTFORK);
    if (huge_pages) {
        ask_huge(ram);
    }
    if (cfg->merge) {
        madvise(ram->host, ram->size, MADV_MERGEABLE);
    }
    if (!cfg->dump) {
        madvise(ram->host, ram->size, MADV_DONTDUMP);
    }
}

static bool block_check(MemorySystem *ms, const char *id, const RamConfig *cfg,
                        Error **errp)
{
    if (cfg->size == 0 || cfg->size > INT64_MAX) {
        error_set(errp, "RAM '%s' cannot have %" PRIu64 " bytes", id,
                  cfg->size);
        return false;
    }
    if (ram_block_find(ms, id) != NULL) {
        error_set(errp, "RAM '%s' exists already", id);
        return false;
    }
    return true;
}

static bool block_setup(Block *b, const RamConfig *cfg, Error **errp)
{
    RamBlock *ram = &b->ram;
    RamConfig sized = *cfg;

    if (!cfg->have_fd && !cfg->hugetlb) {
        sized.size = align_up(cfg->size, sysconf(_SC_PAGESIZE));
    }
    if (cfg->have_fd) {
        ram->fd = cfg->fd;
    } else if (!cfg->anonymous || cfg->hugetlb) {
        ram->fd = make_memfd(ram->id, &sized, errp);
        if (ram->fd < 0) {
            return false;
        }
    }
    ram->size = sized.size;
    ram->page_size = fd_page_size(ram->fd);
    if (ram->size % ram->page_size != 0 ||
        cfg->fd_offset % ram->page_size != 0) {
        error_set(errp,
                  "size and offset of RAM '%s' must be multiples of its page "
                  "size, 0x%" PRIx64,
                  ram->id, ram->page_size);
        return false;
    }
    ram->fd_offset = cfg->fd_offset;
    ram->shared = cfg->shared;
    ram->readonly = cfg->readonly;
    if (!block_map(b, cfg, errp)) {
        return false;
    }
    block_advise(ram, cfg, cfg->huge_pages || b->ms->huge_pages);
    return true;
}

/* Host memory, descriptor and bitmaps; the block itself too. */
static void block_destroy(Block *b)
{
    RamBlock *ram = &b->ram;

    if (ram->host) {
        munmap(ram->host, ram->size + sysconf(_SC_PAGESIZE));
    }
    if (ram->fd >= 0) {
        close(ram->fd);
    }
    for (unsigned c = 0; c < DIRTY_CLIENTS; c++) {
        uint64_t *words = ram->dirty[c];

        if (words) {
            g_free(container_of((void *)words, Bitmap, words));
        }
    }
    g_free(ram->id);
    g_free(b);
}

RamBlock *ram_block_new(MemorySystem *ms, const char *id, const RamConfig *cfg,
                        Error **errp)
{
    Block *b;

    if (!block_check(ms, id, cfg, errp)) {
        return NULL;
    }
    b = g_new0(Block, 1);
    b->ms = ms;
    b->ram.id = g_strdup(id);
    b->ram.fd = -1;
    atomic_init(&b->refs, 1);
    if (!block_setup(b, cfg, errp)) {
        if (cfg->have_fd) {
            b->ram.fd = -1; /* still the caller's */
        }
        block_destroy(b);
        return NULL;
    }
    for (unsigned c = 0; c < DIRTY_CLIENTS; c++) {
        if (ms->dirty_all & BIT(c)) {
            ram_block_track(&b->ram, c, true, true);
        }
    }
    trace_ram_block_new(id, b->ram.size);
    LOCK_GUARD(&ms->ram_lock);
    b->ram.base = ms->next_base;
    ms->next_base += align_up(b->ram.size, HUGE_ALIGN);
    ptr_set_insert(&ms->blocks, ms->blocks ? ms->blocks->n : 0, b);
    return &b->ram;
}

/* --- their life --- */

static void block_free_rcu(RcuHead *head)
{
    block_destroy(container_of(head, Block, rcu));
}

bool ram_block_ref(RamBlock *block)
{
    Block *b = container_of(block, Block, ram);
    uint32_t refs = atomic_load(&b->refs);

    do {
        if (refs == 0) {
            return false; /* on its way out */
        }
    } while (!atomic_compare_exchange_weak(&b->refs, &refs, refs + 1));
    return true;
}

void ram_block_unref(RamBlock *block)
{
    Block *b = container_of(block, Block, ram);

    if (atomic_fetch_sub(&b->refs, 1) == 1) {
        lock_acquire(&b->ms->ram_lock);
        ptr_set_remove(&b->ms->blocks, b);
        lock_release(&b->ms->ram_lock);
        rcu_defer(&b->rcu, block_free_rcu);
    }
}

void ram_block_free(MemorySystem *ms, RamBlock *block)
{
    Block *b = container_of(block, Block, ram);

    trace_ram_block_gone(block->id);
    atomic_store(&b->dying, true);
    ram_block_unref(block);
}

static RamBlock *live_block(void *p)
{
    Block *b = p;

    return atomic_load_explicit(&b->dying, memory_order_relaxed) ? NULL
                                                                 : &b->ram;
}

RamBlock *ram_block_find(MemorySystem *ms, const char *id)
{
    RamBlock *found = NULL;
    const PtrSet *set;

    rcu_lock();
    set = rcu_read(&ms->blocks);
    for (size_t i = 0; set && i < set->n && found == NULL; i++) {
        RamBlock *block = live_block(set->p[i]);

        if (block && strcmp(block->id, id) == 0) {
            found = block;
        }
    }
    rcu_unlock();
    return found;
}

void ram_block_each(MemorySystem *ms, void (*fn)(RamBlock *, void *),
                    void *opaque)
{
    const PtrSet *set = ms->blocks;

    for (size_t i = 0; set && i < set->n; i++) {
        RamBlock *block = live_block(set->p[i]);

        if (block) {
            fn(block, opaque);
        }
    }
}

RamBlock *ram_block_from_host(MemorySystem *ms, const void *host,
                              ram_addr_t *offset)
{
    RamBlock *found = NULL;
    const PtrSet *set;

    rcu_lock();
    set = rcu_read(&ms->blocks);
    for (size_t i = 0; set && i < set->n && found == NULL; i++) {
        RamBlock *block = &((Block *)set->p[i])->ram;
        uintptr_t off = (uintptr_t)host - (uintptr_t)block->host;

        if (off < block->size) {
            *offset = off;
            found = block;
        }
    }
    rcu_unlock();
    return found;
}

void ram_system_init(MemorySystem *ms)
{
    lock_init(&ms->ram_lock);
}

void ram_system_free(MemorySystem *ms)
{
    assert(ms->blocks == NULL || ms->blocks->n == 0);
    g_free(ms->blocks);
    lock_destroy(&ms->ram_lock);
}

/* --- dirty pages --- */

static uint64_t dirty_words(const RamBlock *block)
{
    return (block->size + (UINT64_C(64) << DIRTY_PAGE_BITS) - 1) >>
           (DIRTY_PAGE_BITS + 6);
}

static void bitmap_free(RcuHead *head)
{
    g_free(container_of(head, Bitmap, rcu));
}

/* All pages, but not the bits behind the last one. */
static void bitmap_fill(const RamBlock *block, uint64_t *words)
{
    uint64_t pages = align_up(block->size, UINT64_C(1) << DIRTY_PAGE_BITS) >>
                     DIRTY_PAGE_BITS;

    for (uint64_t i = 0; i < dirty_words(block); i++) {
        uint64_t bits = bit_mask(MIN(pages - 64 * i, 64));

        __atomic_store_n(&words[i], bits, __ATOMIC_RELAXED);
    }
}

/* One more or one less that wants @client's bits of @block. */
void ram_block_track(RamBlock *block, unsigned client, bool on, bool all_dirty)
{
    Block *b = container_of(block, Block, ram);
    uint64_t *words = block->dirty[client];

    if (on && b->trackers[client]++ == 0) {
        Bitmap *map = g_malloc0(sizeof(Bitmap) + 8 * dirty_words(block));

        words = map->words;
        if (all_dirty) {
            bitmap_fill(block, words);
        }
        atomic_store(&block->dirty[client], words);
    } else if (on && all_dirty) {
        bitmap_fill(block, words);
    } else if (!on && --b->trackers[client] == 0) {
        Bitmap *map = container_of((void *)words, Bitmap, words);

        atomic_store(&block->dirty[client], NULL);
        rcu_defer(&map->rcu, bitmap_free);
    }
}

/* Pages [first, last] of one bitmap. */
static void mark_pages(uint64_t *words, uint64_t first, uint64_t last)
{
    for (uint64_t w = first / 64; w <= last / 64; w++) {
        uint64_t bits = UINT64_MAX;

        if (w == first / 64) {
            bits &= UINT64_MAX << (first % 64);
        }
        if (w == last / 64) {
            bits &= bit_mask(last % 64 + 1);
        }
        /* mostly dirty already: then leave the cache line shared. The reader
         * (ram_dirty_take) clears before it reads the page. */
        if ((__atomic_load_n(&words[w], __ATOMIC_SEQ_CST) & bits) != bits) {
            __atomic_fetch_or(&words[w], bits, __ATOMIC_SEQ_CST);
        }
    }
}

void ram_mark_dirty(RamBlock *block, ram_addr_t off, uint64_t len)
{
    if (len == 0) {
        return;
    }
    rcu_lock();
    for (unsigned c = 0; c < DIRTY_CLIENTS; c++) {
        uint64_t *words = atomic_load(&block->dirty[c]);

        if (words) {
            mark_pages(words, off >> DIRTY_PAGE_BITS,
                       (off + len - 1) >> DIRTY_PAGE_BITS);
        }
    }
    rcu_unlock();
}

void ram_written(MemorySystem *ms, RamBlock *block, ram_addr_t off,
                 uint64_t len)
{
    const PtrSet *set;

    if (len == 0) {
        return;
    }
    rcu_lock();
    ram_mark_dirty(block, off, len);
    set = ms ? rcu_read(&ms->listeners) : NULL;
    for (size_t i = 0; set && i < set->n; i++) {
        MemoryListener *l = set->p[i];

        if (l->ram_written) {
            l->ram_written(l, block, off, len);
        }
    }
    rcu_unlock();
}

void ram_discard_inhibit(MemorySystem *ms, bool on)
{
    assert(on || ms->no_discard > 0);
    ms->no_discard += on ? 1 : -1;
}

bool ram_block_discard(MemorySystem *ms, RamBlock *block, ram_addr_t off,
                       uint64_t len)
{
    const Block *b = container_of(block, Block, ram);
    uint64_t end = off + len, first = align_up(off, block->page_size);

    assert(range_fits(off, len, block->size));
    end -= end % block->page_size;
    if (ms->no_discard || block->readonly || first >= end) {
        return false;
    }
    if (b->map_shared
            ? fallocate(block->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t)(block->fd_offset + first),
                        (off_t)(end - first)) != 0
            : madvise(block->host + first, end - first, MADV_DONTNEED) != 0) {
        return false;
    }
    trace_ram_block_discard(block->id, first, end - first);
    ram_written(ms, block, first, end - first);
    return true;
}

/* --- what was never written --- */

/* The file behind a shared mapping knows its holes. One that cannot tell is
 * all data. */
static void data_of_file(const RamBlock *ram, uint64_t off, uint64_t *from,
                         uint64_t *to)
{
    off_t data = lseek(ram->fd, (off_t)(ram->fd_offset + off), SEEK_DATA);
    off_t hole;

    if (data >= 0) {
        *from = MIN((uint64_t)data - ram->fd_offset, ram->size);
        hole = lseek(ram->fd, data, SEEK_HOLE);
        *to = hole >= 0 ? MIN((uint64_t)hole - ram->fd_offset, ram->size)
                        : ram->size;
    } else if (errno == ENXIO) {
        *from = *to = ram->size;
    }
}

/* Of private memory the kernel tells by host page: present or swapped out
 * (Linux Documentation/admin-guide/mm/pagemap.rst). The first page from @page
 * on that is so, or is not; a kernel that does not tell has all written. */
static uint64_t find_page(const RamBlock *ram, int pagemap, uint64_t page,
                          bool written)
{
    uint64_t end = ram->size / ram->page_size, entries[512];
    uint64_t base = (uintptr_t)ram->host / ram->page_size;

    while (page < end) {
        size_t n = MIN(end - page, ARRAY_SIZE(entries));

        if (pread(pagemap, entries, n * sizeof(*entries),
                  (off_t)((base + page) * sizeof(*entries))) !=
            (ssize_t)(n * sizeof(*entries))) {
            return written ? page : end;
        }
        for (size_t i = 0; i < n; i++, page++) {
            if (((entries[i] & (BIT(63) | BIT(62))) != 0) == written) {
                return page;
            }
        }
    }
    return end;
}

static void data_of_pages(const RamBlock *ram, uint64_t off, uint64_t *from,
                          uint64_t *to)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t first;

    if (pagemap >= 0) {
        first = find_page(ram, pagemap, off / ram->page_size, true);
        *from = MAX(first * ram->page_size, off);
        *to = find_page(ram, pagemap, first, false) * ram->page_size;
        close(pagemap);
    }
}

void ram_block_data(const RamBlock *block, uint64_t off, uint64_t *from,
                    uint64_t *to)
{
    const Block *b = container_of((RamBlock *)block, Block, ram);

    *from = off;
    *to = block->size;
    if (b->map_shared) {
        data_of_file(block, off, from, to);
    } else if (block->fd < 0) {
        data_of_pages(block, off, from, to);
    }
}

typedef struct TrackAll {
    unsigned client;
    bool on, all_dirty;
} TrackAll;

static void track_one(RamBlock *block, void *opaque)
{
    const TrackAll *t = opaque;

    ram_block_track(block, t->client, t->on, t->all_dirty);
}

/* Views carry the tracking, so that engines route their stores by it. */
static void track_all(MemorySystem *ms, unsigned client, bool on,
                      bool all_dirty)
{
    TrackAll t = { client, on, all_dirty };

    memory_begin(ms);
    ms->dirty_all ^= BIT(client);
    ram_block_each(ms, track_one, &t);
    memory_touch(ms);
    memory_commit(ms);
}

void ram_dirty_start(MemorySystem *ms, unsigned client, bool all_dirty)
{
    assert((ms->dirty_all & BIT(client)) == 0);
    track_all(ms, client, true, all_dirty);
}

void ram_dirty_stop(MemorySystem *ms, unsigned client)
{
    assert(ms->dirty_all & BIT(client));
    track_all(ms, client, false, false);
}

void ram_dirty_take(RamBlock *block, unsigned client, size_t word,
                    size_t n_words, uint64_t *out)
{
    uint64_t *words = atomic_load(&block->dirty[client]);

    assert(words != NULL && range_fits(word, n_words, dirty_words(block)));
    for (size_t i = 0; i < n_words; i++) {
        out[i] =
            __atomic_load_n(&words[word + i], __ATOMIC_RELAXED) == 0
                ? 0
                : __atomic_exchange_n(&words[word + i], 0, __ATOMIC_SEQ_CST);
    }
}
