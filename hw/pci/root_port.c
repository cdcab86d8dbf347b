/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "pcie-root-port": a PCI Express root port with one hot-pluggable slot.
 *
 * Spec:  PCI Express Base 4.0, 6.7 (hot plug), 7.5.3 (registers).
 * Guest: a type 1 function; slot events by MSI or INTA.
 * Omits: link training time, power faults, MRL sensor, interlock.
 * Locks: machine lock.
 *
 * device_add makes the card present and the link come up; device_del presses
 * the attention button, and the card goes when the guest has turned power and
 * the power indicator off (6.7.1.5).
 */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/machine/machine.h"

typedef struct RootPort {
    PciBridge parent;
    /* properties */
    bool hotplug;
    uint8_t chassis, port;
    uint16_t slot;
    /* guest state beyond configuration space; saved */
    bool power_was_on;
    /* wiring */
    BottomHalf *eject;
} RootPort;

static RootPort *port_of(PciDevice *d)
{
    return object_cast(d, &pcie_root_port_type);
}

static uint16_t exp16(const PciDevice *d, unsigned off)
{
    return pci_get16(d, d->exp_cap + off);
}

static bool present(const PciDevice *d)
{
    return (exp16(d, PCIE_SLTSTA) & PCIE_SLTSTA_PDS) != 0;
}

static bool power_on(const PciDevice *d)
{
    return !(exp16(d, PCIE_SLTCTL) & PCIE_SLTCTL_PCC);
}

static bool link_up(const PciDevice *d)
{
    return (exp16(d, PCIE_LNKSTA) & PCIE_LNKSTA_DLLLA) != 0;
}

/* --- events --- */

/* Events that are enabled: 6.7.3.1. Their enables are at the same bits but
 * for the link's. */
static uint16_t wanted_events(const PciDevice *d)
{
    uint16_t ctl = exp16(d, PCIE_SLTCTL);
    uint16_t sta = exp16(d, PCIE_SLTSTA);
    uint16_t on = sta & ctl & 0x1f;

    if ((sta & PCIE_SLTSTA_DLLSC) && (ctl & PCIE_SLTCTL_DLLSCE)) {
        on |= PCIE_SLTSTA_DLLSC;
    }
    return ctl & PCIE_SLTCTL_HPIE ? on : 0;
}

/* 6.7.3.2: a level for pins, an edge for messages. */
static void update_irq(PciDevice *d, bool edge)
{
    bool on = wanted_events(d) != 0;

    if (msi_enabled(d)) {
        pci_set_intx(d, false);
        if (on && edge) {
            msi_notify(d, 0);
        }
    } else {
        pci_set_intx(d, on);
    }
}

static void slot_event(PciDevice *d, uint16_t events)
{
    bool had = wanted_events(d) != 0;

    pci_set16(d, d->exp_cap + PCIE_SLTSTA, exp16(d, PCIE_SLTSTA) | events);
    trace_pcie_slot((unsigned)d->devfn, exp16(d, PCIE_SLTCTL),
                    exp16(d, PCIE_SLTSTA));
    update_irq(d, !had);
}

/* The link is up while a card has power; true: that changed. */
static bool update_link(PciDevice *d)
{
    bool up = present(d) && power_on(d);
    uint16_t sta = exp16(d, PCIE_LNKSTA) & (uint16_t)~PCIE_LNKSTA_DLLLA;
    bool changed = up != link_up(d);

    pci_set16(d, d->exp_cap + PCIE_LNKSTA, sta | (up ? PCIE_LNKSTA_DLLLA : 0));
    port_of(d)->parent.bus.link_down = !up;
    return changed;
}

static void set_present(PciDevice *d, bool on)
{
    uint16_t sta = exp16(d, PCIE_SLTSTA) & (uint16_t)~PCIE_SLTSTA_PDS;

    pci_set16(d, d->exp_cap + PCIE_SLTSTA, sta | (on ? PCIE_SLTSTA_PDS : 0));
}

/* --- plug and unplug --- */

static void card_came(PciBus *bus, PciDevice *card)
{
    PciDevice *d = bus->bridge;

    if (!card->parent.hotplugged) {
        set_present(d, true); /* and power: pci_reset says so */
        update_link(d);
        return;
    }
    if (card->devfn & 7) {
        return; /* the guest looks when function 0 comes */
    }
    set_present(d, true);
    slot_event(d, PCIE_SLTSTA_PDC | (update_link(d) ? PCIE_SLTSTA_DLLSC : 0));
}

