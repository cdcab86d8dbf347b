/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of the ISA bus. */
#ifndef HW_ISA_DEVICES_H
#define HW_ISA_DEVICES_H

#include "hw/isa/isa.h"

/* "isa-serial": properties chardev, iobase, irq. */
extern const DeviceType isa_serial_type;
/* "isa-debug-exit": properties iobase, iosize; a write of v ends the process
 * with status v << 1 | 1. */
extern const DeviceType isa_debug_exit_type;
/* "isa-debugcon": properties chardev, iobase, readback. */
extern const DeviceType isa_debugcon_type;

#endif
