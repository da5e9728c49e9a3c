/* SPDX-License-Identifier: MIT */
/*
 * become [--user USER[:GROUP]] [--cwd DIRECTORY] -- COMMAND...
 *
 * Becomes a command, as a user of the root directory's /etc/passwd, with /dev/null as its stdin.
 * Unlike isolate it leaves the namespaces and root's capabilities as they are. When its own stdin,
 * a pipe, comes to its end before the command does, everything in the PID namespace is killed: so
 * that nothing outlives who holds the other end. That would be the whole host's, were it not for a
 * namespace that this is the second process of (systemd-nspawn(1), --as-pid2).
 */
#include "program.h"
#include "system.h"
#include "user.h"

enum { OWN_PID = 2 };

const char program_name[] = "become";

_Noreturn static void kill_at_end(void)
{
    char ignored[64];
    int code;

    CALL(NR_SETSID, 0);
    sys_close(1);
    sys_close(2);
    program_close_others();
    do
        code = (int) sys_read(0, ignored, sizeof ignored);
    while (code > 0 || code == -EINTR);
    CALL(NR_KILL, -1, SIGKILL);
    for (;;)
        CALL(NR_EXIT_GROUP, 0);
}

/* A child of a child, so that the command has no child that it doesn't know of. */
static void start_watcher(void)
{
    int child = sys_fork(0), status = 0;

    if (child == 0) {
        child = sys_fork(0);
        if (child == 0)
            kill_at_end();
        CALL(NR_EXIT_GROUP, child < 0);
    }
    if (child > 0)
        CALL(NR_WAIT4, child, &status, 0, NULL);
    if (child < 0 || status)
        program_fail(STATUS_FAILED, "can't start another process");
}

static void close_input(void)
{
    int fd = sys_open(AT_FDCWD, "/dev/null", O_RDONLY);

    if (fd < 0)
        program_fail_errno(STATUS_FAILED, fd, "/dev/null");
    CALL(NR_DUP3, fd, 0, 0);
}

int program_main(char **argv, char **env)
{
    const char *user = NULL, *directory = "/";
    const struct option options[] = {{"user", &user, NULL}, {"cwd", &directory, NULL}};
    const struct account *account;
    int code;

    argv = program_options(argv, options, ELEMENTS(options));
    if (CALL(NR_GETPID, 0) != OWN_PID)
        program_fail(STATUS_FAILED, "expected to be process 2 of a container");
    if (directory[0] != '/')
        program_fail(STATUS_FAILED, "cwd '", directory, "': expected an absolute path");
    account = user_find(user);
    start_watcher();
    close_input();
    code = (int) CALL(NR_CHDIR, directory);
    user_become(account);
    /* There are directories that only root can enter, and such that only their user can. */
    if (code < 0)
        code = (int) CALL(NR_CHDIR, directory);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "cwd '", directory, "'");
    program_close_others();
    program_execute(argv, user_environment(account, env));
}
