/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random blocks: see random_ir.h. Values of each type are kept in a small pool
 * from which operands are drawn, so chains grow and old values stay alive.
 * Slot x15 is the loop counter and only counted down.
 */
#include "tandem/base.h"

#include "random_ir.h"

enum { POOL = 12 };

typedef struct Gen {
    TcgBlock *tb;
    uint64_t state;
    unsigned features;
    TcgVal pool[TCG_TYPE_COUNT][POOL];
    unsigned filled[TCG_TYPE_COUNT];
    bool committed; /* this guest insn did what cannot be undone */
    uint64_t pc;
} Gen;

static uint64_t rnd(Gen *g, uint64_t n)
{
    return (machine_random(&g->state) >> 16) % n;
}

static void keep(Gen *g, TcgVal v)
{
    unsigned *n = &g->filled[v.type];

    g->pool[v.type][*n < POOL ? (*n)++ : rnd(g, POOL)] = v;
}

static TcgVal fresh(Gen *g, TcgType type)
{
    switch (type) {
    case TCG_I32:
        return rnd(g, 2) ? tcg_slot_get(g->tb, SLOT_W + rnd(g, 8))
                         : tcg_const_typed(g->tb, TCG_I32,
                                           machine_special(&g->state));
    case TCG_I64:
        return rnd(g, 3) ? tcg_slot_get(g->tb, SLOT_X + rnd(g, 15))
                         : tcg_const_typed(g->tb, TCG_I64,
                                           machine_special(&g->state));
    case TCG_F32:
        return rnd(g, 4) ? tcg_slot_get(g->tb, SLOT_G + rnd(g, 4))
                         : tcg_const_typed(g->tb, TCG_F32,
                                           machine_special_f32(&g->state));
    default:
        return rnd(g, 4) ? tcg_slot_get(g->tb, SLOT_F + rnd(g, 8))
                         : tcg_const_typed(g->tb, TCG_F64,
                                           machine_special_f64(&g->state));
    }
}

static TcgVal pick(Gen *g, TcgType type)
{
    if (g->filled[type] == 0 || rnd(g, 4) == 0) {
        return fresh(g, type);
    }
    return g->pool[type][rnd(g, g->filled[type])];
}

static TcgType int_type(Gen *g)
{
    return rnd(g, 3) ? TCG_I64 : TCG_I32;
}

static TcgType fp_type(Gen *g)
{
    return rnd(g, 2) ? TCG_F64 : TCG_F32;
}

static TcgCond cond(Gen *g)
{
    return (TcgCond)rnd(g, TCG_COND_COUNT);
}

static unsigned field(Gen *g, TcgType type)
{
    unsigned w = type == TCG_I32 ? 32 : 64;
    unsigned pos = rnd(g, w);

    return TCG_FIELD(pos, 1 + rnd(g, w - pos));
}

/* ---- kinds of ops ---- */

static void gen_int(Gen *g)
{
    static const uint8_t binary[] = {
        TCG_OP_add,    TCG_OP_sub,    TCG_OP_mul,  TCG_OP_mulhs, TCG_OP_mulhu,
        TCG_OP_mulhsu, TCG_OP_and,    TCG_OP_or,   TCG_OP_xor,   TCG_OP_andn,
        TCG_OP_orn,    TCG_OP_shl,    TCG_OP_shr,  TCG_OP_sar,   TCG_OP_rotl,
        TCG_OP_rotr,   TCG_OP_smin,   TCG_OP_smax, TCG_OP_umin,  TCG_OP_umax,
        TCG_OP_clmul,  TCG_OP_clmulh, TCG_OP_add,  TCG_OP_sub,   TCG_OP_add,
        TCG_OP_shl,    TCG_OP_shr,    TCG_OP_and,
    };
    static const uint8_t unary[] = {
        TCG_OP_neg,    TCG_OP_not,    TCG_OP_clz,   TCG_OP_ctz,
        TCG_OP_popcnt, TCG_OP_bswap,  TCG_OP_brev8, TCG_OP_orcb,
        TCG_OP_sext8,  TCG_OP_sext16, TCG_OP_zext8, TCG_OP_zext16,
    };
    TcgType t = int_type(g);
    TcgVal x = pick(g, t);

    switch (rnd(g, 8)) {
    case 0:
        keep(g, tcg_unary(g->tb, (TcgOp)unary[rnd(g, ARRAY_SIZE(unary))], t, 0,
                          x));
        break;
    case 1:
        keep(g, tcg_unary(g->tb, rnd(g, 2) ? TCG_OP_extr : TCG_OP_sextr, t,
                          field(g, t), x));
        break;
    case 2:
        keep(g, tcg_binary(g->tb, TCG_OP_bfi, t, field(g, t), x, pick(g, t)));
        break;
    default:
        keep(g, tcg_binary(g->tb, (TcgOp)binary[rnd(g, ARRAY_SIZE(binary))], t,
                           0, x, pick(g, t)));
        break;
    }
}

