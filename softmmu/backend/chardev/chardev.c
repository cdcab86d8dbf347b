/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: objects at /chardevs, attaching, logging, the event gate. */
#include "tandem/base.h"

#include <fcntl.h>
#include <poll.h>

#include "internal.h"
#include "softmmu/backend/yank.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/keyval.h"

static const ChardevType *type_of(const Chardev *chr)
{
    return (const ChardevType *)chr->parent.type;
}

/* --- for back ends --- */

/* A guest's, whose state is awaited, being saved, or has gone elsewhere. */
static bool is_moving(const CharFrontend *fe)
{
    if (!fe->source.gate || !fe->chr) {
        return false;
    }
    switch (fe->chr->machine->state) {
    case RUN_STATE_INMIGRATE:
    case RUN_STATE_FINISH_MIGRATE:
    case RUN_STATE_POSTMIGRATE:
        return true;
    default:
        return false;
    }
}

int char_room(CharFrontend *fe)
{
    size_t waiting;
    int room;

    if (!fe || !fe->handlers || !fe->handlers->can_receive || is_moving(fe)) {
        return 0;
    }
    room = MAX(0, fe->handlers->can_receive(fe->opaque));
    /* what the gate keeps has its place already */
    waiting = fe->source.gate ? event_waiting(&fe->source) : 0;
    return room - (int)MIN((size_t)room, waiting);
}

int chardev_can_receive(Chardev *chr)
{
    return char_room(chr->fe);
}

void chardev_receive(Chardev *chr, const uint8_t *data, int len)
{
    if (chr->fe && len > 0) {
        char_input(chr->fe, data, len);
    }
}

void char_input(CharFrontend *fe, const uint8_t *data, int len)
{
    if (fe->source.gate) {
        event_post(&fe->source, data, len);
    } else if (fe->handlers->receive) {
        fe->handlers->receive(fe->opaque, data, len);
    }
}

void chardev_event(Chardev *chr, CharEvent ev)
{
    if (ev == CHAR_OPENED || ev == CHAR_CLOSED) {
        chr->connected = ev == CHAR_OPENED;
    }
    if (chr->fe && chr->fe->handlers && chr->fe->handlers->event) {
        chr->fe->handlers->event(chr->fe->opaque, ev);
    }
    if (ev == CHAR_CLOSED) {
        chardev_writable(chr); /* what waited for the peer waits for nobody */
    }
}

void chardev_writable(Chardev *chr)
{
    if (chr->fe && chr->fe->handlers && chr->fe->handlers->writable) {
        chr->fe->handlers->writable(chr->fe->opaque);
    }
}

/* --- front ends --- */

static void deliver(void *opaque, const uint8_t *data, size_t len)
{
    CharFrontend *fe = opaque;

    if (fe->handlers->receive) {
        fe->handlers->receive(fe->opaque, data, len);
    }
    if (event_gate_mode(fe->source.gate) != EVENT_PASS) {
        char_accept_input(fe); /* there may be room beside it */
    }
}

/* What waited for the guest's state may pass now. */
static void state_changed(Notifier *n, void *data)
{
    CharFrontend *fe = container_of(n, CharFrontend, on_state);

    if (fe->held && !is_moving(fe)) {
        fe->held = false;
        if (fe->handlers->writable) {
            fe->handlers->writable(fe->opaque);
        }
    }
    char_accept_input(fe);
}

static void source_init(CharFrontend *fe, Chardev *chr, EventGate *gate,
                        LoopContext *ctx, const char *source_id)
{
    event_source_init(&fe->source, gate, source_id, ctx, deliver, fe);
    fe->on_state.fn = state_changed;
    notifier_add(chr->machine->on_state, &fe->on_state);
}

static void source_destroy(CharFrontend *fe, Chardev *chr)
{
    if (fe->source.gate) {
        notifier_remove(chr->machine->on_state, &fe->on_state);
        event_source_destroy(&fe->source);
        fe->source.gate = NULL;
    }
}

static void frontend_changed(Chardev *chr)
{
    if (type_of(chr)->frontend_changed) {
        type_of(chr)->frontend_changed(chr);
    }
}

