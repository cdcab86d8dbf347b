/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What emitted code and the interpreter share with the engine (accel/tcg): the
 * hot fields below env, and the functions the engine provides.
 *
 * Memory layout of a vCPU's state, one allocation, 64-byte aligned:
 *
 *     TcgHot                          env (target's state)
 *     |jc|tlb|itlb|save|ring|...|ctx|exit_req|  slots ...
 *                                            ^ the JIT's base register (rbp)
 *
 * so hot fields have constant negative offsets, TCG_HOT_OFF(field), and the
 * most used ones lie within 128 bytes of env.
 * Locks: the owning vCPU thread, except exit_req (any thread may set it).
 */
#ifndef TCG_RUNTIME_H
#define TCG_RUNTIME_H

#include "tcg/ir.h"

enum {
    TCG_NB_MMU = 8,
    TCG_TLB_BITS = 10, /* 4 MiB before two pages share a slot */
    TCG_TLB_SIZE = 1 << TCG_TLB_BITS,
    TCG_ITLB_SIZE = 256,
    TCG_JC_BITS = 14,
    TCG_JC_SIZE = 1 << TCG_JC_BITS,
    TCG_RING_SIZE = 16,
    TCG_CELL_SPANS = 8, /* window sizes that page cells know */
    TCG_CELL_SITES = 8,
    TCG_SPEC_SITES = 64,
    TCG_SAVE_GPRS = 32,
    TCG_SAVE_VECS = 32,
    TCG_SPILLS = 256,
    TCG_VSPILLS = 32,
};

/*
 * L1 soft TLB of one mmu index (TCG.md 3.5). Index: (address >> page_bits) &
 * (TCG_TLB_SIZE - 1). Hit: (address ^ tag) <= page size - access size; host
 * address = address
 * + addend. The three words of a slot belong to one page; tag_w matches only if
 * tag_r does. A slow page has tag ^ page size, so that nothing matches it.
 * Empty: all ones, but 0 in the last slot. tcg_tlb_clear() knows.
 */
/*
 * The page that one memory op in a loop met last (TCG.md 3.5, E3). Hit:
 * address - page < limit; an empty cell has limit 0. It was read from a slot
 * that matched, and may outlive that slot's entry, but no flush of the page.
 */
typedef struct TcgPageCell {
    uint64_t page, limit, addend;
    uint64_t pad; /* scaled by a shift */
} TcgPageCell;

typedef struct TcgTlb {
    uint64_t tag_r[TCG_TLB_SIZE];
    uint64_t tag_w[TCG_TLB_SIZE];
    uint64_t addend[TCG_TLB_SIZE];
    /* [write][window size][site]: sites of one window share limits, so that
     * two which meet in one cell do not believe each other's. */
    TcgPageCell cell[2][TCG_CELL_SPANS][TCG_CELL_SITES];
    uint64_t cell_fills[2]; /* since cleared; [write] */
} TcgTlb;

/* Jump cache: index by tcg_jc_index(). Empty entries are zero: ctx is never 0.
 */
typedef struct TcgJumpEntry {
    uint64_t pc;
    uint32_t ctx;
    uint32_t pad;
    const void *host; /* RX address of the unit's entry */
    void *tb;
} TcgJumpEntry;

static_assert(sizeof(TcgJumpEntry) == 32, "scaled by a shift in JIT code");

typedef struct TcgRingEntry {
    uint64_t pc;
    uint32_t ctx;
    uint32_t pad;
    const void *host;
    uint64_t pad2;
} TcgRingEntry;

typedef struct TcgRuntimeOps TcgRuntimeOps;
typedef struct TcgInterpFrame TcgInterpFrame;

typedef struct TcgHot {
    alignas(64) TcgJumpEntry jc[TCG_JC_SIZE];
    TcgTlb tlb[TCG_NB_MMU];
    uint32_t itlb[TCG_ITLB_SIZE]; /* PMIDs by virtual page number; 0 = empty */
    TcgRingEntry ring[TCG_RING_SIZE];
    /* The addend that a load met last (TCG.md 3.5, E6), by its place: a guess,
     * compared with the soft TLB's at each use. */
    uint64_t spec_site[TCG_SPEC_SITES];
    /* Register save area, filled by thunks before they call C: host registers
     * by their hardware number, whole vector registers. Side-table locations
     * name these. */
    uint8_t save_vec[TCG_SAVE_VECS][64];
    uint64_t save_gpr[TCG_SAVE_GPRS];
    /* Spill homes of the running unit. */
    uint8_t vspill[TCG_VSPILLS][16];
    uint64_t spill[TCG_SPILLS];

    /* engine's own, never touched by emitted code */
    void *engine;           /* back pointer to accel/tcg's vCPU */
    TcgInterpFrame *interp; /* the interpreter runs; NULL in JIT code */
    const TcgRuntimeOps *ops;

    /* Counted by emitted code: cells filled, addends guessed wrong. */
    uint64_t cell_fills, spec_misses;
    /* and: calls that host vectors were to replace but could not */
    uint64_t vec_calls;

    /* Set by a thunk before it calls C: return address in emitted code; the
     * key for tcg_side_restore(). 0 while no emitted code is below us. */
    uintptr_t ret_pc;
    /* Set on leaving through an exit: the unit's cookie (TcgCodeBuf.cookie)
     * and exit number. */
    void *leave_unit;
    uint32_t leave_exit;
    uint32_t host;     /* TcgConfig.features: also for kernels in C */
    uint32_t pad0[14]; /* the next group starts a line and ends at env */

    /* Within disp8 of env from here. */
    uint64_t spec_add[TCG_NB_MMU]; /* E6: the addend to try first */
    int64_t icount;                /* insns left in the slice */
    /* Guest FP environment while C code runs. In JIT code MXCSR itself holds
     * the guest's; thunks for TCG_H_HOST_FP helpers swap. Format: MXCSR. */
    uint32_t mxcsr_guest;
    uint32_t mxcsr_host;
    uint32_t ring_top; /* next entry of ring[] to fill */
    uint32_t pad1[9];
    _Atomic uint32_t ctx;      /* id of flags and address space; never 0 */
    _Atomic uint32_t exit_req; /* non-zero: leave at the next POLL */
} TcgHot;

static_assert(sizeof(TcgHot) % 64 == 0, "env stays aligned");

/* Offset of a hot field from env: negative. */
#define TCG_HOT_OFF(field)                                                     \
    ((int32_t)offsetof(TcgHot, field) - (int32_t)sizeof(TcgHot))

static_assert(TCG_HOT_OFF(spec_add) == -128, "disp8");
static_assert(TCG_HOT_OFF(exit_req) == -4, "no padding below env");

static inline TcgHot *tcg_hot(void *env)
{
    return (TcgHot *)env - 1;
}

static inline void *tcg_hot_env(TcgHot *hot)
{
    return hot + 1;
}

/* Empty the page cells for reading or for writing. */
static inline void tcg_cells_clear(TcgTlb *tlb, bool write)
{
    if (tlb->cell_fills[write] != 0) {
        memset(tlb->cell[write], 0, sizeof(tlb->cell[write]));
        tlb->cell_fills[write] = 0;
    }
}

/* Empty the cells of the page at guest address @page. */
static inline void tcg_cells_drop(TcgTlb *tlb, uint64_t page)
{
    TcgPageCell *cell = &tlb->cell[0][0][0];

    if ((tlb->cell_fills[0] | tlb->cell_fills[1]) == 0) {
        return;
    }
    for (unsigned i = 0; i < 2 * TCG_CELL_SPANS * TCG_CELL_SITES; i++) {
        if (cell[i].page == page) {
            cell[i].limit = 0;
        }
    }
}

/* Make all entries of @tlb miss. */
static inline void tcg_tlb_clear(TcgTlb *tlb)
{
    tcg_cells_clear(tlb, false);
    tcg_cells_clear(tlb, true);
    memset(tlb->tag_r, 0xff, sizeof(tlb->tag_r));
    memset(tlb->tag_w, 0xff, sizeof(tlb->tag_w));
    tlb->tag_r[TCG_TLB_SIZE - 1] = 0;
    tlb->tag_w[TCG_TLB_SIZE - 1] = 0;
}

/* Jump cache index of @pc; @insn_align as in TcgFrontend (riscv: 1). */
static inline unsigned tcg_jc_index(uint64_t pc, unsigned insn_align)
{
    return (pc >> insn_align) & (TCG_JC_SIZE - 1);
}

/* All thunks and the interpreter start from this MXCSR: exceptions masked,
 * round to nearest, no flags. */
enum { TCG_MXCSR_RESET = 0x1f80 };

/* Sticky flags of an MXCSR word as TCG_FPFLAG_* (drops DE), and back. */
static inline unsigned tcg_fpflags_of_mxcsr(uint32_t mxcsr)
{
    return (mxcsr >> 5 & TCG_FPFLAG_NX) | (mxcsr >> 3 & TCG_FPFLAG_UF) |
           (mxcsr >> 1 & TCG_FPFLAG_OF) | (mxcsr << 1 & TCG_FPFLAG_DZ) |
           (mxcsr << 4 & TCG_FPFLAG_NV);
}

/* MXCSR.RC field (bits 14:13) for RNE RTZ RDN RUP; RMM has none: 0. */
static inline uint32_t tcg_mxcsr_rc(unsigned round)
{
    static const uint8_t rc[8] = { 0, 3, 1, 2, 0, 0, 0, 0 };

    return (uint32_t)rc[round & 7] << 13;
}

/* aux of a TcgRuntimeOps.atomic call. */
typedef enum TcgAtomic {
    TCG_ATOMIC_XCHG,
    TCG_ATOMIC_ADD,
    TCG_ATOMIC_AND,
    TCG_ATOMIC_OR,
    TCG_ATOMIC_XOR,
    TCG_ATOMIC_SMIN,
    TCG_ATOMIC_SMAX,
    TCG_ATOMIC_UMIN,
    TCG_ATOMIC_UMAX,
    TCG_ATOMIC_CAS,
    /* as CAS; when @cmp_ok is 0 only the permission check */
    TCG_ATOMIC_SC,
} TcgAtomic;

/* at_xchg .. at_umax are declared in the order of TcgAtomic. */
static inline TcgAtomic tcg_atomic_of_op(TcgOp op)
{
    return (TcgAtomic)(op - TCG_OP_at_xchg);
}

/*
 * The engine's functions. Emitted code reaches them through thunks that have
 * saved all registers in the save area and set ret_pc. Each but `lookup` may
 * not return: then the engine restores the guest state (tcg_side_restore or
 * tcg_interp_restore) and jumps (longjmp) to its vCPU loop. All run on the
 * vCPU's thread with the guest's MXCSR possibly live in the register: they
 * compute in no host floating point unless they swap it themselves.
 */
struct TcgRuntimeOps {
    /* Slow path of a load of 1..8 bytes: raw datum in guest order undone
     * (MO_SWAP applied), zero-extended. Alignment is checked here too. */
    uint64_t (*ld)(void *env, uint64_t addr, uint32_t mo);
    void (*st)(void *env, uint64_t addr, uint64_t v, uint32_t mo);
    /* 16..64 bytes. */
    void (*ld_vec)(void *env, uint64_t addr, uint32_t mo, void *to);
    void (*st_vec)(void *env, uint64_t addr, uint32_t mo, const void *from);
    /* Any atomic, TcgAtomic in @kind: old value, zero-extended; SC: 0 or 1. */
    uint64_t (*atomic)(void *env, uint64_t addr, uint64_t v, uint64_t cmp,
                       uint32_t mo, uint32_t kind_and_holds);
    /* Indirect jump that missed the jump cache: RX address of the unit for
     * @pc in the current ctx, after filling the cache; NULL: leave to the vCPU
     * loop with reason TCG_LEAVE_INDIRECT, env's pc = @pc (state is in env). */
    const void *(*lookup)(void *env, uint64_t pc);
    /* TCG_EXIT_TRAP. Never returns. */
    void (*trap)(void *env, uint32_t code);
};

/* kind_and_holds of TcgRuntimeOps.atomic. */
#define TCG_ATOMIC_ARG(kind, holds) ((uint32_t)(kind) | (uint32_t)(holds) << 8)

/* Why enter() or the interpreter came back. env holds all slots and pc. */
typedef enum TcgLeave {
    /* Exit hot->leave_exit of unit hot->leave_unit, not linked (yet): link and
     * go on at its target. */
    TCG_LEAVE_EXIT,
    /* The same, but exit_req was seen; go on at pc after the work is done. */
    TCG_LEAVE_POLL,
    /* lookup() gave NULL, or an indirect exit of the interpreter. */
    TCG_LEAVE_INDIRECT,
    /* At the head of unit leave_unit: icount would go below 0; nothing of the
     * unit ran and icount is as before. */
    TCG_LEAVE_ICOUNT,
    /* Cross-page exit whose page id did not match: as TCG_LEAVE_EXIT. */
    TCG_LEAVE_CROSS_PAGE,
} TcgLeave;

#endif
