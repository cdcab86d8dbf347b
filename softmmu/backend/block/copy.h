/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jobs that copy have in common (copy.c). */
#ifndef BLOCK_COPY_H
#define BLOCK_COPY_H

#include "internal.h"
#include "softmmu/backend/block_job.h"

enum { COPY_MAX = 1024 * 1024 }; /* bytes moved at once */

/* Which chunks of a disk are still to be copied. */
typedef struct CopyMap {
    uint64_t length, chunk, chunks; /* constant */
    /* .lock, a leaf */
    Lock lock;
    Cond changed;
    uint64_t *bits; /* NULL: not set up */
    uint64_t set;   /* how many are */
    uint64_t next;  /* where copy_map_next() goes on */
} CopyMap;
void copy_map_init(CopyMap *map, uint64_t length, uint64_t chunk);
void copy_map_destroy(CopyMap *map); /* also one of zeros */
/* Any thread, these. */
void copy_map_set(CopyMap *map, uint64_t offset, uint64_t bytes);
bool copy_map_take(CopyMap *map, uint64_t index); /* clear; was it set? */
uint64_t copy_map_count(CopyMap *map);
/* Take the next run of chunks, @max bytes at most but for one chunk. */
bool copy_map_next(CopyMap *map, uint64_t max, uint64_t *offset,
                   uint64_t *bytes);
/* Set what @sync says at the start; the top is what lies above @base. */
void copy_map_by_sync(CopyMap *map, BlockNode *source, BlockNode *base,
                      BlockSync sync);

/* 0 or -errno, and on which side. A worker's or a job's thread, or the main
 * loop in a drained section. */
int copy_piece(BlockNode *from, BlockNode *to, uint64_t offset, uint64_t bytes,
               bool *on_target);
/* The job's thread: a piece failed. True: by its policy it is to be tried
 * again (after a pause); false: the job fails, with *errp. */
bool copy_try_again(Job *job, BlockOnError how, bool read, int status,
                    Error **errp);

/* Does no job have this node? */
bool copy_is_free(const BlockNode *node, Error **errp);
/* Nor any from @top down to @last, of one chain? */
bool copy_chain_is_free(BlockNode *top, const BlockNode *last, Error **errp);
/* The disk of a job, which no other job has. */
bool copy_find_source(Machine *m, const char *device, BlockNode **source,
                      Error **errp);
/* A reference to the target, writable and of the source's size. */
bool copy_find_target(Machine *m, const BlockJobOptions *o, BlockNode *source,
                      BlockNode **target, Error **errp);
bool copy_granularity(const BlockJobOptions *o, uint64_t *chunk, Error **errp);
/* The job's id: as given, else the drive's; NULL: neither. */
const char *copy_job_id(const BlockJobOptions *o, Machine *m);

/* The nodes from @top down to above @end stay as they are: a reference to each
 * but @own, and no other job may begin there. Undone by the other. */
GPtrArray *copy_hold_chain(BlockNode *top, BlockNode *end, BlockNode *own);
void copy_release_chain(GPtrArray *held); /* or NULL */

/* --- a job that copies one node to another below a filter --- */

/* First in the state of such a job. */
typedef struct CopyJob {
    BlockNode *source, *target, *filter; /* references */
    BlockNode *base; /* above it is what BLOCK_SYNC_TOP copies */
    BlockOnError on_source, on_target;
    CopyMap map;                /* what is to be copied */
    struct BlockBitmap *bitmap; /* BLOCK_SYNC_BITMAP: says what; or NULL */
    uint64_t copied;
} CopyJob;

/* Make the job, put @filter above the source, and go. @s has source, target
 * and perhaps base, and keeps them; the map is set as @sync says, while no
 * request is in flight. False: nothing has changed. Main thread. */
bool copy_job_start(Machine *m, const BlockJobOptions *o, const JobType *type,
                    const BlockDriver *filter, BlockSync sync, CopyJob *s,
                    Error **errp);
/* The filter goes, and all references; drained. */
void copy_job_clean(CopyJob *s);
/* After a piece of @bytes: what query-jobs shows. The job's thread,
 * or drained. */
void copy_job_progress(Job *job, CopyJob *s, uint64_t bytes);

#endif
