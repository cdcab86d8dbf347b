/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event gate: the one way by which anything non-deterministic reaches the
 * guest (DESIGN 2, DECISIONS 31-33). Today it passes through; recording,
 * replay and icount stand on it. A pass costs one predictable branch.
 */
#ifndef SOFTMMU_LOOP_EVENT_H
#define SOFTMMU_LOOP_EVENT_H

#include "softmmu/loop/loop.h"

typedef enum EventMode {
    EVENT_PASS,   /* deliver at once */
    EVENT_ICOUNT, /* deliver at budget ends */
    EVENT_RECORD,
    EVENT_REPLAY,
} EventMode;

/* A place input comes from; @id is stable: an object path and a port. */
typedef struct EventSource {
    EventGate *gate;
    char *id;
    LoopContext *ctx; /* where deliver() runs */
    void (*deliver)(void *opaque, const uint8_t *data, size_t len);
    void *opaque;
    size_t waiting; /* bytes, not delivered yet; the gate's lock */
} EventSource;

EventGate *event_gate_new(ClockSet *clocks);
void event_gate_free(EventGate *gate);
EventMode event_gate_mode(const EventGate *gate);
/* Before vCPUs. False: this mode is not there (record and replay). */
bool event_gate_set_mode(EventGate *gate, EventMode mode, Error **errp);
/* With -seed, bytes come from a generator of that seed. */
void event_gate_set_seed(EventGate *gate, uint64_t seed);

/* Guest-visible time in ns. Any thread. */
int64_t event_clock_ns(EventGate *gate, ClockType type);
/* Guest-visible random bytes. Any thread. */
void event_random(EventGate *gate, void *buf, size_t len);

void event_source_init(EventSource *src, EventGate *gate, const char *id,
                       LoopContext *ctx,
                       void (*deliver)(void *opaque, const uint8_t *data,
                                       size_t len),
                       void *opaque);
void event_source_destroy(EventSource *src);
/* Input arrived: @data is copied if it cannot be delivered at once. Called in
 * src->ctx. */
void event_post(EventSource *src, const void *data, size_t len);
/* Bytes of @src that were posted and not delivered. Any thread. */
size_t event_waiting(EventSource *src);

/* An asynchronous request of a device: begin when it is submitted, complete
 * when the host is done; @done runs in @ctx when the guest may see it. */
typedef struct EventRequest {
    EventGate *gate;
    LoopContext *ctx;
    void (*done)(void *opaque, int status);
    void *opaque;
    int status;
    /* under icount, the gate's: when in virtual time the guest sees it */
    int64_t deadline_ns;
    bool complete;
    GList link;
} EventRequest;
enum { EVENT_REQUEST_NS = 100000 }; /* from submission to deadline */
void event_begin(EventRequest *req, EventGate *gate, LoopContext *ctx,
                 void (*done)(void *opaque, int status), void *opaque);
/* Any thread; @status is 0 or -errno. Runs @done at once when already in
 * @ctx, else posts it; under icount it waits for its deadline, so that the
 * host's speed does not show. */
void event_complete(EventRequest *req, int status);

/*
 * Called by icount when a slice ends, machine lock held: deliver the input
 * that waits, in order of arrival, then the requests whose deadline has come,
 * in order of submission. A host that is late is waited for, with the machine
 * lock dropped. What belongs to an iothread is posted to it.
 */
void event_gate_run(EventGate *gate);
/* The virtual time of the first request's deadline; INT64_MAX: none. Slices
 * and idle sleeps end there. */
int64_t event_gate_next_deadline_ns(EventGate *gate);
/* The machine stops or goes on; machine lock. While it is stopped virtual
 * time stands, so requests are delivered as they complete: a drain ends. So is
 * input: what waited here would not be saved. */
void event_gate_set_stopped(EventGate *gate, bool stopped);

#endif
