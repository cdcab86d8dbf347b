/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both engines share of a virtual CPU: its work queue, sleeping,
 * parking, exclusive sections and debug access (DECISIONS 26).
 *
 * A vCPU thread is at a safe point exactly while it is in
 * cpu_wait_for_work(), or waits to run alone; `in_wait` says so under the
 * vCPU lock. Whoever wants it there raises a request, kicks it and waits on
 * `settled`; holding the machine lock meanwhile would stop a vCPU that is on
 * its way through a device, so all waits drop it.
 */
#include "tandem/base.h"

#include <sys/syscall.h>

#include "accel/accel.h"
#include "softmmu/machine/cpu.h"

struct CpuWork {
    CpuWork *next;
    void (*fn)(CPUState *cpu, void *data);
    void *data;
    bool *done; /* under the vCPU lock; NULL: nobody waits */
};

static _Thread_local CPUState *current_cpu;

CPUState *cpu_current(void)
{
    return current_cpu;
}

void cpu_set_current(CPUState *cpu)
{
    current_cpu = cpu;
    if (cpu) {
        atomic_store(&cpu->thread_id, (int)syscall(SYS_gettid));
    }
}

static Machine *cpu_machine(CPUState *cpu)
{
    return cpu->parent.machine;
}

/* --- requests --- */

/* Wake it from the engine and from sleep. The vCPU lock is held. */
static void kick_locked(CPUState *cpu)
{
    accel_ops(cpu_machine(cpu))->vcpu_kick(cpu);
    cond_signal(&cpu->wake);
}

void cpu_kick(CPUState *cpu)
{
    LOCK_GUARD(&cpu->lock);
    kick_locked(cpu);
}

void cpu_set_irq(CPUState *cpu, int n, bool level)
{
    assert(n >= 0 && (unsigned)n < cpu->type->n_irqs);
    if (cpu->env == NULL) {
        return; /* unrealized: a device lowers its lines when it goes */
    }
    cpu->type->irq_input(cpu, n, level);
    cpu_kick(cpu);
}

void cpu_irq_handler(void *cpu, int n, bool level)
{
    cpu_set_irq(cpu, n, level);
}

static void queue_work_locked(CPUState *cpu, void (*fn)(CPUState *, void *),
                              void *data, bool *done)
{
    CpuWork *work = g_new(CpuWork, 1);

    *work = (CpuWork){ NULL, fn, data, done };
    if (cpu->work_tail) {
        cpu->work_tail->next = work;
    } else {
        cpu->work_head = work;
    }
    cpu->work_tail = work;
    kick_locked(cpu);
}

void cpu_post(CPUState *cpu, void (*fn)(CPUState *cpu, void *data), void *data)
{
    LOCK_GUARD(&cpu->lock);
    queue_work_locked(cpu, fn, data, NULL);
}

void cpu_run_on(CPUState *cpu, void (*fn)(CPUState *cpu, void *data),
                void *data)
{
    Machine *m = cpu_machine(cpu);
    bool had_lock = machine_locked(m);
    bool done = false;

    if (cpu == current_cpu || !cpu->thread.started) {
        fn(cpu, data);
        return;
    }
    if (had_lock) {
        machine_unlock(m);
    }
    lock_acquire(&cpu->lock);
    queue_work_locked(cpu, fn, data, &done);
    while (!done) {
        cond_wait(&cpu->settled, &cpu->lock);
    }
    lock_release(&cpu->lock);
    if (had_lock) {
        machine_lock(m);
    }
}

/* --- the vCPU thread's safe point --- */

/* Run one queued item, with the lock dropped; false: there was none. */
static bool run_one_work_locked(CPUState *cpu)
{
    CpuWork *work = cpu->work_head;

    if (!work) {
        return false;
    }
    cpu->work_head = work->next;
    if (!cpu->work_head) {
        cpu->work_tail = NULL;
    }
    lock_release(&cpu->lock);
    work->fn(cpu, work->data);
    lock_acquire(&cpu->lock);
    if (work->done) {
        *work->done = true;
        cond_broadcast(&cpu->settled);
    }
    g_free(work);
    return true;
}

static void set_parked_locked(CPUState *cpu, bool parked)
{
    if (cpu->parked != parked) {
        cpu->parked = parked;
        cond_broadcast(&cpu->settled);
    }
}

