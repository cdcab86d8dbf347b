/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only place that ends the process. */
#include "tandem/base.h"

#include "accel/qtest.h"
#include "cli/cli.h"
#include "softmmu/base/rcu.h"
#include "softmmu/gdbstub/gdbstub.h"
#include "softmmu/migration/migration.h"
#include "softmmu/qmp/monitor.h"
#include "softmmu/semihost/semihost.h"
#include "types.h"

static bool parse(StartPlan *p, int argc, char **argv, Error **errp)
{
    bool ok = p->who.arch ? cli_parse(p, argc, argv, errp)
                          : cli_verb(p, argc, argv, errp);

    p->view = (TypeView){ p->reg, p->who.arch };
    return ok;
}

static bool start(StartPlan *p, Error **errp)
{
    if (p->daemonize && !process_daemonize(p, errp)) {
        return false;
    }
    rcu_thread_register();
    for (const StartPhase *phase = start_phases; phase->name; phase++) {
        bool ok, locked = p->m != NULL;

        if (locked) {
            machine_lock(p->m);
        }
        ok = phase->run(p, errp);
        if (locked) {
            machine_unlock(p->m);
        }
        if (!ok || p->done) {
            return ok;
        }
    }
    return true;
}

/* Take down what start() has made, in the reverse order. */
static void stop(StartPlan *p)
{
    if (p->m && p->m->migration) {
        migration_free(p->m->migration);
    }
    if (p->semihost) {
        machine_lock(p->m);
        semihost_free(p->semihost);
        machine_unlock(p->m);
    }
    if (p->gdb_server) {
        machine_lock(p->m);
        gdb_server_free(p->gdb_server);
        machine_unlock(p->m);
    }
    if (p->qtest_server) {
        qtest_server_free(p->qtest_server);
    }
    if (p->hub) {
        monitor_hub_free(p->hub);
    }
    if (p->m) {
        machine_free(p->m);
    }
    process_remove_pidfile(p);
}

int main(int argc, char **argv)
{
    int used, status = 1;
    Error *err = NULL;
    StartPlan p = { .who = personality_from_argv(argc, argv, &used),
                    .signal_fd = -1,
                    .ready_fd = -1 };

    process_prompt_timers();
    error_set_program(p.who.program);
    p.reg = type_registry_new(all_types);
    if (!parse(&p, argc - used, argv + used, &err) ||
        (!p.done && !start(&p, &err))) {
        error_report(err);
        error_free(err);
    } else if (p.done) {
        status = 0;
    } else {
        process_watch_signals(&p);
        process_ready(&p);
        loop_run(p.m->loop);
        status = p.m->exit_code;
        process_unwatch_signals(&p);
    }
    stop(&p);
    return status;
}
