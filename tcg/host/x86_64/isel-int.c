/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integer ops. Pattern of most emitters: source operand as register, memory or
 * immediate; the first operand copied (or taken over, when it dies here) into
 * the result's register; one instruction; commit.
 */
#include "tandem/base.h"

#include "backend.h"

static int width(const TcgInsn *in)
{
    return in->type == TCG_I64;
}

/* ALU group operation @reg op= @o. */
static void alu(Gen *g, int group, int w, int reg, const Opnd *o)
{
    switch (o->kind) {
    case OPND_IMM:
        x86_alu_ri(&g->a, group, w, reg, o->imm);
        break;
    case OPND_MEM:
        x86_rm(&g->a, x86_alu_rm(group), w, reg, o->mem);
        break;
    case OPND_REG:
        x86_rr(&g->a, x86_alu_rm(group), w, reg, o->reg);
        break;
    }
}

/* An instruction of form reg, r/m. */
static void rm_insn(Gen *g, X86Insn insn, int w, int reg, const Opnd *o)
{
    if (o->kind == OPND_MEM) {
        x86_rm(&g->a, insn, w, reg, o->mem);
    } else {
        x86_rr(&g->a, insn, w, reg, o->reg);
    }
}

/* Is the first operand worth swapping with the second: only that dies here, in
 * a register. */
static bool better_swapped(const Gen *g, TcgRef a, TcgRef b)
{
    const Val *va, *vb;

    if (tcg_ref_is_const(b)) {
        return false;
    }
    if (tcg_ref_is_const(a)) {
        return true;
    }
    va = &g->val[ra_canon(g, a)];
    vb = &g->val[ra_canon(g, b)];
    return vb->reg != NO_REG && vb->last <= g->i &&
           !(va->reg != NO_REG && va->last <= g->i);
}

static void binary(Gen *g, const TcgInsn *in, int group, bool comm)
{
    TcgRef a = in->a, b = in->b;
    Opnd o;
    int dst;

    if (comm && better_swapped(g, a, b)) {
        a = in->b;
        b = in->a;
    }
    o = ra_rmi(g, b, RCX);
    dst = ra_def_copy(g, a);
    alu(g, group, width(in), dst, &o);
    ra_commit(g, dst);
}

static void unary(Gen *g, const TcgInsn *in, X86Insn insn)
{
    int dst = ra_def_copy(g, in->a);

    x86_r(&g->a, insn, width(in), dst);
    ra_commit(g, dst);
}

/* ---- addition ---- */

static bool folded(const Gen *g, TcgRef r)
{
    return !tcg_ref_is_const(r) && (g->val[r].flags & VAL_FOLDED);
}

/* a + (b << n): the shift was left to us. */
static void add_scaled(Gen *g, const TcgInsn *in, TcgRef plain, TcgRef shift)
{
    const TcgInsn *sh = &g->tb->insn[shift];
    int index = ra_use(g, sh->a, RCX);
    int base = ra_use(g, plain, RAX);
    int dst = ra_def(g);

    x86_rm(&g->a, X86_LEA, width(in), dst,
           x86_mem_index(base, index, tcg_ref_const(g->tb, sh->b), 0));
    ra_commit(g, dst);
    ra_drop_dead(g, sh->a);
}

static bool in_reg(const Gen *g, TcgRef r)
{
    return !tcg_ref_is_const(r) && g->val[ra_canon(g, r)].reg != NO_REG;
}

