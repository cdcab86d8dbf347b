/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The builder: what folds, what is shared, what slots and snapshots show, and
 * that none of it changes what a block does.
 */
#include "tandem/base.h"

#include "random_ir.h"

typedef struct Fixture {
    TcgContext *ctx;
    Machine *m;
    TcgBlock *tb;
    TcgVal x, y, w; /* slots x1, x2, w1 */
} Fixture;

static void fixture_up(Fixture *f, gconstpointer data)
{
    TcgConfig cfg = { UINT32_MAX, TCG_STRESS_VERIFY, UINT32_MAX };

    f->ctx = tcg_context_new(&machine_frontend, &machine_ops, &cfg);
    f->m = machine_new();
    f->tb = tcg_block_begin(f->ctx, 0x1000, 0);
    tcg_insn_start(f->tb, 0x1000);
    f->x = tcg_slot_get(f->tb, SLOT_X + 1);
    f->y = tcg_slot_get(f->tb, SLOT_X + 2);
    f->w = tcg_slot_get(f->tb, SLOT_W + 1);
}

static void fixture_down(Fixture *f, gconstpointer data)
{
    tcg_context_free(f->ctx);
    machine_free(f->m);
}

static unsigned count_op(const TcgBlock *tb, TcgOp op)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tb->n; i++) {
        n += tb->insn[i].op == op;
    }
    return n;
}

static bool same(TcgVal a, TcgVal b)
{
    return a.ref == b.ref && a.type == b.type;
}

static void assert_const(const TcgBlock *tb, TcgVal v, uint64_t bits)
{
    uint64_t c = ~bits;

    g_assert_true(tcg_val_const(tb, v, &c));
    g_assert_cmphex(c, ==, bits);
}

static void identities_give_the_operand(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal zero = tcg_const(tb, 0), ones = tcg_const(tb, -1);
    unsigned before = tb->n;

    g_assert_true(same(tcg_add(tb, f->x, zero), f->x));
    g_assert_true(same(tcg_add(tb, zero, f->x), f->x));
    g_assert_true(same(tcg_sub(tb, f->x, zero), f->x));
    g_assert_true(same(tcg_or(tb, f->x, zero), f->x));
    g_assert_true(same(tcg_xor(tb, f->x, zero), f->x));
    g_assert_true(same(tcg_and(tb, f->x, ones), f->x));
    g_assert_true(same(tcg_and(tb, f->x, f->x), f->x));
    g_assert_true(same(tcg_shl(tb, f->x, zero), f->x));
    g_assert_true(same(tcg_shli(tb, f->x, 64), f->x)); /* count modulo 64 */
    g_assert_true(same(tcg_mul(tb, f->x, tcg_const(tb, 1)), f->x));
    g_assert_true(same(tcg_select(tb, TCG_LT, f->x, f->y, f->y, f->y), f->y));
    assert_const(tb, tcg_xor(tb, f->x, f->x), 0);
    assert_const(tb, tcg_sub(tb, f->x, f->x), 0);
    assert_const(tb, tcg_and(tb, f->x, zero), 0);
    assert_const(tb, tcg_or(tb, f->x, ones), UINT64_MAX);
    assert_const(tb, tcg_mul(tb, f->x, zero), 0);
    assert_const(tb, tcg_setcc(tb, TCG_I64, TCG_LTU, f->x, zero), 0);
    assert_const(tb, tcg_setcc(tb, TCG_I64, TCG_GEU, f->x, zero), 1);
    g_assert_cmpuint(tb->n, ==, before);
}

static void inverse_ops_cancel(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal d = tcg_slot_get(tb, SLOT_F), s = tcg_slot_get(tb, SLOT_G);

    g_assert_true(same(tcg_not(tb, tcg_not(tb, f->x)), f->x));
    g_assert_true(same(tcg_neg(tb, tcg_neg(tb, f->x)), f->x));
    g_assert_true(same(tcg_bswap(tb, tcg_bswap(tb, f->x)), f->x));
    g_assert_true(same(tcg_trunc(tb, tcg_sext32(tb, f->w)), f->w));
    g_assert_true(same(tcg_trunc(tb, tcg_zext32(tb, f->w)), f->w));
    g_assert_true(same(tcg_funbox(tb, tcg_fbox(tb, s)), s));
    g_assert_true(same(tcg_fp_of_bits(tb, tcg_bits_of_fp(tb, d)), d));
    g_assert_true(same(tcg_fneg(tb, tcg_fneg(tb, d)), d));
    /* but unboxing may change bits, so this does not cancel */
    g_assert_false(same(tcg_fbox(tb, tcg_funbox(tb, d)), d));
}

