/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs: schema/job.json. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/block_job.h"

/* --- queries --- */

static void collect_job(Job *job, void *opaque)
{
    JobInfo *info = g_new0(JobInfo, 1);

    info->id = g_strdup(job->id);
    info->type = qenum_parse(&qtype_job_type, job->type->name);
    info->status = qenum_parse(&qtype_job_status, job_status_name(job->status));
    info->error = g_strdup(job->error);
    lock_acquire(&job->lock);
    info->current_progress = job->done;
    info->total_progress = job->total;
    lock_release(&job->lock);
    qlist_append(&qtype_list_job_info, opaque, &info);
}

JobInfoList *qmp_query_jobs(Machine *m, Error **errp)
{
    JobInfoList *list = NULL;

    job_each(m, collect_job, &list);
    return list;
}

static void collect_block_job(Job *job, void *opaque)
{
    BlockJobInfo *info;

    if (!job->type->block) {
        return;
    }
    info = g_new0(BlockJobInfo, 1);
    info->type = qenum_parse(&qtype_job_type, job->type->name);
    info->device = g_strdup(job->id);
    info->status = qenum_parse(&qtype_job_status, job_status_name(job->status));
    info->ready = job->status == JOB_READY || job->status == JOB_STANDBY;
    info->auto_finalize = job->auto_finalize;
    info->auto_dismiss = job->auto_dismiss;
    info->error = g_strdup(job->error);
    lock_acquire(&job->lock);
    info->len = job->total;
    info->offset = job->done;
    info->busy = job->busy;
    info->paused = job->pause;
    info->speed = job->speed;
    info->io_status = !job->failed_io ? BLOCK_DEVICE_IO_STATUS_OK
                      : job->no_space ? BLOCK_DEVICE_IO_STATUS_NOSPACE
                                      : BLOCK_DEVICE_IO_STATUS_FAILED;
    lock_release(&job->lock);
    qlist_append(&qtype_list_block_job_info, opaque, &info);
}

BlockJobInfoList *qmp_query_block_jobs(Machine *m, Error **errp)
{
    BlockJobInfoList *list = NULL;

    job_each(m, collect_block_job, &list);
    return list;
}

/* --- verbs --- */

static Job *find_job(Machine *m, const char *id, Error **errp)
{
    Job *job = job_find(m, id);

    if (!job) {
        error_set(errp, "Job not found");
    }
    return job;
}

static Job *find_block_job(Machine *m, const char *id, Error **errp)
{
    Job *job = job_find(m, id);

    if (!job || !job->type->block) {
        error_set_class(errp, ERROR_DEVICE_NOT_ACTIVE,
                        "Block job '%s' not found", id);
        return NULL;
    }
    return job;
}

#define JOB_VERB(name, Args, find, field, call)                                \
    bool qmp_##name(Machine *m, const Args *a, Error **errp)                   \
    {                                                                          \
        Job *job = find(m, a->field, errp);                                    \
                                                                               \
        return job && call;                                                    \
    }
JOB_VERB(job_pause, JobPauseArgs, find_job, id, job_pause(job, errp))
JOB_VERB(job_resume, JobResumeArgs, find_job, id, job_resume(job, errp))
JOB_VERB(job_cancel, JobCancelArgs, find_job, id, job_cancel(job, true, errp))
JOB_VERB(job_complete, JobCompleteArgs, find_job, id, job_complete(job, errp))
JOB_VERB(job_finalize, JobFinalizeArgs, find_job, id, job_finalize(job, errp))
JOB_VERB(job_dismiss, JobDismissArgs, find_job, id, job_dismiss(job, errp))
JOB_VERB(block_job_pause, BlockJobPauseArgs, find_block_job, device,
         job_pause(job, errp))
JOB_VERB(block_job_resume, BlockJobResumeArgs, find_block_job, device,
         job_resume(job, errp))
JOB_VERB(block_job_cancel, BlockJobCancelArgs, find_block_job, device,
         job_cancel(job, a->force, errp))
JOB_VERB(block_job_complete, BlockJobCompleteArgs, find_block_job, device,
         job_complete(job, errp))
JOB_VERB(block_job_set_speed, BlockJobSetSpeedArgs, find_block_job, device,
         job_set_speed(job, a->speed, errp))
JOB_VERB(block_job_finalize, BlockJobFinalizeArgs, find_block_job, id,
         job_finalize(job, errp))
JOB_VERB(block_job_dismiss, BlockJobDismissArgs, find_block_job, id,
         job_dismiss(job, errp))
#undef JOB_VERB

/* --- starting --- */

