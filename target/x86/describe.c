/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What clients ask of CPU models before one runs: what the engine lacks for
 * it, and which features it stands for.
 *
 * Spec:  QMP reference, query-cpu-definitions, query-cpu-model-expansion.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "target/x86/cpu.h"
#include "target/x86/cpu_type.h"

char **x86_filtered_names(const X86Cpu *cpu)
{
    GPtrArray *names = g_ptr_array_new();

    for (unsigned i = 0; i < X86_WORDS * 32; i++) {
        const char *name = x86_feature_name((X86Word)(i / 32), i % 32);

        if (name && (cpu->filtered[i / 32] >> i % 32 & 1)) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static bool no_engine(Machine *m, X86Host *host)
{
    return false;
}

static bool find_host(Machine *m, X86Host *host)
{
    bool (*const ask)(Machine *, X86Host *) = IF_KVM(x86_kvm_host);

    return (ask ? ask : no_engine)(m, host);
}

char **x86_unavailable(CPUState *cpu, Machine *m)
{
    X86Host host;

    if (!find_host(m, &host)) {
        return NULL;
    }
    x86_settle_words(x86_cpu(cpu), &host);
    return x86_filtered_names(x86_cpu(cpu));
}

typedef struct Expansion {
    Object *cpu;
    json_object *out;
    bool all; /* also what is no feature */
} Expansion;

static bool is_feature(const char *name)
{
    for (size_t i = 0; i < x86_n_features; i++) {
        if (strcmp(x86_features[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_property(const Property *prop, void *opaque)
{
    Expansion *e = opaque;

    if (prop->type->set && prop->type->get &&
        (e->all || is_feature(prop->name))) {
        json_object *value = object_get(e->cpu, prop->name, NULL);

        if (value) {
            json_object_object_add(e->out, prop->name, value);
        }
    }
}

static void add_number(json_object *out, const char *name, int64_t value)
{
    json_object_object_add(out, name, json_object_new_int64(value));
}

/* Numbers and texts that CPUID shows, and the properties' "the model's"
 * stands for. */
static void add_identity(json_object *out, const X86Cpu *cpu,
                         const X86Host *host, bool as_static)
{
    X86Identity id = x86_identity(cpu, host);

    add_number(out, "family", id.family);
    add_number(out, "model", id.model);
    add_number(out, "stepping", id.stepping);
    add_number(out, as_static ? "min-level" : "level",
               MAX(id.level, cpu->min_level));
    add_number(out, as_static ? "min-xlevel" : "xlevel",
               MAX(id.xlevel, cpu->min_xlevel));
    json_object_object_add(out, "vendor", json_object_new_string(id.vendor));
    json_object_object_add(out, "model-id", json_object_new_string(id.text));
}

json_object *x86_expand(CPUState *cpu, Machine *m, bool as_static)
{
    Expansion e = { OBJECT(cpu), json_object_new_object(), !as_static };
    X86Host host = { .engine = "none" };

    find_host(m, &host);
    x86_settle_words(x86_cpu(cpu), &host);
    object_each_property(cpu, add_property, &e);
    add_identity(e.out, x86_cpu(cpu), &host, as_static);
    return e.out;
}
