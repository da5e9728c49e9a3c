/* SPDX-License-Identifier: MIT */
/* Users and groups as passwd(5) and group(5) say. Pure: no system calls, any bytes. */
#ifndef SDME_GUEST_ACCOUNT_H
#define SDME_GUEST_ACCOUNT_H

#include <stdint.h>

#include "text.h"

/* 4294967295 is (uid_t) -1, by which setresuid(2) leaves an id as it is: no id of anybody. */
#define ACCOUNT_ID_MAX UINT64_C(4294967294)

/* NGROUPS_MAX: setgroups(2) takes no more. */
enum { ACCOUNT_GROUPS_MAX = 65536 };

struct account {
    uint32_t uid;
    uint32_t gid;
    struct text home; /* within the passwd file; empty if it has none */
    size_t group_count;
    uint32_t groups[ACCOUNT_GROUPS_MAX]; /* supplementary, without gid */
};

/*
 * Who @user is, "[USER][:GROUP]" as in the configuration of an image (image-spec, config.md,
 * `User`): names from @passwd and @group, or ids, which need not be in either. Digits are always an
 * id. No user is id 0. Without a group the user has that of its entry, or 0, and all groups that
 * list its name; with a group it has that one alone.
 *
 * Returns NULL, or why there is no such user; then @account is unspecified.
 */
const char *account_find(struct account *account, struct text user, struct text passwd,
                         struct text group);

#endif
