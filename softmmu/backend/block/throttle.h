/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups of back ends that share limits (throttle.c). */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include "internal.h"
#include "softmmu/backend/block_query.h"

/* Is there any limit? Do they fit together? */
bool block_throttle_set(const BlockThrottle *t);
bool block_throttle_check(const BlockThrottle *t, Error **errp);
/* Out of -drive's options; t->group is the caller's to free. */
bool block_throttle_take(BlockThrottle *t, json_object *o, Error **errp);

/* Machine lock, these. */
BlockGroup *block_group_ref(BlockSystem *sys, const char *name);
void block_group_unref(BlockSystem *sys, BlockGroup *g);
/* Any thread, these. */
void block_group_set(BlockGroup *g, const BlockThrottle *t);
BlockThrottle block_group_get(BlockGroup *g); /* .group is the group's */
/* 0: go on, it counts; else ns to wait. */
int64_t block_group_admit(BlockGroup *g, bool write, uint64_t bytes,
                          int64_t now_ns);

#endif
