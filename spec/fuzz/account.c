/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "guest/account.h"

/* A text in memory of its own, so that reading beyond it is seen. */
static struct text copy(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size > 0 ? size : 1);

    MUST(bytes);
    if (size > 0)
        memcpy(bytes, data, size);
    return (struct text){bytes, size};
}

/* The bytes up to the next NUL. */
static struct text cut(const uint8_t **data, size_t *size)
{
    const uint8_t *begin = *data, *end = *size > 0 ? memchr(begin, '\0', *size) : NULL;
    size_t length = end ? (size_t) (end - begin) : *size, skip = end ? length + 1 : length;

    *data = skip > 0 ? begin + skip : begin;
    *size -= skip;
    return copy(begin, length);
}

/* Any user, passwd and group file: the ids are such that setresuid(2) knows, or there are none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct account account;
    struct text user = cut(&data, &size), passwd = cut(&data, &size), group = cut(&data, &size);
    const char *reason = account_find(&account, user, passwd, group);

    if (!reason) {
        MUST(account.uid <= ACCOUNT_ID_MAX && account.gid <= ACCOUNT_ID_MAX);
        MUST(account.group_count <= ACCOUNT_GROUPS_MAX);
        for (size_t i = 0; i < account.group_count; i++)
            MUST(account.groups[i] <= ACCOUNT_ID_MAX && account.groups[i] != account.gid);
        MUST(account.home.length == 0 ||
             (account.home.bytes >= passwd.bytes &&
              account.home.bytes + account.home.length <= passwd.bytes + passwd.length));
    } else {
        MUST(*reason);
    }
    free((void *) user.bytes);
    free((void *) passwd.bytes);
    free((void *) group.bytes);
    return 0;
}
