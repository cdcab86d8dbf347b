/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "softmmu/backend/socket.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "softmmu/machine/machine.h"

void sock_addr_free(SockAddr *a)
{
    if (a) {
        g_free(a->host);
        g_free(a->port);
        g_free(a->path);
        g_free(a->fd);
        g_free(a);
    }
}

/* --- parsing --- */

/* "HOST:PORT"; the host may be empty or a bracketed IPv6 address. */
static bool split_host_port(SockAddr *a, const char *text, Error **errp)
{
    const char *colon = strrchr(text, ':');
    size_t len;

    if (!colon || colon[1] == '\0') {
        error_set(errp, "error parsing address '%s'", text);
        return false;
    }
    len = colon - text;
    if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    }
    a->host = g_strndup(text, len);
    a->port = g_strdup(colon + 1);
    return true;
}

/* The options that belong to the address; they leave @o. */
static bool take_options(SockAddr *a, json_object *o, Error **errp)
{
    g_autofree char *to = json_take_text(o, "to");
    uint64_t port = 0;

    if (to && (!parse_u64(to, &port) || port > UINT16_MAX)) {
        error_set(errp, "Parameter 'to' expects a port number");
        return false;
    }
    a->port_to = port;
    return json_take_bool(o, "ipv4", &a->want_ipv4, errp) &&
           json_take_bool(o, "ipv6", &a->want_ipv6, errp) &&
           json_take_bool(o, "abstract", &a->abstract, errp);
}

static bool parse_main(SockAddr *a, const char *text, Error **errp)
{
    if (g_str_has_prefix(text, "unix:")) {
        a->kind = SOCK_KIND_UNIX;
        a->path = g_strdup(text + 5);
        return true;
    }
    if (g_str_has_prefix(text, "fd:")) {
        a->kind = SOCK_KIND_FD;
        a->fd = g_strdup(text + 3);
        return true;
    }
    a->kind = SOCK_KIND_INET;
    return split_host_port(a, g_str_has_prefix(text, "tcp:") ? text + 4 : text,
                           errp);
}

SockAddr *sock_addr_parse(const char *text, json_object **rest, Error **errp)
{
    g_autoptr(SockAddr) a = g_new0(SockAddr, 1);
    json_object *o = keyval_parse(text, "addr", errp);
    g_autofree char *main_part = NULL;
    bool ok;

    if (!o) {
        return NULL;
    }
    main_part = json_take_text(o, "addr");
    if (!main_part) {
        error_set(errp, "error parsing address '%s'", text);
        json_object_put(o);
        return NULL;
    }
    ok = parse_main(a, main_part, errp) && take_options(a, o, errp);
    if (ok && !rest && json_object_object_length(o) > 0) {
        error_set(errp, "address '%s' has options that are not known", text);
        ok = false;
    }
    if (ok && rest) {
        *rest = json_object_get(o);
    }
    json_object_put(o);
    return ok ? g_steal_pointer(&a) : NULL;
}

static SockAddr *addr_from_members(json_object *o, const char *type,
                                   Error **errp)
{
    g_autoptr(SockAddr) a = g_new0(SockAddr, 1);

    if (strcmp(type, "unix") == 0) {
        a->kind = SOCK_KIND_UNIX;
        a->path = json_take_text(o, "path");
    } else if (strcmp(type, "inet") == 0) {
        a->kind = SOCK_KIND_INET;
        a->host = json_take_text(o, "host");
        a->port = json_take_text(o, "port");
    } else if (strcmp(type, "fd") == 0) {
        a->kind = SOCK_KIND_FD;
        a->fd = json_take_text(o, "str");
    } else {
        error_set(errp, "Parameter 'type' does not accept value '%s'", type);
        return NULL;
    }
    if (!a->path && !a->fd && (!a->host || !a->port)) {
        error_set(errp, "Parameter '%s' is missing",
                  a->kind == SOCK_KIND_UNIX ? "path"
                  : a->kind == SOCK_KIND_FD ? "str"
                  : a->host                 ? "port"
                                            : "host");
        return NULL;
    }
    return take_options(a, o, errp) ? g_steal_pointer(&a) : NULL;
}

