/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting jobs on disks, for QMP and HMP. Main loop, machine lock. */
#ifndef SOFTMMU_BACKEND_BLOCK_JOB_H
#define SOFTMMU_BACKEND_BLOCK_JOB_H

#include "softmmu/backend/block.h"
#include "softmmu/machine/job.h"

typedef enum BlockSync {
    BLOCK_SYNC_FULL,   /* the whole disk */
    BLOCK_SYNC_TOP,    /* what its top layer holds */
    BLOCK_SYNC_NONE,   /* only what is written from now on */
    BLOCK_SYNC_BITMAP, /* backup: what the bitmap says */
} BlockSync;

/* What a backup's bitmap has afterwards besides what was written meanwhile. */
typedef enum BlockBitmapMode {
    BLOCK_BITMAP_ON_SUCCESS, /* nothing, or after a failure what it had */
    BLOCK_BITMAP_NEVER,      /* what it had */
    BLOCK_BITMAP_ALWAYS,     /* what was not copied */
} BlockBitmapMode;

typedef struct BlockJobOptions {
    JobOptions job;                        /* .id NULL: the drive's */
    const char *device;                    /* a drive's id or a node's name */
    const char *target;                    /* a node's name */
    const char *target_file, *target_name; /* or a raw file, and its node's */
    bool create;                           /* make that file first */
    const char *replaces; /* mirror: the node to replace; NULL: the source */
    const char *filter_name;
    const char *base, *top; /* commit, stream: nodes' names; NULL: the ends */
    BlockSync sync;
    const char *bitmap; /* backup: of the source; NULL: none */
    BlockBitmapMode bitmap_mode;
    uint64_t granularity; /* bytes, a power of two; 0: 64 KiB */
    bool write_blocking;  /* mirror: the guest's writes go to both */
    BlockOnError on_source, on_target; /* ENOSPC: stop for that alone */
} BlockJobOptions;

/* Copy the disk, then follow it until job-complete, which makes the device
 * use the target. */
bool block_mirror_start(Machine *m, const BlockJobOptions *o, Error **errp);
/* Write the disk's temporary layer down into the image below it; complete
 * like a mirror. */
bool block_commit_start(Machine *m, const BlockJobOptions *o, Error **errp);
/* Copy the disk as it is now, old data before new is written over it. */
bool block_backup_start(Machine *m, const BlockJobOptions *o, Error **errp);
/* Fill the disk's temporary layer until nothing below it is needed. */
bool block_stream_start(Machine *m, const BlockJobOptions *o, Error **errp);
/* blockdev-create: @options is its member "options". */
bool block_create_start(Machine *m, const char *id, json_object *options,
                        Error **errp);
/* HMP commit: at once, and the layer is empty then. */
bool block_commit_now(Machine *m, const char *device, Error **errp);

#endif