static BlockOnError on_error(bool given, int how)
{
    static const BlockOnError map[] = {
        [BLOCKDEV_ON_ERROR_REPORT] = BLOCK_ON_ERROR_REPORT,
        [BLOCKDEV_ON_ERROR_IGNORE] = BLOCK_ON_ERROR_IGNORE,
        [BLOCKDEV_ON_ERROR_ENOSPC] = BLOCK_ON_ERROR_ENOSPC,
        [BLOCKDEV_ON_ERROR_STOP] = BLOCK_ON_ERROR_STOP,
        [BLOCKDEV_ON_ERROR_Q_AUTO] = BLOCK_ON_ERROR_REPORT,
    };

    return given ? map[how] : BLOCK_ON_ERROR_REPORT;
}

static BlockSync sync_of(int mode)
{
    static const int map[] = {
        [MIRROR_SYNC_MODE_TOP] = BLOCK_SYNC_TOP,
        [MIRROR_SYNC_MODE_FULL] = BLOCK_SYNC_FULL,
        [MIRROR_SYNC_MODE_NONE] = BLOCK_SYNC_NONE,
        [MIRROR_SYNC_MODE_INCREMENTAL] = BLOCK_SYNC_BITMAP,
        [MIRROR_SYNC_MODE_BITMAP] = BLOCK_SYNC_BITMAP,
    };

    return map[mode];
}

/* Mirrors know no bitmaps. */
static bool mirror_sync(int mode, BlockSync *out, Error **errp)
{
    *out = sync_of(mode);
    if (*out == BLOCK_SYNC_BITMAP) {
        error_set(errp, "Sync mode '%s' not supported",
                  qtype_mirror_sync_mode.names[mode]);
        return false;
    }
    return true;
}

/* Do a backup's sync, bitmap and bitmap-mode go together? */
static bool check_bitmap(int sync, const char *bitmap, bool has_mode, int mode,
                         Error **errp)
{
    const char *name = qtype_mirror_sync_mode.names[sync];
    bool by_bitmap = sync_of(sync) == BLOCK_SYNC_BITMAP;

    if (by_bitmap && !bitmap) {
        error_set(errp, "must provide a valid bitmap name for '%s' sync mode",
                  name);
    } else if (!bitmap && has_mode) {
        error_set(errp, "Cannot specify bitmap sync mode without a bitmap");
    } else if (!bitmap) {
        return true;
    } else if (sync == MIRROR_SYNC_MODE_INCREMENTAL) {
        if (!has_mode || mode == BITMAP_SYNC_MODE_ON_SUCCESS) {
            return true;
        }
        error_set(errp, "Bitmap sync mode must be 'on-success' when using "
                        "sync mode 'incremental'");
    } else if (!has_mode) {
        error_set(errp,
                  "Bitmap sync mode must be given when providing a bitmap");
    } else if (sync == MIRROR_SYNC_MODE_NONE) {
        error_set(errp, "sync mode 'none' does not produce meaningful bitmap "
                        "outputs");
    } else if (!by_bitmap && mode == BITMAP_SYNC_MODE_NEVER) {
        error_set(errp,
                  "Bitmap sync mode 'never' has no meaningful effect when "
                  "combined with sync mode '%s'",
                  name);
    } else {
        return true;
    }
    return false;
}

/* What both backup commands say of what is copied. */
static bool take_sync(BlockJobOptions *o, int sync, const char *bitmap,
                      bool has_mode, int mode, Error **errp)
{
    static const BlockBitmapMode modes[] = {
        [BITMAP_SYNC_MODE_ON_SUCCESS] = BLOCK_BITMAP_ON_SUCCESS,
        [BITMAP_SYNC_MODE_NEVER] = BLOCK_BITMAP_NEVER,
        [BITMAP_SYNC_MODE_ALWAYS] = BLOCK_BITMAP_ALWAYS,
    };

    o->sync = sync_of(sync);
    o->bitmap = bitmap;
    o->bitmap_mode = has_mode ? modes[mode] : BLOCK_BITMAP_ON_SUCCESS;
    return check_bitmap(sync, bitmap, has_mode, mode, errp);
}

/* What all commands that start a job on a disk share. */
#define JOB_OPTIONS(a)                                                         \
    {                                                                          \
        .job = { .id = (a)->job_id,                                            \
                 .speed = (a)->speed,                                          \
                 .manual_finalize =                                            \
                     (a)->has_auto_finalize && !(a)->auto_finalize,            \
                 .manual_dismiss =                                             \
                     (a)->has_auto_dismiss && !(a)->auto_dismiss },            \
        .device = (a)->device,                                                 \
    }

static bool raw_only(const char *format, Error **errp)
{
    if (format && strcmp(format, "raw") != 0) {
        error_set(errp, "Unknown driver '%s'", format);
        return false;
    }
    return true;
}

