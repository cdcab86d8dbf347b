/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP sessions: framing, negotiation, queueing, replies and events. */
#include "tandem/base.h"

#include "internal.h"

/* --- output --- */

void monitor_flush(Monitor *mon)
{
    LOCK_GUARD(&mon->lock);
    if (mon->out->len > 0) {
        size_t n = char_write(&mon->fe, mon->out->str, mon->out->len);

        g_string_erase(mon->out, 0, n);
    }
}

static void flush_posted(void *opaque)
{
    Monitor *mon = opaque;

    lock_acquire(&mon->lock);
    mon->out_posted = false;
    lock_release(&mon->lock);
    monitor_flush(mon);
}

void monitor_write(Monitor *mon, const char *text, size_t len)
{
    LOCK_GUARD(&mon->lock);
    if (mon->out->len > QMP_OUTPUT_MAX) {
        return; /* a client that never reads loses what comes */
    }
    g_string_append_len(mon->out, text, len);
    if (!mon->out_posted) {
        mon->out_posted = true;
        loop_post(mon->ctx, flush_posted, mon);
    }
}

/* Takes @reply's reference. */
static void send_json(Monitor *mon, json_object *reply)
{
    int flags = mon->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                            : JSON_C_TO_STRING_SPACED;
    const char *text = json_object_to_json_string_ext(
        reply, flags | JSON_C_TO_STRING_NOSLASHESCAPE);
    g_autofree char *line = g_strconcat(text, "\r\n", NULL);

    monitor_write(mon, line, strlen(line));
    json_object_put(reply);
}

/* Takes @err and @value; one of them is NULL. */
static void send_reply(Monitor *mon, json_object *request, json_object *value,
                       Error *err)
{
    json_object *reply = json_object_new_object();
    json_object *id;

    if (err) {
        json_object *e = json_object_new_object();

        json_object_object_add(
            e, "class",
            json_object_new_string(error_class_name(error_class(err))));
        json_object_object_add(e, "desc",
                               json_object_new_string(error_text(err)));
        json_object_object_add(reply, "error", e);
        error_free(err);
    } else {
        json_object_object_add(reply, "return", value);
    }
    if (json_object_is_type(request, json_type_object) &&
        json_object_object_get_ex(request, "id", &id)) {
        json_object_object_add(reply, "id", json_object_get(id));
    }
    send_json(mon, reply);
}

static json_object *greeting(void)
{
    json_object *version = qmp_execute(NULL, "query-version", NULL, NULL);
    json_object *caps = json_object_new_array();
    json_object *qmp = json_object_new_object();
    json_object *top = json_object_new_object();

    json_object_array_add(caps, json_object_new_string("oob"));
    json_object_object_add(qmp, "version", version);
    json_object_object_add(qmp, "capabilities", caps);
    json_object_object_add(top, "QMP", qmp);
    return top;
}

/* --- events --- */

static json_object *event_json(const MachineEvent *ev)
{
    int64_t us = g_get_real_time();
    json_object *stamp = json_object_new_object();
    json_object *json = json_object_new_object();

    json_object_object_add(stamp, "seconds",
                           json_object_new_int64(us / 1000000));
    json_object_object_add(stamp, "microseconds",
                           json_object_new_int64(us % 1000000));
    json_object_object_add(json, "timestamp", stamp);
    json_object_object_add(json, "event", json_object_new_string(ev->name));
    if (ev->data) {
        json_object_object_add(json, "data", json_object_get(ev->data));
    }
    return json;
}

static void broadcast(void *opaque, json_object *json)
{
    MonitorHub *hub = opaque;

    LOCK_GUARD(&hub->lock);
    for (guint i = 0; i < hub->monitors->len; i++) {
        Monitor *mon = g_ptr_array_index(hub->monitors, i);

        if (mon->qmp && __atomic_load_n(&mon->negotiated, __ATOMIC_ACQUIRE)) {
            send_json(mon, json_object_get(json));
        }
    }
}

static void event_happened(Notifier *n, void *data)
{
    MonitorHub *hub = container_of(n, MonitorHub, on_event);
    json_object *json = event_json(data);

    if (!event_throttle(hub->throttle, data, json)) {
        broadcast(hub, json);
    }
    json_object_put(json);
}

/* --- commands --- */

