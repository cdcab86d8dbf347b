/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of units, pages that hold code, and invalidation (TCG.md 3.8).
 *
 * Units are found by {RAM address, pc, flags, config} in a hash whose chains
 * are read without a lock by vCPUs that are inside: what is taken out keeps
 * its own link until its segment is reused. All changes are under tb_lock.
 *
 * Order of a page's first unit: set `code` (fills enter stores unmatched from
 * now on), fence, make those who may hold a matched entry drop it, read the
 * bytes, translate, set granule bits, fence, compare the bytes, publish. Order
 * of a store: bytes, fence, granule bits. So one of the two sees the other.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"
#include "softmmu/base/tsan.h"

/* page->code */
enum { CODE_NONE, CODE_PROTECTING, CODE_PROTECTED };

/* tb->page_next of a unit that is on no list */
#define UNLISTED UINTPTR_MAX

enum { REMOVE_AT_ONCE = 256 };

/* --- pages --- */

void code_pages_attach(TcgAccel *a, RamBlock *block)
{
    size_t count = (block->size + PAGE_SIZE - 1) >> PAGE_BITS;
    CodePages *pages;

    if (__atomic_load_n(&block->engine, __ATOMIC_ACQUIRE)) {
        return;
    }
    pages = g_malloc0(sizeof(*pages) + count * sizeof(pages->page[0]));
    pages->block = block;
    pages->count = count;
    g_ptr_array_add(a->code_pages, pages);
    __atomic_store_n(&block->engine, pages, __ATOMIC_RELEASE);
}

CodePage *code_page(const RamBlock *block, ram_addr_t off)
{
    CodePages *pages = __atomic_load_n(&block->engine, __ATOMIC_ACQUIRE);

    if (!pages || off >> PAGE_BITS >= pages->count) {
        return NULL;
    }
    return &pages->page[off >> PAGE_BITS];
}

uint64_t granule_mask(unsigned lo, unsigned hi)
{
    unsigned first = lo / 64;
    unsigned last = (hi - 1) / 64;

    return bit_mask(last - first + 1) << first;
}

static TcgTb *list_tb(uintptr_t link)
{
    return (TcgTb *)(link & ~(uintptr_t)1);
}

static void tb_range(const TcgTb *tb, unsigned n, unsigned *lo, unsigned *hi)
{
    *lo = n == 0 ? tb->lo : 0;
    *hi = n == 0 ? tb->hi : tb->straddle;
}

static void set_granules(CodePage *page, uint64_t granules)
{
    if (atomic_load_explicit(&page->granules, memory_order_relaxed) !=
        granules) {
        atomic_store(&page->granules, granules);
    }
    if (page->tbs == 0 && page->pending == 0) {
        atomic_store(&page->code, CODE_NONE);
    }
}

void page_sweep_locked(CodePage *page)
{
    uint64_t granules = 0;
    uintptr_t *l = &page->tbs;

    while (*l != 0) {
        TcgTb *tb = list_tb(*l);
        unsigned n = *l & 1, lo, hi;

        if (tb->in_tables) {
            tb_range(tb, n, &lo, &hi);
            granules |= granule_mask(lo, hi);
            l = &tb->page_next[n];
        } else {
            *l = tb->page_next[n];
            tb->page_next[n] = UNLISTED;
        }
    }
    set_granules(page, granules);
}

uint32_t pmid_get_locked(TcgAccel *a, CodePage *page, vaddr va, unsigned mmu)
{
    Pmid *p;

    for (unsigned i = 0; i < page->npmids; i++) {
        if (page->pmids[i].page == va && page->pmids[i].mmu == mmu) {
            return page->pmids[i].id;
        }
    }
    if (!page->pmids) {
        page->pmids = g_new(Pmid, PMIDS_MAX);
    }
    /* A forgotten id is never given out again: links with it stay right as
     * long as an itlb has it, and miss ever after. */
    p = &page->pmids[page->next_pmid];
    page->next_pmid = (page->next_pmid + 1) % PMIDS_MAX;
    page->npmids = MIN(page->npmids + 1, PMIDS_MAX);
    *p = (Pmid){ va, mmu, a->next_pmid++ };
    if (p->id == 0 || p->id == TCG_PMID_NEVER) {
        g_error("tcg: out of page mapping ids"); /* 4 billion fetch fills */
    }
    return p->id;
}

