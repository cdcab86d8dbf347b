/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model-specific registers: those that the kernel says are state
 * (KVM_GET_MSR_INDEX_LIST) and some that it keeps besides, moved in blocks, and
 * written only when they differ: a time-stamp counter that a debugger did not
 * touch must not be set back.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.3, 4.18, 4.19.
 */
#include "tandem/base.h"

#include <linux/kvm.h>

#include "target/x86/kvm.h"

enum {
    BLOCK = 128,
    MCE_BANKS = 10,
    MSR_TSC = 0x10,
    MSR_EFER = 0xc0000080,
    MSR_APIC_BASE = 0x1b,
    MSR_ARCH_CAPS = 0x10a,
};

/* struct kvm_msrs with room for a block of entries. */
typedef union MsrBlock {
    struct kvm_msrs head;
    uint8_t
        room[sizeof(struct kvm_msrs) + BLOCK * sizeof(struct kvm_msr_entry)];
} MsrBlock;

/* They travel with the segment registers. */
static bool is_elsewhere(uint32_t index)
{
    return index == MSR_EFER || index == MSR_APIC_BASE;
}

/*
 * State that the kernel keeps and does not list: memory types (SDM 4, table
 * 2-2; 3A 11.11), machine-check banks, and what Hyper-V's interrupt controller
 * and timers have several of (TLFS 11 and 12). In the order in which they may
 * be written.
 */
static const struct {
    uint32_t first, n;
} unlisted[] = {
    { 0x250, 1 },       { 0x258, 2 },
    { 0x268, 8 },                                 /* fixed ranges */
    { 0x200, 16 },      { 0x2ff, 1 },             /* variable; all */
    { 0x17a, 2 },       { 0x400, 4 * MCE_BANKS }, /* MCG, banks */
    { 0x40000080, 1 },  { 0x40000082, 2 },        /* SynIC's pages */
    { 0x40000090, 16 },                           /* its sources */
    { 0x400000b0, 8 },                            /* timers */
};

/* Read only for a host too, or not state but a deed: RESET; time, which the
 * VM's clock sets; frequencies; EOM. */
static bool is_no_state(uint32_t index)
{
    return index == 0x40000003 || index == 0x40000020 || index == 0x40000022 ||
           index == 0x40000023 || index == 0x40000084;
}

static bool is_hyperv(uint32_t index)
{
    return index >= 0x40000000 && index < 0x40000200;
}

static bool is_listed(const GArray *list, uint32_t index)
{
    for (guint i = 0; i < list->len; i++) {
        if (g_array_index(list, uint32_t, i) == index) {
            return true;
        }
    }
    return false;
}

static void list_msr(GArray *list, uint32_t index)
{
    if (list->len < X86_MAX_MSRS && !is_elsewhere(index) &&
        !is_no_state(index) && !is_listed(list, index)) {
        g_array_append_val(list, index);
    }
}

