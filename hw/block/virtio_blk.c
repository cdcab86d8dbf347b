/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Block device.
 *
 * Spec:  VIRTIO 1.2, 5.2.
 * Guest: queues of requests: a header, data, one status byte. Discard and
 *        write zeroes take one segment a request, as the configuration says.
 * Omits: secure erase, lifetime, zones; SCSI commands and barriers of the
 *        legacy interface, which are not offered.
 * Locks: machine lock; with property iothread, that thread's context owns the
 *        queues, and what the machine lock's holder does to them it does with
 *        the context quiesced (DECISIONS 27).
 */
#include "tandem/base.h"

#include "hw/virtio/devices.h"
#include "softmmu/backend/block.h"
#include "softmmu/loop/iothread.h"
#include "softmmu/machine/boot.h"
#include "trace_hw_block.h"

/* Feature bits; 5.2.3. */
enum {
    BLK_F_SEG_MAX = 2,
    BLK_F_GEOMETRY = 4,
    BLK_F_RO = 5,
    BLK_F_BLK_SIZE = 6,
    BLK_F_FLUSH = 9,
    BLK_F_TOPOLOGY = 10,
    BLK_F_CONFIG_WCE = 11,
    BLK_F_MQ = 12,
    BLK_F_DISCARD = 13,
    BLK_F_WRITE_ZEROES = 14,
};

/* Configuration, byte offsets; 5.2.4. */
enum {
    CFG_CAPACITY = 0,
    CFG_SEG_MAX = 12,
    CFG_CYLINDERS = 16,
    CFG_HEADS = 18,
    CFG_SECTORS = 19,
    CFG_BLK_SIZE = 20,
    CFG_PHYSICAL_EXP = 24,
    CFG_MIN_IO = 26,
    CFG_OPT_IO = 28,
    CFG_WRITEBACK = 32,
    CFG_NUM_QUEUES = 34,
    CFG_MAX_DISCARD = 36,
    CFG_MAX_DISCARD_SEG = 40,
    CFG_DISCARD_ALIGN = 44,
    CFG_MAX_ZEROES = 48,
    CFG_MAX_ZEROES_SEG = 52,
    CFG_ZEROES_UNMAP = 56,
    CFG_SIZE = 60,
};

/* Requests; 5.2.6. */
enum {
    T_IN = 0,
    T_OUT = 1,
    T_FLUSH = 4,
    T_GET_ID = 8,
    T_DISCARD = 11,
    T_WRITE_ZEROES = 13,
};
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER_BYTES = 16, ID_BYTES = 20, RANGE_BYTES = 16 };
enum { RANGE_F_UNMAP = 1 }; /* the only flag */

enum { SECTOR = 512, BLOCK_SIZE_MAX = 2 * 1024 * 1024, QUEUES_AUTO = 0xffff };

typedef struct VirtioBlk {
    VirtioDevice parent;
    /* properties */
    BlockBackend *blk;
    char *serial;
    int32_t bootindex;
    uint16_t num_queues, queue_size;
    uint64_t logical, physical, min_io, opt_io; /* bytes; 0: default */
    uint64_t discard_granularity;
    uint32_t max_discard, max_zeroes; /* sectors */
    bool config_wce, discard, write_zeroes, report_granularity, seg_max_adjust;
    int write_cache;                   /* ON_OFF_AUTO_x */
    int on_read_error, on_write_error; /* BLOCK_ON_ERROR_x */
    bool share_rw;
    Object *iothread;
    /* constant after realize */
    BottomHalf *retry_bh; /* in the queues' context */
    bool cache_default;   /* back to this at reset */
    /* guest state; saved */
    GQueue retry; /* BlkRequest *: failed, again when the machine goes on */
} VirtioBlk;

typedef struct BlkRequest {
    VirtqElement elem;
    VirtioBlk *s;
    uint32_t type;
    struct iovec *iov; /* data */
} BlkRequest;

static void request_start(BlkRequest *r);

/* --- ending a request --- */

static void request_free(BlkRequest *r)
{
    g_free(r->iov);
    virtq_element_free(&r->elem);
}

