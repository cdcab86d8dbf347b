/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices and objects as users ask for them: -device and device_add, -object
 * and object-add. Main thread, machine lock.
 */
#ifndef SOFTMMU_MACHINE_CREATE_H
#define SOFTMMU_MACHINE_CREATE_H

#include "softmmu/machine/machine.h"

/* {"driver": type, "id": ..., "bus": ..., property: value, ...}. Realized and
 * in the tree; a hot plug when the machine is built. NULL leaves nothing. */
DeviceState *device_add(Machine *m, json_object *options, Error **errp);
/* The device that @id (an id or a path) names, as device_del takes it. */
DeviceState *device_find(Machine *m, const char *id, Error **errp);

/* {"qom-type": type, "id": ..., property: value, ...}, complete, at
 * /objects/ID. */
Object *user_object_add(Machine *m, json_object *options, Error **errp);
bool user_object_del(Machine *m, const char *id, Error **errp);

/* Is @id what a client may call a thing: letter, then letters, digits, "-",
 * ".", "_"? */
bool id_valid(const char *id);

#endif
