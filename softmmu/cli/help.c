/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "help" prints, from the type lists. Scripts parse these. */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/base/trace.h"
#include "softmmu/machine/cpu.h"

/* Call @fn for each concrete type below @ancestor, by name. */
static void each_type(TypeView view, const void *ancestor,
                      void (*fn)(const ObjectType *type))
{
    g_autoptr(GPtrArray) types = type_list(view, ancestor, false);

    for (guint i = 0; i < types->len; i++) {
        fn(g_ptr_array_index(types, i));
    }
}

static void print_machine(const ObjectType *type)
{
    const MachineType *m = (const MachineType *)type;

    printf("%-20s %s%s\n", m->machine_name, m->description,
           m->is_default ? " (default)" : "");
    for (const char *const *a = m->machine_aliases; a && *a; a++) {
        printf("%-20s %s (alias of %s)\n", *a, m->description, m->machine_name);
    }
}

void help_machines(TypeView view)
{
    printf("Supported machines are:\n");
    each_type(view, &machine_type, print_machine);
}

static void print_cpu(const ObjectType *type)
{
    printf("  %s\n", ((const CpuType *)type)->model);
}

void help_cpus(TypeView view)
{
    printf("Available CPUs:\n");
    each_type(view, &cpu_type, print_cpu);
}

static void print_accel(const ObjectType *type)
{
    printf("%s\n", ((const AccelOps *)type)->accel_name);
}

void help_accels(TypeView view)
{
    printf("Accelerators supported in QEMU binary:\n");
    each_type(view, &accel_type, print_accel);
}

static const char *const categories[DEVICE_CATEGORIES] = {
    [DEVICE_MISC] = "Misc",       [DEVICE_BRIDGE] = "Controller/Bridge/Hub",
    [DEVICE_USB] = "USB",         [DEVICE_STORAGE] = "Storage",
    [DEVICE_NETWORK] = "Network", [DEVICE_INPUT] = "Input",
    [DEVICE_DISPLAY] = "Display", [DEVICE_SOUND] = "Sound",
    [DEVICE_CPU] = "CPU",         [DEVICE_WATCHDOG] = "Watchdog",
};

static void print_device(const DeviceType *d)
{
    const BusType *bus = TYPE_METHOD(TYPE(*d), device_type, DeviceType, bus);

    printf("name \"%s\"", d->name);
    if (bus) {
        printf(", bus %s", bus->name);
    }
    for (const char *const *a = d->aliases; a && *a; a++) {
        printf(", alias \"%s\"", *a);
    }
    if (d->description) {
        printf(", desc \"%s\"", d->description);
    }
    printf("\n");
}

void help_devices(TypeView view)
{
    g_autoptr(GPtrArray) types = type_list(view, &device_type, false);

    for (int c = 0; c < DEVICE_CATEGORIES; c++) {
        bool titled = false;

        for (guint i = 0; i < types->len; i++) {
            const DeviceType *d = g_ptr_array_index(types, i);

            if (!d->user_creatable || (int)d->category != c) {
                continue;
            }
            if (!titled) {
                printf("%s%s devices:\n", c ? "\n" : "", categories[c]);
                titled = true;
            }
            print_device(d);
        }
    }
}

static void print_object(const ObjectType *type)
{
    printf("  %s\n", type->name);
}

void help_objects(TypeView view)
{
    printf("List of user creatable objects:\n");
    each_type(view, &user_creatable_type, print_object);
}

static void print_chardev(const ObjectType *type)
{
    if (g_str_has_prefix(type->name, "chardev-") &&
        strcmp(type->name, "chardev-mux") != 0) {
        printf("  %s\n", type->name + strlen("chardev-"));
    }
}

void help_chardevs(TypeView view)
{
    const ObjectType *base = type_find(view, "chardev");

    printf("Available chardev backend types: \n");
    if (base) {
        each_type(view, base, print_chardev);
    }
}

static void print_netdev(const ObjectType *type)
{
    printf("%s\n", type->name + strlen("netdev-"));
}

void help_netdevs(TypeView view)
{
    printf("Available netdev backend types:\n");
    each_type(view, type_find(view, "netdev"), print_netdev);
}

void help_log(void)
{
    printf("Log items (comma separated):\n");
    for (const LogClassInfo *c = log_classes(); c->name; c++) {
        printf("%-15s %s\n", c->name, c->help);
    }
    printf("%-15s %s\n", "trace:PATTERN", "enable trace events");
}

void help_trace(void)
{
    for (TraceEvent *const *ev = trace_events_all; *ev; ev++) {
        printf("%s\n", (*ev)->name);
    }
}

void help_firmware_paths(void)
{
    for (const char *const *dir = machine_firmware_dirs(); *dir; dir++) {
        printf("%s\n", *dir);
    }
}

static void print_property(const Property *prop, void *opaque)
{
    if (prop->flags & PROP_HIDDEN) {
        return;
    }
    printf("  %s=<%s>", prop->name, prop->type->schema);
    if (prop->description) {
        printf("%*s - %s",
               (int)MAX(0, 22 - (int)strlen(prop->name) -
                               (int)strlen(prop->type->schema)),
               "", prop->description);
    }
    if (prop->def) {
        printf(" (default: %s)", prop->def);
    }
    printf("\n");
}

bool help_properties(TypeView view, const char *name, const char *suffix,
                     Error **errp)
{
    const ObjectType *type = type_find(view, name);

    if (!type) {
        g_autofree char *full = g_strconcat(name, suffix, NULL);

        type = type_find(view, full);
    }
    if (!type) {
        error_set(errp, "'%s' is not a known type", name);
        return false;
    }
    printf("%s options:\n", name);
    if (type->abstract) {
        type_each_property(type, print_property, NULL);
    } else { /* an instance also has what it passes on to its parts */
        Object *obj = object_new(type);

        object_each_property(obj, print_property, NULL);
        object_unref(obj);
    }
    return true;
}
