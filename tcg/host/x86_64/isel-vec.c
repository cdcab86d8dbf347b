/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls carried out in place on host vectors (tcg/vec.h): what is checked
 * first, what is out of line, and what needs no vectors. The elements
 * themselves are the level's: vec.h.
 *
 * The plain case is checked first; anything else is the call, out of line.
 */
#include "tandem/base.h"

#include "vec.h"

/* --- masks: by general registers --- */

void vec_tail_bits(Vec *x, unsigned at)
{
    uint32_t above;

    x86_rm(x->a, X86_MOV_RM, 0, RCX, x86_mem(RBP, x->v->guard));
    if (at != 0) {
        x86_alu_ri(x->a, ALU_SUB, 0, RCX, at);
        above = x86_jcc8(x->a, CC_AE);
        x86_mov_imm(x->a, RCX, 0, true);
        x86_bind8(x->a, above);
    }
    x86_vrm(x->a, X86_BZHI, 1, RCX, RCX,
            x86_const_mem(x->g, offsetof(ConstPool, ones)));
}

static void emit_masks(Vec *x)
{
    const TcgVecOp *v = x->v;
    const VecRow *r = vec_row(x);
    unsigned left = v->count / 8;

    vec_keep_drop(x->g, v->d, MAX(left, 8));
    for (unsigned at = 0; left != 0;) {
        unsigned size = left >= 8 ? 8 : left;

        x86_rm(x->a, X86_MOV_RM, 1, RCX, x86_mem(RBP, v->b + at));
        if (r->imm & 1) {
            x86_r(x->a, X86_NOT, 1, RCX);
        }
        x86_rm(x->a, x86_alu_rm(r->other), 1, RCX, x86_mem(RBP, v->a + at));
        if (r->imm & 2) {
            x86_r(x->a, X86_NOT, 1, RCX);
        }
        x86_rm(x->a,
               size == 1   ? X86_MOV8_MR
               : size == 2 ? X86_MOV16_MR
                           : X86_MOV_MR,
               size == 8, RCX, x86_mem(RBP, v->d + at));
        at += size;
        left -= size;
    }
}

/* rcx = up to 64 bits of mask a from element @at on. */
static void mask_word(Vec *x, unsigned at, unsigned n)
{
    const TcgVecOp *v = x->v;

    x86_rm(x->a, X86_MOV_RM, 1, RCX, x86_mem(RBP, v->a + at / 8));
    if (v->flags & TCG_VEC_MASKED) {
        x86_rm(x->a, X86_AND_RM, 1, RCX, x86_mem(RBP, v->mask + at / 8));
    }
    if (n < 32) {
        x86_alu_ri(x->a, ALU_AND, 0, RCX, (int32_t)bit_mask(n));
    } else if (n == 32) {
        x86_rr(x->a, X86_MOV_RM, 0, RCX, RCX);
    }
}

static void emit_cpop(Vec *x, int dst)
{
    unsigned n = x->v->count;

    x86_mov_imm(x->a, dst, 0, true);
    for (unsigned at = 0; at < n; at += 64) {
        mask_word(x, at, MIN(n - at, 64));
        x86_rr(x->a, X86_POPCNT, 1, RCX, RCX);
        x86_rr(x->a, X86_ADD_RM, 1, dst, RCX);
    }
}

/* From the last word to the first, so that the first found stays. */
static void emit_first(Vec *x, int dst)
{
    unsigned n = x->v->count;

    x86_mov_imm(x->a, dst, UINT64_MAX, true);
    for (unsigned at = (n - 1) / 64 * 64 + 64; at != 0;) {
        at -= 64;
        mask_word(x, at, MIN(n - at, 64));
        x86_rr(x->a, X86_BSF, 1, RAX, RCX);
        if (at != 0) {
            x86_rm(x->a, X86_LEA, 1, RAX, x86_mem(RAX, at));
        }
        x86_rr(x->a, X86_TEST_MR, 1, RCX, RCX);
        x86_cmov(x->a, CC_NE, 1, dst, RAX);
    }
}

/* --- guest memory --- */

