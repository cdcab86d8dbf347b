/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest server. Requests are lines of words, each answered by one line:
 * "OK", "OK VALUE", "FAIL sentence" or "ERR sentence"; lines "IRQ raise N" and
 * "IRQ lower N" come in between once inputs or outputs are intercepted.
 *
 * Omits: port I/O beyond what a machine without ports answers (ones), as no
 *        board here has an I/O space of its own.
 * Locks: all in the main context, machine lock held.
 */
#include "tandem/base.h"

#include "accel/qtest.h"
#include "accel/qtest/internal.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/machine/machine.h"

enum {
    MAX_WORDS = 8,
    LINE_MAX_BYTES = 64 * 1024 * 1024,
    TRANSFER_MAX = 16 * 1024 * 1024, /* of one read, write or memset */
};

typedef struct Intercept {
    QtestServer *server;
    IrqLine *line;
    IrqHandler *fn; /* what the line led to */
    void *opaque;
    int n;      /* there */
    int number; /* as told to the client */
} Intercept;

struct QtestServer {
    Machine *m;
    CharFrontend chr;
    FILE *log;
    GString *in;
    int64_t opened_us;     /* of the host, for the log */
    GPtrArray *intercepts; /* Intercept *; NULL: none installed */
    bool intercept_out;
    DeviceState *intercepted;
};

typedef struct Command {
    const char *name;
    unsigned args; /* at least so many words follow */
    void (*run)(QtestServer *s, const struct Command *c, char **word);
    unsigned size; /* of an access */
} Command;

/* --- lines out --- */

static void log_line(QtestServer *s, char kind, const char *text)
{
    if (s->log) {
        fprintf(s->log, "[%c +%.6f] %s\n", kind,
                (g_get_monotonic_time() - s->opened_us) / 1e6, text);
        fflush(s->log);
    }
}

