/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCI functions: configuration space, where BARs decode, capabilities, pins.
 *
 * Spec:  PCI Local Bus 3.0, 2.2.6 (pins), 6 (configuration space); PCI Power
 *        Management 1.2, 5; PCI Express Base 4.0, 7.5.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/machine/machine.h"

static const PciDeviceType *type_of(const PciDevice *d)
{
    return (const PciDeviceType *)d->parent.parent.type;
}

/* --- access --- */

#define PCI_HOOK(d, hook)                                                      \
    TYPE_METHOD((d)->parent.parent.type, pci_device_type, PciDeviceType, hook)

uint32_t pci_config_read(PciDevice *d, unsigned addr, unsigned len)
{
    void (*before)(PciDevice *, unsigned, unsigned) = PCI_HOOK(d, config_read);
    uint32_t value = 0;

    if (!range_fits(addr, len, d->config_size)) {
        return UINT32_MAX; /* an unsupported request; PCIe 2.3.1 */
    }
    if (before) {
        before(d, addr, len);
    }
    memcpy(&value, &d->config[addr], len); /* little-endian in and out */
    value = GUINT32_FROM_LE(value);
    trace_pci_config_read(d->parent.parent.type->name, (unsigned)d->devfn, addr,
                          len, value);
    return value;
}

static void write_bytes(PciDevice *d, unsigned addr, unsigned len,
                        uint32_t value)
{
    for (unsigned i = addr; i < addr + len; i++, value >>= 8) {
        uint8_t b = (uint8_t)value;

        d->config[i] =
            (uint8_t)((d->config[i] & ~d->wmask[i]) | (b & d->wmask[i]));
        d->config[i] &= (uint8_t) ~(b & d->w1cmask[i]);
    }
}

static unsigned rom_offset(const PciDevice *d)
{
    return type_of(d)->bridge ? PCI_ROM_BRIDGE : PCI_ROM;
}

static bool moves_bars(const PciDevice *d, unsigned addr, unsigned len)
{
    unsigned bars = type_of(d)->bridge ? 2 : PCI_BARS;

    return pci_touches(addr, len, PCI_COMMAND, 2) ||
           pci_touches(addr, len, PCI_BAR0, 4 * bars) ||
           pci_touches(addr, len, rom_offset(d), 4) ||
           (d->pm_cap && pci_touches(addr, len, d->pm_cap + PCI_PM_CONTROL, 2));
}

void pci_config_write(PciDevice *d, unsigned addr, unsigned len, uint32_t value)
{
    void (*after)(PciDevice *, unsigned, unsigned) =
        PCI_HOOK(d, config_written);

    if (!range_fits(addr, len, d->config_size)) {
        return;
    }
    trace_pci_config_write(d->parent.parent.type->name, (unsigned)d->devfn,
                           addr, len, value);
    write_bytes(d, addr, len, value);
    if (moves_bars(d, addr, len)) {
        pci_update_mappings(d);
    }
    if (pci_touches(addr, len, PCI_COMMAND, 2)) {
        pci_update_intx(d);
    }
    pci_msi_config_written(d, addr, len);
    if (after) {
        after(d, addr, len);
    }
}

/* --- BARs --- */

static unsigned bar_offset(const PciDevice *d, int n)
{
    return n == PCI_ROM_BAR ? rom_offset(d) : PCI_BAR0 + 4 * (unsigned)n;
}

void pci_register_bar(PciDevice *d, int n, uint8_t type, MemoryRegion *mr)
{
    unsigned off = bar_offset(d, n);
    uint64_t size = mr->size;
    PciBus *bus = pci_bus(d);
    uint64_t mask;

    assert(n >= 0 && n < PCI_REGIONS && !d->bars[n].mr);
    assert(is_power_of_2(size) && size >= (type & PCI_BAR_IO ? 4 : 16));
    d->bars[n] = (PciBar){ mr, size, type };
    mask = ~(size - 1);
    if (n == PCI_ROM_BAR) {
        mask |= PCI_ROM_ENABLE;
    }
    if (type & PCI_BAR_64) {
        assert(n < PCI_BARS - 1);
        st64_le(&d->wmask[off], mask);
    } else {
        st32_le(&d->wmask[off], (uint32_t)mask);
    }
    pci_set32(d, off, type);
    memory_region_set_enabled(mr, false);
    memory_region_add_overlap(type & PCI_BAR_IO ? &bus->io : &bus->mem, 0, mr,
                              1);
}

static bool powered(const PciDevice *d)
{
    return !d->pm_cap ||
           (pci_get16(d, d->pm_cap + PCI_PM_CONTROL) & PCI_PM_STATE) != 3;
}

static uint64_t bar_base(const PciDevice *d, int n, uint64_t *last)
{
    const PciBar *bar = &d->bars[n];
    unsigned off = bar_offset(d, n);
    uint64_t base =
        bar->type & PCI_BAR_64 ? ld64_le(&d->config[off]) : pci_get32(d, off);

    base &= ~(bar->size - 1);
    *last = base + bar->size - 1;
    return base;
}

/*
 * Where a BAR decodes. Not at 0 and not at the very top: that is where it
 * points before it is set up and while its size is asked for (PCI 6.2.5.1).
 */
hwaddr pci_bar_address(const PciDevice *d, int n)
{
    const PciBar *bar = &d->bars[n];
    uint16_t command = pci_get16(d, PCI_COMMAND);
    uint64_t last, base, top;

    if (!bar->mr || !powered(d)) {
        return PCI_UNMAPPED;
    }
    if (!(command &
          (bar->type & PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY))) {
        return PCI_UNMAPPED;
    }
    if (n == PCI_ROM_BAR && !(pci_get32(d, rom_offset(d)) & PCI_ROM_ENABLE)) {
        return PCI_UNMAPPED;
    }
    base = bar_base(d, n, &last);
    if (bar->type & PCI_BAR_IO) {
        return base && last <= UINT16_MAX ? base : PCI_UNMAPPED;
    }
    top = bar->type & PCI_BAR_64 ? UINT64_MAX : UINT32_MAX;
    return base && last > base && last < top ? base : PCI_UNMAPPED;
}

