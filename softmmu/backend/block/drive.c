/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -drive: one option that builds a protocol node, a format node, perhaps a
 * snapshot layer, and the BlockBackend over them. */
#include "tandem/base.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "bitmap.h"
#include "throttle.h"
#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "softmmu/machine/create.h"

/* What cache= stands for. */
static const struct {
    const char *name;
    bool direct, no_flush, write_cache;
} cache_modes[] = {
    { "writeback", false, false, true },
    { "none", true, false, true },
    { "writethrough", false, false, false },
    { "directsync", true, false, false },
    { "unsafe", false, true, true },
};

/* Formats that are known by their first bytes and that we do not read. */
static const struct {
    const char *magic;
    size_t len;
    const char *name;
} foreign[] = {
    { "QFI\xfb", 4, "qcow2" },
    { "KDMV", 4, "vmdk" },
    { "vhdxfile", 8, "vhdx" },
    { "conectix", 8, "vpc" },
};

static const char *foreign_format(Machine *m, BlockNode *file)
{
    char head[BLOCK_SECTOR] = { 0 };
    struct iovec iov = { head, sizeof(head) };

    if (block_node_length(file) < sizeof(head) ||
        block_node_io(file, BLOCK_READ, 0, sizeof(head), &iov, 1, 0) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
        if (memcmp(head, foreign[i].magic, foreign[i].len) == 0) {
            return foreign[i].name;
        }
    }
    return NULL;
}

static bool parse_on_error(char *text, bool write, BlockOnError *out,
                           const char *key, Error **errp)
{
    static const char *const names[] = {
        [BLOCK_ON_ERROR_REPORT] = "report",
        [BLOCK_ON_ERROR_IGNORE] = "ignore",
        [BLOCK_ON_ERROR_ENOSPC] = "enospc",
        [BLOCK_ON_ERROR_STOP] = "stop",
    };
    g_autofree char *owned G_GNUC_UNUSED = text; /* freed on every way out */

    for (size_t i = 0; text && i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], text) == 0 &&
            (write || i != BLOCK_ON_ERROR_ENOSPC)) {
            *out = i;
            return true;
        }
    }
    if (text) {
        error_set(errp, "'%s' invalid %s error action", text,
                  write ? "write" : "read");
    }
    return !text;
}

/* What of -drive's options is not the nodes'. */
typedef struct DriveOptions {
    char *id, *interface, *file, *format, *serial, *media, *aio;
    uint64_t index, bus;
    bool has_index, read_only, snapshot, write_cache, copy_on_read;
    BlockOnError rerror, werror;
    BlockThrottle throttle;
} DriveOptions;

static void options_clear(DriveOptions *d)
{
    g_free(d->id);
    g_free(d->interface);
    g_free(d->file);
    g_free(d->format);
    g_free(d->serial);
    g_free(d->media);
    g_free(d->aio);
    g_free(d->throttle.group);
}

/* "file" is a name, or the options of the node below (file.x=y). */
static bool take_file(DriveOptions *d, json_object *o, json_object *file,
                      Error **errp)
{
    json_object *inner = NULL;

    if (!json_object_object_get_ex(o, "file", &inner) ||
        !json_object_is_type(inner, json_type_object)) {
        d->file = json_take_text(o, "file");
        return true;
    }
    json_object_object_foreach(inner, key, value)
    {
        json_object_object_add(file, key, json_object_get(value));
    }
    d->file = json_take_text(file, "filename");
    if (!d->file) {
        d->file = g_strdup("");
    }
    json_object_object_del(o, "file");
    return true;
}