static void reply(QtestServer *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static void reply(QtestServer *s, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_line(s, 'S', text);
    char_write_all(&s->chr, text, strlen(text));
    char_write_all(&s->chr, "\n", 1);
}

static bool number(QtestServer *s, const char *word, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = g_ascii_strtoull(word, &end, 0);
    if (end == word || *end != '\0' || errno == ERANGE) {
        reply(s, "ERR '%s' is not a number", word);
        return false;
    }
    return true;
}

static bool transfer(QtestServer *s, char **word, uint64_t *addr, uint64_t *len)
{
    if (!number(s, word[0], addr) || !number(s, word[1], len)) {
        return false;
    }
    if (*len > TRANSFER_MAX) {
        reply(s, "ERR a transfer has at most %d bytes", TRANSFER_MAX);
        return false;
    }
    return true;
}

/* --- memory --- */

/* What nothing answers reads as 0, and writes there vanish. */
static void run_read_value(QtestServer *s, const Command *c, char **word)
{
    uint64_t addr, value = 0;

    if (number(s, word[0], &addr)) {
        if (address_space_ld(&s->m->memory, addr, c->size, MEM_LITTLE, &value,
                             MEM_ATTRS_CPU) != MEM_OK) {
            value = 0;
        }
        reply(s, "OK 0x%016" PRIx64, value);
    }
}

static void run_write_value(QtestServer *s, const Command *c, char **word)
{
    uint64_t addr, value;

    if (number(s, word[0], &addr) && number(s, word[1], &value)) {
        address_space_st(&s->m->memory, addr, c->size, MEM_LITTLE,
                         value & bit_mask(c->size * 8), MEM_ATTRS_CPU);
        reply(s, "OK");
    }
}

static uint8_t *read_bytes(QtestServer *s, char **word, uint64_t *len)
{
    uint64_t addr;
    uint8_t *buf;

    if (!transfer(s, word, &addr, len)) {
        return NULL;
    }
    if (*len == 0) {
        reply(s, "ERR nothing to read");
        return NULL;
    }
    buf = g_malloc0(*len);
    address_space_read(&s->m->memory, addr, MEM_ATTRS_CPU, buf, *len);
    return buf;
}

static void run_read(QtestServer *s, const Command *c, char **word)
{
    uint64_t len;
    g_autofree uint8_t *buf = read_bytes(s, word, &len);
    g_autoptr(GString) text = g_string_new("OK 0x");

    if (buf) {
        for (uint64_t i = 0; i < len; i++) {
            g_string_append_printf(text, "%02x", buf[i]);
        }
        reply(s, "%s", text->str);
    }
}

static void run_b64read(QtestServer *s, const Command *c, char **word)
{
    uint64_t len;
    g_autofree uint8_t *buf = read_bytes(s, word, &len);

    if (buf) {
        g_autofree char *text = g_base64_encode(buf, len);

        reply(s, "OK %s", text);
    }
}

/* "0x" and two digits a byte; what is missing counts as 0. */
static void run_write(QtestServer *s, const Command *c, char **word)
{
    uint64_t addr, len;
    g_autofree uint8_t *buf = NULL;
    size_t digits;

    if (!transfer(s, word, &addr, &len)) {
        return;
    }
    if (!g_str_has_prefix(word[2], "0x")) {
        reply(s, "ERR data must begin with 0x");
        return;
    }
    digits = strlen(word[2] + 2);
    buf = g_malloc0(len + 1);
    for (uint64_t i = 0; i < len && 2 * i + 1 < digits; i++) {
        int hi = g_ascii_xdigit_value(word[2][2 + 2 * i]);
        int lo = g_ascii_xdigit_value(word[2][3 + 2 * i]);

        if (hi < 0 || lo < 0) {
            reply(s, "ERR data is not hexadecimal");
            return;
        }
        buf[i] = hi << 4 | lo;
    }
    address_space_write(&s->m->memory, addr, MEM_ATTRS_CPU, buf, len);
    reply(s, "OK");
}

static void run_b64write(QtestServer *s, const Command *c, char **word)
{
    uint64_t addr, len;
    gsize got;
    g_autofree uint8_t *buf = NULL;

    if (!transfer(s, word, &addr, &len)) {
        return;
    }
    buf = g_base64_decode(word[2], &got);
    if (got != len) {
        reply(s, "ERR invalid argument size");
        return;
    }
    address_space_write(&s->m->memory, addr, MEM_ATTRS_CPU, buf, len);
    reply(s, "OK");
}

static void run_memset(QtestServer *s, const Command *c, char **word)
{
    uint64_t addr, len, value;
    g_autofree uint8_t *buf = NULL;

    if (!transfer(s, word, &addr, &len) || !number(s, word[2], &value)) {
        return;
    }
    buf = g_malloc(len + 1);
    memset(buf, value, len);
    address_space_write(&s->m->memory, addr, MEM_ATTRS_CPU, buf, len);
    reply(s, "OK");
}

static void run_endianness(QtestServer *s, const Command *c, char **word)
{
    reply(s, "OK little"); /* so are all guests there are */
}

/* --- ports --- */

static void run_in(QtestServer *s, const Command *c, char **word)
{
    uint64_t port, value;

    if (number(s, word[0], &port)) {
        address_space_ld(&s->m->io_space, port, c->size, MEM_LITTLE, &value,
                         MEM_ATTRS_CPU);
        reply(s, "OK 0x%04" PRIx64, value);
    }
}

static void run_out(QtestServer *s, const Command *c, char **word)
{
    uint64_t port, value;

    if (number(s, word[0], &port) && number(s, word[1], &value)) {
        address_space_st(&s->m->io_space, port, c->size, MEM_LITTLE, value,
                         MEM_ATTRS_CPU);
        reply(s, "OK");
    }
}

/* --- the clock --- */

static void unknown(QtestServer *s, const char *name)
{
    reply(s, "FAIL Unknown command '%s'", name);
}

static void clock_to(QtestServer *s, uint64_t ns)
{
    if (ns > INT64_MAX) {
        reply(s, "ERR the clock ends at %" PRId64 " ns", INT64_MAX);
        return;
    }
    qtest_clock_advance(s->m, ns);
    reply(s, "OK %" PRId64, qtest_clock_now(s->m));
}

/* By @word ns, or to the next timer. */
static void run_clock_step(QtestServer *s, const Command *c, char **word)
{
    int64_t now = qtest_clock_now(s->m);
    uint64_t ns;

    if (!qtest_has_clock(s->m)) {
        unknown(s, c->name);
    } else if (!word[0]) {
        int64_t next = loop_next_deadline_ns(s->m->loop, CLOCK_VIRTUAL);

        clock_to(s, next == INT64_MAX ? now : MAX(next, now));
    } else if (number(s, word[0], &ns)) {
        clock_to(s, ns > INT64_MAX ? ns : (uint64_t)now + ns);
    }
}

static void run_clock_set(QtestServer *s, const Command *c, char **word)
{
    uint64_t ns;

    if (!qtest_has_clock(s->m)) {
        unknown(s, c->name);
    } else if (number(s, word[0], &ns)) {
        clock_to(s, ns);
    }
}

/* --- interrupt lines --- */

static void intercepted(void *opaque, int n, bool level)
{
    Intercept *i = opaque;

    reply(i->server, "IRQ %s %d", level ? "raise" : "lower", i->number);
    if (i->fn) {
        i->fn(i->opaque, i->n, level);
    }
}

static void intercept_line(QtestServer *s, IrqLine *line, int number_there)
{
    Intercept *i = g_new(Intercept, 1);

    *i = (Intercept){ s, line, line->fn, line->opaque, line->n, number_there };
    g_ptr_array_add(s->intercepts, i);
    line->fn = intercepted;
    line->opaque = i;
}

static void intercept_outputs(QtestServer *s, DeviceState *dev)
{
    for (guint i = 0; dev->irqs_out && i < dev->irqs_out->len; i++) {
        intercept_line(s, g_ptr_array_index(dev->irqs_out, i), i);
    }
}

/* Every output in the machine that leads to an input of s->intercepted. */
static int intercept_inputs(Object *obj, void *opaque)
{
    QtestServer *s = opaque;
    DeviceState *dev = object_try_cast(obj, &device_type);

    for (guint i = 0; dev && dev->irqs_out && i < dev->irqs_out->len; i++) {
        IrqLine *line = g_ptr_array_index(dev->irqs_out, i);

        if (line->fn && line->opaque == s->intercepted) {
            intercept_line(s, line, line->n);
        }
    }
    return 0;
}

static DeviceState *find_device(QtestServer *s, const char *path)
{
    Object *obj = object_resolve(s->m->root, path, NULL);
    DeviceState *dev = obj ? object_try_cast(obj, &device_type) : NULL;

    if (!dev) {
        reply(s, "FAIL Unknown device");
    }
    return dev;
}

static void run_intercept(QtestServer *s, const Command *c, char **word)
{
    bool out = g_str_has_suffix(c->name, "out");
    DeviceState *dev = find_device(s, word[0]);

    if (!dev) {
        return;
    }
    if (s->intercepts) {
        if (dev == s->intercepted && out == s->intercept_out) {
            reply(s, "OK");
        } else {
            reply(s, "FAIL IRQ intercept already enabled");
        }
        return;
    }
    s->intercepts = g_ptr_array_new_with_free_func(g_free);
    s->intercepted = dev;
    s->intercept_out = out;
    if (out) {
        intercept_outputs(s, dev);
    } else {
        intercept_inputs(OBJECT(s->m), s);
        object_walk(s->m, intercept_inputs, s);
    }
    if (out && s->intercepts->len == 0) {
        g_clear_pointer(&s->intercepts, g_ptr_array_unref);
        reply(s, "FAIL No intercepts installed");
        return;
    }
    reply(s, "OK");
}

/* PATH NAME N LEVEL; our inputs have numbers only. */
static void run_set_irq_in(QtestServer *s, const Command *c, char **word)
{
    DeviceState *dev = find_device(s, word[0]);
    uint64_t n, level;

    if (!dev || !number(s, word[2], &n) || !number(s, word[3], &level)) {
        return;
    }
    if (n >= (uint64_t)device_irq_inputs(dev)) {
        reply(s, "FAIL Unknown IRQ");
        return;
    }
    device_irq_in(dev, n, level != 0);
    reply(s, "OK");
}

static void remove_intercepts(QtestServer *s)
{
    for (guint i = 0; s->intercepts && i < s->intercepts->len; i++) {
        Intercept *x = g_ptr_array_index(s->intercepts, i);

        x->line->fn = x->fn;
        x->line->opaque = x->opaque;
    }
    g_clear_pointer(&s->intercepts, g_ptr_array_unref);
}

/* --- lines in --- */

static const Command commands[] = {
    { "readb", 1, run_read_value, 1 },
    { "readw", 1, run_read_value, 2 },
    { "readl", 1, run_read_value, 4 },
    { "readq", 1, run_read_value, 8 },
    { "writeb", 2, run_write_value, 1 },
    { "writew", 2, run_write_value, 2 },
    { "writel", 2, run_write_value, 4 },
    { "writeq", 2, run_write_value, 8 },
    { "read", 2, run_read },
    { "write", 3, run_write },
    { "b64read", 2, run_b64read },
    { "b64write", 3, run_b64write },
    { "memset", 3, run_memset },
    { "endianness", 0, run_endianness },
    { "inb", 1, run_in, 1 },
    { "inw", 1, run_in, 2 },
    { "inl", 1, run_in, 4 },
    { "outb", 2, run_out, 1 },
    { "outw", 2, run_out, 2 },
    { "outl", 2, run_out, 4 },
    { "clock_step", 0, run_clock_step },
    { "clock_set", 1, run_clock_set },
    { "irq_intercept_in", 1, run_intercept },
    { "irq_intercept_out", 1, run_intercept },
    { "set_irq_in", 4, run_set_irq_in },
};

static void run_line(QtestServer *s, char *line)
{
    char *word[MAX_WORDS + 1] = { NULL };
    unsigned n = 0;

    log_line(s, 'R', line);
    for (char *at = line, *w; n < MAX_WORDS && (w = strsep(&at, " "));) {
        if (*w) {
            word[n++] = w;
        }
    }
    for (size_t i = 0; n > 0 && i < ARRAY_SIZE(commands); i++) {
        const Command *c = &commands[i];

        if (strcmp(word[0], c->name) == 0) {
            if (n - 1 < c->args) {
                reply(s, "FAIL %s wants %u arguments", c->name, c->args);
            } else {
                c->run(s, c, word + 1);
            }
            return;
        }
    }
    unknown(s, n > 0 ? word[0] : "");
}

static int can_receive(void *opaque)
{
    return 65536;
}

static void receive(void *opaque, const uint8_t *data, int len)
{
    QtestServer *s = opaque;
    char *end;

    g_string_append_len(s->in, (const char *)data, len);
    while ((end = memchr(s->in->str, '\n', s->in->len)) != NULL) {
        size_t n = end - s->in->str;
        g_autofree char *line = g_strndup(s->in->str, n);

        g_string_erase(s->in, 0, n + 1);
        g_strchomp(line);
        run_line(s, line);
    }
    if (s->in->len > LINE_MAX_BYTES) {
        g_string_truncate(s->in, 0);
        reply(s, "ERR line too long");
    }
}

static void chr_event(void *opaque, CharEvent ev)
{
    QtestServer *s = opaque;

    if (ev == CHAR_OPENED) {
        s->opened_us = g_get_monotonic_time();
        log_line(s, 'I', "OPENED");
    } else if (ev == CHAR_CLOSED) {
        log_line(s, 'I', "CLOSED");
        g_string_truncate(s->in, 0);
        remove_intercepts(s);
    }
}

static const CharHandlers qtest_handlers = {
    .can_receive = can_receive,
    .receive = receive,
    .event = chr_event,
};

QtestServer *qtest_server_new(Machine *m, Chardev *chr, const char *log,
                              Error **errp)
{
    QtestServer *s = g_new0(QtestServer, 1);

    s->m = m;
    s->in = g_string_new(NULL);
    s->opened_us = g_get_monotonic_time();
    if (log && strcmp(log, "none") != 0) {
        s->log = fopen(log, "we");
        if (!s->log) {
            error_set_errno(errp, errno, "cannot create %s", log);
            qtest_server_free(s);
            return NULL;
        }
    }
    /* the test is no input of the guest: it also speaks while the guest awaits
     * its state, and stands outside of the event gate as monitors do */
    if (!char_attach(&s->chr, chr, NULL, m->loop, "qtest", &qtest_handlers, s,
                     errp)) {
        qtest_server_free(s);
        return NULL;
    }
    return s;
}

void qtest_server_free(QtestServer *s)
{
    remove_intercepts(s);
    if (s->chr.chr) {
        char_detach(&s->chr);
    }
    if (s->log) {
        fclose(s->log);
    }
    g_string_free(s->in, TRUE);
    g_free(s);
}
