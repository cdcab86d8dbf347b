/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network's core, and the user-mode network. */
#include "tandem/base.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net-test.h"
#include "softmmu/object/vmstate.h"

/* --- the user-mode network --- */

static void the_host_answers_arp(void)
{
    g_autoptr(Bare) f = setup();
    uint8_t arp[42];
    const uint8_t *p;
    TestNic *n;
    gsize len;

    netdev(f, "user,id=u,ipv6=off");
    n = nic_on(f, "test-nic,netdev=u");
    make_arp(arp, 2);
    g_assert_true(send_frame(n, arp, sizeof(arp)));
    wait_for(f, n, 1);
    p = frame(n, 0, &len);
    g_assert_cmpuint(len, >=, 42);
    g_assert_cmpmem(p, 6, arp + 6, 6);
    g_assert_cmphex(p[12] << 8 | p[13], ==, 0x0806);
    g_assert_cmpuint(p[21], ==, 2);                    /* reply */
    g_assert_cmpmem(p + 28, 4, "\x0a\x00\x02\x02", 4); /* sender */
}

/* RFC 2131 and 2132: a DISCOVER brings an OFFER of dhcpstart=. */
static void dhcp_offers_the_first_address(void)
{
    g_autoptr(Bare) f = setup();
    uint8_t d[14 + 20 + 8 + 244] = { 0 };
    uint8_t *ip = d + 14, *udp = ip + 20, *boot = udp + 8;
    uint32_t sum = 0;
    const uint8_t *p;
    TestNic *n;
    gsize len;

    memset(d, 0xff, 6);
    memcpy(d + 6, "\x52\x54\x00\x12\x34\x56\x08\x00", 8);
    ip[0] = 0x45;
    st16_be(ip + 2, sizeof(d) - 14);
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    memset(ip + 16, 0xff, 4);
    for (int i = 0; i < 20; i += 2) {
        sum += ld16_be(ip + i);
    }
    st16_be(ip + 10, ~((sum & 0xffff) + (sum >> 16)));
    st16_be(udp, 68);
    st16_be(udp + 2, 67);
    st16_be(udp + 4, sizeof(d) - 34);
    memcpy(boot, "\x01\x01\x06\x00\x12\x34\x56\x78", 8);
    memcpy(boot + 28, d + 6, 6);
    memcpy(boot + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);

    netdev(f, "user,id=u,net=192.168.7.0/24,dhcpstart=192.168.7.99,ipv6=off");
    n = nic_on(f, "test-nic,netdev=u");
    g_assert_true(send_frame(n, d, sizeof(d)));
    wait_for(f, n, 1);
    p = frame(n, 0, &len);
    g_assert_cmpuint(len, >, 14 + 20 + 8 + 240);
    g_assert_cmpuint(p[42], ==, 2);                    /* BOOTREPLY */
    g_assert_cmpmem(p + 46, 4, "\x12\x34\x56\x78", 4); /* xid */
    g_assert_cmpmem(p + 58, 4, "\xc0\xa8\x07\x63", 4); /* yiaddr */
    g_assert_cmpmem(p + 282, 3, "\x35\x01\x02", 3);    /* DHCPOFFER */
}

/* A connection to the host's port reaches the guest as a SYN to port 22. */
static void hostfwd_leads_to_the_guest(void)
{
    g_autoptr(Bare) f = setup();
    uint16_t port = free_port(0), other = free_port(port);
    g_autofree char *text =
        g_strdup_printf("user,id=u,ipv6=off,hostfwd=tcp:127.0.0.1:%u-:22,"
                        "hostfwd=tcp:127.0.0.1:%u-10.0.2.15:23",
                        port, other);
    g_autofree char *rule = g_strdup_printf("tcp:127.0.0.1:%u", port);
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    uint8_t arp[42];
    const uint8_t *p;
    TestNic *n;
    gsize len;

    netdev(f, text);
    n = nic_on(f, "test-nic,netdev=u");
    make_arp(arp, 2); /* so that the stack knows our address */
    send_frame(n, arp, sizeof(arp));
    wait_for(f, n, 1);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, -1);
    wait_for(f, n, 2);
    p = frame(n, 1, &len);
    g_assert_cmphex(p[12] << 8 | p[13], ==, 0x0800);
    g_assert_cmpuint(p[23], ==, IPPROTO_TCP);
    g_assert_cmpuint(ld16_be(p + 36), ==, 22);
    g_assert_cmphex(p[47] & 0x3f, ==, 0x02); /* SYN alone */
    close(fd);
    g_assert_true(net_hostfwd_remove(f->m, "u", rule, NULL));
    g_assert_false(net_hostfwd_remove(f->m, NULL, rule, NULL));
}

