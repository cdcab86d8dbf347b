/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process around the machine: -daemonize, -pidfile, signals. Daemonizing
 * forks before any thread or library context exists (DECISIONS 14).
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli.h"

void process_prompt_timers(void)
{
    /* else a wait with a time limit may take 50 us more (prctl(2)) */
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

/* --- -daemonize --- */

/* In the parent: its status is the child's first word, or the child's own. */
static void wait_until_ready(pid_t child, int fd) G_GNUC_NORETURN;
static void wait_until_ready(pid_t child, int fd)
{
    uint8_t status = 1;
    ssize_t n;

    do {
        n = read(fd, &status, 1);
    } while (n < 0 && errno == EINTR);
    if (n != 1) {
        int wait_status = 0;

        waitpid(child, &wait_status, 0);
        status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1;
    }
    _exit(status);
}

bool process_daemonize(StartPlan *p, Error **errp)
{
    int fds[2];
    pid_t pid;

    if (p->nographic && !p->nodefaults) { /* it wants stdio */
        error_set(errp, "-nographic cannot be used with -daemonize");
        return false;
    }
    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        error_set_errno(errp, errno, "cannot daemonize");
        return false;
    }
    if (pid > 0) {
        close(fds[1]);
        wait_until_ready(pid, fds[0]);
    }
    close(fds[0]);
    p->ready_fd = fds[1];
    setsid();
    umask(0077);
    return true;
}

/* Everything listens, the pidfile is there: let the parent go. */
void process_ready(StartPlan *p)
{
    uint8_t status = 0;
    int null;

    if (p->ready_fd < 0) {
        return;
    }
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (chdir("/") < 0 || null < 0) {
        status = 1;
    }
    for (int fd = 0; fd <= 2; fd++) {
        dup2(null, fd);
    }
    close(null);
    while (write(p->ready_fd, &status, 1) < 0 && errno == EINTR) {
    }
    close(p->ready_fd);
    p->ready_fd = -1;
}

/* --- -pidfile --- */

bool process_write_pidfile(StartPlan *p, Error **errp)
{
    g_autofree char *text = g_strdup_printf("%ld\n", (long)getpid());
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd;

    if (!p->pidfile) {
        return true;
    }
    fd = open(p->pidfile, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || ftruncate(fd, 0) < 0 ||
        write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        error_set_errno(errp, errno,
                        "cannot create PID file: Cannot open "
                        "pid file");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    /* Stays open: the lock says that we live. */
    p->pidfile_path = realpath(p->pidfile, NULL);
    return true;
}

void process_remove_pidfile(StartPlan *p)
{
    if (p->pidfile_path) {
        unlink(p->pidfile_path);
        free(p->pidfile_path);
    }
}

/* --- signals --- */

static void signal_arrived(void *opaque)
{
    StartPlan *p = opaque;
    struct signalfd_siginfo info;

    if (read(p->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        machine_request_shutdown(p->m, CAUSE_HOST_SIGNAL, 0);
    }
}

void process_watch_signals(StartPlan *p)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    loop_set_fd(p->m->loop, p->signal_fd, signal_arrived, NULL, p);
}

void process_unwatch_signals(StartPlan *p)
{
    loop_set_fd(p->m->loop, p->signal_fd, NULL, NULL, NULL);
    close(p->signal_fd);
}
