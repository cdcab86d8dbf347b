/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory backend objects: guest RAM as `-object memory-backend-{ram,memfd,
 * file}` (DECISIONS 34). Machine lock, main thread.
 */
#ifndef SOFTMMU_MEMORY_BACKEND_H
#define SOFTMMU_MEMORY_BACKEND_H

#include "softmmu/memory/memory.h"
#include "softmmu/object/object.h"

typedef struct Machine Machine;

typedef struct MemoryBackend {
    Object parent;
    RamBlock *block;  /* NULL until complete */
    MemoryRegion mr;  /* what a board or a DIMM maps */
    bool claimed;     /* in use: not deleted, not used twice */
    RamConfig config; /* properties */
    char *mem_path;
} MemoryBackend;
extern const UserCreatableType memory_backend_type; /* abstract */

/* Make /objects/@id, a memory-backend-ram of @size bytes, for a machine that
 * was given none. */
bool memory_backend_new_default(Machine *m, const char *id, uint64_t size,
                                Error **errp);
/* Take /objects/@id as RAM of exactly @size bytes; NULL: there is no such
 * backend, it is in use, or of another size. */
MemoryRegion *memory_backend_claim(Machine *m, const char *id, uint64_t size,
                                   Error **errp);
void memory_backend_release(MemoryRegion *mr);

extern const ObjectType *const memory_types[]; /* NULL-terminated */

#endif
