/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots in registers at a unit's head, at its own loop's edge, and between
 * units.
 *
 * Between units the pinned slots (TcgFrontend.pinned, as many as there are
 * registers in carry_gpr) are in fixed registers and env is stale; all other
 * slots are in env (TCG.md 3.2). A unit carries a pinned slot in its register,
 * or parks it: stores it to env on entry and loads it on leaving. It parks
 * those that helpers look at, and in a loop those that it does not use when
 * their registers serve better there. What enters and leaves emitted code
 * loads and stores all of them: thunk.c.
 */
#include "tandem/base.h"

#include "backend.h"

/* Registers that pinned and carried slots get, in this order; the rest are for
 * values. */
static const uint8_t carry_gpr[] = { RBX, R12, R13, R14, R15,
                                     R8,  R9,  R10, R11, RDI };
static const uint8_t carry_vec[] = { X0 + 8,  X0 + 9,  X0 + 10, X0 + 11,
                                     X0 + 12, X0 + 13, X0 + 14, X0 + 15 };

static_assert(ARRAY_SIZE(carry_gpr) == MAX_PINS, "one for each");

unsigned x86_pins(const TcgContext *ctx, X86Pin pin[MAX_PINS])
{
    const TcgFrontend *fe = tcg_context_frontend(ctx);
    unsigned n = 0;

    if (tcg_context_config(ctx)->flags & TCG_NO_PIN) {
        return 0;
    }
    for (unsigned k = 0; k < fe->npinned && n < MAX_PINS; k++) {
        if (fe->slots[fe->pinned[k]].type == TCG_I64 && fe->pinned[k] < 64) {
            pin[n] = (X86Pin){ fe->pinned[k], carry_gpr[n] };
            n++;
        }
    }
    return n;
}

void carry_init(Gen *g)
{
    TcgSlotLoc base[MAX_PINS] = { 0 };

    g->npin = x86_pins(g->ctx, g->pin);
    memset(g->pin_reg, NO_REG, sizeof(g->pin_reg));
    memset(&g->pinned, 0, sizeof(g->pinned));
    g->pin_regs = 0;
    for (unsigned k = 0; k < g->npin; k++) {
        g->pin_reg[g->pin[k].slot] = g->pin[k].reg;
        tcg_slotset_add(&g->pinned, g->pin[k].slot);
        g->pin_regs |= 1u << g->pin[k].reg;
        base[k] = (TcgSlotLoc){ .slot = g->pin[k].slot,
                                .kind = TCG_LOC_GPR,
                                .n = g->pin[k].reg };
    }
    tcg_side_base(&g->pin_base, base, g->npin);
}

/* ---- what to carry ---- */

bool ra_own_loop(const TcgBlock *tb)
{
    for (unsigned i = 0; i < tb->nexit; i++) {
        if (tb->exit[i].kind == TCG_EXIT_LOOP) {
            return true;
        }
    }
    return false;
}

/* What a unit does with its slots. */
typedef struct Use {
    TcgSlotSet fixed; /* their env copy changes or is looked at inside */
    TcgSlotSet read;  /* by value */
} Use;

/* Slots that helpers look at or change in env; false: all of them. */
static bool find_helper_slots(const TcgBlock *tb, TcgSlotSet *fixed)
{
    for (unsigned i = 0; i < tb->nhelper; i++) {
        const TcgHelper *h = tb->helper[i];

        if (!(h->flags & TCG_H_PURE) &&
            (h->reads == NULL || h->writes == NULL)) {
            return false; /* everything */
        }
        for (unsigned w = 0; w < ARRAY_SIZE(fixed->w); w++) {
            fixed->w[w] |= h->reads != NULL ? h->reads->w[w] : 0;
            fixed->w[w] |= h->writes != NULL ? h->writes->w[w] : 0;
        }
    }
    return true;
}

/* Fill @use; Gen.snap_last[s] is the last insn with a snapshot number of at
 * most s. */
