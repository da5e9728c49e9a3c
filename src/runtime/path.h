/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_PATH_H
#define SDME_RUNTIME_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "error.h"

/*
 * How a path becomes a descriptor. With a root, nothing outside it can be reached, whatever
 * symlinks, ".." and races there are: openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS.
 * SDME_NO_ROOT stands for a plain path of ours.
 */
enum { SDME_NO_ROOT = -1 };

/* As openat(2), with O_CLOEXEC | O_NOCTTY added. @root_fd may be an O_PATH descriptor. */
int sdme_path_open(int root_fd, const char *path, int flags, mode_t mode, int *ret_fd,
                   struct sdme_error *error);

/*
 * Opens (O_PATH) the directory that the last component of @path is in and returns that component,
 * which is not looked at: what makes, renames and unlinks it never follows it. Slashes at the end
 * are dropped. -EINVAL if there is no name at the end ("/", ".", "a/..").
 */
int sdme_path_open_parent(int root_fd, const char *path, int *ret_fd, char ret_name[NAME_MAX + 1],
                          struct sdme_error *error);

/*
 * Splits @path as that does; the directory ends with a slash, unless it is ".". -EINVAL without a
 * name at the end, -ENOENT without anything, -ENAMETOOLONG. For its fuzzer.
 */
int sdme_path_split(const char *path, char directory[PATH_MAX], char name[NAME_MAX + 1]);

/*
 * Opens a regular file for reading, and nothing else: a fifo doesn't block and a device isn't
 * touched, because what is there is looked at before it is opened. -EISDIR for a directory,
 * -ELOOP for a symlink that is not to be followed, -EINVAL for the others.
 */
int sdme_path_open_regular(int root_fd, const char *path, bool follow, int *ret_fd,
                           struct stat *ret_stat, struct sdme_error *error);

/*
 * A path to what @fd refers to, for the system calls that have no form with a descriptor, or none
 * that takes an O_PATH one (setxattr(2), chmod(2)). It must be followed, also for a symlink.
 */
struct sdme_path_of_fd {
    char text[32];
};
struct sdme_path_of_fd sdme_path_of_fd(int fd);

/* fsync(2) of a directory that may be an O_PATH descriptor. */
int sdme_path_sync_directory(int fd, const char *path, struct sdme_error *error);

/* A name that is free unless somebody guesses: "." and 64 bits from getrandom(2). */
struct sdme_path_temporary {
    char text[32];
};
struct sdme_path_temporary sdme_path_temporary(void);

#endif
