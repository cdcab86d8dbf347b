/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The old -netdev socket: listen=, connect= are a stream, udp= and mcast= a
 * dgram back end, which it has inside under a name of its own kind.
 */
#include "tandem/base.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "internal.h"
#include "softmmu/backend/socket.h"

typedef struct NetSocket {
    Netdev parent;
    /* properties */
    char *fd, *listen, *connect, *mcast, *udp, *localaddr;
    /* the rest */
    Netdev *inner; /* not in the tree */
    NetPort plug;  /* what @inner is plugged into */
} NetSocket;

static NetSocket *socket_of(Netdev *nd)
{
    return object_cast(nd, &netdev_socket_type);
}

/* --- packets: straight through --- */

static bool plug_take(NetPort *port, const uint8_t *data, size_t len)
{
    NetSocket *s = port->owner;

    if (!netdev_may_receive(&s->parent, 0)) {
        return false;
    }
    netdev_receive(&s->parent, 0, data, len);
    return true;
}

static void plug_drained(NetPort *port)
{
    NetSocket *s = port->owner;

    netdev_writable(&s->parent, 0);
}

static const NetPortOps plug_ops = { .take = plug_take,
                                     .drained = plug_drained };

static bool socket_send(Netdev *nd, unsigned queue, const uint8_t *data,
                        size_t len)
{
    NetSocket *s = socket_of(nd);

    if (!net_port_may_send(&s->plug)) {
        return false;
    }
    net_port_send(&s->plug, data, len);
    return true;
}

static void socket_receivable(Netdev *nd, unsigned queue)
{
    NetSocket *s = socket_of(nd);

    if (s->inner) {
        net_port_flush(&s->plug);
    }
}

/* --- options --- */

/* "HOST:PORT" as an inet address. */
static json_object *address(const char *text, Error **errp)
{
    const char *colon = strrchr(text, ':');
    json_object *o;

    if (!colon) {
        error_set(errp,
                  "host address '%s' doesn't contain ':' separating host from "
                  "port",
                  text);
        return NULL;
    }
    o = json_object_new_object();
    json_object_object_add(o, "type", json_object_new_string("inet"));
    json_object_object_add(o, "host",
                           json_object_new_string_len(text, colon - text));
    json_object_object_add(o, "port", json_object_new_string(colon + 1));
    return o;
}

static bool add_address(json_object *o, const char *name, const char *text,
                        Error **errp)
{
    json_object *a = text ? address(text, errp) : NULL;

    if (a) {
        json_object_object_add(o, name, a);
    }
    return a || !text;
}

/* Any connection between the same two ends is served anew after it broke. */
static bool stream_options(NetSocket *s, json_object *o, Error **errp)
{
    json_object_object_add(o, "server",
                           json_object_new_boolean(s->listen != NULL));
    return add_address(o, "addr", s->listen ? s->listen : s->connect, errp);
}

static bool mcast_options(NetSocket *s, json_object *o, Error **errp)
{
    g_autofree char *local =
        s->localaddr ? g_strdup_printf("%s:0", s->localaddr) : NULL;
    const char *colon = strrchr(s->mcast, ':');
    g_autofree char *host =
        colon ? g_strndup(s->mcast, colon - s->mcast) : NULL;
    struct in_addr a;

    if (!add_address(o, "remote", s->mcast, errp) ||
        !add_address(o, "local", local, errp)) {
        return false;
    }
    if (inet_pton(AF_INET, host, &a) == 1 && !IN_MULTICAST(ntohl(a.s_addr))) {
        error_set(errp,
                  "specified mcastaddr %s (0x%08x) does not contain a "
                  "multicast address",
                  host, ntohl(a.s_addr));
        return false;
    }
    return true;
}

static bool udp_options(NetSocket *s, json_object *o, Error **errp)
{
    if (!s->localaddr) {
        error_set(errp, "localaddr= is mandatory with udp=");
        return false;
    }
    return add_address(o, "remote", s->udp, errp) &&
           add_address(o, "local", s->localaddr, errp);
}

