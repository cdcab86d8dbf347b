/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random instructions, three ways: interpreter, JIT, and the peer's user-mode
 * program as a black box. Blocks of legal instructions drawn from the decode
 * tables run on random registers and a shared data area; registers, fcsr and
 * the area must be equal after each.
 *
 *   random [-2|-3] XLEN VLEN COUNT SEED [PEER PEER-PROGRAM]
 * COUNT instructions in all. TAP on standard output. -2: the JIT without
 * AVX-512, -3: nor with AVX2.
 *
 * Not drawn: system instructions and CSRs but fflags and frm (the peer runs
 * in user mode), jumps through registers, cache-block operations, WRS (the
 * peer may wait), and what writes the three registers that hold addresses.
 * LR and SC of one block have one width: an SC.W behind an LR.D stores and
 * says that it failed under the peer (10.0.2); here it fails and stores not.
 * Explained difference: SC may fail for no reason by the manual; here both
 * sides keep a reservation by value, and it does not survive a block.
 */
#include "harness.h"

#include "target/decode.h"
#include "target/riscv/csr.h"
#include "target/riscv/disas.h"
#include "target/riscv/helper.h"
#include "target/riscv/riscv-decode.h"
#include "target/riscv/trap.h"
#include "target/riscv/vec_helper.h"

#define CODE UINT64_C(0x80010000)
#define AREA UINT64_C(0x80020000)
#define END  UINT64_C(0x80030104) /* in lib/peer.c */
enum {
    CODE_BYTES = 256,
    AREA_BYTES = 0x4000,
    AREA_WORDS = AREA_BYTES / 8,
    BATCH = 4000, /* blocks of one run of the peer */
    R_LINK = 31,
    R_SP = 2, /* both hold the middle of the area */
    R_BASE = 8,
    R_STRIDE = 18, /* a small number */
    R_MASK = 19,   /* 0x7ff: for indexes */
    MAX_INSNS = 24,
    MAX_VLENB = 128,
};

/* As in lib/peer.c. */
typedef struct State {
    uint64_t gpr[32], fpr[32];
    uint32_t fcsr, vcsr;
    uint32_t vl, pad;
    uint8_t v[32 * MAX_VLENB]; /* 32 registers of vlenb bytes */
} State;
typedef struct Block {
    State in;
    uint32_t length, fill;
    uint32_t code_at, pad;
    uint8_t code[CODE_BYTES];
} Block;
typedef struct Result {
    State out;
    uint64_t sum;
} Result;

typedef struct Run {
    unsigned xlen, vlen;
    uint64_t random;
    uint64_t ext[RISCV_EXT_WORDS];
    Hart *interp, *jit;
    const char *peer, *peer_program;
    GPtrArray *rows, *vector_rows, *vector_mem_rows;
    unsigned vtype; /* of the block under construction; 0x80: no vectors */
    uint64_t insns, blocks;
    unsigned failures;
} Run;

/* ---- random values ---- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static uint64_t next(Run *r)
{
    return mix(r->random++);
}

static unsigned below(Run *r, unsigned n)
{
    return next(r) % n;
}

static uint64_t random_gpr(Run *r)
{
    uint64_t v = next(r);

    switch (below(r, 8)) {
    case 0:
        v = below(r, 5) - 2;
        break;
    case 1:
        v = BIT(v % 64) - (v >> 63);
        break;
    case 2:
        v = (int32_t)v;
        break;
    case 3:
        v = (uint32_t)v;
        break;
    default:
        break;
    }
    return r->xlen == 32 ? (uint64_t)(int32_t)v : v;
}

/* Zeros, infinities, NaNs, limits and ordinary numbers, in any box. */
static uint64_t random_fpr(Run *r)
{
    static const uint64_t d[] = {
        0,
        0x7ff0000000000000,
        0x7ff8000000000000,
        0x7ff0000000000001,
        1,
        0x000fffffffffffff,
        0x0010000000000000,
        0x7fefffffffffffff,
        0x3ff0000000000000,
        0x41dfffffffc00000,
        0x43e0000000000000,
        0x3fe0000000000000,
    };
    static const uint32_t s[] = { 0,          0x7f800000, 0x7fc00000,
                                  0x7f800001, 1,          0x007fffff,
                                  0x00800000, 0x7f7fffff, 0x3f800000,
                                  0x4effffff, 0x4f000000, 0x3f000000 };
    uint64_t v = next(r), sign = next(r);

    switch (below(r, 10)) {
    case 0:
        return d[v % ARRAY_SIZE(d)] | (sign & BIT(63));
    case 1:
    case 2:
        return s[v % ARRAY_SIZE(s)] | (sign & BIT(31)) |
               UINT64_C(0xffffffff00000000);
    case 3: /* a single near 1 to 2^40 */
        return (v & 0x807fffff) | (uint64_t)(100 + below(r, 70)) << 23 |
               UINT64_C(0xffffffff00000000);
    case 4:
        return UINT64_C(0xffffffff00000000) | (uint32_t)v;
    case 5: /* a double near 1 to 2^70 */
        return (v & UINT64_C(0x800fffffffffffff)) |
               (uint64_t)(990 + below(r, 110)) << 52;
    case 6:
        return UINT64_C(0xffffffffffff0000) | (uint16_t)v;
    default:
        return v;
    }
}

