/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writable layer in a temporary file over a node that stays as it is
 * (-snapshot). Clusters of 64 KiB; the first write to one copies it.
 */
#include "tandem/base.h"

#include <fcntl.h>

#include "bitmap.h"
#include "internal.h"
#include "softmmu/backend/drive.h"

enum { CLUSTER = 64 * 1024 };

typedef struct OverlayNode {
    int fd; /* unlinked, sparse */
    uint64_t length;
    Lock lock;         /* the map, and copying */
    uint64_t *present; /* one bit a cluster */
} OverlayNode;

static bool is_present(OverlayNode *o, uint64_t cluster)
{
    return (o->present[cluster / 64] >> (cluster % 64)) & 1;
}

static int pread_all(int fd, void *buf, size_t len, uint64_t offset)
{
    for (char *p = buf; len > 0;) {
        ssize_t n = pread(fd, p, len, offset);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n == 0) {
            memset(p, 0, len);
            return 0;
        }
        p += MAX(n, 0);
        len -= MAX(n, 0);
        offset += MAX(n, 0);
    }
    return 0;
}

static int pwrite_all(int fd, const void *buf, size_t len, uint64_t offset)
{
    for (const char *p = buf; len > 0;) {
        ssize_t n = pwrite(fd, p, len, offset);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        p += MAX(n, 0);
        len -= MAX(n, 0);
        offset += MAX(n, 0);
    }
    return 0;
}

/* Copy a cluster up before a part of it is written. Lock held. */
static int copy_up_locked(BlockNode *node, uint64_t cluster, uint32_t flags)
{
    OverlayNode *o = node->priv;
    uint64_t offset = cluster * CLUSTER;
    size_t len = MIN(CLUSTER, o->length - offset);
    g_autofree char *buf = NULL;
    struct iovec iov;
    int err;

    if (is_present(o, cluster)) {
        return 0;
    }
    buf = g_malloc(len);
    iov = (struct iovec){ buf, len };
    err = block_node_io(node->backing, BLOCK_READ, offset, len, &iov, 1, flags);
    if (err == 0) {
        err = pwrite_all(o->fd, buf, len, offset);
    }
    if (err == 0) {
        o->present[cluster / 64] |= BIT(cluster % 64);
    }
    return err;
}

/* A piece that lies in one cluster; @flags for what is read from below. */
static int piece(BlockNode *node, BlockOp op, uint64_t offset, void *buf,
                 size_t len, uint32_t flags)
{
    OverlayNode *o = node->priv;
    struct iovec iov = { buf, len };
    bool here;
    int err;

    lock_acquire(&o->lock);
    here = is_present(o, offset / CLUSTER);
    err = op == BLOCK_WRITE ? copy_up_locked(node, offset / CLUSTER, flags) : 0;
    lock_release(&o->lock);
    if (err) {
        return err;
    }
    if (op == BLOCK_WRITE) {
        return pwrite_all(o->fd, buf, len, offset);
    }
    return here ? pread_all(o->fd, buf, len, offset)
                : block_node_io(node->backing, BLOCK_READ, offset, len, &iov, 1,
                                flags);
}

static int overlay_rw(BlockNode *node, BlockOp op, uint64_t offset,
                      const struct iovec *iov, int niov, uint32_t flags)
{
    for (int i = 0; i < niov; i++) {
        char *p = iov[i].iov_base;
        size_t left = iov[i].iov_len;

        while (left > 0) {
            size_t n = MIN(left, CLUSTER - offset % CLUSTER);
            int err = piece(node, op, offset, p, n, flags);

            if (err) {
                return err;
            }
            p += n;
            offset += n;
            left -= n;
        }
    }
    return 0;
}

static int overlay_zero(BlockNode *node, uint64_t offset, uint64_t bytes,
                        uint32_t flags)
{
    static const char zeros[CLUSTER];

    while (bytes > 0) {
        struct iovec iov = { (void *)zeros, MIN(bytes, CLUSTER) };
        int err = overlay_rw(node, BLOCK_WRITE, offset, &iov, 1, flags);

        if (err) {
            return err;
        }
        offset += iov.iov_len;
        bytes -= iov.iov_len;
    }
    return 0;
}

static int overlay_io(BlockNode *node, BlockOp op, uint64_t offset,
                      uint64_t bytes, const struct iovec *iov, int niov,
                      uint32_t flags)
{
    uint32_t below = flags & BLOCK_REQ_NO_WAIT;

    switch (op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        return overlay_rw(node, op, offset, iov, niov, below);
    case BLOCK_WRITE_ZEROES:
        return overlay_zero(node, offset, bytes, below);
    default:
        return 0; /* it does not outlive us, so nothing needs to be durable */
    }
}

static void set_length(BlockNode *node)
{
    OverlayNode *o = node->priv;

    o->length = block_node_length(node->backing);
    o->present = g_new0(uint64_t, o->length / CLUSTER / 64 + 1);
}

static bool is_null(json_object *options, const char *key)
{
    json_object *value;

    return json_object_object_get_ex(options, key, &value) && !value;
}

