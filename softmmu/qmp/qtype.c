/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <math.h>

#include "softmmu/base/parse.h"
#include "softmmu/qmp/qtype.h"

#define SCALAR(ident, k, wire, ctype)                                          \
    const QType qtype_##ident = { .kind = (k),                                 \
                                  .name = (wire),                              \
                                  .size = sizeof(ctype) }
SCALAR(str, QTYPE_STR, "string", char *);
SCALAR(int, QTYPE_INT, "integer", int64_t);
SCALAR(i8, QTYPE_INT, "integer", int8_t);
SCALAR(i16, QTYPE_INT, "integer", int16_t);
SCALAR(i32, QTYPE_INT, "integer", int32_t);
SCALAR(i64, QTYPE_INT, "integer", int64_t);
SCALAR(u8, QTYPE_UINT, "integer", uint8_t);
SCALAR(u16, QTYPE_UINT, "integer", uint16_t);
SCALAR(u32, QTYPE_UINT, "integer", uint32_t);
SCALAR(u64, QTYPE_UINT, "integer", uint64_t);
SCALAR(size, QTYPE_SIZE, "integer", uint64_t);
SCALAR(number, QTYPE_NUMBER, "number", double);
SCALAR(bool, QTYPE_BOOL, "boolean", bool);
SCALAR(null, QTYPE_NULL, "null", char);
SCALAR(any, QTYPE_ANY, "any", json_object *);
#undef SCALAR

/* A list's struct, whatever its element. */
typedef struct AnyList {
    size_t n;
    char *items;
} AnyList;

/* Size of a value where it is embedded: pointers for what is allocated. */
static size_t value_size(const QType *type)
{
    switch (type->kind) {
    case QTYPE_LIST:
    case QTYPE_OBJECT:
    case QTYPE_ALTERNATE:
        return sizeof(void *);
    default:
        return type->size;
    }
}

/* --- JSON to C --- */

static bool wrong_type(const char *name, const char *expected, Error **errp)
{
    error_set(errp, "Invalid parameter type for '%s', expected: %s", name,
              expected);
    return false;
}

static bool out_of_range(const char *name, const QType *type, Error **errp)
{
    error_set(errp, "Parameter '%s' expects %s%zu", name,
              type->kind == QTYPE_INT ? "int" : "uint", type->size * 8);
    return false;
}

static bool parse_signed(const QType *type, const char *name, json_object *json,
                         bool text, void *out, Error **errp)
{
    int64_t v;

    if (text && json_object_is_type(json, json_type_string)) {
        if (!parse_i64(json_object_get_string(json), &v)) {
            return wrong_type(name, type->name, errp);
        }
    } else if (json_object_is_type(json, json_type_int)) {
        v = json_object_get_int64(json);
        if (v == INT64_MAX && json_object_get_uint64(json) > INT64_MAX) {
            return out_of_range(name, type, errp);
        }
    } else {
        return wrong_type(name, type->name, errp);
    }
    if (v != bits_sext(v, type->size * 8)) {
        return out_of_range(name, type, errp);
    }
    memcpy(out, &v, type->size); /* little-endian host */
    return true;
}

static bool parse_unsigned(const QType *type, const char *name,
                           json_object *json, bool text, void *out,
                           Error **errp)
{
    uint64_t v;

    if (text && json_object_is_type(json, json_type_string)) {
        const char *s = json_object_get_string(json);
        bool ok =
            type->kind == QTYPE_SIZE ? parse_size(s, 1, &v) : parse_u64(s, &v);

        if (!ok) {
            return wrong_type(name, type->name, errp);
        }
    } else if (json_object_is_type(json, json_type_int)) {
        int64_t i = json_object_get_int64(json);

        v = i < 0 ? (uint64_t)i : json_object_get_uint64(json);
        if (i < 0 && type->size < 8) {
            return out_of_range(name, type, errp);
        }
    } else {
        return wrong_type(name, type->name, errp);
    }
    if (v & ~bit_mask(type->size * 8)) {
        return out_of_range(name, type, errp);
    }
    memcpy(out, &v, type->size);
    return true;
}

