/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state machine and its QMP commands: schema/migration.json. */
#include "tandem/base.h"

#include <signal.h>

#include "internal.h"
#include "sections.h"
#include "softmmu/backend/block.h"
#include "softmmu/backend/net.h"

/* --- status --- */

void migration_set_status(Migration *mig, MigrationStatus status)
{
    json_object *data;

    mig->status = status;
    if (!mig->caps[MIGRATION_CAPABILITY_EVENTS]) {
        return;
    }
    data = json_object_new_object();
    json_object_object_add(
        data, "status",
        json_object_new_string(qtype_migration_status.names[status]));
    machine_event(mig->m, "MIGRATION", data);
}

static bool is_active(const Migration *mig)
{
    switch (mig->status) {
    case MIGRATION_STATUS_SETUP:
    case MIGRATION_STATUS_ACTIVE:
    case MIGRATION_STATUS_PRE_SWITCHOVER:
    case MIGRATION_STATUS_DEVICE:
    case MIGRATION_STATUS_CANCELLING:
        return true;
    default:
        return false;
    }
}

/* --- thread to main loop --- */

typedef struct MainCall {
    Migration *mig;
    bool (*fn)(Migration *mig, void *data, Error **errp);
    void *data;
    Error *err;
    bool ok;
} MainCall;

static void serve_call(void *opaque)
{
    MainCall *c = opaque;

    c->ok = c->fn(c->mig, c->data, &c->err);
}

bool migration_in_main(Migration *mig,
                       bool (*fn)(Migration *mig, void *data, Error **errp),
                       void *data, Error **errp)
{
    MainCall c = { .mig = mig, .fn = fn, .data = data };

    loop_call(mig->m->loop, serve_call, &c);
    if (c.err) {
        error_move(errp, c.err);
    }
    return c.ok;
}

static void join_thread(Migration *mig)
{
    if (mig->joinable) {
        thread_join(&mig->thread);
        mig->joinable = false;
    }
}

/* --- sending --- */

static bool main_active(Migration *mig, void *data, Error **errp)
{
    migration_set_status(mig, MIGRATION_STATUS_ACTIVE);
    return true;
}

/* Begin a migration to or from @uri: QMP can cut it until it has ended. */
static bool open_channel(Migration *mig, const char *uri, bool out,
                         Error **errp)
{
    bool ok;

    mig->channel.yank = yank_register(mig->m, YANK_MIGRATION, NULL);
    ok = out ? channel_open_out(&mig->channel, mig->m, uri, errp)
             : channel_open_in(&mig->channel, mig->m, uri, errp);
    if (!ok) {
        yank_unregister(g_steal_pointer(&mig->channel.yank));
    }
    return ok;
}

/* The channel is closed. */
static void end_channel(Migration *mig)
{
    yank_unregister(g_steal_pointer(&mig->channel.yank));
}

static bool main_sent(Migration *mig, void *data, Error **errp)
{
    int64_t now = g_get_monotonic_time() / 1000;

    end_channel(mig);
    mig->total_ms = now - mig->start_ms;
    mig->downtime_ms = now - mig->stop_ms;
    machine_stop(mig->m, RUN_STATE_POSTMIGRATE);
    migration_set_status(mig, MIGRATION_STATUS_COMPLETED);
    return true;
}

/* The source goes on as if nothing had been asked. */
static bool main_not_sent(Migration *mig, void *data, Error **errp)
{
    bool cancelled = atomic_load(&mig->cancel);
    Error *err = NULL;

    end_channel(mig);
    g_free(mig->error);
    mig->error = cancelled ? NULL : g_strdup(error_text(data));
    migration_set_status(mig, cancelled ? MIGRATION_STATUS_CANCELLED
                                        : MIGRATION_STATUS_FAILED);
    if (mig->m->state == RUN_STATE_FINISH_MIGRATE) {
        if (!block_activate_all(mig->m, &err)) {
            error_report(err); /* the other side has the disks: stay stopped */
            error_free(err);
            machine_stop(mig->m, RUN_STATE_POSTMIGRATE);
        } else {
            machine_stop(mig->m, RUN_STATE_PAUSED);
            if (mig->was_running) {
                machine_cont(mig->m);
            }
        }
    }
    return true;
}

