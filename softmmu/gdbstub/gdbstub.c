/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server: its character device, and the machine's run state. */
#include "tandem/base.h"

#include "internal.h"
#include "qmp-schema.h"

static int can_receive(void *opaque)
{
    return GDB_PACKET_MAX;
}

static void receive(void *opaque, const uint8_t *data, int len)
{
    gdb_receive(opaque, data, len);
}

/* A client that goes leaves a guest that runs on undisturbed. */
static void client_gone(GdbServer *g)
{
    bool was_running = g->running;

    g->connected = g->running = false;
    g->cpu = g->cpu_c = NULL;
    g->rx = RX_IDLE;
    g->no_ack = g->physical = g->texts = false;
    if (was_running) {
        cpus_pause_all(g->m); /* to change what its CPUs watch */
    }
    gdb_forget_points(g);
    if (g->fileio) { /* the guest was running, but for the request */
        gdb_fileio_abandon(g);
        qmp_cont(g->m, NULL);
    }
    if (was_running && machine_running(g->m)) {
        cpus_resume_all(g->m);
    }
}

static void event(void *opaque, CharEvent ev)
{
    GdbServer *g = opaque;

    if (ev == CHAR_OPENED && !g->connected) {
        g->connected = true;
        qmp_stop(g->m, NULL);
    } else if (ev == CHAR_CLOSED && g->connected) {
        client_gone(g);
    }
}

static const CharHandlers handlers = {
    .can_receive = can_receive,
    .receive = receive,
    .event = event,
};

static void state_changed(Notifier *n, void *data)
{
    GdbServer *g = container_of(n, GdbServer, on_state);
    RunState state = *(RunState *)data;

    if (state != RUN_STATE_RUNNING) {
        gdb_stopped(g, state);
    }
}

GdbServer *gdb_server_new(Machine *m, Chardev *chr, Error **errp)
{
    GdbServer *g = g_new0(GdbServer, 1);

    g->m = m;
    g->in = g_string_new(NULL);
    g->held = g_array_new(FALSE, FALSE, sizeof(CPUState *));
    g->on_state.fn = state_changed;
    notifier_add(m->on_state, &g->on_state);
    if (!char_attach(&g->fe, chr, NULL, m->loop, "/gdb", &handlers, g, errp)) {
        gdb_server_free(g);
        return NULL;
    }
    return g;
}

void gdb_server_free(GdbServer *g)
{
    char_detach(&g->fe);
    gdb_fileio_abandon(g);
    notifier_remove(g->m->on_state, &g->on_state);
    g_array_unref(g->held);
    g_string_free(g->in, TRUE);
    g_free(g->last);
    g_free(g);
}