static void emit_add(Gen *g, const TcgInsn *in)
{
    int32_t imm;
    int dst, a, b;

    if (folded(g, g->i)) {
        return;
    }
    if (folded(g, in->b)) {
        add_scaled(g, in, in->a, in->b);
    } else if (folded(g, in->a)) {
        add_scaled(g, in, in->b, in->a);
    } else if (in_reg(g, in->a) && ra_imm32(g, in->b, &imm)) {
        a = ra_use(g, in->a, RAX);
        dst = ra_def(g);
        if (dst == a) {
            x86_alu_ri(&g->a, ALU_ADD, width(in), dst, imm);
        } else {
            x86_rm(&g->a, X86_LEA, width(in), dst, x86_mem(a, imm));
        }
        ra_commit(g, dst);
    } else if (in_reg(g, in->a) && in_reg(g, in->b)) {
        a = ra_use(g, in->a, RAX);
        b = ra_use(g, in->b, RAX);
        dst = ra_def(g);
        if (dst == a) {
            x86_rr(&g->a, X86_ADD_RM, width(in), dst, b);
        } else if (dst == b) {
            x86_rr(&g->a, X86_ADD_RM, width(in), dst, a);
        } else {
            x86_rm(&g->a, X86_LEA, width(in), dst, x86_mem_index(a, b, 0, 0));
        }
        ra_commit(g, dst);
    } else {
        binary(g, in, ALU_ADD, true);
    }
}

static void emit_sub(Gen *g, const TcgInsn *in)
{
    binary(g, in, ALU_SUB, false);
}

/* and with a constant of 32 bits, zero-extended, needs 32-bit code only. */
static void emit_and(Gen *g, const TcgInsn *in)
{
    uint64_t mask;
    int dst;

    if (in->type == TCG_I64 && tcg_ref_is_const(in->b) &&
        (mask = tcg_ref_const(g->tb, in->b)) <= UINT32_MAX) {
        if (mask == UINT32_MAX || mask == 0xffff || mask == 0xff) {
            Opnd o = ra_rm(g, in->a, RAX);

            dst = ra_def(g);
            rm_insn(g,
                    mask == 0xff     ? X86_MOVZX8
                    : mask == 0xffff ? X86_MOVZX16
                                     : X86_MOV_RM,
                    0, dst, &o);
        } else {
            dst = ra_def_copy(g, in->a);
            x86_alu_ri(&g->a, ALU_AND, 0, dst, mask);
        }
        ra_commit(g, dst);
        return;
    }
    binary(g, in, ALU_AND, true);
}

static void emit_or(Gen *g, const TcgInsn *in)
{
    binary(g, in, ALU_OR, true);
}

static void emit_xor(Gen *g, const TcgInsn *in)
{
    binary(g, in, ALU_XOR, true);
}

static void emit_neg(Gen *g, const TcgInsn *in)
{
    unary(g, in, X86_NEG);
}

static void emit_not(Gen *g, const TcgInsn *in)
{
    unary(g, in, X86_NOT);
}

static void emit_andn(Gen *g, const TcgInsn *in)
{
    int w = width(in), dst;

    if (g->f.bmi1) {
        int b = ra_use(g, in->b, RCX);
        Opnd a = ra_rm(g, in->a, RAX);

        dst = ra_def(g);
        if (a.kind == OPND_MEM) {
            x86_vrm(&g->a, X86_ANDN, w, dst, b, a.mem);
        } else {
            x86_vrr(&g->a, X86_ANDN, w, dst, b, a.reg);
        }
    } else {
        ra_copy_to(g, in->b, RCX);
        x86_r(&g->a, X86_NOT, w, RCX);
        dst = ra_def_copy(g, in->a);
        x86_rr(&g->a, X86_AND_RM, w, dst, RCX);
    }
    ra_commit(g, dst);
}

static void emit_orn(Gen *g, const TcgInsn *in)
{
    int w = width(in), dst;

    ra_copy_to(g, in->b, RCX);
    x86_r(&g->a, X86_NOT, w, RCX);
    dst = ra_def_copy(g, in->a);
    x86_rr(&g->a, X86_OR_RM, w, dst, RCX);
    ra_commit(g, dst);
}

/* ---- multiplication and division ---- */

