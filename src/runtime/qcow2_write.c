/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "file.h"
#include "pool.h"
#include "qcow2_codec.h"
#include "qcow2_image.h"
#include "qcow2_table.h"

enum {
    PIECE_MIN = 256 * 1024, /* bytes of the disk that a thread takes at a time */
    WORKERS_MAX = 64,       /* more than a pool has threads */
};

/*
 * Threads take pieces of the disk in order and compress them side by side. Each then waits for its
 * turn to be given its place in the image, so that threads don't change what is written.
 */
struct writer {
    const struct sdme_qcow2_create *options;
    size_t piece_size;
    struct sdme_qcow2_table *table; /* of whose turn it is */

    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t changed;
    uint64_t turn;
    bool failed;
    struct worker *idle[WORKERS_MAX];
    size_t idle_count;
};

/* What a thread has for its work. */
struct worker {
    struct sdme_qcow2_codec *codec;
    unsigned char *data;       /* piece_size bytes of the disk */
    unsigned char *compressed; /* as many, its clusters one after the other */
    uint32_t *sizes;           /* of the compressed clusters, or one of the two below */
};

#define NOT_COMPRESSED 0
#define ALL_ZEROS UINT32_MAX

struct piece {
    struct writer *writer;
    uint64_t number; /* its turn */
    uint64_t offset; /* of the disk */
    size_t size;
};

static void free_worker(struct worker *worker)
{
    if (!worker)
        return;
    sdme_qcow2_codec_free(worker->codec);
    free(worker->data);
    free(worker->compressed);
    free(worker->sizes);
    free(worker);
}

static void free_workerp(struct worker **worker)
{
    free_worker(*worker);
}

static int make_worker(const struct writer *writer, struct worker **ret_worker,
                       struct sdme_error *error)
{
    const struct sdme_qcow2_create *options = writer->options;
    _cleanup_(free_workerp) struct worker *worker = calloc(1, sizeof *worker);

    if (worker) {
        worker->data = malloc(writer->piece_size);
        worker->compressed = malloc(writer->piece_size);
        worker->sizes = calloc(writer->piece_size / options->cluster_size, sizeof *worker->sizes);
    }
    if (!worker || !worker->data || !worker->compressed || !worker->sizes)
        return sdme_fail(error, ENOMEM, "write %s", options->output_name);
    if (options->compression != SDME_QCOW2_PLAIN) {
        int code =
            sdme_qcow2_encoder_new(options->compression, options->level, &worker->codec, error);
        if (code < 0)
            return code;
    }
    *ret_worker = SDME_TAKE(worker);
    return 0;
}

static int take_worker(struct writer *writer, struct worker **ret_worker, struct sdme_error *error)
{
    struct worker *worker = NULL;

    pthread_mutex_lock(&writer->mutex);
    if (writer->idle_count > 0)
        worker = writer->idle[--writer->idle_count];
    pthread_mutex_unlock(&writer->mutex);
    if (!worker)
        return make_worker(writer, ret_worker, error);
    *ret_worker = worker;
    return 0;
}

static void give_worker(struct writer *writer, struct worker *worker)
{
    pthread_mutex_lock(&writer->mutex);
    if (writer->idle_count < WORKERS_MAX)
        writer->idle[writer->idle_count++] = SDME_TAKE(worker);
    pthread_mutex_unlock(&writer->mutex);
    free_worker(worker);
}

/* False when another thread has failed: then the turn never comes. */
static bool wait_for_turn(struct writer *writer, uint64_t number)
{
    pthread_mutex_lock(&writer->mutex);
    while (writer->turn != number && !writer->failed)
        pthread_cond_wait(&writer->changed, &writer->mutex);
    bool is_here = !writer->failed;
    pthread_mutex_unlock(&writer->mutex);
    return is_here;
}

static void end_turn(struct writer *writer, bool failed)
{
    pthread_mutex_lock(&writer->mutex);
    writer->turn++;
    writer->failed = writer->failed || failed;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
}

/* Reads the piece; what is behind the end of the input, or of the disk, is zeros. */
static int read_piece(const struct piece *piece, struct worker *worker, struct sdme_error *error)
{
    const struct writer *writer = piece->writer;
    size_t count;

    int code = sdme_file_read_at(writer->options->input, worker->data, piece->size, piece->offset,
                                 &count, writer->options->input_name, error);
    if (code < 0)
        return code;
    memset(worker->data + count, 0, writer->piece_size - count);
    return 0;
}

