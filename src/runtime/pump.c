/* SPDX-License-Identifier: MIT */
#include "pump.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "util.h"

/* Transfers in one step, so that a stream that is never empty leaves others their turn. */
#define ROUNDS 32

int sdme_reader_open(int fd, size_t max, struct sdme_reader *ret_reader, struct sdme_error *error)
{
    struct sdme_reader reader = {.from = SDME_STREAM_CLOSED, .max = max};
    int code = sdme_stream_open(fd, O_RDONLY, &reader.from, error);

    if (code < 0)
        return code;
    *ret_reader = reader;
    return 0;
}

/* Room for one byte more than may come, so that one too many is noticed. */
static int reader_grow(struct sdme_reader *reader)
{
    size_t room = reader->room ? reader->room * 2 : 4096;

    if (room > reader->max)
        room = reader->max + 1;
    char *larger = realloc(reader->data, room);
    if (!larger)
        return -ENOMEM;
    reader->data = larger;
    reader->room = room;
    return 0;
}

int sdme_reader_step(struct sdme_reader *reader, struct sdme_error *error)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (reader->size > reader->max)
            return sdme_fail_as(error, EFBIG, "more than %zu bytes to read", reader->max);
        if (reader->size == reader->room && reader_grow(reader) < 0)
            return sdme_fail(error, ENOMEM, "read more than %zu bytes", reader->size);
        ssize_t count = sdme_stream_read(&reader->from, reader->data + reader->size,
                                         reader->room - reader->size);
        if (count == -EAGAIN)
            return 0;
        /* How the end looks on a terminal or pty master that was hung up. */
        if (count == 0 || (count == -EIO && sdme_stream_is_broken(&reader->from)))
            return 1;
        if (count < 0)
            return sdme_fail(error, (int) count, "read from descriptor %d", reader->from.fd);
        reader->size += (size_t) count;
    }
    return 0;
}

void sdme_reader_close(struct sdme_reader *reader)
{
    sdme_stream_close(&reader->from);
    free(reader->data);
    reader->data = NULL;
}

/* What a write says when nobody reads any more. */
static bool is_unread(int code)
{
    return code == -EPIPE || code == -ECONNRESET;
}

int sdme_writer_open(int fd, const char *data, size_t size, struct sdme_writer *ret_writer,
                     struct sdme_error *error)
{
    struct sdme_writer writer = {.to = SDME_STREAM_CLOSED, .data = data, .size = size};
    int code = sdme_stream_open(fd, O_WRONLY, &writer.to, error);

    if (code < 0)
        return code;
    *ret_writer = writer;
    return 0;
}

int sdme_writer_step(struct sdme_writer *writer, struct sdme_error *error)
{
    for (int round = 0; round < ROUNDS && writer->written < writer->size; round++) {
        ssize_t count = sdme_stream_write(&writer->to, writer->data + writer->written,
                                          writer->size - writer->written);

        if (count == -EAGAIN)
            return 0;
        if (is_unread((int) count))
            return 1;
        if (count < 0)
            return sdme_fail(error, (int) count, "write to descriptor %d", writer->to.fd);
        writer->written += (size_t) count;
    }
    return writer->written == writer->size;
}

void sdme_writer_close(struct sdme_writer *writer)
{
    sdme_stream_close(&writer->to);
}

int sdme_relay_open(int from, int to, struct sdme_relay *ret_relay, struct sdme_error *error)
{
    _cleanup_(sdme_stream_close) struct sdme_stream source = SDME_STREAM_CLOSED;
    _cleanup_(sdme_stream_close) struct sdme_stream target = SDME_STREAM_CLOSED;
    _cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
    int code;

    if (epoll < 0)
        return sdme_fail(error, errno, "make an epoll set");
    code = sdme_stream_open(from, O_RDONLY, &source, error);
    if (code == 0)
        code = sdme_stream_open(to, O_WRONLY, &target, error);
    if (code < 0)
        return code;
    *ret_relay = (struct sdme_relay){
        .from = sdme_stream_take(&source),
        .to = sdme_stream_take(&target),
        .epoll = sdme_take_fd(&epoll),
    };
    return 0;
}

/* 1 at the end, 0 when one side has to wait. */
static int relay_copy(struct sdme_relay *relay, struct sdme_error *error)
{
    for (int round = 0; round < ROUNDS; round++) {
        size_t start = relay->buffer.start;
        int code = sdme_buffer_flush(&relay->buffer, &relay->to);

        relay->count += relay->buffer.start - start;
        if (is_unread(code))
            return 1;
        if (code == -EAGAIN)
            return 0;
        if (code < 0)
            return sdme_fail(error, code, "write to descriptor %d", relay->to.fd);
        ssize_t count = sdme_buffer_fill(&relay->buffer, &relay->from);
        if (count == -EAGAIN)
            return sdme_stream_is_broken(&relay->to);
        if (count == 0 || (count == -EIO && sdme_stream_is_broken(&relay->from)))
            return 1;
        if (count < 0)
            return sdme_fail(error, (int) count, "read from descriptor %d", relay->from.fd);
    }
    return 0;
}

int sdme_relay_step(struct sdme_relay *relay, struct sdme_error *error)
{
    bool background = sdme_stream_in_background(&relay->from);
    int code = relay_copy(relay, error);

    if (code)
        return code;
    bool writing = !sdme_buffer_is_empty(&relay->buffer);
    code = sdme_stream_watch(&relay->from, relay->epoll,
                             writing || background ? SDME_STREAM_UNWATCHED : EPOLLIN, error);
    if (code < 0)
        return code;
    return sdme_stream_watch(&relay->to, relay->epoll, writing ? EPOLLOUT : 0, error);
}

double sdme_relay_timeout(const struct sdme_relay *relay)
{
    if (!sdme_buffer_is_empty(&relay->buffer))
        return relay->to.always_ready ? 0 : -1;
    if (relay->from.always_ready)
        return 0;
    return sdme_stream_in_background(&relay->from) ? SDME_STREAM_BACKGROUND_INTERVAL : -1;
}

void sdme_relay_close(struct sdme_relay *relay)
{
    sdme_stream_close(&relay->from);
    sdme_stream_close(&relay->to);
    relay->epoll = sdme_close(relay->epoll);
}
