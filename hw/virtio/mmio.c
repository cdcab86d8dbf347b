/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * VirtIO over MMIO.
 *
 * Spec:  VIRTIO 1.2, 4.2.2 (registers), 4.2.4 (legacy interface).
 * Guest: a window of 32-bit registers, then the configuration space; one
 *        level interrupt. Version 1 (legacy) or 2, by property.
 * Omits: shared memory regions: no device here has one (lengths read -1).
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include <sys/eventfd.h>

#include "hw/virtio/mmio.h"
#include "hw/virtio/virtio.h"
#include "trace_hw_virtio.h"

/* Byte offsets; table 4.1 and, for legacy, table 4.2. */
enum {
    R_MAGIC = 0x000,
    R_VERSION = 0x004,
    R_DEVICE_ID = 0x008,
    R_VENDOR_ID = 0x00c,
    R_DEVICE_FEATURES = 0x010,
    R_DEVICE_FEATURES_SEL = 0x014,
    R_DRIVER_FEATURES = 0x020,
    R_DRIVER_FEATURES_SEL = 0x024,
    R_GUEST_PAGE_SIZE = 0x028, /* legacy */
    R_QUEUE_SEL = 0x030,
    R_QUEUE_NUM_MAX = 0x034,
    R_QUEUE_NUM = 0x038,
    R_QUEUE_ALIGN = 0x03c, /* legacy */
    R_QUEUE_PFN = 0x040,   /* legacy */
    R_QUEUE_READY = 0x044,
    R_QUEUE_NOTIFY = 0x050,
    R_INTERRUPT_STATUS = 0x060,
    R_INTERRUPT_ACK = 0x064,
    R_STATUS = 0x070,
    R_QUEUE_DESC_LOW = 0x080,
    R_QUEUE_DESC_HIGH = 0x084,
    R_QUEUE_DRIVER_LOW = 0x090,
    R_QUEUE_DRIVER_HIGH = 0x094,
    R_QUEUE_DEVICE_LOW = 0x0a0,
    R_QUEUE_DEVICE_HIGH = 0x0a4,
    R_SHM_SEL = 0x0ac,
    R_SHM_LEN_LOW = 0x0b0,
    R_SHM_LEN_HIGH = 0x0b4,
    R_SHM_BASE_LOW = 0x0b8,
    R_SHM_BASE_HIGH = 0x0bc,
    R_QUEUE_RESET = 0x0c0,
    R_CONFIG_GENERATION = 0x0fc,
    R_CONFIG = 0x100,
};

enum { MAGIC = 0x74726976 /* "virt" */, VENDOR = 0x554d4551 /* "QEMU" */ };

typedef struct VirtioMmio {
    DeviceState parent;
    /* properties */
    bool force_legacy, ioeventfd, irqfd;
    /* constant after realize */
    unsigned index;
    VirtioBus bus;
    MemoryRegion mmio;
    IrqLine irq;
    /* not saved: queues' interrupts, from DRIVER_OK to the device's reset */
    IrqFd line;
    /* guest state: saved */
    uint32_t device_sel, driver_sel, queue_sel, shm_sel;
    uint32_t driver_features[2];
    uint32_t page_size, queue_align; /* legacy; bytes, powers of two */
} VirtioMmio;

static void mmio_update(VirtioMmio *s)
{
    VirtioDevice *v = virtio_bus_device(&s->bus);
    uint8_t isr = v ? virtio_isr(v) : 0;

    irq_set(&s->irq, (s->line.bound ? isr & ~VIRTIO_ISR_QUEUE : isr) != 0);
}

/* --- the line by descriptor --- */

static bool line_up(void *opaque)
{
    VirtioMmio *s = opaque;
    VirtioDevice *v = virtio_bus_device(&s->bus);

    return v && (virtio_isr(v) & VIRTIO_ISR_QUEUE);
}

