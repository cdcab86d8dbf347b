/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host registers that hold what lies in env, from one vector op of a unit to
 * the next.
 *
 * Every result is stored to env at once, so env is right at each fault, exit
 * and helper; what is saved are the loads, which would wait for the store.
 * C code has these registers: an op that may call it forgets all, and a vector
 * op's code out of line loads them again before it goes back.
 */
#include "tandem/base.h"

#include "vec.h"

static bool overlaps(const VecKept *k, uint32_t off, unsigned bytes)
{
    return k->off < off + bytes && off < k->off + k->bytes;
}

void vec_keep_none(Gen *g)
{
    memset(g->kept, 0, sizeof(g->kept));
    g->kept_locked = 0;
}

void vec_keep_drop(Gen *g, uint32_t off, unsigned bytes)
{
    for (unsigned k = 0; k < VEC_KEPT; k++) {
        if (overlaps(&g->kept[k], off, bytes)) {
            g->kept[k].bytes = 0;
        }
    }
}

int vec_keep_find(Gen *g, uint32_t off, unsigned bytes)
{
    for (unsigned k = 0; k < VEC_KEPT; k++) {
        if (g->kept[k].off == off && g->kept[k].bytes >= bytes) {
            g->kept_locked |= 1u << k;
            g->ctx->count.vec_kept++;
            return VEC_KEPT_FIRST + k;
        }
    }
    return NO_REG;
}

int vec_keep_take(Gen *g)
{
    unsigned k;

    do {
        k = g->kept_next;
        g->kept_next = (k + 1) % VEC_KEPT;
    } while (g->kept_locked >> k & 1);
    g->kept[k].bytes = 0;
    g->kept_locked |= 1u << k;
    return VEC_KEPT_FIRST + k;
}

void vec_keep_set(Gen *g, int reg, uint32_t off, unsigned bytes)
{
    vec_keep_drop(g, off, bytes);
    if (!(g->ctx->cfg.flags & TCG_NO_KEEP)) {
        g->kept[reg - VEC_KEPT_FIRST] = (VecKept){ off, (uint16_t)bytes };
    }
}

uint16_t vec_keep_note(Gen *g)
{
    if (g->nkept_at == MAX_KEPT_AT) {
        vec_keep_none(g);
        return 0; /* of which nothing needs to be loaded again */
    }
    memcpy(g->kept_at[g->nkept_at], g->kept, sizeof(g->kept));
    return ++g->nkept_at;
}

void vec_keep_reload(Gen *g, uint16_t note)
{
    const VecKept *kept = note != 0 ? g->kept_at[note - 1] : NULL;

    for (unsigned k = 0; note != 0 && k < VEC_KEPT; k++) {
        if (kept[k].bytes != 0) {
            x86_ev_rm(&g->a, X86_E(2, 1, 0x6f),
                      (X86Ev){ 1, vec_length(kept[k].bytes), 0 },
                      VEC_KEPT_FIRST + k, 0, x86_mem(RBP, kept[k].off));
        }
    }
}

/* Pure ops call no C, but carry-less products where the host has none. */
void vec_keep_across(Gen *g, const TcgInsn *in)
{
    switch (in->op) {
    case TCG_OP_call: /* looks after it */
    case TCG_OP_side:
    case TCG_OP_slot_get:
    case TCG_OP_slot_st:
    case TCG_OP_env_ld:
        return;
    case TCG_OP_env_st:
        vec_keep_drop(g, in->b, 8);
        return;
    case TCG_OP_clmul:
    case TCG_OP_clmulh:
        break;
    default:
        if (tcg_op_info[in->op].flags & TCG_OPF_PURE) {
            return;
        }
        break;
    }
    vec_keep_none(g);
}
