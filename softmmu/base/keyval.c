/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"

enum { JSON_DEPTH_MAX = 1024, KEY_PARTS_MAX = 32 };

/* --- text to flat pairs --- */

/* The next option of *@p, with ",," undone; *@p moves past its comma. */
static char *next_word(const char **p)
{
    GString *word = g_string_new(NULL);

    while (**p && !((*p)[0] == ',' && (*p)[1] != ',')) {
        *p += **p == ',';
        g_string_append_c(word, **p);
        (*p)++;
    }
    *p += **p == ',';
    return g_string_free(word, FALSE);
}

GPtrArray *keyval_all(const char *text, const char *key)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    size_t n = strlen(key);

    while (*text) {
        g_autofree char *word = next_word(&text);

        if (strncmp(word, key, n) == 0 && word[n] == '=') {
            g_ptr_array_add(list, g_strdup(word + n + 1));
        }
    }
    return list;
}

/* --- nesting --- */

static bool part_valid(const char *part)
{
    return part[0] != '\0' && strlen(part) < 128;
}

static bool put(json_object *root, const char *key, json_object *value,
                Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", KEY_PARTS_MAX + 1);
    guint n = g_strv_length(parts);
    json_object *at = root, *next;

    if (n > KEY_PARTS_MAX) {
        error_set(errp, "Parameter '%s' is nested too deeply", key);
        return false;
    }
    if (n == 0) { /* "=value" */
        error_set(errp, "Invalid parameter ''");
        return false;
    }
    for (guint i = 0; i < n; i++) {
        if (!part_valid(parts[i])) {
            error_set(errp, "Invalid parameter '%s'", key);
            return false;
        }
        if (i == n - 1) {
            break;
        }
        if (!json_object_object_get_ex(at, parts[i], &next)) {
            next = json_object_new_object();
            json_object_object_add(at, parts[i], next);
        } else if (!json_object_is_type(next, json_type_object)) {
            error_set(errp, "Parameters '%s.*' used inconsistently", parts[i]);
            return false;
        }
        at = next;
    }
    if (json_object_object_get_ex(at, parts[n - 1], &next) &&
        json_object_is_type(next, json_type_object)) {
        error_set(errp, "Parameters '%s.*' used inconsistently", key);
        return false;
    }
    json_object_object_add(at, parts[n - 1], value);
    return true;
}

/* {"0": a, "1": b} -> [a, b], at every level; a gap is an error. */
static json_object *listify(json_object *obj, Error **errp)
{
    json_object *out, *list;
    int n = 0, digits = 0;

    if (!json_object_is_type(obj, json_type_object)) {
        return json_object_get(obj);
    }
    out = json_object_new_object();
    json_object_object_foreach(obj, key, value)
    {
        json_object *sub = listify(value, errp);

        if (!sub) {
            json_object_put(out);
            return NULL;
        }
        json_object_object_add(out, key, sub);
        n++;
        digits += g_ascii_isdigit(key[0]);
    }
    if (digits == 0) {
        return out;
    }
    list = json_object_new_array();
    for (int i = 0; i < n; i++) {
        g_autofree char *index = g_strdup_printf("%d", i);
        json_object *element;

        if (!json_object_object_get_ex(out, index, &element)) {
            error_set(errp, "Parameter list lacks element '%d'", i);
            json_object_put(list);
            json_object_put(out);
            return NULL;
        }
        json_object_array_add(list, json_object_get(element));
    }
    json_object_put(out);
    return list;
}

/* --- public --- */

/* Is [from, len) of @text JSON's white space only? */
static bool all_space(const char *text, size_t from, size_t len)
{
    while (from < len && text[from] && strchr(" \t\r\n", text[from])) {
        from++;
    }
    return from >= len;
}

json_object *json_parse_text(const char *text, size_t len, Error **errp)
{
    json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX);
    json_object *obj;

    if (len > INT_MAX) {
        error_set(errp, "JSON text is too long");
        json_tokener_free(tok);
        return NULL;
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
                                    JSON_TOKENER_ALLOW_TRAILING_CHARS);
    obj = json_tokener_parse_ex(tok, text, len);
    if (!obj) {
        enum json_tokener_error why = json_tokener_get_error(tok);

        error_set(errp, "JSON parse error, %s",
                  why == json_tokener_continue ? "premature end of input"
                                               : json_tokener_error_desc(why));
    } else if (!all_space(text, json_tokener_get_parse_end(tok), len)) {
        error_set(errp, "JSON parse error, text after the value");
        json_object_put(obj);
        obj = NULL;
    }
    json_tokener_free(tok);
    return obj;
}

static json_object *parse_json_object(const char *text, Error **errp)
{
    json_object *obj = json_parse_text(text, strlen(text), errp);

    if (obj && !json_object_is_type(obj, json_type_object)) {
        error_set(errp, "JSON object expected");
        json_object_put(obj);
        return NULL;
    }
    return obj;
}

json_object *keyval_parse(const char *text, const char *implied_key,
                          Error **errp)
{
    json_object *flat, *nested, *item;
    const char *p = text;
    bool first = true;

    if (text[0] == '{') {
        return parse_json_object(text, errp);
    }
    flat = json_object_new_object();
    while (*p) {
        g_autofree char *word = next_word(&p);
        char *eq = strchr(word, '=');
        const char *key = word, *value = "on";

        if (eq) {
            *eq = '\0';
            value = eq + 1;
        } else if (first && implied_key) {
            key = implied_key;
            value = word;
        }
        first = false;
        if (!eq && word[0] == '\0' && key == word) {
            continue; /* ",": nothing between */
        }
        item = json_object_new_string(value);
        if (!put(flat, key, item, errp)) {
            json_object_put(item);
            json_object_put(flat);
            return NULL;
        }
    }
    nested = listify(flat, errp);
    json_object_put(flat);
    if (nested && !json_object_is_type(nested, json_type_object)) {
        error_set(errp, "Invalid parameter '0'"); /* a list has a name */
        json_object_put(nested);
        return NULL;
    }
    return nested;
}

const char *json_get_text(json_object *obj, const char *key)
{
    json_object *value;

    if (!json_object_object_get_ex(obj, key, &value)) {
        return NULL;
    }
    return json_object_get_string(value);
}

char *json_take_text(json_object *obj, const char *key)
{
    char *text = g_strdup(json_get_text(obj, key));

    json_object_object_del(obj, key);
    return text;
}

bool json_take_bool(json_object *obj, const char *key, bool *value,
                    Error **errp)
{
    g_autofree char *text = json_take_text(obj, key);

    if (text && !parse_bool(text, value)) {
        error_set(errp, "Parameter '%s' expects 'on' or 'off'", key);
        return false;
    }
    return true;
}

bool json_take_size(json_object *obj, const char *key, uint64_t unit,
                    uint64_t *value, Error **errp)
{
    g_autofree char *text = json_take_text(obj, key);

    if (text && !parse_size(text, unit, value)) {
        error_set(errp, "Parameter '%s' expects a size", key);
        return false;
    }
    return true;
}

bool keyval_wants_help(json_object *options)
{
    json_object_object_foreach(options, key, value)
    {
        const char *text = json_object_get_string(value);

        if ((strcmp(key, "help") == 0 || strcmp(key, "?") == 0) ||
            (text && (strcmp(text, "help") == 0 || strcmp(text, "?") == 0))) {
            return true;
        }
    }
    return false;
}
