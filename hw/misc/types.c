/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/misc/pvpanic.h"
#include "hw/misc/sifive_test.h"
#include "hw/misc/unimp.h"
#include "hw/types.h"

const ObjectType *const hw_misc_types[] = {
    TYPE(pvpanic_isa_type),
    TYPE(pvpanic_pci_type),
    TYPE(sifive_test_type),
    TYPE(unimp_type),
    NULL,
};
