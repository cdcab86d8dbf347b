/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ACPI tables: headers, links, checksums, and the two ways to a guest.
 *
 * Spec: ACPI 6.4, 5.2.5 (RSDP), 5.2.6 (headers), 5.2.8 (XSDT); QEMU
 *       documentation, docs/specs/fw_cfg.
 */
#include "tandem/base.h"

#include "hw/acpi/tables.h"
#include "hw/core/loader.h"
#include "hw/nvram/fw_cfg.h"

enum { LENGTH_AT = 4, SUM_AT = 9 };

void acpi_tables_init(AcpiTables *t)
{
    *t = (AcpiTables){
        .blob = g_byte_array_new(),
        .links = g_array_new(FALSE, FALSE, sizeof(AcpiLink)),
        .starts = g_array_new(FALSE, FALSE, sizeof(guint)),
    };
}

void acpi_tables_free(AcpiTables *t)
{
    g_byte_array_unref(t->blob);
    g_array_unref(t->links);
    g_array_unref(t->starts);
}

void acpi_put(AcpiTables *t, uint64_t v, unsigned bytes)
{
    uint8_t raw[8];

    st64_le(raw, v);
    g_byte_array_append(t->blob, raw, bytes);
}

void acpi_put_gas(AcpiTables *t, unsigned bits, uint64_t addr)
{
    acpi_put(t, 0, 1); /* system memory */
    acpi_put(t, bits, 1);
    acpi_put(t, 0, 1);
    acpi_put(t, bits / 8 > 4 ? 4 : bits == 8 ? 1 : bits == 16 ? 2 : 3, 1);
    acpi_put(t, addr, 8);
}

static void put_text(AcpiTables *t, const char *text, guint n)
{
    g_byte_array_append(t->blob, (const uint8_t *)text, n);
}

guint acpi_table_begin(AcpiTables *t, const char *signature, uint8_t revision)
{
    guint start;

    while (t->blob->len % 16) { /* FACS wants 64, others 8 (5.2.10) */
        acpi_put(t, 0, 1);
    }
    start = t->blob->len;
    g_array_append_val(t->starts, start);
    put_text(t, signature, 4);
    acpi_put(t, 0, 4); /* length */
    acpi_put(t, revision, 1);
    acpi_put(t, 0, 1); /* checksum */
    put_text(t, "TANDEM", 6);
    put_text(t, "TNDMMACH", 8);
    acpi_put(t, 1, 4);
    put_text(t, "TNDM", 4);
    acpi_put(t, 1, 4);
    return start;
}

void acpi_table_end(AcpiTables *t, guint start)
{
    st32_le(t->blob->data + start + LENGTH_AT, t->blob->len - start);
}

void acpi_link(AcpiTables *t, guint at, guint target, unsigned bytes)
{
    AcpiLink link = { at, target, bytes };

    g_array_append_val(t->links, link);
}

void acpi_tables_end(AcpiTables *t, const guint *listed, unsigned n)
{
    t->xsdt = acpi_table_begin(t, "XSDT", 1);
    for (unsigned i = 0; i < n; i++) {
        acpi_link(t, t->blob->len, listed[i], 8);
        acpi_put(t, 0, 8);
    }
    acpi_table_end(t, t->xsdt);
}

static uint8_t sum_of(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    while (n > 0) {
        sum += p[--n];
    }
    return (uint8_t)-sum;
}

/* 5.2.5.3; the address of the XSDT is 0 for firmware to fill in. */
static void make_rsdp(uint8_t *rsdp, uint64_t xsdt)
{
    memset(rsdp, 0, ACPI_RSDP_SIZE);
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, "TANDEM", 6);
    rsdp[15] = 2;
    st32_le(rsdp + 20, ACPI_RSDP_SIZE);
    st64_le(rsdp + 24, xsdt);
}

/* --- into memory --- */

static void put_link(uint8_t *at, uint64_t value, unsigned bytes)
{
    if (bytes == 4) {
        st32_le(at, (uint32_t)value);
    } else {
        st64_le(at, value);
    }
}

