/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transaction: several actions on disks at one moment, all or none. Actions
 * are commands; those that began are taken back when a later one fails.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "internal.h"
#include "softmmu/backend/block_bitmap.h"
#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "softmmu/machine/job.h"

/* A backup takes effect when it starts, and is undone by its end. */
static void undo_job(Machine *m, json_object *data)
{
    const char *id = json_get_text(data, "job-id");
    Job *job = job_find(m, id ? id : json_get_text(data, "device"));

    if (job) {
        job_cancel(job, true, NULL);
    }
}

static const struct {
    const char *type, *command; /* NULL: fails, for tests of clients */
    void (*undo)(Machine *m, json_object *data);
    bool bitmaps; /* it changes bitmaps, and undone with all of them */
} actions[] = {
    [TRANSACTION_ACTION_KIND_ABORT] = { "abort", NULL, NULL },
    [TRANSACTION_ACTION_KIND_BLOCKDEV_BACKUP] = { "blockdev-backup",
                                                  "blockdev-backup", undo_job,
                                                  true },
    [TRANSACTION_ACTION_KIND_DRIVE_BACKUP] = { "drive-backup", "drive-backup",
                                               undo_job, true },
#define BITMAP(kind, name)                                                     \
    [TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_##                             \
        kind] = { "block-dirty-bitmap-" name, "block-dirty-bitmap-" name,      \
                  NULL, true }
    BITMAP(ADD, "add"),
    BITMAP(REMOVE, "remove"),
    BITMAP(CLEAR, "clear"),
    BITMAP(ENABLE, "enable"),
    BITMAP(DISABLE, "disable"),
    BITMAP(MERGE, "merge"),
#undef BITMAP
};

static bool begin_action(Machine *m, const TransactionAction *a, Error **errp)
{
    const char *command = actions[a->type].command;
    json_object *reply;

    if (!command) {
        error_set(errp, "Transaction aborted using Abort action");
        return false;
    }
    reply = qmp_execute(m, command, a->data, errp);
    json_object_put(reply);
    return reply != NULL;
}

/* One after the other; false: the first @n that began are undone. */
static bool begin_all(Machine *m, TransactionActionList *list, Error **errp)
{
    size_t n = 0, all = list ? list->n : 0;

    while (n < all && begin_action(m, list->items[n], errp)) {
        n++;
    }
    if (n == all) {
        return true;
    }
    while (n-- > 0) {
        const TransactionAction *a = list->items[n];

        if (actions[a->type].undo) {
            actions[a->type].undo(m, a->data);
        }
    }
    return false;
}

static bool change_bitmaps(TransactionActionList *list)
{
    for (size_t i = 0; list && i < list->n; i++) {
        if (actions[list->items[i]->type].bitmaps) {
            return true;
        }
    }
    return false;
}

/* The same, and bitmaps are as they were when it fails. */
static bool begin_all_or_none(Machine *m, TransactionActionList *list,
                              Error **errp)
{
    BlockBitmapsSaved *saved = NULL;
    bool ok;

    if (change_bitmaps(list)) {
        saved = block_bitmaps_save(m, errp);
        if (!saved) {
            return false;
        }
    }
    ok = begin_all(m, list, errp);
    if (saved) {
        block_bitmaps_saved_free(saved, !ok);
    }
    return ok;
}

bool qmp_transaction(Machine *m, const TransactionArgs *a, Error **errp)
{
    bool running = machine_running(m), ok;

    if (a->properties && a->properties->has_completion_mode &&
        a->properties->completion_mode == ACTION_COMPLETION_MODE_GROUPED) {
        error_set(errp, "completion-mode 'grouped' is not supported: each job "
                        "ends by itself");
        return false;
    }
    if (running) { /* no request of the guest comes between two actions */
        cpus_pause_all(m);
    }
    block_drained_begin(m); /* nor comes a request that an iothread serves */
    ok = begin_all_or_none(m, a->actions, errp);
    block_drained_end(m);
    if (running && machine_running(m)) {
        cpus_resume_all(m);
    }
    return ok;
}
