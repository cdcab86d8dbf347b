/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt controllers of an x86-64 VM under KVM: which the kernel holds,
 * their state and routes, and interrupts from those that it does not hold.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.16 (KVM_INTERRUPT),
 *       4.24 to 4.27, 4.52, 5 (request_interrupt_window), 7.5.
 */
#include "tandem/base.h"

#include <linux/kvm.h>

#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "softmmu/machine/machine.h"
#include "target/x86/kvm.h"

enum { SPLIT_PINS = 2 * IOAPIC_PINS };

static KvmVm *vm_of(DeviceState *dev)
{
    return kvm_vm(dev->machine);
}

/* --- which there are --- */

/* A table of routes replaces what the kernel has by itself (api.rst 4.52).
 * Lines go to its 8259s only when the board has some: a guest that was not
 * told of them leaves them as they are after a reset, unmasked with vectors
 * from 0 on, behind a LINT0 that passes them. */
static bool ioapic_routes(KvmVm *vm, Error **errp)
{
    if (!kvm_route_reserve(vm, IOAPIC_PINS, errp)) {
        return false;
    }
    for (unsigned gsi = 0; gsi < IOAPIC_PINS; gsi++) {
        kvm_route_chip(vm, gsi, KVM_IRQCHIP_IOAPIC, gsi);
    }
    if (!kvm_route_commit(vm)) {
        error_set(errp, "kvm takes no routes for its I/O APIC");
        return false;
    }
    return true;
}

static bool pic_routes(KvmVm *vm)
{
    for (unsigned gsi = 0; gsi < I8259_LINES; gsi++) {
        if (gsi != 2) { /* the cascade */
            kvm_route_chip(vm, gsi,
                           gsi < 8 ? KVM_IRQCHIP_PIC_MASTER
                                   : KVM_IRQCHIP_PIC_SLAVE,
                           gsi % 8);
        }
    }
    return kvm_route_commit(vm);
}

bool x86_kvm_make_irqchip(KvmVm *vm, Error **errp)
{
    int r;

    if (kvm_irqchip(vm) == KVM_IRQCHIP_AUTO) {
        kvm_set_irqchip(vm, kvm_capability(vm, KVM_CAP_SPLIT_IRQCHIP)
                                ? KVM_IRQCHIP_MODE_SPLIT
                                : KVM_IRQCHIP_MODE_ON);
    }
    switch (kvm_irqchip(vm)) {
    case KVM_IRQCHIP_MODE_SPLIT:
        r = kvm_enable(vm, KVM_CAP_SPLIT_IRQCHIP, SPLIT_PINS);
        break;
    case KVM_IRQCHIP_MODE_ON:
        r = kvm_vm_ioctl(vm, KVM_CREATE_IRQCHIP, NULL);
        break;
    default:
        return true; /* hw/intc/apic.c */
    }
    if (r < 0) {
        error_set_errno(errp, -r, "kvm has no interrupt controllers");
        return false;
    }
    return kvm_irqchip(vm) == KVM_IRQCHIP_MODE_ON
               ? ioapic_routes(vm, errp)
               : kvm_route_reserve(vm, SPLIT_PINS, errp);
}

/* --- I/O APIC --- */

static void split_route(DeviceState *dev, unsigned gsi, uint64_t addr,
                        uint32_t data)
{
    kvm_route_msi(vm_of(dev), gsi, addr, data);
}

static void split_routed(DeviceState *dev)
{
    kvm_route_commit(vm_of(dev));
}

/* The end comes as an exit, and goes to ioapic_eoi(). */
static bool split_bind(DeviceState *dev, unsigned gsi, int fd, int ended)
{
    return kvm_line_bind(vm_of(dev), gsi, fd, -1);
}

static bool kernel_bind(DeviceState *dev, unsigned gsi, int fd, int ended)
{
    return kvm_line_bind(vm_of(dev), gsi, fd, ended);
}

static void unbind(DeviceState *dev, unsigned gsi, int fd)
{
    kvm_line_unbind(vm_of(dev), gsi, fd);
}

static const IoapicEngine split_engine = {
    .route = split_route,
    .routed = split_routed,
    .bind = split_bind,
    .unbind = unbind,
};

static void kernel_line(DeviceState *dev, unsigned gsi, bool level)
{
    kvm_line_set(vm_of(dev), gsi, level);
}