bool page_protect(TcgVcpu *v, CodePage *page, const uint8_t *host)
{
    TcgAccel *a = v->accel;
    unsigned mine = v->index + 1;
    uint64_t wtlb;
    unsigned who;

    lock_acquire(&a->tb_lock);
    page->pending++;
    if (atomic_load(&page->code) == CODE_NONE) {
        atomic_store(&page->code, CODE_PROTECTING);
    }
    if (atomic_load(&page->code) == CODE_PROTECTED) {
        lock_release(&a->tb_lock);
        return true;
    }
    lock_release(&a->tb_lock);

    atomic_thread_fence(memory_order_seq_cst);
    wtlb = atomic_load(&page->wtlb);
    who = wtlb_who(wtlb);
    if (who != WTLB_NONE) {
        bool one = who == mine && a->opt.page_places &&
                   (wtlb & WTLB_PLACES) != WTLB_PLACES;

        STAT_ADD(v, one_slot, one);
        l1_unmatch_page(v, host, one ? wtlb & WTLB_PLACES : WTLB_PLACES);
    }
    if (who != WTLB_NONE && who != mine) {
        STAT(v, handshakes);
        vcpus_post_request(a, v, VCPU_REQ_UNMATCH_W);
        safe_point_wait(a, v, VCPU_OUTSIDE);
    }
    lock_acquire(&a->tb_lock);
    atomic_store(&page->wtlb, WTLB_NONE);
    atomic_store(&page->code, CODE_PROTECTED);
    if (who != WTLB_NONE && who != mine) {
        page->pending--;
        lock_release(&a->tb_lock);
        return false;
    }
    lock_release(&a->tb_lock);
    return true;
}

void page_unpend_locked(CodePage *page)
{
    assert(page->pending > 0);
    page->pending--;
    if (page->tbs == 0 && page->pending == 0) {
        set_granules(page, 0);
    }
}

/* --- the hash --- */

static size_t tb_hash(ram_addr_t phys, vaddr pc, uint64_t flags)
{
    uint64_t h = phys * UINT64_C(0x9e3779b97f4a7c15);

    h ^= (pc >> PAGE_BITS) * UINT64_C(0xc2b2ae3d27d4eb4f);
    h ^= flags * UINT64_C(0x165667b19e3779f9);
    return (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - TB_HASH_BITS);
}

TcgTb *tb_lookup(TcgVcpu *v, ram_addr_t phys, vaddr pc, uint64_t flags)
{
    size_t h = tb_hash(phys, pc, flags);
    TcgTb *tb;

    STAT(v, hash_probes);
    tb = atomic_load_explicit(&v->accel->hash[h], memory_order_acquire);
    for (; tb;
         tb = atomic_load_explicit(&tb->hash_next, memory_order_acquire)) {
        if (tb_is(v, tb, phys, pc, flags)) {
            return tb;
        }
    }
    return NULL;
}

void tb_publish_locked(TcgAccel *a, TcgTb *tb)
{
    size_t h = tb_hash(tb->phys, tb->pc, tb->flags);

    for (unsigned n = 0; n < 2 && tb->page[n]; n++) {
        tb->page_next[n] = tb->page[n]->tbs;
        tb->page[n]->tbs = (uintptr_t)tb | n;
    }
    tb->in_tables = true;
    tsan_release(tb); /* to those who come by a jump: after_unit */
    atomic_store_explicit(
        &tb->hash_next, atomic_load_explicit(&a->hash[h], memory_order_relaxed),
        memory_order_relaxed);
    atomic_store_explicit(&a->hash[h], tb, memory_order_release);
}

static void hash_remove_locked(TcgAccel *a, TcgTb *tb)
{
    _Atomic(TcgTb *) *p = &a->hash[tb_hash(tb->phys, tb->pc, tb->flags)];
    TcgTb *at;

    while ((at = atomic_load_explicit(p, memory_order_relaxed)) != tb) {
        p = &at->hash_next;
    }
    atomic_store_explicit(
        p, atomic_load_explicit(&tb->hash_next, memory_order_relaxed),
        memory_order_release);
}

/* Out of the hash and of links; jump caches may still know it, and the lists
 * of its pages have it until they are swept. */
