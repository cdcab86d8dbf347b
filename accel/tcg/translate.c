/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From guest bytes to a unit (TCG.md 3.2): bytes are copied first, translated
 * from the copy, and compared again under tb_lock before the unit is entered
 * in any table (3.8). A unit stays in one page; an insn that straddles two is
 * a unit of its own that belongs to both.
 */
#include "tandem/base.h"

#include <time.h>

#include "accel/tcg/internal.h"
#include "tcg/builder.h"

enum {
    UNIT_INSNS = 64,
    WINDOW = 1024,         /* bytes a unit may span */
    UNIT_ROOM = 32 * 1024, /* host bytes a unit may need: asked for at first */
    INSN_BYTES_MAX = 16,
    AHEAD = 64, /* bytes from an insn on that its translator may look at */
    HOST_LINE = 64,
};

/* A unit under construction. */
typedef struct Build {
    TcgVcpu *v;
    vaddr pc;
    const FetchEntry *f;
    bool cached;
    unsigned max_insns;
    uint8_t *bytes;    /* from pc on: WINDOW */
    unsigned avail;    /* of bytes[] */
    unsigned copied;   /* of these are there, for now */
    unsigned span;     /* bytes of it that were translated */
    FetchEntry second; /* straddling: the page behind */
    bool straddles;
    TcgBlock *block;
    unsigned ninsns;
} Build;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* for counters only */
    return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* One unit in TCG_TIME_EVERY is timed, and counts for all of them. */
static bool is_timed(const TcgVcpu *v)
{
    return v->stats.units % TCG_TIME_EVERY == 0;
}

/* --- bytes --- */

/* Guest RAM that other vCPUs may be writing: atomic loads, words where the
 * source is aligned. */
static void copy_ram(uint8_t *to, const uint8_t *from, size_t n)
{
    for (; n > 0 && ((uintptr_t)from & 7); n--) {
        *to++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
    }
    for (; n >= 8; n -= 8, to += 8, from += 8) {
        uint64_t word =
            __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);

        memcpy(to, &word, 8);
    }
    for (; n > 0; n--) {
        *to++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
    }
}

static bool same_ram(const uint8_t *ram, const uint8_t *bytes, size_t n)
{
    uint8_t now[WINDOW];

    copy_ram(now, ram, n);
    return memcmp(now, bytes, n) == 0;
}

static void begin_window(Build *b)
{
    b->avail = MIN(PAGE_SIZE - (b->pc & (PAGE_SIZE - 1)), WINDOW);
    b->copied = 0;
}

/* Bytes up to @end, as far as there are any; most units are short. */
static void copy_window(Build *b, unsigned end)
{
    unsigned from = b->copied, off = b->pc & (PAGE_SIZE - 1);

    if (end > from && from < b->avail) {
        b->copied = MIN(align_up(end, 2 * AHEAD), b->avail);
        copy_ram(b->bytes + from, b->f->host + off + from, b->copied - from);
    }
}

/* One parcel of an insn, with the rights of just these bytes. */
static bool fetch_parcel(Build *b, unsigned at, unsigned size, bool *fault)
{
    TcgVcpu *v = b->v;
    vaddr va = b->pc + at;
    TlbEntry local;
    const TlbEntry *e;
    uint64_t value = 0;
    unsigned off = va & (PAGE_SIZE - 1);
    MemResult r;

    e = tlb_get(v, va, size, MMU_FETCH, v->fetch_mmu, false, &local);
    if (!e) {
        *fault = true;
        return false;
    }
    if (e->host) {
        copy_ram(b->bytes + at, e->host + off, size);
        return true;
    }
    r = address_space_ld(v->cpu->memory, e->pa + off, size, MEM_LITTLE, &value,
                         e->attrs);
    if (r != MEM_OK) {
        v->ops->bus_fault(v->cpu, va, MMU_FETCH, v->fetch_mmu, r);
        *fault = true;
        return false;
    }
    value = GUINT64_TO_LE(value);
    memcpy(b->bytes + at, &value, size);
    return true;
}

/* --- insns --- */

static bool has_breakpoint(const TcgVcpu *v, vaddr pc)
{
    const GArray *list = v->cpu->breakpoints;

    for (guint i = 0; v->have_break && i < list->len; i++) {
        if (g_array_index(list, CpuBreakpoint, i).pc == pc) {
            return true;
        }
    }
    return false;
}

