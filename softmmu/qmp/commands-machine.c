/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run state, CPUs, machines and memory: schema/machine.json. */
#include "tandem/base.h"

#include <fcntl.h>

#include "accel/accel.h"
#include "internal.h"
#include "softmmu/backend/block.h"
#include "softmmu/backend/socket.h"
#include "softmmu/loop/iothread.h"
#include "softmmu/memory/backend.h"
#include "softmmu/migration/migration.h"

StatusInfo *qmp_query_status(Machine *m, Error **errp)
{
    StatusInfo *info = g_new0(StatusInfo, 1);
    int status = qenum_parse(&qtype_run_state, run_state_name(m->state));

    *info = (StatusInfo){ .running = machine_running(m), .status = status };
    return info;
}

/* A machine that stands keeps its reason, which says what `cont` may do; but
 * what would start it by itself does so no more. */
bool qmp_stop(Machine *m, Error **errp)
{
    if (m->migration && migration_is_incoming(m->migration)) {
        migration_set_autostart(m->migration, false);
    } else if (machine_running(m) || m->state == RUN_STATE_SAVE_VM) {
        machine_stop(m, RUN_STATE_PAUSED);
    }
    return true;
}

bool qmp_cont(Machine *m, Error **errp)
{
    if (m->state == RUN_STATE_SHUTDOWN ||
        m->state == RUN_STATE_INTERNAL_ERROR ||
        m->state == RUN_STATE_GUEST_PANICKED) {
        error_set(errp, "Resetting the Virtual Machine is required");
        return false;
    }
    if (m->monitors && dump_active(m->monitors->dump)) {
        error_set(errp, "There is a dump in process, please wait.");
        return false;
    }
    if (m->state == RUN_STATE_FINISH_MIGRATE) { /* its state is being saved */
        error_set(errp, "Migration is not finalized yet");
        return false;
    }
    if (m->migration && migration_is_incoming(m->migration)) {
        migration_set_autostart(m->migration, true);
        return true;
    }
    if (!block_activate_all(m, errp)) {
        return false;
    }
    machine_cont(m);
    return true;
}

IOThreadInfoList *qmp_query_iothreads(Machine *m, Error **errp)
{
    GPtrArray *all = m->objects->children;
    IOThreadInfoList *list = NULL;

    for (guint i = 0; all && i < all->len; i++) {
        IOThread *io =
            object_try_cast(g_ptr_array_index(all, i), &iothread_type);
        IOThreadInfo *info;

        if (!io) {
            continue;
        }
        info = g_new0(IOThreadInfo, 1);
        *info = (IOThreadInfo){ .id = g_strdup(io->parent.name),
                                .thread_id = io->thread_id,
                                .poll_max_ns = io->poll_max_ns,
                                .poll_grow = io->poll_grow,
                                .poll_shrink = io->poll_shrink,
                                .aio_max_batch = io->max_batch };
        qlist_append(&qtype_list_iothread_info, &list, &info);
    }
    return list;
}

bool qmp_system_reset(Machine *m, Error **errp)
{
    machine_request_reset(m, CAUSE_HOST_QMP_SYSTEM_RESET);
    return true;
}

bool qmp_system_powerdown(Machine *m, Error **errp)
{
    machine_request_powerdown(m);
    return true;
}

bool qmp_system_wakeup(Machine *m, Error **errp)
{
    error_set(errp, "wake-up from suspend is not supported by this guest");
    return false;
}

bool qmp_inject_nmi(Machine *m, Error **errp)
{
    CPUState *first = cpu_by_index(m, 0);

    if (!first || !first->type->nmi) {
        error_set(errp, "machine does not provide NMIs");
        return false;
    }
    for (guint i = 0; i < m->cpus->len; i++) {
        first->type->nmi(g_ptr_array_index(m->cpus, i));
    }
    return true;
}

