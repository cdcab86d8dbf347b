/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/char/htif.h"
#include "hw/char/serial.h"
#include "hw/types.h"

const ObjectType *const hw_char_types[] = {
    TYPE(htif_type),
    TYPE(serial_mm_type),
    NULL,
};
