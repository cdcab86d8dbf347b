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
#include "softmmu/backend/drive.h"

typedef struct Mirror {
    CopyJob job;
    BlockNode *replaces; /* a reference */
    bool write_blocking;
    bool drained;
    BlockNode *base; /* commit: to be read-only again, a reference; or NULL */
    GPtrArray *held; /* commit: the chain's other nodes, references */
    /* job.map.lock: write-blocking. Writers go together, the copier alone. */
    unsigned writing;
    bool copying;
} Mirror;

/* --- the filter --- */

static void writer_enter(Mirror *s)
{
    LOCK_GUARD(&s->job.map.lock);
    while (s->copying) {
        cond_wait(&s->job.map.changed, &s->job.map.lock);
    }
    s->writing++;
}

static void writer_leave(Mirror *s)
{
    LOCK_GUARD(&s->job.map.lock);
    s->writing--;
    cond_broadcast(&s->job.map.changed);
}

static void copier_enter(Mirror *s)
{
    LOCK_GUARD(&s->job.map.lock);
    while (s->writing > 0) {
        cond_wait(&s->job.map.changed, &s->job.map.lock);
    }
    s->copying = true;
}

static void copier_leave(Mirror *s)
{
    LOCK_GUARD(&s->job.map.lock);
    s->copying = false;
    cond_broadcast(&s->job.map.changed);
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
        second = block_node_io(s->job.target, op, offset, bytes, iov, niov,
                               flags & ~(BLOCK_REQ_FUA | BLOCK_REQ_ADMITTED));
    }
    if (changes(op) && second != 0) {
        copy_map_set(&s->job.map, offset, bytes);
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
    if (copy_map_next(&s->job.map, COPY_MAX, &offset, bytes)) {
        err =
            copy_piece(s->job.source, s->job.target, offset, *bytes, on_target);
        if (err) {
            copy_map_set(&s->job.map, offset, *bytes);
        }
    }
    if (s->write_blocking) {
        copier_leave(s);
    }
    return err;
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
            err = block_node_io(s->job.target, BLOCK_FLUSH, 0, 0, NULL, 0, 0);
            on_target = true;
        }
        if (err) {
            if (!copy_try_again(job,
                                on_target ? s->job.on_target : s->job.on_source,
                                !on_target, err, errp)) {
                return false;
            }
            continue;
        }
        copy_job_progress(job, &s->job, bytes);
        if (bytes > 0) {
            job_limit(job, bytes);
        } else if (!ready) {
            if (!job->type->completes) {
                return true; /* nobody writes there */
            }
            job_set_ready(job);
            ready = true;
        } else if (!job_should_complete(job)) {
            job_wait(job, 20000000);
        }
        if (ready && job_should_complete(job) &&
            copy_map_count(&s->job.map) * s->job.map.chunk <= 16 * COPY_MAX) {
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
        copy_job_progress(job, &s->job, bytes);
    } while (err == 0 && bytes > 0);
    if (err == 0) {
        err = block_node_io(s->job.target, BLOCK_FLUSH, 0, 0, NULL, 0, 0);
    }
    if (err) {
        error_set_errno(errp, -err, "copying the rest failed");
        return false;
    }
    return true;
}

static void mirror_commit(Job *job)
{
    Mirror *s = job->opaque;

    if (job_soft_cancelled(job)) {
        return;
    }
    block_graph_replace(s->replaces == s->job.source ? s->job.filter
                                                     : s->replaces,
                        s->job.target);
    if (job->type->completes) {
        block_node_drop(g_steal_pointer(&s->base)); /* it is the disk now */
    }
}

static void mirror_clean(Job *job)
{
    Mirror *s = job->opaque;

    if (!s->drained) {
        block_drained_begin(job->m);
    }
    object_unref(s->replaces);
    copy_job_clean(&s->job);
    copy_release_chain(s->held);
    if (s->base) {
        block_node_set_read_only(s->base, true, NULL);
        block_node_drop(s->base);
    }
    block_drained_end(job->m);
    g_free(s);
}

#define MIRROR_TYPE(what, waits)                                               \
    {                                                                          \
        .name = what, .block = true, .completes = waits, .run = mirror_run,    \
        .prepare = mirror_prepare, .commit = mirror_commit,                    \
        .clean = mirror_clean,                                                 \
    }
static const JobType mirror_type = MIRROR_TYPE("mirror", true);
static const JobType commit_type = MIRROR_TYPE("commit", true);
static const JobType commit_below_type = MIRROR_TYPE("commit", false);

/* --- starting --- */

