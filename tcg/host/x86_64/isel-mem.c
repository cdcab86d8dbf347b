/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory and env. A guest access is checked against the soft TLB inline
 * (TCG.md 3.5); everything else is the engine's, called out of line through
 * thunks that save all registers.
 */
#include "tandem/base.h"

#include "backend.h"

/* ---- the soft TLB ---- */

/* The guest address as base register and displacement. */
static X86Mem address(Gen *g, TcgRef r)
{
    int32_t disp = 0;

    if (tcg_ref_is_const(r)) {
        int reg = ra_temp(g);

        x86_mov_imm(&g->a, reg, tcg_ref_const(g->tb, r), true);
        return x86_mem(reg, 0);
    }
    if (g->val[r].flags & VAL_FOLDED) {
        const TcgInsn *add = &g->tb->insn[r];

        ra_imm32(g, add->b, &disp);
        r = add->a;
    }
    return x86_mem(ra_use(g, r, RAX), disp);
}

/* An address that was folded is no operand of the insn; let go of its base. */
static void address_done(Gen *g, TcgRef r)
{
    if (!tcg_ref_is_const(r) && (g->val[r].flags & VAL_FOLDED)) {
        ra_drop_dead(g, g->tb->insn[r].a);
    }
}

static int32_t tlb_off(MemOp mo, size_t field)
{
    return TCG_HOT_OFF(tlb) + memop_mmu(mo) * sizeof(TcgTlb) + field;
}

/*
 * rax = slot of the page of @addr in the soft TLB, else to @c. rcx and flags
 * are lost. One compare finds a miss, a slow page and an access of @size bytes
 * across the page's end.
 */
static void tlb_match(Gen *g, X86Mem addr, MemOp mo, unsigned size, bool write,
                      Cold *c)
{
    X86Asm *a = &g->a;
    unsigned bits = g->fe->page_bits, align = memop_align(mo);
    size_t tag = write ? offsetof(TcgTlb, tag_w) : offsetof(TcgTlb, tag_r);

    if ((mo & MO_KIND_MASK) == MO_CODE) {
        cold_jump(c, x86_jmp32(a));
        return;
    }
    if (addr.disp == 0) {
        x86_rr(a, X86_MOV_RM, 1, RCX, addr.base);
    } else {
        x86_rm(a, X86_LEA, 1, RCX, addr);
        addr.base = RCX;
    }
    if (g->f.bmi2) {
        x86_rri(a, X86_RORX, 0, RAX, addr.base, bits);
    } else {
        x86_rr(a, X86_MOV_RM, 0, RAX, addr.base);
        x86_ri8(a, X86_SHR_I8, 0, RAX, bits);
    }
    x86_alu_ri(a, ALU_AND, 0, RAX, TCG_TLB_SIZE - 1);
    if (align > 1) {
        x86_ri8(a, X86_TEST8_I8, 0, RCX, align - 1);
        cold_jump(c, x86_jcc32(a, CC_NE));
    }
    x86_rm(a, X86_XOR_RM, 1, RCX, x86_mem_index(RBP, RAX, 3, tlb_off(mo, tag)));
    x86_alu_ri(a, ALU_CMP, 1, RCX, (1 << bits) - size);
    cold_jump(c, x86_jcc32(a, CC_A));
}

/* The addend of the slot that tlb_match() found. */
static X86Mem tlb_addend(MemOp mo)
{
    return x86_mem_index(RBP, RAX, 3, tlb_off(mo, offsetof(TcgTlb, addend)));
}

/* @to = addend of the page of @addr, else to @c. rax, rcx and flags are lost.
 */
static void tlb_probe(Gen *g, X86Mem addr, MemOp mo, unsigned size, bool write,
                      int to, Cold *c)
{
    tlb_match(g, addr, mo, size, write, c);
    x86_rm(&g->a, X86_MOV_RM, 1, to, tlb_addend(mo));
}

void x86_tlb_check(Gen *g, X86Mem addr, MemOp mo, unsigned size, bool write,
                   Cold *c)
{
    tlb_probe(g, addr, mo, size, write, RAX, c);
}

