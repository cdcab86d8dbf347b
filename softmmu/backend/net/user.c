/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User-mode network: libslirp behind `-netdev user`, by its public header.
 * Its descriptors are watched by the main loop; after anything that may have
 * changed them (input, a timer, readiness) a bottom half asks again which
 * ones matter.
 */
#include "tandem/base.h"

#include <arpa/inet.h>
#include <libslirp.h>
#include <netinet/in.h>
#include <poll.h>

#include "internal.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/base/parse.h"

typedef struct NetUser NetUser;

/* guestfwd= to a character device: one connection at a time. */
typedef struct GuestFwd {
    NetUser *user;
    CharFrontend fe;
    struct in_addr addr;
    uint16_t port;
    GByteArray *waiting; /* what the device did not take yet; saved */
} GuestFwd;

/* Waiting bytes of one device at which the guest is held up: a window. */
enum { GUESTFWD_FULL = 65536, GUESTFWD_STATE_MAX = 1 << 20 };

struct NetUser {
    Netdev parent;
    /* properties */
    bool ipv4, ipv6, restricted;
    char *net, *host, *dhcpstart, *dns, *hostname, *domainname;
    char *ipv6_prefix, *ipv6_host, *ipv6_dns, *ipv6_net;
    uint32_t ipv6_prefixlen;
    char *tftp, *tftp_server_name, *bootfile, *smb, *smbserver;
    char **hostfwd, **guestfwd, **dnssearch;
    /* the rest */
    SlirpConfig config;
    Slirp *slirp;
    GPtrArray *forwards; /* GuestFwd * */
    GArray *polled;      /* struct pollfd, as slirp last asked */
    GHashTable *watched; /* fd -> events watched */
    BottomHalf *refill;
    Timer timeout;
    Notifier on_reset;
};

static NetUser *user_of(Netdev *nd)
{
    return object_cast(nd, &netdev_user_type);
}

/* --- readiness --- */

static const struct {
    short poll;
    int slirp;
} event_map[] = {
    { POLLIN, SLIRP_POLL_IN },   { POLLOUT, SLIRP_POLL_OUT },
    { POLLPRI, SLIRP_POLL_PRI }, { POLLERR, SLIRP_POLL_ERR },
    { POLLHUP, SLIRP_POLL_HUP },
};

static int add_poll(int fd, int events, void *opaque)
{
    NetUser *s = opaque;
    struct pollfd p = { .fd = fd };

    for (size_t i = 0; i < ARRAY_SIZE(event_map); i++) {
        p.events |= events & event_map[i].slirp ? event_map[i].poll : 0;
    }
    g_array_append_val(s->polled, p);
    return s->polled->len - 1;
}

static int get_revents(int index, void *opaque)
{
    NetUser *s = opaque;
    int out = 0;

    if (index < 0 || index >= (int)s->polled->len) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(event_map); i++) {
        short got = g_array_index(s->polled, struct pollfd, index).revents;

        out |= got & event_map[i].poll ? event_map[i].slirp : 0;
    }
    return out;
}

/*
 * Some descriptor is ready, or a time came: look at all. While the guest has
 * no room, the host is not read: only slirp's timers run, as after a poll
 * that failed.
 */
static void user_ready(void *opaque)
{
    NetUser *s = opaque;
    bool room = netdev_may_receive(&s->parent, 0);
    int n =
        room ? poll((struct pollfd *)s->polled->data, s->polled->len, 0) : -1;

    slirp_pollfds_poll(s->slirp, n < 0, get_revents, s);
    /* An answer serves once: slirp's buffers are fuller now than when it asked,
     * and it takes a second "readable" for room that it has (soread()). */
    g_array_set_size(s->polled, 0);
    bh_schedule(s->refill);
}

static void unwatch(NetUser *s, int fd)
{
    if (g_hash_table_remove(s->watched, GINT_TO_POINTER(fd))) {
        loop_set_fd(s->parent.m->loop, fd, NULL, NULL, NULL);
    }
}

static void watch(NetUser *s, int fd, short events)
{
    short had =
        GPOINTER_TO_INT(g_hash_table_lookup(s->watched, GINT_TO_POINTER(fd)));

    if (had != events) {
        g_hash_table_insert(s->watched, GINT_TO_POINTER(fd),
                            GINT_TO_POINTER((int)events));
        loop_set_fd(s->parent.m->loop, fd,
                    events & (POLLIN | POLLPRI) ? user_ready : NULL,
                    events & POLLOUT ? user_ready : NULL, s);
    }
}

