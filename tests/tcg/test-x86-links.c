/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How units of the x86-64 back end leave and reach each other: the contract of
 * TcgCodeExit (compile.h), played by hand instead of by the engine.
 */
#include "tandem/base.h"

#include <sys/mman.h>

#include "machine.h"

enum { CODE_SIZE = 1 << 16, THUNK_SIZE = 1 << 14, UNIT_SIZE = 1 << 12 };

typedef struct Unit {
    uint32_t off; /* of its code in the buffer */
    TcgCode code;
    TcgCodeExit exit[4];
} Unit;

typedef struct Links {
    TcgContext *ctx;
    uint8_t *rw;
    const uint8_t *rx;
    TcgThunks thunks;
    Machine *m;
    uint32_t used;
} Links;

static void links_init_flags(Links *l, uint32_t flags)
{
    TcgConfig cfg = { UINT32_MAX, TCG_STRESS_VERIFY | flags, UINT32_MAX };
    int fd = memfd_create("code", MFD_CLOEXEC);
    TcgCodeBuf buf;

    g_assert_cmpint(ftruncate(fd, CODE_SIZE), ==, 0);
    l->rw = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    l->rx = mmap(NULL, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    g_assert_true(l->rw != MAP_FAILED && l->rx != MAP_FAILED);
    close(fd);
    l->ctx = tcg_context_new(&machine_frontend, &machine_ops, &cfg);
    buf = (TcgCodeBuf){ .rw = l->rw, .rx = l->rx, .size = THUNK_SIZE };
    g_assert_cmpint(tcg_thunks_emit(l->ctx, &buf, &l->thunks), ==, TCG_OK);
    tcg_context_set_thunks(l->ctx, &l->thunks);
    l->used = THUNK_SIZE;
    l->m = machine_new();
    machine_reset(l->m, 1);
}

static void links_init(Links *l)
{
    links_init_flags(l, 0);
}

static void links_free(Links *l)
{
    machine_free(l->m);
    tcg_context_free(l->ctx);
    munmap(l->rw, CODE_SIZE);
    munmap((void *)l->rx, CODE_SIZE);
}

static TcgResult compile(Links *l, TcgBlock *tb, uint32_t second_pmid,
                         size_t size, Unit *u)
{
    TcgCodeBuf buf = { l->rw + l->used, l->rx + l->used, size, u, second_pmid };
    TcgResult r;

    u->off = l->used;
    r = tcg_compile(l->ctx, tb, &buf, &u->code);
    if (r == TCG_OK) {
        memcpy(u->exit, u->code.exits, u->code.nexits * sizeof(u->exit[0]));
        l->used += UNIT_SIZE;
    }
    return r;
}

/* x1 += @add at @pc, then to @target. */
static Unit unit(Links *l, uint64_t pc, uint64_t add, uint64_t target,
                 unsigned flags)
{
    TcgBlock *tb = tcg_block_begin(l->ctx, pc, 0);
    Unit u;

    tcg_insn_start(tb, pc);
    tcg_slot_put(tb, SLOT_X + 1,
                 tcg_addi(tb, tcg_slot_get(tb, SLOT_X + 1), add));
    tcg_exit_direct(tb, target, flags);
    tcg_block_finish(tb);
    g_assert_cmpint(compile(l, tb, 0, UNIT_SIZE, &u), ==, TCG_OK);
    return u;
}

static const uint8_t *entry(const Links *l, const Unit *u)
{
    return l->rx + u->off + u->code.entry_off;
}

static int run(Links *l, const Unit *u)
{
    static MachineUnit none;

    return machine_enter(l->m, &l->thunks, entry(l, u), &none).why;
}

static void patch32(Links *l, uint32_t at, uint32_t value)
{
    g_assert_cmpuint(at & 3, ==, 0);
    memcpy(l->rw + at, &value, 4);
}

static void link_to(Links *l, const Unit *u, unsigned n, const Unit *to)
{
    uint32_t at = u->off + u->exit[n].jmp_off;

    g_assert_cmpuint(u->exit[n].jmp_off, !=, 0);
    patch32(l, at, to->off + to->code.entry_off - (at + 4));
}

static void unlink_exit(Links *l, const Unit *u, unsigned n)
{
    patch32(l, u->off + u->exit[n].jmp_off,
            u->exit[n].stub_off - (u->exit[n].jmp_off + 4));
}

static void an_unlinked_exit_names_unit_exit_and_target(void)
{
    Links l = { 0 };
    Unit a;

    links_init(&l);
    a = unit(&l, 0x1000, 5, 0x1040, 0);
    l.m->env->x[1] = 1;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmpuint(l.m->hot->leave_exit, ==, 0);
    g_assert_cmphex(l.m->env->pc, ==, 0x1040);
    g_assert_cmpuint(l.m->env->x[1], ==, 6);
    links_free(&l);
}

static void linked_units_follow_each_other_until_unlinked(void)
{
    Links l = { 0 };
    Unit a, b;

    links_init(&l);
    a = unit(&l, 0x1000, 1, 0x1040, 0);
    b = unit(&l, 0x1040, 10, 0x1080, 0);
    l.m->env->x[1] = 0;
    link_to(&l, &a, 0, &b);
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmphex(l.m->env->pc, ==, 0x1080);
    g_assert_cmpuint(l.m->env->x[1], ==, 11);
    unlink_exit(&l, &a, 0);
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmphex(l.m->env->pc, ==, 0x1040);
    g_assert_cmpuint(l.m->env->x[1], ==, 12);
    links_free(&l);
}

/* Links to another page hold while the itlb has the target page's id. */
static void a_cross_page_link_needs_the_page_id(void)
{
    Links l = { 0 };
    Unit a, b;

    links_init(&l);
    a = unit(&l, 0x1000, 1, 0x2040, 0);
    b = unit(&l, 0x2040, 10, 0x2080, 0);
    g_assert_cmpuint(a.exit[0].flags & TCG_EXIT_CROSS_PAGE, !=, 0);
    l.m->env->x[1] = 0;
    link_to(&l, &a, 0, &b);
    patch32(&l, a.off + a.exit[0].pmid_off, 77);
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_CROSS_PAGE);
    g_assert_cmphex(l.m->env->pc, ==, 0x2040);
    l.m->hot->itlb[2] = 77;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmphex(l.m->env->pc, ==, 0x2080);
    g_assert_cmpuint(l.m->env->x[1], ==, 12);
    links_free(&l);
}

