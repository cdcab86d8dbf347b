/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run states and the requests that change them (DECISIONS 17, 18, 30). */
#include "tandem/base.h"

#include "accel/accel.h"
#include "softmmu/backend/block.h"
#include "softmmu/machine/machine.h"

const char *run_state_name(RunState s)
{
    static const char *const names[RUN_STATES] = {
        [RUN_STATE_PRELAUNCH] = "prelaunch",
        [RUN_STATE_RUNNING] = "running",
        [RUN_STATE_PAUSED] = "paused",
        [RUN_STATE_DEBUG] = "debug",
        [RUN_STATE_INMIGRATE] = "inmigrate",
        [RUN_STATE_FINISH_MIGRATE] = "finish-migrate",
        [RUN_STATE_POSTMIGRATE] = "postmigrate",
        [RUN_STATE_RESTORE_VM] = "restore-vm",
        [RUN_STATE_SAVE_VM] = "save-vm",
        [RUN_STATE_IO_ERROR] = "io-error",
        [RUN_STATE_INTERNAL_ERROR] = "internal-error",
        [RUN_STATE_GUEST_PANICKED] = "guest-panicked",
        [RUN_STATE_SHUTDOWN] = "shutdown",
        [RUN_STATE_SUSPENDED] = "suspended",
        [RUN_STATE_WATCHDOG] = "watchdog",
    };

    return names[s];
}

static const struct {
    const char *name;
    bool guest;
} causes[CAUSES] = {
    [CAUSE_NONE] = { "none", false },
    [CAUSE_HOST_ERROR] = { "host-error", false },
    [CAUSE_HOST_QMP_QUIT] = { "host-qmp-quit", false },
    [CAUSE_HOST_QMP_SYSTEM_RESET] = { "host-qmp-system-reset", false },
    [CAUSE_HOST_SIGNAL] = { "host-signal", false },
    [CAUSE_HOST_UI] = { "host-ui", false },
    [CAUSE_GUEST_SHUTDOWN] = { "guest-shutdown", true },
    [CAUSE_GUEST_RESET] = { "guest-reset", true },
    [CAUSE_GUEST_PANIC] = { "guest-panic", true },
    [CAUSE_SUBSYSTEM_RESET] = { "subsystem-reset", true },
    [CAUSE_SNAPSHOT_LOAD] = { "snapshot-load", false },
};

const char *shutdown_cause_name(ShutdownCause c)
{
    return causes[c].name;
}

bool shutdown_cause_is_guest(ShutdownCause c)
{
    return causes[c].guest;
}

#define TO(s) (1u << RUN_STATE_##s)
/* Where a state may go. A stopped VM may take part in saving and loading. */
enum {
    STOPPED_TO = TO(RUNNING) | TO(PAUSED) | TO(FINISH_MIGRATE) |
                 TO(POSTMIGRATE) | TO(PRELAUNCH) | TO(RESTORE_VM) |
                 TO(SAVE_VM) | TO(SHUTDOWN) | TO(INMIGRATE),
};
static const uint32_t transitions[RUN_STATES] = {
    [RUN_STATE_PRELAUNCH] = STOPPED_TO,
    [RUN_STATE_RUNNING] = ~TO(PRELAUNCH) & ~TO(INMIGRATE),
    [RUN_STATE_PAUSED] = STOPPED_TO,
    [RUN_STATE_DEBUG] = STOPPED_TO,
    [RUN_STATE_INMIGRATE] = STOPPED_TO | TO(INTERNAL_ERROR) | TO(IO_ERROR),
    /* a guest that ran would change what is being saved */
    [RUN_STATE_FINISH_MIGRATE] = STOPPED_TO & ~TO(RUNNING),
    [RUN_STATE_POSTMIGRATE] = STOPPED_TO,
    [RUN_STATE_RESTORE_VM] = STOPPED_TO,
    [RUN_STATE_SAVE_VM] = STOPPED_TO,
    [RUN_STATE_IO_ERROR] = STOPPED_TO,
    [RUN_STATE_INTERNAL_ERROR] =
        TO(PAUSED) | TO(FINISH_MIGRATE) | TO(PRELAUNCH),
    [RUN_STATE_GUEST_PANICKED] = STOPPED_TO,
    [RUN_STATE_SHUTDOWN] = TO(PAUSED) | TO(FINISH_MIGRATE) | TO(PRELAUNCH),
    [RUN_STATE_SUSPENDED] = STOPPED_TO,
    [RUN_STATE_WATCHDOG] = STOPPED_TO,
};
#undef TO

