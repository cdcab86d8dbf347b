/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * X86Env to the kernel and back, by groups.
 *
 * The order of pushing matters: control registers decide how the FPU area,
 * MSRs and nested state are understood; MSRs arm the timer of a local APIC
 * that must be there; setting general registers drops pending exceptions, so
 * events come late.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.11 to 4.14, 4.31,
 *       4.32, 4.38, 4.42, 4.57, 4.58, 4.114, 4.132.
 */
#include "tandem/base.h"

#include <linux/kvm.h>

#include "softmmu/machine/machine.h"
#include "target/x86/kvm.h"

static bool call(CPUState *cpu, unsigned long request, void *arg,
                 const char *what, Error **errp)
{
    int r = kvm_vcpu_ioctl(cpu, request, arg);

    if (r < 0) {
        error_set_errno(errp, -r, "CPU %d: kvm %s", cpu->index, what);
    }
    return r >= 0;
}

/* --- general registers --- */

/* struct kvm_regs has its own order. */
static const uint8_t gpr_offset[16] = {
    offsetof(struct kvm_regs, rax), offsetof(struct kvm_regs, rcx),
    offsetof(struct kvm_regs, rdx), offsetof(struct kvm_regs, rbx),
    offsetof(struct kvm_regs, rsp), offsetof(struct kvm_regs, rbp),
    offsetof(struct kvm_regs, rsi), offsetof(struct kvm_regs, rdi),
    offsetof(struct kvm_regs, r8),  offsetof(struct kvm_regs, r9),
    offsetof(struct kvm_regs, r10), offsetof(struct kvm_regs, r11),
    offsetof(struct kvm_regs, r12), offsetof(struct kvm_regs, r13),
    offsetof(struct kvm_regs, r14), offsetof(struct kvm_regs, r15),
};

static bool pull_regs(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    struct kvm_regs r;

    if (!call(cpu, KVM_GET_REGS, &r, "does not tell registers", errp)) {
        return false;
    }
    for (int i = 0; i < 16; i++) {
        memcpy(&env->gpr[i], (uint8_t *)&r + gpr_offset[i], 8);
    }
    env->rip = r.rip;
    env->rflags = r.rflags;
    return true;
}

static bool push_regs(CPUState *cpu, Error **errp)
{
    const X86Env *env = x86_env(cpu);
    struct kvm_regs r = { .rip = env->rip, .rflags = env->rflags };

    for (int i = 0; i < 16; i++) {
        memcpy((uint8_t *)&r + gpr_offset[i], &env->gpr[i], 8);
    }
    return call(cpu, KVM_SET_REGS, &r, "does not take registers", errp);
}

/* --- segments and control registers --- */

static X86Seg seg_from(const struct kvm_segment *k)
{
    return (X86Seg){
        .base = k->base,
        .limit = k->limit,
        .selector = k->selector,
        .attr = (uint16_t)(k->type | k->s << 4 | k->dpl << ATTR_DPL_SHIFT |
                           k->present << 7 | k->avl << 12 | k->l << 13 |
                           k->db << 14 | k->g << 15),
    };
}

static struct kvm_segment seg_to(const X86Seg *s)
{
    return (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .type = s->attr & ATTR_TYPE,
        .s = (s->attr & ATTR_S) != 0,
        .dpl = s->attr >> ATTR_DPL_SHIFT & 3,
        .present = (s->attr & ATTR_P) != 0,
        .avl = (s->attr & ATTR_AVL) != 0,
        .l = (s->attr & ATTR_L) != 0,
        .db = (s->attr & ATTR_DB) != 0,
        .g = (s->attr & ATTR_G) != 0,
        .unusable = (s->attr & ATTR_P) == 0,
    };
}

