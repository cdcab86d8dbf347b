/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the core of the network and its back ends, hubs and filters.
 * Machine lock.
 */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "softmmu/backend/net.h"
#include "softmmu/machine/machine.h"
#include "softmmu/object/vmstate.h"

typedef struct NetPort NetPort;
typedef struct NetFilter NetFilter;

enum {
    NET_WAIT_PACKETS = 256, /* at one port; more are dropped */
    NET_PACKET_MAX = NET_FRAME_MAX + NET_VNET_HDR_MAX,
};

/* --- ports: one queue's end of a link --- */

typedef struct NetPortOps {
    /* A frame behind port->hdr_len bytes of header. False: no room; it waits
     * for net_port_flush(). */
    bool (*take)(NetPort *port, const uint8_t *data, size_t len);
    /* What this port had sent and its peer had no room for is taken. */
    void (*drained)(NetPort *port);
    /* Instead of queueing at the port: through the event gate first. */
    EventSource *(*gate)(NetPort *port);
} NetPortOps;

struct NetPort {
    const NetPortOps *ops;
    void *owner;
    unsigned index; /* queue number */
    NetPort *peer;  /* NULL: not connected */
    unsigned hdr_len;
    bool checked;     /* what it sends has right checksums for sure */
    bool wants_valid; /* and its own peer may be told so by DATA_VALID */
    bool peer_waits;  /* the peer was told to wait for drained() */
    GQueue waiting;   /* GBytes *, towards this port, in order */
};

void net_port_init(NetPort *port, const NetPortOps *ops, void *owner,
                   unsigned index);
void net_port_connect(NetPort *a, NetPort *b);
void net_port_disconnect(NetPort *port); /* forgets what waits at both */
/* From @from to its peer. False: it waits; stop sending until drained(). */
bool net_port_send(NetPort *from, const uint8_t *data, size_t len);
/* Would a packet be taken or queued without false? */
bool net_port_may_send(const NetPort *from);
/* A packet is at @to, through the gate: take it or let it wait. */
void net_port_arrive(NetPort *to, const uint8_t *data, size_t len);
void net_port_flush(NetPort *to);
void net_port_purge(NetPort *port);
/*
 * Do what the virtio_net_hdr of @hdr_len bytes before a frame leaves open
 * (VIRTIO 1.2, 5.1.6.2): @emit gets each complete frame, without header. False:
 * the header lies, or asks for what no frame can be; nothing was emitted.
 */
bool net_finish_offloads(const uint8_t *packet, size_t len, unsigned hdr_len,
                         void (*emit)(void *opaque, const uint8_t *frame,
                                      size_t len),
                         void *opaque);

/* --- netdevs --- */

typedef struct NetdevType {
    struct ObjectType;  /* "netdev-user" */
    const char *driver; /* "user": what -netdev takes */
    bool (*open)(Netdev *nd, Error **errp);
    void (*close)(Netdev *nd); /* after a failed open too */
    /* A frame from the guest; false: no room, netdev_writable() follows. */
    bool (*send)(Netdev *nd, unsigned queue, const uint8_t *data, size_t len);
    /* There is room for the guest again: go on reading. */
    void (*receivable)(Netdev *nd, unsigned queue);
    /* A peer came or went, or the link state changed. */
    void (*changed)(Netdev *nd);
    void (*set_hdr_len)(Netdev *nd, unsigned len);
    void (*set_offloads)(Netdev *nd, const NetOffloads *o);
    /* Multiqueue: the first @n queues are in use. */
    void (*set_queues)(Netdev *nd, unsigned n);
    char *(*info)(Netdev *nd); /* what follows "type=user," */
    const VmState *vmstate;    /* optional in a stream; NULL: none */
} NetdevType;