static void set_in_wait_locked(CPUState *cpu, bool in_wait)
{
    cpu->in_wait = in_wait;
    cond_broadcast(&cpu->settled);
}

/* Must it stay at the safe point for now? Parks it when asked to. */
static bool must_wait_locked(CPUState *cpu)
{
    if (atomic_load(&cpu->stop_requested)) {
        set_parked_locked(cpu, true);
        return true;
    }
    if (cpu->hold > 0 || cpu->powered_off) {
        return true;
    }
    if (atomic_load(&cpu->halted) && !cpu->type->has_work(cpu)) {
        return true;
    }
    return false;
}

/* It sleeps, and nothing but work for it can end that: the engine may move
 * time on. The vCPU lock is dropped meanwhile. */
static bool idle_locked(CPUState *cpu)
{
    bool (*idle)(CPUState * cpu) = accel_ops(cpu_machine(cpu))->vcpu_idle;
    bool moved;

    if (!idle || atomic_load(&cpu->stop_requested) || cpu->hold > 0 ||
        cpu->powered_off) {
        return false;
    }
    set_parked_locked(cpu, false); /* it was, if the machine has just resumed */
    lock_release(&cpu->lock);
    moved = idle(cpu);
    lock_acquire(&cpu->lock);
    return moved;
}

bool cpu_wait_for_work(CPUState *cpu)
{
    bool may_idle = true;
    bool go_on;

    lock_acquire(&cpu->lock);
    set_in_wait_locked(cpu, true);
    for (;;) {
        if (run_one_work_locked(cpu)) {
            continue;
        }
        if (atomic_load(&cpu->unplug) || !must_wait_locked(cpu)) {
            break;
        }
        if (may_idle) { /* which drops the lock: look again before the wait */
            may_idle = idle_locked(cpu);
            continue;
        }
        cond_wait(&cpu->wake, &cpu->lock);
        may_idle = true;
    }
    go_on = !atomic_load(&cpu->unplug);
    if (go_on) {
        atomic_store(&cpu->halted, false);
        set_parked_locked(cpu, false);
        set_in_wait_locked(cpu, false);
    }
    lock_release(&cpu->lock);
    return go_on;
}

/* --- pausing all --- */

static void wait_parked(CPUState *cpu)
{
    LOCK_GUARD(&cpu->lock);
    while (cpu->thread.started && !cpu->parked) {
        cond_wait(&cpu->settled, &cpu->lock);
    }
}

bool cpu_is_parked(CPUState *cpu)
{
    LOCK_GUARD(&cpu->lock);
    return !cpu->thread.started || cpu->parked;
}

void cpus_stop_soon(Machine *m)
{
    assert(machine_locked(m));
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        atomic_store(&cpu->stop_requested, true);
        cpu_kick(cpu);
    }
}

void cpus_pause_all(Machine *m)
{
    assert(!current_cpu);
    cpus_stop_soon(m);
    machine_unlock(m);
    for (guint i = 0; i < m->cpus->len; i++) {
        wait_parked(g_ptr_array_index(m->cpus, i));
    }
    machine_lock(m);
}

void cpus_resume_all(Machine *m)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        if (!atomic_load(&cpu->awaits_stop)) {
            atomic_store(&cpu->stop_requested, false);
            cpu_kick(cpu);
        }
    }
}

/* --- running alone --- */

/* Wait for the turn; counted as at a safe point meanwhile, so that the one
 * whose turn it is does not wait for us. */
static void take_turn(CPUState *cpu)
{
    Machine *m = cpu_machine(cpu);
    bool was; /* it may come from queued work, at its safe point */

    lock_acquire(&cpu->lock);
    was = cpu->in_wait;
    set_in_wait_locked(cpu, true);
    lock_release(&cpu->lock);

    lock_acquire(&m->exclusive_lock);
    while (m->exclusive) {
        cond_wait(&m->exclusive_done, &m->exclusive_lock);
    }
    m->exclusive = cpu;
    lock_release(&m->exclusive_lock);

    lock_acquire(&cpu->lock);
    set_in_wait_locked(cpu, was);
    lock_release(&cpu->lock);
}

static void hold_other(CPUState *other)
{
    LOCK_GUARD(&other->lock);
    other->hold++;
    kick_locked(other);
    while (other->thread.started && !other->in_wait) {
        cond_wait(&other->settled, &other->lock);
    }
}

