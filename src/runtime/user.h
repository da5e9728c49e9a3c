/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_USER_H
#define SDME_RUNTIME_USER_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* Who a process is to be: the ids that setresuid(2), setresgid(2) and setgroups(2) get. */
struct sdme_user {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* all supplementary groups */
    size_t group_count;
};

/*
 * Looks @name up in the host's user database (nsswitch.conf(5)) with all its groups. -ENOENT if
 * there is none. @ret_groups is what ret_user->groups points at: free(3) it.
 */
int sdme_user_lookup(const char *name, struct sdme_user *ret_user, gid_t **ret_groups,
                     struct sdme_error *error);

#endif