static void a_unit_in_two_pages_is_entered_with_both_mapped_only(void)
{
    Links l = { 0 };
    TcgBlock *tb;
    Unit a;

    links_init(&l);
    tb = tcg_block_begin(l.ctx, 0x1ffe, 0);
    tcg_insn_start(tb, 0x1ffe);
    tcg_slot_put(tb, SLOT_X + 1, tcg_const(tb, 3));
    tcg_exit_direct(tb, 0x2002, 0);
    tcg_block_finish(tb);
    g_assert_cmpint(compile(&l, tb, 55, UNIT_SIZE, &a), ==, TCG_OK);
    l.m->env->x[1] = 0;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_INDIRECT);
    g_assert_cmphex(l.m->env->pc, ==, 0x1ffe);
    g_assert_cmpuint(l.m->env->x[1], ==, 0);
    patch32(&l, a.off + a.code.pmid_off, 56);
    l.m->hot->itlb[2] = 56;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_CROSS_PAGE);
    g_assert_cmpuint(l.m->env->x[1], ==, 3);
    links_free(&l);
}

/* Backward edges look at exit_req, with the pc of the edge's target. */
static void a_loop_of_two_units_ends_at_a_request(void)
{
    Links l = { 0 };
    Unit a, b;

    links_init(&l);
    a = unit(&l, 0x1000, 1, 0x1040, 0);
    b = unit(&l, 0x1040, 1, 0x1000, 0);
    g_assert_cmpuint(b.exit[0].flags & TCG_EXIT_POLL, !=, 0);
    link_to(&l, &a, 0, &b);
    link_to(&l, &b, 0, &a);
    atomic_store(&l.m->hot->exit_req, 1);
    l.m->env->x[1] = 0;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_POLL);
    g_assert_cmphex(l.m->env->pc, ==, 0x1000);
    g_assert_cmpuint(l.m->env->x[1], ==, 2);
    links_free(&l);
}

/* An indirect jump goes on by the jump cache when pc and ctx match. */
static void the_jump_cache_needs_pc_and_ctx(void)
{
    Links l = { 0 };
    TcgJumpEntry *e;
    TcgBlock *tb;
    Unit a, b;

    links_init(&l);
    tb = tcg_block_begin(l.ctx, 0x1000, 0);
    tcg_insn_start(tb, 0x1000);
    tcg_exit_indirect(tb, tcg_slot_get(tb, SLOT_X + 2), 0);
    tcg_block_finish(tb);
    g_assert_cmpint(compile(&l, tb, 0, UNIT_SIZE, &a), ==, TCG_OK);
    b = unit(&l, 0x123456, 10, 0x123460, 0);
    l.m->env->x[1] = 0;
    l.m->env->x[2] = 0x123456;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_INDIRECT);
    g_assert_cmphex(l.m->env->pc, ==, 0x123456);
    e = &l.m->hot->jc[tcg_jc_index(0x123456, 1)];
    *e = (TcgJumpEntry){ .pc = 0x123456, .ctx = 9, .host = entry(&l, &b) };
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_INDIRECT); /* ctx is 1 */
    e->ctx = 1;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmphex(l.m->env->pc, ==, 0x123460);
    g_assert_cmpuint(l.m->env->x[1], ==, 10);
    links_free(&l);
}