static void emit_mul(Gen *g, const TcgInsn *in)
{
    int w = width(in), dst;
    int32_t imm;
    Opnd o;

    if (ra_imm32(g, in->b, &imm)) {
        o = ra_rm(g, in->a, RAX);
        dst = ra_def(g);
        if (o.kind == OPND_MEM) {
            x86_rmi32(&g->a, X86_IMUL_I, w, dst, o.mem, imm);
        } else {
            x86_rri32(&g->a, X86_IMUL_I, w, dst, o.reg, imm);
        }
    } else {
        bool swap = better_swapped(g, in->a, in->b);

        o = ra_rm(g, swap ? in->a : in->b, RCX);
        dst = ra_def_copy(g, swap ? in->b : in->a);
        rm_insn(g, X86_IMUL_RM, w, dst, &o);
    }
    ra_commit(g, dst);
}

/* rdx:rax = a * b, the result is rdx. */
static void multiply_high(Gen *g, const TcgInsn *in, X86Insn insn)
{
    Opnd b;

    ra_take(g, RDX);
    b = ra_rm(g, in->b, RCX);
    ra_copy_to(g, in->a, RAX);
    if (b.kind == OPND_MEM) {
        x86_m(&g->a, insn, width(in), b.mem);
    } else {
        x86_r(&g->a, insn, width(in), b.reg);
    }
    ra_commit(g, RDX);
}

static void emit_mulhs(Gen *g, const TcgInsn *in)
{
    multiply_high(g, in, X86_IMUL1);
}

static void emit_mulhu(Gen *g, const TcgInsn *in)
{
    multiply_high(g, in, X86_MUL);
}

/* Signed a: the unsigned product is too large by b << width when a < 0. */
static void emit_mulhsu(Gen *g, const TcgInsn *in)
{
    int w = width(in), b;

    ra_take(g, RDX);
    b = ra_use(g, in->b, RCX);
    ra_copy_to(g, in->a, RAX);
    if (b == RCX) {
        x86_r(&g->a, X86_MUL, w, RCX);
        ra_copy_to(g, in->a, RAX);
        x86_ri8(&g->a, X86_SAR_I8, w, RAX, w ? 63 : 31);
        x86_rr(&g->a, X86_AND_RM, w, RAX, RCX);
        x86_rr(&g->a, X86_SUB_RM, w, RDX, RAX);
    } else {
        x86_rr(&g->a, X86_MOV_RM, w, RCX, RAX);
        x86_r(&g->a, X86_MUL, w, b);
        x86_ri8(&g->a, X86_SAR_I8, w, RCX, w ? 63 : 31);
        x86_rr(&g->a, X86_AND_RM, w, RCX, b);
        x86_rr(&g->a, X86_SUB_RM, w, RDX, RCX);
    }
    ra_commit(g, RDX);
}

/* What rax (quotient) or rdx (remainder) must be for x / 0. */
static void divide_by_zero(Gen *g, const TcgInsn *in, bool rem)
{
    if (rem) {
        x86_rr(&g->a, X86_MOV_RM, 1, RDX, RAX);
    } else if (in->aux == TCG_DIV_ARM) {
        x86_rr(&g->a, X86_XOR_RM, 0, RAX, RAX);
    } else {
        x86_alu_ri(&g->a, ALU_OR, width(in), RAX, -1);
    }
}

/*
 * Division is total in the IR, and traps on x86 for 0 and MIN / -1 (SDM 2,
 * DIV, IDIV): those two divisors go round it.
 */
