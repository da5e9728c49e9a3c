/* SPDX-License-Identifier: MIT */
#include "qcow2_codec.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include "library.h"

enum {
    WINDOW_BITS = 12, /* what QEMU expands with: 4 KiB */
    MEMORY_LEVEL = 9,
    ZLIB_LEVEL = 6,
};

/* Expands twice as fast as zlib, but can't be told the window to compress with. */
#define DEFLATE_FUNCTIONS(X)                                                                       \
    X(libdeflate_alloc_decompressor)                                                               \
    X(libdeflate_free_decompressor)                                                                \
    X(libdeflate_deflate_decompress_ex)

#define ZLIB_FUNCTIONS(X) X(deflateInit2_) X(deflateReset) X(deflate) X(deflateEnd)

#define ZSTD_FUNCTIONS(X)                                                                          \
    X(ZSTD_createDCtx)                                                                             \
    X(ZSTD_freeDCtx)                                                                               \
    X(ZSTD_decompressDCtx)                                                                         \
    X(ZSTD_findFrameCompressedSize)                                                                \
    X(ZSTD_createCCtx)                                                                             \
    X(ZSTD_freeCCtx)                                                                               \
    X(ZSTD_compressCCtx)                                                                           \
    X(ZSTD_isError)                                                                                \
    X(ZSTD_getErrorName)                                                                           \
    X(ZSTD_maxCLevel)

struct deflate {
    DEFLATE_FUNCTIONS(SDME_LIBRARY_MEMBER)
};

struct zlib {
    ZLIB_FUNCTIONS(SDME_LIBRARY_MEMBER)
};

struct zstd {
    ZSTD_FUNCTIONS(SDME_LIBRARY_MEMBER)
};

static const char *const deflate_names[] = {DEFLATE_FUNCTIONS(SDME_LIBRARY_NAME) NULL};
static const char *const zlib_names[] = {ZLIB_FUNCTIONS(SDME_LIBRARY_NAME) NULL};
static const char *const zstd_names[] = {ZSTD_FUNCTIONS(SDME_LIBRARY_NAME) NULL};

struct sdme_qcow2_codec {
    struct deflate deflate;
    struct zlib zlib;
    struct zstd zstd;
    struct libdeflate_decompressor *inflater;
    z_stream *deflater;
    ZSTD_DCtx *expander;
    ZSTD_CCtx *compressor;
    int level;
};

void sdme_qcow2_codec_free(struct sdme_qcow2_codec *codec)
{
    if (!codec)
        return;
    if (codec->inflater)
        codec->deflate.libdeflate_free_decompressor(codec->inflater);
    if (codec->deflater)
        codec->zlib.deflateEnd(codec->deflater);
    if (codec->expander)
        codec->zstd.ZSTD_freeDCtx(codec->expander);
    if (codec->compressor)
        codec->zstd.ZSTD_freeCCtx(codec->compressor);
    free(codec->deflater);
    free(codec);
}

static void freep(struct sdme_qcow2_codec **codec)
{
    sdme_qcow2_codec_free(*codec);
}

static int no_memory(struct sdme_error *error)
{
    return sdme_fail(error, ENOMEM, "prepare for compressed clusters");
}

int sdme_qcow2_decoder_new(enum sdme_qcow2_compression compression,
                           struct sdme_qcow2_codec **ret_codec, struct sdme_error *error)
{
    _cleanup_(freep) struct sdme_qcow2_codec *codec = calloc(1, sizeof *codec);

    if (!codec)
        return no_memory(error);
    if (compression == SDME_QCOW2_ZSTD) {
        int code = sdme_library_load("libzstd.so.1", zstd_names, &codec->zstd, error);
        if (code < 0)
            return code;
        codec->expander = codec->zstd.ZSTD_createDCtx();
    } else {
        int code = sdme_library_load("libdeflate.so.0", deflate_names, &codec->deflate, error);
        if (code < 0)
            return code;
        codec->inflater = codec->deflate.libdeflate_alloc_decompressor();
    }
    if (!codec->expander && !codec->inflater)
        return no_memory(error);
    *ret_codec = SDME_TAKE(codec);
    return 0;
}

static int bad_level(int level, int max, struct sdme_error *error)
{
    return sdme_fail_as(error, EINVAL, "compression level %d: 1 to %d expected", level, max);
}

