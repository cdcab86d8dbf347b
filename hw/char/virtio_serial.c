/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Console device with several ports.
 *
 * Spec:  VIRTIO 1.2, 5.3.
 * Guest: two queues a port and, with VIRTIO_CONSOLE_F_MULTIPORT, two for
 *        control messages; queues 0 and 1 are port 0's.
 * Locks: machine lock, main loop.
 */
#include "tandem/base.h"

#include "hw/virtio/devices.h"
#include "trace_hw_char.h"
#include "virtio_serial.h"

/* Feature bits; 5.3.3. */
enum { F_SIZE = 0, F_MULTIPORT = 1, F_EMERG_WRITE = 2 };

/* Configuration, byte offsets; 5.3.4. */
enum {
    CFG_COLS = 0,
    CFG_ROWS = 2,
    CFG_MAX_NR_PORTS = 4,
    CFG_EMERG_WR = 8,
    CFG_SIZE = 12,
};

enum {
    QUEUE_CONTROL_IN = 2, /* to the driver */
    QUEUE_CONTROL_OUT = 3,
    QUEUE_SIZE = 128,
    CONTROL_QUEUE_SIZE = 32,
    PORTS_MAX = VIRTIO_QUEUES_MAX / 2 - 1,
    CONTROL_BYTES = 8,  /* a message without what follows it */
    CONTROL_MAX = 4096, /* messages that may wait for buffers */
    MESSAGE_MAX = 1024, /* bytes of one */
};

static VirtioSerial *serial_of(VirtioDevice *v)
{
    return object_cast(v, &virtio_serial_type);
}

bool virtio_serial_multiport(const VirtioSerial *s)
{
    return virtio_has(&s->parent, F_MULTIPORT);
}

/* Queues 0 and 1, then from 4 on; 5.3.2. */
static unsigned queue_of_port(uint32_t nr)
{
    return nr == 0 ? 0 : 2 * nr + 2;
}

static VirtioSerialPort *port_of_queue(VirtioSerial *s, const VirtQueue *vq)
{
    return s->ports[vq->index < QUEUE_CONTROL_IN ? 0 : vq->index / 2 - 1];
}

/* --- control messages --- */

static void free_message(gpointer data)
{
    g_byte_array_unref(data);
}

void virtio_serial_tell(VirtioSerial *s, uint32_t nr, uint16_t event,
                        uint16_t value, const void *data, size_t len)
{
    uint8_t head[CONTROL_BYTES];
    GByteArray *message;

    if (!s->driver_ready) {
        return; /* DEVICE_READY asks for all of it */
    }
    if (s->to_guest.length >= CONTROL_MAX) {
        guest_error(&s->parent.parent,
                    "the driver takes no control messages: one is dropped");
        return;
    }
    trace_virtio_serial_tell(nr, event, value);
    st32_le(head, nr);
    st16_le(head + 4, event);
    st16_le(head + 6, value);
    message = g_byte_array_new();
    g_byte_array_append(message, head, sizeof(head));
    if (len > 0) {
        g_byte_array_append(message, data, (guint)len);
    }
    g_queue_push_tail(&s->to_guest, message);
    virtq_kick(s->control);
}

static void control_in_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtioSerial *s = serial_of(v);
    bool told = false;

    while (!g_queue_is_empty(&s->to_guest) && virtq_ready(vq)) {
        VirtqElement *e = virtq_pop(vq, sizeof(*e));
        g_autoptr(GByteArray) message = NULL;

        if (!e) {
            if (virtq_wait(vq)) {
                continue;
            }
            break;
        }
        message = g_queue_pop_head(&s->to_guest);
        if (e->in_len < message->len) {
            guest_error(&v->parent, "control buffer of %" PRIu64 " bytes",
                        e->in_len);
        }
        virtq_push(vq, e,
                   (uint32_t)iov_from_buf(e->in, e->n_in, 0, message->data,
                                          message->len));
        virtq_element_free(e);
        told = true;
    }
    if (told) {
        virtq_notify(vq);
    }
}

void virtio_serial_resized(VirtioSerial *s, VirtioSerialPort *p)
{
    uint8_t size[4];

    st16_le(size, p->cols); /* 5.3.6.2: columns come first */
    st16_le(size + 2, p->rows);
    if (p->nr == 0) {
        memcpy(s->parent.config + CFG_COLS, size, sizeof(size));
        virtio_config_changed(&s->parent);
    }
    virtio_serial_tell(s, p->nr, VIRTIO_CONSOLE_RESIZE, 0, size, sizeof(size));
}

