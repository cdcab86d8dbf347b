/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev tap and -netdev bridge: frames through a tap device of the host's
 * kernel, one descriptor a queue.
 *
 * Spec: Linux Documentation/networking/tuntap.rst; the frame's header is
 *       struct virtio_net_hdr (VIRTIO 1.2, 5.1.6) when IFF_VNET_HDR is set.
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "internal.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/parse.h"
#include "tap-open.h"

enum {
    HDR_BYTES = 10,  /* what the kernel starts with */
    READ_BURST = 64, /* frames before others get their turn */
    NO_SNDBUF = INT_MAX,
};

/* Offloads newer than the headers of Debian 12; Linux 6.2. */
enum { F_USO4 = 0x20, F_USO6 = 0x40 };

typedef struct NetTap NetTap;

typedef struct TapQueue {
    NetTap *tap;
    int fd;
    bool held;     /* the guest has no room: not reading */
    bool blocked;  /* the host has none */
    bool detached; /* beyond the queues that the guest uses */
} TapQueue;

struct NetTap {
    Netdev parent;
    /* properties */
    char *ifname, *fd_text, *fds_text, *script, *downscript, *br, *helper;
    int vnet_hdr, vhost, vhostforce; /* ON_OFF_AUTO_x */
    char *vhostfd, *vhostfds;
    uint64_t n_queues, sndbuf;
    /* the rest */
    TapQueue *queue;   /* [parent.queues] */
    unsigned n_open;   /* of them */
    unsigned host_hdr; /* bytes before a frame at the descriptor; 0: none */
    char name[IFNAMSIZ];
    bool down; /* the down script is to run */
};

static NetTap *tap_of(Netdev *nd)
{
    return (NetTap *)nd;
}

/* --- packets --- */

static void queue_update(TapQueue *q);

/* One frame; false: there is none now. */
static bool read_one(TapQueue *q, uint8_t *buf)
{
    NetTap *s = q->tap;
    unsigned index = q - s->queue;
    ssize_t n = read(q->fd, buf, NET_PACKET_MAX);
    size_t skip = s->parent.port[index].hdr_len ? 0 : s->host_hdr;

    if (n <= 0) {
        return false;
    }
    if ((size_t)n > skip) {
        q->held = !netdev_receive(&s->parent, index, buf + skip, n - skip);
    }
    return true;
}

static void tap_readable(void *opaque)
{
    TapQueue *q = opaque;
    g_autofree uint8_t *buf = g_malloc(NET_PACKET_MAX);

    for (int i = 0; i < READ_BURST && !q->held && read_one(q, buf); i++) {
    }
    queue_update(q);
}

static void tap_writable(void *opaque)
{
    TapQueue *q = opaque;

    q->blocked = false;
    queue_update(q);
    netdev_writable(&q->tap->parent, q - q->tap->queue);
}

static void queue_update(TapQueue *q)
{
    loop_set_fd(q->tap->parent.m->loop, q->fd,
                q->held || q->detached ? NULL : tap_readable,
                q->blocked ? tap_writable : NULL, q);
}

static bool tap_send(Netdev *nd, unsigned queue, const uint8_t *data,
                     size_t len)
{
    static const uint8_t no_hdr[NET_VNET_HDR_MAX];
    NetTap *s = tap_of(nd);
    TapQueue *q = &s->queue[queue];
    struct iovec iov[2] = { { (void *)no_hdr, 0 }, { (void *)data, len } };
    ssize_t n;

    if (s->host_hdr && !nd->port[queue].hdr_len) {
        iov[0].iov_len = s->host_hdr;
    }
    do {
        n = writev(q->fd, iov, 2);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        q->blocked = true;
        queue_update(q);
        return false;
    }
    return true; /* gone; or the interface is down, and it is dropped */
}

static void tap_receivable(Netdev *nd, unsigned queue)
{
    NetTap *s = tap_of(nd);

    s->queue[queue].held = false;
    queue_update(&s->queue[queue]);
}

/* --- headers, offloads, queues --- */

