/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine object: its tree, memory, CPUs and start. */
#include "tandem/base.h"

#include "accel/accel.h"
#include "softmmu/backend/drive.h"
#include "softmmu/backend/socket.h"
#include "softmmu/backend/yank.h"
#include "softmmu/machine/cpu.h"
#include "softmmu/machine/job.h"
#include "softmmu/machine/machine.h"
#include "softmmu/memory/backend.h"

void machine_lock(Machine *m)
{
    lock_acquire(&m->lock);
}

void machine_unlock(Machine *m)
{
    lock_release(&m->lock);
}

bool machine_locked(const Machine *m)
{
    return lock_held(&m->lock);
}

/* --- notifiers --- */

void notifier_add(GPtrArray *list, Notifier *n)
{
    g_ptr_array_add(list, n);
}

void notifier_remove(GPtrArray *list, Notifier *n)
{
    g_ptr_array_remove(list, n);
}

void notifier_call(GPtrArray *list, void *data)
{
    for (guint i = 0; i < list->len; i++) {
        Notifier *n = g_ptr_array_index(list, i);

        n->fn(n, data);
    }
}

void machine_event(Machine *m, const char *name, json_object *data)
{
    MachineEvent ev = { name, data };

    notifier_call(m->on_event, &ev);
    json_object_put(data);
}

/* --- life --- */

static Object *add_container(Object *parent, const char *name)
{
    Object *obj = object_new(&container_type);
    bool ok = object_add_child(parent, name, obj, NULL);

    assert(ok);
    object_unref(obj); /* the tree's reference keeps it */
    return obj;
}

static void machine_init_tree(Machine *m)
{
    bool ok;

    m->root = object_new(&container_type);
    ok = object_add_child(m->root, "machine", m, NULL);
    assert(ok);
    m->objects = add_container(m->root, "objects");
    m->chardevs = add_container(m->root, "chardevs");
    m->backend = add_container(m->root, "backend");
    m->peripheral = add_container(OBJECT(m), "peripheral");
    m->peripheral_anon = add_container(OBJECT(m), "peripheral-anon");
    m->unattached = add_container(OBJECT(m), "unattached");
}

Machine *machine_new(const MachineType *type, TypeView view)
{
    Machine *m = (Machine *)object_new(type);

    m->type = type;
    m->view = view;
    m->state = RUN_STATE_PRELAUNCH;
    lock_init(&m->lock);
    lock_init(&m->exclusive_lock);
    cond_init(&m->exclusive_done);
    m->clocks = clocks_new();
    m->gate = event_gate_new(m->clocks);
    m->loop = loop_context_new("main", &m->lock, m->clocks);
    m->ms = memory_system_new(&m->lock);
    m->fdsets = fdsets_new();
    m->yank = yank_list_new();
    m->cpus = g_ptr_array_new();
    m->boot_devices = g_ptr_array_new_with_free_func(g_free);
    m->config.boot_splash_ms = -1;
    m->config.boot_timeout_ms = -2;
    m->on_state = g_ptr_array_new();
    m->on_reset = g_ptr_array_new();
    m->on_powerdown = g_ptr_array_new();
    m->on_event = g_ptr_array_new();
    m->on_migration = g_ptr_array_new();
    m->config.serial = g_ptr_array_new();
    m->config.firmware_paths = g_ptr_array_new_with_free_func(g_free);
    m->config.drives = g_ptr_array_new();
    m->config.nics = g_ptr_array_new();
    m->config.cpus = type->default_cpus ? type->default_cpus : 1;
    m->config.max_cpus = m->config.cpus;
    m->config.ram_size = type->default_ram_size;
    m->config.rtc_clock = CLOCK_HOST;
    machine_init_tree(m);
    memory_region_init(&m->system, m, "system", UINT64_MAX);
    machine_lock(m); /* address spaces are made under it */
    address_space_init(&m->memory, m->ms, &m->system, "memory");
    memory_region_init(&m->io, m, "io", 64 * KiB);
    address_space_init(&m->io_space, m->ms, &m->io, "I/O");
    machine_unlock(m);
    return m;
}

