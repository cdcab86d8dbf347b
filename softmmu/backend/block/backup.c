/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backup: the target gets the disk as it was at the start. A filter copies
 * what the guest is about to overwrite before it is, the job's thread all the
 * rest.
 */
#include "tandem/base.h"

#include "bitmap.h"
#include "softmmu/backend/drive.h"

typedef struct Backup {
    CopyJob job;
    BlockSync sync;
    BlockBitmapMode bitmap_mode;
    CopyMap under_way; /* what is being saved; its lock comes first */
    int failed; /* under_way.lock: a guest's write could not be preceded */
} Backup;

/* Take the chunk for copying; false: it is done. */
static bool claim(Backup *s, uint64_t i)
{
    bool mine;

    LOCK_GUARD(&s->under_way.lock);
    while (s->under_way.bits[i / 64] & BIT(i % 64)) {
        cond_wait(&s->under_way.changed, &s->under_way.lock);
    }
    mine = copy_map_take(&s->job.map, i);
    if (mine) {
        s->under_way.bits[i / 64] |= BIT(i % 64);
    }
    return mine;
}

static void unclaim(Backup *s, uint64_t i, bool again)
{
    LOCK_GUARD(&s->under_way.lock);
    if (again) {
        copy_map_set(&s->job.map, i * s->job.map.chunk, 1);
    }
    s->under_way.bits[i / 64] &= ~BIT(i % 64);
    cond_broadcast(&s->under_way.changed);
}

/* Save one chunk unless it has been; 0 or -errno. */
static int save_chunk(Backup *s, uint64_t i, uint64_t *bytes, bool *on_target)
{
    uint64_t offset = i * s->job.map.chunk;
    int err;

    *bytes = 0;
    if (!claim(s, i)) {
        return 0;
    }
    *bytes = MIN(s->job.map.chunk, s->job.map.length - offset);
    err = copy_piece(s->job.source, s->job.target, offset, *bytes, on_target);
    unclaim(s, i, err != 0);
    return err;
}

/* The guest's write goes on in any case; the backup is what fails. */
static int backup_io(BlockNode *node, BlockOp op, uint64_t offset,
                     uint64_t bytes, const struct iovec *iov, int niov,
                     uint32_t flags)
{
    Backup *s = *(Backup **)node->priv;
    bool changes = op != BLOCK_READ && op != BLOCK_FLUSH;
    uint64_t chunk = s->job.map.chunk, n;
    bool on_target;

    for (uint64_t i = offset / chunk;
         changes && bytes > 0 && i <= (offset + bytes - 1) / chunk; i++) {
        int err = save_chunk(s, i, &n, &on_target);

        if (err) {
            LOCK_GUARD(&s->under_way.lock);
            s->failed = err;
            break;
        }
    }
    return block_node_io(node->file, op, offset, bytes, iov, niov, flags);
}

static const BlockDriver backup_filter = {
    .name = "copy-before-write",
    .io = backup_io,
    .length = block_filter_length,
};

/* --- the thread --- */

/* Has every write of the guest been preceded? */
static bool guest_ok(Backup *s, Error **errp)
{
    LOCK_GUARD(&s->under_way.lock);
    if (s->failed) {
        error_set_errno(errp, -s->failed, "copying before a write failed");
    }
    return s->failed == 0;
}

static bool save_one(Job *job, Backup *s, uint64_t i, Error **errp)
{
    uint64_t bytes;
    bool on_target = true;
    int err;

    if (!guest_ok(s, errp)) {
        return false;
    }
    while ((err = save_chunk(s, i, &bytes, &on_target)) != 0) {
        if (!copy_try_again(job,
                            on_target ? s->job.on_target : s->job.on_source,
                            !on_target, err, errp) ||
            !job_may_go_on(job)) {
            return false;
        }
    }
    copy_job_progress(job, &s->job, bytes);
    if (bytes > 0) {
        job_limit(job, bytes);
    }
    return true;
}

