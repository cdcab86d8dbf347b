/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building a block: emission with value numbering, guest slots by value,
 * snapshots as deltas, exits. Folding is in fold.c.
 *
 * Slots. The builder knows for each slot the value it holds (cur) and the value
 * env holds (env); they differ for dirty slots. A put within the current guest
 * insn also keeps the entry from before the insn (old), as a fault must show
 * that one.
 */
#include "tandem/base.h"

#include "tcg/internal.h"

static const TcgVal no_value = { TCG_REF_NONE, TCG_NONE };

/* ---- emission ---- */

TcgRef tcg_push(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux, TcgRef a,
                TcgRef b, TcgRef c)
{
    TcgRef ref = tb->n++;

    assert(ref < TCG_MAX_INSNS);
    tb->insn[ref] =
        (TcgInsn){ .op = op, .type = type, .aux = aux, .a = a, .b = b, .c = c };
    return ref;
}

/* Append an op without a result. */
static TcgRef push_void(TcgBlock *tb, TcgOp op, unsigned aux, TcgRef a,
                        TcgRef b, TcgRef c)
{
    return tcg_push(tb, op, TCG_NONE, aux, a, b, c);
}

/* An equal insn built earlier in this block, else a new one. */
static TcgVal push_pure(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux,
                        TcgRef a, TcgRef b)
{
    TcgInsn in = {
        .op = op, .type = type, .aux = aux, .a = a, .b = b, .c = TCG_REF_NONE
    };
    uint64_t key = ((uint64_t)b << 32 | a) * UINT64_C(0x9e3779b97f4a7c15) ^
                   ((uint64_t)op << 16 | aux) * UINT64_C(0xff51afd7ed558ccd);
    uint16_t *entry = &tb->b->vn_hash[key >> 32 & (TCG_VN_HASH - 1)];

    if (*entry < tb->n && memcmp(&tb->insn[*entry], &in, sizeof(in)) == 0) {
        tb->ctx->count.vn_hits++;
        return (TcgVal){ *entry, type };
    }
    *entry = (uint16_t)tb->n;
    return (TcgVal){ tcg_push(tb, op, type, aux, a, b, TCG_REF_NONE), type };
}

static TcgVal make_const(TcgBlock *tb, TcgType type, uint64_t bits,
                         TcgConstKind kind)
{
    uint64_t key = (bits + type * 8 + kind) * UINT64_C(0x9e3779b97f4a7c15);
    uint16_t *entry = &tb->b->const_hash[key >> 32 & (TCG_CONST_HASH - 1)];
    TcgConst *c = &tb->cst[*entry];

    if (*entry >= tb->ncst || c->value != bits || c->type != type ||
        c->kind != kind) {
        assert(tb->ncst < TCG_MAX_CONSTS);
        *entry = (uint16_t)tb->ncst++;
        tb->cst[*entry] = (TcgConst){ bits, type, kind, 0 };
    }
    return (TcgVal){ TCG_REF_CONST | *entry, type };
}

TcgVal tcg_const_typed(TcgBlock *tb, TcgType type, uint64_t bits)
{
    assert(tcg_type_is_int(type) || tcg_type_is_fp(type));
    if (tcg_type_size(type) == 4) {
        bits = (uint32_t)bits;
    }
    return make_const(tb, type, bits, TCG_CONST_PLAIN);
}

TcgVal tcg_const_pc(TcgBlock *tb, uint64_t pc)
{
    return make_const(tb, TCG_I64, pc, TCG_CONST_PC);
}

static bool no_fold(const TcgBlock *tb)
{
    return unlikely(tb->ctx->cfg.flags & TCG_NO_FOLD);
}

TcgVal tcg_unary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux, TcgVal x)
{
    TcgVal v;

    if (no_fold(tb)) {
        return (TcgVal){
            tcg_push(tb, op, type, aux, x.ref, TCG_REF_NONE, TCG_REF_NONE), type
        };
    }
    v = tcg_fold_unary(tb, op, type, aux, x);
    if (v.ref != TCG_REF_NONE) {
        tb->ctx->count.folds++;
        return v;
    }
    return push_pure(tb, op, type, aux, x.ref, TCG_REF_NONE);
}