static void mistakes_in_user_options_are_named(void)
{
    g_autoptr(Bare) f = setup();

    assert_refused(f, "user,id=x,net=10.0.2.0/99",
                   "Invalid netmask provided (must be in range 4-30)");
    assert_refused(f, "user,id=x,dns=10.0.2.2",
                   "DNS must be different from host");
    assert_refused(f, "user,id=x,host=10.9.0.1",
                   "Host doesn't belong to "
                   "network");
    assert_refused(f, "user,id=x,hostfwd=tcp::99999-:22",
                   "Invalid host forwarding rule 'tcp::99999-:22'");
    assert_refused(f, "user,id=x,ipv4=off,ipv6=off", "IPv4 and IPv6 disabled");
    assert_refused(f, "user,id=x,nosuch=1",
                   "Property 'netdev-user.nosuch' not found");
    assert_refused(f, "usr,id=x",
                   "Parameter 'type' does not accept value "
                   "'usr'");
    assert_refused(f, "user", "Parameter 'id' is missing");
}

/* Lengths from 0 to beyond the longest frame, and noise in each. */
static void hostile_frames_are_dropped_or_survived(void)
{
    g_autoptr(Bare) f = setup();
    static const size_t lens[] = { 0,    1,     13,    14,    15,    33,
                                   34,   41,    42,    60,    1514,  1515,
                                   4096, 65535, 65549, 65550, 70000, 200000 };
    g_autofree uint8_t *buf = g_malloc(200000);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    uint8_t arp[42];
    TestNic *n;

    netdev(f, "user,id=u");
    n = nic_on(f, "test-nic,netdev=u");
    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
            for (size_t k = 0; k < MIN(lens[i], 128); k++) {
                buf[k] = g_rand_int(rand);
            }
            if (lens[i] >= 15) { /* IPv4, IPv6 and ARP get a share */
                static const uint16_t types[] = { 0x800, 0x86dd, 0x806 };

                st16_be(buf + 12, types[round % 3]);
                buf[14] = round % 3 == 0 ? 0x45 : 0x60;
            }
            g_assert_true(send_frame(n, buf, lens[i]));
        }
    }
    g_ptr_array_set_size(n->got, 0);
    make_arp(arp, 2); /* it lives */
    send_frame(n, arp, sizeof(arp));
    wait_for(f, n, 1);
}

/* --- a guest's end of one TCP connection, RFC 9293 --- */

enum { F_FIN = 1, F_SYN = 2, F_ACK = 16 };

typedef struct Peer {
    TestNic *nic;
    guint seen;         /* frames of nic->got that were looked at */
    uint8_t host;       /* 10.0.2.@host; 0: 2 */
    uint16_t port;      /* of the host */
    uint32_t seq, want; /* ours, and the next of the host's */
    GByteArray *data;   /* what came, in order */
    unsigned gaps;      /* segments that left some out */
    unsigned rounds;
} Peer;

/* From 10.0.2.15:1025, with @n bytes of data, at most 1000; false: the network
 * takes it later. */
