/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs, character devices, migration, watchdog in the human monitor. */
#include "tandem/base.h"

#include "hmp.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/base/log.h"
#include "softmmu/base/parse.h"

/* The QMP command of a line with one argument, which it calls @key. */
static void run_with_one(Machine *m, int argc, char **argv, const char *usage,
                         const char *command, const char *key, Error **errp)
{
    if (hmp_want_args(argc, 1, usage, errp)) {
        hmp_run_qmp(m, command, hmp_one_arg(key, argv[0]), errp);
    }
}

/* INDEX */
void hmp_cpu_select(Machine *m, int argc, char **argv, GString *out,
                    Error **errp)
{
    uint64_t index;

    if (!hmp_want_args(argc, 1, "cpu INDEX", errp)) {
        return;
    }
    if (!parse_size(argv[0], 1, &index) || index > INT_MAX ||
        !cpu_by_index(m, (int)index)) {
        error_set(errp, "invalid CPU index");
    } else if (m->monitors) {
        m->monitors->turn.cpu = (int)index;
    }
}

/* --- logs --- */

void hmp_log(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    uint32_t mask = 0;

    if (!hmp_want_args(argc, 1, "log ITEM[,ITEM]...", errp)) {
        return;
    }
    if (strcmp(argv[0], "help") == 0) {
        g_string_append(out, "Log items (comma separated):\n"
                             "none            nothing\n");
        for (const LogClassInfo *c = log_classes(); c->name; c++) {
            g_string_append_printf(out, "%-15s %s\n", c->name, c->help);
        }
    } else if (strcmp(argv[0], "none") == 0 ||
               log_parse(argv[0], &mask, errp)) {
        log_set_mask(mask);
    }
}

void hmp_logfile(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    if (hmp_want_args(argc, 1, "logfile FILE", errp)) {
        log_open(argv[0], errp);
    }
}

void hmp_trace_event(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    json_object *args;
    bool on;

    if (hmp_want_args(argc, 2, "trace-event NAME on|off", errp) &&
        hmp_on_off(argv[1], &on, errp)) {
        args = hmp_one_arg("name", argv[0]);
        json_object_object_add(args, "enable", json_object_new_boolean(on));
        hmp_run_qmp(m, "trace-event-set-state", args, errp);
    }
}

/* --- character devices --- */

void hmp_ringbuf_read(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    g_autoptr(GByteArray) data = NULL;
    uint64_t size;

    if (!hmp_want_args(argc, 2, "ringbuf_read ID SIZE", errp)) {
        return;
    }
    if (!parse_size(argv[1], 1, &size) || size == 0) {
        error_set(errp, "size must be greater than zero");
        return;
    }
    data = chardev_ringbuf_read(m, argv[0], size, errp);
    for (guint i = 0; data && i < data->len; i++) {
        uint8_t c = data->data[i];

        if (c == '\\') {
            g_string_append(out, "\\\\");
        } else if ((c < 0x20 && c != '\n' && c != '\t') || c >= 0x7f) {
            g_string_append_printf(out, "\\u%04x", c);
        } else {
            g_string_append_c(out, (char)c);
        }
    }
    if (data) {
        g_string_append_c(out, '\n');
    }
}

void hmp_ringbuf_write(Machine *m, int argc, char **argv, GString *out,
                       Error **errp)
{
    json_object *args;

    if (hmp_want_args(argc, 2, "ringbuf_write ID DATA", errp)) {
        args = hmp_one_arg("device", argv[0]);
        hmp_add_text(args, "data", argv[1]);
        hmp_run_qmp(m, "ringbuf-write", args, errp);
    }
}

void hmp_chardev_add(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    if (hmp_want_args(argc, 1, "chardev-add TYPE,id=ID[,prop=value]...",
                      errp)) {
        chardev_from_text(m, argv[0], errp);
    }
}

void hmp_chardev_change(Machine *m, int argc, char **argv, GString *out,
                        Error **errp)
{
    if (hmp_want_args(argc, 2, "chardev-change ID TYPE[,prop=value]...",
                      errp)) {
        chardev_change_text(m, argv[0], argv[1], errp);
    }
}

void hmp_chardev_remove(Machine *m, int argc, char **argv, GString *out,
                        Error **errp)
{
    run_with_one(m, argc, argv, "chardev-remove ID", "chardev-remove", "id",
                 errp);
}

void hmp_chardev_send_break(Machine *m, int argc, char **argv, GString *out,
                            Error **errp)
{
    run_with_one(m, argc, argv, "chardev-send-break ID", "chardev-send-break",
                 "id", errp);
}

void hmp_watchdog_action(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    run_with_one(m, argc, argv, "watchdog_action ACTION", "watchdog-set-action",
                 "action", errp);
}

/* --- dumps --- */

/* Switches that name a format, by letter; with -R in its raw form. */
static const struct {
    char letter;
    const char *format;
} dump_formats[] = { { 'z', "zlib" }, { 'l', "lzo" }, { 's', "snappy" } };

typedef struct DumpSwitches {
    bool paging, detach, raw, windows;
    const char *kdump;
} DumpSwitches;