static void known_extensions_are_dropped(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal addr = tcg_const(tb, MACHINE_MEM_BASE);
    TcgVal lw = tcg_ld(tb, TCG_I64, addr, MO_32 | MO_SIGN);
    TcgVal lbu = tcg_ld(tb, TCG_I64, addr, MO_8);
    TcgVal bit = tcg_setcc(tb, TCG_I64, TCG_LT, f->x, f->y);

    g_assert_true(same(tcg_sext32(tb, tcg_trunc(tb, lw)), lw));
    g_assert_false(same(tcg_zext32(tb, tcg_trunc(tb, lw)), lw));
    g_assert_true(same(tcg_zext8(tb, lbu), lbu));
    g_assert_true(same(tcg_sext16(tb, lbu), lbu));
    g_assert_false(same(tcg_sext8(tb, lbu), lbu));
    g_assert_true(same(tcg_andi(tb, lbu, 0xff), lbu));
    g_assert_true(same(tcg_andi(tb, bit, 1), bit));
    g_assert_true(
        same(tcg_setcc(tb, TCG_I64, TCG_NE, bit, tcg_const(tb, 0)), bit));
}

static void shift_pairs_become_fields(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal v = tcg_shri(tb, tcg_shli(tb, f->x, 32), 32);

    g_assert_cmpuint(tb->insn[v.ref].op, ==, TCG_OP_zext32);
    v = tcg_sari(tb, tcg_shli(tb, f->x, 56), 56);
    g_assert_cmpuint(tb->insn[v.ref].op, ==, TCG_OP_sext8);
    v = tcg_shri(tb, tcg_shli(tb, f->x, 10), 20);
    g_assert_cmpuint(tb->insn[v.ref].op, ==, TCG_OP_extr);
    g_assert_cmpuint(tb->insn[v.ref].aux, ==, TCG_FIELD(10, 44));
    v = tcg_addi(tb, tcg_addi(tb, f->x, 5), -5);
    g_assert_true(same(v, f->x));
}

static void comparisons_narrow_and_look_through(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal z = tcg_slot_get(tb, SLOT_W + 2);
    TcgVal v =
        tcg_setcc(tb, TCG_I64, TCG_LT, tcg_sext32(tb, f->w), tcg_sext32(tb, z));
    const TcgInsn *in = &tb->insn[v.ref];

    g_assert_true(in->a == f->w.ref && in->b == z.ref && in->aux == TCG_LT);
    /* !(x < y) tested against 0, as "seqz; bnez" does */
    v = tcg_setcc(tb, TCG_I64, TCG_LT, f->x, f->y);
    v = tcg_setcc(tb, TCG_I64, TCG_EQ, v, tcg_const(tb, 0));
    in = &tb->insn[v.ref];
    g_assert_true(in->a == f->x.ref && in->b == f->y.ref && in->aux == TCG_GE);
    v = tcg_setcc(tb, TCG_I64, TCG_NE, tcg_andi(tb, f->x, 6), tcg_const(tb, 0));
    g_assert_cmpuint(tb->insn[v.ref].aux, ==, TCG_TSTNE);
}

static void equal_pure_ops_are_built_once(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal a = tcg_add(tb, f->x, f->y);

    g_assert_true(same(tcg_add(tb, f->x, f->y), a));
    g_assert_false(same(tcg_sub(tb, f->x, f->y), a));
    g_assert_true(same(tcg_const(tb, 1234), tcg_const(tb, 1234)));
    g_assert_false(same(tcg_const(tb, 5), tcg_const32(tb, 5)));
}

