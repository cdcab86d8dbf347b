/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The saved state of an x86-64 CPU, damaged on purpose: refused, or loaded
 * within bounds, and then saved to what loads again and is the same.
 *
 * Input: a byte whose lowest bit says whether the rest is a state as it is,
 * or edits (offset, value) of a good one.
 */
#include "tests/fuzz/fuzz.h"

#include "target/types.h"
#include "target/x86/cpu.h"

static X86Cpu *new_cpu(void)
{
    static const ObjectType *const *const lists[] = { x86_cpu_types, NULL };
    static TypeRegistry *reg; /* lives on, and leak checkers see it */
    X86Env *env = g_new0(X86Env, 1);
    X86Cpu *cpu;

    reg = type_registry_new(lists);
    cpu = (X86Cpu *)object_new(
        type_find((TypeView){ reg, "x86_64" }, "qemu64-x86_64-cpu"));
    cpu->parent.env = env;
    env->xsave = g_malloc0(X86_XSAVE_MAX);
    env->xsave_size = X86_XSAVE_MIN;
    env->msrs = g_new0(X86Msr, X86_MAX_MSRS);
    env->n_msrs = 3;
    env->nested = g_malloc0(X86_NESTED_MAX);
    env->nested_size = 128;
    return cpu;
}

static GByteArray *save(X86Cpu *cpu)
{
    GByteArray *out = g_byte_array_new();

    vmstate_save(&x86_cpu_vmstate, cpu, out);
    return out;
}

static void edit(GByteArray *state, FuzzInput *in)
{
    while (in->left > 0) {
        size_t at = fuzz_u16(in) % state->len;

        state->data[at] = fuzz_u8(in);
    }
}

static void check_bounds(const X86Env *env)
{
    assert(env->xsave_size >= X86_XSAVE_MIN &&
           env->xsave_size <= X86_XSAVE_MAX);
    assert(env->n_msrs <= X86_MAX_MSRS);
    assert(env->nested_size <= X86_NESTED_MAX);
    for (uint32_t i = env->xsave_size; i < X86_XSAVE_MAX; i++) {
        assert(env->xsave[i] == 0);
    }
}

static bool load(X86Cpu *cpu, const GByteArray *state)
{
    g_autoptr(Error) err = NULL;
    bool ok = vmstate_load(&x86_cpu_vmstate, cpu, x86_cpu_vmstate.version,
                           state->data, state->len, &err);

    assert(ok == (err == NULL));
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static X86Cpu *cpu;
    static GByteArray *good;
    FuzzInput in = { data, size };
    g_autoptr(GByteArray) state = g_byte_array_new();

    if (!cpu) {
        cpu = new_cpu();
        good = save(cpu);
    }
    if (fuzz_u8(&in) & 1) {
        g_byte_array_append(state, in.data, (guint)in.left);
    } else {
        g_byte_array_append(state, good->data, good->len);
        edit(state, &in);
    }
    if (load(cpu, state)) {
        g_autoptr(GByteArray) once = save(cpu);
        g_autoptr(GByteArray) twice = NULL;

        check_bounds(x86_env(&cpu->parent));
        assert(load(cpu, once));
        twice = save(cpu);
        assert(once->len == twice->len &&
               memcmp(once->data, twice->data, once->len) == 0);
    }
    assert(load(cpu, good)); /* nothing of it stays */
    return 0;
}
