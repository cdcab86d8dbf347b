/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test machine: see machine.h. */
#include "tandem/base.h"

#include "machine.h"

/* clang-format off */
#define X(n) { "x" #n, offsetof(TestEnv, x[n]), TCG_I64, TCG_SLOT_GPR }
#define W(n) { "w" #n, offsetof(TestEnv, w[n]), TCG_I32, TCG_SLOT_OTHER }
#define F(n) { "f" #n, offsetof(TestEnv, f[n]), TCG_F64, TCG_SLOT_FPR }
#define G(n) { "g" #n, offsetof(TestEnv, g[n]), TCG_F32, TCG_SLOT_FPR }
static const TcgSlotDesc slots[SLOT_COUNT] = {
    X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7),
    X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15),
    W(0), W(1), W(2), W(3), W(4), W(5), W(6), W(7),
    F(0), F(1), F(2), F(3), F(4), F(5), F(6), F(7),
    G(0), G(1), G(2), G(3),
};
/* clang-format on */
/* among them one that a back end cannot take */
static const uint8_t pinned[] = { SLOT_X + 1, SLOT_W + 0, SLOT_X + 2,
                                  SLOT_X + 3, SLOT_X + 5, SLOT_X + 6,
                                  SLOT_X + 8, SLOT_X + 9, SLOT_X + 10,
                                  SLOT_X + 7, SLOT_X + 0 };

const TcgFrontend machine_frontend = {
    .name = "test",
    .slots = slots,
    .nslots = SLOT_COUNT,
    .pc_offset = offsetof(TestEnv, pc),
    .page_bits = MACHINE_PAGE_BITS,
    .insn_align = 1,
    .pinned = pinned,
    .npinned = ARRAY_SIZE(pinned),
};

static Machine *machine_of(void *env)
{
    return tcg_hot(env)->engine;
}

/* ---- leaving ---- */

static G_NORETURN void leave_with(Machine *m, int why, uint64_t addr)
{
    m->out.why = why;
    m->out.addr = addr;
    if (m->unit == NULL) {
        g_assert_true(tcg_interp_restore(m->env, &m->out.insns_done));
    } else {
        const MachineUnit *u = m->unit;

        g_assert_true(tcg_side_restore(&machine_frontend, u->side, u->side_size,
                                       u->pc, m->hot->ret_pc - (uintptr_t)u->rx,
                                       m->env, &m->out.insns_done));
    }
    if (m->counted != 0) { /* what did not run is given back */
        m->hot->icount += m->counted - m->out.insns_done;
    }
    siglongjmp(m->leave, 1);
}

/* ---- memory ---- */

static bool in_memory(uint64_t addr, unsigned size)
{
    return addr >= MACHINE_MEM_BASE &&
           range_fits(addr - MACHINE_MEM_BASE, size, MACHINE_MEM_SIZE);
}

static uint8_t *translate(Machine *m, uint64_t addr, MemOp mo)
{
    unsigned size = memop_size(mo);
    unsigned index = addr >> MACHINE_PAGE_BITS & (TCG_TLB_SIZE - 1);
    TcgTlb *tlb = &m->hot->tlb[memop_mmu(mo)];

    if ((addr & (memop_align(mo) - 1)) || !in_memory(addr, size)) {
        return NULL;
    }
    if (m->fill_tlb) {
        tlb->tag_r[index] = tlb->tag_w[index] =
            align_down(addr, BIT(MACHINE_PAGE_BITS));
        tlb->addend[index] = (uintptr_t)m->mem - MACHINE_MEM_BASE;
    }
    return m->mem + (addr - MACHINE_MEM_BASE);
}

static uint64_t swapped(uint64_t v, MemOp mo)
{
    if (mo & MO_SWAP) {
        v = __builtin_bswap64(v) >> (64 - 8 * memop_size(mo));
    }
    return v;
}

static uint64_t slow_ld(void *env, uint64_t addr, uint32_t mo)
{
    Machine *m = machine_of(env);
    uint8_t *p = translate(m, addr, mo);
    uint64_t v = 0;

    if (p == NULL) {
        if ((mo & MO_KIND_MASK) == MO_NOFAULT) {
            return 0;
        }
        leave_with(m, OUT_FAULT, addr);
    }
    memcpy(&v, p, memop_size(mo));
    return swapped(v, mo);
}

