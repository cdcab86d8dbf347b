/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V platform-level interrupt controller, with SiFive's register layout.
 *
 * "riscv.sifive.plic": region 0 the registers; input n is source n (0 does
 * not exist); output lines one a context, in the order of hart-config: for
 * "MS,MS" hart 0 M, hart 0 S, hart 1 M, hart 1 S.
 */
#ifndef HW_INTC_PLIC_H
#define HW_INTC_PLIC_H

#include "softmmu/machine/device.h"

extern const DeviceType plic_type;

#endif
