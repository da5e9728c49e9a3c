/* SPDX-License-Identifier: MIT */
#include "archive_pack_output.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "archive_pack_compress.h"
#include "pool.h"
#include "stream.h"
#include "thread.h"

enum {
    BLOCKS_AHEAD = 2, /* of those that are being compressed */
    THREADS_MAX = 8,
    CANCEL_INTERVAL = 100, /* ms between two looks at whether somebody cancelled */
};

/*
 * The blocks are a ring, and those in use are counted from the start of the stream: `written` to
 * `taken` are being compressed or wait to be written, `taken` to `filled` wait for a thread, and
 * number `filled` is being filled.
 */
struct sdme_pack_output {
    struct sdme_stream stream;
    const struct sdme_cancel *cancel;
    bool sync;
    struct sdme_digest *in, *out;
    uint64_t size_in, size_out;

    struct sdme_compressor *compressor; /* NULL: none */
    struct sdme_block **blocks;
    size_t block_count;
    uint64_t written;
    unsigned char *end; /* where the block before the one being filled ends, to look back from */

    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t changed;
    uint64_t filled;
    uint64_t taken;
    bool *done; /* of each block: it is compressed */
    bool closing;
    int failed;
    struct sdme_error error;

    unsigned int threads;
    struct worker {
        struct sdme_pack_output *output;
        void *state;
        pthread_t thread;
    } workers[THREADS_MAX];
};

static size_t index_of(const struct sdme_pack_output *output, uint64_t number)
{
    return (size_t) (number % output->block_count);
}

static struct sdme_block *block_at(const struct sdme_pack_output *output, uint64_t number)
{
    return output->blocks[index_of(output, number)];
}

/* Called with the mutex held, which is given away while compressing. */
static void compress_block(struct worker *worker, uint64_t number)
{
    struct sdme_pack_output *output = worker->output;
    struct sdme_error error = {0};

    pthread_mutex_unlock(&output->mutex);
    int code =
        sdme_compressor_block(output->compressor, worker->state, block_at(output, number), &error);
    pthread_mutex_lock(&output->mutex);
    if (code < 0 && output->failed == 0) {
        output->failed = code;
        output->error = error;
    }
    output->done[index_of(output, number)] = true;
    pthread_cond_broadcast(&output->changed);
}

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    struct sdme_pack_output *output = worker->output;

    pthread_mutex_lock(&output->mutex);
    while (!output->closing) {
        if (output->taken < output->filled)
            compress_block(worker, output->taken++);
        else
            pthread_cond_wait(&output->changed, &output->mutex);
    }
    pthread_mutex_unlock(&output->mutex);
    return NULL;
}

static int wait_for_stream(const struct sdme_pack_output *output, struct sdme_error *error)
{
    struct pollfd entry = {.fd = output->stream.fd, .events = POLLOUT};

    while (poll(&entry, 1, CANCEL_INTERVAL) <= 0)
        if (sdme_cancelled(output->cancel))
            return sdme_fail(error, ECANCELED, "write the archive");
    return 0;
}

static int write_out(struct sdme_pack_output *output, const unsigned char *data, size_t size,
                     struct sdme_error *error)
{
    int code = sdme_digest_update(output->out, data, size, error);

    output->size_out += size;
    while (code >= 0 && size > 0) {
        ssize_t count = sdme_stream_write(&output->stream, data, size);

        if (count == -EAGAIN) {
            code = wait_for_stream(output, error);
        } else if (count < 0) {
            code = sdme_fail(error, (int) count, "write the archive");
        } else {
            data += count;
            size -= (size_t) count;
        }
    }
    return code;
}

/* Waits until the oldest block is compressed, and writes it. */
static int write_block(struct sdme_pack_output *output, struct sdme_error *error)
{
    struct sdme_block *block = block_at(output, output->written);
    bool *done = &output->done[index_of(output, output->written)];

    pthread_mutex_lock(&output->mutex);
    while (!*done)
        pthread_cond_wait(&output->changed, &output->mutex);
    *done = false;
    int code = output->failed;
    if (code < 0 && error)
        *error = output->error;
    pthread_mutex_unlock(&output->mutex);
    if (code >= 0)
        code = sdme_compressor_settle(output->compressor, block, error);
    if (code >= 0)
        code = write_out(output, block->out, block->out_size, error);
    output->written++;
    return code;
}

