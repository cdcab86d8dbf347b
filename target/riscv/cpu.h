/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RISC-V hart: architectural state, configuration and the words that
 * decoder, translator and system part share.
 *
 * Spec: RISC-V Unprivileged ISA 20240411, Privileged ISA 20240411 ("Priv"),
 *       Debug 1.0 ("Debug"). Names of registers and fields are the manuals'.
 *
 * RV32 and RV64 are one build: env->xlen says which. On RV32
 *  - a gpr is kept sign-extended from 32 bits,
 *  - pc and every CSR value in env is kept zero-extended,
 *  - 64-bit CSRs with a high half (mstatus, mcycle, ...) are whole here.
 */
#ifndef TARGET_RISCV_CPU_H
#define TARGET_RISCV_CPU_H

#include "tandem/base.h"

typedef struct RiscvCpu RiscvCpu;
typedef struct RiscvEnv RiscvEnv;
typedef struct VecCtx VecCtx;
/* vector.h: a row of kernels, by log2 of bytes of SEW */
typedef void RiscvVecKernel(void *d, const void *a, const void *b, size_t n,
                            VecCtx *c);
typedef RiscvVecKernel *const RiscvVecTable[4];

/* Privilege modes (Priv 1.2); the encoding of mstatus.MPP. */
enum { PRV_U = 0, PRV_S = 1, PRV_M = 3 };

/*
 * Extensions. One bit each in RiscvConfig.ext; names, dependencies and what
 * the guest sees of them are rows of features.c, in this order.
 */
typedef enum RiscvExt {
    /* single letters: misa bits */
    RISCV_EXT_I,
    RISCV_EXT_E,
    RISCV_EXT_M,
    RISCV_EXT_A,
    RISCV_EXT_F,
    RISCV_EXT_D,
    RISCV_EXT_C,
    RISCV_EXT_B, /* = Zba + Zbb + Zbs */
    RISCV_EXT_V,
    RISCV_EXT_H, /* not available yet */
    RISCV_EXT_S,
    RISCV_EXT_U,
    /* unprivileged, in the order of the ISA string (Unpriv 30.11) */
    RISCV_EXT_ZIC64B,
    RISCV_EXT_ZICBOM,
    RISCV_EXT_ZICBOP,
    RISCV_EXT_ZICBOZ,
    RISCV_EXT_ZICCAMOA,
    RISCV_EXT_ZICCIF,
    RISCV_EXT_ZICCLSM,
    RISCV_EXT_ZICCRSE,
    RISCV_EXT_ZICNTR,
    RISCV_EXT_ZICOND,
    RISCV_EXT_ZICSR,
    RISCV_EXT_ZIFENCEI,
    RISCV_EXT_ZIHINTNTL,
    RISCV_EXT_ZIHINTPAUSE,
    RISCV_EXT_ZIHPM,
    RISCV_EXT_ZMMUL,
    RISCV_EXT_ZA64RS,
    RISCV_EXT_ZAAMO,
    RISCV_EXT_ZACAS,
    RISCV_EXT_ZALRSC,
    RISCV_EXT_ZAWRS,
    RISCV_EXT_ZFH,
    RISCV_EXT_ZFHMIN,
    RISCV_EXT_ZCA,
    RISCV_EXT_ZCB,
    RISCV_EXT_ZCD,
    RISCV_EXT_ZCF,
    RISCV_EXT_ZBA,
    RISCV_EXT_ZBB,
    RISCV_EXT_ZBC,
    RISCV_EXT_ZBS,
    RISCV_EXT_ZKT,
    RISCV_EXT_ZVE32F,
    RISCV_EXT_ZVE32X,
    RISCV_EXT_ZVE64D,
    RISCV_EXT_ZVE64F,
    RISCV_EXT_ZVE64X,
    RISCV_EXT_ZVFH,
    RISCV_EXT_ZVFHMIN,
    /* supervisor and machine */
    RISCV_EXT_SDTRIG,
    RISCV_EXT_SMSTATEEN,
    RISCV_EXT_SSCCPTR,
    RISCV_EXT_SSCOUNTERENW,
    RISCV_EXT_SSTC,
    RISCV_EXT_SSTVALA,
    RISCV_EXT_SSTVECD,
    RISCV_EXT_SSU64XL,
    RISCV_EXT_SVADE,
    RISCV_EXT_SVADU,
    RISCV_EXT_SVBARE,
    RISCV_EXT_SVINVAL,
    RISCV_EXT_SVNAPOT,
    RISCV_EXT_SVPBMT,
    RISCV_EXT_SVVPTC,
    RISCV_EXT_COUNT,
} RiscvExt;

