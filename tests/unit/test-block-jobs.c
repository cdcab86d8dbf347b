/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs on disks: mirror, commit, backup, stream, create; states and verbs. */
#include "tandem/base.h"

#include <glib/gstdio.h>

#include "softmmu/backend/block.h"
#include "softmmu/backend/block_job.h"
#include "softmmu/backend/block_query.h"
#include "softmmu/backend/drive.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/rcu.h"
#include "softmmu/machine/machine.h"
#include "softmmu/memory/backend.h"

static const MachineType bare_type = {
    .name = "bare-machine",
    .parent = TYPE(machine_type),
    .size = sizeof(Machine),
    .machine_name = "bare",
};
static const ObjectType *const bare_types[] = { TYPE(bare_type), NULL };
static const ObjectType *const *const lists[] = {
    machine_types, memory_types, block_types, bare_types, NULL,
};

enum { IMAGE = 1 << 20 };

typedef struct Fixture {
    TypeRegistry *reg;
    Machine *m;
    char *dir, *source, *target;
    Notifier on_event;
    GString *events; /* "created running BLOCK_JOB_READY ..." */
} Fixture;

static void note_event(Notifier *n, void *data)
{
    Fixture *f = container_of(n, Fixture, on_event);
    const MachineEvent *e = data;

    if (strcmp(e->name, "JOB_STATUS_CHANGE") == 0) {
        g_string_append_printf(f->events, "%s ",
                               json_get_text(e->data, "status"));
    } else {
        g_string_append_printf(f->events, "%s ", e->name);
    }
}

static void make_image(const char *path, uint8_t first)
{
    g_autofree uint8_t *data = g_malloc(IMAGE);

    for (int i = 0; i < IMAGE; i++) {
        data[i] = first + i / 512;
    }
    g_assert_true(g_file_set_contents(path, (char *)data, IMAGE, NULL));
}

static BlockBackend *drive(Fixture *f, const char *options)
{
    g_autofree char *text = g_strdup_printf("file=%s,if=none,format=raw,id=d%s",
                                            f->source, options);
    json_object *o = keyval_parse(text, NULL, NULL);
    DriveInfo *info = drive_add(f->m, o, false, NULL);

    json_object_put(o);
    g_assert_nonnull(info);
    g_assert_true(
        block_attach(info->blk, OBJECT(f->m), true, NULL, NULL, NULL));
    return info->blk;
}

static Fixture *setup(void)
{
    Fixture *f = g_new0(Fixture, 1);
    g_autofree char *text = NULL;
    json_object *o;

    f->dir = g_dir_make_tmp("tandem-jobs-XXXXXX", NULL);
    f->source = g_build_filename(f->dir, "source", NULL);
    f->target = g_build_filename(f->dir, "target", NULL);
    make_image(f->source, 0);
    make_image(f->target, 100);
    f->reg = type_registry_new(lists);
    f->m = machine_new(&bare_type, (TypeView){ f->reg, "riscv64" });
    f->events = g_string_new("");
    f->on_event.fn = note_event;
    notifier_add(f->m->on_event, &f->on_event);
    machine_lock(f->m);
    text = g_strdup_printf("raw,node-name=t,file.driver=file,file.filename=%s",
                           f->target);
    o = keyval_parse(text, "driver", NULL);
    g_assert_true(blockdev_add(f->m, o, NULL));
    json_object_put(o);
    return f;
}

static void teardown(Fixture *f)
{
    DriveInfo *info = drive_find(f->m, "none", 0);

    if (info) {
        block_detach(info->blk);
    }
    machine_unlock(f->m);
    machine_free(f->m);
    type_registry_free(f->reg);
    g_unlink(f->source);
    g_unlink(f->target);
    g_rmdir(f->dir);
    g_free(f->source);
    g_free(f->target);
    g_free(f->dir);
    g_string_free(f->events, TRUE);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, teardown)

static void done(void *opaque, int status)
{
    *(int *)opaque = status;
}

static int request(Fixture *f, BlockBackend *blk, BlockOp op, uint64_t offset,
                   void *buf, uint64_t bytes)
{
    struct iovec iov = { buf, bytes };
    int status = 1;

    block_submit(blk, op, offset, bytes, buf ? &iov : NULL, buf ? 1 : 0, 0,
                 done, &status);
    machine_unlock(f->m);
    while (status == 1) {
        loop_poll(f->m->loop, true);
    }
    machine_lock(f->m);
    return status;
}

