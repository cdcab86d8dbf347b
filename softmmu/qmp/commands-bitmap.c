/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty bitmaps: schema/block.json. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/block_bitmap.h"

bool qmp_block_dirty_bitmap_add(Machine *m, const BlockDirtyBitmapAddArgs *a,
                                Error **errp)
{
    const BlockBitmapName b = { a->node, a->name };

    if (a->has_granularity && a->granularity == 0) {
        error_set(errp, "Granularity must be power of 2 and at least 512");
        return false;
    }
    return block_bitmap_add(m, &b, a->granularity, a->persistent, !a->disabled,
                            errp);
}

#define ON_ONE(verb, call)                                                     \
    bool qmp_block_dirty_bitmap_##verb(Machine *m, const BlockDirtyBitmap *a,  \
                                       Error **errp)                           \
    {                                                                          \
        const BlockBitmapName b = { a->node, a->name };                        \
                                                                               \
        return call;                                                           \
    }
ON_ONE(remove, block_bitmap_remove(m, &b, errp))
ON_ONE(clear, block_bitmap_clear(m, &b, errp))
ON_ONE(enable, block_bitmap_record(m, &b, true, errp))
ON_ONE(disable, block_bitmap_record(m, &b, false, errp))
#undef ON_ONE

bool qmp_block_dirty_bitmap_merge(Machine *m,
                                  const BlockDirtyBitmapMergeArgs *a,
                                  Error **errp)
{
    const BlockBitmapName target = { a->node, a->target };
    size_t n = a->bitmaps ? a->bitmaps->n : 0;
    g_autofree BlockBitmapName *sources = g_new0(BlockBitmapName, n + 1);

    for (size_t i = 0; i < n; i++) {
        const BlockDirtyBitmapOrStr *s = a->bitmaps->items[i];

        sources[i] = s->local ? (BlockBitmapName){ a->node, s->local }
                              : (BlockBitmapName){ s->external->node,
                                                   s->external->name };
    }
    return block_bitmap_merge(m, &target, sources, n, errp);
}
