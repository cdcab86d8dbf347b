/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPU threads: entering the guest, its exits, and how others get a vCPU out.
 *
 * No wake-up is lost: the thread first clears run->immediate_exit and
 * .kicked, then looks at what others published, then enters; whoever wants
 * something publishes it, sets .kicked and immediate_exit, and signals. So a
 * request that the look missed makes KVM_RUN return at once.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.10 and 5.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "softmmu/machine/machine.h"
#include "trace_accel_kvm.h"

enum { KICK_SIGNAL = SIGUSR1 };

/* --- kicks --- */

static void kick_arrived(int sig)
{
    /* its arrival is all that counts: it ends KVM_RUN */
}

void kvm_signal_init(void)
{
    struct sigaction action = { .sa_handler = kick_arrived };

    sigemptyset(&action.sa_mask);
    sigaction(KICK_SIGNAL, &action, NULL);
}

static void unblock_kick(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void set_immediate_exit(KvmVcpu *v, uint8_t on)
{
    __atomic_store_n(&v->run->immediate_exit, on, __ATOMIC_SEQ_CST);
}

void kvm_vcpu_kick(CPUState *cpu)
{
    KvmVcpu *v = kvm_vcpu(cpu);

    if (!v || atomic_exchange(&v->kicked, true)) {
        return;
    }
    set_immediate_exit(v, 1);
    if (atomic_load(&v->in_guest) && atomic_load(&v->thread_up)) {
        pthread_kill(cpu->thread.id, KICK_SIGNAL);
    }
}

static void forget_kicks(KvmVcpu *v)
{
    set_immediate_exit(v, 0);
    atomic_store(&v->kicked, false);
}

/* --- keeping all out of the guest --- */

void kvm_hold(KvmVm *vm)
{
    atomic_fetch_add(&vm->hold, 1);
    for (guint i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *v = g_ptr_array_index(vm->vcpus, i);

        if (!v) {
            continue;
        }
        lock_acquire(&vm->hold_lock);
        while (atomic_load(&v->in_guest)) {
            kvm_vcpu_kick(v->cpu);
            cond_wait_ns(&vm->hold_cond, &vm->hold_lock, 1000000);
        }
        lock_release(&vm->hold_lock);
    }
}

void kvm_release(KvmVm *vm)
{
    LOCK_GUARD(&vm->hold_lock);
    atomic_fetch_sub(&vm->hold, 1);
    cond_broadcast(&vm->hold_cond);
}

static void enter_guest(KvmVcpu *v)
{
    KvmVm *vm = v->vm;

    atomic_store(&v->in_guest, true); /* then look: pairs with kvm_hold() */
    while (unlikely(atomic_load(&vm->hold) != 0)) {
        lock_acquire(&vm->hold_lock);
        atomic_store(&v->in_guest, false);
        cond_broadcast(&vm->hold_cond);
        while (atomic_load(&vm->hold) != 0) {
            cond_wait(&vm->hold_cond, &vm->hold_lock);
        }
        lock_release(&vm->hold_lock);
        atomic_store(&v->in_guest, true);
    }
}

/* No fence between the store and the load: a holder that is not woken looks
 * again by itself within a millisecond. */
static void leave_guest(KvmVcpu *v)
{
    atomic_store_explicit(&v->in_guest, false, memory_order_release);
    if (unlikely(atomic_load_explicit(&v->vm->hold, memory_order_relaxed))) {
        LOCK_GUARD(&v->vm->hold_lock);
        cond_broadcast(&v->vm->hold_cond);
    }
}

/* --- registers --- */

/* What messages and NMIs change, which come to a CPU that stands, too: the
 * local APIC, and events. */
enum { REGS_SHARED = REGS_SYSTEM | REGS_EVENTS };

void kvm_regs_pull(CPUState *cpu, uint32_t groups)
{
    KvmVcpu *v = kvm_vcpu(cpu);
    uint32_t old = v ? groups & (~v->valid | REGS_SHARED) : 0;
    Error *err = NULL;

    if (old) {
        if (!v->ops->pull(cpu, old, &err)) {
            error_report(err);
            error_free(err);
        }
        v->valid |= groups;
    }
}

bool kvm_regs_push(CPUState *cpu, uint32_t groups, Error **errp)
{
    KvmVcpu *v = kvm_vcpu(cpu);

    if (!v) {
        return true;
    }
    v->valid |= groups;
    if (!v->ops->push(cpu, groups, errp)) {
        v->valid = 0; /* some of it the kernel has not */
        return false;
    }
    return true;
}

uint64_t kvm_vcpu_runs(CPUState *cpu)
{
    return kvm_vcpu(cpu)->runs;
}

bool kvm_vcpu_in_access(CPUState *cpu)
{
    return kvm_vcpu(cpu)->io_pending;
}

/* --- exits --- */

/* The vCPU must not go on until the machine has served @why. */
static KvmNext stop_here(KvmVcpu *v)
{
    atomic_store(&v->cpu->awaits_stop, true);
    atomic_store(&v->cpu->stop_requested, true);
    return KVM_LEAVE;
}

static KvmNext exit_io(KvmVcpu *v)
{
    const struct kvm_run *run = v->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned size = run->io.size;

    v->io_pending = true;
    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        uint64_t value;

        if (run->io.direction == KVM_EXIT_IO_IN) {
            address_space_ld_hint(v->io, &v->hints, run->io.port, size, &value);
            memcpy(data, &value, size);
        } else {
            value = 0;
            memcpy(&value, data, size);
            address_space_st_hint(v->io, &v->hints, run->io.port, size, value);
        }
    }
    return KVM_RUN_ON;
}

