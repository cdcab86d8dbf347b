/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network without a guest: a NIC that this test plays. */
#include "tandem/base.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "softmmu/backend/chardev.h"
#include "softmmu/backend/net.h"
#include "softmmu/base/keyval.h"
#include "softmmu/machine/create.h"
#include "softmmu/object/vmstate.h"

/* --- a NIC --- */

typedef struct TestNic {
    DeviceState parent;
    NicConf conf;
    Nic nic;
    bool full;        /* no room */
    GPtrArray *got;   /* GBytes * */
    unsigned sent;    /* calls of sent() */
    unsigned changes; /* of the link */
} TestNic;

static bool nic_can_receive(void *opaque, unsigned queue)
{
    return !((TestNic *)opaque)->full;
}

static bool nic_receive(void *opaque, unsigned queue, const uint8_t *data,
                        size_t len)
{
    g_ptr_array_add(((TestNic *)opaque)->got, g_bytes_new(data, len));
    return true;
}

static void nic_sent(void *opaque, unsigned queue)
{
    ((TestNic *)opaque)->sent++;
}

static void nic_link_changed(void *opaque)
{
    ((TestNic *)opaque)->changes++;
}

static const NicHandlers handlers = {
    .can_receive = nic_can_receive,
    .receive = nic_receive,
    .sent = nic_sent,
    .link_changed = nic_link_changed,
};

static bool test_nic_realize(DeviceState *dev, Error **errp)
{
    TestNic *s = (TestNic *)dev;

    s->got = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    return nic_attach(&s->nic, &s->conf, dev, 1, &handlers, s, errp);
}

static void test_nic_unrealize(DeviceState *dev)
{
    nic_detach(&((TestNic *)dev)->nic);
}

static void test_nic_finalize(Object *obj)
{
    g_clear_pointer(&((TestNic *)obj)->got, g_ptr_array_unref);
}

static const Property test_nic_props[] = { PROPS_NIC(TestNic, conf), { 0 } };
static const DeviceType test_nic_type = {
    .name = "test-nic",
    .parent = TYPE(device_type),
    .size = sizeof(TestNic),
    .props = test_nic_props,
    .user_creatable = true,
    .finalize = test_nic_finalize,
    .realize = test_nic_realize,
    .unrealize = test_nic_unrealize,
};

/* --- a machine --- */

static const MachineType bare_type = {
    .name = "bare-machine",
    .parent = TYPE(machine_type),
    .size = sizeof(Machine),
    .machine_name = "bare",
};
static const ObjectType *const bare_types[] = { TYPE(bare_type),
                                                TYPE(test_nic_type), NULL };
static const ObjectType *const *const lists[] = {
    machine_types, net_types, chardev_types, bare_types, NULL,
};

typedef struct Fixture {
    TypeRegistry *reg;
    Machine *m;
    char *dir;
} Fixture;

static Fixture *setup(void)
{
    Fixture *f = g_new0(Fixture, 1);

    f->reg = type_registry_new(lists);
    f->m = machine_new(&bare_type, (TypeView){ f->reg, "riscv64" });
    f->dir = g_dir_make_tmp("tandem-test-XXXXXX", NULL);
    machine_lock(f->m);
    f->m->state = RUN_STATE_RUNNING; /* no engine is needed for packets */
    clocks_set_running(f->m->clocks, true);
    return f;
}

static void teardown(Fixture *f)
{
    f->m->state = RUN_STATE_PRELAUNCH;
    machine_unlock(f->m);
    machine_free(f->m);
    type_registry_free(f->reg);
    g_rmdir(f->dir);
    g_free(f->dir);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, teardown)

static void netdev(Fixture *f, const char *text)
{
    g_autoptr(Error) err = NULL;

    netdev_from_text(f->m, text, &err);
    g_assert_cmpstr(err ? error_text(err) : "", ==, "");
}

static void assert_refused(Fixture *f, const char *text, const char *sentence)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(netdev_from_text(f->m, text, &err));
    g_assert_cmpstr(error_text(err), ==, sentence);
    g_assert_null(netdev_find(f->m, "x"));
}

static TestNic *nic_on(Fixture *f, const char *options)
{
    g_autoptr(Error) err = NULL;
    json_object *o = keyval_parse(options, "driver", NULL);
    DeviceState *dev = device_add(f->m, o, &err);

    json_object_put(o);
    g_assert_cmpstr(err ? error_text(err) : "", ==, "");
    return (TestNic *)dev;
}

static bool send_frame(TestNic *n, const void *data, size_t len)
{
    struct iovec iov = { (void *)data, len };

    return nic_send(&n->nic, 0, &iov, 1);
}

/* Turn the loop until @n has @count frames, for at most two seconds. */
static void wait_for(Fixture *f, TestNic *n, guint count)
{
    for (int i = 0; i < 2000 && n->got->len < count; i++) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, false);
        machine_lock(f->m);
        g_usleep(i < 100 ? 10 : 1000);
    }
    g_assert_cmpuint(n->got->len, >=, count);
}

