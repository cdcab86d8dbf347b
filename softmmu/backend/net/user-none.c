/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without libslirp has no user-mode network; it says so. */
#include "tandem/base.h"

#include "internal.h"

static bool refuse(Error **errp)
{
    error_set(errp, "this build has no user-mode network (libslirp)");
    return false;
}

bool net_hostfwd_add(Machine *m, const char *id, const char *rule, Error **errp)
{
    return refuse(errp);
}

bool net_hostfwd_remove(Machine *m, const char *id, const char *rule,
                        Error **errp)
{
    return refuse(errp);
}

char *net_user_info(Machine *m)
{
    return g_strdup("");
}
