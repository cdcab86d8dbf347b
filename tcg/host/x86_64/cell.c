/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page cells (TCG.md 3.5, E3): a memory op in a loop that walks through memory
 * by steps remembers the page it met last, and its addend. The check is then
 * shorter than that of the soft TLB, and neither word depends on the address,
 * so the host need not wait for them. Cells are in env, next to the soft TLB
 * that fills and flushes them: a loop that runs again finds them filled.
 *
 * An op whose address comes from loaded data would change pages at random, and
 * each change is a branch that the host predicts wrong: it has no cell.
 */
#include "tandem/base.h"

#include "backend.h"

enum {
    DEPTH = 8,
    MAX_STEP = 64,   /* bytes: larger ones change pages too often */
    TABLE_BITS = 13, /* a table of this size lies in few pages */
    NEAR_BITS = 8,   /* distances that seldom lead to another page */
};

/* Bytes of the windows of each row of TcgTlb.cell. */
static const uint16_t row_span[TCG_CELL_SPANS] = {
    1, 2, 4, 8, 16, 64, 256, 512
};

static TcgRef at_edge(const Gen *g, unsigned slot)
{
    return tcg_slotset_has(&g->cursor.dirty, slot) ? g->cursor.map[slot]
                                                   : TCG_REF_NONE;
}

/* Is @r slot @slot plus or minus a little? */
static bool steps(const Gen *g, TcgRef r, unsigned slot, unsigned depth)
{
    const TcgInsn *in;
    int32_t by;

    if (tcg_ref_is_const(r) || depth == DEPTH) {
        return false;
    }
    in = &g->tb->insn[r];
    switch (in->op) {
    case TCG_OP_slot_get:
        return in->aux == slot;
    case TCG_OP_trunc:
    case TCG_OP_sext32:
    case TCG_OP_zext32:
        return steps(g, in->a, slot, depth + 1);
    case TCG_OP_add:
        return ra_imm32(g, in->b, &by) && by <= MAX_STEP && by >= -MAX_STEP &&
               steps(g, in->a, slot, depth + 1);
    default:
        return false;
    }
}

/* Does @r come from memory? */
static bool is_loaded(const Gen *g, TcgRef r, unsigned depth)
{
    const TcgInsn *in;

    if (tcg_ref_is_const(r) || depth == DEPTH) {
        return false;
    }
    in = &g->tb->insn[r];
    switch (in->op) {
    case TCG_OP_ld:
        return true;
    case TCG_OP_slot_get:
        return g->loaded_slot[in->aux];
    default:
        return (tcg_op_info[in->op].flags & TCG_OPF_PURE) &&
               tcg_insn_noperands(g->tb, r) >= 1 &&
               (is_loaded(g, in->a, depth + 1) ||
                (tcg_insn_noperands(g->tb, r) == 2 &&
                 is_loaded(g, in->b, depth + 1)));
    }
}

/* A bound of @r: it is less than 2 to the power of this. */
static unsigned bits_of(const Gen *g, TcgRef r, unsigned depth)
{
    const TcgInsn *in;
    unsigned all, a;

    if (tcg_ref_is_const(r) || depth == DEPTH) {
        return 64;
    }
    in = &g->tb->insn[r];
    all = in->type == TCG_I32 ? 32 : 64;
    switch (in->op) {
    case TCG_OP_setcc:
        return 1;
    case TCG_OP_zext8:
        return 8;
    case TCG_OP_zext16:
        return 16;
    case TCG_OP_ld:
        return in->aux & MO_SIGN ? all : MIN(8 * memop_size(in->aux), all);
    case TCG_OP_and:
        return !tcg_ref_is_const(in->b) || tcg_ref_const(g->tb, in->b) >> 31
                   ? all
                   : 64 - __builtin_clzll(tcg_ref_const(g->tb, in->b) | 1);
    case TCG_OP_trunc:
    case TCG_OP_zext32:
    case TCG_OP_sext32:
        a = bits_of(g, in->a, depth + 1);
        return a < 32 ? a : in->op == TCG_OP_sext32 ? all : 32;
    case TCG_OP_shl:
    case TCG_OP_shr:
        if (!tcg_ref_is_const(in->b)) {
            return all;
        }
        a = bits_of(g, in->a, depth + 1);
        return in->op == TCG_OP_shl
                   ? MIN(a + tcg_ref_const(g->tb, in->b), all)
                   : MIN(a, all) - MIN(tcg_ref_const(g->tb, in->b), a);
    default:
        return all;
    }
}

