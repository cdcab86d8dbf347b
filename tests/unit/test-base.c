/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of softmmu/base: errors, log, bits, locks, threads, RCU, traces. */
#include "tandem/base.h"

#include <glib/gstdio.h>

#include "softmmu/base/lock.h"
#include "softmmu/base/rcu.h"
#include "softmmu/base/trace.h"

/* errors */

static void error_keeps_text_class_and_hints(void)
{
    g_autoptr(Error) err = NULL;

    error_set_class(&err, ERROR_DEVICE_NOT_FOUND, "no device '%s'", "x");
    g_assert_cmpstr(error_text(err), ==, "no device 'x'");
    g_assert_cmpint(error_class(err), ==, ERROR_DEVICE_NOT_FOUND);
    g_assert_cmpstr(error_class_name(error_class(err)), ==, "DeviceNotFound");
    g_assert_cmpstr(error_hints(err), ==, "");
    error_hint(&err, "first");
    error_hint(&err, "second %d", 2);
    g_assert_cmpstr(error_hints(err), ==, "first\nsecond 2\n");
}

static void error_class_names_are_those_of_the_wire(void)
{
    static const char *const wire[] = {
        "GenericError",   "CommandNotFound", "DeviceNotActive",
        "DeviceNotFound", "KVMMissingCap",
    };

    g_assert_cmpuint(ARRAY_SIZE(wire), ==, ERROR_CLASS_COUNT);
    for (int i = 0; i < ERROR_CLASS_COUNT; i++) {
        g_assert_cmpstr(error_class_name(i), ==, wire[i]);
    }
}

static void error_errno_appends_the_systems_words(void)
{
    g_autoptr(Error) err = NULL;
    g_autofree char *want =
        g_strdup_printf("cannot open 'f': %s", g_strerror(ENOENT));

    error_set_errno(&err, ENOENT, "cannot open '%s'", "f");
    g_assert_cmpstr(error_text(err), ==, want);
}

static void error_prefix_goes_in_front(void)
{
    g_autoptr(Error) err = NULL;

    error_set(&err, "bad value");
    error_prefix(&err, "-device %s: ", "pl011");
    g_assert_cmpstr(error_text(err), ==, "-device pl011: bad value");
}

static void error_without_a_place_is_dropped(void)
{
    Error *src = NULL;

    error_set(NULL, "nobody asks");
    error_hint(NULL, "nobody asks");
    error_prefix(NULL, "nobody asks");
    error_set(&src, "moved to nowhere");
    error_move(NULL, src); /* frees it; ASan would tell */
    error_free(NULL);
}

static void error_move_keeps_the_first(void)
{
    Error *first = NULL, *second = NULL;
    g_autoptr(Error) dst = NULL;

    error_set(&first, "first");
    error_set(&second, "second");
    error_move(&dst, first);
    error_move(&dst, second);
    g_assert_cmpstr(error_text(dst), ==, "first");
}

static void error_suggests_only_what_is_close(void)
{
    static const char *const names[] = { "virtio-blk-pci", "virtio-net-pci",
                                         "pl011", NULL };
    g_autoptr(Error) near = NULL;
    g_autoptr(Error) far = NULL;
    g_autofree char *longest = g_strnfill(5000, 'v');

    error_set(&near, "no");
    error_suggest(&near, "virtio-blk-pic", names);
    g_assert_cmpstr(error_hints(near), ==, "did you mean 'virtio-blk-pci'?\n");
    error_set(&far, "no");
    error_suggest(&far, "e1000", names);
    error_suggest(&far, longest, names);
    error_suggest(&far, "", names);
    g_assert_cmpstr(error_hints(far), ==, "");
}

static void error_report_subprocess(void)
{
    g_autoptr(Error) err = NULL;

    error_set_program("prog");
    error_set(&err, "it broke");
    error_hint(&err, "mend it");
    error_report(err);
    warn_report("odd %d", 7);
}