/* ---- random instructions ---- */

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(name, *list) == 0) {
            return true;
        }
    }
    return false;
}

static bool drawn(const Run *r, const DecodeRow *row)
{
    static const char *const classes[] = { "system", "cbo", "vset", NULL };
    static const char *const names[] = { "jalr",    "c.jr",    "c.jalr",
                                         "wrs.nto", "wrs.sto", "c.addi16sp",
                                         "fence.i", "pause",   NULL };

    for (unsigned i = 0; i < 4 && row->need_all[i] >= 0; i++) {
        if (!decode_has(r->ext, row->need_all[i])) {
            return false;
        }
    }
    return (row->xlens & (r->xlen == 64 ? 2 : 1)) &&
           !is_one_of(row->klass, classes) && !is_one_of(row->name, names);
}

static bool has_field(const DecodeRow *row, const char *name)
{
    for (const DecodeField *f = row->fields; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static RiscvInsn decode(const Run *r, const DecodeRow *row, uint32_t bits,
                        RiscvArgs *a)
{
    return row->width == 16 ? riscv_decode16(r->ext, r->xlen, bits, a)
                            : riscv_decode32(r->ext, r->xlen, bits, a);
}

static int argument(const DecodeInsn *insn, const RiscvArgs *a,
                    const char *name)
{
    for (unsigned i = 0; i < insn->nargs; i++) {
        if (strcmp(insn->args[i], name) == 0) {
            return ((const int32_t *)a)[i];
        }
    }
    return -1;
}

/*
 * Does it write a register that must stay? Pairs included. AMOCAS with rd = x0
 * is left out as well: the peer (10.0.2) dies of a later division then.
 */
static bool spoils(const DecodeInsn *insn, const RiscvArgs *a)
{
    int rd = argument(insn, a, "rd");
    bool pair = strncmp(insn->name, "amocas.", 7) == 0;

    if (rd < 0 || strstr(insn->operands, "f:rd") != NULL) {
        return false;
    }
    return rd == R_SP || rd == R_BASE || rd == R_LINK || rd == R_STRIDE ||
           rd == R_MASK ||
           (pair && (rd == 0 || rd + 1 == R_BASE || rd + 1 == R_LINK ||
                     rd + 1 == R_MASK));
}

/* A memory access is based on R_BASE; compressed fields count from x8. */
static uint32_t with_base(const DecodeRow *row, uint32_t bits)
{
    static const char *const bases[] = { "load",    "store",    "fpload",
                                         "fpstore", "cload",    "cstore",
                                         "cfpload", "cfpstore", "amo",
                                         "lrsc",    "vmem",     NULL };

    if (is_one_of(row->klass, bases) && has_field(row, "rs1")) {
        bits =
            decode_set_field(row, bits, "rs1", row->width == 16 ? 0 : R_BASE);
    }
    return bits;
}

/* CSR rows: fflags as it comes, frm by immediates that are no reserved mode.
 */
static uint32_t with_csr(Run *r, const DecodeRow *row, uint32_t bits)
{
    if (!has_field(row, "csr")) {
        return bits;
    }
    if (strcmp(row->name, "csrrwi") == 0 && below(r, 2)) {
        bits = decode_set_field(row, bits, "csr", 2);
        return decode_set_field(row, bits, "imm", below(r, 5));
    }
    return decode_set_field(row, bits, "csr", 1);
}

/* ---- vectors ---- */

/* Does the front end take it, in the block's vtype? */
static bool is_legal(Run *r, uint32_t bits)
{
    Hart *h = r->interp;
    vaddr at = CODE + 0x8000;

    st32_le(h->ram + (at - RAM_BASE), bits);
    h->env->mstatus |= MSTATUS_FS | MSTATUS_VS;
    h->env->priv = PRV_M;
    h->env->frm = 0;
    h->env->vstart = 0;
    h->env->vtype = r->vtype;
    g_assert_true(hart_build(h, at, 1));
    for (unsigned i = 0; i < h->tb->nhelper; i++) {
        if (h->tb->helper[i] == &riscv_helper_raise) {
            return false;
        }
    }
    return true;
}

static const DecodeRow *row_named(const char *name)
{
    for (unsigned i = 0; i < riscv_row_count; i++) {
        if (strcmp(riscv_rows[i].name, name) == 0) {
            return &riscv_rows[i];
        }
    }
    g_assert_not_reached();
}

/* A configuration that exists, as a vsetvli or vsetivli. */
static uint32_t draw_vset(Run *r, const DecodeRow **which)
{
    uint32_t bits;

    do {
        r->vtype = below(r, 8) | below(r, 4) << 3 | below(r, 4) << 6;
    } while (!vec_vtype_legal(&r->interp->cpu.cfg, r->vtype));
    if (below(r, 2)) {
        *which = row_named("vsetvli");
        bits = decode_random(*which, next(r)) & ~0xf80u;
        bits |= (1 + below(r, 2) * 4) << 7; /* x1 or x5 */
        if (below(r, 2)) {
            bits = decode_set_field(*which, bits, "rs1", 0);
        }
    } else {
        *which = row_named("vsetivli");
        bits = decode_random(*which, next(r));
        bits = decode_set_field(*which, bits, "rd", 0);
    }
    return decode_set_field(*which, bits, "vtype", r->vtype);
}

/* Strides are small; indexes are bytes, or were cut by an instruction that
 * goes before: then *before is not 0. */
static uint32_t draw_vector_mem(Run *r, const DecodeRow **which,
                                uint32_t *before)
{
    static const uint8_t eew_of[8] = { 0, 0, 0, 0, 0, 1, 2, 3 };

    for (;;) {
        const DecodeRow *row =
            r->vector_mem_rows->pdata[below(r, r->vector_mem_rows->len)];
        uint32_t bits = with_base(row, decode_random(row, next(r)));
        unsigned eew = eew_of[bits >> 12 & 7];

        *before = 0;
        *which = row;
        bits = decode_set_field(row, bits, "rs2", R_STRIDE);
        if (has_field(row, "vs2") && eew != 0) {
            unsigned vs2 = bits >> 20 & 31;

            if (eew != (r->vtype >> 3 & 7)) {
                continue;
            }
            /* vand.vx vs2, vs2, R_MASK */
            *before = 0x26004057 | vs2 << 20 | R_MASK << 15 | vs2 << 7;
        }
        if (is_legal(r, bits) && (*before == 0 || is_legal(r, *before))) {
            return bits;
        }
    }
}

/* RV32: x registers are sign-extended to SEW (Unpriv 31.16.3); the peer
 * (10.0.2) does so everywhere but in these two. */
static bool is_slide_64(const Run *r, const DecodeRow *row)
{
    return r->xlen == 32 && (r->vtype >> 3 & 7) == 3 &&
           strncmp(row->name, "vslide1", 7) == 0;
}

static uint32_t draw_vector(Run *r, const DecodeRow **which)
{
    for (;;) {
        const DecodeRow *row =
            r->vector_rows->pdata[below(r, r->vector_rows->len)];
        uint32_t bits = decode_random(row, next(r));
        RiscvArgs a;

        if (below(r, 2)) { /* more that are aligned */
            bits &= ~(0x3u << 20 | 0x3u << 15 | 0x3u << 7);
            bits |= row->value;
        }
        if (decode(r, row, bits, &a) == row->insn && !is_slide_64(r, row) &&
            !spoils(&riscv_insns[row->insn], &a) && is_legal(r, bits)) {
            *which = row;
            return bits;
        }
    }
}

static uint32_t draw(Run *r, const DecodeRow **which)
{
    for (;;) {
        const DecodeRow *row = r->rows->pdata[below(r, r->rows->len)];
        uint32_t bits = with_base(row, decode_random(row, next(r)));
        RiscvArgs a;

        if (has_field(row, "rm")) {
            static const uint8_t modes[] = { 0, 1, 2, 3, 4, 7, 7, 7 };
            bits = decode_set_field(row, bits, "rm", modes[below(r, 8)]);
        }
        bits = with_csr(r, row, bits);
        if (decode(r, row, bits, &a) == row->insn &&
            !spoils(&riscv_insns[row->insn], &a)) {
            *which = row;
            return bits;
        }
    }
}

static bool is_lrsc(const DecodeRow *row)
{
    return strcmp(row->klass, "lrsc") == 0;
}

/* Instruction @i of @n; 1 when it took two. The first sets vtype. */
static unsigned make_vector(Run *r, unsigned i, unsigned n, uint32_t *bits,
                            const DecodeRow **row)
{
    uint32_t before;

    if (i == 0) {
        bits[0] = draw_vset(r, &row[0]);
        return 0;
    }
    if (below(r, 4) != 0) {
        bits[i] = draw_vector(r, &row[i]);
        return 0;
    }
    do {
        bits[i] = draw_vector_mem(r, &row[i], &before);
    } while (before != 0 && i + 1 == n);
    if (before == 0) {
        return 0;
    }
    bits[i + 1] = bits[i];
    row[i + 1] = row[i];
    bits[i] = before;
    row[i] = row_named("vand.vx");
    return 1;
}

/* A branch may not jump between the two of an indexed access. */
static bool is_cut(const uint32_t *bits, unsigned i)
{
    return i > 0 && (bits[i - 1] & 0xfe00707f) == 0x26004057 &&
           (bits[i - 1] >> 15 & 31) == R_MASK;
}

/* Up to 24 instructions, branches and jumps forward among them, then back by
 * R_LINK. Returns how many. */
static unsigned make_code(Run *r, Block *b)
{
    const DecodeRow *row[MAX_INSNS + 1];
    uint32_t bits[MAX_INSNS + 1];
    unsigned at[MAX_INSNS + 1], n = 1 + below(r, MAX_INSNS), len = 0;
    bool vectors = r->vlen != 0 && n > 1 && below(r, 2);
    char width = 0; /* 'w' or 'd': of the first LR or SC */
    static const uint32_t jr_link = 0x67 | R_LINK << 15;

    for (unsigned i = 0; i < n; i++) {
        if (vectors && (i == 0 || below(r, 4) != 0)) {
            i += make_vector(r, i, n, bits, row);
            continue;
        }
        do {
            bits[i] = draw(r, &row[i]);
        } while (is_lrsc(row[i]) && width != 0 && row[i]->name[3] != width);
        width = is_lrsc(row[i]) ? row[i]->name[3] : width;
    }
    for (unsigned i = 0; i < n; i++) {
        at[i] = len;
        len += row[i]->width / 8;
    }
    at[n] = len;
    for (unsigned i = 0; i < n; i++) {
        if (strstr(row[i]->klass, "branch") || strstr(row[i]->klass, "jump")) {
            unsigned to = i + 1 + below(r, n - i);

            while (to < n && is_cut(bits, to)) {
                to++;
            }

            bits[i] = decode_set_field(row[i], bits[i], "imm", at[to] - at[i]);
        }
        memcpy(b->code + at[i], &bits[i], row[i]->width / 8);
    }
    memcpy(b->code + len, &jr_link, 4);
    b->length = len + 4;
    b->code_at = below(r, 64) * 512 + below(r, 2) * 2;
    return n;
}

static unsigned make_block(Run *r, Block *b)
{
    /* as many elements as there can be (VLEN of 8 bits, LMUL 8) stay in the
     * area */
    int stride = MIN(24, (AREA_BYTES / 2 - 64) / (int)MAX(r->vlen, 1));

    memset(b, 0, sizeof(*b));
    for (unsigned i = 1; i < 32; i++) {
        b->in.gpr[i] = random_gpr(r);
    }
    for (unsigned i = 0; i < 32; i++) {
        b->in.fpr[i] = random_fpr(r);
    }
    b->in.gpr[R_SP] = b->in.gpr[R_BASE] =
        r->xlen == 32 ? (uint64_t)(int32_t)(AREA + AREA_BYTES / 2)
                      : AREA + AREA_BYTES / 2;
    b->in.gpr[R_STRIDE] =
        (uint64_t)((int64_t)below(r, 2 * stride + 1) - stride);
    b->in.gpr[R_MASK] = 0x7ff;
    for (unsigned i = 0; i < 4 * r->vlen / 8; i++) {
        uint64_t v = random_fpr(r);

        memcpy(b->in.v + 8 * i, &v, 8);
    }
    b->in.vcsr = below(r, 8);
    b->in.gpr[R_LINK] = r->xlen == 32 ? (uint64_t)(int32_t)END : END;
    b->in.fcsr = below(r, 5) << 5 | below(r, 32);
    return make_code(r, b);
}

/* ---- running it ---- */

static void fill_area(Hart *h, uint32_t seed)
{
    for (unsigned i = 0; i < AREA_WORDS; i++) {
        st64_le(h->ram + (AREA - RAM_BASE) + 8 * i, mix((uint64_t)seed + i));
    }
}

static uint64_t area_sum(const Hart *h)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < AREA_WORDS; i++) {
        sum = (sum ^ ld64_le(h->ram + (AREA - RAM_BASE) + 8 * i)) *
              0x100000001b3ull;
    }
    return sum;
}

