/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which firmware tries devices: property "bootindex" of those
 * that one can boot from, and -boot. Main thread, machine lock.
 */
#ifndef SOFTMMU_MACHINE_BOOT_H
#define SOFTMMU_MACHINE_BOOT_H

#include "softmmu/machine/machine.h"

/*
 * An int32_t of a DeviceState: its place in the boot order, -1 (the start):
 * none. A place that another device has is refused. .arg is the last part of
 * its OpenFirmware path, such as "disk@0,0".
 */
extern const PropertyType prop_type_bootindex;
#define PROP_BOOTINDEX(Struct, field, unit)                                    \
    {                                                                          \
        "bootindex", &prop_type_bootindex, offsetof(Struct, field), NULL,      \
            "place in the boot order, 0 first; -1: none", unit, PROP_LIVE      \
    }

/*
 * machine_boot_order: the devices with a place, lowest first, as OpenFirmware
 * paths (IEEE 1275, 4.3), a line each without a newline at the end; with
 * -boot strict=on the last is "HALT". Freed by the caller; NULL: none.
 */
char *machine_boot_order(Machine *m);

#endif
