/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine "qtest": a machine without vCPUs. */
#include "tandem/base.h"

#include "accel/accel.h"

extern const AccelOps qtest_accel_type;

static bool qtest_machine_init(AccelState *a, Error **errp)
{
    return true;
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

static void qtest_dirty(AccelState *a)
{
}

const AccelOps qtest_accel_type = {
    .name = "qtest-accel",
    .parent = TYPE(accel_type),
    .description = "no vCPUs; tests drive the devices",
    .size = sizeof(AccelState),
    .accel_name = "qtest",
    .machine_init = qtest_machine_init,
    .env_alloc = qtest_env_alloc,
    .env_free = qtest_env_free,
    .vcpu_create = qtest_vcpu_create,
    .vcpu_destroy = qtest_vcpu_destroy,
    .vcpu_kick = qtest_vcpu_kick,
    .regs_pull = qtest_regs,
    .regs_push = qtest_regs,
    .dirty_start = qtest_dirty,
    .dirty_sync = qtest_dirty,
    .dirty_stop = qtest_dirty,
};
