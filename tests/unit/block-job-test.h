/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of jobs have in common: a disk "d", a node "t" of its size as
 * target, the events. */
#ifndef TESTS_UNIT_BLOCK_JOB_TEST_H
#define TESTS_UNIT_BLOCK_JOB_TEST_H

#include "block-test.h"
#include "softmmu/backend/block_job.h"

typedef struct Fixture {
    Bare;
    char *source, *target;
    Notifier on_event;
    GString *events; /* "created running BLOCK_JOB_READY ..." */
} Fixture;

static inline void note_event(Notifier *n, void *data)
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

static inline BlockBackend *drive(Fixture *f, const char *options)
{
    g_autofree char *text = g_strdup_printf("file=%s,if=none,format=raw,id=d%s",
                                            f->source, options);
    BlockBackend *blk = drive_from_text(f->m, text, NULL);

    g_assert_nonnull(blk);
    g_assert_true(block_attach(blk, OBJECT(f->m), true, NULL, NULL, NULL));
    return blk;
}

static inline Fixture *setup(void)
{
    Fixture *f = g_new0(Fixture, 1);
    g_autofree char *text = NULL;

    bare_init((Bare *)f, block_test_lists);
    f->source = g_build_filename(f->dir, "source", NULL);
    f->target = g_build_filename(f->dir, "target", NULL);
    make_image(f->source, 0);
    make_image(f->target, 100);
    f->events = g_string_new("");
    f->on_event.fn = note_event;
    notifier_add(f->m->on_event, &f->on_event);
    text = g_strdup_printf("raw,node-name=t,file.driver=file,file.filename=%s",
                           f->target);
    g_assert_true(node_from_text(f->m, text, NULL));
    return f;
}

static inline void teardown(Fixture *f)
{
    DriveInfo *info = drive_find(f->m, "none", 0);

    if (info) {
        block_detach(info->blk);
    }
    g_unlink(f->source);
    g_unlink(f->target);
    g_free(f->source);
    g_free(f->target);
    bare_destroy((Bare *)f);
    g_string_free(f->events, TRUE);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, teardown)

/* Run the main loop until the job @id has the status; NULL_: until it is
 * gone. */
static inline void wait_for(Fixture *f, const char *id, JobStatus status)
{
    Job *job;

    while ((job = job_find(f->m, id)) != NULL && job->status != status) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, true);
        machine_lock(f->m);
    }
    g_assert_true(job || status == JOB_NULL);
}

static inline void write_byte(Fixture *f, BlockBackend *blk, uint64_t offset,
                              uint8_t value)
{
    uint8_t buf[512];

    memset(buf, value, sizeof(buf));
    g_assert_cmpint(request(f->m, blk, BLOCK_WRITE, offset, buf, 512), ==, 0);
}

static inline uint8_t read_byte(Fixture *f, BlockBackend *blk, uint64_t offset)
{
    uint8_t buf[512];

    g_assert_cmpint(request(f->m, blk, BLOCK_READ, offset, buf, 512), ==, 0);
    return buf[0];
}

static inline void assert_equal_files(const char *a, const char *b)
{
    gsize x_len, y_len;
    g_autofree uint8_t *x = read_file(a, &x_len);
    g_autofree uint8_t *y = read_file(b, &y_len);

    g_assert_cmpmem(x, x_len, y, y_len);
}

#endif
