/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The graph: opening, naming, finding, one request through a node. */
#include "tandem/base.h"

#include "bitmap.h"
#include "internal.h"
#include "softmmu/base/keyval.h"
#include "softmmu/backend/drive.h"
#include "softmmu/machine/create.h"
#include "throttle.h"

/* --- options --- */

const char *const block_zeroes_names[BLOCK_ZEROES_MODES] = {
    [BLOCK_ZEROES_OFF] = "off",
    [BLOCK_ZEROES_ON] = "on",
    [BLOCK_ZEROES_UNMAP] = "unmap",
};

/* "cache.direct" may come nested or with its dot. */
static bool take_cache(BlockNode *node, json_object *options, Error **errp)
{
    json_object *cache = NULL;
    bool ok;

    if (!json_object_object_get_ex(options, "cache", &cache)) {
        return true;
    }
    if (!json_object_is_type(cache, json_type_object)) {
        error_set(errp, "Parameter 'cache' expects an object");
        return false;
    }
    ok = json_take_bool(cache, "direct", &node->cache_direct, errp) &&
         json_take_bool(cache, "no-flush", &node->cache_no_flush, errp);
    if (ok && json_object_object_length(cache) > 0) {
        error_set(errp, "Parameter 'cache' has members that are not known");
        ok = false;
    }
    json_object_object_del(options, "cache");
    return ok;
}

static bool take_discard(BlockNode *node, json_object *options, Error **errp)
{
    g_autofree char *text = json_take_text(options, "discard");

    if (!text) {
        node->discard = BLOCK_DISCARD_UNSET;
        return true;
    }
    if (strcmp(text, "ignore") == 0 || strcmp(text, "off") == 0) {
        node->discard = BLOCK_DISCARD_IGNORE;
        return true;
    }
    if (strcmp(text, "unmap") == 0 || strcmp(text, "on") == 0) {
        node->discard = BLOCK_DISCARD_UNMAP;
        return true;
    }
    error_set(errp, "Parameter 'discard' does not accept value '%s'", text);
    return false;
}

static bool take_detect_zeroes(BlockNode *node, json_object *options,
                               Error **errp)
{
    g_autofree char *text = json_take_text(options, "detect-zeroes");

    for (int i = 0; text && i < BLOCK_ZEROES_MODES; i++) {
        if (strcmp(text, block_zeroes_names[i]) == 0) {
            node->detect_zeroes = i;
            g_clear_pointer(&text, g_free);
        }
    }
    if (text) {
        error_set(errp, "Parameter 'detect-zeroes' does not accept value '%s'",
                  text);
        return false;
    }
    if (node->detect_zeroes == BLOCK_ZEROES_UNMAP &&
        node->discard != BLOCK_DISCARD_UNMAP) {
        error_set(errp, "setting detect-zeroes to unmap is not allowed "
                        "without setting discard operation to unmap");
        return false;
    }
    return true;
}

static bool take_common(BlockNode *node, json_object *options, Error **errp)
{
    bool active = node->active;

    if (!json_take_bool(options, "active", &active, errp) ||
        !json_take_bool(options, "read-only", &node->read_only, errp) ||
        !json_take_bool(options, "auto-read-only", &node->auto_read_only,
                        errp) ||
        !json_take_bool(options, "force-share", &node->force_share, errp) ||
        !take_cache(node, options, errp) ||
        !take_discard(node, options, errp) ||
        !take_detect_zeroes(node, options, errp)) {
        return false;
    }
    node->active = active;
    if (node->force_share && !node->read_only) {
        error_set(errp, "force-share=on can only be used with read-only "
                        "images");
        return false;
    }
    return true;
}

/* --- opening --- */

const char **block_format_names(void)
{
    size_t n = 0;
    const char **names;

    while (block_drivers[n]) {
        n++;
    }
    names = g_new0(const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        names[i] = block_drivers[i]->name;
    }
    return names;
}

static const BlockDriver *find_driver(const char *name, Error **errp)
{
    g_autofree const char **names = NULL;

    for (const BlockDriver *const *d = block_drivers; *d; d++) {
        if (strcmp((*d)->name, name) == 0) {
            return *d;
        }
    }
    names = block_format_names();
    error_set(errp, "Unknown driver '%s'", name);
    error_suggest(errp, name, names);
    return NULL;
}

static bool add_to_tree(BlockNode *node, const char *name, Error **errp)
{
    if (!name) {
        node->auto_name = true;
        return object_add_child(node->m->backend, "block[*]", node, errp);
    }
    if (!id_valid(name)) {
        error_set(errp, "Invalid node-name: '%s'", name);
        return false;
    }
    if (block_node_find(node->m, name) || block_backend_find(node->m, name)) {
        error_set(errp, "Duplicate nodes with node-name='%s'", name);
        return false;
    }
    return object_add_child(node->m->backend, name, node, errp);
}

