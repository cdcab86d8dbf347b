/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * VirtIO over PCI: modern, legacy and transitional devices.
 *
 * Spec:  VIRTIO 1.2, 4.1: 4.1.2 (identity), 4.1.4 (layout), 4.1.4.10 (legacy
 *        layout), 4.1.5 (operation).
 * Guest: BAR 0 legacy registers (I/O), BAR 1 MSI-X, BAR 4 modern registers;
 *        pin A or MSI-X.
 * Omits: shared memory capability (no device here has any), notification data.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/types.h"
#include "hw/virtio/pci.h"
#include "trace_hw_virtio.h"

/* Common configuration structure; 4.1.4.3. */
enum {
    C_DEVICE_FEATURE_SELECT = 0x00,
    C_DEVICE_FEATURE = 0x04,
    C_DRIVER_FEATURE_SELECT = 0x08,
    C_DRIVER_FEATURE = 0x0c,
    C_CONFIG_MSIX_VECTOR = 0x10,
    C_NUM_QUEUES = 0x12,
    C_DEVICE_STATUS = 0x14,
    C_CONFIG_GENERATION = 0x15,
    C_QUEUE_SELECT = 0x16,
    C_QUEUE_SIZE = 0x18,
    C_QUEUE_MSIX_VECTOR = 0x1a,
    C_QUEUE_ENABLE = 0x1c,
    C_QUEUE_NOTIFY_OFF = 0x1e,
    C_QUEUE_DESC = 0x20,
    C_QUEUE_DRIVER = 0x28,
    C_QUEUE_DEVICE = 0x30,
    C_QUEUE_NOTIFY_DATA = 0x38,
    C_QUEUE_RESET = 0x3a,
    C_SIZE = 0x3c,
};

/* Legacy registers; 4.1.4.10. Device configuration follows. */
enum {
    L_DEVICE_FEATURES = 0x00,
    L_DRIVER_FEATURES = 0x04,
    L_QUEUE_ADDRESS = 0x08,
    L_QUEUE_SIZE = 0x0c,
    L_QUEUE_SELECT = 0x0e,
    L_QUEUE_NOTIFY = 0x10,
    L_DEVICE_STATUS = 0x12,
    L_ISR_STATUS = 0x13,
    L_CONFIG_MSIX_VECTOR = 0x14, /* with MSI-X enabled */
    L_QUEUE_MSIX_VECTOR = 0x16,
    L_CONFIG = 0x14,
    L_CONFIG_MSIX = 0x18,
    L_PAGE = 4096, /* unit of addresses, alignment of rings */
};

/* The modern BAR: a page each, notifications last. */
enum { M_COMMON = 0, M_ISR = 0x1000, M_DEVICE = 0x2000, M_NOTIFY = 0x3000 };

enum { BAR_LEGACY = 0, BAR_MSIX = 1, BAR_MODERN = 4 };

/* Capabilities; 4.1.4. */
enum {
    CAP_COMMON = 1,
    CAP_NOTIFY = 2,
    CAP_ISR = 3,
    CAP_DEVICE = 4,
    CAP_PCI = 5,
    CAP_SIZE = 16,
    CAP_LONG_SIZE = 20,
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_LENGTH = 12,
    CAP_DATA = 16, /* of CAP_PCI; the multiplier of CAP_NOTIFY */
};

enum { VENDOR = 0x1af4, MODERN_ID = 0x1040, SUBSYSTEM_MODERN = 0x1100 };

static VirtioPci *proxy_of(PciDevice *d)
{
    return object_cast(d, &virtio_pci_type);
}

static VirtioDevice *device_of(VirtioPci *s)
{
    return virtio_bus_device(&s->bus);
}

static void update_irq(VirtioPci *s, const VirtioDevice *v)
{
    pci_set_intx(&s->parent,
                 v && virtio_isr(v) != 0 && !msix_enabled(&s->parent));
}

/* --- what both interfaces do --- */

/* 4.1.5.1.2: a vector that cannot be mapped reads back as none. */
static uint16_t check_vector(VirtioPci *s, uint32_t vector)
{
    return vector < s->parent.msix.vectors ? (uint16_t)vector
                                           : VIRTIO_NO_VECTOR;
}

static void set_status(VirtioPci *s, VirtioDevice *v, bool legacy,
                       uint8_t status)
{
    if (v->status == 0 || status == 0) {
        v->legacy = legacy;
    }
    v->attrs = pci_attrs(&s->parent); /* the bus may have a new number */
    virtio_set_status(v, status);
    if (status == 0) {
        memset(s->driver_features, 0, sizeof(s->driver_features));
    }
    update_irq(s, v);
}

