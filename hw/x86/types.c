/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/types.h"
#include "hw/x86/microvm.h"

const ObjectType *const hw_x86_types[] = {
    TYPE(microvm_machine_type),
    NULL,
};
