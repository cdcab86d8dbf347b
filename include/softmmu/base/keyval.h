/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options as JSON (DECISIONS 9). Pure functions. */
#ifndef SOFTMMU_BASE_KEYVAL_H
#define SOFTMMU_BASE_KEYVAL_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Error Error;

/*
 * keyval_parse: "key=value,key.sub=value,key.0=value,word", or a JSON object
 * when @text begins with "{", as a JSON object; values are strings. ",,"
 * stands for a comma in a value. A first word without "=" is the value of
 * @implied_key (when not NULL); any other means "on". Dotted keys make nested
 * objects; keys 0..n-1 of one prefix make an array. NULL with *errp: not
 * JSON, an empty or repeated path, or a key both plain and dotted. The
 * last of equal keys wins, as scripts rely on. New reference.
 */
json_object *keyval_parse(const char *text, const char *implied_key,
                          Error **errp);

/* All values of @key in text of the first form, in order; never NULL (strings,
 * freed with g_ptr_array_unref). */
GPtrArray *keyval_all(const char *text, const char *key);

/* JSON text with nesting up to 1024; NULL with *errp. */
json_object *json_parse_text(const char *text, size_t len, Error **errp);

/* Member @key as text, or NULL: owned by @obj. */
const char *json_get_text(json_object *obj, const char *key);
/* Take member @key out: a copy of its text (g_free), or NULL. */
char *json_take_text(json_object *obj, const char *key);
/* Take the switch ("on", "off") or the size (with a suffix; a bare number
 * counts in @unit bytes) out; an absent one leaves *@value and is no error. */
bool json_take_bool(json_object *obj, const char *key, bool *value,
                    Error **errp);
bool json_take_size(json_object *obj, const char *key, uint64_t unit,
                    uint64_t *value, Error **errp);

/* Does @text ask for help: "help", "?" or ",help" at its end? */
bool keyval_wants_help(json_object *options);

#endif
