/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only place that ends the process. */
#include "tandem/base.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "accel/qtest.h"
#include "cli/cli.h"
#include "softmmu/base/rcu.h"
#include "softmmu/qmp/monitor.h"
#include "types.h"

static void signal_arrived(void *opaque)
{
    StartPlan *p = opaque;
    struct signalfd_siginfo info;

    if (read(p->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        machine_request_shutdown(p->m, CAUSE_HOST_SIGNAL, 0);
    }
}

/* SIGINT, SIGTERM and SIGHUP become a clean shutdown (DECISIONS 17). */
static void watch_signals(StartPlan *p)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    loop_set_fd(p->m->loop, p->signal_fd, signal_arrived, NULL, p);
}

static void unwatch_signals(StartPlan *p)
{
    loop_set_fd(p->m->loop, p->signal_fd, NULL, NULL, NULL);
    close(p->signal_fd);
}

static bool start(StartPlan *p, Error **errp)
{
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

int main(int argc, char **argv)
{
    int used, status = 1;
    Error *err = NULL;
    StartPlan p = { .who = personality_from_argv(argc, argv, &used),
                    .signal_fd = -1 };

    error_set_program(p.who.program);
    rcu_thread_register();
    p.reg = type_registry_new(all_types);
    p.view = (TypeView){ p.reg, p.who.arch ? p.who.arch : "riscv64" };
    if (!cli_parse(&p, argc - used, argv + used, &err) ||
        (!p.done && !start(&p, &err))) {
        error_report(err);
        error_free(err);
    } else if (p.done) {
        status = 0;
    } else {
        watch_signals(&p);
        loop_run(p.m->loop);
        status = p.m->exit_code;
        unwatch_signals(&p);
    }
    if (p.qtest_server) {
        qtest_server_free(p.qtest_server);
    }
    if (p.hub) {
        monitor_hub_free(p.hub);
    }
    if (p.m) {
        if (p.signal_fd >= 0) {
            loop_set_fd(p.m->loop, p.signal_fd, NULL, NULL, NULL);
            close(p.signal_fd);
        }
        machine_free(p.m);
    }
    return status;
}
