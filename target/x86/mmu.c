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
#define PTE_PS   BIT(7)
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
