/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "virtio-mmio": VirtIO over MMIO, one device a window (VIRTIO 1.2, 4.2).
 * For boards: one region, one interrupt.
 */
#ifndef HW_VIRTIO_MMIO_H
#define HW_VIRTIO_MMIO_H

#include "softmmu/machine/machine.h"

enum { VIRTIO_MMIO_SIZE = 0x200 }; /* bytes of the region */

extern const DeviceType virtio_mmio_type;
extern const struct VirtioBusType virtio_mmio_bus_type;

/* A slot whose bus is "virtio-mmio-bus.<index>", realized; NULL with *errp. */
DeviceState *virtio_mmio_new(Machine *m, unsigned index, Error **errp);

#endif