struct Netdev {
    Object parent;
    Machine *m;
    unsigned queues;                     /* set by open(); at least 1 */
    NetPort *port;                       /* [queues]; made after open() */
    bool has_vnet_hdr, has_ufo, has_uso; /* set by open() */
    bool link_down;
    bool opened;
    Nic *nic;           /* attached, or NULL */
    GPtrArray *filters; /* NetFilter *, from the netdev to its peer */
};
extern const NetdevType netdev_type; /* "netdev", abstract */
extern const NetdevType netdev_user_type, netdev_hubport_type,
    netdev_stream_type, netdev_dgram_type, netdev_socket_type, netdev_tap_type,
    netdev_bridge_type;

const NetdevType *netdev_type_of(const Netdev *nd);
/* One that is a part of another: not in the tree, without a name. The caller
 * has the reference. */
Netdev *netdev_new_inner(Machine *m, const char *driver, json_object *options,
                         Error **errp);
/* From the host towards the guest. False: it waits, stop until receivable().
 */
bool netdev_receive(Netdev *nd, unsigned queue, const uint8_t *data,
                    size_t len);
bool netdev_may_receive(const Netdev *nd, unsigned queue);
/* The host takes packets again. */
void netdev_writable(Netdev *nd, unsigned queue);

/* A property of list type: JSON lists of text or {"str": text}, or one text.
 * The field is a char ** (NULL: none). */
extern const PropertyType prop_type_net_strings;
#define PROP_NET_STRINGS(Struct, field, name, description)                     \
    {                                                                          \
        name, &prop_type_net_strings, offsetof(Struct, field), NULL,           \
            description, NULL, 0                                               \
    }
/* A property that is a JSON object as it is ("addr"). json_object *. */
extern const PropertyType prop_type_net_json;
#define PROP_NET_JSON(Struct, field, name, description)                        \
    {                                                                          \
        name, &prop_type_net_json, offsetof(Struct, field), NULL, description, \
            NULL, 0                                                            \
    }

/* --- the machine's network --- */

typedef struct NetHub {
    uint64_t id;
    GPtrArray *ports; /* HubPort * */
    unsigned refs;    /* the core's and each port's */
} NetHub;
void net_hub_unref(NetHub *hub);

typedef struct NetCore {
    Object parent; /* /netdevs: holds them */
    Machine *m;
    Notifier on_state;
    GPtrArray *nics; /* Nic *, in order of attaching */
    GPtrArray *hubs; /* NetHub * */
    BottomHalf *flush;
    GPtrArray *announcing; /* NetAnnounce *; NULL: none */
    unsigned next_anon;    /* netdevs without an id */
} NetCore;
typedef struct NetAnnounce NetAnnounce;
void net_announce_stop(NetCore *core);
extern const ObjectType net_core_type;
/* Made when first asked for. */
NetCore *net_core(Machine *m);

/* --- filters --- */

typedef enum NetDirection {
    NET_TO_NETDEV,   /* queue=rx: what the netdev receives from the guest */
    NET_FROM_NETDEV, /* queue=tx */
} NetDirection;

typedef struct NetFilterType {
    struct UserCreatableType;
    bool (*setup)(NetFilter *f, Error **errp);
    /* True: it passes. False: the filter has kept a copy, or dropped it. */
    bool (*pass)(NetFilter *f, NetDirection dir, unsigned queue,
                 const uint8_t *data, size_t len, unsigned hdr_len);
    void (*status_changed)(NetFilter *f);
} NetFilterType;

struct NetFilter {
    Object parent;
    Netdev *nd; /* referenced */
    /* properties */
    char *netdev_id, *position, *insert;
    int direction; /* of the enum "all", "rx", "tx" */
    int on;        /* of the enum "on", "off" */
};
extern const NetFilterType net_filter_type; /* "netfilter", abstract */
extern const NetFilterType filter_dump_type, filter_buffer_type;
/* Through the filters after @after (NULL: all) of @nd and on. */
bool net_filters_pass(Netdev *nd, NetFilter *after, NetDirection dir,
                      unsigned queue, const uint8_t *data, size_t len);
/* What has come through: to the back end, or to the peer. */
bool netdev_passed(Netdev *nd, NetDirection dir, unsigned queue,
                   const uint8_t *data, size_t len);

#endif
