/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generic host bridge: configuration space as a flat window (PCIe 7.2.2)
 * and windows of memory and I/O that the board places.
 */
#ifndef HW_PCI_ECAM_H
#define HW_PCI_ECAM_H

#include "hw/pci/pci.h"

/*
 * "gpex-pcihost". Region 0 is the ECAM window, 1 MiB a bus; lines 0 to 3 are
 * INTA to INTD. The board then calls ecam_map_*().
 */
extern const DeviceType ecam_host_type;

/* Show [base, base + size) of PCI memory at the same address of the CPUs. */
void ecam_map_memory(DeviceState *host, hwaddr base, uint64_t size);
/* Show I/O space from 0 on at @base. */
void ecam_map_io(DeviceState *host, hwaddr base);
/* The root bus of a machine; NULL: it has none. */
PciBus *ecam_root(DeviceState *host);

#endif
