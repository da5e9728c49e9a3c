/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PACK_COMPRESS_H
#define SDME_RUNTIME_ARCHIVE_PACK_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/*
 * Compressing a stream block by block: gzip by zlib and zstd by libzstd, both with any number of
 * threads; bzip2, xz and lz4 by libarchive, with one. What comes out depends on the input, the
 * level and the library's version, and on nothing else.
 */

enum {
    SDME_BLOCK_SIZE = 256 * 1024,
    SDME_BLOCK_BEFORE = 32 * 1024, /* as far as deflate looks back */
};

struct sdme_block {
    bool last;
    size_t size;
    size_t before_size; /* of the bytes in front of the block, if the compressor looks back */
    unsigned char data[SDME_BLOCK_SIZE];
    unsigned char before[SDME_BLOCK_BEFORE];

    unsigned char *out; /* what came out; free it */
    size_t out_size;
    size_t out_room;
    uint32_t checksum; /* of the data, if the format has one */
};

struct sdme_compressor;

/* "gzip", ...: -EINVAL if there is no such name, or no such level; @level 0 is the usual one. */
int sdme_compressor_new(const char *name, int level, unsigned int threads,
                        struct sdme_compressor **ret_compressor, struct sdme_error *error);
void sdme_compressor_free(struct sdme_compressor *compressor);

/*
 * How many blocks are worth compressing at the same time: 1 for what is a stream. Each needs a
 * state of its own, and a state its own thread.
 */
unsigned int sdme_compressor_threads(const struct sdme_compressor *compressor);
int sdme_compressor_open(struct sdme_compressor *compressor, void **ret_state,
                         struct sdme_error *error);
void sdme_compressor_close(struct sdme_compressor *compressor, void *state);

/* Compresses a block. */
int sdme_compressor_block(struct sdme_compressor *compressor, void *state, struct sdme_block *block,
                          struct sdme_error *error);

/* For each compressed block, in their order: adds what the stream begins and ends with. */
int sdme_compressor_settle(struct sdme_compressor *compressor, struct sdme_block *block,
                           struct sdme_error *error);

#endif
