/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jobs that copy have in common: a map of what is to be copied, moving
 * a piece, errors and their policies. */
#include "tandem/base.h"

#include "bitmap.h"
#include "copy.h"
#include "softmmu/backend/drive.h"

/* --- the map --- */

void copy_map_init(CopyMap *map, uint64_t length, uint64_t chunk)
{
    map->length = length;
    map->chunk = chunk;
    map->chunks = (length + chunk - 1) / chunk;
    map->bits = g_new0(uint64_t, map->chunks / 64 + 1);
    map->set = map->next = 0;
    lock_init(&map->lock);
    cond_init(&map->changed);
}

void copy_map_destroy(CopyMap *map)
{
    if (map->bits) {
        g_clear_pointer(&map->bits, g_free);
        cond_destroy(&map->changed);
        lock_destroy(&map->lock);
    }
}

static bool test_locked(const CopyMap *map, uint64_t i)
{
    return (map->bits[i / 64] >> (i % 64)) & 1;
}

static void change_locked(CopyMap *map, uint64_t i, bool on)
{
    if (test_locked(map, i) != on) {
        map->bits[i / 64] ^= BIT(i % 64);
        map->set += on ? 1 : -1;
    }
}

void copy_map_set(CopyMap *map, uint64_t offset, uint64_t bytes)
{
    LOCK_GUARD(&map->lock);
    for (uint64_t i = offset / map->chunk;
         bytes > 0 && i <= (offset + bytes - 1) / map->chunk; i++) {
        change_locked(map, i, true);
    }
}

bool copy_map_take(CopyMap *map, uint64_t i)
{
    bool was;

    LOCK_GUARD(&map->lock);
    was = test_locked(map, i);
    change_locked(map, i, false);
    return was;
}

uint64_t copy_map_count(CopyMap *map)
{
    LOCK_GUARD(&map->lock);
    return map->set;
}

/* The next set chunk from map->next on, around the end. */
static bool find_locked(CopyMap *map, uint64_t *found)
{
    for (uint64_t n = 0; map->set > 0 && n < map->chunks; n++) {
        uint64_t i = map->next;

        map->next = map->next + 1 < map->chunks ? map->next + 1 : 0;
        if (test_locked(map, i)) {
            *found = i;
            return true;
        }
    }
    return false;
}

bool copy_map_next(CopyMap *map, uint64_t max, uint64_t *offset,
                   uint64_t *bytes)
{
    uint64_t first, i;

    LOCK_GUARD(&map->lock);
    if (!find_locked(map, &first)) {
        return false;
    }
    for (i = first; i < map->chunks && test_locked(map, i) &&
                    (i == first || (i - first + 1) * map->chunk <= max);
         i++) {
        change_locked(map, i, false);
    }
    map->next = i < map->chunks ? i : 0;
    *offset = first * map->chunk;
    *bytes = MIN((i - first) * map->chunk, map->length - *offset);
    return true;
}

/* --- moving --- */

