/* SPDX-License-Identifier: MIT */
#include "overlay_names.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "mount.h"
#include "util.h"

#define OPTIONS_SIZE 4096 /* mount(2) takes a page */

struct options {
    char text[OPTIONS_SIZE];
    size_t used;
    bool overflow;
};

static void append(struct options *options, const char *text)
{
    size_t length = strlen(text);

    if (length >= sizeof options->text - options->used) {
        options->overflow = true;
        return;
    }
    memcpy(options->text + options->used, text, length + 1);
    options->used += length;
}

/* A comma ends an option, and a backslash says that it doesn't. */
static void append_path(struct options *options, const char *key, const char *path)
{
    append(options, key);
    for (; *path; path++) {
        const char character[] = {*path, '\0'};

        if (strchr(",:\\", *path))
            append(options, "\\");
        append(options, character);
    }
}

static int build_options(const struct sdme_overlay *overlay, struct options *options,
                         struct sdme_error *error)
{
    append(options, "lowerdir=");
    for (size_t i = 0; i < overlay->lower_count; i++) {
        char name[24];

        snprintf(name, sizeof name, "%s%zu", i > 0 ? ":" : "", i);
        append(options, name);
    }
    if (overlay->upper) {
        append_path(options, ",upperdir=", overlay->upper);
        append_path(options, ",workdir=", overlay->work);
    }
    if (overlay->metacopy)
        append(options, ",metacopy=on");
    if (overlay->no_sync)
        append(options, ",volatile");
    if (options->overflow)
        return sdme_fail(error, ENAMETOOLONG, "mount overlay: options of more than a page");
    return 0;
}

/* A tmpfs over "/" of the helper's namespace, and the working directory in it. */
static int enter_stage(void)
{
    _cleanup_close_ int context = fsopen("tmpfs", FSOPEN_CLOEXEC);

    if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    _cleanup_close_ int stage = fsmount(context, FSMOUNT_CLOEXEC, 0);
    if (stage < 0 || move_mount(stage, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
        fchdir(stage) < 0)
        return -errno;
    return 0;
}

static int place_lowers(const int *lowers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[24];

        snprintf(name, sizeof name, "%zu", i);
        if (mkdir(name, 0700) < 0 ||
            move_mount(lowers[i], "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
            return -errno;
    }
    return 0;
}

/* Only what is safe after fork() in a program with threads. Returns the mount or -errno. */
static int mount_in_helper(const struct sdme_overlay *overlay, const int *lowers,
                           const char *options)
{
    unsigned long flags = overlay->upper ? 0 : MS_RDONLY;
    int code;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return -errno;
    code = enter_stage();
    if (code == 0)
        code = place_lowers(lowers, overlay->lower_count);
    if (code < 0)
        return code;
    if (mkdir("merged", 0700) < 0 || mount("overlay", "merged", "overlay", flags, options) < 0)
        return -errno;
    int fd = open_tree(AT_FDCWD, "merged", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

/* Sends a descriptor (unix(7), SCM_RIGHTS), or a negative errno. */
static void send_result(int socket_fd, int result)
{
    union control control = {0};
    struct iovec body = {.iov_base = &result, .iov_len = sizeof result};
    struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1};

    if (result >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof result),
            .cmsg_level = SOL_SOCKET,
            .cmsg_type = SCM_RIGHTS,
        };
        memcpy(CMSG_DATA(&control.header), &result, sizeof result);
    }
    while (sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

static int receive_result(int socket_fd)
{
    union control control = {0};
    int result = -EPIPE;
    struct iovec body = {.iov_base = &result, .iov_len = sizeof result};
    struct msghdr message = {
        .msg_iov = &body,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t length;

    do
        length = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length != sizeof result)
        return -EPIPE;
    if (result < 0)
        return result;
    if (message.msg_controllen < sizeof control.header ||
        control.header.cmsg_type != SCM_RIGHTS)
        return -EPROTO;
    memcpy(&result, CMSG_DATA(&control.header), sizeof result);
    return result;
}

int sdme_overlay_mount_by_names(const struct sdme_overlay *overlay, const int *lowers, int *ret_fd,
                                struct sdme_error *error)
{
    struct options options = {0};
    int sockets[2], result, code;
    pid_t pid;

    code = build_options(overlay, &options, error);
    if (code < 0)
        return code;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return sdme_fail(error, errno, "mount overlay: socketpair");
    pid = fork();
    if (pid == 0) {
        send_result(sockets[1], mount_in_helper(overlay, lowers, options.text));
        _exit(0);
    }
    code = pid < 0 ? -errno : 0;
    sdme_close(sockets[1]);
    result = pid < 0 ? code : receive_result(sockets[0]);
    sdme_close(sockets[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (result < 0)
        return sdme_fail(error, result, "mount overlay: %s",
                         overlay->upper ? overlay->upper : overlay->lowers[0].path);
    *ret_fd = result;
    return 0;
}
