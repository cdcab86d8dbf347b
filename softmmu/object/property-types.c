/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of property that every layer may use. */
#include "tandem/base.h"

#include "softmmu/base/parse.h"
#include "softmmu/object/internal.h"

static void *field(Object *obj, const Property *prop)
{
    return (char *)obj + prop->offset;
}

static bool bad_json(Error **errp, const Property *prop, const char *expected)
{
    error_set(errp, "Invalid parameter type for '%s', expected: %s", prop->name,
              expected);
    return false;
}

static bool bad_text(Error **errp, const Property *prop, const char *expected)
{
    error_set(errp, "Parameter '%s' expects %s", prop->name, expected);
    return false;
}

static bool bad_value(Error **errp, Object *obj, const Property *prop,
                      const char *text)
{
    error_set(errp, "Property '%s.%s' doesn't take value '%s'", obj->type->name,
              prop->name, text);
    return false;
}

/* --- bool --- */

static bool set_bool(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    bool *f = field(obj, prop);

    if (json_object_is_type(value, json_type_boolean)) {
        *f = json_object_get_boolean(value);
        return true;
    }
    if (!json_object_is_type(value, json_type_string)) {
        return bad_json(errp, prop, "boolean");
    }
    return parse_bool(json_object_get_string(value), f) ||
           bad_text(errp, prop, "'on' or 'off'");
}

static json_object *get_bool(Object *obj, const Property *prop)
{
    return json_object_new_boolean(*(bool *)field(obj, prop));
}

const PropertyType prop_type_bool = { "bool", "bool", set_bool, get_bool };

/* --- integers --- */

/* A whole number from JSON or text: its low 64 bits and sign. False: neither,
 * or beyond 64 bits. */
static bool whole_number(json_object *value, uint64_t *bits, bool *negative)
{
    if (json_object_is_type(value, json_type_int)) {
        int64_t i = json_object_get_int64(value);

        *negative = i < 0;
        *bits = i < 0 ? (uint64_t)i : json_object_get_uint64(value);
        return true;
    }
    if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);

        *negative = text[0] == '-';
        return *negative ? parse_i64(text, (int64_t *)bits)
                         : parse_u64(text, bits);
    }
    return false;
}

static bool not_a_number(Error **errp, const Property *prop, json_object *value)
{
    return json_object_is_type(value, json_type_string)
               ? bad_text(errp, prop, "integer")
               : bad_json(errp, prop, "integer");
}

static bool set_unsigned(const Property *prop, json_object *value,
                         unsigned bits, const char *type, uint64_t *out,
                         Error **errp)
{
    uint64_t v;
    bool negative;

    if (!whole_number(value, &v, &negative)) {
        return not_a_number(errp, prop, value);
    }
    if ((negative && v != 0) || v > bit_mask(bits)) {
        return bad_text(errp, prop, type);
    }
    *out = v;
    return true;
}

static bool set_signed(const Property *prop, json_object *value, unsigned bits,
                       const char *type, int64_t *out, Error **errp)
{
    uint64_t v;
    bool negative;

    if (!whole_number(value, &v, &negative)) {
        return not_a_number(errp, prop, value);
    }
    if (negative != ((int64_t)v < 0) || (int64_t)v != bits_sext(v, bits)) {
        return bad_text(errp, prop, type);
    }
    *out = (int64_t)v;
    return true;
}

#define DEFINE_INT(kind, ctype, bits, sign, wide, json_new)                    \
    static bool set_##kind(Object *obj, const Property *prop,                  \
                           json_object *value, Error **errp)                   \
    {                                                                          \
        wide v;                                                                \
                                                                               \
        if (!set_##sign(prop, value, bits, #ctype, &v, errp)) {                \
            return false;                                                      \
        }                                                                      \
        *(ctype *)field(obj, prop) = (ctype)v;                                 \
        return true;                                                           \
    }                                                                          \
    static json_object *get_##kind(Object *obj, const Property *prop)          \
    {                                                                          \
        return json_new(*(ctype *)field(obj, prop));                           \
    }
