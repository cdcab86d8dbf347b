/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a parsed command line to a machine that is ready to run, phase by
 * phase (DECISIONS 13). Each phase reads its part of the plan.
 */
#include "tandem/base.h"

#include <sys/prctl.h>

#include "accel/qtest.h"
#include "cli.h"
#include "hw/nvram/fw_cfg.h"
#include "softmmu/backend/block.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "softmmu/base/trace.h"
#include "softmmu/gdbstub/gdbstub.h"
#include "softmmu/machine/create.h"
#include "softmmu/migration/migration.h"
#include "softmmu/qmp/monitor.h"

bool cli_each(StartPlan *p, GPtrArray *list, const char *option,
              bool (*fn)(StartPlan *p, const char *text, Error **errp),
              Error **errp)
{
    for (guint i = 0; list && i < list->len && !p->done; i++) {
        const char *text = g_ptr_array_index(list, i);

        if (!fn(p, text, errp)) {
            error_prefix(errp, "-%s %s: ", option, text);
            return false;
        }
    }
    return true;
}

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* --- log --- */

static bool trace_events_file(const char *path, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autofree char *data = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &data, NULL, &gerr)) {
        error_set(errp, "%s", gerr->message);
        return false;
    }
    lines = g_strsplit(data, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_strstrip(*line);
        if (**line && **line != '#' && !trace_enable(*line, errp)) {
            return false;
        }
    }
    return true;
}

/* [enable=]PATTERN, events=FILE with a pattern a line, file=LOG */
static bool trace_options(json_object *options, Error **errp)
{
    g_autofree char *pattern = json_take_text(options, "enable");
    g_autofree char *events = json_take_text(options, "events");
    g_autofree char *file = json_take_text(options, "file");

    return (!pattern || trace_enable(pattern, errp)) &&
           (!events || trace_events_file(events, errp)) &&
           (!file || log_open(file, errp)) && cli_nothing_left(options, errp);
}

static bool trace_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options;
    bool ok;

    if (is_help(text)) {
        help_trace();
        p->done = true;
        return true;
    }
    log_set_mask(atomic_load(&log_mask) | LOG_TRACE);
    options = keyval_parse(text, "enable", errp);
    ok = options && trace_options(options, errp);
    json_object_put(options);
    return ok;
}

static bool start_log(StartPlan *p, Error **errp)
{
    uint32_t mask = 0;

    if (p->log_classes && is_help(p->log_classes)) {
        help_log();
        p->done = true;
        return true;
    }
    if (p->log_classes && !log_parse(p->log_classes, &mask, errp)) {
        error_prefix(errp, "-d %s: ", p->log_classes);
        return false;
    }
    if (p->log_file && !log_open(p->log_file, errp)) {
        error_prefix(errp, "-D %s: ", p->log_file);
        return false;
    }
    log_set_mask(mask);
    return cli_each(p, p->trace, "trace", trace_text, errp);
}

/* --- machine --- */

static bool machine_matches(const MachineType *t, const char *name)
{
    if (!name) {
        return t->is_default;
    }
    return strcmp(t->machine_name, name) == 0 ||
           (t->machine_aliases && g_strv_contains(t->machine_aliases, name));
}

static const MachineType *find_machine(StartPlan *p, const char *name,
                                       Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(p->view, &machine_type, false);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < types->len; i++) {
        const MachineType *t = g_ptr_array_index(types, i);

        if (machine_matches(t, name)) {
            return t;
        }
        g_ptr_array_add(names, (void *)t->machine_name);
    }
    g_ptr_array_add(names, NULL);
    if (!name) {
        error_set(errp, "No machine specified, and there is no default");
    } else {
        error_set(errp, "unsupported machine type");
        error_suggest(errp, name, (const char *const *)names->pdata);
        error_prefix(errp, "-machine %s: ", name);
    }
    error_hint(errp, "Use -machine help to list supported machines");
    return NULL;
}