/* False: it trapped, or did not come back. */
static bool run_hart(Hart *h, const Block *b, Result *out)
{
    uint32_t *mxcsr = &h->hot->mxcsr_guest;

    if (b->fill != 0) {
        fill_area(h, b->fill);
    }
    memcpy(h->ram + (CODE - RAM_BASE) + b->code_at, b->code, b->length);
    memcpy(h->env->gpr, b->in.gpr, sizeof(b->in.gpr));
    memcpy(h->env->fpr, b->in.fpr, sizeof(b->in.fpr));
    h->env->frm = b->in.fcsr >> 5;
    h->env->fflags = b->in.fcsr & 31;
    *mxcsr = TCG_MXCSR_RESET | tcg_mxcsr_rc(h->env->frm);
    memcpy(h->env->vreg, b->in.v, 4 * h->cpu.cfg.vlenb * 8);
    h->env->vxrm = b->in.vcsr >> 1;
    h->env->vxsat = b->in.vcsr & 1;
    h->env->vtype = VTYPE_VILL;
    h->env->vl = h->env->vstart = 0;
    h->env->mstatus |= MSTATUS_FS | MSTATUS_VS;
    h->env->priv = PRV_M;
    h->env->resv_addr = RESV_NONE;
    h->env->pc = CODE + b->code_at;
    if (setjmp(h->leave) != 0) {
        return false;
    }
    for (unsigned i = 0; h->env->pc != END; i++) {
        if (i > 64 || !hart_build(h, h->env->pc, 64)) {
            return false;
        }
        hart_run_unit(h);
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->out.gpr, h->env->gpr, sizeof(out->out.gpr));
    memcpy(out->out.fpr, h->env->fpr, sizeof(out->out.fpr));
    out->out.gpr[R_LINK] = 0;
    out->out.fcsr =
        h->env->frm << 5 | h->env->fflags | tcg_fpflags_of_mxcsr(*mxcsr);
    memcpy(out->out.v, h->env->vreg, 4 * h->cpu.cfg.vlenb * 8);
    out->out.vcsr = h->env->vxrm << 1 | h->env->vxsat;
    out->out.vl = h->env->vl;
    out->sum = area_sum(h);
    return true;
}