static const uint8_t *frame(TestNic *n, guint i, gsize *len)
{
    return g_bytes_get_data(g_ptr_array_index(n->got, i), len);
}

/* --- the user-mode network --- */

/* RFC 826: who has 10.0.2.@target? from 52:54:00:12:34:56, 10.0.2.15 */
static void make_arp(uint8_t f[42], uint8_t target)
{
    static const uint8_t head[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x12, 0x34,
        0x56, 0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,
        0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 10,   0,    2,    15,   0,
        0,    0,    0,    0,    0,    10,   0,    2,
    };

    memcpy(f, head, sizeof(head));
    f[41] = target;
}

static void the_host_answers_arp(void)
{
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
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

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, len), ==, 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    close(fd);
    return ntohs(a.sin_port);
}

/* A connection to the host's port reaches the guest as a SYN to port 22. */
static void hostfwd_leads_to_the_guest(void)
{
    g_autoptr(Fixture) f = setup();
    uint16_t port = free_port(), other = free_port();
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
    g_autoptr(Fixture) f = setup();

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
    g_autoptr(Fixture) f = setup();
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
    uint16_t port;      /* of the host */
    uint32_t seq, want; /* ours, and the next of the host's */
    GByteArray *data;   /* what came, in order */
    unsigned gaps;      /* segments that left some out */
    unsigned rounds;
} Peer;

