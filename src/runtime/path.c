/* SPDX-License-Identifier: MIT */
#include "path.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "util.h"

enum {
    /* openat2(2) answers EAGAIN when a rename anywhere raced with ".."; that is rare, so many in a
     * row are somebody's intent. */
    ATTEMPTS = 128,
};

int sdme_path_open(int root_fd, const char *path, int flags, mode_t mode, int *ret_fd,
                   struct sdme_error *error)
{
    bool rooted = root_fd >= 0;
    bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {
        /* O_PATH tolerates few other flags in openat2(2). */
        .flags = (unsigned int) (flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)),
        .mode = creates ? mode : 0,
        .resolve = rooted ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS : 0,
    };
    long fd = -1;

    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        fd = syscall(SYS_openat2, rooted ? root_fd : AT_FDCWD, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    if (fd < 0)
        return sdme_fail(error, errno, "open %s", path);
    *ret_fd = (int) fd;
    return 0;
}

int sdme_path_split(const char *path, char directory[PATH_MAX], char name[NAME_MAX + 1])
{
    size_t end = strlen(path);

    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    size_t length = end - start;

    if (length > NAME_MAX || start >= PATH_MAX)
        return -ENAMETOOLONG;
    if (length == 0)
        return path[0] ? -EINVAL : -ENOENT;
    memcpy(name, path + start, length);
    name[length] = '\0';
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return -EINVAL;
    memcpy(directory, path, start);
    if (start == 0)
        directory[start++] = '.';
    directory[start] = '\0';
    return 0;
}

int sdme_path_open_parent(int root_fd, const char *path, int *ret_fd, char ret_name[NAME_MAX + 1],
                          struct sdme_error *error)
{
    char directory[PATH_MAX], name[NAME_MAX + 1];
    int fd;

    int code = sdme_path_split(path, directory, name);
    if (code == -EINVAL)
        return sdme_fail_as(error, EINVAL, "%s: no file name at the end", path);
    if (code < 0)
        return sdme_fail(error, code, "%s", path);
    code = sdme_path_open(root_fd, directory, O_PATH | O_DIRECTORY, 0, &fd, error);
    if (code < 0)
        return code;
    memcpy(ret_name, name, strlen(name) + 1);
    *ret_fd = fd;
    return 0;
}

static int require_regular(const struct stat *file, const char *path, struct sdme_error *error)
{
    if (S_ISREG(file->st_mode))
        return 0;
    if (S_ISDIR(file->st_mode))
        return sdme_fail(error, EISDIR, "read %s", path);
    if (S_ISLNK(file->st_mode))
        return sdme_fail_as(error, ELOOP, "read %s: a symbolic link", path);
    return sdme_fail_as(error, EINVAL, "read %s: not a regular file", path);
}

int sdme_path_open_regular(int root_fd, const char *path, bool follow, int *ret_fd,
                           struct stat *ret_stat, struct sdme_error *error)
{
    _cleanup_close_ int handle = -1;
    struct stat file;

    int code = sdme_path_open(root_fd, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, &handle, error);
    if (code < 0)
        return code;
    if (fstat(handle, &file) < 0)
        return sdme_fail(error, errno, "read %s", path);
    code = require_regular(&file, path, error);
    if (code < 0)
        return code;
    int fd = open(sdme_path_of_fd(handle).text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return sdme_fail(error, errno, "open %s", path);
    *ret_fd = fd;
    if (ret_stat)
        *ret_stat = file;
    return 0;
}

struct sdme_path_of_fd sdme_path_of_fd(int fd)
{
    struct sdme_path_of_fd path;

    snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
    return path;
}

int sdme_path_sync_directory(int fd, const char *path, struct sdme_error *error)
{
    _cleanup_close_ int directory = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory < 0 || fsync(directory) < 0)
        return sdme_fail(error, errno, "sync the directory of %s", path);
    return 0;
}

struct sdme_path_temporary sdme_path_temporary(void)
{
    struct sdme_path_temporary name;
    uint64_t number = 0;

    /* Never fails nor blocks once the machine is up; and the name is used with O_EXCL anyway. */
    if (getrandom(&number, sizeof number, 0) < 0)
        number = (uintptr_t) &name;
    snprintf(name.text, sizeof name.text, ".sdme-%016" PRIx64, number);
    return name;
}
