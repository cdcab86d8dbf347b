/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of requests and bytes: of drives, groups and throttle nodes. */
#include "tandem/base.h"

#include "block-image-test.h"
#include "softmmu/backend/block_job.h"
#include "softmmu/backend/block_query.h"
#include "softmmu/base/rcu.h"
#include "softmmu/machine/create.h"

/* -object @text */
static Object *object_from_text(Fixture *f, const char *text, Error **errp)
{
    json_object *o = keyval_parse(text, "qom-type", NULL);
    Object *obj = user_object_add(f->m, o, errp);

    json_object_put(o);
    return obj;
}

/* A throttle node "t" of group "g", over the image, and a drive on it. */
static BlockBackend *drive_on_node(Fixture *f, const char *limits)
{
    g_autofree char *group = g_strdup_printf("throttle-group,id=g,%s", limits);
    g_autofree char *node = g_strdup_printf(
        "throttle,node-name=t,throttle-group=g,file.driver=file,"
        "file.filename=%s",
        f->path);

    g_assert_nonnull(object_from_text(f, group, NULL));
    g_assert_true(node_from_text(f->m, node, NULL));
    return drive_from_text(
        f->m, "if=none,id=d,format=raw,file.driver=raw,file.file=t", NULL);
}

/* Microseconds of the host that @n reads of 512 bytes take. */
static int64_t time_of_reads(Fixture *f, BlockBackend *blk, int n)
{
    int64_t start = g_get_monotonic_time();
    uint8_t buf[512];

    for (int i = 0; i < n; i++) {
        g_assert_cmpint(request(f->m, blk, BLOCK_READ, 512 * 7, buf, 512), ==,
                        0);
        g_assert_cmpuint(buf[0], ==, 7);
    }
    return g_get_monotonic_time() - start;
}

/* 100 requests a second, ten at once: 30 take a fifth of a second. */
static void limits_hold_requests_back(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw,throttling.iops-total=100", NULL);

    clocks_set_running(f->m->clocks, true);
    g_assert_cmpint(time_of_reads(f, blk, 30), >=, 180000);
    clocks_set_running(f->m->clocks, false);
}

static void drain_does_not_wait_for_limits(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive(f, ",format=raw,bps_rd=1", NULL);
    uint8_t buf[3][512];
    struct iovec iov[3];
    Result r = { 0 };

    for (int i = 0; i < 3; i++) {
        iov[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
        block_submit(blk, BLOCK_READ, 512, 512, &iov[i], 1, 0, done, &r);
    }
    block_drain(blk);
    g_assert_cmpint(r.calls, ==, 3);
    assert_drive_refused(f, ",id=b,bps=1,bps_rd=1", "at the same time");
    assert_drive_refused(f, ",id=b,iops_max=5", "require corresponding");
    assert_drive_refused(f, ",id=b,throttling.foo=5", "throttling.foo");
}

static void throttle_nodes_hold_requests_back(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "x-iops-read=100");

    machine_cont(f->m);
    g_assert_cmpint(time_of_reads(f, blk, 30), >=, 180000);
    machine_stop(f->m, RUN_STATE_PAUSED);
}

/* The node and a drive of the same group: 100 requests together. */
static void disks_and_nodes_share_a_group(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "limits.iops-total=100");
    BlockBackend *other = drive_from_text(
        f->m,
        "if=none,id=e,format=raw,throttling.group=g,throttling.iops-total=100,"
        "file.driver=null-co,file.size=1M,file.read-zeroes=on",
        NULL);
    int64_t start = g_get_monotonic_time();
    uint8_t buf[512];

    machine_cont(f->m);
    for (int i = 0; i < 15; i++) {
        time_of_reads(f, blk, 1);
        g_assert_cmpint(request(f->m, other, BLOCK_READ, 0, buf, 512), ==, 0);
    }
    g_assert_cmpint(g_get_monotonic_time() - start, >=, 180000);
    machine_stop(f->m, RUN_STATE_PAUSED);
}

/* What a layer reads from below comes from a worker, which waits. */
static void layers_wait_for_a_node_below(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk;

    drive_on_node(f, "x-iops-total=100");
    g_assert_true(
        node_from_text(f->m, "tandem-overlay,node-name=o,backing=t", NULL));
    blk = drive_from_text(
        f->m, "if=none,id=e,format=raw,file.driver=raw,file.file=o", NULL);
    machine_cont(f->m);
    g_assert_cmpint(time_of_reads(f, blk, 30), >=, 180000);
    machine_stop(f->m, RUN_STATE_PAUSED);
}