static void divide(Gen *g, const TcgInsn *in, bool is_signed, bool rem)
{
    int w = width(in), b, dst;
    uint32_t other = 0, done = 0, minus = 0;
    bool check = true;

    if (tcg_ref_is_const(in->b)) {
        int64_t v = tcg_ref_const(g->tb, in->b);

        v = w ? v : (int32_t)v;
        check = v == 0 || (is_signed && v == -1);
    }
    ra_take(g, RDX);
    b = ra_use(g, in->b, RCX);
    ra_copy_to(g, in->a, RAX);
    if (check && is_signed) {
        x86_rm(&g->a, X86_LEA, w, RDX, x86_mem(b, 1));
        x86_alu_ri(&g->a, ALU_CMP, w, RDX, 1);
        other = x86_jcc8(&g->a, CC_BE);
    } else if (check) {
        x86_rr(&g->a, X86_TEST_MR, w, b, b);
        other = x86_jcc8(&g->a, CC_E);
    }
    if (is_signed) {
        x86_cdq(&g->a, w);
        x86_r(&g->a, X86_IDIV, w, b);
    } else {
        x86_rr(&g->a, X86_XOR_RM, 0, RDX, RDX);
        x86_r(&g->a, X86_DIV, w, b);
    }
    if (check) {
        done = x86_jmp8(&g->a);
        x86_bind8(&g->a, other);
        if (is_signed) {
            x86_rr(&g->a, X86_TEST_MR, w, b, b);
            other = x86_jcc8(&g->a, CC_E);
            if (rem) {
                x86_rr(&g->a, X86_XOR_RM, 0, RDX, RDX);
            } else {
                x86_r(&g->a, X86_NEG, w, RAX);
            }
            minus = x86_jmp8(&g->a);
            x86_bind8(&g->a, other);
        }
        divide_by_zero(g, in, rem);
        if (is_signed) {
            x86_bind8(&g->a, minus);
        }
        x86_bind8(&g->a, done);
    }
    dst = rem ? RDX : ra_def(g);
    if (!rem) {
        x86_rr(&g->a, X86_MOV_RM, w, dst, RAX);
    } else if (!w) {
        x86_rr(&g->a, X86_MOV_RM, 0, RDX, RDX);
    }
    ra_commit(g, dst);
}

static void emit_divs(Gen *g, const TcgInsn *in)
{
    divide(g, in, true, false);
}

static void emit_divu(Gen *g, const TcgInsn *in)
{
    divide(g, in, false, false);
}

static void emit_rems(Gen *g, const TcgInsn *in)
{
    divide(g, in, true, true);
}

static void emit_remu(Gen *g, const TcgInsn *in)
{
    divide(g, in, false, true);
}

/* ---- shifts ---- */

/* @insn_x: the BMI2 form; @ext: of the group C1, D3. */
static void shift(Gen *g, const TcgInsn *in, X86Insn insn_x, X86Insn by_imm,
                  X86Insn by_cl)
{
    int w = width(in), dst;

    if (tcg_ref_is_const(in->b)) {
        dst = ra_def_copy(g, in->a);
        x86_ri8(&g->a, by_imm, w, dst,
                tcg_ref_const(g->tb, in->b) & (w ? 63 : 31));
    } else if (g->f.bmi2 && insn_x != 0) {
        int count = ra_use(g, in->b, RCX);
        Opnd a = ra_rm(g, in->a, RAX);

        dst = ra_def(g);
        if (a.kind == OPND_MEM) {
            x86_vrm(&g->a, insn_x, w, dst, count, a.mem);
        } else {
            x86_vrr(&g->a, insn_x, w, dst, count, a.reg);
        }
    } else {
        ra_copy_to(g, in->b, RCX);
        dst = ra_def_copy(g, in->a);
        x86_r(&g->a, by_cl, w, dst);
    }
    ra_commit(g, dst);
}

static void emit_shl(Gen *g, const TcgInsn *in)
{
    if (folded(g, g->i)) {
        return;
    }
    shift(g, in, X86_SHLX, X86_SHL_I8, X86_SHL_CL);
}

static void emit_shr(Gen *g, const TcgInsn *in)
{
    shift(g, in, X86_SHRX, X86_SHR_I8, X86_SHR_CL);
}

static void emit_sar(Gen *g, const TcgInsn *in)
{
    shift(g, in, X86_SARX, X86_SAR_I8, X86_SAR_CL);
}

static void emit_rotl(Gen *g, const TcgInsn *in)
{
    shift(g, in, 0, X86_ROL_I8, X86_ROL_CL);
}

