/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stream sockets: server or client, UNIX or TCP, plain or telnet (RFC 854),
 * with descriptors passed along on UNIX sockets (unix(7), SCM_RIGHTS).
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "internal.h"
#include "softmmu/backend/socket.h"
#include "softmmu/backend/yank.h"
#include "softmmu/base/parse.h"

enum { SOCKET_FDS_MAX = 16 };

typedef struct SocketChardev {
    Chardev parent;
    /* properties */
    char *host, *port, *path, *fd;
    bool server, nodelay, telnet, abstract, ipv4, ipv6;
    bool websocket, tn3270;
    char *tls_creds, *tls_authz;
    int wait; /* ON_OFF_AUTO_x; auto: a server does */
    uint16_t to;
    uint64_t reconnect_s, reconnect_ms;
    /* the rest */
    SockAddr *addr;
    LoopContext *ctx; /* where listen_fd or connecting is watched */
    int listen_fd;    /* -1: no server, or a client is connected */
    bool listening;   /* listen_fd is watched */
    int connecting;   /* non-blocking connect under way, else -1 */
    FdStream stream;  /* the connection */
    Timer retry;
    int fds[SOCKET_FDS_MAX];
    int n_fds;
    int fds_out[SOCKET_FDS_MAX];
    int n_fds_out;
    int telnet_state; /* of the command being read */
} SocketChardev;

static SocketChardev *socket_of(Chardev *chr)
{
    return object_cast(chr, &chardev_socket_type);
}

static void update_watch(SocketChardev *s);
static void try_connect(void *opaque);

/* --- telnet: RFC 854, 857, 858, 856 --- */

enum {
    IAC = 255,
    WILL = 251,
    BRK = 243,
    OPT_BINARY = 0,
    OPT_ECHO = 1,
    OPT_SGA = 3,
};

static void telnet_greet(SocketChardev *s)
{
    static const uint8_t offer[] = { IAC,     WILL, OPT_ECHO, IAC,       WILL,
                                     OPT_SGA, IAC,  WILL,     OPT_BINARY };

    fd_stream_write(&s->stream, offer, sizeof(offer));
}

/* Take commands out of @buf; returns what is left. States: 0 data, 1 after
 * IAC, 2 the option of a negotiation. */
static ssize_t telnet_strip(SocketChardev *s, uint8_t *buf, ssize_t n)
{
    ssize_t out = 0;

    for (ssize_t i = 0; i < n; i++) {
        uint8_t c = buf[i];

        if (s->telnet_state == 0) {
            if (c == IAC) {
                s->telnet_state = 1;
            } else {
                buf[out++] = c;
            }
        } else if (s->telnet_state == 1) {
            s->telnet_state = c >= WILL && c < IAC ? 2 : 0;
            if (c == IAC) {
                buf[out++] = c;
            } else if (c == BRK) {
                chardev_event(&s->parent, CHAR_BREAK);
            }
        } else {
            s->telnet_state = 0; /* we have said what we do */
        }
    }
    return out;
}

/* 255 is sent twice; a pair that does not fit is sent whole later. */
static size_t telnet_write(SocketChardev *s, const uint8_t *data, size_t len)
{
    static const uint8_t pair[] = { IAC, IAC };
    size_t done = 0;

    while (done < len) {
        const uint8_t *iac = memchr(data + done, IAC, len - done);
        size_t plain = (iac ? (size_t)(iac - data) : len) - done;
        size_t n = fd_stream_write(&s->stream, data + done, plain);

        done += n;
        if (n < plain) {
            return done;
        }
        if (iac) {
            n = fd_stream_write(&s->stream, pair, 2);
            if (n == 0) {
                return done;
            }
            if (n == 1) { /* the other half cannot wait */
                while (fd_stream_write(&s->stream, pair, 1) == 0) {
                    poll(NULL, 0, 1);
                }
            }
            done++;
        }
    }
    return done;
}

/* --- a connection --- */

static void keep_fds(SocketChardev *s, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        int n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (int i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (s->n_fds < SOCKET_FDS_MAX) {
                s->fds[s->n_fds++] = fd;
            } else {
                close(fd);
            }
        }
    }
}

