/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RISC-V "spike" board. */
#ifndef HW_RISCV_SPIKE_H
#define HW_RISCV_SPIKE_H

#include "softmmu/machine/machine.h"

extern const MachineType spike32_machine_type, spike64_machine_type;

#endif
