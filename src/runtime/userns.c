/* SPDX-License-Identifier: MIT */
#include "userns.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util.h"

/*
 * A namespace lives in a process first; this one sleeps until it is killed, or its parent is. No
 * handler of ours runs in it, since all signals are blocked.
 */
static pid_t start_holder(void)
{
    pid_t parent = getpid();
    sigset_t all, saved;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    pid_t pid = (pid_t) syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0UL);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return pid;
}

static int write_map(pid_t pid, const char *file, const char *map, struct sdme_error *error)
{
    char path[64];
    ssize_t length = (ssize_t) strlen(map);

    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return sdme_fail(error, errno, "open %s", path);
    if (write(fd, map, (size_t) length) != length)
        return sdme_fail(error, errno, "write \"%s\" to %s", map, path);
    return 0;
}

int sdme_userns_create(uint32_t outside, uint32_t count, uint32_t inside, int *ret_fd,
                       struct sdme_error *error)
{
    char path[64], map[64];
    int fd = -1;
    pid_t pid;
    int code;

    if (count == 0 || outside > UINT32_MAX - count || inside > UINT32_MAX - count)
        return sdme_fail(error, EINVAL, "user namespace of %u ids, %u from %u", count, inside,
                         outside);
    snprintf(map, sizeof map, "%u %u %u", inside, outside, count);
    pid = start_holder();
    if (pid < 0)
        return sdme_fail(error, errno, "make a user namespace");
    code = write_map(pid, "uid_map", map, error);
    if (code == 0)
        code = write_map(pid, "gid_map", map, error);
    if (code == 0) {
        snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            code = sdme_fail(error, errno, "open %s", path);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (code == 0)
        *ret_fd = fd;
    return code;
}
