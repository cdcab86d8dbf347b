/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "softmmu/backend/rng.h"
#include "softmmu/backend/secret.h"

const ObjectType *const backend_types[] = {
    TYPE(secret_type),
    TYPE(rng_backend_type),
    TYPE(rng_builtin_type),
    TYPE(rng_random_type),
    NULL,
};
