/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blkdebug: requests fail as its options say, to try what guests and jobs do
 * about errors. Rules are those of inject-error with event "none"; the events
 * of other formats' internals, config files and set-state are not there.
 */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/base/keyval.h"

enum { RULES_MAX = 16, ANY_SECTOR = -1 };

/* Names of iotype, by BlockOp. */
static const char *const iotypes[BLOCK_OPS] = {
    [BLOCK_READ] = "read",       [BLOCK_WRITE] = "write",
    [BLOCK_DISCARD] = "discard", [BLOCK_WRITE_ZEROES] = "write-zeroes",
    [BLOCK_FLUSH] = "flush",
};

typedef struct Rule {
    int op; /* -1: read, write and flush */
    int err;
    int64_t sector;
    bool once;
    bool over; /* under the node's lock */
} Rule;

typedef struct BlkDebug {
    Rule rules[RULES_MAX];
    int n;
    Lock lock;
} BlkDebug;

static bool matches(const Rule *r, BlockOp op, uint64_t offset, uint64_t bytes)
{
    uint64_t at = (uint64_t)r->sector * BLOCK_SECTOR;

    if (r->over || (r->op >= 0 ? r->op != (int)op
                               : op != BLOCK_READ && op != BLOCK_WRITE &&
                                     op != BLOCK_FLUSH)) {
        return false;
    }
    return r->sector == ANY_SECTOR || op == BLOCK_FLUSH ||
           (at >= offset && at - offset < bytes);
}

static int injected(BlkDebug *d, BlockOp op, uint64_t offset, uint64_t bytes)
{
    LOCK_GUARD(&d->lock);
    for (int i = 0; i < d->n; i++) {
        if (matches(&d->rules[i], op, offset, bytes)) {
            d->rules[i].over = d->rules[i].once;
            return d->rules[i].err;
        }
    }
    return 0;
}

static int blkdebug_io(BlockNode *node, BlockOp op, uint64_t offset,
                       uint64_t bytes, const struct iovec *iov, int niov,
                       uint32_t flags)
{
    int err = injected(node->priv, op, offset, bytes);

    return err ? -err
               : block_node_io(node->file, op, offset, bytes, iov, niov, flags);
}

/* --- options --- */

static bool take_iotype(Rule *r, json_object *o, Error **errp)
{
    g_autofree char *text = json_take_text(o, "iotype");

    r->op = -1;
    for (int i = 0; text && i < BLOCK_OPS; i++) {
        if (iotypes[i] && strcmp(iotypes[i], text) == 0) {
            r->op = i;
        }
    }
    if (text && r->op < 0) {
        error_set(errp, "Parameter 'iotype' does not accept value '%s'", text);
        return false;
    }
    return true;
}

static bool take_rule(Rule *r, json_object *o, Error **errp)
{
    g_autofree char *event = json_take_text(o, "event");
    uint64_t err = EIO, sector = UINT64_MAX;
    bool immediately = false; /* each ends through the gate all the same */

    if (!event || strcmp(event, "none") != 0) {
        error_set(errp,
                  event ? "Parameter 'event' does not accept value '%s'; "
                          "only none is there"
                        : "Parameter 'event' is missing%s",
                  event ? event : "");
        return false;
    }
    if (!take_iotype(r, o, errp) ||
        !json_take_size(o, "errno", 1, &err, errp) ||
        !json_take_size(o, "sector", 1, &sector, errp) ||
        !json_take_bool(o, "immediately", &immediately, errp) ||
        !json_take_bool(o, "once", &r->once, errp)) {
        return false;
    }
    if (err == 0 || err > 4095) {
        error_set(errp, "Parameter 'errno' expects an error number");
        return false;
    }
    if (!block_options_done(o, "inject-error.", errp)) {
        return false;
    }
    r->err = (int)err;
    r->sector =
        sector > INT64_MAX / BLOCK_SECTOR ? ANY_SECTOR : (int64_t)sector;
    return true;
}

static bool take_rules(BlkDebug *d, json_object *options, Error **errp)
{
    json_object *list = NULL;
    bool ok = true;

    if (!json_object_object_get_ex(options, "inject-error", &list)) {
        return true;
    }
    if (!json_object_is_type(list, json_type_array) ||
        json_object_array_length(list) > RULES_MAX) {
        error_set(errp,
                  "Parameter 'inject-error' expects a list of at most %d rules",
                  RULES_MAX);
        return false;
    }
    for (size_t i = 0; ok && i < json_object_array_length(list); i++) {
        json_object *rule = json_object_array_get_idx(list, i), *copy = NULL;

        if (!json_object_is_type(rule, json_type_object)) {
            error_set(errp, "Parameter 'inject-error.%zu' expects an object",
                      i);
            return false;
        }
        json_object_deep_copy(rule, &copy, NULL);
        ok = take_rule(&d->rules[d->n++], copy, errp);
        json_object_put(copy);
    }
    json_object_object_del(options, "inject-error");
    return ok;
}

static bool blkdebug_open(BlockNode *node, json_object *options, Error **errp)
{
    BlkDebug *d = node->priv;

    lock_init(&d->lock);
    return block_filter_open(node, options, "image", errp) &&
           take_rules(d, options, errp);
}

static void blkdebug_close(BlockNode *node)
{
    lock_destroy(&((BlkDebug *)node->priv)->lock);
}

const BlockDriver block_blkdebug_driver = {
    .name = "blkdebug",
    .size = sizeof(BlkDebug),
    .open = blkdebug_open,
    .close = blkdebug_close,
    .io = blkdebug_io,
    .length = block_filter_length,
};
