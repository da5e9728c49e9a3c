/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util.h"

/*
 * The child runs on a stack of its own in our memory (CLONE_VM), or in a copy of it if it becomes
 * another user: nobody who may trace that user shall see into us. We stand still until it has
 * called execve(2) or is gone (CLONE_VFORK), so what it leaves in `failed` is there to be read.
 *
 * All the child does are system calls. Sanitizers keep account of memory that would not be
 * theirs, and glibc's setresuid(2) and the like would try to reach the other threads.
 */
#define IN_CHILD __attribute__((no_sanitize("address"), no_sanitize("undefined")))

/* 32-bit ports have 16-bit calls under the plain names. */
#ifdef SYS_setresuid32
#define SYS_CHILD_SETRESUID SYS_setresuid32
#define SYS_CHILD_SETRESGID SYS_setresgid32
#define SYS_CHILD_SETGROUPS SYS_setgroups32
#else
#define SYS_CHILD_SETRESUID SYS_setresuid
#define SYS_CHILD_SETRESGID SYS_setresgid
#define SYS_CHILD_SETGROUPS SYS_setgroups
#endif

enum step {
    STEP_SESSION,
    STEP_TERMINAL,
    STEP_DESCRIPTOR,
    STEP_CLOSE,
    STEP_GROUPS,
    STEP_GID,
    STEP_UID,
    STEP_DEATH_SIGNAL,
    STEP_DIRECTORY,
    STEP_EXECUTE,
};

struct failure {
    int code; /* an errno; 0: nothing failed */
    enum step step;
    int number; /* the descriptor or id it was about */
};

/* One mapping that parent and child share whether or not they share all memory. */
struct shared {
    struct failure failed;
    char stack[64 * 1024] __attribute__((aligned(16)));
};

struct child {
    const struct sdme_spawn *spawn;
    const char *path;
    char *const *environment;
    struct sdme_descriptor *descriptors; /* by target, ascending; ours to change */
    size_t descriptor_count;
    pid_t parent;
    struct failure *failed;
};

IN_CHILD static int child_fail(const struct child *child, enum step step, int number)
{
    child->failed->step = step;
    child->failed->number = number;
    child->failed->code = errno;
    return -1;
}

IN_CHILD static int child_take_terminal(const struct child *child)
{
    const struct sdme_spawn *spawn = child->spawn;

    if (spawn->session && setsid() < 0)
        return child_fail(child, STEP_SESSION, 0);
    if (spawn->terminal >= 0 && ioctl(spawn->terminal, TIOCSCTTY, 0) < 0)
        return child_fail(child, STEP_TERMINAL, spawn->terminal);
    return 0;
}

/* Above all targets first, so that none is overwritten before it was copied. */
IN_CHILD static int child_place_descriptors(const struct child *child)
{
    struct sdme_descriptor *list = child->descriptors;
    int above = list[child->descriptor_count - 1].target + 1;
    unsigned int next = 0;

    for (size_t i = 0; i < child->descriptor_count; i++) {
        int copy = fcntl(list[i].source, F_DUPFD_CLOEXEC, above);

        if (copy < 0)
            return child_fail(child, STEP_DESCRIPTOR, list[i].source);
        list[i].source = copy;
    }
    for (size_t i = 0; i < child->descriptor_count; i++)
        if (dup2(list[i].source, list[i].target) < 0)
            return child_fail(child, STEP_DESCRIPTOR, list[i].target);
    for (size_t i = 0; i < child->descriptor_count; i++) {
        unsigned int target = (unsigned int) list[i].target;

        if (target > next && syscall(SYS_close_range, next, target - 1, 0) < 0)
            return child_fail(child, STEP_CLOSE, 0);
        next = target + 1;
    }
    if (syscall(SYS_close_range, next, ~0U, 0) < 0)
        return child_fail(child, STEP_CLOSE, 0);
    return 0;
}

IN_CHILD static int child_become(const struct child *child, const struct sdme_user *user)
{
    if (syscall(SYS_CHILD_SETGROUPS, user->group_count, user->groups) < 0)
        return child_fail(child, STEP_GROUPS, 0);
    if (syscall(SYS_CHILD_SETRESGID, user->gid, user->gid, user->gid) < 0)
        return child_fail(child, STEP_GID, (int) user->gid);
    if (syscall(SYS_CHILD_SETRESUID, user->uid, user->uid, user->uid) < 0)
        return child_fail(child, STEP_UID, (int) user->uid);
    return 0;
}

