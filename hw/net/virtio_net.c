/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Network device.
 *
 * Spec:  VIRTIO 1.2, 5.1.
 * Guest: a receive and a transmit queue a pair, and a control queue. Checksum
 *        and segmentation offloads are passed on to a back end that has them;
 *        for others the network's core does them, so they are offered too.
 * Omits: RSS and hash reports, receive segment coalescing, standby (failover).
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/virtio/devices.h"
#include "softmmu/backend/net.h"
#include "softmmu/machine/boot.h"
#include "softmmu/machine/machine.h"
#include "trace_hw_net.h"

/* Feature bits; 5.1.3. */
enum {
    NET_F_CSUM = 0,
    NET_F_GUEST_CSUM = 1,
    NET_F_CTRL_GUEST_OFFLOADS = 2,
    NET_F_MTU = 3,
    NET_F_MAC = 5,
    NET_F_GSO = 6, /* legacy */
    NET_F_GUEST_TSO4 = 7,
    NET_F_GUEST_TSO6 = 8,
    NET_F_GUEST_ECN = 9,
    NET_F_GUEST_UFO = 10,
    NET_F_HOST_TSO4 = 11,
    NET_F_HOST_TSO6 = 12,
    NET_F_HOST_ECN = 13,
    NET_F_HOST_UFO = 14,
    NET_F_MRG_RXBUF = 15,
    NET_F_STATUS = 16,
    NET_F_CTRL_VQ = 17,
    NET_F_CTRL_RX = 18,
    NET_F_CTRL_VLAN = 19,
    NET_F_CTRL_RX_EXTRA = 20,
    NET_F_GUEST_ANNOUNCE = 21,
    NET_F_MQ = 22,
    NET_F_CTRL_MAC_ADDR = 23,
    NET_F_GUEST_USO4 = 54,
    NET_F_GUEST_USO6 = 55,
    NET_F_HOST_USO = 56,
    NET_F_SPEED_DUPLEX = 63,
};

/* Configuration, byte offsets; 5.1.4. */
enum {
    CFG_MAC = 0,
    CFG_STATUS = 6,
    CFG_MAX_PAIRS = 8,
    CFG_MTU = 10,
    CFG_SPEED = 12,
    CFG_DUPLEX = 16,
    CFG_SIZE = 17,
};
enum { S_LINK_UP = 1, S_ANNOUNCE = 2 };

/* struct virtio_net_hdr; 5.1.6. */
enum { HDR_LEGACY = 10, HDR_LEN = 12, HDR_NUM_BUFFERS = 10 };

/* Control commands; 5.1.6.5. */
enum {
    CTRL_RX = 0,
    CTRL_MAC = 1,
    CTRL_VLAN = 2,
    CTRL_ANNOUNCE = 3,
    CTRL_MQ = 4,
    CTRL_OFFLOADS = 5,
};
enum {
    RX_PROMISC,
    RX_ALLMULTI,
    RX_ALLUNI,
    RX_NOMULTI,
    RX_NOUNI,
    RX_NOBCAST,
    RX_MODES
};
enum { CTRL_OK = 0, CTRL_ERR = 1, CTRL_HEADER = 2 };

enum {
    MAC_TABLE_MAX = 64, /* addresses kept; more: as if all were wanted */
    VLANS = 4096,
    TX_BURST = 256, /* frames before others get their turn */
    CTRL_QUEUE_SIZE = 64,
    DUPLEX_HALF = 0,
    DUPLEX_FULL = 1,
    DUPLEX_UNKNOWN = 0xff,
};

/* Addresses of one kind, as the driver listed them. */
typedef struct MacTable {
    uint32_t n;
    bool overflow;
    uint8_t mac[MAC_TABLE_MAX][NET_MAC_LEN];
} MacTable;

typedef struct VirtioNet {
    VirtioDevice parent;
    /* properties */
    NicConf conf;
    int32_t bootindex;
    bool f[64]; /* features that may be offered, by bit */
    uint16_t rx_size, tx_size, host_mtu;
    int32_t speed; /* Mbit/s; -1: unknown */
    char *duplex;
    /* constant after realize */
    Nic nic;
    unsigned pairs;
    bool *tx_wait; /* by pair: the host has yet to take the last frame */
    /* guest state: saved */
    uint8_t mac[NET_MAC_LEN];
    bool mode[RX_MODES];
    MacTable unicast, multicast;
    uint32_t vlan[VLANS / 32];
    uint64_t offloads; /* of NET_F_GUEST_x, in use */
    uint16_t pairs_in_use;
    bool announce;
} VirtioNet;

