/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty bitmaps: what they record, and backups that copy by them. */
#include "tandem/base.h"

#include "block-job-test.h"
#include "softmmu/backend/block_bitmap.h"
#include "softmmu/backend/block_query.h"
#include "softmmu/base/rcu.h"

enum { PIECE = 65536 };

/* The drive "d" on a node "s", which has bitmaps. */
static BlockBackend *drive_on_node(Fixture *f, const char *options)
{
    g_autofree char *node =
        g_strdup_printf("file,node-name=s,filename=%s%s", f->source, options);
    BlockBackend *blk;

    g_assert_true(node_from_text(f->m, node, NULL));
    blk = drive_from_text(
        f->m,
        "if=none,id=d,format=raw,discard=unmap,file.driver=raw,file.file=s",
        NULL);
    g_assert_nonnull(blk);
    g_assert_true(block_attach(blk, OBJECT(f->m), true, NULL, NULL, NULL));
    return blk;
}

static void add(Fixture *f, const char *name, uint32_t granularity)
{
    BlockBitmapName b = { "s", name };

    g_assert_true(block_bitmap_add(f->m, &b, granularity, false, true, NULL));
}

typedef struct Look {
    const char *name;
    BlockBitmapView v;
    bool found;
} Look;

static void look_at(const BlockBitmapView *v, void *opaque)
{
    Look *look = opaque;

    if (g_strcmp0(v->name, look->name) == 0) {
        look->v = *v;
        look->found = true;
    }
}

static BlockBitmapView view_of(Fixture *f, const char *node, const char *name)
{
    Look look = { .name = name };

    block_each_bitmap(f->m, node, look_at, &look);
    g_assert_true(look.found);
    return look.v;
}

/* The bitmap of this name of "s". */
static BlockBitmapView view(Fixture *f, const char *name)
{
    return view_of(f, "s", name);
}

static void writes_of_every_kind_are_recorded(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, ",discard=unmap");
    BlockBitmapName b = { "s", "b" };

    add(f, "b", 0);
    add(f, "fine", 512);
    g_assert_cmpuint(view(f, "b").granularity, ==, PIECE);
    read_byte(f, blk, 0);
    g_assert_cmpuint(view(f, "b").count, ==, 0);
    write_byte(f, blk, PIECE - 512, 1);
    g_assert_cmpuint(view(f, "b").count, ==, PIECE);
    g_assert_cmpuint(view(f, "fine").count, ==, 512);
    g_assert_cmpint(
        request(f->m, blk, BLOCK_WRITE_ZEROES, 4 * PIECE - 512, NULL, 1024), ==,
        0);
    g_assert_cmpuint(view(f, "b").count, ==, 3 * PIECE);
    g_assert_cmpint(request(f->m, blk, BLOCK_DISCARD, 8 * PIECE, NULL, PIECE),
                    ==, 0);
    g_assert_cmpuint(view(f, "b").count, ==, 4 * PIECE);
    g_assert_cmpuint(view(f, "fine").count, ==, 512 + 1024 + PIECE);
    g_assert_true(block_bitmap_record(f->m, &b, false, NULL));
    write_byte(f, blk, IMAGE - 512, 1);
    g_assert_cmpuint(view(f, "b").count, ==, 4 * PIECE);
    g_assert_cmpuint(view(f, "fine").count, ==, 1024 + 1024 + PIECE);
    g_assert_true(block_bitmap_clear(f->m, &b, NULL));
    g_assert_cmpuint(view(f, "b").count, ==, 0);
}

static void what_a_ring_writes_is_recorded(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    g_autofree char *node =
        g_strdup_printf("file,node-name=s,filename=%s,aio=io_uring", f->source);
    BlockBackend *blk;
    uint8_t buf[512] = { 0 };

    if (!node_from_text(f->m, node, &err)) {
        g_test_skip(error_text(err));
        return;
    }
    blk = drive_from_text(
        f->m, "if=none,id=e,format=raw,file.driver=raw,file.file=s", NULL);
    add(f, "b", 4096);
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, 4096, buf, 512), ==, 0);
    g_assert_cmpuint(view(f, "b").count, ==, 4096);
}

