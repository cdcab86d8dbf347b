/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of a word or a few that change a setting and make nothing. */
#include "tandem/base.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "cli.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "softmmu/qmp/monitor.h"

/* Only "none" exists; anything else is said to be missing. */
static bool only_none(const char *option, const char *text, const char *what,
                      Error **errp)
{
    if (text && strcmp(text, "none") != 0 && strcmp(text, "off") != 0) {
        error_set(errp, "-%s %s: %s", option, text, what);
        return false;
    }
    return true;
}

static bool parallel_text(StartPlan *p, const char *text, Error **errp)
{
    if (strcmp(text, "none") != 0 && strcmp(text, "null") != 0) {
        error_set(errp, "this machine has no parallel port");
        return false;
    }
    return true;
}

/* -watchdog-action X is -action watchdog=X. */
static bool watchdog_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = json_object_new_object();
    json_object *reply;

    json_object_object_add(options, "watchdog", json_object_new_string(text));
    reply = qmp_execute(p->m, "set-action", options, errp);
    json_object_put(options);
    json_object_put(reply);
    return reply != NULL;
}

/* Layouts that the reference ships. Without a display none is ever used. */
static bool check_keyboard(const char *name, Error **errp)
{
    static const char *const layouts[] = {
        "ar", "bepo",  "cz", "da", "de",    "de-ch", "en-gb", "en-us", "es",
        "et", "fi",    "fo", "fr", "fr-be", "fr-ca", "fr-ch", "hr",    "hu",
        "is", "it",    "ja", "lt", "lv",    "mk",    "nl",    "no",    "pl",
        "pt", "pt-br", "ru", "sl", "sv",    "th",    "tr",    NULL
    };

    if (!g_strv_contains(layouts, name)) {
        error_set(errp, "-k %s: could not read keymap file: '%s'", name, name);
        return false;
    }
    return true;
}

static bool audiodev_options(json_object *options, Error **errp)
{
    g_autofree char *driver = json_take_text(options, "driver");
    g_autofree char *id = json_take_text(options, "id");

    if (!driver || !id) {
        error_set(errp, "Parameter '%s' is missing", driver ? "id" : "driver");
        return false;
    }
    if (strcmp(driver, "none") != 0) {
        error_set(errp, "this build plays no sound: the only driver is 'none'");
        return false;
    }
    return true;
}

static bool audiodev_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "driver", errp);
    bool ok = options && audiodev_options(options, errp);

    json_object_put(options);
    return ok;
}

/* No member of QMP is deprecated or unstable here: every policy holds. */
static bool compat_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, NULL, errp);
    bool ok = options != NULL;

    if (!ok) {
        return false;
    }
    json_object_object_foreach(options, key, value)
    {
        static const char *const input[] = { "accept", "reject", "crash",
                                             NULL };
        static const char *const output[] = { "accept", "hide", NULL };
        const char *word = json_object_get_string(value);

        if (ok && !g_strv_contains(
                      g_str_has_suffix(key, "input") ? input : output, word)) {
            error_set(errp, "Parameter '%s' does not accept value '%s'", key,
                      word);
            ok = false;
        }
    }
    json_object_put(options);
    return ok;
}

static bool action_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, NULL, errp);
    json_object *reply = NULL;
    bool ok;

    if (options) {
        reply = qmp_execute(p->m, "set-action", options, errp);
    }
    ok = reply != NULL;
    json_object_put(reply);
    json_object_put(options);
    return ok;
}

/* --- -boot --- */

/* Drive letters, each once: a b floppies, c disk, d CD-ROM, n to p network. */
static bool boot_letters(const char *text, Error **errp)
{
    uint32_t seen = 0;

    for (const char *c = text; *c; c++) {
        if (*c < 'a' || *c > 'p') {
            error_set(errp, "Invalid boot device '%c'", *c);
            return false;
        }
        if (seen & 1u << (*c - 'a')) {
            error_set(errp, "Boot device '%c' was given twice", *c);
            return false;
        }
        seen |= 1u << (*c - 'a');
    }
    return true;
}

static bool take_letters(json_object *options, const char *key, char **field,
                         Error **errp)
{
    g_autofree char *text = json_take_text(options, key);

    if (text && !boot_letters(text, errp)) {
        return false;
    }
    if (text) {
        g_free(*field);
        *field = g_steal_pointer(&text);
    }
    return true;
}

