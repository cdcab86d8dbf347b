/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of hw/pci. */
#ifndef HW_PCI_INTERNAL_H
#define HW_PCI_INTERNAL_H

#include "hw/pci/pci.h"
#include "trace_hw_pci.h"

/* BARs and DMA as configuration space says. */
void pci_update_mappings(PciDevice *d);
/* The pin as configuration space says. */
void pci_update_intx(PciDevice *d);
void pci_msi_config_written(PciDevice *d, unsigned addr, unsigned len);
void pci_msi_reset(PciDevice *d);
void pci_msix_collect_all(PciDevice *d);
/* Take all BARs out of the maps. */
void pci_unmap_bars(PciDevice *d);
extern const VmCustom pci_msix_custom;
extern const PropertyType prop_type_pci_addr;
extern const PciDeviceType ecam_root_type, pcie_root_port_type;

#endif