/* @bytes between env at @off and host memory at @m. */
static void copy(Vec *x, uint32_t off, X86Mem m, unsigned bytes, bool to_env)
{
    unsigned size, most = x->level->bytes;

    for (unsigned at = 0; at < bytes; at += size) {
        unsigned left = bytes - at;
        X86Mem e = x86_mem(RBP, off + at), h = m, from, to;

        size = left >= most ? most : 1u << (31 - __builtin_clz(left));
        h.disp += at;
        from = to_env ? h : e;
        to = to_env ? e : h;
        if (size >= 16) {
            x->level->copy(x, e, h, size, to_env);
        } else {
            if (to_env) {
                vec_keep_drop(x->g, off + at, size);
            }
            x86_rm(x->a,
                   size == 1   ? X86_MOVZX8
                   : size == 2 ? X86_MOVZX16
                               : X86_MOV_RM,
                   size == 8, RCX, from);
            x86_rm(x->a,
                   size == 1   ? X86_MOV8_MR
                   : size == 2 ? X86_MOV16_MR
                               : X86_MOV_MR,
                   size == 8, RCX, to);
        }
    }
}

static void emit_memory(Vec *x, bool is_load)
{
    const TcgVecOp *v = x->v;

    x86_tlb_check(x->g, x86_mem(x->sreg, 0), v->mo, v->count, !is_load,
                  x->cold);
    if (x->tail || (v->flags & TCG_VEC_MASKED)) {
        x->level->copy_masked(x, x86_mem_index(x->sreg, RAX, 0, 0), is_load);
    } else {
        copy(x, v->d, x86_mem_index(x->sreg, RAX, 0, 0), v->count, is_load);
    }
    x->g->drained &= is_load;
}

/* --- the op --- */

/* What this host can do; NULL: nothing. */
static const VecLevel *level_of(const Gen *g)
{
    const X86Features *f = &g->f;

    if (g->ctx->cfg.flags & TCG_NO_VEC) {
        return NULL;
    }
    return f->avx512                      ? &vec_evex
           : f->avx2 && f->fma && f->bmi2 ? &vec_vex
                                          : NULL;
}

static void cold_vec(Gen *g, const Cold *c)
{
    const TcgHelper *h = g->tb->helper[g->tb->insn[c->insn].aux];

    if (c->jump[0] == 0) {
        return; /* nothing falls back on the call */
    }
    if (level_of(g)->leave != NULL) {
        level_of(g)->leave(&(Vec){ .g = g, .a = &g->a });
    }
    x86_alu_mi(&g->a, ALU_ADD, 1, x86_mem(RBP, TCG_HOT_OFF(vec_calls)), 1);
    for (unsigned k = 3; k-- > 0;) {
        if (c->src[k] == NO_REG) {
            x86_mov_imm(&g->a, RAX, c->imm[k], false);
            x86_push(&g->a, RAX);
        } else {
            x86_push(&g->a, c->src[k]);
        }
    }
    x86_mov_imm(&g->a, RAX, (uintptr_t)h->fn, true);
    x86_call_abs(&g->a, thunk_at(g, THUNK_VEC + c->vec_live), RCX);
    if (tcg_helper_may_fault(h)) {
        ra_record(g, &c->locs);
    }
    if (c->dst != NO_REG) {
        x86_move(g, c->dst, RAX, true);
    }
    vec_keep_reload(g, c->kept);
    x86_jmp_back(&g->a, c->back);
}

/* How elements fall into chunks. False: not in this back end. */
static bool plan(Vec *x)
{
    const TcgVecOp *v = x->v;

    x->level = level_of(x->g);
    if (x->level == NULL || vec_row(x)->in[v->lane] == 0) {
        return false;
    }
    if (vec_row(x)->shape >= S_LD && (x->tail || (v->flags & TCG_VEC_MASKED))) {
        return v->lane >= x->level->masked_log && v->count >= 16 &&
               v->count <= 512;
    }
    if (vec_row(x)->shape >= S_MASKS) {
        return v->count <= 512;
    }
    x->lanes = MIN(x->level->bytes >> v->lane, v->count);
    x->n = v->count / x->lanes;
    x->len = vec_length(x->lanes << v->lane);
    return x->level->can(x);
}

/* Code for the plain case, from the registers that @x->sreg and the call's
 * operands are in. */
static void emit_plain(Vec *x)
{
    VecShape shape = vec_row(x)->shape;

    if ((x->v->flags & TCG_VEC_SCALAR) && shape < S_MASKS && shape != S_SLIDE) {
        x->level->set_scalar(x);
    }
    switch (shape) {
    case S_MASKS:
        emit_masks(x);
        break;
    case S_LD:
    case S_ST:
        emit_memory(x, shape == S_LD);
        break;
    default:
        x->level->elements(x);
        break;
    }
    if (x->level->leave != NULL && shape != S_MASKS) {
        x->level->leave(x);
    }
}

