/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints, watchpoints and single step of a debugger.
 *
 * Watchpoints, the breakpoints that the client wants there and those that no
 * insn can be put for sit in the CPU's debug registers; so do others while
 * there is room. The rest are insns in guest memory. They are there only while
 * the machine runs: a stopped machine's memory is the guest's own, for whoever
 * reads or saves it. What the guest or a device writes over one stays, until
 * the machine has stopped and goes on.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, section 4.87
 *       (KVM_SET_GUEST_DEBUG) and KVM_EXIT_DEBUG.
 * Locks: machine lock with all vCPUs parked, but kvm_debug_exit().
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"
#include "trace_accel_kvm.h"

/* A software breakpoint that is in guest memory now. */
typedef struct KvmBreak {
    hwaddr addr;
    AddressSpace *memory;
    uint8_t saved[4];
} KvmBreak;

static bool rw(AddressSpace *as, hwaddr addr, void *buf, unsigned len,
               bool write)
{
    MemAttrs attrs = { .debug = true };

    return address_space_rw(as, addr, attrs, buf, len, write) == MEM_OK;
}

/* --- which point goes where --- */

/* Has some CPU memory at @pc now that an insn can be put into? */
static bool takes_insn(KvmVm *vm, vaddr pc)
{
    unsigned len = vm->cpu_ops->breakpoint_len;
    GPtrArray *cpus = vm->machine->cpus;
    uint8_t bytes[4];

    for (guint i = 0; i < cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(cpus, i);

        if (cpu_debug_rw(cpu, pc, bytes, len, false) &&
            cpu_debug_rw(cpu, pc, bytes, len, true)) {
            return true;
        }
    }
    return false;
}

static bool take_slot(KvmVcpu *v, KvmPoint p, Error **errp)
{
    if (v->n_points == v->ops->hw_points) {
        if (errp && !*errp) {
            error_set(errp, "all %u debug registers are in use",
                      v->ops->hw_points);
        }
        return false;
    }
    v->points[v->n_points++] = p;
    return true;
}

static bool plan_watches(KvmVcpu *v, Error **errp)
{
    const GArray *list = v->cpu->watchpoints;
    bool all = true;

    for (guint i = 0; i < list->len; i++) {
        const CpuWatchpoint *w = &g_array_index(list, CpuWatchpoint, i);
        KvmPoint p = { w->addr, w->len, w->on_read, w->on_write };

        if (!v->ops->debug_can(&p)) {
            if (errp && !*errp) {
                error_set(errp,
                          "kvm does not watch %" PRIu64 " bytes at 0x%" PRIx64
                          " in this way",
                          w->len, w->addr);
            }
            all = false;
        } else {
            all &= take_slot(v, p, errp);
        }
    }
    return all;
}

/* Those that @need a debug register, or the others. */
static bool plan_breaks(KvmVcpu *v, bool need, Error **errp)
{
    const GArray *list = v->cpu->breakpoints;
    bool all = true;

    for (guint i = 0; i < list->len; i++) {
        const CpuBreakpoint *b = &g_array_index(list, CpuBreakpoint, i);

        if ((b->hw || !takes_insn(v->vm, b->pc)) == need) {
            all &=
                take_slot(v, (KvmPoint){ .addr = b->pc }, need ? errp : NULL);
        }
    }
    return all;
}

/* Fill v->points; *insns: some breakpoint has to be an insn. False: some
 * point could not be set, the others are. */
static bool plan(KvmVcpu *v, bool *insns, Error **errp)
{
    bool watches, needed;

    v->n_points = 0;
    watches = plan_watches(v, errp);
    needed = plan_breaks(v, true, errp);
    *insns = !plan_breaks(v, false, NULL);
    return watches && needed;
}

static bool in_register(const KvmVcpu *v, vaddr pc)
{
    for (unsigned i = 0; i < v->n_points; i++) {
        if (v->points[i].len == 0 && v->points[i].addr == pc) {
            return true;
        }
    }
    return false;
}

/* --- what the kernel is told --- */

