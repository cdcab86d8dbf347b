/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File-I/O: requests to the client, which serves them with its own host's
 * files (GDB manual, "File-I/O Remote Protocol Extension"). The machine stands
 * still from a request to its answer, as the client reads and writes memory.
 */
#include "tandem/base.h"

#include "internal.h"

/* errno values of the protocol that are not Linux'. */
static const struct {
    int theirs, ours;
} errors[] = { { 91, ENAMETOOLONG }, { 9999, EIO } };

bool gdb_connected(GdbServer *g)
{
    return atomic_load(&g->connected);
}

static void complete(GdbServer *g, int64_t result, int error)
{
    GdbFileIo *io = g_steal_pointer(&g->fileio);

    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        error = error == errors[i].theirs ? errors[i].ours : error;
    }
    io->result = result;
    io->error = error;
    atomic_store(&io->done, true);
}

void gdb_fileio(GdbServer *g, GdbFileIo *io)
{
    g_autofree char *packet = NULL;

    g->fileio = io;
    if (!g->connected || !g->running) { /* nobody waits for us */
        complete(g, -1, EAGAIN);
        return;
    }
    g->fileio_step = io->cpu->single_step != 0;
    g->running = false; /* no stop is told */
    machine_stop(g->m, RUN_STATE_PAUSED);
    g->cpu = g->cpu_c = io->cpu;
    packet = g_strdup_printf("F%s", io->request);
    gdb_send(g, packet);
}

bool gdb_fileio_memory(GdbServer *g, uint64_t addr, void *buf, size_t len,
                       bool write)
{
    GdbFileIo *io = g->fileio;
    uint64_t at = addr - GDB_FILEIO_BASE;

    if (!io || !io->data || !range_fits(at, len, io->len)) {
        return false;
    }
    memcpy(write ? io->data + at : buf, write ? buf : io->data + at, len);
    return true;
}

void gdb_fileio_abandon(GdbServer *g)
{
    if (g->fileio) {
        complete(g, -1, EINTR);
    }
}

/* "[-]RESULT[,ERRNO[,C]]", in hex. */
void gdb_fileio_answer(GdbServer *g, const char *p)
{
    CPUState *cpu = g->fileio ? g->fileio->cpu : NULL;
    bool negative = *p == '-', interrupt;
    uint64_t result, error = 0;
    char *end;

    if (!cpu) {
        gdb_send(g, "E22");
        return;
    }
    result = g_ascii_strtoull(p + negative, &end, 16);
    if (*end == ',') {
        error = g_ascii_strtoull(end + 1, &end, 16);
    }
    interrupt = strcmp(end, ",C") == 0;
    complete(g, (int64_t)(negative ? -result : result), (int)error);
    gdb_fileio_over(g, cpu, interrupt);
}
