/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects that users make: memory-backend-*, secret, iothread, rng-*. */
#include "tandem/base.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "bare-machine.h"
#include "softmmu/backend/rng.h"
#include "softmmu/backend/secret.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/rcu.h"
#include "softmmu/loop/iothread.h"
#include "softmmu/machine/create.h"
#include "softmmu/memory/backend.h"

static const ObjectType *const bare_types[] = { TYPE(bare_type), NULL };
static const ObjectType *const *const lists[] = {
    machine_types, memory_types, loop_types, backend_types, bare_types, NULL,
};

static Bare *setup(void)
{
    Bare *f = g_new0(Bare, 1);

    bare_init(f, lists);
    return f;
}

static void teardown(Bare *f)
{
    bare_destroy(f);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bare, teardown)

/* -object @text */
static Object *add(Bare *f, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "qom-type", NULL);
    Object *obj = user_object_add(f->m, options, errp);

    json_object_put(options);
    return obj;
}

static Object *must_add(Bare *f, const char *text)
{
    g_autoptr(Error) err = NULL;
    Object *obj = add(f, text, &err);

    g_assert_cmpstr(err ? error_text(err) : "", ==, "");
    return obj;
}

/* -object @text is refused with @sentence, and leaves nothing behind. */
static void assert_refused(Bare *f, const char *text, const char *sentence)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(add(f, text, &err));
    g_assert_cmpstr(error_text(err), ==, sentence);
    g_assert_null(object_child(f->m->objects, "x"));
}

/* --- memory backends --- */

static void ram_is_of_the_size_asked_for(void)
{
    g_autoptr(Bare) f = setup();
    MemoryBackend *mb =
        (MemoryBackend *)must_add(f, "memory-backend-ram,id=x,size=1M");

    g_assert_cmpuint(mb->block->size, ==, MiB);
    g_assert_cmpstr(mb->block->id, ==, "/objects/x");
    g_assert_cmpuint(memory_backend_size(f->m, "x", NULL), ==, MiB);
    g_assert_cmpint(mb->block->host[MiB - 1], ==, 0);
    g_assert_true(user_object_del(f->m, "x", NULL));
    g_assert_null(ram_block_find(f->m->ms, "/objects/x"));
}

static void a_size_is_needed_and_not_zero(void)
{
    g_autoptr(Bare) f = setup();

    assert_refused(f, "memory-backend-ram,id=x", "Parameter 'size' is missing");
    assert_refused(f, "memory-backend-ram,id=x,size=0",
                   "property 'size' of memory-backend-ram doesn't take value "
                   "'0'");
    assert_refused(f, "memory-backend-ram,id=x,size=1M,prealloc-threads=0",
                   "property 'prealloc-threads' of memory-backend-ram doesn't "
                   "take value '0'");
}

static void a_claimed_backend_is_not_deleted_or_used_twice(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) twice = NULL, in_use = NULL, size = NULL, none = NULL;
    MemoryRegion *mr;

    must_add(f, "memory-backend-ram,id=x,size=1M");
    g_assert_null(memory_backend_claim(f->m, "x", 2 * MiB, &size));
    g_assert_cmpstr(error_text(size), ==,
                    "Machine memory size does not match the size of the "
                    "memory backend");
    mr = memory_backend_claim(f->m, "x", MiB, NULL);
    g_assert_nonnull(mr);
    g_assert_null(memory_backend_claim(f->m, "x", MiB, &twice));
    g_assert_cmpstr(error_text(twice), ==,
                    "memory backend x can't be used multiple times");
    g_assert_false(user_object_del(f->m, "x", &in_use));
    g_assert_cmpstr(error_text(in_use), ==,
                    "object 'x' is in use, can not be deleted");
    memory_backend_release(mr);
    g_assert_true(user_object_del(f->m, "x", NULL));
    g_assert_null(memory_backend_claim(f->m, "x", MiB, &none));
    g_assert_cmpstr(error_text(none), ==, "Memory backend 'x' not found");
}

