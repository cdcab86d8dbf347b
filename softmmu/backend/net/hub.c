/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hubs: what comes in at one port goes out at all others. A port's peer is
 * a NIC, or the netdev that netdev= names.
 */
#include "tandem/base.h"

#include "internal.h"

typedef struct HubPort {
    Netdev parent;
    /* properties */
    uint64_t hub_id;
    char *netdev;
    /* the rest */
    NetHub *hub;
    Netdev *below; /* plugged in; referenced */
} HubPort;

static HubPort *port_of(Netdev *nd)
{
    return object_cast(nd, &netdev_hubport_type);
}

/* A port that a filter keeps may outlive the core. */
void net_hub_unref(NetHub *hub)
{
    if (--hub->refs == 0) {
        g_ptr_array_unref(hub->ports);
        g_free(hub);
    }
}

static NetHub *find_hub(NetCore *core, uint64_t id)
{
    NetHub *hub;

    for (guint i = 0; i < core->hubs->len; i++) {
        hub = g_ptr_array_index(core->hubs, i);
        if (hub->id == id) {
            return hub;
        }
    }
    hub = g_new0(NetHub, 1);
    hub->id = id;
    hub->refs = 1;
    hub->ports = g_ptr_array_new();
    g_ptr_array_add(core->hubs, hub);
    return hub;
}

/* A slow port does not hold up the others: what it has no room for waits at
 * it, up to the queue's end. */
static bool hub_send(Netdev *nd, unsigned queue, const uint8_t *data,
                     size_t len)
{
    HubPort *s = port_of(nd);

    for (guint i = 0; i < s->hub->ports->len; i++) {
        HubPort *other = g_ptr_array_index(s->hub->ports, i);

        if (other != s) {
            netdev_receive(&other->parent, 0, data, len);
        }
    }
    return true;
}

static bool plug_in(HubPort *s, Error **errp)
{
    Netdev *below = netdev_find(s->parent.m, s->netdev);

    if (!below || below == &s->parent) {
        error_set(errp, "netdev '%s' not found", s->netdev);
        return false;
    }
    /* two hubs joined in a ring would never stop */
    if (netdev_type_of(below) == &netdev_hubport_type) {
        error_set(errp, "hub port '%s' cannot be plugged into a hub",
                  s->netdev);
        return false;
    }
    if (netdev_connected(below)) {
        error_set(errp, "netdev '%s' is in use", s->netdev);
        return false;
    }
    s->below = (Netdev *)object_ref(below);
    net_port_connect(&s->parent.port[0], &below->port[0]);
    if (netdev_type_of(below)->changed) {
        netdev_type_of(below)->changed(below);
    }
    return true;
}

static bool hub_open(Netdev *nd, Error **errp)
{
    HubPort *s = port_of(nd);

    if (s->hub_id == UINT64_MAX) {
        error_set(errp, "Parameter 'hubid' is missing");
        return false;
    }
    if (s->netdev && !plug_in(s, errp)) {
        return false;
    }
    s->hub = find_hub(net_core(nd->m), s->hub_id);
    s->hub->refs++;
    g_ptr_array_add(s->hub->ports, s);
    return true;
}

static void hub_close(Netdev *nd)
{
    HubPort *s = port_of(nd);

    if (s->hub) {
        g_ptr_array_remove(s->hub->ports, s);
        net_hub_unref(s->hub);
    }
    net_port_disconnect(&nd->port[0]);
    object_unref(s->below);
}

static char *hub_info(Netdev *nd)
{
    HubPort *s = port_of(nd);

    return g_strdup_printf("hub=%" PRIu64 "%s%s", s->hub_id,
                           s->netdev ? ",netdev=" : "",
                           s->netdev ? s->netdev : "");
}

static const Property hub_props[] = {
    PROP(u64, HubPort, hub_id, "hubid", "18446744073709551615",
         "number of the hub; to be given"),
    PROP(str, HubPort, netdev, "netdev", NULL, "netdev to plug in"),
    { 0 },
};

const NetdevType netdev_hubport_type = {
    .name = "netdev-hubport",
    .parent = TYPE(netdev_type),
    .description = "a port of a hub inside the emulator",
    .size = sizeof(HubPort),
    .props = hub_props,
    .driver = "hubport",
    .open = hub_open,
    .close = hub_close,
    .send = hub_send,
    .info = hub_info,
};

Netdev *netdev_new_hub_port(Machine *m, uint64_t hub, const char *netdev,
                            Error **errp)
{
    g_autofree char *id = netdev_free_id(m, "hubport");
    json_object *options = json_object_new_object();
    Netdev *nd;

    json_object_object_add(options, "type", json_object_new_string("hubport"));
    json_object_object_add(options, "id", json_object_new_string(id));
    json_object_object_add(options, "hubid", json_object_new_uint64(hub));
    if (netdev) {
        json_object_object_add(options, "netdev",
                               json_object_new_string(netdev));
    }
    nd = netdev_new(m, options, errp);
    json_object_put(options);
    return nd;
}
