/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <signal.h>
#include <time.h>

#include "softmmu/base/lock.h"
#include "softmmu/base/rcu.h"

static void check(int err, const char *what)
{
    if (err != 0) {
        g_error("%s: %s", what, g_strerror(err));
    }
}

void lock_init(Lock *lock)
{
    check(pthread_mutex_init(&lock->mutex, NULL), "pthread_mutex_init");
    atomic_init(&lock->owner, 0);
}

void lock_destroy(Lock *lock)
{
    check(pthread_mutex_destroy(&lock->mutex), "pthread_mutex_destroy");
}

void lock_acquire(Lock *lock)
{
    assert(!lock_held(lock));
    check(pthread_mutex_lock(&lock->mutex), "pthread_mutex_lock");
    atomic_store_explicit(&lock->owner, (uintptr_t)pthread_self(),
                          memory_order_relaxed);
}

bool lock_try(Lock *lock)
{
    int err = pthread_mutex_trylock(&lock->mutex);

    if (err == EBUSY) {
        return false;
    }
    check(err, "pthread_mutex_trylock");
    atomic_store_explicit(&lock->owner, (uintptr_t)pthread_self(),
                          memory_order_relaxed);
    return true;
}

void lock_release(Lock *lock)
{
    assert(lock_held(lock));
    atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
    check(pthread_mutex_unlock(&lock->mutex), "pthread_mutex_unlock");
}

bool lock_held(const Lock *lock)
{
    /* Another thread's value is never our own id, so relaxed is enough. */
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) ==
           (uintptr_t)pthread_self();
}

void cond_init(Cond *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    check(pthread_cond_init(&cond->cond, &attr), "pthread_cond_init");
    pthread_condattr_destroy(&attr);
}

void cond_destroy(Cond *cond)
{
    check(pthread_cond_destroy(&cond->cond), "pthread_cond_destroy");
}

void cond_wait(Cond *cond, Lock *lock)
{
    assert(lock_held(lock));
    atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
    check(pthread_cond_wait(&cond->cond, &lock->mutex), "pthread_cond_wait");
    atomic_store_explicit(&lock->owner, (uintptr_t)pthread_self(),
                          memory_order_relaxed);
}

bool cond_wait_ns(Cond *cond, Lock *lock, int64_t timeout_ns)
{
    struct timespec until;
    int64_t ns;
    int err;

    assert(lock_held(lock) && timeout_ns >= 0);
    clock_gettime(CLOCK_MONOTONIC, &until);
    timeout_ns = MIN(timeout_ns, INT64_C(86400) * 1000000000);
    ns = until.tv_nsec + timeout_ns;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
    err = pthread_cond_timedwait(&cond->cond, &lock->mutex, &until);
    atomic_store_explicit(&lock->owner, (uintptr_t)pthread_self(),
                          memory_order_relaxed);
    if (err == ETIMEDOUT) {
        return false;
    }
    check(err, "pthread_cond_timedwait");
    return true;
}

void cond_signal(Cond *cond)
{
    check(pthread_cond_signal(&cond->cond), "pthread_cond_signal");
}

void cond_broadcast(Cond *cond)
{
    check(pthread_cond_broadcast(&cond->cond), "pthread_cond_broadcast");
}

typedef struct ThreadStart {
    void *(*fn)(void *);
    void *arg;
    char name[16];
} ThreadStart;

static void *thread_main(void *opaque)
{
    ThreadStart start = *(ThreadStart *)opaque;
    void *result;

    g_free(opaque);
    pthread_setname_np(pthread_self(), start.name);
    rcu_thread_register();
    result = start.fn(start.arg);
    rcu_thread_unregister();
    return result;
}

void thread_start(Thread *thread, const char *name, void *(*fn)(void *),
                  void *arg)
{
    ThreadStart *start = g_new0(ThreadStart, 1);
    sigset_t all, old;

    start->fn = fn;
    start->arg = arg;
    g_strlcpy(start->name, name, sizeof(start->name));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* the child inherits it */
    check(pthread_create(&thread->id, NULL, thread_main, start),
          "pthread_create");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    thread->started = true;
}

void *thread_join(Thread *thread)
{
    void *result;

    assert(thread->started);
    check(pthread_join(thread->id, &result), "pthread_join");
    thread->started = false;
    return result;
}

bool thread_is_self(const Thread *thread)
{
    return thread->started && pthread_equal(thread->id, pthread_self());
}
