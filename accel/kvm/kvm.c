/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine "kvm": whether it can run here, the VM, its options, and what
 * the machine asks of an engine (AccelOps).
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.1 to 4.5, 4.37.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "softmmu/machine/machine.h"

/* --- ioctls --- */

int kvm_ioctl(int fd, unsigned long request, void *arg)
{
    int r;

    do {
        r = ioctl(fd, request, arg);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

int kvm_vm_ioctl(KvmVm *vm, unsigned long request, void *arg)
{
    return kvm_ioctl(vm->vm_fd, request, arg);
}

int kvm_vcpu_ioctl(CPUState *cpu, unsigned long request, void *arg)
{
    return kvm_ioctl(kvm_vcpu(cpu)->fd, request, arg);
}

int kvm_system_ioctl(KvmVm *vm, unsigned long request, void *arg)
{
    return kvm_ioctl(vm->sys_fd, request, arg);
}

int kvm_capability(KvmVm *vm, int cap)
{
    int r = kvm_ioctl(vm->vm_fd, KVM_CHECK_EXTENSION, (void *)(intptr_t)cap);

    return MAX(r, 0);
}

int kvm_enable(KvmVm *vm, uint32_t cap, uint64_t arg)
{
    struct kvm_enable_cap e = { .cap = cap, .args = { arg } };

    return kvm_vm_ioctl(vm, KVM_ENABLE_CAP, &e);
}

KvmVm *kvm_vm(Machine *m)
{
    return m->accel && m->accel->ops == &kvm_accel_type ? (KvmVm *)m->accel
                                                        : NULL;
}

Machine *kvm_machine(KvmVm *vm)
{
    return vm->machine;
}

KvmIrqchip kvm_irqchip(const KvmVm *vm)
{
    return vm->irqchip;
}

void kvm_set_irqchip(KvmVm *vm, KvmIrqchip mode)
{
    vm->irqchip = mode;
}

void **kvm_target_data(KvmVm *vm)
{
    return &vm->target;
}

/* --- can it run here? --- */

/* What stops a process at the door, and the next step. */
static void explain_open(int err, const char *path, Error **errp)
{
    switch (err) {
    case ENOENT:
        error_set(errp,
                  "kvm needs %s, which this host has not: load the module "
                  "kvm_intel or kvm_amd, or use -accel tcg",
                  path);
        break;
    case EACCES:
    case EPERM:
        error_set(errp,
                  "kvm may not open %s: join the group kvm, or use "
                  "-accel tcg",
                  path);
        break;
    default:
        error_set_errno(errp, err, "kvm cannot open %s", path);
        break;
    }
}

static int open_kvm(const char *path, Error **errp)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int version;

    if (fd < 0) {
        explain_open(errno, path, errp);
        return -1;
    }
    version = ioctl(fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) {
        error_set(errp,
                  "%s speaks version %d of the KVM interface, and version "
                  "%d is needed",
                  path, version, KVM_API_VERSION);
        close(fd);
        return -1;
    }
    return fd;
}

/* What is used without asking again. */
static const struct {
    int cap;
    const char *what;
} required[] = {
    { KVM_CAP_USER_MEMORY, "memory slots in user space" },
    { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "removal of memory slots" },
    { KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, "memory slots that touch" },
    { KVM_CAP_IMMEDIATE_EXIT, "immediate exits" },
    { KVM_CAP_MP_STATE, "MP states" },
};

static bool check_required(KvmVm *vm, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
        if (kvm_capability(vm, required[i].cap) == 0) {
            error_set_class(errp, ERROR_KVM_MISSING_CAP,
                            "the host's KVM lacks %s: use a newer kernel",
                            required[i].what);
            return false;
        }
    }
    return true;
}

