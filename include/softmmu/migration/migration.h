/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state and migration (DECISIONS 45-49). One format serves files,
 * snapshots and live migration; see softmmu/migration/README for it.
 */
#ifndef SOFTMMU_MIGRATION_MIGRATION_H
#define SOFTMMU_MIGRATION_MIGRATION_H

#include "softmmu/machine/machine.h"

typedef struct Migration Migration;

/* One a machine; made at start. Main thread, machine lock. */
Migration *migration_new(Machine *m);
/* Cancels what is going on and waits. Main thread, lock not held. */
void migration_free(Migration *mig);
Migration *machine_migration(Machine *m);

/*
 * migration_incoming: load from @uri ("file:PATH[,offset=N]", "exec:COMMAND",
 * "unix:PATH", "tcp:HOST:PORT", "fd:NUMBER-OR-NAME", "defer") when it comes.
 * The machine is in state INMIGRATE until then. False: the URI is wrong or
 * cannot be opened. A failure later is an event and a line on stderr; with
 * @exit_on_error it ends the process with status 1.
 */
bool migration_incoming(Migration *mig, const char *uri, bool exit_on_error,
                        Error **errp);
/* What happens when a load is complete: run (the default) or stay paused. */
void migration_set_autostart(Migration *mig, bool autostart);
/* Has -incoming (not yet finished) been asked for? Then `cont` waits. */
bool migration_is_incoming(const Migration *mig);

/* All device state as the stream has it (no RAM), for tests and snapshots.
 * VM stopped, machine lock. */
GByteArray *migration_save_devices(Machine *m);
bool migration_load_devices(Machine *m, const uint8_t *data, size_t len,
                            Error **errp);

#endif
