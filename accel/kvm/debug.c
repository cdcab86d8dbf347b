/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints, watchpoints and single step of a debugger.
 *
 * Watchpoints and the first breakpoints sit in debug registers; breakpoints
 * beyond those are insns in guest memory. They are there only while the
 * machine runs: a stopped machine's memory is the guest's own, for whoever
 * reads or saves it.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, section 4.87
 *       (KVM_SET_GUEST_DEBUG) and KVM_EXIT_DEBUG.
 * Locks: machine lock with all vCPUs parked, but kvm_debug_exit().
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"

/* A software breakpoint that is in guest memory now. */
typedef struct KvmBreak {
    vaddr pc;
    uint8_t saved[4];
} KvmBreak;

static void insert_break(CPUState *cpu, vaddr pc)
{
    KvmVm *vm = kvm_vcpu(cpu)->vm;
    const KvmCpuOps *ops = vm->cpu_ops;
    KvmBreak *b;

    if (g_hash_table_contains(vm->breaks, &pc)) {
        return;
    }
    b = g_new0(KvmBreak, 1);
    b->pc = pc;
    if (!cpu_debug_rw(cpu, pc, b->saved, ops->breakpoint_len, false) ||
        !cpu_debug_rw(cpu, pc, (void *)ops->breakpoint, ops->breakpoint_len,
                      true)) {
        g_free(b); /* not mapped now: it cannot be hit either */
        return;
    }
    g_hash_table_insert(vm->breaks, &b->pc, b);
}

static void remove_breaks(KvmVm *vm)
{
    CPUState *cpu = cpu_by_index(vm->machine, 0);
    GHashTableIter it;
    KvmBreak *b;

    g_hash_table_iter_init(&it, vm->breaks);
    while (g_hash_table_iter_next(&it, NULL, (void **)&b)) {
        cpu_debug_rw(cpu, b->pc, b->saved, vm->cpu_ops->breakpoint_len, true);
    }
    g_hash_table_remove_all(vm->breaks);
}

/* Put all points of @cpu where they act; *n_hw: breakpoints that need no
 * insn. */
static bool set_debug(CPUState *cpu, Error **errp)
{
    KvmVcpu *v = kvm_vcpu(cpu);
    struct kvm_guest_debug dbg = { 0 };
    unsigned n_hw = 0;
    int r;

    if (!v->ops->debug_points(cpu, &dbg, &n_hw)) {
        error_set(errp,
                  "kvm watches at most %u places, of 1, 2, 4 or 8 aligned "
                  "bytes, and not reads alone",
                  v->ops->hw_points);
        return false;
    }
    if (cpu->breakpoints->len > n_hw) {
        dbg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    }
    if (cpu->single_step & CPU_STEP_ON) {
        dbg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
    }
#ifdef KVM_GUESTDBG_BLOCKIRQ
    if ((cpu->single_step & CPU_STEP_NOIRQ) &&
        (kvm_capability(v->vm, KVM_CAP_SET_GUEST_DEBUG2) &
         (int)KVM_GUESTDBG_BLOCKIRQ)) {
        dbg.control |= KVM_GUESTDBG_BLOCKIRQ;
    }
#endif
    r = kvm_vcpu_ioctl(cpu, KVM_SET_GUEST_DEBUG, &dbg);
    if (r < 0) {
        error_set_errno(errp, -r, "kvm refuses to debug the guest");
    }
    return r >= 0;
}

bool kvm_debug_changed(CPUState *cpu, Error **errp)
{
    KvmVcpu *v = kvm_vcpu(cpu);
    uint32_t was;

    if (!v) {
        return true; /* not realized yet: nothing can be set on it */
    }
    was = v->valid;
    if (!set_debug(cpu, errp)) {
        return false;
    }
    /* the trap flag may be the kernel's business now */
    v->valid = was & ~(uint32_t)REGS_GENERAL;
    return true;
}

static unsigned hw_breakpoints(CPUState *cpu)
{
    struct kvm_guest_debug dbg = { 0 };
    unsigned n = 0;

    kvm_vcpu(cpu)->ops->debug_points(cpu, &dbg, &n);
    return n;
}

/* The machine runs: insns go in; it stopped: they come out. */
static void state_changed(Notifier *n, void *data)
{
    KvmVm *vm = container_of(n, KvmVm, on_state);
    Machine *m = vm->machine;

    if (*(RunState *)data != RUN_STATE_RUNNING) {
        if (g_hash_table_size(vm->breaks) > 0) {
            remove_breaks(vm);
        }
        return;
    }
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        for (guint b = cpu->breakpoints->len ? hw_breakpoints(cpu) : 0;
             b < cpu->breakpoints->len; b++) {
            insert_break(cpu,
                         g_array_index(cpu->breakpoints, CpuBreakpoint, b).pc);
        }
    }
}

KvmNext kvm_debug_exit(KvmVcpu *v)
{
    vaddr addr = 0;
    int hit = v->ops->debug_hit(v->cpu, v->run, &addr);

    if (hit == CPU_HIT_NONE) {
        return KVM_RUN_ON;
    }
    cpu_debug_stop(v->cpu, hit, addr);
    return KVM_LEAVE;
}

void kvm_debug_init(KvmVm *vm)
{
    vm->breaks =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    vm->on_state.fn = state_changed;
    notifier_add(vm->machine->on_state, &vm->on_state);
}

void kvm_debug_free(KvmVm *vm)
{
    notifier_remove(vm->machine->on_state, &vm->on_state);
    g_hash_table_unref(vm->breaks);
}
