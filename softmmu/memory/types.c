/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "softmmu/memory/backend.h"

const ObjectType *const memory_types[] = {
    TYPE(memory_backend_type),
    TYPE(memory_backend_ram_type),
    TYPE(memory_backend_memfd_type),
    TYPE(memory_backend_file_type),
    NULL,
};