static void error_report_names_the_program(void)
{
    if (g_test_subprocess()) {
        error_report_subprocess();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("prog: it broke\nmend it\nprog: warning: odd "
                              "7\n");
}

/* bits */

static void bits_of_the_whole_width(void)
{
    g_assert_cmphex(bit_mask(0), ==, 0);
    g_assert_cmphex(bit_mask(64), ==, UINT64_MAX);
    g_assert_cmphex(bits_get(0x123456789abcdef0, 4, 8), ==, 0xef);
    g_assert_cmphex(bits_get(0x123456789abcdef0, 0, 64), ==,
                    0x123456789abcdef0);
    g_assert_cmphex(bits_set(UINT64_MAX, 60, 4, 0), ==, 0x0fffffffffffffff);
    g_assert_cmphex(bits_set(0, 8, 4, 0xff), ==, 0xf00);
    g_assert_cmpint(bits_sext(0x800, 12), ==, -2048);
    g_assert_cmpint(bits_sext(0x7ff, 12), ==, 2047);
    g_assert_cmpint(bits_sext(UINT64_MAX, 64), ==, -1);
    g_assert_cmpint(bits_sext(1, 1), ==, -1);
}

static void bits_alignment(void)
{
    g_assert_cmphex(align_up(0x1001, 0x1000), ==, 0x2000);
    g_assert_cmphex(align_up(0x1000, 0x1000), ==, 0x1000);
    g_assert_cmphex(align_up(UINT64_MAX, 0x1000), ==, 0);
    g_assert_cmphex(align_down(0x1fff, 0x1000), ==, 0x1000);
    g_assert_true(is_power_of_2(BIT(63)));
    g_assert_false(is_power_of_2(0));
    g_assert_false(is_power_of_2(12));
}

static void bits_ranges_do_not_wrap(void)
{
    g_assert_true(range_fits(0, 16, 16));
    g_assert_true(range_fits(16, 0, 16));
    g_assert_false(range_fits(16, 1, 16));
    g_assert_false(range_fits(17, 0, 16));
    g_assert_false(range_fits(8, UINT64_MAX, 16));
    g_assert_false(range_fits(UINT64_MAX, 2, 16));
    g_assert_true(range_overlaps(0, 10, 9, 1));
    g_assert_false(range_overlaps(0, 10, 10, 1));
    g_assert_false(range_overlaps(10, 1, 0, 10));
    g_assert_true(range_overlaps(5, 1, 0, 10));
    g_assert_true(range_overlaps(UINT64_MAX - 3, 4, UINT64_MAX, 1));
}

static void bits_access_is_unaligned_and_ordered(void)
{
    uint8_t buf[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };

    g_assert_cmphex(ld16_le(buf + 1), ==, 0x0201);
    g_assert_cmphex(ld16_be(buf + 1), ==, 0x0102);
    g_assert_cmphex(ld32_le(buf + 1), ==, 0x04030201);
    g_assert_cmphex(ld32_be(buf + 1), ==, 0x01020304);
    g_assert_cmphex(ld64_le(buf + 1), ==, 0x0807060504030201);
    g_assert_cmphex(ld64_be(buf + 1), ==, 0x0102030405060708);
    st32_be(buf + 3, 0xa1b2c3d4);
    g_assert_cmpmem(buf + 3, 4, "\xa1\xb2\xc3\xd4", 4);
    st64_le(buf + 1, 0x1122334455667788);
    g_assert_cmpmem(buf + 1, 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
    st16_le(buf, 0xbeef);
    g_assert_cmpmem(buf, 2, "\xef\xbe", 2);
}

/* log */

typedef struct LogFixture {
    char *dir;
    char *path;
} LogFixture;

static void log_set_up(LogFixture *f, gconstpointer unused)
{
    f->dir = g_dir_make_tmp("tandem-log-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "log", NULL);
}

static void log_tear_down(LogFixture *f, gconstpointer unused)
{
    log_set_mask(0);
    log_open(NULL, NULL);
    g_unlink(f->path);
    g_rmdir(f->dir);
    g_free(f->path);
    g_free(f->dir);
}

static char *log_text(LogFixture *f)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
    return text;
}

static void log_writes_only_classes_that_are_on(LogFixture *f,
                                                gconstpointer unused)
{
    g_autofree char *text = NULL;

    g_assert_true(log_open(f->path, NULL));
    log_set_mask(LOG_INT);
    log_write(LOG_INT, "taken %d\n", 5);
    log_write(LOG_MMU, "not this\n");
    log_write(LOG_INT | LOG_MMU, "either\n");
    text = log_text(f);
    g_assert_cmpstr(text, ==, "taken 5\neither\n");
}

static void log_parses_names_and_refuses_others(LogFixture *f,
                                                gconstpointer unused)
{
    g_autoptr(Error) err = NULL;
    uint32_t mask = 0;

    g_assert_true(log_parse("in_asm,int,guest_errors", &mask, NULL));
    g_assert_cmphex(mask, ==, LOG_IN_ASM | LOG_INT | LOG_GUEST_ERRORS);
    g_assert_true(log_parse("all", &mask, NULL));
    for (const LogClassInfo *c = log_classes(); c->name; c++) {
        g_assert_true(mask & c->bit);
    }
    g_assert_false(log_parse("in_asm,ou_asm", &mask, &err));
    g_assert_cmpstr(error_text(err), ==, "'ou_asm' is not a log class");
    g_assert_cmpstr(error_hints(err), ==, "did you mean 'out_asm'?\n");
}

static void log_file_name_allows_one_thread_mark(LogFixture *f,
                                                 gconstpointer unused)
{
    static const char *const bad[] = { "a%s", "a%d%d", "a%", "%n%d", "%5d" };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_false(log_open(bad[i], &err));
        g_assert_nonnull(err);
    }
}

static void log_file_that_cannot_be_made_is_an_error(LogFixture *f,
                                                     gconstpointer unused)
{
    g_autoptr(Error) err = NULL;
    g_autofree char *path = g_build_filename(f->dir, "none", "log", NULL);

    g_assert_false(log_open(path, &err));
    g_assert_true(g_str_has_prefix(error_text(err), "cannot open log file"));
}

static void log_per_thread_files(LogFixture *f, gconstpointer unused)
{
    g_autofree char *pattern = g_strdup_printf("%s-%%d", f->path);
    g_autofree char *mine = g_strdup_printf("%s-%d", f->path, getpid());
    g_autofree char *text = NULL;

    g_assert_true(log_open(pattern, NULL));
    log_set_mask(LOG_EXEC);
    log_write(LOG_EXEC, "here\n");
    /* The test runs on the main thread, whose id is the process's. */
    g_assert_true(g_file_get_contents(mine, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "here\n");
    g_unlink(mine);
}

static void log_limits_guest_errors(LogFixture *f, gconstpointer unused)
{
    g_autofree char *text = NULL;
    int lines = 0;

    g_assert_true(log_open(f->path, NULL));
    log_guest_error("class is off\n");
    log_set_mask(LOG_GUEST_ERRORS);
    for (int i = 0; i < 5000; i++) {
        log_guest_error("bad access %d\n", i);
    }
    text = log_text(f);
    for (char *p = text; *p; p++) {
        lines += *p == '\n';
    }
    g_assert_true(g_str_has_prefix(text, "bad access 0\n"));
    /* 100 a second: a slow host may see a few seconds pass, not fifty. */
    g_assert_cmpint(lines, >=, 100);
    g_assert_cmpint(lines, <, 5000);
}

static void *log_writer(void *arg)
{
    for (int i = 0; i < 500; i++) {
        log_write(LOG_CPU, "%s\n", (const char *)arg);
    }
    return NULL;
}

static void log_lines_of_threads_stay_whole(LogFixture *f, gconstpointer unused)
{
    g_autofree char *text = NULL;
    g_autofree char *a = g_strnfill(70, 'a'), *b = g_strnfill(90, 'b');
    g_auto(GStrv) lines = NULL;
    Thread ta = { 0 }, tb = { 0 };

    g_assert_true(log_open(f->path, NULL));
    log_set_mask(LOG_CPU);
    thread_start(&ta, "writer-a", log_writer, a);
    thread_start(&tb, "writer-b", log_writer, b);
    thread_join(&ta);
    thread_join(&tb);
    text = log_text(f);
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 1001);
    for (int i = 0; i < 1000; i++) {
        g_assert_true(strcmp(lines[i], a) == 0 || strcmp(lines[i], b) == 0);
    }
}

/* locks and threads */

typedef struct Counter {
    Lock lock;
    Cond cond;
    int64_t value;
    bool go;
} Counter;

static void *count_up(void *arg)
{
    Counter *c = arg;

    {
        LOCK_GUARD(&c->lock);
        while (!c->go) {
            cond_wait(&c->cond, &c->lock);
        }
    }
    for (int i = 0; i < 10000; i++) {
        LOCK_GUARD(&c->lock);
        c->value++;
    }
    return c;
}

static void lock_counts_are_exact_and_broadcast_wakes_all(void)
{
    Counter c = { .value = 0 };
    Thread t[4] = { { 0 } };

    lock_init(&c.lock);
    cond_init(&c.cond);
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        thread_start(&t[i], "counter", count_up, &c);
    }
    lock_acquire(&c.lock);
    c.go = true;
    cond_broadcast(&c.cond);
    lock_release(&c.lock);
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        g_assert_true(thread_join(&t[i]) == &c);
    }
    g_assert_cmpint(c.value, ==, 40000);
    cond_destroy(&c.cond);
    lock_destroy(&c.lock);
}