/* All -machine texts as one JSON object: later ones override. */
static json_object *machine_options(StartPlan *p, Error **errp)
{
    json_object *all = json_object_new_object();

    for (guint i = 0; p->machine && i < p->machine->len; i++) {
        const char *text = g_ptr_array_index(p->machine, i);
        json_object *one = keyval_parse(text, "type", errp);

        if (!one) {
            error_prefix(errp, "-machine %s: ", text);
            json_object_put(all);
            return NULL;
        }
        json_object_object_foreach(one, key, value)
        {
            json_object_object_add(all, key, json_object_get(value));
        }
        json_object_put(one);
    }
    return all;
}

static bool machine_from_options(StartPlan *p, json_object *options,
                                 Error **errp)
{
    g_autofree char *name = json_take_text(options, "type");
    g_autofree char *accel = json_take_text(options, "accel");
    const MachineType *type;

    g_free(p->irqchip);
    p->irqchip = json_take_text(options, "kernel-irqchip");

    if (name && is_help(name)) {
        help_machines(p->view);
        p->done = true;
        return true;
    }
    type = find_machine(p, name, errp);
    if (!type) {
        return false;
    }
    if (keyval_wants_help(options)) {
        p->done = true;
        return help_properties(p->view, type->name, "", errp);
    }
    if (accel && !p->accel) {
        p->accel = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(p->accel, g_steal_pointer(&accel));
    }
    p->m = machine_new(type, p->view);
    if (!object_set_all(p->m, options, NULL, errp)) {
        error_prefix(errp, "-machine %s: ", type->machine_name);
        return false;
    }
    return true;
}

static bool start_machine(StartPlan *p, Error **errp)
{
    json_object *options = machine_options(p, errp);
    bool ok;

    if (!options) {
        return false;
    }
    ok = machine_from_options(p, options, errp);
    json_object_put(options);
    return ok;
}

/* --- configuration --- */

static bool take_count(json_object *options, const char *key, unsigned *value,
                       Error **errp)
{
    g_autofree char *text = json_take_text(options, key);
    uint64_t n;

    if (!text) {
        return true;
    }
    if (!parse_u64(text, &n) || n == 0 || n > UINT32_MAX) {
        error_set(errp, "Parameter '%s' expects a number from 1", key);
        return false;
    }
    *value = n;
    return true;
}

bool cli_nothing_left(json_object *options, Error **errp)
{
    json_object_object_foreach(options, key, value)
    {
        error_set(errp, "Invalid parameter '%s'", key);
        (void)value;
        return false;
    }
    return true;
}

static bool set_topology(MachineConfig *c, json_object *options, Error **errp)
{
    unsigned product;

    c->cpus = c->max_cpus = 0;
    c->sockets = c->cores = c->threads_per_core = 0;
    if (!take_count(options, "cpus", &c->cpus, errp) ||
        !take_count(options, "maxcpus", &c->max_cpus, errp) ||
        !take_count(options, "sockets", &c->sockets, errp) ||
        !take_count(options, "cores", &c->cores, errp) ||
        !take_count(options, "threads", &c->threads_per_core, errp) ||
        !cli_nothing_left(options, errp)) {
        return false;
    }
    product =
        MAX(c->sockets, 1) * MAX(c->cores, 1) * MAX(c->threads_per_core, 1);
    if (c->cpus == 0) {
        c->cpus = c->max_cpus ? c->max_cpus : product;
    }
    if (c->max_cpus == 0) {
        c->max_cpus = MAX(c->cpus, product);
    }
    if (c->cpus > c->max_cpus) {
        error_set(errp, "Invalid CPU topology: maxcpus must be equal to or "
                        "greater than smp");
        return false;
    }
    if (c->sockets && c->cores && c->threads_per_core &&
        product != c->max_cpus) {
        error_set(errp,
                  "Invalid CPU topology: product of the hierarchy must "
                  "match maxcpus: sockets (%u) * cores (%u) * threads (%u) != "
                  "maxcpus (%u)",
                  c->sockets, c->cores, c->threads_per_core, c->max_cpus);
        return false;
    }
    return true;
}

static bool smp_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "cpus", errp);
    bool ok = options && set_topology(&p->m->config, options, errp);

    json_object_put(options);
    return ok;
}

