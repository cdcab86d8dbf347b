/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compile state of the x86-64 back end, shared by its files only.
 *
 * One forward walk over the block: each op's emitter asks for its operands in
 * registers, memory or as immediates, reserves a register for its result,
 * writes code, and commits. A value lives in at most one register, and maybe
 * also in memory: its slot in env (a guest register nobody has changed) or a
 * spill home. As values never change (SSA), a memory copy never goes stale, so
 * dropping a register that has one is free.
 *
 * Registers: rbp = env, rsp = host stack (16-byte aligned in emitted code), rax
 * rcx xmm0 xmm1 scratch of any emitter; the others are allocated.
 */
#ifndef TCG_HOST_X86_64_BACKEND_H
#define TCG_HOST_X86_64_BACKEND_H

#include "tcg/internal.h"

#include "asm.h"
#include "features.h"

/* Vector registers are numbered 16 + n in this back end; the encoder uses the
 * low four bits. */
enum {
    X0 = 16,
    X1,
    NREGS = 32,
    NO_REG = -1,
};

enum {
    GPR_ALLOC = 0xffff & ~(1 << RAX | 1 << RCX | 1 << RSP | 1 << RBP),
    /* System V x86-64 ABI 3.2.1 */
    CALLEE_SAVED = 1 << RBX | 1 << R12 | 1 << R13 | 1 << R14 | 1 << R15,
};
#define VEC_ALLOC 0xfffc0000u

typedef enum ValMem {
    MEM_NONE,
    MEM_SLOT,  /* env holds it: slot `where` */
    MEM_SPILL, /* hot->spill[where] */
} ValMem;

enum {
    VAL_FOLDED = 1 << 0, /* no code: part of its only user's operand */
    VAL_CROSS = 1 << 1,  /* lives across a call */
};

typedef struct Val {
    uint32_t last; /* last insn that needs it */
    TcgRef alias;  /* the value it is a part of, or TCG_REF_NONE */
    uint16_t where;
    int8_t reg;  /* NO_REG: none */
    int8_t hint; /* register it had best be in */
    uint8_t mem; /* ValMem */
    uint8_t type;
    uint8_t flags;
    uint16_t group; /* of a load or store: Gen.group[group - 1]; 0: none */
} Val;

/* Memory ops that share one soft TLB check: group.c. */
typedef struct Group {
    TcgRef root; /* base; lo and hi are distances from it, hi exclusive */
    int32_t lo, hi;
    uint32_t leader, last; /* first and last member */
    uint16_t count;        /* a group of one is none */
    uint16_t near;         /* the group whose addend to guess, + 1; 0: none */
    uint8_t mmu;
    bool write;
    bool tells; /* is the near of others: its addend is kept for them */
} Group;

/* Where a snapshot's slots are, kept for a cold path. */
typedef struct Locs {
    uint32_t first; /* in Gen.locs */
    uint16_t n;
    uint16_t snap;
    uint64_t in_place; /* pinned slots in their registers: not among the n */
} Locs;

/* env at @off for @bytes is in a host register; 0: nothing. vec-keep.c */
typedef struct VecKept {
    uint32_t off;
    uint16_t bytes;
} VecKept;
enum { VEC_KEPT_FIRST = 21, VEC_KEPT = 11, MAX_KEPT_AT = 512 };

typedef struct Gen Gen;
typedef struct Cold Cold;
typedef void EmitFn(Gen *g, const TcgInsn *in);