static uint8_t read_isr(VirtioPci *s, VirtioDevice *v)
{
    uint8_t isr = virtio_isr(v); /* reading clears it; 4.1.4.5.1 */

    virtio_isr_clear(v, isr);
    update_irq(s, v);
    return isr;
}

static void notify(VirtioPci *s, VirtioDevice *v, uint64_t queue)
{
    VirtQueue *vq =
        queue < VIRTIO_QUEUES_MAX ? virtio_queue(v, (unsigned)queue) : NULL;

    if (vq) {
        virtq_kick(vq);
    } else {
        guest_error(&s->parent.parent, "queue %" PRIu64 " is notified", queue);
    }
}

static VirtQueue *selected(VirtioPci *s, VirtioDevice *v)
{
    return virtio_queue(v, s->queue_sel);
}

/* The selected queue while it may be set up (4.1.4.3.2); else NULL. */
static VirtQueue *queue_to_set(VirtioPci *s, VirtioDevice *v)
{
    VirtQueue *vq = selected(s, v);

    if (!vq || vq->enabled) {
        guest_error(&s->parent.parent, "queue %u is %s", s->queue_sel,
                    vq ? "in use" : "not there");
        return NULL;
    }
    return vq;
}

/* --- modern registers --- */

typedef uint32_t CommonRead(VirtioPci *s, VirtioDevice *v);
typedef void CommonWrite(VirtioPci *s, VirtioDevice *v, uint32_t value);

static uint32_t device_sel_read(VirtioPci *s, VirtioDevice *v)
{
    return s->device_sel;
}

static void device_sel_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    s->device_sel = value;
}

static uint32_t device_feature_read(VirtioPci *s, VirtioDevice *v)
{
    return s->device_sel > 1
               ? 0
               : (uint32_t)(virtio_offered(v, false) >> 32 * s->device_sel);
}

static uint32_t driver_sel_read(VirtioPci *s, VirtioDevice *v)
{
    return s->driver_sel;
}

static void driver_sel_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    s->driver_sel = value;
}

static uint32_t driver_feature_read(VirtioPci *s, VirtioDevice *v)
{
    return s->driver_sel > 1 ? 0 : s->driver_features[s->driver_sel];
}

static void driver_feature_written(VirtioPci *s, VirtioDevice *v,
                                   uint32_t value)
{
    if (s->driver_sel > 1) {
        return; /* bits from 64 on: none is offered */
    }
    v->legacy = false;
    s->driver_features[s->driver_sel] = value;
    virtio_set_features(v, s->driver_features[0] |
                               (uint64_t)s->driver_features[1] << 32);
}

static uint32_t config_vector_read(VirtioPci *s, VirtioDevice *v)
{
    return v->config_vector;
}

static void config_vector_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    v->config_vector = check_vector(s, value);
}

static uint32_t num_queues_read(VirtioPci *s, VirtioDevice *v)
{
    return v->n_queues;
}

static uint32_t status_read(VirtioPci *s, VirtioDevice *v)
{
    return v->status;
}

static void status_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    set_status(s, v, false, (uint8_t)value);
}

static uint32_t generation_read(VirtioPci *s, VirtioDevice *v)
{
    return v->config_generation & 0xff;
}

static uint32_t queue_sel_read(VirtioPci *s, VirtioDevice *v)
{
    return s->queue_sel;
}

static void queue_sel_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    s->queue_sel = (uint16_t)value;
}

/* The size in force, which is the most there may be after a reset. */
static uint32_t queue_size_read(VirtioPci *s, VirtioDevice *v)
{
    VirtQueue *vq = selected(s, v);

    return vq ? vq->size : 0;
}

static void queue_size_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = queue_to_set(s, v);

    if (vq) {
        virtq_set_size(vq, (uint16_t)value);
    }
}

static uint32_t queue_vector_read(VirtioPci *s, VirtioDevice *v)
{
    VirtQueue *vq = selected(s, v);

    return vq ? vq->vector : VIRTIO_NO_VECTOR;
}

static void queue_vector_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = selected(s, v);

    if (vq) {
        vq->vector = check_vector(s, value);
        virtio_irq_fds_update(v);
    }
}

static uint32_t queue_enable_read(VirtioPci *s, VirtioDevice *v)
{
    VirtQueue *vq = selected(s, v);

    return vq && vq->enabled;
}

