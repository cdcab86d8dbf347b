/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Message signalled interrupts: MSI and MSI-X.
 *
 * Spec:  PCI Local Bus 3.0, 6.8.
 * Locks: machine lock. Messages go to the board's Machine.msi_send
 *        (DECISIONS 38); a board without one has no such interrupts, and
 *        then devices do not offer them.
 */
#include "tandem/base.h"

#include <sys/eventfd.h>

#include "accel/accel.h"
#include "internal.h"
#include "softmmu/machine/machine.h"

bool pci_msi_available(PciDevice *d)
{
    return d->parent.machine->msi_send != NULL;
}

/* A message is a write by the device: bus master must be on (6.8.3). */
static void send(PciDevice *d, uint64_t addr, uint32_t data)
{
    Machine *m = d->parent.machine;

    if (pci_get16(d, PCI_COMMAND) & PCI_COMMAND_MASTER) {
        trace_pci_msi(pci_requester(d), addr, data);
        m->msi_send(m, pci_requester(d), addr, data);
    }
}

/* --- MSI --- */

bool msi_init(PciDevice *d, unsigned vectors, Error **errp)
{
    unsigned log2 = (unsigned)__builtin_ctz(vectors);
    uint8_t cap;

    assert(is_power_of_2(vectors) && vectors <= 32);
    if (!pci_msi_available(d)) {
        return true;
    }
    cap = pci_add_capability(d, PCI_CAP_MSI, PCI_MSI_SIZE);
    d->msi_cap = cap;
    d->msi_vectors = vectors;
    pci_set16(d, cap + PCI_MSI_CONTROL,
              (uint16_t)(PCI_MSI_64BIT | PCI_MSI_MASKABLE | log2 << 1));
    st16_le(&d->wmask[cap + PCI_MSI_CONTROL],
            PCI_MSI_ENABLE | PCI_MSI_ENABLED_VECTORS);
    st32_le(&d->wmask[cap + PCI_MSI_ADDRESS], 0xfffffffc);
    st32_le(&d->wmask[cap + PCI_MSI_ADDRESS + 4], 0xffffffff);
    st16_le(&d->wmask[cap + PCI_MSI_DATA], 0xffff);
    st32_le(&d->wmask[cap + PCI_MSI_MASK], (uint32_t)bit_mask(vectors));
    return true;
}

bool msi_enabled(const PciDevice *d)
{
    return d->msi_cap &&
           (pci_get16(d, d->msi_cap + PCI_MSI_CONTROL) & PCI_MSI_ENABLE);
}

/* How many the guest allotted; a value beyond what is offered counts as
 * what is offered. */
static unsigned msi_allotted(const PciDevice *d)
{
    unsigned log2 = pci_get16(d, d->msi_cap + PCI_MSI_CONTROL) >> 4 & 7;

    return MIN(1u << log2, d->msi_vectors);
}

void msi_notify(PciDevice *d, unsigned vector)
{
    unsigned n;
    uint32_t bit;

    if (!msi_enabled(d)) {
        return;
    }
    n = msi_allotted(d);
    vector &= n - 1; /* the low bits of the data (6.8.3.4) */
    bit = 1u << vector;
    if (pci_get32(d, d->msi_cap + PCI_MSI_MASK) & bit) {
        pci_set32(d, d->msi_cap + PCI_MSI_PENDING,
                  pci_get32(d, d->msi_cap + PCI_MSI_PENDING) | bit);
        return;
    }
    send(d, ld64_le(&d->config[d->msi_cap + PCI_MSI_ADDRESS]),
         (pci_get16(d, d->msi_cap + PCI_MSI_DATA) & ~(n - 1)) | vector);
}

static void msi_send_unmasked(PciDevice *d)
{
    uint32_t ready = pci_get32(d, d->msi_cap + PCI_MSI_PENDING) &
                     ~pci_get32(d, d->msi_cap + PCI_MSI_MASK);

    pci_set32(d, d->msi_cap + PCI_MSI_PENDING,
              pci_get32(d, d->msi_cap + PCI_MSI_PENDING) & ~ready);
    for (; ready; ready &= ready - 1) {
        msi_notify(d, (unsigned)__builtin_ctz(ready));
    }
}

/* --- MSI-X --- */

static uint8_t *entry(const PciDevice *d, unsigned vector)
{
    return d->msix.table + vector * PCI_MSIX_ENTRY;
}

static uint16_t msix_control(const PciDevice *d)
{
    return d->msix_cap ? pci_get16(d, d->msix_cap + PCI_MSIX_CONTROL) : 0;
}

bool msix_enabled(const PciDevice *d)
{
    return (msix_control(d) & PCI_MSIX_ENABLE) != 0;
}

