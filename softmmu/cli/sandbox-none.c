/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For builds without libseccomp. */
#include "tandem/base.h"

#include "cli.h"

bool start_sandbox(StartPlan *p, Error **errp)
{
    if (p->sandbox && strcmp(p->sandbox, "off") != 0 &&
        strcmp(p->sandbox, "enable=off") != 0) {
        error_set(errp,
                  "-sandbox %s: this build has no system call filter: "
                  "configure --enable-seccomp",
                  p->sandbox);
        return false;
    }
    return true;
}
