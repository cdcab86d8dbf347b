/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where values live: forward local allocation. Liveness (last_use) is known
 * before; a register is taken from the value needed latest, and for nothing
 * from one that has a copy in memory. See backend.h for the rules.
 */
#include "tandem/base.h"

#include "backend.h"

/* ---- before the walk ---- */

/* Does 64-bit code that reads the register of I32 value @r see zeros above? */
static bool zero_extended(const Gen *g, TcgRef r)
{
    return !tcg_ref_is_const(r) && g->tb->insn[r].op != TCG_OP_trunc;
}

static void make_alias(Gen *g, TcgRef part, TcgRef whole)
{
    g->val[part].alias = whole;
    g->val[whole].last = MAX(g->val[whole].last, g->val[part].last);
}

/* x + constant that one memory op uses as its address needs no register. */
static void try_fold_address(Gen *g, TcgRef i)
{
    const TcgBlock *tb = g->tb;
    const TcgInsn *in = &tb->insn[i];
    const TcgInsn *user = &tb->insn[g->val[i].last];
    int32_t disp;

    if (tb->uses[i] == 1 && in->type == TCG_I64 && user->op >= TCG_OP_ld &&
        user->op <= TCG_OP_at_sc && user->a == i && tcg_ref_is_const(in->b) &&
        !tcg_ref_is_const(in->a) && ra_imm32(g, in->b, &disp) &&
        disp > -(1 << 30) && disp < 1 << 30) {
        g->val[i].flags |= VAL_FOLDED;
        g->val[in->a].last = MAX(g->val[in->a].last, g->val[i].last);
    }
}

/* x << 1..3 that one addition uses becomes part of a lea. */
static void try_fold_shift(Gen *g, TcgRef i)
{
    const TcgBlock *tb = g->tb;
    const TcgInsn *in = &tb->insn[i];
    const TcgInsn *user = &tb->insn[g->val[i].last];

    if (tb->uses[i] == 1 && user->op == TCG_OP_add && user->type == in->type &&
        (user->b == i || user->a == i) && user->a != user->b &&
        !tcg_ref_is_const(user->a) && !tcg_ref_is_const(user->b) &&
        !(g->val[g->val[i].last].flags & VAL_FOLDED) &&
        tcg_ref_is_const(in->b) && !tcg_ref_is_const(in->a) &&
        tcg_ref_const(tb, in->b) >= 1 && tcg_ref_const(tb, in->b) <= 3) {
        TcgRef other = user->a == i ? user->b : user->a;

        if (g->val[other].flags & VAL_FOLDED) {
            return; /* one index register */
        }
        g->val[i].flags |= VAL_FOLDED;
        g->val[in->a].last = MAX(g->val[in->a].last, g->val[i].last);
    }
}

static void scan_backward(Gen *g)
{
    const TcgBlock *tb = g->tb;
    uint32_t call_at = UINT32_MAX;

    for (uint32_t i = tb->n; i-- > 0;) {
        const TcgInsn *in = &tb->insn[i];

        switch (in->op) {
        case TCG_OP_trunc:
            make_alias(g, i, in->a);
            break;
        case TCG_OP_zext32:
            if (zero_extended(g, in->a)) {
                make_alias(g, i, in->a);
            }
            break;
        case TCG_OP_slot_get:
            if (tcg_slotset_has(&g->carried_set, in->aux)) {
                make_alias(g, i, g->carried_of[in->aux]);
            }
            break;
        case TCG_OP_add:
            try_fold_address(g, i);
            break;
        case TCG_OP_shl:
            try_fold_shift(g, i);
            break;
        case TCG_OP_call:
            call_at = i;
            break;
        default:
            break;
        }
        if (g->val[i].last > call_at) {
            g->val[i].flags |= VAL_CROSS;
        }
    }
}

void ra_begin(Gen *g)
{
    const TcgBlock *tb = g->tb;

    g->used = g->locked = 0;
    g->nspill = 0;
    g->ncold = g->nlocs = 0;
    g->too_big = false;
    for (unsigned s = 0; s < g->fe->nslots; s++) {
        g->slot_home[s] = TCG_REF_NONE;
    }
    for (uint32_t i = 0; i < tb->n; i++) {
        g->val[i] = (Val){ tb->uses[i] != 0 ? tb->last_use[i] : 0,
                           TCG_REF_NONE,
                           0,
                           NO_REG,
                           NO_REG,
                           MEM_NONE,
                           tb->insn[i].type,
                           0 };
    }
    tcg_snap_cursor_init(&g->cursor, tb);
    carry_choose(g);
    scan_backward(g);
    carry_hints(g);
    group_find(g);
    cell_begin(g);
}

