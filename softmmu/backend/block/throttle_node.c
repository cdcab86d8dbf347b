/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects throttle-group, limits that disks and nodes share by name, and nodes
 * "throttle", which put what passes them under such limits.
 *
 * Spec: QEMU's "The new throttling infrastructure" and QMP reference
 *       (ThrottleGroupProperties, BlockdevOptionsThrottle).
 *
 * A device's requests meet the limits of the nodes on their way before they
 * start (backend.c), so that none of them holds up a worker. What comes here
 * otherwise - a job's pieces, a layer's reads of what is below it - waits here,
 * on its own thread.
 */
#include "tandem/base.h"

#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "throttle.h"

/* --- the object --- */

typedef struct ThrottleGroup {
    Object parent;
    BlockThrottle start; /* as the properties say, until it is complete */
    BlockGroup *group;   /* a reference; NULL: not complete */
} ThrottleGroup;

static ThrottleGroup *group_of(Object *obj)
{
    return object_cast(obj, TYPE(throttle_group_type));
}

static BlockThrottle limits_of(ThrottleGroup *tg)
{
    return tg->group ? block_group_get(tg->group) : tg->start;
}

static bool limits_set(Object *obj, const Property *prop, json_object *value,
                       Error **errp)
{
    ThrottleGroup *tg = group_of(obj);
    BlockThrottle t = limits_of(tg);
    Machine *m = object_machine(obj);
    json_object *copy = NULL;
    bool ok;

    if (!json_object_is_type(value, json_type_object)) {
        error_set(errp, "Invalid parameter type for 'limits', expected: "
                        "object");
        return false;
    }
    json_object_deep_copy(value, &copy, NULL);
    ok = block_limits_take(&t, copy, "limits.", errp);
    json_object_put(copy);
    if (!ok || !tg->group) {
        tg->start = t; /* checked with the rest */
        return ok;
    }
    if (!block_throttle_check(&t, errp)) {
        return false;
    }
    block_drained_begin(m); /* who waits would wait by the old limits */
    block_group_set(tg->group, &t);
    block_drained_end(m);
    return true;
}

static json_object *limits_get(Object *obj, const Property *prop)
{
    BlockThrottle t = limits_of(group_of(obj));

    return block_limits_json(&t);
}

static const PropertyType prop_type_limits = {
    .name = "ThrottleLimits",
    .schema = "any",
    .set = limits_set,
    .get = limits_get,
};

static bool number_set(Object *obj, const Property *prop, json_object *value,
                       Error **errp)
{
    return prop_type_u64.set(obj, prop, value, errp);
}

/* What is in force, whoever has set it. */
static json_object *number_get(Object *obj, const Property *prop)
{
    BlockThrottle t = limits_of(group_of(obj));
    size_t at = prop->offset - offsetof(ThrottleGroup, start);

    return json_object_new_uint64(*(uint64_t *)((char *)&t + at));
}

static const PropertyType prop_type_number = {
    .name = "int",
    .schema = "int",
    .set = number_set,
    .get = number_get,
};

static bool group_complete(Object *obj, Error **errp)
{
    ThrottleGroup *tg = group_of(obj);
    BlockSystem *sys = block_system(object_machine(obj));

    if (block_group_find(sys, obj->name)) {
        error_set(errp, "A group with this name already exists");
        return false;
    }
    for (int i = 0; i < BLOCK_RATES; i++) {
        if (tg->start.rate[i].length == 0) {
            error_set(errp, "the length of a burst cannot be 0");
            return false;
        }
    }
    if (!block_throttle_check(&tg->start, errp)) {
        return false;
    }
    tg->group = block_group_ref(sys, obj->name);
    block_group_set(tg->group, &tg->start);
    return true;
}

static bool group_can_delete(Object *obj, Error **errp)
{
    if (block_group_is_shared(group_of(obj)->group)) {
        error_set(errp, "object '%s' is in use, can not be deleted", obj->name);
        return false;
    }
    return true;
}

static void group_finalize(Object *obj)
{
    g_clear_pointer(&group_of(obj)->group, block_group_unref);
}

#define NUMBER(field, name, unset, text)                                       \
    PROP(number, ThrottleGroup, start.field, "x-" name, unset, text)
