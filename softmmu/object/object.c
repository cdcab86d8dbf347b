/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life of objects and the tree they form. */
#include "tandem/base.h"

#include "softmmu/base/parse.h"
#include "softmmu/object/internal.h"

/* --- life --- */

static size_t instance_size(const ObjectType *type)
{
    while (type->size == 0) {
        type = type->parent;
    }
    return type->size;
}

static void run_init(Object *obj, const ObjectType *type)
{
    if (type->parent) {
        run_init(obj, type->parent);
    }
    if (type->init) {
        type->init(obj);
    }
}

static void object_setup(Object *obj, const ObjectType *type)
{
    assert(!type->abstract);
    obj->type = type;
    atomic_init(&obj->refs, 1);
    property_set_defaults(obj);
    run_init(obj, type);
}

Object *object_new(const void *type)
{
    size_t size = instance_size(type);
    void *mem;

    /* a cache line: CPUs and queues hold vectors and hot atomics */
    if (posix_memalign(&mem, 64, align_up(size, 64)) != 0) {
        g_error("out of memory: an object of %zu bytes", size);
    }
    memset(mem, 0, size);
    object_setup(mem, type);
    return mem;
}

void object_init_inline(void *obj, const void *type)
{
    memset(obj, 0, instance_size(type));
    ((Object *)obj)->inlined = true;
    object_setup(obj, type);
}

Object *object_ref(void *obj)
{
    Object *o = obj;

    if (o) {
        uint32_t old =
            atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);

        assert(old > 0 && old < UINT32_MAX);
    }
    return o;
}

static void object_finalize(Object *obj)
{
    bool inlined = obj->inlined;

    assert(obj->parent == NULL);
    for (const ObjectType *t = obj->type; t != NULL; t = t->parent) {
        if (t->finalize) {
            t->finalize(obj);
        }
    }
    while (obj->children && obj->children->len > 0) {
        object_unparent(obj->children->pdata[obj->children->len - 1]);
    }
    g_clear_pointer(&obj->children, g_ptr_array_unref);
    property_release_all(obj);
    obj->type = NULL; /* a later use is found out at once */
    if (!inlined) {
        free(obj);
    }
}

void object_unref(void *obj)
{
    Object *o = obj;
    uint32_t old;

    if (o == NULL) {
        return;
    }
    /* release: our writes come before finalize; acquire: others' too */
    old = atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel);
    assert(old > 0);
    if (old == 1) {
        object_finalize(o);
    }
}

void object_seal(void *obj, bool sealed)
{
    ((Object *)obj)->sealed = sealed;
}

/* --- tree --- */

static bool name_valid(const char *name)
{
    if (!g_ascii_isalpha(name[0])) {
        return false;
    }
    while (*++name) {
        if (!g_ascii_isalnum(*name) && strchr("-._[]", *name) == NULL) {
            return false;
        }
    }
    return true;
}

/* The number of a child "@prefix[N]"; -1: another name. */
static int64_t child_number(const Object *child, const char *prefix,
                            size_t prefix_len)
{
    uint64_t n;
    size_t len = strlen(child->name);
    g_autofree char *digits = NULL;

    if (len < prefix_len + 3 || strncmp(child->name, prefix, prefix_len) != 0 ||
        child->name[prefix_len] != '[' || child->name[len - 1] != ']') {
        return -1;
    }
    digits = g_strndup(child->name + prefix_len + 1, len - prefix_len - 2);
    return parse_u64(digits, &n) && n < INT32_MAX ? (int64_t)n : -1;
}

/* "x[*]" becomes "x[N]" with the first N that no sibling has. */
static char *number_name(const Object *parent, const char *name)
{
    size_t prefix_len = strlen(name) - strlen("[*]");
    guint count = parent->children ? parent->children->len : 0;
    g_autofree bool *used = g_new0(bool, count + 1);
    size_t n = 0;

    for (guint i = 0; i < count; i++) {
        int64_t k = child_number(parent->children->pdata[i], name, prefix_len);

        if (k >= 0 && k < count) {
            used[k] = true;
        }
    }
    while (used[n]) {
        n++;
    }
    return g_strdup_printf("%.*s[%zu]", (int)prefix_len, name, n);
}