static void request_end(BlkRequest *r, uint8_t status)
{
    VirtqElement *e = &r->elem;
    VirtQueue *vq = e->vq;

    trace_virtio_blk_done(r->type, status);
    iov_from_buf(e->in, e->n_in, e->in_len - 1, &status, 1);
    /* The status is behind the data, so all up to it counts (2.7.8.2). */
    virtq_push(vq, e, (uint32_t)MIN(e->in_len, UINT32_MAX));
    virtq_notify(vq);
    request_free(r);
}

static bool is_read(const BlkRequest *r)
{
    return r->type == T_IN;
}

static void request_done(void *opaque, int status)
{
    BlkRequest *r = opaque;
    VirtioBlk *s = r->s;

    if (status < 0) {
        switch (block_error_action(s->blk, is_read(r), status)) {
        case BLOCK_ERROR_STOP:
            g_clear_pointer(&r->iov, g_free);
            g_queue_push_tail(&s->retry, r);
            return;
        case BLOCK_ERROR_IGNORE:
            status = 0;
            break;
        case BLOCK_ERROR_REPORT:
            break;
        }
    }
    request_end(r, status == 0          ? S_OK
                   : status == -ENOTSUP ? S_UNSUPP
                                        : S_IOERR);
}

/* --- requests --- */

/* Does [sector, sector + bytes) lie on the disk, on whole blocks? */
static bool sectors_ok(VirtioBlk *s, uint64_t sector, uint64_t bytes)
{
    uint64_t total = block_length(s->blk);

    return sector <= total / SECTOR &&
           range_fits(sector * SECTOR, bytes, total) &&
           bytes % s->logical == 0 && sector * SECTOR % s->logical == 0;
}

static void transfer_start(BlkRequest *r, uint64_t sector)
{
    VirtqElement *e = &r->elem;
    bool in = is_read(r);
    const struct iovec *from = in ? e->in : e->out;
    unsigned n = in ? e->n_in : e->n_out;
    uint64_t skip = in ? 0 : HEADER_BYTES;
    uint64_t bytes = in ? e->in_len - 1 : e->out_len - HEADER_BYTES;

    if (!sectors_ok(r->s, sector, bytes)) {
        guest_error(&r->s->parent.parent,
                    "%" PRIu64 " bytes at sector %" PRIu64, bytes, sector);
        request_end(r, S_IOERR);
        return;
    }
    if (!in && block_read_only(r->s->blk)) {
        request_end(r, S_IOERR); /* 5.2.6.2 */
        return;
    }
    r->iov = g_new(struct iovec, n + 1);
    n = iov_slice(r->iov, n, from, n, skip, bytes);
    block_submit(r->s->blk, in ? BLOCK_READ : BLOCK_WRITE, sector * SECTOR,
                 bytes, r->iov, (int)n, 0, request_done, r);
}

/* One struct virtio_blk_discard_write_zeroes; 5.2.6.2. */
static void range_start(BlkRequest *r)
{
    VirtioBlk *s = r->s;
    VirtqElement *e = &r->elem;
    bool zeroes = r->type == T_WRITE_ZEROES;
    uint8_t raw[RANGE_BYTES];
    uint64_t sector, bytes;
    uint32_t flags;

    if (!virtio_has(&s->parent, zeroes ? BLK_F_WRITE_ZEROES : BLK_F_DISCARD)) {
        request_end(r, S_UNSUPP);
        return;
    }
    if (e->out_len != HEADER_BYTES + RANGE_BYTES ||
        iov_to_buf(e->out, e->n_out, HEADER_BYTES, raw, sizeof(raw)) !=
            sizeof(raw)) {
        guest_error(&s->parent.parent, "%" PRIu64 " bytes of ranges",
                    e->out_len - HEADER_BYTES);
        request_end(r, S_IOERR);
        return;
    }
    sector = ld64_le(raw);
    bytes = (uint64_t)ld32_le(raw + 8) * SECTOR;
    flags = ld32_le(raw + 12);
    if (flags & ~(zeroes ? RANGE_F_UNMAP : 0u)) {
        request_end(r, S_UNSUPP);
        return;
    }
    if (bytes / SECTOR > (zeroes ? s->max_zeroes : s->max_discard) ||
        !sectors_ok(s, sector, bytes) || block_read_only(s->blk)) {
        request_end(r, S_IOERR);
        return;
    }
    block_submit(s->blk, zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD,
                 sector * SECTOR, bytes, NULL, 0,
                 flags & RANGE_F_UNMAP ? BLOCK_REQ_UNMAP : 0, request_done, r);
}