static void cold_respec(Gen *g, const Cold *c)
{
    x86_rm(&g->a, X86_MOV_RM, 1, c->to, tlb_addend(c->aux));
    x86_rm(&g->a, X86_MOV_MR, 1, c->to, x86_mem(RBP, c->cell));
    x86_alu_mi(&g->a, ALU_ADD, 1, x86_mem(RBP, TCG_HOT_OFF(spec_misses)), 1);
    x86_jmp_back(&g->a, c->check_back);
}

/* As tlb_probe() with a guess (E6): the access need not wait for the slot. */
static void spec_probe(Gen *g, X86Mem addr, MemOp mo, unsigned size, bool write,
                       int to, Cold *c)
{
    Cold *fix = cold_new(g, cold_respec);

    g->ctx->count.spec_ops++;
    fix->aux = mo;
    fix->to = to;
    fix->cell = spec_offset(g);
    tlb_match(g, addr, mo, size, write, c);
    x86_rm(&g->a, X86_MOV_RM, 1, to, x86_mem(RBP, fix->cell));
    x86_rm(&g->a, X86_CMP_RM, 1, to, tlb_addend(mo));
    cold_jump(fix, x86_jcc32(&g->a, CC_NE));
    fix->check_back = x86_offset(&g->a);
}

/* The check of one access: rax = addend. */
static void tlb_check(Gen *g, X86Mem addr, MemOp mo, bool write, Cold *c)
{
    tlb_probe(g, addr, mo, memop_size(mo), write, RAX, c);
}

/* A page cell did not have the page: fill it from the soft TLB. */
static void cold_refill(Gen *g, const Cold *c)
{
    X86Asm *a = &g->a;
    int32_t fills = TCG_HOT_OFF(tlb) + memop_mmu(c->aux) * sizeof(TcgTlb) +
                    offsetof(TcgTlb, cell_fills[c->write]);
    Cold this = *c, *slow = cold_new(g, NULL);

    *slow = this;
    slow->emit = this.after;
    memset(slow->jump, 0, sizeof(slow->jump));
    tlb_probe(g, this.window, this.aux, this.span, this.write, this.to, slow);
    x86_alu_mi(a, ALU_ADD, 1, x86_mem(RBP, TCG_HOT_OFF(cell_fills)), 1);
    x86_rm(a, X86_LEA, 1, RCX, this.window);
    x86_alu_ri(a, ALU_AND, 1, RCX, -(1 << g->fe->page_bits));
    x86_alu_mi(a, ALU_ADD, 1, x86_mem(RBP, fills), 1);
    x86_rm(a, X86_MOV_MR, 1, RCX,
           x86_mem(RBP, this.cell + offsetof(TcgPageCell, page)));
    x86_rm(a, X86_MOV_MR, 1, this.to,
           x86_mem(RBP, this.cell + offsetof(TcgPageCell, addend)));
    x86_mi32(a, X86_MOV_I, 1,
             x86_mem(RBP, this.cell + offsetof(TcgPageCell, limit)),
             (1 << g->fe->page_bits) - cell_span(this.span) + 1);
    x86_jmp_back(a, this.check_back);
}

/* As tlb_probe(), by way of a page cell; rcx and flags are lost. @c becomes
 * the way to the soft TLB. */
static void cell_probe(Gen *g, X86Mem addr, MemOp mo, unsigned size, bool write,
                       int to, Cold *c)
{
    X86Asm *a = &g->a;

    g->ctx->count.cell_ops++;
    c->after = c->emit;
    c->emit = cold_refill;
    c->window = addr;
    c->span = size;
    c->write = write;
    c->to = to;
    c->cell = cell_offset(g, memop_mmu(mo), size, write);
    if (addr.disp == 0) {
        x86_rr(a, X86_MOV_RM, 1, RCX, addr.base);
    } else {
        x86_rm(a, X86_LEA, 1, RCX, addr);
    }
    x86_rm(a, X86_SUB_RM, 1, RCX,
           x86_mem(RBP, c->cell + offsetof(TcgPageCell, page)));
    x86_rm(a, X86_CMP_RM, 1, RCX,
           x86_mem(RBP, c->cell + offsetof(TcgPageCell, limit)));
    cold_jump(c, x86_jcc32(a, CC_AE));
    x86_rm(a, X86_MOV_RM, 1, to,
           x86_mem(RBP, c->cell + offsetof(TcgPageCell, addend)));
    c->check_back = x86_offset(a);
}

