/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: root of the object tree ("/machine"), its memory, CPUs, loop,
 * engine and run state. There may be several in a process.
 */
#ifndef SOFTMMU_MACHINE_MACHINE_H
#define SOFTMMU_MACHINE_MACHINE_H

#include "softmmu/base/lock.h"
#include "softmmu/loop/event.h"
#include "softmmu/loop/loop.h"
#include "softmmu/machine/device.h"

typedef struct CPUState CPUState;
typedef struct CpuType CpuType;
typedef struct AccelOps AccelOps;
typedef struct AccelState AccelState;
typedef struct Machine Machine;

/* RunState of the QMP reference; names by run_state_name(). */
typedef enum RunState {
    RUN_STATE_PRELAUNCH,
    RUN_STATE_RUNNING,
    RUN_STATE_PAUSED,
    RUN_STATE_DEBUG,
    RUN_STATE_INMIGRATE,
    RUN_STATE_FINISH_MIGRATE,
    RUN_STATE_POSTMIGRATE,
    RUN_STATE_RESTORE_VM,
    RUN_STATE_SAVE_VM,
    RUN_STATE_IO_ERROR,
    RUN_STATE_INTERNAL_ERROR,
    RUN_STATE_GUEST_PANICKED,
    RUN_STATE_SHUTDOWN,
    RUN_STATE_SUSPENDED,
    RUN_STATE_WATCHDOG,
    RUN_STATES,
} RunState;

/* ShutdownCause of the QMP reference (DECISIONS 18). */
typedef enum ShutdownCause {
    CAUSE_NONE,
    CAUSE_HOST_ERROR,
    CAUSE_HOST_QMP_QUIT,
    CAUSE_HOST_QMP_SYSTEM_RESET,
    CAUSE_HOST_SIGNAL,
    CAUSE_HOST_UI,
    CAUSE_GUEST_SHUTDOWN,
    CAUSE_GUEST_RESET,
    CAUSE_GUEST_PANIC,
    CAUSE_SUBSYSTEM_RESET,
    CAUSE_SNAPSHOT_LOAD,
    CAUSES,
} ShutdownCause;
const char *run_state_name(RunState s);
const char *shutdown_cause_name(ShutdownCause c);
/* Did the guest bring it about? (the "guest" member of the events) */
bool shutdown_cause_is_guest(ShutdownCause c);

/* A version's changes to defaults (DECISIONS 48). */
typedef struct CompatProp {
    const char *type, *property, *value; /* NULL type ends */
} CompatProp;

typedef struct MachineType {
    struct ObjectType;
    const char *machine_name;           /* "virt"; the type is "virt-machine" */
    const char *const *machine_aliases; /* NULL-terminated, or NULL */
    bool is_default;
    unsigned max_cpus, default_cpus;
    const char *default_cpu;    /* model: "rv64" */
    const char *default_ram_id; /* NULL: no RAM by default */
    uint64_t default_ram_size;  /* bytes */
    bool no_serial, no_parallel, no_floppy, no_cdrom;
    const char *default_nic;   /* device type of -nic without model */
    const char *block_default; /* interface of -drive without if=: "virtio" */
    const CompatProp *compat;
    /* Make CPUs and devices; m->ram is there if the type has RAM. */
    bool (*build)(Machine *m, Error **errp);
    /* All -device devices exist: last wiring, device tree, firmware. */
    bool (*finish)(Machine *m, Error **errp);
    /* After each reset of devices: place the boot code's registers. */
    void (*reset)(Machine *m);
    /* Properties of its own that the user may set come by .props. */
} MachineType;
extern const MachineType machine_type; /* "machine", abstract */