DEFINE_INT(u8, uint8_t, 8, unsigned, uint64_t, json_object_new_uint64)
DEFINE_INT(u16, uint16_t, 16, unsigned, uint64_t, json_object_new_uint64)
DEFINE_INT(u32, uint32_t, 32, unsigned, uint64_t, json_object_new_uint64)
DEFINE_INT(u64, uint64_t, 64, unsigned, uint64_t, json_object_new_uint64)
DEFINE_INT(i32, int32_t, 32, signed, int64_t, json_object_new_int64)
DEFINE_INT(i64, int64_t, 64, signed, int64_t, json_object_new_int64)

const PropertyType prop_type_u8 = { "uint8", "int", set_u8, get_u8 };
const PropertyType prop_type_u16 = { "uint16", "int", set_u16, get_u16 };
const PropertyType prop_type_u32 = { "uint32", "int", set_u32, get_u32 };
const PropertyType prop_type_u64 = { "uint64", "int", set_u64, get_u64 };
const PropertyType prop_type_i32 = { "int32", "int", set_i32, get_i32 };
const PropertyType prop_type_i64 = { "int64", "int", set_i64, get_i64 };

static bool set_size(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    uint64_t *f = field(obj, prop);

    if (json_object_is_type(value, json_type_string)) {
        return parse_size(json_object_get_string(value), 1, f) ||
               bad_text(errp, prop, "a size value");
    }
    if (!json_object_is_type(value, json_type_int)) {
        return bad_json(errp, prop, "integer");
    }
    return set_unsigned(prop, value, 64, "a size value", f, errp);
}

const PropertyType prop_type_size = { "size", "int", set_size, get_u64 };

/* --- strings --- */

static bool set_str(Object *obj, const Property *prop, json_object *value,
                    Error **errp)
{
    char **f = field(obj, prop);

    if (value && !json_object_is_type(value, json_type_string)) {
        return bad_json(errp, prop, "string");
    }
    g_free(*f);
    *f = value ? g_strdup(json_object_get_string(value)) : NULL;
    return true;
}

static json_object *get_str(Object *obj, const Property *prop)
{
    const char *text = *(char **)field(obj, prop);

    return json_object_new_string(text ? text : "");
}

static void release_str(Object *obj, const Property *prop)
{
    g_clear_pointer((char **)field(obj, prop), g_free);
}

const PropertyType prop_type_str = { "string", "str", set_str, get_str,
                                     release_str };

/* --- enums --- */

static bool set_enum_of(Object *obj, const Property *prop, json_object *value,
                        const PropertyEnum *e, Error **errp)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string)) {
        return bad_json(errp, prop, "string");
    }
    text = json_object_get_string(value);
    for (; e->name; e++) {
        if (strcmp(e->name, text) == 0) {
            *(int *)field(obj, prop) = e->value;
            return true;
        }
    }
    error_set(errp, "Parameter '%s' does not accept value '%s'", prop->name,
              text);
    return false;
}

static json_object *get_enum_of(Object *obj, const Property *prop,
                                const PropertyEnum *e)
{
    for (; e->name; e++) {
        if (e->value == *(int *)field(obj, prop)) {
            return json_object_new_string(e->name);
        }
    }
    return NULL;
}

static bool set_enum(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    return set_enum_of(obj, prop, value, prop->arg, errp);
}

static json_object *get_enum(Object *obj, const Property *prop)
{
    return get_enum_of(obj, prop, prop->arg);
}

const PropertyType prop_type_enum = { "enum", "str", set_enum, get_enum };

static const PropertyEnum on_off_auto[] = {
    { "auto", ON_OFF_AUTO_AUTO },
    { "on", ON_OFF_AUTO_ON },
    { "off", ON_OFF_AUTO_OFF },
    { 0 },
};

static bool set_onoffauto(Object *obj, const Property *prop, json_object *value,
                          Error **errp)
{
    bool on;

    if (json_object_is_type(value, json_type_boolean)) {
        on = json_object_get_boolean(value);
    } else if (!json_object_is_type(value, json_type_string) ||
               !parse_bool(json_object_get_string(value), &on)) {
        return set_enum_of(obj, prop, value, on_off_auto, errp);
    }
    *(int *)field(obj, prop) = on ? ON_OFF_AUTO_ON : ON_OFF_AUTO_OFF;
    return true;
}

static json_object *get_onoffauto(Object *obj, const Property *prop)
{
    return get_enum_of(obj, prop, on_off_auto);
}

const PropertyType prop_type_onoffauto = { "OnOffAuto", "str", set_onoffauto,
                                           get_onoffauto };