static bool any_card(const PciBus *bus)
{
    for (unsigned i = 0; i < PCI_DEVFNS; i++) {
        if (bus->devices[i]) {
            return true;
        }
    }
    return false;
}

static void card_gone(PciBus *bus, PciDevice *card)
{
    PciDevice *d = bus->bridge;

    if (!d->live || any_card(bus) || !present(d)) {
        return;
    }
    set_present(d, false);
    slot_event(d, PCIE_SLTSTA_PDC | (update_link(d) ? PCIE_SLTSTA_DLLSC : 0));
}

/* Main loop: the guest let the card go. */
static void eject(void *opaque)
{
    RootPort *p = opaque;
    Bus *bus = &p->parent.bus.parent;

    while (bus->devices->len > 0 && !power_on(&p->parent.parent)) {
        device_unplug(g_ptr_array_index(bus->devices, bus->devices->len - 1));
    }
}

static bool ask_card_to_go(PciBus *bus, PciDevice *card, Error **errp)
{
    PciDevice *d = bus->bridge;
    RootPort *p = port_of(d);
    uint16_t ctl = exp16(d, PCIE_SLTCTL);

    if ((ctl & PCIE_SLTCTL_PIC) == PCIE_SLTCTL_PIC_BLINK) {
        error_set(errp, "Hot-unplug failed: guest is busy (power indicator "
                        "blinking)");
        return false;
    }
    card->parent.unplug_pending = true;
    if (ctl & PCIE_SLTCTL_PCC) { /* off already: nobody is to be asked */
        bh_schedule(p->eject);
    } else {
        slot_event(d, PCIE_SLTSTA_ABP);
    }
    return true;
}

/* --- registers --- */

static void slot_control_written(RootPort *p)
{
    PciDevice *d = &p->parent.parent;
    uint16_t ctl = exp16(d, PCIE_SLTCTL);
    bool off = (ctl & PCIE_SLTCTL_PCC) != 0;
    uint16_t events = PCIE_SLTSTA_CC; /* commands take no time (6.7.3.2) */

    if (present(d) && update_link(d)) {
        events |= PCIE_SLTSTA_DLLSC;
    }
    if (off && (ctl & PCIE_SLTCTL_PIC) == PCIE_SLTCTL_PIC_OFF &&
        p->power_was_on && present(d)) {
        bh_schedule(p->eject);
    }
    if (!off || (ctl & PCIE_SLTCTL_PIC) == PCIE_SLTCTL_PIC_OFF) {
        p->power_was_on = !off;
    }
    slot_event(d, events);
}

static void port_config_written(PciDevice *d, unsigned addr, unsigned len)
{
    RootPort *p = port_of(d);

    pci_bridge_config_written(d, addr, len);
    if (p->hotplug && pci_touches(addr, len, d->exp_cap + PCIE_SLTCTL, 2)) {
        slot_control_written(p);
    } else if (pci_touches(addr, len, d->exp_cap + PCIE_SLTSTA, 2) ||
               (d->msi_cap && pci_touches(addr, len, d->msi_cap, 4))) {
        update_irq(d, false);
    }
}

/* A slot that has a card begins with power, an empty one without. */
static void port_reset(PciDevice *d)
{
    RootPort *p = port_of(d);
    bool card = any_card(&p->parent.bus);

    if (p->hotplug) {
        pci_set16(d, d->exp_cap + PCIE_SLTCTL,
                  card ? PCIE_SLTCTL_PIC_ON | PCIE_SLTCTL_AIC
                       : PCIE_SLTCTL_PIC_OFF | PCIE_SLTCTL_AIC |
                             PCIE_SLTCTL_PCC);
    }
    set_present(d, card);
    p->power_was_on = card;
    update_link(d);
}

