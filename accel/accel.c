/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Engines: the list, and which one starts (DECISIONS 16). */
#include "tandem/base.h"

#include "accel/accel.h"

extern const AccelOps tcg_accel_type;
extern const AccelOps kvm_accel_type;
extern const AccelOps qtest_accel_type;

const ObjectType *const accel_types[] = {
#ifdef CONFIG_TCG
    TYPE(tcg_accel_type),
#endif
#ifdef CONFIG_KVM
    TYPE(kvm_accel_type),
#endif
    TYPE(qtest_accel_type),
    NULL,
};

static void suggest_engine(Machine *m, const char *name, Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(m->view, &accel_type, false);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < types->len; i++) {
        const AccelOps *ops = g_ptr_array_index(types, i);

        g_ptr_array_add(names, (void *)ops->accel_name);
    }
    g_ptr_array_add(names, NULL);
    error_suggest(errp, name, (const char *const *)names->pdata);
}

static const AccelOps *find_engine(Machine *m, const char *name, Error **errp)
{
    g_autofree char *type_name = g_strconcat(name, "-accel", NULL);
    const ObjectType *type = type_find(m->view, type_name);

    if (!type || type->abstract || !type_is_a(type, &accel_type)) {
        error_set(errp, "invalid accelerator %s", name);
        suggest_engine(m, name, errp);
        return NULL;
    }
    return (const AccelOps *)type;
}

/* One engine: find, probe, make, set its options, start. */
static bool try_engine(Machine *m, const AccelChoice *choice, Error **errp)
{
    const AccelOps *ops = find_engine(m, choice->name, errp);
    AccelState *a;

    if (!ops || (ops->probe && !ops->probe(errp))) {
        return false;
    }
    a = (AccelState *)object_new(ops);
    a->ops = ops;
    a->machine = m;
    if ((choice->options && !object_set_all(a, choice->options, NULL, errp)) ||
        !ops->machine_init(a, errp)) {
        object_unref(a);
        return false;
    }
    m->accel = a;
    if (ops->huge_pages) {
        ram_want_huge_pages(m->ms);
    }
    return true;
}

bool accel_start(Machine *m, const AccelChoice *choices, size_t n, Error **errp)
{
    for (size_t i = 0; i < n; i++) {
        g_autoptr(Error) err = NULL;

        if (try_engine(m, &choices[i], &err)) {
            return true;
        }
        if (i + 1 == n) {
            error_move(errp, g_steal_pointer(&err));
            return false;
        }
        warn_report("%s: falling back to %s", error_text(err),
                    choices[i + 1].name);
    }
    error_set(errp, "no accelerator was named");
    return false;
}