bool x86_kvm_list_msrs(X86KvmVm *x, Error **errp)
{
    struct kvm_msr_list none = { 0 };
    g_autofree struct kvm_msr_list *list = NULL;
    int r;

    kvm_system_ioctl(x->vm, KVM_GET_MSR_INDEX_LIST, &none); /* -E2BIG */
    list = g_malloc0(sizeof(*list) + none.nmsrs * sizeof(uint32_t));
    list->nmsrs = none.nmsrs;
    r = kvm_system_ioctl(x->vm, KVM_GET_MSR_INDEX_LIST, list);
    if (r < 0) {
        error_set_errno(errp, -r, "kvm does not list its MSRs");
        return false;
    }
    x->msrs = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    for (uint32_t i = 0; i < list->nmsrs; i++) {
        list_msr(x->msrs, list->indices[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unlisted); i++) {
        for (uint32_t n = 0; n < unlisted[i].n; n++) {
            list_msr(x->msrs, unlisted[i].first + n);
        }
    }
    return true;
}

/* Does this vCPU have such state? */
static bool is_for(CPUState *cpu, uint32_t index)
{
    return !is_hyperv(index) || x86_hv_shown(x86_cpu(cpu));
}

/* The next block of @list that concerns @cpu, from *@at on. */
static guint fill_block(CPUState *cpu, MsrBlock *b, const GArray *list,
                        guint at)
{
    b->head.nmsrs = 0;
    while (at < list->len && b->head.nmsrs < BLOCK) {
        uint32_t index = g_array_index(list, uint32_t, at++);

        if (is_for(cpu, index)) {
            b->head.entries[b->head.nmsrs++].index = index;
        }
    }
    return at;
}

/* Read one block; those that this vCPU has not are left out. */
static bool read_block(CPUState *cpu, MsrBlock *b, Error **errp)
{
    X86Env *env = x86_env(cpu);

    while (b->head.nmsrs > 0) {
        int r = kvm_vcpu_ioctl(cpu, KVM_GET_MSRS, b);
        uint32_t done = (uint32_t)MAX(r, 0), next;

        if (r < 0) {
            error_set_errno(errp, -r, "kvm does not tell MSRs");
            return false;
        }
        for (uint32_t i = 0; i < MIN(done, b->head.nmsrs); i++) {
            env->msrs[env->n_msrs++] =
                (X86Msr){ b->head.entries[i].index, b->head.entries[i].data };
        }
        next = MIN(done + 1, b->head.nmsrs); /* past the one that failed */
        b->head.nmsrs -= next;
        memmove(b->head.entries, b->head.entries + next,
                b->head.nmsrs * sizeof(b->head.entries[0]));
    }
    return true;
}

bool x86_kvm_pull_msrs(CPUState *cpu, Error **errp)
{
    const GArray *list = x86_kvm_vm(cpu)->msrs;
    X86Env *env = x86_env(cpu);
    X86Kvm *k = x86_kvm(cpu);
    guint at = 0;

    env->n_msrs = 0;
    while (at < list->len) {
        MsrBlock b = { .room = { 0 } };

        at = fill_block(cpu, &b, list, at);
        if (!read_block(cpu, &b, errp)) {
            return false;
        }
    }
    memcpy(k->shadow, env->msrs, env->n_msrs * sizeof(X86Msr));
    k->n_shadow = env->n_msrs;
    return true;
}

static bool is_known(CPUState *cpu, const X86Msr *m)
{
    const X86Kvm *k = x86_kvm(cpu);

    for (uint32_t i = 0; x86_kvm_shadow_valid(cpu) && i < k->n_shadow; i++) {
        if (k->shadow[i].index == m->index) {
            return k->shadow[i].value == m->value;
        }
    }
    return false;
}

/* One block; a register that this vCPU refuses is passed over, as one may
 * come from a host that had it. */
static bool write_block(CPUState *cpu, MsrBlock *b, Error **errp)
{
    while (b->head.nmsrs > 0) {
        int r = kvm_vcpu_ioctl(cpu, KVM_SET_MSRS, b);
        uint32_t done;

        if (r < 0) {
            error_set_errno(errp, -r, "kvm does not take MSRs");
            return false;
        }
        done = MIN((uint32_t)r, b->head.nmsrs);
        if (done == b->head.nmsrs) {
            break;
        }
        if (b->head.entries[done].data != 0) {
            warn_report("kvm refuses MSR 0x%x = 0x%llx",
                        b->head.entries[done].index,
                        b->head.entries[done].data);
        }
        b->head.nmsrs -= done + 1;
        memmove(b->head.entries, b->head.entries + done + 1,
                b->head.nmsrs * sizeof(b->head.entries[0]));
    }
    b->head.nmsrs = 0;
    return true;
}

/* A stream may name any register: only those that are read here are written,
 * and another one's value must not be lost in silence. */
static bool may_write(CPUState *cpu, const X86Msr *m, Error **errp)
{
    if (is_listed(x86_kvm_vm(cpu)->msrs, m->index) && is_for(cpu, m->index)) {
        return true;
    }
    error_set(errp, "CPU %d: MSR 0x%x is not known to this host's kvm",
              cpu->index, m->index);
    return false;
}

static MsrBlock one_msr(uint32_t index, uint64_t value)
{
    MsrBlock b = { .room = { 0 } };

    b.head.nmsrs = 1;
    b.head.entries[0].index = index;
    b.head.entries[0].data = value;
    return b;
}

static bool read_tsc(CPUState *cpu, uint64_t *value)
{
    MsrBlock b = one_msr(MSR_TSC, 0);

    if (kvm_vcpu_ioctl(cpu, KVM_GET_MSRS, &b) != 1) {
        return false;
    }
    *value = b.head.entries[0].data;
    return true;
}

/*
 * The kernel takes a write of the time-stamp counter that is within a second
 * of another vCPU's, or of that of a VM just made, for an attempt to set all
 * alike, and lets it go on as it was: back from what this guest has seen. The
 * offset (devices/vcpu.rst, 4.1) has no such second thoughts. CPU 0's is put
 * right to the tick, and the others then join it when they are written; one
 * that is off by more than a second was never in step.
 */
static void put_tsc_right(CPUState *cpu, uint64_t wanted)
{
    uint64_t slack = cpu->index == 0 ? 0 : x86_kvm(cpu)->tsc_khz * 1000;
    uint64_t is, offset;
    struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
                                    .attr = KVM_VCPU_TSC_OFFSET,
                                    .addr = (uintptr_t)&offset };

    if (!read_tsc(cpu, &is) || is >= wanted || wanted - is <= slack ||
        kvm_vcpu_ioctl(cpu, KVM_GET_DEVICE_ATTR, &attr) < 0) {
        return;
    }
    offset += wanted - is;
    kvm_vcpu_ioctl(cpu, KVM_SET_DEVICE_ATTR, &attr);
}

