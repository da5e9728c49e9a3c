/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ATTRIBUTE_H
#define SDME_RUNTIME_ATTRIBUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "error.h"

/*
 * What a file is, apart from its content. Every @root_fd is as sdme_path_open() takes it; without
 * @follow, a symlink at the end of the path is itself what is meant.
 */

/* As statx(2), with the mount id. */
int sdme_file_stat(int root_fd, const char *path, bool follow, struct statx *ret_file,
                   struct sdme_error *error);

/* SDME_KEEP_OWNER leaves the one or the other. As chown(2): the setuid and setgid bits go. */
int sdme_file_change_owner(int root_fd, const char *path, bool follow, uid_t uid, gid_t gid,
                           struct sdme_error *error);

/* A symlink has no mode: -EOPNOTSUPP. */
int sdme_file_change_mode(int root_fd, const char *path, bool follow, mode_t mode,
                          struct sdme_error *error);

/* Extended attributes, see xattr(7). */
int sdme_file_set_attribute(int root_fd, const char *path, bool follow, const char *name,
                            const void *value, size_t size, struct sdme_error *error);

int sdme_file_remove_attribute(int root_fd, const char *path, bool follow, const char *name,
                               struct sdme_error *error);

/* @value holds @size bytes (65536 are always enough); @ret_size is what was taken of it. */
int sdme_file_get_attribute(int root_fd, const char *path, bool follow, const char *name,
                            void *value, size_t size, size_t *ret_size, struct sdme_error *error);

/* The names, each with a NUL behind it; 65536 bytes are always enough. */
int sdme_file_list_attributes(int root_fd, const char *path, bool follow, char *names, size_t size,
                              size_t *ret_size, struct sdme_error *error);

/*
 * The same of what an open descriptor refers to, for the tree functions: `names` points to one name
 * after another, each with a NUL behind it; free them. @fd may be an O_PATH descriptor. A
 * filesystem without attributes has none.
 */
struct sdme_attribute_names {
    const char *names;
    size_t size;
    char *allocated;
    char small[512];
};
int sdme_attribute_names_read(int fd, struct sdme_attribute_names *names);
void sdme_attribute_names_free(struct sdme_attribute_names *names);

/*
 * Whether an attribute is part of what a file is: user.*, trusted.* but for those of overlayfs and
 * ours, capabilities and ACLs. The others belong to the host's policy. xfs lists its ACLs a second
 * time, as trusted.SGI_ACL_*: to set those would set the ACL, with the ids that are in them; and
 * as trusted.xfs:*, at its root, properties of the whole filesystem (xfs_property(8)).
 */
bool sdme_attribute_is_kept(const char *name);

/* XATTR_SIZE_MAX and XATTR_LIST_MAX of <linux/limits.h>. */
#define SDME_ATTRIBUTE_MAX 65536

struct sdme_filesystem {
    uint64_t magic;
    const char *type; /* static, or NULL when the magic number is none that we know */
    uint64_t size;    /* bytes */
    uint64_t free;    /* bytes that are left for everybody */
    uint64_t files_free;
};

/* As statfs(2); names as mount(8) has them. */
int sdme_file_filesystem(int root_fd, const char *path, struct sdme_filesystem *ret_filesystem,
                         struct sdme_error *error);

/* "file", "directory", "symlink", "character", "block", "fifo", "socket"; "unknown" otherwise. */
const char *sdme_file_type(mode_t mode);

/* The other way round: S_IFREG, ...; 0 if there is no such type. */
mode_t sdme_file_type_number(const char *type);

#endif