static bool is_polled(const NetUser *s, int fd)
{
    for (guint i = 0; i < s->polled->len; i++) {
        const struct pollfd *p = &g_array_index(s->polled, struct pollfd, i);

        if (p->fd == fd && p->events) {
            return true;
        }
    }
    return false;
}

static void drop_unpolled(NetUser *s)
{
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, s->watched);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        int fd = GPOINTER_TO_INT(key);

        if (!is_polled(s, fd)) {
            loop_set_fd(s->parent.m->loop, fd, NULL, NULL, NULL);
            g_hash_table_iter_remove(&it);
        }
    }
}

/* An earlier deadline stands: slirp counts from its last poll. */
static void set_timeout(NetUser *s, uint32_t timeout_ms)
{
    int64_t now = clock_now_ns(s->parent.m->clocks, CLOCK_VIRTUAL_RT);
    int64_t deadline = now + (int64_t)MAX(timeout_ms, 1) * 1000000;

    if (timeout_ms == UINT32_MAX) {
        timer_cancel(&s->timeout);
    } else if (!timer_pending(&s->timeout) ||
               deadline < s->timeout.deadline_ns) {
        timer_set(&s->timeout, deadline);
    }
}

/* Ask slirp anew what it waits for. Without room for the guest it waits for
 * that; user_receivable() asks again. */
static void user_refill(void *opaque)
{
    NetUser *s = opaque;
    uint32_t timeout_ms = UINT32_MAX;

    g_array_set_size(s->polled, 0);
    slirp_pollfds_fill(s->slirp, &timeout_ms, add_poll, s);
    if (!netdev_may_receive(&s->parent, 0)) {
        g_array_set_size(s->polled, 0);
    }
    drop_unpolled(s);
    for (guint i = 0; i < s->polled->len; i++) {
        struct pollfd *p = &g_array_index(s->polled, struct pollfd, i);

        if (p->events) {
            watch(s, p->fd, p->events);
        }
    }
    set_timeout(s, timeout_ms);
}

/* --- what slirp calls --- */

static ssize_t cb_send_packet(const void *buf, size_t len, void *opaque)
{
    NetUser *s = opaque;

    /* One input may bring a whole window of frames at once, and the NIC takes
     * none while it sends: they wait at its port. */
    netdev_receive(&s->parent, 0, buf, len);
    return len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
    log_guest_error("netdev user: %s", msg);
}

static int64_t cb_clock_get_ns(void *opaque)
{
    NetUser *s = opaque;

    return clock_now_ns(s->parent.m->clocks, CLOCK_VIRTUAL_RT);
}

typedef struct UserTimer {
    Timer timer;
    NetUser *user;
    SlirpTimerId id;
    void *opaque;
} UserTimer;

static void timer_fired(void *opaque)
{
    UserTimer *t = opaque;

    slirp_handle_timer(t->user->slirp, t->id, t->opaque);
    bh_schedule(t->user->refill);
}

static void *cb_timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    NetUser *s = opaque;
    UserTimer *t = g_new0(UserTimer, 1);

    t->user = s;
    t->id = id;
    t->opaque = cb_opaque;
    timer_init(&t->timer, s->parent.m->loop, CLOCK_VIRTUAL_RT, timer_fired, t);
    return t;
}

static void cb_timer_free(void *timer, void *opaque)
{
    timer_cancel(&((UserTimer *)timer)->timer);
    g_free(timer);
}

static void cb_timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    timer_set(&((UserTimer *)timer)->timer, expire_ms * 1000000);
}

static void cb_register_fd(int fd, void *opaque)
{
    bh_schedule(((NetUser *)opaque)->refill);
}

static void cb_unregister_fd(int fd, void *opaque)
{
    unwatch(opaque, fd); /* it is closed next, and its number used again */
}

static void cb_notify(void *opaque)
{
    bh_schedule(((NetUser *)opaque)->refill);
}

static const SlirpCb callbacks = {
    .send_packet = cb_send_packet,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_clock_get_ns,
    .timer_new_opaque = cb_timer_new,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_register_fd,
    .unregister_poll_fd = cb_unregister_fd,
    .notify = cb_notify,
};