/* Names the command of a well-formed request; NULL with *errp. */
static const char *request_name(json_object *request, bool *oob, Error **errp)
{
    const char *name = NULL;

    if (!json_object_is_type(request, json_type_object)) {
        error_set(errp, "QMP input must be a JSON object");
        return NULL;
    }
    json_object_object_foreach(request, key, value)
    {
        bool is_oob = strcmp(key, "exec-oob") == 0;

        if (is_oob || strcmp(key, "execute") == 0) {
            if (!json_object_is_type(value, json_type_string) || name) {
                error_set(errp, "QMP input member '%s' must be a string", key);
                return NULL;
            }
            name = json_object_get_string(value);
            *oob = is_oob;
        } else if (strcmp(key, "arguments") == 0) {
            if (!json_object_is_type(value, json_type_object)) {
                error_set(errp,
                          "QMP input member 'arguments' must be an object");
                return NULL;
            }
        } else if (strcmp(key, "id") != 0) {
            error_set(errp, "QMP input member '%s' is unexpected", key);
            return NULL;
        }
    }
    if (!name) {
        error_set(errp, "QMP input lacks member 'execute'");
    }
    return name;
}

/* The command, if this session may run it now. */
static const QCommand *find_allowed(Monitor *mon, const char *name, bool oob,
                                    Error **errp)
{
    const QCommand *c = qmp_find_command(name);
    bool negotiates = strcmp(name, "qmp_capabilities") == 0;

    if (!c || (mon->negotiated && negotiates)) {
        error_set_class(errp, ERROR_COMMAND_NOT_FOUND,
                        c ? "Capabilities negotiation is already complete, "
                            "command '%s' ignored"
                          : "The command %s has not been found",
                        name);
        return NULL;
    }
    if (!mon->negotiated && !negotiates) {
        error_set_class(errp, ERROR_COMMAND_NOT_FOUND,
                        "Expecting capabilities negotiation with "
                        "'qmp_capabilities'");
        return NULL;
    }
    if (oob && !mon->oob) {
        error_set(errp, "QMP input member 'exec-oob' is unexpected");
        return NULL;
    }
    if (oob && !c->allow_oob) {
        error_set(errp, "The command %s does not support OOB", name);
        return NULL;
    }
    return c;
}

/* Run @request here and reply to it. */
static void run_request(Monitor *mon, json_object *request)
{
    bool oob = false;
    Error *err = NULL;
    const char *name = request_name(request, &oob, &err);
    const QCommand *c = name ? find_allowed(mon, name, oob, &err) : NULL;
    json_object *args = NULL, *value = NULL;

    if (c) {
        json_object_object_get_ex(request, "arguments", &args);
        value = qmp_call(mon, mon->m, c, args, &err);
    }
    send_reply(mon, request, value, err);
}

/* In its context: there is room in the queue again. */
static void accept_input(void *opaque)
{
    Monitor *mon = opaque;

    char_accept_input(&mon->fe);
}

/* Main loop, machine lock: the next in-band command. */
static void run_next(void *opaque)
{
    Monitor *mon = opaque;
    json_object *request;

    lock_acquire(&mon->lock);
    request = g_queue_pop_head(mon->queue);
    lock_release(&mon->lock);
    run_request(mon, request);
    json_object_put(request);
    lock_acquire(&mon->lock);
    mon->running = !g_queue_is_empty(mon->queue);
    if (mon->running) {
        loop_post(mon->m->loop, run_next, mon);
    }
    lock_release(&mon->lock);
    loop_post(mon->ctx, accept_input, mon);
}

/* A whole value was read, in the monitor's context; takes its reference. */
static void got_request(Monitor *mon, json_object *request)
{
    json_object *oob;

    if (json_object_is_type(request, json_type_object) &&
        json_object_object_get_ex(request, "exec-oob", &oob)) {
        run_request(mon, request);
        json_object_put(request);
        return;
    }
    LOCK_GUARD(&mon->lock);
    g_queue_push_tail(mon->queue, request);
    if (!mon->running) {
        mon->running = true;
        loop_post(mon->m->loop, run_next, mon);
    }
}

/* --- input --- */

static int qmp_can_receive(void *opaque)
{
    Monitor *mon = opaque;

    LOCK_GUARD(&mon->lock);
    return g_queue_get_length(mon->queue) < QMP_QUEUE_MAX ? 4096 : 0;
}

static void syntax_error(Monitor *mon, const char *what)
{
    Error *err = NULL;

    error_set(&err, "JSON parse error, %s", what);
    send_reply(mon, NULL, NULL, err);
    json_tokener_reset(mon->tok);
    mon->tok_bytes = 0;
    mon->skip_line = true;
}

/* Feed bytes to the parser up to the end of one value; returns how many. */
static int parse_some(Monitor *mon, const char *data, int len)
{
    json_object *obj;
    int used = 0;

    if (mon->tok_bytes == 0) { /* between values */
        while (used < len && g_ascii_isspace(data[used])) {
            used++;
        }
        if (used == len) {
            return used;
        }
    }
    obj = json_tokener_parse_ex(mon->tok, data + used, len - used);
    used += json_tokener_get_parse_end(mon->tok);
    switch (json_tokener_get_error(mon->tok)) {
    case json_tokener_success:
        mon->tok_bytes = 0;
        json_tokener_reset(mon->tok);
        got_request(mon, obj);
        return used;
    case json_tokener_continue:
        mon->tok_bytes += len;
        if (mon->tok_bytes > QMP_INPUT_MAX) {
            syntax_error(mon, "token size limit exceeded");
        }
        return len;
    default:
        syntax_error(mon,
                     json_tokener_error_desc(json_tokener_get_error(mon->tok)));
        return used;
    }
}