CpuInfoFastList *qmp_query_cpus_fast(Machine *m, Error **errp)
{
    CpuInfoFastList *list = NULL;

    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);
        CpuInfoFast *info = g_new0(CpuInfoFast, 1);

        info->cpu_index = cpu->index;
        info->qom_path = object_path(cpu);
        info->thread_id = cpu->thread_id;
        info->props = g_new0(CpuInstanceProperties, 1);
        info->props->has_core_id = true;
        info->props->core_id = cpu->index;
        info->target = qenum_parse(&qtype_sys_emu_target, m->view.arch);
        qlist_append(&qtype_list_cpu_info_fast, &list, &info);
    }
    return list;
}

static char *default_cpu_type_name(Machine *m, const MachineType *t)
{
    g_autoptr(GPtrArray) cpus = type_list(m->view, &cpu_type, false);

    for (guint i = 0; i < cpus->len; i++) {
        const CpuType *c = g_ptr_array_index(cpus, i);

        if (g_strcmp0(c->model, t->default_cpu) == 0) {
            return g_strdup(c->name);
        }
    }
    return NULL;
}

MachineInfoList *qmp_query_machines(Machine *m, Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(m->view, &machine_type, false);
    MachineInfoList *list = NULL;

    for (guint i = 0; i < types->len; i++) {
        const MachineType *t = g_ptr_array_index(types, i);
        MachineInfo *info = g_new0(MachineInfo, 1);

        info->name = g_strdup(t->machine_name);
        if (t->machine_aliases && t->machine_aliases[0]) {
            info->alias = g_strdup(t->machine_aliases[0]);
        }
        info->has_is_default = info->is_default = t->is_default;
        info->cpu_max = MAX(t->max_cpus, 1);
        info->default_cpu_type = default_cpu_type_name(m, t);
        info->default_ram_id = g_strdup(t->default_ram_id);
        qlist_append(&qtype_list_machine_info, &list, &info);
    }
    return list;
}

CurrentMachineParams *qmp_query_current_machine(Machine *m, Error **errp)
{
    return g_new0(CurrentMachineParams, 1);
}

MemoryInfo *qmp_query_memory_size_summary(Machine *m, Error **errp)
{
    MemoryInfo *info = g_new0(MemoryInfo, 1);

    info->base_memory = m->ram ? m->config.ram_size : 0;
    info->has_plugged_memory = true;
    return info;
}

MemdevList *qmp_query_memdev(Machine *m, Error **errp)
{
    GPtrArray *all = m->objects->children;
    MemdevList *list = NULL;

    for (guint i = 0; all && i < all->len; i++) {
        MemoryBackend *b =
            object_try_cast(g_ptr_array_index(all, i), &memory_backend_type);
        Memdev *info;

        if (!b) {
            continue;
        }
        info = g_new0(Memdev, 1);
        info->id = g_strdup(OBJECT(b)->name);
        info->size = b->config.size;
        info->merge = b->config.merge;
        info->dump = b->config.dump;
        info->prealloc = b->prealloc;
        info->share = b->config.shared;
        info->policy = (HostMemPolicy)b->policy; /* MPOL_* have its order */
        for (uint16_t n = 0; n < MEMORY_HOST_NODES; n++) {
            if (b->host_nodes[n / 64] & BIT(n % 64)) {
                qlist_append(&qtype_list_u16, &info->host_nodes, &n);
            }
        }
        qlist_append(&qtype_list_memdev, &list, &info);
    }
    return list;
}

static void add_unavailable(Machine *m, const CpuType *t,
                            CpuDefinitionInfo *info)
{
    g_autoptr(Object) cpu = t->unavailable ? object_new(t) : NULL;
    g_auto(GStrv) names = cpu ? t->unavailable((CPUState *)cpu, m) : NULL;

    if (names) { /* an empty list says that it will run */
        info->unavailable_features = json_object_new_array();
    }
    for (char **n = names; n && *n; n++) {
        json_object_array_add(info->unavailable_features,
                              json_object_new_string(*n));
    }
}

