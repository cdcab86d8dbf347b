/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices and descriptor sets: schema/char.json. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/keyval.h"
#include "softmmu/machine/create.h"

ChardevInfoList *qmp_query_chardev(Machine *m, Error **errp)
{
    GPtrArray *all = m->chardevs->children;
    ChardevInfoList *list = NULL;

    for (guint i = 0; all && i < all->len; i++) {
        Chardev *chr = g_ptr_array_index(all, i);
        ChardevInfo *info = g_new0(ChardevInfo, 1);

        info->label = g_strdup(chardev_id(chr));
        info->filename = chardev_filename(chr);
        info->frontend_open = chardev_busy(chr);
        qlist_append(&qtype_list_chardev_info, &list, &info);
    }
    return list;
}

ChardevBackendInfoList *qmp_query_chardev_backends(Machine *m, Error **errp)
{
    static const char prefix[] = "chardev-";
    const ObjectType *base = type_find(m->view, "chardev");
    g_autoptr(GPtrArray) types = type_list(m->view, base, false);
    ChardevBackendInfoList *list = NULL;

    for (guint i = 0; i < types->len; i++) {
        const ObjectType *t = g_ptr_array_index(types, i);
        ChardevBackendInfo *info = g_new0(ChardevBackendInfo, 1);

        info->name = g_strdup(t->name + strlen(prefix));
        qlist_append(&qtype_list_chardev_backend_info, &list, &info);
    }
    return list;
}

bool qmp_chardev_remove(Machine *m, const ChardevRemoveArgs *a, Error **errp)
{
    return chardev_remove(m, a->id, errp);
}

/* --- chardev-add --- */

/* Names that QMP and the command line spell differently. */
static const struct {
    const char *qmp, *option;
} option_names[] = {
    { "device", "path" }, /* serial, pipe, parallel */
    { "out", "path" },    /* file */
    { "in", "input-path" },
};

/* {"addr": {"type": "inet", "data": {"host": ...}}} -> {"host": ...} */
static void flatten_address(json_object *addr, json_object *out)
{
    json_object *data = addr;
    const char *type = json_get_text(addr, "type");

    json_object_object_get_ex(addr, "data", &data);
    json_object_object_foreach(data, key, value)
    {
        if (strcmp(key, "type") == 0) {
            continue;
        }
        if (g_strcmp0(type, "fd") == 0 && strcmp(key, "str") == 0) {
            key = (char *)"fd";
        }
        json_object_object_add(out, key, json_object_get(value));
    }
}

/* The options as -chardev takes them. */
static json_object *flatten_options(const ChardevBackend *b)
{
    json_object *out = json_object_new_object(), *server;

    if (strcmp(b->type, "socket") == 0) { /* the QMP default */
        json_object_object_add(out, "server", json_object_new_boolean(true));
    }
    if (!json_object_is_type(b->data, json_type_object)) {
        return out;
    }
    json_object_object_foreach(b->data, key, value)
    {
        if (strcmp(key, "addr") == 0) {
            flatten_address(value, out);
            continue;
        }
        for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
            if (strcmp(key, option_names[i].qmp) == 0) {
                key = (char *)option_names[i].option;
            }
        }
        json_object_object_add(out, key, json_object_get(value));
    }
    if (json_object_object_get_ex(out, "server", &server) &&
        json_object_get_boolean(server) &&
        !json_object_object_get_ex(out, "wait", NULL)) {
        json_object_object_add(out, "wait", json_object_new_boolean(false));
    }
    return out;
}

/* What was made; NULL stays NULL. */
static ChardevReturn *made(Chardev *chr)
{
    ChardevReturn *result = chr ? g_new0(ChardevReturn, 1) : NULL;
    g_autofree char *name = chr ? chardev_filename(chr) : NULL;

    if (name && g_str_has_prefix(name, "pty:")) {
        result->pty = g_strdup(name + 4);
    }
    return result;
}