static void take_fds(Monitor *mon)
{
    int fds[QMP_FDS_MAX];
    int n = char_take_fds(&mon->fe, fds, QMP_FDS_MAX);

    LOCK_GUARD(&mon->lock);
    for (int i = 0; i < n; i++) {
        if (fds[i] < 0) {
            continue;
        }
        if (mon->n_fds < QMP_FDS_MAX) {
            mon->fds[mon->n_fds++] = fds[i];
        } else {
            close(fds[i]);
        }
    }
}

static void qmp_receive(void *opaque, const uint8_t *bytes, int len)
{
    Monitor *mon = opaque;
    const char *data = (const char *)bytes;

    take_fds(mon);
    while (len > 0) {
        int n;

        if (mon->skip_line) {
            const char *nl = memchr(data, '\n', len);

            mon->skip_line = nl == NULL;
            n = nl ? nl + 1 - data : len;
        } else {
            n = parse_some(mon, data, len);
        }
        data += n;
        len -= n;
    }
}

/* A new client: a new session. */
static void qmp_event(void *opaque, CharEvent ev)
{
    Monitor *mon = opaque;

    if (ev != CHAR_OPENED && ev != CHAR_CLOSED) {
        return;
    }
    json_tokener_reset(mon->tok);
    mon->tok_bytes = 0;
    mon->skip_line = false;
    mon->oob = false;
    __atomic_store_n(&mon->negotiated, false, __ATOMIC_RELEASE);
    lock_acquire(&mon->lock);
    g_string_truncate(mon->out, 0);
    lock_release(&mon->lock);
    if (ev == CHAR_OPENED) {
        send_json(mon, greeting());
    }
}

static void qmp_writable(void *opaque)
{
    monitor_flush(opaque);
}

static const CharHandlers qmp_handlers = {
    .can_receive = qmp_can_receive,
    .receive = qmp_receive,
    .event = qmp_event,
    .writable = qmp_writable,
};

/* --- descriptors --- */

int monitor_take_fd(Monitor *mon)
{
    int fd = -1;

    LOCK_GUARD(&mon->lock);
    if (mon->n_fds > 0) {
        fd = mon->fds[0];
        mon->n_fds--;
        memmove(mon->fds, mon->fds + 1, mon->n_fds * sizeof(mon->fds[0]));
    }
    return fd;
}

void monitor_put_named_fd(Monitor *mon, const char *name, int fd)
{
    gpointer old;

    LOCK_GUARD(&mon->lock);
    if (g_hash_table_lookup_extended(mon->named_fds, name, NULL, &old)) {
        close(GPOINTER_TO_INT(old));
    }
    g_hash_table_insert(mon->named_fds, g_strdup(name), GINT_TO_POINTER(fd));
}

static bool take_named(Monitor *mon, const char *name, int *fd)
{
    gpointer value;

    LOCK_GUARD(&mon->lock);
    if (!g_hash_table_lookup_extended(mon->named_fds, name, NULL, &value)) {
        return false;
    }
    *fd = GPOINTER_TO_INT(value);
    g_hash_table_remove(mon->named_fds, name);
    return true;
}

int monitor_take_named_fd(Machine *m, Monitor *mon, const char *name,
                          Error **errp)
{
    GPtrArray *all = mon || !m->monitors ? NULL : m->monitors->monitors;
    int fd = -1;
    bool found = mon && take_named(mon, name, &fd);

    for (guint i = 0; all && !found && i < all->len; i++) {
        found = take_named(g_ptr_array_index(all, i), name, &fd);
    }
    if (!found) {
        error_set(errp, "File descriptor named '%s' has not been found", name);
    }
    return fd;
}

/* Machine.named_fd */
static int any_named_fd(Machine *m, const char *name, Error **errp)
{
    return monitor_take_named_fd(m, NULL, name, errp);
}

/* --- life --- */

bool monitor_is_mux(const Monitor *mon)
{
    return mon->fe.chr &&
           strcmp(OBJECT(mon->fe.chr)->type->name, "chardev-mux") == 0;
}

Machine *monitor_machine(Monitor *mon)
{
    return mon->m;
}

typedef struct Attach {
    Monitor *mon;
    Chardev *chr;
    const CharHandlers *handlers;
    char *source;
    bool ok;
    Error *err;
} Attach;

static void attach_in_context(void *opaque)
{
    Attach *a = opaque;
    Monitor *mon = a->mon;

    a->ok = char_attach(&mon->fe, a->chr, NULL, mon->ctx, a->source,
                        a->handlers, mon, &a->err);
}

