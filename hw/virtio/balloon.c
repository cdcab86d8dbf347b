/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Memory balloon.
 *
 * Spec:  VIRTIO 1.2, 5.5. Statistics from 10 on: VIRTIO 1.3, 5.5.6.4.
 * Guest: queues of page numbers to give and to take back, of statistics, of
 *        hints during migration and of reports of free pages.
 * Locks: machine lock.
 *
 * What the guest gives up is dropped from the host's memory through
 * ram_block_discard(), which marks it dirty: migration and translated code
 * see the pages as they then are. It comes back, zeroed, when touched, so
 * nothing has to be done for pages that are taken back.
 */
#include "tandem/base.h"

#include "hw/virtio/balloon.h"
#include "hw/virtio/devices.h"
#include "trace_hw_virtio.h"

/* Feature bits; 5.5.3. */
enum {
    F_STATS_VQ = 1,
    F_DEFLATE_ON_OOM = 2,
    F_FREE_PAGE_HINT = 3,
    F_PAGE_POISON = 4,
    F_PAGE_REPORTING = 5,
};

/* Configuration, byte offsets; 5.5.4. */
enum {
    CFG_NUM_PAGES = 0,
    CFG_ACTUAL = 4,
    CFG_CMD_ID = 8,
    CFG_POISON = 12,
    CFG_SIZE = 16
};

enum { CMD_STOP = 0, CMD_DONE = 1, CMD_FIRST = 2 }; /* 5.5.6.5 */

enum {
    PAGE_BITS = 12, /* of page numbers, whatever the guest's pages are */
    QUEUE_SIZE = 128,
    /* Page numbers of one buffer; more are not looked at, so that no buffer
     * holds up the machine: giving up memory is a favour. */
    PFNS_MAX = 8192,
    STAT_BYTES = 10,
    STATS = 16,
};

static const char *const stat_names[STATS] = {
    "stat-swap-in",          "stat-swap-out",     "stat-major-faults",
    "stat-minor-faults",     "stat-free-memory",  "stat-total-memory",
    "stat-available-memory", "stat-disk-caches",  "stat-htlb-pgalloc",
    "stat-htlb-pgfail",      "stat-oom-kills",    "stat-alloc-stalls",
    "stat-async-scans",      "stat-direct-scans", "stat-async-reclaims",
    "stat-direct-reclaims",
};

typedef struct BalloonNotifier {
    Notifier notifier;
    struct VirtioBalloon *s;
} BalloonNotifier;

typedef struct VirtioBalloon {
    VirtioDevice parent;
    /* properties */
    bool deflate_on_oom, free_page_hint, page_poison, free_page_reporting;
    int64_t poll_s; /* live; 0: statistics only when the guest likes */
    /* constant after realize */
    VirtQueue *stats_vq;
    BalloonNotifier on_migration;
    Timer poll;
    /* guest state; saved */
    uint32_t num_pages; /* the host wants */
    uint32_t actual;    /* the guest gave */
    uint32_t cmd_id, poison;
    GQueue stats_held;     /* VirtqElement *: goes back to ask for statistics */
    uint64_t stats[STATS]; /* UINT64_MAX: not told */
    int64_t stats_time_s;  /* since 1970; 0: never */
    /* not saved: a hint belongs to the sending side */
    uint32_t next_cmd_id;
    bool hinting;          /* the driver's hints belong to cmd_id */
    const RamHints *hints; /* NULL: none is wanted now */
} VirtioBalloon;

static VirtioBalloon *balloon_of(void *v)
{
    return object_cast(v, &virtio_balloon_type);
}

/* --- configuration --- */

static void config_refresh(VirtioDevice *v)
{
    VirtioBalloon *s = balloon_of(v);

    st32_le(v->config + CFG_NUM_PAGES, s->num_pages);
    st32_le(v->config + CFG_ACTUAL, s->actual);
    st32_le(v->config + CFG_CMD_ID, s->cmd_id);
    st32_le(v->config + CFG_POISON, s->poison);
}

static uint64_t ram_size(const VirtioBalloon *s)
{
    return s->parent.parent.machine->config.ram_size;
}

uint64_t virtio_balloon_actual(VirtioDevice *v)
{
    VirtioBalloon *s = balloon_of(v);

    return ram_size(s) - MIN(ram_size(s), (uint64_t)s->actual << PAGE_BITS);
}