static void *send_thread(void *opaque)
{
    Migration *mig = opaque;
    Error *err = NULL;

    migration_in_main(mig, main_active, NULL, NULL);
    if (migration_send(mig, &err)) {
        migration_in_main(mig, main_sent, NULL, NULL);
    } else {
        migration_in_main(mig, main_not_sent, err, NULL);
        error_free(err);
    }
    atomic_store(&mig->finished, true);
    return NULL;
}

static void block_size(RamBlock *block, void *opaque)
{
    *(uint64_t *)opaque += block->size;
}

static void start_thread(Migration *mig, const char *name, void *(*fn)(void *))
{
    join_thread(mig);
    atomic_store(&mig->cancel, false);
    mig->started = true;
    mig->go_on = false;
    mig->start_ms = g_get_monotonic_time() / 1000;
    mig->total_ms = mig->downtime_ms = mig->stop_ms = 0;
    mig->sent_bytes = mig->zero_pages = mig->normal_pages = 0;
    mig->dirty_syncs = mig->total_bytes = 0;
    ram_block_each(mig->m->ms, block_size, &mig->total_bytes);
    mig->remaining_bytes = mig->total_bytes;
    g_clear_pointer(&mig->error, g_free);
    migration_set_status(mig, MIGRATION_STATUS_SETUP);
    mig->joinable = true;
    atomic_store(&mig->finished, false);
    thread_start(&mig->thread, name, fn, mig);
}

static bool check_blocked(Machine *m, Error **errp)
{
    g_auto(GStrv) reasons = sections_blocked(m);

    if (reasons[0]) {
        error_set(errp, "%s", reasons[0]);
    }
    return !reasons[0];
}

bool qmp_migrate(Machine *m, const MigrateArgs *a, Error **errp)
{
    Migration *mig = m->migration;

    if (mig->incoming) {
        error_set(errp, "Guest is waiting for an incoming migration");
        return false;
    }
    if (is_active(mig)) {
        error_set(errp, "There's a migration process in progress");
        return false;
    }
    if (m->state == RUN_STATE_SAVE_VM) { /* and lets it run at its end */
        error_set(errp, "There is a dump in process, please wait.");
        return false;
    }
    if (m->state == RUN_STATE_POSTMIGRATE) {
        error_set(errp, "Can't migrate the vm that was paused due to previous "
                        "migration");
        return false;
    }
    if (!a->uri) {
        error_set(errp, "need either 'uri' or 'channels' argument");
        return false;
    }
    if (!check_blocked(m, errp)) {
        return false;
    }
    join_thread(mig);
    if (!open_channel(mig, a->uri, true, errp)) {
        return false;
    }
    start_thread(mig, "migration", send_thread);
    return true;
}

bool qmp_migrate_cancel(Machine *m, Error **errp)
{
    Migration *mig = m->migration;

    if (is_active(mig) && !mig->incoming) {
        atomic_store(&mig->cancel, true);
        migration_set_status(mig, MIGRATION_STATUS_CANCELLING);
    }
    return true;
}

bool qmp_migrate_continue(Machine *m, const MigrateContinueArgs *a,
                          Error **errp)
{
    Migration *mig = m->migration;

    if (mig->status != a->state ||
        a->state != MIGRATION_STATUS_PRE_SWITCHOVER) {
        error_set(errp, "Migration not in expected state: %s",
                  qtype_migration_status.names[mig->status]);
        return false;
    }
    LOCK_GUARD(&mig->lock);
    mig->go_on = true;
    cond_broadcast(&mig->wake);
    return true;
}

/* Postcopy does not exist: never in the states that these are for. Any
 * thread, no lock. */
bool qmp_migrate_pause(Machine *m, Error **errp)
{
    error_set(errp, "migrate-pause is currently only supported during "
                    "postcopy-active or postcopy-recover state");
    return false;
}

bool qmp_migrate_recover(Machine *m, const MigrateRecoverArgs *a, Error **errp)
{
    error_set(errp, "Migrate recover can only be run when postcopy is paused.");
    return false;
}