/* What a driver must know of a port that it has set up; 5.3.5. */
static void introduce(VirtioSerial *s, VirtioSerialPort *p)
{
    if (virtio_port_is_console(p)) {
        virtio_serial_tell(s, p->nr, VIRTIO_CONSOLE_CONSOLE_PORT, 1, NULL, 0);
        if (p->cols || p->rows) {
            virtio_serial_resized(s, p);
        }
    }
    if (p->name) {
        virtio_serial_tell(s, p->nr, VIRTIO_CONSOLE_PORT_NAME, 1, p->name,
                           strlen(p->name));
    }
    if (p->host_open) {
        virtio_serial_tell(s, p->nr, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL, 0);
    }
}

static void driver_is_ready(VirtioSerial *s, bool ready)
{
    if (!ready) {
        guest_error(&s->parent.parent, "the driver could not start");
        return;
    }
    s->driver_ready = true;
    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        if (s->ports[nr]) {
            virtio_serial_tell(s, nr, VIRTIO_CONSOLE_DEVICE_ADD, 1, NULL, 0);
        }
    }
}

static void control_message(VirtioSerial *s, const uint8_t *message)
{
    uint32_t nr = ld32_le(message);
    uint16_t event = ld16_le(message + 4), value = ld16_le(message + 6);
    VirtioSerialPort *p = nr < s->max_ports ? s->ports[nr] : NULL;

    trace_virtio_serial_told(nr, event, value);
    if (event == VIRTIO_CONSOLE_DEVICE_READY) {
        driver_is_ready(s, value);
    } else if (!p) {
        guest_error(&s->parent.parent, "message %u for port %u, which is not",
                    event, nr);
    } else if (event == VIRTIO_CONSOLE_PORT_READY) {
        if (value) {
            introduce(s, p);
        } else {
            guest_error(&p->parent, "the driver could not add the port");
        }
    } else if (event == VIRTIO_CONSOLE_PORT_OPEN) {
        virtio_port_guest_open(p, value);
    } else {
        guest_error(&p->parent, "control message %u of value %u", event, value);
    }
}

static void control_out_queue(VirtioDevice *v, VirtQueue *vq)
{
    uint8_t message[CONTROL_BYTES];
    VirtqElement *e;

    while ((e = virtq_pop(vq, sizeof(*e)))) {
        bool whole = iov_to_buf(e->out, e->n_out, 0, message,
                                sizeof(message)) == sizeof(message);

        virtq_push(vq, e, 0);
        virtq_element_free(e);
        if (whole) {
            control_message(serial_of(v), message);
        } else {
            guest_error(&v->parent, "control message that is cut short");
        }
    }
    virtq_notify(vq);
}

/* --- the queues of ports --- */

static void out_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtioSerialPort *p = port_of_queue(serial_of(v), vq);
    VirtqElement *e;

    if (p) {
        virtio_port_send(p);
        return;
    }
    while ((e = virtq_pop(vq, sizeof(*e)))) { /* nobody is there */
        virtq_push(vq, e, 0);
        virtq_element_free(e);
    }
    virtq_notify(vq);
}

static void in_queue(VirtioDevice *v, VirtQueue *vq)
{
    VirtioSerialPort *p = port_of_queue(serial_of(v), vq);

    if (p) {
        virtio_port_receive(p);
    }
}

static bool number_taken(VirtioSerial *s, VirtioSerialPort *p, Error **errp)
{
    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        if (s->ports[nr] && p->name && *p->name && s->ports[nr]->name &&
            strcmp(s->ports[nr]->name, p->name) == 0) {
            error_set(errp,
                      "virtio-serial-bus: A port already exists by "
                      "name %s",
                      p->name);
            return true;
        }
    }
    if (p->nr == 0 && !virtio_port_is_console(p)) {
        error_set(errp, "Port number 0 on virtio-serial devices reserved for "
                        "virtconsole devices for backward compatibility.");
        return true;
    }
    if (p->nr < s->max_ports && s->ports[p->nr]) {
        error_set(errp, "virtio-serial-bus: A port already exists at id %u",
                  p->nr);
        return true;
    }
    if (p->nr != UINT32_MAX && p->nr >= s->max_ports) {
        error_set(errp,
                  "virtio-serial-bus: Out-of-range port id specified, max. "
                  "allowed: %u",
                  s->max_ports - 1);
        return true;
    }
    return false;
}