static bool set_memory(MachineConfig *c, json_object *options, Error **errp)
{
    c->max_ram_size = 0;
    if (!json_take_size(options, "size", MiB, &c->ram_size, errp) ||
        !json_take_size(options, "maxmem", 1, &c->max_ram_size, errp) ||
        !take_count(options, "slots", &c->ram_slots, errp) ||
        !cli_nothing_left(options, errp)) {
        return false;
    }
    c->ram_size_set = true;
    if (c->ram_size == 0) {
        error_set(errp, "memory size must be above 0");
        return false;
    }
    if (c->max_ram_size && c->max_ram_size < c->ram_size) {
        error_set(errp, "invalid value of maxmem: maximum memory size must be "
                        "at least the initial memory size");
        return false;
    }
    c->ram_size = align_up(c->ram_size, 8 * KiB);
    return true;
}

static bool memory_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "size", errp);
    bool ok = options && set_memory(&p->m->config, options, errp);

    json_object_put(options);
    return ok;
}

static bool name_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "guest", errp);
    g_autofree char *threads = NULL, *process = NULL;
    bool on = true, ok;

    if (!options) {
        return false;
    }
    g_free(p->m->config.name);
    p->m->config.name = json_take_text(options, "guest");
    process = json_take_text(options, "process");
    threads = json_take_text(options, "debug-threads"); /* always named */
    if (process) {
        prctl(PR_SET_NAME, process);
    }
    ok = !threads || parse_bool(threads, &on);
    if (!ok) {
        error_set(errp, "Parameter 'debug-threads' expects 'on' or 'off'");
    }
    ok = ok && cli_nothing_left(options, errp);
    json_object_put(options);
    return ok;
}

/* "type.prop=value", or {"driver", "property", "value"}. */
static bool parse_global(const char *text, CompatProp *out, Error **errp)
{
    const char *dot = strchr(text, '.');
    const char *eq = dot ? strchr(dot, '=') : NULL;

    if (text[0] == '{' || !eq) {
        json_object *o = keyval_parse(text, NULL, errp);

        if (!o) {
            return false;
        }
        *out = (CompatProp){ json_take_text(o, "driver"),
                             json_take_text(o, "property"),
                             json_take_text(o, "value") };
        json_object_put(o);
    } else {
        *out =
            (CompatProp){ g_strndup(text, dot - text),
                          g_strndup(dot + 1, eq - dot - 1), g_strdup(eq + 1) };
    }
    if (!out->type || !out->property || !out->value) {
        error_set(errp, "expected TYPE.PROPERTY=VALUE");
        return false;
    }
    return true;
}

static bool set_globals(StartPlan *p, Error **errp)
{
    guint n = p->global ? p->global->len : 0;
    CompatProp *list = g_new0(CompatProp, n + 1);

    p->m->globals = list; /* kept to the end of the process */
    for (guint i = 0; i < n; i++) {
        const char *text = g_ptr_array_index(p->global, i);

        if (!parse_global(text, &list[i], errp)) {
            error_prefix(errp, "-global %s: ", text);
            return false;
        }
        if (!type_find(p->view, list[i].type)) { /* DECISIONS 16 */
            warn_report("global %s.%s has invalid class name", list[i].type,
                        list[i].property);
        }
    }
    return true;
}

static void set_text(char **to, const char *from)
{
    if (from) {
        g_free(*to);
        *to = g_strdup(from);
    }
}

static bool start_config(StartPlan *p, Error **errp)
{
    MachineConfig *c = &p->m->config;

    set_text(&c->kernel, p->kernel);
    set_text(&c->initrd, p->initrd);
    set_text(&c->append, p->append);
    set_text(&c->dtb, p->dtb);
    set_text(&c->bios, p->bios);
    set_text(&c->cpu_model, p->cpu);
    c->no_defaults = p->nodefaults;
    p->m->actions.reboot_shutdown = p->no_reboot;
    p->m->actions.shutdown_pause = p->no_shutdown;
    for (guint i = 0; p->paths && i < p->paths->len; i++) {
        if (is_help(g_ptr_array_index(p->paths, i))) {
            help_firmware_paths();
            p->done = true;
            return true;
        }
        g_ptr_array_add(c->firmware_paths,
                        g_strdup(g_ptr_array_index(p->paths, i)));
    }
    if (p->cpu && is_help(p->cpu)) {
        help_cpus(p->view);
        p->done = true;
        return true;
    }
    if (p->seed) {
        if (!parse_u64(p->seed, &c->seed)) {
            error_set(errp, "-seed %s: not a number", p->seed);
            return false;
        }
        c->have_seed = true;
        event_gate_set_seed(p->m->gate, c->seed);
    }
    return cli_each(p, p->smp, "smp", smp_text, errp) &&
           cli_each(p, p->memory, "m", memory_text, errp) &&
           cli_each(p, p->name, "name", name_text, errp) &&
           set_globals(p, errp);
}