static uint16_t sum_of(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i & 1 ? p[i] : p[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

/* From 10.0.2.15:1025 to 10.0.2.2, with no data. */
static void send_segment(Peer *c, uint8_t flags)
{
    uint8_t f[54] = { 0x52, 0x55, 10,   0,    2,    2,    0x52,
                      0x54, 0,    0x12, 0x34, 0x56, 0x08, 0x00 };
    uint8_t *ip = f + 14, *tcp = ip + 20;

    ip[0] = 0x45;
    st16_be(ip + 2, 40);
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    memcpy(ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
    st16_be(ip + 10, sum_of(0, ip, 20));
    st16_be(tcp, 1025);
    st16_be(tcp + 2, c->port);
    st32_be(tcp + 4, c->seq);
    st32_be(tcp + 8, flags & F_ACK ? c->want : 0);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    st16_be(tcp + 14, 65535);
    st16_be(tcp + 16,
            sum_of(sum_of(IPPROTO_TCP + 20, ip + 12, 8) ^ 0xffff, tcp, 20));
    g_assert_true(send_frame(c->nic, f, sizeof(f)));
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

static void turn(Fixture *f, Peer *c)
{
    machine_unlock(f->m);
    loop_poll(f->m->loop, false);
    machine_lock(f->m);
    take_segments(c);
    g_usleep(c->rounds++ < 1000 ? 10 : 500);
}

/* Connect @c to a server on the loopback, which is returned accepted. */
static int connect_peer(Fixture *f, Peer *c)
{
    int listener = listen_on_loopback(&c->port), fd;
    uint8_t arp[42];

    c->data = g_byte_array_new();
    c->seq = 1000;
    make_arp(arp, 2);
    send_frame(c->nic, arp, sizeof(arp));
    send_segment(c, F_SYN);
    while (c->want == 0 && c->rounds < 4000) {
        turn(f, c);
    }
    g_assert_cmpuint(c->want, !=, 0);
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
    g_autoptr(Fixture) f = setup();
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
    while (c.data->len < BYTES && c.rounds < 6000) {
        ssize_t n = send(fd, data + sent, BYTES - sent, MSG_DONTWAIT);

        sent += n > 0 ? n : 0;
        turn(f, &c);
    }
    close(fd);
    g_assert_cmpuint(c.gaps, ==, 0);
    g_assert_cmpmem(c.data->data, c.data->len, data, BYTES);
    g_byte_array_unref(c.data);
}

/* While the guest takes nothing the host is not read, and later nothing has
 * been lost. */
static void a_full_nic_holds_up_the_host(void)
{
    enum { DATAGRAMS = 600 };
    g_autoptr(Fixture) f = setup();
    uint8_t arp[42], junk[600] = { 0 };
    uint16_t port = free_port();
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
            machine_unlock(f->m);
            loop_poll(f->m->loop, false);
            machine_lock(f->m);
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

static GByteArray *saved(Fixture *f, const char *id)
{
    Netdev *nd = netdev_find(f->m, id);
    GByteArray *out = g_byte_array_new();

    vmstate_save(netdev_vmstate(nd), nd, out);
    return out;
}

static bool load(Fixture *f, const char *id, const uint8_t *data, size_t len)
{
    Netdev *nd = netdev_find(f->m, id);
    g_autoptr(Error) err = NULL;
    bool ok = vmstate_load(netdev_vmstate(nd), nd, 1, data, len, &err);

    g_assert_true(ok == (err == NULL));
    return ok;
}

/* A host's connection cannot move: the guest hears of it as of a peer that
 * rebooted, RFC 9293, 3.10.7.1, when it uses it next. */
static void a_connection_is_reset_after_a_load(void)
{
    g_autoptr(GByteArray) state = NULL;
    g_autoptr(Fixture) f = setup();
    g_autoptr(Fixture) g = NULL;
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

/* Cut short, flipped, or of noise: refused or loaded, and it lives. */
static void damaged_state_of_user_is_survived(void)
{
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
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

/* Two NICs on one hub; @frame of 60 bytes numbered @tag. */
static void make_frame(uint8_t p[60], uint8_t tag)
{
    memset(p, 0, 60);
    memset(p, 0xff, 6);
    p[12] = 0x88;
    p[13] = 0xb5; /* local experiments, IEEE 802 */
    p[59] = tag;
}

static void pair(Fixture *f, TestNic **a, TestNic **b)
{
    netdev(f, "hubport,id=p0,hubid=3");
    netdev(f, "hubport,id=p1,hubid=3");
    *a = nic_on(f, "test-nic,netdev=p0,id=a");
    *b = nic_on(f, "test-nic,netdev=p1,id=b");
}

static void a_hub_joins_its_ports(void)
{
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
    TestNic *a, *b;

    pair(f, &a, &b);
    g_assert_cmpmem(a->conf.mac, 6, "\x52\x54\x00\x12\x34\x56", 6);
    g_assert_cmpmem(b->conf.mac, 6, "\x52\x54\x00\x12\x34\x57", 6);
}

static void a_netdev_has_one_nic_and_stays_while_it_has(void)
{
    g_autoptr(Fixture) f = setup();
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
    g_autoptr(Fixture) f = setup();
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

/* --- stream --- */

static int connect_unix(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    return fd;
}

static void frames_of_a_stream_follow_their_length(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *path = g_build_filename(f->dir, "s", NULL);
    g_autofree char *text = g_strdup_printf(
        "stream,id=s,server=on,addr.type=unix,addr.path=%s", path);
    uint8_t wire[64] = { 0, 0, 0, 60 }, back[64];
    TestNic *n;
    gsize len;
    int fd;

    netdev(f, text);
    n = nic_on(f, "test-nic,netdev=s");
    fd = connect_unix(path);
    make_frame(wire + 4, 9);
    g_assert_cmpint(write(fd, wire, 30), ==, 30); /* in two parts */
    g_assert_cmpint(write(fd, wire + 30, 34), ==, 34);
    wait_for(f, n, 1);
    g_assert_cmpmem(frame(n, 0, &len), 60, wire + 4, 60);
    g_assert_true(send_frame(n, wire + 4, 60));
    g_assert_cmpint(read(fd, back, sizeof(back)), ==, 64);
    g_assert_cmpmem(back, 64, wire, 64);

    n->full = true; /* three wait: the first at the NIC, the rest outside */
    for (int i = 0; i < 3; i++) {
        wire[63] = i;
        g_assert_cmpint(write(fd, wire, 64), ==, 64);
    }
    for (int i = 0; i < 50; i++) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, false);
        machine_lock(f->m);
    }
    n->full = false;
    nic_flush(&n->nic, 0);
    wait_for(f, n, 4);
    g_assert_cmpuint(frame(n, 3, &len)[59], ==, 2);

    memset(wire, 0xff, 4); /* a length of 4 GiB ends the connection */
    g_assert_cmpint(write(fd, wire, 64), ==, 64);
    for (int i = 0; i < 50; i++) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, false);
        machine_lock(f->m);
    }
    g_assert_cmpint(read(fd, back, sizeof(back)), <=, 0);
    close(fd);
}

/* --- dgram --- */

static void two_machines_talk_by_datagrams(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *one = g_build_filename(f->dir, "1", NULL);
    g_autofree char *two = g_build_filename(f->dir, "2", NULL);
    static const char form[] = "dgram,id=%s,local.type=unix,local.path=%s,"
                               "remote.type=unix,remote.path=%s";
    g_autofree char *left = g_strdup_printf(form, "l", one, two);
    g_autofree char *right = g_strdup_printf(form, "r", two, one);
    TestNic *a, *b;
    uint8_t p[60];
    gsize len;

    netdev(f, left);
    netdev(f, right);
    a = nic_on(f, "test-nic,netdev=l");
    b = nic_on(f, "test-nic,netdev=r");
    for (int i = 0; i < 3; i++) {
        make_frame(p, i);
        g_assert_true(send_frame(a, p, sizeof(p)));
    }
    wait_for(f, b, 3);
    g_assert_cmpmem(frame(b, 2, &len), 60, p, 60);
    g_assert_true(send_frame(b, p, 60));
    wait_for(f, a, 1);
    assert_refused(f, "dgram,id=x,local.type=unix,local.path=/nowhere/at/all",
                   "type=inet or type=unix requires 'remote' parameter");
}

/* --- offloads in software; VIRTIO 1.2, 5.1.6.2 --- */

enum { HDR = 12, GSO_TCP4 = 1, GSO_UDP = 3, GSO_TCP6 = 4, GSO_USO = 5 };

/* A frame with a header before it, and the NICs it goes between. */
typedef struct Big {
    Fixture *f;
    TestNic *a, *b;
    uint8_t p[HDR + 9000];
    size_t l3, l4, data, len; /* from the frame's start; len with HDR */
} Big;

static Big *big_new(void)
{
    Big *g = g_new0(Big, 1);

    g->f = setup();
    pair(g->f, &g->a, &g->b);
    nic_set_vnet_hdr_len(&g->a->nic, HDR);
    return g;
}

static void big_free(Big *g)
{
    teardown(g->f);
    g_free(g);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Big, big_free)

/* @bytes of numbered data behind TCP or UDP over IPv4 or IPv6, cut at @size;
 * checksums are left to the receiver. */
static void big_make(Big *g, bool ip6, bool tcp, uint8_t gso, uint16_t size,
                     size_t bytes, bool vlan)
{
    uint8_t *f = g->p + HDR, *ip, *l4;

    memset(g->p, 0, sizeof(g->p));
    g->l3 = vlan ? 18 : 14;
    g->l4 = g->l3 + (ip6 ? 40 : 20);
    g->data = g->l4 + (tcp ? 20 : 8);
    g->len = HDR + g->data + bytes;
    g->p[0] = 1; /* NEEDS_CSUM */
    g->p[1] = gso;
    st16_le(g->p + 2, g->data);
    st16_le(g->p + 4, size);
    st16_le(g->p + 6, g->l4);
    st16_le(g->p + 8, tcp ? 16 : 6);
    memset(f, 0xff, 6);
    if (vlan) {
        st32_be(f + 12, 0x81000007);
    }
    st16_be(f + g->l3 - 2, ip6 ? 0x86dd : 0x0800);
    ip = f + g->l3;
    l4 = f + g->l4;
    if (ip6) {
        ip[0] = 0x60;
        ip[6] = tcp ? 6 : 17;
        ip[7] = 64;
        memset(ip + 8, 0x20, 32);
    } else {
        ip[0] = 0x45;
        st16_be(ip + 4, 0x1234);
        ip[8] = 64;
        ip[9] = tcp ? 6 : 17;
        memset(ip + 12, 0x0a, 8);
    }
    st32_be(l4, 0x00500051);
    if (tcp) {
        st32_be(l4 + 4, 0xfffffe00); /* the numbers wrap */
        l4[12] = 0x50;
        l4[13] = 0x99; /* CWR, ACK, PSH, FIN */
    }
    for (size_t i = 0; i < bytes; i++) {
        f[g->data + i] = i / 7;
    }
}

/* Sums of a frame, by our own reckoning, are right. */
static void assert_sums(const Big *g, const uint8_t *f, gsize len)
{
    bool ip6 = f[g->l3] >> 4 == 6;
    const uint8_t *ip = f + g->l3;
    uint32_t sum = ip[ip6 ? 6 : 9] + len - g->l4;

    g_assert_cmpuint(ip6 ? ld16_be(ip + 4) + 40 : ld16_be(ip + 2), ==,
                     len - g->l3);
    if (!ip6) {
        g_assert_cmphex(sum_of(0, ip, 20), ==, 0);
    }
    sum = sum_of(sum, ip + (ip6 ? 8 : 12), ip6 ? 32 : 8) ^ 0xffff;
    g_assert_cmphex(sum_of(sum, f + g->l4, len - g->l4), ==, 0);
}

static void big_send(Big *g, guint frames)
{
    g_ptr_array_set_size(g->b->got, 0);
    g_assert_true(send_frame(g->a, g->p, g->len));
    g_assert_cmpuint(g->b->got->len, ==, frames);
}

static void tcp_is_segmented(bool ip6, bool vlan)
{
    g_autoptr(Big) g = big_new();

    big_make(g, ip6, true, (ip6 ? GSO_TCP6 : GSO_TCP4) | 0x80, 1000, 2500,
             vlan);
    big_send(g, 3);
    for (guint i = 0; i < 3; i++) {
        gsize len, n = i < 2 ? 1000 : 500;
        const uint8_t *f = frame(g->b, i, &len), *l4 = f + g->l4;

        g_assert_cmpuint(len, ==, g->data + n);
        assert_sums(g, f, len);
        g_assert_cmpmem(f + g->data, n, g->p + HDR + g->data + i * 1000, n);
        g_assert_cmphex(ld32_be(l4 + 4), ==, 0xfffffe00u + i * 1000);
        /* CWR in the first alone, RFC 3168; PSH and FIN in the last */
        g_assert_cmphex(l4[13], ==, i == 0 ? 0x90 : i == 1 ? 0x10 : 0x19);
        if (!ip6) {
            g_assert_cmphex(ld16_be(f + g->l3 + 4), ==, 0x1234 + i);
        }
    }
}

static void tcp_is_segmented_where_the_back_end_cannot(void)
{
    tcp_is_segmented(false, false);
    tcp_is_segmented(true, false);
    tcp_is_segmented(false, true);
}

static void udp_is_segmented_where_the_back_end_cannot(void)
{
    for (int ip6 = 0; ip6 < 2; ip6++) {
        g_autoptr(Big) g = big_new();

        big_make(g, ip6, false, GSO_USO, 400, 1000, false);
        big_send(g, 3);
        for (guint i = 0; i < 3; i++) {
            gsize len, n = i < 2 ? 400 : 200;
            const uint8_t *f = frame(g->b, i, &len);

            g_assert_cmpuint(len, ==, g->data + n);
            assert_sums(g, f, len);
            g_assert_cmpuint(ld16_be(f + g->l4 + 4), ==, n + 8);
            g_assert_cmpmem(f + g->data, n, g->p + HDR + g->data + i * 400, n);
        }
    }
}

/* RFC 791, 2.3 and RFC 8200, 4.5: put together again, the fragments are the
 * datagram, whose checksum covers all of it. */
static void udp_is_fragmented_where_the_back_end_cannot(void)
{
    for (int ip6 = 0; ip6 < 2; ip6++) {
        g_autoptr(Big) g = big_new();
        g_autofree uint8_t *all = NULL;
        size_t head, at = 0;

        big_make(g, ip6, false, GSO_UDP, 1405, 3000, false);
        big_send(g, 3); /* 1400 is the multiple of eight */
        head = g->l4 + (ip6 ? 8 : 0);
        all = g_memdup2(g->p + HDR, g->len);
        for (guint i = 0; i < 3; i++) {
            gsize len;
            const uint8_t *f = frame(g->b, i, &len), *ip = f + g->l3;
            uint16_t off = ip6 ? ld16_be(f + g->l4 + 2) : ld16_be(ip + 6) << 3;

            g_assert_cmpuint(off & 0xfff8, ==, i * 1400);
            g_assert_cmpint(ip6 ? off & 1 : ip[6] >> 5 & 1, ==, i < 2);
            g_assert_cmpuint(ip6 ? ld16_be(ip + 4) + 40 : ld16_be(ip + 2), ==,
                             len - g->l3);
            if (ip6) {
                g_assert_cmpuint(ip[6], ==, 44);
                g_assert_cmpuint(f[g->l4], ==, 17);
            }
            memcpy(all + g->l4 + at, f + head, len - head);
            at += len - head;
        }
        g_assert_cmpuint(at, ==, 3008);
        if (ip6) {
            st16_be(all + g->l3 + 4, 3008);
        } else {
            st16_be(all + g->l3 + 2, 3028);
            st16_be(all + g->l3 + 10, 0);
            st16_be(all + g->l3 + 10, sum_of(0, all + g->l3, 20));
        }
        assert_sums(g, all, g->l4 + at);
    }
}

static void headers_that_lie_are_dropped(void)
{
    g_autoptr(Big) g = big_new();
    /* where, what; in a frame of 1000 bytes of TCP over IPv4 cut at 300 */
    static const struct {
        size_t at;
        uint8_t bytes[2];
        guint frames;
    } lies[] = {
        { 4, { 0, 0 }, 0 },              /* gso_size 0 */
        { 1, { 2, 0 }, 0 },              /* no such gso_type */
        { 1, { GSO_TCP6, 0 }, 0 },       /* not what the frame holds */
        { 1, { GSO_USO, 0 }, 0 },        /* nor this */
        { HDR + 46, { 0x10, 0x18 }, 0 }, /* TCP header of 4 bytes */
        { HDR + 14, { 0x44, 0 }, 0 },    /* IPv4 header of 16 bytes */
        { HDR + 14, { 0x65, 0 }, 0 },    /* IPv6 in an IPv4 frame */
        { HDR + 20, { 0x20, 0 }, 0 },    /* a fragment */
        { HDR + 12, { 0x88, 0xb5 }, 0 }, /* no IP */
        { 2, { 0xff, 0xff }, 4 },        /* hdr_len: a hint, unused */
        { 6, { 0xff, 0xff }, 4 },        /* csum_start: so with segments */
    };

    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        big_make(g, false, true, GSO_TCP4, 300, 1000, false);
        memcpy(g->p + lies[i].at, lies[i].bytes, 2);
        big_send(g, lies[i].frames);
    }
    big_make(g, false, true, GSO_TCP4, 1, 8000, false);
    big_send(g, 0); /* 8000 segments are too many */
    big_make(g, false, true, 0, 0, 100, false);
    st16_le(g->p + 6, 154); /* csum_start at the end, and beyond */
    big_send(g, 0);
    st16_le(g->p + 6, 60000);
    big_send(g, 0);
    st16_le(g->p + 6, 34);
    st16_le(g->p + 8, 119); /* one byte of the sum is beyond */
    big_send(g, 0);
    st16_le(g->p + 8, 118);
    big_send(g, 1);
}

/* Every length of such a frame, and noise in its headers. */
static void noise_in_offloads_is_survived(void)
{
    g_autoptr(Big) g = big_new();
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    static const uint8_t types[] = { GSO_TCP4, GSO_UDP, GSO_TCP6, GSO_USO };

    for (int round = 0; round < 4000; round++) {
        g_autofree uint8_t *exact = NULL; /* ASan sees its end */

        big_make(g, round & 1, round & 2, types[round / 4 % 4], 300, 600,
                 round & 16);
        for (int i = 0; i < 3 && round >= 64; i++) {
            g->p[g_rand_int_range(rand, 0, HDR + 80)] = g_rand_int(rand);
        }
        g->len = round & 32 ? g->len : g_rand_int_range(rand, HDR, g->len);
        exact = g_memdup2(g->p, g->len);
        g_assert_true(send_frame(g->a, exact, g->len));
        g_ptr_array_set_size(g->b->got, 0);
    }
}

/* 5.1.6.4: frames that are known to be right need not be checked again. */
static void frames_from_user_are_marked_valid(void)
{
    g_autoptr(Fixture) f = setup();
    NetOffloads csum = { .csum = true }, none = { 0 };
    uint8_t arp[HDR + 42] = { 0 };
    TestNic *n;
    gsize len;

    netdev(f, "user,id=u,ipv6=off");
    n = nic_on(f, "test-nic,netdev=u");
    nic_set_vnet_hdr_len(&n->nic, HDR);
    make_arp(arp + HDR, 2);
    nic_set_offloads(&n->nic, &csum);
    g_assert_true(send_frame(n, arp, sizeof(arp)));
    wait_for(f, n, 1);
    g_assert_cmpuint(frame(n, 0, &len)[0], ==, 2); /* DATA_VALID */
    nic_set_offloads(&n->nic, &none);
    g_assert_true(send_frame(n, arp, sizeof(arp)));
    wait_for(f, n, 2);
    g_assert_cmpuint(frame(n, 1, &len)[0], ==, 0);
}

/* --- -netdev socket --- */

/* Frames both ways between two NICs; dgrams may be lost, but not here. */
static void talk(Fixture *f, const char *left, const char *right)
{
    TestNic *a, *b;
    uint8_t p[60];
    gsize len;

    netdev(f, left);
    netdev(f, right);
    a = nic_on(f, "test-nic,netdev=l");
    b = nic_on(f, "test-nic,netdev=r");
    for (int i = 0; i < 100 && b->got->len == 0; i++) { /* until connected */
        make_frame(p, 9);
        g_assert_true(send_frame(a, p, sizeof(p)));
        machine_unlock(f->m);
        loop_poll(f->m->loop, false);
        machine_lock(f->m);
        g_usleep(500);
    }
    wait_for(f, b, 1);
    g_assert_cmpmem(frame(b, 0, &len), 60, p, 60);
    make_frame(p, 8);
    g_assert_true(send_frame(b, p, sizeof(p)));
    wait_for(f, a, 1);
    for (guint i = 0; i < a->got->len; i++) {
        g_assert_cmpuint(frame(a, i, &len)[59], ==, 8);
    }
}

static void a_socket_connects_to_one_that_listens(void)
{
    g_autoptr(Fixture) f = setup();
    uint16_t port = free_port();
    g_autofree char *left =
        g_strdup_printf("socket,id=l,listen=127.0.0.1:%u", port);
    g_autofree char *right =
        g_strdup_printf("socket,id=r,connect=127.0.0.1:%u", port);

    talk(f, left, right);
}

static void sockets_talk_by_udp(void)
{
    g_autoptr(Fixture) f = setup();
    uint16_t one = free_port(), two = free_port();
    const char *form = "socket,id=%c,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u";
    g_autofree char *left = g_strdup_printf(form, 'l', one, two);
    g_autofree char *right = g_strdup_printf(form, 'r', two, one);

    talk(f, left, right);
}

static void sockets_talk_by_descriptor(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *left_fd = NULL;
    g_autofree char *right_fd = NULL;
    int pair[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    left_fd = g_strdup_printf("socket,id=l,fd=%d", pair[0]);
    right_fd = g_strdup_printf("socket,id=r,fd=%d", pair[1]);
    talk(f, left_fd, right_fd);
}

/* The frames of one that is too slow wait on its side of the socket. */
static void a_full_nic_holds_up_its_socket(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *text = NULL;
    uint8_t p[64];
    TestNic *n;
    int pair[2];
    gsize len;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    text = g_strdup_printf("socket,id=s,fd=%d", pair[0]);
    netdev(f, text);
    n = nic_on(f, "test-nic,netdev=s");
    n->full = true;
    for (int i = 0; i < 200; i++) {
        st32_be(p, 60);
        make_frame(p + 4, i);
        g_assert_cmpint(send(pair[1], p, 64, MSG_DONTWAIT), ==, 64);
        machine_unlock(f->m);
        loop_poll(f->m->loop, false);
        machine_lock(f->m);
    }
    g_assert_cmpuint(n->got->len, ==, 0);
    n->full = false;
    nic_flush(&n->nic, 0);
    wait_for(f, n, 200);
    for (int i = 0; i < 200; i++) {
        g_assert_cmpuint(frame(n, i, &len)[59], ==, i & 255);
    }
    close(pair[1]);
}

static void mistakes_in_socket_options_are_named(void)
{
    g_autoptr(Fixture) f = setup();

    assert_refused(f, "socket,id=x",
                   "exactly one of listen=, connect=, mcast= or udp= is "
                   "required");
    assert_refused(f, "socket,id=x,listen=:1,connect=:2",
                   "exactly one of listen=, connect=, mcast= or udp= is "
                   "required");
    assert_refused(f, "socket,id=x,listen=:1,localaddr=1.1.1.1",
                   "localaddr= is only valid with mcast= or udp=");
    assert_refused(f, "socket,id=x,udp=:1",
                   "localaddr= is mandatory with udp=");
    assert_refused(f, "socket,id=x,connect=foo",
                   "host address 'foo' doesn't contain ':' separating host "
                   "from port");
    assert_refused(f, "socket,id=x,mcast=1.2.3.4:5",
                   "specified mcastaddr 1.2.3.4 (0x01020304) does not contain "
                   "a multicast address");
}

/* --- tap: in a network of this process's own --- */

/* False: not permitted here, and the test is skipped. */
static bool own_network(void)
{
    static bool entered;

    if (!entered && unshare(CLONE_NEWNET) < 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        g_test_skip("no network namespace: unshare(2) is not permitted");
        return false;
    }
    entered = true;
    if (access("/dev/net/tun", R_OK | W_OK) < 0) {
        g_test_skip("/dev/net/tun cannot be opened");
        return false;
    }
    return true;
}

/* Bring the interface up and listen on the host's side of it. */
static int host_side(const char *name)
{
    struct ifreq ifr = { 0 };
    struct sockaddr_ll at = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(0x88b5) };
    int fd = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));

    g_strlcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
    g_assert_cmpint(ioctl(fd, SIOCGIFFLAGS, &ifr), ==, 0);
    ifr.ifr_flags |= IFF_UP;
    g_assert_cmpint(ioctl(fd, SIOCSIFFLAGS, &ifr), ==, 0);
    g_assert_cmpint(ioctl(fd, SIOCGIFINDEX, &ifr), ==, 0);
    at.sll_ifindex = ifr.ifr_ifindex;
    g_assert_cmpint(bind(fd, (struct sockaddr *)&at, sizeof(at)), ==, 0);
    return fd;
}

/* The kernel has its own things to say on a new link: wait for ours. */
static void wait_for_ours(Fixture *f, TestNic *n, uint8_t tag, size_t hdr)
{
    for (guint i = 0; i < 100; i++) {
        gsize len;

        wait_for(f, n, i + 1);
        if (ld16_be(frame(n, i, &len) + hdr + 12) == 0x88b5) {
            g_assert_cmpuint(len, ==, hdr + 60);
            g_assert_cmpuint(frame(n, i, &len)[hdr + 59], ==, tag);
            return;
        }
    }
    g_assert_not_reached();
}

static void tap_both_ways(Fixture *f, TestNic *n, const char *name)
{
    int fd = host_side(name);
    uint8_t p[60], got[100];

    make_frame(p, 5);
    g_assert_true(send_frame(n, p, sizeof(p)));
    g_assert_cmpint(recv(fd, got, sizeof(got), 0), ==, 60);
    g_assert_cmpmem(got, 60, p, 60);
    make_frame(p, 6);
    g_assert_cmpint(send(fd, p, sizeof(p), 0), ==, 60);
    wait_for_ours(f, n, 6, n->nic.vnet_hdr_len);
    close(fd);
}

static void a_tap_device_carries_frames(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *info = NULL;
    TestNic *n;

    if (!own_network()) {
        return;
    }
    netdev(f, "tap,id=t,ifname=tandem0,script=no,downscript=no,vhost=off,"
              "sndbuf=1M");
    info = netdev_info(netdev_find(f->m, "t"));
    g_assert_cmpstr(info, ==, "ifname=tandem0,queues=1,vnet_hdr=on");
    n = nic_on(f, "test-nic,netdev=t");
    tap_both_ways(f, n, "tandem0");
}

/* VIRTIO 1.2, 5.1.6: the kernel itself reads the header, and finishes the
 * checksum that it leaves open where the frame needs it. */
static void a_tap_device_reads_virtio_headers(void)
{
    g_autoptr(Fixture) f = setup();
    NetOffloads all = { .csum = true, .tso4 = true, .tso6 = true, .ecn = true };
    uint8_t p[12 + 60] = { 0 }, got[100];
    TestNic *n;
    int fd;

    if (!own_network()) {
        return;
    }
    netdev(f, "tap,id=t,ifname=tandem1,script=no,downscript=no,vnet_hdr=on");
    n = nic_on(f, "test-nic,netdev=t");
    g_assert_true(nic_conf_has_vnet_hdr(&n->conf));
    nic_set_vnet_hdr_len(&n->nic, 12);
    nic_set_offloads(&n->nic, &all);
    fd = host_side("tandem1");
    make_frame(p + 12, 3);
    g_assert_true(send_frame(n, p, sizeof(p)));
    g_assert_cmpint(recv(fd, got, sizeof(got), 0), ==, 60);
    g_assert_cmpmem(got, 60, p + 12, 60);
    g_assert_cmpint(send(fd, p + 12, 60, 0), ==, 60);
    wait_for_ours(f, n, 3, 12);
    close(fd);
}

static void scripts_and_descriptors_of_tap(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *script = g_build_filename(f->dir, "up", NULL);
    g_autofree char *log = g_build_filename(f->dir, "log", NULL);
    g_autofree char *body =
        g_strdup_printf("#!/bin/sh\necho up $1 >> %s\n", log);
    g_autofree char *text =
        g_strdup_printf("tap,id=t,ifname=tandem2,script=%s,downscript=%s,"
                        "queues=3",
                        script, script);
    g_autofree char *said = NULL;
    g_autofree char *by_fd = NULL;
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = -1;
    TestNic *n;

    if (!own_network()) {
        return;
    }
    g_assert_true(g_file_set_contents_full(
        script, body, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
    netdev(f, text);
    g_assert_true(netdev_remove(f->m, "t", NULL));
    g_assert_true(g_file_get_contents(log, &said, NULL, NULL));
    g_assert_cmpstr(said, ==, "up tandem2\nup tandem2\n");
    assert_refused(f, "tap,id=x,ifname=tandem2,script=/nowhere/at/all",
                   "could not launch network script /nowhere/at/all: Failed "
                   "to execute child process “/nowhere/at/all” (No such file "
                   "or directory)");
    assert_refused(f, "tap,id=x,vhost=on,script=no",
                   "vhost is not supported by this build; packets go through "
                   "the emulator (vhost=off)");
    assert_refused(f, "tap,id=x,fd=7,ifname=y",
                   "ifname=, script=, downscript=, vnet_hdr=, helper=, "
                   "queues=, fds=, and vhostfds= are invalid with fd=");
    fd = open("/dev/net/tun", O_RDWR);
    g_strlcpy(ifr.ifr_name, "tandem3", IFNAMSIZ);
    g_assert_cmpint(ioctl(fd, TUNSETIFF, &ifr), ==, 0);
    by_fd = g_strdup_printf("tap,id=t,fd=%d", fd);
    netdev(f, by_fd);
    n = nic_on(f, "test-nic,netdev=t");
    tap_both_ways(f, n, "tandem3");
    g_unlink(script);
    g_unlink(log);
}

/* The test plays the helper too: main() sees --fd=. */
static void a_helper_brings_the_tap_device(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *text =
        g_strdup_printf("tap,id=t,helper=%s,br=virbr9", self);
    TestNic *n;

    if (!own_network()) {
        return;
    }
    netdev(f, text);
    n = nic_on(f, "test-nic,netdev=t");
    tap_both_ways(f, n, "virbr9-tap");
    assert_refused(f, "bridge,id=x,helper=/bin/false", "bridge helper failed");
}

static int play_helper(const char *fd_arg, const char *br_arg)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    int fd = open("/dev/net/tun", O_RDWR);

    g_snprintf(ifr.ifr_name, IFNAMSIZ, "%s-tap", br_arg + strlen("--br="));
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        return 1;
    }
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    return sendmsg(atoi(fd_arg + strlen("--fd=")), &msg, 0) == 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && g_str_has_prefix(argv[2], "--fd=")) {
        return strcmp(argv[1], "--use-vnet") ? 1
                                             : play_helper(argv[2], argv[3]);
    }
    g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/net/" #fn, fn)
    if (IF_SLIRP(true)) {
        T(the_host_answers_arp);
        T(dhcp_offers_the_first_address);
        T(hostfwd_leads_to_the_guest);
        T(mistakes_in_user_options_are_named);
        T(hostile_frames_are_dropped_or_survived);
        T(a_window_of_segments_arrives_whole);
        T(a_full_nic_holds_up_the_host);
        T(a_connection_is_reset_after_a_load);
        T(damaged_state_of_user_is_survived);
        T(frames_from_user_are_marked_valid);
    }
    T(a_nic_is_announced);
    T(a_hub_joins_its_ports);
    T(what_a_nic_has_no_room_for_waits_in_order);
    T(a_stopped_machine_gets_packets_when_it_goes_on);
    T(a_link_that_is_down_carries_nothing);
    T(headers_are_made_and_taken_off);
    T(tcp_is_segmented_where_the_back_end_cannot);
    T(udp_is_segmented_where_the_back_end_cannot);
    T(udp_is_fragmented_where_the_back_end_cannot);
    T(headers_that_lie_are_dropped);
    T(noise_in_offloads_is_survived);
    T(each_nic_gets_an_address_of_its_own);
    T(a_netdev_has_one_nic_and_stays_while_it_has);
    T(a_dump_holds_what_passed);
    T(frames_of_a_stream_follow_their_length);
    T(two_machines_talk_by_datagrams);
    T(a_socket_connects_to_one_that_listens);
    T(sockets_talk_by_udp);
    T(sockets_talk_by_descriptor);
    T(a_full_nic_holds_up_its_socket);
    T(mistakes_in_socket_options_are_named);
    /* last: these leave the host's network */
    T(a_tap_device_carries_frames);
    T(a_tap_device_reads_virtio_headers);
    T(scripts_and_descriptors_of_tap);
    T(a_helper_brings_the_tap_device);
#undef T
    return g_test_run();
}