static void begin_unit(Build *b, TcgUnit *u)
{
    TcgVcpu *v = b->v;
    bool counted = v->accel->icount || (v->flags & TCG_CTX_COUNT);
    uint32_t flags =
        (counted ? TCG_BLOCK_ICOUNT : 0) |
        (v->check || (v->flags & FLAG_SINGLE) || !b->cached ? TCG_BLOCK_NO_LOOP
                                                            : 0);

    if (log_on(LOG_OP | LOG_OP_OPT)) {
        tcg_context_set_dump(v->ctx, log_dump_pass, v);
    }
    memset(v->dc, 0, v->ops->dc_size);
    *u = (TcgUnit){
        .tb = tcg_block_begin(v->ctx, b->pc, flags),
        .ctx_flags = v->flags & ~FLAG_SINGLE,
        .first_pc = b->pc,
        .cpu_config = v->config,
        .dc = v->dc,
        .single = b->max_insns == 1,
        .soft_fp = !v->accel->opt.host_fp,
        .may_enter = v->accel->opt.traps_inline && !counted,
        .may_skip = b->max_insns > 1 && v->accel->opt.skips && !counted &&
                    !v->have_break,
        .pc = b->pc,
    };
    b->block = u->tb;
    b->span = 0;
    v->ops->unit_begin(u);
}

static void end_unit(Build *b, TcgUnit *u)
{
    bool to_loop = b->v->flags & FLAG_SINGLE || !b->cached;

    if (!tcg_block_ended(u->tb) && b->v->ops->unit_end) {
        b->v->ops->unit_end(u, to_loop);
    }
    if (!tcg_block_ended(u->tb)) {
        tcg_exit_direct(u->tb, u->pc, to_loop ? TCG_EXIT_TO_LOOP : 0);
    }
    tcg_block_finish(u->tb);
    b->ninsns = u->n_insns;
    STAT_ADD(b->v, skips, u->n_skips);
}

/* Stop at a breakpoint before the insn at u->pc? */
static bool at_breakpoint(Build *b, TcgUnit *u)
{
    if (!has_breakpoint(b->v, u->pc) ||
        (u->n_insns == 0 && b->v->break_skip_on)) {
        return false;
    }
    if (u->n_insns == 0) {
        tcg_insn_start(u->tb, u->pc);
        tcg_trap(u->tb, TRAP_BREAKPOINT);
        b->span = 1;
        u->n_insns = 1;
    }
    return true;
}

/* As many insns as fit. False: not even one, as it goes on beyond the page. */
static bool translate_window(Build *b)
{
    TcgUnit u;

    begin_unit(b, &u);
    while (!u.done &&
           (u.hold || (u.n_insns < b->max_insns && tcg_block_has_room(u.tb)))) {
        uint64_t at = u.pc - b->pc;
        unsigned len;

        if (at >= b->avail) {
            break;
        }
        copy_window(b, at + AHEAD);
        if (at_breakpoint(b, &u)) {
            break;
        }
        u.bytes = b->bytes + at;
        u.avail = MIN(b->avail - at, AHEAD);
        len = b->v->ops->translate_insn(&u);
        if (len == 0) {
            break;
        }
        b->span = MAX(b->span, at + len);
        u.n_insns++;
    }
    if (u.n_insns == 0) {
        return false;
    }
    end_unit(b, &u);
    return true;
}

/* One insn, fetched parcel by parcel: it straddles pages, or its page is no
 * plain memory. */
static bool translate_parcels(Build *b, bool *fault)
{
    unsigned parcel = 1u << b->v->fe->insn_align;
    TcgUnit u;
    unsigned len = 0;

    begin_unit(b, &u);
    for (b->avail = 0; len == 0;) {
        assert(b->avail + parcel <= INSN_BYTES_MAX);
        if (!fetch_parcel(b, b->avail, parcel, fault)) {
            return false;
        }
        b->avail += parcel;
        if (at_breakpoint(b, &u)) {
            break;
        }
        u.bytes = b->bytes;
        u.avail = b->avail;
        len = b->v->ops->translate_insn(&u);
    }
    if (len != 0) {
        b->span = len;
        u.n_insns = 1;
    }
    end_unit(b, &u);
    return true;
}

/* --- code --- */

static void set_exits(TcgTb *tb, const Build *b, const TcgCode *code)
{
    for (unsigned i = 0; i < tb->nexits; i++) {
        const TcgExit *x = &b->block->exit[i];
        TbExit *e = &tb->exits[i];

        e->index = i;
        e->kind = x->kind;
        e->flags = x->flags;
        if (code && !(x->flags & (TCG_EXIT_TO_LOOP | TCG_EXIT_CTX_CHANGED))) {
            e->jmp_off = code->exits[i].jmp_off;
            e->pmid_off = code->exits[i].pmid_off;
            e->stub_off = code->exits[i].stub_off;
        }
    }
}

