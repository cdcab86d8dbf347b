/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block graph: schema/block.json. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/block_bitmap.h"
#include "softmmu/backend/block_query.h"
#include "softmmu/backend/drive.h"

bool qmp_blockdev_add(Machine *m, json_object *a, Error **errp)
{
    return blockdev_add(m, a, errp);
}

bool qmp_blockdev_del(Machine *m, const BlockdevDelArgs *a, Error **errp)
{
    return blockdev_del(m, a->node_name, errp);
}

bool qmp_blockdev_snapshot(Machine *m, const BlockdevSnapshotArgs *a,
                           Error **errp)
{
    return blockdev_snapshot(m, a->node, a->overlay, errp);
}

bool qmp_blockdev_set_active(Machine *m, const BlockdevSetActiveArgs *a,
                             Error **errp)
{
    return blockdev_set_active(m, a->node_name, a->active, errp);
}

static void collect_bitmap(const BlockBitmapView *v, void *opaque)
{
    BlockDirtyInfo *info = g_new0(BlockDirtyInfo, 1);

    info->name = g_strdup(v->name);
    info->count = v->count;
    info->granularity = v->granularity;
    info->recording = v->recording;
    info->busy = v->busy;
    qlist_append(&qtype_list_block_dirty_info, opaque, &info);
}

static BlockDeviceInfo *node_info(Machine *m, const BlockNodeView *v,
                                  bool write_cache)
{
    BlockDeviceInfo *info = g_new0(BlockDeviceInfo, 1);

    info->file = g_strdup(v->filename);
    info->node_name = g_strdup(v->name);
    block_each_bitmap(m, v->name, collect_bitmap, &info->dirty_bitmaps);
    info->ro = v->read_only;
    info->active = v->active;
    info->drv = g_strdup(v->driver);
    info->detect_zeroes = g_strdup(v->detect_zeroes);
    info->cache = g_new0(BlockdevCacheInfo, 1);
    *info->cache = (BlockdevCacheInfo){ write_cache, v->direct, v->no_flush };
    info->image = g_new0(ImageInfo, 1);
    info->image->filename = g_strdup(v->filename);
    info->image->format = g_strdup(v->driver);
    info->image->virtual_size = v->length;
    return info;
}

typedef struct NodeList {
    Machine *m;
    BlockDeviceInfoList *list;
} NodeList;

static void collect_node(const BlockNodeView *v, void *opaque)
{
    NodeList *all = opaque;
    BlockDeviceInfo *info = node_info(all->m, v, true);

    qlist_append(&qtype_list_block_device_info, &all->list, &info);
}

bool qmp_blockdev_reopen(Machine *m, const BlockdevReopenArgs *a, Error **errp)
{
    size_t n = json_object_is_type(a->options, json_type_array)
                   ? json_object_array_length(a->options)
                   : 0;

    if (n == 0) {
        error_set(errp, "Invalid parameter type for 'options', expected: "
                        "array");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        json_object *copy = NULL;
        bool ok;

        json_object_deep_copy(json_object_array_get_idx(a->options, i), &copy,
                              NULL);
        ok = blockdev_reopen(m, copy, errp);
        json_object_put(copy);
        if (!ok) {
            return false;
        }
    }
    return true;
}

BlockDeviceInfoList *
qmp_query_named_block_nodes(Machine *m, const QueryNamedBlockNodesArgs *a,
                            Error **errp)
{
    NodeList all = { .m = m };

    block_each_node(m, collect_node, &all);
    return all.list;
}

static void show_throttle(BlockDeviceInfo *info, const BlockThrottle *t)
{
    info->bps = t->rate[0].average;
    info->bps_rd = t->rate[1].average;
    info->bps_wr = t->rate[2].average;
    info->iops = t->rate[3].average;
    info->iops_rd = t->rate[4].average;
    info->iops_wr = t->rate[5].average;
    info->has_bps_max = t->rate[0].max != 0;
    info->bps_max = t->rate[0].max;
    info->has_bps_max_length = t->rate[0].max != 0;
    info->bps_max_length = MAX(t->rate[0].length, 1);
    info->has_bps_rd_max = t->rate[1].max != 0;
    info->bps_rd_max = t->rate[1].max;
    info->has_bps_rd_max_length = t->rate[1].max != 0;
    info->bps_rd_max_length = MAX(t->rate[1].length, 1);
    info->has_bps_wr_max = t->rate[2].max != 0;
    info->bps_wr_max = t->rate[2].max;
    info->has_bps_wr_max_length = t->rate[2].max != 0;
    info->bps_wr_max_length = MAX(t->rate[2].length, 1);
    info->has_iops_max = t->rate[3].max != 0;
    info->iops_max = t->rate[3].max;
    info->has_iops_max_length = t->rate[3].max != 0;
    info->iops_max_length = MAX(t->rate[3].length, 1);
    info->has_iops_rd_max = t->rate[4].max != 0;
    info->iops_rd_max = t->rate[4].max;
    info->has_iops_rd_max_length = t->rate[4].max != 0;
    info->iops_rd_max_length = MAX(t->rate[4].length, 1);
    info->has_iops_wr_max = t->rate[5].max != 0;
    info->iops_wr_max = t->rate[5].max;
    info->has_iops_wr_max_length = t->rate[5].max != 0;
    info->iops_wr_max_length = MAX(t->rate[5].length, 1);
    info->has_iops_size = t->iops_size != 0;
    info->iops_size = t->iops_size;
    info->group = g_strdup(t->group);
}