static void gen_div(Gen *g)
{
    TcgOp op = (TcgOp)(TCG_OP_divs + rnd(g, 4));
    TcgType t = int_type(g);

    if (g->features & RANDOM_DIV) {
        keep(g, tcg_binary(g->tb, op, t, rnd(g, 2), pick(g, t), pick(g, t)));
    }
}

static void gen_width(Gen *g)
{
    switch (rnd(g, 3)) {
    case 0:
        keep(g, tcg_trunc(g->tb, pick(g, TCG_I64)));
        break;
    case 1:
        keep(g, tcg_sext32(g->tb, pick(g, TCG_I32)));
        break;
    default:
        keep(g, tcg_zext32(g->tb, pick(g, TCG_I32)));
        break;
    }
}

static void gen_compare(Gen *g)
{
    TcgType from = int_type(g), t = int_type(g);
    TcgVal x = pick(g, from), y = pick(g, from);

    if (rnd(g, 2)) {
        keep(g, tcg_setcc(g->tb, t, cond(g), x, y));
    } else {
        t = (g->features & RANDOM_FP) && rnd(g, 4) == 0 ? fp_type(g) : t;
        keep(g, tcg_select(g->tb, cond(g), x, y, pick(g, t), pick(g, t)));
    }
}

static void gen_slot(Gen *g)
{
    switch (rnd(g, g->features & RANDOM_FP ? 6 : 4)) {
    case 0:
    case 1:
    case 2:
        tcg_slot_put(g->tb, SLOT_X + rnd(g, 15), pick(g, TCG_I64));
        break;
    case 3:
        tcg_slot_put(g->tb, SLOT_W + rnd(g, 8), pick(g, TCG_I32));
        break;
    case 4:
        tcg_slot_put(g->tb, SLOT_F + rnd(g, 8), pick(g, TCG_F64));
        break;
    default:
        tcg_slot_put(g->tb, SLOT_G + rnd(g, 4), pick(g, TCG_F32));
        break;
    }
}

static void gen_env(Gen *g)
{
    TcgType t = int_type(g);
    MemOp mo = rnd(g, t == TCG_I32 ? 3 : 4) | (rnd(g, 2) ? MO_SIGN : 0);
    uint32_t off =
        offsetof(TestEnv, misc[rnd(g, 8)]) + (rnd(g, 8) & -memop_size(mo));

    if (rnd(g, 3)) {
        keep(g, tcg_env_ld(g->tb, t, off, mo));
    } else {
        tcg_env_st(g->tb, off, pick(g, t), mo);
        g->committed = true;
    }
}

/* An address that is mostly inside memory. */
static TcgVal address(Gen *g)
{
    TcgVal v;

    switch (rnd(g, 16)) {
    case 0:
        return pick(g, TCG_I64);
    case 1: /* near the end of memory, or a page */
        return tcg_const(g->tb, MACHINE_MEM_BASE + 0x1000 * (1 + rnd(g, 4)) -
                                    rnd(g, 9));
    default:
        v = tcg_andi(g->tb, pick(g, TCG_I64), MACHINE_MEM_SIZE / 2 - 1);
        v = tcg_addi(g->tb, v, MACHINE_MEM_BASE);
        return rnd(g, 2) ? v : tcg_addi(g->tb, v, rnd(g, 64) - 8);
    }
}