/* One access of a power of two goes to the device as such; what the kernel
 * cut otherwise goes in pieces. */
static void mmio_access(KvmVcpu *v, hwaddr addr, uint8_t *data, unsigned len,
                        bool write)
{
    uint64_t value = 0;

    if (!is_power_of_2(len)) {
        if (!write) {
            memset(data, 0xff, len);
        }
        address_space_rw(v->memory, addr, MEM_ATTRS_CPU, data, len, write);
    } else if (write) {
        memcpy(&value, data, len);
        address_space_st_hint(v->memory, &v->hints, addr, len, value);
    } else {
        address_space_ld_hint(v->memory, &v->hints, addr, len, &value);
        memcpy(data, &value, len);
    }
}

static KvmNext exit_mmio(KvmVcpu *v)
{
    struct kvm_run *run = v->run;

    v->io_pending = true;
    mmio_access(v, run->mmio.phys_addr, run->mmio.data,
                MIN(run->mmio.len, sizeof(run->mmio.data)), run->mmio.is_write);
    return KVM_RUN_ON;
}

/* x86: a triple fault. */
static KvmNext exit_shutdown(KvmVcpu *v)
{
    machine_request_reset(v->vm->machine, CAUSE_GUEST_RESET);
    return stop_here(v);
}

/* -action panic=none; QMP's set-action may change it. */
static bool panic_is_ignored(Machine *m)
{
    bool ignored;

    machine_lock(m);
    ignored = m->actions.panic == PANIC_NONE;
    machine_unlock(m);
    return ignored;
}

static KvmNext exit_system_event(KvmVcpu *v)
{
    Machine *m = v->vm->machine;

    switch (v->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        machine_request_shutdown(m, CAUSE_GUEST_SHUTDOWN, 0);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        machine_request_reset(m, CAUSE_GUEST_RESET);
        break;
    case KVM_SYSTEM_EVENT_CRASH:
        machine_guest_panicked(m);
        if (panic_is_ignored(m)) {
            return KVM_RUN_ON;
        }
        break;
    default:
        return KVM_UNKNOWN;
    }
    return stop_here(v);
}

static KvmNext exit_ring_full(KvmVcpu *v)
{
    machine_lock(v->vm->machine);
    kvm_ring_harvest(v);
    machine_unlock(v->vm->machine);
    return KVM_RUN_ON;
}

static KvmNext exit_nothing(KvmVcpu *v)
{
    return KVM_LEAVE; /* a signal */
}

static KvmNext exit_window(KvmVcpu *v)
{
    return KVM_RUN_ON; /* pre_run has an interrupt for it */
}

typedef struct ExitRow {
    const char *name;
    KvmNext (*serve)(KvmVcpu *v); /* NULL: an error */
} ExitRow;

static const ExitRow exits[] = {
    [KVM_EXIT_UNKNOWN] = { "unknown" },
    [KVM_EXIT_EXCEPTION] = { "exception" },
    [KVM_EXIT_IO] = { "io", exit_io },
    [KVM_EXIT_DEBUG] = { "debug", kvm_debug_exit },
    [KVM_EXIT_MMIO] = { "mmio", exit_mmio },
    [KVM_EXIT_IRQ_WINDOW_OPEN] = { "irq-window", exit_window },
    [KVM_EXIT_SHUTDOWN] = { "shutdown", exit_shutdown },
    [KVM_EXIT_FAIL_ENTRY] = { "fail-entry" },
    [KVM_EXIT_INTR] = { "intr", exit_nothing },
    [KVM_EXIT_INTERNAL_ERROR] = { "internal-error" },
    [KVM_EXIT_SYSTEM_EVENT] = { "system-event", exit_system_event },
    [KVM_EXIT_DIRTY_RING_FULL] = { "dirty-ring-full", exit_ring_full },
};

