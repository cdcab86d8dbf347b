/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The soft TLB's state: L2, address spaces and their generations, flushes,
 * fetch mappings, ctx ids (TCG.md 3.4, 3.5). Own thread throughout, or a
 * thread that stands in for a parked vCPU.
 *
 * L2 entries carry a generation: that of their address space, of the global
 * pages, or of the bare indexes (no translation). A flush gives out a new
 * number, so it costs the same however much it drops. Another number names
 * what code of the space may be reached by its virtual address: it changes
 * only when a flush hits a page that was executed, and gives a new ctx id.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"

static const uint64_t page_mask = PAGE_SIZE - 1;

/* --- blooms of page numbers --- */

static unsigned bloom_hash(uint64_t vpn, unsigned bits)
{
    return (vpn * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits);
}

static void bloom_add(uint64_t *bloom, unsigned bits, uint64_t vpn)
{
    unsigned h = bloom_hash(vpn, bits);

    bloom[h / 64] |= BIT(h % 64);
}

static bool bloom_has(const uint64_t *bloom, unsigned bits, uint64_t vpn)
{
    unsigned h = bloom_hash(vpn, bits);

    return bloom[h / 64] >> (h % 64) & 1;
}

enum { EXEC_BLOOM_BITS = 12, LARGE_BLOOM_BITS = 12 };

static void large_note(TcgVcpu *v, vaddr va, unsigned page_bits)
{
    for (unsigned i = 0; i < LARGE_SIZES; i++) {
        LargeSeen *l = &v->large[i];

        if (l->page_bits == 0) {
            l->page_bits = page_bits;
        }
        if (l->page_bits == page_bits) {
            bloom_add(l->bloom, LARGE_BLOOM_BITS, va >> page_bits);
            return;
        }
    }
    v->large_overflow = true;
}

static bool large_maybe(const TcgVcpu *v, vaddr va)
{
    for (unsigned i = 0; i < LARGE_SIZES; i++) {
        const LargeSeen *l = &v->large[i];

        if (l->page_bits == 0) {
            break;
        }
        if (bloom_has(l->bloom, LARGE_BLOOM_BITS, va >> l->page_bits)) {
            return true;
        }
    }
    return v->large_overflow;
}

static void large_reset(TcgVcpu *v)
{
    memset(v->large, 0, sizeof(v->large));
    v->large_overflow = false;
}

/* --- generations and ctx ids --- */

static uint32_t new_gen(TcgVcpu *v)
{
    if (++v->next_gen == 0) { /* wrapped: no old number may stay anywhere */
        memset(v->l2, 0, sizeof(v->l2));
        memset(v->ctx_table, 0, sizeof(v->ctx_table));
        for (unsigned i = 0; i < SPACES; i++) {
            v->spaces[i].gen = ++v->next_gen;
            v->spaces[i].exec_gen = ++v->next_gen;
        }
        v->bare.gen = ++v->next_gen;
        v->bare.exec_gen = ++v->next_gen;
        v->global_gen = ++v->next_gen;
        v->global_exec_gen = ++v->next_gen;
        ++v->next_gen;
    }
    return v->next_gen;
}

static uint32_t new_ctx(TcgVcpu *v)
{
    STAT(v, ctx_ids);
    if (++v->next_ctx == 0) { /* wrapped: 0 is never given out */
        memset(v->hot->jc, 0, sizeof(v->hot->jc));
        memset(v->hot->ring, 0, sizeof(v->hot->ring));
        memset(v->ctx_table, 0, sizeof(v->ctx_table));
        v->next_ctx = 1;
    }
    return v->next_ctx;
}

static uint32_t ctx_id(TcgVcpu *v, uint64_t flags, uint32_t gen)
{
    unsigned h = bloom_hash(flags ^ (uint64_t)gen << 32, 8);

    if (v->ctx_table[h].id == 0 || v->ctx_table[h].flags != flags ||
        v->ctx_table[h].gen != gen) {
        v->ctx_table[h].flags = flags;
        v->ctx_table[h].gen = gen;
        v->ctx_table[h].id = new_ctx(v);
    }
    return v->ctx_table[h].id;
}