static void kernel_get(DeviceState *dev, IoapicState *s)
{
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

    if (kvm_vm_ioctl(vm_of(dev), KVM_GET_IRQCHIP, &chip) < 0) {
        return;
    }
    s->id = chip.chip.ioapic.id;
    s->select = chip.chip.ioapic.ioregsel;
    s->irr = chip.chip.ioapic.irr;
    for (int i = 0; i < IOAPIC_PINS; i++) {
        s->redirect[i] = chip.chip.ioapic.redirtbl[i].bits;
    }
}

static void kernel_put(DeviceState *dev, const IoapicState *s)
{
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

    chip.chip.ioapic.base_address = 0xfec00000;
    chip.chip.ioapic.id = s->id;
    chip.chip.ioapic.ioregsel = s->select;
    chip.chip.ioapic.irr = s->irr;
    for (int i = 0; i < IOAPIC_PINS; i++) {
        chip.chip.ioapic.redirtbl[i].bits = s->redirect[i];
    }
    kvm_vm_ioctl(vm_of(dev), KVM_SET_IRQCHIP, &chip);
}

static const IoapicEngine kernel_engine = {
    .set_line = kernel_line,
    .get = kernel_get,
    .put = kernel_put,
    .bind = kernel_bind,
    .unbind = unbind,
};

/* --- 8259s in the kernel --- */

static void chip_from(I8259Chip *c, const struct kvm_pic_state *k)
{
    *c = (I8259Chip){ .irr = k->irr,
                      .imr = k->imr,
                      .isr = k->isr,
                      .lines = k->last_irr,
                      .highest = k->priority_add,
                      .base = k->irq_base,
                      .init = k->init_state,
                      .icw4 = k->init4,
                      .auto_eoi = k->auto_eoi,
                      .rotate_auto = k->rotate_on_auto_eoi,
                      .nested = k->special_fully_nested_mode,
                      .read_isr = k->read_reg_select,
                      .poll = k->poll,
                      .special_mask = k->special_mask,
                      .elcr = k->elcr };
}

static void chip_to(struct kvm_pic_state *k, const I8259Chip *c, bool master)
{
    *k = (struct kvm_pic_state){ .irr = c->irr,
                                 .imr = c->imr,
                                 .isr = c->isr,
                                 .last_irr = c->lines,
                                 .priority_add = c->highest,
                                 .irq_base = c->base,
                                 .init_state = c->init,
                                 .init4 = c->icw4,
                                 .auto_eoi = c->auto_eoi,
                                 .rotate_on_auto_eoi = c->rotate_auto,
                                 .special_fully_nested_mode = c->nested,
                                 .read_reg_select = c->read_isr,
                                 .poll = c->poll,
                                 .special_mask = c->special_mask,
                                 .elcr = c->elcr,
                                 .elcr_mask = master ? 0xf8 : 0xde };
}

static const unsigned pic_ids[2] = { KVM_IRQCHIP_PIC_MASTER,
                                     KVM_IRQCHIP_PIC_SLAVE };

static void kernel_pic_get(DeviceState *dev, I8259Chip chips[2])
{
    for (unsigned i = 0; i < 2; i++) {
        struct kvm_irqchip chip = { .chip_id = pic_ids[i] };

        if (kvm_vm_ioctl(vm_of(dev), KVM_GET_IRQCHIP, &chip) >= 0) {
            chip_from(&chips[i], &chip.chip.pic);
        }
    }
}

static void kernel_pic_put(DeviceState *dev, const I8259Chip chips[2])
{
    for (unsigned i = 0; i < 2; i++) {
        struct kvm_irqchip chip = { .chip_id = pic_ids[i] };

        chip_to(&chip.chip.pic, &chips[i], i == 0);
        kvm_vm_ioctl(vm_of(dev), KVM_SET_IRQCHIP, &chip);
    }
}

static const I8259Engine kernel_pic = {
    .get = kernel_pic_get,
    .put = kernel_pic_put,
};

/* --- interrupts from outside of the kernel --- */

/* The 8259s' INT goes to LINT0 of the first CPU, whose local APIC is in the
 * kernel: that decides when it takes one. */
static void split_pic_intr(DeviceState *dev, bool level)
{
    X86KvmVm *x = *kvm_target_data(vm_of(dev));
    CPUState *cpu = cpu_by_index(dev->machine, 0);

    if (atomic_exchange(&x->intr, level) != level && level && cpu) {
        cpu_kick(cpu);
    }
}