static bool send_data(Peer *c, uint8_t flags, const uint8_t *data, size_t n)
{
    uint8_t f[1054] = { 0x52, 0x55, 10,   0,    2,    2,    0x52,
                        0x54, 0,    0x12, 0x34, 0x56, 0x08, 0x00 };
    uint8_t *ip = f + 14, *tcp = ip + 20;

    ip[0] = 0x45;
    st16_be(ip + 2, 40 + n);
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    memcpy(ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
    ip[19] = c->host ? c->host : 2;
    st16_be(ip + 10, sum_of(0, ip, 20));
    st16_be(tcp, 1025);
    st16_be(tcp + 2, c->port);
    st32_be(tcp + 4, c->seq);
    st32_be(tcp + 8, flags & F_ACK ? c->want : 0);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    st16_be(tcp + 14, 65535);
    memcpy(tcp + 20, data, n);
    st16_be(tcp + 16, sum_of(sum_of(IPPROTO_TCP + 20 + n, ip + 12, 8) ^ 0xffff,
                             tcp, 20 + n));
    c->seq += n;
    return send_frame(c->nic, f, 54 + n);
}

static void send_segment(Peer *c, uint8_t flags)
{
    g_assert_true(send_data(c, flags, (const uint8_t *)"", 0));
}

/* Take segments in order and acknowledge each, as a guest would. */
static void take_segments(Peer *c)
{
    while (c->seen < c->nic->got->len) {
        gsize len;
        const uint8_t *p = frame(c->nic, c->seen++, &len);
        const uint8_t *ip = p + 14, *tcp = ip + 20;
        unsigned head = tcp[12] >> 4 << 2, n = ld16_be(ip + 2) - 20 - head;

        if (ld16_be(p + 12) != 0x800 || ip[9] != IPPROTO_TCP ||
            !(tcp[13] & F_ACK)) {
            continue;
        }
        if (tcp[13] & F_SYN) {
            c->want = ld32_be(tcp + 4) + 1;
            c->seq++;
        } else if (n == 0) {
            continue;
        } else if (ld32_be(tcp + 4) == c->want) {
            g_byte_array_append(c->data, tcp + head, n);
            c->want += n;
        } else {
            c->gaps++;
        }
        send_segment(c, F_ACK);
    }
}

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, len), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    *port = ntohs(a.sin_port);
    return fd;
}

static void turn(Bare *f, Peer *c)
{
    turn_loop(f);
    take_segments(c);
    g_usleep(c->rounds++ < 1000 ? 10 : 500);
}

/* Connect @c to a server on the loopback, which is returned accepted. */
static int connect_peer(Bare *f, Peer *c)
{
    int listener = listen_on_loopback(&c->port), fd;
    uint8_t arp[42];

    c->data = g_byte_array_new();
    c->seq = 1000;
    make_arp(arp, 2);
    send_frame(c->nic, arp, sizeof(arp));
    send_segment(c, F_SYN);
    while (c->want == 0) {
        turn(f, c);
    }
    fd = accept(listener, NULL, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(listener);
    return fd;
}

/* An acknowledgement opens the window by more than one segment, and all of
 * them come from inside the NIC's own sending: none may be lost. */
static void a_window_of_segments_arrives_whole(void)
{
    enum { BYTES = 200000 };
    g_autoptr(Bare) f = setup();
    g_autofree uint8_t *data = g_malloc(BYTES);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    size_t sent = 0;
    Peer c = { 0 };
    int fd;

    for (size_t i = 0; i < BYTES; i++) {
        data[i] = g_rand_int(rand);
    }
    netdev(f, "user,id=u,ipv6=off");
    c.nic = nic_on(f, "test-nic,netdev=u");
    fd = connect_peer(f, &c);
    while (c.data->len < BYTES) {
        ssize_t n = send(fd, data + sent, BYTES - sent, MSG_DONTWAIT);

        sent += n > 0 ? n : 0;
        turn(f, &c);
    }
    close(fd);
    g_assert_cmpuint(c.gaps, ==, 0);
    g_assert_cmpmem(c.data->data, c.data->len, data, BYTES);
    g_byte_array_unref(c.data);
}

/* Read from @fd what is there, append it to @all. */
static void read_all(int fd, GByteArray *all)
{
    uint8_t buf[4096];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
        g_byte_array_append(all, buf, n);
    }
}

