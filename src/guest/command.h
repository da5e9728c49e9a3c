/* SPDX-License-Identifier: MIT */
/* The command that isolate and enter run: who it is, where, and what it may do. */
#ifndef SDME_GUEST_COMMAND_H
#define SDME_GUEST_COMMAND_H

#include <stdbool.h>

#include "capability.h"
#include "supervise.h"
#include "system.h"

struct command {
    const char *user;         /* "USER[:GROUP]", or NULL for id 0 */
    const char *directory;    /* NULL is / */
    const char *capabilities; /* see capability_parse */
    bool no_new_privileges;
    bool controlled; /* see program_take_control */
    char **argv;
    capability_set kept;
};

/*
 * Reads the options that both have, and the command; ends the program if they are wrong. Of other
 * descriptors than the standard ones only that of who controls us is left.
 */
void command_parse(struct command *command, char **argv, const char *other_option,
                   const char **other_value);

/*
 * Becomes the command, in a process that capability_bound has limited: signals and mask as a
 * program expects them, no descriptors but 0 to 2, killed when its parent ends,
 * which opens the @gate.
 */
_Noreturn void command_execute(const struct command *command, char **env, signal_set mask,
                               const struct gate *gate);

#endif