/* What struct kvm_sregs and kvm_sregs2 begin with alike. */
#define SREGS_FROM(env, k)                                                     \
    do {                                                                       \
        env->seg[SEG_CS] = seg_from(&(k)->cs);                                 \
        env->seg[SEG_DS] = seg_from(&(k)->ds);                                 \
        env->seg[SEG_ES] = seg_from(&(k)->es);                                 \
        env->seg[SEG_FS] = seg_from(&(k)->fs);                                 \
        env->seg[SEG_GS] = seg_from(&(k)->gs);                                 \
        env->seg[SEG_SS] = seg_from(&(k)->ss);                                 \
        env->seg[SEG_TR] = seg_from(&(k)->tr);                                 \
        env->seg[SEG_LDT] = seg_from(&(k)->ldt);                               \
        env->gdt = (X86Table){ (k)->gdt.base, (k)->gdt.limit };                \
        env->idt = (X86Table){ (k)->idt.base, (k)->idt.limit };                \
        env->cr0 = (k)->cr0;                                                   \
        env->cr2 = (k)->cr2;                                                   \
        env->cr3 = (k)->cr3;                                                   \
        env->cr4 = (k)->cr4;                                                   \
        env->cr8 = (k)->cr8;                                                   \
        env->efer = (k)->efer;                                                 \
        env->apic_base = (k)->apic_base;                                       \
    } while (0)

#define SREGS_TO(env, k)                                                       \
    do {                                                                       \
        (k)->cs = seg_to(&env->seg[SEG_CS]);                                   \
        (k)->ds = seg_to(&env->seg[SEG_DS]);                                   \
        (k)->es = seg_to(&env->seg[SEG_ES]);                                   \
        (k)->fs = seg_to(&env->seg[SEG_FS]);                                   \
        (k)->gs = seg_to(&env->seg[SEG_GS]);                                   \
        (k)->ss = seg_to(&env->seg[SEG_SS]);                                   \
        (k)->tr = seg_to(&env->seg[SEG_TR]);                                   \
        (k)->ldt = seg_to(&env->seg[SEG_LDT]);                                 \
        (k)->gdt.base = env->gdt.base;                                         \
        (k)->gdt.limit = env->gdt.limit;                                       \
        (k)->idt.base = env->idt.base;                                         \
        (k)->idt.limit = env->idt.limit;                                       \
        (k)->cr0 = env->cr0;                                                   \
        (k)->cr2 = env->cr2;                                                   \
        (k)->cr3 = env->cr3;                                                   \
        (k)->cr4 = env->cr4;                                                   \
        (k)->cr8 = env->cr8;                                                   \
        (k)->efer = env->efer;                                                 \
        (k)->apic_base = env->apic_base;                                       \
    } while (0)

static bool pull_sregs(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);

    if (x86_kvm_vm(cpu)->sregs2) {
        struct kvm_sregs2 s;

        if (!call(cpu, KVM_GET_SREGS2, &s, "does not tell segments", errp)) {
            return false;
        }
        SREGS_FROM(env, &s);
        env->pdptrs_valid = (s.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID) != 0;
        memcpy(env->pdptr, s.pdptrs, sizeof(env->pdptr));
    } else {
        struct kvm_sregs s;

        if (!call(cpu, KVM_GET_SREGS, &s, "does not tell segments", errp)) {
            return false;
        }
        SREGS_FROM(env, &s);
        memcpy(env->irq_bitmap, s.interrupt_bitmap, sizeof(env->irq_bitmap));
    }
    return true;
}

static bool push_sregs(CPUState *cpu, Error **errp)
{
    const X86Env *env = x86_env(cpu);

    if (x86_kvm_vm(cpu)->sregs2) {
        struct kvm_sregs2 s = { 0 };

        SREGS_TO(env, &s);
        if (env->pdptrs_valid) {
            s.flags |= KVM_SREGS2_FLAGS_PDPTRS_VALID;
            memcpy(s.pdptrs, env->pdptr, sizeof(env->pdptr));
        }
        return call(cpu, KVM_SET_SREGS2, &s, "does not take segments", errp);
    } else {
        struct kvm_sregs s = { 0 };

        SREGS_TO(env, &s);
        memcpy(s.interrupt_bitmap, env->irq_bitmap, sizeof(env->irq_bitmap));
        return call(cpu, KVM_SET_SREGS, &s, "does not take segments", errp);
    }
}

/* --- FPU --- */

static bool pull_fpu(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    X86KvmVm *x = x86_kvm_vm(cpu);
    struct kvm_xcrs xcrs = { 0 };
    bool big = x->xsave_size > sizeof(struct kvm_xsave);

    env->xsave_size = (uint32_t)x->xsave_size;
    env->xcr0 = 1;
    if (!call(cpu, big ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, env->xsave,
              "does not tell the FPU", errp)) {
        return false;
    }
    /* a CPU without XSAVE has no XCR0 */
    if (kvm_vcpu_ioctl(cpu, KVM_GET_XCRS, &xcrs) >= 0 && xcrs.nr_xcrs > 0) {
        env->xcr0 = xcrs.xcrs[0].value;
    }
    return true;
}

