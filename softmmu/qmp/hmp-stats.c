/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info stats`, over query-stats. */
#include "tandem/base.h"

#include "hmp.h"
#include "softmmu/base/keyval.h"

/* {"target": .., "providers": [{"provider": .., "names": [..]}]} */
static json_object *stats_filter(int argc, char **argv)
{
    json_object *filter = json_object_new_object();
    json_object *request = json_object_new_object();

    json_object_object_add(filter, "target", json_object_new_string(argv[0]));
    json_object_object_add(request, "provider",
                           json_object_new_string(argc > 2 ? argv[2] : "kvm"));
    if (argc > 1 && strcmp(argv[1], "*") != 0) {
        g_auto(GStrv) names = g_strsplit(argv[1], ",", -1);
        json_object *list = json_object_new_array();

        for (char **n = names; *n; n++) {
            json_object_array_add(list, json_object_new_string(*n));
        }
        json_object_object_add(request, "names", list);
    }
    if (argc > 1) {
        json_object *list = json_object_new_array();

        json_object_array_add(list, request);
        json_object_object_add(filter, "providers", list);
    } else {
        json_object_put(request);
    }
    return filter;
}

/* The entry of statistic @name for @target in query-stats-schemas' reply. */
static json_object *find_stat_schema(json_object *schemas, const char *target,
                                     const char *name)
{
    for (size_t i = 0; i < json_object_array_length(schemas); i++) {
        json_object *s = json_object_array_get_idx(schemas, i);
        json_object *list = json_object_object_get(s, "stats");

        if (g_strcmp0(json_get_text(s, "target"), target) != 0) {
            continue;
        }
        for (size_t j = 0; j < json_object_array_length(list); j++) {
            json_object *v = json_object_array_get_idx(list, j);

            if (g_strcmp0(json_get_text(v, "name"), name) == 0) {
                return v;
            }
        }
    }
    return NULL;
}

static void print_stat(json_object *stat, json_object *schema, GString *out)
{
    const char *unit = json_get_text(schema, "unit");

    g_string_append_printf(
        out, "    %s (%s%s%s): %s\n", json_get_text(stat, "name"),
        json_get_text(schema, "type"), unit ? ", " : "", unit ? unit : "",
        json_object_to_json_string_ext(json_object_object_get(stat, "value"),
                                       JSON_C_TO_STRING_PLAIN));
}

void hmp_info_stats(Machine *m, int argc, char **argv, GString *out,
                    Error **errp)
{
    json_object *filter, *schemas, *results = NULL;

    if (argc < 1 || argc > 3) {
        error_set(errp, "usage: info stats vm|vcpu [NAME,...|* [PROVIDER]]");
        return;
    }
    filter = stats_filter(argc, argv);
    schemas = qmp_execute(m, "query-stats-schemas", NULL, errp);
    if (schemas) {
        results = qmp_execute(m, "query-stats", filter, errp);
    }
    for (size_t i = 0; results && i < json_object_array_length(results); i++) {
        json_object *r = json_object_array_get_idx(results, i);
        json_object *list = json_object_object_get(r, "stats");
        const char *path = json_get_text(r, "qom-path");

        g_string_append_printf(out, "provider: %s%s%s\n",
                               json_get_text(r, "provider"), path ? " " : "",
                               path ? path : "");
        for (size_t j = 0; j < json_object_array_length(list); j++) {
            json_object *s = json_object_array_get_idx(list, j);

            print_stat(
                s, find_stat_schema(schemas, argv[0], json_get_text(s, "name")),
                out);
        }
    }
    json_object_put(results);
    json_object_put(schemas);
    json_object_put(filter);
}
