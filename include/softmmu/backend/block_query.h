/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What monitors ask of the block layer. Main thread, machine lock. */
#ifndef SOFTMMU_BACKEND_BLOCK_QUERY_H
#define SOFTMMU_BACKEND_BLOCK_QUERY_H

#include "softmmu/backend/block.h"

/* Limits: requests and bytes a second. */
typedef enum BlockLimit {
    BLOCK_BPS,
    BLOCK_BPS_READ,
    BLOCK_BPS_WRITE,
    BLOCK_IOPS,
    BLOCK_IOPS_READ,
    BLOCK_IOPS_WRITE,
    BLOCK_RATES,
} BlockLimit;
typedef struct BlockRate {
    uint64_t average, max; /* a second; 0: no limit, no bursts */
    uint64_t length;       /* of bursts, in seconds; 0: 1 */
} BlockRate;
typedef struct BlockThrottle {
    BlockRate rate[BLOCK_RATES];
    uint64_t iops_size; /* bytes that count as one request; 0: any number */
    char *group;        /* who shares them; NULL: the drive alone */
} BlockThrottle;
/* By drive id (@device) or path or id of its device (@id). */
bool block_set_throttle(Machine *m, const char *device, const char *id,
                        const BlockThrottle *t, Error **errp);

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
    BlockThrottle throttle; /* .group NULL: none is in force */
    uint64_t time_ns[BLOCK_OPS], highest_write;
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