static bool take_ms(json_object *options, const char *key, int least,
                    int *field, Error **errp)
{
    g_autofree char *text = json_take_text(options, key);
    int64_t n = 0;

    if (text && (!parse_i64(text, &n) || n < least || n > UINT16_MAX)) {
        error_set(errp, "%s is invalid, it should be a value between %d and %d",
                  key, least, UINT16_MAX);
        return false;
    }
    *field = text ? (int)n : *field;
    return true;
}

static bool set_boot(StartPlan *p, json_object *options, Error **errp)
{
    MachineConfig *c = &p->m->config;
    g_autofree char *splash = json_take_text(options, "splash");

    if (splash) {
        g_free(c->boot_splash);
        c->boot_splash = g_steal_pointer(&splash);
    }
    return take_letters(options, "order", &c->boot_order, errp) &&
           take_letters(options, "once", &c->boot_once, errp) &&
           json_take_bool(options, "menu", &c->boot_menu, errp) &&
           json_take_bool(options, "strict", &c->boot_strict, errp) &&
           take_ms(options, "splash-time", 0, &c->boot_splash_ms, errp) &&
           take_ms(options, "reboot-timeout", -1, &c->boot_timeout_ms, errp) &&
           cli_nothing_left(options, errp);
}

static bool boot_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "order", errp);
    bool ok = options && set_boot(p, options, errp);

    json_object_put(options);
    return ok;
}

/* --- -rtc --- */

static bool set_clock_source(MachineConfig *c, const char *text, Error **errp)
{
    static const struct {
        const char *name;
        ClockType type;
    } clocks[] = { { "host", CLOCK_HOST },
                   { "rt", CLOCK_RT },
                   { "vm", CLOCK_VIRTUAL } };

    for (size_t i = 0; text && i < ARRAY_SIZE(clocks); i++) {
        if (strcmp(clocks[i].name, text) == 0) {
            c->rtc_clock = clocks[i].type;
            return true;
        }
    }
    if (text) {
        error_set(errp, "invalid option value '%s'", text);
    }
    return !text;
}

/* "utc", "localtime", "2006-06-17" or "2006-06-17T16:01:21". */
static bool rtc_base_valid(const char *text)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autofree char *full = strchr(text, 'T')
                                ? g_strdup(text)
                                : g_strconcat(text, "T00:00:00", NULL);
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(full, utc);

    return strcmp(text, "utc") == 0 || strcmp(text, "localtime") == 0 || date;
}

static bool set_rtc(StartPlan *p, json_object *options, Error **errp)
{
    MachineConfig *c = &p->m->config;
    g_autofree char *clock = json_take_text(options, "clock");
    g_autofree char *drift = json_take_text(options, "driftfix");
    g_autofree char *base = json_take_text(options, "base");

    if (base && !rtc_base_valid(base)) {
        error_set(errp, "invalid datetime format '%s'", base);
        error_hint(errp, "valid formats: '2006-06-17T16:01:21' or "
                         "'2006-06-17'");
        return false;
    }
    g_free(c->rtc_base);
    c->rtc_base = g_steal_pointer(&base);
    if (drift && strcmp(drift, "none") != 0) {
        error_set(errp,
                  "driftfix '%s' is for clocks that lose ticks, which "
                  "this machine has not",
                  drift);
        return false;
    }
    return set_clock_source(c, clock, errp) && cli_nothing_left(options, errp);
}

/* --- switches --- */

static bool set_msg(StartPlan *p, json_object *options, Error **errp)
{
    bool timestamp = false, guest_name = false;

    if (!json_take_bool(options, "timestamp", &timestamp, errp) ||
        !json_take_bool(options, "guest-name", &guest_name, errp) ||
        !cli_nothing_left(options, errp)) {
        return false;
    }
    error_set_format(timestamp, guest_name ? p->m->config.name : NULL);
    return true;
}

