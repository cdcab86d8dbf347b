/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiler's context, compiling a finished block, running one in the
 * interpreter, and reading side tables.
 */
#ifndef TCG_COMPILE_H
#define TCG_COMPILE_H

#include "tcg/ir.h"
#include "tcg/runtime.h"

/* ---- context: one per translating thread ---- */

/* Host features (bits of TcgConfig.features); what is found unless masked. */
enum {
    TCG_HOST_AVX = 1 << 0,
    TCG_HOST_AVX2 = 1 << 1,
    TCG_HOST_BMI = 1 << 2, /* BMI1, BMI2, LZCNT */
    TCG_HOST_FMA = 1 << 3,
    TCG_HOST_F16C = 1 << 4,
    TCG_HOST_AVX512 = 1 << 5, /* F, VL, BW, DQ */
    TCG_HOST_PCLMUL = 1 << 6,
};

enum {
    TCG_STRESS_VERIFY = 1 << 0, /* verify the block after each pass */
    /* no fixed registers for slots between units: a matter of the thunks too,
     * so of all contexts that share them */
    TCG_NO_PIN = 1 << 1,
    TCG_NO_CELLS = 1 << 3,  /* memory ops in loops: no page cells */
    TCG_NO_SPEC = 1 << 5,   /* loads do not guess addends */
    TCG_NO_GROUPS = 1 << 4, /* each memory op checks for itself */
    TCG_NO_VEC = 1 << 6,    /* no host vectors for calls that could have them */
    TCG_NO_KEEP = 1 << 7,   /* no vectors in host registers from op to op */
    TCG_NO_FOLD = 1 << 2, /* build every op as asked: to test folding itself */
};

typedef struct TcgConfig {
    uint32_t features;  /* TCG_HOST_* wanted; UINT32_MAX: all there are */
    uint32_t flags;     /* TCG_STRESS_VERIFY ... */
    uint32_t pass_mask; /* bit per optional pass; UINT32_MAX: all */
} TcgConfig;

typedef struct TcgPass {
    const char *name;
    void (*run)(TcgBlock *tb);
    bool optional; /* may be left out by TcgConfig.pass_mask */
} TcgPass;

/* The passes of tcg_block_finish(), in order; NULL name ends. */
extern const TcgPass tcg_passes[];
enum { TCG_NPASSES_MAX = 8, TCG_TIME_EVERY = 16 };

/* Counters, always kept. Owned by the context's thread. */
typedef struct TcgCounters {
    uint64_t blocks, guest_insns, ir_insns, code_bytes, side_bytes;
    /* Times are estimates: one block in TCG_TIME_EVERY is measured, and
     * counts for that many. */
    uint64_t build_ns; /* between tcg_block_begin and tcg_block_finish */
    uint64_t pass_ns[TCG_NPASSES_MAX];
    uint64_t emit_ns;
    uint64_t vn_hits, folds, dead_ops, snaps, deltas;
    /* memory ops: with a page cell, a guessed addend, a shared check */
    uint64_t cell_ops, spec_ops, group_ops;
    /* exits: with all pinned slots in place; slots that they move or load */
    uint64_t pin_exits, pin_moves;
    uint64_t fp_ops;   /* on the host FPU */
    uint64_t vec_ops;  /* calls made host vectors */
    uint64_t vec_kept; /* their operands that were in host registers */
} TcgCounters;

/**
 * tcg_context_new: a compiler for guests of @fe.
 * @fe, @ops: outlive the context. @cfg: NULL for the defaults (verifier on in
 * debug builds or with TANDEM_TCG_VERIFY=1 in the environment).
 */
TcgContext *tcg_context_new(const TcgFrontend *fe, const TcgRuntimeOps *ops,
                            const TcgConfig *cfg);
void tcg_context_free(TcgContext *ctx);
const TcgCounters *tcg_context_counters(const TcgContext *ctx);
const TcgFrontend *tcg_context_frontend(const TcgContext *ctx);
const TcgRuntimeOps *tcg_context_ops(const TcgContext *ctx);
uint32_t tcg_context_features(const TcgContext *ctx);
const TcgConfig *tcg_context_config(const TcgContext *ctx);

/* Call @report with each pass's name, once per finished block, with the text
 * of the block: for `-d op`. NULL turns it off. */
void tcg_context_set_dump(TcgContext *ctx,
                          void (*report)(void *opaque, const char *pass,
                                         const char *text),
                          void *opaque);

/* ---- compiling: tcg/host/<arch> ---- */

