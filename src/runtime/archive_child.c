/* SPDX-License-Identifier: MIT */
#include "archive_child.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "archive_confine.h"

/* Asks the parent, and waits: these are few. The signature is that of the writer's options. */
static int ask_for_trusted(void *context, const char *path, const char *name, const void *value,
                           size_t size, struct sdme_error *error)
{
    struct sdme_unpack_message message = {.kind = SDME_UNPACK_TRUSTED};
    struct sdme_unpack_answer answer;
    const struct iovec parts[] = {
        {&message, sizeof message},
        {(void *) (uintptr_t) path, strlen(path)},
        {(void *) (uintptr_t) name, strlen(name)},
        {(void *) (uintptr_t) value, size},
    };

    (void) context;
    if (strlen(name) > SDME_UNPACK_ATTRIBUTE_NAME || size > SDME_UNPACK_ATTRIBUTE_VALUE)
        return sdme_fail(error, ERANGE, "set %s", name);
    message.trusted.path_size = (uint32_t) strlen(path);
    message.trusted.name_size = (uint32_t) strlen(name);
    message.trusted.value_size = (uint32_t) size;
    if (writev(SDME_CONFINED_SOCKET, parts, (int) ELEMENTS(parts)) < 0 ||
        recv(SDME_CONFINED_SOCKET, &answer, sizeof answer, 0) != sizeof answer)
        return sdme_fail(error, EIO, "set %s", name);
    if (answer.error.code != 0 && error)
        *error = answer.error;
    return -answer.error.code;
}

static int tell_implied(void *context, const char *path, struct sdme_error *error)
{
    struct sdme_unpack_message message = {.kind = SDME_UNPACK_IMPLIED};
    const struct iovec parts[] = {
        {&message, sizeof message},
        {(void *) (uintptr_t) path, strlen(path)},
    };

    (void) context;
    message.trusted.path_size = (uint32_t) strlen(path);
    if (writev(SDME_CONFINED_SOCKET, parts, (int) ELEMENTS(parts)) < 0)
        return sdme_fail(error, errno, "tell of '%s'", path);
    return 0;
}

static int add_entries(const struct sdme_unpack_child *child, struct sdme_tar *tar,
                       struct sdme_archive_writer *writer, struct sdme_error *error)
{
    uint64_t max = child->options->limits.entries;
    struct sdme_tar_entry entry = {0};
    int code;

    while ((code = sdme_tar_next(tar, &entry, error)) > 0) {
        if (entry.number > max)
            return sdme_fail_as(
                error, EFBIG, "entry %llu '%.200s': more than %llu entries, the limit on them",
                (unsigned long long) entry.number, entry.path.data, (unsigned long long) max);
        atomic_store_explicit(&child->counters->entries, entry.number, memory_order_relaxed);
        code = sdme_archive_writer_add(writer, tar, &entry, error);
        if (code < 0)
            return code;
    }
    return code < 0 ? code : sdme_archive_writer_finish(writer, error);
}

static int fill_result(const struct sdme_unpack_child *child,
                       const struct sdme_archive_writer *writer,
                       struct sdme_unpack_message *message, struct sdme_error *error)
{
    message->kind = SDME_UNPACK_DONE;
    int code = sdme_archive_input_digest(child->input, message->done.digest,
                                         &message->done.consumed, error);
    if (code >= 0)
        code = sdme_archive_pipeline_digest(child->pipeline, message->done.diff_id, error);
    message->done.size = sdme_archive_writer_size(writer);
    message->done.entries = atomic_load(&child->counters->entries);
    message->done.whiteouts = sdme_archive_writer_saw_whiteout(writer);
    message->done.compression = sdme_archive_input_compression(child->input);
    return code;
}

static int unpack(const struct sdme_unpack_child *child, int *socket,
                  struct sdme_unpack_message *message, struct sdme_error *error)
{
    struct sdme_tar_source source = {sdme_archive_pipeline_next, child->pipeline,
                                     child->options->unmarked_end};
    struct sdme_archive_writer_options options = {
        .root = SDME_CONFINED_ROOT,
        .whiteouts = child->options->whiteouts,
        .limits = child->options->limits,
        .set_trusted = ask_for_trusted,
    };
    struct sdme_archive_writer *writer = NULL;
    struct sdme_tar *tar = NULL;

    int code = sdme_archive_confine(child->options->input, socket, child->options->directory,
                                    child->parent, error);
    if (code < 0)
        return code;
    sdme_archive_input_move(child->input, SDME_CONFINED_INPUT);
    code = sdme_archive_pipeline_start(child->pipeline, error);
    if (code >= 0)
        code = sdme_tar_new(&source, &tar, error);
    if (code >= 0)
        code = sdme_archive_writer_new(&options, &writer, error);
    if (code >= 0)
        code = add_entries(child, tar, writer, error);
    if (code >= 0)
        code = sdme_archive_writer_each_implied(writer, tell_implied, NULL, error);
    if (code >= 0)
        code = fill_result(child, writer, message, error);
    sdme_archive_writer_free(writer);
    sdme_tar_free(tar);
    return code;
}

void sdme_unpack_child_main(const struct sdme_unpack_child *child)
{
    struct sdme_unpack_message message = {0};
    struct sdme_error error = {0};
    int socket = child->socket;

    if (unpack(child, &socket, &message, &error) < 0) {
        message.kind = SDME_UNPACK_FAILED;
        message.failed = error;
    }
    send(socket, &message, sizeof message, MSG_NOSIGNAL);
    _exit(0);
}
