/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terminals: a new pseudo-terminal, a named pipe pair, a serial line. */
#include "tandem/base.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "internal.h"
#include "softmmu/backend/socket.h"

typedef struct TtyChardev {
    Chardev parent;
    FdStream stream;
    char *path;  /* property; of a pty: optional link to it */
    char *name;  /* of the pty's slave side */
    Timer retry; /* a pty nobody has open reads as an error: look again */
} TtyChardev;

static size_t tty_write(Chardev *chr, const uint8_t *data, size_t len)
{
    return fd_stream_write(&((TtyChardev *)chr)->stream, data, len);
}

static void tty_update(Chardev *chr)
{
    fd_stream_update(&((TtyChardev *)chr)->stream);
}

static void tty_close(Chardev *chr)
{
    fd_stream_close(&((TtyChardev *)chr)->stream);
}

/* --- pty --- */

/* Nobody has the other side open, so output has no reader. */
static void pty_hangup(Chardev *chr)
{
    TtyChardev *s = (TtyChardev *)chr;

    if (chr->connected) {
        chardev_event(chr, CHAR_CLOSED);
    }
    timer_set(&s->retry,
              clock_now_ns(chr->machine->clocks, CLOCK_RT) + 100000000);
}

/* POLLHUP goes away when somebody opens the other side. */
static void pty_retry(void *opaque)
{
    TtyChardev *s = opaque;
    GPollFD p = { s->stream.in, G_IO_IN | G_IO_HUP, 0 };

    g_poll(&p, 1, 0);
    if (p.revents & G_IO_HUP) {
        pty_hangup(&s->parent);
        return;
    }
    chardev_event(&s->parent, CHAR_OPENED);
    fd_stream_update(&s->stream);
}

static void make_raw(int fd)
{
    struct termios tio;

    if (tcgetattr(fd, &tio) == 0) {
        cfmakeraw(&tio);
        tcsetattr(fd, TCSANOW, &tio);
    }
}

static bool pty_open(Chardev *chr, Error **errp)
{
    TtyChardev *s = (TtyChardev *)chr;
    char name[128];
    int master, slave;

    if (openpty(&master, &slave, name, NULL, NULL) < 0) {
        error_set_errno(errp, errno, "Failed to create PTY");
        return false;
    }
    make_raw(slave);
    close(slave);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    fcntl(master, F_SETFL, O_NONBLOCK | O_RDWR);
    s->name = g_strdup(name);
    if (s->path && symlink(name, s->path) < 0) {
        error_set_errno(errp, errno, "Failed to create PTY symlink '%s'",
                        s->path);
        close(master);
        return false;
    }
    timer_init(&s->retry, chr->machine->loop, CLOCK_RT, pty_retry, s);
    fd_stream_open(&s->stream, chr, master, master, pty_hangup);
    pty_hangup(chr);
    fprintf(stderr, "char device redirected to %s (label %s)\n", name,
            chardev_id(chr));
    return true;
}

static void pty_close(Chardev *chr)
{
    TtyChardev *s = (TtyChardev *)chr;

    if (!chr->opened) {
        return;
    }
    timer_cancel(&s->retry);
    tty_close(chr);
    if (s->path) {
        unlink(s->path);
    }
}

static char *pty_filename(const Chardev *chr)
{
    return g_strdup_printf("pty:%s", ((const TtyChardev *)chr)->name);
}

static void tty_finalize(Object *obj)
{
    g_free(((TtyChardev *)obj)->name);
}

static const Property pty_props[] = {
    PROP(str, TtyChardev, path, "path", NULL, "make a link to the terminal"),
    { 0 },
};

const ChardevType chardev_pty_type = {
    .name = "chardev-pty",
    .parent = TYPE(chardev_type),
    .description = "a new pseudo-terminal",
    .size = sizeof(TtyChardev),
    .finalize = tty_finalize,
    .props = pty_props,
    .driver = "pty",
    .open = pty_open,
    .close = pty_close,
    .write = tty_write,
    .accept_input = tty_update,
    .frontend_changed = tty_update,
    .filename = pty_filename,
};

/* --- pipe --- */

