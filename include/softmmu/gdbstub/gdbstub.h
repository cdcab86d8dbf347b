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

/*
 * A File-I/O request (GDB manual, "File-I/O Remote Protocol Extension"). It is
 * the asker's: gdbstub holds it from gdb_fileio() until .done.
 */
typedef struct GdbFileIo {
    CPUState *cpu; /* that waits for the answer */
    char *request; /* "write,1,10000,5": the packet without its F */
    uint8_t *data; /* what the client sees at GDB_FILEIO_BASE meanwhile */
    size_t len;    /* bytes of it */
    /* valid once .done */
    int64_t result;
    int error; /* errno of this host; 0: none was said */
    _Atomic bool done;
} GdbFileIo;
enum { GDB_FILEIO_BASE = 0x10000 };

/* Is a client there? Any thread. */
bool gdb_connected(GdbServer *g);
/* Send @io; the machine stands still until the answer. With no client that
 * waits for the guest it fails at once. One at a time. */
void gdb_fileio(GdbServer *g, GdbFileIo *io);
/* The request that waits, if one does, fails: its client or its asker goes. */
void gdb_fileio_abandon(GdbServer *g);

#endif
