/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that a debugger serves: target=gdb, and target=auto while one is
 * there.
 *
 * Spec:  GDB manual, "File-I/O Remote Protocol Extension": the requests, with
 *        numbers in hex, open flags and errno values of its own, and struct
 *        stat as 64 big-endian bytes.
 * How:   a call makes its request and is then made again until the answer is
 *        there. Names and data lie in a buffer that gdb sees at an address of
 *        its own, so that no pointer of the guest's reaches it.
 * Locks: vCPU threads, none held; one request at a time.
 */
#include "tandem/base.h"

#include "internal.h"

enum {
    BUFFER_MAX = 1 << 20, /* bytes of a read or write; more is partial */
    STAT_SIZE = 64,
    STAT_ST_SIZE = 28, /* offset of its 8 bytes */
    CONSOLE_FDS = 3,
};

/* --- asking --- */

typedef enum Asked { ASK_NOW, ASK_WAIT, ASK_ANSWERED } Asked;

/* Main loop, machine lock. */
static void send_request(void *opaque)
{
    Semihost *s = opaque;

    gdb_fileio(s->gdb, &s->io);
}

/* Is there an answer to this call? One to another call of this CPU, which an
 * interrupt came between, is dropped: that call is made again. */
static Asked asked(SemiCall *c)
{
    Semihost *s = c->s;
    bool done;

    {
        LOCK_GUARD(&s->lock);
        if (!s->asking) {
            return ASK_NOW;
        }
        done = s->asking == c->cpu && atomic_load(&s->io.done);
        if (done && s->asked_op == c->call->op &&
            s->asked_arg == c->call->arg) {
            return ASK_ANSWERED;
        }
        if (done) {
            s->asking = NULL;
            return ASK_NOW;
        }
    }
    g_usleep(1000);
    return ASK_WAIT;
}

/* No debugger is there: an answer that was for this CPU, as one that left
 * gives, is dropped, so that it holds up no other CPU. */
static void forget_answer(SemiCall *c)
{
    LOCK_GUARD(&c->s->lock);
    if (c->s->asking == c->cpu && atomic_load(&c->s->io.done)) {
        c->s->asking = NULL;
    }
}

/* Send @request, whose reference is taken, with @len bytes of @data, too. */
static SemiEnd ask(SemiCall *c, char *request, uint8_t *data, size_t len)
{
    Semihost *s = c->s;

    {
        LOCK_GUARD(&s->lock);
        if (s->asking) { /* another CPU was faster */
            g_free(request);
            g_free(data);
            return SEMI_AGAIN;
        }
        s->asking = c->cpu;
        s->asked_op = c->call->op;
        s->asked_arg = c->call->arg;
        g_free(s->io.request);
        g_free(s->io.data);
        s->io.cpu = c->cpu;
        s->io.request = request;
        s->io.data = data;
        s->io.len = len;
        atomic_store(&s->io.done, false);
    }
    loop_post(s->m->loop, send_request, s);
    return SEMI_AGAIN;
}

/* The answer is taken: its result, or -1 with *error. */
static int64_t take_answer(SemiCall *c, int *error)
{
    LOCK_GUARD(&c->s->lock);
    c->s->asking = NULL;
    *error = c->s->io.error ? c->s->io.error : EIO;
    return c->s->io.result;
}

/* The answer is the call's result. */
static SemiEnd answer(SemiCall *c)
{
    int error;
    int64_t result = take_answer(c, &error);

    return result < 0 ? semi_fail(c, error) : semi_return(c, result);
}

/* --- names --- */

/* The names at words 0, 1 and, when @two, 2, 3 as one buffer; *@second is
 * where the second begins. NULL: the call has failed. */
static uint8_t *names(SemiCall *c, bool two, size_t *second, size_t *len)
{
    g_autofree char *a = semi_text(c, c->word[0], c->word[1]);
    g_autofree char *b = a && two ? semi_text(c, c->word[2], c->word[3]) : NULL;
    uint8_t *out;

    if (!a || (two && !b)) {
        return NULL;
    }
    *second = strlen(a) + 1;
    *len = *second + (b ? strlen(b) + 1 : 0);
    out = g_malloc(*len);
    memcpy(out, a, *second);
    if (b) {
        memcpy(out + *second, b, *len - *second);
    }
    return out;
}

/* The request @verb about the name at words 0 and 1. */
static SemiEnd ask_name(SemiCall *c, const char *verb)
{
    size_t second, len;
    uint8_t *data = names(c, false, &second, &len);

    return data ? ask(c,
                      g_strdup_printf("%s,%x/%zx", verb, GDB_FILEIO_BASE, len),
                      data, len)
                : SEMI_DONE;
}

static SemiEnd gdb_remove(SemiCall *c)
{
    return asked(c) == ASK_ANSWERED ? answer(c) : ask_name(c, "unlink");
}

static SemiEnd gdb_system(SemiCall *c)
{
    if (c->s->deny_spawn) {
        return semi_fail(c, EPERM);
    }
    return asked(c) == ASK_ANSWERED ? answer(c) : ask_name(c, "system");
}

