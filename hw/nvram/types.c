/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/nvram/fw_cfg.h"
#include "hw/types.h"

const ObjectType *const hw_nvram_types[] = {
    TYPE(fw_cfg_io_type),
    TYPE(fw_cfg_mem_type),
    NULL,
};
