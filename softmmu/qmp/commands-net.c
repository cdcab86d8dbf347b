/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network: schema/net.json. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/net.h"

bool qmp_netdev_add(Machine *m, json_object *a, Error **errp)
{
    return netdev_new(m, a, errp) != NULL;
}

bool qmp_netdev_del(Machine *m, const NetdevDelArgs *a, Error **errp)
{
    return netdev_remove(m, a->id, errp);
}

bool qmp_set_link(Machine *m, const SetLinkArgs *a, Error **errp)
{
    return net_set_link(m, a->name, a->up, errp);
}

bool qmp_announce_self(Machine *m, const AnnounceParameters *a, Error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    NetAnnounceParams p = { .initial_ms = a->initial,
                            .max_ms = a->max,
                            .step_ms = a->step,
                            .rounds = a->rounds,
                            .id = a->id };

    if (a->initial > 100000 || a->max > 100000 || a->step > 10000 ||
        a->rounds < 1 || a->rounds > 1000) { /* the reference's ranges */
        error_set(errp, "an announce parameter is out of range");
        return false;
    }
    for (size_t i = 0; a->interfaces && i < a->interfaces->n; i++) {
        g_ptr_array_add(names, a->interfaces->items[i]);
    }
    g_ptr_array_add(names, NULL);
    p.interfaces = a->interfaces ? (char **)names->pdata : NULL;
    net_announce_nics(m, &p);
    return true;
}

/* --- query-rx-filter --- */

static char *mac_text(const uint8_t *mac)
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                           mac[2], mac[3], mac[4], mac[5]);
}

static StrList *mac_list(const GArray *macs)
{
    StrList *list = NULL;

    for (guint i = 0; i < macs->len; i++) {
        const uint8_t *mac = (const uint8_t *)macs->data + i * NET_MAC_LEN;
        char *text = mac_text(mac);

        qlist_append(&qtype_list_str, &list, &text);
    }
    return list;
}

static RxFilterInfo *filter_info(const Nic *nic, const NicRxFilter *f)
{
    RxFilterInfo *info = g_new0(RxFilterInfo, 1);

    info->name = g_strdup(nic->name);
    info->promiscuous = f->promiscuous;
    info->multicast = (RxState)f->multicast; /* in the same order */
    info->unicast = (RxState)f->unicast;
    info->vlan = (RxState)f->vlan;
    info->broadcast_allowed = f->broadcast_allowed;
    info->multicast_overflow = f->multicast_overflow;
    info->unicast_overflow = f->unicast_overflow;
    info->main_mac = mac_text(f->main_mac);
    info->unicast_table = mac_list(f->unicast_table);
    info->multicast_table = mac_list(f->multicast_table);
    for (guint i = 0; i < f->vlan_table->len; i++) {
        int64_t id = g_array_index(f->vlan_table, uint16_t, i);

        qlist_append(&qtype_list_int, &info->vlan_table, &id);
    }
    return info;
}

typedef struct FilterQuery {
    const char *name; /* NULL: all */
    bool found;       /* a NIC of that name */
    RxFilterInfoList *list;
} FilterQuery;

static void query_one(Nic *nic, void *opaque)
{
    FilterQuery *q = opaque;
    g_autoptr(GArray) unicast = g_array_new(FALSE, TRUE, NET_MAC_LEN);
    g_autoptr(GArray) multicast = g_array_new(FALSE, TRUE, NET_MAC_LEN);
    g_autoptr(GArray) vlan = g_array_new(FALSE, TRUE, sizeof(uint16_t));
    NicRxFilter f = { .unicast_table = unicast,
                      .multicast_table = multicast,
                      .vlan_table = vlan };
    RxFilterInfo *info;

    if (q->name && strcmp(q->name, nic->name) != 0) {
        return;
    }
    q->found = true;
    if (nic_query_rx_filter(nic, &f)) {
        info = filter_info(nic, &f);
        qlist_append(&qtype_list_rx_filter_info, &q->list, &info);
    }
}

RxFilterInfoList *qmp_query_rx_filter(Machine *m, const QueryRxFilterArgs *a,
                                      Error **errp)
{
    FilterQuery q = { .name = a->name };

    net_each_nic(m, query_one, &q);
    if (a->name && !q.found) {
        error_set(errp, "invalid net client name: %s", a->name);
    } else if (a->name && !q.list) {
        error_set(errp, "net client(%s) doesn't support rx-filter querying",
                  a->name);
    }
    return q.list;
}