static void tap_set_hdr_len(Netdev *nd, unsigned len)
{
    NetTap *s = tap_of(nd);

    for (unsigned i = 0; i < s->n_open; i++) {
        int size = (int)len;

        if (ioctl(s->queue[i].fd, TUNSETVNETHDRSZ, &size) < 0) {
            warn_report("netdev %s: TUNSETVNETHDRSZ %u: %s", netdev_id(nd), len,
                        g_strerror(errno));
        }
    }
    s->host_hdr = len;
}

static void tap_set_offloads(Netdev *nd, const NetOffloads *o)
{
    NetTap *s = tap_of(nd);
    unsigned flags = 0;

    if (o->csum) { /* the others stand on it */
        flags = TUN_F_CSUM | (o->tso4 ? TUN_F_TSO4 : 0) |
                (o->tso6 ? TUN_F_TSO6 : 0) |
                ((o->tso4 || o->tso6) && o->ecn ? TUN_F_TSO_ECN : 0) |
                (o->ufo ? TUN_F_UFO : 0) | (o->uso4 ? F_USO4 : 0) |
                (o->uso6 ? F_USO6 : 0);
    }
    for (unsigned i = 0; i < s->n_open; i++) {
        if (ioctl(s->queue[i].fd, TUNSETOFFLOAD, flags) < 0) {
            warn_report("netdev %s: TUNSETOFFLOAD 0x%x: %s", netdev_id(nd),
                        flags, g_strerror(errno));
            return;
        }
    }
}

static void tap_set_queues(Netdev *nd, unsigned n)
{
    NetTap *s = tap_of(nd);

    for (unsigned i = 0; s->n_open > 1 && i < s->n_open; i++) {
        TapQueue *q = &s->queue[i];
        struct ifreq ifr = { .ifr_flags =
                                 i < n ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

        if (q->detached != (i >= n) && ioctl(q->fd, TUNSETQUEUE, &ifr) == 0) {
            q->detached = i >= n;
            queue_update(q);
        }
    }
}

/* Which offloads the kernel takes: try, and put back none. */
static void probe_offloads(NetTap *s)
{
    int fd = s->queue[0].fd;

    s->parent.has_vnet_hdr = s->host_hdr != 0;
    if (s->host_hdr) {
        s->parent.has_ufo =
            ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_UFO) == 0;
        s->parent.has_uso =
            ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | F_USO4 | F_USO6) == 0;
        ioctl(fd, TUNSETOFFLOAD, 0);
    }
}

/* --- opening --- */

static bool add_queue(NetTap *s, int fd, Error **errp)
{
    int sndbuf = s->sndbuf ? (int)MIN(s->sndbuf, INT_MAX) : NO_SNDBUF;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    s->queue[s->n_open] = (TapQueue){ .tap = s, .fd = fd };
    s->n_open++;
    if (ioctl(fd, TUNSETSNDBUF, &sndbuf) < 0 && s->sndbuf) {
        error_set_errno(errp, errno, "TUNSETSNDBUF ioctl failed");
        return false;
    }
    return true;
}

/* A descriptor that is a tap queue already, from fd=, fds= or the helper. */
static bool add_given(NetTap *s, int fd, const char *name, Error **errp)
{
    struct ifreq ifr = { 0 };

    if (ioctl(fd, TUNGETIFF, &ifr) < 0) {
        error_set_errno(errp, errno, "Unable to query TUNGETIFF on FD %s",
                        name);
        close(fd);
        return false;
    }
    if (s->n_open > 0 &&
        (ifr.ifr_flags & IFF_VNET_HDR ? HDR_BYTES : 0) != (int)s->host_hdr) {
        error_set(errp, "vnet_hdr not consistent across given tap fds");
        close(fd);
        return false;
    }
    s->host_hdr = ifr.ifr_flags & IFF_VNET_HDR ? HDR_BYTES : 0;
    g_strlcpy(s->name, ifr.ifr_name, sizeof(s->name));
    if (s->host_hdr) {
        int size = HDR_BYTES;

        ioctl(fd, TUNSETVNETHDRSZ, &size); /* whatever it was before */
    }
    return add_queue(s, fd, errp);
}

