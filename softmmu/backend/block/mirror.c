/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mirror, and commit, which is a mirror of the temporary layer into what is
 * below it. A filter above the source notes what the guest writes; the job's
 * thread copies until nothing is left, the job is ready, and it goes on
 * following. At the end, with all requests drained, the last pieces are
 * copied and the target takes the source's place.
 */
#include "tandem/base.h"

#include "copy.h"

typedef struct Mirror {
    BlockNode *source, *target, *replaces, *filter; /* references */
    bool write_blocking;
    BlockOnError on_source, on_target;
    CopyMap map;
    uint64_t copied;
    bool drained;
    bool base_was_read_only; /* commit */
    /* map.lock: write-blocking. Writers go together, the copier alone. */
    unsigned writing;
    bool copying;
} Mirror;

/* --- the filter --- */

static void writer_enter(Mirror *s)
{
    LOCK_GUARD(&s->map.lock);
    while (s->copying) {
        cond_wait(&s->map.changed, &s->map.lock);
    }
    s->writing++;
}

static void writer_leave(Mirror *s)
{
    LOCK_GUARD(&s->map.lock);
    s->writing--;
    cond_broadcast(&s->map.changed);
}

static void copier_enter(Mirror *s)
{
    LOCK_GUARD(&s->map.lock);
    while (s->writing > 0) {
        cond_wait(&s->map.changed, &s->map.lock);
    }
    s->copying = true;
}

static void copier_leave(Mirror *s)
{
    LOCK_GUARD(&s->map.lock);
    s->copying = false;
    cond_broadcast(&s->map.changed);
}

static bool changes(BlockOp op)
{
    return op == BLOCK_WRITE || op == BLOCK_WRITE_ZEROES || op == BLOCK_DISCARD;
}

/* The mark is set when the write is over: the copier that read before that
 * reads again. */
static int mirror_io(BlockNode *node, BlockOp op, uint64_t offset,
                     uint64_t bytes, const struct iovec *iov, int niov,
                     uint32_t flags)
{
    Mirror *s = *(Mirror **)node->priv;
    bool both = s->write_blocking && changes(op);
    int err, second = -EAGAIN;

    if (both) {
        writer_enter(s);
    }
    err = block_node_io(node->file, op, offset, bytes, iov, niov, flags);
    if (both && err == 0 && op != BLOCK_DISCARD) {
        second = block_node_io(s->target, op, offset, bytes, iov, niov,
                               flags & ~BLOCK_REQ_FUA);
    }
    if (changes(op) && second != 0) {
        copy_map_set(&s->map, offset, bytes);
    }
    if (both) {
        writer_leave(s);
    }
    return err;
}

static const BlockDriver mirror_filter = {
    .name = "mirror_top",
    .io = mirror_io,
    .length = block_filter_length,
};

/* --- the thread --- */

static int copy_next(Mirror *s, uint64_t *bytes, bool *on_target)
{
    uint64_t offset;
    int err = 0;

    *bytes = 0;
    if (s->write_blocking) {
        copier_enter(s);
    }
    if (copy_map_next(&s->map, COPY_MAX, &offset, bytes)) {
        err = copy_piece(s->source, s->target, offset, *bytes, on_target);
        if (err) {
            copy_map_set(&s->map, offset, *bytes);
        }
    }
    if (s->write_blocking) {
        copier_leave(s);
    }
    return err;
}

static void show_progress(Job *job, Mirror *s)
{
    job_progress(
        job, s->copied,
        s->copied + MIN(copy_map_count(&s->map) * s->map.chunk, s->map.length));
}