static bool push_fpu(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    X86KvmVm *x = x86_kvm_vm(cpu);
    struct kvm_xcrs xcrs = { .nr_xcrs = 1 };

    xcrs.xcrs[0].value = env->xcr0;
    if (env->xsave_size > x->xsave_size) {
        error_set(errp,
                  "CPU %d: an FPU state of %u bytes is larger than this "
                  "host's",
                  cpu->index, env->xsave_size);
        return false;
    }
    if (!call(cpu, KVM_SET_XSAVE, env->xsave, "does not take the FPU", errp)) {
        return false;
    }
    return !(x86_cpu(cpu)->words[X86_1_ECX] & BIT(26)) ||
           call(cpu, KVM_SET_XCRS, &xcrs, "does not take XCR0", errp);
}

/* --- debug registers, MSRs, local APIC --- */

static bool pull_system(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    struct kvm_debugregs d;

    if (!call(cpu, KVM_GET_DEBUGREGS, &d, "does not tell debug registers",
              errp)) {
        return false;
    }
    memcpy(env->dr, d.db, sizeof(env->dr));
    env->dr6 = d.dr6;
    env->dr7 = d.dr7;
    if (!x86_kvm_pull_msrs(cpu, errp) ||
        (!x86_kvm_no_irqchip(cpu) &&
         !call(cpu, KVM_GET_LAPIC, env->lapic, "does not tell the local APIC",
               errp))) {
        return false;
    }
    memcpy(x86_kvm(cpu)->lapic_shadow, env->lapic, sizeof(env->lapic));
    x86_kvm_shadow_taken(cpu);
    return true;
}

/* A machine that comes from elsewhere brings the pace of its time-stamp
 * counter; NTP's share does not count. */
static void follow_tsc(CPUState *cpu)
{
    X86Kvm *k = x86_kvm(cpu);
    uint64_t want = x86_env(cpu)->tsc_khz, slack = k->tsc_khz / 4000;

    if (!x86_kvm_set_tsc_khz(cpu)) {
        if (want + slack < k->tsc_khz || want > k->tsc_khz + slack) {
            warn_report("TSC frequency mismatch between VM (%" PRIu64
                        " kHz) and host (%" PRIu64
                        " kHz), and TSC scaling unavailable",
                        want, k->tsc_khz);
        }
        x86_env(cpu)->tsc_khz = k->tsc_khz;
    }
}

static bool push_system(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    X86Kvm *k = x86_kvm(cpu);
    struct kvm_debugregs d = { .dr6 = env->dr6, .dr7 = env->dr7 };

    memcpy(d.db, env->dr, sizeof(env->dr));
    follow_tsc(cpu);
    if (!x86_kvm_no_irqchip(cpu) &&
        (!x86_kvm_shadow_valid(cpu) ||
         memcmp(k->lapic_shadow, env->lapic, sizeof(env->lapic)) != 0)) {
        if (!call(cpu, KVM_SET_LAPIC, env->lapic,
                  "does not take the local APIC", errp)) {
            return false;
        }
        memcpy(k->lapic_shadow, env->lapic, sizeof(env->lapic));
    }
    if (!x86_kvm_push_msrs(cpu, errp) ||
        !call(cpu, KVM_SET_DEBUGREGS, &d, "does not take debug registers",
              errp)) {
        return false;
    }
    x86_kvm_shadow_taken(cpu);
    return true;
}

/* --- events --- */