static SemiEnd gdb_rename(SemiCall *c)
{
    size_t second, len;
    uint8_t *data;

    if (asked(c) == ASK_ANSWERED) {
        return answer(c);
    }
    data = names(c, true, &second, &len);
    return data ? ask(c,
                      g_strdup_printf("rename,%x/%zx,%zx/%zx", GDB_FILEIO_BASE,
                                      second, GDB_FILEIO_BASE + second,
                                      len - second),
                      data, len)
                : SEMI_DONE;
}

/* --- open, close --- */

static SemiEnd new_handle(SemiCall *c, int fd)
{
    uint64_t handle = semi_add_file(c->s, SEMI_GDB, fd);

    return handle ? semi_return(c, (int64_t)handle) : semi_fail(c, EMFILE);
}

static SemiEnd gdb_open(SemiCall *c)
{
    /* by ISO C's r, r+, w, w+, a, a+: WRONLY 1, RDWR 2, APPEND 8, CREAT
     * 0x200, TRUNC 0x400 */
    static const unsigned flags[] = { 0, 2, 0x601, 0x602, 0x209, 0x20a };
    uint64_t mode = c->word[1];
    g_autofree char *name = NULL;
    size_t len;

    if (asked(c) == ASK_ANSWERED) {
        int error;
        int64_t fd = take_answer(c, &error);

        return fd < 0         ? semi_fail(c, error)
               : fd > INT_MAX ? semi_fail(c, EBADF)
                              : new_handle(c, (int)fd);
    }
    name = semi_text(c, c->word[0], c->word[2]);
    if (!name) {
        return SEMI_DONE;
    }
    if (mode / 2 >= ARRAY_SIZE(flags)) {
        return semi_fail(c, EINVAL);
    }
    if (strcmp(name, ":tt") == 0) {
        return new_handle(c, (int)mode / 4);
    }
    if (strcmp(name, ":semihosting-features") == 0) {
        return semi_open(c);
    }
    len = strlen(name) + 1;
    return ask(c,
               g_strdup_printf("open,%x/%zx,%x,1b6", GDB_FILEIO_BASE, len,
                               flags[mode / 2]),
               (uint8_t *)g_steal_pointer(&name), len);
}

static SemiEnd gdb_close(SemiCall *c, int fd)
{
    if (fd < CONSOLE_FDS) {
        return semi_close(c);
    }
    if (asked(c) == ASK_ANSWERED) {
        SemiEnd end = answer(c);
        uint64_t result = c->call->result;

        semi_close(c);
        c->call->result = result;
        return end;
    }
    return ask(c, g_strdup_printf("close,%x", fd), NULL, 0);
}

/* --- data --- */

/* Write @data, which is taken. */
static SemiEnd ask_write(SemiCall *c, int fd, uint8_t *data, size_t len)
{
    return ask(c, g_strdup_printf("write,%x,%x,%zx", fd, GDB_FILEIO_BASE, len),
               data, len);
}

static SemiEnd gdb_writec(SemiCall *c)
{
    uint8_t byte;

    if (asked(c) == ASK_ANSWERED) {
        return answer(c);
    }
    if (!cpu_debug_rw(c->cpu, c->call->arg, &byte, 1, false)) {
        return semi_fail(c, EFAULT);
    }
    return ask_write(c, 1, g_memdup2(&byte, 1), 1);
}

static SemiEnd gdb_write0(SemiCall *c)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    int error;
    uint8_t byte;

    if (asked(c) == ASK_ANSWERED) {
        return take_answer(c, &error) < 0 ? semi_fail(c, error)
                                          : semi_return(c, 0);
    }
    for (uint64_t addr = c->call->arg; text->len < BUFFER_MAX; addr++) {
        if (!cpu_debug_rw(c->cpu, addr, &byte, 1, false)) {
            return semi_fail(c, EFAULT);
        }
        if (byte == 0) {
            break;
        }
        g_byte_array_append(text, &byte, 1);
    }
    if (text->len == 0) {
        return semi_return(c, 0);
    }
    return ask_write(c, 1, g_memdup2(text->data, text->len), text->len);
}

/* {handle, buffer, length} -> bytes not written */
static SemiEnd gdb_write(SemiCall *c, int fd)
{
    uint64_t len = MIN(c->word[2], BUFFER_MAX);
    g_autofree uint8_t *data = NULL;
    int error;

    if (asked(c) == ASK_ANSWERED) {
        int64_t n = take_answer(c, &error);

        if (n < 0) {
            semi_fail(c, error);
        }
        return semi_return(
            c, (int64_t)(c->word[2] - MIN((uint64_t)MAX(n, 0), len)));
    }
    data = g_malloc(MAX(len, 1));
    if (!cpu_debug_rw(c->cpu, c->word[1], data, len, false)) {
        semi_fail(c, EFAULT);
        return semi_return(c, (int64_t)c->word[2]);
    }
    return ask_write(c, fd, g_steal_pointer(&data), len);
}

static SemiEnd ask_read(SemiCall *c, int fd, uint64_t len)
{
    return ask(c,
               g_strdup_printf("read,%x,%x,%" PRIx64, fd, GDB_FILEIO_BASE, len),
               g_malloc0(MAX(len, 1)), len);
}

