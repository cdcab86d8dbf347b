/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs: states, verbs, threads. */
#include "tandem/base.h"

#include "softmmu/machine/create.h"
#include "softmmu/machine/job.h"

static const char *const status_names[JOB_STATUSES] = {
    [JOB_UNDEFINED] = "undefined", [JOB_CREATED] = "created",
    [JOB_RUNNING] = "running",     [JOB_PAUSED] = "paused",
    [JOB_READY] = "ready",         [JOB_STANDBY] = "standby",
    [JOB_WAITING] = "waiting",     [JOB_PENDING] = "pending",
    [JOB_ABORTING] = "aborting",   [JOB_CONCLUDED] = "concluded",
    [JOB_NULL] = "null",
};

#define IN(s) (1u << JOB_##s)
/* In which states a verb is taken. */
static const struct {
    const char *name;
    uint32_t states;
} verbs[JOB_VERBS] = {
    [JOB_CANCEL] = { "cancel", IN(CREATED) | IN(RUNNING) | IN(PAUSED) |
                                   IN(READY) | IN(STANDBY) | IN(WAITING) |
                                   IN(PENDING) },
    [JOB_PAUSE] = { "pause", IN(CREATED) | IN(RUNNING) | IN(PAUSED) |
                                 IN(READY) | IN(STANDBY) },
    [JOB_RESUME] = { "resume", IN(CREATED) | IN(RUNNING) | IN(PAUSED) |
                                   IN(READY) | IN(STANDBY) },
    [JOB_SET_SPEED] = { "set-speed", IN(CREATED) | IN(RUNNING) | IN(PAUSED) |
                                         IN(READY) | IN(STANDBY) },
    [JOB_COMPLETE] = { "complete", IN(READY) },
    [JOB_FINALIZE] = { "finalize", IN(PENDING) },
    [JOB_DISMISS] = { "dismiss", IN(CONCLUDED) },
};
#undef IN

const char *job_status_name(JobStatus s)
{
    return status_names[s];
}

const char *job_verb_name(JobVerb v)
{
    return verbs[v].name;
}

/* --- events --- */

static void set_status(Job *job, JobStatus status)
{
    json_object *data = json_object_new_object();

    job->status = status;
    json_object_object_add(data, "id", json_object_new_string(job->id));
    json_object_object_add(data, "status",
                           json_object_new_string(status_names[status]));
    machine_event(job->m, "JOB_STATUS_CHANGE", data);
}

/* BLOCK_JOB_x of one that has such events. */
static void block_event(Job *job, const char *event)
{
    json_object *data;

    if (!job->type->block) {
        return;
    }
    data = json_object_new_object();
    json_object_object_add(data, "type",
                           json_object_new_string(job->type->name));
    json_object_object_add(data, "device", json_object_new_string(job->id));
    lock_acquire(&job->lock);
    json_object_object_add(data, "len", json_object_new_int64(job->total));
    json_object_object_add(data, "offset", json_object_new_int64(job->done));
    json_object_object_add(data, "speed", json_object_new_int64(job->speed));
    lock_release(&job->lock);
    if (job->error && strcmp(event, "BLOCK_JOB_COMPLETED") == 0) {
        json_object_object_add(data, "error",
                               json_object_new_string(job->error));
    }
    machine_event(job->m, event, data);
}

/* --- life --- */

Job *job_find(Machine *m, const char *id)
{
    for (guint i = 0; m->jobs && i < m->jobs->len; i++) {
        Job *job = g_ptr_array_index(m->jobs, i);

        if (strcmp(job->id, id) == 0) {
            return job;
        }
    }
    return NULL;
}

void job_each(Machine *m, void (*fn)(Job *job, void *opaque), void *opaque)
{
    for (guint i = 0; m->jobs && i < m->jobs->len; i++) {
        fn(g_ptr_array_index(m->jobs, i), opaque);
    }
}