/* --- addresses --- */

static bool parse_ip4(const char *text, struct in_addr *out)
{
    return inet_pton(AF_INET, text, out) == 1;
}

/* "10.0.2.0/24", "10.0.2.0/255.255.255.0", /24 without a mask. */
static bool set_net(NetUser *s, Error **errp)
{
    const char *text = s->net ? s->net : "10.0.2.0/24";
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    uint64_t bits = 24;
    uint32_t mask;

    if (!parts[0] || !parse_ip4(parts[0], &s->config.vnetwork)) {
        error_set(errp, "Failed to parse netmask or network");
        return false;
    }
    if (parts[1] && strchr(parts[1], '.')) {
        if (!parse_ip4(parts[1], &s->config.vnetmask)) {
            error_set(errp, "Failed to parse netmask");
            return false;
        }
        mask = ntohl(s->config.vnetmask.s_addr);
        if (~mask & (~mask + 1)) {
            error_set(errp, "Invalid netmask");
            return false;
        }
    } else if (parts[1] &&
               (!parse_u64(parts[1], &bits) || bits < 4 || bits > 30)) {
        error_set(errp, "Invalid netmask provided (must be in range 4-30)");
        return false;
    } else {
        s->config.vnetmask.s_addr = htonl(UINT32_MAX << (32 - bits));
    }
    s->config.vnetwork.s_addr &= s->config.vnetmask.s_addr;
    return true;
}

/* One address inside the network: as given, or network + @host. */
static bool set_inside(NetUser *s, const char *text, uint32_t host,
                       const char *name, struct in_addr *out, Error **errp)
{
    const SlirpConfig *c = &s->config;

    if (!text) {
        out->s_addr = c->vnetwork.s_addr | (htonl(host) & ~c->vnetmask.s_addr);
        return true;
    }
    if (!parse_ip4(text, out)) {
        error_set(errp, "Failed to parse %s address", name);
        return false;
    }
    if ((out->s_addr & c->vnetmask.s_addr) != c->vnetwork.s_addr) {
        error_set(errp, "%s doesn't belong to network", name);
        return false;
    }
    return true;
}

static bool set_ip4(NetUser *s, Error **errp)
{
    SlirpConfig *c = &s->config;

    if (!set_net(s, errp) ||
        !set_inside(s, s->host, 2, "Host", &c->vhost, errp) ||
        !set_inside(s, s->dhcpstart, 15, "DHCP", &c->vdhcp_start, errp) ||
        !set_inside(s, s->dns, 3, "DNS", &c->vnameserver, errp)) {
        return false;
    }
    if (c->vhost.s_addr == c->vnameserver.s_addr) {
        error_set(errp, "DNS must be different from host");
        return false;
    }
    if (c->vdhcp_start.s_addr == c->vhost.s_addr ||
        c->vdhcp_start.s_addr == c->vnameserver.s_addr) {
        error_set(errp, "DHCP must be different from host and DNS");
        return false;
    }
    return true;
}

/* As given, or the prefix and @last. */
static bool set_inside6(NetUser *s, const char *text, uint8_t last,
                        const char *name, struct in6_addr *out, Error **errp)
{
    *out = s->config.vprefix_addr6;
    out->s6_addr[15] = last;
    if (text && inet_pton(AF_INET6, text, out) != 1) {
        error_set(errp, "Failed to parse IPv6 %s address", name);
        return false;
    }
    return true;
}

/* ipv6-net=PREFIX/LEN is the short form of ipv6-prefix=, ipv6-prefixlen=. */
static bool set_ip6(NetUser *s, Error **errp)
{
    SlirpConfig *c = &s->config;
    g_auto(GStrv) parts = g_strsplit(s->ipv6_net ? s->ipv6_net : "", "/", 2);
    const char *prefix = s->ipv6_net ? parts[0] : s->ipv6_prefix;
    uint64_t len = s->ipv6_prefixlen;

    if (s->ipv6_net && parts[1] && !parse_u64(parts[1], &len)) {
        len = 0;
    }
    if (inet_pton(AF_INET6, prefix, &c->vprefix_addr6) != 1) {
        error_set(errp, "Failed to parse IPv6 prefix");
        return false;
    }
    if (len < 1 || len > 126) {
        error_set(errp, "Invalid IPv6 prefix length (must be in range 1-126)");
        return false;
    }
    c->vprefix_len = len;
    return set_inside6(s, s->ipv6_host, 2, "host", &c->vhost6, errp) &&
           set_inside6(s, s->ipv6_dns, 3, "DNS", &c->vnameserver6, errp);
}