bool msix_masked(const PciDevice *d, unsigned vector)
{
    return !msix_enabled(d) || (msix_control(d) & PCI_MSIX_MASKALL) ||
           (entry(d, vector)[12] & PCI_MSIX_ENTRY_MASKED);
}

void msix_notify(PciDevice *d, unsigned vector)
{
    if (!msix_enabled(d) || vector >= d->msix.vectors) {
        return; /* the guest's choice of vector may be any number */
    }
    if (msix_masked(d, vector)) {
        d->msix.pending[vector / 64] |= BIT(vector % 64);
        return;
    }
    send(d, ld64_le(entry(d, vector)), ld32_le(entry(d, vector) + 8));
}

static void msix_send_pending(PciDevice *d, unsigned vector)
{
    uint64_t *word = &d->msix.pending[vector / 64];

    if ((*word & BIT(vector % 64)) && !msix_masked(d, vector)) {
        *word &= ~BIT(vector % 64);
        msix_notify(d, vector);
    }
}

/* --- descriptors that notify --- */

/* What was written while nobody sent for it becomes a pending bit. */
static void fd_collect(PciMsixFd *f)
{
    eventfd_t n;

    if (f->fd >= 0 && !f->bound && eventfd_read(f->fd, &n) == 0) {
        f->device->msix.pending[f->vector / 64] |= BIT(f->vector % 64);
    }
}

void pci_msix_collect_all(PciDevice *d)
{
    for (unsigned i = 0; d->msix.fds && i < d->msix.vectors; i++) {
        fd_collect(&d->msix.fds[i]);
    }
}

static void fd_written(void *opaque)
{
    PciMsixFd *f = opaque;

    fd_collect(f);
    msix_send_pending(f->device, f->vector);
}

static void fd_watch(PciMsixFd *f, bool on)
{
    if (f->watched != on) {
        f->watched = on;
        loop_set_fd(f->device->parent.machine->loop, f->fd,
                    on ? fd_written : NULL, NULL, f);
    }
}

static void fd_unbind(PciMsixFd *f)
{
    AccelState *a = f->device->parent.machine->accel;

    if (f->bound) {
        f->bound = false;
        a->ops->msi_route_unbind(a, f->route, f->fd);
    }
    fd_watch(f, false);
}

/* Only a machine that runs has its messages sent by the engine: what comes
 * while it stands is saved as pending, whoever else is saved before. */
static bool may_send(const PciDevice *d, unsigned vector)
{
    return machine_running(d->parent.machine) && !msix_masked(d, vector) &&
           (pci_get16(d, PCI_COMMAND) & PCI_COMMAND_MASTER);
}

static void fd_update(PciMsixFd *f)
{
    PciDevice *d = f->device;
    AccelState *a = d->parent.machine->accel;
    AccelMsi msi = { ld64_le(entry(d, f->vector)),
                     ld32_le(entry(d, f->vector) + 8), pci_requester(d) };

    if (!may_send(d, f->vector)) {
        fd_unbind(f);
        return;
    }
    fd_collect(f);
    msix_send_pending(d, f->vector);
    f->bound = a->ops->msi_route_bind(a, f->route, f->fd, &msi);
    fd_watch(f, !f->bound);
}

/* The vector's entry, or what stands above it, changed. */
static void msix_changed(PciDevice *d, unsigned vector)
{
    if (d->msix.fds && d->msix.fds[vector].fd >= 0) {
        fd_update(&d->msix.fds[vector]);
    } else {
        msix_send_pending(d, vector);
    }
}

static void msix_all_changed(PciDevice *d)
{
    for (unsigned i = 0; i < d->msix.vectors; i++) {
        msix_changed(d, i);
    }
}

static void msix_on_state(Notifier *n, void *data)
{
    PciDevice *d = container_of(n, PciMsixNotifier, notifier)->device;

    if (machine_running(d->parent.machine)) {
        msix_all_changed(d);
        return;
    }
    for (unsigned i = 0; d->msix.fds && i < d->msix.vectors; i++) {
        if (d->msix.fds[i].fd >= 0) {
            fd_unbind(&d->msix.fds[i]);
        }
    }
}

static void fds_new(PciDevice *d)
{
    PciMsix *x = &d->msix;

    x->fds = g_new0(PciMsixFd, x->vectors);
    for (unsigned i = 0; i < x->vectors; i++) {
        x->fds[i] = (PciMsixFd){ d, i, -1, -1, false, false };
    }
}

static void fds_free(PciDevice *d)
{
    AccelState *a = d->parent.machine->accel;
    PciMsix *x = &d->msix;

    for (unsigned i = 0; x->fds && i < x->vectors; i++) {
        PciMsixFd *f = &x->fds[i];

        if (f->fd >= 0) {
            fd_unbind(f);
            a->ops->msi_route_free(a, f->route);
            close(f->fd);
        }
    }
    g_clear_pointer(&x->fds, g_free);
}

