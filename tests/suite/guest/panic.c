/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU documentation, docs/specs/pvpanic: the PCI device, whose BAR 0 begins
 * with the register. The host goes on after a panic. */
#include "suite.h"

enum { PANICKED = 1, CRASH_LOADED = 2, SHUTDOWN = 4 };

void suite_panic(void)
{
    uint64_t config = 0, at = board.pci_memory;

    part("panic", "");
    for (unsigned slot = 1; slot < 32 && !config; slot++) {
        if (get32(board.ecam + (slot << 15)) == 0x00111b36) {
            config = board.ecam + (slot << 15);
        }
    }
    check("device", config != 0, 1);
    put32(config + 0x10, (uint32_t)at);
    put16(config + 4, 2);
    check("events", get8(at), PANICKED | CRASH_LOADED | SHUTDOWN);
    put8(at, 0x80);
    put8(at, CRASH_LOADED);
    ask_host("crash");
    put8(at, PANICKED);
    ask_host("panic");
    put16(config + 4, 0);
}