bool char_attach(CharFrontend *fe, Chardev *chr, EventGate *gate,
                 LoopContext *ctx, const char *source_id,
                 const CharHandlers *handlers, void *opaque, Error **errp)
{
    *fe = (CharFrontend){ .handlers = handlers, .opaque = opaque };
    if (!chr) {
        return true;
    }
    if (!type_of(chr)->attach && chr->fe) {
        error_set(errp, "Device '%s' is in use", chardev_id(chr));
        return false;
    }
    if (gate) {
        source_init(fe, chr, gate, ctx, source_id);
    }
    fe->chr = chr;
    if (type_of(chr)->attach) {
        if (!type_of(chr)->attach(chr, fe, errp)) {
            source_destroy(fe, chr);
            fe->chr = NULL;
            return false;
        }
    } else {
        chr->fe = fe;
        chr->ctx = ctx;
        frontend_changed(chr);
    }
    object_ref(chr);
    if (chr->connected && handlers->event) {
        handlers->event(opaque, CHAR_OPENED);
    }
    return true;
}

void char_detach(CharFrontend *fe)
{
    Chardev *chr = fe->chr;

    if (!chr) {
        return;
    }
    fe->chr = NULL;
    if (type_of(chr)->detach) {
        type_of(chr)->detach(chr, fe);
    } else {
        chr->fe = NULL;
        chr->ctx = chr->machine->loop; /* we are in the old one */
        frontend_changed(chr);
    }
    source_destroy(fe, chr);
    object_unref(chr);
}

/* What went to the back end also goes to logfile=; a log that fails (a full
 * disk) does not stop the guest's console. */
static void log_output(Chardev *chr, const uint8_t *data, size_t len)
{
    while (chr->log_fd >= 0 && len > 0) {
        ssize_t n = write(chr->log_fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        data += n;
        len -= n;
    }
}

size_t char_write(CharFrontend *fe, const void *data, size_t len)
{
    Chardev *chr = fe->chr;
    size_t taken;

    if (!chr || len == 0) {
        return len;
    }
    if (is_moving(fe)) {
        fe->held = true;
        return 0;
    }
    taken = chr->connected ? type_of(chr)->write(chr, data, len) : len;
    log_output(chr, data, taken);
    return taken;
}

void char_write_all(CharFrontend *fe, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        size_t n = char_write(fe, p, len);

        p += n;
        len -= n;
        if (len > 0) {
            poll(NULL, 0, 1); /* the host's reader is slow */
        }
    }
}

void char_accept_input(CharFrontend *fe)
{
    if (fe->chr && type_of(fe->chr)->accept_input) {
        type_of(fe->chr)->accept_input(fe->chr);
    }
}

void char_send_break(CharFrontend *fe, bool on)
{
    if (fe->chr && type_of(fe->chr)->send_break) {
        type_of(fe->chr)->send_break(fe->chr, on);
    }
}

void char_set_params(CharFrontend *fe, const CharSerialParams *params)
{
    if (fe->chr && type_of(fe->chr)->set_params) {
        type_of(fe->chr)->set_params(fe->chr, params);
    }
}

int char_take_fds(CharFrontend *fe, int *fds, int max)
{
    if (!fe->chr || !type_of(fe->chr)->take_fds) {
        return 0;
    }
    return type_of(fe->chr)->take_fds(fe->chr, fds, max);
}

bool char_give_fds(CharFrontend *fe, const int *fds, int n)
{
    return fe->chr && type_of(fe->chr)->give_fds &&
           type_of(fe->chr)->give_fds(fe->chr, fds, n);
}

/* --- the property --- */

static bool chardev_prop_set(Object *obj, const Property *prop,
                             json_object *value, Error **errp)
{
    CharFrontend *fe = (void *)((char *)obj + prop->offset);
    const char *id = json_object_get_string(value);
    Machine *m = object_machine(obj);
    Chardev *chr = m && id ? chardev_find(m, id) : NULL;

    if (!chr) {
        error_set(errp, "Property '%s.%s' can't find value '%s'",
                  obj->type->name, prop->name, id ? id : "null");
        return false;
    }
    if (chardev_busy(chr) && !type_of(chr)->attach) {
        error_set(errp, "Property '%s.%s' can't take value '%s', it's in use",
                  obj->type->name, prop->name, id);
        return false;
    }
    fe->chr = chr;
    return true;
}