static X86Mem host_mem(X86Mem addr)
{
    return x86_mem_index(addr.base, RAX, 0, addr.disp);
}

/* Begin an op that may take a slow path: locations are final from here. */
static Cold *slow_path(Gen *g, void (*emit)(Gen *g, const Cold *c), X86Mem addr,
                       MemOp mo, int dst)
{
    Locs l = ra_capture(g, g->tb->snap_of[g->i], true);
    Cold *c = cold_new(g, emit);

    c->locs = l;
    c->addr = addr;
    c->aux = mo;
    c->dst = dst;
    return c;
}

/* Remember operand @k of a slow path: register or constant. */
static void slow_operand(Gen *g, Cold *c, unsigned k, TcgRef r, int reg)
{
    if (tcg_ref_is_const(r)) {
        c->src[k] = NO_REG;
        c->imm[k] = tcg_ref_const(g->tb, r);
    } else {
        c->src[k] = reg;
    }
}

static void cold_operand(Gen *g, const Cold *c, unsigned k, int to)
{
    if (c->src[k] == NO_REG) {
        x86_mov_imm(&g->a, to, c->imm[k], true);
    } else {
        x86_move(g, to, c->src[k], true);
    }
}

/* rax = guest address, unless its base is rax already. */
static void cold_address(Gen *g, const Cold *c)
{
    if (c->addr.disp != 0) {
        x86_rm(&g->a, X86_LEA, 1, RAX, c->addr);
    } else {
        x86_move(g, RAX, c->addr.base, true);
    }
}

static void cold_call(Gen *g, const Cold *c, Thunk t)
{
    x86_call_abs(&g->a, thunk_at(g, t + c->vec_live), RAX);
    ra_record(g, &c->locs);
}

/* @dst = @src (general), the raw datum of @mo, extended to @type. */
static void extend_datum(Gen *g, int dst, int src, MemOp mo, TcgType type)
{
    static const X86Insn zero[] = { X86_MOVZX8, X86_MOVZX16, X86_MOV_RM,
                                    X86_MOV_RM };
    static const X86Insn sign[] = { X86_MOVSX8, X86_MOVSX16, X86_MOVSXD,
                                    X86_MOV_RM };
    unsigned size = mo & MO_SIZE;
    bool wide = type == TCG_I64;

    if (dst >= X0) {
        x86_move(g, dst, src, type == TCG_F64);
    } else if ((mo & MO_SIGN) && (wide || size < MO_32)) {
        x86_rr(&g->a, sign[size], wide, dst, src);
    } else {
        x86_rr(&g->a, zero[size], size == MO_64, dst, src);
    }
}

/* ---- loads and stores ---- */

/* The group's first member went the long way: the others must as well. */
static void spoil_addend(Gen *g, const Cold *c)
{
    if (c->addend != NO_REG) {
        x86_alu_ri(&g->a, ALU_OR, 1, c->addend, NO_ADDEND);
    }
}

static void cold_ld(Gen *g, const Cold *c)
{
    x86_i32(&g->a, X86_PUSH_I, c->aux);
    cold_address(g, c);
    cold_call(g, c, THUNK_LD);
    extend_datum(g, c->dst, RAX, c->aux, g->tb->insn[c->insn].type);
    spoil_addend(g, c);
    x86_jmp_back(&g->a, c->back);
}

/* Byte order: swap the low @size bytes of @reg. */
static void swap_bytes(Gen *g, int reg, unsigned size)
{
    if (size == MO_16) {
        x86_ri8(&g->a, X86_ROL16_I8, 0, reg, 8);
    } else if (size >= MO_32) {
        x86_bswap(&g->a, size == MO_64, reg);
    }
}

