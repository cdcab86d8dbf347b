/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/riscv/spike.h"
#include "hw/riscv/virt.h"
#include "hw/types.h"

const ObjectType *const hw_riscv_types[] = {
    TYPE(spike32_machine_type),
    TYPE(spike64_machine_type),
    TYPE(virt32_machine_type),
    TYPE(virt64_machine_type),
    NULL,
};
