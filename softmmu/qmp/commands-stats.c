/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine counts: schema/stats.json. */
#include "tandem/base.h"

#include "accel/accel.h"
#include "internal.h"

/* Enums of accel.h have the schema's order. */
_Static_assert((int)ACCEL_STAT_LOG2_HISTOGRAM == STATS_TYPE_LOG2_HISTOGRAM &&
                   (int)ACCEL_UNIT_BOOLEAN == STATS_UNIT_BOOLEAN,
               "kinds of statistics");

static bool in_list(const StrList *list, const char *text)
{
    for (size_t i = 0; list && i < list->n; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* --- values --- */

typedef struct Wanted {
    const StrList *names; /* NULL: all */
    StatsList *list;
} Wanted;

static StatsValue *value_of(const AccelStat *s)
{
    StatsValue *v = g_new0(StatsValue, 1);

    if (s->unit == ACCEL_UNIT_BOOLEAN && s->n == 1) {
        *v = (StatsValue){ .has_boolean = true, .boolean = s->values[0] != 0 };
    } else if (s->n == 1) {
        *v = (StatsValue){ .has_scalar = true, .scalar = s->values[0] };
    } else {
        for (unsigned i = 0; i < s->n; i++) {
            qlist_append(&qtype_list_u64, &v->list, &s->values[i]);
        }
    }
    return v;
}

static void add_value(void *opaque, const AccelStat *s)
{
    Wanted *w = opaque;
    Stats *item;

    if (w->names && !in_list(w->names, s->name)) {
        return;
    }
    item = g_new0(Stats, 1);
    *item = (Stats){ .name = g_strdup(s->name), .value = value_of(s) };
    qlist_append(&qtype_list_stats, &w->list, &item);
}

/* Of @cpu, or of the machine; nothing is added when no name fits. */
static bool add_result(Machine *m, CPUState *cpu, const StrList *names,
                       StatsResultList **list, Error **errp)
{
    Wanted w = { names, NULL };
    bool ok = accel_ops(m)->stats(m->accel, cpu, add_value, &w, errp);

    if (w.list) {
        StatsResult *r = g_new0(StatsResult, 1);

        *r = (StatsResult){ .provider = STATS_PROVIDER_KVM,
                            .qom_path = cpu ? object_path(cpu) : NULL,
                            .stats = w.list };
        qlist_append(&qtype_list_stats_result, list, &r);
    }
    return ok;
}

static bool add_cpus(Machine *m, const StrList *paths, const StrList *names,
                     StatsResultList **list, Error **errp)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);
        g_autofree char *path = object_path(cpu);

        if ((!paths || in_list(paths, path)) &&
            !add_result(m, cpu, names, list, errp)) {
            return false;
        }
    }
    return true;
}

/* Is the engine's provider asked for? Sets the names, NULL for all. */
static bool wanted(const StatsRequestList *providers, const StrList **names)
{
    *names = NULL;
    for (size_t i = 0; providers && i < providers->n; i++) {
        if (providers->items[i]->provider == STATS_PROVIDER_KVM) {
            *names = providers->items[i]->names;
            return true;
        }
    }
    return providers == NULL;
}

StatsResultList *qmp_query_stats(Machine *m, const StatsFilter *a, Error **errp)
{
    const StrList *paths = a->u.vcpu ? a->u.vcpu->vcpus : NULL;
    const StrList *names;
    StatsResultList *list = NULL;
    bool ok;

    if (!accel_ops(m)->stats || !wanted(a->providers, &names)) {
        return NULL;
    }
    ok = a->target == STATS_TARGET_VM ? add_result(m, NULL, names, &list, errp)
         : a->target == STATS_TARGET_VCPU
             ? add_cpus(m, paths, names, &list, errp)
             : true; /* nothing here is a cryptodev */
    if (!ok) {
        qtype_free(&qtype_list_stats_result, &list);
    }
    return list;
}

/* --- what they mean --- */

static void add_schema_value(void *opaque, const AccelStat *s)
{
    StatsSchemaValueList **list = opaque;
    StatsSchemaValue *v = g_new0(StatsSchemaValue, 1);

    *v = (StatsSchemaValue){
        .name = g_strdup(s->name),
        .type = (StatsType)s->type,
        .has_unit = s->unit != ACCEL_UNIT_NONE,
        .unit = s->unit == ACCEL_UNIT_NONE ? 0 : (StatsUnit)s->unit,
        .has_base = s->exponent != 0,
        .base = (int8_t)s->base,
        .exponent = (int16_t)s->exponent,
        .has_bucket_size = s->type == ACCEL_STAT_LINEAR_HISTOGRAM,
        .bucket_size = s->bucket_size,
    };
    qlist_append(&qtype_list_stats_schema_value, list, &v);
}

static bool add_schema(Machine *m, StatsTarget target, CPUState *cpu,
                       StatsSchemaList **list, Error **errp)
{
    StatsSchema *s = g_new0(StatsSchema, 1);

    *s = (StatsSchema){ .provider = STATS_PROVIDER_KVM, .target = target };
    qlist_append(&qtype_list_stats_schema, list, &s);
    return accel_ops(m)->stats(m->accel, cpu, add_schema_value, &s->stats,
                               errp);
}

StatsSchemaList *qmp_query_stats_schemas(Machine *m,
                                         const QueryStatsSchemasArgs *a,
                                         Error **errp)
{
    StatsSchemaList *list = NULL;
    CPUState *cpu = m->cpus->len ? g_ptr_array_index(m->cpus, 0) : NULL;

    if (!accel_ops(m)->stats ||
        (a->has_provider && a->provider != STATS_PROVIDER_KVM)) {
        return NULL;
    }
    if ((cpu && !add_schema(m, STATS_TARGET_VCPU, cpu, &list, errp)) ||
        !add_schema(m, STATS_TARGET_VM, NULL, &list, errp)) {
        qtype_free(&qtype_list_stats_schema, &list);
    }
    return list;
}