static void queue_enable_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = queue_to_set(s, v);

    if (vq && value == 1) {
        virtq_enable(vq);
    } else {
        guest_error(&s->parent.parent, "queue_enable of queue %u <- %u",
                    s->queue_sel, value); /* 4.1.4.3.2: only 1, and once */
    }
}

static uint32_t queue_notify_off_read(VirtioPci *s, VirtioDevice *v)
{
    return s->queue_sel;
}

static uint32_t queue_notify_data_read(VirtioPci *s, VirtioDevice *v)
{
    return s->queue_sel; /* NOTIF_CONFIG_DATA is not offered: the index */
}

static uint32_t queue_reset_read(VirtioPci *s, VirtioDevice *v)
{
    return 0; /* a reset is over when the write returns */
}

static void queue_reset_written(VirtioPci *s, VirtioDevice *v, uint32_t value)
{
    VirtQueue *vq = selected(s, v);

    if (!vq || value != 1 || !virtio_has(v, VIRTIO_F_RING_RESET)) {
        guest_error(&s->parent.parent, "reset of queue %u", s->queue_sel);
        return;
    }
    virtio_queue_reset(v, vq);
}

static uint32_t half_read(VirtioPci *s, VirtioDevice *v, size_t field,
                          unsigned shift)
{
    VirtQueue *vq = selected(s, v);

    return vq ? (uint32_t)(*(hwaddr *)(void *)((char *)vq + field) >> shift)
              : 0;
}

static void half_written(VirtioPci *s, VirtioDevice *v, size_t field,
                         unsigned shift, uint32_t value)
{
    VirtQueue *vq = queue_to_set(s, v);

    if (vq) {
        hwaddr *addr = (hwaddr *)(void *)((char *)vq + field);

        *addr = bits_set(*addr, shift, 32, value);
    }
}

#define QUEUE_HALF(name, field, shift)                                         \
    static uint32_t name##_read(VirtioPci *s, VirtioDevice *v)                 \
    {                                                                          \
        return half_read(s, v, offsetof(VirtQueue, field), shift);             \
    }                                                                          \
    static void name##_written(VirtioPci *s, VirtioDevice *v, uint32_t value)  \
    {                                                                          \
        half_written(s, v, offsetof(VirtQueue, field), shift, value);          \
    }
QUEUE_HALF(desc_low, desc, 0)
QUEUE_HALF(desc_high, desc, 32)
QUEUE_HALF(driver_low, driver, 0)
QUEUE_HALF(driver_high, driver, 32)
QUEUE_HALF(device_low, dev, 0)
QUEUE_HALF(device_high, dev, 32)

typedef struct CommonReg {
    uint8_t size; /* bytes; 0: no field begins here */
    CommonRead *read;
    CommonWrite *write; /* NULL: read-only */
} CommonReg;

/* clang-format off */
static const CommonReg common_regs[C_SIZE] = {
    [C_DEVICE_FEATURE_SELECT] = { 4, device_sel_read, device_sel_written },
    [C_DEVICE_FEATURE]        = { 4, device_feature_read, NULL },
    [C_DRIVER_FEATURE_SELECT] = { 4, driver_sel_read, driver_sel_written },
    [C_DRIVER_FEATURE]        = { 4, driver_feature_read, driver_feature_written },
    [C_CONFIG_MSIX_VECTOR]    = { 2, config_vector_read, config_vector_written },
    [C_NUM_QUEUES]            = { 2, num_queues_read, NULL },
    [C_DEVICE_STATUS]         = { 1, status_read, status_written },
    [C_CONFIG_GENERATION]     = { 1, generation_read, NULL },
    [C_QUEUE_SELECT]          = { 2, queue_sel_read, queue_sel_written },
    [C_QUEUE_SIZE]            = { 2, queue_size_read, queue_size_written },
    [C_QUEUE_MSIX_VECTOR]     = { 2, queue_vector_read, queue_vector_written },
    [C_QUEUE_ENABLE]          = { 2, queue_enable_read, queue_enable_written },
    [C_QUEUE_NOTIFY_OFF]      = { 2, queue_notify_off_read, NULL },
    [C_QUEUE_DESC]            = { 4, desc_low_read, desc_low_written },
    [C_QUEUE_DESC + 4]        = { 4, desc_high_read, desc_high_written },
    [C_QUEUE_DRIVER]          = { 4, driver_low_read, driver_low_written },
    [C_QUEUE_DRIVER + 4]      = { 4, driver_high_read, driver_high_written },
    [C_QUEUE_DEVICE]          = { 4, device_low_read, device_low_written },
    [C_QUEUE_DEVICE + 4]      = { 4, device_high_read, device_high_written },
    [C_QUEUE_NOTIFY_DATA]     = { 2, queue_notify_data_read, NULL },
    [C_QUEUE_RESET]           = { 2, queue_reset_read, queue_reset_written },
};
/* clang-format on */