static bool remove_unswept_locked(TcgAccel *a, TcgTb *tb)
{
    if (!tb->in_tables) {
        return false;
    }
    tb->in_tables = false;
    atomic_store(&tb->dead, true);
    hash_remove_locked(a, tb);
    tb_unlink_all_locked(a, tb);
    return true;
}

static void sweep_pages_of(TcgTb *tb)
{
    for (unsigned n = 0; n < 2 && tb->page[n]; n++) {
        if (tb->page_next[n] != UNLISTED) {
            page_sweep_locked(tb->page[n]);
        }
    }
}

/* Jump cache slots hold no more than pc and host address: name the pc. */
static void announce_dead_locked(TcgAccel *a, const TcgTb *tb, TcgVcpu *self)
{
    unsigned n = atomic_load(&a->nvcpus);

    for (unsigned i = 0; i < n; i++) {
        TcgVcpu *v = atomic_load(&a->vcpu[i]);

        if (!v) {
            continue;
        }
        if (v == self) {
            jc_purge_pc(v, tb->pc);
            continue;
        }
        if (v->ndead == DEAD_MAX) {
            vcpu_post_request(v, VCPU_REQ_PURGE);
            continue;
        }
        v->dead[v->ndead++] = tb->pc;
        vcpu_post_request(v, VCPU_REQ_DEAD);
    }
}

static void invalidate_unswept_locked(TcgAccel *a, TcgTb *tb, TcgVcpu *self)
{
    if (remove_unswept_locked(a, tb)) {
        announce_dead_locked(a, tb, self);
        if (self) {
            STAT(self, invalidations);
        }
    }
}

void tb_invalidate_locked(TcgAccel *a, TcgTb *tb, TcgVcpu *self)
{
    invalidate_unswept_locked(a, tb, self);
    sweep_pages_of(tb);
}

void page_written(TcgAccel *a, CodePage *page, unsigned off, unsigned len,
                  TcgVcpu *self)
{
    TcgTb *hit = NULL;

    if (!(atomic_load(&page->granules) & granule_mask(off, off + len))) {
        return;
    }
    lock_acquire(&a->tb_lock);
    for (uintptr_t l = page->tbs; l != 0; l = list_tb(l)->page_next[l & 1]) {
        TcgTb *tb = list_tb(l);
        unsigned lo, hi;

        tb_range(tb, l & 1, &lo, &hi);
        if (range_overlaps(lo, hi - lo, off, len)) {
            invalidate_unswept_locked(a, tb, self);
            hit = tb;
            if (tb->page[1] && tb->page[!(l & 1)] != page) {
                page_sweep_locked(tb->page[!(l & 1)]);
            }
        }
    }
    if (hit) {
        page_sweep_locked(page);
    }
    lock_release(&a->tb_lock);
    if (hit && self) {
        vcpu_request_exit(self); /* it may be in one of them */
    }
}

void tb_remove_many(TcgAccel *a, TcgTb *const *tbs, unsigned n)
{
    /* in pieces, as others wait for the lock */
    for (unsigned i = 0; i < n;) {
        unsigned end = MIN(n, i + REMOVE_AT_ONCE);

        LOCK_GUARD(&a->tb_lock);
        for (unsigned k = i; k < end; k++) {
            remove_unswept_locked(a, tbs[k]);
        }
        for (; i < end; i++) {
            sweep_pages_of(tbs[i]);
        }
    }
}

void tb_invalidate_all(TcgAccel *a, TcgVcpu *self)
{
    lock_acquire(&a->tb_lock);
    for (size_t h = 0; h < (size_t)1 << TB_HASH_BITS; h++) {
        TcgTb *tb;

        while ((tb = atomic_load(&a->hash[h])) != NULL) {
            remove_unswept_locked(a, tb);
            sweep_pages_of(tb);
        }
    }
    lock_release(&a->tb_lock);
    vcpus_post_request(a, NULL, VCPU_REQ_PURGE);
}

/* --- content hash (DECISIONS 42): a cache key, never proof --- */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 29;
}

uint64_t content_hash(const TcgAccel *a, const uint8_t *p, size_t n,
                      uint64_t seed)
{
    uint64_t h = a->hash_key[0] ^ mix(seed + n);

    for (; n >= 8; p += 8, n -= 8) {
        h = mix(h ^ ld64_le(p)) + a->hash_key[1];
    }
    while (n-- > 0) {
        h = mix(h ^ *p++) + a->hash_key[1];
    }
    return mix(h);
}
