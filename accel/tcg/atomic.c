/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic read-modify-write on guest memory: the interpreter's path, and host
 * code's when its check fails (TCG.md 3.10). RAM is changed by compare and
 * swap on the host, so all vCPUs and devices see one operation. Misaligned
 * ones and devices fault: the guests we have want that.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"

enum { PAGE_MASK = PAGE_SIZE - 1 };

static uint64_t swap_if(uint64_t value, unsigned size, uint32_t mo)
{
    return mo & MO_SWAP ? __builtin_bswap64(value) >> (64 - size * 8) : value;
}

static bool host_cas(void *p, unsigned size, uint64_t *old, uint64_t want)
{
#define CAS(type)                                                              \
    ({                                                                         \
        type seen = *old;                                                      \
        bool ok =                                                              \
            __atomic_compare_exchange_n((type *)p, &seen, want, false,         \
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);   \
        *old = seen;                                                           \
        ok;                                                                    \
    })
    switch (size) {
    case 1:
        return CAS(uint8_t);
    case 2:
        return CAS(uint16_t);
    case 4:
        return CAS(uint32_t);
    default:
        return CAS(uint64_t);
    }
#undef CAS
}

static uint64_t host_read(void *p, unsigned size)
{
    uint64_t old = 0;

    /* a swap of 0 for 0 reads whole, whatever the alignment */
    host_cas(p, size, &old, 0);
    return old;
}

/* The new value; @x is what memory holds. All are zero-extended. */
static uint64_t combine(TcgAtomic kind, uint64_t x, uint64_t y, unsigned bits)
{
    int64_t sx = bits_sext(x, bits);
    int64_t sy = bits_sext(y, bits);

    switch (kind) {
    case TCG_ATOMIC_ADD:
        return x + y;
    case TCG_ATOMIC_AND:
        return x & y;
    case TCG_ATOMIC_OR:
        return x | y;
    case TCG_ATOMIC_XOR:
        return x ^ y;
    case TCG_ATOMIC_SMIN:
        return sx < sy ? x : y;
    case TCG_ATOMIC_SMAX:
        return sx > sy ? x : y;
    case TCG_ATOMIC_UMIN:
        return x < y ? x : y;
    case TCG_ATOMIC_UMAX:
        return x > y ? x : y;
    default: /* XCHG, CAS, SC */
        return y;
    }
}

/* Returns the old value. With @compare it is stored only if that was @cmp. */
static uint64_t do_rmw(void *p, unsigned size, TcgAtomic kind, uint64_t y,
                       bool compare, uint64_t cmp, uint32_t mo)
{
    uint64_t mask = bit_mask(size * 8);
    uint64_t raw = host_read(p, size);

    for (;;) {
        uint64_t old = swap_if(raw, size, mo);
        uint64_t want = combine(kind, old, y & mask, size * 8) & mask;

        if (compare && old != (cmp & mask)) {
            return old;
        }
        if (host_cas(p, size, &raw, swap_if(want, size, mo))) {
            return old;
        }
    }
}

static const TlbEntry *atomic_entry(TcgVcpu *v, uint64_t addr, uint32_t mo,
                                    TlbEntry *local)
{
    unsigned size = memop_size(mo);
    const TlbEntry *e;

    rt_check_align(v, addr, mo, MMU_STORE);
    if ((addr & PAGE_MASK) + size > PAGE_SIZE) {
        v->ops->align_fault(v->cpu, addr, MMU_STORE, memop_mmu(mo));
        rt_raise(v);
    }
    if (unlikely(v->have_watch)) {
        rt_check_watch(v, addr, size, true);
        rt_check_watch(v, addr, size, false);
    }
    e = tlb_get(v, addr, size, MMU_STORE, memop_mmu(mo), false, local);
    if (!e) {
        rt_raise(v);
    }
    if (!e->host || !e->ram_write) {
        v->ops->bus_fault(v->cpu, addr, MMU_STORE, memop_mmu(mo),
                          MEM_ACCESS_ERROR);
        rt_raise(v);
    }
    return e;
}

uint64_t rt_atomic(void *env, uint64_t addr, uint64_t val, uint64_t cmp,
                   uint32_t mo, uint32_t kind_and_holds)
{
    TcgVcpu *v = env_vcpu(env);
    TcgAtomic kind = kind_and_holds & 0xff;
    bool holds = kind_and_holds >> 8;
    unsigned size = memop_size(mo);
    bool compare = kind == TCG_ATOMIC_CAS || kind == TCG_ATOMIC_SC;
    TlbEntry local;
    const TlbEntry *e;
    uint64_t old;

    STAT(v, slow_atomics);
    rt_stress_point(v);
    e = atomic_entry(v, addr, mo, &local);
    if (kind == TCG_ATOMIC_SC && !holds) {
        return 1;
    }
    old =
        do_rmw(e->host + (addr & PAGE_MASK), size, kind, val, compare, cmp, mo);
    ram_stored(v, e, addr & PAGE_MASK, size);
    l1_fill(v, addr, memop_mmu(mo), e, MMU_STORE);
    if (kind == TCG_ATOMIC_SC) {
        return old != (cmp & bit_mask(size * 8));
    }
    return old;
}

/* --- page walkers --- */

/* Host address of writable RAM at @pa; its block and offset. RCU held. */
static uint8_t *phys_ram(CPUState *cpu, hwaddr pa, unsigned size,
                         RamBlock **block, ram_addr_t *off)
{
    const FlatRange *r = flat_view_find(address_space_view(cpu->memory), pa);
    uint64_t in;

    if (!r || !flat_range_is_direct(r, true)) {
        return NULL;
    }
    in = pa - r->addr;
    if (!range_fits(in, size, r->size)) {
        return NULL;
    }
    *block = r->mr->ram;
    *off = r->mr->ram_offset + r->offset + in;
    return (*block)->host + *off;
}

bool tcg_cas_phys(CPUState *cpu, hwaddr pa, unsigned size, uint64_t expected,
                  uint64_t desired, bool *ok)
{
    TcgVcpu *v = tcg_vcpu(cpu);
    RamBlock *block = NULL;
    ram_addr_t off = 0;
    CodePage *page;
    uint8_t *host;
    bool done;

    *ok = false;
    check_walk_writes(v);
    rcu_lock();
    host = phys_ram(cpu, pa, size, &block, &off);
    rcu_unlock();
    if (!host || ((uintptr_t)host & (size - 1))) {
        return false;
    }
    *ok = true;
    done = host_cas(host, size, &expected, desired);
    if (done) {
        atomic_thread_fence(memory_order_seq_cst);
        page = code_page(block, off);
        if (page && atomic_load(&page->code)) {
            page_written(v->accel, page, off & PAGE_MASK, size, v);
        }
        ram_mark_dirty(block, off, size);
    }
    return done;
}