/* Can fewer elements than all be done by masks? */
static bool has_tail(const Vec *x)
{
    const TcgVecOp *v = x->v;
    VecShape s = vec_row(x)->shape;
    Vec t = *x;

    t.tail = true;
    if (!(v->flags & TCG_VEC_GUARD) || v->expect > 256 || !plan(&t)) {
        return false;
    }
    return s < S_MERGE ||
           (s >= S_LD && v->count == v->expect << v->lane &&
            (x->level->take == 0 || (v->flags & TCG_VEC_MASKED)));
}

/* The count is not what was expected: by masks; else by the call. */
static void cold_tail(Gen *g, const Cold *c)
{
    Cold this = *c, *call = cold_new(g, NULL);
    Vec x = {
        .g = g,
        .a = &g->a,
        .v = &g->tb->vec[g->tb->insn[this.insn].aux],
        .cold = call,
        .tail = true,
        .sreg = this.src[1] == NO_REG ? RAX : this.src[1],
    };

    *call = this;
    call->emit = cold_vec;
    memset(call->jump, 0, sizeof(call->jump));
    if ((x.v->flags & TCG_VEC_SCALAR) && this.src[1] == NO_REG) {
        x86_mov_imm(&g->a, RAX, this.imm[1], false);
    }
    plan(&x);
    emit_plain(&x);
    vec_keep_reload(g, this.kept);
    x86_jmp_back(&g->a, this.back);
}

/* Operands of the call, in registers or as constants. */
static int operands(Gen *g, const TcgHelper *h, Cold *c, bool scalar)
{
    int sreg = NO_REG;

    for (unsigned k = 0; k < h->nargs; k++) {
        TcgRef r = tcg_insn_operand(g->tb, g->i, k);

        if (tcg_ref_is_const(r)) {
            c->imm[k] = tcg_ref_const(g->tb, r);
        } else {
            c->src[k] = ra_use(g, r, NO_REG);
        }
    }
    if (scalar) {
        sreg = c->src[1] != NO_REG ? c->src[1] : ra_temp(g);
        if (c->src[1] == NO_REG) {
            x86_mov_imm(&g->a, sreg, c->imm[1], true);
        }
    }
    return sreg;
}

bool x86_emit_vec(Gen *g, const TcgInsn *in)
{
    const TcgVecOp *v = &g->tb->vec[in->aux];
    const TcgHelper *h = g->tb->helper[in->aux];
    Vec x = { .g = g, .a = &g->a, .v = v, .keeps = true };
    VecShape shape = vec_rows[v->fn].shape;
    Cold args = { .src = { NO_REG, NO_REG, NO_REG } };
    Locs locs = { 0 };
    Cold *tail = NULL;

    if (!plan(&x)) {
        return false;
    }
    g->ctx->count.vec_ops++;
    if (shape < S_MASKS || (shape >= S_LD && (v->flags & TCG_VEC_MASKED))) {
        ra_take_all(g, (uint32_t)x.level->take << X0);
    }
    x.sreg =
        operands(g, h, &args, (v->flags & TCG_VEC_SCALAR) || shape >= S_LD);
    args.dst = h->ret == TCG_NONE ? NO_REG : ra_def_early(g);
    if (tcg_insn_has_snap(g->tb, g->i)) {
        locs = ra_capture(g, g->tb->snap_of[g->i], true);
    }
    x.cold = cold_new(g, cold_vec);
    memcpy(x.cold->src, args.src, sizeof(args.src));
    memcpy(x.cold->imm, args.imm, sizeof(args.imm));
    x.cold->dst = args.dst;
    x.cold->locs = locs;
    if (v->flags & TCG_VEC_GUARD) {
        x86_alu_mi(&g->a, ALU_CMP, 0, x86_mem(RBP, v->guard), v->expect);
        if (has_tail(&x) && !(shape >= S_LD && args.src[1] == NO_REG)) {
            tail = cold_new(g, cold_tail);
            memcpy(tail->src, args.src, sizeof(args.src));
            memcpy(tail->imm, args.imm, sizeof(args.imm));
            tail->locs = locs;
        }
        cold_jump(tail != NULL ? tail : x.cold, x86_jcc32(&g->a, CC_NE));
    }
    if (shape == S_COUNT) {
        (vec_row(&x)->imm ? emit_first : emit_cpop)(&x, args.dst);
    } else {
        emit_plain(&x);
    }
    x.cold->back = x86_offset(&g->a);
    x.cold->kept = vec_keep_note(g);
    g->kept_locked = 0;
    if (tail != NULL) {
        tail->back = x.cold->back;
        tail->kept = x.cold->kept;
    }
    if (args.dst != NO_REG) {
        ra_commit(g, args.dst);
    } else {
        ra_end_insn(g);
    }
    return true;
}
