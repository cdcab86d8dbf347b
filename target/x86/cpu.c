/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An x86-64 CPU as a device: properties, realize, reset, the boot protocols'
 * registers, text for monitors.
 *
 * Spec:  Intel SDM 3A, 9.1.1 (state after power-up, table 9-1).
 * Locks: machine lock with the vCPU parked.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "target/x86/cpu.h"
#include "target/x86/cpu_type.h"

const X86Model *x86_model(const X86Cpu *cpu)
{
    return ((const X86CpuType *)((const Object *)cpu)->type)->x86;
}

/* --- properties --- */

/* One bit, in one of two words of asked-for features; .arg is the row. */
static bool feature_set(Object *obj, const Property *prop, json_object *value,
                        Error **errp)
{
    X86Cpu *cpu = (X86Cpu *)obj;
    const X86Feature *f = prop->arg;
    Property as_bool = *prop;

    as_bool.type = &prop_type_bool;
    as_bool.offset = offsetof(X86Cpu, parsed);
    if (!prop_type_bool.set(obj, &as_bool, value, errp)) {
        return false;
    }
    cpu->plus[f->word] &= ~(uint32_t)BIT(f->bit);
    cpu->minus[f->word] &= ~(uint32_t)BIT(f->bit);
    (cpu->parsed ? cpu->plus : cpu->minus)[f->word] |= (uint32_t)BIT(f->bit);
    return true;
}

static json_object *feature_get(Object *obj, const Property *prop)
{
    X86Cpu *cpu = (X86Cpu *)obj;
    const X86Feature *f = prop->arg;
    uint32_t word =
        cpu->parent.parent.realized ? cpu->words[f->word]
        : cpu->settled              ? cpu->wanted[f->word]
                       : (x86_model(cpu)->words[f->word] | cpu->plus[f->word]) &
                             ~cpu->minus[f->word];

    return json_object_new_boolean(word >> f->bit & 1);
}

static const PropertyType prop_type_feature = { "bool", "bool", feature_set,
                                                feature_get, NULL };

/* The same of a Hyper-V enlightenment; .arg is its row. */
static bool hv_set(Object *obj, const Property *prop, json_object *value,
                   Error **errp)
{
    X86Cpu *cpu = (X86Cpu *)obj;
    uint32_t bit = (uint32_t)BIT((const X86Hv *)prop->arg - x86_hv);
    Property as_bool = *prop;

    as_bool.type = &prop_type_bool;
    as_bool.offset = offsetof(X86Cpu, parsed);
    if (!prop_type_bool.set(obj, &as_bool, value, errp)) {
        return false;
    }
    cpu->hv = cpu->parsed ? cpu->hv | bit : cpu->hv & ~bit;
    return true;
}

static json_object *hv_get(Object *obj, const Property *prop)
{
    return json_object_new_boolean(
        ((X86Cpu *)obj)->hv >> ((const X86Hv *)prop->arg - x86_hv) & 1);
}

static const PropertyType prop_type_hv = { "bool", "bool", hv_set, hv_get,
                                           NULL };

static json_object *unavailable_get(Object *obj, const Property *prop)
{
    g_auto(GStrv) names = x86_filtered_names((X86Cpu *)obj);
    json_object *list = json_object_new_array();

    for (char **n = names; *n; n++) {
        json_object_array_add(list, json_object_new_string(*n));
    }
    return list;
}

static const PropertyType prop_type_unavailable = { "strList", "any", NULL,
                                                    unavailable_get, NULL };

