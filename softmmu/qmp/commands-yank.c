/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that hang: schema/yank.json. Any thread, no lock. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/backend/yank.h"

bool qmp_yank(Machine *m, const YankArgs *a, Error **errp)
{
    static const YankKind kinds[] = {
        [YANK_INSTANCE_TYPE_CHARDEV] = YANK_CHARDEV,
        [YANK_INSTANCE_TYPE_MIGRATION] = YANK_MIGRATION,
    };
    size_t n = a->instances ? a->instances->n : 0;
    g_autofree YankName *names = g_new0(YankName, n + 1);

    for (size_t i = 0; i < n; i++) {
        const YankInstance *y = a->instances->items[i];

        names[i].kind = kinds[y->type];
        names[i].id =
            y->type == YANK_INSTANCE_TYPE_CHARDEV ? y->u.chardev->id : NULL;
    }
    return yank_cut(m, names, n, errp);
}

static void collect(const YankName *name, void *opaque)
{
    static const YankInstanceType types[] = {
        [YANK_CHARDEV] = YANK_INSTANCE_TYPE_CHARDEV,
        [YANK_MIGRATION] = YANK_INSTANCE_TYPE_MIGRATION,
    };
    YankInstance *y = g_new0(YankInstance, 1);

    y->type = types[name->kind];
    if (name->kind == YANK_CHARDEV) {
        y->u.chardev = g_new0(YankInstanceChardev, 1);
        y->u.chardev->id = g_strdup(name->id);
    }
    qlist_append(&qtype_list_yank_instance, opaque, &y);
}

YankInstanceList *qmp_query_yank(Machine *m, Error **errp)
{
    YankInstanceList *list = NULL;

    yank_each(m, collect, &list);
    return list;
}
