/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network: a netdev (back end: user, tap, stream, ...) and the one NIC (front
 * end) attached to it, queue by queue. An Ethernet frame has no FCS.
 *
 * Back-pressure both ways: what a NIC has no room for waits here, and its
 * netdev stops reading the host (nic_flush() lets it go on); what the host
 * does not take waits here, and the NIC stops taking from its guest until
 * sent(). While the machine is stopped nothing reaches a NIC.
 *
 * Locks: everything under the machine lock, in the main loop's context or a
 * vCPU's thread. Packets reach a NIC through the event gate.
 */
#ifndef SOFTMMU_BACKEND_NET_H
#define SOFTMMU_BACKEND_NET_H

#include <sys/uio.h>

#include "softmmu/loop/event.h"
#include "softmmu/object/object.h"

typedef struct Machine Machine;
typedef struct DeviceState DeviceState;
typedef struct Netdev Netdev; /* an object at /netdevs/ID */
typedef struct Nic Nic;
typedef struct NicQueue NicQueue;

enum {
    NET_MAC_LEN = 6,
    NET_QUEUES_MAX = 256,       /* of a NIC or netdev */
    NET_FRAME_MIN = 14,         /* shorter ones are dropped: Ethernet header */
    NET_FRAME_MAX = 65535 + 14, /* with segmentation left to the receiver */
    NET_VNET_HDR_MAX = 20,
};

/* What a receiver lets its peer leave undone; VIRTIO 1.2, 5.1.6.5
 * VIRTIO_NET_F_GUEST_*. */
typedef struct NetOffloads {
    bool csum, tso4, tso6, ecn, ufo, uso4, uso6;
} NetOffloads;

typedef enum NicRxState { NIC_RX_NORMAL, NIC_RX_NONE, NIC_RX_ALL } NicRxState;
/* What query-rx-filter shows (RxFilterInfo of the QMP reference). Arrays are
 * the caller's, filled with g_array_append_val(). */
typedef struct NicRxFilter {
    bool promiscuous, broadcast_allowed, multicast_overflow, unicast_overflow;
    NicRxState multicast, unicast, vlan;
    uint8_t main_mac[NET_MAC_LEN];
    GArray *unicast_table, *multicast_table; /* of uint8_t[NET_MAC_LEN] */
    GArray *vlan_table;                      /* of uint16_t */
} NicRxFilter;

typedef struct NicHandlers {
    /* May a packet come on @queue now? NULL: always. */
    bool (*can_receive)(void *opaque, unsigned queue);
    /*
     * A frame, behind a virtio_net_hdr of the length last set with
     * nic_set_vnet_hdr_len() (none at first). @len is hostile: NET_FRAME_MIN
     * to NET_FRAME_MAX plus that header. False: no room after all; it waits
     * for nic_flush(). True: taken, or dropped (filtered, too long).
     */
    bool (*receive)(void *opaque, unsigned queue, const uint8_t *data,
                    size_t len);
    /* After nic_send() returned false: the host took it, go on. May be NULL. */
    void (*sent)(void *opaque, unsigned queue);
    /* nic_link_up() may differ. May be NULL. */
    void (*link_changed)(void *opaque);
    /* query-rx-filter. May be NULL: not supported. */
    void (*rx_filter)(void *opaque, NicRxFilter *filter);
    /* Tell the guest to announce itself, after migration. False or NULL: the
     * core sends an announcement for it. */
    bool (*announce)(void *opaque);
} NicHandlers;

/* The properties of a NIC, set before realize. */
typedef struct NicConf {
    uint8_t mac[NET_MAC_LEN]; /* zero: nic_attach() gives one */
    Netdev *netdev;           /* NULL: not connected */
} NicConf;

/* Rows of a property table: mac=, netdev=. */
extern const PropertyType prop_type_netdev;
#define PROPS_NIC(Struct, conf)                                                \
    PROP(macaddr, Struct, conf.mac, "mac", NULL, "Ethernet address"),          \
    {                                                                          \
        "netdev", &prop_type_netdev, offsetof(Struct, conf.netdev), NULL,      \
            "network back end to connect to", NULL, 0                          \
    }

struct Nic {
    Machine *machine; /* NULL: not attached */
    NicConf *conf;
    DeviceState *dev;
    const NicHandlers *handlers;
    void *opaque;
    char *name; /* the device's id, else "virtio-net-pci.0" */
    unsigned queues;
    NicQueue *queue;       /* [queues]; the core's */
    unsigned vnet_hdr_len; /* 0, 10, 12 or 20 */
    bool link_down;        /* by set_link */
    bool rx_filter_told;   /* NIC_RX_FILTER_CHANGED sent, not asked since */
};

/*
 * nic_attach: in realize. Gives conf->mac a value (52:54:00:12:34:56 and up)
 * when it is zero, and connects queue i of the NIC to queue i of the netdev.
 * @conf and @handlers must live as long as @nic. False: the netdev has a NIC
 * already, or has more than @queues queues.
 */
bool nic_attach(Nic *nic, NicConf *conf, DeviceState *dev, unsigned queues,
                const NicHandlers *handlers, void *opaque, Error **errp);
void nic_detach(Nic *nic); /* in unrealize; idempotent */

/*
 * nic_send: a frame from the guest, behind a header of nic->vnet_hdr_len
 * bytes; copied where it must wait. False: it waits, so take no more from
 * the guest until sent(); true: gone, or dropped (link down, not connected,
 * below NET_FRAME_MIN or above NET_FRAME_MAX).
 */