static void itlb_clear(TcgVcpu *v)
{
    memset(v->hot->itlb, 0, sizeof(v->hot->itlb));
}

static void bump_exec(TcgVcpu *v, uint32_t *gen, uint64_t *bloom)
{
    STAT(v, exec_bumps);
    *gen = new_gen(v);
    memset(bloom, 0, sizeof(v->global_bloom));
    itlb_clear(v);
}

static void bump_space_exec(TcgVcpu *v, TcgSpace *s)
{
    bump_exec(v, &s->exec_gen, s->exec_bloom);
    s->own_exec = 0;
}

void ctx_bump_all(TcgVcpu *v)
{
    for (unsigned i = 0; i < SPACES; i++) {
        bump_space_exec(v, &v->spaces[i]);
    }
    bump_space_exec(v, &v->bare);
    bump_exec(v, &v->global_exec_gen, v->global_bloom);
    memset(v->hot->ring, 0, sizeof(v->hot->ring));
}

static bool is_bare(const TcgVcpu *v, unsigned mmu)
{
    return v->ops->bare_mmu_mask >> mmu & 1;
}

static TcgSpace *space_of_key(TcgVcpu *v, uint64_t key, bool make)
{
    TcgSpace *s = &v->spaces[bloom_hash(key, 5)];

    if (s->key != key) {
        if (!make) {
            return NULL;
        }
        /* another space sat here: its entries match no more */
        s->key = key;
        s->gen = new_gen(v);
        bump_space_exec(v, s);
    }
    return s;
}

static void space_switch(TcgVcpu *v, uint64_t key)
{
    STAT(v, space_switches);
    v->space = space_of_key(v, key, true);
    l1_clear(v, ~v->ops->bare_mmu_mask);
    itlb_clear(v);
}

/* Number of what is executed now: code in global pages only is reached the
 * same way in every space (TCG.md 3.4). */
static uint32_t exec_gen_now(const TcgVcpu *v)
{
    if (is_bare(v, v->fetch_mmu)) {
        return v->bare.exec_gen;
    }
    return v->space->own_exec >> v->fetch_mmu & 1 ? v->space->exec_gen
                                                  : v->global_exec_gen;
}

static void ctx_set(TcgVcpu *v)
{
    atomic_store_explicit(&v->hot->ctx, ctx_id(v, v->flags, exec_gen_now(v)),
                          memory_order_relaxed);
}

void ctx_update(TcgVcpu *v)
{
    uint64_t key = v->ops->asid(v->cpu);

    if (key != v->space->key) {
        space_switch(v, key);
    }
    v->flags = v->ops->ctx_flags(v->cpu);
    if (v->watch_stepping || v->icount_tail ||
        (v->cpu->single_step & CPU_STEP_ON)) {
        v->flags |= FLAG_SINGLE;
    }
    v->fetch_mmu = v->ops->fetch_mmu(v->cpu);
    ctx_set(v);
}

void tcg_ctx_changed(CPUState *cpu)
{
    ctx_update(tcg_vcpu(cpu));
}

void tlb_init(TcgVcpu *v)
{
    v->space = &v->spaces[0];
    for (unsigned i = 0; i < SPACES; i++) {
        v->spaces[i].key = UINT64_MAX;
    }
    tlb_flush_everything(v);
}

/* --- flushes --- */

void l1_clear(TcgVcpu *v, uint32_t mmu_mask)
{
    uint32_t mask = v->l1_used & mmu_mask;

    v->l1_used &= ~mask;
    for (; mask != 0; mask &= mask - 1) {
        tcg_tlb_clear(&v->hot->tlb[__builtin_ctz(mask)]);
    }
}

static void unmatch_writes(TcgTlb *tlb)
{
    memset(tlb->tag_w, 0xff, sizeof(tlb->tag_w));
    tlb->tag_w[TCG_TLB_SIZE - 1] = 0;
    tcg_cells_clear(tlb, true);
}

void l1_unmatch_writes(TcgVcpu *v)
{
    for (uint32_t m = v->l1_used; m != 0; m &= m - 1) {
        unmatch_writes(&v->hot->tlb[__builtin_ctz(m)]);
    }
}