/* At a byte a second the second read would take minutes. */
static void drain_ends_waits_for_a_node_below(void)
{
    g_autoptr(Fixture) f = setup();
    uint8_t buf[3][512];
    struct iovec iov[3];
    Result r = { 0 };
    BlockBackend *blk;

    drive_on_node(f, "x-bps-read=1");
    g_assert_true(
        node_from_text(f->m, "tandem-overlay,node-name=o,backing=t", NULL));
    blk = drive_from_text(
        f->m, "if=none,id=e,format=raw,file.driver=raw,file.file=o", NULL);
    machine_cont(f->m);
    for (int i = 0; i < 3; i++) {
        iov[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
        block_submit(blk, BLOCK_READ, 512, 512, &iov[i], 1, 0, done, &r);
    }
    block_drain(blk);
    g_assert_cmpint(r.calls, ==, 3);
    machine_stop(f->m, RUN_STATE_PAUSED);
}

static uint64_t progress(Job *job)
{
    LOCK_GUARD(&job->lock);
    return job->done;
}

static void set_limits(Object *group, const char *text)
{
    json_object *limits = keyval_parse(text, NULL, NULL);

    g_assert_true(object_set(group, "limits", limits, NULL));
    json_object_put(limits);
}

/* Who waits at a byte a second does not wait on when the limit is gone. */
static void new_limits_end_waits_by_the_old(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_on_node(f, "x-bps-read=1");
    Object *g = object_resolve(f->m->root, "/objects/g", NULL);
    struct iovec iov[3];
    uint8_t buf[3][512];
    Result r = { 0 };

    g_assert_nonnull(g);
    machine_cont(f->m);
    for (int i = 0; i < 3; i++) {
        iov[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
        block_submit(blk, BLOCK_READ, 512, 512, &iov[i], 1, 0, done, &r);
    }
    set_limits(g, "bps-read=0");
    while (r.calls < 3) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, true);
        machine_lock(f->m);
    }
    machine_stop(f->m, RUN_STATE_PAUSED);
}

/* What counts for longer than nanoseconds can say is held back, too. */
static void large_requests_wait_like_others(void)
{
    g_autoptr(Fixture) f = setup();
    BlockBackend *blk = drive_from_text(
        f->m,
        "if=none,id=d,format=raw,discard=unmap,bps=1,file.driver=null-co,"
        "file.size=4E",
        NULL);
    Result r = { 0 };

    machine_cont(f->m);
    g_assert_cmpint(
        request(f->m, blk, BLOCK_DISCARD, 0, NULL, UINT64_C(1) << 61), ==, 0);
    block_submit(blk, BLOCK_DISCARD, 0, 512, NULL, 0, 0, done, &r);
    for (int i = 0; i < 20; i++) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, false);
        g_usleep(1000);
        machine_lock(f->m);
    }
    g_assert_cmpint(r.calls, ==, 0);
    machine_stop(f->m, RUN_STATE_PAUSED);
    g_assert_cmpint(r.calls, ==, 1);
}

/* The end of the machine does not wait for a job that is held back. */
static void the_end_waits_for_no_limit(void)
{
    g_autoptr(Fixture) f = setup();
    BlockJobOptions o = { .job = { .id = "j" }, .device = "t", .target = "to" };

    drive_on_node(f, "x-bps-read=1");
    g_assert_true(node_from_text(f->m, "null-co,node-name=to,size=1M", NULL));
    machine_cont(f->m);
    g_assert_true(block_backup_start(f->m, &o, NULL));
    while (progress(job_find(f->m, "j")) == 0) {
        g_usleep(1000); /* the first piece passes, the next is held */
    }
}

/* Of a job, too, which waits in the group that goes. */
static void a_job_follows_its_node_to_another_group(void)
{
    g_autoptr(Fixture) f = setup();
    BlockJobOptions o = { .job = { .id = "j" }, .device = "r", .target = "to" };
    json_object *n =
        keyval_parse("throttle,node-name=t,throttle-group=h", "driver", NULL);

    drive_on_node(f, "x-bps-read=1");
    g_assert_nonnull(object_from_text(f, "throttle-group,id=h", NULL));
    g_assert_true(node_from_text(f->m, "raw,node-name=r,file=t", NULL));
    g_assert_true(node_from_text(f->m, "null-co,node-name=to,size=1M", NULL));
    machine_cont(f->m);
    g_assert_true(block_backup_start(f->m, &o, NULL));
    while (progress(job_find(f->m, "j")) == 0) {
        g_usleep(1000);
    }
    g_assert_true(blockdev_reopen(f->m, n, NULL));
    json_object_put(n);
    g_assert_true(user_object_del(f->m, "g", NULL));
    while (job_find(f->m, "j")) {
        machine_unlock(f->m);
        loop_poll(f->m->loop, true);
        machine_lock(f->m);
    }
    machine_stop(f->m, RUN_STATE_PAUSED);
}

