/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The multiplexer: several front ends on one back end, one of which has the
 * focus; C-a (the escape) then a letter switches, or does one of a few things.
 */
#include "tandem/base.h"

#include "internal.h"

enum { MUX_MAX = 4, MUX_ESCAPE = 0x01, MUX_QUEUE = 32 };

/* Input that waits for its front end, so that escapes work while the guest
 * does not read. */
typedef struct MuxQueue {
    uint8_t byte[MUX_QUEUE];
    int len;
} MuxQueue;

typedef struct MuxChardev {
    Chardev parent;
    Chardev *base;
    CharFrontend fe;              /* our front end on @base */
    CharFrontend *front[MUX_MAX]; /* in order of attaching */
    MuxQueue queue[MUX_MAX];
    int n, focus;
    bool escape_seen;
    bool timestamps, line_start; /* C-a t */
    int64_t stamp_base_ns;
} MuxChardev;

static CharFrontend *focused(MuxChardev *s)
{
    return s->n ? s->front[s->focus] : NULL;
}

static void tell(CharFrontend *fe, CharEvent ev)
{
    if (fe && fe->handlers->event) {
        fe->handlers->event(fe->opaque, ev);
    }
}

static void say(MuxChardev *s, const char *text)
{
    char_write_all(&s->fe, text, strlen(text));
}

static void set_focus(MuxChardev *s, int focus)
{
    if (focus == s->focus) {
        return;
    }
    tell(focused(s), CHAR_MUX_OUT);
    s->focus = focus;
    tell(focused(s), CHAR_MUX_IN);
    char_accept_input(&s->fe);
}

/* --- the escapes --- */

static void do_help(MuxChardev *s)
{
    say(s, "\r\n"
           "C-a h    print this help\r\n"
           "C-a x    exit emulator\r\n"
           "C-a b    send break\r\n"
           "C-a t    toggle console timestamps\r\n"
           "C-a c    switch between console and monitor\r\n"
           "C-a C-a  send C-a\r\n");
}

static void do_exit(MuxChardev *s)
{
    say(s, "\r\nTandem: Terminated\r\n");
    machine_request_shutdown(s->parent.machine, CAUSE_HOST_UI, 0);
}

static void do_break(MuxChardev *s)
{
    tell(focused(s), CHAR_BREAK);
}

static void do_timestamps(MuxChardev *s)
{
    s->timestamps = !s->timestamps;
    s->line_start = true;
    s->stamp_base_ns = clock_now_ns(s->parent.machine->clocks, CLOCK_RT);
}

static void do_switch(MuxChardev *s)
{
    set_focus(s, (s->focus + 1) % s->n);
}

static const struct {
    uint8_t key;
    void (*fn)(MuxChardev *s);
} escapes[] = {
    { 'h', do_help },  { '?', do_help },   { 'x', do_exit },
    { 'b', do_break }, { 'c', do_switch }, { 't', do_timestamps },
};

/* True when @byte is for the front end. */
static bool filter(MuxChardev *s, uint8_t byte)
{
    if (!s->escape_seen) {
        s->escape_seen = byte == MUX_ESCAPE;
        return !s->escape_seen;
    }
    s->escape_seen = false;
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
        if (escapes[i].key == byte) {
            escapes[i].fn(s);
            return false;
        }
    }
    return byte == MUX_ESCAPE;
}

/* --- input --- */

static int mux_can_receive(void *opaque)
{
    MuxChardev *s = opaque;

    return s->n ? MUX_QUEUE - s->queue[s->focus].len : 1;
}

/* Hand on what front end @i takes now. */
static void flush_queue(MuxChardev *s, int i)
{
    CharFrontend *fe = s->front[i];
    MuxQueue *q = &s->queue[i];
    int n;

    while (q->len > 0 && fe->handlers->receive && (n = char_room(fe)) > 0) {
        uint8_t chunk[MUX_QUEUE];

        n = MIN(n, q->len);
        memcpy(chunk, q->byte, n);
        q->len -= n;
        memmove(q->byte, q->byte + n, q->len);
        char_input(fe, chunk, n);
    }
}

static void mux_receive(void *opaque, const uint8_t *data, int len)
{
    MuxChardev *s = opaque;

    for (int i = 0; i < len; i++) {
        MuxQueue *q;

        if (!filter(s, data[i]) || s->n == 0) {
            continue;
        }
        q = &s->queue[s->focus];
        if (q->len < MUX_QUEUE) { /* an escape may have moved the focus */
            q->byte[q->len++] = data[i];
        }
        flush_queue(s, s->focus);
    }
}