static void events_from(X86Events *e, const struct kvm_vcpu_events *k)
{
    *e = (X86Events){
        .exception_injected = k->exception.injected,
        .exception_nr = k->exception.nr,
        .exception_has_error = k->exception.has_error_code,
        .exception_pending = k->exception.pending,
        .exception_has_payload = k->exception_has_payload,
        .exception_error = k->exception.error_code,
        .exception_payload = k->exception_payload,
        .interrupt_injected = k->interrupt.injected,
        .interrupt_nr = k->interrupt.nr,
        .interrupt_soft = k->interrupt.soft,
        .interrupt_shadow = k->interrupt.shadow,
        .nmi_injected = k->nmi.injected,
        .nmi_pending = k->nmi.pending,
        .nmi_masked = k->nmi.masked,
        .sipi_vector = k->sipi_vector,
    };
    if (k->flags & KVM_VCPUEVENT_VALID_SMM) {
        e->smm = k->smi.smm;
        e->smi_pending = k->smi.pending;
        e->smm_inside_nmi = k->smi.smm_inside_nmi;
        e->latched_init = k->smi.latched_init;
    }
    if (k->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
        e->triple_fault = k->triple_fault.pending;
    }
}

static void events_to(struct kvm_vcpu_events *k, const X86Events *e,
                      uint32_t flags)
{
    *k = (struct kvm_vcpu_events){
        .exception = { .injected = e->exception_injected,
                       .nr = e->exception_nr,
                       .has_error_code = e->exception_has_error,
                       .pending = e->exception_pending,
                       .error_code = e->exception_error },
        .interrupt = { .injected = e->interrupt_injected,
                       .nr = e->interrupt_nr,
                       .soft = e->interrupt_soft,
                       .shadow = e->interrupt_shadow },
        .nmi = { .injected = e->nmi_injected,
                 .pending = e->nmi_pending,
                 .masked = e->nmi_masked },
        .sipi_vector = e->sipi_vector,
        .smi = { .smm = e->smm,
                 .pending = e->smi_pending,
                 .smm_inside_nmi = e->smm_inside_nmi,
                 .latched_init = e->latched_init },
        .triple_fault = { .pending = e->triple_fault },
        .exception_has_payload = e->exception_has_payload,
        .exception_payload = e->exception_payload,
        .flags = flags | KVM_VCPUEVENT_VALID_NMI_PENDING,
    };
    if (e->sipi_vector) {
        k->flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
    }
}

/* What this kernel knows to tell, it takes as well. */
enum {
    EVENT_FLAGS = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM |
                  KVM_VCPUEVENT_VALID_PAYLOAD |
                  KVM_VCPUEVENT_VALID_TRIPLE_FAULT,
};

static bool get_nested(CPUState *cpu, struct kvm_nested_state *n, Error **errp)
{
    n->size = (uint32_t)x86_kvm_vm(cpu)->nested_size;
    return call(cpu, KVM_GET_NESTED_STATE, n, "does not tell nested state",
                errp);
}

static bool pull_events(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    X86KvmVm *x = x86_kvm_vm(cpu);
    struct kvm_vcpu_events e;
    struct kvm_mp_state mp;

    if (!call(cpu, KVM_GET_VCPU_EVENTS, &e, "does not tell events", errp) ||
        !call(cpu, KVM_GET_MP_STATE, &mp, "does not tell the MP state", errp)) {
        return false;
    }
    events_from(&env->events, &e);
    if (x86_kvm_no_irqchip(cpu)) {
        x86_kvm_apic_pull(cpu); /* and its MP state is ours */
    } else {
        env->mp_state = mp.mp_state;
    }
    env->nested_size = 0;
    if (x->nested_size) {
        struct kvm_nested_state *n = (void *)env->nested;

        if (!get_nested(cpu, n, errp)) {
            return false;
        }
        env->nested_size = n->size;
    }
    if (cpu->index == 0 && x->clock_known) {
        env->clock_ns = x->clock_ns;
    }
    return true;
}

/*
 * What a CPU takes depends on where it is: the registers of one in a guest of
 * its guest are that guest's, and one in VMX operation keeps CR4.VMXE. So it
 * leaves first when it gets a whole other state. The same one is not put
 * again: registers that it holds besides would be taken back to it.
 */
static bool leave_nested(CPUState *cpu, Error **errp)
{
    X86Kvm *k = x86_kvm(cpu);
    const X86Env *env = x86_env(cpu);
    g_autofree struct kvm_nested_state *now =
        g_malloc0(MAX(x86_kvm_vm(cpu)->nested_size, sizeof(*now)));
    struct kvm_nested_state none = { .size = sizeof(none) };

    if (!get_nested(cpu, now, errp)) {
        return false;
    }
    k->nested_known = now->size == env->nested_size &&
                      memcmp(now, env->nested, now->size) == 0;
    if (k->nested_known) {
        return true;
    }
    none.format = now->format;
    if (none.format == KVM_STATE_NESTED_FORMAT_SVM) {
        none.flags = KVM_STATE_NESTED_GIF_SET;
    } else {
        none.hdr.vmx.vmxon_pa = none.hdr.vmx.vmcs12_pa = UINT64_MAX;
    }
    return call(cpu, KVM_SET_NESTED_STATE, &none,
                "does not leave nested operation", errp);
}

