/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_SPARSE_H
#define SDME_RUNTIME_ARCHIVE_SPARSE_H

#include "archive_header.h"
#include "archive_pax.h"

/*
 * Which parts of a sparse file are in an archive (GNU tar manual, "Storing Sparse Files"): the old
 * form, in the header and blocks behind it, and the versions 0.0, 0.1 (both in the extended header)
 * and 1.0 (in front of the content).
 */
struct sdme_sparse {
    struct sdme_pax *pax; /* the extended header of the entry; gets the extents */
    uint64_t *left;       /* bytes of its content; what is read of them is taken off */
    int (*next_block)(void *context, const unsigned char **ret_block, struct sdme_error *error);
    void *context;
};

/* If the entry is a sparse file, sets its size and extents, which have all that is left then. */
int sdme_sparse_read(const struct sdme_sparse *sparse, const struct sdme_tar_header *header,
                     struct sdme_tar_entry *entry, struct sdme_error *error);

#endif
