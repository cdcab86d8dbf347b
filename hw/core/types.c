/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/core/loader.h"
#include "hw/core/none.h"
#include "hw/types.h"

const ObjectType *const hw_core_types[] = {
    TYPE(generic_loader_type),
    TYPE(loader_roms_type),
    TYPE(none_machine_type),
    NULL,
};