TcgVal tcg_binary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux, TcgVal x,
                  TcgVal y)
{
    TcgVal v;

    assert(x.type == y.type);
    if (no_fold(tb)) {
        return (TcgVal){
            tcg_push(tb, op, type, aux, x.ref, y.ref, TCG_REF_NONE), type
        };
    }
    if ((tcg_op_info[op].flags & TCG_OPF_COMM) && tcg_ref_is_const(x.ref)) {
        TcgVal t = x;
        x = y;
        y = t;
    }
    v = tcg_fold_binary(tb, op, type, aux, x, y);
    if (v.ref != TCG_REF_NONE) {
        tb->ctx->count.folds++;
        return v;
    }
    if (op == TCG_OP_setcc) {
        TcgCond cond = (TcgCond)aux;
        int known = tcg_fold_cond(tb, &cond, &x, &y);

        if (known >= 0) {
            return tcg_const_typed(tb, type, known);
        }
        aux = cond;
    }
    return push_pure(tb, op, type, aux, x.ref, y.ref);
}

static int fold_cond(TcgBlock *tb, TcgCond *cond, TcgVal *x, TcgVal *y)
{
    return no_fold(tb) ? -1 : tcg_fold_cond(tb, cond, x, y);
}

static TcgVal push_select(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y,
                          TcgVal t, TcgVal f)
{
    TcgRef ref = tcg_push(tb, TCG_OP_select, t.type, cond, x.ref, y.ref, t.ref);

    push_void(tb, TCG_OP_args, 0, f.ref, TCG_REF_NONE, TCG_REF_NONE);
    return (TcgVal){ ref, t.type };
}

TcgVal tcg_select(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y, TcgVal t,
                  TcgVal f)
{
    int known;

    assert(x.type == y.type && t.type == f.type);
    known = fold_cond(tb, &cond, &x, &y);
    if (known >= 0) {
        return known ? t : f;
    }
    if (no_fold(tb)) {
        return push_select(tb, cond, x, y, t, f);
    }
    if (t.ref == f.ref) {
        return t;
    }
    if (tcg_type_is_int(t.type) && tcg_is_const(tb, f, 0) &&
        tcg_is_const(tb, t, 1)) {
        return tcg_setcc(tb, t.type, cond, x, y);
    }
    if (tcg_type_is_int(t.type) && tcg_is_const(tb, t, 0) &&
        tcg_is_const(tb, f, 1)) {
        return tcg_setcc(tb, t.type, tcg_cond_invert(cond), x, y);
    }
    return push_select(tb, cond, x, y, t, f);
}

/* ---- block ---- */

static void slotset_clear(TcgSlotSet *s)
{
    memset(s, 0, sizeof(*s));
}

TcgBlock *tcg_block_begin(TcgContext *ctx, uint64_t pc, uint32_t flags)
{
    TcgBlock *tb = &ctx->block;
    TcgBuilder *b = &ctx->builder;

    tb->b = b;
    tb->pc = pc;
    tb->flags = flags;
    tb->ninsns = 0;
    tb->ended = tb->pc_absolute = tb->has_slot_st = false;
    tb->n = tb->ncst = tb->nsnap = tb->ndelta = tb->nexit = tb->nhelper = 0;
    slotset_clear(&b->known);
    slotset_clear(&b->dirty);
    slotset_clear(&b->env_known);
    slotset_clear(&b->insn_put);
    slotset_clear(&b->map_dirty);
    slotset_clear(&b->touched);
    b->insn_pc = pc;
    b->insn_op = TCG_REF_NONE;
    b->begin_ns = tcg_block_timed(ctx) ? tcg_now_ns() : 0;
    return tb;
}

bool tcg_block_has_room(const TcgBlock *tb)
{
    return tb->n <= TCG_MAX_INSNS - TCG_MAX_INSNS / 8 &&
           tb->ncst <= TCG_MAX_CONSTS - TCG_MAX_CONSTS / 8 &&
           tb->nsnap <= TCG_MAX_SNAPS - TCG_MAX_SNAPS / 8 &&
           tb->ndelta <= TCG_MAX_DELTAS - TCG_MAX_DELTAS / 8 &&
           tb->nexit <= TCG_MAX_EXITS - TCG_MAX_EXITS / 8 &&
           tb->nhelper <= TCG_MAX_HELPERS - TCG_MAX_HELPERS / 8;
}

void tcg_insn_start(TcgBlock *tb, uint64_t pc)
{
    TcgBuilder *b = tb->b;

    slotset_clear(&b->insn_put);
    b->insn_pc = pc;
    b->insn_op = push_void(tb, TCG_OP_insn, 0, (uint32_t)pc,
                           (uint32_t)(pc >> 32), TCG_REF_NONE);
    if (!tb->ended) {
        tb->ninsns++;
    }
}