/* Fields are accessed whole, 64-bit ones by halves (4.1.3.1). */
static const CommonReg *common_reg(VirtioPci *s, uint64_t off, unsigned size)
{
    if (off < C_SIZE && common_regs[off].size == size) {
        return &common_regs[off];
    }
    guest_error(&s->parent.parent,
                "common configuration 0x%" PRIx64 ": %u byte access", off,
                size);
    return NULL;
}

static uint64_t modern_read(VirtioPci *s, uint64_t off, unsigned size)
{
    VirtioDevice *v = device_of(s);
    const CommonReg *r;

    if (!v) {
        return 0;
    }
    if (off < M_ISR) {
        r = common_reg(s, off, size);
        return r ? r->read(s, v) : 0;
    }
    if (off < M_DEVICE) {
        return off == M_ISR ? read_isr(s, v) : 0;
    }
    if (off < M_NOTIFY) {
        return virtio_config_read(v, (unsigned)(off - M_DEVICE), size);
    }
    return 0;
}

static void modern_write(VirtioPci *s, uint64_t off, unsigned size,
                         uint64_t value)
{
    VirtioDevice *v = device_of(s);
    const CommonReg *r;

    if (!v) {
        return;
    }
    if (off < M_ISR) {
        r = common_reg(s, off, size);
        if (r && r->write) {
            r->write(s, v, (uint32_t)value);
        }
    } else if (off >= M_NOTIFY) {
        notify(s, v, (off - M_NOTIFY) / s->notify_multiplier);
    } else if (off >= M_DEVICE) {
        virtio_config_write(v, (unsigned)(off - M_DEVICE), size, value);
        update_irq(s, v);
    }
}

static MemResult modern_mmio_read(void *opaque, hwaddr off, unsigned size,
                                  uint64_t *value, MemAttrs attrs)
{
    *value = modern_read(opaque, off, size);
    trace_virtio_pci_read("modern", (unsigned)off, *value);
    return MEM_OK;
}

static MemResult modern_mmio_write(void *opaque, hwaddr off, unsigned size,
                                   uint64_t value, MemAttrs attrs)
{
    trace_virtio_pci_write("modern", (unsigned)off, value);
    modern_write(opaque, off, size, value);
    return MEM_OK;
}

static const MemoryOps modern_ops = {
    .read = modern_mmio_read,
    .write = modern_mmio_write,
    .valid_min = 1,
    .valid_max = 8,
    .impl_min = 1,
    .impl_max = 4,
};

/* --- legacy registers --- */

static uint32_t legacy_header_read(VirtioPci *s, VirtioDevice *v, unsigned off)
{
    VirtQueue *vq = selected(s, v);

    switch (off) {
    case L_DEVICE_FEATURES:
        return (uint32_t)virtio_offered(v, true);
    case L_DRIVER_FEATURES:
        return (uint32_t)v->features;
    case L_QUEUE_ADDRESS:
        return vq ? (uint32_t)(vq->desc / L_PAGE) : 0;
    case L_QUEUE_SIZE:
        return vq ? vq->size_max : 0;
    case L_QUEUE_SELECT:
        return s->queue_sel;
    case L_DEVICE_STATUS:
        return v->status;
    case L_ISR_STATUS:
        return read_isr(s, v);
    case L_CONFIG_MSIX_VECTOR: /* only reached with MSI-X enabled */
        return v->config_vector;
    case L_QUEUE_MSIX_VECTOR:
        return vq ? vq->vector : VIRTIO_NO_VECTOR;
    default:
        return 0;
    }
}

static void legacy_queue_address(VirtioPci *s, VirtioDevice *v, uint32_t page)
{
    VirtQueue *vq = selected(s, v);

    if (vq && page == 0) {
        virtio_queue_reset(v, vq);
    } else if (vq && queue_to_set(s, v)) {
        virtq_set_legacy(vq, (hwaddr)page * L_PAGE, L_PAGE);
    }
}

