/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BlockBackend: what a device holds. Requests go to a pool of workers, which
 * run them through the graph; completions come back to the device's context
 * through the event gate, or earlier, from block_drain().
 *
 * A request is delivered once: by whoever first takes it off `in_flight`.
 */
#include "tandem/base.h"

#include "throttle.h"
#include "softmmu/backend/drive.h"

enum { WORKERS_MAX = 16 };

/* --- completion --- */

/* Tell the device, once. In the context, or while it is held still. */
static void deliver(BlockRequest *r)
{
    BlockBackend *blk = r->blk;
    bool mine;

    lock_acquire(&blk->lock);
    mine = !r->delivered;
    r->delivered = true;
    if (mine) {
        g_queue_remove(&blk->in_flight, r);
        blk->stats.ops[r->io.op]++;
        blk->stats.time_ns[r->io.op] +=
            clock_now_ns(blk->sys->m->clocks, CLOCK_RT) - r->start_ns;
        if (r->io.op == BLOCK_WRITE && r->status == 0) {
            blk->stats.highest_write =
                MAX(blk->stats.highest_write, r->io.offset + r->io.bytes);
        }
        blk->stats.bytes[r->io.op] += r->io.bytes;
        blk->stats.failed[r->io.op] += r->status != 0;
    }
    lock_release(&blk->lock);
    if (mine) {
        r->done(r->opaque, r->status);
    }
}

/* The gate's word, after which nobody else has the request. One that a drain
 * delivered may have outlived its back end. */
static void completed(void *opaque, int status)
{
    BlockRequest *r = opaque;

    if (!r->delivered) {
        deliver(r);
    }
    g_free(r->rest);
    g_free(r);
}

void block_request_finish(BlockRequest *r, int status)
{
    BlockBackend *blk = r->blk;

    lock_acquire(&blk->lock);
    r->status = status;
    r->finished = true;
    blk->on_ring -= r->on_ring;
    r->on_ring = false;
    cond_broadcast(&blk->finished);
    lock_release(&blk->lock);
    event_complete(&r->event, status);
}

/* --- workers --- */

static int run_request(BlockRequest *r)
{
    const BlockIo *io = &r->io;

    return r->node ? block_node_io(r->node, io->op, io->offset, io->bytes,
                                   io->iov, io->niov, io->flags)
                   : -ENOMEDIUM;
}

static void *worker(void *opaque)
{
    BlockSystem *sys = opaque;

    lock_acquire(&sys->lock);
    while (!sys->ending) {
        BlockRequest *r = g_queue_pop_head(&sys->queue);

        if (!r) {
            sys->idle++;
            cond_wait(&sys->work, &sys->lock);
            sys->idle--;
            continue;
        }
        lock_release(&sys->lock);
        block_request_finish(r, run_request(r));
        lock_acquire(&sys->lock);
    }
    lock_release(&sys->lock);
    return NULL;
}

static void enqueue(BlockSystem *sys, BlockRequest *r)
{
    LOCK_GUARD(&sys->lock);
    g_queue_push_tail(&sys->queue, r);
    if (sys->idle == 0 && sys->threads->len < WORKERS_MAX) {
        Thread *t = g_new0(Thread, 1);

        thread_start(t, "block-worker", worker, sys);
        g_ptr_array_add(sys->threads, t);
    }
    cond_signal(&sys->work);
}

/* The VM stops: nothing may be in flight when its clock stands still. */
static void state_changed(Notifier *n, void *data)
{
    BlockSystem *sys = container_of(n, BlockSystem, on_state);
    bool running = *(RunState *)data == RUN_STATE_RUNNING;

    if (running == sys->stopped) {
        sys->stopped = !running;
        block_limits_lift(sys, sys->stopped);
    }
    if (running) {
        for (guint i = 0; i < sys->backends->len; i++) {
            BlockBackend *blk = g_ptr_array_index(sys->backends, i);

            atomic_store(&blk->io_status, 0); /* its requests are tried again */
        }
        return;
    }
    for (guint i = 0; i < sys->backends->len; i++) {
        block_drain(g_ptr_array_index(sys->backends, i));
    }
}

