/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "cfi.pflash01": parallel NOR flash of the Intel command set, one bank of
 * equal chips side by side. Region 0 is the bank; its bytes are guest RAM of
 * the region, so they are saved with RAM.
 */
#ifndef HW_BLOCK_PFLASH_H
#define HW_BLOCK_PFLASH_H

#include "softmmu/machine/device.h"

extern const DeviceType pflash_cfi01_type;

#endif
