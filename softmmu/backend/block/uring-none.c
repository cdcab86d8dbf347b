/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without liburing: no ring is ever made. */
#include "tandem/base.h"

#include "internal.h"

bool block_ring_probe(Error **errp)
{
    error_set(errp, "this build has no io_uring (meson option 'uring')");
    return false;
}

BlockRing *block_ring_ref(BlockSystem *sys, LoopContext *ctx)
{
    return NULL;
}

void block_ring_unref(BlockRing *ring)
{
}

bool block_ring_add(BlockRing *ring, BlockRequest *r)
{
    return false;
}

void block_ring_send(BlockRing *ring)
{
}

void block_ring_wait(BlockRing *ring)
{
}