/* Code out of line, emitted after the body. Register fields: NO_REG: none. */
struct Cold {
    void (*emit)(Gen *g, const Cold *c);
    uint32_t jump[3]; /* disp32 of jumps to here; 0: none */
    uint32_t back;    /* offset to go on at */
    uint32_t insn;
    Locs locs;
    X86Mem addr; /* memory ops: guest address as base + disp */
    int8_t dst;
    int8_t src[3];
    int8_t addend; /* register to set to NO_ADDEND when the group's first
                    * member came this way */
    uint8_t kind;  /* the emitter's own */
    bool vec_live; /* vector registers hold values here */
    uint16_t aux;
    /* memory ops with a page cell: how to fill it again */
    void (*after)(Gen *g, const Cold *c); /* what a TLB miss emits */
    uint32_t check_back;                  /* offset behind the check */
    X86Mem window;                        /* what is checked, */
    uint16_t span;                        /* this many bytes, */
    bool write;                           /* for this; */
    int8_t to;                            /* register for the addend */
    int32_t cell;                         /* offset from env */
    uint64_t imm[3]; /* constants for src[] that are NO_REG */
    uint16_t kept;   /* vectors: what is in registers at `back`; 0: nothing */
};

enum {
    MAX_COLD = 2048,
    MAX_LOCS = 32768,
    MAX_SIDE = 65536,
    MAX_CARRIED = 24,
    MAX_GROUPS = 256,
};

/* In a group's register: check for yourself. No addend of a page is odd. */
enum { NO_ADDEND = -1 };

typedef enum Thunk {
    THUNK_ENTER,
    THUNK_LEAVE,      /* eax = TcgLeave; pc and slots are in env */
    THUNK_LEAVE_EXIT, /* rcx = unit cookie, eax = exit << 3 | TcgLeave */
    THUNK_LOOKUP,     /* rax = guest pc */
    THUNK_POLL_IND,   /* rax = guest pc */
    THUNK_LEAVE_IND,  /* rax = guest pc */
    /* These have two variants; the second keeps vector registers. */
    THUNK_LD, /* rax = address, pushed MemOp -> rax */
    THUNK_LD_VEC,
    THUNK_ST, /* rax = address, rcx = value, pushed MemOp */
    THUNK_ST_VEC,
    THUNK_ATOMIC, /* rax, rcx; pushed kind, compare value, MemOp -> rax */
    THUNK_ATOMIC_VEC,
    THUNK_TRAP, /* ecx = code */
    THUNK_TRAP_VEC,
    THUNK_VEC, /* rax = function, pushed arguments 3 to 1 -> rax */
    THUNK_VEC_VEC,
    THUNK_CALL,    /* rax = function, arguments set up as in C */
    THUNK_CALL_FP, /* the same, with MXCSR swapped */
    THUNK_SOFT,    /* pushed z, y, x, SOFT_DESC -> rax; keeps all else */
    THUNK_CONSTS,  /* not code: a ConstPool */
    THUNK_COUNT,
} Thunk;

/* What THUNK_SOFT evaluates: the IR op in C. */
#define SOFT_DESC(op, type, from, aux)                                         \
    ((op) | (type) << 8 | (from) << 12 | (uint32_t)(aux) << 16)

/* Read-only data that emitted code addresses relative to rip. */
typedef struct ConstPool {
    uint64_t sign64[2], abs64[2], sign32[2], abs32[2];
    uint64_t box[2]; /* upper half of an F64 register that holds an F32 */
    uint64_t nan64, nan32, ones;
    uint8_t count[128]; /* 0, 1, 2 ... */
    /* for vec-vex.c: one bit an element, from the lowest up; the byte that
     * each of 32 bits is in; which bytes and words narrowing keeps; 32 zeros,
     * 32 ones */
    uint8_t bit8[32], byte_of[32], low8[32], low16[32], edge[64];
    uint16_t bit16[16];
    uint32_t bit32[8], even32[8];
    uint64_t bit64[4];
    uint8_t fflags[64]; /* TCG_FPFLAG_* of an MXCSR's sticky bits */
} ConstPool;

enum { MAX_PINS = 10 };

/* Slot @slot, below 64, is in register @reg between units: carry.c. */
typedef struct X86Pin {
    uint8_t slot;
    int8_t reg;
} X86Pin;

/* In Gen.locs only: the value of this slot is in env slot `n`. */
enum { LOC_OTHER_SLOT = 0x40 };

