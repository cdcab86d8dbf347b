/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The passes of tcg_block_finish(). Linear, no allocation.
 */
#include "tandem/base.h"

#include "tcg/internal.h"

static void make_nop(TcgBlock *tb, unsigned i)
{
    unsigned end = tcg_insn_next(tb, i);

    for (; i < end; i++) {
        tb->insn[i] = (TcgInsn){ .op = TCG_OP_nop,
                                 .a = TCG_REF_NONE,
                                 .b = TCG_REF_NONE,
                                 .c = TCG_REF_NONE };
    }
    tb->ctx->count.dead_ops++;
}

/*
 * Dead state: a slot_st that another one to the same slot overtakes before
 * anything could have looked at env, which is what a call, a fault, an exit or
 * a slot_get does. Backward; `over` holds the slots that will be overwritten.
 */
void tcg_pass_dead_state(TcgBlock *tb)
{
    TcgSlotSet over = { { 0 } };

    if (!tb->has_slot_st) {
        return;
    }
    for (unsigned i = tb->n; i-- > 0;) {
        TcgInsn *in = &tb->insn[i];

        switch (in->op) {
        case TCG_OP_slot_st:
            if (tcg_slotset_has(&over, in->aux)) {
                make_nop(tb, i);
            } else {
                tcg_slotset_add(&over, in->aux);
            }
            break;
        case TCG_OP_slot_get:
            tcg_slotset_del(&over, in->aux);
            break;
        case TCG_OP_call:
            memset(&over, 0, sizeof(over));
            break;
        default:
            if (tcg_op_info[in->op].flags & TCG_OPF_SNAP) {
                memset(&over, 0, sizeof(over));
            }
            break;
        }
    }
}

static inline void add_use(TcgBlock *tb, TcgRef ref, unsigned at)
{
    if (ref >= tb->n) {
        return; /* constant, none, or "in env" */
    }
    if (tb->uses[ref] == 0) {
        tb->last_use[ref] = at;
    }
    if (tb->uses[ref] != UINT8_MAX) {
        tb->uses[ref]++;
    }
}

/* May the insn go when nobody uses its value? */
static bool droppable(const TcgBlock *tb, const TcgInsn *in)
{
    if (in->op == TCG_OP_call) {
        return (tb->helper[in->aux]->flags & TCG_H_PURE) != 0;
    }
    return !(tcg_op_info[in->op].flags & (TCG_OPF_KEEP | TCG_OPF_META));
}

/* The map of the last snapshot: for each slot what its last delta says. */
static void use_last_snap(TcgBlock *tb, unsigned at)
{
    TcgSlotSet seen = { { 0 } };

    for (unsigned i = tb->ndelta; i-- > 0;) {
        const TcgSnapDelta *d = &tb->delta[i];

        if (!tcg_slotset_has(&seen, d->slot)) {
            tcg_slotset_add(&seen, d->slot);
            add_use(tb, d->now, at);
        }
    }
}

/* What snapshot @snap replaced was in use up to the op @at before it. */
static void use_replaced(TcgBlock *tb, const TcgSnap *snap, unsigned at)
{
    const TcgSnapDelta *d = &tb->delta[snap->first];

    for (unsigned n = snap->n; n > 0; n--, d++) {
        add_use(tb, d->old, at);
    }
}

/*
 * Liveness and dead code in one backward walk. A snapshot uses the values it
 * names. Of a delta chain: the values of the last snapshot's map are used at
 * its last op, and what a delta replaces (`old`) was in use up to the last op
 * of the snapshot before; so each is counted once, where its use ends. Every
 * snapshot has an op, as ops that carry one are never dropped.
 */
void tcg_pass_liveness(TcgBlock *tb)
{
    unsigned snap = tb->nsnap; /* the one met last, going backward */

    memset(tb->uses, 0, tb->n * sizeof(*tb->uses));
    for (unsigned i = tb->n; i-- > 0;) {
        const TcgInsn *in = &tb->insn[i];
        unsigned nops;

        if (tcg_op_info[in->op].flags & TCG_OPF_META) {
            continue;
        }
        if (tcg_insn_has_snap(tb, i) && tb->snap_of[i] < snap) {
            if (snap == tb->nsnap) {
                use_last_snap(tb, i);
            } else {
                use_replaced(tb, &tb->snap[snap], i);
            }
            snap = tb->snap_of[i];
        }
        if (tb->uses[i] == 0 && droppable(tb, in)) {
            make_nop(tb, i);
            continue;
        }
        nops = tcg_insn_noperands(tb, i);
        for (unsigned k = 0; k < nops; k++) {
            add_use(tb, tcg_insn_operand(tb, i, k), i);
        }
    }
}
