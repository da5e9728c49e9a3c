/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PACK_H
#define SDME_RUNTIME_ARCHIVE_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "archive_pack_output.h"
#include "shift.h"

/*
 * A tree as a tar archive: the root itself ("./") and all below it; in each directory the files
 * come first and then the directories, both in the order of the bytes of their names. The same tree
 * always gives the same archive. Owners are numbers without names; there is no time but that of the
 * last change, to the nanosecond; a file with several names comes with the first of them; holes
 * stay holes. Sockets, the attributes that tree.h leaves out, and what overlayfs notes for itself
 * are left out.
 */
struct sdme_archive_pack {
    int root_fd; /* a directory, may be an O_PATH descriptor */
    struct sdme_pack_output_options output;

    /*
     * If there is a range, every id in the tree must be in it and is written as what it is moved
     * to: -EOVERFLOW otherwise.
     */
    struct sdme_shift shift;

    /*
     * Overlay's whiteouts and opaque directories become those of OCI layers: ".wh.NAME" and
     * ".wh..wh..opq" (https://github.com/opencontainers/image-spec/blob/main/layer.md), and no file
     * may have such a name. Without it, there must be none: -EINVAL. A layer that refers to those
     * below it (redirects, metadata without content) can't be packed alone: -SDME_EUNSUPPORTED.
     */
    bool whiteouts;

    bool clamps;
    int64_t modified; /* what later times become */

    /* NULL-terminated: paths below the root; a "*" as the last name stands for all in there. */
    const char *const *exclude;
    bool crosses_mounts; /* else a mount point becomes an empty directory */
};

struct sdme_archive_packed {
    struct sdme_pack_written written;
    uint64_t entries; /* in the archive */
};

/* What can be looked at from another thread meanwhile. */
struct sdme_archive_progress {
    atomic_ullong size; /* of the archive before it is compressed */
    atomic_ullong entries;
};

/*
 * Packs. A file that changes while it is read is -EBUSY, and named like every other one that can't
 * be packed. What was written by then is the caller's to remove. @options->output.cancel counts for
 * all of it.
 */
int sdme_archive_pack(const struct sdme_archive_pack *options,
                      struct sdme_archive_progress *progress,
                      struct sdme_archive_packed *ret_packed, struct sdme_error *error);

#endif
