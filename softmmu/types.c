/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hw/types.h"
#include "softmmu/backend/block.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/backend/net.h"
#include "softmmu/backend/rng.h"
#include "softmmu/loop/iothread.h"
#include "softmmu/machine/machine.h"
#include "softmmu/memory/backend.h"
#include "target/types.h"
#include "types.h"

const ObjectType *const *const all_types[] = {
    machine_types,       accel_types,    memory_types,    chardev_types,
    loop_types,          backend_types,  hw_core_types,   hw_char_types,
    hw_intc_types,       hw_timer_types, hw_misc_types,   hw_riscv_types,
    hw_block_types,      hw_nvram_types, riscv_cpu_types, block_types,
    hw_virtio_types,     hw_pci_types,   hw_net_types,    net_types,
    hw_virtio_pci_types, hw_isa_types,   hw_acpi_types,   hw_x86_types,
    x86_cpu_types,       NULL,
};