bool block_node_name(BlockNode *node, const char *name, Error **errp)
{
    if (!add_to_tree(node, name, errp)) {
        return false;
    }
    node->name = g_strdup(OBJECT(node)->name);
    return true;
}

bool block_options_done(json_object *options, const char *prefix, Error **errp)
{
    json_object_object_foreach(options, key, value)
    {
        (void)value;
        error_set(errp, "Parameter '%s%s' is unexpected", prefix, key);
        return false;
    }
    return true;
}

static bool open_node(BlockNode *node, json_object *options, Error **errp)
{
    if (!take_common(node, options, errp)) {
        return false;
    }
    node->priv = g_malloc0(MAX(node->drv->size, 1)); /* now there is a close */
    if (!node->drv->open(node, options, errp)) {
        return false;
    }
    return block_options_done(options, "", errp);
}

BlockNode *block_node_open(Machine *m, json_object *options, Error **errp)
{
    g_autofree char *driver = json_take_text(options, "driver");
    g_autofree char *name = json_take_text(options, "node-name");
    const BlockDriver *drv;
    BlockNode *node;

    if (!driver) {
        error_set(errp, "Parameter 'driver' is missing");
        return NULL;
    }
    drv = find_driver(driver, errp);
    if (!drv) {
        return NULL;
    }
    node = (BlockNode *)object_new(&block_node_type);
    node->m = m;
    node->drv = drv;
    node->limits.request_alignment = BLOCK_SECTOR;
    node->active = !block_system(m)->inactive;
    if (!open_node(node, options, errp) || !block_node_name(node, name, errp)) {
        object_unref(node);
        return NULL;
    }
    return node; /* the caller's reference, besides the tree's */
}

BlockNode *block_node_child(BlockNode *node, json_object *options,
                            const char *key, Error **errp)
{
    json_object *value = NULL, *copy = NULL;
    BlockNode *child;

    if (!json_object_object_get_ex(options, key, &value)) {
        error_set(errp, "Parameter '%s' is missing", key);
        return NULL;
    }
    if (json_object_is_type(value, json_type_string)) {
        const char *name = json_object_get_string(value);

        child = block_node_find(node->m, name);
        if (!child) {
            error_set(errp, "Cannot find device='%s' nor node-name='%s'", name,
                      name);
        }
        object_ref(child);
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_deep_copy(value, &copy, NULL);
        if (node->read_only) {
            json_object_object_add(copy, "read-only",
                                   json_object_new_boolean(true));
        }
        if (!json_object_object_get_ex(copy, "active", NULL)) {
            json_object_object_add(copy, "active",
                                   json_object_new_boolean(node->active));
        }
        child = block_node_open(node->m, copy, errp);
        json_object_put(copy);
    } else {
        error_set(errp, "Invalid parameter type for '%s', expected: node", key);
        child = NULL;
    }
    json_object_object_del(options, key);
    if (child) {
        child->users++;
    }
    return child;
}

BlockNode *block_node_find(Machine *m, const char *name)
{
    return object_try_cast(object_child(m->backend, name), &block_node_type);
}

void block_node_each(Machine *m, void (*fn)(BlockNode *node, void *opaque),
                     void *opaque)
{
    GPtrArray *all = m->backend->children;

    for (guint i = 0; all && i < all->len; i++) {
        BlockNode *node =
            object_try_cast(g_ptr_array_index(all, i), &block_node_type);

        if (node) {
            fn(node, opaque);
        }
    }
}

/* --- a request --- */

static bool all_zero(const struct iovec *iov, int niov)
{
    for (int i = 0; i < niov; i++) {
        const char *p = iov[i].iov_base;
        size_t n = iov[i].iov_len;

        if (n > 0 && (p[0] != 0 || memcmp(p, p + 1, n - 1) != 0)) {
            return false;
        }
    }
    return true;
}

/* Does the node follow discards? By itself, or as its parent does. */
static bool follows_discards(const BlockNode *node, const BlockIo *io)
{
    return node->discard == BLOCK_DISCARD_UNMAP ||
           (node->discard == BLOCK_DISCARD_UNSET &&
            (io->flags & BLOCK_REQ_DISCARDS));
}

static void detect_zeroes(const BlockNode *node, BlockIo *io)
{
    if (io->op == BLOCK_WRITE && node->detect_zeroes != BLOCK_ZEROES_OFF &&
        all_zero(io->iov, io->niov)) {
        io->op = BLOCK_WRITE_ZEROES;
        io->iov = NULL;
        io->niov = 0;
        io->flags |=
            node->detect_zeroes == BLOCK_ZEROES_UNMAP ? BLOCK_REQ_UNMAP : 0;
    }
}

