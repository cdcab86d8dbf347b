/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of a monitor that sends anything: framing, negotiation, arguments,
 * every command. The first byte picks the protocol and how bytes come in
 * pieces; QMP must answer in well-formed JSON, HMP may not crash.
 *
 * Commands reach the host: what would open files and sockets or start programs
 * fails here (the linker puts our functions in their place; meson.build).
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/types.h"

#include "tests/unit/hw-test.h"

#include "softmmu/migration/migration.h"
#include "softmmu/qmp/monitor.h"

extern const ObjectType *const hw_virtio_types[],
    *const hw_net_types[], *const net_types[], *const block_types[],
                                                   *const backend_types[],
                                                       *const loop_types[];

/* --- the host, closed --- */

int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    errno = EACCES;
    return -1;
}

int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    errno = EACCES;
    return -1;
}

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    errno = EACCES;
    return -1;
}

gint __wrap_g_mkstemp_full(gchar *tmpl, gint flags, gint mode);
gint __wrap_g_mkstemp_full(gchar *tmpl, gint flags, gint mode)
{
    errno = EACCES;
    return -1;
}

FILE *__wrap_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode)
{
    errno = EACCES;
    return NULL;
}

gboolean __wrap_g_spawn_async_with_pipes(const gchar *dir, gchar **argv,
                                         gchar **env, GSpawnFlags flags,
                                         GSpawnChildSetupFunc setup,
                                         gpointer data, GPid *pid, gint *in,
                                         gint *out, gint *error_out,
                                         GError **err);
gboolean __wrap_g_spawn_async_with_pipes(const gchar *dir, gchar **argv,
                                         gchar **env, GSpawnFlags flags,
                                         GSpawnChildSetupFunc setup,
                                         gpointer data, GPid *pid, gint *in,
                                         gint *out, gint *error_out,
                                         GError **err)
{
    g_set_error(err, G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES, "not from a fuzzer");
    return FALSE;
}

/* Descriptors of the fuzzer itself stay its own. */
int __wrap_fcntl64(int fd, int op, ...);
int __wrap_fcntl64(int fd, int op, ...)
{
    errno = EBADF;
    return -1;
}

/* --- the machine --- */

typedef struct QmpFuzz {
    TestMachine *t;
    MonitorHub *hub;
    TestChardev *base;
    Chardev *mux; /* makes the monitor run in the main loop */
} QmpFuzz;

static const ObjectType *const *more_types(void)
{
    const ObjectType *const *const lists[] = { hw_virtio_types, hw_net_types,
                                               net_types,       block_types,
                                               backend_types,   loop_types };

    return fuzz_types(lists, ARRAY_SIZE(lists));
}

static QmpFuzz fuzz_new(bool qmp)
{
    QmpFuzz f = { .t = test_machine_new("none-machine", "riscv64",
                                        more_types()) };
    Machine *m = f.t->m;
    Error *err = NULL;

    m->config.ram_size = 1 * MiB;
    if (!machine_build(m, &err) || !machine_finish(m, &err)) {
        g_error("%s", error_text(err));
    }
    migration_new(m);
    f.hub = monitor_hub_new(m);
    f.base = test_chardev(f.t, "chr0");
    f.mux = chardev_mux_new(m, "mux0", &f.base->parent, &err);
    if (!f.mux || !(qmp ? monitor_qmp_add(f.hub, f.mux, false, &err)
                        : monitor_hmp_add(f.hub, f.mux, &err))) {
        g_error("%s", error_text(err));
    }
    return f;
}

/* --- what must hold --- */

/* All that was written is JSON objects, each a greeting, reply or event. */
static void check_output(const GString *out)
{
    static const char *const kinds[] = { "return", "error", "event", "QMP" };
    json_tokener *tok = json_tokener_new_ex(1100);
    const char *p = out->str, *end = p + out->len;

    while (p < end) {
        json_object *o = json_tokener_parse_ex(tok, p, end - p);
        bool known = false;

        if (o == NULL) {
            break; /* cut: what comes after is not yet written */
        }
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
            known |= json_object_object_get_ex(o, kinds[i], NULL);
        }
        g_assert_true(known);
        json_object_put(o);
        p += json_tokener_get_parse_end(tok);
        while (p < end && g_ascii_isspace(*p)) {
            p++;
        }
    }
    if (json_tokener_get_error(tok) > json_tokener_continue) {
        g_error("not JSON: %.80s", p);
    }
    json_tokener_free(tok);
}

static void session(QmpFuzz *f, bool qmp, unsigned piece, const uint8_t *data,
                    size_t size)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";

    chardev_event(&f->base->parent, CHAR_CLOSED);
    test_loop(f->t);
    g_string_truncate(f->base->out, 0);
    g_string_truncate(f->base->in, 0);
    chardev_event(&f->base->parent, CHAR_OPENED);
    if (qmp && piece % 2) {
        test_type(f->base, hello);
    }
    piece = 1 + piece / 2;
    while (size > 0) {
        size_t n = MIN(size, piece);

        for (size_t i = 0; i < n; i++) { /* C-a is for the mux */
            g_string_append_c(f->base->in, data[i] == 1 ? ' ' : (char)data[i]);
        }
        data += n;
        size -= n;
        for (int i = 0; i < 100 && f->base->in->len > 0; i++) {
            test_chr_push(&f->base->parent);
            test_loop(f->t);
        }
    }
    test_loop(f->t);
    if (qmp) {
        check_output(f->base->out);
    }
    f->t->m->exiting = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static QmpFuzz f[2];
    FuzzInput in = { data, size };
    uint8_t how = fuzz_u8(&in);
    bool qmp = how % 4 != 3;

    if (f[qmp].t == NULL) {
        f[qmp] = fuzz_new(qmp);
    }
    session(&f[qmp], qmp, how / 4, in.data, in.left);
    return 0;
}
