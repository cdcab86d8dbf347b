/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters on a netdev, `-object filter-...,netdev=ID`: they see what passes
 * in either direction, in their order towards the guest and in the opposite
 * one towards the host.
 */
#include "tandem/base.h"

#include <fcntl.h>

#include "internal.h"
#include "softmmu/backend/socket.h"

enum { FILTER_ALL, FILTER_RX, FILTER_TX };

static const PropertyEnum direction_names[] = {
    { "all", FILTER_ALL },
    { "rx", FILTER_RX },
    { "tx", FILTER_TX },
    { 0 },
};

static const PropertyEnum status_names[] = { { "off", 0 }, { "on", 1 }, { 0 } };

static const NetFilterType *type_of(const NetFilter *f)
{
    return (const NetFilterType *)f->parent.type;
}

static bool sees(const NetFilter *f, NetDirection dir)
{
    return f->on && (f->direction == FILTER_ALL ||
                     (f->direction == FILTER_RX) == (dir == NET_TO_NETDEV));
}

bool net_filters_pass(Netdev *nd, NetFilter *after, NetDirection dir,
                      unsigned queue, const uint8_t *data, size_t len)
{
    guint n = nd->filters ? nd->filters->len : 0;
    unsigned hdr_len = nd->port[queue].hdr_len;
    bool skip = after != NULL;

    for (guint i = 0; i < n; i++) {
        guint at = dir == NET_TO_NETDEV ? n - 1 - i : i;
        NetFilter *f = g_ptr_array_index(nd->filters, at);

        if (skip) {
            skip = f != after;
            continue;
        }
        if (sees(f, dir) &&
            !type_of(f)->pass(f, dir, queue, data, len, hdr_len)) {
            return true; /* the filter has it */
        }
    }
    return netdev_passed(nd, dir, queue, data, len);
}

/* --- the base type --- */

/* position=head, tail, or id=OTHER with insert=before|behind. */
static bool find_place(NetFilter *f, guint *at, Error **errp)
{
    GPtrArray *list = f->nd->filters;
    const char *place = f->position;

    if (!place || strcmp(place, "tail") == 0) {
        *at = list->len;
        return true;
    }
    if (strcmp(place, "head") == 0) {
        *at = 0;
        return true;
    }
    for (guint i = 0; g_str_has_prefix(place, "id=") && i < list->len; i++) {
        NetFilter *other = g_ptr_array_index(list, i);

        if (g_strcmp0(other->parent.name, place + 3) == 0) {
            *at = i + (g_strcmp0(f->insert, "before") != 0);
            return true;
        }
    }
    error_set(errp, "Invalid position '%s' of a filter", place);
    return false;
}

static bool filter_complete(Object *obj, Error **errp)
{
    NetFilter *f = (NetFilter *)obj;
    Machine *m = object_machine(obj);
    Netdev *nd;
    guint at;

    if (!f->netdev_id) {
        error_set(errp, "Parameter 'netdev' is required");
        return false;
    }
    if (f->insert && strcmp(f->insert, "before") != 0 &&
        strcmp(f->insert, "behind") != 0) {
        error_set(errp, "Invalid 'insert' '%s', expected before or behind",
                  f->insert);
        return false;
    }
    nd = netdev_find(m, f->netdev_id);
    if (!nd) {
        error_set(errp, "Invalid parameter 'netdev', expected: a network "
                        "backend id");
        return false;
    }
    f->nd = (Netdev *)object_ref(nd);
    if (!nd->filters) {
        nd->filters = g_ptr_array_new();
    }
    if (!find_place(f, &at, errp) || !type_of(f)->setup(f, errp)) {
        return false;
    }
    g_ptr_array_insert(nd->filters, at, f);
    return true;
}

static void filter_finalize(Object *obj)
{
    NetFilter *f = (NetFilter *)obj;

    if (f->nd) {
        g_ptr_array_remove(f->nd->filters, f);
        object_unref(f->nd);
    }
}

static const Property filter_props[] = {
    PROP(str, NetFilter, netdev_id, "netdev", NULL, "netdev to filter"),
    PROP_ARG(enum, NetFilter, direction, "queue", "all",
             "rx: to the netdev, tx: from it, all: both", direction_names),
    { "status", &prop_type_enum, offsetof(NetFilter, on), "on",
      "off: everything passes unseen", status_names, PROP_LIVE },
    PROP(str, NetFilter, position, "position", "tail",
         "head, tail or id=FILTER"),
    PROP(str, NetFilter, insert, "insert", NULL,
         "before or behind the filter that position= names"),
    { 0 },
};

const NetFilterType net_filter_type = {
    .name = "netfilter",
    .parent = TYPE(user_creatable_type),
    .size = sizeof(NetFilter),
    .abstract = true,
    .props = filter_props,
    .finalize = filter_finalize,
    .complete = filter_complete,
};

/* --- filter-dump: a pcap file --- */

typedef struct FilterDump {
    NetFilter filter;
    char *file;
    uint32_t max_len; /* bytes kept of a frame */
    int fd;
} FilterDump;

/* "libpcap File Format", pcap-savefile(5): host byte order. */
typedef struct PcapHeader {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snap_len, link_type;
} PcapHeader;
typedef struct PcapRecord {
    uint32_t seconds, microseconds, kept, length;
} PcapRecord;
enum { PCAP_ETHERNET = 1 }; /* LINKTYPE_ETHERNET */

static bool write_parts(int fd, const struct iovec *iov, int n)
{
    ssize_t want = 0;

    for (int i = 0; i < n; i++) {
        want += iov[i].iov_len;
    }
    return writev(fd, iov, n) == want;
}

