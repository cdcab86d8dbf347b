/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the human monitor says of memory, CPUs, migration and the program. */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hmp.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "softmmu/memory/memory.h"

/* --- CPUs --- */

static void show_registers(Machine *m, CPUState *cpu, GString *out)
{
    accel_ops(m)->regs_pull(cpu, REGS_ALL);
    g_string_append_printf(out, "\nCPU#%d\n", cpu->index);
    cpu->type->dump(cpu, out, true);
}

/* [-a|VCPU] */
static void info_registers(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    bool running = machine_running(m);
    bool all = argc > 0 && strcmp(argv[0], "-a") == 0;
    CPUState *cpu = hmp_cpu(m);

    if (argc > 0 && !all) {
        uint64_t index;

        cpu = parse_u64(argv[0], &index) && index <= INT_MAX
                  ? cpu_by_index(m, (int)index)
                  : NULL;
    }
    if (!cpu) {
        error_set(errp, "CPU#%s not available", argc > 0 ? argv[0] : "0");
        return;
    }
    cpus_pause_all(m);
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *one = g_ptr_array_index(m->cpus, i);

        if (all || one == cpu) {
            show_registers(m, one, out);
        }
    }
    if (running) {
        cpus_resume_all(m);
    }
}

static void info_cpus(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        g_string_append_printf(out, "%c CPU #%d: thread_id=%d\n",
                               cpu == hmp_cpu(m) ? '*' : ' ', cpu->index,
                               atomic_load(&cpu->thread_id));
    }
}

/* --- page tables --- */

typedef struct MappingList {
    GString *out;
    bool pages;
    unsigned lines;
} MappingList;

enum { MAPPING_LINES = 200000 };

static const char heading[] =
    "vaddr            paddr            size             attr\n"
    "---------------- ---------------- ---------------- -------\n";

static bool show_mapping(void *opaque, const CpuMapping *map)
{
    MappingList *list = opaque;

    if (list->pages) {
        g_string_append_printf(list->out, "%016" PRIx64 ": %016" PRIx64 " %s\n",
                               map->va, map->pa, map->rights);
    } else {
        g_string_append_printf(
            list->out, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s\n",
            map->va, map->pa, map->size, map->rights);
    }
    if (++list->lines == MAPPING_LINES) {
        g_string_append(list->out, "... and more\n");
        return false;
    }
    return true;
}

static void show_mappings(Machine *m, bool pages, GString *out, Error **errp)
{
    CPUState *cpu = hmp_cpu(m);
    bool running = machine_running(m);
    g_autoptr(GString) text = g_string_new(NULL);
    MappingList list = { text, pages, 0 };

    if (!cpu || !cpu->type->each_mapping) {
        error_set(errp, "page tables of this CPU are not known");
        return;
    }
    if (running) {
        cpus_pause_all(m);
    }
    accel_ops(m)->regs_pull(cpu, REGS_ALL);
    if (cpu->type->each_mapping(cpu, pages, show_mapping, &list)) {
        g_string_append(out, pages ? "" : heading);
        g_string_append_len(out, text->str, text->len);
    } else {
        g_string_append(out, "No translation or protection\n");
    }
    if (running) {
        cpus_resume_all(m);
    }
}

static void info_mem(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    show_mappings(m, false, out, errp);
}

static void info_tlb(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    show_mappings(m, true, out, errp);
}

/* --- interrupt controllers --- */

/* The CPU whose APIC id a word gives; NULL: there is none. */
static CPUState *cpu_by_id(Machine *m, const char *word)
{
    uint64_t id;

    for (guint i = 0; parse_u64(word, &id) && i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        if (cpu->id == id) {
            return cpu;
        }
    }
    return NULL;
}

/* [APIC-ID] */
static void info_lapic(Machine *m, int argc, char **argv, GString *out,
                       Error **errp)
{
    CPUState *cpu = argc > 0 ? cpu_by_id(m, argv[0]) : hmp_cpu(m);
    bool running = machine_running(m);

    if (!cpu) {
        error_set(errp,
                  argc > 0 ? "no CPU has that APIC id" : "there is no CPU");
        return;
    }
    if (running) {
        cpus_pause_all(m);
    }
    accel_ops(m)->regs_pull(cpu, REGS_GENERAL);
    if (!cpu->type->local_intc || !cpu->type->local_intc(cpu, out)) {
        error_set(errp, "CPU %d shows no local interrupt controller",
                  cpu->index);
    }
    if (running) {
        cpus_resume_all(m);
    }
}

static int describe_one(Object *obj, void *opaque)
{
    const DeviceType *type = (const DeviceType *)obj->type;

    if (type_is_a(obj->type, &device_type) && type->describe &&
        ((DeviceState *)obj)->realized) {
        type->describe((DeviceState *)obj, opaque);
    }
    return 0;
}