/* --- forwarding --- */

typedef struct Endpoint {
    struct sockaddr_storage addr;
    socklen_t len;
} Endpoint;

/* "1.2.3.4:80", ":80", "[v6]:80"; ends at the end of @text. @any stands for
 * an empty address. */
static bool parse_endpoint(const char *text, struct in_addr any, bool zero_ok,
                           Endpoint *out)
{
    const char *colon = strrchr(text, ':');
    g_autofree char *host = NULL;
    uint64_t port;

    if (!colon || !parse_u64(colon + 1, &port) || port > 65535 ||
        (port == 0 && !zero_ok)) {
        return false;
    }
    host = g_strndup(text, colon - text);
    memset(out, 0, sizeof(*out));
    if (host[0] == '[' && host[strlen(host) - 1] == ']') {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->addr;

        host[strlen(host) - 1] = '\0';
        out->len = sizeof(*in6);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)&out->addr;

        out->len = sizeof(*in);
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        in->sin_addr = any;
        return host[0] == '\0' || parse_ip4(host, &in->sin_addr);
    }
}

typedef struct Rule {
    int flags; /* SLIRP_HOSTFWD_* */
    Endpoint host, guest;
} Rule;

/* "tcp", "udp" or nothing before the first colon. */
static const char *parse_protocol(const char *text, int *flags)
{
    *flags = g_str_has_prefix(text, "udp:") ? SLIRP_HOSTFWD_UDP : 0;
    return *flags || g_str_has_prefix(text, "tcp:") ? text + 4
           : text[0] == ':'                         ? text + 1
                                                    : NULL;
}

/* [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport; the guest's part only
 * when @full. */
static bool parse_rule(NetUser *s, const char *text, bool full, Rule *r)
{
    struct in_addr any = { htonl(INADDR_ANY) };
    const char *rest = parse_protocol(text, &r->flags);
    const char *dash = rest ? strstr(rest, "-") : NULL;
    g_autofree char *host = NULL;

    if (!rest || (full && !dash)) {
        return false;
    }
    host = dash ? g_strndup(rest, dash - rest) : g_strdup(rest);
    if (!parse_endpoint(host, any, full, &r->host)) {
        return false;
    }
    if (r->host.addr.ss_family == AF_INET6) {
        r->flags |= SLIRP_HOSTFWD_V6ONLY;
    }
    return !full ||
           parse_endpoint(dash + 1, s->config.vdhcp_start, false, &r->guest);
}

static bool add_hostfwd(NetUser *s, const char *text, Error **errp)
{
    Rule r;

    if (!parse_rule(s, text, true, &r)) {
        error_set(errp, "Invalid host forwarding rule '%s'", text);
        return false;
    }
    if (slirp_add_hostxfwd(s->slirp, (struct sockaddr *)&r.host.addr,
                           r.host.len, (struct sockaddr *)&r.guest.addr,
                           r.guest.len, r.flags) < 0) {
        error_set_errno(errp, errno,
                        "Could not set up host forwarding rule '%s'", text);
        return false;
    }
    bh_schedule(s->refill);
    return true;
}

static bool guestfwd_is_full(const NetUser *s)
{
    for (guint i = 0; i < s->forwards->len; i++) {
        const GuestFwd *f = g_ptr_array_index(s->forwards, i);

        if (f->waiting->len >= GUESTFWD_FULL) {
            return true;
        }
    }
    return false;
}

static void guestfwd_drain(GuestFwd *f)
{
    size_t n = char_write(&f->fe, f->waiting->data, f->waiting->len);

    if (n > 0) {
        g_byte_array_remove_range(f->waiting, 0, n);
    }
}

/* libslirp has acknowledged it all, and asks for no answer. */
static ssize_t guestfwd_write(const void *buf, size_t len, void *opaque)
{
    GuestFwd *f = opaque;

    g_byte_array_append(f->waiting, buf, len);
    guestfwd_drain(f);
    return len;
}

static void guestfwd_writable(void *opaque)
{
    GuestFwd *f = opaque;
    bool was_full = guestfwd_is_full(f->user);

    guestfwd_drain(f);
    if (was_full && !guestfwd_is_full(f->user)) {
        netdev_writable(&f->user->parent, 0);
    }
}