static void legacy_header_write(VirtioPci *s, VirtioDevice *v, unsigned off,
                                uint32_t value)
{
    switch (off) {
    case L_DRIVER_FEATURES:
        v->legacy = true;
        virtio_set_features(v, value);
        break;
    case L_QUEUE_ADDRESS:
        legacy_queue_address(s, v, value);
        break;
    case L_QUEUE_SELECT:
        s->queue_sel = (uint16_t)value;
        break;
    case L_QUEUE_NOTIFY:
        notify(s, v, value);
        break;
    case L_DEVICE_STATUS:
        set_status(s, v, true, (uint8_t)value);
        break;
    case L_CONFIG_MSIX_VECTOR:
        config_vector_written(s, v, value);
        break;
    case L_QUEUE_MSIX_VECTOR:
        queue_vector_written(s, v, value);
        break;
    default:
        guest_error(&s->parent.parent, "legacy register 0x%x written", off);
    }
}

static unsigned legacy_config(const VirtioPci *s)
{
    return msix_enabled(&s->parent) ? L_CONFIG_MSIX : L_CONFIG;
}

static MemResult legacy_read(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    VirtioPci *s = opaque;
    VirtioDevice *v = device_of(s);
    unsigned config = legacy_config(s);

    *value = 0;
    if (v && off >= config) {
        *value = virtio_config_read(v, (unsigned)off - config, size);
    } else if (v) {
        *value = legacy_header_read(s, v, (unsigned)off);
    }
    trace_virtio_pci_read("legacy", (unsigned)off, *value);
    return MEM_OK;
}

static MemResult legacy_write(void *opaque, hwaddr off, unsigned size,
                              uint64_t value, MemAttrs attrs)
{
    VirtioPci *s = opaque;
    VirtioDevice *v = device_of(s);
    unsigned config = legacy_config(s);

    trace_virtio_pci_write("legacy", (unsigned)off, value);
    if (v && off >= config) {
        virtio_config_write(v, (unsigned)off - config, size, value);
        update_irq(s, v);
    } else if (v) {
        legacy_header_write(s, v, (unsigned)off, (uint32_t)value);
    }
    return MEM_OK;
}

static const MemoryOps legacy_ops = {
    .read = legacy_read,
    .write = legacy_write,
    .valid_min = 1,
    .valid_max = 4,
};

/* --- access through configuration space; 4.1.4.9 --- */

/* Where the window points; false: nowhere. */
static bool window(VirtioPci *s, uint32_t *off, uint32_t *len)
{
    const PciDevice *d = &s->parent;

    *off = pci_get32(d, s->window_cap + CAP_OFFSET);
    *len = pci_get32(d, s->window_cap + CAP_LENGTH);
    return d->config[s->window_cap + CAP_BAR] == BAR_MODERN &&
           (*len == 1 || *len == 2 || *len == 4) && *off % *len == 0 &&
           range_fits(*off, *len, s->modern.size);
}

static void config_read(PciDevice *d, unsigned addr, unsigned len)
{
    VirtioPci *s = proxy_of(d);
    uint32_t off, size;

    if (s->window_cap && pci_touches(addr, len, s->window_cap + CAP_DATA, 4) &&
        window(s, &off, &size)) {
        pci_set32(d, s->window_cap + CAP_DATA,
                  (uint32_t)modern_read(s, off, size));
    }
}

static void config_written(PciDevice *d, unsigned addr, unsigned len)
{
    VirtioPci *s = proxy_of(d);
    uint32_t off, size;

    if (s->window_cap && pci_touches(addr, len, s->window_cap + CAP_DATA, 4) &&
        window(s, &off, &size)) {
        modern_write(s, off, size,
                     pci_get32(d, s->window_cap + CAP_DATA) &
                         bit_mask(8 * size));
    }
    if (d->msix_cap &&
        pci_touches(addr, len, d->msix_cap + PCI_MSIX_CONTROL, 2)) {
        update_irq(s, device_of(s));
        if (device_of(s)) {
            virtio_irq_fds_update(device_of(s));
        }
    }
}

/* --- layout --- */

static uint8_t add_cap(PciDevice *d, uint8_t type, uint32_t off, uint32_t len)
{
    uint8_t size =
        type == CAP_NOTIFY || type == CAP_PCI ? CAP_LONG_SIZE : CAP_SIZE;
    uint8_t cap = pci_add_capability(d, PCI_CAP_VENDOR, size);

    d->config[cap + 2] = size;
    d->config[cap + 3] = type;
    d->config[cap + CAP_BAR] = type == CAP_PCI ? 0 : BAR_MODERN;
    pci_set32(d, cap + CAP_OFFSET, off);
    pci_set32(d, cap + CAP_LENGTH, len);
    return cap;
}

