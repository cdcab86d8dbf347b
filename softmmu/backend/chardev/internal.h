/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the core of character devices and its back ends. Machine lock, in
 * the front end's context.
 */
#ifndef CHARDEV_INTERNAL_H
#define CHARDEV_INTERNAL_H

#include "softmmu/backend/chardev.h"
#include "softmmu/machine/machine.h"

typedef struct ChardevType {
    struct ObjectType;  /* "chardev-stdio" */
    const char *driver; /* "stdio": what -chardev takes */
    /* Properties are set: open host resources. */
    bool (*open)(Chardev *chr, Error **errp);
    void (*close)(Chardev *chr);
    /* Bytes taken, 0..len, without waiting; a short count promises a later
     * chardev_writable(). */
    size_t (*write)(Chardev *chr, const uint8_t *data, size_t len);
    /* The front end can take input again: resume reading. */
    void (*accept_input)(Chardev *chr);
    void (*set_params)(Chardev *chr, const CharSerialParams *params);
    void (*send_break)(Chardev *chr, bool on);
    /* A front end came (context chosen) or went (ctx NULL). */
    void (*frontend_changed)(Chardev *chr);
    int (*take_fds)(Chardev *chr, int *fds, int max);
    bool (*give_fds)(Chardev *chr, const int *fds, int n);
    /* Mux: takes several front ends; NULL elsewhere. */
    bool (*attach)(Chardev *chr, CharFrontend *fe, Error **errp);
    void (*detach)(Chardev *chr, CharFrontend *fe);
    /* What query-chardev shows as "filename"; freed by the caller. */
    char *(*filename)(const Chardev *chr);
} ChardevType;

struct Chardev {
    Object parent;
    Machine *machine;
    CharFrontend *fe;       /* NULL: none; unused by a mux */
    LoopContext *ctx;       /* the front end's, else the main loop */
    bool opened;            /* open() succeeded */
    bool connected;         /* a peer is there: else output is discarded */
    int log_fd;             /* -1: none */
    struct YankOwner *yank; /* of a socket; else NULL */
    /* properties */
    char *logfile;
    bool logappend;
    bool mux; /* mux=on: the core puts a mux in front */
};

extern const ChardevType chardev_type; /* "chardev", abstract */
extern const ChardevType chardev_null_type, chardev_stdio_type,
    chardev_file_type, chardev_mux_type, chardev_socket_type, chardev_pty_type,
    chardev_pipe_type, chardev_ringbuf_type, chardev_serial_type;

/* --- for back ends --- */

/* Bytes the front end would take now. */
int char_room(CharFrontend *fe);
int chardev_can_receive(Chardev *chr);
/* Deliver at most that many, as char_input() does. */
void chardev_receive(Chardev *chr, const uint8_t *data, int len);
/* Through the event gate if the guest is to see it. */
void char_input(CharFrontend *fe, const uint8_t *data, int len);
/* CHAR_OPENED and CHAR_CLOSED set `connected`. */
void chardev_event(Chardev *chr, CharEvent ev);
void chardev_writable(Chardev *chr);
/* Make a mux named @id in front of @base. */
Chardev *chardev_mux_new(Machine *m, const char *id, Chardev *base,
                         Error **errp);

/*
 * FdStream: reading and writing of a pair of non-blocking descriptors with
 * back-pressure; part of a back end's struct.
 */
typedef struct FdStream {
    Chardev *chr;
    LoopContext *ctx;             /* where the descriptors are watched now */
    int in, out;                  /* -1: none; may be the same */
    bool reading, writing;        /* watched for */
    void (*hangup)(Chardev *chr); /* end of input, or an error; may be NULL */
    /* Instead of read(): for descriptors that come along. May be NULL. */
    ssize_t (*read)(Chardev *chr, int fd, void *buf, size_t len);
} FdStream;
void fd_stream_open(FdStream *s, Chardev *chr, int in, int out,
                    void (*hangup)(Chardev *chr));
/* Stop watching and close what is open. */
void fd_stream_close(FdStream *s);
size_t fd_stream_write(FdStream *s, const uint8_t *data, size_t len);
/* Watch for input while the front end takes some. */
void fd_stream_update(FdStream *s);

#endif
