/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of disks have in common: a machine, an image, a request. */
#ifndef TESTS_UNIT_BLOCK_TEST_H
#define TESTS_UNIT_BLOCK_TEST_H

#include "bare-machine.h"
#include "softmmu/backend/block.h"
#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "softmmu/memory/backend.h"

static const ObjectType *const bare_types[] = { TYPE(bare_type), NULL };
static const ObjectType *const *const block_test_lists[] = {
    machine_types, memory_types, block_types, bare_types, NULL,
};

enum { IMAGE = 1 << 20 };

/* Byte i is @first + i / 512. In place: who has it open sees it. */
static void make_image(const char *path, uint8_t first)
{
    g_autofree uint8_t *data = g_malloc(IMAGE);
    FILE *file = fopen(path, "wb");

    g_assert_nonnull(file);
    for (int i = 0; i < IMAGE; i++) {
        data[i] = first + i / 512;
    }
    g_assert_cmpuint(fwrite(data, 1, IMAGE, file), ==, IMAGE);
    fclose(file);
}

/* The whole file; @len bytes of it. To be freed. */
static uint8_t *read_file(const char *path, gsize *len)
{
    char *data;

    g_assert_true(g_file_get_contents(path, &data, len, NULL));
    return (uint8_t *)data;
}

static inline uint8_t byte_in_file(const char *path, size_t offset)
{
    gsize len;
    g_autofree uint8_t *data = read_file(path, &len);

    g_assert_cmpuint(offset, <, len);
    return data[offset];
}

/* -drive @text */
static BlockBackend *drive_from_text(Machine *m, const char *text, Error **errp)
{
    json_object *o = drive_parse(text, NULL);
    DriveInfo *info = drive_add(m, o, false, errp);

    json_object_put(o);
    return info ? info->blk : NULL;
}

/* -blockdev @text */
static bool node_from_text(Machine *m, const char *text, Error **errp)
{
    json_object *o = keyval_parse(text, "driver", NULL);
    bool ok = blockdev_add(m, o, errp);

    json_object_put(o);
    return ok;
}

typedef struct Result {
    int status, calls;
} Result;

static void done(void *opaque, int status)
{
    Result *r = opaque;

    r->status = status;
    r->calls++;
}

/* One request, waited for by the main loop as a device's would be. */
static int request(Machine *m, BlockBackend *blk, BlockOp op, uint64_t offset,
                   void *buf, uint64_t bytes)
{
    struct iovec iov = { buf, bytes };
    Result r = { 0 };

    block_submit(blk, op, offset, bytes, buf ? &iov : NULL, buf ? 1 : 0, 0,
                 done, &r);
    g_assert_cmpint(r.calls, ==, 0); /* never from inside the call */
    machine_unlock(m);
    while (r.calls == 0) {
        loop_poll(m->loop, true);
    }
    machine_lock(m);
    g_assert_cmpint(r.calls, ==, 1);
    return r.status;
}

#endif