static bool find_replaces(Machine *m, const BlockJobOptions *o, Mirror *s,
                          Error **errp)
{
    s->replaces = s->job.source;
    if (o->replaces) {
        s->replaces = block_node_find(m, o->replaces);
        if (!s->replaces) {
            error_set(errp, "Failed to find node with node-name='%s'",
                      o->replaces);
            return false;
        }
        if (block_node_length(s->replaces) !=
            block_node_length(s->job.source)) {
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

    if (copy_find_source(m, o->device, &s->job.source, errp) &&
        find_replaces(m, o, s, errp)) {
        object_ref(s->job.source);
        if (copy_find_target(m, o, s->job.source, &s->job.target, errp)) {
            s->write_blocking = o->write_blocking;
            if (copy_job_start(m, o, &mirror_type, &mirror_filter, o->sync,
                               &s->job, errp)) {
                return true;
            }
            block_node_drop(s->job.target);
        }
        object_unref(s->job.source);
        object_unref(s->replaces);
    }
    g_free(s);
    return false;
}

/* --- commit: the ends of the chain --- */

static bool find_in_chain(BlockNode *from, const char *name, BlockNode **out,
                          Error **errp)
{
    *out = from ? block_overlay_find(from, name) : NULL;
    if (!*out) {
        error_set(errp, "'%s' is not in this backing file chain", name);
    }
    return *out != NULL;
}

static bool check_chain(Mirror *s, BlockNode *active, Error **errp)
{
    if (!copy_chain_is_free(active, s->job.target, errp)) {
        return false;
    }
    if (block_node_length(s->job.target) != block_node_length(s->job.source)) {
        error_set(errp, "Node '%s' is of another size", s->job.target->name);
        return false;
    }
    return true;
}

/* Active layer, top and base, no references yet. */
static bool find_layers(Machine *m, const BlockJobOptions *o, Mirror *s,
                        BlockNode **active, Error **errp)
{
    if (!copy_find_source(m, o->device, active, errp)) {
        return false;
    }
    s->job.source = *active;
    if (o->top && !find_in_chain(*active, o->top, &s->job.source, errp)) {
        return false;
    }
    if (!block_is_overlay(s->job.source) || !s->job.source->backing) {
        error_set(errp, "cannot commit an image into itself");
        error_hint(errp, "node '%s' has no layer above another node",
                   s->job.source->name);
        return false;
    }
    s->job.target = block_overlay_bottom(s->job.source);
    return (!o->base || find_in_chain(s->job.source->backing, o->base,
                                      &s->job.target, errp)) &&
           check_chain(s, *active, errp);
}

static bool start_commit(Machine *m, const BlockJobOptions *o, Mirror *s,
                         BlockNode *active, Error **errp)
{
    BlockNode *base = s->job.target;

    s->job.base = base;
    if (base->read_only) {
        s->base = block_node_ref(base);
    }
    if (!block_node_set_read_only(base, false, errp)) {
        return false;
    }
    s->held = copy_hold_chain(active, base, s->job.source);
    if (copy_job_start(
            m, o, s->job.source == active ? &commit_type : &commit_below_type,
            &mirror_filter, BLOCK_SYNC_TOP, &s->job, errp)) {
        return true;
    }
    copy_release_chain(s->held);
    block_node_set_read_only(base, s->base != NULL, NULL);
    return false;
}

bool block_commit_start(Machine *m, const BlockJobOptions *o, Error **errp)
{
    Mirror *s = g_new0(Mirror, 1);
    BlockNode *active;

    if (!find_layers(m, o, s, &active, errp)) {
        g_free(s);
        return false;
    }
    s->replaces = block_node_ref(s->job.source);
    object_ref(s->job.source);
    object_ref(s->job.target);
    if (start_commit(m, o, s, active, errp)) {
        return true;
    }
    object_unref(s->base);
    object_unref(s->job.target);
    object_unref(s->job.source);
    object_unref(s->replaces);
    g_free(s);
    return false;
}

bool block_commit_now(Machine *m, const char *device, Error **errp)
{
    BlockNode *layer;
    CopyMap map;
    uint64_t offset, bytes;
    bool was, on_target;
    int err = 0;

    if (!copy_find_source(m, device, &layer, errp)) {
        return false;
    }
    if (!block_is_overlay(layer) || !layer->backing) {
        error_set(errp, "Node '%s' has no layer above another node",
                  layer->name);
        return false;
    }
    was = layer->backing->read_only;
    if (!block_node_set_read_only(layer->backing, false, errp)) {
        return false;
    }
    block_drained_begin(m);
    copy_map_init(&map, block_node_length(layer), 64 * KiB);
    copy_map_by_sync(&map, layer, layer->backing, BLOCK_SYNC_TOP);
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
