/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The register by which a guest says that it panicked. */
#ifndef HW_MISC_PVPANIC_H
#define HW_MISC_PVPANIC_H

#include "hw/pci/pci.h"

/* "pvpanic": properties ioport, events. */
extern const DeviceType pvpanic_isa_type;
/* "pvpanic-pci": property events. */
extern const PciDeviceType pvpanic_pci_type;

#endif
