/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lists of types of hw/, one a folder (DECISIONS 6): each is
 * hw/<folder>/types.c and NULL-terminated. softmmu/types.c lists the lists.
 */
#ifndef HW_TYPES_H
#define HW_TYPES_H

#include "softmmu/object/object.h"

extern const ObjectType *const hw_core_types[];
extern const ObjectType *const hw_char_types[];
extern const ObjectType *const hw_intc_types[];
extern const ObjectType *const hw_timer_types[];
extern const ObjectType *const hw_misc_types[];
extern const ObjectType *const hw_block_types[];
extern const ObjectType *const hw_net_types[];
extern const ObjectType *const hw_nvram_types[];
extern const ObjectType *const hw_pci_types[];
extern const ObjectType *const hw_virtio_pci_types[];
extern const ObjectType *const hw_isa_types[];
extern const ObjectType *const hw_acpi_types[];
extern const ObjectType *const hw_x86_types[];
extern const ObjectType *const hw_riscv_types[];
extern const ObjectType *const hw_virtio_types[];

#endif
