/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PAX_H
#define SDME_RUNTIME_ARCHIVE_PAX_H

#include "archive_tar.h"

/*
 * Extended headers of pax: records "LENGTH KEY=VALUE\n". Those that we know end up in a struct
 * sdme_pax; others are skipped.
 */

/* The keys with a single value, in the order of a table in archive_pax.c. */
enum sdme_pax_key {
    SDME_PAX_PATH,
    SDME_PAX_LINK,
    SDME_PAX_SIZE,
    SDME_PAX_UID,
    SDME_PAX_GID,
    SDME_PAX_MTIME,
    SDME_PAX_ATIME,
    SDME_PAX_MAJOR,
    SDME_PAX_MINOR,
    SDME_PAX_ACL_ACCESS,
    SDME_PAX_ACL_DEFAULT,
    SDME_PAX_SPARSE_NAME,
    SDME_PAX_SPARSE_REAL_SIZE,
    SDME_PAX_SPARSE_SIZE,
    SDME_PAX_SPARSE_MAJOR,
    SDME_PAX_SPARSE_MINOR,
    SDME_PAX_SPARSE_MAP,
    SDME_PAX_KEYS,
};

struct sdme_pax {
    bool present[SDME_PAX_KEYS];
    struct sdme_tar_text text[SDME_PAX_KEYS];
    uint64_t number[SDME_PAX_KEYS];
    struct timespec time[SDME_PAX_KEYS];

    struct sdme_tar_attribute *attributes;
    size_t attribute_count, attribute_size;
    struct sdme_tar_extent *extents; /* of GNU.sparse.offset and GNU.sparse.numbytes */
    size_t extent_count, extent_size;
    bool extent_open; /* the size of the last one is still to come */
};

/*
 * Reads the records in @data, which is changed: there are NULs behind names and values then, and
 * @pax points into it. There must be one byte behind its @size bytes. A @global header may only
 * have owners and times. Fails with what is wrong, without where.
 */
int sdme_pax_read(struct sdme_pax *pax, char *data, size_t size, bool global,
                  struct sdme_error *error);

/* Forgets all, and keeps memory for the next. */
void sdme_pax_clear(struct sdme_pax *pax);
void sdme_pax_free(struct sdme_pax *pax);

/* Adds an extent; -SDME_EFORMAT if there are too many. */
int sdme_pax_add_extent(struct sdme_pax *pax, uint64_t offset, uint64_t size,
                        struct sdme_error *error);

/* A decimal number that is all of the text. */
bool sdme_pax_number(struct sdme_tar_text text, uint64_t *ret_number);

/* "[-]SECONDS[.FRACTION]". */
bool sdme_pax_time(struct sdme_tar_text text, struct timespec *ret_time);

#endif
