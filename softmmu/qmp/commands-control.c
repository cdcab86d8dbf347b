/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about the session and the program: schema/control.json.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "internal.h"

bool qmp_qmp_capabilities(Monitor *mon, const QmpCapabilitiesArgs *a,
                          Error **errp)
{
    for (size_t i = 0; a->enable && i < a->enable->n; i++) {
        if (mon->ctx == mon->m->loop) {
            error_set(errp, "Capability oob disabled for this monitor: it "
                            "shares a multiplexed character device");
            return false;
        }
        mon->oob = true; /* the only one there is */
    }
    __atomic_store_n(&mon->negotiated, true, __ATOMIC_RELEASE);
    return true;
}

VersionInfo *qmp_query_version(Machine *m, Error **errp)
{
    VersionInfo *info = g_new0(VersionInfo, 1);

    info->qemu = g_new0(VersionTriple, 1);
    *info->qemu = (VersionTriple){ 10, 0, 0 };
    info->package = g_strdup("Tandem " TANDEM_VERSION);
    return info;
}

CommandInfoList *qmp_query_commands(Machine *m, Error **errp)
{
    CommandInfoList *list = NULL;

    for (const QCommand *c = qmp_commands; c->name; c++) {
        CommandInfo *info = g_new0(CommandInfo, 1);

        info->name = g_strdup(c->name);
        qlist_append(&qtype_list_command_info, &list, &info);
    }
    return list;
}

json_object *qmp_query_qmp_schema(Machine *m, Error **errp)
{
    json_object *schema = json_tokener_parse(qmp_schema_json);

    assert(schema); /* made by scripts/schema.py */
    return schema;
}

bool qmp_quit(Machine *m, Error **errp)
{
    machine_request_shutdown(m, CAUSE_HOST_QMP_QUIT, 0);
    return true;
}

char *qmp_human_monitor_command(Machine *m, const HumanMonitorCommandArgs *a,
                                Error **errp)
{
    if (a->has_cpu_index && !cpu_by_index(m, a->cpu_index)) {
        error_set(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    return hmp_execute_on(m, a->command_line,
                          a->has_cpu_index ? a->cpu_index : 0);
}

bool qmp_getfd(Monitor *mon, const GetfdArgs *a, Error **errp)
{
    int fd = mon ? monitor_take_fd(mon) : -1;

    if (fd < 0) {
        error_set(errp, "No file descriptor supplied via SCM_RIGHTS");
        return false;
    }
    if (g_ascii_isdigit(a->fdname[0])) {
        close(fd);
        error_set(errp, "Parameter 'fdname' expects a name not starting with "
                        "a digit");
        return false;
    }
    monitor_put_named_fd(mon, a->fdname, fd);
    return true;
}

bool qmp_closefd(Monitor *mon, const ClosefdArgs *a, Error **errp)
{
    int fd = monitor_take_named_fd(NULL, mon, a->fdname, errp);

    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

NameInfo *qmp_query_name(Machine *m, Error **errp)
{
    NameInfo *info = g_new0(NameInfo, 1);

    info->name = g_strdup(m->config.name);
    return info;
}

UuidInfo *qmp_query_uuid(Machine *m, Error **errp)
{
    UuidInfo *info = g_new0(UuidInfo, 1);
    const uint8_t *u = m->config.uuid;

    info->UUID = g_strdup_printf(
        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
        u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
        u[11], u[12], u[13], u[14], u[15]);
    return info;
}

KvmInfo *qmp_query_kvm(Machine *m, Error **errp)
{
    KvmInfo *info = g_new0(KvmInfo, 1);
    bool here = strcmp(accel_ops(m)->accel_name, "kvm") == 0;

    *info = (KvmInfo){ .enabled = here,
                       .present = access("/dev/kvm", R_OK | W_OK) == 0 };
    return info;
}

TargetInfo *qmp_query_target(Machine *m, Error **errp)
{
    TargetInfo *info = g_new0(TargetInfo, 1);

    info->arch = g_strdup(m->view.arch);
    return info;
}
