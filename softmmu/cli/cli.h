/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: personalities, the option table, and the plan that the
 * options make (DECISIONS 12-15). Main thread, before the machine runs.
 */
#ifndef CLI_H
#define CLI_H

#include "accel/accel.h"
#include "softmmu/machine/machine.h"

/* Who we are, by argv[0]. */
typedef struct Personality {
    const char *program; /* "qemu-system-riscv64" */
    const char *arch;    /* NULL: `tandem`, which asks for a verb */
    bool qemu;           /* behaves and speaks as qemu-system-* */
} Personality;

/* Everything the command line said, in order within each list. */
typedef struct StartPlan {
    Personality who;
    TypeRegistry *reg;
    TypeView view;
    /* texts as given; NULL: not given */
    char *irqchip;      /* -machine kernel-irqchip=, an option of kvm */
    GPtrArray *machine; /* char *, merged in order */
    GPtrArray *accel, *object, *chardev, *device, *serial, *monitor, *mon, *qmp,
        *qmp_pretty, *global, *drive, *blockdev, *netdev, *nic, *net, *fw_cfg,
        *paths, *trace, *smp, *memory, *add_fd, *gdb, *incoming, *action, *name,
        *parallel, *smbios, *boot, *semihosting, *audiodev, *cdrom, *pflash,
        *compat, *watchdog_action;
    char *cpu, *kernel, *initrd, *append, *dtb, *bios, *log_classes, *log_file,
        *keyboard, *run_with, *mem_path, *uuid, *pidfile, *rtc, *icount, *seed,
        *display, *qtest, *qtest_log, *sandbox, *runas, *chroot, *msg,
        *overcommit, *hda, *hdb, *hdc, *hdd, *vga, *loadvm, *dfilter;
    bool nographic, nodefaults, no_user_config, stopped, no_reboot, no_shutdown,
        daemonize, snapshot, gdb_default, semihosting_on, preconfig, perfmap,
        jitdump, one_insn_per_tb, mem_prealloc;
    struct Semihost *semihost;
    struct GdbServer *gdb_server;
    unsigned monitor_count;
    char *pidfile_path; /* to remove at the end; malloc'ed */
    bool done;          /* help or version was printed: exit 0 */
    Machine *m;
    struct MonitorHub *hub; /* of softmmu/qmp */
    struct QtestServer *qtest_server;
    int signal_fd;
    int ready_fd; /* -daemonize: tell the waiting parent; else -1 */
} StartPlan;

typedef struct CliOption {
    const char *name; /* without "-" */
    enum { CLI_FLAG, CLI_TEXT, CLI_LIST, CLI_CALL } kind;
    size_t offset; /* of the field in StartPlan */
    bool (*call)(StartPlan *p, const char *arg, Error **errp);
    const char *arg;  /* as help shows it; NULL: takes none */
    const char *help; /* one sentence */
} CliOption;
extern const CliOption cli_options[]; /* ended by a NULL name */

/* What key=value,... of an option may hold: groups.c. */
typedef struct CliParam {
    const char *name;
    const char *type; /* CommandLineParameterType of the QMP reference */
    const char *help;
} CliParam;

typedef struct CliGroup {
    const char *option;     /* of cli_options */
    const char *group;      /* its name in query-command-line-options */
    const char *implied;    /* key of a first word without "="; NULL: none */
    const CliParam *params; /* ended by a NULL name; NULL: none of its own */
    /* Types whose properties it takes too; NULL: none. */
    const char *types;
    bool open; /* its phase checks the keys, not the table */
} CliGroup;
extern const CliGroup cli_groups[]; /* ended by a NULL option */
/* Are the keys of @arg known to @option? "help" prints them: *done. */
bool cli_check_params(const char *option, const char *arg, bool *done,
                      Error **errp);

/* Split argv[0] into a personality; @verb_args counts the words used up
 * ("tandem system riscv64" uses two). */
Personality personality_from_argv(int argc, char **argv, int *used);