typedef struct Carried {
    uint8_t slot;
    int8_t reg; /* NO_REG: not needed at the head, so just not stored */
} Carried;

struct Gen {
    X86Asm a;
    TcgContext *ctx;
    const TcgBlock *tb;
    const TcgFrontend *fe;
    X86Features f;
    const TcgThunks *thunks;
    EmitFn *emit[TCG_OP_COUNT];

    uint32_t i;      /* insn being emitted */
    uint32_t used;   /* registers that hold a value */
    uint32_t locked; /* not to be taken during this insn */
    bool too_big;
    bool drained;       /* no store since the last locked access of this unit */
    bool cells;         /* the unit has a loop of its own: page cells pay */
    TcgSlotSet strided; /* then: slots that move by steps on the way round, */
    bool loaded_slot[TCG_MAX_SLOTS]; /* and those that are loaded there */
    uint32_t jump_load; /* the load that says where the unit goes; 0: none */
    TcgRef owner[NREGS];
    TcgRef slot_home[TCG_MAX_SLOTS]; /* value whose MEM_SLOT this is */
    TcgRef spill_owner[TCG_SPILLS];
    unsigned nspill; /* homes handed out so far */
    TcgSnapCursor cursor;

    /* Slots in fixed registers between units; pin_reg: NO_REG for others. */
    unsigned npin;
    X86Pin pin[MAX_PINS];
    int8_t pin_reg[TCG_MAX_SLOTS];
    TcgSlotSet pinned;
    uint32_t pin_regs;
    TcgSideBase pin_base; /* for side tables: all of them in place */

    /* Slots in registers at the head: pinned ones and, when the unit is its
     * own loop, those that stay in registers, or at least out of env, on the
     * way round. Value tb->n + k is what carried[k] holds at the head. In
     * carried_dirty: env is stale from the head on. */
    unsigned ncarried;
    Carried carried[MAX_CARRIED];
    TcgRef carried_of[TCG_MAX_SLOTS]; /* for slots in carried_set */
    TcgSlotSet carried_set, carried_dirty;
    uint32_t head;     /* offset where the loop goes */
    uint32_t pmid_off; /* TcgCode.pmid_off */

    /* Value tb->n + MAX_CARRIED + k is the addend that group k's first member
     * found. */
    unsigned ngroup;
    Group group[MAX_GROUPS];

    /* Registers VEC_KEPT_FIRST on; those of the running op are locked. */
    VecKept kept[VEC_KEPT];
    uint32_t kept_locked;
    unsigned kept_next, nkept_at;
    VecKept kept_at[MAX_KEPT_AT][VEC_KEPT];

    unsigned ncold, nlocs, ntail;
    uint32_t tail[3 * TCG_MAX_EXITS]; /* disp32 of jumps to the unit's tail */
    TcgSideWriter side;
    Cold cold[MAX_COLD];
    uint32_t snap_last[TCG_MAX_SNAPS];
    TcgSlotLoc locs[MAX_LOCS];
    TcgCodeExit exit[TCG_MAX_EXITS];
    uint8_t side_buf[MAX_SIDE];
    Val val[TCG_MAX_INSNS + MAX_CARRIED + MAX_GROUPS];
};

/* ---- regalloc.c ---- */

/* Prepare Gen.val; choose what to fold and what to carry. */
void ra_begin(Gen *g);
/* At the unit's head value @r is in @reg, where it is already, or is loaded
 * from env @slot. */
void ra_at_head(Gen *g, TcgRef r, unsigned slot, int reg, bool there);
/* The value that really holds @r: parts of a value share its home. */
static inline TcgRef ra_canon(const Gen *g, TcgRef r)
{
    while (g->val[r].alias != TCG_REF_NONE) {
        r = g->val[r].alias;
    }
    return r;
}

static inline bool ra_wide(TcgType t)
{
    return t != TCG_I32 && t != TCG_F32;
}