void tcg_insn_partial(TcgBlock *tb)
{
    assert(tb->b->insn_op != TCG_REF_NONE);
    tb->insn[tb->b->insn_op].aux |= 1;
}

/* ---- slots ---- */

static void slot_set_cur(TcgBuilder *b, unsigned slot, TcgRef ref)
{
    b->cur[slot] = ref;
    tcg_slotset_add(&b->known, slot);
}

TcgVal tcg_slot_get(TcgBlock *tb, unsigned slot)
{
    TcgBuilder *b = tb->b;
    TcgType type = (TcgType)tb->fe->slots[slot].type;

    assert(slot < tb->fe->nslots);
    if (!tcg_slotset_has(&b->known, slot)) {
        TcgRef ref = tcg_push(tb, TCG_OP_slot_get, type, slot, TCG_REF_NONE,
                              TCG_REF_NONE, TCG_REF_NONE);

        slot_set_cur(b, slot, ref);
        b->env[slot] = ref;
        tcg_slotset_add(&b->env_known, slot);
    }
    return (TcgVal){ b->cur[slot], type };
}

/* What a snapshot of the present state says of @slot. */
static TcgRef entry_now(const TcgBuilder *b, unsigned slot)
{
    return tcg_slotset_has(&b->dirty, slot) ? b->cur[slot] : TCG_REF_ENV;
}

void tcg_slot_put(TcgBlock *tb, unsigned slot, TcgVal v)
{
    TcgBuilder *b = tb->b;

    assert(slot < tb->fe->nslots && v.type == tb->fe->slots[slot].type);
    if (tcg_slotset_has(&b->known, slot) && b->cur[slot] == v.ref) {
        return;
    }
    if (!tcg_slotset_has(&b->insn_put, slot)) {
        b->old[slot] = entry_now(b, slot);
        tcg_slotset_add(&b->insn_put, slot);
    }
    slot_set_cur(b, slot, v.ref);
    if (tcg_slotset_has(&b->env_known, slot) && b->env[slot] == v.ref) {
        tcg_slotset_del(&b->dirty, slot);
    } else {
        tcg_slotset_add(&b->dirty, slot);
    }
    tcg_slotset_add(&b->touched, slot);
}

/* Bring env up to date for the slots of @set (NULL: all). */
static void sync_slots(TcgBlock *tb, const TcgSlotSet *set)
{
    TcgBuilder *b = tb->b;
    TcgSlotSet todo = b->dirty;

    if (set != NULL) {
        for (unsigned i = 0; i < ARRAY_SIZE(todo.w); i++) {
            todo.w[i] &= set->w[i];
        }
    }
    TCG_SLOTSET_FOREACH(&todo, slot)
    {
        push_void(tb, TCG_OP_slot_st, slot, b->cur[slot],
                  tcg_slotset_has(&b->insn_put, slot), TCG_REF_NONE);
        b->env[slot] = b->cur[slot];
        tcg_slotset_add(&b->env_known, slot);
        tcg_slotset_del(&b->dirty, slot);
        tcg_slotset_add(&b->touched, slot);
    }
}

/* Env has new values for the slots of @set (NULL: all). */
static void forget_slots(TcgBlock *tb, const TcgSlotSet *set)
{
    TcgBuilder *b = tb->b;

    for (unsigned i = 0; i < ARRAY_SIZE(b->known.w); i++) {
        uint64_t keep = set != NULL ? ~set->w[i] : 0;

        b->known.w[i] &= keep;
        b->env_known.w[i] &= keep;
    }
}

/* ---- snapshots ---- */