static void pc_constants_keep_their_kind(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal pc = tcg_const_pc(tb, 0x1000);
    TcgVal next = tcg_addi(tb, pc, 0x24);

    assert_const(tb, next, 0x1024);
    g_assert_cmpint(tb->cst[next.ref & ~TCG_REF_CONST].kind, ==, TCG_CONST_PC);
    g_assert_false(tb->pc_absolute);
    tcg_andi(tb, next, ~0xfff);
    g_assert_true(tb->pc_absolute); /* now it depends on where it stands */
}

static void puts_emit_nothing_until_an_exit(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgSnapCursor c;
    unsigned before = tb->n;

    tcg_slot_put(tb, SLOT_X + 3, f->x);
    tcg_slot_put(tb, SLOT_X + 3, f->y);
    g_assert_true(same(tcg_slot_get(tb, SLOT_X + 3), f->y));
    tcg_slot_put(tb, SLOT_X + 1, f->y);
    tcg_slot_put(tb, SLOT_X + 1, f->x); /* what env holds: clean again */
    g_assert_cmpuint(tb->n, ==, before);
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    tcg_snap_cursor_init(&c, tb);
    tcg_snap_cursor_seek(&c, tb->exit[0].snap);
    g_assert_cmphex(c.dirty.w[0], ==, BIT(SLOT_X + 3));
    g_assert_cmphex(c.map[SLOT_X + 3], ==, f->y.ref);
}

/* addi x1; lw x2 (faults); the state is as before the lw, addi done. */
static void fault_shows_the_start_of_its_insn(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    Outcome out;

    machine_reset(f->m, 7);
    f->m->env->x[1] = 100;
    f->m->env->x[2] = 200;
    tcg_slot_put(tb, SLOT_X + 1, tcg_addi(tb, f->x, 1));
    tcg_insn_start(tb, 0x1004);
    tcg_slot_put(tb, SLOT_X + 2, tcg_const(tb, 5)); /* must be undone */
    tcg_slot_put(tb, SLOT_X + 1, tcg_const(tb, 6)); /* back to 101 */
    tcg_slot_put(tb, SLOT_X + 2, tcg_ld(tb, TCG_I64, tcg_const(tb, 64), MO_64));
    tcg_exit_direct(tb, 0x1008, 0);
    tcg_block_finish(tb);
    out = machine_interp(f->m, tb);
    g_assert_cmpint(out.why, ==, OUT_FAULT);
    g_assert_cmphex(out.addr, ==, 64);
    g_assert_cmpuint(out.insns_done, ==, 1);
    g_assert_cmphex(f->m->env->pc, ==, 0x1004);
    g_assert_cmpuint(f->m->env->x[1], ==, 101);
    g_assert_cmpuint(f->m->env->x[2], ==, 200);
}

static void side_exit_shows_puts_of_its_own_insn(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;

    machine_reset(f->m, 7);
    f->m->env->x[1] = 0;
    tcg_slot_put(tb, SLOT_X + 5, tcg_const_pc(tb, 0x1004)); /* link */
    tcg_side_exit(tb, TCG_EQ, f->x, tcg_const(tb, 0), 0x1400);
    tcg_slot_put(tb, SLOT_X + 5, tcg_const(tb, 1));
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    g_assert_cmpint(machine_interp(f->m, tb).exit, ==, 0);
    g_assert_cmphex(f->m->env->x[5], ==, 0x1004);
    g_assert_cmphex(f->m->env->pc, ==, 0x1400);
    f->m->env->x[1] = 9;
    g_assert_cmpint(machine_interp(f->m, tb).exit, ==, 1);
    g_assert_cmphex(f->m->env->x[5], ==, 1);
}

static void always_taken_side_exit_ends_the_block(Fixture *f,
                                                  gconstpointer data)
{
    TcgBlock *tb = f->tb;

    tcg_side_exit(tb, TCG_GEU, f->x, tcg_const(tb, 0), 0x1400);
    g_assert_true(tcg_block_ended(tb));
    tcg_slot_put(tb, SLOT_X + 5, tcg_const(tb, 1)); /* dropped */
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    g_assert_cmpuint(tb->nexit, ==, 1);
    g_assert_cmpuint(count_op(tb, TCG_OP_exit), ==, 1);
}

