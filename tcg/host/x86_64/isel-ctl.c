/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaving a unit, and calls of helpers. Guest state is stored to env only at
 * exits (TCG.md 3.7); what an exit does off the hot path is out of line.
 */
#include "tandem/base.h"

#include "backend.h"

static X86Mem hot(int32_t off)
{
    return x86_mem(RBP, off);
}

static void store_pc(Gen *g, uint64_t pc)
{
    X86Mem m = x86_mem(RBP, g->fe->pc_offset);

    if ((int64_t)pc == (int32_t)pc) {
        x86_mi32(&g->a, X86_MOV_I, 1, m, pc);
    } else {
        x86_mov_imm(&g->a, RCX, pc, true);
        x86_rm(&g->a, X86_MOV_MR, 1, RCX, m);
    }
}

/* ---- icount ---- */

/* Give back what this exit does not execute (TCG.md 3.2). */
static void refund(Gen *g, unsigned exit)
{
    unsigned left = g->tb->ninsns - g->tb->exit[exit].insns_done;

    if ((g->tb->flags & TCG_BLOCK_ICOUNT) && left != 0) {
        x86_alu_mi(&g->a, ALU_ADD, 1, hot(TCG_HOT_OFF(icount)), left);
    }
}

static void cold_icount(Gen *g, const Cold *c)
{
    x86_alu_mi(&g->a, ALU_ADD, 1, hot(TCG_HOT_OFF(icount)), g->tb->ninsns);
    store_pc(g, g->tb->pc);
    x86_mov_imm(&g->a, RAX, TCG_LEAVE_ICOUNT, true);
    g->tail[g->ntail++] = x86_jmp32(&g->a);
}

/* On a loop's way round, carried slots are stored when the slice is over. */
static void cold_icount_loop(Gen *g, const Cold *c)
{
    carry_leave(g, &c->locs, NO_REG);
    cold_icount(g, c);
}

static void count_insns(Gen *g, void (*over)(Gen *g, const Cold *c), Locs l)
{
    Cold *c;

    if (g->tb->flags & TCG_BLOCK_ICOUNT) {
        x86_alu_mi(&g->a, ALU_SUB, 1, hot(TCG_HOT_OFF(icount)), g->tb->ninsns);
        c = cold_new(g, over);
        c->locs = l;
        cold_jump(c, x86_jcc32(&g->a, CC_L));
    }
}

/* Compare the itlb's entry for the page of @va with @pmid, an immediate whose
 * offset is returned; flags say whether they are equal. */
static uint32_t compare_pmid(Gen *g, uint64_t va, uint32_t pmid)
{
    uint64_t vpn = va >> g->fe->page_bits;
    int32_t slot = TCG_HOT_OFF(itlb) + 4 * (vpn & (TCG_ITLB_SIZE - 1));

    /* opcode, ModR/M, disp32: 6 bytes before the immediate */
    x86_nop(&g->a, -((uintptr_t)g->a.p + 6) & 3);
    x86_mi32(&g->a, X86_CMP_I, 0, hot(slot), (int32_t)pmid);
    return x86_offset(&g->a) - 4;
}

static_assert(TCG_HOT_OFF(itlb) + 4 * TCG_ITLB_SIZE < -128, "disp32 form");

static void cold_look_up_again(Gen *g, const Cold *c)
{
    x86_mov_imm(&g->a, RAX, g->tb->pc, true);
    x86_jmp_abs(&g->a, thunk_at(g, THUNK_LEAVE_IND));
}

void x86_emit_entry(Gen *g, uint32_t second_pmid)
{
    static const uint8_t nop5[5] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

    memcpy(g->a.p, nop5, sizeof(nop5)); /* SDM 2B, NOP; patchable as a jump */
    g->a.p += sizeof(nop5);
    g->pmid_off = 0;
    if (second_pmid != 0) {
        g->pmid_off = compare_pmid(
            g, g->tb->pc + ((uint64_t)1 << g->fe->page_bits), second_pmid);
        cold_jump(cold_new(g, cold_look_up_again), x86_jcc32(&g->a, CC_NE));
    }
    count_insns(g, cold_icount, (Locs){ 0 });
    carry_enter(g);
    g->head = x86_offset(&g->a);
    g->drained = false;
}

/* rcx = cookie; eax = exit << 3 | reason. */
void x86_emit_tail(Gen *g, void *cookie)
{
    if (g->ntail == 0) {
        return;
    }
    for (unsigned k = 0; k < g->ntail; k++) {
        x86_bind32(&g->a, g->tail[k]);
    }
    x86_mov_imm(&g->a, RCX, (uintptr_t)cookie, true);
    x86_jmp_abs(&g->a, thunk_at(g, THUNK_LEAVE_EXIT));
}

