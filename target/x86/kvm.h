/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files kvm*.c of this folder share. */
#ifndef TARGET_X86_KVM_H
#define TARGET_X86_KVM_H

#include "accel/kvm.h"
#include "target/x86/cpu.h"

struct kvm_guest_debug;

enum { PIC_BYTES = 16 };

/* The VM's part. */
typedef struct X86KvmVm {
    KvmVm *vm;
    /* constant after vm_init */
    GArray *msrs;         /* uint32_t: indices that this kernel saves */
    X86Leaf *leaves, *hv; /* what the kernel has; Hyper-V's */
    unsigned n_leaves, n_hv;
    uint32_t tsc_khz;   /* the host's; 0: not known */
    uint64_t arch_caps; /* IA32_ARCH_CAPABILITIES that it can show */
    size_t xsave_size, nested_size;
    bool sregs2;
    /* machine lock */
    GPtrArray *ioapics; /* DeviceState * */
    DeviceState *apic;  /* local APICs outside of the kernel; NULL: there */
    DeviceState *pic;   /* 8259s outside of the kernel; NULL: none */
    _Atomic bool intr;  /* its INT output; any thread reads */
    Notifier on_state;
    uint64_t clock_ns; /* kvmclock, while the VM stands */
    bool clock_known;
} X86KvmVm;

/* A vCPU's part. */
typedef struct X86Kvm {
    /* with local APICs outside of the kernel: what they told; any thread */
    _Atomic bool intr, nmi, init;
    _Atomic int sipi;     /* vector; -1: none */
    _Atomic bool if_flag; /* of a CPU in HLT: it takes interrupts */
    bool changed; /* registers were set since the last run; the owner of env */
    bool nested_known; /* the kernel has env's nested state; during a push */
    uint64_t tsc_khz;  /* what the kernel has been told */
    /* MSR values as the kernel has them; the owner of env */
    uint64_t shadow_at; /* kvm_vcpu_runs(), at that time, plus 1 */
    uint32_t n_shadow;
    X86Msr shadow[X86_MAX_MSRS];
    uint8_t lapic_shadow[X86_LAPIC_BYTES];
    /* of a vCPU that has never run; constant */
    uint32_t n_fresh;
    X86Msr fresh[X86_MAX_MSRS];
    uint8_t fresh_lapic[X86_LAPIC_BYTES];
    uint32_t fresh_mp_state;
    uint64_t fresh_apic_base;
} X86Kvm;

X86KvmVm *x86_kvm_vm(CPUState *cpu);
static inline X86Kvm *x86_kvm(CPUState *cpu)
{
    return x86_cpu(cpu)->kvm;
}
/* Has the guest not run since the shadow was taken? */
static inline bool x86_kvm_shadow_valid(CPUState *cpu)
{
    return x86_kvm(cpu)->shadow_at == kvm_vcpu_runs(cpu) + 1;
}
static inline void x86_kvm_shadow_taken(CPUState *cpu)
{
    x86_kvm(cpu)->shadow_at = kvm_vcpu_runs(cpu) + 1;
}

/* Let @cpu's time-stamp counter go at env->tsc_khz. False: this host cannot. */
bool x86_kvm_set_tsc_khz(CPUState *cpu);

/* kvm_regs.c */
bool x86_kvm_pull(CPUState *cpu, uint32_t groups, Error **errp);
bool x86_kvm_push(CPUState *cpu, uint32_t groups, Error **errp);
/* What is injected or pending is not to come, and NMIs are not held back. */
void x86_kvm_drop_events(CPUState *cpu);

/* kvm_intc.c */
bool x86_kvm_make_irqchip(KvmVm *vm, Error **errp);
bool x86_kvm_attach_intc(KvmVm *vm, const char *kind, DeviceState *dev,
                         const void **ops);
void x86_kvm_pre_run(CPUState *cpu, struct kvm_run *run);
void x86_kvm_post_run(CPUState *cpu, struct kvm_run *run);
KvmNext x86_kvm_halt(CPUState *cpu, struct kvm_run *run);
/* Is the local APIC outside of the kernel? */
bool x86_kvm_no_irqchip(CPUState *cpu);
/* For such a CPU: give it its part of the APIC, the state it has after a
 * reset, and what waits for it from and to env. */
void x86_kvm_apic_connect(CPUState *cpu);
void x86_kvm_apic_disconnect(CPUState *cpu);
void x86_kvm_apic_reset(X86Cpu *cpu);
void x86_kvm_apic_pull(CPUState *cpu);
void x86_kvm_apic_push(CPUState *cpu, uint32_t groups);

/* kvm_msr.c */
bool x86_kvm_list_msrs(X86KvmVm *x, Error **errp);
bool x86_kvm_pull_msrs(CPUState *cpu, Error **errp);
bool x86_kvm_push_msrs(CPUState *cpu, Error **errp);
void x86_kvm_setup_mce(CPUState *cpu);
/* x->arch_caps of this host; and what @cpu is to show of them. */
void x86_kvm_read_arch_caps(X86KvmVm *x);
void x86_kvm_set_arch_caps(CPUState *cpu);

void x86_kvm_press_nmi(X86Cpu *c); /* X86Cpu.engine_nmi */
bool x86_kvm_lapic(X86Cpu *c, uint8_t page[X86_LAPIC_BYTES]); /* engine_lapic */

/* --- kvm_debug.c: KvmCpuOps.debug_x --- */
bool x86_kvm_debug_can(const KvmPoint *p);
void x86_kvm_debug_points(const KvmPoint *points, unsigned n,
                          struct kvm_guest_debug *dbg);
void x86_kvm_debug_exit(CPUState *cpu, struct kvm_run *run, KvmDebugExit *e);
uint32_t x86_kvm_debug_pass(CPUState *cpu, const KvmDebugExit *e);
void x86_kvm_debug_again(CPUState *cpu);

#endif
