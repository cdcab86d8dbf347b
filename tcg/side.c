/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Side tables: from a return address in emitted code to the guest state at the
 * start of the insn that was running (TCG.md 3.7).
 *
 * A table is a stream of records in order of host_off, all numbers LEB128:
 *   host_off delta | guest pc delta, zigzag | insn index delta, zigzag |
 *   number of changes | changes
 * A change is (slot << 3 | TcgLocKind), then n, or for a constant its value,
 * zigzag. Locations not named are as in the record before; the state before
 * the first record is "all in env" at the unit's pc. A back end that has some
 * slots in the same registers nearly always begins each table with a record at
 * offset 0 that says so (TcgSideBase), copied as it is.
 */
#include "tandem/base.h"

#include "tcg/internal.h"

static void put_byte(TcgSideWriter *w, uint8_t byte)
{
    if (w->len == w->size) {
        w->full = true;
        return;
    }
    w->buf[w->len++] = byte;
}

static void put_leb(TcgSideWriter *w, uint64_t v)
{
    while (v >= 0x80) {
        put_byte(w, v | 0x80);
        v >>= 7;
    }
    put_byte(w, v);
}

static void put_zigzag(TcgSideWriter *w, uint64_t v)
{
    put_leb(w, v << 1 ^ (uint64_t)((int64_t)v >> 63));
}

void tcg_side_begin(TcgSideWriter *w, uint8_t *buf, size_t size,
                    uint64_t unit_pc, const TcgSideBase *base)
{
    w->buf = buf;
    w->size = size;
    w->len = 0;
    w->full = false;
    w->last_off = 0;
    w->last_pc = unit_pc;
    w->last_index = 0;
    memset(&w->named, 0, sizeof(w->named));
    w->base = base;
    w->based = base ? base->slots : 0;
    if (base && size >= base->len) {
        memcpy(buf, base->bytes, base->len);
        w->len = base->len;
    } else {
        w->full = base != NULL;
    }
}

static bool same_loc(const TcgSlotLoc *a, const TcgSlotLoc *b)
{
    return a->kind == b->kind &&
           (a->kind == TCG_LOC_CONST ? a->value == b->value : a->n == b->n);
}

static void put_change(TcgSideWriter *w, const TcgSlotLoc *loc)
{
    put_leb(w, (uint64_t)loc->slot << 3 | loc->kind);
    if (loc->kind == TCG_LOC_CONST) {
        put_zigzag(w, loc->value);
    } else if (loc->kind != TCG_LOC_ENV) {
        put_leb(w, loc->n);
    }
}

static bool is_change(const TcgSideWriter *w, const TcgSlotLoc *l)
{
    return l->kind != TCG_LOC_ENV && (!tcg_slotset_has(&w->named, l->slot) ||
                                      !same_loc(l, &w->loc[l->slot]));
}

static void put_based(TcgSideWriter *w, uint64_t slots)
{
    for (; slots != 0; slots &= slots - 1) {
        unsigned slot = __builtin_ctzll(slots);

        put_change(w, &(TcgSlotLoc){ .slot = slot,
                                     .kind = TCG_LOC_GPR,
                                     .n = w->base->gpr[slot] });
    }
}

void tcg_side_record(TcgSideWriter *w, uint32_t host_off, uint64_t pc,
                     unsigned insn_index, uint64_t based, const TcgSlotLoc *loc,
                     unsigned n)
{
    TcgSlotSet now = { { 0 } }, gone;
    unsigned changes = __builtin_popcountll(based & ~w->based);

    assert(host_off >= w->last_off);
    put_leb(w, host_off - w->last_off);
    put_zigzag(w, pc - w->last_pc);
    put_zigzag(w, (uint64_t)insn_index - w->last_index);
    for (unsigned i = 0; i < n; i++) {
        if (loc[i].kind != TCG_LOC_ENV) {
            tcg_slotset_add(&now, loc[i].slot);
        }
        changes += is_change(w, &loc[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(gone.w); i++) {
        gone.w[i] = w->named.w[i] & ~now.w[i];
        if (i == 0) {
            gone.w[i] = (gone.w[i] | w->based) & ~now.w[i] & ~based;
        }
        changes += __builtin_popcountll(gone.w[i]);
    }
    put_leb(w, changes);
    if (changes != 0) {
        TCG_SLOTSET_FOREACH(&gone, slot)
        {
            put_change(w, &(TcgSlotLoc){ .slot = slot, .kind = TCG_LOC_ENV });
        }
        put_based(w, based & ~w->based);
        for (unsigned i = 0; i < n; i++) {
            if (is_change(w, &loc[i])) {
                put_change(w, &loc[i]);
                w->loc[loc[i].slot] = loc[i];
            }
        }
    }
    w->named = now;
    w->based = based;
    w->last_off = host_off;
    w->last_pc = pc;
    w->last_index = insn_index;
}

void tcg_side_base(TcgSideBase *base, const TcgSlotLoc *loc, unsigned n)
{
    g_autofree TcgSideWriter *w = g_new(TcgSideWriter, 1);

    memset(base, 0, sizeof(*base));
    tcg_side_begin(w, base->bytes, sizeof(base->bytes), 0, NULL);
    tcg_side_record(w, 0, 0, 0, 0, loc, n);
    assert(!w->full);
    base->len = w->len;
    for (unsigned i = 0; i < n; i++) {
        assert(loc[i].kind == TCG_LOC_GPR && loc[i].slot < 64);
        base->slots |= BIT(loc[i].slot);
        base->gpr[loc[i].slot] = loc[i].n;
    }
}

/* ---- reading ---- */

typedef struct SideReader {
    const uint8_t *at, *end;
} SideReader;

/* Our own data: a stream that ends early gives zeros, never reads beyond. */
static uint64_t get_leb(SideReader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; r->at < r->end && shift < 64; shift += 7) {
        uint8_t byte = *r->at++;

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            break;
        }
    }
    return v;
}

