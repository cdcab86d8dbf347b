/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory as the kernel knows it: slots made from flat views, doorbells,
 * and the pages that the guest has dirtied.
 *
 * A transaction's changes are applied at its commit, all vCPUs being out of
 * the guest when something goes or moves: no vCPU sees the hole in between.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.8 (dirty log), 4.35
 *       (slots), 4.59 (ioeventfd), 8.29 (dirty ring).
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"
#include "trace_accel_kvm.h"

/* --- slots --- */

static KvmVm *listener_vm(MemoryListener *l)
{
    return l->opaque;
}

/* Can the guest reach these bytes without us? Only whole pages can. */
static bool range_to_slot(const FlatRange *r, KvmSlot *slot)
{
    uint64_t page = (uint64_t)getpagesize();
    hwaddr from = align_up(r->addr, page);
    hwaddr to = align_down(r->addr + r->size, page);
    ram_addr_t offset = r->mr->ram_offset + r->offset + (from - r->addr);

    if (!flat_range_is_direct(r, false) || to <= from ||
        ((uintptr_t)(r->mr->ram->host + offset) & (page - 1))) {
        return false;
    }
    *slot = (KvmSlot){
        .addr = from,
        .size = to - from,
        .host = r->mr->ram->host + offset,
        .block = r->mr->ram,
        .offset = offset,
        .readonly = !flat_range_is_direct(r, true),
        .log = (r->dirty_clients & ~BIT(DIRTY_CODE)) != 0,
    };
    return true;
}

