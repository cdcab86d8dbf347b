/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fork, exec of itself, wait; vfork-like spawns and sockets. */
#include "bench.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t unit(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < 4; i++) {
        int status;
        pid_t pid = fork();
        require(pid >= 0, "fork");
        if (pid == 0) {
            execl("/bin/busybox", "busybox", "true", NULL);
            _exit(9);
        }
        require(waitpid(pid, &status, 0) == pid, "wait");
        sum += WEXITSTATUS(status) == 0;
    }
    for (int i = 0; i < 40; i++) {
        int sv[2];
        char c[64] = { 0 };
        require(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0, "socketpair");
        require(write(sv[0], c, 64) == 64, "write");
        require(read(sv[1], c, 64) == 64, "read");
        close(sv[0]);
        close(sv[1]);
    }
    return sum;
}

BENCH("execloop", 8, 4)