BlockSystem *block_system(Machine *m)
{
    BlockSystem *sys = m->block;

    if (sys) {
        return sys;
    }
    sys = g_new0(BlockSystem, 1);
    sys->m = m;
    lock_init(&sys->lock);
    cond_init(&sys->work);
    g_queue_init(&sys->queue);
    sys->threads = g_ptr_array_new_with_free_func(g_free);
    sys->backends = g_ptr_array_new();
    sys->rings = g_ptr_array_new();
    sys->groups = g_ptr_array_new();
    sys->stopped = m->state != RUN_STATE_RUNNING;
    sys->limits_lifted = sys->stopped;
    sys->on_state.fn = state_changed;
    notifier_add(m->on_state, &sys->on_state);
    m->block = sys;
    return sys;
}

void block_system_end_waits(Machine *m)
{
    if (m->block) {
        block_limits_lift(m->block, true);
    }
}

void block_system_free(Machine *m)
{
    BlockSystem *sys = m->block;

    if (!sys) {
        return;
    }
    while (sys->backends->len > 0) {
        block_backend_free(g_ptr_array_index(sys->backends, 0));
    }
    lock_acquire(&sys->lock);
    sys->ending = true;
    cond_broadcast(&sys->work);
    lock_release(&sys->lock);
    for (guint i = 0; i < sys->threads->len; i++) {
        thread_join(g_ptr_array_index(sys->threads, i));
    }
    drives_free(m);
    notifier_remove(m->on_state, &sys->on_state);
    g_ptr_array_unref(sys->threads);
    g_ptr_array_unref(sys->backends);
    g_ptr_array_unref(sys->rings);
    block_groups_orphan(sys);
    g_ptr_array_unref(sys->groups);
    cond_destroy(&sys->work);
    lock_destroy(&sys->lock);
    g_free(sys);
    m->block = NULL;
}

/* --- requests --- */

void block_request_to_worker(BlockRequest *r)
{
    BlockBackend *blk = r->blk;

    lock_acquire(&blk->lock);
    blk->on_ring -= r->on_ring;
    r->on_ring = false;
    cond_broadcast(&blk->finished); /* who drains looks again */
    lock_release(&blk->lock);
    enqueue(blk->sys, r);
}

/* Where a ring may do it, give it to the context's. */
static bool to_ring(BlockRequest *r)
{
    BlockBackend *blk = r->blk;

    r->host = r->io;
    if (!r->node || blk->no_ring ||
        !block_node_route(r->node, &r->host, &r->fd)) {
        return false;
    }
    if (!blk->ring && blk->ctx != blk->sys->m->loop &&
        !loop_in_context(blk->ctx)) {
        return false; /* only a context may make its ring */
    }
    if (!blk->ring) {
        blk->ring = block_ring_ref(blk->sys, blk->ctx);
        blk->no_ring = !blk->ring;
    }
    if (blk->no_ring) {
        return false;
    }
    lock_acquire(&blk->lock);
    blk->on_ring++;
    r->on_ring = true;
    lock_release(&blk->lock);
    if (block_ring_add(blk->ring, r)) {
        if (blk->plugged == 0) {
            block_ring_send(blk->ring);
        }
        return true;
    }
    lock_acquire(&blk->lock);
    blk->on_ring--;
    r->on_ring = false;
    lock_release(&blk->lock);
    return false;
}

static void start(BlockRequest *r)
{
    if (!to_ring(r)) {
        enqueue(r->blk->sys, r);
    }
}

/* Are there limits, the back end's or those of a throttle node that requests
 * come by? What lies below a layer asks its own threads to wait. */
static bool is_limited(const BlockBackend *blk)
{
    if (blk->group) {
        return true;
    }
    for (BlockNode *n = blk->node; n; n = n->file) {
        if (block_throttle_node_group(n)) {
            return true;
        }
    }
    return false;
}