/* --- back ends --- */

/* "TYPE,help" and "help": true when it was one. */
static bool wants_list(StartPlan *p, const char *text, const char *suffix,
                       void (*list)(TypeView), Error **errp)
{
    const char *comma = strchr(text, ',');

    if (is_help(text)) {
        list(p->view);
        p->done = true;
    } else if (comma && is_help(comma + 1)) {
        g_autofree char *type = g_strndup(text, comma - text);
        g_autofree char *prefixed = g_strconcat(suffix, type, NULL);

        p->done = true;
        help_properties(p->view, prefixed, "", errp);
    }
    return p->done;
}

/* Filters sit on netdevs, which come later than other objects. */
static bool is_filter(json_object *options)
{
    const char *type = json_get_text(options, "qom-type");

    return type && g_str_has_prefix(type, "filter-");
}

static bool object_of_kind(StartPlan *p, const char *text, bool filter,
                           Error **errp)
{
    json_object *options;
    bool ok;

    if (wants_list(p, text, "", help_objects, errp)) {
        return !errp || !*errp;
    }
    options = keyval_parse(text, "qom-type", errp);
    ok = options &&
         (is_filter(options) != filter || user_object_add(p->m, options, errp));
    json_object_put(options);
    return ok;
}

static bool object_text(StartPlan *p, const char *text, Error **errp)
{
    return object_of_kind(p, text, false, errp);
}

static bool filter_text(StartPlan *p, const char *text, Error **errp)
{
    return object_of_kind(p, text, true, errp);
}

static bool start_filters(StartPlan *p, Error **errp)
{
    return cli_each(p, p->object, "object", filter_text, errp);
}

/* -mem-path and -mem-prealloc: main memory as an object of its usual name. */
static bool make_main_memory(StartPlan *p, Error **errp)
{
    MachineConfig *c = &p->m->config;
    const char *id = p->m->type->default_ram_id;
    json_object *o;
    bool ok;

    if (!p->mem_path && !p->mem_prealloc) {
        return true;
    }
    if (c->ram_backend || !id) {
        error_set(errp,
                  "-mem-path and -mem-prealloc make the machine's own memory, "
                  "and -machine memory-backend names another");
        return false;
    }
    o = json_object_new_object();
    json_object_object_add(o, "qom-type",
                           json_object_new_string(p->mem_path
                                                      ? "memory-backend-file"
                                                      : "memory-backend-ram"));
    json_object_object_add(o, "id", json_object_new_string(id));
    json_object_object_add(o, "size", json_object_new_uint64(c->ram_size));
    if (p->mem_path) {
        json_object_object_add(o, "mem-path",
                               json_object_new_string(p->mem_path));
    }
    json_object_object_add(o, "prealloc",
                           json_object_new_boolean(p->mem_prealloc));
    ok = user_object_add(p->m, o, errp) != NULL;
    json_object_put(o);
    c->ram_backend = ok ? g_strdup(id) : NULL;
    if (!ok) {
        error_prefix(errp, "-mem-path %s: ", p->mem_path ? p->mem_path : "");
    }
    return ok;
}

static bool start_objects(StartPlan *p, Error **errp)
{
    return cli_each(p, p->object, "object", object_text, errp) &&
           (p->done || make_main_memory(p, errp));
}

static bool chardev_text(StartPlan *p, const char *text, Error **errp)
{
    if (wants_list(p, text, "chardev-", help_chardevs, errp)) {
        return !errp || !*errp;
    }
    return chardev_from_text(p->m, text, errp) != NULL;
}

