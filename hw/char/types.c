/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/char/htif.h"
#include "hw/char/serial.h"
#include "hw/types.h"
#include "hw/virtio/devices.h"
#include "virtio_serial.h"

const ObjectType *const hw_char_types[] = {
    TYPE(htif_type),
    TYPE(serial_mm_type),
    TYPE(virtio_serial_type),
    TYPE(virtio_serial_bus_type),
    TYPE(virtio_serial_port_type),
    TYPE(virtconsole_type),
    TYPE(virtserialport_type),
    NULL,
};