static void find_use(Gen *g, Use *use)
{
    const TcgBlock *tb = g->tb;

    memset(g->snap_last, 0, tb->nsnap * sizeof(g->snap_last[0]));
    for (uint32_t i = 0; i < tb->n; i = tcg_insn_next(tb, i)) {
        const TcgInsn *in = &tb->insn[i];

        if (in->op == TCG_OP_slot_get) {
            tcg_slotset_add(&use->read, in->aux);
        } else if (in->op == TCG_OP_slot_st) {
            tcg_slotset_add(&use->fixed, in->aux);
        } else if (tcg_insn_has_snap(tb, i)) {
            g->snap_last[tb->snap_of[i]] = i;
        }
    }
    for (unsigned s = 1; s < tb->nsnap; s++) {
        g->snap_last[s] = MAX(g->snap_last[s], g->snap_last[s - 1]);
    }
    for (unsigned i = 0; i < tb->ndelta; i++) {
        if (tb->delta[i].now == TCG_REF_ENV) {
            tcg_slotset_add(&use->fixed, tb->delta[i].slot);
        }
    }
}

static void carry_candidate(Gen *g, const TcgSlotSet *fixed, unsigned slot)
{
    TcgType t = g->fe->slots[slot].type;
    unsigned k = g->ncarried;

    if (tcg_slotset_has(&g->carried_set, slot) ||
        tcg_slotset_has(fixed, slot) || k == MAX_CARRIED ||
        !(tcg_type_is_fp(t) || tcg_type_is_int(t))) {
        return;
    }
    g->carried[k].slot = slot;
    g->carried[k].reg = NO_REG;
    g->carried_of[slot] = g->tb->n + k;
    g->val[g->tb->n + k] =
        (Val){ 0, TCG_REF_NONE, 0, NO_REG, NO_REG, MEM_NONE, t, 0 };
    tcg_slotset_add(&g->carried_set, slot);
    g->ncarried++;
}

/* How long the values that carried slots have at the head are needed: by
 * snapshots up to the slot's first change; to the end without one. */
static void carried_lifetimes(Gen *g, const TcgSlotSet *read)
{
    const TcgBlock *tb = g->tb;
    TcgSlotSet changed = { 0 };
    int first_change[MAX_CARRIED];

    for (int s = tb->nsnap - 1; s >= 0; s--) {
        for (unsigned d = 0; d < tb->snap[s].n; d++) {
            unsigned slot = tb->delta[tb->snap[s].first + d].slot;

            if (tcg_slotset_has(&g->carried_set, slot)) {
                tcg_slotset_add(&changed, slot);
                first_change[g->carried_of[slot] - tb->n] = s;
            }
        }
    }
    for (unsigned k = 0; k < g->ncarried; k++) {
        unsigned slot = g->carried[k].slot;
        uint32_t last = UINT32_MAX;

        if (tcg_slotset_has(&changed, slot)) {
            last = first_change[k] > 0 ? g->snap_last[first_change[k] - 1] : 0;
            last = MAX(last, (uint32_t)tcg_slotset_has(read, slot));
        }
        g->val[tb->n + k].last = last;
    }
    for (unsigned w = 0; w < ARRAY_SIZE(changed.w); w++) {
        g->carried_dirty.w[w] =
            changed.w[w] | (g->carried_set.w[w] & g->pinned.w[w]);
    }
}

/* How many integer values before insn @end live at once: an estimate, before
 * anything is folded, of at most 12. */
static unsigned pressure(const Gen *g, uint32_t end)
{
    const TcgBlock *tb = g->tb;
    uint32_t last[12];
    unsigned n = 0, most = 0;

    for (uint32_t i = 0; i < end; i = tcg_insn_next(tb, i)) {
        unsigned left = 0;

        for (unsigned k = 0; k < n; k++) {
            if (last[k] > i) {
                last[left++] = last[k];
            }
        }
        n = left;
        if (tb->uses[i] != 0 && tcg_type_is_int(tb->insn[i].type) &&
            tb->insn[i].op != TCG_OP_slot_get) {
            if (n == ARRAY_SIZE(last)) {
                return n;
            }
            last[n++] = tb->last_use[i];
            most = MAX(most, n);
        }
    }
    return most;
}

static bool is_pinned(const Gen *g, unsigned k)
{
    return tcg_slotset_has(&g->pinned, g->carried[k].slot);
}

static void do_not_carry(Gen *g, unsigned k)
{
    tcg_slotset_del(&g->carried_set, g->carried[k].slot);
    tcg_slotset_del(&g->carried_dirty, g->carried[k].slot);
}

