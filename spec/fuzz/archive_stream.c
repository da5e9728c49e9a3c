/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "runtime/archive_source.h"

enum { OUTPUT_MAX = 1 << 20, PIECE = 4096 };

/* What comes out of the bytes: how much, its sum, and whether they were sound. */
struct output {
    int code;
    size_t size;
    uint32_t sum;
};

static struct output decode(const struct sdme_archive_decoder *decoder, const uint8_t *data,
                            size_t size, size_t piece)
{
    struct sdme_archive_source source = {.at = data, .left = size, .read = size, .fd = -1};
    unsigned char buffer[PIECE];
    struct output output = {0};
    size_t count = 1;
    void *state;

    MUST(decoder->make(&state, NULL) == 0);
    while (output.code == 0 && count > 0 && output.size < OUTPUT_MAX) {
        count = 0;
        output.code = decoder->read(state, &source, buffer, piece, &count, NULL);
        MUST(count <= piece && source.left <= size);
        for (size_t i = 0; i < count; i++)
            output.sum = output.sum * 31 + buffer[i];
        output.size += count;
    }
    decoder->free(state);
    return output;
}

/* The size of the pieces that are asked for makes no difference, nor does the library. */
static void compare(const struct sdme_archive_decoder *first,
                    const struct sdme_archive_decoder *second, const uint8_t *data, size_t size)
{
    struct output whole = decode(first, data, size, PIECE);
    struct output parts = decode(second, data, size, 512);

    if (whole.size >= OUTPUT_MAX || parts.size >= OUTPUT_MAX)
        return;
    MUST((whole.code < 0) == (parts.code < 0));
    if (whole.code == 0)
        MUST(whole.size == parts.size && whole.sum == parts.sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compare(&sdme_archive_gzip, &sdme_archive_gzip, data, size);
    compare(&sdme_archive_zstd, &sdme_archive_zstd, data, size);
    decode(&sdme_archive_zlib, data, size, PIECE);
    return 0;
}
