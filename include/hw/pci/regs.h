/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of configuration space, by byte offset, and their bits.
 *
 * Spec: PCI Local Bus 3.0, chapter 6; PCI-to-PCI Bridge 1.2, chapter 3; PCI
 *       Power Management 1.2, chapter 3; PCI Express Base 4.0, chapter 7.
 */
#ifndef HW_PCI_REGS_H
#define HW_PCI_REGS_H

enum {
    PCI_CONFIG_SIZE = 256,
    PCIE_CONFIG_SIZE = 4096,
};

/* Header, types 0 and 1; PCI 6.1. */
enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION_ID = 0x08,
    PCI_CLASS_PROG = 0x09,
    PCI_CLASS = 0x0a,
    PCI_CACHE_LINE_SIZE = 0x0c,
    PCI_LATENCY_TIMER = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR_ID = 0x2c,
    PCI_SUBSYSTEM_ID = 0x2e,
    PCI_ROM = 0x30,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
};

/* Type 1 header; bridge 3.2. */
enum {
    PCI_PRIMARY_BUS = 0x18,
    PCI_SECONDARY_BUS = 0x19,
    PCI_SUBORDINATE_BUS = 0x1a,
    PCI_IO_BASE = 0x1c,
    PCI_IO_LIMIT = 0x1d,
    PCI_SECONDARY_STATUS = 0x1e,
    PCI_MEMORY_BASE = 0x20,
    PCI_MEMORY_LIMIT = 0x22,
    PCI_PREF_BASE = 0x24,
    PCI_PREF_LIMIT = 0x26,
    PCI_PREF_BASE_UPPER = 0x28,
    PCI_PREF_LIMIT_UPPER = 0x2c,
    PCI_ROM_BRIDGE = 0x38,
    PCI_BRIDGE_CONTROL = 0x3e,
};

enum {
    PCI_HEADER_BRIDGE = 0x01,
    PCI_HEADER_MULTI = 0x80,

    PCI_COMMAND_IO = 1u << 0,
    PCI_COMMAND_MEMORY = 1u << 1,
    PCI_COMMAND_MASTER = 1u << 2,
    PCI_COMMAND_PARITY = 1u << 6,
    PCI_COMMAND_SERR = 1u << 8,
    PCI_COMMAND_INTX_DISABLE = 1u << 10,

    PCI_STATUS_INTERRUPT = 1u << 3,
    PCI_STATUS_CAPABILITIES = 1u << 4,
    PCI_STATUS_W1C = 0xf900, /* the error bits */

    PCI_BAR_IO = 1u << 0,
    PCI_BAR_64 = 1u << 2,
    PCI_BAR_PREFETCH = 1u << 3,
    PCI_ROM_ENABLE = 1u << 0,

    PCI_BRIDGE_CONTROL_RESET = 1u << 6,
};

/* Capability ids; PCI appendix H. */
enum {
    PCI_CAP_PM = 0x01,
    PCI_CAP_MSI = 0x05,
    PCI_CAP_VENDOR = 0x09,
    PCI_CAP_SUBSYSTEM = 0x0d,
    PCI_CAP_EXPRESS = 0x10,
    PCI_CAP_MSIX = 0x11,
};

/* Power management; PM 3.2. */
enum {
    PCI_PM_CAP = 2,
    PCI_PM_CONTROL = 4,
    PCI_PM_SIZE = 8,
    PCI_PM_STATE = 3, /* mask; 3 is D3hot */
    PCI_PM_NO_SOFT_RESET = 1u << 3,
};

/* MSI; PCI 6.8.1. Always with 64-bit addresses and mask bits here. */
enum {
    PCI_MSI_CONTROL = 2,
    PCI_MSI_ADDRESS = 4,
    PCI_MSI_DATA = 12,
    PCI_MSI_MASK = 16,
    PCI_MSI_PENDING = 20,
    PCI_MSI_SIZE = 24,
    PCI_MSI_ENABLE = 1u << 0,
    PCI_MSI_ENABLED_VECTORS = 7u << 4,
    PCI_MSI_64BIT = 1u << 7,
    PCI_MSI_MASKABLE = 1u << 8,
};

