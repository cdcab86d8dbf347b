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

static void add_use(TcgBlock *tb, TcgRef ref, unsigned at)
{
    if (tcg_ref_is_const(ref) || ref >= tb->n) {
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

/*
 * Liveness and dead code in one backward walk. A snapshot uses the values it
 * names. Of a delta chain: the values of the last snapshot's map are used at
 * its last op, and what a delta replaces (`old`) was in use up to the last op
 * of the snapshot before; so each is counted once, where its use ends.
 */
void tcg_pass_liveness(TcgBlock *tb)
{
    TcgSnapCursor cur;
    int snap = tb->nsnap;

    memset(tb->uses, 0, tb->n * sizeof(*tb->uses));
    tcg_snap_cursor_init(&cur, tb);
    tcg_snap_cursor_seek(&cur, (int)tb->nsnap - 1);
    for (unsigned i = tb->n; i-- > 0;) {
        const TcgInsn *in = &tb->insn[i];
        unsigned nops;

        if (in->op == TCG_OP_args || in->op == TCG_OP_nop) {
            continue;
        }
        if (tcg_insn_has_snap(tb, i) && tb->snap_of[i] < snap) {
            if (snap == (int)tb->nsnap) {
                TCG_SLOTSET_FOREACH(&cur.dirty, slot)
                {
                    add_use(tb, cur.map[slot], i);
                }
            } else {
                /* snapshots in between had ops that are gone: none are */
                for (int s = tb->snap_of[i] + 1; s <= snap; s++) {
                    for (unsigned d = 0; d < tb->snap[s].n; d++) {
                        add_use(tb, tb->delta[tb->snap[s].first + d].old, i);
                    }
                }
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