static void emit_rotr(Gen *g, const TcgInsn *in)
{
    int w = width(in), dst;

    if (tcg_ref_is_const(in->b) && g->f.bmi2) {
        int count = tcg_ref_const(g->tb, in->b) & (w ? 63 : 31);
        Opnd a = ra_rm(g, in->a, RAX);

        dst = ra_def(g);
        if (a.kind == OPND_MEM) {
            x86_rmi(&g->a, X86_RORX, w, dst, a.mem, count);
        } else {
            x86_rri(&g->a, X86_RORX, w, dst, a.reg, count);
        }
        ra_commit(g, dst);
        return;
    }
    shift(g, in, 0, X86_ROR_I8, X86_ROR_CL);
}

/* ---- comparisons ---- */

static const uint8_t cc_of[TCG_COND_COUNT] = {
    [TCG_EQ] = CC_E,  [TCG_NE] = CC_NE,   [TCG_LT] = CC_L,
    [TCG_GE] = CC_GE, [TCG_LE] = CC_LE,   [TCG_GT] = CC_G,
    [TCG_LTU] = CC_B, [TCG_GEU] = CC_AE,  [TCG_LEU] = CC_BE,
    [TCG_GTU] = CC_A, [TCG_TSTEQ] = CC_E, [TCG_TSTNE] = CC_NE,
};

static void test_operands(Gen *g, int w, TcgRef a, TcgRef b)
{
    int ra = ra_use(g, a, RAX);
    int32_t imm;

    if (ra_imm32(g, b, &imm)) {
        if (imm >= 0 && imm < 128) {
            x86_ri8(&g->a, X86_TEST8_I8, 0, ra, imm);
        } else {
            x86_ri32(&g->a, X86_TEST_I, w && imm < 0, ra, imm);
        }
    } else {
        int rb = ra_use(g, b, RCX);

        x86_rr(&g->a, X86_TEST_MR, w, rb, ra);
    }
}

X86Cc x86_compare(Gen *g, TcgCond cond, TcgRef a, TcgRef b)
{
    int w = tcg_ref_type(g->tb, a) == TCG_I64;
    Opnd o;

    if (tcg_ref_is_const(a) && !tcg_ref_is_const(b)) {
        TcgRef t = a;

        a = b;
        b = t;
        cond = tcg_cond_swap(cond);
    }
    if (cond == TCG_TSTEQ || cond == TCG_TSTNE) {
        test_operands(g, w, a, b);
        return cc_of[cond];
    }
    o = ra_rmi(g, b, RCX);
    if (o.kind == OPND_IMM && !tcg_ref_is_const(a)) {
        Opnd x = ra_rm(g, a, RAX);

        if (x.kind == OPND_MEM) {
            x86_alu_mi(&g->a, ALU_CMP, w, x.mem, o.imm);
        } else if (o.imm == 0) {
            x86_rr(&g->a, X86_TEST_MR, w, x.reg, x.reg);
        } else {
            x86_alu_ri(&g->a, ALU_CMP, w, x.reg, o.imm);
        }
    } else {
        alu(g, ALU_CMP, w, ra_use(g, a, RAX), &o);
    }
    return cc_of[cond];
}

static void emit_setcc(Gen *g, const TcgInsn *in)
{
    X86Cc cc = x86_compare(g, in->aux, in->a, in->b);
    int dst = ra_def(g);

    x86_setcc(&g->a, cc, RAX);
    x86_rr(&g->a, X86_MOVZX8, 0, dst, RAX);
    ra_commit(g, dst);
}

/* cond(a, b) ? c : args.a, in vector registers: no cmov there. */
static void select_vec(Gen *g, const TcgInsn *in)
{
    TcgRef no = tcg_insn_operand(g->tb, g->i, 3);
    int yes = ra_use(g, in->c, X1);
    X86Cc cc;
    uint32_t skip;
    int dst;

    /* the operands of the comparison are in other registers */
    dst = ra_def_copy(g, no);
    cc = x86_compare(g, in->aux, in->a, in->b);
    skip = x86_jcc8(&g->a, cc ^ 1);
    x86_rr(&g->a, X86_MOVAPS, 0, dst, yes);
    x86_bind8(&g->a, skip);
    ra_commit(g, dst);
}

