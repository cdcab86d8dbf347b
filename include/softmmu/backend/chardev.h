/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: a back end (stdio, socket, pty, ...) and the one front
 * end (a UART, a virtio port, a monitor) attached to it (DECISIONS 51).
 *
 * Back-pressure both ways: the back end pushes no more than can_read()
 * allows; a write takes what the host takes, and the front end shows the rest
 * to its guest (TXFF, no THRE). With nobody connected output is discarded.
 * While a guest's state is on its way, in (-incoming) or out (from its last
 * stop until it goes on here), nothing passes: input would be overwritten or
 * stay behind, and output that waits in a device is part of what is moved, so
 * both sides would say it. Machine lock, in the context the front end attached
 * with.
 */
#ifndef SOFTMMU_BACKEND_CHARDEV_H
#define SOFTMMU_BACKEND_CHARDEV_H

#include "softmmu/loop/event.h"
#include "softmmu/machine/machine.h"
#include "softmmu/object/object.h"

typedef struct Chardev Chardev; /* an object at /chardevs/ID */
typedef struct CharFrontend CharFrontend;

typedef enum CharEvent {
    CHAR_OPENED, /* a peer is connected */
    CHAR_CLOSED,
    CHAR_BREAK,  /* line break received */
    CHAR_MUX_IN, /* this front end of a mux gets the focus, loses it */
    CHAR_MUX_OUT,
} CharEvent;

typedef struct CharHandlers {
    /* Bytes that receive() would take now. */
    int (*can_receive)(void *opaque);
    void (*receive)(void *opaque, const uint8_t *data, int len);
    void (*event)(void *opaque, CharEvent ev);
    /* After a short write: room again. */
    void (*writable)(void *opaque);
} CharHandlers;

struct CharFrontend {
    Chardev *chr; /* NULL: not attached */
    const CharHandlers *handlers;
    void *opaque;
    void *mux;          /* the mux's, when attached to one */
    EventSource source; /* input passes the event gate here */
    Notifier on_state;  /* of a guest's: its state may have arrived */
    bool held;          /* a write waits for that */
};

/* False when @chr already has a front end (and is no mux). @chr NULL is
 * allowed: writes are discarded and nothing arrives. @gate NULL: a front end
 * of the host's (monitor, gdb), whose input no guest sees: it arrives at once
 * in @ctx, under icount too. */
bool char_attach(CharFrontend *fe, Chardev *chr, EventGate *gate,
                 LoopContext *ctx, const char *source_id,
                 const CharHandlers *handlers, void *opaque, Error **errp);
void char_detach(CharFrontend *fe);
/* Bytes taken, 0..len; never waits. Fewer: writable() will be called. */
size_t char_write(CharFrontend *fe, const void *data, size_t len);
/* All of @data, waiting for the host (monitor greetings, semihosting). */
void char_write_all(CharFrontend *fe, const void *data, size_t len);
/* can_receive() has risen from 0. */
void char_accept_input(CharFrontend *fe);
/* Send a break, set the line's speed; no-ops where there is no line. */
typedef struct CharSerialParams {
    int speed, parity /* 'N' 'E' 'O' */, data_bits, stop_bits;
} CharSerialParams;
void char_send_break(CharFrontend *fe, bool on);
void char_set_params(CharFrontend *fe, const CharSerialParams *params);
/* Take file descriptors that came with the last bytes (SCM_RIGHTS); returns
 * how many, -1 in slots unused. Monitors: getfd. */
int char_take_fds(CharFrontend *fe, int *fds, int max);
/* Hand descriptors to be sent along with the next write (vhost-user). */
bool char_give_fds(CharFrontend *fe, const int *fds, int n);

/* A device's property of type "chr": by chardev id. PROP_CHARDEV(S, fe). The
 * field is a CharFrontend; the device attaches in realize. */
extern const PropertyType prop_type_chardev;
#define PROP_CHARDEV(Struct, field)                                            \
    {                                                                          \
        "chardev", &prop_type_chardev, offsetof(Struct, field), NULL,          \
            "character device to connect to", NULL, 0                          \
    }

extern const ObjectType *const chardev_types[]; /* NULL-terminated */

/* Make a back end from the QMP form {"id", "backend": {"type", "data"}}, and
 * from command line text ("socket,id=a,path=..."), at /chardevs. */
Chardev *chardev_new(Machine *m, const char *id, const char *type,
                     json_object *options, Error **errp);
Chardev *chardev_from_text(Machine *m, const char *text, Error **errp);
/* -serial, -monitor: "stdio", "mon:stdio", "pty", "none", "chardev:ID", ...;
 * *chr NULL for "none". */
bool chardev_from_legacy(Machine *m, const char *text, const char *id,
                         Chardev **chr, Error **errp);
Chardev *chardev_find(Machine *m, const char *id);
const char *chardev_id(const Chardev *chr);
bool chardev_remove(Machine *m, const char *id, Error **errp);
bool chardev_busy(const Chardev *chr);
/* Another back end for @id, whose front end goes over to it; muxes have none
 * to give. NULL with *errp: the old one stays. Main thread, machine lock. */
Chardev *chardev_change(Machine *m, const char *id, const char *driver,
                        json_object *options, Error **errp);
/* The same from the text of -chardev without an id. */
Chardev *chardev_change_text(Machine *m, const char *id, const char *text,
                             Error **errp);
/* The front end sees a line break, as from the peer. */
void chardev_inject_break(Chardev *chr);
/* ringbuf-read, ringbuf-write: at most @max bytes, oldest first; NULL or
 * false with *errp when @id is no ring buffer. */
GByteArray *chardev_ringbuf_read(Machine *m, const char *id, uint64_t max,
                                 Error **errp);
bool chardev_ringbuf_feed(Machine *m, const char *id, const uint8_t *data,
                          size_t len, Error **errp);
/* What query-chardev shows; freed by the caller. */
char *chardev_filename(const Chardev *chr);

#endif