static bool blockdev_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "driver", errp);
    bool ok = options && blockdev_add(p->m, options, errp);

    json_object_put(options);
    return ok;
}

static bool drive_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = drive_parse(text, errp);
    bool ok = options && drive_add(p->m, options, p->snapshot, errp);

    json_object_put(options);
    return ok;
}

/* -hda and its like, in their order: a disk on the board's own interface. */
static bool short_disks(StartPlan *p, Error **errp)
{
    const char *files[] = { p->hda, p->hdb, p->hdc, p->hdd };

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        json_object *options;
        bool ok;

        if (!files[i]) {
            continue;
        }
        options = json_object_new_object();
        json_object_object_add(options, "file",
                               json_object_new_string(files[i]));
        ok = drive_add(p->m, options, p->snapshot, errp) != NULL;
        json_object_put(options);
        if (!ok) {
            error_prefix(errp, "-hd%c %s: ", (int)('a' + i), files[i]);
            return false;
        }
    }
    return true;
}

static bool drive_of_file(StartPlan *p, const char *file, const char *key,
                          const char *value, Error **errp)
{
    json_object *o = json_object_new_object();
    bool ok;

    json_object_object_add(o, "file", json_object_new_string(file));
    json_object_object_add(o, "format", json_object_new_string("raw"));
    json_object_object_add(o, key, json_object_new_string(value));
    ok = drive_add(p->m, o, p->snapshot, errp) != NULL;
    json_object_put(o);
    return ok;
}

static bool cdrom_text(StartPlan *p, const char *text, Error **errp)
{
    return drive_of_file(p, text, "media", "cdrom", errp);
}

static bool pflash_text(StartPlan *p, const char *text, Error **errp)
{
    return drive_of_file(p, text, "if", "pflash", errp);
}

static bool start_block(StartPlan *p, Error **errp)
{
    if (p->incoming) {
        block_start_inactive(p->m); /* the source has the images open */
    }
    return cli_each(p, p->blockdev, "blockdev", blockdev_text, errp) &&
           cli_each(p, p->drive, "drive", drive_text, errp) &&
           short_disks(p, errp) &&
           cli_each(p, p->cdrom, "cdrom", cdrom_text, errp) &&
           cli_each(p, p->pflash, "pflash", pflash_text, errp);
}

static bool serial_text(StartPlan *p, const char *text, Error **errp)
{
    g_autofree char *id = g_strdup_printf("serial%u", p->m->config.serial->len);
    Chardev *chr;

    if (!chardev_from_legacy(p->m, text, id, &chr, errp)) {
        return false;
    }
    g_ptr_array_add(p->m->config.serial, chr);
    return true;
}

static bool start_chardevs(StartPlan *p, Error **errp)
{
    return cli_each(p, p->chardev, "chardev", chardev_text, errp) &&
           cli_each(p, p->serial, "serial", serial_text, errp);
}

/* What was not asked for: a serial port, and with -nographic a monitor that
 * shares it. */
static bool start_defaults(StartPlan *p, Error **errp)
{
    if (p->nodefaults) {
        return true;
    }
    if (!p->serial && !p->m->type->no_serial &&
        !serial_text(p, p->nographic ? "mon:stdio" : "null", errp)) {
        return false;
    }
    if (p->nographic && !p->serial && !p->monitor && !p->mon) {
        p->monitor = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(p->monitor, g_strdup("chardev:serial0"));
    }
    return true;
}

/* --- monitors --- */

static bool add_monitor(StartPlan *p, const char *text, bool qmp, bool pretty,
                        Error **errp)
{
    g_autofree char *id =
        g_strdup_printf("compat_monitor%u", p->monitor_count++);
    Chardev *chr;

    if (!chardev_from_legacy(p->m, text, id, &chr, errp)) {
        return false;
    }
    if (!chr) {
        return true; /* "none" */
    }
    return qmp ? monitor_qmp_add(p->hub, chr, pretty, errp)
               : monitor_hmp_add(p->hub, chr, errp);
}

static bool monitor_text(StartPlan *p, const char *text, Error **errp)
{
    return add_monitor(p, text, false, false, errp);
}