static void *try_lock(void *arg)
{
    Lock *lock = arg;

    g_assert_false(lock_held(lock));
    if (!lock_try(lock)) {
        return NULL;
    }
    g_assert_true(lock_held(lock));
    lock_release(lock);
    return lock;
}

static void lock_knows_its_holder(void)
{
    Lock lock = LOCK_INIT;
    Thread t = { 0 };

    g_assert_false(lock_held(&lock));
    lock_acquire(&lock);
    g_assert_true(lock_held(&lock));
    thread_start(&t, "other", try_lock, &lock);
    g_assert_null(thread_join(&t));
    lock_release(&lock);
    thread_start(&t, "other", try_lock, &lock);
    g_assert_true(thread_join(&t) == &lock);
    g_assert_false(lock_held(&lock));
}

static void lock_taken_twice_stops_the_program(void)
{
    if (g_test_subprocess()) {
        Lock lock = LOCK_INIT;

        lock_acquire(&lock);
        lock_acquire(&lock);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*lock_held*");
}

static void cond_wait_ends_at_its_deadline(void)
{
    Lock lock = LOCK_INIT;
    Cond cond;
    int64_t before = g_get_monotonic_time();

    cond_init(&cond);
    lock_acquire(&lock);
    g_assert_false(cond_wait_ns(&cond, &lock, 20 * 1000 * 1000));
    g_assert_true(lock_held(&lock));
    lock_release(&lock);
    g_assert_cmpint(g_get_monotonic_time() - before, >=, 19000);
    cond_destroy(&cond);
}

static void *thread_name(void *unused)
{
    char *name = g_malloc0(16);

    pthread_getname_np(pthread_self(), name, 16);
    return name;
}

static void thread_has_its_name_cut_to_fifteen(void)
{
    Thread t = { 0 };
    g_autofree char *name = NULL;

    thread_start(&t, "a-very-long-thread-name", thread_name, NULL);
    g_assert_false(thread_is_self(&t));
    name = thread_join(&t);
    g_assert_cmpstr(name, ==, "a-very-long-thr");
}

/* RCU */

typedef struct Item {
    RcuHead rcu;
    int value;
} Item;

static _Atomic int items_freed;

static void item_free(RcuHead *head)
{
    g_free(container_of(head, Item, rcu));
    atomic_fetch_add(&items_freed, 1);
}

typedef struct RcuTest {
    Item *current;
    _Atomic bool stop;
} RcuTest;

static void *rcu_reader(void *arg)
{
    RcuTest *test = arg;
    uintptr_t seen = 0;

    while (!atomic_load(&test->stop)) {
        rcu_lock();
        rcu_lock(); /* sections nest */
        g_assert_cmpint(rcu_read(&test->current)->value, ==, 42);
        rcu_unlock();
        rcu_unlock();
        seen++;
    }
    return (void *)seen;
}

static void rcu_readers_never_see_freed_items(void)
{
    RcuTest test = { .current = NULL };
    Thread t[2] = { { 0 } };

    rcu_thread_register();
    atomic_store(&items_freed, 0);
    test.current = g_new0(Item, 1);
    test.current->value = 42;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        thread_start(&t[i], "reader", rcu_reader, &test);
    }
    for (int i = 0; i < 2000; i++) {
        Item *next = g_new0(Item, 1), *old = test.current;

        next->value = 42;
        rcu_publish(&test.current, next);
        rcu_defer(&old->rcu, item_free);
    }
    atomic_store(&test.stop, true);
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        thread_join(&t[i]);
    }
    rcu_synchronize_all();
    g_free(test.current);
    rcu_drain();
    g_assert_cmpint(atomic_load(&items_freed), ==, 2000);
    rcu_thread_unregister();
}