bool qmp_blockdev_mirror(Machine *m, const BlockdevMirrorArgs *a, Error **errp)
{
    BlockJobOptions o = JOB_OPTIONS(a);

    o.target = a->target;
    o.replaces = a->replaces;
    o.filter_name = a->filter_node_name;
    o.granularity = a->granularity;
    o.write_blocking =
        a->has_copy_mode && a->copy_mode == MIRROR_COPY_MODE_WRITE_BLOCKING;
    o.on_source = on_error(a->has_on_source_error, a->on_source_error);
    o.on_target = on_error(a->has_on_target_error, a->on_target_error);
    return mirror_sync(a->sync, &o.sync, errp) &&
           block_mirror_start(m, &o, errp);
}

bool qmp_drive_mirror(Machine *m, const DriveMirrorArgs *a, Error **errp)
{
    BlockJobOptions o = JOB_OPTIONS(a);

    o.target_file = a->target;
    o.target_name = a->node_name;
    o.create = !a->has_mode || a->mode != NEW_IMAGE_MODE_EXISTING;
    o.replaces = a->replaces;
    o.granularity = a->granularity;
    o.write_blocking =
        a->has_copy_mode && a->copy_mode == MIRROR_COPY_MODE_WRITE_BLOCKING;
    o.on_source = on_error(a->has_on_source_error, a->on_source_error);
    o.on_target = on_error(a->has_on_target_error, a->on_target_error);
    return raw_only(a->format, errp) && mirror_sync(a->sync, &o.sync, errp) &&
           block_mirror_start(m, &o, errp);
}

static bool no_compression(bool compress, Error **errp)
{
    if (compress) {
        error_set(errp, "Compression is not supported for this drive");
    }
    return !compress;
}

bool qmp_blockdev_backup(Machine *m, const BlockdevBackupArgs *a, Error **errp)
{
    BlockJobOptions o = JOB_OPTIONS(a);

    o.target = a->target;
    o.filter_name = a->filter_node_name;
    o.on_source = on_error(a->has_on_source_error, a->on_source_error);
    o.on_target = on_error(a->has_on_target_error, a->on_target_error);
    return no_compression(a->compress, errp) &&
           take_sync(&o, a->sync, a->bitmap, a->has_bitmap_mode, a->bitmap_mode,
                     errp) &&
           block_backup_start(m, &o, errp);
}

bool qmp_drive_backup(Machine *m, const DriveBackupArgs *a, Error **errp)
{
    BlockJobOptions o = JOB_OPTIONS(a);

    o.target_file = a->target;
    o.create = !a->has_mode || a->mode != NEW_IMAGE_MODE_EXISTING;
    o.filter_name = a->filter_node_name;
    o.on_source = on_error(a->has_on_source_error, a->on_source_error);
    o.on_target = on_error(a->has_on_target_error, a->on_target_error);
    return no_compression(a->compress, errp) && raw_only(a->format, errp) &&
           take_sync(&o, a->sync, a->bitmap, a->has_bitmap_mode, a->bitmap_mode,
                     errp) &&
           block_backup_start(m, &o, errp);
}

/* A node by its name; files' names are not compared. */
static bool no_file_names(const char *base, const char *top, Error **errp)
{
    if (base || top) {
        error_set(errp,
                  "Parameter '%s' is not supported; give the node's "
                  "name as '%s-node'",
                  base ? "base" : "top", base ? "base" : "top");
        return false;
    }
    return true;
}

bool qmp_block_commit(Machine *m, const BlockCommitArgs *a, Error **errp)
{
    BlockJobOptions o = JOB_OPTIONS(a);

    o.base = a->base_node;
    o.top = a->top_node;
    o.filter_name = a->filter_node_name;
    o.on_source = o.on_target = on_error(a->has_on_error, a->on_error);
    return no_file_names(a->base, a->top, errp) &&
           block_commit_start(m, &o, errp);
}

bool qmp_block_stream(Machine *m, const BlockStreamArgs *a, Error **errp)
{
    BlockJobOptions o = JOB_OPTIONS(a);

    o.base = a->base_node;
    o.on_source = on_error(a->has_on_error, a->on_error);
    return no_file_names(a->base, NULL, errp) &&
           block_stream_start(m, &o, errp);
}

bool qmp_blockdev_create(Machine *m, const BlockdevCreateArgs *a, Error **errp)
{
    json_object *copy = NULL;
    bool ok;

    if (!json_object_is_type(a->options, json_type_object)) {
        error_set(errp, "Invalid parameter type for 'options', expected: "
                        "object");
        return false;
    }
    json_object_deep_copy(a->options, &copy, NULL);
    ok = block_create_start(m, a->job_id, copy, errp);
    json_object_put(copy);
    return ok;
}
