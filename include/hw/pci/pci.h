/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI devices and buses, conventional and Express.
 *
 * Spec:  PCI Local Bus 3.0; PCI-to-PCI Bridge 1.2; PCI Express Base 4.0.
 * Locks: machine lock.
 *
 * A device type derives from pci_device_type, fills the constants of its
 * type and gives pci_realize, in which it registers BARs and capabilities.
 * realize, unrealize, the reset phases and the saved state of configuration
 * space are the base's: subtypes use the pci_ hooks instead.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "hw/pci/regs.h"
#include "softmmu/machine/machine.h"

typedef struct PciBus PciBus;
typedef struct PciDevice PciDevice;

enum {
    PCI_BARS = 6,
    PCI_ROM_BAR = 6, /* its place in PciDevice.bars */
    PCI_REGIONS,
    PCI_PINS = 4,
    PCI_SLOTS = 32,
    PCI_FUNCTIONS = 8,
    PCI_DEVFNS = 256,
};

static inline uint8_t pci_devfn(unsigned slot, unsigned function)
{
    return (uint8_t)(slot << 3 | function);
}

typedef struct PciDeviceType {
    struct DeviceType;
    /* Identity; PCI 6.2.1. */
    uint16_t vendor_id, device_id, subsystem_vendor_id, subsystem_id;
    uint16_t class_id; /* base class << 8 | subclass */
    uint8_t prog_if, revision;
    bool bridge; /* type 1 header */
    /* Wants 4 KiB of configuration space on a PCIe bus. */
    bool express;
    /* Register BARs and capabilities; the identity may still be changed. */
    bool (*pci_realize)(PciDevice *d, Error **errp);
    void (*pci_unrealize)(PciDevice *d);
    /* Configuration space is as after pci_realize again; part of enter. */
    void (*pci_reset)(PciDevice *d);
    /* The guest wrote [addr, addr + len); masks were applied, BARs moved. */
    void (*config_written)(PciDevice *d, unsigned addr, unsigned len);
    /* About to be read: bring what is volatile up to date. */
    void (*config_read)(PciDevice *d, unsigned addr, unsigned len);
    /* Saved state is in: derive the rest. */
    bool (*loaded)(PciDevice *d, Error **errp);
} PciDeviceType;
extern const PciDeviceType pci_device_type; /* "pci-device", abstract */

typedef struct PciBar {
    MemoryRegion *mr; /* NULL: no such BAR */
    uint64_t size;
    uint8_t type; /* PCI_BAR_x */
} PciBar;

typedef struct PciMsixNotifier {
    Notifier notifier;
    PciDevice *device;
} PciMsixNotifier;

/* A vector's descriptor: the engine sends for it (.bound), or the main loop
 * (.watched), or its writes wait there as the vector is masked. */
typedef struct PciMsixFd {
    PciDevice *device;
    unsigned vector;
    int fd; /* an eventfd; -1: none */
    int route;
    bool bound, watched;
} PciMsixFd;

/* MSI-X: table and pending bits live in BARs. */
typedef struct PciMsix {
    unsigned vectors;  /* 0: none */
    uint8_t *table;    /* .vectors entries; saved */
    uint64_t *pending; /* a bit a vector; saved */
    MemoryRegion table_mr, pba_mr;
    MemoryRegion *table_bar, *pba_bar;
    MemoryRegion own_bar; /* of msix_init_exclusive() */
    bool own;
    PciMsixFd *fds; /* .vectors of them; NULL: msix_fd() was not called */
    PciMsixNotifier on_state;
} PciMsix;

struct PciDevice {
    DeviceState parent;
    /* properties */
    int32_t devfn; /* slot << 3 | function; -1: the first free slot */
    bool multifunction;
    char *romfile; /* NULL or "": none */
    uint32_t rombar;
    /* constant after realize */
    unsigned config_size;
    uint8_t wmask[PCIE_CONFIG_SIZE];   /* the guest may write */
    uint8_t w1cmask[PCIE_CONFIG_SIZE]; /* a one written clears */
    uint8_t fixed[PCIE_CONFIG_SIZE];   /* bits that never change */
    uint8_t initial[PCIE_CONFIG_SIZE]; /* as after reset */
    PciBar bars[PCI_REGIONS];
    MemoryRegion rom;
    uint8_t cap_tail, cap_next; /* last in the list; first free byte */
    uint8_t pm_cap, msi_cap, msix_cap, exp_cap; /* 0: none */
    unsigned msi_vectors;
    /* DMA goes through here: guest memory while bus master is enabled. */
    MemoryRegion dma_root, dma_memory;
    AddressSpace dma;
    /* saved */
    uint8_t config[PCIE_CONFIG_SIZE];
    bool intx; /* the function asserts its pin */
    PciMsix msix;
    /* derived */
    bool intx_driven; /* counted at the root */
    int intx_pin;     /* where */
    bool live;        /* the guest can see it */
};

/* A bus; the root's owner is a host bridge, another's a bridge device. */
struct PciBus {
    Bus parent;
    PciDevice *bridge;   /* NULL: root */
    MemoryRegion mem;    /* BARs, 2^64 bytes */
    MemoryRegion io;     /* I/O BARs, 64 KiB */
    unsigned first_slot; /* from which slots are given out */
    unsigned slots;      /* how many there are: 1 below a PCIe port */
    PciDevice *devices[PCI_DEVFNS];
    bool link_down; /* nobody answers */
    /* root: pin @n (0 is INTA) at the root complex */
    void (*set_irq)(void *opaque, int pin, bool level);
    void *opaque;
    unsigned irq_count[PCI_PINS];
    /* Of a slot's port; may be NULL. */
    void (*plugged)(PciBus *bus, PciDevice *d);
    void (*unplugged)(PciBus *bus, PciDevice *d);
    bool (*unplug_request)(PciBus *bus, PciDevice *d, Error **errp);
};
extern const BusType pci_bus_type;  /* "PCI" */
extern const BusType pcie_bus_type; /* "PCIE", a "PCI" */

