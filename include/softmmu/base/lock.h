/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks, conditions and threads over pthreads, which TSan understands and
 * Debian's glib hides (DECISIONS 25). Order, outermost first: machine lock,
 * vCPU lock, TB-table lock, leaf locks (STYLE 9).
 */
#ifndef SOFTMMU_BASE_LOCK_H
#define SOFTMMU_BASE_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Lock {
    pthread_mutex_t mutex;
    _Atomic(uintptr_t) owner; /* pthread_self() of the holder, else 0 */
} Lock;

typedef struct Cond {
    pthread_cond_t cond; /* on CLOCK_MONOTONIC */
} Cond;

typedef struct Thread {
    pthread_t id;
    bool started;
} Thread;

#define LOCK_INIT                                                              \
    {                                                                          \
        PTHREAD_MUTEX_INITIALIZER, 0                                           \
    }

void lock_init(Lock *lock);
void lock_destroy(Lock *lock);
void lock_acquire(Lock *lock); /* not recursive */
bool lock_try(Lock *lock);
void lock_release(Lock *lock);
/* For assertions: does the calling thread hold it? */
bool lock_held(const Lock *lock);

void cond_init(Cond *cond);
void cond_destroy(Cond *cond);
void cond_wait(Cond *cond, Lock *lock);
/* False when @timeout_ns (relative, >= 0) passed first. */
bool cond_wait_ns(Cond *cond, Lock *lock, int64_t timeout_ns);
void cond_signal(Cond *cond);
void cond_broadcast(Cond *cond);

/*
 * Start @fn(@arg) with all signals blocked, registered with RCU, and @name
 * (cut to 15 bytes) shown by ps and gdb. Failure to start is fatal: the
 * process has no memory for a thread.
 */
void thread_start(Thread *thread, const char *name, void *(*fn)(void *),
                  void *arg);
void *thread_join(Thread *thread);
bool thread_is_self(const Thread *thread);

/* Scoped lock: `LOCK_GUARD(&s->lock);` holds to the end of the block. */
static inline Lock *lock_guard_enter(Lock *lock)
{
    lock_acquire(lock);
    return lock;
}
static inline void lock_guard_leave(Lock **lock)
{
    lock_release(*lock);
}
#define LOCK_GUARD(lock)                                                       \
    __attribute__((cleanup(lock_guard_leave), unused)) Lock *G_PASTE(          \
        lock_guard_, __LINE__) = lock_guard_enter(lock)

#endif
