/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources of entropy for devices: `-object rng-random` reads a file,
 * `rng-builtin` asks the event gate. Machine lock; answers come in the main
 * loop, in order of asking.
 */
#ifndef SOFTMMU_BACKEND_RNG_H
#define SOFTMMU_BACKEND_RNG_H

#include "softmmu/loop/event.h"
#include "softmmu/object/object.h"

typedef struct RngBackend RngBackend;

enum { RNG_REQUEST_MAX = 64 * 1024 }; /* bytes of one request */

/* 1..asked bytes arrived. */
typedef void RngReceive(void *opaque, const uint8_t *data, size_t len);

typedef struct RngBackendType {
    struct UserCreatableType;
    /* The first request came; ask for bytes until the queue is empty. */
    void (*start)(RngBackend *rng);
} RngBackendType;

struct RngBackend {
    Object parent;
    LoopContext *loop; /* constant after complete */
    EventGate *gate;
    EventSource source; /* all bytes pass the gate here */
    /* machine lock */
    GQueue requests; /* RngRequest *, first asked first */
};

extern const RngBackendType rng_backend_type; /* "rng-backend", abstract */
extern const RngBackendType rng_builtin_type; /* "rng-builtin" */
extern const RngBackendType rng_random_type;  /* "rng-random" */

/* Ask for up to @len bytes (at most RNG_REQUEST_MAX are given at once). */
void rng_request(RngBackend *rng, size_t len, RngReceive *fn, void *opaque);
/* Forget all that @opaque asked for. */
void rng_cancel(RngBackend *rng, void *opaque);

/* The types of softmmu/backend itself, NULL-terminated. */
extern const ObjectType *const backend_types[];

#endif
