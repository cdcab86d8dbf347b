/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The intermediate representation: what passes, back ends and the interpreter
 * read. Translators use "tcg/builder.h" instead.
 *
 * A block (translation unit) is one straight line of 16-byte insns in SSA form:
 * a value is named by the index of the insn that computes it, a constant by an
 * index into the pool with TCG_REF_CONST set. Control leaves the line forward
 * only, through exits; a jump to the unit's own head is an exit of kind
 * TCG_EXIT_LOOP. So definition before use is the whole dominance rule.
 *
 * Guest registers are slots. Writing one emits nothing: the builder notes
 * which value a slot holds, and a snapshot records that map where somebody may
 * look: at ops that can fault (state at the start of the guest insn) and at
 * exits (state at the exit).
 */
#ifndef TCG_IR_H
#define TCG_IR_H

#include "tandem/base.h"

typedef struct TcgHelper TcgHelper;
typedef struct TcgVecOp TcgVecOp;
typedef struct TcgContext TcgContext;

/* ---- values ---- */

typedef enum TcgType {
    TCG_NONE,
    TCG_I32,
    TCG_I64,
    TCG_I128,
    TCG_F32, /* in vector registers; bits when passed to helpers */
    TCG_F64,
    TCG_V128, /* lane type is in the op's aux */
    TCG_V256,
    TCG_V512,
    TCG_FLG, /* a flags bundle: reserved for guests that have flags */
    TCG_TYPE_COUNT
} TcgType;

static inline bool tcg_type_is_int(TcgType t)
{
    return t == TCG_I32 || t == TCG_I64;
}

static inline bool tcg_type_is_fp(TcgType t)
{
    return t == TCG_F32 || t == TCG_F64;
}

/* Bytes of a value of type @t; 0 for TCG_NONE and TCG_FLG. */
static inline unsigned tcg_type_size(TcgType t)
{
    static const uint8_t size[TCG_TYPE_COUNT] = { 0, 4,  8,  16, 4,
                                                  8, 16, 32, 64, 0 };
    return size[t];
}

/* Insn index, or TCG_REF_CONST | constant pool index, or one of the two. */
typedef uint32_t TcgRef;
#define TCG_REF_CONST UINT32_C(0x80000000)
#define TCG_REF_NONE  UINT32_C(0x7fffffff) /* no operand */
#define TCG_REF_ENV   UINT32_C(0x7ffffffe) /* in snapshots: env is current */

typedef struct TcgVal {
    TcgRef ref;
    TcgType type;
} TcgVal;

static inline bool tcg_ref_is_const(TcgRef r)
{
    return (r & TCG_REF_CONST) != 0;
}

typedef enum TcgConstKind {
    TCG_CONST_PLAIN,
    TCG_CONST_PC, /* a guest pc: unit pc + (value - tb->pc) */
} TcgConstKind;

typedef struct TcgConst {
    uint64_t value; /* zero-extended bits of its type */
    uint8_t type;   /* TcgType: I32 I64 F32 F64 */
    uint8_t kind;   /* TcgConstKind */
    uint16_t hash_next;
} TcgConst;

/* ---- ops ---- */

typedef enum TcgOp {
#define TCG_OP(name, out, in, nconst, flags, sig) TCG_OP_##name,
#include "tcg/ops.def"
#undef TCG_OP
    TCG_OP_COUNT
} TcgOp;

enum {
    TCG_OPF_PURE = 1 << 0, /* depends on operands alone: value-numbered */
    TCG_OPF_COMM = 1 << 1, /* a and b may be swapped */
    TCG_OPF_KEEP = 1 << 2, /* has an effect: never dropped as unused */
    TCG_OPF_SNAP = 1 << 3, /* carries a snapshot: tb->snap_of[insn] */
    TCG_OPF_MEM = 1 << 4,  /* touches guest memory, keeps its order */
    TCG_OPF_FP = 1 << 5,   /* reads or writes the FP environment */
    TCG_OPF_EXIT = 1 << 6, /* may leave: field c is an exit index */
    TCG_OPF_END = 1 << 7,  /* always leaves: last op of the block */
    TCG_OPF_ARGS = 1 << 8, /* may have `args` insns behind it */
    TCG_OPF_META = 1 << 9, /* no code by itself */
};

typedef struct TcgOpInfo {
    const char *name;
    uint8_t nout, nin, nconst;
    uint16_t flags;
    const char *sig;
} TcgOpInfo;