static void helpers_see_and_change_declared_slots(Fixture *f,
                                                  gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal sum;

    machine_reset(f->m, 3);
    f->m->env->x[4] = 1000;
    tcg_slot_put(tb, SLOT_X + 1, tcg_const(tb, 50));
    tcg_slot_put(tb, SLOT_X + 2, tcg_const(tb, 8));
    tcg_slot_put(tb, SLOT_X + 6, tcg_const(tb, 3)); /* the helper is blind */
    sum = tcg_call_args(tb, &helper_reads, tcg_const(tb, 7));
    g_assert_cmpuint(count_op(tb, TCG_OP_slot_st), ==, 2);
    tcg_call_args(tb, &helper_writes, tcg_const32(tb, 11));
    tcg_slot_put(tb, SLOT_X + 7, tcg_slot_get(tb, SLOT_X + 4));
    tcg_slot_put(tb, SLOT_X + 8, sum);
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    machine_interp(f->m, tb);
    g_assert_cmpuint(f->m->env->x[8], ==, 50 - 8 + 7);
    g_assert_cmpuint(f->m->env->x[3], ==, 11);
    g_assert_cmpuint(f->m->env->x[7], ==, 1011);
    g_assert_cmpuint(f->m->env->x[6], ==, 3);
}

static void raising_helper_leaves_a_precise_state(Fixture *f,
                                                  gconstpointer data)
{
    TcgBlock *tb = f->tb;
    Outcome out;

    machine_reset(f->m, 3);
    f->m->env->x[1] = 1;
    tcg_slot_put(tb, SLOT_X + 1, tcg_const(tb, 50));
    tcg_insn_start(tb, 0x1004);
    tcg_call_args(tb, &helper_any, tcg_const(tb, 13));
    tcg_slot_put(tb, SLOT_X + 1, tcg_const(tb, 60));
    tcg_exit_direct(tb, 0x1008, 0);
    tcg_block_finish(tb);
    out = machine_interp(f->m, tb);
    g_assert_cmpint(out.why, ==, OUT_RAISE);
    g_assert_cmphex(f->m->env->pc, ==, 0x1004);
    g_assert_cmpuint(f->m->env->x[1], ==, 50);
}

static void unused_pure_ops_and_helpers_go_loads_stay(Fixture *f,
                                                      gconstpointer data)
{
    TcgBlock *tb = f->tb;

    tcg_mul(tb, f->x, f->y);
    tcg_call_args(tb, &helper_pure, f->x, f->w);
    tcg_select(tb, TCG_LT, f->x, f->y, f->x, f->y);
    tcg_ld(tb, TCG_I64, tcg_const(tb, MACHINE_MEM_BASE), MO_64);
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    g_assert_cmpuint(count_op(tb, TCG_OP_mul), ==, 0);
    g_assert_cmpuint(count_op(tb, TCG_OP_call), ==, 0);
    g_assert_cmpuint(count_op(tb, TCG_OP_select), ==, 0);
    g_assert_cmpuint(count_op(tb, TCG_OP_args), ==, 0);
    g_assert_cmpuint(count_op(tb, TCG_OP_slot_get), ==, 0);
    g_assert_cmpuint(count_op(tb, TCG_OP_ld), ==, 1);
}

static void overtaken_slot_stores_go(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;

    tcg_slot_put(tb, SLOT_X + 3, f->x);
    tcg_call_args(tb, &helper_writes, f->w);
    tcg_slot_put(tb, SLOT_X + 3, f->y);
    tcg_call_args(tb, &helper_writes, f->w);
    tcg_exit_direct(tb, 0x1004, 0);
    tcg_block_finish(tb);
    /* each helper could have looked: both stay */
    g_assert_cmpuint(count_op(tb, TCG_OP_slot_st), ==, 2);
}

