/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NIC's side: attaching, sending, receiving through the event gate. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/base/keyval.h"

struct NicQueue {
    NetPort port;
    Nic *nic;
    EventSource source;
    BottomHalf *flush;
    bool sending; /* inside nic_send() */
    bool unused;  /* beyond nic_set_queues_in_use() */
};

/* What the user made: a transport, where @dev is a part of one. */
static DeviceState *outer_device(DeviceState *dev)
{
    Object *owner = dev->parent.parent;

    return !dev->id && owner && type_is_a(owner->type, &device_type)
               ? (DeviceState *)owner
               : dev;
}

/* --- towards the guest --- */

static bool nic_take(NetPort *port, const uint8_t *data, size_t len)
{
    NicQueue *q = port->owner;
    Nic *nic = q->nic;

    if (nic->link_down || q->unused) {
        return true; /* dropped */
    }
    if (q->sending) {
        bh_schedule(q->flush); /* an answer from inside its own sending */
        return false;
    }
    if (!machine_running(nic->machine) ||
        (nic->handlers->can_receive &&
         !nic->handlers->can_receive(nic->opaque, port->index))) {
        return false;
    }
    return nic->handlers->receive(nic->opaque, port->index, data, len);
}

static void nic_drained(NetPort *port)
{
    NicQueue *q = port->owner;

    if (q->nic->handlers->sent) {
        q->nic->handlers->sent(q->nic->opaque, port->index);
    }
}

static EventSource *nic_gate(NetPort *port)
{
    return &((NicQueue *)port->owner)->source;
}

static const NetPortOps nic_port_ops = {
    .take = nic_take,
    .drained = nic_drained,
    .gate = nic_gate,
};

static void deliver(void *opaque, const uint8_t *data, size_t len)
{
    NicQueue *q = opaque;

    /* the header's length may have changed while it waited at the gate */
    if (len >= q->port.hdr_len + (size_t)NET_FRAME_MIN) {
        net_port_arrive(&q->port, data, len);
    }
}

static void flush_queue(void *opaque)
{
    net_port_flush(&((NicQueue *)opaque)->port);
}

void nic_flush(Nic *nic, unsigned queue)
{
    if (nic->machine) {
        net_port_flush(&nic->queue[queue].port);
    }
}

void nic_purge(Nic *nic)
{
    for (unsigned i = 0; nic->machine && i < nic->queues; i++) {
        NetPort *port = &nic->queue[i].port;

        net_port_purge(port);
        if (port->peer) {
            port->peer->peer_waits = false;
            g_queue_clear_full(&port->peer->waiting,
                               (GDestroyNotify)g_bytes_unref);
        }
    }
}

/* --- from the guest --- */

static size_t iov_bytes(const struct iovec *iov, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++) {
        if (iov[i].iov_len > NET_PACKET_MAX - total) {
            return SIZE_MAX;
        }
        total += iov[i].iov_len;
    }
    return total;
}

static bool send_one(NicQueue *q, const uint8_t *data, size_t len)
{
    bool outer = !q->sending, taken;

    q->sending = true;
    taken = net_port_send(&q->port, data, len);
    if (outer) {
        q->sending = false;
    }
    return taken;
}

