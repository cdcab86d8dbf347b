/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An x86-64 CPU: its architectural state and its object.
 *
 * Spec: Intel 64 and IA-32 Architectures SDM, volumes 1 to 3; AMD64 APM.
 */
#ifndef TARGET_X86_CPU_H
#define TARGET_X86_CPU_H

#include "softmmu/machine/cpu.h"
#include "target/x86/features.h"

enum { R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI }; /* then R8 to R15 */
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDT, SEG_TR, SEGS };

/* Attributes as bits 8 to 23 of a descriptor's high word (SDM 3A 3.4.5). */
enum {
    ATTR_TYPE = 0xf,
    ATTR_S = 1u << 4,
    ATTR_DPL_SHIFT = 5,
    ATTR_P = 1u << 7,
    ATTR_AVL = 1u << 12,
    ATTR_L = 1u << 13,
    ATTR_DB = 1u << 14,
    ATTR_G = 1u << 15,
};

typedef struct X86Seg {
    uint64_t base;
    uint32_t limit; /* in bytes, as the hidden part holds it */
    uint16_t selector, attr;
} X86Seg;

typedef struct X86Table {
    uint64_t base;
    uint16_t limit;
} X86Table;

#define CR0_PE   BIT(0)
#define CR0_ET   BIT(4)
#define CR0_NW   BIT(29)
#define CR0_CD   BIT(30)
#define CR0_PG   BIT(31)
#define CR4_PSE  BIT(4)
#define CR4_PAE  BIT(5)
#define CR4_LA57 BIT(12)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)

enum {
    X86_MAX_MSRS = 512,
    X86_XSAVE_MIN = 4096,
    X86_XSAVE_MAX = 16384,
    X86_NESTED_MAX = 20480,
    X86_LAPIC_BYTES = 1024,
};

typedef struct X86Msr {
    uint32_t index;
    uint64_t value;
} X86Msr;

/* Events in flight, and what holds them back (SDM 3A 6.7, 6.8). */
typedef struct X86Events {
    uint8_t exception_injected, exception_nr, exception_has_error,
        exception_pending, exception_has_payload;
    uint32_t exception_error;
    uint64_t exception_payload;
    uint8_t interrupt_injected, interrupt_nr, interrupt_soft, interrupt_shadow;
    uint8_t nmi_injected, nmi_pending, nmi_masked;
    uint8_t smm, smi_pending, smm_inside_nmi, latched_init;
    uint8_t triple_fault;
    uint32_t sipi_vector;
} X86Events;

typedef struct X86Env {
    /* REGS_GENERAL */
    uint64_t gpr[16];
    uint64_t rip, rflags;
    X86Seg seg[SEGS];
    X86Table gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, apic_base;
    uint64_t pdptr[4];
    bool pdptrs_valid;
    uint64_t irq_bitmap[4];
    /* REGS_FP: the XSAVE area in its standard form (SDM 1 13.4) */
    uint64_t xcr0;
    uint32_t xsave_size;
    uint8_t *xsave; /* [X86_XSAVE_MAX] */
    /* REGS_SYSTEM */
    uint64_t dr[4], dr6, dr7;
    uint32_t n_msrs;
    X86Msr *msrs;                   /* [X86_MAX_MSRS] */
    uint8_t lapic[X86_LAPIC_BYTES]; /* the local APIC's page; all 0: the
                                       engine has none */
    /* REGS_EVENTS */
    X86Events events;
    uint32_t mp_state; /* of KVM_GET_MP_STATE */
    uint32_t nested_size;
    uint8_t *nested;   /* [X86_NESTED_MAX] */
    uint64_t clock_ns; /* the VM's kvmclock; of CPU 0 alone */
    uint64_t tsc_khz;
} X86Env;

typedef struct X86Leaf {
    uint32_t leaf, subleaf;
    bool has_subleaf;
    uint32_t reg[4]; /* by X86Reg */
} X86Leaf;

/* A model's type. */
typedef struct X86CpuType {
    struct CpuType;
    const X86Model *x86;
} X86CpuType;

typedef struct X86Cpu {
    CPUState parent;
    /* properties: set before realize, constant after */
    uint32_t plus[X86_WORDS], minus[X86_WORDS]; /* features asked for */
    bool parsed;                                /* scratch of the parser */
    bool check, enforce;
    bool pv;                         /* the engine's paravirtual features */
    int32_t family, model, stepping; /* -1: the model's */
    uint32_t level, xlevel;          /* 0: the model's */
    uint32_t min_level, min_xlevel;  /* of those */
    char *vendor, *text;
    uint32_t phys_bits;  /* 0: the host's */
    uint32_t phys_limit; /* of the host's; 0: none */
    bool host_phys_bits; /* whatever phys_bits says */
    bool migratable;     /* of host and max: leave out what cannot move */
    bool pmu, l3_cache;
    bool pv_enforce;       /* refuse MSRs of features that are not shown */
    uint64_t tsc_hz;       /* 0: the host's */
    uint32_t hv;           /* bits of x86_hv */
    uint32_t hv_spinlocks; /* UINT32_MAX: never */
    bool hv_passthrough, hv_enforce;
    int hv_no_sharing; /* ON_OFF_AUTO_x */
    char *hv_vendor;
    uint32_t hv_build, hv_service_pack, hv_service;
    uint16_t hv_major, hv_minor;
    uint8_t hv_branch;
    /* constant after realize */
    bool settled;                 /* the next three hold */
    uint32_t wanted[X86_WORDS];   /* by model, engine and user */
    uint32_t words[X86_WORDS];    /* what the guest sees */
    uint32_t filtered[X86_WORDS]; /* wanted, and the engine has it not */
    X86Leaf *leaves;
    unsigned n_leaves;
    void *kvm; /* target/x86/kvm.c's */
    /* The engine's own idea of a fresh CPU, over that of the manual. */
    void (*engine_reset)(struct X86Cpu *cpu);
    /* Would it leave HLT, or its wait for a SIPI? Reads atomics; NULL: the
     * engine sleeps by itself. */
    bool (*engine_has_work)(struct X86Cpu *cpu);
    /* Its LINT1 is pulsed. Machine lock. */
    void (*engine_nmi)(struct X86Cpu *cpu);
    /* The registers of its local APIC, at their offsets in @page. Machine lock,
     * parked. False: it has none. */
    bool (*engine_lapic)(struct X86Cpu *cpu, uint8_t page[X86_LAPIC_BYTES]);
    /* saved: compared at load */
    uint32_t saved_words[X86_WORDS];
} X86Cpu;

