/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offloads of NICs, done in software where a back end cannot. */
#include "tandem/base.h"

#include <netinet/in.h>

#include "net-test.h"

/* --- offloads in software; VIRTIO 1.2, 5.1.6.2 --- */

enum { HDR = 12, GSO_TCP4 = 1, GSO_UDP = 3, GSO_TCP6 = 4, GSO_USO = 5 };

/* A frame with a header before it, and the NICs it goes between. */
typedef struct Big {
    Bare *f;
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
    g_autoptr(Bare) f = setup();
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/net/" #fn, fn)
    T(tcp_is_segmented_where_the_back_end_cannot);
    T(udp_is_segmented_where_the_back_end_cannot);
    T(udp_is_fragmented_where_the_back_end_cannot);
    T(headers_that_lie_are_dropped);
    T(noise_in_offloads_is_survived);
    if (IF_SLIRP(true)) {
        T(frames_from_user_are_marked_valid);
    }
#undef T
    return g_test_run();
}
