/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one umbrella header: libc, glib, errors, logging, bits. Every .c file
 * includes it first. Nothing else includes config.h, so nothing else can
 * depend on a build switch but through IF_TCG() and its like.
 */
#ifndef TANDEM_BASE_H
#define TANDEM_BASE_H

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <glib.h>

/* Four kinds of address, never mixed (STYLE 7); all in bytes. */
typedef uint64_t vaddr;      /* guest virtual */
typedef uint64_t hwaddr;     /* guest physical, or an offset in a region */
typedef uint64_t ram_addr_t; /* offset in the space of all RAM blocks */

/* The value when the part is built in, else NULL: for tables. */
#ifdef CONFIG_TCG
#define IF_TCG(x) (x)
#else
#define IF_TCG(x) NULL
#endif

#ifdef CONFIG_KVM
#define IF_KVM(x) (x)
#else
#define IF_KVM(x) NULL
#endif

#ifdef CONFIG_CAPSTONE
#define IF_CAPSTONE(x) (x)
#else
#define IF_CAPSTONE(x) NULL
#endif

#ifdef CONFIG_SLIRP
#define IF_SLIRP(x) (x)
#else
#define IF_SLIRP(x) NULL
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#define container_of(ptr, type, member)                                        \
    ((type *)((char *)(ptr)-offsetof(type, member)))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#include "softmmu/base/bits.h"
#include "softmmu/base/error.h"
#include "softmmu/base/log.h"

#endif