static void load(Gen *g, int dst, X86Mem m, MemOp mo, TcgType type)
{
    static const X86Insn zero[] = { X86_MOVZX8, X86_MOVZX16, X86_MOV_RM,
                                    X86_MOV_RM };
    static const X86Insn sign[] = { X86_MOVSX8, X86_MOVSX16, X86_MOVSXD,
                                    X86_MOV_RM };
    unsigned size = mo & MO_SIZE;

    if ((mo & MO_SWAP) && size != MO_8) {
        x86_rm(&g->a, zero[size], size == MO_64, RAX, m);
        swap_bytes(g, RAX, size);
        extend_datum(g, dst, RAX, mo, type);
    } else if (dst >= X0) {
        x86_rm(&g->a, type == TCG_F64 ? X86_MOVSD_XM : X86_MOVSS_XM, 0, dst, m);
    } else if ((mo & MO_SIGN) && (type == TCG_I64 || size < MO_32)) {
        x86_rm(&g->a, sign[size], type == TCG_I64, dst, m);
    } else {
        x86_rm(&g->a, zero[size], size == MO_64, dst, m);
    }
}

static void cold_st(Gen *g, const Cold *c)
{
    x86_i32(&g->a, X86_PUSH_I, c->aux);
    cold_operand(g, c, 0, RCX);
    cold_address(g, c);
    cold_call(g, c, THUNK_ST);
    spoil_addend(g, c);
    x86_jmp_back(&g->a, c->back);
}

/* Store register @reg (rcx may be lost). */
static void store_reg(Gen *g, int reg, X86Mem m, MemOp mo)
{
    static const X86Insn st[] = { X86_MOV8_MR, X86_MOV16_MR, X86_MOV_MR,
                                  X86_MOV_MR };
    unsigned size = mo & MO_SIZE;

    if ((mo & MO_SWAP) && size != MO_8) {
        x86_move(g, RCX, reg, size == MO_64);
        swap_bytes(g, RCX, size);
        reg = RCX;
    }
    if (reg >= X0) {
        x86_rm(&g->a, size == MO_64 ? X86_MOVSD_MX : X86_MOVSS_MX, 0, reg, m);
    } else {
        x86_rm(&g->a, st[size], size == MO_64, reg, m);
    }
}

static void store_imm(Gen *g, uint64_t v, X86Mem m, MemOp mo)
{
    unsigned size = mo & MO_SIZE;

    if (size == MO_8) {
        x86_mi8(&g->a, X86_MOV8_I8, 0, m, v);
    } else if (!(mo & MO_SWAP) &&
               (size == MO_32 || (size == MO_64 && (int64_t)v == (int32_t)v))) {
        x86_mi32(&g->a, X86_MOV_I, size == MO_64, m, v);
    } else {
        x86_mov_imm(&g->a, RCX, v, true);
        store_reg(g, RCX, m, mo);
    }
}

/* No load passes an earlier store. Nothing to do when there was no store in
 * this unit since the last locked access. */
static void fence_all(Gen *g)
{
    if (g->drained) {
        return;
    }
    g->drained = true;
    x86_mi8(&g->a, X86_LOCK_OR_I8, 0, x86_mem(RSP, -8), 0);
}

/* A member of a group without a shared check: its own, out of line. */
static void cold_member(Gen *g, const Cold *c)
{
    const TcgInsn *in = &g->tb->insn[c->insn];
    bool write = in->op == TCG_OP_st;
    Cold *slow = cold_new(g, NULL);

    *slow = *c;
    slow->emit = write ? cold_st : cold_ld;
    memset(slow->jump, 0, sizeof(slow->jump));
    tlb_check(g, c->addr, c->aux, write, slow);
    if (!write) {
        load(g, c->dst, host_mem(c->addr), c->aux, in->type);
    } else if (c->src[0] == NO_REG) {
        store_imm(g, c->imm[0], host_mem(c->addr), c->aux);
    } else {
        store_reg(g, c->src[0], host_mem(c->addr), c->aux);
    }
    spoil_addend(g, c);
    x86_jmp_back(&g->a, c->back);
}

static Group *group_of(Gen *g)
{
    unsigned k = g->val[g->i].group;

    return k != 0 && g->group[k - 1].count > 1 ? &g->group[k - 1] : NULL;
}

typedef void ProbeFn(Gen *g, X86Mem addr, MemOp mo, unsigned size, bool write,
                     int to, Cold *c);

