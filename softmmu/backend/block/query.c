/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "bitmap.h"
#include "softmmu/backend/drive.h"
#include "throttle.h"

static BlockNodeView view_of(BlockNode *node)
{
    /* Caching is the protocol node's. */
    BlockNode *file;

    while (node->implicit) {
        node = node->file;
    }
    file = node;
    while (file->file || file->backing) {
        file = file->file ? file->file : file->backing;
    }
    return (BlockNodeView){ .name = node->name,
                            .driver = node->drv->name,
                            .filename = block_node_filename(node),
                            .length = block_node_length(node),
                            .read_only = node->read_only,
                            .active = node->active,
                            .direct = file->cache_direct,
                            .no_flush = file->cache_no_flush,
                            .detect_zeroes =
                                block_zeroes_names[node->detect_zeroes] };
}

typedef struct NodeCall {
    void (*fn)(const BlockNodeView *v, void *opaque);
    void *opaque;
} NodeCall;

static void call_node(BlockNode *node, void *opaque)
{
    NodeCall *call = opaque;
    BlockNodeView v = view_of(node);

    call->fn(&v, call->opaque);
}

void block_each_node(Machine *m,
                     void (*fn)(const BlockNodeView *v, void *opaque),
                     void *opaque)
{
    NodeCall call = { fn, opaque };

    block_node_each(m, call_node, &call);
}

void block_each_backend(Machine *m,
                        void (*fn)(const BlockBackendView *v, void *opaque),
                        void *opaque)
{
    BlockSystem *sys = m->block;

    for (guint i = 0; sys && i < sys->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(sys->backends, i);
        BlockBackendView v = { .name = blk->name,
                               .dev = blk->dev,
                               .write_cache = blk->write_cache,
                               .io_status = atomic_load(&blk->io_status),
                               .has_node = blk->node != NULL };

        if (blk->node) {
            v.node = view_of(blk->node);
        }
        if (blk->group) {
            v.throttle = block_group_get(blk->group);
        }
        lock_acquire(&blk->lock);
        memcpy(v.time_ns, blk->stats.time_ns, sizeof(v.time_ns));
        v.highest_write = blk->stats.highest_write;
        memcpy(v.bytes, blk->stats.bytes, sizeof(v.bytes));
        memcpy(v.ops, blk->stats.ops, sizeof(v.ops));
        memcpy(v.failed, blk->stats.failed, sizeof(v.failed));
        lock_release(&blk->lock);
        fn(&v, opaque);
    }
}

static void tell_users(BlockNode *node)
{
    BlockSystem *sys = node->m->block;

    for (guint i = 0; sys && i < sys->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(sys->backends, i);

        if (blk->node == node && blk->ops && blk->ops->resized) {
            blk->ops->resized(blk->opaque);
        }
    }
}

bool block_resize(Machine *m, const char *device, const char *name,
                  uint64_t size, Error **errp)
{
    BlockBackend *blk = device ? block_backend_find(m, device) : NULL;
    BlockNode *node = blk ? blk->node : name ? block_node_find(m, name) : NULL;
    bool ok;

    if (!node) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND,
                        "Cannot find device='%s' nor node-name='%s'",
                        device ? device : "", name ? name : "");
        return false;
    }
    if (size % BLOCK_SECTOR || size > INT64_MAX) {
        error_set(errp, "Parameter 'size' expects a multiple of %d",
                  BLOCK_SECTOR);
        return false;
    }
    if (node->implicit || node->jobs > 0) {
        error_set(errp,
                  "Node '%s' is busy: block device is in use by a block "
                  "job",
                  node->name);
        return false;
    }
    if (node->read_only || !node->drv->truncate) {
        error_set(errp, "node '%s' cannot be resized", node->name);
        return false;
    }
    block_drained_begin(m);
    ok = node->drv->truncate(node, size, errp);
    if (ok) {
        block_bitmaps_resized(m);
        tell_users(node);
    }
    block_drained_end(m);
    return ok;
}

/* --- limits --- */

static BlockBackend *find_used_by(Machine *m, const char *id)
{
    BlockSystem *sys = m->block;

    for (guint i = 0; sys && i < sys->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(sys->backends, i);
        g_autofree char *path = blk->dev ? object_path(blk->dev) : NULL;
        /* A transport's id stands for the device inside. */
        const char *name = !blk->dev ? NULL
                           : strcmp(blk->dev->name, "virtio-backend") == 0
                               ? blk->dev->parent->name
                               : blk->dev->name;

        if (path && (strcmp(path, id) == 0 || strcmp(name, id) == 0)) {
            return blk;
        }
    }
    return NULL;
}

static BlockBackend *block_find_backend(Machine *m, const char *device,
                                        const char *id, Error **errp)
{
    BlockBackend *blk = device ? block_backend_find(m, device)
                        : id   ? find_used_by(m, id)
                               : NULL;

    if (!device == !id) {
        error_set(errp, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    if (!blk) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                        device ? device : id);
    }
    return blk;
}

bool block_set_throttle(Machine *m, const char *device, const char *id,
                        const BlockThrottle *t, Error **errp)
{
    BlockBackend *blk = block_find_backend(m, device, id, errp);

    if (!blk || !block_throttle_check(t, errp)) {
        return false;
    }
    if (!t->group && !blk->name[0]) {
        error_set(errp, "a group is needed for a device without a drive id");
        return false;
    }
    block_backend_throttle(blk, t);
    return true;
}
