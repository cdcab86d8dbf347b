/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared inside tcg/ (back ends included), nobody else's business.
 */
#ifndef TCG_INTERNAL_H
#define TCG_INTERNAL_H

#include "tandem/base.h"

#include "tcg/ir.h"
#include "tcg/helper.h"
#include "tcg/builder.h"
#include "tcg/runtime.h"
#include "tcg/compile.h"

/*
 * What the builder knows while a block grows. Array entries count only when
 * the slot is in the set named beside them, so that a new block clears sets
 * alone. Hash tables are never cleared: an entry is compared with what it
 * points at, and an equal insn of this block is a hit whoever entered it.
 */
typedef struct TcgBuilder {
    TcgRef cur[TCG_MAX_SLOTS]; /* known: value the slot holds */
    TcgRef env[TCG_MAX_SLOTS]; /* env_known: value that env holds */
    TcgRef old[TCG_MAX_SLOTS]; /* insn_put: snapshot entry before the insn */
    TcgRef map[TCG_MAX_SLOTS]; /* map_dirty: entry of the last snapshot */
    TcgSlotSet known;
    TcgSlotSet dirty; /* cur differs from env; part of known */
    TcgSlotSet env_known;
    TcgSlotSet insn_put; /* put since tcg_insn_start */
    TcgSlotSet map_dirty;
    TcgSlotSet touched; /* may differ from the last snapshot */
    uint64_t insn_pc;
    TcgRef insn_op; /* the `insn` op, or TCG_REF_NONE before the first */
    /* sizes when the block ended; what comes later is cut off */
    unsigned end_n, end_snap, end_delta, end_exit;
    int64_t begin_ns;
    uint16_t const_hash[TCG_CONST_HASH];
    uint16_t vn_hash[TCG_VN_HASH];
} TcgBuilder;

struct TcgContext {
    const TcgFrontend *fe;
    const TcgRuntimeOps *ops;
    TcgConfig cfg;
    uint32_t features;
    TcgBlock block;
    TcgBuilder builder;
    TcgCounters count;
    TcgThunks thunks;
    void (*report)(void *opaque, const char *pass, const char *text);
    void *report_opaque;
    /* The back end's scratch memory; freed with the context. */
    void *host;
    void (*host_free)(void *host);
};

/* Monotonic time for the counters: the compiler times itself only, no guest
 * sees it. */
int64_t tcg_now_ns(void);

/* Is the block now under construction one of those that are timed? */
static inline bool tcg_block_timed(const TcgContext *ctx)
{
    return ctx->count.blocks % TCG_TIME_EVERY == 0;
}

/* Append an insn without folding. Unused operands: TCG_REF_NONE. */
TcgRef tcg_push(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux, TcgRef a,
                TcgRef b, TcgRef c);

/* fold.c: an equal, simpler value; ref TCG_REF_NONE when there is none. */
TcgVal tcg_fold_unary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux,
                      TcgVal x);
TcgVal tcg_fold_binary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux,
                       TcgVal x, TcgVal y);

/* fold.c: put a comparison into simplest form: constant right, narrow, no
 * setcc below. Returns 0 or 1 when the outcome is known, else -1. */
int tcg_fold_cond(TcgBlock *tb, TcgCond *cond, TcgVal *x, TcgVal *y);

/* eval.c: result bits (zero-extended) of a pure op on operand bits. @from: the
 * operands' type. @y is ignored by unary ops. */
uint64_t tcg_eval(TcgOp op, TcgType type, unsigned aux, TcgType from,
                  uint64_t x, uint64_t y);

/* interp_fp.c: an FP op on operand bits under the guest's environment
 * *mxcsr, which gets the flags. @from: the operands' type. */
uint64_t tcg_eval_fp(TcgOp op, TcgType type, unsigned aux, TcgType from,
                     uint64_t x, uint64_t y, uint64_t z, uint32_t *mxcsr);

/* pass.c */
void tcg_pass_dead_state(TcgBlock *tb);
void tcg_pass_liveness(TcgBlock *tb);

/* ir.c: names of types, conditions, for dump and parse; NULL ends none. */
extern const char *const tcg_type_name[TCG_TYPE_COUNT];
extern const char *const tcg_cond_name[TCG_COND_COUNT];
extern const char *const tcg_fpcond_name[TCG_FPCOND_COUNT];

#endif