static bool qmp_text(StartPlan *p, const char *text, Error **errp)
{
    return add_monitor(p, text, true, false, errp);
}

static bool qmp_pretty_text(StartPlan *p, const char *text, Error **errp)
{
    return add_monitor(p, text, true, true, errp);
}

static bool mon_options(StartPlan *p, json_object *options, Error **errp)
{
    g_autofree char *id = json_take_text(options, "chardev");
    g_autofree char *mode = json_take_text(options, "mode");
    g_autofree char *pretty_text = json_take_text(options, "pretty");
    g_autofree char *text = NULL;
    bool qmp = g_strcmp0(mode, "control") == 0, pretty = false;

    json_object_object_del(options, "id"); /* it names nothing else */
    if (mode && !qmp && strcmp(mode, "readline") != 0) {
        error_set(errp, "unknown monitor mode \"%s\"", mode);
        return false;
    }
    if (!id) {
        error_set(errp, "Parameter 'chardev' is missing");
        return false;
    }
    if (pretty_text && (!parse_bool(pretty_text, &pretty) || !qmp)) {
        error_set(errp, "'pretty' is not compatible with HMP monitors");
        return false;
    }
    text = g_strconcat("chardev:", id, NULL);
    return cli_nothing_left(options, errp) &&
           add_monitor(p, text, qmp, pretty, errp);
}

static bool mon_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "chardev", errp);
    bool ok = options && mon_options(p, options, errp);

    json_object_put(options);
    return ok;
}

static bool start_monitors(StartPlan *p, Error **errp)
{
    p->hub = monitor_hub_new(p->m);
    return cli_each(p, p->monitor, "monitor", monitor_text, errp) &&
           cli_each(p, p->qmp, "qmp", qmp_text, errp) &&
           cli_each(p, p->qmp_pretty, "qmp-pretty", qmp_pretty_text, errp) &&
           cli_each(p, p->mon, "mon", mon_text, errp);
}

/* --- engine, board, devices --- */