static bool backup_run(Job *job, Error **errp)
{
    Backup *s = job->opaque;
    int err;

    while (s->sync == BLOCK_SYNC_NONE && job_may_go_on(job)) {
        if (!guest_ok(s, errp)) {
            return false;
        }
        job_wait(job, 100000000);
    }
    for (uint64_t i = 0; i < s->job.map.chunks; i++) {
        if (!job_may_go_on(job) || !save_one(job, s, i, errp)) {
            return false;
        }
    }
    if (!guest_ok(s, errp)) { /* the last chunks may be later than the start */
        return false;
    }
    err = block_node_io(s->job.target, BLOCK_FLUSH, 0, 0, NULL, 0, 0);
    if (err) {
        error_set_errno(errp, -err, "flushing the target failed");
    }
    return err == 0;
}

/* A bitmap, if it has one, becomes what its mode says. */
static void give_bitmap_back(Backup *s, bool success)
{
    BlockBitmap *b = g_steal_pointer(&s->job.bitmap);
    Machine *m = s->job.source->m;

    if (!b) {
        return;
    }
    block_drained_begin(m);
    block_bitmap_release(
        b,
        s->bitmap_mode == BLOCK_BITMAP_NEVER ||
            (s->bitmap_mode == BLOCK_BITMAP_ON_SUCCESS && !success),
        s->bitmap_mode == BLOCK_BITMAP_ALWAYS && !success ? &s->job.map : NULL);
    block_drained_end(m);
}

static void backup_commit(Job *job)
{
    give_bitmap_back(job->opaque, true);
}

static void backup_abort(Job *job)
{
    give_bitmap_back(job->opaque, false);
}

static void backup_clean(Job *job)
{
    Backup *s = job->opaque;

    block_drained_begin(job->m);
    copy_job_clean(&s->job);
    copy_map_destroy(&s->under_way);
    block_drained_end(job->m);
    g_free(s);
}

static const JobType backup_type = {
    .name = "backup",
    .block = true,
    .run = backup_run,
    .commit = backup_commit,
    .abort = backup_abort,
    .clean = backup_clean,
};

/* --- starting --- */

/* Drained: the bitmap is of the moment at which the copy begins. */
static bool start(Machine *m, const BlockJobOptions *o, Backup *s, Error **errp)
{
    uint64_t chunk;

    if (!copy_granularity(o, &chunk, errp)) {
        return false;
    }
    if (o->bitmap) {
        s->job.bitmap = block_bitmap_hold(s->job.source, o->bitmap, errp);
        if (!s->job.bitmap) {
            return false;
        }
    }
    s->sync = o->sync;
    s->bitmap_mode = o->bitmap_mode;
    copy_map_init(&s->under_way, block_node_length(s->job.source), chunk);
    /* With "none" the filter saves what the guest is about to overwrite. */
    if (copy_job_start(m, o, &backup_type, &backup_filter,
                       s->sync == BLOCK_SYNC_NONE ? BLOCK_SYNC_FULL : s->sync,
                       &s->job, errp)) {
        return true;
    }
    copy_map_destroy(&s->under_way);
    if (s->job.bitmap) {
        block_bitmap_release(s->job.bitmap, true, NULL);
    }
    return false;
}

bool block_backup_start(Machine *m, const BlockJobOptions *o, Error **errp)
{
    Backup *s = g_new0(Backup, 1);
    CopyJob *job = &s->job;

    if (copy_find_source(m, o->device, &job->source, errp)) {
        object_ref(job->source);
        if (copy_find_target(m, o, job->source, &job->target, errp)) {
            bool ok;

            block_drained_begin(m);
            ok = start(m, o, s, errp);
            block_drained_end(m);
            if (ok) {
                return true;
            }
            block_node_drop(job->target);
        }
        object_unref(job->source);
    }
    g_free(s);
    return false;
}
