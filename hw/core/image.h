/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What image.c finds in a file's bytes; private to hw/core. */
#ifndef HW_CORE_IMAGE_H
#define HW_CORE_IMAGE_H

#include "tandem/base.h"

/* One piece of memory: @len bytes at @data, then zeros up to @mem_len. */
typedef struct ImageSegment {
    hwaddr addr;
    const uint8_t *data; /* in the file */
    uint64_t len, mem_len;
} ImageSegment;

typedef struct ElfImage {
    uint16_t machine;
    bool is64;
    hwaddr entry;        /* physical, where a segment holds the entry point */
    uint64_t header_len; /* ELF and program headers, from the file's start */
    GArray *segments;    /* ImageSegment, PT_LOAD with p_memsz > 0 */
} ElfImage;

bool image_is_elf(const uint8_t *data, size_t len);
/* Parse; @name is for messages. @elf->segments is the caller's to free, and
 * points into @data. */
bool elf_parse(ElfImage *elf, const char *name, const uint8_t *data, size_t len,
               Error **errp);
/* Value of symbol @sym of any size; false when there is none. */
bool elf_symbol(const uint8_t *data, size_t len, const char *sym,
                uint64_t *value);

bool image_is_gzip(const uint8_t *data, size_t len);
/* Unpack, at most @max bytes; NULL with an error. */
GBytes *image_gunzip(const char *name, const uint8_t *data, size_t len,
                     uint64_t max, Error **errp);

/* Size in memory that the boot image header tells, bss included; 0 when
 * there is no such header (or it is older than that field). */
bool image_kernel_header(const uint8_t *data, size_t len, uint64_t *mem_len);

#endif
