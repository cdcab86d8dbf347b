/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the key=value options take: for the check of their keys, for
 * "-OPTION help" and for query-command-line-options (DECISIONS 13). Names of
 * groups are those that clients look up.
 */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/base/keyval.h"
#include "softmmu/qmp/monitor.h"

#include "qmp-schema.h"

/* clang-format off */
static const CliParam machine_params[] = {
    { "type", "string", "the machine" },
    { "accel", "string", "accelerators, with \":\" between them" },
    { 0 },
};
static const CliParam smp_params[] = {
    { "cpus", "number", "CPUs at the start" },
    { "maxcpus", "number", "CPUs there may be" },
    { "sockets", "number", "sockets" },
    { "cores", "number", "cores in a socket" },
    { "threads", "number", "threads in a core" },
    { 0 },
};
static const CliParam memory_params[] = {
    { "size", "size", "bytes at the start; MiB without a suffix" },
    { "maxmem", "size", "bytes there may be" },
    { "slots", "number", "modules that may be added" },
    { 0 },
};
static const CliParam boot_params[] = {
    { "order", "string", "letters of devices, in the order to try" },
    { "once", "string", "the same for the first start alone" },
    { "menu", "boolean", "let firmware ask what to boot" },
    { "splash", "string", "picture to show, JPEG or BMP" },
    { "splash-time", "number", "ms to show it" },
    { "reboot-timeout", "number", "ms until a reboot when nothing boots; -1: none" },
    { "strict", "boolean", "boot from nothing else" },
    { 0 },
};
static const CliParam fw_cfg_params[] = {
    { "name", "string", "name of the file, below opt/" },
    { "file", "string", "file with its bytes" },
    { "string", "string", "text that is its bytes" },
    { 0 },
};
static const CliParam global_params[] = {
    { "driver", "string", "type of device" },
    { "property", "string", "property of it" },
    { "value", "string", "its new default" },
    { 0 },
};
static const CliParam drive_params[] = {
    { "file", "string", "image" },
    { "format", "string", "its format" },
    { "if", "string", "interface it is connected to" },
    { "id", "string", "name of the drive" },
    { "index", "number", "place on the interface" },
    { "unit", "number", "place on the interface" },
    { "media", "string", "disk or cdrom" },
    { "serial", "string", "serial number" },
    { "cache", "string", "none, writeback, writethrough, directsync or unsafe" },
    { "cache.direct", "boolean", "by-pass the host's page cache" },
    { "cache.no-flush", "boolean", "ignore flushes" },
    { "cache.writeback", "boolean", "the guest sees a write cache" },
    { "aio", "string", "threads or io_uring" },
    { "discard", "string", "ignore or unmap" },
    { "detect-zeroes", "string", "off, on or unmap" },
    { "locking", "string", "lock the image: auto, on or off" },
    { "node-name", "string", "name of the node" },
    { "offset", "size", "where in the file the disk starts" },
    { "size", "size", "bytes of the disk" },
    { "read-only", "boolean", "refuse writes" },
    { "readonly", "boolean", "refuse writes" },
    { "snapshot", "boolean", "write to a temporary file instead" },
    { "rerror", "string", "what a read error does" },
    { "werror", "string", "what a write error does" },
    { 0 },
};
static const CliParam chardev_params[] = {
    { "backend", "string", "kind of character device" },
    { "id", "string", "name of the character device" },
    { 0 },
};
static const CliParam mon_params[] = {
    { "chardev", "string", "character device it talks on" },
    { "mode", "string", "readline or control" },
    { "pretty", "boolean", "indented output" },
    { "id", "string", "name of the monitor" },
    { 0 },
};
static const CliParam action_params[] = {
    { "reboot", "string", "reset or shutdown" },
    { "shutdown", "string", "poweroff or pause" },
    { "panic", "string", "pause, shutdown, exit-failure or none" },
    { "watchdog", "string", "reset, shutdown, poweroff, pause, debug, none or inject-nmi" },
    { 0 },
};
static const CliParam rtc_params[] = {
    { "base", "string", "utc, localtime or a date" },
    { "clock", "string", "host, rt or vm" },
    { "driftfix", "string", "none" },
    { 0 },
};
static const CliParam add_fd_params[] = {
    { "fd", "number", "descriptor that we inherited" },
    { "set", "number", "set it goes to" },
    { "opaque", "string", "text that query-fdsets shows" },
    { 0 },
};
static const CliParam msg_params[] = {
    { "timestamp", "boolean", "time in front of messages" },
    { "guest-name", "boolean", "name of the machine in front of messages" },
    { 0 },
};
static const CliParam overcommit_params[] = {
    { "mem-lock", "string", "lock all memory: on, off or on-fault" },
    { "cpu-pm", "boolean", "let the guest put host CPUs to sleep" },
    { 0 },
};
static const CliParam name_params[] = {
    { "guest", "string", "name of the machine" },
    { "process", "string", "name of the process" },
    { "debug-threads", "boolean", "name the threads" },
    { 0 },
};
static const CliParam icount_params[] = {
    { "shift", "string", "an instruction takes 2^N ns; or auto" },
    { "align", "boolean", "keep to the host's time" },
    { "sleep", "boolean", "wait when all CPUs are idle" },
    { 0 },
};
static const CliParam semihosting_params[] = {
    { "enable", "boolean", "serve semihosting calls" },
    { "target", "string", "who serves them: native or auto" },
    { "chardev", "string", "console of the calls" },
    { "userspace", "boolean", "serve user mode too" },
    { "arg", "string", "a word of the command line; may be repeated" },
    { 0 },
};
static const CliParam sandbox_params[] = {
    { "enable", "boolean", "filter system calls" },
    { "obsolete", "string", "obsolete ones: allow or deny" },
    { "elevateprivileges", "string", "change of user: allow, deny or children" },
    { "spawn", "string", "new processes: allow or deny" },
    { "resourcecontrol", "string", "priorities and limits: allow or deny" },
    { 0 },
};
static const CliParam run_with_params[] = {
    { "user", "string", "user to become" },
    { "chroot", "string", "root folder to have" },
    { "async-teardown", "boolean", "free memory in another process: off" },
    { 0 },
};
static const CliParam compat_params[] = {
    { "deprecated-input", "string", "accept, reject or crash" },
    { "deprecated-output", "string", "accept or hide" },
    { "unstable-input", "string", "accept, reject or crash" },
    { "unstable-output", "string", "accept or hide" },
    { 0 },
};
static const CliParam audiodev_params[] = {
    { "driver", "string", "none" },
    { "id", "string", "name of the back end" },
    { "timer-period", "number", "us between two looks" },
    { 0 },
};
static const CliParam trace_params[] = {
    { "enable", "string", "pattern of event names" },
    { "events", "string", "file with a pattern on each line" },
    { "file", "string", "log to this file" },
    { 0 },
};

