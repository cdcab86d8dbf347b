/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/acpi/ged.h"
#include "hw/types.h"

const ObjectType *const hw_acpi_types[] = {
    TYPE(acpi_ged_type),
    NULL,
};