static bool is_zero(const char *p, uint64_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

int copy_piece(BlockNode *from, BlockNode *to, uint64_t offset, uint64_t bytes,
               bool *on_target)
{
    void *buf;
    struct iovec iov;
    int err;

    *on_target = false;
    if (posix_memalign(&buf, 4096, bytes) != 0) {
        return -ENOMEM;
    }
    iov = (struct iovec){ buf, bytes };
    err = block_node_io(from, BLOCK_READ, offset, bytes, &iov, 1, 0);
    if (err == 0) {
        *on_target = true;
        err = is_zero(buf, bytes)
                  ? block_node_io(to, BLOCK_WRITE_ZEROES, offset, bytes, NULL,
                                  0, BLOCK_REQ_UNMAP)
                  : block_node_io(to, BLOCK_WRITE, offset, bytes, &iov, 1, 0);
    }
    free(buf);
    return err;
}

/* --- errors --- */

typedef struct ErrorCall {
    bool read;
    const char *action;
} ErrorCall;

static void main_send_error(Job *job, void *data)
{
    ErrorCall *call = data;
    json_object *o = json_object_new_object();

    json_object_object_add(o, "device", json_object_new_string(job->id));
    json_object_object_add(
        o, "operation", json_object_new_string(call->read ? "read" : "write"));
    json_object_object_add(o, "action", json_object_new_string(call->action));
    machine_event(job->m, "BLOCK_JOB_ERROR", o);
}

bool copy_try_again(Job *job, BlockOnError how, bool read, int status,
                    Error **errp)
{
    ErrorCall call = { read, "report" };

    if (how == BLOCK_ON_ERROR_ENOSPC) {
        how = status == -ENOSPC ? BLOCK_ON_ERROR_STOP : BLOCK_ON_ERROR_REPORT;
    }
    if (how != BLOCK_ON_ERROR_REPORT) {
        call.action = how == BLOCK_ON_ERROR_STOP ? "stop" : "ignore";
    }
    job_in_main(job, main_send_error, &call);
    if (how == BLOCK_ON_ERROR_REPORT) {
        error_set_errno(errp, -status, "%s failed",
                        read ? "reading the source" : "writing the target");
        return false;
    }
    if (how == BLOCK_ON_ERROR_STOP) {
        job_pause_for_error(job, status == -ENOSPC);
    } else {
        job_wait(job, 100000000); /* it may be better then */
    }
    return true;
}

/* --- nodes of a job --- */

static bool open_target(Machine *m, const BlockJobOptions *o, uint64_t length,
                        BlockNode **out, Error **errp)
{
    json_object *file, *options;

    if (o->create &&
        !block_create_file(m, o->target_file, length, "off", errp)) {
        return false;
    }
    file = json_object_new_object();
    json_object_object_add(file, "driver", json_object_new_string("file"));
    json_object_object_add(file, "filename",
                           json_object_new_string(o->target_file));
    options = json_object_new_object();
    json_object_object_add(options, "driver", json_object_new_string("raw"));
    json_object_object_add(options, "discard", json_object_new_string("unmap"));
    json_object_object_add(options, "file", file);
    if (o->target_name) {
        json_object_object_add(options, "node-name",
                               json_object_new_string(o->target_name));
    }
    *out = block_node_open(m, options, errp);
    json_object_put(options);
    return *out != NULL;
}

static bool check_target(BlockNode *source, BlockNode *target, Error **errp)
{
    if (target == source) {
        error_set(errp, "Source and target cannot be the same");
    } else if (target->users > 0 || target->jobs > 0) {
        error_set(errp, "Node '%s' is in use", target->name);
    } else if (target->read_only) {
        error_set(errp, "Block node is read-only");
    } else if (block_node_length(target) != block_node_length(source)) {
        error_set(errp, "Source and target image have different sizes");
    } else {
        return true;
    }
    return false;
}

bool copy_is_free(const BlockNode *node, Error **errp)
{
    if (node->jobs > 0) {
        error_set(errp,
                  "Node '%s' is busy: block device is in use by a "
                  "block job",
                  node->name);
        return false;
    }
    return true;
}

bool copy_chain_is_free(BlockNode *top, const BlockNode *last, Error **errp)
{
    while (copy_is_free(top, errp)) {
        if (top == last) {
            return true;
        }
        top = top->backing;
    }
    return false;
}

bool copy_find_source(Machine *m, const char *device, BlockNode **source,
                      Error **errp)
{
    *source = block_find_root(m, device, errp);
    if (*source && !copy_is_free(*source, errp)) {
        *source = NULL;
    }
    return *source != NULL;
}

bool copy_find_target(Machine *m, const BlockJobOptions *o, BlockNode *source,
                      BlockNode **target, Error **errp)
{
    if (o->target_file) {
        if (!open_target(m, o, block_node_length(source), target, errp)) {
            return false;
        }
    } else {
        *target = block_node_find(m, o->target);
        if (!*target) {
            error_set(errp, "Cannot find device='%s' nor node-name='%s'",
                      o->target, o->target);
            return false;
        }
        object_ref(*target);
    }
    if (!check_target(source, *target, errp)) {
        block_node_drop(*target);
        return false;
    }
    return true;
}

bool copy_granularity(const BlockJobOptions *o, uint64_t *chunk, Error **errp)
{
    *chunk = o->granularity ? o->granularity : 64 * KiB;
    if (*chunk < 512 || *chunk > 64 * MiB || !is_power_of_2(*chunk)) {
        error_set(errp, "Parameter 'granularity' expects a power of 2 in range "
                        "[512B, 64MB]");
        return false;
    }
    return true;
}

void copy_map_by_sync(CopyMap *map, BlockNode *source, BlockNode *base,
                      BlockSync sync)
{
    if (sync == BLOCK_SYNC_FULL ||
        (sync == BLOCK_SYNC_TOP && !block_is_overlay(source))) {
        copy_map_set(map, 0, map->length);
        return;
    }
    for (uint64_t i = 0; sync == BLOCK_SYNC_TOP && i < map->chunks; i++) {
        uint64_t at = i * map->chunk;
        uint64_t n = MIN(map->chunk, map->length - at);

        if (block_overlay_holds(source, base, at, n)) {
            copy_map_set(map, at, n);
        }
    }
}

const char *copy_job_id(const BlockJobOptions *o, Machine *m)
{
    return o->job.id                          ? o->job.id
           : block_backend_find(m, o->device) ? o->device
                                              : NULL;
}

GPtrArray *copy_hold_chain(BlockNode *top, BlockNode *end, BlockNode *own)
{
    GPtrArray *held = g_ptr_array_new();

    for (BlockNode *n = top; n != end; n = n->backing) {
        if (n != own) {
            n->jobs++;
            g_ptr_array_add(held, block_node_ref(n));
        }
    }
    return held;
}

void copy_release_chain(GPtrArray *held)
{
    for (guint i = 0; held && i < held->len; i++) {
        BlockNode *n = g_ptr_array_index(held, i);

        n->jobs--;
        block_node_drop(n);
    }
    if (held) {
        g_ptr_array_unref(held);
    }
}

/* --- a job that copies one node to another below a filter --- */

static void count_users(CopyJob *s, int by)
{
    s->source->jobs += by;
    s->target->jobs += by;
    s->target->users += by;
    s->target->writers += by;
}

bool copy_job_start(Machine *m, const BlockJobOptions *o, const JobType *type,
                    const BlockDriver *filter, BlockSync sync, CopyJob *s,
                    Error **errp)
{
    JobOptions jo = o->job;
    uint64_t chunk;
    Job *job;

    jo.id = copy_job_id(o, m);
    if (!copy_granularity(o, &chunk, errp)) {
        return false;
    }
    job = job_new(m, type, &jo, s, errp);
    if (!job) {
        return false;
    }
    s->filter = block_filter_new(filter, o->filter_name, s->source, s, errp);
    if (!s->filter) {
        job_discard(job);
        return false;
    }
    s->on_source = o->on_source;
    s->on_target = o->on_target;
    copy_map_init(&s->map, block_node_length(s->source), chunk);
    count_users(s, 1);
    block_drained_begin(m);
    if (sync == BLOCK_SYNC_BITMAP) {
        block_bitmap_to_map(s->bitmap, &s->map);
    } else {
        copy_map_by_sync(&s->map, s->source,
                         s->base ? s->base : s->source->backing, sync);
    }
    block_graph_replace(s->source, s->filter);
    block_drained_end(m);
    job_start(job);
    return true;
}

void copy_job_clean(CopyJob *s)
{
    block_graph_replace(s->filter, s->source);
    block_node_drop(s->filter);
    count_users(s, -1);
    block_node_drop(s->target);
    block_node_drop(s->source);
    copy_map_destroy(&s->map);
}

void copy_job_progress(Job *job, CopyJob *s, uint64_t bytes)
{
    s->copied += bytes;
    job_progress(
        job, s->copied,
        s->copied + MIN(copy_map_count(&s->map) * s->map.chunk, s->map.length));
}