/* ---- registers ---- */

static uint32_t class_of(TcgType t)
{
    return tcg_type_is_int(t) ? GPR_ALLOC : VEC_ALLOC;
}

X86Mem ra_mem(const Gen *g, const Val *v)
{
    return x86_mem(RBP, v->mem == MEM_SLOT
                            ? (int32_t)g->fe->slots[v->where].offset
                            : TCG_HOT_OFF(spill) + 8 * v->where);
}

static void load_home(Gen *g, const Val *v, int reg)
{
    bool narrow = v->mem == MEM_SLOT && !ra_wide(v->type);

    if (reg >= X0) {
        x86_rm(&g->a, narrow ? X86_MOVSS_XM : X86_MOVSD_XM, 0, reg,
               ra_mem(g, v));
    } else {
        x86_rm(&g->a, X86_MOV_RM, !narrow, reg, ra_mem(g, v));
    }
}

static bool spill_free(const Gen *g, unsigned k)
{
    TcgRef r = g->spill_owner[k];

    return g->val[r].last < g->i || g->val[r].mem != MEM_SPILL ||
           g->val[r].where != k;
}

/* Give @v (canonical value @r) a spill home. */
static void assign_spill(Gen *g, TcgRef r)
{
    Val *v = &g->val[r];
    unsigned k = 0;

    while (k < g->nspill && !spill_free(g, k)) {
        k++;
    }
    if (k == TCG_SPILLS) {
        g->too_big = true;
        k = 0;
    }
    g->nspill = MAX(g->nspill, k + 1);
    g->spill_owner[k] = r;
    v->mem = MEM_SPILL;
    v->where = k;
}

/* A home for @r: what a pinned slot had on entry goes to the slot's place in
 * env, which nobody else uses. */
static void assign_home(Gen *g, TcgRef r)
{
    unsigned k = r - g->tb->n;

    if (r < g->tb->n || k >= g->ncarried ||
        !tcg_slotset_has(&g->pinned, g->carried[k].slot)) {
        assign_spill(g, r);
        return;
    }
    g->val[r].mem = MEM_SLOT;
    g->val[r].where = g->carried[k].slot;
}

/* Make sure that the value in register @reg is in memory too. */
static void save_reg(Gen *g, int reg)
{
    TcgRef r = g->owner[reg];
    Val *v = &g->val[r];

    if (v->mem == MEM_NONE) {
        assign_home(g, r);
        if (reg >= X0) {
            x86_rm(&g->a, X86_MOVSD_MX, 0, reg, ra_mem(g, v));
        } else {
            x86_rm(&g->a, X86_MOV_MR, 1, reg, ra_mem(g, v));
        }
    }
}

static void drop_reg(Gen *g, int reg)
{
    g->val[g->owner[reg]].reg = NO_REG;
    g->used &= ~(1u << reg);
}

static void bind_reg(Gen *g, TcgRef r, int reg)
{
    g->val[r].reg = reg;
    g->owner[reg] = r;
    g->used |= 1u << reg;
}

void ra_at_head(Gen *g, TcgRef r, unsigned slot, int reg, bool there)
{
    Val *v = &g->val[r];

    if (!there) {
        v->mem = MEM_SLOT;
        v->where = slot;
        load_home(g, v, reg);
    }
    bind_reg(g, r, reg);
    if (tcg_slotset_has(&g->carried_dirty, slot)) {
        v->mem = MEM_NONE;
    } else {
        g->slot_home[slot] = r;
    }
}

/* Drop values that nothing needs any more. */
static void reclaim(Gen *g, uint32_t cls)
{
    for (uint32_t m = g->used & cls; m != 0; m &= m - 1) {
        int reg = __builtin_ctz(m);

        if (g->val[g->owner[reg]].last < g->i) {
            drop_reg(g, reg);
        }
    }
}

