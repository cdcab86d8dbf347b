/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses: RAM copies, and the dispatch of MMIO to devices (DECISIONS 35).
 *
 * Locks: a look-up happens in an RCU section. A device's hook runs under the
 * machine lock and outside of any RCU section of ours, so that it may remove
 * regions; it is looked up again once the lock is held. A lockless hook runs
 * inside the section, which keeps its region alive.
 */
#include "softmmu/memory/internal.h"

#include "softmmu/memory/hint.h"

#include "softmmu/loop/loop.h"
#include "softmmu/object/object.h"
#include "trace_softmmu_memory.h"

/* --- guest memory --- */

/*
 * vCPUs write guest memory while we copy it. Aligned words of up to 8 bytes
 * are copied at once, as a guest that shares a ring index with a device
 * relies on; longer blocks promise nothing.
 */
#define COPY_WORD(type, to, from)                                              \
    __atomic_store_n((type *)(to),                                             \
                     __atomic_load_n((const type *)(from), __ATOMIC_RELAXED),  \
                     __ATOMIC_RELAXED)

static bool copy_word(void *to, const void *from, uint64_t len)
{
    if ((((uintptr_t)to | (uintptr_t)from) & (len - 1)) != 0) {
        return false;
    }
    switch (len) {
    case 1:
        COPY_WORD(uint8_t, to, from);
        return true;
    case 2:
        COPY_WORD(uint16_t, to, from);
        return true;
    case 4:
        COPY_WORD(uint32_t, to, from);
        return true;
    case 8:
        COPY_WORD(uint64_t, to, from);
        return true;
    default:
        return false;
    }
}

static void guest_copy(void *to, const void *from, uint64_t len)
{
    if (len == 0 || copy_word(to, from, len)) {
        return;
    }
    memcpy(to, from, len);
}

void guest_copy_in(void *buf, const uint8_t *guest, uint64_t len)
{
    guest_copy(buf, guest, len);
}

void guest_copy_out(uint8_t *guest, const void *buf, uint64_t len)
{
    guest_copy(guest, buf, len);
}

/* --- values in byte order --- */