static void line_drive(void *opaque)
{
    mmio_update(opaque);
}

/* No queue writes to it. */
static void line_detach(VirtioMmio *s)
{
    if (s->line.to) {
        device_irq_fd_off(&s->line);
        close(s->line.fd);
        s->line = (IrqFd){ 0 };
        mmio_update(s);
    }
}

static void line_attach(VirtioMmio *s)
{
    int fd = s->line.to ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (fd < 0) {
        return;
    }
    s->line =
        (IrqFd){ .fd = fd, .up = line_up, .drive = line_drive, .opaque = s };
    if (!device_irq_fd(&s->parent, 0, &s->line)) {
        close(fd);
        s->line = (IrqFd){ 0 };
    }
}

static void mmio_clear(VirtioMmio *s)
{
    s->device_sel = s->driver_sel = s->queue_sel = s->shm_sel = 0;
    memset(s->driver_features, 0, sizeof(s->driver_features));
    s->page_size = s->queue_align = 4096;
}

/* --- registers: what each does --- */

typedef uint32_t MmioRead(VirtioMmio *s, VirtioDevice *v);
typedef void MmioWrite(VirtioMmio *s, VirtioDevice *v, uint32_t value);

static uint32_t device_id_read(VirtioMmio *s, VirtioDevice *v)
{
    return ((const VirtioDeviceType *)v->parent.parent.type)->device_id;
}

static uint32_t vendor_id_read(VirtioMmio *s, VirtioDevice *v)
{
    return VENDOR;
}

static uint32_t device_features_read(VirtioMmio *s, VirtioDevice *v)
{
    return s->device_sel > 1 ? 0
                             : (uint32_t)(virtio_offered(v, s->force_legacy) >>
                                          32 * s->device_sel);
}

static void device_features_sel_written(VirtioMmio *s, VirtioDevice *v,
                                        uint32_t value)
{
    s->device_sel = value;
}

static void driver_features_written(VirtioMmio *s, VirtioDevice *v,
                                    uint32_t value)
{
    if (s->driver_sel > 1) {
        return; /* bits from 64 on: none is offered */
    }
    s->driver_features[s->driver_sel] = value;
    virtio_set_features(
        v, s->driver_features[0] |
               (s->force_legacy ? 0 : (uint64_t)s->driver_features[1] << 32));
}

static void driver_features_sel_written(VirtioMmio *s, VirtioDevice *v,
                                        uint32_t value)
{
    s->driver_sel = value;
}

static void guest_page_size_written(VirtioMmio *s, VirtioDevice *v,
                                    uint32_t value)
{
    if (!is_power_of_2(value)) {
        guest_error(&s->parent, "page size of %u bytes", value);
        return;
    }
    s->page_size = value;
}

static void queue_sel_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    s->queue_sel = value;
}

/* The selected queue while it may be set up (4.2.2.2); else NULL. */
static VirtQueue *queue_to_set(VirtioMmio *s, VirtioDevice *v)
{
    VirtQueue *vq = virtio_queue(v, s->queue_sel);

    if (!vq || vq->enabled) {
        guest_error(&s->parent, "queue %u is %s", s->queue_sel,
                    vq ? "in use" : "not there");
        return NULL;
    }
    return vq;
}

static uint32_t queue_num_max_read(VirtioMmio *s, VirtioDevice *v)
{
    VirtQueue *vq = virtio_queue(v, s->queue_sel);

    return vq ? vq->size_max : 0;
}

static void queue_num_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = queue_to_set(s, v);

    if (vq) {
        virtq_set_size(vq, (uint16_t)MIN(value, UINT16_MAX));
    }
}

static void queue_align_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    if (!is_power_of_2(value)) {
        guest_error(&s->parent, "queue alignment of %u bytes", value);
        return;
    }
    s->queue_align = value;
}

