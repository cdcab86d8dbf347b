/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dirty bitmaps: which pieces of a node were written while the bitmap was
 * recording. Backups copy by them (block_job.h). They live as long as the
 * process: raw images have no place for them.
 *
 * Spec: QEMU's "Dirty Bitmaps and Incremental Backup" and QMP reference.
 * Main thread, machine lock, all of these; @node is a node's name or a
 * drive's id.
 */
#ifndef SOFTMMU_BACKEND_BLOCK_BITMAP_H
#define SOFTMMU_BACKEND_BLOCK_BITMAP_H

#include "softmmu/backend/block.h"

typedef struct BlockBitmapName {
    const char *node, *name;
} BlockBitmapName;

typedef struct BlockBitmapView {
    const char *name; /* NULL: what a job's bitmap will be when it ends */
    uint64_t count;   /* dirty bytes, of whole pieces */
    uint32_t granularity;
    bool recording;
    bool busy; /* a job has it: it can be looked at, no more */
} BlockBitmapView;

/* Strings are valid inside @fn. @node is a node's name. */
void block_each_bitmap(Machine *m, const char *node,
                       void (*fn)(const BlockBitmapView *v, void *opaque),
                       void *opaque);
/* @granularity in bytes, a power of two from 512 on; 0: 64 KiB. False: the
 * name is taken or no name, no such node, or @persistent. */
bool block_bitmap_add(Machine *m, const BlockBitmapName *b,
                      uint32_t granularity, bool persistent, bool recording,
                      Error **errp);
/* False, these: there is none, or a job has it. */
bool block_bitmap_remove(Machine *m, const BlockBitmapName *b, Error **errp);
bool block_bitmap_clear(Machine *m, const BlockBitmapName *b, Error **errp);
bool block_bitmap_record(Machine *m, const BlockBitmapName *b, bool on,
                         Error **errp);
/* Add to @target what @n sources have, of whatever granularity, or change
 * nothing. */
bool block_bitmap_merge(Machine *m, const BlockBitmapName *target,
                        const BlockBitmapName *sources, size_t n, Error **errp);

/* All bitmaps as they are, for a transaction that may have to take back what
 * it does to them; NULL: no memory. */
typedef struct BlockBitmapsSaved BlockBitmapsSaved;
BlockBitmapsSaved *block_bitmaps_save(Machine *m, Error **errp);
/* Forget it; @restore: after making all as it was then. */
void block_bitmaps_saved_free(BlockBitmapsSaved *saved, bool restore);

#endif