static uint32_t slot_flags(const KvmVm *vm, const KvmSlot *s)
{
    return (s->readonly ? KVM_MEM_READONLY : 0) |
           (s->log ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

/* Tell the kernel of slot @id as it is now; size 0 removes it. */
static void slot_set(KvmVm *vm, guint id)
{
    const KvmSlot *s = &g_array_index(vm->slots, KvmSlot, id);
    struct kvm_userspace_memory_region region = {
        .slot = id,
        .flags = s->size ? slot_flags(vm, s) : 0,
        .guest_phys_addr = s->addr,
        .memory_size = s->size,
        .userspace_addr = (uintptr_t)s->host,
    };
    int r = kvm_vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);

    trace_kvm_slot(id, s->addr, s->size, region.flags);
    if (r < 0) {
        /* the guest's accesses there come as exits, slowly but right */
        warn_report("kvm refuses memory slot %u, 0x%" PRIx64
                    " bytes at 0x%" PRIx64 ": %s",
                    id, s->size, s->addr, strerror(-r));
    }
}

static KvmSlot *find_slot(KvmVm *vm, const KvmSlot *want, guint *id)
{
    for (guint i = 0; i < vm->slots->len; i++) {
        KvmSlot *s = &g_array_index(vm->slots, KvmSlot, i);

        if (s->size == want->size && s->addr == want->addr &&
            s->host == want->host) {
            *id = i;
            return s;
        }
    }
    return NULL;
}

static guint free_slot(KvmVm *vm)
{
    for (guint i = 0; i < vm->slots->len; i++) {
        if (g_array_index(vm->slots, KvmSlot, i).size == 0) {
            return i;
        }
    }
    g_array_set_size(vm->slots, vm->slots->len + 1);
    return vm->slots->len - 1;
}

static void slot_sync(KvmVm *vm, guint id);

static void slot_remove(KvmVm *vm, const FlatRange *r)
{
    KvmSlot want, *s;
    guint id;

    if (!range_to_slot(r, &want) || !(s = find_slot(vm, &want, &id))) {
        return;
    }
    if (s->log) {
        slot_sync(vm, id);
    }
    s->size = 0;
    slot_set(vm, id);
}

static void slot_add(KvmVm *vm, const FlatRange *r)
{
    KvmSlot want;
    guint id;

    if (!range_to_slot(r, &want)) {
        return;
    }
    id = free_slot(vm);
    if (id >= vm->max_slots) {
        warn_report("kvm has no memory slot left for 0x%" PRIx64, want.addr);
        g_array_set_size(vm->slots, id);
        return;
    }
    g_array_index(vm->slots, KvmSlot, id) = want;
    slot_set(vm, id);
}

/* --- transactions --- */

static void range_del(MemoryListener *l, const FlatRange *r)
{
    KvmVm *vm = listener_vm(l);

    kvm_coalesced_del(vm, r, false);
    g_array_append_vals(vm->dels, r, 1);
}

static void range_add(MemoryListener *l, const FlatRange *r)
{
    KvmVm *vm = listener_vm(l);

    kvm_coalesced_add(vm, r, false);
    g_array_append_vals(vm->adds, r, 1);
}

static void ports_del(MemoryListener *l, const FlatRange *r)
{
    kvm_coalesced_del(listener_vm(l), r, true);
}

static void ports_add(MemoryListener *l, const FlatRange *r)
{
    kvm_coalesced_add(listener_vm(l), r, true);
}

static void rings_sync(KvmVm *vm);

static void commit(MemoryListener *l)
{
    KvmVm *vm = listener_vm(l);
    bool hold = vm->dels->len > 0;

    if (hold) {
        kvm_hold(vm);
        if (vm->ring_pages) {
            rings_sync(vm); /* entries tell slots' numbers, given anew below */
        }
    }
    for (guint i = 0; i < vm->dels->len; i++) {
        slot_remove(vm, &g_array_index(vm->dels, FlatRange, i));
    }
    for (guint i = 0; i < vm->adds->len; i++) {
        slot_add(vm, &g_array_index(vm->adds, FlatRange, i));
    }
    if (hold) {
        kvm_release(vm);
    }
    g_array_set_size(vm->dels, 0);
    g_array_set_size(vm->adds, 0);
}

static void log_changed(MemoryListener *l, const FlatRange *r)
{
    KvmVm *vm = listener_vm(l);
    KvmSlot want, *s;
    guint id;

    if (!range_to_slot(r, &want) || !(s = find_slot(vm, &want, &id)) ||
        s->log == want.log) {
        return;
    }
    if (s->log) {
        slot_sync(vm, id);
    }
    s->log = want.log;
    slot_set(vm, id);
}

/* Nobody is in the guest with a view that was replaced. */
static void views_gone(MemoryListener *l)
{
    KvmVm *vm = listener_vm(l);

    kvm_hold(vm);
    kvm_release(vm);
}

/* --- doorbells --- */

static void doorbell(KvmVm *vm, hwaddr addr, const MemoryIoeventfd *e,
                     uint32_t flags)
{
    struct kvm_ioeventfd k = {
        .datamatch = e->match ? e->data : 0,
        .addr = addr,
        .len = e->size,
        .fd = e->fd,
        .flags = flags | (e->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
    };
    int r = kvm_vm_ioctl(vm, KVM_IOEVENTFD, &k);

    trace_kvm_doorbell(addr, e->fd, !(flags & KVM_IOEVENTFD_FLAG_DEASSIGN));
    if (r < 0) {
        /* then the write exits, and the memory core rings the bell */
        warn_report("kvm refuses a doorbell at 0x%" PRIx64 ": %s", addr,
                    strerror(-r));
    }
}

static void bell_add(MemoryListener *l, hwaddr addr, const MemoryIoeventfd *e)
{
    doorbell(listener_vm(l), addr, e, 0);
}

static void bell_del(MemoryListener *l, hwaddr addr, const MemoryIoeventfd *e)
{
    doorbell(listener_vm(l), addr, e, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static void port_bell_add(MemoryListener *l, hwaddr addr,
                          const MemoryIoeventfd *e)
{
    doorbell(listener_vm(l), addr, e, KVM_IOEVENTFD_FLAG_PIO);
}

static void port_bell_del(MemoryListener *l, hwaddr addr,
                          const MemoryIoeventfd *e)
{
    doorbell(listener_vm(l), addr, e,
             KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

/* --- dirty pages: by slot --- */

static void mark_words(const KvmSlot *s, const uint64_t *words, uint64_t pages)
{
    uint64_t page = (uint64_t)getpagesize();

    for (uint64_t i = 0; i < pages; i++) {
        if (words[i / 64] == 0) {
            i |= 63;
        } else if (words[i / 64] >> (i % 64) & 1) {
            ram_mark_dirty(s->block, s->offset + i * page, page);
        }
    }
}

static void slot_sync(KvmVm *vm, guint id)
{
    const KvmSlot *s = &g_array_index(vm->slots, KvmSlot, id);
    uint64_t pages = s->size / (uint64_t)getpagesize();
    size_t bytes = (pages + 63) / 64 * sizeof(uint64_t);
    struct kvm_dirty_log log = { .slot = id };

    if (vm->ring_pages) {
        return; /* commit() has harvested the rings */
    }
    if (vm->log_bytes < bytes) {
        g_free(vm->log);
        vm->log = g_malloc(bytes);
        vm->log_bytes = bytes;
    }
    memset(vm->log, 0, bytes);
    log.dirty_bitmap = vm->log;
    if (kvm_vm_ioctl(vm, KVM_GET_DIRTY_LOG, &log) < 0) {
        /* nothing may be missed: all of it counts as dirty */
        ram_mark_dirty(s->block, s->offset, s->size);
    } else {
        mark_words(s, vm->log, pages);
    }
}

/* --- dirty pages: by vCPU --- */

static void mark_gfn(KvmVm *vm, uint32_t id, uint64_t page_index)
{
    uint64_t page = (uint64_t)getpagesize();
    const KvmSlot *s;

    if (id >= vm->slots->len) {
        return;
    }
    s = &g_array_index(vm->slots, KvmSlot, id);
    if (page_index < s->size / page) {
        ram_mark_dirty(s->block, s->offset + page_index * page, page);
    }
}

static bool is_dirty(const struct kvm_dirty_gfn *e)
{
    return __atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) ==
           KVM_DIRTY_GFN_F_DIRTY;
}

static uint32_t take_entries(KvmVcpu *v)
{
    uint32_t mask = v->vm->ring_pages - 1, n = 0;

    for (;; n++, v->ring_at++) {
        struct kvm_dirty_gfn *e = &v->ring[v->ring_at & mask];

        if (!is_dirty(e)) {
            return n;
        }
        mark_gfn(v->vm, e->slot & 0xffff, e->offset);
        __atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
    }
}

/*
 * A ring that is full to the last entry has been overrun: the kernel is to
 * leave when some are left (api.rst 8.29), and one that interprets the guest
 * may look too late. What it wrote over is lost, so all pages count as dirty.
 * It goes on behind the entries that it wrote over, which were then given back
 * once too few: they are found as a gap before the next dirty one. The vCPU is
 * out of the guest, so a gap is nothing that is being written.
 */
static void after_overrun(KvmVcpu *v, uint32_t taken)
{
    uint32_t pages = v->vm->ring_pages, gap = 0;

    if (taken == pages) {
        v->ring_overran = true;
        for (guint i = 0; i < v->vm->slots->len; i++) {
            const KvmSlot *s = &g_array_index(v->vm->slots, KvmSlot, i);

            if (s->size && s->log) {
                ram_mark_dirty(s->block, s->offset, s->size);
            }
        }
    }
    while (v->ring_overran && gap < pages &&
           !is_dirty(&v->ring[(v->ring_at + gap) & (pages - 1)])) {
        gap++;
    }
    for (; gap > 0 && gap < pages; gap--, v->ring_at++) {
        __atomic_store_n(&v->ring[v->ring_at & (pages - 1)].flags,
                         KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
    }
}

static uint32_t harvest(KvmVcpu *v)
{
    uint32_t n;

    LOCK_GUARD(&v->vm->ring_lock);
    n = take_entries(v);
    if (n == v->vm->ring_pages || v->ring_overran) {
        after_overrun(v, n);
        n += take_entries(v);
    }
    return n;
}

void kvm_ring_harvest(KvmVcpu *v)
{
    uint32_t n = harvest(v);

    trace_kvm_ring(v->cpu->index, n);
    kvm_vm_ioctl(v->vm, KVM_RESET_DIRTY_RINGS, NULL);
}

static void rings_sync(KvmVm *vm)
{
    /* a vCPU flushes what its hardware has queued when it leaves the guest */
    kvm_hold(vm);
    for (guint i = 0; i < vm->vcpus->len; i++) {
        if (vm->vcpus->pdata[i]) {
            harvest(vm->vcpus->pdata[i]);
        }
    }
    kvm_vm_ioctl(vm, KVM_RESET_DIRTY_RINGS, NULL);
    kvm_release(vm);
}

void kvm_dirty_sync(AccelState *a)
{
    KvmVm *vm = (KvmVm *)a;

    if (vm->ring_pages) {
        rings_sync(vm);
        return;
    }
    for (guint i = 0; i < vm->slots->len; i++) {
        const KvmSlot *s = &g_array_index(vm->slots, KvmSlot, i);

        if (s->size && s->log) {
            slot_sync(vm, i);
        }
    }
}

/* --- life --- */

bool kvm_memory_init(KvmVm *vm, Error **errp)
{
    vm->slots = g_array_new(FALSE, TRUE, sizeof(KvmSlot));
    vm->dels = g_array_new(FALSE, FALSE, sizeof(FlatRange));
    vm->adds = g_array_new(FALSE, FALSE, sizeof(FlatRange));
    kvm_coalesced_init(vm);
    vm->memory = (MemoryListener){
        .as = &vm->machine->memory,
        .opaque = vm,
        .range_del = range_del,
        .range_add = range_add,
        .log_changed = log_changed,
        .commit = commit,
        .ioeventfd_add = bell_add,
        .ioeventfd_del = bell_del,
        .synchronize = views_gone,
    };
    vm->io = (MemoryListener){
        .as = &vm->machine->io_space,
        .opaque = vm,
        .range_del = ports_del,
        .range_add = ports_add,
        .ioeventfd_add = port_bell_add,
        .ioeventfd_del = port_bell_del,
    };
    memory_listener_add(&vm->memory);
    memory_listener_add(&vm->io);
    return true;
}

void kvm_memory_free(KvmVm *vm)
{
    memory_listener_remove(&vm->io);
    memory_listener_remove(&vm->memory);
    g_array_unref(vm->slots);
    g_array_unref(vm->dels);
    g_array_unref(vm->adds);
    kvm_coalesced_free(vm);
    g_free(vm->log);
}
