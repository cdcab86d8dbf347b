/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCI buses: who sits where, and how configuration accesses get there.
 *
 * Spec:  PCI Local Bus 3.0, 3.2.2.3; PCI-to-PCI Bridge 1.2, 3.1.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "internal.h"

/* --- slots --- */

static bool slot_empty(const PciBus *bus, unsigned slot)
{
    for (unsigned f = 0; f < PCI_FUNCTIONS; f++) {
        if (bus->devices[pci_devfn(slot, f)]) {
            return false;
        }
    }
    return true;
}

static int free_slot(const PciBus *bus)
{
    for (unsigned s = bus->first_slot; s < bus->slots; s++) {
        if (slot_empty(bus, s)) {
            return (int)s;
        }
    }
    return -1;
}

/* Functions above 0 are found only where function 0 says so (3.2.2.3.4). */
static bool check_function(const PciBus *bus, const PciDevice *d, Error **errp)
{
    unsigned slot = (unsigned)d->devfn >> 3;
    const PciDevice *first = bus->devices[pci_devfn(slot, 0)];

    if (d->devfn & 7) {
        if (first && !first->multifunction) {
            error_set(errp,
                      "PCI: single function device can't be populated in "
                      "function %x.%x",
                      slot, (unsigned)d->devfn & 7);
            return false;
        }
        return true;
    }
    if (!d->multifunction && !slot_empty(bus, slot)) {
        error_set(errp,
                  "PCI: %x.0 indicates single function, but other "
                  "functions are already populated.",
                  slot);
        return false;
    }
    return true;
}

static bool check_place(const PciBus *bus, const PciDevice *d, Error **errp)
{
    const char *name = d->parent.parent.type->name;
    const PciDevice *other = bus->devices[d->devfn];

    if ((unsigned)d->devfn >> 3 >= bus->slots) {
        error_set(errp,
                  "PCI: slot %d is not valid for %s, parent device only allows "
                  "plugging into slot 0.",
                  d->devfn >> 3, name);
        return false;
    }
    if (other) {
        error_set(errp,
                  "PCI: slot %d function %d not available for %s, in use by "
                  "%s,id=%s",
                  d->devfn >> 3, d->devfn & 7, name,
                  other->parent.parent.type->name,
                  other->parent.id ? other->parent.id : "(null)");
        return false;
    }
    if (d->parent.hotplugged && bus->devices[d->devfn & ~7]) {
        error_set(errp,
                  "PCI: slot %d function 0 already occupied by %s, new func %s "
                  "cannot be exposed to guest.",
                  d->devfn >> 3,
                  bus->devices[d->devfn & ~7]->parent.parent.type->name, name);
        return false;
    }
    return check_function(bus, d, errp);
}

static bool plug(Bus *b, DeviceState *dev, Error **errp)
{
    PciDevice *d = object_cast(dev, &pci_device_type);
    PciBus *bus = (PciBus *)b;
    int slot;

    if (d->devfn < 0) {
        slot = free_slot(bus);
        if (slot < 0) {
            error_set(errp,
                      "PCI: no slot/function available for %s, all in use or "
                      "reserved",
                      dev->parent.type->name);
            return false;
        }
        d->devfn = pci_devfn((unsigned)slot, 0);
    }
    if (!check_place(bus, d, errp)) {
        return false;
    }
    bus->devices[d->devfn] = d;
    b->full = free_slot(bus) < 0;
    return true;
}

static void unplug(Bus *b, DeviceState *dev)
{
    PciDevice *d = object_cast(dev, &pci_device_type);
    PciBus *bus = (PciBus *)b;

    if (d->devfn < 0 || bus->devices[d->devfn] != d) {
        return;
    }
    bus->devices[d->devfn] = NULL;
    b->full = false;
    if (bus->unplugged) {
        bus->unplugged(bus, d);
    }
}

static bool unplug_request(Bus *b, DeviceState *dev, Error **errp)
{
    PciBus *bus = (PciBus *)b;

    return bus->unplug_request(bus, object_cast(dev, &pci_device_type), errp);
}

static char *device_address(Bus *b, DeviceState *dev)
{
    const PciDevice *d = object_cast(dev, &pci_device_type);

    return g_strdup_printf("%02x.%x", (unsigned)d->devfn >> 3,
                           (unsigned)d->devfn & 7);
}