static void flush_start(BlkRequest *r)
{
    block_submit(r->s->blk, BLOCK_FLUSH, 0, 0, NULL, 0, 0, request_done, r);
}

/* 5.2.6: up to 20 bytes, NUL-padded. */
static void get_id(BlkRequest *r)
{
    VirtqElement *e = &r->elem;
    const char *serial = r->s->serial ? r->s->serial : block_serial(r->s->blk);
    char id[ID_BYTES] = { 0 };

    memcpy(id, serial ? serial : "",
           MIN(strlen(serial ? serial : ""), ID_BYTES));
    iov_from_buf(e->in, e->n_in, 0, id, MIN(sizeof(id), e->in_len - 1));
    request_end(r, S_OK);
}

/* Read the header and do what it says. Again for one that is retried. */
static void request_start(BlkRequest *r)
{
    VirtqElement *e = &r->elem;
    uint8_t header[HEADER_BYTES];

    iov_to_buf(e->out, e->n_out, 0, header, sizeof(header));
    r->type = ld32_le(header);
    trace_virtio_blk_request(r->type, ld64_le(header + 8),
                             e->in_len + e->out_len);
    switch (r->type) {
    case T_IN:
    case T_OUT:
        transfer_start(r, ld64_le(header + 8));
        break;
    case T_FLUSH:
        flush_start(r);
        break;
    case T_GET_ID:
        get_id(r);
        break;
    case T_DISCARD:
    case T_WRITE_ZEROES:
        range_start(r);
        break;
    default:
        request_end(r, S_UNSUPP);
    }
}

/* A header to read and a status to write have to be there; 5.2.6. */
static bool request_shape_ok(const VirtqElement *e)
{
    return e->out_len >= HEADER_BYTES && e->in_len >= 1;
}

static void blk_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);
    BlkRequest *r;

    block_plug(s->blk);
    while ((r = virtq_pop(vq, sizeof(*r)))) {
        r->s = s;
        if (!request_shape_ok(&r->elem)) {
            virtio_broken(v, "request of %" PRIu64 " and %" PRIu64 " bytes",
                          r->elem.out_len, r->elem.in_len);
            virtq_detach(vq, &r->elem);
            request_free(r);
            break;
        }
        request_start(r);
    }
    block_unplug(s->blk);
}

/* --- configuration, status --- */

/* 5.2.4 wants a geometry only of drivers that ask; one that any size has. */
static void config_geometry(uint8_t *c, uint64_t sectors)
{
    uint64_t cylinders = sectors / (16 * 63);

    st16_le(c + CFG_CYLINDERS, (uint16_t)MIN(MAX(cylinders, 2), 16383));
    c[CFG_HEADS] = 16;
    c[CFG_SECTORS] = 63;
}

static void blk_config_read(VirtioDevice *v)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);
    uint64_t sectors = block_length(s->blk) / SECTOR;
    uint8_t *c = v->config;

    memset(c, 0, CFG_SIZE);
    st64_le(c + CFG_CAPACITY, sectors);
    st32_le(c + CFG_SEG_MAX, s->seg_max_adjust ? s->queue_size - 2u : 126);
    config_geometry(c, sectors);
    st32_le(c + CFG_BLK_SIZE, (uint32_t)s->logical);
    c[CFG_PHYSICAL_EXP] = (uint8_t)__builtin_ctzll(s->physical / s->logical);
    st16_le(c + CFG_MIN_IO, (uint16_t)(s->min_io / s->logical));
    st32_le(c + CFG_OPT_IO, (uint32_t)(s->opt_io / s->logical));
    c[CFG_WRITEBACK] = block_write_cache(s->blk);
    st16_le(c + CFG_NUM_QUEUES, s->num_queues);
    if (s->discard) {
        st32_le(c + CFG_MAX_DISCARD, s->max_discard);
        st32_le(c + CFG_MAX_DISCARD_SEG, 1);
        st32_le(c + CFG_DISCARD_ALIGN,
                (uint32_t)((s->report_granularity ? s->discard_granularity
                                                  : s->logical) /
                           SECTOR));
    }
    if (s->write_zeroes) {
        st32_le(c + CFG_MAX_ZEROES, s->max_zeroes);
        st32_le(c + CFG_MAX_ZEROES_SEG, 1);
        c[CFG_ZEROES_UNMAP] = 1;
    }
}

