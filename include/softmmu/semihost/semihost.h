/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Semihosting: -semihosting, -semihosting-config. Main thread. */
#ifndef SOFTMMU_SEMIHOST_SEMIHOST_H
#define SOFTMMU_SEMIHOST_SEMIHOST_H

#include "softmmu/gdbstub/gdbstub.h"
#include "softmmu/machine/machine.h"

/* Who serves calls on files and the console: we, a debugger, or a debugger
 * while there is one. */
typedef enum SemihostTarget {
    SEMIHOST_NATIVE,
    SEMIHOST_GDB,
    SEMIHOST_AUTO,
} SemihostTarget;

typedef struct SemihostConfig {
    SemihostTarget target;
    bool userspace;      /* calls from user mode are served too */
    bool deny_spawn;     /* -sandbox spawn=deny: no SYS_SYSTEM */
    const char *chardev; /* id of the console; NULL: standard streams */
    char *command_line;  /* for SYS_GET_CMDLINE; copied */
} SemihostConfig;

typedef struct Semihost Semihost;

/* Serve all CPUs of @m. False: a CPU of @m knows no such calls, or the
 * character device is in use. */
Semihost *semihost_start(Machine *m, const SemihostConfig *config,
                         Error **errp);
/* The debugger's server; before the CPUs run. */
void semihost_set_gdb(Semihost *s, GdbServer *gdb);
/* No CPU runs any more. */
void semihost_free(Semihost *s);

#endif