static unsigned control_index(const VirtioNet *s)
{
    return virtio_has(&s->parent, NET_F_MQ) ? 2 * s->pairs : 2; /* 5.1.2 */
}

static unsigned header_len(const VirtioDevice *v)
{
    return virtio_has(v, VIRTIO_F_VERSION_1) || virtio_has(v, NET_F_MRG_RXBUF)
               ? HDR_LEN
               : HDR_LEGACY;
}

/* --- which frames the guest wants; 5.1.6.5.1 to 5.1.6.5.3 --- */

static bool table_has(const MacTable *t, const uint8_t *mac)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (memcmp(t->mac[i], mac, NET_MAC_LEN) == 0) {
            return true;
        }
    }
    return false;
}

static bool vlan_wanted(const VirtioNet *s, const uint8_t *frame, size_t len)
{
    unsigned id;

    if (!virtio_has(&s->parent, NET_F_CTRL_VLAN) || len < 16 ||
        ld16_be(frame + 12) != 0x8100) {
        return true;
    }
    id = ld16_be(frame + 14) & (VLANS - 1);
    return s->vlan[id / 32] >> id % 32 & 1;
}

static bool wanted(const VirtioNet *s, const uint8_t *frame, size_t len)
{
    static const uint8_t broadcast[] = { 255, 255, 255, 255, 255, 255 };

    if (s->mode[RX_PROMISC]) {
        return true;
    }
    if (!vlan_wanted(s, frame, len)) {
        return false;
    }
    if (memcmp(frame, broadcast, NET_MAC_LEN) == 0) {
        return !s->mode[RX_NOBCAST];
    }
    if (frame[0] & 1) {
        return !s->mode[RX_NOMULTI] &&
               (s->mode[RX_ALLMULTI] || s->multicast.overflow ||
                table_has(&s->multicast, frame));
    }
    return !s->mode[RX_NOUNI] && (s->mode[RX_ALLUNI] || s->unicast.overflow ||
                                  memcmp(frame, s->mac, NET_MAC_LEN) == 0 ||
                                  table_has(&s->unicast, frame));
}

/* --- receiving; 5.1.6.4 --- */

static bool net_can_receive(void *opaque, unsigned queue)
{
    VirtioNet *s = opaque;
    VirtQueue *vq = virtio_queue(&s->parent, 2 * queue);

    return queue < s->pairs_in_use && vq && virtq_ready(vq) &&
           (!virtq_empty(vq) || virtq_wait(vq));
}

/* Buffers for @len bytes: one, or several when they may be merged. Their
 * number, with 0 for not enough. */
static unsigned rx_take(VirtioNet *s, VirtQueue *vq, size_t len,
                        VirtqElement **list)
{
    bool merge = virtio_has(&s->parent, NET_F_MRG_RXBUF);
    uint64_t room = 0;
    unsigned n = 0;

    do {
        VirtqElement *e = virtq_pop(vq, sizeof(*e));

        if (e) {
            room += e->in_len;
            list[n++] = e;
        } else if (!virtq_wait(vq)) {
            break;
        }
    } while (room < len && (merge || n == 0) && n < VIRTQ_SIZE_MAX);
    if (room >= len) {
        return n;
    }
    if (n > 0 && !merge) { /* 5.1.6.3.1: the driver makes them large enough */
        guest_error(&s->parent.parent,
                    "receive buffer of %" PRIu64 " bytes for %zu", room, len);
        virtq_push(vq, list[0], 0);
        virtq_element_free(list[0]);
        return 0;
    }
    while (n > 0) {
        virtq_unpop(vq, list[--n]);
        virtq_element_free(list[n]);
    }
    return 0;
}