/* Only the cache mode may be written, by who took CONFIG_WCE; 5.2.4. */
static void blk_config_written(VirtioDevice *v, unsigned off, unsigned len)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);

    if (off <= CFG_WRITEBACK && CFG_WRITEBACK - off < len &&
        virtio_has(v, BLK_F_CONFIG_WCE)) {
        block_set_write_cache(s->blk, v->config[CFG_WRITEBACK] & 1);
    } else {
        guest_error(&v->parent, "configuration at 0x%x written", off);
    }
    blk_config_read(v);
}

/* 5.2.5: who cannot flush gets writes that are stable when they end. */
static void blk_status_set(VirtioDevice *v, uint8_t old)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);

    if (v->status & ~old & VIRTIO_STATUS_DRIVER_OK &&
        !virtio_has(v, BLK_F_CONFIG_WCE)) {
        block_set_write_cache(s->blk,
                              s->cache_default && virtio_has(v, BLK_F_FLUSH));
    }
}

static void blk_resized(void *opaque)
{
    virtio_config_changed(opaque);
}

static const BlockDevOps blk_ops = { .resized = blk_resized };

static void retry_clear(VirtioBlk *s, VirtQueue *only)
{
    for (guint n = s->retry.length; n > 0; n--) {
        BlkRequest *r = g_queue_pop_head(&s->retry);

        if (only && r->elem.vq != only) {
            g_queue_push_tail(&s->retry, r);
            continue;
        }
        virtq_detach(r->elem.vq, &r->elem);
        request_free(r);
    }
}

/* Requests in flight end first: the host is writing into guest memory. */
static void blk_reset(VirtioDevice *v)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);

    block_drain(s->blk);
    retry_clear(s, NULL);
    block_set_write_cache(s->blk, s->cache_default);
}

static void blk_queue_reset(VirtioDevice *v, VirtQueue *vq)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);

    block_drain(s->blk);
    retry_clear(s, vq);
}

/* Not once the machine has stopped again: they wait for the next time. */
static void retry_all(void *opaque)
{
    VirtioBlk *s = opaque;

    for (guint n = s->retry.length;
         n > 0 && machine_running(s->parent.parent.machine); n--) {
        request_start(g_queue_pop_head(&s->retry));
    }
}

static void blk_resume(VirtioDevice *v)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);

    bh_schedule(s->retry_bh);
}

/* --- saved state --- */

static void retry_save(const void *field, const void *obj, VmBuffer *b)
{
    virtio_vm_elements.save(field, obj, b);
}

static bool retry_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    VirtioBlk *s = obj;

    for (uint64_t n = vm_get_u64(b); n > 0; n--) {
        VirtqElement *e;
        BlkRequest *r;

        if (!virtq_element_load(&s->parent, sizeof(*r), &e, b, errp)) {
            return false;
        }
        if (!e) {
            continue;
        }
        r = container_of(e, BlkRequest, elem);
        r->s = s;
        g_queue_push_tail(&s->retry, r);
        if (!request_shape_ok(&r->elem)) {
            error_set(errp, "virtio-blk: a request without header or status");
            return false;
        }
    }
    return true;
}

static const VmCustom vm_retry = { retry_save, retry_load };

static bool blk_cache_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    VirtioBlk *s = obj;

    block_set_write_cache(s->blk, vm_get_u64(b) & 1);
    return true;
}

