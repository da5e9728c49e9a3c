/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_QCOW2_CODEC_H
#define SDME_RUNTIME_QCOW2_CODEC_H

#include "qcow2.h"

/*
 * How a single cluster is compressed: raw deflate with a window of 4 KiB, or zstd. One for each
 * thread; the libraries are loaded with the first.
 */
struct sdme_qcow2_codec;

int sdme_qcow2_decoder_new(enum sdme_qcow2_compression compression,
                           struct sdme_qcow2_codec **ret_codec, struct sdme_error *error);

/* @level as the library counts; 0: its default. -EINVAL if there is no such level. */
int sdme_qcow2_encoder_new(enum sdme_qcow2_compression compression, int level,
                           struct sdme_qcow2_codec **ret_codec, struct sdme_error *error);

void sdme_qcow2_codec_free(struct sdme_qcow2_codec *codec);

/*
 * Expands exactly @size bytes; what follows them in @data is ignored, as it must be: the size of
 * compressed data is known in sectors only. Returns NULL, or what is wrong with the data.
 */
const char *sdme_qcow2_decode(struct sdme_qcow2_codec *codec, const void *data, size_t data_size,
                              void *buffer, size_t size);

/* Returns how many bytes it takes, 0 if that isn't less than @size; @buffer has @size bytes. */
size_t sdme_qcow2_encode(struct sdme_qcow2_codec *codec, const void *data, size_t size,
                         void *buffer);

#endif