/* clang-format off */
static const Property x86_cpu_props[] = {
    { "unavailable-features", &prop_type_unavailable, 0, NULL,
      "features asked for that the engine has not", NULL, PROP_READ_ONLY },
    PROP(bool, X86Cpu, check, "check", "on", "warn of features that the engine lacks"),
    PROP(bool, X86Cpu, enforce, "enforce", "off", "refuse to start without them"),
    PROP(bool, X86Cpu, pv, "kvm", "on", "show the engine and its paravirtual features"),
    PROP(i32, X86Cpu, family, "family", "-1", "CPU family; -1: the model's"),
    PROP(i32, X86Cpu, model, "model", "-1", "CPU model number; -1: the model's"),
    PROP(i32, X86Cpu, stepping, "stepping", "-1", "CPU stepping; -1: the model's"),
    PROP(u32, X86Cpu, level, "level", "0", "highest basic CPUID leaf; 0: as needed"),
    PROP(u32, X86Cpu, xlevel, "xlevel", "0", "highest extended CPUID leaf; 0: as needed"),
    PROP(u32, X86Cpu, min_level, "min-level", "0", "the highest basic leaf is no lower"),
    PROP(u32, X86Cpu, min_xlevel, "min-xlevel", "0", "the highest extended leaf is no lower"),
    PROP(str, X86Cpu, vendor, "vendor", NULL, "12 characters of CPUID leaf 0"),
    PROP(str, X86Cpu, text, "model-id", NULL, "the CPU's name, at most 48 characters"),
    PROP(u32, X86Cpu, phys_bits, "phys-bits", "0", "physical address bits; 0: as the host has"),
    PROP(bool, X86Cpu, host_phys_bits, "host-phys-bits", "off", "physical address bits of the host, whatever phys-bits says"),
    PROP(u32, X86Cpu, phys_limit, "host-phys-bits-limit", "0", "at most so many of the host's; 0: all"),
    PROP(bool, X86Cpu, l3_cache, "l3-cache", "on", "show a level 3 cache"),
    PROP(bool, X86Cpu, pmu, "pmu", "off", "performance counters, where the engine has them"),
    PROP(bool, X86Cpu, pv_enforce, "kvm-pv-enforce-cpuid", "off", "refuse MSRs of paravirtual features that are not shown"),
    PROP(u64, X86Cpu, tsc_hz, "tsc-frequency", "0", "of the time-stamp counter, in Hz; 0: the host's"),
    PROP(u32, X86Cpu, hv_spinlocks, "hv-spinlocks", "4294967295", "retries before a guest's spinlock tells the hypervisor"),
    PROP(bool, X86Cpu, hv_passthrough, "hv-passthrough", "off", "all Hyper-V enlightenments that the engine has"),
    PROP(bool, X86Cpu, hv_enforce, "hv-enforce-cpuid", "off", "refuse Hyper-V's MSRs and calls that are not shown"),
    PROP(onoffauto, X86Cpu, hv_no_sharing, "hv-no-nonarch-coresharing", "off", "say that no foreign vCPU shares a core"),
    PROP(str, X86Cpu, hv_vendor, "hv-vendor-id", NULL, "12 characters in place of \"Microsoft Hv\""),
    PROP(u32, X86Cpu, hv_build, "hv-version-id-build", "14393", "Hyper-V's version: build"),
    PROP(u16, X86Cpu, hv_major, "hv-version-id-major", "10", "major number"),
    PROP(u16, X86Cpu, hv_minor, "hv-version-id-minor", "0", "minor number"),
    PROP(u32, X86Cpu, hv_service_pack, "hv-version-id-spack", "0", "service pack"),
    PROP(u8, X86Cpu, hv_branch, "hv-version-id-sbranch", "0", "service branch"),
    PROP(u32, X86Cpu, hv_service, "hv-version-id-snumber", "0", "service number"),
    { 0 },
};
/* clang-format on */

/* Of `host` and `max` alone. */
static const Property migratable_prop =
    PROP(bool, X86Cpu, migratable, "migratable", "on",
         "leave out what a guest that moves cannot have");

/* Features and enlightenments are rows of tables, so their properties are
 * made of those. */
static void x86_cpu_init(Object *obj)
{
    X86Cpu *cpu = (X86Cpu *)obj;

    if (x86_model(cpu)->host) {
        object_add_property(obj, &migratable_prop);
        cpu->migratable = cpu->pmu = true;
    }
    for (size_t i = 0; i < x86_n_features; i++) {
        Property p = {
            x86_features[i].name, &prop_type_feature, 0,          NULL,
            "CPUID feature",      &x86_features[i],   PROP_HIDDEN
        };

        object_add_property(obj, &p);
    }
    for (size_t i = 0; i < x86_n_hv; i++) {
        Property p = { x86_hv[i].name,          &prop_type_hv, 0,          NULL,
                       "Hyper-V enlightenment", &x86_hv[i],    PROP_HIDDEN };

        object_add_property(obj, &p);
    }
}

/* --- life --- */

bool x86_cpu_realize(DeviceState *dev, Error **errp)
{
    X86Cpu *cpu = (X86Cpu *)dev;
    X86Env *env = x86_env(&cpu->parent);

    env->xsave = g_malloc0(X86_XSAVE_MAX);
    env->msrs = g_new0(X86Msr, X86_MAX_MSRS);
    env->nested = g_malloc0(X86_NESTED_MAX);
    env->xsave_size = X86_XSAVE_MIN;
    x86_cpu_reset_enter(dev);
    return cpu_realize(dev, errp);
}

