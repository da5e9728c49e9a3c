/* SPDX-License-Identifier: MIT */
#include "account.h"

#define NO_ID "expected ids from 0 to 4294967294"

enum { PASSWD_NAME, PASSWD_PASSWORD, PASSWD_UID, PASSWD_GID, PASSWD_COMMENT, PASSWD_HOME };
enum { GROUP_NAME, GROUP_PASSWORD, GROUP_GID, GROUP_MEMBERS };
enum { FIELDS = 6 };

/* The fields of the next line that has at least @least of them. What is missing is empty. */
static bool next_entry(struct text *file, size_t least, struct text fields[static FIELDS])
{
    struct text line;

    while (text_cut(file, '\n', &line)) {
        size_t count = 0;

        while (count < FIELDS && text_cut(&line, ':', &fields[count]))
            count++;
        if (count < least || fields[0].length == 0)
            continue;
        for (; count < FIELDS; count++)
            fields[count] = (struct text){"", 0};
        return true;
    }
    return false;
}

static bool to_id(struct text text, uint32_t *ret_id)
{
    uint64_t number;

    if (!text_to_number(text, ACCOUNT_ID_MAX, &number))
        return false;
    *ret_id = (uint32_t) number;
    return true;
}

static bool is_member(struct text members, struct text name)
{
    struct text member;

    while (text_cut(&members, ',', &member))
        if (text_equal(member, name))
            return true;
    return false;
}

/* @ret_name is what groups list the user by: empty for an id that has no entry. */
static const char *find_user(struct account *account, struct text user, struct text passwd,
                             struct text *ret_name)
{
    struct text fields[FIELDS];
    bool numeric = text_is_decimal(user);
    uint32_t wanted = 0, uid;

    *ret_name = (struct text){"", 0};
    if (numeric && !to_id(user, &wanted))
        return NO_ID;
    while (next_entry(&passwd, PASSWD_GID + 1, fields)) {
        bool valid = to_id(fields[PASSWD_UID], &uid);

        if (numeric ? !valid || uid != wanted : !text_equal(fields[PASSWD_NAME], user))
            continue;
        if (!valid || !to_id(fields[PASSWD_GID], &account->gid))
            return "its entry in /etc/passwd: " NO_ID;
        account->uid = uid;
        account->home = fields[PASSWD_HOME];
        *ret_name = fields[PASSWD_NAME];
        return NULL;
    }
    if (!numeric)
        return "not in /etc/passwd";
    account->uid = wanted;
    account->gid = 0;
    return NULL;
}

static const char *find_group(struct account *account, struct text wanted, struct text group)
{
    struct text fields[FIELDS];

    if (text_is_decimal(wanted))
        return to_id(wanted, &account->gid) ? NULL : NO_ID;
    while (next_entry(&group, GROUP_GID + 1, fields))
        if (text_equal(fields[GROUP_NAME], wanted))
            return to_id(fields[GROUP_GID], &account->gid)
                       ? NULL
                       : "its group's entry in /etc/group: " NO_ID;
    return "its group is not in /etc/group";
}

static const char *find_supplementary(struct account *account, struct text name, struct text group)
{
    struct text fields[FIELDS];
    uint32_t gid;

    while (next_entry(&group, GROUP_MEMBERS + 1, fields)) {
        if (!is_member(fields[GROUP_MEMBERS], name))
            continue;
        if (!to_id(fields[GROUP_GID], &gid))
            return "an entry in /etc/group that lists it: " NO_ID;
        if (gid == account->gid)
            continue;
        if (account->group_count == ACCOUNT_GROUPS_MAX)
            return "in more than 65536 groups";
        account->groups[account->group_count++] = gid;
    }
    return NULL;
}

const char *account_find(struct account *account, struct text user, struct text passwd,
                         struct text group)
{
    struct text rest = user, user_part, group_part = {"", 0}, name;
    const char *reason;

    account->group_count = 0;
    account->home = (struct text){"", 0};
    text_cut(&rest, ':', &user_part);
    if (rest.bytes)
        text_cut(&rest, ':', &group_part);
    if (rest.bytes)
        return "expected USER or USER:GROUP";
    if (user_part.length == 0)
        user_part = (struct text){"0", 1};
    reason = find_user(account, user_part, passwd, &name);
    if (reason)
        return reason;
    if (group_part.length > 0)
        return find_group(account, group_part, group);
    return name.length > 0 ? find_supplementary(account, name, group) : NULL;
}
