/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every integer op, run by the interpreter on unknown values and folded on
 * constants, against arithmetic written here.
 */
#include "tandem/base.h"

#include "machine.h"

typedef uint64_t Expect(uint64_t x, uint64_t y, unsigned bits);

/* Operands come zero-extended from @bits; results are cut to it after. */
static int64_t sx(uint64_t v, unsigned bits)
{
    return bits_sext(v, bits);
}

static uint64_t e_add(uint64_t x, uint64_t y, unsigned bits)
{
    return x + y;
}

static uint64_t e_sub(uint64_t x, uint64_t y, unsigned bits)
{
    return x - y;
}

static uint64_t e_mul(uint64_t x, uint64_t y, unsigned bits)
{
    return x * y;
}

static uint64_t e_mulhs(uint64_t x, uint64_t y, unsigned bits)
{
    return (uint64_t)((__int128)sx(x, bits) * sx(y, bits) >> bits);
}

static uint64_t e_mulhu(uint64_t x, uint64_t y, unsigned bits)
{
    return (uint64_t)((unsigned __int128)x * y >> bits);
}

static uint64_t e_mulhsu(uint64_t x, uint64_t y, unsigned bits)
{
    return (uint64_t)((__int128)sx(x, bits) * (__int128)y >> bits);
}

static uint64_t e_and(uint64_t x, uint64_t y, unsigned bits)
{
    return x & y;
}

static uint64_t e_or(uint64_t x, uint64_t y, unsigned bits)
{
    return x | y;
}

static uint64_t e_xor(uint64_t x, uint64_t y, unsigned bits)
{
    return x ^ y;
}

static uint64_t e_andn(uint64_t x, uint64_t y, unsigned bits)
{
    return x & ~y;
}

static uint64_t e_orn(uint64_t x, uint64_t y, unsigned bits)
{
    return x | ~y;
}

/* One bit at a time: slow and plain. */
static uint64_t shifted(uint64_t x, unsigned n, unsigned bits, bool left,
                        bool rotate, bool sign)
{
    uint64_t top = BIT(bits - 1);

    while (n-- > 0) {
        if (left) {
            bool out = (x & top) != 0;

            x = (x << 1 & bit_mask(bits)) | (rotate && out);
        } else {
            uint64_t in = rotate ? (x & 1) != 0 : sign && (x & top) != 0;

            x = x >> 1 | (in ? top : 0);
        }
    }
    return x;
}

static uint64_t e_shl(uint64_t x, uint64_t y, unsigned bits)
{
    return shifted(x, y % bits, bits, true, false, false);
}

static uint64_t e_shr(uint64_t x, uint64_t y, unsigned bits)
{
    return shifted(x, y % bits, bits, false, false, false);
}

static uint64_t e_sar(uint64_t x, uint64_t y, unsigned bits)
{
    return shifted(x, y % bits, bits, false, false, true);
}

static uint64_t e_rotl(uint64_t x, uint64_t y, unsigned bits)
{
    return shifted(x, y % bits, bits, true, true, false);
}

static uint64_t e_rotr(uint64_t x, uint64_t y, unsigned bits)
{
    return shifted(x, y % bits, bits, false, true, false);
}

static uint64_t e_smin(uint64_t x, uint64_t y, unsigned bits)
{
    return sx(x, bits) < sx(y, bits) ? x : y;
}

static uint64_t e_smax(uint64_t x, uint64_t y, unsigned bits)
{
    return sx(x, bits) > sx(y, bits) ? x : y;
}

static uint64_t e_umin(uint64_t x, uint64_t y, unsigned bits)
{
    return x < y ? x : y;
}

static uint64_t e_umax(uint64_t x, uint64_t y, unsigned bits)
{
    return x > y ? x : y;
}

static unsigned __int128 carryless(uint64_t x, uint64_t y)
{
    unsigned __int128 sum = 0;

    for (int i = 63; i >= 0; i--) {
        sum = sum << 1 ^ (y >> i & 1 ? x : 0);
    }
    return sum;
}

static uint64_t e_clmul(uint64_t x, uint64_t y, unsigned bits)
{
    return (uint64_t)carryless(x, y);
}

static uint64_t e_clmulh(uint64_t x, uint64_t y, unsigned bits)
{
    return (uint64_t)(carryless(x, y) >> bits);
}