static BlockJobOptions by_bitmap(BlockBitmapMode mode)
{
    return (BlockJobOptions){ .job.id = "d",
                              .device = "s",
                              .target = "t",
                              .sync = BLOCK_SYNC_BITMAP,
                              .bitmap = "b",
                              .bitmap_mode = mode };
}

/* What was written comes to the target, what comes meanwhile is for the next
 * time. */
static void backup_copies_what_the_bitmap_says(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "");
    BlockJobOptions o = by_bitmap(BLOCK_BITMAP_ON_SUCCESS);

    add(f, "b", 0);
    write_byte(f, blk, 3 * PIECE, 0x33);
    write_byte(f, blk, 9 * PIECE, 0x99);
    o.job.manual_finalize = true;
    g_assert_true(block_backup_start(f->m, &o, NULL));
    write_byte(f, blk, 9 * PIECE, 0x98);
    write_byte(f, blk, 5 * PIECE, 0x55);
    wait_for(f, "d", JOB_PENDING);
    write_byte(f, blk, 6 * PIECE, 0x66);
    g_assert_cmpuint(view(f, "b").count, ==, 2 * PIECE);
    g_assert_true(view(f, "b").busy);
    g_assert_cmpuint(view(f, NULL).count, ==, 3 * PIECE);
    g_assert_true(job_finalize(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    g_assert_cmpuint(view(f, "b").count, ==, 3 * PIECE);
    g_assert_false(view(f, "b").busy);
    g_assert_cmpuint(byte_in_file(f->target, 3 * PIECE), ==, 0x33);
    g_assert_cmpuint(byte_in_file(f->target, 9 * PIECE), ==, 0x99);
    g_assert_cmpuint(byte_in_file(f->target, 5 * PIECE), ==,
                     (uint8_t)(100 + 5 * PIECE / 512)); /* untouched */
    o.job.manual_finalize = false;
    g_assert_true(block_backup_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_NULL);
    g_assert_cmpuint(view(f, "b").count, ==, 0);
    g_assert_cmpuint(byte_in_file(f->target, 5 * PIECE), ==, 0x55);
    g_assert_cmpuint(byte_in_file(f->target, 6 * PIECE), ==, 0x66);
    g_assert_cmpuint(byte_in_file(f->target, 9 * PIECE), ==, 0x98);
}

/* A backup of pieces 3 and 9 that fails at the second, with a write to piece
 * 5 meanwhile; how much is dirty then. */
static uint64_t dirty_after_failure(Fixture *f, BlockBitmapMode mode)
{
    g_autofree char *bad = g_strdup_printf(
        "blkdebug,node-name=bad,image=t,inject-error.0.event=none,"
        "inject-error.0.iotype=write,inject-error.0.sector=%d",
        9 * PIECE / 512);
    BlockBackend *blk = drive_on_node(f, "");
    BlockJobOptions o = by_bitmap(mode);

    g_assert_true(node_from_text(f->m, bad, NULL));
    add(f, "b", 0);
    write_byte(f, blk, 3 * PIECE, 0x33);
    write_byte(f, blk, 9 * PIECE, 0x99);
    o.target = "bad";
    g_assert_true(block_backup_start(f->m, &o, NULL));
    write_byte(f, blk, 5 * PIECE, 0x55);
    wait_for(f, "d", JOB_NULL);
    g_assert_nonnull(strstr(f->events->str, "aborting"));
    return view(f, "b").count;
}

static void failed_backup_leaves_all_dirty(void)
{
    g_autoptr(Fixture) f = setup();

    g_assert_cmpuint(dirty_after_failure(f, BLOCK_BITMAP_ON_SUCCESS), ==,
                     3 * PIECE);
}

static void failed_backup_leaves_the_rest_dirty(void)
{
    g_autoptr(Fixture) f = setup();

    g_assert_cmpuint(dirty_after_failure(f, BLOCK_BITMAP_ALWAYS), ==,
                     2 * PIECE);
}

static void bitmap_may_stay_as_it_is(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "");
    BlockJobOptions o = by_bitmap(BLOCK_BITMAP_NEVER);

    add(f, "b", 0);
    write_byte(f, blk, 3 * PIECE, 0x33);
    o.job.manual_finalize = true;
    g_assert_true(block_backup_start(f->m, &o, NULL));
    write_byte(f, blk, 5 * PIECE, 0x55);
    wait_for(f, "d", JOB_PENDING);
    g_assert_true(job_finalize(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    g_assert_cmpuint(byte_in_file(f->target, 3 * PIECE), ==, 0x33);
    g_assert_cmpuint(view(f, "b").count, ==, 2 * PIECE);
}

/* Whatever the job that goes with it would make of the bitmap. */
static void a_transaction_taken_back_leaves_all_dirty(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "");
    BlockJobOptions o = by_bitmap(BLOCK_BITMAP_ALWAYS);
    BlockBitmapName b = { "s", "b" };
    BlockBitmapsSaved *saved;

    add(f, "b", 0);
    write_byte(f, blk, 3 * PIECE, 0x33);
    saved = block_bitmaps_save(f->m, NULL);
    g_assert_true(block_bitmap_clear(f->m, &b, NULL));
    o.job.manual_finalize = true;
    g_assert_true(block_backup_start(f->m, &o, NULL));
    block_bitmaps_saved_free(saved, true);
    g_assert_true(job_cancel(job_find(f->m, "d"), true, NULL));
    write_byte(f, blk, 5 * PIECE, 0x55);
    wait_for(f, "d", JOB_NULL);
    g_assert_cmpuint(view(f, "b").count, ==, 2 * PIECE);
    g_assert_cmpint(view(f, "b").busy, ==, false);
}

/* A whole copy is where increments begin. */
static void full_backup_cleans_a_bitmap(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "");
    BlockJobOptions o = by_bitmap(BLOCK_BITMAP_ON_SUCCESS);

    add(f, "b", 0);
    write_byte(f, blk, 3 * PIECE, 0x33);
    o.sync = BLOCK_SYNC_FULL;
    g_assert_true(block_backup_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_NULL);
    assert_equal_files(f->source, f->target);
    g_assert_cmpuint(view(f, "b").count, ==, 0);
}