/* -perfmap and the like are options of tcg; other engines refuse them. */
static void add_accel_flags(StartPlan *p, AccelChoice *c)
{
    const struct {
        bool given;
        const char *name;
    } flags[] = {
        { p->perfmap, "perf-map" },
        { p->jitdump, "jitdump" },
        { p->one_insn_per_tb, "one-insn-per-tb" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (flags[i].given) {
            json_object_object_add(c->options, flags[i].name,
                                   json_object_new_boolean(true));
        }
    }
}

static void add_option(GArray *choices, const char *name, json_object *value)
{
    for (guint i = 0; i < choices->len; i++) {
        AccelChoice *c = &g_array_index(choices, AccelChoice, i);

        json_object_object_add(c->options, name, json_object_get(value));
    }
    json_object_put(value);
}

static bool icount_options(json_object *options, GArray *choices, Error **errp)
{
    g_autofree char *shift = json_take_text(options, "shift");
    bool align = false, sleep = true;
    uint64_t n = 0;
    bool automatic = shift && strcmp(shift, "auto") == 0;

    if (!shift || (!automatic && (!parse_u64(shift, &n) || n > 10))) {
        error_set(errp, "icount: Invalid shift value");
        return false;
    }
    if (!json_take_bool(options, "align", &align, errp) ||
        !json_take_bool(options, "sleep", &sleep, errp) ||
        !cli_nothing_left(options, errp)) {
        return false;
    }
    if (align && (automatic || !sleep)) {
        error_set(errp, automatic ? "shift=auto and align=on are incompatible"
                                  : "align=on and sleep=off are incompatible");
        return false;
    }
    add_option(choices, "x-icount-shift",
               json_object_new_int(automatic ? -2 : (int)n));
    add_option(choices, "x-icount-align", json_object_new_boolean(align));
    add_option(choices, "x-icount-no-sleep", json_object_new_boolean(!sleep));
    return true;
}

/* -icount, as options of the engine: those without it refuse them. */
static bool add_icount(StartPlan *p, GArray *choices, Error **errp)
{
    json_object *options;
    bool ok;

    if (!p->icount) {
        return true;
    }
    options = keyval_parse(p->icount, "shift", errp);
    ok = options && icount_options(options, choices, errp);
    json_object_put(options);
    if (!ok) {
        error_prefix(errp, "-icount %s: ", p->icount);
    }
    return ok;
}

static bool start_accel(StartPlan *p, Error **errp)
{
    guint n = p->accel ? p->accel->len : 0;
    g_autoptr(GArray) choices = g_array_new(FALSE, TRUE, sizeof(AccelChoice));
    bool ok;

    for (guint i = 0; i < n; i++) {
        const char *text = g_ptr_array_index(p->accel, i);
        json_object *options = keyval_parse(text, "accel", errp);
        g_autofree char *names = NULL;
        g_auto(GStrv) words = NULL;

        if (!options) {
            return false;
        }
        names = json_take_text(options, "accel");
        if (!names || is_help(names)) {
            help_accels(p->view);
            p->done = true;
            return true;
        }
        words = g_strsplit(names, ":", -1);
        for (char **w = words; *w; w++) {
            AccelChoice c = { g_strdup(*w), json_object_get(options) };

            g_array_append_val(choices, c);
        }
    }
    if (n == 0) {
        AccelChoice c = { g_strdup("tcg"), json_object_new_object() };

        g_array_append_val(choices, c);
    }
    for (guint i = 0; i < choices->len; i++) {
        AccelChoice *c = &g_array_index(choices, AccelChoice, i);

        if (p->irqchip && strcmp(c->name, "kvm") == 0) {
            json_object_object_add(c->options, "kernel-irqchip",
                                   json_object_new_string(p->irqchip));
        }
    }
    for (guint i = 0; i < choices->len; i++) {
        add_accel_flags(p, &g_array_index(choices, AccelChoice, i));
    }
    ok = add_icount(p, choices, errp) &&
         accel_start(p->m, (AccelChoice *)choices->data, choices->len, errp);
    for (guint i = 0; i < choices->len; i++) {
        AccelChoice *c = &g_array_index(choices, AccelChoice, i);

        g_free((char *)c->name);
        json_object_put(c->options);
    }
    return ok;
}

static bool start_board(StartPlan *p, Error **errp)
{
    return machine_build(p->m, errp);
}

static bool device_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options;
    bool ok;

    if (wants_list(p, text, "", help_devices, errp)) {
        return !errp || !*errp;
    }
    options = keyval_parse(text, "driver", errp);
    ok = options && device_add(p->m, options, errp);
    json_object_put(options);
    return ok;
}

/* name=NAME,file=FILE or name=NAME,string=TEXT. */
static bool fw_cfg_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "name", errp);
    g_autofree char *name = NULL, *file = NULL, *string = NULL;
    bool ok = false;

    if (!options) {
        return false;
    }
    name = json_take_text(options, "name");
    file = json_take_text(options, "file");
    string = json_take_text(options, "string");
    json_object_object_foreach(options, key, value)
    {
        (void)value;
        error_set(errp, "Invalid parameter '%s'", key);
        json_object_put(options);
        return false;
    }
    if (!p->m->fw_cfg) {
        error_set(errp, "machine '%s' has no fw_cfg device",
                  p->m->type->machine_name);
    } else {
        ok = fw_cfg_add_option(p->m->fw_cfg, name, file, string, errp);
    }
    json_object_put(options);
    return ok;
}

/* A board whose NICs are bare VirtIO devices has no PCI for disks either. */
static const char *disk_type(const Machine *m)
{
    const char *nic = m->type->default_nic;

    return nic && g_str_has_suffix(nic, "-device") ? "virtio-blk-device"
                                                   : "virtio-blk";
}