static bool take_cache_mode(DriveOptions *d, json_object *o, json_object *file,
                            Error **errp)
{
    json_object *cache = NULL;
    const char *text;

    d->write_cache = true;
    if (!json_object_object_get_ex(o, "cache", &cache)) {
        return true;
    }
    if (json_object_is_type(cache, json_type_object)) { /* cache.direct=... */
        if (!json_take_bool(cache, "writeback", &d->write_cache, errp)) {
            return false;
        }
        json_object_object_add(file, "cache", json_object_get(cache));
        json_object_object_del(o, "cache");
        return true;
    }
    text = json_object_get_string(cache);
    for (size_t i = 0; i < ARRAY_SIZE(cache_modes); i++) {
        if (strcmp(cache_modes[i].name, text) == 0) {
            json_object *c = json_object_new_object();

            json_object_object_add(
                c, "direct", json_object_new_boolean(cache_modes[i].direct));
            json_object_object_add(
                c, "no-flush",
                json_object_new_boolean(cache_modes[i].no_flush));
            json_object_object_add(file, "cache", c);
            d->write_cache = cache_modes[i].write_cache;
            json_object_object_del(o, "cache");
            return true;
        }
    }
    error_set(errp, "invalid cache option");
    return false;
}

static bool take_index(DriveOptions *d, json_object *o, Error **errp)
{
    g_autofree char *unit = json_take_text(o, "unit");
    g_autofree char *index = json_take_text(o, "index");
    const char *text = index ? index : unit;

    if (index && unit) {
        error_set(errp, "index cannot be used with bus and unit");
        return false;
    }
    if (!json_take_size(o, "bus", 1, &d->bus, errp)) {
        return false;
    }
    d->has_index = text != NULL;
    if (text && (!parse_u64(text, &d->index) || d->index > 1024)) {
        error_set(errp, "Parameter 'index' expects a small number");
        return false;
    }
    return true;
}

/* Where a drive may sit; a board says later whether it has such places. */
static bool check_names(const DriveOptions *d, Error **errp)
{
    static const char *const interfaces[] = {
        "none", "virtio", "pflash", "ide", "scsi",
        "sd",   "mtd",    "floppy", "xen", NULL,
    };

    if (d->interface && !g_strv_contains(interfaces, d->interface)) {
        error_set(errp, "unsupported bus type '%s'", d->interface);
        error_suggest(errp, d->interface, (const char **)interfaces);
        return false;
    }
    if (d->id && !id_valid(d->id)) {
        error_set(errp, "Parameter 'id' expects an identifier");
        error_hint(errp, "Identifiers consist of letters, digits, '-', '.', "
                         "'_', starting with a letter.");
        return false;
    }
    if (d->media && strcmp(d->media, "disk") != 0 &&
        strcmp(d->media, "cdrom") != 0) {
        error_set(errp, "'%s' invalid media", d->media);
        return false;
    }
    return true;
}

static bool take_options(DriveOptions *d, json_object *o, json_object *file,
                         Error **errp)
{
    d->id = json_take_text(o, "id");
    d->interface = json_take_text(o, "if");
    d->format = json_take_text(o, "format");
    d->serial = json_take_text(o, "serial");
    d->media = json_take_text(o, "media");
    d->rerror = BLOCK_ON_ERROR_REPORT;
    d->werror = BLOCK_ON_ERROR_ENOSPC;
    if (!d->format) {
        d->format = json_take_text(o, "driver"); /* the same, newer */
    }
    d->read_only = d->media && strcmp(d->media, "cdrom") == 0;
    return check_names(d, errp) && take_file(d, o, file, errp) &&
           block_throttle_take(&d->throttle, o, errp) &&
           take_index(d, o, errp) && take_cache_mode(d, o, file, errp) &&
           json_take_bool(o, "snapshot", &d->snapshot, errp) &&
           json_take_bool(o, "copy-on-read", &d->copy_on_read, errp) &&
           json_take_bool(o, "readonly", &d->read_only, errp) &&
           json_take_bool(o, "read-only", &d->read_only, errp) &&
           parse_on_error(json_take_text(o, "rerror"), false, &d->rerror,
                          "rerror", errp) &&
           parse_on_error(json_take_text(o, "werror"), true, &d->werror,
                          "werror", errp);
}

static void move_text(json_object *from, json_object *to, const char *key)
{
    json_object *value;

    if (json_object_object_get_ex(from, key, &value)) {
        json_object_object_add(to, key, json_object_get(value));
        json_object_object_del(from, key);
    }
}