/* Snapshot of the state now, or (@start) at the start of the guest insn. */
static unsigned take_snap(TcgBlock *tb, bool start)
{
    TcgBuilder *b = tb->b;
    unsigned first = tb->ndelta;
    unsigned index = tb->ninsns != 0 ? tb->ninsns - 1 : 0;
    TcgSnap *last = tb->nsnap != 0 ? &tb->snap[tb->nsnap - 1] : NULL;

    TCG_SLOTSET_FOREACH(&b->touched, slot)
    {
        TcgRef now = start && tcg_slotset_has(&b->insn_put, slot)
                         ? b->old[slot]
                         : entry_now(b, slot);
        TcgRef old =
            tcg_slotset_has(&b->map_dirty, slot) ? b->map[slot] : TCG_REF_ENV;

        if (now == old) {
            continue;
        }
        assert(tb->ndelta < TCG_MAX_DELTAS);
        tb->delta[tb->ndelta++] = (TcgSnapDelta){ slot, old, now };
        b->map[slot] = now;
        if (now == TCG_REF_ENV) {
            tcg_slotset_del(&b->map_dirty, slot);
        } else {
            tcg_slotset_add(&b->map_dirty, slot);
        }
    }
    /* Puts of this insn look different from its start and from its end. */
    b->touched = b->insn_put;
    if (last != NULL && tb->ndelta == first && last->pc == b->insn_pc &&
        last->insn_index == index) {
        return tb->nsnap - 1;
    }
    assert(tb->nsnap < TCG_MAX_SNAPS);
    tb->snap[tb->nsnap] =
        (TcgSnap){ b->insn_pc, first, tb->ndelta - first, index };
    return tb->nsnap++;
}

/* ---- other guest state, memory ---- */

TcgVal tcg_env_ld(TcgBlock *tb, TcgType type, uint32_t off, MemOp mo)
{
    assert(memop_size(mo) <= tcg_type_size(type));
    return (TcgVal){ tcg_push(tb, TCG_OP_env_ld, type, mo, off, TCG_REF_NONE,
                              TCG_REF_NONE),
                     type };
}

void tcg_env_st(TcgBlock *tb, uint32_t off, TcgVal v, MemOp mo)
{
    assert(memop_size(mo) <= tcg_type_size(v.type));
    push_void(tb, TCG_OP_env_st, mo, v.ref, off, TCG_REF_NONE);
}

/* Append a memory op with the snapshot of the insn's start. */
static TcgVal push_mem(TcgBlock *tb, TcgOp op, TcgType type, MemOp mo,
                       TcgVal addr, TcgRef b, TcgRef c)
{
    unsigned snap = take_snap(tb, true);
    TcgRef ref;

    assert(addr.type == TCG_I64);
    ref = tcg_push(tb, op, type, mo, addr.ref, b, c);
    tb->snap_of[ref] = snap;
    return (TcgVal){ ref, type };
}

TcgVal tcg_ld(TcgBlock *tb, TcgType type, TcgVal addr, MemOp mo)
{
    assert(memop_size(mo) <= tcg_type_size(type));
    return push_mem(tb, TCG_OP_ld, type, mo, addr, TCG_REF_NONE, TCG_REF_NONE);
}

void tcg_st(TcgBlock *tb, TcgVal addr, TcgVal v, MemOp mo)
{
    assert(memop_size(mo) <= tcg_type_size(v.type));
    if (!tcg_ref_is_const(v.ref) && !no_fold(tb) &&
        memop_size(mo) == tcg_type_size(v.type) &&
        tb->insn[v.ref].op == TCG_OP_bits_fi) {
        v.ref = tb->insn[v.ref].a; /* straight from where it is */
    }
    push_mem(tb, TCG_OP_st, TCG_NONE, mo, addr, v.ref, TCG_REF_NONE);
}

TcgVal tcg_atomic_rmw(TcgBlock *tb, TcgOp op, TcgVal addr, TcgVal v, MemOp mo)
{
    assert(op >= TCG_OP_at_xchg && op <= TCG_OP_at_umax);
    assert(memop_size(mo) <= tcg_type_size(v.type));
    return push_mem(tb, op, v.type, mo, addr, v.ref, TCG_REF_NONE);
}

TcgVal tcg_atomic_cas(TcgBlock *tb, TcgVal addr, TcgVal expected, TcgVal v,
                      MemOp mo)
{
    assert(expected.type == v.type);
    assert(memop_size(mo) <= tcg_type_size(v.type));
    return push_mem(tb, TCG_OP_at_cas, v.type, mo, addr, expected.ref, v.ref);
}

TcgVal tcg_atomic_sc(TcgBlock *tb, TcgVal addr, TcgVal expected, TcgVal v,
                     TcgVal holds, MemOp mo)
{
    TcgVal r;

    assert(expected.type == v.type && holds.type == TCG_I32);
    assert(memop_size(mo) <= tcg_type_size(v.type));
    r = push_mem(tb, TCG_OP_at_sc, v.type, mo, addr, expected.ref, v.ref);
    push_void(tb, TCG_OP_args, 0, holds.ref, TCG_REF_NONE, TCG_REF_NONE);
    return r;
}

