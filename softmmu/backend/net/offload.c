/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a sender left to the hardware, done in software: checksums and
 * segmentation, where the other side has no virtio_net_hdr.
 *
 * Spec:  VIRTIO 1.2, 5.1.6 (header), 5.1.6.2 (sending); RFC 1071 (checksum),
 *        791 and 8200 (IP), 9293 (TCP), 768 (UDP), 3168 6.1.2 (CWR).
 *
 * All of the frame and of its header is hostile: the layers are found by
 * reading the frame, hdr_len and csum_start are never trusted to lie in it.
 */
#include "tandem/base.h"

#include <netinet/in.h>

#include "internal.h"

enum { /* struct virtio_net_hdr, VIRTIO 1.2, 5.1.6 */
       HDR_FLAGS = 0,
       HDR_GSO_TYPE = 1,
       HDR_GSO_SIZE = 4,
       HDR_CSUM_START = 6,
       HDR_CSUM_OFFSET = 8,
       HDR_BYTES = 10,
       F_NEEDS_CSUM = 1,
       GSO_NONE = 0,
       GSO_TCPV4 = 1,
       GSO_UDP = 3, /* one datagram, in fragments */
       GSO_TCPV6 = 4,
       GSO_UDP_L4 = 5, /* several datagrams */
       GSO_ECN = 0x80,
};
enum {
    ETHERTYPE_IP4 = 0x0800,
    ETHERTYPE_IP6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    IP4_BYTES = 20,
    IP6_BYTES = 40,
    UDP_BYTES = 8,
    TCP_BYTES = 20,
    FRAGMENT_BYTES = 8,
    TCP_FIN = 0x01,
    TCP_PSH = 0x08,
    TCP_CWR = 0x80,
    IP_MORE = 0x2000, /* fragments follow; RFC 791, 3.1 */
    EXTENSIONS_MAX = 8,
    SEGMENTS_MAX = 1024, /* of one frame */
};

/* Where the layers of a frame begin. */
typedef struct Layers {
    size_t l3, l4, payload; /* bytes into the frame */
    bool ip6;
    uint8_t proto; /* of l4: IPPROTO_TCP, IPPROTO_UDP */
} Layers;

typedef struct Segmenter {
    const uint8_t *frame;
    size_t len;
    Layers at;
    uint8_t gso_type;
    uint16_t gso_size;
    uint8_t *out; /* room for a segment */
    void (*emit)(void *opaque, const uint8_t *frame, size_t len);
    void *opaque;
} Segmenter;

/* --- checksums: RFC 1071 --- */

static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += ld16_be(p + i);
    }
    return len & 1 ? sum + (p[len - 1] << 8) : sum;
}

static uint16_t sum_end(uint64_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

/* Of the transport at @l4 up to @len, with its pseudo header. */
static void finish_transport(uint8_t *f, size_t len, const Layers *a)
{
    size_t n = len - a->l4, field = a->l4 + (a->proto == IPPROTO_TCP ? 16 : 6);
    uint64_t sum =
        a->ip6 ? sum_add(0, f + a->l3 + 8, 32) : sum_add(0, f + a->l3 + 12, 8);
    uint16_t result;

    st16_be(f + field, 0);
    result = sum_end(sum_add(sum + a->proto + n, f + a->l4, n));
    /* 0 means "none" in UDP; RFC 768 sends its other form */
    st16_be(f + field,
            result == 0 && a->proto == IPPROTO_UDP ? 0xffff : result);
}

static void finish_ip4(uint8_t *ip, size_t header, size_t total)
{
    st16_be(ip + 2, (uint16_t)total);
    st16_be(ip + 10, 0);
    st16_be(ip + 10, sum_end(sum_add(0, ip, header)));
}

/* Lengths and checksums of the layer below, for a frame of @len bytes. */
static void finish_network(uint8_t *f, size_t len, const Layers *a)
{
    if (a->ip6) {
        st16_be(f + a->l3 + 4, (uint16_t)(len - a->l3 - IP6_BYTES));
    } else {
        finish_ip4(f + a->l3, a->l4 - a->l3, len - a->l3);
    }
}

/* --- reading a frame --- */

static bool find_ip4(const uint8_t *f, size_t len, Layers *a)
{
    const uint8_t *ip = f + a->l3;
    size_t header;

    if (len - a->l3 < IP4_BYTES || ip[0] >> 4 != 4) {
        return false;
    }
    header = (ip[0] & 15) * 4u;
    a->l4 = a->l3 + header;
    a->proto = ip[9];
    /* no fragment of anything */
    return header >= IP4_BYTES && len - a->l3 >= header &&
           (ld16_be(ip + 6) & 0x3fff) == 0;
}

/* RFC 8200, 4: hop-by-hop, destination options and routing may come first. */
static bool find_ip6(const uint8_t *f, size_t len, Layers *a)
{
    uint8_t next;

    if (len - a->l3 < IP6_BYTES || f[a->l3] >> 4 != 6) {
        return false;
    }
    next = f[a->l3 + 6];
    a->ip6 = true;
    a->l4 = a->l3 + IP6_BYTES;
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
            next != IPPROTO_DSTOPTS) {
            a->proto = next;
            return true;
        }
        if (len - a->l4 < 8 || len - a->l4 < f[a->l4 + 1] * 8u + 8) {
            return false;
        }
        next = f[a->l4];
        a->l4 += f[a->l4 + 1] * 8u + 8;
    }
    return false;
}