#define RATE(i, name, what)                                                    \
    NUMBER(rate[i].average, name, "0", what " a second; 0: any number"),       \
        NUMBER(rate[i].max, name "-max", "0", what " a second in a burst"),    \
        NUMBER(rate[i].length, name "-max-length", "1", "seconds of a burst")
static const Property group_props[] = {
    { "limits", &prop_type_limits, 0, NULL,
      "all limits, as an object; may be changed", NULL, PROP_LIVE },
    RATE(BLOCK_IOPS, "iops-total", "requests"),
    RATE(BLOCK_IOPS_READ, "iops-read", "reads"),
    RATE(BLOCK_IOPS_WRITE, "iops-write", "writes"),
    RATE(BLOCK_BPS, "bps-total", "bytes"),
    RATE(BLOCK_BPS_READ, "bps-read", "bytes read"),
    RATE(BLOCK_BPS_WRITE, "bps-write", "bytes written"),
    NUMBER(iops_size, "iops-size", "0", "bytes that count as one request"),
    { 0 },
};

const UserCreatableType throttle_group_type = {
    .name = "throttle-group",
    .parent = TYPE(user_creatable_type),
    .description = "limits that disks and throttle nodes share",
    .size = sizeof(ThrottleGroup),
    .finalize = group_finalize,
    .props = group_props,
    .complete = group_complete,
    .can_delete = group_can_delete,
};

/* --- the node --- */

typedef struct ThrottleNode {
    Lock lock;         /* a leaf: jobs' threads come by at any time */
    BlockGroup *group; /* a reference; changed drained, under the lock */
} ThrottleNode;

/* A reference to the group that the option names; NULL with *errp. */
static BlockGroup *take_group(BlockNode *node, json_object *options,
                              Error **errp)
{
    g_autofree char *name = json_take_text(options, "throttle-group");
    BlockSystem *sys = block_system(node->m);

    if (!name) {
        error_set(errp, "Parameter 'throttle-group' is missing");
        return NULL;
    }
    if (!block_group_find(sys, name)) {
        error_set(errp, "Throttle group '%s' does not exist", name);
        return NULL;
    }
    return block_group_ref(sys, name);
}

static bool throttle_open(BlockNode *node, json_object *options, Error **errp)
{
    ThrottleNode *t = node->priv;

    lock_init(&t->lock);
    t->group = take_group(node, options, errp);
    return t->group && block_filter_open(node, options, "file", errp);
}

static void throttle_close(BlockNode *node)
{
    ThrottleNode *t = node->priv;

    g_clear_pointer(&t->group, block_group_unref);
    lock_destroy(&t->lock);
}

/* Wait for a while by the limits of the present group. */
static bool may_pass(ThrottleNode *t, const BlockIo *io)
{
    BlockGroup *g;
    bool ok;

    lock_acquire(&t->lock);
    g = block_group_hold(t->group);
    lock_release(&t->lock);
    ok = block_group_wait(g, io->op != BLOCK_READ, io->bytes);
    block_group_let_go(g);
    return ok;
}

static BlockNode *throttle_route(BlockNode *node, BlockIo *io)
{
    bool waits = !(io->flags & (BLOCK_REQ_ADMITTED | BLOCK_REQ_NO_WAIT)) &&
                 io->op != BLOCK_FLUSH;

    while (waits && !may_pass(node->priv, io)) {
    }
    return node->file;
}

static bool throttle_prepare(BlockNode *node, json_object *options,
                             void **change, Error **errp)
{
    *change = take_group(node, options, errp);
    return *change != NULL;
}

static void throttle_finish(BlockNode *node, void *change, bool commit)
{
    ThrottleNode *t = node->priv;
    BlockGroup *unused = change;

    if (commit) {
        LOCK_GUARD(&t->lock);
        unused = t->group;
        t->group = change;
    }
    block_group_unref(unused);
}

const BlockDriver block_throttle_driver = {
    .name = "throttle",
    .size = sizeof(ThrottleNode),
    .open = throttle_open,
    .close = throttle_close,
    .route = throttle_route,
    .length = block_filter_length,
    .prepare = throttle_prepare,
    .finish = throttle_finish,
};

BlockGroup *block_throttle_node_group(const BlockNode *node)
{
    return node->drv == &block_throttle_driver
               ? ((ThrottleNode *)node->priv)->group
               : NULL;
}
