/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Socket addresses and paths as users write them (DECISIONS 24): the one
 * parser for all back ends, migration and gdb, and the one function that
 * opens a path. Main thread, machine lock, unless said.
 */
#ifndef SOFTMMU_BACKEND_SOCKET_H
#define SOFTMMU_BACKEND_SOCKET_H

#include "tandem/base.h"

#include <json-c/json.h>

typedef struct Machine Machine;

typedef enum SockKind { SOCK_KIND_INET, SOCK_KIND_UNIX, SOCK_KIND_FD } SockKind;

typedef struct SockAddr {
    SockKind kind;
    char *host, *port;         /* inet; host "" means any */
    char *path;                /* unix */
    char *fd;                  /* a number, or a name from getfd */
    bool abstract;             /* unix: in the abstract name space */
    bool want_ipv4, want_ipv6; /* inet: only these, when one is set */
    uint16_t port_to; /* inet server: try ports up to this one; 0: just one */
} SockAddr;
void sock_addr_free(SockAddr *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SockAddr, sock_addr_free)

/* "unix:PATH", "tcp:HOST:PORT", "HOST:PORT", "[V6]:PORT", "fd:N", also with
 * ",to=N,ipv4=on,ipv6=off"; the rest of the options in *rest (a JSON object
 * of text values, new) when @rest is not NULL, else they are errors. */
SockAddr *sock_addr_parse(const char *text, json_object **rest, Error **errp);
/* The QMP form: {"type": "unix", "path": ...} flat, or with "data". */
SockAddr *sock_addr_from_json(json_object *json, Error **errp);
/* As query-chardev shows it: "unix:/p", "tcp:127.0.0.1:44"; g_free. */
char *sock_addr_text(const SockAddr *a);

/* A listening socket (backlog 1 unless @backlog), or the descriptor given by
 * fd=, which must be listening; -1 with *errp. Close-on-exec. */
int sock_listen(Machine *m, const SockAddr *a, int backlog, Error **errp);
/* Connected, or with @nonblock perhaps still connecting (*pending set);
 * -1 with *errp. */
int sock_connect(Machine *m, const SockAddr *a, bool nonblock, bool *pending,
                 Error **errp);
/* A descriptor of the process (a number), or one that getfd named, which is
 * then the caller's; -1 with *errp. */
int sock_given_fd(Machine *m, const char *name, Error **errp);
/* Text of the bound or connected ends of a socket, for names; g_free. */
char *sock_local_text(int fd);
char *sock_peer_text(int fd);

/* Open @path: "/dev/fdset/N" gives a duplicate from that set with fitting
 * access; always close-on-exec. -1 with errno set. */
int path_open(Machine *m, const char *path, int flags, mode_t mode);

/* --- descriptor sets: -add-fd, add-fd --- */

typedef struct FdSets FdSets;
FdSets *fdsets_new(void);
void fdsets_free(FdSets *sets);
/* Take @fd into set @id (-1: a new set); returns the set's id. */
int64_t fdsets_add(FdSets *sets, int64_t id, int fd, const char *opaque,
                   Error **errp);
/* @fd -1: all of the set. */
bool fdsets_remove(FdSets *sets, int64_t id, int fd, Error **errp);
void fdsets_each(FdSets *sets,
                 void (*fn)(int64_t id, int fd, const char *opaque, void *data),
                 void *data);

#endif