static void the_default_backend_is_an_object_too(void)
{
    g_autoptr(Bare) f = setup();

    g_assert_true(memory_backend_new_default(f->m, "mach.ram", MiB, NULL));
    g_assert_nonnull(object_child(f->m->objects, "mach.ram"));
    g_assert_false(memory_backend_new_default(f->m, "mach.ram", MiB, NULL));
}

static void a_sealed_memfd_keeps_its_size(void)
{
    g_autoptr(Bare) f = setup();
    MemoryBackend *a =
        (MemoryBackend *)must_add(f, "memory-backend-memfd,id=a,size=1M");
    MemoryBackend *b = (MemoryBackend *)must_add(
        f, "memory-backend-memfd,id=b,size=1M,seal=off");

    g_assert_true(a->block->shared);
    g_assert_cmpint(ftruncate(a->block->fd, 0), ==, -1);
    g_assert_cmpint(ftruncate(b->block->fd, 2 * MiB), ==, 0);
    assert_refused(f,
                   "memory-backend-memfd,id=x,size=3M,hugetlb=on,"
                   "hugetlbsize=3M",
                   "Hugepage size must be a power of 2");
}

static void numa_policies_are_checked_and_bound(void)
{
    g_autoptr(Bare) f = setup();

    assert_refused(f, "memory-backend-ram,id=x,size=1M,policy=bind",
                   "host-nodes must be set for policy bind");
    assert_refused(f, "memory-backend-ram,id=x,size=1M,host-nodes=0",
                   "host-nodes must be empty for policy default, or you "
                   "should explicitly specify a policy other than default");
    assert_refused(f, "memory-backend-ram,id=x,size=1M,policy=x",
                   "Parameter 'policy' does not accept value 'x'");
    assert_refused(f,
                   "memory-backend-ram,id=x,size=1M,policy=bind,"
                   "host-nodes=500",
                   "Parameter 'host-nodes' expects a list of node numbers "
                   "below 128");
    assert_refused(f,
                   "memory-backend-ram,id=x,size=1M,policy=bind,"
                   "host-nodes=127",
                   "cannot bind memory to host NUMA nodes: Invalid argument");
}

static char *path_of(Bare *f, const char *name)
{
    return g_build_filename(f->dir, name, NULL);
}

static void a_file_is_made_grown_and_shared(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *path = path_of(f, "ram");
    g_autofree char *text = g_strdup_printf(
        "memory-backend-file,id=x,size=64k,share=on,mem-path=%s", path);
    MemoryBackend *mb = (MemoryBackend *)must_add(f, text);
    char seen[5] = { 0 };
    int fd;

    memcpy(mb->block->host + 4096, "guest", 5);
    fd = open(path, O_RDONLY);
    g_assert_cmpint(pread(fd, seen, 5, 4096), ==, 5);
    g_assert_cmpmem(seen, 5, "guest", 5);
    close(fd);
    g_assert_true(user_object_del(f->m, "x", NULL));
    g_unlink(path);
}

static void a_private_file_is_not_written(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *path = path_of(f, "ram");
    g_autofree char *text =
        g_strdup_printf("memory-backend-file,id=x,size=4k,mem-path=%s", path);
    g_autofree char *zeros = g_malloc0(4096);
    g_autofree char *now = NULL;
    MemoryBackend *mb;

    g_assert_true(g_file_set_contents(path, zeros, 4096, NULL));
    mb = (MemoryBackend *)must_add(f, text);
    mb->block->host[0] = 'x';
    g_assert_true(g_file_get_contents(path, &now, NULL, NULL));
    g_assert_cmpint(now[0], ==, 0);
    g_unlink(path);
}

static void a_file_backend_refuses_what_does_not_fit(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *path = path_of(f, "small");
    g_autofree char *text =
        g_strdup_printf("memory-backend-file,id=x,size=8k,mem-path=%s", path);
    g_autofree char *align = g_strconcat(text, ",align=3k", NULL);
    g_autofree char *gone = g_strconcat(text, ".not,readonly=on", NULL);
    g_autofree char *sentence = g_strdup_printf(
        "can't open backing store %s.not for guest RAM: No such file or "
        "directory",
        path);

    g_assert_true(g_file_set_contents(path, "abc", 3, NULL));
    assert_refused(f, text,
                   "x backing store size 0x3 is too small for 'size' option "
                   "0x2000 plus 'offset' option 0x0");
    assert_refused(f, align,
                   "alignment 0xc00 must be multiples of page size 0x1000");
    assert_refused(f, gone, sentence);
    assert_refused(f, "memory-backend-file,id=x,size=8k",
                   "Parameter 'mem-path' is missing");
    g_unlink(path);
}

