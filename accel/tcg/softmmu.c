/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slow paths of guest loads and stores (TCG.md 3.5, 3.8), and the accesses of
 * helpers. They are no safe points: they run no queued work and wait for
 * nobody but, in a device, the machine lock.
 *
 * A store goes: bytes, fence, dirty bits and code granules, then L1; in any
 * other order one could be lost.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"

enum { PAGE_MASK = PAGE_SIZE - 1 };

/* --- before the access --- */

static MmuAccess load_access(uint32_t mo)
{
    return (mo & MO_KIND_MASK) == MO_CODE ? MMU_FETCH : MMU_LOAD;
}

void rt_check_align(TcgVcpu *v, uint64_t addr, uint32_t mo, MmuAccess access)
{
    if (unlikely(addr & (memop_align(mo) - 1))) {
        v->ops->align_fault(v->cpu, addr, access, memop_mmu(mo));
        rt_raise(v);
    }
}

/* Stress: restore the state here and run the insn again (TCG.md 3.7). */
void rt_stress_point(TcgVcpu *v)
{
    if (likely(!v->accel->opt.stress_restore)) {
        return;
    }
    if (v->stress_pass || !(vcpu_random(v) & 1)) {
        v->stress_pass = false;
        return;
    }
    v->stress_pass = true;
    vcpu_restore(v);
    vcpu_leave(v, LEAVE_RETRY);
}

void rt_check_watch(TcgVcpu *v, vaddr va, unsigned size, bool write)
{
    const GArray *list = v->cpu->watchpoints;

    for (guint i = 0; !v->watch_stepping && i < list->len; i++) {
        const CpuWatchpoint *w = &g_array_index(list, CpuWatchpoint, i);

        if ((write ? w->on_write : w->on_read) &&
            range_overlaps(va, size, w->addr, w->len)) {
            vcpu_restore(v);
            if (v->ops->watch_before) {
                cpu_debug_stop(v->cpu, CPU_HIT_WATCH, va);
                vcpu_leave(v, LEAVE_DEBUG);
            }
            /* run the insn by itself, then stop behind it */
            v->watch_hit = va;
            v->watch_stepping = true;
            vcpu_leave(v, LEAVE_RETRY);
        }
    }
}

static const TlbEntry *get_or_raise(TcgVcpu *v, vaddr va, unsigned size,
                                    MmuAccess access, uint32_t mo,
                                    TlbEntry *local)
{
    const TlbEntry *e =
        tlb_get(v, va, size, access, memop_mmu(mo), false, local);

    if (unlikely(!e)) {
        rt_raise(v);
    }
    return e;
}

/* --- host memory: one access when aligned, as the guest's would be --- */

static uint64_t host_ld(const uint8_t *p, unsigned size)
{
    uint64_t value = 0;

    if ((uintptr_t)p & (size - 1)) {
        memcpy(&value, p, size);
        return GUINT64_FROM_LE(value);
    }
    switch (size) {
    case 1:
        return __atomic_load_n(p, __ATOMIC_RELAXED);
    case 2:
        return GUINT16_FROM_LE(
            __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
    case 4:
        return GUINT32_FROM_LE(
            __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED));
    default:
        return GUINT64_FROM_LE(
            __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED));
    }
}

static void host_st(uint8_t *p, unsigned size, uint64_t value)
{
    if ((uintptr_t)p & (size - 1)) {
        value = GUINT64_TO_LE(value);
        memcpy(p, &value, size);
        return;
    }
    switch (size) {
    case 1:
        __atomic_store_n(p, value, __ATOMIC_RELAXED);
        break;
    case 2:
        __atomic_store_n((uint16_t *)p, GUINT16_TO_LE(value), __ATOMIC_RELAXED);
        break;
    case 4:
        __atomic_store_n((uint32_t *)p, GUINT32_TO_LE(value), __ATOMIC_RELAXED);
        break;
    default:
        __atomic_store_n((uint64_t *)p, GUINT64_TO_LE(value), __ATOMIC_RELAXED);
    }
}