static int guestfwd_can_receive(void *opaque)
{
    GuestFwd *f = opaque;

    size_t room = slirp_socket_can_recv(f->user->slirp, f->addr, f->port);

    return MIN(room, 65536);
}

static void guestfwd_receive(void *opaque, const uint8_t *data, int len)
{
    GuestFwd *f = opaque;

    slirp_socket_recv(f->user->slirp, f->addr, f->port, data, len);
    bh_schedule(f->user->refill);
}

static const CharHandlers guestfwd_handlers = {
    .can_receive = guestfwd_can_receive,
    .receive = guestfwd_receive,
    .writable = guestfwd_writable,
};

static void guestfwd_free(void *opaque)
{
    GuestFwd *f = opaque;

    char_detach(&f->fe);
    g_byte_array_unref(f->waiting);
    g_free(f);
}

static bool guestfwd_chardev(NetUser *s, const Endpoint *e, const char *device,
                             Error **errp)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&e->addr;
    Machine *m = s->parent.m;
    g_autofree char *id =
        g_strdup_printf("guestfwd.tcp.%u", (unsigned)ntohs(in->sin_port));
    GuestFwd *f;
    Chardev *chr;

    if (!chardev_from_legacy(m, device, id, &chr, errp)) {
        return false;
    }
    f = g_new0(GuestFwd, 1);
    *f = (GuestFwd){ .user = s,
                     .addr = in->sin_addr,
                     .port = ntohs(in->sin_port),
                     .waiting = g_byte_array_new() };
    if (!char_attach(&f->fe, chr, m->gate, m->loop, id, &guestfwd_handlers, f,
                     errp)) {
        g_byte_array_unref(f->waiting);
        g_free(f);
        return false;
    }
    g_ptr_array_add(s->forwards, f);
    if (slirp_add_guestfwd(s->slirp, guestfwd_write, f, &f->addr, f->port) <
        0) {
        error_set(errp, "Could not set up guest forwarding");
        return false;
    }
    return true;
}

/* [tcp]:server:port-dev, or -cmd:command for a process per connection. */
static bool add_guestfwd(NetUser *s, const char *text, Error **errp)
{
    struct in_addr none = { 0 };
    int flags;
    const char *rest = parse_protocol(text, &flags);
    const char *dash = rest ? strchr(rest, '-') : NULL;
    g_autofree char *server = dash ? g_strndup(rest, dash - rest) : NULL;
    struct sockaddr_in *in;
    Endpoint e;

    if (!server || flags || !parse_endpoint(server, none, false, &e) ||
        e.addr.ss_family != AF_INET) {
        error_set(errp, "Invalid guest forwarding rule '%s'", text);
        return false;
    }
    in = (struct sockaddr_in *)&e.addr;
    if (!g_str_has_prefix(dash + 1, "cmd:")) {
        return guestfwd_chardev(s, &e, dash + 1, errp);
    }
    if (slirp_add_exec(s->slirp, dash + 5, &in->sin_addr, ntohs(in->sin_port)) <
        0) {
        error_set(errp, "Invalid guest forwarding rule '%s'", text);
        return false;
    }
    return true;
}

/* --- life --- */

static void drop_waiting(void *obj)
{
    NetUser *s = obj;

    for (guint i = 0; i < s->forwards->len; i++) {
        GuestFwd *f = g_ptr_array_index(s->forwards, i);

        g_byte_array_set_size(f->waiting, 0);
    }
}

/* A load that failed ends in a reset: the side that goes on says it. */
static void machine_was_reset(Notifier *n, void *data)
{
    NetUser *s = container_of(n, NetUser, on_reset);

    if (s->parent.m->state == RUN_STATE_INMIGRATE) {
        drop_waiting(s);
    }
}