/* --- receiving --- */

/* Switches look for the guest at its old place: the reference's rounds. */
static void announce_nics(Machine *m)
{
    const NetAnnounceParams params = {
        .initial_ms = 50, .max_ms = 550, .step_ms = 100, .rounds = 5
    };

    net_announce_nics(m, &params); /* from when it runs */
}

static bool main_received(Migration *mig, void *data, Error **errp)
{
    end_channel(mig);
    mig->incoming = false;
    mig->total_ms = g_get_monotonic_time() / 1000 - mig->start_ms;
    migration_set_status(mig, MIGRATION_STATUS_COMPLETED);
    announce_nics(mig->m);
    if (mig->autostart && !mig->paused) {
        machine_cont(mig->m);
    } else {
        machine_stop(mig->m, RUN_STATE_PAUSED);
    }
    return true;
}

/* A paused machine that a reset makes whole again (DECISIONS 46). */
static bool main_not_received(Migration *mig, void *data, Error **errp)
{
    end_channel(mig);
    mig->incoming = false;
    g_free(mig->error);
    mig->error = g_strdup(error_text(data));
    migration_set_status(mig, MIGRATION_STATUS_FAILED);
    machine_reset(mig->m, CAUSE_NONE);
    machine_stop(mig->m, RUN_STATE_PAUSED);
    if (!atomic_load(&mig->cancel)) {
        error_report(data);
    }
    if (mig->exit_on_error) {
        machine_request_shutdown(mig->m, CAUSE_HOST_ERROR, 1);
    }
    return true;
}

static void *receive_thread(void *opaque)
{
    Migration *mig = opaque;
    Error *err = NULL;

    migration_in_main(mig, main_active, NULL, NULL);
    if (migration_receive(mig, &err)) {
        migration_in_main(mig, main_received, NULL, NULL);
    } else {
        error_prefix(&err, "load of migration failed: ");
        migration_in_main(mig, main_not_received, err, NULL);
        error_free(err);
    }
    atomic_store(&mig->finished, true);
    return NULL;
}

bool migration_incoming(Migration *mig, const char *uri, bool exit_on_error,
                        Error **errp)
{
    machine_stop(mig->m, RUN_STATE_INMIGRATE);
    mig->incoming = true;
    mig->paused = false; /* unless the stream says so */
    mig->exit_on_error = exit_on_error;
    mig->incoming_deferred = strcmp(uri, "defer") == 0;
    if (mig->incoming_deferred) {
        return true;
    }
    if (!open_channel(mig, uri, false, errp)) {
        return false;
    }
    start_thread(mig, "migration-in", receive_thread);
    return true;
}

bool qmp_migrate_incoming(Machine *m, const MigrateIncomingArgs *a,
                          Error **errp)
{
    Migration *mig = m->migration;

    if (!mig->incoming_deferred) {
        error_set(errp, "'-incoming' was not specified on the command line");
        return false;
    }
    if (!a->uri) {
        error_set(errp, "need either 'uri' or 'channels' argument");
        return false;
    }
    if (!migration_incoming(mig, a->uri,
                            !a->has_exit_on_error || a->exit_on_error, errp)) {
        mig->incoming_deferred = true;
        return false;
    }
    return true;
}

bool migration_is_incoming(const Migration *mig)
{
    return mig->incoming;
}

void migration_set_autostart(Migration *mig, bool autostart)
{
    mig->autostart = autostart;
}

/* --- queries and settings --- */

static MigrationStats *ram_stats(Migration *mig)
{
    MigrationStats *s = g_new0(MigrationStats, 1);

    LOCK_GUARD(&mig->lock);
    s->transferred = mig->sent_bytes;
    s->remaining = mig->remaining_bytes;
    s->total = mig->total_bytes;
    s->duplicate = mig->zero_pages;
    s->normal = mig->normal_pages;
    s->normal_bytes = mig->normal_pages * STREAM_PAGE;
    s->dirty_sync_count = mig->dirty_syncs;
    s->page_size = STREAM_PAGE;
    return s;
}