static uint64_t swap_bytes(uint64_t value, unsigned size)
{
    return __builtin_bswap64(value) >> (64 - size * 8);
}

/* --- devices --- */

/* One access of a device; C code may compute in host floating point there. */
static MemResult device_access(TcgVcpu *v, const TlbEntry *e, unsigned off,
                               unsigned size, MemEndian endian, uint64_t *value,
                               bool write)
{
    AddressSpace *as = v->cpu->memory;
    MemoryRegion *mr = e->mr;
    hwaddr mr_off = e->mr_off + off;
    hwaddr pa = e->pa + off;
    MemAttrs attrs = e->attrs;
    MemResult r;

    STAT(v, mmio);
    vcpu_swap_to_host_fp(v);
    if (mr) {
        r = memory_region_access(mr, mr_off, size, endian, value, write, attrs);
    } else if (write) {
        r = address_space_st(as, pa, size, endian, *value, attrs);
    } else {
        r = address_space_ld(as, pa, size, endian, value, attrs);
    }
    vcpu_swap_to_guest_fp(v);
    /* A store may have changed the memory map: the next access must see it. */
    if (atomic_load(&v->requests) & VCPU_REQ_FLUSH_MEM) {
        vcpu_serve_requests(v);
    }
    return r;
}

static MemEndian endian_of(uint32_t mo)
{
    return mo & MO_SWAP ? MEM_BIG : MEM_LITTLE;
}

static void bus_fault(TcgVcpu *v, vaddr va, MmuAccess access, uint32_t mo,
                      MemResult why) G_GNUC_NORETURN;
static void bus_fault(TcgVcpu *v, vaddr va, MmuAccess access, uint32_t mo,
                      MemResult why)
{
    v->ops->bus_fault(v->cpu, va, access, memop_mmu(mo), why);
    rt_raise(v);
}

/* --- loads --- */

static bool crosses_page(uint64_t addr, unsigned size)
{
    return (addr & PAGE_MASK) + size > PAGE_SIZE;
}

/* @n bytes of one page, little-endian, low ones first. */
static uint64_t ld_part(TcgVcpu *v, const TlbEntry *e, vaddr va, unsigned n,
                        uint32_t mo)
{
    unsigned off = va & PAGE_MASK;
    uint64_t value = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t byte = 0;

        if (e->host) {
            byte = host_ld(e->host + off + i, 1);
        } else {
            MemResult r =
                device_access(v, e, off + i, 1, MEM_LITTLE, &byte, false);
            if (r != MEM_OK) {
                bus_fault(v, va + i, load_access(mo), mo, r);
            }
        }
        value |= (byte & 0xff) << (8 * i);
    }
    return value;
}

/* Both pages are translated before a byte is read (TCG.md pitfall 9). */
static uint64_t ld_cross(TcgVcpu *v, uint64_t addr, uint32_t mo)
{
    unsigned size = memop_size(mo);
    unsigned first = PAGE_SIZE - (addr & PAGE_MASK);
    TlbEntry l0, l1;
    TlbEntry e0, e1;
    uint64_t value;

    e0 = *get_or_raise(v, addr, first, load_access(mo), mo, &l0);
    e1 = *get_or_raise(v, addr + first, size - first, load_access(mo), mo, &l1);
    value = ld_part(v, &e0, addr, first, mo);
    value |= ld_part(v, &e1, addr + first, size - first, mo) << (8 * first);
    return mo & MO_SWAP ? swap_bytes(value, size) : value;
}

static uint64_t ld_one(TcgVcpu *v, uint64_t addr, uint32_t mo)
{
    unsigned size = memop_size(mo);
    unsigned off = addr & PAGE_MASK;
    uint64_t value = 0;
    TlbEntry local;
    const TlbEntry *e;
    MemResult r;

    e = get_or_raise(v, addr, size, load_access(mo), mo, &local);
    if (load_access(mo) == MMU_LOAD) {
        l1_fill(v, addr, memop_mmu(mo), e, MMU_LOAD);
    }
    if (e->host) {
        value = host_ld(e->host + off, size);
        return mo & MO_SWAP ? swap_bytes(value, size) : value;
    }
    r = device_access(v, e, off, size, endian_of(mo), &value, false);
    if (r != MEM_OK) {
        bus_fault(v, addr, load_access(mo), mo, r);
    }
    return value;
}