static void add_modern(VirtioPci *s, const VirtioDevice *v)
{
    PciDevice *d = &s->parent;
    const VirtioDeviceType *t = (const VirtioDeviceType *)v->parent.parent.type;
    uint32_t notify_size = s->notify_multiplier * VIRTIO_QUEUES_MAX;
    uint64_t size = 1;
    uint8_t cap;

    while (size < M_NOTIFY + notify_size) {
        size <<= 1;
    }
    memory_region_init_io(&s->modern, s, &modern_ops, s, "virtio-modern", size);
    pci_register_bar(d, BAR_MODERN, PCI_BAR_64 | PCI_BAR_PREFETCH, &s->modern);
    add_cap(d, CAP_COMMON, M_COMMON, C_SIZE);
    add_cap(d, CAP_ISR, M_ISR, 1);
    if (t->config_size) {
        add_cap(d, CAP_DEVICE, M_DEVICE, t->config_size);
    }
    cap = add_cap(d, CAP_NOTIFY, M_NOTIFY, notify_size);
    pci_set32(d, cap + CAP_DATA, s->notify_multiplier);
    s->window_cap = cap = add_cap(d, CAP_PCI, 0, 0);
    d->wmask[cap + CAP_BAR] = 0xff;
    memset(&d->wmask[cap + CAP_OFFSET], 0xff, 12);
}

static void add_legacy(VirtioPci *s, const VirtioDevice *v)
{
    const VirtioDeviceType *t = (const VirtioDeviceType *)v->parent.parent.type;
    uint64_t size = 32;

    while (size < L_CONFIG_MSIX + (uint64_t)t->config_size) {
        size <<= 1;
    }
    memory_region_init_io(&s->io, s, &legacy_ops, s, "virtio-legacy", size);
    pci_register_bar(&s->parent, BAR_LEGACY, PCI_BAR_IO, &s->io);
}

static const VirtioPciType *type_of(const VirtioPci *s)
{
    return (const VirtioPciType *)s->parent.parent.parent.type;
}

/* 4.1.2: transitional devices have old numbers and revision 0. */
static void set_identity(VirtioPci *s, const VirtioDevice *v)
{
    PciDevice *d = &s->parent;
    uint16_t id = ((const VirtioDeviceType *)v->parent.parent.type)->device_id;

    pci_set16(d, PCI_DEVICE_ID,
              s->legacy ? type_of(s)->transitional_id : MODERN_ID + id);
    d->config[PCI_REVISION_ID] = s->legacy ? 0 : 1;
    pci_set16(d, PCI_SUBSYSTEM_VENDOR_ID, VENDOR);
    pci_set16(d, PCI_SUBSYSTEM_ID, s->legacy ? id : SUBSYSTEM_MODERN);
    d->config[PCI_INTERRUPT_PIN] = 1;
}

/* Behind a PCIe port there is no I/O space to count on: modern only. */
static bool choose_interfaces(VirtioPci *s, Error **errp)
{
    bool port =
        pci_bus_is_express(pci_bus(&s->parent)) && pci_bus(&s->parent)->bridge;

    switch (type_of(s)->mode) {
    case VIRTIO_PCI_MODERN:
        s->legacy = false;
        break;
    case VIRTIO_PCI_TRANSITIONAL:
        s->legacy = true;
        break;
    default:
        s->legacy = s->disable_legacy == ON_OFF_AUTO_AUTO
                        ? !port
                        : s->disable_legacy == ON_OFF_AUTO_OFF;
    }
    s->legacy = s->legacy && type_of(s)->transitional_id;
    if (!s->legacy && s->disable_modern) {
        error_set(errp, "device cannot work as neither modern nor legacy mode "
                        "is enabled");
        error_hint(errp, "Set either disable-modern or disable-legacy to off");
        return false;
    }
    return true;
}

/* --- the bus between --- */

static bool pci_attached(VirtioBus *bus, VirtioDevice *v, Error **errp)
{
    VirtioPci *s = object_cast(bus->parent.owner, &virtio_pci_type);

    if (s->legacy && v->access_platform) {
        error_set(errp, "VIRTIO_F_IOMMU_PLATFORM was supported by neither "
                        "legacy nor transitional device");
        return false;
    }
    v->as = &s->parent.dma;
    v->attrs = pci_attrs(&s->parent);
    v->legacy = s->disable_modern;
    return true;
}

static void pci_detached(VirtioBus *bus, VirtioDevice *v)
{
    VirtioPci *s = object_cast(bus->parent.owner, &virtio_pci_type);

    pci_set_intx(&s->parent, false);
}