bool run_state_may_go(RunState from, RunState to)
{
    return from == to || (transitions[from] & (1u << to)) != 0;
}

bool machine_running(const Machine *m)
{
    /* iothreads ask as well; partner: set_state() */
    return __atomic_load_n(&m->state, __ATOMIC_ACQUIRE) == RUN_STATE_RUNNING;
}

static void set_state(Machine *m, RunState to)
{
    assert(run_state_may_go(m->state, to));
    __atomic_store_n(&m->state, to, __ATOMIC_RELEASE);
    notifier_call(m->on_state, &to);
}

/* The order of DECISIONS 30; notifiers quiesce iothreads and drain requests
 * in flight between the vCPUs' parking and the clocks' stop. */
void machine_stop(Machine *m, RunState why)
{
    assert(machine_locked(m));
    if (!machine_running(m)) {
        if (m->state != why && run_state_may_go(m->state, why)) {
            set_state(m, why);
        }
        return;
    }
    cpus_pause_all(m);
    if (!machine_running(m)) {
        return; /* somebody else stopped it while the lock was dropped */
    }
    event_gate_set_stopped(m->gate, true);
    set_state(m, why);
    clocks_set_running(m->clocks, false);
    machine_event(m, "STOP", NULL);
}

/* Whatever a CPU waited for was served. */
static void let_all_go(Machine *m)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        atomic_store(&cpu->awaits_stop, false);
    }
    cpus_resume_all(m);
}

void machine_cont(Machine *m)
{
    Error *err = NULL;

    assert(machine_locked(m));
    if (machine_running(m) || !run_state_may_go(m->state, RUN_STATE_RUNNING)) {
        return;
    }
    if (!block_activate_all(m, &err)) { /* migration gave the disks away */
        error_report(err);
        error_free(err);
        return;
    }
    clocks_set_running(m->clocks, true);
    event_gate_set_stopped(m->gate, false);
    set_state(m, RUN_STATE_RUNNING);
    machine_event(m, "RESUME", NULL);
    let_all_go(m);
}

/* --- requests: any thread posts, the main loop serves --- */

typedef struct Request {
    Machine *m;
    ShutdownCause cause;
    int code; /* exit code, or the run state of a stop */
} Request;

static void post_request(Machine *m, void (*fn)(void *), ShutdownCause cause,
                         int code)
{
    Request *r = g_new(Request, 1);

    *r = (Request){ m, cause, code };
    loop_post(m->loop, fn, r);
}

static json_object *cause_data(ShutdownCause cause)
{
    json_object *data = json_object_new_object();

    json_object_object_add(
        data, "guest", json_object_new_boolean(shutdown_cause_is_guest(cause)));
    json_object_object_add(data, "reason",
                           json_object_new_string(shutdown_cause_name(cause)));
    return data;
}

static void serve_shutdown(void *opaque)
{
    g_autofree Request *r = opaque;
    Machine *m = r->m;

    if (m->exiting) {
        return; /* the first cause wins */
    }
    machine_event(m, "SHUTDOWN", cause_data(r->cause));
    if (m->actions.shutdown_pause && r->cause != CAUSE_HOST_QMP_QUIT &&
        r->cause != CAUSE_HOST_SIGNAL) {
        machine_stop(m, RUN_STATE_SHUTDOWN);
        return;
    }
    m->exiting = true;
    m->exit_code = r->code;
    loop_quit(m->loop);
}