static void slow_st(void *env, uint64_t addr, uint64_t v, uint32_t mo)
{
    Machine *m = machine_of(env);
    uint8_t *p = translate(m, addr, mo);

    if (p == NULL) {
        leave_with(m, OUT_FAULT, addr);
    }
    v = swapped(v & bit_mask(8 * memop_size(mo)), mo);
    memcpy(p, &v, memop_size(mo));
}

static uint64_t atomic_result(TcgAtomic kind, uint64_t old, uint64_t v,
                              unsigned bits)
{
    int64_t so = bits_sext(old, bits), sv = bits_sext(v, bits);

    switch (kind) {
    case TCG_ATOMIC_ADD:
        return old + v;
    case TCG_ATOMIC_AND:
        return old & v;
    case TCG_ATOMIC_OR:
        return old | v;
    case TCG_ATOMIC_XOR:
        return old ^ v;
    case TCG_ATOMIC_SMIN:
        return so < sv ? old : v;
    case TCG_ATOMIC_SMAX:
        return so > sv ? old : v;
    case TCG_ATOMIC_UMIN:
        return old < v ? old : v;
    case TCG_ATOMIC_UMAX:
        return old > v ? old : v;
    default:
        return v;
    }
}

static uint64_t slow_atomic(void *env, uint64_t addr, uint64_t v, uint64_t cmp,
                            uint32_t mo, uint32_t kind_and_holds)
{
    Machine *m = machine_of(env);
    TcgAtomic kind = (TcgAtomic)(kind_and_holds & 0xff);
    unsigned bits = 8 * memop_size(mo);
    uint8_t *p = translate(m, addr, mo);
    uint64_t old = 0, now;
    bool hit;

    if (p == NULL) {
        leave_with(m, OUT_FAULT, addr);
    }
    v &= bit_mask(bits);
    cmp &= bit_mask(bits);
    memcpy(&old, p, bits / 8);
    hit = kind < TCG_ATOMIC_CAS ||
          (old == cmp && (kind == TCG_ATOMIC_CAS || kind_and_holds >> 8));
    if (hit) {
        now = atomic_result(kind, old, v, bits);
        memcpy(p, &now, bits / 8);
    }
    return kind == TCG_ATOMIC_SC ? !hit : old;
}

static const void *slow_lookup(void *env, uint64_t pc)
{
    return NULL;
}

static void slow_trap(void *env, uint32_t code)
{
    leave_with(machine_of(env), OUT_TRAP, code);
}

const TcgRuntimeOps machine_ops = {
    .ld = slow_ld,
    .st = slow_st,
    .atomic = slow_atomic,
    .lookup = slow_lookup,
    .trap = slow_trap,
};

/* ---- helpers ---- */

