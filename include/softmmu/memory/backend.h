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

enum { MEMORY_HOST_NODES = 128 }; /* NUMA nodes that a backend can name */

typedef struct MemoryBackend {
    Object parent;
    RamBlock *block; /* NULL until complete */
    MemoryRegion mr; /* what a board or a DIMM maps */
    bool claimed;    /* in use: not deleted, not used twice */
    /* properties: set before complete, constant after, but config.merge and
     * config.dump */
    RamConfig config; /* .size is the region's; a block may be larger */
    char *mem_path;
    bool prealloc, reserve, seal, discard_data;
    uint32_t prealloc_threads;
    int policy; /* MPOL_* of mbind(2) */
    uint64_t host_nodes[MEMORY_HOST_NODES / 64];
} MemoryBackend;
extern const UserCreatableType memory_backend_type; /* abstract */
extern const UserCreatableType memory_backend_ram_type,
    memory_backend_memfd_type, memory_backend_file_type;

/* Make /objects/@id, a memory-backend-ram of @size bytes, for a machine that
 * was given none. */
bool memory_backend_new_default(Machine *m, const char *id, uint64_t size,
                                Error **errp);
/* Take /objects/@id as RAM of exactly @size bytes; NULL: there is no such
 * backend, it is in use, or of another size. */
MemoryRegion *memory_backend_claim(Machine *m, const char *id, uint64_t size,
                                   Error **errp);
/* Bytes of /objects/@id; 0 with *errp: there is no such backend. For -m, which
 * without a size takes the backend's. */
uint64_t memory_backend_size(Machine *m, const char *id, Error **errp);
void memory_backend_release(MemoryRegion *mr);

extern const ObjectType *const memory_types[]; /* NULL-terminated */

#endif