static ssize_t socket_read(Chardev *chr, int fd, void *buf, size_t len)
{
    SocketChardev *s = socket_of(chr);
    union {
        char bytes[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { buf, len };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);

    if (n > 0) {
        keep_fds(s, &msg);
        if (s->telnet) {
            n = telnet_strip(s, buf, n);
            if (n == 0) {
                errno = EAGAIN;
                return -1;
            }
        }
    }
    return n;
}

static void drop_fds(SocketChardev *s)
{
    while (s->n_fds > 0) {
        close(s->fds[--s->n_fds]);
    }
}

static int socket_take_fds(Chardev *chr, int *fds, int max)
{
    SocketChardev *s = socket_of(chr);
    int n = MIN(max, s->n_fds);

    memcpy(fds, s->fds, n * sizeof(int));
    s->n_fds -= n;
    memmove(s->fds, s->fds + n, s->n_fds * sizeof(int));
    return n;
}

static bool socket_give_fds(Chardev *chr, const int *fds, int n)
{
    SocketChardev *s = socket_of(chr);

    if (n > SOCKET_FDS_MAX || s->addr->kind != SOCK_KIND_UNIX) {
        return false;
    }
    memcpy(s->fds_out, fds, n * sizeof(int));
    s->n_fds_out = n;
    return true;
}

/* The first byte carries the descriptors. */
static size_t write_with_fds(SocketChardev *s, const uint8_t *data, size_t len)
{
    union {
        char bytes[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { (void *)data, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    size_t bytes = s->n_fds_out * sizeof(int);
    struct cmsghdr *c;
    ssize_t n;

    memset(&control, 0, sizeof(control));
    msg.msg_control = &control;
    msg.msg_controllen = CMSG_SPACE(bytes);
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(c), s->fds_out, bytes);
    n = sendmsg(s->stream.out, &msg, MSG_NOSIGNAL);
    if (n < 0) {
        return 0;
    }
    s->n_fds_out = 0;
    return n;
}

static size_t socket_write(Chardev *chr, const uint8_t *data, size_t len)
{
    SocketChardev *s = socket_of(chr);

    if (s->n_fds_out > 0) {
        return write_with_fds(s, data, len);
    }
    return s->telnet ? telnet_write(s, data, len)
                     : fd_stream_write(&s->stream, data, len);
}

static void socket_hangup(Chardev *chr)
{
    SocketChardev *s = socket_of(chr);

    yank_forget(chr->yank, s->stream.in);
    fd_stream_close(&s->stream);
    drop_fds(s);
    s->telnet_state = 0;
    chardev_event(chr, CHAR_CLOSED);
    if (s->server) {
        update_watch(s);
    } else if (s->reconnect_ms) {
        timer_set(&s->retry, clock_now_ns(chr->machine->clocks, CLOCK_RT) +
                                 s->reconnect_ms * 1000000);
    }
}

static void connected(SocketChardev *s, int fd)
{
    int one = 1;

    yank_watch(s->parent.yank, fd);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (s->nodelay && s->addr->kind == SOCK_KIND_INET) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    fd_stream_open(&s->stream, &s->parent, fd, fd, socket_hangup);
    s->stream.read = socket_read;
    if (s->telnet) {
        telnet_greet(s);
    }
    chardev_event(&s->parent, CHAR_OPENED);
}

/* --- server and client --- */

static void accept_ready(void *opaque)
{
    SocketChardev *s = opaque;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        return;
    }
    connected(s, fd);
    update_watch(s); /* one client at a time */
}

static void connect_ready(void *opaque)
{
    SocketChardev *s = opaque;
    int fd = s->connecting, err = 0;
    socklen_t len = sizeof(err);

    loop_set_fd(s->ctx, fd, NULL, NULL, NULL);
    s->connecting = -1;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err == 0) {
        connected(s, fd);
    } else {
        yank_forget(s->parent.yank, fd);
        close(fd);
        socket_hangup(&s->parent);
    }
}

/* Watch what there is to watch, in the present context. */
static void update_watch(SocketChardev *s)
{
    bool want = s->listen_fd >= 0 && s->stream.in < 0;

    if (s->ctx != s->parent.ctx) {
        if (s->listening) {
            loop_set_fd(s->ctx, s->listen_fd, NULL, NULL, NULL);
            s->listening = false;
        }
        if (s->connecting >= 0) {
            loop_set_fd(s->ctx, s->connecting, NULL, NULL, NULL);
        }
        s->ctx = s->parent.ctx;
    }
    if (s->connecting >= 0) {
        loop_set_fd(s->ctx, s->connecting, NULL, connect_ready, s);
    }
    if (want != s->listening) {
        loop_set_fd(s->ctx, s->listen_fd, want ? accept_ready : NULL, NULL, s);
        s->listening = want;
    }
}

/* With reconnect: in the background, again and again. */
static void try_connect(void *opaque)
{
    SocketChardev *s = opaque;
    bool pending = false;
    int fd = sock_connect(s->parent.machine, s->addr, true, &pending, NULL);

    if (fd < 0) {
        socket_hangup(&s->parent);
    } else if (pending) {
        s->connecting = fd;
        yank_watch(s->parent.yank, fd);
        update_watch(s);
    } else {
        connected(s, fd);
    }
}

static bool make_address(SocketChardev *s, Error **errp)
{
    int given = (s->path != NULL) + (s->fd != NULL) +
                (s->host != NULL || s->port != NULL);

    if (given != 1) {
        error_set(errp, given ? "chardev: socket: 'path', 'fd' and 'host' or "
                                "'port' exclude each other"
                              : "chardev: socket: no host given");
        return false;
    }
    if (!s->path && !s->fd && !s->port) {
        error_set(errp, "chardev: socket: no port given");
        return false;
    }
    s->addr = g_new0(SockAddr, 1);
    *s->addr = (SockAddr){
        .kind = s->path ? SOCK_KIND_UNIX
                : s->fd ? SOCK_KIND_FD
                        : SOCK_KIND_INET,
        .host = g_strdup(s->host     ? s->host
                         : s->server ? ""
                                     : "localhost"),
        .port = g_strdup(s->port),
        .path = g_strdup(s->path),
        .fd = g_strdup(s->fd),
        .abstract = s->abstract,
        .want_ipv4 = s->ipv4,
        .want_ipv6 = s->ipv6,
        .port_to = s->to,
    };
    return true;
}

static bool open_server(SocketChardev *s, Error **errp)
{
    struct pollfd p;

    s->listen_fd = sock_listen(s->parent.machine, s->addr, 1, errp);
    if (s->listen_fd < 0) {
        return false;
    }
    if (s->wait != ON_OFF_AUTO_OFF) {
        g_autofree char *where = sock_addr_text(s->addr);

        fprintf(stderr,
                "%s: info: QEMU waiting for connection on: "
                "disconnected:%s,server=on\n",
                error_program(), where);
        p = (struct pollfd){ s->listen_fd, POLLIN, 0 };
        while (poll(&p, 1, -1) < 0 && errno == EINTR) {
        }
        accept_ready(s);
        return true;
    }
    update_watch(s);
    return true;
}

static bool check_options(const SocketChardev *s, Error **errp)
{
    const char *absent = s->websocket   ? "websocket"
                         : s->tn3270    ? "tn3270"
                         : s->tls_creds ? "tls-creds"
                         : s->tls_authz ? "tls-authz"
                                        : NULL;

    if (absent) {
        error_set(errp, "chardev: socket: '%s' is not supported", absent);
    } else if (s->reconnect_s && s->reconnect_ms) {
        error_set(errp,
                  "'reconnect' and 'reconnect-ms' are mutually exclusive");
    } else if (s->server && (s->reconnect_s || s->reconnect_ms)) {
        error_set(errp, "'reconnect' option is incompatible with socket in "
                        "server listen mode");
    } else if (!s->server && s->wait != ON_OFF_AUTO_AUTO) {
        error_set(errp, "'wait' option is incompatible with socket in client "
                        "connect mode");
    } else {
        return true;
    }
    return false;
}

static bool socket_open(Chardev *chr, Error **errp)
{
    SocketChardev *s = socket_of(chr);
    int fd;

    s->ctx = chr->ctx;
    if (!check_options(s, errp)) {
        return false;
    }
    if (s->reconnect_s) {
        s->reconnect_ms = s->reconnect_s * 1000;
    }
    timer_init(&s->retry, chr->machine->loop, CLOCK_RT, try_connect, s);
    if (!make_address(s, errp)) {
        return false;
    }
    chr->yank = yank_register(chr->machine, YANK_CHARDEV, chardev_id(chr));
    if (s->server) {
        return open_server(s, errp);
    }
    if (s->reconnect_ms) {
        try_connect(s);
        return true;
    }
    fd = sock_connect(chr->machine, s->addr, false, NULL, errp);
    if (fd >= 0) {
        connected(s, fd);
    }
    return fd >= 0;
}

static void socket_close(Chardev *chr)
{
    SocketChardev *s = socket_of(chr);

    if (!s->addr) {
        return; /* its options were wrong */
    }
    timer_cancel(&s->retry);
    yank_unregister(g_steal_pointer(&chr->yank)); /* before all is closed */
    fd_stream_close(&s->stream);
    if (s->listening) {
        loop_set_fd(s->ctx, s->listen_fd, NULL, NULL, NULL);
    }
    if (s->connecting >= 0) {
        loop_set_fd(s->ctx, s->connecting, NULL, NULL, NULL);
        close(s->connecting);
    }
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
        if (s->addr->kind == SOCK_KIND_UNIX && !s->abstract) {
            unlink(s->addr->path);
        }
    }
    drop_fds(s);
    g_clear_pointer(&s->addr, sock_addr_free);
}

