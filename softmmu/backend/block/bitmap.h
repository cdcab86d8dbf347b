/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty bitmaps inside the block layer (bitmap.c). */
#ifndef BLOCK_BITMAP_H
#define BLOCK_BITMAP_H

#include "copy.h"
#include "softmmu/backend/block_bitmap.h"

typedef struct BlockBitmap BlockBitmap;

/* Of each node. */
void block_bitmaps_init(BlockNode *node);
void block_bitmaps_destroy(BlockNode *node);
/* Any thread: @bytes from @offset on are about to change. */
void block_bitmaps_mark(BlockNode *node, uint64_t offset, uint64_t bytes);
/* Main thread, drained: nodes may have another length. */
void block_bitmaps_resized(Machine *m);

/* --- for jobs; main thread, machine lock --- */

/* Take the bitmap of this name for a job, drained: what is written from here
 * on counts for afterwards. A reference, or NULL. */
BlockBitmap *block_bitmap_hold(BlockNode *node, const char *name, Error **errp);
/* Set in @map what it had then. */
void block_bitmap_to_map(BlockBitmap *b, CopyMap *map);
/* Drained: give it back, with what was written meanwhile; besides with what it
 * had
 * (@keep), or with what @left (NULL: nothing) still has. */
void block_bitmap_release(BlockBitmap *b, bool keep, CopyMap *left);

#endif
