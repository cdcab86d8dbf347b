/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes and drivers. A driver works synchronously, on worker threads, several
 * requests of a node at once; asynchrony is the BlockBackend's (backend.c).
 */
#ifndef BLOCK_INTERNAL_H
#define BLOCK_INTERNAL_H

#include "softmmu/backend/block.h"
#include "softmmu/backend/block_query.h"
#include "softmmu/base/lock.h"
#include "softmmu/machine/machine.h"

enum { BLOCK_SECTOR = 512 };

/* A request on its way down the graph. */
typedef struct BlockIo {
    BlockOp op;
    uint64_t offset, bytes;
    const struct iovec *iov; /* of @bytes, for reads and writes */
    int niov;
    uint32_t flags; /* BLOCK_REQ_x */
} BlockIo;

/* Of a node inside the graph: its parent follows discards, so it need not be
 * told again. */
enum { BLOCK_REQ_DISCARDS = 1u << 16 };
/* The limits of throttle nodes on its way have counted it, up to the first
 * layer. */
enum { BLOCK_REQ_ADMITTED = 1u << 17 };
/* It is not to wait for any: a thread has it that holds the machine lock. */
enum { BLOCK_REQ_NO_WAIT = 1u << 18 };

typedef struct BlockRequest BlockRequest;
typedef struct BlockRing BlockRing;
typedef struct BlockGroup BlockGroup;

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
    /* Optional: a request that passes as it is, moved by some bytes at most,
     * goes on at the child returned. */
    BlockNode *(*route)(BlockNode *node, BlockIo *io);
    /* Optional: the descriptor by which a ring may do @io, or -1: it is for
     * workers. */
    int (*ring_fd)(BlockNode *node, const BlockIo *io);
    uint64_t (*length)(BlockNode *node);
    /* Open it again, changed so; no request in flight. NULL: cannot. */
    bool (*reopen)(BlockNode *node, bool read_only, bool direct, Error **errp);
    /* Take the image, with its lock, or give it up once all of it is stable;
     * NULL: nothing to do. Main thread, no request in flight. */
    bool (*set_active)(BlockNode *node, bool active, Error **errp);
    bool (*truncate)(BlockNode *node, uint64_t length, Error **errp);
    /* Optional: blockdev-reopen with options of its own. Take them out and
     * keep in *change what they ask for; then, drained, do it or (@commit
     * false) forget it. */
    bool (*prepare)(BlockNode *node, json_object *options, void **change,
                    Error **errp);
    void (*finish)(BlockNode *node, void *change, bool commit);
    /* What query-block shows as "file"; NULL: the child's. */
    const char *(*filename)(BlockNode *node);
} BlockDriver;
extern const BlockDriver *const block_drivers[]; /* NULL-terminated */
extern const BlockDriver block_overlay_driver, block_blkdebug_driver,
    block_throttle_driver;

/* What discard= says; unset is "ignore" at the top, else the parent's. */
typedef enum BlockDiscard {
    BLOCK_DISCARD_UNSET,
    BLOCK_DISCARD_IGNORE,
    BLOCK_DISCARD_UNMAP,
} BlockDiscard;

typedef enum BlockZeroes {
    BLOCK_ZEROES_OFF,
    BLOCK_ZEROES_ON,
    BLOCK_ZEROES_UNMAP,
    BLOCK_ZEROES_MODES,
} BlockZeroes;

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
    bool auto_read_only; /* where the host forbids more */
    bool force_share;    /* no lock */
    bool implicit;       /* a job's filter: queries show what is below */
    /* Ours to write; false: another process has the image (migration) and we
     * hold no lock. Changed with no request in flight. */
    _Atomic bool active;
    BlockLimits limits;
    /* bitmap.c */
    Lock bitmap_lock;
    GPtrArray *bitmaps; /* BlockBitmap *, what they track is this node */
    _Atomic bool has_bitmaps;
    /* permissions, machine lock: who uses it */
    int users, writers;
    int jobs; /* that need it as it is */
    bool cache_direct, cache_no_flush;
    BlockZeroes detect_zeroes;
    BlockDiscard discard;
};
extern const char *const block_zeroes_names[BLOCK_ZEROES_MODES];
extern const ObjectType block_node_type;