/* Nanoseconds that the next limits have @r wait; 0: all of them count it. */
static int64_t throttle_wait_ns(BlockRequest *r, int64_t now_ns)
{
    bool write = r->io.op != BLOCK_READ;
    int64_t wait;

    if (r->io.op == BLOCK_FLUSH) {
        return 0;
    }
    if (r->blk->group && !r->met_own) {
        wait = block_group_admit(r->blk->group, write, r->io.bytes, now_ns);
        if (wait > 0) {
            return wait;
        }
    }
    r->met_own = true;
    for (; r->to_meet; r->to_meet = r->to_meet->file) {
        BlockGroup *g = block_throttle_node_group(r->to_meet);

        wait = g ? block_group_admit(g, write, r->io.bytes, now_ns) : 0;
        if (wait > 0) {
            return wait;
        }
    }
    return 0;
}

/* Start, in order, what the limits let through, or all. In the context, or
 * quiesced. */
static void start_throttled(BlockBackend *blk, bool all)
{
    EventGate *gate = blk->sys->m->gate;
    BlockRequest *r;

    while ((r = g_queue_peek_head(&blk->throttled)) != NULL) {
        int64_t now = event_clock_ns(gate, CLOCK_VIRTUAL);
        int64_t wait = all ? 0 : throttle_wait_ns(r, now);

        if (wait > 0) {
            timer_set(&blk->throttle_timer, now + wait);
            return;
        }
        g_queue_pop_head(&blk->throttled);
        r->io.flags |= BLOCK_REQ_ADMITTED;
        start(r);
    }
    timer_cancel(&blk->throttle_timer);
}

static void throttle_over(void *opaque)
{
    start_throttled(opaque, false);
}

static void throttle_timer_init(BlockBackend *blk)
{
    timer_init(&blk->throttle_timer, blk->ctx, CLOCK_VIRTUAL, throttle_over,
               blk);
}

void block_backend_throttle(BlockBackend *blk, const BlockThrottle *t)
{
    BlockGroup *old = blk->group;
    bool any = block_throttle_set(t);

    block_drained_begin(blk->sys->m);
    blk->group = NULL;
    if (any) {
        blk->group = block_group_ref(blk->sys, t->group ? t->group : blk->name);
        block_group_set(blk->group, t);
    }
    if (old) {
        block_group_unref(old);
    }
    block_drained_end(blk->sys->m);
}

void block_submit(BlockBackend *blk, BlockOp op, uint64_t offset,
                  uint64_t bytes, const struct iovec *iov, int niov,
                  uint32_t flags, BlockDone *done, void *opaque)
{
    BlockRequest *r = g_new0(BlockRequest, 1);

    if (!blk->write_cache && (op == BLOCK_WRITE || op == BLOCK_WRITE_ZEROES)) {
        flags |= BLOCK_REQ_FUA;
    }
    *r = (BlockRequest){ .blk = blk,
                         .node = blk->node,
                         .io = { op, offset, bytes, iov, niov, flags },
                         .done = done,
                         .opaque = opaque,
                         .to_meet = blk->node };
    r->start_ns = clock_now_ns(blk->sys->m->clocks, CLOCK_RT);
    event_begin(&r->event, blk->sys->m->gate, blk->ctx, completed, r);
    lock_acquire(&blk->lock);
    g_queue_push_tail(&blk->in_flight, r);
    lock_release(&blk->lock);
    if (!g_queue_is_empty(&blk->throttled) || is_limited(blk)) {
        g_queue_push_tail(&blk->throttled, r);
        if (blk->throttled.length == 1) { /* else the timer is set */
            start_throttled(blk, false);
        }
    } else {
        start(r);
    }
}

void block_plug(BlockBackend *blk)
{
    blk->plugged++;
}

void block_unplug(BlockBackend *blk)
{
    if (--blk->plugged == 0 && blk->ring) {
        block_ring_send(blk->ring);
    }
}

/* The first request that the host has finished; NULL: none has. */
static BlockRequest *find_finished_locked(BlockBackend *blk)
{
    for (GList *l = blk->in_flight.head; l; l = l->next) {
        BlockRequest *r = l->data;

        if (r->finished) {
            return r;
        }
    }
    return NULL;
}

