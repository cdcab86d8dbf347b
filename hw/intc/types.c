/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/intc/aclint.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/plic.h"
#include "hw/types.h"

const ObjectType *const hw_intc_types[] = {
    &aclint_time_source_type, TYPE(aclint_mtimer_type),
    TYPE(aclint_swi_type),    TYPE(apic_type),
    TYPE(i8259_type),         TYPE(ioapic_type),
    TYPE(plic_type),          NULL,
};