/* The register to take: needed latest, better one with a memory copy. */
static int victim(Gen *g, uint32_t cand)
{
    uint64_t best_score = 0;
    int best = NO_REG;

    for (uint32_t m = cand; m != 0; m &= m - 1) {
        int reg = __builtin_ctz(m);
        const Val *v = &g->val[g->owner[reg]];
        uint64_t score = (uint64_t)v->last + 1;

        if (v->mem != MEM_NONE) {
            score += 32;
        }
        if (score > best_score) {
            best_score = score;
            best = reg;
        }
    }
    return best;
}

/* Where the @better ones are, if there are any. */
static uint32_t prefer(uint32_t avail, uint32_t better)
{
    return avail & better ? avail & better : avail;
}

static int pick(const Gen *g, uint32_t avail, int hint, bool cross)
{
    if (hint >= 0 && (avail >> hint & 1)) {
        return hint;
    }
    avail = prefer(avail, cross ? CALLEE_SAVED : ~CALLEE_SAVED);
    return __builtin_ctz(prefer(avail, ~g->pin_regs));
}

/* A register of @cls that is free now and locked for this insn. */
static int alloc(Gen *g, uint32_t cls, int hint, bool cross)
{
    uint32_t avail = cls & ~g->used & ~g->locked;
    int reg;

    if (avail == 0) {
        reclaim(g, cls);
        avail = cls & ~g->used & ~g->locked;
    }
    if (avail != 0) {
        reg = pick(g, avail, hint, cross);
    } else {
        reg = victim(g, cls & ~g->locked);
        assert(reg != NO_REG);
        save_reg(g, reg);
        drop_reg(g, reg);
    }
    g->locked |= 1u << reg;
    return reg;
}

static bool any_free(const Gen *g, uint32_t cls)
{
    return (cls & ~g->used & ~g->locked) != 0;
}

/* ---- operands ---- */

bool ra_imm32(const Gen *g, TcgRef r, int32_t *imm)
{
    uint64_t v;

    if (!tcg_ref_is_const(r)) {
        return false;
    }
    v = tcg_ref_const(g->tb, r);
    *imm = (int32_t)v;
    return tcg_ref_type(g->tb, r) == TCG_I32 || (int64_t)v == (int32_t)v;
}

static void load_const(Gen *g, TcgRef r, int reg)
{
    uint64_t v = tcg_ref_const(g->tb, r);

    if (reg < X0) {
        x86_mov_imm(&g->a, reg, v, false);
    } else if (v == 0) {
        x86_rr(&g->a, X86_PXOR, 0, reg, reg);
    } else {
        x86_mov_imm(&g->a, RAX, v, false);
        x86_rr(&g->a, X86_MOVD_XR, 1, reg, RAX);
    }
}

void x86_move(Gen *g, int dst, int src, bool wide)
{
    if (dst == src) {
        return;
    }
    if (dst >= X0 && src >= X0) {
        x86_rr(&g->a, X86_MOVAPS, 0, dst, src);
    } else if (dst >= X0) {
        x86_rr(&g->a, X86_MOVD_XR, wide, dst, src);
    } else if (src >= X0) {
        x86_rr(&g->a, X86_MOVD_RX, wide, src, dst);
    } else {
        x86_rr(&g->a, X86_MOV_RM, wide, dst, src);
    }
}

int ra_use(Gen *g, TcgRef r, int scratch)
{
    Val *v;

    if (tcg_ref_is_const(r)) {
        load_const(g, r, scratch);
        return scratch;
    }
    r = ra_canon(g, r);
    v = &g->val[r];
    if (v->reg == NO_REG) {
        int reg;

        assert(v->mem != MEM_NONE);
        reg = alloc(g, class_of(v->type), v->hint, v->flags & VAL_CROSS);
        load_home(g, v, reg);
        bind_reg(g, r, reg);
    }
    g->locked |= 1u << v->reg;
    return v->reg;
}

void ra_copy_to(Gen *g, TcgRef r, int reg)
{
    const Val *v;

    if (tcg_ref_is_const(r)) {
        load_const(g, r, reg);
        return;
    }
    v = &g->val[ra_canon(g, r)];
    if (v->reg != NO_REG) {
        x86_move(g, reg, v->reg, ra_wide(v->type));
    } else {
        load_home(g, v, reg);
    }
}

