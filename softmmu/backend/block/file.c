/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocol drivers: a file, a device of the host, and "null", which has no
 * data. Locks are open file description locks (fcntl(2), F_OFD_SETLK).
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "internal.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/keyval.h"

enum {
    DIRECT_ALIGN = 4096, /* what O_DIRECT wants of any host device */
    LOCK_BYTE = 100,     /* past what other programs lock */
};

typedef struct FileNode {
    char *filename;
    int fd;
    bool device;
    bool uring;                        /* aio=io_uring, or native */
    size_t align_memory, align_offset; /* under O_DIRECT, bytes */
    char *locking;                     /* "on", "off", "auto"; NULL: auto */
    _Atomic uint64_t length;           /* of a file: read again by truncate */
} FileNode;

/* --- requests --- */

/* Move all of @iov at @offset; short transfers go on, a read past the end of
 * a file that shrank gives zeros. */
static int transfer(int fd, bool write, uint64_t offset, struct iovec *iov,
                    int niov)
{
    while (niov > 0) {
        int batch = MIN(niov, IOV_MAX);
        ssize_t n = write ? pwritev(fd, iov, batch, offset)
                          : preadv(fd, iov, batch, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0 && write) {
            return -EIO;
        }
        if (n == 0) {
            for (int i = 0; i < niov; i++) {
                memset(iov[i].iov_base, 0, iov[i].iov_len);
            }
            return 0;
        }
        offset += n;
        while (niov > 0 && (size_t)n >= iov->iov_len) {
            n -= iov->iov_len;
            iov++;
            niov--;
        }
        if (niov > 0) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= n;
        }
    }
    return 0;
}

static bool is_aligned(const FileNode *f, uint64_t offset,
                       const struct iovec *iov, int niov)
{
    uint64_t bits = offset, memory = 0;

    for (int i = 0; i < niov; i++) {
        bits |= iov[i].iov_len;
        memory |= (uintptr_t)iov[i].iov_base;
    }
    return (bits & (f->align_offset - 1)) == 0 &&
           (memory & (f->align_memory - 1)) == 0;
}

static void iov_copy(const struct iovec *iov, int niov, char *flat, bool to_iov)
{
    for (int i = 0; i < niov; i++) {
        memcpy(to_iov ? iov[i].iov_base : flat, to_iov ? flat : iov[i].iov_base,
               iov[i].iov_len);
        flat += iov[i].iov_len;
    }
}

/* O_DIRECT with memory or offsets that the host will not take: through an
 * aligned buffer that covers the request; its edges are read first. */
static int transfer_bounced(FileNode *f, bool write, uint64_t offset,
                            uint64_t bytes, const struct iovec *iov, int niov)
{
    uint64_t start = align_down(offset, DIRECT_ALIGN);
    uint64_t end = align_up(offset + bytes, DIRECT_ALIGN);
    struct iovec flat = { NULL, end - start };
    void *buffer = NULL;
    int err;

    if (posix_memalign(&buffer, DIRECT_ALIGN, end - start) != 0) {
        return -ENOMEM;
    }
    flat.iov_base = buffer;
    err = 0;
    if (!write || start != offset || end != offset + bytes) {
        err = transfer(f->fd, false, start, &flat, 1);
    }
    if (err == 0 && write) {
        iov_copy(iov, niov, (char *)buffer + (offset - start), false);
        flat = (struct iovec){ buffer, end - start };
        err = transfer(f->fd, true, start, &flat, 1);
    } else if (err == 0) {
        iov_copy(iov, niov, (char *)buffer + (offset - start), true);
    }
    free(buffer);
    return err;
}

static int file_rw(BlockNode *node, bool write, uint64_t offset, uint64_t bytes,
                   const struct iovec *iov, int niov)
{
    FileNode *f = node->priv;
    g_autofree struct iovec *copy = NULL;

    if (node->cache_direct && !is_aligned(f, offset, iov, niov)) {
        return transfer_bounced(f, write, offset, bytes, iov, niov);
    }
    copy = g_memdup2(iov, niov * sizeof(*iov)); /* transfer() uses it up */
    return transfer(f->fd, write, offset, copy, niov);
}

