/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types of the schema as tables, and the one piece of code that turns JSON
 * into their C structs and back. scripts/schema.py makes the tables. Pure
 * functions; a value belongs to who got it and ends with qtype_free().
 */
#ifndef SOFTMMU_QMP_QTYPE_H
#define SOFTMMU_QMP_QTYPE_H

#include "tandem/base.h"

#include <json-c/json.h>

typedef struct QType QType;
typedef struct Machine Machine;
typedef struct Monitor Monitor;

typedef enum QTypeKind {
    QTYPE_INT,  /* signed of .size bytes */
    QTYPE_UINT, /* unsigned of .size bytes */
    QTYPE_SIZE, /* uint64_t; text such as "1G" is taken too */
    QTYPE_NUMBER,
    QTYPE_BOOL,
    QTYPE_STR,  /* char * */
    QTYPE_ANY,  /* json_object * */
    QTYPE_NULL, /* char, always 0 */
    QTYPE_ENUM,
    QTYPE_LIST,      /* pointer to {size_t n; element *items} */
    QTYPE_OBJECT,    /* pointer to the struct */
    QTYPE_ALTERNATE, /* pointer to the struct; one member by JSON type */
} QTypeKind;

typedef struct QMember {
    const char *name; /* on the wire; NULL ends */
    const QType *type;
    size_t offset;
    size_t has; /* offset + 1 of the has_ flag; 0: none */
    bool optional;
} QMember;

typedef struct QCase {
    const char *value; /* of the tag */
    const QType *type;
    size_t offset; /* of the pointer */
} QCase;

struct QType {
    QTypeKind kind;
    const char *name;
    size_t size;
    const QMember *members;   /* objects, alternates */
    const QCase *cases;       /* unions: ended by a NULL value */
    const char *tag;          /* name of the member that picks the case */
    const char *const *names; /* enums, NULL-terminated */
    const QType *element;     /* lists */
};

typedef struct QCommand {
    const char *name;  /* NULL ends */
    const QType *args; /* NULL: takes none */
    const QType *ret;  /* NULL: returns {} */
    bool (*call)(Monitor *mon, Machine *m, const void *args, void *ret,
                 Error **errp);
    bool allow_oob;
} QCommand;

typedef struct QEvent {
    const char *name;
    const QType *data;
} QEvent;

extern const QCommand qmp_commands[]; /* by name */
extern const QEvent qmp_events[];
extern const char qmp_schema_json[];

extern const QType qtype_str, qtype_int, qtype_i8, qtype_i16, qtype_i32,
    qtype_i64, qtype_u8, qtype_u16, qtype_u32, qtype_u64, qtype_size,
    qtype_number, qtype_bool, qtype_null, qtype_any;

/*
 * qtype_parse: @json as a value of @type at @out (for objects and lists a
 * pointer to a new one). A member that is missing, unknown or of the wrong
 * type fails with its name. With @text, scalars may be given as text, as the
 * command line does. On failure *@out holds nothing to free.
 */
bool qtype_parse(const QType *type, json_object *json, bool text, void *out,
                 Error **errp);
/* A new reference; NULL stands for JSON null. */
json_object *qtype_to_json(const QType *type, const void *value);
/* Free what the value at @value holds, not @value itself. */
void qtype_free(const QType *type, void *value);
/* Does @json fit @type exactly (for tests of replies and events)? */
bool qtype_check(const QType *type, json_object *json, Error **errp);

/* Append to a list made by schema types; *list may be NULL at first. @item
 * points to the element: a pointer for objects, a value for scalars. */
void qlist_append(const QType *list_type, void *list, const void *item);
/* Enum names: index of @name or -1. */
int qenum_parse(const QType *type, const char *name);

#endif
