/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Coalesced writes: the kernel queues those to regions whose device only
 * keeps the value (memory_region_set_coalesced()), in one ring for all vCPUs,
 * and the guest goes on. They reach their devices, in order, before anything
 * else does: before an exit of any vCPU is served, before a vCPU parks, and
 * when the monitor looks. A ring that is full makes the next write exit.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, section 4.116.
 * Locks: machine lock over the zones and over taking from the ring; the
 *        kernel alone adds to it.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"
#include "trace_accel_kvm.h"

typedef struct kvm_coalesced_mmio_ring Ring;
typedef struct kvm_coalesced_mmio Entry;

/* What the kernel queues writes of. Entries go to .mr whatever its address
 * is by now. */
typedef struct Zone {
    hwaddr addr;
    uint64_t size;
    bool port;
    MemoryRegion *mr;
    hwaddr offset; /* of .addr in .mr */
} Zone;

static Ring *ring_of(const KvmVcpu *v)
{
    return (Ring *)((uint8_t *)v->run +
                    v->vm->coalesced_page * (size_t)getpagesize());
}

static uint32_t ring_entries(void)
{
    return (uint32_t)(((size_t)getpagesize() - sizeof(Ring)) / sizeof(Entry));
}

static bool ring_empty(const Ring *r)
{
    return __atomic_load_n(&r->first, __ATOMIC_ACQUIRE) ==
           __atomic_load_n(&r->last, __ATOMIC_ACQUIRE);
}

/* --- out of the ring --- */

static const Zone *zone_of(const KvmVm *vm, const Entry *e)
{
    for (guint i = 0; i < vm->zones->len; i++) {
        const Zone *z = &g_array_index(vm->zones, Zone, i);

        if (z->port == (e->pio != 0) && e->phys_addr >= z->addr &&
            range_fits(e->phys_addr - z->addr, e->len, z->size)) {
            return z;
        }
    }
    return NULL;
}

static void take(KvmVm *vm, const Entry *e)
{
    const Zone *z = e->len <= sizeof(e->data) ? zone_of(vm, e) : NULL;
    unsigned step = is_power_of_2(e->len) ? e->len : 1;

    trace_kvm_coalesced(e->phys_addr, e->len, z != NULL);
    for (unsigned i = 0; z && i < e->len; i += step) {
        uint64_t value = 0;

        memcpy(&value, e->data + i, step);
        memory_region_access(z->mr, e->phys_addr - z->addr + z->offset + i,
                             step, MEM_LITTLE, &value, true, MEM_ATTRS_CPU);
    }
}

/* What is there when it is called: a guest that goes on writing cannot keep
 * it. */
static void drain(KvmVm *vm, Ring *r)
{
    uint32_t most = ring_entries();
    uint32_t last = __atomic_load_n(&r->last, __ATOMIC_ACQUIRE) % most;
    uint32_t first = r->first % most;

    for (; first != last; vm->n_coalesced++) {
        Entry e = r->coalesced_mmio[first];

        take(vm, &e);
        first = (first + 1) % most;
        __atomic_store_n(&r->first, first, __ATOMIC_RELEASE);
    }
}

void kvm_coalesced_flush(KvmVcpu *v)
{
    KvmVm *vm = v->vm;

    if (atomic_load_explicit(&vm->n_zones, memory_order_relaxed) == 0 ||
        ring_empty(ring_of(v))) {
        return;
    }
    machine_lock(vm->machine);
    drain(vm, ring_of(v));
    machine_unlock(vm->machine);
}

void kvm_coalesced_flush_vm(AccelState *a)
{
    KvmVm *vm = (KvmVm *)a;

    for (guint i = 0; vm->zones->len > 0 && i < vm->vcpus->len; i++) {
        const KvmVcpu *v = vm->vcpus->pdata[i];

        if (v) {
            drain(vm, ring_of(v)); /* each vCPU maps the same one */
            return;
        }
    }
}

/* --- zones --- */

static int tell_kernel(KvmVm *vm, const Zone *z, bool on)
{
    struct kvm_coalesced_mmio_zone arg = { .addr = z->addr,
                                           .size = (uint32_t)z->size,
                                           .pio = z->port };

    return kvm_vm_ioctl(
        vm, on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
        &arg);
}

void kvm_coalesced_add(KvmVm *vm, const FlatRange *r, bool port)
{
    Zone z = { r->addr, r->size, port, r->mr, r->offset };

    if (!r->mr->coalesced || r->size > UINT32_MAX || !vm->coalesced_page ||
        (port && !vm->coalesced_ports)) {
        return;
    }
    g_array_append_val(vm->zones, z); /* before the first entry */
    if (tell_kernel(vm, &z, true) < 0) {
        g_array_set_size(vm->zones, vm->zones->len - 1); /* each exits */
    }
    atomic_store(&vm->n_zones, vm->zones->len);
}

void kvm_coalesced_del(KvmVm *vm, const FlatRange *r, bool port)
{
    for (guint i = 0; i < vm->zones->len; i++) {
        const Zone *z = &g_array_index(vm->zones, Zone, i);

        if (z->port == port && z->addr == r->addr && z->mr == r->mr) {
            tell_kernel(vm, z, false);
            kvm_coalesced_flush_vm((AccelState *)vm);
            g_array_remove_index(vm->zones, i);
            break;
        }
    }
    atomic_store(&vm->n_zones, vm->zones->len);
}

void kvm_coalesced_init(KvmVm *vm)
{
    vm->zones = g_array_new(FALSE, FALSE, sizeof(Zone));
    vm->coalesced_page = kvm_capability(vm, KVM_CAP_COALESCED_MMIO);
    vm->coalesced_ports = kvm_capability(vm, KVM_CAP_COALESCED_PIO) > 0;
    if (vm->coalesced_page * (size_t)getpagesize() + (size_t)getpagesize() >
        vm->run_size) {
        vm->coalesced_page = 0; /* not in what is mapped */
    }
}

void kvm_coalesced_free(KvmVm *vm)
{
    g_array_unref(vm->zones);
}
