/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "program.h"
#include "supervise.h"
#include "user.h"

void command_parse(struct command *command, char **argv, const char *other_option,
                   const char **other_value)
{
    const struct option options[] = {
        {"user", &command->user, NULL},
        {"cwd", &command->directory, NULL},
        {"keep-capabilities", &command->capabilities, NULL},
        {"no-new-privileges", NULL, &command->no_new_privileges},
        {other_option, other_value, NULL},
    };
    size_t count = ELEMENTS(options) - (other_option ? 0 : 1);

    command->argv = program_options(argv, options, count);
    if (command->directory && command->directory[0] != '/')
        program_fail(STATUS_FAILED, "cwd '", command->directory, "': expected an absolute path");
    command->kept = capability_parse(command->capabilities);
}

/*
 * As the user, who must be able to enter it, though it may be a directory of a user who isn't root
 * in a place where root has lost its privileges.
 */
static void change_directory(const char *directory)
{
    int code = (int) CALL(NR_CHDIR, directory ? directory : "/");

    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "cwd '", directory ? directory : "/", "'");
}

_Noreturn void command_execute(const struct command *command, char **env, signal_set mask,
                               int parent)
{
    const struct account *account = user_find(command->user);
    int code;

    user_become(account);
    capability_limit(command->kept);
    supervise_die_with(parent);
    change_directory(command->directory);
    if (command->no_new_privileges)
        sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
    env = user_environment(account, env);
    code = sys_close_others();
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "close_range");
    supervise_restore(mask, true);
    program_execute(command->argv, env);
}
