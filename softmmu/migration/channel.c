/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where streams go to and come from, by URI. */
#include "tandem/base.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "internal.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/parse.h"
#include "softmmu/qmp/monitor.h"

/* --- file: --- */

/* "PATH[,offset=N]" */
static bool open_file(Channel *c, Machine *m, const char *spec, int flags,
                      Error **errp)
{
    const char *comma = strstr(spec, ",offset=");
    g_autofree char *path =
        comma ? g_strndup(spec, comma - spec) : g_strdup(spec);
    uint64_t offset = 0;

    if (comma && !parse_size(comma + strlen(",offset="), 1, &offset)) {
        error_set(errp, "file: offset '%s' is not a size",
                  comma + strlen(",offset="));
        return false;
    }
    c->fd = path_open(m, path, flags, 0660);
    if (c->fd < 0) {
        error_set_errno(errp, errno, "cannot open '%s'", path);
        return false;
    }
    if (offset && lseek(c->fd, offset, SEEK_SET) < 0) {
        error_set_errno(errp, errno, "cannot seek in '%s'", path);
        return false;
    }
    c->is_file = true;
    return true;
}

static bool file_out(Channel *c, Machine *m, const char *spec, Error **errp)
{
    return open_file(
        c, m, spec,
        O_WRONLY | O_CREAT | (strstr(spec, ",offset=") ? 0 : O_TRUNC), errp);
}

static bool file_in(Channel *c, Machine *m, const char *spec, Error **errp)
{
    return open_file(c, m, spec, O_RDONLY, errp);
}

/* --- exec: --- */

static bool spawn(Channel *c, const char *command, int *child_in,
                  int *child_out, Error **errp)
{
    const char *argv[] = { "/bin/sh", "-c", command, NULL };
    GError *err = NULL;

    if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
                                  G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                  &c->child, child_in, child_out, NULL, &err)) {
        error_set(errp, "exec: %s", err->message);
        g_error_free(err);
        return false;
    }
    fcntl(child_in ? *child_in : *child_out, F_SETFD, FD_CLOEXEC);
    return true;
}

static bool exec_out(Channel *c, Machine *m, const char *spec, Error **errp)
{
    return spawn(c, spec, &c->fd, NULL, errp);
}

static bool exec_in(Channel *c, Machine *m, const char *spec, Error **errp)
{
    return spawn(c, spec, NULL, &c->fd, errp);
}

/* --- fd: --- */

static bool fd_open(Channel *c, Machine *m, const char *spec, Error **errp)
{
    uint64_t number;

    if (parse_u64(spec, &number) && number <= INT_MAX) {
        c->fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
        if (c->fd < 0) {
            error_set_errno(errp, errno, "fd:%s", spec);
        }
    } else {
        c->fd = monitor_take_named_fd(m, NULL, spec, errp);
    }
    return c->fd >= 0;
}

/* --- unix:, tcp: --- */

/* @spec keeps its prefix: the address parser knows both. */
static bool socket_out(Channel *c, Machine *m, const char *spec, Error **errp)
{
    g_autoptr(SockAddr) a = sock_addr_parse(spec, NULL, errp);

    c->fd = a ? sock_connect(m, a, false, NULL, errp) : -1;
    return c->fd >= 0;
}

static bool socket_in(Channel *c, Machine *m, const char *spec, Error **errp)
{
    g_autoptr(SockAddr) a = sock_addr_parse(spec, NULL, errp);

    c->listen_fd = a ? sock_listen(m, a, 1, errp) : -1;
    if (c->listen_fd >= 0 && a->kind == SOCK_KIND_UNIX && !a->abstract) {
        c->unlink = g_strdup(a->path);
    }
    return c->listen_fd >= 0;
}

/* --- by prefix --- */

typedef bool OpenChannel(Channel *c, Machine *m, const char *spec,
                         Error **errp);
static const struct {
    const char *prefix;
    OpenChannel *out, *in;
    bool whole; /* they want the prefix too */
} schemes[] = {
    { "file:", file_out, file_in },
    { "exec:", exec_out, exec_in },
    { "fd:", fd_open, fd_open },
    { "unix:", socket_out, socket_in, true },
    { "tcp:", socket_out, socket_in, true },
};

static bool channel_open(Channel *c, Machine *m, const char *uri, bool out,
                         Error **errp)
{
    *c = (Channel){ .fd = -1, .listen_fd = -1, .yank = c->yank };
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        OpenChannel *fn = out ? schemes[i].out : schemes[i].in;

        if (!g_str_has_prefix(uri, schemes[i].prefix)) {
            continue;
        }
        if (!fn(c, m, schemes[i].whole ? uri : uri + strlen(schemes[i].prefix),
                errp)) {
            channel_close(c, NULL);
            return false;
        }
        if (c->fd >= 0) {
            yank_watch(c->yank, c->fd);
        }
        return true;
    }
    error_set(errp, "unknown migration protocol: %s", uri);
    return false;
}

bool channel_open_out(Channel *c, Machine *m, const char *uri, Error **errp)
{
    return channel_open(c, m, uri, true, errp);
}

bool channel_open_in(Channel *c, Machine *m, const char *uri, Error **errp)
{
    return channel_open(c, m, uri, false, errp);
}

bool channel_accept(Channel *c, _Atomic bool *cancel, Error **errp)
{
    while (c->fd < 0) {
        struct pollfd p = { c->listen_fd, POLLIN, 0 };

        if (atomic_load(cancel)) {
            error_set(errp, "loading was cancelled");
            return false;
        }
        if (poll(&p, 1, 100) == 1) {
            c->fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
            if (c->fd >= 0) {
                yank_watch(c->yank, c->fd);
            }
        }
    }
    return true;
}

bool channel_close(Channel *c, Error **errp)
{
    bool ok = true;
    int status = 0;

    if (c->fd >= 0) {
        if (c->is_file && fsync(c->fd) < 0 && errno != EINVAL &&
            errno != EROFS) {
            error_set_errno(errp, errno, "writing the stream failed");
            ok = false;
        }
        yank_forget(c->yank, c->fd);
        close(c->fd);
    }
    if (c->listen_fd >= 0) {
        close(c->listen_fd);
    }
    if (c->unlink) {
        unlink(c->unlink);
        g_clear_pointer(&c->unlink, g_free);
    }
    if (c->child) {
        if (waitpid(c->child, &status, 0) < 0 || status != 0) {
            if (ok) {
                error_set(errp, "exec: the command failed with status %d",
                          WIFEXITED(status) ? WEXITSTATUS(status) : -1);
            }
            ok = false;
        }
        c->child = 0;
    }
    c->fd = c->listen_fd = -1;
    return ok;
}
