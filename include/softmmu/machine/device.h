/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices and buses (DESIGN 7). A device is created, gets its properties, is
 * put on a bus, is realized once, is reset in three phases, and is
 * unrealized. All under the machine lock.
 */
#ifndef SOFTMMU_MACHINE_DEVICE_H
#define SOFTMMU_MACHINE_DEVICE_H

#include "softmmu/machine/irq.h"
#include "softmmu/memory/memory.h"
#include "softmmu/object/object.h"
#include "softmmu/object/vmstate.h"

typedef struct Machine Machine;
typedef struct Bus Bus;
typedef struct BusType BusType;
typedef struct DeviceState DeviceState;

/* Groups of -device help. */
typedef enum DeviceCategory {
    DEVICE_MISC,
    DEVICE_BRIDGE,
    DEVICE_USB,
    DEVICE_STORAGE,
    DEVICE_NETWORK,
    DEVICE_INPUT,
    DEVICE_DISPLAY,
    DEVICE_SOUND,
    DEVICE_CPU,
    DEVICE_WATCHDOG,
    DEVICE_CATEGORIES,
} DeviceCategory;

typedef struct DeviceType {
    struct ObjectType;
    DeviceCategory category;
    const BusType *bus;  /* it sits on a bus of this type; NULL: none */
    bool user_creatable; /* by -device and device_add */
    bool hotpluggable;
    /* Check properties, make regions and lines, take back ends. On failure
     * undo what was done. A parent's realize that calls its child's says so
     * in the parent's header. */
    bool (*realize)(DeviceState *dev, Error **errp);
    void (*unrealize)(DeviceState *dev);
    /* Three phases over a whole subtree (children after parents): enter:
     * reset own state, touch nobody; hold: drive outputs; exit: start. Most
     * devices have enter, and hold to update their lines. */
    void (*reset_enter)(DeviceState *dev);
    void (*reset_hold)(DeviceState *dev);
    void (*reset_exit)(DeviceState *dev);
    /* Its name in OpenFirmware paths when it sits on no bus that names it; to
     * be freed. NULL: it adds no part to a path. */
    char *(*fw_name)(DeviceState *dev);
    /* Take input @n by descriptor (@on), or no longer. False: it cannot. */
    bool (*irq_fd)(DeviceState *dev, int n, IrqFd *f, bool on);
    /* Of an interrupt controller: its state as text. Machine lock; the machine
     * stands. NULL: it is none. Not inherited. */
    void (*describe)(DeviceState *dev, GString *out);
    const VmState *vmstate; /* inherited; a parent's and a child's are two
                               sections, base type first */
} DeviceType;
extern const DeviceType device_type; /* "device", abstract */

struct DeviceState {
    Object parent;
    Machine *machine; /* set when it enters the tree; constant after */
    Bus *bus;         /* NULL: none */
    char *id;         /* of -device; NULL: none */
    bool realized, hotplugged, unplug_pending;
    bool in_reset;
    bool vmstate_ready;  /* has come through realize with its sections */
    GPtrArray *buses;    /* Bus * it owns; NULL: none */
    GPtrArray *mmio;     /* MemoryRegion *, in order of device_add_mmio */
    GPtrArray *irqs_out; /* IrqLine *, in order of device_add_irq */
    GArray *irqs_in;     /* groups of inputs: device_add_irq_inputs */
};

/* Where -device puts it, the tree position included. */
typedef struct DevicePlace {
    Bus *bus;       /* NULL: none, or chosen by type */
    const char *id; /* NULL: anonymous */
    bool user;      /* made by the user: /machine/peripheral[-anon];
                       else /machine/unattached */
    Object *parent; /* explicit parent and name for parts of a device */
    const char *name;
} DevicePlace;

/*
 * device_new: a device of @type, in the tree and on its bus, not realized.
 * NULL on failure (id taken, bus full or of the wrong type). The tree holds
 * the reference.
 */
