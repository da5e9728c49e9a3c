/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_SOURCE_H
#define SDME_RUNTIME_ARCHIVE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "digest.h"

#define SDME_ARCHIVE_READ ((size_t) 256 * 1024) /* bytes in the buffer of a source */

/* The bytes of an archive as they come from a descriptor, digested on the way. */
struct sdme_archive_source {
    const unsigned char *at; /* what was read and not taken yet */
    size_t left;
    uint64_t read; /* so that `read - left` is the offset of `at` */
    bool ended;

    uint64_t max_window; /* bytes that a decoder may look back */

    int fd; /* -1: nothing but what is at `at` */
    unsigned char *buffer;
    struct sdme_digest *digest; /* of all that was read, or NULL */
    _Atomic uint64_t *consumed; /* where it is told how much that was, or NULL */
};

/* Sees to it that there is something at @source->at: 1, or 0 at the end. May wait for a pipe. */
int sdme_archive_source_fill(struct sdme_archive_source *source, struct sdme_error *error);

/* The same for @size bytes, which there are fewer of only at the end. */
int sdme_archive_source_want(struct sdme_archive_source *source, size_t size,
                             struct sdme_error *error);

static inline void sdme_archive_source_take(struct sdme_archive_source *source, size_t size)
{
    source->at += size;
    source->left -= size;
}

static inline uint64_t sdme_archive_source_offset(const struct sdme_archive_source *source)
{
    return source->read - source->left;
}

/*
 * How one kind of compression is undone. `make` loads what it needs, and is called where libraries
 * may be loaded; the rest may run in a chroot. `read` fills the buffer, but for the end. The data
 * must end where the compressed stream ends: what is behind it is -SDME_EFORMAT.
 */
struct sdme_archive_decoder {
    const char *name;
    int (*make)(void **ret_state, struct sdme_error *error);
    int (*read)(void *state, struct sdme_archive_source *source, unsigned char *buffer, size_t size,
                size_t *ret_size, struct sdme_error *error);
    void (*free)(void *state);
};

/* "gzip" by ISA-L, or by zlib where there is none; members may follow one another, and zeros may
 * follow the last, as for gzip(1). */
extern const struct sdme_archive_decoder sdme_archive_gzip;
extern const struct sdme_archive_decoder sdme_archive_zlib; /* "gzip", never by ISA-L */

/* "zstd": frames, also skippable ones; windows up to @max_window bytes, else -ENOBUFS. */
extern const struct sdme_archive_decoder sdme_archive_zstd;

/* By libarchive's filters. */
extern const struct sdme_archive_decoder sdme_archive_bzip2;
extern const struct sdme_archive_decoder sdme_archive_xz;
extern const struct sdme_archive_decoder sdme_archive_lz4;

#endif
