/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Generic PCI Express host bridge.
 *
 * Spec:  PCI Express Base 4.0, 7.2.2 (enhanced configuration access);
 *        devicetree binding pci/host-generic-pci, "pci-host-ecam-generic".
 * Guest: one ECAM window, 1 MiB a bus; windows of memory and I/O; four level
 *        lines, INTA to INTD.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/pci/ecam.h"
#include "internal.h"
#include "softmmu/machine/machine.h"

enum { ECAM_SIZE = 256 << 20, WINDOWS = 3 };

typedef struct EcamHost {
    DeviceState parent;
    /* wiring: constant after realize */
    PciBus bus;
    MemoryRegion ecam;
    MemoryRegion windows[WINDOWS];
    unsigned n_windows;
    IrqLine irq[PCI_PINS];
} EcamHost;

static EcamHost *host_of(DeviceState *dev)
{
    return object_cast(dev, &ecam_host_type);
}

static PciDevice *target(EcamHost *h, hwaddr off)
{
    return pci_find(&h->bus, (unsigned)(off >> 20), (uint8_t)(off >> 12));
}

static MemResult ecam_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    PciDevice *d = target(opaque, off);

    *value = d ? pci_config_read(d, off & 0xfff, size) : UINT32_MAX;
    return MEM_OK;
}

static MemResult ecam_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    PciDevice *d = target(opaque, off);

    if (d) {
        pci_config_write(d, off & 0xfff, size, (uint32_t)value);
    }
    return MEM_OK;
}

static const MemoryOps ecam_ops = {
    .read = ecam_read,
    .write = ecam_write,
    .valid_min = 1,
    .valid_max = 4,
};

static void ecam_set_irq(void *opaque, int pin, bool level)
{
    EcamHost *h = opaque;

    irq_set(&h->irq[pin], level);
}

PciBus *ecam_root(DeviceState *host)
{
    return &host_of(host)->bus;
}

static void add_window(EcamHost *h, const char *name, MemoryRegion *inside,
                       hwaddr from, hwaddr to, uint64_t size)
{
    MemoryRegion *mr = &h->windows[h->n_windows++];

    assert(h->n_windows <= WINDOWS);
    memory_region_init_alias(mr, h, name, inside, from, size);
    memory_region_add(&h->parent.machine->system, to, mr);
}

void ecam_map_memory(DeviceState *host, hwaddr base, uint64_t size)
{
    EcamHost *h = host_of(host);

    add_window(h, "pcie-mmio", &h->bus.mem, base, base, size);
}

void ecam_map_io(DeviceState *host, hwaddr base)
{
    EcamHost *h = host_of(host);

    add_window(h, "pcie-pio", &h->bus.io, 0, base, 64 * KiB);
}

static bool ecam_realize(DeviceState *dev, Error **errp)
{
    EcamHost *h = host_of(dev);
    DevicePlace place = { .bus = &h->bus.parent,
                          .parent = OBJECT(dev),
                          .name = "gpex_root" };
    DeviceState *root;

    pci_bus_init(&h->bus, &pcie_bus_type, dev, "pcie.0");
    h->bus.set_irq = ecam_set_irq;
    h->bus.opaque = h;
    memory_region_init_io(&h->ecam, dev, &ecam_ops, h, "pcie-ecam", ECAM_SIZE);
    device_add_mmio(dev, &h->ecam);
    for (int i = 0; i < PCI_PINS; i++) {
        device_add_irq(dev, &h->irq[i]);
    }
    root = device_new(dev->machine, &ecam_root_type, &place, errp);
    return root && device_realize(root, errp);
}

static void ecam_unrealize(DeviceState *dev)
{
    EcamHost *h = host_of(dev);

    for (unsigned i = 0; i < h->n_windows; i++) {
        memory_region_del(h->windows[i].parent, &h->windows[i]);
        memory_region_destroy(&h->windows[i]);
    }
    memory_region_destroy(&h->ecam);
    pci_bus_destroy(&h->bus);
}

/* A root bridge below no bus has no unit address: all ones, as firmware that
 * looks through "bootorder" knows it from this board. */
static char *ecam_fw_name(DeviceState *dev)
{
    return g_strdup_printf("pci@%016" PRIx64, UINT64_MAX);
}

const DeviceType ecam_host_type = {
    .name = "gpex-pcihost",
    .parent = TYPE(device_type),
    .description = "Generic PCI Express host",
    .size = sizeof(EcamHost),
    .category = DEVICE_BRIDGE,
    .realize = ecam_realize,
    .unrealize = ecam_unrealize,
    .fw_name = ecam_fw_name,
};

/* The host's own function, 00.0. */
const PciDeviceType ecam_root_type = {
    .name = "gpex-root",
    .parent = TYPE(pci_device_type),
    .description = "Generic PCI Express host bridge",
    .category = DEVICE_BRIDGE,
    .vendor_id = 0x1b36,
    .device_id = 0x0008,
    .class_id = 0x0600,
    .subsystem_vendor_id = 0x1af4,
    .subsystem_id = 0x1100,
};