ChardevReturn *qmp_chardev_add(Machine *m, const ChardevAddArgs *a,
                               Error **errp)
{
    json_object *options = flatten_options(a->backend);
    Chardev *chr = NULL;

    if (!id_valid(a->id)) {
        error_set(errp, "Parameter 'id' expects an identifier");
    } else {
        chr = chardev_new(m, a->id, a->backend->type, options, errp);
    }
    json_object_put(options);
    return made(chr);
}

ChardevReturn *qmp_chardev_change(Machine *m, const ChardevChangeArgs *a,
                                  Error **errp)
{
    json_object *options = flatten_options(a->backend);
    Chardev *chr = chardev_change(m, a->id, a->backend->type, options, errp);

    json_object_put(options);
    return made(chr);
}

bool qmp_chardev_send_break(Machine *m, const ChardevSendBreakArgs *a,
                            Error **errp)
{
    Chardev *chr = chardev_find(m, a->id);

    if (!chr) {
        error_set(errp, "Chardev '%s' not found", a->id);
        return false;
    }
    chardev_inject_break(chr);
    return true;
}

/* --- ring buffers --- */

char *qmp_ringbuf_read(Machine *m, const RingbufReadArgs *a, Error **errp)
{
    g_autoptr(GByteArray) data = NULL;

    if (a->size <= 0) {
        error_set(errp, "size must be greater than zero");
        return NULL;
    }
    data = chardev_ringbuf_read(m, a->device, a->size, errp);
    if (!data) {
        return NULL;
    }
    if (a->has_format && a->format == DATA_FORMAT_BASE64) {
        return g_base64_encode(data->data, data->len);
    }
    return g_utf8_make_valid((const char *)data->data, data->len);
}

bool qmp_ringbuf_write(Machine *m, const RingbufWriteArgs *a, Error **errp)
{
    g_autofree uint8_t *decoded = NULL;
    gsize len = strlen(a->data);

    if (a->has_format && a->format == DATA_FORMAT_BASE64) {
        decoded = g_base64_decode(a->data, &len);
    }
    return chardev_ringbuf_feed(
        m, a->device, decoded ? decoded : (const uint8_t *)a->data, len, errp);
}

/* --- descriptor sets --- */

AddfdInfo *qmp_add_fd(Monitor *mon, const AddFdArgs *a, Error **errp)
{
    int fd = mon ? monitor_take_fd(mon) : -1;
    AddfdInfo *info;
    int64_t id;

    if (fd < 0) {
        error_set(errp, "No file descriptor supplied via SCM_RIGHTS");
        return NULL;
    }
    id = fdsets_add(mon->m->fdsets, a->has_fdset_id ? a->fdset_id : -1, fd,
                    a->opaque, errp);
    if (id < 0) {
        close(fd);
        return NULL;
    }
    info = g_new0(AddfdInfo, 1);
    *info = (AddfdInfo){ id, fd };
    return info;
}

bool qmp_remove_fd(Machine *m, const RemoveFdArgs *a, Error **errp)
{
    return fdsets_remove(m->fdsets, a->fdset_id, a->has_fd ? a->fd : -1, errp);
}

static void collect_set(int64_t id, int fd, const char *opaque, void *data)
{
    FdsetInfoList **list = data;
    FdsetInfo *set = *list ? (*list)->items[(*list)->n - 1] : NULL;
    FdsetFdInfo *info = g_new0(FdsetFdInfo, 1);

    if (!set || set->fdset_id != id) {
        set = g_new0(FdsetInfo, 1);
        set->fdset_id = id;
        qlist_append(&qtype_list_fdset_info, list, &set);
    }
    info->fd = fd;
    info->opaque = g_strdup(opaque);
    qlist_append(&qtype_list_fdset_fd_info, &set->fds, &info);
}

FdsetInfoList *qmp_query_fdsets(Machine *m, Error **errp)
{
    FdsetInfoList *list = NULL;

    fdsets_each(m->fdsets, collect_set, &list);
    return list;
}