static bool parse_value(const QType *type, const char *name, json_object *json,
                        bool text, void *out, Error **errp);

static bool parse_enum(const QType *type, const char *name, json_object *json,
                       void *out, Error **errp)
{
    int i;

    if (!json_object_is_type(json, json_type_string)) {
        return wrong_type(name, "string", errp);
    }
    i = qenum_parse(type, json_object_get_string(json));
    if (i < 0) {
        error_set(errp, "Parameter '%s' does not accept value '%s'", name,
                  json_object_get_string(json));
        error_suggest(errp, json_object_get_string(json), type->names);
        return false;
    }
    *(int *)out = i;
    return true;
}

static bool parse_list(const QType *type, const char *name, json_object *json,
                       bool text, void *out, Error **errp)
{
    size_t n, size = value_size(type->element);
    AnyList *list;

    if (!json_object_is_type(json, json_type_array)) {
        return wrong_type(name, "array", errp);
    }
    n = json_object_array_length(json);
    list = g_new0(AnyList, 1);
    list->items = g_malloc0_n(MAX(n, 1), size);
    for (; list->n < n; list->n++) {
        if (!parse_value(type->element, name,
                         json_object_array_get_idx(json, list->n), text,
                         list->items + list->n * size, errp)) {
            qtype_free(type, &list);
            return false;
        }
    }
    *(AnyList **)out = list;
    return true;
}

static const QCase *find_case(const QType *type, json_object *json)
{
    json_object *tag;

    if (!type->cases || !json_object_object_get_ex(json, type->tag, &tag)) {
        return NULL;
    }
    for (const QCase *c = type->cases; c->value; c++) {
        if (g_strcmp0(c->value, json_object_get_string(tag)) == 0) {
            return c;
        }
    }
    return NULL;
}

static bool has_member(const QType *type, json_object *json, const char *key)
{
    const QCase *c = find_case(type, json);

    for (const QMember *m = type->members; m->name; m++) {
        if (strcmp(m->name, key) == 0) {
            return true;
        }
    }
    return c && has_member(c->type, json, key);
}

static bool parse_members(const QType *type, json_object *json, bool text,
                          char *obj, Error **errp)
{
    const QCase *c;

    for (const QMember *m = type->members; m->name; m++) {
        json_object *value;

        if (!json_object_object_get_ex(json, m->name, &value)) {
            if (!m->optional) {
                error_set(errp, "Parameter '%s' is missing", m->name);
                return false;
            }
            continue;
        }
        if (!parse_value(m->type, m->name, value, text, obj + m->offset,
                         errp)) {
            return false;
        }
        if (m->has) {
            *(bool *)(obj + m->has - 1) = true;
        }
    }
    c = find_case(type, json);
    if (c) {
        char *branch = g_malloc0(c->type->size);

        *(char **)(obj + c->offset) = branch;
        return parse_members(c->type, json, text, branch, errp);
    }
    return true;
}

static bool parse_object(const QType *type, const char *name, json_object *json,
                         bool text, void *out, Error **errp)
{
    char *obj;

    if (!json_object_is_type(json, json_type_object)) {
        return wrong_type(name, "object", errp);
    }
    json_object_object_foreach(json, key, value)
    {
        (void)value;
        if (!has_member(type, json, key)) {
            error_set(errp, "Parameter '%s' is unexpected", key);
            return false;
        }
    }
    obj = g_malloc0(type->size);
    if (!parse_members(type, json, text, obj, errp)) {
        qtype_free(type, &obj);
        return false;
    }
    *(char **)out = obj;
    return true;
}

/* Which JSON types a schema type may have. */
static bool json_fits(const QType *type, json_object *json)
{
    switch (json_object_get_type(json)) {
    case json_type_null:
        return type->kind == QTYPE_NULL;
    case json_type_boolean:
        return type->kind == QTYPE_BOOL;
    case json_type_int:
        return type->kind == QTYPE_INT || type->kind == QTYPE_UINT ||
               type->kind == QTYPE_SIZE || type->kind == QTYPE_NUMBER;
    case json_type_double:
        return type->kind == QTYPE_NUMBER;
    case json_type_string:
        return type->kind == QTYPE_STR || type->kind == QTYPE_ENUM;
    case json_type_array:
        return type->kind == QTYPE_LIST;
    case json_type_object:
        return type->kind == QTYPE_OBJECT;
    }
    return false;
}

