/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What -rtc says, for every real-time clock device: where it starts and what
 * drives it. The wall clock of a device is
 *     rtc_now_ns() = offset + m->config.rtc_clock
 * Any thread; the configuration is constant while the machine runs.
 */
#ifndef HW_CORE_RTC_H
#define HW_CORE_RTC_H

#include "softmmu/machine/machine.h"

/* Wall time at the start of the machine minus m->config.rtc_clock, in ns:
 * for base=utc and clock=host 0. False: -rtc base= is no date. */
bool rtc_start_offset_ns(Machine *m, int64_t *offset, Error **errp);
/* The clock that -rtc clock= chose, in ns. */
int64_t rtc_clock_ns(Machine *m);

#endif
