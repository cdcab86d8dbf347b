/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs that fill a layer from below (stream) and that make files (create). */
#include "tandem/base.h"

#include <fcntl.h>

#include "copy.h"
#include "softmmu/backend/drive.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/keyval.h"

/* --- stream --- */

typedef struct Stream {
    BlockNode *layer; /* a reference */
    BlockNode *base;  /* stays below it, a reference; NULL: nothing does */
    GPtrArray *held;  /* what lies between, references */
    bool whole;       /* there is nothing below: no work */
    BlockOnError on_error;
} Stream;

static bool stream_run(Job *job, Error **errp)
{
    Stream *s = job->opaque;
    uint64_t length = block_node_length(s->layer), offset = 0;

    job_progress(job, 0, length);
    if (s->whole) {
        job_progress(job, length, length);
        return true;
    }
    while (offset < length && job_may_go_on(job)) {
        uint64_t bytes;
        int err = block_overlay_fill(s->layer, s->base, offset, &bytes);

        if (err) {
            if (!copy_try_again(job, s->on_error, true, err, errp)) {
                return false;
            }
            continue;
        }
        offset += bytes;
        job_progress(job, offset, length);
        job_limit(job, bytes);
    }
    return offset >= length;
}

static void stream_commit(Job *job)
{
    Stream *s = job->opaque;

    if (!s->whole) {
        block_drained_begin(job->m);
        block_overlay_rebase(s->layer, s->base);
        block_drained_end(job->m);
    }
}

static void stream_clean(Job *job)
{
    Stream *s = job->opaque;

    s->layer->jobs--;
    copy_release_chain(s->held);
    if (s->base) {
        s->base->jobs--;
        block_node_drop(s->base);
    }
    block_node_drop(s->layer);
    g_free(s);
}

static const JobType stream_type = {
    .name = "stream",
    .block = true,
    .run = stream_run,
    .commit = stream_commit,
    .clean = stream_clean,
};

/* No references yet. */
static bool find_stream(Machine *m, const BlockJobOptions *o, Stream *s,
                        Error **errp)
{
    if (!copy_find_source(m, o->device, &s->layer, errp)) {
        return false;
    }
    s->whole = !block_is_overlay(s->layer) || !s->layer->backing;
    if (!o->base) {
        return true;
    }
    s->base = s->whole ? NULL : block_overlay_find(s->layer->backing, o->base);
    if (!s->base) {
        error_set(errp, "Node '%s' is not a backing image of '%s'", o->base,
                  s->layer->name);
        return false;
    }
    return copy_chain_is_free(s->layer->backing, s->base, errp);
}

bool block_stream_start(Machine *m, const BlockJobOptions *o, Error **errp)
{
    JobOptions jo = o->job;
    Stream *s = g_new0(Stream, 1);
    Job *job;

    jo.id = copy_job_id(o, m);
    job = find_stream(m, o, s, errp) ? job_new(m, &stream_type, &jo, s, errp)
                                     : NULL;
    if (!job) {
        g_free(s);
        return false;
    }
    object_ref(s->layer);
    s->on_error = o->on_source;
    s->layer->jobs++;
    if (s->base) {
        object_ref(s->base);
        s->base->jobs++;
        s->held = copy_hold_chain(s->layer->backing, s->base, NULL);
    }
    job_start(job);
    return true;
}

/* --- create --- */

typedef struct Create {
    Machine *m;
    char *path, *preallocation;
    uint64_t size;
} Create;

static bool preallocate(int fd, uint64_t size, const char *how, Error **errp)
{
    static const char zeros[64 * 1024];
    int err;

    if (strcmp(how, "falloc") == 0) {
        err = size ? posix_fallocate(fd, 0, size) : 0;
        if (err) {
            error_set_errno(errp, err, "Could not preallocate data");
        }
        return err == 0;
    }
    for (uint64_t at = 0; strcmp(how, "full") == 0 && at < size;) {
        ssize_t n = pwrite(fd, zeros, MIN(sizeof(zeros), size - at), at);

        if (n < 0 && errno != EINTR) {
            error_set_errno(errp, errno, "Could not write zeros");
            return false;
        }
        at += MAX(n, 0);
    }
    return true;
}

