/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_MOUNT_H
#define SDME_RUNTIME_MOUNT_H

#include <stdbool.h>

#include "error.h"

/*
 * Mounts as descriptors (open_tree(2), mount_setattr(2), move_mount(2)). A detached mount is seen
 * by whoever holds its descriptor, appears in no mount table, and is gone with the last one.
 */

/*
 * Makes a detached copy of the mount that @path is on, with @path as its root; @recursive takes
 * the mounts below it too.
 */
int sdme_mount_clone(const char *path, bool recursive, int *ret_fd, struct sdme_error *error);

/*
 * Maps the owners of a detached mount by the user namespace @userns_fd: what the filesystem says
 * belongs to 0 appears as the namespace's first id. @path names the mount in the message.
 * SDME_EUNSUPPORTED: its filesystem can't be mapped (mount_setattr(2), ID-mapped mounts).
 */
int sdme_mount_map_owners(int mount_fd, int userns_fd, const char *path, struct sdme_error *error);

/* Makes a detached mount read-only, and its devices and setuid bits void with @inert. */
int sdme_mount_restrict(int mount_fd, bool inert, struct sdme_error *error);

/* A filesystem to mount, by fsopen(2), fsconfig(2) and fsmount(2). */
struct sdme_mount_option {
    const char *key;
    const char *value; /* NULL: the key alone */
};

struct sdme_mount_filesystem {
    const char *type;
    const char *source;
    const struct sdme_mount_option *options; /* the key of the last is NULL */
    bool read_only;
    bool inert; /* devices, setuid bits and programs in it are void */
};

/* Makes a detached mount of a filesystem. */
int sdme_mount_filesystem(const struct sdme_mount_filesystem *filesystem, int *ret_fd,
                          struct sdme_error *error);

/*
 * Fails with what the kernel has to say about the filesystem context @context, or with the text of
 * @code: "mount TYPE: WHAT: ..."
 */
int sdme_mount_fail(int context, int code, const char *type, const char *what,
                    struct sdme_error *error);

/* Puts a detached mount on @target, an O_PATH descriptor of a directory (or file, for a file). */
int sdme_mount_attach(int mount_fd, int target_fd, const char *target, struct sdme_error *error);

/*
 * Gives the calling process a mount namespace of its own, into which mounts of the host still
 * propagate and out of which none does (mount_namespaces(7), MS_SLAVE).
 */
int sdme_mount_unshare(struct sdme_error *error);

/* A line of /proc/self/mountinfo (proc(5)), unescaped. */
struct sdme_mount {
    int id, parent;
    char *root, *target, *options, *type, *source;
};

/* Calls @each for every mount that the calling process sees; a negative result ends it. */
int sdme_mount_list(int (*each)(const struct sdme_mount *mount, void *context), void *context,
                    struct sdme_error *error);

/* Reads one line in place; false if it isn't one. For sdme_mount_list() and its fuzzer. */
bool sdme_mount_parse(char *line, struct sdme_mount *ret);

#endif