bool qmp_block_set_io_throttle(Machine *m, const BlockSetIoThrottleArgs *a,
                               Error **errp)
{
    const BlockThrottle t = {
        .rate = {
            { a->bps, a->bps_max, a->bps_max_length },
            { a->bps_rd, a->bps_rd_max, a->bps_rd_max_length },
            { a->bps_wr, a->bps_wr_max, a->bps_wr_max_length },
            { a->iops, a->iops_max, a->iops_max_length },
            { a->iops_rd, a->iops_rd_max, a->iops_rd_max_length },
            { a->iops_wr, a->iops_wr_max, a->iops_wr_max_length },
        },
        .iops_size = a->iops_size,
        .group = a->group,
    };

    return block_set_throttle(m, a->device, a->id, &t, errp);
}

typedef struct DiskList {
    Machine *m;
    BlockInfoList *list;
} DiskList;

static void collect_block(const BlockBackendView *v, void *opaque)
{
    BlockInfo *info = g_new0(BlockInfo, 1);
    DiskList *all = opaque;

    info->device = g_strdup(v->name);
    info->qdev = v->dev ? object_path(v->dev) : NULL;
    info->type = g_strdup("unknown");
    info->inserted =
        v->has_node ? node_info(all->m, &v->node, v->write_cache) : NULL;
    if (v->throttle.group && info->inserted) {
        show_throttle(info->inserted, &v->throttle);
    }
    info->has_io_status = v->has_node;
    info->io_status = v->io_status;
    qlist_append(&qtype_list_block_info, &all->list, &info);
}

BlockInfoList *qmp_query_block(Machine *m, Error **errp)
{
    DiskList all = { .m = m };

    block_each_backend(m, collect_block, &all);
    return all.list;
}

static void collect_stats(const BlockBackendView *v, void *opaque)
{
    BlockStatsInfo *info = g_new0(BlockStatsInfo, 1);
    BlockDeviceStats *s = g_new0(BlockDeviceStats, 1);

    *s = (BlockDeviceStats){
        .rd_bytes = v->bytes[BLOCK_READ],
        .wr_bytes = v->bytes[BLOCK_WRITE] + v->bytes[BLOCK_WRITE_ZEROES],
        .unmap_bytes = v->bytes[BLOCK_DISCARD],
        .rd_operations = v->ops[BLOCK_READ],
        .wr_operations = v->ops[BLOCK_WRITE] + v->ops[BLOCK_WRITE_ZEROES],
        .flush_operations = v->ops[BLOCK_FLUSH],
        .unmap_operations = v->ops[BLOCK_DISCARD],
        .rd_total_time_ns = v->time_ns[BLOCK_READ],
        .wr_total_time_ns =
            v->time_ns[BLOCK_WRITE] + v->time_ns[BLOCK_WRITE_ZEROES],
        .flush_total_time_ns = v->time_ns[BLOCK_FLUSH],
        .unmap_total_time_ns = v->time_ns[BLOCK_DISCARD],
        .wr_highest_offset = v->highest_write,
        .failed_rd_operations = v->failed[BLOCK_READ],
        .failed_wr_operations =
            v->failed[BLOCK_WRITE] + v->failed[BLOCK_WRITE_ZEROES],
        .failed_flush_operations = v->failed[BLOCK_FLUSH],
        .failed_unmap_operations = v->failed[BLOCK_DISCARD],
    };
    info->device = g_strdup(v->name);
    info->qdev = v->dev ? object_path(v->dev) : NULL;
    info->node_name = v->has_node ? g_strdup(v->node.name) : NULL;
    info->stats = s;
    qlist_append(&qtype_list_block_stats_info, opaque, &info);
}

BlockStatsInfoList *
qmp_query_blockstats(Machine *m, const QueryBlockstatsArgs *a, Error **errp)
{
    BlockStatsInfoList *list = NULL;

    block_each_backend(m, collect_stats, &list);
    return list;
}

bool qmp_block_resize(Machine *m, const BlockResizeArgs *a, Error **errp)
{
    if (a->size < 0) {
        error_set(errp, "Parameter 'size' expects a >0 size");
        return false;
    }
    return block_resize(m, a->device, a->node_name, a->size, errp);
}
