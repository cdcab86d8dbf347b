/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties of types and instances: finding, setting, reading. */
#include "tandem/base.h"

#include "softmmu/object/internal.h"

/* An own property: the copy, with what it owns behind it. */
typedef struct OwnProperty {
    Property prop; /* first: own_props holds Property * */
    char *name;
    /* an alias */
    PropertyType alias_type;
    Object *target;
    char *target_name;
} OwnProperty;

static void own_property_free(void *opaque)
{
    OwnProperty *own = opaque;

    g_free(own->name);
    g_free(own->target_name);
    g_free(own);
}

static OwnProperty *own_property_add(Object *obj, const Property *prop,
                                     const char *name)
{
    OwnProperty *own = g_new0(OwnProperty, 1);

    assert(object_find_property(obj, name) == NULL);
    own->prop = *prop;
    own->name = g_strdup(name);
    own->prop.name = own->name;
    if (obj->own_props == NULL) {
        obj->own_props = g_ptr_array_new_with_free_func(own_property_free);
    }
    g_ptr_array_add(obj->own_props, own);
    return own;
}

static void set_default(Object *obj, const Property *prop)
{
    json_object *value;
    bool ok;

    if (prop->def == NULL || prop->type->set == NULL) {
        return;
    }
    value = json_object_new_string(prop->def);
    ok = prop->type->set(obj, prop, value, NULL);
    assert(ok); /* a default of ours is valid */
    json_object_put(value);
}

void object_add_property(void *obj, const Property *prop)
{
    set_default(obj, &own_property_add(obj, prop, prop->name)->prop);
}

static bool alias_set(Object *obj, const Property *prop, json_object *value,
                      Error **errp)
{
    OwnProperty *own = container_of(prop, OwnProperty, prop);

    return object_set(own->target, own->target_name, value, errp);
}

static json_object *alias_get(Object *obj, const Property *prop)
{
    OwnProperty *own = container_of(prop, OwnProperty, prop);

    return object_get(own->target, own->target_name, NULL);
}

void object_add_alias(void *obj, const char *name, void *target,
                      const char *target_name)
{
    const Property *aim = object_find_property(target, target_name);
    OwnProperty *own;

    assert(aim != NULL);
    own = own_property_add(obj, aim, name);
    own->target = target;
    own->target_name = g_strdup(target_name);
    own->alias_type = *aim->type;
    own->alias_type.set = aim->type->set ? alias_set : NULL;
    own->alias_type.get = aim->type->get ? alias_get : NULL;
    own->alias_type.release = NULL;
    own->prop.type = &own->alias_type;
}

/* The property that @obj's @name stands for: aliases are followed. */
static const Property *resolve_alias(Object **obj, const Property *prop)
{
    while (prop && prop->type->set == alias_set) {
        OwnProperty *own = container_of(prop, OwnProperty, prop);

        *obj = own->target;
        prop = object_find_property(own->target, own->target_name);
    }
    return prop;
}

static const Property *type_property(const ObjectType *type, const char *name)
{
    for (; type != NULL; type = type->parent) {
        for (const Property *p = type->props; p && p->name; p++) {
            if (strcmp(p->name, name) == 0) {
                return p;
            }
        }
    }
    return NULL;
}