static bool check_texts(NetUser *s, Error **errp)
{
    if (s->smb || s->smbserver) {
        error_set(errp, "'smb' is not supported: this build runs no SMB "
                        "server");
        return false;
    }
    if (!s->ipv4 && !s->ipv6) {
        error_set(errp, "IPv4 and IPv6 disabled");
        return false;
    }
    if (s->domainname && strlen(s->domainname) > 255) {
        error_set(errp, "'domainname' parameter cannot exceed 255 bytes");
        return false;
    }
    if ((s->tftp_server_name && strlen(s->tftp_server_name) > 255) ||
        (s->hostname && strlen(s->hostname) > 255) ||
        (s->bootfile && strlen(s->bootfile) > 127)) {
        error_set(errp, "'%s' is too long",
                  s->bootfile && strlen(s->bootfile) > 127 ? "bootfile"
                                                           : "hostname");
        return false;
    }
    return set_ip4(s, errp) && set_ip6(s, errp);
}

static bool add_rules(NetUser *s, Error **errp)
{
    for (char **r = s->hostfwd; r && *r; r++) {
        if (!add_hostfwd(s, *r, errp)) {
            return false;
        }
    }
    for (char **r = s->guestfwd; r && *r; r++) {
        if (!add_guestfwd(s, *r, errp)) {
            return false;
        }
    }
    return true;
}

static bool user_open(Netdev *nd, Error **errp)
{
    NetUser *s = user_of(nd);
    SlirpConfig *c = &s->config;

    if (!check_texts(s, errp)) {
        return false;
    }
    c->version = 4; /* what the callbacks are of */
    c->restricted = s->restricted;
    c->in_enabled = s->ipv4;
    c->in6_enabled = s->ipv6;
    c->vhostname = s->hostname;
    c->tftp_server_name = s->tftp_server_name;
    c->tftp_path = s->tftp;
    c->bootfile = s->bootfile;
    c->vdnssearch = (const char **)s->dnssearch;
    c->vdomainname = s->domainname;
    s->polled = g_array_new(FALSE, TRUE, sizeof(struct pollfd));
    s->watched = g_hash_table_new(NULL, NULL);
    s->forwards = g_ptr_array_new_with_free_func(guestfwd_free);
    s->refill = bh_new(nd->m->loop, user_refill, s);
    timer_init(&s->timeout, nd->m->loop, CLOCK_VIRTUAL_RT, user_ready, s);
    s->on_reset.fn = machine_was_reset;
    notifier_add(nd->m->on_reset, &s->on_reset);
    s->slirp = slirp_new(c, &callbacks, s);
    if (!s->slirp) {
        error_set(errp, "libslirp refused the configuration");
        return false;
    }
    nd->port[0].checked = true; /* libslirp makes all it sends itself */
    bh_schedule(s->refill);
    return add_rules(s, errp);
}

static void user_close(Netdev *nd)
{
    NetUser *s = user_of(nd);

    if (!s->polled) {
        return;
    }
    notifier_remove(nd->m->on_reset, &s->on_reset);
    g_ptr_array_unref(s->forwards);
    s->forwards = NULL;
    g_array_set_size(s->polled, 0);
    if (s->slirp) {
        slirp_cleanup(s->slirp);
    }
    drop_unpolled(s);
    bh_free(s->refill);
    timer_cancel(&s->timeout);
    g_array_unref(s->polled);
    g_hash_table_unref(s->watched);
}

static bool user_send(Netdev *nd, unsigned queue, const uint8_t *data,
                      size_t len)
{
    NetUser *s = user_of(nd);

    if (guestfwd_is_full(s)) {
        return false; /* guestfwd_writable() goes on */
    }
    slirp_input(s->slirp, data, len);
    bh_schedule(s->refill);
    return true;
}

static void user_receivable(Netdev *nd, unsigned queue)
{
    bh_schedule(user_of(nd)->refill);
}

static char *user_info(Netdev *nd)
{
    NetUser *s = user_of(nd);
    char net[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &s->config.vnetwork, net, sizeof(net));
    inet_ntop(AF_INET, &s->config.vnetmask, mask, sizeof(mask));
    return g_strdup_printf("net=%s,mask=%s,restrict=%s", net, mask,
                           s->restricted ? "on" : "off");
}

/* --- saved state --- */

/*
 * libslirp saves what its guestfwd connections hold and the addresses that
 * DHCP has given. A connection to the outside is the host's, and does not
 * move: the guest's next segment gets a RST, as from a peer that rebooted.
 */
enum { SLIRP_STATE_MAX = 1 << 20 };

static ssize_t state_out(const void *buf, size_t len, void *opaque)
{
    g_byte_array_append(opaque, buf, len);
    return len;
}