static const char *exit_name(KvmVcpu *v, uint32_t reason)
{
    const char *name = reason < ARRAY_SIZE(exits) ? exits[reason].name : NULL;

    if (!name && v->ops->exit_name) {
        name = v->ops->exit_name(reason);
    }
    return name ? name : "unknown to this program";
}

/* What the kernel says of an error, beyond its name. */
static void describe_error(KvmVcpu *v, GString *text)
{
    const struct kvm_run *run = v->run;

    if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
        g_string_append_printf(text, ", suberror %u", run->internal.suberror);
        for (uint32_t i = 0;
             i < MIN(run->internal.ndata, ARRAY_SIZE(run->internal.data));
             i++) {
            g_string_append_printf(text, "%s0x%llx", i ? " " : ", data ",
                                   run->internal.data[i]);
        }
    } else if (run->exit_reason == KVM_EXIT_FAIL_ENTRY) {
        g_string_append_printf(text, ", hardware reason 0x%llx",
                               run->fail_entry.hardware_entry_failure_reason);
    }
}

static void report_registers(KvmVcpu *v)
{
    g_autoptr(GString) dump = g_string_new(NULL);

    kvm_regs_pull(v->cpu, REGS_ALL);
    if (v->cpu->type->dump) {
        v->cpu->type->dump(v->cpu, dump, false);
        fputs(dump->str, stderr);
    }
}

/* The guest cannot go on: say why, show its registers, stop. The client hears
 * of it by STOP and the state "internal-error". */
static KvmNext give_up(KvmVcpu *v, int err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Error *e = NULL;

    trace_kvm_error(v->cpu->index, err);
    if (err) {
        g_string_printf(text, "KVM_RUN failed: %s", strerror(err));
    } else {
        g_string_printf(text, "KVM left the guest by exit %u (%s)",
                        v->run->exit_reason, exit_name(v, v->run->exit_reason));
        describe_error(v, text);
    }
    error_set(&e, "CPU %d: %s", v->cpu->index, text->str);
    error_report(e);
    error_free(e);
    report_registers(v);
    machine_request_stop(v->vm->machine, RUN_STATE_INTERNAL_ERROR);
    return stop_here(v);
}

static KvmNext serve_exit(KvmVcpu *v)
{
    uint32_t reason = v->run->exit_reason;
    KvmNext next = KVM_UNKNOWN;

    trace_kvm_exit(v->cpu->index, reason);
    kvm_coalesced_flush(v);
    if (likely(reason < ARRAY_SIZE(exits) && exits[reason].serve)) {
        next = exits[reason].serve(v);
    } else if (v->ops->handle_exit) {
        next = v->ops->handle_exit(v->cpu, v->run);
    }
    return next == KVM_UNKNOWN ? give_up(v, 0) : next;
}

/* --- the thread --- */

/* One stay in the guest; 0, or -errno. */
static int run_once(KvmVcpu *v)
{
    int r;

    if (v->ops->pre_run) {
        v->ops->pre_run(v->cpu, v->run);
    }
    enter_guest(v);
    r = ioctl(v->fd, KVM_RUN, 0) < 0 ? -errno : 0;
    leave_guest(v);
    v->valid = 0;
    v->runs++;
    v->io_pending = false;
    if (v->ops->post_run) {
        v->ops->post_run(v->cpu, v->run);
    }
    if (r == 0) {
        uint64_t n = atomic_load_explicit(&v->exits, memory_order_relaxed);

        atomic_store_explicit(&v->exits, n + 1, memory_order_relaxed);
    }
    return r;
}

/* -errno that is no failure: kicked, or not started yet. */
static bool harmless(int r)
{
    return r == -EINTR || r == -EAGAIN;
}

static void run_until_request(KvmVcpu *v)
{
    KvmNext next;

    do {
        int r = run_once(v);

        if (r == -EFAULT && v->run->exit_reason == KVM_EXIT_DIRTY_RING_FULL) {
            r = 0;
        }
        if (r < 0) {
            if (!harmless(r)) {
                give_up(v, -r);
            }
            return;
        }
        next = serve_exit(v);
    } while (next == KVM_RUN_ON &&
             !atomic_load_explicit(&v->kicked, memory_order_relaxed));
}

/* What an exit's handler gave reaches the guest's registers only through the
 * next KVM_RUN (api.rst 5, "Note that"); one that may not run the guest. */
