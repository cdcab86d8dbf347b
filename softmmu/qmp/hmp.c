/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The human monitor's session: prompt, line editing, history, completion; and
 * the running of a line. Main loop, machine lock.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hmp.h"
#include "softmmu/base/keyval.h"

enum {
    LINE_MAX_BYTES = 4096,
    HISTORY_MAX = 64,
    WAIT_POLL_NS = 50 * 1000 * 1000,
};

typedef struct HmpSession {
    GString *line;
    GPtrArray *history; /* char *, oldest first */
    guint recall;       /* index in history; its length: the new line */
    int escape;         /* bytes seen of an escape sequence: 0, 1, 2 */
    int cpu;            /* index of the one that `cpu` chose */
    Timer wait;         /* for a migration's end: keys wait as well */
    bool waiting;
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

CPUState *hmp_cpu(Machine *m)
{
    return cpu_by_index(m, m->monitors ? m->monitors->turn.cpu : 0);
}

/* @args' words, or with the CPUs parked its first, which is the line's rest. */
static void run_command(Machine *m, const HmpCommand *c, int argc, char **args,
                        GString *out)
{
    CPUState *cpu = c->raw ? hmp_cpu(m) : NULL;
    bool pause = c->raw && machine_running(m);
    Error *err = NULL;

    if (pause) {
        cpus_pause_all(m);
    }
    if (cpu) {
        accel_ops(m)->regs_pull(cpu, REGS_ALL);
    }
    c->run(m, argc, args, out, &err);
    if (pause && machine_running(m)) {
        cpus_resume_all(m);
    }
    if (err) {
        g_string_append_printf(out, "Error: %s\n", error_text(err));
        error_free(err);
    }
}

/* The command's name, up to a space or the "/" of a format; *@rest: behind. */
static char *take_name(const char *line, const char **rest)
{
    size_t n;

    line += strspn(line, " \t\r\n");
    n = strcspn(line, " \t\r\n/");
    *rest = line + n;
    return g_strndup(line, n);
}

char *hmp_execute(Machine *m, const char *line)
{
    return hmp_execute_on(m, line, 0);
}

static void run_line(Machine *m, const char *line, GString *out)
{
    const char *rest;
    g_autofree char *name = take_name(line, &rest);
    const HmpCommand *c = hmp_find(hmp_commands, name);
    g_auto(GStrv) argv = NULL;
    GError *err = NULL;
    int argc = 0;

    if (!c) {
        g_string_append_printf(out, "unknown command: '%s'\n", name);
    } else if (c->raw) {
        run_command(m, c, 1, (char *[]){ (char *)rest, NULL }, out);
    } else if (*rest == '/') {
        g_string_append_printf(out, "unknown command: '%s'\n", line);
    } else if (rest[strspn(rest, " \t\r\n")] &&
               !g_shell_parse_argv(rest, &argc, &argv, &err)) {
        g_string_append_printf(out, "Error: %s\n", err->message);
        g_error_free(err);
    } else {
        run_command(m, c, argc, argv, out);
    }
}

char *hmp_execute_on(Machine *m, const char *line, int cpu_index)
{
    GString *out = g_string_new(NULL);

    if (m->monitors) {
        m->monitors->turn.cpu = cpu_index;
        m->monitors->turn.mon = NULL;
    }
    if (line[strspn(line, " \t\r\n")] != '\0') {
        run_line(m, line, out);
    }
    return g_string_free(out, FALSE);
}

/* A line that was typed. */
static char *session_line(Monitor *mon)
{
    HmpTurn *turn = &mon->hub->turn;
    GString *out = g_string_new(NULL);
    const char *line = mon->hmp->line->str;

    turn->mon = mon;
    turn->cpu = mon->hmp->cpu;
    if (line[strspn(line, " \t\r\n")] != '\0') {
        run_line(mon->m, line, out);
    }
    mon->hmp->cpu = turn->cpu;
    mon->hmp->waiting = turn->wait;
    turn->mon = NULL;
    turn->wait = false;
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

void hmp_info_history(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    const Monitor *mon = m->monitors ? m->monitors->turn.mon : NULL;

    for (guint i = 0; mon && i < mon->hmp->history->len; i++) {
        g_string_append_printf(
            out, "%u: '%s'\n", i,
            (const char *)g_ptr_array_index(mon->hmp->history, i));
    }
}

static bool migration_over(Machine *m)
{
    json_object *info = qmp_execute(m, "query-migrate", NULL, NULL);
    const char *status = info ? json_get_text(info, "status") : NULL;
    /* "pre-switchover" waits for migrate_continue, perhaps from here. */
    static const char *const ends[] = { "none",      "completed",      "failed",
                                        "cancelled", "pre-switchover", NULL };
    bool over = !status || g_strv_contains(ends, status);

    json_object_put(info);
    return over;
}

/* Ask for keys again when the migration is over, however it ended. */
static void look_again(void *opaque)
{
    Monitor *mon = opaque;
    HmpSession *s = mon->hmp;

    if (!migration_over(mon->m)) {
        timer_set(&s->wait,
                  clock_now_ns(mon->m->clocks, CLOCK_RT) + WAIT_POLL_NS);
        return;
    }
    s->waiting = false;
    say(mon, prompt);
    char_accept_input(&mon->fe);
}

static void key_enter(Monitor *mon)
{
    HmpSession *s = mon->hmp;
    g_autofree char *text = NULL;

    say(mon, "\r\n");
    remember(s);
    text = session_line(mon);
    say_lines(mon, text);
    g_string_truncate(s->line, 0);
    if (s->waiting) {
        look_again(mon);
    } else {
        say(mon, prompt);
    }
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

/* A byte at a time: one that ends a line may make it wait. */
static int hmp_can_receive(void *opaque)
{
    Monitor *mon = opaque;

    return mon->hmp->waiting ? 0 : 1;
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
    timer_init(&mon->hmp->wait, mon->m->loop, CLOCK_RT, look_again, mon);
    mon->hmp->line = g_string_new(NULL);
    mon->hmp->history = g_ptr_array_new_with_free_func(g_free);
}

void hmp_session_free(Monitor *mon)
{
    if (mon->hmp) {
        timer_cancel(&mon->hmp->wait);
        g_string_free(mon->hmp->line, TRUE);
        g_ptr_array_unref(mon->hmp->history);
        g_clear_pointer(&mon->hmp, g_free);
    }
}
