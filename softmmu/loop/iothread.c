/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object iothread (IothreadProperties of the QMP reference). */
#include "tandem/base.h"

#include <sys/syscall.h>

#include "softmmu/loop/iothread.h"
#include "softmmu/machine/machine.h"

static IOThread *iothread_of(Object *obj)
{
    return (IOThread *)obj;
}

static void update_poll(IOThread *io)
{
    if (io->ctx) {
        loop_context_set_poll(io->ctx, io->poll_max_ns, io->poll_grow,
                              io->poll_shrink);
    }
}

/* All properties are counts: 0 to INT64_MAX. */
static bool set_count(Object *obj, const Property *prop, json_object *value,
                      Error **errp)
{
    int64_t *f = (int64_t *)((char *)obj + prop->offset);
    int64_t old = *f;

    if (!prop_type_i64.set(obj, prop, value, errp)) {
        return false;
    }
    if (*f < 0) {
        *f = old;
        error_set(errp, "%s value must be in range [0, %" PRId64 "]",
                  prop->name, INT64_MAX);
        return false;
    }
    update_poll(iothread_of(obj));
    return true;
}

static json_object *get_count(Object *obj, const Property *prop)
{
    return json_object_new_int64(*(int64_t *)((char *)obj + prop->offset));
}

static const PropertyType prop_type_count = { "int", "int", set_count,
                                              get_count };

#define COUNT(field, name, def, description)                                   \
    {                                                                          \
        name, &prop_type_count, offsetof(IOThread, field), def, description,   \
            NULL, PROP_LIVE                                                    \
    }
static const Property iothread_props[] = {
    COUNT(poll_max_ns, "poll-max-ns", "32768",
          "longest busy wait for events, in ns; 0: none"),
    COUNT(poll_grow, "poll-grow", "0",
          "factor by which a too short busy wait grows; 0: 2"),
    COUNT(poll_shrink, "poll-shrink", "0",
          "divisor by which a too long one shrinks; 0: to none"),
    COUNT(max_batch, "aio-max-batch", "0",
          "disk requests submitted at once; 0: the engine's choice"),
    COUNT(pool_min, "thread-pool-min", "0", "worker threads kept for disks"),
    COUNT(pool_max, "thread-pool-max", "64", "most worker threads for disks"),
    { 0 },
};

static void note_thread_id(void *opaque)
{
    IOThread *io = opaque;

    io->thread_id = syscall(SYS_gettid);
}

static bool iothread_complete(Object *obj, Error **errp)
{
    IOThread *io = iothread_of(obj);

    if (io->pool_min > io->pool_max) {
        error_set(errp, "bad thread-pool-min/thread-pool-max values");
        return false;
    }
    io->ctx = loop_context_new(obj->name, NULL, object_machine(obj)->clocks);
    update_poll(io);
    loop_thread_start(io->ctx);
    loop_call(io->ctx, note_thread_id, io);
    return true;
}

/* Devices that use it hold a reference; so does the tree. */
static bool iothread_can_delete(Object *obj, Error **errp)
{
    if (atomic_load(&obj->refs) > 1) {
        error_set(errp, "object '%s' is in use, can not be deleted", obj->name);
        return false;
    }
    return true;
}

static void iothread_finalize(Object *obj)
{
    IOThread *io = iothread_of(obj);

    if (io->ctx) {
        loop_thread_stop(io->ctx);
        loop_context_free(io->ctx);
    }
}

const UserCreatableType iothread_type = {
    .name = "iothread",
    .parent = TYPE(user_creatable_type),
    .description = "a thread with an event loop for virtqueues and disks",
    .size = sizeof(IOThread),
    .props = iothread_props,
    .finalize = iothread_finalize,
    .complete = iothread_complete,
    .can_delete = iothread_can_delete,
};

const ObjectType *const loop_types[] = { TYPE(iothread_type), NULL };
