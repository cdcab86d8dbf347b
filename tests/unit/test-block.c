/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block graph: requests, snapshots, locks, errors, draining. */
#include "tandem/base.h"

#include <fcntl.h>

#include "block-image-test.h"
#include "softmmu/backend/block_query.h"
#include "softmmu/base/rcu.h"

static void what_is_written_is_read_and_in_the_file(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw", NULL);
    uint8_t buf[1024];

    g_assert_cmpuint(block_length(blk), ==, IMAGE);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 512 * 7, buf, 1024), ==, 0);
    g_assert_cmpuint(buf[0], ==, 7);
    g_assert_cmpuint(buf[512], ==, 8);
    memset(buf, 0xa5, sizeof(buf));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 512, buf, 1024), ==, 0);
    g_assert_cmpint(request(f->m, blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 511), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 512), ==, 0xa5);
    g_assert_cmpuint(byte_in_file(f->path, 1536), ==, 3);
}

static void requests_beyond_the_end_fail(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw", NULL);
    uint8_t buf[1024];

    g_assert_cmpint(request(f->m, blk, BLOCK_READ, IMAGE - 512, buf, 1024), ==,
                    -EIO);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, UINT64_MAX - 511, buf, 512),
                    ==, -EIO);
    g_assert_cmpint(request(f->m, blk, BLOCK_DISCARD, 512, NULL, UINT64_MAX),
                    ==, -EIO);
}

static void snapshot_leaves_the_image_alone(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw,snapshot=on", NULL);
    uint8_t buf[512], around[3 * 512];

    memset(buf, 0xee, sizeof(buf));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 65536 + 512, buf, 512), ==,
                    0);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 65536, around, 1536), ==, 0);
    g_assert_cmpuint(around[0], ==, 128);
    g_assert_cmpuint(around[512], ==, 0xee);
    g_assert_cmpuint(around[1024], ==, 130);
    g_assert_cmpuint(byte_in_file(f->path, 65536 + 512), ==, 129);
}

static void zeros_are_written(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw,discard=unmap", NULL);

    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE_ZEROES, 512, NULL, 8192), ==,
                    0);
    g_assert_cmpuint(byte_in_file(f->path, 512 + 8191), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 512 + 8192), ==, 17);
}

static void direct_io_takes_any_alignment(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    BlockBackend *blk = drive(f, ",format=raw,cache=none", &err);
    uint8_t buf[1025];

    if (!blk) {
        g_test_skip("the file system of temporary files has no O_DIRECT");
        return;
    }
    memset(buf, 0x3c, sizeof(buf));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 512, buf + 1, 1024), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 511), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 512), ==, 0x3c);
    g_assert_cmpuint(byte_in_file(f->path, 1536), ==, 3);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 1536, buf + 1, 512), ==, 0);
    g_assert_cmpuint(buf[1], ==, 3);
}

static void read_only_disks_refuse_writes(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw,readonly=on", NULL);
    uint8_t buf[512] = { 0 };

    g_assert_true(block_read_only(blk));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 0, buf, 512), ==, -EPERM);
    g_assert_false(block_attach(blk, OBJECT(f->m), true, NULL, NULL, NULL));
}

static void second_writer_of_an_image_is_refused(void)
{
    g_autoptr(Fixture) f = setup();

    g_assert_nonnull(drive(f, ",format=raw", NULL));
    assert_drive_refused(f, ",format=raw,id=b", "Failed to get \"write\" lock");
    g_assert_nonnull(drive(f, ",format=raw,id=c,locking=off", NULL));
}