static void emit_select(Gen *g, const TcgInsn *in)
{
    TcgRef no = tcg_insn_operand(g->tb, g->i, 3);
    int w = width(in), dst;
    X86Cc cc;
    Opnd yes;

    if (!tcg_type_is_int(in->type)) {
        select_vec(g, in);
        return;
    }
    cc = x86_compare(g, in->aux, in->a, in->b);
    yes = ra_rm(g, in->c, RCX);
    /* moves only from here on: the flags survive */
    dst = ra_def_copy(g, no);
    rm_insn(g, X86_CMOV + cc, w, dst, &yes);
    ra_commit(g, dst);
}

static void min_max(Gen *g, const TcgInsn *in, X86Cc take_b)
{
    int w = width(in);
    int b = ra_use(g, in->b, RCX);
    int dst = ra_def_copy(g, in->a);

    x86_rr(&g->a, X86_CMP_RM, w, dst, b);
    x86_cmov(&g->a, take_b, w, dst, b);
    ra_commit(g, dst);
}

static void emit_smin(Gen *g, const TcgInsn *in)
{
    min_max(g, in, CC_G);
}

static void emit_smax(Gen *g, const TcgInsn *in)
{
    min_max(g, in, CC_L);
}

static void emit_umin(Gen *g, const TcgInsn *in)
{
    min_max(g, in, CC_A);
}

static void emit_umax(Gen *g, const TcgInsn *in)
{
    min_max(g, in, CC_B);
}

/* ---- bits ---- */

static void emit_clz(Gen *g, const TcgInsn *in)
{
    int w = width(in), dst;
    Opnd o = ra_rm(g, in->a, RAX);

    dst = ra_def(g);
    if (g->f.lzcnt) {
        rm_insn(g, X86_LZCNT, w, dst, &o);
    } else {
        /* bsr leaves its destination alone, and ZF set, for 0 */
        x86_mov_imm(&g->a, RCX, w ? 127 : 63, true);
        rm_insn(g, X86_BSR, w, RAX, &o);
        x86_cmov(&g->a, CC_E, 0, RAX, RCX);
        x86_alu_ri(&g->a, ALU_XOR, 0, RAX, w ? 63 : 31);
        x86_rr(&g->a, X86_MOV_RM, 0, dst, RAX);
    }
    ra_commit(g, dst);
}

static void emit_ctz(Gen *g, const TcgInsn *in)
{
    int w = width(in), dst;
    Opnd o = ra_rm(g, in->a, RAX);

    dst = ra_def(g);
    if (g->f.bmi1) {
        rm_insn(g, X86_TZCNT, w, dst, &o);
    } else {
        x86_mov_imm(&g->a, RCX, w ? 64 : 32, true);
        rm_insn(g, X86_BSF, w, RAX, &o);
        x86_cmov(&g->a, CC_E, 0, RAX, RCX);
        x86_rr(&g->a, X86_MOV_RM, 0, dst, RAX);
    }
    ra_commit(g, dst);
}

static void emit_popcnt(Gen *g, const TcgInsn *in)
{
    Opnd o = ra_rm(g, in->a, RAX);
    int dst = ra_def(g);

    rm_insn(g, X86_POPCNT, width(in), dst, &o);
    ra_commit(g, dst);
}

static void emit_bswap(Gen *g, const TcgInsn *in)
{
    int dst = ra_def_copy(g, in->a);

    x86_bswap(&g->a, width(in), dst);
    ra_commit(g, dst);
}