static MemOp random_memop(Gen *g, unsigned max_size)
{
    MemOp mo = rnd(g, max_size + 1);

    mo |= rnd(g, 2) ? MO_SIGN : 0;
    mo |= rnd(g, 8) == 0 ? MO_ALIGN : 0;
    mo |= rnd(g, 12) == 0 ? MO_SWAP : 0;
    return mo | MO_MMU(rnd(g, 3));
}

static void gen_load(Gen *g)
{
    TcgType t = int_type(g);
    MemOp mo;

    if ((g->features & RANDOM_FP) && rnd(g, 4) == 0) {
        t = fp_type(g);
        mo = t == TCG_F32 ? MO_32 : MO_64;
    } else {
        mo = random_memop(g, t == TCG_I32 ? 2 : 3);
    }
    mo |= rnd(g, 16) == 0 ? MO_NOFAULT : 0;
    keep(g, tcg_ld(g->tb, t, address(g), mo));
}

static void gen_store(Gen *g)
{
    TcgType t = int_type(g);

    if ((g->features & RANDOM_FP) && rnd(g, 4) == 0) {
        t = fp_type(g);
        tcg_st(g->tb, address(g), pick(g, t), t == TCG_F32 ? MO_32 : MO_64);
    } else {
        MemOp mo = random_memop(g, t == TCG_I32 ? 2 : 3);

        tcg_st(g->tb, address(g), pick(g, t), mo & ~MO_SIGN);
    }
    g->committed = true;
}

static void gen_mem(Gen *g)
{
    if (!(g->features & RANDOM_MEM) || g->committed) {
        return;
    }
    if (rnd(g, 3)) {
        gen_load(g);
    } else {
        gen_store(g);
    }
}

static void gen_atomic(Gen *g)
{
    TcgType t = int_type(g);
    MemOp mo = rnd(g, t == TCG_I32 ? 3 : 4) | MO_ALIGN | MO_SEQ |
               (rnd(g, 2) ? MO_SIGN : 0);
    TcgVal addr;

    if (!(g->features & RANDOM_ATOMIC) || g->committed) {
        return;
    }
    addr = tcg_andi(g->tb, pick(g, TCG_I64),
                    rnd(g, 8) ? (MACHINE_MEM_SIZE - 1) & -memop_size(mo)
                              : MACHINE_MEM_SIZE - 1);
    addr = tcg_addi(g->tb, addr, MACHINE_MEM_BASE);
    switch (rnd(g, 6)) {
    case 0:
        tcg_fence(g->tb, rnd(g, 16));
        return;
    case 1:
        keep(g, tcg_atomic_cas(g->tb, addr, pick(g, t), pick(g, t), mo));
        break;
    case 2: /* expecting what is there, else SC would hardly ever store */
        keep(g, tcg_atomic_sc(g->tb, addr, tcg_ld(g->tb, t, addr, mo),
                              pick(g, t), pick(g, TCG_I32), mo));
        break;
    default:
        keep(g, tcg_atomic_rmw(g->tb, (TcgOp)(TCG_OP_at_xchg + rnd(g, 9)), addr,
                               pick(g, t), mo));
        break;
    }
    g->committed = true;
}

static void gen_call(Gen *g)
{
    TcgBlock *tb = g->tb;

    if (!(g->features & RANDOM_CALL)) {
        return;
    }
    switch (rnd(g, 6)) {
    case 0:
        keep(g, tcg_call_args(tb, &helper_pure, pick(g, TCG_I64),
                              pick(g, TCG_I32)));
        break;
    case 1:
        /* what it reads is stored to env: cannot be undone after a put */
        g->committed = true;
        keep(g, tcg_call_args(tb, &helper_reads, pick(g, TCG_I64)));
        break;
    case 2:
        g->committed = true;
        tcg_call_args(tb, &helper_writes, pick(g, TCG_I32));
        break;
    case 3:
        keep(g, tcg_call_args(tb, &helper_five, pick(g, TCG_I64),
                              pick(g, TCG_I32), pick(g, TCG_I64),
                              pick(g, TCG_I32), pick(g, TCG_I64)));
        break;
    case 4:
        if (g->features & RANDOM_FP) {
            keep(g, tcg_call_args(tb, &helper_fp, pick(g, TCG_F64)));
        }
        break;
    default:
        if (!g->committed) {
            /* Puts of this insn would be stored before it may raise. */
            g->pc += 4;
            tcg_insn_start(tb, g->pc);
            keep(g, tcg_call_args(tb, &helper_any, pick(g, TCG_I64)));
            g->committed = true;
        }
        break;
    }
}

