/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames over sockets.
 *
 * stream: a connection; each frame follows its length in four bytes, big-
 * endian (the public format that passt and others speak). Server, or client
 * with reconnect-ms.
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "internal.h"
#include "softmmu/backend/socket.h"

enum { LENGTH_BYTES = 4 };

/* --- stream --- */

typedef struct NetStream {
    Netdev parent;
    /* properties */
    json_object *addr_json;
    bool server;
    uint64_t reconnect_s, reconnect_ms;
    /* the rest */
    SockAddr *addr;
    int listen_fd, fd, connecting; /* -1: none */
    Timer retry;
    GByteArray *in; /* a frame that is not complete */
    uint8_t out[LENGTH_BYTES + NET_FRAME_MAX];
    size_t out_len, out_sent; /* a frame the host took in part */
    bool held;                /* the guest has no room: not reading */
} NetStream;

static NetStream *stream_of(Netdev *nd)
{
    return object_cast(nd, &netdev_stream_type);
}

static void stream_update(NetStream *s);

/* The ends of the connection as NETDEV_STREAM_CONNECTED says them. */
static json_object *address_json(const SockAddr *a)
{
    json_object *o = json_object_new_object();
    static const char *const types[] = { "inet", "unix", "fd" };

    json_object_object_add(o, "type", json_object_new_string(types[a->kind]));
    if (a->kind == SOCK_KIND_UNIX) {
        json_object_object_add(o, "path", json_object_new_string(a->path));
    } else if (a->kind == SOCK_KIND_FD) {
        json_object_object_add(o, "str", json_object_new_string(a->fd));
    } else {
        json_object_object_add(o, "host", json_object_new_string(a->host));
        json_object_object_add(o, "port", json_object_new_string(a->port));
    }
    return o;
}

static void tell(NetStream *s, const char *event, bool with_addr)
{
    json_object *data;

    if (!s->parent.parent.name) {
        return; /* inside another, which has no such events */
    }
    data = json_object_new_object();
    json_object_object_add(data, "netdev-id",
                           json_object_new_string(netdev_id(&s->parent)));
    if (with_addr) {
        json_object_object_add(data, "addr", address_json(s->addr));
    }
    machine_event(s->parent.m, event, data);
}

static void start_retry(NetStream *s)
{
    uint64_t ms = s->reconnect_ms ? s->reconnect_ms : s->reconnect_s * 1000;

    if (ms) {
        timer_set(&s->retry, clock_now_ns(s->parent.m->clocks, CLOCK_RT) +
                                 (int64_t)ms * 1000000);
    }
}

static void watch_server(NetStream *s);

static void hangup(NetStream *s)
{
    loop_set_fd(s->parent.m->loop, s->fd, NULL, NULL, NULL);
    close(s->fd);
    s->fd = -1;
    g_byte_array_set_size(s->in, 0);
    s->out_len = s->out_sent = 0;
    s->held = false;
    tell(s, "NETDEV_STREAM_DISCONNECTED", false);
    if (s->listen_fd >= 0) {
        watch_server(s);
    } else {
        start_retry(s);
    }
    netdev_writable(&s->parent, 0); /* what waits is dropped now */
}

/* Hand on the whole frames that are there. False: the peer breaks the rules.
 */
static bool take_frames(NetStream *s)
{
    size_t at = 0;
    bool ok = true;

    while (ok && !s->held && s->in->len - at >= LENGTH_BYTES) {
        uint32_t len = ld32_be(s->in->data + at);

        ok = len <= NET_FRAME_MAX;
        if (!ok || s->in->len - at - LENGTH_BYTES < len) {
            break;
        }
        s->held = !netdev_receive(&s->parent, 0,
                                  s->in->data + at + LENGTH_BYTES, len);
        at += LENGTH_BYTES + len;
    }
    if (at > 0) {
        g_byte_array_remove_range(s->in, 0, at);
    }
    return ok;
}

static void stream_readable(void *opaque)
{
    NetStream *s = opaque;
    uint8_t buf[16384];
    ssize_t n = read(s->fd, buf, sizeof(buf));

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        hangup(s);
        return;
    }
    g_byte_array_append(s->in, buf, n);
    if (!take_frames(s)) {
        warn_report("netdev %s: a frame is too long, connection closed",
                    netdev_id(&s->parent));
        hangup(s);
        return;
    }
    stream_update(s);
}

/* Push out what is left of a frame; false: the connection is gone. */
static bool push(NetStream *s)
{
    while (s->out_sent < s->out_len) {
        ssize_t n = send(s->fd, s->out + s->out_sent, s->out_len - s->out_sent,
                         MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        if (n < 0) {
            return true;
        }
        s->out_sent += n;
    }
    s->out_len = s->out_sent = 0;
    return true;
}

static void stream_writable(void *opaque)
{
    NetStream *s = opaque;

    if (!push(s)) {
        hangup(s);
        return;
    }
    stream_update(s);
    if (s->out_len == 0) {
        netdev_writable(&s->parent, 0);
    }
}

static void stream_update(NetStream *s)
{
    if (s->fd >= 0) {
        loop_set_fd(s->parent.m->loop, s->fd, s->held ? NULL : stream_readable,
                    s->out_len ? stream_writable : NULL, s);
    }
}

static bool stream_send(Netdev *nd, unsigned queue, const uint8_t *data,
                        size_t len)
{
    NetStream *s = stream_of(nd);

    if (s->fd < 0) {
        return true; /* nobody there: dropped */
    }
    if (s->out_len > 0) {
        return false; /* the last one is not out yet */
    }
    st32_be(s->out, len);
    memcpy(s->out + LENGTH_BYTES, data, len);
    s->out_len = LENGTH_BYTES + len;
    if (!push(s)) {
        hangup(s);
    } else if (s->out_len) {
        stream_update(s);
    }
    return true;
}

static void stream_receivable(Netdev *nd, unsigned queue)
{
    NetStream *s = stream_of(nd);

    s->held = false;
    if (s->fd >= 0 && !take_frames(s)) {
        hangup(s);
        return;
    }
    stream_update(s);
}

static void connected(NetStream *s, int fd)
{
    int one = 1;

    s->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (s->addr->kind == SOCK_KIND_INET) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    stream_update(s);
    tell(s, "NETDEV_STREAM_CONNECTED", true);
}

static void accept_ready(void *opaque)
{
    NetStream *s = opaque;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        loop_set_fd(s->parent.m->loop, s->listen_fd, NULL, NULL, NULL);
        connected(s, fd); /* one at a time */
    }
}