static void complete_io(KvmVcpu *v)
{
    while (v->io_pending) {
        set_immediate_exit(v, 1);
        if (run_once(v) == 0 && serve_exit(v) != KVM_RUN_ON) {
            return;
        }
    }
}

static void *vcpu_main(void *arg)
{
    KvmVcpu *v = arg;
    CPUState *cpu = v->cpu;

    cpu_set_current(cpu);
    unblock_kick();
    atomic_store(&v->thread_up, true);
    for (;;) {
        complete_io(v);
        kvm_coalesced_flush(v); /* nothing is queued in a VM that stands */
        forget_kicks(v);
        if (!cpu_wait_for_work(cpu)) {
            break;
        }
        run_until_request(v);
    }
    atomic_store(&v->thread_up, false);
    cpu_set_current(NULL);
    return NULL;
}

/* --- life --- */

static bool map_ring(KvmVcpu *v, Error **errp)
{
    KvmVm *vm = v->vm;
    size_t bytes = (size_t)vm->ring_pages * sizeof(struct kvm_dirty_gfn);
    void *p;

    if (vm->ring_pages == 0) {
        return true;
    }
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
             (off_t)getpagesize() * KVM_DIRTY_LOG_PAGE_OFFSET);
    if (p == MAP_FAILED) {
        error_set_errno(errp, errno, "mapping a vCPU's dirty ring failed");
        return false;
    }
    v->ring = p;
    return true;
}

static void vcpu_close(KvmVcpu *v)
{
    if (v->ring) {
        munmap(v->ring, (size_t)v->vm->ring_pages * sizeof(v->ring[0]));
    }
    if (v->run) {
        munmap(v->run, v->vm->run_size);
    }
    if (v->stats_fd >= 0) {
        close(v->stats_fd);
    }
    if (v->fd >= 0) {
        close(v->fd);
    }
    g_free(v);
}

static bool vcpu_open(KvmVcpu *v, Error **errp)
{
    void *p;

    v->fd = kvm_vm_ioctl(v->vm, KVM_CREATE_VCPU, (void *)(uintptr_t)v->cpu->id);
    if (v->fd < 0) {
        error_set_errno(errp, -v->fd, "kvm cannot create vCPU %d",
                        v->cpu->index);
        return false;
    }
    p = mmap(NULL, v->vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
             0);
    if (p == MAP_FAILED) {
        error_set_errno(errp, errno, "mapping a vCPU failed");
        return false;
    }
    v->run = p;
    return map_ring(v, errp);
}

static void list_vcpu(KvmVm *vm, unsigned index, KvmVcpu *v)
{
    kvm_hold(vm); /* who holds walks the list */
    if (vm->vcpus->len <= index) {
        g_ptr_array_set_size(vm->vcpus, (gint)index + 1);
    }
    vm->vcpus->pdata[index] = v;
    kvm_release(vm);
}

bool kvm_vcpu_create(AccelState *a, CPUState *cpu, Error **errp)
{
    KvmVm *vm = (KvmVm *)a;
    KvmVcpu *v;
    char name[16];

    if ((unsigned)cpu->index >= vm->max_vcpus) {
        error_set(errp, "the host's KVM runs at most %u vCPUs", vm->max_vcpus);
        return false;
    }
    v = g_new0(KvmVcpu, 1);
    v->vm = vm;
    v->cpu = cpu;
    v->ops = cpu->type->kvm;
    v->io = &vm->machine->io_space;
    v->memory = cpu->memory;
    v->stats_fd = -1;
    if (!vcpu_open(v, errp)) {
        vcpu_close(v);
        return false;
    }
    cpu->engine = v;
    v->stats_fd = kvm_stats_open(cpu);
    if (!v->ops->vcpu_init(cpu, errp)) {
        cpu->engine = NULL;
        vcpu_close(v);
        return false;
    }
    list_vcpu(vm, (unsigned)cpu->index, v);
    snprintf(name, sizeof(name), "CPU %d/KVM", cpu->index);
    thread_start(&cpu->thread, name, vcpu_main, v);
    return true;
}

void kvm_vcpu_destroy(AccelState *a, CPUState *cpu)
{
    KvmVm *vm = (KvmVm *)a;
    KvmVcpu *v = kvm_vcpu(cpu);

    if (!v) {
        return;
    }
    /* the thread may want the machine lock on its way out of a device */
    machine_unlock(vm->machine);
    thread_join(&cpu->thread);
    machine_lock(vm->machine);
    list_vcpu(vm, (unsigned)cpu->index, NULL);
    vm->exits_gone += v->exits;
    if (v->ops->vcpu_free) {
        v->ops->vcpu_free(cpu);
    }
    cpu->engine = NULL;
    vcpu_close(v);
}