static int start_zlib(struct sdme_qcow2_codec *codec, int level, struct sdme_error *error)
{
    if (level < 0 || level > Z_BEST_COMPRESSION)
        return bad_level(level, Z_BEST_COMPRESSION, error);
    int code = sdme_library_load("libz.so.1", zlib_names, &codec->zlib, error);
    if (code < 0)
        return code;
    z_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return no_memory(error);
    if (codec->zlib.deflateInit2_(stream, level ? level : ZLIB_LEVEL, Z_DEFLATED, -WINDOW_BITS,
                                  MEMORY_LEVEL, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                                  (int) sizeof *stream) != Z_OK) {
        free(stream);
        return no_memory(error);
    }
    codec->deflater = stream;
    return 0;
}

static int start_zstd(struct sdme_qcow2_codec *codec, int level, struct sdme_error *error)
{
    int code = sdme_library_load("libzstd.so.1", zstd_names, &codec->zstd, error);
    if (code < 0)
        return code;
    if (level < 0 || level > codec->zstd.ZSTD_maxCLevel())
        return bad_level(level, codec->zstd.ZSTD_maxCLevel(), error);
    codec->level = level; /* 0 is zstd's word for its default, too */
    codec->compressor = codec->zstd.ZSTD_createCCtx();
    return codec->compressor ? 0 : no_memory(error);
}

int sdme_qcow2_encoder_new(enum sdme_qcow2_compression compression, int level,
                           struct sdme_qcow2_codec **ret_codec, struct sdme_error *error)
{
    _cleanup_(freep) struct sdme_qcow2_codec *codec = calloc(1, sizeof *codec);

    if (!codec)
        return no_memory(error);
    int code = compression == SDME_QCOW2_ZSTD ? start_zstd(codec, level, error)
                                              : start_zlib(codec, level, error);
    if (code < 0)
        return code;
    *ret_codec = SDME_TAKE(codec);
    return 0;
}

static const char *expand_deflate(struct sdme_qcow2_codec *codec, const void *data,
                                  size_t data_size, void *buffer, size_t size)
{
    size_t used, count = 0;

    switch (codec->deflate.libdeflate_deflate_decompress_ex(codec->inflater, data, data_size,
                                                            buffer, size, &used, &count)) {
    case LIBDEFLATE_SUCCESS:
        return count < size ? "it expands to less than a cluster" : NULL;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return "it expands to more than a cluster";
    default:
        return "no deflate stream, or one that is cut off";
    }
}

/* One frame is what everybody writes, but the format allows for more. */
static const char *expand_zstd(struct sdme_qcow2_codec *codec, const char *data, size_t data_size,
                               char *buffer, size_t size)
{
    const struct zstd *zstd = &codec->zstd;

    while (size > 0) {
        if (data_size == 0)
            return "it expands to less than a cluster";
        size_t frame = zstd->ZSTD_findFrameCompressedSize(data, data_size);
        if (zstd->ZSTD_isError(frame))
            return zstd->ZSTD_getErrorName(frame);
        size_t count = zstd->ZSTD_decompressDCtx(codec->expander, buffer, size, data, frame);
        if (zstd->ZSTD_isError(count))
            return zstd->ZSTD_getErrorName(count);
        data += frame;
        data_size -= frame;
        buffer += count;
        size -= count;
    }
    return NULL;
}

const char *sdme_qcow2_decode(struct sdme_qcow2_codec *codec, const void *data, size_t data_size,
                              void *buffer, size_t size)
{
    return codec->expander ? expand_zstd(codec, data, data_size, buffer, size)
                           : expand_deflate(codec, data, data_size, buffer, size);
}

static size_t shrink_deflate(struct sdme_qcow2_codec *codec, const void *data, size_t size,
                             void *buffer)
{
    z_stream *stream = codec->deflater;

    if (codec->zlib.deflateReset(stream) != Z_OK)
        return 0;
    stream->next_in = (Bytef *) (uintptr_t) data;
    stream->avail_in = (uInt) size;
    stream->next_out = buffer;
    stream->avail_out = (uInt) (size - 1);
    return codec->zlib.deflate(stream, Z_FINISH) == Z_STREAM_END ? stream->total_out : 0;
}

size_t sdme_qcow2_encode(struct sdme_qcow2_codec *codec, const void *data, size_t size,
                         void *buffer)
{
    if (!codec->compressor)
        return shrink_deflate(codec, data, size, buffer);
    size_t count = codec->zstd.ZSTD_compressCCtx(codec->compressor, buffer, size - 1, data, size,
                                                 codec->level);
    return codec->zstd.ZSTD_isError(count) ? 0 : count;
}
