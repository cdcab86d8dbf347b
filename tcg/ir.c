/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IR's tables and small functions: op descriptions, conditions, operand
 * counts, the snapshot cursor.
 */
#include "tandem/base.h"

#include "tcg/ir.h"
#include "tcg/helper.h"

const TcgOpInfo tcg_op_info[TCG_OP_COUNT] = {
#define TCG_OP(name, out, in, nconst, flags, sig)                              \
    [TCG_OP_##name] = { #name, out, in, nconst, flags, sig },
#include "tcg/ops.def"
#undef TCG_OP
};

const TcgSlotSet tcg_slots_none;
const TcgSlotSet tcg_slots_all = { { UINT64_MAX, UINT64_MAX } };

TcgCond tcg_cond_swap(TcgCond c)
{
    static const uint8_t swapped[TCG_COND_COUNT] = {
        [TCG_EQ] = TCG_EQ,   [TCG_NE] = TCG_NE,       [TCG_LT] = TCG_GT,
        [TCG_GT] = TCG_LT,   [TCG_LE] = TCG_GE,       [TCG_GE] = TCG_LE,
        [TCG_LTU] = TCG_GTU, [TCG_GTU] = TCG_LTU,     [TCG_LEU] = TCG_GEU,
        [TCG_GEU] = TCG_LEU, [TCG_TSTEQ] = TCG_TSTEQ, [TCG_TSTNE] = TCG_TSTNE,
    };

    return (TcgCond)swapped[c];
}

bool tcg_cond_eval(TcgCond c, TcgType type, uint64_t x, uint64_t y)
{
    int64_t sx, sy;

    if (type == TCG_I32) {
        x = (uint32_t)x;
        y = (uint32_t)y;
        sx = (int32_t)x;
        sy = (int32_t)y;
    } else {
        sx = (int64_t)x;
        sy = (int64_t)y;
    }
    switch (c) {
    case TCG_EQ:
        return x == y;
    case TCG_NE:
        return x != y;
    case TCG_LT:
        return sx < sy;
    case TCG_GE:
        return sx >= sy;
    case TCG_LE:
        return sx <= sy;
    case TCG_GT:
        return sx > sy;
    case TCG_LTU:
        return x < y;
    case TCG_GEU:
        return x >= y;
    case TCG_LEU:
        return x <= y;
    case TCG_GTU:
        return x > y;
    case TCG_TSTEQ:
        return (x & y) == 0;
    case TCG_TSTNE:
        return (x & y) != 0;
    default:
        g_assert_not_reached();
    }
}

unsigned tcg_call_noperands(const TcgBlock *tb, unsigned i)
{
    return tb->helper[tb->insn[i].aux]->nargs;
}

bool tcg_call_has_snap(const TcgBlock *tb, unsigned i)
{
    return tcg_helper_may_fault(tb->helper[tb->insn[i].aux]);
}

void tcg_snap_cursor_init(TcgSnapCursor *c, const TcgBlock *tb)
{
    static const TcgRef all_env[TCG_MAX_SLOTS] = {
        [0 ... TCG_MAX_SLOTS - 1] = TCG_REF_ENV,
    };

    c->tb = tb;
    c->at = -1;
    memset(&c->dirty, 0, sizeof(c->dirty));
    memcpy(c->map, all_env, tb->fe->nslots * sizeof(c->map[0]));
}

static void cursor_set(TcgSnapCursor *c, unsigned slot, TcgRef ref)
{
    c->map[slot] = ref;
    if (ref == TCG_REF_ENV) {
        tcg_slotset_del(&c->dirty, slot);
    } else {
        tcg_slotset_add(&c->dirty, slot);
    }
}

void tcg_snap_cursor_seek(TcgSnapCursor *c, int snap)
{
    while (c->at < snap) {
        const TcgSnap *s = &c->tb->snap[++c->at];

        for (unsigned i = 0; i < s->n; i++) {
            const TcgSnapDelta *d = &c->tb->delta[s->first + i];

            cursor_set(c, d->slot, d->now);
        }
    }
    while (c->at > snap) {
        const TcgSnap *s = &c->tb->snap[c->at--];

        for (unsigned i = s->n; i-- > 0;) {
            const TcgSnapDelta *d = &c->tb->delta[s->first + i];

            cursor_set(c, d->slot, d->old);
        }
    }
}