bool cli_parse(StartPlan *p, int argc, char **argv, Error **errp);
/* Without an architecture in argv[0]: `tandem run FILE` and the like. */
bool cli_verb(StartPlan *p, int argc, char **argv, Error **errp);
void cli_print_help(const StartPlan *p);
void cli_print_version(const StartPlan *p);
/* Lists for "-machine help" and the like, on stdout. */
void help_machines(TypeView view);
void help_cpus(TypeView view);
void help_accels(TypeView view);
void help_devices(TypeView view);
void help_objects(TypeView view);
void help_chardevs(TypeView view);
void help_netdevs(TypeView view);
void help_log(void);
void help_trace(void);
void help_firmware_paths(void);
/* Properties of one type; false: no such type. */
bool help_properties(TypeView view, const char *type, const char *suffix,
                     Error **errp);

/* process.c. Signals become a clean shutdown (DECISIONS 17); @daemonize forks:
 * the parent waits for process_ready() and does not return. */
bool process_daemonize(StartPlan *p, Error **errp);
void process_ready(StartPlan *p);
bool process_write_pidfile(StartPlan *p, Error **errp);
void process_remove_pidfile(StartPlan *p);
/* Before there are threads: the host may not gather the ends of their waits. */
void process_prompt_timers(void);
void process_watch_signals(StartPlan *p);
void process_unwatch_signals(StartPlan *p);

/* Call @fn for each text of @list (may be NULL), with "-option text: " in
 * front of any error; stops when the plan is done. */
bool cli_each(StartPlan *p, GPtrArray *list, const char *option,
              bool (*fn)(StartPlan *p, const char *text, Error **errp),
              Error **errp);
/* Does @text ask for a list: "help" or "?"? */
bool cli_is_help(const char *text);
/* Print @list for "help", the properties of type @prefix + TYPE for
 * "TYPE,help"; true when it was one (the plan is done) or failed. */
bool cli_wants_list(StartPlan *p, const char *text, const char *prefix,
                    void (*list)(TypeView), Error **errp);
/* An option nobody took is an error, never ignored. */
bool cli_nothing_left(json_object *options, Error **errp);

/* config.c, backends.c, engine.c: phases. */
bool start_machine(StartPlan *p, Error **errp);
bool start_config(StartPlan *p, Error **errp);
bool start_objects(StartPlan *p, Error **errp);
bool start_chardevs(StartPlan *p, Error **errp);
bool start_block(StartPlan *p, Error **errp);
bool start_filters(StartPlan *p, Error **errp);
bool start_defaults(StartPlan *p, Error **errp);
bool start_accel(StartPlan *p, Error **errp);

/* settings.c: phases. */
bool start_settings(StartPlan *p, Error **errp);
bool start_fds(StartPlan *p, Error **errp);

/* Give option @name the argument @arg (NULL: none), as parsed from argv. */
bool cli_give(StartPlan *p, const char *name, const char *arg, Error **errp);
/* What a CLI_LIST option was given; NULL: nothing, or another kind. */
GPtrArray *cli_list(StartPlan *p, const char *name);
/* config_file.c: -readconfig, -set. */
bool cli_read_config(StartPlan *p, const char *path, Error **errp);
bool cli_set(StartPlan *p, const char *arg, Error **errp);
/* absent.c: why there is no such option here, though the reference has it;
 * NULL: it has not. */
const char *cli_absent(const char *name);

/* sandbox.c, privileges.c: phases. */
bool start_sandbox(StartPlan *p, Error **errp);
bool start_privileges(StartPlan *p, Error **errp);

/* semihosting.c: a phase. */
bool start_semihosting(StartPlan *p, Error **errp);

/* net.c: phases. */
bool start_netdevs(StartPlan *p, Error **errp);
bool start_nics(StartPlan *p, Error **errp);
bool start_check_network(StartPlan *p, Error **errp);

/* Phases of the start, in their order; each does its part of the plan. */
typedef struct StartPhase {
    const char *name;
    bool (*run)(StartPlan *p, Error **errp);
} StartPhase;
extern const StartPhase start_phases[]; /* ended by a NULL name */

#endif