static int punch(FileNode *f, uint64_t offset, uint64_t bytes)
{
    uint64_t range[2] = { offset, bytes };
    int err = f->device
                  ? ioctl(f->fd, BLKDISCARD, range)
                  : fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              offset, bytes);

    return err < 0 ? -errno : 0;
}

static int write_zeros_plain(BlockNode *node, uint64_t offset, uint64_t bytes)
{
    static const uint8_t zeros[64 * 1024];

    while (bytes > 0) {
        struct iovec iov = { (void *)zeros, MIN(bytes, sizeof(zeros)) };
        int err = file_rw(node, true, offset, iov.iov_len, &iov, 1);

        if (err) {
            return err;
        }
        offset += MIN(bytes, sizeof(zeros));
        bytes -= MIN(bytes, sizeof(zeros));
    }
    return 0;
}

static int write_zeroes(BlockNode *node, uint64_t offset, uint64_t bytes,
                        uint32_t flags)
{
    FileNode *f = node->priv;
    int err = -EOPNOTSUPP;

    if (!f->device && (flags & BLOCK_REQ_UNMAP)) {
        err = punch(f, offset, bytes);
    }
    if (err == -EOPNOTSUPP && !f->device &&
        fallocate(f->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset,
                  bytes) == 0) {
        return 0;
    }
    return err == 0 ? 0 : write_zeros_plain(node, offset, bytes);
}

static int file_io(BlockNode *node, BlockOp op, uint64_t offset, uint64_t bytes,
                   const struct iovec *iov, int niov, uint32_t flags)
{
    FileNode *f = node->priv;
    int err = 0;

    switch (op) {
    case BLOCK_READ:
        return file_rw(node, false, offset, bytes, iov, niov);
    case BLOCK_WRITE:
        err = file_rw(node, true, offset, bytes, iov, niov);
        break;
    case BLOCK_WRITE_ZEROES:
        err = write_zeroes(node, offset, bytes, flags);
        break;
    case BLOCK_DISCARD:
        err = punch(f, offset, bytes);
        return err == -EOPNOTSUPP ? 0 : err; /* it is only advice */
    case BLOCK_FLUSH:
        return fdatasync(f->fd) < 0 ? -errno : 0;
    case BLOCK_OPS:
        return -EINVAL;
    }
    if (err == 0 && (flags & BLOCK_REQ_FUA)) {
        err = fdatasync(f->fd) < 0 ? -errno : 0;
    }
    return err;
}

/* A ring takes what needs one system call and no other memory. */
static int file_ring_fd(BlockNode *node, const BlockIo *io)
{
    const FileNode *f = node->priv;
    bool moves = io->op == BLOCK_READ || io->op == BLOCK_WRITE;

    if (!f->uring || (moves && node->cache_direct &&
                      !is_aligned(f, io->offset, io->iov, io->niov))) {
        return -1;
    }
    /* Zeros written durably take two calls; devices discard by ioctl. */
    if ((io->op == BLOCK_WRITE_ZEROES && (io->flags & BLOCK_REQ_FUA)) ||
        (f->device && !moves && io->op != BLOCK_FLUSH)) {
        return -1;
    }
    return f->fd;
}

/* --- opening --- */

/* What O_DIRECT wants here: statx(2), where it tells (Linux 6.1). */
static void find_alignment(FileNode *f)
{
    struct statx st;

    f->align_memory = f->align_offset = DIRECT_ALIGN;
    if (statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) == 0 &&
        (st.stx_mask & STATX_DIOALIGN) && st.stx_dio_offset_align &&
        is_power_of_2(st.stx_dio_offset_align) &&
        is_power_of_2(st.stx_dio_mem_align)) {
        f->align_memory = st.stx_dio_mem_align;
        f->align_offset = st.stx_dio_offset_align;
    }
}

static bool check_locking(const char *mode, Error **errp)
{
    if (!mode || strcmp(mode, "on") == 0 || strcmp(mode, "auto") == 0 ||
        strcmp(mode, "off") == 0) {
        return true;
    }
    error_set(errp, "Parameter 'locking' does not accept value '%s'", mode);
    return false;
}