/* The protocol node; @options are those of the file. */
static BlockNode *open_file(Machine *m, DriveOptions *d, json_object *options,
                            Error **errp)
{
    struct stat st;
    bool device = stat(d->file, &st) == 0 && S_ISBLK(st.st_mode);

    if (!json_object_object_get_ex(options, "driver", NULL)) {
        json_object_object_add(
            options, "driver",
            json_object_new_string(device ? "host_device" : "file"));
    }
    if (d->file[0]) {
        json_object_object_add(options, "filename",
                               json_object_new_string(d->file));
    }
    json_object_object_add(
        options, "read-only",
        json_object_new_boolean(d->read_only || d->snapshot));
    return block_node_open(m, options, errp);
}

static bool check_format(Machine *m, DriveOptions *d, BlockNode *file,
                         Error **errp)
{
    const char *found;

    if (d->format && strcmp(d->format, "raw") != 0) {
        error_set(errp, "Unknown driver '%s'", d->format);
        error_hint(errp, "the formats are: raw");
        return false;
    }
    found = d->format ? NULL : foreign_format(m, file);
    if (found) {
        error_set(errp, "image '%s' has format %s, which is not supported",
                  d->file, found);
        error_hint(errp, "convert it with qemu-img, or say format=raw");
        return false;
    }
    return true;
}

/* -drive, unlike -blockdev, takes detect-zeroes=unmap without discard=unmap;
 * it comes to "on", as unmapping needs both. */
static bool unmaps(json_object *options)
{
    const char *zeroes = json_get_text(options, "detect-zeroes");
    const char *discard = json_get_text(options, "discard");

    return !zeroes || strcmp(zeroes, "unmap") != 0 ||
           (discard &&
            (strcmp(discard, "unmap") == 0 || strcmp(discard, "on") == 0));
}

/* A format node on @file; takes its reference. */
static BlockNode *open_format(Machine *m, DriveOptions *d, json_object *o,
                              BlockNode *file, Error **errp)
{
    json_object *options = json_object_new_object();
    BlockNode *node;

    json_object_object_add(options, "driver", json_object_new_string("raw"));
    json_object_object_add(options, "file", json_object_new_string(file->name));
    json_object_object_add(
        options, "read-only",
        json_object_new_boolean(d->read_only || d->snapshot));
    move_text(o, options, "discard");
    move_text(o, options, "detect-zeroes");
    if (!unmaps(options)) {
        json_object_object_add(options, "detect-zeroes",
                               json_object_new_string("on"));
    }
    move_text(o, options, "node-name");
    move_text(o, options, "offset");
    move_text(o, options, "size");
    node = block_node_open(m, options, errp);
    json_object_put(options);
    return node;
}

/* Takes the reference to @node, or NULL. */
static BlockNode *put_copy_on_read(Machine *m, BlockNode *node, Error **errp)
{
    json_object *options;
    BlockNode *filter;

    if (!node || node->read_only) {
        if (node) {
            warn_report("disabling copy-on-read on read-only drive");
        }
        return node;
    }
    options = json_object_new_object();
    json_object_object_add(options, "driver",
                           json_object_new_string("copy-on-read"));
    json_object_object_add(options, "file", json_object_new_string(node->name));
    filter = block_node_open(m, options, errp);
    json_object_put(options);
    block_node_drop(node);
    if (filter) {
        filter->implicit = true; /* jobs and queries mean what is below */
    }
    return filter;
}

static BlockNode *open_graph(Machine *m, DriveOptions *d, json_object *o,
                             json_object *file_options, Error **errp)
{
    BlockNode *file, *node, *overlay;

    move_text(o, file_options, "aio");
    move_text(o, file_options, "locking");
    move_text(o, file_options, "auto-read-only");
    move_text(o, file_options, "force-share");
    file = open_file(m, d, file_options, errp);
    if (!file) {
        return NULL;
    }
    node = check_format(m, d, file, errp) ? open_format(m, d, o, file, errp)
                                          : NULL;
    block_node_drop(file);
    if (!node || !d->snapshot) {
        return node;
    }
    overlay = block_overlay_new(m, node, errp);
    block_node_drop(node);
    return overlay;
}