static uint32_t queue_pfn_read(VirtioMmio *s, VirtioDevice *v)
{
    VirtQueue *vq = virtio_queue(v, s->queue_sel);

    return vq ? (uint32_t)(vq->desc / s->page_size) : 0;
}

static void queue_pfn_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = virtio_queue(v, s->queue_sel);

    if (!vq) {
        return;
    }
    if (value == 0) { /* 4.2.4: a driver stops the queue; size too */
        virtio_queue_reset(v, vq);
    } else if (queue_to_set(s, v)) {
        virtq_set_legacy(vq, (hwaddr)value * s->page_size, s->queue_align);
    }
}

static uint32_t queue_ready_read(VirtioMmio *s, VirtioDevice *v)
{
    VirtQueue *vq = virtio_queue(v, s->queue_sel);

    return vq && vq->enabled;
}

static void queue_ready_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = virtio_queue(v, s->queue_sel);

    if (!vq || (value & 1) == vq->enabled) {
        return;
    }
    if (value & 1) {
        virtq_enable(vq);
    } else {
        virtio_queue_reset(v, vq);
    }
}

static void queue_notify_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = virtio_queue(v, value);

    if (vq) {
        virtq_kick(vq);
    } else {
        guest_error(&s->parent, "queue %u is notified", value);
    }
}

static uint32_t interrupt_status_read(VirtioMmio *s, VirtioDevice *v)
{
    return virtio_isr(v);
}

static void interrupt_ack_written(VirtioMmio *s, VirtioDevice *v,
                                  uint32_t value)
{
    virtio_isr_clear(v, (uint8_t)value);
}

static uint32_t status_read(VirtioMmio *s, VirtioDevice *v)
{
    return v->status;
}

static void status_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    virtio_set_status(v, (uint8_t)value);
    if ((value & 0xff) == 0) {
        line_detach(s);
        mmio_clear(s);
    }
}

static void half_written(VirtioMmio *s, VirtioDevice *v, size_t field,
                         unsigned shift, uint32_t value)
{
    VirtQueue *vq = queue_to_set(s, v);

    if (vq) {
        hwaddr *addr = (hwaddr *)(void *)((char *)vq + field);

        *addr = bits_set(*addr, shift, 32, value);
    }
}

#define QUEUE_ADDR(name, field)                                                \
    static void name##_low_written(VirtioMmio *s, VirtioDevice *v,             \
                                   uint32_t value)                             \
    {                                                                          \
        half_written(s, v, offsetof(VirtQueue, field), 0, value);              \
    }                                                                          \
    static void name##_high_written(VirtioMmio *s, VirtioDevice *v,            \
                                    uint32_t value)                            \
    {                                                                          \
        half_written(s, v, offsetof(VirtQueue, field), 32, value);             \
    }
QUEUE_ADDR(desc, desc)
QUEUE_ADDR(driver, driver)
QUEUE_ADDR(device, dev)

static void shm_sel_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    s->shm_sel = value;
}

/* 4.2.2.1: a region that is not there has length and base -1. */
static uint32_t shm_read(VirtioMmio *s, VirtioDevice *v)
{
    return UINT32_MAX;
}

static uint32_t queue_reset_read(VirtioMmio *s, VirtioDevice *v)
{
    return 0; /* a reset is over when the write returns */
}

static void queue_reset_written(VirtioMmio *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = virtio_queue(v, s->queue_sel);

    if (!vq || value != 1 || !virtio_has(v, VIRTIO_F_RING_RESET)) {
        guest_error(&s->parent, "reset of queue %u", s->queue_sel);
        return;
    }
    virtio_queue_reset(v, vq);
}

static uint32_t config_generation_read(VirtioMmio *s, VirtioDevice *v)
{
    return v->config_generation;
}

/* --- registers: the table --- */

enum { LEGACY = 1, MODERN = 2, BOTH = 3 };

typedef struct MmioReg {
    uint8_t versions; /* 0: a gap */
    MmioRead *read;   /* NULL: write-only */
    MmioWrite *write; /* NULL: read-only */
} MmioReg;

