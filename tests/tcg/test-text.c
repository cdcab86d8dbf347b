/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text form: what is written reads back the same, mistakes are named with
 * their line, and malformed blocks do not get past the verifier.
 */
#include "tandem/base.h"

#include "random_ir.h"

typedef struct Fixture {
    TcgContext *ctx;
    Machine *m;
} Fixture;

static void fixture_up(Fixture *f, gconstpointer data)
{
    f->ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    f->m = machine_new();
}

static void fixture_down(Fixture *f, gconstpointer data)
{
    tcg_context_free(f->ctx);
    machine_free(f->m);
}

static TcgBlock *parse_ok(Fixture *f, const char *text)
{
    Error *err = NULL;
    TcgBlock *tb = tcg_parse(f->ctx, text, machine_helpers, &err);

    if (tb == NULL) {
        g_error("%s\n%s", error_text(err), text);
    }
    return tb;
}

static void parse_fails(Fixture *f, const char *text, const char *why)
{
    Error *err = NULL;

    g_assert_null(tcg_parse(f->ctx, text, machine_helpers, &err));
    g_assert_cmpstr(error_text(err), ==, why);
    error_free(err);
}

static void random_blocks_round_trip_and_run_alike(Fixture *f,
                                                   gconstpointer data)
{
    Machine *other = machine_new();

    for (unsigned seed = 1; seed <= 500; seed++) {
        TcgBlock *tb = random_ir(f->ctx, seed, RANDOM_ALL, 1 + seed % 16);
        char *first = tcg_dump(tb), *second;
        Outcome a, b;

        machine_reset(f->m, seed);
        machine_copy(other, f->m);
        a = machine_interp(f->m, tb);
        tb = parse_ok(f, first);
        second = tcg_dump(tb);
        g_assert_cmpstr(first, ==, second);
        b = machine_interp(other, tb);
        g_assert_cmpint(a.why, ==, b.why);
        g_assert_cmpint(a.exit, ==, b.exit);
        g_assert_null(machine_diff(f->m, other));
        g_free(first);
        g_free(second);
    }
    machine_free(other);
}

static void text_by_hand_runs(Fixture *f, gconstpointer data)
{
    TcgBlock *tb = parse_ok(f, "# a comment\n"
                               "block 0x1000 flags 0\n"
                               "insn 0x1000\n"
                               "  %7 = slot_get.i64 <x1>\n"
                               "  %9 = add.i64 %7, i64:5 # five\n"
                               "insn 0x1004\n"
                               "  snap 0 pc 0x1004 insn 1 x2=%9\n"
                               "  %10 = ld.i64 <16,s> %9 @0\n"
                               "\n"
                               "  snap 1 pc 0x1004 insn 1 x3=%10\n"
                               "  exit -> direct 0x1008 done 2 @1\n");
    TestEnv *env = f->m->env;

    env->x[1] = MACHINE_MEM_BASE - 5;
    f->m->mem[0] = 0x34;
    f->m->mem[1] = 0x92;
    g_assert_cmpint(machine_interp(f->m, tb).why, ==, TCG_LEAVE_EXIT);
    g_assert_cmphex(env->x[2], ==, MACHINE_MEM_BASE);
    g_assert_cmphex(env->x[3], ==, 0xffffffffffff9234);
    g_assert_cmphex(env->pc, ==, 0x1008);
}

static void mistakes_are_named_with_their_line(Fixture *f, gconstpointer data)
{
    parse_fails(f, "", "there is no block");
    parse_fails(f, "insn 0\n", "line 1: expected 'block'");
    parse_fails(f, "block 0x1 flags 0\n\n  frob <x1>\n",
                "line 3: 'frob' is not an op");
    parse_fails(f, "block 0x1 flags 0\n%1 = slot_get.i64 <x77>\n",
                "line 2: 'x77' is not a slot");
    parse_fails(f, "block 0x1 flags 0\n%1 = add.i64 %5, i64:1\n",
                "line 2: %5 is not defined yet");
    parse_fails(f, "block 0x1 flags 0\n%1 = add.i64 i64:1\n",
                "line 2: expected ','");
    parse_fails(f, "block 0x1 flags 0\n%1 = add.i63 i64:1, i64:2\n",
                "line 2: 'i63' is not a type");
    parse_fails(f, "block 0x1 flags 0\n%1 = add i64:1, i64:2\n",
                "line 2: a value needs a type");
    parse_fails(f, "block 0x1 flags 0\nadd.i64 i64:1, i64:2\n",
                "line 2: nothing takes the value");
    parse_fails(f, "block 0x1 flags 0\n%1 = neg.i32 i32:0x100000000\n",
                "line 2: the number is too large");
    parse_fails(f, "block 0x1 flags 0\n%1 = setcc.i64 <above> i64:1, i64:2\n",
                "line 2: 'above' is not a condition");
    parse_fails(f, "block 0x1 flags 0\n%1 = call.i64 <nobody> i64:1\n",
                "line 2: 'nobody' is not a helper");
    parse_fails(f, "block 0x1 flags 0\nsnap 3 pc 1 insn 0\n",
                "line 2: this is snapshot 0");
    parse_fails(f, "block 0x1 flags 0\nfence <rr> %1\n",
                "line 2: '%1' is left over");
    parse_fails(f, "block 0x1 flags 0\nexit -> nowhere done 0 @0\n",
                "line 2: 'nowhere' is not a kind of exit");
}

#define HEAD "block 0x1000 flags 0\ninsn 0x1000\n"
#define TAIL "snap 0 pc 0x1000 insn 0\nexit -> direct 0x1004 done 1 @0\n"