/* A live migration: the target opens the image while the source has it. */
static void inactive_nodes_leave_the_image_to_others(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    BlockBackend *source = drive(f, ",format=raw,node-name=s", NULL), *target;
    uint8_t buf[512] = { 0 };

    block_start_inactive(f->m);
    target = drive(f, ",format=raw,id=t,node-name=t", NULL);
    g_assert_nonnull(target);
    g_assert_cmpint(request(f->m, target, BLOCK_READ, 512, buf, 512), ==, 0);
    g_assert_cmpuint(buf[0], ==, 1);
    g_assert_cmpint(request(f->m, target, BLOCK_WRITE, 0, buf, 512), ==,
                    -EPERM);
    g_assert_false(block_activate_all(f->m, &err));
    g_assert_nonnull(strstr(error_text(err), "Failed to get \"write\" lock"));
    g_assert_true(block_inactivate_all(f->m, NULL));
    g_assert_cmpint(request(f->m, source, BLOCK_WRITE, 0, buf, 512), ==,
                    -EPERM);
    g_assert_true(blockdev_set_active(f->m, "t", true, NULL));
    g_assert_false(blockdev_set_active(f->m, "s", true, NULL));
    g_assert_true(blockdev_set_active(f->m, "t", false, NULL));
    g_assert_true(blockdev_set_active(f->m, "s", true, NULL));
    g_assert_cmpint(request(f->m, source, BLOCK_WRITE, 0, buf, 512), ==, 0);
    g_assert_true(blockdev_set_active(f->m, "s", false, NULL));
    g_assert_true(blockdev_set_active(f->m, "t", true, NULL));
    g_assert_cmpint(request(f->m, target, BLOCK_WRITE, 0, buf, 512), ==, 0);
}

static void mistakes_are_named(void)
{
    g_autoptr(Fixture) f = setup();

    assert_drive_refused(f, ",format=qcow3", "Unknown driver 'qcow3'");
    assert_drive_refused(f, ",nosuch=1", "'nosuch'");
    assert_drive_refused(f, ",cache=fast", "invalid cache option");
    assert_drive_refused(f, ",werror=maybe", "invalid write error action");
    assert_drive_refused(f, ",aio=magic",
                         "'aio' does not accept value 'magic'");
    assert_drive_refused(f, ",aio=native", "requires cache.direct=on");
    assert_drive_refused(f, ",locking=maybe",
                         "'locking' does not accept value 'maybe'");
}

static void foreign_formats_are_not_taken_for_raw(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *data = g_malloc0(IMAGE);

    memcpy(data, "QFI\xfb", 4);
    g_assert_true(g_file_set_contents(f->path, data, IMAGE, NULL));
    assert_drive_refused(f, "", "format qcow2");
    g_assert_nonnull(drive(f, ",format=raw", NULL));
}

static void drain_delivers_what_is_in_flight(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw", NULL);
    uint8_t buf[64][512];
    struct iovec iov[64];
    Result r = { 0 };

    for (int i = 0; i < 64; i++) {
        iov[i] = (struct iovec){ buf[i], 512 };
        block_submit(blk, BLOCK_READ, 512 * i, 512, &iov[i], 1, 0, done, &r);
    }
    block_drain(blk);
    g_assert_cmpint(r.calls, ==, 64);
    for (int i = 0; i < 64; i++) {
        g_assert_cmpuint(buf[i][511], ==, i);
    }
    machine_unlock(f->m); /* what was posted meanwhile is not delivered twice */
    while (loop_poll(f->m->loop, false)) {
    }
    machine_lock(f->m);
    g_assert_cmpint(r.calls, ==, 64);
}

/* A drive with @options on a ring; NULL, and the test skipped, where the
 * host or the build has none. */
static BlockBackend *ring_drive(Fixture *f, const char *options)
{
    g_autoptr(Error) err = NULL;
    g_autofree char *all =
        g_strconcat(",format=raw,aio=io_uring", options, NULL);
    BlockBackend *blk = drive(f, all, &err);

    if (!blk) {
        g_test_skip(error_text(err));
    }
    return blk;
}

static void ring_does_what_workers_do(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = ring_drive(f, ",discard=unmap");
    uint8_t buf[8192];

    if (!blk) {
        return;
    }
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 512 * 7, buf, 1024), ==, 0);
    g_assert_cmpuint(buf[0], ==, 7);
    g_assert_cmpuint(buf[1023], ==, 8);
    memset(buf, 0xa5, sizeof(buf));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 512, buf, 1024), ==, 0);
    g_assert_cmpint(request(f->m, blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 511), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 1535), ==, 0xa5);
    g_assert_cmpuint(byte_in_file(f->path, 1536), ==, 3);
    block_set_write_cache(blk, false); /* durable at once */
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 4096, buf, 512), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 4096), ==, 0xa5);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE_ZEROES, 512, NULL, 8192), ==,
                    0);
    block_set_write_cache(blk, true);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE_ZEROES, 16384, NULL, 8192),
                    ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 4096), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 16384 + 8191), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 16384 + 8192), ==, 48);
    g_assert_cmpint(request(f->m, blk, BLOCK_DISCARD, 65536, NULL, 65536), ==,
                    0);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 65536, buf, 512), ==, 0);
    g_assert_cmpuint(buf[0], ==, 0);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, IMAGE, buf, 512), ==, -EIO);
}