static void backward_targets_poll_and_head_loops(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;

    tcg_side_exit(tb, TCG_EQ, f->x, f->y, 0xfff0);
    tcg_insn_start(tb, 0x1004);
    tcg_side_exit(tb, TCG_NE, f->x, f->y, 0x1000);
    tcg_side_exit(tb, TCG_LT, f->x, f->y, 0x1004);
    tcg_exit_direct(tb, 0x1008, 0);
    tcg_block_finish(tb);
    g_assert_cmpuint(tb->exit[0].flags, ==, TCG_EXIT_CROSS_PAGE);
    g_assert_cmpuint(tb->exit[1].kind, ==, TCG_EXIT_LOOP);
    g_assert_cmpuint(tb->exit[1].flags, ==, TCG_EXIT_POLL);
    g_assert_cmpuint(tb->exit[2].kind, ==, TCG_EXIT_DIRECT);
    g_assert_cmpuint(tb->exit[2].flags, ==, TCG_EXIT_POLL);
    g_assert_cmpuint(tb->exit[3].flags, ==, 0);
    g_assert_cmpuint(tb->exit[3].insns_done, ==, 2);
}

/* x1 counts down to 0 in a loop inside the unit. */
static void loop_runs_inside_and_stops_at_poll(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgVal n = tcg_addi(tb, f->x, -1);

    tcg_slot_put(tb, SLOT_X + 1, n);
    tcg_side_exit(tb, TCG_EQ, n, tcg_const(tb, 0), 0x1800);
    tcg_exit_direct(tb, 0x1000, 0);
    tcg_block_finish(tb);
    machine_reset(f->m, 1);
    f->m->env->x[1] = 1000;
    g_assert_cmpint(machine_interp(f->m, tb).why, ==, TCG_LEAVE_EXIT);
    g_assert_cmphex(f->m->env->pc, ==, 0x1800);
    g_assert_cmpuint(f->m->env->x[1], ==, 0);
    f->m->env->x[1] = 1000;
    atomic_store(&f->m->hot->exit_req, 1);
    g_assert_cmpint(machine_interp(f->m, tb).why, ==, TCG_LEAVE_POLL);
    g_assert_cmphex(f->m->env->pc, ==, 0x1000);
    g_assert_cmpuint(f->m->env->x[1], ==, 999);
}

static void icount_counts_what_ran(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    TcgBlock *tb = tcg_block_begin(ctx, 0x1000, TCG_BLOCK_ICOUNT);

    for (unsigned i = 0; i < 4; i++) {
        tcg_insn_start(tb, 0x1000 + 4 * i);
        tcg_side_exit(tb, TCG_EQ, tcg_slot_get(tb, SLOT_X), tcg_const(tb, i),
                      0x1100);
    }
    tcg_exit_direct(tb, 0x1010, 0);
    tcg_block_finish(tb);
    m->hot->icount = 100;
    m->env->x[0] = 1;
    machine_interp(m, tb);
    g_assert_cmpint(m->hot->icount, ==, 98);
    m->env->x[0] = 9;
    machine_interp(m, tb);
    g_assert_cmpint(m->hot->icount, ==, 94);
    m->hot->icount = 3;
    g_assert_cmpint(machine_interp(m, tb).why, ==, TCG_LEAVE_ICOUNT);
    g_assert_cmpint(m->hot->icount, ==, 3);
    g_assert_cmphex(m->env->pc, ==, 0x1000);
    machine_free(m);
    tcg_context_free(ctx);
}

static void many_slots_share_one_walk_of_snapshots(Fixture *f,
                                                   gconstpointer data)
{
    TcgBlock *tb = f->tb;
    TcgSnapCursor c;

    for (unsigned i = 0; i < 10; i++) {
        tcg_insn_start(tb, 0x1004 + 4 * i);
        tcg_ld(tb, TCG_I64, f->x, MO_64);
        tcg_slot_put(tb, SLOT_X + i, tcg_const(tb, i));
    }
    tcg_exit_direct(tb, 0x1100, 0);
    tcg_block_finish(tb);
    g_assert_cmpuint(tb->nsnap, ==, 11);
    g_assert_cmpuint(tb->ndelta, ==, 10); /* one change each */
    tcg_snap_cursor_init(&c, tb);
    tcg_snap_cursor_seek(&c, 10);
    g_assert_cmphex(c.dirty.w[0], ==, bit_mask(10));
    tcg_snap_cursor_seek(&c, 4); /* and backward */
    g_assert_cmphex(c.dirty.w[0], ==, bit_mask(4));
    g_assert_cmphex(c.map[4], ==, TCG_REF_ENV);
}