void tcg_fence(TcgBlock *tb, unsigned mask)
{
    if (mask != 0) {
        push_void(tb, TCG_OP_fence, mask, TCG_REF_NONE, TCG_REF_NONE,
                  TCG_REF_NONE);
    }
}

/* ---- floating point ---- */

TcgVal tcg_fp1(TcgBlock *tb, TcgOp op, TcgType type, unsigned contract,
               TcgVal x)
{
    return (TcgVal){ tcg_push(tb, op, type, contract, x.ref, TCG_REF_NONE,
                              TCG_REF_NONE),
                     type };
}

TcgVal tcg_fp2(TcgBlock *tb, TcgOp op, TcgType type, unsigned contract,
               TcgVal x, TcgVal y)
{
    assert(x.type == y.type);
    return (TcgVal){
        tcg_push(tb, op, type, contract, x.ref, y.ref, TCG_REF_NONE), type
    };
}

TcgVal tcg_fma(TcgBlock *tb, unsigned contract, TcgVal x, TcgVal y, TcgVal z)
{
    assert(x.type == y.type && x.type == z.type);
    return (TcgVal){
        tcg_push(tb, TCG_OP_fma, x.type, contract, x.ref, y.ref, z.ref), x.type
    };
}

TcgVal tcg_fp_flags(TcgBlock *tb)
{
    return (TcgVal){ tcg_push(tb, TCG_OP_fp_flags, TCG_I32, 0, TCG_REF_NONE,
                              TCG_REF_NONE, TCG_REF_NONE),
                     TCG_I32 };
}

/* ---- helpers ---- */

static unsigned new_helper(TcgBlock *tb, const TcgHelper *h, const TcgVecOp *v)
{
    assert(tb->nhelper < TCG_MAX_HELPERS);
    tb->helper[tb->nhelper] = h;
    tb->vec[tb->nhelper] = *v;
    return tb->nhelper++;
}

static unsigned helper_index(TcgBlock *tb, const TcgHelper *h)
{
    for (unsigned i = 0; i < tb->nhelper; i++) {
        if (tb->helper[i] == h && tb->vec[i].fn == TCG_VEC_NONE) {
            return i;
        }
    }
    return new_helper(tb, h, &(TcgVecOp){ .fn = TCG_VEC_NONE });
}

static void push_args(TcgBlock *tb, TcgRef *arg, unsigned nargs)
{
    for (unsigned i = 3; i < nargs; i += 3) {
        push_void(tb, TCG_OP_args, 0, arg[i], arg[i + 1], arg[i + 2]);
    }
}

static TcgVal call(TcgBlock *tb, unsigned index, const TcgVal *args,
                   unsigned nargs)
{
    const TcgHelper *h = tb->helper[index];
    TcgRef arg[TCG_HELPER_ARGS + 3];
    bool pure = (h->flags & TCG_H_PURE) != 0;
    unsigned snap = 0;
    TcgRef ref;

    assert(nargs == h->nargs && nargs <= TCG_HELPER_ARGS);
    for (unsigned i = 0; i < ARRAY_SIZE(arg); i++) {
        arg[i] = i < nargs ? args[i].ref : TCG_REF_NONE;
        assert(i >= nargs || args[i].type == h->arg[i]);
    }
    if (!pure) {
        sync_slots(tb, h->reads);
        sync_slots(tb, h->writes);
    }
    if (tcg_helper_may_fault(h)) {
        snap = take_snap(tb, true);
    }
    ref = tcg_push(tb, TCG_OP_call, h->ret, index, arg[0], arg[1], arg[2]);
    tb->snap_of[ref] = snap;
    push_args(tb, arg, nargs);
    if (!pure) {
        forget_slots(tb, h->writes);
    }
    return h->ret == TCG_NONE ? no_value : (TcgVal){ ref, h->ret };
}

TcgVal tcg_call(TcgBlock *tb, const TcgHelper *h, const TcgVal *args,
                unsigned nargs)
{
    return call(tb, helper_index(tb, h), args, nargs);
}

TcgVal tcg_call_vec(TcgBlock *tb, const TcgHelper *h, const TcgVal *args,
                    unsigned nargs, const TcgVecOp *v)
{
    return call(tb, new_helper(tb, h, v), args, nargs);
}

/* ---- leaving ---- */

