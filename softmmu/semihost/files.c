/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handles. Files open as a debugger on the host would open them; the names
 * ":tt" and ":semihosting-features" are the specification's own.
 *
 * Spec: Semihosting 2.0, 2 (features), 3 (SYS_OPEN and the calls on handles).
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "internal.h"

/* Magic, then features: exit-extended and stdout-stderr (2.0, 2.1). */
static const uint8_t features[] = { 'S', 'H', 'F', 'B', 3 };

/* --- console --- */

static int input_room(void *opaque)
{
    Semihost *s = opaque;

    LOCK_GUARD(&s->lock);
    return (int)(SEMI_INPUT - s->n_input);
}

static void input_comes(void *opaque, const uint8_t *data, int len)
{
    Semihost *s = opaque;
    size_t n;

    LOCK_GUARD(&s->lock);
    n = MIN((size_t)len, SEMI_INPUT - s->n_input);
    memcpy(s->input + s->n_input, data, n);
    s->n_input += n;
    cond_broadcast(&s->changed);
}

static const CharHandlers console_handlers = {
    .can_receive = input_room,
    .receive = input_comes,
};

bool semi_console_init(Semihost *s, const char *id, Error **errp)
{
    Chardev *chr = id ? chardev_find(s->m, id) : NULL;

    if (!id) {
        return true;
    }
    if (!chr) {
        error_set(errp, "semihosting chardev '%s' not found", id);
        return false;
    }
    s->has_chardev = char_attach(&s->fe, chr, s->m->gate, s->m->loop,
                                 "/semihosting", &console_handlers, s, errp);
    return s->has_chardev;
}

void semi_console_write(Semihost *s, int fd, const void *data, size_t len)
{
    if (s->has_chardev) {
        machine_lock(s->m);
        char_write_all(&s->fe, data, len);
        machine_unlock(s->m);
        return;
    }
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd p = { .fd = fd, .events = POLLOUT };

            poll(&p, 1, SEMI_WAIT_MS);
            continue;
        }
        if (n <= 0) {
            return; /* nobody listens: as a closed console */
        }
        data = (const char *)data + n;
        len -= (size_t)n;
    }
}

static ssize_t take_input(Semihost *s, void *data, size_t len)
{
    size_t n;

    {
        LOCK_GUARD(&s->lock);
        if (s->n_input == 0) {
            cond_wait_ns(&s->changed, &s->lock,
                         SEMI_WAIT_MS * INT64_C(1000000));
        }
        n = MIN(len, s->n_input);
        memcpy(data, s->input, n);
        s->n_input -= n;
        memmove(s->input, s->input + n, s->n_input);
    }
    if (n == 0) {
        return -1;
    }
    machine_lock(s->m);
    char_accept_input(&s->fe);
    machine_unlock(s->m);
    return (ssize_t)n;
}

ssize_t semi_console_read(Semihost *s, void *data, size_t len)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    ssize_t n;

    if (s->has_chardev) {
        return take_input(s, data, len);
    }
    if (poll(&p, 1, SEMI_WAIT_MS) <= 0) {
        return -1;
    }
    n = read(STDIN_FILENO, data, len);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? -1 : 0;
    }
    return n;
}

/* --- handles --- */

uint64_t semi_add_file(Semihost *s, SemiKind kind, int fd)
{
    LOCK_GUARD(&s->lock);
    for (unsigned i = 0; i < SEMI_HANDLES; i++) {
        if (!s->file[i]) {
            s->file[i] = g_new0(SemiFile, 1);
            s->file[i]->refs = 1;
            s->file[i]->kind = kind;
            s->file[i]->fd = fd;
            return i + 1;
        }
    }
    return 0;
}

static void drop_file_locked(SemiFile *f)
{
    if (--f->refs == 0) {
        if (f->kind == SEMI_FILE) {
            close(f->fd);
        }
        g_free(f);
    }
}

static void drop_file(Semihost *s, SemiFile *f)
{
    LOCK_GUARD(&s->lock);
    drop_file_locked(f);
}

/* The file of the block's first word, with a reference; NULL: none (the call
 * has failed). */
static SemiFile *get_file(SemiCall *c)
{
    uint64_t handle = c->word[0];
    SemiFile *f = NULL;

    {
        LOCK_GUARD(&c->s->lock);
        if (handle >= 1 && handle <= SEMI_HANDLES) {
            f = c->s->file[handle - 1];
        }
        if (f) {
            f->refs++;
        }
    }
    if (!f) {
        semi_fail(c, EBADF);
    }
    return f;
}