static void blk_cache_save(const void *field, const void *obj, VmBuffer *b)
{
    vm_put_u64(b, block_write_cache(((const VirtioBlk *)obj)->blk));
}

/* The back end's cache mode, which the guest may have chosen. */
static const VmCustom vm_cache = { blk_cache_save, blk_cache_load };

static const VmField blk_fields[] = {
    VM_CUSTOM(VirtioBlk, retry, vm_retry),
    VM_CUSTOM(VirtioBlk, cache_default, vm_cache),
    { 0 },
};
static const VmState blk_vmstate = {
    .name = "virtio-blk",
    .version = 1,
    .fields = blk_fields,
};

/* --- realize, type --- */

static const Property blk_props[] = {
    PROP_DRIVE(VirtioBlk, blk),
    PROP_ARG(link, VirtioBlk, iothread, "iothread", NULL,
             "thread that serves the queues", &iothread_type),
    PROP_BOOTINDEX(VirtioBlk, bootindex, "disk@0,0"),
    PROP(str, VirtioBlk, serial, "serial", NULL, "identifier, 20 bytes"),
    PROP(u16, VirtioBlk, num_queues, "num-queues", "65535",
         "request queues; 65535: as fits"),
    PROP(u16, VirtioBlk, queue_size, "queue-size", "256",
         "descriptors of a queue, a power of two"),
    PROP(size, VirtioBlk, logical, "logical_block_size", "0", "bytes"),
    PROP(size, VirtioBlk, physical, "physical_block_size", "0", "bytes"),
    PROP(size, VirtioBlk, min_io, "min_io_size", "0", "bytes"),
    PROP(size, VirtioBlk, opt_io, "opt_io_size", "0", "bytes"),
    PROP(size, VirtioBlk, discard_granularity, "discard_granularity",
         "4294967295", "bytes; 4294967295: the logical block size"),
    PROP(bool, VirtioBlk, discard, "discard", "on", "offer discard"),
    PROP(bool, VirtioBlk, report_granularity, "report-discard-granularity",
         "on", "show discard_granularity to the guest"),
    PROP(bool, VirtioBlk, write_zeroes, "write-zeroes", "on",
         "offer write zeroes"),
    PROP(u32, VirtioBlk, max_discard, "max-discard-sectors", "4194303",
         "sectors of one discard"),
    PROP(u32, VirtioBlk, max_zeroes, "max-write-zeroes-sectors", "4194303",
         "sectors of one write zeroes"),
    PROP(bool, VirtioBlk, config_wce, "config-wce", "on",
         "let the guest switch the write cache"),
    PROP(bool, VirtioBlk, seg_max_adjust, "seg-max-adjust", "on",
         "seg_max follows queue-size"),
    PROP(onoffauto, VirtioBlk, write_cache, "write-cache", "auto",
         "volatile write cache"),
    PROPS_BLOCK_ON_ERROR(VirtioBlk, on_read_error, on_write_error),
    PROP(bool, VirtioBlk, share_rw, "share-rw", "off",
         "other devices may write the same disk"),
    { 0 },
};

static bool block_size_ok(uint64_t size)
{
    return is_power_of_2(size) && size >= SECTOR && size <= BLOCK_SIZE_MAX;
}

static bool blk_sizes(VirtioBlk *s, Error **errp)
{
    s->logical = s->logical ? s->logical : SECTOR;
    s->physical = s->physical ? s->physical : s->logical;
    if (s->discard_granularity == UINT32_MAX) {
        s->discard_granularity = s->logical;
    }
    if (!block_size_ok(s->logical) || !block_size_ok(s->physical)) {
        error_set(errp, "block sizes are powers of two between 512 B and "
                        "2 MiB");
        return false;
    }
    if (s->logical > s->physical) {
        error_set(errp, "logical_block_size > physical_block_size not "
                        "supported");
        return false;
    }
    if (s->min_io % s->logical || s->opt_io % s->logical ||
        s->min_io / s->logical > UINT16_MAX ||
        s->opt_io / s->logical > UINT32_MAX ||
        s->discard_granularity % s->logical) {
        error_set(errp, "min_io_size, opt_io_size and discard_granularity "
                        "must be multiples of logical_block_size");
        return false;
    }
    return true;
}

