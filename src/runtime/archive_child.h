/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_CHILD_H
#define SDME_RUNTIME_ARCHIVE_CHILD_H

#include "archive_pipeline.h"
#include "archive_unpack.h"

/*
 * What parent and child say to each other: messages of a SOCK_SEQPACKET socket. The child is not
 * trusted: it has read the archive.
 */
enum sdme_unpack_kind {
    SDME_UNPACK_TRUSTED, /* set an attribute for me; answered with a struct sdme_unpack_answer */
    SDME_UNPACK_IMPLIED, /* a directory that is no entry; `trusted.path_size` bytes follow */
    SDME_UNPACK_DONE,
    SDME_UNPACK_FAILED,
};

struct sdme_unpack_message {
    enum sdme_unpack_kind kind;
    union {
        struct {
            uint32_t path_size, name_size, value_size; /* of what follows, without NULs */
        } trusted;
        struct {
            char digest[SDME_DIGEST_HEX], diff_id[SDME_DIGEST_HEX];
            uint64_t consumed, size, entries;
            unsigned int compression; /* a number for sdme_archive_compression() */
            bool whiteouts;
        } done;
        struct sdme_error failed;
    };
};

enum {
    SDME_UNPACK_ATTRIBUTE_NAME = 255, /* XATTR_NAME_MAX and XATTR_SIZE_MAX of <linux/limits.h> */
    SDME_UNPACK_ATTRIBUTE_VALUE = 65536,
    SDME_UNPACK_MESSAGE_MAX = sizeof(struct sdme_unpack_message) + PATH_MAX +
                              SDME_UNPACK_ATTRIBUTE_NAME + SDME_UNPACK_ATTRIBUTE_VALUE,
};

struct sdme_unpack_answer {
    struct sdme_error error; /* its code is 0 if nothing failed */
};

/* What the child writes, and the parent may look at any time. */
struct sdme_unpack_counters {
    _Atomic uint64_t consumed;
    _Atomic uint64_t entries;
};

/* All that a child needs, made by its parent: a chroot has no libraries to load. */
struct sdme_unpack_child {
    const struct sdme_unpack_options *options;
    struct sdme_archive_input *input;
    struct sdme_archive_pipeline *pipeline;
    struct sdme_unpack_counters *counters;
    int socket;
    int parent;
};

/* Runs in the child: unpacks, tells, and ends. */
void sdme_unpack_child_main(const struct sdme_unpack_child *child) __attribute__((noreturn));

#endif
