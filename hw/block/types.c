/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/block/pflash.h"
#include "hw/types.h"
#include "hw/virtio/devices.h"

const ObjectType *const hw_block_types[] = {
    TYPE(pflash_cfi01_type),
    TYPE(virtio_blk_type),
    NULL,
};
