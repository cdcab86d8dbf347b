/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What monitors ask of the block layer. Main thread, machine lock. */
#ifndef SOFTMMU_BACKEND_BLOCK_QUERY_H
#define SOFTMMU_BACKEND_BLOCK_QUERY_H

#include "softmmu/backend/block.h"

typedef struct BlockNodeView {
    const char *name, *driver, *filename;
    const char *detect_zeroes; /* "off", "on", "unmap" */
    uint64_t length;
    bool read_only, active, direct, no_flush;
} BlockNodeView;

typedef struct BlockBackendView {
    const char *name; /* "" for one made for a node */
    Object *dev;      /* NULL: no device */
    bool write_cache, has_node;
    int io_status; /* 0: ok, 1: failed, 2: no space */
    BlockNodeView node;
    uint64_t bytes[BLOCK_OPS], ops[BLOCK_OPS], failed[BLOCK_OPS];
} BlockBackendView;

/* Strings are valid inside @fn. */
void block_each_node(Machine *m,
                     void (*fn)(const BlockNodeView *v, void *opaque),
                     void *opaque);
void block_each_backend(Machine *m,
                        void (*fn)(const BlockBackendView *v, void *opaque),
                        void *opaque);
/* By drive id, or else node name. */
bool block_resize(Machine *m, const char *device, const char *node,
                  uint64_t size, Error **errp);

#endif
