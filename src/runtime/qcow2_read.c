/* SPDX-License-Identifier: MIT */
#include "file.h"
#include "qcow2_codec.h"
#include "qcow2_image.h"

enum {
    /* Compressed clusters are read together if that is at least so many bytes at a time. */
    WINDOW_MIN = 512 * 1024,
    GAP_MAX = 64 * 1024, /* bytes read for nothing between them */
};

struct sdme_qcow2_reader {
    /* By enum sdme_qcow2_compression; the images of a chain may differ. */
    struct sdme_qcow2_codec *decoders[2];

    /* A stretch of a file that has compressed clusters. */
    const struct sdme_qcow2 *window_image;
    uint64_t window_start;
    size_t window_count;
    size_t window_size;
    unsigned char *window;

    /* The last cluster of which only a part was wanted: often its next part is wanted next. */
    struct sdme_qcow2_extent cluster_source;
    unsigned char *cluster;
};

static uint32_t largest_cluster(const struct sdme_qcow2 *image)
{
    uint32_t largest = 0;

    for (; image; image = image->backing)
        if (image->info.cluster_size > largest)
            largest = image->info.cluster_size;
    return largest;
}

/* The largest number of sectors that an entry can state makes two clusters. */
int sdme_qcow2_reader_new(const struct sdme_qcow2 *image, struct sdme_qcow2_reader **ret_reader,
                          struct sdme_error *error)
{
    struct sdme_qcow2_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return sdme_fail(error, ENOMEM, "read %s", image->name);
    reader->window_size = 2 * (size_t) largest_cluster(image);
    if (reader->window_size < WINDOW_MIN)
        reader->window_size = WINDOW_MIN;
    *ret_reader = reader;
    return 0;
}

void sdme_qcow2_reader_free(struct sdme_qcow2_reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < ELEMENTS(reader->decoders); i++)
        sdme_qcow2_codec_free(reader->decoders[i]);
    free(reader->window);
    free(reader->cluster);
    free(reader);
}

static int allocate(unsigned char **buffer, size_t size, const struct sdme_qcow2 *image,
                    struct sdme_error *error)
{
    if (!*buffer)
        *buffer = malloc(size);
    return *buffer ? 0 : sdme_fail(error, ENOMEM, "read %s", image->name);
}

static bool is_in_window(const struct sdme_qcow2_reader *reader,
                         const struct sdme_qcow2_extent *extent)
{
    return reader->window_image == extent->image && extent->host >= reader->window_start &&
           extent->host + extent->size <= reader->window_start + reader->window_count;
}

/*
 * Reads what the first extent needs, and with it what those behind it need as long as that lies
 * close together, in whatever order: writers with several threads mix them up.
 */
static int load_window(struct sdme_qcow2_reader *reader, const struct sdme_qcow2_extent *extents,
                       size_t count, struct sdme_error *error)
{
    const struct sdme_qcow2 *image = extents->image;
    uint64_t start = extents->host, end = start + extents->size, wanted = extents->size;

    for (size_t i = 1; i < count; i++) {
        const struct sdme_qcow2_extent *extent = &extents[i];
        uint64_t extent_end = extent->host + extent->size;

        if (extent->kind != SDME_QCOW2_COMPRESSED || extent->image != image)
            break;
        uint64_t low = extent->host < start ? extent->host : start;
        uint64_t high = extent_end > end ? extent_end : end;
        wanted += extent->size;
        if (high - low > reader->window_size || high - low > wanted + GAP_MAX)
            break;
        start = low;
        end = high;
    }
    int code = allocate(&reader->window, reader->window_size, image, error);
    if (code < 0)
        return code;
    reader->window_image = NULL;
    code = sdme_qcow2_read_file(image, start, reader->window, end - start, "compressed clusters",
                                error);
    if (code < 0)
        return code;
    reader->window_image = image;
    reader->window_start = start;
    reader->window_count = end - start;
    return 0;
}

static int get_decoder(struct sdme_qcow2_reader *reader, const struct sdme_qcow2 *image,
                       struct sdme_qcow2_codec **ret_codec, struct sdme_error *error)
{
    struct sdme_qcow2_codec **codec = &reader->decoders[image->info.compression];