static void compress(const struct writer *writer, struct worker *worker, size_t clusters)
{
    size_t size = writer->options->cluster_size, used = 0;

    for (size_t i = 0; i < clusters; i++) {
        const unsigned char *data = worker->data + i * size;

        if (sdme_qcow2_is_zero(data, size)) {
            worker->sizes[i] = ALL_ZEROS;
            continue;
        }
        worker->sizes[i] = NOT_COMPRESSED;
        if (worker->codec)
            worker->sizes[i] =
                (uint32_t) sdme_qcow2_encode(worker->codec, data, size, worker->compressed + used);
        used += worker->sizes[i];
    }
}

/* A stretch of memory that goes to a stretch of the image. */
struct stretch {
    const unsigned char *data;
    size_t size;
    uint64_t host;
};

static int write_stretch(const struct writer *writer, const struct stretch *stretch,
                         struct sdme_error *error)
{
    return sdme_file_write_at(writer->options->output, stretch->data, stretch->size, stretch->host,
                              writer->options->output_name, error);
}

/* Gives each cluster that isn't zero its place, and puts the clusters into stretches. */
static int place_clusters(struct writer *writer, const struct piece *piece, struct worker *worker,
                          size_t clusters, struct stretch *stretches, size_t *ret_count,
                          struct sdme_error *error)
{
    size_t size = writer->options->cluster_size, used = 0, count = 0;

    for (size_t i = 0; i < clusters; i++) {
        struct stretch next = {.data = worker->data + i * size, .size = size};
        uint32_t compressed = worker->sizes[i];

        if (compressed == ALL_ZEROS)
            continue;
        if (compressed != NOT_COMPRESSED) {
            next = (struct stretch){.data = worker->compressed + used, .size = compressed};
            used += compressed;
        }
        int code = sdme_qcow2_table_add(writer->table, piece->offset + i * size, compressed,
                                        &next.host, error);
        if (code < 0)
            return code;
        struct stretch *last = count > 0 ? &stretches[count - 1] : NULL;
        if (last && last->data + last->size == next.data && last->host + last->size == next.host)
            last->size += next.size;
        else
            stretches[count++] = next;
    }
    *ret_count = count;
    return 0;
}

static int write_piece(struct writer *writer, const struct piece *piece, struct worker *worker,
                       struct sdme_error *error)
{
    size_t size = writer->options->cluster_size, clusters = (piece->size + size - 1) / size;
    _cleanup_free_ struct stretch *stretches = calloc(clusters, sizeof *stretches);
    size_t count = 0;

    int code = stretches ? read_piece(piece, worker, error)
                         : sdme_fail(error, ENOMEM, "write %s", writer->options->output_name);
    if (code == 0)
        compress(writer, worker, clusters);
    if (!wait_for_turn(writer, piece->number))
        return -ECANCELED; /* without a message: that is for whoever has failed */
    if (code == 0)
        code = place_clusters(writer, piece, worker, clusters, stretches, &count, error);
    end_turn(writer, code < 0);
    for (size_t i = 0; i < count && code == 0; i++)
        code = write_stretch(writer, &stretches[i], error);
    return code;
}

/* A sdme_pool_work. */
static int work(void *item, bool failed, struct sdme_error *error)
{
    _cleanup_free_ struct piece *piece = item;
    struct writer *writer = piece->writer;
    struct worker *worker = NULL;

    int code = failed ? -ECANCELED : take_worker(writer, &worker, error);
    if (code == 0 && sdme_cancelled(writer->options->cancel))
        code = sdme_fail(error, ECANCELED, "write %s", writer->options->output_name);
    if (code < 0)
        end_turn(writer, true);
    else
        code = write_piece(writer, piece, worker, error);
    if (worker)
        give_worker(writer, worker);
    if (code == 0 && writer->options->progress)
        atomic_fetch_add(&writer->options->progress->done, piece->size);
    return code;
}

/* The first piece from @offset on that has data; the size of the disk if there is none. */
static int skip_holes(const struct writer *writer, uint64_t offset, uint64_t *ret_offset,
                      struct sdme_error *error)
{
    const struct sdme_qcow2_create *options = writer->options;
    off_t data = lseek(options->input, (off_t) offset, SEEK_DATA);

