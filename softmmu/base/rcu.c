/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <signal.h>

#include <urcu/urcu-memb.h>

#include "softmmu/base/rcu.h"
#include "softmmu/base/tsan.h"

/*
 * liburcu's barriers are inline assembly that TSan cannot see; these notes
 * tell it that a grace period orders readers before the one who waited.
 */
#ifdef __SANITIZE_THREAD__
/* What liburcu itself allocates and locks is ordered by barriers that TSan
 * does not see: leave its calls out. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:liburcu-memb.so\n";
}
#endif
static const char grace_period; /* an address to order on */

_Static_assert(sizeof(struct rcu_head) <= sizeof(((RcuHead *)0)->opaque),
               "RcuHead holds liburcu's head");

void rcu_thread_register(void)
{
    urcu_memb_register_thread();
}

void rcu_thread_unregister(void)
{
    urcu_memb_unregister_thread();
}

void rcu_lock(void)
{
    urcu_memb_read_lock();
}

void rcu_unlock(void)
{
    tsan_release(&grace_period);
    urcu_memb_read_unlock();
}

void rcu_synchronize_all(void)
{
    urcu_memb_synchronize_rcu();
    tsan_acquire(&grace_period);
}

static void rcu_call(struct rcu_head *opaque)
{
    RcuHead *head = (RcuHead *)opaque;

    tsan_acquire(&grace_period);
    head->free(head);
}

/* liburcu's thread must not take the process's signals, which the main thread
 * reads from a descriptor: it inherits a full mask. */
static void make_worker(void)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    urcu_memb_get_default_call_rcu_data();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void rcu_defer(RcuHead *head, void (*free_fn)(RcuHead *head))
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_worker);
    head->free = free_fn;
    tsan_release(&grace_period);
    urcu_memb_call_rcu((struct rcu_head *)head->opaque, rcu_call);
}

void rcu_drain(void)
{
    urcu_memb_barrier();
    tsan_acquire(&grace_period);
}
