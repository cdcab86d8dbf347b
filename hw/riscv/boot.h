/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start of a RISC-V board: firmware, kernel, initrd, device tree, and the ROM
 * that a hart runs first. Private to hw/riscv. Machine lock, build time.
 *
 * Spec: OpenSBI docs/firmware/fw_dynamic.md (struct fw_dynamic_info);
 *       Linux Documentation/arch/riscv/boot.rst.
 */
#ifndef HW_RISCV_BOOT_H
#define HW_RISCV_BOOT_H

#include "hw/core/dtb.h"
#include "hw/core/loader.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/machine/cpu.h"

enum {
    RISCV_ROM_BASE = 0x1000, /* harts start here */
    RISCV_ROM_SIZE = 0xf000,
};

/* Inputs of a hart: Priv 3.1.9. */
enum {
    HART_SSI = 1,
    HART_MSI = 3,
    HART_MTI = 7,
    HART_SEI = 9,
    HART_MEI = 11,
};

typedef struct RiscvBoot {
    Machine *m;
    bool is32;
    hwaddr ram_base;
    uint64_t ram_size;
    hwaddr start;  /* where the ROM jumps: firmware, or kernel without one */
    hwaddr fw_end; /* first byte after the firmware */
    LoadedImage kernel; /* .high = 0: none */
    hwaddr next;        /* where fw_dynamic goes on in S-mode; 0: nowhere */
    hwaddr flash;       /* firmware is in flash there; 0: it is not */
    hwaddr initrd_start, initrd_end;
    hwaddr fdt_addr;
    uint64_t htif[2]; /* values of symbols tohost, fromhost; 0: none */
} RiscvBoot;

void riscv_boot_init(RiscvBoot *b, Machine *m, hwaddr ram_base);
/* Are the machine's harts RV32? By its view: one view has one XLEN. */
bool riscv_is_32bit(Machine *m);

/* The ROM at 0x1000, mapped; and at the machine's end, also one never made. */
bool riscv_make_rom(Machine *m, MemoryRegion *rom, const char *name,
                    Error **errp);
void riscv_free_rom(MemoryRegion *rom);

/* Make all CPUs of the configuration, with "time-source" = @mtimer's, and
 * realize them. */
bool riscv_make_cpus(Machine *m, DeviceState *mtimer, Error **errp);

/*
 * The CLINT: MSWI at @base, MTIMER behind it; NULL or false with an error.
 * The MTIMER comes before the CPUs, who read time there, and is wired to
 * them afterwards; software interrupts come after them.
 */
DeviceState *riscv_make_mtimer(Machine *m, hwaddr clint, uint32_t timebase_hz,
                               Error **errp);
bool riscv_make_swi(Machine *m, bool sswi, hwaddr base, Error **errp);
/* Output i of @dev to input @input of hart i. */
void riscv_wire_to_harts(Machine *m, DeviceState *dev, int input);
/* The chardev of -serial number @n, or NULL. */
Chardev *riscv_serial(Machine *m, unsigned n);

/* -bios: NULL is OpenSBI from the firmware path, "none" nothing. */
bool riscv_load_firmware(RiscvBoot *b, Error **errp);
/*
 * -kernel and -initrd, behind the firmware. With .flash set and a firmware
 * in RAM (OpenSBI) that goes on in flash in S-mode, and finds the kernel in
 * fw_cfg; without one (-bios none) harts start in flash in M-mode.
 */
bool riscv_load_kernel(RiscvBoot *b, Error **errp);

/* Nodes that all boards have: root, /soc, /cpus with one node a hart, /memory.
 * @intc_phandles [n cpus] takes the phandle of each hart's controller. */
void riscv_fdt_root(Dtb *dtb, const char *compatible, const char *model);
void riscv_fdt_cpus(Dtb *dtb, Machine *m, uint32_t timebase_hz,
                    uint32_t *intc_phandles);
void riscv_fdt_memory(Dtb *dtb, hwaddr base, uint64_t size);
/* "interrupts-extended": for each hart, the pairs {its controller, irqs[i]}. */
void riscv_fdt_hart_irqs(Dtb *dtb, const char *path, const uint32_t *phandles,
                         unsigned n_harts, const uint32_t *irqs,
                         unsigned n_irqs);
void riscv_fdt_clint(Dtb *dtb, hwaddr base, const uint32_t *phandles,
                     unsigned n_harts);
/* -append, -initrd and the seed into /chosen. */
void riscv_fdt_chosen(Dtb *dtb, RiscvBoot *b);

/* Put the tree at the top of memory, and the ROM that starts it all. With
 * -machine dumpdtb the tree goes to that file too and *dumped is set. */
bool riscv_finish_boot(RiscvBoot *b, Dtb *dtb, Error **errp);
/* At each reset: a new seed in the tree in memory. */
void riscv_boot_reset(RiscvBoot *b, Dtb *dtb);

#endif