void l1_unmatch_page(TcgVcpu *v, const uint8_t *host, uint64_t places)
{
    bool one = places != WTLB_PLACES;
    unsigned slot = (places >> PAGE_BITS) & (TCG_TLB_SIZE - 1);
    unsigned first = one ? slot : 0;
    unsigned end = one ? slot + 1 : TCG_TLB_SIZE;

    for (uint32_t m = v->l1_used; m != 0; m &= m - 1) {
        TcgTlb *tlb = &v->hot->tlb[__builtin_ctz(m)];

        tcg_cells_clear(tlb, true);
        for (unsigned i = first; i < end; i++) {
            if (tlb->tag_w[i] + tlb->addend[i] == (uintptr_t)host) {
                tlb->tag_w[i] ^= PAGE_SIZE;
            }
        }
    }
}

static void flush_spaces(TcgVcpu *v)
{
    for (unsigned i = 0; i < SPACES; i++) {
        v->spaces[i].gen = new_gen(v);
    }
    v->global_gen = new_gen(v);
    large_reset(v);
}

void tlb_flush_everything(TcgVcpu *v)
{
    flush_spaces(v);
    v->bare.gen = new_gen(v);
    memset(v->phys, 0, sizeof(v->phys));
    ctx_bump_all(v);
    v->l1_used = bit_mask(TCG_NB_MMU);
    l1_clear(v, UINT32_MAX);
}

void tcg_flush_all(CPUState *cpu, uint32_t mmu_mask)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    STAT(v, flush_all);
    l1_clear(v, mmu_mask);
    if (mmu_mask & ~v->ops->bare_mmu_mask) {
        flush_spaces(v);
        for (unsigned i = 0; i < SPACES; i++) {
            bump_space_exec(v, &v->spaces[i]);
        }
        bump_exec(v, &v->global_exec_gen, v->global_bloom);
    }
    if (mmu_mask & v->ops->bare_mmu_mask) {
        v->bare.gen = new_gen(v);
        bump_space_exec(v, &v->bare);
    }
    ctx_set(v);
}

void tcg_flush_asid(CPUState *cpu, uint64_t asid, bool global,
                    uint32_t mmu_mask)
{
    TcgVcpu *v = tcg_vcpu(cpu);
    TcgSpace *s = space_of_key(v, asid, false);

    if (asid == UINT64_MAX) {
        tcg_flush_all(cpu, mmu_mask);
        return;
    }
    STAT(v, flush_asid);
    if (s) {
        s->gen = new_gen(v);
        bump_space_exec(v, s);
    }
    if (global) {
        v->global_gen = new_gen(v);
        bump_exec(v, &v->global_exec_gen, v->global_bloom);
    }
    if (s == v->space || global) {
        l1_clear(v, mmu_mask);
    }
    ctx_set(v);
}

static TlbEntry *l2_set(TcgVcpu *v, uint64_t key)
{
    uint64_t h = key >> PAGE_BITS ^ (key & page_mask) << 6;

    h ^= h >> 10 ^ h >> 20;
    return v->l2[h & (L2_SETS - 1)];
}

static void l2_drop(TcgVcpu *v, uint64_t key)
{
    TlbEntry *set = l2_set(v, key);

    for (unsigned i = 0; i < L2_WAYS; i++) {
        if (set[i].key == key) {
            set[i].gen = 0;
        }
    }
}

/* The L1 slot and L2 entries of one page, in each index of the mask. */
static void drop_page(TcgVcpu *v, vaddr page, uint32_t mmu_mask)
{
    unsigned slot = (page >> PAGE_BITS) & (TCG_TLB_SIZE - 1);

    mmu_mask &= bit_mask(v->ops->n_mmu);
    for (; mmu_mask != 0; mmu_mask &= mmu_mask - 1) {
        unsigned mmu = __builtin_ctz(mmu_mask);
        TcgTlb *tlb = &v->hot->tlb[mmu];

        tlb->tag_r[slot] = tlb->tag_w[slot] = page ^ PAGE_SIZE;
        tcg_cells_drop(tlb, page);
        l2_drop(v, page | mmu);
    }
}