static void bitmaps_of_any_granularity_are_merged(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "");
    BlockBitmapName fine = { "s", "fine" }, coarse = { "s", "coarse" };
    BlockBitmapName all = { "s", "all" }, none = { "s", "none" };
    BlockBitmapName both[] = { fine, coarse }, bad[] = { fine, none };

    add(f, "fine", 512);
    write_byte(f, blk, PIECE, 1);
    g_assert_true(block_bitmap_record(f->m, &fine, false, NULL));
    add(f, "coarse", 2 * PIECE);
    write_byte(f, blk, 6 * PIECE + 512, 1);
    add(f, "all", 4096);
    g_assert_false(block_bitmap_merge(f->m, &all, bad, 2, NULL));
    g_assert_cmpuint(view(f, "all").count, ==, 0);
    g_assert_true(block_bitmap_merge(f->m, &all, both, 2, NULL));
    g_assert_cmpuint(view(f, "all").count, ==, 4096 + 2 * PIECE);
    g_assert_true(block_bitmap_merge(f->m, &coarse, &fine, 1, NULL));
    g_assert_cmpuint(view(f, "coarse").count, ==, 4 * PIECE);
}

static void a_larger_disk_has_a_larger_bitmap(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "");

    add(f, "b", 0);
    write_byte(f, blk, IMAGE - 512, 1);
    g_assert_true(block_resize(f->m, NULL, "s", 3 * IMAGE, NULL));
    g_assert_cmpuint(view(f, "b").count, ==, PIECE);
    write_byte(f, blk, 3 * IMAGE - 512, 1);
    g_assert_cmpuint(view(f, "b").count, ==, 2 * PIECE);
    g_assert_true(block_resize(f->m, NULL, "s", IMAGE - PIECE, NULL));
    g_assert_cmpuint(view(f, "b").count, ==, 0);
    write_byte(f, blk, 0, 1);
    g_assert_true(block_resize(f->m, NULL, "s", IMAGE, NULL));
    g_assert_cmpuint(view(f, "b").count, ==, PIECE);
}