/* Nothing is pending any more. */
static void fds_forget(PciDevice *d)
{
    eventfd_t n;

    for (unsigned i = 0; d->msix.fds && i < d->msix.vectors; i++) {
        if (d->msix.fds[i].fd >= 0) {
            fd_unbind(&d->msix.fds[i]);
            eventfd_read(d->msix.fds[i].fd, &n);
        }
    }
}

int msix_fd(PciDevice *d, unsigned vector)
{
    AccelState *a = d->parent.machine->accel;
    PciMsixFd *f;
    int fd, route;

    if (vector >= d->msix.vectors || !a->ops->msi_route_new) {
        return -1;
    }
    if (!d->msix.fds) {
        fds_new(d);
    }
    f = &d->msix.fds[vector];
    if (f->fd >= 0) {
        return f->fd;
    }
    route = a->ops->msi_route_new(a);
    if (route < 0) {
        return -1;
    }
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        a->ops->msi_route_free(a, route);
        return -1;
    }
    f->fd = fd;
    f->route = route;
    fd_update(f);
    return fd;
}

/* --- table and pending bits --- */

static MemResult table_read(void *opaque, hwaddr off, unsigned size,
                            uint64_t *value, MemAttrs attrs)
{
    PciDevice *d = opaque;

    *value = ld32_le(d->msix.table + off);
    return MEM_OK;
}

static MemResult table_write(void *opaque, hwaddr off, unsigned size,
                             uint64_t value, MemAttrs attrs)
{
    PciDevice *d = opaque;

    if (off % PCI_MSIX_ENTRY == 0) {
        value &= ~(uint64_t)3; /* a doubleword's address (6.8.2.4) */
    } else if (off % PCI_MSIX_ENTRY == 12) {
        value &= PCI_MSIX_ENTRY_MASKED; /* the rest is reserved */
    }
    st32_le(d->msix.table + off, (uint32_t)value);
    msix_changed(d, (unsigned)off / PCI_MSIX_ENTRY);
    return MEM_OK;
}

/* Doublewords and quadwords only (6.8.2). */
static const MemoryOps table_ops = {
    .read = table_read,
    .write = table_write,
    .valid_min = 4,
    .valid_max = 8,
    .impl_min = 4,
    .impl_max = 4,
};

static MemResult pba_read(void *opaque, hwaddr off, unsigned size,
                          uint64_t *value, MemAttrs attrs)
{
    PciDevice *d = opaque;

    if (!attrs.debug) {
        pci_msix_collect_all(d);
    }
    *value = d->msix.pending[off / 8];
    return MEM_OK;
}

static MemResult pba_write(void *opaque, hwaddr off, unsigned size,
                           uint64_t value, MemAttrs attrs)
{
    guest_error(opaque, "write to the MSI-X pending bits");
    return MEM_OK;
}

static const MemoryOps pba_ops = {
    .read = pba_read,
    .write = pba_write,
    .valid_min = 4,
    .valid_max = 8,
    .impl_min = 8,
    .impl_max = 8,
};

static uint64_t pba_bytes(unsigned vectors)
{
    return align_up(vectors, 64) / 8;
}

static void add_msix_cap(PciDevice *d, unsigned vectors, const MsixPlace *at)
{
    uint8_t cap = pci_add_capability(d, PCI_CAP_MSIX, PCI_MSIX_SIZE);

    d->msix_cap = cap;
    pci_set16(d, cap + PCI_MSIX_CONTROL, (uint16_t)(vectors - 1));
    st16_le(&d->wmask[cap + PCI_MSIX_CONTROL],
            PCI_MSIX_ENABLE | PCI_MSIX_MASKALL);
    pci_set32(d, cap + PCI_MSIX_TABLE, at->offset | at->bar_nr);
    pci_set32(d, cap + PCI_MSIX_PBA, at->pba_offset | at->pba_bar_nr);
}

bool msix_init(PciDevice *d, unsigned vectors, const MsixPlace *at,
               Error **errp)
{
    PciMsix *x = &d->msix;

    if (vectors == 0 || vectors > PCI_MSIX_VECTORS_MAX) {
        error_set(errp, "MSI-X wants 1 to %d vectors, not %u",
                  PCI_MSIX_VECTORS_MAX, vectors);
        return false;
    }
    if (!pci_msi_available(d)) {
        return true;
    }
    x->vectors = vectors;
    x->table = g_malloc0((size_t)vectors * PCI_MSIX_ENTRY);
    x->pending = g_malloc0(pba_bytes(vectors));
    x->table_bar = at->bar;
    x->pba_bar = at->pba_bar;
    memory_region_init_io(&x->table_mr, d, &table_ops, d, "msix-table",
                          (uint64_t)vectors * PCI_MSIX_ENTRY);
    memory_region_init_io(&x->pba_mr, d, &pba_ops, d, "msix-pba",
                          pba_bytes(vectors));
    memory_region_add_overlap(at->bar, at->offset, &x->table_mr, 1);
    memory_region_add_overlap(at->pba_bar, at->pba_offset, &x->pba_mr, 1);
    add_msix_cap(d, vectors, at);
    x->on_state = (PciMsixNotifier){ { msix_on_state }, d };
    notifier_add(d->parent.machine->on_state, &x->on_state.notifier);
    pci_msi_reset(d);
    return true;
}