static void rx_store(VirtioNet *s, VirtQueue *vq, const uint8_t *data,
                     size_t len, VirtqElement **list, unsigned n)
{
    size_t hdr = header_len(&s->parent), off = 0;
    uint8_t header[HDR_LEN];

    memcpy(header, data, hdr);
    if (hdr == HDR_LEN) {
        st16_le(header + HDR_NUM_BUFFERS, (uint16_t)n);
    }
    for (unsigned i = 0; i < n; i++) {
        VirtqElement *e = list[i];
        size_t at = 0;

        if (i == 0) {
            at = iov_from_buf(e->in, e->n_in, 0, header, hdr);
            off = at;
        }
        at += iov_from_buf(e->in, e->n_in, at, data + off, len - off);
        off = i == 0 ? at : off + at;
        virtq_fill(vq, e, (uint32_t)at);
        virtq_element_free(e);
    }
    virtq_flush(vq);
    virtq_notify(vq);
}

static bool net_receive(void *opaque, unsigned queue, const uint8_t *data,
                        size_t len)
{
    VirtioNet *s = opaque;
    VirtQueue *vq = virtio_queue(&s->parent, 2 * queue);
    size_t hdr = header_len(&s->parent);
    VirtqElement *list[VIRTQ_SIZE_MAX];
    unsigned n;

    if (!net_can_receive(s, queue)) {
        return false;
    }
    if (len < hdr + NET_FRAME_MIN || !wanted(s, data + hdr, len - hdr)) {
        return true;
    }
    n = rx_take(s, vq, len, list);
    trace_virtio_net_receive(queue, len, n);
    if (n == 0) {
        return !virtio_has(&s->parent, NET_F_MRG_RXBUF);
    }
    if (n > 1 && list[0]->in_len < hdr) {
        virtio_broken(&s->parent, "a receive buffer below %zu bytes", hdr);
        for (unsigned i = 0; i < n; i++) {
            virtq_detach(vq, list[i]);
            virtq_element_free(list[i]);
        }
        return true;
    }
    rx_store(s, vq, data, len, list, n);
    return true;
}

/* --- sending; 5.1.6.2 --- */

static void net_send_queue(VirtioNet *s, VirtQueue *vq, unsigned pair)
{
    unsigned hdr = header_len(&s->parent), n = 0;
    VirtqElement *e;

    while (!s->tx_wait[pair] && n++ < TX_BURST &&
           (e = virtq_pop(vq, sizeof(*e)))) {
        if (e->out_len < hdr) {
            virtio_broken(&s->parent, "a frame to send of %" PRIu64 " bytes",
                          e->out_len);
            virtq_detach(vq, e);
            virtq_element_free(e);
            return;
        }
        trace_virtio_net_send(pair, e->out_len);
        s->tx_wait[pair] = !nic_send(&s->nic, pair, e->out, e->n_out);
        virtq_push(vq, e, 0);
        virtq_element_free(e);
    }
    virtq_notify(vq);
}

static void net_sent(void *opaque, unsigned queue)
{
    VirtioNet *s = opaque;
    VirtQueue *vq = virtio_queue(&s->parent, 2 * queue + 1);

    s->tx_wait[queue] = false;
    if (vq) {
        virtq_kick(vq);
    }
}

/* --- control queue; 5.1.6.5 --- */

/* A command's data, read as it is consumed. */
typedef struct Command {
    const VirtqElement *e;
    uint64_t at;
} Command;

static bool command_take(Command *c, void *buf, size_t len)
{
    size_t n = iov_to_buf(c->e->out, c->e->n_out, c->at, buf, len);

    c->at += n;
    return n == len;
}

static bool control_rx(VirtioNet *s, uint8_t cmd, Command *c)
{
    uint8_t on;

    if (cmd >= RX_MODES || !command_take(c, &on, 1) ||
        !virtio_has(&s->parent,
                    cmd <= RX_ALLMULTI ? NET_F_CTRL_RX : NET_F_CTRL_RX_EXTRA)) {
        return false;
    }
    s->mode[cmd] = on != 0;
    nic_rx_filter_changed(&s->nic);
    return true;
}

static bool table_take(MacTable *t, Command *c)
{
    uint8_t raw[4];
    uint32_t n;

    if (!command_take(c, raw, sizeof(raw))) {
        return false;
    }
    n = ld32_le(raw);
    if (n > (c->e->out_len - c->at) / NET_MAC_LEN) {
        return false;
    }
    *t = (MacTable){ .overflow = n > MAC_TABLE_MAX };
    if (t->overflow) {
        c->at += (uint64_t)n * NET_MAC_LEN;
        return true;
    }
    t->n = n;
    return command_take(c, t->mac, (size_t)n * NET_MAC_LEN);
}

