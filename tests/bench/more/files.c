/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open, stat, read, close, rename, folders: paths looked up again and again. */
#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t unit(void)
{
    uint64_t sum = 0;
    char name[64], text[256];
    struct stat st;

    mkdir("/tmp/bench-files", 0700);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "/tmp/bench-files/f%d", i);
        int fd = open(name, O_CREAT | O_RDWR, 0600);
        require(fd >= 0, "open");
        require(write(fd, name, i + 1) == i + 1, "write");
        close(fd);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "/tmp/bench-files/f%d", i % 50);
        sum += stat(name, &st) == 0 ? st.st_size : 1000;
    }
    DIR *d = opendir("/tmp/bench-files");
    require(d != NULL, "opendir");
    for (struct dirent *e; (e = readdir(d));) {
        sum += e->d_name[0] == 'f';
    }
    closedir(d);
    for (int i = 0; i < 20; i++) {
        int fd = open("/proc/self/stat", O_RDONLY);
        require(fd >= 0, "proc");
        sum += read(fd, text, sizeof(text)) > 20;
        close(fd);
    }
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "/tmp/bench-files/f%d", i);
        require(rename(name, "/tmp/bench-files/g") == 0, "rename");
        require(unlink("/tmp/bench-files/g") == 0, "unlink");
    }
    rmdir("/tmp/bench-files");
    return sum;
}

BENCH("files", 15, 0x000000000000a94c)
