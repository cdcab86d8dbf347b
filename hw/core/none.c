/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The machine "none": no devices, no firmware; CPU and RAM only when the
 * command line names them (-cpu, -m). For clients that ask an engine or the
 * type lists, and for tests of single devices.
 */
#include "tandem/base.h"

#include "hw/core/loader.h"
#include "hw/core/none.h"
#include "softmmu/machine/cpu.h"

static bool none_build(Machine *m, Error **errp)
{
    CPUState *cpu;

    if (m->ram) {
        memory_region_add(&m->system, 0, m->ram);
    }
    if (m->config.cpu_model) {
        cpu = machine_new_cpu(m, 0, errp);
        if (cpu == NULL || !device_realize(&cpu->parent, errp)) {
            return false;
        }
    }
    return true;
}

static bool none_finish(Machine *m, Error **errp)
{
    if (m->config.kernel) {
        error_set(errp, "The -kernel parameter is not supported (use the "
                        "generic 'loader' device instead).");
        return false;
    }
    return true;
}

const MachineType none_machine_type = {
    .name = "none-machine",
    .parent = TYPE(machine_type),
    .description = "empty machine",
    .size = sizeof(Machine),
    .machine_name = "none",
    .max_cpus = 1,
    .default_cpus = 1,
    .default_ram_id = "ram",
    .default_ram_size = 0,
    .no_serial = true,
    .no_parallel = true,
    .no_floppy = true,
    .no_cdrom = true,
    .build = none_build,
    .finish = none_finish,
};
