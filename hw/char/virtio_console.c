/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ports of the VirtIO console device: consoles and plain byte streams.
 *
 * Spec:  VIRTIO 1.2, 5.3.6 (device operation).
 * Guest: one queue of buffers to fill and one of buffers to read each.
 * Locks: machine lock, main loop.
 *
 * Back-pressure: what the chardev does not take stays in its buffer, and no
 * further one is taken; the chardev is asked for no more than the driver's
 * first buffer holds.
 */
#include "tandem/base.h"

#include "trace_hw_char.h"
#include "virtio_serial.h"

enum { BACKLOG_MAX = 1 << 20 }; /* bytes that a saved state may bring */

static VirtioSerialPort *port_of(void *opaque)
{
    return opaque;
}

bool virtio_port_is_console(const VirtioSerialPort *p)
{
    return ((const VirtioSerialPortType *)p->parent.parent.type)->console;
}

/* --- from the guest --- */

static void tx_end(VirtioSerialPort *p)
{
    virtq_push(p->out, p->tx, 0);
    g_clear_pointer(&p->tx, virtq_element_free);
    p->tx_off = 0;
    virtq_notify(p->out);
}

/* Hand on what the chardev takes; true when that was all of it. */
static bool tx_drain(VirtioSerialPort *p)
{
    struct iovec part;

    while (
        iov_slice(&part, 1, p->tx->out, p->tx->n_out, p->tx_off, UINT64_MAX)) {
        size_t taken = char_write(&p->fe, part.iov_base, part.iov_len);

        p->tx_off += taken;
        trace_virtio_port_tx(p->nr, taken, part.iov_len);
        if (taken < part.iov_len) {
            return false; /* port_writable() goes on */
        }
    }
    return true;
}

void virtio_port_send(VirtioSerialPort *p)
{
    while (virtq_ready(p->out)) {
        if (!p->tx) {
            p->tx = virtq_pop(p->out, sizeof(*p->tx));
        }
        if (p->tx) {
            if (!tx_drain(p)) {
                return;
            }
            tx_end(p);
        } else if (!virtq_wait(p->out)) {
            return;
        }
    }
}

static void port_writable(void *opaque)
{
    VirtioSerialPort *p = port_of(opaque);

    if (p->tx) {
        virtq_kick(p->out);
    }
}

void virtio_port_emergency(VirtioSerialPort *p, uint8_t byte)
{
    char_write(&p->fe, &byte, 1);
}

/* --- to the guest --- */

/* The driver's first buffer with room, or NULL; then it will notify. */
static VirtqElement *rx_pop(VirtioSerialPort *p)
{
    while (virtq_ready(p->in)) {
        VirtqElement *e = virtq_pop(p->in, sizeof(*e));

        if (e && e->in_len > 0) {
            return e;
        }
        if (e) { /* nothing can be put there */
            virtq_push(p->in, e, 0);
            virtq_element_free(e);
            virtq_notify(p->in);
        } else if (!virtq_wait(p->in)) {
            return NULL;
        }
    }
    return NULL;
}

static uint64_t rx_room(VirtioSerialPort *p)
{
    VirtqElement *e = p->guest_open ? rx_pop(p) : NULL;
    uint64_t room = 0;

    if (e) {
        room = e->in_len;
        virtq_unpop(p->in, e);
        virtq_element_free(e);
    }
    return room;
}

static size_t rx_put(VirtioSerialPort *p, const uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len && p->guest_open) {
        VirtqElement *e = rx_pop(p);
        size_t n;

        if (!e) {
            break;
        }
        n = iov_from_buf(e->in, e->n_in, 0, data + done, len - done);
        virtq_push(p->in, e, (uint32_t)n);
        virtq_element_free(e);
        done += n;
    }
    if (done > 0) {
        trace_virtio_port_rx(p->nr, done);
        virtq_notify(p->in);
    }
    return done;
}

static int port_can_receive(void *opaque)
{
    VirtioSerialPort *p = port_of(opaque);
    uint64_t room = p->backlog->len ? 0 : rx_room(p);

    return (int)MIN(room, INT_MAX);
}

/* Less than was promised may fit when the gate delivers late (icount) and
 * the guest reset the device meanwhile: the rest waits here. */
