/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor: text over QMP functions, and no other access. */
#ifndef QMP_HMP_H
#define QMP_HMP_H

#include "internal.h"

/* One command. @args are the words after its name. */
typedef struct HmpCommand {
    const char *name; /* "system_reset", aliases after "|": "quit|q" */
    const char *args; /* as help shows them */
    const char *help;
    void (*run)(Machine *m, int argc, char **argv, GString *out, Error **errp);
    /* Words that may follow, for completion: a QMP-like list, or NULL. */
    void (*complete)(Machine *m, const char *start, GPtrArray *out);
} HmpCommand;

extern const HmpCommand hmp_commands[]; /* ended by a NULL name */
extern const HmpCommand hmp_info[];     /* what follows "info" */

const HmpCommand *hmp_find(const HmpCommand *table, const char *name);
/* All that could stand at the end of @line; each replaces the last word. */
void hmp_complete(Machine *m, const char *line, GPtrArray *out);

/* --- disks: hmp-block.c --- */

typedef void HmpRun(Machine *m, int argc, char **argv, GString *out,
                    Error **errp);
HmpRun hmp_info_block;
HmpRun hmp_info_blockstats;
HmpRun hmp_info_block_jobs;
HmpRun hmp_commit;
HmpRun hmp_drive_add;
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
