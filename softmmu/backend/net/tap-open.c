/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Getting at tap devices. Spec: Linux tuntap.rst; the manual page of the
 * bridge helper (options --use-vnet, --fd, --br).
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tap-open.h"

int tap_open_device(char *name, bool *vnet_hdr, bool must, bool multi_queue,
                    Error **errp)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    unsigned features = 0;

    if (fd < 0) {
        error_set_errno(errp, errno, "could not open /dev/net/tun");
        return -1;
    }
    if (ioctl(fd, TUNGETFEATURES, &features) < 0) {
        features = 0;
    }
    if (must && !(features & IFF_VNET_HDR)) {
        error_set(errp, "vnet_hdr=1 requested, but no kernel support for "
                        "IFF_VNET_HDR available");
        close(fd);
        return -1;
    }
    if (multi_queue && !(features & IFF_MULTI_QUEUE)) {
        error_set(errp, "multiqueue required, but no kernel support for "
                        "IFF_MULTI_QUEUE available");
        close(fd);
        return -1;
    }
    *vnet_hdr = *vnet_hdr && features & IFF_VNET_HDR;
    ifr.ifr_flags |= (*vnet_hdr ? IFF_VNET_HDR : 0) |
                     (multi_queue ? IFF_MULTI_QUEUE : 0) |
                     (features & IFF_ONE_QUEUE ? IFF_ONE_QUEUE : 0);
    g_strlcpy(ifr.ifr_name, *name ? name : "tap%d", IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        error_set_errno(errp, errno, "could not configure /dev/net/tun (%s)",
                        ifr.ifr_name);
        close(fd);
        return -1;
    }
    g_strlcpy(name, ifr.ifr_name, IFNAMSIZ);
    return fd;
}

bool tap_run_script(const char *script, const char *name, Error **errp)
{
    char *argv[] = { (char *)script, (char *)name, NULL };
    g_autoptr(GError) err = NULL;
    int status = 0;

    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL,
                      NULL, NULL, NULL, &status, &err)) {
        error_set(errp, "could not launch network script %s: %s", script,
                  err->message);
        return false;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        error_set(errp, "network script %s failed with status %d", script,
                  WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        return false;
    }
    return true;
}

/* --- the helper --- */

static const char *default_helper(void)
{
    static const char *const paths[] = {
        "/usr/lib/qemu/qemu-bridge-helper",
        "/usr/libexec/qemu-bridge-helper",
        "/usr/local/libexec/qemu-bridge-helper",
    };

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        if (access(paths[i], X_OK) == 0) {
            return paths[i];
        }
    }
    return paths[0];
}

/* The one descriptor of a message; -1: none came. */
static int receive_fd(int sock)
{
    char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control) };
    struct cmsghdr *c;
    ssize_t n;
    int fd = -1;

    do {
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    }
    return fd;
}

/* The helper inherits its end of the socket as the number it is told. */
static void keep_open(gpointer data)
{
    fcntl(GPOINTER_TO_INT(data), F_SETFD, 0);
}

static char **helper_argv(const char *helper, const char *bridge, int fd)
{
    g_autofree char *fd_arg = g_strdup_printf("--fd=%d", fd);
    g_autofree char *br_arg = g_strdup_printf("--br=%s", bridge);
    g_autofree char *command = NULL;

    if (!strpbrk(helper, " \t")) {
        const char *plain[] = { helper, "--use-vnet", fd_arg, br_arg, NULL };

        return g_strdupv((char **)plain);
    } else {
        const char *shell[] = { "/bin/sh", "-c", NULL, NULL };

        command = g_strdup_printf("%s --use-vnet %s %s", helper, fd_arg,
                                  strstr(helper, "--br=") ? "" : br_arg);
        shell[2] = command;
        return g_strdupv((char **)shell);
    }
}

int tap_open_by_helper(const char *helper, const char *bridge, Error **errp)
{
    g_auto(GStrv) argv = NULL;
    g_autoptr(GError) err = NULL;
    int pair[2], fd = -1, status;
    GPid pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set_errno(errp, errno, "socketpair");
        return -1;
    }
    helper = helper ? helper : default_helper();
    argv = helper_argv(helper, bridge, pair[1]);
    if (!g_spawn_async(NULL, argv, NULL,
                       G_SPAWN_DO_NOT_REAP_CHILD |
                           G_SPAWN_LEAVE_DESCRIPTORS_OPEN |
                           G_SPAWN_CHILD_INHERITS_STDIN,
                       keep_open, GINT_TO_POINTER(pair[1]), &pid, &err)) {
        error_set(errp, "bridge helper failed: %s", err->message);
        close(pair[0]);
        close(pair[1]);
        return -1;
    }
    close(pair[1]); /* so that we see the end when it dies */
    fd = receive_fd(pair[0]);
    close(pair[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (fd < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        error_set(errp, "bridge helper failed");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}
