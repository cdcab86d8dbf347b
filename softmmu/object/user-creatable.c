/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects that -object and object-add make. */
#include "tandem/base.h"

#include "softmmu/object/object.h"

const UserCreatableType user_creatable_type = {
    .name = "user-creatable",
    .parent = &object_type,
    .abstract = true,
};

static const ObjectType *creatable_find(TypeView view, const char *name,
                                        Error **errp)
{
    const ObjectType *type = type_find(view, name);
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (type && !type->abstract && type_is_a(type, &user_creatable_type)) {
        return type;
    }
    all = type_list(view, &user_creatable_type, false);
    for (guint i = 0; i < all->len; i++) {
        g_ptr_array_add(names,
                        (void *)((const ObjectType *)all->pdata[i])->name);
    }
    g_ptr_array_add(names, NULL);
    error_set(errp, "Parameter 'qom-type' does not accept value '%s'", name);
    error_suggest(errp, name, (const char *const *)names->pdata);
    return NULL;
}

static bool creatable_complete(Object *obj, json_object *props, Error **errp)
{
    static const char *const skip[] = { "qom-type", "id", NULL };
    bool (*complete)(Object *, Error **) = TYPE_METHOD(
        obj->type, user_creatable_type, UserCreatableType, complete);

    if (props && !object_set_all(obj, props, skip, errp)) {
        return false;
    }
    return complete == NULL || complete(obj, errp);
}

Object *user_creatable_new(TypeView view, Object *container,
                           const char *type_name, const char *id,
                           json_object *props, Error **errp)
{
    const ObjectType *type = creatable_find(view, type_name, errp);
    g_autoptr(Object) obj = NULL;

    if (type == NULL) {
        return NULL;
    }
    if (!object_id_valid(id)) {
        error_set(errp, "Parameter 'id' expects an identifier");
        error_hint(errp, "Identifiers consist of letters, digits, '-', '.', "
                         "'_', starting with a letter.");
        return NULL;
    }
    obj = object_new(type);
    if (!object_add_child(container, id, obj, errp)) {
        return NULL;
    }
    if (!creatable_complete(obj, props, errp)) {
        object_unparent(obj);
        return NULL;
    }
    object_seal(obj, true);
    return obj; /* the tree's reference keeps it */
}

bool user_creatable_del(Object *container, const char *id, Error **errp)
{
    Object *obj = object_child(container, id);
    bool (*can_delete)(Object *, Error **);

    if (obj == NULL || !type_is_a(obj->type, &user_creatable_type)) {
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
