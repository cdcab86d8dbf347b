/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The base of all VirtIO devices, and their bus.
 *
 * Spec:  VIRTIO 1.2, 2.1 (status), 2.2 (features), 2.5 (configuration), 3.1
 *        (initialization), 6 (reserved features).
 * Locks: machine lock. A queue that an iothread serves is quiesced before it
 *        is changed (DECISIONS 27).
 */
#include "tandem/base.h"

#include <sys/eventfd.h>

#include "hw/virtio/virtio.h"
#include "trace_hw_virtio.h"

static const VirtioDeviceType *type_of(const VirtioDevice *v)
{
    return (const VirtioDeviceType *)v->parent.parent.type;
}

static VirtioBus *bus_of(const VirtioDevice *v)
{
    return (VirtioBus *)v->parent.bus;
}

#define VIRTIO_METHOD(v, method)                                               \
    TYPE_METHOD(TYPE(*type_of(v)), virtio_device_type, VirtioDeviceType, method)

/* --- queues --- */

static void deliver_interrupt(void *opaque)
{
    virtio_interrupt_queue(opaque);
}

VirtQueue *virtio_add_queue(VirtioDevice *v, uint16_t size,
                            VirtQueueHandler *handler, LoopContext *ctx)
{
    LoopContext *loop = v->parent.machine->loop;
    VirtQueue *vq = g_new0(VirtQueue, 1);

    assert(v->n_queues < VIRTIO_QUEUES_MAX && size <= VIRTQ_SIZE_MAX);
    v->queues = g_renew(VirtQueue *, v->queues, v->n_queues + 1);
    v->queues[v->n_queues] = vq;
    *vq = (VirtQueue){ .device = v,
                       .index = (uint16_t)v->n_queues++,
                       .size_max = size,
                       .handler = handler,
                       .bell_fd = -1,
                       .irq_fd = -1,
                       .ctx = ctx ? ctx : loop };
    vq->bh = bh_new(vq->ctx, virtq_run, vq);
    if (vq->ctx != loop) {
        vq->irq_bh = bh_new(loop, deliver_interrupt, vq);
    }
    virtq_reset(vq);
    return vq;
}

VirtQueue *virtio_queue(VirtioDevice *v, unsigned index)
{
    return index < v->n_queues && v->queues[index]->size_max ? v->queues[index]
                                                             : NULL;
}

/* Keep iothreads away from the queues, and let them back. Each context is
 * asked once a queue: it nests. */
void virtio_quiesce(VirtioDevice *v, bool on)
{
    for (unsigned i = 0; i < v->n_queues; i++) {
        if (v->queues[i]->ctx == v->parent.machine->loop) {
            continue;
        }
        if (on) {
            loop_context_quiesce(v->queues[i]->ctx);
        } else {
            loop_context_resume(v->queues[i]->ctx);
        }
    }
}

static void queues_free(VirtioDevice *v)
{
    virtio_quiesce(v, true);
    for (unsigned i = 0; i < v->n_queues; i++) {
        VirtQueue *vq = v->queues[i];

        bh_free(vq->bh);
        if (vq->bell_fd >= 0) {
            loop_set_fd(vq->ctx, vq->bell_fd, NULL, NULL, NULL);
            close(vq->bell_fd);
        }
        if (vq->irq_bh) {
            bh_free(vq->irq_bh);
        }
        g_queue_clear_full(&vq->filled, g_free);
    }
    virtio_quiesce(v, false);
    g_clear_pointer(&v->broken_bh, bh_free);
    for (unsigned i = 0; i < v->n_queues; i++) {
        g_free(v->queues[i]);
    }
    g_clear_pointer(&v->queues, g_free);
    v->n_queues = 0;
}

static void queues_look(VirtioDevice *v)
{
    for (unsigned i = 0; i < v->n_queues; i++) {
        if (v->queues[i]->enabled) {
            bh_schedule(v->queues[i]->bh);
        }
    }
}

/* --- interrupts --- */