Opnd ra_rm(Gen *g, TcgRef r, int scratch)
{
    if (!tcg_ref_is_const(r)) {
        const Val *v = &g->val[ra_canon(g, r)];
        bool narrower = v->mem == MEM_SLOT && !ra_wide(v->type) &&
                        ra_wide(tcg_ref_type(g->tb, r));

        if (v->reg == NO_REG && !narrower &&
            (v->last <= g->i || !any_free(g, class_of(v->type)))) {
            return (Opnd){ OPND_MEM, .mem = ra_mem(g, v) };
        }
    }
    return (Opnd){ OPND_REG, .reg = ra_use(g, r, scratch) };
}

Opnd ra_rmi(Gen *g, TcgRef r, int scratch)
{
    int32_t imm;

    if (ra_imm32(g, r, &imm)) {
        return (Opnd){ OPND_IMM, .imm = imm };
    }
    return ra_rm(g, r, scratch);
}

/* ---- results ---- */

/* A register that an operand leaves at this insn; NO_REG: none. */
static int dying_operand(Gen *g, uint32_t cls)
{
    unsigned n = tcg_insn_noperands(g->tb, g->i);

    for (unsigned k = 0; k < n; k++) {
        TcgRef r = tcg_insn_operand(g->tb, g->i, k);
        const Val *v;

        if (tcg_ref_is_const(r)) {
            continue;
        }
        v = &g->val[ra_canon(g, r)];
        if (v->last <= g->i && v->reg != NO_REG && (cls >> v->reg & 1)) {
            return v->reg;
        }
    }
    return NO_REG;
}

/* May the register be written by this insn's last instruction? */
static bool hint_ready(const Gen *g, int hint)
{
    return hint != NO_REG &&
           (!(g->used >> hint & 1) ? !(g->locked >> hint & 1)
                                   : g->val[g->owner[hint]].last <= g->i);
}

/* Would the current insn's result rather live in another register than the
 * dying operand's @reg: one that a call keeps, or its hint? */
static bool better_elsewhere(const Gen *g, int reg)
{
    const Val *v = &g->val[g->i];
    uint32_t avail = class_of(v->type) & ~g->used & ~g->locked;

    if (v->hint != NO_REG) {
        return reg != v->hint && (avail >> v->hint & 1);
    }
    return (v->flags & VAL_CROSS) && !(CALLEE_SAVED >> reg & 1) &&
           (avail & CALLEE_SAVED) != 0;
}

int ra_def(Gen *g)
{
    const Val *v = &g->val[g->i];
    uint32_t cls = class_of(v->type);
    int reg;

    if (hint_ready(g, v->hint)) {
        g->locked |= 1u << v->hint;
        return v->hint;
    }
    reg = dying_operand(g, cls);
    if (reg != NO_REG && !better_elsewhere(g, reg)) {
        return reg;
    }
    return alloc(g, cls, v->hint, v->flags & VAL_CROSS);
}

int ra_def_early(Gen *g)
{
    const Val *v = &g->val[g->i];

    return alloc(g, class_of(v->type), v->hint, v->flags & VAL_CROSS);
}

int ra_def_copy(Gen *g, TcgRef r)
{
    const Val *s;
    int reg;

    if (tcg_ref_is_const(r)) {
        reg = ra_def_early(g);
        load_const(g, r, reg);
        return reg;
    }
    s = &g->val[ra_canon(g, r)];
    if (s->reg != NO_REG && s->last <= g->i && !better_elsewhere(g, s->reg)) {
        g->locked |= 1u << s->reg;
        return s->reg;
    }
    if (s->reg != NO_REG) {
        g->locked |= 1u << s->reg;
    }
    reg = ra_def_early(g);
    ra_copy_to(g, r, reg);
    return reg;
}

void ra_drop_dead(Gen *g, TcgRef r)
{
    const Val *v;

    if (!tcg_ref_is_const(r)) {
        v = &g->val[ra_canon(g, r)];
        if (v->reg != NO_REG && v->last <= g->i) {
            drop_reg(g, v->reg);
        }
    }
}

void ra_end_insn(Gen *g)
{
    unsigned n = tcg_insn_noperands(g->tb, g->i);

    for (unsigned k = 0; k < n; k++) {
        ra_drop_dead(g, tcg_insn_operand(g->tb, g->i, k));
    }
}

void ra_bind_temp(Gen *g, TcgRef r, int reg)
{
    bind_reg(g, r, reg);
}

