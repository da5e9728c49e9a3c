/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
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

/* The next word of *line; NULL when there is none. */
static char *next_word(char **line)
{
    char *word;

    do
        word = strsep(line, " \n");
    while (word && !*word);
    return word;
}

/* Takes a number off *text, which ends with @end; false if there is none up to @max. */
static bool take_number(char **text, int base, uintmax_t max, char end, uintmax_t *ret)
{
    char *rest;

    if (!isxdigit((unsigned char) **text))
        return false;
    errno = 0;
    uintmax_t number = strtoumax(*text, &rest, base);
    if (errno || number > max || rest == *text || *rest != end)
        return false;
    *text = rest + (end != '\0');
    *ret = number;
    return true;
}

bool sdme_lock_parse(char *line, struct sdme_lock_entry *ret)
{
    char *number = next_word(&line), *kind = next_word(&line), *pid, *file;
    uintmax_t holder, major_number, minor_number, inode;

    if (!number || !kind || strcmp(kind, "FLOCK") != 0)
        return false;
    next_word(&line); /* ADVISORY */
    next_word(&line); /* READ or WRITE */
    pid = next_word(&line);
    file = next_word(&line);
    if (!pid || !file || !take_number(&pid, 10, INT_MAX, '\0', &holder) || holder == 0)
        return false;
    if (!take_number(&file, 16, UINT_MAX, ':', &major_number) ||
        !take_number(&file, 16, UINT_MAX, ':', &minor_number) ||
        !take_number(&file, 10, UINTMAX_MAX, '\0', &inode))
        return false;
    *ret = (struct sdme_lock_entry){
        .holder = (pid_t) holder,
        .device = makedev((unsigned int) major_number, (unsigned int) minor_number),
        .inode = inode,
    };
    return true;
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
        struct sdme_lock_entry entry;

        if (sdme_lock_parse(line, &entry) && entry.inode == file.st_ino &&
            entry.device == file.st_dev)
            return entry.holder;
    }
    return 0;
}