static bool lock_image(BlockNode *node, Error **errp)
{
    FileNode *f = node->priv;
    const char *mode = node->force_share ? "off" : f->locking;
    struct flock lock = { .l_type = node->read_only ? F_RDLCK : F_WRLCK,
                          .l_whence = SEEK_SET,
                          .l_start = LOCK_BYTE,
                          .l_len = 1 };

    if (mode && strcmp(mode, "off") == 0) {
        return true;
    }
    if (fcntl(f->fd, F_OFD_SETLK, &lock) == 0) {
        return true;
    }
    if (errno != EAGAIN && errno != EACCES) {
        if (!mode || strcmp(mode, "on") != 0) {
            return true; /* the host has no locks here */
        }
        error_set_errno(errp, errno, "Could not lock '%s'", f->filename);
        return false;
    }
    error_set(errp, "Failed to get \"%s\" lock",
              node->read_only ? "read" : "write");
    error_hint(errp, "Is another process using the image [%s]?", f->filename);
    return false;
}

static bool find_length(FileNode *f, Error **errp)
{
    struct stat st;
    uint64_t length = 0;

    if (fstat(f->fd, &st) < 0) {
        error_set_errno(errp, errno, "Could not stat '%s'", f->filename);
        return false;
    }
    if (S_ISBLK(st.st_mode)) {
        f->device = true;
        if (ioctl(f->fd, BLKGETSIZE64, &length) < 0) {
            error_set_errno(errp, errno, "Could not get the size of '%s'",
                            f->filename);
            return false;
        }
    } else if (S_ISREG(st.st_mode)) {
        length = st.st_size;
    } else {
        error_set(errp, "'%s' is neither a regular file nor a block device",
                  f->filename);
        return false;
    }
    atomic_store(&f->length, length);
    return true;
}

static void unlock_image(FileNode *f)
{
    struct flock lock = { .l_type = F_UNLCK,
                          .l_whence = SEEK_SET,
                          .l_start = LOCK_BYTE,
                          .l_len = 1 };

    fcntl(f->fd, F_OFD_SETLK, &lock); /* fails only where there are none */
}

/* Who takes the image may find it longer; who gives it up leaves it stable,
 * even under cache.no-flush: another host may be the next to read it. */
static bool file_set_active(BlockNode *node, bool active, Error **errp)
{
    FileNode *f = node->priv;

    if (active) {
        return lock_image(node, errp) && find_length(f, errp);
    }
    if (!node->read_only && fdatasync(f->fd) < 0) {
        error_set_errno(errp, errno, "Could not flush '%s'", f->filename);
        return false;
    }
    unlock_image(f);
    return true;
}

static int open_fd(BlockNode *node, bool read_only, bool direct)
{
    const FileNode *f = node->priv;

    return path_open(node->m, f->filename,
                     (read_only ? O_RDONLY : O_RDWR) | (direct ? O_DIRECT : 0),
                     0);
}

/* The lock belongs to the open file: the old one's goes before the new one's
 * can be taken. */
static bool file_reopen(BlockNode *node, bool read_only, bool direct,
                        Error **errp)
{
    FileNode *f = node->priv;
    int old = f->fd, fd = open_fd(node, read_only, direct);
    bool was = node->read_only;

    if (fd < 0) {
        error_set_errno(errp, errno, "Could not reopen '%s'", f->filename);
        return false;
    }
    if (node->active) {
        unlock_image(f);
    }
    f->fd = fd;
    node->read_only = read_only;
    if (node->active && !lock_image(node, errp)) {
        f->fd = old;
        node->read_only = was;
        lock_image(node, NULL);
        close(fd);
        return false;
    }
    close(old);
    node->cache_direct = direct;
    find_alignment(f);
    return true;
}

/* "native" is asynchronous as well, and wants what it wants elsewhere. */
static bool take_aio(BlockNode *node, json_object *options, Error **errp)
{
    FileNode *f = node->priv;
    g_autofree char *aio = json_take_text(options, "aio");
    bool native = aio && strcmp(aio, "native") == 0;

    if (!aio || strcmp(aio, "threads") == 0) {
        return true;
    }
    if (!native && strcmp(aio, "io_uring") != 0) {
        error_set(errp, "Parameter 'aio' does not accept value '%s'", aio);
        return false;
    }
    if (native && !node->cache_direct) {
        error_set(errp, "aio=native was specified, but it requires "
                        "cache.direct=on, which was not specified.");
        return false;
    }
    f->uring = block_ring_probe(errp);
    return f->uring;
}

