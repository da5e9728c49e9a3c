/* SPDX-License-Identifier: MIT */
#include "broker_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "broker_filter.h"
#include "util.h"

enum { IOPRIO_WHO_PROCESS = 1, OWN_FIRST = 16, CONNECTION = 3 };

/* The network is the one that is asked for, and the time that of the host, as it is theirs. */
static const int NAMESPACES =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

/* What the child holds: copies above all numbers that the program is to find. */
struct child {
    const struct sdme_broker_process *process;
    int streams[3];
    int connection, netns, pidfd, root, proc;
    int report; /* a pipe, at whose end it has executed its program, or told why it hasn't */
};

_Noreturn static void fail(const struct child *child, int code, const char *what)
{
    struct sdme_error error = {0};

    sdme_fail(&error, code, "%s", what);
    ssize_t ignored = write(child->report, error.message, strlen(error.message));
    (void) ignored;
    _exit(1);
}

/* What fails with -1 and errno ends it. */
static void must(const struct child *child, long result, const char *what)
{
    if (result < 0)
        fail(child, errno, what);
}

static void keep(const struct child *child, int *fd, int next)
{
    *fd = fcntl(*fd, F_DUPFD_CLOEXEC, next);
    must(child, *fd, "keep a descriptor");
}

static void keep_descriptors(struct child *child)
{
    int *all[] = {&child->streams[0], &child->streams[1], &child->streams[2],
                  &child->connection, &child->netns,      &child->pidfd,
                  &child->root,       &child->proc,       &child->report};
    int next = OWN_FIRST;

    /* First above whatever is open, then to where the others were, which are closed meanwhile. */
    for (size_t i = 0; i < ELEMENTS(all); i++)
        keep(child, all[i], 512);
    must(child, close_range(3, 511, 0), "close_range");
    for (size_t i = 0; i < ELEMENTS(all); i++, next++)
        keep(child, all[i], next);
    must(child, close_range((unsigned int) next, ~0U, 0), "close_range");
}

/* SIGKILL and SIGSTOP, and those that libc keeps for itself, stay as they are. */
static void take_signals(const struct child *child)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, child->process->peer->ignored >> (number - 1) & 1 ? SIG_IGN : SIG_DFL);
    sigemptyset(&none);
    must(child, sigprocmask(SIG_SETMASK, &none, NULL), "sigprocmask");
}

/* What only the host may set as it likes. */
static void take_limits(const struct child *child)
{
    const struct sdme_broker_peer *peer = child->process->peer;
    struct sdme_broker_scheduling scheduling = peer->scheduling;
    char number[16];

    int length = snprintf(number, sizeof number, "%d", peer->oom_score);
    int fd = openat(child->proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    must(child, fd, "open oom_score_adj");
    must(child, write(fd, number, (size_t) length), "write oom_score_adj");
    close(fd);
    must(child, syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, peer->io_priority), "ioprio_set");
    must(child, syscall(SYS_sched_setaffinity, 0, peer->cpus_size, peer->cpus),
         "sched_setaffinity");
    must(child, syscall(SYS_sched_setattr, 0, &scheduling, 0), "sched_setattr");
    must(child, personality(peer->personality), "personality");
    umask(peer->umask);
    for (unsigned int i = 0; i < RLIM_NLIMITS; i++)
        must(child, setrlimit((enum __rlimit_resource) i, &peer->limits[i]), "setrlimit");
}

