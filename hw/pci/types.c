/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/pci/ecam.h"
#include "hw/types.h"
#include "internal.h"

const ObjectType *const hw_pci_types[] = {
    TYPE(pci_bus_type),        TYPE(pcie_bus_type),
    TYPE(pci_device_type),     TYPE(pci_bridge_base_type),
    TYPE(pcie_root_port_type), TYPE(ecam_host_type),
    TYPE(ecam_root_type),      NULL,
};
