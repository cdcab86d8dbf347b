/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Check groups (TCG.md 3.5, E1 and E2): loads and stores of a unit at constant
 * distances from one base share a soft TLB check. The first one checks the
 * whole window and leaves the page's addend in a register; the others only see
 * whether that worked. A translation found so stays valid within the unit: a
 * memory slow path is no safe point, and calls that may change the mapping
 * close all groups.
 */
#include "tandem/base.h"

#include "backend.h"

enum {
    WINDOW = 512, /* bytes: wider ones too often cross a page */
    OPEN = 4,     /* groups at a time: each takes a register */
    MAX_DISTANCE = 1 << 20,
};

TcgRef group_root(const Gen *g, TcgRef addr, int32_t *disp)
{
    const TcgBlock *tb = g->tb;
    int32_t imm, sum = 0;

    while (!tcg_ref_is_const(addr)) {
        const TcgInsn *in = &tb->insn[addr];

        if (in->op != TCG_OP_add || tcg_ref_is_const(in->a) ||
            !ra_imm32(g, in->b, &imm) || imm > MAX_DISTANCE ||
            imm < -MAX_DISTANCE || sum + imm > MAX_DISTANCE ||
            sum + imm < -MAX_DISTANCE) {
            break;
        }
        sum += imm;
        addr = in->a;
    }
    *disp = sum;
    return addr;
}

static bool can_group(const TcgInsn *in)
{
    return (in->op == TCG_OP_ld || in->op == TCG_OP_st) &&
           !tcg_ref_is_const(in->a) && memop_align(in->aux) == 1 &&
           (in->aux & MO_KIND_MASK) != MO_CODE;
}

static bool closes_groups(const TcgBlock *tb, const TcgInsn *in)
{
    uint32_t flags;

    if (in->op != TCG_OP_call) {
        return false;
    }
    flags = tb->helper[in->aux]->flags;
    return !(flags & (TCG_H_PURE | TCG_H_NOFAULT)) ||
           (flags & TCG_H_FLUSHES_TLB);
}

/* Can @q take an access at @disp? If so it has it. */
static bool joins(Group *q, const TcgInsn *in, TcgRef root, int32_t disp,
                  uint32_t i)
{
    int32_t lo = MIN(q->lo, disp);
    int32_t hi = MAX(q->hi, disp + (int32_t)memop_size(in->aux));

    if (q->root != root || q->mmu != memop_mmu(in->aux) || hi - lo > WINDOW) {
        return false;
    }
    q->lo = lo;
    q->hi = hi;
    q->write |= in->op == TCG_OP_st;
    q->last = i;
    q->count++;
    return true;
}

static void place(Gen *g, unsigned *open, unsigned *next, uint32_t i)
{
    const TcgInsn *in = &g->tb->insn[i];
    int32_t disp;
    TcgRef root = group_root(g, in->a, &disp);

    for (unsigned k = 0; k < OPEN; k++) {
        if (open[k] != 0 && joins(&g->group[open[k] - 1], in, root, disp, i)) {
            g->val[i].group = open[k];
            return;
        }
    }
    if (g->ngroup == MAX_GROUPS) {
        return;
    }
    g->group[g->ngroup++] = (Group){
        .root = root,
        .lo = disp,
        .hi = disp + (int32_t)memop_size(in->aux),
        .leader = i,
        .last = i,
        .mmu = memop_mmu(in->aux),
        .write = in->op == TCG_OP_st,
        .count = 1,
    };
    g->val[i].group = open[*next] = g->ngroup;
    *next = (*next + 1) % OPEN;
}

void group_find(Gen *g)
{
    const TcgBlock *tb = g->tb;
    unsigned open[OPEN] = { 0 }, next = 0;

    g->ngroup = 0;
    for (uint32_t i = 0; i < tb->n; i = tcg_insn_next(tb, i)) {
        const TcgInsn *in = &tb->insn[i];

        if (can_group(in) && !(g->ctx->cfg.flags & TCG_NO_GROUPS)) {
            place(g, open, &next, i);
        } else if (closes_groups(tb, in)) {
            memset(open, 0, sizeof(open));
        }
    }
    for (unsigned k = 0; k < g->ngroup; k++) {
        g->val[group_value(g, k)] = (Val){
            .last = g->group[k].last,
            .alias = TCG_REF_NONE,
            .reg = NO_REG,
            .hint = NO_REG,
            .mem = MEM_NONE,
            .type = TCG_I64,
        };
    }
}