static const I8259Engine split_pic = { .intr = split_pic_intr };

static int acknowledge(X86KvmVm *x, unsigned cpu)
{
    Machine *m = kvm_machine(x->vm);
    int vector = -1;

    machine_lock(m);
    if (x->apic) {
        vector = apic_acknowledge(x->apic, cpu);
    } else if (i8259_intr(x->pic)) {
        vector = i8259_acknowledge(x->pic);
    }
    machine_unlock(m);
    return vector;
}

/* Give one interrupt when the guest can take it, else have the kernel come
 * back as soon as it can (api.rst 5). */
static void give_interrupt(CPUState *cpu, struct kvm_run *run,
                           const _Atomic bool *intr)
{
    X86Kvm *k = x86_kvm(cpu);
    bool ready = run->ready_for_interrupt_injection && !k->changed;

    k->changed = false;
    if (ready && atomic_load(intr)) {
        int vector = acknowledge(x86_kvm_vm(cpu), (unsigned)cpu->index);
        struct kvm_interrupt irq = { .irq = (uint32_t)vector };

        if (vector >= 0) {
            kvm_vcpu_ioctl(cpu, KVM_INTERRUPT, &irq);
            run->ready_for_interrupt_injection = 0;
        }
    }
    run->request_interrupt_window = atomic_load(intr);
}

/* --- CPUs whose local APIC is outside of the kernel --- */

enum { WAITS_FOR_SIPI = KVM_MP_STATE_UNINITIALIZED };

bool x86_kvm_no_irqchip(CPUState *cpu)
{
    return kvm_irqchip(x86_kvm_vm(cpu)->vm) == KVM_IRQCHIP_MODE_OFF;
}

static void told_intr(void *opaque, bool level)
{
    CPUState *cpu = opaque;

    atomic_store(&x86_kvm(cpu)->intr, level);
    if (level && cpu_current() != cpu) {
        cpu_kick(cpu);
    }
}

static void told_nmi(void *opaque)
{
    atomic_store(&x86_kvm(opaque)->nmi, true);
    cpu_kick(opaque);
}

static void told_init(void *opaque)
{
    X86Kvm *k = x86_kvm(opaque);

    atomic_store(&k->sipi, -1);
    atomic_store(&k->nmi, false); /* one before it is lost */
    atomic_store(&k->init, true);
    cpu_kick(opaque);
}

static void told_sipi(void *opaque, uint8_t vector)
{
    atomic_store(&x86_kvm(opaque)->sipi, vector);
    cpu_kick(opaque);
}

static const ApicCpuOps apic_cpu_ops = {
    .intr = told_intr,
    .nmi = told_nmi,
    .init = told_init,
    .sipi = told_sipi,
};

static bool has_work(X86Cpu *c)
{
    X86Kvm *k = c->kvm;

    return !k || atomic_load(&k->init) || atomic_load(&k->sipi) >= 0 ||
           atomic_load(&k->nmi) ||
           (atomic_load(&k->intr) && atomic_load(&k->if_flag));
}

void x86_kvm_apic_connect(CPUState *cpu)
{
    X86KvmVm *x = x86_kvm_vm(cpu);
    X86Kvm *k = x86_kvm(cpu);

    k->sipi = -1;
    k->fresh_mp_state =
        cpu->index == 0 ? KVM_MP_STATE_RUNNABLE : WAITS_FOR_SIPI;
    k->fresh_apic_base = 0xfee00800 | (cpu->index == 0 ? BIT(8) : 0);
    x86_cpu(cpu)->engine_has_work = has_work;
    apic_connect_cpu(x->apic, (unsigned)cpu->index, (uint8_t)cpu->id,
                     &apic_cpu_ops, cpu);
}

void x86_kvm_apic_disconnect(CPUState *cpu)
{
    apic_connect_cpu(x86_kvm_vm(cpu)->apic, (unsigned)cpu->index,
                     (uint8_t)cpu->id, NULL, NULL);
}

void x86_kvm_apic_reset(X86Cpu *cpu)
{
    X86Kvm *k = cpu->kvm;

    atomic_store(&k->init, false);
    atomic_store(&k->sipi, -1);
    atomic_store(&k->nmi, false);
    atomic_store(&k->if_flag, false);
    atomic_store(&cpu->parent.halted, cpu->parent.index != 0);
}