static uint64_t e_neg(uint64_t x, uint64_t y, unsigned bits)
{
    return ~x + 1;
}

static uint64_t e_not(uint64_t x, uint64_t y, unsigned bits)
{
    return UINT64_MAX - x;
}

static uint64_t e_clz(uint64_t x, uint64_t y, unsigned bits)
{
    unsigned n = 0;

    while (n < bits && !(x >> (bits - 1 - n) & 1)) {
        n++;
    }
    return n;
}

static uint64_t e_ctz(uint64_t x, uint64_t y, unsigned bits)
{
    unsigned n = 0;

    while (n < bits && !(x >> n & 1)) {
        n++;
    }
    return n;
}

static uint64_t e_popcnt(uint64_t x, uint64_t y, unsigned bits)
{
    unsigned n = 0;

    for (unsigned i = 0; i < bits; i++) {
        n += x >> i & 1;
    }
    return n;
}

static uint64_t e_bswap(uint64_t x, uint64_t y, unsigned bits)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < bits; i += 8) {
        r = r << 8 | (x >> i & 0xff);
    }
    return r;
}

static uint64_t e_brev8(uint64_t x, uint64_t y, unsigned bits)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < bits; i++) {
        r |= (x >> i & 1) << ((i & ~7u) + 7 - (i & 7));
    }
    return r;
}

static uint64_t e_orcb(uint64_t x, uint64_t y, unsigned bits)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < bits; i += 8) {
        r |= (x >> i & 0xff) != 0 ? (uint64_t)0xff << i : 0;
    }
    return r;
}

static uint64_t e_sext8(uint64_t x, uint64_t y, unsigned bits)
{
    return (uint64_t)sx(x & 0xff, 8);
}

static uint64_t e_sext16(uint64_t x, uint64_t y, unsigned bits)
{
    return (uint64_t)sx(x & 0xffff, 16);
}

static uint64_t e_zext8(uint64_t x, uint64_t y, unsigned bits)
{
    return x % 256;
}

static uint64_t e_zext16(uint64_t x, uint64_t y, unsigned bits)
{
    return x % 65536;
}

/* RISC-V's rules for division by zero and overflow (Unprivileged 13.2). */
static uint64_t e_divs(uint64_t x, uint64_t y, unsigned bits)
{
    if (y == 0) {
        return UINT64_MAX;
    }
    return (uint64_t)(int64_t)((__int128)sx(x, bits) / sx(y, bits));
}

static uint64_t e_divu(uint64_t x, uint64_t y, unsigned bits)
{
    return y == 0 ? UINT64_MAX : x / y;
}

static uint64_t e_rems(uint64_t x, uint64_t y, unsigned bits)
{
    if (y == 0) {
        return x;
    }
    return (uint64_t)(int64_t)((__int128)sx(x, bits) % sx(y, bits));
}

static uint64_t e_remu(uint64_t x, uint64_t y, unsigned bits)
{
    return y == 0 ? x : x % y;
}

static const struct {
    TcgOp op;
    Expect *expect;
} ops[] = {
    { TCG_OP_add, e_add },       { TCG_OP_sub, e_sub },
    { TCG_OP_neg, e_neg },       { TCG_OP_mul, e_mul },
    { TCG_OP_mulhs, e_mulhs },   { TCG_OP_mulhu, e_mulhu },
    { TCG_OP_mulhsu, e_mulhsu }, { TCG_OP_and, e_and },
    { TCG_OP_or, e_or },         { TCG_OP_xor, e_xor },
    { TCG_OP_andn, e_andn },     { TCG_OP_orn, e_orn },
    { TCG_OP_not, e_not },       { TCG_OP_shl, e_shl },
    { TCG_OP_shr, e_shr },       { TCG_OP_sar, e_sar },
    { TCG_OP_rotl, e_rotl },     { TCG_OP_rotr, e_rotr },
    { TCG_OP_smin, e_smin },     { TCG_OP_smax, e_smax },
    { TCG_OP_umin, e_umin },     { TCG_OP_umax, e_umax },
    { TCG_OP_clz, e_clz },       { TCG_OP_ctz, e_ctz },
    { TCG_OP_popcnt, e_popcnt }, { TCG_OP_bswap, e_bswap },
    { TCG_OP_brev8, e_brev8 },   { TCG_OP_orcb, e_orcb },
    { TCG_OP_clmul, e_clmul },   { TCG_OP_clmulh, e_clmulh },
    { TCG_OP_sext8, e_sext8 },   { TCG_OP_sext16, e_sext16 },
    { TCG_OP_zext8, e_zext8 },   { TCG_OP_zext16, e_zext16 },
    { TCG_OP_divs, e_divs },     { TCG_OP_divu, e_divu },
    { TCG_OP_rems, e_rems },     { TCG_OP_remu, e_remu },
};

