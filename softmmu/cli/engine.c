/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Phases: Which engine runs: -accel and its flags, -icount. */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"

/* -perfmap and the like are options of tcg; other engines refuse them. */
static void add_accel_flags(StartPlan *p, AccelChoice *c)
{
    const struct {
        bool given;
        const char *name;
    } flags[] = {
        { p->perfmap, "perf-map" },
        { p->jitdump, "jitdump" },
        { p->one_insn_per_tb, "one-insn-per-tb" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (flags[i].given) {
            json_object_object_add(c->options, flags[i].name,
                                   json_object_new_boolean(true));
        }
    }
}

static void add_option(GArray *choices, const char *name, json_object *value)
{
    for (guint i = 0; i < choices->len; i++) {
        AccelChoice *c = &g_array_index(choices, AccelChoice, i);

        json_object_object_add(c->options, name, json_object_get(value));
    }
    json_object_put(value);
}

static bool icount_options(json_object *options, GArray *choices, Error **errp)
{
    g_autofree char *shift = json_take_text(options, "shift");
    bool align = false, sleep = true;
    uint64_t n = 0;
    bool automatic = shift && strcmp(shift, "auto") == 0;

    if (!shift || (!automatic && (!parse_u64(shift, &n) || n > 10))) {
        error_set(errp, "icount: Invalid shift value");
        return false;
    }
    if (!json_take_bool(options, "align", &align, errp) ||
        !json_take_bool(options, "sleep", &sleep, errp) ||
        !cli_nothing_left(options, errp)) {
        return false;
    }
    if (align && (automatic || !sleep)) {
        error_set(errp, automatic ? "shift=auto and align=on are incompatible"
                                  : "align=on and sleep=off are incompatible");
        return false;
    }
    add_option(choices, "x-icount-shift",
               json_object_new_int(automatic ? -2 : (int)n));
    add_option(choices, "x-icount-align", json_object_new_boolean(align));
    add_option(choices, "x-icount-no-sleep", json_object_new_boolean(!sleep));
    return true;
}

/* -icount, as options of the engine: those without it refuse them. */
static bool add_icount(StartPlan *p, GArray *choices, Error **errp)
{
    json_object *options;
    bool ok;

    if (!p->icount) {
        return true;
    }
    options = keyval_parse(p->icount, "shift", errp);
    ok = options && icount_options(options, choices, errp);
    json_object_put(options);
    if (!ok) {
        error_prefix(errp, "-icount %s: ", p->icount);
    }
    return ok;
}

bool start_accel(StartPlan *p, Error **errp)
{
    guint n = p->accel ? p->accel->len : 0;
    g_autoptr(GArray) choices = g_array_new(FALSE, TRUE, sizeof(AccelChoice));
    bool ok;

    for (guint i = 0; i < n; i++) {
        const char *text = g_ptr_array_index(p->accel, i);
        json_object *options = keyval_parse(text, "accel", errp);
        g_autofree char *names = NULL;
        g_auto(GStrv) words = NULL;

        if (!options) {
            return false;
        }
        names = json_take_text(options, "accel");
        if (!names || cli_is_help(names)) {
            help_accels(p->view);
            p->done = true;
            return true;
        }
        words = g_strsplit(names, ":", -1);
        for (char **w = words; *w; w++) {
            AccelChoice c = { g_strdup(*w), json_object_get(options) };

            g_array_append_val(choices, c);
        }
    }
    if (n == 0) {
        AccelChoice c = { g_strdup("tcg"), json_object_new_object() };

        g_array_append_val(choices, c);
    }
    for (guint i = 0; i < choices->len; i++) {
        AccelChoice *c = &g_array_index(choices, AccelChoice, i);

        if (p->irqchip && strcmp(c->name, "kvm") == 0) {
            json_object_object_add(c->options, "kernel-irqchip",
                                   json_object_new_string(p->irqchip));
        }
    }
    for (guint i = 0; i < choices->len; i++) {
        add_accel_flags(p, &g_array_index(choices, AccelChoice, i));
    }
    ok = add_icount(p, choices, errp) &&
         accel_start(p->m, (AccelChoice *)choices->data, choices->len, errp);
    for (guint i = 0; i < choices->len; i++) {
        AccelChoice *c = &g_array_index(choices, AccelChoice, i);

        g_free((char *)c->name);
        json_object_put(c->options);
    }
    return ok;
}