void x86_cpu_unrealize(DeviceState *dev)
{
    X86Cpu *cpu = (X86Cpu *)dev;
    X86Env *env = x86_env(&cpu->parent);
    uint8_t *xsave = env->xsave, *nested = env->nested;
    X86Msr *msrs = env->msrs;

    cpu_unrealize(dev); /* frees env */
    g_free(xsave);
    g_free(nested);
    g_free(msrs);
    x86_cpuid_free(cpu);
}

static X86Seg segment(uint16_t selector, uint64_t base, uint32_t limit,
                      uint16_t attr)
{
    return (X86Seg){ base, limit, selector, attr };
}

/* SDM 3A table 9-1: real mode, at the last 16 bytes below 4 GiB. */
static void reset_segments(X86Env *env)
{
    enum { DATA = ATTR_P | ATTR_S | 3, CODE = ATTR_P | ATTR_S | 0xb };

    for (int i = 0; i < SEG_LDT; i++) {
        env->seg[i] = segment(0, 0, 0xffff, DATA);
    }
    env->seg[SEG_CS] = segment(0xf000, 0xffff0000, 0xffff, CODE);
    env->seg[SEG_LDT] = segment(0, 0, 0xffff, ATTR_P | 2);
    env->seg[SEG_TR] = segment(0, 0, 0xffff, ATTR_P | 0xb);
    env->gdt = env->idt = (X86Table){ 0, 0xffff };
}

static void reset_fpu(X86Env *env)
{
    env->xcr0 = 1;
    memset(env->xsave, 0, X86_XSAVE_MAX);
    st16_le(env->xsave, 0x37f);       /* FCW */
    st32_le(env->xsave + 24, 0x1f80); /* MXCSR */
    st64_le(env->xsave + 512, 3);     /* XSTATE_BV: x87, SSE */
}

void x86_cpu_init_registers(X86Cpu *cpu)
{
    X86Env *env = x86_env(&cpu->parent);

    memset(env->gpr, 0, sizeof(env->gpr));
    env->gpr[R_DX] = cpu->n_leaves ? cpu->leaves[1].reg[X86_EAX] : 0x600;
    env->rip = 0xfff0;
    env->rflags = 2;
    reset_segments(env);
    env->cr0 = CR0_ET | (env->cr0 & (CR0_NW | CR0_CD));
    env->cr2 = env->cr3 = env->cr4 = env->cr8 = env->efer = 0;
    env->pdptrs_valid = false;
    memset(env->irq_bitmap, 0, sizeof(env->irq_bitmap));
    memset(env->dr, 0, sizeof(env->dr));
    env->dr6 = 0xffff0ff0;
    env->dr7 = 0x400;
    env->events = (X86Events){ 0 };
}

/* SDM 3A 8.4.4: real mode, at the page of that number. */
void x86_cpu_start_at(X86Cpu *cpu, uint8_t vector)
{
    X86Env *env = x86_env(&cpu->parent);

    env->seg[SEG_CS].selector = (uint16_t)(vector << 8);
    env->seg[SEG_CS].base = (uint64_t)vector << 12;
    env->rip = 0;
}

void x86_cpu_reset_enter(DeviceState *dev)
{
    X86Cpu *cpu = (X86Cpu *)dev;
    X86Env *env = x86_env(&cpu->parent);

    cpu_type.reset_enter(dev);
    env->cr0 = CR0_NW | CR0_CD;
    x86_cpu_init_registers(cpu);
    env->apic_base = 0xfee00800 | (cpu->parent.index == 0 ? BIT(8) : 0);
    env->nested_size = 0;
    env->clock_ns = 0;
    reset_fpu(env);
    if (cpu->engine_reset) {
        cpu->engine_reset(cpu);
    }
}

/*
 * Direct boot: flat segments, whose descriptors the board put into memory at
 * GDT 0x500 (selectors 0x10 code, 0x18 data: Linux Documentation/arch/x86/
 * boot.rst, 32-bit protocol; Xen PVH boot ABI). @arg0 goes to RSI and RBX;
 * @arg1 is 0 for 32-bit mode without paging, else the PML4 for 64-bit mode.
 */
