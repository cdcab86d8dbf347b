/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Phases: What devices stand on: objects, character devices, disks, the
 * defaults. */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "softmmu/machine/create.h"
#include "softmmu/qmp/monitor.h"

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

    if (cli_wants_list(p, text, "", help_objects, errp)) {
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

bool start_filters(StartPlan *p, Error **errp)
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

bool start_objects(StartPlan *p, Error **errp)
{
    return cli_each(p, p->object, "object", object_text, errp) &&
           (p->done || make_main_memory(p, errp));
}

static bool chardev_text(StartPlan *p, const char *text, Error **errp)
{
    if (cli_wants_list(p, text, "chardev-", help_chardevs, errp)) {
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
    const char *format = options ? json_get_text(options, "format") : NULL;
    bool ok;

    if (format && (strcmp(format, "help") == 0 || strcmp(format, "?") == 0)) {
        g_autofree const char **names = block_format_names();
        g_autofree char *list = g_strjoinv(" ", (char **)names);

        printf("Supported formats: %s\n", list);
        json_object_put(options);
        p->done = true;
        return true;
    }
    ok = options && drive_add(p->m, options, p->snapshot, errp);
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

bool start_block(StartPlan *p, Error **errp)
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

bool start_chardevs(StartPlan *p, Error **errp)
{
    return cli_each(p, p->chardev, "chardev", chardev_text, errp) &&
           cli_each(p, p->serial, "serial", serial_text, errp);
}

/* What was not asked for: a serial port, and with -nographic a monitor that
 * shares it. */
bool start_defaults(StartPlan *p, Error **errp)
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