const Property *object_find_property(const void *obj, const char *name)
{
    const Object *o = obj;

    for (guint i = 0; o->own_props && i < o->own_props->len; i++) {
        const Property *p = o->own_props->pdata[i];

        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return type_property(o->type, name);
}

static void each_up(const ObjectType *derived, const ObjectType *type,
                    void (*fn)(const Property *prop, void *opaque),
                    void *opaque)
{
    if (type->parent) {
        each_up(derived, type->parent, fn, opaque);
    }
    for (const Property *p = type->props; p && p->name; p++) {
        if (type_property(derived, p->name) == p) {
            fn(p, opaque); /* a subtype's own row of that name goes first */
        }
    }
}

void type_each_property(const ObjectType *type,
                        void (*fn)(const Property *prop, void *opaque),
                        void *opaque)
{
    each_up(type, type, fn, opaque);
}

void object_each_property(const void *obj,
                          void (*fn)(const Property *prop, void *opaque),
                          void *opaque)
{
    const Object *o = obj;

    type_each_property(o->type, fn, opaque);
    for (guint i = 0; o->own_props && i < o->own_props->len; i++) {
        fn(o->own_props->pdata[i], opaque);
    }
}

static void default_visit(const Property *prop, void *opaque)
{
    set_default(opaque, prop);
}

void property_set_defaults(Object *obj)
{
    type_each_property(obj->type, default_visit, obj);
}

static void release_visit(const Property *prop, void *opaque)
{
    if (prop->type->release) {
        prop->type->release(opaque, prop);
    }
}

void property_release_all(Object *obj)
{
    object_each_property(obj, release_visit, obj);
    g_clear_pointer(&obj->own_props, g_ptr_array_unref);
}

char *property_type_name(const Property *prop)
{
    const ObjectType *target = prop->arg;

    if (strcmp(prop->type->name, prop_type_link.name) == 0) {
        return g_strdup_printf("link<%s>", target ? target->name : "object");
    }
    return g_strdup(prop->type->name);
}

/* --- setting --- */

static void collect_name(const Property *prop, void *opaque)
{
    if ((prop->flags & PROP_HIDDEN) == 0) {
        g_ptr_array_add(opaque, (void *)prop->name);
    }
}

static void error_no_property(Error **errp, Object *obj, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (errp == NULL) {
        return;
    }
    object_each_property(obj, collect_name, names);
    g_ptr_array_add(names, NULL);
    error_set(errp, "Property '%s.%s' not found", obj->type->name, name);
    error_suggest(errp, name, (const char *const *)names->pdata);
}

static void error_sealed(Error **errp, Object *obj, const char *name)
{
    if (obj->name) {
        error_set(errp,
                  "Attempt to set property '%s' on device '%s' (type '%s') "
                  "after it was realized",
                  name, obj->name, obj->type->name);
    } else {
        error_set(errp,
                  "Attempt to set property '%s' on anonymous device "
                  "(type '%s') after it was realized",
                  name, obj->type->name);
    }
}

static const Property *settable(Object *obj, const char *name, Error **errp)
{
    const Property *prop = object_find_property(obj, name);

    if (prop == NULL && object_child(obj, name) == NULL &&
        strcmp(name, "type") != 0) {
        error_no_property(errp, obj, name);
        return NULL;
    }
    if (prop == NULL || (prop->flags & PROP_READ_ONLY) ||
        prop->type->set == NULL) {
        error_set(errp, "Property '%s.%s' is not writable", obj->type->name,
                  name);
        return NULL;
    }
    if (obj->sealed && (prop->flags & PROP_LIVE) == 0) {
        error_sealed(errp, obj, name);
        return NULL;
    }
    return prop;
}

bool object_set(void *obj, const char *name, json_object *value, Error **errp)
{
    const Property *prop = settable(obj, name, errp);

    return prop != NULL && prop->type->set(obj, prop, value, errp);
}

bool object_set_text(void *obj, const char *name, const char *text,
                     Error **errp)
{
    json_object *value = json_object_new_string(text);
    bool ok = object_set(obj, name, value, errp);

    json_object_put(value);
    return ok;
}

/* Set from our own code: what fails is our own mistake. */
static void set_ours(void *obj, const char *name, json_object *value)
{
    Error *err = NULL;

    if (!object_set(obj, name, value, &err)) {
        g_error("%s.%s: %s", ((Object *)obj)->type->name, name,
                error_text(err));
    }
    json_object_put(value);
}

void object_set_u64(void *obj, const char *name, uint64_t value)
{
    set_ours(obj, name, json_object_new_uint64(value));
}

void object_set_bool(void *obj, const char *name, bool value)
{
    set_ours(obj, name, json_object_new_boolean(value));
}

void object_set_str(void *obj, const char *name, const char *value)
{
    set_ours(obj, name, json_object_new_string(value));
}

void object_set_link(void *obj, const char *name, void *target)
{
    Object *o = obj;
    const Property *prop = resolve_alias(&o, settable(o, name, NULL));
    bool ok = prop && prop->type == &prop_type_link &&
              property_link_set(o, prop, target, NULL);

    assert(ok);
}

bool object_set_all(void *obj, json_object *props, const char *const *skip,
                    Error **errp)
{
    json_object_object_foreach(props, name, value)
    {
        if ((skip == NULL || !g_strv_contains(skip, name)) &&
            !object_set(obj, name, value, errp)) {
            return false;
        }
    }
    return true;
}

/* --- reading --- */

json_object *object_get(void *obj, const char *name, Error **errp)
{
    Object *o = obj;
    const Property *prop = object_find_property(o, name);
    g_autofree char *path = NULL;
    Object *child;

    if (prop) {
        return prop->type->get ? prop->type->get(o, prop) : NULL;
    }
    if (strcmp(name, "type") == 0) {
        return json_object_new_string(o->type->name);
    }
    child = object_child(o, name);
    if (child == NULL) {
        error_no_property(errp, o, name);
        return NULL;
    }
    path = object_path(child);
    return json_object_new_string(path);
}

Object *property_link_target(const Object *obj, const char *name)
{
    Object *o = (Object *)obj;
    const Property *prop = resolve_alias(&o, object_find_property(o, name));

    if (prop == NULL || prop->type != &prop_type_link) {
        return NULL;
    }
    return *(Object **)((char *)o + prop->offset);
}
