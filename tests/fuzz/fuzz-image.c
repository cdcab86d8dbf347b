/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel and firmware files: ELF of both classes and orders, gzip, boot image
 * headers. Every segment that is reported must lie in the file.
 */
#include "tests/fuzz/fuzz.h"

#include "hw/core/image.h"

enum { UNPACK_MAX = 1 << 20 };

static void check_elf(const uint8_t *data, size_t size)
{
    ElfImage elf = { 0 };
    Error *err = NULL;
    uint64_t value;

    if (elf_parse(&elf, "input", data, size, &err)) {
        g_assert_null(err);
        for (guint i = 0; elf.segments && i < elf.segments->len; i++) {
            ImageSegment *s = &g_array_index(elf.segments, ImageSegment, i);

            g_assert_cmpuint(s->len, <=, s->mem_len);
            g_assert_true(
                s->len == 0 ||
                (s->data >= data && range_fits(s->data - data, s->len, size)));
            g_assert_cmpuint(s->mem_len, <=, UINT64_MAX - s->addr);
        }
    } else {
        g_assert_nonnull(err);
        error_free(err);
    }
    g_clear_pointer(&elf.segments, g_array_unref);
    elf_symbol(data, size, "tohost", &value);
    elf_symbol(data, size, "", &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t mem_len;

    check_elf(data, size);
    image_is_elf(data, size);
    image_kernel_header(data, size, &mem_len);
    if (image_is_gzip(data, size)) {
        Error *err = NULL;
        GBytes *plain = image_gunzip("input", data, size, UNPACK_MAX, &err);

        g_assert_true((plain == NULL) == (err != NULL));
        if (plain) {
            g_assert_cmpuint(g_bytes_get_size(plain), <=, UNPACK_MAX);
            g_bytes_unref(plain);
        }
        error_free(err);
    }
    return 0;
}
