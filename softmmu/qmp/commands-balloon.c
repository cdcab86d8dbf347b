/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory balloon: schema/balloon.json. */
#include "tandem/base.h"

#include "hw/virtio/balloon.h"
#include "internal.h"

static VirtioDevice *the_balloon(Machine *m, Error **errp)
{
    VirtioDevice *v = virtio_balloon_find(m);

    if (!v) {
        error_set_class(errp, ERROR_DEVICE_NOT_ACTIVE,
                        "No balloon device has been activated");
    }
    return v;
}

BalloonInfo *qmp_query_balloon(Machine *m, Error **errp)
{
    VirtioDevice *v = the_balloon(m, errp);
    BalloonInfo *info;

    if (!v) {
        return NULL;
    }
    info = g_new0(BalloonInfo, 1);
    info->actual = (int64_t)virtio_balloon_actual(v);
    return info;
}

bool qmp_balloon(Machine *m, const BalloonArgs *a, Error **errp)
{
    VirtioDevice *v = the_balloon(m, errp);

    if (!v) {
        return false;
    }
    if (a->value <= 0) {
        error_set(errp, "Parameter 'value' expects a size");
        return false;
    }
    virtio_balloon_set_target(v, (uint64_t)a->value);
    return true;
}
