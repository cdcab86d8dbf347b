/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * AML encoding.
 *
 * Spec: ACPI 6.4, 20.2 (grammar), 6.4.2 and 6.4.3 (resource descriptors),
 *       19.3.4 (EISAID).
 */
#include "tandem/base.h"

#include "hw/acpi/aml.h"

/* Encodings of 20.3, table 20.1. */
enum {
    OP_ZERO = 0x00,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_METHOD = 0x14,
    OP_EXT = 0x5b,
    OP_LOCAL0 = 0x60,
    OP_STORE = 0x70,
    OP_AND = 0x7b,
    OP_NOTIFY = 0x86,
    OP_IF = 0xa0,
    EXT_REGION = 0x80,
    EXT_FIELD = 0x81,
    EXT_DEVICE = 0x82,
};

void aml_init(Aml *a)
{
    *a = (Aml){ .out = g_byte_array_new() };
}

void aml_free(Aml *a)
{
    assert(a->depth == 0);
    g_byte_array_unref(a->out);
}

static void put(Aml *a, uint8_t byte)
{
    g_byte_array_append(a->out, &byte, 1);
}

static void put_bytes(Aml *a, const void *p, guint n)
{
    g_byte_array_append(a->out, p, n);
}

static void put_le(Aml *a, uint64_t v, unsigned bytes)
{
    uint8_t raw[8];

    st64_le(raw, v);
    put_bytes(a, raw, bytes);
}

/* 20.2.2: root and parent marks, then one, two or many segments of four. */
static void put_path(Aml *a, const char *name)
{
    g_auto(GStrv) segs = NULL;
    guint n;

    while (*name == '\\' || *name == '^') {
        put(a, (uint8_t)*name++);
    }
    segs = g_strsplit(name, ".", -1);
    n = g_strv_length(segs);
    if (n == 2) {
        put(a, 0x2e);
    } else if (n > 2) {
        put(a, 0x2f);
        put(a, (uint8_t)n);
    } else if (*name == '\0') {
        put(a, 0); /* the root itself */
        return;
    }
    for (guint i = 0; i < n; i++) {
        char seg[4] = { '_', '_', '_', '_' };

        memcpy(seg, segs[i], MIN(strlen(segs[i]), sizeof(seg)));
        put_bytes(a, seg, sizeof(seg));
    }
}

static void open_block(Aml *a)
{
    assert(a->depth < AML_DEPTH);
    a->open[a->depth++] = a->out->len;
}

static void insert(Aml *a, guint at, const uint8_t *p, guint n)
{
    guint len = a->out->len;

    g_byte_array_set_size(a->out, len + n);
    memmove(a->out->data + at + n, a->out->data + at, len - at);
    memcpy(a->out->data + at, p, n);
}

/* PkgLength counts itself (20.2.4). */
void aml_end(Aml *a)
{
    guint at = a->open[--a->depth];
    uint32_t len = a->out->len - at;
    uint8_t raw[4];
    unsigned more = len + 1 < 64        ? 0
                    : len + 2 < 1 << 12 ? 1
                    : len + 3 < 1 << 20 ? 2
                                        : 3;

    len += 1 + more;
    if (more == 0) {
        raw[0] = (uint8_t)len;
    } else {
        raw[0] = (uint8_t)(more << 6 | (len & 15));
        for (unsigned i = 0; i < more; i++) {
            raw[1 + i] = (uint8_t)(len >> (4 + 8 * i));
        }
    }
    insert(a, at, raw, 1 + more);
}

void aml_scope(Aml *a, const char *name)
{
    put(a, OP_SCOPE);
    open_block(a);
    put_path(a, name);
}

void aml_device(Aml *a, const char *name)
{
    put(a, OP_EXT);
    put(a, EXT_DEVICE);
    open_block(a);
    put_path(a, name);
}

void aml_method(Aml *a, const char *name, unsigned args, bool serialized)
{
    put(a, OP_METHOD);
    open_block(a);
    put_path(a, name);
    put(a, (uint8_t)(args | (serialized ? 8 : 0)));
}

void aml_package(Aml *a, unsigned elements)
{
    put(a, OP_PACKAGE);
    open_block(a);
    put(a, (uint8_t)elements);
}

void aml_if_local0(Aml *a, uint64_t mask)
{
    put(a, OP_IF);
    open_block(a);
    put(a, OP_AND);
    put(a, OP_LOCAL0);
    aml_int(a, mask);
    put(a, OP_ZERO); /* no target */
}

void aml_field(Aml *a, const char *region, const char *name, unsigned bits)
{
    put(a, OP_EXT);
    put(a, EXT_FIELD);
    open_block(a);
    put_path(a, region);
    put(a, 3); /* DWordAcc, NoLock, Preserve */
    put_path(a, name);
    put(a, (uint8_t)bits); /* below 64: a PkgLength of one byte */
    aml_end(a);
}

