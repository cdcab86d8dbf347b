/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of linuxboot.S where the assembler does not know x86: no ROM. */
#include "tandem/base.h"

#include "internal.h"

const uint8_t x86_linuxboot_rom[1];
const uint32_t x86_linuxboot_size;