static void a_folder_gives_a_file_without_a_name(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *text =
        g_strdup_printf("memory-backend-file,id=x,size=8k,mem-path=%s", f->dir);
    MemoryBackend *mb = (MemoryBackend *)must_add(f, text);
    struct stat st;

    g_assert_cmpint(fstat(mb->block->fd, &st), ==, 0);
    g_assert_cmpuint(st.st_nlink, ==, 0);
    g_assert_cmpuint(st.st_size, ==, 8192);
}

static void a_readonly_file_is_rom(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *path = path_of(f, "rom");
    g_autofree char *text = g_strdup_printf(
        "memory-backend-file,id=x,size=4k,readonly=on,offset=4k,mem-path=%s",
        path);
    g_autofree char *bytes = g_malloc0(8192);
    MemoryRegion *mr;
    uint32_t v = 0;

    bytes[4096] = 'R';
    g_assert_true(g_file_set_contents(path, bytes, 8192, NULL));
    must_add(f, text);
    mr = memory_backend_claim(f->m, "x", 4096, NULL);
    memory_region_add(&f->m->system, 0, mr);
    g_assert_cmpint(address_space_read(&f->m->memory, 0, MEM_ATTRS_CPU, &v, 4),
                    ==, MEM_OK);
    g_assert_cmphex(v, ==, 'R');
    g_assert_cmpint(address_space_write(&f->m->memory, 0, MEM_ATTRS_CPU, &v, 4),
                    ==, MEM_ACCESS_ERROR);
    memory_region_del(&f->m->system, mr);
    memory_backend_release(mr);
    g_unlink(path);
}

static void only_live_properties_change_later(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) err = NULL;
    Object *obj = must_add(f, "memory-backend-ram,id=x,size=1M");

    g_assert_true(object_set_text(obj, "merge", "off", NULL));
    g_assert_true(object_set_text(obj, "dump", "off", NULL));
    g_assert_false(object_set_text(obj, "size", "2M", &err));
    g_assert_nonnull(err);
}

/* --- secrets --- */

static void assert_secret(Bare *f, const char *id, const char *want)
{
    g_autoptr(Error) err = NULL;
    size_t len = 0;
    g_autofree uint8_t *bytes = secret_lookup(f->m->objects, id, &len, &err);

    g_assert_cmpstr(err ? error_text(err) : "", ==, "");
    g_assert_cmpmem(bytes, len, want, strlen(want));
}

static void a_secret_comes_from_text_file_or_base64(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *path = path_of(f, "key");
    g_autofree char *text = g_strdup_printf("secret,id=file,file=%s", path);

    g_assert_true(g_file_set_contents(path, "from a file", -1, NULL));
    must_add(f, "secret,id=plain,data=pass word");
    must_add(f, "secret,id=coded,data=bGV0dGVycw==,format=base64");
    must_add(f, text);
    assert_secret(f, "plain", "pass word");
    assert_secret(f, "coded", "letters");
    assert_secret(f, "file", "from a file");
    g_unlink(path);
}

static void a_bad_secret_is_refused(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) err = NULL;
    size_t len;

    assert_refused(f, "secret,id=x",
                   "Either 'file' or 'data' must be provided");
    assert_refused(f, "secret,id=x,data=a,file=b",
                   "'file' and 'data' are mutually exclusive");
    assert_refused(f, "secret,id=x,data=*,format=base64",
                   "Base64 data contains invalid characters");
    assert_refused(f, "secret,id=x,data=a,keyid=none",
                   "No secret with id 'none'");
    must_add(f, "rng-builtin,id=r");
    assert_refused(f, "secret,id=x,data=a,keyid=r",
                   "Object with id 'r' is not a secret");
    g_assert_null(secret_lookup(f->m->objects, "none", &len, &err));
    g_assert_cmpstr(error_text(err), ==, "No secret with id 'none'");
}

