/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-copy-update over liburcu's memb flavour, with the notes that TSan
 * needs (DECISIONS 25). Every thread made by thread_start() is registered;
 * main registers itself. A reader never sleeps inside a section.
 */
#ifndef SOFTMMU_BASE_RCU_H
#define SOFTMMU_BASE_RCU_H

typedef struct RcuHead RcuHead;
struct RcuHead {
    void *opaque[2]; /* liburcu's struct rcu_head */
    void (*free)(RcuHead *head);
};

void rcu_thread_register(void);
void rcu_thread_unregister(void);
void rcu_lock(void); /* nests */
void rcu_unlock(void);
/* Wait until all sections that are open now have ended. Not in a section. */
void rcu_synchronize_all(void);
/* Call @free(@head) after such a wait, from a helper thread. */
void rcu_defer(RcuHead *head, void (*free)(RcuHead *head));
/* Wait until everything deferred so far has been called. */
void rcu_drain(void);

/* Publish and read a pointer; acquire and release. */
#define rcu_publish(pp, value) __atomic_store_n((pp), (value), __ATOMIC_RELEASE)
#define rcu_read(pp)           __atomic_load_n((pp), __ATOMIC_ACQUIRE)

#endif