static TcgVal emit(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux, TcgVal x,
                   TcgVal y)
{
    return tcg_op_info[op].nin == 1 ? tcg_unary(tb, op, type, aux, x)
                                    : tcg_binary(tb, op, type, aux, x, y);
}

/* Result of an op by four ways: unknown, constant right, left, and both. */
static void run_ways(Machine *m, TcgContext *ctx, TcgOp op, TcgType type,
                     unsigned aux, uint64_t x, uint64_t y, uint64_t out[4])
{
    bool wide = type == TCG_I64;
    unsigned in = wide ? SLOT_X : SLOT_W, res = in + 4;
    TcgBlock *tb = tcg_block_begin(ctx, 0x1000, 0);
    TcgVal vx, vy, cx, cy;

    tcg_insn_start(tb, 0x1000);
    vx = tcg_slot_get(tb, in);
    vy = tcg_slot_get(tb, in + 1);
    cx = tcg_const_typed(tb, type, x);
    cy = tcg_const_typed(tb, type, y);
    tcg_slot_put(tb, res, emit(tb, op, type, aux, vx, vy));
    tcg_slot_put(tb, res + 1, emit(tb, op, type, aux, vx, cy));
    tcg_slot_put(tb, res + 2, emit(tb, op, type, aux, cx, vy));
    tcg_slot_put(tb, res + 3, emit(tb, op, type, aux, cx, cy));
    tcg_exit_direct(tb, 0x2000, 0);
    tcg_block_finish(tb);
    m->env->x[0] = x;
    m->env->x[1] = y;
    m->env->w[0] = (uint32_t)x;
    m->env->w[1] = (uint32_t)y;
    g_assert_cmpint(machine_interp(m, tb).why, ==, TCG_LEAVE_EXIT);
    for (unsigned i = 0; i < 4; i++) {
        out[i] = wide ? m->env->x[4 + i] : m->env->w[4 + i];
    }
}

static void check_op(Machine *m, TcgContext *ctx, unsigned i, TcgType type,
                     uint64_t x, uint64_t y)
{
    unsigned bits = type == TCG_I64 ? 64 : 32;
    uint64_t want, got[4];

    x &= bit_mask(bits);
    y &= bit_mask(bits);
    want = ops[i].expect(x, y, bits) & bit_mask(bits);
    run_ways(m, ctx, ops[i].op, type, TCG_DIV_RISCV, x, y, got);
    for (unsigned way = 0; way < 4; way++) {
        if (got[way] != want) {
            g_error("%s.%s(0x%" PRIx64 ", 0x%" PRIx64 ") way %u: 0x%" PRIx64
                    ", expected 0x%" PRIx64,
                    tcg_op_info[ops[i].op].name,
                    type == TCG_I64 ? "i64" : "i32", x, y, way, got[way], want);
        }
    }
}

static void integer_ops_match_plain_arithmetic(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    uint64_t state = 1234567;

    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        for (unsigned n = 0; n < 2000; n++) {
            uint64_t x = machine_special(&state), y = machine_special(&state);

            check_op(m, ctx, i, n & 1 ? TCG_I64 : TCG_I32, x,
                     n % 16 == 0 ? x : y);
        }
    }
    machine_free(m);
    tcg_context_free(ctx);
}

static void every_pure_integer_op_is_in_the_list(void)
{
    for (unsigned op = 0; op < TCG_OP_COUNT; op++) {
        const TcgOpInfo *info = &tcg_op_info[op];
        bool listed = false;

        if (!(info->flags & TCG_OPF_PURE) || info->sig[0] != 'x' ||
            strchr("yg", info->sig[2]) != NULL || op == TCG_OP_extr ||
            op == TCG_OP_sextr || op == TCG_OP_bfi) {
            continue; /* those have tests of their own */
        }
        for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
            listed |= ops[i].op == op;
        }
        if (!listed) {
            g_error("%s has no test", info->name);
        }
    }
}