/* traces */

static void trace_pattern_that_matches_nothing_is_an_error(void)
{
    g_autoptr(Error) err = NULL;
    uint32_t mask;

    g_assert_false(trace_enable("no_such_event_*", &err));
    g_assert_cmpstr(error_text(err), ==,
                    "no trace event matches 'no_such_event_*'");
    g_assert_false(log_parse("trace:no_such_event", &mask, NULL));
}

static void trace_switches_follow_the_pattern(void)
{
    if (trace_events_all[0] == NULL) {
        g_test_skip("no trace event is linked into this test");
        return;
    }
    g_assert_true(trace_enable("*", NULL));
    for (TraceEvent *const *ev = trace_events_all; *ev; ev++) {
        g_assert_true(atomic_load(&(*ev)->on));
    }
    g_assert_true(trace_enable("-*", NULL));
    for (TraceEvent *const *ev = trace_events_all; *ev; ev++) {
        g_assert_false(atomic_load(&(*ev)->on));
    }
}

static void trace_line_carries_time_name_and_text(LogFixture *f,
                                                  gconstpointer unused)
{
    static const TraceEvent event = { "unit_event", "int v", 1 };
    g_autofree char *text = NULL;

    g_assert_true(log_open(f->path, NULL));
    trace_write(&event, "value %d", 9);
    log_set_mask(LOG_TRACE);
    trace_write(&event, "value %d", 10);
    text = log_text(f);
    g_assert_true(g_regex_match_simple("^\\d+\\.\\d{6} unit_event value 10\n$",
                                       text, 0, 0));
}

