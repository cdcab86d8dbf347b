/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: long commands that QMP watches and steers (DECISIONS 23; the Jobs
 * chapter of the QMP reference has the states and the verbs).
 *
 * A job's work is done by a thread of its own, without locks; all else, its
 * status above all, happens in the main loop under the machine lock. Its
 * changes come together at the end: prepare (may fail), then commit or abort,
 * then clean.
 */
#ifndef SOFTMMU_MACHINE_JOB_H
#define SOFTMMU_MACHINE_JOB_H

#include "softmmu/machine/machine.h"

/* JobStatus of the QMP reference; names by job_status_name(). */
typedef enum JobStatus {
    JOB_UNDEFINED,
    JOB_CREATED,
    JOB_RUNNING,
    JOB_PAUSED,
    JOB_READY,
    JOB_STANDBY,
    JOB_WAITING,
    JOB_PENDING,
    JOB_ABORTING,
    JOB_CONCLUDED,
    JOB_NULL,
    JOB_STATUSES,
} JobStatus;

typedef enum JobVerb {
    JOB_CANCEL,
    JOB_PAUSE,
    JOB_RESUME,
    JOB_SET_SPEED,
    JOB_COMPLETE,
    JOB_FINALIZE,
    JOB_DISMISS,
    JOB_VERBS,
} JobVerb;

typedef struct Job Job;

typedef struct JobType {
    const char *name; /* "mirror" */
    bool block;       /* BLOCK_JOB_* events, query-block-jobs */
    bool completes;   /* has a phase "ready", which job-complete ends */
    /* The work, on the job's thread. False: failed. */
    bool (*run)(Job *job, Error **errp);
    /* Main loop, machine lock; NULL: nothing to do. @cancelled: asked to end
     * in phase "ready" without its effect. */
    bool (*prepare)(Job *job, Error **errp);
    void (*commit)(Job *job);
    void (*abort)(Job *job);
    void (*clean)(Job *job); /* after either, and free job->opaque */
} JobType;

struct Job {
    /* constant */
    Machine *m;
    const JobType *type;
    char *id;
    void *opaque; /* the type's */
    bool auto_finalize, auto_dismiss;
    Thread thread;
    /* machine lock */
    JobStatus status;
    bool user_paused, soft_cancelled, completing;
    char *error; /* why it failed */
    /* .lock, a leaf; its partner is the thread */
    Lock lock;
    Cond wake;
    _Atomic bool cancel, complete; /* set with it, read without */
    bool pause, kicked;
    bool busy;
    bool failed_io;       /* paused by a failed request */
    bool no_space;        /* which found no room */
    uint64_t done, total; /* progress, in bytes for block jobs */
    int64_t speed;        /* bytes a second; 0: no limit */
    int64_t next_ns;      /* of CLOCK_RT: when the limit lets it go on */
};

typedef struct JobOptions {
    const char *id; /* NULL: none given */
    int64_t speed;
    bool manual_finalize, manual_dismiss;
} JobOptions;

/*
 * job_new: check @o and make a job, in state "created". Main loop. The caller
 * sets it up, then calls job_start(), or job_discard() when that fails.
 */
Job *job_new(Machine *m, const JobType *type, const JobOptions *o, void *opaque,
             Error **errp);
void job_start(Job *job);
void job_discard(Job *job); /* does not call the type */
Job *job_find(Machine *m, const char *id);
void job_each(Machine *m, void (*fn)(Job *job, void *opaque), void *opaque);
/* End all jobs, by force, and wait. Machine lock; at the end of a machine. */
void jobs_free(Machine *m);

const char *job_status_name(JobStatus s);
const char *job_verb_name(JobVerb v);

/* --- verbs: main loop, machine lock; false: not in this state --- */

bool job_allows(Job *job, JobVerb verb, Error **errp);
/* @force: also one that is ready, whose effect has to be left out. */
bool job_cancel(Job *job, bool force, Error **errp);
bool job_pause(Job *job, Error **errp);
bool job_resume(Job *job, Error **errp);
bool job_set_speed(Job *job, int64_t speed, Error **errp);
bool job_complete(Job *job, Error **errp);
bool job_finalize(Job *job, Error **errp);
bool job_dismiss(Job *job, Error **errp);

/* --- for the thread --- */

/* Stand still while paused; false: cancelled, so return. Called often. */
bool job_may_go_on(Job *job);
/* @bytes were moved: wait as the speed says. */
void job_limit(Job *job, uint64_t bytes);
/* Wait for at most @ns, or for a kick, a pause, an end. */
void job_wait(Job *job, int64_t ns);
void job_kick(Job *job); /* any thread */
void job_progress(Job *job, uint64_t done, uint64_t total);
/* Phase "ready"; returns once everybody has been told. */
void job_set_ready(Job *job);
/* A request failed and the job shall wait for the user: pause it. */
void job_pause_for_error(Job *job, bool no_space);
bool job_should_complete(Job *job);
/* Run @fn in the main loop, under the machine lock, and wait. */
void job_in_main(Job *job, void (*fn)(Job *job, void *data), void *data);
/* For the main loop: was it cancelled in phase "ready"? */
static inline bool job_soft_cancelled(const Job *job)
{
    return job->soft_cancelled;
}

#endif