static void malformed_blocks_are_refused(Fixture *f, gconstpointer data)
{
    parse_fails(f, HEAD, "%0 insn: the block does not end with an exit");
    parse_fails(f, HEAD "%1 = add.i64 i32:1, i64:2\n" TAIL,
                "%1 add: operand 0 has the wrong type");
    parse_fails(f, HEAD "%1 = trunc.i32 i32:1\n" TAIL,
                "%1 trunc: operand 0 has the wrong type");
    parse_fails(f, HEAD "%1 = slot_get.i32 <x1>\n" TAIL,
                "%1 slot_get: the slot has another type");
    parse_fails(f, HEAD "%1 = extr.i32 <30,5> i32:1\n" TAIL,
                "%1 extr: the field leaves the word");
    parse_fails(f, HEAD "%1 = env_ld.i32 <64> 8\n" TAIL,
                "%1 env_ld: size does not fit the type");
    parse_fails(f, HEAD "%1 = call.i32 <pure> i64:1, i32:2\n" TAIL,
                "%1 call: result type differs from the helper's");
    parse_fails(f, HEAD "%1 = call.i64 <pure> i64:1, i64:2\n" TAIL,
                "%1 call: argument 1 has the wrong type");
    parse_fails(f,
                HEAD "snap 0 pc 0 insn 0 x1=i32:5\n"
                     "exit -> direct 0x1004 done 1 @0\n",
                "%1 exit: its snapshot gives x1 another type");
    parse_fails(f,
                HEAD "snap 0 pc 0 insn 0\nsnap 1 pc 0 insn 0\n"
                     "exit -> direct 0x1004 done 1 @1\n",
                "%1 exit: snapshots are out of order");
    parse_fails(f, HEAD "exit -> direct 0x1004 done 1 @4\n",
                "%1 exit: no such snapshot");
    parse_fails(f, HEAD TAIL "fence <rr>\n",
                "%1 exit: the block goes on after it");
    parse_fails(f,
                HEAD "snap 0 pc 0 insn 0\n"
                     "exit -> loop 0x1000 done 1 @0\n",
                "%1 exit: a loop without POLL");
    parse_fails(f,
                HEAD "snap 0 pc 0 insn 0\n"
                     "exit -> trap 1 done 1 @0\n",
                "%1 exit: the exit is of another kind");
}

static void a_fault_after_an_effect_is_refused(Fixture *f, gconstpointer data)
{
    const char *after_store = HEAD "snap 0 pc 0x1000 insn 0\n"
                                   "st <64> i64:8, i64:1 @0\n"
                                   "%2 = ld.i64 <64> i64:8 @0\n"
                                   "exit -> direct 0x1004 done 1 @0\n";

    parse_fails(f, after_store,
                "%2 ld: it may fault after a guest store in the same guest "
                "insn");
    parse_fails(f,
                HEAD "snap 0 pc 0x1000 insn 0\n"
                     "env_st <64> i64:8, 0x100\n"
                     "trap -> trap 5 done 0 @0\n",
                "%2 trap: it may fault after env_st in the same guest insn");
    parse_ok(f, "block 0x1000 flags 0\ninsn 0x1000 partial\n"
                "snap 0 pc 0x1000 insn 0\n"
                "st <64> i64:8, i64:1 @0\n"
                "%2 = ld.i64 <64> i64:8 @0\n"
                "exit -> direct 0x1004 done 1 @0\n");
    parse_ok(f, HEAD "snap 0 pc 0x1000 insn 0\n"
                     "st <64> i64:8, i64:1 @0\n"
                     "insn 0x1004\n"
                     "snap 1 pc 0x1004 insn 1\n"
                     "%2 = ld.i64 <64> i64:8 @1\n"
                     "exit -> direct 0x1004 done 1 @1\n");
}

/* Every byte of a good text changed or cut: no crash, and what still parses
 * still verifies. */
static void damaged_text_never_crashes(Fixture *f, gconstpointer data)
{
    uint64_t state = 77;

    for (unsigned seed = 1; seed <= 40; seed++) {
        char *text = tcg_dump(random_ir(f->ctx, seed, RANDOM_ALL, 6));
        size_t len = strlen(text);

        for (unsigned n = 0; n < 150; n++) {
            char *bad = g_strdup(text);
            Error *err = NULL;
            TcgBlock *tb;

            for (unsigned k = machine_random(&state) % 3 + 1; k > 0; k--) {
                bad[machine_random(&state) % len] =
                    "%0123456789,<>.:xisab @->\n"[machine_random(&state) % 26];
            }
            if (n % 5 == 0) {
                bad[machine_random(&state) % len] = '\0';
            }
            tb = tcg_parse(f->ctx, bad, machine_helpers, &err);
            g_assert_true((tb == NULL) == (err != NULL));
            if (tb != NULL) {
                g_assert_null(tcg_verify(tb));
                g_free(tcg_dump(tb));
            } else {
                error_free(err);
            }
            g_free(bad);
        }
        g_free(text);
    }
}

#define ADD(path, fn)                                                          \
    g_test_add("/tcg/text/" path, Fixture, NULL, fixture_up, fn, fixture_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("round-trip", random_blocks_round_trip_and_run_alike);
    ADD("by-hand", text_by_hand_runs);
    ADD("errors", mistakes_are_named_with_their_line);
    ADD("malformed", malformed_blocks_are_refused);
    ADD("effects", a_fault_after_an_effect_is_refused);
    ADD("damaged", damaged_text_never_crashes);
    return g_test_run();
}
