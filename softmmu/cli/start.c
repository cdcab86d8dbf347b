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
#include "hw/nvram/smbios.h"
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
#include "softmmu/semihost/semihost.h"

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

bool cli_is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* "TYPE,help" and "help": true when it was one. */
bool cli_wants_list(StartPlan *p, const char *text, const char *suffix,
                    void (*list)(TypeView), Error **errp)
{
    const char *comma = strchr(text, ',');

    if (cli_is_help(text)) {
        list(p->view);
        p->done = true;
    } else if (comma && cli_is_help(comma + 1)) {
        g_autofree char *type = g_strndup(text, comma - text);
        g_autofree char *prefixed = g_strconcat(suffix, type, NULL);

        p->done = true;
        help_properties(p->view, prefixed, "", errp);
    }
    return p->done;
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

    if (cli_is_help(text)) {
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

    if (p->log_classes && cli_is_help(p->log_classes)) {
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

/* --- board, devices --- */

static bool start_board(StartPlan *p, Error **errp)
{
    return machine_build(p->m, errp);
}

static bool device_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options;
    bool ok;

    if (cli_wants_list(p, text, "", help_devices, errp)) {
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

/* Boards that have SMBIOS tables have them without the option, too. */
static bool start_smbios(StartPlan *p, Error **errp)
{
    Smbios *s = smbios_new();
    bool ok = true;

    for (guint i = 0; ok && p->smbios && i < p->smbios->len; i++) {
        const char *text = g_ptr_array_index(p->smbios, i);

        ok = smbios_add_option(s, text, errp);
        if (!ok) {
            error_prefix(errp, "-smbios %s: ", text);
        }
    }
    ok = ok && smbios_install(s, p->m, errp);
    smbios_free(s);
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
    return start_smbios(p, errp) &&
           cli_each(p, p->fw_cfg, "fw_cfg", fw_cfg_text, errp) &&
           cli_each(p, p->device, "device", device_text, errp) &&
           virtio_drives(p, errp) && drives_all_used(p->m, errp);
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
    if (p->semihost && p->gdb_server) {
        semihost_set_gdb(p->semihost, p->gdb_server);
    }
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
