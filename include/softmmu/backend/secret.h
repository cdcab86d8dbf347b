/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `-object secret`: passwords and keys that other options name by id. Main
 * thread, machine lock.
 */
#ifndef SOFTMMU_BACKEND_SECRET_H
#define SOFTMMU_BACKEND_SECRET_H

#include "softmmu/object/object.h"

extern const UserCreatableType secret_type; /* "secret" */

/* The bytes of /objects/@id below @objects: a copy, to be g_free'd; one zero
 * byte follows that *len does not count. NULL: there is no such secret. */
uint8_t *secret_lookup(Object *objects, const char *id, size_t *len,
                       Error **errp);
/* The same, as text: refused when it is not UTF-8. */
char *secret_lookup_text(Object *objects, const char *id, Error **errp);

#endif
