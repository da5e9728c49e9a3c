/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "fetch_request.h"
#include "util.h"

static int open_upload(struct sdme_fetch_upload *upload,
                       const struct sdme_fetch_request_options *options, struct sdme_error *error)
{
    struct stat file;

    upload->data = options->body;
    upload->start = -1;
    upload->size = (int64_t) options->body_size;
    if (options->body_fd < 0)
        return 0;
    int code = sdme_stream_open(options->body_fd, O_RDONLY, &upload->stream, error);
    if (code < 0)
        return code;
    upload->size = -1;
    if (fstat(upload->stream.fd, &file) < 0)
        return sdme_fail(error, errno, "the body of a request");
    if (!S_ISREG(file.st_mode))
        return 0;
    upload->start = lseek(upload->stream.fd, 0, SEEK_CUR);
    upload->size = file.st_size > upload->start ? file.st_size - upload->start : 0;
    return 0;
}

int sdme_fetch_open_bodies(struct sdme_fetch_request *request,
                           const struct sdme_fetch_request_options *options,
                           struct sdme_error *error)
{
    int code = open_upload(&request->upload, options, error);

    if (code < 0 || options->output < 0)
        return code;
    return sdme_stream_open(options->output, O_WRONLY, &request->output, error);
}

/* CURLOPT_SEEKFUNCTION: curl sends a body again, because of a connection that was no good. */
int sdme_fetch_seek(void *user, curl_off_t offset, int origin)
{
    struct sdme_fetch_request *request = user;
    struct sdme_fetch_upload *upload = &request->upload;

    if (origin != SEEK_SET || (upload->stream.fd >= 0 && upload->start < 0))
        return offset == upload->position ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
    upload->position = offset;
    return CURL_SEEKFUNC_OK;
}

static ssize_t read_upload(struct sdme_fetch_upload *upload, char *buffer, size_t room)
{
    int64_t left = upload->size - upload->position;

    if (upload->size >= 0 && (int64_t) room > left)
        room = left > 0 ? (size_t) left : 0;
    if (room == 0)
        return 0;
    if (upload->stream.fd < 0) {
        memcpy(buffer, upload->data + upload->position, room);
        return (ssize_t) room;
    }
    if (upload->start < 0)
        return sdme_stream_read(&upload->stream, buffer, room);
    ssize_t count = pread(upload->stream.fd, buffer, room, upload->start + upload->position);
    if (count == 0)
        return -EIO; /* it has become shorter since its length was told */
    return count < 0 ? -errno : count;
}

/* CURLOPT_READFUNCTION */
size_t sdme_fetch_give(char *buffer, size_t size, size_t count, void *user)
{
    struct sdme_fetch_request *request = user;
    struct sdme_fetch_upload *upload = &request->upload;
    ssize_t given = read_upload(upload, buffer, size * count);

    if (given == -EAGAIN) {
        if (sdme_stream_watch(&upload->stream, request->fetch->epoll, EPOLLIN, &request->error) < 0)
            return CURL_READFUNC_ABORT;
        upload->waiting = true;
        return CURL_READFUNC_PAUSE;
    }
    if (given < 0) {
        sdme_fail(&request->error, (int) given, "read the body of a request to %s",
                  request->url.shown);
        return CURL_READFUNC_ABORT;
    }
    upload->position += given;
    return (size_t) given;
}

/* Writes as much as the output takes now. */
static ssize_t write_some(struct sdme_fetch_request *request, const char *data, size_t size)
{
    size_t written = 0;

    while (written < size) {
        ssize_t count =
            request->offset < 0
                ? sdme_stream_write(&request->output, data + written, size - written)
                : pwrite(request->output.fd, data + written, size - written, request->offset);

        if (count < 0 && request->offset >= 0)
            count = -errno;
        if (count == -EINTR)
            continue;
        if (count == -EAGAIN)
            break;
        if (count < 0)
            return count;
        written += (size_t) count;
        request->written += count;
        if (request->offset >= 0)
            request->offset += count;
    }
    return (ssize_t) written;
}