bool acpi_place(AcpiTables *t, Machine *m, hwaddr addr, uint64_t room,
                Error **errp)
{
    hwaddr base = addr + 64; /* behind the RSDP */
    g_autofree uint8_t *all = NULL;
    uint8_t *blob, rsdp[ACPI_RSDP_SIZE];

    if (64 + (uint64_t)t->blob->len > room) {
        error_set(errp, "ACPI tables of %u bytes do not fit", t->blob->len);
        return false;
    }
    all = g_malloc0(64 + (gsize)t->blob->len);
    blob = all + 64;
    memcpy(blob, t->blob->data, t->blob->len);
    for (guint i = 0; i < t->links->len; i++) {
        const AcpiLink *l = &g_array_index(t->links, AcpiLink, i);

        put_link(blob + l->at, base + l->target, l->bytes);
    }
    for (guint i = 0; i < t->starts->len; i++) {
        uint8_t *table = blob + g_array_index(t->starts, guint, i);

        table[SUM_AT] = sum_of(table, ld32_le(table + LENGTH_AT));
    }
    make_rsdp(rsdp, base + t->xsdt);
    rsdp[8] = sum_of(rsdp, 20);
    rsdp[32] = sum_of(rsdp, sizeof(rsdp));
    memcpy(all, rsdp, sizeof(rsdp));
    return loader_add_bytes(m, NULL, "ACPI tables", addr, all,
                            64 + (uint64_t)t->blob->len, errp);
}

/* --- to firmware: 128-byte commands --- */

enum {
    CMD_ALLOCATE = 1,
    CMD_POINTER = 2,
    CMD_CHECKSUM = 3,
    CMD_BYTES = 128,
    FILE_BYTES = 56,
    ZONE_HIGH = 1,
    ZONE_FSEG = 2
};
static const char tables_file[] = "etc/acpi/tables";
static const char rsdp_file[] = "etc/acpi/rsdp";

static uint8_t *command(GByteArray *out, uint32_t kind, const char *file)
{
    guint at = out->len;

    g_byte_array_set_size(out, at + CMD_BYTES);
    memset(out->data + at, 0, CMD_BYTES);
    st32_le(out->data + at, kind);
    memcpy(out->data + at + 4, file, strlen(file));
    return out->data + at + 4 + FILE_BYTES;
}

static void cmd_allocate(GByteArray *out, const char *file, uint32_t align,
                         uint8_t zone)
{
    uint8_t *p = command(out, CMD_ALLOCATE, file);

    st32_le(p, align);
    p[4] = zone;
}

/* The bytes at @at of @file gain the address of @of. */
static void cmd_pointer(GByteArray *out, const char *file, const char *of,
                        uint32_t at, uint8_t bytes)
{
    uint8_t *p = command(out, CMD_POINTER, file);

    memcpy(p, of, strlen(of));
    st32_le(p + FILE_BYTES, at);
    p[FILE_BYTES + 4] = bytes;
}

static void cmd_checksum(GByteArray *out, const char *file, uint32_t at,
                         uint32_t start, uint32_t len)
{
    uint8_t *p = command(out, CMD_CHECKSUM, file);

    st32_le(p, at);
    st32_le(p + 4, start);
    st32_le(p + 8, len);
}

bool acpi_give(AcpiTables *t, Machine *m, Error **errp)
{
    g_autoptr(GByteArray) cmds = g_byte_array_new();
    uint8_t rsdp[ACPI_RSDP_SIZE];

    make_rsdp(rsdp, t->xsdt);
    cmd_allocate(cmds, tables_file, 64, ZONE_HIGH);
    cmd_allocate(cmds, rsdp_file, 16, ZONE_FSEG);
    for (guint i = 0; i < t->links->len; i++) {
        const AcpiLink *l = &g_array_index(t->links, AcpiLink, i);

        put_link(t->blob->data + l->at, l->target, l->bytes);
        cmd_pointer(cmds, tables_file, tables_file, l->at, (uint8_t)l->bytes);
    }
    for (guint i = 0; i < t->starts->len; i++) {
        guint start = g_array_index(t->starts, guint, i);

        cmd_checksum(cmds, tables_file, start + SUM_AT, start,
                     ld32_le(t->blob->data + start + LENGTH_AT));
    }
    cmd_pointer(cmds, rsdp_file, tables_file, 24, 8);
    cmd_checksum(cmds, rsdp_file, 8, 0, 20);
    cmd_checksum(cmds, rsdp_file, 32, 0, ACPI_RSDP_SIZE);
    return fw_cfg_add_file(m->fw_cfg, tables_file, t->blob->data, t->blob->len,
                           NULL, NULL, errp) &&
           fw_cfg_add_file(m->fw_cfg, rsdp_file, rsdp, sizeof(rsdp), NULL, NULL,
                           errp) &&
           fw_cfg_add_file(m->fw_cfg, "etc/table-loader", cmds->data, cmds->len,
                           NULL, NULL, errp);
}