static void port_receive_bytes(void *opaque, const uint8_t *data, int len)
{
    VirtioSerialPort *p = port_of(opaque);
    size_t done = p->backlog->len ? 0 : rx_put(p, data, (size_t)len);

    g_byte_array_append(p->backlog, data + done, (guint)((size_t)len - done));
}

void virtio_port_receive(VirtioSerialPort *p)
{
    if (p->backlog->len) {
        size_t done = rx_put(p, p->backlog->data, p->backlog->len);

        g_byte_array_remove_range(p->backlog, 0, (guint)done);
    }
    if (!p->backlog->len && p->guest_open) {
        char_accept_input(&p->fe);
    }
}

/* --- open and closed, both sides --- */

static void send_change(VirtioSerialPort *p)
{
    json_object *data;

    if (!p->parent.id) {
        return; /* the event names the port by it */
    }
    data = json_object_new_object();
    json_object_object_add(data, "id", json_object_new_string(p->parent.id));
    json_object_object_add(data, "open",
                           json_object_new_boolean(p->guest_open));
    machine_event(p->parent.machine, "VSERPORT_CHANGE", data);
}

void virtio_port_guest_open(VirtioSerialPort *p, bool open)
{
    if (p->guest_open == open) {
        return;
    }
    trace_virtio_port_open(p->nr, open);
    p->guest_open = open;
    send_change(p);
    if (open) {
        virtq_kick(p->in); /* virtio_port_receive() */
    }
}

/* A console's other side counts as open even with nobody there: the guest
 * may write at any time, and what it writes is discarded (DECISIONS 51). */
static bool other_side_open(const VirtioSerialPort *p, bool connected)
{
    return connected || virtio_port_is_console(p);
}

static void port_event(void *opaque, CharEvent ev)
{
    VirtioSerialPort *p = port_of(opaque);
    bool open;

    if (ev != CHAR_OPENED && ev != CHAR_CLOSED) {
        return;
    }
    open = other_side_open(p, ev == CHAR_OPENED);
    if (p->host_open != open) {
        p->host_open = open;
        if (p->serial) {
            virtio_serial_tell(p->serial, p->nr, VIRTIO_CONSOLE_PORT_OPEN, open,
                               NULL, 0);
        }
    }
    port_writable(p); /* with nobody there, what waits is discarded */
}

static const CharHandlers port_handlers = {
    .can_receive = port_can_receive,
    .receive = port_receive_bytes,
    .event = port_event,
    .writable = port_writable,
};

/* --- reset, saved state --- */

void virtio_port_reset(VirtioSerialPort *p, const VirtQueue *vq)
{
    if (p->tx && (!vq || vq == p->out)) {
        virtq_detach(p->out, p->tx);
        g_clear_pointer(&p->tx, virtq_element_free);
        p->tx_off = 0;
    }
}

void virtio_port_save(const VirtioSerialPort *p, VmBuffer *b)
{
    vm_put_u64(b, p->guest_open | (unsigned)p->host_open << 1 |
                      (p->tx != NULL) << 2);
    if (p->tx) {
        vm_put_u64(b, p->tx_off);
        virtq_element_save(p->tx, b);
    }
    vm_put_u64(b, p->backlog->len);
    vm_put(b, p->backlog->data, p->backlog->len);
}

static bool load_tx(VirtioSerialPort *p, VmBuffer *b, Error **errp)
{
    p->tx_off = vm_get_u64(b);
    if (!virtq_element_load(&p->serial->parent, sizeof(*p->tx), &p->tx, b,
                            errp)) {
        return false;
    }
    if (!p->tx) {
        p->tx_off = 0;
        return true;
    }
    if (p->tx->vq != p->out || p->tx_off > p->tx->out_len) {
        error_set(errp, "virtio-serial: port %u was sending what it cannot",
                  p->nr);
        return false;
    }
    return true;
}

