/* SPDX-License-Identifier: MIT */
/* Who a command runs as, by the files of the root directory that we are in. */
#ifndef SDME_GUEST_USER_H
#define SDME_GUEST_USER_H

#include "account.h"

/*
 * Looks @user up (see account_find; NULL is id 0) in /etc/passwd and /etc/group, which must be
 * regular files of at most 1 MiB if they are there; ends the program if there is no such user. The
 * result is static.
 */
const struct account *user_find(const char *user);

/* Takes on all ids, for good. */
void user_become(const struct account *account);

/* @env with HOME as the user's entry says, "/" if it doesn't; @env itself if it has one. */
char **user_environment(const struct account *account, char **env);

#endif
