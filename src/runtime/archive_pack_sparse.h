/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PACK_SPARSE_H
#define SDME_RUNTIME_ARCHIVE_PACK_SPARSE_H

#include <stddef.h>
#include <stdint.h>

/* Where a file has data, and that as GNU's sparse format 1.0 puts it in front of the data. */
struct sdme_pack_sparse {
    struct sdme_pack_sparse_piece {
        uint64_t offset;
        uint64_t size;
    } * pieces;
    size_t count;
    uint64_t data_size; /* of all of them */
    char *map;          /* whole blocks of 512 bytes; NULL if the file has no holes */
    size_t map_size;
};

/*
 * Reads the map of a file of @size bytes. If there is a very large number of holes, those near the
 * end are left to be read as zeros. A negative errno, and -EBUSY if the file is changing.
 */
int sdme_pack_sparse_read(int fd, uint64_t size, struct sdme_pack_sparse *ret_sparse);

void sdme_pack_sparse_free(struct sdme_pack_sparse *sparse);

#endif
