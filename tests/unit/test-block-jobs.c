/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs on disks: mirror, commit, backup, stream, create; states and verbs. */
#include "tandem/base.h"

#include "block-job-test.h"
#include "softmmu/backend/block_query.h"
#include "softmmu/base/rcu.h"

/* --- mirror --- */

static void mirror_and_pivot(Fixture *f, bool write_blocking)
{
    BlockBackend *blk = drive(f, "");
    BlockJobOptions o = { .device = "d",
                          .target = "t",
                          .write_blocking = write_blocking };

    g_assert_true(block_mirror_start(f->m, &o, NULL));
    for (int i = 0; i < 64; i++) { /* while it copies */
        write_byte(f, blk, (uint64_t)(i * 37 % 2048) * 512, 0xc0 + i);
    }
    wait_for(f, "d", JOB_READY);
    write_byte(f, blk, 4096, 0xee);
    g_assert_true(job_complete(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    assert_equal_files(f->source, f->target);
    write_byte(f, blk, 8192, 0x77); /* the target is the disk now */
    g_assert_cmpuint(byte_in_file(f->target, 8192), ==, 0x77);
    g_assert_cmpuint(byte_in_file(f->source, 8192), !=, 0x77);
    g_assert_false(blockdev_del(f->m, "t", NULL));
}

static void mirrored_disk_moves_to_its_equal(void)
{
    g_autoptr(Fixture) f = setup();

    mirror_and_pivot(f, false);
    g_assert_cmpstr(f->events->str, ==,
                    "created running ready BLOCK_JOB_READY waiting pending "
                    "BLOCK_JOB_COMPLETED concluded null ");
}

static void write_blocking_mirror_does_too(void)
{
    g_autoptr(Fixture) f = setup();

    mirror_and_pivot(f, true);
}

static void mirror_cancelled_when_ready_leaves_a_copy(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, "");
    BlockJobOptions o = { .device = "d", .target = "t", .job.id = "j" };

    g_assert_true(block_mirror_start(f->m, &o, NULL));
    wait_for(f, "j", JOB_READY);
    g_assert_true(job_cancel(job_find(f->m, "j"), false, NULL));
    wait_for(f, "j", JOB_NULL);
    assert_equal_files(f->source, f->target);
    write_byte(f, blk, 0, 0x77);
    g_assert_cmpuint(byte_in_file(f->source, 0), ==, 0x77);
    g_assert_true(blockdev_del(f->m, "t", NULL)); /* nobody uses it */
    g_assert_nonnull(strstr(f->events->str, "BLOCK_JOB_COMPLETED"));
}

static void mirror_of_nothing_follows_writes_only(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, "");
    BlockJobOptions o = { .device = "d",
                          .target = "t",
                          .sync = BLOCK_SYNC_NONE };

    g_assert_true(block_mirror_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_READY);
    write_byte(f, blk, 65536, 0x55);
    g_assert_true(job_complete(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    g_assert_cmpuint(byte_in_file(f->target, 65536), ==, 0x55);
    g_assert_cmpuint(byte_in_file(f->target, 0), ==, 100);
}

static void pending_job_waits_to_be_finalized_and_dismissed(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, "");
    BlockJobOptions o = { .device = "d",
                          .target = "t",
                          .job = { .manual_finalize = true,
                                   .manual_dismiss = true } };
    g_autoptr(Error) err = NULL;

    g_assert_true(block_mirror_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_READY);
    g_assert_false(job_finalize(job_find(f->m, "d"), &err));
    g_assert_cmpstr(error_text(err), ==,
                    "Job 'd' in state 'ready' cannot accept command verb "
                    "'finalize'");
    g_assert_true(job_complete(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_PENDING);
    write_byte(f, blk, 512, 0x99); /* it follows until the end */
    g_assert_true(job_finalize(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_CONCLUDED);
    assert_equal_files(f->source, f->target);
    g_assert_true(job_dismiss(job_find(f->m, "d"), NULL));
    g_assert_null(job_find(f->m, "d"));
}

static void paused_job_stands_and_a_slow_one_is_cancelled(void)
{
    g_autoptr(Fixture) f = setup();
    BlockJobOptions o = { .device = "d", .target = "t", .job.speed = 4096 };

    drive(f, "");
    g_assert_true(block_mirror_start(f->m, &o, NULL));
    g_assert_true(job_pause(job_find(f->m, "d"), NULL));
    g_assert_false(job_pause(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_PAUSED);
    g_assert_true(job_resume(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_RUNNING);
    g_assert_true(job_cancel(job_find(f->m, "d"), true, NULL));
    wait_for(f, "d", JOB_NULL);
    g_assert_nonnull(strstr(f->events->str,
                            "paused running aborting BLOCK_JOB_CANCELLED "
                            "concluded null"));
}

static void mistakes_of_a_mirror_are_named(void)
{
    g_autoptr(Fixture) f = setup();
    BlockJobOptions o = { .device = "d", .target = "nosuch" };
    BlockJobOptions odd = { .device = "d", .target = "t", .granularity = 3 };
    BlockJobOptions again = { .device = "d",
                              .target = "t",
                              .job = { .id = "two" } };
    g_autoptr(Error) err = NULL;

    drive(f, "");
    g_assert_false(block_mirror_start(f->m, &o, NULL));
    g_assert_false(block_mirror_start(f->m, &odd, NULL));
    o.target = "t";
    o.job.speed = 4096;
    g_assert_true(block_mirror_start(f->m, &o, NULL));
    g_assert_false(block_mirror_start(f->m, &again, &err));
    g_assert_nonnull(strstr(error_text(err), "in use by a block job"));
    g_assert_false(blockdev_del(f->m, "t", NULL));
    g_assert_false(block_inactivate_all(f->m, NULL));
    g_assert_false(block_resize(f->m, "d", NULL, 2 * IMAGE, NULL));
}

/* A target that refuses: the job waits, and goes on when told to. */
static void failing_target_pauses_the_job(void)
{
    g_autoptr(Fixture) f = setup();
    BlockJobOptions o = { .device = "d",
                          .target = "t",
                          .on_target = BLOCK_ON_ERROR_STOP };

    drive(f, "");
    g_assert_true(blockdev_set_active(f->m, "t", false, NULL));
    g_assert_true(block_mirror_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_PAUSED);
    g_assert_nonnull(strstr(f->events->str, "BLOCK_JOB_ERROR"));
    g_assert_true(blockdev_set_active(f->m, "t", true, NULL));
    g_assert_true(job_resume(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_READY);
    g_assert_true(job_complete(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    assert_equal_files(f->source, f->target);
}

/* --- backup --- */

static void backup_is_the_disk_as_it_was(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, "");
    BlockJobOptions o = { .device = "d", .target = "t", .job.speed = 2 << 20 };
    g_autofree uint8_t *after = NULL;
    gsize len, after_len;
    g_autofree uint8_t *before = read_file(f->source, &len);

    g_assert_true(block_backup_start(f->m, &o, NULL));
    for (int i = 0; i < 64; i++) {
        write_byte(f, blk, (uint64_t)(2047 - i * 31) * 512, 0xc0 + i);
    }
    g_assert_true(job_set_speed(job_find(f->m, "d"), 0, NULL));
    wait_for(f, "d", JOB_NULL);
    after = read_file(f->target, &after_len);
    g_assert_cmpmem(before, len, after, after_len);
    g_assert_cmpuint(byte_in_file(f->source, 2047 * 512), ==, 0xc0);
    g_assert_cmpuint(read_byte(f, blk, 2047 * 512), ==, 0xc0);
    g_assert_true(blockdev_del(f->m, "t", NULL));
}

static void backup_of_nothing_keeps_what_is_overwritten(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, "");
    BlockJobOptions o = { .device = "d",
                          .target = "t",
                          .sync = BLOCK_SYNC_NONE };

    g_assert_true(block_backup_start(f->m, &o, NULL));
    write_byte(f, blk, 512, 0xee);
    g_assert_cmpuint(byte_in_file(f->target, 512), ==, 1);
    g_assert_cmpuint(byte_in_file(f->target, 65536), ==, 228);
    g_assert_true(job_cancel(job_find(f->m, "d"), true, NULL));
    wait_for(f, "d", JOB_NULL);
}

/* --- commit, stream --- */

static void commit_writes_the_layer_down(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",snapshot=on");
    BlockJobOptions o = { .device = "d" };

    write_byte(f, blk, 65536, 0xee);
    g_assert_cmpuint(byte_in_file(f->source, 65536), ==, 128);
    g_assert_true(block_commit_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_READY);
    write_byte(f, blk, 131072, 0xdd);
    g_assert_true(job_complete(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    g_assert_cmpuint(byte_in_file(f->source, 65536), ==, 0xee);
    g_assert_cmpuint(byte_in_file(f->source, 131072), ==, 0xdd);
    write_byte(f, blk, 0, 0xcc); /* the image is the disk now */
    g_assert_cmpuint(byte_in_file(f->source, 0), ==, 0xcc);
}

static void commit_at_once_empties_the_layer(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",snapshot=on");

    write_byte(f, blk, 65536, 0xee);
    g_assert_true(block_commit_now(f->m, "d", NULL));
    g_assert_cmpuint(byte_in_file(f->source, 65536), ==, 0xee);
    write_byte(f, blk, 65536, 0xdd); /* into the layer again */
    g_assert_cmpuint(byte_in_file(f->source, 65536), ==, 0xee);
    g_assert_cmpuint(read_byte(f, blk, 65536), ==, 0xdd);
    g_assert_false(block_commit_now(f->m, "t", NULL));
}

static void streamed_layer_needs_nothing_below(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",snapshot=on");
    BlockJobOptions o = { .device = "d" };

    write_byte(f, blk, 65536, 0xee);
    g_assert_true(block_stream_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_NULL);
    make_image(f->source, 50); /* nobody reads it any more */
    g_assert_cmpuint(read_byte(f, blk, 65536), ==, 0xee);
    g_assert_cmpuint(read_byte(f, blk, 512), ==, 1);
    g_assert_true(block_stream_start(f->m, &o, NULL)); /* nothing to do */
    wait_for(f, "d", JOB_NULL);
}

/* Lay a new layer called @name over @node. */
static void snapshot(Fixture *f, const char *node, const char *name)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "driver",
                           json_object_new_string("tandem-overlay"));
    json_object_object_add(o, "node-name", json_object_new_string(name));
    json_object_object_add(o, "backing", NULL);
    g_assert_true(blockdev_add(f->m, o, NULL));
    json_object_put(o);
    g_assert_false(blockdev_snapshot(f->m, name, name, NULL));
    g_assert_true(blockdev_snapshot(f->m, node, name, NULL));
    g_assert_false(blockdev_snapshot(f->m, node, name, NULL));
}

/* d: a drive on the source; x over it, y over x, z over y, with a byte of its
 * own in each. */
static BlockBackend *chain(Fixture *f)
{
    BlockBackend *blk = drive(f, ",node-name=n");
    const char *names[] = { "x", "y", "z" };

    for (int i = 0; i < 3; i++) {
        snapshot(f, "d", names[i]);
        write_byte(f, blk, 65536 * (i + 1), 0xe0 + i);
        write_byte(f, blk, 65536 * 8, 0xf0 + i); /* in all */
    }
    return blk;
}

static void assert_chain_reads(Fixture *f, BlockBackend *blk)
{
    g_assert_cmpuint(read_byte(f, blk, 512), ==, 1);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(read_byte(f, blk, 65536 * (i + 1)), ==, 0xe0 + i);
    }
    g_assert_cmpuint(read_byte(f, blk, 65536 * 8), ==, 0xf2);
}

static void snapshots_pile_up_and_leave_the_image_alone(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;

    assert_chain_reads(f, chain(f));
    g_assert_cmpuint(byte_in_file(f->source, 65536), ==, 128);
    g_assert_false(blockdev_del(f->m, "x", NULL));
    g_assert_false(blockdev_snapshot(f->m, "d", "t", &err));
    g_assert_cmpstr(error_text(err), ==,
                    "The overlay does not support backing images");
}

static void middle_layers_are_committed_while_the_top_stays(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = chain(f);
    BlockJobOptions o = { .device = "d", .top = "y", .job.id = "j" };

    g_assert_true(block_commit_start(f->m, &o, NULL));
    wait_for(f, "j", JOB_NULL); /* it does not wait to be completed */
    assert_chain_reads(f, blk);
    g_assert_cmpuint(byte_in_file(f->source, 65536), ==, 0xe0);
    g_assert_cmpuint(byte_in_file(f->source, 65536 * 2), ==, 0xe1);
    g_assert_cmpuint(byte_in_file(f->source, 65536 * 3), ==, 128);
    g_assert_cmpuint(byte_in_file(f->source, 65536 * 8), ==, 0xf1);
    g_assert_true(blockdev_del(f->m, "y", NULL));
    g_assert_true(blockdev_del(f->m, "x", NULL));
    write_byte(f, blk, 0, 0xcc); /* still into z */
    g_assert_cmpuint(byte_in_file(f->source, 0), ==, 0);
}

static void whole_chain_is_committed_from_its_top(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = chain(f);
    BlockJobOptions o = { .device = "d" };

    g_assert_true(block_commit_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_READY);
    g_assert_true(job_complete(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    assert_chain_reads(f, blk);
    g_assert_cmpuint(byte_in_file(f->source, 65536 * 8), ==, 0xf2);
    for (const char *name = "zyx"; *name; name++) {
        char text[] = { *name, 0 };

        g_assert_true(blockdev_del(f->m, text, NULL));
    }
}

static void layer_is_streamed_down_to_a_base(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = chain(f);
    BlockJobOptions o = { .device = "d", .base = "t" };

    g_assert_false(block_stream_start(f->m, &o, NULL));
    o.base = "x";
    g_assert_true(block_stream_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_NULL);
    assert_chain_reads(f, blk);
    g_assert_true(blockdev_del(f->m, "y", NULL));
    g_assert_false(blockdev_del(f->m, "x", NULL)); /* z lies on it */
    assert_chain_reads(f, blk);
}

/* A filter between the layers would hide what stream has to take. */
static void layers_between_belong_to_the_stream(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = chain(f);
    BlockJobOptions o = { .device = "d", .base = "n", .job.id = "j" };
    BlockJobOptions mid = { .device = "y", .base = "x", .job.id = "k" };
    g_autoptr(Error) err = NULL;

    o.job.speed = 1; /* until it is cancelled */
    g_assert_true(block_stream_start(f->m, &o, NULL));
    g_assert_false(block_commit_start(f->m, &mid, &err));
    g_assert_cmpstr(error_text(err), ==,
                    "Node 'y' is busy: block device is in use by a block job");
    g_assert_true(job_cancel(job_find(f->m, "j"), true, NULL));
    wait_for(f, "j", JOB_NULL);
    assert_chain_reads(f, blk);
    g_assert_true(block_commit_start(f->m, &mid, NULL)); /* free again */
    wait_for(f, "k", JOB_READY);
    g_assert_true(job_cancel(job_find(f->m, "k"), true, NULL));
    wait_for(f, "k", JOB_NULL);
    assert_chain_reads(f, blk);
}

static void mistakes_about_chains_are_named(void)
{
    static const struct {
        const char *top, *base, *sentence;
    } cases[] = {
        { "t", NULL, "'t' is not in this backing file chain" },
        { NULL, "t", "'t' is not in this backing file chain" },
        { "x", "y", "'y' is not in this backing file chain" },
        { "n", NULL, "cannot commit an image into itself" },
    };
    g_autoptr(Fixture) f = setup();

    chain(f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        BlockJobOptions o = { .device = "d",
                              .top = cases[i].top,
                              .base = cases[i].base };
        g_autoptr(Error) err = NULL;

        g_assert_false(block_commit_start(f->m, &o, &err));
        g_assert_cmpstr(error_text(err), ==, cases[i].sentence);
    }
}

/* --- create --- */

static void image_is_created_by_a_job(void)
{
    g_autoptr(Fixture) f = setup();
    g_autofree char *text = g_strdup_printf(
        "driver=file,filename=%s,size=4M,preallocation=falloc", f->target);
    json_object *o = keyval_parse(text, NULL, NULL);
    GStatBuf st;

    g_assert_true(blockdev_del(f->m, "t", NULL));
    g_assert_true(block_create_start(f->m, "c", o, NULL));
    json_object_put(o);
    wait_for(f, "c", JOB_CONCLUDED);
    g_assert_null(job_find(f->m, "c")->error);
    g_assert_cmpint(g_stat(f->target, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 4 << 20);
    o = keyval_parse("driver=file,filename=/no/such/dir/x,size=1M", NULL, NULL);
    g_assert_true(block_create_start(f->m, "bad", o, NULL));
    json_object_put(o);
    wait_for(f, "bad", JOB_CONCLUDED);
    g_assert_nonnull(job_find(f->m, "bad")->error);
    g_assert_true(job_dismiss(job_find(f->m, "c"), NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define ADD(fn) g_test_add_func("/block-jobs/" #fn, fn)
    ADD(mirrored_disk_moves_to_its_equal);
    ADD(write_blocking_mirror_does_too);
    ADD(mirror_cancelled_when_ready_leaves_a_copy);
    ADD(mirror_of_nothing_follows_writes_only);
    ADD(pending_job_waits_to_be_finalized_and_dismissed);
    ADD(paused_job_stands_and_a_slow_one_is_cancelled);
    ADD(mistakes_of_a_mirror_are_named);
    ADD(failing_target_pauses_the_job);
    ADD(backup_is_the_disk_as_it_was);
    ADD(backup_of_nothing_keeps_what_is_overwritten);
    ADD(commit_writes_the_layer_down);
    ADD(commit_at_once_empties_the_layer);
    ADD(streamed_layer_needs_nothing_below);
    ADD(snapshots_pile_up_and_leave_the_image_alone);
    ADD(middle_layers_are_committed_while_the_top_stays);
    ADD(whole_chain_is_committed_from_its_top);
    ADD(layer_is_streamed_down_to_a_base);
    ADD(layers_between_belong_to_the_stream);
    ADD(mistakes_about_chains_are_named);
    ADD(image_is_created_by_a_job);
#undef ADD
    return g_test_run();
}
