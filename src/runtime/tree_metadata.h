/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_TREE_METADATA_H
#define SDME_RUNTIME_TREE_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "error.h"
#include "shift.h"

/*
 * What becomes of owners, modes, times and attributes in a copy. All zero: they stay, but for the
 * attributes that belong to the host's policy (see sdme_attribute_is_kept()).
 */
struct sdme_tree_metadata {
    struct sdme_shift shift; /* of owners */
    bool overlay;            /* trusted.overlay.* as well: redirects, opaque marks */

    /*
     * Everything gets this owner. What an owner had allowed goes with it: setuid and setgid bits
     * of files (unless `mode` has them), capabilities, and ACLs, which name users of the source.
     */
    bool sets_owner;
    uid_t uid;
    gid_t gid;

    /* Files get this mode, and lose their ACLs; directories as well, and may be searched by
     * whoever may read them, without its setuid, setgid and sticky bits. */
    bool sets_mode;
    mode_t mode;

    bool sets_time;
    struct timespec time;
};

/* What a file becomes: the owner, and the mode with its type. */
struct sdme_tree_landing {
    uid_t uid;
    gid_t gid;
    mode_t mode;
};

struct sdme_tree_landing sdme_tree_landing(const struct sdme_tree_metadata *metadata,
                                           const struct statx *file);

/* Whether an extended attribute is part of what the copy is. */
bool sdme_tree_metadata_keeps(const struct sdme_tree_metadata *metadata, const char *attribute);

/*
 * Reads an attribute of @fd (also an O_PATH descriptor) as the copy gets it, into
 * SDME_ATTRIBUTE_MAX bytes. -ENODATA if it isn't there any more.
 */
int sdme_tree_metadata_read(const struct sdme_tree_metadata *metadata, int fd,
                            const char *attribute, void *value, size_t *ret_size);

/*
 * Makes @out, which belongs to @uid and @gid, what @in is (@file of it), apart from the content.
 * "PATH/NAME" is for messages.
 */
int sdme_tree_metadata_copy(const struct sdme_tree_metadata *metadata, int in, int out,
                            const struct statx *file, uid_t uid, gid_t gid, const char *path,
                            const char *name, struct sdme_error *error);

int sdme_tree_stat(int fd, struct statx *ret_file);

/* Whether a file that was read is still what it was before. */
bool sdme_tree_is_same(const struct statx *before, const struct statx *now);

#endif