static BlockNode *open_top(Machine *m, DriveOptions *d, json_object *o,
                           json_object *file_options, Error **errp)
{
    BlockNode *node = open_graph(m, d, o, file_options, errp);

    return d->copy_on_read ? put_copy_on_read(m, node, errp) : node;
}

/* "virtio0", "pflash1": what a drive without an id is called. */
static char *default_id(const DriveOptions *d, const char *interface,
                        unsigned n)
{
    return d->id ? g_strdup(d->id) : g_strdup_printf("%s%u", interface, n);
}

static DriveInfo *make_drive(Machine *m, DriveOptions *d, json_object *o,
                             json_object *file_options, const char *interface,
                             Error **errp)
{
    unsigned n = 0;
    BlockNode *node = NULL;
    DriveInfo *info;

    for (guint i = 0; i < m->config.drives->len; i++) {
        DriveInfo *other = g_ptr_array_index(m->config.drives, i);

        n += strcmp(other->interface, interface) == 0;
    }
    if (d->file) {
        node = open_top(m, d, o, file_options, errp);
        if (!node) {
            return NULL;
        }
    }
    json_object_object_foreach(o, key, value)
    {
        (void)value;
        error_set(errp, "Block format 'raw' does not support the option '%s'",
                  key);
        block_node_drop(node);
        return NULL;
    }
    info = g_new0(DriveInfo, 1);
    info->id = default_id(d, interface, n);
    info->interface = g_strdup(interface);
    info->index = d->has_index ? (int)d->index : -1;
    info->bus = (int)MIN(d->bus, INT_MAX);
    info->blk = block_backend_new(m, info->id, node);
    info->blk->serial = g_steal_pointer(&d->serial);
    info->blk->write_cache = d->write_cache;
    block_backend_throttle(info->blk, &d->throttle);
    info->blk->on_read_error = d->rerror;
    info->blk->on_write_error = d->werror;
    object_unref(node); /* the back end's reference keeps it */
    g_ptr_array_add(m->config.drives, info);
    return info;
}

json_object *drive_parse(const char *text, Error **errp)
{
    g_autoptr(GString) plain = g_string_new(NULL);
    const char *p = text;

    if (text[0] == '{' || !strstr(text, "file.")) {
        return keyval_parse(text, NULL, errp);
    }
    while (*p) {
        const char *end = p;

        while (*end && !(end[0] == ',' && end[1] != ',')) {
            end += end[0] == ',' ? 2 : 1;
        }
        if (g_str_has_prefix(p, "file=")) {
            g_string_append(plain, "file.filename=");
            p += strlen("file=");
        }
        end += *end == ',';
        g_string_append_len(plain, p, end - p);
        p = end;
    }
    return keyval_parse(plain->str, NULL, errp);
}

DriveInfo *drive_add(Machine *m, json_object *options, bool snapshot,
                     Error **errp)
{
    json_object *file_options = json_object_new_object();
    DriveOptions d = { .snapshot = snapshot };
    DriveInfo *info = NULL;

    if (take_options(&d, options, file_options, errp)) {
        const char *interface = d.interface         ? d.interface
                                : m->type->block_default ? m->type->block_default
                                                         : "none";

        if (d.id && (block_backend_find(m, d.id) || block_node_find(m, d.id))) {
            error_set(errp, "Device with id '%s' already exists", d.id);
        } else {
            info = make_drive(m, &d, options, file_options, interface, errp);
        }
    }
    options_clear(&d);
    json_object_put(file_options);
    return info;
}

static void info_free(DriveInfo *info)
{
    g_free(info->id);
    g_free(info->interface);
    g_free(info);
}