/* Either kind, as the socket is. */
static const char *fd_options(NetSocket *s, json_object *o, Error **errp)
{
    int type, fd = sock_given_fd(s->parent.m, s->fd, errp);
    socklen_t len = sizeof(type);
    g_autofree char *number = NULL;
    json_object *a;

    if (fd < 0) {
        return NULL;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        error_set(errp, "can't get socket option SO_TYPE");
        return NULL;
    }
    if (type != SOCK_STREAM && type != SOCK_DGRAM) {
        error_set(errp,
                  "socket type=%d for fd=%d must be either "
                  "SOCK_DGRAM or SOCK_STREAM",
                  type, fd);
        return NULL;
    }
    a = json_object_new_object();
    number = g_strdup_printf("%d", fd); /* a name from getfd is good once */
    json_object_object_add(a, "type", json_object_new_string("fd"));
    json_object_object_add(a, "str", json_object_new_string(number));
    json_object_object_add(o, type == SOCK_STREAM ? "addr" : "local", a);
    return type == SOCK_STREAM ? "stream" : "dgram";
}

static const char *inner_options(NetSocket *s, json_object *o, Error **errp)
{
    unsigned n = (s->fd && !s->mcast) + !!s->listen + !!s->connect +
                 !!s->mcast + !!s->udp;

    if (n != 1) {
        error_set(errp, "exactly one of listen=, connect=, mcast= or udp= is "
                        "required");
        return NULL;
    }
    if (s->localaddr && !s->mcast && !s->udp) {
        error_set(errp, "localaddr= is only valid with mcast= or udp=");
        return NULL;
    }
    if (s->fd) { /* with mcast=: a socket that is in that group already */
        return fd_options(s, o, errp);
    }
    if (s->listen || s->connect) {
        return stream_options(s, o, errp) ? "stream" : NULL;
    }
    return (s->mcast ? mcast_options(s, o, errp) : udp_options(s, o, errp))
               ? "dgram"
               : NULL;
}

static bool socket_open(Netdev *nd, Error **errp)
{
    NetSocket *s = socket_of(nd);
    json_object *o = json_object_new_object();
    const char *driver;

    net_port_init(&s->plug, &plug_ops, s, 0);
    driver = inner_options(s, o, errp);
    s->inner = driver ? netdev_new_inner(nd->m, driver, o, errp) : NULL;
    json_object_put(o);
    if (!s->inner) {
        return false;
    }
    net_port_connect(&s->plug, &s->inner->port[0]);
    return true;
}

static void socket_close(Netdev *nd)
{
    NetSocket *s = socket_of(nd);

    if (s->inner) {
        net_port_disconnect(&s->plug);
        object_unref(s->inner);
    }
}

static char *socket_info(Netdev *nd)
{
    NetSocket *s = socket_of(nd);

    return netdev_info(s->inner);
}

static const Property socket_props[] = {
    PROP(str, NetSocket, fd, "fd", NULL, "an open socket"),
    PROP(str, NetSocket, listen, "listen", NULL, "[HOST]:PORT to wait at"),
    PROP(str, NetSocket, connect, "connect", NULL, "HOST:PORT of a listener"),
    PROP(str, NetSocket, mcast, "mcast", NULL, "GROUP:PORT to join"),
    PROP(str, NetSocket, udp, "udp", NULL, "HOST:PORT to send to"),
    PROP(str, NetSocket, localaddr, "localaddr", NULL,
         "address of the interface (mcast), HOST:PORT (udp)"),
    { 0 },
};

const NetdevType netdev_socket_type = {
    .name = "netdev-socket",
    .parent = TYPE(netdev_type),
    .description = "frames over a socket; stream and dgram are its successors",
    .size = sizeof(NetSocket),
    .props = socket_props,
    .driver = "socket",
    .open = socket_open,
    .close = socket_close,
    .send = socket_send,
    .receivable = socket_receivable,
    .info = socket_info,
};
