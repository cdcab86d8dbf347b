/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The human monitor's session: prompt, line editing, history, completion; and
 * the running of a line. Main loop, machine lock.
 */
#include "tandem/base.h"

#include "hmp.h"

enum { LINE_MAX_BYTES = 4096, HISTORY_MAX = 64 };

typedef struct HmpSession {
    GString *line;
    GPtrArray *history; /* char *, oldest first */
    guint recall;       /* index in history; its length: the new line */
    int escape;         /* bytes seen of an escape sequence: 0, 1, 2 */
} HmpSession;

static const char prompt[] = "(qemu) ";

/* --- running a line --- */

/* Is @name one of "a|b|c"? */
static bool name_matches(const char *names, const char *name)
{
    g_auto(GStrv) all = g_strsplit(names, "|", -1);

    return g_strv_contains((const char *const *)all, name);
}

const HmpCommand *hmp_find(const HmpCommand *table, const char *name)
{
    for (; table->name; table++) {
        if (name_matches(table->name, name)) {
            return table;
        }
    }
    return NULL;
}

static void run_words(Machine *m, int argc, char **argv, GString *out)
{
    const HmpCommand *c = hmp_find(hmp_commands, argv[0]);
    Error *err = NULL;

    if (!c) {
        g_string_append_printf(out, "unknown command: '%s'\n", argv[0]);
        return;
    }
    c->run(m, argc - 1, argv + 1, out, &err);
    if (err) {
        g_string_append_printf(out, "Error: %s\n", error_text(err));
        error_free(err);
    }
}

char *hmp_execute(Machine *m, const char *line)
{
    GString *out = g_string_new(NULL);
    g_auto(GStrv) argv = NULL;
    GError *err = NULL;
    int argc;

    if (line[strspn(line, " \t\r\n")] == '\0') {
        return g_string_free(out, FALSE);
    }
    if (!g_shell_parse_argv(line, &argc, &argv, &err)) {
        g_string_append_printf(out, "Error: %s\n", err->message);
        g_error_free(err);
    } else {
        run_words(m, argc, argv, out);
    }
    return g_string_free(out, FALSE);
}

/* --- completion --- */

static void complete_names(const HmpCommand *table, const char *start,
                           GPtrArray *out)
{
    for (; table->name; table++) {
        g_auto(GStrv) names = g_strsplit(table->name, "|", -1);

        for (char **n = names; *n; n++) {
            if (g_str_has_prefix(*n, start)) {
                g_ptr_array_add(out, g_strdup(*n));
            }
        }
    }
}

void hmp_complete(Machine *m, const char *line, GPtrArray *out)
{
    const char *space = strchr(line, ' ');
    const char *last = strrchr(line, ' ');
    g_autofree char *first = NULL;
    const HmpCommand *c;

    if (!space) {
        complete_names(hmp_commands, line, out);
        return;
    }
    first = g_strndup(line, space - line);
    c = hmp_find(hmp_commands, first);
    if (c && c->complete) {
        c->complete(m, last + 1, out);
    }
}

/* --- the terminal --- */

static void say(Monitor *mon, const char *text)
{
    monitor_write(mon, text, strlen(text));
}

/* Output with carriage returns, as a raw terminal wants. */
static void say_lines(Monitor *mon, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *joined = g_strjoinv("\r\n", lines);

    say(mon, joined);
}

static void redraw(Monitor *mon)
{
    g_autofree char *text =
        g_strdup_printf("\r\033[K%s%s", prompt, mon->hmp->line->str);

    say(mon, text);
}

static void set_line(Monitor *mon, const char *text)
{
    g_string_assign(mon->hmp->line, text);
    redraw(mon);
}

static void remember(HmpSession *s)
{
    if (s->line->len > 0) {
        g_ptr_array_add(s->history, g_strdup(s->line->str));
        if (s->history->len > HISTORY_MAX) {
            g_ptr_array_remove_index(s->history, 0);
        }
    }
    s->recall = s->history->len;
}

static void key_enter(Monitor *mon)
{
    HmpSession *s = mon->hmp;
    g_autofree char *text = NULL;

    say(mon, "\r\n");
    remember(s);
    text = hmp_execute(mon->m, s->line->str);
    say_lines(mon, text);
    g_string_truncate(s->line, 0);
    say(mon, prompt);
}

static void key_backspace(Monitor *mon)
{
    GString *line = mon->hmp->line;

    if (line->len > 0) {
        g_string_truncate(line, line->len - 1);
        say(mon, "\b \b");
    }
}

static void key_kill(Monitor *mon)
{
    set_line(mon, "");
}

static void key_cancel(Monitor *mon)
{
    g_string_truncate(mon->hmp->line, 0);
    say(mon, "\r\n");
    say(mon, prompt);
}

