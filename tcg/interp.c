/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreter: runs a finished block as the IR says, one op after another.
 * The oracle for back ends, and an engine of its own on hosts without one.
 *
 * Slots are written to env at exits, before helpers (slot_st) and when a fault
 * is taken (tcg_interp_restore), never in between: the same moments as in
 * emitted code. Faults leave by the engine's longjmp out of a TcgRuntimeOps
 * call or a helper; nothing here is allocated, so nothing leaks.
 */
#include "tandem/base.h"

#include "tcg/internal.h"

struct TcgInterpFrame {
    const TcgBlock *tb;
    void *env;
    TcgHot *hot;
    TcgInterpValue *value;
    unsigned at; /* insn that runs */
    TcgInterpFrame *outer;
};

static uint64_t get(const TcgInterpFrame *f, TcgRef ref)
{
    return tcg_ref_is_const(ref) ? tcg_ref_const(f->tb, ref)
                                 : f->value[ref].u[0];
}

static uint64_t truncate_to(TcgType type, uint64_t v)
{
    return tcg_type_size(type) == 4 ? (uint32_t)v : v;
}

static void slot_write(const TcgInterpFrame *f, unsigned slot, uint64_t v)
{
    const TcgSlotDesc *d = &f->tb->fe->slots[slot];

    uint_store((char *)f->env + d->offset, tcg_type_size((TcgType)d->type), v);
}

/* Make env what snapshot @snap says: the newest change of each slot counts. */
static void write_state(const TcgInterpFrame *f, unsigned snap, uint64_t pc)
{
    const TcgSnap *s = &f->tb->snap[snap];
    TcgSlotSet seen = { { 0 } };

    for (unsigned i = s->first + s->n; i-- > 0;) {
        const TcgSnapDelta *d = &f->tb->delta[i];

        if (tcg_slotset_has(&seen, d->slot)) {
            continue;
        }
        tcg_slotset_add(&seen, d->slot);
        if (d->now != TCG_REF_ENV) {
            slot_write(f, d->slot, get(f, d->now));
        }
    }
    uint_store((char *)f->env + f->tb->fe->pc_offset, 8, pc);
}

bool tcg_interp_restore(void *env, unsigned *insns_done)
{
    TcgHot *hot = tcg_hot(env);
    TcgInterpFrame *f = hot->interp;
    const TcgSnap *snap;

    if (f == NULL) {
        return false;
    }
    hot->interp = f->outer;
    assert(tcg_insn_has_snap(f->tb, f->at));
    snap = &f->tb->snap[f->tb->snap_of[f->at]];
    write_state(f, f->tb->snap_of[f->at], snap->pc);
    if (insns_done != NULL) {
        *insns_done = snap->insn_index;
    }
    return true;
}

unsigned tcg_interp_position(void *env)
{
    const TcgInterpFrame *f = tcg_hot(env)->interp;
    unsigned begun = 0;

    for (unsigned i = 0; i <= f->at; i = tcg_insn_next(f->tb, i)) {
        begun += f->tb->insn[i].op == TCG_OP_insn;
    }
    return begun > 0 ? begun - 1 : 0;
}

/* ---- guest memory ---- */

/* Host address of [addr, addr + size) when L1 has it, else NULL. */
static void *tlb_hit(const TcgInterpFrame *f, const uint64_t *tags,
                     const TcgTlb *tlb, uint64_t addr, MemOp mo)
{
    unsigned page_bits = f->tb->fe->page_bits;
    unsigned index = addr >> page_bits & (TCG_TLB_SIZE - 1);
    uint64_t page_size = BIT(page_bits);

    if ((addr ^ tags[index]) > page_size - memop_size(mo) ||
        (addr & (memop_align(mo) - 1)) || (mo & (MO_SWAP | MO_KIND_MASK))) {
        return NULL;
    }
    return (void *)(uintptr_t)(addr + tlb->addend[index]);
}

/* Another vCPU may write there: whole-word accesses when aligned, as emitted
 * code makes them. Little-endian hosts. */
static uint64_t host_load(const void *p, unsigned size)
{
    uint64_t v = 0;

    if ((uintptr_t)p & (size - 1)) {
        memcpy(&v, p, size);
        return v;
    }
    switch (size) {
    case 1:
        return __atomic_load_n((const uint8_t *)p, __ATOMIC_ACQUIRE);
    case 2:
        return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE);
    case 4:
        return __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
    default:
        return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE);
    }
}

static void host_store(void *p, unsigned size, uint64_t v)
{
    if ((uintptr_t)p & (size - 1)) {
        memcpy(p, &v, size);
        return;
    }
    switch (size) {
    case 1:
        __atomic_store_n((uint8_t *)p, v, __ATOMIC_RELEASE);
        break;
    case 2:
        __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELEASE);
        break;
    case 4:
        __atomic_store_n((uint32_t *)p, v, __ATOMIC_RELEASE);
        break;
    default:
        __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELEASE);
        break;
    }
}