enum {
    RISCV_EXT_WORDS = (RISCV_EXT_COUNT + 63) / 64,
    RISCV_MAX_PMP = 64,    /* Priv 3.7 */
    RISCV_HPM_FIRST = 3,   /* mhpmcounter3..31 */
    RISCV_COUNTERS = 32,   /* cycle, time, instret, hpm 3..31 */
    RISCV_MAX_TRIGGER = 4, /* Debug 5 */
    RISCV_MAX_VLENB = 128, /* VLEN 1024 */
};

/* What a hart is. Set from model and properties before realize, constant
 * after: translated code depends on it. */
typedef struct RiscvConfig {
    uint64_t ext[RISCV_EXT_WORDS];
    uint8_t xlen;          /* 32 or 64: MXLEN = SXLEN = UXLEN */
    uint8_t pmp_count;     /* implemented entries: 0, 16 or 64 */
    uint8_t trigger_count; /* implemented triggers, 0 without Sdtrig */
    uint8_t pa_bits;       /* width of a physical address: 34 or 56 */
    uint32_t satp_modes;   /* bit n: satp.MODE n is supported */
    uint32_t hpm_mask;     /* bit n: mhpmcounter n exists (n >= 3) */
    uint16_t vlenb;        /* bytes of a vector register, 0 without any */
    uint8_t elen;          /* bits of the widest vector element */
    uint16_t cbom_block;   /* bytes, a power of two */
    uint16_t cbop_block;
    uint16_t cboz_block;
    bool soft_fp;    /* FP by helpers alone: the oracle for host FP */
    bool misaligned; /* plain misaligned accesses are carried out */
    uint64_t mvendorid, marchid, mimpid;
    uint64_t reset_pc;
} RiscvConfig;

static inline bool riscv_has(const RiscvConfig *cfg, RiscvExt ext)
{
    return (cfg->ext[ext / 64] >> (ext % 64)) & 1;
}

/*
 * What the architecture asks of its surroundings: the engine, the board, or
 * a unit test. Called on the vCPU's thread, or while it is quiet.
 */
typedef struct RiscvHooks {
    /* free-running sources of the counters */
    uint64_t (*cycles)(RiscvEnv *env);
    uint64_t (*instructions)(RiscvEnv *env);
    /* `instructions` is exact from now on without env->count_insns */
    bool (*counts_always)(RiscvEnv *env);
    /* the platform's mtime; false: there is none, so `time` is illegal */
    bool (*mtime)(RiscvEnv *env, uint64_t *value);
    /* stimecmp or STCE changed: arm the timer that looks again */
    void (*stimer_changed)(RiscvEnv *env);
    /* enabled or pending bits changed: look at interrupts soon */
    void (*irq_changed)(RiscvEnv *env);
    /* riscv_ctx_flags() may give another value now */
    void (*ctx_changed)(RiscvEnv *env);
    /* all data and fetch translations of the modes in @mmu_mask are stale */
    void (*flush_modes)(RiscvEnv *env, unsigned mmu_mask);
    /* satp was written: another address space for U and S */
    void (*space_changed)(RiscvEnv *env);
    /* tdata1 or tdata2 of a trigger changed */
    void (*triggers_changed)(RiscvEnv *env);
    /* flags that generated code holds elsewhere, moved to env->fflags */
    void (*fflags_sync)(RiscvEnv *env);
    /* env->frm has another value: generated code's rounding */
    void (*frm_changed)(RiscvEnv *env);
    /* a page table entry of @size 4 or 8 bytes; false: bus error */
    bool (*pte_load)(RiscvEnv *env, hwaddr pa, unsigned size, uint64_t *pte);
    /* write @desired where @expected still is; *done tells. Marks the page
     * dirty. False: bus error or not RAM */
    bool (*pte_cas)(RiscvEnv *env, hwaddr pa, unsigned size, uint64_t expected,
                    uint64_t desired, bool *done);
} RiscvHooks;

/* What a mhpmcounter counts: the only values of mhpmevent (WARL). */
enum {
    RISCV_EVENT_NONE = 0,
    RISCV_EVENT_CYCLES = 1,
    RISCV_EVENT_INSTRUCTIONS = 2,
};

