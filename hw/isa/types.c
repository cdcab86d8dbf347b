/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/isa/devices.h"
#include "hw/types.h"

const ObjectType *const hw_isa_types[] = {
    TYPE(isa_bus_type),        TYPE(isa_bridge_type),   TYPE(isa_serial_type),
    TYPE(isa_debug_exit_type), TYPE(isa_debugcon_type), NULL,
};