static void release_other(CPUState *other)
{
    LOCK_GUARD(&other->lock);
    other->hold--;
    cond_signal(&other->wake);
}

static void each_other(CPUState *cpu, void (*fn)(CPUState *other))
{
    GPtrArray *cpus = cpu_machine(cpu)->cpus;

    for (guint i = 0; i < cpus->len; i++) {
        if (g_ptr_array_index(cpus, i) != cpu) {
            fn(g_ptr_array_index(cpus, i));
        }
    }
}

void cpu_exclusive(CPUState *cpu, void (*fn)(CPUState *cpu, void *data),
                   void *data)
{
    Machine *m = cpu_machine(cpu);

    assert(cpu == current_cpu && !machine_locked(m));
    take_turn(cpu);
    each_other(cpu, hold_other);
    fn(cpu, data);
    each_other(cpu, release_other);
    lock_acquire(&m->exclusive_lock);
    m->exclusive = NULL;
    cond_broadcast(&m->exclusive_done);
    lock_release(&m->exclusive_lock);
}

/* --- debugging --- */

void cpu_debug_stop(CPUState *cpu, int hit, vaddr addr)
{
    cpu->debug_hit = hit;
    cpu->watch_hit_addr = addr;
    atomic_store(&cpu->awaits_stop, true);
    atomic_store(&cpu->stop_requested, true);
    machine_request_stop(cpu_machine(cpu), RUN_STATE_DEBUG);
}

bool cpu_debug_rw(CPUState *cpu, vaddr addr, void *buf, uint64_t len,
                  bool write)
{
    uint64_t page = BIT(cpu->type->page_bits);
    uint8_t *p = buf;

    while (len > 0) {
        uint64_t n = MIN(len, page - (addr & (page - 1)));
        MemAttrs attrs = MEM_ATTRS_CPU;
        hwaddr pa;

        if (!cpu->type->debug_translate(cpu, addr, &pa, &attrs)) {
            return false;
        }
        attrs.debug = true;
        if (address_space_rw(cpu->memory, pa, attrs, p, n, write) != MEM_OK) {
            return false;
        }
        addr += n;
        p += n;
        len -= n;
    }
    return true;
}

static bool debug_changed(CPUState *cpu, Error **errp)
{
    const AccelOps *ops = accel_ops(cpu_machine(cpu));

    if (!(ops->caps & ACCEL_GUEST_DEBUG)) {
        error_set(errp, "accelerator %s has no guest debugging",
                  ops->accel_name);
        return false;
    }
    return ops->debug_changed(cpu, errp);
}

static int find_breakpoint(CPUState *cpu, const CpuBreakpoint *b)
{
    for (guint i = 0; i < cpu->breakpoints->len; i++) {
        CpuBreakpoint *o = &g_array_index(cpu->breakpoints, CpuBreakpoint, i);

        if (o->pc == b->pc && o->owner == b->owner && o->hw == b->hw) {
            return i;
        }
    }
    return -1;
}

bool cpu_breakpoint_add(CPUState *cpu, const CpuBreakpoint *b, Error **errp)
{
    if (find_breakpoint(cpu, b) >= 0) {
        return true;
    }
    g_array_append_vals(cpu->breakpoints, b, 1);
    if (!debug_changed(cpu, errp)) {
        g_array_set_size(cpu->breakpoints, cpu->breakpoints->len - 1);
        debug_changed(cpu, NULL);
        return false;
    }
    return true;
}

bool cpu_breakpoint_del(CPUState *cpu, const CpuBreakpoint *b)
{
    int i = find_breakpoint(cpu, b);

    if (i < 0) {
        return false;
    }
    g_array_remove_index(cpu->breakpoints, i);
    return debug_changed(cpu, NULL);
}

static int find_watchpoint(CPUState *cpu, const CpuWatchpoint *w)
{
    for (guint i = 0; i < cpu->watchpoints->len; i++) {
        CpuWatchpoint *o = &g_array_index(cpu->watchpoints, CpuWatchpoint, i);

        if (o->addr == w->addr && o->len == w->len && o->owner == w->owner &&
            o->on_read == w->on_read && o->on_write == w->on_write) {
            return i;
        }
    }
    return -1;
}