    if (data < 0 && errno != ENXIO)
        return sdme_fail(error, errno, "look for data in %s", options->input_name);
    if (data < 0 || (uint64_t) data >= options->size)
        *ret_offset = options->size;
    else if ((uint64_t) data / writer->piece_size > offset / writer->piece_size)
        *ret_offset = (uint64_t) data / writer->piece_size * writer->piece_size;
    else
        *ret_offset = offset;
    if (options->progress)
        atomic_fetch_add(&options->progress->done, *ret_offset - offset);
    return 0;
}

static int give_pieces(struct writer *writer, struct sdme_pool *pool, struct sdme_error *error)
{
    const struct sdme_qcow2_create *options = writer->options;
    uint64_t offset = 0, number = 0;

    for (;;) {
        int code = skip_holes(writer, offset, &offset, error);
        if (code < 0 || offset >= options->size)
            return code;
        struct piece *piece = malloc(sizeof *piece);
        if (!piece)
            return sdme_fail(error, ENOMEM, "write %s", options->output_name);
        uint64_t rest = options->size - offset;
        *piece = (struct piece){
            .writer = writer,
            .number = number,
            .offset = offset,
            .size = rest < writer->piece_size ? (size_t) rest : writer->piece_size,
        };
        offset += piece->size;
        number++;
        code = sdme_pool_give(pool, piece, error);
        if (code < 0)
            return code;
    }
}

static int write_clusters(struct writer *writer, struct sdme_error *error)
{
    unsigned int threads = writer->options->threads;
    struct sdme_pool *pool;

    int code = sdme_pool_start(threads ? threads : sdme_pool_threads(), work, &pool, error);
    if (code < 0)
        return code;
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->changed, NULL);
    code = give_pieces(writer, pool, error);
    int finished = sdme_pool_finish(pool, code < 0, error);
    for (size_t i = 0; i < writer->idle_count; i++)
        free_worker(writer->idle[i]);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->mutex);
    return code < 0 ? code : finished;
}

static int check_options(const struct sdme_qcow2_create *options, struct sdme_error *error)
{
    uint32_t size = options->cluster_size;
    struct stat status;

    if (size < SDME_QCOW2_CLUSTER_MIN || size > SDME_QCOW2_CLUSTER_MAX || (size & (size - 1)))
        return sdme_fail_as(error, EINVAL,
                            "write %s: clusters of %" PRIu32 " bytes: a power of two from %d to %d"
                            " expected",
                            options->output_name, size, SDME_QCOW2_CLUSTER_MIN,
                            SDME_QCOW2_CLUSTER_MAX);
    if (fstat(options->input, &status) < 0)
        return sdme_fail(error, errno, "stat %s", options->input_name);
    if (!S_ISREG(status.st_mode))
        return sdme_fail_as(error, EINVAL, "%s: not a regular file", options->input_name);
    if (fstat(options->output, &status) < 0)
        return sdme_fail(error, errno, "stat %s", options->output_name);
    if (!S_ISREG(status.st_mode) || status.st_size != 0)
        return sdme_fail_as(error, EINVAL, "%s: not an empty regular file", options->output_name);
    if (fcntl(options->output, F_GETFL) & O_APPEND)
        return sdme_fail_as(error, EINVAL, "%s: it can only be appended to", options->output_name);
    return 0;
}

static int write_image(struct writer *writer, uint64_t *ret_size, struct sdme_error *error)
{
    const struct sdme_qcow2_create *options = writer->options;

    int code = sdme_qcow2_table_new(options, &writer->table, error);
    if (code == 0)
        code = write_clusters(writer, error);
    if (code == 0)
        code = sdme_qcow2_table_finish(writer->table, ret_size, error);
    sdme_qcow2_table_free(writer->table);
    return code;
}

int sdme_qcow2_create(const struct sdme_qcow2_create *options, uint64_t *ret_size,
                      struct sdme_error *error)
{
    struct writer writer = {.options = options, .piece_size = PIECE_MIN};

    int code = check_options(options, error);
    if (code < 0)
        return code;
    if (writer.piece_size < options->cluster_size)
        writer.piece_size = options->cluster_size;
    if (options->progress)
        atomic_store(&options->progress->total, options->size);
    code = write_image(&writer, ret_size, error);
    if (code < 0 && ftruncate(options->output, 0) < 0)
        return code;
    return code;
}
