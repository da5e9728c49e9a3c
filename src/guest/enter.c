/* SPDX-License-Identifier: MIT */
/*
 * enter --target PID|CGROUP [--user USER[:GROUP]] [--cwd DIRECTORY] [--keep-capabilities LIST]
 *       [--no-new-privileges] [--controlled] -- COMMAND...
 *
 * Runs a command where another one runs: PID is that of devfd or isolate, below which the init of a
 * PID namespace is looked for; CGROUP, which begins with a slash, is the cgroup of such ones. The
 * command gets that init's namespaces, root directory and cgroup, and is limited as isolate limits
 * its own. A terminal that is ours is given to the command, so that a shell can control jobs in it.
 *
 * If request.c has had us started, we are --controlled: it has given the terminal up.
 */
#include "command.h"
#include "process.h"
#include "program.h"
#include "supervise.h"
#include "terminal.h"
#include "text.h"

const char program_name[] = "enter";

enum {
    DEPTH_MAX = 4, /* devfd, isolate, its init, and one to spare */
};

/* Not the user namespace: that is the container's, and we are in it. */
static const struct {
    const char *link;
    unsigned long flag;
} namespaces[] = {
    {"ns/cgroup", CLONE_NEWCGROUP}, {"ns/ipc", CLONE_NEWIPC}, {"ns/mnt", CLONE_NEWNS},
    {"ns/net", CLONE_NEWNET},       {"ns/pid", CLONE_NEWPID}, {"ns/uts", CLONE_NEWUTS},
};

/* The path of its cgroup, in @buffer. */
static struct text cgroup_of(const struct process *process, char *buffer)
{
    struct text rest = process_read(process, "cgroup", buffer), line, directory = {NULL, 0};

    while (text_cut(&rest, '\n', &line))
        if (line.length >= 4 && text_equal((struct text){line.bytes, 4}, text_of("0::/")))
            directory = (struct text){line.bytes + 3, line.length - 3};
    if (!directory.bytes)
        process_fail(process, "expected a cgroup of the unified hierarchy");
    return directory;
}

/*
 * What the host has made for request.c is in the cgroup of that, and no child of it. 0 if there is
 * none.
 */
static uint64_t find_requested(const struct process *process, const struct process *self)
{
    char buffer[PROCESS_FILE];

    return process_init_of_cgroup(cgroup_of(process, buffer), self);
}

/* The first process downwards from @process whose PID namespace isn't ours. */
static struct process find_init(struct process process, const struct process *self)
{
    if (!process_shares_namespace(&process, self, "ns/pid"))
        process_fail(&process, "expected one outside of the application");
    for (int depth = 0; process_shares_namespace(&process, self, "ns/pid"); depth++) {
        struct process child;
        uint64_t pid = process_first_child(&process);

        if (pid == 0) {
            pid = find_requested(&process, self);
            if (pid != 0)
                return process_open(pid);
        }
        if (pid == 0 || depth == DEPTH_MAX)
            process_fail(&process, "expected a PID namespace below it");
        child = process_open(pid);
        if (process_first_child(&process) != pid)
            process_fail(&process, "its child has just ended");
        sys_close(process.directory);
        process = child;
    }
    return process;
}

static uint64_t find_member(const char *cgroup, const struct process *self)
{
    uint64_t pid = process_of_cgroup(cgroup, self, NULL);

    if (pid == 0)
        program_fail(STATUS_FAILED, "cgroup ", cgroup, ": expected a process of isolate in it");
    return pid;
}

static uint64_t find_target(const char *target, const struct process *self)
{
    uint64_t pid;

    if (target && target[0] == '/')
        return find_member(target, self);
    if (!target || !text_to_number(text_of(target), PROCESS_MAX, &pid) || pid == 0)
        program_fail(STATUS_FAILED, "--target: expected the number of a process, or a cgroup");
    return pid;
}

/* That of a process. */
static int open_cgroup(const struct process *process)
{
    char buffer[PROCESS_FILE];
    int fd = process_open_cgroup(cgroup_of(process, buffer), O_WRONLY);

    if (fd < 0)
        process_fail(process, program_error(fd));
    return fd;
}

/*
 * Only what differs: a network namespace that the container shares with the host can't be entered
 * from a user namespace, nor needs to be.
 */
static unsigned long other_namespaces(const struct process *process, const struct process *self)
{
    unsigned long flags = 0;

    for (size_t i = 0; i < ELEMENTS(namespaces); i++)
        if (!process_shares_namespace(process, self, namespaces[i].link))
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
        process_fail(process, program_error(root < 0 ? root : pidfd));
    /* That its namespaces can still be read says that the number was still its own. */
    code = (int) CALL(NR_SETNS, pidfd, other_namespaces(process, self));
    if (code < 0)
        process_fail(process, program_error(code));
    code = (int) CALL(NR_FCHDIR, root);
    if (code == 0)
        code = (int) CALL(NR_CHROOT, ".");
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "root directory of process");
    sys_close(root);
    sys_close(pidfd);
    return cgroup;
}

/* From its first moment on, processes of the target may look into it, and take what it has. */
_Noreturn static void run_command(const struct command *command, char **env, signal_set mask,
                                  const struct gate *gate, int cgroup, bool terminal)
{
    int code;

    if (terminal)
        terminal_take();
    code = (int) sys_write(cgroup, "0", 1);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "cgroup.procs");
    command_execute(command, env, mask, gate);
}

/* Enters the target, and keeps nothing of it but the cgroup.procs that is returned. */
static int enter_target(const char *target)
{
    struct process self = process_open((uint64_t) CALL(NR_GETPID, 0));
    struct process init = find_init(process_open(find_target(target, &self)), &self);
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
    cgroup = enter_target(target);
    gate = supervise_gate();
    signals = supervise_signals(&mask);
    terminal = command.controlled || terminal_give();
    capability_bound(command.kept, CAPABILITY_BECOME | CAPABILITY_SIGNAL);
    child = sys_fork(0);
    if (child < 0)
        program_fail_errno(STATUS_FAILED, child, "fork");
    if (child == 0) {
        program_leave_control();
        run_command(&command, env, mask, &gate, cgroup, terminal);
    }
    supervise_open(&gate);
    return supervise(signals, child);
}
