/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three-phase reset of a subtree: every device enters (own state only), then
 * every one holds (outputs), then every one exits. Devices that sit on a bus
 * of the subtree are part of it wherever they are in the object tree.
 */
#include "tandem/base.h"

#include "softmmu/machine/device.h"
#include "softmmu/machine/machine.h"

typedef struct ResetList {
    GPtrArray *devices; /* parents before children, each once */
    GPtrArray *buses;
    GHashTable *seen;
} ResetList;

static int collect(Object *obj, void *opaque)
{
    ResetList *list = opaque;

    if (!g_hash_table_add(list->seen, obj)) {
        return 0;
    }
    if (type_is_a(obj->type, &bus_type)) {
        Bus *bus = (Bus *)obj;

        g_ptr_array_add(list->buses, bus);
        for (guint i = 0; i < bus->devices->len; i++) {
            Object *dev = g_ptr_array_index(bus->devices, i);

            collect(dev, list);
            object_walk(dev, collect, list);
        }
    } else if (type_is_a(obj->type, &device_type) &&
               ((DeviceState *)obj)->realized) {
        g_ptr_array_add(list->devices, obj);
    }
    return 0;
}

static void phase_enter(DeviceState *dev)
{
    void (*enter)(DeviceState *) =
        TYPE_METHOD(dev->parent.type, device_type, DeviceType, reset_enter);

    dev->in_reset = true;
    dev->unplug_pending = false;
    if (enter) {
        enter(dev);
    }
}

static void phase_hold(DeviceState *dev)
{
    void (*hold)(DeviceState *) =
        TYPE_METHOD(dev->parent.type, device_type, DeviceType, reset_hold);

    if (hold) {
        hold(dev);
    }
}

static void phase_exit(DeviceState *dev)
{
    void (*exit_fn)(DeviceState *) =
        TYPE_METHOD(dev->parent.type, device_type, DeviceType, reset_exit);

    dev->in_reset = false;
    if (exit_fn) {
        exit_fn(dev);
    }
}

void reset_tree(Object *obj)
{
    static void (*const phases[])(DeviceState *) = { phase_enter, phase_hold,
                                                     phase_exit };
    ResetList list = { g_ptr_array_new(), g_ptr_array_new(),
                       g_hash_table_new(NULL, NULL) };

    collect(obj, &list);
    object_walk(obj, collect, &list);
    for (size_t p = 0; p < ARRAY_SIZE(phases); p++) {
        for (guint i = 0; i < list.devices->len; i++) {
            phases[p](g_ptr_array_index(list.devices, i));
        }
        for (guint i = 0; p == 1 && i < list.buses->len; i++) {
            Bus *bus = g_ptr_array_index(list.buses, i);
            const BusType *type = (const BusType *)bus->parent.type;

            if (type->reset_hold) {
                type->reset_hold(bus);
            }
        }
    }
    g_ptr_array_unref(list.devices);
    g_ptr_array_unref(list.buses);
    g_hash_table_unref(list.seen);
}

void device_reset(DeviceState *dev)
{
    reset_tree(OBJECT(dev));
}
