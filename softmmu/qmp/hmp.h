/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor: text over QMP functions, and no other access. */
#ifndef QMP_HMP_H
#define QMP_HMP_H

#include "internal.h"
#include "softmmu/machine/cpu.h"

typedef void HmpRun(Machine *m, int argc, char **argv, GString *out,
                    Error **errp);

/* One command. @args are the words after its name. */
typedef struct HmpCommand {
    const char *name; /* "system_reset", aliases after "|": "quit|q" */
    const char *args; /* as help shows them */
    const char *help;
    HmpRun *run;
    /* Words that may follow, for completion: a QMP-like list, or NULL. */
    void (*complete)(Machine *m, const char *start, GPtrArray *out);
    /* The rest of the line is one word, as it was typed: expressions. The
     * CPUs are parked meanwhile, and the chosen one's registers are pulled. */
    bool raw;
} HmpCommand;

extern const HmpCommand hmp_commands[]; /* ended by a NULL name */
/* Tables of what follows "info", ended by NULL. */
extern const HmpCommand *const hmp_info_tables[];
extern const HmpCommand hmp_info_more[]; /* hmp-info.c */

const HmpCommand *hmp_find(const HmpCommand *table, const char *name);
/* All that could stand at the end of @line; each replaces the last word. */
void hmp_complete(Machine *m, const char *line, GPtrArray *out);

/* The CPU that `cpu` chose, or that of human-monitor-command; NULL: there is
 * none. */
CPUState *hmp_cpu(Machine *m);

/* Lines that were typed at the monitor whose turn it is: hmp.c. */
HmpRun hmp_info_history;

/* --- words and QMP: hmp-args.c --- */

/* Run a QMP command without result; @args' reference is taken. */
void hmp_run_qmp(Machine *m, const char *name, json_object *args, Error **errp);
/* Run one that takes nothing; its result, or NULL with *errp. */
json_object *hmp_query(Machine *m, const char *name, Error **errp);
/* {"key": text} */
json_object *hmp_one_arg(const char *key, const char *text);
void hmp_add_text(json_object *args, const char *key, const char *text);
bool hmp_want_args(int argc, int n, const char *usage, Error **errp);
/* "on" or "off". */
bool hmp_on_off(const char *text, bool *on, Error **errp);
/* Members of a reply; 0 or false where there is none. */
int64_t hmp_int(json_object *o, const char *key);
bool hmp_bool(json_object *o, const char *key);

/*
 * The expression at *@text, which is behind it afterwards: numbers, 'c',
 * $register of @cpu (NULL: none), ( ), unary + - ~, then * / %, then & | ^,
 * then + and -; 64 bits, wrapping.
 */
bool hmp_expr(CPUState *cpu, const char **text, uint64_t *value, Error **errp);
/* The low 64 bits of a register as gdb names it; its CPU is parked and its
 * registers are pulled. False: it has no such register. */
bool hmp_register(CPUState *cpu, const char *name, uint64_t *value);
/* One word at *@text, perhaps in quotes; NULL with *errp: there is none. */
char *hmp_word(const char **text, const char *what, Error **errp);
/* Nothing but white space is left at @text. */
bool hmp_end(const char *text, Error **errp);

/* --- memory and registers: hmp-memory.c --- */

HmpRun hmp_x;
HmpRun hmp_xp;
HmpRun hmp_print;
HmpRun hmp_port_in;
HmpRun hmp_port_out;
HmpRun hmp_sum;
HmpRun hmp_memsave;
HmpRun hmp_pmemsave;
HmpRun hmp_gpa2hva;
HmpRun hmp_gpa2hpa;
HmpRun hmp_gva2gpa;

/* --- logs, character devices, migration: hmp-control.c --- */

HmpRun hmp_cpu_select;
HmpRun hmp_log;
HmpRun hmp_logfile;
HmpRun hmp_trace_event;
HmpRun hmp_ringbuf_read;
HmpRun hmp_ringbuf_write;
HmpRun hmp_chardev_add;
HmpRun hmp_chardev_change;
HmpRun hmp_chardev_remove;
HmpRun hmp_chardev_send_break;
HmpRun hmp_watchdog_action;
HmpRun hmp_dump_guest_memory;
HmpRun hmp_block_set_io_throttle;
HmpRun hmp_migrate;
HmpRun hmp_migrate_continue;
HmpRun hmp_migrate_incoming;
HmpRun hmp_migrate_recover;
HmpRun hmp_migrate_set_capability;
HmpRun hmp_migrate_set_parameter;

/* --- what the engine counts: hmp-stats.c --- */

HmpRun hmp_info_stats;

/* --- disks: hmp-block.c --- */

HmpRun hmp_info_block;
HmpRun hmp_info_blockstats;
HmpRun hmp_info_block_jobs;
HmpRun hmp_commit;
HmpRun hmp_drive_add;
HmpRun hmp_drive_del;
HmpRun hmp_block_resize;
HmpRun hmp_drive_mirror;
HmpRun hmp_drive_backup;
HmpRun hmp_block_stream;
HmpRun hmp_block_job_cancel;
HmpRun hmp_block_job_complete;
HmpRun hmp_block_job_pause;
HmpRun hmp_block_job_resume;
HmpRun hmp_block_job_set_speed;

#endif