static bool check_id(Machine *m, const char *id, Error **errp)
{
    if (!id || !id[0]) {
        error_set(errp, "An explicit job ID is required for this node");
        return false;
    }
    if (!id_valid(id)) {
        error_set(errp, "Invalid job ID '%s'", id);
        return false;
    }
    if (job_find(m, id)) {
        error_set(errp, "Job ID '%s' already in use", id);
        return false;
    }
    return true;
}

static bool check_speed(int64_t speed, Error **errp)
{
    if (speed < 0) {
        error_set(errp, "Parameter 'speed' expects a non-negative value");
        return false;
    }
    return true;
}

Job *job_new(Machine *m, const JobType *type, const JobOptions *o, void *opaque,
             Error **errp)
{
    Job *job;

    if (!check_id(m, o->id, errp) || !check_speed(o->speed, errp)) {
        return NULL;
    }
    job = g_new0(Job, 1);
    job->m = m;
    job->type = type;
    job->id = g_strdup(o->id);
    job->opaque = opaque;
    job->speed = o->speed;
    job->auto_finalize = !o->manual_finalize;
    job->auto_dismiss = !o->manual_dismiss;
    lock_init(&job->lock);
    cond_init(&job->wake);
    if (!m->jobs) {
        m->jobs = g_ptr_array_new();
    }
    g_ptr_array_add(m->jobs, job);
    set_status(job, JOB_CREATED);
    return job;
}

void job_discard(Job *job)
{
    set_status(job, JOB_NULL);
    g_ptr_array_remove(job->m->jobs, job);
    cond_destroy(&job->wake);
    lock_destroy(&job->lock);
    g_free(job->error);
    g_free(job->id);
    g_free(job);
}

/* --- the end --- */

static void conclude(Job *job)
{
    if (job->type->clean) {
        job->type->clean(job);
    }
    set_status(job, JOB_CONCLUDED);
    if (job->auto_dismiss) {
        job_discard(job);
    }
}