/* -drive if=..., -serial, -nic: what a board may take, in order. */
typedef struct MachineConfig {
    char *kernel, *initrd, *append, *dtb, *bios, *dumpdtb;
    char *cpu_model; /* "rv64,zba=off"; NULL: default */
    unsigned cpus, max_cpus, sockets, cores, threads_per_core;
    uint64_t ram_size, max_ram_size;
    bool ram_size_set; /* by -m: else a given backend's size is taken */
    unsigned ram_slots;
    bool dump_ram, merge_ram; /* of main memory: in core dumps, by KSM */
    bool usb;
    char *ram_backend;         /* id; NULL: made by the machine */
    GPtrArray *serial;         /* Chardev *, may hold NULLs (-serial none) */
    GPtrArray *firmware_paths; /* char *: -L, then the built-in ones */
    GPtrArray *drives;         /* struct DriveInfo * (softmmu/backend/block) */
    GPtrArray *nics;           /* struct NicInfo * (softmmu/backend/net) */
    bool no_defaults;
    bool have_seed;
    uint64_t seed;
    char *name; /* -name */
    uint8_t uuid[16];
    bool uuid_set;
    char *rtc_base; /* "utc", "localtime" or a date; NULL: utc */
    ClockType rtc_clock;
    bool deny_spawn; /* -sandbox spawn=deny: start no other program */
    /* -boot */
    char *boot_order, *boot_once; /* letters a to p; NULL: not given */
    char *boot_splash;            /* file; NULL: none */
    bool boot_menu, boot_strict;
    int boot_splash_ms;  /* -1: not given */
    int boot_timeout_ms; /* before a reboot when nothing boots; -1: never,
                            -2: not given */
} MachineConfig;

typedef enum PanicAction {
    PANIC_PAUSE,
    PANIC_SHUTDOWN,
    PANIC_EXIT_FAILURE,
    PANIC_NONE
} PanicAction;
/* -action, -no-reboot, -no-shutdown: decided in one place. */
typedef struct MachineActions {
    bool reboot_shutdown; /* reboot=shutdown */
    bool shutdown_pause;  /* shutdown=pause */
    PanicAction panic;
    int watchdog; /* by the QMP enum WatchdogAction's order */
} MachineActions;

/* Something to tell many: called in order, machine lock held. */
typedef struct Notifier {
    void (*fn)(struct Notifier *n, void *data);
} Notifier;

struct Machine {
    Object parent;
    /* constant after machine_new() */
    const MachineType *type;
    TypeView view;
    Object *root;     /* "/": holds "machine", "objects", "chardevs", ... */
    Object *objects;  /* /objects */
    Object *chardevs; /* /chardevs */
    Object *backend;  /* /backend */
    Object *peripheral, *peripheral_anon, *unattached;
    Lock lock; /* the machine lock */
    ClockSet *clocks;
    EventGate *gate;
    LoopContext *loop; /* main loop */
    MemorySystem *ms;
    MemoryRegion system; /* root of guest physical memory, 2^64 bytes */
    AddressSpace memory; /* what CPUs see */
    MemoryRegion io;     /* I/O ports, 64 KiB; empty where there are none */
    AddressSpace io_space;
    MachineConfig config;
    MachineActions actions;
    const CompatProp *globals;  /* -global, NULL type ends; owned */
    struct CPUState *exclusive; /* under exclusive_lock: who runs alone */
    Lock exclusive_lock;
    Cond exclusive_done;
    /* constant after machine_build() */
    AccelState *accel;
    GPtrArray *cpus;   /* CPUState *, by index; hot plug appends */
    MemoryRegion *ram; /* the machine's RAM; NULL: none */
    /* machine lock */
    RunState state;
    bool built, exiting;
    int exit_code;
    GPtrArray *boot_devices;     /* BootDevice *, by bootindex: boot.c */
    GPtrArray *on_state;         /* Notifier *; data: RunState * new state */
    GPtrArray *on_reset;         /* Notifier *; data: ShutdownCause * */
    GPtrArray *on_powerdown;     /* Notifier *; data: NULL */
    GPtrArray *on_event;         /* Notifier *; data: MachineEvent * */
    GPtrArray *on_migration;     /* Notifier *; data: const RamHints * */
    struct FwCfg *fw_cfg;        /* the board's, or NULL */
    GPtrArray *jobs;             /* Job * (job.h); NULL: none yet */
    struct YankList *yank;       /* softmmu/backend/yank's */
    struct BlockSystem *block;   /* softmmu/backend/block's; NULL: none yet */
    struct FdSets *fdsets;       /* softmmu/backend/socket.h; NULL: none yet */
    struct MonitorHub *monitors; /* softmmu/qmp's; NULL: none yet */
    /* Takes a descriptor that a monitor's getfd named; -1 with *errp. */
    int (*named_fd)(Machine *m, const char *name, Error **errp);
    struct Migration *migration; /* softmmu/migration's; NULL: none yet */
    void *board;                 /* of the machine type */
    /* set by the board: where MSI writes go (DECISIONS 38) */
    void (*msi_send)(Machine *m, uint32_t requester, uint64_t addr,
                     uint32_t data);
    void *msi_opaque;
};

