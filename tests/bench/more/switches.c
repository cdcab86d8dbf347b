/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two processes in turns by a futex in shared memory, and by yielding. */
#include "bench.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int *turn;

static void pass(int me, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        int now;
        while ((now = atomic_load(turn)) != me) {
            syscall(SYS_futex, turn, FUTEX_WAIT, now, NULL, NULL, 0);
        }
        atomic_store(turn, !me);
        syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
        sched_yield();
    }
}

static uint64_t unit(void)
{
    int status;

    if (!turn) {
        turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        require(turn != MAP_FAILED, "mmap");
    }
    atomic_store(turn, 0);
    pid_t pid = fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        pass(1, 300);
        _exit(5);
    }
    pass(0, 300);
    require(waitpid(pid, &status, 0) == pid, "wait");
    return WEXITSTATUS(status);
}

BENCH("switches", 17, 0x0000000000000005)