bool cpu_watchpoint_add(CPUState *cpu, const CpuWatchpoint *w, Error **errp)
{
    if (w->len == 0 || w->addr + (w->len - 1) < w->addr) {
        error_set(errp,
                  "watchpoint of length %" PRIu64 " at 0x%" PRIx64
                  " is empty or wraps",
                  w->len, w->addr);
        return false;
    }
    if (find_watchpoint(cpu, w) >= 0) {
        return true;
    }
    g_array_append_vals(cpu->watchpoints, w, 1);
    if (!debug_changed(cpu, errp)) {
        g_array_set_size(cpu->watchpoints, cpu->watchpoints->len - 1);
        debug_changed(cpu, NULL);
        return false;
    }
    return true;
}

bool cpu_watchpoint_del(CPUState *cpu, const CpuWatchpoint *w)
{
    int i = find_watchpoint(cpu, w);

    if (i < 0) {
        return false;
    }
    g_array_remove_index(cpu->watchpoints, i);
    return debug_changed(cpu, NULL);
}

/* --- life --- */

bool cpu_env_loaded(CPUState *cpu, Error **errp)
{
    const AccelOps *ops = accel_ops(cpu_machine(cpu));
    bool ok = ops->regs_push(cpu, REGS_ALL, errp);

    if (ops->vcpu_env_changed) {
        ops->vcpu_env_changed(cpu);
    }
    return ok;
}

void cpu_env_changed(CPUState *cpu)
{
    Error *err = NULL;

    if (!cpu_env_loaded(cpu, &err)) {
        error_report(err);
        error_free(err);
    }
}

CPUState *cpu_by_index(Machine *m, int index)
{
    if (index < 0 || (guint)index >= m->cpus->len) {
        return NULL;
    }
    return g_ptr_array_index(m->cpus, index);
}

bool cpu_realize(DeviceState *dev, Error **errp)
{
    CPUState *cpu = (CPUState *)dev;
    AccelState *a = dev->machine->accel;

    return a->ops->vcpu_create(a, cpu, errp);
}

void cpu_unrealize(DeviceState *dev)
{
    CPUState *cpu = (CPUState *)dev;
    AccelState *a = dev->machine->accel;

    atomic_store(&cpu->unplug, true);
    cpu_kick(cpu);
    a->ops->vcpu_destroy(a, cpu);
    g_ptr_array_remove(dev->machine->cpus, cpu);
    a->ops->env_free(a, cpu);
    cpu->env = NULL;
}

static void cpu_init(Object *obj)
{
    CPUState *cpu = (CPUState *)obj;

    lock_init(&cpu->lock);
    cond_init(&cpu->wake);
    cond_init(&cpu->settled);
    atomic_store(&cpu->stop_requested, true); /* until cont */
    cpu->breakpoints = g_array_new(FALSE, FALSE, sizeof(CpuBreakpoint));
    cpu->watchpoints = g_array_new(FALSE, FALSE, sizeof(CpuWatchpoint));
}

static void cpu_finalize(Object *obj)
{
    CPUState *cpu = (CPUState *)obj;

    g_array_unref(cpu->breakpoints);
    g_array_unref(cpu->watchpoints);
    cond_destroy(&cpu->settled);
    cond_destroy(&cpu->wake);
    lock_destroy(&cpu->lock);
}

/* WFI's sleep is guest state: a halted vCPU stays so after a load. */
static const VmField cpu_fields[] = {
    { .name = "halted",
      .offset = offsetof(CPUState, halted),
      .kind = VM_KIND_BOOL,
      .size = 1,
      .count = 1 },
    VM_BOOL(CPUState, powered_off),
    { 0 },
};
static const VmState cpu_vmstate = { "cpu_common", 1, cpu_fields };

static void cpu_reset_enter(DeviceState *dev)
{
    CPUState *cpu = (CPUState *)dev;

    atomic_store(&cpu->halted, false);
    cpu->debug_hit = CPU_HIT_NONE;
}

const CpuType cpu_type = {
    .name = "cpu",
    .parent = TYPE(device_type),
    .size = sizeof(CPUState),
    .abstract = true,
    .category = DEVICE_CPU,
    .init = cpu_init,
    .finalize = cpu_finalize,
    .realize = cpu_realize,
    .unrealize = cpu_unrealize,
    .reset_enter = cpu_reset_enter,
    .vmstate = &cpu_vmstate,
};