static void arm_division_gives_zero_for_zero(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    uint64_t got[4];

    run_ways(m, ctx, TCG_OP_divs, TCG_I64, TCG_DIV_ARM, 5, 0, got);
    g_assert_cmphex(got[0], ==, 0);
    g_assert_cmphex(got[3], ==, 0);
    run_ways(m, ctx, TCG_OP_divu, TCG_I32, TCG_DIV_ARM, 5, 0, got);
    g_assert_cmphex(got[1], ==, 0);
    run_ways(m, ctx, TCG_OP_divs, TCG_I32, TCG_DIV_ARM, 0x80000000, -1, got);
    g_assert_cmphex(got[0], ==, 0x80000000);
    run_ways(m, ctx, TCG_OP_remu, TCG_I64, TCG_DIV_ARM, 5, 0, got);
    g_assert_cmphex(got[0], ==, 5);
    machine_free(m);
    tcg_context_free(ctx);
}

static uint64_t field_expect(TcgOp op, uint64_t x, uint64_t y, unsigned pos,
                             unsigned len)
{
    uint64_t r = 0;

    if (op == TCG_OP_bfi) {
        for (unsigned i = 0; i < 64; i++) {
            bool inside = i >= pos && i < pos + len;

            r |= (inside ? y >> (i - pos) & 1 : x >> i & 1) << i;
        }
        return r;
    }
    for (unsigned i = 0; i < len; i++) {
        r |= (x >> (pos + i) & 1) << i;
    }
    if (op == TCG_OP_sextr && (r >> (len - 1) & 1)) {
        r |= ~bit_mask(len);
    }
    return r;
}

static void fields_match_bit_by_bit(void)
{
    static const TcgOp field_ops[] = { TCG_OP_extr, TCG_OP_sextr, TCG_OP_bfi };
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    uint64_t state = 99;

    for (unsigned n = 0; n < 30000; n++) {
        TcgOp op = field_ops[n % 3];
        TcgType type = machine_random(&state) & 1 ? TCG_I64 : TCG_I32;
        unsigned w = type == TCG_I64 ? 64 : 32;
        unsigned pos = machine_random(&state) % w;
        unsigned len = 1 + machine_random(&state) % (w - pos);
        uint64_t x = machine_special(&state) & bit_mask(w);
        uint64_t y = machine_special(&state) & bit_mask(w);
        uint64_t want = field_expect(op, x, y, pos, len) & bit_mask(w);
        uint64_t got[4];

        run_ways(m, ctx, op, type, TCG_FIELD(pos, len), x, y, got);
        for (unsigned way = 0; way < 4; way++) {
            g_assert_cmphex(got[way], ==, want);
        }
    }
    machine_free(m);
    tcg_context_free(ctx);
}

static bool cond_expect(TcgCond c, uint64_t x, uint64_t y, unsigned bits)
{
    bool lt = sx(x, bits) < sx(y, bits), ltu = x < y, eq = x == y;
    const bool table[TCG_COND_COUNT] = {
        [TCG_EQ] = eq,          [TCG_NE] = !eq,
        [TCG_LT] = lt,          [TCG_GE] = !lt,
        [TCG_LE] = lt || eq,    [TCG_GT] = !lt && !eq,
        [TCG_LTU] = ltu,        [TCG_GEU] = !ltu,
        [TCG_LEU] = ltu || eq,  [TCG_GTU] = !ltu && !eq,
        [TCG_TSTEQ] = !(x & y), [TCG_TSTNE] = (x & y) != 0,
    };

    return table[c];
}