/* Its network first, which nobody of the user namespace could enter. */
static void enter(const struct child *child)
{
    must(child, setns(child->netns, CLONE_NEWNET), "enter the network");
    must(child, setns(child->pidfd, NAMESPACES), "enter the namespaces of the container");
    must(child, prctl(PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE");
    must(child, syscall(SYS_setgroups, 0, NULL), "setgroups");
    must(child, syscall(SYS_setresgid, 0, 0, 0), "setresgid");
    must(child, syscall(SYS_setresuid, 0, 0, 0), "setresuid");
    must(child, prctl(PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE");
}

/* Its user namespace has given it all. */
static void give_up_capabilities(const struct child *child)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    uint64_t kept = child->process->peer->bounding;

    for (unsigned int number = 0; number < 64; number++)
        if (!(kept >> number & 1) && prctl(PR_CAPBSET_READ, number) == 1)
            must(child, prctl(PR_CAPBSET_DROP, number), "PR_CAPBSET_DROP");
    for (size_t i = 0; i < ELEMENTS(data); i++)
        data[i].effective = data[i].permitted = (uint32_t) (kept >> (32 * i));
    must(child, syscall(SYS_capset, &header, data), "capset");
}

static void take_label(const struct child *child)
{
    char line[SDME_BROKER_LABEL_MAX + 8];

    if (!child->process->peer->label[0])
        return;
    int length = snprintf(line, sizeof line, "exec %s", child->process->peer->label);
    int fd = openat(child->proc, "thread-self/attr/exec", O_WRONLY | O_CLOEXEC);
    must(child, fd, "open attr/exec");
    must(child, write(fd, line, (size_t) length), "write attr/exec");
    close(fd);
}

/* Not by a link of /proc that leads to what we are ourselves. */
static int open_program(const struct child *child)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    int fd = (int) syscall(SYS_openat2, AT_FDCWD, child->process->arguments[0], &how, sizeof how);

    must(child, fd, "open the program");
    keep(child, &fd, OWN_FIRST);
    return fd;
}

_Noreturn static void execute(const struct child *child, int program)
{
    const struct sdme_broker_process *process = child->process;
    const struct sdme_broker_peer *peer = process->peer;

    for (int i = 0; i < 3; i++)
        must(child, dup2(child->streams[i], i), "dup2");
    must(child, dup2(child->connection, CONNECTION), "dup2");
    if (peer->no_new_privileges)
        must(child, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
    int code = sdme_broker_filters_install(peer->filters, peer->filter_count);
    if (code < 0)
        fail(child, code, "install a filter of system calls");
    syscall(SYS_execveat, program, "", process->arguments, process->variables, AT_EMPTY_PATH);
    fail(child, errno, process->arguments[0]);
}

_Noreturn static void become(const struct child *child)
{
    must(child, fchdir(child->root), "fchdir");
    must(child, chroot("."), "chroot");
    /* Ours is a keyring of the host's root; kernels without any have no such call. */
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
        fail(child, errno, "KEYCTL_JOIN_SESSION_KEYRING");
    int program = open_program(child);
    take_label(child);
    give_up_capabilities(child);
    execute(child, program);
}

/*
 * Three processes: the first enters the PID namespace for its children; the second is one of them
 * and ends, so that the third has the init of that namespace for its parent.
 */
_Noreturn static void run_child(struct child *child)
{
    int status = 0;

    must(child, prctl(PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE");
    keep_descriptors(child);
    must(child, setsid(), "setsid");
    take_signals(child);
    take_limits(child);
    enter(child);
    pid_t second = fork();
    must(child, second, "fork");
    if (second > 0) {
        must(child, waitpid(second, &status, 0), "wait");
        _exit(status == 0 ? 0 : 1);
    }
    pid_t third = fork();
    must(child, third, "fork");
    if (third > 0)
        _exit(0);
    become(child);
}

/* A message of the child; none where it has executed its program. */
static int await(int report, pid_t pid, struct sdme_error *error)
{
    char message[256];
    size_t length = 0;
    ssize_t count;
    int status = 0;

    while ((count = read(report, message + length, sizeof message - 1 - length)) > 0)
        length += (size_t) count;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    message[length] = '\0';
    if (length > 0)
        return sdme_fail_as(error, EIO, "%s", message);
    if (status != 0)
        return sdme_fail_as(error, EIO, "the new process has been killed");
    return 0;
}

int sdme_broker_process_make(const struct sdme_broker_process *process, struct sdme_error *error)
{
    struct clone_args arguments = {
        .flags = CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (unsigned int) process->peer->cgroup,
    };
    _cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), inside = -1;
    int ends[2];

    if (proc < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return sdme_fail(error, errno, "prepare a process");
    _cleanup_close_ int outside = ends[0];
    inside = ends[1];
    struct child child = {
        .process = process,
        .streams = {process->streams[0], process->streams[1], process->streams[2]},
        .connection = process->connection,
        .netns = process->netns,
        .pidfd = process->peer->pidfd,
        .root = process->peer->root,
        .proc = proc,
        .report = inside,
    };
    pid_t pid = (pid_t) syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0)
        return sdme_fail(error, errno, "make a process in the cgroup of the one that asks");
    if (pid == 0)
        run_child(&child);
    close(sdme_take_fd(&inside));
    return await(outside, pid, error);
}
