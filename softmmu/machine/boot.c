/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot order: see include/softmmu/machine/boot.h.
 *
 * Spec:  IEEE 1275-1994, 4.3.1 (device paths); QEMU documentation, "-boot",
 *        "bootindex" and fw_cfg file "bootorder".
 */
#include "tandem/base.h"

#include "softmmu/machine/boot.h"

typedef struct BootDevice {
    DeviceState *dev;
    int32_t index;
    const char *unit; /* last part of the path */
} BootDevice;

static void forget(Machine *m, const DeviceState *dev)
{
    for (guint i = m->boot_devices->len; i-- > 0;) {
        BootDevice *b = g_ptr_array_index(m->boot_devices, i);

        if (b->dev == dev) {
            g_ptr_array_remove_index(m->boot_devices, i);
        }
    }
}

static gint by_index(gconstpointer a, gconstpointer b)
{
    const BootDevice *x = *(BootDevice *const *)a;
    const BootDevice *y = *(BootDevice *const *)b;

    return x->index < y->index ? -1 : x->index > y->index;
}

/* False: another device has that place. */
static bool take_place(DeviceState *dev, int32_t index, const char *unit,
                       Error **errp)
{
    Machine *m = dev->machine;
    BootDevice *mine;

    for (guint i = 0; index >= 0 && i < m->boot_devices->len; i++) {
        BootDevice *b = g_ptr_array_index(m->boot_devices, i);

        if (b->index == index && b->dev != dev) {
            error_set(errp, "The bootindex %d has already been used", index);
            return false;
        }
    }
    forget(m, dev);
    if (index >= 0) {
        mine = g_new0(BootDevice, 1);
        *mine = (BootDevice){ dev, index, unit };
        g_ptr_array_add(m->boot_devices, mine);
        g_ptr_array_sort(m->boot_devices, by_index);
    }
    return true;
}

static int32_t *field(Object *obj, const Property *prop)
{
    return (int32_t *)(void *)((char *)obj + prop->offset);
}

/* Kept as one more than what is shown, so that zero is "none". */
static bool set_bootindex(Object *obj, const Property *prop, json_object *value,
                          Error **errp)
{
    Property plain = *prop;
    int32_t shown, *f = field(obj, prop), old = *f;

    plain.type = &prop_type_i32;
    if (!prop_type_i32.set(obj, &plain, value, errp)) {
        return false;
    }
    shown = *f;
    *f = old;
    if (shown == INT32_MAX) {
        error_set(errp, "Parameter 'bootindex' expects a lower number");
        return false;
    }
    if (!take_place(object_cast(obj, &device_type), shown, prop->arg, errp)) {
        return false;
    }
    *f = MAX(shown, -1) + 1;
    return true;
}

static json_object *get_bootindex(Object *obj, const Property *prop)
{
    return json_object_new_int(*field(obj, prop) - 1);
}

static void release_bootindex(Object *obj, const Property *prop)
{
    DeviceState *dev = object_cast(obj, &device_type);

    if (*field(obj, prop) != 0 && dev->machine) {
        forget(dev->machine, dev);
    }
}

const PropertyType prop_type_bootindex = { "int32", "int32", set_bootindex,
                                           get_bootindex, release_bootindex };

/* --- paths --- */

static char *node_name(DeviceState *dev)
{
    const BusType *bus =
        dev->bus ? (const BusType *)dev->bus->parent.type : NULL;
    char *(*of_bus)(Bus *, DeviceState *) =
        bus ? TYPE_METHOD(TYPE(*bus), bus_type, BusType, fw_name) : NULL;
    char *(*of_device)(DeviceState *) =
        TYPE_METHOD(dev->parent.type, device_type, DeviceType, fw_name);

    return of_bus ? of_bus(dev->bus, dev) : of_device ? of_device(dev) : NULL;
}

static void append_path(GString *out, DeviceState *dev)
{
    g_autofree char *name = node_name(dev);

    if (dev->bus && dev->bus->owner) {
        append_path(out, dev->bus->owner);
    }
    if (name) {
        g_string_append_printf(out, "/%s", name);
    }
}

char *machine_boot_order(Machine *m)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < m->boot_devices->len; i++) {
        BootDevice *b = g_ptr_array_index(m->boot_devices, i);

        if (out->len) {
            g_string_append_c(out, '\n');
        }
        append_path(out, b->dev);
        g_string_append_printf(out, "/%s", b->unit);
    }
    if (out->len && m->config.boot_strict) {
        g_string_append(out, "\nHALT");
    }
    return g_string_free(out, out->len == 0);
}