static void interrupt(VirtioDevice *v, uint8_t isr, uint16_t vector)
{
    VirtioBus *bus = bus_of(v);

    virtio_isr_set(v, isr);
    if (bus) {
        const VirtioBusType *type =
            (const VirtioBusType *)bus->parent.parent.type;

        type->interrupt(bus, v, vector);
    }
}

void virtio_interrupt_queue(VirtQueue *vq)
{
    if (vq->irq_fd >= 0) {
        trace_virtio_interrupt(vq->index);
        if (!vq->irq_isr || virtio_isr_set(vq->device, VIRTIO_ISR_QUEUE)) {
            eventfd_write(vq->irq_fd, 1);
        }
        return;
    }
    if (loop_thread_is_iothread()) {
        bh_schedule(vq->irq_bh);
        return;
    }
    trace_virtio_interrupt(vq->index);
    interrupt(vq->device, VIRTIO_ISR_QUEUE, vq->vector);
}

void virtio_interrupt_config(VirtioDevice *v)
{
    interrupt(v, VIRTIO_ISR_CONFIG, v->config_vector);
}

static bool driver_ok(const VirtioDevice *v)
{
    return (v->status & VIRTIO_STATUS_DRIVER_OK) != 0;
}

void virtio_config_changed(VirtioDevice *v)
{
    v->config_generation++;
    if (driver_ok(v)) { /* 2.1.2: not before */
        virtio_interrupt_config(v);
    }
}

static void tell_broken(void *opaque)
{
    VirtioDevice *v = opaque;

    if (v->broken && virtio_has(v, VIRTIO_F_VERSION_1) &&
        !(v->status & VIRTIO_STATUS_NEEDS_RESET)) {
        v->status |= VIRTIO_STATUS_NEEDS_RESET; /* 2.1.2 */
        virtio_config_changed(v);
    }
}

