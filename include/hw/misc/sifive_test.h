/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "riscv.sifive.test": power off, exit and reset through region 0. */
#ifndef HW_MISC_SIFIVE_TEST_H
#define HW_MISC_SIFIVE_TEST_H

#include "softmmu/machine/device.h"

extern const DeviceType sifive_test_type;

#endif