bool nic_send(Nic *nic, unsigned queue, const struct iovec *iov, size_t niov);
/* can_receive() has risen: deliver what waits. */
void nic_flush(Nic *nic, unsigned queue);
/* On reset: forget what waits in both directions (sent() is not called). */
void nic_purge(Nic *nic);

bool nic_link_up(const Nic *nic);

/* How many queues the netdev has: 1 when there is none. */
unsigned nic_conf_queues(const NicConf *conf);
/* Can the back end itself read virtio_net_hdr? Where it cannot, the core does
 * in software what a NIC's frames leave open, but never gives large ones. */
bool nic_conf_has_vnet_hdr(const NicConf *conf);
bool nic_conf_has_ufo(const NicConf *conf); /* UDP fragmentation */
bool nic_conf_has_uso(const NicConf *conf); /* UDP segmentation */
/* Packets both ways begin with a header of @len bytes (0, 10, 12, 20). Where
 * the back end has none, the core obeys the guest's: checksums, segments. */
void nic_set_vnet_hdr_len(Nic *nic, unsigned len);
/* What the guest takes. A back end without headers uses .csum alone. */
void nic_set_offloads(Nic *nic, const NetOffloads *offloads);
/* Multiqueue: only the first @n queues are in use; the rest drop. */
void nic_set_queues_in_use(Nic *nic, unsigned n);
/* The filter changed: NIC_RX_FILTER_CHANGED, once until it is queried. */
void nic_rx_filter_changed(Nic *nic);

/* --- -nic, and NICs that a board has --- */

/* One -nic, or -net nic; m->config.nics. */
typedef struct NicInfo {
    char *model; /* NULL: the machine's default */
    char *id;    /* of the device, or NULL */
    uint8_t mac[NET_MAC_LEN];
    bool mac_set;
    Netdev *netdev; /* or NULL */
    bool used;      /* a board, or the fallback, made a device of it */
} NicInfo;
void nic_info_free(NicInfo *info);
/* The next unused one whose model is @model, or which has none when @any;
 * marks it as used. NULL: no more. For boards with NICs of their own. */
NicInfo *nic_info_take(Machine *m, const char *model, bool any);
/* Set mac= and netdev= of a device that is not yet realized. */
bool nic_info_apply(const NicInfo *info, DeviceState *dev, Error **errp);

/* --- netdevs --- */

extern const ObjectType *const net_types[]; /* NULL-terminated */

/* From {"type": ..., "id": ..., members}: -netdev JSON and netdev_add; and
 * from "user,id=n0,hostfwd=...". NULL with *errp. */
Netdev *netdev_new(Machine *m, json_object *options, Error **errp);
Netdev *netdev_from_text(Machine *m, const char *text, Error **errp);
/* The options of "user,hostfwd=...,hostfwd=..." as JSON, lists as lists. */
json_object *netdev_parse_text(const char *text, Error **errp);
/* An id that no netdev has: @prefix and a number; g_free. */
char *netdev_free_id(Machine *m, const char *prefix);
/* A new port on hub number @hub, with @netdev (an id, or NULL) plugged in. */
Netdev *netdev_new_hub_port(Machine *m, uint64_t hub, const char *netdev,
                            Error **errp);
Netdev *netdev_find(Machine *m, const char *id);
const char *netdev_id(const Netdev *nd);
const char *netdev_driver(const Netdev *nd); /* "user" */
bool netdev_remove(Machine *m, const char *id, Error **errp);
bool netdev_connected(const Netdev *nd); /* a NIC or hub port has it */
/* Its saved state, under its path, of the object itself; NULL: it has none.
 * A stream may lack it, and may have what this machine's netdev has not. */
const struct VmState *netdev_vmstate(const Netdev *nd);
/* One line on what it does, for `info network`; g_free. */
char *netdev_info(Netdev *nd);

/* set_link: @name is a NIC's name (device id) or a netdev's id. */
bool net_set_link(Machine *m, const char *name, bool up, Error **errp);
/* Every NIC, in order of creation. */
void net_each_nic(Machine *m, void (*fn)(Nic *nic, void *opaque), void *opaque);
void net_each_netdev(Machine *m, void (*fn)(Netdev *nd, void *opaque),
                     void *opaque);
/* False: this NIC has no such thing. Clears nic->rx_filter_told. */
bool nic_query_rx_filter(Nic *nic, NicRxFilter *filter);

/* Announce NICs: at once, then after @initial_ms, and each time @step_ms
 * later than before but at most @max_ms. While the machine runs. */
typedef struct NetAnnounceParams {
    uint64_t initial_ms, max_ms, step_ms;
    unsigned rounds;   /* 0: only ends the one of that @id */
    char **interfaces; /* names of NICs; NULL: all */
    char *id;          /* two with one id: the later one replaces; or NULL */
} NetAnnounceParams;
void net_announce_nics(Machine *m,
                       const NetAnnounceParams *params); /* copied */

/* --- user (libslirp) --- */

/* hostfwd_add, hostfwd_remove: "tcp:127.0.0.1:2222-:22". @id NULL: the only
 * user netdev. */
bool net_hostfwd_add(Machine *m, const char *id, const char *rule,
                     Error **errp);
bool net_hostfwd_remove(Machine *m, const char *id, const char *rule,
                        Error **errp);
/* `info usernet`; g_free. */
char *net_user_info(Machine *m);

#endif
