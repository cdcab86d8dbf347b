/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One frame is one datagram: between two UNIX or UDP addresses, over a
 * given socket, or in a multicast group (RFC 1112; ip(7)).
 */
#include "tandem/base.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "internal.h"
#include "softmmu/backend/socket.h"

typedef struct NetDgram {
    Netdev parent;
    /* properties */
    json_object *local_json, *remote_json;
    /* the rest */
    int fd;         /* -1: none */
    bool connected; /* send() without an address */
    bool held;      /* the guest has no room: not reading */
    bool blocked;   /* the host has none */
    struct sockaddr_storage to;
    socklen_t to_len;
    char *unlink_path; /* ours: gone at the end */
} NetDgram;

static NetDgram *dgram_of(Netdev *nd)
{
    return object_cast(nd, &netdev_dgram_type);
}

/* --- packets --- */

static void dgram_update(NetDgram *s);

static void dgram_readable(void *opaque)
{
    NetDgram *s = opaque;
    g_autofree uint8_t *buf = g_malloc(NET_FRAME_MAX + 1);
    ssize_t n = recv(s->fd, buf, NET_FRAME_MAX + 1, MSG_DONTWAIT);

    if (n > 0) { /* an error is of one datagram: ICMP unreachable */
        s->held = !netdev_receive(&s->parent, 0, buf, n);
        dgram_update(s);
    }
}

static void dgram_writable(void *opaque)
{
    NetDgram *s = opaque;

    s->blocked = false;
    dgram_update(s);
    netdev_writable(&s->parent, 0);
}

static void dgram_update(NetDgram *s)
{
    loop_set_fd(s->parent.m->loop, s->fd, s->held ? NULL : dgram_readable,
                s->blocked ? dgram_writable : NULL, s);
}

static bool dgram_send(Netdev *nd, unsigned queue, const uint8_t *data,
                       size_t len)
{
    NetDgram *s = dgram_of(nd);
    ssize_t n = s->connected
                    ? send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                    : sendto(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
                             (struct sockaddr *)&s->to, s->to_len);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        s->blocked = true;
        dgram_update(s);
        return false;
    }
    return true; /* gone, or nobody is there: dropped as on a wire */
}

static void dgram_receivable(Netdev *nd, unsigned queue)
{
    NetDgram *s = dgram_of(nd);

    s->held = false;
    dgram_update(s);
}

/* --- addresses --- */

static bool to_sockaddr(const SockAddr *a, struct sockaddr_storage *out,
                        socklen_t *len, Error **errp)
{
    struct sockaddr_un *un = (struct sockaddr_un *)out;
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM };
    struct addrinfo *list;
    int r;

    memset(out, 0, sizeof(*out));
    if (a->kind == SOCK_KIND_UNIX) {
        un->sun_family = AF_UNIX;
        *len = sizeof(*un);
        if (strlen(a->path) >= sizeof(un->sun_path)) {
            error_set(errp, "UNIX socket path '%s' is too long", a->path);
            return false;
        }
        strcpy(un->sun_path, a->path);
        return true;
    }
    r = getaddrinfo(a->host[0] ? a->host : NULL, a->port, &hints, &list);
    if (r != 0) {
        error_set(errp, "address resolution failed for %s:%s: %s", a->host,
                  a->port, gai_strerror(r));
        return false;
    }
    memcpy(out, list->ai_addr, list->ai_addrlen);
    *len = list->ai_addrlen;
    freeaddrinfo(list);
    return true;
}

static bool is_multicast(const struct sockaddr_storage *ss)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

    return ss->ss_family == AF_INET && IN_MULTICAST(ntohl(in->sin_addr.s_addr));
}

/* Bound to the group, a member of it, hearing what it sends itself: other
 * machines of this host are members too. */
static bool join_group(NetDgram *s, const SockAddr *local, Error **errp)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&s->to;
    struct ip_mreq member = { .imr_multiaddr = in->sin_addr };
    int one = 1;

    if (local &&
        (local->kind != SOCK_KIND_INET ||
         inet_pton(AF_INET, local->host, &member.imr_interface) != 1)) {
        error_set(errp, "'local' must be an IPv4 address for multicast");
        return false;
    }
    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 ||
        setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(s->fd, (struct sockaddr *)&s->to, s->to_len) < 0 ||
        setsockopt(s->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member,
                   sizeof(member)) < 0 ||
        setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &one, sizeof(one)) <
            0 ||
        (local &&
         setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_IF, &member.imr_interface,
                    sizeof(member.imr_interface)) < 0)) {
        error_set_errno(errp, errno, "can't join the multicast group");
        return false;
    }
    return true;
}