void virtio_broken(VirtioDevice *v, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (v->broken) {
        return;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    guest_error(&v->parent, "%s; the device needs a reset", text);
    v->broken = true;
    if (loop_thread_is_iothread()) {
        bh_schedule(v->broken_bh);
    } else {
        tell_broken(v);
    }
}

/* --- features, status, reset --- */

typedef struct RingFeature {
    unsigned bit;
    size_t offset; /* of the property */
    bool modern;   /* not offered to legacy drivers */
} RingFeature;

static const RingFeature ring_features[] = {
    { VIRTIO_F_INDIRECT_DESC, offsetof(VirtioDevice, indirect_desc), false },
    { VIRTIO_F_EVENT_IDX, offsetof(VirtioDevice, event_idx), false },
    { VIRTIO_F_NOTIFY_ON_EMPTY, offsetof(VirtioDevice, notify_on_empty),
      false },
    { VIRTIO_F_ANY_LAYOUT, offsetof(VirtioDevice, any_layout), false },
    { VIRTIO_F_RING_PACKED, offsetof(VirtioDevice, ring_packed), true },
    { VIRTIO_F_IN_ORDER, offsetof(VirtioDevice, in_order), true },
    { VIRTIO_F_RING_RESET, offsetof(VirtioDevice, ring_reset), true },
    { VIRTIO_F_ACCESS_PLATFORM, offsetof(VirtioDevice, access_platform), true },
};

uint64_t virtio_offered(const VirtioDevice *v, bool legacy)
{
    uint64_t f = v->offered;

    for (size_t i = 0; i < ARRAY_SIZE(ring_features); i++) {
        const RingFeature *r = &ring_features[i];

        if (*(const bool *)((const char *)v + r->offset) &&
            !(legacy && r->modern)) {
            f |= BIT(r->bit);
        }
    }
    return legacy ? f & UINT32_MAX : f | BIT(VIRTIO_F_VERSION_1);
}

bool virtio_set_features(VirtioDevice *v, uint64_t features)
{
    bool (*set)(VirtioDevice *) = VIRTIO_METHOD(v, features_set);

    if (v->status & (v->legacy ? VIRTIO_STATUS_DRIVER_OK
                               : VIRTIO_STATUS_FEATURES_OK)) { /* 3.1.1 */
        guest_error(&v->parent, "features written after negotiation");
        return false;
    }
    v->features = features;
    trace_virtio_features(features);
    if (features & ~virtio_offered(v, v->legacy)) {
        guest_error(&v->parent,
                    "driver wants features 0x%" PRIx64 " which are not offered",
                    features & ~virtio_offered(v, v->legacy));
        if (v->legacy) {
            v->features &= virtio_offered(v, true);
        }
        return false;
    }
    return !v->legacy || !set || set(v);
}

/* FEATURES_OK stays clear when the device refuses; 3.1.1 step 5. */
static bool features_ok(VirtioDevice *v)
{
    bool (*set)(VirtioDevice *) = VIRTIO_METHOD(v, features_set);

    if (v->features & ~virtio_offered(v, false) ||
        !virtio_has(v, VIRTIO_F_VERSION_1) ||
        (v->access_platform && !virtio_has(v, VIRTIO_F_ACCESS_PLATFORM))) {
        return false;
    }
    return !set || set(v);
}

void virtio_reset(VirtioDevice *v)
{
    void (*reset)(VirtioDevice *) = VIRTIO_METHOD(v, reset);

    virtio_quiesce(v, true);
    virtio_bells_off(v);
    if (reset) {
        reset(v);
    }
    for (unsigned i = 0; i < v->n_queues; i++) {
        virtq_reset(v->queues[i]);
    }
    v->status = 0;
    v->isr = 0;
    v->broken = false;
    v->features = 0;
    v->config_vector = VIRTIO_NO_VECTOR;
    virtio_quiesce(v, false);
}

void virtio_queue_reset(VirtioDevice *v, VirtQueue *vq)
{
    void (*reset)(VirtioDevice *, VirtQueue *) = VIRTIO_METHOD(v, queue_reset);

    virtio_quiesce(v, true);
    if (reset) {
        reset(v, vq);
    }
    virtq_reset(vq);
    virtio_quiesce(v, false);
}

/* 2.1.1: bits are only added; 3.1.1: DRIVER_OK comes after FEATURES_OK. What
 * was negotiated stands until a reset, as buffers are laid out by it. */
static uint8_t status_in_order(VirtioDevice *v, uint8_t status)
{
    if (v->legacy) {
        return status; /* knows no FEATURES_OK */
    }
    if (v->status & ~status & VIRTIO_STATUS_FEATURES_OK) {
        guest_error(&v->parent, "FEATURES_OK is cleared without a reset");
        status |= VIRTIO_STATUS_FEATURES_OK;
    }
    if (status & VIRTIO_STATUS_FEATURES_OK &&
        !(v->status & VIRTIO_STATUS_FEATURES_OK) && !features_ok(v)) {
        status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
    }
    if (status & VIRTIO_STATUS_DRIVER_OK &&
        !(status & VIRTIO_STATUS_FEATURES_OK)) {
        guest_error(&v->parent, "DRIVER_OK without FEATURES_OK");
        status &= (uint8_t)~VIRTIO_STATUS_DRIVER_OK;
    }
    return status;
}

void virtio_set_status(VirtioDevice *v, uint8_t status)
{
    void (*status_set)(VirtioDevice *, uint8_t) = VIRTIO_METHOD(v, status_set);
    uint8_t old = v->status;

    trace_virtio_status(status);
    virtio_quiesce(v, true);
    if (status == 0) {
        virtio_reset(v);
    } else {
        v->status =
            status_in_order(v, status) | (old & VIRTIO_STATUS_NEEDS_RESET);
    }
    if (status_set) {
        status_set(v, old);
    }
    if (v->status & ~old & VIRTIO_STATUS_DRIVER_OK) {
        virtio_bells_update(v);
        virtio_irq_fds_update(v);
        queues_look(v);
    }
    virtio_quiesce(v, false);
}

/* --- configuration space: little-endian, 2.5.3 --- */

uint64_t virtio_config_read(VirtioDevice *v, unsigned off, unsigned size)
{
    void (*refresh)(VirtioDevice *) = VIRTIO_METHOD(v, config_read);
    uint64_t value = 0;

    if (!range_fits(off, size, type_of(v)->config_size)) {
        return bit_mask(8 * size);
    }
    if (refresh) {
        refresh(v);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)v->config[off + i] << 8 * i;
    }
    return value;
}

