/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts that the kernel delivers: messages and routes of GSIs.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.52 (routing), 4.71
 *       (KVM_SIGNAL_MSI), 4.75 (KVM_IRQFD).
 * Locks: machine lock, but kvm_msi_send(): any thread.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"
#include "trace_accel_kvm.h"

typedef struct kvm_irq_routing_entry Entry;

void kvm_irq_init(KvmVm *vm)
{
    vm->routes = g_array_new(FALSE, TRUE, sizeof(KvmRoute));
    vm->chip_routes = g_array_new(FALSE, TRUE, sizeof(Entry));
    vm->msi_devid = kvm_capability(vm, KVM_CAP_MSI_DEVID) > 0;
}

void kvm_irq_free(KvmVm *vm)
{
    g_array_unref(vm->routes);
    g_array_unref(vm->chip_routes);
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
    atomic_fetch_add(&vm->n_msis, 1);
    return kvm_vm_ioctl(vm, KVM_SIGNAL_MSI, &msi) >= 0;
}

/* --- routes --- */

static KvmRoute *route(KvmVm *vm, unsigned gsi)
{
    assert(gsi < vm->max_routes);
    if (gsi >= vm->routes->len) {
        g_array_set_size(vm->routes, gsi + 1);
    }
    return &g_array_index(vm->routes, KvmRoute, gsi);
}

bool kvm_route_reserve(KvmVm *vm, unsigned n, Error **errp)
{
    if (n > vm->max_routes) {
        error_set(errp,
                  "the host's KVM has %u interrupt routes, and %u are needed: "
                  "use a newer kernel, or kernel-irqchip=off",
                  vm->max_routes, n);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        route(vm, i)->taken = true;
    }
    return true;
}

void kvm_route_chip(KvmVm *vm, unsigned gsi, unsigned chip, unsigned pin)
{
    Entry e = { .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP };

    e.u.irqchip.irqchip = chip;
    e.u.irqchip.pin = pin;
    g_array_append_val(vm->chip_routes, e);
    vm->routes_changed = true;
}

static void set_entry(KvmVm *vm, unsigned gsi, const Entry *now)
{
    KvmRoute *r = route(vm, gsi);

    if (memcmp(&r->entry, now, sizeof(*now)) != 0) {
        r->entry = *now;
        vm->routes_changed = true;
    }
}

static void msi_entry(Entry *e, unsigned gsi, uint64_t addr, uint32_t data)
{
    *e = (Entry){ .gsi = gsi, .type = KVM_IRQ_ROUTING_MSI };
    e->u.msi.address_lo = (uint32_t)addr;
    e->u.msi.address_hi = (uint32_t)(addr >> 32);
    e->u.msi.data = data;
}

void kvm_route_msi(KvmVm *vm, unsigned gsi, uint64_t addr, uint32_t data)
{
    Entry now = { 0 };

    if (addr != 0 || data != 0) {
        msi_entry(&now, gsi, addr, data);
    }
    set_entry(vm, gsi, &now);
}

bool kvm_route_commit(KvmVm *vm)
{
    const GArray *chips = vm->chip_routes;
    g_autofree struct kvm_irq_routing *table = NULL;

    if (!vm->routes_changed) {
        return true;
    }
    table = g_malloc0(sizeof(*table) +
                      (chips->len + vm->routes->len) * sizeof(Entry));
    for (guint i = 0; i < chips->len; i++) {
        table->entries[table->nr++] = g_array_index(chips, Entry, i);
    }
    for (guint i = 0; i < vm->routes->len; i++) {
        const KvmRoute *r = &g_array_index(vm->routes, KvmRoute, i);

        if (r->entry.type) {
            table->entries[table->nr++] = r->entry;
        }
    }
    trace_kvm_routes(table->nr);
    vm->routes_changed = kvm_vm_ioctl(vm, KVM_SET_GSI_ROUTING, table) < 0;
    return !vm->routes_changed;
}

/* --- lines --- */

