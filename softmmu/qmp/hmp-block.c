/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's commands for disks. */
#include "tandem/base.h"

#include "hmp.h"
#include "softmmu/backend/block_job.h"
#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"

static json_object *member(json_object *o, const char *key)
{
    json_object *value = NULL;

    json_object_object_get_ex(o, key, &value);
    return value;
}

static bool is_on(json_object *o, const char *key)
{
    return json_object_get_boolean(member(o, key));
}

/* --- info --- */

static void show_disk(json_object *b, GString *out)
{
    json_object *in = member(b, "inserted"), *cache = member(in, "cache");
    const char *device = json_get_text(b, "device");
    const char *qdev = json_get_text(b, "qdev");
    const char *zeroes = json_get_text(in, "detect_zeroes");

    if (device && device[0]) {
        g_string_append(out, device);
    } else if (!in) {
        g_string_append(out, qdev);
    }
    if (!in) {
        g_string_append(out, ": [not inserted]\n");
    } else {
        g_string_append_printf(
            out, "%s(%s): %s (%s%s)\n", device && device[0] ? " " : "",
            json_get_text(in, "node-name"), json_get_text(in, "file"),
            json_get_text(in, "drv"), is_on(in, "ro") ? ", read-only" : "");
    }
    if (qdev) {
        g_string_append_printf(out, "    Attached to:      %s\n", qdev);
    }
    if (in) {
        g_string_append_printf(
            out, "    Cache mode:       %s%s%s\n",
            is_on(cache, "writeback") ? "writeback" : "writethrough",
            is_on(cache, "direct") ? ", direct" : "",
            is_on(cache, "no-flush") ? ", ignore flushes" : "");
        if (!is_on(in, "active")) {
            g_string_append(out, "    Active:           no\n");
        }
        if (strcmp(zeroes, "off") != 0) {
            g_string_append_printf(out, "    Detect zeroes:    %s\n", zeroes);
        }
    }
}

void hmp_info_block(Machine *m, int argc, char **argv, GString *out,
                    Error **errp)
{
    json_object *list = qmp_execute(m, "query-block", NULL, errp);
    bool found = argc == 0;

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *b = json_object_array_get_idx(list, i);
        const char *device = json_get_text(b, "device");

        if (argc == 0 || (device && strcmp(device, argv[0]) == 0)) {
            show_disk(b, out);
            found = true;
        }
    }
    if (list && !found) {
        error_set(errp, "Device '%s' not found", argv[0]);
    }
    json_object_put(list);
}

static void show_count(const char *name, json_object *value, void *out)
{
    g_string_append_printf(out, " %s=%" PRId64, name,
                           json_object_get_int64(value));
}

void hmp_info_blockstats(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    json_object *list = qmp_execute(m, "query-blockstats", NULL, errp);

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *b = json_object_array_get_idx(list, i);
        const char *device = json_get_text(b, "device");
        const char *node = json_get_text(b, "node-name");

        g_string_append_printf(out, "%s:",
                               device && device[0] ? device
                               : node              ? node
                                                   : "");
        json_object_object_foreach(member(b, "stats"), key, value)
        {
            show_count(key, value, out);
        }
        g_string_append_c(out, '\n');
    }
    json_object_put(list);
}

void hmp_info_block_jobs(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    json_object *list = qmp_execute(m, "query-block-jobs", NULL, errp);

    if (list && json_object_array_length(list) == 0) {
        g_string_append(out, "No active jobs\n");
    }
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *j = json_object_array_get_idx(list, i);

        g_string_append_printf(
            out,
            "Type %s, device %s: Completed %" PRId64 " of %" PRId64
            " bytes, speed limit %" PRId64 " bytes/s\n",
            json_get_text(j, "type"), json_get_text(j, "device"),
            json_object_get_int64(member(j, "offset")),
            json_object_get_int64(member(j, "len")),
            json_object_get_int64(member(j, "speed")));
    }
    json_object_put(list);
}

/* --- drives --- */

void hmp_commit(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    json_object *list;

    if (!hmp_want_args(argc, 1, "commit DRIVE|all", errp)) {
        return;
    }
    if (strcmp(argv[0], "all") != 0) {
        block_commit_now(m, argv[0], errp);
        return;
    }
    list = qmp_execute(m, "query-block", NULL, errp);
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *b = json_object_array_get_idx(list, i);
        const char *file = json_get_text(member(b, "inserted"), "drv");

        if (file && strcmp(file, "tandem-overlay") == 0 &&
            !block_commit_now(m, json_get_text(b, "device"), errp)) {
            break;
        }
    }
    json_object_put(list);
}

/* The place before the options is for buses that take drives as cards. */
void hmp_drive_add(Machine *m, int argc, char **argv, GString *out,
                   Error **errp)
{
    json_object *options;
    const char *kind;

    if (!hmp_want_args(argc, 2, "drive_add 0 if=none,OPTIONS", errp)) {
        return;
    }
    options = drive_parse(argv[1], errp);
    kind = options ? json_get_text(options, "if") : NULL;
    if (options && (!kind || strcmp(kind, "none") != 0)) {
        error_set(errp, "Can't hot-add drive to type %s",
                  kind ? kind : "without if=none");
    } else if (options && drive_add(m, options, false, errp)) {
        g_string_append(out, "OK\n");
    }
    json_object_put(options);
}