static bool find_transport(const uint8_t *f, size_t len, Layers *a)
{
    size_t header = UDP_BYTES;

    if (a->proto == IPPROTO_TCP) {
        if (len - a->l4 < TCP_BYTES) {
            return false;
        }
        header = (f[a->l4 + 12] >> 4) * 4u;
    } else if (a->proto != IPPROTO_UDP) {
        return false;
    }
    a->payload = a->l4 + header;
    return len - a->l4 >= header &&
           (a->proto == IPPROTO_UDP || header >= TCP_BYTES);
}

static bool find_layers(const uint8_t *f, size_t len, Layers *a)
{
    size_t type = 12;

    *a = (Layers){ 0 };
    for (int tags = 0; tags < 2 && len >= type + 6; tags++) {
        uint16_t tag = ld16_be(f + type);

        if (tag != ETHERTYPE_VLAN && tag != ETHERTYPE_QINQ) {
            break;
        }
        type += 4;
    }
    if (len < type + 2) {
        return false;
    }
    a->l3 = type + 2;
    switch (ld16_be(f + type)) {
    case ETHERTYPE_IP4:
        return find_ip4(f, len, a) && find_transport(f, len, a);
    case ETHERTYPE_IP6:
        return find_ip6(f, len, a) && find_transport(f, len, a);
    default:
        return false;
    }
}

/* --- segments --- */

/* The payload [off, off + n) behind the headers. */
static void emit_segment(const Segmenter *s, size_t off, size_t n, bool last)
{
    const Layers *a = &s->at;
    uint8_t *f = s->out, *l4 = f + a->l4;
    size_t len = a->payload + n;

    memcpy(f, s->frame, a->payload);
    memcpy(f + a->payload, s->frame + a->payload + off, n);
    if (!a->ip6) { /* each is a datagram of its own */
        st16_be(f + a->l3 + 4,
                ld16_be(f + a->l3 + 4) + (uint16_t)(off / s->gso_size));
    }
    if (a->proto == IPPROTO_TCP) {
        st32_be(l4 + 4, ld32_be(l4 + 4) + (uint32_t)off);
        l4[13] &= last ? 0xff : ~(TCP_FIN | TCP_PSH);
        l4[13] &= off == 0 ? 0xff : ~TCP_CWR;
    } else {
        st16_be(l4 + 4, (uint16_t)(len - a->l4));
    }
    finish_network(f, len, a);
    finish_transport(f, len, a);
    s->emit(s->opaque, f, len);
}

static bool emit_segments(const Segmenter *s)
{
    size_t left = s->len - s->at.payload, off = 0;

    if (left / s->gso_size >= SEGMENTS_MAX) {
        return false;
    }
    do {
        size_t n = MIN(left, s->gso_size);

        emit_segment(s, off, n, n == left);
        off += n;
        left -= n;
    } while (left > 0);
    return true;
}

/* --- fragments of one UDP datagram --- */

static void emit_fragment4(const Segmenter *s, const uint8_t *datagram,
                           size_t off, size_t n, bool last)
{
    const Layers *a = &s->at;

    memcpy(s->out, s->frame, a->l4);
    memcpy(s->out + a->l4, datagram + off, n);
    st16_be(s->out + a->l3 + 6,
            (uint16_t)(off / 8) | (last ? 0 : IP_MORE)); /* RFC 791, 3.1 */
    finish_network(s->out, a->l4 + n, a);
    s->emit(s->opaque, s->out, a->l4 + n);
}