/* Unplug a container's devices, last made first. */
static void unplug_all(Object *container)
{
    while (container->children && container->children->len > 0) {
        Object *last = g_ptr_array_index(container->children,
                                         container->children->len - 1);

        if (type_is_a(last->type, &device_type)) {
            device_unplug((DeviceState *)last);
        } else {
            object_unparent(last);
        }
    }
}

static void unmap_below(MemoryRegion *root)
{
    while (root->children && root->children->len > 0) {
        memory_region_del(root, g_ptr_array_index(root->children, 0));
    }
}

/* What the board mapped itself: RAM, ROMs, aliases. */
static void unmap_all(Machine *m)
{
    memory_begin(m->ms);
    unmap_below(&m->system);
    unmap_below(&m->io);
    memory_commit(m->ms);
    if (m->ram) {
        memory_backend_release(m->ram);
        m->ram = NULL;
    }
}

/* At the end nobody hears a line any more: who drives one while it is reset
 * may outlive who listened. */
static int disconnect_lines(Object *obj, void *opaque)
{
    DeviceState *dev = object_try_cast(obj, &device_type);

    for (guint i = 0; dev && dev->irqs_out && i < dev->irqs_out->len; i++) {
        IrqLine *line = g_ptr_array_index(dev->irqs_out, i);

        line->fn = NULL;
    }
    return 0;
}

void machine_free(Machine *m)
{
    Object *root = m->root;

    machine_lock(m);
    m->built = false; /* no DEVICE_DELETED for the end of it all */
    cpus_pause_all(m);
    block_system_end_waits(m);
    jobs_free(m);
    object_walk(OBJECT(m), disconnect_lines, NULL);
    while (m->cpus->len > 0) {
        CPUState *cpu = g_ptr_array_index(m->cpus, m->cpus->len - 1);

        device_unplug(&cpu->parent);
        /* Unrealize has taken it off the list, if it was realized at all. */
        g_ptr_array_remove(m->cpus, cpu);
    }
    unplug_all(m->peripheral_anon);
    unplug_all(m->peripheral);
    unplug_all(m->unattached);
    block_system_free(m);
    unmap_all(m);
    machine_unlock(m);
    object_unparent(m);
    object_unref(root);
    object_unref(m);
}

/* Some of the strings are properties too, which are released afterwards. */
static void config_free(MachineConfig *c)
{
    g_clear_pointer(&c->kernel, g_free);
    g_clear_pointer(&c->initrd, g_free);
    g_clear_pointer(&c->append, g_free);
    g_clear_pointer(&c->dtb, g_free);
    g_clear_pointer(&c->bios, g_free);
    g_clear_pointer(&c->dumpdtb, g_free);
    g_clear_pointer(&c->cpu_model, g_free);
    g_clear_pointer(&c->ram_backend, g_free);
    g_clear_pointer(&c->name, g_free);
    g_clear_pointer(&c->rtc_base, g_free);
    g_ptr_array_unref(c->serial);
    g_ptr_array_unref(c->firmware_paths);
    g_ptr_array_unref(c->drives);
    g_ptr_array_unref(c->nics);
}

static void machine_finalize(Object *obj)
{
    Machine *m = (Machine *)obj;

    if (!m->clocks) {
        return; /* made for its properties only: help texts */
    }
    if (m->accel) { /* it listens to memory; no vCPU is left */
        if (m->accel->ops->machine_free) {
            m->accel->ops->machine_free(m->accel);
        }
        object_unref(m->accel);
    }
    address_space_destroy(&m->io_space);
    memory_region_destroy(&m->io);
    address_space_destroy(&m->memory);
    memory_region_destroy(&m->system);
    memory_system_free(m->ms);
    fdsets_free(m->fdsets);
    yank_list_free(m->yank);
    loop_context_free(m->loop);
    event_gate_free(m->gate);
    clocks_free(m->clocks);
    g_ptr_array_unref(m->cpus);
    g_ptr_array_unref(m->on_state);
    g_ptr_array_unref(m->boot_devices);
    g_ptr_array_unref(m->on_reset);
    g_ptr_array_unref(m->on_powerdown);
    g_ptr_array_unref(m->on_event);
    g_ptr_array_unref(m->on_migration);
    config_free(&m->config);
    cond_destroy(&m->exclusive_done);
    lock_destroy(&m->exclusive_lock);
    lock_destroy(&m->lock);
}