static void bump_if_executed(TcgVcpu *v, vaddr page, uint64_t asid, bool global)
{
    uint64_t vpn = page >> PAGE_BITS;

    for (unsigned i = 0; i < SPACES; i++) {
        TcgSpace *s = &v->spaces[i];

        if ((asid == UINT64_MAX || s->key == asid) &&
            bloom_has(s->exec_bloom, EXEC_BLOOM_BITS, vpn)) {
            bump_space_exec(v, s);
        }
    }
    if (global && bloom_has(v->global_bloom, EXEC_BLOOM_BITS, vpn)) {
        bump_exec(v, &v->global_exec_gen, v->global_bloom);
    }
}

void tcg_flush_page(CPUState *cpu, vaddr va, uint64_t asid, bool global,
                    uint32_t mmu_mask)
{
    TcgVcpu *v = tcg_vcpu(cpu);
    vaddr page = va & ~page_mask;

    if (large_maybe(v, va)) {
        /* each 4 KiB piece of the large page must go (TCG.md 3.5) */
        STAT(v, flush_large);
        if (asid == UINT64_MAX) {
            tcg_flush_all(cpu, mmu_mask & ~v->ops->bare_mmu_mask);
        } else {
            tcg_flush_asid(cpu, asid, global, mmu_mask);
        }
        return;
    }
    STAT(v, flush_page);
    drop_page(v, page, mmu_mask);
    bump_if_executed(v, page, asid, global);
    ctx_set(v);
}

/* --- filling --- */

static uint32_t entry_gen(const TcgVcpu *v, unsigned mmu, bool global)
{
    return is_bare(v, mmu) ? v->bare.gen
           : global        ? v->global_gen
                           : v->space->gen;
}

static bool entry_valid(const TcgVcpu *v, const TlbEntry *e, uint64_t key,
                        unsigned mmu)
{
    return e->key == key && e->gen != 0 &&
           e->gen == entry_gen(v, mmu, e->rights & TLB_GLOBAL);
}

static const uint8_t access_right[] = {
    [MMU_LOAD] = TLB_R,
    [MMU_STORE] = TLB_W,
    [MMU_FETCH] = TLB_X,
};

static const TlbEntry *l2_find(TcgVcpu *v, vaddr va, MmuAccess access,
                               unsigned mmu)
{
    uint64_t key = (va & ~page_mask) | mmu;
    const TlbEntry *set = l2_set(v, key);

    for (unsigned i = 0; i < L2_WAYS && v->accel->opt.l2_tlb; i++) {
        if (entry_valid(v, &set[i], key, mmu)) {
            return set[i].rights & access_right[access] ? &set[i] : NULL;
        }
    }
    return NULL;
}

/* Where a new entry goes: the same page's, a dead one's, or the next. */
static TlbEntry *l2_victim(TcgVcpu *v, uint64_t key, unsigned mmu)
{
    TlbEntry *set = l2_set(v, key);
    size_t n = (size_t)(set - v->l2[0]) / L2_WAYS;
    TlbEntry *dead = NULL;

    for (unsigned i = 0; i < L2_WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (!entry_valid(v, &set[i], set[i].key, set[i].key & page_mask)) {
            dead = &set[i];
        }
    }
    return dead ? dead : &set[v->l2_victim[n]++ % L2_WAYS];
}

/* What lies at e->pa, as far as all of the page is one thing. */
static void resolve_physical(TcgVcpu *v, TlbEntry *e)
{
    const FlatRange *r;
    uint64_t off;

    e->host = NULL;
    e->mr = NULL;
    e->code = NULL;
    e->block = NULL;
    e->ram_write = false;
    rcu_lock();
    r = flat_view_find(address_space_view(v->cpu->memory), e->pa);
    off = r ? e->pa - r->addr : 0;
    if (r && r->size - off >= PAGE_SIZE && r->mr->kind != MEMORY_IOMMU) {
        e->mr = r->mr;
        e->mr_off = r->offset + off;
        if (flat_range_is_direct(r, false)) {
            ram_addr_t ram = r->mr->ram_offset + e->mr_off;

            e->block = r->mr->ram;
            e->host = e->block->host + ram;
            e->code = code_page(e->block, ram);
            e->ram_write = flat_range_is_direct(r, true);
        }
    }
    rcu_unlock();
    if (e->host && (((uintptr_t)e->host & page_mask) || !e->code)) {
        e->host = NULL; /* a page in pieces: one access at a time */
        e->mr = NULL;
    }
}