enum { FWD_BYTES = 2000000, FWD_STEP = 1000 };

/* A network whose 10.0.2.100:7 is a UNIX socket; its other end. */
static int netdev_with_guestfwd(Bare *f)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    g_autofree char *text = NULL;

    snprintf(a.sun_path, sizeof(a.sun_path), "%s/fwd", f->dir);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    text = g_strdup_printf("user,id=u,ipv6=off,guestfwd=tcp:10.0.2.100:7-"
                           "unix:%s",
                           a.sun_path);
    netdev(f, text);
    fd = accept(listener, NULL, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(listener);
    g_unlink(a.sun_path);
    return fd;
}

static void connect_to_guestfwd(Bare *f, Peer *c)
{
    uint8_t arp[42];

    *c = (Peer){ .host = 100, .port = 7, .seq = 1000 };
    c->nic = nic_on(f, "test-nic,netdev=u");
    c->data = g_byte_array_new();
    make_arp(arp, 2);
    send_frame(c->nic, arp, sizeof(arp));
    send_segment(c, F_SYN);
    while (c->want == 0) {
        turn(f, c);
    }
}

static uint8_t *fwd_data(void)
{
    uint8_t *data = g_malloc(FWD_BYTES);

    for (size_t i = 0; i < FWD_BYTES; i++) {
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    return data;
}

/* While the device of a guestfwd= takes nothing the guest is held up, and later
 * nothing has been lost. */
static void a_slow_guestfwd_holds_up_the_guest(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_autofree uint8_t *data = fwd_data();
    int fd = netdev_with_guestfwd(f);
    unsigned held = 0;
    Peer c;

    connect_to_guestfwd(f, &c);
    for (size_t i = 0; i < FWD_BYTES; i += FWD_STEP) {
        unsigned before = c.nic->sent;

        if (send_data(&c, F_ACK, data + i, FWD_STEP)) {
            continue;
        }
        held++; /* this frame waits; the next comes after sent() */
        while (c.nic->sent == before) {
            read_all(fd, all);
            turn_loop(f);
        }
    }
    while (all->len < FWD_BYTES) {
        read_all(fd, all);
        turn_loop(f);
    }
    g_assert_cmpuint(held, >, 0);
    g_assert_cmpmem(all->data, all->len, data, FWD_BYTES);
    close(fd);
    g_byte_array_unref(c.data);
}

/* While the guest takes nothing the host is not read, and later nothing has
 * been lost. */
static void a_full_nic_holds_up_the_host(void)
{
    enum { DATAGRAMS = 600 };
    g_autoptr(Bare) f = setup();
    uint8_t arp[42], junk[600] = { 0 };
    uint16_t port = free_port(0);
    g_autofree char *text =
        g_strdup_printf("user,id=u,ipv6=off,hostfwd=udp:127.0.0.1:%u-:9", port);
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned before;
    TestNic *n;

    netdev(f, text);
    n = nic_on(f, "test-nic,netdev=u");
    make_arp(arp, 2);
    send_frame(n, arp, sizeof(arp));
    wait_for(f, n, 1);
    n->full = true;
    /* few enough for the host's socket buffer, more than wait at a port */
    for (int i = 0; i < DATAGRAMS; i++) {
        st32_be(junk, i);
        before = sendto(fd, junk, 10, 0, (struct sockaddr *)&a, sizeof(a));
        g_assert_cmpuint(before, ==, 10);
        if (i % 50 == 0) {
            turn_loop(f);
        }
    }
    g_assert_cmpuint(n->got->len, ==, 1);
    n->full = false;
    nic_flush(&n->nic, 0);
    wait_for(f, n, 250);
    before = n->got->len;
    for (guint i = 1; i < before; i++) {
        gsize len;

        g_assert_cmpuint(ld32_be(frame(n, i, &len) + 42), ==, i - 1);
    }
    close(fd);
}

/* --- its saved state --- */

static GByteArray *saved(Bare *f, const char *id)
{
    Netdev *nd = netdev_find(f->m, id);
    GByteArray *out = g_byte_array_new();

    vmstate_save(netdev_vmstate(nd), nd, out);
    return out;
}

static bool load_version(Bare *f, const char *id, int version,
                         const uint8_t *data, size_t len)
{
    Netdev *nd = netdev_find(f->m, id);
    g_autoptr(Error) err = NULL;
    bool ok = vmstate_load(netdev_vmstate(nd), nd, version, data, len, &err);

    g_assert_true(ok == (err == NULL));
    return ok;
}

static bool load(Bare *f, const char *id, const uint8_t *data, size_t len)
{
    int version = netdev_vmstate(netdev_find(f->m, id))->version;

    return load_version(f, id, version, data, len);
}

/* A host's connection cannot move: the guest hears of it as of a peer that
 * rebooted, RFC 9293, 3.10.7.1, when it uses it next. */
static void a_connection_is_reset_after_a_load(void)
{
    g_autoptr(GByteArray) state = NULL;
    g_autoptr(Bare) f = setup();
    g_autoptr(Bare) g = NULL;
    Peer c = { 0 };
    uint8_t arp[42];
    const uint8_t *p;
    gsize len;
    int fd;

    netdev(f, "user,id=u,ipv6=off");
    c.nic = nic_on(f, "test-nic,netdev=u");
    fd = connect_peer(f, &c);
    state = saved(f, "u");
    g = setup();
    netdev(g, "user,id=u,ipv6=off");
    g_assert_true(load(g, "u", state->data, state->len));
    c.nic = nic_on(g, "test-nic,netdev=u");
    make_arp(arp, 2);
    send_frame(c.nic, arp, sizeof(arp));
    wait_for(g, c.nic, 1);
    send_segment(&c, F_ACK);
    wait_for(g, c.nic, 2);
    p = frame(c.nic, 1, &len);
    g_assert_cmpuint(p[23], ==, IPPROTO_TCP);
    g_assert_cmpuint(ld16_be(p + 36), ==, 1025);
    g_assert_cmphex(p[47] & 4, ==, 4); /* RST */
    close(fd);
    g_byte_array_unref(c.data);
}

/* What a slow guestfwd= has not taken comes from where the guest goes on, not
 * from where a load failed. */
static void what_waits_for_a_guestfwd_moves(void)
{
    g_autoptr(GByteArray) state = NULL, all = g_byte_array_new();
    g_autofree uint8_t *data = fwd_data();
    g_autoptr(Bare) f = setup();
    g_autoptr(Bare) g = NULL;
    int here = netdev_with_guestfwd(f), there;
    size_t taken = 0, before;
    Peer c;

    connect_to_guestfwd(f, &c);
    while (send_data(&c, F_ACK, data + taken, FWD_STEP)) {
        taken += FWD_STEP;
    }
    state = saved(f, "u");
    read_all(here, all);
    before = all->len;
    g_assert_cmpuint(before, <, taken);
    g = setup();
    there = netdev_with_guestfwd(g);
    for (int i = 0; i < 2; i++) {
        g->m->state = RUN_STATE_INMIGRATE;
        g_assert_true(load(g, "u", state->data, state->len));
        if (i == 0) {
            machine_reset(g->m, CAUSE_NONE);
            machine_stop(g->m, RUN_STATE_PAUSED);
        }
        read_all(there, all);
        g_assert_cmpuint(all->len, ==, before);
    }
    machine_stop(g->m, RUN_STATE_PAUSED);
    read_all(there, all);
    g_assert_cmpmem(all->data, all->len, data, taken);
    close(here);
    close(there);
    g_byte_array_unref(c.data);
}

/* Of version 1, which ends with libslirp's: nothing waits. */
static void an_older_state_loads(void)
{
    g_autoptr(GByteArray) state = NULL, all = g_byte_array_new();
    g_autofree uint8_t *data = fwd_data();
    g_autoptr(Bare) f = setup();
    int fd = netdev_with_guestfwd(f);
    uint8_t no_subsections = 0;
    uint32_t len;
    Peer c;

    state = saved(f, "u");
    len = 16 + ld64_be(state->data + 12); /* two numbers, then libslirp's */
    st32_be(state->data, len);
    g_byte_array_set_size(state, 4 + len);
    g_byte_array_append(state, &no_subsections, 1);
    connect_to_guestfwd(f, &c);
    while (send_data(&c, F_ACK, data, FWD_STEP)) {
    }
    f->m->state = RUN_STATE_INMIGRATE;
    read_all(fd, all);
    g_assert_true(load_version(f, "u", 1, state->data, state->len));
    machine_stop(f->m, RUN_STATE_PAUSED);
    g_byte_array_set_size(all, 0);
    read_all(fd, all);
    g_assert_cmpuint(all->len, ==, 0);
    close(fd);
    g_byte_array_unref(c.data);
}

/* Cut short, flipped, or of noise: refused or loaded, and it lives. */
static void damaged_state_of_user_is_survived(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(GByteArray) state = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    uint8_t arp[42];
    TestNic *n;

    netdev(f, "user,id=u,ipv6=off");
    n = nic_on(f, "test-nic,netdev=u");
    state = saved(f, "u");
    for (guint len = 0; len < state->len; len++) {
        g_assert_false(load(f, "u", state->data, len));
    }
    for (int i = 0; i < 2000; i++) {
        g_autofree uint8_t *copy = g_memdup2(state->data, state->len);

        copy[g_rand_int_range(rand, 0, state->len)] ^=
            1 << g_rand_int_range(rand, 0, 8);
        load(f, "u", copy, state->len);
    }
    make_arp(arp, 2);
    send_frame(n, arp, sizeof(arp));
    wait_for(f, n, 1);
}

/* RFC 903, at once and twice more. */
static void a_nic_is_announced(void)
{
    g_autoptr(Bare) f = setup();
    char *only_a[] = { (char *)"a", NULL };
    NetAnnounceParams params = {
        .initial_ms = 1, .max_ms = 2, .step_ms = 1, .rounds = 3
    };
    TestNic *a, *b;
    const uint8_t *p;
    gsize len;

    netdev(f, "hubport,id=p0,hubid=3");
    netdev(f, "hubport,id=p1,hubid=3");
    a = nic_on(f, "test-nic,netdev=p0,id=a");
    b = nic_on(f, "test-nic,netdev=p1,id=b");
    params.interfaces = only_a;
    net_announce_nics(f->m, &params);
    wait_for(f, b, 3);
    g_assert_cmpuint(a->got->len, ==, 0);
    p = frame(b, 2, &len);
    g_assert_cmpuint(len, ==, 60);
    g_assert_cmpmem(p, 6, "\xff\xff\xff\xff\xff\xff", 6);
    g_assert_cmpmem(p + 6, 6, a->conf.mac, 6);
    g_assert_cmphex(ld16_be(p + 12), ==, 0x8035);
    g_assert_cmpuint(ld16_be(p + 20), ==, 3);
    g_assert_cmpmem(p + 22, 6, a->conf.mac, 6);
    g_assert_cmpmem(p + 32, 6, a->conf.mac, 6);
}

/* --- the core --- */

static void a_port_of_no_hub_is_refused(void)
{
    g_autoptr(Bare) f = setup();

    assert_refused(f, "hubport,id=x", "Parameter 'hubid' is missing");
}

static void a_hub_joins_its_ports(void)
{
    g_autoptr(Bare) f = setup();
    TestNic *a, *b;
    uint8_t p[60];
    gsize len;

    pair(f, &a, &b);
    make_frame(p, 7);
    g_assert_true(send_frame(a, p, sizeof(p)));
    g_assert_cmpuint(b->got->len, ==, 1);
    g_assert_cmpmem(frame(b, 0, &len), 60, p, 60);
    g_assert_cmpuint(a->got->len, ==, 0); /* not to itself */
}

static void what_a_nic_has_no_room_for_waits_in_order(void)
{
    g_autoptr(Bare) f = setup();
    TestNic *a, *b;
    uint8_t p[60];
    gsize len;

    pair(f, &a, &b);
    b->full = true;
    for (int i = 0; i < 10; i++) {
        make_frame(p, i);
        send_frame(a, p, sizeof(p));
    }
    g_assert_cmpuint(b->got->len, ==, 0);
    b->full = false;
    nic_flush(&b->nic, 0);
    g_assert_cmpuint(b->got->len, ==, 10);
    for (int i = 0; i < 10; i++) {
        g_assert_cmpuint(frame(b, i, &len)[59], ==, i);
    }
    b->full = true;
    send_frame(a, p, sizeof(p));
    nic_purge(&b->nic);
    b->full = false;
    nic_flush(&b->nic, 0);
    g_assert_cmpuint(b->got->len, ==, 10);
}

static void a_stopped_machine_gets_packets_when_it_goes_on(void)
{
    g_autoptr(Bare) f = setup();
    RunState running = RUN_STATE_RUNNING;
    TestNic *a, *b;
    uint8_t p[60];

    pair(f, &a, &b);
    f->m->state = RUN_STATE_PAUSED;
    make_frame(p, 1);
    send_frame(a, p, sizeof(p));
    g_assert_cmpuint(b->got->len, ==, 0);
    f->m->state = RUN_STATE_RUNNING;
    notifier_call(f->m->on_state, &running);
    wait_for(f, b, 1);
}

static void a_link_that_is_down_carries_nothing(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) err = NULL;
    TestNic *a, *b;
    uint8_t p[60];

    pair(f, &a, &b);
    make_frame(p, 1);
    g_assert_true(net_set_link(f->m, "b", false, NULL));
    g_assert_cmpuint(b->changes, ==, 1);
    g_assert_false(nic_link_up(&b->nic));
    g_assert_true(send_frame(a, p, sizeof(p)));
    g_assert_cmpuint(b->got->len, ==, 0);
    g_assert_true(net_set_link(f->m, "b", true, NULL));
    g_assert_true(net_set_link(f->m, "p0", false, NULL));
    g_assert_false(nic_link_up(&a->nic));
    g_assert_true(send_frame(a, p, sizeof(p)));
    g_assert_cmpuint(b->got->len, ==, 0);
    g_assert_false(net_set_link(f->m, "nosuch", true, &err));
    g_assert_cmpint(error_class(err), ==, ERROR_DEVICE_NOT_FOUND);
}

