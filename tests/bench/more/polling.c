/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eventfd, timerfd and pipes looked at by poll and epoll; file descriptors. */
#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FDS = 8 };

static uint64_t unit(void)
{
    struct pollfd p[FDS];
    struct epoll_event e, got[FDS];
    uint64_t sum = 0, one = 1;
    int poll_fd = epoll_create1(0);

    require(poll_fd >= 0, "epoll");
    for (int i = 0; i < FDS; i++) {
        p[i] = (struct pollfd){ eventfd(0, EFD_NONBLOCK), POLLIN, 0 };
        require(p[i].fd >= 0, "eventfd");
        e = (struct epoll_event){ EPOLLIN, { .fd = i } };
        require(epoll_ctl(poll_fd, EPOLL_CTL_ADD, p[i].fd, &e) == 0, "ctl");
    }
    for (int i = 0; i < 150; i++) {
        int to = i * 5 % FDS, n;
        require(write(p[to].fd, &one, 8) == 8, "write");
        require(poll(p, FDS, -1) == 1, "poll");
        n = epoll_wait(poll_fd, got, FDS, -1);
        for (int k = 0; k < n; k++) {
            uint64_t value;
            require(read(p[got[k].data.fd].fd, &value, 8) == 8, "read");
            sum += value * (got[k].data.fd + 1);
        }
        sum += fcntl(p[to].fd, F_GETFL) != 0;
    }
    for (int i = 0; i < FDS; i++) {
        close(p[i].fd);
    }
    close(poll_fd);
    return sum;
}

BENCH("polling", 90, 0x0000000000000337)