void virtio_config_write(VirtioDevice *v, unsigned off, unsigned size,
                         uint64_t value)
{
    void (*written)(VirtioDevice *, unsigned, unsigned) =
        VIRTIO_METHOD(v, config_written);

    if (!range_fits(off, size, type_of(v)->config_size) || !written) {
        guest_error(&v->parent, "configuration at 0x%x written", off);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        v->config[off + i] = (uint8_t)(value >> 8 * i);
    }
    virtio_quiesce(v, true);
    written(v, off, size);
    virtio_quiesce(v, false);
}

/* --- saved state --- */

static void queues_save(const void *field, const void *obj, VmBuffer *b)
{
    const VirtioDevice *v = obj;

    vm_put_u64(b, v->n_queues);
    for (unsigned i = 0; i < v->n_queues; i++) {
        g_autoptr(GByteArray) one = g_byte_array_new();

        vmstate_save(&virtq_vmstate, v->queues[i], one);
        vm_put_u64(b, one->len);
        vm_put(b, one->data, one->len);
    }
}

static bool queues_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    VirtioDevice *v = obj;
    uint64_t n = vm_get_u64(b);

    if (b->failed || n != v->n_queues) {
        error_set(errp, "%s: %" PRIu64 " queues saved, %u here",
                  type_of(v)->name, n, v->n_queues);
        return false;
    }
    for (unsigned i = 0; i < v->n_queues; i++) {
        uint64_t len = vm_get_u64(b);

        if (b->failed || len > b->in_len - b->in_pos) {
            error_set(errp, "%s: queue %u is cut short", type_of(v)->name, i);
            return false;
        }
        if (!vmstate_load(&virtq_vmstate, v->queues[i], virtq_vmstate.version,
                          b->in + b->in_pos, len, errp)) {
            return false;
        }
        b->in_pos += len;
    }
    return true;
}

static const VmCustom vm_queues = { queues_save, queues_load };

/* Requests of before the load are gone. */
static void virtio_pre_load(void *obj)
{
    virtio_reset(obj);
}

static bool virtio_post_load(void *obj, int version, Error **errp)
{
    VirtioDevice *v = obj;

    if (v->features & ~virtio_offered(v, v->legacy) &&
        v->status & VIRTIO_STATUS_FEATURES_OK) {
        error_set(
            errp, "%s: features 0x%" PRIx64 " are in use but not offered here",
            type_of(v)->name, v->features & ~virtio_offered(v, v->legacy));
        return false;
    }
    interrupt(v, 0, VIRTIO_NO_VECTOR);
    return true;
}

static const VmField virtio_fields[] = {
    VM_U8(VirtioDevice, status),
    VM_U8(VirtioDevice, isr),
    VM_BOOL(VirtioDevice, broken),
    VM_BOOL(VirtioDevice, legacy),
    VM_U64(VirtioDevice, features),
    VM_U32(VirtioDevice, config_generation),
    VM_U16(VirtioDevice, config_vector),
    VM_BYTES(VirtioDevice, config),
    VM_CUSTOM(VirtioDevice, queues, vm_queues),
    { 0 },
};
static const VmState virtio_vmstate = {
    .name = "virtio",
    .version = 1,
    .fields = virtio_fields,
    .pre_load = virtio_pre_load,
    .post_load = virtio_post_load,
};

/* --- realize, type --- */

/* Going on after a stop or a load: what came meanwhile is looked at. */
static void state_changed(Notifier *n, void *data)
{
    VirtioDevice *v = container_of(n, VirtioNotifier, notifier)->device;

    void (*resume)(VirtioDevice *) = VIRTIO_METHOD(v, resume);

    if (machine_running(v->parent.machine)) {
        if (resume) {
            resume(v);
        }
        virtio_quiesce(v, true);
        virtio_bells_update(v);
        virtio_irq_fds_update(v);
        virtio_quiesce(v, false);
        tell_broken(v); /* it may have been saved before it was told */
        queues_look(v);
    }
}