static void slirp_save(const void *field, const void *obj, VmBuffer *b)
{
    const NetUser *s = obj;
    g_autoptr(GByteArray) state = g_byte_array_new();

    slirp_state_save(s->slirp, state_out, state);
    vm_put_u64(b, slirp_state_version());
    vm_put_u64(b, state->len);
    vm_put(b, state->data, state->len);
}

static void waiting_save(const void *field, const void *obj, VmBuffer *b)
{
    const NetUser *s = obj;

    vm_put_u64(b, s->forwards->len);
    for (guint i = 0; i < s->forwards->len; i++) {
        const GuestFwd *f = g_ptr_array_index(s->forwards, i);

        vm_put_u64(b, f->waiting->len);
        vm_put(b, f->waiting->data, f->waiting->len);
    }
}

typedef struct StateIn {
    const uint8_t *data;
    size_t left;
} StateIn;

static ssize_t state_in(void *buf, size_t len, void *opaque)
{
    StateIn *in = opaque;

    if (len > in->left) {
        in->left = 0;
        return 0; /* libslirp reads zeros then, and ends */
    }
    memcpy(buf, in->data, len);
    in->data += len;
    in->left -= len;
    return len;
}

/* The first byte says that a connection follows: none can without a
 * guestfwd, and libslirp would let the stream size its buffers. */
static bool state_plausible(const NetUser *s, const uint8_t *data, size_t len)
{
    return len > 0 && (data[0] == 0 || s->forwards->len > 0);
}

/* They are said when the machine goes on: char_write() holds them till then. */
static bool waiting_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    NetUser *s = obj;

    if (vm_get_u64(b) != s->forwards->len || b->failed) {
        error_set(errp, "another number of guestfwd= devices");
        return false;
    }
    for (guint i = 0; i < s->forwards->len; i++) {
        GuestFwd *f = g_ptr_array_index(s->forwards, i);
        uint64_t len = vm_get_u64(b);

        if (b->failed || len > GUESTFWD_STATE_MAX) {
            error_set(errp, "%" PRIu64 " bytes for a guestfwd= device", len);
            return false;
        }
        g_byte_array_set_size(f->waiting, len);
        if (!vm_get(b, f->waiting->data, len)) {
            g_byte_array_set_size(f->waiting, 0);
            return false;
        }
        guestfwd_drain(f);
    }
    return true;
}

static bool slirp_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    NetUser *s = obj;
    uint64_t version = vm_get_u64(b), len = vm_get_u64(b);
    g_autofree uint8_t *data = NULL;
    StateIn in;

    if (b->failed || len > SLIRP_STATE_MAX) {
        error_set(errp, "%" PRIu64 " bytes of libslirp's state", len);
        return false;
    }
    data = g_malloc(len + 1);
    if (!vm_get(b, data, len)) {
        return false;
    }
    in = (StateIn){ data, len };
    if (version > INT_MAX || (int)version > slirp_state_version() ||
        !state_plausible(s, data, len) ||
        slirp_state_load(s->slirp, (int)version, state_in, &in) < 0) {
        error_set(errp,
                  "libslirp's state of version %" PRIu64 " does not load here",
                  version);
        return false;
    }
    bh_schedule(s->refill);
    return true;
}

static const VmCustom vm_slirp = { slirp_save, slirp_load };
static const VmCustom vm_waiting = { waiting_save, waiting_load };
static const VmField user_fields[] = {
    VM_CUSTOM(NetUser, slirp, vm_slirp),
    { .name = "waiting",
      .offset = offsetof(NetUser, forwards),
      .kind = VM_KIND_CUSTOM,
      .custom = &vm_waiting,
      .since = 2 },
    { 0 },
};
static const VmState user_vmstate = {
    .name = "netdev-user",
    .version = 2,
    .fields = user_fields,
    .pre_load = drop_waiting,
    .optional = true,
};

