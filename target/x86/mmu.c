/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's page tables as a debugger walks them: no bit changes, no right
 * is checked.
 *
 * Spec: Intel SDM 3A, chapter 4 (32-bit 4.3, PAE 4.4, 4- and 5-level 4.5).
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "target/x86/cpu.h"

#define PTE_P    BIT(0)
#define PTE_W    BIT(1)
#define PTE_U    BIT(2)
#define PTE_PS   BIT(7)
#define PTE_NX   BIT(63)
#define PTE_ADDR bits_set(0, 12, 40, UINT64_MAX)

static bool read_entry(CPUState *cpu, hwaddr at, unsigned size, uint64_t *e)
{
    uint8_t raw[8] = { 0 };
    MemAttrs attrs = { .debug = true };

    if (address_space_read(cpu->memory, at, attrs, raw, size) != MEM_OK) {
        return false;
    }
    *e = ld64_le(raw);
    return (*e & PTE_P) != 0;
}

/* @levels of 512 entries each below the table at @table. */
static bool walk64(CPUState *cpu, hwaddr table, int levels, vaddr va,
                   hwaddr *pa)
{
    for (int level = levels; level > 0; level--) {
        unsigned shift = 12 + 9 * (unsigned)(level - 1);
        uint64_t e;

        if (!read_entry(cpu, table + 8 * bits_get(va, shift, 9), 8, &e)) {
            return false;
        }
        if (level == 1 || (level <= 3 && (e & PTE_PS))) {
            *pa = (e & PTE_ADDR & ~bit_mask(shift)) | (va & bit_mask(shift));
            return true;
        }
        table = e & PTE_ADDR;
    }
    return false;
}

static bool walk_pae(CPUState *cpu, const X86Env *env, vaddr va, hwaddr *pa)
{
    uint64_t e;

    return read_entry(cpu, (env->cr3 & ~(uint64_t)31) + 8 * bits_get(va, 30, 2),
                      8, &e) &&
           walk64(cpu, e & PTE_ADDR, 2, va, pa);
}

static bool walk32(CPUState *cpu, const X86Env *env, vaddr va, hwaddr *pa)
{
    uint64_t e;

    if (!read_entry(cpu, (env->cr3 & 0xfffff000) + 4 * bits_get(va, 22, 10), 4,
                    &e)) {
        return false;
    }
    if ((env->cr4 & CR4_PSE) && (e & PTE_PS)) { /* PSE-36: table 4-4 */
        *pa = (e & 0xffc00000) | bits_get(e, 13, 8) << 32 | (va & 0x3fffff);
        return true;
    }
    if (!read_entry(cpu, (e & 0xfffff000) + 4 * bits_get(va, 12, 10), 4, &e)) {
        return false;
    }
    *pa = (e & 0xfffff000) | (va & 0xfff);
    return true;
}

bool x86_debug_translate(CPUState *cpu, vaddr va, hwaddr *pa, MemAttrs *attrs)
{
    const X86Env *env = x86_env(cpu);

    accel_ops(cpu->parent.machine)->regs_pull(cpu, REGS_GENERAL);
    *attrs = MEM_ATTRS_CPU;
    if (!(env->cr0 & CR0_PG)) {
        *pa = va;
        return true;
    }
    if (env->efer & EFER_LMA) {
        int levels = env->cr4 & CR4_LA57 ? 5 : 4;

        return walk64(cpu, env->cr3 & PTE_ADDR, levels, va, pa);
    }
    va &= UINT32_MAX;
    return env->cr4 & CR4_PAE ? walk_pae(cpu, env, va, pa)
                              : walk32(cpu, env, va, pa);
}

/* --- all that is mapped --- */

enum { ENTRIES_MAX = 1 << 21 }; /* of tables that point to themselves */

typedef struct Mappings {
    CPUState *cpu;
    CpuMappingFn *fn;
    void *opaque;
    bool pages;
    unsigned entries, va_bits;
    CpuMapping now; /* grows while the next one continues it; size 0: none */
} Mappings;

static bool end_stretch(Mappings *m)
{
    CpuMapping done = m->now;

    m->now.size = 0;
    return done.size == 0 || m->fn(m->opaque, &done);
}

