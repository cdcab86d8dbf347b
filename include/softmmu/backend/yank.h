/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Yank: to cut connections that may hang, so that what waits for them fails
 * and goes on. Owners name their sockets here; QMP's yank shuts them down,
 * from any thread and without the machine lock, so that it works while the
 * main loop is stuck.
 *
 * Spec: QEMU's QMP reference, "Yank feature".
 */
#ifndef SOFTMMU_BACKEND_YANK_H
#define SOFTMMU_BACKEND_YANK_H

#include "softmmu/machine/machine.h"

typedef enum YankKind {
    YANK_CHARDEV,
    YANK_MIGRATION,
} YankKind;

typedef struct YankName {
    YankKind kind;
    const char *id; /* of the chardev; else NULL */
} YankName;

typedef struct YankOwner YankOwner;

/* Any thread, all of these; none blocks. */

/* @id is copied; NULL where the kind has but one. */
YankOwner *yank_register(Machine *m, YankKind kind, const char *id);
void yank_unregister(YankOwner *owner); /* NULL is allowed */
void yank_rename(YankOwner *owner, const char *id);
/* Descriptor @fd may be shut down from here on; again is no more than once. */
void yank_watch(YankOwner *owner, int fd);
/* Before it is closed; one that is not watched (-1 too) is no matter. */
void yank_forget(YankOwner *owner, int fd);

/* Cut what all @n owners have, or, when one of them does not exist, nothing:
 * false, of class DeviceNotFound. */
bool yank_cut(Machine *m, const YankName *names, size_t n, Error **errp);
void yank_each(Machine *m, void (*fn)(const YankName *name, void *opaque),
               void *opaque);

/* Of the machine's, for machine.c. */
typedef struct YankList YankList;
YankList *yank_list_new(void);
void yank_list_free(YankList *list); /* nobody is registered */

#endif
