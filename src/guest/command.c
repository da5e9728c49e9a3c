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
        {"controlled", NULL, &command->controlled},
        {other_option, other_value, NULL},
    };

    command->argv = program_options(argv, options, ELEMENTS(options));
    if (command->controlled)
        program_take_control();
    program_close_others();
    if (command->directory && command->directory[0] != '/')
        program_fail(STATUS_FAILED, "cwd '", command->directory, "': expected an absolute path");
    command->kept = capability_parse(command->capabilities);
}

_Noreturn void command_execute(const struct command *command, char **env, signal_set mask,
                               const struct gate *gate)
{
    const struct account *account;
    const char *directory = command->directory ? command->directory : "/";
    int code;

    supervise_await(gate);
    account = user_find(command->user);
    code = (int) CALL(NR_CHDIR, directory);
    user_become(account);
    /* There are directories that only root can enter, and such that only their user can. */
    if (code < 0)
        code = (int) CALL(NR_CHDIR, directory);
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "cwd '", directory, "'");
    capability_limit(command->kept);
    supervise_die_with_parent(gate);
    if (command->no_new_privileges)
        sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
    env = user_environment(account, env);
    program_close_others();
    supervise_restore(mask, true);
    program_execute(command->argv, env);
}