/* v->points, the step, and @more of KVM_GUESTDBG_x. */
static int tell_kernel(KvmVcpu *v, uint32_t more)
{
    struct kvm_guest_debug dbg = { .control = more };
    int step = v->cpu->single_step;

    v->ops->debug_points(v->points, v->n_points, &dbg);
    if (v->insns) {
        dbg.control |= KVM_GUESTDBG_USE_SW_BP;
    }
    if (step & CPU_STEP_ON) {
        dbg.control |= KVM_GUESTDBG_SINGLESTEP;
    }
#ifdef KVM_GUESTDBG_BLOCKIRQ
    if ((step & CPU_STEP_NOIRQ) &&
        (kvm_capability(v->vm, KVM_CAP_SET_GUEST_DEBUG2) &
         (int)KVM_GUESTDBG_BLOCKIRQ)) {
        dbg.control |= KVM_GUESTDBG_BLOCKIRQ;
    }
#endif
    if (dbg.control) {
        dbg.control |= KVM_GUESTDBG_ENABLE;
    }
    trace_kvm_debug(v->cpu->index, dbg.control, v->n_points);
    return kvm_vcpu_ioctl(v->cpu, KVM_SET_GUEST_DEBUG, &dbg);
}

bool kvm_debug_can(CPUState *cpu, const CpuWatchpoint *w)
{
    KvmPoint p = { w->addr, w->len, w->on_read, w->on_write };

    return kvm_vcpu(cpu)->ops->debug_can(&p);
}

/* --- insns in guest memory --- */

static void insert_break(CPUState *cpu, vaddr pc)
{
    KvmVm *vm = kvm_vcpu(cpu)->vm;
    const KvmCpuOps *ops = vm->cpu_ops;
    MemAttrs attrs;
    KvmBreak *b;
    hwaddr pa;

    if (!cpu->type->debug_translate(cpu, pc, &pa, &attrs) ||
        g_hash_table_contains(vm->breaks, &pa)) {
        return; /* this CPU cannot meet it now, or another one has put it */
    }
    b = g_new0(KvmBreak, 1);
    *b = (KvmBreak){ .addr = pa, .memory = cpu->memory };
    if (!rw(b->memory, pa, b->saved, ops->breakpoint_len, false) ||
        !rw(b->memory, pa, (void *)ops->breakpoint, ops->breakpoint_len,
            true)) {
        g_free(b);
        return;
    }
    g_hash_table_insert(vm->breaks, &b->addr, b);
}

static void remove_breaks(KvmVm *vm)
{
    const KvmCpuOps *ops = vm->cpu_ops;
    unsigned len = ops->breakpoint_len;
    GHashTableIter it;
    KvmBreak *b;

    g_hash_table_iter_init(&it, vm->breaks);
    while (g_hash_table_iter_next(&it, NULL, (void **)&b)) {
        uint8_t now[4];

        if (rw(b->memory, b->addr, now, len, false) &&
            memcmp(now, ops->breakpoint, len) == 0) {
            rw(b->memory, b->addr, b->saved, len, true);
        }
    }
    g_hash_table_remove_all(vm->breaks);
}

/* Page tables may map what they did not, or no more. */
static void set_anew(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);
    Error *err = NULL;

    if (cpu->breakpoints->len == 0) {
        return;
    }
    if (!plan(v, &v->insns, &err)) {
        warn_report("CPU %d: a breakpoint cannot be set now: %s", cpu->index,
                    error_text(err));
        error_free(err);
    }
    tell_kernel(v, 0);
}

static void insert_breaks(KvmVm *vm)
{
    GPtrArray *cpus = vm->machine->cpus;

    for (guint i = 0; i < cpus->len; i++) {
        set_anew(g_ptr_array_index(cpus, i));
    }
    for (guint i = 0; i < cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(cpus, i);

        for (guint n = 0; n < cpu->breakpoints->len; n++) {
            vaddr pc = g_array_index(cpu->breakpoints, CpuBreakpoint, n).pc;

            if (!in_register(kvm_vcpu(cpu), pc)) {
                insert_break(cpu, pc);
            }
        }
    }
}