Object *object_child(const void *obj, const char *name)
{
    const Object *o = obj;

    for (guint i = 0; o->children && i < o->children->len; i++) {
        Object *child = o->children->pdata[i];

        if (strcmp(child->name, name) == 0) {
            return child;
        }
    }
    return NULL;
}

bool object_add_child(void *parent, const char *name, void *child, Error **errp)
{
    Object *p = parent;
    Object *c = child;
    g_autofree char *full =
        g_str_has_suffix(name, "[*]") ? number_name(p, name) : g_strdup(name);

    assert(c->parent == NULL);
    if (!name_valid(full)) {
        error_set(errp, "'%s' is not a valid name of an object", full);
        return false;
    }
    if (object_child(p, full) != NULL) {
        error_set(errp,
                  "attempt to add duplicate property '%s' to object "
                  "(type '%s')",
                  full, p->type->name);
        return false;
    }
    if (p->children == NULL) {
        p->children = g_ptr_array_new();
    }
    g_ptr_array_add(p->children, object_ref(c));
    c->parent = p;
    c->name = g_steal_pointer(&full);
    return true;
}

void object_unparent(void *obj)
{
    Object *o = obj;

    if (o->parent == NULL) {
        return;
    }
    g_ptr_array_remove(o->parent->children, o); /* keeps the order */
    o->parent = NULL;
    g_clear_pointer(&o->name, g_free);
    object_unref(o);
}

Object *object_root(void *obj)
{
    Object *o = obj;

    while (o->parent) {
        o = o->parent;
    }
    return o;
}

char *object_path(const void *obj)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    GString *path;

    for (const Object *o = obj; o->parent; o = o->parent) {
        g_ptr_array_add(names, o->name);
    }
    path = g_string_new(names->len == 0 ? "/" : NULL);
    for (guint i = names->len; i-- > 0;) {
        g_string_append_printf(path, "/%s", (char *)names->pdata[i]);
    }
    return g_string_free(path, FALSE);
}

int object_walk(void *obj, int (*fn)(Object *obj, void *opaque), void *opaque)
{
    Object *o = obj;

    for (guint i = 0; o->children && i < o->children->len; i++) {
        int r = fn(o->children->pdata[i], opaque);

        if (r == 0) {
            r = object_walk(o->children->pdata[i], fn, opaque);
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* --- paths --- */

/* Follow @parts from @obj on; through links too when @links. */
static Object *follow(Object *obj, char **parts, bool links)
{
    for (; obj && *parts; parts++) {
        Object *next = object_child(obj, *parts);

        if (next == NULL && links) {
            next = property_link_target(obj, *parts);
        }
        obj = next;
    }
    return obj;
}

typedef struct PartialSearch {
    char **parts;
    const void *type;
    Object *found;
    bool ambiguous;
} PartialSearch;

static int partial_visit(Object *obj, void *opaque)
{
    PartialSearch *s = opaque;
    Object *hit = follow(obj, s->parts, false);

    if (hit == NULL || (s->type && !type_is_a(hit->type, s->type)) ||
        hit == s->found) {
        return 0;
    }
    s->ambiguous = s->found != NULL;
    s->found = hit;
    return s->ambiguous;
}

/* "a//b/" is "a/b", as with files. */
static char **split_path(const char *path)
{
    char **parts = g_strsplit(path, "/", -1);
    size_t n = 0;

    for (char **p = parts; *p; p++) {
        if (**p == '\0') {
            g_free(*p);
        } else {
            parts[n++] = *p;
        }
    }
    parts[n] = NULL;
    return parts;
}

Object *object_resolve_type(void *root, const char *path, const void *type,
                            bool *ambiguous)
{
    g_auto(GStrv) parts = split_path(path);
    PartialSearch search = { .parts = parts, .type = type };

    if (ambiguous) {
        *ambiguous = false;
    }
    if (path[0] == '/') {
        Object *obj = follow(root, parts, true);

        return obj && type ? object_try_cast(obj, type) : obj;
    }
    if (parts[0] == NULL) {
        return NULL;
    }
    if (partial_visit(root, &search) == 0) {
        object_walk(root, partial_visit, &search);
    }
    if (ambiguous) {
        *ambiguous = search.ambiguous;
    }
    return search.ambiguous ? NULL : search.found;
}

Object *object_resolve(void *root, const char *path, bool *ambiguous)
{
    return object_resolve_type(root, path, NULL, ambiguous);
}
