/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "pci-device", the base of all PCI devices: life, properties, saved state.
 *
 * Spec:  PCI Local Bus 3.0, 6.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include <glib/gstdio.h>

#include "internal.h"
#include "softmmu/base/parse.h"
#include "softmmu/machine/machine.h"

enum { ROM_MAX = 16 << 20 }; /* bytes of an expansion ROM */

static PciDevice *pci_of(DeviceState *dev)
{
    return object_cast(dev, &pci_device_type);
}

static const PciDeviceType *type_of(const PciDevice *d)
{
    return (const PciDeviceType *)d->parent.parent.type;
}

#define PCI_HOOK(d, hook)                                                      \
    TYPE_METHOD((d)->parent.parent.type, pci_device_type, PciDeviceType, hook)

/* --- the property "addr" --- */

/* "SLOT" or "SLOT.FUNCTION", in hexadecimal. */
static bool parse_addr(const char *text, int32_t *devfn)
{
    char *end;
    unsigned long slot, fn = 0;

    if (!g_ascii_isxdigit(text[0])) {
        return false;
    }
    slot = strtoul(text, &end, 16);
    if (*end == '.' && g_ascii_isxdigit(end[1])) {
        fn = strtoul(end + 1, &end, 16);
    }
    if (*end || slot >= PCI_SLOTS || fn >= PCI_FUNCTIONS) {
        return false;
    }
    *devfn = pci_devfn((unsigned)slot, (unsigned)fn);
    return true;
}

static bool set_addr(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    int32_t *devfn = (int32_t *)((char *)obj + prop->offset);

    if (json_object_is_type(value, json_type_int)) {
        int64_t v = json_object_get_int64(value);

        if (v >= -1 && v < PCI_DEVFNS) {
            *devfn = (int32_t)v;
            return true;
        }
    } else if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);

        if (strcmp(text, "-1") == 0) {
            *devfn = -1;
            return true;
        }
        if (parse_addr(text, devfn)) {
            return true;
        }
    }
    error_set(errp, "Property '%s.%s' doesn't take value '%s'", obj->type->name,
              prop->name, json_object_get_string(value));
    return false;
}

static json_object *get_addr(Object *obj, const Property *prop)
{
    int32_t devfn = *(int32_t *)((char *)obj + prop->offset);
    char text[8];

    if (devfn < 0) {
        return json_object_new_string("-1");
    }
    g_snprintf(text, sizeof(text), "%02x.%x", devfn >> 3, devfn & 7);
    return json_object_new_string(text);
}

const PropertyType prop_type_pci_addr = { "str", "str", set_addr, get_addr };

/* --- expansion ROM --- */

static char *find_rom(Machine *m, const char *name)
{
    if (g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        return g_strdup(name);
    }
    for (guint i = 0; i < m->config.firmware_paths->len; i++) {
        char *path = g_build_filename(
            g_ptr_array_index(m->config.firmware_paths, i), name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
            return path;
        }
        g_free(path);
    }
    return NULL;
}

/* romfile= in a ROM of the next power of two (PCI 6.3). */
static bool add_rom(PciDevice *d, Error **errp)
{
    Machine *m = d->parent.machine;
    g_autofree char *path = NULL;
    g_autofree char *data = NULL;
    uint64_t size = 2048;
    GStatBuf st;
    gsize len;

    if (!d->romfile || !d->romfile[0] || !d->rombar) {
        return true;
    }
    path = find_rom(m, d->romfile);
    if (!path || g_stat(path, &st) != 0 || st.st_size <= 0 ||
        st.st_size > ROM_MAX || !g_file_get_contents(path, &data, &len, NULL)) {
        error_set(errp, "failed to find romfile \"%s\"", d->romfile);
        return false;
    }
    while (size < len) {
        size <<= 1;
    }
    if (!memory_region_init_rom(&d->rom, d, m->ms, "rom", size, errp)) {
        return false;
    }
    memcpy(memory_region_ram_ptr(&d->rom), data, len);
    pci_register_bar(d, PCI_ROM_BAR, 0, &d->rom);
    return true;
}