/* Has everything been taken out of @options? If not, the error names one,
 * after @prefix. */
bool block_options_done(json_object *options, const char *prefix, Error **errp);
/* Open a node from a -blockdev form; @options is used up. */
BlockNode *block_node_open(Machine *m, json_object *options, Error **errp);
/* Give a reference back; a node without a name of its own that nobody uses
 * leaves the graph. NULL is allowed. */
void block_node_drop(BlockNode *node);
/* Name a new node (NULL: find one) and put it into the tree. */
bool block_node_name(BlockNode *node, const char *name, Error **errp);
/* Change it and its children, opening files anew. Main thread. */
bool block_node_set_read_only(BlockNode *node, bool read_only, Error **errp);
/* Take or give up the image of @node alone; see block_activate_all(). */
bool block_node_set_active(BlockNode *node, bool active, Error **errp);
static inline BlockNode *block_node_ref(BlockNode *node)
{
    object_ref(node);
    return node;
}
BlockNode *block_node_find(Machine *m, const char *name);
/* The child @key of @options: an inline node, or a reference by name. */
BlockNode *block_node_child(BlockNode *node, json_object *options,
                            const char *key, Error **errp);
int block_node_io(BlockNode *node, BlockOp op, uint64_t offset, uint64_t bytes,
                  const struct iovec *iov, int niov, uint32_t flags);
/* Follow @io to the node that a ring may do it for, and its descriptor; NULL:
 * it is for workers. */
BlockNode *block_node_route(BlockNode *node, BlockIo *io, int *fd);
uint64_t block_node_length(BlockNode *node);
const char *block_node_filename(BlockNode *node);
void block_node_each(Machine *m, void (*fn)(BlockNode *node, void *opaque),
                     void *opaque);
/* Put a writable, temporary layer on @base (-snapshot). */
BlockNode *block_overlay_new(Machine *m, BlockNode *base, Error **errp);

/* --- the temporary layer (overlay.c) --- */

bool block_is_overlay(const BlockNode *node);
/* The node of this name in the chain from @top down, or NULL. */
BlockNode *block_overlay_find(BlockNode *top, const char *name);
/* What the last layer from @node down lies on; @node if it is no layer. */
BlockNode *block_overlay_bottom(BlockNode *node);
/* Has any layer from @top down to above @base data of its own in this range?
 * Any thread, these two. */
bool block_overlay_holds(BlockNode *top, BlockNode *base, uint64_t offset,
                         uint64_t bytes);
/* Take the cluster at @offset from below, where @base (NULL: nothing) would
 * not give the same; *bytes to the next one. */
int block_overlay_fill(BlockNode *node, BlockNode *base, uint64_t offset,
                       uint64_t *bytes);
/* Drained: it needs nothing above @base (NULL: at all); forget all it holds. */
void block_overlay_rebase(BlockNode *node, BlockNode *base);
void block_overlay_empty(BlockNode *node);

/* --- changing the graph (graph.c); main thread --- */

/* All users of @from use @to, which may be a filter on it. Drained. */
void block_graph_replace(BlockNode *from, BlockNode *to);
/* A node on @child, in front of nobody yet, that goes with its last user;
 * *(void **)priv is @state. A reference, or NULL. */
BlockNode *block_filter_new(const BlockDriver *drv, const char *name,
                            BlockNode *child, void *state, Error **errp);
/* Of a driver: open the child that option @key names, and do as that does. */
bool block_filter_open(BlockNode *node, json_object *options, const char *key,
                       Error **errp);
uint64_t block_filter_length(BlockNode *node);
/* The top of a drive's graph, or a node, by name. */
BlockNode *block_find_root(Machine *m, const char *device, Error **errp);