static bool blk_check(VirtioBlk *s, Error **errp)
{
    if (!s->blk) {
        error_set(errp, "drive property not set");
        return false;
    }
    if (s->num_queues == QUEUES_AUTO) {
        s->num_queues = 1;
    }
    if (s->num_queues == 0 || s->num_queues > VIRTIO_QUEUES_MAX) {
        error_set(errp, "num-queues property must be between 1 and %d",
                  VIRTIO_QUEUES_MAX);
        return false;
    }
    if (!is_power_of_2(s->queue_size) || s->queue_size <= 2 ||
        s->queue_size > VIRTQ_SIZE_MAX) {
        error_set(errp,
                  "invalid queue-size property (%u), must be a power of 2 "
                  "(max %d)",
                  s->queue_size, VIRTQ_SIZE_MAX);
        return false;
    }
    return blk_sizes(s, errp);
}

static uint64_t blk_features(const VirtioBlk *s)
{
    return BIT(BLK_F_SEG_MAX) | BIT(BLK_F_GEOMETRY) | BIT(BLK_F_BLK_SIZE) |
           BIT(BLK_F_FLUSH) | BIT(BLK_F_TOPOLOGY) |
           (block_read_only(s->blk) ? BIT(BLK_F_RO) : 0) |
           (s->config_wce ? BIT(BLK_F_CONFIG_WCE) : 0) |
           (s->num_queues > 1 ? BIT(BLK_F_MQ) : 0) |
           (s->discard ? BIT(BLK_F_DISCARD) : 0) |
           (s->write_zeroes ? BIT(BLK_F_WRITE_ZEROES) : 0);
}

static bool blk_start(VirtioDevice *v, Error **errp)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);
    LoopContext *ctx = v->parent.machine->loop;

    if (!blk_check(s, errp)) {
        return false;
    }
    block_set_on_error(s->blk, s->on_read_error, s->on_write_error);
    block_set_share_rw(s->blk, s->share_rw);
    if (!block_attach(s->blk, OBJECT(v), !block_read_only(s->blk), &blk_ops, v,
                      errp)) {
        return false;
    }
    if (s->write_cache != ON_OFF_AUTO_AUTO) {
        block_set_write_cache(s->blk, s->write_cache == ON_OFF_AUTO_ON);
    }
    s->cache_default = block_write_cache(s->blk);
    v->offered = blk_features(s);
    if (s->iothread) {
        ctx = ((IOThread *)s->iothread)->ctx;
        block_set_context(s->blk, ctx);
    }
    s->retry_bh = bh_new(ctx, retry_all, s);
    for (unsigned i = 0; i < s->num_queues; i++) {
        virtio_add_queue(v, s->queue_size, blk_queue, ctx);
    }
    return true;
}

static void blk_stop(VirtioDevice *v)
{
    VirtioBlk *s = object_cast(v, &virtio_blk_type);
    LoopContext *ctx = block_context(s->blk);
    bool other = ctx != v->parent.machine->loop;

    if (other) {
        loop_context_quiesce(ctx);
    }
    bh_free(s->retry_bh);
    s->retry_bh = NULL;
    if (other) {
        loop_context_resume(ctx);
    }
    block_set_context(s->blk, v->parent.machine->loop);
    block_detach(s->blk);
}

const VirtioDeviceType virtio_blk_type = {
    .name = "virtio-blk-device",
    .parent = TYPE(virtio_device_type),
    .description = "VirtIO disk",
    .size = sizeof(VirtioBlk),
    .props = blk_props,
    .category = DEVICE_STORAGE,
    .user_creatable = true,
    .hotpluggable = true,
    .vmstate = &blk_vmstate,
    .device_id = VIRTIO_ID_BLOCK,
    .config_size = CFG_SIZE,
    .start = blk_start,
    .stop = blk_stop,
    .config_read = blk_config_read,
    .config_written = blk_config_written,
    .status_set = blk_status_set,
    .reset = blk_reset,
    .queue_reset = blk_queue_reset,
    .resume = blk_resume,
};