SockAddr *sock_addr_from_json(json_object *json, Error **errp)
{
    json_object *data = json, *copy = NULL;
    const char *type = json_object_is_type(json, json_type_object)
                           ? json_get_text(json, "type")
                           : NULL;
    SockAddr *a;

    if (!type) {
        error_set(errp, "Parameter 'type' is missing");
        return NULL;
    }
    if (!json_object_object_get_ex(json, "data", &data)) {
        data = json; /* get_ex has cleared it */
    }
    if (!json_object_is_type(data, json_type_object)) {
        error_set(errp, "Invalid parameter type for 'data', expected: object");
        return NULL;
    }
    json_object_deep_copy(data, &copy, NULL);
    json_object_object_del(copy, "type");
    a = addr_from_members(copy, type, errp);
    json_object_put(copy);
    return a;
}

char *sock_addr_text(const SockAddr *a)
{
    switch (a->kind) {
    case SOCK_KIND_UNIX:
        return g_strdup_printf("unix:%s", a->path);
    case SOCK_KIND_FD:
        return g_strdup_printf("fd:%s", a->fd);
    case SOCK_KIND_INET:
        break;
    }
    return g_strdup_printf("tcp:%s:%s", a->host, a->port);
}

/* --- sockets --- */

static bool unix_sockaddr(const SockAddr *a, struct sockaddr_un *sa,
                          socklen_t *len, Error **errp)
{
    size_t skip = a->abstract ? 1 : 0, n = strlen(a->path);

    *sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (n == 0 || n + skip >= sizeof(sa->sun_path)) {
        error_set(errp, "UNIX socket path '%s' is too %s", a->path,
                  n ? "long" : "short");
        return false;
    }
    memcpy(sa->sun_path + skip, a->path, n);
    *len = offsetof(struct sockaddr_un, sun_path) + skip + n + (1 - skip);
    return true;
}

static struct addrinfo *resolve(const SockAddr *a, bool passive, Error **errp)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = passive ? AI_PASSIVE : 0 };
    struct addrinfo *list = NULL;
    int err;

    if (a->want_ipv4 != a->want_ipv6) {
        hints.ai_family = a->want_ipv4 ? AF_INET : AF_INET6;
    }
    err = getaddrinfo(a->host[0] ? a->host : NULL, a->port, &hints, &list);
    if (err) {
        error_set(errp, "address resolution failed for %s:%s: %s", a->host,
                  a->port, gai_strerror(err));
    }
    return list;
}

int sock_given_fd(Machine *m, const char *name, Error **errp)
{
    uint64_t number;
    int fd;

    if (!parse_u64(name, &number)) {
        if (m && m->named_fd) {
            return m->named_fd(m, name, errp);
        }
        error_set(errp, "No file descriptor named '%s' found", name);
        return -1;
    }
    fd = number <= INT_MAX ? (int)number : -1;
    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        error_set(errp, "File descriptor '%s' is not open", name);
        return -1;
    }
    return fd;
}

static int listen_fd(Machine *m, const SockAddr *a, Error **errp)
{
    int fd = sock_given_fd(m, a->fd, errp), listening = 0;
    socklen_t len = sizeof(listening);

    if (fd >= 0 &&
        (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 ||
         !listening)) {
        error_set(errp, "File descriptor '%s' is not a listening socket",
                  a->fd);
        return -1;
    }
    return fd;
}