/* --- for devices --- */

/* BAR @n decodes @mr, whose size is a power of two (I/O: 4 to 256 bytes,
 * memory: at least 16). A 64-bit BAR takes n + 1 too. @mr stays the
 * device's, which destroys it in pci_unrealize. */
void pci_register_bar(PciDevice *d, int n, uint8_t type, MemoryRegion *mr);
/* Where BAR @n is mapped, or PCI_UNMAPPED. */
#define PCI_UNMAPPED UINT64_MAX
hwaddr pci_bar_address(const PciDevice *d, int n);

/* A capability of @size bytes, at the end of the list: its offset. All but
 * the header is zero and read-only. 0: no room (our own mistake). */
uint8_t pci_add_capability(PciDevice *d, uint8_t id, uint8_t size);
void pci_add_pm(PciDevice *d);
/* @type: PCIE_TYPE_x. */
void pcie_add_capability(PciDevice *d, unsigned type);

/* The level of the function's interrupt pin. */
void pci_set_intx(PciDevice *d, bool level);

/* Can messages be sent on this machine? If not, msi_init and msix_init add
 * nothing and say true: drivers find pins only. */
bool pci_msi_available(PciDevice *d);
/* @vectors: a power of two, at most 32. */
bool msi_init(PciDevice *d, unsigned vectors, Error **errp);
bool msi_enabled(const PciDevice *d);
void msi_notify(PciDevice *d, unsigned vector);
/* Table in @bar at @offset, pending bits in @pba_bar; the BARs are made and
 * registered by the caller, with room. */
typedef struct MsixPlace {
    MemoryRegion *bar, *pba_bar;
    uint8_t bar_nr, pba_bar_nr;
    uint32_t offset, pba_offset;
} MsixPlace;
bool msix_init(PciDevice *d, unsigned vectors, const MsixPlace *place,
               Error **errp);
/* Table and pending bits alone in BAR @n. */
bool msix_init_exclusive(PciDevice *d, unsigned vectors, int n, Error **errp);
void msix_uninit(PciDevice *d);
bool msix_enabled(const PciDevice *d);
bool msix_masked(const PciDevice *d, unsigned vector);
void msix_notify(PciDevice *d, unsigned vector);
/*
 * msix_fd: an eventfd; any thread that writes to it does msix_notify() of
 * @vector, without a lock. The device's: one a vector, until msix_uninit().
 * Written while MSI-X is off or the machine stands, it notifies afterwards.
 * Machine lock. -1: the engine has none; call msix_notify().
 */
int msix_fd(PciDevice *d, unsigned vector);

static inline PciBus *pci_bus(const PciDevice *d)
{
    return (PciBus *)d->parent.bus;
}
bool pci_bus_is_express(const PciBus *bus);
unsigned pci_bus_number(const PciBus *bus);
/* Bus number << 8 | devfn, for DMA and messages. */
uint16_t pci_requester(const PciDevice *d);
static inline MemAttrs pci_attrs(const PciDevice *d)
{
    return (MemAttrs){ .device = true, .requester = pci_requester(d) };
}

static inline uint16_t pci_get16(const PciDevice *d, unsigned off)
{
    return ld16_le(&d->config[off]);
}
static inline uint32_t pci_get32(const PciDevice *d, unsigned off)
{
    return ld32_le(&d->config[off]);
}
static inline void pci_set16(PciDevice *d, unsigned off, uint16_t v)
{
    st16_le(&d->config[off], v);
}
static inline void pci_set32(PciDevice *d, unsigned off, uint32_t v)
{
    st32_le(&d->config[off], v);
}
/* Does [addr, addr + len) touch [off, off + size)? */
static inline bool pci_touches(unsigned addr, unsigned len, unsigned off,
                               unsigned size)
{
    return range_overlaps(addr, len, off, size);
}

/* --- for bridges and hosts --- */

/* A bus that is part of its owner's struct. @type: pci_bus_type or
 * pcie_bus_type. */
void pci_bus_init(PciBus *bus, const void *type, DeviceState *owner,
                  const char *name);
/* No device is left on it; its regions are in no map. */
void pci_bus_destroy(PciBus *bus);
/* Function @devfn of bus number @bus below @root; NULL: none answers. */
PciDevice *pci_find(PciBus *root, unsigned bus, uint8_t devfn);
/* @len 1, 2 or 4, inside one doubleword; all ones where nothing answers. */
uint32_t pci_config_read(PciDevice *d, unsigned addr, unsigned len);
void pci_config_write(PciDevice *d, unsigned addr, unsigned len,
                      uint32_t value);
PciBus *pci_root(PciBus *bus);

/* A type 1 device; the bridge types derive from it. */
typedef struct PciBridge {
    PciDevice parent;
    PciBus bus;
    MemoryRegion window_io, window_mem, window_pref; /* aliases of .bus's */
} PciBridge;
extern const PciDeviceType pci_bridge_base_type; /* "base-pci-bridge" */
/* For the hooks of its subtypes, which call them first. */
bool pci_bridge_realize(PciDevice *d, const void *bus_type, Error **errp);
void pci_bridge_unrealize(PciDevice *d);
void pci_bridge_config_written(PciDevice *d, unsigned addr, unsigned len);

#endif