/* Where code goes: writable and executable views of the same bytes. */
typedef struct TcgCodeBuf {
    uint8_t *rw;
    const uint8_t *rx;
    size_t size;
    void *cookie; /* the engine's TB: goes to hot->leave_unit on an exit */
    /* The unit's insn goes on in the page behind: its entry leaves with
     * TCG_LEAVE_INDIRECT, pc unchanged, unless the itlb has this id for that
     * page (TcgCode.pmid_off). 0: the unit is in one page. */
    uint32_t second_pmid;
} TcgCodeBuf;

/*
 * A patchable exit in emitted code; offsets from the start of the unit.
 * Linking (engine, through the RW view): write disp32 at jmp_off with one
 * aligned 32-bit store, so that it jumps to the target unit's entry; for
 * TCG_EXIT_CROSS_PAGE then write the target's page id to pmid_off, likewise.
 * Unlinking is the reverse: TCG_PMID_NEVER first, then jmp_off to stub_off.
 * At first exits are unlinked.
 */
typedef struct TcgCodeExit {
    uint64_t target_pc;
    uint64_t ret_pc;
    uint32_t jmp_off;  /* of the disp32 of a jmp rel32; 0: cannot be linked */
    uint32_t pmid_off; /* of the imm32 compared with the itlb slot; or 0 */
    uint32_t stub_off; /* where the jmp goes when not linked */
    uint16_t insns_done;
    uint8_t kind;  /* TcgExitKind */
    uint8_t flags; /* TCG_EXIT_* */
} TcgCodeExit;

#define TCG_PMID_NEVER UINT32_MAX /* in code: matches no itlb entry */

/* Result; exits and side point into the context, valid until its next use. */
typedef struct TcgCode {
    uint32_t code_size; /* bytes used of the buffer */
    uint32_t pmid_off;  /* of the entry's imm32 for second_pmid; or 0 */
    uint32_t entry_off; /* of the entry; 8-byte aligned, begins with a 5-byte
                         * nop that can be patched */
    unsigned nexits;
    const TcgCodeExit *exits; /* same numbers as tb->exit[] */
    const uint8_t *side;      /* side table, tcg_side_restore() reads it */
    uint32_t side_size;
    uint16_t ninsns;
} TcgCode;

typedef enum TcgResult {
    TCG_OK,
    TCG_NO_SPACE, /* buffer too small: try again in a fresh one */
    TCG_TOO_BIG,  /* runs out of spills or snapshots: make a shorter unit */
} TcgResult;

/* Compile the finished block @tb into @buf. */
TcgResult tcg_compile(TcgContext *ctx, TcgBlock *tb, const TcgCodeBuf *buf,
                      TcgCode *out);

/* Code shared by all units of a context's frontend: emitted once into the code
 * cache, before the first tcg_compile(), which refers to it. Any other context
 * adopts it with tcg_context_set_thunks(). */
typedef struct TcgThunks {
    /* Run from @host (RX) until something leaves; saves and restores the host's
     * callee-saved registers, MXCSR and sets hot->mxcsr_*. */
    TcgLeave (*enter)(void *env, const void *host);
    /* Where unlinked return-ring and jump-cache misses go. */
    const void *lookup;
    uint32_t size;
    const void *priv[64]; /* back end's own: addresses by thunk number */
} TcgThunks;

TcgResult tcg_thunks_emit(TcgContext *ctx, const TcgCodeBuf *buf,
                          TcgThunks *out);
void tcg_context_set_thunks(TcgContext *ctx, const TcgThunks *thunks);
const TcgThunks *tcg_context_thunks(const TcgContext *ctx);

/* Is there a back end for this host? If not, only the interpreter runs. */
bool tcg_have_host(void);

/* ---- interpreter: the oracle ---- */

typedef union TcgInterpValue {
    uint64_t u[2];
    uint8_t bytes[16];
} TcgInterpValue;

/**
 * tcg_interp_run: execute @tb on @env until it leaves.
 * @values: scratch of at least tb->n entries, the caller's; must outlive a
 * longjmp out of here.
 * Runs with hot->interp set; faults come from TcgRuntimeOps calls, which do not
 * return then. TCG_EXIT_LOOP iterates inside, with its POLL.
 * On return env holds slots and pc; hot->leave_exit is the exit's number.
 */
TcgLeave tcg_interp_run(const TcgBlock *tb, void *env, TcgInterpValue *values);

