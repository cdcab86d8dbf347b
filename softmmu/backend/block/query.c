/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/block_query.h"

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
        lock_acquire(&blk->lock);
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
    if (!node->drv->truncate(node, size, errp)) {
        return false;
    }
    tell_users(node);
    return true;
}