/* --- building --- */

static bool make_ram(Machine *m, Error **errp)
{
    const char *id = m->config.ram_backend;

    if (!m->type->default_ram_id || m->config.ram_size == 0) {
        return true;
    }
    if (id && !m->config.ram_size_set) {
        m->config.ram_size = memory_backend_size(m, id, errp);
        if (m->config.ram_size == 0) {
            return false;
        }
    } else if (!id) {
        id = m->type->default_ram_id;
        if (!memory_backend_new_default(m, id, m->config.ram_size, errp)) {
            return false;
        }
    }
    m->ram = memory_backend_claim(m, id, m->config.ram_size, errp);
    if (!m->ram) {
        return false;
    }
    if (m->ram->ram->readonly) {
        error_set(errp, "memory backend %s is read-only: it cannot be RAM", id);
        return false;
    }
    if (!m->config.dump_ram) {
        object_set_bool(object_child(m->objects, id), "dump", false);
    }
    if (!m->config.merge_ram) {
        object_set_bool(object_child(m->objects, id), "merge", false);
    }
    return true;
}

bool machine_build(Machine *m, Error **errp)
{
    assert(machine_locked(m) && m->accel);
    if (m->config.cpus > m->type->max_cpus) {
        error_set(errp,
                  "Invalid SMP CPUs %u. The max CPUs supported by "
                  "machine '%s' is %u",
                  m->config.cpus, m->type->machine_name, m->type->max_cpus);
        return false;
    }
    if (m->config.usb) {
        error_set(errp, "machine '%s' has no USB controller",
                  m->type->machine_name);
        return false;
    }
    return make_ram(m, errp) && m->type->build(m, errp);
}

bool machine_finish(Machine *m, Error **errp)
{
    if (m->type->finish && !m->type->finish(m, errp)) {
        return false;
    }
    m->built = true;
    machine_reset(m, CAUSE_NONE);
    return true;
}

/* "rv64,zba=off" -> the model's name; the rest are properties. */
static char *cpu_model_name(Machine *m)
{
    const char *model =
        m->config.cpu_model ? m->config.cpu_model : m->type->default_cpu;

    return model ? g_strndup(model, strcspn(model, ",")) : NULL;
}

const CpuType *machine_cpu_type(Machine *m, Error **errp)
{
    g_autofree char *name = cpu_model_name(m);
    g_autoptr(GPtrArray) types = type_list(m->view, &cpu_type, false);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < types->len; i++) {
        const CpuType *t = g_ptr_array_index(types, i);

        /* A machine without CPUs ("none"): any says what kind they are. */
        if (!name || strcmp(t->model, name) == 0 ||
            strcmp(t->name, name) == 0) {
            return t;
        }
        g_ptr_array_add(names, (void *)t->model);
    }
    g_ptr_array_add(names, NULL);
    error_set(errp, "unable to find CPU model '%s'", name ? name : "");
    error_suggest(errp, name ? name : "", (const char *const *)names->pdata);
    return NULL;
}

/* One "name=value" or "name" of -cpu; "+name" and "-name" when @signs. CPU
 * models of old write names with underscores. */
static bool set_cpu_option(CPUState *cpu, const char *text, bool signs,
                           Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(text, "=", 2);
    char *name = parts[0] ? parts[0] : (char *)"";
    const char *value = parts[0] && parts[1] ? parts[1] : "on";
    bool sign = cpu->type->plus_minus && (*name == '+' || *name == '-');

    if (sign != signs) {
        return true;
    }
    if (sign) {
        value = *name++ == '+' ? "on" : "off";
    }
    if (cpu->type->plus_minus) {
        g_strdelimit(name, "_", '-');
    }
    return object_set_text(cpu, name, value, errp);
}

/* "+name" and "-name" come last, wherever they stand. */
static bool set_cpu_options(CPUState *cpu, const char *model, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(model ? model : "", ",", -1);

    for (int signs = 0; signs < 2; signs++) {
        for (char **w = words; *w && *++w;) {
            if (!set_cpu_option(cpu, *w, signs, errp)) {
                return false;
            }
        }
    }
    return true;
}