void hmp_drive_del(Machine *m, int argc, char **argv, GString *out,
                   Error **errp)
{
    if (hmp_want_args(argc, 1, "drive_del ID", errp)) {
        drive_del(m, argv[0], errp);
    }
}

void hmp_block_resize(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    json_object *args;
    uint64_t size;

    if (!hmp_want_args(argc, 2, "block_resize DRIVE SIZE", errp)) {
        return;
    }
    if (!parse_size(argv[1], MiB, &size) || size > INT64_MAX) {
        error_set(errp, "invalid size '%s'", argv[1]);
        return;
    }
    args = json_object_new_object();
    hmp_add_text(args, "device", argv[0]);
    json_object_object_add(args, "size", json_object_new_int64(size));
    hmp_run_qmp(m, "block_resize", args, errp);
}

/* DRIVE and six limits. */
void hmp_block_set_io_throttle(Machine *m, int argc, char **argv, GString *out,
                               Error **errp)
{
    static const char *const limits[] = { "bps",  "bps_rd",  "bps_wr",
                                          "iops", "iops_rd", "iops_wr" };
    json_object *args;

    if (!hmp_want_args(argc, 7,
                       "block_set_io_throttle DRIVE BPS BPS_RD BPS_WR IOPS "
                       "IOPS_RD IOPS_WR",
                       errp)) {
        return;
    }
    args = hmp_one_arg("device", argv[0]);
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        uint64_t value;

        if (!parse_size(argv[i + 1], 1, &value) || value > INT64_MAX) {
            error_set(errp, "invalid limit '%s'", argv[i + 1]);
            json_object_put(args);
            return;
        }
        json_object_object_add(args, limits[i], json_object_new_int64(value));
    }
    hmp_run_qmp(m, "block_set_io_throttle", args, errp);
}

/* --- jobs --- */

/* drive_mirror, drive_backup: [-f] [-n] DRIVE FILE. */
static void start_copy(Machine *m, const char *command, int argc, char **argv,
                       Error **errp)
{
    json_object *args;
    bool top = true, existing = false;

    for (; argc > 0 && argv[0][0] == '-'; argc--, argv++) {
        if (strcmp(argv[0], "-f") == 0) {
            top = false;
        } else if (strcmp(argv[0], "-n") == 0) {
            existing = true;
        } else {
            error_set(errp, "unknown switch '%s'", argv[0]);
            return;
        }
    }
    if (argc != 2) {
        error_set(errp, "usage: %s [-f] [-n] DRIVE FILE",
                  command[6] == 'm' ? "drive_mirror" : "drive_backup");
        return;
    }
    args = json_object_new_object();
    hmp_add_text(args, "device", argv[0]);
    hmp_add_text(args, "target", argv[1]);
    hmp_add_text(args, "format", "raw");
    hmp_add_text(args, "sync", top ? "top" : "full");
    hmp_add_text(args, "mode", existing ? "existing" : "absolute-paths");
    hmp_run_qmp(m, command, args, errp);
}

void hmp_drive_mirror(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    start_copy(m, "drive-mirror", argc, argv, errp);
}

void hmp_drive_backup(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    start_copy(m, "drive-backup", argc, argv, errp);
}

void hmp_block_stream(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    json_object *args;

    if (hmp_want_args(argc, 1, "block_stream DRIVE", errp)) {
        args = json_object_new_object();
        hmp_add_text(args, "device", argv[0]);
        hmp_run_qmp(m, "block-stream", args, errp);
    }
}

static void job_verb(Machine *m, const char *command, int argc, char **argv,
                     Error **errp)
{
    json_object *args;

    if (argc != 1) {
        error_set(errp, "usage: the id of a job");
        return;
    }
    args = json_object_new_object();
    hmp_add_text(args, "device", argv[0]);
    hmp_run_qmp(m, command, args, errp);
}

#define JOB_COMMAND(verb, command)                                             \
    void hmp_block_job_##verb(Machine *m, int argc, char **argv, GString *out, \
                              Error **errp)                                    \
    {                                                                          \
        job_verb(m, command, argc, argv, errp);                                \
    }
JOB_COMMAND(cancel, "block-job-cancel")
JOB_COMMAND(complete, "block-job-complete")
JOB_COMMAND(pause, "block-job-pause")
JOB_COMMAND(resume, "block-job-resume")
#undef JOB_COMMAND

void hmp_block_job_set_speed(Machine *m, int argc, char **argv, GString *out,
                             Error **errp)
{
    json_object *args;
    uint64_t speed;

    if (!hmp_want_args(argc, 2, "block_job_set_speed JOB BYTES", errp)) {
        return;
    }
    if (!parse_size(argv[1], 1, &speed) || speed > INT64_MAX) {
        error_set(errp, "invalid speed '%s'", argv[1]);
        return;
    }
    args = json_object_new_object();
    hmp_add_text(args, "device", argv[0]);
    json_object_object_add(args, "speed", json_object_new_int64(speed));
    hmp_run_qmp(m, "block-job-set-speed", args, errp);
}