static bool control_mac(VirtioNet *s, uint8_t cmd, Command *c)
{
    MacTable unicast, multicast;

    if (cmd == 1 && virtio_has(&s->parent, NET_F_CTRL_MAC_ADDR)) {
        uint8_t mac[NET_MAC_LEN];

        if (!command_take(c, mac, sizeof(mac))) {
            return false;
        }
        memcpy(s->mac, mac, sizeof(mac));
    } else if (cmd == 0 && virtio_has(&s->parent, NET_F_CTRL_RX)) {
        if (!table_take(&unicast, c) || !table_take(&multicast, c)) {
            return false;
        }
        s->unicast = unicast;
        s->multicast = multicast;
    } else {
        return false;
    }
    nic_rx_filter_changed(&s->nic);
    return true;
}

static bool control_vlan(VirtioNet *s, uint8_t cmd, Command *c)
{
    uint8_t raw[2];
    unsigned id;

    if (cmd > 1 || !virtio_has(&s->parent, NET_F_CTRL_VLAN) ||
        !command_take(c, raw, sizeof(raw))) {
        return false;
    }
    id = ld16_le(raw);
    if (id >= VLANS) {
        return false;
    }
    s->vlan[id / 32] =
        (uint32_t)bits_set(s->vlan[id / 32], id % 32, 1, cmd == 0);
    nic_rx_filter_changed(&s->nic);
    return true;
}

static bool control_announce(VirtioNet *s, uint8_t cmd, Command *c)
{
    if (cmd != 0 || !s->announce) {
        return false;
    }
    s->announce = false;
    return true;
}

static bool control_mq(VirtioNet *s, uint8_t cmd, Command *c)
{
    uint8_t raw[2];
    uint16_t n;

    if (cmd != 0 || !virtio_has(&s->parent, NET_F_MQ) ||
        !command_take(c, raw, sizeof(raw))) {
        return false;
    }
    n = ld16_le(raw);
    if (n == 0 || n > s->pairs) {
        return false;
    }
    s->pairs_in_use = n;
    nic_set_queues_in_use(&s->nic, n);
    return true;
}

static void use_offloads(VirtioNet *s, uint64_t bits)
{
    const NetOffloads o = {
        .csum = bits >> NET_F_GUEST_CSUM & 1,
        .tso4 = bits >> NET_F_GUEST_TSO4 & 1,
        .tso6 = bits >> NET_F_GUEST_TSO6 & 1,
        .ecn = bits >> NET_F_GUEST_ECN & 1,
        .ufo = bits >> NET_F_GUEST_UFO & 1,
        .uso4 = bits >> NET_F_GUEST_USO4 & 1,
        .uso6 = bits >> NET_F_GUEST_USO6 & 1,
    };

    s->offloads = bits;
    nic_set_offloads(&s->nic, &o);
}

static const uint64_t guest_offloads =
    BIT(NET_F_GUEST_CSUM) | BIT(NET_F_GUEST_TSO4) | BIT(NET_F_GUEST_TSO6) |
    BIT(NET_F_GUEST_ECN) | BIT(NET_F_GUEST_UFO) | BIT(NET_F_GUEST_USO4) |
    BIT(NET_F_GUEST_USO6);

static bool control_offloads(VirtioNet *s, uint8_t cmd, Command *c)
{
    uint8_t raw[8];

    if (cmd != 0 || !virtio_has(&s->parent, NET_F_CTRL_GUEST_OFFLOADS) ||
        !command_take(c, raw, sizeof(raw)) ||
        ld64_le(raw) & ~(guest_offloads & s->parent.features)) {
        return false;
    }
    use_offloads(s, ld64_le(raw));
    return true;
}

typedef bool Control(VirtioNet *s, uint8_t cmd, Command *c);
static Control *const controls[] = {
    [CTRL_RX] = control_rx,     [CTRL_MAC] = control_mac,
    [CTRL_VLAN] = control_vlan, [CTRL_ANNOUNCE] = control_announce,
    [CTRL_MQ] = control_mq,     [CTRL_OFFLOADS] = control_offloads,
};