void kvm_line_set(KvmVm *vm, unsigned gsi, bool level)
{
    struct kvm_irq_level line = { .irq = gsi, .level = level };

    trace_kvm_line(gsi, level);
    vm->n_lines++;
    kvm_vm_ioctl(vm, KVM_IRQ_LINE, &line);
}

static int irqfd(KvmVm *vm, unsigned gsi, int fd, int ended, uint32_t flags)
{
    struct kvm_irqfd arg = {
        .fd = (uint32_t)fd,
        .gsi = gsi,
        .resamplefd = (uint32_t)ended,
        .flags = flags | (ended >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0),
    };

    trace_kvm_irqfd(gsi, fd, !(flags & KVM_IRQFD_FLAG_DEASSIGN));
    return kvm_vm_ioctl(vm, KVM_IRQFD, &arg);
}

bool kvm_line_bind(KvmVm *vm, unsigned gsi, int fd, int ended)
{
    if (kvm_capability(vm, KVM_CAP_IRQFD) == 0 ||
        (ended >= 0 && kvm_capability(vm, KVM_CAP_IRQFD_RESAMPLE) == 0) ||
        irqfd(vm, gsi, fd, ended, 0) < 0) {
        return false;
    }
    vm->irqfds++;
    return true;
}

void kvm_line_unbind(KvmVm *vm, unsigned gsi, int fd)
{
    irqfd(vm, gsi, fd, -1, KVM_IRQFD_FLAG_DEASSIGN);
    vm->irqfds--;
}

/* --- messages by descriptor --- */

int kvm_msi_route_new(AccelState *a)
{
    KvmVm *vm = (KvmVm *)a;

    if (vm->irqchip == KVM_IRQCHIP_MODE_OFF ||
        kvm_capability(vm, KVM_CAP_IRQFD) == 0) {
        return -1;
    }
    /* the controllers' own count in the kernel's table, too */
    for (unsigned gsi = 0; gsi + vm->chip_routes->len < vm->max_routes; gsi++) {
        KvmRoute *r = route(vm, gsi);

        if (!r->taken) {
            r->taken = true;
            return (int)gsi;
        }
    }
    return -1;
}

bool kvm_msi_route_bind(AccelState *a, int gsi, int fd, const AccelMsi *msi)
{
    KvmVm *vm = (KvmVm *)a;
    KvmRoute *r = route(vm, (unsigned)gsi);
    Entry now;

    msi_entry(&now, (unsigned)gsi, msi->addr, msi->data);
    if (vm->msi_devid) { /* api.rst 4.52 */
        now.flags = KVM_MSI_VALID_DEVID;
        now.u.msi.devid = msi->requester;
    }
    set_entry(vm, (unsigned)gsi, &now);
    if (!kvm_route_commit(vm)) {
        kvm_msi_route_unbind(a, gsi, fd); /* not with the old message */
        r->entry = (Entry){ 0 }; /* one that is refused is in no one's way */
        return false;
    }
    if (!r->bound && irqfd(vm, (unsigned)gsi, fd, -1, 0) >= 0) {
        r->bound = true;
        vm->irqfds++;
    }
    return r->bound;
}

void kvm_msi_route_unbind(AccelState *a, int gsi, int fd)
{
    KvmVm *vm = (KvmVm *)a;
    KvmRoute *r = route(vm, (unsigned)gsi);

    if (r->bound) {
        irqfd(vm, (unsigned)gsi, fd, -1, KVM_IRQFD_FLAG_DEASSIGN);
        r->bound = false;
        vm->irqfds--;
    }
}

/* Its entry stays in the kernel until the next table goes there: nothing
 * writes to it. */
void kvm_msi_route_free(AccelState *a, int gsi)
{
    KvmVm *vm = (KvmVm *)a;
    KvmRoute *r = route(vm, (unsigned)gsi);

    assert(!r->bound);
    *r = (KvmRoute){ 0 };
    vm->routes_changed = true;
}