/* Swap bits 1, 2, then 4 apart, in each byte. */
static void emit_brev8(Gen *g, const TcgInsn *in)
{
    static const uint64_t mask[3] = { 0x5555555555555555, 0x3333333333333333,
                                      0x0f0f0f0f0f0f0f0f };
    int w = width(in);
    int dst = ra_def_copy(g, in->a);

    for (int k = 0; k < 3; k++) {
        x86_mov_imm(&g->a, RCX, w ? mask[k] : (uint32_t)mask[k], true);
        x86_rr(&g->a, X86_MOV_RM, w, RAX, dst);
        x86_ri8(&g->a, X86_SHR_I8, w, RAX, 1 << k);
        x86_rr(&g->a, X86_AND_RM, w, RAX, RCX);
        x86_rr(&g->a, X86_AND_RM, w, dst, RCX);
        x86_ri8(&g->a, X86_SHL_I8, w, dst, 1 << k);
        x86_rr(&g->a, X86_OR_RM, w, dst, RAX);
    }
    ra_commit(g, dst);
}

static void emit_orcb(Gen *g, const TcgInsn *in)
{
    int w = width(in);
    int src = ra_use(g, in->a, RAX);
    int dst = ra_def(g);

    x86_rr(&g->a, X86_MOVD_XR, w, X0, src);
    x86_rr(&g->a, X86_PXOR, 0, X1, X1);
    x86_rr(&g->a, X86_PCMPEQB, 0, X0, X1);
    x86_rr(&g->a, X86_MOVD_RX, w, X0, dst);
    x86_r(&g->a, X86_NOT, w, dst);
    ra_commit(g, dst);
}

/* Carry-less product (Zbc): X0 = a * b over GF(2), both zero-extended. */
static void clmul(Gen *g, const TcgInsn *in, bool high)
{
    int w = width(in), a, b, dst;

    if (!g->f.pclmul) {
        x86_emit_soft(g, in);
        return;
    }
    a = ra_use(g, in->a, RAX);
    b = ra_use(g, in->b, RCX);
    dst = ra_def(g);
    x86_rr(&g->a, X86_MOVD_XR, w, X0, a);
    x86_rr(&g->a, X86_MOVD_XR, w, X1, b);
    x86_rri(&g->a, X86_PCLMULQDQ, 0, X0, X1, 0);
    if (high && w) {
        x86_rri(&g->a, X86_PEXTRQ, 1, X0, dst, 1);
    } else {
        x86_rr(&g->a, X86_MOVD_RX, w || high, X0, dst);
        if (high) {
            x86_ri8(&g->a, X86_SHR_I8, 1, dst, 32);
        }
    }
    ra_commit(g, dst);
}

static void emit_clmul(Gen *g, const TcgInsn *in)
{
    clmul(g, in, false);
}

static void emit_clmulh(Gen *g, const TcgInsn *in)
{
    clmul(g, in, true);
}

/* ---- width ---- */

static void extend(Gen *g, const TcgInsn *in, X86Insn insn, int w)
{
    Opnd o = ra_rm(g, in->a, RAX);
    int dst = ra_def(g);

    rm_insn(g, insn, w, dst, &o);
    ra_commit(g, dst);
}

static void emit_sext8(Gen *g, const TcgInsn *in)
{
    extend(g, in, X86_MOVSX8, width(in));
}

static void emit_sext16(Gen *g, const TcgInsn *in)
{
    extend(g, in, X86_MOVSX16, width(in));
}

static void emit_zext8(Gen *g, const TcgInsn *in)
{
    extend(g, in, X86_MOVZX8, 0);
}

static void emit_zext16(Gen *g, const TcgInsn *in)
{
    extend(g, in, X86_MOVZX16, 0);
}

static void emit_sext32(Gen *g, const TcgInsn *in)
{
    extend(g, in, X86_MOVSXD, 1);
}

static void emit_zext32(Gen *g, const TcgInsn *in)
{
    extend(g, in, X86_MOV_RM, 0);
}