/* Does the host's KVM run CPUs of the machine's kind? */
static bool find_target(KvmVm *vm, Error **errp)
{
    const CpuType *type = machine_cpu_type(vm->machine, errp);
    struct utsname host;

    if (!type) {
        return false;
    }
    uname(&host);
    vm->cpu_ops = type->kvm;
    if (!vm->cpu_ops || !g_strv_contains(vm->cpu_ops->hosts, host.machine)) {
        error_set(errp,
                  "kvm runs guests of the host's own kind, %s, and this "
                  "machine's CPUs are %s: use -accel tcg",
                  host.machine, vm->machine->view.arch);
        return false;
    }
    return true;
}

/* --- life --- */

/* api.rst 4.7: what is recommended, and 4, stand in for a limit. */
static unsigned most_vcpus(KvmVm *vm)
{
    int most = kvm_capability(vm, KVM_CAP_MAX_VCPUS);

    most = most ? most : kvm_capability(vm, KVM_CAP_NR_VCPUS);
    return most ? (unsigned)most : 4;
}

static bool create_vm(KvmVm *vm, Error **errp)
{
    int r;

    vm->vm_fd = kvm_ioctl(vm->sys_fd, KVM_CREATE_VM, NULL);
    if (vm->vm_fd < 0) {
        error_set_errno(errp, -vm->vm_fd, "kvm cannot create a VM");
        return false;
    }
    r = kvm_ioctl(vm->sys_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
    if (r < (int)sizeof(struct kvm_run)) {
        error_set(errp, "kvm maps %d bytes for a vCPU, which is too little", r);
        return false;
    }
    vm->run_size = r;
    vm->max_slots = MAX(kvm_capability(vm, KVM_CAP_NR_MEMSLOTS), 32);
    vm->max_vcpus = most_vcpus(vm);
    vm->max_routes = kvm_capability(vm, KVM_CAP_IRQ_ROUTING);
    return true;
}

static bool enable_ring(KvmVm *vm, Error **errp)
{
    uint64_t bytes = (uint64_t)vm->ring_pages * sizeof(struct kvm_dirty_gfn);
    int cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
    int most = kvm_capability(vm, cap);

    if (vm->ring_pages == 0) {
        return true;
    }
    if (most == 0) {
        cap = KVM_CAP_DIRTY_LOG_RING;
        most = kvm_capability(vm, cap);
    }
    if (!is_power_of_2(vm->ring_pages) || bytes < (uint64_t)getpagesize()) {
        error_set(errp, "dirty-ring-size must be a power of two from %zu",
                  getpagesize() / sizeof(struct kvm_dirty_gfn));
        return false;
    }
    if (bytes > (uint64_t)most) {
        error_set(errp, "dirty-ring-size %u is above what this host has: %zu",
                  vm->ring_pages, most / sizeof(struct kvm_dirty_gfn));
        return false;
    }
    if (kvm_enable(vm, cap, bytes) < 0) {
        error_set(errp, "kvm refuses a dirty ring of %u pages", vm->ring_pages);
        return false;
    }
    return true;
}

static void close_all(KvmVm *vm)
{
    if (vm->vm_fd >= 0) {
        close(vm->vm_fd);
    }
    if (vm->sys_fd >= 0) {
        close(vm->sys_fd);
    }
    vm->vm_fd = vm->sys_fd = -1;
}

static bool kvm_machine_init(AccelState *a, Error **errp)
{
    KvmVm *vm = (KvmVm *)a;

    vm->sys_fd = open_kvm(vm->device, errp);
    if (vm->sys_fd < 0) {
        return false;
    }
    vm->irqchip = vm->irqchip_option;
    lock_init(&vm->hold_lock);
    lock_init(&vm->ring_lock);
    cond_init(&vm->hold_cond);
    vm->vcpus = g_ptr_array_new();
    kvm_irq_init(vm);
    if (!find_target(vm, errp) || !create_vm(vm, errp) ||
        !check_required(vm, errp) || !enable_ring(vm, errp) ||
        !vm->cpu_ops->vm_init(vm, errp)) {
        kvm_irq_free(vm);
        g_ptr_array_unref(vm->vcpus);
        close_all(vm);
        return false;
    }
    kvm_signal_init();
    kvm_debug_init(vm);
    kvm_memory_init(vm, errp);
    vm->started = true;
    return true;
}

static void kvm_machine_free(AccelState *a)
{
    KvmVm *vm = (KvmVm *)a;

    if (!vm->started) {
        return;
    }
    vm->started = false;
    kvm_memory_free(vm);
    kvm_debug_free(vm);
    if (vm->cpu_ops->vm_free) {
        vm->cpu_ops->vm_free(vm);
    }
    kvm_irq_free(vm);
    g_ptr_array_unref(vm->vcpus);
    cond_destroy(&vm->hold_cond);
    lock_destroy(&vm->ring_lock);
    lock_destroy(&vm->hold_lock);
    close_all(vm);
}

static void *kvm_env_alloc(AccelState *a, CPUState *cpu, size_t size)
{
    void *env = aligned_alloc(64, (size + 63) & ~(size_t)63);

    assert(env); /* as g_malloc */
    return memset(env, 0, size);
}

static void kvm_env_free(AccelState *a, CPUState *cpu)
{
    free(cpu->env);
}

static bool kvm_attach_intc(AccelState *a, const char *kind, DeviceState *dev,
                            const void **ops)
{
    KvmVm *vm = (KvmVm *)a;

    return vm->cpu_ops->attach_intc &&
           vm->cpu_ops->attach_intc(vm, kind, dev, ops);
}

/* --- the type --- */

static const PropertyEnum irqchip_values[] = {
    { "auto", KVM_IRQCHIP_AUTO },
    { "on", KVM_IRQCHIP_MODE_ON },
    { "split", KVM_IRQCHIP_MODE_SPLIT },
    { "off", KVM_IRQCHIP_MODE_OFF },
    { NULL },
};

static const Property kvm_props[] = {
    PROP_ARG(enum, KvmVm, irqchip_option, "kernel-irqchip", "auto",
             "interrupt controllers in the kernel: all (on), the CPUs' own "
             "(split), none (off)",
             irqchip_values),
    PROP(u32, KvmVm, ring_pages, "dirty-ring-size", "0",
         "pages a vCPU's ring of dirty pages holds; 0: bitmaps"),
    PROP(str, KvmVm, device, "device", "/dev/kvm", "the KVM device"),
    { 0 },
};

static void kvm_init(Object *obj)
{
    KvmVm *vm = (KvmVm *)obj;

    vm->sys_fd = vm->vm_fd = -1;
}

const AccelOps kvm_accel_type = {
    .name = "kvm-accel",
    .parent = TYPE(accel_type),
    .description = "the host's KVM: guest insns run on the host CPU",
    .size = sizeof(KvmVm),
    .props = kvm_props,
    .init = kvm_init,
    .accel_name = "kvm",
    .caps = ACCEL_HAS_VCPUS | ACCEL_GUEST_DEBUG | ACCEL_HAS_IOEVENTFD,
    .huge_pages = true,
    .machine_init = kvm_machine_init,
    .machine_free = kvm_machine_free,
    .env_alloc = kvm_env_alloc,
    .env_free = kvm_env_free,
    .vcpu_create = kvm_vcpu_create,
    .vcpu_destroy = kvm_vcpu_destroy,
    .vcpu_kick = kvm_vcpu_kick,
    .regs_pull = kvm_regs_pull,
    .regs_push = kvm_regs_push,
    .dirty_start = kvm_dirty_sync,
    .dirty_sync = kvm_dirty_sync,
    .dirty_stop = kvm_dirty_sync,
    .debug_changed = kvm_debug_changed,
    .debug_can = kvm_debug_can,
    .attach_intc = kvm_attach_intc,
    .flush_writes = kvm_coalesced_flush_vm,
    .msi_send = kvm_msi_send,
    .msi_route_new = kvm_msi_route_new,
    .msi_route_bind = kvm_msi_route_bind,
    .msi_route_unbind = kvm_msi_route_unbind,
    .msi_route_free = kvm_msi_route_free,
    .stats = kvm_stats,
    .statistics = kvm_statistics,
};
