/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SEMIHOST_INTERNAL_H
#define SEMIHOST_INTERNAL_H

#include "softmmu/backend/chardev.h"
#include "softmmu/machine/cpu.h"
#include "softmmu/semihost/semihost.h"

enum {
    SEMI_HANDLES = 256,
    SEMI_PATH_MAX = 4096,          /* bytes of a name or command */
    SEMI_PIECE = 64 << 10,         /* bytes copied at a time */
    SEMI_TRANSFER_MAX = 256 << 20, /* bytes of one call; more is partial */
    SEMI_INPUT = 4096,             /* bytes of the console that wait */
    SEMI_CALLS = 0x32,             /* numbers of calls end below */
    SEMI_WAIT_MS = 10,             /* then a waiting call is made again */
};

typedef enum SemiKind {
    SEMI_FILE,
    SEMI_CONSOLE,
    SEMI_FEATURES,
    SEMI_GDB, /* .fd is the debugger's */
} SemiKind;

typedef struct SemiFile {
    int refs; /* under .lock of the Semihost */
    SemiKind kind;
    int fd;            /* of the host; -1: a chardev, or features */
    _Atomic size_t at; /* features: the next byte */
} SemiFile;

struct Semihost {
    Machine *m;
    bool deny_spawn;
    char *command_line;
    bool has_chardev;
    CharFrontend fe;              /* machine lock */
    Lock lock;                    /* leaf: handles, input, child */
    Cond changed;                 /* input came */
    SemiFile *file[SEMI_HANDLES]; /* handle - 1 */
    uint8_t input[SEMI_INPUT];
    size_t n_input;
    _Atomic int error;  /* errno of the last call that failed */
    _Atomic int child;  /* process of SYS_SYSTEM; 0: none */
    CPUState *child_of; /* who waits for it; under .lock */
    /* constant while CPUs run */
    SemihostTarget target;
    GdbServer *gdb; /* NULL: none */
    /* .lock: the request to the debugger; .io is its own while not .done */
    CPUState *asking; /* whose; NULL: none */
    uint64_t asked_op, asked_arg;
    GdbFileIo io;
};

/* How a call ended: its result is there, or it is to be made again. */
typedef enum SemiEnd { SEMI_DONE, SEMI_AGAIN } SemiEnd;

/* One call in progress, on the vCPU's thread. */
typedef struct SemiCall {
    Semihost *s;
    CPUState *cpu;
    SemihostCall *call;
    uint64_t word[4]; /* of the parameter block */
} SemiCall;

/* Results. */
SemiEnd semi_return(SemiCall *c, int64_t value);
SemiEnd semi_fail(SemiCall *c, int error);
/* A name of @len bytes at @addr; NULL: not mapped, too long or with a NUL in
 * it (the call has failed). Freed by the caller. */
char *semi_text(SemiCall *c, uint64_t addr, uint64_t len);

/* files.c: the calls on handles. */
SemiEnd semi_open(SemiCall *c);
SemiEnd semi_close(SemiCall *c);
SemiEnd semi_read(SemiCall *c);
SemiEnd semi_write(SemiCall *c);
SemiEnd semi_istty(SemiCall *c);
SemiEnd semi_seek(SemiCall *c);
SemiEnd semi_flen(SemiCall *c);
/* The console; @chr is NULL for the standard streams. */
bool semi_console_init(Semihost *s, const char *chardev, Error **errp);
void semi_console_write(Semihost *s, int fd, const void *data, size_t len);
/* At most @len bytes; 0: the end, -1: none yet (it has waited a little). */
ssize_t semi_console_read(Semihost *s, void *data, size_t len);
void semi_files_free(Semihost *s);
/* The lowest free handle, or 0. */
uint64_t semi_add_file(Semihost *s, SemiKind kind, int fd);

/* gdb.c: true when the debugger serves this call, which ended so. */
bool semi_gdb_serves(SemiCall *c, SemiEnd *end);

/* command.c */
SemiEnd semi_system(SemiCall *c);

#endif
