/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AML, written front to back: a block is opened, filled and closed, when its
 * length is put in front.
 *
 * Spec: ACPI 6.4, chapter 20 (AML), 6.4 (resource descriptors).
 */
#ifndef HW_ACPI_AML_H
#define HW_ACPI_AML_H

#include "tandem/base.h"

enum { AML_DEPTH = 16 };

typedef struct Aml {
    GByteArray *out;
    guint open[AML_DEPTH]; /* where the contents of open blocks begin */
    unsigned depth;
    guint template_at; /* of the resource template under way */
} Aml;

void aml_init(Aml *a);
void aml_free(Aml *a);

/* Blocks; each is closed by aml_end(). Names are ACPI paths: "\\_SB.GED". */
void aml_scope(Aml *a, const char *name);
void aml_device(Aml *a, const char *name);
void aml_method(Aml *a, const char *name, unsigned args, bool serialized);
void aml_package(Aml *a, unsigned elements);
/* If (Arg @bit of Local0 is set): "And (Local0, @mask)". */
void aml_if_local0(Aml *a, uint64_t mask);
void aml_field(Aml *a, const char *region, const char *name, unsigned bits);
void aml_end(Aml *a);

/* Statements and values. */
void aml_int(Aml *a, uint64_t v);
void aml_string(Aml *a, const char *text);
void aml_eisaid(Aml *a, const char *id); /* "PNP0501" */
void aml_name(Aml *a, const char *name); /* the value follows */
void aml_name_int(Aml *a, const char *name, uint64_t v);
void aml_name_string(Aml *a, const char *name, const char *text);
void aml_region(Aml *a, const char *name, bool io, uint64_t base, uint64_t len);
void aml_store_local0(Aml *a, const char *name); /* Local0 = @name */
void aml_notify(Aml *a, const char *object, unsigned value);

/* Name (_CRS, ResourceTemplate () { ... }): begin, resources, end. */
void aml_crs_begin(Aml *a);
void aml_crs_end(Aml *a);
void aml_memory32(Aml *a, uint32_t base, uint32_t len);
void aml_io(Aml *a, uint16_t base, uint8_t len);
void aml_irq(Aml *a, uint32_t gsi, bool edge);
void aml_bus_numbers(Aml *a, uint16_t last);
/* Windows of a PCI host: 32-bit memory, 64-bit memory. */
void aml_window32(Aml *a, uint32_t base, uint32_t len);
void aml_window64(Aml *a, uint64_t base, uint64_t len);

#endif