/* What the node's options say of @io. True: it goes on to the driver; false:
 * it ends here, with *@status. */
static bool admit(BlockNode *node, BlockIo *io, int *status)
{
    *status = 0;
    if (io->op == BLOCK_FLUSH) {
        return !node->cache_no_flush;
    }
    if (!range_fits(io->offset, io->bytes, block_node_length(node))) {
        *status = -EIO;
        return false;
    }
    if (io->op == BLOCK_READ) {
        return true;
    }
    if (node->read_only || !node->active) {
        *status = -EPERM;
        return false;
    }
    detect_zeroes(node, io);
    if (follows_discards(node, io)) {
        io->flags |= BLOCK_REQ_DISCARDS;
    } else {
        io->flags &= ~(BLOCK_REQ_UNMAP | BLOCK_REQ_DISCARDS);
        if (io->op == BLOCK_DISCARD) {
            return false; /* advice nobody asked to follow */
        }
    }
    block_bitmaps_mark(node, io->offset, io->bytes);
    return true;
}

int block_node_io(BlockNode *node, BlockOp op, uint64_t offset, uint64_t bytes,
                  const struct iovec *iov, int niov, uint32_t flags)
{
    BlockIo io = { op, offset, bytes, iov, niov, flags };
    int status;

    while (admit(node, &io, &status)) {
        if (!node->drv->route) {
            return node->drv->io(node, io.op, io.offset, io.bytes, io.iov,
                                 io.niov, io.flags);
        }
        node = node->drv->route(node, &io);
    }
    return status;
}

BlockNode *block_node_route(BlockNode *node, BlockIo *io, int *fd)
{
    int status;

    /* Looking for zeros takes long: not in the device's thread. */
    while (node->detect_zeroes == BLOCK_ZEROES_OFF &&
           admit(node, io, &status)) {
        if (!node->drv->route) {
            *fd = node->drv->ring_fd ? node->drv->ring_fd(node, io) : -1;
            return *fd >= 0 ? node : NULL;
        }
        node = node->drv->route(node, io);
    }
    return NULL;
}

uint64_t block_node_length(BlockNode *node)
{
    return align_down(node->drv->length(node), BLOCK_SECTOR);
}

const char *block_node_filename(BlockNode *node)
{
    while (node) {
        if (node->drv->filename) {
            return node->drv->filename(node);
        }
        node = node->file;
    }
    return "";
}

/* --- opening again --- */

static bool set_read_only(BlockNode *node, bool read_only, Error **errp)
{
    if (node->read_only == read_only) {
        return true;
    }
    if (read_only && node->writers > 0) {
        error_set(errp, "Node '%s' has a writer", node->name);
        return false;
    }
    if (!read_only && node->file && !set_read_only(node->file, false, errp)) {
        return false;
    }
    if (node->drv->reopen &&
        !node->drv->reopen(node, read_only, node->cache_direct, errp)) {
        return false;
    }
    node->read_only = read_only;
    /* A child that others use as well stays as they need it. */
    return !read_only || !node->file || node->file->users > 1 ||
           set_read_only(node->file, true, errp);
}

bool block_node_set_read_only(BlockNode *node, bool read_only, Error **errp)
{
    bool ok;

    block_drained_begin(node->m);
    ok = set_read_only(node, read_only, errp);
    block_drained_end(node->m);
    return ok;
}

/* What only a new node may have otherwise must be as it is. */
static bool same_options(BlockNode *node, json_object *options, Error **errp)
{
    json_object_object_foreach(options, key, value)
    {
        const char *text = json_object_is_type(value, json_type_string)
                               ? json_object_get_string(value)
                               : NULL;
        const char *is =
            strcmp(key, "driver") == 0               ? node->drv->name
            : strcmp(key, "filename") == 0           ? block_node_filename(node)
            : strcmp(key, "file") == 0 && node->file ? node->file->name
            : strcmp(key, "active") == 0             ? NULL
                                                     : "";

        if (is && (!text || strcmp(text, is) != 0)) {
            error_set(errp, "Cannot change the option '%s'", key);
            return false;
        }
    }
    return true;
}

static bool reopen(BlockNode *node, const BlockNode *as, Error **errp)
{
    if (as->cache_direct != node->cache_direct) {
        if (!node->drv->reopen) {
            error_set(errp, "Cannot change the option 'cache.direct'");
            return false;
        }
        if (!node->drv->reopen(node, node->read_only, as->cache_direct, errp)) {
            return false;
        }
    }
    if (!set_read_only(node, as->read_only, errp)) {
        return false;
    }
    node->cache_no_flush = as->cache_no_flush;
    node->discard = as->discard;
    node->detect_zeroes = as->detect_zeroes;
    return true;
}