/* Leave with env's pc = the exit's target; state is as units expect it. */
static void leave_by_exit(Gen *g, unsigned exit, TcgLeave reason)
{
    store_pc(g, g->tb->exit[exit].target_pc);
    x86_mov_imm(&g->a, RAX, exit << 3 | reason, true);
    g->tail[g->ntail++] = x86_jmp32(&g->a);
}

/* ---- direct exits ---- */

static void cold_leave(Gen *g, const Cold *c)
{
    if (c->kind == TCG_LEAVE_EXIT) {
        g->exit[c->aux].stub_off = x86_offset(&g->a);
    }
    leave_by_exit(g, c->aux, c->kind);
}

static Cold *leave_cold(Gen *g, unsigned exit, TcgLeave reason)
{
    Cold *c = cold_new(g, cold_leave);

    c->aux = exit;
    c->kind = reason;
    return c;
}

static void poll(Gen *g, unsigned exit)
{
    x86_alu_mi(&g->a, ALU_CMP, 0, hot(TCG_HOT_OFF(exit_req)), 0);
    cold_jump(leave_cold(g, exit, TCG_LEAVE_POLL), x86_jcc32(&g->a, CC_NE));
}

/* The page id of the target must be in the itlb. */
static void cross_page_check(Gen *g, unsigned exit)
{
    Cold *c = leave_cold(g, exit, TCG_LEAVE_CROSS_PAGE);

    g->exit[exit].pmid_off =
        compare_pmid(g, g->tb->exit[exit].target_pc, TCG_PMID_NEVER);
    cold_jump(c, x86_jcc32(&g->a, CC_NE));
}

/*
 * rax = guest pc: probe the jump cache inline (TCG.md 3.4), each site with its
 * own jump for the host's predictor. Registers without a pinned slot are free
 * by now: rdx is one.
 */
static void jump_cache(Gen *g)
{
    X86Asm *a = &g->a;
    int32_t jc = TCG_HOT_OFF(jc);
    unsigned shift = 5 - g->fe->insn_align;

    x86_rr(a, X86_MOV_RM, 0, RCX, RAX);
    x86_ri8(a, X86_SHL_I8, 0, RCX, shift);
    x86_alu_ri(a, ALU_AND, 0, RCX, (TCG_JC_SIZE - 1) << 5);
    x86_rm(
        a, X86_CMP_RM, 1, RAX,
        x86_mem_index(RBP, RCX, 0, jc + (int32_t)offsetof(TcgJumpEntry, pc)));
    x86_jcc_abs(a, CC_NE, thunk_at(g, THUNK_LOOKUP));
    x86_rm(a, X86_MOV_RM, 0, RDX, hot(TCG_HOT_OFF(ctx)));
    x86_rm(
        a, X86_CMP_RM, 0, RDX,
        x86_mem_index(RBP, RCX, 0, jc + (int32_t)offsetof(TcgJumpEntry, ctx)));
    x86_jcc_abs(a, CC_NE, thunk_at(g, THUNK_LOOKUP));
    x86_m(
        a, X86_JMP_M, 0,
        x86_mem_index(RBP, RCX, 0, jc + (int32_t)offsetof(TcgJumpEntry, host)));
}

/* State is as units expect it (carry_leave): go to the target by a jump that
 * can be linked. */
static void direct_jump(Gen *g, unsigned exit)
{
    const TcgExit *e = &g->tb->exit[exit];
    Cold *c;

    refund(g, exit);
    if (e->flags & TCG_EXIT_TO_LOOP) {
        leave_by_exit(g, exit, TCG_LEAVE_EXIT);
        return;
    }
    if (e->flags & TCG_EXIT_POLL) {
        poll(g, exit);
    }
    if (e->flags & TCG_EXIT_CTX_CHANGED) {
        x86_mov_imm(&g->a, RAX, e->target_pc, true);
        jump_cache(g);
        return;
    }
    if (e->flags & TCG_EXIT_CROSS_PAGE) {
        cross_page_check(g, exit);
    }
    c = leave_cold(g, exit, TCG_LEAVE_EXIT);
    g->exit[exit].jmp_off = x86_jmp32_aligned(&g->a);
    cold_jump(c, g->exit[exit].jmp_off);
}

static void cold_side(Gen *g, const Cold *c)
{
    carry_leave(g, &c->locs, NO_REG);
    direct_jump(g, c->aux);
}