static void socket_accept_input(Chardev *chr)
{
    fd_stream_update(&socket_of(chr)->stream);
}

static void socket_frontend_changed(Chardev *chr)
{
    SocketChardev *s = socket_of(chr);

    fd_stream_update(&s->stream);
    update_watch(s);
}

static char *socket_filename(const Chardev *chr)
{
    SocketChardev *s = socket_of((Chardev *)chr);
    g_autofree char *where = sock_addr_text(s->addr);

    return g_strdup_printf("%s%s%s",
                           chr->connected ? "" : "disconnected:", where,
                           s->server ? ",server=on" : "");
}

static void socket_init(Object *obj)
{
    SocketChardev *s = (SocketChardev *)obj;

    s->listen_fd = s->connecting = -1;
    s->stream = (FdStream){ .in = -1, .out = -1 };
}

/* clang-format off */
static const Property socket_props[] = {
    PROP(str, SocketChardev, host, "host", NULL, "host name or address"),
    PROP(str, SocketChardev, port, "port", NULL, "TCP port or service"),
    PROP(str, SocketChardev, path, "path", NULL, "path of a UNIX socket"),
    PROP(str, SocketChardev, fd, "fd", NULL, "inherited descriptor: a number, or a name from getfd"),
    PROP(bool, SocketChardev, server, "server", "off", "listen instead of connecting"),
    PROP(onoffauto, SocketChardev, wait, "wait", "auto", "a server waits for its client before the start; auto: on"),
    PROP(bool, SocketChardev, websocket, "websocket", "off", "not supported"),
    PROP(bool, SocketChardev, tn3270, "tn3270", "off", "not supported"),
    PROP(str, SocketChardev, tls_creds, "tls-creds", NULL, "not supported"),
    PROP(str, SocketChardev, tls_authz, "tls-authz", NULL, "not supported"),
    PROP(bool, SocketChardev, nodelay, "nodelay", "off", "send small packets at once"),
    PROP(bool, SocketChardev, telnet, "telnet", "off", "speak the telnet protocol"),
    PROP(bool, SocketChardev, abstract, "abstract", "off", "UNIX socket in the abstract name space"),
    PROP(bool, SocketChardev, ipv4, "ipv4", "off", "only IPv4"),
    PROP(bool, SocketChardev, ipv6, "ipv6", "off", "only IPv6"),
    PROP(u16, SocketChardev, to, "to", "0", "a server tries ports up to this one"),
    PROP(u64, SocketChardev, reconnect_s, "reconnect", "0", "seconds after which a client connects again"),
    PROP(u64, SocketChardev, reconnect_ms, "reconnect-ms", "0", "the same in milliseconds"),
    { 0 },
};
/* clang-format on */

const ChardevType chardev_socket_type = {
    .name = "chardev-socket",
    .parent = TYPE(chardev_type),
    .description = "a TCP or UNIX stream socket",
    .size = sizeof(SocketChardev),
    .init = socket_init,
    .props = socket_props,
    .driver = "socket",
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .accept_input = socket_accept_input,
    .frontend_changed = socket_frontend_changed,
    .take_fds = socket_take_fds,
    .give_fds = socket_give_fds,
    .filename = socket_filename,
};