extern const TcgOpInfo tcg_op_info[TCG_OP_COUNT];

typedef struct TcgInsn {
    uint8_t op;   /* TcgOp */
    uint8_t type; /* TcgType of the result; TCG_NONE without one */
    uint16_t aux;
    union {
        struct {
            TcgRef a, b, c;
        };
        TcgRef arg[3];
    };
} TcgInsn;

static_assert(sizeof(TcgInsn) == 16, "four to a cache line");

typedef enum TcgCond {
    TCG_EQ,
    TCG_NE,
    TCG_LT,
    TCG_GE,
    TCG_LE,
    TCG_GT,
    TCG_LTU,
    TCG_GEU,
    TCG_LEU,
    TCG_GTU,
    TCG_TSTEQ, /* (x & y) == 0 */
    TCG_TSTNE, /* (x & y) != 0 */
    TCG_COND_COUNT
} TcgCond;

static inline TcgCond tcg_cond_invert(TcgCond c)
{
    return (TcgCond)(c ^ 1);
}

/* The condition that holds for (y, x) exactly when @c holds for (x, y). */
TcgCond tcg_cond_swap(TcgCond c);
/* cond(x, y) on values of @type. */
bool tcg_cond_eval(TcgCond c, TcgType type, uint64_t x, uint64_t y);

/* aux of divs, divu, rems, remu. */
typedef enum TcgDiv {
    TCG_DIV_RISCV, /* x/0 = -1, x%0 = x; MIN/-1 = MIN, MIN%-1 = 0 */
    TCG_DIV_ARM,   /* x/0 = 0, x%0 = x; MIN/-1 = MIN, MIN%-1 = 0 */
} TcgDiv;

#define TCG_FIELD(pos, len) ((uint16_t)((pos) | (len) << 8))
#define TCG_FIELD_POS(aux)  ((aux)&0xff)
#define TCG_FIELD_LEN(aux)  ((aux) >> 8)

/* aux of fence: which earlier accesses are ordered before which later ones. */
typedef enum TcgFence {
    TCG_FENCE_RR = 1,
    TCG_FENCE_RW = 2,
    TCG_FENCE_WR = 4,
    TCG_FENCE_WW = 8,
    TCG_FENCE_ALL = 15,
} TcgFence;

/* ---- MemOp: one encoding for IR, slow path and interpreter ---- */

typedef uint16_t MemOp;
enum {
    MO_8 = 0, /* log2 of bytes; up to MO_512 */
    MO_16 = 1,
    MO_32 = 2,
    MO_64 = 3,
    MO_128 = 4,
    MO_256 = 5,
    MO_512 = 6,
    MO_SIZE = 7,
    MO_SIGN = 1 << 3,
    MO_SWAP = 1 << 4, /* guest data is big-endian */
    /* alignment the access must have, else it faults */
    MO_ALIGN_NONE = 0 << 5,
    MO_ALIGN = 1 << 5, /* its own size */
    MO_ALIGN_4 = 2 << 5,
    MO_ALIGN_16 = 3 << 5,
    MO_ALIGN_MASK = 3 << 5,
    /* single-copy atomicity that is owed */
    MO_ATOM_NONE = 0 << 7,
    MO_ATOM_ALIGNED = 1 << 7, /* when aligned */
    MO_ATOM_WITHIN16 = 2 << 7,
    MO_ATOM_FULL = 3 << 7,
    MO_ATOM_MASK = 3 << 7,
    /* order */
    MO_PLAIN = 0 << 9,
    MO_ACQUIRE = 1 << 9,
    MO_RELEASE = 2 << 9,
    MO_SEQ = 3 << 9,
    MO_ORDER_MASK = 3 << 9,
    /* which soft TLB */
    MO_MMU_SHIFT = 11,
    MO_MMU_MASK = 7 << 11,
    /* kind */
    MO_DATA = 0 << 14,
    MO_UNPRIV = 1 << 14,  /* with user privilege */
    MO_NOFAULT = 2 << 14, /* gives 0 where it would fault */
    MO_CODE = 3 << 14,    /* execute permission instead of read */
    MO_KIND_MASK = 3 << 14,
};

#define MO_MMU(idx) ((MemOp)((idx) << MO_MMU_SHIFT))

static inline unsigned memop_size(MemOp mo)
{
    return 1u << (mo & MO_SIZE);
}