static bool set_overcommit(StartPlan *p, json_object *options, Error **errp)
{
    g_autofree char *lock = json_take_text(options, "mem-lock");
    int flags = MCL_CURRENT | MCL_FUTURE;
    bool mem_lock = false, cpu_pm = false;

    if (g_strcmp0(lock, "on-fault") == 0) {
        mem_lock = true;
        flags |= MCL_ONFAULT;
    } else if (lock && !parse_bool(lock, &mem_lock)) {
        error_set(errp, "Parameter 'mem-lock' expects 'on', 'off' or "
                        "'on-fault'");
        return false;
    }
    if (!json_take_bool(options, "cpu-pm", &cpu_pm, errp) ||
        !cli_nothing_left(options, errp)) {
        return false;
    }
    if (cpu_pm) {
        error_set(errp, "cpu-pm=on needs the accelerator kvm");
        return false;
    }
    if (mem_lock && mlockall(flags) < 0) {
        error_set_errno(errp, errno, "locking memory failed");
        return false;
    }
    if (mem_lock) {
        ram_discard_inhibit(p->m->ms, true); /* it would come unlocked */
    }
    return true;
}

/* One option of the form key=value,..., given at most once. */
static bool one_keyval(StartPlan *p, const char *option, const char *text,
                       bool (*fn)(StartPlan *p, json_object *options,
                                  Error **errp),
                       Error **errp)
{
    json_object *options;
    bool ok;

    if (!text) {
        return true;
    }
    options = keyval_parse(text, NULL, errp);
    ok = options && fn(p, options, errp);
    if (!ok) {
        error_prefix(errp, "-%s %s: ", option, text);
    }
    json_object_put(options);
    return ok;
}

static bool set_uuid(StartPlan *p, Error **errp)
{
    MachineConfig *c = &p->m->config;

    if (!p->uuid) {
        return true;
    }
    if (!g_uuid_string_is_valid(p->uuid)) {
        error_set(errp, "-uuid %s: failed to parse UUID string: wrong format",
                  p->uuid);
        return false;
    }
    for (int i = 0, at = 0; i < 16; i++, at += 2) {
        at += p->uuid[at] == '-';
        c->uuid[i] = g_ascii_xdigit_value(p->uuid[at]) << 4 |
                     g_ascii_xdigit_value(p->uuid[at + 1]);
    }
    c->uuid_set = true;
    return true;
}

bool start_settings(StartPlan *p, Error **errp)
{
    static const char no_display[] =
        "this build shows no display; VNC, SDL and GTK do not exist yet";

    return (!p->keyboard || check_keyboard(p->keyboard, errp)) &&
           only_none("display", p->display, no_display, errp) &&
           only_none("vga", p->vga, "this machine has no VGA adapter", errp) &&
           cli_each(p, p->parallel, "parallel", parallel_text, errp) &&
           cli_each(p, p->action, "action", action_text, errp) &&
           cli_each(p, p->watchdog_action, "watchdog-action", watchdog_text,
                    errp) &&
           cli_each(p, p->audiodev, "audiodev", audiodev_text, errp) &&
           cli_each(p, p->compat, "compat", compat_text, errp) &&
           cli_each(p, p->boot, "boot", boot_text, errp) &&
           one_keyval(p, "rtc", p->rtc, set_rtc, errp) &&
           one_keyval(p, "msg", p->msg, set_msg, errp) &&
           one_keyval(p, "overcommit", p->overcommit, set_overcommit, errp) &&
           set_uuid(p, errp);
}

/* --- -add-fd --- */

/* fd=N,set=M[,opaque=TEXT]: the descriptor was open when we started. */
static bool add_fd_options(StartPlan *p, json_object *options, Error **errp)
{
    g_autofree char *fd_text = json_take_text(options, "fd");
    g_autofree char *set_text = json_take_text(options, "set");
    g_autofree char *opaque = json_take_text(options, "opaque");
    uint64_t fd, set;
    int copy;

    if (!fd_text || !parse_u64(fd_text, &fd) || fd <= 2 || fd > INT_MAX) {
        error_set(errp, "fd must be a number above those of the standard "
                        "streams");
        return false;
    }
    if (!set_text || !parse_u64(set_text, &set) || set > INT64_MAX) {
        error_set(errp, "set must be a number");
        return false;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        error_set_errno(errp, errno, "fd %s is not open", fd_text);
        return false;
    }
    return cli_nothing_left(options, errp) &&
           fdsets_add(p->m->fdsets, set, copy, opaque, errp) >= 0;
}

static bool add_fd_text(StartPlan *p, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, NULL, errp);
    bool ok = options && add_fd_options(p, options, errp);

    json_object_put(options);
    return ok;
}

bool start_fds(StartPlan *p, Error **errp)
{
    return cli_each(p, p->add_fd, "add-fd", add_fd_text, errp);
}