/* What was told and not yet served is saved with the events. */
void x86_kvm_apic_pull(CPUState *cpu)
{
    X86Kvm *k = x86_kvm(cpu);
    X86Events *e = &x86_env(cpu)->events;

    e->latched_init = atomic_load(&k->init);
    e->sipi_vector = (uint32_t)(atomic_load(&k->sipi) + 1);
    e->nmi_pending |= atomic_load(&k->nmi);
}

void x86_kvm_apic_push(CPUState *cpu, uint32_t groups)
{
    enum { RFLAGS_IF = 1 << 9 };
    X86Kvm *k = x86_kvm(cpu);
    const X86Env *env = x86_env(cpu);

    if (groups & REGS_GENERAL) {
        atomic_store(&k->if_flag, (env->rflags & RFLAGS_IF) != 0);
    }
    if (groups & REGS_EVENTS) {
        atomic_store(&k->init, env->events.latched_init != 0);
        atomic_store(&k->sipi, (int)(env->events.sipi_vector & 0x1ff) - 1);
        atomic_store(&k->nmi, false); /* the kernel has it */
    }
}

/* The APIC had its INIT when it came; the CPU may have gone on since, and its
 * CR8 been taken for a new task priority. */
static void forget_priority(CPUState *cpu)
{
    X86KvmVm *x = x86_kvm_vm(cpu);

    machine_lock(kvm_machine(x->vm));
    apic_set_tpr(x->apic, (unsigned)cpu->index, 0);
    machine_unlock(kvm_machine(x->vm));
}

/* INIT and SIPI change registers, which only their owner does: here. */
static void serve_init(CPUState *cpu)
{
    enum { GROUPS = REGS_GENERAL | REGS_SYSTEM };
    X86Kvm *k = x86_kvm(cpu);
    X86Cpu *c = x86_cpu(cpu);
    X86Env *env = x86_env(cpu);
    int sipi;

    if (atomic_exchange(&k->init, false)) {
        Error *err = NULL;

        if (!x86_kvm_pull(cpu, GROUPS, &err)) {
            error_report(err);
            error_free(err);
            return;
        }
        forget_priority(cpu);
        x86_cpu_init_registers(c);
        env->mp_state = cpu->index == 0 ? KVM_MP_STATE_RUNNABLE
                                        : KVM_MP_STATE_INIT_RECEIVED;
        x86_kvm_push(cpu, GROUPS, NULL);
        x86_kvm_drop_events(cpu);
    }
    sipi = atomic_exchange(&k->sipi, -1);
    if (sipi >= 0 && env->mp_state != KVM_MP_STATE_RUNNABLE) {
        x86_kvm_pull(cpu, REGS_GENERAL, NULL);
        x86_cpu_start_at(c, (uint8_t)sipi);
        env->mp_state = KVM_MP_STATE_RUNNABLE;
        x86_kvm_push(cpu, REGS_GENERAL, NULL);
    }
}

/* Not over the end of an access to a device, which the guest must be let to
 * first, without a step beyond it. */
static void serve_init_after_access(CPUState *cpu, struct kvm_run *run)
{
    if (kvm_vcpu_in_access(cpu)) {
        __atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    } else {
        serve_init(cpu);
    }
}

static void pre_run_off(CPUState *cpu, struct kvm_run *run)
{
    X86KvmVm *x = x86_kvm_vm(cpu);
    X86Kvm *k = x86_kvm(cpu);

    if (unlikely(atomic_load(&k->init) || atomic_load(&k->sipi) >= 0)) {
        serve_init_after_access(cpu, run);
    }
    if (x86_env(cpu)->mp_state != KVM_MP_STATE_RUNNABLE) {
        atomic_store(&cpu->halted, true); /* until a SIPI comes */
        __atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    }
    if (unlikely(atomic_load(&k->nmi)) && atomic_exchange(&k->nmi, false)) {
        kvm_vcpu_ioctl(cpu, KVM_NMI, NULL);
    }
    give_interrupt(cpu, run, &k->intr);
    run->cr8 = apic_tpr(x->apic, (unsigned)cpu->index) >> 4;
}

void x86_kvm_pre_run(CPUState *cpu, struct kvm_run *run)
{
    X86KvmVm *x = x86_kvm_vm(cpu);

    if (x->apic) {
        pre_run_off(cpu, run);
    } else if (x->pic && cpu->index == 0) {
        give_interrupt(cpu, run, &x->intr);
    }
}

