/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcg_compile() for x86-64: drive the walk, then emit what is out of line.
 */
#include "tandem/base.h"

#include "backend.h"

bool tcg_have_host(void)
{
    return x86_features_detect().baseline;
}

static X86Features features(uint32_t wanted)
{
    X86Features f = x86_features_detect();

    f.avx &= (wanted & TCG_HOST_AVX) != 0;
    f.avx2 &= f.avx && (wanted & TCG_HOST_AVX2);
    f.fma &= f.avx && (wanted & TCG_HOST_FMA);
    f.f16c &= f.avx && (wanted & TCG_HOST_F16C);
    f.bmi1 &= (wanted & TCG_HOST_BMI) != 0;
    f.bmi2 &= (wanted & TCG_HOST_BMI) != 0;
    f.lzcnt &= (wanted & TCG_HOST_BMI) != 0;
    f.avx512 &= f.avx2 && f.fma && (wanted & TCG_HOST_AVX512);
    f.vbmi &= f.avx512;
    f.pclmul &= (wanted & TCG_HOST_PCLMUL) != 0;
    return f;
}

Cold *cold_new(Gen *g, void (*emit)(Gen *g, const Cold *c))
{
    Cold *c;

    if (g->ncold == MAX_COLD) {
        g->too_big = true;
        g->ncold = 0;
    }
    c = &g->cold[g->ncold++];
    *c = (Cold){
        .emit = emit,
        .insn = g->i,
        .dst = NO_REG,
        .addend = NO_REG,
        .src = { NO_REG, NO_REG, NO_REG },
        .vec_live = (g->used & VEC_ALLOC) != 0,
    };
    return c;
}

void cold_jump(Cold *c, uint32_t at)
{
    unsigned k = 0;

    while (c->jump[k] != 0) {
        k++;
        assert(k < ARRAY_SIZE(c->jump));
    }
    c->jump[k] = at;
}

X86Mem x86_const_mem(const Gen *g, size_t offset)
{
    const uint8_t *p = (const uint8_t *)thunk_at(g, THUNK_CONSTS) + offset;

    return x86_mem(X86_RIP, p - (g->a.start + g->a.delta));
}

void x86_emit_soft(Gen *g, const TcgInsn *in)
{
    unsigned n = tcg_insn_noperands(g->tb, g->i);
    TcgType from = n != 0 ? tcg_ref_type(g->tb, in->a) : TCG_NONE;
    int dst = ra_def_early(g);

    for (unsigned k = 3; k-- > 0;) {
        if (k < n) {
            ra_copy_to(g, tcg_insn_operand(g->tb, g->i, k), RAX);
        }
        x86_push(&g->a, RAX);
    }
    x86_i32(&g->a, X86_PUSH_I, SOFT_DESC(in->op, in->type, from, in->aux));
    x86_call_abs(&g->a, thunk_at(g, THUNK_SOFT), RAX);
    x86_move(g, dst, RAX, ra_wide(in->type));
    ra_commit(g, dst);
}

static void fill_exits(Gen *g)
{
    for (unsigned k = 0; k < g->tb->nexit; k++) {
        const TcgExit *e = &g->tb->exit[k];

        g->exit[k] = (TcgCodeExit){
            .target_pc = e->target_pc,
            .ret_pc = e->ret_pc,
            .insns_done = e->insns_done,
            .kind = e->kind,
            .flags = e->flags,
        };
    }
}

/* One table of all emitters, from those of the files. */
static void fill_emitters(Gen *g)
{
    EmitFn *const *const tables[] = { x86_emit_int, x86_emit_mem, x86_emit_ctl,
                                      x86_emit_fp };

    for (unsigned op = 0; op < TCG_OP_COUNT; op++) {
        g->emit[op] = NULL;
        for (unsigned k = 0; k < ARRAY_SIZE(tables); k++) {
            if (tables[k][op] != NULL) {
                g->emit[op] = tables[k][op];
            }
        }
        assert(g->emit[op] != NULL || (tcg_op_info[op].flags & TCG_OPF_META));
    }
}

static void emit_body(Gen *g)
{
    const TcgBlock *tb = g->tb;

    for (g->i = 0; g->i < tb->n && !g->too_big;
         g->i = tcg_insn_next(tb, g->i)) {
        const TcgInsn *in = &tb->insn[g->i];

        if (tcg_op_info[in->op].flags & TCG_OPF_META) {
            continue;
        }
        g->locked = 0;
        g->ctx->count.fp_ops += (tcg_op_info[in->op].flags & TCG_OPF_FP) != 0;
        vec_keep_across(g, in);
        g->emit[in->op](g, in);
    }
}

static void emit_cold(Gen *g)
{
    for (unsigned k = 0; k < g->ncold; k++) {
        const Cold *c = &g->cold[k];

        for (unsigned j = 0; j < ARRAY_SIZE(c->jump) && c->jump[j] != 0; j++) {
            x86_bind32(&g->a, c->jump[j]);
        }
        c->emit(g, c);
    }
}

static void gen_free(void *host)
{
    g_free(host);
}

static Gen *gen_of(TcgContext *ctx)
{
    if (ctx->host == NULL) {
        Gen *g = g_malloc(sizeof(*g));

        g->ctx = ctx;
        g->fe = ctx->fe;
        g->thunks = &ctx->thunks;
        g->f = features(ctx->features);
        carry_init(g);
        fill_emitters(g);
        ctx->host = g;
        ctx->host_free = gen_free;
    }
    return ctx->host;
}

TcgResult tcg_compile(TcgContext *ctx, TcgBlock *tb, const TcgCodeBuf *buf,
                      TcgCode *out)
{
    Gen *g = gen_of(ctx);
    uint32_t pad = -(uintptr_t)buf->rx & 7;
    bool timed = tcg_block_timed(ctx);
    int64_t start = timed ? tcg_now_ns() : 0;

    if (buf->size < 256 + pad) {
        return TCG_NO_SPACE;
    }
    g->tb = tb;
    x86_asm_init(&g->a, buf->rw, buf->size, buf->rx - buf->rw, g->f.avx);
    g->ntail = 0;
    g->i = 0;
    g->nkept_at = g->kept_next = 0;
    vec_keep_none(g);
    ra_begin(g);
    tcg_side_begin(&g->side, g->side_buf, sizeof(g->side_buf), tb->pc,
                   &g->pin_base);
    fill_exits(g);
    x86_nop(&g->a, pad);
    x86_emit_entry(g, buf->second_pmid);
    emit_body(g);
    if (!g->too_big) { /* else locations were written over */
        emit_cold(g);
        x86_emit_tail(g, buf->cookie);
    }
    if (g->a.overflow) {
        return TCG_NO_SPACE;
    }
    if (g->too_big) {
        return TCG_TOO_BIG;
    }
    *out = (TcgCode){
        .code_size = x86_offset(&g->a),
        .entry_off = pad,
        .pmid_off = g->pmid_off,
        .nexits = tb->nexit,
        .exits = g->exit,
        .side = g->side_buf,
        .side_size = g->side.last_off != 0 ? g->side.len : 0, /* no records */
        .ninsns = tb->ninsns,
    };
    ctx->count.code_bytes += out->code_size;
    ctx->count.side_bytes += out->side_size;
    if (timed) {
        ctx->count.emit_ns += (tcg_now_ns() - start) * TCG_TIME_EVERY;
    }
    return TCG_OK;
}