static void info_pic(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    bool running = machine_running(m);

    if (running) {
        cpus_pause_all(m);
    }
    object_walk(m, describe_one, out);
    if (running) {
        cpus_resume_all(m);
    }
}

/* --- texts that QMP has as x-query-* --- */

#define INFO_TEXT(fn, command)                                                 \
    static void fn(Machine *m, int argc, char **argv, GString *out,            \
                   Error **errp)                                               \
    {                                                                          \
        json_object *reply = hmp_query(m, command, errp);                      \
                                                                               \
        if (reply) {                                                           \
            g_string_append(out, json_get_text(reply, "human-readable-text")); \
            json_object_put(reply);                                            \
        }                                                                      \
    }
INFO_TEXT(info_jit, "x-query-jit")
INFO_TEXT(info_roms, "x-query-roms")
INFO_TEXT(info_ramblock, "x-query-ramblock")
INFO_TEXT(info_numa, "x-query-numa")
#undef INFO_TEXT

/* --- memory --- */

static void info_memdev(Machine *m, int argc, char **argv, GString *out,
                        Error **errp)
{
    json_object *list = hmp_query(m, "query-memdev", errp);

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *d = json_object_array_get_idx(list, i);

        g_string_append_printf(
            out,
            "memory backend: %s\n  size:  %" PRId64 "\n  merge: %s\n"
            "  dump: %s\n  prealloc: %s\n  share: %s\n  policy: %s\n",
            json_get_text(d, "id"), hmp_int(d, "size"),
            hmp_bool(d, "merge") ? "true" : "false",
            hmp_bool(d, "dump") ? "true" : "false",
            hmp_bool(d, "prealloc") ? "true" : "false",
            hmp_bool(d, "share") ? "true" : "false",
            json_get_text(d, "policy"));
    }
    g_string_append_c(out, '\n');
    json_object_put(list);
}

static void info_memory_size(Machine *m, int argc, char **argv, GString *out,
                             Error **errp)
{
    json_object *info = hmp_query(m, "query-memory-size-summary", errp);

    if (info) {
        g_string_append_printf(out, "base memory: %" PRId64 "\n",
                               hmp_int(info, "base-memory"));
        json_object_put(info);
    }
}

/* --- the program --- */

static void info_uuid(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    json_object *info = hmp_query(m, "query-uuid", errp);

    if (info) {
        g_string_append_printf(out, "%s\n", json_get_text(info, "UUID"));
        json_object_put(info);
    }
}

static void info_kvm(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    json_object *info = hmp_query(m, "query-kvm", errp);

    if (info) {
        g_string_append_printf(out, "kvm support: %s\n",
                               hmp_bool(info, "enabled")   ? "enabled"
                               : hmp_bool(info, "present") ? "disabled"
                                                           : "not present");
        json_object_put(info);
    }
}

static void info_iothreads(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    json_object *list = hmp_query(m, "query-iothreads", errp);

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *io = json_object_array_get_idx(list, i);

        g_string_append_printf(out, "%s:\n", json_get_text(io, "id"));
        json_object_object_foreach(io, key, value)
        {
            if (strcmp(key, "id") != 0) {
                g_string_append_printf(
                    out, "  %s=%" PRId64 "\n",
                    strcmp(key, "thread-id") == 0 ? "thread_id" : key,
                    json_object_get_int64(value));
            }
        }
    }
    json_object_put(list);
}

/* One error or nothing, as a query that only says so. */
static void only_asks(Machine *m, const char *command, Error **errp)
{
    json_object_put(hmp_query(m, command, errp));
}

static void info_hotpluggable_cpus(Machine *m, int argc, char **argv,
                                   GString *out, Error **errp)
{
    only_asks(m, "query-hotpluggable-cpus", errp);
}

static void info_memory_devices(Machine *m, int argc, char **argv, GString *out,
                                Error **errp)
{
    only_asks(m, "query-memory-devices", errp);
}

/* [NAME] */
static void info_trace_events(Machine *m, int argc, char **argv, GString *out,
                              Error **errp)
{
    json_object *args = hmp_one_arg("name", argc > 0 ? argv[0] : "*");
    json_object *list = qmp_execute(m, "trace-event-get-state", args, errp);

    json_object_put(args);
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *ev = json_object_array_get_idx(list, i);

        g_string_append_printf(
            out, "%s : state %d\n", json_get_text(ev, "name"),
            strcmp(json_get_text(ev, "state"), "enabled") == 0);
    }
    json_object_put(list);
}

static void info_dump(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    json_object *d = hmp_query(m, "query-dump", errp);

    if (d) {
        const char *status = json_get_text(d, "status");

        g_string_append_printf(out, "Status: %s\n", status);
        if (strcmp(status, "active") == 0) {
            g_string_append_printf(out, "Finished: %.2f %%\n",
                                   100.0 * hmp_int(d, "completed") /
                                       MAX(hmp_int(d, "total"), 1));
        }
        json_object_put(d);
    }
}