static void text_must_be_utf8(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) err = NULL;
    g_autofree char *good = NULL;

    must_add(f, "secret,id=good,data=w\xc3\xb6rter");
    must_add(f, "secret,id=bad,data=//4=,format=base64");
    good = secret_lookup_text(f->m->objects, "good", NULL);
    g_assert_cmpstr(good, ==, "w\xc3\xb6rter");
    g_assert_null(secret_lookup_text(f->m->objects, "bad", &err));
    g_assert_nonnull(err);
}

/* Key and vector of zeros; the cipher text is by `openssl enc -aes-256-cbc`
 * of "geheim". */
#define ZERO_KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ZERO_IV  "AAAAAAAAAAAAAAAAAAAAAA=="
#define CIPHER   "Aq63h+4OARRI07s530exuQ=="

static void an_encrypted_secret_is_opened_by_its_key(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) err = NULL;

    must_add(f, "secret,id=key,format=base64,data=" ZERO_KEY);
    if (!add(f,
             "secret,id=s,format=base64,keyid=key,iv=" ZERO_IV ",data=" CIPHER,
             &err)) {
        g_assert_nonnull(strstr(error_text(err), "gnutls"));
        g_test_skip("this build or host is without gnutls");
        return;
    }
    assert_secret(f, "s", "geheim");
    assert_refused(f, "secret,id=x,format=base64,keyid=key,data=" CIPHER,
                   "IV is required to decrypt secret");
    assert_refused(f,
                   "secret,id=x,format=base64,keyid=key,iv=AAAA,data=" CIPHER,
                   "IV should be 16 bytes in length not 3");
    assert_refused(
        f, "secret,id=x,format=base64,keyid=key,iv=" ZERO_IV ",data=YWJj",
        "Length 3 must be a multiple of block size 16");
    must_add(f, "secret,id=short,data=abc");
    assert_refused(
        f, "secret,id=x,format=base64,keyid=short,iv=" ZERO_IV ",data=" CIPHER,
        "Key should be 32 bytes in length");
    assert_refused(f,
                   "secret,id=x,format=base64,keyid=key,iv=" ZERO_IV
                   ",data=" ZERO_KEY, /* 32 bytes: two blocks */
                   "Incorrect number of padding bytes (180) found on decrypted "
                   "data");
}

/* --- iothread --- */

static void note_thread(void *opaque)
{
    atomic_store((_Atomic bool *)opaque, loop_thread_is_iothread());
}

static void an_iothread_runs_calls_off_the_main_thread(void)
{
    g_autoptr(Bare) f = setup();
    IOThread *io = (IOThread *)must_add(f, "iothread,id=x");
    _Atomic bool ran = false;

    g_assert_cmpint(io->thread_id, >, 0);
    g_assert_cmpint(io->thread_id, !=, getpid());
    loop_post(io->ctx, note_thread, (void *)&ran);
    while (!atomic_load(&ran)) {
        g_usleep(100);
    }
    g_assert_false(loop_thread_is_iothread());
}

static void an_iothread_checks_its_counts(void)
{
    g_autoptr(Bare) f = setup();
    g_autoptr(Error) err = NULL;
    Object *obj;

    assert_refused(f, "iothread,id=x,poll-max-ns=-1",
                   "poll-max-ns value must be in range [0, "
                   "9223372036854775807]");
    assert_refused(f, "iothread,id=x,thread-pool-min=5,thread-pool-max=4",
                   "bad thread-pool-min/thread-pool-max values");
    obj = must_add(f, "iothread,id=x");
    g_assert_true(object_set_text(obj, "poll-max-ns", "0", NULL));
    object_ref(obj); /* as a device that uses it */
    g_assert_false(user_object_del(f->m, "x", &err));
    g_assert_cmpstr(error_text(err), ==,
                    "object 'x' is in use, can not be deleted");
    object_unref(obj);
    g_assert_true(user_object_del(f->m, "x", NULL));
}

