/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "internal.h"

const ObjectType *const chardev_types[] = {
    TYPE(chardev_type),      TYPE(chardev_null_type), TYPE(chardev_stdio_type),
    TYPE(chardev_file_type), TYPE(chardev_mux_type),  NULL,
};