static void give_register(Gen *g, unsigned k, int reg)
{
    g->carried[k].reg = reg;
    g->val[g->tb->n + k].hint = reg;
}

/* Is the value that carried[@k] has at the head needed at all? A changed slot
 * whose is not just need not be stored on the way round. */
static bool needed(const Gen *g, unsigned k)
{
    return g->val[g->tb->n + k].last != 0;
}

/* Pinned slots: those in carried[] below @nused have their registers, the
 * others as long as @room is left. Returns the registers in use. */
static uint32_t pinned_registers(Gen *g, unsigned nused, int room)
{
    uint32_t taken = 0;

    for (unsigned k = 0; k < g->ncarried; k++) {
        int reg = g->pin_reg[g->carried[k].slot];

        if (!is_pinned(g, k)) {
            continue;
        }
        if (k >= nused && room-- <= 0) {
            do_not_carry(g, k);
            continue;
        }
        taken |= 1u << reg;
        if (needed(g, k)) {
            give_register(g, k, reg);
        } else {
            g->val[g->tb->n + k].hint = reg;
        }
    }
    return taken;
}

/* Slots that are not pinned: registers that are left, while they last. */
static void other_registers(Gen *g, uint32_t taken)
{
    unsigned nvec = 0;

    for (unsigned k = 0; k < g->ncarried; k++) {
        bool fp = tcg_type_is_fp(g->fe->slots[g->carried[k].slot].type);
        unsigned n = 0;

        if (is_pinned(g, k) || !needed(g, k)) {
            continue;
        }
        while (!fp && n < ARRAY_SIZE(carry_gpr) && taken >> carry_gpr[n] & 1) {
            n++;
        }
        n = fp ? nvec++ : n;
        if (n >= (fp ? ARRAY_SIZE(carry_vec) : ARRAY_SIZE(carry_gpr))) {
            do_not_carry(g, k);
        } else {
            give_register(g, k, (fp ? carry_vec : carry_gpr)[n]);
            taken |= 1u << g->carried[k].reg;
        }
    }
}

/* Registers that a loop up to insn @end leaves for pinned slots which it does
 * not use: carried[@nused] and on. */
static int room_for_unused(const Gen *g, unsigned nused, uint32_t end)
{
    int room = __builtin_popcount(GPR_ALLOC) - 1 - (int)pressure(g, end);

    for (unsigned k = 0; k < nused; k++) {
        room -= tcg_type_is_int(g->fe->slots[g->carried[k].slot].type) &&
                (is_pinned(g, k) || needed(g, k));
    }
    return room;
}

/* The unit's last jump to its head; what follows is no part of the loop. */
static const TcgExit *last_edge(const TcgBlock *tb)
{
    const TcgExit *e = &tb->exit[tb->nexit];

    while ((--e)->kind != TCG_EXIT_LOOP) {
    }
    return e;
}

/* What a unit that jumps to its own head uses: the slots it reads, then those
 * it writes. Returns the end of the loop. */
static uint32_t loop_candidates(Gen *g, const TcgSlotSet *fixed)
{
    const TcgBlock *tb = g->tb;
    const TcgExit *edge = last_edge(tb);
    unsigned ndelta = tb->snap[edge->snap].first + tb->snap[edge->snap].n;

    for (unsigned i = 0; i < edge->insn; i = tcg_insn_next(tb, i)) {
        if (tb->insn[i].op == TCG_OP_slot_get) {
            carry_candidate(g, fixed, tb->insn[i].aux);
        }
    }
    for (unsigned i = 0; i < ndelta; i++) {
        carry_candidate(g, fixed, tb->delta[i].slot);
    }
    return edge->insn;
}

void carry_choose(Gen *g)
{
    bool loop = ra_own_loop(g->tb);
    Use use = { 0 };
    uint32_t end = 0, taken;
    unsigned nused;

    g->ncarried = 0;
    memset(&g->carried_set, 0, sizeof(g->carried_set));
    memset(&g->carried_dirty, 0, sizeof(g->carried_dirty));
    if ((!loop && g->npin == 0) || !find_helper_slots(g->tb, &use.fixed)) {
        return;
    }
    find_use(g, &use);
    if (loop) {
        end = loop_candidates(g, &use.fixed);
    }
    nused = g->ncarried;
    for (unsigned k = 0; k < g->npin; k++) {
        carry_candidate(g, &use.fixed, g->pin[k].slot);
    }
    carried_lifetimes(g, &use.read);
    taken = pinned_registers(g, nused,
                             loop ? room_for_unused(g, nused, end) : MAX_PINS);
    other_registers(g, taken);
}

