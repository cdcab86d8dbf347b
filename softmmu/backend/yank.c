/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that may be cut: see yank.h. */
#include "tandem/base.h"

#include <sys/socket.h>

#include "softmmu/backend/yank.h"
#include "softmmu/base/lock.h"

struct YankList {
    Lock lock; /* a leaf: the owners, and all that they have */
    GPtrArray *owners;
};

struct YankOwner {
    YankList *list; /* constant */
    YankKind kind;  /* constant */
    char *id;       /* or NULL */
    GArray *fds;    /* int */
};

YankList *yank_list_new(void)
{
    YankList *list = g_new0(YankList, 1);

    lock_init(&list->lock);
    list->owners = g_ptr_array_new();
    return list;
}

void yank_list_free(YankList *list)
{
    assert(list->owners->len == 0);
    g_ptr_array_unref(list->owners);
    lock_destroy(&list->lock);
    g_free(list);
}

YankOwner *yank_register(Machine *m, YankKind kind, const char *id)
{
    YankOwner *owner = g_new0(YankOwner, 1);

    *owner = (YankOwner){ m->yank, kind, g_strdup(id),
                          g_array_new(FALSE, FALSE, sizeof(int)) };
    LOCK_GUARD(&m->yank->lock);
    g_ptr_array_add(m->yank->owners, owner);
    return owner;
}

void yank_unregister(YankOwner *owner)
{
    if (!owner) {
        return;
    }
    lock_acquire(&owner->list->lock);
    g_ptr_array_remove(owner->list->owners, owner);
    lock_release(&owner->list->lock);
    g_array_unref(owner->fds);
    g_free(owner->id);
    g_free(owner);
}

void yank_rename(YankOwner *owner, const char *id)
{
    LOCK_GUARD(&owner->list->lock);
    g_free(owner->id);
    owner->id = g_strdup(id);
}

/* Its place, or -1. */
static int place_locked(const YankOwner *owner, int fd)
{
    for (guint i = 0; i < owner->fds->len; i++) {
        if (g_array_index(owner->fds, int, i) == fd) {
            return (int)i;
        }
    }
    return -1;
}

void yank_watch(YankOwner *owner, int fd)
{
    LOCK_GUARD(&owner->list->lock);
    if (place_locked(owner, fd) < 0) {
        g_array_append_val(owner->fds, fd);
    }
}

void yank_forget(YankOwner *owner, int fd)
{
    int i;

    LOCK_GUARD(&owner->list->lock);
    i = place_locked(owner, fd);
    if (i >= 0) {
        g_array_remove_index_fast(owner->fds, (guint)i);
    }
}

static YankOwner *find_locked(YankList *list, const YankName *name)
{
    for (guint i = 0; i < list->owners->len; i++) {
        YankOwner *owner = g_ptr_array_index(list->owners, i);

        if (owner->kind == name->kind && g_strcmp0(owner->id, name->id) == 0) {
            return owner;
        }
    }
    return NULL;
}

bool yank_cut(Machine *m, const YankName *names, size_t n, Error **errp)
{
    YankList *list = m->yank;

    LOCK_GUARD(&list->lock);
    for (size_t i = 0; i < n; i++) {
        if (!find_locked(list, &names[i])) {
            error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Instance not found");
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        YankOwner *owner = find_locked(list, &names[i]);

        for (guint k = 0; k < owner->fds->len; k++) {
            shutdown(g_array_index(owner->fds, int, k), SHUT_RDWR);
        }
    }
    return true;
}

void yank_each(Machine *m, void (*fn)(const YankName *name, void *opaque),
               void *opaque)
{
    LOCK_GUARD(&m->yank->lock);
    for (guint i = 0; i < m->yank->owners->len; i++) {
        YankOwner *owner = g_ptr_array_index(m->yank->owners, i);
        YankName name = { owner->kind, owner->id };

        fn(&name, opaque);
    }
}