static bool plain_exit(const Gen *g, const TcgExit *e, const Locs *l)
{
    return carry_in_place(g, l) && e->flags == 0 &&
           !(g->tb->flags & TCG_BLOCK_ICOUNT);
}

static void side_direct(Gen *g, const TcgInsn *in)
{
    const TcgExit *e = &g->tb->exit[in->c];
    X86Cc cc = x86_compare(g, in->aux, in->a, in->b);
    Locs l = ra_capture(g, e->snap, false);
    Cold *c;

    if (plain_exit(g, e, &l)) {
        g->ctx->count.pin_exits += g->npin != 0;
        /* the conditional jump itself is linked */
        c = leave_cold(g, in->c, TCG_LEAVE_EXIT);
        g->exit[in->c].jmp_off = x86_jcc32_aligned(&g->a, cc);
        cold_jump(c, g->exit[in->c].jmp_off);
        return;
    }
    c = cold_new(g, cold_side);
    c->locs = l;
    c->aux = in->c;
    cold_jump(c, x86_jcc32(&g->a, cc));
}

/* ---- the unit's own loop ---- */

/* What the exit does not execute was given back before the poll. */
static void cold_poll_loop(Gen *g, const Cold *c)
{
    carry_leave(g, &c->locs, NO_REG);
    leave_by_exit(g, c->aux, TCG_LEAVE_POLL);
}

/* Leave at the loop's edge, with the state before carried values moved. */
static void loop_checks(Gen *g, unsigned exit, const Locs *l)
{
    Cold *c;

    refund(g, exit);
    if (g->tb->exit[exit].flags & TCG_EXIT_POLL) {
        x86_alu_mi(&g->a, ALU_CMP, 0, hot(TCG_HOT_OFF(exit_req)), 0);
        c = cold_new(g, cold_poll_loop);
        c->locs = *l;
        c->aux = exit;
        cold_jump(c, x86_jcc32(&g->a, CC_NE));
    }
    count_insns(g, cold_icount_loop, *l);
}

/* To the head. @cc: of a side exit; -1: always. */
static void loop_back(Gen *g, unsigned exit, int cc)
{
    const TcgExit *e = &g->tb->exit[exit];
    Locs l = ra_capture(g, e->snap, true);
    uint32_t skip = cc >= 0 ? x86_jcc32(&g->a, cc ^ 1) : 0;
    uint32_t at = x86_offset(&g->a);

    carry_round(g, &l);
    if (x86_offset(&g->a) == at && (e->flags & TCG_EXIT_POLL) &&
        !(g->tb->flags & TCG_BLOCK_ICOUNT)) {
        /* nothing to move: the poll itself jumps to the head */
        Cold *c = cold_new(g, cold_poll_loop);

        c->locs = l;
        c->aux = exit;
        x86_alu_mi(&g->a, ALU_CMP, 0, hot(TCG_HOT_OFF(exit_req)), 0);
        x86_jcc_back(&g->a, CC_E, g->head);
        cold_jump(c, x86_jmp32(&g->a));
    } else {
        g->a.p = g->a.start + at;
        loop_checks(g, exit, &l);
        carry_round(g, &l);
        x86_jmp_back(&g->a, g->head);
    }
    if (cc >= 0) {
        x86_bind32(&g->a, skip);
    }
}

/* ---- traps ---- */

static void cold_trap(Gen *g, const Cold *c)
{
    x86_mov_imm(&g->a, RCX, g->tb->exit[c->aux].code, true);
    x86_call_abs(&g->a, thunk_at(g, THUNK_TRAP + c->vec_live), RAX);
    ra_record(g, &c->locs);
    x86_ud2(&g->a);
}

static Cold *trap_cold(Gen *g, unsigned exit)
{
    Locs l = ra_capture(g, g->tb->exit[exit].snap, true);
    Cold *c = cold_new(g, cold_trap);

    c->locs = l;
    c->aux = exit;
    return c;
}

static void emit_trap(Gen *g, const TcgInsn *in)
{
    Cold *c = trap_cold(g, in->c); /* may emit code */

    cold_jump(c, x86_jmp32(&g->a));
}

static void emit_side(Gen *g, const TcgInsn *in)
{
    switch (g->tb->exit[in->c].kind) {
    case TCG_EXIT_TRAP: {
        /* operands first, so that capture sees where values end up */
        X86Cc cc = x86_compare(g, in->aux, in->a, in->b);
        Cold *c = trap_cold(g, in->c);

        cold_jump(c, x86_jcc32(&g->a, cc));
        break;
    }
    case TCG_EXIT_LOOP:
        loop_back(g, in->c, x86_compare(g, in->aux, in->a, in->b));
        break;
    default:
        side_direct(g, in);
        break;
    }
    ra_end_insn(g);
}