/* How the access, or its group, is checked. */
static ProbeFn *probe_of(const Gen *g, const TcgInsn *in)
{
    int32_t disp;
    TcgRef root = group_root(g, in->a, &disp);

    if (memop_align(in->aux) != 1 || (in->aux & MO_KIND_MASK) == MO_CODE) {
        return tlb_probe;
    }
    return cell_wanted(g, root)                          ? cell_probe
           : in->op == TCG_OP_ld && spec_wanted(g, root) ? spec_probe
                                                         : tlb_probe;
}

/* Register of the group's addend; the first member's own is yet empty. */
static int group_addend(Gen *g, const Group *q, ProbeFn *probe)
{
    if (q == NULL) {
        return probe == spec_probe ? RCX : RAX;
    }
    return q->leader == g->i ? ra_temp(g)
                             : ra_use(g, group_value(g, q - g->group), NO_REG);
}

/* What the check found is the guess of checks that come later. */
static void tell_addend(Gen *g, int addend)
{
    if (spec_tells(g)) {
        x86_rm(&g->a, X86_MOV_MR, 1, addend, x86_mem(RBP, spec_offset(g)));
    }
}

/* Check the access, or its whole group, or what the group's first found. */
static void group_check(Gen *g, const Group *q, X86Mem addr, int addend,
                        ProbeFn *probe, const TcgInsn *in, Cold *c)
{
    bool write = in->op == TCG_OP_st;
    int32_t disp;

    if (q == NULL) {
        probe(g, addr, in->aux, memop_size(in->aux), write, addend, c);
        tell_addend(g, addend);
        return;
    }
    c->emit = cold_member;
    if (q->leader != g->i) {
        g->ctx->count.group_ops++;
        x86_alu_ri(&g->a, ALU_CMP, 1, addend, NO_ADDEND);
        cold_jump(c, x86_jcc32(&g->a, CC_E));
        return;
    }
    c->addend = addend;
    group_root(g, in->a, &disp);
    addr.disp += q->lo - disp;
    probe(g, addr, in->aux, q->hi - q->lo, q->write, addend, c);
    tell_addend(g, addend);
}

static void group_done(Gen *g, const Group *q, int addend)
{
    if (q != NULL) {
        TcgRef r = group_value(g, q - g->group);

        if (q->leader == g->i) {
            ra_bind_temp(g, r, addend);
        }
        ra_drop_dead(g, r);
    }
}

static X86Mem group_mem(X86Mem addr, int addend)
{
    return x86_mem_index(addr.base, addend, 0, addr.disp);
}

static void emit_ld(Gen *g, const TcgInsn *in)
{
    const Group *q = group_of(g);
    ProbeFn *probe = probe_of(g, in);
    X86Mem addr = address(g, in->a);
    int addend = group_addend(g, q, probe);
    int dst = ra_def(g);
    Cold *c = slow_path(g, cold_ld, addr, in->aux, dst);

    group_check(g, q, addr, addend, probe, in, c);
    load(g, dst, group_mem(addr, addend), in->aux, in->type);
    c->back = x86_offset(&g->a);
    ra_commit(g, dst);
    address_done(g, in->a);
    group_done(g, q, addend);
}

static void emit_st(Gen *g, const TcgInsn *in)
{
    const Group *q = group_of(g);
    ProbeFn *probe = probe_of(g, in);
    X86Mem addr = address(g, in->a);
    int src = tcg_ref_is_const(in->b) ? NO_REG : ra_use(g, in->b, NO_REG);
    int addend = group_addend(g, q, probe);
    Cold *c = slow_path(g, cold_st, addr, in->aux, NO_REG);

    slow_operand(g, c, 0, in->b, src);
    group_check(g, q, addr, addend, probe, in, c);
    if (src == NO_REG) {
        store_imm(g, c->imm[0], group_mem(addr, addend), in->aux);
    } else {
        store_reg(g, src, group_mem(addr, addend), in->aux);
    }
    c->back = x86_offset(&g->a);
    g->drained = false;
    if ((in->aux & MO_ORDER_MASK) == MO_SEQ) {
        fence_all(g);
    }
    ra_end_insn(g);
    address_done(g, in->a);
    group_done(g, q, addend);
}

/* ---- atomics ---- */

