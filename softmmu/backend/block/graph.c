/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing the graph while it is in use: drained sections, filters. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/drive.h"
#include "softmmu/machine/create.h"

/* --- drained sections --- */

void block_drained_begin(Machine *m)
{
    BlockSystem *sys = block_system(m);

    for (guint i = 0; i < sys->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(sys->backends, i);

        if (blk->ctx != m->loop) {
            loop_context_quiesce(blk->ctx);
        }
        block_drain(blk);
    }
}

void block_drained_end(Machine *m)
{
    BlockSystem *sys = block_system(m);

    for (guint i = 0; i < sys->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(sys->backends, i);

        if (blk->ctx != m->loop) {
            loop_context_resume(blk->ctx);
        }
    }
}

/* --- replacing --- */

static void move_use(BlockNode **slot, BlockNode *to)
{
    BlockNode *from = *slot;

    object_ref(to);
    to->users++;
    *slot = to;
    from->users--;
    block_node_drop(from);
}

typedef struct Replace {
    BlockNode *from, *to;
} Replace;

static void replace_child(BlockNode *node, void *opaque)
{
    Replace *r = opaque;

    if (node == r->to) {
        return; /* the filter goes on using what it filters */
    }
    if (node->file == r->from) {
        move_use(&node->file, r->to);
    }
    if (node->backing == r->from) {
        move_use(&node->backing, r->to);
    }
}

void block_graph_replace(BlockNode *from, BlockNode *to)
{
    Machine *m = from->m;
    BlockSystem *sys = block_system(m);
    Replace r = { from, to };

    object_ref(from); /* its last user may be among them */
    for (guint i = 0; i < sys->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(sys->backends, i);

        if (blk->node == from) {
            from->writers -= blk->writable;
            to->writers += blk->writable;
            move_use(&blk->node, to);
        }
    }
    block_node_each(m, replace_child, &r);
    object_unref(from);
}

/* --- filters --- */

BlockNode *block_filter_new(const BlockDriver *drv, const char *name,
                            BlockNode *child, void *state, Error **errp)
{
    BlockNode *node = (BlockNode *)object_new(&block_node_type);
    Machine *m = child->m;

    node->m = m;
    node->drv = drv;
    node->active = true;
    node->read_only = child->read_only;
    node->discard = BLOCK_DISCARD_UNMAP; /* the child's to say */
    node->implicit = !name;
    node->jobs = 1; /* it is there for one */
    node->limits = child->limits;
    node->priv = g_new(void *, 1);
    *(void **)node->priv = state;
    node->file = block_node_ref(child);
    child->users++;
    if (!block_node_name(node, name, errp)) {
        object_unref(node);
        return NULL;
    }
    node->auto_name = true; /* it goes with its last user */
    return node;
}

bool block_filter_open(BlockNode *node, json_object *options, const char *key,
                       Error **errp)
{
    node->file = block_node_child(node, options, key, errp);
    if (!node->file) {
        return false;
    }
    if (node->file->read_only && !node->read_only) {
        error_set(errp, "Block node is read-only");
        return false;
    }
    node->discard = BLOCK_DISCARD_UNMAP; /* the child's to say */
    node->limits = node->file->limits;
    return true;
}

uint64_t block_filter_length(BlockNode *node)
{
    return block_node_length(node->file);
}

/* --- finding --- */

BlockNode *block_find_root(Machine *m, const char *device, Error **errp)
{
    BlockBackend *blk = block_backend_find(m, device);
    BlockNode *node = blk ? blk->node : block_node_find(m, device);

    while (node && node->implicit) {
        node = node->file;
    }
    if (!node && blk) {
        error_set(errp, "Device '%s' has no medium", device);
    } else if (!node) {
        error_set(errp, "Cannot find device='%s' nor node-name='%s'", device,
                  device);
    }
    return node;
}