static void mux_event(void *opaque, CharEvent ev)
{
    MuxChardev *s = opaque;

    if (ev == CHAR_OPENED || ev == CHAR_CLOSED) {
        s->parent.connected = ev == CHAR_OPENED;
    }
    for (int i = 0; i < s->n; i++) {
        tell(s->front[i], ev);
    }
}

static void mux_writable(void *opaque)
{
    MuxChardev *s = opaque;

    for (int i = 0; i < s->n; i++) {
        if (s->front[i]->handlers->writable) {
            s->front[i]->handlers->writable(s->front[i]->opaque);
        }
    }
}

static const CharHandlers mux_handlers = {
    .can_receive = mux_can_receive,
    .receive = mux_receive,
    .event = mux_event,
    .writable = mux_writable,
};

/* --- output --- */

static void write_stamp(MuxChardev *s)
{
    int64_t ms =
        (clock_now_ns(s->parent.machine->clocks, CLOCK_RT) - s->stamp_base_ns) /
        1000000;
    g_autofree char *text = g_strdup_printf(
        "[%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64 "] ",
        ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);

    say(s, text);
}

static size_t mux_write(Chardev *chr, const uint8_t *data, size_t len)
{
    MuxChardev *s = object_cast(chr, &chardev_mux_type);

    if (!s->timestamps) {
        return char_write(&s->fe, data, len);
    }
    for (size_t i = 0; i < len; i++) {
        if (s->line_start) {
            write_stamp(s);
            s->line_start = false;
        }
        if (char_write(&s->fe, &data[i], 1) == 0) {
            return i;
        }
        s->line_start = data[i] == '\n';
    }
    return len;
}

static void mux_accept_input(Chardev *chr)
{
    MuxChardev *s = object_cast(chr, &chardev_mux_type);

    for (int i = 0; i < s->n; i++) {
        flush_queue(s, i);
    }
    char_accept_input(&s->fe);
}

static bool mux_attach(Chardev *chr, CharFrontend *fe, Error **errp)
{
    MuxChardev *s = object_cast(chr, &chardev_mux_type);

    if (s->n == MUX_MAX) {
        error_set(errp, "Chardev '%s' has no room for another front end",
                  chardev_id(chr));
        return false;
    }
    s->queue[s->n].len = 0;
    s->front[s->n++] = fe;
    chr->fe = fe;
    char_accept_input(&s->fe);
    return true;
}

static void mux_detach(Chardev *chr, CharFrontend *fe)
{
    MuxChardev *s = object_cast(chr, &chardev_mux_type);
    int i = 0;

    while (i < s->n && s->front[i] != fe) {
        i++;
    }
    assert(i < s->n);
    memmove(&s->front[i], &s->front[i + 1],
            (s->n - i - 1) * sizeof(s->front[0]));
    memmove(&s->queue[i], &s->queue[i + 1],
            (s->n - i - 1) * sizeof(s->queue[0]));
    s->n--;
    if (s->focus >= s->n) {
        s->focus = 0;
    }
    chr->fe = s->n ? s->front[0] : NULL;
}

static void mux_close(Chardev *chr)
{
    MuxChardev *s = object_cast(chr, &chardev_mux_type);
    Chardev *base = s->base;

    if (!chr->opened) {
        return;
    }
    char_detach(&s->fe);
    object_unparent(base);
}

static char *mux_filename(const Chardev *chr)
{
    return g_strdup("mux");
}

Chardev *chardev_mux_new(Machine *m, const char *id, Chardev *base,
                         Error **errp)
{
    MuxChardev *s = (MuxChardev *)object_new(&chardev_mux_type);
    g_autofree char *source = g_strdup_printf("/chardevs/%s", id);
    Chardev *chr = &s->parent;

    chr->machine = m;
    chr->ctx = m->loop;
    if (!object_add_child(m->chardevs, id, chr, errp)) {
        object_unref(chr);
        object_unparent(base);
        return NULL;
    }
    object_unref(chr); /* the tree's reference keeps it */
    s->base = base;
    if (!char_attach(&s->fe, base, NULL, m->loop, source, &mux_handlers, s,
                     errp)) {
        object_unparent(chr);
        object_unparent(base);
        return NULL;
    }
    chr->opened = true;
    return chr;
}

const ChardevType chardev_mux_type = {
    .name = "chardev-mux",
    .parent = TYPE(chardev_type),
    .description = "several front ends on one back end",
    .size = sizeof(MuxChardev),
    .close = mux_close,
    .write = mux_write,
    .accept_input = mux_accept_input,
    .attach = mux_attach,
    .detach = mux_detach,
    .filename = mux_filename,
};