/* Wait for a request to finish; NULL: none is in flight. Completions on a
 * ring are ours to take, as its context stands still. */
static BlockRequest *next_finished(BlockBackend *blk)
{
    BlockRequest *r = NULL;

    lock_acquire(&blk->lock);
    while (!g_queue_is_empty(&blk->in_flight) &&
           (r = find_finished_locked(blk)) == NULL) {
        if (blk->on_ring > 0) {
            lock_release(&blk->lock);
            block_ring_wait(blk->ring);
            lock_acquire(&blk->lock);
        } else {
            cond_wait(&blk->finished, &blk->lock);
        }
    }
    lock_release(&blk->lock);
    return r;
}

void block_drain(BlockBackend *blk)
{
    bool other = blk->ctx != blk->sys->m->loop;
    BlockRequest *r;

    if (blk->ops && blk->ops->drained_begin) {
        blk->ops->drained_begin(blk->opaque);
    }
    if (other) {
        loop_context_quiesce(blk->ctx);
    }
    block_limits_lift(blk->sys, true);
    start_throttled(blk, true);
    while ((r = next_finished(blk)) != NULL) {
        deliver(r); /* completed() will only free it */
    }
    block_limits_lift(blk->sys, false);
    if (other) {
        loop_context_resume(blk->ctx);
    }
    if (blk->ops && blk->ops->drained_end) {
        blk->ops->drained_end(blk->opaque);
    }
}

int block_pread(BlockBackend *blk, uint64_t offset, void *buf, uint64_t bytes)
{
    struct iovec iov = { buf, bytes };

    return blk->node ? block_node_io(blk->node, BLOCK_READ, offset, bytes, &iov,
                                     1, BLOCK_REQ_NO_WAIT)
                     : -ENOMEDIUM;
}

int block_pwrite(BlockBackend *blk, uint64_t offset, const void *buf,
                 uint64_t bytes)
{
    struct iovec iov = { (void *)buf, bytes };

    return blk->node ? block_node_io(blk->node, BLOCK_WRITE, offset, bytes,
                                     &iov, 1, BLOCK_REQ_NO_WAIT)
                     : -ENOMEDIUM;
}

/* --- errors --- */

/* Events are sent under the machine lock, which an iothread has not. */
typedef struct LateEvent {
    Machine *m;
    json_object *data;
} LateEvent;

static void send_late(void *opaque)
{
    g_autofree LateEvent *e = opaque;

    machine_event(e->m, "BLOCK_IO_ERROR", e->data);
}

static void send_error_event(BlockBackend *blk, bool is_read, int status,
                             const char *action)
{
    json_object *data = json_object_new_object();
    g_autofree char *dev = blk->dev ? object_path(blk->dev) : g_strdup("");

    json_object_object_add(data, "device", json_object_new_string(blk->name));
    json_object_object_add(data, "qom-path", json_object_new_string(dev));
    if (blk->node) {
        json_object_object_add(data, "node-name",
                               json_object_new_string(blk->node->name));
    }
    json_object_object_add(data, "operation",
                           json_object_new_string(is_read ? "read" : "write"));
    json_object_object_add(data, "action", json_object_new_string(action));
    json_object_object_add(data, "nospace",
                           json_object_new_boolean(status == -ENOSPC));
    json_object_object_add(data, "reason",
                           json_object_new_string(g_strerror(-status)));
    if (loop_thread_is_iothread()) {
        LateEvent *late = g_new(LateEvent, 1);

        *late = (LateEvent){ blk->sys->m, data };
        loop_post(blk->sys->m->loop, send_late, late);
    } else {
        machine_event(blk->sys->m, "BLOCK_IO_ERROR", data);
    }
}

