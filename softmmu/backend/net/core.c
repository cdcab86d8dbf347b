/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, the packets that wait at them, and the machine's network. */
#include "tandem/base.h"

#include "internal.h"

/* --- ports --- */

void net_port_init(NetPort *port, const NetPortOps *ops, void *owner,
                   unsigned index)
{
    *port = (NetPort){ .ops = ops, .owner = owner, .index = index };
    g_queue_init(&port->waiting);
}

void net_port_connect(NetPort *a, NetPort *b)
{
    assert(!a->peer && !b->peer);
    a->peer = b;
    b->peer = a;
}

static void forget(NetPort *port)
{
    g_queue_clear_full(&port->waiting, (GDestroyNotify)g_bytes_unref);
    port->peer_waits = false;
}

void net_port_purge(NetPort *port)
{
    bool tell = port->peer_waits && port->peer;

    forget(port);
    if (tell && port->peer->ops->drained) {
        port->peer->ops->drained(port->peer);
    }
}

void net_port_disconnect(NetPort *port)
{
    forget(port);
    if (port->peer) {
        forget(port->peer);
        port->peer->peer = NULL;
        port->peer = NULL;
    }
}

bool net_port_may_send(const NetPort *from)
{
    return !from->peer || g_queue_is_empty(&from->peer->waiting);
}

void net_port_arrive(NetPort *to, const uint8_t *data, size_t len)
{
    if (g_queue_is_empty(&to->waiting) && to->ops->take(to, data, len)) {
        return;
    }
    if (to->waiting.length < NET_WAIT_PACKETS) {
        g_queue_push_tail(&to->waiting, g_bytes_new(data, len));
    }
}

void net_port_flush(NetPort *to)
{
    GBytes *packet;

    while ((packet = g_queue_peek_head(&to->waiting)) != NULL) {
        gsize len;
        const uint8_t *data = g_bytes_get_data(packet, &len);

        g_bytes_ref(packet); /* take() may purge */
        if (!to->ops->take(to, data, len)) {
            g_bytes_unref(packet);
            return;
        }
        if (g_queue_peek_head(&to->waiting) == packet) {
            g_bytes_unref(g_queue_pop_head(&to->waiting));
        }
        g_bytes_unref(packet);
    }
    if (to->peer_waits) {
        to->peer_waits = false;
        if (to->peer && to->peer->ops->drained) {
            to->peer->ops->drained(to->peer);
        }
    }
}

static bool hand_over(NetPort *to, const uint8_t *data, size_t len)
{
    EventSource *gate = to->ops->gate ? to->ops->gate(to) : NULL;

    if (gate) {
        event_post(gate, data, len);
    } else {
        net_port_arrive(to, data, len);
    }
    to->peer_waits = !g_queue_is_empty(&to->waiting);
    return !to->peer_waits;
}

/* --- headers --- */

enum { HDR_F_DATA_VALID = 2 }; /* VIRTIO 1.2, 5.1.6.4 */

typedef struct Converted {
    NetPort *from;
    bool taken;
} Converted;

static void hand_over_frame(void *opaque, const uint8_t *frame, size_t len)
{
    Converted *c = opaque;
    NetPort *to = c->from->peer;
    g_autofree uint8_t *out = NULL;

    if (!to || to->hdr_len == 0) { /* an answer may have reset the NIC */
        c->taken = !to || hand_over(to, frame, len);
        return;
    }
    out = g_malloc(to->hdr_len + len);
    memset(out, 0, to->hdr_len);
    out[0] = c->from->checked && to->wants_valid ? HDR_F_DATA_VALID : 0;
    memcpy(out + to->hdr_len, frame, len);
    c->taken = hand_over(to, out, to->hdr_len + len);
}

/* One side has a header of another length, or none: what the sender left
 * undone is done here. */
static bool send_converted(NetPort *from, const uint8_t *data, size_t len)
{
    Converted c = { from, true };

    net_finish_offloads(data, len, from->hdr_len, hand_over_frame, &c);
    return c.taken; /* what is wrong is dropped */
}

bool net_port_send(NetPort *from, const uint8_t *data, size_t len)
{
    if (!from->peer || len < (size_t)from->hdr_len + NET_FRAME_MIN ||
        len > (size_t)from->hdr_len + NET_FRAME_MAX) {
        return true;
    }
    return from->hdr_len == from->peer->hdr_len
               ? hand_over(from->peer, data, len)
               : send_converted(from, data, len);
}

/* --- the machine's network --- */

static void flush_all(void *opaque)
{
    NetCore *core = opaque;

    for (guint i = 0; i < core->nics->len; i++) {
        Nic *nic = g_ptr_array_index(core->nics, i);

        for (unsigned q = 0; q < nic->queues; q++) {
            nic_flush(nic, q);
        }
    }
}

/* A machine that goes on takes what came while it stood. */
static void state_changed(Notifier *n, void *data)
{
    if (*(RunState *)data == RUN_STATE_RUNNING) {
        bh_schedule(container_of(n, NetCore, on_state)->flush);
    }
}

NetCore *net_core(Machine *m)
{
    NetCore *core = (NetCore *)object_child(m->root, "netdevs");
    bool ok;

    if (core) {
        return core;
    }
    core = (NetCore *)object_new(&net_core_type);
    core->m = m;
    core->nics = g_ptr_array_new();
    core->hubs = g_ptr_array_new_with_free_func((GDestroyNotify)net_hub_unref);
    core->flush = bh_new(m->loop, flush_all, core);
    core->on_state.fn = state_changed;
    notifier_add(m->on_state, &core->on_state);
    g_ptr_array_set_free_func(m->config.nics, (GDestroyNotify)nic_info_free);
    ok = object_add_child(m->root, "netdevs", core, NULL);
    assert(ok);
    object_unref(core); /* the tree's reference keeps it */
    return core;
}

/* Netdevs go before what they lean on. */
static void net_core_finalize(Object *obj)
{
    NetCore *core = (NetCore *)obj;

    if (!core->m) {
        return;
    }
    while (obj->children && obj->children->len > 0) {
        object_unparent(obj->children->pdata[obj->children->len - 1]);
    }
    net_announce_stop(core);
    notifier_remove(core->m->on_state, &core->on_state);
    bh_free(core->flush);
    g_ptr_array_unref(core->nics);
    g_ptr_array_unref(core->hubs);
}

const ObjectType net_core_type = {
    .name = "net-core",
    .parent = &object_type,
    .size = sizeof(NetCore),
    .finalize = net_core_finalize,
};

const ObjectType *const net_types[] = {
    &net_core_type,
    TYPE(netdev_type),
    TYPE(netdev_hubport_type),
    TYPE(netdev_stream_type),
    TYPE(netdev_dgram_type),
    TYPE(netdev_socket_type),
    TYPE(netdev_tap_type),
    TYPE(netdev_bridge_type),
    TYPE(net_filter_type),
    TYPE(filter_dump_type),
    TYPE(filter_buffer_type),
    IF_SLIRP(TYPE(netdev_user_type)), /* last: NULL ends the list */
    NULL,
};
