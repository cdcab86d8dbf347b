/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `-object iothread`: a thread that runs a loop context of its own, for
 * virtqueues and disks off the main thread. It never takes the machine lock
 * (DECISIONS 27). Machine lock, but for what runs in its context.
 */
#ifndef SOFTMMU_LOOP_IOTHREAD_H
#define SOFTMMU_LOOP_IOTHREAD_H

#include "softmmu/loop/loop.h"
#include "softmmu/object/object.h"

typedef struct IOThread {
    Object parent;
    LoopContext *ctx; /* constant after complete */
    int thread_id;    /* of the kernel, as query-iothreads shows it */
    /* properties, live: see loop_context_set_poll() */
    int64_t poll_max_ns, poll_grow, poll_shrink;
    /* properties for the disks in this context */
    int64_t max_batch;          /* requests sent at once; 0: their choice */
    int64_t pool_min, pool_max; /* worker threads */
} IOThread;

extern const UserCreatableType iothread_type; /* "iothread" */

/* The types of softmmu/loop, NULL-terminated. */
extern const ObjectType *const loop_types[];

#endif