/*
 * While migration sends RAM for the first time: pages whose contents do not
 * matter since then need not be sent. skip() is called under the machine lock
 * until the phase is RAM_HINTS_ENOUGH or RAM_HINTS_OVER.
 */
typedef enum RamHintsPhase {
    RAM_HINTS_WANTED,
    RAM_HINTS_ENOUGH, /* no more; sending goes on */
    RAM_HINTS_OVER,   /* sending has ended, however it did */
} RamHintsPhase;
typedef struct RamHints {
    RamHintsPhase phase;
    void (*skip)(void *opaque, RamBlock *block, ram_addr_t offset,
                 uint64_t len);
    void *opaque;
} RamHints;

/* An event for monitors: a QMP event by name, with data (may be NULL). */
typedef struct MachineEvent {
    const char *name;
    json_object *data; /* borrowed */
} MachineEvent;
/* Tell the monitors; takes @data's reference. Machine lock held. */
void machine_event(Machine *m, const char *name, json_object *data);

/* --- life, main thread --- */

Machine *machine_new(const MachineType *type, TypeView view);
void machine_free(Machine *m);
/* RAM, CPUs, board (type->build). Accelerator and config are set. */
bool machine_build(Machine *m, Error **errp);
/* After -device: type->finish, first reset; state PRELAUNCH. */
bool machine_finish(Machine *m, Error **errp);
const CpuType *machine_cpu_type(Machine *m, Error **errp);
/* Make CPU @index as /machine/cpu[N] style child, properties from -cpu set,
 * realized by the board. */
CPUState *machine_new_cpu(Machine *m, int index, Error **errp);

void machine_lock(Machine *m);
void machine_unlock(Machine *m);
bool machine_locked(const Machine *m);

/* --- run state: machine lock, main thread unless said --- */

/* `stop` and `cont` in the order of DECISIONS 30. */
void machine_stop(Machine *m, RunState why);
void machine_cont(Machine *m);
bool machine_running(const Machine *m); /* any thread */
/* True when the state may go from the present one to @to. */
bool run_state_may_go(RunState from, RunState to);
/* Any thread: stop soon, from a vCPU or a device. */
void machine_request_stop(Machine *m, RunState why);
/* Any thread. The first cause wins until it is served. @code is the exit
 * status that main returns (DECISIONS 17). */
void machine_request_shutdown(Machine *m, ShutdownCause cause, int code);
void machine_request_reset(Machine *m, ShutdownCause cause);
void machine_request_powerdown(Machine *m);
/* The guest says it panicked: event GUEST_PANICKED and -action panic. */
void machine_guest_panicked(Machine *m);
/* Reset all: CPUs parked, devices, type->reset. Event RESET. */
void machine_reset(Machine *m, ShutdownCause cause);

/* "container": an object that only holds others. */
extern const ObjectType container_type;
extern const ObjectType *const machine_types[]; /* NULL-terminated */

/* Find @name (path, or a bare file name) on the firmware path; NULL: none. */
/* The built-in part of that path; NULL-terminated. */
const char *const *machine_firmware_dirs(void);
char *machine_find_firmware(Machine *m, const char *name);

void notifier_add(GPtrArray *list, Notifier *n);
void notifier_remove(GPtrArray *list, Notifier *n);
void notifier_call(GPtrArray *list, void *data);

#endif