/* --- migration --- */

static void show_on_off(json_object *list, GString *out)
{
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *c = json_object_array_get_idx(list, i);

        g_string_append_printf(out, "%s: %s\n", json_get_text(c, "capability"),
                               hmp_bool(c, "state") ? "on" : "off");
    }
    json_object_put(list);
}

static void info_migrate_capabilities(Machine *m, int argc, char **argv,
                                      GString *out, Error **errp)
{
    show_on_off(hmp_query(m, "query-migrate-capabilities", errp), out);
}

static void info_migrate_parameters(Machine *m, int argc, char **argv,
                                    GString *out, Error **errp)
{
    json_object *p = hmp_query(m, "query-migrate-parameters", errp);

    if (p) {
        g_string_append_printf(out,
                               "max-bandwidth: %" PRId64 " bytes/second\n"
                               "downtime-limit: %" PRId64 " ms\n",
                               hmp_int(p, "max-bandwidth"),
                               hmp_int(p, "downtime-limit"));
        json_object_put(p);
    }
}

static void show_ram(json_object *ram, GString *out)
{
    static const struct {
        const char *key, *text, *unit;
        int shift;
    } rows[] = {
        { "transferred", "transferred ram", "kbytes", 10 },
        { "remaining", "remaining ram", "kbytes", 10 },
        { "total", "total ram", "kbytes", 10 },
        { "duplicate", "duplicate", "pages", 0 },
        { "normal", "normal", "pages", 0 },
        { "normal-bytes", "normal bytes", "kbytes", 10 },
        { "dirty-sync-count", "dirty sync count", "", 0 },
        { "page-size", "page size", "kbytes", 10 },
    };

    for (size_t i = 0; ram && i < ARRAY_SIZE(rows); i++) {
        g_string_append_printf(out, "%s: %" PRId64 "%s%s\n", rows[i].text,
                               hmp_int(ram, rows[i].key) >> rows[i].shift,
                               rows[i].unit[0] ? " " : "", rows[i].unit);
    }
}

static void info_migrate(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    json_object *info = hmp_query(m, "query-migrate", errp);
    const char *status = info ? json_get_text(info, "status") : NULL;
    const char *why = info ? json_get_text(info, "error-desc") : NULL;

    if (status) {
        g_string_append_printf(out, "Migration status: %s%s%s%s\n", status,
                               why ? " (" : "", why ? why : "", why ? ")" : "");
    }
    if (info && json_object_object_get(info, "total-time")) {
        g_string_append_printf(out, "total time: %" PRId64 " ms\n",
                               hmp_int(info, "total-time"));
    }
    if (info && json_object_object_get(info, "downtime")) {
        g_string_append_printf(out, "downtime: %" PRId64 " ms\n",
                               hmp_int(info, "downtime"));
    }
    show_ram(info ? json_object_object_get(info, "ram") : NULL, out);
    json_object_put(info);
}

/* clang-format off */
const HmpCommand hmp_info_more[] = {
    { "cpus", "", "the virtual CPUs", info_cpus },
    { "dump", "", "how far a dump of guest memory is", info_dump },
    { "history", "", "the lines that were typed here", hmp_info_history },
    { "hotpluggable-cpus", "", "the CPUs that can be added", info_hotpluggable_cpus },
    { "iothreads", "", "the iothread objects", info_iothreads },
    { "jit", "", "counters of the translator", info_jit },
    { "kvm", "", "whether KVM is there and used", info_kvm },
    { "lapic", "[APIC-ID]", "the local APIC of the CPU, or of that one", info_lapic },
    { "mem", "", "what the page tables of the CPU map", info_mem },
    { "memdev", "", "the memory backends", info_memdev },
    { "memory-devices", "", "memory devices that were added", info_memory_devices },
    { "memory_size_summary", "", "how much memory the guest has, in bytes", info_memory_size },
    { "migrate", "", "how far a migration is", info_migrate },
    { "migrate_capabilities", "", "the capabilities of migration", info_migrate_capabilities },
    { "migrate_parameters", "", "the parameters of migration", info_migrate_parameters },
    { "numa", "", "the NUMA nodes", info_numa },
    { "pic", "", "the interrupt controllers", info_pic },
    { "ramblock", "", "the blocks of guest RAM", info_ramblock },
    { "registers", "[-a|VCPU]", "registers of the CPU, of all or of one", info_registers },
    { "roms", "", "what was loaded into memory", info_roms },
    { "stats", "vm|vcpu [NAMES] [PROVIDER]", "counters of the engine", hmp_info_stats },
    { "tlb", "", "each entry of the CPU's page tables that maps something", info_tlb },
    { "trace-events", "[NAME]", "the trace events, and which are on", info_trace_events },
    { "uuid", "", "the identity of the machine", info_uuid },
    { 0 },
};
/* clang-format on */