#define LOG_TEST(name)                                                         \
    g_test_add("/base/" #name, LogFixture, NULL, log_set_up, name,             \
               log_tear_down)
#define TEST(name) g_test_add_func("/base/" #name, name)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(error_keeps_text_class_and_hints);
    TEST(error_class_names_are_those_of_the_wire);
    TEST(error_errno_appends_the_systems_words);
    TEST(error_prefix_goes_in_front);
    TEST(error_without_a_place_is_dropped);
    TEST(error_move_keeps_the_first);
    TEST(error_suggests_only_what_is_close);
    TEST(error_report_names_the_program);
    TEST(bits_of_the_whole_width);
    TEST(bits_alignment);
    TEST(bits_ranges_do_not_wrap);
    TEST(bits_access_is_unaligned_and_ordered);
    LOG_TEST(log_writes_only_classes_that_are_on);
    LOG_TEST(log_parses_names_and_refuses_others);
    LOG_TEST(log_file_name_allows_one_thread_mark);
    LOG_TEST(log_file_that_cannot_be_made_is_an_error);
    LOG_TEST(log_per_thread_files);
    LOG_TEST(log_limits_guest_errors);
    LOG_TEST(log_lines_of_threads_stay_whole);
    TEST(lock_counts_are_exact_and_broadcast_wakes_all);
    TEST(lock_knows_its_holder);
    TEST(lock_taken_twice_stops_the_program);
    TEST(cond_wait_ends_at_its_deadline);
    TEST(thread_has_its_name_cut_to_fifteen);
    TEST(rcu_readers_never_see_freed_items);
    TEST(trace_pattern_that_matches_nothing_is_an_error);
    TEST(trace_switches_follow_the_pattern);
    LOG_TEST(trace_line_carries_time_name_and_text);
    return g_test_run();
}