/* VIRTIO 1.2, 5.1.6: the header goes, the open checksum is finished. */
static void headers_are_made_and_taken_off(void)
{
    g_autoptr(Bare) f = setup();
    uint8_t p[12 + 60] = { 1, 0, 0, 0, 0, 0, 14, 0, 4, 0 };
    TestNic *a, *b;
    const uint8_t *got;
    gsize len;

    pair(f, &a, &b);
    nic_set_vnet_hdr_len(&a->nic, 12);
    make_frame(p + 12, 0);
    p[12 + 14] = 0x12; /* the sum is over 0x1200 alone */
    g_assert_true(send_frame(a, p, sizeof(p)));
    got = frame(b, 0, &len);
    g_assert_cmpuint(len, ==, 60);
    g_assert_cmphex(ld16_be(got + 18), ==, 0xedff);
    p[8] = 200; /* an offset beyond the frame */
    g_assert_true(send_frame(a, p, sizeof(p)));
    g_assert_cmpuint(b->got->len, ==, 1);
    g_assert_true(send_frame(b, got, 60));
    got = frame(a, 0, &len);
    g_assert_cmpuint(len, ==, 72);
    g_assert_cmpmem(got, 12, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
}

static void each_nic_gets_an_address_of_its_own(void)
{
    g_autoptr(Bare) f = setup();
    TestNic *a, *b;

    pair(f, &a, &b);
    g_assert_cmpmem(a->conf.mac, 6, "\x52\x54\x00\x12\x34\x56", 6);
    g_assert_cmpmem(b->conf.mac, 6, "\x52\x54\x00\x12\x34\x57", 6);
}

static void a_netdev_has_one_nic_and_stays_while_it_has(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) twice = NULL, busy = NULL;
    json_object *o = keyval_parse("test-nic,netdev=p0", "driver", NULL);
    TestNic *a, *b;

    pair(f, &a, &b);
    g_assert_null(device_add(f->m, o, &twice));
    json_object_put(o);
    g_assert_cmpstr(error_text(twice), ==,
                    "Property 'test-nic.netdev' can't take value 'p0', it's "
                    "in use");
    g_assert_false(netdev_remove(f->m, "p0", &busy));
    device_unplug(&a->parent);
    g_assert_true(netdev_remove(f->m, "p0", NULL));
    g_assert_null(netdev_find(f->m, "p0"));
}