bool virtio_serial_plug(VirtioSerial *s, VirtioSerialPort *p, Error **errp)
{
    uint32_t nr = p->nr;

    if (number_taken(s, p, errp)) {
        return false;
    }
    if (nr == UINT32_MAX) {
        nr = virtio_port_is_console(p) ? 0 : 1;
        while (nr < s->max_ports && s->ports[nr]) {
            nr++;
        }
        if (nr >= s->max_ports) {
            error_set(errp, "virtio-serial-bus: Maximum port limit for this "
                            "device reached");
            return false;
        }
    }
    p->nr = nr;
    p->serial = s;
    p->in = virtio_queue(&s->parent, queue_of_port(nr));
    p->out = virtio_queue(&s->parent, queue_of_port(nr) + 1);
    s->ports[nr] = p;
    if (nr == 0) {
        st16_le(s->parent.config + CFG_COLS, p->cols);
        st16_le(s->parent.config + CFG_ROWS, p->rows);
    }
    virtio_serial_tell(s, nr, VIRTIO_CONSOLE_DEVICE_ADD, 1, NULL, 0);
    return true;
}

void virtio_serial_unplug(VirtioSerial *s, VirtioSerialPort *p)
{
    s->ports[p->nr] = NULL;
    virtio_serial_tell(s, p->nr, VIRTIO_CONSOLE_DEVICE_REMOVE, 1, NULL, 0);
}

/* --- configuration, status, reset --- */

/* 5.3.4: any write to emerg_wr, also before the driver is set up. */
static void serial_config_written(VirtioDevice *v, unsigned off, unsigned len)
{
    VirtioSerial *s = serial_of(v);
    uint8_t byte = v->config[CFG_EMERG_WR];

    memset(v->config, 0, CFG_SIZE);
    st32_le(v->config + CFG_MAX_NR_PORTS, s->max_ports);
    if (s->ports[0]) {
        st16_le(v->config + CFG_COLS, s->ports[0]->cols);
        st16_le(v->config + CFG_ROWS, s->ports[0]->rows);
    }
    if (!s->emergency_write || off > CFG_EMERG_WR ||
        off + len <= CFG_EMERG_WR) {
        guest_error(&v->parent, "configuration at 0x%x written", off);
        return;
    }
    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        if (s->ports[nr] && virtio_port_is_console(s->ports[nr])) {
            virtio_port_emergency(s->ports[nr], byte);
            return;
        }
    }
}

/* Without control messages port 0 is open from the start; 5.3.5. */
static void serial_status_set(VirtioDevice *v, uint8_t old)
{
    VirtioSerial *s = serial_of(v);

    if (v->status & ~old & VIRTIO_STATUS_DRIVER_OK &&
        !virtio_serial_multiport(s) && s->ports[0]) {
        virtio_port_guest_open(s->ports[0], true);
    }
}

static void serial_reset(VirtioDevice *v)
{
    VirtioSerial *s = serial_of(v);

    s->driver_ready = false;
    g_queue_clear_full(&s->to_guest, free_message);
    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        if (s->ports[nr]) {
            virtio_port_reset(s->ports[nr], NULL);
            virtio_port_guest_open(s->ports[nr], false);
        }
    }
}

static void serial_queue_reset(VirtioDevice *v, VirtQueue *vq)
{
    VirtioSerial *s = serial_of(v);
    VirtioSerialPort *p = port_of_queue(s, vq);

    if (p && (vq == p->in || vq == p->out)) {
        virtio_port_reset(p, vq);
    }
}

/* --- saved state --- */

static void messages_save(const void *field, const void *obj, VmBuffer *b)
{
    const GQueue *q = field;

    vm_put_u64(b, q->length);
    for (const GList *l = q->head; l; l = l->next) {
        const GByteArray *message = l->data;

        vm_put_u64(b, message->len);
        vm_put(b, message->data, message->len);
    }
}

static bool messages_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    GQueue *q = field;
    uint64_t n = vm_get_u64(b);

    for (; n > 0; n--) {
        uint64_t len = vm_get_u64(b);
        GByteArray *message;

        if (b->failed || len < CONTROL_BYTES || len > MESSAGE_MAX ||
            q->length >= CONTROL_MAX) {
            error_set(errp,
                      "virtio-serial: a control message of %" PRIu64 " bytes",
                      len);
            return false;
        }
        message = g_byte_array_new();
        g_byte_array_set_size(message, (guint)len);
        vm_get(b, message->data, len);
        g_queue_push_tail(q, message);
    }
    return !b->failed;
}

static const VmCustom vm_messages = { messages_save, messages_load };

static uint32_t count_ports(const VirtioSerial *s)
{
    uint32_t n = 0;

    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        n += s->ports[nr] != NULL;
    }
    return n;
}

static void ports_save(const void *field, const void *obj, VmBuffer *b)
{
    const VirtioSerial *s = obj;

    vm_put_u64(b, count_ports(s));
    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        if (s->ports[nr]) {
            vm_put_u64(b, nr);
            virtio_port_save(s->ports[nr], b);
        }
    }
}