static inline unsigned memop_mmu(MemOp mo)
{
    return (mo & MO_MMU_MASK) >> MO_MMU_SHIFT;
}

/* Required alignment in bytes; 1 when there is none. */
static inline unsigned memop_align(MemOp mo)
{
    switch (mo & MO_ALIGN_MASK) {
    case MO_ALIGN:
        return memop_size(mo);
    case MO_ALIGN_4:
        return 4;
    case MO_ALIGN_16:
        return 16;
    default:
        return 1;
    }
}

/* Extend the raw (zero-extended) datum of a load to 64 bits by its sign bit. */
static inline uint64_t memop_extend(MemOp mo, uint64_t raw)
{
    unsigned bits = memop_size(mo) * 8;

    if (bits >= 64) {
        return raw;
    }
    return mo & MO_SIGN ? (uint64_t)bits_sext(raw, bits) : raw & bit_mask(bits);
}

/* ---- floating-point contract: aux of the FP ops ---- */

enum {
    /* Rounding. DYN: as the guest's FP environment says (MXCSR.RC), the usual
     * case, as frm is in the TB key. Static ones switch RC for one op. RMM
     * (ties to max magnitude) only where an op says so: fround, fcvt_fs/fu. */
    TCG_FP_RNE = 0,
    TCG_FP_RTZ = 1,
    TCG_FP_RDN = 2,
    TCG_FP_RUP = 3,
    TCG_FP_RMM = 4,
    TCG_FP_DYN = 7,
    TCG_FP_ROUND = 7,
    /* NaN, min/max and out-of-range rules. RISCV: every NaN result is the
     * canonical one; fmin/fmax are minimumNumber/maximumNumber with -0 < +0,
     * NV for signalling NaNs only; conversions to integer saturate, NaN gives
     * the largest value, NV then alone. X86: as SSE does. */
    TCG_FP_NAN_RISCV = 0 << 3,
    TCG_FP_NAN_X86 = 1 << 3,
    TCG_FP_NAN_MASK = 7 << 3,
    TCG_FP_NEG_PROD = 1 << 6, /* fma: -(a * b) ... */
    TCG_FP_NEG_ADD = 1 << 7,  /* fma: ... - c */
    TCG_FP_COND_SHIFT = 8,    /* fcmp: TcgFpCond */
    TCG_FP_COND_MASK = 7 << 8,
};

typedef enum TcgFpCond {
    TCG_FEQ,    /* quiet: NV for signalling NaN only */
    TCG_FLT,    /* signalling: NV for any NaN */
    TCG_FLE,    /* signalling */
    TCG_FLTQ,   /* quiet */
    TCG_FLEQ,   /* quiet */
    TCG_FUNORD, /* quiet: either is a NaN */
    TCG_FPCOND_COUNT
} TcgFpCond;

#define TCG_FP_COND(c) ((uint16_t)((c) << TCG_FP_COND_SHIFT))

/* Result of fp_flags; RISC-V's order of fflags (Unprivileged ISA 11.2). */
enum {
    TCG_FPFLAG_NX = 1,
    TCG_FPFLAG_UF = 2,
    TCG_FPFLAG_OF = 4,
    TCG_FPFLAG_DZ = 8,
    TCG_FPFLAG_NV = 16,
};

/* ---- slots: guest registers tracked by value ---- */

enum { TCG_MAX_SLOTS = 128 };

typedef struct TcgSlotDesc {
    const char *name;
    uint32_t offset; /* in env, bytes */
    uint8_t type;    /* TcgType of the value; its size is what env holds */
    uint8_t cls;     /* TcgSlotClass */
} TcgSlotDesc;

typedef enum TcgSlotClass {
    TCG_SLOT_GPR,
    TCG_SLOT_FPR,
    TCG_SLOT_VEC,
    TCG_SLOT_OTHER,
} TcgSlotClass;

typedef struct TcgSlotSet {
    uint64_t w[TCG_MAX_SLOTS / 64];
} TcgSlotSet;

static inline bool tcg_slotset_has(const TcgSlotSet *s, unsigned slot)
{
    return s->w[slot / 64] >> (slot % 64) & 1;
}

static inline void tcg_slotset_add(TcgSlotSet *s, unsigned slot)
{
    s->w[slot / 64] |= BIT(slot % 64);
}