int ra_temp(Gen *g)
{
    return alloc(g, GPR_ALLOC, NO_REG, false);
}

void ra_commit(Gen *g, int reg)
{
    ra_end_insn(g);
    if (g->used >> reg & 1) {
        /* a hint whose owner was needed by this insn's snapshot only */
        assert(g->val[g->owner[reg]].last <= g->i);
        drop_reg(g, reg);
    }
    if (g->val[g->i].last > g->i) {
        bind_reg(g, g->i, reg);
    }
}

/* @reg, locked, no longer holds a value. */
static void evict(Gen *g, int reg)
{
    if (g->used >> reg & 1) {
        TcgRef r = g->owner[reg];
        Val *v = &g->val[r];

        if (v->last < g->i) {
            drop_reg(g, reg);
        } else if ((class_of(v->type) & ~g->locked) == 0) {
            save_reg(g, reg);
            drop_reg(g, reg);
        } else if (v->mem != MEM_NONE && v->last > g->i &&
                   !any_free(g, class_of(v->type))) {
            drop_reg(g, reg);
        } else {
            int to = alloc(g, class_of(v->type), NO_REG, v->flags & VAL_CROSS);

            /* alloc locked it: it stays available to this insn's operands */
            x86_move(g, to, reg, true);
            drop_reg(g, reg);
            bind_reg(g, r, to);
        }
    }
}

void ra_take(Gen *g, int reg)
{
    assert(!(g->locked >> reg & 1));
    g->locked |= 1u << reg;
    evict(g, reg);
}

void ra_take_all(Gen *g, uint32_t regs)
{
    assert(!(g->locked & regs));
    g->locked |= regs;
    for (uint32_t m = g->used & regs; m != 0; m &= m - 1) {
        evict(g, __builtin_ctz(m));
    }
}

/* ---- calls and stores to env ---- */

void ra_before_call(Gen *g, bool snap)
{
    for (uint32_t m = g->used & ~CALLEE_SAVED; m != 0; m &= m - 1) {
        int reg = __builtin_ctz(m);
        const Val *v = &g->val[g->owner[reg]];

        if (v->last > g->i || (snap && v->last == g->i)) {
            save_reg(g, reg);
        }
    }
}

void ra_call_clobbers(Gen *g)
{
    for (uint32_t m = g->used & ~CALLEE_SAVED; m != 0; m &= m - 1) {
        drop_reg(g, __builtin_ctz(m));
    }
}

void ra_slot_changes(Gen *g, unsigned slot, TcgRef now)
{
    TcgRef r = g->slot_home[slot];
    Val *v;

    g->slot_home[slot] = TCG_REF_NONE;
    if (r == TCG_REF_NONE) {
        return;
    }
    v = &g->val[r];
    if (v->mem != MEM_SLOT || v->where != slot || v->last < g->i) {
        return;
    }
    if (!tcg_ref_is_const(now) && now != TCG_REF_NONE &&
        ra_canon(g, now) == r) {
        g->slot_home[slot] = r;
        return;
    }
    if (v->reg == NO_REG) {
        ra_use(g, r, NO_REG);
    }
    v->mem = MEM_NONE;
}

void ra_slot_home(Gen *g, unsigned slot, TcgRef r)
{
    Val *v = &g->val[r];

    if (v->mem == MEM_NONE && v->type == g->fe->slots[slot].type) {
        v->mem = MEM_SLOT;
        v->where = slot;
        g->slot_home[slot] = r;
    }
}

/* ---- snapshots ---- */

/* A value that only another slot holds, for which side tables have no word,
 * moves to a spill home. */
static void leave_other_slot(Gen *g, unsigned slot)
{
    TcgRef r = ra_snap_value(g, slot);
    Val *v;

    if (tcg_ref_is_const(r)) {
        return;
    }
    r = ra_canon(g, r);
    v = &g->val[r];
    if (v->reg != NO_REG || v->mem != MEM_SLOT || v->where == slot) {
        return;
    }
    x86_rm(&g->a, X86_MOV_RM, ra_wide(v->type), RAX, ra_mem(g, v));
    assign_spill(g, r);
    x86_rm(&g->a, X86_MOV_MR, 1, RAX, ra_mem(g, v));
}

