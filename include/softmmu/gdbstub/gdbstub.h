/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdb's remote serial protocol (GDB manual, appendix E). One client; each
 * virtual CPU is a thread. Main loop, machine lock.
 */
#ifndef SOFTMMU_GDBSTUB_GDBSTUB_H
#define SOFTMMU_GDBSTUB_GDBSTUB_H

#include "softmmu/backend/chardev.h"
#include "softmmu/machine/machine.h"

typedef struct GdbServer GdbServer;

/* Serve @chr from now on; the guest stops when a client connects. */
GdbServer *gdb_server_new(Machine *m, Chardev *chr, Error **errp);
void gdb_server_free(GdbServer *g);

#endif