/* MSI-X; PCI 6.8.2. */
enum {
    PCI_MSIX_CONTROL = 2,
    PCI_MSIX_TABLE = 4,
    PCI_MSIX_PBA = 8,
    PCI_MSIX_SIZE = 12,
    PCI_MSIX_MASKALL = 1u << 14,
    PCI_MSIX_ENABLE = 1u << 15,
    PCI_MSIX_ENTRY = 16, /* bytes */
    PCI_MSIX_ENTRY_MASKED = 1u << 0,
    PCI_MSIX_VECTORS_MAX = 2048,
};

/* PCI Express; PCIe 7.5.3, offsets in the capability. */
enum {
    PCIE_CAPS = 0x02,
    PCIE_DEVCAP = 0x04,
    PCIE_DEVCTL = 0x08,
    PCIE_DEVSTA = 0x0a,
    PCIE_LNKCAP = 0x0c,
    PCIE_LNKCTL = 0x10,
    PCIE_LNKSTA = 0x12,
    PCIE_SLTCAP = 0x14,
    PCIE_SLTCTL = 0x18,
    PCIE_SLTSTA = 0x1a,
    PCIE_RTCTL = 0x1c,
    PCIE_RTCAP = 0x1e,
    PCIE_RTSTA = 0x20,
    PCIE_DEVCAP2 = 0x24,
    PCIE_DEVCTL2 = 0x28,
    PCIE_LNKCAP2 = 0x2c,
    PCIE_LNKCTL2 = 0x30,
    PCIE_LNKSTA2 = 0x32,
    PCIE_SLTCAP2 = 0x34,
    PCIE_CAP_SIZE = 0x3c,
};

/* Device/port type of PCIE_CAPS; 7.5.3.2. */
enum {
    PCIE_TYPE_ENDPOINT = 0,
    PCIE_TYPE_ROOT_PORT = 4,
    PCIE_TYPE_RC_ENDPOINT = 9,
};

enum {
    PCIE_CAPS_VERSION2 = 2,
    PCIE_CAPS_SLOT = 1u << 8,
    PCIE_DEVCAP_RBER = 1u << 15,
    PCIE_DEVCTL_FLR = 1u << 15,
    PCIE_LNK_2_5GT = 1,
    PCIE_LNK_X1 = 1u << 4,
    PCIE_LNKCAP_DLLLARC = 1u << 20,
    PCIE_LNKSTA_DLLLA = 1u << 13, /* data link layer is up */

    PCIE_SLTCAP_ABP = 1u << 0, /* attention button */
    PCIE_SLTCAP_PCP = 1u << 1, /* power controller */
    PCIE_SLTCAP_AIP = 1u << 3, /* attention indicator */
    PCIE_SLTCAP_PIP = 1u << 4, /* power indicator */
    PCIE_SLTCAP_HPC = 1u << 6, /* hot-plug capable */
    PCIE_SLTCAP_NUMBER_SHIFT = 19,

    PCIE_SLTCTL_HPIE = 1u << 5,
    PCIE_SLTCTL_AIC = 3u << 6,
    PCIE_SLTCTL_PIC = 3u << 8,
    PCIE_SLTCTL_PIC_ON = 1u << 8,
    PCIE_SLTCTL_PIC_BLINK = 2u << 8,
    PCIE_SLTCTL_PIC_OFF = 3u << 8,
    PCIE_SLTCTL_PCC = 1u << 10, /* 1: power is off */
    PCIE_SLTCTL_DLLSCE = 1u << 12,

    PCIE_SLTSTA_ABP = 1u << 0,
    PCIE_SLTSTA_PDC = 1u << 3,
    PCIE_SLTSTA_CC = 1u << 4,
    PCIE_SLTSTA_PDS = 1u << 6,
    PCIE_SLTSTA_DLLSC = 1u << 8,
    PCIE_SLTSTA_W1C = 0x11f,
};

#endif
