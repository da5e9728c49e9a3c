/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_PUMP_H
#define SDME_RUNTIME_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "stream.h"

/*
 * What moves bytes until a stream's end. Each *_step() goes on as far as it can without waiting
 * and returns 1 when done, 0 to be called again once its descriptor is ready or its timeout is
 * over, or a negative code.
 */

/* Collects a stream up to its end. */
struct sdme_reader {
    struct sdme_stream from;
    char *data;
    size_t size;
    size_t room;
    size_t max;
};

/* -EFBIG at the end if there is more than @max bytes. */
int sdme_reader_open(int fd, size_t max, struct sdme_reader *ret_reader, struct sdme_error *error);
int sdme_reader_step(struct sdme_reader *reader, struct sdme_error *error);
void sdme_reader_close(struct sdme_reader *reader);

/* Writes @size bytes of @data, which stay the caller's. */
struct sdme_writer {
    struct sdme_stream to;
    const char *data;
    size_t size;
    size_t written;
};

int sdme_writer_open(int fd, const char *data, size_t size, struct sdme_writer *ret_writer,
                     struct sdme_error *error);

/* A reader that goes away before it got everything is no failure: `written` tells. */
int sdme_writer_step(struct sdme_writer *writer, struct sdme_error *error);
void sdme_writer_close(struct sdme_writer *writer);

/* Copies from one stream to another up to the end of the first. */
struct sdme_relay {
    struct sdme_stream from, to;
    int epoll;      /* ready when there is something to do; -1 when closed */
    uint64_t count; /* bytes that `to` got */
    struct sdme_buffer buffer;
};

int sdme_relay_open(int from, int to, struct sdme_relay *ret_relay, struct sdme_error *error);

/* A reader of `to` that goes away ends it as well as it having got everything. */
int sdme_relay_step(struct sdme_relay *relay, struct sdme_error *error);

/* Seconds after which to step even if nothing is ready; negative: never. */
double sdme_relay_timeout(const struct sdme_relay *relay);

void sdme_relay_close(struct sdme_relay *relay);

#endif