/*
 * The env of one hart. Lies directly above the engine's hot fields, so
 * generated code reaches both from one base register. Written by the vCPU's
 * own thread while it runs and by anyone while it is quiet (TCG.md 3.17).
 */
struct RiscvEnv {
    /* slots: values that generated code tracks (riscv_slots[]) */
    uint64_t gpr[32]; /* gpr[0] stays 0 and is no slot */
    uint64_t fpr[32]; /* narrower values are NaN-boxed (Unpriv 21.2) */
    uint64_t pc;

    /* reached by generated code, no slots */
    uint64_t resv_addr;  /* LR's address, RESV_NONE without a reservation */
    uint64_t resv_value; /* what LR read, zero-extended from its size */
    uint32_t resv_size;  /* 4 or 8 */
    uint8_t fflags;      /* joined with the engine's own flags on a read */
    uint8_t frm;         /* 3 bits, reserved values are kept (Unpriv 21.2) */
    uint8_t priv;        /* PRV_U, PRV_S, PRV_M */
    uint8_t virt;        /* V of the H extension; 0 until there is one */
    uint8_t xlen;        /* 32 or 64; copy of cfg->xlen */

    /* the vector unit (Unpriv 31.3) */
    uint32_t vl;     /* apart from vstart: stored alone, so loaded alone */
    uint8_t vxrm;    /* 2 bits */
    uint8_t vxsat;   /* 1 bit */
    uint32_t vstart; /* below VLEN; element of the next vector instruction */
    uint32_t vtype;  /* low 8 bits as the CSR, or VTYPE_VILL alone */
    uint16_t saved_vlenb; /* in saved state only */

    /* machine and supervisor CSRs (Priv 3, 4, 10) */
    /* misa is fixed by cfg (WARL, Priv 3.1.1): no bit can be turned off */
    uint64_t mstatus; /* mstatush on top for RV32; SD is made on reading */
    uint64_t medeleg, mideleg;
    uint64_t mie;
    /* writable bits of mip: SSIP, STIP without STCE, SEIP's own; other
     * threads set SSIP (irq_input) */
    _Atomic uint64_t mip_sw;
    _Atomic uint64_t irq_lines; /* mip bits driven from outside, any thread */
    uint64_t mtvec, mscratch, mepc, mcause, mtval;
    uint64_t stvec, sscratch, sepc, scause, stval;
    uint64_t satp;
    uint64_t menvcfg, senvcfg;
    uint64_t mstateen[4], sstateen[4];
    /* The timer that looks at stimecmp is armed and has not fired: STIP need
     * not be computed from the clock. Written by the hart and the timer. */
    _Atomic uint64_t stimer_idle;
    uint64_t stimecmp;
    uint32_t mcounteren, scounteren, mcountinhibit;

    /* counters: value = base + source, or base alone while inhibited */
    uint64_t counter_base[RISCV_COUNTERS];
    uint64_t counter_value[RISCV_COUNTERS]; /* in saved state only */
    uint64_t mhpmevent[RISCV_COUNTERS];     /* RISCV_EVENT_x */
    /* A counter of instructions was used: they are counted, each one. Before,
     * virtual time stands for their number. */
    bool count_insns;

    /* PMP; the bounds are derived by pmp_update() */
    uint8_t pmpcfg[RISCV_MAX_PMP];
    uint64_t pmpaddr[RISCV_MAX_PMP];
    hwaddr pmp_first[RISCV_MAX_PMP]; /* first and last byte of the region; */
    hwaddr pmp_last[RISCV_MAX_PMP];  /* first > last when it is off */

    /* triggers (Debug 5) */
    uint32_t tselect;
    uint64_t tdata1[RISCV_MAX_TRIGGER];
    uint64_t tdata2[RISCV_MAX_TRIGGER];
    uint64_t tdata3[RISCV_MAX_TRIGGER];

    /* exception being raised: set by riscv_record(), read by delivery */
    uint32_t exc_cause; /* EXC_x */
    uint64_t exc_tval;

    /* v0 to v31, each cfg->vlenb bytes, one behind the other, so that a group
     * of registers is one array of elements; element 0 is the lowest */
    alignas(64) uint8_t vreg[32 * RISCV_MAX_VLENB];