static void pci_interrupt(VirtioBus *bus, VirtioDevice *v, uint16_t vector)
{
    VirtioPci *s = object_cast(bus->parent.owner, &virtio_pci_type);

    if (msix_enabled(&s->parent)) {
        if (vector != VIRTIO_NO_VECTOR) {
            msix_notify(&s->parent, vector);
        }
    } else {
        update_irq(s, v);
    }
}

static int pci_interrupt_fd(VirtioBus *bus, VirtQueue *vq)
{
    VirtioPci *s = object_cast(bus->parent.owner, &virtio_pci_type);

    return msix_enabled(&s->parent) && vq->vector != VIRTIO_NO_VECTOR
               ? msix_fd(&s->parent, vq->vector)
               : -1;
}

/* A driver without NOTIFICATION_DATA writes 16 bits (4.1.5.2). */
static MemoryRegion *pci_bell(VirtioBus *bus, VirtQueue *vq, MemoryIoeventfd *e)
{
    VirtioPci *s = object_cast(bus->parent.owner, &virtio_pci_type);

    if (!s->ioeventfd || s->disable_modern || vq->device->legacy) {
        return NULL;
    }
    *e = (MemoryIoeventfd){
        .addr = M_NOTIFY + (hwaddr)vq->index * s->notify_multiplier, .size = 2
    };
    return &s->modern;
}

const VirtioBusType virtio_pci_bus_type = {
    .name = "virtio-pci-bus",
    .parent = TYPE(virtio_bus_type),
    .max_devices = 1,
    .attached = pci_attached,
    .detached = pci_detached,
    .interrupt = pci_interrupt,
    .interrupt_fd = pci_interrupt_fd,
    .bell = pci_bell,
};

/* --- life --- */

static void alias_property(const Property *prop, void *opaque)
{
    VirtioPci *s = opaque;

    if (!object_find_property(s, prop->name)) {
        object_add_alias(s, prop->name, s->backend, prop->name);
    }
}

/* The device itself is a part, "virtio-backend"; its properties are ours. */
static void proxy_init(Object *obj)
{
    VirtioPci *s = (VirtioPci *)obj;
    Object *backend = object_new(type_of(s)->backend);

    bus_init(&s->bus.parent, &virtio_pci_bus_type, &s->parent.parent,
             "virtio-bus");
    object_add_child(s, "virtio-backend", backend, NULL);
    object_unref(backend);
    s->backend = (DeviceState *)backend;
    s->backend->bus = &s->bus.parent;
    g_ptr_array_add(s->bus.parent.devices, s->backend);
    type_each_property(backend->type, alias_property, s);
}

static bool add_msix(VirtioPci *s, const VirtioDevice *v, Error **errp)
{
    uint32_t n = s->vectors;

    if (n == UINT32_MAX) { /* one for each queue, one for changes */
        n = v->n_queues + 1;
    }
    return n == 0 || msix_init_exclusive(&s->parent, n, BAR_MSIX, errp);
}

static bool proxy_realize(PciDevice *d, Error **errp)
{
    VirtioPci *s = proxy_of(d);
    VirtioDevice *v;

    if (!choose_interfaces(s, errp) || !device_realize(s->backend, errp)) {
        return false;
    }
    v = device_of(s);
    set_identity(s, v);
    if (!add_msix(s, v, errp)) {
        return false;
    }
    s->notify_multiplier = s->page_per_vq ? 4096 : 4;
    if (pci_bus_is_express(pci_bus(d)) && pci_bus(d)->bridge) {
        pcie_add_capability(d, PCIE_TYPE_ENDPOINT);
        pci_add_pm(d);
    }
    if (!s->disable_modern) {
        add_modern(s, v);
    }
    if (s->legacy) {
        add_legacy(s, v);
    }
    return true;
}

static void proxy_unrealize(PciDevice *d)
{
    VirtioPci *s = proxy_of(d);

    if (device_of(s)) {
        virtio_bells_off(device_of(s)); /* and its interrupts */
        virtio_reset(device_of(s));
    }
    msix_uninit(d);
    if (!s->disable_modern) {
        memory_region_destroy(&s->modern);
    }
    if (s->legacy) {
        memory_region_destroy(&s->io);
    }
    s->window_cap = 0;
}

static void proxy_reset(PciDevice *d)
{
    VirtioPci *s = proxy_of(d);

    s->device_sel = s->driver_sel = 0;
    s->queue_sel = 0;
    memset(s->driver_features, 0, sizeof(s->driver_features));
}