void aml_int(Aml *a, uint64_t v)
{
    if (v <= 1) {
        put(a, (uint8_t)v);
    } else if (v <= UINT8_MAX) {
        put(a, OP_BYTE);
        put_le(a, v, 1);
    } else if (v <= UINT16_MAX) {
        put(a, OP_WORD);
        put_le(a, v, 2);
    } else if (v <= UINT32_MAX) {
        put(a, OP_DWORD);
        put_le(a, v, 4);
    } else {
        put(a, OP_QWORD);
        put_le(a, v, 8);
    }
}

void aml_string(Aml *a, const char *text)
{
    put(a, OP_STRING);
    put_bytes(a, text, (guint)strlen(text) + 1);
}

/* Three letters of five bits, four digits, as a big-endian number. */
void aml_eisaid(Aml *a, const char *id)
{
    uint32_t v =
        (uint32_t)(id[0] - 0x40) << 26 | (uint32_t)(id[1] - 0x40) << 21 |
        (uint32_t)(id[2] - 0x40) << 16 | (uint32_t)strtoul(id + 3, NULL, 16);

    put(a, OP_DWORD);
    put_le(a, GUINT32_SWAP_LE_BE(v), 4);
}

void aml_name(Aml *a, const char *name)
{
    put(a, OP_NAME);
    put_path(a, name);
}

void aml_name_int(Aml *a, const char *name, uint64_t v)
{
    aml_name(a, name);
    aml_int(a, v);
}

void aml_name_string(Aml *a, const char *name, const char *text)
{
    aml_name(a, name);
    aml_string(a, text);
}

void aml_region(Aml *a, const char *name, bool io, uint64_t base, uint64_t len)
{
    put(a, OP_EXT);
    put(a, EXT_REGION);
    put_path(a, name);
    put(a, io); /* SystemMemory, SystemIO */
    aml_int(a, base);
    aml_int(a, len);
}

void aml_store_local0(Aml *a, const char *name)
{
    put(a, OP_STORE);
    put_path(a, name);
    put(a, OP_LOCAL0);
}

void aml_notify(Aml *a, const char *object, unsigned value)
{
    put(a, OP_NOTIFY);
    put_path(a, object);
    aml_int(a, value);
}

/* --- resources (6.4) --- */

/* A buffer's size comes before its bytes, so four bytes are kept for it. */
void aml_crs_begin(Aml *a)
{
    aml_name(a, "_CRS");
    put(a, OP_BUFFER);
    open_block(a);
    put(a, OP_DWORD);
    a->template_at = a->out->len;
    put_le(a, 0, 4);
}

void aml_crs_end(Aml *a)
{
    put(a, 0x79); /* end tag, checksum not given (6.4.2.9) */
    put(a, 0);
    st32_le(a->out->data + a->template_at, a->out->len - a->template_at - 4);
    aml_end(a);
}

void aml_memory32(Aml *a, uint32_t base, uint32_t len)
{
    put(a, 0x86); /* 6.4.3.4 */
    put_le(a, 9, 2);
    put(a, 1); /* read and write */
    put_le(a, base, 4);
    put_le(a, len, 4);
}

void aml_io(Aml *a, uint16_t base, uint8_t len)
{
    put(a, 0x47); /* 6.4.2.5 */
    put(a, 1);    /* decodes 16 bits */
    put_le(a, base, 2);
    put_le(a, base, 2);
    put(a, 1); /* alignment */
    put(a, len);
}

void aml_irq(Aml *a, uint32_t gsi, bool edge)
{
    put(a, 0x89); /* 6.4.3.6 */
    put_le(a, 6, 2);
    put(a, (uint8_t)(1 | (edge ? 2 : 0))); /* consumer, active high */
    put(a, 1);
    put_le(a, gsi, 4);
}

void aml_bus_numbers(Aml *a, uint16_t last)
{
    put(a, 0x88); /* 6.4.3.5.3: word address space */
    put_le(a, 13, 2);
    put(a, 2);    /* bus numbers */
    put(a, 0x0c); /* minimum and maximum fixed, producer */
    put(a, 0);
    put_le(a, 0, 2);
    put_le(a, 0, 2);
    put_le(a, last, 2);
    put_le(a, 0, 2);
    put_le(a, last + 1u, 2);
}

void aml_window32(Aml *a, uint32_t base, uint32_t len)
{
    put(a, 0x87); /* 6.4.3.5.2: double word address space */
    put_le(a, 23, 2);
    put(a, 0); /* memory */
    put(a, 0x0c);
    put(a, 1); /* read and write, not cacheable */
    put_le(a, 0, 4);
    put_le(a, base, 4);
    put_le(a, base + len - 1, 4);
    put_le(a, 0, 4);
    put_le(a, len, 4);
}

void aml_window64(Aml *a, uint64_t base, uint64_t len)
{
    put(a, 0x8a); /* 6.4.3.5.1: quad word address space */
    put_le(a, 43, 2);
    put(a, 0);
    put(a, 0x0c);
    put(a, 1);
    put_le(a, 0, 8);
    put_le(a, base, 8);
    put_le(a, base + len - 1, 8);
    put_le(a, 0, 8);
    put_le(a, len, 8);
}