static void config_written(VirtioDevice *v, unsigned off, unsigned len)
{
    VirtioBalloon *s = balloon_of(v);
    uint32_t was = s->actual;
    json_object *data;

    s->actual = ld32_le(v->config + CFG_ACTUAL);
    s->poison = ld32_le(v->config + CFG_POISON);
    config_refresh(v);
    if (s->actual == was) {
        return;
    }
    trace_virtio_balloon_actual(s->actual);
    data = json_object_new_object();
    json_object_object_add(data, "actual",
                           json_object_new_uint64(virtio_balloon_actual(v)));
    machine_event(v->parent.machine, "BALLOON_CHANGE", data);
}

void virtio_balloon_set_target(VirtioDevice *v, uint64_t bytes)
{
    VirtioBalloon *s = balloon_of(v);
    uint64_t pages = (ram_size(s) - MIN(bytes, ram_size(s))) >> PAGE_BITS;

    s->num_pages = (uint32_t)MIN(pages, UINT32_MAX);
    config_refresh(v);
    virtio_config_changed(v);
}

/* --- giving up memory --- */

/* The RAM at @addr and how much of @len it serves; NULL: no RAM there. */
static RamBlock *find_ram(VirtioBalloon *s, hwaddr addr, uint64_t *len,
                          ram_addr_t *offset)
{
    Machine *m = s->parent.parent.machine;
    RamBlock *block = NULL;
    const FlatRange *r;

    rcu_lock();
    r = flat_view_find(address_space_view(&m->memory), addr);
    if (r && r->mr->kind == MEMORY_RAM && flat_range_is_direct(r, true)) {
        block = r->mr->ram;
        *len = MIN(*len, r->size - (addr - r->addr));
        *offset = r->mr->ram_offset + r->offset + (addr - r->addr);
    }
    rcu_unlock();
    return block;
}

static void give_up(VirtioBalloon *s, hwaddr addr, uint64_t len)
{
    MemorySystem *ms = s->parent.parent.machine->ms;

    while (len > 0) {
        uint64_t part = len;
        ram_addr_t offset;
        RamBlock *block = find_ram(s, addr, &part, &offset);

        if (block) {
            ram_block_discard(ms, block, offset, part);
        } else {
            guest_error(&s->parent.parent, "no RAM at 0x%" PRIx64, addr);
            part = MIN(len, UINT64_C(1) << PAGE_BITS);
        }
        addr += part;
        len -= part;
    }
}

/* Page numbers in rising or falling runs make one range. */
typedef struct Run {
    uint64_t first, last; /* pages; empty when first > last */
} Run;

static void run_flush(VirtioBalloon *s, Run *run)
{
    if (run->first <= run->last) {
        give_up(s, run->first << PAGE_BITS,
                (run->last - run->first + 1) << PAGE_BITS);
    }
    *run = (Run){ 1, 0 };
}

static void run_add(VirtioBalloon *s, Run *run, uint64_t page)
{
    if (run->first <= run->last && page == run->last + 1) {
        run->last = page;
    } else if (run->first <= run->last && page + 1 == run->first) {
        run->first = page;
    } else {
        run_flush(s, run);
        *run = (Run){ page, page };
    }
}

static void inflate(VirtioBalloon *s, const VirtqElement *e)
{
    uint64_t n = e->out_len / 4;
    Run run = { 1, 0 };

    if (n > PFNS_MAX) {
        guest_error(&s->parent.parent, "%" PRIu64 " pages in one buffer", n);
        n = PFNS_MAX;
    }
    trace_virtio_balloon_inflate(n);
    for (uint64_t i = 0; i < n;) {
        uint8_t raw[4 * 256];
        size_t len = iov_to_buf(e->out, e->n_out, 4 * i, raw,
                                MIN(sizeof(raw), 4 * (n - i)));

        for (size_t k = 0; k < len; k += 4) {
            run_add(s, &run, ld32_le(raw + k));
        }
        i += len / 4;
    }
    run_flush(s, &run);
}

typedef void BufferFn(VirtioBalloon *s, const VirtqElement *e);

/* Take all that is there, let @fn (may be NULL) look at each, return it. */
static void serve(VirtioDevice *v, VirtQueue *vq, BufferFn *fn)
{
    VirtqElement *e;

    while ((e = virtq_pop(vq, sizeof(*e)))) {
        if (fn) {
            fn(balloon_of(v), e);
        }
        virtq_push(vq, e, 0);
        virtq_element_free(e);
        virtq_notify(vq);
    }
}

/* One buffer a run, as each may take a while; the queue runs again. */
static void inflate_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtqElement *e = virtq_pop(vq, sizeof(*e));

    if (e) {
        inflate(balloon_of(v), e);
        virtq_push(vq, e, 0);
        virtq_element_free(e);
        virtq_notify(vq);
    }
}