static void add_slot(RootPort *p)
{
    PciDevice *d = &p->parent.parent;
    unsigned cap = d->exp_cap;
    uint32_t hot = PCIE_SLTCAP_ABP | PCIE_SLTCAP_PCP | PCIE_SLTCAP_AIP |
                   PCIE_SLTCAP_PIP | PCIE_SLTCAP_HPC;

    pci_set16(d, cap + PCIE_CAPS, exp16(d, PCIE_CAPS) | PCIE_CAPS_SLOT);
    pci_set32(d, cap + PCIE_LNKCAP,
              pci_get32(d, cap + PCIE_LNKCAP) | PCIE_LNKCAP_DLLLARC |
                  (uint32_t)p->port << 24);
    pci_set32(d, cap + PCIE_SLTCAP,
              (uint32_t)p->slot << PCIE_SLTCAP_NUMBER_SHIFT |
                  (p->hotplug ? hot : 0));
    if (p->hotplug) {
        /* enables, both indicators, power, link state */
        st16_le(&d->wmask[cap + PCIE_SLTCTL], 0x17f9);
        st16_le(&d->w1cmask[cap + PCIE_SLTSTA], PCIE_SLTSTA_W1C);
    }
    st16_le(&d->wmask[cap + PCIE_RTCTL], 0x000f);
}

static bool port_realize(PciDevice *d, Error **errp)
{
    RootPort *p = port_of(d);
    PciBus *outer = pci_bus(d);
    uint8_t cap;

    if (!pci_bus_is_express(outer) || outer->bridge) {
        error_set(errp, "pcie-root-port goes on a PCI Express root bus");
        return false;
    }
    if (p->slot >= 1u << 13) {
        error_set(errp, "Property 'slot' is at most %u", (1u << 13) - 1);
        return false;
    }
    if (!pci_bridge_realize(d, &pcie_bus_type, errp)) {
        return false;
    }
    d->config[PCI_INTERRUPT_PIN] = 1;
    cap = pci_add_capability(d, PCI_CAP_SUBSYSTEM, 8);
    pci_set16(d, cap + 4u, 0x1b36);
    pcie_add_capability(d, PCIE_TYPE_ROOT_PORT);
    pci_add_pm(d);
    if (!msi_init(d, 1, errp)) {
        pci_bridge_unrealize(d);
        return false;
    }
    add_slot(p);
    p->parent.bus.slots = 1; /* a link has one device (7.3.1) */
    p->parent.bus.plugged = card_came;
    p->parent.bus.unplugged = card_gone;
    p->parent.bus.unplug_request = ask_card_to_go;
    p->parent.bus.link_down = true;
    p->parent.bus.parent.hotplug = p->hotplug;
    p->eject = bh_new(d->parent.machine->loop, eject, p);
    return true;
}

static void port_unrealize(PciDevice *d)
{
    RootPort *p = port_of(d);

    bh_free(p->eject);
    pci_bridge_unrealize(d);
}

static bool port_loaded(PciDevice *d, Error **errp)
{
    RootPort *p = port_of(d);

    p->parent.bus.link_down = !link_up(d);
    if (!power_on(d) && present(d) && p->hotplug) {
        bh_schedule(p->eject); /* it was on its way out */
    }
    return pci_bridge_base_type.loaded(d, errp);
}

static const VmField port_fields[] = {
    VM_BOOL(RootPort, power_was_on),
    { 0 },
};
static const VmState port_vmstate = {
    .name = "pcie-root-port",
    .version = 1,
    .fields = port_fields,
};

static const Property port_props[] = {
    PROP(bool, RootPort, hotplug, "hotplug", "on",
         "devices may come and go while the guest runs"),
    PROP(u8, RootPort, chassis, "chassis", "0", "chassis number"),
    PROP(u8, RootPort, port, "port", "0", "port number"),
    PROP(u16, RootPort, slot, "slot", "0", "physical slot number"),
    { 0 },
};

const PciDeviceType pcie_root_port_type = {
    .name = "pcie-root-port",
    .parent = TYPE(pci_bridge_base_type),
    .description = "PCI Express Root Port",
    .size = sizeof(RootPort),
    .category = DEVICE_BRIDGE,
    .user_creatable = true,
    .express = true,
    .bridge = true,
    .vendor_id = 0x1b36,
    .device_id = 0x000c,
    .class_id = 0x0604,
    .props = port_props,
    .pci_realize = port_realize,
    .pci_unrealize = port_unrealize,
    .pci_reset = port_reset,
    .config_written = port_config_written,
    .loaded = port_loaded,
    .vmstate = &port_vmstate,
};
