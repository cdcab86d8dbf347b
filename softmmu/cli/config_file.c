/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options from elsewhere: -readconfig reads sections as options, -set changes
 * an option that was given before.
 *
 * Format: [group] or [group "id"], then lines of key = "value"; "#" begins a
 * comment. Groups are those of query-command-line-options.
 */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/base/keyval.h"

enum { CONFIG_MAX = 1 << 20 }; /* bytes of a file */

static void append_escaped(GString *out, const char *text)
{
    for (; *text; text++) {
        g_string_append_c(out, *text);
        if (*text == ',') {
            g_string_append_c(out, ',');
        }
    }
}

static void append_pair(GString *out, const char *key, const char *value)
{
    g_string_append_printf(out, "%s%s=", out->len ? "," : "", key);
    append_escaped(out, value);
}

static const CliGroup *group_by_name(const char *name, Error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const CliGroup *g = cli_groups; g->option; g++) {
        if (g->group && strcmp(g->group, name) == 0) {
            return g;
        }
        if (g->group) {
            g_ptr_array_add(names, (void *)g->group);
        }
    }
    g_ptr_array_add(names, NULL);
    error_set(errp, "there is no option group '%s'", name);
    error_suggest(errp, name, (const char *const *)names->pdata);
    return NULL;
}

/* --- -readconfig --- */

typedef struct Reader {
    StartPlan *p;
    const CliGroup *group; /* of the open section; NULL: none yet */
    GString *text;         /* its option */
} Reader;

static bool end_section(Reader *r, Error **errp)
{
    bool ok = !r->group || cli_give(r->p, r->group->option, r->text->str, errp);

    r->group = NULL;
    g_string_set_size(r->text, 0);
    return ok;
}

/* [group] or [group "id"] */
static bool section_line(Reader *r, char *line, Error **errp)
{
    char group[64], id[64];

    if (!end_section(r, errp)) {
        return false;
    }
    if (sscanf(line, "[%63s \"%63[^\"]\"]", group, id) == 2) {
        append_pair(r->text, "id", id);
    } else if (!g_str_has_suffix(line, "]") ||
               sscanf(line, "[%63[^]]", group) != 1) {
        error_set(errp, "no section: %s", line);
        return false;
    }
    r->group = group_by_name(group, errp);
    return r->group != NULL;
}

/* key = "value" */
static bool value_line(Reader *r, char *line, Error **errp)
{
    char key[64], value[1024] = "";

    if (sscanf(line, " %63[^ =\t] = \"%1023[^\"]\"", key, value) != 2 &&
        !(sscanf(line, " %63[^ =\t] = \"", key) == 1 &&
          g_str_has_suffix(line, "\"\""))) {
        error_set(errp, "neither a section nor KEY = \"VALUE\": %s", line);
        return false;
    }
    if (!r->group) {
        error_set(errp, "'%s' stands in no section", key);
        return false;
    }
    append_pair(r->text, key, value);
    return true;
}

static bool read_line(Reader *r, char *line, Error **errp)
{
    g_strstrip(line);
    if (line[0] == '\0' || line[0] == '#') {
        return true;
    }
    return line[0] == '[' ? section_line(r, line, errp)
                          : value_line(r, line, errp);
}

bool cli_read_config(StartPlan *p, const char *path, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autofree char *data = NULL;
    g_auto(GStrv) lines = NULL;
    Reader r = { .p = p };
    bool ok = true;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, &gerr)) {
        error_set(errp, "-readconfig %s: %s", path, gerr->message);
        return false;
    }
    if (len > CONFIG_MAX || memchr(data, 0, len)) {
        error_set(errp, "-readconfig %s: this is no configuration", path);
        return false;
    }
    r.text = g_string_new(NULL);
    lines = g_strsplit(data, "\n", -1);
    for (int i = 0; ok && lines[i]; i++) {
        ok = read_line(&r, lines[i], errp);
        if (!ok) {
            error_prefix(errp, "-readconfig %s: line %d: ", path, i + 1);
        }
    }
    ok = ok && end_section(&r, errp);
    g_string_free(r.text, TRUE);
    return ok;
}

/* --- -set --- */

/* Is @text of an option with this id? */
static bool has_id(const CliGroup *g, const char *text, const char *id)
{
    json_object *o = keyval_parse(text, g->implied, NULL);
    const char *key = strcmp(g->option, "blockdev") == 0 ? "node-name" : "id";
    bool same = o && g_strcmp0(json_get_text(o, key), id) == 0;

    json_object_put(o);
    return same;
}

/* @text with @key set, in the form it has. */
static char *with_value(const char *text, const char *key, const char *value)
{
    GString *out = g_string_new(NULL);

    if (text[0] == '{') {
        json_object *o = keyval_parse(text, NULL, NULL);

        json_object_object_add(o, key, json_object_new_string(value));
        g_string_assign(out, json_object_to_json_string(o));
        json_object_put(o);
    } else {
        g_string_assign(out, text);
        append_pair(out, key, value);
    }
    return g_string_free(out, FALSE);
}

bool cli_set(StartPlan *p, const char *arg, Error **errp)
{
    g_auto(GStrv) part = g_strsplit(arg, ".", 3);
    char *value = g_strv_length(part) == 3 ? strchr(part[2], '=') : NULL;
    const CliGroup *g;
    GPtrArray *list;

    if (!value) {
        error_set(errp, "-set %s: expected GROUP.ID.ARG=VALUE", arg);
        return false;
    }
    *value++ = '\0';
    g = group_by_name(part[0], errp);
    list = g ? cli_list(p, g->option) : NULL;
    for (guint i = 0; list && i < list->len; i++) {
        char *text = g_ptr_array_index(list, i);

        if (has_id(g, text, part[1])) {
            list->pdata[i] = with_value(text, part[2], value);
            g_free(text);
            return true;
        }
    }
    if (g) {
        error_set(errp, "there is no %s \"%s\" defined", part[0], part[1]);
    }
    error_prefix(errp, "-set %s: ", arg);
    return false;
}
