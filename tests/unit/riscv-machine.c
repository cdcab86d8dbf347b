/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/intc/aclint.h"
#include "hw/types.h"
#include "softmmu/memory/backend.h"
#include "softmmu/machine/cpu.h"
#include "target/types.h"
#include "tests/unit/riscv-machine.h"

static MemResult exit_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    *value = 0;
    return MEM_OK;
}

/* On the vCPU's thread, machine lock held. */
static MemResult exit_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    TestMachine *t = opaque;

    t->exit_value = value;
    t->exited = true;
    machine_request_stop(&t->parent, RUN_STATE_PAUSED);
    return MEM_OK;
}

static const MemoryOps exit_ops = {
    .read = exit_read,
    .write = exit_write,
    .endian = MEM_LITTLE,
};

static bool build(Machine *m, Error **errp)
{
    TestMachine *t = (TestMachine *)m;
    DeviceState *mtimer = device_new_board(m, &aclint_mtimer_type);
    CPUState *cpu;

    if (!memory_region_init_ram_owned(&t->ram, m, m->ms, "ram", TEST_RAM_SIZE,
                                      errp)) {
        return false;
    }
    memory_region_add(&m->system, TEST_RAM, &t->ram);
    memory_region_init_io(&t->exit, m, &exit_ops, t, "exit", 0x1000);
    memory_region_add(&m->system, TEST_EXIT, &t->exit);
    object_set_u64(mtimer, "num-harts", 1);
    object_set_u64(mtimer, "timebase-freq", 10000000);
    if (!device_realize(mtimer, errp)) {
        return false;
    }
    device_map(mtimer, 0, TEST_CLINT + ACLINT_SWI_SIZE);
    cpu = machine_new_cpu(m, 0, errp);
    if (cpu == NULL) {
        return false;
    }
    object_set_link(cpu, "time-source", aclint_mtimer_time_source(mtimer));
    device_connect_fn(mtimer, 0, cpu_irq_handler, cpu, 7);
    return device_realize(&cpu->parent, errp);
}

static const char *const arches[] = { "riscv64", NULL };
static const MachineType test_machine_type = {
    .name = "test-machine",
    .parent = TYPE(machine_type),
    .arches = arches,
    .size = sizeof(TestMachine),
    .machine_name = "test",
    .max_cpus = 1,
    .default_cpus = 1,
    .default_cpu = "rv64",
    .build = build,
};
static const ObjectType *const test_types[] = { TYPE(test_machine_type), NULL };

/* "tcg,interp=on" as AccelChoice. */
static bool start_engine(Machine *m, const char *engine, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(engine, ",", -1);
    json_object *options = json_object_new_object();

    for (char **w = words + 1; *w != NULL; w++) {
        char *eq = strchr(*w, '=');

        *eq = '\0';
        json_object_object_add(options, *w, json_object_new_string(eq + 1));
    }
    AccelChoice choice = { words[0], options };
    bool ok = accel_start(m, &choice, 1, errp);
    json_object_put(options);
    return ok;
}

TestMachine *test_machine_new(const char *engine, const char *cpu, Error **errp)
{
    static const ObjectType *const *const lists[] = {
        object_types,  memory_types,    machine_types,
        accel_types,   riscv_cpu_types, hw_intc_types,
        hw_core_types, test_types,      NULL,
    };
    TypeRegistry *reg = type_registry_new(lists);
    TypeView view = { reg, "riscv64" };
    Machine *m = machine_new(&test_machine_type, view);

    m->config.cpu_model = g_strdup(cpu);
    machine_lock(m);
    if (!start_engine(m, engine, errp) || !machine_build(m, errp) ||
        !machine_finish(m, errp)) {
        return NULL; /* machine_free() takes whole ones only */
    }
    return (TestMachine *)m;
}

uint32_t test_machine_run(TestMachine *t, uint64_t pc, const uint32_t *words,
                          size_t n)
{
    Machine *m = &t->parent;
    CPUState *cpu = test_cpu(t);

    address_space_write(&m->memory, pc, MEM_ATTRS_CPU, words, n * 4);
    cpu->type->pc_set(cpu, pc);
    if (m->accel->ops->vcpu_env_changed != NULL) {
        m->accel->ops->vcpu_env_changed(cpu);
    }
    t->exited = false;
    machine_cont(m);
    machine_unlock(m);
    while (machine_running(m)) {
        loop_poll(m->loop, true);
    }
    machine_lock(m);
    g_assert_true(t->exited);
    return t->exit_value;
}

void test_machine_free(TestMachine *t)
{
    const TypeRegistry *reg = t->parent.view.reg;

    memory_region_del(&t->parent.system, &t->ram);
    memory_region_destroy(&t->ram);
    memory_region_del(&t->parent.system, &t->exit);
    memory_region_destroy(&t->exit);
    machine_unlock(&t->parent);
    machine_free(&t->parent);
    type_registry_free((TypeRegistry *)reg);
}