/* A change of ids forgets the signal, so this comes after it. */
IN_CHILD static int child_follow_parent(const struct child *child)
{
    if (!child->spawn->death_signal)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, child->spawn->death_signal) < 0)
        return child_fail(child, STEP_DEATH_SIGNAL, child->spawn->death_signal);
    if (getppid() != child->parent)
        _exit(127);
    return 0;
}

/* An all-zero action is SIG_DFL in every layout; glibc's sigaction() refuses its own signals. */
IN_CHILD static void child_reset_signals(void)
{
    static const unsigned long zero[16];

    for (int number = 1; number < _NSIG; number++)
        syscall(SYS_rt_sigaction, number, zero, NULL, _NSIG / 8);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, zero, NULL, _NSIG / 8);
}

IN_CHILD static int child_prepare(const struct child *child)
{
    const struct sdme_spawn *spawn = child->spawn;

    if (child_take_terminal(child) < 0 || child_place_descriptors(child) < 0)
        return -1;
    if (spawn->umask >= 0)
        umask((mode_t) spawn->umask);
    if (spawn->user && child_become(child, spawn->user) < 0)
        return -1;
    if (child_follow_parent(child) < 0)
        return -1;
    if (spawn->directory && chdir(spawn->directory) < 0)
        return child_fail(child, STEP_DIRECTORY, 0);
    return 0;
}

IN_CHILD static int child_main(void *argument)
{
    const struct child *child = argument;

    if (child_prepare(child) == 0) {
        child_reset_signals();
        execve(child->path, child->spawn->argv, child->environment);
        child_fail(child, STEP_EXECUTE, 0);
    }
    _exit(127);
}

static int spawn_error(const struct child *child, struct sdme_error *error)
{
    const struct failure *failed = child->failed;
    const char *program = child->spawn->argv[0];

    switch (failed->step) {
    case STEP_SESSION:
        return sdme_fail(error, failed->code, "start a session for %s", program);
    case STEP_TERMINAL:
        return sdme_fail(error, failed->code, "make descriptor %d the controlling terminal of %s",
                         failed->number, program);
    case STEP_DESCRIPTOR:
        return sdme_fail(error, failed->code, "hand descriptor %d to %s", failed->number, program);
    case STEP_CLOSE:
        return sdme_fail(error, failed->code, "close what is not for %s", program);
    case STEP_GROUPS:
        return sdme_fail(error, failed->code, "set the groups of %s", program);
    case STEP_GID:
        return sdme_fail(error, failed->code, "run %s with gid %u", program,
                         (unsigned int) failed->number);
    case STEP_UID:
        return sdme_fail(error, failed->code, "run %s with uid %u", program,
                         (unsigned int) failed->number);
    case STEP_DEATH_SIGNAL:
        return sdme_fail(error, failed->code, "set the death signal of %s", program);
    case STEP_DIRECTORY:
        return sdme_fail(error, failed->code, "run %s in directory %s", program,
                         child->spawn->directory);
    case STEP_EXECUTE:
        return sdme_fail(error, failed->code, "execute %s", child->path);
    }
    return sdme_fail(error, failed->code, "start %s", program);
}

static const char *search_path(char *const *environment)
{
    for (char *const *entry = environment; *entry; entry++)
        if (!strncmp(*entry, "PATH=", 5))
            return *entry + 5;
    const char *ours = getenv("PATH");
    return ours ? ours : _PATH_DEFPATH;
}

