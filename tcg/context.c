/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiler's context: owns the block and its tables, which are reused from
 * unit to unit; runs the passes; keeps counters. One thread at a time.
 */
#include "tandem/base.h"

#include <time.h>

#include "tcg/internal.h"

const TcgPass tcg_passes[] = {
    { "dead-state", tcg_pass_dead_state, true },
    { "liveness", tcg_pass_liveness, false },
    { NULL, NULL, false },
};

static_assert(ARRAY_SIZE(tcg_passes) <= TCG_NPASSES_MAX + 1, "counters");

int64_t tcg_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static uint32_t host_features(void)
{
    uint32_t f = 0;

#if defined(__x86_64__)
    __builtin_cpu_init();
    f |= __builtin_cpu_supports("avx") ? TCG_HOST_AVX : 0;
    f |= __builtin_cpu_supports("avx2") ? TCG_HOST_AVX2 : 0;
    f |= __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
             ? TCG_HOST_BMI
             : 0;
    f |= __builtin_cpu_supports("fma") ? TCG_HOST_FMA : 0;
    f |= __builtin_cpu_supports("avx2") ? TCG_HOST_F16C : 0; /* came before */
    f |= __builtin_cpu_supports("avx512f") &&
                 __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq")
             ? TCG_HOST_AVX512
             : 0;
    f |= __builtin_cpu_supports("pclmul") ? TCG_HOST_PCLMUL : 0;
#endif
    return f;
}

static void block_alloc(TcgBlock *tb)
{
    tb->insn = g_new(TcgInsn, TCG_MAX_INSNS);
    tb->snap_of = g_new(uint16_t, TCG_MAX_INSNS);
    tb->uses = g_new(uint8_t, TCG_MAX_INSNS);
    tb->last_use = g_new(TcgRef, TCG_MAX_INSNS);
    tb->cst = g_new(TcgConst, TCG_MAX_CONSTS);
    tb->snap = g_new(TcgSnap, TCG_MAX_SNAPS);
    tb->delta = g_new(TcgSnapDelta, TCG_MAX_DELTAS);
    tb->exit = g_new(TcgExit, TCG_MAX_EXITS);
    tb->helper = g_new(const TcgHelper *, TCG_MAX_HELPERS);
    tb->vec = g_new(TcgVecOp, TCG_MAX_HELPERS);
}

static void block_release(TcgBlock *tb)
{
    g_free(tb->insn);
    g_free(tb->snap_of);
    g_free(tb->uses);
    g_free(tb->last_use);
    g_free(tb->cst);
    g_free(tb->snap);
    g_free(tb->delta);
    g_free(tb->exit);
    g_free(tb->helper);
    g_free(tb->vec);
}

TcgContext *tcg_context_new(const TcgFrontend *fe, const TcgRuntimeOps *ops,
                            const TcgConfig *cfg)
{
    TcgContext *ctx = g_new0(TcgContext, 1);
    const char *verify = g_getenv("TANDEM_TCG_VERIFY");

    assert(fe->nslots <= TCG_MAX_SLOTS);
    ctx->fe = fe;
    ctx->ops = ops;
    if (cfg != NULL) {
        ctx->cfg = *cfg;
    } else {
        ctx->cfg.features = ctx->cfg.pass_mask = UINT32_MAX;
    }
    if (verify != NULL && strcmp(verify, "0") != 0) {
        ctx->cfg.flags |= TCG_STRESS_VERIFY;
    }
    ctx->features = host_features() & ctx->cfg.features;
    ctx->block.ctx = ctx;
    ctx->block.fe = fe;
    block_alloc(&ctx->block);
    return ctx;
}

void tcg_context_free(TcgContext *ctx)
{
    if (ctx == NULL) {
        return;
    }
    if (ctx->host_free != NULL) {
        ctx->host_free(ctx->host);
    }
    block_release(&ctx->block);
    g_free(ctx);
}

const TcgCounters *tcg_context_counters(const TcgContext *ctx)
{
    return &ctx->count;
}

const TcgFrontend *tcg_context_frontend(const TcgContext *ctx)
{
    return ctx->fe;
}

const TcgRuntimeOps *tcg_context_ops(const TcgContext *ctx)
{
    return ctx->ops;
}

uint32_t tcg_context_features(const TcgContext *ctx)
{
    return ctx->features;
}