/* --- realize --- */

static void fix(PciDevice *d, unsigned off, unsigned len)
{
    memset(&d->fixed[off], 0xff, len);
}

static void fill_header(PciDevice *d)
{
    const PciDeviceType *t = type_of(d);

    pci_set16(d, PCI_VENDOR_ID, t->vendor_id);
    pci_set16(d, PCI_DEVICE_ID, t->device_id);
    d->config[PCI_REVISION_ID] = t->revision;
    d->config[PCI_CLASS_PROG] = t->prog_if;
    pci_set16(d, PCI_CLASS, t->class_id);
    d->config[PCI_HEADER_TYPE] = (t->bridge ? PCI_HEADER_BRIDGE : 0) |
                                 (d->multifunction ? PCI_HEADER_MULTI : 0);
    if (!t->bridge) {
        pci_set16(d, PCI_SUBSYSTEM_VENDOR_ID, t->subsystem_vendor_id);
        pci_set16(d, PCI_SUBSYSTEM_ID, t->subsystem_id);
        fix(d, PCI_SUBSYSTEM_VENDOR_ID, 4);
    }
    st16_le(&d->wmask[PCI_COMMAND], PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
                                        PCI_COMMAND_MASTER |
                                        PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
                                        PCI_COMMAND_INTX_DISABLE);
    st16_le(&d->w1cmask[PCI_STATUS], PCI_STATUS_W1C);
    d->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    d->wmask[PCI_INTERRUPT_LINE] = 0xff;
    fix(d, PCI_VENDOR_ID, 4);
    fix(d, PCI_REVISION_ID, 4);
    fix(d, PCI_HEADER_TYPE, 1);
    fix(d, PCI_CAPABILITIES, 1);
    d->cap_next = 0x40;
}

static void make_dma(PciDevice *d)
{
    Machine *m = d->parent.machine;
    g_autofree char *path = device_path(&d->parent);

    memory_region_init(&d->dma_root, d, "dma", UINT64_MAX);
    memory_region_init_alias(&d->dma_memory, d, "bus-master", &m->system, 0,
                             UINT64_MAX);
    memory_region_set_enabled(&d->dma_memory, false);
    memory_region_add(&d->dma_root, 0, &d->dma_memory);
    address_space_init(&d->dma, m->ms, &d->dma_root, path);
}

void pci_unmap_bars(PciDevice *d)
{
    for (int i = 0; i < PCI_REGIONS; i++) {
        MemoryRegion *mr = d->bars[i].mr;

        if (mr && i != PCI_ROM_BAR) {
            d->bars[i].mr = NULL; /* its owner is about to destroy it */
        }
        if (mr && mr->parent) {
            memory_region_del(mr->parent, mr);
        }
    }
}

static void undo_base(PciDevice *d)
{
    pci_unmap_bars(d);
    msix_uninit(d);
    if (d->bars[PCI_ROM_BAR].mr) {
        memory_region_destroy(&d->rom);
    }
    memset(d->bars, 0, sizeof(d->bars));
    address_space_destroy(&d->dma);
    memory_region_del(&d->dma_root, &d->dma_memory);
    memory_region_destroy(&d->dma_memory);
    memory_region_destroy(&d->dma_root);
}