/* Operand @r in a register that stays put during this insn. A constant goes
 * to @scratch (RAX, RCX, X0 or X1; for vectors by way of RAX). */
int ra_use(Gen *g, TcgRef r, int scratch);
/* Copy operand @r into scratch register @reg; flags survive. */
void ra_copy_to(Gen *g, TcgRef r, int reg);

typedef struct Opnd {
    enum { OPND_REG, OPND_MEM, OPND_IMM } kind;
    int reg;
    int32_t imm;
    X86Mem mem;
} Opnd;

/* Operand as register or memory; in ra_rmi as immediate too when it fits in 32
 * bits sign-extended to its width. Other constants go to @scratch. */
Opnd ra_rm(Gen *g, TcgRef r, int scratch);
Opnd ra_rmi(Gen *g, TcgRef r, int scratch);
bool ra_imm32(const Gen *g, TcgRef r, int32_t *imm);

/* Reserve a register for the result: it may be that of an operand that dies
 * here, so it may be written by the last instruction only. */
int ra_def(Gen *g);
/* The same, but never an operand's register. */
int ra_def_early(Gen *g);
/* Reserve a register for the result and put operand @r there. */
int ra_def_copy(Gen *g, TcgRef r);
/* The result is in @reg; operands that die here are gone. */
void ra_commit(Gen *g, int reg);
/* End of an insn without a result: drop operands that die here. */
void ra_end_insn(Gen *g);
/* Drop @r, which is no operand by itself, if it dies here. */
void ra_drop_dead(Gen *g, TcgRef r);
/* A general register for the rest of this insn. */
int ra_temp(Gen *g);
/* Make @reg (allocatable) free for this insn and lock it; an operand in it
 * moves elsewhere. Before any ra_use. */
void ra_take(Gen *g, int reg);
/* The same of a set of them, none of which an operand is in. */
void ra_take_all(Gen *g, uint32_t regs);
/* Values that live on after a call (or are needed by its snapshot) get a home
 * in memory; then caller-saved registers are no longer theirs. */
void ra_before_call(Gen *g, bool snap);
void ra_call_clobbers(Gen *g);
/* Slot @slot in env is about to become @now (or unknown, TCG_REF_NONE): values
 * that rely on it move. */
void ra_slot_changes(Gen *g, unsigned slot, TcgRef now);
/* Value @r is in env slot @slot from now on. */
void ra_slot_home(Gen *g, unsigned slot, TcgRef r);
/* Memory home of a value that has one. */
X86Mem ra_mem(const Gen *g, const Val *v);

/* Locations of all dirty and carried slots at snapshot @snap, as of now.
 * @record: for a side table; rax may be used, flags survive. */
Locs ra_capture(Gen *g, unsigned snap, bool record);
/* Write a side-table record for the call just emitted. */
void ra_record(Gen *g, const Locs *l);
/* What carried or changed @slot holds where the cursor is. */
static inline TcgRef ra_snap_value(const Gen *g, unsigned slot)
{
    return tcg_slotset_has(&g->cursor.dirty, slot) ? g->cursor.map[slot]
                                                   : g->carried_of[slot];
}

typedef struct Move {
    int dst, src;  /* registers; src NO_REG: from memory or constant */
    bool truncate; /* an I32 slot from a wider value */
    TcgRef r;
} Move;

/* All of @m at once; cycles go through @gpr_temp or xmm1. */
void ra_parallel_move(Gen *g, Move *m, unsigned n, int gpr_temp);

/* @reg, from ra_temp, holds value @r from now on. */
void ra_bind_temp(Gen *g, TcgRef r, int reg);

/* ---- carry.c ---- */

/* Pinned slots and their registers; returns how many. */
unsigned x86_pins(const TcgContext *ctx, X86Pin pin[MAX_PINS]);
/* The same in Gen, once. */
void carry_init(Gen *g);
/* Does the unit jump to its own head? */
bool ra_own_loop(const TcgBlock *tb);
/* Choose what the unit carries; after that, hints for values put there. */
void carry_choose(Gen *g);
void carry_hints(Gen *g);
/* Entry of a unit: registers as chosen; the loop head follows. */
void carry_enter(Gen *g);
/* State as units expect it: pinned slots of @l in their registers, others in
 * env; then rax = @target, if that is a register. rax, rcx and all that can be
 * allocated are used, flags survive. */
