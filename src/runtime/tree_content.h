/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_TREE_CONTENT_H
#define SDME_RUNTIME_TREE_CONTENT_H

#include <sys/stat.h>

#include "util.h"

/* Copying what is in files, from any number of threads: what the first ones learn, the next know.
 */
struct sdme_tree_content {
    const struct sdme_cancel *cancel;
    atomic_bool no_clone; /* learned: FICLONE, copy_file_range(2) don't work between these two */
    atomic_bool no_range;
};

/*
 * Copies the content of the regular file @in, which @file is of, to the empty one @out: sharing the
 * data where that can be, and with its holes. -EBUSY if it changes meanwhile.
 */
int sdme_tree_content_copy(struct sdme_tree_content *content, int in, int out,
                           const struct statx *file);

#endif
