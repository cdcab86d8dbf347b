/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine without anything, and a folder, for tests of what machines are
 * made of. Each test program says which types it needs, &bare_type among them.
 */
#ifndef TESTS_UNIT_BARE_MACHINE_H
#define TESTS_UNIT_BARE_MACHINE_H

#include "tandem/base.h"

#include <glib/gstdio.h>

#include "softmmu/machine/machine.h"

static const MachineType bare_type = {
    .name = "bare-machine",
    .parent = TYPE(machine_type),
    .size = sizeof(Machine),
    .machine_name = "bare",
};

typedef struct Bare {
    TypeRegistry *reg;
    Machine *m; /* locked */
    char *dir;  /* of temporary files; to be left empty */
} Bare;

static void bare_init(Bare *b, const ObjectType *const *const *lists)
{
    b->reg = type_registry_new(lists);
    b->m = machine_new(&bare_type, (TypeView){ b->reg, "riscv64" });
    b->dir = g_dir_make_tmp("tandem-test-XXXXXX", NULL);
    machine_lock(b->m);
}

static void bare_destroy(Bare *b)
{
    machine_unlock(b->m);
    machine_free(b->m);
    type_registry_free(b->reg);
    g_rmdir(b->dir);
    g_free(b->dir);
}

#endif
