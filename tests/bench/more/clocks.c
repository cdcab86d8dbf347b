/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks by the vDSO and by calls; short sleeps. */
#include "bench.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static uint64_t unit(void)
{
    struct timespec a = { 0 }, b;
    struct timeval t;
    uint64_t good = 0;

    for (int i = 0; i < 3000; i++) {
        clock_gettime(i & 1 ? CLOCK_MONOTONIC : CLOCK_REALTIME, &b);
        gettimeofday(&t, NULL);
        if (i & 1) {
            good += b.tv_sec > a.tv_sec ||
                    (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec);
            a = b;
        }
        if (i % 10 == 0) {
            syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &b);
            good += time(NULL) > 0;
        }
    }
    return good;
}

BENCH("clocks", 150, 0x0000000000000708)
