/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code cache (TCG.md 3.9): one memory object mapped twice, writable and
 * executable, in segments. Each vCPU fills a segment of its own, without a
 * lock. When none is free the oldest full one is emptied: its units leave all
 * tables and links, every vCPU passes a safe point with new ctx ids (so no
 * jump cache or ring entry leads there), and the memory is used again.
 *
 * Data of units (TcgTb, side tables) are in the segment's arena and go with
 * it. Under the interpreter there is no code, but segments bound memory too.
 */
#include "tandem/base.h"

#include <sys/mman.h>

#include "accel/tcg/internal.h"

enum {
    SEG_SIZE = 2 * 1024 * 1024,
    SEG_SIZE_MIN = 128 * 1024,
    STRESS_SEGS = 5, /* for each vCPU, as the oldest goes whoever filled it */
    UNIT_MIN = 32,   /* host bytes of the smallest unit: bounds seg->tbs */
    ARENA_CHUNK = 64 * 1024,
    POPULATE = 64 * 1024, /* bytes of the cache made present at once */
    POPULATE_AHEAD = 8 * 1024,
};

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

static bool map_cache(TcgAccel *a, Error **errp)
{
    CodeCache *c = &a->cache;
    int flags = MAP_SHARED | MAP_NORESERVE;

    c->fd = memfd_create("tandem-jit", MFD_CLOEXEC);
    if (c->fd < 0 || ftruncate(c->fd, c->size) != 0) {
        error_set_errno(errp, errno, "cannot make the code cache");
        return false;
    }
    if (a->opt.split_wx == ON_OFF_AUTO_OFF) {
        c->rw = mmap(NULL, c->size, PROT_READ | PROT_WRITE | PROT_EXEC, flags,
                     c->fd, 0);
        c->rx = c->rw;
    } else {
        c->rw = mmap(NULL, c->size, PROT_READ | PROT_WRITE, flags, c->fd, 0);
        c->rx = mmap(NULL, c->size, PROT_READ | PROT_EXEC, flags, c->fd, 0);
    }
    if (c->rw == MAP_FAILED || c->rx == MAP_FAILED) {
        error_set_errno(errp, errno, "cannot map the code cache");
        return false;
    }
    return true;
}

bool cache_init(TcgAccel *a, Error **errp)
{
    CodeCache *c = &a->cache;
    unsigned cpus = MAX(a->machine->config.max_cpus, 1);
    uint64_t size = (uint64_t)MAX(a->opt.tb_size_mib, 1) * MiB;

    lock_init(&c->lock);
    c->fd = -1;
    /* at least two segments a vCPU, or they would wait for each other */
    c->seg_size = SEG_SIZE;
    while (c->seg_size > SEG_SIZE_MIN && size / c->seg_size < 2 * cpus + 2) {
        c->seg_size /= 2;
    }
    c->nsegs = MAX(size / c->seg_size, 2 * cpus + 2);
    if (a->opt.stress_cache) {
        c->seg_size = SEG_SIZE_MIN;
        c->nsegs = 1 + STRESS_SEGS * cpus;
    }
    c->size = c->seg_size * c->nsegs;
    c->seg = g_new0(CodeSegment, c->nsegs);
    c->seg[0].state = a->use_jit ? SEG_OPEN : SEG_FREE; /* shared thunks */
    if (a->use_jit && !map_cache(a, errp)) {
        return false;
    }
    if (a->opt.perf_map || a->opt.jitdump) {
        c->perf = perf_open(a->opt.perf_map, a->opt.jitdump, errp);
        return c->perf != NULL;
    }
    return true;
}

static void segment_clear(CodeSegment *s)
{
    unsigned n = atomic_load(&s->ntbs);

    atomic_store(&s->ntbs, 0);
    for (unsigned i = 0; i < n; i++) {
        if (s->tbs[i]->block) {
            tcg_block_free(s->tbs[i]->block);
        }
    }
    while (s->arena) {
        ArenaChunk *next = s->arena->next;

        g_free(s->arena);
        s->arena = next;
    }
    s->used = 0;
}

void cache_free(TcgAccel *a)
{
    CodeCache *c = &a->cache;

    for (unsigned i = 0; c->seg && i < c->nsegs; i++) {
        segment_clear(&c->seg[i]);
        g_free(c->seg[i].tbs);
    }
    g_free(c->seg);
    if (c->fd >= 0) {
        munmap(c->rw, c->size);
        if (c->rx != c->rw) {
            munmap((void *)c->rx, c->size);
        }
        close(c->fd);
    }
    if (c->perf) {
        perf_close(c->perf);
    }
    lock_destroy(&c->lock);
}

/* --- segments --- */

static unsigned seg_max_tbs(const CodeCache *c)
{
    return c->seg_size / UNIT_MIN;
}

/* A free segment, else the oldest full one, in state SEG_EVICT. */
static CodeSegment *take_segment(CodeCache *c)
{
    CodeSegment *best = NULL;

    LOCK_GUARD(&c->lock);
    for (unsigned i = 0; i < c->nsegs; i++) {
        CodeSegment *s = &c->seg[i];

        if (s->state == SEG_FREE) {
            s->state = SEG_OPEN;
            return s;
        }
        if (s->state == SEG_FULL && (!best || s->age < best->age)) {
            best = s;
        }
    }
    assert(best); /* there are more segments than vCPUs */
    best->state = SEG_EVICT;
    return best;
}

