/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls on files: open, write, lseek, read, fstat, close, unlink. */
#include "bench.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t unit(void)
{
    char buf[4096];
    uint64_t sum = 0;

    memset(buf, 7, sizeof(buf));
    for (int i = 0; i < 100; i++) {
        struct stat st;
        int fd = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC, 0600);
        require(fd >= 0, "open");
        for (int k = 0; k < 8; k++) {
            require(write(fd, buf, 512 + k) == 512 + k, "write");
        }
        require(lseek(fd, 0, SEEK_SET) == 0, "lseek");
        ssize_t n;
        while ((n = read(fd, buf, 700)) > 0) {
            sum += n * buf[3];
        }
        require(fstat(fd, &st) == 0, "fstat");
        sum += st.st_size;
        require(stat("/tmp/file", &st) == 0, "stat");
        require(access("/tmp/none", R_OK) < 0, "access");
        close(fd);
        unlink("/tmp/file");
    }
    return sum;
}

BENCH("fileio", 10, 0x0000000000325780)
