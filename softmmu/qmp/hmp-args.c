/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words, expressions and QMP calls of the human monitor's commands. */
#include "tandem/base.h"

#include <errno.h>

#include "hmp.h"
#include "softmmu/base/parse.h"

enum { DEPTH_MAX = 64 }; /* parentheses and signs in an expression */

/* --- QMP --- */

void hmp_run_qmp(Machine *m, const char *name, json_object *args, Error **errp)
{
    json_object_put(qmp_execute(m, name, args, errp));
    json_object_put(args);
}

json_object *hmp_query(Machine *m, const char *name, Error **errp)
{
    return qmp_execute(m, name, NULL, errp);
}

void hmp_add_text(json_object *args, const char *key, const char *text)
{
    json_object_object_add(args, key, json_object_new_string(text));
}

json_object *hmp_one_arg(const char *key, const char *text)
{
    json_object *args = json_object_new_object();

    hmp_add_text(args, key, text);
    return args;
}

int64_t hmp_int(json_object *o, const char *key)
{
    return json_object_get_int64(json_object_object_get(o, key));
}

bool hmp_bool(json_object *o, const char *key)
{
    return json_object_get_boolean(json_object_object_get(o, key));
}

/* --- words --- */

bool hmp_want_args(int argc, int n, const char *usage, Error **errp)
{
    if (argc != n) {
        error_set(errp, "usage: %s", usage);
    }
    return argc == n;
}

bool hmp_on_off(const char *text, bool *on, Error **errp)
{
    if (!parse_bool(text, on)) {
        error_set(errp, "Expected 'on' or 'off'");
        return false;
    }
    return true;
}

static void skip_space(const char **text)
{
    *text += strspn(*text, " \t\r\n");
}

char *hmp_word(const char **text, const char *what, Error **errp)
{
    char quote;
    size_t n;
    char *word;

    skip_space(text);
    quote = **text == '"' || **text == '\'' ? *(*text)++ : '\0';
    n = quote ? strcspn(*text, (char[]){ quote, '\0' })
              : strcspn(*text, " \t\r\n");
    if (quote && (*text)[n] != quote) {
        error_set(errp, "unterminated string");
        return NULL;
    }
    if (n == 0) {
        error_set(errp, "%s expected", what);
        return NULL;
    }
    word = g_strndup(*text, n);
    *text += n + (quote ? 1 : 0);
    return word;
}

bool hmp_end(const char *text, Error **errp)
{
    skip_space(&text);
    if (*text) {
        error_set(errp, "extraneous characters at the end of line: '%s'", text);
    }
    return *text == '\0';
}

/* --- registers --- */

/* The place of @name among the registers of target description @xml, or -1. */
static int find_register(const char *xml, const char *name)
{
    g_autofree char *want = g_strdup_printf("name=\"%s\"", name);
    int n = 0;

    for (const char *p = xml; (p = strstr(p, "<reg ")) != NULL; n++) {
        const char *end = strchr(p, '>');
        const char *hit = strstr(p, want);

        if (hit && end && hit < end) {
            return n;
        }
        p++;
    }
    return -1;
}

static bool feature_register(CPUState *cpu, const GdbFeature *f,
                             const char *name, uint64_t *value)
{
    g_autofree char *xml = f->count(cpu) > 0 ? f->xml(cpu) : NULL;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int n = xml ? find_register(xml, name) : -1;

    if (n < 0 || cpu->type->gdb_read(cpu, f, n, bytes) == 0) {
        return false;
    }
    *value = 0;
    for (guint i = 0; i < bytes->len && i < 8; i++) {
        *value |= (uint64_t)bytes->data[i] << (8 * i);
    }
    return true;
}

bool hmp_register(CPUState *cpu, const char *name, uint64_t *value)
{
    bool found = strcmp(name, "pc") == 0;

    if (found) {
        *value = cpu->type->pc_get(cpu);
    }
    for (const GdbFeature *f = cpu->type->gdb; f && f->name && !found; f++) {
        found = feature_register(cpu, f, name, value);
    }
    return found;
}

/* $name */
static bool parse_register(CPUState *cpu, const char **text, uint64_t *value,
                           Error **errp)
{
    g_autofree char *name = NULL;
    const char *start = ++*text;

    while (g_ascii_isalnum(**text) || **text == '_') {
        (*text)++;
    }
    name = g_strndup(start, *text - start);
    if (!cpu || !hmp_register(cpu, name, value)) {
        error_set(errp, "unknown register '%s'", name);
        return false;
    }
    return true;
}