bool nic_send(Nic *nic, unsigned queue, const struct iovec *iov, size_t niov)
{
    size_t total = iov_bytes(iov, niov), at = 0;
    g_autofree uint8_t *copy = NULL;

    if (!nic->machine || queue >= nic->queues || !nic_link_up(nic) ||
        total == SIZE_MAX) {
        return true;
    }
    if (niov == 1) {
        return send_one(&nic->queue[queue], iov->iov_base, total);
    }
    copy = g_malloc(total + 1);
    for (size_t i = 0; i < niov; i++) {
        memcpy(copy + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    return send_one(&nic->queue[queue], copy, total);
}

bool nic_link_up(const Nic *nic)
{
    return !nic->link_down &&
           !(nic->conf && nic->conf->netdev && nic->conf->netdev->link_down);
}

/* --- headers, offloads, queues --- */

unsigned nic_conf_queues(const NicConf *conf)
{
    return conf->netdev ? conf->netdev->queues : 1;
}

bool nic_conf_has_vnet_hdr(const NicConf *conf)
{
    return conf->netdev && conf->netdev->has_vnet_hdr;
}

bool nic_conf_has_ufo(const NicConf *conf)
{
    return conf->netdev && conf->netdev->has_ufo;
}

bool nic_conf_has_uso(const NicConf *conf)
{
    return conf->netdev && conf->netdev->has_uso;
}

void nic_set_vnet_hdr_len(Nic *nic, unsigned len)
{
    Netdev *nd = nic->conf->netdev;

    assert(len == 0 || len == 10 || len == 12 || len == 20);
    if (len != nic->vnet_hdr_len) {
        nic_purge(nic); /* what waits has headers of the old length */
    }
    nic->vnet_hdr_len = len;
    for (unsigned i = 0; i < nic->queues; i++) {
        nic->queue[i].port.hdr_len = len;
    }
    if (!nd || !nd->has_vnet_hdr || len == 0) {
        return; /* a back end keeps headers; the core strips them */
    }
    netdev_type_of(nd)->set_hdr_len(nd, len);
    for (unsigned i = 0; i < nd->queues; i++) {
        nd->port[i].hdr_len = len;
    }
}

void nic_set_offloads(Nic *nic, const NetOffloads *offloads)
{
    Netdev *nd = nic->conf->netdev;

    for (unsigned i = 0; i < nic->queues; i++) {
        nic->queue[i].port.wants_valid = offloads->csum;
    }
    if (nd && nd->has_vnet_hdr) {
        netdev_type_of(nd)->set_offloads(nd, offloads);
    }
}

void nic_set_queues_in_use(Nic *nic, unsigned n)
{
    Netdev *nd = nic->conf->netdev;

    for (unsigned i = 0; i < nic->queues; i++) {
        nic->queue[i].unused = i >= n;
    }
    if (nd && netdev_type_of(nd)->set_queues) {
        netdev_type_of(nd)->set_queues(nd, MIN(n, nd->queues));
    }
}

void nic_rx_filter_changed(Nic *nic)
{
    json_object *data;
    g_autofree char *path = NULL;

    if (nic->rx_filter_told || !nic->machine) {
        return;
    }
    nic->rx_filter_told = true;
    data = json_object_new_object();
    path = device_path(nic->dev);
    if (outer_device(nic->dev)->id) {
        json_object_object_add(data, "name", json_object_new_string(nic->name));
    }
    json_object_object_add(data, "path", json_object_new_string(path));
    machine_event(nic->machine, "NIC_RX_FILTER_CHANGED", data);
}

bool nic_query_rx_filter(Nic *nic, NicRxFilter *filter)
{
    if (!nic->handlers->rx_filter) {
        return false;
    }
    nic->handlers->rx_filter(nic->opaque, filter);
    nic->rx_filter_told = false;
    return true;
}

/* --- attaching --- */

static bool mac_is_zero(const uint8_t mac[NET_MAC_LEN])
{
    static const uint8_t zero[NET_MAC_LEN];

    return memcmp(mac, zero, NET_MAC_LEN) == 0;
}

static bool mac_taken(NetCore *core, const uint8_t mac[NET_MAC_LEN])
{
    for (guint i = 0; i < core->nics->len; i++) {
        Nic *nic = g_ptr_array_index(core->nics, i);

        if (memcmp(nic->conf->mac, mac, NET_MAC_LEN) == 0) {
            return true;
        }
    }
    for (guint i = 0; i < core->m->config.nics->len; i++) {
        NicInfo *info = g_ptr_array_index(core->m->config.nics, i);

        if (info->mac_set && memcmp(info->mac, mac, NET_MAC_LEN) == 0) {
            return true;
        }
    }
    return false;
}

/* The first of 52:54:00:12:34:56 and up that no other NIC has. */
static void choose_mac(NetCore *core, uint8_t mac[NET_MAC_LEN])
{
    static const uint8_t first[NET_MAC_LEN] = { 0x52, 0x54, 0x00,
                                                0x12, 0x34, 0x56 };

    memcpy(mac, first, NET_MAC_LEN);
    while (mac_taken(core, mac) && ++mac[5] != first[5]) {
    }
}

static char *choose_name(NetCore *core, DeviceState *dev)
{
    unsigned n = 0;

    dev = outer_device(dev);
    if (dev->id) {
        return g_strdup(dev->id);
    }
    for (guint i = 0; i < core->nics->len; i++) {
        Nic *nic = g_ptr_array_index(core->nics, i);
        DeviceState *other = outer_device(nic->dev);

        n += other->parent.type == dev->parent.type && !other->id;
    }
    return g_strdup_printf("%s.%u", dev->parent.type->name, n);
}

static void make_queues(Nic *nic)
{
    Machine *m = nic->machine;
    g_autofree char *path = device_path(nic->dev);

    nic->queue = g_new0(NicQueue, nic->queues);
    for (unsigned i = 0; i < nic->queues; i++) {
        NicQueue *q = &nic->queue[i];
        g_autofree char *id = g_strdup_printf("%s/rx%u", path, i);

        q->nic = nic;
        net_port_init(&q->port, &nic_port_ops, q, i);
        event_source_init(&q->source, m->gate, id, m->loop, deliver, q);
        q->flush = bh_new(m->loop, flush_queue, q);
    }
}

static void connect_netdev(Nic *nic, Netdev *nd)
{
    object_ref(nd);
    nd->nic = nic;
    for (unsigned i = 0; i < nd->queues; i++) {
        net_port_connect(&nic->queue[i].port, &nd->port[i]);
    }
    if (netdev_type_of(nd)->changed) {
        netdev_type_of(nd)->changed(nd);
    }
}

bool nic_attach(Nic *nic, NicConf *conf, DeviceState *dev, unsigned queues,
                const NicHandlers *handlers, void *opaque, Error **errp)
{
    Machine *m = dev->machine;
    NetCore *core = net_core(m);
    Netdev *nd = conf->netdev;

    assert(queues > 0 && queues <= NET_QUEUES_MAX);
    if (nd && netdev_connected(nd)) {
        error_set(errp, "netdev '%s' is in use", netdev_id(nd));
        return false;
    }
    if (nd && nd->queues > queues) {
        error_set(errp, "netdev '%s' has %u queues, the device only %u",
                  netdev_id(nd), nd->queues, queues);
        return false;
    }
    *nic = (Nic){ .machine = m,
                  .conf = conf,
                  .dev = dev,
                  .handlers = handlers,
                  .opaque = opaque,
                  .queues = queues };
    if (mac_is_zero(conf->mac)) {
        choose_mac(core, conf->mac);
    }
    nic->name = choose_name(core, dev);
    make_queues(nic);
    g_ptr_array_add(core->nics, nic);
    if (nd) {
        connect_netdev(nic, nd);
    }
    return true;
}

void nic_detach(Nic *nic)
{
    Netdev *nd;

    if (!nic->machine) {
        return;
    }
    nd = nic->conf->netdev;
    g_ptr_array_remove(net_core(nic->machine)->nics, nic);
    for (unsigned i = 0; i < nic->queues; i++) {
        NicQueue *q = &nic->queue[i];

        net_port_disconnect(&q->port);
        event_source_destroy(&q->source);
        bh_free(q->flush);
    }
    if (nd) {
        for (unsigned i = 0; i < nd->queues; i++) {
            nd->port[i].hdr_len = 0; /* until the next one asks for it */
        }
        nd->nic = NULL;
        nic->conf->netdev = NULL;
        if (netdev_type_of(nd)->changed) {
            netdev_type_of(nd)->changed(nd);
        }
        object_unref(nd);
    }
    g_clear_pointer(&nic->queue, g_free);
    g_clear_pointer(&nic->name, g_free);
    nic->machine = NULL;
}

/* --- the property netdev= --- */

static bool netdev_prop_set(Object *obj, const Property *prop,
                            json_object *value, Error **errp)
{
    Netdev **field = (void *)((char *)obj + prop->offset);
    const char *id = json_object_get_string(value);
    Machine *m = object_machine(obj);
    Netdev *nd = m && id ? netdev_find(m, id) : NULL;

    if (!nd) {
        error_set(errp, "Property '%s.%s' can't find value '%s'",
                  obj->type->name, prop->name, id ? id : "null");
        return false;
    }
    if (netdev_connected(nd)) {
        error_set(errp, "Property '%s.%s' can't take value '%s', it's in use",
                  obj->type->name, prop->name, id);
        return false;
    }
    *field = nd;
    return true;
}

static json_object *netdev_prop_get(Object *obj, const Property *prop)
{
    Netdev **field = (void *)((char *)obj + prop->offset);

    return json_object_new_string(*field ? netdev_id(*field) : "");
}

const PropertyType prop_type_netdev = {
    .name = "str",
    .schema = "str",
    .set = netdev_prop_set,
    .get = netdev_prop_get,
};

/* --- -nic --- */

void nic_info_free(NicInfo *info)
{
    g_free(info->model);
    g_free(info->id);
    g_free(info);
}

NicInfo *nic_info_take(Machine *m, const char *model, bool any)
{
    for (guint i = 0; i < m->config.nics->len; i++) {
        NicInfo *info = g_ptr_array_index(m->config.nics, i);

        if (!info->used &&
            (info->model ? strcmp(info->model, model) == 0 : any)) {
            info->used = true;
            return info;
        }
    }
    return NULL;
}

bool nic_info_apply(const NicInfo *info, DeviceState *dev, Error **errp)
{
    if (info->mac_set) {
        const uint8_t *a = info->mac;
        g_autofree char *text =
            g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2],
                            a[3], a[4], a[5]);

        if (!object_set_text(dev, "mac", text, errp)) {
            return false;
        }
    }
    return !info->netdev ||
           object_set_text(dev, "netdev", netdev_id(info->netdev), errp);
}

/* --- set_link and lists --- */

static void tell_link(Nic *nic)
{
    if (nic && nic->handlers->link_changed) {
        nic->handlers->link_changed(nic->opaque);
    }
}

bool net_set_link(Machine *m, const char *name, bool up, Error **errp)
{
    NetCore *core = net_core(m);
    Netdev *nd = netdev_find(m, name);

    for (guint i = 0; i < core->nics->len; i++) {
        Nic *nic = g_ptr_array_index(core->nics, i);

        if (strcmp(nic->name, name) == 0) {
            nic->link_down = !up;
            tell_link(nic);
            return true;
        }
    }
    if (!nd) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                        name);
        return false;
    }
    nd->link_down = !up;
    tell_link(nd->nic);
    if (netdev_type_of(nd)->changed) {
        netdev_type_of(nd)->changed(nd);
    }
    return true;
}

void net_each_nic(Machine *m, void (*fn)(Nic *nic, void *opaque), void *opaque)
{
    NetCore *core = net_core(m);

    for (guint i = 0; i < core->nics->len; i++) {
        fn(g_ptr_array_index(core->nics, i), opaque);
    }
}