static bool mirror_run(Job *job, Error **errp)
{
    Mirror *s = job->opaque;
    bool ready = false;

    while (job_may_go_on(job)) {
        bool on_target;
        uint64_t bytes;
        int err = copy_next(s, &bytes, &on_target);

        if (err == 0 && bytes == 0 && !ready) {
            err = block_node_io(s->target, BLOCK_FLUSH, 0, 0, NULL, 0, 0);
            on_target = true;
        }
        if (err) {
            if (!copy_try_again(job, on_target ? s->on_target : s->on_source,
                                !on_target, err, errp)) {
                return false;
            }
            continue;
        }
        s->copied += bytes;
        show_progress(job, s);
        if (bytes > 0) {
            job_limit(job, bytes);
        } else if (!ready) {
            job_set_ready(job);
            ready = true;
        } else if (!job_should_complete(job)) {
            job_wait(job, 20000000);
        }
        if (ready && job_should_complete(job) &&
            copy_map_count(&s->map) * s->map.chunk <= 16 * COPY_MAX) {
            return true; /* the rest while the guest waits */
        }
    }
    return false;
}

/* --- the end --- */

static bool mirror_prepare(Job *job, Error **errp)
{
    Mirror *s = job->opaque;
    uint64_t bytes;
    bool on_target;
    int err;

    block_drained_begin(job->m);
    s->drained = true;
    do {
        err = copy_next(s, &bytes, &on_target);
        s->copied += bytes;
    } while (err == 0 && bytes > 0);
    if (err == 0) {
        err = block_node_io(s->target, BLOCK_FLUSH, 0, 0, NULL, 0, 0);
    }
    if (err) {
        error_set_errno(errp, -err, "copying the rest failed");
        return false;
    }
    show_progress(job, s);
    return true;
}

static void mirror_commit(Job *job)
{
    Mirror *s = job->opaque;

    if (job_soft_cancelled(job)) {
        return;
    }
    block_graph_replace(s->replaces == s->source ? s->filter : s->replaces,
                        s->target);
    s->base_was_read_only = false; /* it is the disk now */
}

static void mirror_clean(Job *job)
{
    Mirror *s = job->opaque;

    if (!s->drained) {
        block_drained_begin(job->m);
    }
    if (s->filter) {
        block_graph_replace(s->filter, s->source);
        block_node_drop(s->filter);
    }
    s->source->jobs--;
    s->target->jobs--;
    s->target->users--;
    s->target->writers--;
    if (s->base_was_read_only) {
        block_node_set_read_only(s->target, true, NULL);
    }
    block_node_drop(s->target);
    block_node_drop(s->source);
    object_unref(s->replaces);
    copy_map_destroy(&s->map);
    block_drained_end(job->m);
    g_free(s);
}

static const JobType mirror_type = {
    .name = "mirror",
    .block = true,
    .completes = true,
    .run = mirror_run,
    .prepare = mirror_prepare,
    .commit = mirror_commit,
    .clean = mirror_clean,
};

static const JobType commit_type = {
    .name = "commit",
    .block = true,
    .completes = true,
    .run = mirror_run,
    .prepare = mirror_prepare,
    .commit = mirror_commit,
    .clean = mirror_clean,
};

/* --- starting --- */

static bool start(Machine *m, const BlockJobOptions *o, const JobType *type,
                  Mirror *s, Error **errp)
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
    s->filter =
        block_filter_new(&mirror_filter, o->filter_name, s->source, s, errp);
    if (!s->filter) {
        job_discard(job);
        return false;
    }
    s->write_blocking = o->write_blocking;
    s->on_source = o->on_source;
    s->on_target = o->on_target;
    copy_map_init(&s->map, block_node_length(s->source), chunk);
    s->source->jobs++;
    s->target->jobs++;
    s->target->users++;
    s->target->writers++;
    block_filter_insert(s->filter);
    copy_map_by_sync(&s->map, s->source, o->sync);
    job_start(job);
    return true;
}

