/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device state: which pieces there are, and how each is put in and taken out
 * of a stream. Names come from object paths (DECISIONS 47).
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "sections.h"
#include "softmmu/backend/net.h"

static void section_free(gpointer p)
{
    StateSection *s = p;

    g_free(s->path);
    g_free(s);
}

/* The states of @type and its parents, base first. */
static void add_states(GPtrArray *list, DeviceState *dev,
                       const ObjectType *type)
{
    const VmState *state;
    StateSection *s;

    if (type == TYPE(device_type)) {
        return;
    }
    add_states(list, dev, type->parent);
    state = ((const DeviceType *)type)->vmstate;
    if (!state) {
        return;
    }
    s = g_new0(StateSection, 1);
    *s = (StateSection){ object_path(dev), dev, state };
    g_ptr_array_add(list, s);
}

static void add_netdev(Netdev *nd, void *opaque)
{
    const VmState *state = netdev_vmstate(nd);
    StateSection *s;

    if (state) {
        s = g_new0(StateSection, 1);
        *s = (StateSection){ object_path(nd), nd, state };
        g_ptr_array_add(opaque, s);
    }
}

static const VmField migration_fields[] = {
    VM_BOOL(Migration, paused),
    { 0 },
};

/* Of the machine itself: did it run? */
static const VmState migration_vmstate = {
    .name = "migration",
    .version = 1,
    .fields = migration_fields,
    .optional = true,
};

static void add_migration(GPtrArray *list, Migration *mig)
{
    StateSection *s = g_new0(StateSection, 1);

    *s = (StateSection){ g_strdup("/migration"), mig, &migration_vmstate };
    g_ptr_array_add(list, s);
}

static int collect(Object *obj, void *opaque)
{
    if (type_is_a(obj->type, &device_type) && ((DeviceState *)obj)->realized) {
        add_states(opaque, (DeviceState *)obj, obj->type);
    }
    return 0;
}

GPtrArray *migration_sections(Machine *m)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(section_free);

    if (m->migration) { /* not so in unit tests */
        add_migration(list, m->migration);
    }
    object_walk(m, collect, list);
    net_each_netdev(m, add_netdev, list);
    return list;
}

char **sections_blocked(Machine *m)
{
    g_autoptr(GPtrArray) list = migration_sections(m);
    GPtrArray *reasons = g_ptr_array_new();

    for (guint i = 0; i < list->len; i++) {
        const StateSection *s = g_ptr_array_index(list, i);
        const char *why = s->state->blocked ? s->state->blocked(s->obj) : NULL;

        if (why && (reasons->len == 0 ||
                    strcmp(why, reasons->pdata[reasons->len - 1]) != 0)) {
            g_ptr_array_add(reasons, g_strdup(why));
        }
    }
    g_ptr_array_add(reasons, NULL);
    return (char **)g_ptr_array_free(reasons, FALSE);
}

/* --- saving --- */

void sections_save(Machine *m, StreamOut *out)
{
    g_autoptr(GPtrArray) list = migration_sections(m);

    for (guint i = 0; i < m->cpus->len; i++) {
        accel_ops(m)->regs_pull(g_ptr_array_index(m->cpus, i), REGS_ALL);
    }
    for (guint i = 0; i < list->len; i++) {
        StateSection *s = g_ptr_array_index(list, i);
        g_autoptr(GByteArray) data = g_byte_array_new();

        vmstate_save(s->state, s->obj, data);
        stream_put_u8(out, STREAM_DEVICE);
        stream_put_text(out, s->path);
        stream_put_u32(out, s->state->optional ? SECTION_OPTIONAL : 0);
        stream_put_text(out, s->state->name);
        stream_put_u32(out, s->state->version);
        stream_put_u32(out, data->len);
        stream_put(out, data->data, data->len);
        stream_put_crc(out);
    }
}

void sections_describe(Machine *m, StreamOut *out)
{
    g_autoptr(GPtrArray) list = migration_sections(m);
    json_object *all = json_object_new_array();
    const char *text;
    size_t len;

    for (guint i = 0; i < list->len; i++) {
        StateSection *s = g_ptr_array_index(list, i);
        json_object *one = json_object_new_object();

        json_object_object_add(one, "path", json_object_new_string(s->path));
        json_object_object_add(one, "state", vmstate_describe(s->state));
        json_object_array_add(all, one);
    }
    text = json_object_to_json_string_length(all, JSON_C_TO_STRING_PLAIN, &len);
    stream_put_u8(out, STREAM_END);
    stream_put_u32(out, len);
    stream_put(out, text, len);
    stream_put_crc(out);
    json_object_put(all);
}

