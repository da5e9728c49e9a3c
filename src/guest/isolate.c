/* SPDX-License-Identifier: MIT */
/*
 * isolate [--user USER[:GROUP]] [--cwd DIRECTORY] [--keep-capabilities LIST] [--no-new-privileges]
 *         [--controlled] [--broker SOCKET] -- COMMAND...
 *
 * Runs a command in PID, IPC and mount namespaces of its own, under a small init, without
 * CAP_SYS_ADMIN, as a user of the root directory's /etc/passwd. Three processes: this one, which
 * passes signals on and ends as the command does; the init, which does the same inside and reaps;
 * the command. When the command ends, the kernel kills whatever else is in the namespace.
 *
 * If request.c has had it started, it is --controlled, and takes the --broker's socket away from
 * the command, as well as what /sys shows of another network.
 */
#include "command.h"
#include "mounts.h"
#include "program.h"
#include "supervise.h"

const char program_name[] = "isolate";

static const unsigned long NAMESPACES = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS;

/*
 * Who is of the same user may look into the init and take what capabilities it has. It keeps none
 * that the command may not have, but those to become its user, and gives these up before the
 * command begins.
 */
static int run_init(const struct command *command, const char *broker, char **env, signal_set mask,
                    int signals)
{
    struct gate gate;
    int child;

    mounts_make();
    if (broker)
        mounts_leave(broker);
    capability_bound(command->kept, CAPABILITY_BECOME | CAPABILITY_SIGNAL);
    gate = supervise_gate();
    child = sys_fork(0);
    if (child < 0)
        program_fail_errno(STATUS_FAILED, child, "fork");
    if (child == 0)
        command_execute(command, env, mask, &gate);
    capability_limit(command->kept | CAPABILITY_SIGNAL);
    supervise_open(&gate);
    return supervise(signals, child);
}

int program_main(char **argv, char **env)
{
    struct command command = {0};
    const char *broker = NULL;
    struct gate gate;
    signal_set mask;
    int signals, init;

    command_parse(&command, argv, "broker", &broker);
    signals = supervise_signals(&mask);
    gate = supervise_gate();
    init = sys_fork(NAMESPACES);
    if (init < 0)
        program_fail_errno(STATUS_FAILED, init, "namespaces");
    if (init == 0) {
        program_leave_control();
        supervise_await(&gate);
        return run_init(&command, broker, env, mask, signals);
    }
    supervise_open(&gate);
    return supervise(signals, init);
}
