/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ACPI tables of the microvm board: a hardware-reduced platform.
 *
 * Spec:  ACPI 6.4, 5.2.9 (FADT), 5.2.12 (MADT), 5.2.16 and 5.2.27, 5.6.9
 *        (generic event device); PCI Firmware 3.2, 4.1.2 (MCFG); Linux
 *        Documentation: LNRO0005 is virtio-mmio, QEMU0002 is fw_cfg.
 * Locks: machine lock, build time.
 */
#include "tandem/base.h"

#include "hw/acpi/aml.h"
#include "hw/acpi/ged.h"
#include "hw/acpi/tables.h"
#include "hw/intc/ioapic.h"
#include "hw/virtio/mmio.h"
#include "internal.h"

/* --- DSDT --- */

static void aml_virtio(Aml *a, const MicrovmMachine *v)
{
    for (unsigned i = 0; i < v->n_virtio; i++) {
        g_autofree char *name = g_strdup_printf("VR%02u", i);
        Bus *bus = g_ptr_array_index(v->virtio[i]->buses, 0);

        if (bus->devices->len == 0) {
            continue; /* nothing can come later: no hot plug */
        }
        aml_device(a, name);
        aml_name_string(a, "_HID", "LNRO0005");
        aml_name_int(a, "_UID", i);
        aml_name_int(a, "_CCA", 1);
        aml_crs_begin(a);
        aml_memory32(a, MICROVM_VIRTIO + i * VIRTIO_MMIO_SIZE,
                     VIRTIO_MMIO_SIZE);
        aml_irq(a, v->virtio_gsi + i, false);
        aml_crs_end(a);
        aml_end(a);
    }
}

static void aml_serial(Aml *a, const MicrovmMachine *v)
{
    if (!v->isa_serial) {
        return;
    }
    aml_device(a, "COM1");
    aml_name(a, "_HID");
    aml_eisaid(a, "PNP0501");
    aml_name_int(a, "_UID", 1);
    aml_crs_begin(a);
    aml_io(a, 0x3f8, 8);
    aml_irq(a, MICROVM_GSI_SERIAL, true);
    aml_crs_end(a);
    aml_end(a);
}

static void aml_clock(Aml *a, const char *name, const char *id, uint16_t port,
                      uint8_t ports, uint32_t gsi)
{
    aml_device(a, name);
    aml_name(a, "_HID");
    aml_eisaid(a, id);
    aml_crs_begin(a);
    aml_io(a, port, ports);
    aml_irq(a, gsi, true);
    aml_crs_end(a);
    aml_end(a);
}

/* The clocks of a PC, which hardware-reduced platforms need not have. */
static void aml_clocks(Aml *a, const MicrovmMachine *v)
{
    if (v->has_rtc) {
        aml_clock(a, "RTC", "PNP0B00", 0x70, 2, MICROVM_GSI_RTC);
    }
    if (v->has_pit) {
        aml_clock(a, "TIMR", "PNP0100", 0x40, 4, MICROVM_GSI_PIT);
    }
}

static void aml_fw_cfg(Aml *a)
{
    aml_device(a, "FWCF");
    aml_name_string(a, "_HID", "QEMU0002");
    aml_name_int(a, "_STA", 0xb);
    aml_crs_begin(a);
    aml_io(a, 0x510, 12);
    aml_crs_end(a);
    aml_end(a);
}

/* The button, and the event device that presses it (5.6.9.2: _EVT). */
static void aml_events(Aml *a)
{
    aml_device(a, "PWRB");
    aml_name(a, "_HID");
    aml_eisaid(a, "PNP0C0C");
    aml_name_int(a, "_UID", 0);
    aml_end(a);

    aml_device(a, "GED");
    aml_name_string(a, "_HID", "ACPI0013");
    aml_name_string(a, "_UID", "GED");
    aml_crs_begin(a);
    aml_irq(a, MICROVM_GSI_GED, true);
    aml_crs_end(a);
    aml_region(a, "EREG", false, MICROVM_GED, 4);
    aml_field(a, "EREG", "ESEL", 32);
    aml_method(a, "_EVT", 1, true);
    aml_store_local0(a, "ESEL");
    aml_if_local0(a, GED_POWER_BUTTON);
    aml_notify(a, "\\_SB.PWRB", 0x80);
    aml_end(a);
    aml_end(a);
    aml_end(a);
}