static void run_ld(TcgInterpFrame *f, const TcgInsn *in)
{
    const TcgTlb *tlb = &f->hot->tlb[memop_mmu(in->aux)];
    uint64_t addr = get(f, in->a);
    unsigned size = memop_size(in->aux);
    const void *p;
    uint64_t raw;

    if (size > 8) {
        f->hot->ops->ld_vec(f->env, addr, in->aux, f->value[f->at].bytes);
        return;
    }
    p = tlb_hit(f, tlb->tag_r, tlb, addr, in->aux);
    raw =
        p != NULL ? host_load(p, size) : f->hot->ops->ld(f->env, addr, in->aux);
    f->value[f->at].u[0] =
        truncate_to((TcgType)in->type, memop_extend(in->aux, raw));
}

static void run_st(TcgInterpFrame *f, const TcgInsn *in)
{
    const TcgTlb *tlb = &f->hot->tlb[memop_mmu(in->aux)];
    uint64_t addr = get(f, in->a);
    unsigned size = memop_size(in->aux);
    void *p;

    if (size > 8) {
        f->hot->ops->st_vec(f->env, addr, in->aux, f->value[in->b].bytes);
        return;
    }
    p = tlb_hit(f, tlb->tag_w, tlb, addr, in->aux);
    if (p != NULL) {
        host_store(p, size, get(f, in->b));
    } else {
        f->hot->ops->st(f->env, addr, get(f, in->b) & bit_mask(size * 8),
                        in->aux);
    }
}

static void run_atomic(TcgInterpFrame *f, const TcgInsn *in)
{
    TcgAtomic kind = tcg_atomic_of_op((TcgOp)in->op);
    uint64_t mask = bit_mask(memop_size(in->aux) * 8);
    uint64_t v = get(f, in->b), cmp = 0, holds = 1, old;

    if (kind >= TCG_ATOMIC_CAS) {
        cmp = v;
        v = get(f, in->c);
    }
    if (kind == TCG_ATOMIC_SC) {
        holds = get(f, tcg_insn_operand(f->tb, f->at, 3)) != 0;
    }
    old = f->hot->ops->atomic(f->env, get(f, in->a), v & mask, cmp & mask,
                              in->aux, TCG_ATOMIC_ARG(kind, holds));
    if (kind != TCG_ATOMIC_SC) {
        old = memop_extend(in->aux, old);
    }
    f->value[f->at].u[0] = truncate_to((TcgType)in->type, old);
}

static void run_fence(const TcgInsn *in)
{
    /* Plain accesses above have acquire and release order already. */
    if (in->aux & TCG_FENCE_WR) {
        atomic_thread_fence(memory_order_seq_cst);
    } else {
        atomic_thread_fence(memory_order_acq_rel);
    }
}

/* ---- calls ---- */

static void run_call(TcgInterpFrame *f, const TcgInsn *in)
{
    typedef uint64_t Fn(void *, uint64_t, uint64_t, uint64_t, uint64_t,
                        uint64_t);
    const TcgHelper *h = f->tb->helper[in->aux];
    uint64_t a[TCG_HELPER_ARGS] = { 0 };
    uint64_t r;

    for (unsigned k = 0; k < h->nargs; k++) {
        a[k] = get(f, tcg_insn_operand(f->tb, f->at, k));
    }
    /* Integer arguments beyond those a function takes are harmless in the
     * calling conventions of our hosts (helper.h). */
    r = ((Fn *)(uintptr_t)h->fn)(f->env, a[0], a[1], a[2], a[3], a[4]);
    f->value[f->at].u[0] = truncate_to(h->ret, r);
}

/* ---- leaving ---- */

typedef enum Step { STEP_NEXT, STEP_HEAD, STEP_LEAVE } Step;

static Step take_exit(TcgInterpFrame *f, const TcgInsn *in, TcgLeave *why)
{
    const TcgExit *e = &f->tb->exit[in->c];
    bool stop;

    if (e->kind == TCG_EXIT_TRAP) {
        f->hot->ops->trap(f->env, e->code);
        g_assert_not_reached();
    }
    write_state(f, e->snap,
                e->kind == TCG_EXIT_INDIRECT ? get(f, in->a) : e->target_pc);
    if (f->tb->flags & TCG_BLOCK_ICOUNT) {
        f->hot->icount += f->tb->ninsns - e->insns_done;
    }
    f->hot->leave_exit = in->c;
    stop = (e->flags & TCG_EXIT_POLL) &&
           atomic_load_explicit(&f->hot->exit_req, memory_order_acquire) != 0;
    if (stop) {
        *why = TCG_LEAVE_POLL;
        return STEP_LEAVE;
    }
    *why = e->kind == TCG_EXIT_INDIRECT ? TCG_LEAVE_INDIRECT : TCG_LEAVE_EXIT;
    return e->kind == TCG_EXIT_LOOP ? STEP_HEAD : STEP_LEAVE;
}

