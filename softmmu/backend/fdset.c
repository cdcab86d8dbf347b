/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of descriptors that stand for paths, "/dev/fdset/N". */
#include "tandem/base.h"

#include <fcntl.h>

#include "softmmu/backend/socket.h"
#include "softmmu/base/parse.h"
#include "softmmu/machine/machine.h"

typedef struct SetFd {
    int64_t set;
    int fd;
    char *opaque;
} SetFd;

struct FdSets {
    GPtrArray *fds; /* SetFd *, by set */
};

static void set_fd_free(gpointer p)
{
    SetFd *f = p;

    close(f->fd);
    g_free(f->opaque);
    g_free(f);
}

FdSets *fdsets_new(void)
{
    FdSets *sets = g_new0(FdSets, 1);

    sets->fds = g_ptr_array_new_with_free_func(set_fd_free);
    return sets;
}

void fdsets_free(FdSets *sets)
{
    if (sets) {
        g_ptr_array_unref(sets->fds);
        g_free(sets);
    }
}

int64_t fdsets_add(FdSets *sets, int64_t id, int fd, const char *opaque,
                   Error **errp)
{
    guint at = sets->fds->len;
    SetFd *f;

    if (id < -1) {
        error_set(errp, "Parameter 'fdset-id' expects a non-negative value");
        return -1;
    }
    for (guint i = 0; id == -1 && i <= sets->fds->len; i++) {
        bool used = false; /* the lowest number that no set has */

        for (guint j = 0; j < sets->fds->len; j++) {
            used |= ((SetFd *)sets->fds->pdata[j])->set == i;
        }
        id = used ? -1 : (int64_t)i;
    }
    while (at > 0 && ((SetFd *)sets->fds->pdata[at - 1])->set > id) {
        at--;
    }
    f = g_new0(SetFd, 1);
    *f = (SetFd){ id, fd, g_strdup(opaque) };
    g_ptr_array_insert(sets->fds, at, f);
    return id;
}

bool fdsets_remove(FdSets *sets, int64_t id, int fd, Error **errp)
{
    bool found = false;

    for (guint i = sets->fds->len; i-- > 0;) {
        SetFd *f = g_ptr_array_index(sets->fds, i);

        if (f->set == id && (fd < 0 || f->fd == fd)) {
            g_ptr_array_remove_index(sets->fds, i);
            found = true;
        }
    }
    if (!found) {
        error_set(errp,
                  "File descriptor named 'fdset-id:%" PRId64 "' not found", id);
    }
    return found;
}

void fdsets_each(FdSets *sets,
                 void (*fn)(int64_t id, int fd, const char *opaque, void *data),
                 void *data)
{
    for (guint i = 0; i < sets->fds->len; i++) {
        SetFd *f = g_ptr_array_index(sets->fds, i);

        fn(f->set, f->fd, f->opaque, data);
    }
}

/* A duplicate of the member whose access mode is @flags'. */
static int fdsets_open(FdSets *sets, int64_t id, int flags)
{
    errno = ENOENT;
    for (guint i = 0; i < sets->fds->len; i++) {
        SetFd *f = g_ptr_array_index(sets->fds, i);
        int have;

        if (f->set != id) {
            continue;
        }
        have = fcntl(f->fd, F_GETFL);
        if (have >= 0 && (have & O_ACCMODE) == (flags & O_ACCMODE)) {
            return fcntl(f->fd, F_DUPFD_CLOEXEC, 3);
        }
        errno = EACCES;
    }
    return -1;
}

int path_open(Machine *m, const char *path, int flags, mode_t mode)
{
    static const char prefix[] = "/dev/fdset/";
    uint64_t id;

    if (!g_str_has_prefix(path, prefix)) {
        return open(path, flags | O_CLOEXEC, mode);
    }
    if (!m || !m->fdsets || !parse_u64(path + strlen(prefix), &id) ||
        id > INT64_MAX) {
        errno = EINVAL;
        return -1;
    }
    return fdsets_open(m->fdsets, id, flags);
}
