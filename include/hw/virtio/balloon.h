/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory balloon, for the monitors. Machine lock. */
#ifndef HW_VIRTIO_BALLOON_H
#define HW_VIRTIO_BALLOON_H

#include "hw/virtio/virtio.h"

/* The machine's balloon, realized; NULL: none. There is at most one. */
VirtioDevice *virtio_balloon_find(Machine *m);
/* Bytes that the guest has left. */
uint64_t virtio_balloon_actual(VirtioDevice *v);
/* Ask the guest to make do with @bytes. */
void virtio_balloon_set_target(VirtioDevice *v, uint64_t bytes);

#endif