/* Attach in the thread that will use it; this one waits. */
static bool attach(Monitor *mon, Chardev *chr, const CharHandlers *handlers,
                   Error **errp)
{
    Attach a = { .mon = mon, .chr = chr, .handlers = handlers };

    a.source = g_strdup_printf("/monitor/%s", chardev_id(chr));
    loop_call(mon->ctx, attach_in_context, &a);
    g_free(a.source);
    if (!a.ok) {
        error_move(errp, a.err);
    }
    return a.ok;
}

static void close_fd(gpointer value)
{
    close(GPOINTER_TO_INT(value));
}

static Monitor *monitor_new(MonitorHub *hub, LoopContext *ctx)
{
    Monitor *mon = g_new0(Monitor, 1);

    mon->hub = hub;
    mon->m = hub->m;
    mon->ctx = ctx;
    lock_init(&mon->lock);
    mon->tok = json_tokener_new_ex(QMP_DEPTH_MAX);
    mon->out = g_string_new(NULL);
    mon->queue = g_queue_new();
    mon->named_fds =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return mon;
}

static void put_json(gpointer value)
{
    json_object_put(value);
}

static void monitor_free(Monitor *mon)
{
    GHashTableIter it;
    gpointer fd;

    g_hash_table_iter_init(&it, mon->named_fds);
    while (g_hash_table_iter_next(&it, NULL, &fd)) {
        close_fd(fd);
    }
    for (int i = 0; i < mon->n_fds; i++) {
        close(mon->fds[i]);
    }
    hmp_session_free(mon);
    g_hash_table_unref(mon->named_fds);
    g_queue_free_full(mon->queue, put_json);
    g_string_free(mon->out, TRUE);
    json_tokener_free(mon->tok);
    lock_destroy(&mon->lock);
    g_free(mon);
}

static bool monitor_add(MonitorHub *hub, Monitor *mon, Chardev *chr,
                        const CharHandlers *handlers, Error **errp)
{
    if (!attach(mon, chr, handlers, errp)) {
        monitor_free(mon);
        return false;
    }
    LOCK_GUARD(&hub->lock);
    g_ptr_array_add(hub->monitors, mon);
    return true;
}

bool monitor_qmp_add(MonitorHub *hub, Chardev *chr, bool pretty, Error **errp)
{
    bool mux = strcmp(OBJECT(chr)->type->name, "chardev-mux") == 0;
    Monitor *mon = monitor_new(hub, mux ? hub->m->loop : hub->io);

    mon->qmp = true;
    mon->pretty = pretty;
    return monitor_add(hub, mon, chr, &qmp_handlers, errp);
}

bool monitor_hmp_add(MonitorHub *hub, Chardev *chr, Error **errp)
{
    Monitor *mon = monitor_new(hub, hub->m->loop);

    hmp_session_start(mon);
    return monitor_add(hub, mon, chr, &hmp_handlers, errp);
}

MonitorHub *monitor_hub_new(Machine *m)
{
    MonitorHub *hub = g_new0(MonitorHub, 1);

    hub->m = m;
    hub->monitors = g_ptr_array_new();
    m->monitors = hub;
    m->named_fd = any_named_fd;
    lock_init(&hub->lock);
    hub->throttle = event_throttle_new(m, broadcast, hub);
    hub->on_event.fn = event_happened;
    notifier_add(m->on_event, &hub->on_event);
    hub->io = loop_context_new("monitors", NULL, m->clocks);
    loop_thread_start(hub->io);
    return hub;
}

/* In its context: the last bytes, then let go of the chardev. */
static void detach_in_context(void *opaque)
{
    Monitor *mon = opaque;

    for (int i = 0; i < 100 && mon->out->len > 0; i++) {
        monitor_flush(mon);
        if (mon->out->len > 0) {
            g_usleep(10000);
        }
    }
    char_detach(&mon->fe);
}

void monitor_hub_free(MonitorHub *hub)
{
    machine_lock(hub->m);
    notifier_remove(hub->m->on_event, &hub->on_event);
    dump_free(hub->dump);
    hub->m->monitors = NULL;
    hub->m->named_fd = NULL;
    event_throttle_free(hub->throttle);
    for (guint i = 0; i < hub->monitors->len; i++) {
        Monitor *mon = g_ptr_array_index(hub->monitors, i);

        loop_call(mon->ctx, detach_in_context, mon);
    }
    machine_unlock(hub->m);
    loop_thread_stop(hub->io);
    for (guint i = 0; i < hub->monitors->len; i++) {
        monitor_free(g_ptr_array_index(hub->monitors, i));
    }
    loop_context_free(hub->io);
    g_ptr_array_unref(hub->monitors);
    lock_destroy(&hub->lock);
    g_free(hub);
}
