/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What engine and server of qtest share. */
#ifndef ACCEL_QTEST_INTERNAL_H
#define ACCEL_QTEST_INTERNAL_H

#include "accel/accel.h"

/* Is the machine's engine qtest, so that the clock can be stepped? */
bool qtest_has_clock(Machine *m);
/* Nanoseconds of the virtual clock. */
int64_t qtest_clock_now(Machine *m);
/* Advance to @ns, running the timers that come due in their order; a time in
 * the past changes nothing. Main thread, machine lock. */
void qtest_clock_advance(Machine *m, int64_t ns);

#endif