static void deflate_queue(VirtioDevice *v, VirtQueue *vq)
{
    serve(v, vq, NULL); /* a page is there again once it is touched */
}

/* --- free pages: reports and hints --- */

static void each_page_range(VirtioBalloon *s, const VirtqElement *e,
                            void (*fn)(VirtioBalloon *s, RamBlock *block,
                                       ram_addr_t offset, uint64_t len))
{
    MemorySystem *ms = s->parent.parent.machine->ms;

    for (unsigned i = 0; i < e->n_in; i++) {
        ram_addr_t offset;
        RamBlock *block = ram_block_from_host(ms, e->in[i].iov_base, &offset);

        if (block) {
            trace_virtio_balloon_free(e->addr[e->n_out + i], e->in[i].iov_len);
            fn(s, block, offset, e->in[i].iov_len);
        } else {
            guest_error(&s->parent.parent, "no RAM at 0x%" PRIx64,
                        e->addr[e->n_out + i]);
        }
    }
}

static void report_range(VirtioBalloon *s, RamBlock *block, ram_addr_t offset,
                         uint64_t len)
{
    ram_block_discard(s->parent.parent.machine->ms, block, offset, len);
}

/* 5.5.6.7.2: pages that the driver poisons read as that or not at all: what
 * is dropped comes back as zeros. */
static void report(VirtioBalloon *s, const VirtqElement *e)
{
    if (!virtio_has(&s->parent, F_PAGE_POISON) || s->poison == 0) {
        each_page_range(s, e, report_range);
    }
}

static void report_queue(VirtioDevice *v, VirtQueue *vq)
{
    serve(v, vq, report);
}

static void hint_range(VirtioBalloon *s, RamBlock *block, ram_addr_t offset,
                       uint64_t len)
{
    s->hints->skip(s->hints->opaque, block, offset, len);
}

/* 5.5.6.5: a command id, then pages that are free since it was given. */
static void hint(VirtioBalloon *s, const VirtqElement *e)
{
    uint8_t id[4];

    if (iov_to_buf(e->out, e->n_out, 0, id, 4) == 4) {
        s->hinting = s->hints && ld32_le(id) == s->cmd_id;
    }
    if (s->hinting && s->hints) {
        each_page_range(s, e, hint_range);
    }
}

static void hint_queue(VirtioDevice *v, VirtQueue *vq)
{
    serve(v, vq, hint);
}

static void set_cmd_id(VirtioBalloon *s, uint32_t id)
{
    s->cmd_id = id;
    s->hinting = false;
    config_refresh(&s->parent);
    virtio_config_changed(&s->parent);
}

static void migration_wants_hints(Notifier *n, void *data)
{
    VirtioBalloon *s = container_of(n, BalloonNotifier, notifier)->s;
    const RamHints *hints = data;

    if (!virtio_has(&s->parent, F_FREE_PAGE_HINT)) {
        return;
    }
    if (hints->phase == RAM_HINTS_WANTED) {
        s->hints = hints;
        set_cmd_id(s, s->next_cmd_id);
        s->next_cmd_id = MAX(s->next_cmd_id + 1, CMD_FIRST);
        return;
    }
    s->hints = NULL;
    if (s->cmd_id != CMD_DONE) {
        set_cmd_id(s, hints->phase == RAM_HINTS_OVER ? CMD_DONE : CMD_STOP);
    }
}

/* On the receiving side nothing hints any more: the driver may have its
 * pages back. */
static void balloon_resume(VirtioDevice *v)
{
    VirtioBalloon *s = balloon_of(v);

    if (virtio_has(v, F_FREE_PAGE_HINT) && !s->hints && s->cmd_id != CMD_DONE) {
        set_cmd_id(s, CMD_DONE);
    }
}

/* --- statistics --- */

static void stats_read(VirtioBalloon *s, const VirtqElement *e)
{
    uint8_t raw[STAT_BYTES];
    uint64_t off = 0;

    memset(s->stats, 0xff, sizeof(s->stats));
    while (off < (uint64_t)STATS * 16 * STAT_BYTES &&
           iov_to_buf(e->out, e->n_out, off, raw, STAT_BYTES) == STAT_BYTES) {
        unsigned tag = ld16_le(raw);

        if (tag < STATS) { /* 5.5.6.3.2: others are ignored */
            s->stats[tag] = ld64_le(raw + 2);
        }
        off += STAT_BYTES;
    }
    s->stats_time_s =
        event_clock_ns(s->parent.parent.machine->gate, CLOCK_HOST) / 1000000000;
}