/* The interpreter is at an op that faults: write the guest state at the start
 * of that guest insn to env, its pc included. False: not in the interpreter.
 * @insns_done: guest insns of the unit that are complete; may be NULL. */
bool tcg_interp_restore(void *env, unsigned *insns_done);

/* How many guest insns of the running unit are complete; touches no state. Only
 * while the interpreter runs (hot->interp). */
unsigned tcg_interp_position(void *env);

/* A copy that outlives the context's own block, for runs in the interpreter;
 * and its end. */
TcgBlock *tcg_block_clone(const TcgBlock *tb);
void tcg_block_free(TcgBlock *tb);

/* ---- side tables: host pc -> guest state ---- */

typedef enum TcgLocKind {
    TCG_LOC_GPR,    /* hot->save_gpr[n] */
    TCG_LOC_VEC,    /* hot->save_vec[n] */
    TCG_LOC_SPILL,  /* hot->spill[n] */
    TCG_LOC_VSPILL, /* hot->vspill[n] */
    TCG_LOC_CONST,  /* value */
    TCG_LOC_ENV,    /* already in env: takes a slot out of the last record */
} TcgLocKind;

typedef struct TcgSlotLoc {
    uint16_t slot;
    uint8_t kind; /* TcgLocKind */
    uint16_t n;
    uint64_t value; /* TCG_LOC_CONST */
} TcgSlotLoc;

/* Where a back end has some slots below 64 at most records: in a GPR each.
 * Constant once made by tcg_side_base(). */
typedef struct TcgSideBase {
    uint64_t slots;
    uint8_t gpr[64];
    uint8_t len; /* of bytes[]: a record that says so */
    uint8_t bytes[128];
} TcgSideBase;

/* Writer: records in ascending order of host_off; several restore points may
 * share one offset only if they have the same state. */
typedef struct TcgSideWriter {
    uint8_t *buf;
    size_t size, len;
    bool full; /* ran out of buf: the unit is too big */
    uint32_t last_off;
    uint64_t last_pc;
    unsigned last_index;
    const TcgSideBase *base; /* NULL: none */
    uint64_t based;          /* slots the last record had at their base, */
    TcgSlotSet named;        /* others it had out of env, and where */
    TcgSlotLoc loc[TCG_MAX_SLOTS];
} TcgSideWriter;

/* @loc, all in GPRs, are the base of @n slots. */
void tcg_side_base(TcgSideBase *base, const TcgSlotLoc *loc, unsigned n);
/* A table that begins with all slots of @base (NULL: none) at their base. */
void tcg_side_begin(TcgSideWriter *w, uint8_t *buf, size_t size,
                    uint64_t unit_pc, const TcgSideBase *base);
/* A restore point: return address @host_off (bytes from the unit's start),
 * guest @pc, @insn_index guest insns complete, and where the slots are that env
 * lacks: all of them, not a delta (the writer finds what is shared). @based:
 * slots that are at their base, not in @loc. */
void tcg_side_record(TcgSideWriter *w, uint32_t host_off, uint64_t pc,
                     unsigned insn_index, uint64_t based, const TcgSlotLoc *loc,
                     unsigned n);

/**
 * tcg_side_restore: make env what it was at the start of the guest insn that
 * was running at @host_off.
 * @side, @size, @unit_pc: of the unit. Registers are read from tcg_hot(env).
 * @insns_done: may be NULL.
 * Returns: false when there is no record for @host_off (a bug of ours; the
 * caller reports it).
 */
bool tcg_side_restore(const TcgFrontend *fe, const uint8_t *side, size_t size,
                      uint64_t unit_pc, uint32_t host_off, void *env,
                      unsigned *insns_done);

/* Only how many guest insns of the unit were complete at @host_off; touches no
 * state. False: no record there. */
bool tcg_side_position(const uint8_t *side, size_t size, uint32_t host_off,
                       unsigned *insns_done);

/* ---- verifier, text ---- */

/* NULL when @tb is well-formed, else a sentence (g_free it): types, definition
 * before use, snapshots complete, effects in order. */
char *tcg_verify(const TcgBlock *tb);

/* The block as text that tcg_parse() reads back. g_free it. */
char *tcg_dump(const TcgBlock *tb);

/* Read text made by tcg_dump() or by hand into @ctx's block, finished but with
 * no pass run. Helpers are found by name in @helpers (NULL ends). On a mistake
 * NULL, and *errp says line and cause. */
TcgBlock *tcg_parse(TcgContext *ctx, const char *text,
                    const TcgHelper *const *helpers, Error **errp);

#endif