uint64_t rt_ld(void *env, uint64_t addr, uint32_t mo)
{
    TcgVcpu *v = env_vcpu(env);
    unsigned size = memop_size(mo);

    STAT(v, slow_loads);
    rt_stress_point(v);
    rt_check_align(v, addr, mo, load_access(mo));
    if (unlikely(v->have_watch)) {
        rt_check_watch(v, addr, size, false);
    }
    return unlikely(crosses_page(addr, size)) ? ld_cross(v, addr, mo)
                                              : ld_one(v, addr, mo);
}

/* --- stores --- */

void ram_stored(TcgVcpu *v, const TlbEntry *e, unsigned off, unsigned len)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&e->code->code, memory_order_relaxed)) {
        STAT(v, code_stores);
        page_written(v->accel, e->code, off, len, v);
    }
    ram_mark_dirty(e->block, (ram_addr_t)(e->host - e->block->host) + off, len);
}

static void st_part(TcgVcpu *v, const TlbEntry *e, vaddr va, unsigned n,
                    uint64_t value, uint32_t mo)
{
    unsigned off = va & PAGE_MASK;

    for (unsigned i = 0; i < n; i++) {
        uint64_t byte = value >> (8 * i) & 0xff;
        MemResult r;

        if (e->host && e->ram_write) {
            host_st(e->host + off + i, 1, byte);
            continue;
        }
        r = device_access(v, e, off + i, 1, MEM_LITTLE, &byte, true);
        if (r != MEM_OK) {
            bus_fault(v, va + i, MMU_STORE, mo, r);
        }
    }
    if (e->host && e->ram_write) {
        ram_stored(v, e, off, n);
    }
}

static void st_cross(TcgVcpu *v, uint64_t addr, uint64_t value, uint32_t mo)
{
    unsigned size = memop_size(mo);
    unsigned first = PAGE_SIZE - (addr & PAGE_MASK);
    TlbEntry l0, l1;
    TlbEntry e0, e1;

    e0 = *get_or_raise(v, addr, first, MMU_STORE, mo, &l0);
    e1 = *get_or_raise(v, addr + first, size - first, MMU_STORE, mo, &l1);
    if (mo & MO_SWAP) {
        value = swap_bytes(value, size);
    }
    st_part(v, &e0, addr, first, value, mo);
    st_part(v, &e1, addr + first, size - first, value >> (8 * first), mo);
}

static void st_one(TcgVcpu *v, uint64_t addr, uint64_t value, uint32_t mo)
{
    unsigned size = memop_size(mo);
    unsigned off = addr & PAGE_MASK;
    TlbEntry local;
    const TlbEntry *e;
    MemResult r;

    e = get_or_raise(v, addr, size, MMU_STORE, mo, &local);
    if (e->host && e->ram_write) {
        host_st(e->host + off, size,
                mo & MO_SWAP ? swap_bytes(value, size) : value);
        ram_stored(v, e, off, size);
        l1_fill(v, addr, memop_mmu(mo), e, MMU_STORE);
        return;
    }
    r = device_access(v, e, off, size, endian_of(mo), &value, true);
    if (r != MEM_OK) {
        bus_fault(v, addr, MMU_STORE, mo, r);
    }
}

void rt_st(void *env, uint64_t addr, uint64_t value, uint32_t mo)
{
    TcgVcpu *v = env_vcpu(env);
    unsigned size = memop_size(mo);

    STAT(v, slow_stores);
    rt_stress_point(v);
    rt_check_align(v, addr, mo, MMU_STORE);
    if (unlikely(v->have_watch)) {
        rt_check_watch(v, addr, size, true);
    }
    if (size < 8) {
        value &= bit_mask(size * 8);
    }
    if (unlikely(crosses_page(addr, size))) {
        st_cross(v, addr, value, mo);
    } else {
        st_one(v, addr, value, mo);
    }
}

