/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutexes, atomic counters and a spin lock, one thread and two. */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint ticket, serving, hits;
static uint64_t shared;

static void *work(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        shared += i;
        pthread_mutex_unlock(&mutex);
        atomic_fetch_add_explicit(&hits, 1, memory_order_relaxed);
    }
    return arg;
}

static uint64_t unit(void)
{
    pthread_t t;

    shared = 0;
    require(pthread_create(&t, NULL, work, NULL) == 0, "thread");
    work(NULL);
    pthread_join(t, NULL);
    for (int i = 0; i < 4000; i++) {
        unsigned mine = atomic_fetch_add(&ticket, 1), zero = mine;
        while (atomic_load(&serving) != mine) {
        }
        shared += atomic_compare_exchange_strong(&hits, &zero, mine);
        atomic_store(&serving, mine + 1);
    }
    return shared > 0;
}

BENCH("locks", 40, 1)