static void gen_side(Gen *g)
{
    TcgType t = int_type(g);
    TcgVal x = pick(g, t), y = pick(g, t);
    /* EQ and TSTEQ mostly, so that blocks go on for a while */
    TcgCond c = rnd(g, 4) ? TCG_EQ : cond(g);

    if (!(g->features & RANDOM_SIDE)) {
        return;
    }
    if (rnd(g, 4)) {
        tcg_side_exit(g->tb, c, x, y, g->pc + (rnd(g, 2) ? 64 : 0x2000));
    } else if (!g->committed) {
        tcg_side_trap(g->tb, c, x, y, rnd(g, 100));
    }
}

static void gen_fp_arith(Gen *g, unsigned rule)
{
    static const uint8_t two[] = { TCG_OP_fadd, TCG_OP_fsub, TCG_OP_fmul,
                                   TCG_OP_fdiv, TCG_OP_fmin, TCG_OP_fmax,
                                   TCG_OP_fadd, TCG_OP_fmul };
    unsigned round = rnd(g, 3) ? TCG_FP_DYN : rnd(g, 4);
    TcgType t = fp_type(g);
    TcgVal x = pick(g, t), y = pick(g, t);

    switch (rnd(g, 4)) {
    case 0:
        keep(g,
             tcg_fma(g->tb, rule | round | rnd(g, 4) << 6, x, y, pick(g, t)));
        break;
    case 1:
        keep(g, tcg_fp1(g->tb, TCG_OP_fsqrt, t, rule | round, x));
        break;
    default:
        keep(g, tcg_fp2(g->tb, (TcgOp)two[rnd(g, ARRAY_SIZE(two))], t,
                        rule | round, x, y));
        break;
    }
}

static void gen_fp_convert(Gen *g, unsigned rule)
{
    unsigned round = rnd(g, 3) ? TCG_FP_DYN : rnd(g, 5);
    TcgBlock *tb = g->tb;
    TcgType f = fp_type(g), i = int_type(g);

    switch (rnd(g, 7)) {
    case 0:
        keep(g, tcg_fcvt(tb, TCG_OP_fcvt_fs, i, rule | round, pick(g, f)));
        break;
    case 1:
        keep(g, tcg_fcvt(tb, TCG_OP_fcvt_fu, i, rule | round, pick(g, f)));
        break;
    case 2:
        keep(g, tcg_fcvt(tb, TCG_OP_fcvt_sf, f, rule | TCG_FP_DYN, pick(g, i)));
        break;
    case 3:
        keep(g, tcg_fcvt(tb, TCG_OP_fcvt_uf, f, rule | TCG_FP_DYN, pick(g, i)));
        break;
    case 4:
        keep(g, tcg_fcvt(tb, TCG_OP_fcvt_ff, f == TCG_F32 ? TCG_F64 : TCG_F32,
                         rule | TCG_FP_DYN, pick(g, f)));
        break;
    case 5:
        keep(g, tcg_fround(tb, rule | round, pick(g, f)));
        break;
    default:
        if (rnd(g, 2)) {
            keep(g, tcg_fcvt(tb, TCG_OP_fcvt_hs, TCG_F32, rule | TCG_FP_DYN,
                             pick(g, TCG_I32)));
        } else {
            keep(g, tcg_fcvt(tb, TCG_OP_fcvt_sh, TCG_I32, rule | TCG_FP_DYN,
                             pick(g, TCG_F32)));
        }
        break;
    }
}

static void gen_fp_bits(Gen *g)
{
    TcgBlock *tb = g->tb;
    TcgType t = fp_type(g);

    switch (rnd(g, 8)) {
    case 0:
        keep(g, tcg_fneg(tb, pick(g, t)));
        break;
    case 1:
        keep(g, tcg_fabs(tb, pick(g, t)));
        break;
    case 2:
        keep(g, tcg_fcpysgn(tb, pick(g, t), pick(g, t)));
        break;
    case 3:
        keep(g, tcg_fbox(tb, pick(g, TCG_F32)));
        break;
    case 4:
        keep(g, tcg_funbox(tb, pick(g, TCG_F64)));
        break;
    case 5:
        keep(g, tcg_bits_of_fp(tb, pick(g, t)));
        break;
    case 6:
        keep(g, tcg_fp_of_bits(tb, pick(g, int_type(g))));
        break;
    default:
        keep(g, tcg_fp_flags(tb));
        break;
    }
}