void x86_boot(CPUState *cpu, vaddr pc, uint64_t arg0, uint64_t arg1)
{
    enum {
        DATA = ATTR_G | ATTR_DB | ATTR_P | ATTR_S | 3,
        CODE32 = ATTR_G | ATTR_DB | ATTR_P | ATTR_S | 0xb,
        CODE64 = ATTR_G | ATTR_L | ATTR_P | ATTR_S | 0xb
    };
    X86Env *env = x86_env(cpu);

    for (int i = 0; i < SEG_LDT; i++) {
        env->seg[i] = segment(0x18, 0, UINT32_MAX, DATA);
    }
    env->seg[SEG_CS] = segment(0x10, 0, UINT32_MAX, arg1 ? CODE64 : CODE32);
    env->seg[SEG_TR] = segment(0, 0, 0x67, ATTR_P | 0xb);
    env->gdt = (X86Table){ 0x500, 31 };
    env->idt = (X86Table){ 0, 0 };
    env->cr0 = CR0_PE | CR0_ET;
    if (arg1) {
        env->cr3 = arg1;
        env->cr4 = CR4_PAE;
        env->efer = EFER_LME | EFER_LMA;
        env->cr0 |= CR0_PG;
    }
    env->gpr[R_SI] = env->gpr[R_BX] = arg0;
    env->rip = pc;
}

/* --- what machine and monitors ask --- */

vaddr x86_pc_get(CPUState *cpu)
{
    return x86_env(cpu)->rip;
}

void x86_pc_set(CPUState *cpu, vaddr pc)
{
    x86_env(cpu)->rip = pc;
}

void x86_nmi(CPUState *cpu)
{
    X86Cpu *c = x86_cpu(cpu);

    if (c->engine_nmi) {
        c->engine_nmi(c);
    }
}

bool x86_has_work(CPUState *cpu)
{
    X86Cpu *c = (X86Cpu *)cpu;

    return !c->engine_has_work || c->engine_has_work(c);
}

static void dump_general(const X86Env *env, GString *out)
{
    static const char *const names[] = { "RAX", "RCX", "RDX", "RBX",
                                         "RSP", "RBP", "RSI", "RDI" };
    static const uint8_t order[] = { R_AX, R_BX, R_CX, R_DX,
                                     R_SI, R_DI, R_BP, R_SP };

    for (unsigned i = 0; i < 16; i++) {
        char name[8];

        if (i < 8) {
            snprintf(name, sizeof(name), "%s", names[order[i]]);
        } else {
            snprintf(name, sizeof(name), "R%-2u", i);
        }
        g_string_append_printf(out, "%s=%016" PRIx64 "%c", name,
                               env->gpr[i < 8 ? order[i] : i],
                               i % 4 == 3 ? '\n' : ' ');
    }
    g_string_append_printf(out, "RIP=%016" PRIx64 " RFL=%08" PRIx64 " CPL=%u\n",
                           env->rip, env->rflags,
                           env->seg[SEG_SS].attr >> ATTR_DPL_SHIFT & 3);
}

void x86_dump(CPUState *cpu, GString *out, bool fpu)
{
    static const char *const segs[SEGS] = { "ES ", "CS ", "SS ", "DS ",
                                            "FS ", "GS ", "LDT", "TR " };
    const X86Env *env = x86_env(cpu);

    dump_general(env, out);
    for (int i = 0; i < SEGS; i++) {
        const X86Seg *s = &env->seg[i];

        g_string_append_printf(out, "%s=%04x %016" PRIx64 " %08x %08x\n",
                               segs[i], s->selector, s->base, s->limit,
                               (unsigned)s->attr << 8);
    }
    g_string_append_printf(out,
                           "GDT=     %016" PRIx64 " %08x\n"
                           "IDT=     %016" PRIx64 " %08x\n",
                           env->gdt.base, env->gdt.limit, env->idt.base,
                           env->idt.limit);
    g_string_append_printf(out,
                           "CR0=%08" PRIx64 " CR2=%016" PRIx64
                           " CR3=%016" PRIx64 " CR4=%08" PRIx64 "\n",
                           env->cr0, env->cr2, env->cr3, env->cr4);
    for (int i = 0; i < 4; i++) {
        g_string_append_printf(out, "DR%d=%016" PRIx64 " ", i, env->dr[i]);
    }
    g_string_append_printf(
        out, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 "\n",
        env->dr6, env->dr7, env->efer);
    for (int i = 0; fpu && i < 16; i++) { /* SDM 1 table 10-2 */
        const uint8_t *x = env->xsave + 160 + 16 * i;

        g_string_append_printf(out, "XMM%02d=%016" PRIx64 " %016" PRIx64 "%c",
                               i, ld64_le(x + 8), ld64_le(x),
                               i % 2 ? '\n' : ' ');
    }
}

const CpuType x86_cpu_type = {
    .name = "x86_64-cpu",
    .parent = TYPE(cpu_type),
    .abstract = true,
    .arches = (const char *const[]){ "x86_64", NULL },
    .props = x86_cpu_props,
    .init = x86_cpu_init,
    .vmstate = &x86_cpu_vmstate,
    X86_CPU_METHODS,
};
