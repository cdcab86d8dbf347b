/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the VirtIO console device (virtio_serial.c) and its ports
 * (virtio_console.c). Machine lock, main loop.
 */
#ifndef HW_CHAR_VIRTIO_SERIAL_H
#define HW_CHAR_VIRTIO_SERIAL_H

#include "hw/virtio/virtio.h"
#include "softmmu/backend/chardev.h"

typedef struct VirtioSerial VirtioSerial;
typedef struct VirtioSerialPort VirtioSerialPort;

typedef struct VirtioSerialPortType {
    struct DeviceType;
    bool console; /* may be port 0; the guest puts a terminal on it */
} VirtioSerialPortType;

struct VirtioSerialPort {
    DeviceState parent;
    /* properties */
    CharFrontend fe;
    char *name;          /* NULL: none */
    uint32_t nr;         /* UINT32_MAX: the next that is free */
    uint16_t cols, rows; /* of a console; 0: not known */
    /* constant after realize */
    VirtioSerial *serial;
    VirtQueue *in, *out; /* to the guest, from the guest */
    /* guest state; saved by the device it is on */
    bool guest_open, host_open;
    VirtqElement *tx;    /* taken, not all of it handed on; or NULL */
    uint64_t tx_off;     /* bytes of it that were */
    GByteArray *backlog; /* arrived when no buffer was there */
};

struct VirtioSerial {
    VirtioDevice parent;
    /* properties */
    uint32_t max_ports;
    bool emergency_write;
    /* constant after realize */
    Bus bus; /* of ports */
    VirtQueue *control;
    VirtioSerialPort **ports; /* by number; NULL: none */
    /* guest state; saved */
    bool driver_ready; /* it sent DEVICE_READY */
    GQueue to_guest;   /* GByteArray *: control messages that wait */
};

extern const BusType virtio_serial_bus_type;
extern const VirtioSerialPortType virtio_serial_port_type; /* abstract */
extern const VirtioSerialPortType virtconsole_type, virtserialport_type;

/* Control messages, device to driver and back; VIRTIO 1.2, 5.3.6.2. */
enum {
    VIRTIO_CONSOLE_DEVICE_READY,
    VIRTIO_CONSOLE_DEVICE_ADD,
    VIRTIO_CONSOLE_DEVICE_REMOVE,
    VIRTIO_CONSOLE_PORT_READY,
    VIRTIO_CONSOLE_CONSOLE_PORT,
    VIRTIO_CONSOLE_RESIZE,
    VIRTIO_CONSOLE_PORT_OPEN,
    VIRTIO_CONSOLE_PORT_NAME,
};

/* --- the device, for ports --- */

/* Does the driver know of several ports? */
bool virtio_serial_multiport(const VirtioSerial *s);
/* Queue a message about port @nr; dropped while the driver is not ready. */
void virtio_serial_tell(VirtioSerial *s, uint32_t nr, uint16_t event,
                        uint16_t value, const void *data, size_t len);
/* Give the port its number and queues, and tell the driver of it; false: no
 * such number is free. */
bool virtio_serial_plug(VirtioSerial *s, VirtioSerialPort *p, Error **errp);
void virtio_serial_unplug(VirtioSerial *s, VirtioSerialPort *p);
/* A console's size changed. */
void virtio_serial_resized(VirtioSerial *s, VirtioSerialPort *p);

/* --- a port, for the device --- */

bool virtio_port_is_console(const VirtioSerialPort *p);
/* The guest opened or closed it. */
void virtio_port_guest_open(VirtioSerialPort *p, bool open);
/* Buffers came: take what the guest sends; offer room to the chardev. */
void virtio_port_send(VirtioSerialPort *p);
void virtio_port_receive(VirtioSerialPort *p);
/* Give up what was taken from @vq (NULL: from any queue). */
void virtio_port_reset(VirtioSerialPort *p, const VirtQueue *vq);
/* One byte past the queues; never waits. */
void virtio_port_emergency(VirtioSerialPort *p, uint8_t byte);
void virtio_port_save(const VirtioSerialPort *p, VmBuffer *b);
bool virtio_port_load(VirtioSerialPort *p, VmBuffer *b, Error **errp);

#endif
