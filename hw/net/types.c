/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/types.h"
#include "hw/virtio/devices.h"

const ObjectType *const hw_net_types[] = {
    TYPE(virtio_net_type),
    NULL,
};