static inline X86Env *x86_env(const CPUState *cpu)
{
    return cpu->env;
}

static inline X86Cpu *x86_cpu(CPUState *cpu)
{
    return (X86Cpu *)cpu; /* env and ops reach no other type */
}

/* What INIT does to the registers but for the FPU's and MSRs (SDM 3A table
 * 9-1), and then a SIPI's @vector. */
void x86_cpu_init_registers(X86Cpu *cpu);
void x86_cpu_start_at(X86Cpu *cpu, uint8_t vector);

extern const CpuType x86_cpu_type; /* "x86_64-cpu", abstract */
extern const VmState x86_cpu_vmstate;
extern const KvmCpuOps x86_kvm_ops;
extern const GdbFeature x86_gdb_features[];

const X86Model *x86_model(const X86Cpu *cpu);
unsigned x86_gdb_read(CPUState *cpu, const GdbFeature *f, unsigned n,
                      GByteArray *out);
unsigned x86_gdb_write(CPUState *cpu, const GdbFeature *f, unsigned n,
                       const uint8_t *bytes, unsigned avail);
/* Walk the guest's page tables; no side effect. */
bool x86_debug_translate(CPUState *cpu, vaddr va, hwaddr *pa, MemAttrs *attrs);
bool x86_each_mapping(CPUState *cpu, bool pages, CpuMappingFn *fn,
                      void *opaque);

/* --- lapic.c --- */

/* The local APIC of the first bytes of @page and IA32_APIC_BASE, as text. */
void x86_lapic_text(GString *out, const uint8_t page[X86_LAPIC_BYTES],
                    uint64_t base);
bool x86_local_intc(CPUState *cpu, GString *out); /* CpuType.local_intc */

/* --- cpuid.c --- */

/* What an engine can give: leaves as KVM_GET_SUPPORTED_CPUID reports them,
 * and Hyper-V's as KVM_GET_SUPPORTED_HV_CPUID does. */
typedef struct X86Host {
    const X86Leaf *leaves, *hv;
    unsigned n, n_hv;
    uint32_t tsc_khz;
    uint64_t arch_caps; /* IA32_ARCH_CAPABILITIES */
    const char *engine; /* "kvm" */
} X86Host;
/* What @m's engine kvm can give; false: it is another (kvm.c). */
bool x86_kvm_host(Machine *m, X86Host *host);
uint32_t x86_host_word(const X86Host *host, X86Word word);
/* cpu->words and cpu->filtered from model, properties and @host. */
void x86_settle_words(X86Cpu *cpu, const X86Host *host);
X86Leaf *x86_add_leaf(X86Cpu *cpu, uint32_t leaf, int subleaf, uint32_t a,
                      uint32_t b, uint32_t c, uint32_t d);
/* What a model is called, as its properties, its table or the host say. */
typedef struct X86Identity {
    uint32_t family, model, stepping, level, xlevel;
    char vendor[13], text[49];
} X86Identity;
X86Identity x86_identity(const X86Cpu *cpu, const X86Host *host);
/* Names of the features of cpu->filtered, for g_strfreev. */
char **x86_filtered_names(const X86Cpu *cpu);
/* Settle cpu->words and cpu->leaves from model, properties and @host. False:
 * enforce=on and something is missing, or a property makes no sense. */
bool x86_cpuid_build(X86Cpu *cpu, const X86Host *host, Error **errp);
void x86_cpuid_free(X86Cpu *cpu);

/* --- hyperv.c --- */

/* Enlightenments: bits of X86Cpu.hv, in the order of x86_hv. */
typedef struct X86HvBits {
    uint32_t leaf;
    X86Reg reg;
    uint32_t mask;
} X86HvBits;
typedef struct X86Hv {
    const char *name; /* "hv-relaxed" */
    X86HvBits bits[2];
    uint32_t needs; /* bits of others */
} X86Hv;
extern const X86Hv x86_hv[];
extern const size_t x86_n_hv;
bool x86_hv_shown(const X86Cpu *cpu);
bool x86_hv_has(const X86Cpu *cpu, const char *name);
/* Settle cpu->hv. False: the host lacks one, or it needs another. */
bool x86_hv_check(X86Cpu *cpu, const X86Host *host, Error **errp);
/* Their leaves; false: there are none. */
bool x86_hv_leaves(X86Cpu *cpu, const X86Host *host);

#endif