static void ring_reads_zeros_past_the_end_of_a_file_that_shrank(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = ring_drive(f, "");
    uint8_t buf[2048];

    if (!blk) {
        return;
    }
    memset(buf, 0xa5, sizeof(buf));
    g_assert_cmpint(truncate(f->path, 1000), ==, 0);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 512, buf, 2048), ==, 0);
    g_assert_cmpuint(buf[487], ==, 1);
    g_assert_cmpuint(buf[488], ==, 0);
    g_assert_cmpuint(buf[2047], ==, 0);
}

static void ring_is_drained(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = ring_drive(f, "");
    uint8_t buf[64][512];
    struct iovec iov[64];
    Result r = { 0 };

    if (!blk) {
        return;
    }
    block_plug(blk);
    for (int i = 0; i < 64; i++) {
        iov[i] = (struct iovec){ buf[i], 512 };
        block_submit(blk, BLOCK_READ, 512 * i, 512, &iov[i], 1, 0, done, &r);
    }
    block_unplug(blk);
    block_drain(blk);
    g_assert_cmpint(r.calls, ==, 64);
    for (int i = 0; i < 64; i++) {
        g_assert_cmpuint(buf[i][511], ==, i);
    }
}

typedef struct Submit {
    BlockBackend *blk;
    struct iovec iov;
    Result result;
} Submit;

static void submit_in_context(void *opaque)
{
    Submit *s = opaque;

    block_submit(s->blk, BLOCK_READ, 512 * 9, 512, &s->iov, 1, 0, done,
                 &s->result);
}

/* The ring of an iothread is watched there and closed there. */
static void ring_of_an_iothread_serves_it(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = ring_drive(f, "");
    LoopContext *ctx;
    uint8_t buf[512] = { 0 };
    Submit s = { .blk = blk, .iov = { buf, 512 } };

    if (!blk) {
        return;
    }
    ctx = loop_context_new("io", NULL, f->m->clocks);
    loop_thread_start(ctx);
    block_set_context(blk, ctx);
    loop_call(ctx, submit_in_context, &s);
    block_drain(blk);
    g_assert_cmpint(s.result.calls, ==, 1);
    g_assert_cmpuint(buf[0], ==, 9);
    block_set_context(blk, f->m->loop);
    loop_thread_stop(ctx);
    loop_context_free(ctx);
}

static void part_of_an_image_is_a_disk(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw,offset=4K,size=8K", NULL);
    uint8_t buf[512];

    g_assert_cmpuint(block_length(blk), ==, 8192);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 512, buf, 512), ==, 0);
    g_assert_cmpuint(buf[0], ==, 9);
}

static void mistakes_about_parts_and_places_are_named(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;

    assert_drive_refused(f, ",offset=100", "offset is not multiple of 512");
    assert_drive_refused(f, ",size=1000", "size is not multiple of 512");
    assert_drive_refused(f, ",offset=1G", "greater than size of the");
    assert_drive_refused(f, ",offset=512,size=1M", "smaller or equal");
    assert_drive_refused(f, ",if=ida", "unsupported bus type 'ida'");
    assert_drive_refused(f, ",id=9", "expects an identifier");
    assert_drive_refused(f, ",unit=1,index=1", "index cannot be used with");
    assert_drive_refused(f, ",iops_size=4K", "iops size requires");
    g_assert_nonnull(drive(f, ",format=raw", NULL));
    g_assert_true(drives_all_used(f->m, NULL));
    g_assert_nonnull(
        drive(f, ",format=raw,file.locking=off,if=sd,bus=1,unit=2", NULL));
    g_assert_false(drives_all_used(f->m, &err));
    g_assert_nonnull(strstr(
        error_text(err), "machine type does not support if=sd,bus=1,unit=2"));
}