static bool parse_alternate(const QType *type, const char *name,
                            json_object *json, bool text, void *out,
                            Error **errp)
{
    char *obj = g_malloc0(type->size);

    for (const QMember *m = type->members; m->name; m++) {
        if (json_fits(m->type, json)) {
            if (!parse_value(m->type, name, json, text, obj + m->offset,
                             errp)) {
                break;
            }
            if (m->has) {
                *(bool *)(obj + m->has - 1) = true;
            }
            *(char **)out = obj;
            return true;
        }
    }
    qtype_free(type, &obj);
    if (errp && !*errp) {
        wrong_type(name, type->name, errp);
    }
    return false;
}

static bool parse_scalar(const QType *type, const char *name, json_object *json,
                         bool text, void *out, Error **errp)
{
    bool is_text = json_object_is_type(json, json_type_string);

    switch (type->kind) {
    case QTYPE_NUMBER:
        if (!json_object_is_type(json, json_type_double) &&
            !json_object_is_type(json, json_type_int) && !(text && is_text)) {
            return wrong_type(name, type->name, errp);
        }
        *(double *)out = json_object_get_double(json);
        return true;
    case QTYPE_BOOL:
        if (text && is_text && parse_bool(json_object_get_string(json), out)) {
            return true;
        }
        if (!json_object_is_type(json, json_type_boolean)) {
            return wrong_type(name, type->name, errp);
        }
        *(bool *)out = json_object_get_boolean(json);
        return true;
    case QTYPE_STR:
        if (!is_text) {
            return wrong_type(name, type->name, errp);
        }
        *(char **)out = g_strdup(json_object_get_string(json));
        return true;
    default: /* QTYPE_NULL */
        if (json) {
            return wrong_type(name, type->name, errp);
        }
        *(char *)out = 0;
        return true;
    }
}

static bool parse_value(const QType *type, const char *name, json_object *json,
                        bool text, void *out, Error **errp)
{
    switch (type->kind) {
    case QTYPE_INT:
        return parse_signed(type, name, json, text, out, errp);
    case QTYPE_UINT:
    case QTYPE_SIZE:
        return parse_unsigned(type, name, json, text, out, errp);
    case QTYPE_ENUM:
        return parse_enum(type, name, json, out, errp);
    case QTYPE_LIST:
        return parse_list(type, name, json, text, out, errp);
    case QTYPE_OBJECT:
        return parse_object(type, name, json, text, out, errp);
    case QTYPE_ALTERNATE:
        return parse_alternate(type, name, json, text, out, errp);
    case QTYPE_ANY:
        *(json_object **)out = json_object_get(json);
        return true;
    default:
        return parse_scalar(type, name, json, text, out, errp);
    }
}

bool qtype_parse(const QType *type, json_object *json, bool text, void *out,
                 Error **errp)
{
    return parse_value(type, "arguments", json, text, out, errp);
}

bool qtype_check(const QType *type, json_object *json, Error **errp)
{
    void *value[2] = { NULL, NULL };

    if (!qtype_parse(type, json, false, value, errp)) {
        return false;
    }
    qtype_free(type, value);
    return true;
}

/* --- C to JSON --- */

static int64_t get_int(const QType *type, const void *value)
{
    uint64_t raw = 0;

    memcpy(&raw, value, type->size);
    return type->kind == QTYPE_INT ? bits_sext(raw, type->size * 8)
                                   : (int64_t)raw;
}

/* Is an optional member there? */
static bool is_set(const QMember *m, const char *obj)
{
    if (!m->optional) {
        return true;
    }
    if (m->has) {
        return *(const bool *)(obj + m->has - 1);
    }
    return *(void *const *)(obj + m->offset) != NULL;
}