/* The pointer that @r is at a small distance from, itself without one. */
static TcgRef near_pointer(const Gen *g, TcgRef r, unsigned k)
{
    const TcgInsn *in;
    int32_t disp;

    r = group_root(g, r, &disp);
    if (tcg_ref_is_const(r)) {
        return TCG_REF_NONE;
    }
    in = &g->tb->insn[r];
    if (in->op == TCG_OP_add && !tcg_ref_is_const(in->arg[!k]) &&
        bits_of(g, in->arg[!k], 0) <= NEAR_BITS) {
        return tcg_ref_is_const(in->arg[k]) ? TCG_REF_NONE
                                            : group_root(g, in->arg[k], &disp);
    }
    return TCG_REF_NONE;
}

/* Of the first @n groups the last one based on what @r is near to, + 1. */
static unsigned near_group(const Gen *g, TcgRef r, unsigned n, unsigned mmu)
{
    TcgRef a = near_pointer(g, r, 0), b = near_pointer(g, r, 1);

    if (a == TCG_REF_NONE && b == TCG_REF_NONE) {
        return 0;
    }
    for (unsigned k = n; k > 0; k--) {
        TcgRef root = g->group[k - 1].root;

        if ((root == a || root == b) && root != TCG_REF_NONE &&
            g->group[k - 1].mmu == mmu) {
            return k;
        }
    }
    return 0;
}

/*
 * A tree's walk computes addresses from data (which child) and from a pointer
 * that it looked through just before. The page is the same, nearly always: the
 * earlier check's addend is the later one's guess.
 */
static void find_near(Gen *g)
{
    for (unsigned k = 0; k < g->ngroup; k++) {
        Group *q = &g->group[k];
        const TcgInsn *in;

        q->near = 0;
        if (tcg_ref_is_const(q->root)) {
            continue;
        }
        in = &g->tb->insn[q->root];
        if (in->op == TCG_OP_add) {
            q->near = near_group(g, q->root, k, q->mmu);
        } else if (in->op == TCG_OP_slot_get && g->cells &&
                   at_edge(g, in->aux) != TCG_REF_NONE) {
            q->near = near_group(g, at_edge(g, in->aux), g->ngroup, q->mmu);
        }
    }
    for (unsigned k = 0; k < g->ngroup; k++) {
        if (g->group[k].near != 0) {
            g->group[g->group[k].near - 1].tells = true;
        }
    }
}

/* The load at the end of a table of jumps or functions, if one is there. */
static uint32_t find_jump_load(const Gen *g)
{
    const TcgBlock *tb = g->tb;
    TcgRef r = TCG_REF_NONE;

    for (uint32_t i = 0; i < tb->n; i = tcg_insn_next(tb, i)) {
        if (tb->insn[i].op == TCG_OP_exit_ind) {
            r = tb->insn[i].a;
        }
    }
    for (unsigned depth = 0;
         r != TCG_REF_NONE && !tcg_ref_is_const(r) && depth < DEPTH; depth++) {
        const TcgInsn *in = &tb->insn[r];

        switch (in->op) {
        case TCG_OP_ld:
            return r;
        case TCG_OP_and:
        case TCG_OP_sext32:
            r = in->a;
            break;
        case TCG_OP_add:
            r = !tcg_ref_is_const(in->a) && is_loaded(g, in->a, 0) ? in->a
                                                                   : in->b;
            break;
        default:
            return 0;
        }
    }
    return 0;
}