static int listen_unix(const SockAddr *a, int backlog, Error **errp)
{
    struct sockaddr_un sa;
    socklen_t len;
    int fd;

    if (!unix_sockaddr(a, &sa, &len, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!a->abstract) {
        unlink(a->path); /* left by an earlier run */
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0 ||
        listen(fd, backlog) < 0) {
        error_set_errno(errp, errno, "Failed to bind socket to %s", a->path);
        close(fd);
        return -1;
    }
    return fd;
}

/* Bind to one address, trying ports up to @to. */
static int listen_one(const struct addrinfo *ai, uint16_t to, int backlog)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    /* The port has the same place in both families (RFC 3493, 3.2, 3.3). */
    struct sockaddr_in *sin = (struct sockaddr_in *)ai->ai_addr;
    unsigned port = ntohs(sin->sin_port);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (ai->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    do {
        sin->sin_port = htons(port);
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
            listen(fd, backlog) == 0) {
            return fd;
        }
    } while (errno == EADDRINUSE && port++ < to);
    one = errno;
    close(fd);
    errno = one;
    return -1;
}

int sock_listen(Machine *m, const SockAddr *a, int backlog, Error **errp)
{
    struct addrinfo *list;
    int fd = -1;

    backlog = MAX(backlog, 1);
    if (a->kind == SOCK_KIND_FD) {
        return listen_fd(m, a, errp);
    }
    if (a->kind == SOCK_KIND_UNIX) {
        return listen_unix(a, backlog, errp);
    }
    list = resolve(a, true, errp);
    if (!list) {
        return -1;
    }
    for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        fd = listen_one(ai, a->port_to, backlog);
    }
    if (fd < 0) {
        error_set_errno(errp, errno, "Failed to find an available port");
    }
    freeaddrinfo(list);
    return fd;
}

/* Connect, perhaps without waiting; -1 with errno. */
static int connect_one(int family, const struct sockaddr *sa, socklen_t len,
                       bool nonblock, bool *pending)
{
    int fd = socket(
        family, SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0);
    int err;

    if (fd < 0) {
        return -1;
    }
    if (connect(fd, sa, len) == 0) {
        return fd;
    }
    if (nonblock && errno == EINPROGRESS) {
        *pending = true;
        return fd;
    }
    err = errno;
    close(fd);
    errno = err;
    return -1;
}

int sock_connect(Machine *m, const SockAddr *a, bool nonblock, bool *pending,
                 Error **errp)
{
    g_autofree char *text = sock_addr_text(a);
    struct addrinfo *list;
    struct sockaddr_un sa;
    socklen_t len;
    bool unused;
    int fd = -1;

    pending = pending ? pending : &unused;
    *pending = false;
    if (a->kind == SOCK_KIND_FD) {
        return sock_given_fd(m, a->fd, errp);
    }
    if (a->kind == SOCK_KIND_UNIX) {
        if (!unix_sockaddr(a, &sa, &len, errp)) {
            return -1;
        }
        fd = connect_one(AF_UNIX, (struct sockaddr *)&sa, len, nonblock,
                         pending);
    } else {
        list = resolve(a, false, errp);
        if (!list) {
            return -1;
        }
        for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
            fd = connect_one(ai->ai_family, ai->ai_addr, ai->ai_addrlen,
                             nonblock, pending);
        }
        freeaddrinfo(list);
    }
    if (fd < 0) {
        error_set_errno(errp, errno, "Failed to connect to '%s'", text);
    }
    return fd;
}

/* --- names --- */

static char *name_text(const struct sockaddr_storage *ss, socklen_t len)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (ss->ss_family == AF_UNIX) {
        const struct sockaddr_un *sun = (const struct sockaddr_un *)ss;

        return g_strndup(sun->sun_path,
                         len - offsetof(struct sockaddr_un, sun_path));
    }
    if (getnameinfo((const struct sockaddr *)ss, len, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return g_strdup("");
    }
    return ss->ss_family == AF_INET6 ? g_strdup_printf("[%s]:%s", host, port)
                                     : g_strdup_printf("%s:%s", host, port);
}

char *sock_local_text(int fd)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof(ss);

    return getsockname(fd, (struct sockaddr *)&ss, &len) == 0
               ? name_text(&ss, len)
               : g_strdup("");
}

char *sock_peer_text(int fd)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof(ss);

    return getpeername(fd, (struct sockaddr *)&ss, &len) == 0
               ? name_text(&ss, len)
               : g_strdup("");
}