bool blockdev_reopen(Machine *m, json_object *options, Error **errp)
{
    g_autofree char *name = json_take_text(options, "node-name");
    BlockNode *node = name ? block_node_find(m, name) : NULL;
    BlockNode as = { .active = true };
    void *change = NULL;
    bool ok;

    if (!node) {
        error_set(errp, "Failed to find node with node-name='%s'",
                  name ? name : "");
        return false;
    }
    if (node->jobs > 0) {
        error_set(errp,
                  "Node '%s' is busy: block device is in use by a block "
                  "job",
                  name);
        return false;
    }
    if (!take_common(&as, options, errp) ||
        (node->drv->prepare &&
         !node->drv->prepare(node, options, &change, errp))) {
        return false;
    }
    block_drained_begin(m);
    ok = same_options(node, options, errp) && reopen(node, &as, errp);
    if (node->drv->finish) {
        node->drv->finish(node, change, ok);
    }
    block_drained_end(m);
    return ok;
}

/* --- active and inactive --- */

/* A parent is no use without its child, nor a child that only it has once
 * the parent gave up: children first to take, parents first to give. */
bool block_node_set_active(BlockNode *node, bool active, Error **errp)
{
    BlockNode *children[] = { node->file, node->backing };

    for (size_t i = 0; active && i < ARRAY_SIZE(children); i++) {
        if (children[i] && !block_node_set_active(children[i], true, errp)) {
            return false;
        }
    }
    if (node->active == active) {
        return true;
    }
    if (node->drv->set_active && !node->drv->set_active(node, active, errp)) {
        error_prefix(errp, "node '%s': ", node->name);
        return false;
    }
    node->active = active;
    for (size_t i = 0; !active && i < ARRAY_SIZE(children); i++) {
        if (children[i] && children[i]->users == 1 &&
            !block_node_set_active(children[i], false, errp)) {
            return false;
        }
    }
    return true;
}

typedef struct ActiveCall {
    bool active, ok;
    Error *err;
} ActiveCall;

static void set_active_one(BlockNode *node, void *opaque)
{
    ActiveCall *call = opaque;

    if (call->ok && !call->active && node->jobs > 0) {
        error_set(&call->err, "Node '%s' is in use by a block job", node->name);
        call->ok = false;
    }
    call->ok =
        call->ok && block_node_set_active(node, call->active, &call->err);
}

static bool set_active_all(Machine *m, bool active, Error **errp)
{
    BlockSystem *sys = m->block;
    ActiveCall call = { .active = active, .ok = true };

    if (!sys) {
        return true;
    }
    for (guint i = 0; i < sys->backends->len; i++) {
        block_drain(g_ptr_array_index(sys->backends, i));
    }
    block_node_each(m, set_active_one, &call);
    block_bitmaps_resized(m); /* who takes an image may find it longer */
    if (call.err) {
        error_move(errp, call.err);
    }
    return call.ok;
}

bool block_activate_all(Machine *m, Error **errp)
{
    if (m->block) {
        m->block->inactive = false;
    }
    return set_active_all(m, true, errp);
}

bool block_inactivate_all(Machine *m, Error **errp)
{
    if (set_active_all(m, false, errp)) {
        return true;
    }
    set_active_all(m, true, NULL); /* what was given up just now */
    return false;
}

void block_start_inactive(Machine *m)
{
    block_system(m)->inactive = true;
}

/* --- life --- */

void block_node_drop(BlockNode *node)
{
    if (!node) {
        return;
    }
    if (node->users == 0 && node->auto_name && OBJECT(node)->parent) {
        object_unparent(node); /* made for one user, who is gone */
    }
    object_unref(node);
}

static void release_child(BlockNode *child)
{
    if (child) {
        child->users--;
        block_node_drop(child);
    }
}

static void node_init(Object *obj)
{
    block_bitmaps_init((BlockNode *)obj);
}

static void node_finalize(Object *obj)
{
    BlockNode *node = (BlockNode *)obj;

    block_bitmaps_destroy(node);
    if (node->priv && node->drv->close) {
        node->drv->close(node);
    }
    g_free(node->priv);
    release_child(node->file);
    release_child(node->backing);
    g_free(node->name);
}

const ObjectType block_node_type = {
    .name = "block-node",
    .parent = &object_type,
    .size = sizeof(BlockNode),
    .init = node_init,
    .finalize = node_finalize,
};

const ObjectType *const block_types[] = {
    &block_node_type,
    TYPE(throttle_group_type),
    NULL,
};
