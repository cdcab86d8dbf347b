/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Doorbells: under an engine that has them, a driver's notification rings an
 * eventfd that the queue's loop watches, and the vCPU goes on in the guest;
 * and their counterpart, eventfds that interrupt the driver when the queue's
 * loop writes them.
 *
 * Spec:  VIRTIO 1.2, 4.1.5.2 and 4.2.2 (notifications), 4.1.5.3
 *        (interrupts); Linux Documentation/virt/kvm/api.rst, 4.59
 *        (KVM_IOEVENTFD), 4.75 (KVM_IRQFD).
 * Locks: machine lock, iothreads quiesced; rung() runs in the queue's loop.
 */
#include "tandem/base.h"

#include <sys/eventfd.h>

#include "accel/accel.h"
#include "hw/virtio/ring.h"
#include "hw/virtio/virtio.h"
#include "trace_hw_virtio.h"

static void rung(void *opaque)
{
    VirtQueue *vq = opaque;
    eventfd_t n;

    if (eventfd_read(vq->bell_fd, &n) == 0) {
        trace_virtio_kick(vq->index);
        virtq_run(vq);
    }
}

/* The queue's descriptor, made and watched at first use. */
static bool has_fd(VirtQueue *vq)
{
    if (vq->bell_fd < 0) {
        vq->bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (vq->bell_fd >= 0) {
            loop_set_fd(vq->ctx, vq->bell_fd, rung, NULL, vq);
        }
    }
    return vq->bell_fd >= 0;
}

static void bell_set(VirtioBus *bus, VirtQueue *vq)
{
    const VirtioBusType *type = (const VirtioBusType *)bus->parent.parent.type;
    MemoryIoeventfd e;
    MemoryRegion *mr = type->bell ? type->bell(bus, vq, &e) : NULL;

    if (!mr || vq->bell_mr || !vq->enabled || !has_fd(vq)) {
        return; /* without a descriptor, notifications exit */
    }
    e.fd = vq->bell_fd;
    vq->bell = e;
    vq->bell_mr = mr;
    memory_region_add_ioeventfd(mr, &e);
}

void virtio_bells_update(VirtioDevice *v)
{
    Machine *m = v->parent.machine;

    if (!(accel_ops(m)->caps & ACCEL_HAS_IOEVENTFD) || v->broken ||
        !(v->status & VIRTIO_STATUS_DRIVER_OK)) {
        return;
    }
    memory_begin(m->ms);
    for (unsigned i = 0; i < v->n_queues; i++) {
        bell_set((VirtioBus *)v->parent.bus, v->queues[i]);
    }
    memory_commit(m->ms);
}

void virtio_bells_off(VirtioDevice *v)
{
    memory_begin(v->parent.machine->ms);
    for (unsigned i = 0; i < v->n_queues; i++) {
        VirtQueue *vq = v->queues[i];

        if (vq->bell_mr) {
            memory_region_del_ioeventfd(vq->bell_mr, &vq->bell);
            vq->bell_mr = NULL;
        }
    }
    memory_commit(v->parent.machine->ms);
}

/* What a vector's descriptor leads to is the transport's and the engine's
 * business: here only whether there is one. */
void virtio_irq_fds_update(VirtioDevice *v)
{
    VirtioBus *bus = (VirtioBus *)v->parent.bus;
    const VirtioBusType *type = (const VirtioBusType *)bus->parent.parent.type;
    bool on = (v->status & VIRTIO_STATUS_DRIVER_OK) && type->interrupt_fd;

    virtio_quiesce(v, true);
    for (unsigned i = 0; i < v->n_queues; i++) {
        VirtQueue *vq = v->queues[i];

        vq->irq_fd = on ? type->interrupt_fd(bus, vq) : -1;
        vq->irq_isr = type->interrupt_fd_isr;
    }
    virtio_quiesce(v, false);
}
