/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every type of the program, as lists of lists (DECISIONS 6). */
#ifndef SOFTMMU_TYPES_H
#define SOFTMMU_TYPES_H

#include "softmmu/object/object.h"

extern const ObjectType *const *const all_types[]; /* NULL-terminated */

#endif
