/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_ARCHIVE_PIPELINE_H
#define SDME_RUNTIME_ARCHIVE_PIPELINE_H

#include "archive_input.h"

/*
 * Reads an input ahead in one thread, and digests what comes out of it in another, while the caller
 * works on it. Nothing here ends the threads early: a caller that has failed ends its process.
 */
struct sdme_archive_pipeline;

/* With one thread, all is done by the caller; with two, the digest is made while reading. */
int sdme_archive_pipeline_new(struct sdme_archive_input *input, unsigned int threads,
                              struct sdme_archive_pipeline **ret_pipeline,
                              struct sdme_error *error);

/* Starts the threads, the caller counted as one of them. */
int sdme_archive_pipeline_start(struct sdme_archive_pipeline *pipeline, struct sdme_error *error);

/* After the threads have ended: all was read, or start() was never called. */
void sdme_archive_pipeline_free(struct sdme_archive_pipeline *pipeline);

/*
 * The next piece of the stream, a multiple of 512 bytes but for the last: 1, or 0 at the end. It is
 * there until the next call. @context is the pipeline: struct sdme_tar_source has a function like
 * this.
 */
int sdme_archive_pipeline_next(void *context, const unsigned char **ret_data, size_t *ret_size,
                               struct sdme_error *error);

/* Once next() has returned 0: the SHA-256 of the stream. */
int sdme_archive_pipeline_digest(struct sdme_archive_pipeline *pipeline,
                                 char ret_hex[SDME_DIGEST_HEX], struct sdme_error *error);

#endif