/* The longest text that all of @names begin with. */
static char *common_prefix(GPtrArray *names)
{
    const char *first = g_ptr_array_index(names, 0);
    size_t n = strlen(first);

    for (guint i = 1; i < names->len; i++) {
        const char *other = g_ptr_array_index(names, i);
        size_t j = 0;

        while (j < n && first[j] == other[j]) {
            j++;
        }
        n = j;
    }
    return g_strndup(first, n);
}

static void key_tab(Monitor *mon)
{
    HmpSession *s = mon->hmp;
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *common = NULL;
    const char *last;

    hmp_complete(mon->m, s->line->str, found);
    if (found->len == 0) {
        return;
    }
    last = strrchr(s->line->str, ' ');
    common = common_prefix(found);
    g_string_truncate(s->line, last ? last + 1 - s->line->str : 0);
    g_string_append(s->line, common);
    if (found->len == 1) {
        g_string_append_c(s->line, ' ');
    } else {
        say(mon, "\r\n");
        for (guint i = 0; i < found->len; i++) {
            say(mon, g_ptr_array_index(found, i));
            say(mon, i + 1 < found->len ? " " : "\r\n");
        }
    }
    redraw(mon);
}

static void recall(Monitor *mon, int step)
{
    HmpSession *s = mon->hmp;

    if ((step < 0 && s->recall == 0) ||
        (step > 0 && s->recall >= s->history->len)) {
        return;
    }
    s->recall += step;
    set_line(mon, s->recall < s->history->len
                      ? g_ptr_array_index(s->history, s->recall)
                      : "");
}

static const struct {
    uint8_t byte;
    void (*fn)(Monitor *mon);
} keys[] = {
    { '\r', key_enter },     { '\n', key_enter }, { 0x7f, key_backspace },
    { '\b', key_backspace }, { 0x15, key_kill },  { 0x03, key_cancel },
    { '\t', key_tab },
};

/* ESC [ A and ESC [ B: the history; other sequences are swallowed. */
static bool in_escape(Monitor *mon, uint8_t byte)
{
    HmpSession *s = mon->hmp;

    if (s->escape == 0) {
        s->escape = byte == 0x1b;
        return s->escape != 0;
    }
    if (s->escape == 1) {
        s->escape = byte == '[' || byte == 'O' ? 2 : 0;
        return true;
    }
    if (byte >= 0x40 && byte <= 0x7e) {
        s->escape = 0;
        if (byte == 'A' || byte == 'B') {
            recall(mon, byte == 'A' ? -1 : 1);
        }
    }
    return true;
}

static void hmp_byte(Monitor *mon, uint8_t byte)
{
    HmpSession *s = mon->hmp;

    if (in_escape(mon, byte)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (keys[i].byte == byte) {
            keys[i].fn(mon);
            return;
        }
    }
    if (byte >= 0x20 && s->line->len < LINE_MAX_BYTES) {
        g_string_append_c(s->line, byte);
        monitor_write(mon, (const char *)&byte, 1);
    }
}

static int hmp_can_receive(void *opaque)
{
    return 1024;
}

static void hmp_receive(void *opaque, const uint8_t *data, int len)
{
    for (int i = 0; i < len; i++) {
        hmp_byte(opaque, data[i]);
    }
}

static void hmp_event(void *opaque, CharEvent ev)
{
    Monitor *mon = opaque;

    if (ev == CHAR_OPENED || ev == CHAR_MUX_IN) {
        g_autofree char *hello = g_strdup_printf(
            "%sTandem " TANDEM_VERSION " monitor - type 'help' for more "
            "information\r\n%s%s",
            ev == CHAR_MUX_IN ? "\r\n" : "", prompt, mon->hmp->line->str);

        if (ev == CHAR_MUX_IN || !monitor_is_mux(mon)) {
            say(mon, hello);
        }
    }
}

static void hmp_writable(void *opaque)
{
    monitor_flush(opaque);
}

const CharHandlers hmp_handlers = {
    .can_receive = hmp_can_receive,
    .receive = hmp_receive,
    .event = hmp_event,
    .writable = hmp_writable,
};

void hmp_session_start(Monitor *mon)
{
    mon->hmp = g_new0(HmpSession, 1);
    mon->hmp->line = g_string_new(NULL);
    mon->hmp->history = g_ptr_array_new_with_free_func(g_free);
}

void hmp_session_free(Monitor *mon)
{
    if (mon->hmp) {
        g_string_free(mon->hmp->line, TRUE);
        g_ptr_array_unref(mon->hmp->history);
        g_clear_pointer(&mon->hmp, g_free);
    }
}
