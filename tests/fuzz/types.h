/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Type lists put together, for machines with more than hw-test.h gives. */
#ifndef TESTS_FUZZ_TYPES_H
#define TESTS_FUZZ_TYPES_H

#include "tandem/base.h"

#include "softmmu/object/object.h"

/* The types of all @n lists as one NULL-terminated list; lives on. */
static inline const ObjectType *const *
fuzz_types(const ObjectType *const *const *lists, size_t n)
{
    GPtrArray *all = g_ptr_array_new();

    for (size_t i = 0; i < n; i++) {
        for (const ObjectType *const *t = lists[i]; *t; t++) {
            g_ptr_array_add(all, (gpointer)*t);
        }
    }
    g_ptr_array_add(all, NULL);
    return (const ObjectType *const *)g_ptr_array_free(all, FALSE);
}

#endif
