/* SPDX-License-Identifier: MIT */
/*
 * become [--user USER[:GROUP]] [--cwd DIRECTORY] -- COMMAND...
 *
 * Becomes a command, as a user of the root directory's /etc/passwd. Unlike isolate it leaves the
 * namespaces and root's capabilities as they are.
 */
#include "program.h"
#include "system.h"
#include "user.h"

const char program_name[] = "become";

int program_main(char **argv, char **env)
{
    const char *user = NULL, *directory = "/";
    const struct option options[] = {{"user", &user, NULL}, {"cwd", &directory, NULL}};
    const struct account *account;
    int code;

    argv = program_options(argv, options, ELEMENTS(options));
    if (directory[0] != '/')
        program_fail(STATUS_FAILED, "cwd '", directory, "': expected an absolute path");
    account = user_find(user);
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