static uint64_t swap_bytes(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

/* @size bytes at @p, in order of @endian, as a number. */
static uint64_t bytes_load(const uint8_t *p, unsigned size, MemEndian endian)
{
    uint8_t raw[8] = { 0 };

    memcpy(raw, p, size);
    return endian == MEM_BIG ? swap_bytes(ld64_le(raw), size) : ld64_le(raw);
}

static void bytes_store(uint8_t *p, unsigned size, MemEndian endian, uint64_t v)
{
    uint8_t raw[8];

    st64_le(raw, endian == MEM_BIG ? swap_bytes(v, size) : v);
    memcpy(p, raw, size);
}

/* --- the re-entrancy guard --- */

/* The hooks that this thread is inside of, innermost first. Another thread's
 * access is no re-entry: it waits for the lock, or the region is lockless. */
typedef struct Hook {
    struct Hook *outer;
    const MemoryRegion *mr;
} Hook;
static _Thread_local Hook *hooks;

static bool hook_entered(const MemoryRegion *mr)
{
    for (const Hook *h = hooks; h != NULL; h = h->outer) {
        if (h->mr == mr || (mr->owner && h->mr->owner == mr->owner)) {
            return true;
        }
    }
    return false;
}

/* --- one access of a device --- */

typedef struct Access {
    MemoryRegion *mr;
    hwaddr off;
    unsigned size;
    bool write;
    MemAttrs attrs;
    uint64_t value; /* in the device's byte order */
} Access;

static unsigned or_default(unsigned v, unsigned def)
{
    return v ? v : def;
}

static unsigned valid_max(const MemoryOps *ops)
{
    return or_default(ops->valid_max, 8);
}

static bool access_valid(const Access *a)
{
    const MemoryOps *ops = a->mr->ops;

    return a->size >= or_default(ops->valid_min, 1) &&
           a->size <= valid_max(ops) &&
           (ops->valid_unaligned || (a->off & (a->size - 1)) == 0) &&
           (a->write ? (void *)ops->write : (void *)ops->read) != NULL;
}

static void log_access(const Access *a, const char *what)
{
    log_guest_error("%s: %s of %u bytes at offset 0x%" PRIx64 " %s\n",
                    a->mr->name, a->write ? "write" : "read", a->size, a->off,
                    what);
}

/* Shift of bytes [pos, pos + n) within a unit of @unit bytes. */
static unsigned lane_shift(MemEndian endian, unsigned unit, unsigned pos,
                           unsigned n)
{
    return 8 * (endian == MEM_BIG ? unit - pos - n : pos);
}

/*
 * One call of a hook: bytes [pos, pos + n) of the access, inside one aligned
 * unit of @unit bytes at @at.
 */
static MemResult access_unit(Access *a, hwaddr at, unsigned unit, unsigned pos,
                             unsigned n)
{
    const MemoryOps *ops = a->mr->ops;
    unsigned in_unit = a->off + pos - at;
    unsigned unit_shift = lane_shift(ops->endian, unit, in_unit, n);
    unsigned value_shift = lane_shift(ops->endian, a->size, pos, n);
    uint64_t mask = bit_mask(8 * n);
    uint64_t v = 0;
    MemResult r;

    if (a->write) {
        v = ((a->value >> value_shift) & mask) << unit_shift;
        return ops->write(a->mr->opaque, at, unit, v, a->attrs);
    }
    r = ops->read(a->mr->opaque, at, unit, &v, a->attrs);
    if (r == MEM_OK) {
        a->value |= ((v >> unit_shift) & mask) << value_shift;
    }
    return r;
}

static MemResult access_split(Access *a)
{
    const MemoryOps *ops = a->mr->ops;
    unsigned impl_min =
        or_default(ops->impl_min, or_default(ops->valid_min, 1));
    unsigned impl_max = or_default(ops->impl_max, valid_max(ops));
    MemResult r = MEM_OK;

    for (unsigned pos = 0; pos < a->size && r == MEM_OK;) {
        hwaddr at = a->off + pos;
        unsigned left = a->size - pos;
        unsigned unit = impl_max, n;

        while (unit > impl_min && (unit > left || (at & (unit - 1)))) {
            unit /= 2;
        }
        n = MIN(left, unit - (unsigned)(at & (unit - 1)));
        r = access_unit(a, align_down(at, unit), unit, pos, n);
        pos += n;
    }
    return r;
}

static MemResult access_hook(Access *a)
{
    Hook hook = { hooks, a->mr };
    MemResult r;

    if (!a->mr->ops->reentrant && hook_entered(a->mr)) {
        log_access(a, "from inside the device's own access refused");
        return MEM_ACCESS_ERROR;
    }
    hooks = &hook;
    r = access_split(a);
    hooks = hook.outer;
    if (a->write) {
        trace_memory_region_write(a->mr->name, a->off, a->size, a->value, r);
    } else {
        trace_memory_region_read(a->mr->name, a->off, a->size, a->value, r);
    }
    return r;
}

/* May this thread wait for the machine lock? (DECISIONS 27) */
static bool access_may_lock(const Access *a)
{
    if (loop_thread_is_iothread()) {
        log_access(a, "from an iothread refused: not RAM");
        return false;
    }
    return true;
}

static bool needs_lock(const MemoryRegion *mr)
{
    return !mr->ops->lockless && mr->ms && mr->ms->lock &&
           !lock_held(mr->ms->lock);
}

static MemResult access_locked(Access *a)
{
    Lock *lock = needs_lock(a->mr) ? a->mr->ms->lock : NULL;
    MemResult r;

    if (lock && !access_may_lock(a)) {
        return MEM_ACCESS_ERROR;
    }
    if (lock) {
        lock_acquire(lock);
    }
    r = access_hook(a);
    if (lock) {
        lock_release(lock);
    }
    return r;
}

/* Does a doorbell take this write? Then it has rung. */
static bool access_doorbell(const Access *a)
{
    const struct MemoryDoorbells *d;
    bool rung = false;

    if (!a->write || rcu_read(&a->mr->doorbells) == NULL) {
        return false;
    }
    rcu_lock();
    d = rcu_read(&a->mr->doorbells);
    for (size_t i = 0; d && i < d->n && !rung; i++) {
        const MemoryIoeventfd *e = &d->e[i];

        if (e->addr == a->off && (e->size == 0 || e->size == a->size) &&
            (!e->match || e->data == a->value)) {
            uint64_t one = 1;
            ssize_t ignored = write(e->fd, &one, sizeof(one));

            (void)ignored; /* full: it is signalled already */
            trace_memory_doorbell(a->mr->name, a->off, a->value);
            rung = true;
        }
    }
    rcu_unlock();
    return rung;
}

static MemResult access_io(Access *a)
{
    if (a->attrs.debug) {
        return MEM_ACCESS_ERROR; /* a device would notice */
    }
    if (!access_valid(a)) {
        log_access(a, "refused: size or alignment");
        return MEM_DEVICE_ERROR;
    }
    return access_doorbell(a) ? MEM_OK : access_locked(a);
}

/* --- RAM behind a region --- */

static bool region_is_direct(const MemoryRegion *mr, bool readonly, bool romd,
                             bool write, MemAttrs attrs)
{
    FlatRange r = { .mr = (MemoryRegion *)mr,
                    .readonly = readonly,
                    .romd = romd };

    return flat_range_is_direct(&r, write) || (attrs.debug && mr->ram);
}

static void ram_copy(MemoryRegion *mr, hwaddr off, void *buf, uint64_t len,
                     bool write)
{
    uint8_t *host = mr->ram->host + mr->ram_offset + off;

    if (write) {
        guest_copy_out(host, buf, len);
        ram_written(mr->ms, mr->ram, mr->ram_offset + off, len);
    } else {
        guest_copy_in(buf, host, len);
    }
}

/* Read-only RAM and ROM refuse writes; other regions without ops have no
 * business here. */
static MemResult access_refused(const Access *a)
{
    if (a->mr->ram) {
        log_access(a, "refused: read-only");
        return MEM_ACCESS_ERROR;
    }
    return MEM_DECODE_ERROR;
}

static MemResult region_access(MemoryRegion *mr, hwaddr off, unsigned size,
                               uint8_t *bytes, bool write, bool readonly,
                               bool romd, MemAttrs attrs)
{
    Access a = { mr, off, size, write, attrs, 0 };
    MemResult r;

    if (region_is_direct(mr, readonly, romd, write, attrs)) {
        ram_copy(mr, off, bytes, size, write);
        return MEM_OK;
    }
    if (mr->ops == NULL) {
        return access_refused(&a);
    }
    if (write) {
        a.value = bytes_load(bytes, size, mr->ops->endian);
    }
    r = access_io(&a);
    if (!write && r == MEM_OK) {
        bytes_store(bytes, size, mr->ops->endian, a.value);
    }
    return r;
}

MemResult memory_region_access(MemoryRegion *mr, hwaddr off, unsigned size,
                               MemEndian endian, uint64_t *value, bool write,
                               MemAttrs attrs)
{
    uint8_t bytes[8] __attribute__((aligned(8)));
    MemResult r;

    assert(is_power_of_2(size) && size <= sizeof(bytes));
    if ((int128)off + size > full_size(mr->size)) {
        r = MEM_DECODE_ERROR;
    } else {
        if (write) {
            bytes_store(bytes, size, endian, *value);
        }
        r = region_access(mr, off, size, bytes, write, mr->readonly, mr->romd,
                          attrs);
    }
    if (!write) {
        *value =
            r == MEM_OK ? bytes_load(bytes, size, endian) : bit_mask(8 * size);
    }
    return r;
}

/* --- address spaces --- */

static void log_unassigned(AddressSpace *as, hwaddr addr, bool write,
                           MemAttrs attrs)
{
    if (!attrs.debug) {
        log_guest_error("%s: %s of 0x%" PRIx64 ": nothing is there\n", as->name,
                        write ? "write" : "read", addr);
    }
}

/* Through one IOMMU: @addr is an offset in @mr; on to *as and *addr. */
static MemResult iommu_step(MemoryRegion *mr, AddressSpace **as, hwaddr *addr,
                            uint64_t *len, bool write, MemAttrs attrs)
{
    IommuEntry e = mr->translate(mr, *addr, write, attrs);

    if (e.target == NULL || !(write ? e.write : e.read)) {
        return MEM_ACCESS_ERROR;
    }
    if (e.mask != UINT64_MAX) {
        *len = MIN(*len, e.mask - (*addr & e.mask) + 1);
    }
    *addr = (e.addr & ~e.mask) | (*addr & e.mask);
    *as = e.target;
    return MEM_OK;
}

MemResult memory_resolve(AddressSpace *as, hwaddr addr, uint64_t len,
                         bool write, MemAttrs attrs, Resolved *out)
{
    enum { MAX_IOMMUS = 8 }; /* in a row; more is a loop */

    for (int i = 0; i < MAX_IOMMUS; i++) {
        const FlatView *view = address_space_view(as);
        const FlatRange *r = view ? flat_view_find(view, addr) : NULL;
        hwaddr in_range;
        MemResult result;

        if (r == NULL) {
            log_unassigned(as, addr, write, attrs);
            return MEM_DECODE_ERROR;
        }
        in_range = addr - r->addr;
        if (r->size != UINT64_MAX) {
            len = MIN(len, r->size - in_range);
        }
        addr = in_range + r->offset;
        if (r->mr->kind != MEMORY_IOMMU) {
            *out = (Resolved){ *r, addr, len };
            return MEM_OK;
        }
        result = iommu_step(r->mr, &as, &addr, &len, write, attrs);
        if (result != MEM_OK) {
            return result;
        }
    }
    return MEM_ACCESS_ERROR;
}

/* The widest access that @ops takes of @len bytes at @off. */
static unsigned io_chunk(const MemoryRegion *mr, hwaddr off, uint64_t len)
{
    unsigned size = mr->ops ? valid_max(mr->ops) : 8;

    while (size > len ||
           ((off & (size - 1)) && !(mr->ops && mr->ops->valid_unaligned))) {
        size /= 2;
    }
    return size;
}

/*
 * The first piece of an access: as much as one range serves. *@done is its
 * length. With @lock non-NULL on return nothing happened: take it and call
 * again.
 */
static MemResult rw_piece(AddressSpace *as, hwaddr addr, MemAttrs attrs,
                          uint8_t *buf, uint64_t len, bool write,
                          uint64_t *done, Lock **lock)
{
    Resolved at;
    MemResult r;
    const FlatRange *range = &at.range;

    *lock = NULL;
    rcu_lock();
    r = memory_resolve(as, addr, len, write, attrs, &at);
    if (r != MEM_OK) {
        rcu_unlock();
        return r;
    }
    *done = at.len;
    if (region_is_direct(range->mr, range->readonly, range->romd, write,
                         attrs)) {
        ram_copy(range->mr, at.offset, buf, at.len, write);
        rcu_unlock();
        return MEM_OK;
    }
    *done = io_chunk(range->mr, at.offset, at.len);
    if (range->mr->ops && range->mr->ops->lockless) {
        r = region_access(range->mr, at.offset, *done, buf, write,
                          range->readonly, range->romd, attrs);
        rcu_unlock();
        return r;
    }
    if (range->mr->ops && needs_lock(range->mr) && !attrs.debug) {
        Access a = { range->mr, at.offset, *done, write, attrs, 0 };

        *lock = range->mr->ms->lock;
        r = access_may_lock(&a) ? MEM_OK : MEM_ACCESS_ERROR;
        *lock = r == MEM_OK ? *lock : NULL;
        rcu_unlock();
        return r;
    }
    rcu_unlock(); /* the machine lock keeps the region where it is */
    return region_access(range->mr, at.offset, *done, buf, write,
                         range->readonly, range->romd, attrs);
}

MemResult address_space_rw(AddressSpace *as, hwaddr addr, MemAttrs attrs,
                           void *buf, uint64_t len, bool write)
{
    uint8_t *p = buf;

    while (len > 0) {
        uint64_t done = 0;
        Lock *lock;
        MemResult r = rw_piece(as, addr, attrs, p, len, write, &done, &lock);

        if (lock) {
            Lock *none;

            lock_acquire(lock);
            r = rw_piece(as, addr, attrs, p, len, write, &done, &none);
            lock_release(lock);
        }
        if (r != MEM_OK) {
            return r;
        }
        addr += done;
        p += done;
        len -= done;
    }
    return MEM_OK;
}

/*
 * A CPU's load or store: one access of that very size where one range takes
 * it whole, so that a device sees what the guest did, misaligned or not.
 */
static MemResult space_access(AddressSpace *as, hwaddr addr, unsigned size,
                              uint8_t *bytes, bool write, MemAttrs attrs)
{
    Resolved at;
    bool whole;
    MemResult r;
    Lock *lock = NULL;

    do {
        rcu_lock();
        r = memory_resolve(as, addr, size, write, attrs, &at);
        whole = r == MEM_OK && at.len == size && at.range.mr->ops &&
                !region_is_direct(at.range.mr, at.range.readonly, at.range.romd,
                                  write, attrs);
        if (whole && at.range.mr->ops->lockless) {
            r = region_access(at.range.mr, at.offset, size, bytes, write,
                              at.range.readonly, at.range.romd, attrs);
            rcu_unlock();
            return r;
        }
        rcu_unlock();
        if (!whole || !needs_lock(at.range.mr) || attrs.debug ||
            loop_thread_is_iothread()) {
            break;
        }
        lock = at.range.mr->ms->lock; /* and look again */
        lock_acquire(lock);
    } while (true);
    if (whole) {
        r = region_access(at.range.mr, at.offset, size, bytes, write,
                          at.range.readonly, at.range.romd, attrs);
    } else if (r == MEM_OK) {
        r = address_space_rw(as, addr, attrs, bytes, size, write);
    }
    if (lock) {
        lock_release(lock);
    }
    return r;
}

MemResult address_space_ld(AddressSpace *as, hwaddr addr, unsigned size,
                           MemEndian endian, uint64_t *value, MemAttrs attrs)
{
    uint8_t bytes[8] __attribute__((aligned(8)));
    MemResult r;

    assert(is_power_of_2(size) && size <= sizeof(bytes));
    r = space_access(as, addr, size, bytes, false, attrs);
    *value = r == MEM_OK ? bytes_load(bytes, size, endian) : bit_mask(8 * size);
    return r;
}

MemResult address_space_st(AddressSpace *as, hwaddr addr, unsigned size,
                           MemEndian endian, uint64_t value, MemAttrs attrs)
{
    uint8_t bytes[8] __attribute__((aligned(8)));

    assert(is_power_of_2(size) && size <= sizeof(bytes));
    bytes_store(bytes, size, endian, value);
    return space_access(as, addr, size, bytes, true, attrs);
}

/* --- accesses with a hint --- */

/* Can the device's hook be called as it is: no cut, no swap? */
static bool hint_simple(const FlatRange *r, hwaddr offset, unsigned size)
{
    const MemoryRegion *mr = r->mr;
    const MemoryOps *ops = mr->ops;

    return mr->kind == MEMORY_IO && ops &&
           range_fits(offset - r->offset, size, r->size) &&
           ops->endian == MEM_LITTLE && (offset & (size - 1)) == 0 &&
           size >= or_default(ops->valid_min, 1) && size <= valid_max(ops) &&
           size >= or_default(ops->impl_min, or_default(ops->valid_min, 1)) &&
           size <= or_default(ops->impl_max, valid_max(ops)) &&
           (ops->lockless || (mr->ms && mr->ms->lock));
}

/* Remember what answers now; the generation is read first, so that a change
 * in between makes the hint stale rather than wrong. */
static void hint_fill(MemoryHint *h, AddressSpace *as, hwaddr addr,
                      unsigned size)
{
    uint64_t generation = atomic_load(&as->ms->generation);
    const FlatView *view;
    const FlatRange *r;

    *h = (MemoryHint){ 0 };
    rcu_lock();
    view = address_space_view(as);
    r = view ? flat_view_find(view, addr) : NULL;
    if (r && hint_simple(r, addr - r->addr + r->offset, size)) {
        *h = (MemoryHint){
            .addr = addr,
            .as = as,
            .mr = r->mr,
            .lock = r->mr->ops->lockless ? NULL : r->mr->ms->lock,
            .offset = addr - r->addr + r->offset,
            .generation = generation,
            .size = (uint8_t)size,
            .read = r->mr->ops->read != NULL,
            .write = r->mr->ops->write != NULL,
        };
    }
    rcu_unlock();
}

/* Under the region's lock or in an RCU section; false: take the long way. */
static bool hint_call(const MemoryHint *h, bool write, uint64_t *value,
                      MemResult *r)
{
    MemoryRegion *mr = h->mr;
    Hook hook = { NULL, mr };

    if (h->generation != atomic_load_explicit(&h->as->ms->generation,
                                              memory_order_acquire) ||
        (write && rcu_read(&mr->doorbells) != NULL)) {
        return false;
    }
    hooks = &hook;
    if (write) {
        *r = mr->ops->write(mr->opaque, h->offset, h->size, *value,
                            MEM_ATTRS_CPU);
    } else {
        *r =
            mr->ops->read(mr->opaque, h->offset, h->size, value, MEM_ATTRS_CPU);
    }
    hooks = NULL;
    if (write) {
        trace_memory_region_write(mr->name, h->offset, h->size, *value, *r);
    } else {
        trace_memory_region_read(mr->name, h->offset, h->size, *value, *r);
    }
    return true;
}

/* The access by its hint, under the lock that its region needs. */
static bool hint_access(MemoryHints *hints, AddressSpace *as, hwaddr addr,
                        unsigned size, bool write, uint64_t *value,
                        MemResult *r)
{
    MemoryHint *h = &hints->slot[addr % MEMORY_HINTS];
    bool done;

    if (h->addr != addr || h->size != size || h->as != as) {
        hint_fill(h, as, addr, size);
        return false;
    }
    if (!(write ? h->write : h->read) || hooks != NULL) {
        return false;
    }
    if (h->lock == NULL) {
        rcu_lock();
        done = hint_call(h, write, value, r);
        rcu_unlock();
    } else if (lock_held(h->lock) || loop_thread_is_iothread()) {
        return false;
    } else {
        lock_acquire(h->lock);
        done = hint_call(h, write, value, r);
        lock_release(h->lock);
    }
    if (!done) {
        h->size = 0; /* asked again at the next access */
    }
    return done;
}

MemResult address_space_ld_hint(AddressSpace *as, MemoryHints *hints,
                                hwaddr addr, unsigned size, uint64_t *value)
{
    MemResult r;

    *value = 0;
    if (!hint_access(hints, as, addr, size, false, value, &r)) {
        return address_space_ld(as, addr, size, MEM_LITTLE, value,
                                MEM_ATTRS_CPU);
    }
    *value = r == MEM_OK ? *value & bit_mask(8 * size) : bit_mask(8 * size);
    return r;
}

MemResult address_space_st_hint(AddressSpace *as, MemoryHints *hints,
                                hwaddr addr, unsigned size, uint64_t value)
{
    MemResult r;

    value &= bit_mask(8 * size);
    if (!hint_access(hints, as, addr, size, true, &value, &r)) {
        return address_space_st(as, addr, size, MEM_LITTLE, value,
                                MEM_ATTRS_CPU);
    }
    return r;
}