static void retire_segment(CodeCache *c, CodeSegment *s)
{
    LOCK_GUARD(&c->lock);
    s->state = SEG_FULL;
    s->age = ++c->age;
}

static void evict(TcgVcpu *v, CodeSegment *s)
{
    STAT(v, evictions);
    tb_remove_many(v->accel, s->tbs, atomic_load(&s->ntbs));
    vcpus_post_request(v->accel, NULL, VCPU_REQ_PURGE);
    safe_point_wait(v->accel, v, VCPU_OUTSIDE);
    segment_clear(s);
}

/* False: others were waited for. */
static bool open_segment(TcgVcpu *v)
{
    CodeCache *c = &v->accel->cache;
    CodeSegment *s;
    bool evicted;

    if (v->seg) {
        retire_segment(c, v->seg);
        v->seg = NULL;
    }
    s = take_segment(c);
    evicted = s->state == SEG_EVICT;
    if (evicted) {
        evict(v, s);
        lock_acquire(&c->lock);
        s->state = SEG_OPEN;
        lock_release(&c->lock);
    }
    if (!s->tbs) {
        s->tbs = g_new0(TcgTb *, seg_max_tbs(c));
    }
    v->seg = s;
    return !evicted;
}

static size_t seg_base(const CodeCache *c, const CodeSegment *s)
{
    return (size_t)(s - c->seg) * c->seg_size;
}

/* Pages that units are about to be written to, by one call for many faults; a
 * hint: where it fails, faults bring them. */
static void populate(CodeCache *c, CodeSegment *s)
{
    if (s->used + POPULATE_AHEAD > s->populated && s->populated < c->seg_size) {
        madvise(c->rw + seg_base(c, s) + s->populated, POPULATE,
                MADV_POPULATE_WRITE);
        s->populated += POPULATE;
    }
}

bool cache_reserve(TcgVcpu *v, size_t want, bool fresh, TcgCodeBuf *buf)
{
    CodeCache *c = &v->accel->cache;
    CodeSegment *s = v->seg;

    if (!s || fresh || c->seg_size - s->used < want ||
        atomic_load_explicit(&s->ntbs, memory_order_relaxed) ==
            seg_max_tbs(c)) {
        if (!open_segment(v)) {
            return false;
        }
        s = v->seg;
    }
    *buf = (TcgCodeBuf){ .size = c->seg_size - s->used };
    if (v->accel->use_jit) {
        populate(c, s);
        buf->rw = c->rw + seg_base(c, s) + s->used;
        buf->rx = c->rx + seg_base(c, s) + s->used;
    }
    return true;
}

void cache_commit(TcgVcpu *v, TcgTb *tb, size_t code_size)
{
    CodeSegment *s = v->seg;
    unsigned n = atomic_load_explicit(&s->ntbs, memory_order_relaxed);

    s->used =
        MIN((s->used + code_size + 63) & ~(size_t)63, v->accel->cache.seg_size);
    s->tbs[n] = tb;
    atomic_store_explicit(&s->ntbs, n + 1, memory_order_release);
    if (v->accel->cache.perf && tb->code) {
        perf_unit(v->accel->cache.perf, tb);
    }
}

/* Where in @c the next piece goes. */
static size_t arena_next(const ArenaChunk *c, size_t align)
{
    return align_up((uintptr_t)c->data + c->used, align) - (uintptr_t)c->data;
}

void *cache_arena(TcgVcpu *v, size_t size, size_t align)
{
    CodeSegment *s = v->seg;
    ArenaChunk *c = s->arena;
    size_t at = c ? arena_next(c, align) : 0;

    if (!c || c->size < at || c->size - at < size) {
        size_t room = MAX(size + align, (size_t)ARENA_CHUNK);

        c = g_malloc(sizeof(*c) + room);
        *c = (ArenaChunk){ .next = s->arena, .size = room };
        s->arena = c;
        at = arena_next(c, align);
    }
    c->used = at + size;
    return c->data + at;
}

TcgTb *cache_find(TcgAccel *a, uintptr_t pc)
{
    CodeCache *c = &a->cache;
    size_t off = pc - (uintptr_t)c->rx;
    CodeSegment *s;
    unsigned lo = 0, hi;

    if (!c->rx || off >= c->size) {
        return NULL;
    }
    s = &c->seg[off / c->seg_size];
    hi = atomic_load_explicit(&s->ntbs, memory_order_acquire);
    while (lo < hi) { /* the last unit that starts at or below pc */
        unsigned mid = (lo + hi) / 2;

        if ((uintptr_t)s->tbs[mid]->code <= pc) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo == 0) {
        return NULL;
    }
    off = pc - (uintptr_t)s->tbs[lo - 1]->code;
    return off <= s->tbs[lo - 1]->code_size ? s->tbs[lo - 1] : NULL;
}