static bool dump_switch(DumpSwitches *s, const char *text, Error **errp)
{
    char c = text[2] == '\0' ? text[1] : '\0';

    s->paging |= c == 'p';
    s->detach |= c == 'd';
    s->raw |= c == 'R';
    s->windows |= c == 'w';
    for (size_t i = 0; c && i < ARRAY_SIZE(dump_formats); i++) {
        if (dump_formats[i].letter == c) {
            s->kdump = dump_formats[i].format;
            return true;
        }
    }
    if (!c || !strchr("pdRw", c)) {
        error_set(errp, "unsupported option %s", text);
        return false;
    }
    return true;
}

static char *dump_format(const DumpSwitches *s)
{
    return s->windows ? g_strdup("win-dmp")
           : !s->kdump
               ? g_strdup("elf")
               : g_strdup_printf("kdump-%s%s", s->raw ? "raw-" : "", s->kdump);
}

/* A number to @key of @args, if there is an @i-th word. */
static bool dump_number(json_object *args, const char *key, int argc,
                        char **argv, int i, Error **errp)
{
    uint64_t value;

    if (i >= argc) {
        return true;
    }
    if (!parse_size(argv[i], 1, &value) || value > INT64_MAX) {
        error_set(errp, "invalid number '%s'", argv[i]);
        return false;
    }
    json_object_object_add(args, key, json_object_new_int64(value));
    return true;
}

/* [-p] [-d] [-z|-l|-s|-w] [-R] FILE [BEGIN LENGTH] */
void hmp_dump_guest_memory(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    DumpSwitches s = { 0 };
    g_autofree char *protocol = NULL, *format = NULL;
    json_object *args;

    for (; argc > 0 && argv[0][0] == '-'; argc--, argv++) {
        if (!dump_switch(&s, argv[0], errp)) {
            return;
        }
    }
    if (argc < 1 || argc > 3) {
        error_set(errp, "usage: dump-guest-memory [-p] [-d] [-z|-l|-s|-w] [-R] "
                        "FILE [BEGIN LENGTH]");
        return;
    }
    protocol = g_strconcat("file:", argv[0], NULL);
    format = dump_format(&s);
    args = hmp_one_arg("protocol", protocol);
    hmp_add_text(args, "format", format);
    json_object_object_add(args, "paging", json_object_new_boolean(s.paging));
    json_object_object_add(args, "detach", json_object_new_boolean(s.detach));
    if (dump_number(args, "begin", argc, argv, 1, errp) &&
        dump_number(args, "length", argc, argv, 2, errp)) {
        hmp_run_qmp(m, "dump-guest-memory", json_object_get(args), errp);
    }
    json_object_put(args);
}

/* --- migration --- */

/* [-d] URI */
void hmp_migrate(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    bool detach = argc > 0 && strcmp(argv[0], "-d") == 0;
    HmpTurn *turn = m->monitors ? &m->monitors->turn : NULL;

    argc -= detach;
    argv += detach;
    if (!hmp_want_args(argc, 1, "migrate [-d] URI", errp)) {
        return;
    }
    hmp_run_qmp(m, "migrate", hmp_one_arg("uri", argv[0]), errp);
    if (*errp || detach) {
        return;
    }
    if (turn && turn->mon) {
        turn->wait = true;
    } else {
        g_string_append(out, "no terminal to wait at: it goes on by itself\n");
    }
}

void hmp_migrate_continue(Machine *m, int argc, char **argv, GString *out,
                          Error **errp)
{
    run_with_one(m, argc, argv, "migrate_continue STATE", "migrate-continue",
                 "state", errp);
}

void hmp_migrate_incoming(Machine *m, int argc, char **argv, GString *out,
                          Error **errp)
{
    run_with_one(m, argc, argv, "migrate_incoming URI", "migrate-incoming",
                 "uri", errp);
}

void hmp_migrate_recover(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    run_with_one(m, argc, argv, "migrate_recover URI", "migrate-recover", "uri",
                 errp);
}

void hmp_migrate_set_capability(Machine *m, int argc, char **argv, GString *out,
                                Error **errp)
{
    json_object *args, *list, *one;
    bool on;

    if (!hmp_want_args(argc, 2, "migrate_set_capability CAPABILITY on|off",
                       errp) ||
        !hmp_on_off(argv[1], &on, errp)) {
        return;
    }
    one = hmp_one_arg("capability", argv[0]);
    json_object_object_add(one, "state", json_object_new_boolean(on));
    list = json_object_new_array();
    json_object_array_add(list, one);
    args = json_object_new_object();
    json_object_object_add(args, "capabilities", list);
    hmp_run_qmp(m, "migrate-set-capabilities", args, errp);
}

/* How a number of each parameter is written: in MiB, or as it is. */
static const struct {
    const char *name;
    uint64_t unit;
} parameters[] = { { "max-bandwidth", MiB }, { "downtime-limit", 1 } };

void hmp_migrate_set_parameter(Machine *m, int argc, char **argv, GString *out,
                               Error **errp)
{
    uint64_t unit = 0, value;
    json_object *args;

    if (!hmp_want_args(argc, 2, "migrate_set_parameter PARAMETER VALUE",
                       errp)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
        unit = strcmp(argv[0], parameters[i].name) == 0 ? parameters[i].unit
                                                        : unit;
    }
    if (unit == 0) {
        error_set(errp, "invalid parameter value: %s", argv[0]);
    } else if (!parse_size(argv[1], unit, &value)) {
        error_set(errp, "Invalid size %s", argv[1]);
    } else {
        args = json_object_new_object();
        json_object_object_add(args, argv[0], json_object_new_uint64(value));
        hmp_run_qmp(m, "migrate-set-parameters", args, errp);
    }
}