static bool file_open(BlockNode *node, json_object *options, Error **errp)
{
    FileNode *f = node->priv;

    f->fd = -1;
    f->locking = json_take_text(options, "locking");
    f->filename = json_take_text(options, "filename");
    if (!f->filename) {
        error_set(errp, "Parameter 'filename' is missing");
        return false;
    }
    if (!take_aio(node, options, errp) || !check_locking(f->locking, errp)) {
        return false;
    }
    f->fd = open_fd(node, node->read_only, node->cache_direct);
    if (f->fd < 0 && !node->read_only && node->auto_read_only &&
        (errno == EACCES || errno == EROFS || errno == EPERM)) {
        node->read_only = true;
        f->fd = open_fd(node, true, node->cache_direct);
    }
    if (f->fd < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", f->filename);
        return false;
    }
    node->limits.discard = true;
    node->limits.write_zeroes_unmap = true;
    node->limits.opt_transfer = DIRECT_ALIGN;
    find_alignment(f);
    return find_length(f, errp) && (!node->active || lock_image(node, errp));
}

static void file_close(BlockNode *node)
{
    FileNode *f = node->priv;

    if (f->fd >= 0) {
        close(f->fd); /* and so its lock */
    }
    g_free(f->filename);
    g_free(f->locking);
}

static uint64_t file_length(BlockNode *node)
{
    FileNode *f = node->priv;

    return atomic_load(&f->length);
}

static bool file_truncate(BlockNode *node, uint64_t length, Error **errp)
{
    FileNode *f = node->priv;

    if (f->device) {
        error_set(errp, "a device of the host has a fixed size");
        return false;
    }
    if (ftruncate(f->fd, length) < 0) {
        error_set_errno(errp, errno, "Failed to resize '%s'", f->filename);
        return false;
    }
    atomic_store(&f->length, length);
    return true;
}

static const char *file_filename(BlockNode *node)
{
    return ((FileNode *)node->priv)->filename;
}

#define FILE_DRIVER(what)                                                      \
    {                                                                          \
        .name = what, .size = sizeof(FileNode), .open = file_open,             \
        .close = file_close, .io = file_io, .ring_fd = file_ring_fd,           \
        .length = file_length, .reopen = file_reopen,                          \
        .set_active = file_set_active, .truncate = file_truncate,              \
        .filename = file_filename,                                             \
    }
static const BlockDriver file_driver = FILE_DRIVER("file");
static const BlockDriver host_device_driver = FILE_DRIVER("host_device");

/* --- null --- */

typedef struct NullNode {
    uint64_t size, latency_ns;
    bool read_zeroes;
} NullNode;

static bool null_open(BlockNode *node, json_object *options, Error **errp)
{
    NullNode *n = node->priv;

    n->size = 1 * GiB;
    node->limits.discard = true;
    return json_take_size(options, "size", 1, &n->size, errp) &&
           json_take_size(options, "latency-ns", 1, &n->latency_ns, errp) &&
           json_take_bool(options, "read-zeroes", &n->read_zeroes, errp);
}

static int null_io(BlockNode *node, BlockOp op, uint64_t offset, uint64_t bytes,
                   const struct iovec *iov, int niov, uint32_t flags)
{
    NullNode *n = node->priv;

    if (n->latency_ns > 0) {
        g_usleep((n->latency_ns + 999) / 1000);
    }
    for (int i = 0; op == BLOCK_READ && n->read_zeroes && i < niov; i++) {
        memset(iov[i].iov_base, 0, iov[i].iov_len);
    }
    return 0;
}

static uint64_t null_length(BlockNode *node)
{
    return ((NullNode *)node->priv)->size;
}

#define NULL_DRIVER(what)                                                      \
    {                                                                          \
        .name = what, .size = sizeof(NullNode), .open = null_open,             \
        .io = null_io, .length = null_length,                                  \
    }