static void emit_exit(Gen *g, const TcgInsn *in)
{
    const TcgExit *e = &g->tb->exit[in->c];

    if (e->kind == TCG_EXIT_LOOP) {
        loop_back(g, in->c, -1);
    } else {
        Locs l = ra_capture(g, e->snap, false);

        carry_leave(g, &l, NO_REG);
        direct_jump(g, in->c);
    }
}

/* ---- indirect exits ---- */

static void emit_exit_ind(Gen *g, const TcgInsn *in)
{
    const TcgExit *e = &g->tb->exit[in->c];
    bool known = tcg_ref_is_const(in->a);
    int pc = known ? NO_REG : ra_use(g, in->a, NO_REG);
    Locs l = ra_capture(g, e->snap, false);

    carry_leave(g, &l, pc);
    if (known) {
        x86_mov_imm(&g->a, RAX, tcg_ref_const(g->tb, in->a), true);
    }
    refund(g, in->c);
    if (e->flags & TCG_EXIT_TO_LOOP) {
        x86_jmp_abs(&g->a, thunk_at(g, THUNK_LEAVE_IND));
        return;
    }
    if (e->flags & TCG_EXIT_POLL) {
        x86_alu_mi(&g->a, ALU_CMP, 0, hot(TCG_HOT_OFF(exit_req)), 0);
        x86_jcc_abs(&g->a, CC_NE, thunk_at(g, THUNK_POLL_IND));
    }
    jump_cache(g);
}

/* ---- helpers ---- */

static const uint8_t arg_reg[] = { RSI, RDX, RCX, R8, R9 };

static unsigned gather_args(Gen *g, unsigned nargs, Move *m)
{
    for (unsigned k = 0; k < nargs; k++) {
        TcgRef r = tcg_insn_operand(g->tb, g->i, k);
        int src = tcg_ref_is_const(r) ? NO_REG : g->val[ra_canon(g, r)].reg;

        m[k] = (Move){ arg_reg[k], src, false, r };
    }
    m[nargs] = (Move){ RDI, RBP, false, TCG_REF_NONE };
    return nargs + 1;
}

static void slots_written(Gen *g, const TcgHelper *h)
{
    for (unsigned s = 0; s < g->fe->nslots; s++) {
        if (g->slot_home[s] != TCG_REF_NONE &&
            (h->writes == NULL || tcg_slotset_has(h->writes, s))) {
            ra_slot_changes(g, s, TCG_REF_NONE);
        }
    }
}

static void emit_call(Gen *g, const TcgInsn *in)
{
    const TcgHelper *h = g->tb->helper[in->aux];
    bool snap = tcg_insn_has_snap(g->tb, g->i);
    Move m[TCG_HELPER_ARGS + 1];
    Locs l = { 0 };
    unsigned n;

    if (g->tb->vec[in->aux].fn != TCG_VEC_NONE && x86_emit_vec(g, in)) {
        return;
    }
    vec_keep_none(g);
    if (!(h->flags & TCG_H_PURE)) {
        slots_written(g, h);
    }
    ra_before_call(g, snap);
    n = gather_args(g, h->nargs, m);
    ra_call_clobbers(g);
    if (snap) {
        l = ra_capture(g, g->tb->snap_of[g->i], true);
    }
    ra_parallel_move(g, m, n, RAX);
    g->drained &= (h->flags & TCG_H_PURE) != 0;
    if (snap || (h->flags & TCG_H_HOST_FP)) {
        x86_mov_imm(&g->a, RAX, (uintptr_t)h->fn, true);
        x86_call_abs(
            &g->a,
            thunk_at(g, h->flags & TCG_H_HOST_FP ? THUNK_CALL_FP : THUNK_CALL),
            R11);
    } else {
        x86_call_abs(&g->a, h->fn, RAX);
    }
    if (snap) {
        ra_record(g, &l);
    }
    if (h->ret != TCG_NONE && g->val[g->i].last > g->i) {
        int dst = ra_def_early(g);

        x86_move(g, dst, RAX, ra_wide(h->ret));
        ra_commit(g, dst);
    } else {
        ra_end_insn(g);
    }
}

EmitFn *const x86_emit_ctl[TCG_OP_COUNT] = {
    [TCG_OP_side] = emit_side,         [TCG_OP_exit] = emit_exit,
    [TCG_OP_exit_ind] = emit_exit_ind, [TCG_OP_trap] = emit_trap,
    [TCG_OP_call] = emit_call,
};
