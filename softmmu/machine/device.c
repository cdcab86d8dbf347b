/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices and buses: creation, placing, realize, unplug. Contracts in
 * include/softmmu/machine/device.h; all under the machine lock.
 */
#include "tandem/base.h"

#include "softmmu/machine/device.h"
#include "softmmu/machine/machine.h"

/* --- creation --- */

/* Apply those of @list that name @type itself, not its parents. */
static bool apply_compat(DeviceState *dev, const ObjectType *type,
                         const CompatProp *list, Error **errp)
{
    for (; list && list->type; list++) {
        if (strcmp(list->type, type->name) == 0 &&
            !object_set_text(dev, list->property, list->value, errp)) {
            error_prefix(errp, "global %s.%s=%s: ", list->type, list->property,
                         list->value);
            return false;
        }
    }
    return true;
}

/* Defaults that the machine's version and -global change, base type first. */
static bool apply_defaults(DeviceState *dev, const ObjectType *type,
                           Error **errp)
{
    Machine *m = dev->machine;

    if (type->parent && !apply_defaults(dev, type->parent, errp)) {
        return false;
    }
    return apply_compat(dev, type, m->type->compat, errp) &&
           apply_compat(dev, type, m->globals, errp);
}

/* Devices that its init made as parts of it; their properties are aliases. */
static bool adopt_parts(DeviceState *dev, Error **errp)
{
    GPtrArray *children = dev->parent.children;

    for (guint i = 0; children && i < children->len; i++) {
        DeviceState *part =
            object_try_cast(g_ptr_array_index(children, i), &device_type);

        if (part && !part->machine) {
            part->machine = dev->machine;
            if (!apply_defaults(part, part->parent.type, errp)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_to_tree(DeviceState *dev, const DevicePlace *place,
                        Error **errp)
{
    Machine *m = dev->machine;

    if (place->parent) {
        return object_add_child(place->parent, place->name, dev, errp);
    }
    if (!place->user) {
        return object_add_child(m->unattached, "device[*]", dev, errp);
    }
    if (!place->id) {
        return object_add_child(m->peripheral_anon, "device[*]", dev, errp);
    }
    if (object_child(m->peripheral, place->id)) {
        error_set(errp, "Duplicate device ID '%s'", place->id);
        return false;
    }
    return object_add_child(m->peripheral, place->id, dev, errp);
}

static bool put_on_bus(DeviceState *dev, Bus *bus, Error **errp)
{
    const BusType *want =
        TYPE_METHOD(dev->parent.type, device_type, DeviceType, bus);
    const BusType *type = (const BusType *)bus->parent.type;

    if (!want || !type_is_a(bus->parent.type, want)) {
        error_set(errp, "Device '%s' can't go on %s bus",
                  dev->parent.type->name, bus->parent.type->name);
        return false;
    }
    if (type->max_devices && bus->devices->len >= type->max_devices) {
        error_set(errp, "Bus '%s' is full", bus->parent.name);
        return false;
    }
    dev->bus = bus;
    g_ptr_array_add(bus->devices, dev);
    return true;
}

DeviceState *device_new(Machine *m, const void *type, const DevicePlace *place,
                        Error **errp)
{
    DeviceState *dev = object_cast(object_new(type), &device_type);

    dev->machine = m;
    dev->id = g_strdup(place->id);
    if (!add_to_tree(dev, place, errp)) {
        object_unref(dev);
        return NULL;
    }
    object_unref(dev); /* the tree's reference keeps it */
    if (!apply_defaults(dev, dev->parent.type, errp) ||
        !adopt_parts(dev, errp) ||
        (place->bus && !put_on_bus(dev, place->bus, errp))) {
        object_unparent(dev);
        return NULL;
    }
    return dev;
}

DeviceState *device_new_board(Machine *m, const void *type)
{
    Error *err = NULL;
    DeviceState *dev = device_new(m, type, &(DevicePlace){ 0 }, &err);

    if (dev == NULL) {
        g_error("%s", error_text(err)); /* a board's own mistake */
    }
    return dev;
}

DeviceState *device_new_child(void *parent, const char *name, const void *type)
{
    DevicePlace place = { .parent = parent, .name = name };
    Error *err = NULL;
    DeviceState *dev = device_new(object_machine(parent), type, &place, &err);

    if (dev == NULL) {
        g_error("%s", error_text(err));
    }
    return dev;
}

/* --- realize, unplug --- */

static bool bus_plug(DeviceState *dev, Error **errp)
{
    const BusType *type;

    if (!dev->bus) {
        return true;
    }
    type = (const BusType *)dev->bus->parent.type;
    return !type->plug || type->plug(dev->bus, dev, errp);
}

static void bus_unplug(DeviceState *dev)
{
    const BusType *type;

    if (!dev->bus) {
        return;
    }
    type = (const BusType *)dev->bus->parent.type;
    if (type->unplug) {
        type->unplug(dev->bus, dev);
    }
}

bool device_realize(DeviceState *dev, Error **errp)
{
    bool (*realize)(DeviceState *, Error **) =
        TYPE_METHOD(dev->parent.type, device_type, DeviceType, realize);

    assert(!dev->realized && machine_locked(dev->machine));
    if (!bus_plug(dev, errp)) {
        return false;
    }
    if (realize && !realize(dev, errp)) {
        bus_unplug(dev);
        return false;
    }
    dev->realized = true;
    object_seal(dev, true);
    if (dev->machine->built) { /* hot plug: as after the machine's reset */
        device_reset(dev);
    }
    return true;
}

static int collect_device(Object *obj, void *opaque)
{
    if (type_is_a(obj->type, &device_type)) {
        g_ptr_array_add(opaque, obj);
    }
    return 0;
}

/* A board or bus mapped what realize published; unrealize destroys it. */
static void unmap_regions(DeviceState *dev)
{
    for (guint i = 0; dev->mmio && i < dev->mmio->len; i++) {
        MemoryRegion *mr = g_ptr_array_index(dev->mmio, i);

        if (mr->parent) {
            memory_region_del(mr->parent, mr);
        }
    }
}

static void unrealize_one(DeviceState *dev)
{
    void (*unrealize)(DeviceState *) =
        TYPE_METHOD(dev->parent.type, device_type, DeviceType, unrealize);

    if (!dev->realized) {
        return;
    }
    unmap_regions(dev);
    if (unrealize) {
        unrealize(dev);
    }
    bus_unplug(dev);
    dev->realized = false;
    object_seal(dev, false);
}

/* Devices on a bus of @dev's live elsewhere in the tree: unplug them too. */
static void unplug_bus_children(DeviceState *dev)
{
    for (guint i = 0; dev->buses && i < dev->buses->len; i++) {
        Bus *bus = g_ptr_array_index(dev->buses, i);

        while (bus->devices->len > 0) {
            device_unplug(
                g_ptr_array_index(bus->devices, bus->devices->len - 1));
        }
    }
}

/* Leave the bus's list; once no callback of the bus needs it there. */
static void leave_bus(DeviceState *dev)
{
    if (dev->bus) {
        g_ptr_array_remove(dev->bus->devices, dev);
        dev->bus = NULL;
    }
}

void device_unplug(DeviceState *dev)
{
    g_autoptr(GPtrArray) below = g_ptr_array_new();
    Machine *m = dev->machine;
    g_autofree char *path = device_path(dev);
    g_autofree char *id = g_strdup(dev->id);
    bool announced = dev->realized && m->built;
    json_object *data;

    object_ref(dev);
    unplug_bus_children(dev);
    device_reset(dev); /* no line stays driven, no DMA goes on */
    object_walk(dev, collect_device, below);
    for (guint i = below->len; i-- > 0;) {
        DeviceState *child = g_ptr_array_index(below, i);
        g_autofree char *child_path = device_path(child);

        unplug_bus_children(child);
        unrealize_one(child);
        leave_bus(child);
        if (announced) { /* parts of a device are told too (DECISIONS 8) */
            data = json_object_new_object();
            json_object_object_add(data, "path",
                                   json_object_new_string(child_path));
            machine_event(m, "DEVICE_DELETED", data);
        }
    }
    unrealize_one(dev);
    leave_bus(dev);
    object_unparent(dev);
    if (announced) {
        data = json_object_new_object();
        if (id) {
            json_object_object_add(data, "device", json_object_new_string(id));
        }
        json_object_object_add(data, "path", json_object_new_string(path));
        machine_event(m, "DEVICE_DELETED", data);
    }
    object_unref(dev);
}

bool device_unplug_request(DeviceState *dev, Error **errp)
{
    const DeviceType *type = (const DeviceType *)dev->parent.type;
    const BusType *bus =
        dev->bus ? (const BusType *)dev->bus->parent.type : NULL;

    if (!type->hotpluggable || (dev->bus && !dev->bus->hotplug)) {
        if (dev->bus && !dev->bus->hotplug) {
            error_set(errp, "Bus '%s' does not support hotplugging",
                      dev->bus->parent.name);
        } else {
            error_set(errp, "Device '%s' does not support hotplugging",
                      dev->id ? dev->id : type->name);
        }
        return false;
    }
    if (dev->unplug_pending) {
        error_set(errp, "Device %s is already in the process of unplug",
                  dev->id ? dev->id : type->name);
        return false;
    }
    if (bus && bus->unplug_request) {
        return bus->unplug_request(dev->bus, dev, errp);
    }
    device_unplug(dev);
    return true;
}

/* --- regions and lines --- */

/* A group of inputs: [first, first + n) go to @fn. */
typedef struct IrqInputs {
    IrqHandler *fn;
    int first, n;
} IrqInputs;

void device_add_mmio(DeviceState *dev, MemoryRegion *mr)
{
    if (!dev->mmio) {
        dev->mmio = g_ptr_array_new();
    }
    g_ptr_array_add(dev->mmio, mr);
}

void device_add_irq(DeviceState *dev, IrqLine *line)
{
    if (!dev->irqs_out) {
        dev->irqs_out = g_ptr_array_new();
    }
    g_ptr_array_add(dev->irqs_out, line);
}

int device_irq_inputs(const DeviceState *dev)
{
    const IrqInputs *last;

    if (!dev->irqs_in || dev->irqs_in->len == 0) {
        return 0;
    }
    last = &g_array_index(dev->irqs_in, IrqInputs, dev->irqs_in->len - 1);
    return last->first + last->n;
}

void device_add_irq_inputs(DeviceState *dev, IrqHandler *fn, int n)
{
    IrqInputs group = { fn, device_irq_inputs(dev), n };

    if (!dev->irqs_in) {
        dev->irqs_in = g_array_new(FALSE, FALSE, sizeof(IrqInputs));
    }
    g_array_append_val(dev->irqs_in, group);
}

MemoryRegion *device_mmio(DeviceState *dev, int i)
{
    assert(dev->mmio && i >= 0 && (guint)i < dev->mmio->len);
    return g_ptr_array_index(dev->mmio, i);
}

void device_map(DeviceState *dev, int i, hwaddr addr)
{
    memory_region_add(&dev->machine->system, addr, device_mmio(dev, i));
}

void device_irq_in(DeviceState *dev, int n, bool level)
{
    assert(n >= 0 && n < device_irq_inputs(dev));
    for (guint i = 0; i < dev->irqs_in->len; i++) {
        IrqInputs *group = &g_array_index(dev->irqs_in, IrqInputs, i);

        if (n < group->first + group->n) {
            group->fn(dev, n - group->first, level);
            return;
        }
    }
}

static void irq_to_device(void *opaque, int n, bool level)
{
    device_irq_in(opaque, n, level);
}

void device_connect_fn(DeviceState *dev, int i, IrqHandler *fn, void *opaque,
                       int n)
{
    assert(dev->irqs_out && i >= 0 && (guint)i < dev->irqs_out->len);
    irq_connect(g_ptr_array_index(dev->irqs_out, i), fn, opaque, n);
}

void device_connect(DeviceState *dev, int i, DeviceState *to, int n)
{
    assert(n >= 0 && n < device_irq_inputs(to));
    device_connect_fn(dev, i, irq_to_device, to, n);
}

static bool (*irq_fd_method(const DeviceState *to))(DeviceState *, int, IrqFd *,
                                                    bool)
{
    return ((const DeviceType *)to->parent.type)->irq_fd;
}

bool device_irq_fd(DeviceState *dev, int i, IrqFd *f)
{
    const IrqLine *line = g_ptr_array_index(dev->irqs_out, i);
    DeviceState *to = line->fn == irq_to_device ? line->opaque : NULL;

    if (!to || !irq_fd_method(to) || !irq_fd_method(to)(to, line->n, f, true)) {
        return false;
    }
    f->to = to;
    f->n = line->n;
    return true;
}

void device_irq_fd_off(IrqFd *f)
{
    if (f->to) {
        irq_fd_method(f->to)(f->to, f->n, f, false);
        f->to = NULL;
    }
}

/* --- names --- */

char *device_path(const DeviceState *dev)
{
    return object_path(dev);
}

Machine *object_machine(void *obj)
{
    Object *m = object_child(object_root(obj), "machine");

    return object_try_cast(m, &machine_type);
}

void guest_error(DeviceState *dev, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *path = NULL;
    va_list ap;

    if (!log_on(LOG_GUEST_ERRORS)) {
        return;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    path = device_path(dev);
    log_guest_error("%s (%s): %s\n", dev->parent.type->name, path ? path : "?",
                    text);
}

/* --- buses --- */

void bus_init(Bus *bus, const void *type, DeviceState *owner, const char *name)
{
    Error *err = NULL;

    object_init_inline(bus, type);
    bus->owner = owner;
    if (!object_add_child(owner, name, bus, &err)) {
        g_error("%s", error_text(err)); /* a device's own mistake */
    }
    object_unref(bus); /* the tree's reference keeps it */
    if (!owner->buses) {
        owner->buses = g_ptr_array_new();
    }
    g_ptr_array_add(owner->buses, bus);
}

static bool bus_has_room(const Bus *bus)
{
    const BusType *type = (const BusType *)bus->parent.type;

    return !bus->full &&
           (type->max_devices == 0 || bus->devices->len < type->max_devices);
}

typedef struct BusSearch {
    const char *name; /* NULL: any of the type */
    const void *type;
    Bus *found;
} BusSearch;

static int match_bus(Object *obj, void *opaque)
{
    BusSearch *s = opaque;
    Bus *bus;

    if (!type_is_a(obj->type, &bus_type)) {
        return 0;
    }
    bus = (Bus *)obj;
    if (s->name ? strcmp(obj->name, s->name) != 0
                : !type_is_a(obj->type, s->type) || !bus_has_room(bus)) {
        return 0;
    }
    s->found = bus;
    return 1;
}

/* A bus by its path, or as the first bus of the device with that id. */
static Bus *bus_by_path(Machine *m, const char *name)
{
    Object *obj = object_resolve(m, name, NULL);
    DeviceState *dev;

    if (!obj) {
        return NULL;
    }
    if (type_is_a(obj->type, &bus_type)) {
        return (Bus *)obj;
    }
    dev = object_try_cast(obj, &device_type);
    return dev && dev->buses ? g_ptr_array_index(dev->buses, 0) : NULL;
}

Bus *bus_find(Machine *m, const char *name, const void *type, Error **errp)
{
    const DeviceType *dtype = type;
    const BusType *want =
        TYPE_METHOD((const ObjectType *)type, device_type, DeviceType, bus);
    BusSearch s = { name, want, NULL };

    if (!name) { /* a board's own come before those of the user's bridges */
        object_walk(m->unattached, match_bus, &s);
    }
    if (!s.found) {
        object_walk(m, match_bus, &s);
    }
    if (!s.found && name) {
        s.found = bus_by_path(m, name);
    }
    if (!s.found && name) {
        error_set(errp, "Bus '%s' not found", name);
    } else if (!s.found) {
        error_set(errp, "No '%s' bus found for device '%s'",
                  want ? want->name : "?", dtype->name);
    }
    return s.found;
}

static void bus_instance_init(Object *obj)
{
    ((Bus *)obj)->devices = g_ptr_array_new();
}

static void bus_instance_finalize(Object *obj)
{
    g_ptr_array_unref(((Bus *)obj)->devices);
}

static void device_finalize(Object *obj)
{
    DeviceState *dev = (DeviceState *)obj;

    g_clear_pointer(&dev->mmio, g_ptr_array_unref);
    g_clear_pointer(&dev->irqs_out, g_ptr_array_unref);
    g_clear_pointer(&dev->irqs_in, g_array_unref);
    g_clear_pointer(&dev->buses, g_ptr_array_unref);
    g_free(dev->id);
}

const DeviceType device_type = {
    .name = "device",
    .parent = &object_type,
    .size = sizeof(DeviceState),
    .abstract = true,
    .finalize = device_finalize,
};

const BusType bus_type = {
    .name = "bus",
    .parent = &object_type,
    .size = sizeof(Bus),
    .abstract = true,
    .init = bus_instance_init,
    .finalize = bus_instance_finalize,
};
