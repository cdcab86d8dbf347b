/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads hand a token over by futex; processes by signals and pipes. */
#include "bench.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int token;

static void wait_for(int want)
{
    int now;
    while ((now = atomic_load(&token)) != want) {
        syscall(SYS_futex, &token, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
    }
}

static void give(int to)
{
    atomic_store(&token, to);
    syscall(SYS_futex, &token, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *partner(void *arg)
{
    for (int i = 0; i < 300; i++) {
        wait_for(1);
        give(0);
    }
    return arg;
}

static uint64_t unit(void)
{
    pthread_t t;

    atomic_store(&token, 0);
    require(pthread_create(&t, NULL, partner, NULL) == 0, "thread");
    for (int i = 0; i < 300; i++) {
        give(1);
        wait_for(0);
    }
    pthread_join(t, NULL);
    return 300;
}

BENCH("pingpong", 10, 0x000000000000012c)
