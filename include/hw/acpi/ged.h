/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generic event device: what happened, for AML to read, and the registers by
 * which a hardware-reduced platform is put to sleep and reset.
 *
 * Spec: ACPI 6.4, 5.6.9 (GED), 4.8.3.7 (sleep control and status), 4.8.3.6
 *       (reset).
 */
#ifndef HW_ACPI_GED_H
#define HW_ACPI_GED_H

#include "softmmu/machine/device.h"

enum { GED_POWER_BUTTON = 1u << 1 };
enum {
    GED_SLEEP_CONTROL = 0,
    GED_SLEEP_STATUS = 1,
    GED_RESET = 2,
    GED_RESET_VALUE = 0x42,
    GED_S5 = 5
};

/* "acpi-ged": region 0 the events (4 bytes), 1 the registers (3 bytes); line 0
 * rises for each event. */
extern const DeviceType acpi_ged_type;

#endif
