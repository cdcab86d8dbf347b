/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients ask before and after a start: schema/probe.json. */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hw/core/loader.h"
#include "internal.h"
#include "softmmu/base/trace.h"
#include "softmmu/machine/cpu.h"
#include "softmmu/memory/memory.h"

HotpluggableCPUList *qmp_query_hotpluggable_cpus(Machine *m, Error **errp)
{
    error_set(errp, "machine does not support hot-plugging CPUs");
    return NULL;
}

MemoryDeviceInfoList *qmp_query_memory_devices(Machine *m, Error **errp)
{
    return NULL; /* no type of memory device exists */
}

MigrationThreadInfoList *qmp_query_migrationthreads(Machine *m, Error **errp)
{
    return NULL;
}

/* --- CPU models --- */

static const ObjectType *find_model(Machine *m, const char *name, Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(m->view, &cpu_type, false);

    for (guint i = 0; i < types->len; i++) {
        const CpuType *t = g_ptr_array_index(types, i);

        if (strcmp(t->model, name) == 0) {
            return TYPE(*t);
        }
    }
    error_set(errp, "The CPU type '%s' is not a known CPU type", name);
    return NULL;
}

typedef struct Features {
    Object *cpu;
    json_object *out;
} Features;

/* Switches that a client may set are the features. */
static void add_feature(const Property *prop, void *opaque)
{
    Features *f = opaque;
    json_object *value;

    if (!prop->type->set || (prop->flags & (PROP_HIDDEN | PROP_READ_ONLY)) ||
        strcmp(prop->type->schema, "bool") != 0) {
        return;
    }
    value = object_get(f->cpu, prop->name, NULL);
    if (json_object_is_type(value, json_type_boolean)) {
        json_object_object_add(f->out, prop->name, json_object_get(value));
    }
    json_object_put(value);
}

static json_object *expand_model(Machine *m, Object *cpu, bool as_static)
{
    const CpuType *type = (const CpuType *)cpu->type;
    Features f = { cpu, NULL };

    if (type->expand) {
        return type->expand((CPUState *)cpu, m, as_static);
    }
    f.out = json_object_new_object();
    object_each_property(cpu, add_feature, &f);
    return f.out;
}

CpuModelExpansionInfo *
qmp_query_cpu_model_expansion(Machine *m, const QueryCpuModelExpansionArgs *a,
                              Error **errp)
{
    const ObjectType *type = find_model(m, a->model->name, errp);
    bool as_static = a->type == CPU_MODEL_EXPANSION_TYPE_Q_STATIC;
    CpuModelExpansionInfo *info = NULL;
    g_autoptr(Object) cpu = NULL;

    if (!type) {
        return NULL;
    }
    if (as_static && !((const CpuType *)type)->expand) {
        error_set(errp, "The requested expansion type is not supported");
        return NULL;
    }
    if (a->model->props &&
        !json_object_is_type(a->model->props, json_type_object)) {
        error_set(errp, "Invalid parameter type for 'model.props', expected: "
                        "object");
        return NULL;
    }
    cpu = object_new(type);
    if (!a->model->props || object_set_all(cpu, a->model->props, NULL, errp)) {
        info = g_new0(CpuModelExpansionInfo, 1);
        info->model = g_new0(CpuModelInfo, 1);
        info->model->name = g_strdup(as_static ? "base" : a->model->name);
        info->model->props = expand_model(m, cpu, as_static);
    }
    return info;
}

/* --- trace events --- */

TraceEventInfoList *qmp_trace_event_get_state(Machine *m,
                                              const TraceEventGetStateArgs *a,
                                              Error **errp)
{
    TraceEventInfoList *list = NULL;

    for (TraceEvent *const *ev = trace_events_all; *ev; ev++) {
        TraceEventInfo *info;

        if (!g_pattern_match_simple(a->name, (*ev)->name)) {
            continue;
        }
        info = g_new0(TraceEventInfo, 1);
        info->name = g_strdup((*ev)->name);
        info->state = atomic_load(&(*ev)->on) ? TRACE_EVENT_STATE_ENABLED
                                              : TRACE_EVENT_STATE_DISABLED;
        qlist_append(&qtype_list_trace_event_info, &list, &info);
    }
    if (!list && !strchr(a->name, '*')) {
        error_set(errp, "unknown event \"%s\"", a->name);
    }
    return list;
}

bool qmp_trace_event_set_state(Machine *m, const TraceEventSetStateArgs *a,
                               Error **errp)
{
    g_autofree char *pattern = g_strconcat(a->enable ? "" : "-", a->name, NULL);

    if (a->name[0] == '-' || !trace_enable(pattern, NULL)) {
        error_set(errp, "unknown event \"%s\"", a->name);
        return false;
    }
    if (a->enable) {
        log_set_mask(atomic_load(&log_mask) | LOG_TRACE);
    }
    return true;
}

/* --- texts --- */

static HumanReadableText *human_text(char *text)
{
    HumanReadableText *t = g_new0(HumanReadableText, 1);

    t->human_readable_text = text;
    return t;
}

HumanReadableText *qmp_x_query_jit(Machine *m, Error **errp)
{
    if (!accel_ops(m)->statistics) {
        error_set(errp, "JIT information is only available with accel=tcg");
        return NULL;
    }
    return human_text(accel_ops(m)->statistics(m->accel));
}

HumanReadableText *qmp_x_query_roms(Machine *m, Error **errp)
{
    return human_text(loader_text(m));
}

static void show_block(RamBlock *b, void *opaque)
{
    g_string_append_printf(opaque,
                           "%24s %4" PRIu64 " KiB  0x%016" PRIx64
                           " 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIxPTR
                           "  %s\n",
                           b->id, b->page_size / KiB, b->base, b->size, b->size,
                           (uintptr_t)b->host, b->readonly ? "ro" : "rw");
}

HumanReadableText *qmp_x_query_ramblock(Machine *m, Error **errp)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "%24s %8s  %18s %18s %18s %18s %3s\n",
                           "Block Name", "PSize", "Offset", "Used", "Total",
                           "HVA", "RO");
    ram_block_each(m->ms, show_block, out);
    return human_text(g_string_free(out, FALSE));
}

HumanReadableText *qmp_x_query_numa(Machine *m, Error **errp)
{
    return human_text(g_strdup("0 nodes\n"));
}

bool qmp_watchdog_set_action(Machine *m, const WatchdogSetActionArgs *a,
                             Error **errp)
{
    m->actions.watchdog = a->action;
    return true;
}
