/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Firmware configuration device: blobs that firmware reads by key, and named
 * files.
 *
 * Spec:  QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device"
 *        (docs/specs/fw_cfg).
 * Locks: machine lock. Items are added while the machine is built.
 */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include "softmmu/machine/device.h"

/* Keys of items that are no files. */
typedef enum FwCfgKey {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000,
} FwCfgKey;

enum {
    FW_CFG_NAME_SIZE = 56, /* of a file, the final NUL included */
    FW_CFG_MAX_FILES = 0x1000,
};

typedef struct FwCfg FwCfg;

/*
 * "fw_cfg_mem". Regions: 0 data (8 bytes), 1 selector (2 bytes), 2 DMA (8
 * bytes, absent with dma_enabled=off). Children of one device.
 */
extern const DeviceType fw_cfg_mem_type;

/* Make and realize a board's fw_cfg with data at @base, the selector at
 * @base + 8, DMA at @base + 16, the standard items set; it becomes
 * m->fw_cfg. NULL with an error. */
FwCfg *fw_cfg_mem_map(Machine *m, hwaddr base, Error **errp);

/* "fw_cfg_io", derived from it: region 0 selector and data (2 bytes), 1 DMA.
 * A PC's is at @port 0x510, with DMA at @port + 4. */
extern const DeviceType fw_cfg_io_type;
FwCfg *fw_cfg_io_map(Machine *m, uint16_t port, Error **errp);

/* Set item @key (not a file); bytes are copied, numbers little-endian. An
 * earlier value is replaced. */
void fw_cfg_set_bytes(FwCfg *s, uint16_t key, const void *data, size_t len);
/* The same without a copy: a mapped file of at most 2 GiB. */
void fw_cfg_set_gbytes(FwCfg *s, uint16_t key, GBytes *bytes);
void fw_cfg_set_u16(FwCfg *s, uint16_t key, uint16_t value);
void fw_cfg_set_u32(FwCfg *s, uint16_t key, uint32_t value);
void fw_cfg_set_u64(FwCfg *s, uint16_t key, uint64_t value);
void fw_cfg_set_string(FwCfg *s, uint16_t key, const char *text);

/* What a file's owner hears of; both under the machine lock. */
typedef struct FwCfgFileOps {
    void (*selected)(void *opaque);
    /* The guest wrote [off, off + len) of the bytes at fw_cfg_file_data(). */
    void (*written)(void *opaque, size_t off, size_t len);
} FwCfgFileOps;

/*
 * Add a file; bytes are copied. With .written in @ops (may be NULL) the guest
 * may write it by DMA. False: the name is taken or too long, or there are too
 * many files.
 */
bool fw_cfg_add_file(FwCfg *s, const char *name, const void *data, size_t len,
                     const FwCfgFileOps *ops, void *opaque, Error **errp);
/* Add a file of these bytes, or replace its bytes; NULL removes it. The
 * keys of files after it change with the directory: do it at a reset. */
void fw_cfg_replace_file(FwCfg *s, const char *name, const void *data,
                         size_t len);
/* Its bytes, with the length in *len; NULL: no such file. */
uint8_t *fw_cfg_file_data(FwCfg *s, const char *name, size_t *len);
/* -fw_cfg name=@name,file=@file or string=@text: exactly one of the two. Warns
 * when the name is not below "opt/". */
bool fw_cfg_add_option(FwCfg *s, const char *name, const char *file,
                       const char *text, Error **errp);

#endif
