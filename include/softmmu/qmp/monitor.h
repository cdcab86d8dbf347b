/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP monitors (DECISIONS 22). Each reads and parses in its own context, the
 * monitors' I/O thread, or the main loop's when its character device is a
 * mux. In-band commands run one at a time in the main loop under the machine
 * lock, in order; out-of-band ones at once in the reader's thread, without
 * it. Replies and events are queued and written in the monitor's context.
 */
#ifndef SOFTMMU_QMP_MONITOR_H
#define SOFTMMU_QMP_MONITOR_H

#include "softmmu/backend/chardev.h"
#include "softmmu/machine/machine.h"
#include "softmmu/qmp/qtype.h"

/* All monitors of a machine and the thread that they share. */
typedef struct MonitorHub MonitorHub;

MonitorHub *monitor_hub_new(Machine *m);
/* Ends the thread and all monitors; what is queued is written first, for at
 * most a second. Machine lock not held. */
void monitor_hub_free(MonitorHub *hub);
Machine *monitor_machine(Monitor *mon);

/* A QMP monitor on @chr; @pretty indents replies. Main thread, machine lock. */
bool monitor_qmp_add(MonitorHub *hub, Chardev *chr, bool pretty, Error **errp);
/* A human monitor on @chr. */
bool monitor_hmp_add(MonitorHub *hub, Chardev *chr, Error **errp);

/* The descriptor that came with the present command's bytes, or -1; the
 * caller owns it. In the command's function. */
int monitor_take_fd(Monitor *mon);
/* Named descriptors of getfd: the monitor owns them. */
void monitor_put_named_fd(Monitor *mon, const char *name, int fd);
/* Take one out; -1 with *errp. @mon NULL: any monitor of the machine. */
int monitor_take_named_fd(Machine *m, Monitor *mon, const char *name,
                          Error **errp);

/*
 * qmp_execute: run command @name with @args (object or NULL) as the main loop
 * would, and return its reply's "return" value, or NULL with *errp. For HMP,
 * tests and start-up code. Machine lock.
 */
json_object *qmp_execute(Machine *m, const char *name, json_object *args,
                         Error **errp);
const QCommand *qmp_find_command(const char *name);

/* Run one line of the human monitor; its text. Machine lock. */
char *hmp_execute(Machine *m, const char *line);

#endif
