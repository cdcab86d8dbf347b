/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of translated code for profilers: /tmp/perf-PID.map, which perf reads
 * by itself, and jit-PID.dump, which `perf inject --jit` merges.
 *
 * Spec: Linux tools/perf/Documentation/jit-interface.txt and
 *       jitdump-specification.txt (version 1).
 */
#include "tandem/base.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "accel/tcg/internal.h"

struct TcgPerf {
    Lock lock;
    FILE *map;    /* NULL: none */
    FILE *dump;   /* NULL: none */
    void *marker; /* executable mapping of the dump: how perf finds it */
    uint64_t index;
};

typedef struct JitHeader {
    uint32_t magic, version, total_size, elf_mach, pad1, pid;
    uint64_t timestamp, flags;
} JitHeader;

typedef struct JitCodeLoad {
    uint32_t id, total_size;
    uint64_t timestamp;
    uint32_t pid, tid;
    uint64_t vma, code_addr, code_size, code_index;
} JitCodeLoad;

enum { JIT_MAGIC = 0x4a695444, JIT_VERSION = 1, JIT_CODE_LOAD = 0 };

static uint64_t timestamp(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool open_dump(struct TcgPerf *p, Error **errp)
{
    g_autofree char *path = g_strdup_printf("jit-%d.dump", getpid());
    JitHeader h = { JIT_MAGIC, JIT_VERSION, sizeof(h),   EM_X86_64,
                    0,         getpid(),    timestamp(), 0 };

    p->dump = fopen(path, "w+e");
    if (!p->dump) {
        error_set_errno(errp, errno, "cannot create %s", path);
        return false;
    }
    p->marker = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_EXEC,
                     MAP_PRIVATE, fileno(p->dump), 0);
    fwrite(&h, sizeof(h), 1, p->dump);
    return true;
}

struct TcgPerf *perf_open(bool map, bool jitdump, Error **errp)
{
    struct TcgPerf *p = g_new0(struct TcgPerf, 1);

    lock_init(&p->lock);
    p->marker = MAP_FAILED;
    if (map) {
        g_autofree char *path = g_strdup_printf("/tmp/perf-%d.map", getpid());

        p->map = fopen(path, "we");
        if (!p->map) {
            error_set_errno(errp, errno, "cannot create %s", path);
            perf_close(p);
            return NULL;
        }
    }
    if (jitdump && !open_dump(p, errp)) {
        perf_close(p);
        return NULL;
    }
    return p;
}

void perf_close(struct TcgPerf *p)
{
    if (p->map) {
        fclose(p->map);
    }
    if (p->marker != MAP_FAILED) {
        munmap(p->marker, sysconf(_SC_PAGESIZE));
    }
    if (p->dump) {
        fclose(p->dump);
    }
    lock_destroy(&p->lock);
    g_free(p);
}

static void add_code(struct TcgPerf *p, const void *code, size_t size,
                     const char *name)
{
    LOCK_GUARD(&p->lock);
    if (p->map) {
        fprintf(p->map, "%" PRIxPTR " %zx %s\n", (uintptr_t)code, size, name);
    }
    if (p->dump) {
        JitCodeLoad r = {
            .id = JIT_CODE_LOAD,
            .total_size = sizeof(r) + strlen(name) + 1 + size,
            .timestamp = timestamp(),
            .pid = getpid(),
            .tid = syscall(SYS_gettid),
            .vma = (uintptr_t)code,
            .code_addr = (uintptr_t)code,
            .code_size = size,
            .code_index = p->index++,
        };

        fwrite(&r, sizeof(r), 1, p->dump);
        fwrite(name, strlen(name) + 1, 1, p->dump);
        fwrite(code, size, 1, p->dump);
    }
}

void perf_unit(struct TcgPerf *p, const TcgTb *tb)
{
    char name[64];

    snprintf(name, sizeof(name), "guest-%" PRIx64 "-%u", tb->pc, tb->ninsns);
    add_code(p, tb->code, tb->code_size, name);
}

void perf_thunks(struct TcgPerf *p, const void *code, size_t size)
{
    add_code(p, code, size, "tandem-thunks");
}