DeviceState *device_new(Machine *m, const void *type, const DevicePlace *place,
                        Error **errp);
/* For boards: make below /machine/unattached or as child @name of @parent.
 * device_realize() for a board's own device is fatal only through *errp. */
DeviceState *device_new_board(Machine *m, const void *type);
DeviceState *device_new_child(void *parent, const char *name, const void *type);
bool device_realize(DeviceState *dev, Error **errp);
/* Reset it, unrealize it and all below, leave bus and tree. */
void device_unplug(DeviceState *dev);
/* Ask, as device_del does: the bus's unplug_request, else at once. */
bool device_unplug_request(DeviceState *dev, Error **errp);

/* In realize: publish regions, outputs and inputs, in a fixed order. Regions
 * are out of any map again when unrealize is called. */
void device_add_mmio(DeviceState *dev, MemoryRegion *mr);
void device_add_irq(DeviceState *dev, IrqLine *line);
/* @n inputs, numbered on from those that are there. */
void device_add_irq_inputs(DeviceState *dev, IrqHandler *fn, int n);
/* For boards: map output region @i at @addr of the system memory; connect
 * output line @i to input @n of @to. */
void device_map(DeviceState *dev, int i, hwaddr addr);
MemoryRegion *device_mmio(DeviceState *dev, int i);
void device_connect(DeviceState *dev, int i, DeviceState *to, int n);
void device_connect_fn(DeviceState *dev, int i, IrqHandler *fn, void *opaque,
                       int n);
/* Attach @f to where output line @i leads; false: nobody there takes
 * descriptors. Off: detach it, and nobody writes to it any more. Machine
 * lock. */
bool device_irq_fd(DeviceState *dev, int i, IrqFd *f);
void device_irq_fd_off(IrqFd *f);
/* How many inputs it has. */
int device_irq_inputs(const DeviceState *dev);
/* Drive input @n of @dev as a wire would. */
void device_irq_in(DeviceState *dev, int n, bool level);

/* Reset a device and all below it, all phases. */
void device_reset(DeviceState *dev);
/* The subtree below @obj (devices, buses), as one reset. */
void reset_tree(Object *obj);

/* /machine/...: path for messages; freed by the caller. */
char *device_path(const DeviceState *dev);
Machine *object_machine(void *obj); /* through the tree's root */

/* A guest's mistake, with the device's name (log class guest_errors). */
void guest_error(DeviceState *dev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* --- buses --- */

struct BusType {
    struct ObjectType;
    unsigned max_devices; /* 0: no limit */
    /* A device came (before its realize: addresses are given here) or goes. */
    bool (*plug)(Bus *bus, DeviceState *dev, Error **errp);
    void (*unplug)(Bus *bus, DeviceState *dev);
    /* Hot unplug by the guest's leave; NULL: at once. */
    bool (*unplug_request)(Bus *bus, DeviceState *dev, Error **errp);
    /* "04.0" and the like, for paths and info qtree; freed by the caller. */
    char *(*device_address)(Bus *bus, DeviceState *dev);
    /* The OpenFirmware name of a device on it, "scsi@3"; to be freed. */
    char *(*fw_name)(Bus *bus, DeviceState *dev);
    void (*reset_hold)(Bus *bus);
};
extern const BusType bus_type; /* "bus", abstract */

struct Bus {
    Object parent;
    DeviceState *owner; /* NULL: the machine's own */
    GPtrArray *devices; /* DeviceState *, in order of plugging */
    bool hotplug;       /* accepts hot plug */
    bool full;
};
/* A bus that is part of @owner's struct, child @name of @owner. */
void bus_init(Bus *bus, const void *type, DeviceState *owner, const char *name);
/* By -device's bus=: a path, an id or a bus name; or the first with room for
 * @type when @name is NULL. */
Bus *bus_find(Machine *m, const char *name, const void *type, Error **errp);

/* "sys-bus" devices have no bus of their own type: MMIO and lines only. */

#endif