static void note(TestEnv *env, uint64_t v)
{
    env->calls = (env->calls ^ v) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static uint64_t do_pure(void *env, uint64_t a, uint32_t b)
{
    return a * 3 + b;
}

static uint64_t do_reads(void *envp, uint64_t a)
{
    TestEnv *env = envp;

    note(env, env->x[1]);
    note(env, env->x[2]);
    note(env, a);
    return env->x[1] - env->x[2] + a;
}

static void do_writes(void *envp, uint32_t a)
{
    TestEnv *env = envp;

    note(env, a);
    env->x[3] = a;
    env->x[4] += a;
}

static uint32_t do_any(void *envp, uint64_t a)
{
    TestEnv *env = envp;

    if (a % 16 == 13) {
        leave_with(machine_of(env), OUT_RAISE, a);
    }
    for (unsigned i = 0; i < 16; i++) {
        note(env, env->x[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        note(env, env->w[i]);
        note(env, env->f[i]);
    }
    note(env, env->g[0] ^ env->g[3]);
    env->x[5] ^= env->calls;
    env->w[2] += (uint32_t)a;
    env->f[1] ^= 1;
    return (uint32_t)env->calls;
}

static uint64_t do_five(void *envp, uint64_t a, uint32_t b, uint64_t c,
                        uint32_t d, uint64_t e)
{
    return a + b * UINT64_C(3) + c * 5 + d * UINT64_C(7) + e * 11;
}

static uint64_t do_fp(void *envp, uint64_t a)
{
    volatile double d;

    memcpy((void *)&d, &a, sizeof(a));
    d = d * 0.5; /* in the host's own environment */
    memcpy(&a, (void *)&d, sizeof(a));
    return a;
}

static const TcgSlotSet set_x1_x2 = { { BIT(SLOT_X + 1) | BIT(SLOT_X + 2) } };
static const TcgSlotSet set_x3_x4 = { { BIT(SLOT_X + 3) | BIT(SLOT_X + 4) } };

const TcgHelper helper_pure = {
    .name = "pure",
    .fn = do_pure,
    .ret = TCG_I64,
    .nargs = 2,
    .arg = { TCG_I64, TCG_I32 },
    .flags = TCG_H_PURE,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};

const TcgHelper helper_reads = {
    .name = "reads",
    .fn = do_reads,
    .ret = TCG_I64,
    .nargs = 1,
    .arg = { TCG_I64 },
    .flags = TCG_H_NOFAULT,
    .reads = &set_x1_x2,
    .writes = &tcg_slots_none,
};

const TcgHelper helper_writes = {
    .name = "writes",
    .fn = do_writes,
    .ret = TCG_NONE,
    .nargs = 1,
    .arg = { TCG_I32 },
    .flags = TCG_H_NOFAULT,
    .reads = &tcg_slots_none,
    .writes = &set_x3_x4,
};

const TcgHelper helper_any = {
    .name = "any",
    .fn = do_any,
    .ret = TCG_I32,
    .nargs = 1,
    .arg = { TCG_I64 },
};

const TcgHelper helper_five = {
    .name = "five",
    .fn = do_five,
    .ret = TCG_I64,
    .nargs = 5,
    .arg = { TCG_I64, TCG_I32, TCG_I64, TCG_I32, TCG_I64 },
    .flags = TCG_H_NOFAULT,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};

const TcgHelper helper_fp = {
    .name = "halve",
    .fn = do_fp,
    .ret = TCG_F64,
    .nargs = 1,
    .arg = { TCG_F64 },
    .flags = TCG_H_NOFAULT | TCG_H_HOST_FP,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};

const TcgHelper *const machine_helpers[] = {
    &helper_pure, &helper_reads, &helper_writes, &helper_any,
    &helper_five, &helper_fp,    NULL,
};

/* ---- the machine ---- */

Machine *machine_new(void)
{
    Machine *m = g_new0(Machine, 1);
    size_t size = align_up(sizeof(TcgHot) + sizeof(TestEnv), 64);

    m->hot = aligned_alloc(64, size);
    memset(m->hot, 0, size);
    m->env = tcg_hot_env(m->hot);
    m->hot->engine = m;
    m->hot->ops = &machine_ops;
    m->mem_alloc = g_malloc0(MACHINE_MEM_SIZE);
    m->mem = m->mem_alloc;
    machine_reset(m, 1);
    return m;
}

void machine_free(Machine *m)
{
    free(m->hot);
    g_free(m->mem_alloc);
    g_free(m);
}

static void clear_caches(Machine *m)
{
    for (unsigned i = 0; i < TCG_NB_MMU; i++) {
        tcg_tlb_clear(&m->hot->tlb[i]);
    }
    memset(m->hot->jc, 0, sizeof(m->hot->jc));
    memset(m->hot->ring, 0, sizeof(m->hot->ring));
    memset(m->hot->itlb, 0, sizeof(m->hot->itlb));
}

void machine_reset(Machine *m, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    TestEnv *env = m->env;

    memset(env, 0, sizeof(*env));
    for (unsigned i = 0; i < 16; i++) {
        env->x[i] = machine_special(&state);
    }
    for (unsigned i = 0; i < 8; i++) {
        env->w[i] = (uint32_t)machine_special(&state);
        env->f[i] = machine_special_f64(&state);
        env->misc[i] = machine_special(&state);
    }
    for (unsigned i = 0; i < 4; i++) {
        env->g[i] = machine_special_f32(&state);
    }
    for (unsigned i = 0; i < MACHINE_MEM_SIZE; i += 8) {
        uint64_t v = machine_random(&state);

        memcpy(m->mem + i, &v, 8);
    }
    clear_caches(m);
    m->hot->interp = NULL;
    m->hot->ret_pc = 0;
    m->hot->icount = 1000000;
    m->hot->mxcsr_guest = m->hot->mxcsr_host = TCG_MXCSR_RESET;
    atomic_store(&m->hot->ctx, 1);
    atomic_store(&m->hot->exit_req, 0);
}

void machine_copy(Machine *to, const Machine *from)
{
    *to->env = *from->env;
    memcpy(to->mem, from->mem, MACHINE_MEM_SIZE);
    clear_caches(to);
    to->fill_tlb = from->fill_tlb;
    to->hot->interp = NULL;
    to->hot->icount = from->hot->icount;
    to->hot->mxcsr_guest = from->hot->mxcsr_guest;
    atomic_store(&to->hot->ctx, atomic_load(&from->hot->ctx));
    atomic_store(&to->hot->exit_req, atomic_load(&from->hot->exit_req));
}

static char *diff_words(const char *name, const uint64_t *a, const uint64_t *b,
                        unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            return g_strdup_printf("%s[%u]: 0x%" PRIx64 " against 0x%" PRIx64,
                                   name, i, a[i], b[i]);
        }
    }
    return NULL;
}

char *machine_diff(const Machine *a, const Machine *b)
{
    const TestEnv *x = a->env, *y = b->env;
    /* DE has no guest counterpart. */
    uint64_t fa[2] = { a->hot->mxcsr_guest & ~2u, (uint64_t)a->hot->icount };
    uint64_t fb[2] = { b->hot->mxcsr_guest & ~2u, (uint64_t)b->hot->icount };
    char *s = diff_words("x", x->x, y->x, 16);

    for (unsigned i = 0; s == NULL && i < 8; i++) {
        uint64_t p = x->w[i], q = y->w[i];

        s = diff_words("w", &p, &q, 1);
    }
    for (unsigned i = 0; s == NULL && i < 4; i++) {
        uint64_t p = x->g[i], q = y->g[i];

        s = diff_words("g", &p, &q, 1);
    }
    s = s != NULL ? s : diff_words("f", x->f, y->f, 8);
    s = s != NULL ? s : diff_words("pc", &x->pc, &y->pc, 1);
    s = s != NULL ? s : diff_words("misc", x->misc, y->misc, 8);
    s = s != NULL ? s : diff_words("calls", &x->calls, &y->calls, 1);
    s = s != NULL ? s : diff_words("mxcsr,icount", fa, fb, 2);
    return s != NULL
               ? s
               : diff_words("mem", (const uint64_t *)a->mem,
                            (const uint64_t *)b->mem, MACHINE_MEM_SIZE / 8);
}

Outcome machine_interp(Machine *m, const TcgBlock *tb)
{
    TcgInterpValue *values = g_new(TcgInterpValue, tb->n);

    m->unit = NULL;
    m->counted = tb->flags & TCG_BLOCK_ICOUNT ? tb->ninsns : 0;
    memset(&m->out, 0, sizeof(m->out));
    if (sigsetjmp(m->leave, 0) == 0) {
        m->out.why = tcg_interp_run(tb, m->env, values);
        m->out.exit = m->hot->leave_exit;
    }
    g_free(values);
    return m->out;
}

Outcome machine_enter(Machine *m, const TcgThunks *thunks, const void *entry,
                      const MachineUnit *unit)
{
    m->unit = unit;
    m->counted = unit->counted;
    memset(&m->out, 0, sizeof(m->out));
    if (sigsetjmp(m->leave, 0) == 0) {
        m->out.why = thunks->enter(m->env, entry);
        m->out.exit = m->hot->leave_exit;
    }
    return m->out;
}

/* ---- numbers worth testing ---- */

uint64_t machine_special(uint64_t *state)
{
    static const uint64_t edge[] = {
        0,
        1,
        2,
        3,
        7,
        8,
        31,
        32,
        33,
        63,
        64,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff,
        0x8000,
        0xffff,
        0x10000,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x100000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffff80000000,
        0xffffffff7fffffff,
        0x5555555555555555,
        0x0123456789abcdef,
    };
    uint64_t r = machine_random(state);

    switch (r & 7) {
    case 0:
    case 1:
        return edge[(r >> 8) % ARRAY_SIZE(edge)];
    case 2:
        return -edge[(r >> 8) % ARRAY_SIZE(edge)];
    case 3:
        return MACHINE_MEM_BASE + (r >> 8) % MACHINE_MEM_SIZE;
    case 4:
        return (uint64_t)(int64_t)(int32_t)(r >> 8);
    case 5:
        return r >> (r >> 58);
    default:
        return machine_random(state);
    }
}

uint64_t machine_special_f64(uint64_t *state)
{
    static const uint64_t edge[] = {
        0x0000000000000000,                     /* 0 */
        0x0000000000000001, 0x000fffffffffffff, /* denormals */
        0x0010000000000000, 0x0010000000000001, /* smallest normals */
        0x3ff0000000000000, 0x3fe0000000000000, /* 1, 0.5 */
        0x3ff8000000000000, 0x4004000000000000, /* 1.5, 2.5 */
        0x3ff0000000000001, 0x3fefffffffffffff,
        0x7fefffffffffffff, 0x7ff0000000000000, /* largest, infinity */
        0x7ff8000000000000, 0x7ff8000000000123, /* quiet NaNs */
        0x7ff0000000000001, 0x7ff4000000000000, /* signalling NaNs */
        0x41dfffffffc00000, 0x41e0000000000000, /* 2^31 - 1, 2^31 */
        0x41efffffffe00000, 0x41f0000000000000, /* 2^32 - 1, 2^32 */
        0x43dfffffffffffff, 0x43e0000000000000, /* below 2^63, 2^63 */
        0x43efffffffffffff, 0x43f0000000000000, /* below 2^64, 2^64 */
        0x41dfffffffe00000,                     /* 2^31 - 0.5 */
        0x36a0000000000000, 0x3810000000000000, /* around float denormals */
        0x47efffffe0000000, 0x47effffff0000000, /* around float's largest */
        0xffffffff7fc00000, 0xffffffff3f800000, /* boxed floats */
        0x4340000000000001,
    };
    uint64_t r = machine_random(state);
    uint64_t sign = r >> 4 << 63;

    switch (r & 7) {
    case 0:
        return machine_random(state);
    case 1: /* small integers and halves */
    {
        double d = (double)((int64_t)(r >> 8) % 2001 - 1000) / 2;

        memcpy(&r, &d, sizeof(r));
        return r;
    }
    case 2: /* middling exponents */
        return (machine_random(state) & ~(UINT64_C(0x7ff) << 52)) |
               (0x3e0 + (r >> 8) % 0x40) << 52;
    default:
        return edge[(r >> 8) % ARRAY_SIZE(edge)] ^ sign;
    }
}

uint32_t machine_special_f32(uint64_t *state)
{
    static const uint32_t edge[] = {
        0x00000000, 0x00000001, 0x007fffff, 0x00800000, 0x3f800000, 0x3f000000,
        0x3fc00000, 0x3f800001, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7fc00123,
        0x7f800001, 0x7fa00000, 0x4f000000, 0x4effffff, 0x4f800000, 0x5f000000,
        0x5f800000, 0x5effffff, 0x477fe000, 0x477ff000, 0x33800000, 0x33000000,
        0x38800000, 0x387fe000, 0x4b000001,
    };
    uint64_t r = machine_random(state);

    switch (r & 7) {
    case 0:
        return (uint32_t)machine_random(state);
    case 1:
        return ((uint32_t)machine_random(state) & 0x807fffff) |
               (uint32_t)(0x70 + (r >> 8) % 0x20) << 23;
    default:
        return edge[(r >> 8) % ARRAY_SIZE(edge)] ^ (uint32_t)(r >> 4 << 31);
    }
}
