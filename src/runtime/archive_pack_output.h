/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PACK_OUTPUT_H
#define SDME_RUNTIME_ARCHIVE_PACK_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "error.h"
#include "util.h"

/*
 * Where the bytes of an archive go: through a digest, a compressor in threads of its own, and
 * another digest into a file, pipe or socket. Used by one thread.
 */
struct sdme_pack_output;

struct sdme_pack_output_options {
    int fd;                  /* stays the caller's */
    const char *compression; /* "none", "gzip", "zstd", "bzip2", "xz", "lz4" */
    int level;               /* 0: the usual one */
    unsigned int threads;    /* 0: as many as there are processors */
    bool sync;               /* a file is on the disk at the end */
    const struct sdme_cancel *cancel;
};

struct sdme_pack_written {
    char digest[SDME_DIGEST_HEX];  /* SHA-256 of what came out, */
    char diff_id[SDME_DIGEST_HEX]; /* and of what went in */
    uint64_t size;                 /* of what came out */
};

int sdme_pack_output_open(const struct sdme_pack_output_options *options,
                          struct sdme_pack_output **ret_output, struct sdme_error *error);

/* Room for the next bytes, at least one; then how many of them were put there. */
int sdme_pack_output_room(struct sdme_pack_output *output, unsigned char **ret_room,
                          size_t *ret_size, struct sdme_error *error);
void sdme_pack_output_advance(struct sdme_pack_output *output, size_t size);

/* Both at once, for bytes that lie elsewhere. NULL stands for zeros. */
int sdme_pack_output_write(struct sdme_pack_output *output, const void *data, size_t size,
                           struct sdme_error *error);

/* How many bytes have gone in. */
uint64_t sdme_pack_output_size(const struct sdme_pack_output *output);

/* Writes all that is left. */
int sdme_pack_output_finish(struct sdme_pack_output *output, struct sdme_pack_written *ret_written,
                            struct sdme_error *error);

/* Gives it up, if it wasn't finished, and frees it; NULL is fine. */
void sdme_pack_output_close(struct sdme_pack_output *output);

#endif