static void stats_return(VirtioBalloon *s)
{
    VirtqElement *e = g_queue_pop_head(&s->stats_held);

    if (e) {
        virtq_push(s->stats_vq, e, 0);
        virtq_element_free(e);
        virtq_notify(s->stats_vq);
    }
}

/* The device keeps the buffer and returns it to ask for the next. */
static void stats_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtioBalloon *s = balloon_of(v);
    VirtqElement *e;

    while ((e = virtq_pop(vq, sizeof(*e)))) {
        stats_return(s); /* 5.5.6.3.1: a driver has but one there */
        stats_read(s, e);
        g_queue_push_tail(&s->stats_held, e);
    }
}

static void poll_again(VirtioBalloon *s)
{
    Machine *m = s->parent.parent.machine;

    if (s->poll_s > 0) {
        timer_set(&s->poll, event_clock_ns(m->gate, CLOCK_VIRTUAL) +
                                s->poll_s * 1000000000);
    } else {
        timer_cancel(&s->poll);
    }
}

static void poll_now(void *opaque)
{
    VirtioBalloon *s = opaque;

    if (virtq_ready(s->stats_vq)) {
        stats_return(s);
    }
    poll_again(s);
}

static bool set_poll(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    VirtioBalloon *s = balloon_of(obj);
    int64_t was = s->poll_s;

    if (!prop_type_i64.set(obj, prop, value, errp)) {
        return false;
    }
    if (s->poll_s < 0 || s->poll_s > UINT32_MAX) {
        error_set(errp, s->poll_s < 0 ? "timer value must be greater than zero"
                                      : "timer value is too big");
        s->poll_s = was;
        return false;
    }
    if (s->parent.parent.realized) {
        poll_again(s);
    }
    return true;
}

static json_object *get_poll(Object *obj, const Property *prop)
{
    return prop_type_i64.get(obj, prop);
}

static json_object *get_stats(Object *obj, const Property *prop)
{
    VirtioBalloon *s = balloon_of(obj);
    json_object *stats = json_object_new_object();
    json_object *all = json_object_new_object();

    for (unsigned i = 0; i < STATS; i++) {
        json_object_object_add(stats, stat_names[i],
                               json_object_new_uint64(s->stats[i]));
    }
    json_object_object_add(all, "stats", stats);
    json_object_object_add(all, "last-update",
                           json_object_new_int64(s->stats_time_s));
    return all;
}

/* --- reset, saved state --- */

static void drop_stats_buffer(VirtioBalloon *s)
{
    VirtqElement *e;

    while ((e = g_queue_pop_head(&s->stats_held))) {
        virtq_detach(s->stats_vq, e);
        virtq_element_free(e);
    }
}

static void balloon_reset(VirtioDevice *v)
{
    VirtioBalloon *s = balloon_of(v);

    drop_stats_buffer(s);
    memset(s->stats, 0xff, sizeof(s->stats));
    s->stats_time_s = 0;
    s->actual = s->poison = 0; /* a new driver has all its memory */
    s->cmd_id = CMD_STOP;
    s->hinting = false;
    config_refresh(v);
}

static void balloon_queue_reset(VirtioDevice *v, VirtQueue *vq)
{
    VirtioBalloon *s = balloon_of(v);

    if (vq == s->stats_vq) {
        drop_stats_buffer(s);
    }
}

static bool balloon_post_load(void *obj, int version, Error **errp)
{
    VirtioBalloon *s = obj;

    if (s->stats_held.length > 1 ||
        (s->stats_held.length == 1 &&
         ((VirtqElement *)s->stats_held.head->data)->vq != s->stats_vq)) {
        error_set(errp, "virtio-balloon: buffers held of no statistics queue");
        return false;
    }
    config_refresh(&s->parent);
    return true;
}

static const VmField balloon_fields[] = {
    VM_U32(VirtioBalloon, num_pages),
    VM_U32(VirtioBalloon, actual),
    VM_U32(VirtioBalloon, cmd_id),
    VM_U32(VirtioBalloon, poison),
    VM_U64_ARRAY(VirtioBalloon, stats),
    VM_I64(VirtioBalloon, stats_time_s),
    VM_CUSTOM(VirtioBalloon, stats_held, virtio_vm_elements),
    { 0 },
};
static const VmState balloon_vmstate = {
    .name = "virtio-balloon",
    .version = 1,
    .fields = balloon_fields,
    .post_load = balloon_post_load,
};

/* --- life --- */

