/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMP_INTERNAL_H
#define QMP_INTERNAL_H

#include "softmmu/base/lock.h"
#include "softmmu/qmp/monitor.h"

#include "qmp-schema.h"

enum {
    QMP_QUEUE_MAX = 8, /* commands that wait; then reading stops */
    QMP_DEPTH_MAX = 1024,
    QMP_INPUT_MAX = 64 << 20,  /* bytes of one command */
    QMP_OUTPUT_MAX = 64 << 20, /* bytes unread by a client; then it is cut */
    QMP_FDS_MAX = 16,
};

typedef struct EventThrottle EventThrottle;
typedef struct Dump Dump; /* commands-dump.c */

/* The thread of a dump that goes on is ended. May be NULL. */
void dump_free(Dump *d);
bool dump_active(const Dump *d);

/* What a line of the human monitor runs with, and what its dumps remember. */
typedef struct HmpTurn {
    Monitor *mon; /* whose line it is; NULL: human-monitor-command's */
    int cpu;      /* index of the chosen one */
    bool wait;    /* for the end of a migration, before the next prompt */
    char format;  /* of x, xp, print when none is given; 0: the first time */
    unsigned size;
} HmpTurn;

struct MonitorHub {
    Machine *m;
    HmpTurn turn;    /* machine lock */
    Dump *dump;      /* machine lock: the present or last; NULL: none yet */
    LoopContext *io; /* the monitors' thread */
    Notifier on_event;
    EventThrottle *throttle;
    Lock lock;           /* leaf: the list */
    GPtrArray *monitors; /* Monitor * */
};

struct Monitor {
    MonitorHub *hub;
    Machine *m;
    LoopContext *ctx; /* where its chardev runs */
    bool qmp, pretty;
    /* the context's thread alone */
    CharFrontend fe;
    json_tokener *tok;
    size_t tok_bytes; /* of the command being read */
    bool skip_line;   /* after a syntax error: up to a newline */
    bool negotiated;  /* written there, read by events: atomic */
    bool oob;
    /* .lock, a leaf */
    Lock lock;
    GString *out; /* not yet taken by the chardev */
    bool out_posted;
    GQueue *queue;        /* json_object *: in-band commands, in order */
    bool running;         /* a command is posted or running in main */
    int fds[QMP_FDS_MAX]; /* that arrived, not yet named */
    int n_fds;
    GHashTable *named_fds; /* char * -> int */
    /* human monitor: main loop */
    struct HmpSession *hmp;
};

/* @c with @args (object or NULL): the "return" value or NULL with *errp. */
json_object *qmp_call(Monitor *mon, Machine *m, const QCommand *c,
                      json_object *args, Error **errp);
/* Queue @text (whole) to be written; any thread. */
void monitor_write(Monitor *mon, const char *text, size_t len);
/* Write what waits, as far as the chardev takes it; in its context. */
void monitor_flush(Monitor *mon);
bool monitor_is_mux(const Monitor *mon);
/* Rate limits of events, machine lock: throttle.c. @send gets those that were
 * held back. True: @json, which is @ev, waits or came to nothing. */
EventThrottle *
event_throttle_new(Machine *m, void (*send)(void *opaque, json_object *event),
                   void *opaque);
void event_throttle_free(EventThrottle *t);
bool event_throttle(EventThrottle *t, const MachineEvent *ev,
                    json_object *json);
/* A line of the human monitor, for the CPU of that index. */
char *hmp_execute_on(Machine *m, const char *line, int cpu_index);
/* The human monitor's part: hmp.c. */
extern const CharHandlers hmp_handlers;
void hmp_session_start(Monitor *mon);
void hmp_session_free(Monitor *mon);

#endif