void cell_begin(Gen *g)
{
    const TcgBlock *tb = g->tb;
    unsigned edge = 0;

    g->cells = false;
    memset(g->loaded_slot, 0, sizeof(g->loaded_slot));
    g->jump_load = find_jump_load(g);
    if (!ra_own_loop(tb)) {
        find_near(g);
        return;
    }
    g->cells = true;
    memset(&g->strided, 0xff, sizeof(g->strided));
    while (tb->exit[edge].kind != TCG_EXIT_LOOP) {
        edge++;
    }
    tcg_snap_cursor_seek(&g->cursor, tb->exit[edge].snap);
    TCG_SLOTSET_FOREACH(&g->cursor.dirty, slot)
    {
        if (!steps(g, at_edge(g, slot), slot, 0)) {
            tcg_slotset_del(&g->strided, slot);
        }
        g->loaded_slot[slot] = is_loaded(g, at_edge(g, slot), 0);
    }
    find_near(g);
    tcg_snap_cursor_init(&g->cursor, tb);
}

static bool is_strided(const Gen *g, TcgRef r, unsigned depth)
{
    const TcgInsn *in;

    if (tcg_ref_is_const(r)) {
        return true;
    }
    if (depth == DEPTH) {
        return false;
    }
    in = &g->tb->insn[r];
    switch (in->op) {
    case TCG_OP_slot_get:
        return tcg_slotset_has(&g->strided, in->aux);
    case TCG_OP_add:
    case TCG_OP_sub:
    case TCG_OP_and:
    case TCG_OP_shl:
        return is_strided(g, in->a, depth + 1) &&
               is_strided(g, in->b, depth + 1);
    case TCG_OP_trunc:
    case TCG_OP_sext32:
    case TCG_OP_zext32:
        return is_strided(g, in->a, depth + 1);
    default:
        return false;
    }
}

/* A place in a small table, picked by loaded data. */
static bool is_look_up(const Gen *g, TcgRef r)
{
    const TcgInsn *in;

    if (tcg_ref_is_const(r)) {
        return false;
    }
    in = &g->tb->insn[r];
    if (in->op != TCG_OP_add) {
        return false;
    }
    for (unsigned k = 0; k < 2; k++) {
        if (bits_of(g, in->arg[k], 0) <= TABLE_BITS &&
            is_loaded(g, in->arg[k], 0) && !is_loaded(g, in->arg[!k], 0)) {
            return true;
        }
    }
    return false;
}

static const Group *own_group(const Gen *g)
{
    unsigned k = g->val[g->i].group;

    return k != 0 ? &g->group[k - 1] : NULL;
}

bool spec_wanted(const Gen *g, TcgRef root)
{
    const Group *q = own_group(g);

    return !(g->ctx->cfg.flags & TCG_NO_SPEC) &&
           ((q != NULL && q->near != 0) || g->i == g->jump_load ||
            (g->cells && is_look_up(g, root)));
}

bool spec_tells(const Gen *g)
{
    const Group *q = own_group(g);

    return q != NULL && q->tells;
}

int32_t spec_offset(const Gen *g)
{
    const Group *q = own_group(g);
    uint32_t at =
        q != NULL && q->near != 0 ? g->group[q->near - 1].leader : g->i;
    uint64_t key = (g->tb->pc + at) * UINT64_C(0x9e3779b97f4a7c15);

    return TCG_HOT_OFF(spec_site) + 8 * (key >> 58);
}

bool cell_wanted(const Gen *g, TcgRef root)
{
    return g->cells && !(g->ctx->cfg.flags & TCG_NO_CELLS) &&
           is_strided(g, root, 0);
}

static unsigned row_of(unsigned span)
{
    unsigned row = 0;

    while (row_span[row] < span) {
        row++;
    }
    return row;
}

unsigned cell_span(unsigned span)
{
    return row_span[row_of(span)];
}

int32_t cell_offset(const Gen *g, unsigned mmu, unsigned span, bool write)
{
    unsigned row = row_of(span);
    uint64_t key = (g->tb->pc + g->i) * UINT64_C(0x9e3779b97f4a7c15);

    return TCG_HOT_OFF(tlb) + mmu * sizeof(TcgTlb) +
           offsetof(TcgTlb, cell[write][row][key >> 61]);
}
