/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts that the kernel delivers: messages and routes of GSIs.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.52 (routing), 4.71
 *       (KVM_SIGNAL_MSI).
 * Locks: machine lock, but kvm_msi_send(): any thread.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"
#include "trace_accel_kvm.h"

typedef struct kvm_irq_routing_entry Route;

void kvm_irq_init(KvmVm *vm)
{
    vm->routes = g_array_new(FALSE, TRUE, sizeof(Route));
}

void kvm_irq_free(KvmVm *vm)
{
    g_array_unref(vm->routes);
}

bool kvm_msi_send(AccelState *a, uint64_t addr, uint32_t data)
{
    KvmVm *vm = (KvmVm *)a;
    struct kvm_msi msi = {
        .address_lo = (uint32_t)addr,
        .address_hi = (uint32_t)(addr >> 32),
        .data = data,
    };

    trace_kvm_msi(addr, data);
    return kvm_vm_ioctl(vm, KVM_SIGNAL_MSI, &msi) >= 0;
}

/* --- routes --- */

static Route *route(KvmVm *vm, unsigned gsi)
{
    assert(gsi < vm->max_routes);
    if (gsi >= vm->routes->len) {
        g_array_set_size(vm->routes, gsi + 1);
    }
    return &g_array_index(vm->routes, Route, gsi);
}

void kvm_route_reserve(KvmVm *vm, unsigned n)
{
    if (n > 0) {
        route(vm, n - 1);
    }
}

void kvm_route_msi(KvmVm *vm, unsigned gsi, uint64_t addr, uint32_t data)
{
    Route *r = route(vm, gsi);
    Route now = { .gsi = gsi, .type = KVM_IRQ_ROUTING_MSI };

    now.u.msi.address_lo = (uint32_t)addr;
    now.u.msi.address_hi = (uint32_t)(addr >> 32);
    now.u.msi.data = data;
    if (addr == 0 && data == 0) {
        now = (Route){ 0 };
    }
    if (memcmp(r, &now, sizeof(now)) != 0) {
        *r = now;
        vm->routes_changed = true;
    }
}

void kvm_route_commit(KvmVm *vm)
{
    g_autofree struct kvm_irq_routing *table = NULL;

    if (!vm->routes_changed) {
        return;
    }
    vm->routes_changed = false;
    table = g_malloc0(sizeof(*table) + vm->routes->len * sizeof(Route));
    for (guint i = 0; i < vm->routes->len; i++) {
        Route *r = &g_array_index(vm->routes, Route, i);

        if (r->type) {
            table->entries[table->nr++] = *r;
        }
    }
    trace_kvm_routes(table->nr);
    kvm_vm_ioctl(vm, KVM_SET_GSI_ROUTING, table);
}