/* Make a file of @size zeros (stream.c); "off", "falloc" or "full". */
bool block_create_file(Machine *m, const char *path, uint64_t size,
                       const char *preallocation, Error **errp);

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
    GPtrArray *rings; /* BlockRing *, one a context */
    /* machine lock */
    GPtrArray *backends; /* BlockBackend * */
    GPtrArray *groups;   /* BlockGroup * */
    bool inactive;       /* new nodes are opened so: -incoming */
    bool stopped;        /* the machine is */
    /* Drained sections, a stop, the end: > 0 and limits hold nobody back. */
    _Atomic int limits_lifted;
} BlockSystem;
BlockSystem *block_system(Machine *m); /* made on first use */

typedef struct BlockStats {
    uint64_t time_ns[BLOCK_OPS], highest_write;
    uint64_t bytes[BLOCK_OPS], ops[BLOCK_OPS], failed[BLOCK_OPS];
} BlockStats;

/* --- requests of a BlockBackend --- */

struct BlockRequest {
    BlockBackend *blk;
    BlockNode *node; /* the graph's top when it was started */
    BlockIo io;      /* as submitted */
    BlockDone *done;
    void *opaque;
    EventRequest event;
    /* the context's: which limits are still to be met */
    bool met_own;       /* the back end's are */
    BlockNode *to_meet; /* the next node to look at */
    int64_t start_ns;   /* of CLOCK_RT */
    /* the ring's */
    int fd;
    BlockIo host;       /* what the kernel is asked for */
    struct iovec *rest; /* host.iov's memory after a short transfer */
    /* blk->lock */
    bool finished; /* the host is done; status is valid */
    bool delivered;
    bool on_ring;
    int status;
};
/* The host is done with it. Any thread. */
void block_request_finish(BlockRequest *r, int status);
/* A ring cannot do it. Any thread. */
void block_request_to_worker(BlockRequest *r);

/* --- rings (uring.c) --- */

/* Can there be rings at all? */
bool block_ring_probe(Error **errp);
/* The ring of @ctx, in it or under its lock; NULL: the host refuses. */
BlockRing *block_ring_ref(BlockSystem *sys, LoopContext *ctx);
/* Main thread; none of the user's requests is in flight. */
void block_ring_unref(BlockRing *ring);
/* Queue r->host for r->fd; false: it is full. */
bool block_ring_add(BlockRing *ring, BlockRequest *r);
void block_ring_send(BlockRing *ring); /* what is queued */
/* Wait a while for a completion, while its context stands still. */
void block_ring_wait(BlockRing *ring);

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
    bool share_rw; /* other writers are welcome */
    BlockOnError on_read_error, on_write_error;
    _Atomic int
        io_status; /* of the error that stopped the machine: see the view */
    /* the context's, or quiesced */
    BlockRing *ring; /* NULL: not asked for yet, or refused */
    bool no_ring;    /* refused */
    unsigned plugged;
    BlockGroup *group; /* its limits; NULL: none */
    GQueue throttled;  /* BlockRequest *, submitted and not started */
    Timer throttle_timer;
    /* .lock, a leaf */
    Lock lock;
    Cond finished;
    GQueue in_flight; /* BlockRequest *, submitted and not delivered */
    unsigned on_ring; /* of these, how many a ring has */
    BlockStats stats;
};
BlockBackend *block_backend_new(Machine *m, const char *name, BlockNode *node);
void block_backend_free(BlockBackend *blk);
/* Its name and node are gone at once; what is left goes with its device, or
 * now. Main thread. */
void block_backend_retire(BlockBackend *blk);
/* Main thread. */
void block_backend_throttle(BlockBackend *blk, const BlockThrottle *t);
BlockBackend *block_backend_find(Machine *m, const char *name);
/* Empty m->config.drives; the back ends are gone already. */
void drives_free(Machine *m);

#endif