static void net_control_queue(VirtioNet *s, VirtQueue *vq)
{
    VirtqElement *e;

    while ((e = virtq_pop(vq, sizeof(*e)))) {
        Command c = { e, 0 };
        uint8_t header[CTRL_HEADER], ack = CTRL_ERR;

        if (e->in_len < 1 || !command_take(&c, header, sizeof(header))) {
            virtio_broken(&s->parent, "control command of %" PRIu64 " bytes",
                          e->out_len);
            virtq_detach(vq, e);
            virtq_element_free(e);
            return;
        }
        if (header[0] < ARRAY_SIZE(controls) &&
            controls[header[0]](s, header[1], &c)) {
            ack = CTRL_OK;
        }
        trace_virtio_net_control(header[0], header[1], ack);
        iov_from_buf(e->in, e->n_in, 0, &ack, 1);
        virtq_push(vq, e, 1);
        virtq_element_free(e);
        virtq_notify(vq);
    }
}

static void net_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);

    if (vq->index == control_index(s)) {
        if (virtio_has(v, NET_F_CTRL_VQ)) {
            net_control_queue(s, vq);
        }
    } else if (vq->index >= 2 * s->pairs) {
        return; /* no queue of what was negotiated */
    } else if (vq->index % 2) {
        net_send_queue(s, vq, vq->index / 2);
    } else {
        nic_flush(&s->nic, vq->index / 2);
    }
}

/* --- configuration, link, reset --- */

static void net_config_read(VirtioDevice *v)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);
    uint8_t *c = v->config;

    memcpy(c + CFG_MAC, s->mac, NET_MAC_LEN);
    st16_le(c + CFG_STATUS, (nic_link_up(&s->nic) ? S_LINK_UP : 0) |
                                (s->announce ? S_ANNOUNCE : 0));
    st16_le(c + CFG_MAX_PAIRS, (uint16_t)s->pairs);
    st16_le(c + CFG_MTU, s->host_mtu);
    st32_le(c + CFG_SPEED, (uint32_t)s->speed);
    c[CFG_DUPLEX] = !s->duplex                       ? DUPLEX_UNKNOWN
                    : strcmp(s->duplex, "full") == 0 ? DUPLEX_FULL
                                                     : DUPLEX_HALF;
}

/* Only a legacy driver writes its address here; 5.1.4.3. */
static void net_config_written(VirtioDevice *v, unsigned off, unsigned len)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);

    if (v->legacy && !virtio_has(v, NET_F_CTRL_MAC_ADDR) &&
        off < CFG_MAC + NET_MAC_LEN) {
        memcpy(s->mac, v->config + CFG_MAC, NET_MAC_LEN);
        nic_rx_filter_changed(&s->nic);
    } else {
        guest_error(&v->parent, "configuration at 0x%x written", off);
    }
    net_config_read(v);
}

static bool net_features_set(VirtioDevice *v)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);

    nic_set_vnet_hdr_len(&s->nic, header_len(v));
    use_offloads(s, v->features & guest_offloads);
    return true;
}

static void net_link_changed(void *opaque)
{
    VirtioNet *s = opaque;

    if (virtio_has(&s->parent, NET_F_STATUS)) {
        virtio_config_changed(&s->parent);
    }
}

static bool net_announce(void *opaque)
{
    VirtioNet *s = opaque;

    if (!virtio_has(&s->parent, NET_F_GUEST_ANNOUNCE) ||
        !virtio_has(&s->parent, NET_F_CTRL_VQ)) {
        return false;
    }
    s->announce = true;
    virtio_config_changed(&s->parent);
    return true;
}

static NicRxState rx_state(bool none, bool all)
{
    return none ? NIC_RX_NONE : all ? NIC_RX_ALL : NIC_RX_NORMAL;
}

static void net_rx_filter(void *opaque, NicRxFilter *f)
{
    VirtioNet *s = opaque;

    f->promiscuous = s->mode[RX_PROMISC];
    f->broadcast_allowed = !s->mode[RX_NOBCAST];
    f->multicast_overflow = s->multicast.overflow;
    f->unicast_overflow = s->unicast.overflow;
    f->multicast = rx_state(s->mode[RX_NOMULTI], s->mode[RX_ALLMULTI]);
    f->unicast = rx_state(s->mode[RX_NOUNI], s->mode[RX_ALLUNI]);
    f->vlan = rx_state(false, !virtio_has(&s->parent, NET_F_CTRL_VLAN));
    memcpy(f->main_mac, s->mac, NET_MAC_LEN);
    g_array_append_vals(f->unicast_table, s->unicast.mac, s->unicast.n);
    g_array_append_vals(f->multicast_table, s->multicast.mac, s->multicast.n);
    for (uint16_t id = 0; id < VLANS; id++) {
        if (s->vlan[id / 32] >> id % 32 & 1) {
            g_array_append_val(f->vlan_table, id);
        }
    }
}

