/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel counts, from its binary statistics: a header, descriptors
 * with names, and values. Beside it, exits that reached this process.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, section 4.133
 *       (KVM_GET_STATS_FD).
 * Locks: machine lock. A vCPU's descriptor is opened before it runs: later
 *        the ioctl would wait for the end of its KVM_RUN, which a guest that
 *        has no exits never comes to.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"

enum { STATS_MAX = 1u << 20, NAME_MAX_BYTES = 256 };

/* One descriptor's contents: what was read from it. */
typedef struct StatsFile {
    struct kvm_stats_header head;
    uint8_t *desc, *data;
    uint64_t data_size; /* bytes */
} StatsFile;

/* @len bytes at @at of @fd; NULL: not to be had. */
static uint8_t *read_at(int fd, uint64_t at, uint64_t len)
{
    uint8_t *p;

    if (len == 0 || len > STATS_MAX) {
        return NULL;
    }
    p = g_malloc0(len);
    if (pread(fd, p, len, (off_t)at) != (ssize_t)len) {
        g_clear_pointer(&p, g_free);
    }
    return p;
}

static size_t desc_step(const StatsFile *f)
{
    return sizeof(struct kvm_stats_desc) + f->head.name_size;
}

static const struct kvm_stats_desc *desc_at(const StatsFile *f, uint32_t i)
{
    return (const void *)(f->desc + i * desc_step(f));
}

static bool stats_read(StatsFile *f, int fd)
{
    if (pread(fd, &f->head, sizeof(f->head), 0) != sizeof(f->head) ||
        f->head.name_size == 0 || f->head.name_size > NAME_MAX_BYTES) {
        return false;
    }
    f->desc = read_at(fd, f->head.desc_offset,
                      (uint64_t)f->head.num_desc * desc_step(f));
    for (uint32_t i = 0; f->desc && i < f->head.num_desc; i++) {
        const struct kvm_stats_desc *d = desc_at(f, i);

        f->data_size =
            MAX(f->data_size, (uint64_t)d->offset + (uint64_t)d->size * 8);
    }
    f->data = f->desc ? read_at(fd, f->head.data_offset, f->data_size) : NULL;
    return f->data != NULL;
}

static const AccelStatType types[] = {
    [KVM_STATS_TYPE_CUMULATIVE] = ACCEL_STAT_CUMULATIVE,
    [KVM_STATS_TYPE_INSTANT] = ACCEL_STAT_INSTANT,
    [KVM_STATS_TYPE_PEAK] = ACCEL_STAT_PEAK,
    [KVM_STATS_TYPE_LINEAR_HIST] = ACCEL_STAT_LINEAR_HISTOGRAM,
    [KVM_STATS_TYPE_LOG_HIST] = ACCEL_STAT_LOG2_HISTOGRAM,
};

static const AccelStatUnit units[] = {
    [KVM_STATS_UNIT_NONE >> KVM_STATS_UNIT_SHIFT] = ACCEL_UNIT_NONE,
    [KVM_STATS_UNIT_BYTES >> KVM_STATS_UNIT_SHIFT] = ACCEL_UNIT_BYTES,
    [KVM_STATS_UNIT_SECONDS >> KVM_STATS_UNIT_SHIFT] = ACCEL_UNIT_SECONDS,
    [KVM_STATS_UNIT_CYCLES >> KVM_STATS_UNIT_SHIFT] = ACCEL_UNIT_CYCLES,
    /* KVM_STATS_UNIT_BOOLEAN: older headers lack the name */
    [4] = ACCEL_UNIT_BOOLEAN,
};

/* False: a counter of a kind that is newer than this program. */
static bool stat_from(const StatsFile *f, const struct kvm_stats_desc *d,
                      AccelStat *out)
{
    unsigned type = d->flags & KVM_STATS_TYPE_MASK;
    unsigned unit = (d->flags & KVM_STATS_UNIT_MASK) >> KVM_STATS_UNIT_SHIFT;
    unsigned base = d->flags & KVM_STATS_BASE_MASK;

    if (type >= ARRAY_SIZE(types) || unit >= ARRAY_SIZE(units) ||
        base > KVM_STATS_BASE_POW2 || d->size == 0 ||
        !memchr(d->name, '\0', f->head.name_size)) {
        return false;
    }
    *out = (AccelStat){
        .name = d->name,
        .type = types[type],
        .unit = units[unit],
        .base = base == KVM_STATS_BASE_POW2 ? 2 : 10,
        .exponent = d->exponent,
        .bucket_size = d->bucket_size,
        .values = (const uint64_t *)(f->data + d->offset),
        .n = d->size,
    };
    return true;
}

