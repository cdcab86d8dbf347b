/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "riscv.htif.uart": the host-target interface of the Berkeley boards: a
 * console and an exit status through two 64-bit words.
 *
 * Regions: 0 is tohost, 1 is fromhost, 8 bytes each; the board maps them
 * where the ELF's symbols are, or side by side at the htif node's address.
 */
#ifndef HW_CHAR_HTIF_H
#define HW_CHAR_HTIF_H

#include "softmmu/machine/device.h"

extern const DeviceType htif_type;

#endif
