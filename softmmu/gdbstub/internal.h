/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GDBSTUB_INTERNAL_H
#define GDBSTUB_INTERNAL_H

#include "softmmu/gdbstub/gdbstub.h"
#include "softmmu/machine/cpu.h"

enum {
    GDB_PACKET_MAX = 16384, /* bytes of a packet, as qSupported says */
};

/* Where the receiver is in a packet: $DATA#SUM. */
typedef enum GdbRx { RX_IDLE, RX_DATA, RX_ESCAPE, RX_SUM1, RX_SUM2 } GdbRx;

struct GdbServer {
    Machine *m;
    CharFrontend fe;
    Notifier on_state;
    /* packets */
    GdbRx rx;
    GString *in;
    uint8_t sum, claimed;
    bool no_ack;
    char *last; /* sent, in case it must be sent again */
    /* the session */
    _Atomic bool connected;
    bool running;      /* the client waits for a stop */
    bool interrupted;  /* by the client's 0x03 */
    bool physical;     /* memory packets take physical addresses */
    bool texts;        /* the client shows errors in words */
    CPUState *cpu;     /* registers and memory: Hg */
    CPUState *cpu_c;   /* s and c: Hc */
    GArray *held;      /* CPUState *: stay stopped while others run */
    GdbFileIo *fileio; /* that waits for the client; NULL: none */
    bool fileio_step;  /* its CPU was being stepped */
};

/* packet.c: framing. */
void gdb_receive(GdbServer *g, const uint8_t *data, int len);
void gdb_send(GdbServer *g, const char *text);
void gdb_send_bytes(GdbServer *g, const char *data, size_t len);
/* commands.c: a whole packet, NUL-terminated, that may hold NULs. */
void gdb_packet(GdbServer *g, const char *packet, size_t len);
void gdb_interrupt(GdbServer *g);
void gdb_stopped(GdbServer *g, RunState why);
/* Remove all of gdb's breakpoints and watchpoints. */
void gdb_forget_points(GdbServer *g);

/* fileio.c: the F packet; memory of a request (false: it is none of it). */
void gdb_fileio_answer(GdbServer *g, const char *p);
bool gdb_fileio_memory(GdbServer *g, uint64_t addr, void *buf, size_t len,
                       bool write);
/* commands.c: go on behind an answer, or stop for the client's Ctrl-C. */
void gdb_fileio_over(GdbServer *g, CPUState *cpu, bool interrupt);

/* target.c: what the CPU says of itself. */
char *gdb_target_file(CPUState *cpu, const char *name); /* NULL: no such */
/* Register @n, numbered through all features; bytes appended or taken. */
unsigned gdb_reg_read(CPUState *cpu, unsigned n, GByteArray *out);
unsigned gdb_reg_write(CPUState *cpu, unsigned n, const uint8_t *bytes,
                       unsigned avail);
unsigned gdb_core_regs(CPUState *cpu);

void gdb_hex(GString *out, const uint8_t *data, size_t len);
/* Bytes of hex digits from @text; false: an odd number or no digits. */
bool gdb_unhex(const char *text, size_t len, GByteArray *out);

#endif