/* A value put into a carried slot had best be computed in its register. */
void carry_hints(Gen *g)
{
    const TcgBlock *tb = g->tb;

    for (unsigned i = 0; g->ncarried != 0 && i < tb->ndelta; i++) {
        const TcgSnapDelta *d = &tb->delta[i];

        if (tcg_slotset_has(&g->carried_set, d->slot) &&
            !tcg_ref_is_const(d->now) && d->now < tb->n) {
            g->val[ra_canon(g, d->now)].hint =
                g->val[g->carried_of[d->slot]].hint;
        }
    }
}

/* ---- entry ---- */

static X86Mem slot_mem(const Gen *g, unsigned slot)
{
    return x86_mem(RBP, g->fe->slots[slot].offset);
}

static void park(Gen *g)
{
    for (unsigned k = 0; k < g->npin; k++) {
        if (!tcg_slotset_has(&g->carried_set, g->pin[k].slot)) {
            x86_rm(&g->a, X86_MOV_MR, 1, g->pin[k].reg,
                   slot_mem(g, g->pin[k].slot));
        }
    }
}

void carry_enter(Gen *g)
{
    park(g);
    for (unsigned k = 0; k < g->ncarried; k++) {
        if (g->carried[k].reg != NO_REG) {
            ra_at_head(g, g->tb->n + k, g->carried[k].slot, g->carried[k].reg,
                       is_pinned(g, k));
        }
    }
}

/* ---- leaving ---- */

static void store_const(Gen *g, X86Mem m, bool wide, uint64_t v)
{
    if (!wide || (int64_t)v == (int32_t)v) {
        x86_mi32(&g->a, X86_MOV_I, wide, m, v);
    } else {
        x86_mov_imm(&g->a, RAX, v, false);
        x86_rm(&g->a, X86_MOV_MR, 1, RAX, m);
    }
}

static X86Mem spill_mem(unsigned n)
{
    return x86_mem(RBP, TCG_HOT_OFF(spill) + 8 * n);
}

static void store_loc(Gen *g, const TcgSlotLoc *l)
{
    bool wide = ra_wide(g->fe->slots[l->slot].type);
    X86Mem m = slot_mem(g, l->slot);

    switch (l->kind) {
    case TCG_LOC_GPR:
        x86_rm(&g->a, X86_MOV_MR, wide, l->n, m);
        break;
    case TCG_LOC_VEC:
        x86_rm(&g->a, wide ? X86_MOVSD_MX : X86_MOVSS_MX, 0, l->n, m);
        break;
    case TCG_LOC_SPILL:
        x86_rm(&g->a, X86_MOV_RM, wide, RAX, spill_mem(l->n));
        x86_rm(&g->a, X86_MOV_MR, wide, RAX, m);
        break;
    case TCG_LOC_CONST:
        store_const(g, m, wide, l->value);
        break;
    default:
        break;
    }
}

/* Slots whose new value is in other slots: read all before any is written. */
static void read_other_slots(Gen *g, const TcgSlotLoc *l, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        if (l[k].kind == LOC_OTHER_SLOT) {
            x86_rm(&g->a, X86_MOV_RM, ra_wide(g->fe->slots[l[k].n].type), RAX,
                   slot_mem(g, l[k].n));
            x86_push(&g->a, RAX);
        }
    }
}

static void write_other_slots(Gen *g, const TcgSlotLoc *l, unsigned n)
{
    for (unsigned k = n; k-- > 0;) {
        if (l[k].kind != LOC_OTHER_SLOT) {
            continue;
        }
        if (g->pin_reg[l[k].slot] != NO_REG) {
            x86_pop(&g->a, g->pin_reg[l[k].slot]);
            continue;
        }
        x86_pop(&g->a, RCX);
        x86_rm(&g->a, X86_MOV_MR, ra_wide(g->fe->slots[l[k].slot].type), RCX,
               slot_mem(g, l[k].slot));
    }
}