static void end_badly(Job *job, Error *err)
{
    bool cancelled = atomic_load(&job->cancel) && !err;

    set_status(job, JOB_ABORTING);
    job->error = g_strdup(err ? error_text(err) : "Operation canceled");
    error_free(err);
    if (job->type->abort) {
        job->type->abort(job);
    }
    block_event(job, cancelled ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED");
    conclude(job);
}

static void end_well(Job *job)
{
    Error *err = NULL;

    if (job->type->prepare && !job->type->prepare(job, &err)) {
        end_badly(job, err);
        return;
    }
    if (job->type->commit) {
        job->type->commit(job);
    }
    block_event(job, "BLOCK_JOB_COMPLETED");
    conclude(job);
}

/* What the thread posts as its last word. */
typedef struct JobEnd {
    Job *job;
    Error *err;
    bool ok;
} JobEnd;

static void serve_end(void *opaque)
{
    JobEnd *end = opaque;
    Job *job = end->job;
    Error *err = end->err;
    bool ok = end->ok;

    g_free(end);
    thread_join(&job->thread);
    if (!ok || atomic_load(&job->cancel)) {
        end_badly(job, err);
        return;
    }
    set_status(job, JOB_WAITING);
    set_status(job, JOB_PENDING);
    if (job->auto_finalize) {
        end_well(job);
        return;
    }
    if (job->type->block) {
        json_object *data = json_object_new_object();

        json_object_object_add(data, "type",
                               json_object_new_string(job->type->name));
        json_object_object_add(data, "id", json_object_new_string(job->id));
        machine_event(job->m, "BLOCK_JOB_PENDING", data);
    }
}

static void *job_thread(void *opaque)
{
    JobEnd *end = g_new0(JobEnd, 1);
    Job *job = opaque;
    LoopContext *loop = job->m->loop;

    end->job = job;
    end->ok = job->type->run(job, &end->err);
    lock_acquire(&job->lock);
    job->busy = false;
    lock_release(&job->lock);
    loop_post(loop, serve_end, end);
    return NULL;
}

void job_start(Job *job)
{
    set_status(job, JOB_RUNNING);
    job->busy = true;
    thread_start(&job->thread, "job", job_thread, job);
}

static void force_end(Job *job, void *opaque)
{
    bool *left = opaque;

    atomic_store(&job->cancel, true);
    job->auto_dismiss = true;
    lock_acquire(&job->lock);
    job->pause = false;
    cond_broadcast(&job->wake);
    lock_release(&job->lock);
    *left = true;
}

void jobs_free(Machine *m)
{
    bool held = machine_locked(m);

    while (m->jobs && m->jobs->len > 0) {
        Job *job = g_ptr_array_index(m->jobs, 0);
        bool left = false;

        job_each(m, force_end, &left);
        if (job->status == JOB_PENDING) {
            end_badly(job, NULL);
        } else if (job->status == JOB_CONCLUDED) {
            job_discard(job);
        } else { /* its last words come through the loop */
            if (held) {
                machine_unlock(m);
            }
            loop_poll(m->loop, false);
            g_usleep(1000);
            if (held) {
                machine_lock(m);
            }
        }
    }
    g_clear_pointer(&m->jobs, g_ptr_array_unref);
}

/* --- verbs --- */

bool job_allows(Job *job, JobVerb verb, Error **errp)
{
    if (verbs[verb].states & (1u << job->status)) {
        return true;
    }
    error_set(errp, "Job '%s' in state '%s' cannot accept command verb '%s'",
              job->id, status_names[job->status], verbs[verb].name);
    return false;
}

/* Let the thread see a change. */
static void wake(Job *job)
{
    LOCK_GUARD(&job->lock);
    cond_broadcast(&job->wake);
}

static void unpause(Job *job)
{
    LOCK_GUARD(&job->lock);
    job->pause = job->failed_io = job->no_space = false;
    cond_broadcast(&job->wake);
}

bool job_cancel(Job *job, bool force, Error **errp)
{
    if (!job_allows(job, JOB_CANCEL, errp)) {
        return false;
    }
    if (job->status == JOB_PENDING) {
        atomic_store(&job->cancel, true);
        end_badly(job, NULL);
        return true;
    }
    if (!force && (job->status == JOB_READY || job->status == JOB_STANDBY)) {
        job->soft_cancelled = true; /* it is done: without its effect */
        atomic_store(&job->complete, true);
    } else {
        atomic_store(&job->cancel, true);
    }
    job->user_paused = false;
    unpause(job);
    return true;
}

bool job_pause(Job *job, Error **errp)
{
    if (!job_allows(job, JOB_PAUSE, errp)) {
        return false;
    }
    if (job->user_paused) {
        error_set(errp, "Job is already paused");
        return false;
    }
    job->user_paused = true;
    LOCK_GUARD(&job->lock);
    job->pause = true;
    cond_broadcast(&job->wake);
    return true;
}

bool job_resume(Job *job, Error **errp)
{
    if (!job_allows(job, JOB_RESUME, errp)) {
        return false;
    }
    if (!job->user_paused) {
        error_set(errp, "Can't resume a job that was not paused");
        return false;
    }
    job->user_paused = false;
    unpause(job);
    return true;
}

bool job_set_speed(Job *job, int64_t speed, Error **errp)
{
    if (!job_allows(job, JOB_SET_SPEED, errp) || !check_speed(speed, errp)) {
        return false;
    }
    LOCK_GUARD(&job->lock);
    job->speed = speed;
    job->next_ns = 0;
    job->kicked = true;
    cond_broadcast(&job->wake);
    return true;
}

bool job_complete(Job *job, Error **errp)
{
    if (!job_allows(job, JOB_COMPLETE, errp)) {
        return false;
    }
    if (job->user_paused || job->completing || job->soft_cancelled) {
        error_set(errp, "The active block job '%s' cannot be completed",
                  job->id);
        return false;
    }
    job->completing = true;
    atomic_store(&job->complete, true);
    wake(job);
    return true;
}

bool job_finalize(Job *job, Error **errp)
{
    if (!job_allows(job, JOB_FINALIZE, errp)) {
        return false;
    }
    end_well(job);
    return true;
}

bool job_dismiss(Job *job, Error **errp)
{
    if (!job_allows(job, JOB_DISMISS, errp)) {
        return false;
    }
    job_discard(job);
    return true;
}

/* --- the thread --- */

typedef struct MainCall {
    Job *job;
    void (*fn)(Job *job, void *data);
    void *data;
} MainCall;

static void serve_call(void *opaque)
{
    MainCall *c = opaque;

    c->fn(c->job, c->data);
}

void job_in_main(Job *job, void (*fn)(Job *job, void *data), void *data)
{
    MainCall c = { job, fn, data };

    loop_call(job->m->loop, serve_call, &c);
}

/* running <-> paused, ready <-> standby. */
static void main_paused(Job *job, void *data)
{
    set_status(job, job->status == JOB_READY ? JOB_STANDBY : JOB_PAUSED);
}

static void main_resumed(Job *job, void *data)
{
    set_status(job, job->status == JOB_STANDBY ? JOB_READY : JOB_RUNNING);
}

static bool wants_pause(Job *job)
{
    LOCK_GUARD(&job->lock);
    return job->pause && !atomic_load(&job->cancel);
}

bool job_may_go_on(Job *job)
{
    if (wants_pause(job)) {
        job_in_main(job, main_paused, NULL);
        lock_acquire(&job->lock);
        job->busy = false;
        while (job->pause && !atomic_load(&job->cancel)) {
            cond_wait(&job->wake, &job->lock);
        }
        job->busy = true;
        lock_release(&job->lock);
        job_in_main(job, main_resumed, NULL);
    }
    return !atomic_load(&job->cancel);
}

static int64_t now_ns(Job *job)
{
    return clock_now_ns(job->m->clocks, CLOCK_RT);
}

/* How long the speed still has the job wait; 0 or less: no longer. */
static int64_t limited_ns(Job *job)
{
    LOCK_GUARD(&job->lock);
    return job->speed > 0 ? job->next_ns - now_ns(job) : 0;
}

void job_limit(Job *job, uint64_t bytes)
{
    int64_t now = now_ns(job), wait;

    lock_acquire(&job->lock);
    if (job->speed > 0) {
        job->next_ns = MAX(job->next_ns, now) +
                       (int64_t)((double)bytes * 1e9 / job->speed);
    }
    lock_release(&job->lock);
    while ((wait = limited_ns(job)) > 0) {
        job_wait(job, wait);
        if (!wants_pause(job)) {
            return;
        }
        job_may_go_on(job); /* a pause does not make it faster */
    }
}

void job_wait(Job *job, int64_t ns)
{
    int64_t end = now_ns(job) + ns;

    lock_acquire(&job->lock);
    while (!job->pause && !job->kicked && !atomic_load(&job->cancel) &&
           !atomic_load(&job->complete) && now_ns(job) < end) {
        cond_wait_ns(&job->wake, &job->lock, MAX(end - now_ns(job), 0));
    }
    job->kicked = false;
    lock_release(&job->lock);
}

void job_kick(Job *job)
{
    LOCK_GUARD(&job->lock);
    job->kicked = true;
    cond_broadcast(&job->wake);
}

void job_progress(Job *job, uint64_t done, uint64_t total)
{
    LOCK_GUARD(&job->lock);
    job->done = done;
    job->total = total;
}

static void main_ready(Job *job, void *data)
{
    set_status(job, JOB_READY);
    block_event(job, "BLOCK_JOB_READY");
}

void job_set_ready(Job *job)
{
    job_in_main(job, main_ready, NULL);
}

static void main_pause_for_error(Job *job, void *data)
{
    job->user_paused = true;
}

void job_pause_for_error(Job *job, bool no_space)
{
    job_in_main(job, main_pause_for_error, NULL);
    LOCK_GUARD(&job->lock);
    job->pause = job->failed_io = true;
    job->no_space = no_space;
}

bool job_should_complete(Job *job)
{
    return atomic_load(&job->complete);
}