static unsigned add_exit(TcgBlock *tb, TcgExitKind kind, unsigned flags,
                         uint64_t target)
{
    TcgBuilder *b = tb->b;
    uint64_t page = ~bit_mask(tb->fe->page_bits);
    unsigned done = tb->ninsns - (kind == TCG_EXIT_TRAP && tb->ninsns != 0);

    if (kind == TCG_EXIT_DIRECT) {
        if (target == tb->pc && !(tb->flags & TCG_BLOCK_NO_LOOP) &&
            !(flags & (TCG_EXIT_CTX_CHANGED | TCG_EXIT_TO_LOOP))) {
            kind = TCG_EXIT_LOOP;
        }
        if (target <= b->insn_pc) {
            flags |= TCG_EXIT_POLL;
        }
        if ((target ^ tb->pc) & page) {
            flags |= TCG_EXIT_CROSS_PAGE;
        }
    } else if (kind == TCG_EXIT_INDIRECT) {
        flags |= TCG_EXIT_POLL;
    }
    assert(tb->nexit < TCG_MAX_EXITS);
    tb->exit[tb->nexit] = (TcgExit){
        .kind = kind,
        .flags = flags,
        .insns_done = done,
        .target_pc = target,
        .insn = tb->n,
        .snap = take_snap(tb, kind == TCG_EXIT_TRAP),
    };
    return tb->nexit++;
}

/* The block is complete; what a translator still emits is cut off. */
static void end_block(TcgBlock *tb)
{
    TcgBuilder *b = tb->b;

    if (!tb->ended) {
        tb->ended = true;
        b->end_n = tb->n;
        b->end_snap = tb->nsnap;
        b->end_delta = tb->ndelta;
        b->end_exit = tb->nexit;
    }
}

static TcgExit *push_exit(TcgBlock *tb, TcgOp op, TcgRef pc, unsigned exit)
{
    TcgRef ref = push_void(tb, op, 0, pc, TCG_REF_NONE, exit);

    tb->snap_of[ref] = tb->exit[exit].snap;
    end_block(tb);
    return &tb->exit[exit];
}

void tcg_exit_direct(TcgBlock *tb, uint64_t target, unsigned flags)
{
    push_exit(tb, TCG_OP_exit, TCG_REF_NONE,
              add_exit(tb, TCG_EXIT_DIRECT, flags, target));
}

void tcg_exit_indirect(TcgBlock *tb, TcgVal pc, unsigned flags)
{
    assert(pc.type == TCG_I64);
    push_exit(tb, TCG_OP_exit_ind, pc.ref,
              add_exit(tb, TCG_EXIT_INDIRECT, flags, 0));
}

void tcg_exit_call(TcgBlock *tb, uint64_t target, uint64_t ret_pc)
{
    push_exit(tb, TCG_OP_exit, TCG_REF_NONE,
              add_exit(tb, TCG_EXIT_DIRECT, TCG_EXIT_CALL, target))
        ->ret_pc = ret_pc;
}

void tcg_exit_call_indirect(TcgBlock *tb, TcgVal pc, uint64_t ret_pc)
{
    assert(pc.type == TCG_I64);
    push_exit(tb, TCG_OP_exit_ind, pc.ref,
              add_exit(tb, TCG_EXIT_INDIRECT, TCG_EXIT_CALL, 0))
        ->ret_pc = ret_pc;
}

void tcg_trap(TcgBlock *tb, uint32_t code)
{
    push_exit(tb, TCG_OP_trap, TCG_REF_NONE, add_exit(tb, TCG_EXIT_TRAP, 0, 0))
        ->code = code;
}

static TcgExit *push_side(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y,
                          TcgExitKind kind, uint64_t target)
{
    unsigned exit = add_exit(tb, kind, 0, target);
    TcgRef ref = push_void(tb, TCG_OP_side, cond, x.ref, y.ref, exit);

    tb->snap_of[ref] = tb->exit[exit].snap;
    return &tb->exit[exit];
}

void tcg_side_exit(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y,
                   uint64_t target)
{
    int known;

    assert(x.type == y.type);
    known = fold_cond(tb, &cond, &x, &y);
    if (known > 0) {
        tcg_exit_direct(tb, target, 0);
    } else if (known < 0) {
        push_side(tb, cond, x, y, TCG_EXIT_DIRECT, target);
    }
}

void tcg_side_trap(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y,
                   uint32_t code)
{
    int known;

    assert(x.type == y.type);
    known = fold_cond(tb, &cond, &x, &y);
    if (known > 0) {
        tcg_trap(tb, code);
    } else if (known < 0) {
        push_side(tb, cond, x, y, TCG_EXIT_TRAP, 0)->code = code;
    }
}