static void put_anew(KvmVm *vm)
{
    remove_breaks(vm);
    insert_breaks(vm);
}

bool kvm_debug_changed(CPUState *cpu, Error **errp)
{
    KvmVcpu *v = kvm_vcpu(cpu);
    Error *err = NULL;
    uint32_t was;
    int r;

    if (!v) {
        return true; /* not realized yet: nothing can be set on it */
    }
    was = v->valid;
    if (!plan(v, &v->insns, &err)) {
        error_move(errp, err);
        return false;
    }
    r = tell_kernel(v, 0);
    if (r < 0) {
        error_set_errno(errp, -r, "kvm refuses to debug the guest");
    }
    /* the trap flag may be the kernel's business now */
    v->valid = was & ~(uint32_t)REGS_GENERAL;
    if (machine_running(v->vm->machine)) { /* the client went */
        put_anew(v->vm);
    }
    return r >= 0;
}

/* The machine runs: insns go in; it stopped: they come out. */
static void state_changed(Notifier *n, void *data)
{
    KvmVm *vm = container_of(n, KvmVm, on_state);

    if (*(RunState *)data == RUN_STATE_RUNNING) {
        insert_breaks(vm);
    } else {
        remove_breaks(vm);
    }
}

/* A machine that runs on after a reset has its images loaded anew. */
static void was_reset(Notifier *n, void *data)
{
    KvmVm *vm = container_of(n, KvmVm, on_reset);

    if (machine_running(vm->machine)) {
        put_anew(vm);
    }
}

/* --- a vCPU that met something --- */

/* Is the insn at @pc one of ours? */
static bool is_break(KvmVcpu *v, vaddr pc)
{
    MemAttrs attrs;
    hwaddr pa;

    return v->cpu->type->debug_translate(v->cpu, pc, &pa, &attrs) &&
           g_hash_table_contains(v->vm->breaks, &pa);
}

/* What of @e is the debugger's: CPU_HIT_x, and where. What is not stays in
 * @e: it is the guest's. */
static int take_hit(KvmVcpu *v, KvmDebugExit *e, vaddr *addr)
{
    unsigned met = e->points & (unsigned)bit_mask(v->n_points);
    int hit = CPU_HIT_NONE;

    *addr = e->pc;
    if (e->insn && is_break(v, e->pc)) {
        e->insn = false;
        hit = CPU_HIT_BREAK;
    }
    if (e->step && (v->cpu->single_step & CPU_STEP_ON)) {
        e->step = false;
        hit = CPU_HIT_STEP;
    }
    for (unsigned i = 0; i < v->n_points; i++) {
        const KvmPoint *p = &v->points[i];

        if (!(met & 1u << i) || hit == CPU_HIT_WATCH) {
            continue;
        }
        hit = p->len ? CPU_HIT_WATCH : CPU_HIT_BREAK;
        *addr = p->len ? p->addr : e->pc;
    }
    if (v->n_points > 0) {
        e->own = 0;
    }
    return hit;
}

KvmNext kvm_debug_exit(KvmVcpu *v)
{
    KvmDebugExit e = { 0 };
    vaddr addr;
    int hit, r = 0;

    v->ops->debug_exit(v->cpu, v->run, &e);
    hit = take_hit(v, &e, &addr);
    if (e.insn || e.own || e.step) {
        r = tell_kernel(v, v->ops->debug_pass(v->cpu, &e));
        v->valid = 0;
        trace_kvm_debug_pass(v->cpu->index, e.pc, r);
    }
    if (hit == CPU_HIT_BREAK && v->ops->debug_again) {
        v->ops->debug_again(v->cpu);
    }
    if (hit == CPU_HIT_NONE) {
        return r < 0 ? KVM_UNKNOWN : KVM_RUN_ON;
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
    vm->on_reset.fn = was_reset;
    notifier_add(vm->machine->on_reset, &vm->on_reset);
}

void kvm_debug_free(KvmVm *vm)
{
    notifier_remove(vm->machine->on_reset, &vm->on_reset);
    notifier_remove(vm->machine->on_state, &vm->on_state);
    g_hash_table_unref(vm->breaks);
}