static bool pci_base_realize(DeviceState *dev, Error **errp)
{
    bool (*realize)(PciDevice *, Error **);
    PciDevice *d = pci_of(dev);
    PciBus *bus = pci_bus(d);

    realize = PCI_HOOK(d, pci_realize);
    memset(d->config, 0, sizeof(d->config));
    memset(d->wmask, 0, sizeof(d->wmask));
    memset(d->w1cmask, 0, sizeof(d->w1cmask));
    memset(d->fixed, 0, sizeof(d->fixed));
    d->cap_tail = d->pm_cap = d->msi_cap = d->msix_cap = d->exp_cap = 0;
    d->config_size = type_of(d)->express && pci_bus_is_express(bus)
                         ? PCIE_CONFIG_SIZE
                         : PCI_CONFIG_SIZE;
    fill_header(d);
    make_dma(d);
    if (!add_rom(d, errp) || (realize && !realize(d, errp))) {
        undo_base(d);
        return false;
    }
    memcpy(d->initial, d->config, sizeof(d->initial));
    d->live = true;
    if (bus->plugged) {
        bus->plugged(bus, d);
    }
    return true;
}

static void pci_base_unrealize(DeviceState *dev)
{
    PciDevice *d = pci_of(dev);
    void (*unrealize)(PciDevice *) = PCI_HOOK(d, pci_unrealize);

    d->live = false; /* no guest reaches it from here on */
    pci_update_intx(d);
    if (unrealize) {
        pci_unmap_bars(d);
        unrealize(d);
    }
    undo_base(d);
}

/* --- reset --- */

static void pci_base_reset_enter(DeviceState *dev)
{
    PciDevice *d = pci_of(dev);
    void (*reset)(PciDevice *) = PCI_HOOK(d, pci_reset);

    memcpy(d->config, d->initial, sizeof(d->config));
    d->intx = false;
    pci_msi_reset(d);
    if (reset) {
        reset(d);
    }
}

static void pci_base_reset_hold(DeviceState *dev)
{
    PciDevice *d = pci_of(dev);

    pci_update_mappings(d);
    pci_update_intx(d);
}

/* --- saved state --- */

static bool pci_post_load(void *obj, int version, Error **errp)
{
    PciDevice *d = obj;
    bool (*loaded)(PciDevice *, Error **) = PCI_HOOK(d, loaded);
    PciBus *root = pci_root(pci_bus(d));

    for (unsigned i = 0; i < sizeof(d->config); i++) {
        if ((d->config[i] ^ d->initial[i]) & d->fixed[i]) {
            error_set(errp,
                      "configuration space differs at 0x%x: the device is "
                      "another one",
                      i);
            return false;
        }
    }
    pci_update_mappings(d);
    pci_update_intx(d);
    if (d->intx_driven) { /* the controller may have been loaded before */
        root->set_irq(root->opaque, d->intx_pin, true);
    }
    return !loaded || loaded(d, errp);
}

static void pci_pre_save(void *obj)
{
    pci_msix_collect_all(obj);
}

static const VmField pci_fields[] = {
    VM_BYTES(PciDevice, config),
    VM_BOOL(PciDevice, intx),
    VM_CUSTOM(PciDevice, msix, pci_msix_custom),
    { 0 },
};
static const VmState pci_vmstate = {
    .name = "pci-device",
    .version = 1,
    .fields = pci_fields,
    .pre_save = pci_pre_save,
    .post_load = pci_post_load,
};

static const Property pci_props[] = {
    { "addr", &prop_type_pci_addr, offsetof(PciDevice, devfn), "-1",
      "slot and optional function, for example 06.0", NULL, 0 },
    PROP(bool, PciDevice, multifunction, "multifunction", "off",
         "part of a device of several functions"),
    PROP(str, PciDevice, romfile, "romfile", NULL, "file of the expansion ROM"),
    PROP(u32, PciDevice, rombar, "rombar", "1",
         "0: the guest does not see the expansion ROM"),
    { 0 },
};

const PciDeviceType pci_device_type = {
    .name = "pci-device",
    .parent = TYPE(device_type),
    .size = sizeof(PciDevice),
    .abstract = true,
    .props = pci_props,
    .bus = &pci_bus_type,
    .realize = pci_base_realize,
    .unrealize = pci_base_unrealize,
    .reset_enter = pci_base_reset_enter,
    .reset_hold = pci_base_reset_hold,
    .vmstate = &pci_vmstate,
};
