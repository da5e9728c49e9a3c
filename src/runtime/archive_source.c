/* SPDX-License-Identifier: MIT */
#include "archive_source.h"

#include <poll.h>
#include <string.h>

/* Whoever gave us the descriptor may have made it non-blocking. */
static ssize_t read_waiting(int fd, void *buffer, size_t size)
{
    for (;;) {
        ssize_t count = read(fd, buffer, size);

        if (count >= 0 || (errno != EAGAIN && errno != EINTR))
            return count;
        if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
    }
}

int sdme_archive_source_want(struct sdme_archive_source *source, size_t size,
                             struct sdme_error *error)
{
    if (source->fd < 0)
        source->ended = true;
    while (source->left < size && !source->ended) {
        if (source->left > 0)
            memmove(source->buffer, source->at, source->left);
        source->at = source->buffer;
        unsigned char *end = source->buffer + source->left;
        ssize_t count = read_waiting(source->fd, end, SDME_ARCHIVE_READ - source->left);
        if (count < 0)
            return sdme_fail(error, errno, "read the archive");
        source->ended = count == 0;
        source->left += (size_t) count;
        source->read += (uint64_t) count;
        if (source->consumed)
            atomic_store_explicit(source->consumed, source->read, memory_order_relaxed);
        int code =
            source->digest ? sdme_digest_update(source->digest, end, (size_t) count, error) : 0;
        if (code < 0)
            return code;
    }
    return source->left > 0;
}

int sdme_archive_source_fill(struct sdme_archive_source *source, struct sdme_error *error)
{
    return source->left > 0 ? 1 : sdme_archive_source_want(source, 1, error);
}
