/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "internal.h"

const ObjectType *const chardev_types[] = {
    TYPE(chardev_type),
    TYPE(chardev_null_type),
    TYPE(chardev_stdio_type),
    TYPE(chardev_file_type),
    TYPE(chardev_mux_type),
    TYPE(chardev_socket_type),
    TYPE(chardev_pty_type),
    TYPE(chardev_pipe_type),
    TYPE(chardev_serial_type),
    TYPE(chardev_ringbuf_type),
    NULL,
};