static void look_back(struct sdme_pack_output *output, struct sdme_block *block)
{
    block->before_size = 0;
    if (output->filled == 0)
        return;
    block->before_size = SDME_BLOCK_BEFORE;
    memcpy(block->before, output->end - SDME_BLOCK_BEFORE, SDME_BLOCK_BEFORE);
}

/* Gives the block that was filled away, and makes sure that the next one is free. */
static int submit(struct sdme_pack_output *output, bool last, struct sdme_error *error)
{
    struct sdme_block *block = block_at(output, output->filled);

    if (sdme_cancelled(output->cancel))
        return sdme_fail(error, ECANCELED, "write the archive");
    int code = sdme_digest_update(output->in, block->data, block->size, error);
    if (code < 0)
        return code;
    if (!output->compressor) {
        code = write_out(output, block->data, block->size, error);
        block->size = 0;
        return code;
    }
    block->last = last;
    look_back(output, block);
    output->end = block->data + block->size;
    pthread_mutex_lock(&output->mutex);
    output->filled++;
    pthread_cond_broadcast(&output->changed);
    pthread_mutex_unlock(&output->mutex);
    while (code >= 0 && output->written < output->filled &&
           (last || output->filled - output->written == output->block_count))
        code = write_block(output, error);
    block_at(output, output->filled)->size = 0;
    return code;
}

static int start_workers(struct sdme_pack_output *output, struct sdme_error *error)
{
    unsigned int count = sdme_compressor_threads(output->compressor);

    for (; output->threads < count; output->threads++) {
        struct worker *worker = &output->workers[output->threads];

        worker->output = output;
        int code = sdme_compressor_open(output->compressor, &worker->state, error);
        if (code < 0)
            return code;
        code = sdme_thread_start(run_worker, worker, &worker->thread);
        if (code < 0) {
            sdme_compressor_close(output->compressor, worker->state);
            return sdme_fail(error, code, "start a thread");
        }
    }
    return 0;
}

static int make_blocks(struct sdme_pack_output *output, struct sdme_error *error)
{
    output->block_count = 1;
    if (output->compressor)
        output->block_count = sdme_compressor_threads(output->compressor) + BLOCKS_AHEAD;
    output->blocks = calloc(output->block_count, sizeof(struct sdme_block *));
    output->done = calloc(output->block_count, sizeof *output->done);
    for (size_t i = 0; output->blocks && output->done && i < output->block_count; i++) {
        output->blocks[i] = malloc(sizeof(struct sdme_block));
        if (!output->blocks[i])
            break;
        output->blocks[i]->size = 0;
        output->blocks[i]->out = NULL;
        output->blocks[i]->out_size = output->blocks[i]->out_room = 0;
    }
    if (!output->blocks || !output->done || !output->blocks[output->block_count - 1])
        return sdme_fail(error, ENOMEM, "write the archive");
    return 0;
}

static int open_output(struct sdme_pack_output *output,
                       const struct sdme_pack_output_options *options, struct sdme_error *error)
{
    unsigned int threads = options->threads ? options->threads : sdme_pool_threads();

    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    int code = sdme_stream_open(options->fd, O_WRONLY, &output->stream, error);
    if (code >= 0)
        code = sdme_digest_new("sha256", &output->in, error);
    if (code >= 0)
        code = sdme_digest_new("sha256", &output->out, error);
    if (code >= 0 && strcmp(options->compression, "none") != 0)
        code = sdme_compressor_new(options->compression, options->level, threads,
                                   &output->compressor, error);
    else if (code >= 0 && options->level != 0)
        code = sdme_fail_as(error, EINVAL, "there are no levels without a compression");
    if (code >= 0)
        code = make_blocks(output, error);
    if (code >= 0 && output->compressor)
        code = start_workers(output, error);
    return code;
}