/* A counted unit does not begin when the slice is shorter. */
static void a_counted_unit_needs_its_whole_count(void)
{
    Links l = { 0 };
    TcgBlock *tb;
    Unit a;

    links_init(&l);
    tb = tcg_block_begin(l.ctx, 0x1000, TCG_BLOCK_ICOUNT);
    for (unsigned k = 0; k < 3; k++) {
        tcg_insn_start(tb, 0x1000 + 4 * k);
        tcg_slot_put(tb, SLOT_X + 1,
                     tcg_addi(tb, tcg_slot_get(tb, SLOT_X + 1), 1));
    }
    tcg_exit_direct(tb, 0x100c, 0);
    tcg_block_finish(tb);
    g_assert_cmpint(compile(&l, tb, 0, UNIT_SIZE, &a), ==, TCG_OK);
    l.m->env->x[1] = 0;
    l.m->hot->icount = 5;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmpint(l.m->hot->icount, ==, 2);
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_ICOUNT);
    g_assert_cmpint(l.m->hot->icount, ==, 2);
    g_assert_cmphex(l.m->env->pc, ==, 0x1000);
    g_assert_cmpuint(l.m->env->x[1], ==, 3);
    links_free(&l);
}

/* x1, x2 and x3 rotate, as do x4, x15, which are not pinned, and x6; a number
 * for x5; to @target. */
static Unit rotation(Links *l, uint64_t pc, uint64_t target)
{
    TcgBlock *tb = tcg_block_begin(l->ctx, pc, 0);
    TcgVal x[16];
    Unit u;

    tcg_insn_start(tb, pc);
    for (unsigned k = 0; k < 16; k++) {
        x[k] = tcg_slot_get(tb, SLOT_X + k);
    }
    tcg_slot_put(tb, SLOT_X + 1, x[2]);
    tcg_slot_put(tb, SLOT_X + 2, x[3]);
    tcg_slot_put(tb, SLOT_X + 3, x[1]);
    tcg_slot_put(tb, SLOT_X + 6, x[4]);
    tcg_slot_put(tb, SLOT_X + 4, x[15]);
    tcg_slot_put(tb, SLOT_X + 15, x[6]);
    tcg_slot_put(tb, SLOT_X + 5, tcg_const(tb, UINT64_C(0x123456789abcdef)));
    tcg_exit_direct(tb, target, 0);
    tcg_block_finish(tb);
    g_assert_cmpint(compile(l, tb, 0, UNIT_SIZE, &u), ==, TCG_OK);
    return u;
}

static void rotations_end_in_env(uint32_t flags)
{
    static const uint8_t from[16] = { 0, 3, 1,  2,  6,  0,  15, 7,
                                      8, 9, 10, 11, 12, 13, 14, 4 };
    Links l = { 0 };
    Unit a, b;

    links_init_flags(&l, flags);
    a = rotation(&l, 0x1000, 0x1040);
    b = rotation(&l, 0x1040, 0x1080);
    link_to(&l, &a, 0, &b);
    for (unsigned k = 0; k < 16; k++) {
        l.m->env->x[k] = UINT64_C(0x1111111100000000) + k;
    }
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmphex(l.m->env->pc, ==, 0x1080);
    for (unsigned k = 0; k < 16; k++) {
        g_assert_cmphex(l.m->env->x[k], ==,
                        k == 5 ? UINT64_C(0x123456789abcdef)
                               : UINT64_C(0x1111111100000000) + from[k]);
    }
    links_free(&l);
}

static void pinned_and_other_slots_end_in_env(void)
{
    rotations_end_in_env(0);
    rotations_end_in_env(TCG_NO_PIN);
}

/* x1 is pinned: an exit has nothing to do for it, and env is told when the
 * units are left. */
