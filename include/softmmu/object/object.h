/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types and the object tree (DESIGN 7, DECISIONS 6-9).
 *
 * A type is a constant table; types are listed, never self-registered. A
 * subtype's struct begins with its parent's (`struct ObjectType;`), an
 * instance's with its parent's instance. An object has one parent, a name
 * among its siblings and so a canonical path.
 *
 * Locks: the tree and properties belong to the machine lock; reference
 * counts are atomic; types are constant and free to read.
 */
#ifndef SOFTMMU_OBJECT_OBJECT_H
#define SOFTMMU_OBJECT_OBJECT_H

#include "tandem/base.h"

#include <json-c/json.h>

typedef struct Object Object;
typedef struct ObjectType ObjectType;
typedef struct Property Property;
typedef struct TypeRegistry TypeRegistry;

struct ObjectType {
    const char *name;
    const ObjectType *parent;   /* NULL for object_type alone */
    const char *description;    /* one line for -device help and the manual */
    size_t size;                /* of the instance; 0: as the parent's */
    bool abstract;              /* cannot be created */
    const char *const *arches;  /* NULL-terminated; NULL: the parent's set,
                                   all if none says (DECISIONS 7) */
    const char *const *aliases; /* other names, NULL-terminated, or NULL */
    const ObjectType *const *interfaces; /* NULL-terminated, or NULL */
    const Property *props; /* ended by { 0 }; the parent's come first */
    /* Base type first. Fields are zero but for property defaults. */
    void (*init)(Object *obj);
    /* Most derived first. Properties are released afterwards. */
    void (*finalize)(Object *obj);
};

struct Object {
    const ObjectType *type;
    _Atomic uint32_t refs;
    Object *parent;       /* NULL: the root, or not in the tree */
    char *name;           /* among siblings; NULL without a parent */
    GPtrArray *children;  /* Object *, in order of addition; NULL: none */
    GPtrArray *own_props; /* Property *, of this instance alone; NULL: none */
    bool sealed;          /* realized or complete: only PROP_LIVE may be set */
    bool inlined;         /* part of another object's struct */
};

/* The root of all types: "object", abstract. */
extern const ObjectType object_type;
/* Types of this folder, for the list of lists (DECISIONS 6). */
extern const ObjectType *const object_types[];

/* Any `const XType *` whose struct begins with ObjectType, as its base. */
#define TYPE(t)   ((const ObjectType *)&(t))
#define OBJECT(o) ((Object *)(o))

/* --- types --- */

/* Is @type equal to @ancestor or derived from it, or does it have the
 * interface @ancestor? */
bool type_is_a(const ObjectType *type, const void *ancestor);

/* @obj as an instance of @type (an ObjectType or what begins with one). An
 * object of another type is our own bug: asserts. NULL stays NULL. */
void *object_cast(const void *obj, const void *type);
/* The same, but NULL where the type does not fit. */
void *object_try_cast(const void *obj, const void *type);

/*
 * type_registry_new: all types of the program. @lists is a NULL-terminated
 * array of NULL-terminated lists. Two types of one name must differ in their
 * architectures. Constant after; any thread.
 */
TypeRegistry *type_registry_new(const ObjectType *const *const *lists);
void type_registry_free(TypeRegistry *reg);

/* The types that one architecture sees (DECISIONS 7). Copied by value. */
typedef struct TypeView {
    const TypeRegistry *reg;
    const char *arch; /* "riscv64"; constant */
} TypeView;

/* By name or alias; NULL when there is none in this view. */
const ObjectType *type_find(TypeView view, const char *name);
/* Those derived from @ancestor, ordered by name; freed by the caller
 * (g_ptr_array_unref; elements are const ObjectType *). */
GPtrArray *type_list(TypeView view, const void *ancestor, bool abstract_too);
/*
 * First non-NULL value of a method along the parents of @objtype up to @base,
 * the type whose struct is Struct: TYPE_METHOD(t, device_type, DeviceType,
 * realize). @objtype must derive from @base.
 */
#define TYPE_METHOD(objtype, base, Struct, method)                             \
    ((__typeof__(((Struct *)0)->method))type_method((objtype), &(base),        \
                                                    offsetof(Struct, method)))
const void *type_method(const ObjectType *type, const void *base,
                        size_t offset);
/* The interface of @type that is @ancestor or derived from it, so that its
 * methods can be called; NULL when it has none. */
const void *type_interface(const ObjectType *type, const void *ancestor);

/* --- life and tree --- */

/* One reference, to the caller. The type must not be abstract. */
Object *object_new(const void *type);
Object *object_ref(void *obj);
void object_unref(void *obj); /* the last one finalizes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Object, object_unref)

/* Init an object that is part of another's struct; it lives as long. Make it
 * a child of that object (or of a descendant) and drop the reference: it is
 * finalized when it leaves the tree. */
void object_init_inline(void *obj, const void *type);

/*
 * object_add_child: put @child below @parent; the tree takes a reference of
 * its own. @name is unique among siblings, and "x[*]" takes the first free
 * number. False when taken or not a valid name ([A-Za-z][A-Za-z0-9-._[]]*).
 */
bool object_add_child(void *parent, const char *name, void *child,
                      Error **errp);
/* Take @obj out of the tree and drop the tree's reference. */
void object_unparent(void *obj);
/* "/machine/peripheral/x", to be freed. The path starts below the topmost
 * ancestor, which is "/" itself. */
char *object_path(const void *obj);
Object *object_child(const void *obj, const char *name);
/* An absolute path, which may pass through links, or a partial one (the last
 * parts of a path) that is unique in the tree. With @ambiguous (may be NULL)
 * set when several match; then NULL. */
