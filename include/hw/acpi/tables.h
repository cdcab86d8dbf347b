/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of ACPI tables: added one after another, then placed.
 *
 * Spec: ACPI 6.4, 5.2; QEMU documentation, docs/specs/fw_cfg (the files
 *       etc/acpi/... and etc/table-loader, whose commands firmware runs).
 */
#ifndef HW_ACPI_TABLES_H
#define HW_ACPI_TABLES_H

#include "softmmu/machine/machine.h"

enum { ACPI_HEADER = 36, ACPI_RSDP_SIZE = 36 };

/* A pointer in the tables to another table. */
typedef struct AcpiLink {
    guint at;       /* where it is, in the blob */
    guint target;   /* where it points, in the blob */
    unsigned bytes; /* 4 or 8 */
} AcpiLink;

typedef struct AcpiTables {
    GByteArray *blob;
    GArray *links;  /* AcpiLink */
    GArray *starts; /* guint: of each table */
    guint xsdt;     /* where the XSDT is; set by acpi_tables_end() */
} AcpiTables;

void acpi_tables_init(AcpiTables *t);
void acpi_tables_free(AcpiTables *t);
/* Begin table @signature; returns where it is. Its bytes are appended to
 * t->blob; acpi_table_end() sets the length. */
guint acpi_table_begin(AcpiTables *t, const char *signature, uint8_t revision);
void acpi_table_end(AcpiTables *t, guint start);
void acpi_put(AcpiTables *t, uint64_t v, unsigned bytes); /* little-endian */
/* A generic address (5.2.3.2) in memory space, of @bits. */
void acpi_put_gas(AcpiTables *t, unsigned bits, uint64_t addr);
/* The @bytes bytes at @at of the blob are a pointer to @target. */
void acpi_link(AcpiTables *t, guint at, guint target, unsigned bytes);
/* All tables are there but the XSDT, which lists @listed. */
void acpi_tables_end(AcpiTables *t, const guint *listed, unsigned n);

/* Put them at @addr of memory, RSDP first; returns false when they do not
 * fit into @room bytes. */
bool acpi_place(AcpiTables *t, Machine *m, hwaddr addr, uint64_t room,
                Error **errp);
/* Or give them to firmware. */
bool acpi_give(AcpiTables *t, Machine *m, Error **errp);

#endif