/* clang-format off */
static const MmioReg mmio_regs[R_CONFIG / 4] = {
    [R_DEVICE_ID / 4]           = { BOTH,   device_id_read, NULL },
    [R_VENDOR_ID / 4]           = { BOTH,   vendor_id_read, NULL },
    [R_DEVICE_FEATURES / 4]     = { BOTH,   device_features_read, NULL },
    [R_DEVICE_FEATURES_SEL / 4] = { BOTH,   NULL, device_features_sel_written },
    [R_DRIVER_FEATURES / 4]     = { BOTH,   NULL, driver_features_written },
    [R_DRIVER_FEATURES_SEL / 4] = { BOTH,   NULL, driver_features_sel_written },
    [R_GUEST_PAGE_SIZE / 4]     = { LEGACY, NULL, guest_page_size_written },
    [R_QUEUE_SEL / 4]           = { BOTH,   NULL, queue_sel_written },
    [R_QUEUE_NUM_MAX / 4]       = { BOTH,   queue_num_max_read, NULL },
    [R_QUEUE_NUM / 4]           = { BOTH,   NULL, queue_num_written },
    [R_QUEUE_ALIGN / 4]         = { LEGACY, NULL, queue_align_written },
    [R_QUEUE_PFN / 4]           = { LEGACY, queue_pfn_read, queue_pfn_written },
    [R_QUEUE_READY / 4]         = { MODERN, queue_ready_read, queue_ready_written },
    [R_QUEUE_NOTIFY / 4]        = { BOTH,   NULL, queue_notify_written },
    [R_INTERRUPT_STATUS / 4]    = { BOTH,   interrupt_status_read, NULL },
    [R_INTERRUPT_ACK / 4]       = { BOTH,   NULL, interrupt_ack_written },
    [R_STATUS / 4]              = { BOTH,   status_read, status_written },
    [R_QUEUE_DESC_LOW / 4]      = { MODERN, NULL, desc_low_written },
    [R_QUEUE_DESC_HIGH / 4]     = { MODERN, NULL, desc_high_written },
    [R_QUEUE_DRIVER_LOW / 4]    = { MODERN, NULL, driver_low_written },
    [R_QUEUE_DRIVER_HIGH / 4]   = { MODERN, NULL, driver_high_written },
    [R_QUEUE_DEVICE_LOW / 4]    = { MODERN, NULL, device_low_written },
    [R_QUEUE_DEVICE_HIGH / 4]   = { MODERN, NULL, device_high_written },
    [R_SHM_SEL / 4]             = { MODERN, NULL, shm_sel_written },
    [R_SHM_LEN_LOW / 4]         = { MODERN, shm_read, NULL },
    [R_SHM_LEN_HIGH / 4]        = { MODERN, shm_read, NULL },
    [R_SHM_BASE_LOW / 4]        = { MODERN, shm_read, NULL },
    [R_SHM_BASE_HIGH / 4]       = { MODERN, shm_read, NULL },
    [R_QUEUE_RESET / 4]         = { MODERN, queue_reset_read, queue_reset_written },
    [R_CONFIG_GENERATION / 4]   = { MODERN, config_generation_read, NULL },
};
/* clang-format on */

static uint32_t register_read(VirtioMmio *s, VirtioDevice *v, hwaddr off)
{
    const MmioReg *r = &mmio_regs[off / 4];

    if (off == R_MAGIC) {
        return MAGIC;
    }
    if (off == R_VERSION) {
        return s->force_legacy ? 1 : 2;
    }
    if (!v) {
        return 0; /* 4.2.2.2: device ID 0, no device */
    }
    if (!(r->versions & (s->force_legacy ? LEGACY : MODERN)) || !r->read) {
        guest_error(&s->parent, "register 0x%03x read", (unsigned)off);
        return 0;
    }
    return r->read(s, v);
}