void semi_files_free(Semihost *s)
{
    for (unsigned i = 0; i < SEMI_HANDLES; i++) {
        if (s->file[i]) {
            drop_file(s, g_steal_pointer(&s->file[i]));
        }
    }
    if (s->has_chardev) {
        char_detach(&s->fe);
    }
}

/* --- SYS_OPEN, SYS_CLOSE --- */

enum { MODES = 12 };

/* ISO C's r, rb, r+, r+b, w, ..., a+b; Semihosting 2.0, 3, SYS_OPEN. */
static const int open_flags[MODES / 2] = {
    O_RDONLY,
    O_RDWR,
    O_WRONLY | O_CREAT | O_TRUNC,
    O_RDWR | O_CREAT | O_TRUNC,
    O_WRONLY | O_CREAT | O_APPEND,
    O_RDWR | O_CREAT | O_APPEND,
};

/* A pipe or terminal may have nothing yet: never wait in the host's call. */
static SemiEnd open_host(SemiCall *c, const char *name, unsigned mode)
{
    int fd = open(
        name, open_flags[mode / 2] | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    uint64_t handle;

    if (fd < 0) {
        return semi_fail(c, errno);
    }
    handle = semi_add_file(c->s, SEMI_FILE, fd);
    if (handle == 0) {
        close(fd);
        return semi_fail(c, EMFILE);
    }
    return semi_return(c, (int64_t)handle);
}

/* {name, mode, length} */
SemiEnd semi_open(SemiCall *c)
{
    g_autofree char *name = semi_text(c, c->word[0], c->word[2]);
    uint64_t mode = c->word[1], handle;

    if (!name) {
        return SEMI_DONE;
    }
    if (mode >= MODES) {
        return semi_fail(c, EINVAL);
    }
    if (strcmp(name, ":tt") == 0) {
        handle = semi_add_file(c->s, SEMI_CONSOLE, (int)mode / 4);
    } else if (strcmp(name, ":semihosting-features") == 0) {
        if (mode > 1) {
            return semi_fail(c, EACCES);
        }
        handle = semi_add_file(c->s, SEMI_FEATURES, -1);
    } else {
        return open_host(c, name, (unsigned)mode);
    }
    return handle ? semi_return(c, (int64_t)handle) : semi_fail(c, EMFILE);
}

SemiEnd semi_close(SemiCall *c)
{
    SemiFile *f = get_file(c);

    if (!f) {
        return SEMI_DONE;
    }
    {
        LOCK_GUARD(&c->s->lock);
        if (c->s->file[c->word[0] - 1] == f) {
            c->s->file[c->word[0] - 1] = NULL;
            f->refs--;
        }
        drop_file_locked(f);
    }
    return semi_return(c, 0);
}

/* --- SYS_READ, SYS_WRITE --- */

static ssize_t read_features(SemiFile *f, uint8_t *buf, size_t len)
{
    size_t at = atomic_load(&f->at);
    size_t n = at < sizeof(features) ? MIN(len, sizeof(features) - at) : 0;

    memcpy(buf, features + at, n);
    atomic_store(&f->at, at + n);
    return (ssize_t)n;
}

/* Bytes read; 0: the end; -1: none yet; -2: failed, with errno. */
static ssize_t read_some(Semihost *s, SemiFile *f, uint8_t *buf, size_t len)
{
    struct pollfd p = { .fd = f->fd, .events = POLLIN };
    ssize_t n;

    if (f->kind == SEMI_FEATURES) {
        return read_features(f, buf, len);
    }
    if (f->kind == SEMI_CONSOLE) {
        return semi_console_read(s, buf, len);
    }
    n = read(f->fd, buf, len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        poll(&p, 1, SEMI_WAIT_MS);
        return -1;
    }
    return n < 0 ? -2 : n;
}

/* {handle, buffer, length} -> bytes not read */
SemiEnd semi_read(SemiCall *c)
{
    g_autofree uint8_t *buf = g_malloc(SEMI_PIECE);
    uint64_t addr = c->word[1], len = c->word[2];
    uint64_t left = MIN(len, SEMI_TRANSFER_MAX);
    SemiFile *f = get_file(c);
    SemiEnd end = SEMI_DONE;
    int error = 0;

    if (!f) {
        return SEMI_DONE;
    }
    while (left > 0) {
        ssize_t n = read_some(c->s, f, buf, MIN(left, SEMI_PIECE));

        if (n == -1 && left == MIN(len, SEMI_TRANSFER_MAX)) {
            end = SEMI_AGAIN;
        }
        if (n <= 0) {
            error = n == -2 ? errno : 0;
            break;
        }
        if (!cpu_debug_rw(c->cpu, addr, buf, (uint64_t)n, true)) {
            error = EFAULT;
            break;
        }
        addr += (uint64_t)n;
        left -= (uint64_t)n;
        if (f->kind == SEMI_CONSOLE) {
            break; /* what is there now: a line, mostly */
        }
    }
    drop_file(c->s, f);
    if (end == SEMI_AGAIN) {
        return end;
    }
    if (error) {
        semi_fail(c, error);
        return semi_return(c, (int64_t)len);
    }
    return semi_return(c, (int64_t)(len - MIN(len, SEMI_TRANSFER_MAX) + left));
}

/* All of @buf, waiting for slow readers a little at a time; bytes written. */
static size_t write_host(int fd, const uint8_t *buf, size_t len)
{
    size_t done = 0;

    for (int tries = 0; done < len && tries < 1000; tries++) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        ssize_t n = write(fd, buf + done, len - done);

        if (n > 0) {
            done += (size_t)n;
            tries = 0;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        } else {
            poll(&p, 1, 1);
        }
    }
    return done;
}