bool x86_kvm_push_msrs(CPUState *cpu, Error **errp)
{
    const X86Msr *tsc = NULL;
    X86Env *env = x86_env(cpu);
    X86Kvm *k = x86_kvm(cpu);
    MsrBlock b = { .room = { 0 } };

    for (uint32_t i = 0; i < env->n_msrs; i++) {
        if (is_known(cpu, &env->msrs[i])) {
            continue;
        }
        if (!may_write(cpu, &env->msrs[i], errp)) {
            return false;
        }
        tsc = env->msrs[i].index == MSR_TSC ? &env->msrs[i] : tsc;
        b.head.entries[b.head.nmsrs++] =
            (struct kvm_msr_entry){ .index = env->msrs[i].index,
                                    .data = env->msrs[i].value };
        if (b.head.nmsrs == BLOCK && !write_block(cpu, &b, errp)) {
            return false;
        }
    }
    if (!write_block(cpu, &b, errp)) {
        return false;
    }
    if (tsc && tsc->value != 0) { /* 0: a reset, where all begin again */
        put_tsc_right(cpu, tsc->value);
    }
    memcpy(k->shadow, env->msrs, env->n_msrs * sizeof(X86Msr));
    k->n_shadow = env->n_msrs;
    return true;
}

/* As many banks of machine-check registers as real CPUs have. */
void x86_kvm_setup_mce(CPUState *cpu)
{
    enum { COUNT_MASK = 0xff };
    uint64_t cap = 0;

    if (kvm_system_ioctl(x86_kvm_vm(cpu)->vm, KVM_X86_GET_MCE_CAP_SUPPORTED,
                         &cap) < 0) {
        return;
    }
    cap = (cap & ~(uint64_t)COUNT_MASK & BIT(8)) | MCE_BANKS; /* MCG_CTL_P */
    kvm_vcpu_ioctl(cpu, KVM_X86_SETUP_MCE, &cap);
}

/* --- IA32_ARCH_CAPABILITIES, a register of features (SDM 4, table 2-2) --- */

void x86_kvm_read_arch_caps(X86KvmVm *x)
{
    MsrBlock b = one_msr(MSR_ARCH_CAPS, 0);

    if (kvm_capability(x->vm, KVM_CAP_GET_MSR_FEATURES) > 0 &&
        kvm_system_ioctl(x->vm, KVM_GET_MSRS, &b) == 1) {
        x->arch_caps = b.head.entries[0].data;
    }
}

void x86_kvm_set_arch_caps(CPUState *cpu)
{
    const X86Cpu *c = x86_cpu(cpu);
    uint64_t value = c->words[X86_ARCH_CAPS];
    bool asked = !x86_model(c)->host || c->plus[X86_ARCH_CAPS] ||
                 c->minus[X86_ARCH_CAPS];
    MsrBlock b;

    if (!(c->words[X86_7_0_EDX] & BIT(29))) {
        return; /* it has no such register */
    }
    if (x86_model(c)->host && !c->migratable) { /* those of no name, too */
        value |= x86_kvm_vm(cpu)->arch_caps & ~(uint64_t)UINT32_MAX;
    }
    b = one_msr(MSR_ARCH_CAPS, value);
    if (kvm_vcpu_ioctl(cpu, KVM_SET_MSRS, &b) != 1 && asked &&
        cpu->index == 0) { /* a software KVM shows it and has it not */
        warn_report("kvm does not take arch-capabilities 0x%" PRIx64, value);
    }
}