/* RFC 8200, 4.5: the header of a fragment goes before the datagram. */
static void emit_fragment6(const Segmenter *s, const uint8_t *datagram,
                           size_t off, size_t n, bool last)
{
    const Layers *a = &s->at;
    uint8_t *ip = s->out + a->l3, *head = s->out + a->l4;
    size_t len = a->l4 + FRAGMENT_BYTES + n;

    memcpy(s->out, s->frame, a->l4);
    ip[6] = IPPROTO_FRAGMENT;
    head[0] = IPPROTO_UDP;
    head[1] = 0;
    st16_be(head + 2, (uint16_t)off | !last);
    /* one datagram's are alike, another's hardly: its checksum and ports */
    st32_be(head + 4,
            (uint32_t)ld16_be(datagram + 6) << 16 ^ ld32_be(datagram));
    memcpy(head + FRAGMENT_BYTES, datagram + off, n);
    finish_network(s->out, len, a);
    s->emit(s->opaque, s->out, len);
}

static bool emit_fragments(const Segmenter *s)
{
    g_autofree uint8_t *whole = g_memdup2(s->frame, s->len);
    size_t unit = s->gso_size & ~7u, left = s->len - s->at.l4, off = 0;

    /* IPv6 with extension headers would need them taken apart */
    if (unit == 0 || left / unit >= SEGMENTS_MAX || left > UINT16_MAX ||
        (s->at.ip6 && s->at.l4 != s->at.l3 + IP6_BYTES)) {
        return false;
    }
    st16_be(whole + s->at.l4 + 4, (uint16_t)left);
    finish_transport(whole, s->len, &s->at);
    while (left > 0) {
        size_t n = MIN(left, unit);

        (s->at.ip6 ? emit_fragment6 : emit_fragment4)(s, whole + s->at.l4, off,
                                                      n, n == left);
        off += n;
        left -= n;
    }
    return true;
}

/* Does the frame hold what its gso_type says? */
static bool type_fits(const Segmenter *s)
{
    const Layers *a = &s->at;

    switch (s->gso_type & ~GSO_ECN) {
    case GSO_TCPV4:
        return a->proto == IPPROTO_TCP && !a->ip6;
    case GSO_TCPV6:
        return a->proto == IPPROTO_TCP && a->ip6;
    case GSO_UDP:
    case GSO_UDP_L4:
        return a->proto == IPPROTO_UDP && !(s->gso_type & GSO_ECN);
    default:
        return false;
    }
}

static bool segment(const uint8_t *packet, size_t len, unsigned hdr_len,
                    void (*emit)(void *opaque, const uint8_t *frame,
                                 size_t len),
                    void *opaque)
{
    g_autofree uint8_t *out = g_malloc(len + FRAGMENT_BYTES);
    Segmenter s = { .frame = packet + hdr_len,
                    .len = len - hdr_len,
                    .gso_type = packet[HDR_GSO_TYPE],
                    .gso_size = ld16_le(packet + HDR_GSO_SIZE),
                    .out = out,
                    .emit = emit,
                    .opaque = opaque };

    if (s.gso_size == 0 || !find_layers(s.frame, s.len, &s.at) ||
        !type_fits(&s)) {
        return false;
    }
    return (s.gso_type & ~GSO_ECN) == GSO_UDP ? emit_fragments(&s)
                                              : emit_segments(&s);
}

/* --- checksum alone --- */

/* 5.1.6.2: the sum from csum_start on goes to csum_offset behind it, where
 * the driver has left the pseudo header's. */
static bool checksum(const uint8_t *packet, size_t len, unsigned hdr_len,
                     void (*emit)(void *opaque, const uint8_t *frame,
                                  size_t len),
                     void *opaque)
{
    size_t start = ld16_le(packet + HDR_CSUM_START);
    size_t offset = ld16_le(packet + HDR_CSUM_OFFSET), n = len - hdr_len;
    g_autofree uint8_t *out = NULL;
    uint16_t sum;

    if (start >= n || offset > n - start || n - start - offset < 2) {
        return false;
    }
    out = g_memdup2(packet + hdr_len, n);
    sum = sum_end(sum_add(0, out + start, n - start));
    st16_be(out + start + offset, sum ? sum : 0xffff); /* RFC 768 */
    emit(opaque, out, n);
    return true;
}

bool net_finish_offloads(const uint8_t *packet, size_t len, unsigned hdr_len,
                         void (*emit)(void *opaque, const uint8_t *frame,
                                      size_t len),
                         void *opaque)
{
    assert(len >= hdr_len + (size_t)NET_FRAME_MIN);
    if (hdr_len < HDR_BYTES) {
        emit(opaque, packet + hdr_len, len - hdr_len);
        return true;
    }
    if (packet[HDR_GSO_TYPE] != GSO_NONE) {
        return segment(packet, len, hdr_len, emit, opaque);
    }
    if (packet[HDR_FLAGS] & F_NEEDS_CSUM) {
        return checksum(packet, len, hdr_len, emit, opaque);
    }
    emit(opaque, packet + hdr_len, len - hdr_len);
    return true;
}