int sdme_pack_output_open(const struct sdme_pack_output_options *options,
                          struct sdme_pack_output **ret_output, struct sdme_error *error)
{
    struct sdme_pack_output *output = calloc(1, sizeof *output);

    if (!output)
        return sdme_fail(error, ENOMEM, "write the archive");
    output->stream = SDME_STREAM_CLOSED;
    output->cancel = options->cancel;
    output->sync = options->sync;
    pthread_mutex_init(&output->mutex, NULL);
    pthread_cond_init(&output->changed, NULL);
    int code = open_output(output, options, error);
    if (code < 0) {
        sdme_pack_output_close(output);
        return code;
    }
    *ret_output = output;
    return 0;
}

int sdme_pack_output_room(struct sdme_pack_output *output, unsigned char **ret_room,
                          size_t *ret_size, struct sdme_error *error)
{
    struct sdme_block *block = block_at(output, output->filled);

    if (block->size == SDME_BLOCK_SIZE) {
        int code = submit(output, false, error);

        if (code < 0)
            return code;
        block = block_at(output, output->filled);
    }
    *ret_room = block->data + block->size;
    *ret_size = SDME_BLOCK_SIZE - block->size;
    return 0;
}

void sdme_pack_output_advance(struct sdme_pack_output *output, size_t size)
{
    block_at(output, output->filled)->size += size;
    output->size_in += size;
}

int sdme_pack_output_write(struct sdme_pack_output *output, const void *data, size_t size,
                           struct sdme_error *error)
{
    const char *rest = data;

    while (size > 0) {
        unsigned char *room;
        size_t count;

        int code = sdme_pack_output_room(output, &room, &count, error);
        if (code < 0)
            return code;
        if (count > size)
            count = size;
        if (rest) {
            memcpy(room, rest, count);
            rest += count;
        } else {
            memset(room, 0, count);
        }
        sdme_pack_output_advance(output, count);
        size -= count;
    }
    return 0;
}

uint64_t sdme_pack_output_size(const struct sdme_pack_output *output)
{
    return output->size_in;
}

static int finish_digest(struct sdme_digest *digest, char ret_hex[SDME_DIGEST_HEX],
                         struct sdme_error *error)
{
    unsigned char value[SDME_DIGEST_MAX];
    size_t size;

    int code = sdme_digest_value(digest, value, &size, error);
    if (code >= 0)
        sdme_digest_hex(value, size, ret_hex);
    return code;
}

int sdme_pack_output_finish(struct sdme_pack_output *output, struct sdme_pack_written *ret_written,
                            struct sdme_error *error)
{
    struct sdme_pack_written written;
    struct stat file;

    int code = submit(output, true, error);
    if (code >= 0)
        code = finish_digest(output->in, written.diff_id, error);
    if (code >= 0)
        code = finish_digest(output->out, written.digest, error);
    if (code < 0)
        return code;
    if (output->sync && fstat(output->stream.fd, &file) == 0 && S_ISREG(file.st_mode) &&
        fsync(output->stream.fd) < 0)
        return sdme_fail(error, errno, "write the archive");
    written.size = output->size_out;
    *ret_written = written;
    return 0;
}

void sdme_pack_output_close(struct sdme_pack_output *output)
{
    if (!output)
        return;
    pthread_mutex_lock(&output->mutex);
    output->closing = true;
    pthread_cond_broadcast(&output->changed);
    pthread_mutex_unlock(&output->mutex);
    for (unsigned int i = 0; i < output->threads; i++) {
        pthread_join(output->workers[i].thread, NULL);
        sdme_compressor_close(output->compressor, output->workers[i].state);
    }
    for (size_t i = 0; output->blocks && i < output->block_count && output->blocks[i]; i++) {
        free(output->blocks[i]->out);
        free(output->blocks[i]);
    }
    free(output->blocks);
    free(output->done);
    sdme_compressor_free(output->compressor);
    sdme_digest_free(output->in);
    sdme_digest_free(output->out);
    sdme_stream_close(&output->stream);
    pthread_cond_destroy(&output->changed);
    pthread_mutex_destroy(&output->mutex);
    free(output);
}
