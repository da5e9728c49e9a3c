/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "file.h"
#include "pool.h"
#include "qcow2_image.h"

enum {
    BATCH_MIN = 256 * 1024, /* bytes of the disk that a thread takes at a time */
    EXTENTS_MAX = 1024,     /* that describe them */
    BLOCK = 4096,           /* zeros shorter than that are written: no filesystem has such holes */
    READERS_MAX = 64,       /* more than a pool has threads */
};

/* What the threads share. */
struct extraction {
    struct sdme_qcow2 *image;
    const struct sdme_qcow2_extract *options;
    size_t batch_size;    /* whole clusters of every image in the chain */
    atomic_bool no_clone; /* learned: FICLONERANGE doesn't work between these files */
    atomic_uint_fast64_t written;

    pthread_mutex_t mutex; /* for the two below: what threads have for their work, while idle */
    struct worker *idle[READERS_MAX];
    size_t idle_count;
};

struct worker {
    struct sdme_qcow2_reader *reader;
    unsigned char *buffer; /* of batch_size bytes */
};

/* Extents one after the other, but for holes between them. */
struct batch {
    struct extraction *extraction;
    uint64_t start; /* of the disk */
    uint64_t end;
    size_t count;
    struct sdme_qcow2_extent extents[EXTENTS_MAX];
};

static void free_worker(struct worker *worker)
{
    if (!worker)
        return;
    sdme_qcow2_reader_free(worker->reader);
    free(worker->buffer);
    free(worker);
}

static int take_worker(struct extraction *extraction, struct worker **ret_worker,
                       struct sdme_error *error)
{
    struct worker *worker = NULL;

    pthread_mutex_lock(&extraction->mutex);
    if (extraction->idle_count > 0)
        worker = extraction->idle[--extraction->idle_count];
    pthread_mutex_unlock(&extraction->mutex);
    if (!worker) {
        worker = calloc(1, sizeof *worker);
        if (worker)
            worker->buffer = malloc(extraction->batch_size);
        if (!worker || !worker->buffer) {
            free_worker(worker);
            return sdme_fail(error, ENOMEM, "expand %s", extraction->image->name);
        }
        int code = sdme_qcow2_reader_new(extraction->image, &worker->reader, error);
        if (code < 0) {
            free_worker(worker);
            return code;
        }
    }
    *ret_worker = worker;
    return 0;
}

static void give_worker(struct extraction *extraction, struct worker *worker)
{
    pthread_mutex_lock(&extraction->mutex);
    if (extraction->idle_count < READERS_MAX)
        extraction->idle[extraction->idle_count++] = SDME_TAKE(worker);
    pthread_mutex_unlock(&extraction->mutex);
    free_worker(worker);
}

/* Writes what isn't zero, in as few pieces as that takes. */
static int write_sparse(struct extraction *extraction, const unsigned char *data, size_t size,
                        uint64_t offset, struct sdme_error *error)
{
    const struct sdme_qcow2_extract *options = extraction->options;
    uint64_t at = offset - options->offset + options->output_offset;
    size_t start = 0, length;

    for (size_t end = 0; end < size; end += length) {
        length = BLOCK - (size_t) ((at + end) % BLOCK);
        if (length > size - end)
            length = size - end;
        bool is_hole = sdme_qcow2_is_zero(data + end, length), is_last = end + length == size;
        size_t stop = is_hole ? end : end + length;

        if (stop > start && (is_hole || is_last)) {
            int code = sdme_file_write_at(options->output, data + start, stop - start, at + start,
                                          "the expanded disk", error);
            if (code < 0)
                return code;
            atomic_fetch_add(&extraction->written, stop - start);
        }
        if (is_hole)
            start = end + length;
    }
    return 0;
}

/* Shares the data with the image, on filesystems that can. */
static bool clone_data(struct extraction *extraction, const struct sdme_qcow2_extent *extent)
{
    const struct sdme_qcow2_extract *options = extraction->options;
    struct file_clone_range range = {
        .src_fd = extent->image->fd,
        .src_offset = extent->host,
        .src_length = extent->length,
        .dest_offset = extent->offset - options->offset + options->output_offset,
    };

    if (extent->kind != SDME_QCOW2_DATA || atomic_load(&extraction->no_clone) ||
        (range.src_offset | range.src_length | range.dest_offset) % BLOCK != 0)
        return false;
    if (ioctl(options->output, FICLONERANGE, &range) < 0) {
        atomic_store(&extraction->no_clone, true);
        return false;
    }
    atomic_fetch_add(&extraction->written, extent->length);
    return true;
}