static void members_to_json(const QType *type, const char *obj,
                            json_object *json)
{
    const QCase *c;

    for (const QMember *m = type->members; m->name; m++) {
        if (is_set(m, obj)) {
            json_object_object_add(json, m->name,
                                   qtype_to_json(m->type, obj + m->offset));
        }
    }
    c = find_case(type, json);
    if (c && *(char *const *)(obj + c->offset)) {
        members_to_json(c->type, *(char *const *)(obj + c->offset), json);
    }
}

static json_object *list_to_json(const QType *type, const AnyList *list)
{
    json_object *json = json_object_new_array();

    for (size_t i = 0; list && i < list->n; i++) {
        json_object_array_add(
            json, qtype_to_json(type->element,
                                list->items + i * value_size(type->element)));
    }
    return json;
}

static json_object *alternate_to_json(const QType *type, const char *obj)
{
    for (const QMember *m = type->members; m->name; m++) {
        if (is_set(m, obj)) {
            return qtype_to_json(m->type, obj + m->offset);
        }
    }
    return NULL;
}

json_object *qtype_to_json(const QType *type, const void *value)
{
    json_object *json;
    const char *text;

    switch (type->kind) {
    case QTYPE_INT:
        return json_object_new_int64(get_int(type, value));
    case QTYPE_UINT:
    case QTYPE_SIZE:
        return json_object_new_uint64(get_int(type, value));
    case QTYPE_NUMBER:
        return json_object_new_double(*(const double *)value);
    case QTYPE_BOOL:
        return json_object_new_boolean(*(const bool *)value);
    case QTYPE_STR:
        text = *(char *const *)value;
        return json_object_new_string(text ? text : "");
    case QTYPE_ENUM:
        return json_object_new_string(type->names[*(const int *)value]);
    case QTYPE_ANY:
        return json_object_get(*(json_object *const *)value);
    case QTYPE_NULL:
        return NULL;
    case QTYPE_LIST:
        return list_to_json(type, *(AnyList *const *)value);
    case QTYPE_ALTERNATE:
        return alternate_to_json(type, *(char *const *)value);
    case QTYPE_OBJECT:
        json = json_object_new_object();
        if (*(char *const *)value) {
            members_to_json(type, *(char *const *)value, json);
        }
        return json;
    }
    return NULL;
}

/* --- freeing --- */

static void free_object(const QType *type, char *obj)
{
    for (const QMember *m = type->members; m->name; m++) {
        qtype_free(m->type, obj + m->offset);
    }
    for (const QCase *c = type->cases; c && c->value; c++) {
        char *branch = *(char **)(obj + c->offset);

        if (branch) {
            free_object(c->type, branch);
        }
    }
    g_free(obj);
}

void qtype_free(const QType *type, void *value)
{
    void **pointer = value;

    switch (type->kind) {
    case QTYPE_STR:
        g_clear_pointer(pointer, g_free);
        break;
    case QTYPE_ANY:
        json_object_put(*pointer);
        *pointer = NULL;
        break;
    case QTYPE_LIST:
        if (*pointer) {
            AnyList *list = *pointer;

            for (size_t i = 0; i < list->n; i++) {
                qtype_free(type->element,
                           list->items + i * value_size(type->element));
            }
            g_free(list->items);
            g_free(list);
            *pointer = NULL;
        }
        break;
    case QTYPE_OBJECT:
    case QTYPE_ALTERNATE:
        if (*pointer) {
            free_object(type, *pointer);
            *pointer = NULL;
        }
        break;
    default:
        break;
    }
}

void qlist_append(const QType *list_type, void *list, const void *item)
{
    AnyList **head = list;
    size_t size = value_size(list_type->element);

    if (!*head) {
        *head = g_new0(AnyList, 1);
    }
    (*head)->items = g_realloc_n((*head)->items, (*head)->n + 1, size);
    memcpy((*head)->items + (*head)->n * size, item, size);
    (*head)->n++;
}

int qenum_parse(const QType *type, const char *name)
{
    for (int i = 0; type->names[i]; i++) {
        if (strcmp(type->names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}
