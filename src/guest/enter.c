/* SPDX-License-Identifier: MIT */
/*
 * enter --target PID|CGROUP [--user USER[:GROUP]] [--cwd DIRECTORY] [--keep-capabilities LIST]
 *       [--no-new-privileges] -- COMMAND...
 *
 * Runs a command where another one runs: PID is that of devfd or isolate, below which the init of a
 * PID namespace is looked for; CGROUP, which begins with a slash, is the cgroup of such ones. The
 * command gets that init's namespaces, root directory and cgroup, and is limited as isolate limits
 * its own. A terminal that is ours is given to the command, so that a shell can control jobs in it.
 */
#include "command.h"
#include "file.h"
#include "program.h"
#include "supervise.h"
#include "text.h"

const char program_name[] = "enter";

enum {
    DEPTH_MAX = 4, /* devfd, isolate, its init, and one to spare */
    PID_MAX = 1 << 22,
    SMALL_FILE = 1 << 14,
    CGROUP_PROCS_MAX = 1 << 22,
    PATH_MAX = 4096,
};

/* Not the user namespace: that is the container's, and we are in it. */
static const struct {
    const char *link;
    unsigned long flag;
} namespaces[] = {
    {"ns/cgroup", CLONE_NEWCGROUP}, {"ns/ipc", CLONE_NEWIPC}, {"ns/mnt", CLONE_NEWNS},
    {"ns/net", CLONE_NEWNET},       {"ns/pid", CLONE_NEWPID}, {"ns/uts", CLONE_NEWUTS},
};

/*
 * A process by its directory in /proc, which is of no use any more when the process is gone, even
 * if another one gets its number.
 */
struct process {
    uint64_t pid;
    int directory;
};

_Noreturn static void fail_target(const struct process *process, const char *reason)
{
    char number[21];

    text_from_number(process->pid, number);
    program_fail(STATUS_FAILED, "process ", number, ": ", reason);
}

static void number_path(char path[static 64], const char *prefix, uint64_t number,
                        const char *suffix)
{
    char digits[21];

    text_join(path, prefix, (struct text){digits, text_from_number(number, digits)}, suffix);
}

static struct process open_process(uint64_t pid)
{
    struct process process = {.pid = pid};
    char path[64];

    number_path(path, "/proc/", pid, "");
    process.directory = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (process.directory < 0)
        fail_target(&process, "no such process");
    return process;
}

static struct text read_small(const struct process *process, const char *name, char *buffer)
{
    struct text content = {NULL, 0};
    int code = sys_open(process->directory, name, O_RDONLY);

    if (code >= 0)
        code = file_load(code, buffer, SMALL_FILE, &content);
    if (code < 0)
        fail_target(process, program_error(code));
    return content;
}

/* 0 if there is none: these programs have one each. */
static uint64_t first_child(const struct process *process)
{
    char buffer[SMALL_FILE], path[64];
    struct text rest, number;
    uint64_t child;

    number_path(path, "task/", process->pid, "/children");
    rest = read_small(process, path, buffer);
    text_cut(&rest, ' ', &number);
    return text_to_number(number, PID_MAX, &child) ? child : 0;
}

static uint64_t namespace_of(const struct process *process, const char *link)
{
    struct file_status status;
    int fd = sys_open(process->directory, link, O_RDONLY);

    if (fd < 0)
        fail_target(process, program_error(fd));
    sys_status(fd, "", &status);
    sys_close(fd);
    return status.inode;
}

static bool shares_namespace(const struct process *a, const struct process *b, const char *link)
{
    return namespace_of(a, link) == namespace_of(b, link);
}

/* The first process downwards from @process whose PID namespace isn't ours. */
static struct process find_init(struct process process, const struct process *self)
{
    if (!shares_namespace(&process, self, "ns/pid"))
        fail_target(&process, "expected one outside of the application");
    for (int depth = 0; shares_namespace(&process, self, "ns/pid"); depth++) {
        struct process child;
        uint64_t pid = first_child(&process);

        if (pid == 0 || depth == DEPTH_MAX)
            fail_target(&process, "expected a PID namespace below it");
        child = open_process(pid);
        if (first_child(&process) != pid)
            fail_target(&process, "its child has just ended");
        sys_close(process.directory);
        process = child;
    }
    return process;
}

/* The cgroup.procs of a cgroup, as our cgroup namespace shows it (cgroups(7)). */
static int open_procs(struct text directory, int flags)
{
    static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char path[PATH_MAX + 64];
    int fd = -ENOENT;

    for (size_t i = 0; fd < 0 && i < ELEMENTS(roots); i++) {
        text_join(path, roots[i], directory, "/cgroup.procs");
        fd = sys_open(AT_FDCWD, path, flags | O_NOFOLLOW);
    }
    if (fd < 0)
        program_fail_errno(STATUS_FAILED, fd, path);
    return fd;
}

/* Unlike others a process of a cgroup may be gone at any time. */
static bool is_outside(uint64_t pid, const struct process *self)
{
    struct file_status status;
    char path[64];
    int fd;

    number_path(path, "/proc/", pid, "/ns/pid");
    fd = sys_open(AT_FDCWD, path, O_RDONLY);
    if (fd < 0)
        return false;
    sys_status(fd, "", &status);
    sys_close(fd);
    return status.inode == namespace_of(self, "ns/pid");
}