BlockErrorAction block_error_action(BlockBackend *blk, bool is_read, int status)
{
    BlockOnError how = is_read ? blk->on_read_error : blk->on_write_error;

    if (how == BLOCK_ON_ERROR_ENOSPC) {
        how = status == -ENOSPC ? BLOCK_ON_ERROR_STOP : BLOCK_ON_ERROR_REPORT;
    }
    if (how == BLOCK_ON_ERROR_STOP) {
        atomic_store(&blk->io_status, status == -ENOSPC ? 2 : 1);
        send_error_event(blk, is_read, status, "stop");
        machine_request_stop(blk->sys->m, RUN_STATE_IO_ERROR);
        return BLOCK_ERROR_STOP;
    }
    if (how == BLOCK_ON_ERROR_IGNORE) {
        send_error_event(blk, is_read, status, "ignore");
        return BLOCK_ERROR_IGNORE;
    }
    send_error_event(blk, is_read, status, "report");
    return BLOCK_ERROR_REPORT;
}

/* --- life and properties --- */

static void drop_group(BlockBackend *blk)
{
    g_clear_pointer(&blk->group, block_group_unref);
}

static void drop_node(BlockBackend *blk)
{
    BlockNode *node = g_steal_pointer(&blk->node);

    if (node) {
        node->writers -= blk->writable;
        node->users--;
        block_node_drop(node);
    }
}

BlockBackend *block_backend_new(Machine *m, const char *name, BlockNode *node)
{
    BlockBackend *blk = g_new0(BlockBackend, 1);

    blk->sys = block_system(m);
    blk->name = g_strdup(name);
    blk->node = node;
    if (node) {
        object_ref(node);
        node->users++;
    }
    blk->ctx = m->loop;
    blk->write_cache = true;
    blk->on_write_error = BLOCK_ON_ERROR_ENOSPC;
    lock_init(&blk->lock);
    cond_init(&blk->finished);
    g_queue_init(&blk->in_flight);
    g_queue_init(&blk->throttled);
    throttle_timer_init(blk);
    g_ptr_array_add(blk->sys->backends, blk);
    return blk;
}

static void give_ring_back(BlockBackend *blk)
{
    if (blk->ring) {
        block_ring_unref(g_steal_pointer(&blk->ring));
    }
    blk->no_ring = false;
}

void block_backend_free(BlockBackend *blk)
{
    block_drain(blk);
    give_ring_back(blk);
    timer_cancel(&blk->throttle_timer);
    drop_group(blk);
    g_ptr_array_remove(blk->sys->backends, blk);
    drop_node(blk);
    cond_destroy(&blk->finished);
    lock_destroy(&blk->lock);
    g_free(blk->serial);
    g_free(blk->name);
    g_free(blk);
}

BlockBackend *block_backend_find(Machine *m, const char *name)
{
    BlockSystem *sys = m->block;

    for (guint i = 0; sys && name[0] && i < sys->backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(sys->backends, i);

        if (strcmp(blk->name, name) == 0) {
            return blk;
        }
    }
    return NULL;
}

const PropertyEnum block_on_error_enum[] = {
    { "auto", BLOCK_ON_ERROR_AUTO },     { "report", BLOCK_ON_ERROR_REPORT },
    { "ignore", BLOCK_ON_ERROR_IGNORE }, { "enospc", BLOCK_ON_ERROR_ENOSPC },
    { "stop", BLOCK_ON_ERROR_STOP },     { 0 },
};

void block_set_on_error(BlockBackend *blk, BlockOnError on_read,
                        BlockOnError on_write)
{
    if (on_read != BLOCK_ON_ERROR_AUTO) {
        blk->on_read_error = on_read;
    }
    if (on_write != BLOCK_ON_ERROR_AUTO) {
        blk->on_write_error = on_write;
    }
}

void block_set_share_rw(BlockBackend *blk, bool share)
{
    blk->share_rw = share;
}

/* Does @blk let others write its node, as all who write it now do? */
static bool writers_share(const BlockBackend *blk)
{
    GPtrArray *all = block_system(blk->node->m)->backends;
    int sharing = 0;

    for (guint i = 0; i < all->len; i++) {
        const BlockBackend *other = g_ptr_array_index(all, i);

        sharing +=
            other->node == blk->node && other->writable && other->share_rw;
    }
    return blk->node->writers == 0 ||
           (blk->share_rw && sharing == blk->node->writers);
}