static const NicHandlers net_handlers = {
    .can_receive = net_can_receive,
    .receive = net_receive,
    .sent = net_sent,
    .link_changed = net_link_changed,
    .rx_filter = net_rx_filter,
    .announce = net_announce,
};

static void net_reset(VirtioDevice *v)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);

    nic_purge(&s->nic);
    memset(s->tx_wait, 0, s->pairs * sizeof(*s->tx_wait));
    memset(s->mode, 0, sizeof(s->mode));
    s->mode[RX_PROMISC] = true; /* until a driver knows better */
    memset(&s->unicast, 0, sizeof(s->unicast));
    memset(&s->multicast, 0, sizeof(s->multicast));
    memset(s->vlan, 0, sizeof(s->vlan));
    memcpy(s->mac, s->conf.mac, NET_MAC_LEN);
    s->announce = false;
    s->pairs_in_use = 1; /* 5.1.6.5.6 */
    nic_set_queues_in_use(&s->nic, 1);
    nic_set_vnet_hdr_len(&s->nic, HDR_LEGACY);
    use_offloads(s, 0);
}

static void net_resume(VirtioDevice *v)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);

    for (unsigned i = 0; i < s->pairs_in_use; i++) {
        nic_flush(&s->nic, i);
    }
}

/* --- saved state --- */

static bool net_post_load(void *obj, int version, Error **errp)
{
    VirtioNet *s = obj;

    if (s->unicast.n > MAC_TABLE_MAX || s->multicast.n > MAC_TABLE_MAX ||
        s->pairs_in_use == 0 || s->pairs_in_use > s->pairs) {
        error_set(errp, "virtio-net: %u and %u addresses, %u queues in use",
                  s->unicast.n, s->multicast.n, s->pairs_in_use);
        return false;
    }
    nic_set_vnet_hdr_len(&s->nic, header_len(&s->parent));
    nic_set_queues_in_use(&s->nic, s->pairs_in_use);
    use_offloads(s, s->offloads & guest_offloads & s->parent.features);
    return true;
}

static const VmField table_fields[] = {
    VM_U32(MacTable, n),
    VM_BOOL(MacTable, overflow),
    VM_BYTES(MacTable, mac),
    { 0 },
};
static const VmState table_vmstate = { "mac-table", 1, table_fields };

static const VmField net_fields[] = {
    VM_BYTES(VirtioNet, mac),
    VM_BOOL_ARRAY(VirtioNet, mode),
    VM_STRUCT(VirtioNet, unicast, table_vmstate),
    VM_STRUCT(VirtioNet, multicast, table_vmstate),
    VM_U32_ARRAY(VirtioNet, vlan),
    VM_U64(VirtioNet, offloads),
    VM_U16(VirtioNet, pairs_in_use),
    VM_BOOL(VirtioNet, announce),
    { 0 },
};
static const VmState net_vmstate = {
    .name = "virtio-net",
    .version = 1,
    .fields = net_fields,
    .post_load = net_post_load,
};

/* --- realize, type --- */

#define NET_FEATURE(bit, name, def, text)                                      \
    PROP(bool, VirtioNet, f[bit], name, def, "offer " text)

