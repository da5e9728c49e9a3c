/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "util.h"

static bool is_file_at(int fd, const char *path)
{
    struct stat held, named;

    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

int sdme_lock_acquire(const char *path, bool shared, int *ret_fd, struct sdme_error *error)
{
    for (;;) {
        _cleanup_close_ int fd =
            open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

        if (fd < 0)
            return sdme_fail(error, errno, "open lock %s", path);
        if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0)
            return sdme_fail(error, errno, "lock %s", path);
        if (is_file_at(fd, path)) {
            *ret_fd = sdme_take_fd(&fd);
            return 0;
        }
    }
}

void sdme_lock_release(const char *path, int fd)
{
    if (fd < 0)
        return;
    if (is_file_at(fd, path))
        unlink(path);
    sdme_close(fd);
}

pid_t sdme_lock_holder(const char *path)
{
    _cleanup_fclose_ FILE *locks = NULL;
    _cleanup_free_ char *line = NULL;
    size_t size = 0;
    struct stat file;

    if (stat(path, &file) < 0 || !(locks = fopen("/proc/locks", "re")))
        return 0;
    while (getline(&line, &size, locks) > 0) {
        unsigned int major_number, minor_number;
        uintmax_t inode;
        int pid;

        if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%" SCNuMAX, &pid, &major_number,
                   &minor_number, &inode) == 4 &&
            inode == file.st_ino && major_number == major(file.st_dev) &&
            minor_number == minor(file.st_dev))
            return pid;
    }
    return 0;
}
