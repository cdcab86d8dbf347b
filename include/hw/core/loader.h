/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images in guest memory: firmware, kernels, device trees.
 *
 * What is loaded is kept and put back into memory at every reset of the
 * machine, before CPUs start. Files are data from outside: every offset and
 * size in them is checked, and none sizes an allocation beyond guest memory.
 *
 * Spec:  System V ABI, ELF; RISC-V and arm64 boot image headers (Linux
 *        Documentation/arch/{riscv/boot-image-header,arm64/booting}.rst);
 *        RFC 1952 (gzip).
 * Locks: machine lock, while the machine is built.
 */
#ifndef HW_CORE_LOADER_H
#define HW_CORE_LOADER_H

#include "softmmu/machine/machine.h"

enum {
    LOAD_ELF = 1u << 0,   /* segments at their physical addresses */
    LOAD_IMAGE = 1u << 1, /* a kernel with a boot image header */
    LOAD_RAW = 1u << 2,   /* anything else, at .addr */
    LOAD_GZIP = 1u << 3,  /* unpack first, then one of the above */
    LOAD_ANY = 15,
};

typedef struct LoadRequest {
    const char *file;
    const char *what;  /* in messages: "kernel", "firmware"; NULL: "file" */
    unsigned formats;  /* LOAD_*: tried in order of the bits */
    hwaddr addr;       /* of what has no address of its own */
    uint64_t max_size; /* bytes for it; 0: to the end of that memory */
    uint16_t machine;  /* ELF e_machine it must have; 0: any */
    AddressSpace *as;  /* NULL: the machine's memory */
    /* ELF symbols to look for, NULL-terminated; values to .values */
    const char *const *symbols;
    uint64_t *values; /* [as many]; 0 when there is no such symbol */
} LoadRequest;

typedef struct LoadedImage {
    unsigned format;    /* LOAD_ELF, LOAD_IMAGE or LOAD_RAW */
    hwaddr entry;       /* physical; .low unless the file says */
    hwaddr low, high;   /* what it takes of memory: [low, high) */
    uint64_t file_size; /* bytes copied from the file (unpacked) */
} LoadedImage;

/* Load a file. False: unreadable, of no allowed format, does not fit into
 * memory, or overlaps what is already loaded. */
bool loader_load(Machine *m, const LoadRequest *req, LoadedImage *out,
                 Error **errp);

/* Bytes (copied) at @addr of @as (NULL: the machine's memory). @name is for
 * messages. Memory must be there: RAM or ROM. */
bool loader_add_bytes(Machine *m, AddressSpace *as, const char *name,
                      hwaddr addr, const void *data, uint64_t len,
                      Error **errp);
/* Replace bytes of an earlier loader_add_bytes() for the resets to come, and
 * in memory now. Same length. */
void loader_update_bytes(Machine *m, const char *name, const void *data,
                         uint64_t len);

/* The whole file; NULL with an error, also when it is larger than @max. */
GBytes *loader_read_file(const char *file, const char *what, uint64_t max,
                         Error **errp);

/* Narrow [*low, *high) to its largest part that no piece for the machine's
 * memory lies in. */
void loader_largest_gap(Machine *m, hwaddr *low, hwaddr *high);
/* One line a piece, as `info roms` shows them; to be freed. */
char *loader_text(Machine *m);

extern const DeviceType loader_roms_type;    /* internal: holds the pieces */
extern const DeviceType generic_loader_type; /* -device loader */

#endif