static const Property net_props[] = {
    PROPS_NIC(VirtioNet, conf),
    PROP_BOOTINDEX(VirtioNet, bootindex, "ethernet-phy@0"),
    NET_FEATURE(NET_F_CSUM, "csum", "on", "sending without checksum"),
    NET_FEATURE(NET_F_GUEST_CSUM, "guest_csum", "on", "frames unchecked"),
    NET_FEATURE(NET_F_CTRL_GUEST_OFFLOADS, "ctrl_guest_offloads", "on",
                "changing offloads"),
    NET_FEATURE(NET_F_GSO, "gso", "on", "the legacy feature GSO"),
    NET_FEATURE(NET_F_GUEST_TSO4, "guest_tso4", "on", "large IPv4 frames"),
    NET_FEATURE(NET_F_GUEST_TSO6, "guest_tso6", "on", "large IPv6 frames"),
    NET_FEATURE(NET_F_GUEST_ECN, "guest_ecn", "on", "large frames with ECN"),
    NET_FEATURE(NET_F_GUEST_UFO, "guest_ufo", "on", "large UDP frames"),
    NET_FEATURE(NET_F_GUEST_USO4, "guest_uso4", "on", "UDP segments, IPv4"),
    NET_FEATURE(NET_F_GUEST_USO6, "guest_uso6", "on", "UDP segments, IPv6"),
    NET_FEATURE(NET_F_HOST_TSO4, "host_tso4", "on", "sending IPv4 unsegmented"),
    NET_FEATURE(NET_F_HOST_TSO6, "host_tso6", "on", "sending IPv6 unsegmented"),
    NET_FEATURE(NET_F_HOST_ECN, "host_ecn", "on", "the same with ECN"),
    NET_FEATURE(NET_F_HOST_UFO, "host_ufo", "on", "sending UDP unfragmented"),
    NET_FEATURE(NET_F_HOST_USO, "host_uso", "on", "sending UDP unsegmented"),
    NET_FEATURE(NET_F_MRG_RXBUF, "mrg_rxbuf", "on", "merged receive buffers"),
    NET_FEATURE(NET_F_STATUS, "status", "on", "the state of the link"),
    NET_FEATURE(NET_F_CTRL_VQ, "ctrl_vq", "on", "the control queue"),
    NET_FEATURE(NET_F_CTRL_RX, "ctrl_rx", "on", "receive modes"),
    NET_FEATURE(NET_F_CTRL_VLAN, "ctrl_vlan", "on", "VLAN filters"),
    NET_FEATURE(NET_F_CTRL_RX_EXTRA, "ctrl_rx_extra", "on",
                "more receive modes"),
    NET_FEATURE(NET_F_CTRL_MAC_ADDR, "ctrl_mac_addr", "on",
                "changing the address"),
    NET_FEATURE(NET_F_GUEST_ANNOUNCE, "guest_announce", "on",
                "announcing itself after migration"),
    NET_FEATURE(NET_F_MQ, "mq", "off", "several pairs of queues"),
    PROP(u16, VirtioNet, rx_size, "rx_queue_size", "256", "descriptors"),
    PROP(u16, VirtioNet, tx_size, "tx_queue_size", "256", "descriptors"),
    PROP(u16, VirtioNet, host_mtu, "host_mtu", "0", "bytes; 0: not told"),
    PROP(i32, VirtioNet, speed, "speed", "-1", "Mbit/s; -1: unknown"),
    PROP(str, VirtioNet, duplex, "duplex", NULL, "half or full"),
    { 0 },
};

/* Large frames for the guest, which only a back end with virtio_net_hdr has;
 * and what such a one may lack. */
static const uint64_t large_bits =
    BIT(NET_F_GUEST_TSO4) | BIT(NET_F_GUEST_TSO6) | BIT(NET_F_GUEST_ECN) |
    BIT(NET_F_GUEST_UFO) | BIT(NET_F_GUEST_USO4) | BIT(NET_F_GUEST_USO6);
static const uint64_t ufo_bits = BIT(NET_F_GUEST_UFO) | BIT(NET_F_HOST_UFO);
static const uint64_t uso_bits =
    BIT(NET_F_GUEST_USO4) | BIT(NET_F_GUEST_USO6) | BIT(NET_F_HOST_USO);
/* What stands on checksums, on either side; 5.1.3.1. */
static const uint64_t host_csum_bits =
    BIT(NET_F_GSO) | BIT(NET_F_HOST_TSO4) | BIT(NET_F_HOST_TSO6) |
    BIT(NET_F_HOST_ECN) | BIT(NET_F_HOST_UFO) | BIT(NET_F_HOST_USO);
/* And those that need the control queue; 5.1.3.1. */
static const uint64_t control_bits =
    BIT(NET_F_CTRL_RX) | BIT(NET_F_CTRL_VLAN) | BIT(NET_F_CTRL_RX_EXTRA) |
    BIT(NET_F_CTRL_MAC_ADDR) | BIT(NET_F_GUEST_ANNOUNCE) | BIT(NET_F_MQ) |
    BIT(NET_F_CTRL_GUEST_OFFLOADS);