static void register_write(VirtioMmio *s, VirtioDevice *v, hwaddr off,
                           uint32_t value)
{
    const MmioReg *r = &mmio_regs[off / 4];

    if (!v) {
        return;
    }
    if (!(r->versions & (s->force_legacy ? LEGACY : MODERN)) || !r->write) {
        guest_error(&s->parent, "register 0x%03x written", (unsigned)off);
        return;
    }
    r->write(s, v, value);
    mmio_update(s);
}

static MemResult mmio_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    VirtioMmio *s = opaque;
    VirtioDevice *v = virtio_bus_device(&s->bus);

    *value = 0;
    if (off >= R_CONFIG) {
        *value =
            v ? virtio_config_read(v, (unsigned)(off - R_CONFIG), size) : 0;
    } else if (size != 4) { /* 4.2.2.2 */
        guest_error(&s->parent, "register 0x%03x: %u byte access",
                    (unsigned)off, size);
    } else {
        *value = register_read(s, v, off);
    }
    trace_virtio_mmio_read((unsigned)off, *value);
    return MEM_OK;
}

static MemResult mmio_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    VirtioMmio *s = opaque;
    VirtioDevice *v = virtio_bus_device(&s->bus);

    trace_virtio_mmio_write((unsigned)off, value);
    if (off >= R_CONFIG) {
        if (v) {
            virtio_config_write(v, (unsigned)(off - R_CONFIG), size, value);
            mmio_update(s);
        }
    } else if (size != 4) {
        guest_error(&s->parent, "register 0x%03x: %u byte access",
                    (unsigned)off, size);
    } else {
        register_write(s, v, off, (uint32_t)value);
    }
    return MEM_OK;
}

static const MemoryOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 8,
    .impl_min = 1,
    .impl_max = 4,
};

/* --- the bus --- */

static bool mmio_attached(VirtioBus *bus, VirtioDevice *v, Error **errp)
{
    VirtioMmio *s = object_cast(bus->parent.owner, &virtio_mmio_type);

    v->legacy = s->force_legacy;
    if (v->legacy && v->access_platform) {
        error_set(errp, "iommu_platform=on needs virtio-mmio.force-legacy=off");
        return false;
    }
    return true;
}

static void mmio_detached(VirtioBus *bus, VirtioDevice *v)
{
    VirtioMmio *s = object_cast(bus->parent.owner, &virtio_mmio_type);

    line_detach(s);
    irq_set(&s->irq, false);
}

static void mmio_interrupt(VirtioBus *bus, VirtioDevice *v, uint16_t vector)
{
    VirtioMmio *s = object_cast(bus->parent.owner, &virtio_mmio_type);

    mmio_update(s);
    if (s->line.bound && line_up(s)) { /* it did not come by the descriptor */
        eventfd_write(s->line.fd, 1);
    }
}

/* One line for all queues. */
static int mmio_interrupt_fd(VirtioBus *bus, VirtQueue *vq)
{
    VirtioMmio *s = object_cast(bus->parent.owner, &virtio_mmio_type);

    if (s->irqfd) {
        line_attach(s);
    }
    return s->line.to ? s->line.fd : -1;
}

static MemoryRegion *mmio_bell(VirtioBus *bus, VirtQueue *vq,
                               MemoryIoeventfd *e)
{
    VirtioMmio *s = object_cast(bus->parent.owner, &virtio_mmio_type);

    *e = (MemoryIoeventfd){
        .addr = R_QUEUE_NOTIFY, .size = 4, .match = true, .data = vq->index
    };
    return s->ioeventfd ? &s->mmio : NULL;
}

const VirtioBusType virtio_mmio_bus_type = {
    .name = "virtio-mmio-bus",
    .parent = TYPE(virtio_bus_type),
    .attached = mmio_attached,
    .detached = mmio_detached,
    .interrupt = mmio_interrupt,
    .interrupt_fd = mmio_interrupt_fd,
    .interrupt_fd_isr = true,
    .bell = mmio_bell,
    .max_devices = 1,
};