const uint8_t *tlb_phys_page(TcgVcpu *v, hwaddr page)
{
    PhysPage *p = &v->phys[(page >> PAGE_BITS) % PHYS_PAGES];

    if (!p->host || p->page != page) {
        TlbEntry e = { .pa = page };

        resolve_physical(v, &e);
        *p = (PhysPage){ .page = page, .host = e.host };
    }
    return p->host;
}

static void make_entry(TcgVcpu *v, TlbEntry *e, vaddr va, unsigned mmu,
                       const TcgPage *page)
{
    *e = (TlbEntry){
        .key = (va & ~page_mask) | mmu,
        .rights = (page->read ? TLB_R : 0) | (page->write ? TLB_W : 0) |
                  (page->exec ? TLB_X : 0) | (page->global ? TLB_GLOBAL : 0),
        .page_bits = page->page_bits,
        .whole = page->whole,
        .pa = page->pa & ~page_mask,
        .attrs = page->attrs,
    };
    resolve_physical(v, e);
}

const TlbEntry *tlb_get(TcgVcpu *v, vaddr va, unsigned size, MmuAccess access,
                        unsigned mmu, bool probe, TlbEntry *local)
{
    const TlbEntry *hit = l2_find(v, va, access, mmu);
    TlbEntry *e;
    TcgPage page = { 0 };

    if (hit) {
        STAT(v, l2_hits);
        return hit;
    }
    STAT(v, walks);
    if (!v->ops->tlb_fill(v->cpu, va, size, access, mmu, probe, &page)) {
        return NULL;
    }
    if (!page.whole) {
        make_entry(v, local, va, mmu, &page);
        return local;
    }
    e = l2_victim(v, (va & ~page_mask) | mmu, mmu);
    make_entry(v, e, va, mmu, &page);
    e->gen = entry_gen(v, mmu, page.global);
    if (page.page_bits > PAGE_BITS && !is_bare(v, mmu)) {
        large_note(v, va, page.page_bits);
    }
    return e;
}

/* --- L1 --- */

static bool is_watched(const TcgVcpu *v, vaddr page)
{
    const GArray *list = v->cpu->watchpoints;

    for (guint i = 0; v->have_watch && i < list->len; i++) {
        const CpuWatchpoint *w = &g_array_index(list, CpuWatchpoint, i);

        if (range_overlaps(page, PAGE_SIZE, w->addr, w->len)) {
            return true;
        }
    }
    return false;
}

/* All who track dirty pages have this one marked already. */
static bool is_dirty(const TlbEntry *e)
{
    uint64_t page = (uint64_t)(e->host - e->block->host) >> PAGE_BITS;

    for (unsigned i = 0; i < DIRTY_CLIENTS; i++) {
        uint64_t *bits =
            atomic_load_explicit(&e->block->dirty[i], memory_order_acquire);

        if (bits && !(__atomic_load_n(&bits[page / 64], __ATOMIC_RELAXED) >>
                          (page % 64) &
                      1)) {
            return false;
        }
    }
    return true;
}

/* Note in the page that this vCPU is about to hold a matched tag_w for virtual
 * page @va. */
static void wtlb_add(TcgVcpu *v, CodePage *page, vaddr va)
{
    uint64_t mine = va | (v->index + 1);
    uint64_t now = atomic_load(&page->wtlb);

    while (now != mine) {
        uint64_t want = now == WTLB_NONE                  ? mine
                        : wtlb_who(now) == wtlb_who(mine) ? mine | WTLB_PLACES
                                                          : WTLB_MANY;

        if (now == want ||
            atomic_compare_exchange_weak(&page->wtlb, &now, want)) {
            break;
        }
    }
}