/* Run the main loop until the job @id has the status; NULL_: until it is
 * gone. */
static void wait_for(Fixture *f, const char *id, JobStatus status)
{
    Job *job;

    while ((job = job_find(f->m, id)) != NULL && job->status != status) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, true);
        machine_lock(f->m);
    }
    g_assert_true(job || status == JOB_NULL);
}

static void write_byte(Fixture *f, BlockBackend *blk, uint64_t offset,
                       uint8_t value)
{
    uint8_t buf[512];

    memset(buf, value, sizeof(buf));
    g_assert_cmpint(request(f, blk, BLOCK_WRITE, offset, buf, 512), ==, 0);
}

static uint8_t read_byte(Fixture *f, BlockBackend *blk, uint64_t offset)
{
    uint8_t buf[512];

    g_assert_cmpint(request(f, blk, BLOCK_READ, offset, buf, 512), ==, 0);
    return buf[0];
}

static void read_file(const char *path, uint8_t *out)
{
    g_autofree char *data = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpuint(len, ==, IMAGE);
    memcpy(out, data, len);
}

static uint8_t byte_in(const char *path, uint64_t offset)
{
    g_autofree uint8_t *data = g_malloc(IMAGE);

    read_file(path, data);
    return data[offset];
}

static void assert_equal_files(const char *a, const char *b)
{
    g_autofree uint8_t *x = g_malloc(IMAGE);
    g_autofree uint8_t *y = g_malloc(IMAGE);

    read_file(a, x);
    read_file(b, y);
    g_assert_cmpint(memcmp(x, y, IMAGE), ==, 0);
}

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
    g_assert_cmpuint(byte_in(f->target, 8192), ==, 0x77);
    g_assert_cmpuint(byte_in(f->source, 8192), !=, 0x77);
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
    g_assert_cmpuint(byte_in(f->source, 0), ==, 0x77);
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
    g_assert_cmpuint(byte_in(f->target, 65536), ==, 0x55);
    g_assert_cmpuint(byte_in(f->target, 0), ==, 100);
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
    g_autofree uint8_t *before = g_malloc(IMAGE);
    g_autofree uint8_t *after = g_malloc(IMAGE);

    read_file(f->source, before);
    g_assert_true(block_backup_start(f->m, &o, NULL));
    for (int i = 0; i < 64; i++) {
        write_byte(f, blk, (uint64_t)(2047 - i * 31) * 512, 0xc0 + i);
    }
    g_assert_true(job_set_speed(job_find(f->m, "d"), 0, NULL));
    wait_for(f, "d", JOB_NULL);
    read_file(f->target, after);
    g_assert_cmpint(memcmp(before, after, IMAGE), ==, 0);
    g_assert_cmpuint(byte_in(f->source, 2047 * 512), ==, 0xc0);
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
    g_assert_cmpuint(byte_in(f->target, 512), ==, 1);
    g_assert_cmpuint(byte_in(f->target, 65536), ==, 228);
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
    g_assert_cmpuint(byte_in(f->source, 65536), ==, 128);
    g_assert_true(block_commit_start(f->m, &o, NULL));
    wait_for(f, "d", JOB_READY);
    write_byte(f, blk, 131072, 0xdd);
    g_assert_true(job_complete(job_find(f->m, "d"), NULL));
    wait_for(f, "d", JOB_NULL);
    g_assert_cmpuint(byte_in(f->source, 65536), ==, 0xee);
    g_assert_cmpuint(byte_in(f->source, 131072), ==, 0xdd);
    write_byte(f, blk, 0, 0xcc); /* the image is the disk now */
    g_assert_cmpuint(byte_in(f->source, 0), ==, 0xcc);
}

static void commit_at_once_empties_the_layer(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",snapshot=on");

    write_byte(f, blk, 65536, 0xee);
    g_assert_true(block_commit_now(f->m, "d", NULL));
    g_assert_cmpuint(byte_in(f->source, 65536), ==, 0xee);
    write_byte(f, blk, 65536, 0xdd); /* into the layer again */
    g_assert_cmpuint(byte_in(f->source, 65536), ==, 0xee);
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
    g_assert_false(block_stream_start(f->m, &o, NULL));
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
    ADD(image_is_created_by_a_job);
#undef ADD
    return g_test_run();
}
