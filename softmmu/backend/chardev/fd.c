/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams over descriptors, with back-pressure; and the back ends that are
 * nothing more: null, stdio, file. */
#include "tandem/base.h"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>

#include "internal.h"
#include "softmmu/backend/socket.h"

/* --- FdStream --- */

static void watch(FdStream *s);
static void stream_writable(void *opaque);

static void stream_readable(void *opaque)
{
    FdStream *s = opaque;
    uint8_t buf[4096];
    int room = chardev_can_receive(s->chr);
    ssize_t n;

    if (room <= 0) {
        watch(s);
        return;
    }
    n = MIN((size_t)room, sizeof(buf));
    n = s->read ? s->read(s->chr, s->in, buf, n) : read(s->in, buf, n);
    if (n > 0) {
        chardev_receive(s->chr, buf, n);
        watch(s);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        s->reading = false;
        loop_set_fd(s->ctx, s->in, NULL,
                    s->in == s->out && s->writing ? stream_writable : NULL, s);
        if (s->hangup) {
            s->hangup(s->chr);
        } else {
            s->in = s->in == s->out ? s->in : -1; /* end of input only */
        }
    }
}

static void stream_writable(void *opaque)
{
    FdStream *s = opaque;

    s->writing = false;
    watch(s);
    chardev_writable(s->chr);
}

/* Watch what is wanted now; both descriptors may be one. */
static void watch(FdStream *s)
{
    bool reading = s->in >= 0 && s->chr->fe && chardev_can_receive(s->chr) > 0;

    s->reading = reading;
    if (s->in == s->out) {
        if (s->in >= 0) {
            loop_set_fd(s->ctx, s->in, reading ? stream_readable : NULL,
                        s->writing ? stream_writable : NULL, s);
        }
        return;
    }
    if (s->in >= 0) {
        loop_set_fd(s->ctx, s->in, reading ? stream_readable : NULL, NULL, s);
    }
    if (s->out >= 0) {
        loop_set_fd(s->ctx, s->out, NULL, s->writing ? stream_writable : NULL,
                    s);
    }
}

static void unwatch(FdStream *s)
{
    s->reading = s->writing = false;
    if (s->in >= 0) {
        loop_set_fd(s->ctx, s->in, NULL, NULL, NULL);
    }
    if (s->out >= 0 && s->out != s->in) {
        loop_set_fd(s->ctx, s->out, NULL, NULL, NULL);
    }
}

void fd_stream_open(FdStream *s, Chardev *chr, int in, int out,
                    void (*hangup)(Chardev *chr))
{
    *s = (FdStream){ chr, chr->ctx, in, out, false, false, hangup, NULL };
    watch(s);
}

void fd_stream_close(FdStream *s)
{
    if (!s->chr) {
        return;
    }
    unwatch(s);
    if (s->in >= 0) {
        close(s->in);
    }
    if (s->out >= 0 && s->out != s->in) {
        close(s->out);
    }
    *s = (FdStream){ .in = -1, .out = -1 };
}

size_t fd_stream_write(FdStream *s, const uint8_t *data, size_t len)
{
    size_t done = 0;

    while (s->out >= 0 && done < len) {
        ssize_t n = write(s->out, data + done, len - done);

        if (n > 0) {
            done += n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            s->writing = true;
            watch(s);
            return done;
        } else {
            break; /* the reader is gone: discard (DECISIONS 51) */
        }
    }
    return len;
}

void fd_stream_update(FdStream *s)
{
    if (!s->chr) {
        return;
    }
    if (s->ctx != s->chr->ctx) {
        bool writing = s->writing;

        unwatch(s);
        s->ctx = s->chr->ctx;
        s->writing = writing;
    }
    watch(s);
}

/* --- null --- */

static size_t null_write(Chardev *chr, const uint8_t *data, size_t len)
{
    return len;
}

static bool null_open(Chardev *chr, Error **errp)
{
    chr->connected = true;
    return true;
}

static char *null_filename(const Chardev *chr)
{
    return g_strdup("null");
}

const ChardevType chardev_null_type = {
    .name = "chardev-null",
    .parent = TYPE(chardev_type),
    .description = "discards output, no input",
    .size = sizeof(Chardev),
    .driver = "null",
    .open = null_open,
    .write = null_write,
    .filename = null_filename,
};

/* --- stdio --- */

typedef struct StdioChardev {
    Chardev parent;
    FdStream stream;
    bool signal; /* property: C-c and the like still make signals */
    bool is_tty;
    struct termios saved;
    int saved_in_flags, saved_out_flags;
} StdioChardev;

static void stdio_raw_mode(StdioChardev *s)
{
    struct termios raw;

    s->is_tty = tcgetattr(STDIN_FILENO, &s->saved) == 0;
    if (!s->is_tty) {
        return;
    }
    raw = s->saved;
    raw.c_iflag &=
        ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;
    raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!s->signal) {
        raw.c_lflag &= ~ISIG;
    }
    raw.c_cflag &= ~(CSIZE | PARENB);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* Two readers would take each other's bytes. */