/* --- helpers --- */

/* Host address of an access that L1 lets pass, as host code does; or NULL. */
static uint8_t *l1_hit(const TcgVcpu *v, vaddr va, uint32_t mo, bool write)
{
    const TcgTlb *tlb = &v->hot->tlb[memop_mmu(mo)];
    unsigned slot = (va >> PAGE_BITS) & (TCG_TLB_SIZE - 1);
    uint64_t tag = write ? tlb->tag_w[slot] : tlb->tag_r[slot];

    if ((va ^ tag) > PAGE_SIZE - memop_size(mo) ||
        (va & (memop_align(mo) - 1)) || (mo & (MO_SWAP | MO_KIND_MASK))) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)(va + tlb->addend[slot]);
}

uint64_t tcg_helper_ld(CPUState *cpu, vaddr va, uint32_t oi, uintptr_t ra)
{
    const uint8_t *host = l1_hit(tcg_vcpu(cpu), va, oi, false);

    if (likely(host)) {
        return memop_extend(oi, host_ld(host, memop_size(oi)));
    }
    return memop_extend(oi, rt_ld(cpu->env, va, oi));
}

void tcg_helper_st(CPUState *cpu, vaddr va, uint64_t value, uint32_t oi,
                   uintptr_t ra)
{
    uint8_t *host = l1_hit(tcg_vcpu(cpu), va, oi, true);

    if (likely(host)) {
        host_st(host, memop_size(oi), value);
        return;
    }
    rt_st(cpu->env, va, value, oi);
}

bool tcg_helper_zero(CPUState *cpu, vaddr va, unsigned len, uint32_t oi)
{
    uint8_t *host = l1_hit(tcg_vcpu(cpu), va, oi | MO_64, true);

    assert(is_power_of_2(len) && len >= 8 && (va & (len - 1)) == 0);
    for (unsigned off = 0; host && off < len; off += 8) {
        host_st(host + off, 8, 0);
    }
    return host != NULL;
}

bool tcg_ld_phys(CPUState *cpu, hwaddr pa, unsigned size, uint64_t *value)
{
    MemAttrs attrs = { .debug = cpu != cpu_current() };
    const uint8_t *page = NULL;

    if (!attrs.debug) {
        page = tlb_phys_page(tcg_vcpu(cpu), pa & ~(hwaddr)PAGE_MASK);
    }
    if (!page) {
        return address_space_ld(cpu->memory, pa, size, MEM_LITTLE, value,
                                attrs) == MEM_OK;
    }
    *value = host_ld(page + (pa & PAGE_MASK), size);
    return true;
}

void *tcg_probe(CPUState *cpu, vaddr va, unsigned len, MmuAccess access,
                unsigned mmu, uintptr_t ra)
{
    TcgVcpu *v = tcg_vcpu(cpu);
    TlbEntry local;
    const TlbEntry *e;

    assert(len > 0 && !crosses_page(va, len));
    if (unlikely(v->have_watch)) {
        rt_check_watch(v, va, len, access == MMU_STORE);
    }
    e = get_or_raise(v, va, len, access, MO_MMU(mmu), &local);
    if (!e->host || (access == MMU_STORE && !e->ram_write)) {
        return NULL;
    }
    return e->host + (va & PAGE_MASK);
}

/* Device or TLB neither; the block is found by the host address. */
void tcg_page_written(CPUState *cpu, void *host, unsigned len)
{
    TcgVcpu *v = tcg_vcpu(cpu);
    ram_addr_t off;
    RamBlock *block;
    CodePage *page;

    block = ram_block_from_host(v->accel->machine->ms, host, &off);
    assert(block); /* a pointer that did not come from tcg_probe */
    atomic_thread_fence(memory_order_seq_cst);
    page = code_page(block, off);
    if (page && atomic_load_explicit(&page->code, memory_order_relaxed)) {
        page_written(v->accel, page, off & PAGE_MASK, len, v);
    }
    ram_mark_dirty(block, off, len);
}
