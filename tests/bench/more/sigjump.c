/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults that a handler leaves by siglongjmp; masks; signals to oneself. */
#include "bench.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf out;
static volatile sig_atomic_t seen;

static void on_fault(int signal)
{
    siglongjmp(out, signal);
}

static void on_signal(int signal)
{
    seen += signal == SIGUSR1;
}

static __attribute__((noinline)) int touch(const volatile char *p)
{
    return sigsetjmp(out, 1) == 0 ? *p : 3;
}

static uint64_t unit(void)
{
    static volatile char *page;
    struct sigaction fault = { .sa_handler = on_fault };
    struct sigaction user = { .sa_handler = on_signal };
    sigset_t set, old;
    uint64_t sum = 0;

    if (!page) {
        page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        require(page != MAP_FAILED, "mmap");
    }
    seen = 0;
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGUSR1, &user, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    for (int i = 0; i < 200; i++) {
        sum += touch(page);
        sigprocmask(SIG_BLOCK, &set, &old);
        raise(SIGUSR1);
        sigprocmask(SIG_SETMASK, &old, NULL);
    }
    return sum + seen;
}

BENCH("sigjump", 40, 0x0000000000000320)