bool msix_init_exclusive(PciDevice *d, unsigned vectors, int n, Error **errp)
{
    PciMsix *x = &d->msix;
    uint64_t half = MAX(2048, (uint64_t)vectors * PCI_MSIX_ENTRY);
    uint64_t size = 1;
    MsixPlace at = { &x->own_bar, &x->own_bar, (uint8_t)n, (uint8_t)n, 0, 0 };

    if (!pci_msi_available(d)) {
        return true;
    }
    half = align_up(half, 64);
    while (size < half + pba_bytes(vectors)) {
        size <<= 1;
    }
    at.pba_offset = (uint32_t)half;
    memory_region_init(&x->own_bar, d, "msix", size);
    if (!msix_init(d, vectors, &at, errp)) {
        memory_region_destroy(&x->own_bar);
        return false;
    }
    x->own = true;
    pci_register_bar(d, n, 0, &x->own_bar);
    return true;
}

void msix_uninit(PciDevice *d)
{
    PciMsix *x = &d->msix;

    if (!x->vectors) {
        return;
    }
    notifier_remove(d->parent.machine->on_state, &x->on_state.notifier);
    fds_free(d);
    memory_region_del(x->table_bar, &x->table_mr);
    memory_region_del(x->pba_bar, &x->pba_mr);
    memory_region_destroy(&x->table_mr);
    memory_region_destroy(&x->pba_mr);
    if (x->own) {
        pci_unmap_bars(d);
        memory_region_destroy(&x->own_bar);
    }
    g_free(x->table);
    g_free(x->pending);
    *x = (PciMsix){ 0 };
}

/* --- both --- */

void pci_msi_config_written(PciDevice *d, unsigned addr, unsigned len)
{
    if (d->msi_cap && pci_touches(addr, len, d->msi_cap, PCI_MSI_SIZE) &&
        msi_enabled(d)) {
        msi_send_unmasked(d);
    }
    if (d->msix_cap &&
        (pci_touches(addr, len, d->msix_cap + PCI_MSIX_CONTROL, 2) ||
         pci_touches(addr, len, PCI_COMMAND, 2))) {
        msix_all_changed(d);
    }
}

/* All vectors masked, nothing pending (6.8.2.9). */
void pci_msi_reset(PciDevice *d)
{
    PciMsix *x = &d->msix;

    if (!x->vectors) {
        return;
    }
    memset(x->table, 0, (size_t)x->vectors * PCI_MSIX_ENTRY);
    memset(x->pending, 0, pba_bytes(x->vectors));
    fds_forget(d);
    for (unsigned i = 0; i < x->vectors; i++) {
        entry(d, i)[12] = PCI_MSIX_ENTRY_MASKED;
    }
}

static void msix_save(const void *field, const void *obj, VmBuffer *b)
{
    const PciMsix *x = field;

    vm_put_u64(b, x->vectors);
    vm_put(b, x->table, (size_t)x->vectors * PCI_MSIX_ENTRY);
    for (unsigned i = 0; i < pba_bytes(x->vectors) / 8; i++) {
        vm_put_u64(b, x->pending[i]);
    }
}

static bool msix_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    PciMsix *x = field;
    uint64_t vectors = vm_get_u64(b);

    if (vectors != x->vectors) {
        error_set(errp, "%" PRIu64 " MSI-X vectors, this device has %u",
                  vectors, x->vectors);
        return false;
    }
    fds_forget(obj);
    vm_get(b, x->table, (size_t)x->vectors * PCI_MSIX_ENTRY);
    for (unsigned i = 0; i < pba_bytes(x->vectors) / 8; i++) {
        x->pending[i] = vm_get_u64(b);
    }
    for (unsigned i = 0; i < x->vectors; i++) {
        uint8_t *e = x->table + i * PCI_MSIX_ENTRY;

        st32_le(e + 12, ld32_le(e + 12) & PCI_MSIX_ENTRY_MASKED);
        e[0] &= 0xfc;
    }
    return !b->failed;
}

const VmCustom pci_msix_custom = { msix_save, msix_load };
