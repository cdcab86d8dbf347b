/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 under KVM: the VM's interrupt controllers and clock, a vCPU's
 * features, exits of its own.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.20, 4.24 to 4.27,
 *       4.29 to 4.30, 4.46, 7.5 (split irqchip).
 */
#include "tandem/base.h"

#include <cpuid.h>
#include <linux/kvm.h>

#include "hw/intc/ioapic.h"
#include "softmmu/machine/machine.h"
#include "target/x86/kvm.h"

enum {
    /* pages that Intel's KVM wants for real mode: unused below the APIC */
    IDENTITY_MAP = 0xfeffc000,
    TSS_PAGES = 0xfeffd000,
    MAX_SUPPORTED = 256,
};

X86KvmVm *x86_kvm_vm(CPUState *cpu)
{
    return *kvm_target_data(kvm_vm(cpu->parent.machine));
}

/* --- the VM --- */

/* What the kernel does by the local APIC it has: x2APIC and the deadline timer
 * (bits 21 and 24 of leaf 1), and of its own (cpuid.rst): asynchronous page
 * faults, EOI, halt polling, unhalt, IPIs. */
enum { PV_FEATURES = 0x40000001 };
#define PV_BY_APIC                                                             \
    (BIT(4) | BIT(6) | BIT(7) | BIT(10) | BIT(11) | BIT(12) | BIT(13) |        \
     BIT(14) | BIT(15))

/* One of the two lists of leaves; -errno. */
static int read_leaves(X86KvmVm *x, unsigned long request, X86Leaf **leaves,
                       unsigned *n)
{
    g_autofree struct kvm_cpuid2 *c =
        g_malloc0(sizeof(*c) + MAX_SUPPORTED * sizeof(struct kvm_cpuid_entry2));
    int r;

    c->nent = MAX_SUPPORTED;
    r = kvm_system_ioctl(x->vm, request, c);
    if (r < 0) {
        return r;
    }
    *leaves = g_new0(X86Leaf, c->nent + 1);
    *n = c->nent;
    for (uint32_t i = 0; i < c->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &c->entries[i];

        (*leaves)[i] = (X86Leaf){
            .leaf = e->function,
            .subleaf = e->index,
            .has_subleaf = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
            .reg = { e->eax, e->ebx, e->ecx, e->edx },
        };
    }
    return 0;
}

/* A kernel may leave the CPU's name to who can ask the CPU. */
static void fill_name(X86Leaf *l)
{
    uint32_t *r = l->reg;

    if (!(r[0] | r[1] | r[2] | r[3]) &&
        __get_cpuid_max(0x80000000, NULL) >= l->leaf) {
        __cpuid(l->leaf, r[X86_EAX], r[X86_EBX], r[X86_ECX], r[X86_EDX]);
    }
}

/* Fast string insns: how fast they are is the CPU's matter, not the kernel's
 * (SDM 2A, leaf 07H: ERMS, FSRM). */
static void add_fast_strings(X86Leaf *l)
{
    uint32_t a, b, c, d;

    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        l->reg[X86_EBX] |= b & (uint32_t)BIT(9);
        l->reg[X86_EDX] |= d & (uint32_t)BIT(4);
    }
}

