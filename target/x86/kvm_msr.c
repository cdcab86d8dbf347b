/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model-specific registers: those that the kernel says are state
 * (KVM_GET_MSR_INDEX_LIST), moved in blocks, and written only when they
 * differ: a time-stamp counter that a debugger did not touch must not be set
 * back.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.3, 4.18, 4.19.
 */
#include "tandem/base.h"

#include <linux/kvm.h>

#include "target/x86/kvm.h"

enum { BLOCK = 128, MSR_EFER = 0xc0000080, MSR_APIC_BASE = 0x1b };

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
    for (uint32_t i = 0; i < list->nmsrs && x->msrs->len < X86_MAX_MSRS; i++) {
        if (!is_elsewhere(list->indices[i])) {
            g_array_append_val(x->msrs, list->indices[i]);
        }
    }
    return true;
}

/* Read the listed MSRs; those that this vCPU has not are left out. */
bool x86_kvm_pull_msrs(CPUState *cpu, Error **errp)
{
    const GArray *list = x86_kvm_vm(cpu)->msrs;
    X86Env *env = x86_env(cpu);
    X86Kvm *k = x86_kvm(cpu);
    guint at = 0;

    env->n_msrs = 0;
    while (at < list->len) {
        MsrBlock b = { .room = { 0 } };
        guint n = MIN(list->len - at, BLOCK);
        int r;

        b.head.nmsrs = n;
        for (guint i = 0; i < n; i++) {
            b.head.entries[i].index = g_array_index(list, uint32_t, at + i);
        }
        r = kvm_vcpu_ioctl(cpu, KVM_GET_MSRS, &b);
        if (r < 0) {
            error_set_errno(errp, -r, "kvm does not tell MSRs");
            return false;
        }
        for (int i = 0; i < r; i++) {
            env->msrs[env->n_msrs++] =
                (X86Msr){ b.head.entries[i].index, b.head.entries[i].data };
        }
        at += (guint)r + ((guint)r < n); /* past the one that failed */
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

bool x86_kvm_push_msrs(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    X86Kvm *k = x86_kvm(cpu);
    MsrBlock b = { .room = { 0 } };

    for (uint32_t i = 0; i < env->n_msrs; i++) {
        if (is_known(cpu, &env->msrs[i])) {
            continue;
        }
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
    memcpy(k->shadow, env->msrs, env->n_msrs * sizeof(X86Msr));
    k->n_shadow = env->n_msrs;
    return true;
}
