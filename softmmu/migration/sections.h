/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device sections of a stream. Machine lock, VM stopped, unless said. */
#ifndef MIGRATION_SECTIONS_H
#define MIGRATION_SECTIONS_H

#include "internal.h"

/* A section as it came, not yet applied. */
typedef struct LoadedSection {
    char *path, *name;
    uint32_t version, len;
    uint8_t *data;
    bool optional;
    StateSection *target; /* while applying */
} LoadedSection;

/* Why the machine cannot be saved as it is, each reason once (VmState.blocked);
 * to be freed by g_strfreev. */
char **sections_blocked(Machine *m);
void sections_save(Machine *m, StreamOut *out);
/* The END record. */
void sections_describe(Machine *m, StreamOut *out);

GPtrArray *loaded_sections_new(void);
/* After the kind byte; any thread. */
bool section_read(StreamIn *in, GPtrArray *loaded, Error **errp);
/* Check that all fit, then load all. On failure the machine wants a reset. */
bool sections_apply(Machine *m, GPtrArray *loaded, Error **errp);

#endif