static bool is_alone(const Chardev *chr)
{
    GPtrArray *all = chr->machine->chardevs->children;

    for (guint i = 0; i < all->len; i++) {
        Chardev *other =
            object_try_cast(g_ptr_array_index(all, i), &chardev_stdio_type);

        if (other && other != chr && other->opened) {
            return false;
        }
    }
    return true;
}

static bool stdio_open(Chardev *chr, Error **errp)
{
    StdioChardev *s = object_cast(chr, &chardev_stdio_type);
    int in, out;

    if (!is_alone(chr)) {
        error_set(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    in = dup(STDIN_FILENO);
    out = dup(STDOUT_FILENO);
    if (in < 0 || out < 0) {
        error_set_errno(errp, errno, "cannot use stdio");
        return false;
    }
    s->saved_in_flags = fcntl(in, F_GETFL);
    s->saved_out_flags = fcntl(out, F_GETFL);
    fcntl(in, F_SETFL, s->saved_in_flags | O_NONBLOCK);
    stdio_raw_mode(s);
    chr->connected = true;
    fd_stream_open(&s->stream, chr, in, out, NULL);
    return true;
}

static void stdio_close(Chardev *chr)
{
    StdioChardev *s = object_cast(chr, &chardev_stdio_type);

    if (!chr->opened) {
        return;
    }
    fd_stream_close(&s->stream);
    fcntl(STDIN_FILENO, F_SETFL, s->saved_in_flags);
    fcntl(STDOUT_FILENO, F_SETFL, s->saved_out_flags);
    if (s->is_tty) {
        tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
    }
}

static size_t stdio_write(Chardev *chr, const uint8_t *data, size_t len)
{
    StdioChardev *s = object_cast(chr, &chardev_stdio_type);

    return fd_stream_write(&s->stream, data, len);
}

static void stdio_update(Chardev *chr)
{
    StdioChardev *s = object_cast(chr, &chardev_stdio_type);

    fd_stream_update(&s->stream);
}

static char *stdio_filename(const Chardev *chr)
{
    return g_strdup("stdio");
}

static const Property stdio_props[] = {
    PROP(bool, StdioChardev, signal, "signal", "on",
         "let C-c end the emulator"),
    { 0 },
};

const ChardevType chardev_stdio_type = {
    .name = "chardev-stdio",
    .parent = TYPE(chardev_type),
    .description = "standard input and output",
    .size = sizeof(StdioChardev),
    .props = stdio_props,
    .driver = "stdio",
    .open = stdio_open,
    .close = stdio_close,
    .write = stdio_write,
    .accept_input = stdio_update,
    .frontend_changed = stdio_update,
    .filename = stdio_filename,
};

/* --- file --- */

typedef struct FileChardev {
    Chardev parent;
    FdStream stream;
    char *path, *input_path; /* properties */
    bool append;
} FileChardev;

static bool file_open(Chardev *chr, Error **errp)
{
    FileChardev *s = object_cast(chr, &chardev_file_type);
    int in = -1, out;

    if (!s->path) {
        error_set(errp, "chardev: file: no filename given");
        return false;
    }
    out = path_open(chr->machine, s->path,
                    O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK |
                        (s->append ? O_APPEND : O_TRUNC),
                    0666);
    if (out < 0) {
        error_set_errno(errp, errno, "Failed to open '%s'", s->path);
        return false;
    }
    if (s->input_path) {
        in = path_open(chr->machine, s->input_path, O_RDONLY | O_NONBLOCK, 0);
        if (in < 0) {
            error_set_errno(errp, errno, "Failed to open '%s'", s->input_path);
            close(out);
            return false;
        }
    }
    chr->connected = true;
    fd_stream_open(&s->stream, chr, in, out, NULL);
    return true;
}

static void file_close(Chardev *chr)
{
    FileChardev *s = object_cast(chr, &chardev_file_type);

    fd_stream_close(&s->stream);
}

static size_t file_write(Chardev *chr, const uint8_t *data, size_t len)
{
    FileChardev *s = object_cast(chr, &chardev_file_type);

    return fd_stream_write(&s->stream, data, len);
}

static void file_update(Chardev *chr)
{
    FileChardev *s = object_cast(chr, &chardev_file_type);

    fd_stream_update(&s->stream);
}

static char *file_filename(const Chardev *chr)
{
    return g_strdup_printf("file");
}

static const Property file_props[] = {
    PROP(str, FileChardev, path, "path", NULL,
         "file that output is written to"),
    PROP(str, FileChardev, input_path, "input-path", NULL,
         "file that input is read from"),
    PROP(bool, FileChardev, append, "append", "off", "append to the file"),
    { 0 },
};

const ChardevType chardev_file_type = {
    .name = "chardev-file",
    .parent = TYPE(chardev_type),
    .description = "a file",
    .size = sizeof(FileChardev),
    .props = file_props,
    .driver = "file",
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .accept_input = file_update,
    .frontend_changed = file_update,
    .filename = file_filename,
};