CPUState *machine_new_cpu(Machine *m, int index, Error **errp)
{
    const CpuType *type = machine_cpu_type(m, errp);
    DevicePlace place = { .parent = OBJECT(m), .name = "cpu[*]" };
    CPUState *cpu;

    if (!type) {
        return NULL;
    }
    cpu = (CPUState *)device_new(m, type, &place, errp);
    if (!cpu) {
        return NULL;
    }
    cpu->type = type;
    cpu->index = index;
    cpu->id = index;
    cpu->memory = &m->memory;
    cpu->env = m->accel->ops->env_alloc(m->accel, cpu, type->env_size);
    g_ptr_array_add(m->cpus, cpu);
    if (!set_cpu_options(cpu, m->config.cpu_model, errp)) {
        return NULL; /* the caller gives the machine up */
    }
    return cpu;
}

/* --- firmware --- */

static const char *const firmware_dirs[] = {
    "/usr/share/qemu",
    "/usr/share/seabios",
    "/usr/lib/riscv64-linux-gnu/opensbi/generic",
    "/usr/lib/riscv32-linux-gnu/opensbi/generic",
    "/usr/lib/u-boot",
    NULL,
};

const char *const *machine_firmware_dirs(void)
{
    return firmware_dirs;
}

static char *try_firmware(const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);

    if (access(path, R_OK) == 0) {
        return path;
    }
    g_free(path);
    return NULL;
}

char *machine_find_firmware(Machine *m, const char *name)
{
    GPtrArray *paths = m->config.firmware_paths;

    if (access(name, R_OK) == 0) {
        return g_strdup(name);
    }
    if (strchr(name, '/') && name[0] == '/') {
        return NULL;
    }
    for (guint i = 0; i < paths->len; i++) {
        char *found = try_firmware(g_ptr_array_index(paths, i), name);

        if (found) {
            return found;
        }
    }
    for (size_t i = 0; firmware_dirs[i]; i++) {
        char *found = try_firmware(firmware_dirs[i], name);

        if (found) {
            return found;
        }
    }
    return NULL;
}

/* --- types --- */

const ObjectType container_type = {
    .name = "container",
    .parent = &object_type,
    .size = sizeof(Object),
};

/* What -machine takes on every board; the values are config's. */
static const Property machine_props[] = {
    PROP(str, Machine, config.kernel, "kernel", NULL,
         "Linux kernel image file"),
    PROP(str, Machine, config.initrd, "initrd", NULL,
         "Linux initial ramdisk file"),
    PROP(str, Machine, config.append, "append", NULL,
         "Linux kernel command line"),
    PROP(str, Machine, config.dtb, "dtb", NULL,
         "Linux kernel device tree file"),
    PROP(str, Machine, config.dumpdtb, "dumpdtb", NULL,
         "write the device tree to this file and exit"),
    PROP(str, Machine, config.bios, "firmware", NULL, "firmware image"),
    PROP(str, Machine, config.ram_backend, "memory-backend", NULL,
         "id of the memory backend that is main memory"),
    PROP(bool, Machine, config.dump_ram, "dump-guest-core", "on",
         "main memory is part of a core dump of this process"),
    PROP(bool, Machine, config.merge_ram, "mem-merge", "on",
         "the host may merge equal pages of main memory"),
    PROP(bool, Machine, config.usb, "usb", "off", "have a USB controller"),
    { 0 },
};

const MachineType machine_type = {
    .name = "machine",
    .parent = &object_type,
    .size = sizeof(Machine),
    .abstract = true,
    .finalize = machine_finalize,
    .props = machine_props,
};

/* Here and not in accel/, as machine_types lists it. */
const AccelOps accel_type = {
    .name = "accel",
    .parent = &object_type,
    .size = sizeof(AccelState),
    .abstract = true,
};

const ObjectType *const machine_types[] = {
    &object_type,   &container_type,    TYPE(device_type), TYPE(bus_type),
    TYPE(cpu_type), TYPE(machine_type), TYPE(accel_type),  NULL,
};