static void cold_atomic(Gen *g, const Cold *c)
{
    const TcgInsn *in = &g->tb->insn[c->insn];
    TcgAtomic kind = tcg_atomic_of_op(in->op);
    bool cas = kind == TCG_ATOMIC_CAS || kind == TCG_ATOMIC_SC;

    /* for cas and sc: src 0 = expected, 1 = new, 2 = holds */
    if (kind == TCG_ATOMIC_SC) {
        cold_operand(g, c, 2, RCX);
        x86_rr(&g->a, X86_XOR_RM, 0, RAX, RAX);
        x86_rr(&g->a, X86_TEST_MR, 0, RCX, RCX);
        x86_setcc(&g->a, CC_NE, RAX);
        x86_ri8(&g->a, X86_SHL_I8, 0, RAX, 8);
        x86_alu_ri(&g->a, ALU_OR, 0, RAX, kind);
        x86_push(&g->a, RAX);
    } else {
        x86_i32(&g->a, X86_PUSH_I, TCG_ATOMIC_ARG(kind, 0));
    }
    if (cas) {
        cold_operand(g, c, 0, RCX);
    }
    x86_push(&g->a, RCX);
    x86_i32(&g->a, X86_PUSH_I, c->aux);
    cold_operand(g, c, cas, RCX);
    cold_address(g, c);
    cold_call(g, c, THUNK_ATOMIC);
    if (c->dst != NO_REG) {
        MemOp mo = kind == TCG_ATOMIC_SC ? MO_8 : c->aux;

        extend_datum(g, c->dst, RAX, mo, in->type);
    }
    x86_jmp_back(&g->a, c->back);
}

/* Natural alignment is required, so that the locked access is one. */
static MemOp aligned(MemOp mo)
{
    return (mo & ~MO_ALIGN_MASK) | MO_ALIGN;
}

/* An instruction by operand size: 1, 2, then 4 or 8 bytes. */
static void sized(Gen *g, const X86Insn insn[3], MemOp mo, int reg, X86Mem m)
{
    unsigned size = mo & MO_SIZE;

    x86_rm(&g->a, insn[MIN(size, 2)], size == MO_64, reg, m);
}

static const X86Insn insn_xchg[] = { X86_XCHG8_MR, X86_XCHG16_MR, X86_XCHG_MR };
static const X86Insn insn_xadd[] = { X86_LOCK_XADD8, X86_LOCK_XADD16,
                                     X86_LOCK_XADD };
static const X86Insn insn_cmpxchg[] = { X86_LOCK_CMPXCHG8, X86_LOCK_CMPXCHG16,
                                        X86_LOCK_CMPXCHG };

/* Memory of less than 4 bytes with no host instruction, or swapped: the
 * engine does it. */
static bool all_slow(TcgOp op, MemOp mo)
{
    return (mo & MO_SWAP) ||
           ((mo & MO_SIZE) < MO_32 && op != TCG_OP_at_xchg &&
            op != TCG_OP_at_add && op != TCG_OP_at_cas && op != TCG_OP_at_sc);
}

/* [rcx] op= @b by a compare-and-swap loop; rax = the old value. */
static void cas_loop(Gen *g, TcgOp op, MemOp mo, int tmp, int b)
{
    static const struct {
        X86Insn alu;
        X86Cc take_b;
    } row[] = {
        [TCG_OP_at_and - TCG_OP_at_and] = { X86_AND_RM },
        [TCG_OP_at_or - TCG_OP_at_and] = { X86_OR_RM },
        [TCG_OP_at_xor - TCG_OP_at_and] = { X86_XOR_RM },
        [TCG_OP_at_smin - TCG_OP_at_and] = { 0, CC_G },
        [TCG_OP_at_smax - TCG_OP_at_and] = { 0, CC_L },
        [TCG_OP_at_umin - TCG_OP_at_and] = { 0, CC_A },
        [TCG_OP_at_umax - TCG_OP_at_and] = { 0, CC_B },
    };
    int w = (mo & MO_SIZE) == MO_64;
    uint32_t top;

    x86_rm(&g->a, X86_MOV_RM, w, RAX, x86_mem(RCX, 0));
    top = x86_offset(&g->a);
    x86_rr(&g->a, X86_MOV_RM, w, tmp, RAX);
    if (row[op - TCG_OP_at_and].alu != 0) {
        x86_rr(&g->a, row[op - TCG_OP_at_and].alu, w, tmp, b);
    } else {
        x86_rr(&g->a, X86_CMP_RM, w, tmp, b);
        x86_cmov(&g->a, row[op - TCG_OP_at_and].take_b, w, tmp, b);
    }
    x86_rm(&g->a, X86_LOCK_CMPXCHG, w, tmp, x86_mem(RCX, 0));
    x86_jcc_back(&g->a, CC_NE, top);
}