static TcgTb *new_tb(Build *b)
{
    TcgVcpu *v = b->v;
    unsigned nexits = b->block->nexit;
    TcgTb *tb;
    size_t size = sizeof(*tb) + nexits * sizeof(tb->exits[0]);
    unsigned off = b->pc & (PAGE_SIZE - 1);

    /* what a look-up reads is one cache line */
    tb = memset(cache_arena(v, size, HOST_LINE), 0, size);
    tb->pc = b->pc;
    tb->flags = v->flags;
    tb->config = v->config;
    tb->phys = b->f->phys + off;
    tb->ninsns = b->ninsns;
    tb->nexits = nexits;
    tb->counted = (b->block->flags & TCG_BLOCK_ICOUNT) != 0;
    tb->lo = off;
    tb->hi = MIN(off + b->span, PAGE_SIZE);
    tb->page[0] = b->cached ? b->f->code : NULL;
    if (b->straddles) {
        tb->straddle = off + b->span - PAGE_SIZE;
        tb->page[1] = b->second.code;
    }
    tb->hash = content_hash(v->accel, b->bytes, b->span, v->flags);
    return tb;
}

/* Code for the finished block. False: others were waited for, or it must be
 * shorter: *too_big. */
static TcgTb *compile(Build *b, bool *too_big)
{
    TcgVcpu *v = b->v;
    TcgCodeBuf buf;
    TcgCode code;
    TcgTb *tb;
    TcgResult r;
    bool fresh = false;

    for (;;) {
        if (!cache_reserve(v, v->accel->use_jit ? 4096 : b->block->n * 24,
                           fresh, &buf)) {
            return NULL;
        }
        tb = new_tb(b);
        if (!v->accel->use_jit) {
            tb->block = tcg_block_clone(b->block);
            set_exits(tb, b, NULL);
            cache_commit(v, tb, b->block->n * 24);
            return tb;
        }
        buf.cookie = tb;
        buf.second_pmid = b->straddles ? b->second.pmid : 0;
        r = tcg_compile(v->ctx, b->block, &buf, &code);
        if (r == TCG_OK) {
            break;
        }
        if (r == TCG_TOO_BIG || buf.size == v->accel->cache.seg_size) {
            *too_big = true;
            return NULL;
        }
        fresh = true;
    }
    tb->code = buf.rx;
    tb->entry = buf.rx + code.entry_off;
    tb->code_size = code.code_size;
    tb->second_pmid_off = code.pmid_off;
    tb->second_pmid = buf.second_pmid;
    tb->side_size = code.side_size;
    tb->side = memcpy(cache_arena(v, code.side_size + 1, 1), code.side,
                      code.side_size);
    set_exits(tb, b, &code);
    tb->checkable = v->check && check_block_allowed(b->block);
    if (tb->checkable) {
        tb->block = tcg_block_clone(b->block);
    }
    cache_commit(v, tb, code.code_size);
    return tb;
}

static void count_unit(Build *b, const TcgTb *tb, uint64_t start_ns)
{
    TcgVcpu *v = b->v;
    unsigned size = tb->ninsns <= 1 ? 0 : 32 - __builtin_clz(tb->ninsns - 1);

    const TcgCounters *count = tcg_context_counters(v->ctx);

    if (is_timed(v)) {
        STAT_ADD(v, translate_ns, (now_ns() - start_ns) * TCG_TIME_EVERY);
    }
    STAT(v, units);
    STAT_SET(v, cell_ops, count->cell_ops);
    STAT_SET(v, spec_ops, count->spec_ops);
    STAT_SET(v, group_ops, count->group_ops);
    STAT_SET(v, pin_exits, count->pin_exits);
    STAT_SET(v, pin_moves, count->pin_moves);
    STAT_SET(v, fp_ops, count->fp_ops);
    STAT_SET(v, vec_ops, count->vec_ops);
    STAT_SET(v, vec_kept, count->vec_kept);
    STAT_ADD(v, guest_insns, tb->ninsns);
    STAT_ADD(v, guest_bytes, b->span);
    STAT_ADD(v, code_bytes, tb->code_size);
    STAT_ADD(v, side_bytes, tb->side_size);
    STAT_ADD(v, unit_size[MIN(size, 7)], 1);
    if (log_on(LOG_IN_ASM | LOG_OUT_ASM)) {
        log_unit(v, tb, b->bytes, b->span);
    }
}