static void add_loc(Gen *g, unsigned slot, TcgRef r)
{
    TcgSlotLoc l = { .slot = slot };

    if (tcg_ref_is_const(r)) {
        l.kind = TCG_LOC_CONST;
        l.value = tcg_ref_const(g->tb, r);
    } else {
        const Val *v = &g->val[ra_canon(g, r)];

        if (v->mem == MEM_SLOT && v->where == slot) {
            return;
        }
        if (v->reg != NO_REG) {
            l.kind = v->reg >= X0 ? TCG_LOC_VEC : TCG_LOC_GPR;
            l.n = v->reg & 15;
        } else if (v->mem == MEM_SPILL) {
            l.kind = TCG_LOC_SPILL;
            l.n = v->where;
        } else {
            assert(v->mem == MEM_SLOT);
            l.kind = LOC_OTHER_SLOT;
            l.n = v->where;
        }
    }
    g->locs[g->nlocs++] = l;
}

/* Those of the pinned slots in @set that are in their registers. */
static uint64_t pins_in_place(const Gen *g, uint64_t set)
{
    uint64_t found = 0;

    for (unsigned k = 0; k < g->npin; k++) {
        unsigned slot = g->pin[k].slot;
        int reg = g->pin[k].reg;
        TcgRef r;

        if ((set >> slot & 1) && (g->used >> reg & 1)) {
            r = ra_snap_value(g, slot);
            if (g->owner[reg] == r ||
                (!tcg_ref_is_const(r) && g->owner[reg] == ra_canon(g, r))) {
                found |= BIT(slot);
            }
        }
    }
    return found;
}

Locs ra_capture(Gen *g, unsigned snap, bool record)
{
    Locs l = { .snap = snap };
    TcgSlotSet set;

    tcg_snap_cursor_seek(&g->cursor, snap);
    for (unsigned w = 0; w < ARRAY_SIZE(set.w); w++) {
        set.w[w] = g->cursor.dirty.w[w] | g->carried_dirty.w[w];
    }
    l.in_place = pins_in_place(g, set.w[0]);
    set.w[0] &= ~l.in_place;
    if (g->nlocs + TCG_MAX_SLOTS > MAX_LOCS) {
        g->too_big = true;
        g->nlocs = 0;
    }
    l.first = g->nlocs;
    TCG_SLOTSET_FOREACH(&set, slot)
    {
        if (record) {
            leave_other_slot(g, slot);
        }
        add_loc(g, slot, ra_snap_value(g, slot));
    }
    l.n = g->nlocs - l.first;
    return l;
}

void ra_record(Gen *g, const Locs *l)
{
    const TcgSnap *s = &g->tb->snap[l->snap];

    if (g->a.overflow) {
        return; /* offsets start again from 0; the unit is given up */
    }
    tcg_side_record(&g->side, x86_offset(&g->a), s->pc, s->insn_index,
                    l->in_place, &g->locs[l->first], l->n);
    if (g->side.full) {
        g->too_big = true;
    }
}

/* ---- moves ---- */

/* Register to register first, cycles broken through scratch; then loads. */
void ra_parallel_move(Gen *g, Move *m, unsigned n, int gpr_temp)
{
    uint32_t left = bit_mask(n);

    while (left != 0) {
        uint32_t sources = 0, done = 0;

        for (uint32_t b = left; b != 0; b &= b - 1) {
            unsigned k = __builtin_ctz(b);

            sources |=
                m[k].src != NO_REG && m[k].src != m[k].dst ? 1u << m[k].src : 0;
        }
        for (uint32_t b = left; b != 0; b &= b - 1) {
            unsigned k = __builtin_ctz(b);

            if (!(sources >> m[k].dst & 1)) {
                if (m[k].src == NO_REG) {
                    ra_copy_to(g, m[k].r, m[k].dst);
                } else if (m[k].truncate) {
                    x86_rr(&g->a, X86_MOV_RM, 0, m[k].dst, m[k].src);
                } else {
                    x86_move(g, m[k].dst, m[k].src, true);
                }
                done |= 1u << k;
            }
        }
        if (done == 0) {
            unsigned k = __builtin_ctz(left);
            int tmp = m[k].src >= X0 ? X1 : gpr_temp;

            x86_move(g, tmp, m[k].src, true);
            m[k].src = tmp;
        }
        left &= ~done;
    }
}