static void gen_fp(Gen *g)
{
    if (!(g->features & RANDOM_FP)) {
        return;
    }
    switch (rnd(g, 4)) {
    case 0:
        gen_fp_convert(g, TCG_FP_NAN_RISCV);
        break;
    case 1:
        gen_fp_bits(g);
        break;
    case 2: {
        TcgType t = fp_type(g);

        keep(g, tcg_fcmp(g->tb, int_type(g), TCG_FP_DYN,
                         (TcgFpCond)rnd(g, TCG_FPCOND_COUNT), pick(g, t),
                         pick(g, t)));
        break;
    }
    default:
        gen_fp_arith(g, TCG_FP_NAN_RISCV);
        break;
    }
}

/* ---- blocks ---- */

static void (*const kinds[])(Gen *) = {
    gen_int,  gen_int,  gen_int,  gen_int, gen_div,    gen_width, gen_compare,
    gen_slot, gen_slot, gen_slot, gen_env, gen_mem,    gen_mem,   gen_mem,
    gen_call, gen_side, gen_fp,   gen_fp,  gen_atomic, gen_fp,
};

static void gen_insn(Gen *g)
{
    unsigned ops = 1 + rnd(g, 6);

    g->pc += rnd(g, 2) ? 4 : 2;
    tcg_insn_start(g->tb, g->pc);
    g->committed = false;
    for (unsigned i = 0; i < ops; i++) {
        kinds[rnd(g, ARRAY_SIZE(kinds))](g);
    }
}

static void gen_end(Gen *g, bool loop)
{
    if (loop) {
        tcg_exit_direct(g->tb, g->tb->pc, 0);
        return;
    }
    switch (rnd(g, 6)) {
    case 0:
        tcg_exit_indirect(g->tb, pick(g, TCG_I64), 0);
        break;
    case 1:
        tcg_exit_indirect(g->tb, pick(g, TCG_I64), TCG_EXIT_RET);
        break;
    case 2:
        tcg_exit_call(g->tb, g->pc + 0x100, g->pc + 4);
        break;
    case 3:
        tcg_exit_call_indirect(g->tb, pick(g, TCG_I64), g->pc + 4);
        break;
    default:
        tcg_exit_direct(g->tb, rnd(g, 2) ? g->pc + 4 : g->tb->pc - 0x40,
                        rnd(g, 4) ? 0 : TCG_EXIT_TO_LOOP);
        break;
    }
}

TcgBlock *random_ir(TcgContext *ctx, uint64_t seed, unsigned features,
                    unsigned insns)
{
    Gen g = { .state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1,
              .features = features };
    bool loop, icount;

    machine_random(&g.state);
    loop = (features & RANDOM_LOOP) && rnd(&g, 4) == 0;
    icount = (features & RANDOM_ICOUNT) && rnd(&g, 4) == 0;
    g.pc = 0x8000 + rnd(&g, 64) * 0x40;
    g.tb = tcg_block_begin(ctx, g.pc, icount ? TCG_BLOCK_ICOUNT : 0);
    tcg_insn_start(g.tb, g.pc);
    if (loop) { /* at most 8 rounds, whatever x15 holds */
        TcgVal n = tcg_andi(g.tb, tcg_slot_get(g.tb, SLOT_X + 15), 7);

        tcg_side_exit(g.tb, TCG_EQ, n, tcg_const(g.tb, 0), g.pc + 0x100);
        tcg_slot_put(g.tb, SLOT_X + 15, tcg_addi(g.tb, n, -1));
    }
    for (unsigned i = 0;
         i < insns && tcg_block_has_room(g.tb) && !tcg_block_ended(g.tb); i++) {
        gen_insn(&g);
    }
    if (!tcg_block_ended(g.tb)) {
        gen_end(&g, loop);
    }
    tcg_block_finish(g.tb);
    return g.tb;
}
