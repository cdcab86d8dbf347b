/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Semihosting: -semihosting, -semihosting-config. Main thread. */
#ifndef SOFTMMU_SEMIHOST_SEMIHOST_H
#define SOFTMMU_SEMIHOST_SEMIHOST_H

#include "softmmu/machine/machine.h"

typedef struct SemihostConfig {
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
/* No CPU runs any more. */
void semihost_free(Semihost *s);

#endif
