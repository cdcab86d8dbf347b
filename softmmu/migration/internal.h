/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MIGRATION_INTERNAL_H
#define MIGRATION_INTERNAL_H

#include "softmmu/backend/yank.h"
#include "softmmu/base/lock.h"
#include "softmmu/migration/migration.h"
#include "stream.h"

#include "qmp-schema.h"

/* Where a stream goes to or comes from. */
typedef struct Channel {
    int fd;          /* -1: closed */
    int listen_fd;   /* incoming sockets: not yet accepted; else -1 */
    GPid child;      /* exec: reaped when closed; 0: none */
    bool is_file;    /* made durable by fsync before it is done */
    char *unlink;    /* a socket's path that we made; or NULL */
    YankOwner *yank; /* may cut it; the migration's, until the main loop is told
                      * of the end */
} Channel;
/* @m finds named descriptors. Main thread; c->yank is kept. */
bool channel_open_out(Channel *c, Machine *m, const char *uri, Error **errp);
bool channel_open_in(Channel *c, Machine *m, const char *uri, Error **errp);
/* Wait for the peer where there is one; any thread. */
bool channel_accept(Channel *c, _Atomic bool *cancel, Error **errp);
/* False when the other side failed (exec's status, fsync). */
bool channel_close(Channel *c, Error **errp);

struct Migration {
    Machine *m;
    /* machine lock */
    MigrationStatus status;
    bool started; /* any migration yet? */
    char *error;  /* text of the last failure, or NULL */
    bool caps[MIGRATION_CAPABILITY__MAX];
    uint64_t max_bandwidth; /* bytes a second; 0: no limit */
    uint64_t downtime_limit_ms;
    bool incoming, incoming_deferred, exit_on_error, autostart;
    bool was_running;
    bool paused; /* the guest, before it was stopped to be sent; in the stream:
                  * the receiver leaves it so */
    int64_t start_ms, total_ms, downtime_ms, stop_ms;
    /* the thread's; read by query-migrate under .lock */
    Lock lock;
    Cond wake; /* a reply from main, or `migrate-continue` */
    uint64_t sent_bytes, total_bytes, remaining_bytes, zero_pages, normal_pages,
        dirty_syncs;
    bool go_on; /* migrate-continue */
    Thread thread;
    bool joinable;
    _Atomic bool cancel;
    _Atomic bool finished; /* the thread's last act */
    Channel channel;
};

/* Run @fn in the main loop under the machine lock; the thread waits. */
bool migration_in_main(Migration *mig,
                       bool (*fn)(Migration *mig, void *data, Error **errp),
                       void *data, Error **errp);
/* Machine lock: status changes, with its event. */
void migration_set_status(Migration *mig, MigrationStatus status);

/* --- save.c, load.c: the bodies of the threads --- */
bool migration_send(Migration *mig, Error **errp);
bool migration_receive(Migration *mig, Error **errp);

/* One piece of device state, wherever it is. */
typedef struct StateSection {
    char *path;
    void *obj; /* a device, or a netdev */
    const VmState *state;
} StateSection;
/* All of the machine, in the stream's order; frees with g_ptr_array_unref. */
GPtrArray *migration_sections(Machine *m);

#endif
