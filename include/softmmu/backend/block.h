/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices, host side (DECISIONS 50): a graph of nodes (protocol, format,
 * filters) and the BlockBackend by which a device uses its top node.
 *
 * Requests are vectored, 64-bit and asynchronous. They belong to a
 * LoopContext, run their completion there, and end through the event gate.
 * Machine lock in the main loop; in an iothread the context's thread alone.
 */
#ifndef SOFTMMU_BACKEND_BLOCK_H
#define SOFTMMU_BACKEND_BLOCK_H

#include <sys/uio.h>

#include "softmmu/loop/event.h"
#include "softmmu/object/object.h"

typedef struct Machine Machine;
typedef struct BlockNode BlockNode;
typedef struct BlockBackend BlockBackend;

typedef enum BlockOp {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,
    BLOCK_DISCARD,
    BLOCK_WRITE_ZEROES,
    BLOCK_OPS,
} BlockOp;

enum {
    BLOCK_REQ_FUA = 1u << 0,   /* write: durable when complete */
    BLOCK_REQ_UNMAP = 1u << 1, /* write zeroes: may deallocate */
};

typedef void BlockDone(void *opaque, int status); /* 0 or -errno */

/* --- what a device uses --- */

/* What rerror= and werror= say. */
typedef enum BlockOnError {
    BLOCK_ON_ERROR_REPORT, /* to the guest */
    BLOCK_ON_ERROR_IGNORE,
    BLOCK_ON_ERROR_ENOSPC, /* stop on ENOSPC, else report: writes' default */
    BLOCK_ON_ERROR_STOP,
    BLOCK_ON_ERROR_AUTO, /* of a device: as the drive says */
} BlockOnError;
#define PROPS_BLOCK_ON_ERROR(type_, on_read_, on_write_)                       \
    PROP_ARG(enum, type_, on_read_, "rerror", "auto",                          \
             "on an error of a read: auto, report, ignore, enospc, stop",      \
             block_on_error_enum),                                             \
        PROP_ARG(enum, type_, on_write_, "werror", "auto",                     \
                 "on an error of a write: the same", block_on_error_enum)
extern const PropertyEnum block_on_error_enum[];

typedef struct BlockDevOps {
    /* The size changed (block_resize). */
    void (*resized)(void *opaque);
    /* The VM is being stopped: no new requests until drained_end; those in
     * flight are waited for by the caller. */
    void (*drained_begin)(void *opaque);
    void (*drained_end)(void *opaque);
} BlockDevOps;

/* A device's property "drive": a drive id or a node name. The field is a
 * BlockBackend *; the property owns it. */
extern const PropertyType prop_type_drive;
#define PROP_DRIVE(Struct, field)                                              \
    {                                                                          \
        "drive", &prop_type_drive, offsetof(Struct, field), NULL,              \
            "node name or id of the disk", NULL, 0                             \
    }

/* Before block_attach(): what the device's own properties say of errors. */
void block_set_on_error(BlockBackend *blk, BlockOnError on_read,
                        BlockOnError on_write);
/* Before block_attach(): others may write the same node, if they say so too. */
void block_set_share_rw(BlockBackend *blk, bool share);
/* Realize: take the back end for @dev. False: it is used, read-only where
 * @writable is needed, or there is none. Unrealize: give it back; requests in
 * flight are finished first. */
bool block_attach(BlockBackend *blk, Object *dev, bool writable,
                  const BlockDevOps *ops, void *opaque, Error **errp);
void block_detach(BlockBackend *blk);
/* Where completions run from now on; no request in flight. */
void block_set_context(BlockBackend *blk, LoopContext *ctx);
LoopContext *block_context(BlockBackend *blk);

uint64_t block_length(BlockBackend *blk); /* bytes, a multiple of 512 */
bool block_read_only(BlockBackend *blk);
bool block_write_cache(BlockBackend *blk);
void block_set_write_cache(BlockBackend *blk, bool on);
/* Largest request and alignment in bytes that pass without being split. */
typedef struct BlockLimits {
    uint32_t request_alignment, opt_transfer, max_transfer;
    uint64_t max_discard, max_write_zeroes;
    bool discard, write_zeroes_unmap;
} BlockLimits;
BlockLimits block_limits(BlockBackend *blk);
const char *block_serial(BlockBackend *blk); /* -drive serial=, or NULL */
const char *block_name(BlockBackend *blk);   /* drive id or "" */

/*
 * block_submit: start a request; @done runs in the context, never from inside
 * this call. @iov and what it points to stay until then; @iov is NULL for
 * flush, discard and write zeroes, where @bytes says how much. Out of range,
 * read-only and no medium end with -EIO, -EPERM (EROFS for hosts) and
 * -ENOMEDIUM. @offset and sizes in bytes, multiples of 512.
 */
void block_submit(BlockBackend *blk, BlockOp op, uint64_t offset,
                  uint64_t bytes, const struct iovec *iov, int niov,
                  uint32_t flags, BlockDone *done, void *opaque);
/* Around several calls of block_submit(), in the context: the host is told of
 * all at once. Nests. */
void block_plug(BlockBackend *blk);
void block_unplug(BlockBackend *blk);
/* Synchronous, for set-up and firmware (pflash); main thread, VM stopped or
 * the machine's lock held; 0 or -errno. */
int block_pread(BlockBackend *blk, uint64_t offset, void *buf, uint64_t bytes);
int block_pwrite(BlockBackend *blk, uint64_t offset, const void *buf,
                 uint64_t bytes);
/*
 * Images and migration. An inactive node holds no lock and cannot be written,
 * so that two processes may have the image open; one of them is active. With
 * -incoming nodes are opened inactive, and block_activate_all() takes them at
 * the switch-over, after the source's block_inactivate_all() has made all
 * stable and let go of the locks. Main thread, machine lock; both undo
 * nothing of what the machine does, which has to be stopped to inactivate.
 */
void block_start_inactive(Machine *m); /* before the first node */
bool block_activate_all(Machine *m, Error **errp);
bool block_inactivate_all(Machine *m, Error **errp);

/* Wait until no request is in flight. Main thread. */
void block_drain(BlockBackend *blk);

/*
 * block_error_action: what to do about @status of a request that failed, by
 * rerror= and werror=. Sends BLOCK_IO_ERROR. STOP has asked for the VM to
 * stop: keep the request and submit it again when the VM goes on.
 */
typedef enum BlockErrorAction {
    BLOCK_ERROR_REPORT,
    BLOCK_ERROR_IGNORE,
    BLOCK_ERROR_STOP,
} BlockErrorAction;
BlockErrorAction block_error_action(BlockBackend *blk, bool is_read,
                                    int status);

/* --- -drive --- */

/* One -drive (-hda, a disk image on the command line), in order. Boards and
 * start-up turn if=virtio into a device, take if=pflash by index. */
typedef struct DriveInfo {
    char *id;
    char *interface; /* "virtio", "none", "pflash", "ide", ... */
    int index;       /* -1: not given */
    int bus;
    BlockBackend *blk;
    bool used; /* somebody took it: else start-up complains */
} DriveInfo;
/* The @index-th drive of @interface, or NULL. */
DriveInfo *drive_find(Machine *m, const char *interface, int index);

extern const ObjectType *const block_types[]; /* NULL-terminated */

#endif