static void add_blocked(Machine *m, MigrationInfo *info)
{
    g_auto(GStrv) reasons = sections_blocked(m);

    for (char **r = reasons; *r; r++) {
        char *copy = g_strdup(*r);

        qlist_append(&qtype_list_str, &info->blocked_reasons, &copy);
    }
}

MigrationInfo *qmp_query_migrate(Machine *m, Error **errp)
{
    Migration *mig = m->migration;
    MigrationInfo *info = g_new0(MigrationInfo, 1);

    add_blocked(m, info);
    if (!mig->started) {
        return info;
    }
    info->has_status = true;
    info->status = mig->status;
    info->error_desc = g_strdup(mig->error);
    if (mig->status == MIGRATION_STATUS_FAILED ||
        mig->status == MIGRATION_STATUS_CANCELLED) {
        return info;
    }
    info->has_total_time = true;
    info->total_time = mig->total_ms
                           ? mig->total_ms
                           : g_get_monotonic_time() / 1000 - mig->start_ms;
    if (mig->stop_ms && mig->status == MIGRATION_STATUS_COMPLETED) {
        info->has_downtime = true;
        info->downtime = mig->downtime_ms;
    }
    info->ram = ram_stats(mig);
    return info;
}

bool qmp_migrate_set_capabilities(Machine *m,
                                  const MigrateSetCapabilitiesArgs *a,
                                  Error **errp)
{
    Migration *mig = m->migration;

    if (is_active(mig)) {
        error_set(errp, "There's a migration process in progress");
        return false;
    }
    for (size_t i = 0; i < a->capabilities->n; i++) {
        MigrationCapabilityStatus *c = a->capabilities->items[i];

        mig->caps[c->capability] = c->state;
    }
    return true;
}

MigrationCapabilityStatusList *qmp_query_migrate_capabilities(Machine *m,
                                                              Error **errp)
{
    MigrationCapabilityStatusList *list = NULL;

    for (int i = 0; i < MIGRATION_CAPABILITY__MAX; i++) {
        MigrationCapabilityStatus *c = g_new0(MigrationCapabilityStatus, 1);

        *c = (MigrationCapabilityStatus){ i, m->migration->caps[i] };
        qlist_append(&qtype_list_migration_capability_status, &list, &c);
    }
    return list;
}

bool qmp_migrate_set_parameters(Machine *m, const MigrationParameters *a,
                                Error **errp)
{
    Migration *mig = m->migration;

    if (a->has_downtime_limit && a->downtime_limit > 2000 * 1000) {
        error_set(errp, "Parameter 'downtime_limit' expects an integer in the "
                        "range of 0 to 2000 seconds");
        return false;
    }
    if (a->has_max_bandwidth) {
        mig->max_bandwidth = a->max_bandwidth;
    }
    if (a->has_downtime_limit) {
        mig->downtime_limit_ms = a->downtime_limit;
    }
    return true;
}

MigrationParameters *qmp_query_migrate_parameters(Machine *m, Error **errp)
{
    MigrationParameters *p = g_new0(MigrationParameters, 1);

    p->has_max_bandwidth = p->has_downtime_limit = true;
    p->max_bandwidth = m->migration->max_bandwidth;
    p->downtime_limit = m->migration->downtime_limit_ms;
    return p;
}

/* --- life --- */

Migration *migration_new(Machine *m)
{
    Migration *mig = g_new0(Migration, 1);

    mig->m = m;
    mig->downtime_limit_ms = 300; /* as the public reference says */
    mig->autostart = true;
    mig->channel.fd = mig->channel.listen_fd = -1;
    lock_init(&mig->lock);
    cond_init(&mig->wake);
    m->migration = mig;
    return mig;
}

void migration_free(Migration *mig)
{
    atomic_store(&mig->cancel, true);
    while (mig->joinable && !atomic_load(&mig->finished)) {
        loop_poll(mig->m->loop, false); /* what the thread waits for */
        g_usleep(1000);
    }
    join_thread(mig);
    mig->m->migration = NULL;
    g_free(mig->error);
    cond_destroy(&mig->wake);
    lock_destroy(&mig->lock);
    g_free(mig);
}

Migration *machine_migration(Machine *m)
{
    return m->migration;
}
