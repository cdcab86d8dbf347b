/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The empty machine, of every architecture. */
#ifndef HW_CORE_NONE_H
#define HW_CORE_NONE_H

#include "softmmu/machine/machine.h"

extern const MachineType none_machine_type;

#endif
