/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a command's name and JSON arguments to its function and back. */
#include "tandem/base.h"

#include "internal.h"

static int compare_command(const void *name, const void *command)
{
    return strcmp(name, ((const QCommand *)command)->name);
}

const QCommand *qmp_find_command(const char *name)
{
    size_t n = 0;

    while (qmp_commands[n].name) {
        n++;
    }
    return bsearch(name, qmp_commands, n, sizeof(qmp_commands[0]),
                   compare_command);
}

static bool parse_args(const QCommand *c, json_object *args, void **out,
                       Error **errp)
{
    static const QMember none[] = { { 0 } };
    static const QType empty = {
        .kind = QTYPE_OBJECT, .name = "q_empty", .size = 1, .members = none
    };
    json_object *given =
        args ? json_object_get(args) : json_object_new_object();
    bool ok = qtype_parse(c->args ? c->args : &empty, given, false, out, errp);

    json_object_put(given);
    return ok;
}

json_object *qmp_call(Monitor *mon, Machine *m, const QCommand *c,
                      json_object *args, Error **errp)
{
    /* Room for any result: a pointer, or a scalar of at most 8 bytes. */
    uint64_t result = 0;
    void *parsed = NULL;
    json_object *reply = NULL;

    if (!parse_args(c, args, &parsed, errp)) {
        return NULL;
    }
    /* Objects are passed as such, an open command's JSON by its address. */
    if (c->call(mon, m, c->args == &qtype_any ? &parsed : parsed, &result,
                errp)) {
        reply =
            c->ret ? qtype_to_json(c->ret, &result) : json_object_new_object();
        if (c->ret) {
            qtype_free(c->ret, &result);
        }
    }
    if (c->args) {
        qtype_free(c->args, &parsed);
    } else {
        g_free(parsed);
    }
    return reply;
}

json_object *qmp_execute(Machine *m, const char *name, json_object *args,
                         Error **errp)
{
    const QCommand *c = qmp_find_command(name);

    if (!c) {
        error_set_class(errp, ERROR_COMMAND_NOT_FOUND,
                        "The command %s has not been found", name);
        return NULL;
    }
    return qmp_call(NULL, m, c, args, errp);
}