static bool find_replaces(Machine *m, const BlockJobOptions *o, Mirror *s,
                          Error **errp)
{
    s->replaces = s->source;
    if (o->replaces) {
        s->replaces = block_node_find(m, o->replaces);
        if (!s->replaces) {
            error_set(errp, "Failed to find node with node-name='%s'",
                      o->replaces);
            return false;
        }
        if (block_node_length(s->replaces) != block_node_length(s->source)) {
            error_set(errp, "cannot replace image with a mirror image of "
                            "different size");
            return false;
        }
    }
    object_ref(s->replaces);
    return true;
}

bool block_mirror_start(Machine *m, const BlockJobOptions *o, Error **errp)
{
    Mirror *s = g_new0(Mirror, 1);

    if (copy_find_source(m, o->device, &s->source, errp) &&
        find_replaces(m, o, s, errp)) {
        object_ref(s->source);
        if (copy_find_target(m, o, s->source, &s->target, errp)) {
            if (start(m, o, &mirror_type, s, errp)) {
                return true;
            }
            block_node_drop(s->target);
        }
        object_unref(s->source);
        object_unref(s->replaces);
    }
    g_free(s);
    return false;
}

/* The layer and what it lies on, which commit may name. */
static bool find_layer(Machine *m, const BlockJobOptions *o, BlockNode **layer,
                       Error **errp)
{
    if (!copy_find_source(m, o->device, layer, errp)) {
        return false;
    }
    if (!block_is_overlay(*layer) || !(*layer)->backing) {
        error_set(errp, "Node '%s' has no layer above another node",
                  (*layer)->name);
        return false;
    }
    if (o->top && strcmp(o->top, (*layer)->name) != 0) {
        error_set(errp, "Top '%s' is not the layer of '%s'", o->top, o->device);
        return false;
    }
    if (o->base && strcmp(o->base, (*layer)->backing->name) != 0) {
        error_set(errp, "Base '%s' is not below the layer of '%s'", o->base,
                  o->device);
        return false;
    }
    return true;
}

bool block_commit_start(Machine *m, const BlockJobOptions *o, Error **errp)
{
    BlockJobOptions top = *o;
    BlockNode *layer;
    Mirror *s;

    if (!find_layer(m, o, &layer, errp)) {
        return false;
    }
    s = g_new0(Mirror, 1);
    s->source = block_node_ref(layer);
    s->replaces = block_node_ref(layer);
    s->target = block_node_ref(layer->backing);
    s->base_was_read_only = s->target->read_only;
    top.sync = BLOCK_SYNC_TOP;
    if (block_node_set_read_only(s->target, false, errp)) {
        if (start(m, &top, &commit_type, s, errp)) {
            return true;
        }
        block_node_set_read_only(s->target, s->base_was_read_only, NULL);
    }
    object_unref(s->target);
    object_unref(s->replaces);
    object_unref(s->source);
    g_free(s);
    return false;
}

bool block_commit_now(Machine *m, const char *device, Error **errp)
{
    BlockJobOptions o = { .device = device };
    BlockNode *layer;
    CopyMap map;
    uint64_t offset, bytes;
    bool was, on_target;
    int err = 0;

    if (!find_layer(m, &o, &layer, errp)) {
        return false;
    }
    was = layer->backing->read_only;
    if (!block_node_set_read_only(layer->backing, false, errp)) {
        return false;
    }
    block_drained_begin(m);
    copy_map_init(&map, block_node_length(layer), 64 * KiB);
    copy_map_by_sync(&map, layer, BLOCK_SYNC_TOP);
    while (err == 0 && copy_map_next(&map, COPY_MAX, &offset, &bytes)) {
        err = copy_piece(layer, layer->backing, offset, bytes, &on_target);
    }
    if (err == 0) {
        err = block_node_io(layer->backing, BLOCK_FLUSH, 0, 0, NULL, 0, 0);
    }
    if (err == 0) {
        block_overlay_empty(layer);
    }
    copy_map_destroy(&map);
    block_drained_end(m);
    block_node_set_read_only(layer->backing, was, NULL);
    if (err) {
        error_set_errno(errp, -err, "commit failed");
    }
    return err == 0;
}