static size_t write_some(Semihost *s, SemiFile *f, const uint8_t *buf,
                         size_t len)
{
    switch (f->kind) {
    case SEMI_CONSOLE:
        semi_console_write(s, MAX(f->fd, STDOUT_FILENO), buf, len);
        return len;
    case SEMI_FILE:
        return write_host(f->fd, buf, len);
    default:
        errno = EBADF;
        return 0;
    }
}

/* {handle, buffer, length} -> bytes not written */
SemiEnd semi_write(SemiCall *c)
{
    g_autofree uint8_t *buf = g_malloc(SEMI_PIECE);
    uint64_t addr = c->word[1], len = c->word[2];
    uint64_t left = MIN(len, SEMI_TRANSFER_MAX);
    SemiFile *f = get_file(c);

    if (!f) {
        return SEMI_DONE;
    }
    while (left > 0) {
        size_t n = MIN(left, SEMI_PIECE), done;

        if (!cpu_debug_rw(c->cpu, addr, buf, n, false)) {
            semi_fail(c, EFAULT);
            break;
        }
        done = write_some(c->s, f, buf, n);
        addr += done;
        left -= done;
        if (done < n) {
            semi_fail(c, errno);
            break;
        }
    }
    drop_file(c->s, f);
    return semi_return(c, (int64_t)(len - MIN(len, SEMI_TRANSFER_MAX) + left));
}

/* --- the rest --- */

SemiEnd semi_istty(SemiCall *c)
{
    SemiFile *f = get_file(c);
    bool tty;

    if (!f) {
        return SEMI_DONE;
    }
    tty = f->kind != SEMI_FEATURES &&
          ((f->kind == SEMI_CONSOLE && c->s->has_chardev) || isatty(f->fd));
    drop_file(c->s, f);
    return semi_return(c, tty);
}

/* {handle, absolute position} */
SemiEnd semi_seek(SemiCall *c)
{
    SemiFile *f = get_file(c);
    int error = 0;

    if (!f) {
        return SEMI_DONE;
    }
    if (f->kind == SEMI_FEATURES) {
        atomic_store(&f->at, MIN(c->word[1], sizeof(features)));
    } else if (f->kind == SEMI_CONSOLE || c->word[1] > INT64_MAX) {
        error = f->kind == SEMI_CONSOLE ? ESPIPE : EINVAL;
    } else if (lseek(f->fd, (off_t)c->word[1], SEEK_SET) < 0) {
        error = errno;
    }
    drop_file(c->s, f);
    return error ? semi_fail(c, error) : semi_return(c, 0);
}

SemiEnd semi_flen(SemiCall *c)
{
    SemiFile *f = get_file(c);
    struct stat st = { 0 };
    int error = 0;

    if (!f) {
        return SEMI_DONE;
    }
    if (f->kind == SEMI_FEATURES) {
        st.st_size = sizeof(features);
    } else if (f->kind == SEMI_FILE && fstat(f->fd, &st) < 0) {
        error = errno;
    }
    drop_file(c->s, f);
    return error ? semi_fail(c, error) : semi_return(c, st.st_size);
}
