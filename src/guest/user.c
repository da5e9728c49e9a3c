/* SPDX-License-Identifier: MIT */
#include "user.h"

#include "file.h"
#include "program.h"
#include "system.h"

enum {
    FILE_MAX = 1 << 20,
    HOME_MAX = 4096,
    ENVIRONMENT_MAX = 1 << 16,
};

/*
 * Opened only once it is known to be a regular file: opening a device may do something. Nobody who
 * could exchange it in between gains anything, as opening a fifo doesn't wait either.
 */
static int open_regular(const char *path)
{
    struct file_status status;
    int fd, code;

    code = sys_status(AT_FDCWD, path, &status);
    if (code < 0)
        return code;
    if ((status.mode & S_IFMT) != S_IFREG)
        program_fail(STATUS_FAILED, path, ": expected a regular file");
    fd = sys_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fd;
    code = sys_status(fd, "", &status);
    if (code < 0 || (status.mode & S_IFMT) != S_IFREG)
        program_fail(STATUS_FAILED, path, ": expected a regular file");
    return fd;
}

/* Empty if there is no such file. */
static struct text read_file(const char *path, char buffer[static FILE_MAX])
{
    struct text content = {"", 0};
    int code = open_regular(path);

    if (code == -ENOENT || code == -ENOTDIR)
        return content;
    if (code >= 0)
        code = file_load(code, buffer, FILE_MAX, &content);
    if (code == -EFBIG)
        program_fail(STATUS_FAILED, path, ": expected at most 1 MiB");
    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, path);
    return content;
}

const struct account *user_find(const char *user)
{
    static char passwd[FILE_MAX], group[FILE_MAX];
    static struct account account;
    const char *reason;

    if (!user)
        user = "";
    reason = account_find(&account, text_of(user), read_file("/etc/passwd", passwd),
                          read_file("/etc/group", group));
    if (reason)
        program_fail(STATUS_FAILED, "user '", user, "': ", reason);
    return &account;
}

/* What a user namespace doesn't map is EINVAL. */
_Noreturn static void fail_unmapped(const char *what, uint32_t id, int code)
{
    char number[21];

    text_from_number(id, number);
    if (code == -EINVAL)
        program_fail(STATUS_FAILED, what, " ", number, ": not among the ids of this container");
    program_fail_errno(STATUS_FAILED, code, what, " ", number);
}

void user_become(const struct account *account)
{
    int code = (int) CALL(NR_SETGROUPS, account->group_count, account->groups);

    if (code < 0)
        program_fail_errno(STATUS_FAILED, code, "supplementary groups");
    code = (int) CALL(NR_SETRESGID, account->gid, account->gid, account->gid);
    if (code < 0)
        fail_unmapped("group", account->gid, code);
    code = (int) CALL(NR_SETRESUID, account->uid, account->uid, account->uid);
    if (code < 0)
        fail_unmapped("user", account->uid, code);
}

char **user_environment(const struct account *account, char **env)
{
    static char home[HOME_MAX] = "HOME=/";
    static char *changed[ENVIRONMENT_MAX + 2];
    size_t count = 0;

    if (program_variable(env, "HOME"))
        return env;
    if (account->home.length > 0 && account->home.length < HOME_MAX - sizeof "HOME=") {
        for (size_t i = 0; i < account->home.length; i++)
            home[sizeof "HOME=" - 1 + i] = account->home.bytes[i];
        home[sizeof "HOME=" - 1 + account->home.length] = '\0';
    }
    for (; env[count]; count++) {
        if (count == ENVIRONMENT_MAX)
            program_fail(STATUS_FAILED, "expected at most 65536 environment variables");
        changed[count] = env[count];
    }
    changed[count++] = home;
    changed[count] = NULL;
    return changed;
}