static void folding_changes_no_outcome(void)
{
    TcgConfig plain = { UINT32_MAX, TCG_NO_FOLD | TCG_STRESS_VERIFY,
                        UINT32_MAX };
    TcgConfig fold = { UINT32_MAX, TCG_STRESS_VERIFY, UINT32_MAX };
    TcgContext *a = tcg_context_new(&machine_frontend, &machine_ops, &plain);
    TcgContext *b = tcg_context_new(&machine_frontend, &machine_ops, &fold);
    Machine *ma = machine_new(), *mb = machine_new();
    unsigned n = g_test_slow() ? 200000 : 4000;

    for (unsigned seed = 1; seed <= n; seed++) {
        TcgBlock *ta = random_ir(a, seed, RANDOM_ALL, 1 + seed % 20);
        TcgBlock *tb = random_ir(b, seed, RANDOM_ALL, 1 + seed % 20);
        Outcome oa, ob;
        char *diff;

        machine_reset(ma, seed);
        ma->fill_tlb = seed & 1;
        ma->hot->mxcsr_guest |= seed % 4 << 13;
        machine_copy(mb, ma);
        oa = machine_interp(ma, ta);
        ob = machine_interp(mb, tb);
        diff = machine_diff(ma, mb);
        if (diff != NULL || oa.why != ob.why || oa.addr != ob.addr ||
            oa.insns_done != ob.insns_done) {
            g_error("seed %u: %s, left by %d and %d\n%s\n%s", seed,
                    diff != NULL ? diff : "same state", oa.why, ob.why,
                    tcg_dump(ta), tcg_dump(tb));
        }
    }
    machine_free(ma);
    machine_free(mb);
    tcg_context_free(a);
    tcg_context_free(b);
}

static void clone_runs_like_its_original(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *ma = machine_new(), *mb = machine_new();
    TcgBlock *tb = random_ir(ctx, 11, RANDOM_ALL, 16), *copy;
    Outcome oa, ob;

    copy = tcg_block_clone(tb);
    oa = machine_interp(ma, tb);
    random_ir(ctx, 12, RANDOM_ALL, 16); /* overwrites the context's block */
    ob = machine_interp(mb, copy);
    g_assert_cmpint(oa.why, ==, ob.why);
    g_assert_null(machine_diff(ma, mb));
    tcg_block_free(copy);
    machine_free(ma);
    machine_free(mb);
    tcg_context_free(ctx);
}

#define ADD(path, fn)                                                          \
    g_test_add("/tcg/build/" path, Fixture, NULL, fixture_up, fn, fixture_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("identities", identities_give_the_operand);
    ADD("inverses", inverse_ops_cancel);
    ADD("extensions", known_extensions_are_dropped);
    ADD("shift-pairs", shift_pairs_become_fields);
    ADD("comparisons", comparisons_narrow_and_look_through);
    ADD("sharing", equal_pure_ops_are_built_once);
    ADD("pc", pc_constants_keep_their_kind);
    ADD("puts", puts_emit_nothing_until_an_exit);
    ADD("fault", fault_shows_the_start_of_its_insn);
    ADD("side-exit", side_exit_shows_puts_of_its_own_insn);
    ADD("ended", always_taken_side_exit_ends_the_block);
    ADD("helpers", helpers_see_and_change_declared_slots);
    ADD("raise", raising_helper_leaves_a_precise_state);
    ADD("dead", unused_pure_ops_and_helpers_go_loads_stay);
    ADD("dead-state", overtaken_slot_stores_go);
    ADD("poll", backward_targets_poll_and_head_loops);
    ADD("loop", loop_runs_inside_and_stops_at_poll);
    ADD("deltas", many_slots_share_one_walk_of_snapshots);
    g_test_add_func("/tcg/build/icount", icount_counts_what_ran);
    g_test_add_func("/tcg/build/random", folding_changes_no_outcome);
    g_test_add_func("/tcg/build/clone", clone_runs_like_its_original);
    return g_test_run();
}
