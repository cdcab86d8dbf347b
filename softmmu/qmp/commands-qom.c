/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects and devices by path: schema/qom.json. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/machine/create.h"

static Object *find_object(Machine *m, const char *path, Error **errp)
{
    bool ambiguous = false;
    Object *obj = object_resolve(m->root, path, &ambiguous);

    if (!obj && ambiguous) {
        error_set(errp, "Path '%s' is ambiguous", path);
    } else if (!obj) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                        path);
    }
    return obj;
}

static void append_property(const char *name, const char *type,
                            const Property *prop, ObjectPropertyInfoList **list)
{
    ObjectPropertyInfo *info = g_new0(ObjectPropertyInfo, 1);

    info->name = g_strdup(name);
    info->type = g_strdup(type);
    if (prop && prop->description) {
        info->description = g_strdup(prop->description);
    }
    qlist_append(&qtype_list_object_property_info, list, &info);
}

static void collect_property(const Property *prop, void *opaque)
{
    append_property(prop->name, prop->type->name, prop, opaque);
}

ObjectPropertyInfoList *qmp_qom_list(Machine *m, const QomListArgs *a,
                                     Error **errp)
{
    ObjectPropertyInfoList *list = NULL;
    Object *obj = find_object(m, a->path, errp);

    if (!obj) {
        return NULL;
    }
    append_property("type", "string", NULL, &list);
    object_each_property(obj, collect_property, &list);
    for (guint i = 0; obj->children && i < obj->children->len; i++) {
        Object *child = g_ptr_array_index(obj->children, i);
        g_autofree char *type = g_strdup_printf("child<%s>", child->type->name);

        append_property(child->name, type, NULL, &list);
    }
    return list;
}

json_object *qmp_qom_get(Machine *m, const QomGetArgs *a, Error **errp)
{
    Object *obj = find_object(m, a->path, errp);

    return obj ? object_get(obj, a->property, errp) : NULL;
}

bool qmp_qom_set(Machine *m, const QomSetArgs *a, Error **errp)
{
    Object *obj = find_object(m, a->path, errp);

    return obj && object_set(obj, a->property, a->value, errp);
}

static const ObjectType *find_type(Machine *m, const char *name, Error **errp)
{
    const ObjectType *type = type_find(m->view, name);

    if (!type) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Class '%s' not found",
                        name);
    }
    return type;
}

ObjectTypeInfoList *qmp_qom_list_types(Machine *m, const QomListTypesArgs *a,
                                       Error **errp)
{
    const ObjectType *base = &object_type;
    g_autoptr(GPtrArray) types = NULL;
    ObjectTypeInfoList *list = NULL;

    if (a->implements) {
        base = find_type(m, a->implements, errp);
        if (!base) {
            return NULL;
        }
    }
    types = type_list(m->view, base, a->has_abstract && a->abstract);
    for (guint i = 0; i < types->len; i++) {
        const ObjectType *t = g_ptr_array_index(types, i);
        ObjectTypeInfo *info = g_new0(ObjectTypeInfo, 1);

        info->name = g_strdup(t->name);
        info->has_abstract = info->abstract = t->abstract;
        info->parent = t->parent ? g_strdup(t->parent->name) : NULL;
        qlist_append(&qtype_list_object_type_info, &list, &info);
    }
    return list;
}

ObjectPropertyInfoList *qmp_qom_list_properties(Machine *m,
                                                const QomListPropertiesArgs *a,
                                                Error **errp)
{
    const ObjectType *type = find_type(m, a->typename, errp);
    ObjectPropertyInfoList *list = NULL;

    if (type) {
        type_each_property(type, collect_property, &list);
    }
    return list;
}

ObjectPropertyInfoList *
qmp_device_list_properties(Machine *m, const DeviceListPropertiesArgs *a,
                           Error **errp)
{
    const ObjectType *type = find_type(m, a->typename, errp);
    ObjectPropertyInfoList *list = NULL;

    if (!type) {
        return NULL;
    }
    if (!type_is_a(type, &device_type) || type->abstract) {
        error_set(errp, "Parameter 'typename' expects a non-abstract device "
                        "type");
        return NULL;
    }
    type_each_property(type, collect_property, &list);
    return list;
}

bool qmp_device_add(Machine *m, json_object *a, Error **errp)
{
    return device_add(m, a, errp) != NULL;
}

bool qmp_device_del(Machine *m, const DeviceDelArgs *a, Error **errp)
{
    DeviceState *dev = device_find(m, a->id, errp);

    return dev && device_unplug_request(dev, errp);
}

bool qmp_object_add(Machine *m, json_object *a, Error **errp)
{
    return user_object_add(m, a, errp) != NULL;
}

bool qmp_object_del(Machine *m, const ObjectDelArgs *a, Error **errp)
{
    return user_object_del(m, a->id, errp);
}
