/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making block nodes and drives, for start-up and QMP. Main thread, machine
 * lock. */
#ifndef SOFTMMU_BACKEND_DRIVE_H
#define SOFTMMU_BACKEND_DRIVE_H

#include "softmmu/backend/block.h"

/* The text of -drive: file=F may stand beside file.OPTION=. */
json_object *drive_parse(const char *text, Error **errp);
/* -drive's options (used up), in m->config.drives from then on. @snapshot:
 * unless it says otherwise itself. */
DriveInfo *drive_add(Machine *m, json_object *options, bool snapshot,
                     Error **errp);
/* Drive @id is gone, its name free. A device that has it has no medium from
 * here on: its requests fail, and the guest is told whatever rerror= and
 * werror= say. Of a node's name: blockdev_del(). False: there is none, or a
 * job has it. */
bool drive_del(Machine *m, const char *id, Error **errp);
/* "raw", ...: the names of formats, a list ended by NULL; g_free() it. */
const char **block_format_names(void);
/* Has the board, or a device, taken each that is not if=none? */
bool drives_all_used(Machine *m, Error **errp);
/* -blockdev, blockdev-add; @options is used up. */
bool blockdev_add(Machine *m, json_object *options, Error **errp);
/* One node, or all for NULL; see block_activate_all(). */
bool blockdev_set_active(Machine *m, const char *name, bool active,
                         Error **errp);
/* blockdev-reopen, of one node. */
bool blockdev_reopen(Machine *m, json_object *options, Error **errp);
/* Lay @overlay, a layer without anything below, over @node, for all who use
 * that. */
bool blockdev_snapshot(Machine *m, const char *node, const char *overlay,
                       Error **errp);
/* No request on any disk is in flight nor starts in between. Nests. */
void block_drained_begin(Machine *m);
void block_drained_end(Machine *m);
bool blockdev_del(Machine *m, const char *name, Error **errp);
/* The machine ends: no request waits for limits any more. Before its jobs and
 * devices end. */
void block_system_end_waits(Machine *m);
/* All workers and back ends end. Called by machine_free(). */
void block_system_free(Machine *m);

#endif
