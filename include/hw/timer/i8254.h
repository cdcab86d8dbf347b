/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8254 programmable interval timer, as a PC has it.
 *
 * Spec: Intel 8254 data sheet (231164).
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "softmmu/machine/device.h"

enum { PIT_COUNTERS = 3, PIT_HZ = 1193182 };

/* "isa-pit": ports 0x40 to 0x43, counter 0's output is interrupt line 0. The
 * gates are inputs 0 to 2; 0 and 1 start high, as a PC ties them. */
extern const DeviceType i8254_type;

/* The output pin of @counter now, as port 0x61 shows counter 2's. */
bool i8254_out(DeviceState *dev, unsigned counter);

#endif
