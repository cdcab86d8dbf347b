/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state of an x86-64 CPU: all of X86Env, and the feature words it was
 * saved with, which must not be more than this side has.
 */
#include "tandem/base.h"

#include "target/x86/cpu.h"

static const VmField seg_fields[] = {
    VM_U64(X86Seg, base),
    VM_U32(X86Seg, limit),
    VM_U16(X86Seg, selector),
    VM_U16(X86Seg, attr),
    { 0 },
};
static const VmState seg_vmstate = { "x86_segment", 1, seg_fields };

static const VmField table_fields[] = {
    VM_U64(X86Table, base),
    VM_U16(X86Table, limit),
    { 0 },
};
static const VmState table_vmstate = { "x86_table", 1, table_fields };

static const VmField msr_fields[] = {
    VM_U32(X86Msr, index),
    VM_U64(X86Msr, value),
    { 0 },
};
static const VmState msr_vmstate = { "x86_msr", 1, msr_fields };

static const VmField event_fields[] = {
    VM_U8(X86Events, exception_injected),
    VM_U8(X86Events, exception_nr),
    VM_U8(X86Events, exception_has_error),
    VM_U8(X86Events, exception_pending),
    VM_U8(X86Events, exception_has_payload),
    VM_U32(X86Events, exception_error),
    VM_U64(X86Events, exception_payload),
    VM_U8(X86Events, interrupt_injected),
    VM_U8(X86Events, interrupt_nr),
    VM_U8(X86Events, interrupt_soft),
    VM_U8(X86Events, interrupt_shadow),
    VM_U8(X86Events, nmi_injected),
    VM_U8(X86Events, nmi_pending),
    VM_U8(X86Events, nmi_masked),
    VM_U8(X86Events, smm),
    VM_U8(X86Events, smi_pending),
    VM_U8(X86Events, smm_inside_nmi),
    VM_U8(X86Events, latched_init),
    VM_U8(X86Events, triple_fault),
    VM_U32(X86Events, sipi_vector),
    { 0 },
};
static const VmState event_vmstate = { "x86_events", 1, event_fields };

static bool env_post_load(void *obj, int version, Error **errp)
{
    X86Env *env = obj;

    if (env->xsave_size < X86_XSAVE_MIN) {
        error_set(errp, "an XSAVE area of %u bytes is too small",
                  env->xsave_size);
        return false;
    }
    /* what was there before is no part of the state */
    memset(env->xsave + env->xsave_size, 0, X86_XSAVE_MAX - env->xsave_size);
    return true;
}

static const VmField env_fields[] = {
    VM_U64_ARRAY(X86Env, gpr),
    VM_U64(X86Env, rip),
    VM_U64(X86Env, rflags),
    VM_STRUCT_ARRAY(X86Env, seg, seg_vmstate),
    VM_STRUCT(X86Env, gdt, table_vmstate),
    VM_STRUCT(X86Env, idt, table_vmstate),
    VM_U64(X86Env, cr0),
    VM_U64(X86Env, cr2),
    VM_U64(X86Env, cr3),
    VM_U64(X86Env, cr4),
    VM_U64(X86Env, cr8),
    VM_U64(X86Env, efer),
    VM_U64(X86Env, apic_base),
    VM_U64_ARRAY(X86Env, pdptr),
    VM_BOOL(X86Env, pdptrs_valid),
    VM_U64_ARRAY(X86Env, irq_bitmap),
    VM_U64(X86Env, xcr0),
    VM_U32(X86Env, xsave_size),
    VM_VARRAY(X86Env, xsave, xsave_size, X86_XSAVE_MAX),
    VM_U64_ARRAY(X86Env, dr),
    VM_U64(X86Env, dr6),
    VM_U64(X86Env, dr7),
    VM_U32(X86Env, n_msrs),
    VM_STRUCT_VARRAY(X86Env, msrs, n_msrs, X86_MAX_MSRS, msr_vmstate),
    VM_BYTES(X86Env, lapic),
    VM_STRUCT(X86Env, events, event_vmstate),
    VM_U32(X86Env, mp_state),
    VM_U32(X86Env, nested_size),
    VM_VARRAY(X86Env, nested, nested_size, X86_NESTED_MAX),
    VM_U64(X86Env, clock_ns),
    VM_U64(X86Env, tsc_khz),
    { 0 },
};

static const VmState env_vmstate = {
    .name = "x86_env",
    .version = 1,
    .fields = env_fields,
    .post_load = env_post_load,
};

/* The other side may have another clock. */
static const char *cpu_blocked(void *obj)
{
    const X86Cpu *cpu = obj;

    return (cpu->words[X86_8_7_EDX] & BIT(8)) && cpu->tsc_hz == 0
               ? "State blocked by non-migratable CPU device (invtsc flag)"
               : NULL;
}

static void cpu_pre_save(void *obj)
{
    X86Cpu *cpu = obj;

    memcpy(cpu->saved_words, cpu->words, sizeof(cpu->words));
}

static void cpu_pre_load(void *obj)
{
    X86Cpu *cpu = obj;

    cpu->saved_words[X86_ARCH_CAPS] = 0;
}

static bool cpu_post_load(void *obj, int version, Error **errp)
{
    const X86Cpu *cpu = obj;

    for (X86Word w = 0; w < X86_WORDS; w++) {
        uint32_t lost = cpu->saved_words[w] & ~cpu->words[w];

        if (lost) {
            const char *name = x86_feature_name(w, __builtin_ctz(lost));

            error_set(errp,
                      "the CPU was saved with feature %s, which this one "
                      "lacks: give both sides the same -cpu",
                      name ? name : "of no name");
            return false;
        }
    }
    return true;
}

static const VmField cpu_fields[] = {
    { .name = "saved_words",
      .offset = offsetof(X86Cpu, saved_words),
      .kind = VM_KIND_UINT,
      .size = 4,
      .count = X86_CPUID_WORDS },
    { .name = "saved_arch_caps",
      .offset = offsetof(X86Cpu, saved_words[X86_ARCH_CAPS]),
      .kind = VM_KIND_UINT,
      .size = 4,
      .count = 1,
      .since = 2 },
    { .name = "env",
      .offset = offsetof(X86Cpu, parent.env),
      .kind = VM_KIND_STRUCT,
      .size = sizeof(X86Env),
      .count = 1,
      .pointer = true,
      .state = &env_vmstate },
    { 0 },
};

const VmState x86_cpu_vmstate = {
    .name = "x86_cpu",
    .version = 2,
    .fields = cpu_fields,
    .blocked = cpu_blocked,
    .pre_save = cpu_pre_save,
    .pre_load = cpu_pre_load,
    .post_load = cpu_post_load,
};