Object *object_resolve(void *root, const char *path, bool *ambiguous);
/* The same, but by type too. */
Object *object_resolve_type(void *root, const char *path, const void *type,
                            bool *ambiguous);
Object *object_root(void *obj);
/* Depth first, parents before children, @obj itself excluded; stops at the
 * first non-zero result and returns it. @fn must not change the tree. */
int object_walk(void *obj, int (*fn)(Object *obj, void *opaque), void *opaque);

/* --- properties --- */

typedef struct PropertyType {
    const char *name;   /* as qom-list shows it: "uint32", "link<chardev>" */
    const char *schema; /* "int", "bool", "str": what a client sends */
    /* @value is JSON; a string is parsed in the type's own syntax, so that
     * key=value and JSON are one (DECISIONS 9). */
    bool (*set)(Object *obj, const Property *prop, json_object *value,
                Error **errp);
    json_object *(*get)(Object *obj, const Property *prop); /* NULL: null */
    void (*release)(Object *obj, const Property *prop);     /* at finalize */
} PropertyType;

enum {
    PROP_LIVE = 1u << 0,      /* may be set after realize */
    PROP_READ_ONLY = 1u << 1, /* never set from outside */
    PROP_HIDDEN = 1u << 2,    /* not in help texts */
};

struct Property {
    const char *name;
    const PropertyType *type;
    size_t offset;   /* of the field in the instance */
    const char *def; /* default, as text; NULL: all zero */
    const char *description;
    const void *arg; /* PropertyEnum[], target type of a link, ... */
    uint32_t flags;
};

typedef struct PropertyEnum {
    const char *name; /* NULL ends */
    int value;
} PropertyEnum;

extern const PropertyType prop_type_bool, prop_type_u8, prop_type_u16,
    prop_type_u32, prop_type_u64, prop_type_i32, prop_type_i64,
    prop_type_size,      /* uint64_t; "4k", "1.5G" */
    prop_type_str,       /* char *, owned */
    prop_type_enum,      /* int; .arg = PropertyEnum[] */
    prop_type_onoffauto, /* int: ON_OFF_AUTO_* */
    prop_type_link,      /* Object *, referenced; .arg = type, or NULL */
    prop_type_macaddr,   /* uint8_t[6] */
    prop_type_uuid;      /* uint8_t[16] */

enum { ON_OFF_AUTO_AUTO, ON_OFF_AUTO_ON, ON_OFF_AUTO_OFF };

/* PROP(u32, Pl011, clock, "clock", "24000000", "input clock in Hz") */
#define PROP(kind, Struct, field, name, def, description)                      \
    {                                                                          \
        name, &prop_type_##kind, offsetof(Struct, field), def, description,    \
            NULL, 0                                                            \
    }
#define PROP_ARG(kind, Struct, field, name, def, description, arg)             \
    {                                                                          \
        name, &prop_type_##kind, offsetof(Struct, field), def, description,    \
            arg, 0                                                             \
    }

/* A property of this instance alone; @prop is copied. */
void object_add_property(void *obj, const Property *prop);
/* @name here stands for @target_name of @target, a child: its type, default
 * and value. @target must live as long as @obj. */
void object_add_alias(void *obj, const char *name, void *target,
                      const char *target_name);
/* From now on only PROP_LIVE properties may be set: after realize. */
void object_seal(void *obj, bool sealed);
/* The type as qom-list shows it, e.g. "link<iothread>"; freed by the caller. */
char *property_type_name(const Property *prop);
/* NULL when @obj has no such property. */
const Property *object_find_property(const void *obj, const char *name);
/* Own and inherited, each name once, base type first. */
void object_each_property(const void *obj,
                          void (*fn)(const Property *prop, void *opaque),
                          void *opaque);
void type_each_property(const ObjectType *type,
                        void (*fn)(const Property *prop, void *opaque),
                        void *opaque);

/*
 * object_set: set a property from JSON. False: no such property (with the
 * closest name as a hint), wrong type or range, read only, or realized and
 * not PROP_LIVE. object_set_text parses @text as key=value would.
 */
/* A link's path is looked up from the object's root: put @obj into the tree
 * before its links are set. */
bool object_set(void *obj, const char *name, json_object *value, Error **errp);
bool object_set_text(void *obj, const char *name, const char *text,
                     Error **errp);
/* Setters for our own code; a failure is our own bug and asserts. */
void object_set_u64(void *obj, const char *name, uint64_t value);
void object_set_bool(void *obj, const char *name, bool value);
void object_set_str(void *obj, const char *name, const char *value);
void object_set_link(void *obj, const char *name, void *target);
/* A new reference, or NULL with *errp. Children read as their path, like
 * links; "type" gives the type's name. */
json_object *object_get(void *obj, const char *name, Error **errp);

/* Set all members of the JSON object @props, in order; @skip (NULL-
 * terminated, may be NULL) names members to leave alone. */
bool object_set_all(void *obj, json_object *props, const char *const *skip,
                    Error **errp);

/*
 * An object that -object and object-add make has this interface, called once
 * its properties are set; a failure undoes the creation. can_delete may
 * refuse, with a reason.
 */
typedef struct UserCreatableType {
    struct ObjectType;
    bool (*complete)(Object *obj, Error **errp);
    bool (*can_delete)(Object *obj, Error **errp);
} UserCreatableType;
/* The abstract base of backends: "user-creatable". */
extern const UserCreatableType user_creatable_type;

#endif