/* --- loading --- */

static void loaded_free(gpointer p)
{
    LoadedSection *s = p;

    g_free(s->path);
    g_free(s->name);
    g_free(s->data);
    g_free(s);
}

GPtrArray *loaded_sections_new(void)
{
    return g_ptr_array_new_with_free_func(loaded_free);
}

bool section_read(StreamIn *in, GPtrArray *loaded, Error **errp)
{
    LoadedSection *s = g_new0(LoadedSection, 1);
    uint32_t flags;

    g_ptr_array_add(loaded, s);
    if (loaded->len > STREAM_DEVICES_MAX) {
        error_set(errp, "the stream has more than %d sections",
                  STREAM_DEVICES_MAX);
        return false;
    }
    if (!(s->path = stream_get_text(in, errp)) ||
        !stream_get_u32(in, &flags, errp) ||
        !(s->name = stream_get_text(in, errp)) ||
        !stream_get_u32(in, &s->version, errp) ||
        !stream_get_u32(in, &s->len, errp)) {
        return false;
    }
    if (flags & ~SECTION_OPTIONAL) {
        error_set(errp, "section '%s' of %s has flags 0x%x", s->name, s->path,
                  flags);
        return false;
    }
    s->optional = flags & SECTION_OPTIONAL;
    s->data = stream_get_block(in, s->len, STREAM_DEVICE_MAX, errp);
    return s->data != NULL;
}

static StateSection *find_section(GPtrArray *list, const LoadedSection *want)
{
    for (guint i = 0; i < list->len; i++) {
        StateSection *s = g_ptr_array_index(list, i);

        if (strcmp(s->path, want->path) == 0 &&
            strcmp(s->state->name, want->name) == 0) {
            return s;
        }
    }
    return NULL;
}

/* Does the stream fit this machine? Nothing is changed yet. */
static bool check_all(GPtrArray *list, GPtrArray *loaded, Error **errp)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < loaded->len; i++) {
        LoadedSection *l = g_ptr_array_index(loaded, i);

        l->target = find_section(list, l);
        if (!l->target && l->optional) {
            continue; /* another back end here, or a later program's */
        }
        if (!l->target) {
            error_set(errp, "this machine has no '%s' at %s", l->name, l->path);
            return false;
        }
        if (!g_hash_table_add(seen, l->target)) {
            error_set(errp, "section '%s' of %s comes twice", l->name, l->path);
            return false;
        }
        if (l->version > (uint32_t)l->target->state->version ||
            l->version < (uint32_t)MAX(1, l->target->state->min_version)) {
            error_set(errp,
                      "section '%s' of %s has version %u, this program "
                      "knows %d to %d",
                      l->name, l->path, l->version,
                      MAX(1, l->target->state->min_version),
                      l->target->state->version);
            return false;
        }
    }
    for (guint i = 0; i < list->len; i++) {
        StateSection *s = g_ptr_array_index(list, i);

        if (!g_hash_table_contains(seen, s) && !s->state->optional) {
            error_set(errp, "the stream has no '%s' for %s", s->state->name,
                      s->path);
            return false;
        }
    }
    return true;
}

bool sections_apply(Machine *m, GPtrArray *loaded, Error **errp)
{
    g_autoptr(GPtrArray) list = migration_sections(m);

    if (!check_all(list, loaded, errp)) {
        return false;
    }
    for (guint i = 0; i < loaded->len; i++) {
        LoadedSection *l = g_ptr_array_index(loaded, i);

        if (l->target && !vmstate_load(l->target->state, l->target->obj,
                                       l->version, l->data, l->len, errp)) {
            error_prefix(errp, "%s: ", l->path);
            return false;
        }
    }
    for (guint i = 0; i < m->cpus->len; i++) {
        if (!cpu_env_loaded(g_ptr_array_index(m->cpus, i), errp)) {
            return false;
        }
    }
    return true;
}