static const VmField proxy_fields[] = {
    VM_U32(VirtioPci, device_sel),
    VM_U32(VirtioPci, driver_sel),
    VM_U16(VirtioPci, queue_sel),
    VM_U32_ARRAY(VirtioPci, driver_features),
    { 0 },
};
static const VmState proxy_vmstate = {
    .name = "virtio-pci",
    .version = 1,
    .fields = proxy_fields,
};

static const Property proxy_props[] = {
    PROP(onoffauto, VirtioPci, disable_legacy, "disable-legacy", "auto",
         "no legacy interface; auto: none behind a PCI Express port"),
    PROP(bool, VirtioPci, disable_modern, "disable-modern", "off",
         "no modern interface"),
    PROP(u32, VirtioPci, vectors, "vectors", "4294967295",
         "MSI-X vectors; by default one a queue and one for changes"),
    PROP(bool, VirtioPci, page_per_vq, "page-per-vq", "off",
         "a page of notifications for each queue"),
    PROP(bool, VirtioPci, ioeventfd, "ioeventfd", "on",
         "notifications ring a descriptor, where the engine can"),
    { 0 },
};

const VirtioPciType virtio_pci_type = {
    .name = "virtio-pci",
    .parent = TYPE(pci_device_type),
    .size = sizeof(VirtioPci),
    .abstract = true,
    .init = proxy_init,
    .props = proxy_props,
    .express = true,
    .vmstate = &proxy_vmstate,
    .pci_realize = proxy_realize,
    .pci_unrealize = proxy_unrealize,
    .pci_reset = proxy_reset,
    .config_read = config_read,
    .config_written = config_written,
};

/* --- the types: each as it likes, transitional, modern --- */

#define VIRTIO_PCI_NAMED(name_, aliases_, mode_, backend_, id_, class_, cat_,  \
                         text_)                                                \
    {                                                                          \
        .name = (name_), .parent = TYPE(virtio_pci_type),                      \
        .description = (text_), .aliases = (aliases_),                         \
        .size = sizeof(VirtioPci), .category = (cat_), .user_creatable = true, \
        .hotpluggable = true, .express = true, .vendor_id = VENDOR,            \
        .class_id = (class_), .backend = &(backend_),                          \
        .transitional_id = (id_), .mode = (mode_),                             \
    }
#define VIRTIO_PCI(kind, backend_, id_, class_, cat_, text_)                   \
    static const char *const kind##_aliases[] = { "virtio-" #kind, NULL };     \
    static const VirtioPciType virtio_##kind##_pci_types[3] = {                \
        VIRTIO_PCI_NAMED("virtio-" #kind "-pci", kind##_aliases,               \
                         VIRTIO_PCI_AUTO, backend_, id_, class_, cat_, text_), \
        VIRTIO_PCI_NAMED("virtio-" #kind "-pci-transitional", NULL,            \
                         VIRTIO_PCI_TRANSITIONAL, backend_, id_, class_, cat_, \
                         text_),                                               \
        VIRTIO_PCI_NAMED("virtio-" #kind "-pci-non-transitional", NULL,        \
                         VIRTIO_PCI_MODERN, backend_, id_, class_, cat_,       \
                         text_),                                               \
    };

VIRTIO_PCI(rng, virtio_rng_type, 0x1005, 0x00ff, DEVICE_MISC,
           "VirtIO entropy source")
VIRTIO_PCI(blk, virtio_blk_type, 0x1001, 0x0100, DEVICE_STORAGE, "VirtIO disk")
VIRTIO_PCI(net, virtio_net_type, 0x1000, 0x0200, DEVICE_NETWORK,
           "VirtIO network card")

VIRTIO_PCI(balloon, virtio_balloon_type, 0x1002, 0x00ff, DEVICE_MISC,
           "VirtIO memory balloon")
VIRTIO_PCI(serial, virtio_serial_type, 0x1003, 0x0780, DEVICE_INPUT,
           "VirtIO console and serial ports")

#define THREE(kind)                                                            \
    TYPE(virtio_##kind##_pci_types[0]), TYPE(virtio_##kind##_pci_types[1]),    \
        TYPE(virtio_##kind##_pci_types[2])

const ObjectType *const hw_virtio_pci_types[] = {
    TYPE(virtio_pci_type),
    TYPE(virtio_pci_bus_type),
    THREE(rng),
    THREE(blk),
    THREE(net),
    THREE(balloon),
    THREE(serial),
    NULL,
};