/* The guest may have written CR8 or IA32_APIC_BASE. */
void x86_kvm_post_run(CPUState *cpu, struct kvm_run *run)
{
    X86KvmVm *x = x86_kvm_vm(cpu);
    unsigned i = (unsigned)cpu->index;
    Machine *m = kvm_machine(x->vm);

    if (!x->apic || (run->cr8 == apic_tpr(x->apic, i) >> 4 &&
                     run->apic_base == apic_base(x->apic, i))) {
        return;
    }
    machine_lock(m);
    if (run->cr8 != apic_tpr(x->apic, i) >> 4) {
        apic_set_tpr(x->apic, i, (uint8_t)(run->cr8 << 4));
    }
    if (run->apic_base != apic_base(x->apic, i)) {
        apic_set_base(x->apic, i, run->apic_base);
    }
    machine_unlock(m);
}

KvmNext x86_kvm_halt(CPUState *cpu, struct kvm_run *run)
{
    atomic_store(&x86_kvm(cpu)->if_flag, run->if_flag != 0);
    atomic_store(&cpu->halted, true);
    if (cpu->single_step & CPU_STEP_ON) {
        cpu_debug_stop(cpu, CPU_HIT_STEP, 0); /* HLT was the insn */
    }
    return KVM_LEAVE;
}

/* --- the NMI button: LINT1 of all CPUs --- */

static void lint1_in_kernel(CPUState *cpu, void *unused)
{
    enum { LVT_LINT1 = 0x360, MODE = 7 << 8, NMI = 4 << 8, MASKED = 1 << 16 };
    struct kvm_lapic_state apic;
    uint32_t entry;

    if (kvm_vcpu_ioctl(cpu, KVM_GET_LAPIC, &apic) < 0) {
        return;
    }
    entry = ld32_le((const uint8_t *)apic.regs + LVT_LINT1);
    if ((entry & (MODE | MASKED)) == NMI) {
        kvm_vcpu_ioctl(cpu, KVM_NMI, NULL); /* api.rst 4.64 */
    }
}

void x86_kvm_press_nmi(X86Cpu *c)
{
    CPUState *cpu = &c->parent;
    X86KvmVm *x = x86_kvm_vm(cpu);

    if (x86_kvm_no_irqchip(cpu)) {
        if (x->apic && cpu->index == 0) { /* its input is that of all */
            apic_press_nmi(x->apic);
        }
    } else if (cpu_is_parked(cpu)) { /* at once: its state may be saved next */
        lint1_in_kernel(cpu, NULL);
    } else {
        cpu_post(cpu, lint1_in_kernel, NULL);
    }
}

/* --- what a debugger sees of the local APIC --- */

bool x86_kvm_lapic(X86Cpu *c, uint8_t page[X86_LAPIC_BYTES])
{
    CPUState *cpu = &c->parent;
    X86KvmVm *x = x86_kvm_vm(cpu);

    if (!x86_kvm_no_irqchip(cpu)) {
        return kvm_vcpu_ioctl(cpu, KVM_GET_LAPIC, page) >= 0;
    }
    if (x->apic) {
        apic_page(x->apic, (unsigned)cpu->index, page);
    }
    return x->apic != NULL;
}

/* --- who takes part --- */

bool x86_kvm_attach_intc(KvmVm *vm, const char *kind, DeviceState *dev,
                         const void **ops)
{
    X86KvmVm *x = *kvm_target_data(vm);
    bool split = kvm_irqchip(vm) == KVM_IRQCHIP_MODE_SPLIT;

    if (kvm_irqchip(vm) == KVM_IRQCHIP_MODE_OFF) {
        if (strcmp(kind, "apic") == 0) {
            x->apic = dev;
        }
        return false;
    }
    if (strcmp(kind, "apic") == 0) {
        return true; /* the kernel has them */
    }
    if (strcmp(kind, "i8259") == 0) {
        *ops = split ? &split_pic : &kernel_pic;
        x->pic = split ? dev : NULL;
        return split || pic_routes(vm);
    }
    if (strcmp(kind, "ioapic") != 0) {
        return false;
    }
    if (split) {
        g_ptr_array_add(x->ioapics, dev);
        *ops = &split_engine;
        return true;
    }
    *ops = &kernel_engine;
    return ioapic_gsi_base(dev) == 0; /* the kernel has one */
}