    /* wiring: set at realize, kept over reset, never saved */
    const RiscvVecTable *vec; /* vec_kernels_host() */
    const RiscvConfig *cfg;
    const RiscvHooks *hooks;
    RiscvCpu *cpu;
    uint64_t mhartid;
};

#define RESV_NONE UINT64_MAX

#define VTYPE_VILL (UINT32_C(1) << 31)

/*
 * Slots of the translator, in the order of riscv_slots[] (slots.c): x1..x31
 * at 1..31 (0 is unused), f0..f31 from RISCV_SLOT_F0, then pc.
 */
enum {
    RISCV_SLOT_X0 = 0,
    RISCV_SLOT_F0 = 32,
    RISCV_SLOT_PC = 64,
    RISCV_SLOT_COUNT = 65,
};

/* Soft TLB indexes (TCG.md 3.12); MPRV picks one of them for data only. */
enum {
    RISCV_MMU_U = 0,
    RISCV_MMU_S = 1,
    RISCV_MMU_S_SUM = 2,
    RISCV_MMU_M = 3,
    RISCV_MMU_COUNT = 4, /* 4..6 are kept for VU, VS, VS+SUM */
    /* masks for flushes */
    RISCV_MMU_TRANSLATED =
        1 << RISCV_MMU_U | 1 << RISCV_MMU_S | 1 << RISCV_MMU_S_SUM,
    RISCV_MMU_ALL = RISCV_MMU_TRANSLATED | 1 << RISCV_MMU_M,
};

/*
 * Context flags: what translation depends on besides RiscvConfig. Made by
 * riscv_ctx_flags(); the translator takes them apart with bits_get().
 * The engine adds its own bits (single step, icount, breakpoint id) apart.
 */
enum {
    CTX_PRIV_SHIFT = 0,     /* 2 bits: PRV_x */
    CTX_VIRT_SHIFT = 2,     /* 1 bit */
    CTX_MMU_SHIFT = 3,      /* 3 bits: index of data accesses */
    CTX_FRM_SHIFT = 6,      /* 3 bits: frm as it is, 5..7 reserved values */
    CTX_FS_SHIFT = 9,       /* 2 bits: CTX_FS_x */
    CTX_VS_SHIFT = 11,      /* 2 bits: same, for the vector unit */
    CTX_CBZE_SHIFT = 13,    /* 1 bit: cbo.zero allowed */
    CTX_CBCFE_SHIFT = 14,   /* 1 bit: cbo.clean, cbo.flush allowed */
    CTX_CBIE_SHIFT = 15,    /* 2 bits: CTX_CBIE_x for cbo.inval */
    CTX_TRIGGER_SHIFT = 17, /* 1 bit: there is an execute trigger */
    CTX_VSEW_SHIFT = 18,    /* 2 bits: vtype.vsew */
    CTX_VLMUL_SHIFT = 20,   /* 3 bits: vtype.vlmul */
    CTX_VILL_SHIFT = 23,    /* 1 bit: vtype is illegal */
    CTX_VSTART_SHIFT = 24,  /* 1 bit: vstart is not 0 */
};
/* FS and VS classes: Initial and Clean need the same code. */
enum { CTX_FS_OFF = 0, CTX_FS_CLEAN = 1, CTX_FS_DIRTY = 2 };
enum { CTX_CBIE_ILLEGAL = 0, CTX_CBIE_FLUSH = 1, CTX_CBIE_INVAL = 2 };

/* Exception codes: mcause without the interrupt bit (Priv table 14). */
enum {
    EXC_INSN_MISALIGNED = 0,
    EXC_INSN_ACCESS = 1,
    EXC_ILLEGAL_INSN = 2,
    EXC_BREAKPOINT = 3,
    EXC_LOAD_MISALIGNED = 4,
    EXC_LOAD_ACCESS = 5,
    EXC_STORE_MISALIGNED = 6,
    EXC_STORE_ACCESS = 7,
    EXC_ECALL_U = 8,
    EXC_ECALL_S = 9,
    EXC_ECALL_M = 11,
    EXC_INSN_PAGE = 12,
    EXC_LOAD_PAGE = 13,
    EXC_STORE_PAGE = 15,
};

/* Interrupt numbers: bits of mip and mie (Priv 3.1.9). */
enum {
    IRQ_SSI = 1,
    IRQ_MSI = 3,
    IRQ_STI = 5,
    IRQ_MTI = 7,
    IRQ_SEI = 9,
    IRQ_MEI = 11,
};

#endif