static void emit_extr(Gen *g, const TcgInsn *in)
{
    unsigned pos = TCG_FIELD_POS(in->aux), len = TCG_FIELD_LEN(in->aux);
    unsigned bits = width(in) ? 64 : 32;
    int dst;

    if (pos == 0 && (len == 8 || len == 16 || len == 32)) {
        extend(g, in,
               len == 8    ? X86_MOVZX8
               : len == 16 ? X86_MOVZX16
                           : X86_MOV_RM,
               0);
        return;
    }
    dst = ra_def_copy(g, in->a);
    if (len > 31 && pos + len < bits) {
        x86_ri8(&g->a, X86_SHL_I8, 1, dst, bits - pos - len);
        x86_ri8(&g->a, X86_SHR_I8, 1, dst, bits - len);
    } else {
        if (pos != 0) {
            x86_ri8(&g->a, X86_SHR_I8, bits == 64, dst, pos);
        }
        if (pos + len < bits) {
            x86_alu_ri(&g->a, ALU_AND, 0, dst, bit_mask(len));
        }
    }
    ra_commit(g, dst);
}

static void emit_sextr(Gen *g, const TcgInsn *in)
{
    unsigned pos = TCG_FIELD_POS(in->aux), len = TCG_FIELD_LEN(in->aux);
    int w = width(in), dst;
    unsigned bits = w ? 64 : 32;

    if (pos == 0 && (len == 8 || len == 16 || (len == 32 && w))) {
        extend(g, in,
               len == 8    ? X86_MOVSX8
               : len == 16 ? X86_MOVSX16
                           : X86_MOVSXD,
               w);
        return;
    }
    dst = ra_def_copy(g, in->a);
    if (pos + len < bits) {
        x86_ri8(&g->a, X86_SHL_I8, w, dst, bits - pos - len);
    }
    x86_ri8(&g->a, X86_SAR_I8, w, dst, bits - len);
    ra_commit(g, dst);
}

/* (a & ~mask) | (b << pos & mask) */
static void emit_bfi(Gen *g, const TcgInsn *in)
{
    unsigned pos = TCG_FIELD_POS(in->aux), len = TCG_FIELD_LEN(in->aux);
    int w = width(in), dst;
    uint64_t mask = bit_mask(len) << pos;

    mask = w ? mask : (uint32_t)mask;
    ra_copy_to(g, in->b, RCX);
    dst = ra_def_copy(g, in->a);
    if (pos != 0) {
        x86_ri8(&g->a, X86_SHL_I8, w, RCX, pos);
    }
    x86_mov_imm(&g->a, RAX, mask, true);
    x86_rr(&g->a, X86_AND_RM, w, RCX, RAX);
    x86_r(&g->a, X86_NOT, w, RAX);
    x86_rr(&g->a, X86_AND_RM, w, dst, RAX);
    x86_rr(&g->a, X86_OR_RM, w, dst, RCX);
    ra_commit(g, dst);
}

/* trunc, and zext32 of a value that is zero-extended anyway: no code. */
static void emit_alias(Gen *g, const TcgInsn *in)
{
    if (g->val[g->i].alias == TCG_REF_NONE) {
        emit_zext32(g, in);
    }
}

EmitFn *const x86_emit_int[TCG_OP_COUNT] = {
#define E(op) [TCG_OP_##op] = emit_##op,
    E(add) E(sub) E(neg) E(mul) E(mulhs) E(mulhu) E(mulhsu) E(divs) E(divu)
        E(rems) E(remu) E(and) E(or) E(xor) E(andn) E(orn) E(not ) E(shl) E(shr)
            E(sar) E(rotl) E(rotr) E(smin) E(smax) E(umin) E(umax) E(clz) E(ctz)
                E(popcnt) E(bswap) E(brev8) E(orcb) E(clmul) E(clmulh) E(sext8)
                    E(sext16) E(zext8) E(zext16) E(sext32) E(extr) E(sextr)
                        E(bfi) E(setcc) E(select)
#undef E
                            [TCG_OP_trunc] = emit_alias,
    [TCG_OP_zext32] = emit_alias,
};