/* --- links --- */

bool property_link_set(Object *obj, const Property *prop, Object *target,
                       Error **errp)
{
    Object **f = field(obj, prop);
    const ObjectType *want = prop->arg;
    Object *old = *f;

    if (target && want && !type_is_a(target->type, want)) {
        return bad_json(errp, prop, want->name);
    }
    *f = object_ref(target);
    object_unref(old);
    return true;
}

static bool set_link(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    const char *path;
    bool ambiguous;
    Object *target;

    if (value && !json_object_is_type(value, json_type_string)) {
        return bad_json(errp, prop, "string");
    }
    path = value ? json_object_get_string(value) : "";
    if (*path == '\0') {
        return property_link_set(obj, prop, NULL, errp);
    }
    target = object_resolve_type(object_root(obj), path, prop->arg, &ambiguous);
    if (target == NULL && !ambiguous) { /* there, but of another type? */
        target = object_resolve(object_root(obj), path, &ambiguous);
    }
    if (ambiguous) {
        error_set(errp, "Path '%s' does not uniquely identify an object", path);
        return false;
    }
    if (target == NULL) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                        path);
        return false;
    }
    return property_link_set(obj, prop, target, errp);
}

static json_object *get_link(Object *obj, const Property *prop)
{
    Object *target = *(Object **)field(obj, prop);
    g_autofree char *path = target ? object_path(target) : g_strdup("");

    return json_object_new_string(path);
}

static void release_link(Object *obj, const Property *prop)
{
    property_link_set(obj, prop, NULL, NULL);
}

const PropertyType prop_type_link = { "link", "str", set_link, get_link,
                                      release_link };

/* --- byte strings --- */

/* @n bytes of two hex digits each; @sep between those that @groups ends. */
static bool hex_bytes(const char *text, uint8_t *out, size_t n,
                      bool (*sep_after)(size_t i), const char *seps)
{
    for (size_t i = 0; i < n; i++) {
        int hi = g_ascii_xdigit_value(text[0]);
        int lo = hi < 0 ? -1 : g_ascii_xdigit_value(text[1]);

        if (lo < 0) {
            return false;
        }
        out[i] = hi << 4 | lo;
        text += 2;
        if (sep_after(i)) {
            if (*text == '\0' || strchr(seps, *text) == NULL) {
                return false;
            }
            text++;
        }
    }
    return *text == '\0';
}

static bool mac_sep(size_t i)
{
    return i < 5;
}

/* 8-4-4-4-12 hex digits: RFC 9562 section 4. */
static bool uuid_sep(size_t i)
{
    return i == 3 || i == 5 || i == 7 || i == 9;
}

static bool set_hex(Object *obj, const Property *prop, json_object *value,
                    size_t n, bool (*sep_after)(size_t i), const char *seps,
                    Error **errp)
{
    uint8_t bytes[16];
    const char *text;

    if (!json_object_is_type(value, json_type_string)) {
        return bad_json(errp, prop, "string");
    }
    text = json_object_get_string(value);
    if (!hex_bytes(text, bytes, n, sep_after, seps)) {
        return bad_value(errp, obj, prop, text);
    }
    memcpy(field(obj, prop), bytes, n);
    return true;
}

static json_object *get_hex(Object *obj, const Property *prop, size_t n,
                            bool (*sep_after)(size_t i), char sep)
{
    const uint8_t *bytes = field(obj, prop);
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(text, "%02x", bytes[i]);
        if (sep_after(i)) {
            g_string_append_c(text, sep);
        }
    }
    return json_object_new_string(text->str);
}

static bool set_mac(Object *obj, const Property *prop, json_object *value,
                    Error **errp)
{
    return set_hex(obj, prop, value, 6, mac_sep, ":-", errp);
}

static json_object *get_mac(Object *obj, const Property *prop)
{
    return get_hex(obj, prop, 6, mac_sep, ':');
}

const PropertyType prop_type_macaddr = { "macaddr", "str", set_mac, get_mac };

static bool set_uuid(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    return set_hex(obj, prop, value, 16, uuid_sep, "-", errp);
}

static json_object *get_uuid(Object *obj, const Property *prop)
{
    return get_hex(obj, prop, 16, uuid_sep, '-');
}

const PropertyType prop_type_uuid = { "uuid", "str", set_uuid, get_uuid };
