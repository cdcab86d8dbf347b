/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VirtIO devices, for transports that make one of their own (PCI), and
 * what several of them share. */
#ifndef HW_VIRTIO_DEVICES_H
#define HW_VIRTIO_DEVICES_H

#include "hw/virtio/virtio.h"

extern const VirtioDeviceType virtio_rng_type; /* "virtio-rng-device" */

extern const VirtioDeviceType virtio_blk_type;     /* "virtio-blk-device" */
extern const VirtioDeviceType virtio_net_type;     /* "virtio-net-device" */
extern const VirtioDeviceType virtio_balloon_type; /* "virtio-balloon-device" */
extern const VirtioDeviceType virtio_serial_type;  /* "virtio-serial-device" */

/* Saved state of a GQueue of plain VirtqElements that a device holds. */
extern const VmCustom virtio_vm_elements;

#endif
