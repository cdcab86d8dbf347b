/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Entropy device.
 *
 * Spec:  VIRTIO 1.2, 5.4.
 * Guest: one queue of buffers to fill with random bytes.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/virtio/devices.h"
#include "hw/virtio/virtio.h"
#include "softmmu/backend/rng.h"

enum { RNG_QUEUE_SIZE = 8 };

typedef struct VirtioRng {
    VirtioDevice parent;
    /* properties */
    Object *backend; /* NULL: an rng-builtin of its own */
    uint64_t max_bytes;
    uint32_t period_ms;
    /* constant after realize */
    RngBackend *rng;
    /* guest state, saved */
    GQueue waiting; /* VirtqElement *: taken, no bytes yet */
    uint64_t quota; /* bytes left in this period */
    Timer refill;   /* when a new period begins; unset: full */
    /* not saved: asked again after a load */
    bool asked;
} VirtioRng;

static void rng_ask(VirtioRng *s);

/* Bytes came for the first buffer that waits. */
static void rng_bytes(void *opaque, const uint8_t *data, size_t len)
{
    VirtioRng *s = opaque;
    VirtqElement *e = g_queue_pop_head(&s->waiting);
    VirtQueue *vq = e->vq;

    s->asked = false;
    s->quota -= MIN(s->quota, len);
    virtq_push(vq, e, (uint32_t)iov_from_buf(e->in, e->n_in, 0, data, len));
    virtq_element_free(e);
    virtq_notify(vq);
    rng_ask(s);
}

/* At most max-bytes in each period: 5.4.6 leaves the rate to the device. */
static void rng_refill(void *opaque)
{
    VirtioRng *s = opaque;

    s->quota = s->max_bytes;
    rng_ask(s);
}

static void rng_ask(VirtioRng *s)
{
    Machine *m = s->parent.parent.machine;
    VirtqElement *e = g_queue_peek_head(&s->waiting);
    uint64_t len;

    if (!e || s->asked) {
        return;
    }
    if (s->max_bytes != INT64_MAX && !timer_pending(&s->refill)) {
        timer_set(&s->refill, event_clock_ns(m->gate, CLOCK_VIRTUAL) +
                                  (int64_t)s->period_ms * 1000000);
    }
    len = MIN(e->in_len, s->quota);
    if (len > 0) {
        s->asked = true;
        rng_request(s->rng, len, rng_bytes, s);
    }
}

static void rng_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtioRng *s = object_cast(v, &virtio_rng_type);
    VirtqElement *e;

    while ((e = virtq_pop(vq, sizeof(*e)))) {
        if (e->in_len == 0) {
            virtq_push(vq, e, 0); /* 5.4.6.1: nothing to fill */
            virtq_element_free(e);
            virtq_notify(vq);
        } else {
            g_queue_push_tail(&s->waiting, e);
        }
    }
    rng_ask(s);
}

static void rng_reset(VirtioDevice *v)
{
    VirtioRng *s = object_cast(v, &virtio_rng_type);
    VirtqElement *e;

    rng_cancel(s->rng, s);
    timer_cancel(&s->refill);
    s->asked = false;
    s->quota = s->max_bytes;
    while ((e = g_queue_pop_head(&s->waiting))) {
        virtq_detach(e->vq, e);
        virtq_element_free(e);
    }
}

static void rng_queue_reset(VirtioDevice *v, VirtQueue *vq)
{
    rng_reset(v); /* there is but one */
}

/* --- saved state, type --- */

static bool rng_post_load(void *obj, int version, Error **errp)
{
    VirtioRng *s = obj;

    s->quota = MIN(s->quota, s->max_bytes);
    rng_ask(s); /* the bytes that were on the way stayed behind */
    return true;
}

static const VmField rng_fields[] = {
    VM_U64(VirtioRng, quota),
    VM_CUSTOM(VirtioRng, refill, vm_timer),
    VM_CUSTOM(VirtioRng, waiting, virtio_vm_elements),
    { 0 },
};
static const VmState rng_vmstate = {
    .name = "virtio-rng",
    .version = 1,
    .fields = rng_fields,
    .post_load = rng_post_load,
};

static const Property rng_props[] = {
    PROP_ARG(link, VirtioRng, backend, "rng", NULL, "source of the bytes",
             &rng_backend_type),
    PROP(u64, VirtioRng, max_bytes, "max-bytes", "9223372036854775807",
         "most bytes in one period"),
    PROP(u32, VirtioRng, period_ms, "period", "65536", "period in ms"),
    { 0 },
};

/* Without rng= it has a source of its own, as clients expect. */
static bool rng_default(VirtioRng *s, Error **errp)
{
    Object *rng = object_new(&rng_builtin_type);
    bool (*complete)(Object *, Error **) = TYPE_METHOD(
        rng->type, user_creatable_type, UserCreatableType, complete);
    bool ok = object_add_child(s, "default-backend", rng, errp);

    object_unref(rng);
    if (!ok || (complete && !complete(rng, errp))) {
        return false;
    }
    s->rng = (RngBackend *)rng;
    return true;
}

static bool rng_start(VirtioDevice *v, Error **errp)
{
    VirtioRng *s = object_cast(v, &virtio_rng_type);

    if (s->period_ms == 0 || s->max_bytes > INT64_MAX) {
        error_set(errp, s->period_ms ? "'max-bytes' parameter must be "
                                       "non-negative, and less than 2^63"
                                     : "'period' parameter expects a positive "
                                       "integer");
        return false;
    }
    s->rng = (RngBackend *)s->backend;
    if (!s->rng && !rng_default(s, errp)) {
        return false;
    }
    timer_init(&s->refill, v->parent.machine->loop, CLOCK_VIRTUAL, rng_refill,
               s);
    virtio_add_queue(v, RNG_QUEUE_SIZE, rng_queue, NULL);
    return true;
}

static void rng_stop(VirtioDevice *v)
{
    VirtioRng *s = object_cast(v, &virtio_rng_type);

    rng_reset(v);
    if (!s->backend) {
        object_unparent(s->rng);
    }
    s->rng = NULL;
}

const VirtioDeviceType virtio_rng_type = {
    .name = "virtio-rng-device",
    .parent = TYPE(virtio_device_type),
    .description = "VirtIO entropy source",
    .size = sizeof(VirtioRng),
    .props = rng_props,
    .category = DEVICE_MISC,
    .user_creatable = true,
    .hotpluggable = true,
    .vmstate = &rng_vmstate,
    .device_id = VIRTIO_ID_ENTROPY,
    .start = rng_start,
    .stop = rng_stop,
    .reset = rng_reset,
    .queue_reset = rng_queue_reset,
};