/* -drive if=virtio is short for if=none and a virtio-blk device. */
static bool virtio_drives(StartPlan *p, Error **errp)
{
    GPtrArray *drives = p->m->config.drives;

    for (guint i = 0; i < drives->len; i++) {
        DriveInfo *info = g_ptr_array_index(drives, i);
        json_object *o;
        bool ok;

        if (info->used || strcmp(info->interface, "virtio") != 0) {
            continue;
        }
        info->used = true;
        o = json_object_new_object();
        json_object_object_add(o, "driver",
                               json_object_new_string(disk_type(p->m)));
        json_object_object_add(o, "drive", json_object_new_string(info->id));
        ok = device_add(p->m, o, errp) != NULL;
        json_object_put(o);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool start_devices(StartPlan *p, Error **errp)
{
    return cli_each(p, p->fw_cfg, "fw_cfg", fw_cfg_text, errp) &&
           cli_each(p, p->device, "device", device_text, errp) &&
           virtio_drives(p, errp);
}

static bool start_finish(StartPlan *p, Error **errp)
{
    if (!machine_finish(p->m, errp)) {
        return false;
    }
    p->done = p->m->config.dumpdtb != NULL;
    return true;
}

static bool start_qtest(StartPlan *p, Error **errp)
{
    Chardev *chr = NULL;

    if (!p->qtest) {
        return true;
    }
    if (!chardev_from_legacy(p->m, p->qtest, "qtest", &chr, errp)) {
        error_prefix(errp, "-qtest %s: ", p->qtest);
        return false;
    }
    if (!chr) {
        error_set(errp, "-qtest %s: this is no character device", p->qtest);
        return false;
    }
    p->qtest_server = qtest_server_new(p->m, chr, p->qtest_log, errp);
    return p->qtest_server != NULL;
}

/* The forms of -serial; sockets listen and nobody waits for the debugger. */
static bool start_gdb_on(StartPlan *p, const char *text, Error **errp)
{
    const char *more = g_str_has_prefix(text, "tcp:")
                           ? ",server=on,wait=off,nodelay=on"
                       : g_str_has_prefix(text, "unix:") ? ",server=on,wait=off"
                                                         : "";
    g_autofree char *full = g_strconcat(text, more, NULL);
    Chardev *chr;

    if (!chardev_from_legacy(p->m, full, "gdb", &chr, errp)) {
        return false;
    }
    if (!chr) {
        return true; /* "none" */
    }
    p->gdb_server = gdb_server_new(p->m, chr, errp);
    return p->gdb_server != NULL;
}

/* The last -gdb counts; -s is the first. */
static bool start_gdb(StartPlan *p, Error **errp)
{
    const char *text = p->gdb ? g_ptr_array_index(p->gdb, p->gdb->len - 1)
                       : p->gdb_default ? "tcp::1234"
                                        : NULL;

    if (text && !start_gdb_on(p, text, errp)) {
        error_prefix(errp, "-gdb %s: ", text);
        return false;
    }
    return true;
}

static bool start_pidfile(StartPlan *p, Error **errp)
{
    return process_write_pidfile(p, errp);
}

/* The last -incoming counts. */
static bool start_incoming(StartPlan *p, Error **errp)
{
    const char *uri;

    migration_new(p->m);
    if (!p->incoming) {
        return true;
    }
    uri = g_ptr_array_index(p->incoming, p->incoming->len - 1);
    migration_set_autostart(p->m->migration, !p->stopped);
    if (!migration_incoming(p->m->migration, uri, true, errp)) {
        error_prefix(errp, "-incoming %s: ", uri);
        return false;
    }
    return true;
}

static bool start_run(StartPlan *p, Error **errp)
{
    if (!p->stopped && !p->incoming) {
        machine_cont(p->m);
    }
    return true;
}

/* clang-format off */
const StartPhase start_phases[] = {
    { "log", start_log },
    { "machine", start_machine },
    { "config", start_config },
    { "settings", start_settings },
    { "fds", start_fds },
    { "objects", start_objects },
    { "chardevs", start_chardevs },
    { "block", start_block },
    { "netdevs", start_netdevs },
    { "filters", start_filters },
    { "defaults", start_defaults },
    { "accel", start_accel },
    { "board", start_board },
    { "nics", start_nics },
    { "devices", start_devices },
    { "network", start_check_network },
    { "finish", start_finish },
    { "semihosting", start_semihosting },
    { "monitors", start_monitors },
    { "qtest", start_qtest },
    { "gdb", start_gdb },
    { "pidfile", start_pidfile },
    { "privileges", start_privileges },
    { "sandbox", start_sandbox },
    { "incoming", start_incoming },
    { "run", start_run },
    { NULL, NULL },
};
/* clang-format on */