/* rcx = host address. */
static void host_address(Gen *g, X86Mem addr)
{
    x86_rm(&g->a, X86_LEA, 1, RCX, host_mem(addr));
}

/* Operand in a register other than the scratch ones. */
static int atomic_operand(Gen *g, TcgRef r)
{
    int reg;

    if (!tcg_ref_is_const(r)) {
        return ra_use(g, r, NO_REG);
    }
    reg = ra_temp(g);
    x86_mov_imm(&g->a, reg, tcg_ref_const(g->tb, r), true);
    return reg;
}

/* Result unused: an operation on memory without reading it back. */
static bool rmw_without_result(Gen *g, const TcgInsn *in)
{
    static const X86Insn insn[] = { X86_LOCK_ADD_MR, X86_LOCK_AND_MR,
                                    X86_LOCK_OR_MR, X86_LOCK_XOR_MR };
    X86Mem addr;
    Cold *c;
    int b;

    if (g->tb->uses[g->i] != 0 || in->op < TCG_OP_at_add ||
        in->op > TCG_OP_at_xor || (in->aux & MO_SWAP) ||
        (in->aux & MO_SIZE) < MO_32) {
        return false;
    }
    addr = address(g, in->a);
    b = atomic_operand(g, in->b);
    c = slow_path(g, cold_atomic, addr, in->aux, NO_REG);
    c->src[0] = b;
    tlb_check(g, addr, aligned(in->aux), true, c);
    x86_rm(&g->a, insn[in->op - TCG_OP_at_add], (in->aux & MO_SIZE) == MO_64, b,
           host_mem(addr));
    c->back = x86_offset(&g->a);
    g->drained = true;
    ra_end_insn(g);
    address_done(g, in->a);
    return true;
}

static void rmw_with_result(Gen *g, const TcgInsn *in)
{
    X86Mem addr = address(g, in->a);
    MemOp mo = aligned(in->aux);
    int b = atomic_operand(g, in->b);
    int tmp = ra_temp(g);
    int dst = ra_def(g);
    Cold *c = slow_path(g, cold_atomic, addr, in->aux, dst);

    c->src[0] = b;
    if (all_slow(in->op, mo)) {
        cold_jump(c, x86_jmp32(&g->a));
    } else {
        tlb_check(g, addr, mo, true, c);
        if (in->op == TCG_OP_at_xchg || in->op == TCG_OP_at_add) {
            x86_rr(&g->a, X86_MOV_RM, 1, RCX, b);
            sized(g, in->op == TCG_OP_at_add ? insn_xadd : insn_xchg, mo, RCX,
                  host_mem(addr));
            extend_datum(g, dst, RCX, mo, in->type);
        } else {
            host_address(g, addr);
            cas_loop(g, in->op, mo, tmp, b);
            extend_datum(g, dst, RAX, mo, in->type);
        }
    }
    c->back = x86_offset(&g->a);
    g->drained = true;
    ra_commit(g, dst);
    address_done(g, in->a);
}

static void emit_rmw(Gen *g, const TcgInsn *in)
{
    if (!rmw_without_result(g, in)) {
        rmw_with_result(g, in);
    }
}