/* The guest asked to go down or to start anew: it runs no further, so that
 * what is left in its memory does not depend on when the main loop comes. */
static void stop_asking_guest(Machine *m)
{
    if (cpu_current() && machine_locked(m)) {
        cpus_stop_soon(m);
    }
}

void machine_request_shutdown(Machine *m, ShutdownCause cause, int code)
{
    stop_asking_guest(m);
    post_request(m, serve_shutdown, cause, code);
}

static void serve_reset(void *opaque)
{
    g_autofree Request *r = opaque;

    if (r->m->actions.reboot_shutdown && r->cause != CAUSE_SNAPSHOT_LOAD) {
        machine_request_shutdown(r->m, r->cause, 0);
        return;
    }
    if (!r->m->exiting) {
        machine_reset(r->m, r->cause);
    }
}

void machine_request_reset(Machine *m, ShutdownCause cause)
{
    stop_asking_guest(m);
    post_request(m, serve_reset, cause, 0);
}

static void serve_stop(void *opaque)
{
    g_autofree Request *r = opaque;

    machine_stop(r->m, r->code);
}

void machine_request_stop(Machine *m, RunState why)
{
    post_request(m, serve_stop, CAUSE_NONE, why);
}

static void serve_powerdown(void *opaque)
{
    g_autofree Request *r = opaque;

    machine_event(r->m, "POWERDOWN", NULL);
    notifier_call(r->m->on_powerdown, NULL);
}

void machine_request_powerdown(Machine *m)
{
    post_request(m, serve_powerdown, CAUSE_NONE, 0);
}

static void panicked_event(Machine *m, const char *action)
{
    json_object *data = json_object_new_object();

    json_object_object_add(data, "action", json_object_new_string(action));
    machine_event(m, "GUEST_PANICKED", data);
}

static void serve_panic(void *opaque)
{
    g_autofree Request *r = opaque;
    Machine *m = r->m;

    switch (m->actions.panic) {
    case PANIC_PAUSE:
        panicked_event(m, "pause");
        machine_stop(m, RUN_STATE_GUEST_PANICKED);
        break;
    case PANIC_SHUTDOWN:
    case PANIC_EXIT_FAILURE:
        panicked_event(m, "poweroff");
        machine_stop(m, RUN_STATE_GUEST_PANICKED);
        machine_request_shutdown(m, CAUSE_GUEST_PANIC,
                                 m->actions.panic == PANIC_EXIT_FAILURE);
        break;
    case PANIC_NONE:
        panicked_event(m, "run");
        break;
    }
}

void machine_guest_panicked(Machine *m)
{
    post_request(m, serve_panic, CAUSE_GUEST_PANIC, 0);
}

void machine_reset(Machine *m, ShutdownCause cause)
{
    bool was_running = machine_running(m);

    assert(machine_locked(m));
    cpus_pause_all(m);
    reset_tree(OBJECT(m));
    if (m->type->reset) {
        m->type->reset(m);
    }
    for (guint i = 0; i < m->cpus->len; i++) {
        cpu_env_changed(g_ptr_array_index(m->cpus, i));
    }
    notifier_call(m->on_reset, &cause);
    if (cause != CAUSE_NONE) {
        machine_event(m, "RESET", cause_data(cause));
    }
    if (!was_running && run_state_may_go(m->state, RUN_STATE_PRELAUNCH) &&
        (m->state == RUN_STATE_SHUTDOWN ||
         m->state == RUN_STATE_INTERNAL_ERROR ||
         m->state == RUN_STATE_GUEST_PANICKED)) {
        set_state(m, RUN_STATE_PRELAUNCH);
    }
    if (was_running) {
        let_all_go(m);
    }
}
