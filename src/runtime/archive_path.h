/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PATH_H
#define SDME_RUNTIME_ARCHIVE_PATH_H

#include <limits.h>
#include <stddef.h>

#include "error.h"

/* The path of an entry, as one that leads from the top of the tree downwards. */
struct sdme_archive_path {
    size_t size;
    size_t name;         /* where the last component starts; the path before it ends with a slash */
    char text[PATH_MAX]; /* "" is the top itself */
};

/*
 * Takes slashes at the start, empty components and "." out of the @size bytes at @raw. The result
 * has components of at most 255 bytes, none of them "..", at most @max_depth of them, and at most
 * @max_size bytes (below PATH_MAX). -SDME_EFORMAT for "..", a NUL, or no bytes at all;
 * -ENAMETOOLONG names the limit.
 */
int sdme_archive_path_clean(const char *raw, size_t size, size_t max_size, size_t max_depth,
                            struct sdme_archive_path *ret_path, struct sdme_error *error);

/* What a name means in a layer of an OCI image (image-spec, layer.md, "Whiteouts"). */
enum sdme_archive_mark {
    SDME_MARK_NONE,     /* a file as any other */
    SDME_MARK_WHITEOUT, /* ".wh.NAME": NAME of the layers below is gone */
    SDME_MARK_OPAQUE,   /* ".wh..wh..opq": all of the directory in the layers below is gone */
    SDME_MARK_IGNORED,  /* ".wh..wh.*": aufs kept its books there */
    SDME_MARK_BROKEN,   /* what only looks like one of them */
};

#define SDME_WHITEOUT_PREFIX ".wh."

enum sdme_archive_mark sdme_archive_path_mark(const struct sdme_archive_path *path);

#endif