static json_object *chardev_prop_get(Object *obj, const Property *prop)
{
    CharFrontend *fe = (void *)((char *)obj + prop->offset);

    return json_object_new_string(fe->chr ? chardev_id(fe->chr) : "");
}

const PropertyType prop_type_chardev = {
    .name = "str",
    .schema = "str",
    .set = chardev_prop_set,
    .get = chardev_prop_get,
};

/* --- life --- */

static const ChardevType *find_driver(Machine *m, const char *driver,
                                      Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(m->view, &chardev_type, false);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < types->len; i++) {
        const ChardevType *t = g_ptr_array_index(types, i);

        if (!t->driver) {
            continue; /* made by others only: mux */
        }
        if (strcmp(t->driver, driver) == 0) {
            return t;
        }
        g_ptr_array_add(names, (void *)t->driver);
    }
    g_ptr_array_add(names, NULL);
    error_set(errp, "'%s' is not a valid char driver name", driver);
    error_suggest(errp, driver, (const char *const *)names->pdata);
    return NULL;
}

static bool open_log(Chardev *chr, Error **errp)
{
    int flags =
        O_WRONLY | O_CREAT | O_CLOEXEC | (chr->logappend ? O_APPEND : O_TRUNC);

    if (!chr->logfile) {
        return true;
    }
    chr->log_fd = path_open(chr->machine, chr->logfile, flags, 0666);
    if (chr->log_fd < 0) {
        error_set_errno(errp, errno, "Unable to open logfile %s", chr->logfile);
        return false;
    }
    return true;
}

static bool chardev_open(Chardev *chr, Error **errp)
{
    if (!open_log(chr, errp) ||
        (type_of(chr)->open && !type_of(chr)->open(chr, errp))) {
        return false;
    }
    chr->opened = true;
    return true;
}

