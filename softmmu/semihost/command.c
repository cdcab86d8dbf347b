/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYS_SYSTEM: a command of the host, while the vCPU asks again and again
 * whether it is over, so that the machine can be stopped meanwhile. */
#include "tandem/base.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "internal.h"

extern char **environ;

static int start_command(const char *text, pid_t *pid)
{
    char *const argv[] = { "sh", "-c", (char *)text, NULL };
    posix_spawnattr_t attr;
    sigset_t none;
    int error;

    sigemptyset(&none); /* vCPU threads block all */
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    error = posix_spawn(pid, "/bin/sh", NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return error;
}

/* {command, length} */
static SemiEnd begin(SemiCall *c)
{
    Semihost *s = c->s;
    g_autofree char *text = semi_text(c, c->word[0], c->word[1]);
    pid_t pid = 0;
    int error;

    if (!text) {
        return SEMI_DONE;
    }
    if (s->deny_spawn) {
        return semi_fail(c, EPERM);
    }
    error = start_command(text, &pid);
    if (error) {
        return semi_fail(c, error);
    }
    LOCK_GUARD(&s->lock);
    s->child_of = c->cpu;
    atomic_store(&s->child, pid);
    return SEMI_AGAIN;
}

SemiEnd semi_system(SemiCall *c)
{
    Semihost *s = c->s;
    pid_t pid = atomic_load(&s->child), done;
    int status = 0;
    bool mine;

    if (pid == 0) {
        return begin(c);
    }
    {
        LOCK_GUARD(&s->lock);
        mine = s->child_of == c->cpu;
    }
    done = mine ? waitpid(pid, &status, WNOHANG) : 0;
    if (done == 0) { /* one command at a time */
        g_usleep(SEMI_WAIT_MS * 1000 / 4);
        return SEMI_AGAIN;
    }
    atomic_store(&s->child, 0);
    if (done < 0) {
        return semi_fail(c, errno);
    }
    return semi_return(c, WIFEXITED(status) ? WEXITSTATUS(status)
                                            : 128 + WTERMSIG(status));
}
