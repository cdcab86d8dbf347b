/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ThreadSanitizer cannot see by itself: order that runs through code it
 * does not instrument, and memory on which races are not ours. All of it is
 * nothing in other builds.
 */
#ifndef SOFTMMU_BASE_TSAN_H
#define SOFTMMU_BASE_TSAN_H

#include <stddef.h>

#if defined(__has_feature) && !defined(__SANITIZE_THREAD__)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void AnnotateBenignRaceSized(const char *file, int line,
                             const volatile void *mem, size_t size,
                             const char *why);
#endif

/*
 * What happened before tsan_release(@addr) in one thread happened before what
 * follows tsan_acquire(@addr) in another. The true order (a barrier, a jump in
 * generated code) is named where these are called.
 */
static inline void tsan_release(const void *addr)
{
#ifdef __SANITIZE_THREAD__
    __tsan_release((void *)addr);
#endif
}

static inline void tsan_acquire(const void *addr)
{
#ifdef __SANITIZE_THREAD__
    __tsan_acquire((void *)addr);
#endif
}

/*
 * Guests race on their memory: vCPUs with each other and with devices that
 * read and write what the guest gave them. Our own code copies before it looks
 * (STYLE 8), so a race there is the guest's, whichever function does it.
 */
static inline void tsan_guest_memory(const void *host, size_t size)
{
#ifdef __SANITIZE_THREAD__
    AnnotateBenignRaceSized(__FILE__, __LINE__, host, size, "guest memory");
#endif
}

#endif
