/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes and drivers. A driver works synchronously, on worker threads, several
 * requests of a node at once; asynchrony is the BlockBackend's (backend.c).
 */
#ifndef BLOCK_INTERNAL_H
#define BLOCK_INTERNAL_H

#include "softmmu/backend/block.h"
#include "softmmu/base/lock.h"
#include "softmmu/machine/machine.h"

enum { BLOCK_SECTOR = 512 };

typedef struct BlockDriver {
    const char *name; /* "file", "raw" */
    size_t size;      /* of the node's private part */
    /* Take what it knows out of @options (a JSON object of its own), open.
     * Main thread, machine lock. What is left in @options is an error. */
    bool (*open)(BlockNode *node, json_object *options, Error **errp);
    void (*close)(BlockNode *node); /* after a failed open too */
    /* One request, 0 or -errno. Worker threads. @iov holds @bytes for reads
     * and writes. Never out of range. */
    int (*io)(BlockNode *node, BlockOp op, uint64_t offset, uint64_t bytes,
              const struct iovec *iov, int niov, uint32_t flags);
    uint64_t (*length)(BlockNode *node);
    /* Take the image, with its lock, or give it up once all of it is stable;
     * NULL: nothing to do. Main thread, no request in flight. */
    bool (*set_active)(BlockNode *node, bool active, Error **errp);
    bool (*truncate)(BlockNode *node, uint64_t length, Error **errp);
    /* What query-block shows as "file"; NULL: the child's. */
    const char *(*filename)(BlockNode *node);
} BlockDriver;
extern const BlockDriver *const block_drivers[]; /* NULL-terminated */

struct BlockNode {
    Object parent; /* in the tree while it has a name: /backend */
    Machine *m;
    const BlockDriver *drv;
    void *priv;
    BlockNode *file;    /* the child, a reference; NULL: none */
    BlockNode *backing; /* overlay: what is below, a reference */
    char *name;         /* node-name */
    bool read_only;
    bool auto_name;
    /* Ours to write; false: another process has the image (migration) and we
     * hold no lock. Changed with no request in flight. */
    bool active;
    BlockLimits limits;
    /* permissions, machine lock: who uses it */
    int users, writers;
    bool cache_direct, cache_no_flush;
    bool detect_zeroes, discard_unmap;
};
extern const ObjectType block_node_type;

/* Open a node from a -blockdev form; @options is used up. */
BlockNode *block_node_open(Machine *m, json_object *options, Error **errp);
/* Give a reference back; a node without a name of its own that nobody uses
 * leaves the graph. NULL is allowed. */
void block_node_drop(BlockNode *node);
/* Take or give up the image of @node alone; see block_activate_all(). */
bool block_node_set_active(BlockNode *node, bool active, Error **errp);
BlockNode *block_node_find(Machine *m, const char *name);
/* The child @key of @options: an inline node, or a reference by name. */
BlockNode *block_node_child(BlockNode *node, json_object *options,
                            const char *key, Error **errp);
int block_node_io(BlockNode *node, BlockOp op, uint64_t offset, uint64_t bytes,
                  const struct iovec *iov, int niov, uint32_t flags);
uint64_t block_node_length(BlockNode *node);
const char *block_node_filename(BlockNode *node);
void block_node_each(Machine *m, void (*fn)(BlockNode *node, void *opaque),
                     void *opaque);
/* Put a writable, temporary layer on @base (-snapshot). */
BlockNode *block_overlay_new(Machine *m, BlockNode *base, Error **errp);

/* --- the pool of workers, one a machine --- */

typedef struct BlockSystem {
    Machine *m;
    Notifier on_state;
    Lock lock; /* a leaf: the queue */
    Cond work;
    GQueue queue;       /* BlockRequest * */
    GPtrArray *threads; /* Thread * */
    int idle;
    bool ending;
    /* machine lock */
    GPtrArray *backends; /* BlockBackend * */
    bool inactive;       /* new nodes are opened so: -incoming */
} BlockSystem;
BlockSystem *block_system(Machine *m); /* made on first use */

typedef struct BlockStats {
    uint64_t bytes[BLOCK_OPS], ops[BLOCK_OPS], failed[BLOCK_OPS];
} BlockStats;

struct BlockBackend {
    BlockSystem *sys;
    BlockNode *node; /* a reference; NULL: no medium */
    char *name;      /* drive id; "": made for a node */
    char *serial;
    Object *dev; /* who has it */
    const BlockDevOps *ops;
    void *opaque;
    LoopContext *ctx;
    bool writable, write_cache;
    BlockOnError on_read_error, on_write_error;
    /* .lock, a leaf */
    Lock lock;
    Cond finished;
    GQueue in_flight; /* BlockRequest *, submitted and not delivered */
    BlockStats stats;
};
BlockBackend *block_backend_new(Machine *m, const char *name, BlockNode *node);
void block_backend_free(BlockBackend *blk);
BlockBackend *block_backend_find(Machine *m, const char *name);
/* Empty m->config.drives; the back ends are gone already. */
void drives_free(Machine *m);

#endif