/* --- expressions --- */

typedef struct Parser {
    CPUState *cpu;
    const char *p;
    int depth;
    Error **errp;
} Parser;

static bool parse_sum(Parser *s, uint64_t *value);

static bool parse_number(Parser *s, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = g_ascii_strtoull(s->p, &end, 0);
    if (errno == ERANGE) {
        error_set(s->errp, "number too large");
        return false;
    }
    s->p = end;
    return true;
}

static bool parse_char(Parser *s, uint64_t *value)
{
    if (s->p[1] == '\0' || s->p[1] == '\'' || s->p[2] != '\'') {
        error_set(s->errp, "missing terminating ' character");
        return false;
    }
    *value = (uint8_t)s->p[1];
    s->p += 3;
    return true;
}

static bool parse_primary(Parser *s, uint64_t *value)
{
    if (*s->p == '(') {
        s->p++;
        if (!parse_sum(s, value)) {
            return false;
        }
        if (*s->p != ')') {
            error_set(s->errp, "')' expected");
            return false;
        }
        s->p++;
        return true;
    }
    if (*s->p == '$') {
        return parse_register(s->cpu, &s->p, value, s->errp);
    }
    if (*s->p == '\'') {
        return parse_char(s, value);
    }
    if (g_ascii_isdigit(*s->p)) {
        return parse_number(s, value);
    }
    if (*s->p == '\0') {
        error_set(s->errp, "unexpected end of expression");
    } else {
        error_set(s->errp, "invalid char '%c' in expression", *s->p);
    }
    return false;
}

static bool parse_unary(Parser *s, uint64_t *value)
{
    char sign;
    bool ok;

    skip_space(&s->p);
    sign = *s->p;
    if (s->depth >= DEPTH_MAX) {
        error_set(s->errp, "expression is too deep");
        return false;
    }
    s->depth++;
    if (sign != '\0' && strchr("+-~", sign)) {
        s->p++;
        ok = parse_unary(s, value);
        *value = sign == '-' ? -*value : sign == '~' ? ~*value : *value;
    } else {
        ok = parse_primary(s, value);
    }
    s->depth--;
    skip_space(&s->p);
    return ok;
}

/* Signed, as the other operators' results print; MIN / -1 wraps. */
static bool divide(Parser *s, char op, uint64_t *a, uint64_t b)
{
    if (b == 0) {
        error_set(s->errp, "division by zero");
        return false;
    }
    if (b == UINT64_MAX) {
        *a = op == '/' ? -*a : 0;
    } else {
        *a = op == '/' ? (int64_t)*a / (int64_t)b : (int64_t)*a % (int64_t)b;
    }
    return true;
}

static bool apply(Parser *s, char op, uint64_t *a, uint64_t b)
{
    switch (op) {
    case '+':
        *a += b;
        return true;
    case '-':
        *a -= b;
        return true;
    case '&':
        *a &= b;
        return true;
    case '|':
        *a |= b;
        return true;
    case '^':
        *a ^= b;
        return true;
    case '*':
        *a *= b;
        return true;
    default:
        return divide(s, op, a, b);
    }
}

/* Operators by how they bind, the loosest first; all from left to right. */
static const char *const binary_operators[] = { "+-", "&|^", "*/%" };

static bool parse_binary(Parser *s, unsigned level, uint64_t *value)
{
    if (level == ARRAY_SIZE(binary_operators)) {
        return parse_unary(s, value);
    }
    if (!parse_binary(s, level + 1, value)) {
        return false;
    }
    while (*s->p && strchr(binary_operators[level], *s->p)) {
        char op = *s->p++;
        uint64_t right = 0;

        if (!parse_binary(s, level + 1, &right) ||
            !apply(s, op, value, right)) {
            return false;
        }
    }
    return true;
}

static bool parse_sum(Parser *s, uint64_t *value)
{
    return parse_binary(s, 0, value);
}

bool hmp_expr(CPUState *cpu, const char **text, uint64_t *value, Error **errp)
{
    Parser s = { .cpu = cpu, .p = *text, .errp = errp };
    bool ok;

    *value = 0;
    ok = parse_sum(&s, value);
    *text = s.p;
    return ok;
}
