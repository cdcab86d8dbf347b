/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "unimplemented-device": a range that reads 0, ignores writes and logs both
 * (class unimp), where a board's hardware is known but not modelled.
 */
#ifndef HW_MISC_UNIMP_H
#define HW_MISC_UNIMP_H

#include "softmmu/machine/device.h"

extern const DeviceType unimp_type;

/* Put one named @name at [@base, @base + @size) of system memory, below
 * everything else. For boards; machine lock. */
bool unimp_map(Machine *m, const char *name, hwaddr base, uint64_t size,
               Error **errp);

#endif