Chardev *chardev_new(Machine *m, const char *id, const char *driver,
                     json_object *options, Error **errp)
{
    const ChardevType *type = find_driver(m, driver, errp);
    g_autofree char *base_id = NULL;
    Chardev *chr;

    if (!type) {
        return NULL;
    }
    if (chardev_find(m, id)) {
        error_set(errp, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    chr = (Chardev *)object_new(type);
    chr->machine = m;
    chr->ctx = m->loop;
    if (!object_set_all(chr, options, NULL, errp)) {
        object_unref(chr);
        return NULL;
    }
    base_id = chr->mux ? g_strdup_printf("%s-base", id) : g_strdup(id);
    if (!object_add_child(m->chardevs, base_id, chr, errp)) {
        object_unref(chr);
        return NULL;
    }
    object_unref(chr); /* the tree's reference keeps it */
    if (!chardev_open(chr, errp)) {
        object_unparent(chr);
        return NULL;
    }
    return chr->mux ? chardev_mux_new(m, id, chr, errp) : chr;
}

/* "nowait" is the old form of wait=off, and stands in many scripts. */
static json_object *parse_options(const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, "backend", errp), *value;

    if (options && json_object_object_get_ex(options, "nowait", &value)) {
        json_object_object_del(options, "nowait");
        json_object_object_add(options, "wait", json_object_new_string("off"));
    }
    return options;
}

Chardev *chardev_from_text(Machine *m, const char *text, Error **errp)
{
    json_object *options = parse_options(text, errp);
    g_autofree char *driver = NULL;
    g_autofree char *id = NULL;
    Chardev *chr = NULL;

    if (!options) {
        return NULL;
    }
    driver = json_take_text(options, "backend");
    id = json_take_text(options, "id");
    if (!driver) {
        error_set(errp, "chardev: \"%s\" missing backend", text);
    } else if (!id) {
        error_set(errp, "chardev: no id specified");
    } else {
        chr = chardev_new(m, id, driver, options, errp);
    }
    json_object_put(options);
    return chr;
}

/* "HOST:PORT[,options]" after its scheme; the port follows the last colon of
 * the address, as an IPv6 host has its own. */
static char *legacy_inet(const char *address, const char *more)
{
    size_t len = strcspn(address, ",");
    const char *colon = g_strrstr_len(address, len, ":");
    size_t host = colon ? colon - address : len;
    bool v6 = host >= 2 && address[0] == '[' && address[host - 1] == ']';

    return g_strdup_printf("socket,host=%.*s,port=%s%s",
                           (int)(v6 ? host - 2 : host), address + v6,
                           colon ? colon + 1 : address + len, more);
}

/* The short forms of -serial and -monitor, as option texts. */
static char *legacy_to_text(const char *text)
{
    static const char *const same[] = { "null", "stdio",   "vc",
                                        "pty",  "msmouse", NULL };

    if (g_strv_contains(same, text)) {
        return g_strdup(text);
    }
    if (g_str_has_prefix(text, "file:")) {
        return g_strdup_printf("file,path=%s", text + 5);
    }
    if (g_str_has_prefix(text, "pipe:")) {
        return g_strdup_printf("pipe,path=%s", text + 5);
    }
    if (g_str_has_prefix(text, "unix:")) {
        return g_strdup_printf("socket,path=%s", text + 5);
    }
    if (g_str_has_prefix(text, "tcp:")) {
        return legacy_inet(text + strlen("tcp:"), "");
    }
    if (g_str_has_prefix(text, "telnet:")) {
        return legacy_inet(text + strlen("telnet:"), ",telnet=on");
    }
    if (g_str_has_prefix(text, "/dev/")) {
        return g_strdup_printf("serial,path=%s", text);
    }
    return NULL;
}

bool chardev_from_legacy(Machine *m, const char *text, const char *id,
                         Chardev **chr, Error **errp)
{
    bool mux = g_str_has_prefix(text, "mon:");
    const char *rest = mux ? text + 4 : text;
    g_autofree char *options = NULL;
    g_autofree char *full = NULL;

    *chr = NULL;
    if (strcmp(rest, "none") == 0) {
        return true;
    }
    if (g_str_has_prefix(rest, "chardev:")) {
        *chr = chardev_find(m, rest + 8);
        if (!*chr) {
            error_set(errp, "chardev \"%s\" not found", rest + 8);
        }
        return *chr != NULL;
    }
    options = legacy_to_text(rest);
    if (!options) {
        error_set(errp, "'%s' is not a valid char driver", rest);
        return false;
    }
    full = g_strdup_printf("%s,id=%s%s", options, id, mux ? ",mux=on" : "");
    if (mux && strcmp(rest, "stdio") == 0) {
        char *with_signal = g_strconcat(full, ",signal=off", NULL);

        g_free(full);
        full = with_signal;
    }
    *chr = chardev_from_text(m, full, errp);
    return *chr != NULL;
}

Chardev *chardev_find(Machine *m, const char *id)
{
    return object_try_cast(object_child(m->chardevs, id), &chardev_type);
}

const char *chardev_id(const Chardev *chr)
{
    return chr->parent.name ? chr->parent.name : "";
}

bool chardev_busy(const Chardev *chr)
{
    return chr->fe != NULL;
}

void chardev_inject_break(Chardev *chr)
{
    chardev_event(chr, CHAR_BREAK);
}

char *chardev_filename(const Chardev *chr)
{
    const ChardevType *type = type_of(chr);

    return type->filename ? type->filename(chr) : g_strdup(type->driver);
}

bool chardev_remove(Machine *m, const char *id, Error **errp)
{
    Chardev *chr = chardev_find(m, id);

    if (!chr) {
        error_set(errp, "Chardev '%s' not found", id);
        return false;
    }
    if (chardev_busy(chr)) {
        error_set(errp, "Chardev '%s' is busy", id);
        return false;
    }
    object_unparent(chr);
    return true;
}

/* --- another back end --- */

typedef struct Change {
    Chardev *old, *fresh;
} Change;

static void drop_old(void *opaque)
{
    object_unref(opaque);
}

/* In the front end's context. */
static void move_frontend(void *opaque)
{
    Change *c = opaque;
    CharFrontend *fe = c->old->fe;
    LoopContext *ctx = c->old->ctx;

    if (c->old->connected && fe->handlers->event) {
        fe->handlers->event(fe->opaque, CHAR_CLOSED);
    }
    c->old->fe = NULL;
    c->old->ctx = c->old->machine->loop;
    frontend_changed(c->old);
    object_ref(c->fresh);
    fe->chr = c->fresh;
    c->fresh->fe = fe;
    c->fresh->ctx = ctx;
    frontend_changed(c->fresh);
    /* Later: a monitor may change its own while that delivers its line. */
    loop_post(c->old->machine->loop, drop_old, c->old);
    if (c->fresh->connected && fe->handlers->event) {
        fe->handlers->event(fe->opaque, CHAR_OPENED);
    }
    chardev_writable(c->fresh); /* what the old one did not take */
}

/* @c->fresh takes the name that @c->old leaves. */
static bool take_name(Machine *m, Change *c, const char *id, Error **errp)
{
    bool ok;

    object_ref(c->fresh);
    object_unparent(c->old);
    object_unparent(c->fresh);
    ok = object_add_child(m->chardevs, id, c->fresh, errp);
    object_unref(c->fresh);
    if (ok && c->fresh->yank) {
        yank_rename(c->fresh->yank, id);
    }
    return ok;
}

Chardev *chardev_change(Machine *m, const char *id, const char *driver,
                        json_object *options, Error **errp)
{
    Change c = { .old = chardev_find(m, id) };
    g_autofree char *label = g_strdup_printf("%s.new", id);

    if (!c.old) {
        error_set(errp, "Chardev '%s' does not exist", id);
        return NULL;
    }
    if (type_of(c.old)->attach) {
        error_set(errp, "Chardev '%s' is a mux, which cannot be changed", id);
        return NULL;
    }
    c.fresh = chardev_new(m, label, driver, options, errp);
    if (!c.fresh) {
        return NULL;
    }
    if (type_of(c.fresh)->attach) {
        object_unparent(c.fresh);
        error_set(errp, "Chardev '%s' cannot become a mux", id);
        return NULL;
    }
    if (c.old->fe) {
        loop_call(c.old->ctx, move_frontend, &c);
    }
    return take_name(m, &c, id, errp) ? c.fresh : NULL;
}

Chardev *chardev_change_text(Machine *m, const char *id, const char *text,
                             Error **errp)
{
    json_object *options = parse_options(text, errp);
    g_autofree char *driver =
        options ? json_take_text(options, "backend") : NULL;
    Chardev *chr = NULL;

    if (options && !driver) {
        error_set(errp, "Parameter 'backend' is missing");
    } else if (options) {
        chr = chardev_change(m, id, driver, options, errp);
    }
    json_object_put(options);
    return chr;
}

static void chardev_init(Object *obj)
{
    ((Chardev *)obj)->log_fd = -1;
}

static void chardev_finalize(Object *obj)
{
    Chardev *chr = (Chardev *)obj;

    if (type_of(chr)->close) { /* after a failed open too */
        type_of(chr)->close(chr);
    }
    if (chr->log_fd >= 0) {
        close(chr->log_fd);
    }
}

static const Property chardev_props[] = {
    PROP(str, Chardev, logfile, "logfile", NULL,
         "file that gets a copy of all output"),
    PROP(bool, Chardev, logappend, "logappend", "off",
         "append to the log file"),
    PROP(bool, Chardev, mux, "mux", "off", "let several front ends share it"),
    { 0 },
};

const ChardevType chardev_type = {
    .name = "chardev",
    .parent = &object_type,
    .size = sizeof(Chardev),
    .abstract = true,
    .init = chardev_init,
    .finalize = chardev_finalize,
    .props = chardev_props,
};
