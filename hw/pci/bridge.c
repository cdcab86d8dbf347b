/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What all PCI-to-PCI bridges share: the type 1 header.
 *
 * Spec:  PCI-to-PCI Bridge 1.2, 3.2 and 4 (windows).
 * Omits: VGA and ISA modes, I/O addresses beyond 64 KiB.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/machine/machine.h"

static PciBridge *bridge_of(PciDevice *d)
{
    return object_cast(d, &pci_bridge_base_type);
}

/* --- windows --- */

/* Show [base, limit] of the secondary side on the primary. */
static void set_window(MemoryRegion *window, bool on, uint64_t base,
                       uint64_t limit)
{
    memory_region_set_enabled(window, false);
    if (on && base <= limit) {
        memory_region_set_address(window, base);
        memory_region_set_alias_offset(window, base);
        memory_region_set_size(window, limit - base + 1);
        memory_region_set_enabled(window, true);
    }
}

static void update_windows(PciBridge *b)
{
    PciDevice *d = &b->parent;
    uint16_t command = pci_get16(d, PCI_COMMAND);
    MemorySystem *ms = d->parent.machine->ms;
    uint64_t base, limit;

    memory_begin(ms);
    base = (uint64_t)(d->config[PCI_IO_BASE] & 0xf0) << 8;
    limit = (uint64_t)(d->config[PCI_IO_LIMIT] & 0xf0) << 8 | 0xfff;
    set_window(&b->window_io, command & PCI_COMMAND_IO, base, limit);

    base = (uint64_t)(pci_get16(d, PCI_MEMORY_BASE) & 0xfff0) << 16;
    limit = (uint64_t)(pci_get16(d, PCI_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff;
    set_window(&b->window_mem, command & PCI_COMMAND_MEMORY, base, limit);

    base = (uint64_t)pci_get32(d, PCI_PREF_BASE_UPPER) << 32 |
           (uint64_t)(pci_get16(d, PCI_PREF_BASE) & 0xfff0) << 16;
    limit = (uint64_t)pci_get32(d, PCI_PREF_LIMIT_UPPER) << 32 |
            (uint64_t)(pci_get16(d, PCI_PREF_LIMIT) & 0xfff0) << 16 | 0xfffff;
    /* [0, 2^64 - 1] would not fit a size */
    set_window(&b->window_pref,
               (command & PCI_COMMAND_MEMORY) && limit - base != UINT64_MAX,
               base, limit);
    memory_commit(ms);
}

/* Bits of Bridge Control: 3.2.5.18. */
static void maybe_reset_bus(PciBridge *b)
{
    Bus *bus = &b->bus.parent;

    if (!(pci_get16(&b->parent, PCI_BRIDGE_CONTROL) &
          PCI_BRIDGE_CONTROL_RESET)) {
        return;
    }
    for (guint i = 0; i < bus->devices->len; i++) {
        device_reset(g_ptr_array_index(bus->devices, i));
    }
}

void pci_bridge_config_written(PciDevice *d, unsigned addr, unsigned len)
{
    PciBridge *b = bridge_of(d);

    if (pci_touches(addr, len, PCI_COMMAND, 2) ||
        pci_touches(addr, len, PCI_IO_BASE, 2) ||
        pci_touches(addr, len, PCI_MEMORY_BASE, 16)) {
        update_windows(b);
    }
    if (pci_touches(addr, len, PCI_BRIDGE_CONTROL, 2)) {
        maybe_reset_bus(b);
    }
}

/* --- life --- */

static void fill_bridge_header(PciDevice *d)
{
    d->wmask[PCI_PRIMARY_BUS] = 0xff;
    d->wmask[PCI_SECONDARY_BUS] = 0xff;
    d->wmask[PCI_SUBORDINATE_BUS] = 0xff;
    d->wmask[PCI_IO_BASE] = d->wmask[PCI_IO_LIMIT] = 0xf0;
    st16_le(&d->w1cmask[PCI_SECONDARY_STATUS], PCI_STATUS_W1C);
    st16_le(&d->wmask[PCI_MEMORY_BASE], 0xfff0);
    st16_le(&d->wmask[PCI_MEMORY_LIMIT], 0xfff0);
    st16_le(&d->wmask[PCI_PREF_BASE], 0xfff0);
    st16_le(&d->wmask[PCI_PREF_LIMIT], 0xfff0);
    pci_set16(d, PCI_PREF_BASE, 1); /* 64-bit */
    pci_set16(d, PCI_PREF_LIMIT, 1);
    memset(&d->wmask[PCI_PREF_BASE_UPPER], 0xff, 8);
    /* parity, SERR, bus reset; 3.2.5.18 */
    st16_le(&d->wmask[PCI_BRIDGE_CONTROL], 0x0043);
}

static void make_window(PciBridge *b, MemoryRegion *window, const char *name,
                        MemoryRegion *inside, MemoryRegion *outside)
{
    memory_region_init_alias(window, b, name, inside, 0, inside->size);
    memory_region_set_enabled(window, false);
    memory_region_add_overlap(outside, 0, window, 1);
}

/* The bus is named as the bridge, by which -device's bus= finds it. */
static char *bus_name(PciBridge *b)
{
    const PciDevice *d = &b->parent;

    return d->parent.id ? g_strdup(d->parent.id)
                        : g_strdup_printf("pci.%02x", (unsigned)d->devfn);
}

bool pci_bridge_realize(PciDevice *d, const void *type, Error **errp)
{
    PciBridge *b = bridge_of(d);
    g_autofree char *name = bus_name(b);
    PciBus *outer = pci_bus(d);

    fill_bridge_header(d);
    pci_bus_init(&b->bus, type, &d->parent, name);
    b->bus.bridge = d;
    make_window(b, &b->window_io, "window-io", &b->bus.io, &outer->io);
    make_window(b, &b->window_mem, "window-mem", &b->bus.mem, &outer->mem);
    make_window(b, &b->window_pref, "window-pref", &b->bus.mem, &outer->mem);
    return true;
}

void pci_bridge_unrealize(PciDevice *d)
{
    PciBridge *b = bridge_of(d);
    MemoryRegion *windows[] = { &b->window_io, &b->window_mem,
                                &b->window_pref };

    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
        memory_region_del(windows[i]->parent, windows[i]);
        memory_region_destroy(windows[i]);
    }
    pci_bus_destroy(&b->bus);
}

static void bridge_reset_hold(DeviceState *dev)
{
    pci_device_type.reset_hold(dev);
    update_windows(object_cast(dev, &pci_bridge_base_type));
}

static bool bridge_loaded(PciDevice *d, Error **errp)
{
    update_windows(bridge_of(d));
    return true;
}

const PciDeviceType pci_bridge_base_type = {
    .name = "base-pci-bridge",
    .parent = TYPE(pci_device_type),
    .size = sizeof(PciBridge),
    .abstract = true,
    .category = DEVICE_BRIDGE,
    .bridge = true,
    .reset_hold = bridge_reset_hold,
    .config_written = pci_bridge_config_written,
    .loaded = bridge_loaded,
    .pci_unrealize = pci_bridge_unrealize,
};