static bool may_match_writes(TcgVcpu *v, const TlbEntry *e, MmuAccess access,
                             vaddr page)
{
    if (!(e->rights & TLB_W) || !e->ram_write) {
        return false;
    }
    if (access != MMU_STORE &&
        wtlb_who(atomic_load_explicit(&e->code->wtlb, memory_order_relaxed)) !=
            v->index + 1) {
        return false; /* leave the filter alone until it is written */
    }
    wtlb_add(v, e->code, page);
    /* update, full fence, then read the code flag (TCG.md 3.8) */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&e->code->code) == 0 && is_dirty(e);
}

void l1_fill(TcgVcpu *v, vaddr va, unsigned mmu, const TlbEntry *e,
             MmuAccess access)
{
    TcgTlb *tlb = &v->hot->tlb[mmu];
    vaddr page = va & ~page_mask;
    unsigned slot = (va >> PAGE_BITS) & (TCG_TLB_SIZE - 1);
    bool match = e->host && e->whole && !is_watched(v, page);

    if (v->accel->opt.stress_tlb) {
        tcg_tlb_clear(tlb);
    }
    v->l1_used |= BIT(mmu);
    tlb->tag_r[slot] = match && (e->rights & TLB_R) ? page : page ^ PAGE_SIZE;
    tlb->tag_w[slot] =
        match && (e->rights & TLB_R) && may_match_writes(v, e, access, page)
            ? page
            : page ^ PAGE_SIZE;
    tlb->addend[slot] = (uintptr_t)e->host - page;
}

/* --- fetch mappings --- */

static void note_executed(TcgVcpu *v, vaddr va, const TlbEntry *e)
{
    uint64_t vpn = va >> PAGE_BITS;
    unsigned mmu = v->fetch_mmu;

    if (is_bare(v, mmu)) {
        return; /* flushed only as a whole */
    }
    if (e->rights & TLB_GLOBAL) {
        bloom_add(v->global_bloom, EXEC_BLOOM_BITS, vpn);
        /* its code may be entered under ids of this space too */
        bloom_add(v->space->exec_bloom, EXEC_BLOOM_BITS, vpn);
        return;
    }
    bloom_add(v->space->exec_bloom, EXEC_BLOOM_BITS, vpn);
    if (!(v->space->own_exec >> mmu & 1)) {
        v->space->own_exec |= BIT(mmu);
        ctx_set(v);
    }
}

bool fetch_cached(TcgVcpu *v, vaddr pc, FetchEntry *out)
{
    vaddr page = pc & ~page_mask;
    unsigned slot = (pc >> PAGE_BITS) & (TCG_ITLB_SIZE - 1);
    const FetchEntry *f = &v->fetch[slot];

    if (f->pmid == 0 || f->pmid != v->hot->itlb[slot] || f->page != page ||
        f->mmu != v->fetch_mmu) {
        return false;
    }
    *out = *f;
    return true;
}

bool fetch_get(TcgVcpu *v, vaddr pc, FetchEntry *out)
{
    unsigned slot = (pc >> PAGE_BITS) & (TCG_ITLB_SIZE - 1);
    TlbEntry local;
    const TlbEntry *e;

    if (fetch_cached(v, pc, out)) {
        return true;
    }
    STAT(v, itlb_fills);
    e = tlb_get(v, pc, 2, MMU_FETCH, v->fetch_mmu, false, &local);
    if (!e) {
        return false;
    }
    *out = (FetchEntry){ .page = pc & ~page_mask, .mmu = v->fetch_mmu };
    if (!e->host || !e->code) {
        return true; /* fetched piece by piece: translate.c */
    }
    out->host = e->host;
    out->code = e->code;
    out->phys = e->block->base + (ram_addr_t)(e->host - e->block->host);
    if (e->whole) {
        note_executed(v, pc, e);
        lock_acquire(&v->accel->tb_lock);
        out->pmid = pmid_get_locked(v->accel, e->code, out->page, out->mmu);
        lock_release(&v->accel->tb_lock);
        v->fetch[slot] = *out;
        v->hot->itlb[slot] = out->pmid;
    }
    return true;
}
