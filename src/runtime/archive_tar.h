/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_TAR_H
#define SDME_RUNTIME_ARCHIVE_TAR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "error.h"

/*
 * Reads tar archives: v7, ustar and pax (POSIX.1-2017, pax, "EXTENDED DESCRIPTION"), GNU (GNU tar
 * manual, "Basic Tar Format"), and the sparse files of GNU tar in all of their forms. The bytes of
 * names are kept as they are. Where two readers could understand an archive in two ways (sizes that
 * contradict each other, one extended header after the other), it is refused.
 *
 * Not by libarchive: it settles such contradictions before anybody sees them, and converts names by
 * iconv(3), which in a chroot looks for its modules in what was unpacked.
 */

enum {
    SDME_TAR_BLOCK = 512,
    SDME_TAR_EXTENDED_MAX = 1024 * 1024, /* bytes of extended headers and long names of an entry */
    SDME_TAR_EXTENTS_MAX = 1024 * 1024,  /* of a sparse file */
};

/* Where the bytes come from. */
struct sdme_tar_source {
    /*
     * The next piece, whose size is a multiple of 512 but for the last: 1, or 0 at the end, or a
     * negative code. It is there until the next call.
     */
    int (*next)(void *context, const unsigned char **ret_data, size_t *ret_size,
                struct sdme_error *error);
    void *context;
    /*
     * The mark of the end, and the padding in front of it, may be missing, as some writers in Go
     * leave them out. For whoever checks the digest: nothing else tells a truncated archive then.
     */
    bool unmarked_end;
};

/* Bytes, with a NUL behind them that isn't counted. */
struct sdme_tar_text {
    const char *data;
    size_t size;
};

struct sdme_tar_attribute {
    struct sdme_tar_text name;
    struct sdme_tar_text value;
    bool weak; /* gives way to another one of the name, wherever that is */
};

/* A part of a sparse file that has content. */
struct sdme_tar_extent {
    uint64_t offset;
    uint64_t size;
};

struct sdme_tar_entry {
    uint64_t number; /* from 1 */
    uint64_t offset; /* of its header in the stream */
    mode_t type;     /* S_IFREG, ...; 0: a hard link */
    mode_t mode;     /* 07777 at most */
    struct sdme_tar_text path;
    struct sdme_tar_text link; /* of a symlink or hard link */
    uid_t uid;
    gid_t gid;
    struct timespec mtime, atime; /* without one of its own, the atime is the mtime */
    unsigned int major, minor;    /* of a device */
    uint64_t size;                /* of a regular file */
    bool is_sparse;
    const struct sdme_tar_extent *extents; /* ascending, without overlaps, all within `size` */
    size_t extent_count;
    const struct sdme_tar_attribute *attributes; /* all that there are, whatever the names */
    size_t attribute_count;
    struct sdme_tar_text acl_access, acl_default; /* as text; NULL: none */
};

struct sdme_tar;

int sdme_tar_new(const struct sdme_tar_source *source, struct sdme_tar **ret_tar,
                 struct sdme_error *error);
void sdme_tar_free(struct sdme_tar *tar);

/*
 * Reads up to the next entry, past what is left of the last one: 1, or 0 at the mark of the end,
 * after which the source is read to its end, whatever is there. What the entry points to is there
 * until the next call. -SDME_EFORMAT names what is wrong and where.
 */
int sdme_tar_next(struct sdme_tar *tar, struct sdme_tar_entry *ret_entry, struct sdme_error *error);

/* The next piece of the entry's content, extent after extent: 1, or 0 at its end. */
int sdme_tar_data(struct sdme_tar *tar, const unsigned char **ret_data, size_t *ret_size,
                  struct sdme_error *error);

/* Whether 512 bytes look like the start of an archive: a header with its checksum, or zeros. */
bool sdme_tar_is_header(const unsigned char *block);

#endif