static int match_balloon(Object *obj, void *opaque)
{
    VirtioDevice **found = opaque;

    if (type_is_a(obj->type, &virtio_balloon_type) &&
        ((DeviceState *)obj)->realized) {
        *found = (VirtioDevice *)obj;
    }
    return *found != NULL;
}

VirtioDevice *virtio_balloon_find(Machine *m)
{
    VirtioDevice *found = NULL;

    object_walk(m, match_balloon, &found);
    return found;
}

/*
 * Queues follow each other without gaps for features that are not offered,
 * as drivers in the field number them; 5.5.2 numbers them in full, so the
 * queue of reports is at both places.
 */
static void add_queues(VirtioBalloon *s)
{
    VirtioDevice *v = &s->parent;

    virtio_add_queue(v, QUEUE_SIZE, inflate_queue, NULL);
    virtio_add_queue(v, QUEUE_SIZE, deflate_queue, NULL);
    s->stats_vq = virtio_add_queue(v, QUEUE_SIZE, stats_queue, NULL);
    if (s->free_page_hint) {
        virtio_add_queue(v, QUEUE_SIZE, hint_queue, NULL);
    }
    if (s->free_page_reporting) {
        if (!s->free_page_hint) {
            virtio_add_queue(v, QUEUE_SIZE, report_queue, NULL);
        }
        virtio_add_queue(v, QUEUE_SIZE, report_queue, NULL);
    }
}

static bool balloon_start(VirtioDevice *v, Error **errp)
{
    VirtioBalloon *s = balloon_of(v);
    Machine *m = v->parent.machine;

    if (virtio_balloon_find(m)) {
        error_set(errp, "Only one balloon device is supported");
        return false;
    }
    v->offered = BIT(F_STATS_VQ) |
                 (s->deflate_on_oom ? BIT(F_DEFLATE_ON_OOM) : 0) |
                 (s->free_page_hint ? BIT(F_FREE_PAGE_HINT) : 0) |
                 (s->page_poison ? BIT(F_PAGE_POISON) : 0) |
                 (s->free_page_reporting ? BIT(F_PAGE_REPORTING) : 0);
    add_queues(s);
    s->next_cmd_id = CMD_FIRST;
    timer_init(&s->poll, m->loop, CLOCK_VIRTUAL, poll_now, s);
    poll_again(s);
    s->on_migration = (BalloonNotifier){ { migration_wants_hints }, s };
    notifier_add(m->on_migration, &s->on_migration.notifier);
    return true;
}

static void balloon_stop(VirtioDevice *v)
{
    VirtioBalloon *s = balloon_of(v);

    balloon_reset(v);
    notifier_remove(v->parent.machine->on_migration, &s->on_migration.notifier);
    s->hints = NULL;
    timer_cancel(&s->poll);
}

static const PropertyType prop_type_poll = { "int", "int", set_poll, get_poll,
                                             NULL };
static const PropertyType prop_type_stats = { "guest statistics", "any", NULL,
                                              get_stats, NULL };

static const Property balloon_props[] = {
    PROP(bool, VirtioBalloon, deflate_on_oom, "deflate-on-oom", "off",
         "the guest may take memory back when it runs out of it"),
    PROP(bool, VirtioBalloon, free_page_hint, "free-page-hint", "off",
         "migration leaves out pages that the guest says are free"),
    PROP(bool, VirtioBalloon, page_poison, "page-poison", "on",
         "offer VIRTIO_BALLOON_F_PAGE_POISON"),
    PROP(bool, VirtioBalloon, free_page_reporting, "free-page-reporting", "off",
         "the host gets pages back as the guest frees them"),
    { "guest-stats-polling-interval", &prop_type_poll,
      offsetof(VirtioBalloon, poll_s), "0",
      "seconds between requests for statistics; 0: none", NULL, PROP_LIVE },
    { "guest-stats", &prop_type_stats, 0, NULL,
      "what the guest last told of its memory", NULL, PROP_READ_ONLY },
    { 0 },
};

const VirtioDeviceType virtio_balloon_type = {
    .name = "virtio-balloon-device",
    .parent = TYPE(virtio_device_type),
    .description = "VirtIO memory balloon",
    .size = sizeof(VirtioBalloon),
    .props = balloon_props,
    .category = DEVICE_MISC,
    .user_creatable = true,
    .hotpluggable = true,
    .vmstate = &balloon_vmstate,
    .device_id = VIRTIO_ID_BALLOON,
    .config_size = CFG_SIZE,
    .start = balloon_start,
    .stop = balloon_stop,
    .config_read = config_refresh,
    .config_written = config_written,
    .reset = balloon_reset,
    .queue_reset = balloon_queue_reset,
    .resume = balloon_resume,
};