/* Pinned slots that are in other registers, and @target to rax. */
static void move_pinned(Gen *g, const TcgSlotLoc *l, unsigned n, int target)
{
    Move m[MAX_PINS + 1];
    unsigned moves = 0;

    for (unsigned k = 0; k < n; k++) {
        int to = g->pin_reg[l[k].slot];

        if (to != NO_REG && l[k].kind == TCG_LOC_GPR) {
            m[moves++] = (Move){ to, l[k].n, false, TCG_REF_NONE };
        }
    }
    if (target != NO_REG) {
        m[moves++] = (Move){ RAX, target, false, TCG_REF_NONE };
    }
    ra_parallel_move(g, m, moves, RCX);
}

/* Pinned slots that are in memory, or known. */
static void load_pinned(Gen *g, const TcgSlotLoc *l, unsigned n,
                        uint64_t in_place)
{
    TcgSlotSet parked = g->pinned;

    parked.w[0] &= ~in_place;
    for (unsigned k = 0; k < n; k++) {
        int to = g->pin_reg[l[k].slot];

        tcg_slotset_del(&parked, l[k].slot);
        if (to != NO_REG && l[k].kind == TCG_LOC_SPILL) {
            x86_rm(&g->a, X86_MOV_RM, 1, to, spill_mem(l[k].n));
        } else if (to != NO_REG && l[k].kind == TCG_LOC_CONST) {
            x86_mov_imm(&g->a, to, l[k].value, true);
        }
    }
    TCG_SLOTSET_FOREACH(&parked, slot)
    {
        x86_rm(&g->a, X86_MOV_RM, 1, g->pin_reg[slot], slot_mem(g, slot));
    }
}

/* For `info jit`. */
static void count_moves(Gen *g, const Locs *l)
{
    unsigned moves = g->npin - __builtin_popcountll(l->in_place);

    g->ctx->count.pin_moves += moves;
    g->ctx->count.pin_exits += g->npin != 0 && moves == 0;
}

void carry_leave(Gen *g, const Locs *l, int target)
{
    const TcgSlotLoc *loc = &g->locs[l->first];

    read_other_slots(g, loc, l->n);
    for (unsigned k = 0; k < l->n; k++) {
        if (g->pin_reg[loc[k].slot] == NO_REG) {
            store_loc(g, &loc[k]);
        }
    }
    count_moves(g, l);
    move_pinned(g, loc, l->n, target);
    write_other_slots(g, loc, l->n);
    load_pinned(g, loc, l->n, l->in_place);
}

bool carry_in_place(const Gen *g, const Locs *l)
{
    return l->n == 0 && l->in_place == g->pinned.w[0];
}

/* ---- the unit's own loop ---- */

void carry_round(Gen *g, const Locs *l)
{
    const TcgSlotLoc *loc = &g->locs[l->first];
    Move m[MAX_CARRIED];
    unsigned n = 0;

    for (unsigned k = 0; k < l->n; k++) {
        if (!tcg_slotset_has(&g->carried_set, loc[k].slot)) {
            assert(loc[k].kind != LOC_OTHER_SLOT); /* captured for a record */
            store_loc(g, &loc[k]);
        }
    }
    for (unsigned k = 0; k < g->npin; k++) { /* parked, and changed */
        unsigned slot = g->pin[k].slot;

        if (l->in_place >> slot & 1 &&
            !tcg_slotset_has(&g->carried_set, slot)) {
            x86_rm(&g->a, X86_MOV_MR, 1, g->pin[k].reg, slot_mem(g, slot));
        }
    }
    tcg_snap_cursor_seek(&g->cursor, l->snap);
    for (unsigned k = 0; k < g->ncarried; k++) {
        unsigned slot = g->carried[k].slot;
        bool narrow = !ra_wide(g->fe->slots[slot].type);
        TcgRef r = ra_snap_value(g, slot);
        const Val *v = tcg_ref_is_const(r) ? NULL : &g->val[ra_canon(g, r)];

        if (g->carried[k].reg != NO_REG) {
            m[n++] = (Move){ g->carried[k].reg, v != NULL ? v->reg : NO_REG,
                             narrow && v != NULL && ra_wide(v->type), r };
        }
    }
    ra_parallel_move(g, m, n, RCX);
}
