/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_STREAM_H
#define SDME_RUNTIME_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/*
 * One end of a pipe, socket, terminal or file, read and written without ever waiting.
 *
 * O_NONBLOCK belongs to the open file description, which standard streams share with the shell
 * that started us. So a pipe or terminal is opened once more for ourselves, and where that can't
 * be done, poll(2) is asked before each transfer.
 */
struct sdme_stream {
    int fd; /* our own; -1 when closed */
    bool socket;
    bool terminal; /* and not a pty master */
    bool poll_first;
    bool always_ready; /* epoll(7) doesn't take it: a file, /dev/null */
    uint32_t watched;  /* the events it is in an epoll set with; SDME_STREAM_UNWATCHED: it's not */
};

#define SDME_STREAM_UNWATCHED UINT32_MAX
#define SDME_STREAM_CLOSED ((struct sdme_stream){.fd = -1, .watched = SDME_STREAM_UNWATCHED})

/*
 * @fd stays the caller's and may be closed; nothing of it changes, but that a pty master becomes
 * O_NONBLOCK. @access is O_RDONLY, O_WRONLY or O_RDWR.
 */
int sdme_stream_open(int fd, int access, struct sdme_stream *ret_stream, struct sdme_error *error);

void sdme_stream_close(struct sdme_stream *stream);

/* Hands a stream over: as it is now, closed to be cleaned up later. */
static inline struct sdme_stream sdme_stream_take(struct sdme_stream *stream)
{
    struct sdme_stream taken = *stream;
    *stream = SDME_STREAM_CLOSED;
    return taken;
}

/*
 * As read(2) and write(2), but they return -errno: -EAGAIN when nothing can be done now. A
 * terminal whose foreground is another process group is not read (-EAGAIN), and is written without
 * a SIGTTOU; a reader that is gone is -EPIPE without a SIGPIPE.
 */
ssize_t sdme_stream_read(struct sdme_stream *stream, void *data, size_t size);
ssize_t sdme_stream_write(struct sdme_stream *stream, const void *data, size_t size);

/*
 * A terminal whose foreground is another process group. Nothing tells when that changes: look
 * again after SDME_STREAM_BACKGROUND_INTERVAL seconds.
 */
bool sdme_stream_in_background(const struct sdme_stream *stream);
#define SDME_STREAM_BACKGROUND_INTERVAL 0.25

/* Nobody is at the other end any more: what is written gets lost. */
bool sdme_stream_is_broken(const struct sdme_stream *stream);

/*
 * Puts the stream into the epoll set @epoll with @events (EPOLLIN, EPOLLOUT; 0: only errors), or
 * takes it out (SDME_STREAM_UNWATCHED).
 */
int sdme_stream_watch(struct sdme_stream *stream, int epoll, uint32_t events,
                      struct sdme_error *error);

/* What is on its way from one stream to another. */
struct sdme_buffer {
    char data[32 * 1024];
    size_t start, end; /* of what is in it */
};

static inline bool sdme_buffer_is_empty(const struct sdme_buffer *buffer)
{
    return buffer->start == buffer->end;
}

static inline size_t sdme_buffer_room(const struct sdme_buffer *buffer)
{
    return sizeof buffer->data - (buffer->end - buffer->start);
}

/* Reads more into a buffer that has room: as sdme_stream_read(). */
ssize_t sdme_buffer_fill(struct sdme_buffer *buffer, struct sdme_stream *from);

/* Writes all that is in it: 0 when it is empty, -EAGAIN when there is something left. */
int sdme_buffer_flush(struct sdme_buffer *buffer, struct sdme_stream *to);

#endif
