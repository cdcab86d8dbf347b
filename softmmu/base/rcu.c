/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <urcu/urcu-memb.h>

#include "softmmu/base/rcu.h"

/*
 * liburcu's barriers are inline assembly that TSan cannot see; these notes
 * tell it that a grace period orders readers before the one who waited.
 */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static char tsan_gp; /* an address to order on; its value is never used */
/* What liburcu itself allocates and locks is ordered by barriers that TSan
 * does not see: leave its calls out. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:liburcu-memb.so\n";
}
#define TSAN_ACQUIRE() __tsan_acquire(&tsan_gp)
#define TSAN_RELEASE() __tsan_release(&tsan_gp)
#else
#define TSAN_ACQUIRE() ((void)0)
#define TSAN_RELEASE() ((void)0)
#endif

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
    TSAN_RELEASE();
    urcu_memb_read_unlock();
}

void rcu_synchronize_all(void)
{
    urcu_memb_synchronize_rcu();
    TSAN_ACQUIRE();
}

static void rcu_call(struct rcu_head *opaque)
{
    RcuHead *head = (RcuHead *)opaque;

    TSAN_ACQUIRE();
    head->free(head);
}

void rcu_defer(RcuHead *head, void (*free_fn)(RcuHead *head))
{
    head->free = free_fn;
    TSAN_RELEASE();
    urcu_memb_call_rcu((struct rcu_head *)head->opaque, rcu_call);
}

void rcu_drain(void)
{
    urcu_memb_barrier();
    TSAN_ACQUIRE();
}