/* ---- reports ---- */

static void show_block(const Run *r, const Block *b)
{
    RiscvDisas d = { r->ext, r->xlen, NULL };
    char text[96];

    for (unsigned at = 0; at < b->length;) {
        unsigned len = riscv_disas(&d, CODE + b->code_at + at, b->code + at,
                                   b->length - at, text, sizeof(text));

        printf("#   %" PRIx64 "  %s\n", CODE + b->code_at + at, text);
        at += len;
    }
    for (unsigned i = 1; i < 32; i++) {
        printf("#   x%u=%" PRIx64 " f%u=%" PRIx64 "%s", i, b->in.gpr[i], i,
               b->in.fpr[i], i % 3 == 0 || i == 31 ? "\n" : "");
    }
    printf("#   f0=%" PRIx64 " fcsr=%x\n", b->in.fpr[0], b->in.fcsr);
}

static void show_vector(const uint8_t *v, unsigned vlenb)
{
    for (unsigned i = vlenb; i-- > 0;) {
        printf("%02x%s", v[i], i % 8 == 0 && i != 0 ? "_" : "");
    }
}

static void show_vectors(const Run *r, const State *in, const Result *x,
                         const Result *y)
{
    unsigned vlenb = r->vlen / 8;

    for (unsigned i = 0; i < 32 && vlenb != 0; i++) {
        const uint8_t *vx = x->out.v + i * vlenb, *vy = y->out.v + i * vlenb;

        if (memcmp(vx, vy, vlenb) != 0) {
            printf("#   v%u: ", i);
            show_vector(vx, vlenb);
            printf("\n#        ");
            show_vector(vy, vlenb);
            printf("\n#     in ");
            show_vector(in->v + i * vlenb, vlenb);
            printf("\n");
        }
    }
}

