/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_INPUT_H
#define SDME_RUNTIME_ARCHIVE_INPUT_H

#include "archive_source.h"

/* A descriptor as the tar stream inside what it gives: decompressed, and digested before that. */
struct sdme_archive_input;

/*
 * @compression is "none", "gzip", "bzip2", "xz", "zstd", "lz4" (-EINVAL for others), or NULL: told
 * from the first bytes, never from a name. Loads the libraries; the rest may run in a chroot. @fd
 * stays the caller's. @max_ratio is what one byte may at most expand to; the first 64 MiB may
 * always come out. @max_window is what zstd may keep in memory (-ENOBUFS). @consumed, if not NULL,
 * always holds the bytes read.
 */
int sdme_archive_input_new(int fd, const char *compression, uint64_t max_ratio, uint64_t max_window,
                           _Atomic uint64_t *consumed, struct sdme_archive_input **ret_input,
                           struct sdme_error *error);
void sdme_archive_input_free(struct sdme_archive_input *input);

/* From now on it reads @fd, the same file under another number. */
void sdme_archive_input_move(struct sdme_archive_input *input, int fd);

/* Fills the buffer, but for the end of the stream. */
int sdme_archive_input_read(struct sdme_archive_input *input, unsigned char *buffer, size_t size,
                            size_t *ret_size, struct sdme_error *error);

/* What sdme_archive_compression() has a name for; after the first read. */
unsigned int sdme_archive_input_compression(const struct sdme_archive_input *input);

/* Whether what is read is what comes out, digest and all; after the first read. */
bool sdme_archive_input_is_plain(const struct sdme_archive_input *input);

/*
 * Has what is read not be digested unless it is the tar stream itself; before the first read.
 */
void sdme_archive_input_leave_undigested(struct sdme_archive_input *input);

/* The SHA-256 of what was read, "" where that isn't digested, and how much that was. */
int sdme_archive_input_digest(struct sdme_archive_input *input, char ret_hex[SDME_DIGEST_HEX],
                              uint64_t *ret_consumed, struct sdme_error *error);

/* The names of the list above, from 0 on; NULL behind the last. */
const char *sdme_archive_compression(unsigned int number);

#endif