static const Property user_props[] = {
    PROP(bool, NetUser, ipv4, "ipv4", "on", "offer IPv4"),
    PROP(bool, NetUser, ipv6, "ipv6", "on", "offer IPv6"),
    PROP(str, NetUser, net, "net", NULL, "IPv4 network, 10.0.2.0/24"),
    PROP(str, NetUser, host, "host", NULL, "address of the host, x.2"),
    PROP(str, NetUser, dhcpstart, "dhcpstart", NULL,
         "first of 16 addresses to give, x.15"),
    PROP(str, NetUser, dns, "dns", NULL, "address of the name server, x.3"),
    PROP(str, NetUser, ipv6_net, "ipv6-net", NULL, "prefix/length"),
    PROP(str, NetUser, ipv6_prefix, "ipv6-prefix", "fec0::", "IPv6 prefix"),
    PROP(u32, NetUser, ipv6_prefixlen, "ipv6-prefixlen", "64",
         "length of the prefix in bits"),
    PROP(str, NetUser, ipv6_host, "ipv6-host", NULL, "host, prefix::2"),
    PROP(str, NetUser, ipv6_dns, "ipv6-dns", NULL, "name server, prefix::3"),
    PROP(bool, NetUser, restricted, "restrict", "off",
         "isolate the guest from the host and the outside"),
    PROP(str, NetUser, hostname, "hostname", NULL, "what DHCP calls the guest"),
    PROP(str, NetUser, domainname, "domainname", NULL, "what DHCP says"),
    PROP(str, NetUser, tftp, "tftp", NULL, "folder to serve by TFTP"),
    PROP(str, NetUser, tftp_server_name, "tftp-server-name", NULL,
         "RFC 2132 option 66"),
    PROP(str, NetUser, bootfile, "bootfile", NULL, "file that DHCP names"),
    PROP(str, NetUser, smb, "smb", NULL, "not supported"),
    PROP(str, NetUser, smbserver, "smbserver", NULL, "not supported"),
    PROP_NET_STRINGS(NetUser, hostfwd, "hostfwd",
                     "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport"),
    PROP_NET_STRINGS(NetUser, guestfwd, "guestfwd",
                     "[tcp]:server:port-CHARDEV or -cmd:COMMAND"),
    PROP_NET_STRINGS(NetUser, dnssearch, "dnssearch",
                     "domains that DHCP gives"),
    { 0 },
};

const NetdevType netdev_user_type = {
    .name = "netdev-user",
    .parent = TYPE(netdev_type),
    .description = "user-mode network, without privileges",
    .size = sizeof(NetUser),
    .props = user_props,
    .driver = "user",
    .open = user_open,
    .close = user_close,
    .send = user_send,
    .receivable = user_receivable,
    .info = user_info,
    .vmstate = &user_vmstate,
};

/* --- monitor commands --- */

/* @id NULL: the only one there is. */
static NetUser *find_user(Machine *m, const char *id, Error **errp)
{
    GPtrArray *all = net_core(m)->parent.children;
    NetUser *found = NULL;

    for (guint i = 0; all && i < all->len; i++) {
        NetUser *s =
            object_try_cast(g_ptr_array_index(all, i), &netdev_user_type);

        if (!s || (id && strcmp(id, netdev_id(&s->parent)) != 0)) {
            continue;
        }
        if (found) {
            error_set(errp, "several user-mode network stacks: name one");
            return NULL;
        }
        found = s;
    }
    if (!found) {
        error_set(errp,
                  id ? "'%s' is no user-mode network stack"
                     : "user mode network stack not in use",
                  id);
    }
    return found;
}

bool net_hostfwd_add(Machine *m, const char *id, const char *rule, Error **errp)
{
    NetUser *s = find_user(m, id, errp);

    return s && add_hostfwd(s, rule, errp);
}

bool net_hostfwd_remove(Machine *m, const char *id, const char *rule,
                        Error **errp)
{
    NetUser *s = find_user(m, id, errp);
    Rule r;

    if (!s) {
        return false;
    }
    if (!parse_rule(s, rule, false, &r)) {
        error_set(errp, "invalid format");
        return false;
    }
    if (slirp_remove_hostxfwd(s->slirp, (struct sockaddr *)&r.host.addr,
                              r.host.len, r.flags) < 0) {
        error_set(errp, "host forwarding rule for %s not found", rule);
        return false;
    }
    bh_schedule(s->refill);
    return true;
}

char *net_user_info(Machine *m)
{
    GPtrArray *all = net_core(m)->parent.children;
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; all && i < all->len; i++) {
        NetUser *s =
            object_try_cast(g_ptr_array_index(all, i), &netdev_user_type);
        char *text = s ? slirp_connection_info(s->slirp) : NULL;

        if (s) {
            g_string_append_printf(out, "Hub -1 (%s):\n%s",
                                   netdev_id(&s->parent), text);
        }
        free(text);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}