static bool same(Run *r, const Block *b, const char *an, const Result *x,
                 const char *bn, const Result *y)
{
    if (memcmp(x, y, sizeof(*x)) == 0) {
        return true;
    }
    r->failures++;
    if (r->failures > 10) {
        return false;
    }
    printf("# %s and %s differ\n", an, bn);
    for (unsigned i = 0; i < 32; i++) {
        if (x->out.gpr[i] != y->out.gpr[i]) {
            printf("#   x%u: %" PRIx64 ", %" PRIx64 "\n", i, x->out.gpr[i],
                   y->out.gpr[i]);
        }
        if (x->out.fpr[i] != y->out.fpr[i]) {
            printf("#   f%u: %" PRIx64 ", %" PRIx64 "\n", i, x->out.fpr[i],
                   y->out.fpr[i]);
        }
    }
    if (x->out.fcsr != y->out.fcsr) {
        printf("#   fcsr: %x, %x\n", x->out.fcsr, y->out.fcsr);
    }
    if (x->out.vcsr != y->out.vcsr || x->out.vl != y->out.vl) {
        printf("#   vcsr: %x, %x; vl %u, %u\n", x->out.vcsr, y->out.vcsr,
               x->out.vl, y->out.vl);
    }
    show_vectors(r, &b->in, x, y);
    if (x->sum != y->sum) {
        printf("#   memory differs\n");
    }
    show_block(r, b);
    return false;
}