/* PATH.in and PATH.out, or PATH for both ways. */
static bool pipe_open(Chardev *chr, Error **errp)
{
    TtyChardev *s = (TtyChardev *)chr;
    g_autofree char *in_path = NULL, *out_path = NULL;
    int in, out;

    if (!s->path) {
        error_set(errp, "chardev: pipe: no device path given");
        return false;
    }
    in_path = g_strconcat(s->path, ".in", NULL);
    out_path = g_strconcat(s->path, ".out", NULL);
    /* Read-write, so that neither end waits for the other's opening. */
    in = path_open(chr->machine, in_path, O_RDWR | O_NONBLOCK, 0);
    out = path_open(chr->machine, out_path, O_RDWR | O_NONBLOCK, 0);
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = path_open(chr->machine, s->path, O_RDWR | O_NONBLOCK, 0);
    }
    if (in < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", s->path);
        return false;
    }
    chr->connected = true;
    fd_stream_open(&s->stream, chr, in, out, NULL);
    return true;
}

static char *tty_filename(const Chardev *chr)
{
    const ChardevType *type = (const ChardevType *)chr->parent.type;

    return g_strdup_printf("%s:%s", type->driver,
                           ((const TtyChardev *)chr)->path);
}

static const Property pipe_props[] = {
    PROP(str, TtyChardev, path, "path", NULL, "PATH.in and PATH.out, or PATH"),
    { 0 },
};

const ChardevType chardev_pipe_type = {
    .name = "chardev-pipe",
    .parent = TYPE(chardev_type),
    .description = "named pipes",
    .size = sizeof(TtyChardev),
    .finalize = tty_finalize,
    .props = pipe_props,
    .driver = "pipe",
    .open = pipe_open,
    .close = tty_close,
    .write = tty_write,
    .accept_input = tty_update,
    .frontend_changed = tty_update,
    .filename = tty_filename,
};

/* --- a serial line of the host --- */

static bool serial_open(Chardev *chr, Error **errp)
{
    TtyChardev *s = (TtyChardev *)chr;
    int fd;

    if (!s->path) {
        error_set(errp, "chardev: serial/tty: no device path given");
        return false;
    }
    fd = path_open(chr->machine, s->path, O_RDWR | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", s->path);
        return false;
    }
    make_raw(fd);
    chr->connected = true;
    fd_stream_open(&s->stream, chr, fd, fd, NULL);
    return true;
}

static const struct {
    int bits;
    speed_t code;
} speeds[] = {
    { 50, B50 },         { 110, B110 },       { 300, B300 },
    { 600, B600 },       { 1200, B1200 },     { 2400, B2400 },
    { 4800, B4800 },     { 9600, B9600 },     { 19200, B19200 },
    { 38400, B38400 },   { 57600, B57600 },   { 115200, B115200 },
    { 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 },
};

static speed_t nearest_speed(int bits)
{
    size_t best = 0;

    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
        if (ABS(speeds[i].bits - bits) < ABS(speeds[best].bits - bits)) {
            best = i;
        }
    }
    return speeds[best].code;
}

static void serial_set_params(Chardev *chr, const CharSerialParams *p)
{
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
    int fd = ((TtyChardev *)chr)->stream.out;
    struct termios tio;

    if (tcgetattr(fd, &tio) < 0) {
        return;
    }
    cfsetspeed(&tio, nearest_speed(p->speed));
    tio.c_cflag &= ~(CSIZE | PARENB | PARODD | CSTOPB);
    tio.c_cflag |= sizes[CLAMP(p->data_bits, 5, 8) - 5];
    tio.c_cflag |= p->parity == 'N' ? 0 : PARENB;
    tio.c_cflag |= p->parity == 'O' ? PARODD : 0;
    tio.c_cflag |= p->stop_bits == 2 ? CSTOPB : 0;
    tcsetattr(fd, TCSANOW, &tio);
}

static void serial_send_break(Chardev *chr, bool on)
{
    ioctl(((TtyChardev *)chr)->stream.out, on ? TIOCSBRK : TIOCCBRK);
}

static const Property serial_props[] = {
    PROP(str, TtyChardev, path, "path", NULL, "device of the host"),
    { 0 },
};

const ChardevType chardev_serial_type = {
    .name = "chardev-serial",
    .parent = TYPE(chardev_type),
    .description = "a serial line of the host",
    .size = sizeof(TtyChardev),
    .finalize = tty_finalize,
    .props = serial_props,
    .driver = "serial",
    .open = serial_open,
    .close = tty_close,
    .write = tty_write,
    .accept_input = tty_update,
    .set_params = serial_set_params,
    .send_break = serial_send_break,
    .frontend_changed = tty_update,
    .filename = tty_filename,
};
