/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS tables, which firmware reads as the fw_cfg files
 * etc/smbios/smbios-tables and etc/smbios/smbios-anchor and places in memory.
 *
 * Spec:  DSP0134, System Management BIOS, 3.0.
 * Locks: machine lock, between the board's build and the first reset.
 */
#ifndef HW_NVRAM_SMBIOS_H
#define HW_NVRAM_SMBIOS_H

#include "softmmu/machine/machine.h"

typedef struct Smbios Smbios;

Smbios *smbios_new(void);
void smbios_free(Smbios *s);
/*
 * smbios_add_option: the text of one -smbios: "type=N[,FIELD=TEXT]..." or
 * "file=FILE", one structure as it is in memory. A later field replaces an
 * earlier one; type 11 collects them. False: no such type or field, or a
 * value out of range.
 */
bool smbios_add_option(Smbios *s, const char *text, Error **errp);
/* Was there any? */
bool smbios_has_options(const Smbios *s);
/* Make the files, for a board that has them: with fw_cfg, and known here.
 * False: it has none and there are options, or a file that exists. */
bool smbios_install(Smbios *s, Machine *m, Error **errp);

#endif