/* How many of the extents have no hole between them, and how many bytes that is. */
static size_t count_contiguous(const struct sdme_qcow2_extent *extents, size_t count,
                               size_t *ret_size)
{
    uint64_t end = extents->offset + extents->length;
    size_t i = 1;

    for (; i < count && extents[i].offset == end; i++)
        end += extents[i].length;
    *ret_size = (size_t) (end - extents->offset);
    return i;
}

static int expand_batch(const struct batch *batch, struct worker *worker, struct sdme_error *error)
{
    struct extraction *extraction = batch->extraction;
    size_t count, size;

    for (size_t i = 0; i < batch->count; i += count) {
        const struct sdme_qcow2_extent *extents = &batch->extents[i];

        if (sdme_cancelled(extraction->options->cancel))
            return sdme_fail(error, ECANCELED, "expand %s", extraction->image->name);
        if (clone_data(extraction, extents)) {
            count = 1;
            continue;
        }
        count = count_contiguous(extents, batch->count - i, &size);
        int code = sdme_qcow2_reader_fill(worker->reader, extents, count, worker->buffer, error);
        if (code == 0)
            code = write_sparse(extraction, worker->buffer, size, extents->offset, error);
        if (code < 0)
            return code;
    }
    return 0;
}

static void tell_progress(const struct batch *batch)
{
    struct sdme_qcow2_progress *progress = batch->extraction->options->progress;

    if (progress)
        atomic_fetch_add(&progress->done, batch->end - batch->start);
}

/* A sdme_pool_work. */
static int work(void *item, bool failed, struct sdme_error *error)
{
    _cleanup_free_ struct batch *batch = item;
    struct extraction *extraction = batch->extraction;
    struct worker *worker = NULL;

    if (failed)
        return 0;
    int code = take_worker(extraction, &worker, error);
    if (code < 0)
        return code;
    code = expand_batch(batch, worker, error);
    give_worker(extraction, worker);
    if (code == 0)
        tell_progress(batch);
    return code;
}

/* The extents from @offset up to the next multiple of the batch's size, or a little behind it if
 * that is a hole. */
static int fill_batch(struct extraction *extraction, struct sdme_qcow2_cursor *cursor,
                      uint64_t offset, struct batch *batch, struct sdme_error *error)
{
    uint64_t size = extraction->batch_size, stop = (offset / size + 1) * size;
    uint64_t end = extraction->options->offset + extraction->options->size;
    struct sdme_qcow2_extent *extent;

    batch->extraction = extraction;
    batch->start = offset;
    batch->count = 0;
    for (; offset < stop && offset < end && batch->count < EXTENTS_MAX; offset += extent->length) {
        extent = &batch->extents[batch->count];
        int code = sdme_qcow2_map(cursor, offset, end - offset, extent, error);
        if (code < 0)
            return code;
        if (extent->kind == SDME_QCOW2_ZERO)
            continue;
        if (extent->length > stop - offset)
            extent->length = stop - offset;
        batch->count++;
    }
    batch->end = offset;
    return 0;
}

/* Gives out the work in batches, and does its part of it. */
static int give_batches(struct extraction *extraction, struct sdme_qcow2_cursor *cursor,
                        struct sdme_pool *pool, struct sdme_error *error)
{
    uint64_t end = extraction->options->offset + extraction->options->size;
    int code = 0;

    for (uint64_t offset = extraction->options->offset; offset < end && code == 0;) {
        if (sdme_cancelled(extraction->options->cancel))
            return sdme_fail(error, ECANCELED, "expand %s", extraction->image->name);
        struct batch *batch = malloc(sizeof *batch);
        if (!batch)
            return sdme_fail(error, ENOMEM, "expand %s", extraction->image->name);
        code = fill_batch(extraction, cursor, offset, batch, error);
        if (code < 0) {
            free(batch);
            return code;
        }
        offset = batch->end;
        if (batch->count == 0) {
            tell_progress(batch);
            free(batch);
            continue;
        }
        struct batch *fitting =
            realloc(batch, offsetof(struct batch, extents) + batch->count * sizeof *batch->extents);
        code = sdme_pool_give(pool, fitting ? fitting : batch, error);
    }
    return code;
}

