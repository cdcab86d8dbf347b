/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev, -nic and -net: netdevs are made before the board, and what no
 * board took of -nic becomes a device of the model named after it.
 */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/backend/net.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "softmmu/machine/create.h"

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* "help" and "TYPE,help". */
static bool netdev_help(StartPlan *p, const char *text, Error **errp)
{
    const char *comma = strchr(text, ',');

    if (is_help(text)) {
        help_netdevs(p->view);
        p->done = true;
    } else if (comma && is_help(comma + 1)) {
        g_autofree char *type =
            g_strdup_printf("netdev-%.*s", (int)(comma - text), text);

        help_properties(p->view, type, "", errp);
        p->done = true;
    }
    return p->done;
}

static bool netdev_text(StartPlan *p, const char *text, Error **errp)
{
    if (netdev_help(p, text, errp)) {
        return !errp || !*errp;
    }
    return netdev_from_text(p->m, text, errp) != NULL;
}

/* --- -nic and -net nic --- */

static bool parse_mac(const char *text, uint8_t mac[NET_MAC_LEN])
{
    unsigned v[NET_MAC_LEN];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3],
               &v[4], &v[5], &end) != NET_MAC_LEN ||
        text[end] != '\0') {
        return false;
    }
    for (int i = 0; i < NET_MAC_LEN; i++) {
        mac[i] = v[i];
    }
    return true;
}

/* Take the NIC's own members out of @options. */
static NicInfo *take_nic(json_object *options, Error **errp)
{
    g_autofree char *mac = json_take_text(options, "macaddr");
    NicInfo *info = g_new0(NicInfo, 1);

    if (!mac) {
        mac = json_take_text(options, "mac");
    }
    info->model = json_take_text(options, "model");
    info->mac_set = mac != NULL;
    if (mac && (!parse_mac(mac, info->mac) || (info->mac[0] & 1))) {
        error_set(errp, mac && (info->mac[0] & 1)
                            ? "NIC cannot have multicast MAC address"
                            : "invalid syntax for ethernet address");
        nic_info_free(info);
        return NULL;
    }
    return info;
}

/* A netdev needs a name; the user may leave it out here. */
static Netdev *anonymous_netdev(StartPlan *p, json_object *options,
                                Error **errp)
{
    g_autofree char *id = netdev_free_id(p->m, "net");

    json_object_object_add(options, "id", json_object_new_string(id));
    return netdev_new(p->m, options, errp);
}

static bool nic_options(StartPlan *p, json_object *options, Error **errp)
{
    const char *type = json_get_text(options, "type");
    g_autofree char *id G_GNUC_UNUSED = NULL;
    NicInfo *info;

    if (!type) {
        error_set(errp, "Parameter 'type' is missing");
        return false;
    }
    if (strcmp(type, "none") == 0) {
        return true;
    }
    info = take_nic(options, errp);
    if (!info) {
        return false;
    }
    info->id = json_take_text(options, "id");
    info->netdev = anonymous_netdev(p, options, errp);
    if (!info->netdev) {
        nic_info_free(info);
        return false;
    }
    g_ptr_array_add(p->m->config.nics, info);
    return true;
}

static bool nic_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options;
    bool ok;

    if (netdev_help(p, text, errp)) {
        return !errp || !*errp;
    }
    options = netdev_parse_text(text, errp);
    ok = options && nic_options(p, options, errp);
    json_object_put(options);
    return ok;
}

/* -net nic: on hub 0, or with netdev= on that one. */
static bool old_nic(StartPlan *p, json_object *options, Error **errp)
{
    g_autofree char *type G_GNUC_UNUSED = json_take_text(options, "type");
    g_autofree char *netdev = json_take_text(options, "netdev");
    NicInfo *info = take_nic(options, errp);

    if (!info) {
        return false;
    }
    info->id = json_take_text(options, "name");
    if (!cli_nothing_left(options, errp)) {
        nic_info_free(info);
        return false;
    }
    info->netdev = netdev ? netdev_find(p->m, netdev)
                          : netdev_new_hub_port(p->m, 0, NULL, errp);
    if (!info->netdev) {
        if (netdev) {
            error_set(errp, "netdev '%s' not found", netdev);
        }
        nic_info_free(info);
        return false;
    }
    g_ptr_array_add(p->m->config.nics, info);
    return true;
}

