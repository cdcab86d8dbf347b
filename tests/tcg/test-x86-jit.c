/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86-64 back end against the interpreter: each op with each class of
 * operand, and random blocks; with all host features and with the baseline
 * only, with the soft TLB filled and with every access slow. State restored
 * from side tables is compared where a block faults.
 * TANDEM_TEST_COUNT multiplies the number of rounds.
 */
#include "tandem/base.h"

#include <sys/mman.h>

#include "machine.h"
#include "random_ir.h"

enum { CODE_SIZE = 1 << 20, THUNK_SIZE = 1 << 14 };

/* A compiler, a code buffer mapped twice, two machines. */
typedef struct Jit {
    TcgContext *ctx;
    uint8_t *rw;
    const uint8_t *rx;
    TcgThunks thunks;
    Machine *interp, *jit;
    TcgCode code;
    size_t max_code;
} Jit;

static void jit_init_ops(Jit *j, uint32_t features, const TcgRuntimeOps *ops)
{
    /* on the baseline without pinned slots, too */
    TcgConfig cfg = { features,
                      TCG_STRESS_VERIFY | (features == 0 ? TCG_NO_PIN : 0),
                      UINT32_MAX };
    int fd = memfd_create("code", MFD_CLOEXEC);
    TcgCodeBuf buf;

    g_assert_cmpint(ftruncate(fd, CODE_SIZE), ==, 0);
    j->rw = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    j->rx = mmap(NULL, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    g_assert_true(j->rw != MAP_FAILED && j->rx != MAP_FAILED);
    close(fd);
    j->ctx = tcg_context_new(&machine_frontend, ops, &cfg);
    buf = (TcgCodeBuf){ j->rw, j->rx, THUNK_SIZE, NULL };
    g_assert_cmpint(tcg_thunks_emit(j->ctx, &buf, &j->thunks), ==, TCG_OK);
    tcg_context_set_thunks(j->ctx, &j->thunks);
    j->interp = machine_new();
    j->jit = machine_new();
    j->interp->hot->ops = j->jit->hot->ops = ops;
}

static void jit_init(Jit *j, uint32_t features)
{
    jit_init_ops(j, features, &machine_ops);
}

static void jit_free(Jit *j)
{
    machine_free(j->interp);
    machine_free(j->jit);
    tcg_context_free(j->ctx);
    munmap(j->rw, CODE_SIZE);
    munmap((void *)j->rx, CODE_SIZE);
}

static void die(Jit *j, TcgBlock *tb, const char *what)
{
    g_autofree char *ir = tcg_dump(tb);

    if (g_getenv("TANDEM_TEST_DUMP") != NULL) {
        g_file_set_contents("jit-fail.bin", (char *)j->rw + THUNK_SIZE,
                            j->code.code_size, NULL);
    }
    g_error("%s\n%s", what, ir);
}

/* The interpreter knows no links, pages and jump cache: what its leaving by an
 * exit is in emitted code that is not linked. */
static int expected_leave(const TcgBlock *tb, Outcome a)
{
    unsigned flags = tb->exit[a.exit].flags;

    if (a.why != TCG_LEAVE_EXIT || (flags & TCG_EXIT_TO_LOOP)) {
        return a.why;
    }
    return flags & TCG_EXIT_CTX_CHANGED  ? TCG_LEAVE_INDIRECT
           : flags & TCG_EXIT_CROSS_PAGE ? TCG_LEAVE_CROSS_PAGE
                                         : TCG_LEAVE_EXIT;
}

/* Enter some pages in the soft TLB, some of them for reading only. */
static void fill_tlb(Machine *m, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u | 1;

    for (unsigned k = 0; k < 3 * (MACHINE_MEM_SIZE >> MACHINE_PAGE_BITS); k++) {
        uint64_t page = MACHINE_MEM_BASE + ((uint64_t)(k / 3) << 12);
        unsigned at = page >> MACHINE_PAGE_BITS & (TCG_TLB_SIZE - 1);
        TcgTlb *tlb = &m->hot->tlb[k % 3];
        uint64_t r = machine_random(&state) >> 60;

        if (r < 12) {
            tlb->tag_r[at] = page;
            tlb->tag_w[at] = r < 9 ? page : page ^ BIT(MACHINE_PAGE_BITS);
            tlb->addend[at] = (uintptr_t)m->mem - MACHINE_MEM_BASE;
        }
    }
}

/* Run @tb both ways from the state of j->interp; compare all that is left. */
static void compare(Jit *j, TcgBlock *tb)
{
    TcgCodeBuf buf = { j->rw + THUNK_SIZE, j->rx + THUNK_SIZE,
                       CODE_SIZE - THUNK_SIZE, tb };
    MachineUnit unit;
    Outcome a, b;
    g_autofree char *diff = NULL;

    g_assert_cmpint(tcg_compile(j->ctx, tb, &buf, &j->code), ==, TCG_OK);
    j->max_code = MAX(j->max_code, j->code.code_size);
    unit = (MachineUnit){ .rx = buf.rx,
                          .side = j->code.side,
                          .side_size = j->code.side_size,
                          .pc = tb->pc,
                          .counted =
                              tb->flags & TCG_BLOCK_ICOUNT ? tb->ninsns : 0 };
    machine_copy(j->jit, j->interp);
    if (j->jit->fill_tlb) {
        fill_tlb(j->jit, j->code.code_size);
    }
    a = machine_interp(j->interp, tb);
    b = machine_enter(j->jit, &j->thunks, buf.rx + j->code.entry_off, &unit);
    diff = machine_diff(j->interp, j->jit);
    if (diff != NULL) {
        die(j, tb, diff);
    }
    a.why = expected_leave(tb, a);
    if (a.why != b.why || a.addr != b.addr || a.insns_done != b.insns_done ||
        ((a.why == TCG_LEAVE_EXIT || a.why == TCG_LEAVE_CROSS_PAGE) &&
         a.exit != b.exit)) {
        g_autofree char *s = g_strdup_printf(
            "left by %d/%u/%" PRIx64 "/%u against %d/%u/%" PRIx64 "/%u", a.why,
            a.exit, a.addr, a.insns_done, b.why, b.exit, b.addr, b.insns_done);

        die(j, tb, s);
    }
}

static unsigned rounds(unsigned n)
{
    const char *s = g_getenv("TANDEM_TEST_COUNT");

    return s != NULL ? n * MAX(atoi(s), 1) : n;
}

/* ---- one op at a time ---- */

enum Operand { FROM_SLOT, FROM_CONST, FROM_REG, OPERAND_KINDS };

typedef struct OpTest {
    TcgBlock *tb;
    uint64_t state;
    unsigned kinds; /* operand k: kinds / 3^k % 3 */
    unsigned slot;  /* distinct slots for distinct operands */
} OpTest;

static uint64_t special(OpTest *t, TcgType type)
{
    return type == TCG_F64   ? machine_special_f64(&t->state)
           : type == TCG_F32 ? machine_special_f32(&t->state)
                             : machine_special(&t->state);
}

static unsigned slot_for(OpTest *t, TcgType type)
{
    unsigned k = t->slot++;

    switch (type) {
    case TCG_I64:
        return SLOT_X + k % 14;
    case TCG_I32:
        return SLOT_W + k % 8;
    case TCG_F64:
        return SLOT_F + k % 8;
    default:
        return SLOT_G + k % 4;
    }
}

/* A value of @type: from env, a constant, or computed and kept alive. */
static TcgVal operand(OpTest *t, TcgType type)
{
    enum Operand kind = t->kinds % OPERAND_KINDS;
    unsigned slot = slot_for(t, type);
    TcgVal v;

    t->kinds /= OPERAND_KINDS;
    if (kind == FROM_CONST) {
        return tcg_const_typed(t->tb, type, special(t, type));
    }
    v = tcg_slot_get(t->tb, slot);
    if (kind == FROM_SLOT) {
        return v;
    }
    if (tcg_type_is_int(type)) {
        v = tcg_xor(t->tb, v, tcg_slot_get(t->tb, slot_for(t, type)));
    } else {
        v = tcg_fneg(t->tb, v);
    }
    if (machine_random(&t->state) >> 63) {
        tcg_slot_put(t->tb, slot_for(t, type), v); /* lives on */
    }
    return v;
}

static unsigned result_slot(TcgType type)
{
    switch (type) {
    case TCG_I64:
        return SLOT_X + 14;
    case TCG_I32:
        return SLOT_W + 7;
    case TCG_F64:
        return SLOT_F + 7;
    default:
        return SLOT_G + 3;
    }
}

static void keep_result(OpTest *t, TcgVal v)
{
    unsigned slot = result_slot(v.type);

    if (machine_random(&t->state) >> 63) {
        slot = slot_for(t, v.type); /* maybe an operand's own */
    }
    tcg_slot_put(t->tb, slot, v);
}

/* From an op's signature (ops.def): the type a letter stands for. */
static TcgType letter_type(char c, TcgType own, TcgType other)
{
    switch (c) {
    case 'i':
        return TCG_I32;
    case 'l':
        return TCG_I64;
    case 's':
        return TCG_F32;
    case 'd':
        return TCG_F64;
    case 'y':
    case 'g':
        return other;
    default:
        return own;
    }
}

typedef struct OpCase {
    TcgOp op;
    TcgType own, other;
    unsigned aux;
} OpCase;

static void emit_op(OpTest *t, const OpCase *c)
{
    const char *sig = strchr(tcg_op_info[c->op].sig, ':') + 1;
    TcgType rt = letter_type(tcg_op_info[c->op].sig[0], c->own, c->other);
    TcgVal v[4] = { { 0 } };
    bool fp = (tcg_op_info[c->op].flags & TCG_OPF_FP) != 0;

    for (unsigned k = 0; sig[k] != 0; k++) {
        v[k] = operand(t, letter_type(sig[k], c->own, c->other));
    }
    if (c->op == TCG_OP_fp_flags) {
        keep_result(t, tcg_fp_flags(t->tb));
    } else if (c->op == TCG_OP_select) {
        keep_result(t,
                    tcg_select(t->tb, (TcgCond)c->aux, v[0], v[1], v[2], v[3]));
    } else if (c->op == TCG_OP_fma) {
        keep_result(t, tcg_fma(t->tb, c->aux, v[0], v[1], v[2]));
    } else if (fp && sig[1] == 0) {
        keep_result(t, tcg_fp1(t->tb, c->op, rt, c->aux, v[0]));
    } else if (fp) {
        keep_result(t, tcg_fp2(t->tb, c->op, rt, c->aux, v[0], v[1]));
    } else if (sig[1] == 0) {
        keep_result(t, tcg_unary(t->tb, c->op, rt, c->aux, v[0]));
    } else {
        keep_result(t, tcg_binary(t->tb, c->op, rt, c->aux, v[0], v[1]));
    }
}

/* Operand classes x random values; several copies in one block. */
static void run_op(Jit *j, const OpCase *c, uint64_t seed)
{
    unsigned n = rounds(12);

    for (unsigned r = 0; r < n; r++) {
        OpTest t = { .state = (seed * 1000 + r) * 0x9e3779b97f4a7c15u | 1 };

        t.tb = tcg_block_begin(j->ctx, 0x1000, 0);
        for (unsigned k = 0; k < 27; k++) {
            tcg_insn_start(t.tb, 0x1000 + 4 * k);
            t.kinds = k + r;
            t.slot = machine_random(&t.state) >> 32;
            emit_op(&t, c);
        }
        tcg_exit_direct(t.tb, 0x1100, 0);
        tcg_block_finish(t.tb);
        machine_reset(j->interp, seed * 77 + r);
        j->interp->hot->mxcsr_guest =
            TCG_MXCSR_RESET | (machine_random(&t.state) >> 62) << 13;
        compare(j, t.tb);
    }
}

static unsigned random_aux(TcgOp op, TcgType own, unsigned k)
{
    unsigned w = own == TCG_I32 ? 32 : 64;
    unsigned pos = k * 7 % w;

    switch (op) {
    case TCG_OP_extr:
    case TCG_OP_sextr:
    case TCG_OP_bfi:
        return k % 4 == 0   ? TCG_FIELD(0, 8 << k / 4 % 3)
               : k % 4 == 1 ? TCG_FIELD(pos, w - pos)
                            : TCG_FIELD(pos, 1 + k * 5 % (w - pos));
    case TCG_OP_setcc:
    case TCG_OP_select:
        return k % TCG_COND_COUNT;
    case TCG_OP_divs:
    case TCG_OP_divu:
    case TCG_OP_rems:
    case TCG_OP_remu:
        return k % 2;
    case TCG_OP_fcmp:
        return TCG_FP_DYN | TCG_FP_COND(k % TCG_FPCOND_COUNT);
    case TCG_OP_fma:
        return (k % 5 ? TCG_FP_DYN : k % 4) | (k & 3) << 6;
    case TCG_OP_fround:
    case TCG_OP_fcvt_fs:
    case TCG_OP_fcvt_fu:
        return k % 6 == 5 ? TCG_FP_DYN : k % 6;
    case TCG_OP_fneg:
    case TCG_OP_fabs:
    case TCG_OP_fcpysgn:
    case TCG_OP_fbox:
    case TCG_OP_funbox:
    case TCG_OP_bits_fi:
    case TCG_OP_bits_if:
        return 0;
    default:
        return tcg_op_info[op].flags & TCG_OPF_FP ? (k % 5 ? TCG_FP_DYN : k % 4)
                                                  : 0;
    }
}

static bool has(const char *sig, char c)
{
    return strchr(sig, c) != NULL;
}

/* All type combinations that a signature allows. */
static void run_types(Jit *j, TcgOp op)
{
    static const TcgType ints[] = { TCG_I32, TCG_I64 };
    static const TcgType fps[] = { TCG_F32, TCG_F64 };
    static const TcgType any[] = { TCG_I32, TCG_I64, TCG_F32, TCG_F64 };
    const char *sig = tcg_op_info[op].sig;
    const TcgType *own = has(sig, '*') ? any : has(sig, 'f') ? fps : ints;
    const TcgType *other = has(sig, 'g') ? fps : ints;
    unsigned nown = has(sig, '*') ? 4 : has(sig, 'f') || has(sig, 'x') ? 2 : 1;
    unsigned nother = has(sig, 'g') || has(sig, 'y') ? 2 : 1;

    for (unsigned a = 0; a < nown; a++) {
        for (unsigned b = 0; b < nother; b++) {
            for (unsigned k = 0; k < 12; k++) {
                OpCase c = { op, own[a], other[b], random_aux(op, own[a], k) };

                if ((op == TCG_OP_fcvt_ff && c.own == c.other) ||
                    ((op == TCG_OP_bits_fi || op == TCG_OP_bits_if) &&
                     tcg_type_size(c.own) != tcg_type_size(c.other))) {
                    continue;
                }
                run_op(j, &c, op * 100 + k);
            }
        }
    }
}

static void ops_equal(uint32_t features, TcgOp first, TcgOp last)
{
    Jit j = { 0 };

    jit_init(&j, features);
    for (unsigned op = first; op <= last; op++) {
        if (op < TCG_OP_slot_get || op >= TCG_OP_fadd) {
            run_types(&j, (TcgOp)op);
        }
    }
    jit_free(&j);
}

static void integer_ops_equal_the_interpreter(void)
{
    ops_equal(UINT32_MAX, TCG_OP_add, TCG_OP_select);
}

static void integer_ops_equal_on_the_baseline(void)
{
    ops_equal(0, TCG_OP_add, TCG_OP_select);
}

static void fp_ops_equal_the_interpreter(void)
{
    ops_equal(UINT32_MAX, TCG_OP_fadd, TCG_OP_fp_flags);
}

static void fp_ops_equal_on_the_baseline(void)
{
    ops_equal(0, TCG_OP_fadd, TCG_OP_fp_flags);
}

/* ---- random blocks ---- */

/* A last exit that happens to go to the head, without the loop counter. */
static bool endless(const TcgBlock *tb)
{
    bool loop = false, counts = false;

    for (unsigned i = 0; i < tb->nexit; i++) {
        loop |= tb->exit[i].kind == TCG_EXIT_LOOP;
    }
    for (unsigned i = 0; i < tb->n; i = tcg_insn_next(tb, i)) {
        counts |=
            tb->insn[i].op == TCG_OP_slot_get && tb->insn[i].aux == SLOT_X + 15;
    }
    return loop && !counts;
}

static void random_blocks(uint32_t host, unsigned features, bool fill,
                          unsigned n)
{
    Jit j = { 0 };

    jit_init(&j, host);
    for (unsigned seed = 1; seed <= rounds(n); seed++) {
        TcgBlock *tb = random_ir(j.ctx, seed, features, 1 + seed % 48);

        machine_reset(j.interp, seed);
        j.interp->fill_tlb = fill;
        atomic_store(&j.interp->hot->exit_req, endless(tb));
        for (int again = 0; again < 2; again++) {
            compare(&j, tb);
            if (j.interp->out.why >= OUT_FAULT) {
                break;
            }
        }
    }
    g_test_message("largest unit: %zu bytes of code", j.max_code);
    jit_free(&j);
}

static void random_integer_blocks(void)
{
    random_blocks(UINT32_MAX, RANDOM_DIV, true, 2000);
    random_blocks(0, RANDOM_DIV, true, 1000);
}

static void random_memory_blocks(void)
{
    random_blocks(UINT32_MAX, RANDOM_MEM | RANDOM_ATOMIC, true, 2000);
    random_blocks(UINT32_MAX, RANDOM_MEM | RANDOM_ATOMIC, false, 1000);
}

static void random_blocks_with_calls_and_exits(void)
{
    unsigned f = RANDOM_MEM | RANDOM_CALL | RANDOM_SIDE;

    random_blocks(UINT32_MAX, f, true, 2000);
}

static void random_loops(void)
{
    unsigned f = RANDOM_MEM | RANDOM_SIDE | RANDOM_LOOP;

    random_blocks(UINT32_MAX, RANDOM_LOOP, true, 1000);
    random_blocks(UINT32_MAX, f, true, 2000);
    random_blocks(UINT32_MAX, f | RANDOM_FP, false, 1000);
    random_blocks(UINT32_MAX, f | RANDOM_ICOUNT | RANDOM_CALL, true, 1000);
}

static void random_blocks_of_everything(void)
{
    random_blocks(UINT32_MAX, RANDOM_ALL, true, 3000);
    random_blocks(UINT32_MAX, RANDOM_ALL, false, 1000);
    random_blocks(0, RANDOM_ALL, true, 1000);
}

/* ---- accesses that share a check ---- */

/* Loads and stores around two pointers, which also move; often near a page's
 * end, at times beyond memory. */
static TcgBlock *pointer_block(Jit *j, uint64_t *state)
{
    TcgBlock *tb = tcg_block_begin(j->ctx, 0x1000, 0);

    for (unsigned k = 0; k < 24; k++) {
        uint64_t r = machine_random(state);
        unsigned ptr = SLOT_X + (r >> 8) % 2, reg = SLOT_X + 2 + (r >> 16) % 12;
        int64_t disp = (int64_t)((r >> 24) % 160) - 64;
        MemOp mo = (r >> 40) % 4 | MO_MMU(1);
        TcgVal addr;

        tcg_insn_start(tb, 0x1000 + 4 * k);
        addr = tcg_addi(tb, tcg_slot_get(tb, ptr), disp);
        if (r % 16 == 0) {
            tcg_slot_put(tb, ptr, addr);
        } else if (r % 16 == 1) {
            tcg_side_exit(tb, TCG_EQ, tcg_slot_get(tb, reg), addr, 0x1200);
        } else if (r % 16 == 2) {
            tcg_call_args(tb, &helper_writes,
                          tcg_trunc(tb, tcg_slot_get(tb, reg)));
        } else if (r % 16 == 3) {
            tcg_call_args(tb, &helper_any, tcg_const(tb, 16));
        } else if (r % 3 == 0) {
            tcg_st(tb, addr, tcg_slot_get(tb, reg), mo);
        } else {
            tcg_slot_put(tb, reg, tcg_ld(tb, TCG_I64, addr, mo | MO_SIGN));
        }
    }
    tcg_exit_direct(tb, 0x1100, 0);
    tcg_block_finish(tb);
    return tb;
}

static void accesses_off_one_base_equal(void)
{
    uint64_t state = 1;
    Jit j = { 0 };

    jit_init(&j, UINT32_MAX);
    for (unsigned k = 0; k < rounds(4000); k++) {
        TcgBlock *tb = pointer_block(&j, &state);

        machine_reset(j.interp, k + 1);
        j.interp->fill_tlb = k % 4 != 0;
        for (unsigned p = 0; p < 2; p++) {
            uint64_t r = machine_random(&state);

            j.interp->env->x[p] =
                MACHINE_MEM_BASE +
                (r % 8 == 0   ? r >> 50
                 : r % 8 <= 4 ? 0x1000 + 0x1000 * (r >> 63) - (r >> 56) % 64
                              : 0x200 + (r >> 55));
        }
        compare(&j, tb);
    }
    jit_free(&j);
}

/* ---- units that are too big ---- */

/* @n loads and stores, each with almost every slot changed before, after exits
 * whose slots must change places. */
static TcgBlock *wide_block(Jit *j, unsigned n)
{
    TcgBlock *tb = tcg_block_begin(j->ctx, 0x1000, 0);
    unsigned exits = MIN(n, 150);

    for (unsigned k = 0; k < n; k++) {
        TcgVal a, b;

        tcg_insn_start(tb, 0x1000 + 4 * k);
        a = tcg_slot_get(tb, SLOT_X + k % 16);
        b = tcg_slot_get(tb, SLOT_X + (k + 1) % 16);
        tcg_slot_put(tb, SLOT_X + (k + 1) % 16, a);
        tcg_slot_put(tb, SLOT_X + k % 16, b);
        tcg_slot_put(tb, SLOT_W + k % 8, tcg_trunc(tb, a));
        if (k < exits) {
            tcg_side_exit(tb, TCG_EQ, a, b, 0x1200);
        } else {
            a = tcg_const(tb, MACHINE_MEM_BASE + k % 512 * 8);
            tcg_st(tb, a, b, MO_64 | MO_MMU(1));
        }
    }
    tcg_exit_direct(tb, 0x1100, 0);
    tcg_block_finish(tb);
    return tb;
}

/* The answer is to make it shorter; then it is right. */
static void too_big_is_told(void)
{
    Jit j = { 0 };
    unsigned n = 1600;
    TcgResult r;

    jit_init(&j, UINT32_MAX);
    do {
        TcgBlock *tb = wide_block(&j, n);
        TcgCodeBuf buf = { j.rw + THUNK_SIZE, j.rx + THUNK_SIZE,
                           CODE_SIZE - THUNK_SIZE, tb };

        r = tcg_compile(j.ctx, tb, &buf, &j.code);
        g_assert_true(r == TCG_TOO_BIG || (r == TCG_OK && n < 1600));
        n = r == TCG_OK ? n : n / 2;
    } while (r != TCG_OK);
    machine_reset(j.interp, 1);
    compare(&j, wide_block(&j, n));
    jit_free(&j);
}

/* ---- state at every restore point ---- */

/*
 * Runtime functions that, before each access, write the guest state of that
 * moment to env as a fault would, note it, and put env back.
 */
enum { NOTES = 4096 };

static struct Notes {
    unsigned n;
    struct {
        TestEnv env;
        unsigned insns_done;
    } at[NOTES];
} notes[2]; /* interpreter, emitted code */

static void note_state(void *env)
{
    Machine *m = tcg_hot(env)->engine;
    const MachineUnit *u = m->unit;
    struct Notes *list = &notes[u != NULL];
    TcgInterpFrame *frame = m->hot->interp; /* a restore ends the run */
    TestEnv now = *m->env;
    unsigned done = 0;

    if (list->n < NOTES) {
        g_assert_true(u == NULL
                          ? tcg_interp_restore(env, &done)
                          : tcg_side_restore(
                                &machine_frontend, u->side, u->side_size, u->pc,
                                m->hot->ret_pc - (uintptr_t)u->rx, env, &done));
        memset(&list->at[list->n], 0, sizeof(list->at[0]));
        list->at[list->n].env = *m->env;
        list->at[list->n++].insns_done = done;
        *m->env = now;
        m->hot->interp = frame;
    }
}

static uint64_t noting_ld(void *env, uint64_t addr, uint32_t mo)
{
    note_state(env);
    return machine_ops.ld(env, addr, mo);
}

static void noting_st(void *env, uint64_t addr, uint64_t v, uint32_t mo)
{
    note_state(env);
    machine_ops.st(env, addr, v, mo);
}

static uint64_t noting_atomic(void *env, uint64_t addr, uint64_t v,
                              uint64_t cmp, uint32_t mo, uint32_t kind)
{
    note_state(env);
    return machine_ops.atomic(env, addr, v, cmp, mo, kind);
}

static const void *noting_lookup(void *env, uint64_t pc)
{
    return NULL;
}

static void noting_trap(void *env, uint32_t code)
{
    note_state(env);
    machine_ops.trap(env, code);
}

static const TcgRuntimeOps noting_ops = {
    .ld = noting_ld,
    .st = noting_st,
    .atomic = noting_atomic,
    .lookup = noting_lookup,
    .trap = noting_trap,
};

static void state_is_right_at_every_restore_point(void)
{
    unsigned f = RANDOM_MEM | RANDOM_ATOMIC | RANDOM_CALL | RANDOM_SIDE |
                 RANDOM_FP | RANDOM_LOOP;
    size_t total = 0;
    Jit j = { 0 };

    jit_init_ops(&j, UINT32_MAX, &noting_ops);
    for (unsigned seed = 1; seed <= rounds(3000); seed++) {
        TcgBlock *tb = random_ir(j.ctx, seed + 100000, f, 1 + seed % 64);

        machine_reset(j.interp, seed);
        atomic_store(&j.interp->hot->exit_req, endless(tb));
        notes[0].n = notes[1].n = 0;
        compare(&j, tb);
        g_assert_cmpuint(notes[0].n, ==, notes[1].n);
        total += notes[0].n;
        for (unsigned k = 0; k < notes[0].n; k++) {
            if (memcmp(&notes[0].at[k], &notes[1].at[k],
                       sizeof(notes[0].at[k])) != 0) {
                g_autofree char *s = g_strdup_printf(
                    "seed %u: state at access %u differs", seed, k);

                die(&j, tb, s);
            }
        }
    }
    g_test_message("%zu states compared", total);
    g_assert_cmpuint(total, >, 5000);
    jit_free(&j);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/jit/int", integer_ops_equal_the_interpreter);
    g_test_add_func("/x86/jit/int-baseline", integer_ops_equal_on_the_baseline);
    g_test_add_func("/x86/jit/fp", fp_ops_equal_the_interpreter);
    g_test_add_func("/x86/jit/fp-baseline", fp_ops_equal_on_the_baseline);
    g_test_add_func("/x86/jit/one-base", accesses_off_one_base_equal);
    g_test_add_func("/x86/jit/too-big", too_big_is_told);
    g_test_add_func("/x86/jit/restore", state_is_right_at_every_restore_point);
    g_test_add_func("/x86/jit/random/int", random_integer_blocks);
    g_test_add_func("/x86/jit/random/mem", random_memory_blocks);
    g_test_add_func("/x86/jit/random/calls",
                    random_blocks_with_calls_and_exits);
    g_test_add_func("/x86/jit/random/loops", random_loops);
    g_test_add_func("/x86/jit/random/all", random_blocks_of_everything);
    return g_test_run();
}