static inline void tcg_slotset_del(TcgSlotSet *s, unsigned slot)
{
    s->w[slot / 64] &= ~BIT(slot % 64);
}

/* What the compiler knows of a guest architecture. Constant data. */
typedef struct TcgFrontend {
    const char *name;
    const TcgSlotDesc *slots;
    unsigned nslots;     /* at most TCG_MAX_SLOTS */
    uint32_t pc_offset;  /* in env: uint64_t guest pc, written on leaving */
    unsigned page_bits;  /* of a guest page: exits beyond it check the itlb */
    unsigned insn_align; /* log2 of insn alignment: jump cache index */
    /* Slots worth a fixed host register at unit boundaries, best first: the
     * G-ABI table. May be empty; a back end takes as many as it likes. */
    const uint8_t *pinned;
    unsigned npinned;
} TcgFrontend;

/* ---- snapshots ---- */

/* One change of the map slot -> value against the snapshot before. ref values:
 * TCG_REF_ENV (env holds the slot), an insn, or a constant. */
typedef struct TcgSnapDelta {
    uint16_t slot;
    TcgRef old, now;
} TcgSnapDelta;

enum { TCG_SNAP_NONE = 0xffff };

/* Snapshots are numbered in the order of their ops; the first is a delta
 * against "all in env". Ops in a row with equal state share one. */
typedef struct TcgSnap {
    uint64_t pc;    /* guest insn it belongs to (not an exit's target) */
    uint32_t first; /* its deltas: tb->delta[first .. first + n) */
    uint16_t n;
    uint16_t insn_index; /* guest insns begun before this one */
} TcgSnap;

/* ---- exits ---- */

typedef enum TcgExitKind {
    TCG_EXIT_DIRECT,   /* to target_pc; patchable */
    TCG_EXIT_LOOP,     /* to the head of this unit */
    TCG_EXIT_INDIRECT, /* to a computed pc; through the jump cache */
    TCG_EXIT_TRAP,     /* call TcgRuntimeOps.trap(env, code): never returns */
} TcgExitKind;

enum {
    TCG_EXIT_POLL = 1 << 0,       /* test hot->exit_req: set by the builder */
    TCG_EXIT_CROSS_PAGE = 1 << 1, /* target on another page than the unit */
    /* ctx, privilege or mappings may have changed: no direct link; indirect
     * exits read hot->ctx anyway. */
    TCG_EXIT_CTX_CHANGED = 1 << 2,
    TCG_EXIT_CALL = 1 << 3, /* a call: ret_pc is where it comes back */
    TCG_EXIT_RET = 1 << 4,  /* likely a return */
    /* Never link: leave to the vCPU loop, which looks at interrupts and work
     * before it goes on at the target. */
    TCG_EXIT_TO_LOOP = 1 << 5,
};

typedef struct TcgExit {
    uint8_t kind;  /* TcgExitKind */
    uint8_t flags; /* TCG_EXIT_* */
    uint16_t snap; /* state at the exit (trap: at the start of the insn) */
    uint16_t insns_done; /* guest insns executed by then, for icount */
    uint32_t code;       /* trap: handed to the runtime */
    uint64_t target_pc;  /* direct, loop */
    uint64_t ret_pc;     /* TCG_EXIT_CALL */
    TcgRef insn;         /* the op that takes it */
} TcgExit;

/* ---- block ---- */

enum {
    TCG_MAX_INSNS = 8192, /* IR insns in a block */
    TCG_MAX_CONSTS = 4096,
    TCG_MAX_SNAPS = 2048,
    TCG_MAX_DELTAS = 16384,
    TCG_MAX_EXITS = 256,
    TCG_MAX_HELPERS = 256,
    /* A guest insn may use up to 1/8 of each before tcg_block_has_room() must
     * be asked again. */
    TCG_CONST_HASH = 256,
    TCG_VN_HASH = 256,
};

enum {
    TCG_BLOCK_ICOUNT = 1 << 0,  /* entry subtracts ninsns from hot->icount */
    TCG_BLOCK_NO_LOOP = 1 << 1, /* jumps to the own head are ordinary exits */
};

/*
 * A block under construction or finished. Arrays are owned by the context (or
 * by tcg_block_clone()) and reused from one unit to the next.
 * Locks: one thread at a time.
 */