const CliGroup cli_groups[] = {
    { "machine", "machine", "type", machine_params, "machine", true },
    { "M", NULL, "type", machine_params, "machine", true },
    { "accel", "accel", "accel", NULL, NULL, true },
    { "smp", "smp-opts", "cpus", smp_params },
    { "m", "memory", "size", memory_params },
    { "boot", "boot-opts", "order", boot_params },
    { "fw_cfg", "fw_cfg", "name", fw_cfg_params },
    { "global", "global", NULL, global_params, NULL, true },
    { "device", "device", "driver", NULL, NULL, true },
    { "object", "object", "qom-type", NULL, NULL, true },
    { "drive", "drive", NULL, drive_params, NULL, true },
    { "chardev", "chardev", "backend", chardev_params, "chardev", true },
    { "netdev", "netdev", "type", NULL, NULL, true },
    { "nic", "nic", "type", NULL, NULL, true },
    { "net", "net", "type", NULL, NULL, true },
    { "mon", "mon", "chardev", mon_params },
    { "action", "action", NULL, action_params },
    { "rtc", "rtc", NULL, rtc_params },
    { "add-fd", "add-fd", NULL, add_fd_params },
    { "msg", "msg", NULL, msg_params },
    { "overcommit", "overcommit", NULL, overcommit_params },
    { "sandbox", "sandbox", "enable", sandbox_params },
    { "run-with", "run-with", NULL, run_with_params },
    { "compat", "compat", NULL, compat_params },
    { "audiodev", "audiodev", "driver", audiodev_params },
    { "blockdev", NULL, "driver", NULL, NULL, true },
    { "semihosting-config", "semihosting-config", NULL, semihosting_params },
    { "trace", "trace", "enable", trace_params, NULL, true },
    { "name", "name", "guest", name_params },
    { "icount", "icount", "shift", icount_params },
    { 0 },
};
/* clang-format on */

/* --- the check --- */

static const CliGroup *find_group(const char *option)
{
    for (const CliGroup *g = cli_groups; g->option; g++) {
        if (strcmp(g->option, option) == 0) {
            return g;
        }
    }
    return NULL;
}

