/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back ends of the host: stream, dgram, socket, tap. */
#include "tandem/base.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net-test.h"

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
    g_autoptr(Bare) f = setup();
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
        turn_loop(f);
    }
    n->full = false;
    nic_flush(&n->nic, 0);
    wait_for(f, n, 4);
    g_assert_cmpuint(frame(n, 3, &len)[59], ==, 2);

    memset(wire, 0xff, 4); /* a length of 4 GiB ends the connection */
    g_assert_cmpint(write(fd, wire, 64), ==, 64);
    for (int i = 0; i < 50; i++) {
        turn_loop(f);
    }
    g_assert_cmpint(read(fd, back, sizeof(back)), <=, 0);
    close(fd);
}

/* --- dgram --- */

static void two_machines_talk_by_datagrams(void)
{
    g_autoptr(Bare) f = setup();
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

/* --- -netdev socket --- */

/* Frames both ways between two NICs; dgrams may be lost, but not here. */
static void talk(Bare *f, const char *left, const char *right)
{
    TestNic *a, *b;
    uint8_t p[60];
    gsize len;

    netdev(f, left);
    netdev(f, right);
    a = nic_on(f, "test-nic,netdev=l");
    b = nic_on(f, "test-nic,netdev=r");
    for (int i = 0; b->got->len == 0; i++) { /* until connected */
        make_frame(p, 9);
        g_assert_true(send_frame(a, p, sizeof(p)));
        turn_loop(f);
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
    g_autoptr(Bare) f = setup();
    uint16_t port = free_port(0);
    g_autofree char *left =
        g_strdup_printf("socket,id=l,listen=127.0.0.1:%u", port);
    g_autofree char *right =
        g_strdup_printf("socket,id=r,connect=127.0.0.1:%u", port);

    talk(f, left, right);
}

static void sockets_talk_by_udp(void)
{
    g_autoptr(Bare) f = setup();
    uint16_t one = free_port(0), two = free_port(one);
    const char *form = "socket,id=%c,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u";
    g_autofree char *left = g_strdup_printf(form, 'l', one, two);
    g_autofree char *right = g_strdup_printf(form, 'r', two, one);

    talk(f, left, right);
}

static void sockets_talk_by_descriptor(void)
{
    g_autoptr(Bare) f = setup();
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
    g_autoptr(Bare) f = setup();
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
        turn_loop(f);
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
    g_autoptr(Bare) f = setup();

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
static void wait_for_ours(Bare *f, TestNic *n, uint8_t tag, size_t hdr)
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

static void tap_both_ways(Bare *f, TestNic *n, const char *name)
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
    g_autoptr(Bare) f = setup();
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
    g_autoptr(Bare) f = setup();
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
    g_autoptr(Bare) f = setup();
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
    g_autoptr(Bare) f = setup();
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