static void watch_server(NetStream *s)
{
    loop_set_fd(s->parent.m->loop, s->listen_fd, accept_ready, NULL, s);
}

static void connect_ready(void *opaque)
{
    NetStream *s = opaque;
    int fd = s->connecting, err = 0;
    socklen_t len = sizeof(err);

    loop_set_fd(s->parent.m->loop, fd, NULL, NULL, NULL);
    s->connecting = -1;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err == 0) {
        connected(s, fd);
    } else {
        close(fd);
        start_retry(s);
    }
}

static bool try_connect(NetStream *s, Error **errp)
{
    bool pending = false;
    int fd = sock_connect(s->parent.m, s->addr, true, &pending, errp);

    if (fd < 0) {
        return false;
    }
    if (pending) {
        s->connecting = fd;
        loop_set_fd(s->parent.m->loop, fd, NULL, connect_ready, s);
    } else {
        connected(s, fd);
    }
    return true;
}

static void retry_due(void *opaque)
{
    if (!try_connect(opaque, NULL)) {
        start_retry(opaque);
    }
}

static bool stream_start(NetStream *s, Error **errp)
{
    Machine *m = s->parent.m;

    timer_init(&s->retry, m->loop, CLOCK_RT, retry_due, s);
    s->in = g_byte_array_new();
    if (s->server) {
        s->listen_fd = sock_listen(m, s->addr, 1, errp);
        if (s->listen_fd < 0) {
            return false;
        }
        watch_server(s);
        return true;
    }
    if (s->reconnect_ms || s->reconnect_s) {
        retry_due(s);
        return true;
    }
    return try_connect(s, errp);
}

static bool stream_open(Netdev *nd, Error **errp)
{
    NetStream *s = stream_of(nd);

    if (!s->addr_json) {
        error_set(errp, "Parameter 'addr.type' is missing");
        return false;
    }
    if (s->server && (s->reconnect_ms || s->reconnect_s)) {
        error_set(errp, "'reconnect-ms' option is incompatible with socket in "
                        "server mode");
        return false;
    }
    if (s->reconnect_ms && s->reconnect_s) {
        error_set(errp, "'reconnect' and 'reconnect-ms' are mutually "
                        "exclusive");
        return false;
    }
    s->addr = sock_addr_from_json(s->addr_json, errp);
    return s->addr && stream_start(s, errp);
}

static void close_watched(NetStream *s, int *fd)
{
    if (*fd >= 0) {
        loop_set_fd(s->parent.m->loop, *fd, NULL, NULL, NULL);
        close(*fd);
        *fd = -1;
    }
}

static void stream_close(Netdev *nd)
{
    NetStream *s = stream_of(nd);

    close_watched(s, &s->fd);
    close_watched(s, &s->connecting);
    close_watched(s, &s->listen_fd);
    if (s->in) {
        timer_cancel(&s->retry);
        g_byte_array_unref(s->in);
    }
    if (s->server && s->addr && s->addr->kind == SOCK_KIND_UNIX &&
        !s->addr->abstract) {
        unlink(s->addr->path);
    }
    g_clear_pointer(&s->addr, sock_addr_free);
}

static char *stream_info(Netdev *nd)
{
    NetStream *s = stream_of(nd);
    g_autofree char *text = s->addr ? sock_addr_text(s->addr) : g_strdup("");

    return g_strdup_printf("%s%s%s", s->server ? "listening " : "",
                           s->fd >= 0 ? "connected " : "", text);
}

static void stream_init(Object *obj)
{
    NetStream *s = (NetStream *)obj;

    s->listen_fd = s->fd = s->connecting = -1;
}

static const Property stream_props[] = {
    PROP_NET_JSON(NetStream, addr_json, "addr",
                  "addr.type=unix|inet|fd, addr.path, addr.host, addr.port, "
                  "addr.str"),
    PROP(bool, NetStream, server, "server", "off", "listen, not connect"),
    PROP(u64, NetStream, reconnect_s, "reconnect", "0",
         "seconds to the next try, 0: none"),
    PROP(u64, NetStream, reconnect_ms, "reconnect-ms", "0",
         "milliseconds to the next try, 0: none"),
    { 0 },
};

const NetdevType netdev_stream_type = {
    .name = "netdev-stream",
    .parent = TYPE(netdev_type),
    .description = "frames over a stream socket",
    .size = sizeof(NetStream),
    .props = stream_props,
    .init = stream_init,
    .driver = "stream",
    .open = stream_open,
    .close = stream_close,
    .send = stream_send,
    .receivable = stream_receivable,
    .info = stream_info,
};