static bool ports_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    VirtioSerial *s = obj;
    uint64_t n = vm_get_u64(b);

    if (b->failed || n != count_ports(s)) {
        error_set(errp, "virtio-serial: %" PRIu64 " ports saved, %u here", n,
                  count_ports(s));
        return false;
    }
    for (; n > 0; n--) {
        uint64_t nr = vm_get_u64(b);

        if (b->failed || nr >= s->max_ports || !s->ports[nr]) {
            error_set(errp, "virtio-serial: there is no port %" PRIu64, nr);
            return false;
        }
        if (!virtio_port_load(s->ports[nr], b, errp)) {
            return false;
        }
    }
    return true;
}

static const VmCustom vm_ports = { ports_save, ports_load };

static const VmField serial_fields[] = {
    VM_BOOL(VirtioSerial, driver_ready),
    VM_CUSTOM(VirtioSerial, to_guest, vm_messages),
    VM_CUSTOM(VirtioSerial, ports, vm_ports),
    { 0 },
};
static const VmState serial_vmstate = {
    .name = "virtio-serial",
    .version = 1,
    .fields = serial_fields,
};

/* --- life --- */

/* "ID.0" by the id of the device or of the transport it is part of. */
static char *bus_name(VirtioSerial *s)
{
    DeviceState *dev = &s->parent.parent;
    DeviceState *outer = object_try_cast(dev->parent.parent, &device_type);
    const char *id = dev->id ? dev->id : outer ? outer->id : NULL;

    if (id) {
        return g_strdup_printf("%s.0", id);
    }
    for (unsigned i = 0;; i++) {
        g_autofree char *name = g_strdup_printf("virtio-serial-bus.%u", i);
        Error *err = NULL;

        if (!bus_find(dev->machine, name, &virtserialport_type, &err)) {
            error_free(err);
            return g_steal_pointer(&name);
        }
    }
}

static void add_queues(VirtioSerial *s)
{
    VirtioDevice *v = &s->parent;

    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        virtio_add_queue(v, QUEUE_SIZE, in_queue, NULL);
        virtio_add_queue(v, QUEUE_SIZE, out_queue, NULL);
        if (nr == 0) {
            s->control =
                virtio_add_queue(v, CONTROL_QUEUE_SIZE, control_in_queue, NULL);
            virtio_add_queue(v, CONTROL_QUEUE_SIZE, control_out_queue, NULL);
        }
    }
}

static bool serial_start(VirtioDevice *v, Error **errp)
{
    VirtioSerial *s = serial_of(v);
    g_autofree char *name = NULL;

    if (s->max_ports == 0) {
        error_set(errp, "Maximum number of serial ports not specified");
        return false;
    }
    if (s->max_ports > PORTS_MAX) {
        error_set(errp, "maximum ports supported: %u", PORTS_MAX);
        return false;
    }
    name = bus_name(s);
    bus_init(&s->bus, &virtio_serial_bus_type, &v->parent, name);
    s->bus.hotplug = true;
    s->ports = g_new0(VirtioSerialPort *, s->max_ports);
    add_queues(s);
    st32_le(v->config + CFG_MAX_NR_PORTS, s->max_ports);
    v->offered = BIT(F_SIZE) | (s->max_ports > 1 ? BIT(F_MULTIPORT) : 0) |
                 (s->emergency_write ? BIT(F_EMERG_WRITE) : 0);
    return true;
}

static void serial_stop(VirtioDevice *v)
{
    VirtioSerial *s = serial_of(v);

    serial_reset(v);
    g_ptr_array_remove(v->parent.buses, &s->bus);
    object_unparent(&s->bus);
    g_clear_pointer(&s->ports, g_free);
}

static const Property serial_props[] = {
    PROP(u32, VirtioSerial, max_ports, "max_ports", "31",
         "how many ports there may be"),
    PROP(bool, VirtioSerial, emergency_write, "emergency-write", "on",
         "offer VIRTIO_CONSOLE_F_EMERG_WRITE"),
    { 0 },
};

const VirtioDeviceType virtio_serial_type = {
    .name = "virtio-serial-device",
    .parent = TYPE(virtio_device_type),
    .description = "VirtIO console and serial ports",
    .size = sizeof(VirtioSerial),
    .props = serial_props,
    .category = DEVICE_INPUT,
    .user_creatable = true,
    .hotpluggable = true,
    .vmstate = &serial_vmstate,
    .device_id = VIRTIO_ID_CONSOLE,
    .config_size = CFG_SIZE,
    .start = serial_start,
    .stop = serial_stop,
    .config_written = serial_config_written,
    .status_set = serial_status_set,
    .reset = serial_reset,
    .queue_reset = serial_queue_reset,
};

const BusType virtio_serial_bus_type = {
    .name = "virtio-serial-bus",
    .parent = TYPE(bus_type),
    .size = sizeof(Bus),
};
