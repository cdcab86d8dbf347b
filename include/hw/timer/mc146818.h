/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MC146818 real-time clock with 128 bytes of CMOS memory, as a PC has it.
 *
 * Spec: Motorola MC146818 data sheet; IBM PC/AT Technical Reference, CMOS.
 */
#ifndef HW_TIMER_MC146818_H
#define HW_TIMER_MC146818_H

#include "softmmu/machine/device.h"

/* "mc146818rtc": on the ISA bus, ports 0x70 and 0x71, interrupt line 8. */
extern const DeviceType mc146818_type;

/* Before the machine starts: what firmware finds at @index, 0x0e to 0x7f but
 * the century. Stands through resets, as a battery keeps it. */
void mc146818_set_cmos(DeviceState *dev, uint8_t index, uint8_t value);

#endif