/* "backing" null: it waits for blockdev-snapshot, and is empty until then. */
static bool overlay_open(BlockNode *node, json_object *options, Error **errp)
{
    OverlayNode *o = node->priv;
    g_autofree char *path =
        g_build_filename(g_get_tmp_dir(), "tandem-snapshot-XXXXXX", NULL);

    lock_init(&o->lock);
    o->fd = -1;
    if (is_null(options, "backing")) {
        json_object_object_del(options, "backing");
    } else {
        node->backing = block_node_child(node, options, "backing", errp);
        if (!node->backing) {
            return false;
        }
    }
    o->fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    if (o->fd < 0) {
        error_set_errno(errp, errno, "Could not create temporary file '%s'",
                        path);
        return false;
    }
    unlink(path);
    if (node->backing) {
        set_length(node);
    }
    return true;
}

static void overlay_close(BlockNode *node)
{
    OverlayNode *o = node->priv;

    if (o->fd >= 0) {
        close(o->fd);
    }
    g_free(o->present);
    lock_destroy(&o->lock);
}

static uint64_t overlay_length(BlockNode *node)
{
    return ((OverlayNode *)node->priv)->length;
}

static const char *overlay_filename(BlockNode *node)
{
    return node->backing ? block_node_filename(node->backing) : "";
}

const BlockDriver block_overlay_driver = {
    .name = "tandem-overlay",
    .size = sizeof(OverlayNode),
    .open = overlay_open,
    .close = overlay_close,
    .io = overlay_io,
    .length = overlay_length,
    .filename = overlay_filename,
};

BlockNode *block_overlay_new(Machine *m, BlockNode *base, Error **errp)
{
    json_object *options = json_object_new_object();
    BlockNode *node;

    json_object_object_add(options, "driver",
                           json_object_new_string(block_overlay_driver.name));
    json_object_object_add(options, "backing",
                           json_object_new_string(base->name));
    node = block_node_open(m, options, errp);
    json_object_put(options);
    return node;
}

/* --- for jobs --- */

bool block_is_overlay(const BlockNode *node)
{
    return node->drv == &block_overlay_driver;
}

BlockNode *block_overlay_find(BlockNode *top, const char *name)
{
    while (top && strcmp(top->name, name) != 0) {
        top = block_is_overlay(top) ? top->backing : NULL;
    }
    return top;
}

BlockNode *block_overlay_bottom(BlockNode *node)
{
    while (block_is_overlay(node) && node->backing) {
        node = node->backing;
    }
    return node;
}

static bool holds(BlockNode *node, uint64_t offset, uint64_t bytes)
{
    OverlayNode *o = node->priv;

    LOCK_GUARD(&o->lock);
    for (uint64_t i = offset / CLUSTER;
         bytes > 0 && i <= (offset + bytes - 1) / CLUSTER; i++) {
        if (is_present(o, i)) {
            return true;
        }
    }
    return false;
}

bool block_overlay_holds(BlockNode *top, BlockNode *base, uint64_t offset,
                         uint64_t bytes)
{
    for (; top && top != base && block_is_overlay(top); top = top->backing) {
        if (holds(top, offset, bytes)) {
            return true;
        }
    }
    return false;
}

int block_overlay_fill(BlockNode *node, BlockNode *base, uint64_t offset,
                       uint64_t *bytes)
{
    OverlayNode *o = node->priv;

    *bytes = MIN(CLUSTER - offset % CLUSTER, o->length - offset);
    if (base && !block_overlay_holds(node->backing, base, offset, *bytes)) {
        return 0; /* base has it, and stays below */
    }
    LOCK_GUARD(&o->lock);
    return copy_up_locked(node, offset / CLUSTER, 0);
}

void block_overlay_rebase(BlockNode *node, BlockNode *base)
{
    BlockNode *below = g_steal_pointer(&node->backing);

    if (base) {
        node->backing = block_node_ref(base);
        base->users++;
    }
    below->users--;
    block_node_drop(below);
}

static bool check_snapshot(BlockNode *node, BlockNode *overlay, Error **errp)
{
    if (!block_is_overlay(overlay)) {
        error_set(errp, "The overlay does not support backing images");
    } else if (overlay == node) {
        error_set(errp, "Node '%s' cannot lie over itself", node->name);
    } else if (overlay->backing || ((OverlayNode *)overlay->priv)->present) {
        error_set(errp, "The overlay already has a backing image");
    } else if (overlay->users > 0) {
        error_set(errp, "The overlay is already in use");
    } else if (node->jobs > 0) {
        error_set(errp,
                  "Node '%s' is busy: block device is in use by a block "
                  "job",
                  node->name);
    } else if (overlay->read_only && node->writers > 0) {
        error_set(errp, "Block node is read-only");
    } else {
        return true;
    }
    return false;
}

bool blockdev_snapshot(Machine *m, const char *node_name,
                       const char *overlay_name, Error **errp)
{
    BlockNode *node = block_find_root(m, node_name, errp), *overlay;

    if (!node) {
        return false;
    }
    overlay = block_find_root(m, overlay_name, errp);
    if (!overlay || !check_snapshot(node, overlay, errp)) {
        return false;
    }
    block_drained_begin(m);
    overlay->backing = block_node_ref(node);
    node->users++;
    set_length(overlay);
    block_bitmaps_resized(m); /* it had no length until now */
    overlay->limits = node->limits;
    block_graph_replace(node, overlay);
    block_drained_end(m);
    return true;
}

void block_overlay_empty(BlockNode *node)
{
    OverlayNode *o = node->priv;

    LOCK_GUARD(&o->lock);
    memset(o->present, 0, (o->length / CLUSTER / 64 + 1) * sizeof(*o->present));
    if (ftruncate(o->fd, 0) < 0) {
        return; /* its room is not given back, no more */
    }
}