/* ---- batches ---- */

/* All blocks through the peer: its results, or NULL. */
static Result *run_peer(const Run *r, const Block *blocks, unsigned n)
{
    g_autofree char *dir = g_dir_make_tmp("isa-random-XXXXXX", NULL);
    g_autofree char *in = g_build_filename(dir, "in", NULL);
    g_autofree char *out = g_build_filename(dir, "out", NULL);
    g_autofree char *line = NULL;
    char *data = NULL;
    gsize len = 0;
    int status;

    g_file_set_contents(in, (const char *)blocks, n * sizeof(Block), NULL);
    line = g_strdup_printf("'%s' -cpu max,vlen=%u '%s' < '%s' > '%s'", r->peer,
                           r->vlen, r->peer_program, in, out);
    status = system(line);
    g_file_get_contents(out, &data, &len, NULL);
    remove(in);
    remove(out);
    rmdir(dir);
    if (len != n * sizeof(Result)) {
        printf("# the peer ended with status 0x%x after %zu of %u blocks\n",
               status, (size_t)(len / sizeof(Result)), n);
        if (len / sizeof(Result) < n) {
            show_block(r, &blocks[len / sizeof(Result)]);
        }
        g_free(data);
        return NULL;
    }
    return (Result *)data;
}

static void run_batch(Run *r, unsigned n)
{
    g_autofree Block *blocks = g_new(Block, n);
    g_autofree Result *peer = NULL;

    for (unsigned i = 0; i < n; i++) {
        r->insns += make_block(r, &blocks[i]);
        r->blocks++;
        /* a difference in memory must not follow on to the next block */
        blocks[i].fill = i % 16 == 0 ? 1 + (uint32_t)r->blocks : 0;
    }
    if (r->peer != NULL) {
        peer = run_peer(r, blocks, n);
        r->failures += peer == NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        Result a, b;

        if (!run_hart(r->interp, &blocks[i], &a) ||
            !run_hart(r->jit, &blocks[i], &b)) {
            printf("# a block trapped: cause %u tval %" PRIx64 "\n",
                   r->interp->env->exc_cause, r->interp->env->exc_tval);
            show_block(r, &blocks[i]);
            r->failures++;
            return;
        }
        same(r, &blocks[i], "interpreter", &a, "JIT", &b);
        if (peer != NULL) {
            same(r, &blocks[i], "interpreter", &a, "peer", &peer[i]);
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t count;
    Run r = { 0 };
    unsigned flags = HART_JIT;

    if (argc > 1 && (!strcmp(argv[1], "-2") || !strcmp(argv[1], "-3"))) {
        flags |= HART_NO_AVX512 | (argv[1][1] == '3' ? HART_NO_AVX2 : 0);
        argv++;
        argc--;
    }
    if (argc != 5 && argc != 7) {
        fprintf(stderr, "usage: random [-2|-3] XLEN VLEN COUNT SEED "
                        "[PEER PROGRAM]\n");
        return 1;
    }
    r.xlen = atoi(argv[1]);
    r.vlen = atoi(argv[2]);
    g_assert_cmpuint(r.vlen, <=, 8 * MAX_VLENB);
    count = strtoull(argv[3], NULL, 0);
    r.random = mix(strtoull(argv[4], NULL, 0));
    r.interp = hart_new(r.xlen, 0, r.vlen);
    r.jit = hart_new(r.xlen, flags, r.vlen);
    memcpy(r.ext, r.interp->cpu.cfg.ext, sizeof(r.ext));
    if (argc == 7) {
        r.peer = argv[5];
        r.peer_program = argv[6];
    }
    r.rows = g_ptr_array_new();
    r.vector_rows = g_ptr_array_new();
    r.vector_mem_rows = g_ptr_array_new();
    for (unsigned i = 0; i < riscv_row_count; i++) {
        if (drawn(&r, &riscv_rows[i])) {
            const char *klass = riscv_rows[i].klass;
            GPtrArray *to = strcmp(klass, "vmem") == 0 ? r.vector_mem_rows
                            : klass[0] == 'v'          ? r.vector_rows
                                                       : r.rows;
            g_ptr_array_add(to, (void *)&riscv_rows[i]);
        }
    }
    printf("1..1\n# seed %s, %u kinds of instruction\n", argv[4],
           r.rows->len + r.vector_rows->len + r.vector_mem_rows->len);
    while (r.insns < count && r.failures == 0) {
        run_batch(&r, MIN(BATCH, 1 + (count - r.insns) / 12));
    }
    printf("%sok 1 - rv%u: %" PRIu64 " instructions in %" PRIu64
           " blocks: interpreter, JIT%s\n",
           r.failures ? "not " : "", r.xlen, r.insns, r.blocks,
           r.peer ? ", peer" : "");
    hart_free(r.interp);
    hart_free(r.jit);
    g_ptr_array_free(r.rows, TRUE);
    g_ptr_array_free(r.vector_rows, TRUE);
    g_ptr_array_free(r.vector_mem_rows, TRUE);
    return 0;
}