static void an_exit_leaves_pinned_slots_in_place(void)
{
    const TcgCounters *count;
    Links l = { 0 };
    Unit a;

    links_init(&l);
    count = tcg_context_counters(l.ctx);
    a = unit(&l, 0x1000, 5, 0x1040, 0);
    g_assert_cmpuint(count->pin_exits, ==, 1);
    g_assert_cmpuint(count->pin_moves, ==, 0);
    l.m->env->x[1] = 7;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    g_assert_cmpuint(l.m->env->x[1], ==, 12);
    links_free(&l);
    links_init_flags(&l, TCG_NO_PIN);
    unit(&l, 0x1000, 5, 0x1040, 0);
    g_assert_cmpuint(tcg_context_counters(l.ctx)->pin_exits, ==, 0);
    links_free(&l);
}

/* A loop that needs more registers than pinned slots leave parks some. */
static void a_loop_takes_registers_of_slots_it_does_not_use(void)
{
    Links l = { 0 };
    TcgBlock *tb;
    TcgVal n;
    Unit a;

    links_init(&l);
    tb = tcg_block_begin(l.ctx, 0x1000, 0);
    tcg_insn_start(tb, 0x1000);
    for (unsigned k = 11; k < 16; k++) { /* x11 to x15 are not pinned */
        tcg_slot_put(tb, SLOT_X + k,
                     tcg_addi(tb, tcg_slot_get(tb, SLOT_X + k), k));
    }
    n = tcg_addi(tb, tcg_slot_get(tb, SLOT_X + 4), -1);
    tcg_slot_put(tb, SLOT_X + 4, n);
    tcg_side_exit(tb, TCG_NE, n, tcg_const(tb, 0), 0x1000);
    tcg_exit_direct(tb, 0x1040, 0);
    tcg_block_finish(tb);
    g_assert_cmpint(compile(&l, tb, 0, UNIT_SIZE, &a), ==, TCG_OK);
    for (unsigned k = 0; k < 16; k++) {
        l.m->env->x[k] = 1000 * k;
    }
    l.m->env->x[4] = 10;
    g_assert_cmpint(run(&l, &a), ==, TCG_LEAVE_EXIT);
    for (unsigned k = 0; k < 16; k++) {
        g_assert_cmpuint(l.m->env->x[k], ==,
                         k == 4 ? 0 : 1000 * k + (k > 10 ? 10 * k : 0));
    }
    g_assert_cmpuint(tcg_context_counters(l.ctx)->pin_moves, >, 0);
    links_free(&l);
}

static void a_small_buffer_is_refused_and_not_overrun(void)
{
    Links l = { 0 };
    TcgBlock *tb;
    Unit a;

    links_init(&l);
    tb = tcg_block_begin(l.ctx, 0x1000, 0);
    for (unsigned k = 0; k < 40; k++) {
        tcg_insn_start(tb, 0x1000 + 4 * k);
        tcg_slot_put(
            tb, SLOT_X + k % 8,
            tcg_ld(tb, TCG_I64, tcg_slot_get(tb, SLOT_X + k % 7), MO_64));
    }
    tcg_exit_direct(tb, 0x2000, 0);
    tcg_block_finish(tb);
    memset(l.rw + l.used, 0x5a, CODE_SIZE - l.used);
    for (unsigned size = 256; size <= 1024; size += 256) {
        g_assert_cmpint(compile(&l, tb, 0, size, &a), ==, TCG_NO_SPACE);
        for (uint32_t k = l.used + size; k < CODE_SIZE; k++) {
            g_assert_cmphex(l.rw[k], ==, 0x5a);
        }
    }
    g_assert_cmpint(compile(&l, tb, 0, UNIT_SIZE * 2, &a), ==, TCG_OK);
    links_free(&l);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/links/unlinked",
                    an_unlinked_exit_names_unit_exit_and_target);
    g_test_add_func("/x86/links/linked",
                    linked_units_follow_each_other_until_unlinked);
    g_test_add_func("/x86/links/cross-page",
                    a_cross_page_link_needs_the_page_id);
    g_test_add_func("/x86/links/two-pages",
                    a_unit_in_two_pages_is_entered_with_both_mapped_only);
    g_test_add_func("/x86/links/poll", a_loop_of_two_units_ends_at_a_request);
    g_test_add_func("/x86/links/jump-cache", the_jump_cache_needs_pc_and_ctx);
    g_test_add_func("/x86/links/icount", a_counted_unit_needs_its_whole_count);
    g_test_add_func("/x86/links/pinned", pinned_and_other_slots_end_in_env);
    g_test_add_func("/x86/links/pinned-in-place",
                    an_exit_leaves_pinned_slots_in_place);
    g_test_add_func("/x86/links/pinned-parked",
                    a_loop_takes_registers_of_slots_it_does_not_use);
    g_test_add_func("/x86/links/no-space",
                    a_small_buffer_is_refused_and_not_overrun);
    return g_test_run();
}
