/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the translator's runtime (accel/tcg) and a guest CPU (target/).
 * TCG.md 3.2, 3.4, 3.5, 3.12, appendix B.
 */
#ifndef TARGET_TCG_OPS_H
#define TARGET_TCG_OPS_H

#include "softmmu/machine/cpu.h"

typedef struct TcgBlock TcgBlock; /* include/tcg/ir.h */
typedef struct TcgFrontend
    TcgFrontend; /* slots, pinned ones: include/tcg/ir.h */

typedef enum MmuAccess { MMU_LOAD, MMU_STORE, MMU_FETCH } MmuAccess;

/* A page that may enter the soft TLB. */
typedef struct TcgPage {
    hwaddr pa;         /* of the accessed address, not of the page's start */
    uint8_t page_bits; /* log2 of the mapping's size, >= 12: for flushes of
                          large pages */
    bool read, write, exec;
    bool global; /* in all address spaces */
    bool whole;  /* false: rights differ inside the 4 KiB page (PMP):
                    check each access, never enter it matched */
    MemAttrs attrs;
} TcgPage;

/* In TcgCpuOps.ctx_flags: units count their insns, for tcg_insn_count. A vCPU
 * that does not ask for it pays nothing. */
#define TCG_CTX_COUNT BIT(62)

/*
 * One unit under construction. The runtime owns the loop: it calls
 * translate_insn at u->pc until u->done or a limit is reached, and then ends
 * the unit: unit_end, else a direct exit to u->pc.
 */
typedef struct TcgUnit {
    TcgBlock *tb;
    /* constant for the unit */
    uint64_t ctx_flags; /* as TcgCpuOps.ctx_flags gave */
    vaddr first_pc;
    const void *cpu_config; /* TcgCpuOps.config(): features, xlen, ... */
    void *dc;    /* dc_size bytes of the front end's, zero at first */
    bool single; /* just one instruction, then a full exit */
    /* The front end may make a branch over a few simple instructions a choice
     * of values: what is skipped counts and is seen as if it had run. */
    bool may_skip;
    /* It may make a trap that always happens a jump: insns need not be
     * counted exactly. */
    bool may_enter;
    /* Not on the host FPU: by helpers in C alone, to find a fault. */
    bool soft_fp;
    /* one instruction */
    vaddr pc;             /* of the instruction; the front end sets the next
                             one: pc + length, or the target of a jump that
                             the unit follows (same page, forward) */
    const uint8_t *bytes; /* at pc */
    unsigned avail;       /* bytes that can be read there; up to the page's
                             end, more for a straddling instruction */
    unsigned n_insns;     /* done so far */
    bool done;            /* set by the front end: an exit was emitted */
    bool hold;            /* set by the front end: the unit must not end here */
    unsigned n_skips;     /* branches that became choices */
} TcgUnit;

struct TcgCpuOps {
    const TcgFrontend *frontend;
    size_t dc_size;
    unsigned n_mmu;    /* mmu indexes, at most 8 */
    unsigned max_insn; /* bytes of the longest instruction */
    /* Indexes that have no address spaces: translation is off there (M mode).
     * Their TLB entries outlive changes of asid(). */
    uint32_t bare_mmu_mask;

    /* Constant description that translation depends on besides ctx_flags;
     * equal pointers mean equal translations. */
    const void *(*config)(CPUState *cpu);
    /* Everything in CPU state that translation depends on, and nothing else;
     * TCG_CTX_COUNT if wanted, bit 63 is free for the runtime. Own thread. */
    uint64_t (*ctx_flags)(CPUState *cpu);
    /* Address space of all indexes but the bare ones, whatever the mode is
     * now: equal keys see equal mappings until a flush. E.g. satp's mode and
     * ASID. */
    uint64_t (*asid)(CPUState *cpu);
    unsigned (*fetch_mmu)(CPUState *cpu); /* mmu index of instruction fetch */

    void (*unit_begin)(TcgUnit *u);
    /* Emit one instruction: tcg_insn_start() first. Returns its length in
     * bytes, 0 when u->avail is too short to tell, or when it must begin a
     * unit. An instruction that does not exist raises the guest's exception
     * and sets done. */
    unsigned (*translate_insn)(TcgUnit *u);
    /* The unit ends at u->pc for a reason of the runtime's: emit what must be
     * done before, and the exit too if it cannot be a plain one; it goes out
     * to the loop when @to_loop. NULL: nothing. */
    void (*unit_end)(TcgUnit *u, bool to_loop);
    /* TCG_EXIT_TRAP with @code (tcg_trap, tcg_side_trap): record the fault;
     * env is at the start of the instruction. NULL: emits none. */
    void (*trap)(CPUState *cpu, uint32_t code);

