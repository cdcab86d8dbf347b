/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI: schema/pci.json. */
#include "tandem/base.h"

#include "hw/pci/pci.h"
#include "internal.h"

static PciDeviceInfoList *bus_info(PciBus *bus);

/* --- bridges --- */

static PciMemoryRange *range(uint64_t base, uint64_t limit)
{
    PciMemoryRange *r = g_new0(PciMemoryRange, 1);

    *r = (PciMemoryRange){ .base = base, .limit = limit };
    return r;
}

/* Windows as the registers say, open or not (bridge 3.2.5.6 to 3.2.5.9). */
static PciBridgeInfo *bridge_info(PciBridge *b)
{
    const PciDevice *d = &b->parent;
    PciBridgeInfo *info = g_new0(PciBridgeInfo, 1);
    PciBusInfo *bus = g_new0(PciBusInfo, 1);

    bus->number = d->config[PCI_PRIMARY_BUS];
    bus->secondary = d->config[PCI_SECONDARY_BUS];
    bus->subordinate = d->config[PCI_SUBORDINATE_BUS];
    bus->io_range =
        range((uint64_t)(d->config[PCI_IO_BASE] & 0xf0) << 8,
              (uint64_t)(d->config[PCI_IO_LIMIT] & 0xf0) << 8 | 0xfff);
    bus->memory_range = range(
        (uint64_t)(pci_get16(d, PCI_MEMORY_BASE) & 0xfff0) << 16,
        (uint64_t)(pci_get16(d, PCI_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff);
    bus->prefetchable_range = range(
        (uint64_t)pci_get32(d, PCI_PREF_BASE_UPPER) << 32 |
            (uint64_t)(pci_get16(d, PCI_PREF_BASE) & 0xfff0) << 16,
        (uint64_t)pci_get32(d, PCI_PREF_LIMIT_UPPER) << 32 |
            (uint64_t)(pci_get16(d, PCI_PREF_LIMIT) & 0xfff0) << 16 | 0xfffff);
    info->bus = bus;
    info->devices = bus_info(&b->bus);
    return info;
}

/* --- functions --- */

typedef struct ClassName {
    uint16_t id;
    const char *name;
} ClassName;

/* PCI Code and ID Assignment, section 1; those that are here. */
static const ClassName class_names[] = {
    { 0x0100, "SCSI controller" },
    { 0x0200, "Ethernet controller" },
    { 0x0600, "Host bridge" },
    { 0x0604, "PCI bridge" },
};

static PciDeviceClass *class_info(const PciDevice *d)
{
    PciDeviceClass *info = g_new0(PciDeviceClass, 1);

    info->class = pci_get16(d, PCI_CLASS);
    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
        if (class_names[i].id == pci_get16(d, PCI_CLASS)) {
            info->desc = g_strdup(class_names[i].name);
        }
    }
    return info;
}

static PciDeviceId *id_info(const PciDevice *d)
{
    PciDeviceId *id = g_new0(PciDeviceId, 1);

    id->vendor = pci_get16(d, PCI_VENDOR_ID);
    id->device = pci_get16(d, PCI_DEVICE_ID);
    if (!(d->config[PCI_HEADER_TYPE] & PCI_HEADER_BRIDGE)) {
        id->has_subsystem = id->has_subsystem_vendor = true;
        id->subsystem = pci_get16(d, PCI_SUBSYSTEM_ID);
        id->subsystem_vendor = pci_get16(d, PCI_SUBSYSTEM_VENDOR_ID);
    }
    return id;
}

static PciMemoryRegionList *regions_info(const PciDevice *d)
{
    PciMemoryRegionList *list = NULL;

    for (int i = 0; i < PCI_REGIONS; i++) {
        const PciBar *bar = &d->bars[i];
        PciMemoryRegion *r;

        if (!bar->mr) {
            continue;
        }
        r = g_new0(PciMemoryRegion, 1);
        r->bar = i;
        r->type = g_strdup(bar->type & PCI_BAR_IO ? "io" : "memory");
        r->address = (int64_t)pci_bar_address(d, i);
        r->size = (int64_t)bar->size;
        if (!(bar->type & PCI_BAR_IO)) {
            r->has_prefetch = r->has_mem_type_64 = true;
            r->prefetch = (bar->type & PCI_BAR_PREFETCH) != 0;
            r->mem_type_64 = (bar->type & PCI_BAR_64) != 0;
        }
        qlist_append(&qtype_list_pci_memory_region, &list, &r);
    }
    return list;
}

static PciDeviceInfo *device_info(PciDevice *d)
{
    PciDeviceInfo *info = g_new0(PciDeviceInfo, 1);
    PciBridge *bridge = object_try_cast(d, &pci_bridge_base_type);

    info->bus = pci_bus_number(pci_bus(d));
    info->slot = d->devfn >> 3;
    info->function = d->devfn & 7;
    info->class_info = class_info(d);
    info->id = id_info(d);
    info->qdev_id = g_strdup(d->parent.id ? d->parent.id : "");
    info->irq_pin = d->config[PCI_INTERRUPT_PIN];
    info->has_irq = info->irq_pin != 0;
    info->irq = d->config[PCI_INTERRUPT_LINE];
    info->regions = regions_info(d);
    if (bridge) {
        info->pci_bridge = bridge_info(bridge);
    }
    return info;
}

static PciDeviceInfoList *bus_info(PciBus *bus)
{
    PciDeviceInfoList *list = NULL;

    for (unsigned i = 0; i < PCI_DEVFNS; i++) {
        if (bus->devices[i] && bus->devices[i]->live) {
            PciDeviceInfo *info = device_info(bus->devices[i]);

            qlist_append(&qtype_list_pci_device_info, &list, &info);
        }
    }
    return list;
}

static int add_root(Object *obj, void *opaque)
{
    if (type_is_a(obj->type, &pci_bus_type) && !((PciBus *)obj)->bridge) {
        PciInfo *info = g_new0(PciInfo, 1);

        info->bus = 0;
        info->devices = bus_info((PciBus *)obj);
        qlist_append(&qtype_list_pci_info, opaque, &info);
    }
    return 0;
}

PciInfoList *qmp_query_pci(Machine *m, Error **errp)
{
    PciInfoList *list = NULL;

    object_walk(m, add_root, &list);
    return list;
}