/* _PRT: pin p of slot s is line (p + s) mod 4 (PCI 3.0, 2.2.6). */
static void aml_routes(Aml *a)
{
    aml_name(a, "_PRT");
    aml_package(a, 128);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_int(a, 0);
            aml_int(a, MICROVM_GSI_PCIE + (pin + slot) % 4);
            aml_end(a);
        }
    }
    aml_end(a);
}

/* What MCFG names must be among a motherboard's resources (PCI Firmware 3.2,
 * 4.1.2); Linux takes no ECAM without. */
static void aml_ecam(Aml *a)
{
    aml_device(a, "ECAM");
    aml_name(a, "_HID");
    aml_eisaid(a, "PNP0C02");
    aml_crs_begin(a);
    aml_memory32(a, MICROVM_PCIE_ECAM, 256u << 20);
    aml_crs_end(a);
    aml_end(a);
}

static void aml_pcie(Aml *a, const MicrovmMachine *v)
{
    if (!v->has_pcie) {
        return;
    }
    aml_ecam(a);
    aml_device(a, "PCI0");
    aml_name(a, "_HID");
    aml_eisaid(a, "PNP0A08");
    aml_name(a, "_CID");
    aml_eisaid(a, "PNP0A03");
    aml_name_int(a, "_SEG", 0);
    aml_name_int(a, "_BBN", 0);
    aml_name_int(a, "_UID", 0);
    aml_name_int(a, "_CCA", 1);
    aml_crs_begin(a);
    aml_bus_numbers(a, 255);
    aml_window32(a, MICROVM_PCIE_MMIO, 512u << 20);
    aml_crs_end(a);
    aml_routes(a);
    aml_end(a);
}

static guint dsdt(AcpiTables *t, const MicrovmMachine *v)
{
    guint start = acpi_table_begin(t, "DSDT", 2);
    Aml a;

    aml_init(&a);
    aml_scope(&a, "\\_SB");
    aml_serial(&a, v);
    aml_clocks(&a, v);
    aml_fw_cfg(&a);
    aml_events(&a);
    aml_virtio(&a, v);
    aml_pcie(&a, v);
    aml_end(&a);
    aml_name(&a, "\\_S5");
    aml_package(&a, 4);
    aml_int(&a, GED_S5);
    for (int i = 0; i < 3; i++) {
        aml_int(&a, 0);
    }
    aml_end(&a);
    g_byte_array_append(t->blob, a.out->data, a.out->len);
    aml_free(&a);
    acpi_table_end(t, start);
    return start;
}

/* --- FADT: 5.2.9, revision 6.3, hardware reduced --- */

static void fill_to(AcpiTables *t, guint start, guint offset)
{
    while (t->blob->len < start + offset) {
        acpi_put(t, 0, 1);
    }
}