/* Bits of an entry that maps (SDM 3A tables 4-15 to 4-20). */
static void name_bits(CpuMapping *page, uint64_t entry)
{
    static const char letters[] = "XGPDACTUW";
    static const uint8_t bits[] = { 63, 8, 7, 6, 5, 4, 3, 2, 1 };

    if (page->size == BIT(12)) {
        entry &= ~PTE_PS; /* PAT there */
    }
    for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
        page->rights[i] = entry >> bits[i] & 1 ? letters[i] : '-';
    }
}

/* Rights are those of all levels together: @rights has bits of entries (U/S,
 * R/W, NX) turned so that 1 permits. @entry is the last level's. */
static bool add_page(Mappings *m, vaddr va, hwaddr pa, uint64_t size,
                     uint64_t rights, uint64_t entry)
{
    CpuMapping *now = &m->now;
    CpuMapping page = {
        .va = m->va_bits > 32 ? (uint64_t)bits_sext(va, m->va_bits) : va,
        .pa = pa,
        .size = size,
        .rights = { rights & PTE_U ? 'u' : '-', 'r', rights & PTE_W ? 'w' : '-',
                    rights & PTE_NX ? 'x' : '-' },
    };

    if (m->pages) {
        name_bits(&page, entry);
        return m->fn(m->opaque, &page);
    }
    if (now->size && page.va == now->va + now->size &&
        page.pa == now->pa + now->size &&
        strcmp(page.rights, now->rights) == 0) {
        now->size += size;
        return true;
    }
    if (!end_stretch(m)) {
        return false;
    }
    *now = page;
    return true;
}

/* The table of @n entries of 8 bytes at @table; false: enough. */
static bool map64(Mappings *m, hwaddr table, unsigned n, int level, vaddr va,
                  uint64_t rights)
{
    unsigned shift = 12 + 9 * (unsigned)(level - 1);

    for (unsigned i = 0; i < n; i++) {
        vaddr at = va | (uint64_t)i << shift;
        /* PAE's first level has no rights (SDM 3A table 4-8) */
        bool plain = level == 3 && n == 4;
        uint64_t e, now;

        if (++m->entries > ENTRIES_MAX) {
            return false;
        }
        if (!read_entry(m->cpu, table + 8 * i, 8, &e)) {
            continue;
        }
        now = plain ? rights : rights & (e ^ PTE_NX);
        if (level == 1 || (level <= 3 && !plain && (e & PTE_PS))) {
            if (!add_page(m, at, e & PTE_ADDR & ~bit_mask(shift), BIT(shift),
                          now, e)) {
                return false;
            }
        } else if (!map64(m, e & PTE_ADDR, 512, level - 1, at, now)) {
            return false;
        }
    }
    return true;
}

static bool map32(Mappings *m, const X86Env *env)
{
    for (unsigned i = 0; i < 1024; i++) {
        hwaddr table = env->cr3 & 0xfffff000;
        vaddr at = (uint64_t)i << 22;
        uint64_t dir, e;

        if (!read_entry(m->cpu, table + 4 * i, 4, &dir)) {
            continue;
        }
        if ((env->cr4 & CR4_PSE) && (dir & PTE_PS)) {
            hwaddr pa = (dir & 0xffc00000) | bits_get(dir, 13, 8) << 32;

            if (!add_page(m, at, pa, BIT(22), dir | PTE_NX, dir)) {
                return false;
            }
            continue;
        }
        for (unsigned j = 0; j < 1024; j++) {
            if (read_entry(m->cpu, (dir & 0xfffff000) + 4 * j, 4, &e) &&
                !add_page(m, at | j << 12, e & 0xfffff000, BIT(12),
                          (e & dir) | PTE_NX, e)) {
                return false;
            }
        }
    }
    return true;
}

bool x86_each_mapping(CPUState *cpu, bool pages, CpuMappingFn *fn, void *opaque)
{
    const X86Env *env = x86_env(cpu);
    Mappings m = {
        .cpu = cpu, .fn = fn, .opaque = opaque, .pages = pages, .va_bits = 32
    };
    int levels = env->cr4 & CR4_LA57 ? 5 : 4;

    if (!(env->cr0 & CR0_PG)) {
        return false;
    }
    if (env->efer & EFER_LMA) {
        m.va_bits = 12 + 9 * (unsigned)levels;
        map64(&m, env->cr3 & PTE_ADDR, 512, levels, 0, UINT64_MAX);
    } else if (env->cr4 & CR4_PAE) {
        map64(&m, env->cr3 & 0xffffffe0, 4, 3, 0, UINT64_MAX);
    } else {
        map32(&m, env);
    }
    end_stretch(&m);
    return true;
}