static int expand(struct extraction *extraction, struct sdme_error *error)
{
    unsigned int threads = extraction->options->threads;
    struct sdme_qcow2_cursor *cursor = NULL;
    struct sdme_pool *pool = NULL;

    int code = sdme_qcow2_cursor_new(extraction->image, &cursor, error);
    if (code == 0)
        code = sdme_pool_start(threads ? threads : sdme_pool_threads(), work, &pool, error);
    if (code == 0) {
        code = give_batches(extraction, cursor, pool, error);
        int finished = sdme_pool_finish(pool, code < 0, error);
        code = code < 0 ? code : finished;
    }
    sdme_qcow2_cursor_free(cursor);
    for (size_t i = 0; i < extraction->idle_count; i++)
        free_worker(extraction->idle[i]);
    return code;
}

/* The part of the output that is written to has no data, which holes would leave as it is. */
static int check_output(const struct sdme_qcow2_extract *options, uint64_t size, const char *name,
                        struct sdme_error *error)
{
    off_t before = lseek(options->output, 0, SEEK_CUR), data = -1;

    if (fcntl(options->output, F_GETFL) & O_APPEND)
        return sdme_fail_as(error, EINVAL, "expand %s: the output is only appended to", name);
    if (options->output_offset < size) {
        data = lseek(options->output, (off_t) options->output_offset, SEEK_DATA);
        if (data < 0 && errno != ENXIO)
            return sdme_fail(error, errno, "expand %s: look for data in the output", name);
        lseek(options->output, before, SEEK_SET);
    }
    if (data >= 0 && (uint64_t) data < options->output_offset + options->size)
        return sdme_fail_as(error, EEXIST,
                            "expand %s: the output has data already, at offset 0x%" PRIx64, name,
                            (uint64_t) data);
    return 0;
}

static int check_options(const struct sdme_qcow2 *image, const struct sdme_qcow2_extract *options,
                         struct stat *ret_status, struct sdme_error *error)
{
    uint64_t size = image->info.size;

    if (options->offset > size || options->size > size - options->offset)
        return sdme_fail_as(error, EINVAL,
                            "expand %s: %" PRIu64 " bytes at offset %" PRIu64
                            " are not in a disk of %" PRIu64 " bytes",
                            image->name, options->size, options->offset, size);
    if (options->output_offset > INT64_MAX - options->size)
        return sdme_fail(error, EFBIG, "expand %s", image->name);
    if (fstat(options->output, ret_status) < 0)
        return sdme_fail(error, errno, "expand %s: stat the output", image->name);
    if (!S_ISREG(ret_status->st_mode))
        return sdme_fail_as(error, EINVAL, "expand %s: the output is no regular file", image->name);
    return check_output(options, (uint64_t) ret_status->st_size, image->name, error);
}

static void take_back(const struct sdme_qcow2_extract *options, off_t size)
{
    if (ftruncate(options->output, size) < 0)
        return;
    if ((uint64_t) size > options->output_offset)
        fallocate(options->output, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t) options->output_offset, (off_t) options->size);
}

static size_t batch_size(const struct sdme_qcow2 *image)
{
    size_t size = BATCH_MIN;

    for (; image; image = image->backing)
        if (image->info.cluster_size > size)
            size = image->info.cluster_size;
    return size;
}

int sdme_qcow2_extract(struct sdme_qcow2 *image, const struct sdme_qcow2_extract *options,
                       struct sdme_qcow2_extracted *ret_extracted, struct sdme_error *error)
{
    struct extraction extraction = {.image = image, .options = options};
    struct stat before;

    int code = check_options(image, options, &before, error);
    if (code < 0)
        return code;
    off_t end = (off_t) (options->output_offset + options->size);
    if (end > before.st_size && ftruncate(options->output, end) < 0)
        return sdme_fail(error, errno, "expand %s: make room for %" PRIu64 " bytes", image->name,
                         (uint64_t) end);
    extraction.batch_size = batch_size(image);
    pthread_mutex_init(&extraction.mutex, NULL);
    if (options->progress)
        atomic_store(&options->progress->total, options->size);
    code = expand(&extraction, error);
    pthread_mutex_destroy(&extraction.mutex);
    if (code < 0) {
        take_back(options, before.st_size);
        return code;
    }
    *ret_extracted = (struct sdme_qcow2_extracted){
        .written = extraction.written,
        .holes = options->size - extraction.written,
    };
    return 0;
}