bool block_attach(BlockBackend *blk, Object *dev, bool writable,
                  const BlockDevOps *ops, void *opaque, Error **errp)
{
    if (blk->dev) {
        error_set(errp, "Drive '%s' is already in use by another device",
                  blk->name);
        return false;
    }
    if (blk->node && writable && blk->node->read_only) {
        error_set(errp, "Block node is read-only");
        return false;
    }
    if (blk->node && writable && !writers_share(blk)) {
        error_set(errp,
                  "Conflicts with use by another device as a writable "
                  "disk: node '%s'",
                  blk->node->name);
        return false;
    }
    blk->dev = dev;
    blk->ops = ops;
    blk->opaque = opaque;
    blk->writable = writable;
    if (blk->node) {
        blk->node->writers += writable;
    }
    return true;
}

void block_detach(BlockBackend *blk)
{
    block_drain(blk);
    if (blk->node && blk->writable) {
        blk->node->writers--;
    }
    blk->dev = NULL;
    blk->ops = NULL;
    blk->writable = blk->share_rw = false;
}

void block_set_context(BlockBackend *blk, LoopContext *ctx)
{
    block_drain(blk);
    give_ring_back(blk);
    blk->ctx = ctx;
    throttle_timer_init(blk);
}

LoopContext *block_context(BlockBackend *blk)
{
    return blk->ctx;
}

uint64_t block_length(BlockBackend *blk)
{
    return blk->node ? block_node_length(blk->node) : 0;
}

bool block_read_only(BlockBackend *blk)
{
    return blk->node && blk->node->read_only;
}

bool block_write_cache(BlockBackend *blk)
{
    return blk->write_cache;
}

void block_set_write_cache(BlockBackend *blk, bool on)
{
    blk->write_cache = on;
}

BlockLimits block_limits(BlockBackend *blk)
{
    BlockLimits none = { .request_alignment = BLOCK_SECTOR };

    return blk->node ? blk->node->limits : none;
}

const char *block_serial(BlockBackend *blk)
{
    return blk->serial;
}

const char *block_name(BlockBackend *blk)
{
    return blk->name;
}

void block_backend_retire(BlockBackend *blk)
{
    if (!blk->dev) {
        block_backend_free(blk);
        return;
    }
    block_drained_begin(blk->sys->m);
    drop_group(blk); /* whose name may be the drive's */
    drop_node(blk);
    blk->name[0] = '\0'; /* as one that was made for its device */
    blk->on_read_error = blk->on_write_error = BLOCK_ON_ERROR_REPORT;
    block_drained_end(blk->sys->m);
}

/* --- the property --- */

static bool drive_set(Object *obj, const Property *prop, json_object *value,
                      Error **errp)
{
    BlockBackend **field = (void *)((char *)obj + prop->offset);
    const char *name = json_object_get_string(value);
    Machine *m = object_machine(obj);
    BlockBackend *blk = name ? block_backend_find(m, name) : NULL;
    BlockNode *node;

    if (!blk) {
        node = name ? block_node_find(m, name) : NULL;
        if (!node) {
            error_set(errp, "Property '%s.%s' can't find value '%s'",
                      obj->type->name, prop->name, name ? name : "null");
            return false;
        }
        blk = block_backend_new(m, "", node);
    } else if (blk->dev) {
        error_set(errp, "Drive '%s' is already in use by another device", name);
        return false;
    }
    *field = blk;
    return true;
}

static json_object *drive_get(Object *obj, const Property *prop)
{
    BlockBackend *blk = *(BlockBackend **)((char *)obj + prop->offset);

    if (!blk) {
        return json_object_new_string("");
    }
    return json_object_new_string(blk->name[0] ? blk->name
                                  : blk->node  ? blk->node->name
                                               : "");
}

/* One that was made for a node goes with its device. */
static void drive_release(Object *obj, const Property *prop)
{
    BlockBackend **field = (void *)((char *)obj + prop->offset);

    if (*field && !(*field)->name[0]) {
        block_backend_free(*field);
    }
    *field = NULL;
}

const PropertyType prop_type_drive = {
    .name = "str",
    .schema = "str",
    .set = drive_set,
    .get = drive_get,
    .release = drive_release,
};