static bool open_given(NetTap *s, const char *list, Error **errp)
{
    g_auto(GStrv) names = g_strsplit(list, ":", -1);
    unsigned n = g_strv_length(names);

    if (n == 0 || n > NET_QUEUES_MAX) {
        error_set(errp, "fds= has %u descriptors, 1 to %d are possible", n,
                  NET_QUEUES_MAX);
        return false;
    }
    s->queue = g_new0(TapQueue, n);
    for (unsigned i = 0; i < n; i++) {
        int fd = sock_given_fd(s->parent.m, names[i], errp);

        if (fd < 0 || !add_given(s, fd, names[i], errp)) {
            return false;
        }
    }
    return true;
}

static bool open_by_name(NetTap *s, Error **errp)
{
    unsigned n = s->n_queues ? s->n_queues : 1;
    bool vnet_hdr = s->vnet_hdr != ON_OFF_AUTO_OFF;

    if (s->ifname && strlen(s->ifname) >= IFNAMSIZ) {
        error_set(errp, "ifname=%s is longer than %d characters", s->ifname,
                  IFNAMSIZ - 1);
        return false;
    }
    g_strlcpy(s->name, s->ifname ? s->ifname : "", sizeof(s->name));
    s->queue = g_new0(TapQueue, n);
    for (unsigned i = 0; i < n; i++) {
        int fd = tap_open_device(s->name, &vnet_hdr,
                                 s->vnet_hdr == ON_OFF_AUTO_ON, n > 1, errp);

        if (fd < 0 || !add_queue(s, fd, errp)) {
            return false;
        }
    }
    s->host_hdr = vnet_hdr ? HDR_BYTES : 0;
    return true;
}

static const char *script_of(const char *given, const char *def)
{
    return !given ? def : strcmp(given, "no") == 0 || !*given ? NULL : given;
}

static bool open_and_configure(NetTap *s, Error **errp)
{
    const char *script = script_of(s->script, "/etc/qemu-ifup");

    if (!open_by_name(s, errp) ||
        (script && !tap_run_script(script, s->name, errp))) {
        return false;
    }
    s->down = true;
    return true;
}

static bool open_by_helper(NetTap *s, Error **errp)
{
    int fd = tap_open_by_helper(s->helper, s->br ? s->br : "br0", errp);

    s->queue = g_new0(TapQueue, 1);
    return fd >= 0 && add_given(s, fd, "of the helper", errp);
}

/* --- options --- */

/* What cannot stand beside @how=; the lists are the reference's. */
static bool check_alone(NetTap *s, Error **errp)
{
    bool made = s->ifname || s->script || s->downscript ||
                s->vnet_hdr != ON_OFF_AUTO_AUTO;

    if (s->fd_text &&
        (made || s->helper || s->n_queues || s->fds_text || s->vhostfds)) {
        error_set(errp, "ifname=, script=, downscript=, vnet_hdr=, helper=, "
                        "queues=, fds=, and vhostfds= are invalid with fd=");
        return false;
    }
    if (s->fds_text && (made || s->helper || s->n_queues || s->vhostfd)) {
        error_set(errp, "ifname=, script=, downscript=, vnet_hdr=, helper=, "
                        "queues=, and vhostfd= are invalid with fds=");
        return false;
    }
    if (s->helper && (made || s->n_queues || s->vhostfds)) {
        error_set(errp, "ifname=, script=, downscript=, vnet_hdr=, queues=, "
                        "and vhostfds= are invalid with helper=");
        return false;
    }
    return true;
}

static bool check_options(NetTap *s, Error **errp)
{
    if (!check_alone(s, errp)) {
        return false;
    }
    if (s->vhost == ON_OFF_AUTO_ON || s->vhostforce == ON_OFF_AUTO_ON ||
        s->vhostfd || s->vhostfds) {
        error_set(errp, "vhost is not supported by this build; packets go "
                        "through the emulator (vhost=off)");
        return false;
    }
    if (s->n_queues > NET_QUEUES_MAX) {
        error_set(errp, "queues=%" PRIu64 " is more than %d", s->n_queues,
                  NET_QUEUES_MAX);
        return false;
    }
    if (s->br && !s->helper) {
        warn_report("netdev %s: br= has an effect only with helper=",
                    netdev_id(&s->parent));
    }
    return true;
}

static bool tap_ready(NetTap *s)
{
    s->parent.queues = s->n_open;
    probe_offloads(s);
    for (unsigned i = 0; i < s->n_open; i++) {
        queue_update(&s->queue[i]);
    }
    return true;
}