static bool read_supported(X86KvmVm *x, Error **errp)
{
    bool deadline = kvm_capability(x->vm, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    bool off = kvm_irqchip(x->vm) == KVM_IRQCHIP_MODE_OFF;
    int r = read_leaves(x, KVM_GET_SUPPORTED_CPUID, &x->leaves, &x->n_leaves);

    if (r < 0) {
        error_set_errno(errp, -r, "kvm does not tell what CPUs it has");
        return false;
    }
    for (unsigned i = 0; i < x->n_leaves; i++) {
        X86Leaf *l = &x->leaves[i];

        if (l->leaf == 1 && off) {
            l->reg[X86_ECX] &= ~(uint32_t)(BIT(21) | BIT(24));
        } else if (l->leaf == PV_FEATURES && off) {
            l->reg[X86_EAX] &= ~(uint32_t)PV_BY_APIC;
        } else if (l->leaf == 1 && deadline) {
            l->reg[X86_ECX] |= (uint32_t)BIT(24); /* emulated: api.rst 4.46 */
        } else if (l->leaf == 7 && l->subleaf == 0) {
            add_fast_strings(l);
        } else if (l->leaf >= 0x80000002 && l->leaf <= 0x80000004) {
            fill_name(l);
        }
    }
    x86_kvm_read_arch_caps(x);
    if (!off && kvm_capability(x->vm, KVM_CAP_SYS_HYPERV_CPUID) > 0) {
        read_leaves(x, KVM_GET_SUPPORTED_HV_CPUID, &x->hv, &x->n_hv);
    }
    return true;
}

bool x86_kvm_host(Machine *m, X86Host *host)
{
    KvmVm *vm = kvm_vm(m);
    X86KvmVm *x = vm ? *kvm_target_data(vm) : NULL;

    if (!x) {
        return false;
    }
    *host = (X86Host){ x->leaves,  x->hv,        x->n_leaves, x->n_hv,
                       x->tsc_khz, x->arch_caps, "kvm" };
    return true;
}

/* The guest's clock stands while the VM does. */
static void state_changed(Notifier *n, void *data)
{
    X86KvmVm *x = container_of(n, X86KvmVm, on_state);
    struct kvm_clock_data clock = { 0 };
    GPtrArray *cpus = kvm_machine(x->vm)->cpus;

    if (*(RunState *)data != RUN_STATE_RUNNING) {
        if (!x->clock_known &&
            kvm_vm_ioctl(x->vm, KVM_GET_CLOCK, &clock) >= 0) {
            x->clock_ns = clock.clock;
            x->clock_known = true;
        }
        return;
    }
    if (!x->clock_known) {
        return;
    }
    clock.clock = x->clock_ns;
    x->clock_known = false;
    kvm_vm_ioctl(x->vm, KVM_SET_CLOCK, &clock);
    for (guint i = 0; i < cpus->len; i++) {
        /* it was we who took the time, not a lock-up; fails when unused */
        kvm_vcpu_ioctl(g_ptr_array_index(cpus, i), KVM_KVMCLOCK_CTRL, NULL);
    }
}

static void x86_vm_free(KvmVm *vm)
{
    X86KvmVm *x = *kvm_target_data(vm);

    if (!x) {
        return;
    }
    notifier_remove(kvm_machine(vm)->on_state, &x->on_state);
    if (x->msrs) {
        g_array_unref(x->msrs);
    }
    g_ptr_array_unref(x->ioapics);
    g_free(x->leaves);
    g_free(x->hv);
    g_free(x);
    *kvm_target_data(vm) = NULL;
}

static bool x86_vm_init(KvmVm *vm, Error **errp)
{
    X86KvmVm *x = g_new0(X86KvmVm, 1);
    uint64_t identity = IDENTITY_MAP;

    x->vm = vm;
    x->ioapics = g_ptr_array_new();
    x->on_state.fn = state_changed;
    notifier_add(kvm_machine(vm)->on_state, &x->on_state);
    *kvm_target_data(vm) = x;
    kvm_vm_ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    kvm_vm_ioctl(vm, KVM_SET_TSS_ADDR, (void *)(uintptr_t)TSS_PAGES);
    kvm_enable(vm, KVM_CAP_EXCEPTION_PAYLOAD, 1);
    kvm_enable(vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);
    x->sregs2 = kvm_capability(vm, KVM_CAP_SREGS2) > 0;
    x->nested_size = (size_t)kvm_capability(vm, KVM_CAP_NESTED_STATE);
    x->xsave_size = MAX((size_t)kvm_capability(vm, KVM_CAP_XSAVE2),
                        sizeof(struct kvm_xsave));
    if (x->nested_size > X86_NESTED_MAX || x->xsave_size > X86_XSAVE_MAX) {
        error_set(errp,
                  "the host's CPU has more state than this program "
                  "knows: %zu bytes of FPU, %zu nested",
                  x->xsave_size, x->nested_size);
    } else if (x86_kvm_make_irqchip(vm, errp) && read_supported(x, errp) &&
               x86_kvm_list_msrs(x, errp)) {
        return true;
    }
    x86_vm_free(vm);
    return false;
}

/* --- a vCPU --- */

static bool set_cpuid(CPUState *cpu, Error **errp)
{
    const X86Cpu *c = x86_cpu(cpu);
    g_autofree struct kvm_cpuid2 *list = g_malloc0(
        sizeof(*list) + c->n_leaves * sizeof(struct kvm_cpuid_entry2));
    int r;

    list->nent = c->n_leaves;
    for (unsigned i = 0; i < c->n_leaves; i++) {
        const X86Leaf *l = &c->leaves[i];

        list->entries[i] = (struct kvm_cpuid_entry2){
            .function = l->leaf,
            .index = l->subleaf,
            .flags = l->has_subleaf ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = l->reg[X86_EAX],
            .ebx = l->reg[X86_EBX],
            .ecx = l->reg[X86_ECX],
            .edx = l->reg[X86_EDX],
        };
    }
    r = kvm_vcpu_ioctl(cpu, KVM_SET_CPUID2, list);
    if (r < 0) {
        error_set_errno(errp, -r, "kvm does not take the CPU's features");
    }
    return r >= 0;
}

/* What a reset brings back, where the manual leaves it to the CPU. */
static void engine_reset(X86Cpu *cpu)
{
    X86Env *env = x86_env(&cpu->parent);
    const X86Kvm *k = cpu->kvm;

    memcpy(env->msrs, k->fresh, k->n_fresh * sizeof(X86Msr));
    env->n_msrs = k->n_fresh;
    memcpy(env->lapic, k->fresh_lapic, sizeof(env->lapic));
    env->mp_state = k->fresh_mp_state;
    env->apic_base = k->fresh_apic_base;
    if (x86_kvm_no_irqchip(&cpu->parent)) {
        x86_kvm_apic_reset(cpu);
    }
}

static void keep_fresh(CPUState *cpu)
{
    enum { MSR_TSC = 0x10 };
    const X86Env *env = x86_env(cpu);
    X86Kvm *k = x86_kvm(cpu);

    k->n_fresh = env->n_msrs;
    memcpy(k->fresh, env->msrs, env->n_msrs * sizeof(X86Msr));
    for (uint32_t i = 0; i < k->n_fresh; i++) {
        if (k->fresh[i].index == MSR_TSC) {
            k->fresh[i].value = 0;
        }
    }
    memcpy(k->fresh_lapic, env->lapic, sizeof(env->lapic));
    k->fresh_mp_state = env->mp_state;
    k->fresh_apic_base = env->apic_base;
}

static void x86_vcpu_free(CPUState *cpu)
{
    if (x86_kvm_no_irqchip(cpu)) {
        x86_kvm_apic_disconnect(cpu);
    }
    g_clear_pointer(&x86_cpu(cpu)->kvm, g_free);
    x86_cpu(cpu)->engine_reset = NULL;
    x86_cpu(cpu)->engine_nmi = NULL;
    x86_cpu(cpu)->engine_lapic = NULL;
    x86_cpu(cpu)->engine_has_work = NULL;
}

bool x86_kvm_set_tsc_khz(CPUState *cpu)
{
    X86Kvm *k = x86_kvm(cpu);
    uint64_t khz = x86_env(cpu)->tsc_khz;

    if (khz == 0 || khz == k->tsc_khz) {
        return true;
    }
    if (khz > UINT32_MAX ||
        kvm_capability(x86_kvm_vm(cpu)->vm, KVM_CAP_TSC_CONTROL) == 0 ||
        kvm_vcpu_ioctl(cpu, KVM_SET_TSC_KHZ, (void *)(uintptr_t)khz) < 0) {
        return false;
    }
    k->tsc_khz = khz;
    return true;
}

/* tsc-frequency; what NTP would put right is no other frequency. */
static bool settle_tsc(CPUState *cpu, Error **errp)
{
    const X86Cpu *c = x86_cpu(cpu);
    X86KvmVm *x = x86_kvm_vm(cpu);
    uint64_t khz = c->tsc_hz / 1000, slack = x->tsc_khz / 4000;

    x86_env(cpu)->tsc_khz = x->tsc_khz;
    x86_kvm(cpu)->tsc_khz = x->tsc_khz;
    if (khz == 0) {
        return true;
    }
    x86_env(cpu)->tsc_khz = khz;
    if (!x86_kvm_set_tsc_khz(cpu) &&
        (khz + slack < x->tsc_khz || khz > x->tsc_khz + slack)) {
        error_set(errp,
                  "TSC frequency mismatch between VM (%" PRIu64
                  " kHz) and host (%u kHz), and TSC scaling unavailable",
                  khz, x->tsc_khz);
        return false;
    }
    return true;
}

static bool enable_on_vcpu(CPUState *cpu, uint32_t cap, uint64_t arg,
                           const char *what, Error **errp)
{
    struct kvm_enable_cap e = { .cap = cap, .args = { arg } };
    int r = kvm_vcpu_ioctl(cpu, KVM_ENABLE_CAP, &e);

    if (r < 0) {
        error_set_errno(errp, -r, "%s is not supported by the host's kvm",
                        what);
    }
    return r >= 0;
}

/* Features that the kernel wants to be told of, besides CPUID. */
static bool enable_features(CPUState *cpu, Error **errp)
{
    const X86Cpu *c = x86_cpu(cpu);
    uint16_t evmcs = 0;

    return (!c->pv_enforce ||
            enable_on_vcpu(cpu, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1,
                           "kvm-pv-enforce-cpuid", errp)) &&
           (!c->hv_enforce || enable_on_vcpu(cpu, KVM_CAP_HYPERV_ENFORCE_CPUID,
                                             1, "hv-enforce-cpuid", errp)) &&
           (!x86_hv_has(c, "hv-synic") ||
            enable_on_vcpu(cpu, KVM_CAP_HYPERV_SYNIC2, 0, "hv-synic", errp)) &&
           (!x86_hv_has(c, "hv-evmcs") ||
            enable_on_vcpu(cpu, KVM_CAP_HYPERV_ENLIGHTENED_VMCS,
                           (uintptr_t)&evmcs, "hv-evmcs", errp)) &&
           (!x86_hv_has(c, "hv-tlbflush-direct") ||
            enable_on_vcpu(cpu, KVM_CAP_HYPERV_DIRECT_TLBFLUSH, 0,
                           "hv-tlbflush-direct", errp));
}

static bool fresh_state(CPUState *cpu, Error **errp)
{
    const uint32_t mce = BIT(7) | BIT(14); /* MCE and MCA */

    x86_kvm_set_arch_caps(cpu);
    if ((x86_cpu(cpu)->words[X86_1_EDX] & mce) == mce) {
        x86_kvm_setup_mce(cpu);
    }
    return x86_kvm_pull(cpu, REGS_ALL, errp);
}

static bool x86_vcpu_init(CPUState *cpu, Error **errp)
{
    X86Cpu *c = x86_cpu(cpu);
    X86KvmVm *x = x86_kvm_vm(cpu);
    X86Host host;

    c->kvm = g_new0(X86Kvm, 1);
    if (x->tsc_khz == 0) {
        x->tsc_khz =
            (uint32_t)MAX(kvm_vcpu_ioctl(cpu, KVM_GET_TSC_KHZ, NULL), 0);
    }
    x86_kvm_host(kvm_machine(x->vm), &host);
    if (!settle_tsc(cpu, errp) || !x86_cpuid_build(c, &host, errp) ||
        !set_cpuid(cpu, errp) || !enable_features(cpu, errp) ||
        !fresh_state(cpu, errp)) {
        x86_vcpu_free(cpu);
        return false;
    }
    keep_fresh(cpu);
    if (x86_kvm_no_irqchip(cpu)) {
        x86_kvm_apic_connect(cpu);
    }
    c->engine_reset = engine_reset;
    c->engine_nmi = x86_kvm_press_nmi;
    c->engine_lapic = x86_kvm_lapic;
    return true;
}

/* --- exits --- */

static KvmNext exit_eoi(CPUState *cpu, struct kvm_run *run)
{
    X86KvmVm *x = x86_kvm_vm(cpu);
    Machine *m = kvm_machine(x->vm);

    machine_lock(m);
    for (guint i = 0; i < x->ioapics->len; i++) {
        ioapic_eoi(g_ptr_array_index(x->ioapics, i), run->eoi.vector);
    }
    machine_unlock(m);
    return KVM_RUN_ON;
}

static KvmNext exit_tpr(CPUState *cpu, struct kvm_run *run)
{
    return KVM_RUN_ON; /* x86_kvm_post_run() has taken it */
}

/* SynIC's registers changed: the kernel keeps and serves them (SYNIC2), and
 * we send no messages. A hypercall that the kernel leaves to us: none is
 * known (TLFS 3.12: HV_STATUS_INVALID_HYPERCALL_CODE). */
static KvmNext exit_hyperv(CPUState *cpu, struct kvm_run *run)
{
    enum { INVALID_HYPERCALL_CODE = 2 };

    if (run->hyperv.type == KVM_EXIT_HYPERV_HCALL) {
        run->hyperv.u.hcall.result = INVALID_HYPERCALL_CODE;
    }
    return run->hyperv.type <= KVM_EXIT_HYPERV_HCALL ? KVM_RUN_ON : KVM_UNKNOWN;
}

static const struct {
    uint32_t reason;
    const char *name;
    KvmNext (*serve)(CPUState *cpu, struct kvm_run *run);
} x86_exits[] = {
    { KVM_EXIT_IOAPIC_EOI, "ioapic-eoi", exit_eoi },
    { KVM_EXIT_SET_TPR, "set-tpr", exit_tpr },
    { KVM_EXIT_HLT, "hlt", x86_kvm_halt },
    { KVM_EXIT_HYPERV, "hyperv", exit_hyperv },
    { KVM_EXIT_X86_RDMSR, "rdmsr", NULL },
    { KVM_EXIT_X86_WRMSR, "wrmsr", NULL },
    { KVM_EXIT_X86_BUS_LOCK, "bus-lock", NULL },
};

static KvmNext x86_handle_exit(CPUState *cpu, struct kvm_run *run)
{
    for (size_t i = 0; i < ARRAY_SIZE(x86_exits); i++) {
        if (x86_exits[i].reason == run->exit_reason && x86_exits[i].serve) {
            return x86_exits[i].serve(cpu, run);
        }
    }
    return KVM_UNKNOWN;
}

static const char *x86_exit_name(uint32_t reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(x86_exits); i++) {
        if (x86_exits[i].reason == reason) {
            return x86_exits[i].name;
        }
    }
    return NULL;
}

static const char *const hosts[] = { "x86_64", NULL };

const KvmCpuOps x86_kvm_ops = {
    .hosts = hosts,
    .vm_init = x86_vm_init,
    .vm_free = x86_vm_free,
    .vcpu_init = x86_vcpu_init,
    .vcpu_free = x86_vcpu_free,
    .pull = x86_kvm_pull,
    .push = x86_kvm_push,
    .pre_run = x86_kvm_pre_run,
    .post_run = x86_kvm_post_run,
    .handle_exit = x86_handle_exit,
    .exit_name = x86_exit_name,
    .breakpoint = { 0xcc },
    .breakpoint_len = 1,
    .hw_points = 4,
    .debug_can = x86_kvm_debug_can,
    .debug_points = x86_kvm_debug_points,
    .debug_exit = x86_kvm_debug_exit,
    .debug_pass = x86_kvm_debug_pass,
    .debug_again = x86_kvm_debug_again,
    .attach_intc = x86_kvm_attach_intc,
};
