/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -sandbox: a filter of system calls for all threads, made with libseccomp,
 * which is opened on first use. A refused call fails with EPERM.
 *
 * Spec: seccomp_rule_add(3), clone(2); QEMU documentation, "-sandbox".
 */
#include "tandem/base.h"

#include <dlfcn.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include "cli.h"
#include "softmmu/base/keyval.h"

/* What no emulator needs: administration of the host. */
static const char *const always[] = {
    "reboot",
    "swapon",
    "swapoff",
    "syslog",
    "mount",
    "umount2",
    "pivot_root",
    "kexec_load",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_file_load",
    "acct",
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "clock_adjtime",
    "sethostname",
    "setdomainname",
    "quotactl",
    "iopl",
    "ioperm",
    "vhangup",
    "nfsservctl",
    "add_key",
    "request_key",
    "keyctl",
    "ptrace",
    NULL,
};
static const char *const obsolete[] = {
    "readdir",         "_sysctl",      "bdflush",  "create_module", "uselib",
    "get_kernel_syms", "query_module", "sgetmask", "ssetmask",      "sysfs",
    "ustat",           "oldfstat",     "oldlstat", "oldolduname",   "oldstat",
    "olduname",        NULL,
};
static const char *const privileges[] = {
    "setuid",   "setgid",   "setreuid",  "setregid", "setresuid", "setresgid",
    "setfsuid", "setfsgid", "setgroups", "capset",   NULL,
};
static const char *const programs[] = { "fork", "vfork", "execve", "execveat",
                                        NULL };
static const char *const resources[] = {
    "setpriority",
    "sched_setparam",
    "sched_setscheduler",
    "sched_setaffinity",
    "sched_setattr",
    "setrlimit",
    "prlimit64",
    "ioprio_set",
    "set_mempolicy",
    "migrate_pages",
    "move_pages",
    "mbind",
    NULL,
};

typedef struct Sandbox {
    bool on, obsolete, privileges, children, spawn, resources; /* denied */
} Sandbox;

/* What we call, by libseccomp's own prototypes. */
typedef struct Seccomp {
    __typeof__(seccomp_init) *init;
    __typeof__(seccomp_attr_set) *attr_set;
    __typeof__(seccomp_syscall_resolve_name) *resolve;
    __typeof__(seccomp_rule_add_array) *rule_add;
    __typeof__(seccomp_load) *load;
    __typeof__(seccomp_release) *release;
} Seccomp;

static bool seccomp_open(Seccomp *s, Error **errp)
{
    void *lib = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);
    const struct {
        void **to;
        const char *name;
    } names[] = {
        { (void **)&s->init, "seccomp_init" },
        { (void **)&s->attr_set, "seccomp_attr_set" },
        { (void **)&s->resolve, "seccomp_syscall_resolve_name" },
        { (void **)&s->rule_add, "seccomp_rule_add_array" },
        { (void **)&s->load, "seccomp_load" },
        { (void **)&s->release, "seccomp_release" },
    };

    if (!lib) {
        error_set(errp, "a sandbox needs libseccomp: %s", dlerror());
        error_hint(errp, "install the package libseccomp2");
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        *names[i].to = dlsym(lib, names[i].name);
        if (!*names[i].to) {
            error_set(errp, "a sandbox needs a newer libseccomp");
            return false;
        }
    }
    return true;
}

/* 0, or -errno. A call that this host does not have needs no rule. */
static int deny(const Seccomp *s, scmp_filter_ctx ctx, const char *const *calls)
{
    int err = 0;

    for (; *calls && err == 0; calls++) {
        int nr = s->resolve(*calls);

        if (nr >= 0) {
            err = s->rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0, NULL);
        }
    }
    return err;
}

/* Threads are made, processes are not. The flags of clone3 are in memory,
 * where no filter sees them: without it the C library uses clone. */
static int deny_processes(const Seccomp *s, scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp no_thread =
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
    int err = s->rule_add(ctx, SCMP_ACT_ERRNO(EPERM), s->resolve("clone"), 1,
                          &no_thread);

    if (err == 0) {
        err = s->rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), s->resolve("clone3"), 0,
                          NULL);
    }
    return err ? err : deny(s, ctx, programs);
}

static int add_rules(const Seccomp *s, scmp_filter_ctx ctx, const Sandbox *b)
{
    int err = s->attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);

    err = err ? err : deny(s, ctx, always);
    err = err || !b->obsolete ? err : deny(s, ctx, obsolete);
    err = err || !b->privileges ? err : deny(s, ctx, privileges);
    err = err || !b->resources ? err : deny(s, ctx, resources);
    return err || !b->spawn ? err : deny_processes(s, ctx);
}

static bool install(const Sandbox *b, Error **errp)
{
    scmp_filter_ctx ctx;
    Seccomp s;
    int err;

    if (!seccomp_open(&s, errp)) {
        return false;
    }
    if (b->children && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        error_set_errno(errp, errno, "children would gain privileges");
        return false;
    }
    ctx = s.init(SCMP_ACT_ALLOW);
    err = ctx ? add_rules(&s, ctx, b) : -ENOMEM;
    err = err ? err : s.load(ctx);
    if (ctx) {
        s.release(ctx);
    }
    if (err) {
        error_set_errno(errp, -err, "the system call filter was refused");
    }
    return err == 0;
}

/* allow or deny (or children) of @key. */
static bool take_rule(json_object *options, const char *key, bool *denied,
                      bool *children, Error **errp)
{
    g_autofree char *text = json_take_text(options, key);

    if (!text || strcmp(text, "allow") == 0) {
        *denied = text ? false : *denied;
    } else if (strcmp(text, "deny") == 0) {
        *denied = true;
    } else if (children && strcmp(text, "children") == 0) {
        *children = true;
    } else {
        error_set(errp, "invalid argument '%s' for %s: expected allow%s deny",
                  text, key, children ? ", children or" : " or");
        return false;
    }
    return true;
}

static bool parse(Sandbox *b, const char *text, Error **errp)
{
    json_object *o = keyval_parse(text, "enable", errp);
    bool ok =
        o && json_take_bool(o, "enable", &b->on, errp) &&
        take_rule(o, "obsolete", &b->obsolete, NULL, errp) &&
        take_rule(o, "elevateprivileges", &b->privileges, &b->children, errp) &&
        take_rule(o, "spawn", &b->spawn, NULL, errp) &&
        take_rule(o, "resourcecontrol", &b->resources, NULL, errp) &&
        cli_nothing_left(o, errp);

    json_object_put(o);
    return ok;
}

bool start_sandbox(StartPlan *p, Error **errp)
{
    Sandbox b = { .obsolete = true };

    if (!p->sandbox) {
        return true;
    }
    if (!parse(&b, p->sandbox, errp) || (b.on && !install(&b, errp))) {
        error_prefix(errp, "-sandbox %s: ", p->sandbox);
        return false;
    }
    p->m->config.deny_spawn = b.on && b.spawn;
    return true;
}