static bool tap_open(Netdev *nd, Error **errp)
{
    NetTap *s = tap_of(nd);

    return check_options(s, errp) &&
           (s->fd_text    ? open_given(s, s->fd_text, errp)
            : s->fds_text ? open_given(s, s->fds_text, errp)
            : s->helper   ? open_by_helper(s, errp)
                          : open_and_configure(s, errp)) &&
           tap_ready(s);
}

static bool bridge_open(Netdev *nd, Error **errp)
{
    NetTap *s = tap_of(nd);

    return open_by_helper(s, errp) && tap_ready(s);
}

static void tap_close(Netdev *nd)
{
    NetTap *s = tap_of(nd);
    const char *script = script_of(s->downscript, "/etc/qemu-ifdown");
    Error *err = NULL;

    for (unsigned i = 0; i < s->n_open; i++) {
        loop_set_fd(nd->m->loop, s->queue[i].fd, NULL, NULL, NULL);
    }
    if (s->down && script && !tap_run_script(script, s->name, &err)) {
        warn_report("%s", error_text(err));
        error_free(err);
    }
    for (unsigned i = 0; i < s->n_open; i++) {
        close(s->queue[i].fd);
    }
    g_free(s->queue);
}

static char *tap_info(Netdev *nd)
{
    NetTap *s = tap_of(nd);

    return g_strdup_printf("ifname=%s,queues=%u,vnet_hdr=%s", s->name,
                           s->n_open, s->host_hdr ? "on" : "off");
}

/* --- types --- */

static const Property tap_props[] = {
    PROP(str, NetTap, ifname, "ifname", NULL, "name of the interface"),
    PROP(str, NetTap, fd_text, "fd", NULL, "an open tap device"),
    PROP(str, NetTap, fds_text, "fds", NULL, "its queues, FD:FD:..."),
    PROP(str, NetTap, script, "script", NULL,
         "configures the interface; /etc/qemu-ifup, or no"),
    PROP(str, NetTap, downscript, "downscript", NULL,
         "undoes that; /etc/qemu-ifdown, or no"),
    PROP(str, NetTap, br, "br", NULL, "bridge for the helper, br0"),
    PROP(str, NetTap, helper, "helper", NULL,
         "program that makes the device and plugs it into a bridge"),
    PROP(u64, NetTap, n_queues, "queues", "0", "queues to make; 1"),
    PROP(size, NetTap, sndbuf, "sndbuf", "0", "bytes in flight; 0: no limit"),
    PROP(onoffauto, NetTap, vnet_hdr, "vnet_hdr", "auto",
         "offloads by the kernel; if it can"),
    PROP(onoffauto, NetTap, vhost, "vhost", "auto",
         "only off: packets by the kernel"),
    PROP(onoffauto, NetTap, vhostforce, "vhostforce", "auto", "only off"),
    PROP(str, NetTap, vhostfd, "vhostfd", NULL, "not supported"),
    PROP(str, NetTap, vhostfds, "vhostfds", NULL, "not supported"),
    { 0 },
};

const NetdevType netdev_tap_type = {
    .name = "netdev-tap",
    .parent = TYPE(netdev_type),
    .description = "a tap device of the host",
    .size = sizeof(NetTap),
    .props = tap_props,
    .driver = "tap",
    .open = tap_open,
    .close = tap_close,
    .send = tap_send,
    .receivable = tap_receivable,
    .set_hdr_len = tap_set_hdr_len,
    .set_offloads = tap_set_offloads,
    .set_queues = tap_set_queues,
    .info = tap_info,
};

static const Property bridge_props[] = {
    PROP(str, NetTap, br, "br", NULL, "bridge to join, br0"),
    PROP(str, NetTap, helper, "helper", NULL, "program that does it"),
    { 0 },
};

const NetdevType netdev_bridge_type = {
    .name = "netdev-bridge",
    .parent = TYPE(netdev_type),
    .description = "a tap device in a bridge, by a helper program",
    .size = sizeof(NetTap),
    .props = bridge_props,
    .driver = "bridge",
    .open = bridge_open,
    .close = tap_close,
    .send = tap_send,
    .receivable = tap_receivable,
    .set_hdr_len = tap_set_hdr_len,
    .set_offloads = tap_set_offloads,
    .info = tap_info,
};