static bool dump_pass(NetFilter *f, NetDirection dir, unsigned queue,
                      const uint8_t *data, size_t len, unsigned hdr_len)
{
    FilterDump *d = (FilterDump *)f;
    int64_t now = clock_now_ns(f->nd->m->clocks, CLOCK_HOST);
    size_t n = len - hdr_len;
    PcapRecord r = {
        .seconds = now / 1000000000,
        .microseconds = now % 1000000000 / 1000,
        .kept = MIN(n, d->max_len),
        .length = n,
    };
    struct iovec iov[2] = { { &r, sizeof(r) },
                            { (void *)(data + hdr_len), r.kept } };

    if (d->fd >= 0 && !write_parts(d->fd, iov, 2)) {
        warn_report("filter-dump: '%s' cannot be written: %s", d->file,
                    g_strerror(errno));
        close(d->fd);
        d->fd = -1;
    }
    return true;
}

static bool dump_setup(NetFilter *f, Error **errp)
{
    FilterDump *d = (FilterDump *)f;
    PcapHeader h = { 0xa1b2c3d4, 2, 4, 0, 0, d->max_len, PCAP_ETHERNET };
    struct iovec iov = { &h, sizeof(h) };

    if (!d->file) {
        error_set(errp, "dump filter needs 'file' property set!");
        return false;
    }
    d->fd = path_open(f->nd->m, d->file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (d->fd < 0 || !write_parts(d->fd, &iov, 1)) {
        error_set_errno(errp, errno, "net dump: can't open %s", d->file);
        return false;
    }
    return true;
}

static void dump_init(Object *obj)
{
    ((FilterDump *)obj)->fd = -1;
}

static void dump_finalize(Object *obj)
{
    if (((FilterDump *)obj)->fd >= 0) {
        close(((FilterDump *)obj)->fd);
    }
}

static const Property dump_props[] = {
    PROP(str, FilterDump, file, "file", NULL, "pcap file to write"),
    PROP(u32, FilterDump, max_len, "maxlen", "65536",
         "bytes of a frame to keep"),
    { 0 },
};

const NetFilterType filter_dump_type = {
    .name = "filter-dump",
    .parent = TYPE(net_filter_type),
    .description = "writes packets to a pcap file",
    .size = sizeof(FilterDump),
    .props = dump_props,
    .init = dump_init,
    .finalize = dump_finalize,
    .setup = dump_setup,
    .pass = dump_pass,
};

/* --- filter-buffer: packets wait for the end of an interval --- */

enum { BUFFER_PACKETS = 4096 }; /* then the oldest go at once */

typedef struct Buffered {
    NetDirection dir;
    unsigned queue, hdr_len;
    GBytes *data;
} Buffered;

typedef struct FilterBuffer {
    NetFilter filter;
    uint32_t interval_us;
    GQueue held; /* Buffered *, in order */
    Timer timer;
} FilterBuffer;

static void buffered_free(Buffered *b)
{
    g_bytes_unref(b->data);
    g_free(b);
}

static void release_one(FilterBuffer *s)
{
    Buffered *b = g_queue_pop_head(&s->held);
    Netdev *nd = s->filter.nd;
    gsize len;
    const uint8_t *data = g_bytes_get_data(b->data, &len);

    if (nd->port[b->queue].hdr_len == b->hdr_len) { /* else it is stale */
        net_filters_pass(nd, &s->filter, b->dir, b->queue, data, len);
    }
    buffered_free(b);
}

static void buffer_due(void *opaque)
{
    FilterBuffer *s = opaque;

    for (guint n = s->held.length; n > 0 && s->held.length > 0; n--) {
        release_one(s);
    }
    timer_set(&s->timer,
              clock_now_ns(s->filter.nd->m->clocks, CLOCK_VIRTUAL_RT) +
                  (int64_t)s->interval_us * 1000);
}

static bool buffer_pass(NetFilter *f, NetDirection dir, unsigned queue,
                        const uint8_t *data, size_t len, unsigned hdr_len)
{
    FilterBuffer *s = (FilterBuffer *)f;
    Buffered *b = g_new(Buffered, 1);

    *b = (Buffered){ dir, queue, hdr_len, g_bytes_new(data, len) };
    g_queue_push_tail(&s->held, b);
    if (s->held.length > BUFFER_PACKETS) {
        release_one(s);
    }
    return false;
}

static bool buffer_setup(NetFilter *f, Error **errp)
{
    FilterBuffer *s = (FilterBuffer *)f;

    if (s->interval_us == 0) {
        error_set(errp, "Property 'interval' of filter-buffer must be above 0");
        return false;
    }
    timer_init(&s->timer, f->nd->m->loop, CLOCK_VIRTUAL_RT, buffer_due, s);
    timer_set(&s->timer, clock_now_ns(f->nd->m->clocks, CLOCK_VIRTUAL_RT) +
                             (int64_t)s->interval_us * 1000);
    return true;
}

static void buffer_init(Object *obj)
{
    g_queue_init(&((FilterBuffer *)obj)->held);
}

static void buffer_finalize(Object *obj)
{
    FilterBuffer *s = (FilterBuffer *)obj;

    if (s->timer.ctx) {
        timer_cancel(&s->timer);
    }
    g_queue_clear_full(&s->held, (GDestroyNotify)buffered_free);
}

static const Property buffer_props[] = {
    PROP(u32, FilterBuffer, interval_us, "interval", NULL,
         "microseconds between releases"),
    { 0 },
};

const NetFilterType filter_buffer_type = {
    .name = "filter-buffer",
    .parent = TYPE(net_filter_type),
    .description = "holds packets back until an interval ends",
    .size = sizeof(FilterBuffer),
    .props = buffer_props,
    .init = buffer_init,
    .finalize = buffer_finalize,
    .setup = buffer_setup,
    .pass = buffer_pass,
};
