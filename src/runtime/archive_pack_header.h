/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PACK_HEADER_H
#define SDME_RUNTIME_ARCHIVE_PACK_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shift.h"

/*
 * The headers of a tar archive: ustar, with an extended header in front of it where that doesn't
 * hold everything ("pax Interchange Format" of POSIX's pax(1)), GNU's sparse format 1.0, and star's
 * keywords for attributes and ACLs, which GNU tar and libarchive use too.
 *
 * libarchive writes them as well, but what it writes depends on the locale and on its version, and
 * attributes with a "=" in their name get lost. The same tree must always give the same bytes.
 */

enum {
    SDME_PACK_BLOCK = 512,
    SDME_PACK_MAX = 1024 * 1024, /* of an extended header; libarchive reads no longer ones */
};

/* The types of entries, as they are in the header. */
enum {
    SDME_PACK_FILE = '0',
    SDME_PACK_LINK = '1',
    SDME_PACK_SYMLINK = '2',
    SDME_PACK_CHARACTER = '3',
    SDME_PACK_BLOCK_DEVICE = '4',
    SDME_PACK_DIRECTORY = '5',
    SDME_PACK_FIFO = '6',
};

struct sdme_pack_header_entry {
    char type;
    const char *path; /* a directory's ends with a slash */
    const char *link; /* what a link or symlink leads to, else NULL */
    mode_t mode;
    uint32_t uid;
    uint32_t gid;
    int64_t mtime;
    uint32_t mtime_nsec;
    uint32_t device_major;
    uint32_t device_minor;
    uint64_t size; /* of what follows the header */
    bool sparse;   /* what follows is a map and the data, and the file has: */
    uint64_t real_size;
};

/*
 * A header being made: first what is only in extended headers, then the entry. All zero at first,
 * and used for one entry after another. A failure is remembered until the header is asked for.
 */
struct sdme_pack_header {
    char *data;
    size_t size;
    size_t room;
    int failed;
};

/* A record of the extended header. */
void sdme_pack_header_add(struct sdme_pack_header *header, const char *key, const void *value,
                          size_t size);

/* An extended attribute; @name is at most XATTR_NAME_MAX bytes long. */
void sdme_pack_header_add_attribute(struct sdme_pack_header *header, const char *name,
                                    const void *value, size_t size);

/*
 * A POSIX ACL, @value as it is in the attribute @name: system.posix_acl_access or _default. The ids
 * in it are shifted, and must all be in the range if there is one: else -EOVERFLOW, and -EBADMSG
 * for what is no ACL.
 */
int sdme_pack_header_add_acl(struct sdme_pack_header *header, const char *name, const void *value,
                             size_t size, const struct sdme_shift *shift);

/* Forgets what was added. */
void sdme_pack_header_drop(struct sdme_pack_header *header);

/*
 * The finished header, whole blocks, good until the next entry is begun by adding to @header.
 * -E2BIG if the extended header is too long, -ENOMEM.
 */
int sdme_pack_header_finish(struct sdme_pack_header *header,
                            const struct sdme_pack_header_entry *entry, const void **ret_data,
                            size_t *ret_size);

void sdme_pack_header_free(struct sdme_pack_header *header);

#endif
