/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one unit to the next without the loop: direct links, in a page and
 * across (by page mapping id), and the jump cache (TCG.md 3.4). Links are
 * changed under tb_lock by single aligned stores through the writable view.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"

static void patch32(TcgAccel *a, const TcgTb *tb, uint32_t off, uint32_t value)
{
    uint8_t *at = cache_rw(&a->cache, tb->code + off);

    assert(((uintptr_t)at & 3) == 0);
    __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELEASE);
}

static void patch_jump(TcgAccel *a, const TcgTb *tb, const TbExit *e,
                       const uint8_t *to)
{
    patch32(a, tb, e->jmp_off, (uint32_t)(to - (tb->code + e->jmp_off + 4)));
}

static TcgTb *exit_tb(TbExit *e)
{
    return container_of(e - e->index, TcgTb, exits);
}

/* @e of @tb jumps to its own stub again. */
static void unlink_exit_locked(TcgAccel *a, TbExit *e)
{
    TcgTb *tb = exit_tb(e);

    if (e->pmid_off) {
        patch32(a, tb, e->pmid_off, TCG_PMID_NEVER);
    }
    patch_jump(a, tb, e, tb->code + e->stub_off);
    e->to = NULL;
}

static void in_list_remove_locked(TbExit *e)
{
    TbExit **p = &e->to->in;

    while (*p != e) {
        p = &(*p)->next_in;
    }
    *p = e->next_in;
}

void tb_unlink_all_locked(TcgAccel *a, TcgTb *tb)
{
    while (tb->in) {
        TbExit *e = tb->in;

        tb->in = e->next_in;
        unlink_exit_locked(a, e);
    }
    for (unsigned i = 0; i < tb->nexits; i++) {
        TbExit *e = &tb->exits[i];

        if (e->to) {
            in_list_remove_locked(e);
            unlink_exit_locked(a, e);
        }
    }
}

void tb_set_second_pmid(TcgVcpu *v, TcgTb *tb, uint32_t pmid)
{
    LOCK_GUARD(&v->accel->tb_lock);
    atomic_store(&tb->second_pmid, pmid);
    if (tb->second_pmid_off) {
        patch32(v->accel, tb, tb->second_pmid_off, pmid);
    }
}

void tb_link(TcgVcpu *v, TcgTb *from, unsigned n, TcgTb *to, uint32_t pmid)
{
    TcgAccel *a = v->accel;
    TbExit *e = &from->exits[n];
    bool cross = e->flags & TCG_EXIT_CROSS_PAGE;

    if (from->flags != to->flags || from->config != to->config ||
        (cross && (!e->pmid_off || !a->opt.cross_links)) || pmid == 0) {
        return;
    }
    LOCK_GUARD(&a->tb_lock);
    if (!from->in_tables || !to->in_tables) {
        return;
    }
    if (e->to) { /* another mapping of the target's page, or another unit */
        in_list_remove_locked(e);
        unlink_exit_locked(a, e);
    }
    e->to = to;
    e->next_in = to->in;
    to->in = e;
    patch_jump(a, from, e, to->entry);
    if (cross) {
        patch32(a, from, e->pmid_off, pmid);
        STAT(v, links_cross);
    }
    STAT(v, links);
}

/* --- the jump cache: own thread --- */

void jc_fill(TcgVcpu *v, vaddr pc, TcgTb *tb)
{
    TcgJumpEntry *e = &v->hot->jc[tcg_jc_index(pc, v->fe->insn_align)];

    if (!v->accel->opt.jump_cache) {
        return;
    }
    *e = (TcgJumpEntry){
        .pc = pc,
        .ctx = atomic_load_explicit(&v->hot->ctx, memory_order_relaxed),
        .host = tb->entry,
        .tb = tb,
    };
}

void jc_purge_pc(TcgVcpu *v, vaddr pc)
{
    TcgJumpEntry *e = &v->hot->jc[tcg_jc_index(pc, v->fe->insn_align)];

    if (e->pc == pc) {
        *e = (TcgJumpEntry){ 0 };
    }
    for (unsigned i = 0; i < TCG_RING_SIZE; i++) {
        if (v->hot->ring[i].pc == pc) {
            v->hot->ring[i] = (TcgRingEntry){ 0 };
        }
    }
}

/* The unit that the slot of @pc had under another ctx id, if it is still the
 * one for what is mapped there now: spares the way through the hash. */
static TcgTb *jc_stale(const TcgVcpu *v, vaddr pc, ram_addr_t phys)
{
    const TcgJumpEntry *e = &v->hot->jc[tcg_jc_index(pc, v->fe->insn_align)];
    TcgTb *tb = e->tb;

    return e->pc == pc && tb && tb_is(v, tb, phys, pc, v->flags) ? tb : NULL;
}

void jc_clear(TcgVcpu *v)
{
    memset(v->hot->jc, 0, sizeof(v->hot->jc));
}

const void *rt_lookup(void *env, uint64_t pc)
{
    TcgVcpu *v = env_vcpu(env);
    ram_addr_t phys;
    FetchEntry f;
    TcgTb *tb;

    STAT(v, lookups);
    v->have_missed = false;
    if (v->check || (v->flags & FLAG_SINGLE) ||
        log_on(LOG_NOCHAIN | LOG_EXEC) || !fetch_cached(v, pc, &f)) {
        return NULL;
    }
    phys = f.phys + (pc & (PAGE_SIZE - 1));
    tb = jc_stale(v, pc, phys);
    STAT_ADD(v, lookup_stale, tb != NULL);
    if (!tb) { /* a straddling one looks at its second page itself */
        tb = tb_lookup(v, phys, pc, v->flags);
    }
    if (!tb) {
        v->have_missed = true; /* the loop comes next, with the same pc */
        return NULL;
    }
    STAT(v, lookup_hits);
    jc_fill(v, pc, tb);
    return tb->entry;
}