/* The answer's bytes to @addr; how many, or -1 with *error. */
static int64_t take_read(SemiCall *c, uint64_t addr, uint64_t len, int *error)
{
    int64_t n = c->s->io.result;
    bool ok = true;

    if (n > 0) { /* the buffer is this call's until the answer is taken */
        n = MIN((uint64_t)n, MIN(len, c->s->io.len));
        ok = cpu_debug_rw(c->cpu, addr, c->s->io.data, (uint64_t)n, true);
    }
    take_answer(c, error);
    *error = ok ? *error : EFAULT;
    return ok ? n : -1;
}

/* {handle, buffer, length} -> bytes not read */
static SemiEnd gdb_read(SemiCall *c, int fd)
{
    uint64_t len = MIN(c->word[2], BUFFER_MAX);
    int error;

    if (asked(c) == ASK_ANSWERED) {
        int64_t n = take_read(c, c->word[1], len, &error);

        if (n < 0) {
            semi_fail(c, error);
        }
        return semi_return(c, (int64_t)(c->word[2] - (uint64_t)MAX(n, 0)));
    }
    return ask_read(c, fd, len);
}

static SemiEnd gdb_readc(SemiCall *c)
{
    int error;

    if (asked(c) == ASK_ANSWERED) {
        int byte = c->s->io.result == 1 ? c->s->io.data[0] : -1;

        take_answer(c, &error);
        return semi_return(c, byte);
    }
    return ask_read(c, 0, 1);
}

/* --- the rest --- */

static SemiEnd gdb_istty(SemiCall *c, int fd)
{
    return asked(c) == ASK_ANSWERED
               ? answer(c)
               : ask(c, g_strdup_printf("isatty,%x", fd), NULL, 0);
}

/* {handle, absolute position} */
static SemiEnd gdb_seek(SemiCall *c, int fd)
{
    int error;

    if (asked(c) == ASK_ANSWERED) {
        return take_answer(c, &error) < 0 ? semi_fail(c, error)
                                          : semi_return(c, 0);
    }
    return ask(c, g_strdup_printf("lseek,%x,%" PRIx64 ",0", fd, c->word[1]),
               NULL, 0);
}

static SemiEnd gdb_flen(SemiCall *c, int fd)
{
    int error;

    if (asked(c) == ASK_ANSWERED) {
        uint64_t size = ld64_be(c->s->io.data + STAT_ST_SIZE);

        return take_answer(c, &error) < 0 ? semi_fail(c, error)
                                          : semi_return(c, (int64_t)size);
    }
    return ask(c, g_strdup_printf("fstat,%x,%x", fd, GDB_FILEIO_BASE),
               g_malloc0(STAT_SIZE), STAT_SIZE);
}

/* --- the table --- */

static const struct {
    SemiEnd (*call)(SemiCall *c);
    SemiEnd (*on_file)(SemiCall *c, int fd); /* of gdb's, by word 0 */
} served[SEMI_CALLS] = {
    [0x01] = { gdb_open, NULL },   [0x02] = { NULL, gdb_close },
    [0x03] = { gdb_writec, NULL }, [0x04] = { gdb_write0, NULL },
    [0x05] = { NULL, gdb_write },  [0x06] = { NULL, gdb_read },
    [0x07] = { gdb_readc, NULL },  [0x09] = { NULL, gdb_istty },
    [0x0a] = { NULL, gdb_seek },   [0x0c] = { NULL, gdb_flen },
    [0x0e] = { gdb_remove, NULL }, [0x0f] = { gdb_rename, NULL },
    [0x12] = { gdb_system, NULL },
};

/* The descriptor of gdb's behind word 0; -1: another's handle, or none. */
static int gdb_fd(SemiCall *c)
{
    uint64_t handle = c->word[0];
    SemiFile *f;

    LOCK_GUARD(&c->s->lock);
    f = handle >= 1 && handle <= SEMI_HANDLES ? c->s->file[handle - 1] : NULL;
    return f && f->kind == SEMI_GDB ? f->fd : -1;
}

bool semi_gdb_serves(SemiCall *c, SemiEnd *end)
{
    Semihost *s = c->s;
    uint64_t op = c->call->op;
    bool there = s->gdb && gdb_connected(s->gdb);
    int fd = -1;

    if (s->target == SEMIHOST_NATIVE || op >= SEMI_CALLS) {
        return false;
    }
    if (!there) {
        forget_answer(c);
    }
    if (served[op].on_file) {
        fd = gdb_fd(c);
        if (fd < 0) {
            return false;
        }
    } else if (!served[op].call || (s->target == SEMIHOST_AUTO && !there)) {
        return false;
    }
    if (!there) {
        *end = semi_fail(c, ENOSYS); /* no debugger to ask */
        return true;
    }
    if (asked(c) == ASK_WAIT) {
        *end = SEMI_AGAIN;
    } else {
        *end = served[op].call ? served[op].call(c) : served[op].on_file(c, fd);
    }
    return true;
}