static void what_is_read_from_below_stays_in_the_layer(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk =
        drive(f, ",format=raw,snapshot=on,copy-on-read=on", NULL);
    uint8_t buf[1024];

    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 65024, buf, 1024), ==, 0);
    make_image(f->path, 50);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 65024, buf, 1024), ==, 0);
    g_assert_cmpuint(buf[0], ==, 127);
    g_assert_cmpuint(buf[512], ==, 128);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 131072, buf, 512), ==, 0);
    g_assert_cmpuint(buf[0], ==, 50); /* was not read before */
}

static void errors_are_injected_by_rule(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk;
    uint8_t buf[1024];

    g_assert_true(node_from_text(
        f->m,
        "blkdebug,node-name=e,image.driver=null-aio,image.latency-ns=1000,"
        "inject-error.0.event=none,inject-error.0.iotype=write,"
        "inject-error.0.errno=28,inject-error.0.sector=3,"
        "inject-error.1.event=none,inject-error.1.iotype=read,"
        "inject-error.1.once=on",
        NULL));
    g_assert_false(node_from_text(f->m,
                                  "blkdebug,node-name=g,image=e,"
                                  "inject-error.0.event=l2_load",
                                  NULL));
    blk = drive_from_text(
        f->m, "if=none,format=raw,file.driver=raw,file.file=e", NULL);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 0, buf, 1024), ==, 0);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 1024, buf, 1024), ==,
                    -ENOSPC);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 2048, buf, 1024), ==, 0);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 0, buf, 1024), ==, -EIO);
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 0, buf, 1024), ==, 0);
    g_assert_cmpint(request(f->m, blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
}

static void count_resize(void *opaque)
{
    (*(int *)opaque)++;
}

static void resize_tells_the_device(void)
{
    static const BlockDevOps ops = { .resized = count_resize };
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw,id=d", NULL);
    int told = 0;

    g_assert_true(block_attach(blk, OBJECT(f->m), true, &ops, &told, NULL));
    g_assert_true(block_resize(f->m, "d", NULL, 2 * IMAGE, NULL));
    g_assert_cmpint(told, ==, 1);
    g_assert_cmpuint(block_length(blk), ==, 2 * IMAGE);
    g_assert_false(block_resize(f->m, "d", NULL, 100, NULL));
    g_assert_false(block_resize(f->m, "nosuch", NULL, IMAGE, NULL));
    block_detach(blk);
}

static void nodes_are_named_and_deleted(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *text = g_strdup_printf(
        "raw,node-name=n,file.driver=file,file.filename=%s", f->path);

    g_assert_true(node_from_text(f->m, text, NULL));
    g_assert_false(
        node_from_text(f->m, text, NULL)); /* the name and the lock */
    g_assert_true(blockdev_del(f->m, "n", NULL));
    g_assert_false(blockdev_del(f->m, "n", NULL));
}

static void deleted_drives_leave_their_device_without_a_medium(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    BlockBackend *blk = drive(f, ",format=raw,id=d,werror=stop", NULL);
    uint8_t buf[512] = { 0 };

    g_assert_true(block_attach(blk, OBJECT(f->m), true, NULL, NULL, NULL));
    g_assert_true(drive_del(f->m, "d", NULL));
    g_assert_cmpint(request(f->m, blk, BLOCK_READ, 0, buf, 512), ==,
                    -ENOMEDIUM);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 0, buf, 512), ==,
                    -ENOMEDIUM);
    g_assert_cmpint(block_error_action(blk, false, -ENOMEDIUM), ==,
                    BLOCK_ERROR_REPORT);
    g_assert_false(drive_del(f->m, "d", &err));
    g_assert_cmpstr(error_text(err), ==, "Device 'd' not found");
    g_assert_nonnull(drive(f, ",format=raw,id=d", NULL)); /* name and lock */
    g_assert_true(drive_del(f->m, "d", NULL));
    g_assert_nonnull(drive(f, ",format=raw,id=d", NULL));
    block_detach(blk);
}

static bool reopen(Fixture *f, const char *options, Error **errp)
{
    json_object *o = keyval_parse(options, "driver", NULL);
    bool ok = blockdev_reopen(f->m, o, errp);

    json_object_put(o);
    return ok;
}