const TcgConfig *tcg_context_config(const TcgContext *ctx)
{
    return &ctx->cfg;
}

void tcg_context_set_dump(TcgContext *ctx,
                          void (*report)(void *opaque, const char *pass,
                                         const char *text),
                          void *opaque)
{
    ctx->report = report;
    ctx->report_opaque = opaque;
}

void tcg_context_set_thunks(TcgContext *ctx, const TcgThunks *thunks)
{
    ctx->thunks = *thunks;
}

const TcgThunks *tcg_context_thunks(const TcgContext *ctx)
{
    return &ctx->thunks;
}

/* A malformed block is a bug of a translator or a pass: say which and stop. */
static void check(TcgBlock *tb, const char *after)
{
    char *why = tcg_verify(tb);

    if (why != NULL) {
        char *text = tcg_dump(tb);

        g_error("tcg: after %s: %s\n%s", after, why, text);
    }
}

static void report(TcgBlock *tb, const char *pass)
{
    if (tb->ctx->report != NULL) {
        char *text = tcg_dump(tb);

        tb->ctx->report(tb->ctx->report_opaque, pass, text);
        g_free(text);
    }
}

/* Add the time since *last to a counter and move *last on. */
static void take_time(int64_t *last, uint64_t *count)
{
    int64_t now = tcg_now_ns();

    *count += (now - *last) * TCG_TIME_EVERY;
    *last = now;
}

static void run_passes(TcgBlock *tb, int64_t *last, bool timed)
{
    TcgContext *ctx = tb->ctx;

    for (unsigned i = 0; tcg_passes[i].name != NULL; i++) {
        if (tcg_passes[i].optional && !(ctx->cfg.pass_mask >> i & 1)) {
            continue;
        }
        tcg_passes[i].run(tb);
        if (timed) {
            take_time(last, &ctx->count.pass_ns[i]);
        }
        if (ctx->cfg.flags & TCG_STRESS_VERIFY) {
            check(tb, tcg_passes[i].name);
        }
        report(tb, tcg_passes[i].name);
    }
}

void tcg_block_finish(TcgBlock *tb)
{
    TcgContext *ctx = tb->ctx;
    TcgCounters *count = &ctx->count;
    bool timed = tcg_block_timed(ctx);
    int64_t last = tb->b->begin_ns;

    assert(tb->ended);
    tb->n = tb->b->end_n;
    tb->nsnap = tb->b->end_snap;
    tb->ndelta = tb->b->end_delta;
    tb->nexit = tb->b->end_exit;
    tb->b = NULL;
    if (timed) {
        take_time(&last, &count->build_ns);
    }
    count->blocks++;
    count->guest_insns += tb->ninsns;
    count->ir_insns += tb->n;
    count->snaps += tb->nsnap;
    count->deltas += tb->ndelta;
    report(tb, "build");
    if (ctx->cfg.flags & TCG_STRESS_VERIFY) {
        check(tb, "build");
    }
    run_passes(tb, &last, timed);
}

TcgBlock *tcg_block_clone(const TcgBlock *tb)
{
    TcgBlock *copy = g_new(TcgBlock, 1);

    *copy = *tb;
    copy->b = NULL;
    copy->insn = g_memdup2(tb->insn, tb->n * sizeof(*tb->insn));
    copy->snap_of = g_memdup2(tb->snap_of, tb->n * sizeof(*tb->snap_of));
    copy->uses = g_memdup2(tb->uses, tb->n * sizeof(*tb->uses));
    copy->last_use = g_memdup2(tb->last_use, tb->n * sizeof(*tb->last_use));
    copy->cst = g_memdup2(tb->cst, tb->ncst * sizeof(*tb->cst));
    copy->snap = g_memdup2(tb->snap, tb->nsnap * sizeof(*tb->snap));
    copy->delta = g_memdup2(tb->delta, tb->ndelta * sizeof(*tb->delta));
    copy->exit = g_memdup2(tb->exit, tb->nexit * sizeof(*tb->exit));
    copy->helper = g_memdup2(tb->helper, tb->nhelper * sizeof(*tb->helper));
    copy->vec = g_memdup2(tb->vec, tb->nhelper * sizeof(*tb->vec));
    return copy;
}

void tcg_block_free(TcgBlock *tb)
{
    if (tb != NULL) {
        block_release(tb);
        g_free(tb);
    }
}