/* setcc, select and side exit on one condition, with unknown and constant. */
static void check_cond(Machine *m, TcgContext *ctx, TcgCond c, TcgType type,
                       uint64_t x, uint64_t y, unsigned consts)
{
    unsigned in = type == TCG_I64 ? SLOT_X : SLOT_W;
    bool want = cond_expect(c, x, y, type == TCG_I64 ? 64 : 32);
    TcgBlock *tb = tcg_block_begin(ctx, 0x1000, 0);
    TcgVal vx, vy;

    tcg_insn_start(tb, 0x1000);
    vx = consts & 1 ? tcg_const_typed(tb, type, x) : tcg_slot_get(tb, in);
    vy = consts & 2 ? tcg_const_typed(tb, type, y) : tcg_slot_get(tb, in + 1);
    tcg_slot_put(tb, SLOT_X + 4, tcg_setcc(tb, TCG_I64, c, vx, vy));
    tcg_slot_put(tb, SLOT_W + 4, tcg_setcc(tb, TCG_I32, c, vx, vy));
    tcg_slot_put(tb, SLOT_X + 5,
                 tcg_select(tb, c, vx, vy, tcg_slot_get(tb, SLOT_X + 8),
                            tcg_const(tb, 77)));
    tcg_side_exit(tb, c, vx, vy, 0x1100);
    tcg_exit_direct(tb, 0x1200, 0);
    tcg_block_finish(tb);
    m->env->x[0] = x;
    m->env->x[1] = y;
    m->env->w[0] = (uint32_t)x;
    m->env->w[1] = (uint32_t)y;
    m->env->x[8] = 88;
    machine_interp(m, tb);
    g_assert_cmpuint(m->env->x[4], ==, want);
    g_assert_cmpuint(m->env->w[4], ==, want);
    g_assert_cmpuint(m->env->x[5], ==, want ? 88 : 77);
    g_assert_cmphex(m->env->pc, ==, want ? 0x1100 : 0x1200);
}

static void conditions_match_plain_comparisons(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    uint64_t state = 4242;

    for (unsigned n = 0; n < 60000; n++) {
        TcgType type = n & 1 ? TCG_I64 : TCG_I32;
        uint64_t mask = type == TCG_I64 ? UINT64_MAX : UINT32_MAX;
        uint64_t x = machine_special(&state) & mask;
        uint64_t y = n % 8 == 0 ? x : machine_special(&state) & mask;

        check_cond(m, ctx, (TcgCond)(n / 2 % TCG_COND_COUNT), type, x, y,
                   machine_random(&state) % 4);
    }
    machine_free(m);
    tcg_context_free(ctx);
}

static void width_changes_extend_and_truncate(void)
{
    TcgContext *ctx = tcg_context_new(&machine_frontend, &machine_ops, NULL);
    Machine *m = machine_new();
    TcgBlock *tb = tcg_block_begin(ctx, 0x1000, 0);

    tcg_insn_start(tb, 0x1000);
    tcg_slot_put(tb, SLOT_X + 2, tcg_sext32(tb, tcg_slot_get(tb, SLOT_W)));
    tcg_slot_put(tb, SLOT_X + 3, tcg_zext32(tb, tcg_slot_get(tb, SLOT_W)));
    tcg_slot_put(tb, SLOT_W + 1, tcg_trunc(tb, tcg_slot_get(tb, SLOT_X)));
    tcg_slot_put(tb, SLOT_X + 4, tcg_sext32(tb, tcg_const32(tb, -5)));
    tcg_exit_direct(tb, 0x1200, 0);
    tcg_block_finish(tb);
    m->env->x[0] = 0x1234567890abcdef;
    m->env->w[0] = 0x80000001;
    machine_interp(m, tb);
    g_assert_cmphex(m->env->x[2], ==, 0xffffffff80000001);
    g_assert_cmphex(m->env->x[3], ==, 0x80000001);
    g_assert_cmphex(m->env->w[1], ==, 0x90abcdef);
    g_assert_cmphex(m->env->x[4], ==, 0xfffffffffffffffb);
    machine_free(m);
    tcg_context_free(ctx);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/ops/integer", integer_ops_match_plain_arithmetic);
    g_test_add_func("/tcg/ops/complete", every_pure_integer_op_is_in_the_list);
    g_test_add_func("/tcg/ops/arm-div", arm_division_gives_zero_for_zero);
    g_test_add_func("/tcg/ops/field", fields_match_bit_by_bit);
    g_test_add_func("/tcg/ops/cond", conditions_match_plain_comparisons);
    g_test_add_func("/tcg/ops/width", width_changes_extend_and_truncate);
    return g_test_run();
}