static const BlockDriver null_driver = NULL_DRIVER("null-co");
static const BlockDriver null_aio_driver = NULL_DRIVER("null-aio");

/* --- raw: bytes as they are, perhaps a part of them --- */

typedef struct RawNode {
    uint64_t offset, size; /* size 0: to the child's end */
} RawNode;

static bool check_part(const RawNode *r, uint64_t length, Error **errp)
{
    if (r->size % BLOCK_SECTOR) {
        error_set(errp, "Specified size is not multiple of %d", BLOCK_SECTOR);
    } else if (r->offset % BLOCK_SECTOR) {
        error_set(errp, "Specified offset is not multiple of %d", BLOCK_SECTOR);
    } else if (r->offset > length) {
        error_set(errp,
                  "Offset (%" PRIu64 ") cannot be greater than size of the "
                  "containing file (%" PRIu64 ")",
                  r->offset, length);
    } else if (!range_fits(r->offset, r->size, length)) {
        error_set(errp,
                  "The sum of offset (%" PRIu64 ") and size (%" PRIu64
                  ") has to be smaller or equal to the actual size of the "
                  "containing file (%" PRIu64 ")",
                  r->offset, r->size, length);
    } else {
        return true;
    }
    return false;
}

static bool raw_open(BlockNode *node, json_object *options, Error **errp)
{
    RawNode *r = node->priv;

    if (!json_take_size(options, "offset", 1, &r->offset, errp) ||
        !json_take_size(options, "size", 1, &r->size, errp)) {
        return false;
    }
    node->file = block_node_child(node, options, "file", errp);
    if (!node->file) {
        return false;
    }
    if (node->file->read_only && node->auto_read_only) {
        node->read_only = true;
    }
    if (node->file->read_only && !node->read_only) {
        error_set(errp, "Block node is read-only");
        return false;
    }
    if (!check_part(r, node->file->drv->length(node->file), errp)) {
        return false;
    }
    node->limits = node->file->limits;
    return true;
}

static BlockNode *raw_route(BlockNode *node, BlockIo *io)
{
    io->offset += ((RawNode *)node->priv)->offset;
    return node->file;
}

static uint64_t raw_length(BlockNode *node)
{
    RawNode *r = node->priv;

    return r->size ? r->size : block_node_length(node->file) - r->offset;
}

static bool raw_truncate(BlockNode *node, uint64_t length, Error **errp)
{
    RawNode *r = node->priv;

    if (r->size || r->offset) {
        error_set(errp, "Cannot resize fixed-size raw disks");
        return false;
    }
    if (!node->file->drv->truncate) {
        error_set(errp, "driver '%s' cannot be resized", node->file->drv->name);
        return false;
    }
    return node->file->drv->truncate(node->file, length, errp);
}

static const BlockDriver raw_driver = {
    .name = "raw",
    .size = sizeof(RawNode),
    .open = raw_open,
    .route = raw_route,
    .length = raw_length,
    .truncate = raw_truncate,
};

/* --- copy-on-read: what is read from below a layer stays in it --- */

static bool cor_open(BlockNode *node, json_object *options, Error **errp)
{
    return block_filter_open(node, options, "file", errp);
}

static int cor_io(BlockNode *node, BlockOp op, uint64_t offset, uint64_t bytes,
                  const struct iovec *iov, int niov, uint32_t flags)
{
    BlockNode *layer = node->file;

    if (op == BLOCK_READ && !node->read_only && block_is_overlay(layer) &&
        layer->backing) {
        for (uint64_t at = offset, n; at < offset + bytes; at += n) {
            if (block_overlay_fill(layer, NULL, at, &n) != 0) {
                break; /* no room for a copy is no reason not to read */
            }
        }
    }
    return block_node_io(layer, op, offset, bytes, iov, niov, flags);
}

static const BlockDriver cor_driver = {
    .name = "copy-on-read",
    .open = cor_open,
    .io = cor_io,
    .length = block_filter_length,
};

const BlockDriver *const block_drivers[] = {
    &file_driver,
    &host_device_driver,
    &null_driver,
    &null_aio_driver,
    &raw_driver,
    &cor_driver,
    &block_overlay_driver,
    &block_blkdebug_driver,
    &block_throttle_driver,
    NULL,
};
