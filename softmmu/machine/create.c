/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "softmmu/base/keyval.h"
#include "softmmu/machine/create.h"

bool id_valid(const char *id)
{
    if (!g_ascii_isalpha(id[0])) {
        return false;
    }
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

static bool check_id(const char *id, Error **errp)
{
    if (id && !id_valid(id)) {
        error_set(errp, "Parameter 'id' expects an identifier");
        error_hint(errp, "Identifiers consist of letters, digits, '-', '.', "
                         "'_', starting with a letter.");
        return false;
    }
    return true;
}

/* Hint the closest name among the types that derive from @ancestor. */
static void suggest_type(Machine *m, const char *name, const void *ancestor,
                         Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(m->view, ancestor, false);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < types->len; i++) {
        g_ptr_array_add(names, (void *)((ObjectType *)types->pdata[i])->name);
    }
    g_ptr_array_add(names, NULL);
    error_suggest(errp, name, (const char *const *)names->pdata);
}

static const DeviceType *find_device_type(Machine *m, const char *driver,
                                          Error **errp)
{
    const ObjectType *type = type_find(m->view, driver);
    const DeviceType *dtype = (const DeviceType *)type;

    if (!type || type->abstract || !type_is_a(type, &device_type)) {
        error_set(errp, "'%s' is not a valid device model name", driver);
        suggest_type(m, driver, &device_type, errp);
        return NULL;
    }
    if (!dtype->user_creatable) {
        error_set(errp, "Parameter 'driver' expects a pluggable device type");
        return NULL;
    }
    if (m->built && !dtype->hotpluggable) {
        error_set(errp, "Device '%s' does not support hotplugging", driver);
        return NULL;
    }
    return dtype;
}

static bool choose_bus(Machine *m, const DeviceType *type, const char *name,
                       Bus **bus, Error **errp)
{
    const BusType *want =
        TYPE_METHOD(TYPE(*type), device_type, DeviceType, bus);

    *bus = NULL;
    if (!want) {
        if (name) {
            error_set(errp, "Device '%s' does not sit on a bus", type->name);
        }
        return !name;
    }
    *bus = bus_find(m, name, type, errp);
    if (*bus && m->built && !(*bus)->hotplug) {
        error_set(errp, "Bus '%s' does not support hotplugging",
                  (*bus)->parent.name);
        return false;
    }
    return *bus != NULL;
}

DeviceState *device_add(Machine *m, json_object *options, Error **errp)
{
    static const char *const skip[] = { "driver", "id", "bus", NULL };
    const char *driver = json_get_text(options, "driver");
    DevicePlace place = { .user = true, .id = json_get_text(options, "id") };
    const DeviceType *type;
    DeviceState *dev;

    if (!driver) {
        error_set(errp, "Parameter 'driver' is missing");
        return NULL;
    }
    type = find_device_type(m, driver, errp);
    if (!type || !check_id(place.id, errp) ||
        !choose_bus(m, type, json_get_text(options, "bus"), &place.bus, errp)) {
        return NULL;
    }
    dev = device_new(m, type, &place, errp);
    if (!dev) {
        return NULL;
    }
    dev->hotplugged = m->built;
    if (!object_set_all(dev, options, skip, errp) ||
        !device_realize(dev, errp)) {
        device_unplug(dev);
        return NULL;
    }
    return dev;
}

DeviceState *device_find(Machine *m, const char *id, Error **errp)
{
    Object *obj = id[0] == '/' ? object_resolve(m->root, id, NULL)
                               : object_child(m->peripheral, id);

    if (!obj) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                        id);
        return NULL;
    }
    if (!type_is_a(obj->type, &device_type)) {
        error_set(errp, "%s is not a hotpluggable device", id);
        return NULL;
    }
    return (DeviceState *)obj;
}

static const UserCreatableType *find_object_type(Machine *m, const char *name,
                                                 Error **errp)
{
    const ObjectType *type = type_find(m->view, name);

    if (!type || type->abstract || !type_is_a(type, &user_creatable_type)) {
        error_set(errp, "Parameter 'qom-type' does not accept value '%s'",
                  name);
        suggest_type(m, name, &user_creatable_type, errp);
        return NULL;
    }
    return (const UserCreatableType *)type;
}

Object *user_object_add(Machine *m, json_object *options, Error **errp)
{
    static const char *const skip[] = { "qom-type", "id", NULL };
    const char *name = json_get_text(options, "qom-type");
    const char *id = json_get_text(options, "id");
    const UserCreatableType *type;
    bool (*complete)(Object *, Error **);
    Object *obj;

    if (!name || !id) {
        error_set(errp, "Parameter '%s' is missing", name ? "id" : "qom-type");
        return NULL;
    }
    type = find_object_type(m, name, errp);
    if (!type || !check_id(id, errp)) {
        return NULL;
    }
    if (object_child(m->objects, id)) {
        error_set(errp,
                  "attempt to add duplicate property '%s' to object "
                  "(type 'container')",
                  id);
        return NULL;
    }
    obj = object_new(type);
    /* In the tree first: its properties may name other objects. */
    if (!object_add_child(m->objects, id, obj, errp)) {
        object_unref(obj);
        return NULL;
    }
    object_unref(obj);
    complete = TYPE_METHOD(TYPE(*type), user_creatable_type, UserCreatableType,
                           complete);
    if (!object_set_all(obj, options, skip, errp) ||
        (complete && !complete(obj, errp))) {
        object_unparent(obj);
        return NULL;
    }
    object_seal(obj, true);
    return obj;
}

bool user_object_del(Machine *m, const char *id, Error **errp)
{
    Object *obj = object_child(m->objects, id);
    bool (*can_delete)(Object *, Error **);

    if (!obj) {
        error_set(errp, "object '%s' not found", id);
        return false;
    }
    can_delete = TYPE_METHOD(obj->type, user_creatable_type, UserCreatableType,
                             can_delete);
    if (can_delete && !can_delete(obj, errp)) {
        return false;
    }
    object_unparent(obj);
    return true;
}