/* --- filter-dump --- */

static void a_dump_holds_what_passed(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *path = g_build_filename(f->dir, "x.pcap", NULL);
    g_autofree char *text =
        g_strdup_printf("filter-dump,id=d,netdev=p0,maxlen=40,file=%s", path);
    json_object *o = keyval_parse(text, "qom-type", NULL);
    g_autofree char *data = NULL;
    g_autoptr(Error) err = NULL;
    TestNic *a, *b;
    uint8_t p[60];
    gsize len;

    pair(f, &a, &b);
    user_object_add(f->m, o, &err);
    json_object_put(o);
    g_assert_cmpstr(err ? error_text(err) : "", ==, "");
    make_frame(p, 5);
    send_frame(a, p, sizeof(p));
    send_frame(b, p, 30);
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpuint(len, ==, 24 + 16 + 40 + 16 + 30);
    g_assert_cmphex(*(uint32_t *)data, ==, 0xa1b2c3d4);
    g_assert_cmpuint(*(uint32_t *)(data + 20), ==, 1); /* Ethernet */
    g_assert_cmpuint(*(uint32_t *)(data + 24 + 8), ==, 40);
    g_assert_cmpuint(*(uint32_t *)(data + 24 + 12), ==, 60);
    g_assert_cmpmem(data + 40, 40, p, 40);
    g_assert_cmpuint(*(uint32_t *)(data + 80 + 8), ==, 30);
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/net/" #fn, fn)
    T(a_nic_is_announced);
    T(a_port_of_no_hub_is_refused);
    T(a_hub_joins_its_ports);
    T(what_a_nic_has_no_room_for_waits_in_order);
    T(a_stopped_machine_gets_packets_when_it_goes_on);
    T(a_link_that_is_down_carries_nothing);
    T(headers_are_made_and_taken_off);
    T(each_nic_gets_an_address_of_its_own);
    T(a_netdev_has_one_nic_and_stays_while_it_has);
    T(a_dump_holds_what_passed);
    if (IF_SLIRP(true)) {
        T(the_host_answers_arp);
        T(dhcp_offers_the_first_address);
        T(hostfwd_leads_to_the_guest);
        T(mistakes_in_user_options_are_named);
        T(hostile_frames_are_dropped_or_survived);
        T(a_window_of_segments_arrives_whole);
        T(a_full_nic_holds_up_the_host);
        T(a_slow_guestfwd_holds_up_the_guest);
        T(a_connection_is_reset_after_a_load);
        T(what_waits_for_a_guestfwd_moves);
        T(an_older_state_loads);
        T(damaged_state_of_user_is_survived);
    }
#undef T
    return g_test_run();
}
