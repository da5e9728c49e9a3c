/* SPDX-License-Identifier: MIT */
#include "user.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "util.h"

/* Every group of @entry, in an array that is as large as it takes. */
static int list_groups(const struct passwd *entry, gid_t **ret_groups, size_t *ret_count)
{
    _cleanup_free_ gid_t *groups = NULL;
    int count = 32;

    for (;;) {
        int room = count;
        gid_t *larger = reallocarray(groups, (size_t) room, sizeof *groups);

        if (!larger)
            return -ENOMEM;
        groups = larger;
        if (getgrouplist(entry->pw_name, entry->pw_gid, groups, &count) >= 0)
            break;
        /* It says how many there are; should it not, we must still come to an end. */
        if (count <= room)
            count = room * 2;
        if (count > 1 << 16)
            return -E2BIG;
    }
    *ret_groups = SDME_TAKE(groups);
    *ret_count = (size_t) count;
    return 0;
}

int sdme_user_lookup(const char *name, struct sdme_user *ret_user, gid_t **ret_groups,
                     struct sdme_error *error)
{
    _cleanup_free_ char *buffer = NULL;
    struct passwd entry, *found = NULL;
    size_t size = 1024, count;
    int code;

    do {
        free(buffer);
        size *= 2;
        buffer = malloc(size);
        if (!buffer)
            return sdme_fail(error, ENOMEM, "look up user %s", name);
        code = getpwnam_r(name, &entry, buffer, size, &found);
    } while (code == ERANGE && size < 1 << 20);
    if (code)
        return sdme_fail(error, code, "look up user %s", name);
    if (!found)
        return sdme_fail_as(error, ENOENT, "no user named %s on this host", name);
    code = list_groups(found, ret_groups, &count);
    if (code < 0)
        return sdme_fail(error, code, "list the groups of user %s", name);
    *ret_user = (struct sdme_user){
        .uid = found->pw_uid,
        .gid = found->pw_gid,
        .groups = *ret_groups,
        .group_count = count,
    };
    return 0;
}
