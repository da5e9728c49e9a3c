/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_TREE_COMPARE_H
#define SDME_RUNTIME_TREE_COMPARE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "difference.h"
#include "error.h"
#include "path_set.h"
#include "shift.h"
#include "util.h"

/* Marks of the paths that a comparison is told of. */
enum {
    SDME_COMPARE_WANTED = 1, /* it and all below it is listed */
    SDME_COMPARE_HIDDEN = 2, /* what the lower has in it doesn't count, as if it were empty */
};

/* What an overlay's upper directory changes in what is below it (overlayfs.rst of the kernel). */
struct sdme_tree_compare {
    int lower_fd; /* the directory that the overlay would show without the upper */
    int upper_fd;
    struct sdme_shift shift;           /* from the upper's owners to the lower's */
    const struct sdme_path_set *paths; /* NULL: all is listed, and nothing hidden */
    bool all;                          /* no path is marked as wanted: all are */
    unsigned int threads;              /* 0: as many as there are processors */
    const struct sdme_cancel *cancel;
};

struct sdme_tree_change {
    char *path;                /* from the root on, with a slash at its start */
    char *from;                /* where it was moved from, or NULL */
    char change;               /* 'A'dded, 'M'odified, 'D'eleted */
    mode_t mode;               /* what it is, or what was deleted */
    int differs;               /* of 'M': SDME_DIFFERS_* */
    uint64_t size, lower_size; /* of regular files */
};

struct sdme_tree_changes {
    struct sdme_tree_change *list;
    size_t count, room;
};

/*
 * Lists the changes by path, byte by byte. A directory that was deleted is one of them, without
 * what was in it; one that was added is listed with all that is in it. Of a directory that was
 * moved (redirect_dir), what is listed below it are the changes since then. What changes meanwhile
 * is no error. The caller frees @ret_changes.
 */
int sdme_tree_compare(const struct sdme_tree_compare *compare,
                      struct sdme_tree_changes *ret_changes, struct sdme_error *error);
void sdme_tree_changes_free(struct sdme_tree_changes *changes);

#endif
