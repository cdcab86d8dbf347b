/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel counts, from its binary statistics: a header, descriptors
 * with names, and values.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, section 4.130
 *       (KVM_GET_STATS_FD).
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "accel/kvm/internal.h"

#include "softmmu/machine/machine.h"

enum { STATS_MAX = 1u << 20, NAME_MAX_BYTES = 256 };

/* @len bytes at @at of @fd, NUL-terminated; NULL: not to be had. */
static uint8_t *read_at(int fd, uint64_t at, uint64_t len)
{
    uint8_t *p;

    if (len == 0 || len > STATS_MAX) {
        return NULL;
    }
    p = g_malloc0(len + 1);
    if (pread(fd, p, len, (off_t)at) != (ssize_t)len) {
        g_clear_pointer(&p, g_free);
    }
    return p;
}

/* One counter's values in a line; histograms have several. */
static void put_counter(GString *out, const struct kvm_stats_desc *d,
                        const uint64_t *values)
{
    g_string_append_printf(out, "  %s", d->name);
    for (uint16_t i = 0; i < d->size; i++) {
        g_string_append_printf(out, "%s%" PRIu64, i ? " " : ": ", values[i]);
    }
    g_string_append_c(out, '\n');
}

static void put_all(GString *out, const struct kvm_stats_header *h,
                    const uint8_t *desc, const uint8_t *data, uint64_t size)
{
    size_t step = sizeof(struct kvm_stats_desc) + h->name_size;

    for (uint32_t i = 0; i < h->num_desc; i++) {
        const struct kvm_stats_desc *d = (const void *)(desc + i * step);

        if (range_fits(d->offset, (uint64_t)d->size * 8, size) &&
            memchr(d->name, '\0', h->name_size)) {
            put_counter(out, d, (const uint64_t *)(data + d->offset));
        }
    }
}

static uint64_t data_size(const struct kvm_stats_header *h, const uint8_t *desc)
{
    size_t step = sizeof(struct kvm_stats_desc) + h->name_size;
    uint64_t size = 0;

    for (uint32_t i = 0; i < h->num_desc; i++) {
        const struct kvm_stats_desc *d = (const void *)(desc + i * step);

        size = MAX(size, (uint64_t)d->offset + (uint64_t)d->size * 8);
    }
    return size;
}

/* The statistics that descriptor @fd gives; it is closed. */
static void put_stats(GString *out, const char *title, int fd)
{
    g_autofree uint8_t *head =
        fd < 0 ? NULL : read_at(fd, 0, sizeof(struct kvm_stats_header));
    const struct kvm_stats_header *h = (const void *)head;

    if (h && h->name_size > 0 && h->name_size <= NAME_MAX_BYTES) {
        g_autofree uint8_t *desc =
            read_at(fd, h->desc_offset,
                    (uint64_t)h->num_desc *
                        (sizeof(struct kvm_stats_desc) + h->name_size));
        uint64_t size = desc ? data_size(h, desc) : 0;
        g_autofree uint8_t *data =
            desc ? read_at(fd, h->data_offset, size) : NULL;

        g_string_append_printf(out, "%s\n", title);
        if (data) {
            put_all(out, h, desc, data, size);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

char *kvm_statistics(AccelState *a)
{
    KvmVm *vm = (KvmVm *)a;
    GString *out = g_string_new(NULL);
    bool have = kvm_capability(vm, KVM_CAP_BINARY_STATS_FD) > 0;

    if (have) {
        put_stats(out, "vm", kvm_vm_ioctl(vm, KVM_GET_STATS_FD, NULL));
    }
    for (guint i = 0; i < vm->vcpus->len; i++) {
        KvmVcpu *v = vm->vcpus->pdata[i];
        g_autofree char *title = g_strdup_printf("vcpu %u", i);

        if (!v) {
            continue;
        }
        if (have) {
            put_stats(out, title,
                      kvm_vcpu_ioctl(v->cpu, KVM_GET_STATS_FD, NULL));
        } else {
            g_string_append_printf(out, "%s\n", title);
        }
        g_string_append_printf(out, "  user_space_exits: %" PRIu64 "\n",
                               atomic_load(&v->exits));
    }
    return g_string_free(out, FALSE);
}