/* A layer has the length of what is below it, which it gets late. */
static void a_layer_that_gets_its_length_is_recorded(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "");
    json_object *o = json_object_new_object();
    BlockBitmapName b = { "o", "b" };

    block_detach(blk);
    json_object_object_add(o, "driver",
                           json_object_new_string("tandem-overlay"));
    json_object_object_add(o, "node-name", json_object_new_string("o"));
    json_object_object_add(o, "backing", NULL);
    g_assert_true(blockdev_add(f->m, o, NULL));
    json_object_put(o);
    g_assert_true(block_bitmap_add(f->m, &b, 0, false, true, NULL));
    g_assert_true(blockdev_snapshot(f->m, "s", "o", NULL));
    write_byte(f, blk, PIECE, 1);
    g_assert_cmpuint(view_of(f, "o", "b").count, ==, PIECE);
}

static void assert_error(Error **err, const char *sentence)
{
    g_assert_nonnull(*err);
    g_assert_cmpstr(error_text(*err), ==, sentence);
    g_clear_pointer(err, error_free);
}

static void mistakes_are_named(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    BlockBitmapName b = { "s", "b" }, other = { "n", "o" }, empty = { "s", "" };
    BlockJobOptions o = by_bitmap(BLOCK_BITMAP_ON_SUCCESS);

    drive_on_node(f, "");
    g_assert_false(block_bitmap_clear(f->m, &b, &err));
    assert_error(&err, "Dirty bitmap 'b' not found");
    g_assert_false(block_bitmap_add(f->m, &empty, 0, false, true, &err));
    assert_error(&err, "Bitmap name cannot be empty");
    g_assert_false(block_bitmap_add(f->m, &b, 1000, false, true, &err));
    assert_error(&err, "Granularity must be power of 2 and at least 512");
    g_assert_false(block_bitmap_add(f->m, &b, 0, true, true, &err));
    assert_error(&err, "Can't store persistent bitmaps to s: Operation not "
                       "supported");
    g_assert_false(block_backup_start(f->m, &o, &err));
    assert_error(&err, "Bitmap 'b' could not be found");
    add(f, "b", 0);
    g_assert_false(block_bitmap_add(f->m, &b, 0, false, true, &err));
    assert_error(&err, "Bitmap already exists: b");
    g_assert_true(node_from_text(f->m, "null-co,node-name=n,size=8E", NULL));
    g_assert_false(block_bitmap_add(f->m, &other, 512, false, true, &err));
    g_assert_nonnull(strstr(error_text(err), "no memory for a bitmap"));
    g_clear_pointer(&err, error_free);
    g_assert_true(block_bitmap_add(f->m, &other, 1u << 31, false, true, NULL));
    g_assert_false(block_bitmap_merge(f->m, &b, &other, 1, &err));
    g_assert_nonnull(strstr(error_text(err), "of different sizes"));
    g_clear_pointer(&err, error_free);
    o.job.speed = 1;
    g_assert_true(block_backup_start(f->m, &o, NULL));
    g_assert_false(block_bitmap_remove(f->m, &b, &err));
    assert_error(&err, "Bitmap 'b' is currently in use by another operation "
                       "and cannot be used");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define ADD(fn) g_test_add_func("/block-bitmaps/" #fn, fn)
    ADD(writes_of_every_kind_are_recorded);
    ADD(what_a_ring_writes_is_recorded);
    ADD(backup_copies_what_the_bitmap_says);
    ADD(failed_backup_leaves_all_dirty);
    ADD(failed_backup_leaves_the_rest_dirty);
    ADD(bitmap_may_stay_as_it_is);
    ADD(a_transaction_taken_back_leaves_all_dirty);
    ADD(full_backup_cleans_a_bitmap);
    ADD(bitmaps_of_any_granularity_are_merged);
    ADD(a_larger_disk_has_a_larger_bitmap);
    ADD(a_layer_that_gets_its_length_is_recorded);
    ADD(mistakes_are_named);
#undef ADD
    return g_test_run();
}