static int keep(struct sdme_fetch_request *request, const char *data, size_t size)
{
    if (size > request->memory_room - request->memory_size) {
        size_t room = request->memory_room ? request->memory_room : 4096;

        while (room < request->memory_size + size)
            room *= 2;
        char *larger = realloc(request->memory, room);
        if (!larger)
            return sdme_fail(&request->error, ENOMEM, "%s", request->url.shown);
        request->memory = larger;
        request->memory_room = room;
    }
    memcpy(request->memory + request->memory_size, data, size);
    request->memory_size += size;
    return 0;
}

static int fail_write(struct sdme_fetch_request *request, int code)
{
    return sdme_fail(&request->error, code, "write what comes from %s", request->url.shown);
}

int sdme_fetch_flush(struct sdme_fetch_request *request)
{
    if (request->target != SDME_FETCH_OUTPUT || request->memory_size == 0)
        return 0;
    ssize_t count = write_some(request, request->memory, request->memory_size);
    if (count < 0)
        return fail_write(request, (int) count);
    request->memory_size -= (size_t) count;
    memmove(request->memory, request->memory + count, request->memory_size);
    return request->memory_size ? -EAGAIN : 0;
}

static int put_out(struct sdme_fetch_request *request, const char *data, size_t size)
{
    ssize_t count = write_some(request, data, size);

    if (count < 0)
        return fail_write(request, (int) count);
    if ((size_t) count == size)
        return 0;
    int code =
        sdme_stream_watch(&request->output, request->fetch->epoll, EPOLLOUT, &request->error);
    return code < 0 ? code : keep(request, data + count, size - (size_t) count);
}

/* How much of what comes next is dropped. */
static int64_t unwanted(const struct sdme_fetch_request *request)
{
    return request->skip > request->received ? request->skip - request->received : 0;
}

/* Looks ahead as far as the server told its length. */
static bool is_too_much(const struct sdme_fetch_request *request, size_t size)
{
    int64_t total, received = sdme_fetch_progress(request, &total);
    int64_t coming = total > received ? total - received : (int64_t) size;
    int64_t before = received > request->skip ? received - request->skip : 0;
    bool counts_on = request->target == SDME_FETCH_OUTPUT && request->offset >= 0;

    return coming - unwanted(request) > request->max_size - (counts_on ? request->offset : before);
}

/* Bodies that only explain something end where nobody would read on. */
static bool is_enough(const struct sdme_fetch_request *request, size_t size)
{
    bool explains = request->target == SDME_FETCH_REDIRECT || request->status >= 300 ||
                    (request->target == SDME_FETCH_MEMORY && request->output.fd >= 0);

    return explains && request->received + (int64_t) size > SDME_FETCH_ERROR_BODY_MAX;
}

static int take(struct sdme_fetch_request *request, const char *data, size_t size)
{
    size_t dropped = (size_t) unwanted(request);

    if (request->target == SDME_FETCH_REDIRECT)
        return 0;
    if (!request->enough && is_too_much(request, size))
        return sdme_fail_as(&request->error, EFBIG, "%s: more than %lld bytes come",
                            request->url.shown, (long long) request->max_size);
    if (dropped >= size)
        return 0;
    data += dropped;
    size -= dropped;
    return request->target == SDME_FETCH_OUTPUT ? put_out(request, data, size)
                                                : keep(request, data, size);
}

/* CURLOPT_WRITEFUNCTION; a return value other than what there was ends the transfer. */
size_t sdme_fetch_take(char *data, size_t size, size_t count, void *user)
{
    struct sdme_fetch_request *request = user;
    size_t length = size * count;

    if (request->target == SDME_FETCH_HELD ||
        (request->target == SDME_FETCH_OUTPUT && request->memory_size > 0)) {
        request->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    request->enough = is_enough(request, length);
    if (request->enough)
        length = (size_t) (SDME_FETCH_ERROR_BODY_MAX - request->received);
    if (take(request, data, length) < 0)
        return 0;
    request->received += (int64_t) length;
    return request->enough ? 0 : length;
}