/* --- rng --- */

typedef struct Draw {
    uint8_t bytes[64];
    size_t len;
    int order;
} Draw;

static int draws; /* answers so far, in this thread */

static void draw(void *opaque, const uint8_t *data, size_t len)
{
    Draw *d = opaque;

    g_assert_cmpuint(len, <=, sizeof(d->bytes));
    memcpy(d->bytes, data, len);
    d->len = len;
    d->order = ++draws;
}

/* The main loop takes the machine lock itself. */
static void run_loop(Bare *f, int until)
{
    machine_unlock(f->m);
    while (draws < until) {
        loop_poll(f->m->loop, true);
    }
    machine_lock(f->m);
}

static void builtin_answers_in_order_and_by_the_seed(void)
{
    g_autoptr(Bare) f = setup();
    RngBackend *rng = (RngBackend *)must_add(f, "rng-builtin,id=x");
    Draw a = { .len = 0 }, b = { .len = 0 }, gone = { .len = 0 };

    draws = 0;
    event_gate_set_seed(f->m->gate, 7);
    rng_request(rng, 16, draw, &a);
    g_assert_cmpuint(a.len, ==, 0); /* never from inside the request */
    rng_request(rng, 16, draw, &gone);
    rng_cancel(rng, &gone);
    rng_request(rng, 5, draw, &b);
    run_loop(f, 2);
    g_assert_cmpint(a.order, ==, 1);
    g_assert_cmpint(b.order, ==, 2);
    g_assert_cmpuint(a.len, ==, 16);
    g_assert_cmpuint(b.len, ==, 5);
    g_assert_cmpuint(gone.len, ==, 0);
    event_gate_set_seed(f->m->gate, 7);
    rng_request(rng, 16, draw, &b);
    run_loop(f, 3);
    g_assert_cmpmem(a.bytes, 16, b.bytes, 16);
}

static void random_reads_its_file(void)
{
    g_autoptr(Bare) f = setup();
    g_autofree char *path = path_of(f, "entropy");
    g_autofree char *text =
        g_strdup_printf("rng-random,id=x,filename=%s", path);
    RngBackend *rng;
    Draw a = { .len = 0 }, b = { .len = 0 };
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    rng = (RngBackend *)must_add(f, text);
    fd = open(path, O_WRONLY);
    draws = 0;
    rng_request(rng, 4, draw, &a);
    rng_request(rng, 60, draw, &b);
    g_assert_cmpint(write(fd, "abcdefg", 7), ==, 7);
    run_loop(f, 2);
    g_assert_cmpmem(a.bytes, a.len, "abcd", 4);
    g_assert_cmpmem(b.bytes, b.len, "efg", 3); /* what there is */
    close(fd);
    g_assert_true(user_object_del(f->m, "x", NULL));
    assert_refused(f, "rng-random,id=x,filename=/nonexistent/x",
                   "Could not open '/nonexistent/x': No such file or "
                   "directory");
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
#define T(f) g_test_add_func("/backends/" #f, f)
    T(ram_is_of_the_size_asked_for);
    T(a_size_is_needed_and_not_zero);
    T(a_claimed_backend_is_not_deleted_or_used_twice);
    T(the_default_backend_is_an_object_too);
    T(a_sealed_memfd_keeps_its_size);
    T(numa_policies_are_checked_and_bound);
    T(a_file_is_made_grown_and_shared);
    T(a_private_file_is_not_written);
    T(a_file_backend_refuses_what_does_not_fit);
    T(a_folder_gives_a_file_without_a_name);
    T(a_readonly_file_is_rom);
    T(only_live_properties_change_later);
    T(a_secret_comes_from_text_file_or_base64);
    T(a_bad_secret_is_refused);
    T(text_must_be_utf8);
    T(an_encrypted_secret_is_opened_by_its_key);
    T(an_iothread_runs_calls_off_the_main_thread);
    T(an_iothread_checks_its_counts);
    T(builtin_answers_in_order_and_by_the_seed);
    T(random_reads_its_file);
#undef T
    return g_test_run();
}
