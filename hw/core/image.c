/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Image formats: ELF, gzip, boot image headers. Pure functions over bytes
 * that nobody vouches for.
 *
 * Spec: System V ABI, chapters 4 and 5 (ELF); RFC 1952; Linux
 *       Documentation/arch/riscv/boot-image-header.rst, arm64/booting.rst.
 */
#include "tandem/base.h"

#include <elf.h>
#include <zlib.h>

#include "hw/core/image.h"

/* --- ELF --- */

/* A reader over both classes and byte orders. */
typedef struct ElfView {
    const uint8_t *data;
    uint64_t len;
    bool is64, big;
} ElfView;

bool image_is_elf(const uint8_t *data, size_t len)
{
    return len >= EI_NIDENT && memcmp(data, ELFMAG, SELFMAG) == 0;
}

/* @n bytes at @off; 0 beyond the end, which callers exclude first. */
static uint64_t elf_get(const ElfView *v, uint64_t off, unsigned n)
{
    uint64_t value = 0;

    if (!range_fits(off, n, v->len)) {
        return 0;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned at = v->big ? i : n - 1 - i;

        value = value << 8 | v->data[off + at];
    }
    return value;
}

/* A field of a struct that exists in both classes. */
#define ELF_GET(v, off, Struct, field)                                         \
    ((v)->is64 ? elf_get((v), (off) + offsetof(Elf64_##Struct, field),         \
                         sizeof(((Elf64_##Struct *)0)->field))                 \
               : elf_get((v), (off) + offsetof(Elf32_##Struct, field),         \
                         sizeof(((Elf32_##Struct *)0)->field)))
#define ELF_SIZE(v, Struct)                                                    \
    ((v)->is64 ? sizeof(Elf64_##Struct) : sizeof(Elf32_##Struct))

static bool elf_view(ElfView *v, const uint8_t *data, size_t len)
{
    if (!image_is_elf(data, len)) {
        return false;
    }
    *v = (ElfView){ data, len, data[EI_CLASS] == ELFCLASS64,
                    data[EI_DATA] == ELFDATA2MSB };
    return (v->is64 || data[EI_CLASS] == ELFCLASS32) &&
           (v->big || data[EI_DATA] == ELFDATA2LSB) && len >= ELF_SIZE(v, Ehdr);
}

/* Does the program header at @ph give the entry another physical address? */
static void elf_translate_entry(const ElfView *v, uint64_t ph, ElfImage *elf,
                                uint64_t entry, bool *found)
{
    uint64_t vaddr_ = ELF_GET(v, ph, Phdr, p_vaddr);

    if (!*found && (ELF_GET(v, ph, Phdr, p_flags) & PF_X) &&
        entry - vaddr_ < ELF_GET(v, ph, Phdr, p_filesz)) {
        elf->entry = entry - vaddr_ + ELF_GET(v, ph, Phdr, p_paddr);
        *found = true;
    }
}

static bool elf_add_segment(const ElfView *v, uint64_t ph, ElfImage *elf,
                            const char *name, Error **errp)
{
    uint64_t off = ELF_GET(v, ph, Phdr, p_offset);
    ImageSegment seg = {
        .addr = ELF_GET(v, ph, Phdr, p_paddr),
        .len = ELF_GET(v, ph, Phdr, p_filesz),
        .mem_len = ELF_GET(v, ph, Phdr, p_memsz),
    };

    if (seg.mem_len == 0) {
        return true;
    }
    if (!range_fits(off, seg.len, v->len) || seg.len > seg.mem_len ||
        seg.mem_len > UINT64_MAX - seg.addr) {
        error_set(errp,
                  "'%s' is a damaged ELF file: a segment lies outside "
                  "of it",
                  name);
        return false;
    }
    seg.data = v->data + off;
    g_array_append_val(elf->segments, seg);
    return true;
}

bool elf_parse(ElfImage *elf, const char *name, const uint8_t *data, size_t len,
               Error **errp)
{
    ElfView view, *v = &view;
    uint64_t phoff, phnum, entry;
    bool found = false;

    if (!elf_view(v, data, len)) {
        error_set(errp, "'%s' is a damaged ELF file: bad header", name);
        return false;
    }
    elf->machine = (uint16_t)ELF_GET(v, 0, Ehdr, e_machine);
    elf->is64 = v->is64;
    entry = elf->entry = ELF_GET(v, 0, Ehdr, e_entry);
    phoff = ELF_GET(v, 0, Ehdr, e_phoff);
    phnum = ELF_GET(v, 0, Ehdr, e_phnum);
    if (ELF_GET(v, 0, Ehdr, e_type) != ET_EXEC &&
        ELF_GET(v, 0, Ehdr, e_type) != ET_DYN) {
        error_set(errp, "'%s' is no executable ELF file", name);
        return false;
    }
    if (ELF_GET(v, 0, Ehdr, e_phentsize) != ELF_SIZE(v, Phdr) ||
        !range_fits(phoff, phnum * ELF_SIZE(v, Phdr), len)) {
        error_set(errp, "'%s' is a damaged ELF file: bad program headers",
                  name);
        return false;
    }
    elf->header_len = phoff + phnum * ELF_SIZE(v, Phdr);
    elf->segments = g_array_new(FALSE, FALSE, sizeof(ImageSegment));
    for (uint64_t i = 0; i < phnum; i++) {
        uint64_t ph = phoff + i * ELF_SIZE(v, Phdr);

        if (ELF_GET(v, ph, Phdr, p_type) != PT_LOAD) {
            continue;
        }
        elf_translate_entry(v, ph, elf, entry, &found);
        if (!elf_add_segment(v, ph, elf, name, errp)) {
            g_clear_pointer(&elf->segments, g_array_unref);
            return false;
        }
    }
    return true;
}

/* Offset of section header @i, or UINT64_MAX. */
static uint64_t elf_section(const ElfView *v, uint64_t i)
{
    uint64_t off = ELF_GET(v, 0, Ehdr, e_shoff);
    uint64_t num = ELF_GET(v, 0, Ehdr, e_shnum), size = ELF_SIZE(v, Shdr);

    if (i >= num || off == 0 || ELF_GET(v, 0, Ehdr, e_shentsize) != size ||
        !range_fits(off, num * size, v->len)) {
        return UINT64_MAX;
    }
    return off + i * size;
}

/* Is the string at @off of the string table at [str, str + str_len) @name? */
static bool elf_string_is(const ElfView *v, uint64_t str, uint64_t str_len,
                          uint64_t off, const char *name)
{
    size_t n = strlen(name) + 1;

    return range_fits(off, n, str_len) &&
           memcmp(v->data + str + off, name, n) == 0;
}

static bool elf_symbol_in(const ElfView *v, uint64_t sh, const char *name,
                          uint64_t *value)
{
    uint64_t off = ELF_GET(v, sh, Shdr, sh_offset);
    uint64_t len = ELF_GET(v, sh, Shdr, sh_size);
    uint64_t str_sh = elf_section(v, ELF_GET(v, sh, Shdr, sh_link));
    uint64_t str, str_len;

    if (str_sh == UINT64_MAX || !range_fits(off, len, v->len)) {
        return false;
    }
    str = ELF_GET(v, str_sh, Shdr, sh_offset);
    str_len = ELF_GET(v, str_sh, Shdr, sh_size);
    if (!range_fits(str, str_len, v->len)) {
        return false;
    }
    for (uint64_t i = 0; i < len / ELF_SIZE(v, Sym); i++) {
        uint64_t sym = off + i * ELF_SIZE(v, Sym);

        if (ELF_GET(v, sym, Sym, st_shndx) != SHN_UNDEF &&
            elf_string_is(v, str, str_len, ELF_GET(v, sym, Sym, st_name),
                          name)) {
            *value = ELF_GET(v, sym, Sym, st_value);
            return true;
        }
    }
    return false;
}

bool elf_symbol(const uint8_t *data, size_t len, const char *sym,
                uint64_t *value)
{
    ElfView view, *v = &view;

    if (!elf_view(v, data, len)) {
        return false;
    }
    for (uint64_t i = 0;; i++) {
        uint64_t sh = elf_section(v, i);

        if (sh == UINT64_MAX) {
            return false;
        }
        if (ELF_GET(v, sh, Shdr, sh_type) == SHT_SYMTAB &&
            elf_symbol_in(v, sh, sym, value)) {
            return true;
        }
    }
}

/* --- gzip --- */

bool image_is_gzip(const uint8_t *data, size_t len)
{
    return len >= 18 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}

GBytes *image_gunzip(const char *name, const uint8_t *data, size_t len,
                     uint64_t max, Error **errp)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree uint8_t *chunk = g_malloc(256 * KiB);
    z_stream z = { .next_in = (Bytef *)data,
                   .avail_in = (uInt)MIN(len, UINT_MAX) };
    int status;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        error_set(errp, "no memory to unpack '%s'", name);
        return NULL;
    }
    do {
        z.next_out = chunk;
        z.avail_out = 256 * KiB;
        status = inflate(&z, Z_NO_FLUSH);
        g_byte_array_append(out, chunk, (guint)(256 * KiB - z.avail_out));
    } while (status == Z_OK && out->len <= MIN(max, 2 * GiB));
    inflateEnd(&z);
    if (out->len > MIN(max, 2 * GiB)) {
        error_set(errp, "'%s' unpacks to more than fits into memory", name);
        return NULL;
    }
    if (status != Z_STREAM_END) {
        error_set(errp, "'%s' is a damaged gzip file", name);
        return NULL;
    }
    return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

/* --- boot image headers --- */

enum { IMAGE_SIZE = 16, IMAGE_MAGIC = 56, IMAGE_HEADER = 64 };

bool image_kernel_header(const uint8_t *data, size_t len, uint64_t *mem_len)
{
    if (len < IMAGE_HEADER || (memcmp(data + IMAGE_MAGIC, "RSC\x05", 4) != 0 &&
                               memcmp(data + IMAGE_MAGIC, "ARM\x64", 4) != 0)) {
        return false;
    }
    *mem_len = MAX(ld64_le(data + IMAGE_SIZE), len);
    return true;
}