static uint64_t get_zigzag(SideReader *r)
{
    uint64_t v = get_leb(r);

    return v >> 1 ^ -(v & 1);
}

/* What the reader knows after a record; loc counts where named has the slot. */
typedef struct SideState {
    uint64_t pc;
    uint32_t off;
    unsigned index;
    TcgSlotSet named;
    TcgSlotLoc loc[TCG_MAX_SLOTS];
} SideState;

static void read_record(SideReader *r, SideState *s)
{
    uint64_t changes;

    s->off += get_leb(r);
    s->pc += get_zigzag(r);
    s->index += get_zigzag(r);
    changes = get_leb(r);
    while (changes-- > 0 && r->at < r->end) {
        uint64_t head = get_leb(r);
        TcgSlotLoc loc = { .slot = head >> 3 & (TCG_MAX_SLOTS - 1),
                           .kind = head & 7 };

        if (loc.kind == TCG_LOC_ENV) {
            tcg_slotset_del(&s->named, loc.slot);
            continue;
        }
        if (loc.kind == TCG_LOC_CONST) {
            loc.value = get_zigzag(r);
        } else {
            loc.n = get_leb(r);
        }
        tcg_slotset_add(&s->named, loc.slot);
        s->loc[loc.slot] = loc;
    }
}

static const void *loc_bytes(const TcgHot *hot, const TcgSlotLoc *loc)
{
    switch (loc->kind) {
    case TCG_LOC_GPR:
        assert(loc->n < TCG_SAVE_GPRS);
        return &hot->save_gpr[loc->n];
    case TCG_LOC_VEC:
        assert(loc->n < TCG_SAVE_VECS);
        return hot->save_vec[loc->n];
    case TCG_LOC_SPILL:
        assert(loc->n < TCG_SPILLS);
        return &hot->spill[loc->n];
    case TCG_LOC_VSPILL:
        assert(loc->n < TCG_VSPILLS);
        return hot->vspill[loc->n];
    case TCG_LOC_CONST:
        return &loc->value;
    default:
        g_assert_not_reached();
    }
}

/* Read up to the record of @host_off; false: there is none. */
static bool find_record(const uint8_t *side, size_t size, uint64_t unit_pc,
                        uint32_t host_off, SideState *s)
{
    SideReader r = { side, side + size };

    s->pc = unit_pc;
    s->off = s->index = 0;
    memset(&s->named, 0, sizeof(s->named));
    do {
        if (r.at >= r.end) {
            return false;
        }
        read_record(&r, s);
    } while (s->off < host_off);
    return s->off == host_off;
}

bool tcg_side_position(const uint8_t *side, size_t size, uint32_t host_off,
                       unsigned *insns_done)
{
    SideState s; /* as below */

    if (!find_record(side, size, 0, host_off, &s)) {
        return false;
    }
    *insns_done = s.index;
    return true;
}

bool tcg_side_restore(const TcgFrontend *fe, const uint8_t *side, size_t size,
                      uint64_t unit_pc, uint32_t host_off, void *env,
                      unsigned *insns_done)
{
    SideState s; /* loc is large, and counts only where named has the slot */

    if (!find_record(side, size, unit_pc, host_off, &s)) {
        return false;
    }
    TCG_SLOTSET_FOREACH(&s.named, slot)
    {
        void *to = (char *)env + fe->slots[slot].offset;
        const void *from = loc_bytes(tcg_hot(env), &s.loc[slot]);
        unsigned bytes = tcg_type_size((TcgType)fe->slots[slot].type);

        if (bytes == 8) { /* nearly all: no call */
            memcpy(to, from, 8);
        } else {
            memcpy(to, from, bytes);
        }
    }
    memcpy((char *)env + fe->pc_offset, &s.pc, sizeof(s.pc));
    if (insns_done != NULL) {
        *insns_done = s.index;
    }
    return true;
}
