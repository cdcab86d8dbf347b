/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "goldfish_rtc": region 0 the registers, line 0 its alarm. */
#ifndef HW_TIMER_GOLDFISH_RTC_H
#define HW_TIMER_GOLDFISH_RTC_H

#include "softmmu/machine/device.h"

extern const DeviceType goldfish_rtc_type;

#endif
