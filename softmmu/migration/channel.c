/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where streams go to and come from, by URI. */
#include "tandem/base.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "internal.h"
#include "softmmu/base/parse.h"
#include "softmmu/qmp/monitor.h"

/* --- file: --- */

/* "PATH[,offset=N]" */
static bool open_file(Channel *c, const char *spec, int flags, Error **errp)
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
    c->fd = open(path, flags | O_CLOEXEC, 0660);
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
        c, spec, O_WRONLY | O_CREAT | (strstr(spec, ",offset=") ? 0 : O_TRUNC),
        errp);
}

static bool file_in(Channel *c, Machine *m, const char *spec, Error **errp)
{
    return open_file(c, spec, O_RDONLY, errp);
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

/* --- fd:
 * ------------------------------------------------------------------------------
 */

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

static bool unix_address(const char *path, struct sockaddr_un *sa, Error **errp)
{
    *sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(sa->sun_path)) {
        error_set(errp, "UNIX socket path '%s' is too long", path);
        return false;
    }
    strcpy(sa->sun_path, path);
    return true;
}

static bool unix_out(Channel *c, Machine *m, const char *path, Error **errp)
{
    struct sockaddr_un sa;

    if (!unix_address(path, &sa, errp)) {
        return false;
    }
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        error_set_errno(errp, errno, "cannot connect to '%s'", path);
        return false;
    }
    return true;
}

static bool unix_in(Channel *c, Machine *m, const char *path, Error **errp)
{
    struct sockaddr_un sa;

    if (!unix_address(path, &sa, errp)) {
        return false;
    }
    unlink(path);
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->listen_fd < 0 ||
        bind(c->listen_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
        listen(c->listen_fd, 1) < 0) {
        error_set_errno(errp, errno, "cannot listen on '%s'", path);
        return false;
    }
    c->unlink = g_strdup(path);
    return true;
}

/* "HOST:PORT", "[V6]:PORT", ":PORT" */
static struct addrinfo *resolve(const char *spec, bool passive, Error **errp)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = passive ? AI_PASSIVE : 0 };
    const char *colon = strrchr(spec, ':');
    g_autofree char *host = NULL;
    struct addrinfo *list = NULL;
    size_t len;
    int err;

    if (!colon || !colon[1]) {
        error_set(errp, "error parsing address '%s': no port", spec);
        return NULL;
    }
    host = g_strndup(spec, colon - spec);
    len = strlen(host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        memmove(host, host + 1, len - 1);
    }
    err = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &list);
    if (err) {
        error_set(errp, "address resolution failed for %s: %s", spec,
                  gai_strerror(err));
    }
    return list;
}

static bool tcp_out(Channel *c, Machine *m, const char *spec, Error **errp)
{
    struct addrinfo *list = resolve(spec, false, errp);
    int err = ECONNREFUSED;

    if (!list) {
        return false;
    }
    for (struct addrinfo *a = list; a && c->fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            c->fd = fd;
        } else {
            err = errno;
            close(fd);
        }
    }
    freeaddrinfo(list);
    if (c->fd < 0) {
        error_set_errno(errp, err, "Failed to connect to '%s'", spec);
    }
    return c->fd >= 0;
}

static bool tcp_in(Channel *c, Machine *m, const char *spec, Error **errp)
{
    struct addrinfo *list = resolve(spec, true, errp);
    int one = 1, err = EADDRNOTAVAIL;

    if (!list) {
        return false;
    }
    for (struct addrinfo *a = list; a && c->listen_fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
            listen(fd, 1) == 0) {
            c->listen_fd = fd;
        } else {
            err = errno;
            close(fd);
        }
    }
    freeaddrinfo(list);
    if (c->listen_fd < 0) {
        error_set_errno(errp, err, "Failed to listen on '%s'", spec);
    }
    return c->listen_fd >= 0;
}

/* --- by prefix
 * ----------------------------------------------------------------------------------
 */

typedef bool OpenChannel(Channel *c, Machine *m, const char *spec,
                         Error **errp);
static const struct {
    const char *prefix;
    OpenChannel *out, *in;
} schemes[] = {
    { "file:", file_out, file_in }, { "exec:", exec_out, exec_in },
    { "fd:", fd_open, fd_open },    { "unix:", unix_out, unix_in },
    { "tcp:", tcp_out, tcp_in },
};

static bool channel_open(Channel *c, Machine *m, const char *uri, bool out,
                         Error **errp)
{
    *c = (Channel){ .fd = -1, .listen_fd = -1 };
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        OpenChannel *fn = out ? schemes[i].out : schemes[i].in;

        if (!g_str_has_prefix(uri, schemes[i].prefix)) {
            continue;
        }
        if (!fn(c, m, uri + strlen(schemes[i].prefix), errp)) {
            channel_close(c, NULL);
            return false;
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