static DriveInfo *find_info(Machine *m, const char *id)
{
    for (guint i = 0; i < m->config.drives->len; i++) {
        DriveInfo *info = g_ptr_array_index(m->config.drives, i);

        if (g_strcmp0(info->id, id) == 0) {
            return info;
        }
    }
    return NULL;
}

bool drive_del(Machine *m, const char *id, Error **errp)
{
    DriveInfo *info = find_info(m, id);
    BlockNode *node = info ? block_find_root(m, id, NULL) : NULL;

    if (!info && block_node_find(m, id)) {
        return blockdev_del(m, id, errp);
    }
    if (!info) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                        id);
        return false;
    }
    if (node && node->jobs > 0) {
        error_set(errp,
                  "Node '%s' is busy: block device is in use by a block job",
                  node->name);
        return false;
    }
    block_backend_retire(info->blk);
    g_ptr_array_remove(m->config.drives, info);
    info_free(info);
    return true;
}

/* Drives without an index are counted in their order. */
DriveInfo *drive_find(Machine *m, const char *interface, int index)
{
    int n = 0;

    for (guint i = 0; i < m->config.drives->len; i++) {
        DriveInfo *info = g_ptr_array_index(m->config.drives, i);

        if (strcmp(info->interface, interface) != 0 || info->bus > 0) {
            continue;
        }
        if (info->index >= 0 ? info->index == index : n == index) {
            return info;
        }
        n++;
    }
    return NULL;
}

bool drives_all_used(Machine *m, Error **errp)
{
    for (guint i = 0; i < m->config.drives->len; i++) {
        DriveInfo *info = g_ptr_array_index(m->config.drives, i);

        if (!info->used && strcmp(info->interface, "none") != 0) {
            error_set(errp,
                      "-drive id=%s: machine type does not support "
                      "if=%s,bus=%d,unit=%d",
                      info->id, info->interface, info->bus,
                      MAX(info->index, 0));
            return false;
        }
    }
    return true;
}

void drives_free(Machine *m)
{
    GPtrArray *drives = m->config.drives;

    for (guint i = 0; i < drives->len; i++) {
        info_free(g_ptr_array_index(drives, i));
    }
    g_ptr_array_set_size(drives, 0);
}

bool blockdev_add(Machine *m, json_object *options, Error **errp)
{
    BlockNode *node;

    if (!json_get_text(options, "node-name")) {
        error_set(errp, "'node-name' must be specified for the root node");
        return false;
    }
    node = block_node_open(m, options, errp);
    object_unref(node); /* the tree's reference keeps it */
    return node != NULL;
}

/* What a device uses stays active while the machine runs. */
static bool may_inactivate(BlockNode *node, Error **errp)
{
    if (node->jobs > 0) {
        error_set(errp, "Node '%s' is in use by a block job", node->name);
        return false;
    }
    if (machine_running(node->m) && node->users > 0) {
        error_set(errp, "Node '%s' is in use; stop the machine first",
                  node->name);
        return false;
    }
    return true;
}

bool blockdev_set_active(Machine *m, const char *name, bool active,
                         Error **errp)
{
    BlockNode *node = name ? block_node_find(m, name) : NULL;

    if (name && !node) {
        error_set(errp, "Failed to find node with node-name='%s'", name);
        return false;
    }
    if (node) {
        bool ok = (active || may_inactivate(node, errp)) &&
                  block_node_set_active(node, active, errp);

        block_bitmaps_resized(m);
        return ok;
    }
    if (!active && machine_running(m)) {
        error_set(errp, "Stop the machine before its disks are inactivated");
        return false;
    }
    return active ? block_activate_all(m, errp) : block_inactivate_all(m, errp);
}

bool blockdev_del(Machine *m, const char *name, Error **errp)
{
    BlockNode *node = block_node_find(m, name);

    if (!node) {
        error_set(errp, "Failed to find node with node-name='%s'", name);
        return false;
    }
    if (node->users > 0) {
        error_set(errp, "Node %s is in use", name);
        return false;
    }
    object_unparent(node);
    return true;
}