    /*
     * tlb_fill: translate @va for @access of @size bytes (of this page) with
     * mmu index @mmu. False: fault recorded in env (cause, value), to be
     * delivered by deliver(). With @probe nothing is recorded. Own thread,
     * no lock. Guest page tables are read through cpu->memory.
     */
    bool (*tlb_fill)(CPUState *cpu, vaddr va, unsigned size, MmuAccess access,
                     unsigned mmu, bool probe, TcgPage *page);
    /* A physical access failed (bus error): record the fault. */
    void (*bus_fault)(CPUState *cpu, vaddr va, MmuAccess access, unsigned mmu,
                      MemResult why);
    /* A misaligned access that must be aligned: record the fault. */
    void (*align_fault)(CPUState *cpu, vaddr va, MmuAccess access,
                        unsigned mmu);
    /* Take the recorded exception: change pc, mode, CSRs. Own thread. */
    void (*deliver)(CPUState *cpu);
    /* Take the highest pending enabled interrupt, if any. Own thread. */
    bool (*take_interrupt)(CPUState *cpu);
    /* Is there one that take_interrupt would take? Own thread, cheap. */
    bool (*interrupt_ready)(CPUState *cpu);
    /* The reservation (LL/SC) and the like die here: context switches of the
     * engine that the guest could see. May be NULL. */
    void (*clear_reservation)(CPUState *cpu);
    /* 8-byte words of env, by offset, that any thread may write (interrupt
     * lines): check=N neither compares them nor puts them back. Ended by 0;
     * NULL: none. */
    const uint32_t *shared_env;
    /* FP flags that JIT code gathered in MXCSR (sticky bits, x86 order) are
     * folded into env; and MXCSR for JIT code from env (rounding). NULL: the
     * target does not use host FP. */
    void (*fp_fold)(CPUState *cpu, uint32_t mxcsr);
    uint32_t (*fp_mxcsr)(CPUState *cpu);
    /* A debugger's watchpoint stops before its insn, as gdb expects of this
     * architecture (it steps over the insn itself); else behind it. */
    bool watch_before;
};

/*
 * Services of accel/tcg for target helpers; own thread. @ra is the host
 * return address of the outermost helper, from tcg_ra() at its top (TCG.md
 * pitfall 4): state is restored to the start of the guest instruction.
 */
#define tcg_ra()                                                               \
    ((uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0)))

/* The exception recorded in env is raised; does not return. Holds no lock. */
void tcg_raise(CPUState *cpu, uintptr_t ra) G_GNUC_NORETURN;
/* The instruction is made again once the loop has served its requests; does
 * not return. */
void tcg_retry(CPUState *cpu, uintptr_t ra) G_GNUC_NORETURN;
/* Restore env to the start of the instruction at @ra, without leaving. */
void tcg_restore_state(CPUState *cpu, uintptr_t ra);
/* ctx_flags or asid may have changed; the unit ends by an indirect exit. */
void tcg_ctx_changed(CPUState *cpu);
/* Flush own TLBs: all entries of the indexes in @mmu_mask. */
void tcg_flush_all(CPUState *cpu, uint32_t mmu_mask);
/* One page, 4 KiB or the large page around it; @global: global entries too;
 * @asid as TcgCpuOps.asid or UINT64_MAX for every address space. */
void tcg_flush_page(CPUState *cpu, vaddr va, uint64_t asid, bool global,
                    uint32_t mmu_mask);
void tcg_flush_asid(CPUState *cpu, uint64_t asid, bool global,
                    uint32_t mmu_mask);
/* Interrupt state changed in own thread: look at it before the next unit. */
void tcg_check_interrupts(CPUState *cpu);
/* Enter halted state after this instruction (WFI): leave the unit. */
void tcg_halt(CPUState *cpu);
/* End the running slice: yield to other vCPUs and the host (pause, wrs). */
void tcg_yield(CPUState *cpu);

/* Guest accesses by helpers, with all checks, faults and watchpoints of a
 * load or store; @oi is a MemOp with the mmu index (include/tcg/ir.h). */
uint64_t tcg_helper_ld(CPUState *cpu, vaddr va, uint32_t oi, uintptr_t ra);
void tcg_helper_st(CPUState *cpu, vaddr va, uint64_t value, uint32_t oi,
                   uintptr_t ra);
/* Store zeros at [va, va + len), aligned to @len, a power of two from 8 on,
 * when the soft TLB lets that pass at once; else false, and nothing happened.
 */
bool tcg_helper_zero(CPUState *cpu, vaddr va, unsigned len, uint32_t oi);
/* Host pointer to [va, va + len) in one page for direct access, after all
 * checks for @access; NULL when it is not plain RAM. Faults raise. A store
 * through it must be followed by tcg_page_written. */
void *tcg_probe(CPUState *cpu, vaddr va, unsigned len, MmuAccess access,
                unsigned mmu, uintptr_t ra);
/* After stores through a tcg_probe pointer: dirty bits, code that was there. */
void tcg_page_written(CPUState *cpu, void *host, unsigned len);
/* Load @size 4 or 8 from physical memory, aligned, for page walkers; false:
 * nothing is there. On the vCPU's thread the way to RAM is remembered; on
 * others a debugger asks, and no device is read. */
bool tcg_ld_phys(CPUState *cpu, hwaddr pa, unsigned size, uint64_t *value);
/* Atomic compare and swap of @size 4 or 8 on guest RAM by physical
 * address, for page walkers (A/D bits): false when memory differed or is no
 * RAM (*ok false). */
bool tcg_cas_phys(CPUState *cpu, hwaddr pa, unsigned size, uint64_t expected,
                  uint64_t desired, bool *ok);

/* Instructions completed by this vCPU so far, exact in the middle of a unit:
 * under icount all, else those that ran with TCG_CTX_COUNT in the context. */
uint64_t tcg_insn_count(CPUState *cpu);
/* Does it count all, whatever the context says? */
bool tcg_counts_always(CPUState *cpu);

/* From env, as helpers get it. */
CPUState *tcg_env_cpu(void *env);

#endif
