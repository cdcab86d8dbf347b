/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of target/, for the registry (DECISIONS 6). */
#ifndef TARGET_TYPES_H
#define TARGET_TYPES_H

#include "softmmu/object/object.h"

/* CPU models of RISC-V; NULL-terminated. */
extern const ObjectType *const riscv_cpu_types[];
/* CPU models of x86-64. */
extern const ObjectType *const x86_cpu_types[];

#endif
