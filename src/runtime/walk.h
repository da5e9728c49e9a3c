/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_WALK_H
#define SDME_RUNTIME_WALK_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "util.h"

/*
 * Goes through a tree by descriptor. A directory is opened by its name in its parent's descriptor,
 * never through a symlink nor into another mount (RESOLVE_NO_XDEV of openat2(2)), and is read at
 * once. Any depth is fine: beyond some levels, the way up is ".." (which must lead to the directory
 * that we came from), so that descriptors are bounded.
 */
struct sdme_walk_directory {
    int fd;           /* the directory, open for reading */
    int target_fd;    /* what enter() has put here, or -1; the walk keeps it and closes it */
    bool is_apart;    /* and this: target_fd isn't in the one of the parent */
    const void *data; /* what enter() has put here, or NULL */
    const char *path; /* for messages: bounded in length */
    dev_t device;
    ino_t inode;
};

enum { SDME_WALK_SKIP = 1 };

/*
 * What is called on the way; a function may be NULL, and a negative code ends the walk. @path is
 * the directory's; functions form "PATH/NAME" with it. Only file() and finish() may run in other
 * threads, several at a time.
 */
struct sdme_walk {
    /*
     * A directory was opened; its parent is still there. With SDME_WALK_SKIP, what is in it is left
     * out, and nothing more is called for it.
     */
    int (*enter)(void *context, const struct sdme_walk_directory *parent, const char *name,
                 struct sdme_walk_directory *directory, struct sdme_error *error);
    /* Everything else; @type is DT_REG, ... but what the name stands for may change any time. */
    int (*file)(void *context, const struct sdme_walk_directory *directory, const char *name,
                unsigned char type, struct sdme_error *error);
    /* Instead of enter(), for a directory that something is mounted on. NULL skips it. */
    int (*mount)(void *context, const struct sdme_walk_directory *parent, const char *name,
                 struct sdme_error *error);
    /* All files of a directory are done and all its directories were entered. Not for the root. */
    int (*finish)(void *context, const struct sdme_walk_directory *directory,
                  struct sdme_error *error);
    /* A directory was left behind, after all below it. */
    int (*leave)(void *context, const struct sdme_walk_directory *parent, const char *name,
                 struct sdme_error *error);
    void *context;
    const void *data; /* of the root directory */

    bool crosses_mounts;
    bool sorted; /* all files of a directory, then its directories, byte by byte of their names */
    bool tolerates_changes; /* what vanished or became something else meanwhile is no error */
    unsigned int threads;   /* that file() and finish() run in; 0 and 1: only this one */
    const struct sdme_cancel *cancel;
};

/*
 * Walks the tree below the directory @fd, which stays the caller's, as does @target_fd (or -1),
 * its counterpart. @path is its name in messages.
 */
int sdme_walk(const struct sdme_walk *walk, int fd, int target_fd, const char *path,
              struct sdme_error *error);

/*
 * Opens @name in @parent_fd as the walk does: with O_NOFOLLOW, O_CLOEXEC and, where it is allowed,
 * O_NOATIME. Returns the descriptor, or a negative errno: -EXDEV if something is mounted there.
 */
int sdme_walk_open(int parent_fd, const char *name, int flags, bool crosses_mounts);

#endif