void carry_leave(Gen *g, const Locs *l, int target);
/* Is state @l like that already? */
bool carry_in_place(const Gen *g, const Locs *l);
/* State @l as the unit's own head expects it; rax, rcx, xmm1 are used too. */
void carry_round(Gen *g, const Locs *l);

/* ---- group.c ---- */

/* Fill Gen.group and the group of each member. */
void group_find(Gen *g);
/* Base of address @addr, and its distance from that. */
TcgRef group_root(const Gen *g, TcgRef addr, int32_t *disp);
static inline TcgRef group_value(const Gen *g, unsigned k)
{
    return g->tb->n + MAX_CARRIED + k;
}

/* ---- cell.c ---- */

/* Fill Gen.cells and Gen.strided; uses the cursor. */
void cell_begin(Gen *g);
/* Should an access at @root have a page cell? */
bool cell_wanted(const Gen *g, TcgRef root);
/* Offset from env of the cell for the current insn's window. */
/* The least window that cells know and that has @span bytes. */
unsigned cell_span(unsigned span);
int32_t cell_offset(const Gen *g, unsigned mmu, unsigned span, bool write);

/* Should the current load, at @root, guess the addend? */
bool spec_wanted(const Gen *g, TcgRef root);
/* Does the current insn find an addend that others guess? */
bool spec_tells(const Gen *g);
/* Offset from env of the current insn's guess. */
int32_t spec_offset(const Gen *g);

/* ---- emitters ---- */

extern EmitFn *const x86_emit_int[TCG_OP_COUNT];
extern EmitFn *const x86_emit_mem[TCG_OP_COUNT];
extern EmitFn *const x86_emit_ctl[TCG_OP_COUNT];
extern EmitFn *const x86_emit_fp[TCG_OP_COUNT];

/* Vectors in registers, before the op @in; at the start of a unit. */
void vec_keep_across(Gen *g, const TcgInsn *in);
void vec_keep_none(Gen *g);
/* A call of a helper by host vectors, if that can be: isel-vec.c. */
bool x86_emit_vec(Gen *g, const TcgInsn *in);
/* rax = addend for an access of @size bytes at @addr, else to @c: isel-mem.c.
 * rcx and flags are lost. */
void x86_tlb_check(Gen *g, X86Mem addr, MemOp mo, unsigned size, bool write,
                   Cold *c);
/* Register to register, between classes too. */
void x86_move(Gen *g, int dst, int src, bool wide);
/* Compare (a, b) and give the condition to test. */
X86Cc x86_compare(Gen *g, TcgCond cond, TcgRef a, TcgRef b);
/* The op in C, by THUNK_SOFT: for what the host cannot do. */
void x86_emit_soft(Gen *g, const TcgInsn *in);
/* Code at the unit's entry and end: isel-ctl.c. */
void x86_emit_entry(Gen *g, uint32_t second_pmid);
void x86_emit_tail(Gen *g, void *cookie);

/* A new out-of-line piece for the current insn; the caller fills it in. */
Cold *cold_new(Gen *g, void (*emit)(Gen *g, const Cold *c));
/* Add an open jump (its disp32) to @c. */
void cold_jump(Cold *c, uint32_t at);

static inline const void *thunk_at(const Gen *g, Thunk t)
{
    return g->thunks->priv[t];
}

/* rip-relative operand for bytes @offset of the ConstPool. */
X86Mem x86_const_mem(const Gen *g, size_t offset);

/* soft.c: what THUNK_SOFT calls; @args as pushed, SOFT_DESC first. */
uint64_t x86_soft_eval(void *env, const uint64_t *args);

#endif
