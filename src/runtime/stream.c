/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sigpipe.h"
#include "terminal.h"
#include "util.h"

/* The pty multiplexer: who opens it again gets another pty (pts(4)). */
#define MULTIPLEXER makedev(5, 2)

/* A new open file description of what @fd stands for; -1 if it can't be had. */
static int reopen(int fd, int access)
{
    char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int open_without_waiting(int fd, int access, const struct stat *file,
                                struct sdme_stream *stream)
{
    int flags = fcntl(fd, F_GETFL);
    bool waits = !S_ISREG(file->st_mode) && !S_ISBLK(file->st_mode) && !S_ISDIR(file->st_mode);

    if (flags < 0)
        return -1;
    stream->socket = S_ISSOCK(file->st_mode);
    /* A master is nobody's but ours: a flag on it disturbs no one. */
    if (S_ISCHR(file->st_mode) && file->st_rdev == MULTIPLEXER) {
        if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
            return -1;
        return fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    stream->terminal = isatty(fd);
    if (flags & O_NONBLOCK || !waits || stream->socket)
        return fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (S_ISFIFO(file->st_mode) || stream->terminal) {
        int own = reopen(fd, access);

        if (own >= 0)
            return own;
    }
    stream->poll_first = true;
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int sdme_stream_open(int fd, int access, struct sdme_stream *ret_stream, struct sdme_error *error)
{
    struct sdme_stream stream = SDME_STREAM_CLOSED;
    struct stat file;

    if (fstat(fd, &file) < 0)
        return sdme_fail(error, errno, "descriptor %d", fd);
    stream.fd = open_without_waiting(fd, access, &file, &stream);
    if (stream.fd < 0)
        return sdme_fail(error, errno, "descriptor %d", fd);
    *ret_stream = stream;
    return 0;
}

void sdme_stream_close(struct sdme_stream *stream)
{
    sdme_close(stream->fd);
    *stream = SDME_STREAM_CLOSED;
}

static bool is_ready(const struct sdme_stream *stream, short events)
{
    struct pollfd entry = {.fd = stream->fd, .events = events};

    return poll(&entry, 1, 0) > 0;
}

ssize_t sdme_stream_read(struct sdme_stream *stream, void *data, size_t size)
{
    ssize_t count;

    if (sdme_stream_in_background(stream))
        return -EAGAIN;
    if (stream->poll_first && !is_ready(stream, POLLIN))
        return -EAGAIN;
    do
        count = stream->socket ? recv(stream->fd, data, size, MSG_DONTWAIT)
                               : read(stream->fd, data, size);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

/* A broken pipe is an error of the call, and writing to a terminal never stops us. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    struct sdme_sigpipe before;

    sdme_sigpipe_block(&before, false);
    ssize_t count = write(fd, data, size);
    sdme_sigpipe_restore(&before, count < 0 && errno == EPIPE);
    return count;
}

ssize_t sdme_stream_write(struct sdme_stream *stream, const void *data, size_t size)
{
    ssize_t count;

    if (stream->poll_first) {
        if (!is_ready(stream, POLLOUT))
            return -EAGAIN;
        /* That much a pipe takes at once when it is ready, pipe(7). */
        if (size > PIPE_BUF)
            size = PIPE_BUF;
    }
    do
        count = stream->socket ? send(stream->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                               : write_quietly(stream->fd, data, size);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

bool sdme_stream_in_background(const struct sdme_stream *stream)
{
    return stream->terminal && sdme_terminal_in_background(stream->fd);
}

bool sdme_stream_is_broken(const struct sdme_stream *stream)
{
    struct pollfd entry = {.fd = stream->fd};

    return poll(&entry, 1, 0) > 0 && entry.revents & (POLLERR | POLLHUP | POLLNVAL);
}

int sdme_stream_watch(struct sdme_stream *stream, int epoll, uint32_t events,
                      struct sdme_error *error)
{
    struct epoll_event event = {.events = events};
    int operation = EPOLL_CTL_MOD;

    if (stream->always_ready || events == stream->watched)
        return 0;
    if (stream->watched == SDME_STREAM_UNWATCHED)
        operation = EPOLL_CTL_ADD;
    else if (events == SDME_STREAM_UNWATCHED)
        operation = EPOLL_CTL_DEL;
    if (epoll_ctl(epoll, operation, stream->fd, &event) < 0) {
        if (operation != EPOLL_CTL_ADD || errno != EPERM)
            return sdme_fail(error, errno, "watch descriptor %d", stream->fd);
        stream->always_ready = true;
        return 0;
    }
    stream->watched = events;
    return 0;
}

ssize_t sdme_buffer_fill(struct sdme_buffer *buffer, struct sdme_stream *from)
{
    size_t held = buffer->end - buffer->start;

    if (buffer->start) {
        memmove(buffer->data, buffer->data + buffer->start, held);
        buffer->start = 0;
        buffer->end = held;
    }
    ssize_t count = sdme_stream_read(from, buffer->data + held, sizeof buffer->data - held);
    if (count > 0)
        buffer->end += (size_t) count;
    return count;
}

int sdme_buffer_flush(struct sdme_buffer *buffer, struct sdme_stream *to)
{
    while (buffer->start < buffer->end) {
        ssize_t count =
            sdme_stream_write(to, buffer->data + buffer->start, buffer->end - buffer->start);

        if (count < 0)
            return (int) count;
        buffer->start += (size_t) count;
    }
    return 0;
}