static bool bind_local(NetDgram *s, const SockAddr *local, Error **errp)
{
    struct sockaddr_storage at;
    socklen_t len;
    int one = 1;

    if (!to_sockaddr(local, &at, &len, errp)) {
        return false;
    }
    if (s->to_len && at.ss_family != s->to.ss_family) {
        error_set(errp, "'local' and 'remote' must be of one type");
        return false;
    }
    s->fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        error_set_errno(errp, errno, "can't create datagram socket");
        return false;
    }
    if (local->kind == SOCK_KIND_UNIX) {
        unlink(local->path);
    } else {
        setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (bind(s->fd, (struct sockaddr *)&at, len) < 0) {
        g_autofree char *text = sock_addr_text(local);

        error_set_errno(errp, errno, "can't bind %s to socket", text);
        return false;
    }
    if (local->kind == SOCK_KIND_UNIX) {
        s->unlink_path = g_strdup(local->path);
    }
    return true;
}

static bool use_fd(NetDgram *s, const SockAddr *local, Error **errp)
{
    int type = 0;
    socklen_t len = sizeof(type);

    s->fd = sock_connect(s->parent.m, local, false, NULL, errp);
    if (s->fd < 0) {
        return false;
    }
    if (getsockopt(s->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        type != SOCK_DGRAM) {
        error_set(errp, "fd=%s is no datagram socket", local->fd);
        return false;
    }
    s->connected = true;
    return true;
}

static bool open_between(NetDgram *s, const SockAddr *local,
                         const SockAddr *remote, Error **errp)
{
    if (remote && remote->kind == SOCK_KIND_FD) {
        error_set(errp, "'remote' does not take a descriptor");
        return false;
    }
    if (remote && !to_sockaddr(remote, &s->to, &s->to_len, errp)) {
        return false;
    }
    if (remote && is_multicast(&s->to)) {
        return join_group(s, local, errp);
    }
    if (!local) {
        error_set(errp, "dgram requires 'local' parameter");
        return false;
    }
    if (local->kind == SOCK_KIND_FD) {
        return use_fd(s, local, errp);
    }
    if (!remote) {
        error_set(errp, "type=inet or type=unix requires 'remote' parameter");
        return false;
    }
    return bind_local(s, local, errp);
}

static bool dgram_open(Netdev *nd, Error **errp)
{
    NetDgram *s = dgram_of(nd);
    g_autoptr(SockAddr) local = NULL;
    g_autoptr(SockAddr) remote = NULL;

    if ((s->local_json &&
         !(local = sock_addr_from_json(s->local_json, errp))) ||
        (s->remote_json &&
         !(remote = sock_addr_from_json(s->remote_json, errp))) ||
        !open_between(s, local, remote, errp)) {
        return false;
    }
    dgram_update(s);
    return true;
}

static void dgram_close(Netdev *nd)
{
    NetDgram *s = dgram_of(nd);

    if (s->fd >= 0) {
        loop_set_fd(nd->m->loop, s->fd, NULL, NULL, NULL);
        close(s->fd);
    }
    if (s->unlink_path) {
        unlink(s->unlink_path);
        g_free(s->unlink_path);
    }
}

static char *dgram_info(Netdev *nd)
{
    NetDgram *s = dgram_of(nd);
    g_autofree char *text = sock_local_text(s->fd);

    return g_strdup_printf("local=%s", text ? text : "");
}

static void dgram_init(Object *obj)
{
    ((NetDgram *)obj)->fd = -1;
}

static const Property dgram_props[] = {
    PROP_NET_JSON(NetDgram, local_json, "local",
                  "local.type=unix|inet|fd, local.path, local.host, "
                  "local.port, local.str"),
    PROP_NET_JSON(NetDgram, remote_json, "remote",
                  "remote.type=unix|inet, ...; a multicast group is joined"),
    { 0 },
};

const NetdevType netdev_dgram_type = {
    .name = "netdev-dgram",
    .parent = TYPE(netdev_type),
    .description = "frames as datagrams",
    .size = sizeof(NetDgram),
    .props = dgram_props,
    .init = dgram_init,
    .driver = "dgram",
    .open = dgram_open,
    .close = dgram_close,
    .send = dgram_send,
    .receivable = dgram_receivable,
    .info = dgram_info,
};
