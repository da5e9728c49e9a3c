/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_TREE_H
#define SDME_RUNTIME_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "path_set.h"
#include "tree_metadata.h"
#include "util.h"

/*
 * Whole trees. Every @root_fd is as sdme_path_open() takes it; no symlink in a tree is ever
 * followed, and any depth and any bytes in names are fine.
 */

struct sdme_tree_size {
    uint64_t size;      /* bytes in files */
    uint64_t allocated; /* bytes on the disk; a copy doesn't tell */
    uint64_t files;     /* everything but directories; a file with several names once */
    uint64_t directories;
};

/* Measures what is below @path on its mount, @path included. */
int sdme_tree_measure(int root_fd, const char *path, const struct sdme_cancel *cancel,
                      struct sdme_tree_size *ret_size, struct sdme_error *error);

/*
 * Removes @path and all below it. -EBUSY if something is mounted on or in it: what is mounted is
 * not touched. Immutable and append-only flags (chattr(1)) don't protect a file.
 */
int sdme_tree_remove(int root_fd, const char *path, const struct sdme_cancel *cancel,
                     struct sdme_error *error);

/*
 * Gives the directory @path, and whatever below it was changed after @latest (seconds since 1970),
 * that time instead. Nothing is followed, and no other mount entered.
 */
int sdme_tree_clamp(int root_fd, const char *path, int64_t latest,
                    const struct sdme_cancel *cancel, uint64_t *ret_changed,
                    struct sdme_error *error);

/* Marks of the paths that a copy leaves out. */
enum {
    SDME_TREE_EXCLUDE = 1,         /* it and all below it */
    SDME_TREE_EXCLUDE_CONTENT = 2, /* what is in it: the directory becomes an empty one */
};

struct sdme_tree_digest;

struct sdme_tree_copy {
    struct sdme_tree_metadata metadata;
    bool crosses_mounts; /* else a mount point becomes an empty directory */
    bool into;           /* @target is a directory that is there, with nothing in it */
    bool merge;          /* @target may be there: see below */
    const struct sdme_path_set *exclude; /* below the source; NULL: nothing */
    unsigned int threads;                /* 0: as many as there are processors */
    struct sdme_tree_digest *digest;     /* gets what was written; NULL: nobody wants to know */
    const struct sdme_cancel *cancel;
};

/*
 * Copies @source (a file of any type, or a directory and all below it) to @target, which must not
 * exist, nor lie in @source but where that is excluded: owners, modes, times, ACLs, capabilities
 * and user.*, trusted.* attributes, hard links within the tree, holes; sharing the data (FICLONE)
 * where the filesystem can. Attributes that belong to the host's policy (security.selinux, ima,
 * evm) are left out; one of the others that the target's filesystem can't hold is an error. A file
 * that changes meanwhile is -EBUSY. Whatever fails, nothing is left of @target, or in it.
 *
 * With merge, what is at @target stays: a directory that is on both sides keeps its owner, mode and
 * times, also behind a symlink (which @target_root confines), and anything else replaces what isn't
 * a directory there. -EISDIR for a file where a directory is, -ENOTDIR the other way round. What
 * fails leaves what was done until then.
 */
int sdme_tree_copy(int source_root, const char *source, int target_root, const char *target,
                   const struct sdme_tree_copy *options, struct sdme_tree_size *ret_size,
                   struct sdme_error *error);

#endif