static bool old_options(StartPlan *p, json_object *options, Error **errp)
{
    const char *type = json_get_text(options, "type");
    Netdev *nd;

    if (!type || strcmp(type, "none") == 0) {
        if (!type) {
            error_set(errp, "Parameter 'type' is missing");
        }
        return type != NULL;
    }
    if (strcmp(type, "nic") == 0) {
        return old_nic(p, options, errp);
    }
    nd = json_get_text(options, "id") ? netdev_new(p->m, options, errp)
                                      : anonymous_netdev(p, options, errp);
    return nd && netdev_new_hub_port(p->m, 0, netdev_id(nd), errp);
}

static bool old_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = netdev_parse_text(text, errp);
    bool ok = options && old_options(p, options, errp);

    json_object_put(options);
    return ok;
}

/* --- phases --- */

/* Without -nodefaults and any option of the network, a board whose default
 * NIC this build has gets one, on the user-mode network if that is there. */
static bool default_nic(StartPlan *p, Error **errp)
{
    const char *model = p->m->type->default_nic;
    NicInfo *info;

    if (p->nodefaults || p->netdev || p->nic || p->net || !model ||
        !type_find(p->view, model)) {
        return true;
    }
    if (type_find(p->view, "netdev-user")) {
        return nic_text(p, "user", errp);
    }
    info = g_new0(NicInfo, 1);
    g_ptr_array_add(p->m->config.nics, info);
    return true;
}

bool start_netdevs(StartPlan *p, Error **errp)
{
    return cli_each(p, p->netdev, "netdev", netdev_text, errp) &&
           cli_each(p, p->nic, "nic", nic_text, errp) &&
           cli_each(p, p->net, "net", old_text, errp) && default_nic(p, errp);
}

static json_object *nic_device(const NicInfo *info, const char *model)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "driver", json_object_new_string(model));
    if (info->id) {
        json_object_object_add(o, "id", json_object_new_string(info->id));
    }
    if (info->mac_set) {
        const uint8_t *a = info->mac;
        g_autofree char *mac =
            g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2],
                            a[3], a[4], a[5]);

        json_object_object_add(o, "mac", json_object_new_string(mac));
    }
    if (info->netdev) {
        const char *id = netdev_id(info->netdev);

        json_object_object_add(o, "netdev", json_object_new_string(id));
    }
    return o;
}

/* "virtio" is short for the machine's virtio NIC. */
static char *nic_driver(StartPlan *p, const NicInfo *info)
{
    const char *model = info->model ? info->model : p->m->type->default_nic;

    if (model && strcmp(model, "virtio") == 0) {
        const char *def = p->m->type->default_nic;

        model = def && g_str_has_prefix(def, "virtio-net") ? def : "virtio-net";
    }
    return g_strdup(model);
}

/* The reference warns where a machine has no place for a NIC. */
static bool add_nic(StartPlan *p, NicInfo *info, Error **errp)
{
    g_autofree char *driver = nic_driver(p, info);
    json_object *options;
    bool ok;

    if (!driver) {
        warn_report("requested NIC (%s, model unspecified) was not created "
                    "(not supported by this machine?)",
                    info->id ? info->id : "anonymous");
        return true;
    }
    info->used = true;
    options = nic_device(info, driver);
    ok = device_add(p->m, options, errp) != NULL;
    json_object_put(options);
    if (!ok) {
        error_prefix(errp, "-nic model=%s: ", driver);
    }
    return ok;
}

static void warn_unconnected(Netdev *nd, void *opaque)
{
    if (!netdev_connected(nd)) {
        warn_report("netdev %s has no peer", netdev_id(nd));
    }
}

bool start_nics(StartPlan *p, Error **errp)
{
    GPtrArray *nics = p->m->config.nics;

    for (guint i = 0; i < nics->len; i++) {
        NicInfo *info = g_ptr_array_index(nics, i);

        if (!info->used && !add_nic(p, info, errp)) {
            return false;
        }
    }
    return true;
}

bool start_check_network(StartPlan *p, Error **errp)
{
    net_each_netdev(p->m, warn_unconnected, NULL);
    return true;
}