/* --- type --- */

static void mmio_reset_enter(DeviceState *dev)
{
    mmio_clear(object_cast(dev, &virtio_mmio_type));
}

static void mmio_reset_hold(DeviceState *dev)
{
    VirtioMmio *s = object_cast(dev, &virtio_mmio_type);

    line_detach(s); /* the device below has been reset */
    mmio_update(s);
}

static bool mmio_post_load(void *obj, int version, Error **errp)
{
    VirtioMmio *s = obj;

    if (!is_power_of_2(s->page_size) || !is_power_of_2(s->queue_align)) {
        error_set(errp, "virtio-mmio: page size %u, alignment %u", s->page_size,
                  s->queue_align);
        return false;
    }
    return true;
}

static const VmField mmio_fields[] = {
    VM_U32(VirtioMmio, device_sel),
    VM_U32(VirtioMmio, driver_sel),
    VM_U32(VirtioMmio, queue_sel),
    VM_U32(VirtioMmio, shm_sel),
    VM_U32_ARRAY(VirtioMmio, driver_features),
    VM_U32(VirtioMmio, page_size),
    VM_U32(VirtioMmio, queue_align),
    { 0 },
};
static const VmState mmio_vmstate = {
    .name = "virtio-mmio",
    .version = 1,
    .fields = mmio_fields,
    .post_load = mmio_post_load,
};

static const Property mmio_props[] = {
    PROP(bool, VirtioMmio, force_legacy, "force-legacy", "on",
         "be version 1, the legacy interface"),
    PROP(bool, VirtioMmio, ioeventfd, "ioeventfd", "on",
         "notifications ring a descriptor, where the engine can"),
    PROP(bool, VirtioMmio, irqfd, "irqfd", "off",
         "a descriptor raises the interrupt line, where the engine can"),
    { 0 },
};

static bool mmio_realize(DeviceState *dev, Error **errp)
{
    VirtioMmio *s = object_cast(dev, &virtio_mmio_type);
    g_autofree char *name = g_strdup_printf("virtio-mmio-bus.%u", s->index);

    mmio_clear(s);
    bus_init(&s->bus.parent, &virtio_mmio_bus_type, dev, name);
    memory_region_init_io(&s->mmio, dev, &mmio_ops, s, "virtio-mmio",
                          VIRTIO_MMIO_SIZE);
    device_add_mmio(dev, &s->mmio);
    device_add_irq(dev, &s->irq);
    return true;
}

static void mmio_unrealize(DeviceState *dev)
{
    VirtioMmio *s = object_cast(dev, &virtio_mmio_type);

    line_detach(s);
    memory_region_destroy(&s->mmio);
}

static char *mmio_fw_name(DeviceState *dev)
{
    const VirtioMmio *s = object_cast(dev, &virtio_mmio_type);

    return g_strdup_printf("virtio-mmio@%016" PRIx64, s->mmio.addr);
}

const DeviceType virtio_mmio_type = {
    .name = "virtio-mmio",
    .parent = TYPE(device_type),
    .description = "VirtIO over MMIO",
    .size = sizeof(VirtioMmio),
    .props = mmio_props,
    .realize = mmio_realize,
    .unrealize = mmio_unrealize,
    .reset_enter = mmio_reset_enter,
    .reset_hold = mmio_reset_hold,
    .fw_name = mmio_fw_name,
    .vmstate = &mmio_vmstate,
};

DeviceState *virtio_mmio_new(Machine *m, unsigned index, Error **errp)
{
    DeviceState *dev = device_new_board(m, &virtio_mmio_type);

    ((VirtioMmio *)object_cast(dev, &virtio_mmio_type))->index = index;
    return device_realize(dev, errp) ? dev : NULL;
}
