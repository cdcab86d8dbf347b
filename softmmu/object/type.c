/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types: relations, casts, methods, and the registry with its views. */
#include "tandem/base.h"

#include "softmmu/object/object.h"

const ObjectType object_type = {
    .name = "object",
    .size = sizeof(Object),
    .abstract = true,
};

const UserCreatableType user_creatable_type = {
    .name = "user-creatable",
    .parent = &object_type,
    .abstract = true,
};

const ObjectType *const object_types[] = {
    &object_type,
    TYPE(user_creatable_type),
    NULL,
};

bool type_is_a(const ObjectType *type, const void *ancestor)
{
    for (const ObjectType *t = type; t != NULL; t = t->parent) {
        if (t == ancestor) {
            return true;
        }
    }
    return type_interface(type, ancestor) != NULL;
}

const void *type_interface(const ObjectType *type, const void *ancestor)
{
    for (; type != NULL; type = type->parent) {
        for (const ObjectType *const *i = type->interfaces; i && *i; i++) {
            if (type_is_a(*i, ancestor)) {
                return *i;
            }
        }
    }
    return NULL;
}

void *object_try_cast(const void *obj, const void *type)
{
    const Object *o = obj;

    return o != NULL && type_is_a(o->type, type) ? (void *)obj : NULL;
}

void *object_cast(const void *obj, const void *type)
{
    assert(obj == NULL || object_try_cast(obj, type) != NULL);
    return (void *)obj;
}

const void *type_method(const ObjectType *type, const void *base, size_t offset)
{
    for (;; type = type->parent) {
        const void *method;

        assert(type != NULL); /* it does not derive from @base */
        memcpy(&method, (const char *)type + offset, sizeof(method));
        if (method != NULL || type == base) {
            return method;
        }
    }
}

/* --- registry --- */

struct TypeRegistry {
    GPtrArray *all;      /* const ObjectType *, each once */
    GHashTable *by_name; /* name or alias -> GPtrArray of ObjectType */
};

static const char *const *type_arches(const ObjectType *type)
{
    while (type != NULL && type->arches == NULL) {
        type = type->parent;
    }
    return type ? type->arches : NULL;
}

static bool arch_in(const char *const *arches, const char *arch)
{
    if (arches == NULL) {
        return true;
    }
    for (; *arches; arches++) {
        if (strcmp(*arches, arch) == 0) {
            return true;
        }
    }
    return false;
}

static bool arches_overlap(const ObjectType *a, const ObjectType *b)
{
    const char *const *x = type_arches(a);
    const char *const *y = type_arches(b);

    if (x == NULL || y == NULL) {
        return true;
    }
    for (; *x; x++) {
        if (arch_in(y, *x)) {
            return true;
        }
    }
    return false;
}

static void registry_name(TypeRegistry *reg, const char *name,
                          const ObjectType *type)
{
    GPtrArray *same = g_hash_table_lookup(reg->by_name, name);

    if (same == NULL) {
        same = g_ptr_array_new();
        g_hash_table_insert(reg->by_name, (char *)name, same);
    }
    for (guint i = 0; i < same->len; i++) {
        /* two types of one name must differ in their architectures */
        assert(!arches_overlap(same->pdata[i], type));
    }
    g_ptr_array_add(same, (void *)type);
}

static void registry_add(TypeRegistry *reg, const ObjectType *type,
                         GHashTable *seen)
{
    if (!g_hash_table_add(seen, (void *)type)) {
        return;
    }
    assert(type->name != NULL);
    assert((type->parent == NULL) == (type == &object_type));
    if (type->parent) {
        registry_add(reg, type->parent, seen); /* bases need no own row */
    }
    g_ptr_array_add(reg->all, (void *)type);
    registry_name(reg, type->name, type);
    for (const char *const *a = type->aliases; a && *a; a++) {
        registry_name(reg, *a, type);
    }
}

TypeRegistry *type_registry_new(const ObjectType *const *const *lists)
{
    TypeRegistry *reg = g_new0(TypeRegistry, 1);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    reg->all = g_ptr_array_new();
    reg->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                         (GDestroyNotify)g_ptr_array_unref);
    for (; *lists; lists++) {
        for (const ObjectType *const *t = *lists; *t; t++) {
            registry_add(reg, *t, seen);
        }
    }
    return reg;
}

void type_registry_free(TypeRegistry *reg)
{
    if (reg) {
        g_hash_table_unref(reg->by_name);
        g_ptr_array_unref(reg->all);
        g_free(reg);
    }
}

const ObjectType *type_find(TypeView view, const char *name)
{
    GPtrArray *same = g_hash_table_lookup(view.reg->by_name, name);

    for (guint i = 0; same && i < same->len; i++) {
        if (arch_in(type_arches(same->pdata[i]), view.arch)) {
            return same->pdata[i];
        }
    }
    return NULL;
}

static int type_compare(const void *a, const void *b)
{
    const ObjectType *x = *(const ObjectType *const *)a;
    const ObjectType *y = *(const ObjectType *const *)b;

    return strcmp(x->name, y->name);
}

GPtrArray *type_list(TypeView view, const void *ancestor, bool abstract_too)
{
    GPtrArray *out = g_ptr_array_new();

    for (guint i = 0; i < view.reg->all->len; i++) {
        const ObjectType *type = view.reg->all->pdata[i];

        if ((abstract_too || !type->abstract) && type_is_a(type, ancestor) &&
            arch_in(type_arches(type), view.arch)) {
            g_ptr_array_add(out, (void *)type);
        }
    }
    g_ptr_array_sort(out, type_compare);
    return out;
}
