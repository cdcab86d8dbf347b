/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -semihosting, -semihosting-config. */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "softmmu/semihost/semihost.h"

typedef struct SemihostOptions {
    bool enable, userspace;
    SemihostTarget target;
    char *chardev;
    GString *args; /* words of arg=, a space between; NULL: none */
} SemihostOptions;

static void add_args(SemihostOptions *s, const char *text)
{
    GPtrArray *args = keyval_all(text, "arg");

    for (guint i = 0; i < args->len; i++) {
        if (s->args) {
            g_string_append_c(s->args, ' ');
        } else {
            s->args = g_string_new(NULL);
        }
        g_string_append(s->args, g_ptr_array_index(args, i));
    }
    g_ptr_array_unref(args);
}

static bool take_target(SemihostOptions *s, json_object *options, Error **errp)
{
    static const char *const names[] = {
        [SEMIHOST_NATIVE] = "native",
        [SEMIHOST_GDB] = "gdb",
        [SEMIHOST_AUTO] = "auto",
    };
    g_autofree char *target = json_take_text(options, "target");

    for (size_t i = 0; target && i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], target) == 0) {
            s->target = i;
            return true;
        }
    }
    if (target) {
        error_set(errp, "Parameter 'target' expects 'native', 'gdb' or 'auto'");
    }
    return !target;
}

static bool take_options(SemihostOptions *s, json_object *options, Error **errp)
{
    g_autofree char *enable = json_take_text(options, "enable");
    g_autofree char *user = json_take_text(options, "userspace");
    g_autofree char *chardev = json_take_text(options, "chardev");
    g_autofree char *arg = json_take_text(options, "arg");

    (void)arg; /* add_args() sees them all */
    s->enable = true;
    if ((enable && !parse_bool(enable, &s->enable)) ||
        (user && !parse_bool(user, &s->userspace))) {
        error_set(errp, "Parameters 'enable' and 'userspace' expect 'on' or "
                        "'off'");
        return false;
    }
    if (chardev) {
        g_free(s->chardev);
        s->chardev = g_steal_pointer(&chardev);
    }
    return take_target(s, options, errp) && cli_nothing_left(options, errp);
}

static bool take_text(SemihostOptions *s, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, NULL, errp);
    bool ok = options && take_options(s, options, errp);

    json_object_put(options);
    add_args(s, text);
    if (!ok) {
        error_prefix(errp, "-semihosting-config %s: ", text);
    }
    return ok;
}

static bool begin(StartPlan *p, SemihostOptions *s, Error **errp)
{
    MachineConfig *c = &p->m->config;
    g_autofree char *line = s->args
                                ? g_strdup(s->args->str)
                                : g_strjoin(c->kernel && c->append ? " " : "",
                                            c->kernel ? c->kernel : "",
                                            c->append ? c->append : "", NULL);
    SemihostConfig config = { .target = s->target,
                              .userspace = s->userspace,
                              .deny_spawn = c->deny_spawn,
                              .chardev = s->chardev,
                              .command_line = line };

    if (!s->enable) {
        return true;
    }
    p->semihost = semihost_start(p->m, &config, errp);
    return p->semihost != NULL;
}

bool start_semihosting(StartPlan *p, Error **errp)
{
    SemihostOptions s = { .enable = p->semihosting_on,
                          .target = SEMIHOST_AUTO };
    bool ok = true;

    for (guint i = 0; ok && p->semihosting && i < p->semihosting->len; i++) {
        ok = take_text(&s, g_ptr_array_index(p->semihosting, i), errp);
    }
    ok = ok && begin(p, &s, errp);
    g_free(s.chardev);
    if (s.args) {
        g_string_free(s.args, TRUE);
    }
    return ok;
}
