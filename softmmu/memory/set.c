/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small sets of pointers that readers walk under RCU. */
#include "softmmu/memory/internal.h"

static void ptr_set_free(RcuHead *head)
{
    g_free(container_of(head, PtrSet, rcu));
}

/* Publish @fresh in place of *@set, which is freed after a grace period. */
static void ptr_set_replace(PtrSet **set, PtrSet *fresh)
{
    PtrSet *old = *set;

    rcu_publish(set, fresh);
    if (old) {
        rcu_defer(&old->rcu, ptr_set_free);
    }
}

static PtrSet *ptr_set_alloc(size_t n)
{
    PtrSet *set = g_malloc0(sizeof(PtrSet) + n * sizeof(void *));

    set->n = n;
    return set;
}

void ptr_set_insert(PtrSet **set, size_t at, void *p)
{
    PtrSet *old = *set;
    size_t n = old ? old->n : 0;
    PtrSet *fresh = ptr_set_alloc(n + 1);

    for (size_t i = 0; i < n; i++) {
        fresh->p[i + (i >= at)] = old->p[i];
    }
    fresh->p[at] = p;
    ptr_set_replace(set, fresh);
}

void ptr_set_remove(PtrSet **set, void *p)
{
    PtrSet *old = *set;
    PtrSet *fresh = ptr_set_alloc(old->n);
    size_t n = 0;

    for (size_t i = 0; i < old->n; i++) {
        if (old->p[i] != p) {
            fresh->p[n++] = old->p[i];
        }
    }
    fresh->n = n;
    ptr_set_replace(set, fresh);
}
