/* SPDX-License-Identifier: MIT */
#include "write_out.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

struct task {
    int directory;
    const char *const *names;
    const char *mark;
};

/* All that follows is safe after fork() in a program with threads. */

/* Has the directory as descriptor 0, and those in it as the next. Returns the last or -errno. */
static int open_all(const struct task *task)
{
    int last = 0;

    if (chdir("/") < 0 || dup2(task->directory, 0) < 0 || close_range(1, UINT_MAX, 0) < 0)
        return -errno;
    for (const char *const *name = task->names; *name; name++) {
        int fd = openat(0, *name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        last = fd < 0 ? last : fd; /* of one that can't be opened the mark stays */
    }
    return last;
}

static void write_out(const char *mark, int last)
{
    prctl(PR_SET_NAME, "sdme-write-out");
    if (syncfs(0) < 0)
        return; /* what is marked isn't on the disk */
    for (int fd = 1; fd <= last; fd++)
        unlinkat(fd, mark, 0); /* or somebody else has done so */
    syncfs(0);
}

/* The child of our child: the one is nobody's to wait for, and the other is gone at once. */
static void start_writer(const struct task *task)
{
    int last = open_all(task);

    if (last < 0)
        _exit(-last);
    if (setsid() < 0)
        _exit(errno);
    pid_t pid = fork();
    if (pid != 0)
        _exit(pid < 0 ? errno : 0);
    write_out(task->mark, last);
    _exit(0);
}

/* Signals stay blocked in the child and in its own: no handler of ours may run there. */
int sdme_write_out(int directory, const char *const *names, const char *mark,
                   struct sdme_error *error)
{
    struct task task = {directory, names, mark};
    sigset_t all, saved;
    int status = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    pid_t pid = fork();
    if (pid == 0)
        start_writer(&task);
    int code = pid < 0 ? errno : 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (code == 0 && WIFEXITED(status))
        code = WEXITSTATUS(status);
    return code == 0 ? 0 : sdme_fail(error, code, "start a process that writes out");
}