typedef struct TcgBlock {
    TcgContext *ctx;
    const TcgFrontend *fe;
    uint64_t pc;
    uint32_t flags;   /* TCG_BLOCK_* */
    unsigned ninsns;  /* guest insns begun */
    bool ended;       /* an op that always leaves has been emitted */
    bool pc_absolute; /* a pc constant lost its kind in folding */
    bool has_slot_st; /* there are slot_st ops (also ones dropped since) */

    TcgInsn *insn;
    uint16_t *snap_of; /* by insn; valid for ops with TCG_OPF_SNAP */
    unsigned n;
    TcgConst *cst;
    unsigned ncst;
    TcgSnap *snap;
    unsigned nsnap;
    TcgSnapDelta *delta;
    unsigned ndelta;
    TcgExit *exit;
    unsigned nexit;
    const TcgHelper **helper;
    TcgVecOp *vec; /* by helper: fn is TCG_VEC_NONE for plain calls */
    unsigned nhelper;

    /* By tcg_pass_liveness: how many operands and snapshots use the value
     * (saturating at 255), and the index of the last insn that does. */
    uint8_t *uses;
    TcgRef *last_use;

    struct TcgBuilder *b; /* builder's private state; NULL once finished */
} TcgBlock;

/* Type of a value or constant. */
static inline TcgType tcg_ref_type(const TcgBlock *tb, TcgRef r)
{
    return tcg_ref_is_const(r) ? (TcgType)tb->cst[r & ~TCG_REF_CONST].type
                               : (TcgType)tb->insn[r].type;
}

static inline uint64_t tcg_ref_const(const TcgBlock *tb, TcgRef r)
{
    return tb->cst[r & ~TCG_REF_CONST].value;
}

/* For calls, whose operands and snapshot depend on the helper. */
unsigned tcg_call_noperands(const TcgBlock *tb, unsigned i);
bool tcg_call_has_snap(const TcgBlock *tb, unsigned i);

/* How many value operands insn @i has, those in its `args` included. */
static inline unsigned tcg_insn_noperands(const TcgBlock *tb, unsigned i)
{
    const TcgOpInfo *info = &tcg_op_info[tb->insn[i].op];

    if (likely(!(info->flags & TCG_OPF_ARGS))) {
        return info->nin;
    }
    return tb->insn[i].op == TCG_OP_call ? tcg_call_noperands(tb, i) : 4;
}

/* Operand @k of insn @i; k below tcg_insn_noperands(). */
static inline TcgRef tcg_insn_operand(const TcgBlock *tb, unsigned i,
                                      unsigned k)
{
    return tb->insn[i + k / 3].arg[k % 3];
}

/* Index of the insn after @i and its `args`. */
static inline unsigned tcg_insn_next(const TcgBlock *tb, unsigned i)
{
    do {
        i++;
    } while (i < tb->n && tb->insn[i].op == TCG_OP_args);
    return i;
}

/* Does insn @i carry a snapshot? Calls that cannot fault do not. */
static inline bool tcg_insn_has_snap(const TcgBlock *tb, unsigned i)
{
    unsigned op = tb->insn[i].op;

    if (unlikely(op == TCG_OP_call)) {
        return tcg_call_has_snap(tb, i);
    }
    return (tcg_op_info[op].flags & TCG_OPF_SNAP) != 0;
}

/*
 * A walk over snapshots that keeps the full map, by single steps in either
 * direction. map[slot] is TCG_REF_ENV or the value that env lacks.
 */
typedef struct TcgSnapCursor {
    const TcgBlock *tb;
    int at;           /* snapshot number; -1: before the first, all in env */
    TcgSlotSet dirty; /* slots whose map entry is not TCG_REF_ENV */
    TcgRef map[TCG_MAX_SLOTS];
} TcgSnapCursor;

void tcg_snap_cursor_init(TcgSnapCursor *c, const TcgBlock *tb);
/* Go to snapshot @snap, forward or backward. */
void tcg_snap_cursor_seek(TcgSnapCursor *c, int snap);

/* For each slot of a set, in order: evaluates body with `slot` declared. */
#define TCG_SLOTSET_FOREACH(set, slot)                                         \
    for (unsigned w_ = 0; w_ < TCG_MAX_SLOTS / 64; w_++)                       \
        for (uint64_t m_ = (set)->w[w_], slot = 0;                             \
             m_ != 0 && (slot = w_ * 64 + __builtin_ctzll(m_), 1);             \
             m_ &= m_ - 1)

#endif