static void nodes_in_use_are_reopened(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    BlockBackend *blk = drive(f, ",format=raw,node-name=n,readonly=on", NULL);
    uint8_t buf[512] = { 0 };

    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 0, buf, 512), ==, -EPERM);
    g_assert_true(reopen(f, "raw,node-name=n,read-only=off", NULL));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 512, buf, 512), ==, 0);
    g_assert_cmpuint(byte_in_file(f->path, 512), ==, 0);
    assert_drive_refused(f, ",format=raw,id=b", "write"); /* locked anew */
    g_assert_true(reopen(f, "raw,node-name=n,read-only=on", NULL));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 0, buf, 512), ==, -EPERM);
    g_assert_false(reopen(f, "raw,node-name=n,offset=512", &err));
    g_assert_cmpstr(error_text(err), ==, "Cannot change the option 'offset'");
    g_assert_false(reopen(f, "raw,node-name=nosuch", NULL));
}

static void options_of_the_file_stand_beside_its_name(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    g_autofree char *text =
        g_strdup_printf("file=%s,if=none,format=raw,file.locking=off", f->path);
    json_object *o;

    g_assert_nonnull(drive(f, ",format=raw", NULL));
    o = drive_parse(text, NULL);
    g_assert_nonnull(drive_add(f->m, o, false, NULL));
    json_object_put(o);
    o = drive_parse("file.driver=null-co,file.size=1M,if=none,format=raw",
                    NULL);
    g_assert_cmpuint(block_length(drive_add(f->m, o, false, NULL)->blk), ==,
                     1 << 20);
    json_object_put(o);
    o = drive_parse("file=x,file.nosuch=1,if=none", NULL);
    g_assert_null(drive_add(f->m, o, false, &err));
    json_object_put(o);
}

static void read_only_readers_share_by_force(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *text =
        g_strdup_printf("file,node-name=r,filename=%s,force-share=on", f->path);
    g_autofree char *reads = g_strconcat(text, ",read-only=on", NULL);

    g_assert_nonnull(drive(f, ",format=raw", NULL));
    g_assert_false(node_from_text(f->m, text, NULL)); /* it would write */
    g_assert_true(node_from_text(f->m, reads, NULL));
}

/* One whose own part was never opened has nothing to close: descriptor 0. */
static void a_refused_layer_closes_nothing(void)
{
    g_autoptr(Fixture) f = setup();
    int before = fcntl(0, F_GETFD);

    g_assert_false(node_from_text(
        f->m, "tandem-overlay,node-name=o,discard=nosuch", NULL));
    g_assert_cmpint(fcntl(0, F_GETFD), ==, before);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define ADD(fn) g_test_add_func("/block/" #fn, fn)
    ADD(what_is_written_is_read_and_in_the_file);
    ADD(requests_beyond_the_end_fail);
    ADD(snapshot_leaves_the_image_alone);
    ADD(zeros_are_written);
    ADD(direct_io_takes_any_alignment);
    ADD(read_only_disks_refuse_writes);
    ADD(second_writer_of_an_image_is_refused);
    ADD(inactive_nodes_leave_the_image_to_others);
    ADD(mistakes_are_named);
    ADD(foreign_formats_are_not_taken_for_raw);
    ADD(drain_delivers_what_is_in_flight);
    ADD(ring_does_what_workers_do);
    ADD(ring_reads_zeros_past_the_end_of_a_file_that_shrank);
    ADD(ring_is_drained);
    ADD(ring_of_an_iothread_serves_it);
    ADD(part_of_an_image_is_a_disk);
    ADD(resize_tells_the_device);
    ADD(mistakes_about_parts_and_places_are_named);
    ADD(what_is_read_from_below_stays_in_the_layer);
    ADD(errors_are_injected_by_rule);
    ADD(nodes_are_named_and_deleted);
    ADD(deleted_drives_leave_their_device_without_a_medium);
    ADD(nodes_in_use_are_reopened);
    ADD(options_of_the_file_stand_beside_its_name);
    ADD(read_only_readers_share_by_force);
    ADD(a_refused_layer_closes_nothing);
#undef ADD
    return g_test_run();
}
