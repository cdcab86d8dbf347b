/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VirtIO over PCI (VIRTIO 1.2, 4.1): "virtio-X-pci" shows a part of its own,
 * the child "virtio-backend", and has its properties.
 */
#ifndef HW_VIRTIO_PCI_H
#define HW_VIRTIO_PCI_H

#include "hw/pci/pci.h"
#include "hw/virtio/devices.h"

typedef enum VirtioPciMode {
    VIRTIO_PCI_AUTO, /* as disable-legacy says */
    VIRTIO_PCI_TRANSITIONAL,
    VIRTIO_PCI_MODERN,
} VirtioPciMode;

typedef struct VirtioPciType {
    struct PciDeviceType;
    const VirtioDeviceType *backend;
    uint16_t transitional_id; /* 0: the device is modern only */
    VirtioPciMode mode;
} VirtioPciType;
extern const VirtioPciType virtio_pci_type; /* "virtio-pci", abstract */

typedef struct VirtioPci {
    PciDevice parent;
    /* properties */
    int disable_legacy; /* ON_OFF_AUTO_x */
    bool disable_modern, page_per_vq, ioeventfd;
    uint32_t vectors; /* UINT32_MAX: as the device needs */
    /* constant after realize */
    VirtioBus bus;
    DeviceState *backend;
    bool legacy; /* has the legacy interface */
    uint32_t notify_multiplier;
    uint8_t window_cap; /* 4.1.4.9; 0: none */
    MemoryRegion modern, io;
    /* guest state: saved */
    uint32_t device_sel, driver_sel;
    uint16_t queue_sel;
    uint32_t driver_features[2];
} VirtioPci;

extern const VirtioBusType virtio_pci_bus_type;

#endif