/* A directory of PATH that we may not search has no programs for us. */
static int check_program(const char *path)
{
    struct stat file;

    if (stat(path, &file) < 0)
        return -ENOENT;
    if (!S_ISREG(file.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
        return -EACCES;
    return 0;
}

int sdme_process_find(const char *name, char *const *environment, char **ret_path,
                      struct sdme_error *error)
{
    const char *directories = search_path(environment);
    int code = -ENOENT;

    if (strchr(name, '/')) {
        *ret_path = strdup(name);
        return *ret_path ? 0 : sdme_fail(error, ENOMEM, "execute %s", name);
    }
    for (const char *start = directories; *name; start++) {
        size_t length = strcspn(start, ":");
        _cleanup_free_ char *path = NULL;

        if (*start == '/') {
            if (asprintf(&path, "%.*s/%s", (int) length, start, name) < 0)
                return sdme_fail(error, ENOMEM, "execute %s", name);
            int found = check_program(path);
            if (found == 0) {
                *ret_path = SDME_TAKE(path);
                return 0;
            }
            if (found == -EACCES)
                code = -EACCES;
        }
        start += length;
        if (!*start)
            break;
    }
    return sdme_fail(error, code, "find %s in PATH", *name ? name : "\"\"");
}

/*
 * Decides what descriptor of ours becomes stream @number of the child. *ret_given is what was
 * opened for it here, *ret_ours our end of a pipe.
 */
static int prepare_stream(int number, int wanted, int *source, int *ret_given, int *ret_ours,
                          struct sdme_error *error)
{
    int pipe_ends[2];
    int writing = number > 0; /* which end of the pipe is the child's */

    if (wanted == SDME_STREAM_INHERIT)
        wanted = fcntl(number, F_GETFD) < 0 ? SDME_STREAM_NULL : number;
    *source = wanted;
    if (wanted >= 0)
        return 0;
    if (wanted == SDME_STREAM_NULL) {
        *ret_given = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (*ret_given < 0)
            return sdme_fail(error, errno, "open /dev/null");
    } else {
        if (pipe2(pipe_ends, O_CLOEXEC) < 0)
            return sdme_fail(error, errno, "make a pipe");
        *ret_given = pipe_ends[writing];
        *ret_ours = pipe_ends[!writing];
        if (fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0)
            return sdme_fail(error, errno, "make a pipe");
    }
    *source = *ret_given;
    return 0;
}

static int by_target(const void *a, const void *b)
{
    const struct sdme_descriptor *left = a, *right = b;

    return (left->target > right->target) - (left->target < right->target);
}

/* ThreadSanitizer takes every child for one of fork(2), and forgets our threads in its memory. */
#ifdef __SANITIZE_THREAD__
#define OUR_MEMORY 0
#else
#define OUR_MEMORY CLONE_VM
#endif

/* Clones with every signal blocked: no handler of ours may run in the child. */
static int start_child(struct child *child, struct sdme_process *process, struct sdme_error *error)
{
    int flags = CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (child->spawn->user ? 0 : OUR_MEMORY);
    int code = 0, pidfd = -1;
    sigset_t all, saved;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (shared == MAP_FAILED)
        return sdme_fail(error, errno, "start %s", child->spawn->argv[0]);
    child->failed = &shared->failed;
    child->parent = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    pid_t pid = clone(child_main, shared->stack + sizeof shared->stack, flags, child, &pidfd);
    if (pid < 0)
        code = sdme_fail(error, errno, "start %s", child->spawn->argv[0]);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (pid > 0) {
        process->pid = pid;
        process->pidfd = pidfd;
        if (child->failed->code)
            code = spawn_error(child, error);
    }
    munmap(shared, sizeof *shared);
    return code;
}

int sdme_process_spawn(const struct sdme_spawn *spawn, struct sdme_process *ret_process,
                       struct sdme_error *error)
{
    _cleanup_(sdme_process_close) struct sdme_process process = {
        .pidfd = -1, .streams = {-1, -1, -1}, .code = -1};
    _cleanup_close_ int stdin_given = -1, stdout_given = -1, stderr_given = -1;
    int *given[] = {&stdin_given, &stdout_given, &stderr_given};
    _cleanup_free_ struct sdme_descriptor *descriptors = NULL;
    _cleanup_free_ char *path = NULL;
    char *const *environment = spawn->environment ? spawn->environment : environ;
    size_t count = spawn->descriptor_count + 3;
    int code;

    if (!spawn->argv[0])
        return sdme_fail(error, EINVAL, "start a program without a name");
    code = sdme_process_find(spawn->argv[0], environment, &path, error);
    if (code < 0)
        return code;
    descriptors = calloc(count, sizeof *descriptors);
    if (!descriptors)
        return sdme_fail(error, ENOMEM, "start %s", path);
    for (int i = 0; i < 3; i++) {
        code = prepare_stream(i, spawn->streams[i], &descriptors[i].source, given[i],
                              &process.streams[i], error);
        if (code < 0)
            return code;
        descriptors[i].target = i;
    }
    if (spawn->descriptor_count)
        memcpy(descriptors + 3, spawn->descriptors, spawn->descriptor_count * sizeof *descriptors);
    qsort(descriptors, count, sizeof *descriptors, by_target);

    struct child child = {
        .spawn = spawn,
        .path = path,
        .environment = environment,
        .descriptors = descriptors,
        .descriptor_count = count,
    };
    code = start_child(&child, &process, error);
    if (code < 0)
        return code;
    *ret_process = process;
    process = (struct sdme_process){.pidfd = -1, .streams = {-1, -1, -1}};
    return 0;
}

int sdme_process_wait(struct sdme_process *process, bool wait, struct sdme_error *error)
{
    siginfo_t info = {0};
    int code;

    if (process->ended)
        return 1;
    if (process->pidfd < 0)
        return sdme_fail_as(error, EBADF, "process %d is closed or detached", process->pid);
    do
        code = waitid(P_PIDFD, (id_t) process->pidfd, &info, WEXITED | (wait ? 0 : WNOHANG));
    while (code < 0 && errno == EINTR);
    if (code < 0)
        return sdme_fail(error, errno, "wait for process %d", process->pid);
    if (!info.si_pid)
        return 0;
    process->ended = true;
    if (info.si_code == CLD_EXITED)
        process->code = info.si_status;
    else
        process->signal = info.si_status;
    return 1;
}

int sdme_process_kill(struct sdme_process *process, int number, struct sdme_error *error)
{
    if (process->ended)
        return sdme_fail_as(error, ESRCH, "process %d has ended", process->pid);
    if (process->pidfd < 0)
        return sdme_fail_as(error, EBADF, "process %d is closed or detached", process->pid);
    if (pidfd_send_signal(process->pidfd, number, NULL, 0) < 0)
        return sdme_fail(error, errno, "send signal %d to process %d", number, process->pid);
    return 0;
}

void sdme_process_detach(struct sdme_process *process)
{
    process->pidfd = sdme_close(process->pidfd);
}

void sdme_process_close(struct sdme_process *process)
{
    if (process->pidfd >= 0 && !process->ended) {
        pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
        sdme_process_wait(process, true, NULL);
    }
    process->pidfd = sdme_close(process->pidfd);
    for (size_t i = 0; i < ELEMENTS(process->streams); i++)
        process->streams[i] = sdme_close(process->streams[i]);
}

/* What execve(2) would leave ignored. */
static void stop_ignoring(sigset_t *ret_ignored)
{
    struct sigaction action, standard = {.sa_handler = SIG_DFL};

    sigemptyset(ret_ignored);
    for (int number = 1; number < _NSIG; number++) {
        if (sigaction(number, NULL, &action) < 0 || action.sa_handler != SIG_IGN)
            continue;
        sigaddset(ret_ignored, number);
        sigaction(number, &standard, NULL);
    }
}

static void ignore_again(const sigset_t *ignored)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    for (int number = 1; number < _NSIG; number++)
        if (sigismember(ignored, number) == 1)
            sigaction(number, &ignore, NULL);
}

static int replace_now(const char *path, char *const *argv, char *const *environment,
                       struct sdme_error *error)
{
    sigset_t none, mask, ignored;

    sigemptyset(&none);
    stop_ignoring(&ignored);
    pthread_sigmask(SIG_SETMASK, &none, &mask);
    execve(path, argv, environment);
    int code = sdme_fail(error, errno, "execute %s", path);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    ignore_again(&ignored);
    return code;
}

int sdme_process_replace(char *const *argv, char *const *environment, const int *keep,
                         size_t keep_count, struct sdme_error *error)
{
    _cleanup_free_ char *path = NULL;
    int code;

    if (!argv[0])
        return sdme_fail(error, EINVAL, "execute a program without a name");
    if (!environment)
        environment = environ;
    code = sdme_process_find(argv[0], environment, &path, error);
    if (code < 0)
        return code;
    /* Marked, not closed: should execve(2) fail, whoever called goes on with all it had. */
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return sdme_fail(error, errno, "mark descriptors before executing %s", path);
    for (size_t i = 0; i < keep_count && code == 0; i++)
        if (fcntl(keep[i], F_SETFD, 0) < 0)
            code = sdme_fail(error, errno, "keep descriptor %d for %s", keep[i], path);
    if (code == 0)
        code = replace_now(path, argv, environment, error);
    for (size_t i = 0; i < keep_count; i++)
        if (keep[i] > 2)
            fcntl(keep[i], F_SETFD, FD_CLOEXEC);
    return code;
}