CpuDefinitionInfoList *qmp_query_cpu_definitions(Machine *m, Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(m->view, &cpu_type, false);
    CpuDefinitionInfoList *list = NULL;

    for (guint i = 0; i < types->len; i++) {
        const CpuType *t = g_ptr_array_index(types, i);
        CpuDefinitionInfo *info = g_new0(CpuDefinitionInfo, 1);

        info->name = g_strdup(t->model);
        info->typename = g_strdup(t->name);
        info->alias_of = g_strdup(t->alias_of);
        if (t->unavailable) { /* a target that tells */
            info->has_migration_safe = true;
            info->migration_safe = !t->unmovable;
            info->q_static = strcmp(t->model, "base") == 0; /* for ever */
            add_unavailable(m, t, info);
        }
        qlist_append(&qtype_list_cpu_definition_info, &list, &info);
    }
    return list;
}

/* Copy [addr, addr + size) of guest memory to a new file, a piece a time. */
static bool
save_memory(Machine *m, const char *filename, uint64_t addr, uint64_t size,
            bool (*get)(void *opaque, uint64_t addr, void *buf, uint64_t len),
            void *opaque, Error **errp)
{
    int fd = path_open(m, filename, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    uint8_t buf[4096];
    bool ok = true;

    if (fd < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", filename);
        return false;
    }
    while (ok && size > 0) {
        uint64_t n = MIN(size, sizeof(buf));

        if (!get(opaque, addr, buf, n)) {
            error_set(errp,
                      "Invalid addr 0x%016" PRIx64 "/size %" PRIu64
                      " specified",
                      addr, size);
            ok = false;
        } else if (write(fd, buf, n) != (ssize_t)n) {
            error_set_errno(errp, errno, "writing '%s' failed", filename);
            ok = false;
        }
        addr += n;
        size -= n;
    }
    close(fd);
    return ok;
}

static bool get_virtual(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
    return cpu_debug_rw(opaque, addr, buf, len, false);
}

static bool get_physical(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
    Machine *m = opaque;
    MemAttrs attrs = { .debug = true };

    return address_space_read(&m->memory, addr, attrs, buf, len) == MEM_OK;
}

bool qmp_memsave(Machine *m, const MemsaveArgs *a, Error **errp)
{
    CPUState *cpu = cpu_by_index(m, a->has_cpu_index ? a->cpu_index : 0);
    bool running = machine_running(m), ok;

    if (!cpu) {
        error_set(errp, "Parameter 'cpu-index' expects a CPU number");
        return false;
    }
    cpus_pause_all(m); /* its registers say how to translate */
    ok = save_memory(m, a->filename, a->val, a->size, get_virtual, cpu, errp);
    if (running) {
        cpus_resume_all(m);
    }
    return ok;
}

bool qmp_pmemsave(Machine *m, const PmemsaveArgs *a, Error **errp)
{
    if (a->val + a->size < a->val) {
        error_set(errp, "size 0x%" PRIx64 " is beyond guest memory", a->size);
        return false;
    }
    return save_memory(m, a->filename, a->val, a->size, get_physical, m, errp);
}

bool qmp_set_action(Machine *m, const SetActionArgs *a, Error **errp)
{
    static const PanicAction panic[] = {
        [PANIC_ACTION_NAME_PAUSE] = PANIC_PAUSE,
        [PANIC_ACTION_NAME_SHUTDOWN] = PANIC_SHUTDOWN,
        [PANIC_ACTION_NAME_EXIT_FAILURE] = PANIC_EXIT_FAILURE,
        [PANIC_ACTION_NAME_NONE] = PANIC_NONE,
    };

    if (a->has_reboot) {
        m->actions.reboot_shutdown = a->reboot == REBOOT_ACTION_SHUTDOWN;
    }
    if (a->has_shutdown) {
        m->actions.shutdown_pause = a->shutdown == SHUTDOWN_ACTION_PAUSE;
    }
    if (a->has_panic) {
        m->actions.panic = panic[a->panic];
    }
    if (a->has_watchdog) {
        m->actions.watchdog = a->watchdog;
    }
    return true;
}
