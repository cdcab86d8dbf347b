/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -runas, -chroot, -run-with: what is given up once all is open. */
#include "tandem/base.h"

#include <grp.h>
#include <pwd.h>

#include "cli.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"

typedef struct RunAs {
    uid_t uid;
    gid_t gid;
    char *name; /* for its other groups; NULL: none */
} RunAs;

/* "user", or "uid:gid" in numbers. */
static bool find_user(const char *text, RunAs *to, Error **errp)
{
    g_auto(GStrv) ids = g_strsplit(text, ":", 3);
    struct passwd *entry = getpwnam(text);
    uint64_t uid, gid;

    if (entry) {
        *to = (RunAs){ entry->pw_uid, entry->pw_gid, g_strdup(text) };
        return true;
    }
    if (g_strv_length(ids) == 2 && parse_u64(ids[0], &uid) &&
        parse_u64(ids[1], &gid) && uid < UINT32_MAX && gid < UINT32_MAX) {
        *to = (RunAs){ (uid_t)uid, (gid_t)gid, NULL };
        return true;
    }
    error_set(errp, "user '%s' does not exist, and it is no uid:gid", text);
    return false;
}

static bool change_root(const char *dir, Error **errp)
{
    if (dir && (chroot(dir) < 0 || chdir("/") < 0)) {
        error_set_errno(errp, errno, "chroot to '%s' failed", dir);
        return false;
    }
    return true;
}

static bool change_user(const RunAs *to, Error **errp)
{
    int err = to->name ? initgroups(to->name, to->gid) : setgroups(1, &to->gid);

    if (err < 0 || setgid(to->gid) < 0 || setuid(to->uid) < 0) {
        error_set_errno(errp, errno, "becoming user %ld failed", (long)to->uid);
        return false;
    }
    if (to->uid != 0 && setuid(0) != -1) {
        error_set(errp, "privileges were not dropped");
        return false;
    }
    return true;
}

/* -run-with user=,chroot=,async-teardown= over -runas and -chroot. */
static bool take_run_with(StartPlan *p, Error **errp)
{
    json_object *o;
    bool teardown = false, ok;
    g_autofree char *user = NULL, *root = NULL;

    if (!p->run_with) {
        return true;
    }
    o = keyval_parse(p->run_with, NULL, errp);
    ok = o && json_take_bool(o, "async-teardown", &teardown, errp);
    if (ok) {
        user = json_take_text(o, "user");
        root = json_take_text(o, "chroot");
        ok = cli_nothing_left(o, errp);
    }
    if (ok && teardown) {
        error_set(errp, "async-teardown=on is not available");
        ok = false;
    }
    if (ok && user) {
        g_free(p->runas);
        p->runas = g_steal_pointer(&user);
    }
    if (ok && root) {
        g_free(p->chroot);
        p->chroot = g_steal_pointer(&root);
    }
    if (!ok) {
        error_prefix(errp, "-run-with %s: ", p->run_with);
    }
    json_object_put(o);
    return ok;
}

bool start_privileges(StartPlan *p, Error **errp)
{
    RunAs to = { 0 };
    bool ok;

    if (!take_run_with(p, errp) ||
        (p->runas && !find_user(p->runas, &to, errp))) {
        return false;
    }
    ok = change_root(p->chroot, errp) && (!p->runas || change_user(&to, errp));
    g_free(to.name);
    return ok;
}
