/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Phases: The machine and its settings: -machine, -smp, -m, -name, -global. */
#include "tandem/base.h"

#include <sys/prctl.h>

#include "cli.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"

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

    if (name && cli_is_help(name)) {
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

bool start_machine(StartPlan *p, Error **errp)
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

/* Levels that no board here has; 1 of them is what there is anyway. */
static bool refuse_levels(json_object *options, Error **errp)
{
    static const char *const levels[] = { "dies", "modules", "clusters",
                                          "drawers", "books" };

    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        unsigned n = 1;

        if (!take_count(options, levels[i], &n, errp)) {
            return false;
        }
        if (n > 1) {
            error_set(errp,
                      "%s > 1 not supported by this machine's CPU topology",
                      levels[i]);
            return false;
        }
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
        !refuse_levels(options, errp) || !cli_nothing_left(options, errp)) {
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

bool start_config(StartPlan *p, Error **errp)
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
        if (cli_is_help(g_ptr_array_index(p->paths, i))) {
            help_firmware_paths();
            p->done = true;
            return true;
        }
        g_ptr_array_add(c->firmware_paths,
                        g_strdup(g_ptr_array_index(p->paths, i)));
    }
    if (p->cpu && cli_is_help(p->cpu)) {
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
