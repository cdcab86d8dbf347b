/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. Machine lock, build time. */
#ifndef HW_X86_INTERNAL_H
#define HW_X86_INTERNAL_H

#include "hw/core/loader.h"
#include "hw/x86/microvm.h"
#include "softmmu/machine/cpu.h"

typedef struct MicrovmMachine {
    Machine parent;
    /* properties: set before the machine is built */
    int acpi, pcie, rtc, ioapic2, pit, pic_option; /* ON_OFF_AUTO_x */
    bool isa_serial, auto_cmdline, option_roms;
    /* constant after build */
    bool has_acpi, has_pcie, has_rtc, has_pit, has_pic, has_ioapic2;
    unsigned n_virtio, virtio_gsi;
    DeviceState *ioapic[2];
    DeviceState *pic;  /* NULL: none */
    DeviceState *apic; /* NULL: the engine has local APICs */
    DeviceState *virtio[MICROVM_VIRTIO_SLOTS];
    MemoryRegion ram_low, ram_high, rom, rom_alias;
    bool has_rom;
    /* direct boot: constant after finish; entry 0: by firmware */
    hwaddr entry, info;
    hwaddr page_tables; /* 0: 32-bit entry */
} MicrovmMachine;

/* Low memory of a direct boot. */
enum {
    BOOT_GDT = 0x500,
    BOOT_ENTRY32 = 0x540, /* a few insns before a 32-bit kernel */
    BOOT_START_INFO = 0x7000,
    BOOT_PML4 = 0x9000, /* then PDPT, four page directories */
    BOOT_PARAMS = 0x10000,
    BOOT_CMDLINE = 0x20000,
    BOOT_CMDLINE_MAX = 0x10000,
    BOOT_MPTABLE = 0x9fc00, /* 1 KiB, then 0xa0000 */
    BOOT_ACPI = 0xe0000,
    BOOT_ACPI_ROOM = 0x10000,
};

/* A range of the guest's memory map; types are those of E820. */
typedef struct E820 {
    uint64_t addr, size;
    uint32_t type;
} E820;
enum { E820_RAM = 1, E820_RESERVED = 2, E820_MAX = 8 };
unsigned x86_memory_map(const MicrovmMachine *v, E820 *map);

uint64_t x86_ram_below_4g(const Machine *m);

/* boot.c: load -kernel, -initrd, -append without firmware. @cmdline may be
 * changed by the board; sets v->entry. */
bool x86_direct_boot(MicrovmMachine *v, const char *cmdline, Error **errp);
/* The same for firmware to fetch by fw_cfg. */
bool x86_kernel_to_fw_cfg(MicrovmMachine *v, const char *cmdline, Error **errp);

/* linuxboot.S: an option ROM but for its checksum; empty where no KVM is. */
extern const uint8_t x86_linuxboot_rom[];
extern const uint32_t x86_linuxboot_size;

/* acpi.c: at BOOT_ACPI, or for firmware. */
bool microvm_acpi(MicrovmMachine *v, bool direct, Error **errp);

/* mptable.c */
bool x86_mptable(MicrovmMachine *v, Error **errp);

#endif
