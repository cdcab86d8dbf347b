/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/types.h"
#include "hw/virtio/devices.h"
#include "hw/virtio/mmio.h"

const ObjectType *const hw_virtio_types[] = {
    TYPE(virtio_device_type),
    TYPE(virtio_bus_type),
    TYPE(virtio_mmio_type),
    TYPE(virtio_mmio_bus_type),
    TYPE(virtio_rng_type),
    TYPE(virtio_balloon_type),
    NULL,
};