/*
 * The first process of a cgroup that is in our PID namespace: devfd or isolate. All others are the
 * application's, any of which may have got itself a root directory of its own making.
 */
static uint64_t find_member(const char *cgroup, const struct process *self)
{
    struct text directory = text_of(cgroup), rest, line;
    static char buffer[CGROUP_PROCS_MAX];
    uint64_t pid;
    int code;

    if (directory.length > PATH_MAX)
        program_fail(STATUS_FAILED, "--target: the name of the cgroup is too long");
    code = file_load(open_procs(directory, O_RDONLY), buffer, sizeof buffer, &rest);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "cgroup ", cgroup);
    while (text_cut(&rest, '\n', &line))
        if (text_to_number(line, PID_MAX, &pid) && pid > 0 && is_outside(pid, self))
            return pid;
    program_fail(STATUS_FAILED, "cgroup ", cgroup, ": expected a process of isolate in it");
}

static uint64_t find_target(const char *target, const struct process *self)
{
    uint64_t pid;

    if (target && target[0] == '/')
        return find_member(target, self);
    if (!target || !text_to_number(text_of(target), PID_MAX, &pid) || pid == 0)
        program_fail(STATUS_FAILED, "--target: expected the number of a process, or a cgroup");
    return pid;
}

/* That of a process. */
static int open_cgroup(const struct process *process)
{
    char buffer[SMALL_FILE];
    struct text rest = read_small(process, "cgroup", buffer), line, directory = {NULL, 0};

    while (text_cut(&rest, '\n', &line))
        if (line.length >= 4 && text_equal((struct text){line.bytes, 4}, text_of("0::/")))
            directory = (struct text){line.bytes + 3, line.length - 3};
    if (!directory.bytes || directory.length > PATH_MAX)
        fail_target(process, "expected a cgroup of the unified hierarchy");
    return open_procs(directory, O_WRONLY);
}

/*
 * Only what differs: a network namespace that the container shares with the host can't be entered
 * from a user namespace, nor needs to be.
 */
static unsigned long other_namespaces(const struct process *process, const struct process *self)
{
    unsigned long flags = 0;

    for (size_t i = 0; i < ELEMENTS(namespaces); i++)
        if (!shares_namespace(process, self, namespaces[i].link))
            flags |= namespaces[i].flag;
    return flags;
}

/* Returns the descriptor of the cgroup to join, which only the command does. */
static int enter_process(const struct process *process, const struct process *self)
{
    int cgroup = open_cgroup(process), pidfd, code;
    int root = sys_open(process->directory, "root", O_PATH | O_DIRECTORY);

    pidfd = (int) CALL(NR_PIDFD_OPEN, process->pid, 0);
    if (root < 0 || pidfd < 0)
        fail_target(process, program_error(root < 0 ? root : pidfd));
    /* That its namespaces can still be read says that the number was still its own. */
    code = (int) CALL(NR_SETNS, pidfd, other_namespaces(process, self));
    if (code < 0)
        fail_target(process, program_error(code));
    code = (int) CALL(NR_FCHDIR, root);
    if (code == 0)
        code = (int) CALL(NR_CHROOT, ".");
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "root directory of process");
    sys_close(root);
    sys_close(pidfd);
    return cgroup;
}

/* Whether the terminal is ours to give: we lead its session. */
static bool give_terminal(void)
{
    int group;

    if (CALL(NR_GETSID, 0) != CALL(NR_GETPID, 0) || CALL(NR_IOCTL, 0, TIOCGPGRP, &group) < 0)
        return false;
    return CALL(NR_IOCTL, 0, TIOCNOTTY) == 0;
}

static void take_terminal(void)
{
    CALL(NR_SETSID, 0);
    CALL(NR_IOCTL, 0, TIOCSCTTY, 0);
}

/* From its first moment on, processes of the target may look into it, and take what it has. */
_Noreturn static void run_command(const struct command *command, char **env, signal_set mask,
                                  const struct gate *gate, int cgroup, bool terminal)
{
    int code;

    if (terminal)
        take_terminal();
    code = (int) sys_write(cgroup, "0", 1);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "cgroup.procs");
    command_execute(command, env, mask, gate);
}

/* Enters the target, and keeps nothing of it but the cgroup.procs that is returned. */
static int enter_target(const char *target)
{
    struct process self = open_process((uint64_t) CALL(NR_GETPID, 0));
    struct process init = find_init(open_process(find_target(target, &self)), &self);
    int cgroup = enter_process(&init, &self);

    sys_close(self.directory);
    sys_close(init.directory);
    return cgroup;
}

int program_main(char **argv, char **env)
{
    struct command command = {0};
    const char *target = NULL;
    int signals, cgroup, child;
    struct gate gate;
    signal_set mask;
    bool terminal;

    command_parse(&command, argv, "target", &target);
    program_close_others();
    cgroup = enter_target(target);
    gate = supervise_gate();
    signals = supervise_signals(&mask);
    terminal = give_terminal();
    capability_bound(command.kept, CAPABILITY_BECOME | CAPABILITY_SIGNAL);
    child = sys_fork(0);
    if (child < 0)
        program_fail_errno(STATUS_FAILED, child, "fork");
    if (child == 0)
        run_command(&command, env, mask, &gate, cgroup, terminal);
    supervise_open(&gate);
    return supervise(signals, child);
}