static int open_new(Machine *m, const char *path, Error **errp)
{
    int fd = path_open(m, path, O_RDWR | O_CREAT | O_TRUNC, 0644);

    if (fd < 0) {
        error_set_errno(errp, errno, "Could not create file");
    }
    return fd;
}

/* Takes @fd. */
static bool fill_new(int fd, uint64_t size, const char *how, Error **errp)
{
    bool ok = ftruncate(fd, size) == 0;

    if (!ok) {
        error_set_errno(errp, errno, "Could not resize file");
    }
    ok = ok && preallocate(fd, size, how, errp);
    close(fd);
    return ok;
}

bool block_create_file(Machine *m, const char *path, uint64_t size,
                       const char *preallocation, Error **errp)
{
    int fd = open_new(m, path, errp);

    return fd >= 0 && fill_new(fd, size, preallocation, errp);
}

typedef struct OpenCall {
    int fd;
    Error *err;
} OpenCall;

/* Sets of descriptors belong to the machine lock. */
static void main_open(Job *job, void *data)
{
    OpenCall *call = data;
    Create *c = job->opaque;

    call->fd = open_new(c->m, c->path, &call->err);
}

static bool create_run(Job *job, Error **errp)
{
    Create *c = job->opaque;
    OpenCall call = { 0 };

    job_progress(job, 0, 1);
    job_in_main(job, main_open, &call);
    if (call.fd < 0) {
        error_move(errp, call.err);
        return false;
    }
    if (!fill_new(call.fd, c->size, c->preallocation, errp)) {
        return false;
    }
    job_progress(job, 1, 1);
    return true;
}

static void create_free(Create *c)
{
    g_free(c->path);
    g_free(c->preallocation);
    g_free(c);
}

static void create_clean(Job *job)
{
    create_free(job->opaque);
}

static const JobType create_type = {
    .name = "create",
    .run = create_run,
    .clean = create_clean,
};

static bool take_create(Create *c, json_object *options, Error **errp)
{
    static const char *const ways[] = { "off", "falloc", "full", NULL };
    g_autofree char *driver = json_take_text(options, "driver");
    uint64_t none = UINT64_MAX;

    if (!driver || strcmp(driver, "file") != 0) {
        error_set(errp, "Driver '%s' does not support image creation",
                  driver ? driver : "");
        return false;
    }
    c->size = none;
    c->path = json_take_text(options, "filename");
    c->preallocation = json_take_text(options, "preallocation");
    if (!json_take_size(options, "size", 1, &c->size, errp)) {
        return false;
    }
    if (!c->path || c->size == none) {
        error_set(errp, "Parameter '%s' is missing",
                  c->path ? "size" : "filename");
        return false;
    }
    if (!c->preallocation) {
        c->preallocation = g_strdup("off");
    }
    if (!g_strv_contains(ways, c->preallocation)) {
        error_set(errp, "Parameter 'preallocation' does not accept value '%s'",
                  c->preallocation);
        return false;
    }
    if (c->size > INT64_MAX) {
        error_set(errp, "Parameter 'size' is too large");
        return false;
    }
    return block_options_done(options, "", errp);
}

bool block_create_start(Machine *m, const char *id, json_object *options,
                        Error **errp)
{
    JobOptions o = { .id = id, .manual_dismiss = true };
    Create *c = g_new0(Create, 1);
    Job *job = NULL;

    c->m = m;
    if (take_create(c, options, errp)) {
        job = job_new(m, &create_type, &o, c, errp);
    }
    if (!job) {
        create_free(c);
        return false;
    }
    job_start(job);
    return true;
}
