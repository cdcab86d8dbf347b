/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups of back ends and nodes that share limits (throttle.c). */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include "internal.h"
#include "softmmu/backend/block_query.h"

extern const UserCreatableType throttle_group_type;

/* Is there any limit? Do they fit together? */
bool block_throttle_set(const BlockThrottle *t);
bool block_throttle_check(const BlockThrottle *t, Error **errp);
/* Out of -drive's options; t->group is the caller's to free. */
bool block_throttle_take(BlockThrottle *t, json_object *o, Error **errp);
/* ThrottleLimits of the QMP reference: take what @o says (other limits stay),
 * complaining of other members under @prefix; and all of them. */
bool block_limits_take(BlockThrottle *t, json_object *o, const char *prefix,
                       Error **errp);
json_object *block_limits_json(const BlockThrottle *t);

/* Machine lock, these. */
BlockGroup *block_group_find(BlockSystem *sys, const char *name); /* or NULL */
BlockGroup *block_group_ref(BlockSystem *sys, const char *name);  /* or a new */
void block_group_unref(BlockGroup *g);
bool block_group_is_shared(const BlockGroup *g); /* by more than one */
/* From here until it is undone (they nest) no limit holds a request back:
 * whoever waits goes on. */
void block_limits_lift(BlockSystem *sys, bool lift);
/* The system ends; groups that objects still have go on without it. */
void block_groups_orphan(BlockSystem *sys);
/* Any thread, these. */
void block_group_set(BlockGroup *g, const BlockThrottle *t);
BlockThrottle block_group_get(BlockGroup *g); /* .group is the group's */
/* 0: go on, it counts; else ns to wait. */
int64_t block_group_admit(BlockGroup *g, bool write, uint64_t bytes,
                          int64_t now_ns);
/* Wait for at most a second; true: the request may go on, and counts. A thread
 * without the machine lock. */
bool block_group_wait(BlockGroup *g, bool write, uint64_t bytes);
/* Its memory stays, for whoever waits in it when its last user leaves. */
BlockGroup *block_group_hold(BlockGroup *g);
void block_group_let_go(BlockGroup *g);

/* The group of a throttle node (throttle_node.c); NULL: @node is another. */
BlockGroup *block_throttle_node_group(const BlockNode *node);

#endif