static bool push_nested(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    struct kvm_nested_state *n = (void *)env->nested;

    if (env->nested_size == 0 || x86_kvm(cpu)->nested_known) {
        return true;
    }
    if (env->nested_size < sizeof(*n) || n->size != env->nested_size) {
        error_set(errp, "CPU %d: nested state of a wrong size", cpu->index);
        return false;
    }
    if (x86_kvm_vm(cpu)->nested_size == 0) {
        /* a global interrupt flag alone is no state */
        if (n->flags & ~KVM_STATE_NESTED_GIF_SET) {
            error_set(errp, "CPU %d: this host has no nested virtualization",
                      cpu->index);
            return false;
        }
        return true;
    }
    return call(cpu, KVM_SET_NESTED_STATE, n, "does not take nested state",
                errp);
}

void x86_kvm_drop_events(CPUState *cpu)
{
    const X86Events none = { 0 };
    struct kvm_vcpu_events e, now;

    if (kvm_vcpu_ioctl(cpu, KVM_GET_VCPU_EVENTS, &now) >= 0) {
        events_to(&e, &none, now.flags & EVENT_FLAGS);
        kvm_vcpu_ioctl(cpu, KVM_SET_VCPU_EVENTS, &e);
    }
}

static bool push_events(CPUState *cpu, Error **errp)
{
    X86Env *env = x86_env(cpu);
    X86KvmVm *x = x86_kvm_vm(cpu);
    struct kvm_vcpu_events e, now;
    struct kvm_mp_state mp = { x86_kvm_no_irqchip(cpu) ? KVM_MP_STATE_RUNNABLE
                                                       : env->mp_state };

    if (!call(cpu, KVM_GET_VCPU_EVENTS, &now, "does not tell events", errp)) {
        return false;
    }
    events_to(&e, &env->events, now.flags & EVENT_FLAGS);
    if (!push_nested(cpu, errp) ||
        !call(cpu, KVM_SET_MP_STATE, &mp, "does not take the MP state", errp) ||
        !call(cpu, KVM_SET_VCPU_EVENTS, &e, "does not take events", errp)) {
        return false;
    }
    if (cpu->index == 0 && env->clock_ns) {
        x->clock_ns = env->clock_ns; /* set when the VM goes on */
        x->clock_known = true;
    }
    return true;
}

/* --- all --- */

bool x86_kvm_pull(CPUState *cpu, uint32_t groups, Error **errp)
{
    return (!(groups & REGS_GENERAL) ||
            (pull_regs(cpu, errp) && pull_sregs(cpu, errp))) &&
           (!(groups & REGS_FP) || pull_fpu(cpu, errp)) &&
           (!(groups & REGS_SYSTEM) || pull_system(cpu, errp)) &&
           (!(groups & REGS_EVENTS) || pull_events(cpu, errp));
}

bool x86_kvm_push(CPUState *cpu, uint32_t groups, Error **errp)
{
    const uint32_t whole = REGS_GENERAL | REGS_EVENTS;

    x86_kvm(cpu)->changed = true;
    x86_kvm(cpu)->nested_known = false;
    if (x86_kvm_no_irqchip(cpu)) {
        x86_kvm_apic_push(cpu, groups);
    }
    if ((groups & whole) == whole && x86_kvm_vm(cpu)->nested_size &&
        !leave_nested(cpu, errp)) {
        return false;
    }
    return (!(groups & REGS_GENERAL) ||
            (push_sregs(cpu, errp) && push_regs(cpu, errp))) &&
           (!(groups & REGS_FP) || push_fpu(cpu, errp)) &&
           (!(groups & REGS_SYSTEM) || push_system(cpu, errp)) &&
           (!(groups & REGS_EVENTS) || push_events(cpu, errp));
}