/* Names by base class and subclass; PCI Bus Binding to IEEE 1275, 2.2.1. */
static const struct {
    uint16_t code;
    const char *name;
} fw_names[] = {
    { 0x0100, "scsi" },       { 0x0101, "ide" },     { 0x0104, "raid" },
    { 0x0106, "sata" },       { 0x0108, "nvme" },    { 0x0200, "ethernet" },
    { 0x0300, "vga" },        { 0x0380, "display" }, { 0x0401, "sound" },
    { 0x0500, "memory" },     { 0x0600, "host" },    { 0x0601, "isa" },
    { 0x0604, "pci-bridge" }, { 0x0700, "serial" },  { 0x0c03, "usb" },
    { 0x0c05, "smbus" },
};

static char *fw_name(Bus *b, DeviceState *dev)
{
    const PciDevice *d = object_cast(dev, &pci_device_type);
    uint16_t code = pci_get16(d, PCI_CLASS);
    g_autofree char *name = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(fw_names) && !name; i++) {
        name = fw_names[i].code == code ? g_strdup(fw_names[i].name) : NULL;
    }
    if (!name) {
        name = g_strdup_printf("pci%x,%x", pci_get16(d, PCI_VENDOR_ID),
                               pci_get16(d, PCI_DEVICE_ID));
    }
    return d->devfn & 7
               ? g_strdup_printf("%s@%x,%x", name, (unsigned)d->devfn >> 3,
                                 (unsigned)d->devfn & 7)
               : g_strdup_printf("%s@%x", name, (unsigned)d->devfn >> 3);
}

/* --- life --- */

void pci_bus_init(PciBus *bus, const void *type, DeviceState *owner,
                  const char *name)
{
    bus_init(&bus->parent, type, owner, name);
    memory_region_init(&bus->mem, owner, "pci-memory", UINT64_MAX);
    memory_region_init(&bus->io, owner, "pci-io", 64 * KiB);
    bus->slots = PCI_SLOTS;
}

void pci_bus_destroy(PciBus *bus)
{
    memory_region_destroy(&bus->mem);
    memory_region_destroy(&bus->io);
    g_ptr_array_remove(bus->parent.owner->buses, bus);
    object_unparent(bus);
}

/* --- routes --- */

PciBus *pci_root(PciBus *bus)
{
    while (bus->bridge) {
        bus = pci_bus(bus->bridge);
    }
    return bus;
}

bool pci_bus_is_express(const PciBus *bus)
{
    return type_is_a(bus->parent.parent.type, &pcie_bus_type);
}

unsigned pci_bus_number(const PciBus *bus)
{
    return bus->bridge ? bus->bridge->config[PCI_SECONDARY_BUS] : 0;
}

uint16_t pci_requester(const PciDevice *d)
{
    return (uint16_t)(pci_bus_number(pci_bus(d)) << 8 | (unsigned)d->devfn);
}

/* The bridge on @bus through which bus number @number is reached. */
static PciBridge *bridge_to(PciBus *bus, unsigned number)
{
    for (unsigned i = 0; i < PCI_DEVFNS; i++) {
        PciDevice *d = bus->devices[i];

        if (d && d->live && object_try_cast(d, &pci_bridge_base_type) &&
            d->config[PCI_SECONDARY_BUS] != 0 &&
            number >= d->config[PCI_SECONDARY_BUS] &&
            number <= d->config[PCI_SUBORDINATE_BUS]) {
            return (PciBridge *)d;
        }
    }
    return NULL;
}

PciDevice *pci_find(PciBus *bus, unsigned number, uint8_t devfn)
{
    PciDevice *d;

    while (pci_bus_number(bus) != number) {
        PciBridge *bridge = bridge_to(bus, number);

        if (!bridge) {
            return NULL;
        }
        bus = &bridge->bus; /* one level down: this ends */
    }
    d = bus->devices[devfn];
    return d && d->live && !bus->link_down ? d : NULL;
}

const BusType pci_bus_type = {
    .name = "PCI",
    .parent = TYPE(bus_type),
    .size = sizeof(PciBus),
    .plug = plug,
    .unplug = unplug,
    .unplug_request = unplug_request,
    .device_address = device_address,
    .fw_name = fw_name,
};
const BusType pcie_bus_type = {
    .name = "PCIE",
    .parent = TYPE(pci_bus_type),
    .size = sizeof(PciBus),
    .plug = plug,
    .unplug = unplug,
    .unplug_request = unplug_request,
    .device_address = device_address,
    .fw_name = fw_name,
};
