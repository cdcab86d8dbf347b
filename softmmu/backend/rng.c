/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rng-builtin, rng-random (RngRandomProperties of the QMP reference). */
#include "tandem/base.h"

#include <fcntl.h>

#include "softmmu/backend/rng.h"
#include "softmmu/backend/socket.h"
#include "softmmu/machine/machine.h"

typedef struct RngRequest {
    size_t len;
    RngReceive *fn; /* NULL: cancelled while its bytes were on the way */
    void *opaque;
} RngRequest;

static RngBackend *rng_of(Object *obj)
{
    return (RngBackend *)obj;
}

static size_t first_len(const RngBackend *rng)
{
    const RngRequest *r = rng->requests.head->data;

    return MIN(r->len, RNG_REQUEST_MAX);
}

static void start(RngBackend *rng)
{
    TYPE_METHOD(rng->parent.type, rng_backend_type, RngBackendType, start)
    (rng);
}

/* Bytes for the first request came through the gate. */
static void rng_deliver(void *opaque, const uint8_t *data, size_t len)
{
    RngBackend *rng = opaque;
    RngRequest *r = g_queue_pop_head(&rng->requests);

    if (!g_queue_is_empty(&rng->requests)) {
        start(rng);
    }
    if (r->fn) {
        r->fn(r->opaque, data, MIN(len, r->len));
    }
    g_free(r);
}

void rng_request(RngBackend *rng, size_t len, RngReceive *fn, void *opaque)
{
    RngRequest *r = g_new(RngRequest, 1);

    assert(len > 0);
    *r = (RngRequest){ len, fn, opaque };
    g_queue_push_tail(&rng->requests, r);
    if (rng->requests.length == 1) {
        start(rng);
    }
}

void rng_cancel(RngBackend *rng, void *opaque)
{
    for (GList *l = rng->requests.head; l; l = l->next) {
        RngRequest *r = l->data;

        if (r->opaque == opaque) {
            r->fn = NULL;
        }
    }
}

static void rng_prepare(RngBackend *rng)
{
    Machine *m = object_machine(rng);
    g_autofree char *path = object_path(rng);

    rng->loop = m->loop;
    rng->gate = m->gate;
    event_source_init(&rng->source, m->gate, path, m->loop, rng_deliver, rng);
}

static void rng_init(Object *obj)
{
    g_queue_init(&rng_of(obj)->requests);
}

static void rng_finalize(Object *obj)
{
    RngBackend *rng = rng_of(obj);

    if (rng->loop) {
        event_source_destroy(&rng->source);
    }
    g_queue_clear_full(&rng->requests, g_free);
}

/* Devices that use it hold a reference; so does the tree. */
static bool rng_can_delete(Object *obj, Error **errp)
{
    if (atomic_load(&obj->refs) > 1) {
        error_set(errp, "object '%s' is in use, can not be deleted", obj->name);
        return false;
    }
    return true;
}

const RngBackendType rng_backend_type = {
    .name = "rng-backend",
    .parent = TYPE(user_creatable_type),
    .size = sizeof(RngBackend),
    .abstract = true,
    .init = rng_init,
    .finalize = rng_finalize,
    .can_delete = rng_can_delete,
};

/* --- rng-builtin --- */

typedef struct RngBuiltin {
    RngBackend rng;
    BottomHalf *bh; /* answers never come from inside the request */
} RngBuiltin;

static void builtin_answer(void *opaque)
{
    RngBackend *rng = opaque;
    g_autofree uint8_t *data = NULL;
    size_t len;

    if (g_queue_is_empty(&rng->requests)) {
        return;
    }
    len = first_len(rng);
    data = g_malloc(len);
    event_random(rng->gate, data, len);
    /* the gate has made these bytes: they need not pass it again */
    rng_deliver(rng, data, len);
}

static void builtin_start(RngBackend *rng)
{
    bh_schedule(((RngBuiltin *)rng)->bh);
}

static bool builtin_complete(Object *obj, Error **errp)
{
    RngBuiltin *b = (RngBuiltin *)obj;

    rng_prepare(&b->rng);
    b->bh = bh_new(b->rng.loop, builtin_answer, b);
    return true;
}

static void builtin_finalize(Object *obj)
{
    bh_free(((RngBuiltin *)obj)->bh);
}

const RngBackendType rng_builtin_type = {
    .name = "rng-builtin",
    .parent = TYPE(rng_backend_type),
    .description = "random bytes of the host's kernel, or of -seed",
    .size = sizeof(RngBuiltin),
    .finalize = builtin_finalize,
    .complete = builtin_complete,
    .start = builtin_start,
};

/* --- rng-random --- */

typedef struct RngRandom {
    RngBackend rng;
    char *filename;
    int fd; /* -1: not open */
} RngRandom;

static void random_readable(void *opaque)
{
    RngRandom *s = opaque;
    g_autofree uint8_t *data = g_malloc(first_len(&s->rng));
    ssize_t n = read(s->fd, data, first_len(&s->rng));

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    loop_set_fd(s->rng.loop, s->fd, NULL, NULL, NULL);
    if (n > 0) {
        event_post(&s->rng.source, data, n);
        return;
    }
    /* what was asked for stays open, as from a source that is dry */
    warn_report("rng-random: '%s' %s", s->filename,
                n == 0 ? "has ended" : g_strerror(errno));
}

static void random_start(RngBackend *rng)
{
    RngRandom *s = (RngRandom *)rng;

    loop_set_fd(rng->loop, s->fd, random_readable, NULL, s);
}

static bool random_complete(Object *obj, Error **errp)
{
    RngRandom *s = (RngRandom *)obj;
    int fd =
        path_open(object_machine(obj), s->filename, O_RDONLY | O_NONBLOCK, 0);

    if (fd < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", s->filename);
        return false;
    }
    s->fd = fd;
    rng_prepare(&s->rng);
    return true;
}

static void random_init(Object *obj)
{
    ((RngRandom *)obj)->fd = -1;
}

static void random_finalize(Object *obj)
{
    RngRandom *s = (RngRandom *)obj;

    if (s->fd >= 0) {
        loop_set_fd(s->rng.loop, s->fd, NULL, NULL, NULL);
        close(s->fd);
    }
}

static const Property random_props[] = {
    PROP(str, RngRandom, filename, "filename", "/dev/urandom",
         "the device or file to read"),
    { 0 },
};

const RngBackendType rng_random_type = {
    .name = "rng-random",
    .parent = TYPE(rng_backend_type),
    .description = "random bytes from a device or file",
    .size = sizeof(RngRandom),
    .props = random_props,
    .init = random_init,
    .finalize = random_finalize,
    .complete = random_complete,
    .start = random_start,
};