/* The statistics that descriptor @fd gives. */
static bool put_file(int fd, AccelStatFn *put, void *opaque)
{
    StatsFile f = { 0 };
    bool ok = stats_read(&f, fd);

    for (uint32_t i = 0; ok && i < f.head.num_desc; i++) {
        AccelStat stat;

        if (stat_from(&f, desc_at(&f, i), &stat)) {
            put(opaque, &stat);
        }
    }
    g_free(f.desc);
    g_free(f.data);
    return ok;
}

/* Exits that reached this process. */
static void put_exits(CPUState *cpu, AccelStatFn *put, void *opaque)
{
    uint64_t exits = atomic_load(&kvm_vcpu(cpu)->exits);
    AccelStat own = { .name = "user_space_exits",
                      .unit = ACCEL_UNIT_NONE,
                      .base = 10,
                      .values = &exits,
                      .n = 1 };

    put(opaque, &own);
}

/* Messages sent and lines driven by an ioctl of this process, descriptors that
 * send theirs without one, and writes that made no exit of their own. */
static void put_vm(KvmVm *vm, AccelStatFn *put, void *opaque)
{
    uint64_t msis = atomic_load(&vm->n_msis), irqfds = vm->irqfds;
    AccelStat own[] = {
        { .name = "msi_ioctls",
          .type = ACCEL_STAT_CUMULATIVE,
          .values = &msis },
        { .name = "line_ioctls",
          .type = ACCEL_STAT_CUMULATIVE,
          .values = &vm->n_lines },
        { .name = "irqfds", .type = ACCEL_STAT_INSTANT, .values = &irqfds },
        { .name = "coalesced_writes",
          .type = ACCEL_STAT_CUMULATIVE,
          .values = &vm->n_coalesced },
    };

    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        own[i].unit = ACCEL_UNIT_NONE;
        own[i].base = 10;
        own[i].n = 1;
        put(opaque, &own[i]);
    }
}

int kvm_stats_open(CPUState *cpu)
{
    return MAX(-1, kvm_vcpu_ioctl(cpu, KVM_GET_STATS_FD, NULL));
}

/* Of the machine: opened anew each time, which waits for nobody. */
static bool put_vm_file(KvmVm *vm, AccelStatFn *put, void *opaque)
{
    int fd = kvm_vm_ioctl(vm, KVM_GET_STATS_FD, NULL);
    bool ok = fd >= 0 && put_file(fd, put, opaque);

    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool kvm_stats(AccelState *a, CPUState *cpu, AccelStatFn *put, void *opaque,
               Error **errp)
{
    KvmVm *vm = (KvmVm *)a;

    if (kvm_capability(vm, KVM_CAP_BINARY_STATS_FD) == 0) {
        error_set(errp, "the host's KVM has no binary statistics: they came "
                        "with Linux 5.14");
        return false;
    }
    if (!(cpu ? put_file(kvm_vcpu(cpu)->stats_fd, put, opaque)
              : put_vm_file(vm, put, opaque))) {
        error_set(errp, "kvm's statistics cannot be read");
        return false;
    }
    if (cpu) {
        put_exits(cpu, put, opaque);
    } else {
        put_vm(vm, put, opaque);
    }
    return true;
}

/* --- as text --- */

/* One counter's values in a line; histograms have several. */
static void put_line(void *opaque, const AccelStat *s)
{
    GString *out = opaque;

    g_string_append_printf(out, "  %s:", s->name);
    for (unsigned i = 0; i < s->n; i++) {
        g_string_append_printf(out, " %" PRIu64, s->values[i]);
    }
    g_string_append_c(out, '\n');
}

static void put_text(AccelState *a, CPUState *cpu, GString *out)
{
    Error *err = NULL;

    if (!kvm_stats(a, cpu, put_line, out, &err)) {
        g_string_append_printf(out, "  %s\n", error_text(err));
        error_free(err);
        if (cpu) {
            put_exits(cpu, put_line, out);
        } else {
            put_vm((KvmVm *)a, put_line, out);
        }
    }
}

char *kvm_statistics(AccelState *a)
{
    KvmVm *vm = (KvmVm *)a;
    GString *out = g_string_new("vm\n");

    put_text(a, NULL, out);
    for (guint i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *v = vm->vcpus->pdata[i];

        if (v) {
            g_string_append_printf(out, "vcpu %u\n", i);
            put_text(a, v->cpu, out);
        }
    }
    return g_string_free(out, FALSE);
}