static void emit_cas(Gen *g, const TcgInsn *in)
{
    X86Mem addr = address(g, in->a);
    MemOp mo = aligned(in->aux);
    int expected = atomic_operand(g, in->b);
    int v = atomic_operand(g, in->c);
    bool sc = in->op == TCG_OP_at_sc;
    int holds = sc ? atomic_operand(g, tcg_insn_operand(g->tb, g->i, 3)) : 0;
    int dst = ra_def_early(g); /* written before the last use of `v` */
    Cold *c = slow_path(g, cold_atomic, addr, in->aux, dst);
    uint32_t fail = 0;

    c->src[0] = expected;
    c->src[1] = v;
    c->src[2] = holds;
    if (all_slow(in->op, mo)) {
        cold_jump(c, x86_jmp32(&g->a));
    } else {
        tlb_check(g, addr, mo, true, c);
        host_address(g, addr);
        x86_rr(&g->a, X86_MOV_RM, 1, RAX, expected);
        if (sc) {
            x86_rr(&g->a, X86_TEST_MR, 0, holds, holds);
            x86_mov_imm(&g->a, dst, 1, false);
            fail = x86_jcc8(&g->a, CC_E);
        }
        sized(g, insn_cmpxchg, mo, v, x86_mem(RCX, 0));
        if (sc) {
            x86_setcc(&g->a, CC_NE, RAX);
            x86_rr(&g->a, X86_MOVZX8, 0, dst, RAX);
            x86_bind8(&g->a, fail);
        } else {
            extend_datum(g, dst, RAX, mo, in->type);
        }
    }
    c->back = x86_offset(&g->a);
    g->drained = !sc; /* a failing SC need not lock */
    ra_commit(g, dst);
    address_done(g, in->a);
}

/* Total store order: only a store before a load needs the host's help. */
static void emit_fence(Gen *g, const TcgInsn *in)
{
    if (in->aux & TCG_FENCE_WR) {
        fence_all(g);
    }
}

/* ---- env ---- */

static void emit_slot_get(Gen *g, const TcgInsn *in)
{
    Val *v = &g->val[g->i];

    if (v->alias == TCG_REF_NONE) {
        v->mem = MEM_SLOT;
        v->where = in->aux;
        g->slot_home[in->aux] = g->i;
    }
}

/* Store @r of @type at @m, @mo its size. */
static void store_env(Gen *g, TcgRef r, X86Mem m, MemOp mo)
{
    if (tcg_ref_is_const(r)) {
        store_imm(g, tcg_ref_const(g->tb, r), m, mo);
    } else {
        store_reg(g, ra_use(g, r, NO_REG), m, mo);
    }
}

static void emit_slot_st(Gen *g, const TcgInsn *in)
{
    const TcgSlotDesc *s = &g->fe->slots[in->aux];

    ra_slot_changes(g, in->aux, in->a);
    store_env(g, in->a, x86_mem(RBP, s->offset),
              ra_wide(s->type) ? MO_64 : MO_32);
    if (!tcg_ref_is_const(in->a)) {
        ra_slot_home(g, in->aux, ra_canon(g, in->a));
    }
    ra_end_insn(g);
}

static void emit_env_ld(Gen *g, const TcgInsn *in)
{
    int dst = ra_def_early(g);

    load(g, dst, x86_mem(RBP, (int32_t)in->a), in->aux, in->type);
    ra_commit(g, dst);
}

static void emit_env_st(Gen *g, const TcgInsn *in)
{
    store_env(g, in->a, x86_mem(RBP, (int32_t)in->b), in->aux);
    ra_end_insn(g);
}

EmitFn *const x86_emit_mem[TCG_OP_COUNT] = {
    [TCG_OP_ld] = emit_ld,
    [TCG_OP_st] = emit_st,
    [TCG_OP_at_xchg] = emit_rmw,
    [TCG_OP_at_add] = emit_rmw,
    [TCG_OP_at_and] = emit_rmw,
    [TCG_OP_at_or] = emit_rmw,
    [TCG_OP_at_xor] = emit_rmw,
    [TCG_OP_at_smin] = emit_rmw,
    [TCG_OP_at_smax] = emit_rmw,
    [TCG_OP_at_umin] = emit_rmw,
    [TCG_OP_at_umax] = emit_rmw,
    [TCG_OP_at_cas] = emit_cas,
    [TCG_OP_at_sc] = emit_cas,
    [TCG_OP_fence] = emit_fence,
    [TCG_OP_slot_get] = emit_slot_get,
    [TCG_OP_slot_st] = emit_slot_st,
    [TCG_OP_env_ld] = emit_env_ld,
    [TCG_OP_env_st] = emit_env_st,
};