static bool virtio_realize(DeviceState *dev, Error **errp)
{
    VirtioDevice *v = object_cast(dev, &virtio_device_type);
    const VirtioBusType *bus;

    if (!dev->bus) {
        error_set(errp, "%s needs a virtio bus", type_of(v)->name);
        return false;
    }
    bus = (const VirtioBusType *)dev->bus->parent.type;
    v->as = &dev->machine->memory;
    v->attrs = (MemAttrs){ .device = true };
    v->broken_bh = bh_new(dev->machine->loop, tell_broken, v);
    if (!VIRTIO_METHOD(v, start)(v, errp)) {
        queues_free(v);
        return false;
    }
    virtio_reset(v);
    if (!bus->attached(bus_of(v), v, errp)) {
        VIRTIO_METHOD(v, stop)(v);
        queues_free(v);
        return false;
    }
    v->on_state = (VirtioNotifier){ { state_changed }, v };
    notifier_add(dev->machine->on_state, &v->on_state.notifier);
    return true;
}

static void virtio_unrealize(DeviceState *dev)
{
    VirtioDevice *v = object_cast(dev, &virtio_device_type);
    const VirtioBusType *bus = (const VirtioBusType *)dev->bus->parent.type;

    notifier_remove(dev->machine->on_state, &v->on_state.notifier);
    virtio_reset(v);
    bus->detached(bus_of(v), v);
    VIRTIO_METHOD(v, stop)(v);
    queues_free(v);
}

static void virtio_reset_enter(DeviceState *dev)
{
    virtio_reset(object_cast(dev, &virtio_device_type));
}

static const Property virtio_props[] = {
    PROP(bool, VirtioDevice, indirect_desc, "indirect_desc", "on",
         "offer VIRTIO_F_INDIRECT_DESC"),
    PROP(bool, VirtioDevice, event_idx, "event_idx", "on",
         "offer VIRTIO_F_EVENT_IDX"),
    PROP(bool, VirtioDevice, notify_on_empty, "notify_on_empty", "on",
         "offer VIRTIO_F_NOTIFY_ON_EMPTY"),
    PROP(bool, VirtioDevice, any_layout, "any_layout", "on",
         "offer VIRTIO_F_ANY_LAYOUT"),
    PROP(bool, VirtioDevice, ring_packed, "packed", "off",
         "offer packed rings"),
    PROP(bool, VirtioDevice, in_order, "in_order", "off",
         "offer VIRTIO_F_IN_ORDER"),
    PROP(bool, VirtioDevice, ring_reset, "queue_reset", "on",
         "offer the reset of one queue"),
    PROP(bool, VirtioDevice, access_platform, "iommu_platform", "off",
         "require VIRTIO_F_ACCESS_PLATFORM"),
    { 0 },
};

const VirtioDeviceType virtio_device_type = {
    .name = "virtio-device",
    .parent = TYPE(device_type),
    .size = sizeof(VirtioDevice),
    .abstract = true,
    .props = virtio_props,
    .bus = (const BusType *)&virtio_bus_type,
    .realize = virtio_realize,
    .unrealize = virtio_unrealize,
    .reset_enter = virtio_reset_enter,
    .vmstate = &virtio_vmstate,
};

VirtioDevice *virtio_bus_device(const VirtioBus *bus)
{
    DeviceState *dev = bus->parent.devices->len
                           ? g_ptr_array_index(bus->parent.devices, 0)
                           : NULL;

    return dev && dev->realized ? object_cast(dev, &virtio_device_type) : NULL;
}

const VirtioBusType virtio_bus_type = {
    .name = "virtio-bus",
    .parent = TYPE(bus_type),
    .size = sizeof(VirtioBus),
    .abstract = true,
    .max_devices = 1,
};