    if (!*codec) {
        int code = sdme_qcow2_decoder_new(image->info.compression, codec, error);
        if (code < 0)
            return sdme_fail_in(error, code, "%s", image->name);
    }
    *ret_codec = *codec;
    return 0;
}

/* Expands the cluster that the first extent is a part of. */
static int expand(struct sdme_qcow2_reader *reader, const struct sdme_qcow2_extent *extents,
                  size_t count, void *buffer, struct sdme_error *error)
{
    const struct sdme_qcow2 *image = extents->image;
    struct sdme_qcow2_codec *codec = NULL;

    int code = get_decoder(reader, image, &codec, error);
    if (code == 0 && !is_in_window(reader, extents))
        code = load_window(reader, extents, count, error);
    if (code < 0)
        return code;
    const unsigned char *data = reader->window + (extents->host - reader->window_start);
    const char *wrong =
        sdme_qcow2_decode(codec, data, extents->size, buffer, image->info.cluster_size);
    if (wrong)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "%s: compressed cluster at offset 0x%" PRIx64 ", of the disk 0x%" PRIx64
                            ": %s",
                            image->name, extents->host, extents->offset - extents->skip, wrong);
    return 0;
}

static bool is_same_cluster(const struct sdme_qcow2_extent *a, const struct sdme_qcow2_extent *b)
{
    return a->image == b->image && a->host == b->host && a->size == b->size;
}

static int read_compressed(struct sdme_qcow2_reader *reader,
                           const struct sdme_qcow2_extent *extents, size_t count, void *buffer,
                           struct sdme_error *error)
{
    const struct sdme_qcow2 *image = extents->image;

    if (extents->length == image->info.cluster_size)
        return expand(reader, extents, count, buffer, error);
    if (!is_same_cluster(&reader->cluster_source, extents)) {
        reader->cluster_source.image = NULL;
        int code = allocate(&reader->cluster, reader->window_size / 2, image, error);
        if (code == 0)
            code = expand(reader, extents, count, reader->cluster, error);
        if (code < 0)
            return code;
        reader->cluster_source = *extents;
    }
    memcpy(buffer, reader->cluster + extents->skip, extents->length);
    return 0;
}

int sdme_qcow2_reader_fill(struct sdme_qcow2_reader *reader,
                           const struct sdme_qcow2_extent *extents, size_t count, void *buffer,
                           struct sdme_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct sdme_qcow2_extent *extent = &extents[i];
        unsigned char *to = (unsigned char *) buffer + (extent->offset - extents->offset);
        int code = 0;

        if (extent->kind == SDME_QCOW2_ZERO)
            memset(to, 0, extent->length);
        else if (extent->kind == SDME_QCOW2_DATA)
            code = sdme_qcow2_read_file(extent->image, extent->host, to, extent->length, "data",
                                        error);
        else
            code = read_compressed(reader, extent, count - i, to, error);
        if (code < 0)
            return code;
    }
    return 0;
}

static void free_cursor(struct sdme_qcow2_cursor **cursor)
{
    sdme_qcow2_cursor_free(*cursor);
}

int sdme_qcow2_read(struct sdme_qcow2 *image, uint64_t offset, void *buffer, size_t size,
                    size_t *ret_size, struct sdme_error *error)
{
    _cleanup_(free_cursor) struct sdme_qcow2_cursor *cursor = NULL;
    struct sdme_qcow2_extent extent;
    uint64_t rest = offset < image->info.size ? image->info.size - offset : 0;

    if (size > rest)
        size = rest;
    int code = sdme_qcow2_cursor_new(image, &cursor, error);
    if (code == 0 && !image->reader)
        code = sdme_qcow2_reader_new(image, &image->reader, error);
    if (code < 0)
        return code;
    for (size_t done = 0; done < size; done += extent.length) {
        code = sdme_qcow2_map(cursor, offset + done, size - done, &extent, error);
        if (code == 0)
            code = sdme_qcow2_reader_fill(image->reader, &extent, 1, (char *) buffer + done, error);
        if (code < 0)
            return code;
    }
    *ret_size = size;
    return 0;
}
