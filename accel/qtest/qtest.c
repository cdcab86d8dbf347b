/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine "qtest": a machine without vCPUs, whose virtual clock stands
 * still but for the server's clock_step and clock_set.
 */
#include "tandem/base.h"

#include "accel/qtest/internal.h"
#include "softmmu/machine/machine.h"

extern const AccelOps qtest_accel_type;

typedef struct QtestAccel {
    struct AccelState;
    _Atomic int64_t now_ns; /* written under the machine lock */
} QtestAccel;

/* --- the clock --- */

static int64_t read_clock(void *opaque)
{
    return atomic_load(&((QtestAccel *)opaque)->now_ns);
}

bool qtest_has_clock(Machine *m)
{
    return m->accel->ops == &qtest_accel_type;
}

int64_t qtest_clock_now(Machine *m)
{
    return clock_now_ns(m->clocks, CLOCK_VIRTUAL);
}

void qtest_clock_advance(Machine *m, int64_t ns)
{
    QtestAccel *a = (QtestAccel *)m->accel;

    while (atomic_load(&a->now_ns) < ns) {
        int64_t next = loop_next_deadline_ns(m->loop, CLOCK_VIRTUAL);

        /* a timer in the past fires now; one that sets itself again at once
         * waits for the next step, as time goes on */
        next = MAX(next, atomic_load(&a->now_ns) + 1);
        atomic_store(&a->now_ns, MIN(next, ns));
        loop_run_timers(m->loop, CLOCK_VIRTUAL);
    }
}

/* --- the engine --- */

static bool qtest_machine_init(AccelState *a, Error **errp)
{
    clocks_set_virtual_source(a->machine->clocks, read_clock, a);
    return true;
}

static void qtest_machine_free(AccelState *a)
{
    clocks_set_virtual_source(a->machine->clocks, NULL, NULL);
}

static void *qtest_env_alloc(AccelState *a, CPUState *cpu, size_t size)
{
    void *env = aligned_alloc(64, (size + 63) & ~(size_t)63);

    assert(env); /* as g_malloc */
    return memset(env, 0, size);
}

static void qtest_env_free(AccelState *a, CPUState *cpu)
{
    free(cpu->env);
}

static bool qtest_vcpu_create(AccelState *a, CPUState *cpu, Error **errp)
{
    return true; /* no thread: it is parked for good */
}

static void qtest_vcpu_destroy(AccelState *a, CPUState *cpu)
{
}

static void qtest_vcpu_kick(CPUState *cpu)
{
}

static void qtest_regs(CPUState *cpu, uint32_t groups)
{
}

static bool qtest_regs_push(CPUState *cpu, uint32_t groups, Error **errp)
{
    return true;
}

static void qtest_dirty(AccelState *a)
{
}

const AccelOps qtest_accel_type = {
    .name = "qtest-accel",
    .parent = TYPE(accel_type),
    .description = "no vCPUs; tests drive the devices",
    .size = sizeof(QtestAccel),
    .accel_name = "qtest",
    .machine_init = qtest_machine_init,
    .machine_free = qtest_machine_free,
    .env_alloc = qtest_env_alloc,
    .env_free = qtest_env_free,
    .vcpu_create = qtest_vcpu_create,
    .vcpu_destroy = qtest_vcpu_destroy,
    .vcpu_kick = qtest_vcpu_kick,
    .regs_pull = qtest_regs,
    .regs_push = qtest_regs_push,
    .dirty_start = qtest_dirty,
    .dirty_sync = qtest_dirty,
    .dirty_stop = qtest_dirty,
};