static guint fadt(AcpiTables *t, guint dsdt_at, const MicrovmMachine *v)
{
    enum {
        CMOS_CENTURY = 0x32,
        LEGACY_DEVICES = 1,
        NO_VGA = 1 << 2,
        NO_RTC = 1 << 5,
        WBINVD = 1,
        PWR_BUTTON = 1 << 4,
        SLP_BUTTON = 1 << 5,
        RESET_SUPPORTED = 1 << 10,
        HW_REDUCED = 1 << 20
    };
    guint start = acpi_table_begin(t, "FACP", 6);

    fill_to(t, start, 108);
    acpi_put(t, v->has_rtc ? CMOS_CENTURY : 0, 1);
    acpi_put(t,
             (v->isa_serial ? LEGACY_DEVICES : 0) | NO_VGA |
                 (v->has_rtc ? 0 : NO_RTC),
             2);
    fill_to(t, start, 112);
    acpi_put(t, WBINVD | PWR_BUTTON | SLP_BUTTON | RESET_SUPPORTED | HW_REDUCED,
             4);
    acpi_put_gas(t, 8, MICROVM_GED_REGS + GED_RESET);
    acpi_put(t, GED_RESET_VALUE, 1);
    acpi_put(t, 0, 2); /* ARM flags */
    acpi_put(t, 3, 1); /* minor version */
    fill_to(t, start, 140);
    acpi_link(t, start + 140, dsdt_at, 8);
    fill_to(t, start, 244);
    acpi_put_gas(t, 8, MICROVM_GED_REGS + GED_SLEEP_CONTROL);
    acpi_put_gas(t, 8, MICROVM_GED_REGS + GED_SLEEP_STATUS);
    acpi_put(t, 0, 8); /* no hypervisor vendor id */
    acpi_table_end(t, start);
    return start;
}

/* --- MADT --- */

static guint madt(AcpiTables *t, const MicrovmMachine *v)
{
    enum { LOCAL_APIC = 0, IO_APIC = 1, LOCAL_NMI = 4 };
    guint start = acpi_table_begin(t, "APIC", 5);
    GPtrArray *cpus = v->parent.cpus;

    acpi_put(t, MICROVM_LAPIC, 4);
    acpi_put(t, v->has_pic, 4); /* PCAT_COMPAT */
    for (guint i = 0; i < cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(cpus, i);

        acpi_put(t, LOCAL_APIC, 1);
        acpi_put(t, 8, 1);
        acpi_put(t, i, 1);
        acpi_put(t, cpu->id, 1);
        acpi_put(t, 1, 4); /* enabled */
    }
    for (unsigned i = 0; i < 2 && v->ioapic[i]; i++) {
        acpi_put(t, IO_APIC, 1);
        acpi_put(t, 12, 1);
        acpi_put(t, i, 1);
        acpi_put(t, 0, 1);
        acpi_put(t, i ? MICROVM_IOAPIC2 : MICROVM_IOAPIC, 4);
        acpi_put(t, (uint64_t)i * IOAPIC_PINS, 4);
    }
    acpi_put(t, LOCAL_NMI, 1);
    acpi_put(t, 6, 1);
    acpi_put(t, 0xff, 1); /* all processors */
    acpi_put(t, 0, 2);
    acpi_put(t, 1, 1); /* LINT1 */
    acpi_table_end(t, start);
    return start;
}

static guint mcfg(AcpiTables *t)
{
    guint start = acpi_table_begin(t, "MCFG", 1);

    acpi_put(t, 0, 8);
    acpi_put(t, MICROVM_PCIE_ECAM, 8);
    acpi_put(t, 0, 2); /* segment */
    acpi_put(t, 0, 1);
    acpi_put(t, 255, 1); /* buses */
    acpi_put(t, 0, 4);
    acpi_table_end(t, start);
    return start;
}

bool microvm_acpi(MicrovmMachine *v, bool direct, Error **errp)
{
    AcpiTables t;
    guint listed[3];
    unsigned n = 0;
    bool ok;

    acpi_tables_init(&t);
    listed[n++] = fadt(&t, dsdt(&t, v), v);
    listed[n++] = madt(&t, v);
    if (v->has_pcie) {
        listed[n++] = mcfg(&t);
    }
    acpi_tables_end(&t, listed, n);
    ok = direct ? acpi_place(&t, &v->parent, BOOT_ACPI, BOOT_ACPI_ROOM, errp)
                : acpi_give(&t, &v->parent, errp);
    acpi_tables_free(&t);
    return ok;
}