/* @f, without @bits where @feature is not in it. */
static uint64_t without(uint64_t f, unsigned feature, uint64_t bits)
{
    return f >> feature & 1 ? f : f & ~bits;
}

static uint64_t net_features(const VirtioNet *s)
{
    uint64_t f = BIT(NET_F_MAC);

    for (unsigned i = 0; i < ARRAY_SIZE(s->f); i++) {
        f |= s->f[i] ? BIT(i) : 0;
    }
    if (!nic_conf_has_vnet_hdr(&s->conf)) {
        f &= ~large_bits;
    } else {
        f &= nic_conf_has_ufo(&s->conf) ? ~UINT64_C(0) : ~ufo_bits;
        f &= nic_conf_has_uso(&s->conf) ? ~UINT64_C(0) : ~uso_bits;
    }
    f = without(f, NET_F_CTRL_VQ, control_bits);
    f = without(f, NET_F_CSUM, host_csum_bits);
    f = without(f, NET_F_GUEST_CSUM, large_bits);
    f &= s->pairs > 1 ? ~UINT64_C(0) : ~BIT(NET_F_MQ);
    f |= s->host_mtu ? BIT(NET_F_MTU) : 0;
    f |= s->speed >= 0 || s->duplex ? BIT(NET_F_SPEED_DUPLEX) : 0;
    return f;
}

static bool queue_size_ok(uint16_t size, const char *which, Error **errp)
{
    if (!is_power_of_2(size) || size < 256 || size > VIRTQ_SIZE_MAX) {
        error_set(errp,
                  "Invalid %s_queue_size (= %u), must be a power of 2 between "
                  "256 and %d",
                  which, size, VIRTQ_SIZE_MAX);
        return false;
    }
    return true;
}

static bool net_check(VirtioNet *s, Error **errp)
{
    if (!queue_size_ok(s->rx_size, "rx", errp) ||
        !queue_size_ok(s->tx_size, "tx", errp)) {
        return false;
    }
    if (s->duplex && strcmp(s->duplex, "half") != 0 &&
        strcmp(s->duplex, "full") != 0) {
        error_set(errp, "'duplex' must be 'half' or 'full'");
        return false;
    }
    if (s->speed < -1) {
        error_set(errp, "'speed' must be between 0 and %d", INT32_MAX);
        return false;
    }
    if (s->host_mtu && s->host_mtu < 68) { /* 5.1.4.1 */
        error_set(errp, "'host_mtu' must be at least 68");
        return false;
    }
    return true;
}

static bool net_start(VirtioDevice *v, Error **errp)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);

    if (!net_check(s, errp)) {
        return false;
    }
    s->pairs = nic_conf_queues(&s->conf);
    if (!nic_attach(&s->nic, &s->conf, &v->parent, s->pairs, &net_handlers, s,
                    errp)) {
        return false;
    }
    s->tx_wait = g_new0(bool, s->pairs);
    v->offered = net_features(s);
    for (unsigned i = 0; i < s->pairs; i++) {
        virtio_add_queue(v, s->rx_size, net_queue, NULL);
        virtio_add_queue(v, s->tx_size, net_queue, NULL);
    }
    virtio_add_queue(v, CTRL_QUEUE_SIZE, net_queue, NULL);
    return true;
}

static void net_stop(VirtioDevice *v)
{
    VirtioNet *s = object_cast(v, &virtio_net_type);

    nic_detach(&s->nic);
    g_clear_pointer(&s->tx_wait, g_free);
}

const VirtioDeviceType virtio_net_type = {
    .name = "virtio-net-device",
    .parent = TYPE(virtio_device_type),
    .description = "VirtIO network card",
    .size = sizeof(VirtioNet),
    .props = net_props,
    .category = DEVICE_NETWORK,
    .user_creatable = true,
    .hotpluggable = true,
    .vmstate = &net_vmstate,
    .device_id = VIRTIO_ID_NET,
    .config_size = CFG_SIZE,
    .start = net_start,
    .stop = net_stop,
    .config_read = net_config_read,
    .config_written = net_config_written,
    .features_set = net_features_set,
    .reset = net_reset,
    .resume = net_resume,
};