static bool known(const CliGroup *g, const char *key, Error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const CliParam *p = g->params; p->name; p++) {
        if (strcmp(p->name, key) == 0) {
            return true;
        }
        g_ptr_array_add(names, (void *)p->name);
    }
    g_ptr_array_add(names, NULL);
    error_set(errp, "Invalid parameter '%s'", key);
    error_suggest(errp, key, (const char *const *)names->pdata);
    return false;
}

static bool all_known(const CliGroup *g, json_object *options, Error **errp)
{
    json_object_object_foreach(options, key, value)
    {
        (void)value;
        if (!known(g, key, errp)) {
            return false;
        }
    }
    return true;
}

static void print_params(const CliGroup *g)
{
    printf("%s options:\n", g->group);
    for (const CliParam *p = g->params; p->name; p++) {
        printf("  %s=<%s>%*s - %s\n", p->name, p->type,
               (int)MAX(0, 22 - (int)strlen(p->name) - (int)strlen(p->type)),
               "", p->help);
    }
}

bool cli_check_params(const char *option, const char *arg, bool *done,
                      Error **errp)
{
    const CliGroup *g = find_group(option);
    json_object *options;
    bool ok;

    if (!g || g->open) {
        return true;
    }
    if (strcmp(arg, "help") == 0) {
        print_params(g);
        *done = true;
        return true;
    }
    options = keyval_parse(arg, g->implied, errp);
    ok = options && all_known(g, options, errp);
    if (!ok) {
        error_prefix(errp, "-%s %s: ", option, arg);
    }
    json_object_put(options);
    return ok;
}

/* --- query-command-line-options --- */

typedef struct Describe {
    CommandLineParameterInfoList *list;
    GHashTable *seen; /* names that are in it */
} Describe;

static void describe(Describe *d, const char *name, const char *type,
                     const char *help, const char *def)
{
    CommandLineParameterInfo *info;

    if (!g_hash_table_add(d->seen, (char *)name)) {
        return;
    }
    info = g_new0(CommandLineParameterInfo, 1);
    info->name = g_strdup(name);
    info->type = qenum_parse(&qtype_command_line_parameter_type, type);
    info->help = g_strdup(help);
    info->q_default = g_strdup(def);
    qlist_append(&qtype_list_command_line_parameter_info, &d->list, &info);
}

static void describe_property(const Property *prop, void *opaque)
{
    const char *kind = prop->type->schema;
    const char *type = prop->type == &prop_type_size  ? "size"
                       : strcmp(kind, "bool") == 0    ? "boolean"
                       : strncmp(kind, "int", 3) == 0 ? "number"
                                                      : "string";

    if (!(prop->flags & (PROP_HIDDEN | PROP_READ_ONLY)) && prop->type->set) {
        describe(opaque, prop->name, type, prop->description, prop->def);
    }
}

static CommandLineOptionInfo *describe_group(Machine *m, const CliGroup *g)
{
    CommandLineOptionInfo *info = g_new0(CommandLineOptionInfo, 1);
    Describe d = { NULL, g_hash_table_new(g_str_hash, g_str_equal) };
    const ObjectType *base = g->types ? type_find(m->view, g->types) : NULL;
    g_autoptr(GPtrArray) types =
        base ? type_list(m->view, base, false) : g_ptr_array_new();

    info->option = g_strdup(g->group);
    for (const CliParam *p = g->params; p && p->name; p++) {
        describe(&d, p->name, p->type, p->help, NULL);
    }
    for (guint i = 0; i < types->len; i++) {
        type_each_property(g_ptr_array_index(types, i), describe_property, &d);
    }
    g_hash_table_unref(d.seen);
    info->parameters = d.list;
    if (!info->parameters) {
        info->parameters = g_new0(CommandLineParameterInfoList, 1);
    }
    return info;
}

CommandLineOptionInfoList *
qmp_query_command_line_options(Machine *m, const QueryCommandLineOptionsArgs *a,
                               Error **errp)
{
    CommandLineOptionInfoList *list = NULL;

    for (const CliGroup *g = cli_groups; g->option; g++) {
        CommandLineOptionInfo *info;

        if (!g->group || (a->option && strcmp(a->option, g->group) != 0)) {
            continue;
        }
        info = describe_group(m, g);
        qlist_append(&qtype_list_command_line_option_info, &list, &info);
    }
    if (a->option && !list) {
        error_set(errp, "invalid option name: %s", a->option);
    }
    return list;
}
