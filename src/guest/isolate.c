/* SPDX-License-Identifier: MIT */
/*
 * isolate [--user USER[:GROUP]] [--cwd DIRECTORY] [--keep-capabilities LIST] [--no-new-privileges]
 *         -- COMMAND...
 *
 * Runs a command in PID, IPC and mount namespaces of its own, under a small init, without
 * CAP_SYS_ADMIN, as a user of the root directory's /etc/passwd. Three processes: this one, which
 * passes signals on and ends as the command does; the init, which does the same inside and reaps;
 * the command. When the command ends, the kernel kills whatever else is in the namespace.
 */
#include "command.h"
#include "mounts.h"
#include "program.h"
#include "supervise.h"

const char program_name[] = "isolate";

static const unsigned long NAMESPACES = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS;

/* The mask is what it was for the command alone. */
static int run_init(const struct command *command, char **env, signal_set mask, int signals)
{
    int self, child;

    mounts_make();
    /* Others of the same user may look into this process: it keeps nothing that they may not have,
     * but what the command needs to become its user. */
    capability_bound(command->kept, CAPABILITY_BECOME | CAPABILITY_SIGNAL);
    self = supervise_self();
    child = sys_fork(0);
    if (child < 0)
        program_fail_errno(STATUS_FAILED, child, "fork");
    if (child == 0)
        command_execute(command, env, mask, self);
    capability_limit(command->kept | CAPABILITY_SIGNAL);
    return supervise(signals, child);
}

int program_main(char **argv, char **env)
{
    struct command command = {0};
    signal_set mask;
    int signals, self, init;

    command_parse(&command, argv, NULL, NULL);
    if (sys_close_others() < 0)
        program_fail(STATUS_FAILED, "close_range: expected Linux 5.9 or newer");
    signals = supervise_signals(&mask);
    self = supervise_self();
    init = sys_fork(NAMESPACES);
    if (init < 0)
        program_fail_errno(STATUS_FAILED, init, "namespaces");
    if (init == 0) {
        supervise_die_with(self);
        sys_close(self);
        return run_init(&command, env, mask, signals);
    }
    return supervise(signals, init);
}