void pci_update_mappings(PciDevice *d)
{
    uint16_t command = pci_get16(d, PCI_COMMAND);
    MemorySystem *ms = d->parent.machine->ms;

    memory_begin(ms);
    for (int i = 0; i < PCI_REGIONS; i++) {
        hwaddr at = d->bars[i].mr ? pci_bar_address(d, i) : PCI_UNMAPPED;
        MemoryRegion *mr = d->bars[i].mr;

        if (mr && at == PCI_UNMAPPED) {
            memory_region_set_enabled(mr, false);
        } else if (mr) {
            memory_region_set_address(mr, at);
            memory_region_set_enabled(mr, true);
        }
    }
    memory_region_set_enabled(&d->dma_memory,
                              (command & PCI_COMMAND_MASTER) && powered(d));
    memory_commit(ms);
}

/* --- capabilities --- */

uint8_t pci_add_capability(PciDevice *d, uint8_t id, uint8_t size)
{
    uint8_t off = d->cap_next;

    assert(range_fits(off, size, PCI_CONFIG_SIZE));
    d->config[off] = id;
    d->config[off + 1] = 0;
    d->fixed[off] = d->fixed[off + 1] = 0xff;
    d->config[d->cap_tail ? d->cap_tail + 1 : PCI_CAPABILITIES] = off;
    pci_set16(d, PCI_STATUS,
              pci_get16(d, PCI_STATUS) | PCI_STATUS_CAPABILITIES);
    d->cap_tail = off;
    d->cap_next = (uint8_t)align_up((uint64_t)off + size, 4);
    return off;
}

/* D0 and D3hot; state is kept in D3hot (PM 3.2.4, 5.4.1). */
void pci_add_pm(PciDevice *d)
{
    uint8_t cap = pci_add_capability(d, PCI_CAP_PM, PCI_PM_SIZE);

    d->pm_cap = cap;
    pci_set16(d, cap + PCI_PM_CAP, 3); /* version 1.2 */
    pci_set16(d, cap + PCI_PM_CONTROL, PCI_PM_NO_SOFT_RESET);
    st16_le(&d->wmask[cap + PCI_PM_CONTROL], PCI_PM_STATE);
}

void pcie_add_capability(PciDevice *d, unsigned type)
{
    uint8_t cap = pci_add_capability(d, PCI_CAP_EXPRESS, PCIE_CAP_SIZE);

    d->exp_cap = cap;
    pci_set16(d, cap + PCIE_CAPS, (uint16_t)(type << 4 | PCIE_CAPS_VERSION2));
    pci_set32(d, cap + PCIE_DEVCAP, PCIE_DEVCAP_RBER);
    /* error reporting, relaxed order, payload, no snoop, read size */
    st16_le(&d->wmask[cap + PCIE_DEVCTL], 0x78ff);
    pci_set16(d, cap + PCIE_DEVCTL, 0x2810);
    st16_le(&d->w1cmask[cap + PCIE_DEVSTA], 0x0f);
    if (type == PCIE_TYPE_RC_ENDPOINT) {
        return; /* has no link (7.5.3) */
    }
    pci_set32(d, cap + PCIE_LNKCAP, PCIE_LNK_2_5GT | PCIE_LNK_X1);
    pci_set16(d, cap + PCIE_LNKSTA, PCIE_LNK_2_5GT | PCIE_LNK_X1);
    st16_le(&d->wmask[cap + PCIE_LNKCTL], 0x01cb);
    pci_set32(d, cap + PCIE_LNKCAP2, 1u << 1); /* 2.5 GT/s */
    pci_set16(d, cap + PCIE_LNKCTL2, PCIE_LNK_2_5GT);
    st16_le(&d->wmask[cap + PCIE_LNKCTL2], 0x000f);
}

/* --- pins --- */

/* The root's input of @d's pin: each bridge turns it by the slot (bridge
 * 9.1), and so does the host. */
static PciBus *route_pin(const PciDevice *d, int *pin)
{
    PciBus *bus = pci_bus(d);

    *pin = d->config[PCI_INTERRUPT_PIN] - 1;
    for (;;) {
        *pin = (*pin + (d->devfn >> 3)) % PCI_PINS;
        if (!bus->bridge) {
            return bus;
        }
        d = bus->bridge;
        bus = pci_bus(d);
    }
}

void pci_update_intx(PciDevice *d)
{
    bool drive = d->intx && d->live && d->config[PCI_INTERRUPT_PIN] &&
                 !(pci_get16(d, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
    uint16_t status =
        pci_get16(d, PCI_STATUS) & (uint16_t)~PCI_STATUS_INTERRUPT;
    PciBus *root;
    int pin;

    pci_set16(d, PCI_STATUS, status | (d->intx ? PCI_STATUS_INTERRUPT : 0));
    if (drive == d->intx_driven) {
        return;
    }
    d->intx_driven = drive;
    root = pci_root(pci_bus(d));
    if (drive) {
        route_pin(d, &d->intx_pin);
    }
    pin = d->intx_pin;
    root->irq_count[pin] += drive ? 1 : -1u;
    root->set_irq(root->opaque, pin, root->irq_count[pin] != 0);
}

void pci_set_intx(PciDevice *d, bool level)
{
    d->intx = level;
    pci_update_intx(d);
}