/* --- publishing --- */

static void add_granules(CodePage *page, unsigned lo, unsigned hi)
{
    atomic_fetch_or(&page->granules, granule_mask(lo, hi));
}

/* Are the bytes still what was translated? After the granule bits are set, so
 * that a store from now on finds the unit. */
static bool bytes_same(const Build *b, const TcgTb *tb)
{
    unsigned n = tb->hi - tb->lo;

    return same_ram(b->f->host + tb->lo, b->bytes, n) &&
           (!tb->straddle ||
            same_ram(b->second.host, b->bytes + n, tb->straddle));
}

static void unpend_locked(const Build *b)
{
    page_unpend_locked(b->f->code);
    if (b->straddles) {
        page_unpend_locked(b->second.code);
    }
}

/* The unit in the tables; an equal one that came first; or NULL: again. */
static TcgTb *publish(Build *b, TcgTb *tb)
{
    TcgVcpu *v = b->v;
    TcgTb *other;

    LOCK_GUARD(&v->accel->tb_lock);
    /* alone, this vCPU has looked already */
    other = atomic_load(&v->accel->nvcpus) > 1
                ? tb_lookup(v, tb->phys, tb->pc, tb->flags)
                : NULL;
    if (other) {
        tb = other->straddle == tb->straddle && other->page[1] == tb->page[1]
                 ? other
                 : NULL;
    } else {
        add_granules(tb->page[0], tb->lo, tb->hi);
        if (tb->straddle) {
            add_granules(tb->page[1], 0, tb->straddle);
        }
        atomic_thread_fence(memory_order_seq_cst);
        if (bytes_same(b, tb)) {
            tb_publish_locked(v->accel, tb);
        } else {
            tb = NULL; /* its granules go, too */
            page_sweep_locked(b->f->code);
            if (b->straddles) {
                page_sweep_locked(b->second.code);
            }
        }
    }
    unpend_locked(b);
    return tb;
}

static void give_up(Build *b)
{
    if (b->cached) {
        LOCK_GUARD(&b->v->accel->tb_lock);
        unpend_locked(b);
    }
}

/* The insn at pc goes on in the next page. False: *fault, or start over. */
static bool prepare_straddle(Build *b, bool *fault)
{
    TcgVcpu *v = b->v;

    if (!fetch_get(v, (b->pc | (PAGE_SIZE - 1)) + 1, &b->second)) {
        *fault = true;
        return false;
    }
    if (b->second.pmid == 0) { /* no plain page: not kept */
        give_up(b);
        b->cached = false;
        return true;
    }
    if (!page_protect(v, b->second.code, b->second.host)) {
        return false;
    }
    b->straddles = true;
    return true;
}

static bool build_block(Build *b, bool *fault)
{
    if (b->cached) {
        begin_window(b);
        if (translate_window(b)) {
            return true;
        }
        if (!b->straddles && !prepare_straddle(b, fault)) {
            return false;
        }
    }
    b->max_insns = 1;
    return translate_parcels(b, fault);
}

TcgTb *tb_translate(TcgVcpu *v, vaddr pc, const FetchEntry *f, bool cached,
                    bool *fault)
{
    uint8_t bytes[WINDOW];
    Build b = { .v = v, .pc = pc, .f = f, .cached = cached, .bytes = bytes };
    uint64_t start = is_timed(v) ? now_ns() : 0;
    bool too_big = false;
    TcgTb *tb;

    b.max_insns = !cached || v->accel->opt.one_insn || (v->flags & FLAG_SINGLE)
                      ? 1
                      : UNIT_INSNS;
    if (cached && !page_protect(v, f->code, f->host)) {
        return NULL;
    }
    for (;;) {
        if (!build_block(&b, fault)) {
            give_up(&b);
            STAT(v, retries);
            return NULL;
        }
        tb = compile(&b, &too_big);
        if (tb || !too_big) {
            break;
        }
        if (b.max_insns == 1) {
            g_error("tcg: the insn at 0x%" PRIx64 " does not fit a unit", pc);
        }
        b.max_insns = MAX(b.ninsns / 2, 1);
        too_big = false;
    }
    if (!tb) {
        give_up(&b);
        return NULL;
    }
    count_unit(&b, tb, start);
    if (!b.cached) {
        STAT(v, uncached);
        return tb;
    }
    return publish(&b, tb);
}