bool virtio_port_load(VirtioSerialPort *p, VmBuffer *b, Error **errp)
{
    uint64_t flags = vm_get_u64(b), len;
    bool host_open = flags >> 1 & 1, open = p->host_open;

    p->guest_open = flags & 1;
    p->host_open = host_open;
    if (flags >> 2 & 1 && !load_tx(p, b, errp)) {
        return false;
    }
    len = vm_get_u64(b);
    if (b->failed || len > BACKLOG_MAX || len > b->in_len - b->in_pos) {
        error_set(errp, "virtio-serial: port %u: %" PRIu64 " bytes of input",
                  p->nr, len);
        return false;
    }
    g_byte_array_set_size(p->backlog, (guint)len);
    vm_get(b, p->backlog->data, len);
    if (open != host_open) { /* the driver learns what is so here */
        p->host_open = open;
        virtio_serial_tell(p->serial, p->nr, VIRTIO_CONSOLE_PORT_OPEN, open,
                           NULL, 0);
    }
    return true;
}

/* --- life --- */

static bool port_realize(DeviceState *dev, Error **errp)
{
    VirtioSerialPort *p = object_cast(dev, &virtio_serial_port_type);
    VirtioSerial *s = container_of(dev->bus, VirtioSerial, bus);
    g_autofree char *path = device_path(dev);

    if (p->name && strlen(p->name) > UINT8_MAX) {
        error_set(errp, "port name is longer than 255 bytes");
        return false;
    }
    p->host_open = other_side_open(p, false);
    p->backlog = g_byte_array_new();
    if (!char_attach(&p->fe, p->fe.chr, dev->machine->gate, dev->machine->loop,
                     path, &port_handlers, p, errp)) {
        g_clear_pointer(&p->backlog, g_byte_array_unref);
        return false;
    }
    if (!virtio_serial_plug(s, p, errp)) {
        char_detach(&p->fe);
        g_clear_pointer(&p->backlog, g_byte_array_unref);
        return false;
    }
    return true;
}

static void port_unrealize(DeviceState *dev)
{
    VirtioSerialPort *p = object_cast(dev, &virtio_serial_port_type);

    char_detach(&p->fe);
    if (p->tx && virtq_ready(p->out)) { /* the driver gets it back */
        tx_end(p);
    }
    virtio_port_reset(p, NULL);
    virtio_port_guest_open(p, false);
    virtio_serial_unplug(p->serial, p);
    p->serial = NULL;
    g_clear_pointer(&p->backlog, g_byte_array_unref);
}

/* --- the size of a console --- */

static bool set_size(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    VirtioSerialPort *p = object_cast(obj, &virtio_serial_port_type);

    if (!prop_type_u16.set(obj, prop, value, errp)) {
        return false;
    }
    if (p->serial) {
        virtio_serial_resized(p->serial, p);
    }
    return true;
}

static json_object *get_size(Object *obj, const Property *prop)
{
    return prop_type_u16.get(obj, prop);
}

static const PropertyType prop_type_extent = { "uint16", "int", set_size,
                                               get_size, NULL };

static const Property port_props[] = {
    PROP_CHARDEV(VirtioSerialPort, fe),
    PROP(str, VirtioSerialPort, name, "name", NULL,
         "what the guest knows it by"),
    PROP(u32, VirtioSerialPort, nr, "nr", "4294967295",
         "number of the port; by default the next that is free"),
    { 0 },
};

static const Property console_props[] = {
    { "cols", &prop_type_extent, offsetof(VirtioSerialPort, cols), "0",
      "width in characters; 0: not known", NULL, PROP_LIVE },
    { "rows", &prop_type_extent, offsetof(VirtioSerialPort, rows), "0",
      "height in lines; 0: not known", NULL, PROP_LIVE },
    { 0 },
};

const VirtioSerialPortType virtio_serial_port_type = {
    .name = "virtio-serial-port",
    .parent = TYPE(device_type),
    .size = sizeof(VirtioSerialPort),
    .abstract = true,
    .props = port_props,
    .bus = &virtio_serial_bus_type,
    .realize = port_realize,
    .unrealize = port_unrealize,
};

const VirtioSerialPortType virtconsole_type = {
    .name = "virtconsole",
    .parent = TYPE(virtio_serial_port_type),
    .description = "console on a VirtIO serial bus",
    .props = console_props,
    .category = DEVICE_INPUT,
    .user_creatable = true,
    .hotpluggable = true,
    .console = true,
};

const VirtioSerialPortType virtserialport_type = {
    .name = "virtserialport",
    .parent = TYPE(virtio_serial_port_type),
    .description = "byte stream on a VirtIO serial bus",
    .category = DEVICE_INPUT,
    .user_creatable = true,
    .hotpluggable = true,
};
