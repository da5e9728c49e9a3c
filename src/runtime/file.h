/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_FILE_H
#define SDME_RUNTIME_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "error.h"
#include "path.h"

/*
 * Single files and directories. Every @root_fd is as sdme_path_open() takes it; whatever makes,
 * replaces or removes the last component of a path never follows it. Files that are made have
 * exactly the mode that is asked for: the umask doesn't matter, and isn't touched.
 */

#define SDME_KEEP_OWNER ((uid_t) -1) /* for a gid as well */

struct sdme_file_options {
    mode_t mode;
    uid_t uid; /* or SDME_KEEP_OWNER: the caller's */
    gid_t gid;
    bool sync;      /* on the disk before the call returns, the name too */
    bool exclusive; /* -EEXIST if there is something of that name already */
};

/*
 * Reads until @size bytes are there or the file ends; @ret_size less than @size means its end.
 * @path is for the message only.
 */
int sdme_file_read(int fd, void *buffer, size_t size, size_t *ret_size, const char *path,
                   struct sdme_error *error);

/* Writes all of it. */
int sdme_file_write_all(int fd, const void *data, size_t size, const char *path,
                        struct sdme_error *error);

/* The same two at an offset: the descriptor's position doesn't matter and stays. */
int sdme_file_read_at(int fd, void *buffer, size_t size, uint64_t offset, size_t *ret_size,
                      const char *path, struct sdme_error *error);
int sdme_file_write_at(int fd, const void *data, size_t size, uint64_t offset, const char *path,
                       struct sdme_error *error);

/*
 * Puts a file at @path: the old content, or all of the new one, whatever happens and whoever
 * looks. A symlink at @path is replaced; a directory is -EISDIR.
 */
int sdme_file_write(int root_fd, const char *path, const void *data, size_t size,
                    const struct sdme_file_options *options, struct sdme_error *error);

/*
 * Makes a directory (of the options: mode, uid, gid). With @parents, also those above it, all with
 * the same mode and owner, and one that is there already (also behind a symlink) is fine.
 */
int sdme_file_make_directory(int root_fd, const char *path, bool parents,
                             const struct sdme_file_options *options, struct sdme_error *error);

/* Makes a symlink (of the options: uid, gid, exclusive); without exclusive it replaces a file. */
int sdme_file_make_symlink(int root_fd, const char *path, const char *target,
                           const struct sdme_file_options *options, struct sdme_error *error);

/*
 * Makes a device, fifo or socket: @type is S_IFCHR, S_IFBLK, S_IFIFO or S_IFSOCK. A character
 * device 0:0 is what overlayfs takes for a whiteout.
 */
int sdme_file_make_node(int root_fd, const char *path, mode_t type, dev_t device,
                        const struct sdme_file_options *options, struct sdme_error *error);

/* Removes one file or empty directory. */
int sdme_file_remove(int root_fd, const char *path, struct sdme_error *error);

/*
 * Opens a new file to read and write, 0600, where @path would be: without a name, so that nothing
 * is left of it if we are killed. -EOPNOTSUPP where the filesystem has no such files (open(2),
 * O_TMPFILE).
 */
int sdme_file_open_nameless(int root_fd, const char *path, int *ret_fd, struct sdme_error *error);

/*
 * Gives such a file its name. What has that is -EEXIST or, with @replace, gone: then a hidden name
 * is there for a moment. With @sync the directory is on the disk when it returns.
 */
int sdme_file_link(int fd, int root_fd, const char *path, bool replace, bool sync,
                   struct sdme_error *error);

/* @flags as in renameat2(2); with @sync, both directories are on the disk when it returns. */
int sdme_file_rename(int root_fd, const char *from, const char *to, unsigned int flags, bool sync,
                     struct sdme_error *error);

/* Where the symlink @path points, as it is written. */
int sdme_file_read_link(int root_fd, const char *path, char ret_target[PATH_MAX],
                        struct sdme_error *error);

/* syncfs(2) of the filesystem that @path is on. */
int sdme_file_sync(int root_fd, const char *path, struct sdme_error *error);

#endif