static void limits_of_a_group_are_shown_and_changed(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    Object *g = object_from_text(
        f, "throttle-group,id=g,x-bps-read=2048,x-bps-read-max=3000", NULL);
    json_object *limits = object_get(g, "limits", NULL), *change;

    g_assert_cmpint(json_object_object_length(limits), ==, 19);
    g_assert_cmpstr(json_get_text(limits, "bps-read"), ==, "2048");
    g_assert_cmpstr(json_get_text(limits, "bps-read-max-length"), ==, "1");
    json_object_put(limits);
    change = keyval_parse("bps-read-max=5000,bps-write=7", NULL, NULL);
    g_assert_true(object_set(g, "limits", change, NULL));
    json_object_put(change);
    limits = object_get(g, "x-bps-read-max", NULL);
    g_assert_cmpint(json_object_get_int(limits), ==, 5000);
    json_object_put(limits);
    change = keyval_parse("bps-total=7", NULL, NULL);
    g_assert_false(object_set(g, "limits", change, &err));
    json_object_put(change);
    g_assert_nonnull(strstr(error_text(err), "at the same time"));
    limits = object_get(g, "limits", NULL);
    g_assert_cmpstr(json_get_text(limits, "bps-total"), ==, "0");
    g_assert_cmpstr(json_get_text(limits, "bps-write"), ==, "7");
    json_object_put(limits);
}

static void assert_object_refused(Fixture *f, const char *text,
                                  const char *sentence)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(object_from_text(f, text, &err));
    g_assert_nonnull(strstr(error_text(err), sentence));
}

static void mistakes_about_groups_are_named(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) no_group = NULL;
    g_autoptr(Error) missing = NULL;

    g_assert_nonnull(drive(f, ",format=raw,id=d,bps=10", NULL));
    assert_object_refused(f, "throttle-group,id=d", "already exists");
    assert_object_refused(f, "throttle-group,id=g,x-bps-read-max-length=0",
                          "cannot be 0");
    assert_object_refused(f, "throttle-group,id=g,limits.bps-read-max-length=0",
                          "expects 1 or more");
    assert_drive_refused(f, ",id=e,bps=1,bps_max=2,bps_max_length=1E",
                         "too much");
    assert_drive_refused(f, ",id=e,bps=1,bps_max=2,bps_max_length=0",
                         "expects 1 or more");
    assert_object_refused(f, "throttle-group,id=g,limits.nosuch=1",
                          "'limits.nosuch' is unexpected");
    assert_object_refused(f, "throttle-group,id=g,x-bps-total=9,x-bps-read=9",
                          "at the same time");
    g_assert_false(node_from_text(
        f->m, "throttle,node-name=t,throttle-group=g,file.driver=null-co",
        &no_group));
    g_assert_nonnull(
        strstr(error_text(no_group), "Throttle group 'g' does not exist"));
    g_assert_false(node_from_text(
        f->m, "throttle,node-name=t,file.driver=null-co", &missing));
    g_assert_nonnull(
        strstr(error_text(missing), "'throttle-group' is missing"));
}

static void a_node_moves_to_another_group(void)
{
    g_autoptr(Fixture) f = setup();
    g_autoptr(Error) err = NULL;
    json_object *o;

    drive_on_node(f, "x-bps-read=1");
    g_assert_nonnull(object_from_text(f, "throttle-group,id=h", NULL));
    g_assert_false(user_object_del(f->m, "g", &err));
    g_assert_cmpstr(error_text(err), ==,
                    "object 'g' is in use, can not be deleted");
    o = keyval_parse("throttle,node-name=t,throttle-group=h,file=nosuch",
                     "driver", NULL);
    g_assert_false(blockdev_reopen(f->m, o, NULL));
    json_object_put(o);
    g_assert_false(user_object_del(f->m, "g", NULL)); /* it is as it was */
    o = keyval_parse("throttle,node-name=t,throttle-group=h", "driver", NULL);
    g_assert_true(blockdev_reopen(f->m, o, NULL));
    json_object_put(o);
    g_assert_true(user_object_del(f->m, "g", NULL));
    g_assert_false(user_object_del(f->m, "h", NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define ADD(fn) g_test_add_func("/block-limits/" #fn, fn)
    ADD(limits_hold_requests_back);
    ADD(drain_does_not_wait_for_limits);
    ADD(throttle_nodes_hold_requests_back);
    ADD(disks_and_nodes_share_a_group);
    ADD(layers_wait_for_a_node_below);
    ADD(drain_ends_waits_for_a_node_below);
    ADD(the_end_waits_for_no_limit);
    ADD(a_job_follows_its_node_to_another_group);
    ADD(new_limits_end_waits_by_the_old);
    ADD(large_requests_wait_like_others);
    ADD(limits_of_a_group_are_shown_and_changed);
    ADD(mistakes_about_groups_are_named);
    ADD(a_node_moves_to_another_group);
#undef ADD
    return g_test_run();
}