/* ---- one op ---- */

static uint64_t run_select(const TcgInterpFrame *f, const TcgInsn *in)
{
    bool holds = tcg_cond_eval((TcgCond)in->aux, tcg_ref_type(f->tb, in->a),
                               get(f, in->a), get(f, in->b));

    return get(f, tcg_insn_operand(f->tb, f->at, holds ? 2 : 3));
}

static uint64_t run_fp(const TcgInterpFrame *f, const TcgInsn *in)
{
    unsigned n = tcg_op_info[in->op].nin;

    if (in->op == TCG_OP_fp_flags) {
        return tcg_fpflags_of_mxcsr(f->hot->mxcsr_guest);
    }
    return tcg_eval_fp((TcgOp)in->op, (TcgType)in->type, in->aux,
                       tcg_ref_type(f->tb, in->a), get(f, in->a),
                       n > 1 ? get(f, in->b) : 0, n > 2 ? get(f, in->c) : 0,
                       &f->hot->mxcsr_guest);
}

static uint64_t run_pure(const TcgInterpFrame *f, const TcgInsn *in)
{
    return tcg_eval((TcgOp)in->op, (TcgType)in->type, in->aux,
                    tcg_ref_type(f->tb, in->a), get(f, in->a),
                    tcg_op_info[in->op].nin > 1 ? get(f, in->b) : 0);
}

static Step run_insn(TcgInterpFrame *f, TcgLeave *why)
{
    const TcgInsn *in = &f->tb->insn[f->at];
    char *env = f->env;
    uint64_t *result = &f->value[f->at].u[0];

    switch (in->op) {
    case TCG_OP_nop:
    case TCG_OP_args:
    case TCG_OP_insn:
        break;
    case TCG_OP_select:
        *result = run_select(f, in);
        break;
    case TCG_OP_slot_get:
        *result = uint_load(env + f->tb->fe->slots[in->aux].offset,
                            tcg_type_size((TcgType)in->type));
        break;
    case TCG_OP_slot_st:
        slot_write(f, in->aux, get(f, in->a));
        break;
    case TCG_OP_env_ld:
        *result =
            truncate_to((TcgType)in->type,
                        memop_extend(in->aux, uint_load(env + (int32_t)in->a,
                                                        memop_size(in->aux))));
        break;
    case TCG_OP_env_st:
        uint_store(env + (int32_t)in->b, memop_size(in->aux), get(f, in->a));
        break;
    case TCG_OP_ld:
        run_ld(f, in);
        break;
    case TCG_OP_st:
        run_st(f, in);
        break;
    case TCG_OP_fence:
        run_fence(in);
        break;
    case TCG_OP_call:
        run_call(f, in);
        break;
    case TCG_OP_side:
        if (tcg_cond_eval((TcgCond)in->aux, tcg_ref_type(f->tb, in->a),
                          get(f, in->a), get(f, in->b))) {
            return take_exit(f, in, why);
        }
        break;
    case TCG_OP_exit:
    case TCG_OP_exit_ind:
    case TCG_OP_trap:
        return take_exit(f, in, why);
    default:
        if (tcg_op_info[in->op].flags & TCG_OPF_FP) {
            *result = run_fp(f, in);
        } else if (tcg_op_info[in->op].flags & TCG_OPF_PURE) {
            *result = run_pure(f, in);
        } else {
            run_atomic(f, in);
        }
        break;
    }
    return STEP_NEXT;
}

TcgLeave tcg_interp_run(const TcgBlock *tb, void *env, TcgInterpValue *values)
{
    TcgHot *hot = tcg_hot(env);
    TcgInterpFrame f = {
        .tb = tb, .env = env, .hot = hot, .value = values, .outer = hot->interp
    };
    TcgLeave why = TCG_LEAVE_EXIT;
    Step step;

    hot->interp = &f;
    do {
        if (tb->flags & TCG_BLOCK_ICOUNT) {
            if (hot->icount < (int64_t)tb->ninsns) {
                why = TCG_LEAVE_ICOUNT;
                uint_store((char *)env + tb->fe->pc_offset, 8, tb->pc);
                break;
            }
            hot->icount -= tb->ninsns;
        }
        f.at = 0;
        step = STEP_NEXT;
        while (step == STEP_NEXT) {
            step = run_insn(&f, &why);
            f.at++;
        }
    } while (step == STEP_HEAD);
    hot->interp = f.outer;
    return why;
}
